/*
 * model/layers.h - the kinds of layers, a struct of functions each, one file a
 * family: layers_conv.c, layers_attention.c, layers_recurrent.c, layers_head.c.
 *
 * Inputs go through a network one by one, or `side` = SL_LANES of them side by
 * side, which pays for recurrent layers and for networks of a single step. A signal of C channels over T steps is
 * C rows of sl_stride(T side) floats; step t of input a lies at t side + a. Of
 * both ways an input gets the same bits.
 */
#ifndef SL_MODEL_LAYERS_H
#define SL_MODEL_LAYERS_H

#include "model/builder.h"

/* One forward pass, as a layer sees it. */
typedef struct sl_forward {
    const sl_kernels *kernels;
    size_t side;
    const uint32_t *lengths; /* side: steps of each input; those behind are no steps */
    const float *features;   /* the network's n_features rows of side */
    float inverse_temperature;
    float *scratch; /* as much as the layer asked for */
} sl_forward;

typedef struct sl_layer_type {
    const char *name;
    /* Check the layer, take its tensors, and fill what differs from a layer that keeps steps and channels. */
    sl_status (*build)(sl_builder *b, const sl_layer *layer);
    /* channels rows of stride(steps side) to channels_out rows of stride(steps_out side); x and out do not overlap */
    void (*run)(const sl_forward *f, const sl_op *op, const float *x, float *out);
    size_t (*scratch)(const sl_op *op, size_t side); /* floats; NULL: none */
    bool any_side;  /* takes several inputs side by side */
    bool backwards; /* an output knows inputs of its own step and of those before only, unless op->looks_ahead */
    bool stepwise;  /* does the same for any number of steps */
} sl_layer_type;

/* NULL for a number that is no kind. */
const sl_layer_type *sl_layer_type_of(sl_layer_kind kind);

/* Floats that a thread may need: a bound on what a file can make us take. */
#define SL_MAX_WORKSPACE ((size_t)1 << 28)
/* Raise *signal to the larger of the layer's input and output, *scratch to what it needs beside them. */
void sl_op_memory(const sl_op *op, size_t side, size_t *signal, size_t *scratch);
/* A layer behind LAST_STEP as it is where that is left out. */
static inline sl_op sl_op_every_step(const sl_op *op, uint32_t steps)
{
    sl_op every = *op;
    every.steps = every.steps_out = steps;
    return every;
}

extern const sl_layer_type sl_layer_conv1d, sl_layer_positions, sl_layer_encoder, sl_layer_mean_over_time,
    sl_layer_dense, sl_layer_softmax, sl_layer_features, sl_layer_gru, sl_layer_lstm, sl_layer_tcn, sl_layer_max_pool,
    sl_layer_flatten, sl_layer_last_step, sl_layer_norm;

static inline size_t sl_forward_stride(const sl_forward *f, size_t steps)
{
    return sl_stride(steps * f->side);
}

/* Steps of input a as the layer gets it. */
static inline size_t sl_forward_steps(const sl_forward *f, const sl_op *op, size_t a)
{
    return op->steps < f->lengths[a] ? op->steps : f->lengths[a];
}

/* Rows of channels from the scratch memory, one after another. */
static inline float *sl_rows(float **scratch, size_t channels, size_t stride)
{
    float *p = *scratch;
    *scratch += channels * stride;
    return p;
}

/*
 * A signal as matrices take it: itself, and where one wants them its bytes or
 * its bfloat16, made when they are asked for.
 */
typedef struct sl_operand {
    const float *x;
    size_t channels, stride;
    float *room; /* sl_operand_floats; not needed for float32 */
    uint32_t *bytes, *pairs;
    float *scale;
    int32_t *zero;
} sl_operand;

/* Floats for the words of a signal of that many channels, of both kinds, and for a scale and a zero a step. */
static inline size_t sl_operand_floats(size_t channels, size_t stride)
{
    return ((channels + 3) / 4 + (channels + 1) / 2 + 2) * stride;
}

/* out = act(m in + bias) + add; `bias` in the place of the matrix' own, or NULL; `add` rows like out, or NULL. */
void sl_multiply(const sl_forward *f, const sl_matrix *m, const float *bias, sl_operand *in, bool relu,
                 const float *add, float *out);

/* The activation of a layer that has one. */
sl_status sl_build_activation(sl_builder *b, const sl_layer *layer);

/* A layer that needs the whole of its input's length to be steps. */
sl_status sl_build_whole(sl_builder *b, const char *what);

/* For a recurrent layer that runs: turn its matrices. */
sl_status sl_recurrent_prepare(sl_op *op, sl_arena *arena, sl_error *err);
/* Rows that it writes behind its channels_out. */
static inline size_t sl_recurrent_spill(const sl_op *op)
{
    return sl_stride(op->units) - op->units;
}

/* The bias with the features' part in it, at the beginning of the scratch memory; NULL where no features were folded. */
const float *sl_features_bias(const sl_forward *f, const sl_op *op);

#endif
