/* The forward pass: one workspace a thread, taken once; no malloc in a run. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "kernels/kernels.h"
#include "model/open_model.h"
#include "model/runner.h"

struct sl_runner {
    const sl_network *net;
    const sl_kernels *kernels;
    float *signal[2]; /* input and output of a layer, in turn */
    float *scratch;
    float *memory;
};

sl_status sl_runner_new(const sl_model *model, sl_runner **out, sl_error *err)
{
    SL_REQUIRE(model != NULL && out != NULL, err);
    const sl_network *net = &model->network;
    sl_runner *r = malloc(sizeof *r);
    if (r == NULL) return SL_FAIL_NOMEM(err);
    const size_t signal = sl_stride(net->signal_floats), scratch = sl_stride(net->scratch_floats);
    const size_t floats = 2 * signal + scratch;
    *r = (sl_runner){.net = net, .kernels = sl_kernels_select(),
                     .memory = aligned_alloc(SL_ARENA_ALIGN, floats * sizeof(float))};
    if (r->memory == NULL) {
        free(r);
        return SL_FAIL_NOMEM(err);
    }
    memset(r->memory, 0, floats * sizeof(float));
    r->signal[0] = r->memory;
    r->signal[1] = r->memory + signal;
    r->scratch = r->memory + 2 * signal;
    *out = r;
    return SL_OK;
}

void sl_runner_free(sl_runner *runner)
{
    if (runner == NULL) return;
    free(runner->memory);
    free(runner);
}

const sl_kernels *sl_runner_swap_kernels(sl_runner *runner, const sl_kernels *kernels)
{
    const sl_kernels *before = runner->kernels;
    runner->kernels = kernels;
    return before;
}

const char *sl_runner_cpu(void)
{
    return sl_kernels_select()->name;
}

/* Rows of channels from the scratch memory, one after another. */
static float *rows(float **scratch, size_t channels, size_t stride)
{
    float *p = *scratch;
    *scratch += channels * stride;
    return p;
}

/* A signal as matrices take it: itself, and where one wants them its bytes or its bfloat16, made when they are asked for. */
typedef struct operand {
    const float *x;
    size_t channels, stride;
    float *room; /* operand_floats of network.c */
    uint32_t *bytes, *pairs;
    float *scale;
    int32_t *zero;
} operand;

static void need_bytes(const sl_runner *r, operand *o)
{
    if (o->bytes != NULL) return;
    float *room = o->room;
    o->scale = rows(&room, 1, o->stride);
    o->zero = (int32_t *)rows(&room, 1, o->stride);
    o->bytes = (uint32_t *)room;
    const sl_quantize q = {.channels = o->channels, .lanes = o->stride, .stride = o->stride, .x = o->x,
                           .levels = o->bytes, .scale = o->scale, .zero = o->zero};
    r->kernels->quantize(&q);
}

static void need_pairs(const sl_runner *r, operand *o)
{
    if (o->pairs != NULL) return;
    o->pairs = (uint32_t *)(o->room + ((o->channels + 3) / 4 + 2) * o->stride);
    const sl_pack p = {.channels = o->channels, .lanes = o->stride, .stride = o->stride, .x = o->x, .pairs = o->pairs};
    r->kernels->pack(&p);
}

static void multiply(const sl_runner *r, const sl_matrix *m, operand *in, bool relu, const float *add, float *out)
{
    sl_gemm g = {.kind = m->kind, .n = m->n, .k = m->words, .lanes = in->stride, .w = m->w, .bias = m->bias, .x = in->x,
                 .x_stride = in->stride, .add = add, .c = out, .c_stride = in->stride, .relu = relu};
    switch (m->kind) {
    case SL_WEIGHTS_FLOAT32: break;
    case SL_WEIGHTS_BFLOAT16:
        need_pairs(r, in);
        g.x = in->pairs;
        break;
    case SL_WEIGHTS_INT8:
        need_bytes(r, in);
        g.x = in->bytes;
        g.zero = in->zero;
        g.scale = in->scale;
        g.w_scale = m->scale;
        g.w_sum = m->w_sum;
        break;
    }
    r->kernels->gemm(&g);
}

static void run_encoder(const sl_runner *r, const sl_op *op, const float *x, float *out)
{
    const sl_encoder *e = &op->encoder;
    const size_t stride = sl_stride(op->steps), inner = e->q.n, width = op->channels;
    float *scratch = r->scratch;
    float *q = rows(&scratch, inner, stride), *k = rows(&scratch, inner, stride), *v = rows(&scratch, inner, stride);
    float *o = rows(&scratch, inner, stride), *x1 = rows(&scratch, width, stride);
    float *hidden = rows(&scratch, e->w1.n, stride);
    float *scores = rows(&scratch, 1, sl_attention_room(op->steps, e->key_dim)), *room = scratch;

    operand in = {.x = x, .channels = width, .stride = stride, .room = room};
    multiply(r, &e->q, &in, false, NULL, q);
    multiply(r, &e->k, &in, false, NULL, k);
    multiply(r, &e->v, &in, false, NULL, v);
    const sl_attention attention = {.heads = e->heads, .key_dim = e->key_dim, .steps = op->steps, .lanes = stride,
                                    .stride = stride, .scale = 1 / sqrtf((float)e->key_dim), .q = q, .k = k, .v = v,
                                    .o = o, .scores = scores};
    r->kernels->attention(&attention);
    in = (operand){.x = o, .channels = inner, .stride = stride, .room = room};
    multiply(r, &e->o, &in, false, x, x1);
    sl_norm norm = {.channels = width, .lanes = stride, .stride = stride, .x = x1, .gamma = e->gamma1, .beta = e->beta1,
                    .epsilon = e->epsilon};
    r->kernels->norm(&norm);

    in = (operand){.x = x1, .channels = width, .stride = stride, .room = room};
    multiply(r, &e->w1, &in, true, NULL, hidden);
    in = (operand){.x = hidden, .channels = e->w1.n, .stride = stride, .room = room};
    multiply(r, &e->w2, &in, false, x1, out);
    norm = (sl_norm){.channels = width, .lanes = stride, .stride = stride, .x = out, .gamma = e->gamma2,
                     .beta = e->beta2, .epsilon = e->epsilon};
    r->kernels->norm(&norm);
}

