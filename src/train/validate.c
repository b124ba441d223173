#include "train/validate.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/model_write.h"

enum { CHUNK = 16 /* rows that a thread takes at a time */ };

typedef struct examination {
    const sl_dataset *data;
    size_t n, n_classes, input_floats;
    const size_t *rows;
    float *p, *inputs; /* n x classes; an input a thread, for unpacking */
    uint8_t *labels;
    sl_runner **runners; /* one a thread */
    sl_status *statuses;
    sl_error *errors;
    size_t threads;
    void *bytes; /* the model */
    sl_model *model;
    sl_tensor *tensors;
} examination;

static void examine_chunk(void *user, size_t worker, size_t chunk)
{
    examination *e = user;
    const size_t stop = (chunk + 1) * CHUNK < e->n ? (chunk + 1) * CHUNK : e->n;
    for (size_t i = chunk * CHUNK; i < stop && e->statuses[worker] == SL_OK; i++) {
        const float *input = sl_dataset_input(e->data, e->rows[i], e->inputs + worker * e->input_floats);
        e->statuses[worker] = sl_runner_run(e->runners[worker], 1, input, e->p + i * e->n_classes, &e->errors[worker]);
    }
}

static sl_status prepare(examination *e, const sl_learner *l, const float *params, sl_error *err)
{
    e->p = calloc(e->n + 1, e->n_classes * sizeof *e->p);
    e->labels = calloc(e->n + 1, 1);
    e->inputs = calloc(e->threads, e->input_floats * sizeof *e->inputs);
    e->runners = calloc(e->threads, sizeof(sl_runner *));
    e->statuses = calloc(e->threads, sizeof *e->statuses);
    e->errors = calloc(e->threads, sizeof *e->errors);
    e->tensors = calloc(l->net->parts.n_tensors + 1, sizeof *e->tensors);
    if (e->p == NULL || e->labels == NULL || e->inputs == NULL || e->runners == NULL || e->statuses == NULL ||
        e->errors == NULL || e->tensors == NULL) {
        return SL_FAIL_NOMEM(err);
    }
    const sl_model_parts parts = sl_train_net_parts(l->net, params, e->tensors);
    size_t n_bytes;
    SL_TRY(sl_model_write_memory(&parts, &e->bytes, &n_bytes, err));
    SL_TRY(sl_model_open_memory(e->bytes, n_bytes, &e->model, err));
    for (size_t i = 0; i < e->threads; i++) SL_TRY(sl_runner_new(e->model, &e->runners[i], err));
    for (size_t i = 0; i < e->n; i++) {
        sl_dataset_row row;
        sl_dataset_get(e->data, e->rows[i], &row);
        e->labels[i] = (uint8_t)row.label;
    }
    return SL_OK;
}

static sl_status examine(examination *e, const sl_learner *l, sl_scores *out, sl_error *err)
{
    sl_pool_run(l->pool, (e->n + CHUNK - 1) / CHUNK, examine_chunk, e);
    for (size_t i = 0; i < e->threads; i++) {
        if (e->statuses[i] == SL_OK) continue;
        if (err != NULL) *err = e->errors[i];
        return e->statuses[i];
    }
    const sl_contract *contract = sl_dataset_contract(e->data);
    const sl_scores_input input = {.n = e->n, .n_classes = contract->n_classes, .classes = contract->classes, .p = e->p,
                                   .label = e->labels};
    static const sl_scores_options no_intervals = {0};
    return sl_scores_compute(&input, &no_intervals, out, err);
}

static void release(examination *e)
{
    for (size_t i = 0; e->runners != NULL && i < e->threads; i++) sl_runner_free(e->runners[i]);
    sl_model_close(e->model);
    free(e->bytes);
    free(e->p);
    free(e->labels);
    free(e->inputs);
    free(e->runners);
    free(e->statuses);
    free(e->errors);
    free(e->tensors);
}

sl_status sl_validate(const sl_learner *learner, const float *params, const sl_dataset *data, size_t n,
                      const size_t *rows, sl_scores *out, sl_error *err)
{
    examination e = {.data = data, .n = n, .rows = rows, .n_classes = learner->net->network.n_classes,
                     .input_floats = learner->net->network.input_floats, .threads = sl_pool_threads(learner->pool)};
    sl_status status = prepare(&e, learner, params, err);
    if (status == SL_OK) status = examine(&e, learner, out, err);
    release(&e);
    return status;
}
