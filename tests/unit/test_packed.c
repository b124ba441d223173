/* Packed models: the same answers from a few bytes, and what becomes of broken ones. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "model/model_write.h"
#include "model/open_model.h"
#include "model/packed.h"
#include "random_model.h"
#include "starling/model.h"
#include "try_model.h"

static const random_size t2_size = {100, 2, 32, 1, 16, 2, 128, 1, 14, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false};
static const random_size small_size = {3, 1, 2, 1, 1, 2, 3, 1, 2, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false};

static size_t count_of(const sl_tensor *t)
{
    size_t n = 1;
    for (uint32_t i = 0; i < t->rank; i++) n *= t->shape[i];
    return n;
}

/* Each matrix to few float16 values, a share of them 0, as compression leaves them. */
static void thin_out(sl_arena *arena, sl_model_parts *parts, float step, float least)
{
    for (size_t i = 0; i < parts->n_tensors; i++) {
        sl_tensor *t = &parts->tensors[i];
        const size_t n = count_of(t);
        if (t->rank < 2 || t->storage != SL_STORAGE_FLOAT32) continue;
        float *w = SL_ARENA_NEW(arena, float, n);
        const float *from = t->data;
        float most = 0;
        for (size_t k = 0; k < n; k++) most = fmaxf(most, fabsf(from[k]));
        for (size_t k = 0; k < n; k++) {
            const float x = step * most * rintf(from[k] / (step * most));
            w[k] = fabsf(from[k]) < least * most ? 0 : sl_half_to_float(sl_half_from_float(x));
        }
        t->data = w;
    }
}

static sl_model *write_and_open(const sl_model_parts *parts, void **bytes, size_t *n_bytes)
{
    sl_error err;
    sl_model *model = NULL;
    assert_ok(sl_model_write_memory(parts, bytes, n_bytes, &err), &err);
    assert_ok(sl_model_open_memory(*bytes, *n_bytes, &model, &err), &err);
    return model;
}

static void run(const sl_model *model, const float *input, float *p)
{
    sl_error err;
    sl_runner *runner;
    assert_ok(sl_runner_new(model, &runner, &err), &err);
    assert_ok(sl_runner_run(runner, 1, input, p, &err), &err);
    sl_runner_free(runner);
}

/* The same bits of every answer, packed or not. Returns the packed file's size. */
static size_t assert_same_answers(sl_arena *arena, sl_model_parts *parts, const sl_packing *packing)
{
    void *bytes[2];
    size_t n_bytes[2];
    float p[2][SL_MAX_CLASSES] = {{0}};
    const float *input = NULL;
    for (int i = 0; i < 2; i++) {
        parts->packing = i == 1 ? packing : NULL;
        sl_model *model = write_and_open(parts, &bytes[i], &n_bytes[i]);
        sl_model_info info;
        sl_model_describe(model, &info);
        sl_rng rng;
        sl_rng_init(&rng, 1, 1);
        if (i == 0) input = random_floats(arena, &rng, info.input_floats, 0, 1);
        run(model, input, p[i]);
        assert_int_equal(model->parts.n_layers, parts->n_layers);
        assert_int_equal(model->parts.n_tensors, parts->n_tensors);
        sl_model_close(model);
        free(bytes[i]);
    }
    parts->packing = NULL;
    assert_memory_equal(p[0], p[1], sizeof p[0]);
    return n_bytes[1];
}

static void packing_changes_no_answer(void **state)
{
    (void)state;
    static const sl_storage storages[] = {SL_STORAGE_FLOAT32, SL_STORAGE_INT8, SL_STORAGE_BFLOAT16};
    for (int s = 0; s < 3; s++) {
        for (uint32_t seed = 0; seed < 4; seed++) {
            sl_arena arena;
            sl_arena_init(&arena, 1 << 26);
            random_size size = t2_size;
            size.weights = storages[s];
            size.table = seed % 2 == 1;
            sl_model_parts *parts = random_model(&arena, seed + 1, &size);
            if (seed >= 2) thin_out(&arena, parts, 0.1f, 0.3f);
            for (int coding = 0; coding < SL_N_CODINGS; coding++) {
                sl_packing packing = sl_packing_lossless;
                packing.coding = (sl_coding)coding;
                (void)assert_same_answers(&arena, parts, &packing);
            }
            sl_arena_release(&arena);
        }
    }
}

