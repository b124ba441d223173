/* cli/train_run.h - what `starling train` does once its words are understood. */
#ifndef CLI_TRAIN_RUN_H
#define CLI_TRAIN_RUN_H

#include <stdbool.h>

#include "starling/train.h"

typedef struct train_wishes {
    sl_train_options options;
    const char *data, *out, *init, *config, *exclude, *only, *teachers, *soft, *checkpoint, *ledger;
    bool quiet;
} train_wishes;

/* The exit code. */
int train_run(train_wishes *wishes);

/*
 * Options from a file, "name = value" or "name" a line, '#' before a remark:
 * they go in front of argv's. Gives *words (free) and what they point into,
 * *text (free); *argc is their number. EXIT_WELL, or another code after saying why.
 */
int train_read_config(const char *path, int *argc, char **argv, char ***words, char **text);

/* Probabilities of teachers for each row, NaN where there are none: gives *soft (free). The command is for what is said where that
   fails. train_teach.c */
int train_ask_teachers(const char *command, const char *paths, const sl_dataset *data, float **soft);
int train_read_soft(const char *path, const sl_dataset *data, float **soft);

/* Append a line of JSON about the run. train_ledger.c */
int train_write_ledger(const train_wishes *wishes, const sl_dataset *data, const sl_train_result *result);

#endif
