/* Whole units and heads: where networks have them, what they are worth, and networks without them. */
#include "folder.h"
#include "random_stack.h"
#include "train_data.h"

#include "compress/units.h"
#include "model/model_write.h"
#include "model/open_model.h"
#include "starling/compress.h"
#include "train/nets.h"

static sl_model *open_parts(const sl_model_parts *parts, void **bytes)
{
    sl_model *model;
    sl_error err;
    size_t n;
    assert_ok(sl_model_write_memory(parts, bytes, &n, &err), &err);
    assert_ok(sl_model_open_memory(*bytes, n, &model, &err), &err);
    return model;
}

/* ---- networks whose units number 0, 3, 6 ... and heads number 0, 3 ... give nothing to the next layer ---- */

static const random_size transformer = {.steps = 20, .channels = 2, .width = 10, .kernel = 1, .heads = 5, .key_dim = 3,
                                        .hidden = 21, .blocks = 2, .classes = 3};

static void silence(sl_model_parts *parts)
{
    sl_units *units;
    size_t n;
    sl_error err;
    assert_ok(sl_units_find(parts, &units, &n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        for (size_t p = 0; p < units[i].n_places; p++) {
            if (units[i].place[p].role != SL_UNITS_TAKEN) continue;
            sl_tensor *t = &parts->tensors[units[i].place[p].tensor];
            float *w = (float *)(uintptr_t)t->data;
            for (size_t k = 0; k < t->n_bytes / sizeof *w; k++) {
                const size_t unit = sl_units_at(&units[i], &units[i].place[p], t, k);
                if (unit < units[i].n && unit % 3 == 0) w[k] = 0;
            }
        }
    }
    free(units);
}

/* A convolution, dense layers over steps and behind them, features between. */
static sl_model_parts *make_layers(sl_arena *arena)
{
    stack s = new_stack(arena, 4, 20, 2, 6, 3);
    for (uint32_t i = 0; i < 6; i++) s.parts->contract.features[i] = (sl_feature)(SL_FEATURE_LOG_PEAK + i); /* as make_data has them */
    stack_conv(&s, 9, 3);
    stack_conv(&s, 12, 2);
    stack_dense(&s, 15, SL_ACTIVATION_SILU);
    stack_mean(&s);
    stack_features(&s);
    stack_dense(&s, 24, SL_ACTIVATION_RELU);
    stack_dense(&s, 6, SL_ACTIVATION_NONE);
    stack_end(&s);
    return s.parts;
}

static void run(const sl_model *model, size_t n, const float *input, float *p)
{
    sl_runner *runner;
    sl_error err;
    assert_ok(sl_runner_new(model, &runner, &err), &err);
    assert_ok(sl_runner_run(runner, n, input, p, &err), &err);
    sl_runner_free(runner);
}

static void what_gives_nothing_is_not_missed(void **state)
{
    (void)state;
    enum { N = 40, MOST = 20 * 2 + 6 };
    for (int k = 0; k < 4; k++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 24);
        sl_model_parts *parts = k % 2 == 0 ? random_model(&arena, 3, &transformer) : make_layers(&arena);
        silence(parts);
        void *bytes;
        sl_model *large = open_parts(parts, &bytes);
        sl_dataset *data = NULL;
        sl_error err;
        const data_size size = {.objects = N, .copies = 1, .steps = 20, .features = k % 2 == 0 ? 0 : 6, .classes = 3};
        make_data(in_folder("data"), &size);
        assert_ok(sl_dataset_open(in_folder("data"), &data, &err), &err);

        sl_compress_options o;
        sl_compress_result result = {0};
        sl_train_options train;
        sl_compress_defaults(&o);
        assert_ok(sl_compress_recipe("t2", &train, &err), &err);
        if (k % 2 == 0) o.keep_heads = 3;
        /* Two of three; layers whose last third is no whole number keep one more. */
        o.n_keep_units = k % 2 == 0 ? 1 : 5;
        const float keep[] = {k % 2 == 0 ? 14 : 6, 8, 10, 2.0f / 3, 0};
        memcpy(o.keep_units, keep, sizeof keep);
        sl_model *small;
        void *cut;
        train.folds = 0;
        assert_ok(sl_units_cut(large, k >= 2 ? data : NULL, &o, &train, &small, &cut, &result, &err), &err);
        assert_int_equal(result.units_before, k % 2 == 0 ? 42 : 9 + 12 + 15 + 24 + 6);
        assert_int_equal(result.units_after, k % 2 == 0 ? 28 : 6 + 8 + 10 + 16 + 6);
        assert_int_equal(result.heads_before, k % 2 == 0 ? 10 : 0);
        assert_int_equal(result.heads_after, k % 2 == 0 ? 6 : 0);
        assert_true(small->network.n_parameters < 0.8 * (double)large->network.n_parameters);
        if (k % 2 == 0) {
            assert_int_equal(small->parts.layers[2].heads, 3);
            assert_int_equal(small->parts.layers[2].key_dim, 3);
            assert_int_equal(small->parts.layers[3].hidden, 14);
        } else {
            assert_int_equal(small->parts.layers[0].units, 6);
            assert_int_equal(small->parts.layers[5].units, 16);
        }
        float input[N * MOST], p[N * 3], q[N * 3];
        /* By data a unit that is silent on all of them counts as little: so these are what is answered for. */
        const size_t floats = large->network.input_floats;
        for (size_t i = 0; i < N; i++) {
            float room[MOST];
            memcpy(input + i * floats, sl_dataset_input(data, i, room), floats * sizeof *input);
        }
        run(large, N, input, p);
        run(small, N, input, q);
        for (int i = 0; i < N * 3; i++) assert_true(fabsf(p[i] - q[i]) < 1e-6f);
        sl_model_close(small);
        sl_model_close(large);
        sl_dataset_close(data);
        free(cut);
        free(bytes);
        sl_arena_release(&arena);
    }
}

