/* Teachers that never saw what they teach. */
#include "folder.h"
#include "train_data.h"

#include "train/split.h"
#include "train/teach.h"

static const data_size size = {.objects = 120, .copies = 2, .steps = 4, .features = 3, .classes = 3, .telling = true};
static sl_error err;

static sl_dataset *open_data(const data_size *s)
{
    sl_dataset *data;
    const char *path = in_folder("data");
    make_data(path, s);
    assert_ok(sl_dataset_open(path, &data, &err), &err);
    unlink(path);
    return data;
}

static sl_train_options options_for(void)
{
    sl_train_options o;
    assert_ok(sl_train_defaults("mlp", &o, &err), &err);
    o.net.head[0] = o.net.head[1] = 12;
    o.batch = 16;
    o.rate = 2e-2f;
    o.average = 0.9f;
    o.epochs = 30;
    o.teach = 3;
    o.teach_epochs = 4;
    o.threads = 2;
    return o;
}

/* An object's numbers change: what is said of the others of its part does not, as their teacher never saw it. */
static void a_part_is_hidden_from_its_teacher(void **state)
{
    (void)state;
    data_size other_size = size;
    other_size.changed = 50;
    sl_dataset *data = open_data(&size), *other = open_data(&other_size);
    const sl_train_options o = options_for();
    float *soft, *soft_other;
    assert_int_equal(sl_teach(data, &o, 0, &soft, &err), SL_OK);
    assert_int_equal(sl_teach(other, &o, 0, &soft_other, &err), SL_OK);
    const sl_str changed = {"object 51", 9}; /* they count from 1 */
    const uint32_t hidden = sl_train_part(changed, o.teach), judges = sl_train_fold(changed, o.folds);
    assert_int_not_equal(judges, o.fold);
    size_t same = 0, moved = 0, none = 0;
    for (size_t i = 0; i < sl_dataset_rows(data); i++) {
        sl_dataset_row row;
        sl_dataset_get(data, i, &row);
        const float *a = soft + 3 * i, *b = soft_other + 3 * i;
        if (sl_train_fold(row.object_id, o.folds) == o.fold) {
            assert_true(isnan(a[0]) && isnan(b[0]));
            none++;
        } else if (row.object != 50) {
            assert_true(fabsf(a[0] + a[1] + a[2] - 1) < 1e-5f);
            const bool equal = memcmp(a, b, 3 * sizeof *a) == 0;
            if (sl_train_part(row.object_id, o.teach) == hidden) {
                assert_true(equal);
                same++;
            } else {
                moved += !equal;
            }
        }
    }
    assert_true(same > 20 && none > 20 && moved > 50);
    free(soft);
    free(soft_other);
    sl_dataset_close(data);
    sl_dataset_close(other);
}

/* The first part's two teachers are the ones that seeds one apart give alone. */
static void rounds_are_averaged(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&size);
    float *soft[3];
    for (uint32_t k = 0; k < 3; k++) {
        sl_train_options o = options_for();
        o.teach_rounds = k == 2 ? 2 : 1;
        o.seed += k == 1;
        assert_int_equal(sl_teach(data, &o, 0, &soft[k], &err), SL_OK);
    }
    const sl_train_options o = options_for();
    size_t n = 0;
    for (size_t i = 0; i < sl_dataset_rows(data); i++) {
        sl_dataset_row row;
        sl_dataset_get(data, i, &row);
        if (sl_train_part(row.object_id, o.teach) != 0 || sl_train_fold(row.object_id, o.folds) == o.fold) continue;
        for (size_t c = 3 * i; c < 3 * i + 3; c++) {
            assert_true(fabsf(soft[2][c] - 0.5f * (soft[0][c] + soft[1][c])) < 1e-6f);
            n += soft[0][c] != soft[1][c];
        }
    }
    assert_true(n > 50);
    for (int k = 0; k < 3; k++) free(soft[k]);
    sl_dataset_close(data);
}

