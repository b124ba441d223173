/* The cellar: arena, queue, random numbers, streams, contract. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/half.h"
#include "base/late.h"
#include "base/queue.h"
#include "base/rng.h"
#include "base/stream.h"
#include "starling/contract.h"

static void arena_aligns_rewinds_and_keeps_its_limit(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 20);
    char *a = sl_arena_alloc(&arena, 3, 1);
    assert_non_null(a);
    const sl_arena_mark mark = sl_arena_here(&arena);
    char *b = sl_arena_alloc(&arena, 100000, 1);
    assert_non_null(b);
    assert_int_equal((uintptr_t)b % SL_ARENA_ALIGN, 0);
    assert_null(sl_arena_alloc(&arena, SIZE_MAX / 2, 4));
    assert_null(sl_arena_alloc(&arena, 1 << 20, 1));
    sl_arena_rewind(&arena, mark);
    char *c = sl_arena_alloc(&arena, 8, 1);
    assert_ptr_equal(c, a + SL_ARENA_ALIGN);
    sl_arena_reset(&arena);
    assert_ptr_equal(sl_arena_alloc(&arena, 1, 1), a);
    sl_arena_release(&arena);
}

static void arena_at_its_limit_says_no_and_goes_on(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 256 * 1024);
    size_t got = 0;
    while (sl_arena_alloc(&arena, 1000, 1) != NULL) got++;
    assert_in_range(got, 200, 256);
    assert_true(arena.used_total <= 256 * 1024);
    sl_arena_reset(&arena);
    assert_non_null(sl_arena_alloc(&arena, 1000, 1));
    sl_arena_release(&arena);
}

#define C_FUNCTIONS(X) X(strlen) X(strchr)
static struct { C_FUNCTIONS(SL_LATE_POINTER) } late_c;
static const char *const c_names[] = {C_FUNCTIONS(SL_LATE_NAME)};
static sl_late c_library = SL_LATE("counting letters", "libc.so.6", c_names, &late_c);

static void *count_letters(void *user)
{
    sl_error err;
    *(bool *)user = sl_late_load(&c_library, &err) == SL_OK && late_c.strlen("three") == 5 &&
                    *late_c.strchr("three", 'r') == 'r';
    return NULL;
}

static void late_library_loads_once_for_many_threads(void **state)
{
    (void)state;
    pthread_t threads[8];
    bool counted[8] = {false};
    for (int i = 0; i < 8; i++) assert_int_equal(pthread_create(&threads[i], NULL, count_letters, &counted[i]), 0);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_true(counted[i]);
    }
}

static void late_library_that_is_missing_is_named(void **state)
{
    (void)state;
    static struct { void (*f)(void); } table;
    static const char *const names[] = {"sl_no_such_function"};
    sl_late missing = SL_LATE("reading dreams", "libdreams.so.7", names, &table);
    sl_error err = {0};
    for (int i = 0; i < 2; i++) { /* it may come in between: the second call looks again */
        assert_int_equal(sl_late_load(&missing, &err), SL_ERR_UNSUPPORTED);
        assert_int_equal(err.reason, SL_REASON_UNREADABLE);
        assert_non_null(strstr(err.message, "reading dreams needs libdreams.so.7, which cannot be loaded: "));
    }
    sl_late other = SL_LATE("reading dreams", "libc.so.6", names, &table);
    assert_int_equal(sl_late_load(&other, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "sl_no_such_function"));
    assert_null(table.f);
}

static void queue_hands_over_in_order_and_closes(void **state)
{
    (void)state;
    sl_queue queue;
    sl_error err;
    assert_ok(sl_queue_init(&queue, 2, &err), &err);
    int a, b, c;
    assert_true(sl_queue_push(&queue, &a));
    assert_true(sl_queue_push(&queue, &b));
    assert_ptr_equal(sl_queue_pop(&queue), &a);
    sl_queue_close(&queue);
    assert_false(sl_queue_push(&queue, &c));
    assert_ptr_equal(sl_queue_pop(&queue), &b);
    assert_null(sl_queue_pop(&queue));
    sl_queue_release(&queue);
}

