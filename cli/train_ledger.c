/* The ledger: a line of JSON for each run, appended whole. */
#include "commands.h"
#include "json.h"
#include "ledger.h"
#include "train_run.h"

static void put_text(FILE *to, const char *name, const char *text)
{
    if (text != NULL) json_text(to, ", ", name, text);
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
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) ledger_number(to, numbers[i].name, numbers[i].x);
    put_text(to, "optimizer", optimizers[o->optimizer]);
    put_text(to, "schedule", schedules[o->schedule]);
    put_text(to, "novelty", sl_novelty_name(o->novelty));
    put_text(to, "init", t->init);
    put_text(to, "teachers", t->teachers);
    put_text(to, "soft", t->soft);
    put_text(to, "exclude", t->exclude);
    put_text(to, "only", t->only);
}

typedef struct told {
    const train_wishes *wishes;
    const sl_dataset *data;
    const sl_train_result *result;
} told;

static void put_line(FILE *to, const void *what)
{
    const told *run = what;
    const train_wishes *t = run->wishes;
    const sl_train_result *r = run->result;
    ledger_begin(to);
    put_text(to, "data", t->data);
    put_text(to, "data_id", sl_dataset_id(run->data));
    put_text(to, "model", t->out);
    sl_model *model;
    if (sl_model_open(t->out, &model, NULL) == SL_OK) {
        put_text(to, "model_id", sl_model_id(model));
        sl_model_close(model);
    }
    put_options(to, t);
    ledger_number(to, "n_train", (double)r->last.n_train);
    ledger_number(to, "n_validate", (double)r->last.n_validate);
    ledger_number(to, "parameters", (double)r->n_parameters);
    ledger_number(to, "epochs", r->last.epoch);
    ledger_number(to, "best_epoch", r->last.best_epoch);
    ledger_number(to, "log_loss", r->loss);
    ledger_number(to, "accuracy", r->accuracy);
    ledger_number(to, "f1", r->f1);
    ledger_number(to, "temperature", r->temperature);
    ledger_number(to, "train_loss", r->last.train_loss);
    ledger_number(to, "seconds", r->last.seconds);
    ledger_number(to, "objects_per_second", r->last.objects_per_second);
    fputs("}\n", to);
}

int train_write_ledger(const train_wishes *t, const sl_dataset *data, const sl_train_result *result)
{
    return ledger_append("train", t->ledger, put_line, &(told){t, data, result});
}
