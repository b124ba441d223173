#include "model/novelty.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/half.h"

const char *sl_novelty_name(int kind)
{
    static const char *const names[SL_N_NOVELTY_KINDS] = {"none", "nearest", "answer", "energy", "relative"};
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
        CHECK(n->width == 0 && n->rank == 0 && n->known == 0, "an energy has no centers");
    } else {
        CHECK(n->width >= 1 && n->width <= SL_MAX_NOVELTY_WIDTH, "width %u, at most %d", n->width, SL_MAX_NOVELTY_WIDTH);
        CHECK(n->width == last_width, "width %u, the last dense layer takes %u", n->width, last_width);
        CHECK(n->known != 0 && (n_classes == 64 || n->known >> n_classes == 0), "centers of no class, or of unknown ones");
        CHECK(n->rank >= 1 && n->rank <= SL_MAX_CLASSES, "%u directions, at most %d", n->rank, SL_MAX_CLASSES);
        CHECK(all_finite(n->directions, (size_t)n->width * n->rank), "a direction is not finite");
        CHECK(all_finite(n->origin, n->rank), "the origin is not finite");
        CHECK(all_finite(n->centers, (size_t)n->rank * n_classes), "a center is not finite");
        for (uint32_t r = 0; r < n->rank; r++) CHECK(n->pull[r] >= 0 && n->pull[r] <= 1, "a pull outside 0 to 1");
    }
    CHECK(n->n_quantiles >= 2 && n->n_quantiles <= SL_MAX_NOVELTY_QUANTILES, "%u quantiles", n->n_quantiles);
    CHECK(all_finite(n->quantiles, n->n_quantiles), "a quantile is not finite");
    for (uint32_t i = 1; i < n->n_quantiles; i++) CHECK(n->quantiles[i] >= n->quantiles[i - 1], "quantiles fall");
    return SL_OK;
}

float sl_novelty_scale(float most)
{
    int exponent;
    if (!(most > 0)) return 1;
    const float fraction = frexpf(most, &exponent);
    return ldexpf(1, fraction == 0.5f ? exponent - 1 : exponent);
}

void sl_novelty_round(float *directions, uint32_t width, uint32_t rank)
{
    for (uint32_t r = 0; r < rank; r++) {
        float most = 0;
        for (uint32_t i = 0; i < width; i++) most = fmaxf(most, fabsf(directions[(size_t)i * rank + r]));
        const float scale = sl_novelty_scale(most);
        for (uint32_t i = 0; i < width; i++) {
            float *x = &directions[(size_t)i * rank + r];
            *x = scale * sl_half_to_float(sl_half_from_float(*x / scale));
        }
    }
}

/* y = D x - origin, a number of x after another, so that directions are summed side by side. */
static void project(const sl_novelty *n, const float *x, float *y)
{
    const uint32_t rank = n->rank;
    const float *row = n->directions;
    for (uint32_t r = 0; r < rank; r++) y[r] = -n->origin[r];
    for (uint32_t i = 0; i < n->width; i++, row += rank) {
        for (uint32_t r = 0; r < rank; r++) y[r] += row[r] * x[i];
    }
}

static float distance(const sl_novelty *n, const float *last, const float *logits, uint32_t n_classes, float *y)
{
    float squares[SL_MAX_CLASSES] = {0}, all = 0;
    project(n, last, y);
    for (uint32_t r = 0; r < n->rank; r++) {
        const float *center = n->centers + (size_t)r * n_classes;
        for (uint32_t k = 0; k < n_classes; k++) squares[k] += (y[r] - center[k]) * (y[r] - center[k]);
        all += n->pull[r] * y[r] * y[r];
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
    return n->kind == SL_NOVELTY_RELATIVE ? nearest - all : nearest;
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
