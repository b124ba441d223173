/*
 * Mahalanobis distances before the last layer, after Lee et al. 2018
 * (arXiv:1807.03888): each class a Gaussian around its mean, one covariance
 * common to all.
 */
#include "train/novelty_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { QUANTILES = 101 };

/* Sums in float64. */
typedef struct moments {
    double rows[SL_MAX_CLASSES];
    double *mean;       /* n_classes x width */
    double *covariance; /* width x width; then its Cholesky factor L below the diagonal */
    double *row;        /* width */
} moments;

static void sum_means(const sl_answers *a, moments *m)
{
    const size_t width = a->last_width;
    for (size_t i = 0; i < a->n; i++) {
        if (a->label[i] == SL_NO_LABEL) continue;
        m->rows[a->label[i]]++;
        for (size_t c = 0; c < width; c++) m->mean[a->label[i] * width + c] += (double)a->last[i * width + c];
    }
    for (uint32_t k = 0; k < a->n_classes; k++) {
        for (size_t c = 0; c < width && m->rows[k] > 0; c++) m->mean[k * width + c] /= m->rows[k];
    }
}

static void sum_covariance(const sl_answers *a, moments *m, double ridge)
{
    const size_t width = a->last_width;
    double rows = 0, trace = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (a->label[i] == SL_NO_LABEL) continue;
        rows++;
        for (size_t c = 0; c < width; c++) {
            m->row[c] = (double)a->last[i * width + c] - m->mean[a->label[i] * width + c];
        }
        for (size_t r = 0; r < width; r++) {
            for (size_t c = 0; c <= r; c++) m->covariance[r * width + c] += m->row[r] * m->row[c];
        }
    }
    for (size_t i = 0; i < width * width; i++) m->covariance[i] /= rows;
    for (size_t c = 0; c < width; c++) trace += m->covariance[c * width + c];
    /* A layer norm leaves directions without any spread: the ridge keeps them from counting beyond measure. */
    const double added = trace > 0 ? ridge * trace / (double)width : 1;
    for (size_t c = 0; c < width; c++) m->covariance[c * width + c] += added;
}

/* In place, below the diagonal. */
static bool factorise(double *s, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        double d = s[j * n + j];
        for (size_t k = 0; k < j; k++) d -= s[j * n + k] * s[j * n + k];
        if (!(d > 0) || !isfinite(d)) return false;
        d = sqrt(d);
        s[j * n + j] = d;
        for (size_t i = j + 1; i < n; i++) {
            double x = s[i * n + j];
            for (size_t k = 0; k < j; k++) x -= s[i * n + k] * s[j * n + k];
            s[i * n + j] = x / d;
        }
    }
    return true;
}

/* L y = x in place. */
static void solve(const double *l, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) x[i] -= l[i * n + k] * x[k];
        x[i] /= l[i * n + i];
    }
}

/* W = L^-1 by columns, and the means whitened. */
static void store(moments *m, uint32_t n_classes, size_t width, float *whiten, float *centers, uint64_t *known)
{
    for (size_t j = 0; j < width; j++) {
        memset(m->row, 0, width * sizeof *m->row);
        m->row[j] = 1;
        solve(m->covariance, width, m->row);
        for (size_t i = j; i < width; i++) *whiten++ = (float)m->row[i];
    }
    for (uint32_t k = 0; k < n_classes; k++) {
        if (m->rows[k] == 0) continue;
        *known |= (uint64_t)1 << k;
        solve(m->covariance, width, m->mean + k * width);
        for (size_t i = 0; i < width; i++) centers[i * n_classes + k] = (float)m->mean[k * width + i];
    }
}

static sl_status fit_distance(const sl_answers *a, double ridge, sl_arena *arena, sl_novelty *out, sl_error *err)
{
    const size_t width = a->last_width;
    SL_REQUIRE(a->last != NULL && width >= 1 && width <= SL_MAX_NOVELTY_WIDTH, err);
    moments m = {.mean = SL_ARENA_NEW(arena, double, a->n_classes * width),
                 .covariance = SL_ARENA_NEW(arena, double, width * width), .row = SL_ARENA_NEW(arena, double, width)};
    float *whiten = SL_ARENA_NEW(arena, float, sl_novelty_triangle((uint32_t)width));
    float *centers = SL_ARENA_NEW(arena, float, width * a->n_classes);
    if (m.mean == NULL || m.covariance == NULL || m.row == NULL || whiten == NULL || centers == NULL) {
        return SL_FAIL_NOMEM(err);
    }
    memset(m.mean, 0, a->n_classes * width * sizeof *m.mean);
    memset(m.covariance, 0, width * width * sizeof *m.covariance);
    memset(centers, 0, width * a->n_classes * sizeof *centers);
    sum_means(a, &m);
    sum_covariance(a, &m, ridge);
    if (!factorise(m.covariance, width)) {
        return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "the last layer's covariance over the training set is not definite");
    }
    store(&m, a->n_classes, width, whiten, centers, &out->known);
    out->width = (uint32_t)width;
    out->whiten = whiten;
    out->centers = centers;
    return SL_OK;
}

static int by_score(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static sl_status fit_quantiles(const sl_answers *a, sl_arena *arena, sl_novelty *n, sl_error *err)
{
    float *scores = SL_ARENA_NEW(arena, float, a->n), *quantiles = SL_ARENA_NEW(arena, float, QUANTILES);
    float *room = SL_ARENA_NEW(arena, float, n->width + 1);
    if (scores == NULL || quantiles == NULL || room == NULL) return SL_FAIL_NOMEM(err);
    size_t known = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (a->label[i] == SL_NO_LABEL) continue;
        const float *last = a->last != NULL ? a->last + i * a->last_width : NULL;
        const float score = sl_novelty_score(n, last, a->logits + i * a->n_classes, a->n_classes, room);
        if (isfinite(score)) scores[known++] = score;
    }
    SL_REQUIRE(known >= 2, err);
    qsort(scores, known, sizeof *scores, by_score);
    for (int q = 0; q < QUANTILES; q++) {
        const double at = (double)(known - 1) * q / (QUANTILES - 1);
        const size_t below = (size_t)at, above = below + 1 < known ? below + 1 : below;
        quantiles[q] = (float)((double)scores[below] + (at - (double)below) * ((double)scores[above] - (double)scores[below]));
    }
    n->n_quantiles = QUANTILES;
    n->quantiles = quantiles;
    return SL_OK;
}

sl_status sl_novelty_fit(const sl_answers *taught, const sl_answers *held, sl_novelty_kind kind, double ridge,
                         sl_arena *arena, sl_novelty *out, sl_error *err)
{
    SL_REQUIRE(kind >= SL_NOVELTY_NEAREST && kind < SL_N_NOVELTY_KINDS && ridge >= 0 && held->logits != NULL, err);
    *out = (sl_novelty){.kind = kind};
    if (kind != SL_NOVELTY_ENERGY) {
        SL_REQUIRE(held->last != NULL && held->last_width == taught->last_width, err);
        SL_TRY(fit_distance(taught, ridge > 0 ? ridge : 1e-3, arena, out, err));
    }
    return fit_quantiles(held, arena, out, err);
}
