/* The workspace, what goes into it, and the fit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gp/gp_internal.h"

enum { N_VECTORS = 10, LINE = 8 /* doubles of a cache line */ };

sl_status sl_gp_new(sl_gp **out, sl_error *err)
{
    SL_REQUIRE(out != NULL, err);
    *out = calloc(1, sizeof **out);
    return *out != NULL ? SL_OK : SL_FAIL_NOMEM(err);
}

void sl_gp_free(sl_gp *gp)
{
    if (gp == NULL) return;
    free(gp->memory);
    free(gp->grid);
    free(gp);
}

static sl_status reserve(sl_gp *gp, size_t n, sl_error *err)
{
    if (n <= gp->capacity) return SL_OK;
    const size_t capacity = (n + 31) / 32 * 32, panels = sl_gp_upper(capacity / SL_GP_TILE);
    const size_t size = (N_VECTORS * capacity + 3 * panels) * sizeof(double);
    free(gp->memory);
    gp->capacity = 0;
    gp->memory = aligned_alloc(LINE * sizeof(double), (size + 63) / 64 * 64);
    if (gp->memory == NULL) return SL_FAIL_NOMEM(err);
    gp->capacity = capacity;
    double **vectors[N_VECTORS] = {&gp->time,  &gp->wavelength, &gp->flux,       &gp->noise,     &gp->pivot,
                                   &gp->half,  &gp->alpha,      &gp->best_alpha, &gp->buffer[0], &gp->buffer[1]};
    for (size_t i = 0; i < N_VECTORS; i++) *vectors[i] = gp->memory + i * capacity;
    gp->factor = gp->memory + N_VECTORS * capacity;
    gp->slope = gp->factor + panels;
    gp->inverse = gp->slope + panels;
    return SL_OK;
}

static sl_status check_rules(const sl_gp_rules *rules, sl_error *err)
{
    SL_REQUIRE(rules->amplitude_factor > 0 && isfinite(rules->amplitude_factor), err);
    SL_REQUIRE(rules->wavelength_scale_aa > 0 && isfinite(rules->wavelength_scale_aa), err);
    SL_REQUIRE(rules->jitter >= 0 && isfinite(rules->jitter), err);
    SL_REQUIRE(rules->amplitude_halfwidth >= 0 && isfinite(rules->amplitude_halfwidth), err);
    SL_REQUIRE(isfinite(rules->metric_min) && isfinite(rules->metric_max), err);
    SL_REQUIRE(rules->metric_min <= rules->metric_start && rules->metric_start <= rules->metric_max, err);
    SL_REQUIRE(rules->tolerance > 0 && isfinite(rules->tolerance), err);
    return SL_OK;
}

static sl_status check_points(const sl_lightcurve *lc, sl_error *err)
{
    if (lc->n == 0) return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NO_POINTS, "light curve without points");
    if (lc->n > SL_MAX_POINTS) {
        return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_TOO_MANY_POINTS, "light curve of %zu points, the most is %d",
                       lc->n, SL_MAX_POINTS);
    }
    SL_REQUIRE(lc->time != NULL && lc->flux != NULL && lc->error != NULL && lc->wavelength != NULL, err);
    for (size_t i = 0; i < lc->n; i++) {
        const bool good = isfinite(lc->time[i]) && isfinite(lc->flux[i]) && lc->error[i] >= 0 &&
                          isfinite(lc->error[i]) && lc->wavelength[i] > 0 && isfinite(lc->wavelength[i]);
        if (!good) {
            return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC,
                           "point %zu: time %g, flux %g, error %g, wavelength %g", i, lc->time[i], lc->flux[i],
                           lc->error[i], lc->wavelength[i]);
        }
    }
    for (size_t i = 1; i < lc->n; i++) SL_REQUIRE(lc->time[i - 1] <= lc->time[i], err);
    return SL_OK;
}

/* Copy a light curve into the workspace. */
static sl_status load(sl_gp *gp, const sl_gp_rules *rules, const sl_lightcurve *lc, sl_error *err)
{
    gp->ready = false;
    SL_TRY(check_rules(rules, err));
    SL_TRY(check_points(lc, err));
    SL_TRY(reserve(gp, lc->n, err));
    gp->n = lc->n;
    gp->padded = (lc->n + SL_GP_TILE - 1) / SL_GP_TILE * SL_GP_TILE;
    gp->amplitude_factor = rules->amplitude_factor;
    gp->wavelength_scale = rules->wavelength_scale_aa;
    memcpy(gp->time, lc->time, lc->n * sizeof *gp->time);
    memcpy(gp->wavelength, lc->wavelength, lc->n * sizeof *gp->wavelength);
    memcpy(gp->flux, lc->flux, lc->n * sizeof *gp->flux);
    for (size_t i = 0; i < lc->n; i++) gp->noise[i] = lc->error[i] * lc->error[i] + rules->jitter;
    for (size_t i = lc->n; i < gp->padded; i++) gp->time[i] = gp->wavelength[i] = gp->flux[i] = gp->noise[i] = 0;
    return SL_OK;
}

