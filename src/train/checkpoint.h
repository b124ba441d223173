/*
 * train/checkpoint.h - a run on disk: everything that the next epoch depends
 * on. All chance comes from (seed, epoch, object), so no generator has a state.
 */
#ifndef SL_TRAIN_CHECKPOINT_H
#define SL_TRAIN_CHECKPOINT_H

#include "train/learner.h"

/* Where a run stands behind an epoch. */
typedef struct sl_train_state {
    uint64_t epoch, best_epoch, step;
    uint64_t waited;    /* epochs without a lower loss since the rate was reduced last */
    double factor;      /* of the rate, on a plateau */
    double best_loss;
    double train_loss, loss, accuracy; /* of the last epoch */
    double rate, seconds;
} sl_train_state;

/* `run` names options and data: a checkpoint of another run is refused. */
sl_status sl_checkpoint_write(const char *path, uint64_t run, const sl_train_state *state, const sl_learner *learner,
                              const float *best, sl_error *err);
/* SL_DONE where there is no such file. */
sl_status sl_checkpoint_read(const char *path, uint64_t run, sl_train_state *state, sl_learner *learner, float *best,
                             sl_error *err);

/* FNV-1a, to be gone on with; begin with SL_HASH_START. */
#define SL_HASH_START 0xcbf29ce484222325u
uint64_t sl_hash_more(uint64_t hash, const void *bytes, size_t n);

#endif
