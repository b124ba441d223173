/* train/robust.h - centre and spread, or quantiles, of values among which some lie far out. */
#ifndef SL_TRAIN_ROBUST_H
#define SL_TRAIN_ROBUST_H

#include <stddef.h>
#include <stdint.h>

/*
 * Centre: the median. Spread: the larger of IQR / 1.349 and (q95 - q5) / 3.29,
 * both the standard deviation of normal values; where they are 0 the root mean
 * square from the median, and where that is 0 (or n is) 1. Reorders x, which
 * is finite. Cost: O(n).
 */
void sl_robust_fit(size_t n, double *x, float *center, float *spread);

/*
 * The quantiles (k + 1/2) / n_knots, k = 0 .. n_knots - 1, each the value at
 * place floor(q (n - 1) + 1/2) in order, rounded to float16; zeros where n is
 * 0. Reorders x, which is finite. Cost: O(n_knots n).
 */
void sl_knots_fit(size_t n, double *x, size_t n_knots, uint16_t *knots);

#endif
