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

/* Random rows; nights have random lengths, some with a row of zeros inside. */
static float *random_inputs(stack *s, size_t n)
{
    const sl_contract *c = &s->parts->contract;
    const size_t n_in = sl_contract_input_floats(c), channels = sl_contract_input_channels(c);
    const uint32_t steps = sl_contract_input_steps(c);
    float *input = SL_ARENA_NEW(s->arena, float, n * n_in);
    memcpy(input, random_floats(s->arena, &s->rng, n * n_in, 0, 1.5), n * n_in * sizeof *input);
    for (size_t i = 0; i < n && c->sees == SL_SEES_NIGHTS; i++) {
        const size_t length = i == 0 ? 0 : i == 1 ? steps : 1 + sl_rng_below(&s->rng, steps);
        float *row = input + i * n_in;
        memset(row + length * channels, 0, (steps - length) * channels * sizeof *row);
        if (length > 3) memset(row + channels, 0, channels * sizeof *row);
    }
    return input;
}

/*
 * Largest difference of a probability from the naive forward. There are enough
 * inputs for some to go side by side and some alone: each must answer with the
 * same bits as when it comes by itself. Where every step is told, those are
 * compared, too.
 */
static double worst_difference(stack *s, bool every_step)
{
    enum { N = 21 };
    sl_error err;
    void *bytes;
    sl_model *model = write_and_open(s->parts, &bytes);
    sl_model_info info;
    sl_model_describe(model, &info);
    sl_runner *runner;
    assert_ok(sl_runner_new(model, &runner, &err), &err);
    const size_t n_in = info.input_floats, classes = info.n_classes, steps = info.input_steps;
    const float *input = random_inputs(s, N);
    float *p = SL_ARENA_NEW(s->arena, float, N * classes), *all = SL_ARENA_NEW(s->arena, float, N * steps * classes);
    float *one = SL_ARENA_NEW(s->arena, float, steps * classes);
    assert_ok(sl_runner_run(runner, N, input, p, &err), &err);
    assert_int_equal(info.answers_every_step, every_step);
    assert_int_equal(sl_runner_run_steps(runner, N, input, all, &err), every_step ? SL_OK : SL_ERR_UNSUPPORTED);
    double worst = 0;
    for (size_t i = 0; i < N; i++) {
        const float *in = input + i * n_in;
        assert_ok(sl_runner_run(runner, 1, in, one, &err), &err);
        assert_memory_equal(one, p + i * classes, classes * sizeof *one);
        if (i % 5 == 4 && s->parts->n_tensors > 8) continue; /* float64 takes its time */
        const double *exact = naive_run(s->arena, s->parts, in);
        for (size_t c = 0; c < classes; c++) worst = fmax(worst, fabs(exact[c] - (double)p[i * classes + c]));
        if (!every_step) continue;
        const size_t length = naive_steps(s->parts, in);
        const float *answers = all + i * steps * classes;
        assert_ok(sl_runner_run_steps(runner, 1, in, one, &err), &err);
        assert_memory_equal(one, answers, steps * classes * sizeof *one);
        assert_memory_equal(p + i * classes, answers + (length - 1) * classes, classes * sizeof *p);
        for (size_t t = 0; t < steps; t++) {
            if (t % 7 > 0 && t < length) continue;
            exact = t < length ? naive_run_first(s->arena, s->parts, in, (uint32_t)t + 1) : NULL;
            for (size_t c = 0; c < classes; c++) {
                worst = fmax(worst, fabs((exact != NULL ? exact[c] : 0) - (double)answers[t * classes + c]));
            }
        }
    }
    sl_runner_free(runner);
    sl_model_close(model);
    free(bytes);
    return worst;
}

#define ASSERT_NEAR(stack, every_step) \
    do { \
        const double worst = worst_difference(&(stack), every_step); \
        if (worst > 3e-6) print_error("%g\n", worst); \
        assert_true(worst <= 3e-6); \
    } while (0)

static sl_status try_parts(const sl_model_parts *parts)
{
    sl_error err;
    void *bytes = NULL;
    size_t n_bytes;
    const sl_status status = sl_model_write_memory(parts, &bytes, &n_bytes, &err);
    if (status == SL_OK) free(bytes);
    return status;
}

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
        if (place == 5) stack_dense(&s, size[3], SL_ACTIVATION_SILU);
        if (place == 5 && size[3] > 4) stack_norm(&s, (sl_activation)(i % SL_N_ACTIVATIONS));
        stack_end(&s);
        ASSERT_NEAR(s, false);
        sl_arena_release(&arena);
    }
}

