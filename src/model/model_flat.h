/*
 * model/model_flat.h - FlatBuffers behind a plain C door. Nothing else in the
 * project sees FlatBuffers.
 */
#ifndef SL_MODEL_MODEL_FLAT_H
#define SL_MODEL_MODEL_FLAT_H

#ifdef __cplusplus
extern "C" {
#endif

#include "base/arena.h"
#include "model/parts.h"

/*
 * Verify bytes (aligned to 64) and take them apart. The layers and tensors are
 * allocated from the arena, their names and data borrow from bytes. What the
 * values mean is not checked here. SL_ERR_FORMAT, SL_ERR_UNSUPPORTED, SL_ERR_NOMEM.
 */
sl_status sl_model_flat_read(const void *bytes, size_t n_bytes, sl_arena *arena, sl_model_parts *out, sl_error *err);

/* A contract by itself, aligned to 8, as it stands in a model file; what its values mean is not checked. */
sl_status sl_contract_flat_read(const void *bytes, size_t n_bytes, sl_contract *out, sl_error *err);
/* Gives *bytes; free with free(). The contract must have passed sl_contract_check. */
sl_status sl_contract_flat_write(const sl_contract *contract, void **bytes, size_t *n_bytes, sl_error *err);

/* Write checked parts. Gives *bytes; free with free(). */
sl_status sl_model_flat_write(const sl_model_parts *parts, void **bytes, size_t *n_bytes, sl_error *err);

#ifdef __cplusplus
}
#endif
#endif
