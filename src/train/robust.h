/* train/robust.h - centre and spread of values among which some lie far out. */
#ifndef SL_TRAIN_ROBUST_H
#define SL_TRAIN_ROBUST_H

#include <stddef.h>

/*
 * Centre: the median. Spread: the larger of IQR / 1.349 and (q95 - q5) / 3.29,
 * both the standard deviation of normal values; where they are 0 the root mean
 * square from the median, and where that is 0 (or n is) 1. Reorders x, which
 * is finite. Cost: O(n).
 */
void sl_robust_fit(size_t n, double *x, float *center, float *spread);

#endif
