/* train/pool.h - threads that do the tasks of a list together, over and over. */
#ifndef SL_TRAIN_POOL_H
#define SL_TRAIN_POOL_H

#include "starling/base.h"

typedef struct sl_pool sl_pool;

/* `threads` of them, the caller's included. */
sl_status sl_pool_new(size_t threads, sl_pool **out, sl_error *err);
void sl_pool_free(sl_pool *pool);
/* How many cores this process may use. */
size_t sl_pool_cores(void);
size_t sl_pool_threads(const sl_pool *pool);
/* Call task(user, worker, i) for each i < n, worker < threads, and return when all are done. Which worker does which is chance. */
void sl_pool_run(sl_pool *pool, size_t n, void (*task)(void *user, size_t worker, size_t i), void *user);

#endif
