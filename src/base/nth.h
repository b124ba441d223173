/* base/nth.h - order statistics without sorting. */
#ifndef SL_BASE_NTH_H
#define SL_BASE_NTH_H

#include <stddef.h>

/* The k-th smallest of n > k values, none NaN. Reorders x: nothing left of place k is larger, nothing right of it
   smaller. Cost: O(n). */
double sl_nth(size_t n, double *x, size_t k);
/* Of n > 0 values; the mean of the two middle ones where n is even. Reorders x. */
double sl_median(size_t n, double *x);

#endif
