/* The Gaussian process: kernel, factor, likelihood, fit, prediction. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gp/gp_internal.h"

enum { MOST = 80 };

typedef struct points {
    double time[MOST], flux[MOST], error[MOST], wavelength[MOST];
    sl_lightcurve lc;
} points;

static sl_gp_rules rules;
static sl_gp *gp;
static sl_error err;

static int set_up(void **state)
{
    (void)state;
    sl_contract contract;
    if (sl_contract_preset("reference", &contract, NULL) != SL_OK) return -1;
    rules = contract.gp;
    return sl_gp_new(&gp, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    sl_gp_free(gp);
    return 0;
}

static void bind(points *p, size_t n)
{
    p->lc = (sl_lightcurve){.n = n,
                            .time = p->time,
                            .flux = p->flux,
                            .error = p->error,
                            .wavelength = p->wavelength,
                            .n_channels = 2,
                            .channel_wavelength = {4804.79, 6436.92}};
}

/* A bump in two bands with noise. */
static void bump(points *p, size_t n, uint64_t seed)
{
    sl_rng rng;
    sl_rng_init(&rng, seed, 0);
    double time = 0;
    for (size_t i = 0; i < n; i++) {
        time += 4 * sl_rng_uniform(&rng);
        const bool red = sl_rng_below(&rng, 2) != 0;
        p->time[i] = time;
        p->wavelength[i] = red ? 6436.92 : 4804.79;
        p->error[i] = 20 + 30 * sl_rng_uniform(&rng);
        p->flux[i] = (red ? 1500 : 1000) * exp(-(time - 30) * (time - 30) / 400) + p->error[i] * sl_rng_normal(&rng);
    }
    bind(p, n);
}

static double kernel(const points *p, size_t i, size_t j, const double q[2])
{
    const double dt = p->time[i] - p->time[j], dw = (p->wavelength[i] - p->wavelength[j]) / rules.wavelength_scale_aa;
    const double s = sqrt(3 * (dt * dt * exp(-q[1]) + dw * dw));
    const double noise = i == j ? p->error[i] * p->error[i] + rules.jitter : 0;
    return rules.amplitude_factor * exp(q[0]) * (1 + s) * exp(-s) + noise;
}

/* On both sides of where light curves stop going through the lanes. */
static void alpha_solves_the_system_of_equations(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 7, 8, 9, 31, SL_GP_LANE_POINTS, SL_GP_LANE_POINTS + 1, MOST};
    const double at[2] = {13, 3.5};
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        points p;
        sl_gp_engine engine = {0};
        sl_gp_curve curve;
        double room[5 * MOST], value, slope[2];
        const size_t n = lengths[k];
        bump(&p, n, 3 + k);
        sl_gp_curve_load(&curve, &rules, &p.lc, room);
        assert_ok(sl_gp_engine_evaluate(&engine, &rules, &curve, at, &value, slope, &err), &err);
        sl_gp_engine_release(&engine);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t j = 0; j < n; j++) sum += kernel(&p, i, j, at) * curve.alpha[j];
            assert_true(fabs(sum - p.flux[i]) < 1e-7);
        }
    }
}

static void likelihood_of_two_points_is_what_the_hand_computes(void **state)
{
    (void)state;
    points p = {.time = {0, 10}, .flux = {3, -1}, .error = {0.5, 2}, .wavelength = {4804.79, 6436.92}};
    bind(&p, 2);
    const double at[2] = {0.3, 3};
    const double a = kernel(&p, 0, 0, at), b = kernel(&p, 0, 1, at), c = kernel(&p, 1, 1, at);
    const double det = a * c - b * b;
    const double quadratic = (c * 9 - 2 * b * 3 * -1 + a * 1) / det;
    const double expected = -0.5 * quadratic - 0.5 * log(det) - log(2 * acos(-1));
    double value;
    assert_ok(sl_gp_log_likelihood(gp, &rules, &p.lc, at, &value, NULL, &err), &err);
    assert_true(fabs(value - expected) < 1e-14 * fabs(expected));
}

