/*
 * alert/avro_write.h - a small Avro encoder: values into a growing buffer,
 * and object containers around them.
 *
 * The buffer's failure is sticky: after memory ran out every put does
 * nothing, so that a caller writes a whole record and asks `failed` once.
 */
#ifndef SL_ALERT_AVRO_WRITE_H
#define SL_ALERT_AVRO_WRITE_H

#include "starling/base.h"

typedef struct sl_avro_out {
    unsigned char *bytes; /* NULL while empty */
    size_t len, size;
    bool failed; /* memory ran out: what is in here is not whole */
} sl_avro_out;

enum { SL_AVRO_SYNC = 16 };

typedef enum sl_avro_codec {
    SL_AVRO_NULL = 0,
    SL_AVRO_DEFLATE,
    SL_AVRO_SNAPPY,    /* read only */
    SL_AVRO_ZSTANDARD, /* read only */
    SL_AVRO_N_CODECS
} sl_avro_codec;

/* An empty buffer is {0}. */
void sl_avro_release(sl_avro_out *out);
/* Empty it, keep its memory; a failure is forgotten too. */
void sl_avro_reset(sl_avro_out *out);

/* n bytes as they are. */
void sl_avro_put_raw(sl_avro_out *out, const void *bytes, size_t n);
/* int and long alike: zigzag, seven bits a byte. */
void sl_avro_put_long(sl_avro_out *out, int64_t value);
void sl_avro_put_bool(sl_avro_out *out, bool value);
void sl_avro_put_float(sl_avro_out *out, float value);
void sl_avro_put_double(sl_avro_out *out, double value);
/* string and bytes alike: length, then the bytes. */
void sl_avro_put_bytes(sl_avro_out *out, const void *bytes, size_t n);
/* The same of a terminated text. */
void sl_avro_put_text(sl_avro_out *out, const char *text);
/* Which branch of a union follows, counted from 0. */
void sl_avro_put_union(sl_avro_out *out, int64_t branch);

/* Arrays and maps: any number of blocks of `count` > 0 elements each (a map's
   are key and value), then an end. */
void sl_avro_put_block(sl_avro_out *out, int64_t count);
/* The form of a block that a reader can skip at once: its elements take n_bytes. */
void sl_avro_put_sized_block(sl_avro_out *out, int64_t count, size_t n_bytes);
void sl_avro_put_end(sl_avro_out *out);

/*
 * An object container: header, then blocks of records that were encoded into
 * another buffer. The caller chooses the sync marker, so that the same input
 * gives the same file. codec: null or deflate. SL_ERR_NOMEM where out failed.
 */
sl_status sl_avro_put_header(sl_avro_out *out, const char *schema, size_t n_schema, sl_avro_codec codec,
                             const unsigned char sync[SL_AVRO_SYNC], sl_error *err);
sl_status sl_avro_put_container_block(sl_avro_out *out, sl_avro_codec codec, const unsigned char sync[SL_AVRO_SYNC],
                                      int64_t count, const void *records, size_t n_bytes, sl_error *err);

/* The name as the header's avro.codec has it; NULL outside the enum. */
const char *sl_avro_codec_name(sl_avro_codec codec);

#endif
