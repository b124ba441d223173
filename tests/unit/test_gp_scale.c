/* The regular grid and its scaling to the network's input. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "starling/gp.h"

enum { MOST_INPUT = (SL_MAX_GRID_LENGTH + SL_MAX_EXTRAS) * (SL_MAX_BANDS + SL_MAX_EXTRAS) };

static const double time[4] = {-20, -13, -5, 0}, flux[4] = {50, 200, -400, 80}, error[4] = {9, 8, 7, 6};
static const double wavelength[4] = {4804.79, 6436.92, 4804.79, 6436.92};
static float input[MOST_INPUT];
static double mean[SL_MAX_GRID_LENGTH * SL_MAX_BANDS];
static sl_contract contract;
static sl_lightcurve lc;
static sl_gp *gp;
static sl_error err;

static int set_up(void **state)
{
    (void)state;
    lc = (sl_lightcurve){.n = 4,
                         .time = time,
                         .flux = flux,
                         .error = error,
                         .wavelength = wavelength,
                         .n_channels = 2,
                         .channel_wavelength = {4804.79, 6436.92},
                         .redshift = 0.25f,
                         .redshift_error = 0.5f};
    if (sl_contract_preset("reference", &contract, NULL) != SL_OK) return -1;
    contract.gp.grid_length = 5;
    const double grid[5][2] = {{1, 10}, {5, 10}, {2, 10}, {4, 10}, {30, 10}};
    memcpy(mean, grid, sizeof grid);
    memset(input, 0xff, sizeof input); /* NaN */
    return sl_gp_new(&gp, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    sl_gp_free(gp);
    return 0;
}

static void expect(size_t n, const float *values)
{
    for (size_t i = 0; i < n; i++) assert_true(input[i] == values[i]);
    assert_true(isnan(input[n])); /* and not one more was written */
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void median_and_quartiles_scale_each_channel(void **state)
{
    (void)state;
    /* sorted 1 2 4 5 30: median 4, quartiles 2 and 5; the other channel has no spread */
    assert_ok(sl_gp_scale(&contract, &lc, mean, input, &err), &err);
    expect(10, (const float[]){-1, 0, 1.f / 3, 0, -2.f / 3, 0, 0, 0, 26.f / 3, 0});
}

static void quartiles_between_two_values_are_linear(void **state)
{
    (void)state;
    contract.gp.grid_length = 4;
    /* sorted 1 2 4 5: median 3, quartiles 1.75 and 4.25 */
    assert_ok(sl_gp_scale(&contract, &lc, mean, input, &err), &err);
    expect(8, (const float[]){-0.8f, 0, 0.8f, 0, -0.4f, 0, 0.4f, 0});
}

/* Against sorting by the C library, on curves and on noise of any length. */
static void any_values_are_sorted(void **state)
{
    (void)state;
    sl_rng rng;
    sl_rng_init(&rng, 3, 0);
    static double sorted[300];
    contract.n_channels = 1;
    for (int round = 0; round < 300; round++) {
        const uint32_t n = contract.gp.grid_length = 2 + (uint32_t)sl_rng_below(&rng, 299);
        const double noise = round % 3 == 0 ? 0 : sl_rng_uniform(&rng);
        for (size_t t = 0; t < n; t++) mean[t] = sin((double)t * 9 / n) + noise * floor(5 * sl_rng_normal(&rng));
        memcpy(sorted, mean, n * sizeof *mean);
        qsort(sorted, n, sizeof *sorted, by_value);
        assert_ok(sl_gp_scale(&contract, &lc, mean, input, &err), &err);
        const double center = n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
        for (size_t t = 0; t < n; t++) {
            assert_true((mean[t] < center) == (input[t] < 0) && (mean[t] > center) == (input[t] > 0));
        }
    }
}

static void values_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    contract.gp.grid_length = 100;
    for (int i = 0; i < 3; i++) {
        for (size_t t = 0; t < 200; t++) mean[t] = (double)(t * t % 71);
        mean[37 + 2 * i] = bad[i];
        mean[151] = bad[i];
        assert_int_equal(sl_gp_scale(&contract, &lc, mean, input, &err), SL_ERR_NUMERIC);
    }
}

