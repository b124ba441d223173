/* Which network of the zoo a model is, and of what size: nets.c the other way round. */
#include <string.h>

#include "base/error.h"
#include "model/open_model.h"
#include "starling/train.h"

/* The layers that tell networks apart; one without any of them is an mlp. */
static const char *name_of(const sl_model_parts *parts)
{
    static const struct {
        sl_layer_kind kind;
        const char *name;
    } tells[] = {{SL_LAYER_POSITIONS, "t2"}, {SL_LAYER_ENCODER, "t2"}, {SL_LAYER_GRU, "gru"}, {SL_LAYER_LSTM, "lstm"},
                 {SL_LAYER_TCN, "tcn"},      {SL_LAYER_MAX_POOL, "cnn"}, {SL_LAYER_CONV1D, NULL}, {SL_LAYER_FLATTEN, NULL}};
    for (size_t k = 0; k < sizeof tells / sizeof tells[0]; k++) {
        for (size_t i = 0; i < parts->n_layers; i++) {
            if (parts->layers[i].kind == tells[k].kind) return tells[k].name;
        }
    }
    return "mlp";
}

/* What a layer before the head says of the size. */
static void note_layer(const sl_layer *layer, sl_net_size *size, bool *wide)
{
    const bool has_width = layer->kind == SL_LAYER_CONV1D || layer->kind == SL_LAYER_GRU || layer->kind == SL_LAYER_LSTM ||
                           layer->kind == SL_LAYER_TCN;
    if (has_width && !*wide) {
        size->width = layer->units;
        *wide = true;
    }
    if (layer->kind == SL_LAYER_CONV1D || layer->kind == SL_LAYER_TCN) size->kernel = layer->kernel;
    if (layer->kind == SL_LAYER_ENCODER) {
        size->heads = layer->heads;
        size->hidden = layer->hidden;
    }
    size->blocks += layer->kind == SL_LAYER_ENCODER || layer->kind == SL_LAYER_GRU || layer->kind == SL_LAYER_LSTM ||
                    layer->kind == SL_LAYER_TCN || layer->kind == SL_LAYER_MAX_POOL;
}

/* Dense layers with what activates them, the last one left out. False where there are more than a size has. */
static bool note_head(const sl_model_parts *parts, sl_net_size *size)
{
    size_t n = 0, last = 0;
    for (size_t i = 0; i < parts->n_layers; i++) {
        if (parts->layers[i].kind == SL_LAYER_DENSE) last = i;
    }
    for (size_t i = 0; i < last; i++) {
        const sl_layer *layer = &parts->layers[i];
        const bool dense = layer->kind == SL_LAYER_DENSE, norm = layer->kind == SL_LAYER_NORM;
        if (dense && n == 2) return false;
        if (dense) size->head[n++] = layer->units;
        size->norm = size->norm || norm;
        size->silu = size->silu || ((dense || norm) && layer->activation == SL_ACTIVATION_SILU);
    }
    return true;
}

sl_status sl_net_size_of(const sl_model *model, sl_net_size *out, sl_error *err)
{
    SL_REQUIRE(model != NULL && out != NULL, err);
    const sl_model_parts *parts = &model->parts;
    const char *name = name_of(parts);
    if (name != NULL) SL_TRY(sl_net_size_preset(name, out, err));
    out->blocks = 0;
    out->head[0] = out->head[1] = 0;
    out->silu = out->norm = false;
    bool wide = false;
    for (size_t i = 0; i < parts->n_layers; i++) note_layer(&parts->layers[i], out, &wide);
    if (name == NULL || !note_head(parts, out)) {
        return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "the model's network is none of the zoo");
    }
    const bool early = parts->n_layers > 0 && parts->layers[0].kind == SL_LAYER_FEATURES;
    out->tile = early && (strcmp(name, "mlp") != 0 || sl_contract_input_channels(&parts->contract) > 0);
    return SL_OK;
}
