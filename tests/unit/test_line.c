/* The queue and the assembly line between threads: nothing is lost, order is kept, and stopping wakes everyone. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/line.h"
#include "unit.h"

/* ---- the queue ---- */

enum { GIVERS = 3, TAKERS = 3, EACH = 4000, N_THREADS = 4 };

typedef struct hands {
    sl_queue queue;
    int numbers[GIVERS][EACH];
    atomic_int taken[GIVERS * EACH];
    atomic_int next_giver, refused;
} hands;

static void *give_all(void *user)
{
    hands *h = user;
    const int giver = atomic_fetch_add(&h->next_giver, 1);
    for (int i = 0; i < EACH; i++) {
        h->numbers[giver][i] = giver * EACH + i;
        if (!sl_queue_push(&h->queue, &h->numbers[giver][i])) atomic_fetch_add(&h->refused, 1);
    }
    return NULL;
}

static void *take_all(void *user)
{
    hands *h = user;
    for (const int *number; (number = sl_queue_pop(&h->queue)) != NULL;) atomic_fetch_add(&h->taken[*number], 1);
    return NULL;
}

static void each_item_of_a_queue_is_taken_once(void **state)
{
    (void)state;
    hands *h = calloc(1, sizeof *h);
    pthread_t givers[GIVERS], takers[TAKERS];
    sl_error err;
    assert_ok(sl_queue_init(&h->queue, 3, &err), &err);
    for (int i = 0; i < TAKERS; i++) assert_int_equal(pthread_create(&takers[i], NULL, take_all, h), 0);
    for (int i = 0; i < GIVERS; i++) assert_int_equal(pthread_create(&givers[i], NULL, give_all, h), 0);
    for (int i = 0; i < GIVERS; i++) pthread_join(givers[i], NULL);
    sl_queue_close(&h->queue);
    for (int i = 0; i < TAKERS; i++) pthread_join(takers[i], NULL);
    for (int i = 0; i < GIVERS * EACH; i++) assert_int_equal(h->taken[i], 1);
    assert_int_equal(h->refused, 0);
    sl_queue_release(&h->queue);
    free(h);
}

static void closing_a_queue_wakes_who_waits_to_give(void **state)
{
    (void)state;
    hands *h = calloc(1, sizeof *h);
    pthread_t givers[GIVERS];
    sl_error err;
    assert_ok(sl_queue_init(&h->queue, 3, &err), &err);
    for (int i = 0; i < GIVERS; i++) assert_int_equal(pthread_create(&givers[i], NULL, give_all, h), 0);
    const int *first = sl_queue_pop(&h->queue);
    assert_non_null(first);
    for (bool full = false; !full; sched_yield()) { /* nobody takes any more: whoever has something to give waits */
        pthread_mutex_lock(&h->queue.mutex);
        full = h->queue.count == h->queue.size;
        pthread_mutex_unlock(&h->queue.mutex);
    }
    sl_queue_close(&h->queue);
    for (int i = 0; i < GIVERS; i++) pthread_join(givers[i], NULL);
    int kept = 0;
    while (sl_queue_pop(&h->queue) != NULL) kept++;
    assert_int_equal(kept, 3);
    assert_int_equal(h->refused + kept + 1, GIVERS * EACH);
    sl_queue_release(&h->queue);
    free(h);
}

/* ---- the line ---- */

enum { ITEMS = 5, ROUNDS = 3000 };

typedef struct plant {
    sl_line line;
    size_t n_rounds;
    size_t stop_at; /* a worker stops at this item; SIZE_MAX: never */
    atomic_bool came_full;
} plant;

/* What goes along is the number of the item, in its names. */
static void *read_numbers(void *user)
{
    plant *p = user;
    for (size_t i = 0; i < p->n_rounds; i++) {
        sl_work *work = sl_line_take(&p->line);
        if (work == NULL) break;
        if (work->n_packets != 0 || work->n_records != 0 || work->names.len != 0) atomic_store(&p->came_full, true);
        memcpy(sl_bytes_room(&work->names, sizeof i), &i, sizeof i);
        work->names.len = sizeof i;
        sl_line_submit(&p->line, work);
    }
    sl_line_end(&p->line);
    return NULL;
}

