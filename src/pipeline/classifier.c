/*
 * From alerts to answers, a batch at a time: light curves are built as alerts
 * come, then the Gaussian processes of all are fitted side by side, then the
 * network runs on all, then the results are told in the order they came in.
 * One alert is a batch of one; how alerts are put into batches changes no
 * answer.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "pipeline/classifier.h"
#include "pipeline/models.h"
#include "pipeline/records.h"

enum {
    BATCH = 64,
    MUCH_TEXT = 1 << 20 /* bytes of ids and messages that are enough for a batch */
};
static const size_t max_text = (size_t)1 << 30; /* an id of whoever calls has no other bound */

/* What goes to one of the models. */
typedef struct route {
    const sl_model *model;
    const sl_contract *contract;
    sl_runner *runner;
    sl_gp_batch *gp;   /* of those results that have a light curve */
    uint8_t of[BATCH]; /* by light curve: the result */
    float *p;          /* BATCH x n_classes, by light curve; the batch's novelties behind it, where the model has any */
    bool has_novelty;
    bool every_epoch;  /* wanted, and the network can */
    float *step_p;     /* BATCH x input steps x n_classes, by light curve; NULL unless every_epoch */
    double *step_mjd;  /* BATCH x input steps */
    size_t n_steps[BATCH]; /* that have a time */
} route;

struct sl_classifier {
    sl_alert_decoder *decoder;
    sl_lightcurve_buffer *points;
    size_t n_routes;
    route routes[SL_MAX_MODELS];
    /* the batch */
    size_t n, n_text;   /* results, and bytes of their texts */
    sl_result *results; /* BATCH */
    sl_arena text;      /* what the results' texts borrow from */
};

/* The memory of a route, when it is first needed. What a call that fails has taken stays for the next, or _free. */
static sl_status open_route(route *r, sl_error *err)
{
    if (r->p != NULL) return SL_OK;
    if (r->gp == NULL) SL_TRY(sl_gp_batch_new(r->contract, BATCH, &r->gp, err));
    if (r->runner == NULL) SL_TRY(sl_runner_new(r->model, &r->runner, err));
    sl_model_info info;
    sl_model_describe(r->model, &info);
    r->has_novelty = info.novelty != 0;
    const size_t steps = r->every_epoch ? info.input_steps : 0;
    if (r->step_p == NULL && steps > 0) r->step_p = calloc(BATCH * steps, r->contract->n_classes * sizeof *r->step_p);
    if (r->step_mjd == NULL && steps > 0) r->step_mjd = calloc(BATCH * steps, sizeof *r->step_mjd);
    if (steps > 0 && (r->step_p == NULL || r->step_mjd == NULL)) return SL_FAIL_NOMEM(err);
    r->p = calloc(BATCH * ((size_t)r->contract->n_classes + r->has_novelty), sizeof *r->p);
    return r->p == NULL ? SL_FAIL_NOMEM(err) : SL_OK;
}

sl_status sl_classifier_every_epoch(sl_classifier *c, sl_error *err)
{
    SL_REQUIRE(c != NULL && c->n == 0, err);
    bool any = false;
    for (size_t i = 0; i < c->n_routes; i++) {
        route *r = &c->routes[i];
        sl_model_info info;
        sl_model_describe(r->model, &info);
        r->every_epoch = info.answers_every_step;
        any = any || r->every_epoch;
        if (!r->every_epoch || r->p == NULL) continue;
        free(r->p); /* a route that is open takes its memory anew */
        r->p = NULL;
        SL_TRY(open_route(r, err));
    }
    if (any) return SL_OK;
    return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "the model answers for the whole light curve only");
}

sl_status sl_classifier_new(const sl_model *model, sl_classifier **out, sl_error *err)
{
    return sl_classifier_new_set(&model, 1, out, err);
}

