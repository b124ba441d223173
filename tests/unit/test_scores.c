/* Scores: values worked out by hand, and what must hold of any. tests/oracle/test_scores.py asks scikit-learn. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "starling/scores.h"

/* Classes with and without a double weight in Kaggle's. */
static const sl_class three[] = {{"SNII", 42, 0}, {"TDE", 15, 0}, {"KN", 64, 0}};

/* Six rows: classes 0 0 0 1 1 2, answers 0 0 1 1 0 2. */
static const uint8_t six_label[] = {0, 0, 0, 1, 1, 2};
static const float six_p[] = {
    0.5f,   0.25f, 0.25f,  //
    0.5f,   0.25f, 0.25f,  //
    0.25f,  0.5f,  0.25f,  //
    0.125f, 0.75f, 0.125f, //
    0.75f,  0.125f, 0.125f, //
    0.0f,   0.0f,  1.0f,
};
static const sl_scores_input six = {.n = 6, .n_classes = 3, .classes = three, .p = six_p, .label = six_label};

static void near(double x, double wanted)
{
    if (!(fabs(x - wanted) <= 1e-12 * fmax(1, fabs(wanted)))) {
        print_error("%.17g, wanted %.17g\n", x, wanted);
        fail();
    }
}

static sl_scores *compute(const sl_scores_input *input, uint32_t resamples)
{
    sl_scores *s = malloc(sizeof *s);
    sl_error err;
    const sl_scores_options options = {.resamples = resamples, .seed = 7};
    assert_ok(sl_scores_compute(input, &options, s, &err), &err);
    return s;
}

static void six_rows_have_the_figures_worked_out_by_hand(void **state)
{
    (void)state;
    sl_scores *s = compute(&six, 0);
    const double ln2 = log(2);
    const double l0 = (1 + 1 + 2) * ln2 / 3, l1 = (-log(0.75) + 3 * ln2) / 2, l2 = log1p(1e-15);
    near(s->of_class[0].figure[SL_CLASS_LOG_LOSS].value, l0);
    near(s->of_class[1].figure[SL_CLASS_LOG_LOSS].value, l1);
    assert_true(fabs(s->of_class[2].figure[SL_CLASS_LOG_LOSS].value - l2) < 1e-14);
    near(s->figure[SL_FIGURE_LOG_LOSS].value, (l0 + l1) / 3);
    near(s->figure[SL_FIGURE_LOG_LOSS_KAGGLE].value, (l0 + 2 * l1) / 5);
    near(s->figure[SL_FIGURE_LOG_LOSS_ROWS].value, (3 * l0 + 2 * l1) / 6);
    near(s->figure[SL_FIGURE_ACCURACY].value, 4.0 / 6);
    /* right 2 1 1, answered 3 2 1, rows 3 2 1 */
    near(s->of_class[0].figure[SL_CLASS_PRECISION].value, 2.0 / 3);
    near(s->of_class[1].figure[SL_CLASS_RECALL].value, 0.5);
    near(s->of_class[1].figure[SL_CLASS_F1].value, 0.5);
    near(s->figure[SL_FIGURE_RECALL].value, (2.0 / 3 + 0.5 + 1) / 3);
    near(s->figure[SL_FIGURE_F1].value, (2.0 / 3 + 0.5 + 1) / 3);
    /* class 0: .75- .5+ .5+ .25+ .125- 0-: of 9 pairs the first of others beats 3; with 6 won */
    near(s->of_class[0].figure[SL_CLASS_ROC_AREA].value, 6.0 / 9);
    /* recall 2/3 at precision 2/3 (two at once), then 1 at 3/4 */
    near(s->of_class[0].figure[SL_CLASS_PR_AREA].value, 2.0 / 3 * (2.0 / 3) + 1.0 / 3 * (3.0 / 4));
    /* class 1: .75+ .5- .25- .25- .125+ 0-: 4 + 1 of 8 */
    near(s->of_class[1].figure[SL_CLASS_ROC_AREA].value, 5.0 / 8);
    near(s->of_class[2].figure[SL_CLASS_ROC_AREA].value, 1);
    assert_int_equal(s->confusion[0][0], 2);
    assert_int_equal(s->confusion[0][1], 1);
    assert_int_equal(s->confusion[1][0], 1);
    assert_int_equal(s->confusion[2][2], 1);
    assert_int_equal(s->of_class[0].answered, 3);
    assert_int_equal(s->n_present, 3);
    assert_true(isnan(s->figure[SL_FIGURE_LOG_LOSS].low));
    free(s);
}

