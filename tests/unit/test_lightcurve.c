/* Each rule of a contract by itself: what it does to an alert's points. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "lightcurve/timescale.h"
#include "starling/lightcurve.h"

static sl_contract contract;
static sl_lightcurve_buffer *buffer;
static sl_lightcurve lc;
static sl_error err;

static int make_buffer(void **state)
{
    (void)state;
    return sl_lightcurve_buffer_new(&buffer, NULL);
}

static int free_buffer(void **state)
{
    (void)state;
    sl_lightcurve_buffer_free(buffer);
    return 0;
}

static int use_starling(void **state)
{
    (void)state;
    return sl_contract_preset("starling", &contract, NULL);
}

static int use_reference(void **state)
{
    (void)state;
    return sl_contract_preset("reference", &contract, NULL);
}

/* A flux in FLUXCAL at the middle of a TAI exposure: nothing to convert. */
static sl_point flux_point(double mjd, char band, double flux, double error)
{
    return (sl_point){.time = mjd,
                      .value = flux,
                      .error = error,
                      .zero_point = 27.5,
                      .limit_mag = NAN,
                      .exposure_s = NAN,
                      .band = band,
                      .kind = SL_POINT_DETECTION,
                      .unit = SL_UNIT_FLUX,
                      .flags = SL_POINT_MIDDLE_OF_EXPOSURE | SL_POINT_TAI};
}

static sl_point mag_point(double mjd, char band, double mag, double error, int sign)
{
    sl_point p = flux_point(mjd, band, mag, error);
    p.unit = SL_UNIT_MAG;
    p.zero_point = NAN;
    p.sign = (int8_t)sign;
    return p;
}

static sl_point with(sl_point p, sl_point_kind kind, int flags)
{
    p.kind = (uint8_t)kind;
    p.flags |= (uint8_t)flags;
    return p;
}

static sl_status build_as(sl_survey survey, const sl_point *points, size_t n)
{
    const sl_alert alert = {.survey = survey, .redshift = NAN, .redshift_error = NAN, .n_points = n, .points = points};
    return sl_lightcurve_build(&contract, &alert, buffer, &lc, &err);
}

#define BUILD(points) build_as(SL_SURVEY_LSST, points, sizeof(points) / sizeof(points)[0])
#define ASSERT_REFUSED(call, why)                                                                                      \
    do {                                                                                                               \
        assert_int_equal(call, SL_ERR_CONTRACT);                                                                       \
        assert_int_equal(err.reason, SL_REASON_##why);                                                                 \
        assert_null(lc.time);                                                                                          \
    } while (0)

static void assert_near(double a, double b, double relative)
{
    if (!(fabs(a - b) <= relative * fabs(b))) print_error("%.17g is not %.17g\n", a, b);
    assert_true(fabs(a - b) <= relative * fabs(b));
}

static void fluxes_of_every_zero_point_come_to_the_contracts(void **state)
{
    (void)state;
    sl_point p[] = {flux_point(1, 'g', 10, 1), flux_point(2, 'r', 363.078054770101, 36.3078054770101),
                    mag_point(3, 'g', 25, 0.1, 1)};
    p[1].zero_point = 31.4; /* nJy */
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 3);
    assert_near(lc.flux[0], 10, 1e-15);
    assert_near(lc.flux[1], 10, 1e-12);
    assert_near(lc.error[1], 1, 1e-12);
    assert_near(lc.flux[2], 10, 1e-12);
    assert_near(lc.error[2], 0.1 * 10 * 0.4 * log(10), 1e-6);
    contract.zero_point = 31.4;
    assert_ok(BUILD(p), &err);
    assert_near(lc.flux[0], 363.078054770101, 1e-12);
    assert_near(lc.flux[1], 363.078054770101, 1e-12);
    assert_near(lc.flux[2], 363.078054770101, 1e-12);
    p[1].zero_point = NAN;
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 2);
}

static void a_fading_source_is_negative_only_where_the_contract_says_so(void **state)
{
    (void)state;
    const sl_point p[] = {mag_point(1, 'g', 25, 0.1, -1), mag_point(2, 'r', 25, 0.1, 0), flux_point(3, 'r', -5, 1)};
    assert_ok(BUILD(p), &err);
    assert_near(lc.flux[0], -10, 1e-12);
    assert_true(lc.error[0] > 0);
    assert_near(lc.flux[1], 10, 1e-12);
    assert_near(lc.flux[2], -5, 0);
    contract.signed_flux = false;
    assert_ok(BUILD(p), &err);
    assert_near(lc.flux[0], 10, 1e-12);
    assert_near(lc.flux[2], -5, 0);
}

