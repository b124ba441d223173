/* The recurrent kernels against the scalar ones, against gemm, and one way of laying them out against the other. */
#include <math.h>
#include <string.h>

#include "checkkernels.h"

static const double half_ulp = 0x1p-24;

static float *filled(size_t n, float with)
{
    float *x = array(n);
    for (size_t i = 0; i < n; i++) x[i] = with;
    return x;
}

static float *copy_of(const float *x, size_t n)
{
    return memcpy(array(n), x, n * sizeof *x);
}

/* Near the scalar one, and with gemm's bits. */
void check_matvec(const sl_kernels *k)
{
    const size_t lanes = SL_LANES * up_to(25), depth = up_to(60);
    float *w = normals(lanes * depth, 1), *x = normals(depth, 3), *bias = normals(lanes, 1);
    float *expected = filled(lanes, 77), *got = filled(lanes, 77);
    sl_matvec m = {.lanes = lanes, .k = depth, .w = w, .bias = bias, .x = x, .y = expected};
    sl_kernels_scalar.recur.matvec(&m);
    m.y = got;
    k->recur.matvec(&m);
    float *turned = array(lanes * depth), *signal = filled(depth * SL_LANES, 0), *c = array(lanes * SL_LANES);
    for (size_t i = 0; i < lanes; i++) {
        double size = fabs((double)bias[i]);
        for (size_t j = 0; j < depth; j++) {
            size += fabs((double)w[j * lanes + i] * (double)x[j]);
            turned[i * depth + j] = w[j * lanes + i];
        }
        const double off = fabs((double)expected[i] - (double)got[i]);
        CHECK(off <= 2 * (double)(depth + 3) * half_ulp * size, "matvec %zu x %zu is off by %g", lanes, depth, off);
    }
    for (size_t j = 0; j < depth; j++) signal[j * SL_LANES] = x[j];
    const sl_gemm g = {.n = lanes, .k = depth, .lanes = SL_LANES, .w = turned, .bias = bias, .x = signal,
                       .x_stride = SL_LANES, .c = c, .c_stride = SL_LANES};
    k->gemm(&g);
    for (size_t i = 0; i < lanes; i++) CHECK(c[i * SL_LANES] == got[i], "matvec %zu x %zu is not gemm", lanes, depth);
}

/* A step of a layer, its state in arrays that each run may change. */
typedef struct step {
    size_t gates, kept_rows;
    sl_gates g;
    size_t n; /* numbers of the state */
} step;

static step new_step(bool is_lstm, size_t rows, size_t lanes)
{
    step s = {.gates = is_lstm ? SL_LSTM_GATES : SL_GRU_GATES, .kept_rows = is_lstm ? SL_LSTM_KEPT : SL_GRU_KEPT,
              .n = rows * lanes};
    const size_t stride = lanes + SL_LANES * sl_rng_below(&rng, 3);
    const double deviation = sl_rng_below(&rng, 8) == 0 ? 60 : 2; /* where gates saturate */
    s.g = (sl_gates){.rows = rows, .lanes = lanes, .x_stride = stride, .out_stride = stride,
                     .x = normals(s.gates * rows * stride, deviation), .a = normals(s.gates * s.n, deviation)};
    return s;
}

static void run_step(const sl_kernels *k, bool is_lstm, const step *s, const float *h, const float *c, sl_gates *out)
{
    *out = s->g;
    out->h = copy_of(h, s->n);
    out->c = copy_of(c, s->n);
    out->out = filled(s->g.rows * s->g.out_stride, 77);
    if (sl_rng_below(&rng, 4) > 0) out->kept = filled(s->kept_rows * s->n, 77);
    (is_lstm ? k->recur.lstm : k->recur.gru)(out);
}

static void near(const char *what, const float *got, const float *expected, size_t n, double bound)
{
    for (size_t i = 0; i < n && got != NULL && expected != NULL; i++) {
        const double off = fabs((double)got[i] - (double)expected[i]);
        CHECK(off <= bound * (1 + fabs((double)expected[i])), "%s is off by %g at %zu", what, off, i);
    }
}

