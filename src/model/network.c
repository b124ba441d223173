#include "model/network.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "kernels/kernels.h"

/* Bounds on what a file can make us do: one forward pass, and the memory of one thread. */
static const double max_flop = 1e12;
static const size_t max_workspace_floats = (size_t)1 << 28;

typedef struct builder {
    const sl_model_parts *parts;
    sl_arena *arena;
    sl_network *net;
    sl_op *op;
    size_t layer, next_tensor;
    uint32_t steps, channels; /* of the signal so far */
    sl_error *err;
} builder;

#define BAD(b, ...) bad((b), __LINE__, __VA_ARGS__)

static sl_status bad(builder *b, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static sl_status bad(builder *b, int line, const char *format, ...)
{
    char what[160];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return sl_error_set(b->err, SL_ERR_FORMAT, SL_REASON_NONE, __FILE__, line, "model: layer %zu: %s", b->layer, what);
}

static bool all_finite(const float *x, size_t n)
{
    /* x * 0 is 0 for a finite x and NaN otherwise: a sum that the compiler may split. */
    float sum[16] = {0};
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        for (size_t l = 0; l < 16; l++) sum[l] += x[i + l] * 0;
    }
    for (; i < n; i++) sum[0] += x[i] * 0;
    for (size_t l = 1; l < 16; l++) sum[0] += sum[l];
    return sum[0] == 0;
}

/* The layer's next tensor, which must have n elements, in a shape of `rank` if the file says one. */
static sl_status take(builder *b, uint32_t rank, const uint32_t *shape, const sl_tensor **out)
{
    if (b->next_tensor == b->parts->n_tensors) return BAD(b, "there are no tensors left");
    const sl_tensor *t = &b->parts->tensors[b->next_tensor];
    size_t n = 1;
    for (uint32_t i = 0; i < rank; i++) n *= shape[i]; /* widths are bounded: no overflow */
    if (t->rank != 0 && (t->rank != rank || memcmp(t->shape, shape, rank * sizeof shape[0]) != 0)) {
        return BAD(b, "tensor %zu has not the shape that the layer needs", b->next_tensor);
    }
    if ((unsigned)t->storage >= SL_N_STORAGES) {
        return SL_FAIL(b->err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "model: tensor %zu is stored in way %d, unknown here",
                       b->next_tensor, (int)t->storage);
    }
    static const size_t sizes[SL_N_STORAGES] = {
        [SL_STORAGE_FLOAT32] = sizeof(float), [SL_STORAGE_INT8] = 1, [SL_STORAGE_BFLOAT16] = 2};
    const size_t size = sizes[t->storage];
    if (n > SL_MAX_PARAMETERS || n * size > t->n_bytes) {
        return BAD(b, "tensor %zu is cut: %zu bytes, needs %zu", b->next_tensor, t->n_bytes, n * size);
    }
    b->op->info.n_bytes += n * size;
    b->next_tensor++;
    *out = t;
    return SL_OK;
}

static sl_status count_parameters(builder *b, size_t n)
{
    b->op->info.n_parameters += n;
    b->net->n_parameters += n;
    if (b->net->n_parameters > SL_MAX_PARAMETERS) return BAD(b, "more than %d parameters", SL_MAX_PARAMETERS);
    return SL_OK;
}

static sl_status not_finite(builder *b)
{
    return BAD(b, "tensor %zu has a weight that is not finite", b->next_tensor - 1);
}

/* An exponent of ones is infinity or NaN. */
static bool all_finite_bfloat16(const uint16_t *x, size_t n)
{
    bool bad = false;
    for (size_t i = 0; i < n; i++) bad |= (x[i] & 0x7f80) == 0x7f80;
    return !bad;
}

/* bfloat16 is the upper half of a float. */
static sl_status widen(builder *b, const uint16_t *from, size_t n, const float **out)
{
    float *to = SL_ARENA_NEW(b->arena, float, n);
    if (to == NULL) return SL_FAIL_NOMEM(b->err);
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = (uint32_t)from[i] << 16;
        memcpy(&to[i], &bits, sizeof bits);
    }
    *out = to;
    return SL_OK;
}

static sl_status take_floats(builder *b, uint32_t rank, const uint32_t *shape, const float **out)
{
    const sl_tensor *t = NULL;
    SL_TRY(take(b, rank, shape, &t));
    size_t n = 1;
    for (uint32_t i = 0; i < rank; i++) n *= shape[i];
    if (t->storage == SL_STORAGE_BFLOAT16) {
        if (!all_finite_bfloat16(t->data, n)) return not_finite(b);
        SL_TRY(widen(b, t->data, n, out));
    } else if (t->storage == SL_STORAGE_FLOAT32) {
        if (!all_finite(t->data, n)) return not_finite(b);
        *out = t->data;
    } else {
        return BAD(b, "tensor %zu must be float32 or bfloat16", b->next_tensor - 1);
    }
    return count_parameters(b, n);
}