static void those_left_out_are_told_nothing(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&size);
    sl_train_options o = options_for();
    bool out[120];
    for (int i = 0; i < 120; i++) out[i] = i % 4 == 0;
    o.folds = 0;
    o.leave_out = out;
    float *soft;
    assert_int_equal(sl_teach(data, &o, 0, &soft, &err), SL_OK);
    for (size_t i = 0; i < 240; i++) assert_int_equal(isnan(soft[3 * i]), i / 2 % 4 == 0);
    free(soft);
    sl_dataset_close(data);
}

typedef struct told {
    uint32_t calls, stop, teachers[4];
    double left;
} told;

static bool listen(void *user, const sl_train_progress *p)
{
    told *t = user;
    assert_int_equal(p->teachers, 3);
    assert_true(p->teacher <= 3 && p->seconds_left >= 0);
    t->teachers[p->teacher]++;
    return ++t->calls != t->stop;
}

static void the_same_comes_of_any_threads_and_pauses(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&size);
    sl_train_options o = options_for();
    sl_train_result result;
    told t = {0};
    o.progress = listen;
    o.user = &t;
    assert_int_equal(sl_train(data, &o, in_folder("one"), &result, &err), SL_OK);
    assert_int_equal(t.calls, 3 * 4 + 30);
    assert_int_equal(t.teachers[0], 30);
    for (int i = 1; i < 4; i++) assert_int_equal(t.teachers[i], 4);
    assert_true(result.accuracy > 0.8);
    o.threads = 1;
    o.checkpoint = in_folder("checkpoint");
    o.resume = true;
    /* Within the first teacher, at the end of the second, and in the student. */
    static const uint32_t stops[] = {2, 6, 5};
    for (int i = 0; i < 3; i++) {
        t = (told){.stop = stops[i]};
        assert_int_equal(sl_train(data, &o, in_folder("parts"), &result, &err), i < 2 ? SL_DONE : SL_OK);
        assert_int_equal(t.calls, stops[i]);
        assert_int_equal(access(in_folder("parts"), F_OK) == 0, i == 2);
    }
    t = (told){0};
    assert_int_equal(sl_train(data, &o, in_folder("parts"), &result, &err), SL_OK);
    assert_true(t.teachers[0] > 0 && t.calls == t.teachers[0]);
    assert_same_file(in_folder("one"), in_folder("parts"));
    sl_dataset_close(data);
}

static void bounds_and_the_untaught(void **state)
{
    (void)state;
    sl_dataset *data = open_data(&size);
    sl_train_result result;
    for (int k = 0; k < 6; k++) {
        sl_train_options o = options_for();
        if (k == 0) o.teach = 1;
        if (k == 1) o.teach = 1001;
        if (k == 2) o.teach_epochs = 0;
        if (k == 3) o.teach_drop_head = 1;
        if (k == 4) o.rate = 0;
        if (k == 5) o.teach_rounds = 0;
        assert_int_equal(sl_train(data, &o, in_folder("one"), &result, &err), SL_ERR_INVAL);
    }
    sl_train_options o = options_for();
    assert_true(o.teach > 0 && o.drop_head == 0.1f);
    sl_train_untaught(&o);
    assert_true(o.teach == 0 && o.drop_head == 0.4f);
    o.drop_head = 0.2f;
    sl_train_untaught(&o); /* there is nothing to take away */
    assert_true(o.drop_head == 0.2f);
    /* More parts than objects: some are empty, and nobody is missed. */
    const data_size few = {.objects = 12, .copies = 1, .steps = 4, .features = 3, .classes = 3};
    sl_dataset *small = open_data(&few);
    o = options_for();
    o.folds = 0;
    o.teach = 40;
    o.teach_epochs = 1;
    float *soft;
    assert_int_equal(sl_teach(small, &o, 0, &soft, &err), SL_OK);
    for (size_t i = 0; i < 36; i++) assert_true(isfinite(soft[i]));
    free(soft);
    sl_dataset_close(small);
    sl_dataset_close(data);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_is_hidden_from_its_teacher),
        cmocka_unit_test(rounds_are_averaged), cmocka_unit_test(those_left_out_are_told_nothing),
        cmocka_unit_test(the_same_comes_of_any_threads_and_pauses),
        cmocka_unit_test(bounds_and_the_untaught),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
