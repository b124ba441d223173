/* Labelled light curves to rows: tables of labels, classes, views, and the same file from any number of threads. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "lightcurve/statistics.h"
#include "prepare/views.h"
#include "starling/gp.h"

enum { MOST = 80 };

static const char path[] = "test_prepare.tmp", other_path[] = "test_prepare_2.tmp";
static sl_error err;

static void write_text(const char *text)
{
    assert_ok(sl_file_write(path, text, strlen(text), &err), &err);
}

static sl_str str(const char *text)
{
    return (sl_str){text, strlen(text)};
}

/* ---- labels ---- */

static void labels_are_found_by_name(void **state)
{
    (void)state;
    sl_labels *l;
    write_text("# a comment\n"
               "true_z,Object_ID,hostgal_specz,hostgal_photoz,target,true_target,hostgal_photoz_err\r\n"
               "9,  713, 8, 1.627,  88, 77, 0.255\n"
               "\n"
               "9,615,8,0.000,92,77,\n"
               "9,713,8,5,42,77,5\n");
    assert_ok(sl_labels_open(path, &l, &err), &err);
    assert_int_equal(sl_labels_count(l), 2);
    const sl_label *label = sl_labels_find(l, str("713")); /* the first of two rows */
    assert_non_null(label);
    assert_memory_equal(label->text.ptr, "88", 3);
    assert_true(label->redshift == 1.627f && label->redshift_error == 0.255f);
    label = sl_labels_find(l, str("615"));
    assert_true(label == sl_labels_at(l, 0) && label->redshift == 0 && isnan(label->redshift_error));
    assert_null(sl_labels_find(l, str("61")));
    assert_null(sl_labels_at(l, 2));
    sl_labels_close(l);
    write_text("\xef\xbb\xbfname;type;redshift\nZTF1;SN Ia;0.069\nZTF2;\"SN; Ic\";\n");
    assert_ok(sl_labels_open(path, &l, &err), &err);
    assert_memory_equal(sl_labels_find(l, str("ZTF2"))->text.ptr, "SN; Ic", 7);
    assert_true(isnan(sl_labels_find(l, str("ZTF2"))->redshift));
    sl_labels_close(l);
    write_text("object_id\n7\n");
    assert_ok(sl_labels_open(path, &l, &err), &err);
    assert_int_equal(sl_labels_find(l, str("7"))->text.len, 0);
    sl_labels_close(l);
    unlink(path);
}

static void broken_tables_of_labels_are_refused(void **state)
{
    (void)state;
    static const char *const tables[][2] = {
        {"", "without its first line"}, {"a,b\n1,2\n", "object"}, {"object_id,redshift\n5,far\n", "line 2"},
        {"object_id,target\n,4\n", "line 2"}, {"object_id,target\n\"5,4\n", "line 2"}};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        sl_labels *l;
        write_text(tables[i][0]);
        assert_int_equal(sl_labels_open(path, &l, &err), SL_ERR_FORMAT);
        assert_non_null(strstr(err.message, tables[i][1]));
        assert_null(l);
    }
    unlink(path);
    sl_labels *l;
    assert_int_equal(sl_labels_open("no_such_file", &l, &err), SL_ERR_IO);
}