sl_status sl_classifier_new_set(const sl_model *const *models, size_t n_models, sl_classifier **out, sl_error *err)
{
    SL_REQUIRE(out != NULL, err);
    SL_TRY(sl_models_check(models, n_models, err));
    sl_classifier *c = calloc(1, sizeof *c);
    if (c == NULL) return SL_FAIL_NOMEM(err);
    for (size_t i = 0; i < n_models; i++) {
        c->routes[i] = (route){.model = models[i], .contract = sl_model_contract(models[i])};
    }
    c->n_routes = n_models;
    sl_arena_init(&c->text, max_text);
    sl_status status = SL_OK;
    if ((status = sl_alert_decoder_new(&c->decoder, err)) < 0) goto out;
    if ((status = sl_lightcurve_buffer_new(&c->points, err)) < 0) goto out;
    if (n_models == 1 && (status = open_route(&c->routes[0], err)) < 0) goto out;
    c->results = calloc(BATCH, sizeof *c->results);
    if (c->results == NULL) status = SL_FAIL_NOMEM(err);
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
    for (size_t i = 0; i < c->n_routes; i++) {
        sl_gp_batch_free(c->routes[i].gp);
        sl_runner_free(c->routes[i].runner);
        free(c->routes[i].p);
        free(c->routes[i].step_p);
        free(c->routes[i].step_mjd);
    }
    free(c->results);
    sl_arena_release(&c->text);
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

sl_alert_decoder *sl_classifier_decoder(sl_classifier *c)
{
    return c->decoder;
}

/* ---- filling a batch ---- */

/* What was told last borrows its texts until the next batch begins to fill. */
static void empty_batch(sl_classifier *c)
{
    c->n = c->n_text = 0;
    for (size_t i = 0; i < c->n_routes; i++) {
        if (c->routes[i].gp != NULL) sl_gp_batch_reset(c->routes[i].gp);
    }
}

bool sl_classifier_full(const sl_classifier *c)
{
    return c->n == BATCH || c->n_text >= MUCH_TEXT;
}

/* A terminated copy that lives as long as the batch; `text` itself becomes it. */
static sl_status keep_text(sl_classifier *c, sl_str *text, sl_error *err)
{
    const char *copy = sl_arena_text(&c->text, text->ptr, text->len);
    if (copy == NULL) return SL_FAIL_NOMEM(err);
    text->ptr = copy;
    c->n_text += text->len;
    return SL_OK;
}

static sl_status keep_detail(sl_classifier *c, sl_result *result, const char *message, sl_error *err)
{
    sl_str text = {message, strlen(message)};
    SL_TRY(keep_text(c, &text, err));
    result->detail = text.ptr;
    return SL_OK;
}

static sl_result *next_result(sl_classifier *c, const route *r)
{
    if (c->n == 0) sl_arena_reset(&c->text);
    sl_result *result = &c->results[c->n++];
    *result = (sl_result){.model = r->model, .n_records = 1, .best = -1, .novelty = NAN,
                           .n_classes = r->contract->n_classes};
    return result;
}

/* Where why is a property of the alert it is refused, else the call fails with it. */
static sl_status refuse(sl_classifier *c, sl_result *result, const sl_error *why, sl_error *err)
{
    if (why->status != SL_ERR_CONTRACT && why->status != SL_ERR_NUMERIC) {
        if (err != NULL) *err = *why;
        return why->status;
    }
    const bool is_refusal = why->reason != SL_REASON_NONE && !sl_reason_is_quarantine(why->reason);
    result->outcome = SL_REFUSED;
    result->reason = is_refusal ? why->reason : SL_REASON_NUMERIC;
    return keep_detail(c, result, why->message, err);
}

/* What the light curve is stands in the result, even where the contract refuses it. */
static sl_status add_light_curve(sl_classifier *c, route *r, const sl_alert *alert, sl_result *result, sl_error *why)
{
    sl_lightcurve lc = {0};
    const sl_status built = sl_lightcurve_build(r->contract, alert, c->points, &lc, why);
    result->n_points = lc.n;
    result->bands = lc.bands_present;
    SL_TRY(built);
    const size_t k = sl_gp_batch_count(r->gp);
    r->of[k] = (uint8_t)(result - c->results);
    if (r->every_epoch) {
        const size_t steps = sl_contract_input_steps(r->contract);
        r->n_steps[k] = sl_lightcurve_step_times(r->contract, &lc, r->step_mjd + k * steps);
    }
    return sl_gp_batch_add(r->gp, &lc, why);
}

static route *pick_route(sl_classifier *c, const sl_alert *alert)
{
    if (c->n_routes == 1) return &c->routes[0];
    const sl_contract *contracts[SL_MAX_MODELS];
    for (size_t i = 0; i < c->n_routes; i++) contracts[i] = c->routes[i].contract;
    return &c->routes[sl_models_pick(contracts, c->n_routes, alert)];
}

static sl_status add_alert(sl_classifier *c, const sl_alert *alert, sl_error *err)
{
    SL_REQUIRE(!sl_classifier_full(c), err);
    route *r = pick_route(c, alert);
    SL_TRY(open_route(r, err));
    sl_result *result = next_result(c, r);
    sl_error why;
    result->alert_id = alert->alert_id;
    result->object_id = alert->object_id;
    result->alert_number = alert->alert_number;
    result->source_number = alert->source_number;
    result->publish_time_ms = alert->publish_time_ms;
    SL_TRY(keep_text(c, &result->alert_id, err));
    SL_TRY(keep_text(c, &result->object_id, err));
    return add_light_curve(c, r, alert, result, &why) < 0 ? refuse(c, result, &why, err) : SL_OK;
}

static sl_status add_broken(sl_classifier *c, sl_reason reason, size_t n, sl_str object_id, const char *message,
                            sl_error *err)
{
    SL_REQUIRE(!sl_classifier_full(c), err);
    sl_result *result = next_result(c, &c->routes[0]);
    result->outcome = SL_QUARANTINED;
    result->reason = reason;
    result->n_records = n;
    result->object_id = object_id;
    SL_TRY(keep_text(c, &result->object_id, err));
    return keep_detail(c, result, message, err);
}

sl_status sl_classifier_add(sl_classifier *c, const sl_alert *alert, sl_error *err)
{
    const sl_status status = add_alert(c, alert, err);
    if (status < 0) empty_batch(c);
    return status;
}

sl_status sl_classifier_add_broken(sl_classifier *c, sl_reason reason, size_t n, sl_str object_id,
                                   const char *message, sl_error *err)
{
    const sl_status status = add_broken(c, reason, n, object_id, message, err);
    if (status < 0) empty_batch(c);
    return status;
}

/* ---- answering it ---- */

/* The first of the highest. */
static int best_class(const float *p, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++) {
        if (p[k] > p[best]) best = k;
    }
    return (int)best;
}

