/* One light curve at a time: the same engine with one search in it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gp/gp_internal.h"

struct sl_gp {
    sl_gp_engine engine;
    sl_gp_curve curve;
    sl_gp_rules rules;
    double *points; /* owns what the curve borrows */
    size_t points_capacity;
    double *grid; /* owns the scratch of sl_gp_grid */
    size_t grid_capacity;
    double p[2]; /* sl_gp_predict predicts at these */
    bool ready;  /* and has something to predict from */
};

sl_status sl_gp_new(sl_gp **out, sl_error *err)
{
    SL_REQUIRE(out != NULL, err);
    *out = calloc(1, sizeof **out);
    return *out != NULL ? SL_OK : SL_FAIL_NOMEM(err);
}

void sl_gp_free(sl_gp *gp)
{
    if (gp == NULL) return;
    sl_gp_engine_release(&gp->engine);
    free(gp->points);
    free(gp->grid);
    free(gp);
}

static sl_status reserve(double **array, size_t *capacity, size_t n, sl_error *err)
{
    if (n <= *capacity) return SL_OK;
    n = (n + 127) / 128 * 128;
    free(*array);
    *capacity = 0;
    *array = aligned_alloc(64, n * sizeof **array);
    if (*array == NULL) return SL_FAIL_NOMEM(err);
    *capacity = n;
    return SL_OK;
}

static sl_status load(sl_gp *gp, const sl_gp_rules *rules, const sl_lightcurve *lc, sl_error *err)
{
    gp->ready = false;
    SL_TRY(sl_gp_check_rules(rules, err));
    SL_TRY(sl_gp_check_points(lc, err));
    SL_TRY(reserve(&gp->points, &gp->points_capacity, 5 * lc->n, err));
    gp->rules = *rules;
    sl_gp_curve_load(&gp->curve, rules, lc, gp->points);
    return SL_OK;
}

sl_status sl_gp_fit(sl_gp *gp, const sl_gp_rules *rules, const sl_lightcurve *lc, sl_gp_fit_info *out, sl_error *err)
{
    SL_REQUIRE(gp != NULL && rules != NULL && lc != NULL, err);
    SL_TRY(load(gp, rules, lc, err));
    sl_gp_curve *curve = &gp->curve;
    SL_TRY(sl_gp_engine_fit(&gp->engine, rules, 1, &curve, err));
    SL_TRY(sl_gp_curve_outcome(curve, out, err));
    memcpy(gp->p, curve->search.p, sizeof gp->p);
    gp->ready = true;
    return SL_OK;
}

sl_status sl_gp_log_likelihood(sl_gp *gp, const sl_gp_rules *rules, const sl_lightcurve *lc, const double p[2],
                               double *out, double gradient_out[2], sl_error *err)
{
    SL_REQUIRE(gp != NULL && rules != NULL && lc != NULL && p != NULL && out != NULL, err);
    SL_REQUIRE(isfinite(p[0]) && isfinite(p[1]), err);
    SL_TRY(load(gp, rules, lc, err));
    double gradient[2] = {0};
    SL_TRY(sl_gp_engine_evaluate(&gp->engine, rules, &gp->curve, p, out, gradient, err));
    if (!isfinite(*out)) {
        return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC,
                       "the covariance of %zu points is not positive definite at p0 %g, p1 %g", lc->n, p[0], p[1]);
    }
    if (gradient_out != NULL) memcpy(gradient_out, gradient, sizeof gradient);
    memcpy(gp->p, p, sizeof gp->p);
    gp->ready = true;
    return SL_OK;
}

sl_status sl_gp_predict(const sl_gp *gp, size_t n_times, const double *time, size_t n_bands, const double *wavelength,
                        double *mean, sl_error *err)
{
    SL_REQUIRE(gp != NULL && gp->ready, err);
    SL_REQUIRE(n_times == 0 || n_bands == 0 || (time != NULL && wavelength != NULL && mean != NULL), err);
    return sl_gp_curve_predict(&gp->curve, &gp->rules, gp->p, false, n_times, time, n_bands, wavelength, mean, err);
}

sl_status sl_gp_grid(sl_gp *gp, const sl_contract *contract, const sl_lightcurve *lc, float *input, double *mean,
                     sl_gp_fit_info *info, sl_error *err)
{
    SL_REQUIRE(gp != NULL && contract != NULL && lc != NULL && input != NULL, err);
    SL_TRY(sl_gp_check_grid(contract, err));
    SL_REQUIRE(lc->n_channels == contract->n_channels, err);
    SL_TRY(sl_gp_check_wanted(contract, lc, err));
    SL_TRY(reserve(&gp->grid, &gp->grid_capacity, sl_gp_input_scratch(contract), err));
    float raw[SL_MAX_FEATURE_VALUES];
    if (contract->sees != SL_SEES_NIGHTS) {
        SL_TRY(sl_gp_fit(gp, &contract->gp, lc, info, err));
    } else {
        SL_TRY(sl_gp_check_points(lc, err));
        if (info != NULL) *info = (sl_gp_fit_info){0};
    }
    return sl_gp_input(&gp->engine, &gp->curve, contract, lc, gp->grid, input, raw, mean, err);
}
