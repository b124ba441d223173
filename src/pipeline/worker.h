/* pipeline/worker.h - from a work item's packets to its records. */
#ifndef SL_PIPELINE_WORKER_H
#define SL_PIPELINE_WORKER_H

#include "pipeline/sink.h"
#include "pipeline/work.h"

/* Fills in work's records, books and, with keep_notes, what was quarantined.
   Negative where the run cannot go on. */
sl_status sl_worker_do(sl_work *work, sl_classifier *classifier, const sl_sink *sink, bool keep_notes, sl_error *err);

/* Adds what `more` counts to `books`. */
void sl_ledger_add(sl_ledger *books, const sl_ledger *more);

#endif
