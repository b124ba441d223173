/* model/layer_flat.hpp - a layer from and to FlatBuffers; a part of model_flat.cc. */
#ifndef SL_MODEL_LAYER_FLAT_HPP
#define SL_MODEL_LAYER_FLAT_HPP

namespace {

void read_layer(const flat::Layer *from, sl_layer *to)
{
    to->kind = static_cast<sl_layer_kind>(from->kind());
    to->activation = static_cast<sl_activation>(from->activation());
    to->n_tensors = from->n_tensors();
    to->units = from->units();
    to->kernel = from->kernel();
    to->heads = from->heads();
    to->key_dim = from->key_dim();
    to->hidden = from->hidden();
    to->epsilon = from->epsilon();
    to->dilation = from->dilation();
    to->pool_steps = from->pool_steps();
    to->pool_channels = from->pool_channels();
    to->bidirectional = from->bidirectional();
}

Offset<flat::Layer> write_layer(FlatBufferBuilder &b, const sl_layer &layer)
{
    flat::LayerBuilder to(b);
    to.add_kind(static_cast<flat::LayerKind>(layer.kind));
    to.add_activation(static_cast<flat::Activation>(layer.activation));
    to.add_n_tensors(static_cast<uint8_t>(layer.n_tensors));
    switch (layer.kind) {
    case SL_LAYER_TCN:
        to.add_dilation(layer.dilation);
        [[fallthrough]];
    case SL_LAYER_CONV1D:
        to.add_kernel(layer.kernel);
        [[fallthrough]];
    case SL_LAYER_DENSE: to.add_units(layer.units); break;
    case SL_LAYER_GRU:
    case SL_LAYER_LSTM:
        to.add_units(layer.units);
        to.add_bidirectional(layer.bidirectional);
        break;
    case SL_LAYER_MAX_POOL:
        to.add_pool_steps(layer.pool_steps);
        to.add_pool_channels(layer.pool_channels);
        break;
    case SL_LAYER_ENCODER:
        to.add_heads(layer.heads);
        to.add_key_dim(layer.key_dim);
        to.add_hidden(layer.hidden);
        to.add_epsilon(layer.epsilon);
        break;
    case SL_LAYER_NORM: to.add_epsilon(layer.epsilon); break;
    default: break;
    }
    return to.Finish();
}

} // namespace

#endif
