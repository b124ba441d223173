/* A table of objects and what is known about them. */
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "lightcurve/columns.h"
#include "lightcurve/number.h"
#include "starling/prepare.h"

/* A name of a column and how good it is: of several that a table has, the best counts. */
typedef struct wanted {
    const char *name;
    int worth;
} wanted;

enum { OBJECT, LABEL, REDSHIFT, REDSHIFT_ERROR, N_COLUMNS };

static const wanted labels_columns[] = {{"target", 4}, {"type", 3}, {"class", 2}, {"label", 1}, {NULL, 0}};
static const wanted redshift_columns[] = {{"hostgal_photoz", 3}, {"photoz", 2}, {"redshift", 1}, {NULL, 0}};
static const wanted error_columns[] = {
    {"hostgal_photoz_err", 4}, {"photoz_err", 3}, {"redshift_err", 2}, {"redshift_error", 1}, {NULL, 0}};

struct sl_labels {
    sl_arena arena;
    sl_label *labels; /* sorted by object_id; owns */
    size_t n, capacity;
};

static const size_t max_bytes = (size_t)4 << 30;

static int find_best(const sl_cell *cells, size_t n, const wanted *names)
{
    int at = -1, worth = 0;
    for (size_t i = 0; i < n; i++) {
        for (const wanted *w = names; w->name != NULL; w++) {
            if (w->worth > worth && strcasecmp(w->name, cells[i].ptr) == 0) {
                at = (int)i;
                worth = w->worth;
            }
        }
    }
    return at;
}

static sl_status find_columns(const sl_cell *cells, size_t n, int at[N_COLUMNS], sl_error *err)
{
    sl_columns known;
    (void)sl_columns_find(cells, n, &known);
    at[OBJECT] = known.at[SL_ROLE_OBJECT];
    at[LABEL] = find_best(cells, n, labels_columns);
    at[REDSHIFT] = find_best(cells, n, redshift_columns);
    at[REDSHIFT_ERROR] = find_best(cells, n, error_columns);
    if (at[OBJECT] >= 0) return SL_OK;
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "no column for the object (object_id, name, snid, ...)");
}

static sl_status keep(sl_labels *l, const sl_label *label, sl_error *err)
{
    if (l->n == l->capacity) {
        const size_t capacity = l->capacity > 0 ? 2 * l->capacity : 256;
        sl_label *more = realloc(l->labels, capacity * sizeof *more);
        if (more == NULL) return SL_FAIL_NOMEM(err);
        l->labels = more;
        l->capacity = capacity;
    }
    sl_label *to = &l->labels[l->n];
    *to = *label;
    to->object_id.ptr = sl_arena_text(&l->arena, label->object_id.ptr, label->object_id.len);
    to->text.ptr = sl_arena_text(&l->arena, label->text.ptr, label->text.len);
    if (to->object_id.ptr == NULL || to->text.ptr == NULL) return SL_FAIL_NOMEM(err);
    l->n++;
    return SL_OK;
}

static sl_status number(const sl_cell *cells, size_t n, int at, locale_t c_locale, float *out, sl_error *err)
{
    double x = NAN;
    *out = NAN;
    if (at < 0 || (size_t)at >= n) return SL_OK;
    if (!sl_number_parse(cells[at].ptr, cells[at].len, c_locale, &x)) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "a redshift that is no number");
    }
    *out = fabs(x) < 1e30 ? (float)x : NAN;
    return SL_OK;
}

static sl_str text_of(const sl_cell *cells, size_t n, int at)
{
    return at >= 0 && (size_t)at < n ? (sl_str){cells[at].ptr, cells[at].len} : (sl_str){"", 0};
}

static sl_status read_row(sl_labels *l, const sl_cell *cells, size_t n, const int at[N_COLUMNS], locale_t c_locale,
                          sl_error *err)
{
    sl_label label = {.object_id = text_of(cells, n, at[OBJECT]), .text = text_of(cells, n, at[LABEL])};
    if (label.object_id.len == 0) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "a row without its object");
    }
    SL_TRY(number(cells, n, at[REDSHIFT], c_locale, &label.redshift, err));
    SL_TRY(number(cells, n, at[REDSHIFT_ERROR], c_locale, &label.redshift_error, err));
    return keep(l, &label, err);
}

