/* lightcurve/lines.h - a stream as lines, and a line as cells. */
#ifndef SL_LIGHTCURVE_LINES_H
#define SL_LIGHTCURVE_LINES_H

#include "base/stream.h"
#include "starling/base.h"

enum { SL_LINE_MAX = 1 << 20, SL_MAX_CELLS = 256 };

typedef struct sl_lines {
    sl_stream *stream;
    char *buf;
    size_t size, start, end; /* of buf; the bytes not yet given out */
    uint64_t number;         /* of the line last given out, from 1 */
    bool ended;
} sl_lines;

/* Borrows stream. */
void sl_lines_init(sl_lines *lines, sl_stream *stream);
void sl_lines_release(sl_lines *lines);

/*
 * The next line without its end, NUL-terminated and free to be written to,
 * until the next call. SL_DONE at the end; SL_ERR_FORMAT/TOO_LARGE for a line
 * over SL_LINE_MAX, which is stepped over.
 */
sl_status sl_lines_next(sl_lines *lines, char **line, size_t *len, sl_error *err);

typedef struct sl_cell {
    char *ptr; /* NUL-terminated */
    size_t len;
} sl_cell;

/*
 * Split a line in place (RFC 4180, but a quoted cell ends with its line, so
 * that a stray quote costs one row and not the file). Blanks around cells are
 * cut off. Cells beyond SL_MAX_CELLS are dropped. SL_ERR_FORMAT/BAD_TABLE for
 * broken quoting.
 */
sl_status sl_cells_split(char *line, size_t len, char separator, sl_cell cells[SL_MAX_CELLS], size_t *n, sl_error *err);

#endif
