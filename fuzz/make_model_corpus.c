/* make_model_corpus MODEL_DIR TFLITE_DIR - the small files that fuzz/corpus/model and fuzz/corpus/tflite begin with. */
#include "../tests/unit/random_stack.h"
#include "../tests/unit/tflite_maker.h"

#include "base/file.h"
#include "base/half.h"
#include "model/model_write.h"
#include "model/packed.h"

static const random_size sizes[] = {
    {3, 1, 2, 1, 1, 2, 3, 1, 2, 0, SL_EXTRAS_NONE, false, true},
    {3, 1, 2, 1, 1, 2, 3, 1, 2, 0, SL_EXTRAS_NONE, true, true},
    {3, 1, 2, 2, 2, 1, 1, 1, 2, 0, SL_EXTRAS_NONE, true, true},
    {3, 1, 3, 1, 1, 2, 3, 0, 2, 0, SL_EXTRAS_NONE, false, true},
    {17, 2, 4, 3, 2, 2, 5, 1, 3, 2, SL_EXTRAS_AS_CHANNELS, false, false},
    {5, 2, 4, 1, 1, 5, 5, 2, 3, 1, SL_EXTRAS_AS_STEPS, true, false},
};

/* The layers that t2 has not, of the grid and of nights. */
static const sl_model_parts *zoo(sl_arena *arena, uint64_t i)
{
    stack s = new_stack(arena, i, 6, 1, 1, 2);
    if (i % 2) stack_nights(&s, 5);
    stack_features(&s);
    if (i < 2) {
        stack_tcn(&s, 2, 2, 2);
        stack_recurrent(&s, SL_LAYER_GRU, 2, false);
        stack_last_step(&s);
    } else if (i == 2) {
        stack_conv(&s, 3, 3);
        stack_max_pool(&s, 2, 2);
        stack_flatten(&s);
    } else {
        stack_recurrent(&s, SL_LAYER_LSTM, 2, true);
        stack_recurrent(&s, SL_LAYER_GRU, 1, true);
        stack_mean(&s);
    }
    stack_end(&s);
    return s.parts;
}

static sl_status write_zoo(const char *folder, uint64_t i, sl_error *err)
{
    char path[4096];
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    snprintf(path, sizeof path, "%s/zoo-%d", folder, (int)i);
    const sl_status status = sl_model_write(zoo(&arena, i), path, err);
    sl_arena_release(&arena);
    return status;
}

/* Each float to one of a few float16 values, so that packing makes codebooks. */
static void cluster(sl_arena *arena, sl_model_parts *parts)
{
    for (size_t i = 0; i < parts->n_tensors; i++) {
        sl_tensor *t = &parts->tensors[i];
        if (t->rank < 2 || t->storage != SL_STORAGE_FLOAT32) continue;
        size_t n = 1;
        for (uint32_t r = 0; r < t->rank; r++) n *= t->shape[r];
        float *w = SL_ARENA_NEW(arena, float, n);
        for (size_t k = 0; k < n; k++) w[k] = sl_half_to_float(sl_half_from_float(0.3f * rintf(((const float *)t->data)[k] / 0.3f)));
        t->data = w;
    }
}

/* The same model packed, in the way that is i's turn. */
static sl_status write_packed(sl_arena *arena, sl_model_parts *parts, size_t i, const char *folder, sl_error *err)
{
    static const unsigned vector_bits[] = {6, 16, 32, 3};
    const sl_packing packing = {(sl_coding)(i % SL_CODING_AUTO), i % 3 == 2 ? 4 : 0, i % 2 ? 16 : 32, vector_bits[i % 4], false};
    char path[4096];
    if (i % 3 != 2) cluster(arena, parts);
    parts->packing = &packing;
    snprintf(path, sizeof path, "%s/packed-%zu", folder, i);
    const sl_status status = sl_model_write(parts, path, err);
    parts->packing = NULL;
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL_DIR TFLITE_DIR\n", argv[0]);
        return 2;
    }
    sl_error err = {0};
    for (uint64_t i = 0; i < 4; i++) {
        if (write_zoo(argv[1], i, &err) != SL_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 26);
        sl_model_parts *parts = random_model(&arena, i + 1, &sizes[i]);
        const sl_novelty_kind kind = (sl_novelty_kind)(i % SL_N_NOVELTY_KINDS);
        if (i > 0) parts->novelty = random_novelty(&arena, i, kind > 0 ? kind : 1, sizes[i].width, sizes[i].classes);
        char path[4096];
        snprintf(path, sizeof path, "%s/random-%zu", argv[1], i);
        if (sl_model_write(parts, path, &err) != SL_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        snprintf(path, sizeof path, "%s/random-%zu", argv[2], i);
        maker *m = sizes[i].table ? maker_tflite(parts, i % 2 == 1) : NULL;
        if (m != NULL && sl_file_write(path, m->bytes, m->n, &err) != SL_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        if (m != NULL) maker_free(m);
        if (write_packed(&arena, parts, i, argv[1], &err) != SL_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        sl_arena_release(&arena);
    }
    return 0;
}
