/* What all commands say alike. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

int say_failed(const char *command, const char *path, const sl_error *err)
{
    fprintf(stderr, "starling %s: %s%s%s\n", command, path != NULL ? path : "", path != NULL ? ": " : "", err->message);
    switch (err->status) {
    case SL_ERR_INVAL: return EXIT_USAGE;
    case SL_ERR_NOMEM: return EXIT_INTERNAL;
    case SL_ERR_INTERNAL:
        fprintf(stderr, "this is a fault of starling's (%s:%d): please report it\n", err->file, err->line);
        return EXIT_INTERNAL;
    default: return EXIT_IO;
    }
}

static int say_cannot_write(const char *command, const char *path)
{
    fprintf(stderr, "starling %s: cannot write %s: %s\n", command, strcmp(path, "-") == 0 ? "standard output" : path,
            strerror(errno));
    return EXIT_IO;
}

/* Everything up to the end, or NULL: errno tells why, but for what is over `most`. */
static unsigned char *read_to_end(FILE *f, size_t most, size_t *n)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    *n = 0;
    while (!feof(f) && !ferror(f) && *n < most) {
        if (*n == size) {
            size = size > 0 ? 2 * size : 1 << 20;
            unsigned char *more = realloc(bytes, size);
            if (more == NULL) break;
            bytes = more;
        }
        *n += fread(bytes + *n, 1, size - *n, f);
    }
    if (feof(f) && !ferror(f)) return bytes;
    free(bytes);
    return NULL;
}

unsigned char *read_in(const char *command, const char *path, size_t most, size_t *n)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
    *n = 0;
    unsigned char *bytes = f != NULL ? read_to_end(f, most, n) : NULL;
    if (bytes == NULL) {
        char size[32];
        const bool too_long = *n >= most;
        fprintf(stderr, "starling %s: cannot read %s: %s%s\n", command, path, too_long ? "over " : "",
                too_long ? show_bytes(most, size) : strerror(errno));
    }
    if (f != NULL && f != stdin) fclose(f);
    return bytes;
}

FILE *open_out(const char *command, const char *path)
{
    if (strcmp(path, "-") == 0) return stdout;
    FILE *out = fopen(path, "wbe");
    if (out == NULL) say_cannot_write(command, path);
    return out;
}

int close_out(const char *command, const char *path, FILE *out)
{
    const int failed = out == stdout ? fflush(out) : fclose(out);
    return failed != 0 ? say_cannot_write(command, path) : EXIT_WELL;
}

const char *show_count(uint64_t n, char to[32])
{
    char digits[32];
    const int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    char *at = to;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) *at++ = ' ';
        *at++ = digits[i];
    }
    *at = '\0';
    return to;
}

const char *show_bytes(uint64_t n, char to[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double size = (double)n;
    int unit = 0;
    for (; size >= 999.5 && unit < 4; unit++) size /= 1000;
    snprintf(to, 32, unit == 0 || size >= 99.95 ? "%.0f %s" : "%.1f %s", size, units[unit]);
    return to;
}
