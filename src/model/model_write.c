#include "model/model_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "model/model_flat.h"
#include "model/network.h"

sl_status sl_model_write_memory(const sl_model_parts *parts, void **bytes, size_t *n_bytes, sl_error *err)
{
    SL_REQUIRE(parts != NULL && bytes != NULL && n_bytes != NULL, err);
    sl_model_parts *own = malloc(sizeof *own);
    if (own == NULL) return SL_FAIL_NOMEM(err);
    *own = *parts;
    own->format_version = SL_MODEL_FORMAT;
    if (own->temperature == 0) own->temperature = 1;
    if (own->contract.created_by[0] == '\0') {
        snprintf(own->contract.created_by, sizeof own->contract.created_by, "starling %s", sl_version());
    }
    sl_arena arena;
    sl_arena_init(&arena, (size_t)512 << 20);
    sl_network network;
    sl_status status = sl_network_build(own, &arena, &network, err);
    if (status == SL_OK) status = sl_model_flat_write(own, bytes, n_bytes, err);
    sl_arena_release(&arena);
    free(own);
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
