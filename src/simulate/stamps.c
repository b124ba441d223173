/*
 * Stamps are what a packet weighs, and nobody here looks into them: so a few
 * are made with care (source, host and noise, in true FITS) and taken in turn.
 */
#include "simulate/stamps.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "alert/avro_write.h"
#include "base/error.h"
#include "base/rng.h"

enum { FITS_BLOCK = 2880, FITS_CARD = 80, ZTF_SIDE = 63, LSST_SIDE = 30, PSF_SIDE = 25 };

/* What a stamp shows. */
typedef struct scene {
    double source, host; /* peak over the sky [DN] */
    double host_x, host_y, host_width;
    double seeing; /* standard deviation of the point spread [pixels] */
    double sky, noise;
} scene;

/* printf into one card of a header. */
__attribute__((format(printf, 2, 3))) static void put_card(sl_avro_out *out, const char *format, ...)
{
    char card[FITS_CARD + 1];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(card, sizeof card, format, args);
    va_end(args);
    if (n >= 0 && n < FITS_CARD) memset(card + n, ' ', (size_t)(FITS_CARD - n));
    sl_avro_put_raw(out, card, FITS_CARD);
}

static void pad_block(sl_avro_out *out, char with)
{
    char fill[FITS_BLOCK];
    memset(fill, with, sizeof fill);
    sl_avro_put_raw(out, fill, (FITS_BLOCK - out->len % FITS_BLOCK) % FITS_BLOCK);
}

/* One header and data unit; extension NULL for the first one. */
static void put_image(sl_avro_out *out, const char *extension, const float *pixels, int side, const char *unit)
{
    if (extension == NULL) put_card(out, "SIMPLE  =                    T");
    else put_card(out, "XTENSION= 'IMAGE   '");
    put_card(out, "BITPIX  =                  -32");
    put_card(out, "NAXIS   =                    2");
    put_card(out, "NAXIS1  = %20d", side);
    put_card(out, "NAXIS2  = %20d", side);
    if (extension != NULL) {
        put_card(out, "PCOUNT  =                    0");
        put_card(out, "GCOUNT  =                    1");
        put_card(out, "EXTNAME = '%-8s'", extension);
    }
    put_card(out, "BUNIT   = '%-8s'", unit);
    put_card(out, "END");
    pad_block(out, ' ');
    for (int i = 0; i < side * side; i++) {
        uint32_t bits;
        memcpy(&bits, &pixels[i], sizeof bits);
        bits = __builtin_bswap32(bits); /* FITS is big-endian */
        sl_avro_put_raw(out, &bits, sizeof bits);
    }
    pad_block(out, 0);
}

static void paint(float *pixels, int side, const scene *s, sl_rng *rng)
{
    const double middle = 0.5 * (side - 1);
    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
            const double dx = x - middle, dy = y - middle, hx = dx - s->host_x, hy = dy - s->host_y;
            const double point = s->source * exp(-0.5 * (dx * dx + dy * dy) / (s->seeing * s->seeing));
            const double host = s->host * exp(-sqrt(hx * hx + hy * hy) / s->host_width);
            pixels[y * side + x] = (float)(s->sky + point + host + s->noise * sl_rng_normal(rng));
        }
    }
}

static sl_status compress_gzip(sl_avro_out *out, const sl_avro_out *plain, sl_error *err)
{
    z_stream z = {0};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return SL_FAIL_NOMEM(err);
    }
    unsigned char chunk[4096];
    z.next_in = plain->bytes;
    z.avail_in = (uInt)plain->len;
    int state = Z_OK;
    while (state == Z_OK) {
        z.next_out = chunk;
        z.avail_out = sizeof chunk;
        state = deflate(&z, Z_FINISH);
        sl_avro_put_raw(out, chunk, sizeof chunk - z.avail_out);
    }
    deflateEnd(&z);
    if (state != Z_STREAM_END) return SL_FAIL(err, SL_ERR_INTERNAL, SL_REASON_NONE, "zlib did not finish a stamp");
    return out->failed ? SL_FAIL_NOMEM(err) : SL_OK;
}

