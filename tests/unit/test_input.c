/* The whole input of a network: planes, wavelengths, nights and features, one by one and in batches. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "lightcurve/statistics.h"
#include "starling/gp.h"

enum { MOST = 130, STEPS = 40, MOST_INPUT = 16384 };

typedef struct points {
    double time[MOST], flux[MOST], error[MOST], wavelength[MOST];
    uint8_t band[MOST];
    sl_lightcurve lc;
} points;

static sl_contract contract;
static sl_gp *gp;
static sl_error err;
static float input[MOST_INPUT], other[MOST_INPUT];

static int set_up(void **state)
{
    (void)state;
    if (sl_contract_preset("starling", &contract, NULL) != SL_OK) return -1;
    contract.gp.grid_length = STEPS;
    contract.scaling = SL_SCALING_PEAK;
    return sl_gp_new(&gp, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    sl_gp_free(gp);
    return 0;
}

static void add_all_features(sl_contract *c, bool of_fit)
{
    c->n_features = 0;
    for (int f = 0; f < SL_FEATURE_END; f++) {
        if (sl_feature_name((sl_feature)f) == NULL || (!of_fit && sl_feature_of_fit((sl_feature)f))) continue;
        c->features[c->n_features++] = (sl_feature)f;
    }
    for (uint32_t i = 0; i < sl_contract_input_features(c); i++) c->feature_spread[i] = 1;
    assert_ok(sl_contract_check(c, &err), &err);
}

static void finish_points(points *p, size_t n)
{
    for (size_t i = 0; i < n; i++) p->wavelength[i] = contract.bands[p->band[i]].wavelength_aa;
    p->lc = (sl_lightcurve){.n = n, .time = p->time, .flux = p->flux, .error = p->error, .wavelength = p->wavelength,
                            .band = p->band, .n_channels = contract.n_channels, .redshift = 0.25f, .redshift_error = 0.5f};
    for (uint32_t b = 0; b < contract.n_bands; b++) p->lc.channel_wavelength[b] = contract.bands[b].wavelength_aa;
}

/* A bump with noise; kinds are the ways in which a light curve may be odd. */
static void make_points(points *p, size_t n, int kind, sl_rng *rng)
{
    double time = 0;
    for (size_t i = 0; i < n; i++) {
        if (sl_rng_below(rng, 3) != 0) time += 6 * sl_rng_uniform(rng);
        p->time[i] = kind == 1 ? 3 : time;
        p->band[i] = (uint8_t)(kind == 2 ? 1 : sl_rng_below(rng, 2));
        p->error[i] = kind == 5 ? 1e-200 : 5 + 30 * sl_rng_uniform(rng);
        p->flux[i] = kind == 3 ? 0 : 1000 * exp(-(time - 30) * (time - 30) / 400) + p->error[i] * sl_rng_normal(rng);
        if (kind == 4) p->flux[i] *= 1e30;
        if (kind == 6) p->flux[i] = 7;
    }
    finish_points(p, n);
    if (kind == 7) p->lc.redshift = p->lc.redshift_error = NAN;
    if (kind == 8) p->lc.redshift = 3e38f;
}

/* What became of it: of an input all of it is finite, of a refusal there is a reason. */
static sl_status run_alone(const sl_lightcurve *lc, float *to, sl_error *why)
{
    const size_t n = sl_contract_input_floats(&contract);
    assert_true(n <= MOST_INPUT);
    for (size_t i = 0; i < n; i++) to[i] = NAN;
    const sl_status status = sl_gp_grid(gp, &contract, lc, to, NULL, NULL, why);
    for (size_t i = 0; status == SL_OK && i < n; i++) assert_true(isfinite(to[i]));
    return status;
}

