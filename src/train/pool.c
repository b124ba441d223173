#include "train/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"

typedef struct worker {
    sl_pool *pool;
    size_t index;
    pthread_t thread;
} worker;

struct sl_pool {
    pthread_mutex_t mutex;
    pthread_cond_t start, done;
    size_t threads, started, busy; /* started: threads that exist beside the caller's */
    uint64_t round;
    bool stop;
    void (*task)(void *user, size_t worker, size_t i);
    void *user;
    size_t n;
    atomic_size_t next;
    worker *workers;
};

static void work(sl_pool *pool, size_t index)
{
    for (;;) {
        const size_t i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (i >= pool->n) return;
        pool->task(pool->user, index, i);
    }
}

static void *run_worker(void *argument)
{
    const worker *self = argument;
    sl_pool *pool = self->pool;
    uint64_t round = 0;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->round == round && !pool->stop) pthread_cond_wait(&pool->start, &pool->mutex);
        if (pool->stop) break;
        round = pool->round;
        pthread_mutex_unlock(&pool->mutex);
        work(pool, self->index);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->busy == 0) pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

sl_status sl_pool_new(size_t threads, sl_pool **out, sl_error *err)
{
    SL_REQUIRE(threads > 0 && out != NULL, err);
    sl_pool *pool = calloc(1, sizeof *pool);
    worker *workers = calloc(threads, sizeof *workers);
    if (pool == NULL || workers == NULL) {
        free(pool);
        free(workers);
        return SL_FAIL_NOMEM(err);
    }
    pool->threads = threads;
    pool->workers = workers;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (size_t i = 1; i < threads; i++) {
        workers[i] = (worker){.pool = pool, .index = i};
        if (pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]) != 0) {
            sl_pool_free(pool);
            return SL_FAIL(err, SL_ERR_NOMEM, SL_REASON_NONE, "cannot start thread %zu of %zu", i, threads);
        }
        pool->started++;
    }
    *out = pool;
    return SL_OK;
}

void sl_pool_free(sl_pool *pool)
{
    if (pool == NULL) return;
    pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 1; i <= pool->started; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->start);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->workers);
    free(pool);
}

size_t sl_pool_cores(void)
{
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) == 0 ? (size_t)CPU_COUNT(&cores) : 1;
}

size_t sl_pool_threads(const sl_pool *pool)
{
    return pool->threads;
}

void sl_pool_run(sl_pool *pool, size_t n, void (*task)(void *user, size_t worker, size_t i), void *user)
{
    pthread_mutex_lock(&pool->mutex);
    pool->task = task;
    pool->user = user;
    pool->n = n;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    pool->busy = pool->started;
    pool->round++;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->mutex);
    work(pool, 0);
    pthread_mutex_lock(&pool->mutex);
    while (pool->busy > 0) pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}
