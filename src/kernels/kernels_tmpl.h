/*
 * kernels/kernels_tmpl.h - the kernels over vectors, included by one file for
 * each instruction set. That file defines before:
 *
 *   vf, vu         vectors of VL floats, of VL unsigned 32-bit integers
 *   vset(x)        all lanes x
 *   vfma(a, b, c)  a b + c, rounded once
 *   vmax(a, b), vmin(a, b)   b where either is NaN
 *   vsqrt(a), vround(a)      root; nearest whole number, halves to even
 *   GEMM_VECTORS   vectors that a tile of gemm is wide
 *   TABLE, NAME    the table's variable and its name
 *
 * Functions with `const` counts are inlined with constants, so that their
 * small arrays become registers.
 */
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/level.h"

enum { GEMM_ROWS = 4, ATTENTION_VECTORS = SL_ATTENTION_LANES / VL, ATTENTION_DIMS = 4 };

SL_INLINE vf load(const float *p)
{
    return *(const vf *)p;
}

SL_INLINE void store(float *p, vf x)
{
    *(vf *)p = x;
}

/*
 * 2^(factor x) for x <= 0, as 2^n 2^f with n the nearest whole number: adding
 * 1.5 2^23 leaves n in the low bits of the sum. The polynomial is the minimax
 * one of degree 5 for 2^f on [-1/2, 1/2] with p(0) = 1; in float32 its
 * relative error is 1.6e-7. Below 2^-126 it is 2^-126. NaN stays NaN.
 */
SL_INLINE vf exp2_negative(vf x, float factor)
{
    const vf magic = vset(0x1.8p23f);
    x = vmax(vset(-126 / factor), x);
    const vf shifted = vfma(x, vset(factor), magic);
    const vf f = vfma(x, vset(factor), magic - shifted);
    vf p = vset(0x1.5bba1ap-10f);
    p = vfma(p, f, vset(0x1.3cea88p-7f));
    p = vfma(p, f, vset(0x1.c6b752p-5f));
    p = vfma(p, f, vset(0x1.ebf9bcp-3f));
    p = vfma(p, f, vset(0x1.62e42ap-1f));
    p = vfma(p, f, vset(1));
    return (vf)((vu)p + ((vu)shifted << 23));
}

/* R rows of c, V vectors wide. */
SL_INLINE void gemm_tile(const sl_gemm *g, size_t n, size_t t, const size_t R, const size_t V)
{
    vf sum[GEMM_ROWS][GEMM_VECTORS];
    const float *w = g->w + n * g->k, *x = g->x + t;
    for (size_t r = 0; r < R; r++) {
        for (size_t v = 0; v < V; v++) sum[r][v] = vset(0);
    }
    for (size_t k = 0; k < g->k; k++, x += g->x_stride) {
        vf in[GEMM_VECTORS];
        for (size_t v = 0; v < V; v++) in[v] = load(x + v * VL);
        for (size_t r = 0; r < R; r++) {
            const vf factor = vset(w[r * g->k + k]);
            for (size_t v = 0; v < V; v++) sum[r][v] = vfma(factor, in[v], sum[r][v]);
        }
    }
    for (size_t r = 0; r < R; r++) {
        const vf bias = vset(g->bias[n + r]);
        float *c = g->c + (n + r) * g->c_stride + t;
        for (size_t v = 0; v < V; v++) {
            vf y = sum[r][v];
            y = g->scale != NULL ? vset(g->w_scale) * load(g->scale + t + v * VL) * y + bias : y + bias;
            store(c + v * VL, g->relu ? vmax(vset(0), y) : y);
        }
    }
}

SL_INLINE void gemm_columns(const sl_gemm *g, size_t t, const size_t V)
{
    size_t n = 0;
    for (; n + GEMM_ROWS <= g->n; n += GEMM_ROWS) gemm_tile(g, n, t, GEMM_ROWS, V);
    for (; n < g->n; n++) gemm_tile(g, n, t, 1, V);
}

static void gemm(const sl_gemm *g)
{
    size_t t = 0;
    for (; t + GEMM_VECTORS * VL <= g->lanes; t += GEMM_VECTORS * VL) gemm_columns(g, t, GEMM_VECTORS);
    switch ((g->lanes - t) / VL) {
    case 3: gemm_columns(g, t, GEMM_VECTORS < 3 ? GEMM_VECTORS : 3); break;
    case 2: gemm_columns(g, t, GEMM_VECTORS < 2 ? GEMM_VECTORS : 2); break;
    case 1: gemm_columns(g, t, 1); break;
    default: break;
    }
}

