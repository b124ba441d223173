#include "compress_run.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "commands.h"
#include "ids.h"
#include "json.h"
#include "ledger.h"
#include "train_run.h"

const char *compress_steps(unsigned steps, char to[64])
{
    static const char *const names[] = {"prune", "cluster", "quantize", "code"};
    size_t n = 0;
    to[0] = '\0';
    for (int i = 0; i < 4; i++) {
        if ((steps >> i & 1) != 0) n += (size_t)snprintf(to + n, 64 - n, "%s%s", n > 0 ? "," : "", names[i]);
    }
    if (n == 0) snprintf(to, 64, "float32");
    return to;
}

/* ---- times ---- */

enum { OPENINGS = 41, ANSWERS = 401 };

/* From the file's name to a model, to its first answer, and an answer after that. */
int compress_measure(const char *path, compress_row *row)
{
    double open_us[OPENINGS], first_us[OPENINGS], run_us[ANSWERS];
    float p[SL_MAX_CLASSES];
    sl_error err;
    for (int i = 0; i < OPENINGS; i++) {
        sl_model *model = NULL;
        sl_runner *runner = NULL;
        const double start = bench_now_us();
        if (sl_model_open(path, &model, &err) < 0) return say_failed("compress", NULL, &err);
        open_us[i] = bench_now_us() - start;
        float *input = calloc(sl_contract_input_floats(sl_model_contract(model)), sizeof *input);
        const double begin = bench_now_us();
        sl_status status = input == NULL ? SL_ERR_NOMEM : sl_runner_new(model, &runner, &err);
        if (status == SL_OK) status = sl_runner_run(runner, 1, input, p, &err);
        first_us[i] = open_us[i] + bench_now_us() - begin;
        for (int k = 0; i + 1 == OPENINGS && status == SL_OK && k < ANSWERS; k++) {
            const double at = bench_now_us();
            status = sl_runner_run(runner, 1, input, p, &err);
            run_us[k] = bench_now_us() - at;
        }
        sl_runner_free(runner);
        sl_model_close(model);
        free(input);
        if (status != SL_OK) return say_failed("compress", path, &err);
    }
    row->open_us = bench_quantile(open_us, OPENINGS, 0.5);
    row->first_us = bench_quantile(first_us, OPENINGS, 0.5);
    row->run_us = bench_quantile(run_us, ANSWERS, 0.5);
    return EXIT_WELL;
}

/* ---- one model ---- */

typedef struct telling {
    const compress_wishes *wishes;
    char steps[64];
} telling;

static bool tell_epoch(void *user, const sl_train_progress *p)
{
    const telling *t = user;
    const bool terminal = isatty(STDERR_FILENO);
    if (p->teacher > 0 && !t->wishes->quiet && p->epoch == p->epochs) fprintf(stderr, "teacher %u/%u\n", p->teacher, p->teachers);
    if (t->wishes->quiet || p->teacher > 0 || (!terminal && p->epoch % 10 != 0 && p->epoch != p->epochs)) return true;
    fprintf(stderr, terminal ? "\r%s: epoch %u/%u  loss %.4f  held back %.4f, %.1f %% right  %.0f s left      "
                             : "%s: epoch %u/%u  loss %.4f  held back %.4f, %.1f %% right  %.0f s left\n",
            t->steps, p->epoch, p->epochs, p->train_loss, p->loss, 100 * p->accuracy, p->seconds_left);
    if (terminal && p->epoch == p->epochs) fputc('\n', stderr);
    return true;
}

int compress_once(const compress_run *run, const sl_model *from, const sl_compress_options *options, const char *path,
                  compress_row *row)
{
    telling t = {.wishes = run->wishes};
    sl_train_options train = run->train;
    sl_model *small;
    sl_error err;
    if (train.progress == NULL) {
        train.progress = tell_epoch;
        train.user = &t;
    }
    compress_steps(options->steps, t.steps);
    *row = (compress_row){.steps = options->steps};
    const bool to_train = run->data != NULL && !options->shaped && !run->wishes->no_tuning;
    const sl_dataset *own = run->small_data != NULL ? run->small_data : run->data;
    if (sl_compress(from, to_train ? own : NULL, options, &train, path, &row->result, &err) < 0) {
        return say_failed("compress", run->wishes->model, &err);
    }
    const int code = compress_measure(path, row);
    if (code != EXIT_WELL || run->data == NULL || train.folds == 0) return code;
    if (sl_model_open(path, &small, &err) < 0) return say_failed("compress", NULL, &err);
    const sl_scores_options draws = {.resamples = run->wishes->resamples, .seed = options->seed};
    const sl_status status = sl_compress_compare_across(run->model, run->data, small, own, &train, &draws, &row->loss, &err);
    sl_model_close(small);
    return status < 0 ? say_failed("compress", run->wishes->data, &err) : EXIT_WELL;
}