static void gradient_agrees_with_differences(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MOST; n += 7) {
        points p;
        bump(&p, n, 100 + n);
        const double at[2] = {12.5, 4.2}, h = 1e-4;
        double value, gradient[2];
        assert_ok(sl_gp_log_likelihood(gp, &rules, &p.lc, at, &value, gradient, &err), &err);
        for (int i = 0; i < 2; i++) {
            double side[2], q[2] = {at[0], at[1]};
            q[i] = at[i] + h;
            assert_ok(sl_gp_log_likelihood(gp, &rules, &p.lc, q, &side[0], NULL, &err), &err);
            q[i] = at[i] - h;
            assert_ok(sl_gp_log_likelihood(gp, &rules, &p.lc, q, &side[1], NULL, &err), &err);
            assert_true(fabs(gradient[i] - (side[0] - side[1]) / (2 * h)) < 1e-5 * (1 + fabs(gradient[i])));
        }
    }
}

static void the_fit_ends_where_no_neighbour_is_better(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MOST; n += 11) {
        points p;
        sl_gp_fit_info info;
        bump(&p, n, 1000 + n);
        assert_ok(sl_gp_fit(gp, &rules, &p.lc, &info, &err), &err);
        assert_true(info.converged);
        assert_true(info.p[1] >= rules.metric_min && info.p[1] <= rules.metric_max);
        assert_true(fabs(info.p[0] - info.start[0]) <= rules.amplitude_halfwidth + 1e-12);
        for (int k = 0; k < 8; k++) {
            double value, q[2] = {info.p[0] + 0.3 * cos(k), info.p[1] + 0.3 * sin(k)};
            if (q[1] < rules.metric_min || q[1] > rules.metric_max) continue;
            if (fabs(q[0] - info.start[0]) > rules.amplitude_halfwidth) continue;
            assert_ok(sl_gp_log_likelihood(gp, &rules, &p.lc, q, &value, NULL, &err), &err);
            assert_true(value <= info.log_likelihood + 1e-6 * fabs(info.log_likelihood));
        }
    }
}

static void the_start_is_the_flux_that_stands_out_most(void **state)
{
    (void)state;
    points p = {.time = {0, 1, 2}, .flux = {100, -60, 8}, .error = {50, 1, 1}, .wavelength = {5e3, 5e3, 6e3}};
    bind(&p, 3);
    sl_gp_fit_info info;
    assert_ok(sl_gp_fit(gp, &rules, &p.lc, &info, &err), &err);
    assert_true(fabs(info.start[0] - log(30.0 * 30.0 / 2)) < 1e-13);
    assert_true(info.start[1] == rules.metric_start);
}

static void noise_and_straight_lines_end_at_the_bounds(void **state)
{
    (void)state;
    points p;
    bump(&p, 40, 9);
    for (size_t i = 0; i < 40; i++) {
        p.time[i] = (double)i * 5;
        p.flux[i] = i % 2 ? 1000 : -1000;
        p.error[i] = 1;
        p.wavelength[i] = 5000;
    }
    sl_gp_fit_info info;
    assert_ok(sl_gp_fit(gp, &rules, &p.lc, &info, &err), &err);
    assert_true(info.p[1] == rules.metric_min && info.at_bound);
    for (size_t i = 0; i < 40; i++) p.flux[i] = 1000;
    assert_ok(sl_gp_fit(gp, &rules, &p.lc, &info, &err), &err);
    assert_true(info.p[1] == rules.metric_max && info.at_bound);
}

static void the_mean_goes_through_points_without_noise(void **state)
{
    (void)state;
    points p;
    bump(&p, 25, 4);
    for (size_t i = 0; i < 25; i++) p.error[i] = 1e-3;
    for (size_t i = 0; i < 25; i++) p.time[i] = 3 * (double)i;
    sl_gp_fit_info info;
    assert_ok(sl_gp_fit(gp, &rules, &p.lc, &info, &err), &err);
    for (size_t i = 0; i < 25; i++) {
        double mean;
        assert_ok(sl_gp_predict(gp, 1, &p.time[i], 1, &p.wavelength[i], &mean, &err), &err);
        assert_true(fabs(mean - p.flux[i]) < 0.01);
    }
}

