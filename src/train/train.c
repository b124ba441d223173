/* The loop: epochs, the learning rate, the best weights so far. */
#include "starling/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "model/open_model.h"
#include "train/checkpoint.h"
#include "train/finish.h"
#include "train/nets.h"
#include "train/split.h"
#include "train/teach.h"
#include "train/validate.h"

typedef struct run {
    const sl_dataset *data;
    const sl_train_options *options;
    sl_split split;
    sl_learner *learner;
    sl_train_state state;
    size_t n_batches; /* an epoch */
    sl_loss loss;
    float shift[SL_MAX_CLASSES]; /* of the loss */
    sl_adam adam;
    uint32_t *order;    /* of the objects that teach */
    sl_lesson *lessons; /* a batch */
    float *inputs;      /* a batch, unpacked */
    float *best;        /* weights of the lowest loss so far */
    sl_scores *scores;
    uint64_t started_ns, learning_ns; /* the run; this network */
    uint64_t first_epoch;
    double seconds_before; /* of the run that was resumed */
    bool resumed;
} run;

/* ---- an epoch ---- */

static double rate_at(const run *r, uint64_t step)
{
    const sl_train_options *o = r->options;
    const double per_epoch = (double)r->n_batches, warm = (double)o->warmup * per_epoch, at = (double)step;
    const double all = per_epoch * o->epochs, rate = (double)o->rate * r->state.factor;
    if (at < warm) return rate * (at + 1) / (warm + 1);
    if (o->schedule != SL_SCHEDULE_COSINE) return rate;
    const double share = all > warm + 1 ? (at - warm) / (all - warm - 1) : 1;
    return rate * ((double)o->final + (1 - (double)o->final) * 0.5 * (1 + cos(3.14159265358979324 * fmin(share, 1))));
}

/* Chance of an epoch: stream 0 is the order's, and each object has one of its own. */
static void begin_rng(const run *r, sl_rng *rng, uint64_t stream)
{
    sl_rng_init(rng, r->options->seed, (r->state.epoch + 1) << 32 | stream);
}

static void shuffle(const run *r)
{
    sl_rng rng;
    begin_rng(r, &rng, 0);
    for (size_t i = 0; i < r->split.n_train; i++) r->order[i] = (uint32_t)i;
    for (size_t i = r->split.n_train; i > 1; i--) {
        const size_t j = sl_rng_below(&rng, i);
        const uint32_t swap = r->order[i - 1];
        r->order[i - 1] = r->order[j];
        r->order[j] = swap;
    }
}

/* One of the object's rows. */
static sl_lesson draw_lesson(const run *r, size_t index, size_t place, size_t n)
{
    const sl_object *object = &r->split.train[index];
    const sl_network *net = &r->learner->net->network;
    sl_rng rng;
    begin_rng(r, &rng, index + 1);
    const size_t row = object->first + sl_rng_below(&rng, object->n);
    const float *soft = r->options->soft != NULL ? r->options->soft + row * net->n_classes : NULL;
    return (sl_lesson){.input = sl_dataset_input(r->data, row, r->inputs + place * net->input_floats),
                       .soft = soft != NULL && isfinite(soft[0]) ? soft : NULL, .label = object->label,
                       .weight = object->weight / (float)n, .draw = sl_rng_u64(&rng)};
}

/* All objects once; the batches are as even as they can be. */
static sl_status run_epoch(run *r, sl_error *err)
{
    const sl_train_options *o = r->options;
    const size_t n_train = r->split.n_train;
    double sum = 0;
    shuffle(r);
    for (size_t b = 0; b < r->n_batches; b++) {
        const size_t first = n_train * b / r->n_batches, n = n_train * (b + 1) / r->n_batches - first;
        for (size_t i = 0; i < n; i++) r->lessons[i] = draw_lesson(r, r->order[first + i], i, n);
        const double loss = sl_learner_gradient(r->learner, r->lessons, n, &r->loss);
        if (!isfinite(loss)) {
            return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "train: the loss is no number any more in epoch %llu: "
                           "a lower learning rate helps", (unsigned long long)r->state.epoch + 1);
        }
        sum += loss * (double)n;
        r->state.rate = rate_at(r, r->learner->step);
        const double steps = (double)r->learner->step;
        const float keep = fminf(o->average, (float)((1 + steps) / (10 + steps)));
        sl_learner_step(r->learner, &r->adam, (float)r->state.rate, o->clip, keep);
    }
    r->state.step = r->learner->step;
    r->state.epoch++;
    r->state.train_loss = sum / (double)n_train;
    return SL_OK;
}

