/* Forward and backward: against differences of float64, and against the runner. */
#include "unit.h"

#include <math.h>

#include "model/model_write.h"
#include "random_stack.h"
#include "starling/model.h"
#include "train_reference.h"

enum { MOST_OBJECTS = 7 };

typedef struct task {
    sl_arena arena;
    const sl_model_parts *parts;
    sl_train_net *net;
    sl_walk *walk;
    sl_lesson lessons[MOST_OBJECTS];
} task;

/* Where an input has nights, it has that many; more than there is room for are all. */
static void end_nights(const sl_contract *c, size_t length, float *input)
{
    const size_t steps = sl_contract_input_steps(c), channels = sl_contract_input_channels(c);
    if (c->sees != SL_SEES_NIGHTS || length >= steps) return;
    memset(input + length * channels, 0, (steps - length) * channels * sizeof *input);
}

/* Inputs, labels, weights and teachers at random. */
static void fill_lessons(task *t, uint64_t seed, bool soft)
{
    sl_rng rng;
    sl_rng_init(&rng, seed, 2);
    const size_t n_in = sl_contract_input_floats(&t->parts->contract), classes = t->parts->contract.n_classes;
    for (size_t i = 0; i < MOST_OBJECTS; i++) {
        float *p = SL_ARENA_NEW(&t->arena, float, classes), sum = 0;
        for (size_t c = 0; c < classes; c++) sum += p[c] = (float)exp(sl_rng_normal(&rng));
        for (size_t c = 0; c < classes; c++) p[c] /= sum;
        float *input = SL_ARENA_NEW(&t->arena, float, n_in);
        memcpy(input, random_floats(&t->arena, &rng, n_in, 0, 1), n_in * sizeof *input);
        end_nights(&t->parts->contract, 1 + i * 3, input);
        t->lessons[i] = (sl_lesson){.input = input, .soft = soft ? p : NULL,
                                    .label = (uint8_t)sl_rng_below(&rng, classes),
                                    .weight = (float)(0.2 + sl_rng_uniform(&rng)), .draw = sl_rng_u64(&rng)};
    }
}

static void begin_task(task *t)
{
    *t = (task){0};
    sl_arena_init(&t->arena, 1 << 28);
}

/* With t->parts at hand. */
static void open_task(task *t, uint64_t seed, size_t batch, const sl_train_drops *drops, bool soft)
{
    sl_error err;
    assert_ok(sl_train_net_new(t->parts, batch, drops, &t->net, &err), &err);
    assert_ok(sl_walk_new(t->net, &t->walk, &err), &err);
    fill_lessons(t, seed, soft);
}

static void close_task(task *t)
{
    sl_walk_free(t->walk);
    sl_train_net_free(t->net);
    sl_arena_release(&t->arena);
}

static double ref_total(const task *t, const double *params, size_t n, const sl_loss *loss)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += ref_loss(t->net, params, &t->lessons[i], loss);
    return sum;
}

/* Central differences of one tensor's weights; relative to the tensor's whole gradient. */
static void check_tensor(const task *t, size_t tensor, double *params, size_t n, const sl_loss *loss, const float *grad)
{
    const double step = 1e-5;
    const sl_train_tensor *at = &t->net->tensors[tensor];
    double off = 0, size = 0;
    for (size_t i = at->at; i < at->at + at->n; i++) {
        const double before = params[i];
        params[i] = before + step;
        const double above = ref_total(t, params, n, loss);
        params[i] = before - step;
        const double difference = (above - ref_total(t, params, n, loss)) / (2 * step);
        params[i] = before;
        off += pow(grad[i] - difference, 2);
        size += pow(difference, 2);
    }
    /* A key's bias moves all scores of a query alike: its gradient is 0, and what is left is rounding. */
    if (size < 1e-12) {
        assert_true(off < 1e-9);
        return;
    }
    if (sqrt(off / size) >= 1e-4) print_error("tensor %zu: off by %g of %g\n", tensor, sqrt(off), sqrt(size));
    assert_true(sqrt(off / size) < 1e-4);
}

/* Three objects at a time; ends the task. */
static void check_gradients(task *begun, uint64_t seed, const sl_train_drops *drops, size_t n, bool soft)
{
    task t = *begun;
    open_task(&t, seed, 3, drops, soft);
    static const float shift[32] = {-1, 0.5f, -2, 0.1f};
    const sl_loss loss = {.smoothing = 0.1f, .soft_share = 0.3f, .temperature = 2, .shift = seed % 2 == 1 ? shift : NULL};
    float *grad = SL_ARENA_NEW(&t.arena, float, t.net->n_params);
    double *params = SL_ARENA_NEW(&t.arena, double, t.net->n_params), sum = 0;
    memset(grad, 0, t.net->n_params * sizeof *grad);
    for (size_t i = 0; i < t.net->n_params; i++) params[i] = t.net->params[i];
    for (size_t i = 0; i < n; i += 3) {
        sum += sl_walk_learn(t.walk, t.lessons + i, n - i < 3 ? n - i : 3, &loss, grad);
    }
    const double want = ref_total(&t, params, n, &loss);
    assert_true(fabs(sum - want) < 1e-5 * fabs(want));
    for (size_t i = 0; i < t.net->parts.n_tensors; i++) {
        if (!t.net->tensors[i].frozen) check_tensor(&t, i, params, n, &loss, grad);
    }
    close_task(&t);
}

