/* Model files: written, opened, run, and broken in every way. */
#include "unit.h"

#include <unistd.h>

#include "base/error.h"
#include "model/model_write.h"
#include "model/network.h"
#include "naive_forward.h"
#include "model/open_model.h"
#include "random_model.h"
#include "starling/model.h"
#include "try_model.h"

static sl_model *write_and_open(const sl_model_parts *parts, void **bytes)
{
    sl_error err;
    sl_model *model = NULL;
    size_t n_bytes;
    assert_ok(sl_model_write_memory(parts, bytes, &n_bytes, &err), &err);
    assert_ok(sl_model_open_memory(*bytes, n_bytes, &model, &err), &err);
    return model;
}

/* Largest difference of a probability from the naive forward. */
static double worst_difference(const random_size *size, uint64_t seed)
{
    sl_arena arena;
    sl_arena_init(&arena, (size_t)1 << 30);
    sl_error err;
    const sl_model_parts *parts = random_model(&arena, seed, size);
    void *bytes;
    sl_model *model = write_and_open(parts, &bytes);
    sl_runner *runner;
    assert_ok(sl_runner_new(model, &runner, &err), &err);
    sl_rng rng;
    sl_rng_init(&rng, seed, 1);
    const size_t n_in = sl_contract_input_floats(&parts->contract);
    const float *input = random_floats(&arena, &rng, 2 * n_in, 0, 1.5);
    float p[2 * SL_MAX_CLASSES];
    assert_ok(sl_runner_run(runner, 2, input, p, &err), &err);
    double worst = 0;
    for (int i = 0; i < 2; i++) {
        const double *exact = naive_run(&arena, parts, input + i * n_in);
        for (uint32_t c = 0; c < size->classes; c++) worst = fmax(worst, fabs(exact[c] - p[i * size->classes + c]));
    }
    sl_runner_free(runner);
    sl_model_close(model);
    free(bytes);
    sl_arena_release(&arena);
    return worst;
}

static const random_size t2_size = {100, 2, 32, 1, 16, 2, 128, 1, 14, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false};
static const random_size small_size = {3, 1, 2, 1, 1, 2, 3, 1, 2, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false};

static void random_networks_of_many_sizes_equal_a_naive_forward(void **state)
{
    (void)state;
    static const random_size sizes[] = {
        {100, 2, 32, 1, 16, 2, 128, 1, 14, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false},
        {100, 6, 32, 3, 4, 8, 64, 2, 14, 2, SL_EXTRAS_AS_CHANNELS, SL_STORAGE_FLOAT32, false},
        {100, 6, 48, 2, 8, 6, 96, 3, 20, 2, SL_EXTRAS_AS_STEPS, SL_STORAGE_FLOAT32, true},
        {2, 1, 1, 1, 1, 1, 1, 1, 2, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false},
        {3, 1, 5, 7, 5, 1, 7, 1, 3, 1, SL_EXTRAS_AS_CHANNELS, SL_STORAGE_FLOAT32, true},
        {16, 3, 12, 4, 3, 3, 17, 2, 5, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false},
        {17, 8, 20, 5, 2, 7, 33, 1, 64, 2, SL_EXTRAS_AS_STEPS, SL_STORAGE_FLOAT32, false},
        {33, 2, 64, 1, 1, 64, 256, 1, 9, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false},
        {257, 2, 24, 9, 2, 5, 30, 1, 4, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false},
        {48, 4, 10, 64, 10, 1, 3, 0, 6, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const double worst = worst_difference(&sizes[i], i + 1);
        if (worst > 3e-6) print_error("size %zu: %g\n", i, worst);
        assert_true(worst <= 3e-6);
    }
}

/* Each of the three widths of an encoder may be the largest. */
static void an_encoder_may_be_widest_anywhere(void **state)
{
    (void)state;
    static const uint32_t widths[][3] = {{9, 1, 2}, {9, 2, 1}, {1, 9, 2}, {2, 9, 1}, {1, 2, 9}, {2, 1, 9}};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        random_size size = {5, 1, widths[i][0], 1, widths[i][1], 1, widths[i][2], 1, 2, 0, SL_EXTRAS_NONE, SL_STORAGE_INT8, false};
        assert_true(worst_difference(&size, i + 1) < 0.2);
    }
}

