/*
 * base/queue.h - a bounded queue between threads: the back-pressure.
 *
 * Pushing waits while it is full, popping waits while it is empty. Closing
 * wakes everyone: what is inside can still be popped, nothing more pushed.
 */
#ifndef SL_BASE_QUEUE_H
#define SL_BASE_QUEUE_H

#include <pthread.h>

#include "starling/base.h"

typedef struct sl_queue {
    pthread_mutex_t mutex;
    pthread_cond_t not_full, not_empty;
    void **items; /* ring of `size` */
    size_t size, head, count;
    bool closed;
} sl_queue;

sl_status sl_queue_init(sl_queue *queue, size_t size, sl_error *err);
void sl_queue_release(sl_queue *queue);
/* False when the queue was closed: the item was not taken. */
bool sl_queue_push(sl_queue *queue, void *item);
/* NULL when the queue was closed and is empty. */
void *sl_queue_pop(sl_queue *queue);
void sl_queue_close(sl_queue *queue);

#endif
