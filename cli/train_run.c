#include "train_run.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "ids.h"

/* ---- words from a file ---- */

/* "name = value" to "--name=value", in place; NULL for an empty line. */
static char *to_word(char *line, char *to)
{
    line[strcspn(line, "#\r")] = '\0';
    char *name = line + strspn(line, " \t"), *equals = strchr(name, '=');
    if (*name == '\0') return NULL;
    char *value = equals != NULL ? equals + 1 + strspn(equals + 1, " \t") : NULL;
    if (equals != NULL) *equals = '\0';
    for (size_t n = strlen(name); n > 0 && strchr(" \t", name[n - 1]) != NULL; n--) name[n - 1] = '\0';
    if (value != NULL) {
        for (size_t n = strlen(value); n > 0 && strchr(" \t", value[n - 1]) != NULL; n--) value[n - 1] = '\0';
    }
    const int length = sprintf(to, "--%s%s%s", name, value != NULL ? "=" : "", value != NULL ? value : "");
    return to + length + 1;
}

int train_read_config(const char *path, int *argc, char **argv, char ***words, char **text)
{
    enum { MOST = 1 << 16 };
    size_t n_bytes, lines = 1;
    unsigned char *raw = read_in("train", path, MOST, &n_bytes);
    if (raw == NULL) return EXIT_IO;
    for (size_t i = 0; i < n_bytes; i++) lines += raw[i] == '\n';
    char *line = malloc(n_bytes + 1), *to = *text = malloc(n_bytes + 4 * lines + 1);
    *words = malloc((lines + (size_t)*argc + 1) * sizeof **words);
    const bool room = line != NULL && *text != NULL && *words != NULL;
    int n = 0;
    for (size_t at = 0; room && at <= n_bytes; at++) {
        if (n == 0) (*words)[n++] = argv[0];
        size_t length = 0;
        while (at < n_bytes && raw[at] != '\n') line[length++] = (char)raw[at++];
        line[length] = '\0';
        char *behind = to_word(line, to);
        if (behind == NULL) continue;
        (*words)[n++] = to;
        to = behind;
    }
    for (int i = 1; room && i < *argc; i++) (*words)[n++] = argv[i];
    if (room) (*words)[n] = NULL;
    *argc = n;
    free(line);
    free(raw);
    if (room) return EXIT_WELL;
    fprintf(stderr, "starling train: out of memory\n");
    return EXIT_INTERNAL;
}

/* ---- progress ---- */

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* One line an epoch; on a terminal it writes over itself. */
static bool tell_epoch(void *user, const sl_train_progress *p)
{
    const train_wishes *t = user;
    if (t->quiet) return !interrupted;
    const bool terminal = isatty(STDERR_FILENO);
    char line[200];
    int n = p->teacher > 0 ? snprintf(line, sizeof line, "teacher %u/%u  ", p->teacher, p->teachers) : 0;
    n += snprintf(line + n, sizeof line - (size_t)n, "epoch %u/%u  loss %.4f", p->epoch, p->epochs, p->train_loss);
    if (!isnan(p->loss)) {
        n += snprintf(line + n, sizeof line - (size_t)n, "  validation %.4f (best %.4f in %u), %.1f %% right", p->loss,
                      p->best_loss, p->best_epoch, 100 * p->accuracy);
    }
    n += snprintf(line + n, sizeof line - (size_t)n, "  %.0f objects/s, %.0f s left", p->objects_per_second,
                  p->seconds_left);
    fprintf(stderr, terminal ? "\r%-110s" : "%s\n", line);
    return !interrupted;
}

static void tell_end(const train_wishes *t, const sl_train_result *r)
{
    char count[32];
    if (isatty(STDERR_FILENO)) fputc('\n', stderr);
    fprintf(stderr, "%s: %s, %s parameters, %u epochs in %.1f s", t->out, t->options.net.name,
            show_count(r->n_parameters, count), r->last.epoch, r->last.seconds);
    if (!isnan(r->loss)) {
        fprintf(stderr, "; best in epoch %u: log-loss %.4f, %.1f %% right, F1 %.3f, temperature %.3f",
                r->last.best_epoch, r->loss, 100 * r->accuracy, r->f1, r->temperature);
    }
    fputc('\n', stderr);
}

/* ---- the run ---- */

static int run_on(train_wishes *t, const sl_dataset *data)
{
    sl_train_options *o = &t->options;
    sl_train_result result;
    sl_error err;
    bool *leave_out = NULL;
    float *soft = NULL;
    sl_model *init = NULL;
    int code = ids_choose("train", t->exclude, t->only, data, &leave_out);
    if (code == EXIT_WELL && t->teachers != NULL) code = train_ask_teachers("train", t->teachers, data, &soft);
    if (code == EXIT_WELL && t->soft != NULL && soft == NULL) code = train_read_soft(t->soft, data, &soft);
    if (code == EXIT_WELL && t->init != NULL && open_model(t->init, &init, &err) < 0) {
        code = say_failed("train", NULL, &err);
    }
    o->leave_out = leave_out;
    o->soft = soft;
    o->init = init;
    o->progress = tell_epoch;
    o->user = t;
    const sl_status status = code == EXIT_WELL ? sl_train(data, o, t->out, &result, &err) : SL_OK;
    if (status < 0) {
        code = say_failed("train", t->data, &err);
    } else if (status == SL_DONE) {
        fprintf(stderr, "\nstarling train: ended while teachers were learning; nothing is written\n");
        code = EXIT_SOME;
    } else if (code == EXIT_WELL) {
        if (!t->quiet) tell_end(t, &result);
        if (t->ledger != NULL) code = train_write_ledger(t, data, &result);
    }
    sl_model_close(init);
    free(leave_out);
    free(soft);
    return code;
}

int train_run(train_wishes *t)
{
    sl_dataset *data;
    sl_error err;
    if (sl_dataset_open(t->data, &data, &err) < 0) return say_failed("train", NULL, &err);
    const struct sigaction stop = {.sa_handler = interrupt, .sa_flags = SA_RESETHAND};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    const int code = run_on(t, data);
    sl_dataset_close(data);
    return code;
}