static void random_numbers_have_their_moments(void **state)
{
    (void)state;
    sl_rng rng;
    sl_rng_init(&rng, 7, 0);
    double sum = 0, square = 0;
    const int n = 100000;
    for (int i = 0; i < n; i++) {
        const double x = sl_rng_normal(&rng);
        sum += x;
        square += x * x;
    }
    assert_true(fabs(sum / n) < 5 / sqrt(n));
    assert_true(fabs(square / n - 1) < 5 * sqrt(2.0 / n));
    sl_rng other;
    sl_rng_init(&other, 7, 1);
    assert_true(sl_rng_u64(&other) != sl_rng_u64(&rng));
    for (int i = 0; i < 1000; i++) assert_true(sl_rng_below(&rng, 7) < 7);
}

static void stream_gives_what_lies_ahead_first(void **state)
{
    (void)state;
    sl_stream stream;
    sl_error err;
    sl_stream_init_memory(&stream, "starling", 8);
    void *all;
    size_t n;
    assert_int_equal(sl_stream_read_all(&stream, 7, &all, &n, &err), SL_ERR_FORMAT);
    assert_int_equal(err.reason, SL_REASON_TOO_LARGE);
    sl_stream_init_memory(&stream, "starling", 8);
    assert_ok(sl_stream_read_all(&stream, 8, &all, &n, &err), &err);
    assert_int_equal(n, 8);
    assert_memory_equal(all, "starling", 8);
    free(all);
}

static void error_takes_a_prefix(void **state)
{
    (void)state;
    sl_error err;
    assert_int_equal(SL_FAIL(&err, SL_ERR_FORMAT, SL_REASON_TRUNCATED, "ends at %d", 7), SL_ERR_FORMAT);
    sl_error_prefix(&err, "a.avro");
    assert_string_equal(err.message, "a.avro: ends at 7");
    assert_int_equal(err.reason, SL_REASON_TRUNCATED);
    for (int r = 0; r < SL_N_REASONS; r++) assert_true(strlen(sl_reason_text(r)) > 5);
}

static void presets_pass_their_own_check(void **state)
{
    (void)state;
    sl_contract c;
    sl_error err;
    const char *names[] = {"reference", "starling"};
    for (int i = 0; i < 2; i++) {
        assert_ok(sl_contract_preset(names[i], &c, &err), &err);
        assert_ok(sl_contract_check(&c, &err), &err);
        assert_int_equal(sl_contract_input_steps(&c), 100);
        assert_int_equal(sl_contract_input_channels(&c), 2);
        assert_int_equal(sl_contract_band(&c, (sl_str){"r", 1}), 1);
        assert_int_equal(sl_contract_band(&c, (sl_str){"y", 1}), -1);
    }
    assert_int_equal(sl_contract_preset("none", &c, &err), SL_ERR_INVAL);
}

