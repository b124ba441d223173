/* train/finish.h - the last step of a training: calibrate, judge, pack up. */
#ifndef SL_TRAIN_FINISH_H
#define SL_TRAIN_FINISH_H

#include "train/learner.h"
#include "train/split.h"

/* The weights as the bytes of a model file (gives; free), calibrated on the rows that validate where the options want
   it; fills the result's scores and temperature, of the model as it is. */
sl_status sl_train_finish(const sl_learner *learner, const float *params, const sl_dataset *data, const sl_split *split,
                          const sl_train_options *options, void **bytes, size_t *n_bytes, sl_train_result *result, sl_error *err);

#endif
