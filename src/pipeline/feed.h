/*
 * pipeline/feed.h - what a source gives its packets to.
 *
 * Puts them into work items, as many as make the cost of handing over small.
 * How they are cut into items depends on the input alone, never on time.
 * Every call returns SL_OK, or a negative status where the run cannot or must
 * not go on: then the source returns at once.
 */
#ifndef SL_PIPELINE_FEED_H
#define SL_PIPELINE_FEED_H

#include <stdatomic.h>

#include "base/stream.h"
#include "pipeline/line.h"

typedef struct sl_feed {
    sl_line *line; /* borrows */
    sl_work *work; /* being filled, or NULL */
    sl_status status; /* negative once a call failed */
    atomic_uint_fast64_t bytes_read; /* from files and pipes, as stored */
} sl_feed;

/* Room for n bytes, to be given by the next call (and no other between but one for more room, which keeps
   what is in the first). NULL on failure. */
unsigned char *sl_feed_room(sl_feed *feed, size_t n, sl_error *err);
/* The buffer of an item with nothing in it, to be exchanged for one that holds a packet, which the next call gives.
   NULL on failure. */
sl_bytes *sl_feed_fresh(sl_feed *feed, sl_error *err);
/* A container or framed message of n bytes that were written into the room. */
sl_status sl_feed_bytes(sl_feed *feed, const sl_origin *origin, size_t n, sl_error *err);
/* A light curve. Copies. */
sl_status sl_feed_alert(sl_feed *feed, const sl_origin *origin, const sl_alert *alert, sl_error *err);
/* What could not be decoded, for n_records. Copies what is to be kept of the bytes (in the room or elsewhere). */
sl_status sl_feed_broken(sl_feed *feed, const sl_origin *origin, const void *bytes, size_t n_bytes, size_t n_records,
                         const sl_error *why, sl_error *err);
/* The last item may be part full. */
sl_status sl_feed_end(sl_feed *feed);

/* True once a call failed: whatever failed since is no fault of the input. */
static inline bool sl_feed_failed(const sl_feed *feed)
{
    return feed->status < 0;
}

#endif
