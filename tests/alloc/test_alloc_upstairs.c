/*
 * As test_alloc.c, for what is upstairs: data sets, preparing, training and
 * compressing.
 */
#include "fail_each.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "starling/starling.h"

enum { N_CURVE = 40 };

static sl_point points[N_CURVE];
static sl_alert alert;
static sl_dataset *small_data;

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < N_CURVE; i++) {
        points[i] = (sl_point){.time = 58000 + 1.5 * i,
                               .value = 1000 * exp(-0.01 * (i - 12) * (i - 12)),
                               .error = 30,
                               .zero_point = 27.5,
                               .limit_mag = NAN,
                               .exposure_s = NAN,
                               .band = i % 2 ? 'g' : 'r',
                               .kind = SL_POINT_DETECTION,
                               .unit = SL_UNIT_FLUX};
    }
    alert = (sl_alert){.n_points = N_CURVE, .points = points, .redshift = NAN, .redshift_error = NAN};
    return 0;
}

/* Enough rows of enough bytes that every column grows. */
static sl_status write_and_read_data_set(sl_error *err)
{
    enum { N_ROWS = 2000 };
    static const char path[] = "/tmp/starling-alloc-dataset.tmp";
    static float input[256];
    sl_contract c;
    sl_dataset_writer *w = NULL;
    sl_dataset *d = NULL;
    assert_int_equal(sl_contract_preset("starling", &c, NULL), SL_OK);
    c.gp.grid_length = 2;
    c.n_features = 1;
    c.features[0] = SL_FEATURE_BAND_MAX;
    c.feature_spread[0] = c.feature_spread[1] = 1;
    sl_status status = sl_dataset_writer_new(path, &c, SL_DATASET_FLOAT16, true, &w, err);
    for (int i = 0; status == SL_OK && i < N_ROWS; i++) {
        char name[24];
        snprintf(name, sizeof name, "%d", i);
        const sl_dataset_row row = {.object_id = {name, strlen(name)}, .label = i % 3};
        status = sl_dataset_writer_add(w, &row, input, err);
    }
    if (status == SL_OK) status = sl_dataset_writer_finish(w, err);
    if (status == SL_OK) status = sl_dataset_open(path, &d, err);
    if (status == SL_OK) assert_int_equal(sl_dataset_rows(d), N_ROWS);
    sl_dataset_close(d);
    sl_dataset_writer_free(w);
    unlink(path);
    return status;
}

/* An epoch with validation, by two threads, with a checkpoint and from one. */
static sl_status train_and_resume(sl_error *err)
{
    static const char path[] = "/tmp/starling-alloc-train.tmp", checkpoint[] = "/tmp/starling-alloc-checkpoint.tmp";
    sl_train_options o;
    sl_train_result result;
    assert_int_equal(sl_train_defaults("t2", &o, NULL), SL_OK);
    o.net.width = o.net.heads = o.net.hidden = 2;
    o.net.head[0] = 3;
    o.threads = 2;
    o.epochs = 1;
    o.batch = 8;
    o.checkpoint = checkpoint;
    o.resume = true;
    o.teach = 2;
    o.teach_epochs = 1;
    unlink(checkpoint);
    sl_status status = sl_train(small_data, &o, path, &result, err);
    if (status == SL_OK) status = sl_train(small_data, &o, path, &result, err);
    unlink(path);
    unlink(checkpoint);
    unlink("/tmp/starling-alloc-checkpoint.tmp.teacher-1");
    unlink("/tmp/starling-alloc-checkpoint.tmp.teacher-2");
    return status;
}

