#include "starling/answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/model_flat.h"
#include "train/answering.h"

enum { CHUNK = 16 /* rows that a thread takes at a time: as many as a network takes side by side */ };

/* ---- contracts ---- */

static bool same_bands(const sl_contract *a, const sl_contract *b)
{
    if (a->n_bands != b->n_bands) return false;
    for (uint32_t i = 0; i < a->n_bands; i++) {
        if (strcmp(a->bands[i].name, b->bands[i].name) != 0) return false;
    }
    return true;
}

/* Of the same features. */
static bool same_scales(const sl_contract *a, const sl_contract *b)
{
    const size_t n = sl_contract_input_features(a), n_knots = a->feature_knots;
    if (n_knots != b->feature_knots) return false;
    if (n_knots > 0) return memcmp(a->feature_table, b->feature_table, n * n_knots * sizeof a->feature_table[0]) == 0;
    return memcmp(a->feature_center, b->feature_center, n * sizeof a->feature_center[0]) == 0 &&
           memcmp(a->feature_spread, b->feature_spread, n * sizeof a->feature_spread[0]) == 0;
}

/* What people mix up, by name; all else is told as such. */
static const char *what_differs(const sl_contract *a, const sl_contract *b)
{
    if (!same_bands(a, b)) return "bands";
    if (a->sees != b->sees) return "what the network sees (grid or nights)";
    if (a->gp.grid_length != b->gp.grid_length || a->max_nights != b->max_nights) return "the number of steps";
    if (sl_contract_input_channels(a) != sl_contract_input_channels(b)) return "channels";
    if (a->n_features != b->n_features || memcmp(a->features, b->features, a->n_features * sizeof a->features[0]) != 0) {
        return "features";
    }
    for (uint32_t i = 0; i < a->n_features; i++) {
        if (sl_contract_feature_bands(a, i) != sl_contract_feature_bands(b, i)) return "the bands of features";
    }
    if (!same_scales(a, b)) return "how features are scaled: that was fitted on other data";
    if (a->scaling != b->scaling) return "scaling";
    return NULL;
}

/* Only what inputs depend on stays. */
static sl_status write_input_part(const sl_contract *contract, void **bytes, size_t *n_bytes, sl_error *err)
{
    sl_contract *bare = malloc(sizeof *bare);
    if (bare == NULL) return SL_FAIL_NOMEM(err);
    *bare = *contract;
    memset(bare->name, 0, sizeof bare->name);
    memset(bare->source, 0, sizeof bare->source);
    memset(bare->created_by, 0, sizeof bare->created_by);
    memset(bare->classes, 0, sizeof bare->classes);
    bare->n_classes = 2;
    bare->classes[0].name[0] = bare->classes[1].name[0] = '-';
    const sl_status status = sl_contract_flat_write(bare, bytes, n_bytes, err);
    free(bare);
    return status;
}

sl_status sl_contract_same_input(const sl_contract *a, const sl_contract *b, sl_error *err)
{
    SL_REQUIRE(a != NULL && b != NULL, err);
    void *bytes[2] = {NULL, NULL};
    size_t n[2] = {0, 0};
    sl_status status = write_input_part(a, &bytes[0], &n[0], err);
    if (status == SL_OK) status = write_input_part(b, &bytes[1], &n[1], err);
    const bool same = status == SL_OK && n[0] == n[1] && memcmp(bytes[0], bytes[1], n[0]) == 0;
    free(bytes[0]);
    free(bytes[1]);
    if (status != SL_OK || same) return status;
    const char *what = what_differs(a, b);
    return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NONE, "the data were prepared under another contract than the model's%s%s",
                   what != NULL ? "; they differ in " : "", what != NULL ? what : "");
}

/*
 * Whether a network of contract `model` can take the inputs of `data`: they
 * are its own, or have more values of features than it wants. place: where
 * those stand that it wants; *fewer: whether that matters.
 */