static size_t number_of(const sl_work *work)
{
    size_t number;
    memcpy(&number, work->names.ptr, sizeof number);
    return number;
}

static void *work_on(void *user)
{
    plant *p = user;
    for (sl_work *work; (work = sl_line_next(&p->line)) != NULL;) {
        const size_t number = number_of(work);
        work->n_records = number + 1;
        if (number == p->stop_at) {
            const sl_error why = {.status = SL_ERR_NOMEM, .message = "a worker's"};
            sl_line_stop(&p->line, SL_ERR_NOMEM, &why);
            break;
        }
        if (number % 7 == 0) sched_yield(); /* so that they overtake each other */
        sl_line_finish(&p->line, work);
    }
    return NULL;
}

/* Runs the line and gives how many items came out; the writer stops it behind `writer_stops` of them. */
static size_t run_line(plant *p, size_t writer_stops)
{
    sl_error err;
    pthread_t reader, workers[N_THREADS];
    assert_ok(sl_line_init(&p->line, ITEMS, &err), &err);
    assert_int_equal(pthread_create(&reader, NULL, read_numbers, p), 0);
    for (int i = 0; i < N_THREADS; i++) assert_int_equal(pthread_create(&workers[i], NULL, work_on, p), 0);
    size_t n = 0;
    for (sl_work *work; sl_line_collect(&p->line, 50, &work) == SL_OK;) {
        if (work == NULL) continue;
        assert_int_equal(number_of(work), n);
        assert_int_equal(work->n_records, n + 1);
        sl_line_give_back(&p->line, work);
        if (++n == writer_stops) {
            const sl_error why = {.status = SL_ERR_IO, .message = "the writer's"};
            sl_line_stop(&p->line, SL_ERR_IO, &why);
        }
    }
    pthread_join(reader, NULL);
    for (int i = 0; i < N_THREADS; i++) pthread_join(workers[i], NULL);
    assert_false(p->came_full);
    return n;
}

static void what_goes_on_the_line_comes_off_in_order(void **state)
{
    (void)state;
    plant p = {.n_rounds = ROUNDS, .stop_at = SIZE_MAX};
    assert_int_equal(run_line(&p, SIZE_MAX), ROUNDS);
    assert_int_equal(p.line.status, SL_OK);
    sl_line_release(&p.line);
    p.n_rounds = 0;
    assert_int_equal(run_line(&p, SIZE_MAX), 0);
    sl_line_release(&p.line);
}

static void anyone_may_stop_the_line_and_everyone_goes_home(void **state)
{
    (void)state;
    for (size_t at = 0; at < 40; at++) {
        plant p = {.n_rounds = ROUNDS, .stop_at = at};
        assert_in_range(run_line(&p, SIZE_MAX), 0, at);
        assert_int_equal(p.line.status, SL_ERR_NOMEM);
        assert_string_equal(p.line.error.message, "a worker's");
        sl_line_release(&p.line);
        p = (plant){.n_rounds = ROUNDS, .stop_at = SIZE_MAX};
        assert_int_equal(run_line(&p, at + 1), at + 1);
        assert_int_equal(p.line.status, SL_ERR_IO);
        assert_string_equal(p.line.error.message, "the writer's");
        sl_line_release(&p.line);
    }
}

static void the_first_who_stops_the_line_has_the_word(void **state)
{
    (void)state;
    sl_error err;
    sl_line line;
    assert_ok(sl_line_init(&line, ITEMS, &err), &err);
    const sl_error first = {.message = "first"}, second = {.message = "second"};
    sl_line_stop(&line, SL_DONE, &first);
    sl_line_stop(&line, SL_ERR_NOMEM, &second);
    assert_int_equal(line.status, SL_DONE);
    assert_string_equal(line.error.message, "first");
    assert_true(sl_line_stopped(&line));
    assert_null(sl_line_take(&line));
    assert_null(sl_line_next(&line));
    sl_line_release(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_of_a_queue_is_taken_once),
        cmocka_unit_test(closing_a_queue_wakes_who_waits_to_give),
        cmocka_unit_test(what_goes_on_the_line_comes_off_in_order),
        cmocka_unit_test(anyone_may_stop_the_line_and_everyone_goes_home),
        cmocka_unit_test(the_first_who_stops_the_line_has_the_word),
    };
    return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
