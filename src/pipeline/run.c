/*
 * A whole night: one thread reads, several work, the caller's writes.
 * line.h has the picture.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "pipeline/classifier.h"
#include "pipeline/models.h"
#include "pipeline/quarantine.h"
#include "pipeline/reader.h"
#include "pipeline/sink.h"
#include "pipeline/worker.h"

enum { MAX_THREADS = 1024, PROGRESS_MS = 100, ITEMS_A_THREAD = 2, ITEMS_MORE = 4 };

typedef struct run run;

typedef struct crew_member {
    run *run;
    sl_classifier *classifier;
    pthread_t thread;
    bool started;
} crew_member;

struct run {
    const sl_run_options *options;
    const sl_model *const *models;
    size_t n_models;
    sl_line line;
    sl_reader reader;
    sl_sink sink;
    sl_quarantine quarantine;
    sl_avro_out before, behind; /* of a block of records */
    size_t n_crew;
    crew_member *crew;
    uint64_t start_ns, bytes_total;
    sl_ledger *ledger;
};

static void *work_on(void *user)
{
    crew_member *member = user;
    run *r = member->run;
    for (sl_work *work; (work = sl_line_next(&r->line)) != NULL;) {
        sl_error err = {0};
        const sl_status status =
            sl_worker_do(work, member->classifier, &r->sink, r->options->quarantine_folder != NULL, &err);
        if (status < 0) {
            sl_line_stop(&r->line, status, &err);
            break;
        }
        sl_line_finish(&r->line, work);
    }
    return NULL;
}

static sl_status fail_out(run *r, sl_error *err)
{
    r->ledger->out_closed = errno == EPIPE;
    return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "cannot write the records: %s", strerror(errno));
}

static sl_status put_out(run *r, const sl_avro_out *text, sl_error *err)
{
    if (text->failed) return SL_FAIL_NOMEM(err);
    if (text->len == 0 || fwrite(text->bytes, 1, text->len, r->options->out) == text->len) return SL_OK;
    return fail_out(r, err);
}

static sl_status write_work(run *r, const sl_work *work, sl_error *err)
{
    sl_avro_reset(&r->before);
    sl_avro_reset(&r->behind);
    if (work->n_records > 0) {
        if (r->sink.form->frame != NULL) {
            r->sink.form->frame(&r->sink, work->n_records, &work->records, &r->before, &r->behind);
        }
        SL_TRY(put_out(r, &r->before, err));
        SL_TRY(put_out(r, &work->records, err));
        SL_TRY(put_out(r, &r->behind, err));
    }
    SL_TRY(sl_quarantine_keep(&r->quarantine, work, err));
    sl_ledger_add(r->ledger, &work->books);
    return SL_OK;
}

static void keep_clock(run *r)
{
    r->ledger->bytes_read = sl_reader_bytes(&r->reader);
    r->ledger->seconds = 1e-9 * (double)(sl_clock_ns() - r->start_ns);
}

/* Write what the workers finish, in order, until there is no more. */
static void write_all(run *r)
{
    uint64_t shown_ns = r->start_ns;
    sl_work *work;
    while (sl_line_collect(&r->line, PROGRESS_MS, &work) == SL_OK) {
        if (work != NULL) {
            sl_error err = {0};
            const sl_status status = write_work(r, work, &err);
            if (status < 0) sl_line_stop(&r->line, status, &err);
            sl_line_give_back(&r->line, work);
        }
        if (r->options->progress != NULL && sl_clock_ns() - shown_ns >= PROGRESS_MS * UINT64_C(1000000)) {
            shown_ns = sl_clock_ns();
            keep_clock(r);
            r->options->progress(r->options->progress_user, &(sl_progress){*r->ledger, r->bytes_total});
        }
    }
}

static size_t count_threads(int wanted)
{
    if (wanted > 0) return wanted < MAX_THREADS ? (size_t)wanted : MAX_THREADS;
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) == 0 ? (size_t)CPU_COUNT(&cores) : 1;
}

