/* Sizes to try, the front of those tried, and grids of fewer times. */
#include "folder.h"
#include "train_data.h"

#include "starling/gp.h"
#include "starling/lightcurve.h"
#include "starling/sizing.h"

/* ---- the front ---- */

static void the_front_is_what_nobody_beats(void **state)
{
    (void)state;
    /* bytes, us, loss */
    static const double costs[][3] = {
        {100, 10, 0.5}, /* on the front */
        {50, 5, 0.9},   /* smaller */
        {100, 10, 0.6}, /* beaten by the first alone */
        {120, 12, 0.7}, /* by the first and the third: two fronts behind */
        {100, 10, 0.5}, /* as the first: neither beats the other */
        {200, 4, 0.95}, /* large and bad, but the fastest */
    };
    static const uint32_t expected[] = {0, 0, 1, 2, 0, 0};
    uint32_t rank[6];
    sl_sizing_rank(6, 3, costs[0], rank);
    for (int i = 0; i < 6; i++) assert_int_equal(rank[i], expected[i]);
    sl_sizing_rank(0, 3, costs[0], rank);
}

/* By the definition: one more than the largest rank of those that beat it. */
static void ranks_of_many_are_those_of_the_definition(void **state)
{
    (void)state;
    enum { N = 80 };
    double costs[N][2];
    uint32_t rank[N];
    sl_rng rng;
    sl_rng_init(&rng, 3, 3);
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 2; k++) costs[i][k] = (double)sl_rng_below(&rng, 12);
    }
    sl_sizing_rank(N, 2, costs[0], rank);
    uint32_t most = 0;
    for (int i = 0; i < N; i++) {
        uint32_t expected = 0;
        for (int k = 0; k < N; k++) {
            const bool no_worse = costs[k][0] <= costs[i][0] && costs[k][1] <= costs[i][1];
            const bool better = costs[k][0] < costs[i][0] || costs[k][1] < costs[i][1];
            if (no_worse && better && rank[k] + 1 > expected) expected = rank[k] + 1;
        }
        assert_int_equal(rank[i], expected);
        most = rank[i] > most ? rank[i] : most;
    }
    assert_true(most > 3);
}

static void the_better_half_goes_on_evenly(void **state)
{
    (void)state;
    static const uint32_t rank[] = {0, 1, 0, 0, 2, 0, 0, 1};
    static const double loss[] = {0.9, 0.1, 0.5, 0.6, 0.2, 0.7, 0.8, 0.3};
    bool stay[8];
    /* The front is 0.5, 0.6, 0.7, 0.8, 0.9: of two the 1st and the 2nd of the better three, of three these. */
    sl_sizing_choose(8, rank, loss, 2, stay);
    const bool two[] = {false, false, true, true, false, false, false, false};
    assert_memory_equal(stay, two, sizeof two);
    sl_sizing_choose(8, rank, loss, 3, stay);
    const bool three[] = {false, false, true, true, false, true, false, false};
    assert_memory_equal(stay, three, sizeof three);
    /* The front and the better one behind it. */
    sl_sizing_choose(8, rank, loss, 6, stay);
    const bool six[] = {true, true, true, true, false, true, true, false};
    assert_memory_equal(stay, six, sizeof six);
    sl_sizing_choose(8, rank, loss, 9, stay);
    for (int i = 0; i < 8; i++) assert_true(stay[i]);
    sl_sizing_choose(8, rank, loss, 0, stay);
    for (int i = 0; i < 8; i++) assert_false(stay[i]);
}

/* ---- sizes ---- */

static sl_sizing whole_of(const char *net)
{
    sl_sizing size = {.features = 100};
    assert_int_equal(sl_net_size_preset(net, &size.net, NULL), SL_OK);
    return size;
}

