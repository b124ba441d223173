/* The reference: what each kernel means, one number at a time. */
#include <math.h>
#include <string.h>

#include "kernels/gp_scalar.h"
#include "kernels/kernels.h"
#include "kernels/level.h"
#include "kernels/recur_scalar.h"
#include "kernels/train_scalar.h"

static float from_bfloat16(uint32_t half)
{
    const uint32_t bits = half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Sums of the words' products, one row of w. */
static void row_float32(const sl_gemm *g, const float *w, float *c)
{
    for (size_t k = 0; k < g->k; k++) {
        const float *x = (const float *)g->x + k * g->x_stride;
        for (size_t t = 0; t < g->lanes; t++) c[t] += w[k] * x[t];
    }
}

static void row_bfloat16(const sl_gemm *g, const uint32_t *w, float *c)
{
    for (size_t k = 0; k < g->k; k++) {
        const uint32_t *x = (const uint32_t *)g->x + k * g->x_stride;
        for (size_t t = 0; t < g->lanes; t++) {
            c[t] += from_bfloat16(w[k] & 0xffff) * from_bfloat16(x[t] & 0xffff);
            c[t] += from_bfloat16(w[k] >> 16) * from_bfloat16(x[t] >> 16);
        }
    }
}

static void row_int8(const sl_gemm *g, size_t n, const int8_t *w, float *c)
{
    for (size_t t = 0; t < g->lanes; t++) {
        int32_t sum = -g->zero[t] * g->w_sum[n];
        for (size_t k = 0; k < g->k; k++) {
            const uint8_t *x = (const uint8_t *)((const uint32_t *)g->x + k * g->x_stride + t);
            for (size_t i = 0; i < 4; i++) sum += w[4 * k + i] * x[i];
        }
        c[t] = g->w_scale[n] * g->scale[t] * (float)sum;
    }
}

static void gemm(const sl_gemm *g)
{
    for (size_t n = 0; n < g->n; n++) {
        const uint32_t *w = (const uint32_t *)g->w + n * g->k;
        float *c = g->c + n * g->c_stride;
        for (size_t t = 0; t < g->lanes; t++) c[t] = 0;
        switch (g->kind) {
        case SL_WEIGHTS_FLOAT32: row_float32(g, (const float *)g->w + n * g->k, c); break;
        case SL_WEIGHTS_BFLOAT16: row_bfloat16(g, w, c); break;
        case SL_WEIGHTS_INT8: row_int8(g, n, (const int8_t *)w, c); break;
        }
        for (size_t t = 0; t < g->lanes; t++) {
            const float y = c[t] + g->bias[n];
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
    if (a->shift != NULL) {
        a->shift[head * a->stride + t] = -a->scale * max;
        a->inverse[head * a->stride + t] = 1 / sum;
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
        for (size_t t = 0; t < a->lanes; t++) attend(a, head, t);
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
        float min = 0, max = 0, bad = 0;
        for (size_t c = 0; c < q->channels; c++) {
            if (x[c * q->stride] < min) min = x[c * q->stride];
            if (x[c * q->stride] > max) max = x[c * q->stride];
            bad += x[c * q->stride] * 0;
        }
        float width;
        const float zero = sl_zero_level(min, max, &width), inverse = 1 / width;
        q->scale[t] = width + bad;
        q->zero[t] = (int32_t)zero + 128;
        uint32_t word = 0;
        for (size_t c = 0; c < q->channels; c++) {
            float level = roundf(fmaf(x[c * q->stride], inverse, zero)); /* halves away from zero */
            level = level > -128 ? level : -128;                         /* and NaN */
            level = level > 127 ? 127 : level;
            word |= (uint32_t)(level + 128) << 8 * (c % 4);
            if (c % 4 < 3 && c + 1 < q->channels) continue;
            q->levels[c / 4 * q->stride + t] = word;
            word = 0;
        }
    }
}

static uint32_t to_bfloat16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static void pack(const sl_pack *p)
{
    for (size_t c = 0; c < p->channels; c += 2) {
        const float *low = p->x + c * p->stride, *high = low + p->stride;
        for (size_t t = 0; t < p->lanes; t++) {
            p->pairs[c / 2 * p->stride + t] = to_bfloat16(low[t]) | (c + 1 < p->channels ? to_bfloat16(high[t]) << 16 : 0);
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

static void silu(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++) {
        const float e = expf(-fabsf(x[i]));
        x[i] *= x[i] < 0 ? e / (1 + e) : 1 / (1 + e); /* NaN stays NaN */
    }
}

static double peak(size_t rounds, float *sum)
{
    enum { CHAINS = 8 };
    float x[CHAINS] = {0};
    for (size_t i = 0; i < rounds; i++) {
        for (int c = 0; c < CHAINS; c++) x[c] = x[c] * 0.999f + 0.5f;
    }
    for (int c = 0; c < CHAINS; c++) *sum += x[c];
    return 2.0 * CHAINS * (double)rounds;
}

const sl_kernels sl_kernels_scalar = {
    "scalar", gemm, attention, norm, quantize, pack, mean, softmax, silu, peak,
    .gp = {.lanes = {1, sl_gp_scalar_work, sl_gp_scalar_value, sl_gp_scalar_slope},
           .whole = {1, sl_gp_scalar_work, sl_gp_scalar_value, sl_gp_scalar_slope},
           .mean = sl_gp_scalar_mean,
           .grid = sl_gp_scalar_mean,
           .variance = sl_gp_scalar_variance},
    .recur = {sl_recur_scalar_matvec, sl_recur_scalar_gru, sl_recur_scalar_lstm, sl_recur_scalar_gru_back,
              sl_recur_scalar_lstm_back},
    .train = {sl_train_scalar_attention_back, sl_train_scalar_norm_back, sl_train_scalar_dropout,
              sl_train_scalar_transpose, sl_train_scalar_row_sums, sl_train_scalar_relu_back,
              sl_train_scalar_silu_back},
};
