/* Networks of every kind of layer, against the same in float64. */
#include "unit.h"

#include "model/model_write.h"
#include "naive_forward.h"
#include "random_stack.h"
#include "starling/model.h"

static sl_model *write_and_open(const sl_model_parts *parts, void **bytes)
{
    sl_error err;
    sl_model *model = NULL;
    size_t n_bytes;
    assert_ok(sl_model_write_memory(parts, bytes, &n_bytes, &err), &err);
    assert_ok(sl_model_open_memory(*bytes, n_bytes, &model, &err), &err);
    return model;
}

/* Largest difference of a probability from the naive forward, over several inputs. */
static double worst_difference(stack *s)
{
    enum { N = 3 };
    sl_error err;
    void *bytes;
    sl_model *model = write_and_open(s->parts, &bytes);
    sl_runner *runner;
    assert_ok(sl_runner_new(model, &runner, &err), &err);
    const size_t n_in = sl_contract_input_floats(&s->parts->contract), classes = s->parts->contract.n_classes;
    const float *input = random_floats(s->arena, &s->rng, N * n_in, 0, 1.5);
    float p[N * SL_MAX_CLASSES];
    assert_ok(sl_runner_run(runner, N, input, p, &err), &err);
    double worst = 0;
    for (size_t i = 0; i < N; i++) {
        const double *exact = naive_run(s->arena, s->parts, input + i * n_in);
        for (size_t c = 0; c < classes; c++) worst = fmax(worst, fabs(exact[c] - (double)p[i * classes + c]));
    }
    sl_runner_free(runner);
    sl_model_close(model);
    free(bytes);
    return worst;
}

#define ASSERT_NEAR(stack) \
    do { \
        const double worst = worst_difference(&(stack)); \
        if (worst > 3e-6) print_error("%g\n", worst); \
        assert_true(worst <= 3e-6); \
    } while (0)

/* Before a convolution over one step or more, before a dense layer, and in the head. */
static void features_join_the_signal_anywhere(void **state)
{
    (void)state;
    static const uint32_t sizes[][4] = {{100, 2, 7, 32}, {17, 6, 40, 5}, {2, 1, 1, 1}, {33, 3, 2, 48}};
    for (size_t i = 0; i < 4 * 6; i++) {
        const uint32_t *size = sizes[i / 6], place = i % 6;
        sl_arena arena;
        sl_arena_init(&arena, 1 << 26);
        stack s = new_stack(&arena, i, size[0], size[1], size[2], 5);
        if (place < 4) stack_features(&s);
        if (place == 1) stack_features(&s);
        if (place < 3) {
            stack_conv(&s, size[3], place < 2 ? 1 : 3);
            stack_positions(&s);
        }
        if (place == 3) stack_dense(&s, size[3], SL_ACTIVATION_RELU);
        stack_mean(&s);
        if (place >= 2) stack_features(&s);
        if (place == 5) stack_dense(&s, size[3], SL_ACTIVATION_RELU);
        stack_end(&s);
        ASSERT_NEAR(s);
        sl_arena_release(&arena);
    }
}

static void features_that_are_not_there_are_refused(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    stack s = new_stack(&arena, 1, 10, 2, 0, 5);
    stack_features(&s);
    stack_mean(&s);
    stack_end(&s);
    sl_error err;
    void *bytes;
    size_t n_bytes;
    assert_int_equal(sl_model_write_memory(s.parts, &bytes, &n_bytes, &err), SL_ERR_FORMAT);
    sl_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_join_the_signal_anywhere),
        cmocka_unit_test(features_that_are_not_there_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
