#include "train/scored.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const double least_p = 1e-15;

sl_status sl_scored_row(const float *p, uint32_t n_classes, size_t row, double *to, sl_error *err)
{
    double given = 0, sum = 0;
    for (uint32_t k = 0; k < n_classes; k++) {
        const double x = (double)p[k];
        given += x;
        to[k] = x < least_p ? least_p : x > 1 - least_p ? 1 - least_p : x; /* NaN stays */
        sum += to[k];
    }
    if (!isfinite(given) || !(given > 0)) {
        return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "row %zu: its probabilities sum to %g", row, given);
    }
    for (uint32_t k = 0; k < n_classes; k++) to[k] /= sum;
    return SL_OK;
}

static int by_falling_p(const void *a, const void *b)
{
    const sl_rank_key *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? 1 : -1;
    return x->row < y->row ? -1 : 1; /* so that the order is the same everywhere */
}

void sl_scored_rank(const sl_scores_input *in, uint32_t of_class, sl_rank_key *keys)
{
    for (size_t i = 0; i < in->n; i++) keys[i] = (sl_rank_key){in->p[i * in->n_classes + of_class], (uint32_t)i};
    qsort(keys, in->n, sizeof *keys, by_falling_p);
}

static void mark_order(const sl_rank_key *keys, size_t n, const uint8_t *label, uint32_t of_class, uint32_t *order)
{
    for (size_t first = 0, last; first < n; first = last + 1) {
        bool mine = false;
        for (last = first;; last++) {
            const bool is_mine = label[keys[last].row] == of_class;
            order[last] = keys[last].row | (is_mine ? SL_SCORED_MINE : 0);
            mine = mine || is_mine;
            if (last + 1 == n || keys[last + 1].p != keys[first].p) break;
        }
        if (!mine) continue;
        order[first] |= SL_SCORED_FIRST;
        order[last] |= SL_SCORED_LAST;
    }
}

static sl_status check(const sl_scores_input *in, sl_error *err)
{
    SL_REQUIRE(in->n >= 1 && in->n <= SL_SCORED_ROW, err);
    SL_REQUIRE(in->n_classes >= 2 && in->n_classes <= SL_MAX_CLASSES, err);
    SL_REQUIRE(in->classes != NULL && in->p != NULL && in->label != NULL, err);
    for (size_t i = 0; i < in->n; i++) {
        if (in->label[i] >= in->n_classes) {
            return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "row %zu: label %u of %u classes", i, in->label[i],
                           in->n_classes);
        }
    }
    for (size_t i = 0; in->group != NULL && i < in->n; i++) {
        if (in->group[i] >= in->n_groups) {
            return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "row %zu: group %u of %zu", i, in->group[i], in->n_groups);
        }
    }
    return SL_OK;
}

/* The bin (b/15, (b+1)/15] that a confidence lies in. */
static uint8_t bin_of_width(double confidence)
{
    const double b = ceil(confidence * SL_CALIBRATION_BINS) - 1;
    return b < 0 ? 0 : b >= SL_CALIBRATION_BINS ? SL_CALIBRATION_BINS - 1 : (uint8_t)b;
}

/* p times the shares that the classes have of the set. */
static void fill_at_shares(sl_scored *s, const sl_scores_input *in)
{
    double rows[SL_MAX_CLASSES] = {0}, p[SL_MAX_CLASSES];
    for (size_t i = 0; i < s->n; i++) rows[s->label[i]]++;
    for (size_t i = 0; i < s->n; i++) {
        double sum = 0;
        uint32_t best = 0;
        (void)sl_scored_row(in->p + i * s->n_classes, s->n_classes, i, p, NULL); /* was checked */
        for (uint32_t k = 0; k < s->n_classes; k++) {
            p[k] *= rows[k];
            sum += p[k];
            if (p[k] > p[best]) best = k;
        }
        s->share_confidence[i] = p[best] / sum;
        s->share_right[i] = best == s->label[i];
        s->bin[SL_CALIBRATION_SHARES][i] = bin_of_width(s->share_confidence[i]);
    }
}

