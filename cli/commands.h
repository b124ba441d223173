/*
 * cli/commands.h - what the commands share: exit codes, and words to people.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <stdio.h>

#include "starling/starling.h"

/* Part of the interface: scripts look at them. */
enum {
    EXIT_WELL = 0,
    EXIT_SOME = 1,     /* --strict: some alerts were refused or quarantined */
    EXIT_USAGE = 2,
    EXIT_IO = 3,       /* cannot read or write, or what was read is no model */
    EXIT_INTERNAL = 4  /* out of memory, or a fault of starling's */
};

/* Each takes argv with its own name at 0 and gives the exit code. */
int cmd_bench(int argc, char **argv);
int cmd_compress(int argc, char **argv);
int cmd_evaluate(int argc, char **argv);
int cmd_classify(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_prepare(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_train(int argc, char **argv);

/* "starling COMMAND: PATH: message" to standard error, without PATH where that is NULL; the exit code that fits. */
int say_failed(const char *command, const char *path, const sl_error *err);

/* All bytes of a file, or of standard input for "-"; free with free(). NULL after saying why, also where there are
   `most` or more. */
unsigned char *read_in(const char *command, const char *path, size_t most, size_t *n);

/* What -m says, or without it every model that the program carries (none of which: n is 0). */
typedef struct models {
    size_t n;
    sl_model *model[SL_MAX_MODELS];
} models;
/* The name of a model that the program carries, and of no file? */
bool is_carried(const char *name);
/* A model file, or one that the program carries, by its name, where no file has that. */
sl_status open_model(const char *name, sl_model **out, sl_error *err);
/* `name` is a file, or one of the program's models where there is no such file; NULL: all of these. The exit code,
   after saying what is wrong. Close in any case. */
int open_models(const char *command, const char *name, models *out);
void close_models(models *m);

/* Open FILE to write, or give standard output for "-"; NULL after saying why. */
FILE *open_out(const char *command, const char *path);
/* Close what open_out gave. 0, or EXIT_IO after saying why. */
int close_out(const char *command, const char *path, FILE *out);

/* "12 345", "1.2 MB" into `to`, which is what they return. */
const char *show_count(uint64_t n, char to[32]);
const char *show_bytes(uint64_t n, char to[32]);

#endif