static void sizes_are_all_combinations(void **state)
{
    (void)state;
    sl_sizing_options o = {.directions = SL_SIZING_ALL, .halvings = 2, .grids = 1, .densities = 1, .most = 1000, .seed = 1};
    sl_sizing *sizes;
    size_t n;
    sl_error err;
    const sl_sizing mlp = whole_of("mlp");
    assert_ok(sl_sizing_list(&mlp, &o, &sizes, &n, &err), &err);
    assert_int_equal(n, 27); /* two layers and the features */
    assert_memory_equal(&sizes[0], &mlp, sizeof mlp);
    assert_int_equal(sizes[26].net.head[0], 64);
    assert_int_equal(sizes[26].net.head[1], 32);
    assert_int_equal(sizes[26].features, 25);
    free(sizes);
    o.densities = 2;
    assert_ok(sl_sizing_list(&mlp, &o, &sizes, &n, &err), &err);
    assert_int_equal(n, 54);
    assert_true(sizes[0].denser == 0 && sizes[1].denser == 1 && sizes[53].denser == 1);
    o.densities = 1;
    free(sizes);
    /* t2 of width 32 and 16 heads: width 32, 16 and 8 with heads 16, 8 and 4, but for 8 with 16; hidden; two grids. */
    o.grids = 2;
    sl_sizing t2 = whole_of("t2");
    t2.features = 0;
    assert_ok(sl_sizing_list(&t2, &o, &sizes, &n, &err), &err);
    assert_int_equal(n, 8 * 3 * 2);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(sizes[i].net.width % sizes[i].net.heads, 0);
        assert_true(sizes[i].grid < 2 && sizes[i].net.head[0] == 0);
        for (size_t k = 0; k < i; k++) assert_memory_not_equal(&sizes[i], &sizes[k], sizeof sizes[i]);
    }
    free(sizes);
    o.directions = SL_SIZING_WIDTH;
    assert_ok(sl_sizing_list(&t2, &o, &sizes, &n, &err), &err);
    assert_int_equal(n, 2); /* 16 heads do not share a width of 8 */
    free(sizes);
}

static void a_draw_keeps_both_ends_and_depends_on_the_seed_alone(void **state)
{
    (void)state;
    sl_sizing_options o = {.directions = SL_SIZING_ALL, .halvings = 4, .grids = 1, .densities = 1, .most = 12, .seed = 1};
    const sl_sizing whole = whole_of("mlp");
    sl_sizing *a, *b, *other;
    size_t n, m;
    sl_error err;
    assert_ok(sl_sizing_list(&whole, &o, &a, &n, &err), &err);
    assert_ok(sl_sizing_list(&whole, &o, &b, &m, &err), &err);
    assert_int_equal(n, 12);
    assert_int_equal(m, 12);
    assert_memory_equal(a, b, n * sizeof *a);
    assert_memory_equal(&a[0], &whole, sizeof whole);
    assert_int_equal(a[11].net.head[0], 16);
    o.seed = 2;
    assert_ok(sl_sizing_list(&whole, &o, &other, &m, &err), &err);
    assert_int_equal(m, 12);
    assert_memory_not_equal(a, other, n * sizeof *a);
    free(a);
    free(b);
    free(other);
    o.halvings = SL_SIZING_MOST_HALVINGS + 1;
    assert_int_equal(sl_sizing_list(&whole, &o, &a, &n, &err), SL_ERR_INVAL);
    o.halvings = 1;
    o.densities = 0;
    assert_int_equal(sl_sizing_list(&whole, &o, &a, &n, &err), SL_ERR_INVAL);
    o.densities = 1;
    o.most = 1;
    assert_int_equal(sl_sizing_list(&whole, &o, &a, &n, &err), SL_ERR_INVAL);
}

/* What sl_net_write made of a size is that size again. */
static void a_model_tells_its_size(void **state)
{
    (void)state;
    for (size_t i = 0; sl_net_name(i) != NULL; i++) {
        for (int variant = 0; variant < 4; variant++) {
            sl_net_size size, found;
            sl_contract contract;
            sl_model *model;
            sl_error err;
            assert_ok(sl_net_size_preset(sl_net_name(i), &size, &err), &err);
            const random_size shape = {.steps = 20, .channels = 2, .classes = 3};
            random_contract(&contract, &shape);
            if (variant > 0) {
                contract.n_features = 1;
                contract.features[0] = SL_FEATURE_LOG_PEAK;
                contract.feature_spread[0] = 1;
            }
            if (variant > 1) {
                size.head[0] = 24;
                size.head[1] = variant == 2 ? 0 : 12;
                size.silu = variant == 2;
                size.norm = variant == 3;
                size.tile = variant == 3;
            }
            if (contract.n_features == 0) size.tile = false; /* there is nothing to tile */
            if (size.head[0] == 0) size.silu = size.norm = false;
            assert_ok(sl_net_write(&size, &contract, 1, in_folder("model"), &err), &err);
            assert_ok(sl_model_open(in_folder("model"), &model, &err), &err);
            assert_ok(sl_net_size_of(model, &found, &err), &err);
            assert_memory_equal(&found, &size, sizeof size);
            sl_sizing whole;
            assert_ok(sl_sizing_whole(model, &whole, &err), &err);
            assert_int_equal(whole.features, contract.n_features);
            assert_int_equal(whole.grid, 0);
            sl_model_close(model);
        }
    }
}