/* t2 with 0.1 % of the float's rounding left: a size that follows from what is in it. */
static void a_thin_model_is_small(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_model_parts *parts = random_model(&arena, 3, &t2_size);
    const size_t whole = assert_same_answers(&arena, parts, &sl_packing_lossless);
    assert_in_range(whole, 53048, 53400); /* 13 262 floats, and 200 bytes of contract */
    thin_out(&arena, parts, 0.1f, 0.3f);
    sl_packing packing = {SL_CODING_AUTO, 0, 32, 8, false};
    void *bytes;
    size_t n_bytes, of_coding[SL_N_CODINGS];
    for (int coding = 0; coding < SL_N_CODINGS; coding++) {
        packing.coding = (sl_coding)coding;
        parts->packing = &packing;
        sl_model_close(write_and_open(parts, &bytes, &n_bytes));
        of_coding[coding] = n_bytes;
        free(bytes);
    }
    print_message("plain %zu, huffman %zu, rans %zu, auto %zu bytes\n", of_coding[0], of_coding[1], of_coding[2], of_coding[3]);
    assert_true(of_coding[SL_CODING_RANS] <= of_coding[SL_CODING_HUFFMAN]);
    assert_true(of_coding[SL_CODING_HUFFMAN] < of_coding[SL_CODING_PLAIN]);
    assert_true(of_coding[SL_CODING_AUTO] <= of_coding[SL_CODING_RANS]);
    sl_arena_release(&arena);
}

/* What is rounded is rounded as little as it is said to be. */
static void vectors_are_rounded_as_asked(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_model_parts *parts = random_model(&arena, 3, &t2_size);
    for (unsigned bits = 2; bits <= 32; bits = bits < 8 ? bits + 1 : 2 * bits) {
        const sl_packing packing = {SL_CODING_AUTO, 0, 16, bits, false};
        parts->packing = &packing;
        void *bytes;
        size_t n_bytes;
        sl_model *model = write_and_open(parts, &bytes, &n_bytes);
        for (size_t i = 0; i < parts->n_tensors; i++) {
            const float *was = parts->tensors[i].data, *is = model->parts.tensors[i].data;
            const size_t n = count_of(&parts->tensors[i]);
            float least = INFINITY, most = -INFINITY;
            for (size_t k = 0; k < n; k++) {
                least = fminf(least, was[k]);
                most = fmaxf(most, was[k]);
            }
            for (size_t k = 0; k < n; k++) {
                const float half = fabsf(was[k]) * 0x1p-11f + 0x1p-25f, level = 0.52f * (most - least) / (float)((1u << bits % 32) - 1);
                const bool matrix = parts->tensors[i].rank > 1;
                assert_true(fabsf(was[k] - is[k]) <= (bits <= 8 && !matrix ? level + 0x1p-9f : bits < 32 || matrix ? half : 0));
            }
        }
        sl_model_close(model);
        free(bytes);
    }
    sl_arena_release(&arena);
}

