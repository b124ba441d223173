#include "pipeline/line.h"

#include <stdlib.h>
#include <time.h>

#include "base/error.h"

sl_status sl_line_init(sl_line *line, size_t n_items, sl_error *err)
{
    *line = (sl_line){.n_items = n_items};
    pthread_mutex_init(&line->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&line->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sl_status status = SL_OK;
    line->items = calloc(n_items, sizeof *line->items);
    line->done = calloc(n_items, sizeof(sl_work *));
    if (line->items == NULL || line->done == NULL) status = SL_FAIL_NOMEM(err);
    if (status == SL_OK) status = sl_queue_init(&line->free, n_items, err);
    if (status == SL_OK) status = sl_queue_init(&line->to_do, n_items, err);
    for (size_t i = 0; status == SL_OK && i < n_items; i++) sl_queue_push(&line->free, &line->items[i]);
    if (status != SL_OK) sl_line_release(line);
    return status;
}

void sl_line_release(sl_line *line)
{
    for (size_t i = 0; line->items != NULL && i < line->n_items; i++) sl_work_release(&line->items[i]);
    free(line->items);
    free(line->done);
    sl_queue_release(&line->free);
    sl_queue_release(&line->to_do);
    pthread_cond_destroy(&line->changed);
    pthread_mutex_destroy(&line->mutex);
}

sl_work *sl_line_take(sl_line *line)
{
    sl_work *work = sl_queue_pop(&line->free);
    if (work != NULL && sl_line_stopped(line)) return NULL;
    if (work != NULL) sl_work_reset(work);
    return work;
}

void sl_line_submit(sl_line *line, sl_work *work)
{
    pthread_mutex_lock(&line->mutex);
    work->sequence = line->submitted++;
    pthread_mutex_unlock(&line->mutex);
    sl_queue_push(&line->to_do, work);
}

void sl_line_end(sl_line *line)
{
    pthread_mutex_lock(&line->mutex);
    line->ended = true;
    pthread_cond_broadcast(&line->changed);
    pthread_mutex_unlock(&line->mutex);
    sl_queue_close(&line->to_do);
}

sl_work *sl_line_next(sl_line *line)
{
    sl_work *work = sl_queue_pop(&line->to_do);
    return sl_line_stopped(line) ? NULL : work;
}

void sl_line_finish(sl_line *line, sl_work *work)
{
    pthread_mutex_lock(&line->mutex);
    line->done[work->sequence % line->n_items] = work;
    /* Only the writer waits here, and only for the item that is next. */
    if (work->sequence == line->written) pthread_cond_broadcast(&line->changed);
    pthread_mutex_unlock(&line->mutex);
}

sl_status sl_line_collect(sl_line *line, int wait_ms, sl_work **out)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    *out = NULL;
    sl_status status = SL_OK;
    pthread_mutex_lock(&line->mutex);
    for (int late = 0; late == 0;) {
        sl_work **next = &line->done[line->written % line->n_items];
        const bool over = line->ended && line->written == line->submitted;
        if (sl_line_stopped(line) || over) {
            status = SL_DONE;
            break;
        }
        if (*next != NULL) {
            *out = *next;
            *next = NULL;
            line->written++;
            break;
        }
        late = pthread_cond_timedwait(&line->changed, &line->mutex, &until);
    }
    pthread_mutex_unlock(&line->mutex);
    return status;
}

void sl_line_give_back(sl_line *line, sl_work *work)
{
    sl_queue_push(&line->free, work);
}

void sl_line_stop(sl_line *line, sl_status status, const sl_error *err)
{
    pthread_mutex_lock(&line->mutex);
    if (line->status == SL_OK) {
        line->status = status;
        line->error = *err;
    }
    atomic_store(&line->stopped, true);
    pthread_cond_broadcast(&line->changed);
    pthread_mutex_unlock(&line->mutex);
    sl_queue_close(&line->free);
    sl_queue_close(&line->to_do);
}

bool sl_line_stopped(sl_line *line)
{
    return atomic_load(&line->stopped);
}
