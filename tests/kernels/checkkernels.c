/*
 * checkkernels [--seed N] [--rounds N] [--bench] - runs every table of kernels
 * that this CPU has against the scalar one, on random sizes. Each array ends
 * at a page that may not be touched; what must not be written is checked
 * afterwards. Prints its seed. With --bench times the same calls at t2's sizes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/rng.h"
#include "checkkernels.h"
#include "kernels/kernels.h"

static const double half_ulp = 0x1p-24;
sl_rng rng;
int failures;
const char *table_name;

/* ---- arrays that end at a guard page ---- */

enum { PAGE = 4096, MAX_ARRAYS = 256 };
static struct {
    void *map;
    size_t size;
} arrays[MAX_ARRAYS];
static int n_arrays;

void *guarded(size_t bytes)
{
    const size_t body = (bytes + PAGE - 1) / PAGE * PAGE;
    char *map = mmap(NULL, body + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || n_arrays == MAX_ARRAYS) abort();
    mprotect(map, PAGE, PROT_NONE);
    mprotect(map + PAGE + body, PAGE, PROT_NONE);
    arrays[n_arrays].map = map;
    arrays[n_arrays++].size = body + 2 * PAGE;
    return map + PAGE + body - bytes;
}

float *array(size_t n)
{
    return guarded(n * sizeof(float));
}

void free_arrays(void)
{
    while (n_arrays > 0) {
        n_arrays--;
        munmap(arrays[n_arrays].map, arrays[n_arrays].size);
    }
}

float *normals(size_t n, double deviation)
{
    float *x = array(n);
    for (size_t i = 0; i < n; i++) x[i] = (float)(deviation * sl_rng_normal(&rng));
    return x;
}

static float *wholes(size_t n, int most)
{
    float *x = array(n);
    for (size_t i = 0; i < n; i++) x[i] = (float)((int)sl_rng_below(&rng, 2 * (unsigned)most + 1) - most);
    return x;
}

size_t up_to(size_t n)
{
    return 1 + sl_rng_below(&rng, n);
}

/* ---- gemm ---- */

static uint32_t *words(size_t n)
{
    return (uint32_t *)array(n);
}

static int32_t *integers(size_t n, int most)
{
    int32_t *x = (int32_t *)array(n);
    for (size_t i = 0; i < n; i++) x[i] = (int)sl_rng_below(&rng, 2 * (unsigned)most + 1) - most;
    return x;
}

