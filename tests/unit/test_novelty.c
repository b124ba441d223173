/* What a runner tells beside probabilities: logits, the last layer, and how unlike the known an input is. */
#include "unit.h"

#include "base/error.h"
#include "model/model_write.h"
#include "random_model.h"
#include "starling/model.h"

static const random_size size = {9, 2, 5, 1, 2, 2, 6, 1, 3, 0, SL_EXTRAS_NONE, SL_STORAGE_FLOAT32, false};

/* y = (2 a - 1, a + 3 b + 2) of last = (a, b, c); means (1, 0) and (0, 4) of classes 0 and 2; class 1 has none. */
static const float hand_directions[] = {2, 1, 0, 3, 0, 0}, hand_origin[] = {1, -2}, hand_pull[] = {0.5f, 0.25f};
static const float hand_centers[] = {1, 100, 0, 0, 100, 4};
static const float hand_quantiles[] = {0, 1, 4, 9, 16};
static const sl_novelty hand = {.kind = SL_NOVELTY_NEAREST, .width = 3, .rank = 2, .known = 5, .directions = hand_directions,
                                .origin = hand_origin, .pull = hand_pull, .centers = hand_centers, .n_quantiles = 5,
                                .quantiles = hand_quantiles};

static void scores_are_those_worked_out_by_hand(void **state)
{
    (void)state;
    float room[2];
    const float last[] = {1, 2, 50}; /* y = (1, 9): to (1, 0) 0 + 81, to (0, 4) 1 + 25; of all 0.5 + 0.25 81 */
    const float answer0[] = {3, 1, 2}, answer1[] = {0, 1, 0}, answer2[] = {0, 0, 1};
    assert_true(sl_novelty_score(&hand, last, answer0, 3, room) == 26);
    sl_novelty other = hand;
    other.kind = SL_NOVELTY_ANSWER;
    assert_true(sl_novelty_score(&other, last, answer0, 3, room) == 81);
    assert_true(sl_novelty_score(&other, last, answer2, 3, room) == 26);
    assert_true(sl_novelty_score(&other, last, answer1, 3, room) == 26); /* class 1 has no centre */
    other.kind = SL_NOVELTY_RELATIVE;
    assert_true(sl_novelty_score(&other, last, answer0, 3, room) == 5.25f);
    const sl_novelty energy = {.kind = SL_NOVELTY_ENERGY, .n_quantiles = 5, .quantiles = hand_quantiles};
    const float logits[] = {1000, 1000 + logf(2), 1000};
    assert_true(fabsf(sl_novelty_score(&energy, NULL, logits, 3, NULL) + 1000 + logf(4)) < 1e-3f);
}

static void directions_are_rounded_once(void **state)
{
    (void)state;
    float x[] = {0.1f, 0, 3e-20f, -4000, 0, 1e-20f}, once[6];
    sl_novelty_round(x, 2, 3);
    memcpy(once, x, sizeof once);
    sl_novelty_round(x, 2, 3);
    assert_memory_equal(x, once, sizeof once);
    assert_true(fabsf(x[3] + 4000) < 2 && x[1] == 0 && x[4] == 0); /* 11 bits of the largest number of a column */
    assert_true(fabsf(x[0] - 0.1f) < 2e-3f && fabsf(x[2] - 3e-20f) < 2e-23f && fabsf(x[5] - 1e-20f) < 2e-23f);
    assert_true(sl_novelty_scale(4) == 4 && sl_novelty_scale(4.5f) == 8 && sl_novelty_scale(0) == 1);
}

