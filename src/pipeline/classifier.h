/* pipeline/classifier.h - what a run needs of a classifier beside starling/pipeline.h. */
#ifndef SL_PIPELINE_CLASSIFIER_H
#define SL_PIPELINE_CLASSIFIER_H

#include "starling/pipeline.h"

/* Use the schemas that `from` has loaded. Both live on by themselves, but not during this call. */
void sl_classifier_share_schemas(sl_classifier *classifier, const sl_classifier *from);

#endif
