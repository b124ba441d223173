/* Layers that look at a few neighbouring steps. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/layers.h"

static sl_status build_conv1d(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    if (layer->units < 1 || layer->units > SL_MAX_WIDTH) return SL_BAD(b, "conv1d with %u channels", layer->units);
    if (layer->kernel < 1 || layer->kernel > SL_MAX_KERNEL) return SL_BAD(b, "conv1d over %u steps", layer->kernel);
    SL_TRY(sl_build_activation(b, layer));
    const uint32_t shape[] = {layer->units, layer->kernel, b->channels}, k = layer->kernel * b->channels;
    op->kernel = layer->kernel;
    op->matrix = (sl_matrix){.n = layer->units, .k = k, .words = k};
    const float *w = NULL;
    SL_TRY(sl_build_take_floats(b, 3, shape, &w));
    op->matrix.w = w;
    SL_TRY(sl_build_take_vector(b, layer->units, &op->matrix.bias));
    op->channels_out = layer->units;
    op->info.flop = sl_gemm_flop(&op->matrix, b->steps);
    snprintf(op->info.shape, sizeof op->info.shape, "%u -> %u, kernel %u%s", b->channels, layer->units, layer->kernel,
             op->relu ? ", relu" : "");
    if (op->kernel > 1) op->scratch_floats = op->matrix.k * sl_stride(b->steps);
    return SL_OK;
}

/* x shifted by each place of the kernel, zeros beyond the ends: row (place, channel). */
static const float *unfold(const sl_op *op, const float *x, float *to)
{
    const size_t stride = sl_stride(op->steps), before = (op->kernel - 1) / 2;
    memset(to, 0, op->kernel * op->channels * stride * sizeof *to);
    for (size_t place = 0; place < op->kernel; place++) {
        const size_t first = place < before ? before - place : 0;     /* first step whose neighbour exists */
        const size_t shift = place > before ? place - before : 0;
        const size_t count = first + shift < op->steps ? op->steps - first - shift : 0;
        for (size_t c = 0; c < op->channels; c++) {
            memcpy(to + (place * op->channels + c) * stride + first, x + c * stride + shift, count * sizeof *to);
        }
    }
    return to;
}

static void run_conv1d(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const float *bias = sl_features_bias(f, op);
    sl_operand in = {.x = op->kernel > 1 ? unfold(op, x, f->scratch) : x, .stride = sl_stride(op->steps)};
    sl_multiply(f, &op->matrix, bias, &in, op->relu, op->add, out); /* float32: no words are needed */
}

const sl_layer_type sl_layer_conv1d = {"conv1d", build_conv1d, run_conv1d};
