/*
 * What a network that runs is spared, and what it can do: work that a neighbour
 * does on its way, weights turned, inputs side by side, answers at every step.
 */
#include <string.h>

#include "base/error.h"
#include "model/layers.h"

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
    float *right = SL_ARENA_NEW(arena, float, (features + 1) * stride);
    if (left == NULL || right == NULL) return SL_FAIL_NOMEM(err);
    memset(right, 0, (features + 1) * stride * sizeof *right);
    memcpy(right + features * stride, m->bias, m->n * sizeof *right);
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
    return SL_OK;
}

/* Does each answer come from the steps so far, and can it be told behind every one of them? */
static void find_last_step(sl_network *net)
{
    size_t i = 0;
    while (i < net->n_ops && net->ops[i].kind != SL_LAYER_LAST_STEP) {
        const sl_op *op = &net->ops[i++];
        if (!sl_layer_type_of(op->kind)->backwards || op->looks_ahead) return;
    }
    net->last_step = i;
    for (i++; i < net->n_ops; i++) {
        if (!sl_layer_type_of(net->ops[i].kind)->stepwise) return;
    }
    net->answers_every_step = net->last_step < net->n_ops;
}

void sl_op_memory(const sl_op *op, size_t side, size_t *signal, size_t *scratch)
{
    const sl_layer_type *type = sl_layer_type_of(op->kind);
    const size_t spill = op->units > 0 ? sl_recurrent_spill(op) : 0;
    const size_t in = op->channels * sl_stride(op->steps * side);
    const size_t out = (op->channels_out + spill) * sl_stride(op->steps_out * side);
    const size_t more = type->scratch != NULL ? type->scratch(op, side) : 0;
    if (in > *signal) *signal = in;
    if (out > *signal) *signal = out;
    if (more > *scratch) *scratch = more;
}

static void plan_side(sl_network *net, size_t side)
{
    const size_t input = net->channels * sl_stride(net->steps * side);
    if (input > net->signal_floats) net->signal_floats = input;
    for (size_t i = 0; i < net->n_ops; i++) {
        const sl_op *op = &net->ops[i];
        sl_op_memory(op, side, &net->signal_floats, &net->scratch_floats);
        if (!net->answers_every_step || i <= net->last_step) continue;
        const sl_op every = sl_op_every_step(op, net->steps);
        sl_op_memory(&every, side, &net->signal_floats, &net->scratch_floats);
    }
}

/* The memory of a thread, for inputs that go alone and for `side` of them. */
static void plan_memory(sl_network *net, size_t side)
{
    net->side = side;
    net->signal_floats = net->scratch_floats = 0;
    plan_side(net, 1);
    if (side > 1) plan_side(net, side);
}

/*
 * From how many inputs on they go side by side; 0: never. Every layer must be
 * able to. With a recurrent layer eight cost no more than each alone (measured
 * with GRUs of 100 units). Where all but a mean see a single step, an input
 * alone would fill one lane and leave the others idle: there two are enough.
 */
static uint32_t fewest_together(const sl_network *net)
{
    bool recurrent = false, many_steps = false;
    for (size_t i = 0; i < net->n_ops; i++) {
        const sl_op *op = &net->ops[i];
        if (!sl_layer_type_of(op->kind)->any_side) return 0;
        recurrent = recurrent || op->n_directions > 0;
        many_steps = many_steps || (op->steps > 1 && op->kind != SL_LAYER_MEAN_OVER_TIME);
    }
    return recurrent ? 8 : many_steps ? 0 : 2;
}

sl_status sl_network_prepare(sl_network *net, sl_arena *arena, sl_error *err)
{
    net->fewest_together = fewest_together(net);
    const bool together = net->fewest_together > 0; /* a fold is the same for all lanes, and inputs differ in their features */
    for (size_t i = 0; i + 1 < net->n_ops; i++) {
        if (!together) SL_TRY(fold_features(net, &net->ops[i], &net->ops[i + 1], arena, err));
        fold_positions(&net->ops[i], &net->ops[i + 1]);
        if (net->ops[i].n_directions > 0) SL_TRY(sl_recurrent_prepare(&net->ops[i], arena, err));
    }
    find_last_step(net);
    plan_memory(net, together ? SL_LANES : 1);
    if (2 * net->signal_floats + net->scratch_floats > SL_MAX_WORKSPACE) plan_memory(net, 1);
    if (2 * net->signal_floats + net->scratch_floats > SL_MAX_WORKSPACE) {
        net->answers_every_step = false; /* what is left was checked when the network was built */
        plan_memory(net, 1);
    }
    return SL_OK;
}