static void other_scalings_follow_the_contract(void **state)
{
    (void)state;
    contract.gp.grid_length = 2;
    contract.scaling = SL_SCALING_NONE;
    assert_ok(sl_gp_scale(&contract, &lc, mean, input, &err), &err);
    expect(4, (const float[]){1, 10, 5, 10});
    contract.scaling = SL_SCALING_FIXED;
    contract.center[0] = 1;
    contract.spread[0] = 2;
    contract.center[1] = 4;
    contract.spread[1] = 3;
    assert_ok(sl_gp_scale(&contract, &lc, mean, input, &err), &err);
    expect(4, (const float[]){0, 2, 2, 2});
    contract.scaling = SL_SCALING_PEAK;
    assert_ok(sl_gp_scale(&contract, &lc, mean, input, &err), &err);
    expect(4, (const float[]){1 / 400.f, 10 / 400.f, 5 / 400.f, 10 / 400.f});
}

static void extras_become_channels_or_steps(void **state)
{
    (void)state;
    contract.gp.grid_length = 2;
    contract.scaling = SL_SCALING_NONE;
    contract.n_extras = 2;
    contract.extras[0] = SL_EXTRA_REDSHIFT;
    contract.extras[1] = SL_EXTRA_REDSHIFT_ERROR;
    contract.extra_mode = SL_EXTRAS_AS_CHANNELS;
    assert_ok(sl_gp_scale(&contract, &lc, mean, input, &err), &err);
    expect(8, (const float[]){1, 10, 0.25f, 0.5f, 5, 10, 0.25f, 0.5f});
    memset(input, 0xff, sizeof input);
    contract.extra_mode = SL_EXTRAS_AS_STEPS;
    assert_ok(sl_gp_scale(&contract, &lc, mean, input, &err), &err);
    expect(8, (const float[]){1, 10, 5, 10, 0.25f, 0.25f, 0.5f, 0.5f});
}

static void a_missing_redshift_is_refused_where_the_contract_needs_it(void **state)
{
    (void)state;
    lc.redshift = NAN;
    assert_ok(sl_gp_scale(&contract, &lc, mean, input, &err), &err);
    contract.n_extras = 1;
    contract.extras[0] = SL_EXTRA_REDSHIFT;
    contract.extra_mode = SL_EXTRAS_AS_CHANNELS;
    assert_int_equal(sl_gp_scale(&contract, &lc, mean, input, &err), SL_ERR_CONTRACT);
    assert_int_equal(err.reason, SL_REASON_NO_REDSHIFT);
    assert_int_equal(sl_gp_grid(gp, &contract, &lc, input, NULL, NULL, &err), SL_ERR_CONTRACT);
    assert_int_equal(err.reason, SL_REASON_NO_REDSHIFT);
}

static void what_does_not_fit_a_float_is_refused(void **state)
{
    (void)state;
    contract.scaling = SL_SCALING_NONE;
    const double bad[] = {1e39, -1e300, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mean[3] = bad[i];
        assert_int_equal(sl_gp_scale(&contract, &lc, mean, input, &err), SL_ERR_NUMERIC);
        assert_int_equal(err.reason, SL_REASON_NUMERIC);
    }
    contract.scaling = SL_SCALING_MEDIAN_IQR;
    assert_int_equal(sl_gp_scale(&contract, &lc, mean, input, &err), SL_ERR_NUMERIC);
}