/* Validate, keep the best, wait on a plateau. */
static sl_status judge(run *r, sl_error *err)
{
    const sl_train_options *o = r->options;
    sl_train_state *s = &r->state;
    const size_t bytes = r->learner->net->n_params * sizeof(float);
    const float *weights = sl_learner_seen(r->learner);
    const bool settled = o->constraint == NULL || o->constraint->settled(o->constraint->user, s->step);
    s->loss = s->accuracy = NAN;
    if (r->split.n_rows == 0 || !settled) {
        memcpy(r->best, weights, bytes);
        s->best_epoch = s->epoch;
    }
    if (r->split.n_rows == 0) return SL_OK;
    SL_TRY(sl_validate(r->learner, weights, r->data, r->split.n_rows, r->split.rows, r->scores, err));
    s->loss = r->scores->figure[SL_FIGURE_LOG_LOSS].value;
    s->accuracy = r->scores->figure[SL_FIGURE_ACCURACY].value;
    if (!settled) return SL_OK;
    s->waited++;
    if (s->loss < s->best_loss) {
        s->best_loss = s->loss;
        s->best_epoch = s->epoch;
        s->waited = 0;
        memcpy(r->best, weights, bytes);
    }
    if (o->schedule == SL_SCHEDULE_PLATEAU && s->waited >= o->plateau_epochs) {
        s->factor *= (double)o->plateau_factor;
        s->waited = 0;
    }
    return SL_OK;
}

static sl_train_progress progress_of(const run *r, double epoch_seconds)
{
    const sl_train_state *s = &r->state;
    const double done = (double)(s->epoch - r->first_epoch), to_do = r->options->epochs - (double)s->epoch;
    const double left = done > 0 ? 1e-9 * (double)(sl_clock_ns() - r->learning_ns) / done * to_do : NAN;
    return (sl_train_progress){.teachers = r->options->soft != NULL ? r->options->teach * r->options->teach_rounds : 0, .epoch = (uint32_t)s->epoch, .epochs = r->options->epochs, .train_loss = s->train_loss,
                               .loss = s->loss, .accuracy = s->accuracy, .best_loss = s->best_loss,
                               .best_epoch = (uint32_t)s->best_epoch, .rate = s->rate, .seconds = s->seconds,
                               .seconds_left = left,
                               .objects_per_second = (double)r->split.n_train / epoch_seconds,
                               .n_train = r->split.n_train, .n_validate = r->split.n_validate};
}

static bool is_over(const run *r)
{
    const sl_train_state *s = &r->state;
    const bool waited = r->split.n_rows > 0 && r->options->patience > 0 && s->epoch - s->best_epoch >= r->options->patience;
    return s->epoch >= r->options->epochs || waited;
}

static sl_status run_epochs(run *r, uint64_t name, sl_train_result *result, sl_error *err)
{
    const sl_train_options *o = r->options;
    bool go_on = true;
    result->last = progress_of(r, NAN);
    while (go_on && !is_over(r)) {
        const uint64_t start = sl_clock_ns();
        SL_TRY(run_epoch(r, err));
        const double seconds = 1e-9 * (double)(sl_clock_ns() - start);
        SL_TRY(judge(r, err));
        r->state.seconds = r->seconds_before + 1e-9 * (double)(sl_clock_ns() - r->started_ns);
        if (o->checkpoint != NULL) SL_TRY(sl_checkpoint_write(o->checkpoint, name, &r->state, r->learner, r->best, err));
        result->last = progress_of(r, seconds);
        if (o->progress != NULL) go_on = o->progress(o->user, &result->last);
    }
    return SL_OK;
}

