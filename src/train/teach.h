/* train/teach.h - teachers that never saw what they teach. */
#ifndef SL_TRAIN_TEACH_H
#define SL_TRAIN_TEACH_H

#include "starling/train.h"

/*
 * What options->teach teachers say of the rows of the objects to learn from:
 * gives *soft (rows of the data set x classes, NaN for all others; free).
 * SL_DONE where `progress` ended it. started_ns: when the run began.
 */
sl_status sl_teach(const sl_dataset *data, const sl_train_options *options, uint64_t started_ns, float **soft, sl_error *err);

/* sl_train by its options alone, without teachers of its own, into the bytes of a model file (gives; free). train.c */
sl_status sl_train_memory(const sl_dataset *data, const sl_train_options *options, uint64_t started_ns, void **bytes,
                          size_t *n_bytes, sl_train_result *result, sl_error *err);

#endif