static void bins_of_mass(sl_scored *s, sl_rank_key *keys)
{
    for (size_t i = 0; i < s->n; i++) keys[i] = (sl_rank_key){(float)s->confidence[i], (uint32_t)i};
    qsort(keys, s->n, sizeof *keys, by_falling_p);
    for (size_t i = 0; i < s->n; i++) {
        const size_t rank = s->n - 1 - i; /* the bins rise as those of width do */
        s->bin[SL_CALIBRATION_MASS][keys[i].row] = (uint8_t)(rank * SL_CALIBRATION_BINS / s->n);
    }
}

static sl_status fill_rows(sl_scored *s, const sl_scores_input *in, sl_error *err)
{
    double p[SL_MAX_CLASSES];
    for (size_t i = 0; i < s->n; i++) {
        const float *given = in->p + i * s->n_classes;
        SL_TRY(sl_scored_row(given, s->n_classes, i, p, err));
        uint32_t best = 0;
        for (uint32_t k = 1; k < s->n_classes; k++) {
            if (given[k] > given[best]) best = k;
        }
        s->loss[i] = -log(p[s->label[i]]);
        s->answer[i] = (uint8_t)best;
        s->confidence[i] = p[best];
        s->bin[SL_CALIBRATION_WIDTH][i] = bin_of_width(p[best]);
    }
    return SL_OK;
}

sl_status sl_scored_init(sl_scored *s, const sl_scores_input *in, sl_error *err)
{
    *s = (sl_scored){0};
    SL_TRY(check(in, err));
    const size_t n = in->n;
    *s = (sl_scored){.n = n, .n_classes = in->n_classes, .label = in->label, .group = in->group,
                     .n_groups = in->group != NULL ? in->n_groups : n};
    for (uint32_t k = 0; k < s->n_classes; k++) {
        const int32_t id = in->classes[k].plasticc_id;
        s->weight[0][k] = 1;
        s->weight[1][k] = id == 15 || id == 64 ? 2 : 1;
    }
    s->loss = malloc(n * sizeof *s->loss);
    s->confidence = malloc(n * sizeof *s->confidence);
    s->answer = malloc(n);
    s->share_confidence = malloc(n * sizeof *s->share_confidence);
    s->share_right = malloc(n * sizeof *s->share_right);
    bool good = true;
    for (int c = 0; c < SL_N_CALIBRATIONS; c++) {
        if (c != SL_CALIBRATION_BALANCED) good &= (s->bin[c] = malloc(n)) != NULL;
    }
    s->bin[SL_CALIBRATION_BALANCED] = s->bin[SL_CALIBRATION_WIDTH];
    s->order = malloc(n * s->n_classes * sizeof *s->order);
    sl_rank_key *keys = malloc(n * sizeof *keys);
    sl_status status = SL_OK;
    if (!good || s->loss == NULL || s->confidence == NULL || s->share_confidence == NULL || s->share_right == NULL ||
        s->answer == NULL || s->order == NULL || keys == NULL) {
        status = SL_FAIL_NOMEM(err);
    }
    if (status == SL_OK) status = fill_rows(s, in, err);
    if (status == SL_OK) {
        fill_at_shares(s, in);
        bins_of_mass(s, keys);
        for (uint32_t k = 0; k < s->n_classes; k++) {
            sl_scored_rank(in, k, keys);
            mark_order(keys, n, s->label, k, s->order + k * n);
        }
    }
    free(keys);
    return status;
}

void sl_scored_release(sl_scored *s)
{
    free(s->loss);
    free(s->confidence);
    free(s->answer);
    free(s->share_confidence);
    free(s->share_right);
    for (int c = 0; c < SL_N_CALIBRATIONS; c++) {
        if (c != SL_CALIBRATION_BALANCED) free(s->bin[c]);
    }
    free(s->order);
    *s = (sl_scored){0};
}
