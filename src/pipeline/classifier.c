/* One alert at a time: light curve, grid, network, answer. */
#include <stdlib.h>

#include "base/error.h"
#include "pipeline/classifier.h"
#include "pipeline/records.h"

struct sl_classifier {
    const sl_model *model;
    const sl_contract *contract;
    sl_alert_decoder *decoder;
    sl_lightcurve_buffer *points;
    sl_gp *gp;
    sl_runner *runner;
    float *input; /* steps x channels */
    float *p;     /* n_classes */
    sl_error why; /* keeps the message that a result's detail borrows */
};

sl_status sl_classifier_new(const sl_model *model, sl_classifier **out, sl_error *err)
{
    SL_REQUIRE(model != NULL && out != NULL, err);
    sl_classifier *c = calloc(1, sizeof *c);
    if (c == NULL) return SL_FAIL_NOMEM(err);
    c->model = model;
    c->contract = sl_model_contract(model);
    const size_t steps = sl_contract_input_steps(c->contract), channels = sl_contract_input_channels(c->contract);
    sl_status status = SL_OK;
    if ((status = sl_alert_decoder_new(&c->decoder, err)) < 0) goto out;
    if ((status = sl_lightcurve_buffer_new(&c->points, err)) < 0) goto out;
    if ((status = sl_gp_new(&c->gp, err)) < 0) goto out;
    if ((status = sl_runner_new(model, &c->runner, err)) < 0) goto out;
    c->input = calloc(steps * channels, sizeof *c->input);
    c->p = calloc(c->contract->n_classes, sizeof *c->p);
    if (c->input == NULL || c->p == NULL) status = SL_FAIL_NOMEM(err);
out:
    if (status < 0) {
        sl_classifier_free(c);
        c = NULL;
    }
    *out = c;
    return status;
}

void sl_classifier_free(sl_classifier *c)
{
    if (c == NULL) return;
    sl_alert_decoder_free(c->decoder);
    sl_lightcurve_buffer_free(c->points);
    sl_gp_free(c->gp);
    sl_runner_free(c->runner);
    free(c->input);
    free(c->p);
    free(c);
}

sl_status sl_classifier_schemas(sl_classifier *c, const char *folder, sl_error *err)
{
    SL_REQUIRE(c != NULL && folder != NULL, err);
    return sl_alert_decoder_load_schemas(c->decoder, folder, err);
}

void sl_classifier_share_schemas(sl_classifier *c, const sl_classifier *from)
{
    sl_alert_decoder_share_schemas(c->decoder, from->decoder);
}

/* The first of the highest. */
static int best_class(const float *p, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++) {
        if (p[k] > p[best]) best = k;
    }
    return (int)best;
}

/* From the alert to c->p, as far as it goes; what the light curve is stands in `out` either way. */
static sl_status answer(sl_classifier *c, const sl_alert *alert, sl_result *out)
{
    sl_lightcurve lc = {0};
    const sl_status built = sl_lightcurve_build(c->contract, alert, c->points, &lc, &c->why);
    out->n_points = lc.n;
    out->bands = lc.bands_present;
    SL_TRY(built);
    SL_TRY(sl_gp_grid(c->gp, c->contract, &lc, c->input, NULL, &out->gp, &c->why));
    return sl_runner_run(c->runner, 1, c->input, c->p, &c->why);
}

sl_status sl_classifier_alert(sl_classifier *c, const sl_alert *alert, sl_result *out, sl_error *err)
{
    SL_REQUIRE(c != NULL && alert != NULL && out != NULL, err);
    *out = (sl_result){
        .n_records = 1,
        .alert_id = alert->alert_id,
        .object_id = alert->object_id,
        .alert_number = alert->alert_number,
        .source_number = alert->source_number,
        .publish_time_ms = alert->publish_time_ms,
        .best = -1,
        .n_classes = c->contract->n_classes,
    };
    const sl_status status = answer(c, alert, out);
    if (status == SL_OK) {
        out->outcome = SL_CLASSIFIED;
        out->p = c->p;
        out->best = best_class(c->p, out->n_classes);
        return SL_OK;
    }
    if (status != SL_ERR_CONTRACT && status != SL_ERR_NUMERIC) {
        if (err != NULL) *err = c->why;
        return status;
    }
    const sl_reason reason = c->why.reason;
    out->outcome = SL_REFUSED;
    out->reason = reason == SL_REASON_NONE || sl_reason_is_quarantine(reason) ? SL_REASON_NUMERIC : reason;
    out->detail = c->why.message;
    return SL_OK;
}

sl_alert_decoder *sl_classifier_decoder(sl_classifier *c)
{
    return c->decoder;
}

sl_result sl_result_quarantined(const sl_contract *contract, sl_reason reason, size_t n, const char *message)
{
    return (sl_result){
        .outcome = SL_QUARANTINED,
        .reason = reason,
        .n_records = n,
        .best = -1,
        .n_classes = contract->n_classes,
        .detail = message,
    };
}

/* What sl_classifier_bytes hands through the decoder. */
typedef struct on_record_user {
    sl_classifier *classifier;
    sl_result_fn fn;
    void *user;
    sl_error *err;
} on_record_user;

static sl_status on_record(void *user, sl_status status, const sl_alert *alert, size_t n, const sl_error *why)
{
    const on_record_user *u = user;
    sl_result result;
    if (status == SL_OK) {
        SL_TRY(sl_classifier_alert(u->classifier, alert, &result, u->err));
    } else {
        result = sl_result_quarantined(u->classifier->contract, sl_record_reason(why), n, why->message);
    }
    return u->fn(u->user, &result);
}

sl_status sl_classifier_bytes(sl_classifier *c, const void *bytes, size_t n_bytes, sl_result_fn fn, void *user,
                              sl_error *err)
{
    SL_REQUIRE(c != NULL && fn != NULL && (bytes != NULL || n_bytes == 0), err);
    on_record_user u = {c, fn, user, err};
    return sl_alert_decode(c->decoder, bytes, n_bytes, on_record, &u, err);
}
