/* The log-likelihood of a light curve and its derivatives. */
#include <math.h>

#include "gp/gp_internal.h"

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

bool sl_gp_value(sl_gp *gp, const double p[2], double *log_likelihood)
{
    sl_gp_covariance(gp, p);
    if (!sl_gp_factorise(gp)) return false;
    sl_gp_solve_lower(gp, gp->flux, gp->half);
    sl_gp_solve_upper(gp, gp->half, gp->alpha);
    double log_pivots = 0; /* of 1/U_ii: -1/2 ln |K| */
    for (size_t i = 0; i < gp->n; i++) log_pivots += log(gp->pivot[i]);
    const double half_log_2pi = 0.91893853320467274178;
    *log_likelihood = log_pivots - 0.5 * dot(gp->n, gp->half, gp->half) - half_log_2pi * (double)gp->n;
    return isfinite(*log_likelihood);
}

/*
 * With a = K^-1 y:  dL/dp = (a . K' a - trace(K^-1 K')) / 2.
 * For p0, K' = K - N (N the noise), so K' a = y - N a and the trace is n - trace(K^-1 N).
 * Average information: (K'_i a) . K^-1 (K'_j a) / 2, the mean of the observed
 * and the expected information where K is linear in the parameters; it needs
 * two solutions only and is never negative.
 */
void sl_gp_gradient(sl_gp *gp, double gradient[2], double information[3])
{
    double slope_trace, noise_trace;
    sl_gp_traces(gp, &slope_trace, &noise_trace);
    double *u0 = gp->buffer[0], *u1 = gp->buffer[1];
    for (size_t i = 0; i < gp->padded; i++) u0[i] = gp->flux[i] - gp->noise[i] * gp->alpha[i];
    sl_gp_slope_times(gp, gp->alpha, u1);
    gradient[0] = 0.5 * (dot(gp->n, gp->alpha, u0) - ((double)gp->n - noise_trace));
    gradient[1] = 0.5 * (dot(gp->n, gp->alpha, u1) - slope_trace);
    if (information == NULL) return;
    sl_gp_solve_lower(gp, u0, u0);
    sl_gp_solve_lower(gp, u1, u1);
    information[0] = 0.5 * dot(gp->n, u0, u0);
    information[1] = 0.5 * dot(gp->n, u0, u1);
    information[2] = 0.5 * dot(gp->n, u1, u1);
}
