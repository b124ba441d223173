/* Positions, and the transformer's encoder. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/layers.h"

/*
 * sin (even channels) and cos (odd ones) of t / 10000^(2i/d), i = channel / 2,
 * turned on step by step in float64. Some angles go side by side: one alone
 * would wait for its own last step.
 */
static void fill_sinusoids(float *rows, uint32_t steps, uint32_t channels)
{
    enum { SIDE = 16 };
    const size_t stride = sl_stride(steps);
    memset(rows, 0, channels * stride * sizeof *rows);
    for (uint32_t first = 0; first < channels; first += 2 * SIDE) {
        const uint32_t n = channels - first < 2 * SIDE ? channels - first : 2 * SIDE;
        double step_sin[SIDE] = {0}, step_cos[SIDE] = {0}, s[SIDE], k[SIDE];
        for (uint32_t i = 0; i < SIDE; i++) {
            s[i] = 0;
            k[i] = 1;
            if (2 * i >= n) continue;
            const double angle = pow(10000, -(double)(first + 2 * i) / channels);
            step_sin[i] = sin(angle);
            step_cos[i] = cos(angle);
        }
        for (uint32_t t = 0; t < steps; t++) {
            float *to = rows + first * stride + t;
            for (uint32_t c = 0; c < n; c++) to[c * stride] = (float)(c % 2 == 0 ? s[c / 2] : k[c / 2]);
            for (uint32_t i = 0; i < SIDE; i++) {
                const double next = s[i] * step_cos[i] + k[i] * step_sin[i];
                k[i] = k[i] * step_cos[i] - s[i] * step_sin[i];
                s[i] = next;
            }
        }
    }
}

static sl_status build_positions(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    const size_t stride = sl_stride(b->steps);
    float *rows = SL_ARENA_NEW(b->arena, float, b->channels * stride);
    if (rows == NULL) return SL_FAIL_NOMEM(b->err);
    op->positions = rows;
    op->info.flop = (double)b->steps * b->channels;
    if (layer->n_tensors == 0) {
        fill_sinusoids(rows, b->steps, b->channels);
        snprintf(op->info.shape, sizeof op->info.shape, "%u x %u, sinusoids", b->steps, b->channels);
        op->info.storage = "computed";
        return SL_OK;
    }
    const uint32_t shape[] = {b->steps, b->channels};
    const float *table = NULL;
    SL_TRY(sl_build_take_floats(b, 2, shape, &table));
    memset(rows, 0, b->channels * stride * sizeof *rows);
    for (uint32_t t = 0; t < b->steps; t++) {
        for (uint32_t c = 0; c < b->channels; c++) rows[c * stride + t] = table[t * b->channels + c];
    }
    snprintf(op->info.shape, sizeof op->info.shape, "%u x %u, table", b->steps, b->channels);
    return SL_OK;
}

static sl_status build_encoder(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    sl_encoder *e = &op->encoder;
    const uint32_t width = b->channels;
    if (layer->heads < 1 || layer->heads > SL_MAX_WIDTH || layer->key_dim < 1 || layer->key_dim > SL_MAX_WIDTH ||
        layer->heads * layer->key_dim > SL_MAX_WIDTH) {
        return SL_BAD(b, "%u heads of %u dimensions, together at most %d", layer->heads, layer->key_dim, SL_MAX_WIDTH);
    }
    if (layer->hidden < 1 || layer->hidden > SL_MAX_HIDDEN) return SL_BAD(b, "feed-forward width %u", layer->hidden);
    if (!(layer->epsilon > 0) || !(layer->epsilon < 1)) return SL_BAD(b, "epsilon %g", layer->epsilon);
    const uint32_t inner = layer->heads * layer->key_dim;
    e->heads = layer->heads;
    e->key_dim = layer->key_dim;
    e->epsilon = layer->epsilon;
    SL_TRY(sl_build_take_matrix(b, inner, width, &e->q));
    SL_TRY(sl_build_take_matrix(b, inner, width, &e->k));
    SL_TRY(sl_build_take_matrix(b, inner, width, &e->v));
    SL_TRY(sl_build_take_matrix(b, width, inner, &e->o));
    SL_TRY(sl_build_take_vector(b, width, &e->gamma1));
    SL_TRY(sl_build_take_vector(b, width, &e->beta1));
    SL_TRY(sl_build_take_matrix(b, layer->hidden, width, &e->w1));
    SL_TRY(sl_build_take_matrix(b, width, layer->hidden, &e->w2));
    SL_TRY(sl_build_take_vector(b, width, &e->gamma2));
    SL_TRY(sl_build_take_vector(b, width, &e->beta2));
    op->info.flop = sl_gemm_flop(&e->q, b->steps) * 4 + sl_gemm_flop(&e->w1, b->steps) * 2 +
                    4.0 * b->steps * b->steps * inner;
    snprintf(op->info.shape, sizeof op->info.shape, "%u, %u heads x %u, feed-forward %u, epsilon %g", width,
             layer->heads, layer->key_dim, layer->hidden, layer->epsilon);
    return SL_OK;
}

