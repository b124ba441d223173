/* Layers that look at a few steps or channels: convolutions and pooling. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/layers.h"

/* to[t] = x[t + by], 0 where that is none of the input's steps. */
static void shift_rows(const float *x, size_t channels, size_t stride, size_t steps, ptrdiff_t by, float *to)
{
    const size_t first = by < 0 ? (size_t)-by : 0, from = by > 0 ? (size_t)by : 0;
    const size_t taken = first > from ? first : from, count = taken < steps ? steps - taken : 0;
    for (size_t c = 0; c < channels; c++, x += stride, to += stride) {
        memset(to, 0, stride * sizeof *to);
        if (count > 0) memcpy(to + first, x + from, count * sizeof *to);
    }
}

/* The weights (units, kernel, channels) of a convolution as a matrix, and its bias. */
static sl_status take_kernel(sl_builder *b, uint32_t units, uint32_t kernel, uint32_t channels, sl_matrix *out)
{
    const uint32_t shape[] = {units, kernel, channels};
    *out = (sl_matrix){.n = units, .k = kernel * channels, .words = kernel * channels};
    const float *w = NULL;
    SL_TRY(sl_build_take_floats(b, 3, shape, &w));
    out->w = w;
    return sl_build_take_vector(b, units, &out->bias);
}

static sl_status check_kernel(sl_builder *b, const sl_layer *layer)
{
    if (layer->units < 1 || layer->units > SL_MAX_WIDTH) return SL_BAD(b, "convolution to %u channels", layer->units);
    if (layer->kernel < 1 || layer->kernel > SL_MAX_KERNEL) return SL_BAD(b, "convolution over %u steps", layer->kernel);
    return SL_OK;
}

/* ---- conv1d ---- */

static sl_status build_conv1d(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    SL_TRY(check_kernel(b, layer));
    SL_TRY(sl_build_activation(b, layer));
    op->kernel = layer->kernel;
    op->looks_ahead = layer->kernel > 1;
    SL_TRY(take_kernel(b, layer->units, layer->kernel, b->channels, &op->matrix));
    op->channels_out = layer->units;
    op->info.flop = sl_gemm_flop(&op->matrix, b->steps);
    snprintf(op->info.shape, sizeof op->info.shape, "%u -> %u, kernel %u%s", b->channels, layer->units, layer->kernel,
             op->relu ? ", relu" : "");
    return SL_OK;
}

static size_t conv1d_scratch(const sl_op *op, size_t side)
{
    return op->kernel > 1 ? op->matrix.k * sl_stride(op->steps * side) : sl_stride(op->matrix.n); /* or a bias */
}

static void run_conv1d(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const float *bias = sl_features_bias(f, op); /* of the scratch memory, which a kernel over one step does not need */
    const size_t stride = sl_forward_stride(f, op->steps);
    if (op->kernel > 1) {
        float *to = f->scratch;
        for (size_t place = 0; place < op->kernel; place++, to += op->channels * stride) {
            const ptrdiff_t by = (ptrdiff_t)place - (ptrdiff_t)((op->kernel - 1) / 2);
            shift_rows(x, op->channels, stride, sl_forward_steps(f, op, 0), by, to);
        }
        x = f->scratch;
    }
    sl_operand in = {.x = x, .stride = stride}; /* float32: no words are needed */
    sl_multiply(f, &op->matrix, bias, &in, op->relu, op->add, out);
}

/* ---- a residual block of two causal convolutions ---- */

static sl_status build_tcn(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    SL_TRY(check_kernel(b, layer));
    if (layer->dilation < 1 || layer->dilation > SL_MAX_STEPS) return SL_BAD(b, "dilation %u", layer->dilation);
    op->kernel = layer->kernel;
    op->dilation = layer->dilation;
    SL_TRY(take_kernel(b, layer->units, layer->kernel, b->channels, &op->matrix));
    SL_TRY(take_kernel(b, layer->units, layer->kernel, layer->units, &op->second));
    if (layer->units != b->channels) SL_TRY(sl_build_take_wide(b, layer->units, b->channels, &op->skip));
    op->channels_out = layer->units;
    op->info.flop = sl_gemm_flop(&op->matrix, b->steps) + sl_gemm_flop(&op->second, b->steps) +
                    sl_gemm_flop(&op->skip, b->steps);
    snprintf(op->info.shape, sizeof op->info.shape, "%u -> %u, kernel %u, dilation %u", b->channels, layer->units,
             layer->kernel, layer->dilation);
    return SL_OK;
}