static void labels_come_to_classes(void **state)
{
    (void)state;
    static sl_class_rules r;
    assert_ok(sl_class_rules_parse("plasticc", &r, &err), &err);
    assert_int_equal(r.n_classes, 14);
    assert_int_equal(sl_class_rules_find(&r, str("90")), 11);
    assert_int_equal(sl_class_rules_find(&r, str("snia")), 11);
    assert_int_equal(sl_class_rules_find(&r, str("9")), -1);
    assert_ok(sl_class_rules_parse("ztf", &r, &err), &err);
    assert_int_equal(r.n_classes, 5);
    assert_string_equal(r.classes[sl_class_rules_find(&r, str("SN IIP"))].name, "SN II");
    assert_int_equal(r.classes[sl_class_rules_find(&r, str("SLSN-I"))].plasticc_id, 95);
    assert_int_equal(sl_class_rules_find(&r, str("SN Iax[02cx-like]")), -1);
    assert_ok(sl_class_rules_parse("near=a+b,far,TDE", &r, &err), &err);
    assert_int_equal(sl_class_rules_find(&r, str("B")), 0);
    assert_int_equal(sl_class_rules_find(&r, str("far")), 1);
    assert_int_equal(r.classes[2].elasticc_id, 2243);
    static const char *const wrong[] = {"", "one", "a,,b", "=a,b", "a=,b", "a=x,b=x", "a,b=a",
                                        "a name much longer than thirty-two characters,b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(sl_class_rules_parse(wrong[i], &r, &err), SL_ERR_INVAL);
    }
}

/* ---- views ---- */

typedef struct object {
    sl_point points[MOST];
    char name[24];
    sl_alert alert;
} object;

/* A supernova-like bump in g, r and i; significant in its middle. */
static void make_object(object *o, size_t i, size_t n)
{
    sl_rng rng;
    sl_rng_init(&rng, i, 7);
    double time = 59000;
    for (size_t k = 0; k < n; k++) {
        time += 4 * sl_rng_uniform(&rng);
        const double flux = 500 * exp(-pow((time - 59070) / 25, 2)) + 10 * sl_rng_normal(&rng);
        const bool detected = flux > 50;
        o->points[k] = (sl_point){.time = time, .value = flux, .error = 10, .zero_point = 27.5, .limit_mag = NAN,
                                  .exposure_s = NAN, .band = "gri"[k % 3], .kind = SL_POINT_FORCED, .unit = SL_UNIT_FLUX,
                                  .flags = (uint8_t)(SL_POINT_TAI | SL_POINT_MIDDLE_OF_EXPOSURE | (detected ? SL_POINT_DETECTED : 0))};
    }
    snprintf(o->name, sizeof o->name, "object %zu", i);
    o->alert = (sl_alert){.object_id = str(o->name), .redshift = 0.4f, .redshift_error = 0.1f, .n_points = n,
                          .points = o->points};
}

static sl_alert draw(sl_viewer *v, const sl_augment *a, uint64_t seed)
{
    sl_rng rng;
    sl_alert view = {.n_points = 0};
    sl_rng_init(&rng, seed, 0);
    const sl_status status = sl_viewer_draw(v, a, &rng, &view, &err);
    assert_true(status == SL_OK || status == SL_DONE);
    return view;
}

static sl_viewer *viewer_of(const object *o, const char *contract)
{
    sl_contract c;
    sl_viewer *v;
    assert_ok(sl_contract_preset(contract, &c, &err), &err);
    assert_ok(sl_viewer_new(&c, &v, &err), &err);
    assert_ok(sl_viewer_begin(v, &o->alert, &err), &err);
    return v;
}

static void no_change_is_no_change(void **state)
{
    (void)state;
    object o;
    make_object(&o, 1, 60);
    sl_viewer *v = viewer_of(&o, "starling");
    const sl_augment none = {.copies = 1};
    const sl_alert view = draw(v, &none, 1);
    assert_int_equal(view.n_points, 60);
    for (size_t i = 0; i < 60; i++) {
        const sl_point *a = &view.points[i], *b = &o.points[i];
        assert_true(a->time == b->time && a->error == b->error && a->band == b->band && a->flags == b->flags);
        assert_true(a->value == b->value && a->kind == b->kind);
    }
    sl_viewer_free(v);
}