/* Rows of integers times a scale of the row come back bit for bit, in about their bits. */
static void rows_of_integers_come_back(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_model_parts *parts = random_model(&arena, 3, &t2_size);
    for (unsigned bits = 2; bits <= 8; bits += 2) {
        const float top = (float)((1u << (bits - 1)) - 1);
        for (size_t i = 0; i < parts->n_tensors; i++) {
            sl_tensor *t = &parts->tensors[i];
            const size_t n = count_of(t), columns = n / t->shape[0];
            if (t->rank < 2) continue;
            float *w = SL_ARENA_NEW(&arena, float, n);
            for (size_t r = 0; r < t->shape[0]; r++) {
                const float *from = (const float *)t->data + r * columns;
                float most = 0;
                for (size_t k = 0; k < columns; k++) most = fmaxf(most, fabsf(from[k]));
                const float scale = most / top;
                for (size_t k = 0; k < columns; k++) w[r * columns + k] = scale * rintf(from[k] / scale) + 0.0f; /* no zeros below zero */
            }
            t->data = w;
        }
        const sl_packing packing = {SL_CODING_PLAIN, bits, 32, 16, false};
        parts->packing = &packing;
        void *bytes;
        size_t n_bytes;
        sl_model *model = write_and_open(parts, &bytes, &n_bytes);
        for (size_t i = 0; i < parts->n_tensors; i++) {
            const sl_tensor *t = &model->parts.tensors[i];
            if (t->rank < 2) continue;
            assert_int_equal(t->packed.kind, SL_PACKED_ROWS);
            assert_memory_equal(t->data, parts->tensors[i].data, count_of(t) * sizeof(float));
        }
        assert_true(n_bytes < 13262 * bits / 8 + 426 * 4 + 1400); /* rows' scales, vectors, contract */
        sl_model_close(model);
        free(bytes);
    }
    sl_arena_release(&arena);
}

/* The same rows in int8 arithmetic: each weight as it was, and answers as near as those of int8 models are. */
static void rows_of_integers_run_in_int8(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    sl_model_parts *parts = random_model(&arena, 3, &t2_size);
    for (size_t i = 0; i < parts->n_tensors; i++) {
        sl_tensor *t = &parts->tensors[i];
        const size_t n = count_of(t), columns = n / t->shape[0];
        if (t->rank < 2) continue;
        float *w = SL_ARENA_NEW(&arena, float, n);
        for (size_t k = 0; k < n; k++) { /* rows of very different sizes, the last one zeros */
            const size_t row = k / columns;
            const float scale = ldexpf(1, -(int)(row % 5) - 4), x = rintf(((const float *)t->data)[k] / scale);
            w[k] = row + 1 == t->shape[0] ? 0 : scale * fminf(fmaxf(x, -127), 127) + 0.0f;
        }
        for (size_t row = 0; row + 1 < t->shape[0]; row++) w[row * columns] = 127 * ldexpf(1, -(int)(row % 5) - 4);
        t->data = w;
    }
    float input[200], p[2][14];
    for (int i = 0; i < 200; i++) input[i] = (float)(i * 37 % 19 - 9) / 4;
    for (int int8 = 0; int8 < 2; int8++) {
        const sl_packing packing = {SL_CODING_RANS, 8, 32, 32, int8 != 0};
        parts->packing = &packing;
        void *bytes;
        size_t n_bytes;
        sl_model *model = write_and_open(parts, &bytes, &n_bytes);
        for (size_t i = 0; i < parts->n_tensors; i++) {
            const sl_tensor *t = &model->parts.tensors[i];
            if (t->rank < 2) continue;
            assert_int_equal(t->packed.kind, SL_PACKED_ROWS);
            assert_int_equal(t->storage, int8 ? SL_STORAGE_INT8 : SL_STORAGE_FLOAT32);
            for (size_t k = 0; int8 && k < t->n; k++) {
                assert_true(sl_tensor_scale(t, k) * (float)((const int8_t *)t->data)[k] == ((const float *)parts->tensors[i].data)[k]);
            }
        }
        run(model, input, p[int8]);
        if (int8) { /* packed once more it is the same; unpacked it cannot be */
            void *again = NULL;
            size_t n_again = 0;
            sl_model_parts copy = model->parts;
            assert_int_equal(sl_model_write_memory(&copy, &again, &n_again, &err), SL_ERR_UNSUPPORTED);
            copy.packing = &packing;
            assert_ok(sl_model_write_memory(&copy, &again, &n_again, &err), &err);
            sl_model *second = NULL;
            float q[14];
            assert_ok(sl_model_open_memory(again, n_again, &second, &err), &err);
            run(second, input, q);
            assert_memory_equal(p[1], q, sizeof q);
            sl_model_close(second);
            free(again);
        }
        sl_model_close(model);
        free(bytes);
    }
    double worst = 0;
    for (int k = 0; k < 14; k++) worst = fmax(worst, fabs((double)p[0][k] - (double)p[1][k]));
    assert_true(worst > 1e-7 && worst < 0.03);
    sl_arena_release(&arena);
}

