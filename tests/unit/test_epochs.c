/* Answers behind every step: when the steps are, and that an alert knows no more than one that ends there. */
#include <math.h>

#include "model/model_write.h"
#include "pipeline/classifier.h"
#include "random_stack.h"
#include "unit.h"

enum { MOST_POINTS = 40, CLASSES = 4, GRID = 25, NIGHTS = 9 };

typedef struct opened {
    sl_arena arena;
    void *bytes;
    sl_model *model;
    sl_classifier *classifier;
} opened;

/* A GRU on the grid or on nights, or one that looks both ways. */
static opened open_net(bool nights, bool both)
{
    opened o = {0};
    sl_error err;
    size_t n_bytes;
    sl_arena_init(&o.arena, 1 << 26);
    stack s = new_stack(&o.arena, 3, GRID, 2, 0, CLASSES);
    sl_contract *c = &s.parts->contract;
    sl_contract_preset("starling", c, NULL);
    c->gp.grid_length = GRID;
    c->n_classes = CLASSES;
    c->time_scale = SL_SCALE_AS_GIVEN;
    c->exposure_moment = SL_EXPOSURE_AS_GIVEN;
    if (nights) stack_nights(&s, NIGHTS);
    c->scaling = SL_SCALING_NONE; /* so that a light curve's end says nothing about its beginning */
    stack_recurrent(&s, SL_LAYER_GRU, 7, both);
    stack_last_step(&s);
    stack_end(&s);
    assert_ok(sl_model_write_memory(s.parts, &o.bytes, &n_bytes, &err), &err);
    assert_ok(sl_model_open_memory(o.bytes, n_bytes, &o.model, &err), &err);
    assert_ok(sl_classifier_new(o.model, &o.classifier, &err), &err);
    return o;
}

static void close_net(opened *o)
{
    sl_classifier_free(o->classifier);
    sl_model_close(o->model);
    free(o->bytes);
    sl_arena_release(&o->arena);
}

/* Two points a night, some nights apart. */
static sl_alert make_alert(sl_point *points, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        points[i] = (sl_point){.time = 59000 + (double)(i / 2) * (2 + seed % 3) + 0.01 * (double)(i % 2),
                               .value = sin(0.4 * (double)i + seed), .error = 0.1, .zero_point = 27.5, .limit_mag = NAN,
                               .exposure_s = NAN, .band = i % 2 ? 'g' : 'r', .unit = SL_UNIT_FLUX};
    }
    return (sl_alert){.n_points = n, .points = points, .redshift = NAN, .redshift_error = NAN};
}

static void steps_of_a_grid_go_from_the_first_point_to_the_last(void **state)
{
    (void)state;
    opened o = open_net(false, false);
    sl_error err;
    sl_result r;
    sl_point points[MOST_POINTS];
    const sl_alert alert = make_alert(points, 12, 1);
    assert_ok(sl_classifier_alert(o.classifier, &alert, &r, &err), &err);
    assert_int_equal(r.n_steps, 0);
    assert_null(r.step_p);
    assert_ok(sl_classifier_every_epoch(o.classifier, &err), &err);
    assert_ok(sl_classifier_alert(o.classifier, &alert, &r, &err), &err);
    assert_int_equal(r.outcome, SL_CLASSIFIED);
    assert_int_equal(r.n_steps, GRID);
    assert_true(fabs(r.step_mjd[0] - 59000) < 1e-9);
    assert_true(fabs(r.step_mjd[GRID - 1] - points[11].time) < 1e-9);
    for (size_t t = 1; t < GRID; t++) {
        const double step = (points[11].time - 59000) / (GRID - 1);
        assert_true(fabs(r.step_mjd[t] - r.step_mjd[t - 1] - step) < 1e-9);
    }
    assert_memory_equal(r.step_p + (GRID - 1) * CLASSES, r.p, sizeof(float) * CLASSES);
    assert_true(memcmp(r.step_p, r.p, sizeof(float) * CLASSES) != 0);
    close_net(&o);
}

static sl_status keep(void *user, const sl_result *result)
{
    sl_result **next = user;
    **next = *result;
    (*next)++;
    return SL_OK;
}

/* Of nights the answer behind each is the very one that the alert of that night gets. */
static void nights_know_nothing_of_later_ones(void **state)
{
    (void)state;
    enum { ALERTS = 20 };
    opened o = open_net(true, false), alone = open_net(true, false);
    sl_error err;
    static sl_point points[ALERTS][MOST_POINTS];
    sl_result results[ALERTS], *next = results, r;
    assert_ok(sl_classifier_every_epoch(o.classifier, &err), &err);
    for (size_t k = 0; k < ALERTS; k++) {
        const sl_alert alert = make_alert(points[k], 2 + 2 * (k % NIGHTS), (unsigned)k);
        assert_ok(sl_classifier_add(o.classifier, &alert, &err), &err);
    }
    assert_ok(sl_classifier_finish(o.classifier, keep, &next, &err), &err);
    for (size_t k = 0; k < ALERTS; k++) {
        assert_int_equal(results[k].outcome, SL_CLASSIFIED);
        assert_int_equal(results[k].n_steps, 1 + k % NIGHTS);
        for (size_t t = 0; t < results[k].n_steps; t++) {
            const sl_alert cut = make_alert(points[k], 2 * (t + 1), (unsigned)k);
            assert_true(fabs(results[k].step_mjd[t] - points[k][2 * t].time) < 1e-9);
            assert_ok(sl_classifier_alert(alone.classifier, &cut, &r, &err), &err);
            assert_memory_equal(results[k].step_p + t * CLASSES, r.p, sizeof(float) * CLASSES);
        }
    }
    close_net(&o);
    close_net(&alone);
}

/* More nights than there are rows: the last are kept. */
static void the_last_nights_are_told(void **state)
{
    (void)state;
    opened o = open_net(true, false);
    sl_error err;
    sl_result r;
    sl_point points[MOST_POINTS];
    const sl_alert alert = make_alert(points, 2 * NIGHTS + 6, 2);
    assert_ok(sl_classifier_every_epoch(o.classifier, &err), &err);
    assert_ok(sl_classifier_alert(o.classifier, &alert, &r, &err), &err);
    assert_int_equal(r.n_steps, NIGHTS);
    for (size_t t = 0; t < NIGHTS; t++) assert_true(fabs(r.step_mjd[t] - points[2 * t + 6].time) < 1e-9);
    close_net(&o);
}

static void a_network_that_looks_both_ways_cannot_tell(void **state)
{
    (void)state;
    opened o = open_net(false, true);
    sl_error err;
    assert_int_equal(sl_classifier_every_epoch(o.classifier, &err), SL_ERR_UNSUPPORTED);
    close_net(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_of_a_grid_go_from_the_first_point_to_the_last),
        cmocka_unit_test(nights_know_nothing_of_later_ones),
        cmocka_unit_test(the_last_nights_are_told),
        cmocka_unit_test(a_network_that_looks_both_ways_cannot_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
