/* Training as a whole: it learns, and the same comes of the same. */
#include "train_data.h"

#include "starling/train.h"
#include "model/open_model.h"
#include "train/adam.h"
#include "train/constraint.h"

static char folder[] = "/tmp/starling-train-XXXXXX";
static const data_size small = {.objects = 160, .copies = 2, .steps = 20, .classes = 3};

static const char *in_folder(const char *name)
{
    static char paths[8][96];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static sl_train_options options_for(uint32_t epochs)
{
    sl_train_options o;
    sl_error err;
    assert_ok(sl_train_defaults("t2", &o, &err), &err);
    o.net.width = 16;
    o.net.heads = 4;
    o.net.hidden = 24;
    o.epochs = epochs;
    o.batch = 24;
    o.threads = 2;
    o.rate = 5e-3f;
    o.average = 0.9f;
    o.decay = 0.01f;
    return o;
}

static sl_dataset *open_data(const data_size *size)
{
    sl_error err;
    sl_dataset *data;
    const char *path = in_folder("data");
    make_data(path, size);
    assert_ok(sl_dataset_open(path, &data, &err), &err);
    return data;
}

static void it_learns(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        const data_size size = {.objects = 200, .copies = 1 + k % 2, .steps = 20, .features = k > 1 ? 3 : 0, .classes = 3,
                                .storage = k % 2 == 0 ? SL_DATASET_FLOAT32 : SL_DATASET_FLOAT16};
        sl_dataset *data = open_data(&size);
        sl_train_options o = options_for(25);
        o.net.tile = k == 3;
        o.smoothing = k == 1 ? 0.05f : 0;
        o.calibrate = k > 0;
        sl_train_result result;
        sl_error err;
        const char *path = in_folder("model");
        assert_ok(sl_train(data, &o, path, &result, &err), &err);
        assert_true(result.accuracy > 0.9);
        assert_true(result.loss < 0.4);
        if (!o.calibrate) assert_true(result.loss == result.last.best_loss && result.temperature == 1);
        assert_int_equal(result.last.n_train + result.last.n_validate, 200);

        /* What was written is what was validated: the same answers from the file. */
        sl_model *model;
        sl_runner *runner;
        size_t right = 0, n = 0;
        assert_ok(sl_model_open(path, &model, &err), &err);
        assert_ok(sl_runner_new(model, &runner, &err), &err);
        for (size_t i = 0; i < sl_dataset_rows(data); i++) {
            sl_dataset_row row;
            float room[64], p[3];
            sl_dataset_get(data, i, &row);
            if (row.copy != 0 || sl_train_fold(row.object_id, o.folds) != o.fold) continue;
            assert_ok(sl_runner_run(runner, 1, sl_dataset_input(data, i, room), p, &err), &err);
            right += p[row.label] > p[(row.label + 1) % 3] && p[row.label] > p[(row.label + 2) % 3];
            n++;
        }
        assert_int_equal(n, result.last.n_validate);
        assert_true(fabs((double)right / (double)n - result.accuracy) < 1e-9);
        sl_model_info info;
        sl_model_describe(model, &info);
        assert_true(info.temperature == (float)result.temperature);
        assert_int_equal(info.novelty, o.calibrate ? SL_NOVELTY_RELATIVE : 0);
        sl_runner_free(runner);
        sl_model_close(model);
        sl_dataset_close(data);
    }
}

/* With none held back the temperature is the one given, and novelty is measured from those that taught. */
static void a_temperature_can_be_given(void **state)
{
    (void)state;
    const data_size size = {.objects = 100, .copies = 1, .steps = 20, .features = 2, .classes = 3};
    sl_dataset *data = open_data(&size);
    sl_train_options o = options_for(3);
    o.folds = 0;
    for (int given = 0; given < 2; given++) {
        o.temperature = given ? 1.5f : 0;
        sl_train_result result;
        sl_error err;
        sl_model *model;
        const char *path = in_folder("model");
        assert_ok(sl_train(data, &o, path, &result, &err), &err);
        assert_ok(sl_model_open(path, &model, &err), &err);
        sl_model_info info;
        sl_model_describe(model, &info);
        assert_true(info.temperature == (given ? 1.5f : 1));
        assert_int_equal(info.novelty, given ? SL_NOVELTY_RELATIVE : 0);
        sl_model_close(model);
    }
    sl_dataset_close(data);
}

