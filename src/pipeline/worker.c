#include "pipeline/worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

typedef struct worker {
    sl_work *work;
    const sl_sink *sink;
    bool keep_notes;
    size_t packet;   /* at hand */
    uint64_t record; /* of the packet, from 0 */
    sl_error *err;
} worker;

void sl_ledger_add(sl_ledger *books, const sl_ledger *more)
{
    books->read += more->read;
    books->classified += more->classified;
    books->refused += more->refused;
    books->quarantined += more->quarantined;
    for (int r = 0; r < SL_N_REASONS; r++) books->by_reason[r] += more->by_reason[r];
}

static void enter(sl_ledger *books, const sl_result *result)
{
    const uint64_t n = result->n_records;
    books->read += n;
    switch (result->outcome) {
    case SL_CLASSIFIED: books->classified += n; return;
    case SL_REFUSED: books->refused += n; break;
    case SL_QUARANTINED: books->quarantined += n; break;
    }
    books->by_reason[result->reason] += n;
}

static sl_status add_note(worker *w, const sl_result *result)
{
    sl_work *work = w->work;
    if (work->n_notes == work->notes_size) {
        const size_t size = work->notes_size > 0 ? work->notes_size * 2 : 16;
        sl_note *more = realloc(work->notes, size * sizeof *more);
        if (more == NULL) return SL_FAIL_NOMEM(w->err);
        work->notes = more;
        work->notes_size = size;
    }
    sl_note *note = &work->notes[work->n_notes++];
    *note = (sl_note){
        .packet = w->packet,
        .record = work->packets[w->packet].record + w->record,
        .n_records = result->n_records,
        .reason = result->reason,
    };
    if (result->detail != NULL) {
        const size_t n = strnlen(result->detail, sizeof note->message - 1);
        memcpy(note->message, result->detail, n);
    }
    return SL_OK;
}

static sl_status on_result(void *user, const sl_result *result)
{
    worker *w = user;
    sl_work *work = w->work;
    sl_result r = *result;
    if (work->packets[w->packet].kind == SL_PACKET_BYTES) {
        r.n_records = sl_work_believe(r.n_records, work->packets[w->packet].n_bytes);
    }
    enter(&work->books, &r);
    for (size_t i = 0; i < r.n_records; i++) w->sink->form->record(w->sink, &r, &work->records);
    work->n_records += r.n_records;
    if (work->records.failed) return SL_FAIL_NOMEM(w->err);
    if (w->keep_notes && r.outcome == SL_QUARANTINED) SL_TRY(add_note(w, &r));
    w->record += r.n_records;
    return SL_OK;
}

static sl_status do_packet(worker *w, sl_classifier *classifier, const sl_packet *packet)
{
    const sl_work *work = w->work;
    sl_result result;
    switch (packet->kind) {
    case SL_PACKET_BYTES:
        return sl_classifier_bytes(classifier, work->bytes.ptr + packet->at, packet->n_bytes, on_result, w, w->err);
    case SL_PACKET_ALERT: {
        const sl_alert alert = sl_work_alert(work, packet);
        SL_TRY(sl_classifier_alert(classifier, &alert, &result, w->err));
        return on_result(w, &result);
    }
    case SL_PACKET_BROKEN:
        result = (sl_result){
            .outcome = SL_QUARANTINED,
            .reason = packet->reason,
            .n_records = packet->n_records,
            .object_id = {(const char *)work->names.ptr + packet->object, packet->n_object},
            .best = -1,
            .detail = (const char *)work->names.ptr + packet->message,
        };
        return on_result(w, &result);
    }
    return SL_FAIL(w->err, SL_ERR_INTERNAL, SL_REASON_NONE, "no such packet: %d", (int)packet->kind);
}

sl_status sl_worker_do(sl_work *work, sl_classifier *classifier, const sl_sink *sink, bool keep_notes, sl_error *err)
{
    worker w = {.work = work, .sink = sink, .keep_notes = keep_notes, .err = err};
    for (w.packet = 0; w.packet < work->n_packets; w.packet++) {
        w.record = 0;
        SL_TRY(do_packet(&w, classifier, &work->packets[w.packet]));
    }
    return SL_OK;
}
