/* tests/unit/fits_make.h - small SNANA files, made in memory for tests and fuzzing. */
#ifndef SL_TESTS_FITS_MAKE_H
#define SL_TESTS_FITS_MAKE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct fits_file {
    unsigned char bytes[8 * 2880];
    size_t n;
} fits_file;

static void fits_card(fits_file *f, const char *text)
{
    char card[81];
    snprintf(card, sizeof card, "%-80.80s", text);
    memcpy(f->bytes + f->n, card, 80);
    f->n += 80;
}

static void fits_pad(fits_file *f, int with)
{
    while (f->n % 2880 != 0) f->bytes[f->n++] = (unsigned char)with;
}

static void fits_number(fits_file *f, uint64_t bits, int n_bytes)
{
    for (int i = n_bytes - 1; i >= 0; i--) f->bytes[f->n++] = (unsigned char)(bits >> (8 * i));
}

static void fits_float(fits_file *f, double x, int n_bytes)
{
    const float single = (float)x;
    uint64_t bits = 0;
    uint32_t bits4;
    memcpy(&bits, &x, sizeof bits);
    memcpy(&bits4, &single, sizeof bits4);
    fits_number(f, n_bytes == 8 ? bits : bits4, n_bytes);
}

static void fits_text(fits_file *f, const char *text, int width)
{
    char cell[32];
    snprintf(cell, sizeof cell, "%-*.*s", width, width, text);
    memcpy(f->bytes + f->n, cell, (size_t)width);
    f->n += (size_t)width;
}

/* Both headers. columns: name, form, name, form, ..., NULL; extra: cards for the first header, NULL at the end. */
static void fits_begin(fits_file *f, const char *const *extra, const char *const *columns, int row_bytes, int rows)
{
    char text[81];
    f->n = 0;
    fits_card(f, "SIMPLE  =                    T / of the standard");
    fits_card(f, "BITPIX  =                  -32");
    fits_card(f, "NAXIS   =                    1");
    fits_card(f, "NAXIS1  =                    0");
    fits_card(f, "EXTEND  =                    T");
    for (; *extra != NULL; extra++) fits_card(f, *extra);
    fits_card(f, "END");
    fits_pad(f, ' ');
    fits_card(f, "XTENSION= 'BINTABLE'           / binary table extension");
    fits_card(f, "BITPIX  =                    8");
    fits_card(f, "NAXIS   =                    2");
    snprintf(text, sizeof text, "NAXIS1  = %20d", row_bytes);
    fits_card(f, text);
    snprintf(text, sizeof text, "NAXIS2  = %20d", rows);
    fits_card(f, text);
    fits_card(f, "PCOUNT  =                    0");
    fits_card(f, "GCOUNT  =                    1");
    int n = 0;
    while (columns[2 * n] != NULL) n++;
    snprintf(text, sizeof text, "TFIELDS = %20d", n);
    fits_card(f, text);
    for (int i = 0; i < n; i++) {
        snprintf(text, sizeof text, "TTYPE%-3d= '%-8s'", i + 1, columns[2 * i]);
        fits_card(f, text);
        snprintf(text, sizeof text, "TFORM%-3d= '%-8s'", i + 1, columns[2 * i + 1]);
        fits_card(f, text);
    }
    fits_card(f, "END");
    fits_pad(f, ' ');
}

static void make_head_row(fits_file *f, const char *name, int first, int last, double z, double photo_z)
{
    fits_text(f, name, 16);
    fits_number(f, (uint32_t)first, 4);
    fits_number(f, (uint32_t)last, 4);
    fits_float(f, z, 4);
    fits_float(f, 0.01, 4);
    fits_float(f, photo_z, 4);
    fits_float(f, 0.1, 4);
}

/* Two objects: rows 1-2 and 4-6 of make_phot. */
static void make_head(fits_file *f)
{
    static const char *const columns[] = {"SNID",
                                          "16A",
                                          "PTROBS_MIN",
                                          "1J",
                                          "PTROBS_MAX",
                                          "1J",
                                          "REDSHIFT_FINAL",
                                          "1E",
                                          "REDSHIFT_FINAL_ERR",
                                          "1E",
                                          "HOSTGAL_PHOTOZ",
                                          "1E",
                                          "HOSTGAL_PHOTOZ_ERR",
                                          "E",
                                          NULL};
    static const char *const extra[] = {"PHOTFILE= 'MADE_PHOT.FITS'     / the other", NULL};
    fits_begin(f, extra, columns, 40, 2);
    make_head_row(f, "123", 1, 2, 0.5, 0.4);
    make_head_row(f, "456", 4, 6, -9, 0.25);
    fits_pad(f, 0);
}

static void make_phot_row(fits_file *f, double mjd, const char *band, int flag, double flux, double error)
{
    fits_float(f, mjd, 8);
    fits_text(f, band, 2);
    fits_number(f, (uint32_t)flag, 4);
    fits_float(f, flux, 4);
    fits_float(f, error, 4);
}

static void make_phot(fits_file *f, const char *key)
{
    static const char *const columns[] = {"MJD",     "1D", "BAND",       "2A", "PHOTFLAG", "1J",
                                          "FLUXCAL", "1E", "FLUXCALERR", "1E", NULL};
    const char *const extra[] = {key, NULL};
    fits_begin(f, extra, columns, 22, 7);
    make_phot_row(f, 60000.25, "g", 0, 1.5, 0.5);
    make_phot_row(f, 60001.25, "r", 4096, 20, 0.5);
    make_phot_row(f, -777, "-", 0, 0, 0);
    make_phot_row(f, 60010, "Y", 4097, 10, 1);
    make_phot_row(f, 60011, "u", 1, -10, 2);
    make_phot_row(f, 60012, "i", -9, 10, 3);
    make_phot_row(f, -777, "-", 0, 0, 0);
    fits_pad(f, 0);
}

#endif
