/*
 * gp/gp_internal.h - the workspace of one light curve and what is done to it.
 *
 * Matrices are kept as panels: SL_GP_TILE columns wide, rows one after
 * another, so that a tile of 4 x 4 is 16 neighbours and the inner loops of
 * the factorisation walk straight through memory. n is padded to whole tiles
 * with points that are alone: variance 1, covariance 0, flux 0.
 *
 *   upper panel p: rows 0 .. 4 p + 3 of columns 4 p .. 4 p + 3
 *   lower panel p: rows 4 p .. padded - 1 of the same columns
 */
#ifndef SL_GP_INTERNAL_H
#define SL_GP_INTERNAL_H

#include "starling/gp.h"

enum { SL_GP_TILE = 4, SL_GP_TILE_SIZE = SL_GP_TILE * SL_GP_TILE };

struct sl_gp {
    size_t n, padded;
    size_t capacity; /* points that `memory` is laid out for */
    double *memory;  /* owns all arrays below up to `inverse` */
    double *time, *wavelength, *flux, *noise; /* noise: error^2 + jitter */
    double *pivot;                            /* 1 / diagonal of the factor */
    double *half;                             /* L^-1 flux */
    double *alpha, *best_alpha;               /* K^-1 flux: of the last parameters, of those kept */
    double *buffer[2];                        /* two vectors for whoever needs them */
    double *factor;                           /* upper panels: K, then U with K = U^T U */
    double *slope;                            /* upper panels: dK / dp1 */
    double *inverse;                          /* lower panels: L^-1 = U^-T */

    double *grid;         /* owns: times, means and scratch of sl_gp_grid */
    size_t grid_capacity; /* doubles */

    double amplitude_factor, wavelength_scale;
    double best_p[2]; /* parameters of best_alpha */
    bool ready;       /* sl_gp_predict has something to predict from */
};

static inline size_t sl_gp_upper(size_t panel)
{
    return 8 * panel * (panel + 1);
}

static inline size_t sl_gp_lower(size_t panel, size_t padded)
{
    return panel == 0 ? 0 : 4 * panel * (padded - 2 * (panel - 1));
}

/* covariance.c: K into factor and dK/dp1 into slope, at parameters p. */
void sl_gp_covariance(sl_gp *gp, const double p[2]);

/* cholesky.c */
/* factor: K -> U, pivot. False where K is not positive definite to working precision. */
bool sl_gp_factorise(sl_gp *gp);
/* x = L^-1 b; b and x may be the same array. */
void sl_gp_solve_lower(const sl_gp *gp, const double *b, double *x);
/* x = U^-1 b; the same. */
void sl_gp_solve_upper(const sl_gp *gp, const double *b, double *x);
/* L^-1 into inverse, then trace(K^-1 slope) and trace(K^-1 diag(noise)). */
void sl_gp_traces(sl_gp *gp, double *slope_trace, double *noise_trace);
/* y = slope x */
void sl_gp_slope_times(const sl_gp *gp, const double *x, double *y);

/* likelihood.c */
/* Log-likelihood at p; leaves factor, half and alpha. False where it has no finite value. */
bool sl_gp_value(sl_gp *gp, const double p[2], double *log_likelihood);
/* Its gradient where sl_gp_value was called last, and the average-information
   approximation of minus its second derivatives (00, 01, 11; may be NULL). */
void sl_gp_gradient(sl_gp *gp, double gradient[2], double information[3]);

/* optimize.c */
/* A function of two variables to be maximised. */
typedef struct sl_gp_objective {
    void *user;
    bool (*value)(void *user, const double p[2], double *value); /* false: not defined there */
    /* at the place of the last value; information may be NULL */
    void (*gradient)(void *user, double gradient[2], double information[3]);
    void (*keep)(void *user, const double p[2]); /* the place of the last value is the best so far */
} sl_gp_objective;

typedef struct sl_gp_search_result {
    double p[2], value, gradient[2];
    int evaluations;
    bool converged;
} sl_gp_search_result;

/* From start, inside low .. high. False where the function has no value at start. */
bool sl_gp_search(const sl_gp_objective *objective, const double start[2], const double low[2], const double high[2],
                  double tolerance, sl_gp_search_result *out);

/* Minimise gradient . x + x . curvature x / 2 over low <= x <= high, low <= 0 <= high; returns the minimum. */
double sl_gp_minimise_in_box(const double gradient[2], const double curvature[3], const double low[2],
                             const double high[2], double x[2]);

/* scale.c: sl_gp_scale with a scratch of grid_length doubles. */
sl_status sl_gp_scale_with(const sl_contract *contract, const sl_lightcurve *lc, const double *mean, double *scratch,
                           float *input, sl_error *err);

#endif