/* Each by its name, small; and whatever the threads. */
static void every_network_of_the_zoo_learns(void **state)
{
    (void)state;
    data_size size = {.objects = 200, .copies = 1, .steps = 20, .features = 2, .classes = 3};
    for (size_t i = 1; sl_net_name(i) != NULL; i++) {
        sl_train_options o = options_for(25);
        sl_train_result result;
        sl_error err;
        assert_ok(sl_net_size_preset(sl_net_name(i), &o.net, &err), &err);
        o.net.width = 12;
        size.telling = strcmp(o.net.name, "mlp") == 0; /* which sees nothing else */
        sl_dataset *data = open_data(&size);
        assert_ok(sl_train(data, &o, in_folder("one"), &result, &err), &err);
        if (!(result.accuracy > 0.9)) print_error("%s: %g\n", sl_net_name(i), result.accuracy);
        assert_true(result.accuracy > 0.9);
        o.threads = 3;
        assert_ok(sl_train(data, &o, in_folder("many"), &result, &err), &err);
        assert_same_file(in_folder("one"), in_folder("many"));
        sl_dataset_close(data);
    }
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&small);
    sl_train_options o = options_for(3);
    sl_train_result result;
    sl_error err;
    for (o.threads = 1; o.threads <= 5; o.threads += 2) {
        assert_ok(sl_train(data, &o, in_folder(o.threads == 1 ? "one" : "many"), &result, &err), &err);
        if (o.threads > 1) assert_same_file(in_folder("one"), in_folder("many"));
    }
    o.seed++;
    assert_ok(sl_train(data, &o, in_folder("other"), &result, &err), &err);
    size_t n, m;
    unsigned char *x = slurp(in_folder("one"), &n), *y = slurp(in_folder("other"), &m);
    assert_true(n != m || memcmp(x, y, n) != 0);
    free(x);
    free(y);
    sl_dataset_close(data);
}

static bool stop_after_three(void *user, const sl_train_progress *p)
{
    ++*(uint32_t *)user;
    return p->epoch < 3;
}

static void what_was_stopped_goes_on(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&small);
    for (int k = 0; k < 2; k++) {
        sl_train_options o = options_for(7);
        o.schedule = k == 0 ? SL_SCHEDULE_COSINE : SL_SCHEDULE_PLATEAU;
        o.plateau_epochs = 1;
        sl_train_result result;
        sl_error err;
        assert_ok(sl_train(data, &o, in_folder("whole"), &result, &err), &err);
        uint32_t calls = 0;
        o.checkpoint = in_folder("checkpoint");
        o.resume = true; /* from nothing */
        o.progress = stop_after_three;
        o.user = &calls;
        unlink(o.checkpoint);
        assert_ok(sl_train(data, &o, in_folder("parts"), &result, &err), &err);
        assert_int_equal(calls, 3);
        assert_false(result.resumed);
        o.progress = NULL;
        o.threads = 1;
        assert_ok(sl_train(data, &o, in_folder("parts"), &result, &err), &err);
        assert_true(result.resumed);
        assert_int_equal(result.last.epoch, 7);
        assert_same_file(in_folder("whole"), in_folder("parts"));
        /* Resumed behind its end it writes the same again. */
        assert_ok(sl_train(data, &o, in_folder("parts"), &result, &err), &err);
        assert_same_file(in_folder("whole"), in_folder("parts"));

        o.rate *= 2;
        assert_int_equal(sl_train(data, &o, in_folder("parts"), &result, &err), SL_ERR_FORMAT);
    }
    sl_dataset_close(data);
}

static void a_damaged_checkpoint_is_refused(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&small);
    sl_train_options o = options_for(1);
    sl_train_result result;
    sl_error err;
    o.checkpoint = in_folder("checkpoint");
    o.resume = true;
    unlink(o.checkpoint);
    assert_ok(sl_train(data, &o, in_folder("model"), &result, &err), &err);
    size_t n;
    unsigned char *bytes = slurp(o.checkpoint, &n);
    const struct {
        size_t flip, length;
    } damages[] = {{0, n}, {9, n}, {n - 1, n}, {n / 2, n}, {n, n - 4}, {n, 20}, {n, 0}};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        if (damages[i].flip < n) bytes[damages[i].flip] ^= 0x10;
        FILE *f = fopen(o.checkpoint, "wb");
        assert_int_equal(fwrite(bytes, 1, damages[i].length, f), damages[i].length);
        fclose(f);
        assert_int_equal(sl_train(data, &o, in_folder("model"), &result, &err), SL_ERR_FORMAT);
        if (damages[i].flip < n) bytes[damages[i].flip] ^= 0x10;
    }
    free(bytes);
    sl_dataset_close(data);
}

