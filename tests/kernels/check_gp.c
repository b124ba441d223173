/* The kernels of the Gaussian process against the scalar ones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkkernels.h"

static const double half_ulp = 0x1p-53;

static double *doubles(size_t n)
{
    double *x = guarded(n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = 0;
    return x;
}

/* A problem with its arrays writable. */
typedef struct task {
    sl_gp_problem g;
    size_t lanes, rows;
    double *count, *time, *wavelength, *flux, *noise, *amplitude, *time_scale;
} task;

static task new_task(const sl_gp_way *way, size_t n)
{
    const size_t lanes = way->lanes, rows = sl_gp_rows(n);
    task t = {.lanes = lanes, .rows = rows, .count = doubles(lanes), .amplitude = doubles(lanes), .time_scale = doubles(lanes)};
    t.time = doubles(rows * lanes);
    t.wavelength = doubles(rows * lanes);
    t.flux = doubles(rows * lanes);
    t.noise = doubles(rows * lanes);
    double *work = doubles(way->work(n));
    for (size_t i = 0; i < way->work(n); i++) work[i] = NAN; /* nobody may read what nobody wrote */
    t.g = (sl_gp_problem){.n = n, .count = t.count, .time = t.time, .wavelength = t.wavelength, .flux = t.flux,
                          .noise = t.noise, .amplitude = t.amplitude, .time_scale = t.time_scale,
                          .wavelength_scale = 3 / 3.6e7, .work = work, .log_likelihood = doubles(lanes),
                          .alpha = doubles(rows * lanes), .gradient = doubles(2 * lanes),
                          .information = doubles(3 * lanes)};
    return t;
}

/* n points into a lane: noise between a tenth of the amplitude and all of it, so that the condition is bounded. */
static void fill_lane(task *t, size_t lane, size_t n)
{
    const double amplitude = exp(8 * sl_rng_uniform(&rng) - 4), span = exp(6 * sl_rng_uniform(&rng));
    t->count[lane] = (double)n;
    t->amplitude[lane] = amplitude;
    t->time_scale[lane] = exp(4 * sl_rng_uniform(&rng) - 6);
    for (size_t i = 0; i < n; i++) {
        const size_t at = t->lanes * i + lane;
        t->time[at] = span * sl_rng_uniform(&rng);
        t->wavelength[at] = 3000 + 2000 * (double)sl_rng_below(&rng, 4);
        t->flux[at] = sqrt(amplitude) * sl_rng_normal(&rng);
        t->noise[at] = amplitude * (0.1 + 0.9 * sl_rng_uniform(&rng));
    }
}

/* One lane alone, as a problem for the scalar table, solved. */
static task lane_alone(const task *t, size_t lane)
{
    const sl_gp_way *way = &sl_kernels_scalar.gp.lanes;
    const size_t n = (size_t)t->count[lane];
    task one = new_task(way, n);
    one.count[0] = t->count[lane];
    one.amplitude[0] = t->amplitude[lane];
    one.time_scale[0] = t->time_scale[lane];
    for (size_t i = 0; i < n; i++) {
        one.time[i] = t->time[t->lanes * i + lane];
        one.wavelength[i] = t->wavelength[t->lanes * i + lane];
        one.flux[i] = t->flux[t->lanes * i + lane];
        one.noise[i] = t->noise[t->lanes * i + lane];
    }
    way->value(&one.g);
    way->slope(&one.g);
    return one;
}

static double norm(size_t n, const double *x)
{
    double square = 0;
    for (size_t i = 0; i < n; i++) square += x[i] * x[i];
    return sqrt(square);
}

static void near(const char *what, size_t n, double got, double expected, double bound)
{
    CHECK(fabs(got - expected) <= bound, "gp, %zu points: %s is %g, not %g, bound %g", n, what, got, expected, bound);
}

/*
 * Solving by Cholesky gives the solution of a system whose matrix is off by
 * at most (3 n + 1) half_ulp |L||L^T|, in the norm n (3 n + 1) half_ulp |K|;
 * its elements are off by 8 half_ulp of the amplitude, in the norm n times that.
 * So a = K^-1 y is off by condition * epsilon |a|, K^-1 by condition * epsilon
 * |K^-1|, an eigenvalue by epsilon |K|; twice, for there are two tables.
 */
