/*
 * kernels/recur_kernels.h - what recurrent layers need, one table of functions
 * for each instruction set.
 *
 * A step of a recurrent layer works on `rows` rows of `lanes` numbers, in one
 * of two ways: units are the rows and alerts the lanes, or one alert has one
 * row with its units in the lanes. A number is worked out from those at its
 * own place and nothing else, in the same order of operations, so that both
 * ways give the same bits.
 *
 * Gates follow PyTorch. x is what the input gives a gate, W_ih x + b_ih, and a
 * what the state before gives it, W_hh h + b_hh; s is the logistic function.
 *
 *   GRU:   r = s(x_r + a_r), z = s(x_z + a_z), n = tanh(x_n + r a_n), h' = (1 - z) n + z h
 *   LSTM:  i = s(x_i + a_i), f = s(x_f + a_f), g = tanh(x_g + a_g), o = s(x_o + a_o),
 *          c' = f c + i g, h' = o tanh(c')
 *
 * s and tanh have an absolute error of at most 4e-7.
 */
#ifndef SL_KERNELS_RECUR_KERNELS_H
#define SL_KERNELS_RECUR_KERNELS_H

#include "starling/base.h"

enum { SL_GRU_GATES = 3, SL_LSTM_GATES = 4, SL_GRU_KEPT = 4, SL_LSTM_KEPT = 5 };

/* y[i] = sum_k w[k][i] x[k] + bias[i], with the bits that gemm would give. */
typedef struct sl_matvec {
    size_t lanes; /* a multiple of SL_LANES */
    size_t k;
    const float *w;    /* k rows of lanes */
    const float *bias; /* lanes */
    const float *x;    /* k */
    float *y;          /* lanes */
} sl_matvec;

typedef struct sl_gates {
    size_t rows, lanes; /* lanes: a multiple of SL_LANES */
    const float *x;     /* gates x rows rows */
    size_t x_stride;
    const float *a; /* gates x rows rows of lanes */
    float *h;       /* rows of lanes: the state before, then the one after */
    float *c;       /* LSTM: the same of its cell */
    float *out;     /* rows: the state after once more */
    size_t out_stride;
    float *kept; /* what going back needs, or NULL: rows of lanes, for a GRU of r, z, n, a_n; for an LSTM of i, f, g, o,
                    tanh(c') */
} sl_gates;

/*
 * One step back. d_h comes with the gradient of h' and leaves with that part
 * of h's which does not go through a; d_c likewise of c' and c. d_x are the
 * gradients of x, d_a of a; for an LSTM they are the same, and d_a is NULL.
 */
typedef struct sl_gates_back {
    size_t rows, lanes;
    const float *kept;
    const float *h; /* GRU: the state before; LSTM: the cell before; rows of lanes, NULL for zeros */
    float *d_h;     /* rows of lanes */
    float *d_c;     /* LSTM */
    float *d_x;     /* gates x rows rows */
    size_t d_x_stride;
    float *d_a; /* GRU: gates x rows rows of lanes */
} sl_gates_back;

typedef struct sl_recur_kernels {
    void (*matvec)(const sl_matvec *m);
    void (*gru)(const sl_gates *g);
    void (*lstm)(const sl_gates *g);
    void (*gru_back)(const sl_gates_back *g);
    void (*lstm_back)(const sl_gates_back *g);
} sl_recur_kernels;

#endif