static void times_become_the_middle_of_the_exposure_in_tai(void **state)
{
    (void)state;
    sl_point p[] = {flux_point(2459000.5, 'g', 1, 1), flux_point(2459001.5, 'r', 1, 1),
                    flux_point(2459002.5, 'r', 1, 1), flux_point(2459003.5, 'r', 1, 1)};
    p[0].flags = 0;
    p[0].exposure_s = 300;
    p[1].flags = 0; /* of unknown length: 30 s */
    p[2].flags = SL_POINT_MIDDLE_OF_EXPOSURE;
    p[2].exposure_s = 300;
    p[3].flags = SL_POINT_TAI | SL_POINT_MIDDLE_OF_EXPOSURE;
    const sl_alert alert = {.survey = SL_SURVEY_ZTF, .time_is_jd = true, .n_points = 4, .points = p};
    assert_ok(sl_lightcurve_build(&contract, &alert, buffer, &lc, &err), &err);
    const double expected[] = {59000 + 187.0 / 86400, 59001 + 52.0 / 86400, 59002 + 37.0 / 86400, 59003};
    for (int i = 0; i < 4; i++) assert_true(fabs(lc.origin_mjd + lc.time[i] - expected[i]) < 1e-10);
    contract.exposure_moment = SL_EXPOSURE_AS_GIVEN;
    contract.time_scale = SL_SCALE_AS_GIVEN;
    assert_ok(sl_lightcurve_build(&contract, &alert, buffer, &lc, &err), &err);
    for (int i = 0; i < 4; i++) assert_true(lc.origin_mjd + lc.time[i] == 59000 + i);
}

static void leap_seconds_are_those_of_the_bulletins(void **state)
{
    (void)state;
    assert_true(sl_lightcurve_tai_minus_utc(30000) == 10);
    assert_true(sl_lightcurve_tai_minus_utc(41317) == 10);
    assert_true(sl_lightcurve_tai_minus_utc(41499) == 11);
    assert_true(sl_lightcurve_tai_minus_utc(51179) == 32);
    assert_true(sl_lightcurve_tai_minus_utc(53735.9) == 32);
    assert_true(sl_lightcurve_tai_minus_utc(57753.99999) == 36);
    assert_true(sl_lightcurve_tai_minus_utc(57754) == 37);
    assert_true(sl_lightcurve_tai_minus_utc(1e6) == 37);
}

static void time_runs_as_the_contract_says_and_always_ascends(void **state)
{
    (void)state;
    const sl_point p[] = {with(flux_point(90, 'g', NAN, NAN), SL_POINT_LIMIT, 0), flux_point(103, 'g', 3, 1),
                          flux_point(100, 'r', 1, 1), flux_point(101, 'g', 2, 1)};
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 3);
    assert_true(lc.time[0] == 0 && lc.time[1] == 1 && lc.time[2] == 3);
    assert_true(lc.flux[0] == 1 && lc.flux[1] == 2 && lc.flux[2] == 3);
    assert_true(lc.origin_mjd == 100);
    assert_int_equal(lc.band[0], 1);
    assert_near(lc.wavelength[0], 6436.92, 0);
    contract.time_order = SL_TIME_REVERSED; /* its origin is the packet's first point, the limit */
    assert_ok(BUILD(p), &err);
    assert_true(lc.time[0] == -13 && lc.time[1] == -11 && lc.time[2] == -10);
    assert_true(lc.flux[0] == 3 && lc.flux[2] == 1);
    assert_true(lc.origin_mjd == 90);
}

static void detections_and_forced_points_are_chosen_by_use(void **state)
{
    (void)state;
    const sl_point p[] = {flux_point(1, 'g', 1, 1), flux_point(2, 'r', 2, 1),
                          with(flux_point(3, 'g', 3, 1), SL_POINT_FORCED, 0),
                          with(flux_point(4, 'r', 4, 1), SL_POINT_FORCED, 0)};
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 4);
    contract.use = SL_USE_DETECTIONS;
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 2);
    assert_true(lc.flux[1] == 2);
    contract.use = SL_USE_FORCED;
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 2);
    assert_true(lc.flux[0] == 3);
    assert_ok(build_as(SL_SURVEY_NONE, p, 4), &err); /* a file's points count anyway */
    assert_int_equal(lc.n, 4);
}

