/*
 * cli/bench.h - what `starling bench` measures, and what it measures on.
 *
 * Times of a stage are medians over the rounds, an alert, by the clock on the
 * wall; its rate is by the processor's clock, so that others on a shared
 * machine do not count as ours.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <stdio.h>

#include "starling/starling.h"

/* ---- inputs, all of them held in memory: bench_inputs.c ---- */

typedef struct bench_packet {
    unsigned char *bytes;
    size_t n_bytes;
} bench_packet;

typedef struct bench_inputs {
    bench_packet *packets; /* one Avro container each; none where the paths hold something else */
    size_t n_packets;
    sl_alert *alerts; /* every record of the packets, or of the paths; points copied, names left out */
    size_t n_alerts;
} bench_inputs;

/*
 * The files, folders and plain tars under the paths, each file of which is a
 * packet if it is an Avro container. Where there is none, whatever sl_alerts_read
 * makes of the paths. At most `most` packets or alerts. False after saying why.
 */
bool bench_inputs_read(bench_inputs *in, const char *const *paths, size_t n_paths, size_t most);
/* A night of sl_simulate; `options` says how many, and of how many points. False after saying why. */
bool bench_inputs_simulate(bench_inputs *in, const sl_simulate_options *options);
void bench_inputs_free(bench_inputs *in);

/* A tar in memory of the packets, again and again until it has n; the descriptor can be opened by path. -1 on
   failure. */
int bench_inputs_tar(const bench_inputs *in, size_t n);

/* ---- timing: bench_time.c ---- */

typedef struct bench_stage {
    const char *name;      /* for programs: "gp_fit" */
    const char *label;     /* for people */
    size_t n_items;        /* calls in one pass over the inputs */
    double p50_us, p99_us; /* an alert; NaN where only the whole was timed */
    double per_second;     /* alerts in one second of processor time, all threads together */
    double wall_per_second; /* alerts in one second on the wall; NaN unless the whole was timed */
} bench_stage;

/* One call; i counts through a pass. False stops the bench. */
typedef bool (*bench_fn)(void *user, size_t i);

typedef struct bench_clock {
    int rounds;     /* 1..99 */
    double seconds; /* of a stage in a round: passes over the inputs until then */
} bench_clock;

/* Time n_items calls, each of which handles alerts_per_call alerts. False after saying why. */
bool bench_time(const bench_clock *clock, bench_stage *stage, bench_fn fn, void *user, size_t n_items,
                double alerts_per_call);
/* Time whole runs of n_alerts, without a time for each. */
bool bench_time_whole(const bench_clock *clock, bench_stage *stage, bench_fn fn, void *user, size_t n_alerts);
/* Sorts. NaN of nothing. */
double bench_quantile(double *values, size_t n, double q);
double bench_now_us(void);

/* ---- all that is measured: bench_stages.c, bench_cold.c ---- */

enum { BENCH_STAGES = 24, BENCH_LAYERS = 96, BENCH_BINS = 7 };

/* Light curves of `from` to `to` points. */
typedef struct bench_bin {
    size_t from, to, n;
    double p50_us, p99_us; /* of a fit; NaN where n is 0 */
    double per_second;     /* fits in a second of processor time, likewise */
    double batch_per_second; /* the same with the mean on the grid, up to 64 at a time */
} bench_bin;

/* Processes that do one thing and end; NaN where not measured. */
typedef struct bench_cold {
    double start_us;        /* `starling classify` of one alert, from start to end */
    double peak_kb;         /* memory of that */
    double first_answer_us; /* model file to first answer, the first time in a process */
} bench_cold;

typedef struct bench_report {
    size_t n_packets, packet_bytes, n_alerts, n_curves; /* packet_bytes: mean; curves: meet the contract */
    size_t n_stages;
    bench_stage stages[BENCH_STAGES];
    size_t n_layers;
    sl_profile_row layers[BENCH_LAYERS]; /* ns: medians */
    double peak_flops;                   /* of the core; NaN without a model */
    size_t n_bins;
    bench_bin bins[BENCH_BINS];
    int threads; /* of the last stage */
    bench_cold cold;
    char model_id[24]; /* empty without a model */
    double model_flop;
} bench_report;

typedef struct bench_options {
    bench_clock clock;
    const char *model;      /* path, or NULL */
    const char *bands;      /* of the contract without a model: letters of LSST's bands, or NULL for the reference's */
    const char *const *paths;
    size_t n_paths;         /* 0: simulate */
    uint64_t n_alerts;      /* to simulate, or at most to take from the paths; 0: 300, or all */
    uint64_t night_alerts;  /* in the tar of the last stages */
    int threads;            /* of the last stage */
    bool warm_only;
} bench_options;

/* Measure everything on one core, but for the last stage. An exit code, after saying why. */
int bench_run(const bench_options *options, bench_report *out);
/* Before anything else is in memory: a child begins with the memory of its parent. */
void bench_run_cold(const bench_options *options, bench_cold *out);

/* ---- telling: bench_show.c ---- */

void bench_show_text(FILE *to, const bench_report *report);
/* One JSON object on one line. */
void bench_show_json(FILE *to, const bench_report *report);

#endif
