#include "starling/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "train/resample.h"

enum { FLOOR_DRAWS = 200 };

const char *sl_figure_name(sl_figure figure)
{
    static const char *const names[SL_N_FIGURES] = {
        [SL_FIGURE_LOG_LOSS] = "log_loss",         [SL_FIGURE_LOG_LOSS_KAGGLE] = "log_loss_kaggle",
        [SL_FIGURE_LOG_LOSS_ROWS] = "log_loss_rows", [SL_FIGURE_ACCURACY] = "accuracy",
        [SL_FIGURE_RECALL] = "recall",             [SL_FIGURE_F1] = "f1",
        [SL_FIGURE_ROC_AREA] = "roc_area",         [SL_FIGURE_PR_AREA] = "pr_area",
        [SL_FIGURE_ECE] = "ece",                   [SL_FIGURE_ECE_MASS] = "ece_mass",
        [SL_FIGURE_ECE_BALANCED] = "ece_balanced", [SL_FIGURE_ECE_SHARES] = "ece_shares",
    };
    return (unsigned)figure < SL_N_FIGURES ? names[figure] : "unknown";
}

const char *sl_class_figure_name(sl_class_figure figure)
{
    static const char *const names[SL_N_CLASS_FIGURES] = {
        [SL_CLASS_LOG_LOSS] = "log_loss", [SL_CLASS_PRECISION] = "precision", [SL_CLASS_RECALL] = "recall",
        [SL_CLASS_F1] = "f1",             [SL_CLASS_ROC_AREA] = "roc_area",   [SL_CLASS_PR_AREA] = "pr_area",
    };
    return (unsigned)figure < SL_N_CLASS_FIGURES ? names[figure] : "unknown";
}

/* ---- one set ---- */

static void fill(const sl_scored *s, const double *value, const double *table, uint32_t resamples, double *sorted,
                 sl_scores *out)
{
    const size_t n_figures = sl_scored_n_figures(s->n_classes);
    for (size_t f = 0; f < n_figures; f++) {
        const size_t n = sl_resampled_column(table, resamples, n_figures, f, sorted);
        const sl_interval x = sl_resampled_interval(value[f], sorted, n);
        const size_t first_bin = sl_scored_of_bin(s->n_classes, 0, 0);
        if (f < SL_N_FIGURES) {
            out->figure[f] = x;
        } else if (f < first_bin) {
            out->of_class[(f - SL_N_FIGURES) / SL_N_CLASS_FIGURES].figure[(f - SL_N_FIGURES) % SL_N_CLASS_FIGURES] = x;
        } else {
            out->reliability[(f - first_bin) / SL_CALIBRATION_BINS][(f - first_bin) % SL_CALIBRATION_BINS].accuracy = x;
        }
    }
}

/* What needs no interval. */
static void fill_counts(const sl_scored *s, const sl_sample *sample, sl_scores *out)
{
    for (size_t i = 0; i < s->n; i++) out->confusion[s->label[i]][s->answer[i]]++;
    for (uint32_t k = 0; k < s->n_classes; k++) {
        out->of_class[k].n = (uint64_t)sample->rows[k];
        out->of_class[k].answered = (uint64_t)sample->answered[k];
        out->n_present += sample->rows[k] > 0;
    }
    for (int c = 0; c < SL_N_CALIBRATIONS; c++) {
        double weight = 0;
        for (int b = 0; b < SL_CALIBRATION_BINS; b++) weight += sl_sample_get_bin(sample, s->n_classes, c, b).weight;
        for (int b = 0; b < SL_CALIBRATION_BINS; b++) {
            const sl_sample_bin bin = sl_sample_get_bin(sample, s->n_classes, c, b);
            out->reliability[c][b].share = bin.weight / weight;
            out->reliability[c][b].confidence = bin.weight > 0 ? bin.confidence / bin.weight : NAN;
        }
    }
}

