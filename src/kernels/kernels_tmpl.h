/*
 * kernels/kernels_tmpl.h - the kernels over vectors, included by one file for
 * each instruction set. That file defines before:
 *
 *   vf, vu, vi, vh vectors of VL floats, of VL unsigned and signed 32-bit and of 2 VL signed 16-bit integers
 *   vu_any         vu that may alias anything
 *   vset(x)        all lanes x
 *   vfma(a, b, c)  a b + c, rounded once
 *   vmax(a, b), vmin(a, b)   b where either is NaN
 *   vsqrt(a)       root
 *   vwhole(a), vcut(a)       the nearest whole number, and the next towards zero, as a signed integer, |a| < 2^31
 *   vfloat(a)      of a signed integer
 *   vmadd(a, b)    sums of two products of signed 16-bit integers
 *   vleast(a), vmost(a), vsum(a)   of all lanes; the first two of numbers that are not NaN
 *   vany_not_below(a, b)     is not a < b in any lane
 *   vkeep_not_below(x, a, b) x where not a < b, else 0
 *   GEMM_VECTORS   vectors that a tile of gemm is wide, at most: 2 or 4
 *   GEMM_ROWS_2    rows of a tile that is two vectors wide
 *   vcross(x)      turn a square of VL vectors around its diagonal, in place
 *   BACK_SUMS      sums of attention's gradient that stay in registers: 8 or 16
 *   TABLE, NAME    the table's variable and its name
 *
 * Functions with `const` counts are inlined with constants, so that their
 * small arrays become registers.
 */
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/level.h"

enum { GEMM_MOST = 8, NORM_VECTORS = 4 };

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

SL_INLINE vu load_words(const void *p)
{
    return *(const vu_any *)p;
}

SL_INLINE void store_words(void *p, vu x)
{
    *(vu_any *)p = x;
}

/* A word of any kind in all lanes. */
SL_INLINE vf vset_word(const void *p)
{
    float word;
    memcpy(&word, p, sizeof word);
    return vset(word);
}

/* Two bfloat16 each, as floats: the order of the two sums is that of the instruction. */
SL_INLINE vf plain_dot2(vf x, vf w, vf c)
{
    c = vfma((vf)((vu)x << 16), (vf)((vu)w << 16), c);
    return vfma((vf)((vu)x & 0xffff0000u), (vf)((vu)w & 0xffff0000u), c);
}

/* Four bytes each, as two pairs of 16 bits. */
SL_INLINE vf plain_dot4(vf x, vf w, vf c)
{
    const vu even = vmadd((vu)x & 0x00ff00ffu, (vu)((vh)((vu)w << 8) >> 8));
    const vu odd = vmadd((vu)x >> 8 & 0x00ff00ffu, (vu)((vh)w >> 8));
    return (vf)((vu)c + even + odd);
}

#define GEMM(name) plain_##name
#include "kernels/gemm_tmpl.h"
#undef GEMM

static void gemm(const sl_gemm *g)
{
    switch (g->kind) {
    case SL_WEIGHTS_FLOAT32: plain_all(g, SL_WEIGHTS_FLOAT32); break;
    case SL_WEIGHTS_BFLOAT16: plain_all(g, SL_WEIGHTS_BFLOAT16); break;
    case SL_WEIGHTS_INT8: plain_all(g, SL_WEIGHTS_INT8); break;
    }
}

#include "kernels/attention_tmpl.h"

/* V vectors at once: each of the sums waits for itself. */
SL_INLINE void norm_columns(const sl_norm *n, size_t t, const size_t V)
{
    const size_t channels = n->channels, stride = n->stride;
    const vf count = vset((float)channels);
    float *x = n->x + t;
    vf sum[NORM_VECTORS], mean[NORM_VECTORS], squares[NORM_VECTORS], inverse[NORM_VECTORS];
    SL_UNROLL for (size_t v = 0; v < V; v++) sum[v] = squares[v] = vset(0);
    for (size_t c = 0; c < channels; c++) {
        SL_UNROLL for (size_t v = 0; v < V; v++) sum[v] += load(x + c * stride + v * VL);
    }
    SL_UNROLL for (size_t v = 0; v < V; v++) mean[v] = sum[v] / count;
    for (size_t c = 0; c < channels; c++) {
        SL_UNROLL for (size_t v = 0; v < V; v++) {
            const vf y = load(x + c * stride + v * VL) - mean[v];
            squares[v] = vfma(y, y, squares[v]);
        }
    }
    SL_UNROLL for (size_t v = 0; v < V; v++) inverse[v] = vset(1) / vsqrt(squares[v] / count + vset(n->epsilon));
    for (size_t c = 0; c < channels; c++) {
        const vf gamma = vset(n->gamma[c]), beta = vset(n->beta[c]);
        SL_UNROLL for (size_t v = 0; v < V; v++) {
            const vf y = load(x + c * stride + v * VL) - mean[v];
            store(x + c * stride + v * VL, vfma(y, inverse[v] * gamma, beta));
        }
    }
}

static void norm(const sl_norm *n)
{
    size_t t = 0;
    for (; t + NORM_VECTORS * VL <= n->lanes; t += NORM_VECTORS * VL) norm_columns(n, t, NORM_VECTORS);
    for (; t < n->lanes; t += VL) norm_columns(n, t, 1);
}

