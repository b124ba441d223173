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

/* Use the schemas that `from` has loaded, instead of loading them again. They
   are counted and never change: both may be used and freed in any order by
   different threads afterwards, but not during this call. */
void sl_alert_decoder_share_schemas(sl_alert_decoder *decoder, const sl_alert_decoder *from);

#endif
