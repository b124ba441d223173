/* Bytes -> light curve -> sl_gp_grid: a finite input for the network, or a reason;
 * and in a batch, between its own halves, the same bits or the same reason.
 *
 * Byte 0 chooses scaling and extras, byte 1 the grid's length; then 13 bytes a
 * point: time, flux and error as float32, and the band. Times are sorted
 * unless bit 7 of byte 0 is set. With bit 5 there are all features, and beside
 * them planes, wavelengths or nights as byte 1 says. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "starling/gp.h"

enum { MOST = 150, POINT = 13 };

typedef struct points {
    double time[MOST], flux[MOST], error[MOST], wavelength[MOST];
    uint8_t band[MOST];
} points;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t read_points(const uint8_t *data, size_t size, points *out)
{
    size_t n = 0;
    for (; n < MOST && (n + 1) * POINT <= size; n++) {
        float value[3];
        memcpy(value, data + n * POINT, sizeof value);
        out->time[n] = (double)value[0];
        out->flux[n] = (double)value[1];
        out->error[n] = (double)value[2];
        out->wavelength[n] = 3685 + 1500 * (data[n * POINT + 12] % 4);
        out->band[n] = data[n * POINT + 12] % 2;
    }
    return n;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void require(bool condition)
{
    if (!condition) abort();
}

static void check(const sl_contract *contract, const float *input, const sl_gp_fit_info *info)
{
    const size_t n = sl_contract_input_floats(contract);
    for (size_t i = 0; i < n; i++) require(isfinite(input[i]));
    if (contract->sees == SL_SEES_NIGHTS) return;
    require(isfinite(info->log_likelihood) && info->evaluations >= 1 && info->evaluations <= 80);
    require(info->p[1] >= contract->gp.metric_min && info->p[1] <= contract->gp.metric_max);
    require(fabs(info->p[0] - info->start[0]) <= contract->gp.amplitude_halfwidth * (1 + 1e-9));
}

/* The whole light curve and its two halves in one batch. The whole must come out as it did alone. */
static void check_batch(const sl_contract *contract, const sl_lightcurve *lc, sl_status status, const sl_error *err,
                        const float *input, const sl_gp_fit_info *info)
{
    sl_gp_batch *batch = NULL;
    const float *other_input = NULL;
    sl_gp_fit_info other;
    sl_error other_err;
    const size_t half = lc->n / 2;
    sl_lightcurve head = *lc, tail = *lc;
    head.n = half;
    tail.n -= half;
    tail.time += half;
    tail.flux += half;
    tail.error += half;
    tail.wavelength += half;
    tail.band += half;
    require(sl_gp_batch_new(contract, 3, &batch, NULL) == SL_OK);
    require(sl_gp_batch_add(batch, &head, NULL) == SL_OK && sl_gp_batch_add(batch, lc, NULL) == SL_OK &&
            sl_gp_batch_add(batch, &tail, NULL) == SL_OK && sl_gp_batch_run(batch, NULL) == SL_OK);
    require(sl_gp_batch_result(batch, 1, &other_input, &other, &other_err) == status);
    if (status == SL_OK) {
        require(memcmp(other_input, input, sl_contract_input_floats(contract) * sizeof *input) == 0);
        if (contract->sees == SL_SEES_GRID) require(memcmp(other.p, info->p, sizeof other.p) == 0 && other.log_likelihood == info->log_likelihood);
        require(other.evaluations == info->evaluations && other.converged == info->converged);
    } else {
        require(other_err.reason == err->reason && strcmp(other_err.message, err->message) == 0);
    }
    sl_gp_batch_free(batch);
}

/* Whatever of it makes no contract is left out. */
static void add_what_is_asked(sl_contract *c, uint8_t what)
{
    for (int f = 0; f < SL_FEATURE_END; f++) {
        const bool usable = sl_feature_name((sl_feature)f) != NULL && ((what & 8) == 0 || !sl_feature_of_fit((sl_feature)f));
        if (usable) c->features[c->n_features++] = (sl_feature)f;
    }
    for (uint32_t i = 0; i < sl_contract_input_features(c); i++) c->feature_spread[i] = 0.5f;
    if (what & 16) {
        c->feature_knots = 3 + what % 15;
        for (uint32_t i = 0; i < SL_MAX_FEATURES; i++) c->feature_bands[i] = i % 3;
        for (uint32_t i = 0; i < SL_MAX_FEATURE_VALUES * c->feature_knots; i++) {
            c->feature_table[i] = (uint16_t)(i % c->feature_knots * 0x700); /* ties are in other tests */
        }
    }
    c->planes = what & 3;
    c->grid_wavelengths = what & 4 && c->scaling != SL_SCALING_FIXED ? 4 : 0;
    if (what & 8) {
        c->sees = SL_SEES_NIGHTS;
        c->max_nights = 9;
        c->planes &= SL_PLANE_ASINH;
        c->grid_wavelengths = 0;
        if (c->scaling == SL_SCALING_MEDIAN_IQR) c->scaling = SL_SCALING_PEAK;
        if (c->extra_mode == SL_EXTRAS_AS_STEPS) c->extra_mode = SL_EXTRAS_AS_CHANNELS;
    }
    require(sl_contract_check(c, NULL) == SL_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sl_gp *gp;
    static float input[260 * (3 * 4 + 2) + SL_MAX_FEATURE_VALUES];
    static sl_contract contract;
    points p;
    if (gp == NULL && sl_gp_new(&gp, NULL) != SL_OK) abort();
    if (size < 2 || sl_contract_preset("starling", &contract, NULL) != SL_OK) return 0;
    contract.scaling = (sl_scaling)(data[0] % 4);
    contract.spread[0] = contract.spread[1] = 1e-3f;
    contract.extra_mode = (sl_extra_mode)(data[0] / 4 % 3);
    contract.n_extras = contract.extra_mode == SL_EXTRAS_NONE ? 0 : 2;
    contract.extras[1] = SL_EXTRA_REDSHIFT_ERROR;
    contract.gp.grid_length = 2 + data[1];
    if (data[0] & 0x20) add_what_is_asked(&contract, data[1]);
    const sl_lightcurve lc = {.n = read_points(data + 2, size - 2, &p),
                              .time = p.time,
                              .flux = p.flux,
                              .error = p.error,
                              .wavelength = p.wavelength,
                              .band = p.band,
                              .n_channels = contract.n_channels,
                              .channel_wavelength = {4804.79, 6436.92},
                              .redshift = data[0] & 0x40 ? NAN : 0.1f,
                              .redshift_error = 0.01f};
    if ((data[0] & 0x80) == 0) qsort(p.time, lc.n, sizeof p.time[0], by_value);
    sl_gp_fit_info info;
    sl_error err;
    const sl_status status = sl_gp_grid(gp, &contract, &lc, input, NULL, &info, &err);
    if (status == SL_OK) check(&contract, input, &info);
    else require(status == SL_ERR_INVAL || err.reason != SL_REASON_NONE);
    check_batch(&contract, &lc, status, &err, input, &info);
    return 0;
}