static void check_batch_of_all(void)
{
    enum { N = 100 };
    static points all[N];
    sl_rng rng;
    sl_rng_init(&rng, 11, 0);
    sl_gp_batch *batch;
    assert_ok(sl_gp_batch_new(&contract, N, &batch, &err), &err);
    for (size_t i = 0; i < N; i++) {
        make_points(&all[i], 1 + i * i % MOST, (int)(i % 12), &rng);
        assert_ok(sl_gp_batch_add(batch, &all[i].lc, &err), &err);
    }
    for (size_t i = 0; i < N; i++) { /* what it borrowed is gone */
        const points kept = all[i];
        memset(&all[i], 0xff, sizeof all[i]);
        if (i + 1 == N) assert_ok(sl_gp_batch_run(batch, &err), &err);
        all[i] = kept;
        all[i].lc.time = all[i].time;
        all[i].lc.flux = all[i].flux;
    }
    size_t good = 0;
    const size_t n_features = sl_contract_input_features(&contract);
    for (size_t i = 0; i < N; i++) {
        const float *got;
        sl_error why, why_not;
        const sl_status status = run_alone(&all[i].lc, input, &why);
        assert_int_equal(sl_gp_batch_result(batch, i, &got, NULL, &why_not), status);
        if (status != SL_OK) {
            assert_string_equal(why.message, why_not.message);
            continue;
        }
        good++;
        assert_memory_equal(got, input, sl_contract_input_floats(&contract) * sizeof *got);
        float scaled[SL_MAX_FEATURE_VALUES];
        sl_contract_scale_features(&contract, sl_gp_batch_features(batch, i), scaled);
        assert_memory_equal(scaled, input + sl_contract_input_floats(&contract) - n_features, n_features * sizeof *scaled);
    }
    assert_true(good > 80);
    sl_gp_batch_free(batch);
}

static void everything_in_a_batch_is_as_alone(void **state)
{
    (void)state;
    contract.planes = SL_PLANE_ASINH | SL_PLANE_ERROR;
    add_all_features(&contract, true);
    check_batch_of_all();
    contract.grid_wavelengths = 7;
    contract.scaling = SL_SCALING_MEDIAN_IQR;
    check_batch_of_all();
}

/* Some bands of a feature are some of the values that all of them give. */
static void features_of_some_bands_are_those_values(void **state)
{
    (void)state;
    sl_rng rng;
    sl_rng_init(&rng, 15, 0);
    points p;
    make_points(&p, 40, 0, &rng);
    add_all_features(&contract, true);
    const uint32_t n_all = sl_contract_input_features(&contract);
    assert_ok(run_alone(&p.lc, other, &err), &err);
    uint32_t n_some = 0;
    const float *value = other + 2 * STEPS;
    static float expected[SL_MAX_FEATURE_VALUES];
    for (uint32_t i = 0; i < contract.n_features; i++) {
        contract.feature_bands[i] = (uint8_t)(i % 4); /* all, the first, the second, all; of single values nothing */
        const bool of_bands = sl_feature_of_bands(contract.features[i]);
        if (!of_bands || i % 4 != 2) expected[n_some++] = value[0];
        if (of_bands && i % 4 != 1) expected[n_some++] = value[1];
        value += of_bands ? 2 : 1;
    }
    assert_int_equal(sl_contract_input_features(&contract), n_some);
    assert_true(n_some < n_all);
    assert_ok(sl_contract_check(&contract, &err), &err);
    assert_ok(run_alone(&p.lc, input, &err), &err);
    assert_memory_equal(input + 2 * STEPS, expected, n_some * sizeof *expected);
    check_batch_of_all();
}

static void nights_in_a_batch_are_as_alone(void **state)
{
    (void)state;
    contract.sees = SL_SEES_NIGHTS;
    contract.max_nights = 25;
    contract.planes = SL_PLANE_ASINH;
    add_all_features(&contract, false);
    check_batch_of_all();
}

