/*
 * train/constraint.h - what the weights of a network in training must obey:
 * pruned ones are 0, those of a cluster are equal, all can be stored in so many
 * bits. Who compresses says how; the loop only asks.
 *
 * The optimiser moves weights of its own; the network sees what `see` makes of
 * them, and the gradient by what is seen counts as theirs (straight-through:
 * Bengio et al. 2013, arXiv:1308.3432) unless `share` says otherwise. All run
 * on one thread, in the order of the steps.
 */
#ifndef SL_TRAIN_CONSTRAINT_H
#define SL_TRAIN_CONSTRAINT_H

#include "starling/train.h"
#include "train/net.h"

struct sl_constraint {
    void *user;
    /* Once, before the first step: the network (n_params weights, net->tensors), its weights so far, and how many steps
       there will be at most. */
    sl_status (*begin)(void *user, const sl_train_net *net, const float *weights, uint64_t steps, sl_error *err);
    /* Before the gradient is clipped: pruned weights have none, those of a cluster share theirs. */
    void (*share)(void *user, float *grad);
    /* Behind step number `step` (1 is the first): time to choose anew. May change the weights and their average. */
    void (*step)(void *user, uint64_t step, float *weights, float *average);
    /* What the network sees: from weights (or their average) to seen, n_params each. */
    void (*see)(void *user, const float *weights, float *seen);
    /* Whether what is seen behind so many steps has the form that was asked for: only then it can be the best. */
    bool (*settled)(void *user, uint64_t step);
};

#endif
