/* The forward pass: what it must not depend on, and what it must refuse. */
#include "unit.h"

#include <math.h>

#include "model/model_write.h"
#include "random_model.h"
#include "starling/model.h"

static const random_size t2_size = {100, 2, 32, 1, 16, 2, 128, 1, 14, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false};

typedef struct opened {
    void *bytes;
    sl_model *model;
    sl_runner *runner;
} opened;

static opened open_runner(const sl_model_parts *parts)
{
    opened o = {0};
    sl_error err;
    size_t n_bytes;
    assert_ok(sl_model_write_memory(parts, &o.bytes, &n_bytes, &err), &err);
    assert_ok(sl_model_open_memory(o.bytes, n_bytes, &o.model, &err), &err);
    assert_ok(sl_runner_new(o.model, &o.runner, &err), &err);
    return o;
}

static void close_runner(const opened *o)
{
    sl_runner_free(o->runner);
    sl_model_close(o->model);
    free(o->bytes);
}

/* Make the scores of the first encoder 2^shift times as large. */
static void enlarge_scores(const sl_model_parts *parts, sl_arena *arena, int shift)
{
    sl_tensor *wq = &parts->tensors[2]; /* behind the convolution and its bias */
    if (wq->storage == SL_STORAGE_INT8) wq->scale = ldexpf(wq->scale, shift);
    if (wq->storage != SL_STORAGE_FLOAT32) return;
    const float *from = wq->data;
    float *to = SL_ARENA_NEW(arena, float, wq->n_bytes / sizeof *to);
    for (size_t i = 0; i < wq->n_bytes / sizeof *to; i++) to[i] = ldexpf(from[i], shift);
    wq->data = to;
}

/* Inputs of many sizes, forwards and backwards: nothing that one leaves behind may turn attention another way. */
static void check_neighbours(const random_size *size, uint64_t seed)
{
    enum { N = 6 };
    sl_arena arena;
    sl_arena_init(&arena, 1 << 28);
    const sl_model_parts *parts = random_model(&arena, seed, size);
    enlarge_scores(parts, &arena, (int)(seed % 10));
    opened o = open_runner(parts);
    sl_error err;
    sl_rng rng;
    sl_rng_init(&rng, seed, 1);
    const size_t n_in = sl_contract_input_floats(&parts->contract);
    float *input = SL_ARENA_NEW(&arena, float, N * n_in);
    for (int i = 0; i < N; i++) {
        const double deviation = pow(10, 4 * sl_rng_uniform(&rng) - 2);
        memcpy(input + i * n_in, random_floats(&arena, &rng, n_in, 0, deviation), n_in * sizeof *input);
    }
    float all[N * SL_MAX_CLASSES], one[SL_MAX_CLASSES];
    assert_ok(sl_runner_run(o.runner, N, input, all, &err), &err);
    for (int i = N - 1; i >= 0; i--) {
        assert_ok(sl_runner_run(o.runner, 1, input + i * n_in, one, &err), &err);
        assert_memory_equal(one, all + i * size->classes, size->classes * sizeof *one);
    }
    close_runner(&o);
    sl_arena_release(&arena);
}

static void an_answer_does_not_depend_on_its_neighbours(void **state)
{
    (void)state;
    static const uint32_t steps[] = {3, 17, 40, 100};
    static const sl_storage kinds[] = {SL_STORAGE_FLOAT32, SL_STORAGE_BFLOAT16, SL_STORAGE_INT8};
    for (uint64_t k = 0; k < 120; k++) {
        random_size size = t2_size;
        size.steps = steps[k % 4];
        size.weights = kinds[k % 3];
        size.kernel = k < 60 ? 1 : 5;
        size.blocks = 1 + k % 2;
        check_neighbours(&size, k);
    }
}

/* The features behind the grid are no part of what a network without them sees; the temperature flattens the answer. */
static void rows_are_as_long_as_the_contract_says(void **state)
{
    (void)state;
    enum { N = 3, GRID = 200, VALUES = 3 };
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    sl_rng rng;
    sl_rng_init(&rng, 9, 0);
    const float *grids = random_floats(&arena, &rng, (size_t)N * GRID, 0, 1);
    float rows[N * (GRID + VALUES)], p[2][N * 14];
    for (int i = 0; i < N; i++) {
        memcpy(rows + i * (GRID + VALUES), grids + i * GRID, GRID * sizeof *rows);
        for (int k = 0; k < VALUES; k++) rows[i * (GRID + VALUES) + GRID + k] = 3;
    }
    for (int with = 0; with < 2; with++) {
        sl_model_parts *parts = random_model(&arena, 3, &t2_size);
        sl_contract *c = &parts->contract;
        if (with == 1) {
            c->n_features = 2;
            c->features[0] = SL_FEATURE_BAND_MAD;
            c->features[1] = SL_FEATURE_REDSHIFT;
            for (int k = 0; k < VALUES; k++) c->feature_spread[k] = 1;
            parts->temperature = 1000;
        }
        opened o = open_runner(parts);
        assert_ok(sl_runner_run(o.runner, N, with ? rows : grids, p[with], &err), &err);
        close_runner(&o);
    }
    for (int i = 0; i < N; i++) {
        double sum = 0, flat[14];
        for (int k = 0; k < 14; k++) sum += flat[k] = pow((double)p[0][i * 14 + k], 1e-3);
        for (int k = 0; k < 14; k++) assert_true(fabs(flat[k] / sum - (double)p[1][i * 14 + k]) < 1e-6);
    }
    sl_arena_release(&arena);
}

static void input_that_is_not_finite_is_refused(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    opened o = open_runner(random_model(&arena, 3, &t2_size));
    sl_error err;
    static float input[200];
    float p[14];
    const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f};
    for (int i = 0; i < 4; i++) {
        memset(input, 0, sizeof input);
        input[199] = bad[i];
        const sl_status status = sl_runner_run(o.runner, 1, input, p, &err);
        if (i < 3 || status != SL_OK) {
            assert_int_equal(status, SL_ERR_NUMERIC);
            assert_int_equal(err.reason, SL_REASON_NUMERIC);
        }
    }
    input[199] = 0;
    assert_ok(sl_runner_run(o.runner, 1, input, p, &err), &err);
    close_runner(&o);
    sl_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_does_not_depend_on_its_neighbours),
        cmocka_unit_test(rows_are_as_long_as_the_contract_says),
        cmocka_unit_test(input_that_is_not_finite_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
