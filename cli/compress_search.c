/*
 * Smaller networks, taught by the model: sizes are tried for a few epochs each,
 * the better third of them three times as long, and so on. What an answer takes
 * is known before anything is learned, so too slow ones cost nothing.
 */
#include "compress_search.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "commands.h"
#include "compress_show.h"

enum { FACTOR = 3, LEAST_KEPT = 6 };

/* What a first look may be wrong by: times of a network that has not learned, bytes of one that learned for short. */
#define SLOW_MARGIN 1.1
#define LARGE_MARGIN 1.25

/* ---- what they cost ---- */

/* The contract of a size: its grid's, and no more features than it keeps. */
static sl_contract *contract_of(const search *s, const sl_sizing *size)
{
    sl_contract *contract = malloc(sizeof *contract);
    bool keep[SL_MAX_FEATURE_VALUES] = {false};
    if (contract == NULL) return NULL;
    *contract = *sl_dataset_contract(s->grids[size->grid]);
    for (uint32_t i = 0; i < size->features; i++) keep[i] = true;
    if (size->features < sl_contract_input_features(contract)) sl_contract_keep_features(contract, keep);
    return contract;
}

/* The times of a network that has learned nothing, and the operations of one that has all features, as in learning. */
static int look_at(const search *s, trial *t, const char *draft)
{
    sl_sizing all = t->size;
    all.features = s->whole.features;
    const sl_sizing *const sizes[] = {&all, &t->size};
    int code = EXIT_WELL;
    for (int k = 0; code == EXIT_WELL && k < 2; k++) {
        sl_contract *contract = contract_of(s, sizes[k]);
        sl_model *model = NULL;
        sl_model_info info;
        sl_error err;
        if (contract == NULL) return search_no_memory();
        sl_status status = sl_net_write(&t->size.net, contract, 1, draft, &err);
        free(contract);
        if (status == SL_OK && k == 0) status = sl_model_open(draft, &model, &err);
        if (status < 0) return say_failed("compress", t->name, &err);
        if (k == 0) sl_model_describe(model, &info);
        if (k == 0) t->flop = info.flop;
        sl_model_close(model);
        if (k == 1) code = compress_measure(draft, &t->row);
    }
    return code;
}

static int look_at_all(search *s, const char *draft)
{
    const compress_wishes *w = s->run->wishes;
    int code = EXIT_WELL;
    for (size_t i = 0; code == EXIT_WELL && i < s->n; i++) {
        trial *t = &s->trials[i];
        code = look_at(s, t, draft);
        if (w->most_us > 0 && t->row.run_us > SLOW_MARGIN * w->most_us) t->fate = FATE_SLOW;
    }
    /* The model as it is, beside them. */
    sl_compress_options as_it_is = w->options;
    as_it_is.steps = 0;
    as_it_is.student = false;
    as_it_is.shaped = true;
    return code == EXIT_WELL ? compress_once(s->run, s->run->model, &as_it_is, draft, &s->original) : code;
}

/* ---- rounds ---- */

static uint32_t epochs_of(const search *s, uint32_t round)
{
    double epochs = s->run->train.epochs;
    for (uint32_t r = round; r < s->run->wishes->rounds; r++) epochs /= FACTOR;
    return epochs > 1 ? (uint32_t)(epochs + 0.5) : 1;
}

static size_t kept_of(size_t n)
{
    const size_t third = (n + FACTOR - 1) / FACTOR;
    return third > LEAST_KEPT ? third : n < LEAST_KEPT ? n : LEAST_KEPT;
}

/* How much there is to do, this round and those behind it. */
static void plan_work(search *s)
{
    double flop = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->trials[i].fate != FATE_OPEN) continue;
        flop += s->trials[i].flop;
        n++;
    }
    s->left = flop * epochs_of(s, s->round);
    const double mean = n > 0 ? flop / (double)n : 0;
    for (uint32_t r = s->round + 1; r <= s->run->wishes->rounds; r++) {
        n = kept_of(n);
        s->left += mean * (double)n * epochs_of(s, r);
    }
}