static void many_places_are_predicted_as_one_by_one(void **state)
{
    (void)state;
    points p;
    bump(&p, 13, 5);
    assert_ok(sl_gp_fit(gp, &rules, &p.lc, NULL, &err), &err);
    static double time[300], mean[900];
    const double wavelength[3] = {4000, 5000, 9000};
    for (int i = 0; i < 300; i++) time[i] = 0.3 * i - 10;
    assert_ok(sl_gp_predict(gp, 300, time, 3, wavelength, mean, &err), &err);
    for (int i = 0; i < 900; i++) {
        double one;
        assert_ok(sl_gp_predict(gp, 1, &time[i / 3], 1, &wavelength[i % 3], &one, &err), &err);
        assert_true(one == mean[i]);
    }
}

static void former_fits_leave_no_trace(void **state)
{
    (void)state;
    points small, large;
    bump(&small, 6, 6);
    bump(&large, 70, 7);
    sl_gp *fresh;
    sl_gp_fit_info a, b;
    assert_ok(sl_gp_new(&fresh, &err), &err);
    assert_ok(sl_gp_fit(fresh, &rules, &small.lc, &a, &err), &err);
    assert_ok(sl_gp_fit(gp, &rules, &large.lc, &b, &err), &err);
    assert_ok(sl_gp_fit(gp, &rules, &small.lc, &b, &err), &err);
    assert_memory_equal(a.p, b.p, sizeof a.p);
    assert_memory_equal(&a.log_likelihood, &b.log_likelihood, sizeof a.log_likelihood);
    for (int i = 0; i < 20; i++) {
        const double time = i - 2, wavelength = 5500;
        double one, other;
        assert_ok(sl_gp_predict(fresh, 1, &time, 1, &wavelength, &one, &err), &err);
        assert_ok(sl_gp_predict(gp, 1, &time, 1, &wavelength, &other, &err), &err);
        assert_memory_equal(&one, &other, sizeof one);
    }
    assert_int_equal(a.evaluations, b.evaluations);
    sl_gp_free(fresh);
}

static void another_unit_of_flux_changes_nothing_but_the_amplitude(void **state)
{
    (void)state;
    points p;
    bump(&p, 20, 8);
    sl_gp_rules plain = rules;
    plain.jitter = 0;
    sl_gp_fit_info a, b;
    assert_ok(sl_gp_fit(gp, &plain, &p.lc, &a, &err), &err);
    for (int power = -40; power <= 50; power += 30) {
        points q = p;
        bind(&q, 20);
        for (size_t i = 0; i < 20; i++) {
            q.flux[i] = ldexp(p.flux[i], power);
            q.error[i] = ldexp(p.error[i], power);
        }
        assert_ok(sl_gp_fit(gp, &plain, &q.lc, &b, &err), &err);
        /* The tolerance is one of the likelihood, and relative to it: in either unit as good, within both. */
        const double there[2] = {b.p[0] - 2 * power * log(2), b.p[1]};
        double value;
        assert_ok(sl_gp_log_likelihood(gp, &plain, &p.lc, there, &value, NULL, &err), &err);
        assert_true(fabs(value - a.log_likelihood) < 1e-6 * (fabs(a.log_likelihood) + fabs(b.log_likelihood)));
        assert_true(fabs(there[0] - a.p[0]) < 0.01);
        assert_true(fabs(there[1] - a.p[1]) < 0.01);
    }
}