/* ---- before and behind ---- */

static bool within(float x, float least, float most)
{
    return x >= least && x <= most; /* NaN is not */
}

static sl_status check_options(const sl_train_options *o, sl_error *err)
{
    const bool loss = within(o->balance, 0, 2) && within(o->prior, 0, 2) && within(o->smoothing, 0, 0.9f) && within(o->soft_share, 0, 1) &&
                      within(o->soft_temperature, 0.01f, 100);
    const bool steps = within(o->rate, 1e-9f, 10) && within(o->beta1, 0, 0.9999f) && within(o->beta2, 0, 0.999999f) &&
                       within(o->epsilon, 1e-20f, 1) && within(o->decay, 0, 10) && within(o->clip, 0, 1e9f) &&
                       within(o->warmup, 0, 1e6f) && within(o->final, 0, 1) && within(o->plateau_factor, 0.001f, 1) &&
                       within(o->average, 0, 0.999999f) && (unsigned)o->optimizer < SL_N_OPTIMIZERS &&
                       (unsigned)o->schedule < SL_N_SCHEDULES;
    const bool drops = within(o->drop_encoder, 0, 0.95f) && within(o->drop_head, 0, 0.95f) &&
                       o->novelty >= 0 && o->novelty < SL_N_NOVELTY_KINDS &&
                       (o->temperature == 0 || (o->temperature >= 0.05f && o->temperature <= 20));
    const bool teach = o->teach != 1 && o->teach <= 1000 && (o->teach == 0 || (o->teach_rounds >= 1 && o->teach_rounds <= 1000 && o->teach_epochs >= 1 && o->teach_epochs <= 100000 &&
                       within(o->teach_drop_head, 0, 0.95f)));
    const bool loop = o->epochs >= 1 && o->epochs <= 100000 && o->batch >= 1 && o->batch <= 65536 && o->threads <= 1024 &&
                      o->folds != 1 && o->folds <= 1000 && (o->folds == 0 || o->fold < o->folds);
    if (!loss) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "train: an option of the loss is out of its bounds");
    if (!steps) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "train: an option of the optimiser is out of its bounds");
    if (!drops) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "train: a rate of dropout is out of its bounds");
    if (o->constraint != NULL && o->checkpoint != NULL) {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "train: a run under a constraint has no checkpoint");
    }
    if (!teach) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "train: an option of the teachers is out of its bounds");
    if (!loop) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "train: epochs, batch, threads or folds out of their bounds");
    return SL_OK;
}

/* The network to begin with: new, or that of a model, under the data's contract. */
static sl_status first_parts(const run *r, sl_arena *arena, sl_model_parts *out, sl_error *err)
{
    const sl_contract *contract = sl_dataset_contract(r->data);
    const sl_model *init = r->options->init;
    if (init == NULL) return sl_net_build(&r->options->net, contract, r->options->seed, arena, out, err);
    *out = init->parts;
    out->contract = *contract;
    const sl_contract *old = &init->parts.contract;
    if (sl_contract_input_steps(old) != sl_contract_input_steps(contract) ||
        sl_contract_input_channels(old) != sl_contract_input_channels(contract) ||
        sl_contract_input_features(old) != sl_contract_input_features(contract) || old->n_classes != contract->n_classes) {
        return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NONE, "train: the model to go on from has another input or other "
                       "classes than the data");
    }
    return SL_OK;
}

