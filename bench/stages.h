/* bench/stages.h - time one thing many times, and tell it. */
#ifndef STARLING_BENCH_STAGES_H
#define STARLING_BENCH_STAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What a stage measured: medians over the repeats. Times are an alert, not a
 * call, and by the clock on the wall; the rate is by the processor's, so that
 * others on a shared machine do not count as ours.
 */
typedef struct stage {
    const char *name;
    size_t n_items;        /* calls in one pass over the inputs */
    double p50_us, p99_us; /* NaN where only the whole was timed */
    double per_second;     /* alerts in one second of processor time, all threads together */
} stage;

typedef struct bench {
    int repeats;
    double min_seconds; /* of one repeat: passes over the inputs until then */
    stage stages[32];
    size_t n_stages;
} bench;

/* One call; i counts through a pass. False stops the bench. */
typedef bool (*stage_fn)(void *user, size_t i);

/* Time n_items calls, each of which handles alerts_per_call alerts. False with a message. */
bool bench_run(bench *b, const char *name, stage_fn fn, void *user, size_t n_items, size_t alerts_per_call);
/* Time whole runs of n_alerts, without a time for each. */
bool bench_run_whole(bench *b, const char *name, stage_fn fn, void *user, size_t n_alerts);

void bench_print(const bench *b, FILE *out);
/* {"name": {...}, ...}, for programs. */
void bench_print_json(const bench *b, FILE *out);

uint64_t now_ns(void);

#endif