/* What comes out of the first convolution, and the skip; the shifted rows. */
static size_t tcn_scratch(const sl_op *op, size_t side)
{
    const size_t widest = op->channels > op->channels_out ? op->channels : op->channels_out;
    return (2 * (size_t)op->channels_out + op->kernel * widest) * sl_stride(op->steps * side);
}

/* relu(w x + b) + add over the step itself and those `dilation` apart before it; `to` has room for the shifted rows. */
static void causal(const sl_forward *f, const sl_op *op, const sl_matrix *m, const float *x, const float *add, float *to,
                   float *out)
{
    const size_t stride = sl_forward_stride(f, op->steps), channels = m->k / op->kernel;
    for (size_t place = 0; place < op->kernel; place++) {
        const ptrdiff_t by = -(ptrdiff_t)((op->kernel - 1 - place) * op->dilation);
        shift_rows(x, channels, stride, sl_forward_steps(f, op, 0), by, to + place * channels * stride);
    }
    sl_operand in = {.x = to, .stride = stride};
    sl_multiply(f, m, NULL, &in, true, add, out);
}

static void run_tcn(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_forward_stride(f, op->steps), n = op->channels_out * stride;
    float *scratch = f->scratch;
    float *middle = sl_rows(&scratch, op->channels_out, stride), *skip = sl_rows(&scratch, op->channels_out, stride);
    const float *past = x;
    if (op->skip.n > 0) {
        sl_operand in = {.x = x, .stride = stride};
        sl_multiply(f, &op->skip, NULL, &in, false, NULL, skip);
        past = skip;
    }
    causal(f, op, &op->matrix, x, NULL, scratch, middle);
    causal(f, op, &op->second, middle, past, scratch, out);
    for (size_t i = 0; i < n; i++) out[i] = out[i] < 0 ? 0 : out[i]; /* NaN stays NaN */
}

/* ---- pooling ---- */

static sl_status build_max_pool(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    if (layer->pool_steps < 1 || layer->pool_steps > b->steps || layer->pool_channels < 1 ||
        layer->pool_channels > b->channels) {
        return SL_BAD(b, "max_pool of %u x %u in %u x %u", layer->pool_steps, layer->pool_channels, b->steps, b->channels);
    }
    SL_TRY(sl_build_whole(b, "max_pool"));
    op->pool_steps = layer->pool_steps;
    op->pool_channels = layer->pool_channels;
    op->steps_out = b->steps / layer->pool_steps;
    op->channels_out = b->channels / layer->pool_channels;
    op->info.flop = (double)b->steps * b->channels;
    snprintf(op->info.shape, sizeof op->info.shape, "%u x %u, by %u x %u", b->steps, b->channels, layer->pool_steps,
             layer->pool_channels);
    return SL_OK;
}

static float highest(const float *x, size_t channels, size_t stride, size_t steps)
{
    float most = x[0];
    for (size_t c = 0; c < channels; c++) {
        for (size_t t = 0; t < steps; t++) {
            const float y = x[c * stride + t];
            most = y > most || y != y ? y : most; /* NaN stays */
        }
    }
    return most;
}

static void run_max_pool(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_stride(op->steps), wide = sl_stride(op->steps_out);
    for (size_t c = 0; c < op->channels_out; c++, out += wide) {
        const float *row = x + c * op->pool_channels * stride;
        for (size_t t = 0; t < op->steps_out; t++) {
            out[t] = highest(row + t * op->pool_steps, op->pool_channels, stride, op->pool_steps);
        }
        memset(out + op->steps_out, 0, (wide - op->steps_out) * sizeof *out);
    }
}

const sl_layer_type sl_layer_conv1d = {
    .name = "conv1d", .build = build_conv1d, .run = run_conv1d, .scratch = conv1d_scratch, .backwards = true};
const sl_layer_type sl_layer_tcn = {
    .name = "tcn", .build = build_tcn, .run = run_tcn, .scratch = tcn_scratch, .backwards = true};
const sl_layer_type sl_layer_max_pool = {
    .name = "max_pool", .build = build_max_pool, .run = run_max_pool};