/* Dense layers on features, and on the means of a grid where there is one: inputs go side by side. */
static void networks_of_one_step_equal_a_naive_forward(void **state)
{
    (void)state;
    for (size_t i = 0; i < 12; i++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 26);
        stack s = new_stack(&arena, i, 21, 2, (uint32_t)(1 + 5 * i), 5);
        if (i % 4 == 3) {
            stack_mean(&s);
            stack_features(&s);
        } else {
            stack_features_alone(&s);
        }
        s.storage = i % 4 == 1 ? SL_STORAGE_BFLOAT16 : i % 4 == 2 ? SL_STORAGE_INT8 : SL_STORAGE_FLOAT32;
        stack_dense(&s, (uint32_t)(40 - i), SL_ACTIVATION_NONE);
        s.storage = SL_STORAGE_FLOAT32;
        stack_norm(&s, SL_ACTIVATION_SILU);
        stack_dense(&s, 17, SL_ACTIVATION_SILU);
        stack_end(&s);
        /* those products round the signal, too */
        assert_true(worst_difference(&s, false) <= (i % 4 == 1 || i % 4 == 2 ? 3e-2 : 3e-6));
        sl_arena_release(&arena);
    }
}

static void features_alone_are_taken_by_features_first(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 26);
        stack s = new_stack(&arena, 1, 20, 2, 3, 5);
        stack_features_alone(&s);
        if (i == 1) {
            s.parts->n_layers = 0;
            s.channels = 0;
        }
        stack_dense(&s, 7, SL_ACTIVATION_NONE);
        stack_end(&s);
        assert_int_equal(try_parts(s.parts), i == 0 ? SL_OK : SL_ERR_FORMAT);
        sl_arena_release(&arena);
    }
}

/* Of many sizes; one layer or two, both ways or forwards only; a mean or the last step; the grid or nights. */
static void recurrent_networks_equal_a_naive_forward(void **state)
{
    (void)state;
    static const uint32_t sizes[][5] = {/* steps, bands, features, units, classes */
                                        {100, 2, 0, 100, 14}, {17, 3, 5, 7, 5}, {1, 1, 1, 1, 2}, {33, 6, 0, 16, 3},
                                        {9, 2, 3, 33, 20}, {40, 1, 0, 48, 4}};
    for (size_t i = 0; i < 6 * 16; i++) {
        const uint32_t *size = sizes[i / 16];
        const sl_layer_kind kind = i % 2 ? SL_LAYER_LSTM : SL_LAYER_GRU;
        const bool both = i / 2 % 2, last = i / 4 % 2, nights = i / 8 % 2;
        sl_arena arena;
        sl_arena_init(&arena, (size_t)1 << 29);
        stack s = new_stack(&arena, i, size[0] < 2 ? 2 : size[0], size[1], size[2], size[4]);
        if (nights) stack_nights(&s, size[0]);
        if (size[2] > 3) stack_features(&s);
        stack_recurrent(&s, kind, size[3], both);
        if (i % 3 == 0) stack_dense(&s, 5, SL_ACTIVATION_RELU);
        if (i % 3 > 0) stack_recurrent(&s, kind, size[3] / 2 + 1, both);
        if (last) {
            stack_last_step(&s);
        } else {
            stack_mean(&s);
        }
        if (size[2] > 0) stack_features(&s);
        stack_end(&s);
        ASSERT_NEAR(s, last && !both);
        sl_arena_release(&arena);
    }
}

static void causal_convolutions_equal_a_naive_forward(void **state)
{
    (void)state;
    static const uint32_t sizes[][5] = {/* steps, bands, units, kernel, classes */
                                        {50, 2, 20, 2, 14}, {17, 3, 3, 3, 5}, {2, 1, 1, 1, 2}, {16, 4, 8, 5, 3},
                                        {33, 2, 17, 2, 6}};
    for (size_t i = 0; i < 5 * 4; i++) {
        const uint32_t *size = sizes[i / 4];
        sl_arena arena;
        sl_arena_init(&arena, (size_t)1 << 28);
        stack s = new_stack(&arena, i, size[0], size[1], i % 2 ? 3 : 0, size[4]);
        if (i / 2 % 2) stack_nights(&s, size[0]);
        for (uint32_t block = 0; block < 4; block++) stack_tcn(&s, size[2], size[3], 1u << block);
        stack_last_step(&s);
        if (i % 2) stack_features(&s);
        stack_end(&s);
        ASSERT_NEAR(s, true);
        sl_arena_release(&arena);
    }
}