static void light_curves_at_the_edge_are_fitted(void **state)
{
    (void)state;
    sl_gp_fit_info info;
    points one = {.time = {5}, .flux = {7}, .error = {1}, .wavelength = {5000}};
    bind(&one, 1);
    assert_ok(sl_gp_fit(gp, &rules, &one.lc, &info, &err), &err);
    points dark = {.time = {0, 1}, .error = {2, 3}, .wavelength = {5000, 6000}};
    bind(&dark, 2);
    assert_ok(sl_gp_fit(gp, &rules, &dark.lc, &info, &err), &err);
    assert_true(fabs(info.start[0] - log(1.5 * 1.5 / 2)) < 1e-13);
    points moment = {.time = {1, 1, 1}, .flux = {5, 6, 50}, .error = {1, 1, 9}, .wavelength = {5e3, 5e3, 6e3}};
    bind(&moment, 3);
    assert_ok(sl_gp_fit(gp, &rules, &moment.lc, &info, &err), &err);
    points exact = {.time = {0, 3}, .flux = {1e9, 1e9}, .wavelength = {5e3, 6e3}};
    bind(&exact, 2);
    assert_ok(sl_gp_fit(gp, &rules, &exact.lc, &info, &err), &err);
}

/* Without errors the second of two equal points leaves a pivot of 0 or of one
   rounding error, as the flux has it. */
static void a_singular_covariance_is_refused_or_fitted_to_something_finite(void **state)
{
    (void)state;
    int refused = 0;
    for (int i = 0; i < 100; i++) {
        points p = {.time = {0, 0}, .flux = {1e9 + i, 1e9 + i}, .wavelength = {5e3, 5e3}};
        bind(&p, 2);
        sl_gp_fit_info info;
        const sl_status status = sl_gp_fit(gp, &rules, &p.lc, &info, &err);
        double mean;
        if (status == SL_OK) {
            assert_true(isfinite(info.log_likelihood));
            continue;
        }
        refused++;
        assert_int_equal(status, SL_ERR_NUMERIC);
        assert_int_equal(err.reason, SL_REASON_NUMERIC);
        assert_int_equal(sl_gp_predict(gp, 1, p.time, 1, p.wavelength, &mean, &err), SL_ERR_INVAL);
    }
    assert_in_range(refused, 1, 99);
}

static void values_that_are_no_measurement_are_refused(void **state)
{
    (void)state;
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int field = 0; field < 4; field++) {
        for (int i = 0; i < 3; i++) {
            points p;
            bump(&p, 5, 2);
            double *fields[] = {p.time, p.flux, p.error, p.wavelength};
            fields[field][2] = bad[i];
            assert_int_equal(sl_gp_fit(gp, &rules, &p.lc, NULL, &err), SL_ERR_NUMERIC);
            assert_int_equal(err.reason, SL_REASON_NUMERIC);
        }
    }
    points p;
    bump(&p, 5, 2);
    p.error[1] = -1;
    assert_int_equal(sl_gp_fit(gp, &rules, &p.lc, NULL, &err), SL_ERR_NUMERIC);
    bump(&p, 5, 2);
    p.error[1] = 1e200;
    assert_int_equal(sl_gp_fit(gp, &rules, &p.lc, NULL, &err), SL_ERR_NUMERIC);
    bump(&p, 5, 2);
    p.flux[1] = 1e300;
    assert_int_equal(sl_gp_fit(gp, &rules, &p.lc, NULL, &err), SL_ERR_NUMERIC);
}