/* Every kind of layer, and contracts with something in every field. */
static void contracts_and_layers_come_back(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    static const char *const presets[] = {"reference", "starling", "starling", "starling"};
    for (int i = 0; i < 4; i++) {
        random_size size = t2_size;
        if (i >= 2) size.channels = 6; /* three planes of two */
        sl_model_parts *parts = random_model(&arena, 5, &size);
        sl_contract *c = &parts->contract;
        assert_ok(sl_contract_preset(presets[i], c, NULL), (sl_error *)NULL);
        if (i >= 2) {
            c->zero_point = 31.4;
            c->time_scale = SL_SCALE_AS_GIVEN;
            c->use = SL_USE_FORCED;
            c->one_per_visit = false;
            c->window_before_day = -1;
            c->max_points = 77;
            c->gp.metric_start = 3.25;
            c->gp.tolerance = 1e-9;
            c->scaling = SL_SCALING_FIXED;
            c->center[1] = -2.5f;
            c->spread[0] = 3;
            c->spread[1] = 0.5f;
            c->classes[3].plasticc_id = -7;
            c->max_nights = 12;
            c->planes = SL_PLANE_ASINH | SL_PLANE_ERROR;
            c->asinh_scale = 2.5f;
            c->n_features = 3;
            c->features[0] = SL_FEATURE_BAND_MAD;
            c->features[1] = SL_FEATURE_REDSHIFT;
            c->features[2] = SL_FEATURE_BAND_MAX;
            c->feature_bands[2] = 2;
            c->feature_knots = i == 3 ? 5 : 0;
            const uint32_t n = sl_contract_input_features(c);
            for (uint32_t k = 0; k < n && i == 2; k++) {
                c->feature_center[k] = (float)k - 1;
                c->feature_spread[k] = (float)k + 0.5f;
            }
            static const float knots[4][5] = {{-1.5f, -0.25f, 0, 0, 12}, {0, 0, 0, 0, 0}, {1e-7f, 3e-3f, 4, 5, 60000}, {-2, -1, 0, 1, 2}};
            for (uint32_t k = 0; k < 5 * n && i == 3; k++) c->feature_table[k] = sl_half_from_float(knots[k / 5 % 4][k % 5]);
            snprintf(c->source, sizeof c->source, "a file, with \"quotes\" and \303\244");
        }
        snprintf(c->created_by, sizeof c->created_by, "a test");
        memset(c->bands + c->n_bands, 0, (SL_MAX_BANDS - c->n_bands) * sizeof c->bands[0]); /* not written */
        parts->packing = &sl_packing_lossless;
        void *bytes;
        size_t n_bytes;
        sl_model *model = write_and_open(parts, &bytes, &n_bytes);
        assert_memory_equal(sl_model_contract(model), c, sizeof *c);
        assert_memory_equal(model->parts.layers, parts->layers, parts->n_layers * sizeof *parts->layers);
        sl_model_close(model);
        free(bytes);
    }
    sl_arena_release(&arena);
}

