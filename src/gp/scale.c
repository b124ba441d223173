/* From the predicted means to the network's input. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gp/gp_internal.h"
#include "lightcurve/statistics.h"

/* Where the run that begins at i ends: values that do not descend, or (reversed in place) that do. */
static size_t run_end(size_t n, double *x, size_t i)
{
    size_t end = i + 1;
    if (end == n) return end;
    if (x[end] >= x[i]) {
        while (end < n && x[end] >= x[end - 1]) end++;
        return end;
    }
    while (end < n && x[end] < x[end - 1]) end++;
    for (size_t a = i, b = end - 1; a < b; a++, b--) {
        const double value = x[a];
        x[a] = x[b];
        x[b] = value;
    }
    return end;
}

/*
 * Merges the runs that are there, two by two: linear in the smooth curves that
 * come here, n log n in any other. Returns where the sorted values are, x or
 * spare, both of n.
 */
static const double *sort(size_t n, double *x, double *spare)
{
    for (;;) {
        size_t first = 0;
        while (first < n) {
            const size_t middle = run_end(n, x, first), end = middle < n ? run_end(n, x, middle) : n;
            if (first == 0 && middle == n) return x;
            size_t a = first, b = middle;
            for (size_t k = first; k < end; k++) {
                const bool left = b == end || (a < middle && x[a] <= x[b]);
                spare[k] = x[left ? a : b];
                a += left;
                b += !left;
            }
            first = end;
        }
        double *merged = spare;
        spare = x;
        x = merged;
    }
}

/* Linear percentile of sorted values, rounded as NumPy rounds it. */
static double percentile(size_t n, const double *sorted, double fraction)
{
    const double at = fraction * (double)(n - 1);
    const size_t i = (size_t)at;
    if (i + 1 >= n) return sorted[n - 1];
    const double t = at - (double)i, difference = sorted[i + 1] - sorted[i];
    return t < 0.5 ? sorted[i] + difference * t : sorted[i + 1] - difference * (1 - t);
}

static double median(size_t n, const double *sorted)
{
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* input = (mean - center) / spread: the two for one channel. The spread is NaN where a value is not finite. */
static void channel_scale(const sl_contract *contract, const sl_lightcurve *lc, const double *mean, size_t channel,
                          double *scratch, double *center, double *spread)
{
    const size_t n = contract->gp.grid_length, n_channels = sl_contract_grid_channels(contract);
    const double *sorted;
    bool finite = true;
    *center = 0;
    *spread = 1;
    switch (contract->scaling) {
    case SL_SCALING_NONE: break;
    case SL_SCALING_MEDIAN_IQR:
        for (size_t t = 0; t < n; t++) {
            scratch[t] = mean[t * n_channels + channel];
            finite = finite && isfinite(scratch[t]);
        }
        *spread = NAN;
        if (!finite) break; /* what cannot be compared cannot be sorted */
        sorted = sort(n, scratch, scratch + n);
        *center = median(n, sorted);
        *spread = percentile(n, sorted, 0.75) - percentile(n, sorted, 0.25);
        if (*spread < 10 * DBL_EPSILON) *spread = 1;
        break;
    case SL_SCALING_FIXED:
        *center = (double)contract->center[channel];
        *spread = (double)contract->spread[channel];
        break;
    case SL_SCALING_PEAK: *spread = sl_lightcurve_peak(lc); break;
    }
}

static sl_status extra_value(sl_extra extra, const sl_lightcurve *lc, float *out, sl_error *err)
{
    *out = extra == SL_EXTRA_REDSHIFT ? lc->redshift : lc->redshift_error;
    if (isfinite(*out)) return SL_OK;
    return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NO_REDSHIFT, "the contract needs a %s and there is none",
                   extra == SL_EXTRA_REDSHIFT ? "redshift" : "redshift error");
}

sl_status sl_gp_add_extras(const sl_contract *contract, const sl_lightcurve *lc, size_t n_steps, float *input,
                           sl_error *err)
{
    const size_t width = sl_contract_input_channels(contract);
    const size_t n_channels = width - (contract->extra_mode == SL_EXTRAS_AS_CHANNELS ? contract->n_extras : 0);
    for (size_t e = 0; contract->extra_mode != SL_EXTRAS_NONE && e < contract->n_extras; e++) {
        float value;
        SL_TRY(extra_value(contract->extras[e], lc, &value, err));
        if (contract->extra_mode == SL_EXTRAS_AS_CHANNELS) {
            for (size_t t = 0; t < n_steps; t++) input[t * width + n_channels + e] = value;
        } else {
            for (size_t c = 0; c < n_channels; c++) input[(n_steps + e) * width + c] = value;
        }
    }
    return SL_OK;
}

/* to = (x - center) / spread with strides. Judged in double: what is beyond float would be undefined to convert on some
   machines. */
static sl_status put_channel(size_t n, const double *x, size_t stride, double center, double spread, size_t width,
                             float *to, size_t channel, sl_error *err)
{
    bool finite = true;
    for (size_t t = 0; t < n; t++) {
        const double scaled = (x[t * stride] - center) / spread;
        const bool fits = fabs(scaled) <= (double)FLT_MAX;
        to[t * width] = fits ? (float)scaled : 0;
        finite = finite && fits;
    }
    if (finite) return SL_OK;
    return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "channel %zu of the input is not finite", channel);
}

sl_status sl_gp_scale_with(const sl_contract *contract, const sl_lightcurve *lc, const double *mean,
                           const double *deviation, double *scratch, float *input, sl_error *err)
{
    const size_t n = contract->gp.grid_length, n_channels = sl_contract_grid_channels(contract);
    const size_t width = sl_contract_input_channels(contract);
    for (size_t c = 0; c < n_channels; c++) {
        double center, spread;
        channel_scale(contract, lc, mean, c, scratch, &center, &spread);
        SL_TRY(put_channel(n, mean + c, n_channels, center, spread, width, input + c, c, err));
        size_t to = c + n_channels;
        if (contract->planes & SL_PLANE_ASINH) {
            for (size_t t = 0; t < n; t++) scratch[t] = asinh(mean[t * n_channels + c] / (double)contract->asinh_scale);
            SL_TRY(put_channel(n, scratch, 1, 0, 1, width, input + to, to, err));
            to += n_channels;
        }
        if (deviation != NULL) SL_TRY(put_channel(n, deviation + c, n_channels, 0, spread, width, input + to, to, err));
    }
    return sl_gp_add_extras(contract, lc, n, input, err);
}

sl_status sl_gp_scale(const sl_contract *contract, const sl_lightcurve *lc, const double *mean, float *input,
                      sl_error *err)
{
    SL_REQUIRE(contract != NULL && lc != NULL && mean != NULL && input != NULL, err);
    SL_TRY(sl_gp_check_grid(contract, err));
    SL_REQUIRE(contract->n_extras <= SL_MAX_EXTRAS, err);
    SL_REQUIRE(contract->sees == SL_SEES_GRID && contract->n_features == 0 && !(contract->planes & SL_PLANE_ERROR), err);
    const size_t n = contract->gp.grid_length;
    double small[512];
    if (2 * n <= sizeof small / sizeof small[0]) return sl_gp_scale_with(contract, lc, mean, NULL, small, input, err);
    double *scratch = malloc(2 * n * sizeof *scratch);
    if (scratch == NULL) return SL_FAIL_NOMEM(err);
    const sl_status status = sl_gp_scale_with(contract, lc, mean, NULL, scratch, input, err);
    free(scratch);
    return status;
}
