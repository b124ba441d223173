#include "lightcurve/snana.h"

#include <fitsio.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/late.h"
#include "lightcurve/columns.h"
#include "lightcurve/fits_head.h"
#include "lightcurve/number.h"

enum { CHUNK = 256, MAX_TEXT = 64 };
static const double separator_mjd = -777; /* a row of it stands behind each object */

#define FUNCTIONS(X)                                                                                      \
    X(fits_clear_errmsg) X(fits_close_file) X(fits_get_errstatus) X(fits_movabs_hdu) X(fits_open_memfile) \
    X(fits_read_col)
static struct { FUNCTIONS(SL_LATE_POINTER) } cfitsio;
static const char *const names[] = {FUNCTIONS(SL_LATE_NAME)};
static sl_late library = SL_LATE("reading SNANA's FITS", SL_SONAME_CFITSIO, names, &cfitsio);

/* One open table, and the numbers (from 1, 0 for none) of the columns wanted. */
typedef struct table {
    fitsfile *fits;
    void *bytes; /* what fits reads from */
    size_t n_bytes;
    uint64_t n_rows;
    sl_fits_column *columns;
} table;

struct sl_snana_reader {
    table head, phot;
    int snid, first, last, z_final, z_final_error, z_photo, z_photo_error;
    int mjd, band, flux, flux_error, flag;
    double zero_point;
    long long detect_mask;
    uint64_t row;        /* of the head, next to read */
    long long last_used; /* row of phot that the object before ended at */
    double time[CHUNK], value[CHUNK], error[CHUNK], flags[CHUNK];
    char text[CHUNK][MAX_TEXT + 1];
    char *texts[CHUNK];
};

sl_snana_kind sl_snana_sniff(const void *bytes, size_t n_bytes)
{
    sl_fits_table t;
    if (sl_fits_table_init(&t, bytes, n_bytes, NULL) != SL_OK) return SL_SNANA_NONE;
    const bool head = sl_fits_find(&t, "SNID") >= 0 && sl_fits_find(&t, "PTROBS_MIN") >= 0;
    const bool phot = sl_fits_find(&t, "MJD") >= 0 && sl_fits_find(&t, "FLUXCAL") >= 0;
    sl_fits_table_release(&t);
    return head ? SL_SNANA_HEAD : phot ? SL_SNANA_PHOT : SL_SNANA_NONE;
}

bool sl_snana_phot_of(const void *head, size_t n_head, char *out, size_t size)
{
    if (head == NULL || !sl_fits_key(head, n_head, "PHOTFILE", out, size)) return false;
    for (const char *p = out; *p != '\0'; p++) {
        if (*p == '/' || *p < ' ' || *p > '~') return false; /* a header must not lead elsewhere */
    }
    return out[0] != '\0' && out[0] != '.';
}

bool sl_snana_pair(const char *head_name, char *out, size_t size)
{
    const size_t n = strlen(head_name);
    if (n >= size) return false;
    for (size_t at = n; at-- > 0 && head_name[at] != '/';) {
        if (strncasecmp(head_name + at, "_HEAD.FITS", 10) != 0) continue;
        memcpy(out, head_name, n + 1);
        memcpy(out + at, head_name[at + 1] == 'h' ? "_phot" : "_PHOT", 5);
        return true;
    }
    return false;
}

static void close_table(table *t)
{
    int status = 0;
    if (t->fits != NULL) cfitsio.fits_close_file(t->fits, &status);
    free(t->bytes);
    free(t->columns);
}

static sl_status fits_failed(int status, sl_error *err)
{
    char text[FLEN_STATUS];
    cfitsio.fits_get_errstatus(status, text);
    cfitsio.fits_clear_errmsg();
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "FITS: %s", text);
}

static sl_status open_table(table *t, const void *bytes, size_t n_bytes, sl_fits_table *checked, sl_error *err)
{
    SL_TRY(sl_fits_table_init(checked, bytes, n_bytes, err));
    t->n_rows = checked->n_rows;
    t->columns = checked->columns;
    SL_TRY(sl_fits_rewrite(checked, &t->bytes, &t->n_bytes, err));
    int status = 0;
    cfitsio.fits_open_memfile(&t->fits, "table", READONLY, &t->bytes, &t->n_bytes, 0, NULL, &status);
    cfitsio.fits_movabs_hdu(t->fits, 2, NULL, &status);
    return status == 0 ? SL_OK : fits_failed(status, err);
}

/* Number of a column, from 1; 0 where it may be missing and is. */
static sl_status find(const sl_fits_table *t, const char *name, bool text, bool needed, int *out, sl_error *err)
{
    const int at = sl_fits_find(t, name);
    *out = at + 1;
    if (at < 0) {
        if (!needed) return SL_OK;
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "FITS: no column %s", name);
    }
    const sl_fits_column *c = &t->columns[at];
    const bool fits = text ? c->type == 'A' && c->repeat >= 1 && c->repeat <= MAX_TEXT
                           : strchr("BIJKED", c->type) != NULL && c->repeat == 1;
    if (fits) return SL_OK;
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "FITS: column %s is of type %llu%c", name,
                   (unsigned long long)c->repeat, c->type);
}

