#include "model/model_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "model/model_flat.h"
#include "model/open_model.h"
#include "model/packed.h"

/* What a packed model needs: tensors of its own, so that their shapes can be filled in; then its stream. */
static sl_status pack(sl_model_parts *own, sl_arena *arena, sl_error *err)
{
    sl_tensor *tensors = SL_ARENA_NEW(arena, sl_tensor, own->n_tensors + 1);
    sl_network network;
    if (tensors == NULL) return SL_FAIL_NOMEM(err);
    memcpy(tensors, own->tensors, own->n_tensors * sizeof *tensors);
    own->tensors = tensors;
    SL_TRY(sl_network_build(own, arena, &network, err));
    return sl_packed_write(own, own->packing, &own->packed, err);
}

/* A scale a row has a place in packed models only. */
static sl_status check_unpacked(const sl_model_parts *parts, sl_error *err)
{
    for (size_t i = 0; i < parts->n_tensors; i++) {
        if (parts->tensors[i].row_scale == NULL) continue;
        return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "model: tensor %zu has a scale a row, so the model must be packed", i);
    }
    return SL_OK;
}

/* `as_it_was`: a packed model keeps its stream. */
static sl_status write_memory(const sl_model_parts *parts, bool as_it_was, void **bytes, size_t *n_bytes, sl_error *err)
{
    sl_model_parts *own = malloc(sizeof *own);
    if (own == NULL) return SL_FAIL_NOMEM(err);
    *own = *parts;
    own->format_version = SL_MODEL_FORMAT;
    if (own->temperature == 0) own->temperature = 1;
    if (own->contract.created_by[0] == '\0' && !as_it_was) {
        snprintf(own->contract.created_by, sizeof own->contract.created_by, "starling %s", sl_version());
    }
    if (!as_it_was) {
        own->packed = (sl_packed){0};
        own->reader = NULL;
    }
    const bool to_pack = own->packing != NULL && own->packed.stream == NULL;
    sl_arena arena;
    sl_arena_init(&arena, (size_t)512 << 20);
    sl_network network;
    sl_status status = to_pack ? pack(own, &arena, err) : sl_network_build(own, &arena, &network, err);
    if (status == SL_OK && own->packed.stream == NULL) status = check_unpacked(own, err);
    if (status == SL_OK) status = sl_model_flat_write(own, bytes, n_bytes, err);
    if (to_pack) sl_packed_free(&own->packed);
    sl_arena_release(&arena);
    free(own);
    return status;
}

sl_status sl_model_write_memory(const sl_model_parts *parts, void **bytes, size_t *n_bytes, sl_error *err)
{
    SL_REQUIRE(parts != NULL && bytes != NULL && n_bytes != NULL, err);
    return write_memory(parts, false, bytes, n_bytes, err);
}

/* Where the next tensor behind this one begins: as they were read, all go on to the end of the weights. */
static size_t bytes_to_next(const sl_model_parts *parts, const sl_tensor *tensor)
{
    size_t n = tensor->n_bytes;
    for (size_t i = 0; i < parts->n_tensors; i++) {
        const size_t left = parts->tensors[i].n_bytes;
        if (left < tensor->n_bytes && tensor->n_bytes - left < n) n = tensor->n_bytes - left;
    }
    return n;
}

sl_status sl_model_recalibrate(const sl_model *model, float temperature, const sl_novelty *novelty, void **bytes,
                               size_t *n_bytes, sl_error *err)
{
    SL_REQUIRE(model != NULL && bytes != NULL && n_bytes != NULL, err);
    const size_t n = model->parts.n_tensors;
    sl_model_parts *parts = malloc(sizeof *parts);
    sl_tensor *tensors = malloc(n * sizeof *tensors + 1);
    sl_status status = parts == NULL || tensors == NULL ? SL_FAIL_NOMEM(err) : SL_OK;
    if (status == SL_OK) {
        *parts = model->parts;
        parts->temperature = temperature;
        parts->novelty = novelty;
        parts->tensors = tensors;
        for (size_t i = 0; i < n; i++) {
            tensors[i] = model->parts.tensors[i];
            if (parts->reader == NULL) tensors[i].n_bytes = bytes_to_next(&model->parts, &tensors[i]);
        }
        status = write_memory(parts, parts->packed.stream != NULL, bytes, n_bytes, err);
    }
    free(parts);
    free(tensors);
    return status;
}

sl_status sl_model_write(const sl_model_parts *parts, const char *path, sl_error *err)
{
    void *bytes = NULL;
    size_t n_bytes = 0;
    SL_TRY(sl_model_write_memory(parts, &bytes, &n_bytes, err));
    const sl_status status = sl_file_write(path, bytes, n_bytes, err);
    free(bytes);
    return status;
}