static void a_share_is_the_place_among_the_quantiles(void **state)
{
    (void)state;
    assert_true(sl_novelty_share(&hand, -1) == 0);
    assert_true(sl_novelty_share(&hand, 0) == 0);
    assert_true(sl_novelty_share(&hand, 0.5f) == 0.125f);
    assert_true(sl_novelty_share(&hand, 4) == 0.5f);
    assert_true(sl_novelty_share(&hand, 6.5f) == 0.625f);
    assert_true(sl_novelty_share(&hand, 16) == 1);
    assert_true(sl_novelty_share(&hand, INFINITY) == 1);
    assert_true(sl_novelty_share(&hand, NAN) == 1);
    static const float flat[] = {2, 2, 2, 3};
    const sl_novelty ties = {.kind = SL_NOVELTY_ENERGY, .n_quantiles = 4, .quantiles = flat};
    assert_true(sl_novelty_share(&ties, 2) == 2.0f / 3);
}

static void expect_refused(sl_novelty n, const char *word)
{
    sl_error err;
    assert_true(sl_novelty_check(&n, 3, 3, &err) < 0);
    if (strstr(err.message, word) == NULL) fail_msg("%s: not about '%s'", err.message, word);
}

static void numbers_out_of_bounds_are_refused(void **state)
{
    (void)state;
    sl_error err;
    assert_ok(sl_novelty_check(&hand, 3, 3, &err), &err);
    assert_int_equal(sl_novelty_check(&hand, 2, 3, &err), SL_ERR_FORMAT); /* another network's */
    assert_int_equal(sl_novelty_check(&hand, 0, 3, &err), SL_ERR_FORMAT);
    static const float bad[] = {1, 1, NAN, 1, 1, 1}, falling[] = {1, 2, 1}, infinite[] = {1, INFINITY}, above[] = {0.5f, 1.5f};
    sl_novelty n = hand;
    n.kind = (sl_novelty_kind)0;
    expect_refused(n, "no kind");
    n.kind = SL_N_NOVELTY_KINDS;
    expect_refused(n, "unknown");
    n.kind = (sl_novelty_kind)255;
    assert_int_equal(sl_novelty_check(&n, 3, 3, &err), SL_ERR_UNSUPPORTED);
    n = hand;
    n.known = 8;
    expect_refused(n, "class");
    n.known = 0;
    expect_refused(n, "class");
    n = hand;
    n.width = SL_MAX_NOVELTY_WIDTH + 1;
    expect_refused(n, "width");
    n.kind = SL_NOVELTY_ENERGY;
    expect_refused(n, "energy");
    n = hand;
    n.directions = bad;
    expect_refused(n, "direction");
    n = hand;
    n.origin = infinite;
    expect_refused(n, "origin");
    n = hand;
    n.pull = above;
    expect_refused(n, "pull");
    n.pull = infinite;
    expect_refused(n, "pull");
    n = hand;
    n.rank = 0;
    expect_refused(n, "directions");
    n.rank = SL_MAX_CLASSES + 1;
    expect_refused(n, "directions");
    n = hand;
    n.centers = bad;
    expect_refused(n, "center");
    n = hand;
    n.n_quantiles = 1;
    expect_refused(n, "quantiles");
    n.n_quantiles = SL_MAX_NOVELTY_QUANTILES + 1;
    expect_refused(n, "quantiles");
    n.n_quantiles = 3;
    n.quantiles = falling;
    expect_refused(n, "fall");
    n.n_quantiles = 2;
    n.quantiles = infinite;
    expect_refused(n, "finite");
}

static sl_model *open_with(sl_arena *arena, sl_novelty_kind kind, float temperature, void **bytes, size_t *n_bytes)
{
    sl_error err;
    sl_model *model = NULL;
    sl_model_parts *parts = random_model(arena, 5, &size);
    parts->temperature = temperature;
    if (kind != 0) parts->novelty = random_novelty(arena, 6, kind, size.width, size.classes);
    assert_ok(sl_model_write_memory(parts, bytes, n_bytes, &err), &err);
    assert_ok(sl_model_open_memory(*bytes, *n_bytes, &model, &err), &err);
    return model;
}