/* Features alone are those that stand behind a grid. */
static void features_need_no_grid(void **state)
{
    (void)state;
    sl_rng rng;
    sl_rng_init(&rng, 15, 0);
    points p;
    make_points(&p, 40, 0, &rng);
    add_all_features(&contract, true);
    const size_t n = sl_contract_input_features(&contract);
    assert_ok(run_alone(&p.lc, input, &err), &err);
    contract.sees = SL_SEES_FEATURES;
    assert_ok(sl_contract_check(&contract, &err), &err);
    assert_ok(run_alone(&p.lc, other, &err), &err);
    assert_memory_equal(other, input + 2 * STEPS, n * sizeof *other);
    check_batch_of_all();
}

/* Planes and features stand beside what was there without them, and leave it alone. */
static void planes_are_made_of_the_mean(void **state)
{
    (void)state;
    enum { PLANES = 3, BANDS = 2 };
    sl_rng rng;
    sl_rng_init(&rng, 12, 0);
    points p;
    make_points(&p, 30, 0, &rng);
    double mean[STEPS * BANDS];
    assert_ok(sl_gp_grid(gp, &contract, &p.lc, other, mean, NULL, &err), &err);
    contract.planes = SL_PLANE_ASINH | SL_PLANE_ERROR;
    contract.asinh_scale = 3;
    contract.n_extras = 1;
    contract.extra_mode = SL_EXTRAS_AS_CHANNELS;
    add_all_features(&contract, true);
    assert_ok(run_alone(&p.lc, input, &err), &err);
    const double peak = sl_lightcurve_peak(&p.lc);
    for (int t = 0; t < STEPS; t++) {
        const float *row = input + t * (PLANES * BANDS + 1);
        assert_memory_equal(row, other + t * BANDS, BANDS * sizeof *row);
        for (int b = 0; b < BANDS; b++) {
            assert_true(row[BANDS + b] == (float)asinh(mean[t * BANDS + b] / 3));
            assert_true(row[2 * BANDS + b] > 0 && row[2 * BANDS + b] * peak < 1e4);
        }
        assert_true(row[PLANES * BANDS] == 0.25f);
    }
}

/* The textbook's formula, one number at a time: k(x, x) - k^T (K + N)^-1 k. */
static double naive_variance(const points *p, const double fit[2], double time, double wavelength)
{
    static double k[MOST][MOST + 1];
    const size_t n = p->lc.n;
    const double amplitude = contract.gp.amplitude_factor * exp(fit[0]);
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= n; j++) {
            const double ti = i < n ? p->time[i] : time, tj = j < n ? p->time[j] : time;
            const double wi = i < n ? p->wavelength[i] : wavelength, wj = j < n ? p->wavelength[j] : wavelength;
            const double dw = (wi - wj) / contract.gp.wavelength_scale_aa;
            const double s = sqrt(3 * ((ti - tj) * (ti - tj) * exp(-fit[1]) + dw * dw));
            k[i][j] = amplitude * (1 + s) * exp(-s);
            if (i == j && i < n) k[i][j] += p->error[i] * p->error[i] + contract.gp.jitter;
        }
    }
    for (size_t i = 0; i < n; i++) { /* Gauss: what is left in the corner is the variance */
        for (size_t r = i + 1; r <= n; r++) {
            const double factor = k[r][i] / k[i][i];
            for (size_t c = i; c <= n; c++) k[r][c] -= factor * k[i][c];
        }
    }
    return k[n][n];
}

static void the_error_plane_is_the_deviation(void **state)
{
    (void)state;
    sl_rng rng;
    sl_rng_init(&rng, 13, 0);
    contract.scaling = SL_SCALING_NONE;
    contract.planes = SL_PLANE_ERROR;
    contract.gp.grid_length = 150; /* more than go through at once */
    static const size_t lengths[] = {1, 2, 7, 8, 9, 40, 64, 65, 100};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        points p;
        sl_gp_fit_info info;
        make_points(&p, lengths[i], 0, &rng);
        assert_ok(sl_gp_grid(gp, &contract, &p.lc, input, NULL, &info, &err), &err);
        const double span = p.time[p.lc.n - 1] - p.time[0], amplitude = 2 * exp(info.p[0]);
        for (int t = 0; t < 150; t += 7) {
            for (int b = 0; b < 2; b++) {
                const double exact = naive_variance(&p, info.p, p.time[0] + span * t / 149, contract.bands[b].wavelength_aa);
                const double got = (double)input[t * 4 + 2 + b];
                assert_true(fabs(got * got - exact) <= 1e-8 * amplitude + 1e-6 * exact);
            }
        }
    }
}