/* The number at place i of a row of words. */
static double number(sl_weights kind, const void *row, size_t i)
{
    if (kind == SL_WEIGHTS_FLOAT32) return ((const float *)row)[i];
    const uint32_t bits = (uint32_t)((const uint16_t *)row)[i] << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Weights and a signal of one kind. */
static void fill_gemm(sl_gemm *g)
{
    const size_t n_w = g->n * g->k, n_x = g->k * g->x_stride;
    if (g->kind == SL_WEIGHTS_FLOAT32) {
        g->w = normals(n_w, 1);
        g->x = normals(n_x, 3);
    } else if (g->kind == SL_WEIGHTS_BFLOAT16) {
        uint32_t *to[] = {words(n_w), words(n_x)};
        const size_t n[] = {n_w, n_x};
        for (int i = 0; i < 2; i++) {
            const float *numbers = normals(2 * n[i], 2);
            const sl_pack p = {.channels = 2, .lanes = n[i], .stride = n[i], .x = numbers, .pairs = to[i]};
            sl_kernels_scalar.pack(&p);
        }
        g->w = to[0];
        g->x = to[1];
    } else {
        uint32_t *w = words(n_w), *x = words(n_x);
        int32_t *sums = integers(g->n, 0);
        const bool extreme = sl_rng_below(&rng, 4) == 0;
        for (size_t i = 0; i < n_x; i++) x[i] = extreme ? 0xffffffff : (uint32_t)sl_rng_u64(&rng);
        for (size_t i = 0; i < 4 * n_w; i++) {
            int8_t *byte = (int8_t *)w + i;
            *byte = (int8_t)(extreme ? 127 : (int)sl_rng_below(&rng, 255) - 127);
            sums[i / (4 * g->k)] += *byte;
        }
        float *scale = normals(g->lanes, 1);
        int32_t *zero = integers(g->lanes, 127);
        for (size_t t = 0; t < g->lanes; t++) zero[t] += 127;
        g->w = w;
        g->x = x;
        g->w_sum = sums;
        g->scale = scale;
        g->zero = zero;
        g->w_scale = normals(g->n, 1);
    }
}

static void check_gemm(const sl_kernels *k)
{
    sl_gemm g = {.kind = (sl_weights)sl_rng_below(&rng, 3), .n = up_to(21), .k = up_to(90),
                 .lanes = SL_LANES * up_to(9), .relu = sl_rng_below(&rng, 2)};
    g.x_stride = g.lanes + SL_LANES * sl_rng_below(&rng, 3);
    g.c_stride = g.lanes + SL_LANES * sl_rng_below(&rng, 3);
    fill_gemm(&g);
    g.bias = normals(g.n, 1);
    if (sl_rng_below(&rng, 2)) g.add = normals(g.n * g.c_stride, 1);
    float *expected = array(g.n * g.c_stride), *got = array(g.n * g.c_stride);
    for (size_t i = 0; i < g.n * g.c_stride; i++) expected[i] = got[i] = 77;
    g.c = expected;
    sl_kernels_scalar.gemm(&g);
    g.c = got;
    k->gemm(&g);
    const size_t numbers = g.kind == SL_WEIGHTS_BFLOAT16 ? 2 : 1;
    for (size_t n = 0; n < g.n; n++) {
        for (size_t t = 0; t < g.c_stride; t++) {
            double size = 0;
            for (size_t i = 0; i < g.k * numbers && t < g.lanes && g.kind != SL_WEIGHTS_INT8; i++) {
                const uint32_t *row = (const uint32_t *)g.w + n * g.k;
                const uint32_t *x = (const uint32_t *)g.x + i / numbers * g.x_stride + t;
                size += fabs(number(g.kind, row, i) * number(g.kind, x, i % numbers));
            }
            size = size * (double)(g.k * numbers + 5) + 2 * fabsf(g.bias[n]);
            if (g.add != NULL) size += size + fabsf(g.add[n * g.c_stride + t]);
            /* each of the two is within (k + 2) half_ulp of the sum, and rounds four times more behind it; bytes are
               summed exactly, and what is done to the sum is the same for all */
            const double bound = t >= g.lanes || g.kind == SL_WEIGHTS_INT8 ? 0 : 2 * half_ulp * size;
            const double difference = fabs((double)got[n * g.c_stride + t] - expected[n * g.c_stride + t]);
            CHECK(difference <= bound, "gemm %zu x %zu, kind %d, lane %zu: off by %g, bound %g", g.n, g.k, (int)g.kind, t,
                  difference, bound);
        }
    }
}

/* The same column in every lane must give the same bits in every lane. */
static void check_gemm_lanes(const sl_kernels *k)
{
    sl_gemm g = {.n = up_to(9), .k = up_to(40), .lanes = SL_LANES * up_to(9)};
    g.x_stride = g.c_stride = g.lanes;
    float *x = normals(g.k * g.lanes, 3);
    for (size_t i = 0; i < g.k * g.lanes; i++) x[i] = x[i / g.lanes * g.lanes];
    g.x = x;
    g.w = normals(g.n * g.k, 1);
    g.bias = normals(g.n, 1);
    g.c = array(g.n * g.lanes);
    k->gemm(&g);
    for (size_t i = 0; i < g.n * g.lanes; i++) CHECK(g.c[i] == g.c[i / g.lanes * g.lanes], "gemm: lanes differ");
}

/* ---- attention ---- */

static sl_attention new_attention(size_t heads, size_t key_dim, size_t steps)
{
    return (sl_attention){.heads = heads, .key_dim = key_dim, .steps = steps, .lanes = sl_stride(steps), .stride = sl_stride(steps),
                          .scale = 1 / sqrtf((float)key_dim), .scores = array(sl_attention_room(steps, key_dim))};
}

/* Queries and keys from tiny, where a bound makes the maximum superfluous, to large, where a few keys have all weight. */
static void check_attention(const sl_kernels *k)
{
    sl_attention a = new_attention(up_to(3), up_to(11), sl_rng_below(&rng, 8) == 0 ? 250 + up_to(200) : up_to(130));
    const size_t n = a.heads * a.key_dim * a.stride;
    const double deviation = exp(9 * sl_rng_uniform(&rng) - 4), away = sl_rng_below(&rng, 2) ? 3 * deviation : 0;
    a.q = normals(n, deviation);
    float *keys = normals(n, deviation);
    for (size_t i = 0; i < n; i++) keys[i] += (float)away;
    a.k = keys;
    const float *v = a.v = normals(n, 1);
    float *expected = a.o = array(n);
    sl_kernels_scalar.attention(&a);
    float *got = a.o = array(n);
    k->attention(&a);
    double size = 0, most = 0; /* |q||k| of the largest pair bounds every score */
    for (size_t i = 0; i < n; i++) most = fmax(most, fabsf(v[i]));
    for (size_t row = 0; row < a.heads * a.key_dim; row++) {
        double q_most = 0, k_most = 0;
        for (size_t t = 0; t < a.stride; t++) q_most = fmax(q_most, fabsf(a.q[row * a.stride + t]));
        for (size_t t = 0; t < a.steps; t++) k_most = fmax(k_most, fabsf(a.k[row * a.stride + t]));
        size = fmax(size, q_most * k_most);
    }
    size *= (double)a.key_dim;
    /* A score, with the product of query and middle that the soft way takes off, is off by (2 d + 6) half_ulp, score
       and maximum in both tables: four times. Then the exponential, the weights left out, and the two sums. */
    const double weight_error = 4 * a.scale * (double)(2 * a.key_dim + 6) * half_ulp * size + 4e-6 +
                                2 * a.scale * size * 0x1p-22 + (double)a.steps * 0x1p-32;
    const double bound = 2 * most * (2 * weight_error + 2 * (double)(a.steps + 3) * half_ulp);
    for (size_t row = 0; row < a.heads * a.key_dim; row++) {
        for (size_t t = 0; t < a.steps; t++) {
            const double difference = fabs((double)got[row * a.stride + t] - expected[row * a.stride + t]);
            CHECK(difference <= bound, "attention %zu x %zu x %zu: off by %g, bound %g", a.heads, a.key_dim, a.steps,
                  difference, bound);
        }
    }
}

/* One number that is not finite among keys or values, small or so large that few keys count: each answer shows it. */
static void check_attention_not_finite(const sl_kernels *k)
{
    sl_attention a = new_attention(1, up_to(6), up_to(70));
    const size_t n = a.key_dim * a.stride, d = sl_rng_below(&rng, a.key_dim), j = sl_rng_below(&rng, a.steps);
    const double deviation = sl_rng_below(&rng, 2) ? 1 : 100;
    const float bad = sl_rng_below(&rng, 2) ? NAN : INFINITY;
    const bool in_keys = sl_rng_below(&rng, 2);
    float *keys = normals(n, deviation), *v = normals(n, 1);
    (in_keys ? keys : v)[d * a.stride + j] = bad;
    a.q = normals(n, deviation);
    a.k = keys;
    a.v = v;
    a.o = array(n);
    k->attention(&a);
    for (size_t row = 0; row < a.key_dim; row++) {
        if (!in_keys && row != d) continue;
        for (size_t t = 0; t < a.steps; t++) {
            const float o = a.o[row * a.stride + t];
            /* a score of -infinity is a weight of 0 */
            CHECK(!isfinite(o) || k == &sl_kernels_scalar, "attention loses %g at %zu of %zu", bad, j, a.steps);
        }
    }
}

/* Scores of 1e8: all weight goes to the key with the exact maximum. */
static void check_large_scores(const sl_kernels *k)
{
    sl_attention a = new_attention(1, 2, 2 + up_to(100));
    const size_t n = 2 * a.stride, winner = sl_rng_below(&rng, a.steps);
    float *q = wholes(n, 100), *keys = wholes(n, 100), *v = normals(n, 1);
    for (size_t t = 0; t < a.stride; t++) {
        q[t] = 8192;
        q[a.stride + t] = -4096;
    }
    keys[winner] = 12000;
    a.q = q;
    a.k = keys;
    a.v = v;
    a.o = array(n);
    k->attention(&a);
    for (size_t t = 0; t < a.steps; t++) {
        CHECK(a.o[t] == v[winner] && a.o[a.stride + t] == v[a.stride + winner], "attention misses its maximum");
    }
}

/* ---- the rest ---- */

static void check_norm(const sl_kernels *k)
{
    sl_norm a = {.channels = up_to(70), .lanes = SL_LANES * up_to(9), .epsilon = 1e-6f};
    a.stride = a.lanes + SL_LANES * sl_rng_below(&rng, 2);
    const size_t n = a.channels * a.stride;
    const float *x = normals(n, 3);
    a.gamma = normals(a.channels, 1);
    a.beta = normals(a.channels, 1);
    float *expected = a.x = array(n);
    memcpy(expected, x, n * sizeof *x);
    sl_kernels_scalar.norm(&a);
    float *got = a.x = array(n);
    memcpy(got, x, n * sizeof *x);
    k->norm(&a);
    for (size_t t = 0; t < a.stride; t++) {
        double most = 0, mean = 0, variance = 0;
        for (size_t c = 0; c < a.channels; c++) {
            const double y = x[c * a.stride + t];
            most = fmax(most, fabs(y));
            mean += y / (double)a.channels;
        }
        for (size_t c = 0; c < a.channels; c++) {
            const double y = x[c * a.stride + t] - mean;
            variance += y * y / (double)a.channels;
        }
        /* mean and variance are off by (channels + 2) half_ulp of what they sum, y / deviation by that over the deviation */
        const double relative = (double)(a.channels + 8) * half_ulp * most / sqrt(variance + (double)a.epsilon);
        for (size_t c = 0; c < a.channels; c++) {
            const double z = sqrt((double)a.channels);
            const double bound =
                t < a.lanes ? 2 * (fabsf(a.gamma[c]) * relative * (3 + 2 * z) + 3 * half_ulp * fabsf(a.beta[c])) : 0;
            const double difference = fabs((double)got[c * a.stride + t] - expected[c * a.stride + t]);
            CHECK(difference <= bound, "norm of %zu: off by %g, bound %g", a.channels, difference, bound);
        }
    }
}

static void check_quantize(const sl_kernels *k)
{
    sl_quantize q = {.channels = up_to(70), .lanes = SL_LANES * up_to(5)};
    q.stride = q.lanes + SL_LANES * sl_rng_below(&rng, 2);
    const size_t n = q.channels * q.stride, rows = (q.channels + 3) / 4;
    float *x = sl_rng_below(&rng, 2) ? normals(n, 5) : wholes(n, 64);
    for (size_t c = 0; c < q.channels; c++) {
        x[c * q.stride] = 0;                               /* nothing but zeros */
        x[c * q.stride + 1] = fabsf(x[c * q.stride + 1]); /* one sign */
        x[c * q.stride + 2] = (float)c - 127.5f;           /* ties */
    }
    q.x = x;
    const uint8_t *levels = (const uint8_t *)(q.levels = words(rows * q.stride));
    const float *scale = q.scale = array(q.lanes);
    const int32_t *zero = q.zero = integers(q.lanes, 0);
    sl_kernels_scalar.quantize(&q);
    const uint8_t *got = (const uint8_t *)(q.levels = words(rows * q.stride));
    q.scale = array(q.lanes);
    q.zero = integers(q.lanes, 0);
    k->quantize(&q);
    CHECK(memcmp(scale, q.scale, q.lanes * sizeof *scale) == 0, "quantize of %zu: scales differ", q.channels);
    CHECK(memcmp(zero, q.zero, q.lanes * sizeof *zero) == 0, "quantize of %zu: zeros differ", q.channels);
    for (size_t c = 0; c < q.channels; c++) {
        for (size_t t = 0; t < q.lanes; t++) {
            const size_t at = 4 * (c / 4 * q.stride + t) + c % 4;
            CHECK(levels[at] == got[at], "quantize: level %d, not %d", got[at], levels[at]);
            const double off = fabs((double)(levels[at] - zero[t]) * scale[t] - x[c * q.stride + t]);
            CHECK(off <= 1.001 * scale[t], "a level is %g off, the width is %g", off, scale[t]);
        }
    }
}

static void check_pack(const sl_kernels *k)
{
    sl_pack p = {.channels = up_to(20), .lanes = SL_LANES * up_to(5)};
    p.stride = p.lanes + SL_LANES * sl_rng_below(&rng, 2);
    const size_t n = p.channels * p.stride, rows = (p.channels + 1) / 2;
    float *x = normals(n, 5);
    x[0] = NAN;
    x[1] = 1 + 0x1p-8f; /* ties, to even */
    x[2] = 1 + 3 * 0x1p-8f;
    x[3] = INFINITY;
    p.x = x;
    const uint16_t *expected = (const uint16_t *)(p.pairs = words(rows * p.stride));
    sl_kernels_scalar.pack(&p);
    const uint16_t *got = (const uint16_t *)(p.pairs = words(rows * p.stride));
    k->pack(&p);
    for (size_t c = 0; c < 2 * rows; c++) {
        for (size_t t = 0; t < p.lanes; t++) {
            const size_t at = 2 * (c / 2 * p.stride + t) + c % 2;
            CHECK(expected[at] == got[at], "pack: %x, not %x", got[at], expected[at]);
            const double is = number(SL_WEIGHTS_BFLOAT16, expected, at), want = c < p.channels ? x[c * p.stride + t] : 0;
            CHECK(is == want || fabs(is - want) <= 0x1p-8 * fabs(want) || (is != is && want != want), "pack: %g as %g",
                  want, is);
        }
    }
    CHECK(expected[2] == 0x3f80 && expected[4] == 0x3f82, "pack: halves not to even");
}

static void check_mean(const sl_kernels *k)
{
    const size_t channels = up_to(20), steps = up_to(150), stride = sl_stride(steps);
    float *x = normals(channels * stride, 2), *expected = array(channels * SL_LANES), *got = array(channels * SL_LANES);
    for (size_t c = 0; c < channels; c++) {
        for (size_t t = steps; t < stride; t++) x[c * stride + t] = NAN; /* nobody may look there */
    }
    sl_kernels_scalar.mean(channels, steps, stride, x, expected);
    k->mean(channels, steps, stride, x, got);
    for (size_t c = 0; c < channels; c++) {
        double size = 0;
        for (size_t t = 0; t < steps; t++) size += fabsf(x[c * stride + t]);
        const double bound = 2 * (double)(steps + 2) * half_ulp * size / (double)steps;
        CHECK(fabs((double)got[c * SL_LANES] - expected[c * SL_LANES]) <= bound, "mean of %zu", steps);
        for (size_t l = 1; l < SL_LANES; l++) CHECK(got[c * SL_LANES + l] == 0, "mean: lane %zu is not zero", l);
    }
}

static void check_softmax(const sl_kernels *k)
{
    const size_t channels = up_to(64), lanes = SL_LANES * up_to(3);
    float *expected = normals(channels * lanes, 20), *got = array(channels * lanes);
    memcpy(got, expected, channels * lanes * sizeof *got);
    sl_kernels_scalar.softmax(channels, lanes, lanes, expected);
    k->softmax(channels, lanes, lanes, got);
    for (size_t i = 0; i < channels * lanes; i++) {
        const double bound = expected[i] * (2 * (3e-7 + 200 * 0x1p-22) + 2 * (double)(channels + 2) * half_ulp) + 2e-38;
        CHECK(fabs((double)got[i] - expected[i]) <= bound, "softmax of %zu: %g, not %g", channels, got[i], expected[i]);
    }
}

/* A number that is not finite may not get lost. */
static void check_not_finite(const sl_kernels *k)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        float *x = wholes(2 * SL_LANES, 1), *y = array(2 * SL_LANES);
        x[3] = bad[i];
        const float w[] = {1, 1}, bias = 0, gamma[] = {1, 1}, beta[] = {0, 0};
        const sl_gemm g = {.n = 1, .k = 2, .lanes = SL_LANES, .w = w, .bias = &bias, .x = x, .x_stride = SL_LANES,
                           .c = y, .c_stride = SL_LANES, .relu = i == 0};
        k->gemm(&g);
        CHECK(!isfinite(y[3]), "gemm loses %g", bad[i]);
        uint32_t *levels = words(SL_LANES);
        float *scale = array(SL_LANES);
        const sl_quantize q = {.channels = 2, .lanes = SL_LANES, .stride = SL_LANES, .x = x, .levels = levels,
                               .scale = scale, .zero = integers(SL_LANES, 0)};
        k->quantize(&q);
        CHECK(!isfinite(scale[3]) && isfinite(scale[2]), "quantize loses %g", bad[i]);
        memcpy(y, x, 2 * SL_LANES * sizeof *y);
        const sl_norm n = {.channels = 2, .lanes = SL_LANES, .stride = SL_LANES, .x = y, .gamma = gamma, .beta = beta,
                           .epsilon = 1e-6f};
        k->norm(&n);
        CHECK(!isfinite(y[3]), "norm loses %g", bad[i]);
        sl_attention a = new_attention(1, 1, SL_LANES);
        a.q = a.v = x + SL_LANES;
        a.k = x;
        a.o = y;
        x[SL_LANES + 3] = 1;
        k->attention(&a);
        CHECK(bad[i] == -INFINITY || !isfinite(y[3]), "attention loses %g", bad[i]);
        memcpy(y, x, 2 * SL_LANES * sizeof *y);
        k->softmax(2, SL_LANES, SL_LANES, y);
        CHECK(bad[i] == -INFINITY || !isfinite(y[3]), "softmax loses %g", bad[i]);
    }
}