/* Add the products of D dimensions to the scores of V vectors of queries; their maximum is right after the last ones. */
SL_INLINE void score(const sl_attention *a, size_t row, size_t t, const bool first, const size_t D, const size_t V, vf *max)
{
    vf q[ATTENTION_DIMS][ATTENTION_VECTORS], most[ATTENTION_VECTORS];
    const size_t steps = a->steps, stride = a->stride; /* copies: a store of floats could change the struct's */
    const float *k = a->k + row * stride;
    float *scores = a->scores;
    for (size_t d = 0; d < D; d++) {
        for (size_t v = 0; v < V; v++) q[d][v] = load(a->q + (row + d) * stride + t + v * VL);
    }
    for (size_t v = 0; v < V; v++) most[v] = vset(-INFINITY);
    for (size_t j = 0; j < steps; j++, scores += SL_ATTENTION_LANES) {
        for (size_t v = 0; v < V; v++) {
            vf s = vset(k[j]) * q[0][v];
            if (!first) s = s + load(scores + v * VL);
            for (size_t d = 1; d < D; d++) s = vfma(vset(k[d * stride + j]), q[d][v], s);
            store(scores + v * VL, s);
            most[v] = vmax(most[v], s);
        }
    }
    for (size_t v = 0; v < V; v++) max[v] = most[v];
}

/* D dimensions of the output for V vectors of queries. The first call turns the scores into weights, and sums them. */
SL_INLINE void weigh(const sl_attention *a, size_t row, size_t t, const bool first, const size_t D, const size_t V,
                     const vf *max, vf *total)
{
    vf y[ATTENTION_DIMS][ATTENTION_VECTORS], sum[ATTENTION_VECTORS];
    const size_t steps = a->steps, stride = a->stride;
    const float *values = a->v + row * stride;
    float *scores = a->scores;
    const float to_base_2 = a->scale * 0x1.715476p+0f;
    for (size_t v = 0; v < V; v++) {
        sum[v] = vset(0);
        for (size_t d = 0; d < D; d++) y[d][v] = vset(0);
    }
    for (size_t j = 0; j < steps; j++, scores += SL_ATTENTION_LANES) {
        for (size_t v = 0; v < V; v++) {
            vf e = load(scores + v * VL);
            if (first) {
                e = exp2_negative(e - max[v], to_base_2);
                sum[v] += e;
                store(scores + v * VL, e);
            }
            for (size_t d = 0; d < D; d++) y[d][v] = vfma(vset(values[d * stride + j]), e, y[d][v]);
        }
    }
    for (size_t v = 0; v < V; v++) {
        if (first) total[v] = sum[v];
        for (size_t d = 0; d < D; d++) store(a->o + (row + d) * stride + t + v * VL, y[d][v] / total[v]);
    }
}

/* V vectors of queries of one head; of its dimensions first four, two or one at once, then fours and ones. */
SL_INLINE void attend(const sl_attention *a, size_t head, size_t t, const size_t V)
{
    vf max[ATTENTION_VECTORS], total[ATTENTION_VECTORS];
    const size_t row = head * a->key_dim, end = row + a->key_dim;
    const size_t second = row + (a->key_dim >= 4 ? 4 : a->key_dim >= 2 ? 2 : 1);
    if (a->key_dim >= 4) {
        score(a, row, t, true, 4, V, max);
    } else if (a->key_dim >= 2) {
        score(a, row, t, true, 2, V, max);
    } else {
        score(a, row, t, true, 1, V, max);
    }
    size_t d = second;
    for (; d + 4 <= end; d += 4) score(a, d, t, false, 4, V, max);
    for (; d < end; d++) score(a, d, t, false, 1, V, max);

    if (a->key_dim >= 4) {
        weigh(a, row, t, true, 4, V, max, total);
    } else if (a->key_dim >= 2) {
        weigh(a, row, t, true, 2, V, max, total);
    } else {
        weigh(a, row, t, true, 1, V, max, total);
    }
    for (d = second; d + 4 <= end; d += 4) weigh(a, d, t, false, 4, V, max, total);
    for (; d < end; d++) weigh(a, d, t, false, 1, V, max, total);
}

