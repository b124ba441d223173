#include "alert/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "alert/plan_cache.h"
#include "alert/schema_set.h"
#include "alert/unpack.h"
#include "base/error.h"

enum { FRAME = 5 }; /* byte 0, then the schema's id */

struct sl_alert_decoder {
    sl_plan_cache cache;
    sl_unpacker unpacker;
    sl_harvest harvest;
    sl_schema_set *schemas; /* NULL without */
};

/* To whom the records are told. */
typedef struct listener {
    sl_alert_fn fn;
    void *user;
} listener;

sl_status sl_alert_decoder_new(sl_alert_decoder **out, sl_error *err)
{
    SL_REQUIRE(out != NULL, err);
    *out = calloc(1, sizeof **out);
    return *out != NULL ? SL_OK : SL_FAIL_NOMEM(err);
}

void sl_alert_decoder_free(sl_alert_decoder *decoder)
{
    if (decoder == NULL) return;
    sl_plan_cache_release(&decoder->cache);
    sl_unpacker_release(&decoder->unpacker);
    sl_harvest_release(&decoder->harvest);
    sl_schema_set_leave(decoder->schemas);
    free(decoder);
}

sl_status sl_alert_decoder_load_schemas(sl_alert_decoder *decoder, const char *folder, sl_error *err)
{
    SL_REQUIRE(decoder != NULL && folder != NULL, err);
    sl_schema_set *set;
    SL_TRY(sl_schema_set_load(&set, folder, err));
    sl_schema_set_leave(decoder->schemas);
    decoder->schemas = set;
    return SL_OK;
}

void sl_alert_decoder_share_schemas(sl_alert_decoder *decoder, const sl_alert_decoder *from)
{
    sl_schema_set *set = sl_schema_set_use(from->schemas);
    sl_schema_set_leave(decoder->schemas);
    decoder->schemas = set;
}

/* True where a failure is a property of the bytes: it is told, and decoding
   goes on. All else (no memory, no file) is the caller's to know. */
static bool is_told(sl_status status)
{
    return status == SL_ERR_FORMAT || status == SL_ERR_UNSUPPORTED;
}

sl_status sl_alert_decoder_schema_name(sl_alert_decoder *decoder, const sl_container_header *header,
                                       const char **name, sl_error *err)
{
    sl_error failure;
    const sl_plan *plan;
    const sl_status status =
        sl_plan_cache_get(&decoder->cache, header->schema, header->n_schema, &plan, &failure);
    if (status < 0 && !is_told(status)) {
        if (err != NULL) *err = failure;
        return status;
    }
    *name = decoder->cache.last->name;
    return SL_OK;
}

/* What fn answered; anything but SL_OK stops. */
static sl_status heard(sl_status answer, sl_error *err)
{
    return answer < 0 ? SL_FAIL(err, answer, SL_REASON_NONE, "stopped by the caller") : answer;
}

/* Tell of n records that are lost; what stops is given back in err. */
static sl_status tell_failure(const listener *to, const sl_error *failure, int64_t n, sl_error *err)
{
    if (!is_told(failure->status)) {
        if (err != NULL) *err = *failure;
        return failure->status;
    }
    return heard(to->fn(to->user, failure->status, NULL, n > 0 ? (size_t)n : 1, failure), err);
}

static sl_status tell_alert(const listener *to, const sl_alert *alert, sl_error *err)
{
    return heard(to->fn(to->user, SL_OK, alert, 1, NULL), err);
}

/* Decode one record to its alert. is_last: it must take all bytes. */
static sl_status decode_record(sl_harvest *harvest, const sl_plan *plan, const unsigned char *bytes, size_t n_bytes,
                               bool is_last, size_t *n_used, sl_alert *alert, sl_error *err)
{
    SL_TRY(sl_plan_run(plan, bytes, n_bytes, harvest, n_used, err));
    if (is_last && *n_used != n_bytes) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_RECORD,
                       "%zu bytes are left behind the last record: it does not follow its schema", n_bytes - *n_used);
    }
    const sl_str version = {plan->version, strlen(plan->version)};
    return sl_harvest_finish(harvest, version, alert, err);
}

/* The records of a block that was unpacked. Where they end wrongly, one of
   them was misread; which cannot be known, the last one is told so. */
static sl_status decode_records(sl_alert_decoder *decoder, const sl_plan *plan, const unsigned char *bytes,
                                size_t n_bytes, int64_t count, const listener *to, sl_error *err)
{
    size_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        sl_error failure = {0};
        sl_alert alert;
        size_t used = 0;
        const sl_status status = decode_record(&decoder->harvest, plan, bytes + at, n_bytes - at, i == count - 1, &used,
                                               &alert, &failure);
        at += used;
        /* The block itself is whole, its sync marker was in place. */
        if (failure.reason == SL_REASON_TRUNCATED) failure.reason = SL_REASON_BAD_RECORD;
        const sl_status answer = status == SL_OK ? tell_alert(to, &alert, err) : tell_failure(to, &failure, 1, err);
        if (answer != SL_OK) return answer;
        /* Where its end is known, only what it says was refused. */
        if (status == SL_OK || used > 0 || i == count - 1) continue;
        (void)SL_FAIL(&failure, SL_ERR_FORMAT, SL_REASON_BEHIND_BROKEN,
                      "%lld records lie behind a broken one, their beginnings unknown", (long long)(count - 1 - i));
        return tell_failure(to, &failure, count - 1 - i, err);
    }
    return SL_OK;
}