static void an_alert_ends_with_a_detection(void **state)
{
    (void)state;
    object o;
    make_object(&o, 2, 60);
    sl_viewer *v = viewer_of(&o, "starling");
    bool ended_early = false, ended_late = false;
    for (uint64_t seed = 0; seed < 50; seed++) {
        const sl_augment a = {.copies = 1, .alert_share = 1, .alert_days = seed % 2 ? 20 : 0};
        const sl_alert view = draw(v, &a, seed);
        const sl_point *first = &view.points[0], *last = &view.points[view.n_points - 1];
        assert_true(view.n_points > 0 && (last->flags & SL_POINT_DETECTED));
        if (seed % 2) assert_true(last->time - first->time <= 20);
        if (seed % 2 == 0) assert_true(first->time == o.points[0].time);
        ended_early = ended_early || last->time < 59060;
        ended_late = ended_late || last->time > 59080;
        assert_true(fabs((double)sl_alert_days(&view)) < 200);
    }
    assert_true(ended_early && ended_late);
    sl_viewer_free(v);
}

static void points_and_bands_are_left_out(void **state)
{
    (void)state;
    object o;
    make_object(&o, 3, 60);
    sl_viewer *v = viewer_of(&o, "starling");
    size_t fewest = 60, most = 0;
    bool g_alone = false, r_alone = false;
    for (uint64_t seed = 0; seed < 200; seed++) {
        sl_augment a = {.copies = 1, .drop_points = 0.5};
        const size_t n = draw(v, &a, seed).n_points;
        fewest = n < fewest ? n : fewest;
        most = n > most ? n : most;
        a = (sl_augment){.copies = 1, .drop_bands = 1};
        const sl_alert view = draw(v, &a, seed); /* one of those that the contract takes stays, g or r */
        assert_int_equal(view.n_points, 20);
        for (size_t i = 0; i < 20; i++) assert_int_equal(view.points[i].band, view.points[0].band);
        g_alone = g_alone || view.points[0].band == 'g';
        r_alone = r_alone || view.points[0].band == 'r';
        assert_int_not_equal(view.points[0].band, 'i');
    }
    assert_true(fewest < 40 && fewest > 10 && most > 55);
    assert_true(g_alone && r_alone);
    sl_viewer_free(v);
}

static void errors_grow_with_the_noise(void **state)
{
    (void)state;
    object o;
    make_object(&o, 4, 60);
    sl_viewer *v = viewer_of(&o, "starling");
    const sl_augment a = {.copies = 1, .noise_share = 1, .noise = 3};
    double square = 0, expected = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        const sl_alert view = draw(v, &a, seed);
        assert_int_equal(view.n_points, 60);
        const double error = view.points[0].error;
        assert_true(error >= 10 && error <= 10 * sqrt(10));
        for (size_t i = 0; i < 60; i++) {
            assert_true(view.points[i].error == error);
            square += pow(view.points[i].value - o.points[i].value, 2);
            expected += error * error - 100;
        }
    }
    assert_true(fabs(square / expected - 1) < 0.05);
    sl_viewer_free(v);
}

/* s is the same for all points of a view, its errors what they were, and what is lost of noise is made up for. */
static void dimmed_views_keep_their_errors(void **state)
{
    (void)state;
    object o;
    make_object(&o, 4, 60);
    for (size_t i = 0; i < 60; i++) o.points[i].value *= 100; /* the noise hardly counts beside it, then */
    sl_viewer *v = viewer_of(&o, "starling");
    const sl_augment a = {.copies = 1, .dim_share = 1, .dim = 0.4, .noise_share = 1, .noise = 3, .drop_points = 1};
    double log_sum = 0, square = 0, expected = 0;
    enum { SEEDS = 2000 };
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const sl_alert view = draw(v, &a, seed);
        assert_int_equal(view.n_points, 60);
        double up = 0, down = 0;
        for (size_t i = 0; i < 60; i++) {
            up += view.points[i].value * o.points[i].value;
            down += o.points[i].value * o.points[i].value;
            assert_true(fabs(view.points[i].error - 10) < 1e-9);
        }
        const double s = up / down;
        assert_true(s > 0 && s <= 1.001);
        for (size_t i = 0; i < 60; i++) square += pow(view.points[i].value - s * o.points[i].value, 2);
        expected += 60 * 100 * (1 - s * s);
        log_sum -= log(s);
    }
    assert_true(fabs(square / expected - 1) < 0.05); /* 59 of 60 degrees of freedom */
    assert_true(fabs(log_sum / SEEDS / (0.4 * 0.7978845608) - 1) < 0.06); /* mean of |n| is sqrt(2 / pi) */
    sl_viewer_free(v);
}

