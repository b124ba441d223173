/*
 * A large Avro container, some blocks at a time: they are cut out and given,
 * behind a copy of the header, as small containers. So memory stays flat, and
 * the blocks of one container go to several workers.
 */
#include <stdlib.h>
#include <string.h>

#include "alert/container.h"
#include "base/error.h"
#include "pipeline/source.h"

enum { CUT = 256 * 1024 }; /* blocks are gathered up to so many bytes */

typedef struct window {
    sl_stream *stream;
    sl_bytes bytes;    /* of which those before `at` are done with */
    size_t at;
    uint64_t offset;   /* of bytes.ptr[0] in the stream */
    bool ended;        /* the stream has no more */
    sl_error why;      /* it failed, which ends it too */
    bool failed;
} window;

/* Throw away what is done with, and read about as much again as is left. */
static sl_status read_on(window *w, sl_error *err)
{
    const size_t left = w->bytes.len - w->at;
    if (left > 0) memmove(w->bytes.ptr, w->bytes.ptr + w->at, left);
    w->offset += w->at;
    w->at = 0;
    w->bytes.len = left;
    const size_t more = left > SL_SOURCE_HEAD ? left : SL_SOURCE_HEAD;
    unsigned char *room = sl_bytes_room(&w->bytes, more);
    if (room == NULL) return SL_FAIL_NOMEM(err);
    const ptrdiff_t got = sl_stream_read_full(w->stream, room, more, &w->why);
    if (got == SL_ERR_NOMEM) return SL_FAIL_NOMEM(err);
    w->failed = got < 0;
    w->ended = got < (ptrdiff_t)more;
    if (got > 0) w->bytes.len += (size_t)got;
    return SL_OK;
}

/* Header and the blocks in [from, to) of the window as one container. */
static sl_status give(sl_source *source, const sl_origin *origin, const window *w, const sl_bytes *header, size_t from,
                      size_t to, sl_error *err)
{
    unsigned char *room = sl_feed_room(source->feed, header->len + (to - from), err);
    if (room == NULL) return source->feed->status;
    memcpy(room, header->ptr, header->len);
    memcpy(room + header->len, w->bytes.ptr + from, to - from);
    return sl_feed_bytes(source->feed, origin, header->len + (to - from), err);
}

/* What is left cannot be read, and nothing behind it can be found. */
static sl_status give_rest(sl_source *source, const sl_origin *origin, const window *w, int64_t count,
                           const sl_error *why, sl_error *err)
{
    const size_t left = w->bytes.len - w->at;
    return sl_feed_broken(source->feed, origin, left > 0 ? w->bytes.ptr + w->at : NULL, left,
                          count > 1 ? (size_t)count : 1, w->failed ? &w->why : why, err);
}

/* The blocks that lie in the window from w->at on, gathered into a cut. SL_DONE where the next is not all there. */
static sl_status give_blocks(sl_source *source, sl_origin *origin, const sl_container_header *header,
                             const sl_bytes *header_bytes, window *w, int64_t *lost, sl_error *why, sl_error *err)
{
    const size_t from = w->at;
    uint64_t records = 0;
    sl_status status = SL_OK;
    while (status == SL_OK && w->at - from < CUT) {
        sl_container_block block = {0};
        status = sl_container_next_block(header, w->bytes.ptr, w->bytes.len, &w->at, &block, why);
        if (status == SL_OK) records += (uint64_t)block.count;
        *lost = block.count;
    }
    origin->offset = w->offset + from;
    if (w->at > from) SL_TRY(give(source, origin, w, header_bytes, from, w->at, err));
    origin->record += records;
    origin->offset = w->offset + w->at;
    return status < 0 && why->reason == SL_REASON_TRUNCATED && !w->ended ? SL_DONE : status;
}

static sl_status read_blocks(sl_source *source, const sl_origin *where, const sl_bytes *header_bytes, window *w,
                             sl_error *err)
{
    sl_container_header header;
    sl_origin origin = *where;
    sl_error why = {0};
    size_t used;
    SL_TRY(sl_container_read_header(&header, header_bytes->ptr, header_bytes->len, &used, err));
    for (;;) {
        int64_t lost = 1;
        const sl_status status = give_blocks(source, &origin, &header, header_bytes, w, &lost, &why, err);
        if (sl_feed_failed(source->feed)) return source->feed->status;
        if (status < 0) return give_rest(source, &origin, w, lost, &why, err);
        if (status == SL_DONE && w->ended) {
            return w->failed ? give_rest(source, &origin, w, 1, &why, err) : SL_OK;
        }
        if (status == SL_DONE) SL_TRY(source->feed->status = read_on(w, err));
    }
}

/* The header, however long within its bound: read on until it is all there. */
static sl_status read_header(window *w, sl_bytes *copy, sl_error *why, sl_error *err)
{
    sl_container_header header;
    size_t used = 0;
    for (;;) {
        const sl_status status = sl_container_read_header(&header, w->bytes.ptr, w->bytes.len, &used, why);
        if (status == SL_OK) break;
        if (why->reason != SL_REASON_TRUNCATED || w->ended) return status;
        SL_TRY(read_on(w, err));
    }
    unsigned char *room = sl_bytes_room(copy, used);
    if (room == NULL) return SL_FAIL_NOMEM(err);
    memcpy(room, w->bytes.ptr, used);
    copy->len = used;
    w->at = used;
    return SL_OK;
}

sl_status sl_source_container(sl_source *source, const sl_origin *origin, sl_stream *stream, sl_error *err)
{
    window w = {.stream = stream, .offset = origin->offset};
    sl_bytes header_bytes = {0};
    sl_error why = {0};
    sl_status status = read_on(&w, err);
    if (status == SL_OK) status = read_header(&w, &header_bytes, &why, err);
    if (status == SL_ERR_NOMEM) {
        source->feed->status = status;
    } else if (status < 0) {
        status = give_rest(source, origin, &w, 1, &why, err);
    } else {
        status = read_blocks(source, origin, &header_bytes, &w, err);
    }
    free(w.bytes.ptr);
    free(header_bytes.ptr);
    return status;
}