static void compare(const task *t, size_t lane)
{
    const task one = lane_alone(t, lane);
    const size_t n = one.g.n;
    const double count = (double)n, amplitude = one.amplitude[0];
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < n; i++) {
        least = fmin(least, one.noise[i]);
        most = fmax(most, one.noise[i]);
    }
    const double k = count * amplitude + most, inverse = 1 / least;
    const double off = 2 * k * inverse * count * (3 * count + 9) * half_ulp;
    const double y = norm(n, one.flux), a = norm(n, one.g.alpha), a_off = off * a, slope = count * amplitude;
    for (size_t i = 0; i < n; i++) near("alpha", n, t->g.alpha[t->lanes * i + lane], one.g.alpha[i], a_off);
    for (size_t i = n; i < (t->g.n + 3) / 4 * 4; i++) {
        CHECK(t->g.alpha[t->lanes * i + lane] == 0, "gp: alpha %zu behind %zu points", i, n);
    }
    const double value_off = 0.5 * y * a_off + 0.5 * count * off + 100 * count * half_ulp;
    near("the log-likelihood", n, t->g.log_likelihood[lane], one.g.log_likelihood[0], value_off);
    const double u[2] = {y + most * a, slope * a}, u_off[2] = {most * a_off, slope * a_off + count * half_ulp * slope * a};
    const double trace_off[2] = {count * most * inverse * off, count * slope * inverse * off};
    for (size_t i = 0; i < 2; i++) {
        near("the gradient", n, t->g.gradient[t->lanes * i + lane], one.g.gradient[i],
             0.5 * (a_off * u[i] + a * u_off[i] + trace_off[i]) + 4 * count * half_ulp * (count + a * u[i]));
    }
    for (size_t i = 0; i < 3; i++) {
        const size_t p = i / 2, q = (i + 1) / 2;
        near("the information", n, t->g.information[t->lanes * i + lane], one.g.information[i],
             0.5 * inverse * (u[p] * u[q] * off + u[p] * u_off[q] + u[q] * u_off[p]));
    }
}

static void check_way(const sl_gp_way *way, size_t most)
{
    const size_t longest = up_to(most);
    task t = new_task(way, longest);
    for (size_t lane = 0; lane < way->lanes; lane++) fill_lane(&t, lane, lane == 0 ? longest : up_to(longest));
    way->value(&t.g);
    way->slope(&t.g);
    for (size_t lane = 0; lane < way->lanes; lane++) compare(&t, lane);
}

void check_gp_lanes(const sl_kernels *k)
{
    check_way(&k->gp.lanes, 24);
}

void check_gp_whole(const sl_kernels *k)
{
    check_way(&k->gp.whole, 60);
}

static void copy_lane(const task *from, size_t lane, task *to, size_t other)
{
    to->count[other] = from->count[lane];
    to->amplitude[other] = from->amplitude[lane];
    to->time_scale[other] = from->time_scale[lane];
    for (size_t i = 0; i < (size_t)from->count[lane]; i++) {
        to->time[to->lanes * i + other] = from->time[from->lanes * i + lane];
        to->wavelength[to->lanes * i + other] = from->wavelength[from->lanes * i + lane];
        to->flux[to->lanes * i + other] = from->flux[from->lanes * i + lane];
        to->noise[to->lanes * i + other] = from->noise[from->lanes * i + lane];
    }
}

/* In another lane, beside longer and broken neighbours: the same bits. */
void check_gp_neighbours(const sl_kernels *k)
{
    const sl_gp_way *way = &k->gp.lanes;
    const size_t lanes = way->lanes, n = up_to(12), lane = up_to(lanes) - 1, other = up_to(lanes) - 1;
    task a = new_task(way, n), b = new_task(way, n + up_to(20));
    if (lanes == 1) return;
    fill_lane(&a, lane, n);
    for (size_t l = 0; l < lanes; l++) {
        if (l != other) fill_lane(&b, l, up_to(b.g.n));
    }
    copy_lane(&a, lane, &b, other);
    const size_t broken = (other + 1) % lanes;
    b.amplitude[broken] = sl_rng_below(&rng, 2) ? INFINITY : 0;
    b.noise[broken] = 0;
    way->value(&a.g);
    way->slope(&a.g);
    way->value(&b.g);
    way->slope(&b.g);
    CHECK(isnan(b.g.log_likelihood[broken]), "gp: a broken lane has the likelihood %g", b.g.log_likelihood[broken]);
    bool same = a.g.log_likelihood[lane] == b.g.log_likelihood[other];
    for (size_t i = 0; i < n; i++) same = same && a.g.alpha[lanes * i + lane] == b.g.alpha[lanes * i + other];
    for (size_t i = 0; i < 2; i++) same = same && a.g.gradient[lanes * i + lane] == b.g.gradient[lanes * i + other];
    for (size_t i = 0; i < 3; i++) same = same && a.g.information[lanes * i + lane] == b.g.information[lanes * i + other];
    CHECK(same, "gp: neighbours change the result of %zu points", n);
}