static void wavelengths_run_from_the_first_band_to_the_last(void **state)
{
    (void)state;
    enum { K = 5 };
    sl_rng rng;
    sl_rng_init(&rng, 14, 0);
    points p;
    make_points(&p, 50, 0, &rng);
    assert_ok(run_alone(&p.lc, other, &err), &err);
    contract.grid_wavelengths = K;
    static double mean[STEPS * K];
    assert_ok(sl_gp_grid(gp, &contract, &p.lc, input, mean, NULL, &err), &err);
    double time[STEPS], wavelength[K], expected[STEPS * K];
    const double step = (p.time[49] - p.time[0]) / (STEPS - 1);
    for (int t = 0; t < STEPS; t++) time[t] = p.time[0] + t * step;
    for (int k = 0; k < K; k++) wavelength[k] = 4804.79 + k * (6436.92 - 4804.79) / (K - 1);
    assert_ok(sl_gp_predict(gp, STEPS, time, K, wavelength, expected, &err), &err);
    for (int t = 0; t < STEPS; t++) {
        assert_true(input[t * K] == other[2 * t] && input[t * K + K - 1] == other[2 * t + 1]);
        for (int k = 0; k < K; k++) assert_true(fabs(mean[t * K + k] - expected[t * K + k]) < 1e-6);
    }
}

static void nights_hold_what_they_say(void **state)
{
    (void)state;
    points p = {.time = {0, 0.1, 0.45, 0.9, 10, 10.5}, .flux = {10, 20, 40, 50, -100, 60}, .error = {1, 2, 2, 5, 10, 6},
                .band = {0, 1, 1, 0, 1, 0}};
    finish_points(&p, 6);
    contract.sees = SL_SEES_NIGHTS;
    contract.max_nights = 5;
    contract.planes = SL_PLANE_ASINH;
    contract.n_extras = 1;
    contract.extra_mode = SL_EXTRAS_AS_CHANNELS;
    assert_ok(sl_contract_check(&contract, &err), &err);
    assert_ok(run_alone(&p.lc, input, &err), &err);
    const float s = (float)sqrt(2);
    const float rows[3][10] = {{.1f, .01f, 1, .3f, s / 100, 1, (float)asinh(1), (float)asinh(3), 0, .25f},
                               {.5f, .05f, 1, 0, 0, 0, (float)asinh(5), 0, (float)log(1.9), .25f},
                               {.6f, .06f, 1, -1, .1f, 1, (float)asinh(6), -(float)asinh(10), (float)log(10.1), .25f}};
    for (int t = 0; t < 3; t++) {
        for (int c = 0; c < 10; c++) assert_true(fabsf(input[10 * t + c] - rows[t][c]) < 1e-6f);
    }
    for (int i = 30; i < 50; i++) assert_true(input[i] == 0);
    contract.max_nights = 2; /* the last two, the first of which follows none */
    assert_ok(run_alone(&p.lc, other, &err), &err);
    assert_memory_equal(other, input + 10, 8 * sizeof *other);
    assert_true(other[8] == 0);
    assert_memory_equal(other + 9, input + 19, 11 * sizeof *other);
}

