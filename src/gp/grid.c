/* The predicted mean, anywhere and on the contract's regular grid. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "gp/gp_internal.h"
#include "gp/matern.h"

enum { CHUNK = 128 };

/* sum[j] += alpha (1 + s) e^-s from one point to n times at one wavelength. */
static void add_point(size_t n, const double *restrict times, double time, double a, double wavelength_part,
                      double alpha, double *restrict sum)
{
    for (size_t j = 0; j < n; j++) {
        const double dt = times[j] - time;
        const double s = sl_gp_min(sqrt(dt * dt * a + wavelength_part), SL_GP_MAX_DISTANCE);
        sum[j] += alpha * ((1 + s) * sl_gp_exp_minus(s));
    }
}

/* At up to CHUNK times and one wavelength; mean has a stride. */
static bool predict_chunk(const sl_gp *gp, size_t n, const double *times, double wavelength, size_t stride,
                          double *mean)
{
    double sum[CHUNK] = {0};
    const double a = 3 * exp(-gp->best_p[1]), b = 3 / (gp->wavelength_scale * gp->wavelength_scale);
    for (size_t i = 0; i < gp->n; i++) {
        const double dw = wavelength - gp->wavelength[i];
        add_point(n, times, gp->time[i], a, dw * dw * b, gp->best_alpha[i], sum);
    }
    const double amplitude = gp->amplitude_factor * exp(gp->best_p[0]);
    bool finite = true;
    for (size_t j = 0; j < n; j++) {
        mean[j * stride] = amplitude * sum[j];
        finite = finite && isfinite(mean[j * stride]);
    }
    return finite;
}

static bool all_finite(size_t n, const double *x)
{
    bool finite = true;
    for (size_t i = 0; i < n; i++) finite = finite && isfinite(x[i]);
    return finite;
}

sl_status sl_gp_predict(const sl_gp *gp, size_t n_times, const double *time, size_t n_bands, const double *wavelength,
                        double *mean, sl_error *err)
{
    SL_REQUIRE(gp != NULL && gp->ready, err);
    SL_REQUIRE(n_times == 0 || n_bands == 0 || (time != NULL && wavelength != NULL && mean != NULL), err);
    /* The clamp in the kernel would hide a NaN. */
    bool finite = all_finite(n_times, time) && all_finite(n_bands, wavelength);
    for (size_t at = 0; finite && at < n_times; at += CHUNK) {
        const size_t n = n_times - at < CHUNK ? n_times - at : CHUNK;
        for (size_t b = 0; b < n_bands; b++) {
            finite = predict_chunk(gp, n, time + at, wavelength[b], n_bands, mean + at * n_bands + b) && finite;
        }
    }
    if (finite) return SL_OK;
    return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "a time, a wavelength or the predicted mean is not finite");
}

/* n regular times, the first and last exactly as given. */
static void regular_times(double first, double last, size_t n, double *time)
{
    const double step = (last - first) / (double)(n - 1);
    for (size_t i = 0; i < n; i++) time[i] = first + (double)i * step;
    time[n - 1] = last;
}

static sl_status reserve_grid(sl_gp *gp, size_t n, sl_error *err)
{
    if (n <= gp->grid_capacity) return SL_OK;
    free(gp->grid);
    gp->grid_capacity = 0;
    gp->grid = malloc(n * sizeof *gp->grid);
    if (gp->grid == NULL) return SL_FAIL_NOMEM(err);
    gp->grid_capacity = n;
    return SL_OK;
}

sl_status sl_gp_grid(sl_gp *gp, const sl_contract *contract, const sl_lightcurve *lc, float *input, double *mean,
                     sl_gp_fit_info *info, sl_error *err)
{
    SL_REQUIRE(gp != NULL && contract != NULL && lc != NULL && input != NULL, err);
    const size_t n = contract->gp.grid_length, n_channels = contract->n_channels;
    SL_REQUIRE(n >= 2 && n <= SL_MAX_GRID_LENGTH && n_channels >= 1 && n_channels <= SL_MAX_BANDS, err);
    SL_REQUIRE(lc->n_channels == n_channels, err);
    SL_TRY(reserve_grid(gp, n * (2 + n_channels), err));
    SL_TRY(sl_gp_fit(gp, &contract->gp, lc, info, err));
    double *time = gp->grid, *scratch = time + n;
    if (mean == NULL) mean = scratch + n;
    regular_times(lc->time[0], lc->time[lc->n - 1], n, time);
    SL_TRY(sl_gp_predict(gp, n, time, n_channels, lc->channel_wavelength, mean, err));
    return sl_gp_scale_with(contract, lc, mean, scratch, input, err);
}
