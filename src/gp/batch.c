/* Many light curves at once, their results kept until the next round. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "gp/gp_internal.h"

/* A light curve and what became of it. */
typedef struct entry {
    sl_lightcurve lc; /* its arrays are the curve's, or NULL */
    sl_gp_curve curve;
    sl_gp_fit_info info;
    sl_status status;
    sl_error why; /* where the status is not SL_OK */
} entry;

struct sl_gp_batch {
    sl_contract contract;
    sl_gp_engine engine;
    sl_arena points; /* what the curves borrow */
    size_t capacity, n, n_run;
    entry *entries;      /* capacity */
    sl_gp_curve **order; /* capacity: those of a run, longest first */
    size_t input_size;   /* floats of one input */
    size_t n_features;   /* values of an input's features */
    float *inputs;       /* capacity x input_size */
    float *raw;          /* capacity x n_features: the features before they are scaled */
    double *scratch;     /* of one grid */
    size_t first[SL_MAX_POINTS + 1]; /* of each length, in order */
};

sl_status sl_gp_batch_new(const sl_contract *contract, size_t capacity, sl_gp_batch **out, sl_error *err)
{
    SL_REQUIRE(contract != NULL && out != NULL, err);
    *out = NULL;
    SL_REQUIRE(capacity >= 1 && capacity <= SL_GP_MOST_BATCH, err);
    SL_TRY(sl_gp_check_grid(contract, err));
    SL_TRY(sl_gp_check_rules(&contract->gp, err));
    sl_gp_batch *b = calloc(1, sizeof *b);
    if (b == NULL) return SL_FAIL_NOMEM(err);
    b->contract = *contract;
    b->capacity = capacity;
    b->input_size = sl_contract_input_floats(contract);
    sl_arena_init(&b->points, SIZE_MAX / 2);
    b->entries = calloc(capacity, sizeof *b->entries);
    b->order = calloc(capacity, sizeof(sl_gp_curve *));
    b->inputs = calloc(capacity, b->input_size * sizeof *b->inputs);
    b->n_features = sl_contract_input_features(contract);
    b->raw = calloc(capacity, (b->n_features + (b->n_features == 0)) * sizeof *b->raw);
    b->scratch = calloc(sl_gp_input_scratch(contract), sizeof *b->scratch);
    if (b->entries == NULL || b->order == NULL || b->inputs == NULL || b->raw == NULL || b->scratch == NULL) {
        sl_gp_batch_free(b);
        return SL_FAIL_NOMEM(err);
    }
    *out = b;
    return SL_OK;
}

void sl_gp_batch_free(sl_gp_batch *b)
{
    if (b == NULL) return;
    sl_gp_engine_release(&b->engine);
    sl_arena_release(&b->points);
    free(b->entries);
    free(b->order);
    free(b->inputs);
    free(b->raw);
    free(b->scratch);
    free(b);
}

void sl_gp_batch_reset(sl_gp_batch *b)
{
    b->n = b->n_run = 0;
    sl_arena_reset(&b->points);
}

size_t sl_gp_batch_count(const sl_gp_batch *b)
{
    return b->n;
}

/* The light curve's own arrays, of which the curve has some already. */
static sl_status keep_points(sl_gp_batch *b, entry *e, const sl_lightcurve *lc, sl_error *err)
{
    e->lc.time = e->curve.time;
    e->lc.flux = e->curve.flux;
    e->lc.wavelength = e->curve.wavelength;
    if (!sl_gp_wants_points(&b->contract)) return SL_OK;
    double *error = SL_ARENA_NEW(&b->points, double, lc->n);
    uint8_t *band = SL_ARENA_NEW(&b->points, uint8_t, lc->n);
    if (error == NULL || band == NULL) return SL_FAIL_NOMEM(err);
    e->lc.error = memcpy(error, lc->error, lc->n * sizeof *error);
    e->lc.band = memcpy(band, lc->band, lc->n * sizeof *band);
    return SL_OK;
}

sl_status sl_gp_batch_add(sl_gp_batch *b, const sl_lightcurve *lc, sl_error *err)
{
    SL_REQUIRE(b != NULL && lc != NULL, err);
    SL_REQUIRE(b->n < b->capacity, err);
    SL_REQUIRE(lc->n_channels == b->contract.n_channels, err);
    SL_TRY(sl_gp_check_wanted(&b->contract, lc, err));
    entry *e = &b->entries[b->n];
    e->lc = *lc;
    e->lc.time = e->lc.flux = e->lc.error = e->lc.wavelength = NULL;
    e->lc.band = NULL;
    e->status = sl_gp_check_points(lc, &e->why);
    if (e->status == SL_OK) {
        double *room = SL_ARENA_NEW(&b->points, double, 5 * lc->n);
        if (room == NULL) return SL_FAIL_NOMEM(err);
        sl_gp_curve_load(&e->curve, &b->contract.gp, lc, room);
        SL_TRY(keep_points(b, e, lc, err));
    }
    b->n++;
    return SL_OK;
}

/* The light curves that can be fitted, by counting how many there are of each length. Returns how many. */
static size_t sort_longest_first(sl_gp_batch *b)
{
    memset(b->first, 0, sizeof b->first);
    size_t n = 0;
    for (size_t i = b->n_run; i < b->n; i++) {
        if (b->entries[i].status != SL_OK) continue;
        b->first[b->entries[i].curve.n - 1]++;
        n++;
    }
    for (size_t length = SL_MAX_POINTS; length > 0; length--) b->first[length - 1] += b->first[length];
    for (size_t i = b->n_run; i < b->n; i++) {
        if (b->entries[i].status == SL_OK) b->order[b->first[b->entries[i].curve.n]++] = &b->entries[i].curve;
    }
    return n;
}

sl_status sl_gp_batch_run(sl_gp_batch *b, sl_error *err)
{
    SL_REQUIRE(b != NULL, err);
    const bool fit = b->contract.sees != SL_SEES_NIGHTS;
    if (fit) SL_TRY(sl_gp_engine_fit(&b->engine, &b->contract.gp, sort_longest_first(b), b->order, err));
    for (; b->n_run < b->n; b->n_run++) {
        entry *e = &b->entries[b->n_run];
        e->info = (sl_gp_fit_info){0};
        if (e->status == SL_OK && fit) e->status = sl_gp_curve_outcome(&e->curve, &e->info, &e->why);
        if (e->status != SL_OK) continue;
        e->status = sl_gp_input(&b->engine, &e->curve, &b->contract, &e->lc, b->scratch,
                                b->inputs + b->n_run * b->input_size, b->raw + b->n_run * b->n_features, NULL, &e->why);
        if (e->status == SL_ERR_NOMEM) {
            if (err != NULL) *err = e->why;
            return e->status;
        }
    }
    return SL_OK;
}

sl_status sl_gp_batch_result(const sl_gp_batch *b, size_t i, const float **input, sl_gp_fit_info *info, sl_error *err)
{
    SL_REQUIRE(b != NULL && i < b->n_run, err);
    const entry *e = &b->entries[i];
    if (e->status != SL_OK) {
        if (err != NULL) *err = e->why;
        return e->status;
    }
    if (input != NULL) *input = b->inputs + i * b->input_size;
    if (info != NULL) *info = e->info;
    return SL_OK;
}

const float *sl_gp_batch_features(const sl_gp_batch *b, size_t i)
{
    return b->raw + i * b->n_features;
}