static void what_is_missing_counts_as_the_centre(void **state)
{
    (void)state;
    points p = {.time = {5}, .flux = {-40}, .error = {10}, .band = {1}};
    finish_points(&p, 1);
    p.lc.redshift = NAN;
    add_all_features(&contract, true);
    for (uint32_t i = 0; i < sl_contract_input_features(&contract); i++) contract.feature_center[i] = -1;
    assert_ok(run_alone(&p.lc, input, &err), &err);
    const float *value = input + 2 * STEPS;
    for (uint32_t i = 0; i < contract.n_features; i++) {
        const sl_feature feature = contract.features[i];
        if (feature == SL_FEATURE_REDSHIFT || feature == SL_FEATURE_LOG_LUMINOSITY || feature == SL_FEATURE_PEAK_PLACE) {
            assert_true(*value == 0);
        }
        if (feature == SL_FEATURE_HAS_REDSHIFT || feature == SL_FEATURE_LOG_SPAN) assert_true(*value == 1);
        if (feature == SL_FEATURE_NEGATIVE_SHARE) assert_true(*value == 2);
        if (feature == SL_FEATURE_LOG_MAX_SNR) assert_true(fabsf(*value - (float)log(5) - 1) < 1e-6f);
        if (feature == SL_FEATURE_BAND_MAX) assert_true(value[0] == 0 && value[1] == 0); /* none; and -1 */
        if (feature == SL_FEATURE_BAND_SKEW || feature == SL_FEATURE_BAND_CHI2) assert_true(value[1] == 0);
        if (feature == SL_FEATURE_BAND_POINTS) assert_true(value[0] == 1);
        value += sl_feature_of_bands(feature) ? 2 : 1;
    }
}

static void luminosity_distances_are_the_integral(void **state)
{
    (void)state;
    static const double z[] = {1e-4, 0.01, 0.1, 0.5, 1, 2, 5, 20, 1000};
    for (size_t i = 0; i < sizeof z / sizeof z[0]; i++) {
        enum { N = 200000 };
        double sum = 0; /* Simpson's, in ln(1 + z) */
        const double step = log1p(z[i]) / N;
        for (int k = 0; k <= N; k++) {
            const double x = exp(k * step);
            sum += (k == 0 || k == N ? 1 : k % 2 ? 4 : 2) * x / sqrt(0.3 * x * x * x + 0.7);
        }
        const double exact = (1 + z[i]) * 299792.458 / 70 * sum * step / 3;
        assert_true(fabs(sl_luminosity_distance(z[i]) / exact - 1) < (z[i] < 10 ? 1e-10 : 1e-8));
    }
}

static void broken_callers_hear_of_it(void **state)
{
    (void)state;
    points p = {.time = {0, 5}, .flux = {40, 50}, .error = {10, 10}, .band = {1, 2}};
    finish_points(&p, 1);
    add_all_features(&contract, true);
    p.lc.n = 2; /* of a band that the contract has not */
    assert_int_equal(run_alone(&p.lc, input, &err), SL_ERR_INVAL);
    p.lc.band = NULL;
    assert_int_equal(run_alone(&p.lc, input, &err), SL_ERR_INVAL);
    sl_gp_batch *batch;
    assert_ok(sl_gp_batch_new(&contract, 1, &batch, &err), &err);
    assert_int_equal(sl_gp_batch_add(batch, &p.lc, &err), SL_ERR_INVAL);
    assert_int_equal(sl_gp_batch_count(batch), 0);
    sl_gp_batch_free(batch);
    const double mean[2 * STEPS] = {0};
    assert_int_equal(sl_gp_scale(&contract, &p.lc, mean, input, &err), SL_ERR_INVAL);
}

#define WITH_GP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GP(everything_in_a_batch_is_as_alone),
        WITH_GP(features_of_some_bands_are_those_values),
        WITH_GP(nights_in_a_batch_are_as_alone),
        WITH_GP(features_need_no_grid),
        WITH_GP(planes_are_made_of_the_mean),
        WITH_GP(the_error_plane_is_the_deviation),
        WITH_GP(wavelengths_run_from_the_first_band_to_the_last),
        WITH_GP(nights_hold_what_they_say),
        WITH_GP(what_is_missing_counts_as_the_centre),
        WITH_GP(luminosity_distances_are_the_integral),
        WITH_GP(broken_callers_hear_of_it),
    };
    return cmocka_run_group_tests_name("input", tests, NULL, NULL);
}
