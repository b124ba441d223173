#include "base/queue.h"

#include <stdlib.h>

#include "base/error.h"

sl_status sl_queue_init(sl_queue *queue, size_t size, sl_error *err)
{
    SL_REQUIRE(size > 0, err);
    *queue = (sl_queue){.size = size};
    queue->items = calloc(size, sizeof *queue->items);
    if (queue->items == NULL) return SL_FAIL_NOMEM(err);
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->not_full, NULL);
    pthread_cond_init(&queue->not_empty, NULL);
    return SL_OK;
}

void sl_queue_release(sl_queue *queue)
{
    if (queue->items == NULL) return;
    pthread_cond_destroy(&queue->not_empty);
    pthread_cond_destroy(&queue->not_full);
    pthread_mutex_destroy(&queue->mutex);
    free(queue->items);
    queue->items = NULL;
}

bool sl_queue_push(sl_queue *queue, void *item)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == queue->size && !queue->closed) pthread_cond_wait(&queue->not_full, &queue->mutex);
    const bool taken = !queue->closed;
    if (taken) {
        queue->items[(queue->head + queue->count++) % queue->size] = item;
        pthread_cond_signal(&queue->not_empty);
    }
    pthread_mutex_unlock(&queue->mutex);
    return taken;
}

void *sl_queue_pop(sl_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == 0 && !queue->closed) pthread_cond_wait(&queue->not_empty, &queue->mutex);
    void *item = NULL;
    if (queue->count > 0) {
        item = queue->items[queue->head];
        queue->head = (queue->head + 1) % queue->size;
        queue->count--;
        pthread_cond_signal(&queue->not_full);
    }
    pthread_mutex_unlock(&queue->mutex);
    return item;
}

void sl_queue_close(sl_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    pthread_cond_broadcast(&queue->not_full);
    pthread_cond_broadcast(&queue->not_empty);
    pthread_mutex_unlock(&queue->mutex);
}
