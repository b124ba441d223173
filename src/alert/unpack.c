#include "alert/unpack.h"

#include <stdlib.h>

#include <libdeflate.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "base/error.h"
#include "base/late.h"

#define DEFLATE_FUNCTIONS(X) \
    X(libdeflate_alloc_decompressor) X(libdeflate_deflate_decompress_ex) X(libdeflate_free_decompressor)
static struct { DEFLATE_FUNCTIONS(SL_LATE_POINTER) } ld;
static const char *const deflate_names[] = {DEFLATE_FUNCTIONS(SL_LATE_NAME)};
static sl_late deflate_library = SL_LATE("a block under deflate", SL_SONAME_DEFLATE, deflate_names, &ld);

#define SNAPPY_FUNCTIONS(X) X(snappy_uncompress) X(snappy_uncompressed_length)
static struct { SNAPPY_FUNCTIONS(SL_LATE_POINTER) } snappy;
static const char *const snappy_names[] = {SNAPPY_FUNCTIONS(SL_LATE_NAME)};
static sl_late snappy_library = SL_LATE("a block under snappy", SL_SONAME_SNAPPY, snappy_names, &snappy);

#define ZSTD_FUNCTIONS(X) \
    X(ZSTD_DCtx_reset) X(ZSTD_createDCtx) X(ZSTD_decompressStream) X(ZSTD_freeDCtx) X(ZSTD_isError)
static struct { ZSTD_FUNCTIONS(SL_LATE_POINTER) } zstd;
static const char *const zstd_names[] = {ZSTD_FUNCTIONS(SL_LATE_NAME)};
static sl_late zstd_library = SL_LATE("a block under zstandard", SL_SONAME_ZSTD, zstd_names, &zstd);

enum { FIRST_SIZE = 256 * 1024, SNAPPY_SUM = 4 };

void sl_unpacker_release(sl_unpacker *unpacker)
{
    if (unpacker->inflate != NULL) ld.libdeflate_free_decompressor(unpacker->inflate);
    if (unpacker->zstd != NULL) zstd.ZSTD_freeDCtx(unpacker->zstd);
    free(unpacker->bytes);
    *unpacker = (sl_unpacker){0};
}

static sl_status fail_damaged(const char *codec, sl_error *err)
{
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_CODEC, "the %s data of a block are damaged", codec);
}

static sl_status fail_bomb(size_t limit, sl_error *err)
{
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "a block unpacks to over %zu bytes", limit);
}

static sl_status resize(sl_unpacker *unpacker, size_t size, sl_error *err)
{
    if (size <= unpacker->size) return SL_OK;
    unsigned char *more = realloc(unpacker->bytes, size);
    if (more == NULL) return SL_FAIL_NOMEM(err);
    unpacker->bytes = more;
    unpacker->size = size;
    return SL_OK;
}

/* Room behind `have` bytes: twice as much, up to the limit and one more byte
   (which tells "just fits" from "goes on"). */
static sl_status make_room(sl_unpacker *unpacker, size_t have, size_t limit, sl_error *err)
{
    if (have > limit) return fail_bomb(limit, err);
    if (have < unpacker->size) return SL_OK;
    size_t size = unpacker->size > 0 ? unpacker->size * 2 : FIRST_SIZE;
    if (size > limit + 1) size = limit + 1;
    return resize(unpacker, size, err);
}

/* Raw deflate, anew with more room until all of it fits. Bytes behind its end are allowed: some writers leave zlib's
   sum there. */
static sl_status unpack_deflate(sl_unpacker *unpacker, const unsigned char *packed, size_t n_packed, size_t limit,
                                size_t *n_out, sl_error *err)
{
    SL_TRY(sl_late_load(&deflate_library, err));
    if (unpacker->inflate == NULL) unpacker->inflate = ld.libdeflate_alloc_decompressor();
    if (unpacker->inflate == NULL) return SL_FAIL_NOMEM(err);
    for (size_t have = 0;;) {
        SL_TRY(make_room(unpacker, have, limit, err));
        have = unpacker->size;
        size_t n_used;
        const enum libdeflate_result result = ld.libdeflate_deflate_decompress_ex(
            unpacker->inflate, packed, n_packed, unpacker->bytes, have, &n_used, n_out);
        if (result == LIBDEFLATE_SUCCESS) return *n_out > limit ? fail_bomb(limit, err) : SL_OK;
        if (result != LIBDEFLATE_INSUFFICIENT_SPACE) return fail_damaged("deflate", err);
    }
}