/* The mean ECE of answers that are right with the probability they say; everything else of the sample stays. */
static void fill_floor(const sl_scored *s, uint64_t seed, sl_sample *sample, sl_scores *out)
{
    for (int d = 0; d < FLOOR_DRAWS; d++) {
        sl_rng rng;
        sl_rng_init(&rng, seed, UINT64_MAX - (uint64_t)d);
        memset(sample->bin_right, 0, sizeof sample->bin_right);
        for (int b = 0; b < SL_CALIBRATION_BINS; b++) sample->mass[b].right = sample->shares[b].right = 0;
        for (size_t i = 0; i < s->n; i++) {
            const double chance = sl_rng_uniform(&rng);
            sample->shares[s->bin[SL_CALIBRATION_SHARES][i]].right += chance < s->share_confidence[i];
            if (chance >= s->confidence[i]) continue;
            sample->bin_right[s->bin[SL_CALIBRATION_WIDTH][i]][s->label[i]]++;
            sample->mass[s->bin[SL_CALIBRATION_MASS][i]].right++;
        }
        for (int c = 0; c < SL_N_CALIBRATIONS; c++) {
            out->ece_floor[c] += sl_sample_ece(sample, s->n_classes, c) / FLOOR_DRAWS;
        }
    }
}

sl_status sl_scores_compute(const sl_scores_input *input, const sl_scores_options *options, sl_scores *out, sl_error *err)
{
    SL_REQUIRE(input != NULL && options != NULL && out != NULL, err);
    sl_scored s;
    sl_resampler r = {0};
    double *table = NULL;
    sl_status status = sl_scored_init(&s, input, err);
    if (status < 0) goto out;
    const size_t n_figures = sl_scored_n_figures(s.n_classes);
    const uint32_t resamples = options->resamples;
    /* the figures of the set, those of the resamples, and one column of these */
    table = malloc(((resamples + (size_t)1) * n_figures + resamples) * sizeof *table);
    if (table == NULL) status = SL_FAIL_NOMEM(err);
    if (status == SL_OK) status = sl_resampler_init(&r, &s, err);
    if (status < 0) goto out;
    double *of_resamples = table + n_figures, *sorted = of_resamples + resamples * n_figures;
    for (uint32_t i = 0; i < resamples; i++) {
        sl_resampler_draw(&r, options->seed, i);
        sl_scored_figures(&s, r.count, r.sample, of_resamples + i * n_figures);
    }
    sl_resampler_whole(&r);
    sl_scored_figures(&s, r.count, r.sample, table);
    *out = (sl_scores){.n = s.n, .n_classes = s.n_classes, .ece_floor = {NAN, NAN, NAN, NAN}};
    fill(&s, table, of_resamples, resamples, sorted, out);
    fill_counts(&s, r.sample, out);
    if (resamples > 0) {
        memset(out->ece_floor, 0, sizeof out->ece_floor);
        fill_floor(&s, options->seed, r.sample, out);
    }
out:
    sl_resampler_release(&r);
    free(table);
    sl_scored_release(&s);
    return status;
}

/* ---- along an axis ---- */

/* The figures of no rows. */
static void fill_empty(uint32_t n_classes, sl_scores *out)
{
    const sl_interval none = {NAN, NAN, NAN};
    *out = (sl_scores){.n_classes = n_classes, .ece_floor = {NAN, NAN, NAN, NAN}};
    for (int f = 0; f < SL_N_FIGURES; f++) out->figure[f] = none;
    for (uint32_t k = 0; k < n_classes; k++) {
        for (int f = 0; f < SL_N_CLASS_FIGURES; f++) out->of_class[k].figure[f] = none;
    }
    for (int c = 0; c < SL_N_CALIBRATIONS; c++) {
        for (int b = 0; b < SL_CALIBRATION_BINS; b++) out->reliability[c][b] = (sl_reliability){0, NAN, none};
    }
}

/* Groups of the rows that are left, numbered anew without gaps. */
static size_t renumber(uint32_t *group, size_t n, uint32_t *number, size_t n_groups)
{
    size_t next = 0;
    memset(number, 0xff, n_groups * sizeof *number);
    for (size_t i = 0; i < n; i++) {
        if (number[group[i]] == UINT32_MAX) number[group[i]] = (uint32_t)next++;
        group[i] = number[group[i]];
    }
    return next;
}

typedef struct subset {
    float *p;
    uint8_t *label;
    uint32_t *group, *number;
} subset;

static sl_status score_subset(const sl_scores_input *in, const float *axis, double low, double high, subset *room,
                              const sl_scores_options *options, sl_scores *out, sl_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (!((double)axis[i] >= low && (double)axis[i] < high)) continue;
        memcpy(room->p + n * in->n_classes, in->p + i * in->n_classes, in->n_classes * sizeof *in->p);
        room->label[n] = in->label[i];
        if (in->group != NULL) room->group[n] = in->group[i];
        n++;
    }
    if (n == 0) {
        fill_empty(in->n_classes, out);
        return SL_OK;
    }
    sl_scores_input some = *in;
    some.n = n;
    some.p = room->p;
    some.label = room->label;
    if (in->group != NULL) {
        some.group = room->group;
        some.n_groups = renumber(room->group, n, room->number, in->n_groups);
    }
    return sl_scores_compute(&some, options, out, err);
}