int compress_ask_teachers(compress_run *run, bool (*progress)(void *user, const sl_train_progress *p), void *user, float **soft)
{
    telling own = {.wishes = run->wishes, .steps = "teachers"};
    sl_train_options t = run->train;
    sl_error err;
    if (t.soft != NULL) return EXIT_WELL;
    t.progress = progress != NULL ? progress : tell_epoch;
    t.user = progress != NULL ? user : &own;
    if (sl_compress_teach(run->model, run->data, &t, soft, &err) < 0) return say_failed("compress", NULL, &err);
    run->train.soft = *soft;
    return EXIT_WELL;
}

static void tell_row(const compress_run *run, const compress_row *row)
{
    char before[32], after[32], steps[64];
    const sl_compress_result *r = &row->result;
    printf("%s: %s -> %s bytes, %.2f bits a parameter, %.1f %% of %zu weights are 0", compress_steps(row->steps, steps),
           show_count(r->bytes_before, before), show_count(r->bytes_after, after),
           8 * (double)r->bytes_after / (double)r->n_parameters, 100 * (double)r->n_zeros / (double)r->n_weights, r->n_weights);
    if (r->features_after != r->features_before) printf(", %u of %u features", r->features_after, r->features_before);
    if (r->units_after != r->units_before) printf(", %u of %u hidden units", r->units_after, r->units_before);
    if (r->heads_after != r->heads_before) printf(", %u of %u heads", r->heads_after, r->heads_before);
    printf("\nopened in %.0f us, first answer after %.0f us, then %.1f us an answer\n", row->open_us, row->first_us, row->run_us);
    if (row->loss.n == 0) return;
    const sl_compress_loss *l = &row->loss;
    printf("log-loss %.4f -> %.4f on %zu held-back objects: %+.4f, 95 %% within %+.4f .. %+.4f; %.1f %% same answers\n",
           l->before, l->after, l->n, l->difference.interval.value, l->difference.interval.low, l->difference.interval.high,
           100 * l->agreement);
    const sl_contract *contract = sl_model_contract(run->model);
    for (uint32_t c = 0; c < l->n_classes; c++) {
        if (isfinite(l->of_class[c])) printf("  %-12s %+.4f\n", contract->classes[c].name, l->of_class[c]);
    }
}

static int run_one(const compress_run *run)
{
    const compress_wishes *w = run->wishes;
    compress_row row;
    char *draft = malloc(strlen(w->out) + 8);
    if (draft == NULL) return EXIT_INTERNAL;
    sprintf(draft, "%s.draft", w->out);
    int code = compress_once(run, run->model, &w->options, draft, &row);
    const bool good = code == EXIT_WELL && (w->budget < 0 || sl_compress_within(&row.loss, w->budget));
    if (code == EXIT_WELL) {
        tell_row(run, &row);
        if (!good) {
            fprintf(stderr, "starling compress: over the budget of %g %%: %s is not written\n", 100 * w->budget, w->out);
            code = EXIT_SOME;
        } else if (rename(draft, w->out) != 0) {
            fprintf(stderr, "starling compress: cannot write %s: %s\n", w->out, strerror(errno));
            code = EXIT_IO;
        }
        const int told = w->ledger != NULL ? compress_write_ledger(run, &row, w->out, good) : EXIT_WELL;
        if (code == EXIT_WELL) code = told;
    }
    unlink(draft);
    free(draft);
    return code;
}

/* ---- the ledger ---- */

typedef struct told {
    const compress_run *run;
    const compress_row *row;
    const char *path;
    bool written;
} told;

static void put_network(FILE *to, const compress_run *run)
{
    const sl_net_size *n = &run->train.net;
    const sl_dataset *data = run->small_data != NULL ? run->small_data : run->data;
    const struct {
        const char *name;
        double x;
    } sizes[] = {{"width", n->width}, {"heads", n->heads}, {"hidden", n->hidden}, {"head", n->head[0]}, {"head2", n->head[1]},
                 {"steps_of_input", sl_contract_input_steps(sl_dataset_contract(data))}};
    json_text(to, ", ", "net", n->name);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) ledger_number(to, sizes[i].name, sizes[i].x);
}

