/* pipeline/models.h - several models in one run: each alert goes to the one that suits it. */
#ifndef SL_PIPELINE_MODELS_H
#define SL_PIPELINE_MODELS_H

#include "starling/pipeline.h"

/* 1 to SL_MAX_MODELS, none NULL, with the same classes: SL_ERR_INVAL. */
sl_status sl_models_check(const sl_model *const *models, size_t n, sl_error *err);

/* Which of the n > 0 contracts an alert goes to; starling/pipeline.h tells the rule. */
size_t sl_models_pick(const sl_contract *const *contracts, size_t n, const sl_alert *alert);

#endif