static sl_status find_head_columns(sl_snana_reader *r, const sl_fits_table *t, sl_error *err)
{
    SL_TRY(find(t, "SNID", true, true, &r->snid, err));
    SL_TRY(find(t, "PTROBS_MIN", false, true, &r->first, err));
    SL_TRY(find(t, "PTROBS_MAX", false, true, &r->last, err));
    SL_TRY(find(t, "REDSHIFT_FINAL", false, false, &r->z_final, err));
    SL_TRY(find(t, "REDSHIFT_FINAL_ERR", false, false, &r->z_final_error, err));
    SL_TRY(find(t, "HOSTGAL_PHOTOZ", false, false, &r->z_photo, err));
    return find(t, "HOSTGAL_PHOTOZ_ERR", false, false, &r->z_photo_error, err);
}

static sl_status find_phot_columns(sl_snana_reader *r, const sl_fits_table *t, sl_error *err)
{
    const char *band = sl_fits_find(t, "BAND") >= 0 ? "BAND" : "FLT";
    SL_TRY(find(t, "MJD", false, true, &r->mjd, err));
    SL_TRY(find(t, band, true, true, &r->band, err));
    SL_TRY(find(t, "FLUXCAL", false, true, &r->flux, err));
    SL_TRY(find(t, "FLUXCALERR", false, true, &r->flux_error, err));
    return find(t, "PHOTFLAG", false, false, &r->flag, err);
}

/* A number from the first header of either file, or what stands for it without. */
static sl_status read_key(const sl_fits_table *head, const sl_fits_table *phot, const char *key, double *out,
                          sl_error *err)
{
    char text[SL_FITS_NAME];
    if (!sl_fits_key(phot->file, phot->n_file, key, text, sizeof text) &&
        !sl_fits_key(head->file, head->n_file, key, text, sizeof text)) {
        return SL_OK;
    }
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c_locale == (locale_t)0) return SL_FAIL_NOMEM(err);
    const bool good = sl_number_parse(text, strlen(text), c_locale, out) && fabs(*out) <= 1e9;
    freelocale(c_locale);
    return good ? SL_OK : SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "FITS: %s is no number", key);
}

sl_status sl_snana_open(const void *head, size_t n_head, const void *phot, size_t n_phot, sl_snana_reader **out,
                        sl_error *err)
{
    SL_REQUIRE(out != NULL && (head != NULL || n_head == 0) && (phot != NULL || n_phot == 0), err);
    SL_TRY(sl_late_load(&library, err));
    sl_snana_reader *r = calloc(1, sizeof *r);
    if (r == NULL) return SL_FAIL_NOMEM(err);
    sl_fits_table head_table, phot_table;
    double zero_point = 27.5, mask = 4096;
    for (int i = 0; i < CHUNK; i++) r->texts[i] = r->text[i];
    const char *which = "HEAD";
    sl_status status = open_table(&r->head, head, n_head, &head_table, err);
    if (status == SL_OK) status = find_head_columns(r, &head_table, err);
    if (status == SL_OK) {
        which = "PHOT";
        status = open_table(&r->phot, phot, n_phot, &phot_table, err);
    }
    if (status == SL_OK) status = find_phot_columns(r, &phot_table, err);
    if (status == SL_OK) status = read_key(&head_table, &phot_table, "ZP_FLUXCAL", &zero_point, err);
    if (status == SL_OK) status = read_key(&head_table, &phot_table, "PHOTFLAG_DETECT", &mask, err);
    if (status != SL_OK) {
        sl_error_prefix(err, "%s file", which);
        sl_snana_close(r);
        return status;
    }
    r->zero_point = zero_point;
    r->detect_mask = (long long)mask;
    *out = r;
    return SL_OK;
}

void sl_snana_close(sl_snana_reader *r)
{
    if (r == NULL) return;
    close_table(&r->head);
    close_table(&r->phot);
    free(r);
}

/* Integers too are read as doubles, which hold all that occur; cfitsio's casts the other way know no NaN. */
static void read_numbers(const table *t, int column, uint64_t row, size_t n, double *out, int *status)
{
    cfitsio.fits_read_col(t->fits, TDOUBLE, column, (LONGLONG)row + 1, 1, (LONGLONG)n, NULL, out, NULL, status);
}

static void read_texts(const table *t, int column, uint64_t row, size_t n, char **out, int *status)
{
    cfitsio.fits_read_col(t->fits, TSTRING, column, (LONGLONG)row + 1, 1, (LONGLONG)n, NULL, out, NULL, status);
}

static size_t trimmed_length(const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == ' ') len--;
    return len;
}

