/* make_model_corpus MODEL_DIR TFLITE_DIR - the small files that fuzz/corpus/model and fuzz/corpus/tflite begin with. */
#include "../tests/unit/random_model.h"
#include "../tests/unit/tflite_maker.h"

#include "base/file.h"
#include "model/model_write.h"

static const random_size sizes[] = {
    {3, 1, 2, 1, 1, 2, 3, 1, 2, 0, SL_EXTRAS_NONE, false, true},
    {3, 1, 2, 1, 1, 2, 3, 1, 2, 0, SL_EXTRAS_NONE, true, true},
    {3, 1, 2, 2, 2, 1, 1, 1, 2, 0, SL_EXTRAS_NONE, true, true},
    {3, 1, 3, 1, 1, 2, 3, 0, 2, 0, SL_EXTRAS_NONE, false, true},
    {17, 2, 4, 3, 2, 2, 5, 1, 3, 2, SL_EXTRAS_AS_CHANNELS, false, false},
    {5, 2, 4, 1, 1, 5, 5, 2, 3, 1, SL_EXTRAS_AS_STEPS, true, false},
};

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL_DIR TFLITE_DIR\n", argv[0]);
        return 2;
    }
    sl_error err = {0};
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
        sl_arena_release(&arena);
    }
    return 0;
}