void check_gp_mean(const sl_kernels *k)
{
    const size_t n = up_to(40), n_times = SL_GP_PAD * up_to(20);
    double *time = doubles(n), *wavelength = doubles(n), *alpha = doubles(n), *times = doubles(n_times);
    sl_gp_mean m = {.n = n, .time = time, .wavelength = wavelength, .alpha = alpha, .amplitude = 7, .time_scale = 1e-3,
                    .wavelength_scale = 3 / 3.6e7, .at_wavelength = 5000, .n_times = n_times, .times = times};
    for (size_t i = 0; i < n; i++) {
        time[i] = 1000 * sl_rng_uniform(&rng);
        wavelength[i] = 3000 + 2000 * (double)sl_rng_below(&rng, 4);
        alpha[i] = sl_rng_normal(&rng);
    }
    for (size_t j = 0; j < n_times; j++) times[j] = sl_rng_below(&rng, 20) ? 1000 * sl_rng_uniform(&rng) : 1e7;
    double *expected = m.mean = doubles(n_times);
    sl_kernels_scalar.gp.mean(&m);
    double *got = m.mean = doubles(n_times);
    k->gp.mean(&m);
    for (size_t j = 0; j < n_times; j++) {
        /* s is off by 4 half_ulp of itself, so its exponential by 4 s half_ulp; the rest is off by 10; then the sum */
        double bound = 0;
        for (size_t i = 0; i < n; i++) {
            const double dt = times[j] - time[i], dw = m.at_wavelength - wavelength[i];
            const double s = sqrt(dt * dt * m.time_scale + dw * dw * m.wavelength_scale);
            bound += 2 * (4 * s + 10 + (double)n) * half_ulp * fabs(alpha[i]) * (1 + s) * exp(-s) * m.amplitude;
        }
        near("the mean", n, got[j], expected[j], bound + 1e-290);
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/*
 * At regular times. A distance in time of the points' own band is put together
 * from up to three, each off by 3 half_ulp of itself, and by what rounding did
 * to the times, 4 half_ulp of the latest; s is off by root(a) times that. Each
 * step between blocks of 8 times costs an exponential and 4 roundings.
 */
void check_gp_grid(const sl_kernels *k)
{
    const size_t n = up_to(sl_rng_below(&rng, 8) ? 40 : 200), n_times = SL_GP_PAD * up_to(20);
    double *time = doubles(n), *wavelength = doubles(n), *alpha = doubles(n), *times = doubles(n_times);
    sl_gp_mean m = {.n = n, .time = time, .wavelength = wavelength, .alpha = alpha, .amplitude = 7,
                    .time_scale = exp(10 * sl_rng_uniform(&rng) - 8), .wavelength_scale = 3 / 3.6e7, .at_wavelength = 5000,
                    .n_times = n_times, .times = times};
    const double first = 1000 * sl_rng_normal(&rng), step = sl_rng_below(&rng, 10) ? exp(4 * sl_rng_uniform(&rng) - 3) : 0;
    for (size_t j = 0; j < n_times; j++) times[j] = first + step * (double)j;
    const double span = times[n_times - 1] - first;
    for (size_t i = 0; i < n; i++) {
        time[i] = first + span * sl_rng_uniform(&rng);
        if (sl_rng_below(&rng, 4) == 0) time[i] = times[sl_rng_below(&rng, n_times)];
        if (sl_rng_below(&rng, 20) == 0) time[i] = first + span * (3 * sl_rng_uniform(&rng) - 1);
        wavelength[i] = 3000 + 2000 * (double)sl_rng_below(&rng, 1 + n % 4);
        alpha[i] = sl_rng_normal(&rng);
    }
    qsort(time, n, sizeof *time, ascending);
    double *expected = m.mean = doubles(n_times);
    sl_kernels_scalar.gp.grid(&m);
    double *got = m.mean = doubles(n_times);
    k->gp.grid(&m);
    const double latest = fmax(fabs(first), fabs(first + span)) + span, root = sqrt(m.time_scale);
    for (size_t j = 0; j < n_times; j++) {
        double bound = 0;
        for (size_t i = 0; i < n; i++) {
            const double dt = times[j] - time[i], dw = m.at_wavelength - wavelength[i];
            const double s = sqrt(dt * dt * m.time_scale + dw * dw * m.wavelength_scale);
            const double off = 9 * s + 4 * root * latest + 20 + (double)n + (double)n_times;
            bound += 2 * off * half_ulp * fabs(alpha[i]) * (1 + s) * exp(-s) * m.amplitude;
        }
        near("the mean of a grid", n, got[j], expected[j], bound + 1e-290);
    }
}

/*
 * |U^-T k|^2 = k . K^-1 k. As with alpha, K^-1 k is off by condition * epsilon
 * of itself, so the product by that of |k|^2 over the least eigenvalue; and k
 * itself by some half_ulp of the amplitude.
 */
void check_gp_variance(const sl_kernels *k)
{
    const size_t n = up_to(60), n_times = SL_GP_PAD * up_to(20);
    task t = new_task(&k->gp.whole, n);
    fill_lane(&t, 0, n);
    k->gp.whole.value(&t.g);
    const task one = lane_alone(&t, 0);
    double *times = doubles(n_times), *work = doubles(sl_gp_rows(n) * SL_GP_VARIANCE_WIDTH);
    for (size_t i = 0; i < sl_gp_rows(n) * SL_GP_VARIANCE_WIDTH; i++) work[i] = NAN;
    for (size_t j = 0; j < n_times; j++) times[j] = sl_rng_below(&rng, 20) ? 500 * sl_rng_uniform(&rng) : 1e7;
    sl_gp_variance v = {.problem = &one.g, .at_wavelength = 3000 + 1000 * (double)sl_rng_below(&rng, 4), .n_times = n_times,
                        .times = times, .work = work};
    double *expected = v.variance = doubles(n_times);
    sl_kernels_scalar.gp.variance(&v);
    v.problem = &t.g;
    double *got = v.variance = doubles(n_times);
    k->gp.variance(&v);
    const double count = (double)n, amplitude = t.amplitude[0];
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < n; i++) {
        least = fmin(least, t.noise[i]);
        most = fmax(most, t.noise[i]);
    }
    const double off = 2 * (count * amplitude + most) / least * count * (3 * count + 9) * half_ulp;
    for (size_t j = 0; j < n_times; j++) {
        near("the variance", n, got[j], expected[j], count * amplitude * amplitude / least * (off + 40 * half_ulp));
        CHECK(got[j] <= amplitude && (times[j] < 1e7 || got[j] == amplitude), "gp: variance %g beside an amplitude of %g",
              got[j], amplitude);
    }
    times[0] = times[n_times - 1]; /* the result of a place is its own */
    double *again = v.variance = doubles(SL_GP_PAD);
    v.n_times = SL_GP_PAD;
    k->gp.variance(&v);
    CHECK(again[0] == got[n_times - 1], "gp: the variance depends on its neighbours");
}

/* (1 + s) e^-s for s that are whole numbers over 2^k, so that s^2 and its root are exact. */
void check_gp_exponential(const sl_kernels *k)
{
    enum { N = 8 * SL_GP_PAD };
    const double zero = 0, wavelength = 5000, one = 1;
    sl_gp_mean m = {.n = 1, .time = &zero, .wavelength = &wavelength, .alpha = &one, .amplitude = 1, .time_scale = 1,
                    .at_wavelength = wavelength, .n_times = N};
    double *times = doubles(N);
    for (size_t j = 0; j < N; j++) times[j] = ldexp((double)sl_rng_below(&rng, 708 << 14), -14 - (int)sl_rng_below(&rng, 30));
    times[0] = 0;
    times[1] = SL_GP_MAX_DISTANCE;
    m.times = times;
    m.mean = doubles(N);
    k->gp.mean(&m);
    for (size_t j = 0; j < N; j++) {
        const long double s = times[j], exact = (1 + s) * expl(-s);
        const double unit = nextafter((double)exact, 2) - (double)exact, off = (double)fabsl((long double)m.mean[j] - exact) / unit;
        CHECK(off <= 4, "gp: (1 + s) e^-s of %a is %.2f units in the last place off", times[j], off);
    }
    CHECK(m.mean[0] == 1, "gp: the kernel of nothing is %a", m.mean[0]);
}

/* ---- timing ---- */

typedef struct call {
    const sl_gp_way *way;
    task t;
    void (*mean)(const sl_gp_mean *m);
    sl_gp_mean m;
} call;

static void call_value(const void *c) { ((const call *)c)->way->value(&((const call *)c)->t.g); }
static void call_mean(const void *c) { ((const call *)c)->mean(&((const call *)c)->m); }

static void call_both(const void *c)
{
    call_value(c);
    ((const call *)c)->way->slope(&((const call *)c)->t.g);
}

typedef struct variance_call {
    void (*variance)(const sl_gp_variance *v);
    sl_gp_variance v;
} variance_call;

static void call_variance(const void *c) { ((const variance_call *)c)->variance(&((const variance_call *)c)->v); }

static void bench_variance(const sl_kernels *k, size_t n)
{
    task t = new_task(&k->gp.whole, n);
    fill_lane(&t, 0, n);
    k->gp.whole.value(&t.g);
    variance_call c = {.variance = k->gp.variance,
                       .v = {.problem = &t.g, .at_wavelength = 5000, .n_times = 104, .times = doubles(104),
                             .work = doubles(sl_gp_rows(n) * SL_GP_VARIANCE_WIDTH), .variance = doubles(104)}};
    const double us = fastest_us(call_variance, &c), flop = 104.0 * (double)n * (double)n;
    printf("%-7s gp variance of %zu points at 104 times: %.3f us, %.1f GFLOP/s in the solution\n", k->name, n, us,
           1e-3 * flop / us);
    free_arrays();
}

static void bench_way(const sl_kernels *k, const sl_gp_way *way, const char *name, size_t n)
{
    call c = {.way = way, .t = new_task(way, n)};
    for (size_t lane = 0; lane < way->lanes; lane++) fill_lane(&c.t, lane, n);
    const double value = fastest_us(call_value, &c) / (double)way->lanes, both = fastest_us(call_both, &c) / (double)way->lanes;
    printf("%-7s gp %s, %zu points: likelihood %.3f us, with gradient %.3f us\n", k->name, name, n, value, both);
    free_arrays();
}

void bench_gp(const sl_kernels *k)
{
    static const size_t lengths[] = {6, 12, 20, 32, 48, 64, 100, 150, 320};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        if (lengths[i] <= 64) bench_way(k, &k->gp.lanes, "lanes", lengths[i]);
        if (lengths[i] >= 32) bench_way(k, &k->gp.whole, "whole", lengths[i]);
    }
    bench_variance(k, 12);
    bench_variance(k, 48);
    bench_variance(k, 150);
    call c = {.mean = k->gp.mean, .t = new_task(&k->gp.lanes, 12)};
    double *points = doubles(12), *bands = doubles(12), *times = doubles(104);
    for (size_t i = 0; i < 12; i++) bands[i] = i < 6;
    for (size_t j = 0; j < 104; j++) times[j] = (double)j;
    c.m = (sl_gp_mean){.n = 12, .time = points, .wavelength = bands, .alpha = points, .amplitude = 1, .time_scale = 1e-3,
                       .wavelength_scale = 1, .at_wavelength = 1, .n_times = 104, .times = times, .mean = doubles(104)};
    const double anywhere = fastest_us(call_mean, &c);
    c.mean = k->gp.grid;
    printf("%-7s gp mean of 12 points at 104 times: %.3f us, regular and half of the points in the band: %.3f us\n", k->name,
           anywhere, fastest_us(call_mean, &c));
    free_arrays();
}
