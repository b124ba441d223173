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
    float *inputs;       /* capacity x input_size */
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
    b->scratch = calloc(sl_gp_grid_scratch(contract), sizeof *b->scratch);
    if (b->entries == NULL || b->order == NULL || b->inputs == NULL || b->scratch == NULL) {
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

sl_status sl_gp_batch_add(sl_gp_batch *b, const sl_lightcurve *lc, sl_error *err)
{
    SL_REQUIRE(b != NULL && lc != NULL, err);
    SL_REQUIRE(b->n < b->capacity, err);
    SL_REQUIRE(lc->n_channels == b->contract.n_channels, err);
    entry *e = &b->entries[b->n];
    e->status = sl_gp_check_points(lc, &e->why);
    if (e->status == SL_OK) {
        double *room = SL_ARENA_NEW(&b->points, double, 5 * lc->n);
        if (room == NULL) return SL_FAIL_NOMEM(err);
        sl_gp_curve_load(&e->curve, &b->contract.gp, lc, room);
    }
    e->lc = *lc;
    e->lc.time = e->lc.flux = e->lc.error = e->lc.wavelength = NULL;
    e->lc.band = NULL;
    if (e->status == SL_OK) e->lc.flux = e->curve.flux;
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
    const size_t n = sort_longest_first(b);
    SL_TRY(sl_gp_engine_fit(&b->engine, &b->contract.gp, n, b->order, err));
    for (; b->n_run < b->n; b->n_run++) {
        entry *e = &b->entries[b->n_run];
        if (e->status == SL_OK) e->status = sl_gp_curve_outcome(&e->curve, &e->info, &e->why);
        if (e->status != SL_OK) continue;
        e->status = sl_gp_curve_grid(&e->curve, &b->contract, &e->lc, b->scratch,
                                     b->inputs + b->n_run * b->input_size, NULL, &e->why);
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
