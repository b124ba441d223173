/* pipeline/classifier.h - what a run needs of a classifier beside starling/pipeline.h. */
#ifndef SL_PIPELINE_CLASSIFIER_H
#define SL_PIPELINE_CLASSIFIER_H

#include "alert/decoder.h"
#include "starling/pipeline.h"

/* The decoder that it reads bytes with. Borrows. */
sl_alert_decoder *sl_classifier_decoder(sl_classifier *classifier);
/* What became of n records that could not be decoded. Borrows the message. */
sl_result sl_result_quarantined(const sl_contract *contract, sl_reason reason, size_t n, const char *message);
/* Use the schemas that `from` has loaded. Both live on by themselves, but not during this call. */
void sl_classifier_share_schemas(sl_classifier *classifier, const sl_classifier *from);

#endif
