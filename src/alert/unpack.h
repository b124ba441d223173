/* alert/unpack.h - the codecs of Avro containers. One unpacker a thread; it
 * keeps its memory from block to block. */
#ifndef SL_ALERT_UNPACK_H
#define SL_ALERT_UNPACK_H

#include "alert/avro_write.h"

typedef struct sl_unpacker {
    unsigned char *bytes;
    size_t size;
    void *inflate; /* struct libdeflate_decompressor, once it was needed */
    void *zstd;    /* ZSTD_DCtx, likewise */
} sl_unpacker;

/* An unused unpacker is {0}. */
void sl_unpacker_release(sl_unpacker *unpacker);

/*
 * Unpack one block. *out borrows from `packed` (null codec) or from the
 * unpacker until the next call. Damaged data: SL_REASON_BAD_CODEC; over
 * `limit` bytes when unpacked: SL_REASON_TOO_LARGE.
 */
sl_status sl_unpack(sl_unpacker *unpacker, sl_avro_codec codec, const unsigned char *packed, size_t n_packed,
                    size_t limit, const unsigned char **out, size_t *n_out, sl_error *err);

#endif