static trial_fate judge(const search *s, const trial *t, bool last)
{
    const compress_wishes *w = s->run->wishes;
    const double large = last ? 1 : LARGE_MARGIN, slow = last ? 1 : SLOW_MARGIN;
    if (w->most_us > 0 && t->row.run_us > slow * w->most_us) return FATE_SLOW;
    if (w->most_bytes > 0 && (double)t->row.result.bytes_after > large * w->most_bytes) return FATE_LARGE;
    if (last && w->budget >= 0 && !sl_compress_within(&t->row.loss, w->budget)) return FATE_WORSE;
    return FATE_OPEN;
}

/* With a budget for the loss the smaller file is better, without one the lower loss. */
static bool is_better(const search *s, const trial *a, const trial *b)
{
    const size_t bytes = a->row.result.bytes_after, other = b->row.result.bytes_after;
    if (s->run->wishes->budget >= 0 && bytes != other) return bytes < other;
    return a->row.loss.after < b->row.loss.after;
}

/* Keep the file where it is the best so far. */
static int keep_best(search *s, trial *t, const char *draft, const char *best)
{
    for (size_t i = 0; i < s->n; i++) {
        trial *other = &s->trials[i];
        if (!other->chosen) continue;
        if (!is_better(s, t, other)) return EXIT_WELL;
        other->chosen = false;
    }
    t->chosen = true;
    if (rename(draft, best) == 0) return EXIT_WELL;
    fprintf(stderr, "starling compress: cannot write %s: %s\n", best, strerror(errno));
    return EXIT_IO;
}

/* The run of one trial in the round at hand; the wishes are what it borrows. */
static compress_run run_of(search *s, const trial *t, compress_wishes *w)
{
    compress_run run = *s->run;
    *w = *s->run->wishes;
    w->options.student = t->start == START_NEW;
    if (t->start == START_CUT) search_keep_units(&t->size.net, &w->options);
    w->options.sparsity = (float)t->sparsity;
    w->options.features = t->size.features < s->whole.features ? t->size.features : 0;
    run.wishes = w;
    run.train.net = t->size.net;
    run.train.epochs = t->epochs;
    run.train.progress = search_tell_epoch;
    run.train.user = s;
    run.small_data = t->size.grid > 0 ? s->grids[t->size.grid] : NULL;
    run.trial = (uint32_t)(t - s->trials) + 1;
    run.round = t->round;
    return run;
}

static int try_one(search *s, trial *t, const char *draft, const char *best)
{
    compress_wishes w;
    t->round = s->round;
    t->epochs = epochs_of(s, s->round);
    const compress_run run = run_of(s, t, &w);
    const bool last = s->round == w.rounds;
    int code = compress_once(&run, run.model, &w.options, draft, &t->row);
    if (code != EXIT_WELL) return code;
    t->fate = judge(s, t, last);
    s->done += t->flop * t->epochs;
    s->left -= t->flop * t->epochs;
    search_tell(s, t);
    if (w.ledger != NULL) code = compress_write_ledger(&run, &t->row, draft, false);
    if (code == EXIT_WELL && last && t->fate == FATE_OPEN) code = keep_best(s, t, draft, best);
    return code;
}

/* Times in steps of 5 %: what differs by less is the same. */
static double in_steps(double us)
{
    return floor(log(us) / log(1.05) + 0.5);
}

/* Those in the running, and their costs: bytes, time, loss. Before the end operations stand for the time, which differs
   from run to run, so that the same sizes go on. Returns how many. */
static size_t gather(const search *s, bool timed, size_t *index, double *costs)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const trial *t = &s->trials[i];
        if (t->fate != FATE_OPEN) continue;
        index[n] = i;
        costs[3 * n] = (double)t->row.result.bytes_after;
        costs[3 * n + 1] = timed ? in_steps(t->row.run_us) : t->flop;
        costs[3 * n + 2] = t->row.loss.after;
        n++;
    }
    return n;
}

