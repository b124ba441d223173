/* What compression cost: both models on the same held-back objects. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "starling/answers.h"
#include "starling/compress.h"
#include "train/split.h"

static size_t argmax(const float *p, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        if (p[i] > p[best]) best = i;
    }
    return best;
}

static sl_scores_input scores_input(const sl_model *model, const sl_answers *a)
{
    return (sl_scores_input){.n = a->n, .n_classes = a->n_classes, .classes = sl_model_contract(model)->classes, .p = a->p,
                             .label = a->label};
}

/* Each class' log-loss of one model, less or more the other's. */
static sl_status add_classes(const sl_scores_input *input, double factor, sl_compress_loss *out, sl_scores *room, sl_error *err)
{
    static const sl_scores_options no_intervals = {0};
    SL_TRY(sl_scores_compute(input, &no_intervals, room, err));
    for (uint32_t c = 0; c < input->n_classes; c++) {
        out->of_class[c] += factor * room->of_class[c].figure[SL_CLASS_LOG_LOSS].value;
    }
    *(factor < 0 ? &out->before : &out->after) = room->figure[SL_FIGURE_LOG_LOSS].value;
    return SL_OK;
}

static sl_status compare(const sl_model *large, const sl_model *small, const sl_answers *a, const sl_answers *b,
                         const sl_scores_options *options, sl_compress_loss *out, sl_error *err)
{
    const sl_scores_input before = scores_input(large, a), after = scores_input(small, b);
    sl_scores *room = malloc(sizeof *room);
    if (room == NULL) return SL_FAIL_NOMEM(err);
    sl_difference difference[SL_N_FIGURES];
    sl_status status = add_classes(&before, -1, out, room, err);
    if (status == SL_OK) status = add_classes(&after, 1, out, room, err);
    if (status == SL_OK) status = sl_scores_compare(&after, &before, options, difference, err);
    free(room);
    if (status != SL_OK) return status;
    out->difference = difference[SL_FIGURE_LOG_LOSS];
    size_t same = 0;
    for (size_t i = 0; i < a->n; i++) {
        same += argmax(a->p + i * a->n_classes, a->n_classes) == argmax(b->p + i * b->n_classes, b->n_classes);
    }
    out->agreement = (double)same / (double)a->n;
    return SL_OK;
}

sl_status sl_compress_compare_across(const sl_model *large, const sl_dataset *large_data, const sl_model *small,
                                     const sl_dataset *small_data, const sl_train_options *train,
                                     const sl_scores_options *options, sl_compress_loss *out, sl_error *err)
{
    SL_REQUIRE(large != NULL && small != NULL && large_data != NULL && small_data != NULL && train != NULL, err);
    SL_REQUIRE(options != NULL && out != NULL, err);
    if (small_data != large_data && !sl_dataset_same_rows(large_data, small_data)) {
        return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NONE, "compress: the data sets have other rows");
    }
    sl_split split;
    SL_TRY(sl_split_make(large_data, train, &split, err));
    sl_answers a = {0}, b = {0};
    sl_status status = SL_OK;
    if (split.n_rows == 0) {
        status = SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NONE, "compress: no object is held back to compare on");
    }
    if (status == SL_OK) status = sl_answers_run(large, large_data, split.n_rows, split.rows, 0, train->threads, &a, err);
    if (status == SL_OK) status = sl_answers_run(small, small_data, split.n_rows, split.rows, 0, train->threads, &b, err);
    *out = (sl_compress_loss){.n = split.n_rows, .n_classes = a.n_classes};
    if (status == SL_OK && a.n_classes != b.n_classes) {
        status = SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NONE, "compress: the models have other classes");
    }
    if (status == SL_OK) status = compare(large, small, &a, &b, options, out, err);
    sl_answers_free(&a);
    sl_answers_free(&b);
    sl_split_release(&split);
    return status;
}

sl_status sl_compress_compare(const sl_model *large, const sl_model *small, const sl_dataset *data,
                              const sl_train_options *train, const sl_scores_options *options, sl_compress_loss *out,
                              sl_error *err)
{
    return sl_compress_compare_across(large, data, small, data, train, options, out, err);
}

bool sl_compress_within(const sl_compress_loss *loss, double budget)
{
    return loss->after <= loss->before * (1 + budget) || loss->difference.interval.low <= 0;
}
