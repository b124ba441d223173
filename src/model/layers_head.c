/* Dense layers, what goes before them and what comes behind. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/layers.h"

static sl_status build_mean(sl_builder *b, const sl_layer *layer)
{
    b->op->steps_out = 1;
    b->op->info.flop = (double)b->steps * b->channels;
    snprintf(b->op->info.shape, sizeof b->op->info.shape, "%u x %u -> %u", b->steps, b->channels, b->channels);
    return SL_OK;
}

static void run_mean(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    f->kernels->mean(op->channels, op->steps, sl_stride(op->steps), x, out);
}

static sl_status build_dense(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    if (layer->units < 1 || layer->units > SL_MAX_WIDTH) return SL_BAD(b, "dense with %u channels", layer->units);
    SL_TRY(sl_build_activation(b, layer));
    SL_TRY(sl_build_take_matrix(b, layer->units, b->channels, &op->matrix));
    op->scratch_floats = sl_operand_floats(b->channels, sl_stride(b->steps));
    op->channels_out = layer->units;
    op->info.flop = sl_gemm_flop(&op->matrix, b->steps);
    snprintf(op->info.shape, sizeof op->info.shape, "%u -> %u%s", b->channels, layer->units, op->relu ? ", relu" : "");
    return SL_OK;
}

static void run_dense(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const float *bias = sl_features_bias(f, op);
    sl_operand in = {.x = x, .channels = op->channels, .stride = sl_stride(op->steps), .room = f->scratch};
    sl_multiply(f, &op->matrix, bias, &in, op->relu, NULL, out);
}

static sl_status build_softmax(sl_builder *b, const sl_layer *layer)
{
    b->op->info.flop = 3.0 * b->steps * b->channels;
    snprintf(b->op->info.shape, sizeof b->op->info.shape, "%u", b->channels);
    return SL_OK;
}

static void run_softmax(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_stride(op->steps);
    for (size_t i = 0; i < op->channels * stride; i++) out[i] = x[i] * f->inverse_temperature;
    f->kernels->softmax(op->channels, stride, stride, out);
}

static sl_status build_features(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    if (b->net->n_features == 0) return SL_BAD(b, "features, and the contract has none");
    if (b->channels > SL_MAX_WIDTH) return SL_BAD(b, "features behind %u channels", b->channels);
    op->channels_out = b->channels + b->net->n_features;
    snprintf(op->info.shape, sizeof op->info.shape, "%u + %u", b->channels, b->net->n_features);
    return SL_OK;
}

static void run_features(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_stride(op->steps);
    memcpy(out, x, op->channels * stride * sizeof *out);
    out += op->channels * stride;
    for (size_t i = 0; i < op->channels_out - op->channels; i++) {
        for (size_t t = 0; t < stride; t++) out[i * stride + t] = f->features[i];
    }
}

const float *sl_features_bias(const sl_forward *f, const sl_op *op)
{
    if (op->feature_weights == NULL) return NULL;
    const size_t n = op->matrix.n, stride = sl_stride(n);
    float *bias = f->scratch;
    memcpy(bias, op->matrix.bias, n * sizeof *bias);
    for (size_t k = 0; k < op->n_features; k++) {
        const float *w = op->feature_weights + k * stride, value = f->features[k];
        for (size_t i = 0; i < n; i++) bias[i] += w[i] * value;
    }
    return bias;
}

const sl_layer_type sl_layer_mean_over_time = {"mean_over_time", build_mean, run_mean};
const sl_layer_type sl_layer_dense = {"dense", build_dense, run_dense};
const sl_layer_type sl_layer_softmax = {"softmax", build_softmax, run_softmax};
const sl_layer_type sl_layer_features = {"features", build_features, run_features};
