/*
 * kernels/kernels.h - the arithmetic of networks, one table of functions for
 * each instruction set.
 *
 * Everything lies channel by channel: a signal of C channels over T steps is C
 * rows of `stride` floats, stride = T rounded up to SL_LANES, rows aligned to
 * 64 bytes. So the steps are the lanes of a vector, weights are broadcast, and
 * sums over channels never cross lanes. The lanes behind the last step hold
 * whatever comes of computing on them; no number of theirs enters a result.
 *
 * A result depends on the inputs and on the table only. All lanes do the same
 * operations in the same order, except that attention goes one of two ways
 * with each block of queries. There the lanes behind the last step have a say:
 * so they too must be made from the input, and never be left over from another.
 */
#ifndef SL_KERNELS_KERNELS_H
#define SL_KERNELS_KERNELS_H

#include "kernels/gp_kernels.h"
#include "kernels/recur_kernels.h"
#include "kernels/train_kernels.h"
#include "starling/base.h"

enum {
    SL_LANES = 16,
    SL_ATTENTION_LANES = 32, /* queries that go through attention at a time, at most */
    SL_ATTENTION_GROUP = 4   /* keys that are passed over together, or not */
};

static inline size_t sl_stride(size_t steps)
{
    return (steps + SL_LANES - 1) / SL_LANES * SL_LANES;
}

/*
 * How the weights of a product are stored. A row of w is k words of 32 bits,
 * and the signal has rows of words too:
 *
 *   FLOAT32   a word is a number.
 *   BFLOAT16  a word is two numbers, of channels 2 i (low half) and 2 i + 1; sl_pack makes such a signal.
 *   INT8      a word is four bytes, of channels 4 i (lowest) to 4 i + 3, signed in w, 0 to 255 in the signal:
 *             levels as sl_quantize makes them.
 *
 * Where the channels do not fill the last word of a row of w it has zeros.
 */
typedef enum sl_weights { SL_WEIGHTS_FLOAT32, SL_WEIGHTS_BFLOAT16, SL_WEIGHTS_INT8 } sl_weights;

/*
 * c[n][t] = act(sum_k w[n][k] x[k][t] + bias[n]) + add[n][t], for INT8
 * c[n][t] = act(w_scale[n] scale[t] (sum_k w[n][k] x[k][t] - zero[t] w_sum[n]) + bias[n]) + add[n][t]
 *
 * FLOAT32 and BFLOAT16: the error of the sum over K channels is at most
 * (K + 2) 2^-24 sum |w x|; numbers under 2^-126 may count as 0 with BFLOAT16.
 * INT8: what stands in the bracket is exact (K is at most 16384).
 */
typedef struct sl_gemm {
    sl_weights kind;
    size_t n, k;       /* rows of w, words of a row */
    size_t lanes;      /* a multiple of SL_LANES */
    const void *w;     /* n x k words */
    const float *bias; /* n */
    const void *x;     /* k rows of words */
    size_t x_stride;   /* words */
    const float *w_scale; /* n; this and the three below: INT8 */
    const int32_t *w_sum; /* n, of the row's bytes */
    const int32_t *zero;  /* one a lane */
    const float *scale;   /* one a lane */
    const float *add;     /* n rows of c_stride, or NULL: 0 */
    float *c;             /* n rows; neither x nor add */
    size_t c_stride;
    bool relu;
} sl_gemm;

/*
 * Scaled dot-product attention, all heads: for head h, step t, dimension d
 *   o[h d][t] = sum_j a_j v[h d][j] / sum_j a_j,  a_j = exp(scale (s_j - max s)),
 *   s_j = sum_d q[h d][t] k[h d][j].
 * The maximum is the exact one of the computed scores, which reach 1e8, or any
 * number in its place where all scale s_j are within 60 ln 2 of it. The
 * exponential of x has a relative error of at most 4e-6 + |x| 2^-22; weights
 * under 2^-32 of the heaviest may count as 0. A head with a key or a value that
 * is not finite gives NaN.
 */
