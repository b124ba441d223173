#include "ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

static int compare(const void *a, const void *b)
{
    const sl_str *x = a, *y = b;
    const int order = memcmp(x->ptr, y->ptr, x->len < y->len ? x->len : y->len);
    if (order != 0 || x->len == y->len) return order;
    return x->len < y->len ? -1 : 1;
}

static bool is_header(sl_str id)
{
    static const char *const names[] = {"object_id", "objectId", "id"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (id.len == strlen(names[i]) && memcmp(id.ptr, names[i], id.len) == 0) return true;
    }
    return false;
}

/* The first cell of each line, without blanks and quotes around it. */
static void cut_lines(ids *list, size_t n)
{
    for (size_t at = 0, next; at < n; at = next) {
        size_t start = at, stop = at;
        while (stop < n && memchr(",;\t\r\n", list->text[stop], 5) == NULL) stop++;
        for (next = stop; next < n && list->text[next] != '\n';) next++;
        next++;
        while (start < stop && memchr(" \"'", list->text[start], 3) != NULL) start++;
        while (stop > start && memchr(" \"'", list->text[stop - 1], 3) != NULL) stop--;
        const sl_str id = {list->text + start, stop - start};
        if (id.len > 0 && id.ptr[0] != '#' && !(list->n == 0 && is_header(id))) list->sorted[list->n++] = id;
    }
    qsort(list->sorted, list->n, sizeof *list->sorted, compare);
}

int ids_read(const char *command, const char *path, ids *out)
{
    enum { MOST = 1 << 28 };
    size_t n, lines = 1;
    *out = (ids){.text = (char *)read_in(command, path, MOST, &n)};
    if (out->text == NULL) return EXIT_IO;
    for (size_t i = 0; i < n; i++) lines += out->text[i] == '\n';
    out->sorted = malloc(lines * sizeof *out->sorted);
    if (out->sorted == NULL) {
        ids_release(out);
        fprintf(stderr, "starling %s: out of memory\n", command);
        return EXIT_INTERNAL;
    }
    cut_lines(out, n);
    return EXIT_WELL;
}

bool ids_has(const ids *list, sl_str id)
{
    return list->n > 0 && bsearch(&id, list->sorted, list->n, sizeof *list->sorted, compare) != NULL;
}

void ids_release(ids *list)
{
    free(list->text);
    free(list->sorted);
    *list = (ids){0};
}

int ids_choose(const char *command, const char *exclude, const char *only, const sl_dataset *data, bool **leave_out)
{
    ids without = {0}, with = {0};
    *leave_out = NULL;
    if (exclude == NULL && only == NULL) return EXIT_WELL;
    int code = exclude != NULL ? ids_read(command, exclude, &without) : EXIT_WELL;
    if (code == EXIT_WELL && only != NULL) code = ids_read(command, only, &with);
    if (code == EXIT_WELL) *leave_out = calloc(sl_dataset_objects(data) + 1, sizeof **leave_out);
    if (code == EXIT_WELL && *leave_out == NULL) code = EXIT_INTERNAL;
    for (size_t i = 0; code == EXIT_WELL && i < sl_dataset_rows(data); i++) {
        sl_dataset_row row;
        sl_dataset_get(data, i, &row);
        (*leave_out)[row.object] = ids_has(&without, row.object_id) || (only != NULL && !ids_has(&with, row.object_id));
    }
    ids_release(&without);
    ids_release(&with);
    return code;
}
