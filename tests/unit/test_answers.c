/* Answers on a data set, and what is fitted to them: temperature and novelty. */
#include "starling/answers.h"
#include "model/model_write.h"
#include "starling/scores.h"
#include "train/eigen.h"
#include "train/novelty_fit.h"
#include "train_data.h"

static const data_size set = {.objects = 150, .copies = 2, .steps = 16, .classes = 3, .storage = SL_DATASET_FLOAT16};
static const random_size net = {16, 2, 6, 1, 2, 3, 8, 1, 3, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false};
enum { ROWS = 300 };

typedef struct stage {
    char path[64];
    sl_arena arena;
    sl_dataset *data;
    sl_model_parts *parts;
    sl_model *model;
    void *bytes;
    size_t rows[ROWS];
} stage;

static void open_model(stage *s)
{
    sl_error err;
    size_t n_bytes;
    assert_ok(sl_model_write_memory(s->parts, &s->bytes, &n_bytes, &err), &err);
    assert_ok(sl_model_open_memory(s->bytes, n_bytes, &s->model, &err), &err);
}

static void set_up(stage *s, const data_size *size)
{
    sl_error err;
    strcpy(s->path, "/tmp/starling-answers-XXXXXX");
    const int fd = mkstemp(s->path);
    assert_true(fd >= 0);
    close(fd);
    make_data(s->path, size);
    assert_ok(sl_dataset_open(s->path, &s->data, &err), &err);
    unlink(s->path);
    sl_arena_init(&s->arena, 1 << 26);
    s->parts = random_model(&s->arena, 3, &net);
    for (size_t i = 0; i < ROWS; i++) s->rows[i] = ROWS - 1 - i;
    open_model(s);
}

static void tear_down(stage *s)
{
    sl_model_close(s->model);
    free(s->bytes);
    sl_dataset_close(s->data);
    sl_arena_release(&s->arena);
}

static void answers_are_those_of_a_runner(void **state)
{
    (void)state;
    stage s;
    set_up(&s, &set);
    sl_error err;
    sl_runner *runner;
    assert_ok(sl_runner_new(s.model, &runner, &err), &err);
    for (uint32_t threads = 1; threads <= 5; threads += 2) {
        sl_answers a;
        assert_ok(sl_answers_run(s.model, s.data, ROWS, s.rows, SL_ANSWERS_LOGITS | SL_ANSWERS_LAST, threads, &a, &err), &err);
        assert_int_equal(a.n, ROWS);
        assert_int_equal(a.last_width, net.width);
        assert_null(a.novelty);
        for (size_t i = 0; i < ROWS; i++) {
            float room[64], p[3], logits[3], last[6];
            sl_dataset_row row;
            sl_dataset_get(s.data, s.rows[i], &row);
            assert_int_equal(a.label[i], row.label);
            const float *input = sl_dataset_input(s.data, s.rows[i], room);
            assert_ok(sl_runner_run_inside(runner, 1, input, p, &(sl_inside){logits, last, NULL}, &err), &err);
            assert_memory_equal(p, a.p + 3 * i, sizeof p);
            assert_memory_equal(logits, a.logits + 3 * i, sizeof logits);
            assert_memory_equal(last, a.last + 6 * i, sizeof last);
        }
        sl_answers_free(&a);
    }
    sl_answers a;
    s.rows[7] = ROWS;
    assert_int_equal(sl_answers_run(s.model, s.data, ROWS, s.rows, 0, 2, &a, &err), SL_ERR_INVAL);
    sl_answers_free(&a);
    s.rows[7] = 0;
    assert_int_equal(sl_answers_run(s.model, s.data, ROWS, s.rows, SL_ANSWERS_NOVELTY, 2, &a, &err), SL_ERR_INVAL);
    sl_answers_free(&a);
    assert_ok(sl_answers_run(s.model, s.data, 0, NULL, 0, 2, &a, &err), &err);
    sl_answers_free(&a);
    sl_runner_free(runner);
    tear_down(&s);
}

