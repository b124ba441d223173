/*
 * alert/container.h - Avro object containers: the header, then blocks.
 *
 * Two ways in. Over memory everything borrows from the bytes. From a stream
 * one block at a time is copied out, so that a container of a million records
 * needs no more memory than its largest block, and blocks can go to other
 * threads: a header never changes after it was read and may be shared.
 *
 * What a block holds is not looked at here; decoder.h does that.
 */
#ifndef SL_ALERT_CONTAINER_H
#define SL_ALERT_CONTAINER_H

#include "alert/avro_write.h"
#include "base/stream.h"

enum {
    SL_CONTAINER_MAX_HEADER = 16 << 20, /* bytes */
    SL_CONTAINER_MAX_BLOCK = 256 << 20  /* bytes, packed and unpacked alike */
};

typedef struct sl_container_header {
    const unsigned char *schema; /* the writer's, as JSON */
    size_t n_schema;
    sl_avro_codec codec;
    unsigned char sync[SL_AVRO_SYNC];
    void *owned; /* what a header read from a stream keeps its schema in, else NULL */
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

typedef struct sl_container_reader {
    sl_stream *stream;
    const sl_container_header *header;
    unsigned char *ahead; /* bytes read and not yet given out: [begin, end) */
    size_t begin, end, size;
} sl_container_reader;

/*
 * Read the header from a stream. Borrows the stream and reads beyond the
 * container's end where there is more. Release the header when the last block
 * is done with, the reader any time; each also where opening failed.
 */
sl_status sl_container_open(sl_container_reader *reader, sl_stream *stream, sl_container_header *header,
                            sl_error *err);
void sl_container_close(sl_container_reader *reader);
void sl_container_header_release(sl_container_header *header);

/* Memory of one block; {0} to begin with, may be used again and again. */
typedef struct sl_container_buffer {
    unsigned char *bytes;
    size_t size;
} sl_container_buffer;
void sl_container_buffer_release(sl_container_buffer *buffer);

/* The next block into buffer, which `block` then borrows from. SL_DONE and
   failures as with sl_container_next_block; also SL_ERR_IO. */
sl_status sl_container_read_block(sl_container_reader *reader, sl_container_buffer *buffer,
                                  sl_container_block *block, sl_error *err);

#endif
