/* store_bfloat16 MODEL FILE: the same model with every float32 tensor rounded to bfloat16, for the bench. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "model/model_flat.h"
#include "model/model_write.h"

enum { MOST_BYTES = 1 << 28, ALIGNMENT = 64 };

/* The upper half of a float, the lower one rounded off, halves to even. Weights are finite. */
static uint16_t rounded(const unsigned char *from)
{
    uint32_t bits;
    memcpy(&bits, from, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static bool store(sl_tensor *t, sl_arena *arena)
{
    size_t n = 1;
    for (uint32_t i = 0; i < t->rank; i++) n *= t->shape[i];
    const size_t width = t->storage == SL_STORAGE_INT8 ? 1 : t->storage == SL_STORAGE_BFLOAT16 ? 2 : 4;
    if (t->rank == 0 || t->n_bytes / width < n) return false; /* without a shape nobody says how many there are */
    t->n_bytes = n * width;
    if (t->storage != SL_STORAGE_FLOAT32) return true;
    uint16_t *half = SL_ARENA_NEW(arena, uint16_t, n);
    if (half == NULL) return false;
    for (size_t i = 0; i < n; i++) half[i] = rounded((const unsigned char *)t->data + 4 * i);
    t->storage = SL_STORAGE_BFLOAT16;
    t->data = half;
    t->n_bytes = 2 * n;
    return true;
}

static sl_status convert(const char *from, const char *to, sl_arena *arena, sl_error *err)
{
    sl_file file;
    sl_status status = sl_file_open(&file, from, MOST_BYTES, err);
    if (status < 0) return status;
    unsigned char *bytes = aligned_alloc(ALIGNMENT, (file.n_bytes / ALIGNMENT + 1) * ALIGNMENT);
    sl_model_parts parts = {0};
    if (bytes != NULL) {
        memcpy(bytes, file.bytes, file.n_bytes);
        status = sl_model_flat_read(bytes, file.n_bytes, arena, &parts, err);
    }
    bool well = bytes != NULL;
    for (size_t i = 0; status == SL_OK && i < parts.n_tensors; i++) well = well && store(&parts.tensors[i], arena);
    if (status == SL_OK && well) status = sl_model_write(&parts, to, err);
    free(bytes);
    sl_file_close(&file);
    if (well) return status;
    snprintf(err->message, sizeof err->message, "out of memory, or a tensor without a shape");
    return SL_ERR_INTERNAL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL FILE\n", argv[0]);
        return 2;
    }
    sl_arena arena;
    sl_error err;
    sl_arena_init(&arena, (size_t)1 << 30);
    const sl_status status = convert(argv[1], argv[2], &arena, &err);
    sl_arena_release(&arena);
    if (status == SL_OK) return 0;
    fprintf(stderr, "store_bfloat16: %s\n", err.message);
    return 1;
}
