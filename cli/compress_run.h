/* cli/compress_run.h - what `starling compress` does once its words are understood. */
#ifndef CLI_COMPRESS_RUN_H
#define CLI_COMPRESS_RUN_H

#include "starling/starling.h"

typedef struct compress_wishes {
    sl_compress_options options;
    sl_train_options train;
    const char *model, *data, *out, *exclude, *only, *teachers, *ledger;
    double budget; /* share of the log-loss; negative: none */
    bool table, quiet, no_tuning;
    uint32_t resamples;

    bool search;
    uint32_t most_bytes; /* of the file; 0: any */
    double most_us;      /* of an answer; 0: any */
    sl_sizing_options sizes;
    uint32_t rounds;
    const char *shorter; /* data sets of the same rows with fewer times, or NULL */
} compress_wishes;

/* A model in the table. */
typedef struct compress_row {
    unsigned steps; /* SL_COMPRESS_* */
    sl_compress_result result;
    sl_compress_loss loss; /* n = 0 where there are no data */
    double open_us, first_us, run_us; /* file to model; file to its first answer; an answer after that: medians */
} compress_row;

/* What a run works on. */
typedef struct compress_run {
    const compress_wishes *wishes;
    sl_model *model;
    sl_dataset *data; /* or NULL */
    sl_dataset *small_data; /* what the small model sees where that is not the same, or NULL */
    sl_train_options train; /* with its own progress, or NULL */
    uint32_t trial, round;  /* of a search, from 1; 0: it is none */
} compress_run;

/* The exit code. */
int compress_run_all(compress_wishes *wishes);

/* Compress as `options` say into `path`, compare where there are data, and time. `from` is the model to begin with. */
int compress_once(const compress_run *run, const sl_model *from, const sl_compress_options *options, const char *path,
                  compress_row *row);
/* Whoever teaches several small models answers once for all of them: run->train.soft, where there is none yet, is then *soft
   (gives). progress: NULL for the usual one. */
int compress_ask_teachers(compress_run *run, bool (*progress)(void *user, const sl_train_progress *p), void *user, float **soft);
/* The times of a row, of the model in a file. */
int compress_measure(const char *path, compress_row *row);
/* "prune,cluster", or "float32" for no step. */
const char *compress_steps(unsigned steps, char to[64]);
/* A line of JSON about a row, appended. */
int compress_write_ledger(const compress_run *run, const compress_row *row, const char *path, bool written);

/* Every combination: OUT.md, OUT.csv and OUT.svg. compress_table.c */
int compress_table(const compress_run *run);
/* Smaller networks: the same and OUT.starling. compress_search.c */
int compress_search(const compress_run *run);

#endif