/* The bump's 30 days are all that is ever significant, and less of it where there is more noise. */
static void noise_makes_no_detections(void **state)
{
    (void)state;
    object o;
    make_object(&o, 4, 60);
    for (size_t i = 0; i < 60; i++) o.points[i].kind = SL_POINT_FORCED;
    sl_viewer *v = viewer_of(&o, "starling");
    const sl_augment a = {.copies = 1, .noise_share = 1, .noise = 2};
    size_t before = 0, now = 0, views = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        const sl_alert view = draw(v, &a, seed);
        if (view.n_points == 0) continue;
        views++;
        for (size_t i = 0; i < 60; i++) {
            const bool was = (o.points[i].flags & SL_POINT_DETECTED) != 0, is = (view.points[i].flags & SL_POINT_DETECTED) != 0;
            assert_true(was || !is);
            before += was;
            now += is;
            if (view.points[i].value / view.points[i].error > 12 && was) assert_true(is);
        }
    }
    assert_true(views > 290 && now > before / 2 && now < before * 19 / 20);
    sl_viewer_free(v);
}

/* Of weak views, others and dimmed ones as many as the shares say. */
static void views_are_of_three_kinds(void **state)
{
    (void)state;
    object o;
    make_object(&o, 4, 60);
    sl_viewer *v = viewer_of(&o, "starling");
    sl_augment a;
    sl_augment_defaults(&a);
    enum { SEEDS = 4000 };
    size_t whole = 0, noisy = 0, very = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const sl_alert view = draw(v, &a, seed);
        if (view.n_points == 0) continue; /* nothing significant left */
        const double error = view.points[0].error;
        whole += view.n_points == 60;
        noisy += error > 10.0001;
        very += error > 10 * sqrt(1.25) * 1.0001;
        assert_true(error <= 10 * sqrt(2) * 1.0001 && view.n_points > 10);
    }
    assert_true(whole > SEEDS / 8 && whole < SEEDS / 5);
    assert_true(fabs((double)noisy / SEEDS - 0.4375) < 0.03); /* half of those that are not dimmed */
    assert_true(fabs((double)very / SEEDS - 0.1875) < 0.03);   /* half of the noisy that are not weak */
    sl_viewer_free(v);
}

/* The brightest of the view and when it is. */
static double brightest(const sl_alert *view, double *time)
{
    double most = 0;
    for (size_t i = 0; i < view->n_points; i++) {
        if (view->points[i].value <= most) continue;
        most = view->points[i].value;
        *time = view->points[i].time;
    }
    return most;
}

static void another_redshift_changes_all_that_it_should(void **state)
{
    (void)state;
    object o;
    make_object(&o, 5, MOST);
    sl_viewer *v = viewer_of(&o, "starling");
    const sl_augment a = {.copies = 1, .redshift_share = 1, .redshift_range = 0.25};
    bool nearer = false, farther = false;
    double time0 = 0, time1 = 0;
    const double peak = brightest(&o.alert, &time0);
    for (uint64_t seed = 0; seed < 40; seed++) {
        const sl_alert view = draw(v, &a, seed);
        const double z = (double)view.redshift, stretch = (1 + z) / 1.4;
        assert_true(fabs(log(stretch)) <= 0.2501 && z != 0.4);
        assert_true(fabs((double)view.redshift_error - 0.1 * stretch) < 1e-6);
        nearer = nearer || z < 0.3;
        farther = farther || z > 0.55;
        const double near = sl_luminosity_distance(0.4) / sl_luminosity_distance(z), bright = near * near * stretch;
        assert_true(fabs(brightest(&view, &time1) / (peak * bright) - 1) < 0.25);
        assert_true(fabs((time1 - o.points[0].time) - stretch * (time0 - o.points[0].time)) < 12);
        for (size_t i = 0; i < view.n_points; i++) assert_true(view.points[i].error >= 10 * fmax(1, bright) * (1 - 1e-5));
    }
    assert_true(nearer && farther);
    o.alert.redshift = 0; /* in our Galaxy */
    assert_ok(sl_viewer_begin(v, &o.alert, &err), &err);
    const sl_alert view = draw(v, &a, 1);
    assert_true(view.redshift == 0 && view.points[3].value == o.points[3].value);
    sl_viewer_free(v);
}