static void labels_go_by_the_names_of_classes(void **state)
{
    (void)state;
    stage s;
    set_up(&s, &set);
    sl_model_close(s.model);
    free(s.bytes);
    sl_class *classes = s.parts->contract.classes;
    const sl_class first = classes[0];
    classes[0] = classes[2];
    classes[2] = first;
    strcpy(classes[1].name, "another");
    open_model(&s);
    sl_answers a;
    sl_error err;
    assert_ok(sl_answers_run(s.model, s.data, ROWS, s.rows, 0, 2, &a, &err), &err);
    static const uint8_t meant[] = {2, SL_NO_LABEL, 0};
    for (size_t i = 0; i < ROWS; i++) {
        sl_dataset_row row;
        sl_dataset_get(s.data, s.rows[i], &row);
        assert_int_equal(a.label[i], meant[row.label]);
    }
    sl_answers_free(&a);
    tear_down(&s);
}

static void expect_differs(const sl_contract *changed, const sl_contract *of, const char *word)
{
    sl_error err;
    assert_int_equal(sl_contract_same_input(changed, of, &err), SL_ERR_CONTRACT);
    if (strstr(err.message, word) == NULL) fail_msg("%s: not about '%s'", err.message, word);
}

static void data_of_another_contract_are_refused(void **state)
{
    (void)state;
    stage s;
    data_size other = set;
    other.steps = 17;
    set_up(&s, &other);
    sl_error err;
    sl_answers a;
    assert_int_equal(sl_answers_run(s.model, s.data, 1, s.rows, 0, 1, &a, &err), SL_ERR_CONTRACT);
    assert_non_null(strstr(err.message, "steps"));
    sl_contract *c = SL_ARENA_NEW(&s.arena, sl_contract, 1);
    const sl_contract *of = &s.parts->contract;
    *c = *of;
    strcpy(c->name, "else");
    strcpy(c->source, "else");
    strcpy(c->classes[0].name, "else");
    c->n_classes = 2;
    assert_ok(sl_contract_same_input(c, of, &err), &err); /* nothing that an input depends on */
    c->bands[0].name[0] = 'x';
    expect_differs(c, of, "bands");
    *c = *of;
    c->planes = SL_PLANE_ASINH;
    expect_differs(c, of, "channels");
    *c = *of;
    c->scaling = SL_SCALING_PEAK;
    expect_differs(c, of, "scaling");
    *c = *of;
    c->use = SL_USE_FORCED;
    expect_differs(c, of, "another contract");
    tear_down(&s);
}

/* ---- temperature ---- */

/* Logits of rows whose truth is drawn from softmax(z / t), classes as unlike in number as `tilt` says. */
typedef struct drawn {
    sl_answers a;
    float *logits;
    uint8_t *label;
} drawn;

static drawn draw_rows(size_t n, double t, double tilt)
{
    drawn d = {.logits = malloc(n * 3 * sizeof(float)), .label = malloc(n)};
    sl_rng rng;
    sl_rng_init(&rng, 12, 0);
    for (size_t i = 0; i < n; i++) {
        double e[3], sum = 0;
        for (int k = 0; k < 3; k++) {
            const double z = 4 * sl_rng_normal(&rng) + tilt * k;
            d.logits[3 * i + k] = (float)(z + 1e4);
            sum += e[k] = exp(z / t);
        }
        const double u = sum * sl_rng_uniform(&rng);
        d.label[i] = u < e[0] ? 0 : u < e[0] + e[1] ? 1 : 2;
    }
    d.a = (sl_answers){.n = n, .n_classes = 3, .logits = d.logits, .label = d.label};
    return d;
}

static void drawn_free(drawn *d)
{
    free(d->logits);
    free(d->label);
}

static double loss_at(const sl_answers *a, int counting, double t)
{
    double loss[3] = {0}, rows[3] = {0}, share[3] = {1, 1, 1};
    if (counting == SL_COUNT_SHARES) {
        share[0] = share[1] = share[2] = 0;
        for (size_t i = 0; i < a->n; i++) {
            if (a->label[i] != SL_NO_LABEL) share[a->label[i]]++;
        }
    }
    for (size_t i = 0; i < a->n; i++) {
        if (a->label[i] == SL_NO_LABEL) continue;
        const float *z = a->logits + 3 * i;
        double sum = 0;
        for (int k = 0; k < 3; k++) {
            sum += share[k] / share[a->label[i]] * exp(((double)z[k] - (double)z[a->label[i]]) / t);
        }
        loss[a->label[i]] += log(sum);
        rows[a->label[i]]++;
    }
    return counting == SL_COUNT_CLASSES ? loss[0] / rows[0] + loss[1] / rows[1] + loss[2] / rows[2] : loss[0] + loss[1] + loss[2];
}