static void a_patched_contract_is_refused(void **state)
{
    (void)state;
    sl_contract good, c;
    sl_error err;
    assert_ok(sl_contract_preset("starling", &good, &err), &err);
#define REFUSED(change)                                           \
    c = good;                                                     \
    change;                                                       \
    assert_int_equal(sl_contract_check(&c, &err), SL_ERR_FORMAT)
    REFUSED(c.n_bands = 9);
    REFUSED(c.n_bands = 0);
    REFUSED(c.bands[1].wavelength_aa = NAN);
    REFUSED(memset(c.name, 'x', sizeof c.name));
    REFUSED(c.n_channels = 1);
    REFUSED(c.gp.grid_length = 1u << 31);
    REFUSED(c.gp.metric_start = INFINITY);
    REFUSED(c.n_classes = SL_MAX_CLASSES + 1);
    REFUSED(c.extra_mode = SL_EXTRAS_AS_STEPS);
    REFUSED(c.max_points = SL_MAX_POINTS + 1);
    REFUSED(c.scaling = SL_SCALING_FIXED);
    REFUSED(c.planes = 4);
    REFUSED((c.planes = SL_PLANE_ASINH, c.asinh_scale = NAN));
    REFUSED(c.grid_wavelengths = 1);
    REFUSED(c.grid_wavelengths = SL_MAX_CHANNELS + 1);
    REFUSED(c.max_nights = SL_MAX_GRID_LENGTH + 1);
    REFUSED((c.sees = SL_SEES_NIGHTS, c.scaling = SL_SCALING_PEAK)); /* of no length */
    REFUSED((c.sees = SL_SEES_NIGHTS, c.max_nights = 9)); /* scaled by quartiles */
    REFUSED((c.sees = SL_SEES_NIGHTS, c.max_nights = 9, c.scaling = SL_SCALING_PEAK, c.planes = SL_PLANE_ERROR));
    REFUSED((c.n_features = 1, c.features[0] = 63, c.feature_spread[0] = 1));
    REFUSED((c.n_features = 1, c.features[0] = SL_FEATURE_LOG_PEAK)); /* without a spread */
    REFUSED(c.n_features = SL_MAX_FEATURES + 1);
    REFUSED((c.n_features = 1, c.features[0] = SL_FEATURE_BAND_MAX, c.feature_knots = 9, c.feature_bands[0] = 4));
    REFUSED(c.feature_knots = SL_MIN_KNOTS - 1);
    REFUSED(c.feature_knots = SL_MAX_KNOTS + 1);
    REFUSED((c.n_features = 1, c.features[0] = SL_FEATURE_LOG_PEAK, c.feature_knots = 9, c.feature_table[8] = 0x7c00)); /* infinite */
    REFUSED((c.n_features = 1, c.features[0] = SL_FEATURE_LOG_PEAK, c.feature_knots = 9, c.feature_table[7] = 1)); /* descends */
    REFUSED(c.sees = SL_SEES_FEATURES); /* and there are none */
    REFUSED((c.sees = SL_SEES_FEATURES, c.n_features = 1, c.feature_spread[0] = 1, c.planes = SL_PLANE_ASINH));
    REFUSED(c.sees = SL_SEES_FEATURES + 1);
#undef REFUSED
}

static void an_input_has_planes_then_features(void **state)
{
    (void)state;
    sl_contract c;
    sl_error err;
    assert_ok(sl_contract_preset("starling", &c, &err), &err);
    assert_int_equal(sl_contract_input_floats(&c), 200);
    c.planes = SL_PLANE_ASINH | SL_PLANE_ERROR;
    c.n_extras = 2;
    c.extra_mode = SL_EXTRAS_AS_CHANNELS;
    c.n_features = 3;
    c.features[0] = SL_FEATURE_LOG_PEAK;
    c.features[1] = SL_FEATURE_BAND_SKEW;
    c.features[2] = SL_FEATURE_GP_SCALE;
    for (int i = 0; i < 4; i++) c.feature_spread[i] = 1;
    assert_ok(sl_contract_check(&c, &err), &err);
    assert_int_equal(sl_contract_input_channels(&c), 3 * 2 + 2);
    assert_int_equal(sl_contract_input_features(&c), 4);
    assert_int_equal(sl_contract_input_floats(&c), 804);
    c.grid_wavelengths = 30;
    assert_ok(sl_contract_check(&c, &err), &err);
    assert_int_equal(sl_contract_input_channels(&c), 3 * 30 + 2);
    c.grid_wavelengths = 0;
    c.sees = SL_SEES_NIGHTS;
    c.scaling = SL_SCALING_PEAK;
    c.planes = SL_PLANE_ASINH;
    c.max_nights = 70;
    assert_int_equal(sl_contract_check(&c, &err), SL_ERR_FORMAT); /* no fit, so no feature of it */
    c.n_features = 2;
    assert_ok(sl_contract_check(&c, &err), &err);
    assert_int_equal(sl_contract_input_steps(&c), 70);
    assert_int_equal(sl_contract_input_channels(&c), 4 * 2 + 1 + 2);
    assert_int_equal(sl_contract_input_floats(&c), 70 * 11 + 3);
    c.sees = SL_SEES_FEATURES;
    c.n_features = 3;
    assert_int_equal(sl_contract_check(&c, &err), SL_ERR_FORMAT); /* extras and planes of nothing */
    c.planes = c.n_extras = 0;
    c.extra_mode = SL_EXTRAS_NONE;
    assert_ok(sl_contract_check(&c, &err), &err);
    assert_int_equal(sl_contract_input_steps(&c), 1);
    assert_int_equal(sl_contract_input_channels(&c), 0);
    assert_int_equal(sl_contract_input_floats(&c), 4);
}