static void run_positions(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const size_t n = op->channels * sl_stride(op->steps);
    for (size_t i = 0; i < n; i++) out[i] = x[i] + op->positions[i];
}

static size_t encoder_scratch(const sl_op *op, size_t side)
{
    const sl_encoder *e = &op->encoder;
    const size_t stride = sl_stride(op->steps * side), width = op->channels, inner = e->q.n, hidden = e->w1.n;
    size_t widest = width > inner ? width : inner;
    if (hidden > widest) widest = hidden;
    return (4 * inner + width + hidden) * stride + sl_operand_floats(widest, stride) +
           sl_attention_room(op->steps, e->key_dim);
}

static void run_encoder(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const sl_encoder *e = &op->encoder;
    const size_t stride = sl_stride(op->steps), inner = e->q.n, width = op->channels;
    float *scratch = f->scratch;
    float *q = sl_rows(&scratch, inner, stride), *k = sl_rows(&scratch, inner, stride), *v = sl_rows(&scratch, inner, stride);
    float *o = sl_rows(&scratch, inner, stride), *x1 = sl_rows(&scratch, width, stride);
    float *hidden = sl_rows(&scratch, e->w1.n, stride);
    float *scores = sl_rows(&scratch, 1, sl_attention_room(op->steps, e->key_dim)), *room = scratch;

    sl_operand in = {.x = x, .channels = width, .stride = stride, .room = room};
    sl_multiply(f, &e->q, NULL, &in, false, NULL, q);
    sl_multiply(f, &e->k, NULL, &in, false, NULL, k);
    sl_multiply(f, &e->v, NULL, &in, false, NULL, v);
    const sl_attention attention = {.heads = e->heads, .key_dim = e->key_dim, .steps = sl_forward_steps(f, op, 0), .lanes = stride,
                                    .stride = stride, .scale = 1 / sqrtf((float)e->key_dim), .q = q, .k = k, .v = v,
                                    .o = o, .scores = scores};
    f->kernels->attention(&attention);
    in = (sl_operand){.x = o, .channels = inner, .stride = stride, .room = room};
    sl_multiply(f, &e->o, NULL, &in, false, x, x1);
    sl_norm norm = {.channels = width, .lanes = stride, .stride = stride, .x = x1, .gamma = e->gamma1, .beta = e->beta1,
                    .epsilon = e->epsilon};
    f->kernels->norm(&norm);

    in = (sl_operand){.x = x1, .channels = width, .stride = stride, .room = room};
    sl_multiply(f, &e->w1, NULL, &in, true, NULL, hidden);
    in = (sl_operand){.x = hidden, .channels = e->w1.n, .stride = stride, .room = room};
    sl_multiply(f, &e->w2, NULL, &in, false, x1, out);
    norm = (sl_norm){.channels = width, .lanes = stride, .stride = stride, .x = out, .gamma = e->gamma2,
                     .beta = e->beta2, .epsilon = e->epsilon};
    f->kernels->norm(&norm);
}

const sl_layer_type sl_layer_positions = {
    .name = "positions", .build = build_positions, .run = run_positions, .backwards = true};
const sl_layer_type sl_layer_encoder = {
    .name = "encoder", .build = build_encoder, .run = run_encoder, .scratch = encoder_scratch};
