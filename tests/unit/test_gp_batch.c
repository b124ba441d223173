/* Many light curves at once: the same as one by one, and nobody harms a neighbour. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gp/gp_internal.h"

enum { MOST = 130, MANY = 150, INPUT = 200 };

typedef struct points {
    double time[MOST], flux[MOST], error[MOST], wavelength[MOST];
    sl_lightcurve lc;
} points;

typedef struct outcome {
    sl_status status;
    sl_gp_fit_info info;
    sl_error err;
    float input[INPUT];
} outcome;

static points curves[MANY];
static outcome alone[MANY];
static sl_contract contract;
static sl_gp *gp;
static sl_gp_batch *batch;
static sl_error err;

/* Light curves of all lengths around the lanes' limit, a bump with noise; every fifth is broken in its own way. */
static void make_curve(points *p, size_t n, int kind, sl_rng *rng)
{
    double time = 0;
    for (size_t i = 0; i < n; i++) {
        if (sl_rng_below(rng, 5) != 0) time += 6 * sl_rng_uniform(rng);
        const bool red = sl_rng_below(rng, 2) != 0;
        p->time[i] = kind == 1 ? 3 : time;
        p->wavelength[i] = red ? 6436.92 : 4804.79;
        p->error[i] = 5 + 30 * sl_rng_uniform(rng);
        p->flux[i] = (red ? 1500 : 1000) * exp(-(time - 30) * (time - 30) / 400) + p->error[i] * sl_rng_normal(rng);
    }
    const size_t i = n / 2;
    switch (kind) {
    case 2: p->flux[i] = NAN; break;
    case 3: p->error[i] = -1; break;
    case 4: p->error[i] = 1e200; break;
    case 5: p->flux[i] = 1e300; break;
    case 6: p->time[0] = time + 1; break; /* descends, but for one point */
    case 7: p->error[i] = 5e-324; break;
    case 8: memset(p->error, 0, sizeof p->error); break;
    case 9: memset(p->flux, 0, sizeof p->flux); break;
    default: break;
    }
    p->lc = (sl_lightcurve){.n = kind == 10 ? 0 : n,
                            .time = p->time,
                            .flux = p->flux,
                            .error = p->error,
                            .wavelength = p->wavelength,
                            .n_channels = 2,
                            .channel_wavelength = {4804.79, 6436.92}};
}

