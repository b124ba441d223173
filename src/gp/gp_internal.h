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
/* Value (NaN where there is none) and gradient at p, alpha into the curve. */
sl_status sl_gp_engine_evaluate(sl_gp_engine *e, const sl_gp_rules *rules, sl_gp_curve *c, const double p[2],
                                double *value, double gradient[2], sl_error *err);

/* grid.c */
/* mean[t * n_bands + b] at n_times times under parameters p. SL_ERR_NUMERIC where something is not finite. */
sl_status sl_gp_curve_predict(const sl_gp_curve *c, const sl_gp_rules *rules, const double p[2], size_t n_times,
                              const double *time, size_t n_bands, const double *wavelength, double *mean,
                              sl_error *err);
/* Doubles of scratch that sl_gp_curve_grid wants. */
size_t sl_gp_grid_scratch(const sl_contract *contract);
sl_status sl_gp_check_grid(const sl_contract *contract, sl_error *err);
/* From the fit to the network's input; mean may be NULL. lc: the light curve, but only n, flux, channels, redshift. */
sl_status sl_gp_curve_grid(const sl_gp_curve *c, const sl_contract *contract, const sl_lightcurve *lc, double *scratch,
                           float *input, double *mean, sl_error *err);

/* scale.c: sl_gp_scale with a scratch of 2 x grid_length doubles. */
sl_status sl_gp_scale_with(const sl_contract *contract, const sl_lightcurve *lc, const double *mean, double *scratch,
                           float *input, sl_error *err);

#endif
