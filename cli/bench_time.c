/* Time one thing many times: percentiles of a round, medians over the rounds. */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"

enum { MAX_SAMPLES = 1 << 18, MAX_ROUNDS = 99 };

double bench_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t n, double q)
{
    if (n == 0) return NAN;
    qsort(values, n, sizeof *values, by_value);
    return values[(size_t)(q * (double)(n - 1) + 0.5)];
}

/* Passes until the seconds are full, one time a call: p50, p99, alerts in a second of processor time. */
static bool one_round(const bench_clock *clock, bench_fn fn, void *user, size_t n_items, double *samples,
                      double per_call, double out[3])
{
    const double cpu = cpu_seconds(), enough = bench_now_us() + clock->seconds * 1e6;
    size_t n = 0, calls = 0;
    double last = bench_now_us();
    do {
        for (size_t i = 0; i < n_items; i++) {
            if (!fn(user, i)) return false;
            const double now = bench_now_us();
            if (n < MAX_SAMPLES) samples[n++] = (now - last) / per_call;
            last = now;
        }
        calls += n_items;
    } while (last < enough);
    const double busy = cpu_seconds() - cpu;
    out[0] = bench_quantile(samples, n, 0.5);
    out[1] = bench_quantile(samples, n, 0.99);
    out[2] = (double)calls * per_call / busy;
    return true;
}

static bool failed(const bench_stage *stage)
{
    fprintf(stderr, "starling bench: %s failed\n", stage->label);
    return false;
}

bool bench_time(const bench_clock *clock, bench_stage *stage, bench_fn fn, void *user, size_t n_items,
                double alerts_per_call)
{
    double *samples = malloc(MAX_SAMPLES * sizeof *samples);
    double p50[MAX_ROUNDS], p99[MAX_ROUNDS], rate[MAX_ROUNDS];
    bool well = samples != NULL && clock->rounds <= MAX_ROUNDS;
    stage->n_items = n_items;
    for (size_t i = 0; well && i < n_items; i++) well = fn(user, i); /* warm up */
    for (int r = 0; well && r < clock->rounds; r++) {
        double out[3] = {0};
        well = one_round(clock, fn, user, n_items, samples, alerts_per_call, out);
        p50[r] = out[0];
        p99[r] = out[1];
        rate[r] = out[2];
    }
    free(samples);
    if (!well) return failed(stage);
    const size_t n = (size_t)clock->rounds;
    stage->p50_us = bench_quantile(p50, n, 0.5);
    stage->p99_us = bench_quantile(p99, n, 0.5);
    stage->per_second = bench_quantile(rate, n, 0.5);
    stage->wall_per_second = NAN;
    return true;
}

bool bench_time_whole(const bench_clock *clock, bench_stage *stage, bench_fn fn, void *user, size_t n_alerts)
{
    double rate[MAX_ROUNDS], wall[MAX_ROUNDS];
    if (clock->rounds > MAX_ROUNDS) return failed(stage);
    stage->n_items = n_alerts;
    for (int r = -1; r < clock->rounds; r++) { /* the first one warms up */
        const double cpu = cpu_seconds(), start = bench_now_us();
        if (!fn(user, 0)) return failed(stage);
        if (r < 0) continue;
        rate[r] = (double)n_alerts / (cpu_seconds() - cpu);
        wall[r] = (double)n_alerts / (1e-6 * (bench_now_us() - start));
    }
    stage->p50_us = stage->p99_us = NAN;
    stage->per_second = bench_quantile(rate, (size_t)clock->rounds, 0.5);
    stage->wall_per_second = bench_quantile(wall, (size_t)clock->rounds, 0.5);
    return true;
}
