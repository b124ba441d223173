/*
 * pack_model MODEL FILE CODING SHARE VALUES BITS - the same model packed: of each matrix the largest SHARE of its weights, in
 * steps of its largest such that there are about VALUES of them, the others 0; vectors in BITS. CODING: plain, huffman,
 * rans or auto. What training would do better, for tests and the bench.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/half.h"
#include "model/model_write.h"
#include "model/open_model.h"
#include "model/packed.h"

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Multiples of a step, none of which is 0 where the weight is to stay. */
static bool thin_out(sl_tensor *t, double share, int values, sl_arena *arena)
{
    float *w = SL_ARENA_NEW(arena, float, t->n), *size = SL_ARENA_NEW(arena, float, t->n);
    if (w == NULL || size == NULL || t->storage != SL_STORAGE_FLOAT32) return false;
    memcpy(w, t->data, t->n * sizeof *w);
    for (size_t i = 0; i < t->n; i++) size[i] = fabsf(w[i]);
    qsort(size, t->n, sizeof *size, compare);
    const float least = size[(size_t)((1 - share) * (double)(t->n - 1))], step = 2 * size[t->n - 1] / (float)values;
    for (size_t i = 0; i < t->n; i++) {
        float steps = rintf(w[i] / step);
        if (steps == 0) steps = w[i] > 0 ? 1 : -1;
        w[i] = fabsf(w[i]) < least ? 0 : sl_half_to_float(sl_half_from_float(steps * step));
    }
    t->data = w;
    return true;
}

static int coding_of(const char *name)
{
    for (int c = 0; c < SL_CODING_AUTO; c++) {
        if (strcmp(name, sl_coding_name((unsigned)c)) == 0) return c;
    }
    return SL_CODING_AUTO;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: %s MODEL FILE CODING SHARE VALUES BITS\n", argv[0]);
        return 2;
    }
    sl_arena arena;
    sl_error err = {0};
    sl_model *model = NULL;
    sl_arena_init(&arena, (size_t)1 << 30);
    sl_status status = sl_model_open(argv[1], &model, &err);
    if (status == SL_OK) {
        const sl_packing packing = {(sl_coding)coding_of(argv[3]), 0, 32, (unsigned)atoi(argv[6]), false};
        sl_model_parts parts = model->parts;
        parts.packing = &packing;
        bool well = true;
        for (size_t i = 0; i < parts.n_tensors; i++) {
            sl_tensor *t = &parts.tensors[i];
            if (t->rank > 1) well = well && thin_out(t, atof(argv[4]), atoi(argv[5]), &arena);
        }
        if (well) {
            status = sl_model_write(&parts, argv[2], &err);
        } else {
            status = SL_ERR_UNSUPPORTED;
            snprintf(err.message, sizeof err.message, "out of memory, or weights that are no floats");
        }
    }
    sl_model_close(model);
    sl_arena_release(&arena);
    if (status == SL_OK) return 0;
    fprintf(stderr, "pack_model: %s\n", err.message);
    return 1;
}
