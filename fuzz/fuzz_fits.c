/*
 * SNANA's pair of FITS files. A FITS file cannot be small, so an input is
 * mostly a list of changes to a good pair: the first byte says how the rest is
 * read (below), so that a few bytes reach deep.
 */
#include <stdlib.h>
#include <string.h>

#include "../tests/unit/fits_make.h"
#include "lightcurve/snana.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_pair(const void *head, size_t n_head, const void *phot, size_t n_phot)
{
    sl_snana_reader *reader;
    sl_error err;
    char name[80];
    (void)sl_snana_sniff(head, n_head);
    (void)sl_snana_phot_of(head, n_head, name, sizeof name);
    if (sl_snana_open(head, n_head, phot, n_phot, &reader, &err) != SL_OK) return;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 20);
    sl_alert alert;
    sl_status status;
    while ((status = sl_snana_next(reader, &arena, &alert, &err)) != SL_DONE) {
        if (status != SL_OK && (status != SL_ERR_FORMAT || alert.n_points != 0)) abort();
        sl_arena_reset(&arena);
    }
    sl_arena_release(&arena);
    sl_snana_close(reader);
}

/* Exact copies, so that a sanitizer sees the byte behind the end. */
static void read_copies(const fits_file *head, const fits_file *phot)
{
    void *a = malloc(head->n + 1), *b = malloc(phot->n + 1);
    if (a == NULL || b == NULL) abort();
    memcpy((char *)a + 1, head->bytes, head->n);
    memcpy((char *)b + 1, phot->bytes, phot->n);
    read_pair((char *)a + 1, head->n, (char *)b + 1, phot->n);
    free(a);
    free(b);
}

/* Five bytes a change: place (2), length - 1 or what to do, two bytes of value. */
static void change(fits_file *f, const uint8_t *at)
{
    const size_t place = (((size_t)at[1] << 8) | at[2]) % f->n;
    switch (at[0] >> 1 & 3) {
    case 0: f->bytes[place] = at[3]; break;
    case 1: /* a digit and its neighbour: numbers in headers */
        f->bytes[place] = (unsigned char)('0' + at[3] % 10);
        f->bytes[(place + 1) % f->n] = (unsigned char)('0' + at[4] % 10);
        break;
    case 2: { /* one card in the place of another */
        const size_t from = (((size_t)at[3] << 8) | at[4]) % f->n / 80 * 80, to = place / 80 * 80;
        memmove(f->bytes + to, f->bytes + from, 80);
        break;
    }
    default: f->n = place + 1; break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    static fits_file head, phot;
    if (data[0] & 1) { /* two files as they are; the first one's length in two bytes */
        const size_t n = ((size_t)data[1] << 8) | data[2], rest = size - 3, n_head = n < rest ? n : rest;
        read_pair(data + 3, n_head, data + 3 + n_head, rest - n_head);
        return 0;
    }
    make_head(&head);
    make_phot(&phot, "HIERARCH ZP_FLUXCAL = 31.4");
    for (size_t i = 1; i + 5 <= size; i += 5) change(data[i] & 1 ? &head : &phot, data + i);
    read_copies(&head, &phot);
    return 0;
}