static void odd_alerts_make_no_trouble(void **state)
{
    (void)state;
    object o;
    make_object(&o, 6, 6);
    sl_viewer *v = viewer_of(&o, "reference");
    sl_augment a;
    sl_augment_defaults(&a);
    a.redshift_share = a.alert_share = a.noise_share = a.dim_share = 1;
    a.weak_share = 0;
    for (int kind = 0; kind < 8; kind++) {
        make_object(&o, 6, 6);
        if (kind == 0) o.alert.n_points = 0;
        if (kind == 1) o.alert.n_points = 1;
        for (size_t i = 0; i < 6; i++) {
            if (kind == 2) o.points[i].value = NAN;
            if (kind == 3) o.points[i].time = 59000;
            if (kind == 4) o.points[i].kind = SL_POINT_LIMIT;
            if (kind == 5) o.points[i].value *= 1e300;
            if (kind == 6) o.points[i].band = '?';
            if (kind == 7) o.points[i].kind = SL_POINT_DETECTION;
        }
        if (kind == 7) o.alert.redshift = 1e30f;
        assert_ok(sl_viewer_begin(v, &o.alert, &err), &err);
        for (uint64_t seed = 0; seed < 30; seed++) (void)draw(v, &a, seed);
    }
    sl_viewer_free(v);
}

/* ---- the whole ---- */

static void prepare_file(const char *to, int threads, uint64_t seed, bool keep_refused, sl_prepare_counts *counts)
{
    enum { N = 100 };
    sl_contract c;
    sl_prepare *p;
    assert_ok(sl_contract_preset("starling", &c, &err), &err);
    c.gp.grid_length = 12;
    c.scaling = SL_SCALING_PEAK;
    c.planes = SL_PLANE_ASINH | SL_PLANE_ERROR;
    for (int f = 0; f < SL_FEATURE_END; f++) {
        if (sl_feature_name((sl_feature)f) != NULL) c.features[c.n_features++] = (sl_feature)f;
    }
    for (uint32_t i = 0; i < sl_contract_input_features(&c); i++) c.feature_spread[i] = 1;
    sl_prepare_options options = {.contract = &c, .path = to, .fit_features = true, .threads = threads,
                                  .keep_refused = keep_refused};
    sl_augment_defaults(&options.augment);
    options.augment.copies = 3;
    options.augment.redshift_share = 0.3;
    options.augment.alert_share = 0.5;
    options.augment.drop_bands = 0.05;
    options.augment.seed = seed;
    assert_ok(sl_prepare_new(&options, &p, &err), &err);
    for (size_t i = 0; i < N; i++) {
        object o; /* copied, so that it may go */
        make_object(&o, i, i % 10 == 9 ? 1 : 5 + i * 7 % (MOST - 5));
        assert_ok(sl_prepare_add(p, &o.alert, (int)(i % 15) - 1, &err), &err);
        memset(&o, 0xff, sizeof o);
    }
    assert_ok(sl_prepare_finish(p, counts, &err), &err);
    sl_prepare_free(p);
}

