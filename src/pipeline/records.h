/* pipeline/records.h - the records in a work item, one after another, for whoever wants them. */
#ifndef SL_PIPELINE_RECORDS_H
#define SL_PIPELINE_RECORDS_H

#include "alert/decoder.h"
#include "pipeline/work.h"

/* Borrows from the item and the decoder, during the call that tells it. */
typedef struct sl_record {
    const sl_packet *packet;
    uint64_t number; /* in the file or entry, from 0 */
    size_t n;        /* of records that this stands for, as far as its bytes vouch for them */
    const sl_alert *alert;
    /* where alert is NULL */
    sl_reason reason; /* of quarantine */
    const char *message;
    sl_str object_id; /* where it is known */
} sl_record;

/* Return SL_OK to go on, anything else stops. */
typedef sl_status (*sl_record_fn)(void *user, const sl_record *record);

/* Every record of the item, in order. The return is what fn stopped with (then err is fn's to fill), or
   SL_ERR_NOMEM. */
sl_status sl_work_records(const sl_work *work, sl_alert_decoder *decoder, sl_record_fn fn, void *user, sl_error *err);

/* The reason that a record's failure is counted under. */
static inline sl_reason sl_record_reason(const sl_error *why)
{
    return sl_reason_is_quarantine(why->reason) ? why->reason : SL_REASON_BAD_RECORD;
}

#endif