static void calibration_bins_are_those_worked_out_by_hand(void **state)
{
    (void)state;
    sl_scores *s = compute(&six, 0);
    /* By width: .5 in (7/15, 8/15] three rows, two right; .75 in (11/15, 12/15] two rows, one right; 1 in the last. */
    const sl_reliability *bin = s->reliability[SL_CALIBRATION_WIDTH];
    near(bin[7].share, 0.5);
    near(bin[7].confidence, 0.5);
    near(bin[7].accuracy.value, 2.0 / 3);
    near(bin[11].accuracy.value, 0.5);
    near(bin[14].share, 1.0 / 6);
    assert_true(isnan(bin[0].accuracy.value) && isnan(bin[0].confidence));
    assert_true(fabs(s->figure[SL_FIGURE_ECE].value - (3 * (2.0 / 3 - 0.5) + 2 * 0.25) / 6) < 1e-12);
    /* Balanced: a row of class 0 weighs 1/9, of 1 1/6, of 2 1/3. .5: (right 2/9, sum .5 3/9); .75: (1/6, .75 2/6). */
    assert_true(fabs(s->figure[SL_FIGURE_ECE_BALANCED].value - (2.0 / 9 - 1.5 / 9 + 0.25 - 1.0 / 6)) < 1e-12);
    /* By mass: six rows, a bin each. */
    assert_true(fabs(s->figure[SL_FIGURE_ECE_MASS].value - (0.5 + 0.5 + 0.5 + 0.25 + 0.75) / 6) < 1e-12);
    free(s);
}

static void absent_classes_are_left_out(void **state)
{
    (void)state;
    static const uint8_t label[] = {0, 0};
    static const float p[] = {0.5f, 0.25f, 0.25f, 0.25f, 0.5f, 0.25f};
    const sl_scores_input input = {.n = 2, .n_classes = 3, .classes = three, .p = p, .label = label};
    sl_scores *s = compute(&input, 20);
    assert_int_equal(s->n_present, 1);
    near(s->figure[SL_FIGURE_LOG_LOSS].value, 1.5 * log(2));
    near(s->figure[SL_FIGURE_LOG_LOSS_KAGGLE].value, 1.5 * log(2));
    near(s->figure[SL_FIGURE_RECALL].value, 0.5);
    assert_true(isnan(s->of_class[1].figure[SL_CLASS_LOG_LOSS].value));
    assert_true(isnan(s->of_class[1].figure[SL_CLASS_LOG_LOSS].low));
    assert_true(isnan(s->of_class[0].figure[SL_CLASS_ROC_AREA].value)); /* no others */
    assert_true(isnan(s->figure[SL_FIGURE_ROC_AREA].value));
    near(s->of_class[0].figure[SL_CLASS_PR_AREA].value, 1);
    free(s);
}