/* The network's last answers, and where they are wanted those behind every step. */
static sl_status run_runner(const route *r, size_t from, size_t to, const float *input, float *novelty, sl_error *why)
{
    const size_t n_classes = r->contract->n_classes;
    const sl_inside inside = {.novelty = novelty != NULL ? novelty + from : NULL};
    SL_TRY(sl_runner_run_inside(r->runner, to - from, input, r->p + from * n_classes, &inside, why));
    if (!r->every_epoch) return SL_OK;
    float *step_p = r->step_p + from * n_classes * sl_contract_input_steps(r->contract);
    return sl_runner_run_steps(r->runner, to - from, input, step_p, why);
}

/* The network on light curves [from, to), all of them fitted: their inputs lie one behind the other. */
static sl_status run_network(sl_classifier *c, const route *r, size_t from, size_t to, sl_error *err)
{
    if (from == to) return SL_OK;
    const size_t n_classes = r->contract->n_classes;
    const float *input;
    sl_error why;
    SL_TRY(sl_gp_batch_result(r->gp, from, &input, NULL, err));
    float *novelty = r->has_novelty ? r->p + BATCH * n_classes : NULL;
    const sl_status status = run_runner(r, from, to, input, novelty, &why);
    if (status == SL_ERR_NUMERIC && to - from > 1) { /* one of them; which, only each alone can tell */
        for (size_t k = from; k < to; k++) SL_TRY(run_network(c, r, k, k + 1, err));
        return SL_OK;
    }
    if (status < 0) return refuse(c, &c->results[r->of[from]], &why, err);
    for (size_t k = from; k < to; k++) {
        sl_result *result = &c->results[r->of[k]];
        result->outcome = SL_CLASSIFIED;
        result->p = r->p + k * n_classes;
        result->best = best_class(result->p, n_classes);
        if (novelty != NULL) result->novelty = novelty[k];
        if (!r->every_epoch) continue;
        const size_t steps = sl_contract_input_steps(r->contract);
        result->n_steps = r->n_steps[k];
        result->step_mjd = r->step_mjd + k * steps;
        result->step_p = r->step_p + k * steps * n_classes;
    }
    return SL_OK;
}

