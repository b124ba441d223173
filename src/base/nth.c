#include "base/nth.h"

/*
 * Hoare's selection. Each round splits [low, high] into [low, j] and
 * [j + 1, high]; the pivot comes from the lower middle, so that neither is
 * empty. Equal values stop both scans: constant ones cost no more.
 */
double sl_nth(size_t n, double *x, size_t k)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        const double pivot = x[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (x[i] < pivot) i++;
            while (pivot < x[j]) j--;
            if (i >= j) break;
            const double value = x[i];
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

double sl_median(size_t n, double *x)
{
    const double upper = sl_nth(n, x, n / 2);
    if (n % 2 == 1) return upper;
    double lower = x[0]; /* the largest of what stands left of it */
    for (size_t i = 1; i < n / 2; i++) lower = x[i] > lower ? x[i] : lower;
    return (lower + upper) / 2;
}
