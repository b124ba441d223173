#include "lightcurve/nights.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "lightcurve/statistics.h"

static const double night_day = 0.5;

/* The index behind the last point of the night that begins with point i. */
static size_t night_end(const sl_lightcurve *lc, size_t i)
{
    size_t end = i + 1;
    while (end < lc->n && lc->time[end] - lc->time[i] <= night_day) end++;
    return end;
}

/* False where it does not fit. */
static bool put(float *to, double x)
{
    const bool fits = fabs(x) <= (double)FLT_MAX;
    *to = fits ? (float)x : 0;
    return fits;
}

/* Flux, error and presence of each band, and the asinh of the flux, from points [from, to). */
static bool put_night(const sl_contract *contract, const sl_lightcurve *lc, size_t from, size_t to, double peak,
                      float *row)
{
    double weight[SL_MAX_BANDS] = {0}, sum[SL_MAX_BANDS] = {0};
    for (size_t i = from; i < to; i++) {
        const double w = 1 / (lc->error[i] * lc->error[i]);
        weight[lc->band[i]] += w;
        sum[lc->band[i]] += w * lc->flux[i];
    }
    const uint32_t n_bands = contract->n_bands;
    bool fits = true;
    for (uint32_t b = 0; b < n_bands; b++) {
        if (weight[b] == 0) continue;
        const bool fixed = contract->scaling == SL_SCALING_FIXED;
        const double center = fixed ? (double)contract->center[b] : 0;
        const double spread = fixed ? (double)contract->spread[b] : contract->scaling == SL_SCALING_PEAK ? peak : 1;
        const double flux = sum[b] / weight[b];
        fits = put(&row[3 * b], (flux - center) / spread) && fits;
        fits = put(&row[3 * b + 1], 1 / sqrt(weight[b]) / spread) && fits;
        row[3 * b + 2] = 1;
        if (contract->planes & SL_PLANE_ASINH) {
            fits = put(&row[3 * n_bands + b], asinh(flux / (double)contract->asinh_scale)) && fits;
        }
    }
    return fits;
}

sl_status sl_lightcurve_nights(const sl_contract *contract, const sl_lightcurve *lc, float *input, size_t *n_nights,
                               sl_error *err)
{
    const size_t width = sl_contract_input_channels(contract), most = contract->max_nights;
    const size_t gap = (contract->planes & SL_PLANE_ASINH ? 4 : 3) * (size_t)contract->n_bands;
    const double peak = sl_lightcurve_peak(lc);
    size_t total = 0;
    for (size_t i = 0; i < lc->n; i = night_end(lc, i)) total++;
    memset(input, 0, most * width * sizeof *input);
    *n_nights = total < most ? total : most;
    size_t night = 0, before = 0;
    bool fits = true;
    for (size_t i = 0; i < lc->n; night++) {
        const size_t end = night_end(lc, i);
        if (night + most >= total) {
            float *row = input + (night + *n_nights - total) * width;
            fits = put_night(contract, lc, i, end, peak, row) && fits;
            if (row != input) fits = put(&row[gap], log1p(lc->time[i] - lc->time[before])) && fits;
        }
        before = i;
        i = end;
    }
    if (fits) return SL_OK;
    return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "a flux or an error of a night is beyond a float");
}

size_t sl_lightcurve_step_times(const sl_contract *contract, const sl_lightcurve *lc, double *mjd)
{
    const double forward = contract->time_order == SL_TIME_REVERSED ? -1 : 1;
    if (contract->sees == SL_SEES_GRID) {
        const size_t n = contract->gp.grid_length;
        const double first = lc->time[0], step = (lc->time[lc->n - 1] - first) / (double)(n - 1);
        for (size_t i = 0; i < n; i++) mjd[i] = lc->origin_mjd + forward * (first + (double)i * step);
        return n;
    }
    if (contract->sees == SL_SEES_FEATURES) {
        mjd[0] = lc->origin_mjd + forward * lc->time[lc->n - 1];
        return 1;
    }
    size_t total = 0, n = 0;
    for (size_t i = 0; i < lc->n; i = night_end(lc, i)) total++;
    for (size_t i = 0, night = 0; i < lc->n; i = night_end(lc, i), night++) {
        if (night + contract->max_nights >= total) mjd[n++] = lc->origin_mjd + forward * lc->time[i];
    }
    return n;
}