static void points_in_unknown_bands_are_left_out(void **state)
{
    (void)state;
    const sl_point p[] = {flux_point(1, 'g', 1, 1), flux_point(2, 'z', 2, 1), flux_point(3, '?', 3, 1),
                          flux_point(4, '\0', 3, 1), flux_point(5, 'g', 4, 1)};
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 2);
    assert_int_equal(lc.bands_present, 1);
    assert_int_equal(lc.n_bands_present, 1);
    assert_int_equal(lc.n_channels, 2); /* the Gaussian process fills r */
    assert_near(lc.channel_wavelength[1], 6436.92, 0);
}

static void one_visit_counts_once_and_forced_photometry_wins(void **state)
{
    (void)state;
    const double second = 1.0 / 86400;
    const sl_point p[] = {
        flux_point(1, 'g', 1, 1),   with(flux_point(1 + 0.5 * second, 'g', 2, 9), SL_POINT_FORCED, 0),
        flux_point(1, 'r', 3, 1),   flux_point(2, 'g', 4, 1),
        flux_point(2, 'g', 5, 0.5), with(flux_point(2, 'r', 6, 5), SL_POINT_DETECTION, SL_POINT_CURRENT),
        flux_point(2, 'r', 7, 1),   flux_point(2 + 40 * second, 'r', 8, 1)};
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 5);
    const double expected[] = {3, 2, 5, 6, 8};
    for (int i = 0; i < 5; i++) assert_true(lc.flux[i] == expected[i]);
    contract.one_per_visit = false;
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 8);
}

static void a_visit_is_known_even_if_its_length_is_told_only_once(void **state)
{
    (void)state;
    sl_point p[] = {flux_point(1, 'g', 1, 1), with(flux_point(1, 'g', 2, 1), SL_POINT_FORCED, 0),
                    flux_point(2, 'r', 3, 1)};
    for (int i = 0; i < 3; i++) p[i].flags = 0;
    p[1].exposure_s = 300;
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 2);
    assert_true(lc.flux[0] == 2);
}

static void bad_points_are_dropped_or_refused(void **state)
{
    (void)state;
    const double inf = INFINITY;
    const sl_point p[] = {flux_point(1, 'g', 1, 1),    flux_point(2, 'g', 2, 0),     flux_point(3, 'g', 3, -1),
                          flux_point(4, 'g', 4, NAN),  flux_point(5, 'g', inf, 1),   flux_point(6, 'g', 6, inf),
                          flux_point(NAN, 'g', 7, 1),  flux_point(1e300, 'g', 8, 1), mag_point(9, 'g', -1e6, 1, 1),
                          flux_point(10, 'r', NAN, 1), flux_point(11, 'r', 9, 1),    flux_point(11, 'r', 9, 1)};
    contract.one_per_visit = false;
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 2);
    assert_true(lc.flux[0] == 1 && lc.flux[1] == 9);
    contract.drop_bad = false;
    assert_int_equal(BUILD(p), SL_ERR_NUMERIC);
    assert_int_equal(err.reason, SL_REASON_NUMERIC);
    assert_non_null(strstr(err.message, "point 3"));
    const sl_point few[] = {p[0], p[1], p[2], p[9], p[10], p[11]};
    assert_ok(BUILD(few), &err);
    assert_int_equal(lc.n, 5); /* only the null value is left out, and duplicates stay */
    assert_true(lc.error[1] == 0 && lc.error[2] == 1);
}

static void ztfs_number_for_no_forced_flux_is_null(void **state)
{
    (void)state;
    const sl_point p[] = {flux_point(1, 'g', 1, 1), flux_point(2, 'r', 1, 1),
                          with(flux_point(3, 'g', -99999, 1), SL_POINT_FORCED, 0)};
    assert_ok(build_as(SL_SURVEY_ZTF, p, 3), &err);
    assert_int_equal(lc.n, 2);
    assert_ok(build_as(SL_SURVEY_LSST, p, 3), &err);
    assert_int_equal(lc.n, 3);
}

