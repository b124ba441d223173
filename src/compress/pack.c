#include "compress/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "compress/quantize.h"
#include "compress/shape.h"
#include "model/model_write.h"
#include "model/open_model.h"
#include "model/packed.h"

/* ---- input values without a weight ---- */

/* Where the features come in: the tensor, in which they stand behind `channels` of each `width` columns. */
typedef struct inlet {
    size_t tensor, channels, width;
} inlet;

static bool find_inlet(const sl_train_net *net, inlet *out)
{
    const sl_network *network = &net->network;
    size_t tensor = 0;
    for (size_t i = 0; i + 1 < net->parts.n_layers; tensor += net->parts.layers[i++].n_tensors) {
        if (net->parts.layers[i].kind != SL_LAYER_FEATURES) continue;
        const sl_layer_kind next = net->parts.layers[i + 1].kind;
        const size_t channels = network->ops[i].channels;
        *out = (inlet){.tensor = tensor, .channels = channels, .width = channels + network->n_features};
        return next == SL_LAYER_DENSE || next == SL_LAYER_CONV1D;
    }
    return false;
}

/* Drop the values whose weights are all 0: from the contract, and their columns from the matrix in place. */
static void drop_features(sl_train_net *net)
{
    inlet in;
    if (!find_inlet(net, &in)) return;
    const size_t n_features = in.width - in.channels;
    sl_tensor *t = &net->parts.tensors[in.tensor];
    const sl_train_tensor *place = &net->tensors[in.tensor];
    float *w = net->params + place->at;
    bool keep[SL_MAX_FEATURE_VALUES] = {false};
    size_t left = 0;
    for (size_t i = 0; i < place->n; i++) {
        const size_t column = i % in.width;
        if (column >= in.channels && w[i] != 0) keep[column - in.channels] = true;
    }
    for (size_t f = 0; f < n_features; f++) left += keep[f];
    if (left == 0) keep[0] = true; /* the layer needs one */
    if (left == n_features) return;
    size_t n = 0;
    for (size_t i = 0; i < place->n; i++) {
        const size_t column = i % in.width;
        if (column < in.channels || keep[column - in.channels]) w[n++] = w[i];
    }
    t->shape[t->rank - 1] = (uint32_t)(in.channels + (left > 0 ? left : 1));
    t->n_bytes = n * sizeof *w;
    sl_contract_keep_features(&net->parts.contract, keep);
}

/* ---- values ---- */

static bool is_clustered(const sl_train_net *net, size_t tensor, const sl_compress_options *o)
{
    const bool wanted = (o->steps & SL_COMPRESS_CLUSTER) != 0 && !net->tensors[tensor].frozen;
    return wanted && (net->parts.tensors[tensor].rank > 1 ? o->clusters : o->clusters_vector) > 0;
}

/* Round what is not clustered to what will be stored. */
static void quantize(const sl_tensor *t, const sl_compress_options *o, float *w, size_t n)
{
    if (o->quantize == SL_QUANTIZE_INT && t->rank > 1) {
        sl_quantize_rows(t->shape[0], n / t->shape[0], o->bits, w, w);
    } else if (o->quantize == SL_QUANTIZE_BFLOAT16) {
        sl_quantize_bfloat16(n, w, w);
    } else {
        sl_quantize_float16(n, w, w);
    }
}

static void count(const sl_train_net *net, sl_compress_result *result)
{
    result->n_weights = result->n_zeros = result->n_parameters = 0;
    for (size_t i = 0; i < net->parts.n_tensors; i++) {
        const sl_tensor *t = &net->parts.tensors[i];
        const size_t n = t->n_bytes / sizeof(float);
        const float *w = t->data;
        result->n_parameters += n;
        if (t->rank < 2 || net->tensors[i].frozen) continue;
        result->n_weights += n;
        for (size_t k = 0; k < n; k++) result->n_zeros += w[k] == 0;
    }
    result->features_after = sl_contract_input_features(&net->parts.contract);
}

/* How the file stores it: float by float where no step asks for more. */
static const sl_packing *choose_packing(const sl_compress_options *o, sl_packing *room)
{
    static const sl_coding codings[] = {SL_CODING_AUTO, SL_CODING_RANS, SL_CODING_HUFFMAN};
    const bool quantize = (o->steps & SL_COMPRESS_QUANTIZE) != 0, code = (o->steps & SL_COMPRESS_CODE) != 0;
    if (!quantize && !code && (o->steps & SL_COMPRESS_CLUSTER) == 0) return NULL;
    *room = (sl_packing){.coding = code ? codings[o->coding] : SL_CODING_PLAIN, .matrix_bits = 32, .vector_bits = 32};
    if (!quantize) return room;
    room->grid_bits = o->quantize == SL_QUANTIZE_INT ? o->bits : 0;
    room->matrix_bits = o->quantize == SL_QUANTIZE_FLOAT16 ? 16 : 32;
    room->vector_bits = o->quantize == SL_QUANTIZE_BFLOAT16 ? 32 : 16;
    return room;
}