void check_gates(const sl_kernels *k)
{
    for (int is_lstm = 0; is_lstm < 2; is_lstm++) {
        const step s = new_step(is_lstm, up_to(9), SL_LANES * up_to(4));
        const float *h = normals(s.n, 0.5), *c = normals(s.n, 2);
        sl_gates got, expected;
        run_step(&sl_kernels_scalar, is_lstm, &s, h, c, &expected);
        run_step(k, is_lstm, &s, h, c, &got);
        double bound = 4e-6; /* errors of three gates of at most 4e-7; a GRU's is multiplied by what the state gives */
        for (size_t i = 2 * s.n; i < 3 * s.n && !is_lstm; i++) bound = fmax(bound, 1e-6 * fabs((double)s.g.a[i]));
        near("state", got.h, expected.h, s.n, bound);
        if (is_lstm) near("cell", got.c, expected.c, s.n, bound);
        near("kept", got.kept, expected.kept, s.kept_rows * s.n, bound);
        for (size_t i = 0; i < s.g.rows * s.g.out_stride; i++) {
            const size_t row = i / s.g.out_stride, lane = i % s.g.out_stride;
            const float want = lane < s.g.lanes ? got.h[row * s.g.lanes + lane] : 77;
            CHECK(got.out[i] == want, "the state at %zu is told as %g", i, (double)got.out[i]);
        }
    }
}

/* NaN goes on as NaN, and to its own place only. */
static void check_gates_nan(const sl_kernels *k, bool is_lstm)
{
    step s = new_step(is_lstm, 2, SL_LANES);
    float *a = copy_of(s.g.a, s.gates * s.n);
    const size_t place = sl_rng_below(&rng, s.n);
    a[sl_rng_below(&rng, s.gates) * s.n + place] = NAN;
    s.g.a = a;
    sl_gates got;
    const float *zeros = filled(s.n, 0), *ones = filled(s.n, 1);
    run_step(k, is_lstm, &s, ones, zeros, &got);
    for (size_t i = 0; i < s.n; i++) CHECK((got.h[i] != got.h[i]) == (i == place), "a NaN at %zu, and at %zu", place, i);
}

void check_gates_back(const sl_kernels *k)
{
    for (int is_lstm = 0; is_lstm < 2; is_lstm++) {
        check_gates_nan(k, is_lstm);
        const size_t gates = is_lstm ? SL_LSTM_GATES : SL_GRU_GATES, kept_rows = is_lstm ? SL_LSTM_KEPT : SL_GRU_KEPT;
        const size_t rows = up_to(5), lanes = SL_LANES * up_to(4), n = rows * lanes;
        const size_t stride = lanes + SL_LANES * sl_rng_below(&rng, 3);
        float *kept = array(kept_rows * n);
        for (size_t i = 0; i < kept_rows * n; i++) kept[i] = (float)sl_rng_uniform(&rng);
        const float *before = sl_rng_below(&rng, 4) ? normals(n, 1) : NULL, *d_h = normals(n, 1), *d_c = normals(n, 1);
        sl_gates_back g[2];
        for (int i = 0; i < 2; i++) {
            g[i] = (sl_gates_back){.rows = rows, .lanes = lanes, .kept = kept, .h = before, .d_h = copy_of(d_h, n),
                                   .d_c = copy_of(d_c, n), .d_x = filled(gates * rows * stride, 77),
                                   .d_x_stride = stride, .d_a = filled(gates * n, 77)};
            const sl_recur_kernels *table = i == 0 ? &sl_kernels_scalar.recur : &k->recur;
            (is_lstm ? table->lstm_back : table->gru_back)(&g[i]);
        }
        near("d_h", g[1].d_h, g[0].d_h, n, 2e-6);
        if (is_lstm) near("d_c", g[1].d_c, g[0].d_c, n, 2e-6);
        if (!is_lstm) near("d_a", g[1].d_a, g[0].d_a, gates * n, 2e-6);
        near("d_x", g[1].d_x, g[0].d_x, gates * rows * stride, 2e-6);
    }
}

