/*
 * compress/cluster.h - k-means of numbers on a line: the weights of a tensor
 * to few values (Han et al. 2015, arXiv:1510.00149).
 */
#ifndef SL_COMPRESS_CLUSTER_H
#define SL_COMPRESS_CLUSTER_H

#include "starling/compress.h"

enum { SL_MAX_CLUSTERS = 256 };

/* Values in ascending order. A number belongs to the first of them whose bound is not below it. */
typedef struct sl_clusters {
    uint32_t n;
    float center[SL_MAX_CLUSTERS];
    float bound[SL_MAX_CLUSTERS]; /* n - 1 of them */
    float bits[SL_MAX_CLUSTERS];  /* -log2 of the share of the numbers that each had */
} sl_clusters;

/*
 * At most k clusters of n numbers; fewer where there are fewer numbers, never
 * none unless n is 0. With `zero` one of them is 0 and stays there.
 *   linear     starts at equal steps from the least to the largest
 *   density    at equal steps in rank
 *   spread     k-means++ (Arthur & Vassilvitskii 2007): each next start drawn with the squared distance as weight
 * scratch: n floats. Deterministic for a seed.
 */
void sl_cluster_fit(size_t n, const float *x, uint32_t k, bool zero, sl_cluster_start start, uint64_t seed, float *scratch,
                    sl_clusters *out);

/*
 * Lloyd's steps from the clusters there are, at most `rounds` of them, where a
 * number x goes to the value c with the least (x - c)^2 + price * bits(c):
 * entropy-constrained quantization (Chou, Lookabaugh & Gray 1989), which is what
 * DeepCABAC (arXiv:1907.11900) does. price 0 is k-means. Clusters that lose all
 * of their numbers are left out.
 */
void sl_cluster_improve(size_t n, const float *x, double price, bool zero, unsigned rounds, sl_clusters *c);

/* Which cluster each number belongs to. */
void sl_cluster_assign(const sl_clusters *c, size_t n, const float *x, uint8_t *index);

/* Bits that n numbers with these counts take at least, in the order 0 entropy: sum of -count log2(count / n). */
double sl_entropy_bits(size_t n_counts, const size_t *counts);

#endif
