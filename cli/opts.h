/*
 * cli/opts.h - one table of options is the parser, the --help text and the
 * manual page.
 */
#ifndef CLI_OPTS_H
#define CLI_OPTS_H

#include <stdbool.h>
#include <stdint.h>

/* What a value is, and what `to` points at. */
typedef enum opt_kind {
    OPT_FLAG = 0, /* bool; takes no value */
    OPT_TEXT,     /* const char *; borrows from argv */
    OPT_WHOLE,    /* uint64_t in [least, most] */
    OPT_REAL,     /* double in [least, most] */
    OPT_CHOICE,   /* int: index into choices */
    OPT_SPAN      /* uint64_t[2]: "MIN:MAX" or one number for both, in [least, most] */
} opt_kind;

typedef struct opt {
    char letter; /* "-x", or 0 */
    const char *name; /* "--name" */
    opt_kind kind;
    void *to;
    const char *value; /* what --help calls the value; NULL for a flag */
    const char *help;
    double least, most;
    const char *const *choices; /* NULL behind the last */
    bool *given;                /* set where the option was there; may be NULL */
} opt;

/* What --help and the manual page say beside the options. */
typedef struct manual {
    const char *command;  /* "classify" */
    const char *summary;  /* one line, no full stop */
    const char *operands; /* "PATH..." */
    const char *text;     /* paragraphs of plain text */
    const char *examples; /* lines: a command, or "# words" above one */
} manual;

enum { OPTS_GO = -1 }; /* else the exit code to end with */

/*
 * Read argv[1..argc). The operands go to the front of argv + 1 in their order,
 * *n_operands of them. "--" ends the options. Prints what --help or --man
 * asks for, or what is wrong. `options` ends with a name of NULL.
 */
int opts_parse(const manual *about, const opt *options, int argc, char **argv, int *n_operands);

/* "starling COMMAND: " and the message to standard error, a line that points to --help behind it. Gives EXIT_USAGE. */
int opts_wrong(const manual *about, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The one of `names` (NULL behind the last) that `word` is likely to mean, or NULL. */
const char *opts_nearest(const char *word, const char *const *names);

#endif
