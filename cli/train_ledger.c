/* The ledger: a line of JSON for each run, appended whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "json.h"
#include "train_run.h"

static void put_text(FILE *to, const char *name, const char *text)
{
    if (text != NULL) json_text(to, ", ", name, text);
}

static void put_number(FILE *to, const char *name, double x)
{
    json_number(to, ", ", name, x, 9); /* as many as a float needs */
}

static void put_options(FILE *to, const train_wishes *t)
{
    const sl_train_options *o = &t->options;
    static const char *const optimizers[] = {"adamw", "adam"}, *const schedules[] = {"cosine", "plateau", "constant"};
    put_text(to, "net", o->net.name);
    const struct number {
        const char *name;
        double x;
    } numbers[] = {
        {"width", o->net.width}, {"heads", o->net.heads}, {"hidden", o->net.hidden}, {"blocks", o->net.blocks},
        {"kernel", o->net.kernel}, {"head", o->net.head[0]}, {"head2", o->net.head[1]},
        {"silu", o->net.silu}, {"norm", o->net.norm}, {"tile", o->net.tile}, {"folds", o->folds}, {"fold", o->fold},
        {"views", o->views}, {"prior", (double)o->prior}, {"balance", (double)o->balance}, {"smoothing", (double)o->smoothing},
        {"soft_share", (double)o->soft_share}, {"soft_temperature", (double)o->soft_temperature},
        {"teach", o->teach}, {"teach_epochs", o->teach_epochs}, {"teach_dropout", (double)o->teach_drop_head},
        {"rate", (double)o->rate}, {"decay", (double)o->decay}, {"clip", (double)o->clip}, {"warmup", (double)o->warmup},
        {"average", (double)o->average}, {"dropout", (double)o->drop_head},
        {"encoder_dropout", (double)o->drop_encoder}, {"max_epochs", o->epochs}, {"batch", o->batch},
        {"patience", o->patience}, {"seed", (double)o->seed}, {"calibrate", o->calibrate},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) put_number(to, numbers[i].name, numbers[i].x);
    put_text(to, "optimizer", optimizers[o->optimizer]);
    put_text(to, "schedule", schedules[o->schedule]);
    put_text(to, "novelty", sl_novelty_name(o->novelty));
    put_text(to, "init", t->init);
    put_text(to, "teachers", t->teachers);
    put_text(to, "soft", t->soft);
    put_text(to, "exclude", t->exclude);
    put_text(to, "only", t->only);
}

static void put_line(FILE *to, const train_wishes *t, const sl_dataset *data, const sl_train_result *r)
{
    char when[32];
    const time_t now = time(NULL);
    struct tm utc;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    json_text(to, "{", "time", when);
    put_text(to, "version", sl_version());
    put_text(to, "cpu", sl_runner_cpu());
    put_text(to, "data", t->data);
    put_text(to, "data_id", sl_dataset_id(data));
    put_text(to, "model", t->out);
    sl_model *model;
    if (sl_model_open(t->out, &model, NULL) == SL_OK) {
        put_text(to, "model_id", sl_model_id(model));
        sl_model_close(model);
    }
    put_options(to, t);
    put_number(to, "n_train", (double)r->last.n_train);
    put_number(to, "n_validate", (double)r->last.n_validate);
    put_number(to, "parameters", (double)r->n_parameters);
    put_number(to, "epochs", r->last.epoch);
    put_number(to, "best_epoch", r->last.best_epoch);
    put_number(to, "log_loss", r->loss);
    put_number(to, "accuracy", r->accuracy);
    put_number(to, "f1", r->f1);
    put_number(to, "temperature", r->temperature);
    put_number(to, "train_loss", r->last.train_loss);
    put_number(to, "seconds", r->last.seconds);
    put_number(to, "objects_per_second", r->last.objects_per_second);
    fputs("}\n", to);
}

int train_write_ledger(const train_wishes *t, const sl_dataset *data, const sl_train_result *result)
{
    char *line = NULL;
    size_t n = 0;
    FILE *memory = open_memstream(&line, &n);
    if (memory == NULL) return EXIT_INTERNAL;
    put_line(memory, t, data, result);
    fclose(memory);
    /* One write: lines of runs that end together do not mix. */
    const int fd = open(t->ledger, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const bool good = fd >= 0 && write(fd, line, n) == (ssize_t)n;
    if (!good) fprintf(stderr, "starling train: cannot write %s: %s\n", t->ledger, strerror(errno));
    if (fd >= 0) close(fd);
    free(line);
    return good ? EXIT_WELL : EXIT_IO;
}
