/* train/finish.h - the last step of a training: calibrate, judge, write. */
#ifndef SL_TRAIN_FINISH_H
#define SL_TRAIN_FINISH_H

#include "train/learner.h"
#include "train/split.h"

/* The weights as a model file, calibrated on the rows that validate where the options want it; fills the result's
   scores and temperature, of the model as it is written. */
sl_status sl_train_finish(const sl_learner *learner, const float *params, const sl_dataset *data, const sl_split *split,
                          const sl_train_options *options, const char *path, sl_train_result *result, sl_error *err);

#endif