static void wrong_rows_are_refused(void **state)
{
    (void)state;
    sl_scores *s = malloc(sizeof *s);
    sl_error err;
    const sl_scores_options options = {0};
    float p[sizeof six_p / sizeof six_p[0]];
    sl_scores_input input = six;
    input.p = p;
    static const float bad[][3] = {{NAN, 1, 0}, {INFINITY, 0, 0}, {0, 0, 0}, {-1, -1, 0}};
    for (int i = 0; i < 4; i++) {
        memcpy(p, six_p, sizeof p);
        memcpy(p + 6, bad[i], sizeof bad[i]);
        assert_int_equal(sl_scores_compute(&input, &options, s, &err), SL_ERR_NUMERIC);
        assert_non_null(strstr(err.message, "row 2"));
    }
    input = six;
    static const uint8_t label[] = {0, 0, 3, 1, 1, 2};
    input.label = label;
    assert_int_equal(sl_scores_compute(&input, &options, s, &err), SL_ERR_INVAL);
    input = six;
    static const uint32_t group[] = {0, 1, 2, 0, 0, 5};
    input.group = group;
    input.n_groups = 5;
    assert_int_equal(sl_scores_compute(&input, &options, s, &err), SL_ERR_INVAL);
    input = six;
    input.n = 0;
    assert_int_equal(sl_scores_compute(&input, &options, s, &err), SL_ERR_INVAL);
    input.n = 6;
    input.n_classes = 65;
    assert_int_equal(sl_scores_compute(&input, &options, s, &err), SL_ERR_INVAL);
    free(s);
}

/* Rows whose p are right: the truth is drawn from them. `sharp`: how far they are from all alike. */
typedef struct made {
    uint8_t *label;
    float *p;
    sl_scores_input input;
} made;

static made make_rows(size_t n, double sharp, uint64_t seed)
{
    made m = {malloc(n), malloc(n * 3 * sizeof(float)), {0}};
    sl_rng rng;
    sl_rng_init(&rng, seed, 0);
    for (size_t i = 0; i < n; i++) {
        double e[3], sum = 0;
        for (int k = 0; k < 3; k++) sum += e[k] = exp(sharp * sl_rng_normal(&rng));
        double u = sum * sl_rng_uniform(&rng);
        m.label[i] = u < e[0] ? 0 : u < e[0] + e[1] ? 1 : 2;
        for (int k = 0; k < 3; k++) m.p[3 * i + k] = (float)(e[k] / sum);
    }
    m.input = (sl_scores_input){.n = n, .n_classes = 3, .classes = three, .p = m.p, .label = m.label};
    return m;
}

static void made_free(made *m)
{
    free(m->label);
    free(m->p);
}

static void intervals_have_the_width_that_theory_says(void **state)
{
    (void)state;
    enum { N = 2000 };
    made m = make_rows(N, 1, 3);
    sl_scores *s = compute(&m.input, 1000);
    const sl_interval a = s->figure[SL_FIGURE_ACCURACY];
    const double deviation = sqrt(a.value * (1 - a.value) / N);
    assert_true(fabs((a.high - a.low) / (2 * 1.96 * deviation) - 1) < 0.1);
    assert_true(fabs((a.high + a.low) / 2 - a.value) < 0.2 * deviation);
    const sl_interval l = s->figure[SL_FIGURE_LOG_LOSS_ROWS];
    double squares = 0;
    for (int i = 0; i < N; i++) {
        const double x = -log((double)m.p[3 * i + m.label[i]]) - l.value;
        squares += x * x;
    }
    assert_true(fabs((l.high - l.low) / (2 * 1.96 * sqrt(squares) / N) - 1) < 0.1);
    /* They are calibrated, so that their ECE is about what chance alone gives. */
    assert_true(s->ece_floor[0] > 0.005 && s->ece_floor[0] < 0.05);
    assert_true(fabs(s->figure[SL_FIGURE_ECE].value - s->ece_floor[0]) < 0.7 * s->ece_floor[0]);
    free(s);
    made_free(&m);
}

