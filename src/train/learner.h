/*
 * train/learner.h - a network that learns batch by batch, on several threads.
 *
 * A batch falls into micro-batches of net->batch objects, those into at most
 * SL_SLOTS slots: micro-batch i belongs to slot i % SL_SLOTS. A slot adds up its
 * own gradient, in order, on whichever thread has time; then the slots are
 * added in pairs. So every sum has one order, whatever the threads.
 */
#ifndef SL_TRAIN_LEARNER_H
#define SL_TRAIN_LEARNER_H

#include "train/adam.h"
#include "train/constraint.h"
#include "train/pool.h"
#include "train/walk.h"

enum { SL_SLOTS = 16 };

typedef struct sl_learner {
    sl_train_net *net;
    sl_pool *pool;
    size_t n_walks;
    sl_walk **walks; /* one a thread */
    size_t n_slots;
    float *grads; /* n_slots x n_params; the sum ends up in the first */
    float *m, *v, *average; /* average: of the weights */
    float *weights;         /* the optimiser's; the network's own (net->params) unless there is a constraint */
    const sl_constraint *constraint; /* or NULL */
    float *constrained;     /* memory for weights, and for what is seen of their average */
    double losses[SL_SLOTS];
    uint64_t step; /* that have been made */
    const sl_lesson *lessons; /* the batch at hand */
    size_t n;
    const sl_loss *loss;
} sl_learner;

/* Batches of at most `batch` objects. */
sl_status sl_learner_new(const sl_model_parts *parts, const sl_train_drops *drops, size_t batch, size_t threads,
                         sl_learner **out, sl_error *err);
void sl_learner_free(sl_learner *learner);
size_t sl_learner_bytes(const sl_learner *learner);

/* From now on the weights obey, for a run of so many steps. Borrows the constraint. */
sl_status sl_learner_constrain(sl_learner *learner, const sl_constraint *constraint, uint64_t steps, sl_error *err);
/* The average of the weights as the network is to see it: n_params, good until the next call or step. */
const float *sl_learner_seen(sl_learner *learner);

/* The gradient of the sum of weight x loss into grads; gives that sum. */
double sl_learner_gradient(sl_learner *learner, const sl_lesson *lessons, size_t n, const sl_loss *loss);
/* One step along it: clipped to `clip` (0: not), and the average of the weights keeps `keep` (0: is the weights). */
void sl_learner_step(sl_learner *learner, const sl_adam *adam, float rate, float clip, float keep);

#endif