/* Logits and last layer are what the answer is made of, and the novelty is made of them. */
static void the_inside_is_what_the_answer_is_made_of(void **state)
{
    (void)state;
    enum { N = 4 };
    for (int kind = 0; kind < SL_N_NOVELTY_KINDS; kind++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 26);
        void *bytes;
        size_t n_bytes;
        sl_model *model = open_with(&arena, (sl_novelty_kind)kind, 2.5f, &bytes, &n_bytes);
        sl_model_info info;
        sl_model_describe(model, &info);
        assert_int_equal(info.last_width, size.width);
        assert_int_equal(info.novelty, kind);
        sl_error err;
        sl_runner *runner;
        assert_ok(sl_runner_new(model, &runner, &err), &err);
        sl_rng rng;
        sl_rng_init(&rng, 7, 0);
        const float *input = random_floats(&arena, &rng, N * (size_t)info.input_floats, 0, 2);
        float p[N * 3], plain[N * 3], logits[N * 3], last[N * 5], novelty[N];
        const sl_inside inside = {logits, last, kind != 0 ? novelty : NULL};
        assert_ok(sl_runner_run_inside(runner, N, input, p, &inside, &err), &err);
        assert_ok(sl_runner_run(runner, N, input, plain, &err), &err);
        assert_memory_equal(p, plain, sizeof p);
        const sl_model_parts *parts = random_model(&arena, 5, &size);
        const float *w = parts->tensors[parts->n_tensors - 2].data, *b = parts->tensors[parts->n_tensors - 1].data;
        const sl_novelty *n = kind != 0 ? random_novelty(&arena, 6, (sl_novelty_kind)kind, size.width, 3) : NULL;
        for (int i = 0; i < N; i++) {
            double sum = 0;
            for (int k = 0; k < 3; k++) {
                double z = b[k];
                for (int c = 0; c < 5; c++) z += (double)w[k * 5 + c] * (double)last[i * 5 + c];
                assert_true(fabs(z - (double)logits[i * 3 + k]) < 1e-5 * (1 + fabs(z)));
                sum += exp((double)logits[i * 3 + k] / 2.5);
            }
            for (int k = 0; k < 3; k++) assert_true(fabs(exp((double)logits[i * 3 + k] / 2.5) / sum - (double)p[i * 3 + k]) < 1e-5);
            if (n == NULL) continue;
            float room[5];
            assert_true(novelty[i] == sl_novelty_share(n, sl_novelty_score(n, last + i * 5, logits + i * 3, 3, room)));
        }
        if (kind == 0) {
            const sl_inside wish = {.novelty = novelty};
            assert_int_equal(sl_runner_run_inside(runner, N, input, p, &wish, &err), SL_ERR_INVAL);
        }
        sl_runner_free(runner);
        sl_model_close(model);
        free(bytes);
        sl_arena_release(&arena);
    }
}

static void a_network_without_a_last_layer_has_none(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    random_size narrow = size;
    narrow.width = narrow.classes = 4;
    sl_model_parts *parts = random_model(&arena, 5, &narrow);
    parts->layers[parts->n_layers - 2] = parts->layers[parts->n_layers - 1]; /* mean over time, then the softmax */
    parts->n_layers--;
    parts->n_tensors -= 2;
    sl_error err;
    void *bytes;
    size_t n_bytes;
    sl_model *model;
    sl_model_info info;
    assert_ok(sl_model_write_memory(parts, &bytes, &n_bytes, &err), &err);
    assert_ok(sl_model_open_memory(bytes, n_bytes, &model, &err), &err);
    sl_model_describe(model, &info);
    assert_int_equal(info.last_width, 0);
    sl_runner *runner;
    assert_ok(sl_runner_new(model, &runner, &err), &err);
    float p[4], last[4];
    const float *input = SL_ARENA_NEW(&arena, float, info.input_floats);
    assert_int_equal(sl_runner_run_inside(runner, 1, input, p, &(sl_inside){.last = last}, &err), SL_ERR_INVAL);
    sl_runner_free(runner);
    sl_model_close(model);
    free(bytes);
    parts->novelty = random_novelty(&arena, 6, SL_NOVELTY_NEAREST, 4, 4);
    assert_int_equal(sl_model_write_memory(parts, &bytes, &n_bytes, &err), SL_ERR_FORMAT);
    sl_arena_release(&arena);
}

