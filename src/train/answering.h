/* train/answering.h - answers with threads that are there already. */
#ifndef SL_TRAIN_ANSWERING_H
#define SL_TRAIN_ANSWERING_H

#include "starling/answers.h"
#include "train/pool.h"

/* As sl_answers_run; the contracts are not compared. */
sl_status sl_answers_run_on(sl_pool *pool, const sl_model *model, const sl_dataset *data, size_t n, const size_t *rows,
                            unsigned want, sl_answers *out, sl_error *err);

#endif