static void a_temperature_is_found_again(void **state)
{
    (void)state;
    sl_error err;
    for (double t = 0.3; t < 9; t *= 1.7) {
        drawn d = draw_rows(20000, t, 1);
        for (size_t i = 0; i < 500; i++) d.label[7 * i] = SL_NO_LABEL;
        for (int counting = 0; counting < 3; counting++) {
            double found;
            assert_ok(sl_temperature_fit(&d.a, (sl_counting)counting, &found, &err), &err);
            if (counting == SL_COUNT_ROWS) assert_true(fabs(found / t - 1) < 0.06);
            const double least = loss_at(&d.a, counting, found);
            if (found > 19.99) continue; /* the bound */
            assert_true(least <= loss_at(&d.a, counting, found * 1.001) && least <= loss_at(&d.a, counting, found / 1.001));
        }
        drawn_free(&d);
    }
}

static void temperatures_at_the_ends_stay_within_their_bounds(void **state)
{
    (void)state;
    static const float logits[] = {1, 0, 0, 0, 2, 0, 0, 0, 3, 5, 5, 5};
    static const uint8_t right[] = {0, 1, 2, SL_NO_LABEL}, wrong[] = {1, 2, 0, SL_NO_LABEL};
    sl_error err;
    double t;
    sl_answers a = {.n = 4, .n_classes = 3, .logits = (float *)logits, .label = (uint8_t *)right};
    assert_ok(sl_temperature_fit(&a, SL_COUNT_ROWS, &t, &err), &err);
    assert_true(fabs(t - 0.05) < 1e-4);
    a.label = (uint8_t *)wrong;
    assert_ok(sl_temperature_fit(&a, SL_COUNT_ROWS, &t, &err), &err);
    assert_true(fabs(t - 20) < 1e-2);
    a.logits = (float *)logits + 9;
    a.label = (uint8_t *)right;
    a.n = 1;
    assert_ok(sl_temperature_fit(&a, SL_COUNT_ROWS, &t, &err), &err); /* all logits equal: any is as good */
    assert_true(t >= 0.05 && t <= 20);
    a.label = (uint8_t *)right + 3;
    assert_int_equal(sl_temperature_fit(&a, SL_COUNT_ROWS, &t, &err), SL_ERR_INVAL);
}

/* ---- novelty ---- */

enum { WIDTH = 4, N = 6000 };

/* Three Gaussians of one covariance; the last direction is the sum of the others, as a layer norm would have it. */
static void gaussians(float *last, uint8_t *label, uint64_t seed)
{
    static const double mean[3][3] = {{0, 0, 0}, {20, 0, 0}, {0, 30, 5}};
    sl_rng rng;
    sl_rng_init(&rng, seed, 3);
    for (size_t i = 0; i < N; i++) {
        const int k = i % 3;
        const double a = sl_rng_normal(&rng), b = sl_rng_normal(&rng), c = sl_rng_normal(&rng);
        const double x[3] = {mean[k][0] + a, mean[k][1] + 2 * b + a, mean[k][2] + 0.1 * c - b};
        for (int j = 0; j < 3; j++) last[i * WIDTH + j] = (float)x[j];
        last[i * WIDTH + 3] = (float)(x[0] + x[1] + x[2]);
        label[i] = (uint8_t)k;
    }
}

