#include "train/learner.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { CHUNK = 8192 /* parameters that a thread adds up at a time */ };

/* Gradients, and three averages. */
static size_t learner_floats(const sl_learner *l)
{
    return (l->n_slots + 3) * l->net->n_params;
}

static sl_status fill(sl_learner *l, const sl_model_parts *parts, const sl_train_drops *drops, size_t batch, size_t threads,
                      sl_error *err)
{
    SL_TRY(sl_train_net_new(parts, sl_train_batch(parts, batch), drops, &l->net, err));
    SL_TRY(sl_pool_new(threads, &l->pool, err));
    const size_t micro = (batch + l->net->batch - 1) / l->net->batch, n = l->net->n_params;
    l->n_slots = micro < SL_SLOTS ? micro : SL_SLOTS;
    l->walks = calloc(threads, sizeof(sl_walk *));
    l->grads = aligned_alloc(SL_ARENA_ALIGN, learner_floats(l) * sizeof *l->grads);
    if (l->walks == NULL || l->grads == NULL) return SL_FAIL_NOMEM(err);
    memset(l->grads, 0, learner_floats(l) * sizeof *l->grads);
    l->m = l->grads + l->n_slots * n;
    l->v = l->m + n;
    l->average = l->v + n;
    l->weights = l->net->params;
    memcpy(l->average, l->net->params, n * sizeof *l->average);
    for (; l->n_walks < threads; l->n_walks++) SL_TRY(sl_walk_new(l->net, &l->walks[l->n_walks], err));
    return SL_OK;
}

sl_status sl_learner_new(const sl_model_parts *parts, const sl_train_drops *drops, size_t batch, size_t threads,
                         sl_learner **out, sl_error *err)
{
    SL_REQUIRE(batch > 0 && threads > 0, err);
    sl_learner *l = calloc(1, sizeof *l);
    if (l == NULL) return SL_FAIL_NOMEM(err);
    const sl_status status = fill(l, parts, drops, batch, threads, err);
    if (status != SL_OK) {
        sl_learner_free(l);
        return status;
    }
    *out = l;
    return SL_OK;
}

void sl_learner_free(sl_learner *l)
{
    if (l == NULL) return;
    sl_pool_free(l->pool);
    for (size_t i = 0; i < l->n_walks; i++) sl_walk_free(l->walks[i]);
    free(l->walks);
    free(l->grads);
    free(l->constrained);
    sl_train_net_free(l->net);
    free(l);
}

size_t sl_learner_bytes(const sl_learner *l)
{
    return learner_floats(l) * sizeof(float) + 2 * l->net->n_params * sizeof(float) + l->n_walks * sl_walk_bytes(l->net);
}

sl_status sl_learner_constrain(sl_learner *l, const sl_constraint *constraint, uint64_t steps, sl_error *err)
{
    const size_t n = l->net->n_params;
    SL_REQUIRE(l->constrained == NULL && l->step == 0, err);
    l->constrained = aligned_alloc(SL_ARENA_ALIGN, 2 * n * sizeof *l->constrained);
    if (l->constrained == NULL) return SL_FAIL_NOMEM(err);
    l->weights = memcpy(l->constrained, l->net->params, n * sizeof *l->weights);
    l->constraint = constraint;
    SL_TRY(constraint->begin(constraint->user, l->net, l->weights, steps, err));
    constraint->see(constraint->user, l->weights, l->net->params);
    sl_train_net_turn(l->net);
    return SL_OK;
}

const float *sl_learner_seen(sl_learner *l)
{
    if (l->constraint == NULL) return l->average;
    float *seen = l->constrained + l->net->n_params;
    l->constraint->see(l->constraint->user, l->average, seen);
    return seen;
}

static void learn_slot(void *user, size_t worker, size_t slot)
{
    sl_learner *l = user;
    float *grad = l->grads + slot * l->net->n_params;
    double sum = 0;
    memset(grad, 0, l->net->n_params * sizeof *grad);
    for (size_t i = slot * l->net->batch; i < l->n; i += l->n_slots * l->net->batch) {
        const size_t n = l->n - i < l->net->batch ? l->n - i : l->net->batch;
        sum += sl_walk_learn(l->walks[worker], l->lessons + i, n, l->loss, grad);
    }
    l->losses[slot] = sum;
}

static void add_chunk(void *user, size_t worker, size_t chunk)
{
    const sl_learner *l = user;
    const size_t n = l->net->n_params, first = chunk * CHUNK, count = n - first < CHUNK ? n - first : CHUNK;
    (void)worker;
    for (size_t distance = 1; distance < l->n_slots; distance *= 2) {
        for (size_t s = 0; s + distance < l->n_slots; s += 2 * distance) {
            float *to = l->grads + s * n + first;
            const float *from = to + distance * n;
            for (size_t i = 0; i < count; i++) to[i] += from[i];
        }
    }
}

double sl_learner_gradient(sl_learner *l, const sl_lesson *lessons, size_t n, const sl_loss *loss)
{
    l->lessons = lessons;
    l->n = n;
    l->loss = loss;
    sl_pool_run(l->pool, l->n_slots, learn_slot, l);
    sl_pool_run(l->pool, (l->net->n_params + CHUNK - 1) / CHUNK, add_chunk, l);
    double sum = 0;
    for (size_t s = 0; s < l->n_slots; s++) sum += l->losses[s];
    return sum;
}

void sl_learner_step(sl_learner *l, const sl_adam *adam, float rate, float clip, float keep)
{
    sl_train_net *net = l->net;
    const sl_constraint *c = l->constraint;
    if (c != NULL) c->share(c->user, l->grads);
    const double norm = clip > 0 ? sl_gradient_norm(net, l->grads) : 0;
    const float factor = norm > (double)clip ? (float)((double)clip / norm) : 1;
    sl_adam_step(adam, net, ++l->step, rate, factor, l->grads, l->m, l->v, l->weights);
    sl_average_step(net->n_params, keep, l->weights, l->average);
    if (c != NULL) {
        c->step(c->user, l->step, l->weights, l->average);
        c->see(c->user, l->weights, net->params);
    }
    sl_train_net_turn(net);
}
