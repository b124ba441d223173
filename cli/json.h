/*
 * cli/json.h - JSON for the commands that answer programs.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdio.h>

enum {
    JSON_FEW_DIGITS = 6, /* of what was measured */
    JSON_ALL_DIGITS = 17 /* that a double can need */
};

/* Bytes of the UTF-8 character that begins at c, which is terminated; 0 where none does. */
int json_character_bytes(const unsigned char *c);
/* A string with its quotes. It may hold anything: what is no UTF-8 becomes U+FFFD. */
void json_put_string(FILE *to, const char *text);
/* A member of an object, `before` in front of it: ", " or "{" or more. The name is put as it stands. */
void json_text(FILE *to, const char *before, const char *name, const char *text);
/* With as few digits as read back to the same number, but no more than most_digits; null if not finite. */
void json_number(FILE *to, const char *before, const char *name, double x, int most_digits);

#endif
