#include "train/robust.h"

#include <math.h>

/*
 * Hoare's selection, in place: the k-th smallest; nothing left of it is
 * larger, nothing right of it smaller. Each round splits [low, high] into
 * [low, j] and [j + 1, high]; the pivot comes from the lower middle, so that
 * neither is empty. Equal values stop both scans: constant ones cost no more.
 */
static float nth(size_t n, float *x, size_t k)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        const float pivot = x[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (x[i] < pivot) i++;
            while (pivot < x[j]) j--;
            if (i >= j) break;
            const float value = x[i];
            x[i++] = x[j];
            x[j--] = value;
        }
        if (k <= j) {
            high = j;
        } else {
            low = j + 1;
        }
    }
    return x[k];
}

static float quantile(size_t n, float *x, double fraction)
{
    return nth(n, x, (size_t)(fraction * (double)(n - 1) + 0.5));
}

void sl_robust_fit(size_t n, float *x, float *center, float *spread)
{
    *center = 0;
    *spread = 1;
    if (n == 0) return;
    *center = quantile(n, x, 0.5);
    const float quartiles = (quantile(n, x, 0.75) - quantile(n, x, 0.25)) / 1.349f;
    const float tails = (quantile(n, x, 0.95) - quantile(n, x, 0.05)) / 3.29f;
    float width = quartiles > tails ? quartiles : tails;
    if (!(width > 0)) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += pow((double)x[i] - (double)*center, 2);
        width = (float)sqrt(sum / (double)n);
    }
    if (width > 0 && isfinite(width)) *spread = width;
}
