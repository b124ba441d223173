#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"
#include "model/open_model.h"
#include "model/model_flat.h"
#include "model/packed.h"

/* Bounds what a model file can make us hold: the file, and its int8 weights as floats. */
static const size_t max_file_bytes = ((size_t)256 << 20) + ((size_t)4 << 20);
static const size_t max_arena_bytes = (size_t)512 << 20;

static sl_status open_bytes(sl_model *model, const void *bytes, size_t n_bytes, sl_error *err)
{
    if (n_bytes == 0) return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_EMPTY, "model file is empty");
    if (n_bytes > max_file_bytes) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "model file has %zu bytes, at most %zu", n_bytes,
                       max_file_bytes);
    }
    if ((uintptr_t)bytes % SL_ARENA_ALIGN != 0) {
        model->aligned_copy = aligned_alloc(SL_ARENA_ALIGN, (n_bytes + SL_ARENA_ALIGN - 1) / SL_ARENA_ALIGN * SL_ARENA_ALIGN);
        if (model->aligned_copy == NULL) return SL_FAIL_NOMEM(err);
        bytes = memcpy(model->aligned_copy, bytes, n_bytes);
    }
    model->n_bytes = n_bytes;
    snprintf(model->id, sizeof model->id, "%016llx", (unsigned long long)XXH3_64bits(bytes, n_bytes));
    SL_TRY(sl_model_flat_read(bytes, n_bytes, &model->arena, &model->parts, err));
    SL_TRY(sl_network_build(&model->parts, &model->arena, &model->network, err));
    return sl_network_prepare(&model->network, &model->arena, err);
}

static sl_model *new_model(void)
{
    sl_model *model = calloc(1, sizeof *model);
    if (model != NULL) sl_arena_init(&model->arena, max_arena_bytes);
    return model;
}

sl_status sl_model_open(const char *path, sl_model **out, sl_error *err)
{
    SL_REQUIRE(path != NULL && out != NULL, err);
    sl_model *model = new_model();
    if (model == NULL) return SL_FAIL_NOMEM(err);
    sl_status status = sl_file_open(&model->file, path, max_file_bytes, err);
    if (status == SL_OK) {
        status = open_bytes(model, model->file.bytes, model->file.n_bytes, err);
        if (status != SL_OK) sl_error_prefix(err, "%s", path);
    }
    if (status != SL_OK) {
        sl_model_close(model);
        return status;
    }
    *out = model;
    return SL_OK;
}

sl_status sl_model_open_memory(const void *bytes, size_t n_bytes, sl_model **out, sl_error *err)
{
    SL_REQUIRE((bytes != NULL || n_bytes == 0) && out != NULL, err);
    sl_model *model = new_model();
    if (model == NULL) return SL_FAIL_NOMEM(err);
    const sl_status status = open_bytes(model, bytes, n_bytes, err);
    if (status != SL_OK) {
        sl_model_close(model);
        return status;
    }
    *out = model;
    return SL_OK;
}

void sl_model_close(sl_model *model)
{
    if (model == NULL) return;
    sl_arena_release(&model->arena);
    free(model->aligned_copy);
    sl_file_close(&model->file);
    free(model);
}

const sl_contract *sl_model_contract(const sl_model *model)
{
    return &model->parts.contract;
}

const char *sl_model_id(const sl_model *model)
{
    return model->id;
}

void sl_model_describe(const sl_model *model, sl_model_info *out)
{
    const sl_network *net = &model->network;
    *out = (sl_model_info){.format_version = model->parts.format_version, .file_bytes = model->n_bytes,
                           .n_parameters = net->n_parameters, .flop = net->flop, .input_steps = net->steps,
                           .input_channels = net->channels, .input_floats = net->input_floats,
                           .temperature = model->parts.temperature, .last_width = net->last_width,
                           .novelty = net->novelty != NULL ? (int)net->novelty->kind : 0, .n_classes = net->n_classes,
                           .n_layers = net->n_ops, .n_tensors = model->parts.n_tensors,
                           .packed = model->parts.reader != NULL, .answers_every_step = net->answers_every_step};
}

sl_status sl_model_layer(const sl_model *model, size_t index, sl_layer_info *out, sl_error *err)
{
    SL_REQUIRE(model != NULL && out != NULL, err);
    SL_REQUIRE(index < model->network.n_ops, err);
    *out = model->network.ops[index].info;
    return SL_OK;
}

static size_t count_zeros(const sl_tensor *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        switch (t->storage) {
        case SL_STORAGE_INT8: n += ((const int8_t *)t->data)[i] == 0; break;
        case SL_STORAGE_BFLOAT16: n += (((const uint16_t *)t->data)[i] & 0x7fff) == 0; break;
        default: n += ((const float *)t->data)[i] == 0; break;
        }
    }
    return n;
}

static size_t layer_of(const sl_model_parts *parts, size_t tensor)
{
    size_t layer = 0;
    for (size_t end = parts->layers[0].n_tensors; end <= tensor; end += parts->layers[layer].n_tensors) layer++;
    return layer;
}

sl_status sl_model_tensor(const sl_model *model, size_t index, sl_tensor_info *out, sl_error *err)
{
    SL_REQUIRE(model != NULL && out != NULL, err);
    SL_REQUIRE(index < model->parts.n_tensors, err);
    const sl_tensor *t = &model->parts.tensors[index];
    static const char *const storages[] = {"float32", "int8", "bfloat16"};
    static const size_t sizes[] = {4, 1, 2};
    *out = (sl_tensor_info){.layer = layer_of(&model->parts, index), .n_weights = t->n, .n_zeros = count_zeros(t), .coding = "",
                            .storage = storages[t->storage], .n_bytes = (double)(t->n * sizes[t->storage])};
    int at = t->rank == 0 ? snprintf(out->shape, sizeof out->shape, "%zu", t->n) : 0;
    for (uint32_t i = 0; i < t->rank; i++) {
        at += snprintf(out->shape + at, sizeof out->shape - (size_t)at, "%s%u", i > 0 ? " x " : "", t->shape[i]);
    }
    if (model->parts.reader == NULL) return SL_OK;
    out->storage = sl_packed_name(t->packed.kind);
    out->n_bytes = t->packed.bits / 8;
    out->n_values = t->packed.n_values;
    if (sl_packed_has_book(t->packed.kind) && t->packed.n_values > 0) out->coding = sl_coding_name(t->packed.coding);
    return SL_OK;
}