sl_status sl_scores_by(const sl_scores_input *in, const float *axis, size_t n_edges, const double *edges,
                       const sl_scores_options *options, sl_scores *out, sl_error *err)
{
    SL_REQUIRE(in != NULL && axis != NULL && edges != NULL && options != NULL && out != NULL && n_edges >= 2, err);
    sl_scored whole;
    sl_status status = sl_scored_init(&whole, in, err); /* for its checks of all rows */
    sl_scored_release(&whole);
    SL_TRY(status);
    subset room = {malloc(in->n * in->n_classes * sizeof(float)), malloc(in->n), NULL, NULL};
    if (in->group != NULL) {
        room.group = malloc(in->n * sizeof *room.group);
        room.number = malloc(in->n_groups * sizeof *room.number);
    }
    if (room.p == NULL || room.label == NULL || (in->group != NULL && (room.group == NULL || room.number == NULL))) {
        status = SL_FAIL_NOMEM(err);
    }
    for (size_t b = 0; status == SL_OK && b + 1 < n_edges; b++) {
        status = score_subset(in, axis, edges[b], edges[b + 1], &room, options, &out[b], err);
    }
    free(room.p);
    free(room.label);
    free(room.group);
    free(room.number);
    return status;
}

/* ---- curves ---- */

/* Where the walk stands, as a point of the curve. */
static void curve_point(sl_curve curve, double hit, double miss, double mine, double others, float *x, float *y)
{
    if (curve == SL_CURVE_ROC) {
        *x = (float)(miss / others);
        *y = (float)(hit / mine);
    } else {
        *x = (float)(hit / mine);
        *y = (float)(hit + miss > 0 ? hit / (hit + miss) : 1);
    }
}

/* Points that lie nearer than `step` to the last one kept are left out, but for the last of all. */
static size_t walk(const sl_scores_input *in, uint32_t of_class, const sl_rank_key *keys, sl_curve curve, double mine,
                   size_t room, float *x, float *y)
{
    const float step = 3 / (float)room; /* no curve is longer than 2 in x plus y, or so: the room's end bounds it */
    const double others = (double)in->n - mine;
    double hit = 0, miss = 0;
    size_t kept = 0;
    curve_point(curve, 0, 0, mine, others, &x[0], &y[0]);
    for (size_t i = 0; i < in->n; i++) {
        *(in->label[keys[i].row] == of_class ? &hit : &miss) += 1;
        if (i + 1 < in->n && keys[i].p == keys[i + 1].p) continue;
        float px, py;
        curve_point(curve, hit, miss, mine, others, &px, &py);
        if (kept == 0 && curve == SL_CURVE_PR) {
            if (hit == 0) continue; /* no recall yet: the curve begins at the height of its first point */
            y[0] = py;
        }
        if (i + 1 == in->n || (fabsf(px - x[kept]) + fabsf(py - y[kept]) >= step && kept + 2 < room)) {
            kept++;
            x[kept] = px;
            y[kept] = py;
        }
    }
    return kept + 1;
}

sl_status sl_scores_curve(const sl_scores_input *in, uint32_t of_class, sl_curve curve, size_t room, float *x, float *y,
                          size_t *n_points, sl_error *err)
{
    SL_REQUIRE(in != NULL && x != NULL && y != NULL && n_points != NULL && room >= 2, err);
    SL_REQUIRE(of_class < in->n_classes && (curve == SL_CURVE_ROC || curve == SL_CURVE_PR), err);
    SL_REQUIRE(in->n <= SL_SCORED_ROW, err);
    size_t mine = 0;
    for (size_t i = 0; i < in->n; i++) mine += in->label[i] == of_class;
    *n_points = 0;
    if (mine == 0 || mine == in->n) return SL_OK;
    sl_rank_key *keys = malloc(in->n * sizeof *keys);
    if (keys == NULL) return SL_FAIL_NOMEM(err);
    sl_scored_rank(in, of_class, keys);
    *n_points = walk(in, of_class, keys, curve, (double)mine, room, x, y);
    free(keys);
    return SL_OK;
}