/* ---- worth ---- */

/* The loss of an object when what the next layer takes of a unit is a little more. */
static double loss_at(sl_train_net *net, const sl_units *u, size_t unit, double gate, const float *input, uint32_t label)
{
    const sl_units_place *place = &u->place[u->n_places - 1];
    const sl_tensor *t = &net->parts.tensors[place->tensor];
    const sl_train_tensor *at = &net->tensors[place->tensor];
    float *w = net->params + at->at, *was = malloc(at->n * sizeof *was), p[3];
    memcpy(was, w, at->n * sizeof *was);
    for (size_t i = 0; i < at->n; i++) {
        if (sl_units_at(u, place, t, i) == unit) w[i] = (float)((double)w[i] * gate);
    }
    void *bytes;
    sl_model *model = open_parts(&net->parts, &bytes);
    run(model, 1, input, p);
    sl_model_close(model);
    free(bytes);
    memcpy(w, was, at->n * sizeof *was);
    free(was);
    return -log((double)p[label]);
}

static void worth_is_what_a_gate_changes(void **state)
{
    (void)state;
    const data_size size = {.objects = 6, .copies = 1, .steps = 20, .features = 6, .classes = 3};
    for (int k = 0; k < 2; k++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 24);
        sl_error err;
        sl_dataset *data;
        data_size mine = size;
        if (k == 0) mine.features = 0;
        make_data(in_folder("data"), &mine);
        assert_ok(sl_dataset_open(in_folder("data"), &data, &err), &err);
        sl_train_net *net;
        assert_ok(sl_train_net_new(k == 0 ? random_model(&arena, 5, &transformer) : make_layers(&arena), 1, NULL, &net, &err), &err);
        sl_units *units;
        size_t n;
        assert_ok(sl_units_find(&net->parts, &units, &n, &err), &err);
        assert_int_equal(n, k == 0 ? 4 : 5);
        double numbers[5][32] = {{0}}, *worth[5];
        for (size_t i = 0; i < n; i++) worth[i] = numbers[i];
        sl_train_options train;
        assert_ok(sl_train_defaults("t2", &train, &err), &err);
        train.folds = 0;
        train.prior = 0;
        assert_ok(sl_units_weigh(net, n, units, data, &train, worth, &err), &err);
        for (size_t i = 0; i < n; i++) {
            for (size_t u = 0; u < units[i].n; u += 4) {
                double sum = 0;
                for (uint32_t row = 0; row < size.objects; row++) {
                    float room[20 * 2 + 6];
                    sl_dataset_row r;
                    const float *input = sl_dataset_input(data, row, room);
                    sl_dataset_get(data, row, &r);
                    const double h = 0.03, slope = (loss_at(net, &units[i], u, 1 + h, input, (uint32_t)r.label) -
                                                    loss_at(net, &units[i], u, 1 - h, input, (uint32_t)r.label)) / (2 * h);
                    sum += slope * slope;
                }
                assert_true(fabs(sum - worth[i][u]) <= 0.02 * sum + 1e-6);
            }
        }
        free(units);
        sl_train_net_free(net);
        sl_dataset_close(data);
        sl_arena_release(&arena);
    }
}