/* An object that is left out might as well be another. */
static void left_out_is_left_out(void **state)
{
    (void)state;
    bool leave_out[160] = {false};
    leave_out[17] = leave_out[59] = true;
    sl_train_options o = options_for(2);
    o.leave_out = leave_out;
    sl_train_result result;
    sl_error err;
    data_size other = small;
    sl_dataset *data = open_data(&small);
    assert_ok(sl_train(data, &o, in_folder("one"), &result, &err), &err);
    assert_int_equal(result.last.n_train + result.last.n_validate, 158);
    sl_dataset_close(data);
    other.changed = 17;
    data = open_data(&other);
    assert_ok(sl_train(data, &o, in_folder("other"), &result, &err), &err);
    assert_same_file(in_folder("one"), in_folder("other"));
    sl_dataset_close(data);
}

static void folds_share_the_objects(void **state)
{
    (void)state;
    enum { N = 10000, K = 5 };
    uint32_t counts[K] = {0};
    for (uint32_t i = 0; i < N; i++) {
        char id[16];
        const int n = snprintf(id, sizeof id, "%u", 615 + i);
        const uint32_t fold = sl_train_fold((sl_str){id, (size_t)n}, K);
        assert_in_range(fold, 0, K - 1);
        counts[fold]++;
    }
    for (int k = 0; k < K; k++) assert_in_range(counts[k], N / K - 200, N / K + 200); /* five standard deviations */
    assert_int_equal(sl_train_fold((sl_str){"ZTF18abmjvpb", 12}, 5), sl_train_fold((sl_str){"ZTF18abmjvpb", 12}, 5));
}

static void all_objects_may_teach(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&small);
    sl_train_options o = options_for(3);
    sl_train_result result;
    sl_error err;
    o.folds = 0;
    assert_ok(sl_train(data, &o, in_folder("model"), &result, &err), &err);
    assert_int_equal(result.last.n_train, 160);
    assert_int_equal(result.last.epoch, 3);
    assert_true(isnan(result.loss));
    sl_dataset_close(data);
}

static void it_goes_on_from_a_model(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&small);
    sl_train_options o = options_for(20);
    sl_train_result first, result;
    sl_model *model;
    sl_error err;
    assert_ok(sl_train(data, &o, in_folder("model"), &first, &err), &err);
    assert_ok(sl_model_open(in_folder("model"), &model, &err), &err);
    o.init = model;
    o.epochs = 1;
    o.rate = 1e-7f;
    assert_ok(sl_train(data, &o, in_folder("again"), &result, &err), &err);
    assert_true(fabs(result.loss - first.loss) < 1e-3);
    sl_dataset_close(data);
    data_size other = small;
    other.steps = 21;
    data = open_data(&other);
    assert_int_equal(sl_train(data, &o, in_folder("again"), &result, &err), SL_ERR_CONTRACT);
    sl_dataset_close(data);
    sl_model_close(model);
}

/* Teachers alone, that say the opposite of the labels, are believed. */
static void teachers_are_believed(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&small);
    const size_t n = sl_dataset_rows(data);
    float *soft = malloc(n * 3 * sizeof *soft);
    for (size_t i = 0; i < n; i++) {
        sl_dataset_row row;
        sl_dataset_get(data, i, &row);
        for (int c = 0; c < 3; c++) soft[i * 3 + (size_t)c] = c == (row.label + 1) % 3 ? 0.98f : 0.01f;
    }
    sl_train_options o = options_for(12);
    sl_train_result result;
    sl_error err;
    o.soft = soft;
    o.soft_share = 1;
    o.soft_temperature = 2;
    o.folds = 0;
    o.balance = 0;
    assert_ok(sl_train(data, &o, in_folder("model"), &result, &err), &err);
    sl_model *model;
    sl_runner *runner;
    assert_ok(sl_model_open(in_folder("model"), &model, &err), &err);
    assert_ok(sl_runner_new(model, &runner, &err), &err);
    size_t followed = 0;
    for (size_t i = 0; i < n; i++) {
        float p[3];
        sl_dataset_row row;
        sl_dataset_get(data, i, &row);
        assert_ok(sl_runner_run(runner, 1, sl_dataset_input(data, i, NULL), p, &err), &err);
        followed += p[(row.label + 1) % 3] > 0.5f;
    }
    assert_true(followed > n * 9 / 10);
    sl_runner_free(runner);
    sl_model_close(model);
    free(soft);
    sl_dataset_close(data);
}

