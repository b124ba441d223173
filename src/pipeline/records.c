#include "pipeline/records.h"

#include "base/error.h"

typedef struct walk {
    const sl_packet *packet;
    uint64_t n_told; /* records of the packet */
    sl_record_fn fn;
    void *user;
    sl_status stopped; /* by fn */
} walk;

static sl_status tell(walk *w, sl_record record)
{
    record.packet = w->packet;
    record.number = w->packet->record + w->n_told;
    w->n_told += record.n;
    return w->stopped = w->fn(w->user, &record);
}

static sl_status on_decoded(void *user, sl_status status, const sl_alert *alert, size_t n, const sl_error *why)
{
    walk *w = user;
    if (status == SL_OK) return tell(w, (sl_record){.n = 1, .alert = alert});
    return tell(w, (sl_record){
                       .n = sl_work_believe(n, w->packet->n_bytes),
                       .reason = sl_record_reason(why),
                       .message = why->message,
                   });
}

static sl_status walk_packet(walk *w, const sl_work *work, sl_alert_decoder *decoder, sl_error *err)
{
    const sl_packet *packet = w->packet;
    const char *names = (const char *)work->names.ptr;
    switch (packet->kind) {
    case SL_PACKET_BYTES: {
        sl_error why;
        const sl_status status =
            sl_alert_decode(decoder, work->bytes.ptr + packet->at, packet->n_bytes, on_decoded, w, &why);
        if (status < 0 && w->stopped == SL_OK && err != NULL) *err = why;
        return status;
    }
    case SL_PACKET_ALERT: {
        const sl_alert alert = sl_work_alert(work, packet);
        return tell(w, (sl_record){.n = 1, .alert = &alert});
    }
    case SL_PACKET_BROKEN:
        return tell(w, (sl_record){
                           .n = packet->n_records,
                           .reason = packet->reason,
                           .message = names + packet->message,
                           .object_id = {names + packet->object, packet->n_object},
                       });
    }
    return SL_FAIL(err, SL_ERR_INTERNAL, SL_REASON_NONE, "no such packet: %d", (int)packet->kind);
}

sl_status sl_work_records(const sl_work *work, sl_alert_decoder *decoder, sl_record_fn fn, void *user, sl_error *err)
{
    for (size_t i = 0; i < work->n_packets; i++) {
        walk w = {.packet = &work->packets[i], .fn = fn, .user = user};
        const sl_status status = walk_packet(&w, work, decoder, err);
        if (status != SL_OK) return status;
    }
    return SL_OK;
}
