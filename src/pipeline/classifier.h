/* pipeline/classifier.h - what a run needs of a classifier beside starling/pipeline.h. */
#ifndef SL_PIPELINE_CLASSIFIER_H
#define SL_PIPELINE_CLASSIFIER_H

#include "alert/decoder.h"
#include "starling/pipeline.h"

/* The decoder that it reads bytes with. Borrows. */
sl_alert_decoder *sl_classifier_decoder(sl_classifier *classifier);

/*
 * A batch: what is added comes out as results in the same order, when it is
 * finished. Everything is copied. One that is full must be finished before
 * more is added. Failure is SL_ERR_NOMEM or a fault of ours, and what was in
 * the batch is lost.
 */
sl_status sl_classifier_add(sl_classifier *classifier, const sl_alert *alert, sl_error *err);
/* n records that could not be decoded. */
sl_status sl_classifier_add_broken(sl_classifier *classifier, sl_reason reason, size_t n, sl_str object_id,
                                   const char *message, sl_error *err);
bool sl_classifier_full(const sl_classifier *classifier);
/* Tell each result to fn; the return is what that stopped with. The batch is empty then. */
sl_status sl_classifier_finish(sl_classifier *classifier, sl_result_fn fn, void *user, sl_error *err);
/* Use the schemas that `from` has loaded. Both live on by themselves, but not during this call. */
void sl_classifier_share_schemas(sl_classifier *classifier, const sl_classifier *from);

#endif
