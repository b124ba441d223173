#include "lightcurve/csv.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "lightcurve/columns.h"
#include "lightcurve/idset.h"
#include "lightcurve/lines.h"
#include "lightcurve/number.h"

/* One row, read ahead: it may belong to the next object. */
typedef struct table_row {
    sl_str object; /* borrows from the line */
    sl_point point;
    double redshift, redshift_error;
    bool has_object; /* false: not even the object's name could be read */
    sl_error error;  /* status is SL_OK for a sound row */
} table_row;

struct sl_csv_reader {
    sl_lines lines;
    sl_columns columns;
    char separator;
    locale_t c_locale;
    sl_idset seen;
    table_row row;
    bool has_row;
    sl_cell cells[SL_MAX_CELLS];
};

static bool is_skipped(const char *line, size_t len)
{
    if (*line == '#') return true;
    for (size_t i = 0; i < len; i++) {
        if (line[i] != ' ' && line[i] != '\t') return false;
    }
    return true;
}

/* Step over a byte order mark. */
static void skip_mark(char **line, size_t *len)
{
    if (*len < 3 || memcmp(*line, "\xef\xbb\xbf", 3) != 0) return;
    *line += 3;
    *len -= 3;
}

bool sl_csv_sniff(const void *head, size_t n)
{
    sl_stream stream;
    sl_stream_init_memory(&stream, head, n < SL_LINE_MAX ? n : SL_LINE_MAX);
    sl_lines lines;
    sl_lines_init(&lines, &stream);
    sl_cell cells[SL_MAX_CELLS];
    sl_columns columns;
    size_t found = 0, len, n_cells;
    char *line;
    while (sl_lines_next(&lines, &line, &len, NULL) == SL_OK) {
        skip_mark(&line, &len);
        if (is_skipped(line, len)) continue;
        const char separator = sl_separator_guess(line, len);
        if (sl_cells_split(line, len, separator, cells, &n_cells, NULL) == SL_OK) {
            found = sl_columns_find(cells, n_cells, &columns);
        }
        break;
    }
    sl_lines_release(&lines);
    return found >= 2;
}

/* Find and understand the line with the names. */
static sl_status read_header(sl_csv_reader *r, sl_error *err)
{
    char *line;
    size_t len, n;
    do {
        const sl_status status = sl_lines_next(&r->lines, &line, &len, err);
        if (status == SL_DONE)
            return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "a table without its first line");
        if (status != SL_OK) return status;
        if (r->lines.number == 1) skip_mark(&line, &len);
    } while (is_skipped(line, len));
    r->separator = sl_separator_guess(line, len);
    sl_status status = sl_cells_split(line, len, r->separator, r->cells, &n, err);
    if (status == SL_OK) {
        sl_columns_find(r->cells, n, &r->columns);
        status = sl_columns_check(&r->columns, err);
    }
    if (status != SL_OK) sl_error_prefix(err, "line %llu", (unsigned long long)r->lines.number);
    return status;
}

sl_status sl_csv_open(sl_stream *stream, sl_csv_reader **out, sl_error *err)
{
    SL_REQUIRE(stream != NULL && out != NULL, err);
    sl_csv_reader *r = calloc(1, sizeof *r);
    if (r == NULL) return SL_FAIL_NOMEM(err);
    sl_lines_init(&r->lines, stream);
    r->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const sl_status status = r->c_locale != (locale_t)0 ? read_header(r, err) : SL_FAIL_NOMEM(err);
    if (status != SL_OK) {
        sl_csv_close(r);
        return status;
    }
    *out = r;
    return SL_OK;
}

void sl_csv_close(sl_csv_reader *r)
{
    if (r == NULL) return;
    sl_lines_release(&r->lines);
    sl_idset_release(&r->seen);
    if (r->c_locale != (locale_t)0) freelocale(r->c_locale);
    free(r);
}

/* The cell of a role; empty where the table has no such column. */
static sl_cell cell_of(const sl_csv_reader *r, sl_role role)
{
    static char nothing[1];
    return r->columns.at[role] >= 0 ? r->cells[r->columns.at[role]] : (sl_cell){nothing, 0};
}

#define BAD_CELL(what, cell)                                                                                           \
    SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "line %llu: %s \"%.*s\"", (unsigned long long)r->lines.number,    \
            (what), (int)((cell).len < 40 ? (cell).len : 40), (cell).ptr)