static void rows_of_one_object_are_drawn_together(void **state)
{
    (void)state;
    enum { N = 500, COPIES = 9 };
    made m = make_rows(N, 1, 4), all = make_rows(N * COPIES, 1, 5);
    uint32_t *group = malloc(N * COPIES * sizeof *group);
    for (uint32_t i = 0; i < N * COPIES; i++) { /* each row nine times over: no more is known than from one */
        group[i] = i / COPIES;
        all.label[i] = m.label[i / COPIES];
        memcpy(all.p + 3 * i, m.p + i / COPIES * 3, 3 * sizeof(float));
    }
    sl_scores *one = compute(&m.input, 300), *rows = compute(&all.input, 300);
    all.input.group = group;
    all.input.n_groups = N;
    sl_scores *objects = compute(&all.input, 300);
    const sl_interval a = one->figure[SL_FIGURE_LOG_LOSS], b = objects->figure[SL_FIGURE_LOG_LOSS];
    assert_true(fabs(a.value - b.value) < 1e-12 && fabs(a.low - b.low) < 1e-12 && fabs(a.high - b.high) < 1e-12);
    const sl_interval c = rows->figure[SL_FIGURE_LOG_LOSS];
    assert_true((c.high - c.low) / (b.high - b.low) < 0.4); /* a third, as it would be of so many */
    free(one);
    free(rows);
    free(objects);
    free(group);
    made_free(&m);
    made_free(&all);
}

static void the_same_seed_gives_the_same_bits(void **state)
{
    (void)state;
    made m = make_rows(300, 2, 6);
    sl_scores *a = compute(&m.input, 50), *b = compute(&m.input, 50), *c = compute(&m.input, 60);
    assert_memory_equal(a, b, sizeof *a);
    assert_memory_not_equal(a, c, sizeof *a);
    free(a);
    free(b);
    free(c);
    made_free(&m);
}

static void bins_of_an_axis_judge_their_own_rows(void **state)
{
    (void)state;
    static const float axis[] = {1, 5, 2, 3, NAN, 10};
    static const double edges[] = {1, 3, 5, 10};
    sl_scores *by = malloc(3 * sizeof *by);
    sl_error err;
    const sl_scores_options options = {.resamples = 10, .seed = 1};
    assert_ok(sl_scores_by(&six, axis, 4, edges, &options, by, &err), &err);
    assert_int_equal(by[0].n, 2); /* rows 0 and 2 */
    near(by[0].figure[SL_FIGURE_LOG_LOSS].value, 1.5 * log(2));
    near(by[0].figure[SL_FIGURE_ACCURACY].value, 0.5);
    assert_int_equal(by[1].n, 1); /* row 3 */
    near(by[1].figure[SL_FIGURE_LOG_LOSS].value, -log(0.75));
    assert_int_equal(by[2].n, 1); /* row 1: 5 is the first of its bin, 10 is no more in it */
    near(by[2].figure[SL_FIGURE_LOG_LOSS].value, log(2));
    static const double beyond[] = {100, 200};
    assert_ok(sl_scores_by(&six, axis, 2, beyond, &options, by, &err), &err);
    assert_int_equal(by[0].n, 0);
    assert_true(isnan(by[0].figure[SL_FIGURE_LOG_LOSS].value));
    /* Groups keep their rows together in each bin. */
    static const uint32_t group[] = {7, 7, 0, 0, 3, 3};
    sl_scores_input grouped = six;
    grouped.group = group;
    grouped.n_groups = 8;
    assert_ok(sl_scores_by(&grouped, axis, 4, edges, &options, by, &err), &err);
    assert_int_equal(by[0].n, 2);
    near(by[0].figure[SL_FIGURE_ACCURACY].value, 0.5);
    free(by);
}