static void any_number_of_threads_makes_the_same_file(void **state)
{
    (void)state;
    sl_prepare_counts counts, again;
    sl_file a, b;
    prepare_file(path, 1, 5, false, &counts);
    assert_int_equal(counts.objects, 100);
    assert_int_equal(counts.refused, 10);
    assert_int_equal(counts.by_reason[SL_REASON_TOO_FEW_POINTS], 10);
    assert_int_equal(counts.rows + counts.no_views, 4 * 90);
    assert_true(counts.no_views < 40);
    for (int threads = 2; threads < 6; threads++) {
        prepare_file(other_path, threads, 5, false, &again);
        assert_memory_equal(&counts, &again, sizeof counts);
        assert_ok(sl_file_open(&a, path, SIZE_MAX, &err), &err);
        assert_ok(sl_file_open(&b, other_path, SIZE_MAX, &err), &err);
        assert_int_equal(a.n_bytes, b.n_bytes);
        assert_memory_equal(a.bytes, b.bytes, a.n_bytes);
        sl_file_close(&a);
        sl_file_close(&b);
    }
    prepare_file(other_path, 2, 6, false, &again); /* and another seed makes another */
    sl_dataset *d, *e;
    assert_ok(sl_dataset_open(path, &d, &err), &err);
    assert_ok(sl_dataset_open(other_path, &e, &err), &err);
    assert_string_not_equal(sl_dataset_id(d), sl_dataset_id(e));
    assert_int_equal(sl_dataset_rows(d), counts.rows);
    assert_int_equal(sl_dataset_objects(d), 90);
    sl_dataset_close(e);
    size_t wholes = 0, changed = 0;
    for (size_t i = 0; i < sl_dataset_rows(d); i++) {
        sl_dataset_row row;
        sl_dataset_get(d, i, &row);
        const size_t number = strtoul(row.object_id.ptr + 7, NULL, 10);
        assert_int_equal(row.label, (int)(number % 15) - 1);
        wholes += row.copy == 0;
        changed += row.copy > 0 && row.redshift != 0.4f;
        if (row.copy == 0) assert_true(row.redshift == 0.4f && row.n_points >= 2);
    }
    assert_int_equal(wholes, 90);
    assert_true(changed > 30 && changed < 150);
    sl_dataset_close(d);
    unlink(path);
    unlink(other_path);
}

/* What a model is trained on is what it is asked about: the file's contract makes the same input of the alert, bit for bit. */
static void a_row_is_what_serving_makes(void **state)
{
    (void)state;
    sl_prepare_counts counts;
    sl_dataset *d;
    sl_lightcurve_buffer *buffer;
    sl_gp *gp;
    prepare_file(path, 2, 5, false, &counts);
    assert_ok(sl_dataset_open(path, &d, &err), &err);
    const sl_contract *c = sl_dataset_contract(d);
    const size_t n = sl_contract_input_floats(c), n_features = sl_contract_input_features(c);
    assert_ok(sl_lightcurve_buffer_new(&buffer, &err), &err);
    assert_ok(sl_gp_new(&gp, &err), &err);
    float *input = calloc(n, sizeof *input), *features = calloc(n_features, sizeof *features);
    size_t compared = 0, differ = 0;
    for (size_t i = 0; i < sl_dataset_rows(d); i++) {
        sl_dataset_row row;
        sl_dataset_get(d, i, &row);
        if (row.copy != 0) continue;
        object o;
        sl_lightcurve lc;
        const size_t number = strtoul(row.object_id.ptr + 7, NULL, 10);
        make_object(&o, number, 5 + number * 7 % (MOST - 5));
        assert_ok(sl_lightcurve_build(c, &o.alert, buffer, &lc, &err), &err);
        assert_ok(sl_gp_grid(gp, c, &lc, input, NULL, NULL, &err), &err);
        assert_int_equal(row.n_points, lc.n);
        const float *stored = sl_dataset_input(d, i, NULL);
        assert_memory_equal(stored, input, n * sizeof *input);
        differ += memcmp(stored + n - n_features, features, n_features * sizeof *features) != 0;
        memcpy(features, stored + n - n_features, n_features * sizeof *features);
        compared++;
    }
    assert_true(compared == 90 && differ == 90);
    free(input);
    free(features);
    sl_gp_free(gp);
    sl_lightcurve_buffer_free(buffer);
    sl_dataset_close(d);
    unlink(path);
}

