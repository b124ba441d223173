/*
 * GRU and LSTM. What the input gives the gates is one product for all steps;
 * what the state gives them has to wait for the step before. One input alone
 * has its units in the lanes: a product of a matrix and a vector a step. Of
 * several side by side each has a lane, and a step is a product of matrices.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/layers.h"

enum { CHUNK = 8 /* steps whose gates' inputs are made together: what of 100 units stays in the second-level cache */ };

static size_t gates_of(const sl_op *op)
{
    return op->kind == SL_LAYER_GRU ? SL_GRU_GATES : SL_LSTM_GATES;
}

static sl_status build_recurrent(sl_builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    if (layer->units < 1 || layer->units > SL_MAX_WIDTH) return SL_BAD(b, "%s of %u units", op->info.kind, layer->units);
    op->units = layer->units;
    op->n_directions = layer->bidirectional ? 2 : 1;
    op->looks_ahead = layer->bidirectional;
    for (uint32_t i = 0; i < op->n_directions; i++) {
        sl_recurrent *r = &op->recurrent[i];
        const uint32_t n = (uint32_t)gates_of(op) * layer->units;
        SL_TRY(sl_build_take_wide(b, n, b->channels, &r->x));
        SL_TRY(sl_build_take_wide(b, n, layer->units, &r->h));
        op->info.flop += sl_gemm_flop(&r->x, b->steps) + sl_gemm_flop(&r->h, b->steps);
    }
    op->channels_out = op->n_directions * layer->units;
    snprintf(op->info.shape, sizeof op->info.shape, layer->bidirectional ? "%u -> 2 x %u, both ways" : "%u -> %u",
             b->channels, layer->units);
    return SL_OK;
}

/* Matrix and bias with a row for each unit of the state before, in which each gate begins at a multiple of SL_LANES. */
sl_status sl_recurrent_prepare(sl_op *op, sl_arena *arena, sl_error *err)
{
    const size_t gates = gates_of(op), units = op->units, wide = sl_stride(units), row = gates * wide;
    for (uint32_t d = 0; d < op->n_directions; d++) {
        sl_recurrent *r = &op->recurrent[d];
        const float *w = r->h.w;
        float *packed = SL_ARENA_NEW(arena, float, (units + 1) * row), *bias = packed + units * row;
        if (packed == NULL) return SL_FAIL_NOMEM(err);
        memset(packed, 0, (units + 1) * row * sizeof *packed);
        for (size_t i = 0; i < gates * units; i++) {
            const size_t at = i / units * wide + i % units;
            for (size_t k = 0; k < units; k++) packed[k * row + at] = w[i * units + k];
            bias[at] = r->h.bias[i];
        }
        r->packed = packed;
        r->packed_bias = bias;
    }
    return SL_OK;
}

static size_t recurrent_scratch(const sl_op *op, size_t side)
{
    const size_t gates = gates_of(op), units = op->units, wide = sl_stride(units), stride = sl_stride(op->steps);
    if (side > 1) return gates * units * (CHUNK + 1) * side + 2 * units * side;
    return gates * units * stride + gates * stride * wide + (gates + 2) * wide + stride * wide;
}

static void run_gates(const sl_forward *f, const sl_op *op, const sl_gates *gates)
{
    if (op->kind == SL_LAYER_GRU) {
        f->kernels->recur.gru(gates);
    } else {
        f->kernels->recur.lstm(gates);
    }
}

/* One input: x is turned so that a step's gates lie side by side, and the states are turned back into rows. */
static void run_alone(const sl_forward *f, const sl_op *op, size_t direction, const float *x, float *out)
{
    const sl_recurrent *r = &op->recurrent[direction];
    const size_t gates = gates_of(op), units = op->units, wide = sl_stride(units), stride = sl_stride(op->steps);
    const size_t steps = sl_forward_steps(f, op, 0);
    float *scratch = f->scratch;
    float *rows = sl_rows(&scratch, gates * units, stride), *turned = sl_rows(&scratch, gates * stride, wide);
    float *a = sl_rows(&scratch, gates, wide), *h = sl_rows(&scratch, 2, wide), *c = h + wide;
    float *history = sl_rows(&scratch, stride, wide);
    sl_operand in = {.x = x, .stride = stride};
    sl_multiply(f, &r->x, NULL, &in, false, NULL, rows);
    for (size_t g = 0; g < gates; g++) {
        f->kernels->train.transpose(units, stride, stride, rows + g * units * stride, turned + g * stride * wide);
    }
    memset(h, 0, 2 * wide * sizeof *h);
    const sl_matvec product = {.lanes = gates * wide, .k = units, .w = r->packed, .bias = r->packed_bias, .x = h, .y = a};
    for (size_t i = 0; i < steps; i++) {
        const size_t t = direction == 0 ? i : steps - 1 - i;
        const sl_gates step = {.rows = 1, .lanes = wide, .x = turned + t * wide, .x_stride = stride * wide, .a = a,
                               .h = h, .c = c, .out = history + t * wide, .out_stride = wide};
        f->kernels->recur.matvec(&product);
        run_gates(f, op, &step);
    }
    memset(history + steps * wide, 0, (op->steps - steps) * wide * sizeof *history);
    f->kernels->train.transpose(op->steps, wide, wide, history, out);
}