/* ---- timing ---- */

typedef struct call {
    const sl_kernels *table;
    sl_gemm gemm;
    sl_attention attention;
    sl_norm norm;
    sl_quantize quantize;
} call;

static void call_gemm(const void *c) { ((const call *)c)->table->gemm(&((const call *)c)->gemm); }
static void call_attention(const void *c) { ((const call *)c)->table->attention(&((const call *)c)->attention); }
static void call_norm(const void *c) { ((const call *)c)->table->norm(&((const call *)c)->norm); }
static void call_quantize(const void *c) { ((const call *)c)->table->quantize(&((const call *)c)->quantize); }

double fastest_us(void (*f)(const void *), const void *c)
{
    double best = INFINITY;
    for (int round = 0; round < 300; round++) {
        const uint64_t start = sl_clock_ns();
        f(c);
        best = fmin(best, (double)(sl_clock_ns() - start) / 1000);
    }
    return best;
}

/* GFLOP/s of multiply-adds that wait for nothing but each other. */
static double measured_peak(const sl_kernels *table)
{
    enum { ROUNDS = 20000, TRIES = 20 };
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        float sum = 0;
        const uint64_t start = sl_clock_ns();
        const double flop = table->peak(ROUNDS, &sum);
        best = fmax(best, flop / (double)(sl_clock_ns() - start));
        CHECK(isfinite(sum), "the peak's sum is %g", (double)sum);
    }
    return best;
}