static sl_status make_crew(run *r, sl_error *err)
{
    const size_t n = count_threads(r->options->threads);
    r->crew = calloc(n, sizeof *r->crew);
    if (r->crew == NULL) return SL_FAIL_NOMEM(err);
    const char *schemas = r->options->schema_folder;
    while (r->n_crew < n) {
        crew_member *member = &r->crew[r->n_crew];
        member->run = r;
        SL_TRY(sl_classifier_new_set(r->models, r->n_models, &member->classifier, err));
        r->n_crew++;
        if (r->options->every_epoch) SL_TRY(sl_classifier_every_epoch(member->classifier, err));
        if (schemas == NULL) continue;
        if (r->n_crew == 1) {
            SL_TRY(sl_classifier_schemas(member->classifier, schemas, err));
        } else {
            sl_classifier_share_schemas(member->classifier, r->crew[0].classifier);
        }
    }
    return SL_OK;
}

static sl_status start_threads(run *r, sl_error *err)
{
    for (size_t i = 0; i < r->n_crew; i++) {
        crew_member *member = &r->crew[i];
        member->started = pthread_create(&member->thread, NULL, work_on, member) == 0;
        if (!member->started) return SL_FAIL(err, SL_ERR_NOMEM, SL_REASON_NONE, "cannot start worker %zu", i + 1);
    }
    return sl_reader_start(&r->reader, &r->line, r->options->paths, r->options->n_paths, err);
}

static void join_threads(run *r)
{
    sl_reader_join(&r->reader);
    for (size_t i = 0; i < r->n_crew; i++) {
        if (r->crew[i].started) pthread_join(r->crew[i].thread, NULL);
    }
}

/* A reader of our output that has gone is an error to return, not a signal to die of. */
static void hold_sigpipe(sigset_t *before)
{
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, before);
}

/* Swallow the one that a failed write left, unless it was blocked all along. */
static void let_sigpipe(const sigset_t *before)
{
    sigset_t pipe_only, waiting;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    if (!sigismember(before, SIGPIPE) && sigpending(&waiting) == 0 && sigismember(&waiting, SIGPIPE)) {
        sigtimedwait(&pipe_only, NULL, &(struct timespec){0});
    }
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

static sl_status run_threads(run *r, sl_error *err)
{
    sl_error why;
    const sl_status started = start_threads(r, &why);
    if (started < 0) sl_line_stop(&r->line, started, &why);
    write_all(r);
    join_threads(r);
    if (r->line.status < 0 && err != NULL) *err = r->line.error;
    return r->line.status;
}

static sl_status prepare(run *r, sl_error *err)
{
    const sl_run_options *o = r->options;
    SL_TRY(sl_reader_check(o->paths, o->n_paths, o->progress != NULL, &r->bytes_total, err));
    SL_TRY(sl_sink_init(&r->sink, o->format, r->models, r->n_models, o->ingest_time_ms, err));
    r->sink.every_epoch = o->every_epoch;
    SL_TRY(make_crew(r, err));
    SL_TRY(sl_quarantine_open(&r->quarantine, o->quarantine_folder, err));
    SL_TRY(r->sink.form->begin(&r->sink, &r->before, err));
    return put_out(r, &r->before, err);
}

sl_status sl_run(const sl_run_options *options, sl_ledger *ledger, sl_error *err)
{
    SL_REQUIRE(options != NULL && ledger != NULL, err);
    *ledger = (sl_ledger){0};
    SL_REQUIRE(options->out != NULL && (options->paths != NULL || options->n_paths == 0), err);
    SL_REQUIRE(!options->every_epoch || options->format == SL_FORMAT_JSONL, err);
    run r = {.options = options, .ledger = ledger, .start_ns = sl_clock_ns()};
    const bool one = options->model != NULL;
    r.models = one ? &options->model : options->models;
    r.n_models = one ? 1 : options->n_models;
    SL_TRY(sl_models_check(r.models, r.n_models, err));
    sl_status status = sl_line_init(&r.line, ITEMS_A_THREAD * count_threads(options->threads) + ITEMS_MORE, err);
    if (status < 0) return status;
    sigset_t before;
    hold_sigpipe(&before);
    status = prepare(&r, err);
    if (status == SL_OK) status = run_threads(&r, err);
    const sl_status closed = sl_quarantine_close(&r.quarantine, status == SL_OK ? err : NULL);
    if (status == SL_OK) status = closed;
    if (status == SL_OK && fflush(options->out) != 0) status = fail_out(&r, err);
    let_sigpipe(&before);
    keep_clock(&r);
    for (size_t i = 0; i < r.n_crew; i++) sl_classifier_free(r.crew[i].classifier);
    free(r.crew);
    sl_avro_release(&r.before);
    sl_avro_release(&r.behind);
    sl_line_release(&r.line);
    return status;
}