/* The same bytes come back, whichever way a model went. */
static void recalibrating_changes_nothing_else(void **state)
{
    (void)state;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 26);
    void *bytes, *there, *back;
    size_t n_bytes, n_there, n_back;
    sl_error err;
    sl_model *model = open_with(&arena, 0, 1, &bytes, &n_bytes), *changed;
    const sl_novelty *novelty = random_novelty(&arena, 6, SL_NOVELTY_NEAREST, size.width, size.classes);
    assert_ok(sl_model_recalibrate(model, 2, novelty, &there, &n_there, &err), &err);
    assert_ok(sl_model_open_memory(there, n_there, &changed, &err), &err);
    sl_model_info info;
    sl_model_describe(changed, &info);
    assert_true(info.temperature == 2 && info.novelty == SL_NOVELTY_NEAREST);
    assert_ok(sl_model_recalibrate(changed, 1, NULL, &back, &n_back, &err), &err);
    assert_int_equal(n_back, n_bytes);
    assert_memory_equal(back, bytes, n_bytes);
    assert_int_equal(sl_model_recalibrate(model, 0.0001f, NULL, &back, &n_back, &err), SL_ERR_FORMAT);
    sl_model_close(model);
    sl_model_close(changed);
    free(bytes);
    free(there);
    free(back);
    sl_arena_release(&arena);
}

/* A file may say anything: every byte of it changed in turn opens or is refused, and what opens runs. */
static void files_with_a_changed_byte_do_no_harm(void **state)
{
    (void)state;
    for (int kind = 1; kind < SL_N_NOVELTY_KINDS; kind++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 26);
        void *bytes;
        size_t n_bytes;
        sl_model_close(open_with(&arena, (sl_novelty_kind)kind, 1, &bytes, &n_bytes));
        size_t opened = 0, refused = 0;
        for (size_t at = 0; at < n_bytes; at++) {
            unsigned char *byte = (unsigned char *)bytes + at;
            const unsigned char before = *byte;
            *byte = at % 2 == 0 ? 0xff : (unsigned char)(before ^ 1);
            sl_model *model = NULL;
            sl_runner *runner = NULL;
            sl_error err;
            if (sl_model_open_memory(bytes, n_bytes, &model, &err) == SL_OK &&
                sl_runner_new(model, &runner, &err) == SL_OK) {
                sl_model_info info;
                sl_model_describe(model, &info);
                float *input = calloc(info.input_floats, sizeof *input), p[SL_MAX_CLASSES], novelty = 0;
                const sl_inside inside = {.novelty = info.novelty != 0 ? &novelty : NULL};
                const sl_status status = sl_runner_run_inside(runner, 1, input, p, &inside, &err);
                assert_true(status == SL_OK || status == SL_ERR_NUMERIC);
                assert_true(novelty >= 0 && novelty <= 1);
                free(input);
                opened++;
            } else {
                refused++;
            }
            sl_runner_free(runner);
            sl_model_close(model);
            *byte = before;
        }
        assert_true(opened > 100 && refused > 100);
        free(bytes);
        sl_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_worked_out_by_hand),
        cmocka_unit_test(directions_are_rounded_once),
        cmocka_unit_test(a_share_is_the_place_among_the_quantiles),
        cmocka_unit_test(numbers_out_of_bounds_are_refused),
        cmocka_unit_test(the_inside_is_what_the_answer_is_made_of),
        cmocka_unit_test(a_network_without_a_last_layer_has_none),
        cmocka_unit_test(recalibrating_changes_nothing_else),
        cmocka_unit_test(files_with_a_changed_byte_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
