#include "model/novelty.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

const char *sl_novelty_name(int kind)
{
    static const char *const names[SL_N_NOVELTY_KINDS] = {"none", "nearest", "answer", "energy"};
    return kind >= 0 && kind < SL_N_NOVELTY_KINDS ? names[kind] : "unknown";
}

static bool all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return false;
    }
    return true;
}

#define CHECK(condition, ...)                                                                               \
    do {                                                                                                    \
        if (!(condition)) return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "model: novelty: " __VA_ARGS__); \
    } while (0)

sl_status sl_novelty_check(const sl_novelty *n, uint32_t last_width, uint32_t n_classes, sl_error *err)
{
    if ((unsigned)n->kind >= SL_N_NOVELTY_KINDS) {
        return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "model: novelty is of kind %d, unknown here", (int)n->kind);
    }
    CHECK(n->kind >= SL_NOVELTY_NEAREST, "of no kind");
    if (n->kind == SL_NOVELTY_ENERGY) {
        CHECK(n->width == 0 && n->known == 0, "an energy has no centers");
    } else {
        CHECK(n->width >= 1 && n->width <= SL_MAX_NOVELTY_WIDTH, "width %u, at most %d", n->width, SL_MAX_NOVELTY_WIDTH);
        CHECK(n->width == last_width, "width %u, the last dense layer takes %u", n->width, last_width);
        CHECK(n->known != 0 && (n_classes == 64 || n->known >> n_classes == 0), "centers of no class, or of unknown ones");
        CHECK(all_finite(n->whiten, sl_novelty_triangle(n->width)), "the whitening is not finite");
        CHECK(all_finite(n->centers, (size_t)n->width * n_classes), "a center is not finite");
    }
    CHECK(n->n_quantiles >= 2 && n->n_quantiles <= SL_MAX_NOVELTY_QUANTILES, "%u quantiles", n->n_quantiles);
    CHECK(all_finite(n->quantiles, n->n_quantiles), "a quantile is not finite");
    for (uint32_t i = 1; i < n->n_quantiles; i++) CHECK(n->quantiles[i] >= n->quantiles[i - 1], "quantiles fall");
    return SL_OK;
}

/* y = W x, column by column, so that rows are summed side by side. */
static void whiten(const sl_novelty *n, const float *x, float *y)
{
    const float *column = n->whiten;
    memset(y, 0, n->width * sizeof *y);
    for (uint32_t j = 0; j < n->width; j++) {
        const uint32_t rows = n->width - j;
        const float value = x[j];
        for (uint32_t i = 0; i < rows; i++) y[j + i] += column[i] * value;
        column += rows;
    }
}

static float distance(const sl_novelty *n, const float *last, const float *logits, uint32_t n_classes, float *y)
{
    float squares[SL_MAX_CLASSES] = {0};
    whiten(n, last, y);
    for (uint32_t i = 0; i < n->width; i++) {
        const float *center = n->centers + (size_t)i * n_classes;
        for (uint32_t k = 0; k < n_classes; k++) squares[k] += (y[i] - center[k]) * (y[i] - center[k]);
    }
    uint32_t answer = 0;
    for (uint32_t k = 1; k < n_classes; k++) {
        if (logits[k] > logits[answer]) answer = k;
    }
    if (n->kind == SL_NOVELTY_ANSWER && (n->known >> answer & 1) != 0) return squares[answer];
    float nearest = INFINITY;
    for (uint32_t k = 0; k < n_classes; k++) {
        if ((n->known >> k & 1) != 0 && squares[k] < nearest) nearest = squares[k];
    }
    return nearest;
}

static float energy(const float *logits, uint32_t n_classes)
{
    float highest = logits[0], sum = 0;
    for (uint32_t k = 1; k < n_classes; k++) highest = logits[k] > highest ? logits[k] : highest;
    for (uint32_t k = 0; k < n_classes; k++) sum += expf(logits[k] - highest);
    return -(highest + logf(sum));
}

float sl_novelty_score(const sl_novelty *n, const float *last, const float *logits, uint32_t n_classes, float *room)
{
    return n->kind == SL_NOVELTY_ENERGY ? energy(logits, n_classes) : distance(n, last, logits, n_classes, room);
}

float sl_novelty_share(const sl_novelty *n, float score)
{
    const float *q = n->quantiles;
    uint32_t low = 0, high = n->n_quantiles - 1;
    if (!(score < q[high])) return 1; /* NaN, too */
    if (score < q[0]) return 0;
    while (high - low > 1) { /* q[low] <= score < q[high] */
        const uint32_t middle = (low + high) / 2;
        *(q[middle] <= score ? &low : &high) = middle;
    }
    const float between = (score - q[low]) / (q[high] - q[low]);
    return ((float)low + between) / (float)(n->n_quantiles - 1);
}
