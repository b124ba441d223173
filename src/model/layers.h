/*
 * model/layers.h - the kinds of layers, a struct of functions each, one file a
 * family: layers_conv.c, layers_attention.c, layers_head.c.
 */
#ifndef SL_MODEL_LAYERS_H
#define SL_MODEL_LAYERS_H

#include "model/builder.h"

/* One forward pass, as a layer sees it. */
typedef struct sl_forward {
    const sl_kernels *kernels;
    const float *features; /* the network's n_features */
    float inverse_temperature;
    float *scratch; /* as much as the layer asked for */
} sl_forward;

typedef struct sl_layer_type {
    const char *name;
    /* Check the layer, take its tensors, and fill what differs from a layer that keeps steps and channels. */
    sl_status (*build)(sl_builder *b, const sl_layer *layer);
    /* channels rows of sl_stride(steps) to channels_out rows of sl_stride(steps_out); x and out do not overlap */
    void (*run)(const sl_forward *f, const sl_op *op, const float *x, float *out);
} sl_layer_type;

/* NULL for a number that is no kind. */
const sl_layer_type *sl_layer_type_of(sl_layer_kind kind);

extern const sl_layer_type sl_layer_conv1d, sl_layer_positions, sl_layer_encoder, sl_layer_mean_over_time,
    sl_layer_dense, sl_layer_softmax, sl_layer_features;

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

/* The bias with the features' part in it, at the beginning of the scratch memory; NULL where no features were folded. */
const float *sl_features_bias(const sl_forward *f, const sl_op *op);

#endif
