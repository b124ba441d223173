/* Light curves and views of some objects, fitted in one batch. */
#include "prepare/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "prepare/views.h"
#include "starling/gp.h"

enum { ATTEMPTS = 6 /* to draw a view that the contract takes */ };
static const size_t NOWHERE = SIZE_MAX;

/* A row to be. */
typedef struct planned {
    sl_dataset_row row;
    size_t object;
    size_t at; /* of its light curve in the batch, or NOWHERE: a row of which nothing is known */
} planned;

struct sl_prepare_worker {
    sl_contract contract;
    sl_augment augment;
    bool raw_features, keep_refused;
    size_t input_floats, n_features;
    sl_lightcurve_buffer *buffer;
    sl_gp_batch *batch;
    sl_viewer *viewer; /* NULL without copies */
    planned *planned;  /* most; in the order of the rows */
    float *unknown;    /* an input, its features NaN where they are wanted raw */
    size_t n_planned, most;
};

sl_status sl_prepare_worker_new(const sl_prepare_options *options, size_t most, sl_prepare_worker **out, sl_error *err)
{
    *out = NULL;
    sl_prepare_worker *w = calloc(1, sizeof *w);
    if (w == NULL) return SL_FAIL_NOMEM(err);
    w->contract = *options->contract;
    w->augment = options->augment;
    w->raw_features = options->fit_features;
    w->keep_refused = options->keep_refused;
    w->input_floats = sl_contract_input_floats(&w->contract);
    w->n_features = sl_contract_input_features(&w->contract);
    w->most = most;
    sl_status status = sl_lightcurve_buffer_new(&w->buffer, err);
    if (status == SL_OK) status = sl_gp_batch_new(&w->contract, most, &w->batch, err);
    if (status == SL_OK && w->augment.copies > 0) status = sl_viewer_new(&w->contract, &w->viewer, err);
    w->planned = calloc(most, sizeof *w->planned);
    w->unknown = calloc(w->input_floats, sizeof *w->unknown);
    if (status == SL_OK && (w->planned == NULL || w->unknown == NULL)) status = SL_FAIL_NOMEM(err);
    for (size_t i = 0; status == SL_OK && w->raw_features && i < w->n_features; i++) {
        w->unknown[w->input_floats - 1 - i] = NAN;
    }
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
    free(w->unknown);
    free(w);
}

static bool is_refusal(sl_status status)
{
    return status == SL_ERR_CONTRACT || status == SL_ERR_NUMERIC;
}

/* What is known of an object's row without its light curve. */
static planned row_of(const sl_prepare_item *item, size_t object, uint32_t copy)
{
    const sl_alert *alert = &item->objects[object].alert;
    return (planned){.object = object,
                     .at = NOWHERE,
                     .row = {.object_id = alert->object_id,
                             .copy = copy,
                             .label = item->objects[object].label,
                             .days = NAN,
                             .redshift = alert->redshift,
                             .redshift_error = alert->redshift_error}};
}

/* Into the batch. A refusal is a status like any other here. */
static sl_status plan(sl_prepare_worker *w, const sl_prepare_item *item, size_t object, uint32_t copy,
                      const sl_alert *alert, sl_error *err)
{
    sl_lightcurve lc;
    SL_TRY(sl_lightcurve_build(&w->contract, alert, w->buffer, &lc, err));
    planned *p = &w->planned[w->n_planned];
    *p = row_of(item, object, copy);
    p->at = sl_gp_batch_count(w->batch);
    p->row.n_points = (uint32_t)lc.n;
    p->row.days = sl_alert_days(alert);
    p->row.redshift = lc.redshift;
    p->row.redshift_error = lc.redshift_error;
    SL_TRY(sl_gp_batch_add(w->batch, &lc, err));
    w->n_planned++;
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
        if (w->keep_refused) w->planned[w->n_planned++] = row_of(item, object, 0);
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

static void take_row(const sl_prepare_worker *w, sl_prepare_item *item, const planned *p, const float *input)
{
    const sl_dataset_row *row = &p->row;
    float *to = item->inputs + item->n_rows * w->input_floats;
    memcpy(to, input, w->input_floats * sizeof *to);
    if (w->raw_features && w->n_features > 0 && p->at != NOWHERE) {
        memcpy(to + w->input_floats - w->n_features, sl_gp_batch_features(w->batch, p->at), w->n_features * sizeof *to);
    }
    item->rows[item->n_rows++] = *row;
    item->counts.rows++;
    if (row->label >= 0) item->counts.rows_of_class[row->label]++;
}

sl_status sl_prepare_worker_run(sl_prepare_worker *w, sl_prepare_item *item, sl_error *err)
{
    item->n_rows = 0;
    item->counts = (sl_prepare_counts){.objects = item->n_objects};
    w->n_planned = 0;
    sl_gp_batch_reset(w->batch);
    for (size_t i = 0; i < item->n_objects; i++) SL_TRY(plan_object(w, item, i, err));
    SL_TRY(sl_gp_batch_run(w->batch, err));
    size_t refused = SIZE_MAX; /* the object whose whole light curve could not be fitted, so that its views do not count */
    for (size_t i = 0; i < w->n_planned; i++) {
        const planned *p = &w->planned[i];
        const float *input = w->unknown;
        sl_error why;
        if (p->object == refused) continue;
        const sl_status status = p->at != NOWHERE ? sl_gp_batch_result(w->batch, p->at, &input, NULL, &why) : SL_OK;
        if (status == SL_OK) {
            take_row(w, item, p, input);
        } else if (!is_refusal(status)) {
            if (err != NULL) *err = why;
            return status;
        } else if (p->row.copy == 0) {
            refuse(item, &why);
            refused = p->object;
            if (w->keep_refused) {
                const planned unknown = row_of(item, p->object, 0);
                take_row(w, item, &unknown, w->unknown);
            }
        } else {
            item->counts.no_views++;
        }
    }
    return SL_OK;
}