static void the_grid_runs_from_the_first_point_to_the_last(void **state)
{
    (void)state;
    contract.gp.grid_length = 100;
    contract.scaling = SL_SCALING_NONE;
    sl_gp_fit_info info;
    double expected[2];
    assert_ok(sl_gp_grid(gp, &contract, &lc, input, mean, &info, &err), &err);
    for (size_t i = 0; i < 100; i += 33) {
        const double at = i == 99 ? 0 : -20 + (double)i * (20.0 / 99);
        assert_ok(sl_gp_predict(gp, 1, &at, 2, lc.channel_wavelength, expected, &err), &err);
        for (size_t b = 0; b < 2; b++) {
            assert_true(fabs(mean[2 * i + b] - expected[b]) < 1e-12 * fabs(expected[b]));
            assert_true(input[2 * i + b] == (float)mean[2 * i + b]);
        }
    }
    assert_true(info.converged);
    assert_ok(sl_gp_grid(gp, &contract, &lc, input, NULL, NULL, &err), &err);
    assert_true(input[199] == (float)mean[199]);
}

static void the_longest_grid_with_every_channel_is_made(void **state)
{
    (void)state;
    contract.gp.grid_length = SL_MAX_GRID_LENGTH;
    contract.n_channels = lc.n_channels = SL_MAX_BANDS;
    for (size_t b = 0; b < SL_MAX_BANDS; b++) lc.channel_wavelength[b] = 3000 + 1000 * (double)b;
    assert_ok(sl_gp_grid(gp, &contract, &lc, input, mean, NULL, &err), &err);
    static float again[MOST_INPUT];
    memcpy(again, input, sizeof input);
    assert_ok(sl_gp_scale(&contract, &lc, mean, input, &err), &err);
    assert_memory_equal(again, input, SL_MAX_GRID_LENGTH * SL_MAX_BANDS * sizeof *input);
    /* half of each channel is above its median */
    for (size_t b = 0; b < SL_MAX_BANDS; b++) {
        size_t above = 0;
        for (size_t t = 0; t < SL_MAX_GRID_LENGTH; t++) above += input[t * SL_MAX_BANDS + b] > 0;
        assert_int_equal(above, SL_MAX_GRID_LENGTH / 2);
    }
}

static void one_moment_and_no_light_make_constant_grids(void **state)
{
    (void)state;
    const double zero[4] = {0};
    lc.flux = zero;
    assert_ok(sl_gp_grid(gp, &contract, &lc, input, NULL, NULL, &err), &err);
    for (size_t i = 0; i < 10; i++) assert_true(input[i] == 0);
    lc.flux = flux;
    lc.time = zero;
    assert_ok(sl_gp_grid(gp, &contract, &lc, input, NULL, NULL, &err), &err);
    for (size_t i = 0; i < 10; i++) assert_true(input[i] == 0);
}

static void channels_that_contradict_the_light_curve_are_a_fault_of_the_caller(void **state)
{
    (void)state;
    lc.n_channels = 3;
    assert_int_equal(sl_gp_grid(gp, &contract, &lc, input, NULL, NULL, &err), SL_ERR_INVAL);
    lc.n_channels = 2;
    lc.channel_wavelength[1] = NAN;
    assert_int_equal(sl_gp_grid(gp, &contract, &lc, input, NULL, NULL, &err), SL_ERR_NUMERIC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(median_and_quartiles_scale_each_channel),
        TEST(quartiles_between_two_values_are_linear),
        TEST(any_values_are_sorted),
        TEST(values_that_are_not_finite_are_refused),
        TEST(other_scalings_follow_the_contract),
        TEST(extras_become_channels_or_steps),
        TEST(a_missing_redshift_is_refused_where_the_contract_needs_it),
        TEST(what_does_not_fit_a_float_is_refused),
        TEST(the_grid_runs_from_the_first_point_to_the_last),
        TEST(the_longest_grid_with_every_channel_is_made),
        TEST(one_moment_and_no_light_make_constant_grids),
        TEST(channels_that_contradict_the_light_curve_are_a_fault_of_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
