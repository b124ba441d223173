/*
 * alert/container.h - Avro object containers: the header, then blocks.
 *
 * Everything borrows from the bytes. A header never changes after it was read
 * and may be shared by threads. What a block holds is not looked at here; decoder.h does that.
 */
#ifndef SL_ALERT_CONTAINER_H
#define SL_ALERT_CONTAINER_H

#include "alert/avro_write.h"

enum {
    SL_CONTAINER_MAX_HEADER = 16 << 20, /* bytes */
    SL_CONTAINER_MAX_BLOCK = 256 << 20  /* bytes, packed and unpacked alike */
};

typedef struct sl_container_header {
    const unsigned char *schema; /* the writer's, as JSON */
    size_t n_schema;
    sl_avro_codec codec;
    unsigned char sync[SL_AVRO_SYNC];
} sl_container_header;

typedef struct sl_container_block {
    int64_t count;              /* of records, as the block says: >= 0, else unproven */
    const unsigned char *bytes; /* still packed by the header's codec */
    size_t n_bytes;
} sl_container_block;

/* True where the bytes begin like an Avro object container. */
bool sl_container_is(const void *bytes, size_t n_bytes);

/* Read the header. Borrows bytes; *n_used is where the first block begins. */
sl_status sl_container_read_header(sl_container_header *header, const void *bytes, size_t n_bytes, size_t *n_used,
                                   sl_error *err);
/*
 * The block at *at of bytes, and *at moves behind it; SL_DONE at the end.
 * On failure nothing behind it can be found. block->count is then how many
 * records are lost with it as far as can be told, at least 1.
 */
sl_status sl_container_next_block(const sl_container_header *header, const void *bytes, size_t n_bytes, size_t *at,
                                  sl_container_block *block, sl_error *err);

#endif