static void curves_go_from_end_to_end(void **state)
{
    (void)state;
    float x[64], y[64];
    size_t n;
    sl_error err;
    /* class 0: .75- .5+ .5+ .25+ .125- 0- */
    assert_ok(sl_scores_curve(&six, 0, SL_CURVE_ROC, 64, x, y, &n, &err), &err);
    static const double roc[][2] = {{0, 0}, {1.0 / 3, 0}, {1.0 / 3, 2.0 / 3}, {1.0 / 3, 1}, {2.0 / 3, 1}, {1, 1}};
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++) {
        assert_true(fabs((double)x[i] - roc[i][0]) < 1e-6 && fabs((double)y[i] - roc[i][1]) < 1e-6);
    }
    assert_ok(sl_scores_curve(&six, 0, SL_CURVE_PR, 64, x, y, &n, &err), &err);
    static const double pr[][2] = {{0, 2.0 / 3}, {2.0 / 3, 2.0 / 3}, {1, 3.0 / 4}, {1, 3.0 / 5}, {1, 0.5}};
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++) {
        assert_true(fabs((double)x[i] - pr[i][0]) < 1e-6 && fabs((double)y[i] - pr[i][1]) < 1e-6);
    }
    made m = make_rows(5000, 1, 8);
    for (size_t room = 2; room <= 64; room += 31) {
        assert_ok(sl_scores_curve(&m.input, 1, SL_CURVE_ROC, room, x, y, &n, &err), &err);
        assert_in_range(n, 2, room);
        assert_true(x[0] == 0 && y[0] == 0 && x[n - 1] == 1 && y[n - 1] == 1);
        for (size_t i = 1; i < n; i++) assert_true(x[i] >= x[i - 1] && y[i] >= y[i - 1]);
    }
    memset(m.label, 0, m.input.n);
    assert_ok(sl_scores_curve(&m.input, 1, SL_CURVE_ROC, 64, x, y, &n, &err), &err);
    assert_int_equal(n, 0);
    made_free(&m);
}

/* Of a model and a worse one that errs on the same rows, the pairs know more than the two intervals. */
static void pairs_see_a_difference_that_two_intervals_hide(void **state)
{
    (void)state;
    made m = make_rows(1000, 2, 9), worse = make_rows(1000, 2, 9);
    for (size_t i = 0; i < 3000; i++) worse.p[i] = powf(worse.p[i], 0.6f);
    for (size_t i = 0; i < 1000; i++) {
        const float sum = worse.p[3 * i] + worse.p[3 * i + 1] + worse.p[3 * i + 2];
        for (int k = 0; k < 3; k++) worse.p[3 * i + k] /= sum;
    }
    sl_difference d[SL_N_FIGURES];
    sl_error err;
    const sl_scores_options options = {.resamples = 1000, .seed = 2};
    assert_ok(sl_scores_compare(&m.input, &worse.input, &options, d, &err), &err);
    sl_scores *a = compute(&m.input, 1000), *b = compute(&worse.input, 1000);
    const sl_difference loss = d[SL_FIGURE_LOG_LOSS];
    near(loss.interval.value, a->figure[SL_FIGURE_LOG_LOSS].value - b->figure[SL_FIGURE_LOG_LOSS].value);
    assert_true(loss.interval.high < 0 && loss.below > 0.99);
    assert_true(fabs((loss.interval.high - loss.interval.low) / (2 * 1.96 * loss.error) - 1) < 0.1);
    const sl_interval alone = a->figure[SL_FIGURE_LOG_LOSS];
    assert_true(loss.interval.high - loss.interval.low < 0.5 * (alone.high - alone.low));
    assert_true(alone.high > b->figure[SL_FIGURE_LOG_LOSS].low);
    /* A model and itself. */
    assert_ok(sl_scores_compare(&m.input, &m.input, &options, d, &err), &err);
    assert_true(d[SL_FIGURE_LOG_LOSS].error == 0 && d[SL_FIGURE_LOG_LOSS].below == 0.5);
    worse.label[3] = (uint8_t)((worse.label[3] + 1) % 3);
    assert_int_equal(sl_scores_compare(&m.input, &worse.input, &options, d, &err), SL_ERR_INVAL);
    free(a);
    free(b);
    made_free(&m);
    made_free(&worse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_rows_have_the_figures_worked_out_by_hand),
        cmocka_unit_test(calibration_bins_are_those_worked_out_by_hand),
        cmocka_unit_test(absent_classes_are_left_out),
        cmocka_unit_test(wrong_rows_are_refused),
        cmocka_unit_test(intervals_have_the_width_that_theory_says),
        cmocka_unit_test(rows_of_one_object_are_drawn_together),
        cmocka_unit_test(the_same_seed_gives_the_same_bits),
        cmocka_unit_test(bins_of_an_axis_judge_their_own_rows),
        cmocka_unit_test(curves_go_from_end_to_end),
        cmocka_unit_test(pairs_see_a_difference_that_two_intervals_hide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
