#include "alert/container.h"

#include <string.h>

#include "alert/varint.h"
#include "base/error.h"

enum { MAGIC = 4, MAX_VARINT = 10 };

bool sl_container_is(const void *bytes, size_t n_bytes)
{
    return n_bytes >= MAGIC && memcmp(bytes, "Obj\1", MAGIC) == 0;
}

/* A place in bytes that can only move forward. */
typedef struct cursor {
    const unsigned char *p, *end;
} cursor;

/* True where a varint that begins at p merely lacks its end. */
static bool varint_is_cut(const cursor *at)
{
    const unsigned char *p = at->p;
    while (p < at->end && *p >= 0x80) p++;
    return p == at->end && at->end - at->p < MAX_VARINT;
}

static sl_status take_long(cursor *at, int64_t *value, sl_error *err)
{
    const unsigned char *next = sl_varint(at->p, at->end, value);
    if (next == NULL) {
        if (varint_is_cut(at)) {
            return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TRUNCATED, "the container ends inside a number");
        }
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_CONTAINER, "the container has a number of over 64 bits");
    }
    at->p = next;
    return SL_OK;
}

static sl_status take_bytes(cursor *at, sl_str *bytes, sl_error *err)
{
    int64_t n;
    SL_TRY(take_long(at, &n, err));
    if (n < 0) return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_CONTAINER, "the header has a text of negative length");
    if (n > SL_CONTAINER_MAX_HEADER) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "the header is over %d bytes", SL_CONTAINER_MAX_HEADER);
    }
    if (n > at->end - at->p) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TRUNCATED, "the container ends inside its header");
    }
    *bytes = (sl_str){(const char *)at->p, (size_t)n};
    at->p += n;
    return SL_OK;
}

static bool is(sl_str text, const char *name)
{
    return text.len == strlen(name) && memcmp(text.ptr, name, text.len) == 0;
}

static sl_status take_codec(sl_container_header *header, sl_str name, sl_error *err)
{
    for (int codec = 0; codec < SL_AVRO_N_CODECS; codec++) {
        if (is(name, sl_avro_codec_name((sl_avro_codec)codec))) {
            header->codec = (sl_avro_codec)codec;
            return SL_OK;
        }
    }
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_CODEC,
                   "codec \"%.*s\" is none of null, deflate, snappy, zstandard",
                   name.len < 40 ? (int)name.len : 40, name.ptr);
}

/* The metadata: a map of bytes. */
static sl_status take_metadata(cursor *at, sl_container_header *header, sl_error *err)
{
    sl_str key = {0}, value = {0}, codec = {"null", 4};
    for (;;) {
        int64_t count, size;
        SL_TRY(take_long(at, &count, err));
        if (count == 0) break;
        if (count < 0) {
            SL_TRY(take_long(at, &size, err));
            if (count == INT64_MIN) return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_CONTAINER, "impossible header");
            count = -count;
        }
        for (int64_t i = 0; i < count; i++) {
            SL_TRY(take_bytes(at, &key, err));
            SL_TRY(take_bytes(at, &value, err));
            if (is(key, "avro.schema")) {
                header->schema = (const unsigned char *)value.ptr;
                header->n_schema = value.len;
            } else if (is(key, "avro.codec")) {
                codec = value;
            }
        }
    }
    return take_codec(header, codec, err);
}

