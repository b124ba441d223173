/* train/validate.h - how good weights are, told by the runner that will use them. */
#ifndef SL_TRAIN_VALIDATE_H
#define SL_TRAIN_VALIDATE_H

#include "starling/scores.h"
#include "train/learner.h"
#include "starling/dataset.h"

/* Scores of the given weights on some rows of the data set, without intervals. */
sl_status sl_validate(const sl_learner *learner, const float *params, const sl_dataset *data, size_t n,
                      const size_t *rows, sl_scores *out, sl_error *err);

/* The same of a model that is there. */
sl_status sl_validate_model(const sl_learner *learner, const sl_model *model, const sl_dataset *data, size_t n,
                            const size_t *rows, sl_scores *out, sl_error *err);

#endif