static void pooled_networks_equal_a_naive_forward(void **state)
{
    (void)state;
    static const uint32_t sizes[][6] = {/* steps, bands, units, pooled steps and channels, classes */
                                        {100, 6, 32, 2, 2, 14}, {17, 3, 5, 3, 2, 5}, {33, 2, 9, 1, 3, 4}, {16, 1, 4, 4, 1, 2},
                                        {40, 2, 7, 40, 7, 3}};
    for (size_t i = 0; i < 5; i++) {
        const uint32_t *size = sizes[i];
        sl_arena arena;
        sl_arena_init(&arena, (size_t)1 << 28);
        stack s = new_stack(&arena, i, size[0], size[1], 3, size[5]);
        stack_conv(&s, size[2], 3);
        stack_max_pool(&s, size[3], size[4]);
        stack_conv(&s, size[2], 2);
        stack_flatten(&s);
        stack_features(&s);
        stack_dense(&s, 12, SL_ACTIVATION_RELU);
        stack_end(&s);
        ASSERT_NEAR(s, false);
        sl_arena_release(&arena);
    }
}

/* t2's layers on nights: no step behind the last may have a say. */
static void attention_and_convolutions_of_nights_equal_a_naive_forward(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        sl_arena arena;
        sl_arena_init(&arena, (size_t)1 << 28);
        stack s = new_stack(&arena, i, 10, 2, 0, 5);
        stack_nights(&s, 37);
        const random_size size = {.width = 12, .heads = 3, .key_dim = 4, .hidden = 20};
        stack_conv(&s, size.width, i % 2 ? 5 : 1);
        stack_positions(&s);
        random_encoder(s.parts, &arena, &s.rng, &size);
        if (i / 2) {
            stack_last_step(&s);
        } else {
            stack_mean(&s);
        }
        stack_end(&s);
        ASSERT_NEAR(s, false);
        sl_arena_release(&arena);
    }
}

/* Weights of every kind are used as floats: near what they say to rounding. */
static void weights_of_any_storage_are_widened(void **state)
{
    (void)state;
    static const sl_storage storages[] = {SL_STORAGE_BFLOAT16, SL_STORAGE_INT8};
    for (size_t i = 0; i < 2; i++) {
        sl_arena arena;
        sl_arena_init(&arena, (size_t)1 << 28);
        stack s = new_stack(&arena, i, 30, 3, 0, 5);
        s.storage = storages[i];
        stack_recurrent(&s, SL_LAYER_GRU, 9, false);
        s.storage = SL_STORAGE_FLOAT32;
        stack_last_step(&s);
        stack_end(&s);
        ASSERT_NEAR(s, true);
        sl_arena_release(&arena);
    }
}

static void what_is_out_of_bounds_is_refused(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    stack s = new_stack(&arena, 1, 20, 2, 0, 5);
    stack_tcn(&s, 6, 2, 2);
    stack_recurrent(&s, SL_LAYER_LSTM, 4, true);
    stack_recurrent(&s, SL_LAYER_GRU, 4, false);
    stack_max_pool(&s, 2, 2);
    stack_flatten(&s);
    stack_end(&s);
    sl_layer *layers = s.parts->layers;
    assert_int_equal(try_parts(s.parts), SL_OK);
#define REFUSED(field, value)                                    \
    do {                                                         \
        const __typeof__(field) saved = field;                   \
        field = value;                                           \
        assert_int_equal(try_parts(s.parts), SL_ERR_FORMAT);     \
        field = saved;                                           \
    } while (0)
    REFUSED(layers[0].units, 0);
    REFUSED(layers[0].units, SL_MAX_WIDTH + 1);
    REFUSED(layers[0].units, 2); /* without a skip */
    REFUSED(layers[0].kernel, 0);
    REFUSED(layers[0].kernel, SL_MAX_KERNEL + 1);
    REFUSED(layers[0].dilation, 0);
    REFUSED(layers[0].dilation, SL_MAX_STEPS + 1);
    REFUSED(layers[0].n_tensors, 4);
    REFUSED(layers[1].units, 0);
    REFUSED(layers[1].units, UINT32_MAX);
    REFUSED(layers[1].units, 5);
    REFUSED(layers[1].bidirectional, false);
    REFUSED(layers[2].bidirectional, true);
    REFUSED(layers[2].kind, SL_LAYER_LSTM);
    REFUSED(layers[3].pool_steps, 0);
    REFUSED(layers[3].pool_steps, 21);
    REFUSED(layers[3].pool_channels, 0);
    REFUSED(layers[3].pool_channels, 5);
    REFUSED(layers[4].kind, SL_LAYER_LAST_STEP); /* fewer channels for the dense layer */
    sl_contract *c = &s.parts->contract;
    const sl_contract saved = *c;
    c->gp.grid_length = SL_MAX_GRID_LENGTH; /* too long for flatten: 2048 x 2 is what the dense layer has no columns for */
    assert_int_equal(try_parts(s.parts), SL_ERR_FORMAT);
    *c = saved;
    sl_arena_release(&arena);
}

