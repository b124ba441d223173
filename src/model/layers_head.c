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

/* Side by side each input is gathered first: the kernel adds up in an order of its own. */
static size_t mean_scratch(const sl_op *op, size_t side)
{
    return side > 1 ? sl_stride(op->steps) + SL_LANES : 0;
}

static void run_mean(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_forward_stride(f, op->steps), side = f->side;
    if (side == 1) {
        f->kernels->mean(op->channels, sl_forward_steps(f, op, 0), stride, x, out);
        return;
    }
    float *row = f->scratch, *mean = row + sl_stride(op->steps);
    for (size_t c = 0; c < op->channels; c++) {
        for (size_t a = 0; a < side; a++) {
            const size_t steps = sl_forward_steps(f, op, a);
            for (size_t t = 0; t < steps; t++) row[t] = x[c * stride + t * side + a];
            f->kernels->mean(1, steps, sl_stride(op->steps), row, mean);
            out[c * side + a] = mean[0];
        }
    }
}

static sl_status build_last_step(sl_builder *b, const sl_layer *layer)
{
    b->op->steps_out = 1;
    snprintf(b->op->info.shape, sizeof b->op->info.shape, "%u x %u -> %u", b->steps, b->channels, b->channels);
    return SL_OK;
}

static void run_last_step(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_forward_stride(f, op->steps);
    memset(out, 0, op->channels * SL_LANES * sizeof *out);
    for (size_t c = 0; c < op->channels; c++) {
        for (size_t a = 0; a < f->side; a++) {
            out[c * SL_LANES + a] = x[c * stride + (sl_forward_steps(f, op, a) - 1) * f->side + a];
        }
    }
}

sl_status sl_build_whole(sl_builder *b, const char *what)
{
    if (b->net->nights && b->steps > 1) return SL_BAD(b, "%s of nights, whose number is not fixed", what);
    return SL_OK;
}

static sl_status build_flatten(sl_builder *b, const sl_layer *layer)
{
    SL_TRY(sl_build_whole(b, "flatten"));
    if ((size_t)b->steps * b->channels > SL_MAX_HIDDEN) {
        return SL_BAD(b, "flatten of %u x %u to more than %d", b->steps, b->channels, SL_MAX_HIDDEN);
    }
    b->op->steps_out = 1;
    b->op->channels_out = b->steps * b->channels;
    snprintf(b->op->info.shape, sizeof b->op->info.shape, "%u x %u -> %u", b->steps, b->channels, b->steps * b->channels);
    return SL_OK;
}

static void run_flatten(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_stride(op->steps);
    memset(out, 0, op->channels_out * SL_LANES * sizeof *out);
    for (size_t t = 0; t < op->steps; t++) {
        for (size_t c = 0; c < op->channels; c++) out[(t * op->channels + c) * SL_LANES] = x[c * stride + t];
    }
}

static const char *activation_of(const sl_op *op)
{
    return op->relu ? ", relu" : op->silu ? ", silu" : "";
}

static sl_status build_dense(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    if (layer->units < 1 || layer->units > SL_MAX_WIDTH) return SL_BAD(b, "dense with %u channels", layer->units);
    SL_TRY(sl_build_activation(b, layer));
    SL_TRY(sl_build_take_matrix(b, layer->units, b->channels, &op->matrix));
    op->channels_out = layer->units;
    op->info.flop = sl_gemm_flop(&op->matrix, b->steps);
    snprintf(op->info.shape, sizeof op->info.shape, "%u -> %u%s", b->channels, layer->units, activation_of(op));
    return SL_OK;
}

static size_t dense_scratch(const sl_op *op, size_t side)
{
    const size_t words = sl_operand_floats(op->channels, sl_stride(op->steps * side)), bias = sl_stride(op->matrix.n);
    return words > bias ? words : bias;
}