static void put_line(FILE *to, const void *what)
{
    const told *t = what;
    const compress_run *run = t->run;
    const compress_row *row = t->row;
    char steps[64];
    const sl_compress_options *o = &run->wishes->options;
    const sl_compress_result *r = &row->result;
    ledger_begin(to);
    json_text(to, ", ", "model", run->wishes->model);
    json_text(to, ", ", "model_id", sl_model_id(run->model));
    if (run->data != NULL) json_text(to, ", ", "data_id", sl_dataset_id(run->data));
    json_text(to, ", ", "out", t->path);
    json_text(to, ", ", "steps", compress_steps(row->steps, steps));
    const struct {
        const char *name;
        double x;
    } numbers[] = {
        {"seed", (double)o->seed}, {"sparsity", (double)o->sparsity}, {"features", o->features}, {"clusters", o->clusters},
        {"clusters_first", o->clusters_first}, {"clusters_vector", o->clusters_vector}, {"price", (double)o->price},
        {"bits", o->bits}, {"student", o->student}, {"epochs", run->train.epochs}, {"batch", run->train.batch},
        {"rate", (double)run->train.rate}, {"decay", (double)run->train.decay}, {"dropout", (double)run->train.drop_head},
        {"soft_share", (double)run->train.soft_share}, {"folds", run->train.folds}, {"fold", run->train.fold},
        {"bytes_before", (double)r->bytes_before}, {"bytes", (double)r->bytes_after}, {"parameters", (double)r->n_parameters},
        {"weights", (double)r->n_weights}, {"zeros", (double)r->n_zeros}, {"features_left", r->features_after},
        {"units_before", r->units_before}, {"units_left", r->units_after}, {"heads_before", r->heads_before}, {"heads_left", r->heads_after},
        {"open_us", row->open_us}, {"first_us", row->first_us}, {"run_us", row->run_us},
        {"seconds", r->trained ? r->train.last.seconds : 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) ledger_number(to, numbers[i].name, numbers[i].x);
    if (o->student || run->trial > 0) put_network(to, run);
    if (run->trial > 0) {
        ledger_number(to, "trial", run->trial);
        ledger_number(to, "round", run->round);
    }
    if (row->loss.n > 0) {
        ledger_number(to, "objects", (double)row->loss.n);
        ledger_number(to, "log_loss_before", row->loss.before);
        ledger_number(to, "log_loss", row->loss.after);
        ledger_number(to, "low", row->loss.difference.interval.low);
        ledger_number(to, "high", row->loss.difference.interval.high);
        ledger_number(to, "agreement", row->loss.agreement);
    }
    fprintf(to, ", \"written\": %s}\n", t->written ? "true" : "false");
}

int compress_write_ledger(const compress_run *run, const compress_row *row, const char *path, bool written)
{
    return ledger_append("compress", run->wishes->ledger, put_line, &(told){run, row, path, written});
}

/* ---- all ---- */

static int run_on_data(compress_run *run)
{
    const compress_wishes *w = run->wishes;
    bool *leave_out = NULL;
    float *soft = NULL;
    sl_error err;
    if (sl_dataset_open(w->data, &run->data, &err) < 0) return say_failed("compress", NULL, &err);
    int code = ids_choose("compress", w->exclude, w->only, run->data, &leave_out);
    if (code == EXIT_WELL && w->teachers != NULL) code = train_ask_teachers("compress", w->teachers, run->data, &soft);
    run->train.leave_out = leave_out;
    run->train.soft = soft;
    if (code == EXIT_WELL) code = w->search ? compress_search(run) : w->table ? compress_table(run) : run_one(run);
    sl_dataset_close(run->data);
    free(leave_out);
    free(soft);
    return code;
}

int compress_run_all(compress_wishes *w)
{
    models found;
    int code = open_models("compress", w->model, &found);
    if (code == EXIT_WELL) {
        compress_run run = {.wishes = w, .model = found.model[0], .train = w->train};
        code = w->data != NULL ? run_on_data(&run) : w->table ? compress_table(&run) : run_one(&run);
    }
    close_models(&found);
    return code;
}