/* ---- fewer times ---- */

static void lengths_leave_both_ends(void **state)
{
    (void)state;
    sl_contract c;
    sl_contract_preset("starling", &c, NULL);
    uint32_t every[SL_SIZING_MOST_HALVINGS];
    assert_int_equal(sl_sizing_lengths(&c, 4, every), 0); /* median_iqr: the scaling sees the whole grid */
    c.scaling = SL_SCALING_PEAK;
    assert_int_equal(sl_sizing_lengths(&c, 4, every), 4); /* of 100: 34, 12, 10 and 4 */
    const uint32_t hundred[] = {3, 9, 11, 33};
    assert_memory_equal(every, hundred, sizeof hundred);
    c.gp.grid_length = 65;
    assert_int_equal(sl_sizing_lengths(&c, 2, every), 2);
    assert_true(every[0] == 2 && every[1] == 4);
    c.gp.grid_length = 98; /* 97 is a prime */
    assert_int_equal(sl_sizing_lengths(&c, 4, every), 0);
    c.gp.grid_length = 100;
    sl_error err;
    sl_contract thin = c;
    assert_int_equal(sl_contract_thin(&thin, 2, &err), SL_ERR_CONTRACT);
    assert_int_equal(thin.gp.grid_length, 100);
    assert_ok(sl_contract_thin(&thin, 9, &err), &err);
    assert_int_equal(thin.gp.grid_length, 12);
    c.n_features = 1;
    c.features[0] = SL_FEATURE_LOG_PEAK;
    assert_int_equal(sl_sizing_lengths(&c, 4, every), 4);
    c.features[0] = SL_FEATURE_BAND_GP_FALL;
    assert_int_equal(sl_sizing_lengths(&c, 4, every), 0);
    assert_int_equal(sl_contract_thin(&c, 3, &err), SL_ERR_CONTRACT);
    c.n_features = 0;
    c.sees = SL_SEES_NIGHTS;
    assert_int_equal(sl_contract_thin(&c, 3, &err), SL_ERR_CONTRACT);
}

enum { POINTS = 40, STEPS = 100, EVERY = 3 };

/* An input of the contract: planes, an extra behind the grid, a feature. */
static void make_input(const sl_contract *contract, const sl_lightcurve *lc, float *input)
{
    sl_gp *gp;
    sl_error err;
    assert_ok(sl_gp_new(&gp, &err), &err);
    assert_ok(sl_gp_grid(gp, contract, lc, input, NULL, NULL, &err), &err);
    sl_gp_free(gp);
}

