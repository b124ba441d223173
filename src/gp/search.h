/*
 * gp/search.h - a bounded maximiser for two variables that asks for one
 * evaluation at a time, so that one loop can serve many searches side by side.
 */
#ifndef SL_GP_SEARCH_H
#define SL_GP_SEARCH_H

#include "starling/base.h"

typedef enum sl_gp_stage {
    SL_GP_AT_START,
    SL_GP_AT_JUMP, /* far along the gradient */
    SL_GP_AT_STEP, /* where the quadratic model has its optimum */
    SL_GP_DONE,
    SL_GP_FAILED /* the function has no value at the start */
} sl_gp_stage;

typedef struct sl_gp_search {
    sl_gp_stage stage;
    double at[2]; /* evaluate here, until DONE or FAILED */
    int evaluations;
    bool converged; /* once DONE */
    /* the best place so far */
    double p[2], value, gradient[2];
    /* the search's own */
    double start[2], low[2], high[2], tolerance;
    double curvature[3]; /* of minus the function: 00, 01, 11 */
    double radius, x[2], promise;
} sl_gp_search;

/* A search from start, low <= start <= high. */
void sl_gp_search_begin(sl_gp_search *s, const double start[2], const double low[2], const double high[2],
                        double tolerance);
static inline bool sl_gp_search_ended(const sl_gp_search *s)
{
    return s->stage == SL_GP_DONE || s->stage == SL_GP_FAILED;
}
/* Whether gradient and curvature at `at` will be needed, the function being `value` there (NaN: not defined). */
bool sl_gp_search_wants_gradient(const sl_gp_search *s, double value);
/*
 * The answer for `at`: the next place is in `at`, or the search has ended.
 * True where that place was the best so far. gradient, and a guess of the
 * curvature of minus the function (00, 01, 11; not negative), may be NULL
 * where they were not wanted.
 */
bool sl_gp_search_answer(sl_gp_search *s, double value, const double gradient[2], const double curvature[3]);

/* Minimise gradient . x + x . curvature x / 2 over low <= x <= high, low <= 0 <= high; returns the minimum. */
double sl_gp_minimise_in_box(const double gradient[2], const double curvature[3], const double low[2],
                             const double high[2], double x[2]);

#endif