/* A redshift and its error; NaN where the column is missing or says -9. */
static void read_redshift(const sl_snana_reader *r, int column, int error_column, sl_alert *out, int *status)
{
    double z = NAN, error = NAN;
    if (column == 0) return;
    read_numbers(&r->head, column, r->row, 1, &z, status);
    if (error_column != 0) read_numbers(&r->head, error_column, r->row, 1, &error, status);
    if (*status != 0 || !(z > -1) || !isnan(out->redshift)) return;
    out->redshift = (float)z;
    out->redshift_error = error >= 0 ? (float)error : NAN;
}

/* The object's row of the head: name, redshift, and rows [*first, *last] of phot. */
static sl_status read_head(sl_snana_reader *r, sl_arena *arena, sl_alert *out, long long *first, long long *last,
                           sl_error *err)
{
    int status = 0;
    double low = NAN, high = NAN;
    *out = (sl_alert){.redshift = NAN, .redshift_error = NAN};
    read_texts(&r->head, r->snid, r->row, 1, r->texts, &status);
    read_numbers(&r->head, r->first, r->row, 1, &low, &status);
    read_numbers(&r->head, r->last, r->row, 1, &high, &status);
    read_redshift(r, r->z_final, r->z_final_error, out, &status);
    read_redshift(r, r->z_photo, r->z_photo_error, out, &status);
    r->row++;
    if (status != 0) return fits_failed(status, err);
    const size_t len = trimmed_length(r->texts[0]);
    const char *name = sl_arena_text(arena, r->texts[0], len);
    if (name == NULL) return SL_FAIL(err, SL_ERR_NOMEM, SL_REASON_NONE, "no room for the name of an object");
    out->object_id = (sl_str){name, len};
    /* Ascending and apart, as SNANA writes them: so no file can make us read its rows again and again. */
    if (!(low > (double)r->last_used && high >= low - 1 && high <= (double)r->phot.n_rows)) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE,
                       "row %llu: measurements %g to %g, of %llu rows and behind row %lld", (unsigned long long)r->row,
                       low, high, (unsigned long long)r->phot.n_rows, r->last_used);
    }
    *first = (long long)low;
    *last = (long long)high;
    r->last_used = *last;
    return SL_OK;
}

/* n <= CHUNK rows of phot from `row` (from 0) on, to points; *n_points grows. */
static sl_status read_chunk(sl_snana_reader *r, uint64_t row, size_t n, sl_point *points, size_t *n_points,
                            sl_error *err)
{
    int status = 0;
    memset(r->flags, 0, sizeof r->flags);
    read_numbers(&r->phot, r->mjd, row, n, r->time, &status);
    read_numbers(&r->phot, r->flux, row, n, r->value, &status);
    read_numbers(&r->phot, r->flux_error, row, n, r->error, &status);
    read_texts(&r->phot, r->band, row, n, r->texts, &status);
    if (r->flag != 0) read_numbers(&r->phot, r->flag, row, n, r->flags, &status);
    if (status != 0) return fits_failed(status, err);
    for (size_t i = 0; i < n; i++) {
        if (r->time[i] == separator_mjd) continue;
        const double flags = r->flags[i];
        const bool detected = flags >= 0 && flags < 0x1p53 && ((long long)flags & r->detect_mask) != 0;
        points[(*n_points)++] =
            (sl_point){.time = r->time[i],
                       .value = r->value[i],
                       .error = r->error[i],
                       .zero_point = r->zero_point,
                       .limit_mag = NAN,
                       .exposure_s = NAN,
                       .band = sl_band_letter(r->texts[i], trimmed_length(r->texts[i]), false),
                       .kind = SL_POINT_FORCED,
                       .unit = SL_UNIT_FLUX,
                       .flags = SL_POINT_TAI | SL_POINT_MIDDLE_OF_EXPOSURE | (detected ? SL_POINT_DETECTED : 0)};
    }
    return SL_OK;
}

sl_status sl_snana_next(sl_snana_reader *r, sl_arena *arena, sl_alert *out, sl_error *err)
{
    SL_REQUIRE(r != NULL && arena != NULL && out != NULL, err);
    long long first = 1, last = 0;
    size_t n_points = 0;
    *out = (sl_alert){.redshift = NAN, .redshift_error = NAN};
    if (r->row >= r->head.n_rows) return SL_DONE;
    SL_TRY(read_head(r, arena, out, &first, &last, err));
    const size_t n = (size_t)(last - first + 1);
    const sl_arena_mark mark = sl_arena_here(arena);
    sl_point *points = SL_ARENA_NEW(arena, sl_point, n);
    if (points == NULL) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "row %llu: no room for %zu measurements",
                       (unsigned long long)r->row, n);
    }
    for (size_t done = 0; done < n; done += CHUNK) {
        const size_t some = n - done < CHUNK ? n - done : CHUNK;
        const sl_status status = read_chunk(r, (uint64_t)first - 1 + done, some, points, &n_points, err);
        if (status != SL_OK) {
            sl_arena_rewind(arena, mark);
            return status;
        }
    }
    out->n_points = n_points;
    out->points = points;
    return SL_OK;
}
