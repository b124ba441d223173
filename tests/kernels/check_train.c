/* The kernels of training against the scalar ones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkkernels.h"

static const double half_ulp = 0x1p-24;

static float *filled(size_t n, float with)
{
    float *x = array(n);
    for (size_t i = 0; i < n; i++) x[i] = with;
    return x;
}

/* ---- attention ---- */

/* One object among others: rows are longer than it is. */
static sl_attention_back new_back(size_t heads, size_t key_dim, size_t steps, double deviation)
{
    const size_t lanes = sl_stride(steps), stride = lanes + SL_LANES * sl_rng_below(&rng, 3);
    const size_t n = heads * key_dim * stride;
    float *q = normals(n, deviation), *keys = normals(n, deviation), *v = normals(n, 1), *d_o = normals(n, 1);
    for (size_t row = 0; row < heads * key_dim; row++) {
        for (size_t t = steps; t < lanes; t++) d_o[row * stride + t] = 0;
    }
    return (sl_attention_back){.heads = heads, .key_dim = key_dim, .steps = steps, .lanes = lanes, .stride = stride,
                               .scale = 1 / sqrtf((float)key_dim), .q = q, .k = keys, .v = v, .d_o = d_o};
}

/* Forward and backward by one table. */
static void run_back(const sl_kernels *k, sl_attention_back *b)
{
    const size_t rows = b->heads * b->key_dim, n = rows * b->stride;
    const sl_attention a = {.heads = b->heads, .key_dim = b->key_dim, .steps = b->steps, .lanes = b->lanes,
                            .stride = b->stride, .scale = b->scale, .q = b->q, .k = b->k, .v = b->v,
                            .o = filled(n, 0), .shift = filled(b->heads * b->stride, 0),
                            .inverse = filled(b->heads * b->stride, 0),
                            .scores = array(sl_attention_room(b->steps, b->key_dim))};
    k->attention(&a);
    b->o = a.o;
    b->shift = a.shift;
    b->inverse = a.inverse;
    b->d_q = filled(n, 77);
    b->d_k = filled(n, 77);
    b->d_v = filled(n, 77);
    b->room = filled(sl_attention_back_room(b->steps, b->lanes, b->key_dim), NAN);
    k->train.attention_back(b);
}

/* Sums of the sizes of what is added up for each place of d_q, d_k and d_v, by the definition, in float64. */
static void back_sizes(const sl_attention_back *b, double *size[3])
{
    const size_t n = b->heads * b->key_dim * b->stride;
    double *weight = calloc(b->steps, sizeof *weight);
    for (int i = 0; i < 3; i++) size[i] = calloc(n, sizeof *size[i]);
    for (size_t head = 0; head < b->heads; head++) {
        const size_t first = head * b->key_dim * b->stride;
        for (size_t t = 0; t < b->steps; t++) {
            double most = -INFINITY, sum = 0;
            for (size_t j = 0; j < b->steps; j++) {
                double s = 0;
                for (size_t d = 0; d < b->key_dim; d++) {
                    s += (double)b->q[first + d * b->stride + t] * b->k[first + d * b->stride + j];
                }
                weight[j] = b->scale * s;
                most = fmax(most, weight[j]);
            }
            for (size_t j = 0; j < b->steps; j++) sum += weight[j] = exp(weight[j] - most);
            for (size_t j = 0; j < b->steps; j++) {
                double g = 0;
                for (size_t d = 0; d < b->key_dim; d++) {
                    const size_t row = first + d * b->stride;
                    g += fabs((double)b->d_o[row + t]) * (fabs((double)b->v[row + j]) + fabs((double)b->o[row + t]) + 1e-3);
                }
                for (size_t d = 0; d < b->key_dim; d++) {
                    const size_t row = first + d * b->stride;
                    const double a = weight[j] / sum;
                    size[0][row + t] += b->scale * a * g * fabs((double)b->k[row + j]);
                    size[1][row + j] += b->scale * a * g * fabs((double)b->q[row + t]);
                    size[2][row + j] += a * fabs((double)b->d_o[row + t]);
                }
            }
        }
    }
    free(weight);
}

