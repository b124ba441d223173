/* From the predicted means to the network's input. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gp/gp_internal.h"

/* Shell's sort with Ciura's gaps: no memory, no recursion, fast on the smooth
   curves that come here, n^(4/3) on any other. */
static void sort(size_t n, double *x)
{
    static const size_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        const size_t gap = gaps[g];
        for (size_t i = gap; i < n; i++) {
            const double value = x[i];
            size_t j = i;
            for (; j >= gap && x[j - gap] > value; j -= gap) x[j] = x[j - gap];
            x[j] = value;
        }
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

static double peak_flux(const sl_lightcurve *lc)
{
    double peak = 0;
    for (size_t i = 0; i < lc->n; i++) peak = fmax(peak, fabs(lc->flux[i]));
    return peak > 0 ? peak : 1;
}

/* input = (mean - center) / spread: the two for one channel. */
static void channel_scale(const sl_contract *contract, const sl_lightcurve *lc, const double *mean, size_t channel,
                          double *scratch, double *center, double *spread)
{
    const size_t n = contract->gp.grid_length, n_channels = contract->n_channels;
    *center = 0;
    *spread = 1;
    switch (contract->scaling) {
    case SL_SCALING_NONE: break;
    case SL_SCALING_MEDIAN_IQR:
        for (size_t t = 0; t < n; t++) scratch[t] = mean[t * n_channels + channel];
        sort(n, scratch);
        *center = median(n, scratch);
        *spread = percentile(n, scratch, 0.75) - percentile(n, scratch, 0.25);
        if (*spread < 10 * DBL_EPSILON) *spread = 1;
        break;
    case SL_SCALING_FIXED:
        *center = (double)contract->center[channel];
        *spread = (double)contract->spread[channel];
        break;
    case SL_SCALING_PEAK: *spread = peak_flux(lc); break;
    }
}

static sl_status extra_value(sl_extra extra, const sl_lightcurve *lc, float *out, sl_error *err)
{
    *out = extra == SL_EXTRA_REDSHIFT ? lc->redshift : lc->redshift_error;
    if (isfinite(*out)) return SL_OK;
    return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NO_REDSHIFT, "the contract needs a %s and there is none",
                   extra == SL_EXTRA_REDSHIFT ? "redshift" : "redshift error");
}

static sl_status add_extras(const sl_contract *contract, const sl_lightcurve *lc, float *input, sl_error *err)
{
    const size_t n_steps = contract->gp.grid_length, n_channels = contract->n_channels;
    const size_t width = sl_contract_input_channels(contract);
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

sl_status sl_gp_scale_with(const sl_contract *contract, const sl_lightcurve *lc, const double *mean, double *scratch,
                           float *input, sl_error *err)
{
    const size_t n = contract->gp.grid_length, n_channels = contract->n_channels;
    const size_t width = sl_contract_input_channels(contract);
    for (size_t c = 0; c < n_channels; c++) {
        double center, spread;
        channel_scale(contract, lc, mean, c, scratch, &center, &spread);
        bool finite = true;
        for (size_t t = 0; t < n; t++) {
            /* Judged in double: what is beyond float would be undefined to convert on some machines. */
            const double scaled = (mean[t * n_channels + c] - center) / spread;
            const bool fits = fabs(scaled) <= (double)FLT_MAX;
            input[t * width + c] = fits ? (float)scaled : 0;
            finite = finite && fits;
        }
        if (!finite) {
            return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "channel %zu of the input is not finite", c);
        }
    }
    return add_extras(contract, lc, input, err);
}

sl_status sl_gp_scale(const sl_contract *contract, const sl_lightcurve *lc, const double *mean, float *input,
                      sl_error *err)
{
    SL_REQUIRE(contract != NULL && lc != NULL && mean != NULL && input != NULL, err);
    const size_t n = contract->gp.grid_length;
    SL_REQUIRE(n >= 2 && n <= SL_MAX_GRID_LENGTH, err);
    SL_REQUIRE(contract->n_channels >= 1 && contract->n_channels <= SL_MAX_BANDS, err);
    SL_REQUIRE(contract->n_extras <= SL_MAX_EXTRAS, err);
    double small[512];
    if (n <= sizeof small / sizeof small[0]) return sl_gp_scale_with(contract, lc, mean, small, input, err);
    double *scratch = malloc(n * sizeof *scratch);
    if (scratch == NULL) return SL_FAIL_NOMEM(err);
    const sl_status status = sl_gp_scale_with(contract, lc, mean, scratch, input, err);
    free(scratch);
    return status;
}
