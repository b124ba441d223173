/*
 * gp/gp_internal.h - a light curve on its way through fit and prediction, and
 * the engine that takes many of them along side by side.
 */
#ifndef SL_GP_INTERNAL_H
#define SL_GP_INTERNAL_H

#include "gp/search.h"
#include "kernels/kernels.h"
#include "starling/gp.h"

/* Up to so many points a light curve goes through the lanes, beyond it alone. On n alone, so that a result does not
   depend on the company. */
enum { SL_GP_LANE_POINTS = 64 };

typedef struct sl_gp_curve {
    size_t n;
    const double *time, *wavelength, *flux, *noise; /* n each; noise: error^2 + jitter */
    double *alpha;                                  /* n: K^-1 flux at search.p */
    sl_gp_search search;
} sl_gp_curve;

/* curve.c */
/* Whether the rules can be followed at all. */
sl_status sl_gp_check_rules(const sl_gp_rules *rules, sl_error *err);
/* Whether the light curve can be fitted: the errors of sl_gp_fit, but for those that the fit itself finds. */
sl_status sl_gp_check_points(const sl_lightcurve *lc, sl_error *err);
/* Copy a light curve that passed the check; `room` is for 5 n doubles, borrowed. The search is at its start. */
void sl_gp_curve_load(sl_gp_curve *c, const sl_gp_rules *rules, const sl_lightcurve *lc, double *room);
/* What the search found. SL_ERR_NUMERIC where it failed; `out` may be NULL. */
sl_status sl_gp_curve_outcome(const sl_gp_curve *c, sl_gp_fit_info *out, sl_error *err);

/* engine.c: workspace of one thread. All zero is an empty one. */
typedef struct sl_gp_engine {
    double *memory;  /* owns; aligned to 64 bytes */
    size_t capacity; /* doubles */
} sl_gp_engine;

void sl_gp_engine_release(sl_gp_engine *e);
/* Carry n searches to their end. `curves` are sorted by n, the longest first. */
sl_status sl_gp_engine_fit(sl_gp_engine *e, const sl_gp_rules *rules, size_t n, sl_gp_curve *const *curves,
                           sl_error *err);
/*
 * deviation[t * n_bands + b]: the standard deviation of what is predicted under
 * p at n_times regular or other times, finite, and n_bands wavelengths. A
 * covariance that is not positive definite to working precision gets a
 * little more on its diagonal.
 */
sl_status sl_gp_engine_deviation(sl_gp_engine *e, const sl_gp_rules *rules, sl_gp_curve *c, const double p[2],
                                 size_t n_times, const double *time, size_t n_bands, const double *wavelength,
                                 double *deviation, sl_error *err);
/* Value (NaN where there is none) and gradient at p, alpha into the curve. */
sl_status sl_gp_engine_evaluate(sl_gp_engine *e, const sl_gp_rules *rules, sl_gp_curve *c, const double p[2],
                                double *value, double gradient[2], sl_error *err);

/* grid.c */
/* mean[t * n_bands + b] at n_times times under parameters p; regular: the times ascend in even steps. SL_ERR_NUMERIC where something is not finite. */
sl_status sl_gp_curve_predict(const sl_gp_curve *c, const sl_gp_rules *rules, const double p[2], bool regular,
                              size_t n_times, const double *time, size_t n_bands, const double *wavelength, double *mean,
                              sl_error *err);
sl_status sl_gp_check_grid(const sl_contract *contract, sl_error *err);
/* Whether the input is made from more of the points than what the fit keeps: their errors and bands. */
bool sl_gp_wants_points(const sl_contract *contract);
/* SL_ERR_INVAL where such a light curve has none, or bands that are none of the contract's. */
sl_status sl_gp_check_wanted(const sl_contract *contract, const sl_lightcurve *lc, sl_error *err);

/* input.c: from the fit, or from the points alone, to the network's input. */
/* Doubles of scratch that sl_gp_input wants. */
size_t sl_gp_input_scratch(const sl_contract *contract);
/*
 * c: fitted, unless the network sees nights. lc: all of it that the contract
 * wants. raw: the values of the features, before they are scaled. mean may be
 * NULL. Errors as sl_gp_grid.
 */
sl_status sl_gp_input(sl_gp_engine *e, sl_gp_curve *c, const sl_contract *contract, const sl_lightcurve *lc,
                      double *scratch, float *input, float *raw, double *mean, sl_error *err);

/* fit_features.c: fill in those of the contract's features that are about the fit. mean: grid_length x grid channels;
   scratch: grid_length. */
void sl_gp_fit_features(const sl_gp_curve *c, const sl_contract *contract, const sl_lightcurve *lc, const double *mean,
                        double *scratch, float *raw);

/* scale.c: sl_gp_scale with a scratch of 2 x grid_length doubles; deviation may be NULL where there is no such plane. */
sl_status sl_gp_scale_with(const sl_contract *contract, const sl_lightcurve *lc, const double *mean,
                           const double *deviation, double *scratch, float *input, sl_error *err);
/* The extras as channels, in n_steps rows, or as steps behind them. */
sl_status sl_gp_add_extras(const sl_contract *contract, const sl_lightcurve *lc, size_t n_steps, float *input,
                           sl_error *err);

#endif