static void the_window_is_laid_around_detections(void **state)
{
    (void)state;
    contract.window_before_day = 10;
    contract.window_after_day = 20;
    sl_point p[] = {with(flux_point(99.9, 'g', 1, 1), SL_POINT_FORCED, 0),
                    with(flux_point(100, 'g', 2, 1), SL_POINT_FORCED, 0),
                    with(flux_point(110, 'r', 3, 1), SL_POINT_FORCED, SL_POINT_DETECTED),
                    flux_point(120, 'z', 4, 1), /* of a band unknown, but a detection */
                    with(flux_point(140, 'r', 5, 1), SL_POINT_FORCED, 0),
                    with(flux_point(140.1, 'r', 6, 1), SL_POINT_FORCED, 0)};
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 3);
    assert_true(lc.flux[0] == 2 && lc.flux[2] == 5);
    contract.window_before_day = -1;
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 4);
    contract.window_after_day = -1;
    assert_ok(BUILD(p), &err);
    assert_int_equal(lc.n, 5);
    contract.window_before_day = contract.window_after_day = 0;
    p[2].flags = p[0].flags;
    p[3].kind = SL_POINT_FORCED;
    assert_ok(BUILD(p), &err); /* no detection: nothing to lay it around */
    assert_int_equal(lc.n, 5);
}

static void too_little_and_too_much_have_their_reasons(void **state)
{
    (void)state;
    const sl_point p[] = {flux_point(1, 'g', 1, 1), flux_point(2, 'g', 1, 1), flux_point(3, 'r', 1, 1)};
    ASSERT_REFUSED(build_as(SL_SURVEY_LSST, NULL, 0), NO_POINTS);
    ASSERT_REFUSED(build_as(SL_SURVEY_LSST, p, 1), TOO_FEW_POINTS);
    assert_int_equal(lc.n, 1);
    assert_int_equal(lc.bands_present, 1);
    contract.min_bands = 2;
    ASSERT_REFUSED(build_as(SL_SURVEY_LSST, p, 2), TOO_FEW_BANDS);
    assert_int_equal(lc.n, 2);
    assert_ok(build_as(SL_SURVEY_LSST, p, 3), &err);
    contract.max_points = 2;
    ASSERT_REFUSED(build_as(SL_SURVEY_LSST, p, 3), TOO_MANY_POINTS);
    assert_int_equal(lc.n, 3);
    const sl_point same[] = {flux_point(1, 'g', 1, 1), flux_point(1, 'r', 1, 1)};
    ASSERT_REFUSED(BUILD(same), NO_TIME_SPAN);
    /* Two times that differ, but not once they count from the packet's first. */
    contract.time_order = SL_TIME_REVERSED;
    const sl_point rounded[] = {with(flux_point(1, 'g', NAN, 1), SL_POINT_LIMIT, 0), flux_point(0, 'g', 1, 1),
                                flux_point(1e-300, 'r', 1, 1)};
    ASSERT_REFUSED(BUILD(rounded), NO_TIME_SPAN);
}

static void the_reference_takes_exactly_two_bands_whichever(void **state)
{
    (void)state;
    const sl_point p[] = {flux_point(1, 'r', 1, 1), flux_point(2, 'i', 1, 1), flux_point(3, 'g', 1, 1)};
    assert_ok(build_as(SL_SURVEY_LSST, p, 2), &err);
    assert_int_equal(lc.n_channels, 2);
    assert_near(lc.channel_wavelength[0], 6436.92, 0);
    assert_near(lc.channel_wavelength[1], 7968.22, 0);
    assert_int_equal(lc.bands_present, 6);
    ASSERT_REFUSED(build_as(SL_SURVEY_LSST, p, 3), TOO_MANY_BANDS);
    assert_int_equal(lc.bands_present, 7);
    const sl_point one[] = {p[0], p[0], p[0]};
    ASSERT_REFUSED(BUILD(one), TOO_FEW_BANDS);
}

static void a_needed_redshift_must_be_there(void **state)
{
    (void)state;
    const sl_point p[] = {flux_point(1, 'g', 1, 1), flux_point(2, 'r', 1, 1)};
    sl_alert alert = {.redshift = -9, .redshift_error = -9, .n_points = 2, .points = p};
    assert_ok(sl_lightcurve_build(&contract, &alert, buffer, &lc, &err), &err);
    assert_true(isnan(lc.redshift) && isnan(lc.redshift_error));
    contract.n_extras = 2;
    contract.extras[0] = SL_EXTRA_REDSHIFT;
    contract.extras[1] = SL_EXTRA_REDSHIFT_ERROR;
    contract.extra_mode = SL_EXTRAS_AS_CHANNELS;
    ASSERT_REFUSED(sl_lightcurve_build(&contract, &alert, buffer, &lc, &err), NO_REDSHIFT);
    alert.redshift = 0.5f;
    ASSERT_REFUSED(sl_lightcurve_build(&contract, &alert, buffer, &lc, &err), NO_REDSHIFT);
    alert.redshift_error = 0;
    assert_ok(sl_lightcurve_build(&contract, &alert, buffer, &lc, &err), &err);
    assert_true(lc.redshift == 0.5f && lc.redshift_error == 0);
}