void check_attention_back(const sl_kernels *k)
{
    const double deviation = exp(4 * sl_rng_uniform(&rng) - 3);
    sl_attention_back want = new_back(up_to(3), up_to(11), up_to(130), deviation), got = want;
    run_back(&sl_kernels_scalar, &want);
    run_back(k, &got);
    double *size[3], most = 0;
    back_sizes(&want, size);
    for (size_t i = 0; i < want.heads * want.key_dim * want.stride; i++) {
        most = fmax(most, fmax(fabs((double)want.q[i]), fabs((double)want.k[i])));
    }
    /* The exponent's error as in check_attention; twice, since the output, which is in the slope, has it as well; the
       sum's, in both tables. */
    const double score = most * most * (double)want.key_dim * want.scale;
    const double weight = 6 * (double)(2 * want.key_dim + 8) * half_ulp * score + 1e-5 + 2 * score * 0x1p-22;
    const double relative = 4 * weight + 4 * (double)(want.steps + want.key_dim + 8) * half_ulp;
    const float *rows[3][2] = {{want.d_q, got.d_q}, {want.d_k, got.d_k}, {want.d_v, got.d_v}};
    for (size_t i = 0; i < want.heads * want.key_dim * want.stride; i++) {
        const size_t t = i % want.stride;
        for (int g = 0; g < 3; g++) {
            const double bound = t < want.steps ? relative * size[g][i] + 1e-37 : 0;
            const double off = fabs((double)rows[g][1][i] - rows[g][0][i]);
            CHECK(off <= bound, "attention_back %d, %zu x %zu x %zu, lane %zu: off by %g, bound %g", g, want.heads,
                  want.key_dim, want.steps, t, off, bound);
            if (t >= want.steps) CHECK(rows[g][1][i] == (t < want.lanes ? 0 : 77), "attention_back writes beside its lanes");
        }
    }
    for (int i = 0; i < 3; i++) free(size[i]);
}

/* Weights so sharp that they are 0 and 1: the heaviest key has all of the gradient. */
void check_sharp_back(const sl_kernels *k)
{
    sl_attention_back b = new_back(1, 2, 2 + up_to(60), 1);
    const size_t winner = sl_rng_below(&rng, b.steps);
    float *q = filled(2 * b.stride, 50), *keys = filled(2 * b.stride, -50);
    keys[winner] = keys[b.stride + winner] = 50;
    b.q = q;
    b.k = keys;
    run_back(k, &b);
    for (size_t d = 0; d < 2; d++) {
        double sum = 0, size = 0;
        for (size_t t = 0; t < b.steps; t++) sum += b.d_o[d * b.stride + t];
        for (size_t t = 0; t < b.steps; t++) size += fabs((double)b.d_o[d * b.stride + t]);
        for (size_t t = 0; t < b.steps; t++) {
            const double want = t == winner ? sum : 0, bound = 2e-3 * size + 1e-6;
            CHECK(fabs(b.d_v[d * b.stride + t] - want) <= bound, "a sharp d_v is %g, not %g", b.d_v[d * b.stride + t], want);
            CHECK(fabsf(b.d_q[d * b.stride + t]) <= 2e-2, "a sharp d_q is %g", b.d_q[d * b.stride + t]);
        }
    }
}

/* ---- the rest ---- */