/* After the last round: who is on the front; before it: who goes on. */
static int sift(search *s)
{
    const bool last = s->round == s->run->wishes->rounds;
    size_t *index = malloc(s->n * sizeof *index);
    double *costs = malloc(4 * s->n * sizeof *costs);
    uint32_t *rank = malloc(s->n * sizeof *rank);
    bool *stay = malloc(s->n * sizeof *stay);
    const bool room = index != NULL && costs != NULL && rank != NULL && stay != NULL;
    const size_t n = room ? gather(s, last, index, costs) : 0;
    double *loss = costs + 3 * s->n;
    if (room) {
        sl_sizing_rank(n, 3, costs, rank);
        for (size_t k = 0; k < n; k++) loss[k] = costs[3 * k + 2];
        sl_sizing_choose(n, rank, loss, kept_of(n), stay);
    }
    for (size_t k = 0; k < n; k++) {
        trial *t = &s->trials[index[k]];
        if (last) t->front = rank[k] == 0;
        else if (!stay[k]) t->fate = FATE_STOPPED;
    }
    free(index);
    free(costs);
    free(rank);
    free(stay);
    return room ? EXIT_WELL : search_no_memory();
}

static int run_rounds(search *s, const char *draft, const char *best)
{
    int code = EXIT_WELL;
    s->began_us = bench_now_us();
    for (s->round = 1; code == EXIT_WELL && s->round <= s->run->wishes->rounds; s->round++) {
        plan_work(s);
        for (s->at = 0; code == EXIT_WELL && s->at < s->n; s->at++) {
            trial *t = &s->trials[s->at];
            if (t->fate == FATE_OPEN) code = try_one(s, t, draft, best);
        }
        if (code == EXIT_WELL) code = sift(s);
    }
    return code;
}

/* ---- all ---- */

static int write_best(search *s, const char *best)
{
    const trial *chosen = NULL;
    for (size_t i = 0; i < s->n; i++) chosen = s->trials[i].chosen ? &s->trials[i] : chosen;
    char *path = compress_path(s->run, ".starling");
    int code = path == NULL ? search_no_memory() : EXIT_WELL;
    if (path != NULL && chosen == NULL) {
        fprintf(stderr, "starling compress: no size keeps to what was asked for: %s is not written\n", path);
        code = EXIT_SOME;
    } else if (path != NULL && rename(best, path) != 0) {
        fprintf(stderr, "starling compress: cannot write %s: %s\n", path, strerror(errno));
        code = EXIT_IO;
    }
    if (code == EXIT_WELL && s->run->wishes->ledger != NULL) {
        compress_wishes w;
        const compress_run run = run_of(s, chosen, &w);
        code = compress_write_ledger(&run, &chosen->row, path, true);
    }
    free(path);
    return code;
}

int compress_search(const compress_run *given)
{
    compress_run run = *given;
    search s = {.run = &run};
    char *draft = compress_path(given, ".draft"), *best = compress_path(given, ".best");
    float *soft = NULL;
    int code = draft == NULL || best == NULL ? search_no_memory() : search_list(&s);
    if (code == EXIT_WELL) code = look_at_all(&s, draft);
    if (code == EXIT_WELL) code = compress_ask_teachers(&run, search_tell_epoch, &s, &soft);
    if (code == EXIT_WELL) code = run_rounds(&s, draft, best);
    if (code == EXIT_WELL) code = search_show(&s);
    if (code == EXIT_WELL) code = write_best(&s, best);
    if (draft != NULL) unlink(draft);
    if (best != NULL) unlink(best);
    for (uint32_t k = 1; k < s.n_grids; k++) sl_dataset_close(s.grids[k]);
    free(s.trials);
    free(draft);
    free(best);
    free(soft);
    return code;
}
