/*
 * pipeline/line.h - the assembly line that work items go round on.
 *
 *     writer: give back ──► free ──► reader: take, submit ──► to do
 *        ▲                                                      │
 *        └─────────── done, in order ◄── worker: finish ◄───────┘
 *
 * There is a fixed number of items: a reader that is faster than the workers,
 * or workers faster than the writer, wait for one to come free.
 */
#ifndef SL_PIPELINE_LINE_H
#define SL_PIPELINE_LINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/queue.h"
#include "pipeline/work.h"

typedef struct sl_line {
    size_t n_items;
    sl_work *items;
    sl_queue free, to_do;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    sl_work **done;     /* ring: the item of sequence s at s % n_items */
    uint64_t submitted; /* by the reader */
    uint64_t written;   /* by the writer: the sequence it waits for */
    bool ended;         /* nothing more will be submitted */
    atomic_bool stopped;
    sl_status status; /* of the first that stopped the line */
    sl_error error;
} sl_line;

sl_status sl_line_init(sl_line *line, size_t n_items, sl_error *err);
void sl_line_release(sl_line *line);

/* Reader: an empty item, or NULL when the line was stopped. */
sl_work *sl_line_take(sl_line *line);
void sl_line_submit(sl_line *line, sl_work *work);
/* Reader: that was all. */
void sl_line_end(sl_line *line);

/* Worker: the next item, or NULL when there is nothing more to do. */
sl_work *sl_line_next(sl_line *line);
void sl_line_finish(sl_line *line, sl_work *work);

/* Writer: the next item in order, waiting no longer than `wait_ms`. SL_OK;
   SL_DONE after the last or when stopped; *out is NULL where the wait was over first. */
sl_status sl_line_collect(sl_line *line, int wait_ms, sl_work **out);
void sl_line_give_back(sl_line *line, sl_work *work);

/* Anyone: no further. The first status and story are kept. */
void sl_line_stop(sl_line *line, sl_status status, const sl_error *err);
bool sl_line_stopped(sl_line *line);

#endif