/* Fit every light curve, and run the network on those that could be. */
static sl_status answer_route(sl_classifier *c, const route *r, sl_error *err)
{
    if (r->p == NULL) return SL_OK;
    const size_t n = sl_gp_batch_count(r->gp);
    SL_TRY(sl_gp_batch_run(r->gp, err));
    size_t from = 0;
    for (size_t k = 0; k < n; k++) {
        sl_result *result = &c->results[r->of[k]];
        sl_error why;
        if (sl_gp_batch_result(r->gp, k, NULL, &result->gp, &why) == SL_OK) continue;
        SL_TRY(refuse(c, result, &why, err));
        SL_TRY(run_network(c, r, from, k, err));
        from = k + 1;
    }
    return run_network(c, r, from, n, err);
}

static sl_status answer_batch(sl_classifier *c, sl_error *err)
{
    for (size_t i = 0; i < c->n_routes; i++) SL_TRY(answer_route(c, &c->routes[i], err));
    return SL_OK;
}

sl_status sl_classifier_finish(sl_classifier *c, sl_result_fn fn, void *user, sl_error *err)
{
    sl_status status = answer_batch(c, err);
    for (size_t i = 0; status == SL_OK && i < c->n; i++) status = fn(user, &c->results[i]);
    empty_batch(c);
    return status;
}

/* ---- the public ways in ---- */

static sl_status take_result(void *user, const sl_result *result)
{
    *(sl_result *)user = *result;
    return SL_OK;
}

sl_status sl_classifier_alert(sl_classifier *c, const sl_alert *alert, sl_result *out, sl_error *err)
{
    SL_REQUIRE(c != NULL && alert != NULL && out != NULL, err);
    empty_batch(c);
    SL_TRY(sl_classifier_add(c, alert, err));
    return sl_classifier_finish(c, take_result, out, err);
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
    if (status == SL_OK) {
        SL_TRY(sl_classifier_add(u->classifier, alert, u->err));
    } else {
        SL_TRY(sl_classifier_add_broken(u->classifier, sl_record_reason(why), n, (sl_str){0}, why->message, u->err));
    }
    return sl_classifier_full(u->classifier) ? sl_classifier_finish(u->classifier, u->fn, u->user, u->err) : SL_OK;
}

sl_status sl_classifier_bytes(sl_classifier *c, const void *bytes, size_t n_bytes, sl_result_fn fn, void *user,
                              sl_error *err)
{
    SL_REQUIRE(c != NULL && fn != NULL && (bytes != NULL || n_bytes == 0), err);
    on_record_user u = {c, fn, user, err};
    empty_batch(c);
    const sl_status status = sl_alert_decode(c->decoder, bytes, n_bytes, on_record, &u, err);
    return status == SL_OK ? sl_classifier_finish(c, fn, user, err) : status;
}