/* A narrower network, learning on, into its file. */
static sl_status compress_small(sl_error *err)
{
    static const char from[] = "/tmp/starling-alloc-large.tmp", path[] = "/tmp/starling-alloc-compress.tmp";
    sl_train_options t;
    sl_compress_options o;
    sl_compress_result result;
    sl_model *model = NULL;
    assert_int_equal(sl_compress_recipe("t2", &t, NULL), SL_OK);
    t.net.width = t.net.heads = 2;
    t.net.hidden = 4;
    t.threads = 2;
    t.epochs = 1;
    t.batch = 8;
    sl_compress_defaults(&o);
    o.n_keep_units = o.keep_heads = 1;
    o.keep_units[0] = 0.5f;
    sl_status status = sl_net_write(&t.net, sl_dataset_contract(small_data), 1, from, err);
    if (status == SL_OK) status = sl_model_open(from, &model, err);
    if (status == SL_OK) status = sl_compress(model, small_data, &o, &t, path, &result, err);
    if (status == SL_OK) assert_int_equal(result.units_after + result.heads_after, 3);
    if (status == SL_OK) status = sl_compress(model, NULL, &o, &t, path, &result, err);
    sl_model_close(model);
    unlink(from);
    unlink(path);
    return status;
}

static void training_survives_each_failed_allocation(void **state)
{
    (void)state;
    static const char path[] = "/tmp/starling-alloc-small.tmp";
    static float input[4];
    sl_contract c;
    sl_dataset_writer *w;
    sl_error err;
    assert_ok(sl_contract_preset("starling", &c, &err), &err);
    c.gp.grid_length = 2;
    assert_ok(sl_dataset_writer_new(path, &c, SL_DATASET_FLOAT32, false, &w, &err), &err);
    for (int i = 0; i < 20; i++) {
        char name[24];
        snprintf(name, sizeof name, "%d", i);
        const sl_dataset_row row = {.object_id = {name, strlen(name)}, .label = i % 14};
        assert_ok(sl_dataset_writer_add(w, &row, input, &err), &err);
    }
    assert_ok(sl_dataset_writer_finish(w, &err), &err);
    sl_dataset_writer_free(w);
    assert_ok(sl_dataset_open(path, &small_data, &err), &err);
    unlink(path);
    fail_each_both_ways(train_and_resume);
    fail_each_both_ways(compress_small);
    sl_dataset_close(small_data);
}

static void data_sets_survive_each_failed_allocation(void **state)
{
    (void)state;
    fail_each_both_ways(write_and_read_data_set);
}

/* With threads: whichever meets the shortage, it must end. */
static sl_status prepare_rows(sl_error *err)
{
    static const char path[] = "/tmp/starling-alloc-prepare.tmp";
    sl_contract c;
    sl_prepare *p = NULL;
    assert_int_equal(sl_contract_preset("starling", &c, NULL), SL_OK);
    c.gp.grid_length = 4;
    c.n_features = 1;
    c.features[0] = SL_FEATURE_BAND_MAX;
    c.feature_spread[0] = c.feature_spread[1] = 1;
    c.planes = SL_PLANE_ERROR;
    sl_prepare_options options = {.contract = &c, .path = path, .fit_features = true, .threads = 2};
    sl_augment_defaults(&options.augment);
    options.augment.copies = 2;
    options.augment.redshift_share = options.augment.noise_share = 1;
    sl_alert one = alert;
    one.redshift = 0.3f;
    sl_status status = sl_prepare_new(&options, &p, err);
    for (int i = 0; status == SL_OK && i < 60; i++) status = sl_prepare_add(p, &one, 1, err);
    if (status == SL_OK) status = sl_prepare_finish(p, NULL, err);
    sl_prepare_free(p);
    unlink(path);
    return status;
}

static sl_status read_labels(sl_error *err)
{
    static const char path[] = "/tmp/starling-alloc-labels.tmp";
    sl_labels *labels = NULL;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "object_id,target\n");
    for (int i = 0; i < 2000; i++) fprintf(f, "%d,90\n", i);
    fclose(f);
    const sl_status status = sl_labels_open(path, &labels, err);
    if (status == SL_OK) assert_int_equal(sl_labels_count(labels), 2000);
    sl_labels_close(labels);
    unlink(path);
    return status;
}

static void preparing_survives_each_failed_allocation(void **state)
{
    (void)state;
    fail_each_both_ways(read_labels);
    fail_each_both_ways(prepare_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_sets_survive_each_failed_allocation),
        cmocka_unit_test(training_survives_each_failed_allocation),
        cmocka_unit_test(preparing_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests_name("upstairs", tests, set_up, NULL);
}
