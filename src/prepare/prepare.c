/*
 * Objects go to the workers in items, and come out of them in order: whoever
 * finishes an item writes all those that are next in line. There is a fixed
 * number of items, so that who adds objects waits where the others are behind.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/queue.h"
#include "prepare/rows.h"

enum {
    ITEM_ROWS = 64,     /* an item with so many rows, or more, is full */
    ITEM_POINTS = 1 << 20,
    MOST_THREADS = 256
};
static const size_t most_item_bytes = (size_t)1 << 30;

struct sl_prepare {
    sl_contract contract;
    sl_prepare_options options; /* contract: the one above; no path */
    sl_dataset_writer *writer;
    size_t n_threads, n_started, n_items, objects_an_item;
    pthread_t *threads;
    sl_prepare_worker **workers;
    sl_prepare_item *items, *filling; /* filling: the one that is being filled, or NULL */
    sl_queue free, to_do;
    pthread_mutex_t mutex; /* of what follows */
    uint64_t submitted, written;
    sl_prepare_item **done; /* ring: the item of sequence s at s % n_items */
    sl_prepare_counts counts;
    sl_status status; /* the first that failed */
    sl_error error;
};

void sl_augment_defaults(sl_augment *out)
{
    *out = (sl_augment){.seed = 1,
                        .redshift_range = 0.15,
                        .dim_share = 0.125,
                        .dim = 0.4,
                        .weak_share = 0.125,
                        .noise_share = 0.5,
                        .noise = 1,
                        .drop_points = 0.5};
}

/* ---- the workers ---- */

static void fail(sl_prepare *p, sl_status status, const sl_error *err)
{
    pthread_mutex_lock(&p->mutex);
    if (p->status == SL_OK) {
        p->status = status;
        p->error = *err;
    }
    pthread_mutex_unlock(&p->mutex);
    sl_queue_close(&p->free);
    sl_queue_close(&p->to_do);
}

static void add_counts(sl_prepare_counts *to, const sl_prepare_counts *from)
{
    to->objects += from->objects;
    to->refused += from->refused;
    to->rows += from->rows;
    to->no_views += from->no_views;
    for (int i = 0; i < SL_N_REASONS; i++) to->by_reason[i] += from->by_reason[i];
    for (int i = 0; i < SL_MAX_CLASSES; i++) to->rows_of_class[i] += from->rows_of_class[i];
}

static sl_status write_item(sl_prepare *p, const sl_prepare_item *item, sl_error *err)
{
    const size_t n = sl_contract_input_floats(&p->contract);
    for (size_t i = 0; i < item->n_rows; i++) {
        SL_TRY(sl_dataset_writer_add(p->writer, &item->rows[i], item->inputs + i * n, err));
    }
    return SL_OK;
}

/* The item is done; it and all that waited for it only are written. */
static sl_status hand_over(sl_prepare *p, sl_prepare_item *item, sl_error *err)
{
    sl_status status = SL_OK;
    pthread_mutex_lock(&p->mutex);
    p->done[item->sequence % p->n_items] = item;
    for (;;) {
        sl_prepare_item **next = &p->done[p->written % p->n_items];
        if (*next == NULL || status < 0) break;
        item = *next;
        *next = NULL;
        p->written++;
        status = write_item(p, item, err);
        add_counts(&p->counts, &item->counts);
        sl_queue_push(&p->free, item); /* never waits: it has room for all */
    }
    pthread_mutex_unlock(&p->mutex);
    return status;
}

typedef struct start {
    sl_prepare *prepare;
    sl_prepare_worker *worker;
} start;

static void *work(void *user)
{
    const start s = *(start *)user;
    free(user);
    sl_error err = {0};
    for (sl_prepare_item *item; (item = sl_queue_pop(&s.prepare->to_do)) != NULL;) {
        sl_status status = sl_prepare_worker_run(s.worker, item, &err);
        if (status == SL_OK) status = hand_over(s.prepare, item, &err);
        if (status < 0) {
            fail(s.prepare, status, &err);
            break;
        }
    }
    return NULL;
}