/* int8 quantises activations to 256 levels, so it is near, and not at, the forward with the same weights. */
static void int8_networks_are_near_the_forward_of_their_weights(void **state)
{
    (void)state;
    random_size size = t2_size;
    size.weights = SL_STORAGE_INT8;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        const double worst = worst_difference(&size, seed);
        if (worst > 0.02) print_error("seed %d: %g\n", (int)seed, worst);
        assert_true(worst > 1e-7);
        assert_true(worst <= 0.02);
    }
}

/* bfloat16 rounds activations to eight bits; sizes with odd widths, too. */
static void bfloat16_networks_are_near_the_forward_of_their_weights(void **state)
{
    (void)state;
    const random_size sizes[] = {
        t2_size, {37, 3, 13, 3, 3, 5, 21, 2, 5, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, true}};
    for (size_t i = 0; i < 2; i++) {
        random_size size = sizes[i];
        size.weights = SL_STORAGE_BFLOAT16;
        for (uint64_t seed = 1; seed <= 4; seed++) {
            const double worst = worst_difference(&size, seed);
            if (worst > 0.03) print_error("size %d, seed %d: %g\n", (int)i, (int)seed, worst);
            assert_true(worst > 1e-7);
            assert_true(worst <= 0.03);
        }
    }
}

static void a_bfloat16_weight_that_is_not_finite_is_refused(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    random_size size = t2_size;
    size.weights = SL_STORAGE_BFLOAT16;
    for (uint32_t i = 0; i < 4; i++) { /* convolution, bias, queries, bias */
        sl_model_parts *parts = random_model(&arena, 3, &size);
        uint16_t *w = (uint16_t *)(uintptr_t)parts->tensors[i].data;
        w[5] = i % 2 ? 0x7f80 : 0xffc0;
        void *bytes = NULL;
        size_t n_bytes = 0;
        sl_error err;
        assert_int_equal(sl_model_write_memory(parts, &bytes, &n_bytes, &err), SL_ERR_FORMAT);
    }
    sl_arena_release(&arena);
}

static void a_contract_comes_back_as_it_was_written(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    const char *const presets[] = {"reference", "starling", "starling", "starling"};
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
            c->n_features = 2;
            c->features[0] = SL_FEATURE_BAND_MAD;
            c->features[1] = SL_FEATURE_REDSHIFT;
            for (uint32_t k = 0; k < sl_contract_input_features(c); k++) {
                c->feature_center[k] = (float)k - 1;
                c->feature_spread[k] = (float)k + 0.5f;
            }
            if (i == 3) {
                c->feature_bands[0] = 2;
                c->feature_knots = 4;
                memset(c->feature_center, 0, sizeof c->feature_center);
                memset(c->feature_spread, 0, sizeof c->feature_spread);
                for (uint32_t k = 0; k < 4 * sl_contract_input_features(c); k++) c->feature_table[k] = (uint16_t)(0x3000 + k);
            }
            snprintf(c->source, sizeof c->source, "a file, with \"quotes\"");
        }
        snprintf(c->created_by, sizeof c->created_by, "a test");
        memset(c->bands + c->n_bands, 0, (SL_MAX_BANDS - c->n_bands) * sizeof c->bands[0]); /* not written */
        void *bytes;
        sl_model *model = write_and_open(parts, &bytes);
        assert_memory_equal(sl_model_contract(model), c, sizeof *c);
        sl_model_close(model);
        free(bytes);
    }
    sl_arena_release(&arena);
}

