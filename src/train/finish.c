#include "train/finish.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "train/answering.h"
#include "train/validate.h"

/* A model file in memory, and opened. */
typedef struct draft {
    void *bytes;
    size_t n_bytes;
    sl_model *model;
} draft;

static void tear_up(draft *d)
{
    sl_model_close(d->model);
    free(d->bytes);
    *d = (draft){0};
}

static sl_status write_draft(const sl_learner *l, const float *params, draft *d, sl_error *err)
{
    SL_TRY(sl_train_net_write(l->net, params, &d->bytes, &d->n_bytes, err));
    return sl_model_open_memory(d->bytes, d->n_bytes, &d->model, err);
}

/* Answers on the whole light curves of those that taught. */
static sl_status ask_taught(const sl_learner *l, const sl_model *model, const sl_dataset *data, const sl_split *split,
                            unsigned want, sl_answers *out, sl_error *err)
{
    size_t *rows = malloc((split->n_train + 1) * sizeof *rows);
    if (rows == NULL) return SL_FAIL_NOMEM(err);
    for (size_t i = 0; i < split->n_train; i++) rows[i] = sl_object_whole(data, &split->train[i]);
    const sl_status status = sl_answers_run_on(l->pool, model, data, split->n_train, rows, want, out, err);
    free(rows);
    return status;
}

/* The draft becomes a calibrated one. */
static sl_status calibrate(const sl_learner *l, const sl_dataset *data, const sl_split *split, const sl_train_options *o,
                           draft *d, double *temperature, sl_error *err)
{
    sl_model_info info;
    sl_model_describe(d->model, &info);
    const bool wide = info.last_width > 0 && info.last_width <= SL_MAX_NOVELTY_WIDTH;
    const bool distance = o->novelty != 0 && o->novelty != SL_NOVELTY_ENERGY;
    const sl_calibrate_options options = {
        .counting = o->prior > 0.5f ? SL_COUNT_SHARES : o->balance > 0.5f ? SL_COUNT_CLASSES : SL_COUNT_ROWS,
        .novelty = distance && !wide ? 0 : o->novelty,
        .temperature = o->temperature};
    sl_answers held = {0}, taught = {0};
    draft after = {0};
    const unsigned want = SL_ANSWERS_LOGITS | (wide ? SL_ANSWERS_LAST : 0u);
    const bool none_held = split->n_rows <= 1;
    sl_status status = none_held ? ask_taught(l, d->model, data, split, want, &held, err)
                                 : sl_answers_run_on(l->pool, d->model, data, split->n_rows, split->rows, want, &held, err);
    /* Where the classes lie before the last layer is learned from those that taught. */
    if (status == SL_OK && distance && wide && !none_held) {
        status = ask_taught(l, d->model, data, split, SL_ANSWERS_LAST, &taught, err);
    }
    if (status == SL_OK) {
        status = sl_model_calibrate(d->model, taught.n > 0 ? &taught : NULL, &held, &options, &after.bytes, &after.n_bytes,
                                    temperature, err);
    }
    if (status == SL_OK) status = sl_model_open_memory(after.bytes, after.n_bytes, &after.model, err);
    sl_answers_free(&held);
    sl_answers_free(&taught);
    tear_up(status == SL_OK ? d : &after);
    if (status == SL_OK) *d = after;
    return status;
}

static sl_status judge(const sl_learner *l, const sl_model *model, const sl_dataset *data, const sl_split *split,
                       sl_train_result *result, sl_error *err)
{
    sl_scores *scores = malloc(sizeof *scores);
    if (scores == NULL) return SL_FAIL_NOMEM(err);
    const sl_status status = sl_validate_model(l, model, data, split->n_rows, split->rows, scores, err);
    if (status == SL_OK) {
        result->loss = scores->figure[SL_FIGURE_LOG_LOSS].value;
        result->accuracy = scores->figure[SL_FIGURE_ACCURACY].value;
        result->f1 = scores->figure[SL_FIGURE_F1].value;
    }
    free(scores);
    return status;
}

sl_status sl_train_finish(const sl_learner *l, const float *params, const sl_dataset *data, const sl_split *split,
                          const sl_train_options *o, void **bytes, size_t *n_bytes, sl_train_result *result, sl_error *err)
{
    draft d = {0};
    result->loss = result->accuracy = result->f1 = NAN;
    result->temperature = 1;
    sl_status status = write_draft(l, params, &d, err);
    /* One row alone has neither a temperature nor a scale; one that taught tells no temperature. */
    if (status == SL_OK && o->calibrate && (split->n_rows > 1 || (o->temperature > 0 && split->n_train > 1))) {
        status = calibrate(l, data, split, o, &d, &result->temperature, err);
    }
    if (status == SL_OK && split->n_rows > 0) status = judge(l, d.model, data, split, result, err);
    if (status == SL_OK) {
        *bytes = d.bytes;
        *n_bytes = d.n_bytes;
        d.bytes = NULL;
    }
    tear_up(&d);
    return status;
}
