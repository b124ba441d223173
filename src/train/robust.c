#include "train/robust.h"

#include <math.h>

#include "base/half.h"
#include "base/nth.h"

static double quantile(size_t n, double *x, double fraction)
{
    return sl_nth(n, x, (size_t)(fraction * (double)(n - 1) + 0.5));
}

void sl_robust_fit(size_t n, double *x, float *center, float *spread)
{
    *center = 0;
    *spread = 1;
    if (n == 0) return;
    const double median = quantile(n, x, 0.5);
    const double quartiles = (quantile(n, x, 0.75) - quantile(n, x, 0.25)) / 1.349;
    const double tails = (quantile(n, x, 0.95) - quantile(n, x, 0.05)) / 3.29;
    double width = quartiles > tails ? quartiles : tails;
    if (!((float)width > 0)) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += pow(x[i] - median, 2);
        width = sqrt(sum / (double)n);
    }
    *center = (float)median;
    if ((float)width > 0 && isfinite((float)width)) *spread = (float)width;
}

void sl_knots_fit(size_t n, double *x, size_t n_knots, uint16_t *knots)
{
    size_t done = 0; /* what is left of here is no larger than what is right of it */
    for (size_t k = 0; k < n_knots; k++) {
        knots[k] = 0;
        if (n == 0) continue;
        const size_t at = (size_t)(((double)k + 0.5) / (double)n_knots * (double)(n - 1) + 0.5);
        knots[k] = sl_half_from_float((float)sl_nth(n - done, x + done, at - done));
        done = at;
    }
}