static void a_model_describes_itself(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    void *bytes;
    sl_model *model = write_and_open(random_model(&arena, 3, &t2_size), &bytes);
    sl_model_info info;
    sl_model_describe(model, &info);
    assert_int_equal(info.n_parameters, 13262);
    assert_int_equal(info.n_layers, 6);
    assert_int_equal(info.n_classes, 14);
    assert_true(fabs(info.flop - 3.75e6) < 0.02e6);
    assert_int_equal(strlen(sl_model_id(model)), 16);
    size_t parameters = 0;
    for (size_t i = 0; i < info.n_layers; i++) {
        sl_layer_info layer;
        assert_ok(sl_model_layer(model, i, &layer, &err), &err);
        parameters += layer.n_parameters;
    }
    assert_int_equal(parameters, info.n_parameters);
    sl_layer_info layer;
    assert_int_equal(sl_model_layer(model, info.n_layers, &layer, &err), SL_ERR_INVAL);
    sl_model_close(model);
    free(bytes);
    sl_arena_release(&arena);
}

static void every_cut_and_every_flipped_bit_is_survived(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 24);
    sl_error err;
    void *bytes;
    size_t n_bytes;
    assert_ok(sl_model_write_memory(random_model(&arena, 3, &small_size), &bytes, &n_bytes, &err), &err);
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
    assert_in_range(refused, n_bytes / 2, 8 * n_bytes);
    free(bytes);
    sl_arena_release(&arena);
}

static void a_network_that_does_not_chain_is_refused(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    sl_model_parts *parts = random_model(&arena, 3, &t2_size);
    void *bytes;
    size_t n_bytes;
#define REFUSED(field, value, status)                                                    \
    do {                                                                                 \
        const __typeof__(field) saved = field;                                           \
        field = value;                                                                   \
        assert_int_equal(sl_model_write_memory(parts, &bytes, &n_bytes, &err), status);  \
        field = saved;                                                                   \
    } while (0)
    REFUSED(parts->layers[0].units, 31, SL_ERR_FORMAT);
    REFUSED(parts->layers[0].units, UINT32_MAX, SL_ERR_FORMAT);
    REFUSED(parts->layers[0].kernel, 0, SL_ERR_FORMAT);
    REFUSED(parts->layers[0].n_tensors, 3, SL_ERR_FORMAT);
    REFUSED(parts->layers[0].activation, 9, SL_ERR_FORMAT);
    REFUSED(parts->layers[0].kind, 99, SL_ERR_UNSUPPORTED);
    REFUSED(parts->layers[2].heads, 15, SL_ERR_FORMAT);
    REFUSED(parts->layers[2].heads, 1u << 31, SL_ERR_FORMAT);
    REFUSED(parts->layers[2].key_dim, 0, SL_ERR_FORMAT);
    REFUSED(parts->layers[2].hidden, 127, SL_ERR_FORMAT);
    REFUSED(parts->layers[2].epsilon, 0, SL_ERR_FORMAT);
    REFUSED(parts->layers[2].epsilon, NAN, SL_ERR_FORMAT);
    REFUSED(parts->layers[3].kind, SL_LAYER_SOFTMAX, SL_ERR_FORMAT);
    REFUSED(parts->tensors[4].n_bytes, 12, SL_ERR_FORMAT);
    REFUSED(parts->tensors[4].storage, 7, SL_ERR_UNSUPPORTED);
    REFUSED(parts->tensors[1].storage, SL_STORAGE_INT8, SL_ERR_FORMAT);
    REFUSED(parts->n_tensors, 19, SL_ERR_FORMAT);
    REFUSED(parts->n_layers, 5, SL_ERR_FORMAT);
    REFUSED(parts->contract.n_classes, 13, SL_ERR_FORMAT);
    REFUSED(parts->contract.n_bands, 1, SL_ERR_FORMAT);
    REFUSED(parts->contract.classes[2].name[1], '\n', SL_ERR_FORMAT);
    float *w = (float *)(uintptr_t)parts->tensors[6].data;
    REFUSED(w[17], NAN, SL_ERR_FORMAT);
    REFUSED(w[1023], -INFINITY, SL_ERR_FORMAT);
#undef REFUSED
    assert_ok(sl_model_write_memory(parts, &bytes, &n_bytes, &err), &err);
    free(bytes);
    sl_arena_release(&arena);
}

