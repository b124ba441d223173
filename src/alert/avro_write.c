#include "alert/avro_write.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/error.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Avro's floats are little-endian, and so must the machine be"
#endif

static const char *const codec_names[SL_AVRO_N_CODECS] = {
    [SL_AVRO_NULL] = "null",
    [SL_AVRO_DEFLATE] = "deflate",
    [SL_AVRO_SNAPPY] = "snappy",
    [SL_AVRO_ZSTANDARD] = "zstandard",
};

const char *sl_avro_codec_name(sl_avro_codec codec)
{
    return (unsigned)codec < SL_AVRO_N_CODECS ? codec_names[codec] : NULL;
}

void sl_avro_release(sl_avro_out *out)
{
    free(out->bytes);
    *out = (sl_avro_out){0};
}

void sl_avro_reset(sl_avro_out *out)
{
    out->len = 0;
    out->failed = false;
}

/* Room for n more bytes, or NULL. */
static unsigned char *reserve(sl_avro_out *out, size_t n)
{
    if (out->failed) return NULL;
    if (n > out->size - out->len) {
        size_t size = out->size > 0 ? out->size : 256;
        while (size - out->len < n && size <= SIZE_MAX / 4) size *= 2;
        unsigned char *more = size - out->len >= n ? realloc(out->bytes, size) : NULL;
        if (more == NULL) {
            out->failed = true;
            return NULL;
        }
        out->bytes = more;
        out->size = size;
    }
    return out->bytes + out->len;
}

void sl_avro_put_raw(sl_avro_out *out, const void *bytes, size_t n)
{
    if (n == 0) return;
    unsigned char *to = reserve(out, n);
    if (to == NULL) return;
    memcpy(to, bytes, n);
    out->len += n;
}

void sl_avro_put_long(sl_avro_out *out, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    unsigned char *to = reserve(out, 10);
    if (to == NULL) return;
    size_t n = 0;
    for (; rest >= 0x80; rest >>= 7) to[n++] = (unsigned char)(rest | 0x80);
    to[n++] = (unsigned char)rest;
    out->len += n;
}

void sl_avro_put_bool(sl_avro_out *out, bool value)
{
    sl_avro_put_raw(out, value ? "\1" : "\0", 1);
}

void sl_avro_put_float(sl_avro_out *out, float value)
{
    sl_avro_put_raw(out, &value, sizeof value);
}

void sl_avro_put_double(sl_avro_out *out, double value)
{
    sl_avro_put_raw(out, &value, sizeof value);
}

void sl_avro_put_bytes(sl_avro_out *out, const void *bytes, size_t n)
{
    sl_avro_put_long(out, (int64_t)n);
    sl_avro_put_raw(out, bytes, n);
}

void sl_avro_put_text(sl_avro_out *out, const char *text)
{
    sl_avro_put_bytes(out, text, strlen(text));
}

void sl_avro_put_union(sl_avro_out *out, int64_t branch)
{
    sl_avro_put_long(out, branch);
}

void sl_avro_put_block(sl_avro_out *out, int64_t count)
{
    sl_avro_put_long(out, count);
}

void sl_avro_put_sized_block(sl_avro_out *out, int64_t count, size_t n_bytes)
{
    sl_avro_put_long(out, -count);
    sl_avro_put_long(out, (int64_t)n_bytes);
}

void sl_avro_put_end(sl_avro_out *out)
{
    sl_avro_put_long(out, 0);
}

sl_status sl_avro_put_header(sl_avro_out *out, const char *schema, size_t n_schema, sl_avro_codec codec,
                             const unsigned char sync[SL_AVRO_SYNC], sl_error *err)
{
    SL_REQUIRE(codec == SL_AVRO_NULL || codec == SL_AVRO_DEFLATE, err);
    sl_avro_put_raw(out, "Obj\1", 4);
    sl_avro_put_block(out, 2);
    sl_avro_put_text(out, "avro.schema");
    sl_avro_put_bytes(out, schema, n_schema);
    sl_avro_put_text(out, "avro.codec");
    sl_avro_put_text(out, codec_names[codec]);
    sl_avro_put_end(out);
    sl_avro_put_raw(out, sync, SL_AVRO_SYNC);
    return out->failed ? SL_FAIL_NOMEM(err) : SL_OK;
}

/* Raw deflate, without zlib's header and sum. Gives *packed; free with free(). */
static sl_status pack_deflate(const void *bytes, size_t n, void **packed, size_t *n_packed, sl_error *err)
{
    z_stream z = {0};
    SL_REQUIRE(n <= UINT32_MAX / 2, err);
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return SL_FAIL_NOMEM(err);
    }
    const size_t bound = deflateBound(&z, n);
    unsigned char *to = malloc(bound);
    sl_status status = to != NULL ? SL_OK : SL_FAIL_NOMEM(err);
    if (status == SL_OK) {
        z.next_in = (Bytef *)(uintptr_t)bytes;
        z.avail_in = (uInt)n;
        z.next_out = to;
        z.avail_out = (uInt)bound;
        if (deflate(&z, Z_FINISH) != Z_STREAM_END) {
            status = SL_FAIL(err, SL_ERR_INTERNAL, SL_REASON_NONE, "deflate did not finish within its own bound");
        }
    }
    deflateEnd(&z);
    if (status != SL_OK) {
        free(to);
        return status;
    }
    *packed = to;
    *n_packed = bound - z.avail_out;
    return SL_OK;
}

sl_status sl_avro_put_container_block(sl_avro_out *out, sl_avro_codec codec, const unsigned char sync[SL_AVRO_SYNC],
                                      int64_t count, const void *records, size_t n_bytes, sl_error *err)
{
    SL_REQUIRE(codec == SL_AVRO_NULL || codec == SL_AVRO_DEFLATE, err);
    SL_REQUIRE(count >= 0, err);
    void *packed = NULL;
    if (codec == SL_AVRO_DEFLATE) SL_TRY(pack_deflate(records, n_bytes, &packed, &n_bytes, err));
    sl_avro_put_long(out, count);
    sl_avro_put_bytes(out, packed != NULL ? packed : records, n_bytes);
    sl_avro_put_raw(out, sync, SL_AVRO_SYNC);
    free(packed);
    return out->failed ? SL_FAIL_NOMEM(err) : SL_OK;
}
