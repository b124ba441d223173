/*
 * kernels/train_kernels.h - what training needs beside the kernels of the
 * forward pass, one table of functions for each instruction set.
 *
 * Signals lie as kernels.h has them, but for several objects side by side in
 * the lanes: object b of a signal with T steps has the lanes from
 * b sl_stride(T) on. Gradients are 0 in the lanes behind an object's last step.
 */
#ifndef SL_KERNELS_TRAIN_KERNELS_H
#define SL_KERNELS_TRAIN_KERNELS_H

#include "starling/base.h"

/*
 * The gradient of sl_attention, one object, all heads. With a_tj the weight of
 * key j for query t and g = d_o[t] . v[j] - d_o[t] . o[t],
 *   d_v[j] = sum_t a_tj d_o[t],  d_q[t] = scale sum_j a_tj g k[j],
 *   d_k[j] = scale sum_t a_tj g q[t].
 * shift and inverse are those that attention of the same table wrote. d_o is 0
 * in the lanes behind the last step, and so is what comes out. The weights are
 * computed anew, with the same error as in sl_attention.
 */
typedef struct sl_attention_back {
    size_t heads, key_dim, steps;
    size_t lanes, stride; /* as in sl_attention */
    float scale;
    const float *q, *k, *v, *o, *d_o; /* heads x key_dim rows */
    const float *shift, *inverse;     /* heads rows */
    float *d_q, *d_k, *d_v;           /* heads x key_dim rows; none of the inputs */
    float *room;                      /* sl_attention_back_room() floats */
} sl_attention_back;

enum { SL_ATTENTION_LEAD = 4 /* dimensions of a head that go through registers together */ };

static inline size_t sl_attention_back_room(size_t steps, size_t lanes, size_t key_dim)
{
    return (2 * key_dim + 1 + (key_dim > SL_ATTENTION_LEAD ? 2 * steps : 0)) * lanes;
}

/*
 * The gradient of sl_norm: with y[c] = x[c] normalised and s = 1 / sqrt(variance + epsilon),
 *   d_x[c] = s (gamma[c] d_y[c] - mean(gamma d_y) - y[c] mean(gamma d_y y)), means over the channels;
 *   d_gamma[c] += sum over the lanes of d_y[c] y[c];  d_beta[c] += sum over the lanes of d_y[c].
 */
typedef struct sl_norm_back {
    size_t channels, lanes, stride;
    const float *x; /* what was normalised */
    const float *gamma;
    float epsilon;
    const float *d_y;
    float *d_x; /* may be d_y */
    float *d_gamma, *d_beta;
    float *room; /* 4 lanes floats */
} sl_norm_back;

/*
 * to = add + from / (1 - rate) where a number drawn for the place is not under
 * the rate, and add where it is. The draw depends on the key, the row and the
 * lane, and on nothing else; where each lane is an object, on the object's own
 * key and the row.
 */
typedef struct sl_dropout {
    size_t rows, lanes, stride; /* lanes: a multiple of SL_LANES */
    const float *from;
    const float *add; /* or NULL: 0 */
    float *to;        /* may be from, or add */
    uint64_t key;
    const uint32_t *low, *high; /* instead of it the halves of a key for each lane, or both NULL */
    float rate; /* in [0, 1) */
} sl_dropout;

/* The draw: whole numbers below 2^32. */
static inline uint32_t sl_dropout_draw(uint64_t key, uint32_t place)
{
    /* Two rounds of multiply and shift; the constants are those of C. Wellons' search for little bias. */
    uint32_t h = place ^ (uint32_t)key;
    h = (h ^ h >> 16) * 0x7feb352du + (uint32_t)(key >> 32);
    h = (h ^ h >> 15) * 0x846ca68bu;
    return h ^ h >> 16;
}

typedef struct sl_train_kernels {
    void (*attention_back)(const sl_attention_back *a);
    void (*norm_back)(const sl_norm_back *n);
    void (*dropout)(const sl_dropout *d);
    /* to[t][r] = from[r][t]: rows x lanes become lanes rows of sl_stride(rows), zeros behind the last of each */
    void (*transpose)(size_t rows, size_t lanes, size_t stride, const float *from, float *to);
    /* sum[r] += all lanes of row r */
    void (*row_sums)(size_t rows, size_t lanes, size_t stride, const float *x, float *sum);
    /* d[i] = y[i] > 0 ? d[i] : 0; n a multiple of SL_LANES */
    void (*relu_back)(size_t n, const float *y, float *d);
    /* d[i] *= s (1 + x (1 - s)), s = 1 / (1 + e^-x): x is what silu took; n a multiple of SL_LANES */
    void (*silu_back)(size_t n, const float *x, float *d);
} sl_train_kernels;

#endif