/* What people are told adds up to the file. */
static void a_packed_model_describes_its_tensors(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    sl_model_parts *parts = random_model(&arena, 3, &t2_size);
    thin_out(&arena, parts, 0.1f, 0.3f);
    for (int packed = 0; packed < 2; packed++) {
        static const sl_packing packing = {SL_CODING_RANS, 0, 32, 6, false};
        parts->packing = packed ? &packing : NULL;
        void *bytes;
        size_t n_bytes, n_weights = 0, n_zeros = 0, n_parameters = 0;
        sl_model *model = write_and_open(parts, &bytes, &n_bytes);
        sl_model_info info;
        sl_model_describe(model, &info);
        assert_int_equal(info.packed, packed);
        assert_int_equal(info.n_tensors, parts->n_tensors);
        double all = 0;
        for (size_t i = 0; i < info.n_tensors; i++) {
            sl_tensor_info t;
            sl_layer_info layer;
            assert_ok(sl_model_tensor(model, i, &t, &err), &err);
            assert_ok(sl_model_layer(model, t.layer, &layer, &err), &err);
            assert_int_equal(t.layer, i < 2 ? 0 : i < 18 ? 2 : 4);
            assert_string_equal(t.storage, !packed ? "float32" : parts->tensors[i].rank > 1 ? "codebook" : "levels");
            assert_string_equal(t.coding, packed && parts->tensors[i].rank > 1 ? "rans" : "");
            assert_true(t.n_bytes <= 4 * (double)t.n_weights + 16);
            n_weights += t.n_weights;
            n_zeros += t.n_zeros;
            all += t.n_bytes;
        }
        for (size_t i = 0; i < info.n_layers; i++) {
            sl_layer_info layer;
            assert_ok(sl_model_layer(model, i, &layer, &err), &err);
            n_parameters += layer.n_parameters;
        }
        assert_int_equal(n_weights, n_parameters);
        assert_true(n_zeros > n_weights / 2);
        assert_true(all < (double)n_bytes && (double)n_bytes < all + (packed ? 200 : 4000));
        sl_tensor_info t;
        assert_int_equal(sl_model_tensor(model, info.n_tensors, &t, &err), SL_ERR_INVAL);
        sl_model_close(model);
        free(bytes);
    }
    sl_arena_release(&arena);
}

/* Another temperature, the same stream; and what was open and packed can be written uncoded. */
static void a_packed_model_is_recalibrated_and_unpacked(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    sl_model_parts *parts = random_model(&arena, 3, &t2_size);
    thin_out(&arena, parts, 0.1f, 0.3f);
    parts->packing = &sl_packing_lossless;
    void *bytes, *again, *loose;
    size_t n_bytes, n_again, n_loose;
    sl_model *model = write_and_open(parts, &bytes, &n_bytes), *warm = NULL, *open = NULL;
    const sl_novelty *novelty = random_novelty(&arena, 1, SL_NOVELTY_ENERGY, 32, 14);
    assert_ok(sl_model_recalibrate(model, 2, novelty, &again, &n_again, &err), &err);
    assert_ok(sl_model_open_memory(again, n_again, &warm, &err), &err);
    sl_model_info info;
    sl_model_describe(warm, &info);
    assert_true(info.temperature == 2 && info.novelty == SL_NOVELTY_ENERGY);
    assert_int_equal(warm->parts.packed.n_stream, model->parts.packed.n_stream);
    assert_memory_equal(warm->parts.packed.stream, model->parts.packed.stream, model->parts.packed.n_stream);
    assert_ok(sl_model_write_memory(&model->parts, &loose, &n_loose, &err), &err);
    assert_ok(sl_model_open_memory(loose, n_loose, &open, &err), &err);
    assert_null(open->parts.packed.stream);
    assert_true(n_loose > 4 * 13262);
    float input[200], p[2][14];
    for (int i = 0; i < 200; i++) input[i] = (float)(i % 7) - 3;
    run(model, input, p[0]);
    run(open, input, p[1]);
    assert_memory_equal(p[0], p[1], sizeof p[0]);
    sl_model_close(model);
    sl_model_close(warm);
    sl_model_close(open);
    free(bytes);
    free(again);
    free(loose);
    sl_arena_release(&arena);
}