/* What a checkpoint must agree on: everything that the weights depend on. */
static uint64_t name_run(const run *r)
{
    sl_train_options o = *r->options;
    uint64_t h = sl_hash_more(SL_HASH_START, sl_dataset_id(r->data), strlen(sl_dataset_id(r->data)));
    const double numbers[] = {o.net.width, o.net.heads, o.net.hidden, o.net.blocks, o.net.kernel, o.net.head[0],
                              o.net.head[1], o.net.silu, o.net.norm, o.net.tile, o.prior, o.folds, o.fold, o.views, o.balance, o.smoothing, o.soft_share, o.soft_temperature,
                              (double)o.optimizer, o.rate, o.beta1, o.beta2, o.epsilon, o.decay, o.clip,
                              (double)o.schedule, o.warmup, o.final, o.plateau_factor, o.plateau_epochs, o.average,
                              o.drop_encoder, o.drop_head, o.epochs, o.batch, o.patience, (double)r->split.n_train,
                              (double)r->split.n_validate};
    h = sl_hash_more(h, numbers, sizeof numbers);
    h = sl_hash_more(h, &o.seed, sizeof o.seed);
    h = sl_hash_more(h, o.net.name, strnlen(o.net.name, sizeof o.net.name));
    for (size_t i = 0; i < r->split.n_train; i++) h = sl_hash_more(h, &r->split.train[i].first, sizeof(size_t));
    if (o.init != NULL) h = sl_hash_more(h, o.init->id, sizeof o.init->id);
    const size_t n_soft = sl_dataset_rows(r->data) * sl_dataset_contract(r->data)->n_classes;
    if (o.soft != NULL) h = sl_hash_more(h, o.soft, n_soft * sizeof *o.soft);
    return h;
}

static sl_status begin(run *r, sl_error *err)
{
    const sl_train_options *o = r->options;
    sl_arena arena;
    SL_TRY(sl_split_make(r->data, o, &r->split, err));
    sl_arena_init(&arena, (size_t)1 << 30);
    sl_model_parts *parts = SL_ARENA_NEW(&arena, sl_model_parts, 1);
    sl_status status = parts != NULL ? first_parts(r, &arena, parts, err) : SL_FAIL_NOMEM(err);
    const sl_train_drops drops = {.encoder = o->drop_encoder, .head = o->drop_head};
    if (status == SL_OK) status = sl_learner_new(parts, &drops, o->batch, o->threads > 0 ? o->threads : sl_pool_cores(), &r->learner, err);
    sl_arena_release(&arena);
    if (status != SL_OK) return status;
    const sl_train_net *net = r->learner->net;
    r->order = calloc(r->split.n_train, sizeof *r->order);
    r->lessons = calloc(o->batch, sizeof *r->lessons);
    r->inputs = calloc(o->batch, net->network.input_floats * sizeof *r->inputs);
    r->best = calloc(net->n_params, sizeof *r->best);
    r->scores = calloc(1, sizeof *r->scores);
    if (r->order == NULL || r->lessons == NULL || r->inputs == NULL || r->best == NULL || r->scores == NULL) {
        return SL_FAIL_NOMEM(err);
    }
    memcpy(r->best, net->params, net->n_params * sizeof *r->best);
    r->n_batches = (r->split.n_train + o->batch - 1) / o->batch;
    if (o->constraint != NULL) {
        SL_TRY(sl_learner_constrain(r->learner, o->constraint, r->n_batches * o->epochs, err));
        memcpy(r->best, net->params, net->n_params * sizeof *r->best);
    }
    for (size_t c = 0; c < SL_MAX_CLASSES; c++) r->shift[c] = o->prior * r->split.log_share[c];
    r->loss = (sl_loss){.smoothing = o->smoothing, .soft_share = o->soft_share, .temperature = o->soft_temperature,
                        .shift = r->shift};
    r->adam = (sl_adam){.beta1 = o->beta1, .beta2 = o->beta2, .epsilon = o->epsilon, .decay = o->decay,
                        .decoupled = o->optimizer == SL_OPTIMIZER_ADAMW};
    r->state = (sl_train_state){.factor = 1, .best_loss = INFINITY, .train_loss = NAN, .loss = NAN, .accuracy = NAN};
    return SL_OK;
}

