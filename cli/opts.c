#include "opts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

enum { HELP_COLUMN = 30, MAX_WORD = 32 };

int opts_wrong(const manual *about, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "starling %s: ", about->command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nsee: starling %s --help\n", about->command);
    return EXIT_USAGE;
}

/* Letters to put in, take out or change to get from a to b (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    size_t row[MAX_WORD + 1];
    const size_t n = strlen(b);
    if (n > MAX_WORD || strlen(a) > MAX_WORD) return MAX_WORD;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            const size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            const size_t step = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            row[j] = change < step ? change : step;
        }
    }
    return row[n];
}

const char *opts_nearest(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = 3; /* further away is another word */
    for (; *names != NULL; names++) {
        const size_t d = distance(word, *names);
        if (d < best_distance) {
            best_distance = d;
            best = *names;
        }
    }
    return best;
}

static int unknown_option(const manual *about, const opt *options, const char *word)
{
    const char *names[64] = {"help"};
    size_t n = 1;
    for (const opt *o = options; o->name != NULL && n < 63; o++) names[n++] = o->name;
    const char *meant = word[0] == '-' && word[1] == '-' ? opts_nearest(word + 2, names) : NULL;
    if (meant != NULL) return opts_wrong(about, "there is no option %s; did you mean --%s?", word, meant);
    return opts_wrong(about, "there is no option %s", word);
}

static const opt *find(const opt *options, const char *name, size_t n)
{
    for (const opt *o = options; o->name != NULL; o++) {
        if (strlen(o->name) == n && memcmp(o->name, name, n) == 0) return o;
    }
    return NULL;
}

static const opt *find_letter(const opt *options, char letter)
{
    for (const opt *o = options; o->name != NULL; o++) {
        if (o->letter == letter && letter != '\0') return o;
    }
    return NULL;
}

/* A whole number that is all of the text up to `end`. */
static bool read_whole(const opt *o, const char *text, const char *end, uint64_t *out)
{
    char *stop;
    errno = 0;
    if (*text < '0' || *text > '9') return false;
    *out = strtoull(text, &stop, 10);
    return errno == 0 && stop == end && (double)*out >= o->least && (double)*out <= o->most;
}

static bool read_real(const opt *o, const char *text, double *out)
{
    char *stop;
    *out = strtod(text, &stop);
    return stop != text && *stop == '\0' && *out >= o->least && *out <= o->most;
}

static bool read_span(const opt *o, const char *text, uint64_t out[2])
{
    const char *end = text + strlen(text), *colon = strchr(text, ':');
    if (!read_whole(o, text, colon != NULL ? colon : end, &out[0])) return false;
    out[1] = out[0];
    return colon == NULL || (read_whole(o, colon + 1, end, &out[1]) && out[0] <= out[1]);
}

static bool read_choice(const opt *o, const char *text, int *out)
{
    for (*out = 0; o->choices[*out] != NULL; (*out)++) {
        if (strcmp(text, o->choices[*out]) == 0) return true;
    }
    return false;
}

static int wrong_value(const manual *about, const opt *o, const char *text)
{
    if (o->kind == OPT_CHOICE) {
        char list[256] = "";
        for (int i = 0; o->choices[i] != NULL; i++) {
            const size_t at = strlen(list);
            snprintf(list + at, sizeof list - at, "%s%s", i > 0 ? ", " : "", o->choices[i]);
        }
        return opts_wrong(about, "--%s is one of %s; not '%s'", o->name, list, text);
    }
    if (o->kind == OPT_REAL) {
        return opts_wrong(about, "--%s takes a number from %g to %g; not '%s'", o->name, o->least, o->most, text);
    }
    const char *what = o->kind == OPT_SPAN ? "a whole number, or MIN:MAX," : "a whole number";
    return opts_wrong(about, "--%s takes %s from %.0f to %.0f; not '%s'", o->name, what, o->least, o->most, text);
}

static int take_value(const manual *about, const opt *o, const char *text)
{
    bool good = true;
    uint64_t span[2];
    double real;
    int choice;
    if (o->given != NULL) *o->given = true;
    switch (o->kind) {
    case OPT_FLAG: *(bool *)o->to = true; break;
    case OPT_TEXT: *(const char **)o->to = text; break;
    case OPT_WHOLE:
        good = read_whole(o, text, text + strlen(text), &span[0]);
        if (good) *(uint64_t *)o->to = span[0];
        break;
    case OPT_REAL:
        good = read_real(o, text, &real);
        if (good) *(double *)o->to = real;
        break;
    case OPT_CHOICE:
        good = read_choice(o, text, &choice);
        if (good) *(int *)o->to = choice;
        break;
    case OPT_SPAN:
        good = read_span(o, text, span);
        if (good) memcpy(o->to, span, sizeof span);
        break;
    }
    return good ? OPTS_GO : wrong_value(about, o, text);
}

/* "--name", "--name=value" or "--name value". */
static int take_long(const manual *about, const opt *options, char **argv, int argc, int *i)
{
    const char *word = argv[*i], *equals = strchr(word, '=');
    const opt *o = find(options, word + 2, equals != NULL ? (size_t)(equals - word - 2) : strlen(word + 2));
    if (o == NULL) return unknown_option(about, options, word);
    if (o->kind == OPT_FLAG) {
        return equals == NULL ? take_value(about, o, NULL) : opts_wrong(about, "--%s takes no value", o->name);
    }
    if (equals != NULL) return take_value(about, o, equals + 1);
    if (++*i == argc) return opts_wrong(about, "--%s needs a value: %s", o->name, o->value);
    return take_value(about, o, argv[*i]);
}

