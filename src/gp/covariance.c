/* The Matern-3/2 covariance of a light curve and its derivative. */
#include <math.h>

#include "gp/gp_internal.h"
#include "gp/matern.h"

typedef struct scales {
    double amplitude;  /* amplitude_factor exp(p0) */
    double time;       /* 3 exp(-p1) */
    double wavelength; /* 3 / wavelength_scale^2 */
} scales;

/*
 * One row: k = A (1 + s) e^-s and dk/dp1 = A/2 e^-s q between a point and n
 * others, where q is the part of s^2 that belongs to time. dk/dp0 is k itself.
 */
static void row(const scales *scale, double time, double wavelength, size_t n, const double *restrict times,
                const double *restrict wavelengths, double *restrict value, double *restrict slope)
{
    const double a = scale->time, b = scale->wavelength, amplitude = scale->amplitude;
    for (size_t i = 0; i < n; i++) {
        const double dt = time - times[i], dw = wavelength - wavelengths[i];
        const double q = sl_gp_min(dt * dt * a, SL_GP_MAX_DISTANCE * SL_GP_MAX_DISTANCE);
        const double s = sl_gp_min(sqrt(q + dw * dw * b), SL_GP_MAX_DISTANCE);
        const double e = amplitude * sl_gp_exp_minus(s);
        value[i] = e * (1 + s);
        slope[i] = 0.5 * e * q;
    }
}

/* A row from column `first` (a multiple of the tile) on, into the panels. */
static void scatter(const double *restrict from, size_t first, size_t padded, size_t row_index, double *restrict panels)
{
    for (size_t c = first; c < padded; c += SL_GP_TILE) {
        double *to = panels + sl_gp_upper(c / SL_GP_TILE) + SL_GP_TILE * row_index;
        for (size_t i = 0; i < SL_GP_TILE; i++) to[i] = from[c + i];
    }
}

void sl_gp_covariance(sl_gp *gp, const double p[2])
{
    const scales scale = {.amplitude = gp->amplitude_factor * exp(p[0]),
                          .time = 3 * exp(-p[1]),
                          .wavelength = 3 / (gp->wavelength_scale * gp->wavelength_scale)};
    double *value = gp->buffer[0], *slope = gp->buffer[1];
    for (size_t i = gp->n; i < gp->padded; i++) value[i] = slope[i] = 0;
    for (size_t k = 0; k < gp->n; k++) {
        const size_t first = k / SL_GP_TILE * SL_GP_TILE;
        row(&scale, gp->time[k], gp->wavelength[k], gp->n - first, gp->time + first, gp->wavelength + first,
            value + first, slope + first);
        value[k] += gp->noise[k];
        scatter(value, first, gp->padded, k, gp->factor);
        scatter(slope, first, gp->padded, k, gp->slope);
    }
    const size_t first = gp->padded - SL_GP_TILE;
    for (size_t i = first; i < gp->padded; i++) value[i] = slope[i] = 0;
    for (size_t k = gp->n; k < gp->padded; k++) {
        value[k] = 1;
        scatter(value, first, gp->padded, k, gp->factor);
        scatter(slope, first, gp->padded, k, gp->slope);
        value[k] = 0;
    }
}