static void distances_are_those_of_the_gaussians(void **state)
{
    (void)state;
    static float last[2][N * WIDTH], logits[N * 4];
    static uint8_t label[2][N];
    sl_error err;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    sl_answers a[2];
    for (int i = 0; i < 2; i++) {
        gaussians(last[i], label[i], 5 + (uint64_t)i);
        a[i] = (sl_answers){.n = N, .n_classes = 4, .last_width = WIDTH, .last = last[i], .logits = logits, .label = label[i]};
    }
    sl_novelty n;
    assert_ok(sl_novelty_fit(&a[0], &a[1], SL_NOVELTY_NEAREST, 1e-6, &arena, &n, &err), &err);
    assert_ok(sl_novelty_check(&n, WIDTH, 4, &err), &err);
    assert_int_equal(n.known, 7); /* the fourth class was never seen */
    double sum = 0, squares = 0, below = 0;
    float room[WIDTH];
    for (size_t i = 0; i < N; i++) {
        const float d = sl_novelty_score(&n, last[1] + i * WIDTH, logits, 4, room);
        sum += d / (double)N;
        squares += (double)d * d / N;
        below += sl_novelty_share(&n, d) / N;
    }
    assert_int_equal(n.rank, 2);                       /* three means lie in a plane: */
    assert_true(fabs(sum - 2) < 0.12);                 /* chi squared of two degrees of freedom: mean 2, */
    assert_true(fabs(squares - sum * sum - 4) < 0.6);  /* variance 4 */
    assert_true(fabs(below - 0.5) < 0.005);
    const float far[] = {10, 10, 10, 30}, near[] = {20, 0, 0, 20};
    assert_true(sl_novelty_share(&n, sl_novelty_score(&n, far, logits, 4, room)) == 1);
    assert_true(sl_novelty_share(&n, sl_novelty_score(&n, near, logits, 4, room)) < 0.02f);
    /* Rows without a label count nowhere; without two of them there is no scale. */
    memset(label[1] + 1, SL_NO_LABEL, N - 1);
    assert_int_equal(sl_novelty_fit(&a[0], &a[1], SL_NOVELTY_NEAREST, 0, &arena, &n, &err), SL_ERR_INVAL);
    /* No spread at all. */
    memset(last, 0, sizeof last);
    label[1][1] = 0;
    assert_ok(sl_novelty_fit(&a[0], &a[1], SL_NOVELTY_ANSWER, 0, &arena, &n, &err), &err);
    assert_ok(sl_novelty_check(&n, WIDTH, 4, &err), &err);
    sl_arena_release(&arena);
}

/* Eigenvalues and vectors of a matrix that is made of them. */
static void a_symmetric_matrix_is_taken_apart(void **state)
{
    (void)state;
    enum { SIDE = 7 };
    static const double values[SIDE] = {40, 7, 7, 0.5, 1e-6, 0, -3}; /* -3 comes last, 0 before it */
    double v[SIDE][SIDE], a[SIDE * SIDE] = {0}, kept[SIDE * SIDE], found[SIDE], vectors[SIDE * SIDE];
    sl_rng rng;
    sl_rng_init(&rng, 12, 0);
    for (int r = 0; r < SIDE; r++) { /* Gram and Schmidt */
        for (int i = 0; i < SIDE; i++) v[r][i] = sl_rng_normal(&rng);
        for (int pass = 0; pass < 2; pass++) {
            for (int q = 0; q < r; q++) {
                double along = 0;
                for (int i = 0; i < SIDE; i++) along += v[r][i] * v[q][i];
                for (int i = 0; i < SIDE; i++) v[r][i] -= along * v[q][i];
            }
        }
        double square = 0;
        for (int i = 0; i < SIDE; i++) square += v[r][i] * v[r][i];
        for (int i = 0; i < SIDE; i++) v[r][i] /= sqrt(square);
        for (int i = 0; i < SIDE * SIDE; i++) a[i] += values[r] * v[r][i / SIDE] * v[r][i % SIDE];
    }
    memcpy(kept, a, sizeof kept);
    sl_eigen_symmetric(a, SIDE, found, vectors);
    for (int r = 0; r < SIDE; r++) {
        assert_true(fabs(found[r] - values[r]) < 1e-12);
        for (int i = 0; i < SIDE; i++) {
            double image = 0;
            for (int j = 0; j < SIDE; j++) image += kept[i * SIDE + j] * vectors[r * SIDE + j];
            assert_true(fabs(image - found[r] * vectors[r * SIDE + i]) < 1e-12);
        }
    }
}