/*
 * The nearest whole number in [-128, 127], halves away from zero. Adding
 * the float below one half before cutting off is right for every |x| < 2^23:
 * at a half the sum rounds up to the next whole number, and just below it does not.
 */
SL_INLINE vu level_of(vf x)
{
    const vf near = vmin(vmax(x, vset(-128.25f)), vset(127.25f));
    return vcut(near + (vf)(((vu)near & 0x80000000u) | 0x3effffffu));
}

/* N channels of a word; the others are copies of the last. */
SL_INLINE vu levels_of(const float *x, size_t stride, const size_t N, vf inverse, vf zero)
{
    vu level[4];
    SL_UNROLL for (size_t i = 0; i < 4; i++) {
        level[i] = i < N ? level_of(vfma(load(x + i * stride), inverse, zero)) : level[N - 1];
    }
    const vu low = (level[0] & 0xffu) | (level[1] << 8 & 0xff00u), high = (level[2] & 0xffu) | level[3] << 8;
    return ((low & 0xffffu) | high << 16) ^ 0x80808080u; /* + 128 in each byte */
}

static void quantize(const sl_quantize *q)
{
    const size_t channels = q->channels, stride = q->stride;
    for (size_t t = 0; t < q->lanes; t += VL) {
        const float *x = q->x + t;
        vf min = vset(0), max = vset(0), bad = vset(0);
        for (size_t c = 0; c < channels; c++) {
            const vf y = load(x + c * stride);
            min = vmin(y, min);
            max = vmax(y, max);
            bad = vfma(y, vset(0), bad);
        }
        _Alignas(sizeof(vf)) float low[VL], high[VL], zeros[VL], widths[VL];
        store(low, min);
        store(high, max);
        for (size_t l = 0; l < VL; l++) zeros[l] = sl_zero_level(low[l], high[l], &widths[l]);
        for (size_t l = 0; l < VL; l++) q->zero[t + l] = (int32_t)zeros[l] + 128;
        const vf zero = load(zeros), inverse = vset(1) / load(widths);
        store(q->scale + t, load(widths) + bad);
        uint32_t *to = q->levels + t;
        size_t c = 0;
        for (; c + 4 <= channels; c += 4, to += stride) {
            store_words(to, levels_of(x + c * stride, stride, 4, inverse, zero));
        }
        switch (channels - c) {
        case 1: store_words(to, levels_of(x + c * stride, stride, 1, inverse, zero)); break;
        case 2: store_words(to, levels_of(x + c * stride, stride, 2, inverse, zero)); break;
        case 3: store_words(to, levels_of(x + c * stride, stride, 3, inverse, zero)); break;
        default: break;
        }
    }
}

/* In the low halves. */
SL_INLINE vu to_bfloat16(vf x)
{
    const vu bits = (vu)x, rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16, number = (vu)(x == x);
    return (rounded & number) | (0x7fc0u & ~number);
}

static void pack(const sl_pack *p)
{
    const size_t channels = p->channels, stride = p->stride;
    for (size_t c = 0; c < channels; c += 2) {
        const float *low = p->x + c * stride, *high = low + stride;
        uint32_t *to = p->pairs + c / 2 * stride;
        for (size_t t = 0; t < p->lanes; t += VL) {
            vu word = to_bfloat16(load(low + t));
            if (c + 1 < channels) word |= to_bfloat16(load(high + t)) << 16;
            store_words(to + t, word);
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

/* Twelve chains: more than latency times pipes of any core so far, and they fit into sixteen registers. */
static double peak(size_t rounds, float *sum)
{
    enum { HALF = 6 };
    const vf factor = vset(0.999f), offset = vset(0.5f);
    vf x[HALF], y[HALF];
    SL_UNROLL for (int c = 0; c < HALF; c++) {
        x[c] = vset((float)c);
        y[c] = vset((float)(c + HALF)); /* another start: of two equal chains a compiler makes one */
    }
    for (size_t i = 0; i < rounds; i++) {
        SL_UNROLL for (int c = 0; c < HALF; c++) x[c] = vfma(x[c], factor, offset);
        SL_UNROLL for (int c = 0; c < HALF; c++) y[c] = vfma(y[c], factor, offset);
    }
    SL_UNROLL for (int c = 0; c < HALF; c++) x[c] += y[c];
    SL_UNROLL for (int c = 0; c < HALF; c++) *sum += vsum(x[c]);
    return 2.0 * 2 * HALF * VL * (double)rounds;
}

#include "kernels/recur_tmpl.h"
#include "kernels/train_tmpl.h"

static void silu(size_t n, float *x)
{
    for (size_t i = 0; i < n; i += VL) store(x + i, load(x + i) * logistic(load(x + i)));
}

/* With another function for the products where there is one. */
#define TABLE_OF(name, gemm) \
    { \
        name, gemm, attention, norm, quantize, pack, mean, softmax, silu, peak, \
        .gp = {.lanes = {DL, gp_lanes_work, gp_lanes_value, gp_lanes_slope}, \
               .whole = {1, gp_whole_work, gp_whole_value, gp_whole_slope}, \
               .mean = gp_mean, \
               .grid = gp_grid, \
               .variance = gp_variance}, \
        .recur = {matvec, gru, lstm, gru_back, lstm_back}, \
        .train = {attention_back, norm_back, dropout, transpose, row_sums, relu_back, silu_back}, \
    }

const sl_kernels TABLE = TABLE_OF(NAME, gemm);
