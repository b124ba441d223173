/*
 * Mahalanobis distances before the last layer, after Lee et al. 2018
 * (arXiv:1807.03888): each class a Gaussian around its mean, one covariance
 * common to all. Of its directions only those in which the means differ are
 * kept, as in linear discriminant analysis: at most one fewer than classes. The
 * distance from all inputs together, which "relative" takes away, is that of
 * Ren et al. 2021 (arXiv:2106.09022), with every class counting the same.
 */
#include "train/novelty_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "train/eigen.h"

enum { QUANTILES = 101 };

/* Sums in float64. */
typedef struct moments {
    double rows[SL_MAX_CLASSES];
    double *mean;       /* n_classes x width */
    double *covariance; /* width x width; then its Cholesky factor L below the diagonal */
    double *row;        /* width */
    uint32_t known[SL_MAX_CLASSES], n_known; /* classes that have rows */
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
        if (m->rows[k] == 0) continue;
        m->known[m->n_known++] = k;
        for (size_t c = 0; c < width; c++) m->mean[k * width + c] /= m->rows[k];
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

/* L^T y = x in place. */
static void solve_transposed(const double *l, size_t n, double *x)
{
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++) x[i] -= l[k * n + i] * x[k];
        x[i] /= l[i * n + i];
    }
}

/* The means, whitened, as they differ from their mean, which `middle` (width) gets as it is. */
static void whiten_means(moments *m, size_t width, double *middle)
{
    for (uint32_t i = 0; i < m->n_known; i++) {
        for (size_t c = 0; c < width; c++) middle[c] += m->mean[m->known[i] * width + c] / m->n_known;
    }
    for (uint32_t i = 0; i < m->n_known; i++) {
        double *mean = m->mean + m->known[i] * width;
        for (size_t c = 0; c < width; c++) mean[c] -= middle[c];
        solve(m->covariance, width, mean);
    }
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Direction r, which is the unit vector `v` of the whitened space. */
static void store_direction(const moments *m, size_t width, uint32_t n_classes, double *v, uint32_t r, uint32_t rank,
                            float *directions, float *centers)
{
    for (uint32_t i = 0; i < m->n_known; i++) {
        centers[(size_t)r * n_classes + m->known[i]] = (float)dot(v, m->mean + m->known[i] * width, width);
    }
    solve_transposed(m->covariance, width, v);
    for (size_t c = 0; c < width; c++) directions[c * rank + r] = (float)v[c];
}

/* The directions in which the whitened means differ are the eigenvectors of B = sum of their outer products over their
   number; those come from the far smaller matrix of their inner products. One more vector where none differ at all. */
static sl_status find_directions(moments *m, uint32_t n_classes, size_t width, sl_arena *arena, sl_novelty *out, sl_error *err)
{
    const uint32_t n = m->n_known;
    double *inner = SL_ARENA_NEW(arena, double, n * n), *vectors = SL_ARENA_NEW(arena, double, n * n);
    double *middle = SL_ARENA_NEW(arena, double, width), spread[SL_MAX_CLASSES];
    if (inner == NULL || vectors == NULL || middle == NULL) return SL_FAIL_NOMEM(err);
    memset(middle, 0, width * sizeof *middle);
    whiten_means(m, width, middle);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < n; j++) {
            inner[i * n + j] = dot(m->mean + m->known[i] * width, m->mean + m->known[j] * width, width) / n;
        }
    }
    sl_eigen_symmetric(inner, n, spread, vectors);
    uint32_t rank = 0;
    while (rank < n && spread[rank] > 1e-9 * spread[0] && spread[rank] > 1e-12) rank++;
    const uint32_t stored = rank > 0 ? rank : 1;
    float *directions = SL_ARENA_NEW(arena, float, width * stored), *origin = SL_ARENA_NEW(arena, float, stored);
    float *pull = SL_ARENA_NEW(arena, float, stored), *centers = SL_ARENA_NEW(arena, float, (size_t)stored * n_classes);
    if (directions == NULL || origin == NULL || pull == NULL || centers == NULL) return SL_FAIL_NOMEM(err);
    memset(centers, 0, (size_t)stored * n_classes * sizeof *centers);
    for (uint32_t r = 0; r < stored; r++) {
        memset(m->row, 0, width * sizeof *m->row);
        if (rank == 0) m->row[0] = 1;
        for (uint32_t i = 0; i < n && rank > 0; i++) {
            const double share = vectors[r * n + i] / sqrt(n * spread[r]);
            for (size_t c = 0; c < width; c++) m->row[c] += share * m->mean[m->known[i] * width + c];
        }
        pull[r] = (float)(1 / (1 + (rank > 0 ? spread[r] : 0)));
        store_direction(m, width, n_classes, m->row, r, stored, directions, centers);
    }
    sl_novelty_round(directions, (uint32_t)width, stored);
    for (uint32_t r = 0; r < stored; r++) {
        double at = 0;
        for (size_t c = 0; c < width; c++) at += (double)directions[c * stored + r] * middle[c];
        origin[r] = (float)at;
    }
    out->width = (uint32_t)width;
    out->rank = stored;
    out->directions = directions;
    out->origin = origin;
    out->pull = pull;
    out->centers = centers;
    for (uint32_t i = 0; i < n; i++) out->known |= (uint64_t)1 << m->known[i];
    return SL_OK;
}

static sl_status fit_distance(const sl_answers *a, double ridge, sl_arena *arena, sl_novelty *out, sl_error *err)
{
    const size_t width = a->last_width;
    SL_REQUIRE(a->last != NULL && width >= 1 && width <= SL_MAX_NOVELTY_WIDTH, err);
    moments m = {.mean = SL_ARENA_NEW(arena, double, a->n_classes * width),
                 .covariance = SL_ARENA_NEW(arena, double, width * width), .row = SL_ARENA_NEW(arena, double, width)};
    if (m.mean == NULL || m.covariance == NULL || m.row == NULL) return SL_FAIL_NOMEM(err);
    memset(m.mean, 0, a->n_classes * width * sizeof *m.mean);
    memset(m.covariance, 0, width * width * sizeof *m.covariance);
    sum_means(a, &m);
    SL_REQUIRE(m.n_known >= 1, err);
    sum_covariance(a, &m, ridge);
    if (!factorise(m.covariance, width)) {
        return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "the last layer's covariance over the training set is not definite");
    }
    return find_directions(&m, a->n_classes, width, arena, out, err);
}

static int by_score(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static sl_status fit_quantiles(const sl_answers *a, sl_arena *arena, sl_novelty *n, sl_error *err)
{
    float *scores = SL_ARENA_NEW(arena, float, a->n), *quantiles = SL_ARENA_NEW(arena, float, QUANTILES);
    float *room = SL_ARENA_NEW(arena, float, n->rank + 1);
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
        SL_TRY(fit_distance(taught, ridge > 0 ? ridge : 1e-2, arena, out, err));
    }
    return fit_quantiles(held, arena, out, err);
}