/* Relative to all inputs, a point between the classes is less odd than one as far off where no class is. */
static void a_relative_distance_is_that_of_the_formula(void **state)
{
    (void)state;
    static float last[N * WIDTH], logits[N * 4];
    static uint8_t label[N];
    sl_error err;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    gaussians(last, label, 9);
    const sl_answers a = {.n = N, .n_classes = 4, .last_width = WIDTH, .last = last, .logits = logits, .label = label};
    sl_novelty near, n;
    assert_ok(sl_novelty_fit(&a, &a, SL_NOVELTY_NEAREST, 1e-6, &arena, &near, &err), &err);
    assert_ok(sl_novelty_fit(&a, &a, SL_NOVELTY_RELATIVE, 1e-6, &arena, &n, &err), &err);
    assert_ok(sl_novelty_check(&n, WIDTH, 4, &err), &err);
    /* All inputs have in y the covariance 1 + (that of the means), which `pull` is the inverse of, and the mean 0. */
    double mean[2] = {0}, covariance[2][2] = {{0}};
    float y[WIDTH];
    for (size_t i = 0; i < N; i++) {
        (void)sl_novelty_score(&n, last + i * WIDTH, logits, 4, y);
        for (int r = 0; r < 2; r++) {
            mean[r] += (double)y[r] / N;
            for (int q = 0; q < 2; q++) covariance[r][q] += (double)y[r] * (double)y[q] / N;
        }
    }
    for (int r = 0; r < 2; r++) {
        const double spread = 1 / (double)n.pull[r];
        assert_true(fabs(mean[r]) < 1e-2 * sqrt(spread));
        assert_true(fabs(covariance[r][r] / spread - 1) < 5e-3);
        assert_true(fabs(covariance[r][1 - r]) < 5e-3 * sqrt(spread / (double)n.pull[1 - r]));
    }
    for (size_t i = 0; i < 50; i++) {
        const double relative = (double)sl_novelty_score(&n, last + i * WIDTH, logits, 4, y);
        const double all = (double)(n.pull[0] * y[0] * y[0] + n.pull[1] * y[1] * y[1]);
        assert_true(fabs(relative + all - (double)sl_novelty_score(&near, last + i * WIDTH, logits, 4, y)) < 1e-3);
    }
    sl_arena_release(&arena);
}

static void a_calibrated_model_has_a_lower_loss_and_knows_its_own(void **state)
{
    (void)state;
    stage s;
    set_up(&s, &set);
    sl_error err;
    for (int kind = 0; kind < SL_N_NOVELTY_KINDS; kind++) {
        sl_answers before, after;
        assert_ok(sl_answers_run(s.model, s.data, ROWS, s.rows, SL_ANSWERS_LOGITS | SL_ANSWERS_LAST, 2, &before, &err), &err);
        const sl_calibrate_options options = {.counting = SL_COUNT_ROWS, .novelty = kind};
        void *bytes;
        size_t n_bytes;
        double t;
        assert_ok(sl_model_calibrate(s.model, NULL, &before, &options, &bytes, &n_bytes, &t, &err), &err);
        sl_model *model;
        assert_ok(sl_model_open_memory(bytes, n_bytes, &model, &err), &err);
        sl_model_info info;
        sl_model_describe(model, &info);
        assert_true(info.temperature == (float)t && t > 1.5); /* random weights know nothing */
        assert_int_equal(info.novelty, kind);
        const unsigned want = kind != 0 ? SL_ANSWERS_NOVELTY | SL_ANSWERS_LOGITS : SL_ANSWERS_LOGITS;
        assert_ok(sl_answers_run(model, s.data, ROWS, s.rows, want, 2, &after, &err), &err);
        assert_memory_equal(before.logits, after.logits, ROWS * 3 * sizeof(float));
        double loss[2] = {0}, novelty = 0;
        for (size_t i = 0; i < ROWS; i++) {
            loss[0] -= log((double)before.p[3 * i + before.label[i]]);
            loss[1] -= log((double)after.p[3 * i + after.label[i]]);
            if (kind != 0) novelty += (double)after.novelty[i] / ROWS;
        }
        assert_true(loss[1] < loss[0]);
        if (kind != 0) assert_true(fabs(novelty - 0.5) < 0.01);
        sl_model_close(model);
        free(bytes);
        sl_answers_free(&before);
        sl_answers_free(&after);
    }
    sl_answers bare;
    void *bytes;
    size_t n_bytes;
    assert_ok(sl_answers_run(s.model, s.data, ROWS, s.rows, 0, 2, &bare, &err), &err);
    const sl_calibrate_options options = {.novelty = SL_NOVELTY_NEAREST};
    assert_int_equal(sl_model_calibrate(s.model, NULL, &bare, &options, &bytes, &n_bytes, NULL, &err), SL_ERR_INVAL);
    sl_answers_free(&bare);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_a_runner),
        cmocka_unit_test(labels_go_by_the_names_of_classes),
        cmocka_unit_test(data_of_another_contract_are_refused),
        cmocka_unit_test(a_temperature_is_found_again),
        cmocka_unit_test(temperatures_at_the_ends_stay_within_their_bounds),
        cmocka_unit_test(distances_are_those_of_the_gaussians),
        cmocka_unit_test(a_symmetric_matrix_is_taken_apart),
        cmocka_unit_test(a_relative_distance_is_that_of_the_formula),
        cmocka_unit_test(a_calibrated_model_has_a_lower_loss_and_knows_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