/* Units in the rows and alerts in the lanes, or an alert's units in the lanes: the same bits. */
void check_two_ways(const sl_kernels *k)
{
    for (int is_lstm = 0; is_lstm < 2; is_lstm++) {
        const size_t units = up_to(40), wide = sl_stride(units);
        const step many = new_step(is_lstm, units, SL_LANES);
        const float *h = normals(many.n, 0.5), *c = normals(many.n, 2);
        sl_gates all, alone;
        run_step(k, is_lstm, &many, h, c, &all);
        step one = {.gates = many.gates, .kept_rows = many.kept_rows, .n = wide};
        float *x = filled(many.gates * wide, 0), *a = filled(many.gates * wide, 0);
        float *h1 = filled(wide, 0), *c1 = filled(wide, 0);
        const size_t lane = sl_rng_below(&rng, SL_LANES);
        for (size_t i = 0; i < many.gates * units; i++) {
            x[i / units * wide + i % units] = many.g.x[i * many.g.x_stride + lane];
            a[i / units * wide + i % units] = many.g.a[i * SL_LANES + lane];
        }
        for (size_t i = 0; i < units; i++) {
            h1[i] = h[i * SL_LANES + lane];
            c1[i] = c[i * SL_LANES + lane];
        }
        one.g = (sl_gates){.rows = 1, .lanes = wide, .x = x, .x_stride = wide, .a = a, .out_stride = wide};
        run_step(k, is_lstm, &one, h1, c1, &alone);
        for (size_t i = 0; i < units; i++) {
            CHECK(alone.h[i] == all.h[i * SL_LANES + lane], "unit %zu of %zu: the two ways differ", i, units);
        }
    }
}

/* ---- timing ---- */

typedef struct call {
    const sl_kernels *table;
    sl_matvec matvec;
    sl_gemm gemm;
    sl_gates gates;
} call;

static void call_matvec(const void *c) { ((const call *)c)->table->recur.matvec(&((const call *)c)->matvec); }
static void call_gemm(const void *c) { ((const call *)c)->table->gemm(&((const call *)c)->gemm); }
static void call_gru(const void *c) { ((const call *)c)->table->recur.gru(&((const call *)c)->gates); }
static void call_lstm(const void *c) { ((const call *)c)->table->recur.lstm(&((const call *)c)->gates); }

void bench_recur(const sl_kernels *table)
{
    enum { UNITS = 100, WIDE = 112 };
    float *w = normals(SL_LSTM_GATES * WIDE * UNITS, 0.1), *x = normals(SL_LSTM_GATES * UNITS * SL_LANES, 1);
    float *y = array(SL_LSTM_GATES * UNITS * SL_LANES), *state = filled(UNITS * SL_LANES, 0);
    call c = {.table = table};
    c.matvec = (sl_matvec){.lanes = SL_GRU_GATES * WIDE, .k = UNITS, .w = w, .bias = x, .x = x, .y = y};
    c.gemm = (sl_gemm){.n = SL_GRU_GATES * UNITS, .k = UNITS, .lanes = SL_LANES, .w = w, .bias = x, .x = x,
                       .x_stride = SL_LANES, .c = y, .c_stride = SL_LANES};
    c.gates = (sl_gates){.rows = UNITS, .lanes = SL_LANES, .x = x, .x_stride = SL_LANES, .a = x, .h = state,
                         .c = filled(UNITS * SL_LANES, 0), .out = y, .out_stride = SL_LANES};
    printf("%-9s a step of 100 units, one alert: matvec %.2f us; 16 alerts: gemm %.2f us, gru %.2f us, lstm %.2f us\n",
           table->name, fastest_us(call_matvec, &c), fastest_us(call_gemm, &c), fastest_us(call_gru, &c),
           fastest_us(call_lstm, &c));
    free_arrays();
}