static sl_status start_thread(sl_prepare *p, size_t i, sl_error *err)
{
    start *s = malloc(sizeof *s);
    if (s == NULL) return SL_FAIL_NOMEM(err);
    *s = (start){p, p->workers[i]};
    if (pthread_create(&p->threads[i], NULL, work, s) != 0) {
        free(s);
        return SL_FAIL(err, SL_ERR_NOMEM, SL_REASON_NONE, "cannot start a thread");
    }
    p->n_started++;
    return SL_OK;
}

/* ---- beginning ---- */

static sl_status check_options(const sl_prepare_options *o, sl_error *err)
{
    SL_REQUIRE(o != NULL && o->contract != NULL && o->path != NULL && o->threads >= 0, err);
    const sl_augment *a = &o->augment;
    SL_REQUIRE(a->copies <= SL_MAX_COPIES, err);
    SL_REQUIRE(a->redshift_share >= 0 && a->redshift_share <= 1 && a->alert_share >= 0 && a->alert_share <= 1, err);
    SL_REQUIRE(a->drop_points >= 0 && a->drop_points <= 1 && a->drop_bands >= 0 && a->drop_bands <= 1, err);
    SL_REQUIRE(a->dim_share >= 0 && a->weak_share >= 0 && a->dim_share + a->weak_share <= 1, err);
    SL_REQUIRE(a->dim >= 0 && a->dim <= 10 && a->noise_share >= 0 && a->noise_share <= 1, err);
    SL_REQUIRE(a->noise >= 0 && a->noise <= 100 && a->redshift_range >= 0 && a->redshift_range <= 5, err);
    SL_REQUIRE(isfinite(a->alert_days), err);
    return sl_contract_check(o->contract, err);
}

static sl_status make_items(sl_prepare *p, size_t rows_an_item, sl_error *err)
{
    const size_t n = sl_contract_input_floats(&p->contract);
    if (rows_an_item * n * sizeof(float) > most_item_bytes) {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "%zu views of %zu numbers are too much for one object",
                       rows_an_item, n);
    }
    p->items = calloc(p->n_items, sizeof *p->items);
    p->done = calloc(p->n_items, sizeof *p->done);
    if (p->items == NULL || p->done == NULL) return SL_FAIL_NOMEM(err);
    for (size_t i = 0; i < p->n_items; i++) {
        sl_prepare_item *item = &p->items[i];
        sl_arena_init(&item->arena, SIZE_MAX / 2);
        item->rows = calloc(rows_an_item, sizeof *item->rows);
        item->inputs = calloc(rows_an_item * n, sizeof *item->inputs);
        if (item->rows == NULL || item->inputs == NULL) return SL_FAIL_NOMEM(err);
        sl_queue_push(&p->free, item);
    }
    return SL_OK;
}

static sl_status begin(sl_prepare *p, const sl_prepare_options *options, sl_error *err)
{
    const size_t views = 1 + (size_t)options->augment.copies;
    p->objects_an_item = ITEM_ROWS / views > 0 ? ITEM_ROWS / views : 1;
    if (p->objects_an_item > SL_PREPARE_OBJECTS) p->objects_an_item = SL_PREPARE_OBJECTS;
    const size_t rows = p->objects_an_item * views;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    p->n_threads = options->threads > 0 ? (size_t)options->threads : cores > 0 ? (size_t)cores : 1;
    if (p->n_threads > MOST_THREADS) p->n_threads = MOST_THREADS;
    p->n_items = 2 * p->n_threads + 2;
    SL_TRY(sl_queue_init(&p->free, p->n_items, err));
    SL_TRY(sl_queue_init(&p->to_do, p->n_items, err));
    SL_TRY(make_items(p, rows, err));
    SL_TRY(sl_dataset_writer_new(options->path, options->contract, options->storage, options->fit_features, &p->writer,
                                 err));
    p->threads = calloc(p->n_threads, sizeof *p->threads);
    p->workers = calloc(p->n_threads, sizeof(sl_prepare_worker *));
    if (p->threads == NULL || p->workers == NULL) return SL_FAIL_NOMEM(err);
    for (size_t i = 0; i < p->n_threads; i++) SL_TRY(sl_prepare_worker_new(options, rows, &p->workers[i], err));
    for (size_t i = 0; i < p->n_threads; i++) SL_TRY(start_thread(p, i, err));
    return SL_OK;
}