/* ---- networks by name ---- */

static void networks_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *net;
        size_t n, heads;
        uint32_t units[3];
    } nets[] = {{"t2", 2, 1, {16, 128}}, {"mlp", 2, 0, {256, 128}}, {"cnn", 3, 0, {32, 16, 32}}, {"gru", 0, 0, {0}},
                {"lstm", 0, 0, {0}}, {"tcn", 0, 0, {0}}};
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 26);
        sl_net_size size;
        sl_contract contract;
        sl_model_parts parts;
        sl_units *units;
        size_t n;
        sl_error err;
        const random_size shape = {.steps = 100, .channels = 2, .classes = 4};
        random_contract(&contract, &shape);
        assert_ok(sl_net_size_preset(nets[i].net, &size, &err), &err);
        assert_ok(sl_net_build(&size, &contract, 1, &arena, &parts, &err), &err);
        assert_ok(sl_units_find(&parts, &units, &n, &err), &err);
        assert_int_equal(n, nets[i].n);
        size_t heads = 0;
        for (size_t k = 0; k < n; k++) {
            heads += units[k].heads;
            assert_int_equal(units[k].n, nets[i].units[k]);
        }
        assert_int_equal(heads, nets[i].heads);

        void *bytes;
        sl_model *model = open_parts(&parts, &bytes);
        sl_compress_options o;
        sl_compress_result result;
        sl_compress_defaults(&o);
        o.steps = SL_COMPRESS_PRUNE;
        o.n_keep_units = 1;
        o.keep_units[0] = 0.5f;
        const sl_status status = sl_compress(model, NULL, &o, NULL, in_folder("small"), &result, &err);
        assert_int_equal(status, n > 0 ? SL_OK : SL_ERR_UNSUPPORTED);
        o.n_keep_units = 0;
        o.keep_heads = 4;
        const sl_status of_heads = sl_compress(model, NULL, &o, NULL, in_folder("small"), &result, &err);
        assert_int_equal(of_heads, heads > 0 ? SL_OK : SL_ERR_UNSUPPORTED);
        o.keep_heads = 0;
        o.n_keep_units = (uint32_t)(n - heads + 2);
        const sl_status of_many = sl_compress(model, NULL, &o, NULL, in_folder("small"), &result, &err);
        assert_int_equal(of_many, n > heads ? SL_ERR_INVAL : SL_ERR_UNSUPPORTED);
        sl_model_close(model);
        free(units);
        free(bytes);
        sl_arena_release(&arena);
    }
}

/* ---- from end to end ---- */

static void a_narrower_network_learns_on(void **state)
{
    (void)state;
    const data_size size = {.objects = 200, .copies = 2, .steps = 20, .features = 6, .classes = 3, .telling = true};
    sl_dataset *data;
    sl_error err;
    make_data(in_folder("data"), &size);
    assert_ok(sl_dataset_open(in_folder("data"), &data, &err), &err);
    for (int k = 0; k < 2; k++) {
        sl_train_options t;
        sl_train_result trained;
        assert_ok(sl_compress_recipe(k == 0 ? "t2" : "mlp", &t, &err), &err);
        t.net.width = 16;
        t.net.heads = 4;
        t.net.hidden = 24;
        t.net.head[0] = k == 0 ? 0 : 32;
        t.net.head[1] = k == 0 ? 0 : 16;
        t.epochs = 40;
        t.batch = 24;
        t.threads = 2;
        t.rate = 5e-3f;
        t.average = 0.9f;
        t.teach = 0;
        t.novelty = SL_NOVELTY_RELATIVE;
        sl_model *large, *small;
        assert_ok(sl_train(data, &t, in_folder("large"), &trained, &err), &err);
        assert_ok(sl_model_open(in_folder("large"), &large, &err), &err);
        t.novelty = 0;

        sl_compress_options o;
        sl_compress_result result;
        sl_compress_loss loss;
        sl_compress_defaults(&o);
        o.sparsity = 0.3f;
        o.again = 7;
        o.n_keep_units = 1;
        o.keep_units[0] = 0.5f;
        o.keep_heads = k == 0 ? 1 : 0;
        assert_ok(sl_compress(large, data, &o, &t, in_folder("small"), &result, &err), &err);
        assert_int_equal(result.units_after, k == 0 ? 12 : 24);
        assert_true((double)result.n_zeros >= 0.29 * (double)result.n_weights);
        assert_ok(sl_model_open(in_folder("small"), &small, &err), &err);
        assert_int_equal(small->parts.layers[k == 0 ? 2 : 3].hidden, k == 0 ? 12 : 0);
        const sl_scores_options draws = {.resamples = 100, .seed = 1};
        assert_ok(sl_compress_compare(large, small, data, &t, &draws, &loss, &err), &err);
        assert_true(loss.agreement > 0.85 && loss.after < 0.5);

        /* The same on one thread; and what novelty was fitted to is gone. */
        size_t n[2];
        unsigned char *first = slurp(in_folder("small"), &n[0]);
        t.threads = 1;
        assert_ok(sl_compress(large, data, &o, &t, in_folder("small"), &result, &err), &err);
        unsigned char *second = slurp(in_folder("small"), &n[1]);
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(first, second, n[0]);
        o.steps = SL_COMPRESS_PRUNE;
        o.sparsity = 0; /* an input value without a weight would leave the contract */
        assert_ok(sl_compress(large, NULL, &o, NULL, in_folder("small"), &result, &err), &err);
        sl_model *alone;
        assert_ok(sl_model_open(in_folder("small"), &alone, &err), &err);
        assert_non_null(large->network.novelty);
        assert_null(alone->network.novelty);
        assert_true(alone->parts.temperature == large->parts.temperature);

        /* What is left can learn on. */
        t.init = alone;
        t.epochs = 1;
        assert_ok(sl_train(data, &t, in_folder("small"), &trained, &err), &err);
        free(first);
        free(second);
        sl_model_close(alone);
        sl_model_close(small);
        sl_model_close(large);
    }
    sl_dataset_close(data);
}