static void bench(const sl_kernels *table)
{
    const size_t stride = sl_stride(100);
    call c = {.table = table};
    float *big = normals(128 * stride, 1), *x = normals(128 * stride, 1), *w = normals(128 * 128, 0.1);
    c.gemm = (sl_gemm){.n = 128, .k = 32, .lanes = stride, .w = w, .bias = w, .x = x, .x_stride = stride, .c = big,
                       .c_stride = stride, .relu = true};
    c.attention = new_attention(16, 2, 100);
    c.attention.q = c.attention.k = c.attention.v = x;
    c.attention.o = big;
    c.norm = (sl_norm){.channels = 32, .lanes = stride, .stride = stride, .x = big, .gamma = w, .beta = w,
                       .epsilon = 1e-6f};
    c.quantize = (sl_quantize){.channels = 128, .lanes = stride, .stride = stride, .x = x, .levels = (uint32_t *)big,
                               .scale = array(stride), .zero = integers(stride, 0)};
    const double us = fastest_us(call_gemm, &c), gflops = 2e-3 * 128 * 32 * 100 / us, peak = measured_peak(table);
    printf("%-9s gemm 128 x 32 x 100: %.2f us (%.0f GFLOP/s, %.0f %% of the measured peak), ", table->name, us, gflops,
           100 * gflops / peak);
    c.gemm = (sl_gemm){.kind = SL_WEIGHTS_BFLOAT16, .n = 128, .k = 16, .lanes = stride, .x_stride = stride, .c = big,
                       .c_stride = stride, .bias = w};
    fill_gemm(&c.gemm);
    printf("bfloat16 %.2f us, ", fastest_us(call_gemm, &c));
    c.gemm.kind = SL_WEIGHTS_INT8;
    c.gemm.k = 8;
    fill_gemm(&c.gemm);
    printf("int8 %.2f us, ", fastest_us(call_gemm, &c));
    printf("attention 16 x 2 x 100: %.2f us, ", fastest_us(call_attention, &c));
    printf("norm of 32: %.2f us, ", fastest_us(call_norm, &c));
    printf("quantize of 128: %.2f us\n", fastest_us(call_quantize, &c));
    free_arrays();
}