static int set_up(void **state)
{
    (void)state;
    sl_rng rng;
    sl_rng_init(&rng, 41, 0);
    if (sl_contract_preset("reference", &contract, NULL) != SL_OK || sl_gp_new(&gp, NULL) != SL_OK) return -1;
    if (sl_gp_batch_new(&contract, MANY, &batch, NULL) != SL_OK) return -1;
    for (size_t i = 0; i < MANY; i++) {
        const size_t n = i < MOST ? i + 1 : 1 + sl_rng_below(&rng, MOST);
        make_curve(&curves[i], n, i % 5 == 4 ? (int)(1 + i / 5 % 10) : 0, &rng);
        outcome *o = &alone[i];
        o->status = sl_gp_grid(gp, &contract, &curves[i].lc, o->input, NULL, &o->info, &o->err);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sl_gp_free(gp);
    sl_gp_batch_free(batch);
    return 0;
}

static void expect_as_alone(const sl_gp_batch *b, size_t at, size_t i)
{
    const float *input = NULL;
    sl_gp_fit_info info;
    const outcome *o = &alone[i];
    assert_int_equal(sl_gp_batch_result(b, at, &input, &info, &err), o->status);
    if (o->status != SL_OK) {
        assert_int_equal(err.reason, o->err.reason);
        assert_string_equal(err.message, o->err.message);
        return;
    }
    assert_memory_equal(input, o->input, sizeof o->input);
    assert_memory_equal(info.p, o->info.p, sizeof info.p);
    assert_memory_equal(info.start, o->info.start, sizeof info.start);
    assert_memory_equal(info.gradient, o->info.gradient, sizeof info.gradient);
    assert_memory_equal(&info.log_likelihood, &o->info.log_likelihood, sizeof info.log_likelihood);
    assert_int_equal(info.evaluations, o->info.evaluations);
    assert_int_equal(info.converged, o->info.converged);
    assert_int_equal(info.at_bound, o->info.at_bound);
}

static void the_broken_ones_are_refused_and_the_others_fitted(void **state)
{
    (void)state;
    int refused = 0;
    for (size_t i = 0; i < MANY; i++) {
        if (i % 5 != 4) assert_int_equal(alone[i].status, SL_OK);
        refused += alone[i].status != SL_OK;
    }
    assert_in_range(refused, 15, 25);
}

static void all_at_once_give_the_same_bits_as_each_alone(void **state)
{
    (void)state;
    sl_gp_batch_reset(batch);
    for (size_t i = 0; i < MANY; i++) assert_ok(sl_gp_batch_add(batch, &curves[i].lc, &err), &err);
    assert_int_equal(sl_gp_batch_count(batch), MANY);
    assert_ok(sl_gp_batch_run(batch, &err), &err);
    for (size_t i = MANY; i-- > 0;) expect_as_alone(batch, i, i);
}

/* Batches of any size, put together at random, one in the memory of the other. */
static void any_company_and_order_gives_the_same_bits(void **state)
{
    (void)state;
    sl_rng rng;
    sl_rng_init(&rng, 42, 0);
    for (int round = 0; round < 60; round++) {
        size_t who[40];
        const size_t n = 1 + sl_rng_below(&rng, 40), reach = sl_rng_below(&rng, 2) ? MANY : 20;
        sl_gp_batch_reset(batch);
        for (size_t k = 0; k < n; k++) {
            who[k] = sl_rng_below(&rng, (unsigned)reach);
            assert_ok(sl_gp_batch_add(batch, &curves[who[k]].lc, &err), &err);
            if (sl_rng_below(&rng, 10) == 0) assert_ok(sl_gp_batch_run(batch, &err), &err);
        }
        assert_ok(sl_gp_batch_run(batch, &err), &err);
        for (size_t k = 0; k < n; k++) expect_as_alone(batch, k, who[k]);
    }
}

static void the_points_are_copied(void **state)
{
    (void)state;
    points p = curves[10];
    p.lc.time = p.time;
    p.lc.flux = p.flux;
    p.lc.error = p.error;
    p.lc.wavelength = p.wavelength;
    sl_gp_batch_reset(batch);
    assert_ok(sl_gp_batch_add(batch, &p.lc, &err), &err);
    memset(&p, 0xff, sizeof p);
    assert_ok(sl_gp_batch_run(batch, &err), &err);
    expect_as_alone(batch, 0, 10);
}

static void broken_callers_hear_of_it(void **state)
{
    (void)state;
    sl_gp_batch *small = NULL;
    assert_int_equal(sl_gp_batch_new(&contract, 0, &small, &err), SL_ERR_INVAL);
    assert_null(small);
    assert_int_equal(sl_gp_batch_new(&contract, SL_GP_MOST_BATCH + 1, &small, &err), SL_ERR_INVAL);
    sl_contract broken = contract;
    broken.gp.tolerance = 0;
    assert_int_equal(sl_gp_batch_new(&broken, 1, &small, &err), SL_ERR_INVAL);
    assert_ok(sl_gp_batch_new(&contract, 1, &small, &err), &err);
    assert_ok(sl_gp_batch_run(small, &err), &err);
    assert_int_equal(sl_gp_batch_result(small, 0, NULL, NULL, &err), SL_ERR_INVAL);
    sl_lightcurve lc = curves[10].lc;
    lc.n_channels = 3;
    assert_int_equal(sl_gp_batch_add(small, &lc, &err), SL_ERR_INVAL);
    assert_ok(sl_gp_batch_add(small, &curves[10].lc, &err), &err);
    assert_int_equal(sl_gp_batch_add(small, &curves[10].lc, &err), SL_ERR_INVAL);
    assert_int_equal(sl_gp_batch_result(small, 0, NULL, NULL, &err), SL_ERR_INVAL); /* not run yet */
    assert_ok(sl_gp_batch_run(small, &err), &err);
    expect_as_alone(small, 0, 10);
    sl_gp_batch_free(small);
}

static sl_lightcurve long_curve(size_t n, bool hopeless)
{
    static double columns[4][SL_MAX_POINTS];
    for (size_t i = 0; i < n; i++) {
        columns[0][i] = (double)i;
        columns[1][i] = 100 * sin((double)i / 30) + (double)(i % 7);
        columns[2][i] = hopeless ? 1e200 : 5; /* whose square is beyond double */
        columns[3][i] = i % 2 ? 4804.79 : 6436.92;
    }
    return (sl_lightcurve){.n = n,
                           .time = columns[0],
                           .flux = columns[1],
                           .error = columns[2],
                           .wavelength = columns[3],
                           .n_channels = 2,
                           .channel_wavelength = {4804.79, 6436.92}};
}

/* The longest there is cannot be fitted here: that would take a sanitizer minutes. It is refused after its covariance. */
static void long_light_curves_beside_the_shortest(void **state)
{
    (void)state;
    sl_gp_fit_info info;
    sl_gp_batch_reset(batch);
    assert_ok(sl_gp_batch_add(batch, &curves[0].lc, &err), &err);
    sl_lightcurve lc = long_curve(400, false);
    assert_ok(sl_gp_batch_add(batch, &lc, &err), &err);
    lc = long_curve(SL_MAX_POINTS, true);
    assert_ok(sl_gp_batch_add(batch, &lc, &err), &err);
    assert_ok(sl_gp_batch_run(batch, &err), &err);
    expect_as_alone(batch, 0, 0);
    assert_ok(sl_gp_batch_result(batch, 1, NULL, &info, &err), &err);
    assert_true(info.converged && isfinite(info.log_likelihood));
    assert_int_equal(sl_gp_batch_result(batch, 2, NULL, &info, &err), SL_ERR_NUMERIC);
    assert_int_equal(err.reason, SL_REASON_NUMERIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_broken_ones_are_refused_and_the_others_fitted),
        cmocka_unit_test(all_at_once_give_the_same_bits_as_each_alone),
        cmocka_unit_test(any_company_and_order_gives_the_same_bits),
        cmocka_unit_test(the_points_are_copied),
        cmocka_unit_test(broken_callers_hear_of_it),
        cmocka_unit_test(long_light_curves_beside_the_shortest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
