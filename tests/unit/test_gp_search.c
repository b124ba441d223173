/* The bounded maximiser for two variables. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "gp/search.h"

typedef double function(const double p[2], double gradient[2]);

/* The whole search; how often it asked for a gradient and was answered stays consistent with what it says. */
static sl_gp_search run(function *f, const double start[2], const double low[2], const double high[2])
{
    sl_gp_search s;
    double kept[2] = {NAN, NAN};
    const double round[3] = {1, 0, 1};
    int evaluations = 0;
    sl_gp_search_begin(&s, start, low, high, 1e-6);
    while (!sl_gp_search_ended(&s)) {
        double gradient[2], at[2] = {s.at[0], s.at[1]};
        for (int i = 0; i < 2; i++) assert_true(at[i] >= low[i] && at[i] <= high[i]);
        const double value = f(at, gradient);
        const bool wanted = sl_gp_search_wants_gradient(&s, value);
        if (sl_gp_search_answer(&s, value, wanted ? gradient : NULL, wanted ? round : NULL)) {
            memcpy(kept, at, sizeof kept);
        }
        evaluations++;
        assert_int_equal(evaluations, s.evaluations);
    }
    assert_in_range(evaluations, 1, 80);
    if (s.stage == SL_GP_DONE) assert_memory_equal(kept, s.p, sizeof kept);
    return s;
}

static double bowl(const double p[2], double g[2])
{
    const double x = p[0] - 1, y = p[1] + 2;
    g[0] = -6 * x - 2 * y;
    g[1] = -2 * x - 4 * y;
    return 100 - (3 * x * x + 2 * x * y + 2 * y * y);
}

static double banana(const double p[2], double g[2])
{
    const double a = 1 - p[0], b = p[1] - p[0] * p[0];
    g[0] = 2 * a + 40 * p[0] * b;
    g[1] = -20 * b;
    return -a * a - 10 * b * b;
}

/* Defined left of the line x = 1 only, and highest right beside it. */
static double cliff(const double p[2], double g[2])
{
    g[0] = 1;
    g[1] = -2 * p[1];
    return p[0] < 1 ? p[0] - p[1] * p[1] : NAN;
}

static double no_slope(const double p[2], double g[2])
{
    g[0] = g[1] = NAN;
    return -p[0] * p[0];
}

static double undefined(const double p[2], double g[2])
{
    g[0] = g[1] = 0;
    return NAN;
}

/* The gradient says up where the value goes down. */
static double liar(const double p[2], double g[2])
{
    g[0] = p[0] > 0 ? 1 : -1;
    g[1] = 0;
    return 1 - fabs(p[0]);
}

static void finds_an_optimum_inside(void **state)
{
    (void)state;
    const double low[2] = {-10, -10}, high[2] = {10, 10}, start[2] = {7, 8};
    const sl_gp_search bowl_top = run(bowl, start, low, high);
    assert_true(bowl_top.converged && fabs(bowl_top.p[0] - 1) < 1e-3 && fabs(bowl_top.p[1] + 2) < 1e-3);
    const double far[2] = {-1.5, 2};
    const sl_gp_search banana_top = run(banana, far, low, high);
    assert_true(banana_top.converged && banana_top.value > -1e-5);
}

static void finds_an_optimum_on_an_edge_and_in_a_corner(void **state)
{
    (void)state;
    const double low[2] = {2, -10}, high[2] = {10, 10}, start[2] = {7, 8};
    const sl_gp_search edge = run(bowl, start, low, high);
    assert_true(edge.converged && edge.p[0] == 2 && fabs(edge.p[1] + 2.5) < 1e-3);
    const double corner_low[2] = {2, 0};
    const sl_gp_search corner = run(bowl, start, corner_low, high);
    assert_true(corner.converged && corner.p[0] == 2 && corner.p[1] == 0);
}

static void a_box_without_width_is_its_own_optimum(void **state)
{
    (void)state;
    const double at[2] = {3, 3};
    const sl_gp_search result = run(bowl, at, at, at);
    assert_true(result.converged && result.p[0] == 3 && result.p[1] == 3);
}

static void goes_up_to_the_edge_of_where_the_function_is_defined(void **state)
{
    (void)state;
    const double low[2] = {-5, -5}, high[2] = {5, 5}, start[2] = {-4, 3};
    const sl_gp_search result = run(cliff, start, low, high);
    assert_true(result.value > 0.99 && result.p[0] < 1);
}

static void a_bad_function_ends_the_search_with_the_best_seen(void **state)
{
    (void)state;
    const double low[2] = {-5, -5}, high[2] = {5, 5}, start[2] = {-4, 3};
    const sl_gp_search blind = run(no_slope, start, low, high);
    assert_true(!blind.converged && blind.p[0] == -4 && blind.p[1] == 3);
    const sl_gp_search fooled = run(liar, start, low, high);
    assert_true(!fooled.converged && fooled.value == -3);
    const sl_gp_search failed = run(undefined, start, low, high);
    assert_true(failed.stage == SL_GP_FAILED && failed.evaluations == 1);
}

static double model(const double g[2], const double b[3], double x, double y)
{
    return g[0] * x + g[1] * y + 0.5 * (b[0] * x * x + 2 * b[1] * x * y + b[2] * y * y);
}

static void the_minimum_in_a_box_is_below_every_other_place(void **state)
{
    (void)state;
    sl_rng rng;
    sl_rng_init(&rng, 5, 0);
    for (int i = 0; i < 3000; i++) {
        double g[2], b[3], low[2], high[2], x[2];
        for (int k = 0; k < 3; k++) b[k] = sl_rng_normal(&rng);
        for (int k = 0; k < 2; k++) {
            g[k] = sl_rng_normal(&rng);
            low[k] = sl_rng_below(&rng, 4) == 0 ? 0 : -sl_rng_uniform(&rng);
            high[k] = sl_rng_below(&rng, 4) == 0 ? 0 : sl_rng_uniform(&rng);
        }
        const double least = sl_gp_minimise_in_box(g, b, low, high, x);
        assert_true(x[0] >= low[0] && x[0] <= high[0] && x[1] >= low[1] && x[1] <= high[1]);
        assert_true(fabs(model(g, b, x[0], x[1]) - least) < 1e-14);
        for (int j = 0; j <= 10; j++) {
            for (int k = 0; k <= 10; k++) {
                const double y0 = low[0] + (high[0] - low[0]) * j / 10, y1 = low[1] + (high[1] - low[1]) * k / 10;
                assert_true(least <= model(g, b, y0, y1) + 1e-12);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_an_optimum_inside),
        cmocka_unit_test(finds_an_optimum_on_an_edge_and_in_a_corner),
        cmocka_unit_test(a_box_without_width_is_its_own_optimum),
        cmocka_unit_test(goes_up_to_the_edge_of_where_the_function_is_defined),
        cmocka_unit_test(a_bad_function_ends_the_search_with_the_best_seen),
        cmocka_unit_test(the_minimum_in_a_box_is_below_every_other_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
