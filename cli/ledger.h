/* cli/ledger.h - a file that gets a line of JSON for each run. */
#ifndef CLI_LEDGER_H
#define CLI_LEDGER_H

#include <stdio.h>

/* Begin a line: the time, the program's version, the kernels that ran. More members follow. */
void ledger_begin(FILE *to);
/* A number with as many digits as a float needs. */
void ledger_number(FILE *to, const char *name, double x);
/*
 * Append what tell writes, a whole line, to the file in one write, so that lines
 * of runs that end together do not mix. The exit code, after saying what is wrong.
 */
int ledger_append(const char *command, const char *path, void (*tell)(FILE *to, const void *what), const void *what);

#endif