static sl_status train(run *r, void **bytes, size_t *n_bytes, sl_train_result *result, sl_error *err)
{
    const sl_train_options *o = r->options;
    SL_TRY(begin(r, err));
    const uint64_t name = name_run(r);
    if (o->checkpoint != NULL && o->resume) {
        const sl_status status = sl_checkpoint_read(o->checkpoint, name, &r->state, r->learner, r->best, err);
        SL_TRY(status);
        r->resumed = status == SL_OK;
        r->seconds_before = r->state.seconds;
        r->first_epoch = r->state.epoch;
    }
    result->resumed = r->resumed;
    result->n_parameters = r->learner->net->network.n_parameters;
    result->workspace_bytes = sl_learner_bytes(r->learner);
    SL_TRY(run_epochs(r, name, result, err));
    return sl_train_finish(r->learner, r->best, r->data, &r->split, o, bytes, n_bytes, result, err);
}

sl_status sl_train_memory(const sl_dataset *data, const sl_train_options *options, uint64_t started_ns, void **bytes,
                          size_t *n_bytes, sl_train_result *result, sl_error *err)
{
    SL_TRY(check_options(options, err));
    run r = {.data = data, .options = options, .started_ns = started_ns, .learning_ns = sl_clock_ns()};
    *result = (sl_train_result){0};
    *bytes = NULL;
    const sl_status status = train(&r, bytes, n_bytes, result, err);
    sl_learner_free(r.learner);
    sl_split_release(&r.split);
    free(r.order);
    free(r.lessons);
    free(r.inputs);
    free(r.best);
    free(r.scores);
    return status;
}

sl_status sl_train(const sl_dataset *data, const sl_train_options *options, const char *path, sl_train_result *result,
                   sl_error *err)
{
    SL_REQUIRE(data != NULL && options != NULL && path != NULL && result != NULL, err);
    const uint64_t start = sl_clock_ns();
    sl_train_options o = *options;
    float *soft = NULL;
    void *bytes = NULL;
    size_t n_bytes = 0;
    sl_status status = check_options(&o, err);
    if (status == SL_OK && o.teach > 0 && o.soft == NULL) status = sl_teach(data, &o, start, &soft, err);
    if (soft != NULL) o.soft = soft;
    if (status == SL_OK) status = sl_train_memory(data, &o, start, &bytes, &n_bytes, result, err);
    if (status == SL_OK) status = sl_file_write(path, bytes, n_bytes, err);
    free(bytes);
    free(soft);
    return status;
}

sl_status sl_train_defaults(const char *net, sl_train_options *out, sl_error *err)
{
    SL_REQUIRE(out != NULL, err);
    *out = (sl_train_options){
        .folds = 5, .balance = 0, .prior = 1, .soft_share = 0.5f, .soft_temperature = 1, .teach_rounds = 1, .teach_epochs = 80, .teach_drop_head = 0.2f,
        .optimizer = SL_OPTIMIZER_ADAMW, .rate = 2e-3f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .decay = 0.2f,
        .clip = 1, .schedule = SL_SCHEDULE_COSINE, .warmup = 2, .final = 0.01f, .plateau_factor = 0.3f,
        .plateau_epochs = 5, .average = 0.998f, .drop_encoder = 0.1f, .drop_head = 0.2f, .epochs = 80, .batch = 64,
        .patience = 20, .seed = 1, .calibrate = true, .novelty = SL_NOVELTY_RELATIVE,
    };
    SL_TRY(sl_net_size_preset(net, &out->net, err));
    if (strcmp(net, "mlp") != 0) return SL_OK;
    /* Steps cost little there, and objects have many rows: what was best in five folds of PLAsTiCC's g and r. */
    out->rate = 5e-3f;
    out->decay = 0.1f;
    out->average = 0.995f;
    out->batch = 256;
    out->teach = 4;
    out->teach_epochs = 60;
    out->teach_drop_head = 0.5f;
    out->soft_share = 0.3f;
    out->drop_head = 0.1f;
    return SL_OK;
}

void sl_train_untaught(sl_train_options *options)
{
    if (options->teach > 0) options->drop_head = 0.4f; /* mlp's: the best alone, as 0.1 is with teachers */
    options->teach = 0;
}
