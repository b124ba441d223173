/* Light curves from a table in text. */
#include "base/arena.h"
#include "base/error.h"
#include "lightcurve/csv.h"
#include "pipeline/source.h"

enum { ARENA_LIMIT = 256 << 20 }; /* of one object: a million points are 80 MB */

/* A stream that fails once and then ends, so that who reads on behind an error comes to an end. */
typedef struct once {
    sl_stream *below;
    bool failed;
    sl_error why;
} once;

static ptrdiff_t read_once(void *user, void *buf, size_t n, sl_error *err)
{
    once *o = user;
    if (o->failed) return 0;
    const ptrdiff_t got = sl_stream_read(o->below, buf, n, &o->why);
    o->failed = got < 0;
    if (o->failed && err != NULL) *err = o->why;
    return got;
}

static sl_status read_objects(sl_source *source, const sl_origin *where, sl_csv_reader *reader, once *below,
                              sl_arena *arena, sl_error *err)
{
    sl_origin origin = *where;
    for (;; origin.record++) {
        sl_alert alert = {0};
        sl_error why;
        sl_arena_reset(arena);
        origin.object_id = (sl_str){0};
        const sl_status status = sl_csv_next(reader, arena, &alert, &why);
        if (status == SL_OK) {
            SL_TRY(sl_feed_alert(source->feed, &origin, &alert, err));
        } else if (status == SL_ERR_NOMEM) {
            if (err != NULL) *err = why;
            return source->feed->status = status;
        } else if (status < 0 && !below->failed) {
            origin.object_id = alert.object_id;
            SL_TRY(sl_feed_broken(source->feed, &origin, NULL, 0, 1, &why, err));
        } else {
            if (!below->failed) return SL_OK;
            return sl_feed_broken(source->feed, &origin, NULL, 0, 1, &below->why, err);
        }
    }
}

sl_status sl_source_csv(sl_source *source, const sl_origin *origin, sl_stream *stream, sl_error *err)
{
    const unsigned char *head = stream->ahead;
    const size_t n_head = stream->n_ahead;
    once below = {.below = stream};
    sl_stream guarded = {.read = read_once, .user = &below, .fd = -1};
    sl_csv_reader *reader = NULL;
    sl_error why;
    sl_status status = sl_csv_open(&guarded, &reader, &why);
    if (status == SL_ERR_NOMEM) {
        if (err != NULL) *err = why;
        return source->feed->status = status;
    }
    if (status < 0) return sl_feed_broken(source->feed, origin, head, n_head, 1, &why, err);
    sl_arena arena;
    sl_arena_init(&arena, ARENA_LIMIT);
    status = read_objects(source, origin, reader, &below, &arena, err);
    sl_arena_release(&arena);
    sl_csv_close(reader);
    return status;
}