static sl_status match_inputs(const sl_contract *model, const sl_contract *data, uint32_t *place, bool *fewer, sl_error *err)
{
    const uint32_t n = sl_contract_input_features(model);
    *fewer = false;
    if (n == sl_contract_input_features(data) || !sl_contract_find_features(model, data, place)) {
        return sl_contract_same_input(model, data, err);
    }
    bool keep[SL_MAX_FEATURE_VALUES] = {false};
    sl_contract *part = malloc(sizeof *part);
    if (part == NULL) return SL_FAIL_NOMEM(err);
    *part = *data;
    for (uint32_t i = 0; i < n; i++) keep[place[i]] = true;
    sl_contract_keep_features(part, keep);
    *fewer = true;
    const sl_status status = sl_contract_same_input(model, part, err);
    free(part);
    return status;
}

/* ---- answers ---- */

typedef struct errand {
    sl_runner *runner;
    float *input; /* CHUNK rows */
    sl_status status;
    sl_error error;
} errand;

typedef struct job {
    const sl_dataset *data;
    const size_t *rows;
    sl_answers *out;
    errand *errands; /* one a thread */
    bool fewer;      /* the network wants some values of the features only: */
    uint32_t n_features, n_before; /* so many, behind so many numbers of the input, */
    uint32_t place[SL_MAX_FEATURE_VALUES]; /* which stand there, counted from the first value */
} job;

/* The input of a row as the network wants it, into `to`, which has room for it as the data have it. */
static void fetch_input(const job *j, size_t row, float *to)
{
    const size_t floats = j->n_before + (j->fewer ? 0 : j->n_features);
    const float *input = sl_dataset_input(j->data, row, to);
    float value[SL_MAX_FEATURE_VALUES];
    for (uint32_t i = 0; j->fewer && i < j->n_features; i++) value[i] = input[j->n_before + j->place[i]];
    if (input != to) memcpy(to, input, floats * sizeof *to);
    if (j->fewer) memcpy(to + j->n_before, value, j->n_features * sizeof *to);
}

/* n answers from the i-th on; their inputs lie one behind the other. */
static sl_status answer(const job *j, errand *e, size_t i, size_t n, const float *input)
{
    const sl_answers *a = j->out;
    const sl_inside inside = {.logits = a->logits != NULL ? a->logits + i * a->n_classes : NULL,
                              .last = a->last != NULL ? a->last + i * a->last_width : NULL,
                              .novelty = a->novelty != NULL ? a->novelty + i : NULL};
    return sl_runner_run_inside(e->runner, n, input, a->p + i * a->n_classes, &inside, &e->error);
}

static void answer_chunk(void *user, size_t worker, size_t chunk)
{
    const job *j = user;
    errand *e = &j->errands[worker];
    const size_t floats = j->n_before + j->n_features;
    const size_t first = chunk * CHUNK, n = j->out->n - first < CHUNK ? j->out->n - first : CHUNK;
    for (size_t k = 0; k < n; k++) fetch_input(j, j->rows[first + k], e->input + k * floats);
    if (e->status != SL_OK || answer(j, e, first, n, e->input) == SL_OK) return;
    for (size_t k = 0; k < n && e->status == SL_OK; k++) { /* which one was it? */
        e->status = answer(j, e, first + k, 1, e->input + k * floats);
        if (e->status != SL_OK) sl_error_prefix(&e->error, "row %zu of the data", j->rows[first + k]);
    }
}

/* Labels by the classes' names. */
static void fill_labels(const sl_model *model, const job *j)
{
    const sl_contract *mine = sl_model_contract(model), *theirs = sl_dataset_contract(j->data);
    uint8_t label_of[SL_MAX_CLASSES];
    for (uint32_t k = 0; k < theirs->n_classes; k++) {
        label_of[k] = SL_NO_LABEL;
        for (uint32_t m = 0; m < mine->n_classes; m++) {
            if (strcmp(theirs->classes[k].name, mine->classes[m].name) == 0) label_of[k] = (uint8_t)m;
        }
    }
    for (size_t i = 0; i < j->out->n; i++) {
        sl_dataset_row row;
        sl_dataset_get(j->data, j->rows[i], &row);
        j->out->label[i] = row.label >= 0 ? label_of[row.label] : SL_NO_LABEL;
    }
}

