#include "model/network.h"

#include <string.h>

#include "base/error.h"
#include "model/layers.h"
#include "model/packed.h"

/* A bound on what a file can make us do in one forward pass. */
static const double max_flop = 1e12;

const sl_layer_type *sl_layer_type_of(sl_layer_kind kind)
{
    static const sl_layer_type *const types[SL_N_LAYER_KINDS] = {
        [SL_LAYER_CONV1D] = &sl_layer_conv1d,
        [SL_LAYER_POSITIONS] = &sl_layer_positions,
        [SL_LAYER_ENCODER] = &sl_layer_encoder,
        [SL_LAYER_MEAN_OVER_TIME] = &sl_layer_mean_over_time,
        [SL_LAYER_DENSE] = &sl_layer_dense,
        [SL_LAYER_SOFTMAX] = &sl_layer_softmax,
        [SL_LAYER_FEATURES] = &sl_layer_features,
        [SL_LAYER_GRU] = &sl_layer_gru,
        [SL_LAYER_LSTM] = &sl_layer_lstm,
        [SL_LAYER_TCN] = &sl_layer_tcn,
        [SL_LAYER_MAX_POOL] = &sl_layer_max_pool,
        [SL_LAYER_FLATTEN] = &sl_layer_flatten,
        [SL_LAYER_LAST_STEP] = &sl_layer_last_step,
        [SL_LAYER_NORM] = &sl_layer_norm,
    };
    return (unsigned)kind < SL_N_LAYER_KINDS ? types[kind] : NULL;
}

sl_status sl_build_activation(sl_builder *b, const sl_layer *layer)
{
    if ((unsigned)layer->activation >= SL_N_ACTIVATIONS) return SL_BAD(b, "unknown activation %d", (int)layer->activation);
    b->op->relu = layer->activation == SL_ACTIVATION_RELU;
    b->op->silu = layer->activation == SL_ACTIVATION_SILU;
    if (b->op->silu && layer->kind != SL_LAYER_DENSE && layer->kind != SL_LAYER_NORM) {
        return SL_BAD(b, "only dense layers and norms have a silu");
    }
    return SL_OK;
}

static sl_status build_layer(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    *op = (sl_op){.kind = layer->kind, .steps = b->steps, .channels = b->channels, .steps_out = b->steps,
                  .channels_out = b->channels, .info = {.storage = "float32"}};
    const size_t first = b->next_tensor;
    const sl_layer_type *type = sl_layer_type_of(layer->kind);
    if (type == NULL) {
        return SL_FAIL(b->err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "model: layer %zu is of kind %d, unknown here",
                       b->layer, (int)layer->kind);
    }
    op->info.kind = type->name;
    if (b->channels == 0 && layer->kind != SL_LAYER_FEATURES) return SL_BAD(b, "the network sees features alone, and this is none");
    SL_TRY(type->build(b, layer));
    if (b->next_tensor - first != layer->n_tensors) {
        return SL_BAD(b, "says it has %u tensors, needs %zu", layer->n_tensors, b->next_tensor - first);
    }
    if (layer->n_tensors == 0 && op->positions == NULL) op->info.storage = "none";
    b->steps = op->steps_out;
    b->channels = op->channels_out;
    b->net->flop += op->info.flop;
    if (b->net->flop > max_flop) return SL_BAD(b, "the network needs more than %g operations", max_flop);
    sl_op_memory(op, 1, &b->net->signal_floats, &b->net->scratch_floats);
    if (2 * b->net->signal_floats + b->net->scratch_floats > SL_MAX_WORKSPACE) {
        return SL_BAD(b, "the network needs more than %zu floats of memory", (size_t)SL_MAX_WORKSPACE);
    }
    return SL_OK;
}

sl_status sl_network_build(const sl_model_parts *parts, sl_arena *arena, sl_network *out, sl_error *err)
{
    SL_TRY(sl_contract_check(&parts->contract, err));
    const sl_contract *contract = &parts->contract;
    *out = (sl_network){.steps = sl_contract_input_steps(contract), .channels = sl_contract_input_channels(contract),
                        .n_features = sl_contract_input_features(contract),
                        .input_floats = sl_contract_input_floats(contract),
                        .inverse_temperature = 1 / parts->temperature,
                        .n_classes = contract->n_classes, .n_ops = parts->n_layers};
    sl_builder b = {.parts = parts, .arena = arena, .net = out, .steps = out->steps, .channels = out->channels, .err = err};
    out->nights = contract->sees == SL_SEES_NIGHTS;
    if (!(parts->temperature >= 1e-3f && parts->temperature <= 1e3f)) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "model: temperature %g", (double)parts->temperature);
    }
    if (parts->n_layers == 0 || parts->layers[parts->n_layers - 1].kind != SL_LAYER_SOFTMAX) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "model: the last layer must be a softmax");
    }
    out->ops = SL_ARENA_NEW(arena, sl_op, parts->n_layers);
    if (out->ops == NULL) return SL_FAIL_NOMEM(err);
    for (b.layer = 0; b.layer < parts->n_layers; b.layer++) {
        b.op = &out->ops[b.layer];
        SL_TRY(build_layer(&b, &parts->layers[b.layer]));
    }
    if (b.next_tensor != parts->n_tensors) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "model: %zu tensors, the layers need %zu", parts->n_tensors,
                       b.next_tensor);
    }
    if (parts->reader != NULL && !parts->reader->done) SL_TRY(sl_packed_done(parts->reader, err));
    const sl_op *last = parts->n_layers > 1 ? &out->ops[parts->n_layers - 2] : NULL;
    if (last != NULL && last->kind == SL_LAYER_DENSE && last->steps == 1) out->last_width = last->channels;
    out->novelty = parts->novelty;
    if (b.steps != 1 || b.channels != out->n_classes) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "model: the network gives %u x %u, the contract has %u classes",
                       b.steps, b.channels, out->n_classes);
    }
    return parts->novelty != NULL ? sl_novelty_check(parts->novelty, out->last_width, out->n_classes, err) : SL_OK;
}

uint32_t sl_network_length(const sl_network *net, const float *input)
{
    uint32_t steps = net->steps;
    while (net->nights && steps > 1) {
        const float *row = input + (size_t)(steps - 1) * net->channels;
        for (uint32_t c = 0; c < net->channels; c++) {
            if (row[c] != 0) return steps;
        }
        steps--;
    }
    return steps;
}
