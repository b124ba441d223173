/* simulate/packet.h - a history as a record of a survey's schema. */
#ifndef SL_SIMULATE_PACKET_H
#define SL_SIMULATE_PACKET_H

#include "alert/avro_write.h"
#include "simulate/history.h"
#include "simulate/stamps.h"

enum { SL_LSST_SCHEMA_ID = 1000 }; /* 100 major + minor of lsst.v10_0 */

typedef struct sl_packet_names {
    int64_t alert;         /* candid or diaSourceId */
    int64_t object_number; /* diaObjectId; ZTF has none */
    char object[24];       /* objectId, or diaObjectId as text */
} sl_packet_names;

/* What the alert is called; differs from all others of the night. */
void sl_packet_name_ztf(sl_packet_names *names, const sl_history *history, uint64_t seed);
void sl_packet_name_lsst(sl_packet_names *names, const sl_history *history, uint64_t seed);

/*
 * Append one record to out. `stamps` is NULL for a packet without. With
 * `endless` the history's array claims 2^62 elements. The record's lesser
 * fields are drawn from rng. Failure is out's.
 */
void sl_packet_put_ztf(sl_avro_out *out, const sl_history *history, const sl_packet_names *names,
                       const sl_stamp_set *stamps, bool endless, sl_rng *rng);
void sl_packet_put_lsst(sl_avro_out *out, const sl_history *history, const sl_packet_names *names,
                        const sl_stamp_set *stamps, bool endless, sl_rng *rng);

/* YYYYMMDD of a modified Julian date. */
int64_t sl_packet_date(double mjd);

#endif
