/*
 * model/network.h - the checked network: every shape follows from the one
 * before, every weight is a finite float, every size is within its bound.
 */
#ifndef SL_MODEL_NETWORK_H
#define SL_MODEL_NETWORK_H

#include "base/arena.h"
#include "kernels/kernels.h"
#include "model/parts.h"
#include "starling/model.h"

/*
 * y = W x + b for each step. Float32 weights are a view into the file; the
 * others are rows of words as the kernels want them, beside the file unless
 * its rows are such words already.
 */
typedef struct sl_matrix {
    uint32_t n, k;     /* rows = channels out, columns = channels in */
    sl_weights kind;
    uint32_t words;    /* of a row of w */
    const void *w;     /* n x words */
    const float *bias; /* n */
    const int32_t *w_sum; /* int8: n, of the row's integers */
    const float *scale;   /* int8: n, of each row */
} sl_matrix;

typedef struct sl_encoder {
    sl_matrix q, k, v, o, w1, w2;
    const float *gamma1, *beta1, *gamma2, *beta2;
    uint32_t heads, key_dim;
    float epsilon;
} sl_encoder;

/* One direction of a GRU or an LSTM, gates one after another: see recur_kernels.h. */
typedef struct sl_recurrent {
    sl_matrix x, h; /* gates units x channels, and x units */
    /* by sl_network_prepare: h turned, a row for each unit of the state before, with gates of stride(units); its bias */
    const float *packed, *packed_bias;
} sl_recurrent;

/* One layer with its weights resolved. Rows of channels over steps, see kernels.h. */
typedef struct sl_op {
    sl_layer_kind kind;
    uint32_t steps, channels;         /* of its input */
    uint32_t steps_out, channels_out; /* of its output */
    bool relu, silu;
    bool looks_ahead; /* an output depends on later steps, though not of every layer of its kind */
    uint32_t kernel;         /* conv1d, tcn */
    uint32_t dilation;       /* tcn */
    sl_matrix matrix;        /* conv1d (n x kernel channels), dense, the first of tcn */
    sl_matrix second, skip;  /* tcn; skip.n = 0 where the input goes past as it is */
    uint32_t units, n_directions; /* gru, lstm */
    sl_recurrent recurrent[2];    /* forwards, backwards */
    uint32_t pool_steps, pool_channels;
    const float *positions;  /* channels rows of stride(steps) */
    const float *gamma, *beta; /* norm */
    float epsilon;
    sl_encoder encoder;
    sl_layer_info info;

    /* by sl_network_prepare */
    bool folded;      /* a neighbour does its work: the runner passes over it */
    const float *add; /* conv1d: the positions behind it, or NULL */
    const float *feature_weights; /* conv1d, dense: n_features rows of stride(matrix.n) and one of biases, or NULL */
    uint32_t n_features;
} sl_op;

typedef struct sl_network {
    uint32_t steps, channels, n_classes;
    uint32_t n_features;
    uint32_t input_floats; /* of one input: steps x channels, then the features */
    float inverse_temperature;
    const sl_novelty *novelty; /* checked, or NULL */
    uint32_t last_width; /* channels into the dense layer before the softmax; 0 where there is none on a single step */
    bool nights; /* rows of zeros at the end of an input are no steps */
    size_t n_ops;
    sl_op *ops;
    size_t n_parameters;
    double flop;

    size_t signal_floats;  /* the largest signal between two layers, input and output included */
    size_t scratch_floats; /* the most that a layer needs beside them */

    /* by sl_network_prepare; it raises those two */
    bool answers_every_step; /* without its LAST_STEP it tells what it knows after each step */
    size_t last_step;        /* where that is */
    size_t side;             /* inputs that may go through together: 1 or SL_LANES */
    uint32_t fewest_together; /* from so many on they do */
} sl_network;

/*
 * Check the contract and the layers, and resolve the weights. Allocates from
 * the arena; borrows what the tensors point to. SL_ERR_FORMAT names the layer
 * and what is wrong with it.
 */
sl_status sl_network_build(const sl_model_parts *parts, sl_arena *arena, sl_network *out, sl_error *err);

/* Steps of an input: of nights those up to the last row that is not all zeros, and one at least. */
uint32_t sl_network_length(const sl_network *net, const float *input);

/* Rearrange a network that was built for running: its weights are no longer all where the tensors are. */
sl_status sl_network_prepare(sl_network *net, sl_arena *arena, sl_error *err);

#endif
