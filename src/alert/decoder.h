/*
 * alert/decoder.h - what the pipeline needs of a decoder beside
 * starling/alert.h: single blocks, and schemas shared between threads.
 */
#ifndef SL_ALERT_DECODER_H
#define SL_ALERT_DECODER_H

#include "alert/container.h"
#include "starling/alert.h"

/*
 * Decode the records of one block, in order; fn and the return value as with
 * sl_alert_decode. Borrows header and block. Together the calls of fn stand
 * for block->count records, unless the count itself is impossible: then 1.
 * A container read block by block through one decoder a thread gives what
 * sl_alert_decode gives for the whole.
 */
sl_status sl_alert_decode_block(sl_alert_decoder *decoder, const sl_container_header *header,
                                const sl_container_block *block, sl_alert_fn fn, void *user, sl_error *err);

/* True where the bytes may be a Confluent-framed message: byte 0, then a 4-byte schema id. */
bool sl_alert_is_framed(const void *bytes, size_t n_bytes);

/* The schema id of a framed message of 5 bytes or more. */
static inline uint32_t sl_alert_frame_id(const unsigned char *bytes)
{
    return (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
}

/* The full name of a container's schema, empty where it has none or is no schema; cut after 127 bytes. Borrows from
   the decoder until it meets a schema that is new to it. Negative only where memory ran out. */
sl_status sl_alert_decoder_schema_name(sl_alert_decoder *decoder, const sl_container_header *header,
                                       const char **name, sl_error *err);

/* Use the schemas that `from` has loaded, instead of loading them again. They
   are counted and never change: both may be used and freed in any order by
   different threads afterwards, but not during this call. */
void sl_alert_decoder_share_schemas(sl_alert_decoder *decoder, const sl_alert_decoder *from);

#endif
