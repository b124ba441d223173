#include "pipeline/worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "pipeline/classifier.h"
#include "pipeline/records.h"

typedef struct worker {
    sl_work *work;
    const sl_sink *sink;
    sl_classifier *classifier;
    bool keep_notes;
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

static sl_status add_note(worker *w, const sl_record *record)
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
        .packet = (size_t)(record->packet - work->packets),
        .record = record->number,
        .n_records = record->n,
        .reason = record->reason,
    };
    memcpy(note->message, record->message, strnlen(record->message, sizeof note->message - 1));
    return SL_OK;
}

static sl_status on_result(void *user, const sl_result *result)
{
    const worker *w = user;
    sl_work *work = w->work;
    enter(&work->books, result);
    for (size_t i = 0; i < result->n_records; i++) w->sink->form->record(w->sink, result, &work->records);
    work->n_records += result->n_records;
    return work->records.failed ? SL_FAIL_NOMEM(w->err) : SL_OK;
}

static sl_status on_record(void *user, const sl_record *record)
{
    worker *w = user;
    if (record->alert != NULL) {
        SL_TRY(sl_classifier_add(w->classifier, record->alert, w->err));
    } else {
        SL_TRY(sl_classifier_add_broken(w->classifier, record->reason, record->n, record->object_id, record->message,
                                        w->err));
        if (w->keep_notes) SL_TRY(add_note(w, record));
    }
    return sl_classifier_full(w->classifier) ? sl_classifier_finish(w->classifier, on_result, w, w->err) : SL_OK;
}

sl_status sl_worker_do(sl_work *work, sl_classifier *classifier, const sl_sink *sink, bool keep_notes, sl_error *err)
{
    worker w = {.work = work, .sink = sink, .classifier = classifier, .keep_notes = keep_notes, .err = err};
    SL_TRY(sl_work_records(work, sl_classifier_decoder(classifier), on_record, &w, err));
    return sl_classifier_finish(classifier, on_result, &w, err);
}
