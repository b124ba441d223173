/* The reference: one light curve, one number at a time, whole matrices row by row. */
#include "kernels/gp_scalar.h"

#include <math.h>
#include <string.h>

typedef struct matrices {
    double *factor;  /* n x n, lower: L with K = L L^T */
    double *inverse; /* n x n, lower: L^-1 */
    double *slope;   /* n x n, lower: dK / dp1 */
    double *u0, *u1; /* n */
} matrices;

static matrices layout(const sl_gp_problem *g)
{
    const size_t n = g->n, square = n * n;
    double *w = g->work;
    return (matrices){w, w + square, w + 2 * square, w + 3 * square, w + 3 * square + n};
}

size_t sl_gp_scalar_work(size_t n)
{
    return 3 * n * n + 2 * n;
}

static double distance(double dt, double time_scale, double rest)
{
    return fmin(sqrt(dt * dt * time_scale + rest), SL_GP_MAX_DISTANCE);
}

static void covariance(const sl_gp_problem *g, double *value, double *slope)
{
    const double a = *g->time_scale;
    for (size_t i = 0; i < g->n; i++) {
        for (size_t j = 0; j <= i; j++) {
            const double dt = g->time[i] - g->time[j], dw = g->wavelength[i] - g->wavelength[j];
            const double q = fmin(dt * dt * a, SL_GP_MAX_DISTANCE * SL_GP_MAX_DISTANCE);
            const double s = distance(dt, a, dw * dw * g->wavelength_scale), e = *g->amplitude * exp(-s);
            value[g->n * i + j] = e * (1 + s) + (i == j ? g->noise[i] : 0);
            slope[g->n * i + j] = 0.5 * e * q;
        }
    }
}

/* K -> L in place. False where K is not positive definite to working precision. */
static bool factorise(size_t n, double *k)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = k[n * i + j];
            for (size_t m = 0; m < j; m++) sum -= k[n * i + m] * k[n * j + m];
            if (i == j && !(sum > 0 && sum < INFINITY)) return false;
            k[n * i + j] = i == j ? sqrt(sum) : sum / k[n * j + j];
        }
    }
    return true;
}

/* x = L^-1 x */
static void solve_lower(size_t n, const double *factor, double *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) x[i] -= factor[n * i + j] * x[j];
        x[i] /= factor[n * i + i];
    }
}

/* x = L^-T x */
static void solve_upper(size_t n, const double *factor, double *x)
{
    for (size_t i = n; i-- > 0;) {
        for (size_t j = i + 1; j < n; j++) x[i] -= factor[n * j + i] * x[j];
        x[i] /= factor[n * i + i];
    }
}

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

void sl_gp_scalar_value(const sl_gp_problem *g)
{
    const matrices m = layout(g);
    const size_t n = g->n;
    covariance(g, m.factor, m.slope);
    *g->log_likelihood = NAN;
    if (!factorise(n, m.factor)) return;
    memcpy(g->alpha, g->flux, n * sizeof *g->alpha);
    solve_lower(n, m.factor, g->alpha);
    double logs = 0;
    for (size_t i = 0; i < n; i++) logs += log(m.factor[n * i + i]);
    const double half_log_2pi = 0.91893853320467274178;
    *g->log_likelihood = -logs - 0.5 * dot(n, g->alpha, g->alpha) - half_log_2pi * (double)n;
    solve_upper(n, m.factor, g->alpha);
}

/* Column by column: L^-1 of a unit vector. */
static void invert(size_t n, const double *factor, double *inverse)
{
    for (size_t c = 0; c < n; c++) {
        for (size_t i = c; i < n; i++) {
            double sum = i == c;
            for (size_t j = c; j < i; j++) sum -= factor[n * i + j] * inverse[n * j + c];
            inverse[n * i + c] = sum / factor[n * i + i];
        }
    }
}

/* trace(K^-1 slope) and trace(K^-1 diag(noise)), K^-1 = L^-T L^-1. */
static void traces(const sl_gp_problem *g, const matrices *m, double *slope_trace, double *noise_trace)
{
    const size_t n = g->n;
    *slope_trace = *noise_trace = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double k = 0;
            for (size_t r = i; r < n; r++) k += m->inverse[n * r + i] * m->inverse[n * r + j];
            if (i == j) *noise_trace += k * g->noise[i];
            else *slope_trace += 2 * k * m->slope[n * i + j];
        }
    }
}

void sl_gp_scalar_slope(const sl_gp_problem *g)
{
    const matrices m = layout(g);
    const size_t n = g->n;
    double slope_trace, noise_trace;
    invert(n, m.factor, m.inverse);
    traces(g, &m, &slope_trace, &noise_trace);
    for (size_t i = 0; i < n; i++) {
        m.u0[i] = g->flux[i] - g->noise[i] * g->alpha[i];
        m.u1[i] = 0;
        for (size_t j = 0; j < n; j++) m.u1[i] += m.slope[j < i ? n * i + j : n * j + i] * g->alpha[j];
    }
    g->gradient[0] = 0.5 * (dot(n, g->alpha, m.u0) - ((double)n - noise_trace));
    g->gradient[1] = 0.5 * (dot(n, g->alpha, m.u1) - slope_trace);
    solve_lower(n, m.factor, m.u0);
    solve_lower(n, m.factor, m.u1);
    g->information[0] = 0.5 * dot(n, m.u0, m.u0);
    g->information[1] = 0.5 * dot(n, m.u0, m.u1);
    g->information[2] = 0.5 * dot(n, m.u1, m.u1);
}

void sl_gp_scalar_mean(const sl_gp_mean *m)
{
    for (size_t j = 0; j < m->n_times; j++) {
        double sum = 0;
        for (size_t i = 0; i < m->n; i++) {
            const double dw = m->at_wavelength - m->wavelength[i];
            const double s = distance(m->times[j] - m->time[i], m->time_scale, dw * dw * m->wavelength_scale);
            sum += m->alpha[i] * ((1 + s) * exp(-s));
        }
        m->mean[j] = m->amplitude * sum;
    }
}

void sl_gp_scalar_variance(const sl_gp_variance *v)
{
    const sl_gp_problem *g = v->problem;
    const matrices m = layout(g);
    for (size_t j = 0; j < v->n_times; j++) {
        for (size_t i = 0; i < g->n; i++) {
            const double dw = v->at_wavelength - g->wavelength[i];
            const double s = distance(v->times[j] - g->time[i], *g->time_scale, dw * dw * g->wavelength_scale);
            v->work[i] = *g->amplitude * ((1 + s) * exp(-s));
        }
        solve_lower(g->n, m.factor, v->work);
        v->variance[j] = *g->amplitude - dot(g->n, v->work, v->work);
    }
}