sl_status sl_container_read_header(sl_container_header *header, const void *bytes, size_t n_bytes, size_t *n_used,
                                   sl_error *err)
{
    const unsigned char *start = bytes;
    *header = (sl_container_header){0};
    if (n_bytes == 0) return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_EMPTY, "there are no bytes");
    if (memcmp(start, "Obj\1", n_bytes < MAGIC ? n_bytes : MAGIC) != 0) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_UNKNOWN_FORMAT, "not an Avro container");
    }
    if (n_bytes < MAGIC) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TRUNCATED, "the container ends inside its header");
    }
    const bool more = n_bytes > SL_CONTAINER_MAX_HEADER;
    cursor at = {start + MAGIC, start + (more ? SL_CONTAINER_MAX_HEADER : n_bytes)};
    sl_error local;
    sl_status status = take_metadata(&at, header, &local);
    if (status == SL_OK && at.end - at.p < SL_AVRO_SYNC) {
        status = SL_FAIL(&local, SL_ERR_FORMAT, SL_REASON_TRUNCATED, "the container ends inside its header");
    }
    if (status != SL_OK && more && local.reason == SL_REASON_TRUNCATED) {
        status = SL_FAIL(&local, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "the header is over %d bytes",
                         SL_CONTAINER_MAX_HEADER);
    }
    if (status != SL_OK) {
        if (err != NULL) *err = local;
        return status;
    }
    if (header->schema == NULL) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_CONTAINER, "the header has no avro.schema");
    }
    memcpy(header->sync, at.p, SL_AVRO_SYNC);
    *n_used = (size_t)(at.p - start) + SL_AVRO_SYNC;
    return SL_OK;
}

/* Count and size at the beginning of a block, checked against each other. */
static sl_status take_block_head(cursor *at, sl_avro_codec codec, int64_t *count, size_t *n_bytes, sl_error *err)
{
    int64_t size;
    SL_TRY(take_long(at, count, err));
    SL_TRY(take_long(at, &size, err));
    if (*count < 0 || size < 0) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_CONTAINER, "a block of %lld records and %lld bytes",
                       (long long)*count, (long long)size);
    }
    if (size > SL_CONTAINER_MAX_BLOCK) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "a block of %lld bytes, over the bound of %d",
                       (long long)size, SL_CONTAINER_MAX_BLOCK);
    }
    /* Packed, a byte can stand for many records, but never for more than may come out. */
    if (*count > (codec == SL_AVRO_NULL ? size : SL_CONTAINER_MAX_BLOCK)) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_CONTAINER, "a block of %lld records in %lld bytes",
                       (long long)*count, (long long)size);
    }
    *n_bytes = (size_t)size;
    return SL_OK;
}

/* A block that failed: how many records are lost, as far as those of its bytes that are there vouch for it. */
static sl_status lost(sl_container_block *block, int64_t count, size_t n_there, size_t n_bytes, sl_status status)
{
    const size_t vouch = n_there < n_bytes ? n_there : n_bytes;
    *block = (sl_container_block){.count = count >= 1 && (uint64_t)count <= vouch ? count : 1};
    return status;
}

static sl_status fail_cut_block(size_t n_there, size_t n_bytes, sl_error *err)
{
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TRUNCATED, "the container ends %zu bytes into a block of %zu", n_there,
                   n_bytes + SL_AVRO_SYNC);
}

static sl_status fail_sync(sl_error *err)
{
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_CONTAINER, "the sync marker behind a block is not the header's");
}

sl_status sl_container_next_block(const sl_container_header *header, const void *bytes, size_t n_bytes, size_t *at,
                                  sl_container_block *block, sl_error *err)
{
    const unsigned char *start = bytes;
    if (*at >= n_bytes) return SL_DONE;
    cursor here = {start + *at, start + n_bytes};
    int64_t count = 0;
    size_t size = 0;
    const sl_status status = take_block_head(&here, header->codec, &count, &size, err);
    if (status != SL_OK) return lost(block, 1, 1, 1, status);
    const size_t left = (size_t)(here.end - here.p);
    if (left < size + SL_AVRO_SYNC) return lost(block, count, left, size, fail_cut_block(left, size, err));
    if (memcmp(here.p + size, header->sync, SL_AVRO_SYNC) != 0) return lost(block, count, left, size, fail_sync(err));
    *block = (sl_container_block){count, here.p, size};
    *at = (size_t)(here.p - start) + size + SL_AVRO_SYNC;
    return SL_OK;
}
