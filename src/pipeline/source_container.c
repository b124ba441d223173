/*
 * A large Avro container, some blocks at a time: they are given, behind a copy
 * of the header, as small containers. So memory stays flat, and the blocks of
 * one container go to several workers. They are read to behind such a copy, so
 * that the whole buffer is given and another one taken for it. Behind a damaged
 * block reading goes on at the next sync marker: that is what Avro has them for.
 */
#include <stdlib.h>
#include <string.h>

#include "alert/container.h"
#include "alert/varint.h"
#include "base/error.h"
#include "pipeline/source.h"

enum {
    CUT = 1 << 20, /* blocks are gathered up to so many bytes */
    MAX_DAMAGE = 100  /* damaged places in one container; behind so many it is given up */
};

typedef struct window {
    sl_stream *stream;
    sl_bytes bytes;    /* a copy of the header, then what was read, of which that before `at` is done with */
    size_t n_header;   /* 0 until it was read */
    size_t at;
    uint64_t offset;   /* in the stream, of what lies behind the header's copy */
    bool ended;        /* the stream has no more */
    sl_error why;      /* it failed, which ends it too */
    bool failed;
} window;

/* Throw away what is done with, and read about as much again as is left. */
static sl_status read_on(window *w, sl_error *err)
{
    const size_t left = w->bytes.len - w->at;
    if (left > 0) memmove(w->bytes.ptr + w->n_header, w->bytes.ptr + w->at, left);
    w->offset += w->at - w->n_header;
    w->at = w->n_header;
    w->bytes.len = w->n_header + left;
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

static uint64_t stream_offset(const window *w, size_t at)
{
    return w->offset + (at - w->n_header);
}

/* Go on in `fresh`, which is empty, with the header and what lies behind `to`; it gets the old buffer for its own. */
static sl_status exchange(window *w, sl_bytes *fresh, size_t to, sl_error *err)
{
    const size_t left = w->bytes.len - to;
    unsigned char *room = sl_bytes_room(fresh, w->n_header + left);
    if (room == NULL) return SL_FAIL_NOMEM(err);
    memcpy(room, w->bytes.ptr, w->n_header);
    if (left > 0) memcpy(room + w->n_header, w->bytes.ptr + to, left);
    const sl_bytes given = w->bytes;
    w->bytes = *fresh;
    w->bytes.len = w->n_header + left;
    *fresh = given;
    fresh->len = 0;
    w->offset = stream_offset(w, to);
    w->at = w->n_header;
    return SL_OK;
}

/* Header and the blocks in [from, w->at) of the window as one container. */
static sl_status give(sl_source *source, const sl_origin *origin, window *w, size_t from, sl_error *err)
{
    sl_feed *feed = source->feed;
    const size_t n = w->at - from;
    if (from == w->n_header && w->bytes.len - w->at <= n) {
        sl_bytes *fresh = sl_feed_fresh(feed, err);
        if (fresh == NULL) return feed->status;
        SL_TRY(feed->status = exchange(w, fresh, w->at, err));
    } else { /* there was damage before it, or what lies behind it is more */
        unsigned char *room = sl_feed_room(feed, w->n_header + n, err);
        if (room == NULL) return feed->status;
        memcpy(room, w->bytes.ptr, w->n_header);
        memcpy(room + w->n_header, w->bytes.ptr + from, n);
    }
    return sl_feed_bytes(feed, origin, w->n_header + n, err);
}

/* The bytes up to `to` cannot be read: header and as much of them as is kept. */
static sl_status give_damage(sl_source *source, const sl_origin *origin, const window *w, size_t to, int64_t count,
                             const sl_error *why, sl_error *err)
{
    size_t n = to - w->at;
    if (n > SL_SOURCE_HEAD) n = SL_SOURCE_HEAD;
    unsigned char *room = sl_feed_room(source->feed, w->n_header + n, err);
    if (room == NULL) return source->feed->status;
    if (w->n_header > 0) memcpy(room, w->bytes.ptr, w->n_header);
    if (n > 0) memcpy(room + w->n_header, w->bytes.ptr + w->at, n);
    return sl_feed_broken(source->feed, origin, room, w->n_header + n, count > 1 ? (size_t)count : 1, why, err);
}

/* Where the block at hand ends by its own account; 0 where that is beyond the window. */
static size_t own_end(const window *w)
{
    const unsigned char *p = w->bytes.ptr + w->at, *end = w->bytes.ptr + w->bytes.len;
    int64_t count, size;
    if ((p = sl_varint(p, end, &count)) == NULL || (p = sl_varint(p, end, &size)) == NULL) return 0;
    if (size < 0 || size > end - p - SL_AVRO_SYNC) return 0;
    return (size_t)(p - w->bytes.ptr) + (size_t)size + SL_AVRO_SYNC;
}

/* Where the next block begins behind a damaged one; 0 where the window does not show it. */
static size_t behind_damage(const window *w, const sl_container_header *header)
{
    const unsigned char *from = w->bytes.ptr + w->at;
    const unsigned char *marker = memmem(from, w->bytes.len - w->at, header->sync, SL_AVRO_SYNC);
    const size_t next = marker != NULL ? (size_t)(marker - w->bytes.ptr) + SL_AVRO_SYNC : 0;
    /* Perhaps nothing but this block's own marker is wrong: then a good block follows it. */
    const size_t own = own_end(w);
    size_t at = own;
    sl_container_block block;
    if (own != 0 && (next == 0 || own < next) &&
        sl_container_next_block(header, w->bytes.ptr, w->bytes.len, &at, &block, NULL) == SL_OK) {
        return own;
    }
    return next;
}

/* Tell of the damage at w->at and move behind it. SL_DONE where nothing is to be found there. */
static sl_status step_over(sl_source *source, const sl_origin *origin, const sl_container_header *header, window *w,
                           int64_t lost, const sl_error *why, sl_error *err)
{
    size_t next = behind_damage(w, header);
    if (next == 0 && w->failed) why = &w->why; /* the block ends early because the stream did */
    SL_TRY(give_damage(source, origin, w, next != 0 ? next : w->bytes.len, lost, why, err));
    while (next == 0 && !w->ended) {
        /* A marker may lie across what was read and what comes. */
        w->at = w->bytes.len - w->at >= SL_AVRO_SYNC ? w->bytes.len - (SL_AVRO_SYNC - 1) : w->at;
        SL_TRY(source->feed->status = read_on(w, err));
        const unsigned char *marker =
            memmem(w->bytes.ptr + w->at, w->bytes.len - w->at, header->sync, SL_AVRO_SYNC);
        if (marker != NULL) next = (size_t)(marker - w->bytes.ptr) + SL_AVRO_SYNC;
    }
    if (next != 0) w->at = next;
    return next != 0 ? SL_OK : SL_DONE;
}

/* The blocks that lie in the window from w->at on, gathered into a cut. SL_DONE where the next is not all there. */
static sl_status give_blocks(sl_source *source, sl_origin *origin, const sl_container_header *header, window *w,
                             int64_t *lost, sl_error *why, sl_error *err)
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
    origin->offset = stream_offset(w, from);
    if (w->at > from) SL_TRY(give(source, origin, w, from, err));
    origin->record += records;
    origin->offset = stream_offset(w, w->at);
    return status < 0 && why->reason == SL_REASON_TRUNCATED && !w->ended ? SL_DONE : status;
}