/* Rounded to bfloat16 already: stored as such. Gives what t->data points to; free. */
static sl_status store_bfloat16(sl_tensor *t, sl_error *err)
{
    const size_t n = t->n_bytes / sizeof(float);
    const float *w = t->data;
    uint16_t *words = malloc((n + 1) * sizeof *words);
    if (words == NULL) return SL_FAIL_NOMEM(err);
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, w + i, sizeof bits);
        words[i] = (uint16_t)(bits >> 16);
    }
    t->storage = SL_STORAGE_BFLOAT16;
    t->data = words;
    t->n_bytes = n * sizeof *words;
    return SL_OK;
}

static sl_status pack(sl_train_net *net, const sl_compress_options *o, const char *path, sl_compress_result *result,
                      sl_error *err)
{
    if ((o->steps & SL_COMPRESS_PRUNE) != 0) drop_features(net);
    for (size_t i = 0; i < net->parts.n_tensors; i++) {
        sl_tensor *t = &net->parts.tensors[i];
        float *w = net->params + net->tensors[i].at;
        if ((o->steps & SL_COMPRESS_QUANTIZE) != 0 && !is_clustered(net, i, o)) quantize(t, o, w, t->n_bytes / sizeof *w);
    }
    count(net, result);
    sl_packing packing;
    net->parts.packing = choose_packing(o, &packing);
    const bool words = (o->steps & SL_COMPRESS_QUANTIZE) != 0 && o->quantize == SL_QUANTIZE_BFLOAT16;
    void *bytes = NULL;
    sl_status status = SL_OK;
    for (size_t i = 0; words && status == SL_OK && i < net->parts.n_tensors; i++) {
        if (!is_clustered(net, i, o)) status = store_bfloat16(&net->parts.tensors[i], err);
    }
    if (status == SL_OK) status = sl_model_write_memory(&net->parts, &bytes, &result->bytes_after, err);
    if (status == SL_OK) status = sl_file_write(path, bytes, result->bytes_after, err);
    free(bytes);
    for (size_t i = 0; words && i < net->parts.n_tensors; i++) {
        if (net->parts.tensors[i].storage == SL_STORAGE_BFLOAT16) free((void *)(uintptr_t)net->parts.tensors[i].data);
    }
    return status;
}

/* ---- coding alone ---- */

/* Whether weights are to be coded as they are, and are not floats all: as floats they would be larger, and run otherwise. */
static bool keeps_kinds(const sl_model_parts *parts, const sl_compress_options *o)
{
    bool other = false;
    for (size_t i = 0; i < parts->n_tensors; i++) other = other || parts->tensors[i].storage != SL_STORAGE_FLOAT32;
    return o->steps == SL_COMPRESS_CODE && other;
}

static sl_status pack_as_it_is(const sl_model *model, const sl_compress_options *o, const char *origin, const char *path,
                               sl_compress_result *result, sl_error *err)
{
    sl_model_parts *parts = malloc(sizeof *parts);
    if (parts == NULL) return SL_FAIL_NOMEM(err);
    *parts = model->parts;
    if (!o->shaped) snprintf(parts->contract.source, sizeof parts->contract.source, "model %s", origin);
    result->n_weights = result->n_zeros = result->n_parameters = 0;
    for (size_t i = 0; i < parts->n_tensors; i++) {
        sl_tensor_info t;
        (void)sl_model_tensor(model, i, &t, NULL);
        result->n_parameters += t.n_weights;
        if (parts->tensors[i].rank < 2) continue;
        result->n_weights += t.n_weights;
        result->n_zeros += t.n_zeros;
    }
    result->features_after = sl_contract_input_features(&parts->contract);
    sl_packing packing;
    parts->packing = choose_packing(o, &packing);
    void *bytes = NULL;
    sl_status status = sl_model_write_memory(parts, &bytes, &result->bytes_after, err);
    if (status == SL_OK) status = sl_file_write(path, bytes, result->bytes_after, err);
    free(bytes);
    free(parts);
    return status;
}

sl_status sl_compress_pack(const sl_model *model, const sl_compress_options *options, bool shape, const char *origin, const char *path,
                           sl_compress_result *result, sl_error *err)
{
    if (keeps_kinds(&model->parts, options)) return pack_as_it_is(model, options, origin, path, result, err);
    sl_train_net *net;
    SL_TRY(sl_train_net_new(&model->parts, 1, NULL, &net, err));
    /* A network's weights were changed: what was fitted to its answers stays true of those that changed little. */
    net->parts.temperature = model->parts.temperature;
    net->parts.novelty = model->parts.novelty;
    /* Where it comes from is one hash: the file names it had take a hundredth of it. */
    char *source = net->parts.contract.source;
    if (!options->shaped) snprintf(source, sizeof net->parts.contract.source, "model %s", origin);
    sl_status status = SL_OK;
    if (shape) {
        sl_shape *s;
        status = sl_shape_new(options, sl_contract_input_features(&net->parts.contract), NULL, &s, err);
        if (status == SL_OK) {
            status = sl_shape_apply(s, net, net->params, err);
            sl_shape_free(s);
        }
    }
    if (status == SL_OK) status = pack(net, options, path, result, err);
    sl_train_net_free(net);
    return status;
}