/* How many nights there are is not known before, so that nothing may depend on it. */
static void pooling_of_nights_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 26);
        stack s = new_stack(&arena, 1, 20, 2, 0, 5);
        stack_nights(&s, 12);
        if (i == 0) {
            stack_max_pool(&s, 2, 1);
            stack_mean(&s);
        } else {
            stack_flatten(&s);
        }
        stack_end(&s);
        assert_int_equal(try_parts(s.parts), SL_ERR_FORMAT);
        sl_arena_release(&arena);
    }
}

/* Each bit of a file with layers of every kind, turned over: refused, or run without harm. */
static void every_flipped_bit_is_survived(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    stack s = new_stack(&arena, 1, 7, 1, 2, 2);
    stack_features(&s);
    stack_tcn(&s, 2, 2, 2);
    stack_recurrent(&s, SL_LAYER_GRU, 2, false);
    stack_max_pool(&s, 2, 1);
    stack_recurrent(&s, SL_LAYER_LSTM, 1, true);
    stack_flatten(&s);
    stack_end(&s);
    sl_error err;
    void *bytes;
    size_t n_bytes, refused = 0, ran = 0;
    assert_ok(sl_model_write_memory(s.parts, &bytes, &n_bytes, &err), &err);
    for (size_t bit = 0; bit < 8 * n_bytes; bit++) {
        unsigned char *b = (unsigned char *)bytes + bit / 8;
        *b ^= (unsigned char)(1u << bit % 8);
        sl_model *model = NULL;
        if (sl_model_open_memory(bytes, n_bytes, &model, &err) < 0) {
            refused++;
        } else {
            sl_model_info info;
            sl_model_describe(model, &info);
            sl_runner *runner = NULL;
            float *input = calloc((size_t)9 * info.input_floats, sizeof *input), p[9 * SL_MAX_CLASSES];
            if (info.flop < 1e6 && sl_runner_new(model, &runner, &err) == SL_OK) {
                const sl_status status = sl_runner_run(runner, 9, input, p, &err);
                assert_true(status == SL_OK || status == SL_ERR_NUMERIC);
                ran++;
            }
            sl_runner_free(runner);
            sl_model_close(model);
            free(input);
        }
        *b ^= (unsigned char)(1u << bit % 8);
    }
    assert_in_range(refused, n_bytes / 4, 8 * n_bytes);
    assert_in_range(ran, n_bytes / 4, 8 * n_bytes);
    free(bytes);
    sl_arena_release(&arena);
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
        cmocka_unit_test(networks_of_one_step_equal_a_naive_forward),
        cmocka_unit_test(features_alone_are_taken_by_features_first),
        cmocka_unit_test(recurrent_networks_equal_a_naive_forward),
        cmocka_unit_test(causal_convolutions_equal_a_naive_forward),
        cmocka_unit_test(pooled_networks_equal_a_naive_forward),
        cmocka_unit_test(attention_and_convolutions_of_nights_equal_a_naive_forward),
        cmocka_unit_test(weights_of_any_storage_are_widened),
        cmocka_unit_test(what_is_out_of_bounds_is_refused),
        cmocka_unit_test(pooling_of_nights_is_refused),
        cmocka_unit_test(every_flipped_bit_is_survived),
        cmocka_unit_test(features_that_are_not_there_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
