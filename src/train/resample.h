/* train/resample.h - the bootstrap: objects drawn with replacement, and what the figures of many draws say. */
#ifndef SL_TRAIN_RESAMPLE_H
#define SL_TRAIN_RESAMPLE_H

#include "train/scored.h"

typedef struct sl_resampler {
    size_t n, n_groups;
    const uint32_t *group; /* or NULL */
    uint32_t *drawn;       /* n_groups: how often each object was drawn */
    uint32_t *count;       /* n: the same by row; is `drawn` without groups */
    sl_sample *sample;
} sl_resampler;

/* Gives what *r points to; free with _release. */
sl_status sl_resampler_init(sl_resampler *r, const sl_scored *scored, sl_error *err);
void sl_resampler_release(sl_resampler *r);

/* count: each row once. */
void sl_resampler_whole(sl_resampler *r);
/* count: resample `number`. It has a random stream of its own, so that how many there are changes none of them. */
void sl_resampler_draw(sl_resampler *r, uint64_t seed, uint32_t number);

/* Column f of a table of resamples x n_figures, those that are not defined left out, into `sorted`. Returns how many. */
size_t sl_resampled_column(const double *table, uint32_t resamples, size_t n_figures, size_t f, double *sorted);
/* The value, and the middle 95 % of n sorted ones. */
sl_interval sl_resampled_interval(double value, const double *sorted, size_t n);

#endif
