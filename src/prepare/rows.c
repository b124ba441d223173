/* Light curves and views of some objects, fitted in one batch. */
#include "prepare/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "prepare/views.h"
#include "starling/gp.h"

enum { ATTEMPTS = 6 /* to draw a view that the contract takes */ };

/* What a light curve in the batch will be a row of. */
typedef struct planned {
    sl_dataset_row row;
    size_t object;
} planned;

struct sl_prepare_worker {
    sl_contract contract;
    sl_augment augment;
    bool raw_features;
    size_t input_floats, n_features;
    sl_lightcurve_buffer *buffer;
    sl_gp_batch *batch;
    sl_viewer *viewer; /* NULL without copies */
    planned *planned;  /* by index in the batch */
    size_t most;
};

sl_status sl_prepare_worker_new(const sl_prepare_options *options, size_t most, sl_prepare_worker **out, sl_error *err)
{
    *out = NULL;
    sl_prepare_worker *w = calloc(1, sizeof *w);
    if (w == NULL) return SL_FAIL_NOMEM(err);
    w->contract = *options->contract;
    w->augment = options->augment;
    w->raw_features = options->fit_features;
    w->input_floats = sl_contract_input_floats(&w->contract);
    w->n_features = sl_contract_input_features(&w->contract);
    w->most = most;
    sl_status status = sl_lightcurve_buffer_new(&w->buffer, err);
    if (status == SL_OK) status = sl_gp_batch_new(&w->contract, most, &w->batch, err);
    if (status == SL_OK && w->augment.copies > 0) status = sl_viewer_new(&w->contract, &w->viewer, err);
    w->planned = calloc(most, sizeof *w->planned);
    if (status == SL_OK && w->planned == NULL) status = SL_FAIL_NOMEM(err);
    if (status < 0) {
        sl_prepare_worker_free(w);
        w = NULL;
    }
    *out = w;
    return status;
}

void sl_prepare_worker_free(sl_prepare_worker *w)
{
    if (w == NULL) return;
    sl_lightcurve_buffer_free(w->buffer);
    sl_gp_batch_free(w->batch);
    sl_viewer_free(w->viewer);
    free(w->planned);
    free(w);
}

static bool is_refusal(sl_status status)
{
    return status == SL_ERR_CONTRACT || status == SL_ERR_NUMERIC;
}

/* Into the batch. A refusal is a status like any other here. */
static sl_status plan(sl_prepare_worker *w, const sl_prepare_item *item, size_t object, uint32_t copy,
                      const sl_alert *alert, sl_error *err)
{
    sl_lightcurve lc;
    SL_TRY(sl_lightcurve_build(&w->contract, alert, w->buffer, &lc, err));
    const size_t i = sl_gp_batch_count(w->batch);
    SL_TRY(sl_gp_batch_add(w->batch, &lc, err));
    w->planned[i] = (planned){.object = object,
                              .row = {.object_id = item->objects[object].alert.object_id,
                                      .copy = copy,
                                      .label = item->objects[object].label,
                                      .n_points = (uint32_t)lc.n,
                                      .days = sl_alert_days(alert),
                                      .redshift = lc.redshift,
                                      .redshift_error = lc.redshift_error}};
    return SL_OK;
}

static void refuse(sl_prepare_item *item, const sl_error *why)
{
    const bool told = why->reason != SL_REASON_NONE && !sl_reason_is_quarantine(why->reason);
    item->counts.refused++;
    item->counts.by_reason[told ? why->reason : SL_REASON_NUMERIC]++;
}

static sl_status plan_view(sl_prepare_worker *w, sl_prepare_item *item, size_t object, uint32_t copy, sl_error *err)
{
    sl_rng rng;
    sl_rng_init(&rng, w->augment.seed ^ sl_hash(item->objects[object].alert.object_id), copy);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        sl_alert view;
        sl_status status = sl_viewer_draw(w->viewer, &w->augment, &rng, &view, err);
        if (status == SL_OK) status = plan(w, item, object, copy, &view, err);
        if (status == SL_OK) return SL_OK;
        if (status != SL_DONE && !is_refusal(status)) return status;
    }
    item->counts.no_views++;
    return SL_OK;
}

static sl_status plan_object(sl_prepare_worker *w, sl_prepare_item *item, size_t object, sl_error *err)
{
    sl_error why;
    const sl_alert *alert = &item->objects[object].alert;
    const sl_status whole = plan(w, item, object, 0, alert, &why);
    if (is_refusal(whole)) {
        refuse(item, &why);
        return SL_OK;
    }
    if (whole < 0) {
        if (err != NULL) *err = why;
        return whole;
    }
    if (w->viewer == NULL) return SL_OK;
    SL_TRY(sl_viewer_begin(w->viewer, alert, err));
    for (uint32_t copy = 1; copy <= w->augment.copies; copy++) SL_TRY(plan_view(w, item, object, copy, err));
    return SL_OK;
}

static void take_row(const sl_prepare_worker *w, sl_prepare_item *item, size_t i, const float *input)
{
    const sl_dataset_row *row = &w->planned[i].row;
    float *to = item->inputs + item->n_rows * w->input_floats;
    memcpy(to, input, w->input_floats * sizeof *to);
    if (w->raw_features && w->n_features > 0) {
        memcpy(to + w->input_floats - w->n_features, sl_gp_batch_features(w->batch, i), w->n_features * sizeof *to);
    }
    item->rows[item->n_rows++] = *row;
    item->counts.rows++;
    if (row->label >= 0) item->counts.rows_of_class[row->label]++;
}

sl_status sl_prepare_worker_run(sl_prepare_worker *w, sl_prepare_item *item, sl_error *err)
{
    item->n_rows = 0;
    item->counts = (sl_prepare_counts){.objects = item->n_objects};
    sl_gp_batch_reset(w->batch);
    for (size_t i = 0; i < item->n_objects; i++) SL_TRY(plan_object(w, item, i, err));
    SL_TRY(sl_gp_batch_run(w->batch, err));
    size_t refused = SIZE_MAX; /* the object whose whole light curve could not be fitted, so that its views do not count */
    for (size_t i = 0; i < sl_gp_batch_count(w->batch); i++) {
        const float *input;
        sl_error why;
        const sl_status status = sl_gp_batch_result(w->batch, i, &input, NULL, &why);
        const planned *p = &w->planned[i];
        if (p->object == refused) continue;
        if (status == SL_OK) {
            take_row(w, item, i, input);
        } else if (!is_refusal(status)) {
            if (err != NULL) *err = why;
            return status;
        } else if (p->row.copy == 0) {
            refuse(item, &why);
            refused = p->object;
        } else {
            item->counts.no_views++;
        }
    }
    return SL_OK;
}
