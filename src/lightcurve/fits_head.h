/*
 * lightcurve/fits_head.h - what a FITS file says of itself, checked.
 *
 * cfitsio trusts headers more than hostile files deserve. So the headers are
 * read here first, every size is held against the bytes that are there, and
 * cfitsio gets a copy with a header written anew: one plain binary table,
 * nothing compressed, scaled, grouped or on a heap.
 */
#ifndef SL_LIGHTCURVE_FITS_HEAD_H
#define SL_LIGHTCURVE_FITS_HEAD_H

#include "starling/base.h"

enum { SL_FITS_BLOCK = 2880, SL_FITS_MAX_COLUMNS = 999, SL_FITS_NAME = 72 };

typedef struct sl_fits_column {
    char name[SL_FITS_NAME];
    char type;       /* of TFORM: A text, B I J K integers, E D floats, L X C M others */
    uint64_t repeat; /* elements; bytes of a text */
} sl_fits_column;

/* The first extension of a file. */
typedef struct sl_fits_table {
    const unsigned char *file; /* borrows */
    size_t n_file;
    uint64_t row_bytes, n_rows;
    const unsigned char *data; /* borrows */
    uint32_t n_columns;
    sl_fits_column *columns;
} sl_fits_table;

/* Read and check both headers. SL_ERR_FORMAT/BAD_TABLE or TRUNCATED says what is wrong. Borrows bytes. */
sl_status sl_fits_table_init(sl_fits_table *table, const void *bytes, size_t n_bytes, sl_error *err);
void sl_fits_table_release(sl_fits_table *table);

/* Index of the first column called `name` (case ignored), or -1. */
int sl_fits_find(const sl_fits_table *table, const char *name);

/* Value of a key of the first header (HIERARCH keys too), without quotes. False if it is not there or too long. */
bool sl_fits_key(const void *bytes, size_t n_bytes, const char *key, char *out, size_t size);

/* A clean file with this table alone. Gives *bytes; free with free(). */
sl_status sl_fits_rewrite(const sl_fits_table *table, void **bytes, size_t *n_bytes, sl_error *err);

#endif
