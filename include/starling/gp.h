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
 * Cost: about eight evaluations of n^3 / 2 multiply-adds each; 12 n^2 bytes.
 * Up to 64 points both are those of a full set of lanes (8 light curves with
 * AVX-512, 4 with AVX2): who has many should use sl_gp_batch.
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
 * mean is not finite. Cost: one exponential a point and place; sl_gp_grid
 * spends a fraction of that on points of the predicted band.
 */
SL_API sl_status sl_gp_predict(const sl_gp *gp, size_t n_times, const double *time, size_t n_bands,
                               const double *wavelength, double *mean, sl_error *err);

/*
 * Fit, predict on the contract's regular grid (first to last point), scale,
 * add the extras: the network's input. `input` has
 * sl_contract_input_floats floats, laid out as that says.
 * `mean` (grid_length x n_channels, before scaling) and `info` may be NULL.
 * Where the contract has features or sees nights, lc needs error and band (SL_ERR_INVAL otherwise); nights are made
 * without a fit: info is zeros then, and mean stays as it was. `mean` has grid_length x sl_contract_grid_channels.
 * Points that are all at one moment make a constant grid. Borrows everything;
 * the contract must have passed sl_contract_check and have as many channels as
 * the light curve. Errors as sl_gp_fit and sl_gp_scale.
 */
SL_API sl_status sl_gp_grid(sl_gp *gp, const sl_contract *contract, const sl_lightcurve *lc, float *input, double *mean,
                            sl_gp_fit_info *info, sl_error *err);

/*
 * Only the last step of sl_gp_grid: grid -> network input, for contracts
 * without nights, features and error plane (SL_ERR_INVAL). Needs lc for peak
 * flux and redshift. SL_ERR_CONTRACT / NO_REDSHIFT where the contract has an
 * extra that the light curve lacks, SL_ERR_NUMERIC where a value does not fit
 * a float.
 */
SL_API sl_status sl_gp_scale(const sl_contract *contract, const sl_lightcurve *lc, const double *mean, float *input,
                             sl_error *err);

/*
 * Many light curves at once, under one contract. On processors with wide
 * vectors several are fitted side by side, so that each costs a fraction of
 * sl_gp_grid; the results are the same to the last bit, whatever else is in
 * the batch and in whatever order.
 *
 * A round: _reset, _add each light curve (up to the capacity), _run, then take
 * the results by index in any order. Workspace of one thread. Memory: the
 * inputs, 40 bytes a point, and the workspace of sl_gp for the longest light
 * curve so far; rounds no larger than earlier ones allocate nothing.
 */
typedef struct sl_gp_batch sl_gp_batch;

enum { SL_GP_MOST_BATCH = 65536 };

/*
 * Gives a batch of at most `capacity` light curves (1 .. SL_GP_MOST_BATCH);
 * free with _free. Copies the contract, which must have passed
 * sl_contract_check.
 */
SL_API sl_status sl_gp_batch_new(const sl_contract *contract, size_t capacity, sl_gp_batch **out, sl_error *err);
SL_API void sl_gp_batch_free(sl_gp_batch *batch);
/* Forget all light curves and results, keep the memory. */
SL_API void sl_gp_batch_reset(sl_gp_batch *batch);
/* How many were added since the last _reset; the next one gets this index. */
SL_API size_t sl_gp_batch_count(const sl_gp_batch *batch);

/*
 * Copy a light curve into the batch. What is wrong with its values is told by
 * _result: it takes an index like any other. SL_ERR_INVAL, and no index, where
 * the batch is full or the number of channels is not the contract's.
 */
SL_API sl_status sl_gp_batch_add(sl_gp_batch *batch, const sl_lightcurve *lc, sl_error *err);

/*
 * Fit and predict what was added since the last _run or _reset. Fails only for
 * want of memory; a light curve that cannot be fitted spoils no other.
 *
 * Cost: on 8 lanes, about 1/6 of sl_gp_grid for each of many light curves of
 * up to 64 points; longer ones cost the same here and there.
 */
SL_API sl_status sl_gp_batch_run(sl_gp_batch *batch, sl_error *err);

/*
 * What became of light curve i: the status, error and info of sl_gp_grid.
 * *input borrows from the batch until the next _reset or _free: as
 * sl_gp_grid writes it; the inputs of consecutive indices
 * lie one behind the other (those of failed ones hold nothing of meaning).
 * input and info may be NULL. SL_ERR_INVAL where i has not been run.
 */
SL_API sl_status sl_gp_batch_result(const sl_gp_batch *batch, size_t i, const float **input, sl_gp_fit_info *info,
                                    sl_error *err);

/* The values of light curve i's features before they are scaled, NaN where missing: sl_contract_input_features of them,
   borrowed as *input is. Only of one whose result is SL_OK. */
SL_API const float *sl_gp_batch_features(const sl_gp_batch *batch, size_t i);

#ifdef __cplusplus
}
#endif
#endif
