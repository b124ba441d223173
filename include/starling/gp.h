/*
 * starling/gp.h - the Gaussian process: fit two parameters, predict a grid.
 */
#ifndef STARLING_GP_H
#define STARLING_GP_H

#include "starling/base.h"
#include "starling/contract.h"
#include "starling/lightcurve.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a fit found. Parameters as in sl_gp_rules. */
typedef struct sl_gp_fit_info {
    double start[2];       /* p0, p1 at the start */
    double p[2];           /* at the optimum; the start where the fit failed */
    double log_likelihood; /* natural logarithm, at p, normalisation included */
    double gradient[2];    /* of the log-likelihood at p */
    int evaluations;       /* of the likelihood; 80 at most */
    bool converged;        /* false: the search ended early, p is the best it saw */
    bool at_bound;         /* p0 or p1 lies on a bound */
} sl_gp_fit_info;

/* Workspace of one thread; grows to the longest light curve seen. Gives; free with _free. */
typedef struct sl_gp sl_gp;
SL_API sl_status sl_gp_new(sl_gp **out, sl_error *err);
SL_API void sl_gp_free(sl_gp *gp);

/*
 * Maximise the likelihood of the light curve over p0 and p1, and keep what
 * sl_gp_predict needs. The result depends on the light curve and the rules
 * alone, to the last bit, never on what the workspace did before.
 *
 * A search that ends early falls back on the best parameters it saw, at worst
 * the start, and is no error. SL_ERR_NUMERIC where a value is not finite, an
 * error is negative, or not even the start gives a positive-definite
 * covariance; SL_ERR_CONTRACT for no points or more than SL_MAX_POINTS;
 * SL_ERR_INVAL for times that descend. `out` may be NULL.
 *
 * Where every flux is 0 the start of p0 comes from the largest error instead
 * (from 1 where that is 0 too); the mean is 0 then anyway.
 *
 * Cost: about nine evaluations of n^3 / 2 multiply-adds each; 12 n^2 bytes.
 */
SL_API sl_status sl_gp_fit(sl_gp *gp, const sl_gp_rules *rules, const sl_lightcurve *lc, sl_gp_fit_info *out,
                           sl_error *err);

/*
 * Log-likelihood and its gradient (may be NULL) at given parameters, for tests
 * and plots; sl_gp_predict then predicts at these. Errors as sl_gp_fit.
 */
SL_API sl_status sl_gp_log_likelihood(sl_gp *gp, const sl_gp_rules *rules, const sl_lightcurve *lc, const double p[2],
                                      double *out, double gradient[2], sl_error *err);

/*
 * Predicted mean under the last fit at n_times x n_bands places:
 * mean[t * n_bands + b] at time[t] and wavelength[b] [Angstrom].
 * SL_ERR_INVAL where no fit went before, SL_ERR_NUMERIC where a place or a
 * mean is not finite. Cost: one exponential a point and place.
 */
SL_API sl_status sl_gp_predict(const sl_gp *gp, size_t n_times, const double *time, size_t n_bands,
                               const double *wavelength, double *mean, sl_error *err);

/*
 * Fit, predict on the contract's regular grid (first to last point), scale,
 * add the extras: the network's input. `input` has
 * sl_contract_input_steps x sl_contract_input_channels floats, row-major.
 * `mean` (grid_length x n_channels, before scaling) and `info` may be NULL.
 * Points that are all at one moment make a constant grid. Borrows everything;
 * the contract must have passed sl_contract_check and have as many channels as
 * the light curve. Errors as sl_gp_fit and sl_gp_scale.
 */
SL_API sl_status sl_gp_grid(sl_gp *gp, const sl_contract *contract, const sl_lightcurve *lc, float *input, double *mean,
                            sl_gp_fit_info *info, sl_error *err);

/*
 * Only the last step of sl_gp_grid: grid -> network input. Needs lc for peak
 * flux and redshift. SL_ERR_CONTRACT / NO_REDSHIFT where the contract has an
 * extra that the light curve lacks, SL_ERR_NUMERIC where a value does not fit
 * a float.
 */
SL_API sl_status sl_gp_scale(const sl_contract *contract, const sl_lightcurve *lc, const double *mean, float *input,
                             sl_error *err);

#ifdef __cplusplus
}
#endif
#endif
