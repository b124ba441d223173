#include "train/validate.h"

#include <stdlib.h>

#include "base/error.h"
#include "train/answering.h"

sl_status sl_validate_model(const sl_learner *l, const sl_model *model, const sl_dataset *data, size_t n,
                            const size_t *rows, sl_scores *out, sl_error *err)
{
    const sl_contract *contract = sl_dataset_contract(data);
    static const sl_scores_options no_intervals = {0};
    sl_answers answers;
    sl_status status = sl_answers_run_on(l->pool, model, data, n, rows, 0, &answers, err);
    const sl_scores_input input = {.n = n, .n_classes = contract->n_classes, .classes = contract->classes,
                                   .p = answers.p, .label = answers.label};
    if (status == SL_OK) status = sl_scores_compute(&input, &no_intervals, out, err);
    sl_answers_free(&answers);
    return status;
}

sl_status sl_validate(const sl_learner *l, const float *params, const sl_dataset *data, size_t n, const size_t *rows,
                      sl_scores *out, sl_error *err)
{
    void *bytes = NULL;
    sl_model *model = NULL;
    size_t n_bytes;
    sl_status status = sl_train_net_write(l->net, params, &bytes, &n_bytes, err);
    if (status == SL_OK) status = sl_model_open_memory(bytes, n_bytes, &model, err);
    if (status == SL_OK) status = sl_validate_model(l, model, data, n, rows, out, err);
    sl_model_close(model);
    free(bytes);
    return status;
}
