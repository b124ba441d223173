/*
 * pipeline/quarantine.h - the folder that keeps what could not be decoded.
 *
 *   NNNNNN-<name>.bin   the packet's bytes (of a container that was read in
 *                       pieces: a container of the piece)
 *   reasons.jsonl       a line for each: file, path, entry, record, records,
 *                       offset, reason, message
 *
 * Numbered in the order of the input; files of an earlier run are overwritten.
 */
#ifndef SL_PIPELINE_QUARANTINE_H
#define SL_PIPELINE_QUARANTINE_H

#include <stdio.h>

#include "pipeline/work.h"

typedef struct sl_quarantine {
    char *folder; /* NULL: nothing is kept */
    FILE *reasons;
    uint64_t n_files;
    sl_avro_out line;
} sl_quarantine;

/* Makes the folder if it is missing. NULL: keep nothing. SL_ERR_IO. Close also where opening failed. */
sl_status sl_quarantine_open(sl_quarantine *q, const char *folder, sl_error *err);
/* Keep what a work item's notes speak of. SL_ERR_IO where it cannot be written. */
sl_status sl_quarantine_keep(sl_quarantine *q, const sl_work *work, sl_error *err);
/* SL_ERR_IO where the last lines could not be written. */
sl_status sl_quarantine_close(sl_quarantine *q, sl_error *err);

#endif