/*
 * |flux| of the point that stands out most, an error of 1 % of the maximum
 * added. Where every flux is 0 that says nothing: then the largest error is
 * the scale, and 1 where there is none (the mean is 0 whatever the scale).
 */
static double flux_scale(const sl_lightcurve *lc)
{
    double maximum = lc->flux[0], largest_error = 0, best = -1, scale = 0;
    for (size_t i = 0; i < lc->n; i++) {
        maximum = fmax(maximum, lc->flux[i]);
        largest_error = fmax(largest_error, lc->error[i]);
    }
    for (size_t i = 0; i < lc->n; i++) {
        const double percent = 0.01 * maximum;
        const double significance =
            fabs(lc->flux[i]) / sqrt(lc->error[i] * lc->error[i] + percent * percent);
        if (significance > best) {
            best = significance;
            scale = fabs(lc->flux[i]);
        }
    }
    if (scale > 0) return scale;
    return largest_error > 0 ? largest_error : 1;
}

static bool value(void *user, const double p[2], double *out)
{
    return sl_gp_value(user, p, out);
}

static void gradient(void *user, double out[2], double information[3])
{
    sl_gp_gradient(user, out, information);
}

/* The parameters evaluated last are the best: keep what predicts from them. */
static void keep(void *user, const double p[2])
{
    sl_gp *gp = user;
    memcpy(gp->best_alpha, gp->alpha, gp->n * sizeof *gp->alpha);
    memcpy(gp->best_p, p, sizeof gp->best_p);
    gp->ready = true;
}

sl_status sl_gp_fit(sl_gp *gp, const sl_gp_rules *rules, const sl_lightcurve *lc, sl_gp_fit_info *out, sl_error *err)
{
    SL_REQUIRE(gp != NULL && rules != NULL && lc != NULL, err);
    SL_TRY(load(gp, rules, lc, err));
    /* ln((scale / 2)^2 / 2), without a square that could overflow */
    const double start[2] = {2 * log(flux_scale(lc) / 2) - log(2), rules->metric_start};
    const double low[2] = {start[0] - rules->amplitude_halfwidth, rules->metric_min};
    const double high[2] = {start[0] + rules->amplitude_halfwidth, rules->metric_max};
    const sl_gp_objective likelihood = {gp, value, gradient, keep};
    sl_gp_search_result found;
    if (!sl_gp_search(&likelihood, start, low, high, rules->tolerance, &found)) {
        return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC,
                       "the covariance of %zu points is not positive definite at the start (p0 %g, p1 %g)", lc->n,
                       start[0], start[1]);
    }
    if (out == NULL) return SL_OK;
    *out = (sl_gp_fit_info){.log_likelihood = found.value,
                            .evaluations = found.evaluations,
                            .converged = found.converged};
    for (int i = 0; i < 2; i++) {
        out->start[i] = start[i];
        out->p[i] = found.p[i];
        out->gradient[i] = found.gradient[i];
        out->at_bound = out->at_bound || found.p[i] <= low[i] || found.p[i] >= high[i];
    }
    return SL_OK;
}

sl_status sl_gp_log_likelihood(sl_gp *gp, const sl_gp_rules *rules, const sl_lightcurve *lc, const double p[2],
                               double *out, double gradient_out[2], sl_error *err)
{
    SL_REQUIRE(gp != NULL && rules != NULL && lc != NULL && p != NULL && out != NULL, err);
    SL_REQUIRE(isfinite(p[0]) && isfinite(p[1]), err);
    SL_TRY(load(gp, rules, lc, err));
    if (!sl_gp_value(gp, p, out)) {
        return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC,
                       "the covariance of %zu points is not positive definite at p0 %g, p1 %g", lc->n, p[0], p[1]);
    }
    if (gradient_out != NULL) sl_gp_gradient(gp, gradient_out, NULL);
    keep(gp, p);
    return SL_OK;
}