/* A flipped bit of a number that was coded raw is another number; most others leave the coder's states where they do not belong. */
static void every_cut_and_every_flipped_bit_is_survived(void **state)
{
    (void)state;
    for (int coding = 0; coding < SL_CODING_AUTO; coding++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 24);
        sl_error err;
        void *bytes;
        size_t n_bytes;
        sl_model_parts *parts = random_model(&arena, 3, &small_size);
        if (coding != SL_CODING_PLAIN) thin_out(&arena, parts, 0.2f, 0.4f);
        const sl_packing packing = {(sl_coding)coding, 0, 32, coding == SL_CODING_RANS ? 6 : 16, false};
        parts->packing = &packing;
        assert_ok(sl_model_write_memory(parts, &bytes, &n_bytes, &err), &err);
        assert_ok(try_bytes(bytes, n_bytes), &err);
        for (size_t cut = 0; cut < n_bytes; cut++) {
            unsigned char *copy = malloc(cut + (cut == 0)); /* of the exact size, for the sanitizer */
            memcpy(copy, bytes, cut);
            const sl_status status = try_bytes(copy, cut);
            assert_true(status < 0 || n_bytes - cut < 32); /* the end may be padding */
            free(copy);
        }
        size_t refused = 0;
        for (size_t bit = 0; bit < 8 * n_bytes; bit++) {
            unsigned char *b = (unsigned char *)bytes + bit / 8;
            *b ^= (unsigned char)(1u << bit % 8);
            refused += try_bytes(bytes, n_bytes) < 0;
            *b ^= (unsigned char)(1u << bit % 8);
        }
        print_message("%s: %zu bytes, %zu of %zu bits refused\n", sl_coding_name((unsigned)coding), n_bytes, refused, 8 * n_bytes);
        assert_in_range(refused, 4 * n_bytes, 8 * n_bytes);
        free(bytes);
        sl_arena_release(&arena);
    }
}

/* Rounded tables take less room, and no knot moves by more than its share of the way to the next. */
static void tables_are_rounded_within_their_bound(void **state)
{
    (void)state;
    static sl_contract c, was;
    sl_rng rng;
    sl_rng_init(&rng, 9, 0);
    assert_ok(sl_contract_preset("starling", &c, NULL), (sl_error *)NULL);
    c.n_features = 30;
    c.feature_knots = 9;
    for (uint32_t i = 0; i < 30; i++) c.features[i] = (sl_feature)((i < 11 ? 1 : 64 - 11) + i);
    c.n_features = 26;
    const uint32_t n = sl_contract_input_features(&c);
    for (uint32_t i = 0; i < n; i++) {
        float x = (float)sl_rng_normal(&rng) * 3;
        const float size = expf((float)sl_rng_normal(&rng));
        for (uint32_t k = 0; k < 9; k++) {
            c.feature_table[9 * i + k] = sl_half_from_float(x);
            if (i % 5 != 0 || k > 3) x += size * (float)sl_rng_uniform(&rng);
        }
    }
    size_t bytes[2];
    was = c;
    for (int round = 0; round < 2; round++) {
        sl_coder coder;
        sl_coder_write(&coder);
        sl_error err;
        assert_ok(sl_packed_contract(&coder, &c, &err), &err);
        bytes[round] = (size_t)(sl_coder_bits(&coder) / 8);
        sl_coder_release(&coder);
        if (round == 0) sl_packed_round_tables(&c, 0.15);
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 1; k < 9; k++) {
            const float x = sl_half_to_float(c.feature_table[9 * i + k]), y = sl_half_to_float(was.feature_table[9 * i + k]);
            const float before = sl_half_to_float(was.feature_table[9 * i + k - 1]);
            assert_true(fabsf(x - y) <= 0.1501f * (y - before));
        }
    }
    print_message("%u values of 9 knots: contract of %zu bytes, rounded %zu\n", n, bytes[0], bytes[1]);
    assert_true(4 * bytes[1] < 3 * bytes[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_changes_no_answer),
        cmocka_unit_test(a_thin_model_is_small),
        cmocka_unit_test(vectors_are_rounded_as_asked),
        cmocka_unit_test(rows_of_integers_come_back),
        cmocka_unit_test(rows_of_integers_run_in_int8),
        cmocka_unit_test(contracts_and_layers_come_back),
        cmocka_unit_test(a_packed_model_describes_its_tensors),
        cmocka_unit_test(a_packed_model_is_recalibrated_and_unpacked),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_survived),
        cmocka_unit_test(tables_are_rounded_within_their_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
