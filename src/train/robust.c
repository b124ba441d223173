#include "train/robust.h"

#include <math.h>

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
