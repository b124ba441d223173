#include "compress/cluster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The least number x for which the cluster above is no worse than the one below, whose values are a < b. */
static float bound_between(float a, float b, double price, double bits_a, double bits_b)
{
    const double middle = 0.5 * ((double)a + (double)b);
    return (float)(middle + price * (bits_b - bits_a) / (2 * ((double)b - (double)a)));
}

/*
 * Bounds from values and bits. The costs are parabolas of one width, so each
 * cluster has an interval, and the intervals lie in the order of the values;
 * one that is nowhere the cheapest is left out.
 */
static void set_bounds(sl_clusters *c, double price)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        const float value = c->center[i], bits = c->bits[i];
        float bound = -INFINITY;
        while (n > 0) {
            if (value == c->center[n - 1]) {
                n--;
                bound = n > 0 ? bound_between(c->center[n - 1], value, price, (double)c->bits[n - 1], (double)bits) : -INFINITY;
                continue;
            }
            bound = bound_between(c->center[n - 1], value, price, (double)c->bits[n - 1], (double)bits);
            if (n < 2 || bound > c->bound[n - 2]) break;
            n--; /* its interval is empty */
        }
        if (n > 0) c->bound[n - 1] = bound;
        c->center[n] = value;
        c->bits[n++] = bits;
    }
    c->n = n;
}

void sl_cluster_assign(const sl_clusters *c, size_t n, const float *x, uint8_t *index)
{
    memset(index, 0, n);
    for (uint32_t b = 0; b + 1 < c->n; b++) {
        const float bound = c->bound[b];
        for (size_t i = 0; i < n; i++) index[i] = (uint8_t)(index[i] + (x[i] > bound));
    }
}

double sl_entropy_bits(size_t n_counts, const size_t *counts)
{
    double bits = 0, n = 0;
    for (size_t i = 0; i < n_counts; i++) n += (double)counts[i];
    for (size_t i = 0; i < n_counts; i++) {
        if (counts[i] > 0) bits -= (double)counts[i] * log2((double)counts[i] / n);
    }
    return bits;
}

/* One step of Lloyd's; whether a value moved. */
static bool improve_once(size_t n, const float *x, double price, bool zero, sl_clusters *c)
{
    double sum[SL_MAX_CLUSTERS] = {0};
    size_t count[SL_MAX_CLUSTERS] = {0};
    for (size_t i = 0; i < n; i++) {
        uint32_t low = 0, high = c->n - 1; /* few values: a search by halves */
        while (low < high) {
            const uint32_t middle = (low + high) / 2;
            if (x[i] > c->bound[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        sum[low] += (double)x[i];
        count[low]++;
    }
    bool moved = false;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        const bool fixed = zero && c->center[i] == 0;
        if (count[i] == 0 && !fixed) {
            moved = true;
            continue;
        }
        const float value = fixed ? 0 : (float)(sum[i] / (double)count[i]);
        moved = moved || value != c->center[i];
        c->center[kept] = value;
        c->bits[kept++] = (float)(log2((double)n + 1) - log2((double)count[i] + (count[i] == 0 ? 1 : 0)));
    }
    c->n = kept;
    /* A fixed 0 may have been passed by a neighbour. */
    for (uint32_t i = 1; i < kept; i++) {
        for (uint32_t j = i; j > 0 && c->center[j - 1] > c->center[j]; j--) {
            const float value = c->center[j], bits = c->bits[j];
            c->center[j] = c->center[j - 1];
            c->bits[j] = c->bits[j - 1];
            c->center[j - 1] = value;
            c->bits[j - 1] = bits;
        }
    }
    set_bounds(c, price);
    return moved;
}

void sl_cluster_improve(size_t n, const float *x, double price, bool zero, unsigned rounds, sl_clusters *c)
{
    if (n == 0 || c->n == 0) return;
    set_bounds(c, price);
    for (unsigned round = 0; round < rounds && improve_once(n, x, price, zero, c); round++) {}
}

/* ---- starts ---- */

static void start_linear(size_t n, const float *sorted, uint32_t k, sl_clusters *out)
{
    const float least = sorted[0], most = sorted[n - 1];
    for (uint32_t i = 0; i < k; i++) out->center[out->n++] = least + (most - least) * ((float)i + 0.5f) / (float)k;
}

static void start_density(size_t n, const float *sorted, uint32_t k, sl_clusters *out)
{
    for (uint32_t i = 0; i < k; i++) out->center[out->n++] = sorted[(size_t)((2 * (uint64_t)i + 1) * n / (2 * (uint64_t)k))];
}

/* Each next start is drawn with a chance that grows as the squared distance from those before. */
static void start_spread(size_t n, const float *x, uint32_t k, uint64_t seed, float *distance, sl_clusters *out)
{
    sl_rng rng;
    sl_rng_init(&rng, seed, n);
    for (size_t i = 0; i < n; i++) distance[i] = out->n > 0 ? x[i] * x[i] : INFINITY;
    if (out->n == 0) out->center[out->n++] = x[sl_rng_below(&rng, n)];
    while (true) {
        const float last = out->center[out->n - 1];
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            const float d = (x[i] - last) * (x[i] - last);
            if (d < distance[i]) distance[i] = d;
            sum += (double)distance[i];
        }
        if (out->n == k || !(sum > 0)) return;
        double left = sum * sl_rng_uniform(&rng);
        size_t at = 0;
        while (at + 1 < n && left >= (double)distance[at]) left -= (double)distance[at++];
        out->center[out->n++] = x[at];
    }
}

/* Ascending, each value once. */
static void tidy(sl_clusters *c)
{
    qsort(c->center, c->n, sizeof c->center[0], ascending);
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        if (n == 0 || c->center[i] != c->center[n - 1]) c->center[n++] = c->center[i];
    }
    c->n = n;
    for (uint32_t i = 0; i < n; i++) c->bits[i] = (float)log2(n);
}

void sl_cluster_fit(size_t n, const float *x, uint32_t k, bool zero, sl_cluster_start start, uint64_t seed, float *scratch,
                    sl_clusters *out)
{
    enum { ROUNDS = 60 };
    out->n = 0;
    if (k > SL_MAX_CLUSTERS) k = SL_MAX_CLUSTERS;
    if (n == 0 || k == 0) return;
    if (zero) out->center[out->n++] = 0;
    if (start == SL_CLUSTER_SPREAD) {
        start_spread(n, x, k, seed, scratch, out);
    } else {
        size_t n_some = 0; /* zeros that have a value of their own would take most of the density's starts */
        for (size_t i = 0; i < n; i++) {
            if (!zero || x[i] != 0) scratch[n_some++] = x[i];
        }
        qsort(scratch, n_some, sizeof *scratch, ascending);
        if (n_some > 0) (start == SL_CLUSTER_LINEAR ? start_linear : start_density)(n_some, scratch, k - out->n, out);
    }
    tidy(out);
    sl_cluster_improve(n, x, 0, zero, ROUNDS, out);
}