/* One stamp, painted in pixels. Gives stamp->ptr; free with free(). */
static sl_status make_stamp(sl_str *stamp, sl_simulate_survey survey, const scene *s, bool with_psf, sl_rng *rng,
                            float *pixels, sl_error *err)
{
    sl_avro_out fits = {0}, packed = {0};
    sl_status status = SL_OK;
    if (survey == SL_SIMULATE_ZTF) {
        paint(pixels, ZTF_SIDE, s, rng);
        put_image(&fits, NULL, pixels, ZTF_SIDE, "DN");
    } else {
        const scene flat = {.sky = s->noise * s->noise, .noise = 0.01 * s->noise, .seeing = 1, .host_width = 1};
        const scene spread = {.source = 1, .seeing = s->seeing, .host_width = 1};
        paint(pixels, LSST_SIDE, s, rng);
        put_image(&fits, NULL, pixels, LSST_SIDE, "nJy");
        paint(pixels, LSST_SIDE, &flat, rng);
        put_image(&fits, "VARIANCE", pixels, LSST_SIDE, "nJy^2");
        if (with_psf) {
            paint(pixels, PSF_SIDE, &spread, rng);
            put_image(&fits, "PSF", pixels, PSF_SIDE, "");
        }
    }
    if (fits.failed) {
        status = SL_FAIL_NOMEM(err);
    } else if (survey == SL_SIMULATE_ZTF) {
        status = compress_gzip(&packed, &fits, err);
        sl_avro_release(&fits);
        fits = packed;
    }
    if (status != SL_OK) {
        sl_avro_release(&fits);
        return status;
    }
    *stamp = (sl_str){(const char *)fits.bytes, fits.len};
    return SL_OK;
}

sl_status sl_stamps_init(sl_stamps *stamps, const sl_simulate_options *options, sl_error *err)
{
    *stamps = (sl_stamps){0};
    if (!options->cutouts) return SL_OK;
    float *pixels = calloc(ZTF_SIDE * ZTF_SIDE, sizeof *pixels);
    if (pixels == NULL) return SL_FAIL_NOMEM(err);
    sl_status status = SL_OK;
    const size_t n_sets = options->n_alerts < SL_STAMP_SETS ? (size_t)options->n_alerts : SL_STAMP_SETS;
    for (size_t k = 0; k < n_sets && status == SL_OK; k++) {
        sl_rng rng;
        sl_rng_init(&rng, options->seed, UINT64_MAX - k); /* streams from below are the alerts' own */
        sl_stamp_set *set = &stamps->sets[stamps->n_sets++];
        scene s = {.source = 40 + 400 * sl_rng_uniform(&rng), .host = 300 * sl_rng_uniform(&rng),
                   .host_x = 3 * sl_rng_normal(&rng), .host_y = 3 * sl_rng_normal(&rng),
                   .host_width = 1.5 + 3 * sl_rng_uniform(&rng), .seeing = 0.85 + 0.5 * sl_rng_uniform(&rng),
                   .sky = 150 + 200 * sl_rng_uniform(&rng), .noise = 8 + 8 * sl_rng_uniform(&rng)};
        status = make_stamp(&set->science, options->survey, &s, true, &rng, pixels, err);
        const scene deep = {.host = s.host, .host_x = s.host_x, .host_y = s.host_y, .host_width = s.host_width,
                            .seeing = s.seeing, .sky = s.sky, .noise = 0.3 * s.noise};
        if (status == SL_OK) status = make_stamp(&set->template_, options->survey, &deep, false, &rng, pixels, err);
        s.host = s.sky = 0;
        if (status == SL_OK) status = make_stamp(&set->difference, options->survey, &s, true, &rng, pixels, err);
    }
    free(pixels);
    if (status != SL_OK) sl_stamps_release(stamps);
    return status;
}

void sl_stamps_release(sl_stamps *stamps)
{
    for (size_t k = 0; k < stamps->n_sets; k++) {
        free((void *)(uintptr_t)stamps->sets[k].science.ptr);
        free((void *)(uintptr_t)stamps->sets[k].template_.ptr);
        free((void *)(uintptr_t)stamps->sets[k].difference.ptr);
    }
    *stamps = (sl_stamps){0};
}