sl_status sl_alert_decode_block(sl_alert_decoder *decoder, const sl_container_header *header,
                                const sl_container_block *block, sl_alert_fn fn, void *user, sl_error *err)
{
    SL_REQUIRE(decoder != NULL && header != NULL && block != NULL && fn != NULL, err);
    const listener to = {fn, user};
    const sl_plan *plan;
    const unsigned char *bytes;
    size_t n_bytes;
    sl_error failure = {0};
    int64_t lost = block->count;
    if (block->count == 0 && block->n_bytes == 0) return SL_OK;
    sl_status status = sl_unpack(&decoder->unpacker, header->codec, block->bytes, block->n_bytes,
                                 SL_CONTAINER_MAX_BLOCK, &bytes, &n_bytes, &failure);
    if (status != SL_OK) {
        /* How many records there were only the packed bytes can vouch for. */
        if (lost > (int64_t)block->n_bytes) lost = 1;
    } else if (block->count < 0 || (uint64_t)block->count > n_bytes || (block->count == 0 && n_bytes > 0)) {
        status = SL_FAIL(&failure, SL_ERR_FORMAT, SL_REASON_BAD_CONTAINER, "a block of %lld records in %zu bytes",
                         (long long)block->count, n_bytes);
        lost = 1;
    } else {
        status = sl_plan_cache_get(&decoder->cache, header->schema, header->n_schema, &plan, &failure);
    }
    if (status != SL_OK) return tell_failure(&to, &failure, lost, err);
    return decode_records(decoder, plan, bytes, n_bytes, block->count, &to, err);
}

static sl_status decode_container(sl_alert_decoder *decoder, const void *bytes, size_t n_bytes, const listener *to,
                                  sl_error *err)
{
    sl_container_header header;
    sl_container_block block = {0};
    sl_error failure = {0};
    size_t at = 0;
    sl_status status = sl_container_read_header(&header, bytes, n_bytes, &at, &failure);
    if (status != SL_OK) return tell_failure(to, &failure, 1, err);
    while ((status = sl_container_next_block(&header, bytes, n_bytes, &at, &block, &failure)) == SL_OK) {
        status = sl_alert_decode_block(decoder, &header, &block, to->fn, to->user, err);
        if (status != SL_OK) return status;
    }
    return status == SL_DONE ? SL_OK : tell_failure(to, &failure, block.count, err);
}

bool sl_alert_is_framed(const void *bytes, size_t n_bytes)
{
    return n_bytes >= FRAME && *(const unsigned char *)bytes == 0;
}

/* A schema id can have several plans: the right one takes the message to its last byte. */
static sl_status decode_message(sl_alert_decoder *decoder, const unsigned char *bytes, size_t n_bytes,
                                const listener *to, sl_error *err)
{
    const uint32_t id = sl_alert_frame_id(bytes);
    sl_error failure = {0}, other;
    sl_alert alert;
    const sl_plan *plan = sl_schema_set_find(decoder->schemas, id, 0);
    if (plan == NULL) {
        (void)SL_FAIL(&failure, SL_ERR_FORMAT, SL_REASON_UNKNOWN_SCHEMA, "the schema %u of the message is not at hand",
                      id);
        return tell_failure(to, &failure, 1, err);
    }
    for (size_t nth = 0; plan != NULL; plan = sl_schema_set_find(decoder->schemas, id, ++nth)) {
        size_t used;
        const sl_status status = decode_record(&decoder->harvest, plan, bytes + FRAME, n_bytes - FRAME, true, &used,
                                               &alert, nth == 0 ? &failure : &other);
        if (status == SL_OK) return tell_alert(to, &alert, err);
        if (!is_told(status)) return tell_failure(to, nth == 0 ? &failure : &other, 1, err);
    }
    return tell_failure(to, &failure, 1, err);
}

sl_status sl_alert_decode(sl_alert_decoder *decoder, const void *bytes, size_t n_bytes, sl_alert_fn fn, void *user,
                          sl_error *err)
{
    SL_REQUIRE(decoder != NULL && fn != NULL && (bytes != NULL || n_bytes == 0), err);
    const listener to = {fn, user};
    if (sl_alert_is_framed(bytes, n_bytes)) return decode_message(decoder, bytes, n_bytes, &to, err);
    return decode_container(decoder, bytes, n_bytes, &to, err);
}