sl_status sl_prepare_new(const sl_prepare_options *options, sl_prepare **out, sl_error *err)
{
    SL_REQUIRE(out != NULL, err);
    *out = NULL;
    SL_TRY(check_options(options, err));
    sl_prepare *p = calloc(1, sizeof *p);
    if (p == NULL) return SL_FAIL_NOMEM(err);
    p->contract = *options->contract;
    pthread_mutex_init(&p->mutex, NULL);
    const sl_status status = begin(p, options, err);
    if (status < 0) {
        sl_prepare_free(p);
        return status;
    }
    *out = p;
    return SL_OK;
}

/* ---- adding ---- */

static sl_status failed(sl_prepare *p, sl_error *err)
{
    pthread_mutex_lock(&p->mutex);
    const sl_status status = p->status;
    if (status < 0 && err != NULL) *err = p->error;
    pthread_mutex_unlock(&p->mutex);
    return status;
}

static void submit(sl_prepare *p)
{
    p->filling->sequence = p->submitted++;
    (void)sl_queue_push(&p->to_do, p->filling);
    p->filling = NULL;
}

static sl_status copy_alert(sl_prepare_item *item, const sl_alert *alert, int label, sl_error *err)
{
    sl_alert *to = &item->objects[item->n_objects].alert;
    *to = *alert;
    sl_point *points = SL_ARENA_NEW(&item->arena, sl_point, alert->n_points + (alert->n_points == 0));
    const char *id = sl_arena_text(&item->arena, alert->object_id.ptr, alert->object_id.len);
    if (points == NULL || id == NULL) return SL_FAIL_NOMEM(err);
    if (alert->n_points > 0) memcpy(points, alert->points, alert->n_points * sizeof *points);
    to->points = points;
    to->object_id.ptr = id;
    to->alert_id = to->schema_version = (sl_str){0};
    item->objects[item->n_objects++].label = label;
    item->n_points += alert->n_points;
    return SL_OK;
}

sl_status sl_prepare_add(sl_prepare *p, const sl_alert *alert, int label, sl_error *err)
{
    SL_REQUIRE(p != NULL && alert != NULL, err);
    SL_REQUIRE(label >= -1 && label < (int)p->contract.n_classes, err);
    if (p->filling == NULL) {
        p->filling = sl_queue_pop(&p->free);
        if (p->filling == NULL) return failed(p, err);
        p->filling->n_objects = p->filling->n_points = 0;
        sl_arena_reset(&p->filling->arena);
    }
    SL_TRY(copy_alert(p->filling, alert, label, err));
    if (p->filling->n_objects == p->objects_an_item || p->filling->n_points > ITEM_POINTS) submit(p);
    return failed(p, err);
}

void sl_prepare_tally(sl_prepare *p, sl_prepare_counts *out)
{
    pthread_mutex_lock(&p->mutex);
    *out = p->counts;
    pthread_mutex_unlock(&p->mutex);
}

/* ---- the end ---- */

static void join(sl_prepare *p)
{
    sl_queue_close(&p->to_do);
    for (; p->n_started > 0; p->n_started--) pthread_join(p->threads[p->n_started - 1], NULL);
}

sl_status sl_prepare_finish(sl_prepare *p, sl_prepare_counts *out, sl_error *err)
{
    SL_REQUIRE(p != NULL, err);
    if (p->filling != NULL) submit(p);
    join(p);
    SL_TRY(failed(p, err));
    SL_TRY(sl_dataset_writer_finish(p->writer, err));
    if (out != NULL) *out = p->counts;
    return SL_OK;
}

void sl_prepare_free(sl_prepare *p)
{
    if (p == NULL) return;
    if (p->n_started > 0) {
        sl_error none = {0};
        fail(p, SL_ERR_INVAL, &none); /* nobody wants what is still to do */
        join(p);
    }
    for (size_t i = 0; p->workers != NULL && i < p->n_threads; i++) sl_prepare_worker_free(p->workers[i]);
    for (size_t i = 0; p->items != NULL && i < p->n_items; i++) {
        sl_arena_release(&p->items[i].arena);
        free(p->items[i].rows);
        free(p->items[i].inputs);
    }
    sl_dataset_writer_free(p->writer);
    sl_queue_release(&p->free);
    sl_queue_release(&p->to_do);
    pthread_mutex_destroy(&p->mutex);
    free(p->items);
    free(p->done);
    free(p->workers);
    free(p->threads);
    free(p);
}