static void attention(const sl_attention *a)
{
    for (size_t head = 0; head < a->heads; head++) {
        size_t t = 0;
        for (; t + SL_ATTENTION_LANES <= a->stride; t += SL_ATTENTION_LANES) attend(a, head, t, ATTENTION_VECTORS);
        if (t < a->stride) attend(a, head, t, ATTENTION_VECTORS / 2);
    }
}

static void add_norm(const sl_add_norm *n)
{
    const vf count = vset((float)n->channels);
    for (size_t t = 0; t < n->lanes; t += VL) {
        const float *a = n->a + t, *b = n->b + t;
        float *o = n->o + t;
        vf sum = vset(0), squares = vset(0);
        for (size_t c = 0; c < n->channels; c++) {
            const vf y = load(a + c * n->stride) + load(b + c * n->stride);
            store(o + c * n->stride, y);
            sum += y;
        }
        const vf mean = sum / count;
        for (size_t c = 0; c < n->channels; c++) {
            const vf y = load(o + c * n->stride) - mean;
            squares = vfma(y, y, squares);
        }
        const vf inverse = vset(1) / vsqrt(squares / count + vset(n->epsilon));
        for (size_t c = 0; c < n->channels; c++) {
            const vf y = load(o + c * n->stride) - mean;
            store(o + c * n->stride, vfma(y, inverse * vset(n->gamma[c]), vset(n->beta[c])));
        }
    }
}

/* Nearest whole number, halves away from zero. */
SL_INLINE vf round_away(vf x)
{
    const vf r = vround(x), rest = x - r;
    const vu one = (vu)vset(1);
    const vf up = (vf)((vu)((rest == vset(0.5f)) & (x > vset(0))) & one);
    const vf down = (vf)((vu)((rest == vset(-0.5f)) & (x < vset(0))) & one);
    return r + up - down;
}

static void quantize(const sl_quantize *q)
{
    for (size_t t = 0; t < q->lanes; t += VL) {
        const float *x = q->x + t;
        vf min = vset(0), max = vset(0);
        for (size_t c = 0; c < q->channels; c++) {
            min = vmin(load(x + c * q->stride), min);
            max = vmax(load(x + c * q->stride), max);
        }
        _Alignas(sizeof(vf)) float low[VL], high[VL], zeros[VL];
        store(low, min);
        store(high, max);
        for (size_t l = 0; l < VL; l++) zeros[l] = sl_zero_level(low[l], high[l], &q->scale[t + l]);
        const vf zero = load(zeros), inverse = vset(1) / load(q->scale + t);
        for (size_t c = 0; c < q->channels; c++) {
            const vf level = round_away(vfma(load(x + c * q->stride), inverse, zero));
            store(q->levels + c * q->stride + t, vmin(vset(127), vmax(vset(-128), level)) - zero);
        }
    }
}

static void mean(size_t channels, size_t steps, size_t stride, const float *x, float *o)
{
    for (size_t c = 0; c < channels; c++) {
        const float *row = x + c * stride;
        vf sum = vset(0);
        size_t t = 0;
        for (; t + VL <= steps; t += VL) sum += load(row + t);
        float all = 0;
        for (size_t l = 0; l < VL; l++) all += sum[l];
        for (; t < steps; t++) all += row[t];
        for (size_t l = 1; l < SL_LANES; l++) o[c * SL_LANES + l] = 0;
        o[c * SL_LANES] = all / (float)steps;
    }
}

static void softmax(size_t channels, size_t lanes, size_t stride, float *x)
{
    for (size_t t = 0; t < lanes; t += VL) {
        vf max = vset(-INFINITY), sum = vset(0);
        for (size_t c = 0; c < channels; c++) max = vmax(max, load(x + c * stride + t));
        for (size_t c = 0; c < channels; c++) {
            const vf e = exp2_negative(load(x + c * stride + t) - max, 0x1.715476p+0f);
            store(x + c * stride + t, e);
            sum += e;
        }
        for (size_t c = 0; c < channels; c++) store(x + c * stride + t, load(x + c * stride + t) / sum);
    }
}

const sl_kernels TABLE = {NAME, gemm, attention, add_norm, quantize, mean, softmax};
