/* What a network that runs is spared: work that a neighbour can do on its way. */
#include <string.h>

#include "base/error.h"
#include "model/network.h"

/* A convolution right before positions adds them as it stores. */
static void fold_positions(sl_op *op, sl_op *next)
{
    if (op->kind != SL_LAYER_CONV1D || next->kind != SL_LAYER_POSITIONS) return;
    op->add = next->positions;
    next->folded = true;
}

/* A product over one step at a time, in float32. */
static bool is_stepwise(const sl_op *op)
{
    return (op->kind == SL_LAYER_CONV1D && op->kernel == 1) ||
           (op->kind == SL_LAYER_DENSE && op->matrix.kind == SL_WEIGHTS_FLOAT32);
}

/*
 * Features are the same at every step: their part of a product is worked out
 * once, and joins the bias. So the matrix falls into the columns of the signal
 * and those of the features, the latter turned so that units lie side by side.
 */
static sl_status fold_features(sl_network *net, sl_op *op, sl_op *next, sl_arena *arena, sl_error *err)
{
    if (op->kind != SL_LAYER_FEATURES || op->steps == 1 || !is_stepwise(next)) return SL_OK;
    sl_matrix *m = &next->matrix;
    const uint32_t channels = op->channels, features = m->k - channels;
    const size_t stride = sl_stride(m->n);
    const float *w = m->w;
    float *left = SL_ARENA_NEW(arena, float, (size_t)m->n * channels);
    float *right = SL_ARENA_NEW(arena, float, features * stride);
    if (left == NULL || right == NULL) return SL_FAIL_NOMEM(err);
    memset(right, 0, features * stride * sizeof *right);
    for (size_t n = 0; n < m->n; n++) {
        memcpy(left + n * channels, w + n * m->k, channels * sizeof *left);
        for (size_t f = 0; f < features; f++) right[f * stride + n] = w[n * m->k + channels + f];
    }
    m->w = left;
    m->k = m->words = channels;
    op->folded = true;
    next->channels = channels;
    next->feature_weights = right;
    next->n_features = features;
    const double spared = 2.0 * m->n * features * (next->steps - 1);
    next->info.flop -= spared;
    net->flop -= spared;
    if (net->scratch_floats < stride) net->scratch_floats = stride;
    return SL_OK;
}

sl_status sl_network_prepare(sl_network *net, sl_arena *arena, sl_error *err)
{
    for (size_t i = 0; i + 1 < net->n_ops; i++) {
        SL_TRY(fold_features(net, &net->ops[i], &net->ops[i + 1], arena, err));
        fold_positions(&net->ops[i], &net->ops[i + 1]);
    }
    return SL_OK;
}