static sl_status number(const sl_csv_reader *r, sl_role role, double *out, sl_error *err)
{
    const sl_cell cell = cell_of(r, role);
    if (sl_number_parse(cell.ptr, cell.len, r->c_locale, out)) return SL_OK;
    return BAD_CELL("not a number:", cell);
}

/* 1 and 0 in their many spellings; empty is 0. */
static sl_status flag(const sl_csv_reader *r, sl_role role, bool *out, sl_error *err)
{
    const sl_cell cell = cell_of(r, role);
    static const char *const spellings[] = {"false", "true", "f", "t", "no", "yes", "n", "y"};
    double x;
    for (size_t k = 0; k < sizeof spellings / sizeof spellings[0]; k++) {
        if (strcasecmp(cell.ptr, spellings[k]) != 0) continue;
        *out = k % 2 == 1;
        return SL_OK;
    }
    if (!sl_number_parse(cell.ptr, cell.len, r->c_locale, &x)) return BAD_CELL("neither 0 nor 1:", cell);
    *out = !isnan(x) && x != 0;
    return SL_OK;
}

/* The cells of one line to a point. */
static sl_status read_point(sl_csv_reader *r, table_row *row, sl_error *err)
{
    sl_point *p = &row->point;
    const bool is_mag = r->columns.at[SL_ROLE_MAG] >= 0;
    const sl_cell band = cell_of(r, SL_ROLE_BAND);
    bool detected = false;
    *p = (sl_point){.limit_mag = NAN,
                    .exposure_s = NAN,
                    .kind = SL_POINT_FORCED,
                    .unit = is_mag ? SL_UNIT_MAG : SL_UNIT_FLUX,
                    .flags = SL_POINT_TAI | SL_POINT_MIDDLE_OF_EXPOSURE};
    SL_TRY(number(r, SL_ROLE_TIME, &p->time, err));
    if (!isfinite(p->time)) return BAD_CELL("not a time:", cell_of(r, SL_ROLE_TIME));
    SL_TRY(number(r, is_mag ? SL_ROLE_MAG : SL_ROLE_FLUX, &p->value, err));
    SL_TRY(number(r, is_mag ? SL_ROLE_MAG_ERROR : SL_ROLE_FLUX_ERROR, &p->error, err));
    SL_TRY(number(r, SL_ROLE_ZERO_POINT, &p->zero_point, err));
    SL_TRY(number(r, SL_ROLE_REDSHIFT, &row->redshift, err));
    SL_TRY(number(r, SL_ROLE_REDSHIFT_ERROR, &row->redshift_error, err));
    SL_TRY(flag(r, SL_ROLE_DETECTED, &detected, err));
    p->band = sl_band_letter(band.ptr, band.len, true);
    if (is_mag) {
        p->zero_point = NAN;
    } else if (isnan(p->zero_point)) {
        p->zero_point = r->columns.zero_point;
    }
    if (is_mag && isnan(p->error)) {
        p->kind = SL_POINT_LIMIT;
        p->limit_mag = (float)p->value;
        p->value = NAN;
    } else if (detected) {
        p->flags |= SL_POINT_DETECTED;
    }
    return SL_OK;
}

/* One line to r->row. */
static sl_status read_line(sl_csv_reader *r, char *line, size_t len, sl_error *err)
{
    size_t n;
    const sl_status split = sl_cells_split(line, len, r->separator, r->cells, &n, err);
    const int object = r->columns.at[SL_ROLE_OBJECT];
    if ((size_t)object < n && r->cells[object].len > 0) {
        r->row.object = (sl_str){r->cells[object].ptr, r->cells[object].len};
        r->row.has_object = true;
    }
    if (split != SL_OK) {
        sl_error_prefix(err, "line %llu", (unsigned long long)r->lines.number);
        return split;
    }
    for (int role = 0; role < SL_N_ROLES; role++) {
        if (r->columns.at[role] >= (int)n) {
            return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "line %llu: %zu cells, too few",
                           (unsigned long long)r->lines.number, n);
        }
    }
    if (!r->row.has_object) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "line %llu: no object named",
                       (unsigned long long)r->lines.number);
    }
    return read_point(r, &r->row, err);
}