static sl_status take_vector(builder *b, uint32_t n, const float **out)
{
    return take_floats(b, 1, &n, out);
}

/* Rows of bytes, filled up to whole words, and their sums. */
static sl_status take_int8(builder *b, const sl_tensor *t, sl_matrix *out)
{
    if (!(t->scale > 0) || !isfinite(t->scale)) return BAD(b, "tensor %zu: scale %g", b->next_tensor - 1, t->scale);
    out->kind = SL_WEIGHTS_INT8;
    out->words = (out->k + 3) / 4;
    out->scale = t->scale;
    const size_t row = 4 * (size_t)out->words;
    int8_t *w = SL_ARENA_NEW(b->arena, int8_t, out->n * row);
    int32_t *sums = SL_ARENA_NEW(b->arena, int32_t, out->n);
    if (w == NULL || sums == NULL) return SL_FAIL_NOMEM(b->err);
    memset(w, 0, out->n * row);
    const int8_t *from = t->data;
    for (size_t n = 0; n < out->n; n++) {
        memcpy(w + n * row, from + n * out->k, out->k);
        sums[n] = 0;
        for (size_t k = 0; k < out->k; k++) sums[n] += w[n * row + k];
    }
    out->w = w;
    out->w_sum = sums;
    b->op->info.storage = "int8";
    return SL_OK;
}

/* Rows of pairs: where a row has an odd number, it gets a 0 behind it. */
static sl_status take_bfloat16(builder *b, const sl_tensor *t, sl_matrix *out)
{
    const uint16_t *from = t->data;
    if (!all_finite_bfloat16(from, (size_t)out->n * out->k)) return not_finite(b);
    out->kind = SL_WEIGHTS_BFLOAT16;
    out->words = (out->k + 1) / 2;
    out->w = from;
    b->op->info.storage = "bfloat16";
    if (out->k % 2 == 0) return SL_OK;
    const size_t row = 2 * (size_t)out->words;
    uint16_t *w = SL_ARENA_NEW(b->arena, uint16_t, out->n * row);
    if (w == NULL) return SL_FAIL_NOMEM(b->err);
    for (size_t n = 0; n < out->n; n++) {
        memcpy(w + n * row, from + n * out->k, out->k * sizeof *w);
        w[n * row + out->k] = 0;
    }
    out->w = w;
    return SL_OK;
}

/* A matrix and its bias. */
static sl_status take_matrix(builder *b, uint32_t n, uint32_t k, sl_matrix *out)
{
    *out = (sl_matrix){.n = n, .k = k, .words = k};
    const uint32_t shape[] = {n, k};
    const sl_storage storage =
        b->next_tensor < b->parts->n_tensors ? b->parts->tensors[b->next_tensor].storage : SL_STORAGE_FLOAT32;
    if (storage == SL_STORAGE_INT8 || storage == SL_STORAGE_BFLOAT16) {
        const sl_tensor *t = NULL;
        SL_TRY(take(b, 2, shape, &t));
        SL_TRY(count_parameters(b, (size_t)n * k));
        SL_TRY(storage == SL_STORAGE_INT8 ? take_int8(b, t, out) : take_bfloat16(b, t, out));
    } else {
        const float *w = NULL;
        SL_TRY(take_floats(b, 2, shape, &w));
        out->w = w;
    }
    return take_vector(b, n, &out->bias);
}

/* Floats for the words of a signal of that many channels, of both kinds, and for a scale and a zero a step. */
static size_t operand_floats(size_t channels, size_t stride)
{
    return ((channels + 3) / 4 + (channels + 1) / 2 + 2) * stride;
}

static double gemm_flop(const sl_matrix *m, uint32_t steps)
{
    return 2.0 * m->n * m->k * steps;
}

static sl_status check_activation(builder *b, const sl_layer *layer)
{
    if ((unsigned)layer->activation >= SL_N_ACTIVATIONS) return BAD(b, "unknown activation %d", (int)layer->activation);
    b->op->relu = layer->activation == SL_ACTIVATION_RELU;
    return SL_OK;
}

