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
    int evaluations;       /* of the likelihood */
    bool converged;
    bool at_bound;
} sl_gp_fit_info;

/* Workspace of one thread; grows to the longest light curve seen. Gives; free with _free. */
typedef struct sl_gp sl_gp;
SL_API sl_status sl_gp_new(sl_gp **out, sl_error *err);
SL_API void sl_gp_free(sl_gp *gp);

/*
 * Maximise the likelihood of the light curve over p0 and p1. Keeps the
 * factorised covariance for sl_gp_predict. Cost: O(n^3) an evaluation, about
 * ten evaluations. A failed search falls back on the start values and is no
 * error (converged is false); SL_ERR_NUMERIC where not even those give a
 * positive-definite covariance.
 */
SL_API sl_status sl_gp_fit(sl_gp *gp, const sl_gp_rules *rules, const sl_lightcurve *lc, sl_gp_fit_info *out,
                           sl_error *err);

/* Log-likelihood and its gradient (may be NULL) at given parameters, for tests and plots. */
SL_API sl_status sl_gp_log_likelihood(sl_gp *gp, const sl_gp_rules *rules, const sl_lightcurve *lc, const double p[2],
                                      double *out, double gradient[2], sl_error *err);

/*
 * Predicted mean of the last fit at n_times x n_bands places:
 * mean[t * n_bands + b] at time[t] and wavelength[b] [Angstrom].
 */
SL_API sl_status sl_gp_predict(const sl_gp *gp, size_t n_times, const double *time, size_t n_bands,
                               const double *wavelength, double *mean, sl_error *err);

/*
 * Fit, predict on the contract's regular grid (first to last point), scale,
 * add the extras: the network's input. `input` has
 * sl_contract_input_steps x sl_contract_input_channels floats, row-major.
 * `mean` (grid_length x n_channels, before scaling) may be NULL.
 */
SL_API sl_status sl_gp_grid(sl_gp *gp, const sl_contract *contract, const sl_lightcurve *lc, float *input, double *mean,
                            sl_gp_fit_info *info, sl_error *err);

/* Only the last step of sl_gp_grid: grid -> network input. Needs lc for peak flux and redshift. */
SL_API sl_status sl_gp_scale(const sl_contract *contract, const sl_lightcurve *lc, const double *mean, float *input,
                             sl_error *err);

#ifdef __cplusplus
}
#endif
#endif
