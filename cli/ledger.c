#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "json.h"

void ledger_begin(FILE *to)
{
    char when[32];
    const time_t now = time(NULL);
    struct tm utc;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    json_text(to, "{", "time", when);
    json_text(to, ", ", "version", sl_version());
    json_text(to, ", ", "cpu", sl_runner_cpu());
}

void ledger_number(FILE *to, const char *name, double x)
{
    json_number(to, ", ", name, x, 9);
}

int ledger_append(const char *command, const char *path, void (*tell)(FILE *to, const void *what), const void *what)
{
    char *line = NULL;
    size_t n = 0;
    FILE *memory = open_memstream(&line, &n);
    if (memory == NULL) return EXIT_INTERNAL;
    tell(memory, what);
    fclose(memory);
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const bool good = fd >= 0 && write(fd, line, n) == (ssize_t)n;
    if (!good) fprintf(stderr, "starling %s: cannot write %s: %s\n", command, path, strerror(errno));
    if (fd >= 0) close(fd);
    free(line);
    return good ? EXIT_WELL : EXIT_IO;
}