static void options_have_bounds(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 24);
    void *bytes;
    sl_model *large = open_parts(make_layers(&arena), &bytes);
    static const float bad[] = {-1, NAN, INFINITY, 1.5f, 16385, -0.1f};
    sl_compress_options o;
    sl_compress_result result;
    sl_error err;
    sl_compress_defaults(&o);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        o.n_keep_units = 1;
        o.keep_units[0] = bad[i];
        assert_int_equal(sl_compress(large, NULL, &o, NULL, in_folder("small"), &result, &err), SL_ERR_INVAL);
    }
    o.n_keep_units = SL_MAX_KEEP_UNITS + 1;
    assert_int_equal(sl_compress(large, NULL, &o, NULL, in_folder("small"), &result, &err), SL_ERR_INVAL);

    /* A share so small leaves one; more than there are leaves all; what is not pruned keeps its units. */
    o.n_keep_units = 1;
    o.keep_units[0] = 0.001f;
    assert_ok(sl_compress(large, NULL, &o, NULL, in_folder("small"), &result, &err), &err);
    assert_int_equal(result.units_after, 5);
    o.keep_units[0] = 1000;
    assert_ok(sl_compress(large, NULL, &o, NULL, in_folder("small"), &result, &err), &err);
    assert_int_equal(result.units_after, result.units_before);
    o.steps = SL_COMPRESS_QUANTIZE;
    o.keep_units[0] = 1;
    assert_ok(sl_compress(large, NULL, &o, NULL, in_folder("small"), &result, &err), &err);
    assert_int_equal(result.n_parameters, large->network.n_parameters);

    /* Data of another network. */
    const data_size size = {.objects = 40, .copies = 1, .steps = 20, .features = 5, .classes = 3};
    sl_dataset *data;
    make_data(in_folder("data"), &size);
    assert_ok(sl_dataset_open(in_folder("data"), &data, &err), &err);
    o.steps = SL_COMPRESS_PRUNE;
    assert_int_equal(sl_compress(large, data, &o, NULL, in_folder("small"), &result, &err), SL_ERR_CONTRACT);
    o.student = true;
    assert_int_equal(sl_compress(large, data, &o, NULL, in_folder("small"), &result, &err), SL_ERR_INVAL);
    sl_dataset_close(data);
    sl_model_close(large);
    free(bytes);
    sl_arena_release(&arena);
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"data", "large", "small"};
    return remove_files(sizeof names / sizeof names[0], names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_gives_nothing_is_not_missed),
        cmocka_unit_test(worth_is_what_a_gate_changes),
        cmocka_unit_test(networks_have_units),
        cmocka_unit_test(a_narrower_network_learns_on),
        cmocka_unit_test(options_have_bounds),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