static void run_dense(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const float *bias = sl_features_bias(f, op);
    sl_operand in = {.x = x, .channels = op->channels, .stride = sl_forward_stride(f, op->steps),
                     .room = f->scratch};
    sl_multiply(f, &op->matrix, bias, &in, op->relu, NULL, out);
    if (op->silu) f->kernels->silu(op->channels_out * in.stride, out);
}

static sl_status build_norm(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    if (!(layer->epsilon > 0) || !(layer->epsilon < 1)) return SL_BAD(b, "epsilon %g", (double)layer->epsilon);
    SL_TRY(sl_build_activation(b, layer));
    SL_TRY(sl_build_take_vector(b, b->channels, &op->gamma));
    SL_TRY(sl_build_take_vector(b, b->channels, &op->beta));
    op->epsilon = layer->epsilon;
    op->info.flop = 8.0 * b->steps * b->channels;
    snprintf(op->info.shape, sizeof op->info.shape, "%u, epsilon %g%s", b->channels, (double)layer->epsilon, activation_of(op));
    return SL_OK;
}

static void run_norm(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_forward_stride(f, op->steps), n = op->channels * stride;
    memcpy(out, x, n * sizeof *out);
    const sl_norm norm = {.channels = op->channels, .lanes = stride, .stride = stride, .x = out, .gamma = op->gamma,
                          .beta = op->beta, .epsilon = op->epsilon};
    f->kernels->norm(&norm);
    for (size_t i = 0; op->relu && i < n; i++) out[i] = out[i] < 0 ? 0 : out[i]; /* NaN stays NaN */
    if (op->silu) f->kernels->silu(n, out);
}

static sl_status build_softmax(sl_builder *b, const sl_layer *layer)
{
    b->op->info.flop = 3.0 * b->steps * b->channels;
    snprintf(b->op->info.shape, sizeof b->op->info.shape, "%u", b->channels);
    return SL_OK;
}

static void run_softmax(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_forward_stride(f, op->steps);
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
    const size_t stride = sl_forward_stride(f, op->steps), side = f->side;
    memcpy(out, x, op->channels * stride * sizeof *out);
    out += op->channels * stride;
    for (size_t i = 0; i < op->channels_out - op->channels; i++) {
        for (size_t t = 0; t < stride; t++) out[i * stride + t] = f->features[i * side + t % side];
    }
}

const float *sl_features_bias(const sl_forward *f, const sl_op *op)
{
    if (op->feature_weights == NULL) return NULL;
    const size_t stride = sl_stride(op->matrix.n);
    const sl_matvec product = {.lanes = stride, .k = op->n_features, .w = op->feature_weights,
                               .bias = op->feature_weights + op->n_features * stride, .x = f->features, .y = f->scratch};
    f->kernels->recur.matvec(&product);
    return f->scratch;
}

const sl_layer_type sl_layer_mean_over_time = {
    .name = "mean_over_time", .build = build_mean, .run = run_mean, .scratch = mean_scratch, .any_side = true};
const sl_layer_type sl_layer_last_step = {
    .name = "last_step", .build = build_last_step, .run = run_last_step, .any_side = true};
const sl_layer_type sl_layer_flatten = {
    .name = "flatten", .build = build_flatten, .run = run_flatten};
const sl_layer_type sl_layer_dense = {
    .name = "dense", .build = build_dense, .run = run_dense, .scratch = dense_scratch, .any_side = true,
    .backwards = true, .stepwise = true};
const sl_layer_type sl_layer_norm = {
    .name = "norm", .build = build_norm, .run = run_norm, .any_side = true, .backwards = true, .stepwise = true};
const sl_layer_type sl_layer_softmax = {
    .name = "softmax", .build = build_softmax, .run = run_softmax, .any_side = true, .backwards = true,
    .stepwise = true};
const sl_layer_type sl_layer_features = {
    .name = "features", .build = build_features, .run = run_features, .any_side = true, .backwards = true,
    .stepwise = true};