static sl_status unpack_snappy(sl_unpacker *unpacker, const unsigned char *packed, size_t n_packed, size_t limit,
                               size_t *n_out, sl_error *err)
{
    if (n_packed < SNAPPY_SUM) return fail_damaged("snappy", err);
    SL_TRY(sl_late_load(&snappy_library, err));
    const size_t n = n_packed - SNAPPY_SUM;
    const unsigned char *sum = packed + n;
    size_t size;
    if (snappy.snappy_uncompressed_length((const char *)packed, n, &size) != SNAPPY_OK) return fail_damaged("snappy", err);
    if (size > limit) return fail_bomb(limit, err);
    /* What snappy makes of n bytes is bounded; a length beyond is not worth its memory. */
    if (size / 64 > n) return fail_damaged("snappy", err);
    SL_TRY(resize(unpacker, size + 1, err));
    *n_out = size;
    if (snappy.snappy_uncompress((const char *)packed, n, (char *)unpacker->bytes, n_out) != SNAPPY_OK) {
        return fail_damaged("snappy", err);
    }
    const uLong expected = (uLong)sum[0] << 24 | (uLong)sum[1] << 16 | (uLong)sum[2] << 8 | sum[3];
    return crc32_z(crc32(0, NULL, 0), unpacker->bytes, *n_out) == expected ? SL_OK : fail_damaged("snappy", err);
}

static sl_status unpack_zstd(sl_unpacker *unpacker, const unsigned char *packed, size_t n_packed, size_t limit,
                             size_t *n_out, sl_error *err)
{
    SL_TRY(sl_late_load(&zstd_library, err));
    if (unpacker->zstd == NULL) unpacker->zstd = zstd.ZSTD_createDCtx();
    if (unpacker->zstd == NULL) return SL_FAIL_NOMEM(err);
    zstd.ZSTD_DCtx_reset(unpacker->zstd, ZSTD_reset_session_only);
    ZSTD_inBuffer in = {packed, n_packed, 0};
    size_t have = 0, left = 1;
    while (left != 0 || in.pos < in.size) {
        SL_TRY(make_room(unpacker, have, limit, err));
        ZSTD_outBuffer out = {unpacker->bytes, unpacker->size, have};
        const size_t before = in.pos;
        left = zstd.ZSTD_decompressStream(unpacker->zstd, &out, &in);
        if (zstd.ZSTD_isError(left)) return fail_damaged("zstandard", err);
        if (left != 0 && out.pos == have && in.pos == before) return fail_damaged("zstandard", err);
        have = out.pos;
    }
    *n_out = have;
    return have > limit ? fail_bomb(limit, err) : SL_OK;
}

sl_status sl_unpack(sl_unpacker *unpacker, sl_avro_codec codec, const unsigned char *packed, size_t n_packed,
                    size_t limit, const unsigned char **out, size_t *n_out, sl_error *err)
{
    SL_REQUIRE(n_packed <= UINT32_MAX / 2 && limit <= UINT32_MAX / 2, err);
    sl_status status = SL_OK;
    switch (codec) {
    case SL_AVRO_NULL:
        *out = packed;
        *n_out = n_packed;
        return n_packed <= limit ? SL_OK : fail_bomb(limit, err);
    case SL_AVRO_DEFLATE: status = unpack_deflate(unpacker, packed, n_packed, limit, n_out, err); break;
    case SL_AVRO_SNAPPY: status = unpack_snappy(unpacker, packed, n_packed, limit, n_out, err); break;
    case SL_AVRO_ZSTANDARD: status = unpack_zstd(unpacker, packed, n_packed, limit, n_out, err); break;
    default: return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "no such codec: %d", (int)codec);
    }
    *out = unpacker->bytes;
    return status;
}