/* Inputs that have no such step: their states are zeros, before the first step backwards as behind the last forwards. */
static void end_lanes(const sl_forward *f, const sl_op *op, size_t t, float *h, float *c, float *out, size_t out_stride)
{
    for (size_t a = 0; a < f->side; a++) {
        if (t < sl_forward_steps(f, op, a)) continue;
        for (size_t i = 0; i < op->units; i++) h[i * f->side + a] = c[i * f->side + a] = out[i * out_stride + a] = 0;
    }
}

/* Steps [from, to) of all inputs, whose gates' inputs are made together. */
static void run_chunk(const sl_forward *f, const sl_op *op, size_t direction, size_t from, size_t to, const float *x,
                      float *h, float *c, float *room, float *out)
{
    const sl_recurrent *r = &op->recurrent[direction];
    const size_t side = f->side, stride = sl_forward_stride(f, op->steps), wide = CHUNK * side;
    float *x_part = room, *a = room + r->x.n * wide;
    const sl_gemm inputs = {.n = r->x.n, .k = r->x.k, .lanes = (to - from) * side, .w = r->x.w, .bias = r->x.bias,
                            .x = x + from * side, .x_stride = stride, .c = x_part, .c_stride = wide};
    f->kernels->gemm(&inputs);
    const sl_gemm states = {.n = r->h.n, .k = r->h.k, .lanes = side, .w = r->h.w, .bias = r->h.bias, .x = h,
                            .x_stride = side, .c = a, .c_stride = side};
    for (size_t i = from; i < to; i++) {
        const size_t t = direction == 0 ? i : from + to - 1 - i;
        const sl_gates step = {.rows = op->units, .lanes = side, .x = x_part + (t - from) * side, .x_stride = wide,
                               .a = a, .h = h, .c = c, .out = out + t * side, .out_stride = stride};
        f->kernels->gemm(&states);
        run_gates(f, op, &step);
        end_lanes(f, op, t, h, c, out + t * side, stride);
    }
}

static void run_together(const sl_forward *f, const sl_op *op, size_t direction, const float *x, float *out)
{
    const size_t side = f->side, stride = sl_forward_stride(f, op->steps), state = op->units * side;
    size_t steps = 0;
    for (size_t a = 0; a < side; a++) {
        if (sl_forward_steps(f, op, a) > steps) steps = sl_forward_steps(f, op, a);
    }
    float *scratch = f->scratch;
    float *h = sl_rows(&scratch, 2 * op->units, side), *c = h + state;
    memset(h, 0, 2 * state * sizeof *h);
    const size_t chunks = (steps + CHUNK - 1) / CHUNK;
    for (size_t i = 0; i < chunks; i++) {
        const size_t from = (direction == 0 ? i : chunks - 1 - i) * CHUNK, to = from + CHUNK < steps ? from + CHUNK : steps;
        run_chunk(f, op, direction, from, to, x, h, c, scratch, out);
    }
    for (size_t i = 0; i < op->units; i++) {
        memset(out + i * stride + steps * side, 0, (stride - steps * side) * sizeof *out);
    }
}

static void run_recurrent(const sl_forward *f, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_forward_stride(f, op->steps);
    for (size_t d = 0; d < op->n_directions; d++) { /* alone, the first spills over into the second's rows */
        (f->side > 1 ? run_together : run_alone)(f, op, d, x, out + d * op->units * stride);
    }
}

const sl_layer_type sl_layer_gru = {
    .name = "gru", .build = build_recurrent, .run = run_recurrent, .scratch = recurrent_scratch, .any_side = true,
    .backwards = true};
const sl_layer_type sl_layer_lstm = {
    .name = "lstm", .build = build_recurrent, .run = run_recurrent, .scratch = recurrent_scratch, .any_side = true,
    .backwards = true};
