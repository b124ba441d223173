/* Any points under any contract: what comes out keeps its promises. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "starling/lightcurve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_POINTS = 200, HEAD = 12 };

/* Bytes that turn the rules of a preset. */
static void turn(sl_contract *c, const uint8_t *b)
{
    if (sl_contract_preset(b[0] & 1 ? "starling" : "reference", c, NULL) != SL_OK) abort();
    c->time_order = b[0] >> 1 & 1;
    c->exposure_moment = b[0] >> 2 & 1;
    c->time_scale = b[0] >> 3 & 1;
    c->one_per_visit = b[0] >> 4 & 1;
    c->signed_flux = b[0] >> 5 & 1;
    c->drop_bad = b[0] >> 6 & 1;
    c->use = 1 + b[1] % 3;
    c->window_before_day = (int8_t)b[2];
    c->window_after_day = (int8_t)b[3];
    c->max_points = 1 + b[4];
    c->min_points = 1 + b[5] % c->max_points;
    c->min_bands = 1 + b[6] % c->n_bands;
    c->zero_point = b[7] % 100;
}

/* Small whole numbers, so that times and values meet, and now and then any double. */
static double number(const uint8_t *b)
{
    double x;
    if (b[0] & 1) return (int8_t)b[1];
    memcpy(&x, b + 1, sizeof x);
    return x;
}

static void check(const sl_contract *c, const sl_lightcurve *lc)
{
    if (lc->n < c->min_points || lc->n > c->max_points || lc->n_bands_present < c->min_bands) abort();
    if (!isfinite(lc->origin_mjd) || lc->n_channels != c->n_channels) abort();
    for (size_t i = 0; i < lc->n; i++) {
        if (!isfinite(lc->time[i]) || !isfinite(lc->flux[i]) || !isfinite(lc->error[i])) abort();
        if (c->drop_bad ? !(lc->error[i] > 0) : !(lc->error[i] >= 0)) abort();
        if (lc->band[i] >= c->n_bands || lc->wavelength[i] != c->bands[lc->band[i]].wavelength_aa) abort();
        if (!(lc->bands_present >> lc->band[i] & 1) || (i > 0 && !(lc->time[i] >= lc->time[i - 1]))) abort();
    }
    if (!(lc->time[lc->n - 1] > lc->time[0])) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sl_point points[MAX_POINTS];
    if (size < HEAD) return 0;
    sl_contract contract;
    turn(&contract, data);
    sl_alert alert = {.survey = data[8] % SL_N_SURVEYS, .time_is_jd = data[9] & 1, .points = points};
    memcpy(&alert.redshift, data + 8, sizeof alert.redshift);
    for (size_t at = HEAD; at + 32 <= size && alert.n_points < MAX_POINTS; at += 32) {
        const uint8_t *b = data + at;
        sl_point *p = &points[alert.n_points++];
        *p = (sl_point){.time = number(b), .value = number(b + 9), .error = number(b + 18), .limit_mag = NAN};
        p->zero_point = b[27] & 1 ? b[27] : NAN;
        p->exposure_s = b[28] & 1 ? b[28] : NAN;
        p->band = "grizuy?\xff"[b[29] & 7];
        p->kind = b[30] & 3;
        p->unit = b[30] >> 2 & 1;
        p->flags = b[30] >> 3 & 15;
        p->sign = (int8_t)((b[31] & 3) - 1);
    }
    sl_lightcurve_buffer *buffer;
    sl_lightcurve lc;
    sl_error err;
    if (sl_lightcurve_buffer_new(&buffer, NULL) != SL_OK) abort();
    const sl_status status = sl_lightcurve_build(&contract, &alert, buffer, &lc, &err);
    if (status == SL_OK) {
        check(&contract, &lc);
    } else if ((status != SL_ERR_CONTRACT && status != SL_ERR_NUMERIC) || err.reason == SL_REASON_NONE ||
               lc.time != NULL) {
        abort();
    }
    sl_lightcurve_buffer_free(buffer);
    return 0;
}