static void gradients_are_those_of_the_loss(void **state)
{
    (void)state;
    static const random_size sizes[] = {
        {9, 2, 8, 1, 2, 2, 12, 1, 4, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false},
        {17, 3, 6, 3, 3, 1, 7, 1, 3, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false},
        {5, 1, 5, 4, 1, 3, 18, 2, 5, 1, SL_EXTRAS_AS_CHANNELS, SL_STORAGE_FLOAT32, false},
        {11, 2, 16, 2, 2, 4, 16, 1, 3, 2, SL_EXTRAS_AS_STEPS, SL_STORAGE_FLOAT32, true},
        {19, 2, 7, 1, 1, 7, 9, 1, 4, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false},
        {3, 4, 18, 5, 2, 9, 33, 1, 17, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        task t;
        begin_task(&t);
        t.parts = random_model(&t.arena, i, &sizes[i]);
        check_gradients(&t, i, NULL, 4, i % 2 == 1);
    }
}

static void gradients_see_what_was_dropped(void **state)
{
    (void)state;
    static const random_size size = {9, 2, 8, 3, 2, 2, 12, 2, 4, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false};
    static const sl_train_drops drops = {.encoder = 0.3f, .head = 0.4f};
    for (uint64_t seed = 0; seed < 3; seed++) {
        task t;
        begin_task(&t);
        t.parts = random_model(&t.arena, seed, &size);
        check_gradients(&t, seed, &drops, 5, false);
    }
}

/* Features before, between and behind: joined to a bias, or as rows. */
static void features_have_gradients(void **state)
{
    (void)state;
    static const sl_train_drops drops = {.head = 0.3f};
    for (uint64_t k = 0; k < 5; k++) {
        task t;
        begin_task(&t);
        stack s = new_stack(&t.arena, k, 11 + (uint32_t)k, 2, k == 0 ? 1 : 19, 4);
        if (k == 4) stack_norm(&s, SL_ACTIVATION_NONE);
        if (k != 1) stack_features(&s);
        stack_conv(&s, 7, k == 2 ? 3 : 1);
        stack_positions(&s);
        if (k == 3) stack_features(&s);
        stack_dense(&s, 6, k == 2 ? SL_ACTIVATION_RELU : SL_ACTIVATION_SILU);
        stack_mean(&s);
        if (k < 3) stack_features(&s);
        stack_dense(&s, 9, k == 0 ? SL_ACTIVATION_RELU : SL_ACTIVATION_SILU);
        stack_norm(&s, (sl_activation)(k % SL_N_ACTIVATIONS));
        stack_end(&s);
        t.parts = s.parts;
        check_gradients(&t, k, &drops, 5, false);
    }
}

/* Recurrent layers one behind the other, either way or both; of the grid, and of nights that end at different steps. */
static void recurrent_layers_have_gradients(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 16; k++) {
        const sl_layer_kind kind = k % 2 ? SL_LAYER_LSTM : SL_LAYER_GRU;
        const sl_train_drops drops = {.encoder = k % 3 == 0 ? 0.3f : 0, .head = k % 5 == 0 ? 0.2f : 0};
        const bool both = k / 2 % 2, last = k / 8 % 2;
        task t;
        begin_task(&t);
        stack s = new_stack(&t.arena, k, k == 15 ? 17 : 7, 2, k % 3 ? 0 : 3, 4);
        if (k / 4 % 2) stack_nights(&s, 9);
        if (k % 3 == 0) stack_features(&s);
        stack_recurrent(&s, kind, k == 14 ? 18 : 5, both);
        if (k % 4 == 1) stack_dense(&s, 4, SL_ACTIVATION_RELU);
        if (k % 4 > 0) stack_recurrent(&s, kind, 3, both);
        if (last) {
            stack_last_step(&s);
        } else {
            stack_mean(&s);
        }
        stack_end(&s);
        t.parts = s.parts;
        check_gradients(&t, k, &drops, 5, false);
    }
}

static void causal_convolutions_have_gradients(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 6; k++) {
        const sl_train_drops drops = {.encoder = k % 2 ? 0.3f : 0};
        task t;
        begin_task(&t);
        stack s = new_stack(&t.arena, k, 11, 3, 0, 4);
        if (k / 2 % 2) stack_nights(&s, 9);
        stack_tcn(&s, k < 2 ? 3 : 5, 2, 1);
        stack_tcn(&s, 5, 2 + k % 2, 2);
        stack_tcn(&s, 4, 2, 4);
        stack_last_step(&s);
        stack_end(&s);
        t.parts = s.parts;
        check_gradients(&t, k, &drops, 5, false);
    }
}

