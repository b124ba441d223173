/* Time one thing many times: percentiles of a repeat, medians over the repeats. */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "stages.h"

enum { MAX_SAMPLES = 1 << 18, MAX_REPEATS = 99 };

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
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

static double quantile(double *values, size_t n, double q)
{
    qsort(values, n, sizeof *values, by_value);
    return values[(size_t)(q * (double)(n - 1) + 0.5)];
}

static stage *new_stage(bench *b, const char *name, size_t n_items)
{
    if (n_items == 0 || b->n_stages == sizeof b->stages / sizeof b->stages[0]) return NULL;
    stage *s = &b->stages[b->n_stages++];
    *s = (stage){.name = name, .n_items = n_items};
    return s;
}

/* Passes until min_seconds are full, one time a call. */
static bool one_repeat(const bench *b, stage_fn fn, void *user, const stage *s, double *samples, double per_call,
                       double out[3])
{
    const double cpu = cpu_seconds();
    const uint64_t start = now_ns(), enough = start + (uint64_t)(b->min_seconds * 1e9);
    size_t n = 0, calls = 0;
    uint64_t last = start;
    do {
        for (size_t i = 0; i < s->n_items; i++) {
            if (!fn(user, i)) return false;
            const uint64_t now = now_ns();
            if (n < MAX_SAMPLES) samples[n++] = (double)(now - last) * 1e-3 / per_call;
            last = now;
        }
        calls += s->n_items;
    } while (last < enough);
    const double busy = cpu_seconds() - cpu;
    out[0] = quantile(samples, n, 0.5);
    out[1] = quantile(samples, n, 0.99);
    out[2] = (double)calls * per_call / busy;
    return true;
}

bool bench_run(bench *b, const char *name, stage_fn fn, void *user, size_t n_items, size_t alerts_per_call)
{
    stage *s = new_stage(b, name, n_items);
    if (s == NULL) return false;
    double *samples = malloc(MAX_SAMPLES * sizeof *samples);
    double p50[MAX_REPEATS], p99[MAX_REPEATS], rate[MAX_REPEATS];
    bool well = samples != NULL && b->repeats <= MAX_REPEATS;
    for (size_t i = 0; well && i < n_items; i++) well = fn(user, i); /* warm up */
    for (int r = 0; well && r < b->repeats; r++) {
        double out[3] = {0};
        well = one_repeat(b, fn, user, s, samples, (double)alerts_per_call, out);
        p50[r] = out[0];
        p99[r] = out[1];
        rate[r] = out[2];
    }
    free(samples);
    if (!well) {
        fprintf(stderr, "bench: stage %s failed\n", name);
        return false;
    }
    s->p50_us = quantile(p50, (size_t)b->repeats, 0.5);
    s->p99_us = quantile(p99, (size_t)b->repeats, 0.5);
    s->per_second = quantile(rate, (size_t)b->repeats, 0.5);
    return true;
}

bool bench_run_whole(bench *b, const char *name, stage_fn fn, void *user, size_t n_alerts)
{
    stage *s = new_stage(b, name, n_alerts);
    if (s == NULL || b->repeats > MAX_REPEATS) return false;
    double rate[MAX_REPEATS];
    for (int r = -1; r < b->repeats; r++) { /* the first one warms up */
        const double cpu = cpu_seconds();
        if (!fn(user, 0)) {
            fprintf(stderr, "bench: stage %s failed\n", name);
            return false;
        }
        if (r >= 0) rate[r] = (double)n_alerts / (cpu_seconds() - cpu);
    }
    s->p50_us = s->p99_us = NAN;
    s->per_second = quantile(rate, (size_t)b->repeats, 0.5);
    return true;
}

void bench_print(const bench *b, FILE *out)
{
    fprintf(out, "%-24s %8s %12s %12s %14s\n", "stage", "inputs", "p50 us", "p99 us", "alerts/core-s");
    for (size_t i = 0; i < b->n_stages; i++) {
        const stage *s = &b->stages[i];
        fprintf(out, "%-24s %8zu ", s->name, s->n_items);
        if (isnan(s->p50_us)) {
            fprintf(out, "%12s %12s", "-", "-");
        } else {
            fprintf(out, "%12.2f %12.2f", s->p50_us, s->p99_us);
        }
        fprintf(out, " %14.0f\n", s->per_second);
    }
}

static void print_number(FILE *out, const char *key, double value)
{
    fprintf(out, isnan(value) ? ", \"%s\": null" : ", \"%s\": %.6g", key, value);
}

void bench_print_json(const bench *b, FILE *out)
{
    fprintf(out, "{");
    for (size_t i = 0; i < b->n_stages; i++) {
        const stage *s = &b->stages[i];
        fprintf(out, "%s\"%s\": {\"inputs\": %zu", i == 0 ? "" : ", ", s->name, s->n_items);
        print_number(out, "p50_us", s->p50_us);
        print_number(out, "p99_us", s->p99_us);
        print_number(out, "per_second", s->per_second);
        fprintf(out, "}");
    }
    fprintf(out, "}");
}
