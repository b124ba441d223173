#include "train/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"

static const double tail = 0.025; /* left out at each end of an interval */

void sl_resampler_release(sl_resampler *r)
{
    if (r->count != r->drawn) free(r->count);
    free(r->drawn);
    free(r->sample);
    *r = (sl_resampler){0};
}

sl_status sl_resampler_init(sl_resampler *r, const sl_scored *s, sl_error *err)
{
    *r = (sl_resampler){.n = s->n, .n_groups = s->n_groups, .group = s->group};
    r->drawn = calloc(r->n_groups, sizeof *r->drawn);
    r->count = s->group != NULL ? calloc(r->n, sizeof *r->count) : r->drawn;
    r->sample = malloc(sizeof *r->sample);
    if (r->drawn != NULL && r->count != NULL && r->sample != NULL) return SL_OK;
    sl_resampler_release(r);
    return SL_FAIL_NOMEM(err);
}

void sl_resampler_whole(sl_resampler *r)
{
    for (size_t i = 0; i < r->n; i++) r->count[i] = 1;
}

void sl_resampler_draw(sl_resampler *r, uint64_t seed, uint32_t number)
{
    sl_rng rng;
    sl_rng_init(&rng, seed, 1 + (uint64_t)number);
    memset(r->drawn, 0, r->n_groups * sizeof *r->drawn);
    for (size_t i = 0; i < r->n_groups; i++) r->drawn[sl_rng_below(&rng, r->n_groups)]++;
    for (size_t i = 0; r->group != NULL && i < r->n; i++) r->count[i] = r->drawn[r->group[i]];
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear between the two nearest ranks. */
static double quantile(const double *sorted, size_t n, double q)
{
    const double at = q * (double)(n - 1);
    const size_t below = (size_t)at;
    return below + 1 < n ? sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]) : sorted[below];
}

size_t sl_resampled_column(const double *table, uint32_t resamples, size_t n_figures, size_t f, double *sorted)
{
    size_t n = 0;
    for (uint32_t r = 0; r < resamples; r++) {
        const double x = table[r * n_figures + f];
        if (!isnan(x)) sorted[n++] = x;
    }
    qsort(sorted, n, sizeof *sorted, by_value);
    return n;
}

sl_interval sl_resampled_interval(double value, const double *sorted, size_t n)
{
    if (n == 0) return (sl_interval){value, NAN, NAN};
    return (sl_interval){value, quantile(sorted, n, tail), quantile(sorted, n, 1 - tail)};
}