static void pooling_has_gradients(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 4; k++) {
        const sl_train_drops drops = {.encoder = 0.3f, .head = 0.2f};
        task t;
        begin_task(&t);
        stack s = new_stack(&t.arena, k, 13, 2, 3, 4);
        stack_conv(&s, 6, 3);
        stack_max_pool(&s, 1 + (uint32_t)k % 3, 2);
        stack_conv(&s, 3, 2);
        if (k > 1) stack_max_pool(&s, 2, 1);
        stack_flatten(&s);
        if (k % 2) stack_features(&s);
        stack_dense(&s, 7, SL_ACTIVATION_RELU);
        stack_end(&s);
        t.parts = s.parts;
        check_gradients(&t, k, &drops, 5, false);
    }
}

/* A network with every kind of layer that can stand beside the others. */
static const sl_model_parts *new_parts(task *t, uint64_t k)
{
    static const uint32_t steps[] = {100, 17, 33, 7};
    const random_size size = {steps[k % 4], 2, 32, k < 4 ? 1 : 5, 16, 2, 128, 1 + k % 2, 14, 0, SL_EXTRAS_NONE,
                              SL_STORAGE_FLOAT32, false};
    if (k < 8) return random_model(&t->arena, k, &size);
    stack s = new_stack(&t->arena, k, steps[k % 4], 3, 2, 5);
    if (k % 2) stack_nights(&s, steps[k % 4]);
    stack_features(&s);
    stack_tcn(&s, 12, 2, 2);
    stack_recurrent(&s, SL_LAYER_GRU, 10, k / 4 % 2);
    stack_recurrent(&s, SL_LAYER_LSTM, 9, k / 4 % 2);
    if (k % 2) {
        stack_last_step(&s);
    } else {
        stack_max_pool(&s, 2, 2);
        stack_flatten(&s);
    }
    stack_end(&s);
    return s.parts;
}

/* The runner and the training walk, one object beside others: the same bits. */
static void the_forward_pass_is_the_runners(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 16; k++) {
        task t;
        begin_task(&t);
        t.parts = new_parts(&t, k);
        open_task(&t, k, 4, NULL, false);
        void *bytes = NULL;
        size_t n_bytes;
        sl_model *model = NULL;
        sl_runner *runner = NULL;
        sl_error err;
        const size_t classes = t.parts->contract.n_classes;
        assert_ok(sl_train_net_write(t.net, t.net->params, &bytes, &n_bytes, &err), &err);
        assert_ok(sl_model_open_memory(bytes, n_bytes, &model, &err), &err);
        assert_ok(sl_runner_new(model, &runner, &err), &err);
        const float *z = sl_walk_forward(t.walk, t.lessons, 3, false);
        const size_t lanes = sl_train_lanes(t.net, 1);
        for (size_t b = 0; b < 3; b++) {
            float p[SL_MAX_CLASSES];
            _Alignas(64) float logits[SL_MAX_CLASSES * SL_LANES] = {0};
            assert_ok(sl_runner_run(runner, 1, t.lessons[b].input, p, &err), &err);
            for (size_t c = 0; c < classes; c++) logits[c * SL_LANES] = z[c * lanes + b];
            t.net->kernels->softmax(classes, SL_LANES, SL_LANES, logits);
            for (size_t c = 0; c < classes; c++) assert_true(logits[c * SL_LANES] == p[c]);
        }
        sl_runner_free(runner);
        sl_model_close(model);
        free(bytes);
        close_task(&t);
    }
}

/* What an object gives does not depend on the others, nor on what was there before. */
static void objects_do_not_see_each_other(void **state)
{
    (void)state;
    static const sl_train_drops drops = {.encoder = 0.1f, .head = 0.2f};
    const sl_loss loss = {.temperature = 1};
    for (uint64_t k = 1; k < 16; k += 3) {
        task t;
        begin_task(&t);
        t.parts = new_parts(&t, k);
        open_task(&t, k, 4, &drops, false);
        float *alone = SL_ARENA_NEW(&t.arena, float, t.net->n_params), *again = SL_ARENA_NEW(&t.arena, float, t.net->n_params);
        memset(alone, 0, t.net->n_params * sizeof *alone);
        memset(again, 0, t.net->n_params * sizeof *again);
        const double before = sl_walk_learn(t.walk, t.lessons, 1, &loss, alone);
        sl_walk_learn(t.walk, t.lessons + 1, 4, &loss, again);
        memset(again, 0, t.net->n_params * sizeof *again);
        const double after = sl_walk_learn(t.walk, t.lessons, 1, &loss, again);
        assert_true(before == after);
        assert_memory_equal(alone, again, t.net->n_params * sizeof *alone);
        close_task(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_the_loss),
        cmocka_unit_test(gradients_see_what_was_dropped),
        cmocka_unit_test(features_have_gradients),
        cmocka_unit_test(recurrent_layers_have_gradients),
        cmocka_unit_test(causal_convolutions_have_gradients),
        cmocka_unit_test(pooling_has_gradients),
        cmocka_unit_test(the_forward_pass_is_the_runners),
        cmocka_unit_test(objects_do_not_see_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