typedef struct sl_attention {
    size_t heads, key_dim, steps;
    size_t lanes, stride; /* queries: sl_stride(steps); floats between two rows */
    float scale;
    const float *q, *k, *v; /* heads x key_dim rows */
    float *o;               /* the same; not one of the inputs */
    float *shift, *inverse; /* heads rows: what attention_back wants to know of each query; or both NULL */
    float *scores;          /* room for sl_attention_room(steps, key_dim) */
} sl_attention;

/* Floats for the scores, and for their largest in each group. */
static inline size_t sl_attention_scores(size_t steps)
{
    return (steps + (steps + SL_ATTENTION_GROUP - 1) / SL_ATTENTION_GROUP) * SL_ATTENTION_LANES;
}

/* The same, and two for each dimension of a head. */
static inline size_t sl_attention_room(size_t steps, size_t key_dim)
{
    return sl_attention_scores(steps) + sl_stride(2 * key_dim);
}

/*
 * Layer normalisation over the channels, in place:
 *   x[c][t] = (x - mean) / sqrt(variance + epsilon) * gamma[c] + beta[c].
 */
typedef struct sl_norm {
    size_t channels, lanes, stride;
    float *x; /* channels rows */
    const float *gamma, *beta;
    float epsilon;
} sl_norm;

/*
 * TFLite's run-time quantisation, for each step over its channels: 256 levels
 * from min(0, x) to max(0, x), zero being a level; x is about
 * scale * (level - zero). A step with a number that is not finite gets scale NaN.
 */
typedef struct sl_quantize {
    size_t channels, lanes, stride;
    const float *x;   /* channels rows */
    uint32_t *levels; /* (channels + 3) / 4 rows of four levels from 0 to 255 each; the last may have some over */
    float *scale;     /* one a lane */
    int32_t *zero;    /* the level of 0, one a lane */
} sl_quantize;

/* To bfloat16, halves to even, NaN to NaN. */
typedef struct sl_pack {
    size_t channels, lanes, stride;
    const float *x;  /* channels rows */
    uint32_t *pairs; /* (channels + 1) / 2 rows; the last has 0 where channels is odd */
} sl_pack;

typedef struct sl_kernels {
    const char *name; /* "scalar", "avx2", "avx512", "avx512dot", "neon" */
    void (*gemm)(const sl_gemm *g);
    void (*attention)(const sl_attention *a);
    void (*norm)(const sl_norm *n);
    void (*quantize)(const sl_quantize *q);
    void (*pack)(const sl_pack *p);
    /* o[c] = mean of the first `steps` of row c, and 0 in the lanes behind it: rows of SL_LANES */
    void (*mean)(size_t channels, size_t steps, size_t stride, const float *x, float *o);
    /* in place, over the channels of each lane */
    void (*softmax)(size_t channels, size_t lanes, size_t stride, float *x);
    /* x / (1 + e^-x) in place, n a multiple of SL_LANES; relative error at most 4e-7 where the result is over 1e-36 */
    void (*silu)(size_t n, float *x);
    /* multiply-adds in registers and nothing else, as fast as the core can; gives how many operations they were.
       *sum keeps the compiler from leaving them out */
    double (*peak)(size_t rounds, float *sum);
    sl_gp_kernels gp;
    sl_recur_kernels recur;
    sl_train_kernels train;
} sl_kernels;

/* Readable, for any machine: what the others are tested against. */
extern const sl_kernels sl_kernels_scalar;
#if defined(__x86_64__)
extern const sl_kernels sl_kernels_avx2;
extern const sl_kernels sl_kernels_avx512;
extern const sl_kernels sl_kernels_avx512dot;
#elif defined(__aarch64__)
extern const sl_kernels sl_kernels_neon;
#endif

/* The best table for this CPU, or the one that STARLING_CPU names if the CPU can run it. Chosen once. */
const sl_kernels *sl_kernels_select(void);
/* The i-th table that this CPU can run, slowest first; NULL behind the last. */
const sl_kernels *sl_kernels_available(size_t i);

#endif