/* All other rows are as they are without those of what was refused. */
static void what_is_refused_can_have_an_empty_row(void **state)
{
    (void)state;
    sl_prepare_counts counts;
    sl_dataset *d, *without;
    prepare_file(path, 2, 5, true, &counts);
    prepare_file(other_path, 2, 5, false, &counts);
    assert_ok(sl_dataset_open(path, &d, &err), &err);
    assert_ok(sl_dataset_open(other_path, &without, &err), &err);
    assert_int_equal(counts.refused, 10);
    assert_int_equal(sl_dataset_objects(d), 100);
    assert_int_equal(sl_dataset_rows(d), sl_dataset_rows(without) + 10);
    const size_t n = sl_contract_input_floats(sl_dataset_contract(d));
    size_t other = 0, n_empty = 0;
    for (size_t i = 0; i < sl_dataset_rows(d); i++) {
        sl_dataset_row row, same;
        sl_dataset_get(d, i, &row);
        const size_t number = strtoul(row.object_id.ptr + 7, NULL, 10);
        const float *x = sl_dataset_input(d, i, NULL);
        if (number % 10 != 9) {
            sl_dataset_get(without, other, &same);
            assert_int_equal(row.copy, same.copy);
            assert_memory_equal(x, sl_dataset_input(without, other++, NULL), n * sizeof *x);
            continue;
        }
        assert_true(row.copy == 0 && row.n_points == 0 && isnan(row.days) && row.redshift == 0.4f);
        assert_int_equal(row.label, (int)(number % 15) - 1);
        for (size_t k = 0; k < n; k++) assert_true(x[k] == 0);
        n_empty++;
    }
    assert_int_equal(n_empty, 10);
    sl_dataset_close(d);
    sl_dataset_close(without);
    unlink(path);
    unlink(other_path);
}

static void what_is_given_up_leaves_nothing(void **state)
{
    (void)state;
    sl_contract c;
    sl_prepare *p;
    object o;
    assert_ok(sl_contract_preset("starling", &c, &err), &err);
    sl_prepare_options options = {.contract = &c, .path = path, .threads = 2};
    assert_ok(sl_prepare_new(&options, &p, &err), &err);
    make_object(&o, 1, 50);
    assert_int_equal(sl_prepare_add(p, &o.alert, 14, &err), SL_ERR_INVAL);
    for (int i = 0; i < 70; i++) assert_ok(sl_prepare_add(p, &o.alert, 1, &err), &err);
    sl_prepare_free(p);
    assert_int_not_equal(access(path, F_OK), 0);
    options.augment.noise = NAN;
    assert_int_equal(sl_prepare_new(&options, &p, &err), SL_ERR_INVAL);
    options.augment.noise = 0;
    options.path = "no/such/folder";
    assert_int_equal(sl_prepare_new(&options, &p, &err), SL_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_found_by_name),
        cmocka_unit_test(broken_tables_of_labels_are_refused),
        cmocka_unit_test(labels_come_to_classes),
        cmocka_unit_test(no_change_is_no_change),
        cmocka_unit_test(an_alert_ends_with_a_detection),
        cmocka_unit_test(points_and_bands_are_left_out),
        cmocka_unit_test(errors_grow_with_the_noise),
        cmocka_unit_test(dimmed_views_keep_their_errors),
        cmocka_unit_test(noise_makes_no_detections),
        cmocka_unit_test(views_are_of_three_kinds),
        cmocka_unit_test(another_redshift_changes_all_that_it_should),
        cmocka_unit_test(odd_alerts_make_no_trouble),
        cmocka_unit_test(any_number_of_threads_makes_the_same_file),
        cmocka_unit_test(a_row_is_what_serving_makes),
        cmocka_unit_test(what_is_refused_can_have_an_empty_row),
        cmocka_unit_test(what_is_given_up_leaves_nothing),
    };
    return cmocka_run_group_tests_name("prepare", tests, NULL, NULL);
}
