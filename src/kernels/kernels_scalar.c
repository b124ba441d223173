/* The reference: what each kernel means, one number at a time. */
#include <math.h>

#include "kernels/gp_scalar.h"
#include "kernels/kernels.h"
#include "kernels/level.h"

static void gemm(const sl_gemm *g)
{
    for (size_t n = 0; n < g->n; n++) {
        const float *w = g->w + n * g->k;
        float *c = g->c + n * g->c_stride;
        for (size_t t = 0; t < g->lanes; t++) c[t] = 0;
        for (size_t k = 0; k < g->k; k++) {
            const float *x = g->x + k * g->x_stride;
            for (size_t t = 0; t < g->lanes; t++) c[t] += w[k] * x[t];
        }
        for (size_t t = 0; t < g->lanes; t++) {
            const float y = (g->scale != NULL ? g->w_scale * g->scale[t] * c[t] : c[t]) + g->bias[n];
            c[t] = g->relu && y < 0 ? 0 : y; /* NaN stays NaN */
            if (g->add != NULL) c[t] += g->add[n * g->c_stride + t];
        }
    }
}

/* One query against all keys of its head. */
static void attend(const sl_attention *a, size_t head, size_t t)
{
    const size_t first = head * a->key_dim * a->stride;
    const float *q = a->q + first + t, *k = a->k + first, *v = a->v + first;
    float *o = a->o + first + t;
    float max = -INFINITY;
    for (size_t j = 0; j < a->steps; j++) {
        float s = 0;
        for (size_t d = 0; d < a->key_dim; d++) s += q[d * a->stride] * k[d * a->stride + j];
        a->scores[j] = s;
        if (s > max) max = s;
    }
    float sum = 0;
    for (size_t j = 0; j < a->steps; j++) {
        a->scores[j] = expf(a->scale * (a->scores[j] - max));
        sum += a->scores[j];
    }
    for (size_t d = 0; d < a->key_dim; d++) {
        float y = 0;
        for (size_t j = 0; j < a->steps; j++) y += a->scores[j] * v[d * a->stride + j];
        o[d * a->stride] = y / sum;
    }
}

static void attention(const sl_attention *a)
{
    for (size_t head = 0; head < a->heads; head++) {
        for (size_t t = 0; t < a->stride; t++) attend(a, head, t);
    }
}

static void norm(const sl_norm *n)
{
    const float count = (float)n->channels;
    for (size_t t = 0; t < n->lanes; t++) {
        float *x = n->x + t;
        float sum = 0, squares = 0;
        for (size_t c = 0; c < n->channels; c++) sum += x[c * n->stride];
        const float mean = sum / count;
        for (size_t c = 0; c < n->channels; c++) {
            const float y = x[c * n->stride] - mean;
            squares += y * y;
        }
        const float inverse = 1 / sqrtf(squares / count + n->epsilon);
        for (size_t c = 0; c < n->channels; c++) {
            x[c * n->stride] = (x[c * n->stride] - mean) * (inverse * n->gamma[c]) + n->beta[c];
        }
    }
}

static void quantize(const sl_quantize *q)
{
    for (size_t t = 0; t < q->lanes; t++) {
        const float *x = q->x + t;
        float min = 0, max = 0;
        for (size_t c = 0; c < q->channels; c++) {
            if (x[c * q->stride] < min) min = x[c * q->stride];
            if (x[c * q->stride] > max) max = x[c * q->stride];
        }
        const float zero = sl_zero_level(min, max, &q->scale[t]), inverse = 1 / q->scale[t];
        for (size_t c = 0; c < q->channels; c++) {
            float level = roundf(fmaf(x[c * q->stride], inverse, zero)); /* halves away from zero */
            level = level < -128 ? -128 : level > 127 ? 127 : level;
            q->levels[c * q->stride + t] = level - zero;
        }
    }
}

static void mean(size_t channels, size_t steps, size_t stride, const float *x, float *o)
{
    for (size_t c = 0; c < channels; c++) {
        float sum = 0;
        for (size_t t = 0; t < steps; t++) sum += x[c * stride + t];
        o[c * SL_LANES] = sum / (float)steps;
        for (size_t t = 1; t < SL_LANES; t++) o[c * SL_LANES + t] = 0;
    }
}

static void softmax(size_t channels, size_t lanes, size_t stride, float *x)
{
    for (size_t t = 0; t < lanes; t++) {
        float max = -INFINITY, sum = 0;
        for (size_t c = 0; c < channels; c++) {
            if (x[c * stride + t] > max) max = x[c * stride + t];
        }
        for (size_t c = 0; c < channels; c++) sum += x[c * stride + t] = expf(x[c * stride + t] - max);
        for (size_t c = 0; c < channels; c++) x[c * stride + t] /= sum;
    }
}

const sl_kernels sl_kernels_scalar = {
    "scalar", gemm, attention, norm, quantize, mean, softmax,
    .gp = {.lanes = {1, sl_gp_scalar_work, sl_gp_scalar_value, sl_gp_scalar_slope},
           .whole = {1, sl_gp_scalar_work, sl_gp_scalar_value, sl_gp_scalar_slope},
           .mean = sl_gp_scalar_mean},
};