/* Every third of 100 times is what a grid of 34 times holds, whatever else is in the input. */
static void every_third_time_is_the_shorter_grid(void **state)
{
    (void)state;
    static const sl_extra_mode modes[] = {SL_EXTRAS_NONE, SL_EXTRAS_AS_CHANNELS, SL_EXTRAS_AS_STEPS};
    double time[POINTS], flux[POINTS], error[POINTS], wavelength[POINTS];
    uint8_t band[POINTS];
    sl_rng rng;
    sl_rng_init(&rng, 8, 8);
    for (int i = 0; i < POINTS; i++) {
        time[i] = 2.5 * i + sl_rng_uniform(&rng);
        band[i] = (uint8_t)(i % 2);
        wavelength[i] = i % 2 ? 6436.92 : 4804.79;
        error[i] = 10;
        flux[i] = 900 * exp(-(time[i] - 40) * (time[i] - 40) / 500) + 10 * sl_rng_normal(&rng);
    }
    const sl_lightcurve lc = {.n = POINTS, .time = time, .flux = flux, .error = error, .wavelength = wavelength, .band = band,
                              .n_bands_present = 2, .bands_present = 3, .n_channels = 2,
                              .channel_wavelength = {4804.79, 6436.92}, .redshift = 0.25f, .redshift_error = 0.02f};
    for (int k = 0; k < 3; k++) {
        sl_contract whole, shorter;
        sl_contract_preset("starling", &whole, NULL);
        whole.scaling = SL_SCALING_PEAK;
        whole.planes = SL_PLANE_ASINH | SL_PLANE_ERROR;
        whole.extra_mode = modes[k];
        whole.n_extras = k > 0;
        whole.n_features = 1;
        whole.features[0] = SL_FEATURE_LOG_PEAK;
        whole.feature_spread[0] = 1;
        sl_error err;
        assert_ok(sl_contract_check(&whole, &err), &err);
        shorter = whole;
        shorter.gp.grid_length = (STEPS - 1) / EVERY + 1;
        float *input = malloc(sl_contract_input_floats(&whole) * sizeof *input);
        float *expected = malloc(sl_contract_input_floats(&shorter) * sizeof *expected);
        make_input(&whole, &lc, input);
        make_input(&shorter, &lc, expected);

        sl_dataset_writer *w;
        assert_ok(sl_dataset_writer_new(in_folder("whole"), &whole, SL_DATASET_FLOAT32, false, &w, &err), &err);
        const sl_dataset_row row = {.object_id = {"a", 1}, .label = 2, .n_points = POINTS, .redshift = 0.25f, .redshift_error = NAN};
        assert_ok(sl_dataset_writer_add(w, &row, input, &err), &err);
        assert_ok(sl_dataset_writer_finish(w, &err), &err);
        sl_dataset_writer_free(w);
        sl_dataset *data, *thin;
        assert_ok(sl_dataset_open(in_folder("whole"), &data, &err), &err);
        assert_ok(sl_dataset_thin(data, EVERY, in_folder("thin"), &err), &err);
        assert_ok(sl_dataset_open(in_folder("thin"), &thin, &err), &err);
        assert_true(sl_dataset_same_rows(data, thin));
        assert_int_equal(sl_contract_input_floats(sl_dataset_contract(thin)), sl_contract_input_floats(&shorter));
        const float *x = sl_dataset_input(thin, 0, NULL);
        for (uint32_t i = 0; i < sl_contract_input_floats(&shorter); i++) {
            assert_true(fabsf(x[i] - expected[i]) <= 1e-5f * fmaxf(1, fabsf(expected[i])));
        }
        assert_int_equal(sl_dataset_thin(data, 2, in_folder("thin"), &err), SL_ERR_CONTRACT);
        sl_dataset_close(data);
        sl_dataset_close(thin);
        free(input);
        free(expected);
    }
}

static void other_rows_are_told_from_the_same(void **state)
{
    (void)state;
    const data_size size = {.objects = 9, .copies = 2, .steps = 8, .classes = 3};
    data_size other = size;
    sl_dataset *a, *b;
    sl_error err;
    make_data(in_folder("a"), &size);
    assert_ok(sl_dataset_open(in_folder("a"), &a, &err), &err);
    for (int k = 0; k < 4; k++) {
        other = size;
        if (k == 0) other.steps = 5;
        if (k == 1) other.objects = 10;
        if (k == 2) {
            other.copies = 1;
            other.objects = 18;
        }
        if (k == 3) other.classes = 2;
        make_data(in_folder("b"), &other);
        assert_ok(sl_dataset_open(in_folder("b"), &b, &err), &err);
        assert_int_equal(sl_dataset_same_rows(a, b), k == 0);
        sl_dataset_close(b);
    }
    sl_dataset_close(a);
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"model", "whole", "thin", "a", "b"};
    return remove_files(sizeof names / sizeof names[0], names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_front_is_what_nobody_beats),
        cmocka_unit_test(ranks_of_many_are_those_of_the_definition),
        cmocka_unit_test(the_better_half_goes_on_evenly),
        cmocka_unit_test(sizes_are_all_combinations),
        cmocka_unit_test(a_draw_keeps_both_ends_and_depends_on_the_seed_alone),
        cmocka_unit_test(a_model_tells_its_size),
        cmocka_unit_test(lengths_leave_both_ends),
        cmocka_unit_test(every_third_time_is_the_shorter_grid),
        cmocka_unit_test(other_rows_are_told_from_the_same),
    };
    return cmocka_run_group_tests(tests, make_folder, tear_down);
}