/* Two values of five knots each: all different; then tied at the beginning, in the middle and at the end. */
static void a_table_gives_normal_scores(void **state)
{
    (void)state;
    static const double knot[2][5] = {{-2, -1, 0, 2, 65504}, {0, 0, 0.1, 0.3, 0.3}};
    const double s1 = 0.5244005127080407, s2 = 1.2815515655446004, tenth = (double)sl_half_to_float(sl_half_from_float(0.1f));
    const struct {
        double raw[2], value[2];
    } cases[] = {
        {{-7, -1}, {-s2, -s2}},           /* below the first */
        {{-2, 0}, {-s2, -(s1 + s2) / 2}}, /* at the first; at two of them */
        {{-0.5, tenth / 2}, {-s1 / 2, -s1 / 2}},
        {{1, (double)0.1f}, {s1 / 2, 0}}, /* is the knot, once it is rounded as that was */
        {{-0.0, 0.2}, {0, s1 * (0.2 - tenth) / (0.3 - tenth)}},
        {{1e30, (double)0.3f}, {s2, (s1 + s2) / 2}},
        {{60000, 0.31}, {s1 + (s2 - s1) * 59998 / 65502, s2}}, /* above the last, which two share */
        {{(double)NAN, (double)INFINITY}, {0, 0}},
    };
    sl_contract c;
    sl_error err;
    assert_ok(sl_contract_preset("starling", &c, &err), &err);
    c.n_features = 1;
    c.features[0] = SL_FEATURE_BAND_SKEW;
    c.feature_knots = 5;
    for (int i = 0; i < 10; i++) c.feature_table[i] = sl_half_from_float((float)knot[i / 5][i % 5]);
    assert_ok(sl_contract_check(&c, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float x[2] = {(float)cases[i].raw[0], (float)cases[i].raw[1]};
        sl_contract_scale_features(&c, x, x);
        for (int k = 0; k < 2; k++) assert_true(fabs((double)x[k] - cases[i].value[k]) < 1e-3);
    }
    c.feature_bands[0] = 2; /* one of them is left */
    assert_ok(sl_contract_check(&c, &err), &err);
    assert_int_equal(sl_contract_feature_bands(&c, 0), 2);
    assert_int_equal(sl_contract_input_features(&c), 1);
    c.features[0] = SL_FEATURE_LOG_PEAK; /* has one value whatever the bands */
    assert_int_equal(sl_contract_feature_bands(&c, 0), 1);
}

static void features_have_names_that_find_them(void **state)
{
    (void)state;
    int n = 0;
    for (int f = 0; f < SL_FEATURE_END + 10; f++) {
        const char *name = sl_feature_name((sl_feature)f);
        if (name == NULL) continue;
        n++;
        assert_int_equal(sl_feature_find((sl_str){name, strlen(name)}), f);
        assert_int_equal(sl_feature_of_bands((sl_feature)f), strncmp(name, "band_", 5) == 0);
        assert_int_equal(sl_feature_of_fit((sl_feature)f), strstr(name, "gp_") != NULL);
        assert_int_equal(sl_feature_of_redshift((sl_feature)f),
                         strstr(name, "redshift") != NULL || strstr(name, "luminosity") != NULL ||
                             strstr(name, "gp_rest_") != NULL);
    }
    assert_int_equal(n, 90);
    assert_int_equal(sl_feature_find((sl_str){"log_pea", 7}), SL_FEATURE_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_aligns_rewinds_and_keeps_its_limit),
        cmocka_unit_test(arena_at_its_limit_says_no_and_goes_on),
        cmocka_unit_test(late_library_loads_once_for_many_threads),
        cmocka_unit_test(late_library_that_is_missing_is_named),
        cmocka_unit_test(queue_hands_over_in_order_and_closes),
        cmocka_unit_test(random_numbers_have_their_moments),
        cmocka_unit_test(stream_gives_what_lies_ahead_first),
        cmocka_unit_test(error_takes_a_prefix),
        cmocka_unit_test(presets_pass_their_own_check),
        cmocka_unit_test(a_patched_contract_is_refused),
        cmocka_unit_test(an_input_has_planes_then_features),
        cmocka_unit_test(a_table_gives_normal_scores),
        cmocka_unit_test(features_have_names_that_find_them),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