/* "-x", "-xvalue", "-x value", or several flags: "-xy". */
static int take_letters(const manual *about, const opt *options, char **argv, int argc, int *i)
{
    const char *word = argv[*i];
    for (const char *c = word + 1; *c != '\0'; c++) {
        const opt *o = find_letter(options, *c);
        if (o == NULL) return unknown_option(about, options, (char[]){'-', *c, '\0'});
        if (o->kind == OPT_FLAG) {
            take_value(about, o, NULL);
            continue;
        }
        if (c[1] != '\0') return take_value(about, o, c + 1);
        if (++*i == argc) return opts_wrong(about, "-%c needs a value: %s", o->letter, o->value);
        return take_value(about, o, argv[*i]);
    }
    return OPTS_GO;
}

static void print_wrapped(const char *text, int column, int width)
{
    int at = column;
    for (const char *word = text; *word != '\0';) {
        const int n = (int)strcspn(word, " ");
        if (at > column && at + 1 + n > width) {
            printf("\n%*s", column, "");
            at = column;
        }
        at += printf("%s%.*s", at > column ? " " : "", n, word);
        word += n + (word[n] == ' ');
    }
    putchar('\n');
}

static void print_help(const manual *about, const opt *options)
{
    printf("starling %s - %s\n\nusage: starling %s [options] %s\n\n%s\n\noptions:\n", about->command, about->summary,
           about->command, about->operands, about->text);
    for (const opt *o = options;; o++) {
        static const opt help = {'h', "help", OPT_FLAG, NULL, NULL, "this text", 0, 0, NULL, NULL};
        const opt *shown = o->name != NULL ? o : &help;
        char left[64];
        const int dash = shown->letter != '\0' ? snprintf(left, sizeof left, "  -%c, ", shown->letter)
                                               : snprintf(left, sizeof left, "      ");
        snprintf(left + dash, sizeof left - (size_t)dash, "--%s%s%s", shown->name, shown->value != NULL ? " " : "",
                 shown->value != NULL ? shown->value : "");
        printf("%-*s", HELP_COLUMN, left);
        if (strlen(left) >= HELP_COLUMN) printf("\n%*s", HELP_COLUMN, "");
        print_wrapped(shown->help, HELP_COLUMN, 100);
        if (o->name == NULL) break;
    }
    printf("\nexamples:\n");
    for (const char *line = about->examples; *line != '\0';) {
        const int n = (int)strcspn(line, "\n");
        printf("  %.*s\n", n, line);
        line += n + (line[n] == '\n');
    }
}

/* Text for roff: a backslash and a dot or quote at the start of a line would be commands. */
static void print_roff(const char *text)
{
    bool start = true;
    for (; *text != '\0'; text++) {
        if (start && (*text == '.' || *text == '\'')) fputs("\\&", stdout);
        if (*text == '\\') {
            fputs("\\e", stdout);
        } else if (*text == '-') {
            fputs("\\-", stdout);
        } else if (start && *text == '\n') {
            fputs(".PP\n", stdout);
        } else {
            putchar(*text);
        }
        start = *text == '\n';
    }
    if (!start) putchar('\n');
}

static void print_man(const manual *about, const opt *options)
{
    printf(".TH STARLING-%s 1 \"\" \"starling %s\"\n.SH NAME\nstarling-%s \\- ", about->command, SL_VERSION,
           about->command);
    print_roff(about->summary);
    printf(".SH SYNOPSIS\n.B starling %s\n[options] ", about->command);
    print_roff(about->operands);
    printf(".SH DESCRIPTION\n");
    print_roff(about->text);
    printf(".SH OPTIONS\n");
    for (const opt *o = options; o->name != NULL; o++) {
        printf(".TP\n\\fB");
        if (o->letter != '\0') printf("\\-%c, ", o->letter);
        printf("\\-\\-%s\\fR%s%s\n", o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
        print_roff(o->help);
    }
    printf(".SH EXAMPLES\n.nf\n");
    print_roff(about->examples);
    printf(".fi\n.SH EXIT STATUS\n"
           "0 all well; 1 some alerts were refused or quarantined, under \\-\\-strict; 2 usage; "
           "3 cannot read or write; 4 internal.\n");
}

int opts_parse(const manual *about, const opt *options, int argc, char **argv, int *n_operands)
{
    bool ended = false;
    *n_operands = 0;
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        int code = OPTS_GO;
        if (ended || word[0] != '-' || word[1] == '\0') {
            argv[1 + (*n_operands)++] = word;
        } else if (strcmp(word, "--") == 0) {
            ended = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(about, options);
            return EXIT_WELL;
        } else if (strcmp(word, "--man") == 0) {
            print_man(about, options);
            return EXIT_WELL;
        } else if (word[1] == '-') {
            code = take_long(about, options, argv, argc, &i);
        } else {
            code = take_letters(about, options, argv, argc, &i);
        }
        if (code != OPTS_GO) return code;
    }
    return OPTS_GO;
}