void check_norm_back(const sl_kernels *k)
{
    sl_norm_back n = {.channels = 1 + up_to(69), .lanes = SL_LANES * up_to(9), .epsilon = 1e-3f};
    n.stride = n.lanes + SL_LANES * sl_rng_below(&rng, 2);
    const size_t size = n.channels * n.stride;
    n.x = normals(size, 3);
    const float *d_y = n.d_y = normals(size, 1), *gamma = n.gamma = normals(n.channels, 1);
    float *sums[2][2], *d_x[2];
    for (int i = 0; i < 2; i++) {
        n.d_gamma = sums[i][0] = filled(n.channels, 1);
        n.d_beta = sums[i][1] = filled(n.channels, 2);
        n.d_x = d_x[i] = filled(size, 77);
        if (i == 1) n.d_y = memcpy(n.d_x, d_y, size * sizeof *d_y); /* in place */
        n.room = filled(4 * n.lanes, NAN);
        (i == 0 ? &sl_kernels_scalar : k)->train.norm_back(&n);
    }
    double all = 0;
    for (size_t i = 0; i < n.channels; i++) all = fmax(all, fabs((double)gamma[i]));
    for (size_t t = 0; t < n.lanes; t++) {
        double variance = 0, mean = 0, most = 0;
        for (size_t c = 0; c < n.channels; c++) mean += (double)n.x[c * n.stride + t] / (double)n.channels;
        for (size_t c = 0; c < n.channels; c++) {
            variance += pow((double)n.x[c * n.stride + t] - mean, 2) / (double)n.channels;
            most = fmax(most, fabs((double)n.x[c * n.stride + t]));
        }
        /* a normalised x is off by (channels + 8) half_ulp of the largest over the deviation, and is at most sqrt(channels) */
        const double inverse = 1 / sqrt(variance + (double)n.epsilon), z = sqrt((double)n.channels);
        const double off = (double)(n.channels + 8) * half_ulp * (1 + most * inverse);
        for (size_t c = 0; c < n.channels; c++) {
            const double bound = 40 * off * inverse * all * (1 + z) * (1 + z);
            const double is = fabs((double)d_x[1][c * n.stride + t] - d_x[0][c * n.stride + t]);
            CHECK(is <= bound, "norm_back of %zu: off by %g, bound %g", n.channels, is, bound);
        }
    }
    for (size_t c = 0; c < n.channels; c++) {
        for (int i = 0; i < 2; i++) {
            const double is = fabs((double)sums[0][i][c] - sums[1][i][c]);
            const double bound = 2e-4 * sqrt((double)n.lanes) * (1 + sqrt((double)n.channels));
            CHECK(is <= bound, "norm_back of %zu: sum %d off by %g", n.channels, i, is);
        }
    }
}

void check_dropout(const sl_kernels *k)
{
    sl_dropout d = {.rows = up_to(9), .lanes = SL_LANES * up_to(9), .key = sl_rng_u64(&rng),
                    .rate = (float)(0.9 * sl_rng_uniform(&rng))};
    d.stride = d.lanes + SL_LANES * sl_rng_below(&rng, 2);
    const size_t n = d.rows * d.stride;
    d.from = normals(n, 1);
    if (sl_rng_below(&rng, 2)) d.add = normals(n, 1);
    if (sl_rng_below(&rng, 2)) { /* a key a lane: any bits */
        d.low = (const uint32_t *)normals(d.lanes, 1);
        d.high = (const uint32_t *)normals(d.lanes, 1);
    }
    float *want = d.to = filled(n, 77);
    sl_kernels_scalar.train.dropout(&d);
    float *got = d.to = filled(n, 77);
    k->train.dropout(&d);
    CHECK(memcmp(want, got, n * sizeof *got) == 0, "dropout differs");
    double sum = 0;
    const double places = (double)(d.rows * d.lanes);
    for (size_t r = 0; r < d.rows; r++) {
        for (size_t t = 0; t < d.lanes; t++) {
            const size_t at = r * d.stride + t;
            sum += got[at] == (d.add != NULL ? d.add[at] : 0);
        }
    }
    const double spread = sqrt(places * (double)d.rate * (1 - (double)d.rate)) + 1;
    CHECK(fabs(sum - places * (double)d.rate) < 7 * spread, "dropout at %g drops %g of %g", (double)d.rate, sum, places);
}

