/* Two models on the same rows: each resample draws the same objects for both. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "train/resample.h"

static bool same_rows(const sl_scores_input *a, const sl_scores_input *b)
{
    if (a->n != b->n || a->n_classes != b->n_classes || memcmp(a->label, b->label, a->n) != 0) return false;
    if ((a->group == NULL) != (b->group == NULL)) return false;
    return a->group == NULL || (a->n_groups == b->n_groups && memcmp(a->group, b->group, a->n * sizeof *a->group) == 0);
}

static sl_difference difference(double value, const double *sorted, size_t n)
{
    sl_difference d = {.interval = sl_resampled_interval(value, sorted, n), .error = NAN, .below = NAN};
    if (n == 0) return d;
    double mean = 0, squares = 0, below = 0;
    for (size_t i = 0; i < n; i++) {
        mean += sorted[i] / (double)n;
        below += sorted[i] < 0 ? 1 : sorted[i] == 0 ? 0.5 : 0;
    }
    for (size_t i = 0; i < n; i++) squares += (sorted[i] - mean) * (sorted[i] - mean);
    d.below = below / (double)n;
    d.error = n > 1 ? sqrt(squares / (double)(n - 1)) : NAN;
    return d;
}

/* Figures of a minus those of b, in one sample; `figures` has room for both. */
static void differences(const sl_scored s[2], sl_resampler *r, double *figures, double *out)
{
    const size_t n_figures = sl_scored_n_figures(s[0].n_classes);
    for (int m = 0; m < 2; m++) sl_scored_figures(&s[m], r->count, r->sample, figures + m * n_figures);
    for (int f = 0; f < SL_N_FIGURES; f++) out[f] = figures[f] - figures[n_figures + (size_t)f];
}

sl_status sl_scores_compare(const sl_scores_input *a, const sl_scores_input *b, const sl_scores_options *options,
                            sl_difference *out, sl_error *err)
{
    SL_REQUIRE(a != NULL && b != NULL && options != NULL && out != NULL, err);
    sl_scored s[2] = {{0}, {0}};
    sl_resampler r = {0};
    double *memory = NULL;
    const uint32_t resamples = options->resamples;
    sl_status status = sl_scored_init(&s[0], a, err);
    if (status == SL_OK) status = sl_scored_init(&s[1], b, err);
    if (status == SL_OK && !same_rows(a, b)) {
        status = SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "two models are compared on the same rows, these differ");
    }
    if (status == SL_OK) status = sl_resampler_init(&r, &s[0], err);
    if (status < 0) goto out;
    const size_t both = 2 * sl_scored_n_figures(s[0].n_classes);
    memory = malloc((both + (resamples + (size_t)1) * SL_N_FIGURES + resamples) * sizeof *memory);
    if (memory == NULL) {
        status = SL_FAIL_NOMEM(err);
        goto out;
    }
    double *value = memory + both, *table = value + SL_N_FIGURES, *sorted = table + resamples * (size_t)SL_N_FIGURES;
    sl_resampler_whole(&r);
    differences(s, &r, memory, value);
    for (uint32_t i = 0; i < resamples; i++) {
        sl_resampler_draw(&r, options->seed, i);
        differences(s, &r, memory, table + i * (size_t)SL_N_FIGURES);
    }
    for (size_t f = 0; f < SL_N_FIGURES; f++) {
        const size_t n = sl_resampled_column(table, resamples, SL_N_FIGURES, f, sorted);
        out[f] = difference(value[f], sorted, n);
    }
out:
    sl_resampler_release(&r);
    free(memory);
    sl_scored_release(&s[0]);
    sl_scored_release(&s[1]);
    return status;
}
