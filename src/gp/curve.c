/* A light curve before its fit, checked and copied, and what comes out behind it. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "gp/gp_internal.h"

sl_status sl_gp_check_rules(const sl_gp_rules *rules, sl_error *err)
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

sl_status sl_gp_check_points(const sl_lightcurve *lc, sl_error *err)
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

void sl_gp_curve_load(sl_gp_curve *c, const sl_gp_rules *rules, const sl_lightcurve *lc, double *room)
{
    const size_t n = lc->n, bytes = n * sizeof *room;
    memcpy(room, lc->time, bytes);
    memcpy(room + n, lc->wavelength, bytes);
    memcpy(room + 2 * n, lc->flux, bytes);
    for (size_t i = 0; i < n; i++) room[3 * n + i] = lc->error[i] * lc->error[i] + rules->jitter;
    *c = (sl_gp_curve){.n = n, .time = room, .wavelength = room + n, .flux = room + 2 * n, .noise = room + 3 * n,
                       .alpha = room + 4 * n};
    /* ln((scale / 2)^2 / 2), without a square that could overflow */
    const double start[2] = {2 * log(flux_scale(lc) / 2) - log(2), rules->metric_start};
    const double low[2] = {start[0] - rules->amplitude_halfwidth, rules->metric_min};
    const double high[2] = {start[0] + rules->amplitude_halfwidth, rules->metric_max};
    sl_gp_search_begin(&c->search, start, low, high, rules->tolerance);
}

sl_status sl_gp_curve_outcome(const sl_gp_curve *c, sl_gp_fit_info *out, sl_error *err)
{
    const sl_gp_search *s = &c->search;
    if (s->stage == SL_GP_FAILED) {
        return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC,
                       "the covariance of %zu points is not positive definite at the start (p0 %g, p1 %g)", c->n,
                       s->start[0], s->start[1]);
    }
    if (out == NULL) return SL_OK;
    *out = (sl_gp_fit_info){.log_likelihood = s->value, .evaluations = s->evaluations, .converged = s->converged};
    for (int i = 0; i < 2; i++) {
        out->start[i] = s->start[i];
        out->p[i] = s->p[i];
        out->gradient[i] = s->gradient[i];
        out->at_bound = out->at_bound || s->p[i] <= s->low[i] || s->p[i] >= s->high[i];
    }
    return SL_OK;
}