void check_moves(const sl_kernels *k)
{
    const size_t rows = up_to(40), lanes = SL_LANES * up_to(9), stride = lanes + SL_LANES * sl_rng_below(&rng, 2);
    const size_t wide = sl_stride(rows);
    float *x = normals(rows * stride, 1), *to = filled(lanes * wide, 77), *sums[] = {filled(rows, 1), filled(rows, 1)};
    k->train.transpose(rows, lanes, stride, x, to);
    for (size_t t = 0; t < lanes; t++) {
        for (size_t r = 0; r < wide; r++) {
            CHECK(to[t * wide + r] == (r < rows ? x[r * stride + t] : 0), "transpose of %zu x %zu", rows, lanes);
        }
    }
    sl_kernels_scalar.train.row_sums(rows, lanes, stride, x, sums[0]);
    k->train.row_sums(rows, lanes, stride, x, sums[1]);
    for (size_t r = 0; r < rows; r++) {
        double size = 1;
        for (size_t t = 0; t < lanes; t++) size += fabs((double)x[r * stride + t]);
        const double off = fabs((double)sums[0][r] - sums[1][r]);
        CHECK(off <= 2 * (double)(lanes + 2) * half_ulp * size, "row_sums off by %g", off);
    }
    float *d = normals(rows * stride, 1), *want = array(rows * stride);
    memcpy(want, d, rows * stride * sizeof *d);
    sl_kernels_scalar.train.relu_back(rows * stride, x, want);
    k->train.relu_back(rows * stride, x, d);
    CHECK(memcmp(want, d, rows * stride * sizeof *d) == 0, "relu_back differs");
}

/* From where the exponential underflows to where it is 1. */
void check_silu(const sl_kernels *k)
{
    const size_t n = SL_LANES * up_to(9);
    float *x = normals(n, exp(6 * sl_rng_uniform(&rng) - 2)), *want = array(n), *got = array(n);
    x[0] = 0;
    x[1] = -200;
    x[2] = 1e30f;
    memcpy(want, x, n * sizeof *x);
    memcpy(got, x, n * sizeof *x);
    sl_kernels_scalar.silu(n, want);
    k->silu(n, got);
    for (size_t i = 0; i < n; i++) {
        const double bound = 8e-7 * (1 + 0.3 * fabs((double)x[i])) * fabs((double)want[i]) + 3e-36;
        CHECK(fabs((double)want[i] - got[i]) <= bound, "silu of %g is %g, not %g", x[i], got[i], want[i]);
    }
    for (size_t i = 0; i < n; i++) want[i] = got[i] = 1;
    sl_kernels_scalar.train.silu_back(n, x, want);
    k->train.silu_back(n, x, got);
    for (size_t i = 0; i < n && i != 2; i++) {
        CHECK(fabs((double)want[i] - got[i]) <= 4e-6, "silu_back of %g is %g, not %g", x[i], got[i], want[i]);
    }
    x[3] = NAN;
    k->silu(n, x);
    CHECK(isnan(x[3]), "silu loses a NaN");
}

/* ---- timing ---- */

typedef struct call {
    const sl_kernels *table;
    sl_attention_back attention;
    sl_norm_back norm;
    sl_dropout dropout;
} call;

static void call_attention(const void *c) { ((const call *)c)->table->train.attention_back(&((const call *)c)->attention); }
static void call_norm(const void *c) { ((const call *)c)->table->train.norm_back(&((const call *)c)->norm); }
static void call_dropout(const void *c) { ((const call *)c)->table->train.dropout(&((const call *)c)->dropout); }
static void call_transpose(const void *c)
{
    const call *t = c;
    t->table->train.transpose(32, 112, 112, t->norm.x, t->norm.d_x);
}

void bench_train(const sl_kernels *table)
{
    const size_t lanes = 112;
    call c = {.table = table, .attention = new_back(16, 2, 100, 1)};
    run_back(table, &c.attention);
    float *x = normals(32 * lanes, 1), *y = normals(32 * lanes, 1);
    c.norm = (sl_norm_back){.channels = 32, .lanes = lanes, .stride = lanes, .x = x, .gamma = filled(32, 1),
                            .epsilon = 1e-6f, .d_y = y, .d_x = filled(lanes * 32, 0), .d_gamma = filled(32, 0),
                            .d_beta = filled(32, 0), .room = filled(4 * lanes, 0)};
    c.dropout = (sl_dropout){.rows = 32, .lanes = lanes, .stride = lanes, .from = x, .add = y, .to = c.norm.d_x,
                             .rate = 0.2f};
    printf("%-9s attention_back 16 x 2 x 100: %.2f us, norm_back of 32: %.2f us, dropout: %.2f us, transpose: %.2f us\n",
           table->name, fastest_us(call_attention, &c), fastest_us(call_norm, &c), fastest_us(call_dropout, &c),
           fastest_us(call_transpose, &c));
    free_arrays();
}