static sl_status read_blocks(sl_source *source, const sl_origin *where, const sl_container_header *header, window *w,
                             sl_error *err)
{
    sl_origin origin = *where;
    sl_error why = {0};
    for (int damage = 0;;) {
        int64_t lost = 1;
        sl_status status = give_blocks(source, &origin, header, w, &lost, &why, err);
        if (sl_feed_failed(source->feed)) return source->feed->status;
        if (status < 0 && ++damage == MAX_DAMAGE) {
            return give_damage(source, &origin, w, w->bytes.len, lost, &why, err);
        }
        if (status < 0) {
            status = step_over(source, &origin, header, w, lost, &why, err);
            origin.record += (uint64_t)lost;
            if (status != SL_OK) return status < 0 ? status : SL_OK;
        } else if (status == SL_DONE && w->ended) {
            return w->failed ? give_damage(source, &origin, w, w->at, 1, &w->why, err) : SL_OK;
        } else if (status == SL_DONE) {
            SL_TRY(source->feed->status = read_on(w, err));
        }
    }
}

/* The header, however long within its bound: read on until it is all there. What it borrows moves with the window: of
   use behind this are only the codec and the marker. */
static sl_status read_header(window *w, sl_container_header *header, sl_error *why, sl_error *err)
{
    size_t used = 0;
    for (;;) {
        const sl_status status = sl_container_read_header(header, w->bytes.ptr, w->bytes.len, &used, why);
        if (status == SL_OK) break;
        if (why->reason != SL_REASON_TRUNCATED || w->ended) return status;
        SL_TRY(read_on(w, err));
    }
    header->schema = NULL;
    w->offset += used;
    w->at = w->n_header = used;
    return SL_OK;
}

sl_status sl_source_container(sl_source *source, const sl_origin *origin, sl_stream *stream, sl_error *err)
{
    window w = {.stream = stream, .offset = origin->offset};
    sl_container_header header;
    sl_error why = {0};
    sl_status status = read_on(&w, err);
    if (status == SL_OK) status = read_header(&w, &header, &why, err);
    if (status == SL_ERR_NOMEM) {
        source->feed->status = status;
    } else if (status < 0) {
        status = give_damage(source, origin, &w, w.bytes.len, 1, w.failed ? &w.why : &why, err);
    } else {
        status = read_blocks(source, origin, &header, &w, err);
    }
    free(w.bytes.ptr);
    return status;
}

bool sl_source_container_is_whole(const void *bytes, size_t n_bytes)
{
    sl_container_header header;
    sl_container_block block;
    size_t at = 0;
    if (sl_container_read_header(&header, bytes, n_bytes, &at, NULL) < 0) return true; /* there is nothing to step over */
    sl_status status = SL_OK;
    while (status == SL_OK) status = sl_container_next_block(&header, bytes, n_bytes, &at, &block, NULL);
    return status == SL_DONE;
}