static sl_status take_memory(const sl_model *model, unsigned want, sl_answers *a, sl_error *err)
{
    sl_model_info info;
    sl_model_describe(model, &info);
    SL_REQUIRE((want & SL_ANSWERS_LAST) == 0 || info.last_width > 0, err);
    SL_REQUIRE((want & SL_ANSWERS_NOVELTY) == 0 || info.novelty != 0, err);
    a->n_classes = info.n_classes;
    a->last_width = info.last_width;
    const size_t n = a->n + 1; /* so that none of them is nothing */
    a->p = calloc(n * a->n_classes, sizeof *a->p);
    a->label = calloc(n, sizeof *a->label);
    bool good = a->p != NULL && a->label != NULL;
    if ((want & SL_ANSWERS_LOGITS) != 0) good &= (a->logits = calloc(n * a->n_classes, sizeof *a->logits)) != NULL;
    if ((want & SL_ANSWERS_LAST) != 0) good &= (a->last = calloc(n * a->last_width, sizeof *a->last)) != NULL;
    if ((want & SL_ANSWERS_NOVELTY) != 0) good &= (a->novelty = calloc(n, sizeof *a->novelty)) != NULL;
    return good ? SL_OK : SL_FAIL_NOMEM(err);
}

static sl_status run_threads(sl_pool *pool, const sl_model *model, job *j, sl_error *err)
{
    const size_t threads = sl_pool_threads(pool);
    const size_t input_floats = sl_contract_input_floats(sl_dataset_contract(j->data));
    sl_status status = SL_OK;
    for (size_t i = 0; i < threads && status == SL_OK; i++) {
        j->errands[i].input = malloc(CHUNK * input_floats * sizeof(float));
        if (j->errands[i].input == NULL) status = SL_FAIL_NOMEM(err);
        if (status == SL_OK) status = sl_runner_new(model, &j->errands[i].runner, err);
    }
    if (status == SL_OK) {
        fill_labels(model, j);
        sl_pool_run(pool, (j->out->n + CHUNK - 1) / CHUNK, answer_chunk, j);
    }
    for (size_t i = 0; i < threads; i++) {
        if (status == SL_OK && j->errands[i].status != SL_OK) {
            status = j->errands[i].status;
            if (err != NULL) *err = j->errands[i].error;
        }
        sl_runner_free(j->errands[i].runner);
        free(j->errands[i].input);
    }
    return status;
}

sl_status sl_answers_run_on(sl_pool *pool, const sl_model *model, const sl_dataset *data, size_t n, const size_t *rows,
                            unsigned want, sl_answers *out, sl_error *err)
{
    *out = (sl_answers){.n = n};
    for (size_t i = 0; i < n; i++) SL_REQUIRE(rows[i] < sl_dataset_rows(data), err);
    SL_TRY(take_memory(model, want, out, err));
    job j = {.data = data, .rows = rows, .out = out, .errands = calloc(sl_pool_threads(pool), sizeof(errand))};
    if (j.errands == NULL) return SL_FAIL_NOMEM(err);
    const sl_contract *mine = sl_model_contract(model), *theirs = sl_dataset_contract(data);
    j.n_features = sl_contract_input_features(mine);
    j.n_before = sl_contract_input_floats(mine) - j.n_features;
    sl_status status = SL_OK;
    if (j.n_features != sl_contract_input_features(theirs)) status = match_inputs(mine, theirs, j.place, &j.fewer, err);
    if (status == SL_OK) status = run_threads(pool, model, &j, err);
    free(j.errands);
    return status;
}

sl_status sl_answers_run(const sl_model *model, const sl_dataset *data, size_t n, const size_t *rows, unsigned want,
                         uint32_t threads, sl_answers *out, sl_error *err)
{
    SL_REQUIRE(out != NULL, err);
    *out = (sl_answers){0};
    SL_REQUIRE(model != NULL && data != NULL && (rows != NULL || n == 0) && threads <= 1024, err);
    uint32_t place[SL_MAX_FEATURE_VALUES];
    bool fewer;
    SL_TRY(match_inputs(sl_model_contract(model), sl_dataset_contract(data), place, &fewer, err));
    sl_pool *pool;
    SL_TRY(sl_pool_new(threads > 0 ? threads : sl_pool_cores(), &pool, err));
    const sl_status status = sl_answers_run_on(pool, model, data, n, rows, want, out, err);
    sl_pool_free(pool);
    return status;
}

void sl_answers_free(sl_answers *answers)
{
    if (answers == NULL) return;
    free(answers->p);
    free(answers->logits);
    free(answers->last);
    free(answers->novelty);
    free(answers->label);
    *answers = (sl_answers){0};
}
