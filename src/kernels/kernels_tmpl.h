/*
 * kernels/kernels_tmpl.h - the kernels over vectors, included by one file for
 * each instruction set. That file defines before:
 *
 *   vf, vu         vectors of VL floats, of VL unsigned 32-bit integers
 *   vset(x)        all lanes x
 *   vfma(a, b, c)  a b + c, rounded once
 *   vmax(a, b), vmin(a, b)   b where either is NaN
 *   vsqrt(a), vround(a)      root; nearest whole number, halves to even
 *   vwhole(a)      the nearest whole number as a signed integer, |a| < 2^31
 *   vleast(a), vmost(a), vsum(a)   of all lanes; the first two of numbers that are not NaN
 *   vany_not_below(a, b)     is not a < b in any lane
 *   vkeep_not_below(x, a, b) x where not a < b, else 0
 *   GEMM_VECTORS   vectors that a tile of gemm is wide, at most: 2 or 4
 *   GEMM_ROWS_2    rows of a tile that is two vectors wide
 *   TABLE, NAME    the table's variable and its name
 *
 * Functions with `const` counts are inlined with constants, so that their
 * small arrays become registers.
 */
#include <math.h>

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

/* What is done to a sum beside adding the bias before it is stored. */
enum { ADDED = 1, SCALED = 2 };

/* R rows of c, V vectors wide. */
SL_INLINE void gemm_tile(const sl_gemm *g, size_t n, size_t t, const int kind, const size_t R, const size_t V)
{
    vf sum[GEMM_MOST][GEMM_VECTORS];
    const size_t depth = g->k, x_stride = g->x_stride, c_stride = g->c_stride; /* copies: a store could change them */
    const float *w = g->w + n * depth, *x = g->x + t, *bias = g->bias + n;
    const float *add = kind & ADDED ? g->add + n * c_stride + t : NULL;
    float *c = g->c + n * c_stride + t;
    const vf least = vset(g->relu ? 0 : -INFINITY);
    SL_UNROLL for (size_t r = 0; r < R; r++) {
        SL_UNROLL for (size_t v = 0; v < V; v++) sum[r][v] = vset(0);
    }
    for (size_t k = 0; k < depth; k++, w++, x += x_stride) {
        vf in[GEMM_VECTORS];
        SL_UNROLL for (size_t v = 0; v < V; v++) in[v] = load(x + v * VL);
        SL_UNROLL for (size_t r = 0; r < R; r++) {
            const vf factor = vset(w[r * depth]);
            SL_UNROLL for (size_t v = 0; v < V; v++) sum[r][v] = vfma(factor, in[v], sum[r][v]);
        }
    }
    SL_UNROLL for (size_t r = 0; r < R; r++) {
        const vf offset = vset(bias[r]);
        SL_UNROLL for (size_t v = 0; v < V; v++) {
            vf y = sum[r][v];
            if (kind & SCALED) y = vset(g->w_scale) * load(g->scale + t + v * VL) * y;
            y = vmax(least, y + offset);
            if (kind & ADDED) y = y + load(add + r * c_stride + v * VL);
            store(c + r * c_stride + v * VL, y);
        }
    }
}

/* All rows, V vectors wide: as many together as fill the registers, then four, two, one. */
SL_INLINE void gemm_rows(const sl_gemm *g, size_t t, const int kind, const size_t R, const size_t V)
{
    size_t n = 0;
    for (; n + R <= g->n; n += R) gemm_tile(g, n, t, kind, R, V);
    if (n + 4 <= g->n) {
        gemm_tile(g, n, t, kind, 4, V);
        n += 4;
    }
    if (n + 2 <= g->n) {
        gemm_tile(g, n, t, kind, 2, V);
        n += 2;
    }
    if (n < g->n) gemm_tile(g, n, t, kind, 1, V);
}

SL_INLINE void gemm_columns(const sl_gemm *g, size_t t, const size_t R, const size_t V)
{
    switch ((g->add != NULL ? ADDED : 0) | (g->scale != NULL ? SCALED : 0)) {
    case 0: gemm_rows(g, t, 0, R, V); break;
    case ADDED: gemm_rows(g, t, ADDED, R, V); break;
    case SCALED: gemm_rows(g, t, SCALED, R, V); break;
    default: gemm_rows(g, t, ADDED | SCALED, R, V); break;
    }
}

/* The vectors are shared out evenly: seven as four and three. */
static void gemm(const sl_gemm *g)
{
    size_t vectors = g->lanes / VL, tiles = (vectors + GEMM_VECTORS - 1) / GEMM_VECTORS;
    for (size_t t = 0; tiles > 0; tiles--) {
        const size_t wide = (vectors + tiles - 1) / tiles;
        switch (wide) {
        case 1: gemm_columns(g, t, 8, 1); break;
        case 2: gemm_columns(g, t, GEMM_ROWS_2, 2); break;
#if GEMM_VECTORS > 2
        case 3: gemm_columns(g, t, 8, 3); break;
        default: gemm_columns(g, t, 6, 4); break;
#endif
        }
        vectors -= wide;
        t += wide * VL;
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

const sl_kernels TABLE = {
    NAME, gemm, attention, norm, quantize, mean, softmax,
    .gp = {.lanes = {DL, gp_lanes_work, gp_lanes_value, gp_lanes_slope},
           .whole = {1, gp_whole_work, gp_whole_value, gp_whole_slope},
           .mean = gp_mean},
};