static sl_status build_conv1d(builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    if (layer->units < 1 || layer->units > SL_MAX_WIDTH) return BAD(b, "conv1d with %u channels", layer->units);
    if (layer->kernel < 1 || layer->kernel > SL_MAX_KERNEL) return BAD(b, "conv1d over %u steps", layer->kernel);
    SL_TRY(check_activation(b, layer));
    const uint32_t shape[] = {layer->units, layer->kernel, b->channels};
    op->kernel = layer->kernel;
    op->matrix = (sl_matrix){.n = layer->units, .k = layer->kernel * b->channels, .words = layer->kernel * b->channels};
    const float *w = NULL;
    SL_TRY(take_floats(b, 3, shape, &w));
    op->matrix.w = w;
    SL_TRY(take_vector(b, layer->units, &op->matrix.bias));
    if (op->kernel > 1) op->scratch_floats = op->matrix.k * sl_stride(b->steps);
    op->channels_out = layer->units;
    op->info.flop = gemm_flop(&op->matrix, b->steps);
    op->info.kind = "conv1d";
    snprintf(op->info.shape, sizeof op->info.shape, "%u -> %u, kernel %u%s", b->channels, layer->units, layer->kernel,
             op->relu ? ", relu" : "");
    return SL_OK;
}

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

static sl_status build_positions(builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    const size_t stride = sl_stride(b->steps);
    float *rows = SL_ARENA_NEW(b->arena, float, b->channels * stride);
    if (rows == NULL) return SL_FAIL_NOMEM(b->err);
    op->positions = rows;
    op->info.kind = "positions";
    op->info.flop = (double)b->steps * b->channels;
    if (layer->n_tensors == 0) {
        fill_sinusoids(rows, b->steps, b->channels);
        snprintf(op->info.shape, sizeof op->info.shape, "%u x %u, sinusoids", b->steps, b->channels);
        op->info.storage = "computed";
        return SL_OK;
    }
    const uint32_t shape[] = {b->steps, b->channels};
    const float *table = NULL;
    SL_TRY(take_floats(b, 2, shape, &table));
    memset(rows, 0, b->channels * stride * sizeof *rows);
    for (uint32_t t = 0; t < b->steps; t++) {
        for (uint32_t c = 0; c < b->channels; c++) rows[c * stride + t] = table[t * b->channels + c];
    }
    snprintf(op->info.shape, sizeof op->info.shape, "%u x %u, table", b->steps, b->channels);
    return SL_OK;
}

static sl_status build_encoder(builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    sl_encoder *e = &op->encoder;
    const uint32_t width = b->channels;
    if (layer->heads < 1 || layer->heads > SL_MAX_WIDTH || layer->key_dim < 1 || layer->key_dim > SL_MAX_WIDTH ||
        layer->heads * layer->key_dim > SL_MAX_WIDTH) {
        return BAD(b, "%u heads of %u dimensions, together at most %d", layer->heads, layer->key_dim, SL_MAX_WIDTH);
    }
    if (layer->hidden < 1 || layer->hidden > SL_MAX_HIDDEN) return BAD(b, "feed-forward width %u", layer->hidden);
    if (!(layer->epsilon > 0) || !(layer->epsilon < 1)) return BAD(b, "epsilon %g", layer->epsilon);
    const uint32_t inner = layer->heads * layer->key_dim;
    e->heads = layer->heads;
    e->key_dim = layer->key_dim;
    e->epsilon = layer->epsilon;
    SL_TRY(take_matrix(b, inner, width, &e->q));
    SL_TRY(take_matrix(b, inner, width, &e->k));
    SL_TRY(take_matrix(b, inner, width, &e->v));
    SL_TRY(take_matrix(b, width, inner, &e->o));
    SL_TRY(take_vector(b, width, &e->gamma1));
    SL_TRY(take_vector(b, width, &e->beta1));
    SL_TRY(take_matrix(b, layer->hidden, width, &e->w1));
    SL_TRY(take_matrix(b, width, layer->hidden, &e->w2));
    SL_TRY(take_vector(b, width, &e->gamma2));
    SL_TRY(take_vector(b, width, &e->beta2));
    const size_t stride = sl_stride(b->steps);
    size_t widest = width > inner ? width : inner;
    if (layer->hidden > widest) widest = layer->hidden;
    op->scratch_floats = (4 * (size_t)inner + (size_t)width + layer->hidden) * stride + operand_floats(widest, stride) +
                         sl_attention_room(b->steps, layer->key_dim);
    op->info.flop = gemm_flop(&e->q, b->steps) * 4 + gemm_flop(&e->w1, b->steps) * 2 +
                    4.0 * b->steps * b->steps * inner;
    op->info.kind = "encoder";
    snprintf(op->info.shape, sizeof op->info.shape, "%u, %u heads x %u, feed-forward %u, epsilon %g", width,
             layer->heads, layer->key_dim, layer->hidden, layer->epsilon);
    return SL_OK;
}

static sl_status build_mean(builder *b)
{
    b->op->steps_out = 1;
    b->op->info.kind = "mean_over_time";
    b->op->info.flop = (double)b->steps * b->channels;
    snprintf(b->op->info.shape, sizeof b->op->info.shape, "%u x %u -> %u", b->steps, b->channels, b->channels);
    return SL_OK;
}

