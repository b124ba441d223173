/* train/novelty_fit.h - what it takes to say that an input is unlike the training set. */
#ifndef SL_TRAIN_NOVELTY_FIT_H
#define SL_TRAIN_NOVELTY_FIT_H

#include "base/arena.h"
#include "model/novelty.h"
#include "starling/answers.h"

/* As sl_model_calibrate has it; the arrays are the arena's. */
sl_status sl_novelty_fit(const sl_answers *taught, const sl_answers *held, sl_novelty_kind kind, double ridge,
                         sl_arena *arena, sl_novelty *out, sl_error *err);

#endif
