#include "lightcurve/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { FIRST_SIZE = 64 * 1024 };

void sl_lines_init(sl_lines *lines, sl_stream *stream)
{
    *lines = (sl_lines){.stream = stream};
}

void sl_lines_release(sl_lines *lines)
{
    free(lines->buf);
    lines->buf = NULL;
}

/* Read more behind what is there. SL_DONE: the line is as long as it may be. */
static sl_status fill(sl_lines *l, sl_error *err)
{
    if (l->start > 0) {
        memmove(l->buf, l->buf + l->start, l->end - l->start);
        l->end -= l->start;
        l->start = 0;
    }
    if (l->end == l->size) {
        if (l->size >= SL_LINE_MAX) return SL_DONE;
        const size_t size = l->size == 0 ? FIRST_SIZE : 2 * l->size;
        char *more = realloc(l->buf, size + 1); /* a terminator always fits */
        if (more == NULL) return SL_FAIL_NOMEM(err);
        l->buf = more;
        l->size = size;
    }
    const ptrdiff_t got = sl_stream_read(l->stream, l->buf + l->end, l->size - l->end, err);
    if (got < 0) return (sl_status)got;
    l->ended = got == 0;
    l->end += (size_t)got;
    return SL_OK;
}

/* Step over the rest of a line that is too long. */
static sl_status skip(sl_lines *l, sl_error *err)
{
    while (!l->ended) {
        l->start = l->end = 0;
        SL_TRY(fill(l, err));
        const char *newline = memchr(l->buf, '\n', l->end);
        if (newline != NULL) {
            l->start = (size_t)(newline - l->buf) + 1;
            break;
        }
    }
    if (l->ended) l->start = l->end;
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "line %llu is longer than %d bytes",
                   (unsigned long long)l->number, SL_LINE_MAX);
}

sl_status sl_lines_next(sl_lines *l, char **line, size_t *len, sl_error *err)
{
    size_t scanned = 0;
    char *newline = NULL;
    for (;;) {
        const size_t have = l->end - l->start;
        if (have > scanned) newline = memchr(l->buf + l->start + scanned, '\n', have - scanned);
        if (newline != NULL || l->ended) break;
        scanned = have;
        const sl_status status = fill(l, err);
        if (status < 0) return status;
        if (status == SL_DONE) {
            l->number++;
            return skip(l, err);
        }
    }
    if (newline == NULL && l->start == l->end) return SL_DONE;
    *line = l->buf + l->start;
    *len = newline != NULL ? (size_t)(newline - *line) : l->end - l->start;
    l->start += *len + (newline != NULL);
    if (*len > 0 && (*line)[*len - 1] == '\r') --*len;
    (*line)[*len] = '\0';
    l->number++;
    return SL_OK;
}

static bool is_blank(char c, char separator)
{
    return (c == ' ' || c == '\t') && c != separator;
}

/* A quoted cell from its quote on; gives its content and the place behind. NULL where it does not end. */
static char *quoted_cell(char *p, char *end, sl_cell *cell)
{
    char *to = ++p;
    cell->ptr = p;
    for (; p < end; p++) {
        if (*p == '"') {
            if (p + 1 == end || p[1] != '"') break;
            p++;
        }
        *to++ = *p;
    }
    if (p == end) return NULL;
    cell->len = (size_t)(to - cell->ptr);
    return p + 1;
}

sl_status sl_cells_split(char *line, size_t len, char separator, sl_cell cells[SL_MAX_CELLS], size_t *n, sl_error *err)
{
    char *p = line, *end = line + len;
    *n = 0;
    while (*n < SL_MAX_CELLS) {
        sl_cell cell;
        while (p < end && is_blank(*p, separator)) p++;
        if (p < end && *p == '"') {
            p = quoted_cell(p, end, &cell);
            while (p != NULL && p < end && is_blank(*p, separator)) p++;
            if (p == NULL || (p < end && *p != separator)) {
                return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "cell %zu: a quote does not close", *n + 1);
            }
        } else {
            cell.ptr = p;
            char *stop = memchr(p, separator, (size_t)(end - p));
            p = stop != NULL ? stop : end;
            cell.len = (size_t)(p - cell.ptr);
            while (cell.len > 0 && is_blank(cell.ptr[cell.len - 1], separator)) cell.len--;
        }
        const bool last = p == end;
        cell.ptr[cell.len] = '\0'; /* on the separator, a quote, a blank or the line's own end */
        cells[(*n)++] = cell;
        if (last) break;
        p++;
    }
    return SL_OK;
}