static void options_have_bounds(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&small);
    sl_train_result result;
    sl_error err;
    for (int k = 0; k < 12; k++) {
        sl_train_options o = options_for(1);
        switch (k) {
        case 0: o.rate = NAN; break;
        case 1: o.rate = 0; break;
        case 2: o.batch = 0; break;
        case 3: o.epochs = 0; break;
        case 4: o.folds = 1; break;
        case 5: o.fold = 5; break;
        case 6: o.drop_head = 1; break;
        case 7: o.smoothing = -0.1f; break;
        case 8: o.net.heads = 3; break;
        case 9: snprintf(o.net.name, sizeof o.net.name, "nothing"); break;
        case 10: o.soft_temperature = 0; break;
        default: o.schedule = SL_N_SCHEDULES; break;
        }
        assert_int_equal(sl_train(data, &o, in_folder("model"), &result, &err), SL_ERR_INVAL);
    }
    sl_train_options o = options_for(1);
    o.folds = 1000; /* a fold without an object */
    for (o.fold = 0; o.fold < 5; o.fold++) {
        const sl_status status = sl_train(data, &o, in_folder("model"), &result, &err);
        assert_true(status == SL_OK || status == SL_ERR_CONTRACT);
        if (status == SL_ERR_CONTRACT) break;
    }
    assert_true(o.fold < 5);
    o = options_for(50);
    o.rate = 10;
    o.clip = 0;
    o.schedule = SL_SCHEDULE_CONSTANT;
    const sl_status status = sl_train(data, &o, in_folder("model"), &result, &err);
    assert_true(status == SL_OK || status == SL_ERR_NUMERIC);
    sl_dataset_close(data);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"data", "model", "one", "many", "other", "whole", "parts", "checkpoint", "again"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) unlink(in_folder(names[i]));
    return rmdir(folder);
}

/* Every third weight is 0 to the network, and two neighbours are one number; good from a given step on. */
typedef struct rule {
    const sl_train_net *net;
    uint64_t steps, from, asked;
} rule;

static sl_status rule_begin(void *user, const sl_train_net *net, const float *weights, uint64_t steps, sl_error *err)
{
    rule *r = user;
    (void)weights;
    (void)err;
    r->net = net;
    r->steps = steps;
    return SL_OK;
}

static void rule_share(void *user, float *grad)
{
    const rule *r = user;
    for (size_t i = 0; i + 2 < r->net->n_params; i += 3) {
        grad[i] = 0;
        grad[i + 1] = grad[i + 2] = grad[i + 1] + grad[i + 2];
    }
}

static void rule_step(void *user, uint64_t step, float *weights, float *average)
{
    rule *r = user;
    (void)weights;
    (void)average;
    assert_int_equal(step, r->asked + 1);
    r->asked = step;
}

static void rule_see(void *user, const float *weights, float *seen)
{
    const rule *r = user;
    memcpy(seen, weights, r->net->n_params * sizeof *seen);
    for (size_t i = 0; i + 2 < r->net->n_params; i += 3) {
        seen[i] = 0;
        seen[i + 1] = seen[i + 2] = 0.5f * (weights[i + 1] + weights[i + 2]);
    }
}

static bool rule_settled(void *user, uint64_t step)
{
    return step >= ((const rule *)user)->from;
}

static void weights_obey_a_constraint(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&small);
    sl_error err;
    for (uint32_t threads = 1; threads <= 3; threads += 2) {
        rule r = {.from = 60};
        const sl_constraint c = {.user = &r, .begin = rule_begin, .share = rule_share, .step = rule_step, .see = rule_see,
                                 .settled = rule_settled};
        sl_train_options o = options_for(25);
        sl_train_result result;
        o.constraint = &c;
        o.threads = threads;
        assert_ok(sl_train(data, &o, in_folder(threads == 1 ? "one" : "many"), &result, &err), &err);
        assert_true(result.accuracy > 0.8);
        assert_int_equal(r.asked % (r.steps / 25), 0);
        assert_true(result.last.best_epoch * (r.steps / 25) >= r.from);
        o.checkpoint = in_folder("checkpoint");
        assert_int_equal(sl_train(data, &o, in_folder("other"), &result, &err), SL_ERR_INVAL);
    }
    assert_same_file(in_folder("one"), in_folder("many"));
    sl_model *model;
    assert_ok(sl_model_open(in_folder("one"), &model, &err), &err);
    /* The first matrix is 16 x 2 behind no gap. */
    const float *w = model->parts.tensors[0].data;
    for (int i = 0; i < 30; i += 3) {
        assert_true(w[i] == 0);
        assert_true(w[i + 1] == w[i + 2] && w[i + 1] != 0);
    }
    sl_model_close(model);
    sl_dataset_close(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns),
        cmocka_unit_test(a_temperature_can_be_given),
        cmocka_unit_test(every_network_of_the_zoo_learns),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(weights_obey_a_constraint),
        cmocka_unit_test(what_was_stopped_goes_on),
        cmocka_unit_test(a_damaged_checkpoint_is_refused),
        cmocka_unit_test(left_out_is_left_out),
        cmocka_unit_test(folds_share_the_objects),
        cmocka_unit_test(all_objects_may_teach),
        cmocka_unit_test(it_goes_on_from_a_model),
        cmocka_unit_test(teachers_are_believed),
        cmocka_unit_test(options_have_bounds),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
