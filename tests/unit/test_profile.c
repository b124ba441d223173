/* Where the time of a forward pass goes: every call, and the same answer. */
#include "unit.h"

#include <string.h>

#include "model/model_write.h"
#include "random_stack.h"
#include "starling/model.h"

static void profile_of(sl_storage storage, const char *marked)
{
    const random_size t2_size = {100, 2, 32, 1, 16, 2, 128, 1, 14, 0, SL_EXTRAS_NONE, storage, false};
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    void *bytes;
    size_t n_bytes;
    sl_model *model;
    assert_ok(sl_model_write_memory(random_model(&arena, 3, &t2_size), &bytes, &n_bytes, &err), &err);
    assert_ok(sl_model_open_memory(bytes, n_bytes, &model, &err), &err);
    sl_model_info info;
    sl_model_describe(model, &info);
    sl_runner *runner;
    assert_ok(sl_runner_new(model, &runner, &err), &err);
    sl_rng rng;
    sl_rng_init(&rng, 4, 0);
    const float *input = random_floats(&arena, &rng, 200, 0, 100);
    float plain[14], profiled[14];
    sl_profile_row rows[64], first[2];
    size_t n = 0, m = 0;
    assert_ok(sl_runner_run(runner, 1, input, plain, &err), &err);
    assert_ok(sl_runner_profile(runner, input, profiled, 64, rows, &n, &err), &err);
    assert_memory_equal(profiled, plain, sizeof plain);
    assert_in_range(n, 5, 64);
    double flop = 0;
    size_t n_marked = 0;
    for (size_t i = 0; i < n; i++) {
        flop += rows[i].flop;
        assert_true(rows[i].ns >= 0 && rows[i].kernel != NULL && rows[i].shape[0] != '\0');
        n_marked += strcmp(rows[i].kernel, "gemm") == 0 && strstr(rows[i].shape, marked) != NULL;
    }
    assert_true(n_marked >= 6);
    assert_true(flop > 0.9 * info.flop && flop < 2 * info.flop); /* lanes behind the last step count too */
    assert_ok(sl_runner_profile(runner, input, profiled, 2, first, &m, &err), &err);
    assert_int_equal(m, n);
    assert_string_equal(first[1].shape, rows[1].shape);
    assert_ok(sl_runner_run(runner, 1, input, profiled, &err), &err); /* back on its own kernels */
    assert_memory_equal(profiled, plain, sizeof plain);
    sl_runner_free(runner);
    sl_model_close(model);
    free(bytes);
    sl_arena_release(&arena);
}

static void a_profile_has_every_call_and_changes_nothing(void **state)
{
    (void)state;
    profile_of(SL_STORAGE_FLOAT32, "lanes");
    profile_of(SL_STORAGE_BFLOAT16, "bf16");
    profile_of(SL_STORAGE_INT8, "int8");
}

/* A step of a recurrent layer is a product and its gates. */
static void a_profile_has_every_step(void **state)
{
    (void)state;
    enum { STEPS = 30, ROOM = 200 };
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    void *bytes;
    size_t n_bytes;
    sl_model *model;
    stack s = new_stack(&arena, 1, STEPS, 2, 0, 5);
    stack_recurrent(&s, SL_LAYER_GRU, 48, false);
    stack_recurrent(&s, SL_LAYER_LSTM, 48, false);
    stack_last_step(&s);
    stack_end(&s);
    assert_ok(sl_model_write_memory(s.parts, &bytes, &n_bytes, &err), &err);
    assert_ok(sl_model_open_memory(bytes, n_bytes, &model, &err), &err);
    sl_model_info info;
    sl_model_describe(model, &info);
    sl_runner *runner;
    assert_ok(sl_runner_new(model, &runner, &err), &err);
    const float *input = random_floats(&arena, &s.rng, 2 * STEPS, 0, 1);
    float plain[5], profiled[5];
    sl_profile_row *rows = SL_ARENA_NEW(&arena, sl_profile_row, ROOM);
    size_t n = 0, products = 0, gates = 0;
    double flop = 0;
    assert_ok(sl_runner_run(runner, 1, input, plain, &err), &err);
    assert_ok(sl_runner_profile(runner, input, profiled, ROOM, rows, &n, &err), &err);
    assert_memory_equal(profiled, plain, sizeof plain);
    assert_in_range(n, 4 * STEPS, ROOM);
    for (size_t i = 0; i < n; i++) {
        products += strcmp(rows[i].kernel, "matvec") == 0;
        gates += strcmp(rows[i].kernel, "gru") == 0 || strcmp(rows[i].kernel, "lstm") == 0;
        flop += rows[i].flop;
    }
    assert_int_equal(products, 2 * STEPS);
    assert_int_equal(gates, 2 * STEPS);
    assert_true(flop > 0.9 * info.flop && flop < 2 * info.flop);
    sl_runner_free(runner);
    sl_model_close(model);
    free(bytes);
    sl_arena_release(&arena);
}

static void a_core_can_do_something(void **state)
{
    (void)state;
    assert_true(sl_runner_peak() > 1e6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_has_every_call_and_changes_nothing),
        cmocka_unit_test(a_profile_has_every_step),
        cmocka_unit_test(a_core_can_do_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