/* What hostile sizes can make us do is bounded before any memory is taken. */
static void a_network_too_large_is_refused(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    random_size size = small_size;
    size.steps = 4096;
    size.kernel = 64;
    sl_model_parts *parts = random_model(&arena, 3, &size);
    sl_error err;
    void *bytes;
    size_t n_bytes;
    assert_ok(sl_model_write_memory(parts, &bytes, &n_bytes, &err), &err);
    free(bytes);
    const sl_layer *positions = &parts->layers[1];
    sl_layer *many = SL_ARENA_NEW(&arena, sl_layer, SL_MAX_LAYERS);
    for (int i = 0; i < SL_MAX_LAYERS; i++) many[i] = *positions;
    many[SL_MAX_LAYERS - 1].kind = SL_LAYER_SOFTMAX;
    parts->layers = many;
    parts->n_layers = SL_MAX_LAYERS;
    parts->n_tensors = 0;
    assert_int_equal(sl_model_write_memory(parts, &bytes, &n_bytes, &err), SL_ERR_FORMAT);
    sl_arena_release(&arena);
}

static bool says_once(const char *message, const char *path)
{
    const char *at = strstr(message, path);
    return at != NULL && strstr(at + 1, path) == NULL;
}

static void a_file_is_opened_by_its_path_and_named_by_its_hash(void **state)
{
    (void)state;
    char path[] = "test_model_XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_error err;
    sl_model *model = NULL, *same = NULL;
    const sl_model_parts *parts = random_model(&arena, 3, &small_size);
    assert_int_equal(sl_model_open(path, &model, &err), SL_ERR_FORMAT);
    assert_int_equal(err.reason, SL_REASON_EMPTY);
    assert_true(says_once(err.message, path));
    assert_ok(sl_model_write(parts, path, &err), &err);
    assert_ok(sl_model_open(path, &model, &err), &err);
    void *bytes;
    same = write_and_open(parts, &bytes);
    assert_memory_equal((const char *)bytes + SL_MODEL_IDENTIFIER_AT, SL_MODEL_IDENTIFIER, 4);
    assert_string_equal(sl_model_id(model), sl_model_id(same));
    sl_model_close(model);
    sl_model_close(same);
    free(bytes);
    unlink(path);
    assert_int_equal(sl_model_open(path, &model, &err), SL_ERR_IO);
    assert_true(says_once(err.message, path));
    assert_int_equal(sl_model_open(".", &model, &err), SL_ERR_IO);
    assert_string_equal(err.message, "cannot read .: Is a directory");
    assert_int_equal(sl_model_open_memory("starling", 8, &model, &err), SL_ERR_FORMAT);
    assert_int_equal(err.reason, SL_REASON_UNKNOWN_FORMAT);
    sl_arena_release(&arena);
}

static void each_carried_model_opens_by_its_name(void **state)
{
    (void)state;
    sl_error err;
    sl_model *m;
    for (size_t i = 0; sl_model_embedded(i) != NULL; i++) {
        assert_ok(sl_model_open_embedded(sl_model_embedded(i), &m, &err), &err);
        assert_null(m->aligned_copy); /* run in place */
        assert_int_equal(sl_model_embedded_unasked(i), strstr(sl_model_embedded(i), "-small") == NULL);
        sl_model_close(m);
    }
    assert_int_equal(sl_model_open_embedded("no such model", &m, &err), SL_ERR_INVAL);
    assert_non_null(strstr(err.message, "no such model"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_networks_of_many_sizes_equal_a_naive_forward),
        cmocka_unit_test(an_encoder_may_be_widest_anywhere),
        cmocka_unit_test(int8_networks_are_near_the_forward_of_their_weights),
        cmocka_unit_test(bfloat16_networks_are_near_the_forward_of_their_weights),
        cmocka_unit_test(a_bfloat16_weight_that_is_not_finite_is_refused),
        cmocka_unit_test(a_contract_comes_back_as_it_was_written),
        cmocka_unit_test(a_model_describes_itself),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_survived),
        cmocka_unit_test(a_network_that_does_not_chain_is_refused),
        cmocka_unit_test(a_network_too_large_is_refused),
        cmocka_unit_test(a_file_is_opened_by_its_path_and_named_by_its_hash),
        cmocka_unit_test(each_carried_model_opens_by_its_name),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
