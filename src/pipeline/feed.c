#include "pipeline/feed.h"

#include "base/error.h"

/* Of something broken so much is kept to look at; a night that is no archive is not copied whole. */
enum { KEEP_BROKEN = 1 << 20 };

/* An item that is not full. */
static sl_status open_item(sl_feed *feed, sl_error *err)
{
    if (feed->work == NULL) feed->work = sl_line_take(feed->line);
    if (feed->work == NULL) {
        feed->status = SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "stopped");
        return feed->status;
    }
    return SL_OK;
}

/* After a packet was added, or failed to be. */
static sl_status close_item(sl_feed *feed, sl_status status)
{
    if (status < 0) {
        feed->status = status;
    } else if (sl_work_full(feed->work)) {
        sl_line_submit(feed->line, feed->work);
        feed->work = NULL;
    }
    return status;
}

unsigned char *sl_feed_room(sl_feed *feed, size_t n, sl_error *err)
{
    if (open_item(feed, err) < 0) return NULL;
    unsigned char *room = sl_bytes_room(&feed->work->bytes, n);
    if (room == NULL) feed->status = SL_FAIL_NOMEM(err);
    return room;
}

sl_bytes *sl_feed_fresh(sl_feed *feed, sl_error *err)
{
    if (feed->work != NULL && feed->work->n_packets > 0) {
        sl_line_submit(feed->line, feed->work);
        feed->work = NULL;
    }
    return open_item(feed, err) == SL_OK ? &feed->work->bytes : NULL;
}

sl_status sl_feed_bytes(sl_feed *feed, const sl_origin *origin, size_t n, sl_error *err)
{
    SL_TRY(open_item(feed, err));
    return close_item(feed, sl_work_add_bytes(feed->work, origin, n, err));
}

sl_status sl_feed_alert(sl_feed *feed, const sl_origin *origin, const sl_alert *alert, sl_error *err)
{
    SL_TRY(open_item(feed, err));
    return close_item(feed, sl_work_add_alert(feed->work, origin, alert, err));
}

sl_status sl_feed_broken(sl_feed *feed, const sl_origin *origin, const void *bytes, size_t n_bytes, size_t n_records,
                         const sl_error *why, sl_error *err)
{
    SL_TRY(open_item(feed, err));
    n_records = sl_work_believe(n_records, n_bytes);
    if (n_bytes > KEEP_BROKEN) n_bytes = KEEP_BROKEN;
    return close_item(feed, sl_work_add_broken(feed->work, origin, bytes, n_bytes, n_records, why, err));
}

sl_status sl_feed_end(sl_feed *feed)
{
    if (feed->status < 0) return feed->status;
    if (feed->work != NULL && feed->work->n_packets > 0) sl_line_submit(feed->line, feed->work);
    feed->work = NULL;
    return SL_OK;
}
