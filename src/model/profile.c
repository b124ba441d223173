/*
 * Where the time of a forward pass goes: the runner's kernels are swapped for
 * ones that time each call. A kernel knows no user, so what they write to is
 * the thread's.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/runner.h"

static _Thread_local struct {
    const sl_kernels *kernels; /* the real ones */
    sl_profile_row *rows;
    size_t room, n;
    uint64_t start;
} watch;

static void start(void)
{
    watch.start = sl_clock_ns();
}

/* The row of the call that has just ended, or one to throw away. */
static sl_profile_row *stop(const char *kernel, double flop)
{
    static _Thread_local sl_profile_row beyond;
    const uint64_t end = sl_clock_ns();
    sl_profile_row *row = watch.n < watch.room ? &watch.rows[watch.n] : &beyond;
    *row = (sl_profile_row){.kernel = kernel, .flop = flop, .ns = (double)(end - watch.start)};
    watch.n++;
    return row;
}

#define SHAPE(row, ...) (void)snprintf((row)->shape, sizeof(row)->shape, __VA_ARGS__)

static void gemm(const sl_gemm *g)
{
    start();
    watch.kernels->gemm(g);
    static const struct {
        size_t channels; /* of a word */
        const char *name;
    } kinds[] = {[SL_WEIGHTS_FLOAT32] = {1, ""}, [SL_WEIGHTS_BFLOAT16] = {2, ", bf16"}, [SL_WEIGHTS_INT8] = {4, ", int8"}};
    const size_t channels = g->k * kinds[g->kind].channels;
    sl_profile_row *row = stop("gemm", 2.0 * (double)g->n * (double)channels * (double)g->lanes);
    SHAPE(row, "%zu -> %zu, %zu lanes%s", channels, g->n, g->lanes, kinds[g->kind].name);
}

static void attention(const sl_attention *a)
{
    start();
    watch.kernels->attention(a);
    const double scores = (double)a->heads * (double)a->steps * (double)a->stride;
    sl_profile_row *row = stop("attention", 4.0 * scores * (double)a->key_dim);
    SHAPE(row, "%zu heads x %zu, %zu steps", a->heads, a->key_dim, a->steps);
}

static void norm(const sl_norm *n)
{
    start();
    watch.kernels->norm(n);
    SHAPE(stop("norm", 8.0 * (double)n->channels * (double)n->lanes), "%zu, %zu lanes", n->channels, n->lanes);
}

static void quantize(const sl_quantize *q)
{
    start();
    watch.kernels->quantize(q);
    SHAPE(stop("quantize", 4.0 * (double)q->channels * (double)q->lanes), "%zu, %zu lanes", q->channels, q->lanes);
}

static void pack(const sl_pack *p)
{
    start();
    watch.kernels->pack(p);
    SHAPE(stop("pack", (double)p->channels * (double)p->lanes), "%zu, %zu lanes", p->channels, p->lanes);
}

static void mean(size_t channels, size_t steps, size_t stride, const float *x, float *o)
{
    start();
    watch.kernels->mean(channels, steps, stride, x, o);
    SHAPE(stop("mean", (double)channels * (double)steps), "%zu, %zu steps", channels, steps);
}

static void softmax(size_t channels, size_t lanes, size_t stride, float *x)
{
    start();
    watch.kernels->softmax(channels, lanes, stride, x);
    SHAPE(stop("softmax", 3.0 * (double)channels * (double)lanes), "%zu, %zu lanes", channels, lanes);
}

static void silu(size_t n, float *x)
{
    start();
    watch.kernels->silu(n, x);
    SHAPE(stop("silu", 4.0 * (double)n), "%zu", n);
}

static void matvec(const sl_matvec *m)
{
    start();
    watch.kernels->recur.matvec(m);
    SHAPE(stop("matvec", 2.0 * (double)m->k * (double)m->lanes), "%zu -> %zu", m->k, m->lanes);
}

static void gru(const sl_gates *g)
{
    start();
    watch.kernels->recur.gru(g);
    SHAPE(stop("gru", 10.0 * (double)g->rows * (double)g->lanes), "%zu x %zu", g->rows, g->lanes);
}

static void lstm(const sl_gates *g)
{
    start();
    watch.kernels->recur.lstm(g);
    SHAPE(stop("lstm", 12.0 * (double)g->rows * (double)g->lanes), "%zu x %zu", g->rows, g->lanes);
}

sl_status sl_runner_profile(sl_runner *runner, const float *input, float *p, size_t room, sl_profile_row *rows,
                            size_t *n_rows, sl_error *err)
{
    /* A kernel more would go by without a stopwatch. */
    _Static_assert(offsetof(sl_kernels, peak) == 9 * sizeof(void (*)(void)), "a name, and eight kernels of networks");
    _Static_assert(sizeof(sl_recur_kernels) == 5 * sizeof(void (*)(void)), "three forwards, two backwards");
    SL_REQUIRE(runner != NULL && input != NULL && p != NULL && n_rows != NULL && (rows != NULL || room == 0), err);
    sl_kernels timed = *sl_kernels_select();
    timed.gemm = gemm;
    timed.attention = attention;
    timed.norm = norm;
    timed.quantize = quantize;
    timed.pack = pack;
    timed.mean = mean;
    timed.softmax = softmax;
    timed.silu = silu;
    timed.recur.matvec = matvec;
    timed.recur.gru = gru;
    timed.recur.lstm = lstm;
    watch.kernels = sl_runner_swap_kernels(runner, &timed);
    watch.rows = rows;
    watch.room = room;
    watch.n = 0;
    const sl_status status = sl_runner_run(runner, 1, input, p, err);
    sl_runner_swap_kernels(runner, watch.kernels);
    *n_rows = watch.n;
    return status;
}

double sl_runner_peak(void)
{
    enum { ROUNDS = 20000, TRIES = 20 };
    const sl_kernels *kernels = sl_kernels_select();
    volatile float kept = 0;
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        float sum = 0;
        const uint64_t before = sl_clock_ns();
        const double flop = kernels->peak(ROUNDS, &sum);
        const double seconds = 1e-9 * (double)(sl_clock_ns() - before);
        kept = kept + sum;
        if (seconds > 0 && flop / seconds > best) best = flop / seconds;
    }
    return best;
}