/* Read ahead. A broken row is a row too: its error is inside. */
static sl_status read_row(sl_csv_reader *r, sl_error *err)
{
    char *line;
    size_t len;
    r->has_row = false;
    for (;;) {
        r->row.has_object = false;
        r->row.error.status = SL_OK;
        const sl_status status = sl_lines_next(&r->lines, &line, &len, &r->row.error);
        if (status == SL_DONE) return SL_DONE;
        if (status == SL_OK && is_skipped(line, len)) continue;
        if (status != SL_OK && status != SL_ERR_FORMAT) {
            if (err != NULL) *err = r->row.error;
            return status;
        }
        if (status == SL_OK) (void)read_line(r, line, len, &r->row.error);
        r->has_row = true;
        return SL_OK;
    }
}

/* The object being put together. */
typedef struct table_object {
    sl_point *points; /* in the arena */
    size_t n, capacity;
    sl_error error; /* the first thing wrong with it */
} table_object;

static void add_point(table_object *o, sl_arena *arena, const sl_point *p)
{
    if (o->n == o->capacity) {
        const size_t capacity = o->capacity == 0 ? 64 : 2 * o->capacity;
        sl_point *more = SL_ARENA_NEW(arena, sl_point, capacity);
        if (more == NULL) {
            SL_FAIL(&o->error, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "an object of more than %zu points", o->n);
            return;
        }
        if (o->n > 0) memcpy(more, o->points, o->n * sizeof *more);
        o->points = more;
        o->capacity = capacity;
    }
    o->points[o->n++] = *p;
}

/* Does the row read ahead belong to the object of this name? One without a name
   belongs to the object in progress: it is broken wherever it is counted. */
static bool continues(const sl_csv_reader *r, sl_str name)
{
    if (!r->row.has_object) return true;
    return r->row.object.len == name.len && (name.len == 0 || memcmp(r->row.object.ptr, name.ptr, name.len) == 0);
}

/* Take the name of the row read ahead, and see whether it is new. */
static sl_status begin_object(sl_csv_reader *r, sl_arena *arena, sl_alert *out, table_object *o, sl_error *err)
{
    *out = (sl_alert){.time_is_jd = r->columns.time_is_jd, .redshift = NAN, .redshift_error = NAN};
    *o = (table_object){.error.status = SL_OK};
    if (!r->row.has_object) return SL_OK;
    const sl_status seen = sl_idset_add(&r->seen, r->row.object, err);
    if (seen < 0) return seen;
    const char *name = sl_arena_text(arena, r->row.object.ptr, r->row.object.len);
    if (name == NULL) {
        SL_FAIL(&o->error, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "line %llu: no room for the object's name",
                (unsigned long long)r->lines.number);
        return SL_OK;
    }
    out->object_id = (sl_str){name, r->row.object.len};
    if (seen == SL_DONE) {
        SL_FAIL(&o->error, SL_ERR_FORMAT, SL_REASON_BAD_TABLE,
                "line %llu: object \"%.40s\" comes back after another one; sort the table by object",
                (unsigned long long)r->lines.number, name);
    }
    return SL_OK;
}

/* A message may quote the table: nothing in it may move a terminal's cursor or break a record. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') *text = '?';
    }
}

sl_status sl_csv_next(sl_csv_reader *r, sl_arena *arena, sl_alert *out, sl_error *err)
{
    SL_REQUIRE(r != NULL && arena != NULL && out != NULL, err);
    *out = (sl_alert){.redshift = NAN, .redshift_error = NAN};
    table_object o;
    sl_status status = r->has_row ? SL_OK : read_row(r, err);
    if (status != SL_OK) return status;
    SL_TRY(begin_object(r, arena, out, &o, err));
    const sl_arena_mark mark = sl_arena_here(arena);
    do {
        if (o.error.status == SL_OK && r->row.error.status != SL_OK) o.error = r->row.error;
        if (o.error.status == SL_OK) {
            add_point(&o, arena, &r->row.point);
            if (isnan(out->redshift)) out->redshift = (float)r->row.redshift;
            if (isnan(out->redshift_error)) out->redshift_error = (float)r->row.redshift_error;
        }
        status = read_row(r, err);
        if (status < 0) return status;
    } while (status == SL_OK && out->object_id.len > 0 && continues(r, out->object_id));
    if (o.error.status != SL_OK) {
        sl_arena_rewind(arena, mark);
        make_printable(o.error.message);
        if (err != NULL) *err = o.error;
        return o.error.status;
    }
    out->n_points = o.n;
    out->points = o.points;
    return SL_OK;
}
