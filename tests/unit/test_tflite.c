/* Importing TFLite: made-up files of many sizes, and broken ones. */
#include "unit.h"

#include "base/error.h"
#include "model/import.h"
#include "model/model_write.h"
#include "random_model.h"
#include "starling/model.h"
#include "tflite_maker.h"

static void run_memory(const void *bytes, size_t n_bytes, const float *input, float *p)
{
    sl_error err;
    sl_model *model;
    sl_runner *runner;
    assert_ok(sl_model_open_memory(bytes, n_bytes, &model, &err), &err);
    assert_ok(sl_runner_new(model, &runner, &err), &err);
    assert_ok(sl_runner_run(runner, 1, input, p, &err), &err);
    sl_runner_free(runner);
    sl_model_close(model);
}

/* Written as a TFLite file and imported, a network must give the same bits as written directly. */
static void check_round_trip(const random_size *size, bool reverse)
{
    sl_arena arena;
    sl_arena_init(&arena, 1 << 28);
    sl_error err;
    sl_model_parts *parts = random_model(&arena, 11, size);
    maker *m = maker_tflite(parts, reverse);
    void *direct, *imported;
    size_t n_direct, n_imported;
    assert_ok(sl_model_write_memory(parts, &direct, &n_direct, &err), &err);
    assert_ok(sl_model_import_tflite_memory(m->bytes, m->n, &parts->contract, &imported, &n_imported, &err), &err);
    sl_rng rng;
    sl_rng_init(&rng, 5, 0);
    const size_t n = sl_contract_input_floats(&parts->contract);
    const float *input = random_floats(&arena, &rng, n, 0, 2);
    float p[SL_MAX_CLASSES], q[SL_MAX_CLASSES];
    run_memory(direct, n_direct, input, p);
    run_memory(imported, n_imported, input, q);
    assert_memory_equal(p, q, size->classes * sizeof p[0]);
    free(direct);
    free(imported);
    maker_free(m);
    sl_arena_release(&arena);
}

static void networks_of_many_sizes_come_through(void **state)
{
    (void)state;
    static const random_size sizes[] = {
        {100, 2, 32, 1, 16, 2, 128, 1, 14, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, true},
        {100, 2, 32, 1, 16, 2, 128, 1, 14, 0, SL_EXTRAS_NONE, SL_STORAGE_INT8, true},
        {20, 6, 24, 3, 4, 5, 40, 3, 7, 2, SL_EXTRAS_AS_CHANNELS, SL_STORAGE_FLOAT32, true},
        {12, 3, 8, 4, 8, 1, 9, 2, 3, 2, SL_EXTRAS_AS_STEPS, SL_STORAGE_INT8, true},
        {9, 1, 6, 1, 1, 6, 5, 0, 2, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, true},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_round_trip(&sizes[i], false);
        check_round_trip(&sizes[i], true);
    }
}

static const random_size tiny = {3, 1, 2, 1, 1, 2, 3, 1, 2, 0, SL_EXTRAS_NONE, SL_STORAGE_INT8, true};

static sl_status import_status(const void *bytes, size_t n_bytes, const sl_contract *contract, sl_error *err)
{
    void *out;
    size_t n_out;
    const sl_status status = sl_model_import_tflite_memory(bytes, n_bytes, contract, &out, &n_out, err);
    if (status == SL_OK) free(out);
    return status;
}

static void what_is_not_recognised_is_named(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    sl_model_parts *parts = random_model(&arena, 11, &tiny);
    maker *m = maker_tflite(parts, false);
    assert_ok(import_status(m->bytes, m->n, &parts->contract, &err), &err);
    maker_free(m);

    static const struct {
        int code, instead;
        const char *message;
    } changes[] = {
        {SL_TFLITE_CONV_2D, 4, "DEPTHWISE_CONV_2D"},
        {SL_TFLITE_RSQRT, 75, "ADD"},
        {SL_TFLITE_BATCH_MATMUL, 9, "ADD"},
        {SL_TFLITE_MEAN, 74, "operator 74"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        m = maker_tflite(parts, false);
        for (int o = 0; o < m->n_operators; o++) {
            if (m->operators[o].code == changes[i].code) m->operators[o].code = changes[i].instead;
        }
        memset(m->bytes, 0, m->n);
        m->n = 0;
        maker_write(m);
        assert_int_equal(import_status(m->bytes, m->n, &parts->contract, &err), SL_ERR_UNSUPPORTED);
        if (strstr(err.message, changes[i].message) == NULL) print_error("%s\n", err.message);
        assert_non_null(strstr(err.message, changes[i].message));
        maker_free(m);
    }
    sl_arena_release(&arena);
}

static void a_contract_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    sl_model_parts *parts = random_model(&arena, 11, &tiny);
    maker *m = maker_tflite(parts, false);
    sl_contract contract = parts->contract;
    contract.gp.grid_length = 4;
    assert_int_equal(import_status(m->bytes, m->n, &contract, &err), SL_ERR_CONTRACT);
    contract = parts->contract;
    contract.n_classes = 3;
    contract.classes[2] = contract.classes[1];
    assert_true(import_status(m->bytes, m->n, &contract, &err) < 0);
    maker_free(m);
    sl_arena_release(&arena);
}

static void every_cut_and_every_flipped_bit_is_survived(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    sl_model_parts *parts = random_model(&arena, 11, &tiny);
    maker *m = maker_tflite(parts, false);
    for (size_t cut = 0; cut < m->n; cut++) {
        unsigned char *copy = malloc(cut + (cut == 0));
        memcpy(copy, m->bytes, cut);
        const sl_status status = import_status(copy, cut, &parts->contract, &err);
        assert_true(status < 0 || m->n - cut < 64); /* the last buffers are empty ones that nobody names */
        free(copy);
    }
    unsigned char *copy = malloc(m->n);
    memcpy(copy, m->bytes, m->n);
    for (size_t bit = 0; bit < 8 * m->n; bit++) {
        copy[bit / 8] ^= (unsigned char)(1u << bit % 8);
        import_status(copy, m->n, &parts->contract, &err);
        copy[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    assert_ok(import_status(copy, m->n, &parts->contract, &err), &err);
    free(copy);
    maker_free(m);
    sl_arena_release(&arena);
}

/* A reshape of its own output, and two of each other's. */
static void a_graph_that_runs_in_circles_is_refused(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    sl_model_parts *parts = random_model(&arena, 11, &tiny);
    for (int kind = 0; kind < 2; kind++) {
        maker *m = calloc(1, sizeof *m);
        m->bytes = calloc(1, MAKER_BYTES);
        m->input = maker_value(m, 3, 1, 3, 1, 0);
        const int a = maker_value(m, 3, 1, 3, 1, 0), b = maker_value(m, 3, 1, 3, 1, 0);
        maker_apply(m, SL_TFLITE_RESHAPE, kind == 0 ? a : b, -2, -2, a);
        maker_apply(m, SL_TFLITE_RESHAPE, a, -2, -2, b);
        m->output = a;
        maker_write(m);
        assert_int_equal(import_status(m->bytes, m->n, &parts->contract, &err), SL_ERR_UNSUPPORTED);
        maker_free(m);
    }
    sl_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_of_many_sizes_come_through),
        cmocka_unit_test(what_is_not_recognised_is_named),
        cmocka_unit_test(a_contract_that_does_not_fit_is_refused),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_survived),
        cmocka_unit_test(a_graph_that_runs_in_circles_is_refused),
    };
    return cmocka_run_group_tests_name("tflite", tests, NULL, NULL);
}