/* x shifted by each place of the kernel, zeros beyond the ends: row (place, channel). */
static const float *unfold(const sl_op *op, const float *x, float *to)
{
    const size_t stride = sl_stride(op->steps), before = (op->kernel - 1) / 2;
    memset(to, 0, op->kernel * op->channels * stride * sizeof *to);
    for (size_t place = 0; place < op->kernel; place++) {
        const size_t first = place < before ? before - place : 0;     /* first step whose neighbour exists */
        const size_t shift = place > before ? place - before : 0;
        const size_t count = first + shift < op->steps ? op->steps - first - shift : 0;
        for (size_t c = 0; c < op->channels; c++) {
            memcpy(to + (place * op->channels + c) * stride + first, x + c * stride + shift, count * sizeof *to);
        }
    }
    return to;
}

/* `add`: the positions, where they come next. */
static void run_conv1d(const sl_runner *r, const sl_op *op, const float *x, const float *add, float *out)
{
    operand in = {.x = op->kernel > 1 ? unfold(op, x, r->scratch) : x, .stride = sl_stride(op->steps)}; /* float32 */
    multiply(r, &op->matrix, &in, op->relu, add, out);
}

static void run_dense(const sl_runner *r, const sl_op *op, const float *x, float *out)
{
    operand in = {.x = x, .channels = op->channels, .stride = sl_stride(op->steps), .room = r->scratch};
    multiply(r, &op->matrix, &in, op->relu, NULL, out);
}

static void run_positions(const sl_op *op, const float *x, float *out)
{
    const size_t n = op->channels * sl_stride(op->steps);
    for (size_t i = 0; i < n; i++) out[i] = x[i] + op->positions[i];
}

/* The op and, where that is folded into it, the next one. Returns how many. */
static size_t run_op(const sl_runner *r, const sl_op *op, const float *x, float *out)
{
    const size_t stride = sl_stride(op->steps);
    switch (op->kind) {
    case SL_LAYER_CONV1D: /* never the last one: that is a softmax */
        if (op[1].kind == SL_LAYER_POSITIONS) {
            run_conv1d(r, op, x, op[1].positions, out);
            return 2;
        }
        run_conv1d(r, op, x, NULL, out);
        break;
    case SL_LAYER_POSITIONS: run_positions(op, x, out); break;
    case SL_LAYER_ENCODER: run_encoder(r, op, x, out); break;
    case SL_LAYER_MEAN_OVER_TIME: r->kernels->mean(op->channels, op->steps, stride, x, out); break;
    case SL_LAYER_DENSE: run_dense(r, op, x, out); break;
    case SL_LAYER_SOFTMAX:
        for (size_t i = 0; i < op->channels * stride; i++) out[i] = x[i] * r->net->inverse_temperature;
        r->kernels->softmax(op->channels, stride, stride, out);
        break;
    case SL_N_LAYER_KINDS: break;
    }
    return 1;
}

/* steps x channels to rows of channels, zeros behind the last step. False where a number is not finite. */
static bool load(const sl_network *net, const float *input, float *to)
{
    const size_t stride = sl_stride(net->steps);
    float sum = 0; /* stays 0 as long as all are finite */
    for (size_t c = 0; c < net->channels; c++) {
        float *row = to + c * stride;
        for (size_t t = 0; t < net->steps; t++) {
            row[t] = input[t * net->channels + c];
            sum += row[t] * 0;
        }
        for (size_t t = net->steps; t < stride; t++) row[t] = 0;
    }
    return sum == 0;
}

/* Lane 0 of each row. False where a probability is not finite. */
static bool store(const sl_network *net, const float *from, float *p)
{
    float sum = 0;
    for (size_t c = 0; c < net->n_classes; c++) {
        p[c] = from[c * SL_LANES];
        sum += p[c] * 0;
    }
    return sum == 0;
}

sl_status sl_runner_run(sl_runner *runner, size_t n, const float *input, float *p, sl_error *err)
{
    SL_REQUIRE(runner != NULL && (n == 0 || (input != NULL && p != NULL)), err);
    const sl_network *net = runner->net;
    for (size_t i = 0; i < n; i++) {
        float *x = runner->signal[0], *y = runner->signal[1];
        if (!load(net, input + i * net->input_floats, x)) {
            return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "input %zu of the network is not finite", i);
        }
        for (size_t o = 0; o < net->n_ops;) {
            o += run_op(runner, &net->ops[o], x, y);
            float *swap = x;
            x = y;
            y = swap;
        }
        if (!store(net, x, p + i * net->n_classes)) {
            return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "answer %zu of the network is not finite", i);
        }
    }
    return SL_OK;
}