static void the_order_of_the_points_does_not_matter(void **state)
{
    (void)state;
    enum { N = 300 };
    sl_point p[N];
    sl_rng rng;
    sl_rng_init(&rng, 11, 0);
    for (int i = 0; i < N; i++) {
        p[i] = flux_point((double)sl_rng_below(&rng, 100), "gri"[sl_rng_below(&rng, 3)], (double)sl_rng_below(&rng, 4),
                          1 + (double)sl_rng_below(&rng, 3));
        if (sl_rng_below(&rng, 2)) p[i].kind = SL_POINT_FORCED;
    }
    for (int visits = 0; visits < 2; visits++) {
        contract.one_per_visit = visits;
        assert_ok(BUILD(p), &err);
        const size_t n = lc.n;
        double time[N], flux[N];
        memcpy(time, lc.time, n * sizeof *time);
        memcpy(flux, lc.flux, n * sizeof *flux);
        for (size_t i = 1; i < n; i++) assert_true(time[i] >= time[i - 1]);
        for (int i = N - 1; i > 0; i--) {
            const size_t other = sl_rng_below(&rng, (uint64_t)i + 1);
            const sl_point swap = p[i];
            p[i] = p[other];
            p[other] = swap;
        }
        assert_ok(BUILD(p), &err);
        assert_int_equal(lc.n, n);
        assert_memory_equal(time, lc.time, n * sizeof *time);
        assert_memory_equal(flux, lc.flux, n * sizeof *flux);
    }
}

static void a_million_points_are_counted_and_refused(void **state)
{
    (void)state;
    enum { N = 1000000 };
    sl_point *p = malloc(N * sizeof *p);
    assert_non_null(p);
    for (int i = 0; i < N; i++) p[i] = flux_point(N - i, i % 2 ? 'g' : 'r', 1, 1);
    contract.window_before_day = contract.window_after_day = -1;
    ASSERT_REFUSED(build_as(SL_SURVEY_LSST, p, N), TOO_MANY_POINTS);
    assert_int_equal(lc.n, N);
    ASSERT_REFUSED(build_as(SL_SURVEY_LSST, p, 64000), TOO_MANY_POINTS);
    assert_int_equal(lc.n, 64000);
    for (int i = 0; i < 60000; i++) p[i].time = i % 1000;
    assert_ok(build_as(SL_SURVEY_LSST, p, 60000), &err); /* sixty measurements a visit */
    assert_int_equal(lc.n, 1000);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(fluxes_of_every_zero_point_come_to_the_contracts, use_starling),
        cmocka_unit_test_setup(a_fading_source_is_negative_only_where_the_contract_says_so, use_starling),
        cmocka_unit_test_setup(times_become_the_middle_of_the_exposure_in_tai, use_starling),
        cmocka_unit_test(leap_seconds_are_those_of_the_bulletins),
        cmocka_unit_test_setup(time_runs_as_the_contract_says_and_always_ascends, use_starling),
        cmocka_unit_test_setup(detections_and_forced_points_are_chosen_by_use, use_starling),
        cmocka_unit_test_setup(points_in_unknown_bands_are_left_out, use_starling),
        cmocka_unit_test_setup(one_visit_counts_once_and_forced_photometry_wins, use_starling),
        cmocka_unit_test_setup(a_visit_is_known_even_if_its_length_is_told_only_once, use_starling),
        cmocka_unit_test_setup(bad_points_are_dropped_or_refused, use_starling),
        cmocka_unit_test_setup(ztfs_number_for_no_forced_flux_is_null, use_starling),
        cmocka_unit_test_setup(the_window_is_laid_around_detections, use_starling),
        cmocka_unit_test_setup(too_little_and_too_much_have_their_reasons, use_starling),
        cmocka_unit_test_setup(the_reference_takes_exactly_two_bands_whichever, use_reference),
        cmocka_unit_test_setup(a_needed_redshift_must_be_there, use_starling),
        cmocka_unit_test_setup(the_order_of_the_points_does_not_matter, use_starling),
        cmocka_unit_test_setup(a_million_points_are_counted_and_refused, use_starling),
    };
    return cmocka_run_group_tests_name("lightcurve", tests, make_buffer, free_buffer);
}
