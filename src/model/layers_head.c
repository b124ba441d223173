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

static void run_mean(const sl_pass *pass, const sl_op *op, const float *x, float *out)
{
    pass->kernels->mean(op->channels, op->steps, sl_stride(op->steps), x, out);
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
    return op->matrix.kind == SL_WEIGHTS_FLOAT32 ? sl_build_fold_features(b) : SL_OK;
}

static void run_dense(const sl_pass *pass, const sl_op *op, const float *x, float *out)
{
    const float *bias = sl_features_bias(pass, op);
    sl_operand in = {.x = x, .channels = op->channels, .stride = sl_stride(op->steps), .room = pass->scratch};
    sl_multiply(pass, &op->matrix, bias, &in, op->relu, NULL, out);
}

static sl_status build_softmax(sl_builder *b, const sl_layer *layer)
{
    b->op->info.flop = 3.0 * b->steps * b->channels;
    snprintf(b->op->info.shape, sizeof b->op->info.shape, "%u", b->channels);
    return SL_OK;
}

static void run_softmax(const sl_pass *pass, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_stride(op->steps);
    for (size_t i = 0; i < op->channels * stride; i++) out[i] = x[i] * pass->inverse_temperature;
    pass->kernels->softmax(op->channels, stride, stride, out);
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

static void run_features(const sl_pass *pass, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_stride(op->steps);
    memcpy(out, x, op->channels * stride * sizeof *out);
    out += op->channels * stride;
    for (size_t i = 0; i < op->channels_out - op->channels; i++) {
        for (size_t t = 0; t < stride; t++) out[i * stride + t] = pass->features[i];
    }
}

/*
 * Features are the same at every step: their part of the product is worked out
 * once, and joins the bias. So the matrix falls into the columns of the signal
 * and those of the features, the latter turned so that units lie side by side.
 */
sl_status sl_build_fold_features(sl_builder *b)
{
    sl_op *op = b->op, *before = b->layer > 0 ? op - 1 : NULL;
    if (before == NULL || before->kind != SL_LAYER_FEATURES || b->steps == 1) return SL_OK;
    sl_matrix *m = &op->matrix;
    const uint32_t channels = before->channels, features = m->k - channels;
    const size_t stride = sl_stride(m->n);
    const float *w = m->w;
    float *left = SL_ARENA_NEW(b->arena, float, (size_t)m->n * channels);
    float *right = SL_ARENA_NEW(b->arena, float, features * stride);
    if (left == NULL || right == NULL) return SL_FAIL_NOMEM(b->err);
    memset(right, 0, features * stride * sizeof *right);
    for (size_t n = 0; n < m->n; n++) {
        memcpy(left + n * channels, w + n * m->k, channels * sizeof *left);
        for (size_t f = 0; f < features; f++) right[f * stride + n] = w[n * m->k + channels + f];
    }
    m->w = left;
    m->k = m->words = channels;
    before->folded = true;
    op->channels = channels;
    op->feature_weights = right;
    op->n_features = features;
    op->info.flop = sl_gemm_flop(m, b->steps) + 2.0 * m->n * features;
    if (op->scratch_floats < stride) op->scratch_floats = stride;
    return SL_OK;
}

const float *sl_features_bias(const sl_pass *pass, const sl_op *op)
{
    if (op->feature_weights == NULL) return NULL;
    const size_t n = op->matrix.n, stride = sl_stride(n);
    float *bias = pass->scratch;
    memcpy(bias, op->matrix.bias, n * sizeof *bias);
    for (size_t f = 0; f < op->n_features; f++) {
        const float *w = op->feature_weights + f * stride, value = pass->features[f];
        for (size_t i = 0; i < n; i++) bias[i] += w[i] * value;
    }
    return bias;
}

const sl_layer_type sl_layer_mean_over_time = {"mean_over_time", build_mean, run_mean};
const sl_layer_type sl_layer_dense = {"dense", build_dense, run_dense};
const sl_layer_type sl_layer_softmax = {"softmax", build_softmax, run_softmax};
const sl_layer_type sl_layer_features = {"features", build_features, run_features};