int main(int argc, char **argv)
{
    uint64_t seed = sl_clock_ns();
    long rounds = 300;
    bool timing = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) seed = strtoull(argv[++i], NULL, 0);
        if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) rounds = strtol(argv[++i], NULL, 0);
        if (strcmp(argv[i], "--bench") == 0) timing = true;
    }
    printf("seed %llu\n", (unsigned long long)seed);
    static void (*const checks[])(const sl_kernels *) = {
        check_gemm, check_gemm_lanes, check_attention, check_attention_not_finite, check_large_scores,
        check_norm, check_quantize, check_pack, check_mean, check_softmax, check_not_finite,
        check_gp_lanes, check_gp_whole, check_gp_neighbours, check_gp_mean, check_gp_grid, check_gp_variance,
        check_gp_exponential,
        check_matvec, check_gates, check_gates_back, check_two_ways,
        check_attention_back, check_sharp_back, check_norm_back, check_dropout, check_moves, check_silu,
    };
    for (size_t i = 0; sl_kernels_available(i) != NULL; i++) {
        const sl_kernels *table = sl_kernels_available(i);
        table_name = table->name;
        sl_rng_init(&rng, seed, 0);
        for (long round = 0; round < rounds; round++) {
            for (size_t c = 0; c < sizeof checks / sizeof checks[0]; c++) {
                checks[c](table);
                free_arrays();
            }
        }
        printf("%s checked\n", table->name);
        if (timing) bench(table);
        if (timing) bench_gp(table);
        if (timing) bench_recur(table);
        if (timing) bench_train(table);
    }
    printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
