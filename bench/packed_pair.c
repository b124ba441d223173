/*
 * packed_pair [-c CORE] [-r ROUNDS] UNCODED PACKED: two files of one network,
 * side by side, pinned to a core.
 *
 * Each round opens, asks once, and asks on, one file after the other, the first
 * of them in turns; ratios are of a round, so that the clock's wandering falls
 * out. Says in five lines "what uncoded packed ratio low high": medians over the
 * rounds, in microseconds, and the middle 80 % of the ratios packed / uncoded.
 * Exits 1 where the answers differ by more than arithmetic of another kind would.
 */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "starling/starling.h"

enum { N_INPUTS = 16, OPENED = 5, ASKED = 8, MOST_ROUNDS = 1000, N_FILES = 2 };
enum { OPEN, FIRST, ONE, BATCH, CLOSE, N_WHATS };
static const char *const whats[N_WHATS] = {"open", "file to first answer", "answer", "answer in a batch of 16", "close"};

typedef struct side {
    const char *path;
    sl_model *model;
    sl_runner *runner;
    float *p; /* N_INPUTS x classes */
} side;

typedef struct times {
    double us[N_WHATS][N_FILES][MOST_ROUNDS];
} times;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *x, size_t n, double q)
{
    qsort(x, n, sizeof *x, by_value);
    return x[(size_t)(q * (double)(n - 1) + 0.5)];
}

static void fail(const char *path, const sl_error *err)
{
    fprintf(stderr, "packed_pair: %s: %s\n", path, err->message);
    exit(2);
}

/* The least of some openings, each closed again, and below of some answers: what is measured is work, not interruptions. */
static void time_files(const side *s, const float *input, float *p, double *open, double *first, double *close)
{
    *open = *first = *close = INFINITY;
    for (int i = 0; i < OPENED; i++) {
        sl_model *model;
        sl_runner *runner;
        sl_error err;
        const double start = now_us();
        if (sl_model_open(s->path, &model, &err) < 0) fail(s->path, &err);
        const double opened = now_us();
        if (sl_runner_new(model, &runner, &err) < 0 || sl_runner_run(runner, 1, input, p, &err) < 0) fail(s->path, &err);
        const double answered = now_us();
        sl_runner_free(runner);
        const double freed = now_us();
        sl_model_close(model);
        *close = fmin(*close, now_us() - freed);
        *open = fmin(*open, opened - start);
        *first = fmin(*first, answered - start);
    }
}

static void time_answers(const side *s, size_t n_floats, const float *input, double *one, double *batch)
{
    *one = *batch = INFINITY;
    sl_error err;
    const uint32_t n_classes = sl_model_contract(s->model)->n_classes;
    for (int i = 0; i < ASKED; i++) {
        for (size_t k = 0; k < N_INPUTS; k++) {
            const double start = now_us();
            if (sl_runner_run(s->runner, 1, input + k * n_floats, s->p + k * n_classes, &err) < 0) fail(s->path, &err);
            *one = fmin(*one, now_us() - start);
        }
        const double start = now_us();
        if (sl_runner_run(s->runner, N_INPUTS, input, s->p, &err) < 0) fail(s->path, &err);
        *batch = fmin(*batch, (now_us() - start) / N_INPUTS);
    }
}

/* Numbers that look scaled: of a generator that is the same everywhere. */
static float *make_inputs(size_t n)
{
    float *x = malloc(n * sizeof *x);
    uint32_t state = 1;
    for (size_t i = 0; x != NULL && i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = 4 * (float)(state >> 8) / (1 << 24) - 2;
    }
    return x;
}

static void pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) fprintf(stderr, "packed_pair: cannot stay on core %d\n", core);
}

static void open_side(side *s)
{
    sl_error err;
    if (sl_model_open(s->path, &s->model, &err) < 0 || sl_runner_new(s->model, &s->runner, &err) < 0) fail(s->path, &err);
    s->p = calloc(N_INPUTS * (size_t)sl_model_contract(s->model)->n_classes, sizeof *s->p);
    if (s->p == NULL) exit(2);
}

static void show(times *t, size_t rounds)
{
    double ratio[MOST_ROUNDS];
    for (int w = 0; w < N_WHATS; w++) {
        for (size_t r = 0; r < rounds; r++) ratio[r] = t->us[w][1][r] / t->us[w][0][r];
        const double low = quantile(ratio, rounds, 0.1), middle = quantile(ratio, rounds, 0.5), high = quantile(ratio, rounds, 0.9);
        printf("%s\t%.2f\t%.2f\t%.3f\t%.3f\t%.3f\n", whats[w], quantile(t->us[w][0], rounds, 0.5), quantile(t->us[w][1], rounds, 0.5),
               middle, low, high);
    }
}

int main(int argc, char **argv)
{
    size_t rounds = 200;
    int core = 0, c;
    while ((c = getopt(argc, argv, "c:r:")) != -1) {
        if (c == 'c') core = atoi(optarg);
        if (c == 'r') rounds = (size_t)atoi(optarg);
    }
    if (argc - optind != N_FILES || rounds < 3 || rounds > MOST_ROUNDS || core < 0) {
        fprintf(stderr, "usage: packed_pair [-c CORE] [-r ROUNDS] UNCODED PACKED\n");
        return 2;
    }
    pin(core);
    side sides[N_FILES] = {{.path = argv[optind]}, {.path = argv[optind + 1]}};
    for (int s = 0; s < N_FILES; s++) open_side(&sides[s]);
    const sl_contract *contract = sl_model_contract(sides[0].model);
    const size_t n_floats = sl_contract_input_floats(contract), n_p = N_INPUTS * (size_t)contract->n_classes;
    if (sl_contract_input_floats(sl_model_contract(sides[1].model)) != n_floats ||
        sl_model_contract(sides[1].model)->n_classes != contract->n_classes) {
        fprintf(stderr, "packed_pair: these are two networks\n");
        return 2;
    }
    float *input = make_inputs(N_INPUTS * n_floats);
    times *t = malloc(sizeof *t);
    if (input == NULL || t == NULL) return 2;
    for (size_t r = 0; r < rounds; r++) {
        for (size_t k = 0; k < N_FILES; k++) {
            const size_t s = (r + k) % N_FILES;
            time_files(&sides[s], input, sides[s].p, &t->us[OPEN][s][r], &t->us[FIRST][s][r], &t->us[CLOSE][s][r]);
            time_answers(&sides[s], n_floats, input, &t->us[ONE][s][r], &t->us[BATCH][s][r]);
        }
    }
    float most = 0;
    for (size_t i = 0; i < n_p; i++) most = fmaxf(most, fabsf(sides[0].p[i] - sides[1].p[i]));
    show(t, rounds);
    printf("greatest difference of a probability\t%.3g\n", (double)most);
    for (int s = 0; s < N_FILES; s++) {
        free(sides[s].p);
        sl_runner_free(sides[s].runner);
        sl_model_close(sides[s].model);
    }
    free(input);
    free(t);
    return most <= 1e-3f ? 0 : 1;
}