static sl_status build_dense(builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    if (layer->units < 1 || layer->units > SL_MAX_WIDTH) return BAD(b, "dense with %u channels", layer->units);
    SL_TRY(check_activation(b, layer));
    SL_TRY(take_matrix(b, layer->units, b->channels, &op->matrix));
    op->scratch_floats = operand_floats(b->channels, sl_stride(b->steps));
    op->channels_out = layer->units;
    op->info.kind = "dense";
    op->info.flop = gemm_flop(&op->matrix, b->steps);
    snprintf(op->info.shape, sizeof op->info.shape, "%u -> %u%s", b->channels, layer->units, op->relu ? ", relu" : "");
    return SL_OK;
}

static sl_status build_softmax(builder *b)
{
    b->op->info.kind = "softmax";
    b->op->info.flop = 3.0 * b->steps * b->channels;
    snprintf(b->op->info.shape, sizeof b->op->info.shape, "%u", b->channels);
    return SL_OK;
}

static sl_status build_kind(builder *b, const sl_layer *layer)
{
    switch (layer->kind) {
    case SL_LAYER_CONV1D: return build_conv1d(b, layer);
    case SL_LAYER_POSITIONS: return build_positions(b, layer);
    case SL_LAYER_ENCODER: return build_encoder(b, layer);
    case SL_LAYER_MEAN_OVER_TIME: return build_mean(b);
    case SL_LAYER_DENSE: return build_dense(b, layer);
    case SL_LAYER_SOFTMAX: return build_softmax(b);
    case SL_N_LAYER_KINDS: break;
    }
    return SL_FAIL(b->err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "model: layer %zu is of kind %d, unknown here", b->layer,
                   (int)layer->kind);
}

static sl_status build_layer(builder *b, const sl_layer *layer)
{
    sl_op *op = b->op;
    *op = (sl_op){.kind = layer->kind, .steps = b->steps, .channels = b->channels, .steps_out = b->steps,
                  .channels_out = b->channels, .info = {.storage = "float32"}};
    const size_t first = b->next_tensor;
    SL_TRY(build_kind(b, layer));
    if (b->next_tensor - first != layer->n_tensors) {
        return BAD(b, "says it has %u tensors, needs %zu", layer->n_tensors, b->next_tensor - first);
    }
    if (layer->n_tensors == 0 && op->positions == NULL) op->info.storage = "none";
    b->steps = op->steps_out;
    b->channels = op->channels_out;
    b->net->flop += op->info.flop;
    const size_t signal = op->channels_out * sl_stride(op->steps_out);
    if (signal > b->net->signal_floats) b->net->signal_floats = signal;
    if (op->scratch_floats > b->net->scratch_floats) b->net->scratch_floats = op->scratch_floats;
    if (b->net->flop > max_flop) return BAD(b, "the network needs more than %g operations", max_flop);
    if (2 * b->net->signal_floats + b->net->scratch_floats > max_workspace_floats) {
        return BAD(b, "the network needs more than %zu floats of memory", max_workspace_floats);
    }
    return SL_OK;
}

sl_status sl_network_build(const sl_model_parts *parts, sl_arena *arena, sl_network *out, sl_error *err)
{
    SL_TRY(sl_contract_check(&parts->contract, err));
    const sl_contract *contract = &parts->contract;
    *out = (sl_network){.steps = sl_contract_input_steps(contract), .channels = sl_contract_input_channels(contract),
                        .input_floats = sl_contract_input_floats(contract),
                        .inverse_temperature = 1 / parts->temperature,
                        .n_classes = contract->n_classes, .n_ops = parts->n_layers};
    builder b = {.parts = parts, .arena = arena, .net = out, .steps = out->steps, .channels = out->channels, .err = err};
    out->signal_floats = out->channels * sl_stride(out->steps);
    if (!(parts->temperature >= 1e-3f && parts->temperature <= 1e3f)) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "model: temperature %g", (double)parts->temperature);
    }
    if (parts->n_layers == 0 || parts->layers[parts->n_layers - 1].kind != SL_LAYER_SOFTMAX) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "model: the last layer must be a softmax");
    }
    out->ops = SL_ARENA_NEW(arena, sl_op, parts->n_layers);
    if (out->ops == NULL) return SL_FAIL_NOMEM(err);
    for (b.layer = 0; b.layer < parts->n_layers; b.layer++) {
        b.op = &out->ops[b.layer];
        SL_TRY(build_layer(&b, &parts->layers[b.layer]));
    }
    if (b.next_tensor != parts->n_tensors) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "model: %zu tensors, the layers need %zu", parts->n_tensors,
                       b.next_tensor);
    }
    if (b.steps != 1 || b.channels != out->n_classes) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "model: the network gives %u x %u, the contract has %u classes",
                       b.steps, b.channels, out->n_classes);
    }
    return SL_OK;
}