static void broken_callers_hear_of_it(void **state)
{
    (void)state;
    points p;
    bump(&p, 5, 2);
    p.lc.n = 0;
    assert_int_equal(sl_gp_fit(gp, &rules, &p.lc, NULL, &err), SL_ERR_CONTRACT);
    assert_int_equal(err.reason, SL_REASON_NO_POINTS);
    p.lc.n = SL_MAX_POINTS + 1;
    assert_int_equal(sl_gp_fit(gp, &rules, &p.lc, NULL, &err), SL_ERR_CONTRACT);
    assert_int_equal(err.reason, SL_REASON_TOO_MANY_POINTS);
    bump(&p, 5, 2);
    p.time[0] = p.time[4] + 1;
    assert_int_equal(sl_gp_fit(gp, &rules, &p.lc, NULL, &err), SL_ERR_INVAL);
    sl_gp_rules broken = rules;
    broken.metric_start = broken.metric_max + 1;
    bump(&p, 5, 2);
    assert_int_equal(sl_gp_fit(gp, &broken, &p.lc, NULL, &err), SL_ERR_INVAL);
    const double nowhere[2] = {NAN, 1};
    double value;
    assert_int_equal(sl_gp_log_likelihood(gp, &rules, &p.lc, nowhere, &value, NULL, &err), SL_ERR_INVAL);
    assert_ok(sl_gp_fit(gp, &rules, &p.lc, NULL, &err), &err);
    const double time = NAN;
    assert_int_equal(sl_gp_predict(gp, 1, &time, 1, p.wavelength, &value, &err), SL_ERR_NUMERIC);
}

/* Any size of time, flux and error, duplicates, few wavelengths. */
static void wild(points *p, size_t n, sl_rng *rng)
{
    const double time_unit = pow(10, 12 * sl_rng_uniform(rng) - 6), flux_unit = pow(10, 25 * sl_rng_uniform(rng) - 10);
    const double error_unit = flux_unit * pow(10, 20 * sl_rng_uniform(rng) - 12);
    double time = -time_unit;
    for (size_t i = 0; i < n; i++) {
        if (sl_rng_below(rng, 3) != 0) time += time_unit * sl_rng_uniform(rng);
        p->time[i] = time;
        p->flux[i] = flux_unit * sl_rng_normal(rng);
        p->error[i] = error_unit * (sl_rng_below(rng, 8) == 0 ? 1e-6 : sl_rng_uniform(rng));
        p->wavelength[i] = 3000 + 2000 * (double)sl_rng_below(rng, 4);
    }
    bind(p, n);
}

static void wild_light_curves_end_in_a_fit_or_a_reason(void **state)
{
    (void)state;
    sl_rng rng;
    sl_rng_init(&rng, 2026, 1);
    int fitted = 0;
    for (int i = 0; i < 3000; i++) {
        points p;
        sl_gp_fit_info info;
        wild(&p, 1 + sl_rng_below(&rng, 30), &rng);
        const sl_status status = sl_gp_fit(gp, &rules, &p.lc, &info, &err);
        if (status != SL_OK) {
            assert_int_equal(status, SL_ERR_NUMERIC);
            continue;
        }
        fitted++;
        double at_start;
        assert_in_range(info.evaluations, 1, 80);
        assert_ok(sl_gp_log_likelihood(gp, &rules, &p.lc, info.start, &at_start, NULL, &err), &err);
        assert_true(info.log_likelihood >= at_start);
        assert_true(isfinite(info.p[0]) && info.p[1] >= rules.metric_min && info.p[1] <= rules.metric_max);
    }
    assert_in_range(fitted, 2000, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alpha_solves_the_system_of_equations),
        cmocka_unit_test(likelihood_of_two_points_is_what_the_hand_computes),
        cmocka_unit_test(gradient_agrees_with_differences),
        cmocka_unit_test(the_fit_ends_where_no_neighbour_is_better),
        cmocka_unit_test(the_start_is_the_flux_that_stands_out_most),
        cmocka_unit_test(noise_and_straight_lines_end_at_the_bounds),
        cmocka_unit_test(the_mean_goes_through_points_without_noise),
        cmocka_unit_test(many_places_are_predicted_as_one_by_one),
        cmocka_unit_test(former_fits_leave_no_trace),
        cmocka_unit_test(another_unit_of_flux_changes_nothing_but_the_amplitude),
        cmocka_unit_test(light_curves_at_the_edge_are_fitted),
        cmocka_unit_test(a_singular_covariance_is_refused_or_fitted_to_something_finite),
        cmocka_unit_test(values_that_are_no_measurement_are_refused),
        cmocka_unit_test(broken_callers_hear_of_it),
        cmocka_unit_test(wild_light_curves_end_in_a_fit_or_a_reason),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