static int by_name(sl_str a, sl_str b)
{
    const size_t n = a.len < b.len ? a.len : b.len;
    const int order = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Equal names stay in the order of the table: their texts lie one behind the other in the arena, which may have several
   blocks; so the rows themselves carry no order, and merging keeps it. */
static void merge(sl_label *a, size_t n, sl_label *spare)
{
    if (n < 2) return;
    const size_t half = n / 2;
    merge(a, half, spare);
    merge(a + half, n - half, spare);
    memcpy(spare, a, half * sizeof *a);
    for (size_t i = 0, j = half, k = 0; i < half; k++) {
        const bool left = j == n || by_name(spare[i].object_id, a[j].object_id) <= 0;
        a[k] = left ? spare[i++] : a[j++];
    }
}

/* Sort, and of equal names keep the first. */
static sl_status put_in_order(sl_labels *l, sl_error *err)
{
    if (l->n == 0) return SL_OK;
    sl_label *spare = malloc(l->n * sizeof *spare);
    if (spare == NULL) return SL_FAIL_NOMEM(err);
    merge(l->labels, l->n, spare);
    free(spare);
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (kept > 0 && by_name(l->labels[kept - 1].object_id, l->labels[i].object_id) == 0) continue;
        l->labels[kept++] = l->labels[i];
    }
    l->n = kept;
    return SL_OK;
}

static sl_status read_lines(sl_labels *l, sl_lines *lines, locale_t c_locale, sl_error *err)
{
    sl_cell cells[SL_MAX_CELLS];
    char *line, separator = 0;
    size_t len, n;
    int at[N_COLUMNS] = {0};
    for (;;) {
        sl_status status = sl_lines_next(lines, &line, &len, err);
        if (status == SL_DONE) break;
        if (status == SL_OK && (len == 0 || *line == '#')) continue;
        if (status == SL_OK && separator == 0) {
            if (len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
                line += 3;
                len -= 3;
            }
            separator = sl_separator_guess(line, len);
            status = sl_cells_split(line, len, separator, cells, &n, err);
            if (status == SL_OK) status = find_columns(cells, n, at, err);
        } else if (status == SL_OK) {
            status = sl_cells_split(line, len, separator, cells, &n, err);
            if (status == SL_OK) status = read_row(l, cells, n, at, c_locale, err);
        }
        if (status < 0) {
            sl_error_prefix(err, "line %llu", (unsigned long long)lines->number);
            return status;
        }
    }
    if (separator == 0) return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "a table without its first line");
    return put_in_order(l, err);
}

static sl_status read_table(sl_labels *l, const void *bytes, size_t n_bytes, sl_error *err)
{
    const locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c_locale == (locale_t)0) return SL_FAIL_NOMEM(err);
    sl_stream stream;
    sl_lines lines;
    sl_stream_init_memory(&stream, bytes, n_bytes);
    sl_lines_init(&lines, &stream);
    const sl_status status = read_lines(l, &lines, c_locale, err);
    sl_lines_release(&lines);
    freelocale(c_locale);
    return status;
}

sl_status sl_labels_open_memory(const void *bytes, size_t n_bytes, sl_labels **out, sl_error *err)
{
    SL_REQUIRE((bytes != NULL || n_bytes == 0) && out != NULL, err);
    *out = NULL;
    sl_labels *l = calloc(1, sizeof *l);
    if (l == NULL) return SL_FAIL_NOMEM(err);
    sl_arena_init(&l->arena, max_bytes);
    const sl_status status = read_table(l, bytes, n_bytes, err);
    if (status < 0) {
        sl_labels_close(l);
        return status;
    }
    *out = l;
    return SL_OK;
}

sl_status sl_labels_open(const char *path, sl_labels **out, sl_error *err)
{
    SL_REQUIRE(path != NULL && out != NULL, err);
    *out = NULL;
    sl_file file;
    SL_TRY(sl_file_open(&file, path, max_bytes, err));
    const sl_status status = sl_labels_open_memory(file.bytes, file.n_bytes, out, err);
    if (status < 0) sl_error_prefix(err, "%s", path);
    sl_file_close(&file);
    return status;
}

void sl_labels_close(sl_labels *l)
{
    if (l == NULL) return;
    sl_arena_release(&l->arena);
    free(l->labels);
    free(l);
}

size_t sl_labels_count(const sl_labels *l)
{
    return l->n;
}

const sl_label *sl_labels_find(const sl_labels *l, sl_str object_id)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = by_name(l->labels[middle].object_id, object_id);
        if (order == 0) return &l->labels[middle];
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const sl_label *sl_labels_at(const sl_labels *l, size_t i)
{
    return i < l->n ? &l->labels[i] : NULL;
}
