/* prepare/rows.h - objects to rows, one thread's part of it. */
#ifndef SL_PREPARE_ROWS_H
#define SL_PREPARE_ROWS_H

#include "base/arena.h"
#include "starling/prepare.h"

enum { SL_PREPARE_OBJECTS = 32 /* of an item, at most */ };

/* Some objects, and what became of them. */
typedef struct sl_prepare_item {
    uint64_t sequence;
    /* filled by who adds objects */
    size_t n_objects, n_points;
    struct {
        sl_alert alert;
        int label;
    } objects[SL_PREPARE_OBJECTS];
    sl_arena arena; /* what the alerts borrow */
    /* made by a worker; the arrays have room for all rows of a full item */
    size_t n_rows;
    sl_dataset_row *rows;
    float *inputs; /* one behind the other; with fit_features the raw values of the features at their ends */
    sl_prepare_counts counts;
} sl_prepare_item;

/* Workspace of one thread. */
typedef struct sl_prepare_worker sl_prepare_worker;

/* most: rows of an item. Copies the options' contract. */
sl_status sl_prepare_worker_new(const sl_prepare_options *options, size_t most, sl_prepare_worker **out, sl_error *err);
void sl_prepare_worker_free(sl_prepare_worker *worker);
/* Fill in the item's rows. SL_ERR_NOMEM. */
sl_status sl_prepare_worker_run(sl_prepare_worker *worker, sl_prepare_item *item, sl_error *err);

#endif
