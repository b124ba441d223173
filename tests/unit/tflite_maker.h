/*
 * tests/unit/tflite_maker.h - small TFLite files of t2's kind, made up: a
 * writer of just as much of the format as the importer reads, so that the
 * tests need no published file. Tables and vectors are written front to back
 * and their distances filled in when the place is known.
 */
#ifndef SL_TESTS_UNIT_TFLITE_MAKER_H
#define SL_TESTS_UNIT_TFLITE_MAKER_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/parts.h"
#include "model/tflite_reader.h"

enum { MAKER_BYTES = 1 << 20, MAKER_TENSORS = 512, MAKER_OPERATORS = 512, MAKER_CODES = 32 };

typedef struct maker_tensor {
    int type;
    int rank;
    int32_t shape[4];
    const void *data; /* NULL: computed */
    size_t n_bytes;
    float scale;
} maker_tensor;

typedef struct maker_operator {
    int code;
    int inputs[3], n_inputs, output;
    uint8_t option[4]; /* the first byte-sized options, by number */
    bool no_beta;
} maker_operator;

typedef struct maker {
    unsigned char *bytes;
    size_t n;
    int n_tensors, n_operators;
    maker_tensor tensors[MAKER_TENSORS];
    maker_operator operators[MAKER_OPERATORS];
    int input, output;
    bool reverse; /* write operators last first: their order must not matter */
    float scales[SL_MAX_LAYERS];
} maker;

/* ---- the graph ---- */

static int maker_add(maker *m, int type, int rank, const int32_t *shape, const void *data, size_t n_bytes, float scale)
{
    maker_tensor *t = &m->tensors[m->n_tensors];
    assert(m->n_tensors < MAKER_TENSORS);
    *t = (maker_tensor){.type = type, .rank = rank, .data = data, .n_bytes = n_bytes, .scale = scale};
    for (int i = 0; i < rank; i++) t->shape[i] = shape[i];
    return m->n_tensors++;
}

static int maker_value(maker *m, int rank, int32_t a, int32_t b, int32_t c, int32_t d)
{
    const int32_t shape[] = {a, b, c, d};
    return maker_add(m, SL_TFLITE_FLOAT32, rank, shape, NULL, 0, 0);
}

static int maker_constant(maker *m, const sl_tensor *t)
{
    int32_t shape[4];
    for (uint32_t i = 0; i < t->rank; i++) shape[i] = (int32_t)t->shape[i];
    return maker_add(m, t->storage == SL_STORAGE_INT8 ? SL_TFLITE_INT8 : SL_TFLITE_FLOAT32, (int)t->rank, shape, t->data,
                     t->n_bytes, t->storage == SL_STORAGE_INT8 ? t->scale : 0);
}

static int maker_apply(maker *m, int code, int a, int b, int c, int output)
{
    maker_operator *o = &m->operators[m->n_operators++];
    assert(m->n_operators <= MAKER_OPERATORS);
    *o = (maker_operator){.code = code, .inputs = {a, b, c}, .n_inputs = c != -2 ? 3 : b != -2 ? 2 : 1, .output = output};
    return output;
}

static const int32_t maker_axis_last[] = {2}, maker_axis_time[] = {1}, maker_heads_perm[] = {0, 2, 1, 3};

static int maker_ints(maker *m, const int32_t *x, int32_t n)
{
    return maker_add(m, SL_TFLITE_INT32, 1, &n, x, (size_t)n * 4, 0);
}

static int maker_float(maker *m, const float *x)
{
    return maker_add(m, SL_TFLITE_FLOAT32, 0, NULL, x, 4, 0);
}

/* FULLY_CONNECTED on rows, then the bias in an ADD of its own, as Keras writes a dense layer over steps. */
static int maker_dense(maker *m, int x, const sl_tensor *w, int32_t steps, bool relu)
{
    const int32_t k = (int32_t)w[0].shape[1], n = (int32_t)w[0].shape[0];
    const int rows = maker_apply(m, SL_TFLITE_RESHAPE, x, -2, -2, maker_value(m, 2, steps, k, 0, 0));
    const int y = maker_apply(m, SL_TFLITE_FULLY_CONNECTED, rows, maker_constant(m, &w[0]), -1, maker_value(m, 2, steps, n, 0, 0));
    m->operators[m->n_operators - 1].option[3] = 1; /* asymmetric inputs */
    const int cut = maker_apply(m, SL_TFLITE_RESHAPE, y, -2, -2, maker_value(m, 3, 1, steps, n, 0));
    maker_apply(m, SL_TFLITE_ADD, maker_constant(m, &w[1]), cut, -2, maker_value(m, 3, 1, steps, n, 0));
    m->operators[m->n_operators - 1].option[0] = relu;
    return m->operators[m->n_operators - 1].output;
}

static int maker_heads(maker *m, int x, const sl_layer *layer, int32_t steps)
{
    const int32_t heads = (int32_t)layer->heads, dim = (int32_t)layer->key_dim;
    const int cut = maker_apply(m, SL_TFLITE_RESHAPE, x, -2, -2, maker_value(m, 4, 1, steps, heads, dim));
    return maker_apply(m, SL_TFLITE_TRANSPOSE, cut, maker_ints(m, maker_heads_perm, 4), -2,
                       maker_value(m, 4, 1, heads, steps, dim));
}

static int maker_norm(maker *m, int x, const sl_tensor *w, const float *epsilon, int32_t steps)
{
    const int32_t n = (int32_t)w[0].shape[0];
    const int axis = maker_ints(m, maker_axis_last, 1);
    const int mean = maker_apply(m, SL_TFLITE_MEAN, x, axis, -2, maker_value(m, 3, 1, steps, 1, 0));
    const int squares = maker_apply(m, SL_TFLITE_SQUARED_DIFFERENCE, x, mean, -2, maker_value(m, 3, 1, steps, n, 0));
    const int variance = maker_apply(m, SL_TFLITE_MEAN, squares, axis, -2, maker_value(m, 3, 1, steps, 1, 0));
    const int sum = maker_apply(m, SL_TFLITE_ADD, variance, maker_float(m, epsilon), -2, maker_value(m, 3, 1, steps, 1, 0));
    const int inverse = maker_apply(m, SL_TFLITE_RSQRT, sum, -2, -2, maker_value(m, 3, 1, steps, 1, 0));
    const int g = maker_apply(m, SL_TFLITE_MUL, inverse, maker_constant(m, &w[0]), -2, maker_value(m, 3, 1, steps, n, 0));
    const int scaled = maker_apply(m, SL_TFLITE_MUL, x, g, -2, maker_value(m, 3, 1, steps, n, 0));
    const int mean_g = maker_apply(m, SL_TFLITE_MUL, mean, g, -2, maker_value(m, 3, 1, steps, n, 0));
    const int shift = maker_apply(m, SL_TFLITE_SUB, maker_constant(m, &w[1]), mean_g, -2, maker_value(m, 3, 1, steps, n, 0));
    return maker_apply(m, SL_TFLITE_ADD, scaled, shift, -2, maker_value(m, 3, 1, steps, n, 0));
}

static int maker_encoder(maker *m, int x, const sl_layer *layer, const sl_tensor *w, int32_t steps, float *scale)
{
    const int32_t heads = (int32_t)layer->heads, dim = (int32_t)layer->key_dim, width = (int32_t)w[SL_ENCODER_WO].shape[0];
    *scale = 1 / sqrtf((float)layer->key_dim);
    const int q = maker_heads(m, maker_dense(m, x, w + SL_ENCODER_WQ, steps, false), layer, steps);
    const int k = maker_heads(m, maker_dense(m, x, w + SL_ENCODER_WK, steps, false), layer, steps);
    const int v = maker_heads(m, maker_dense(m, x, w + SL_ENCODER_WV, steps, false), layer, steps);
    const int qk = maker_apply(m, SL_TFLITE_BATCH_MATMUL, q, k, -2, maker_value(m, 4, 1, heads, steps, steps));
    m->operators[m->n_operators - 1].option[1] = 1; /* adjoint y */
    const int scores = maker_apply(m, SL_TFLITE_MUL, qk, maker_float(m, scale), -2, maker_value(m, 4, 1, heads, steps, steps));
    const int a = maker_apply(m, SL_TFLITE_SOFTMAX, scores, -2, -2, maker_value(m, 4, 1, heads, steps, steps));
    const int av = maker_apply(m, SL_TFLITE_BATCH_MATMUL, a, v, -2, maker_value(m, 4, 1, heads, steps, dim));
    const int joined = maker_apply(m, SL_TFLITE_TRANSPOSE, av, maker_ints(m, maker_heads_perm, 4), -2,
                                   maker_value(m, 4, 1, steps, heads, dim));
    const int rows = maker_apply(m, SL_TFLITE_RESHAPE, joined, -2, -2, maker_value(m, 3, 1, steps, heads * dim, 0));
    const int o = maker_dense(m, rows, w + SL_ENCODER_WO, steps, false);
    const int sum1 = maker_apply(m, SL_TFLITE_ADD, o, x, -2, maker_value(m, 3, 1, steps, width, 0));
    const int x1 = maker_norm(m, sum1, w + SL_ENCODER_GAMMA1, &layer->epsilon, steps);
    const int hidden = maker_dense(m, x1, w + SL_ENCODER_W1, steps, true);
    const int y = maker_dense(m, hidden, w + SL_ENCODER_W2, steps, false);
    const int sum2 = maker_apply(m, SL_TFLITE_ADD, x1, y, -2, maker_value(m, 3, 1, steps, width, 0));
    return maker_norm(m, sum2, w + SL_ENCODER_GAMMA2, &layer->epsilon, steps);
}

static int maker_conv1d(maker *m, int x, const sl_layer *layer, const sl_tensor *w, int32_t steps)
{
    const int32_t channels = (int32_t)w[0].shape[2], n = (int32_t)layer->units;
    const int32_t shape[] = {n, 1, (int32_t)layer->kernel, channels};
    const int image = maker_apply(m, SL_TFLITE_EXPAND_DIMS, x, -2, -2, maker_value(m, 4, 1, 1, steps, channels));
    const int kernel = maker_add(m, SL_TFLITE_FLOAT32, 4, shape, w[0].data, w[0].n_bytes, 0);
    const int y = maker_apply(m, SL_TFLITE_CONV_2D, image, kernel, maker_constant(m, &w[1]), maker_value(m, 4, 1, 1, steps, n));
    m->operators[m->n_operators - 1].option[3] = layer->activation == SL_ACTIVATION_RELU;
    return maker_apply(m, SL_TFLITE_RESHAPE, y, -2, -2, maker_value(m, 3, 1, steps, n, 0));
}

/* The graph of parts: every constant borrows from them. */
static void maker_graph(maker *m, const sl_model_parts *parts)
{
    const int32_t steps = (int32_t)sl_contract_input_steps(&parts->contract);
    const int32_t channels = (int32_t)sl_contract_input_channels(&parts->contract);
    int32_t width = channels;
    int x = m->input = maker_value(m, 3, 1, steps, channels, 0);
    const sl_tensor *w = parts->tensors;
    for (size_t i = 0; i < parts->n_layers; i++) {
        const sl_layer *layer = &parts->layers[i];
        if (layer->kind == SL_LAYER_CONV1D || layer->kind == SL_LAYER_DENSE) width = (int32_t)layer->units;
        switch (layer->kind) {
        case SL_LAYER_CONV1D: x = maker_conv1d(m, x, layer, w, steps); break;
        case SL_LAYER_POSITIONS:
            x = maker_apply(m, SL_TFLITE_ADD, x, maker_constant(m, w), -2, maker_value(m, 3, 1, steps, width, 0));
            break;
        case SL_LAYER_ENCODER: x = maker_encoder(m, x, layer, w, steps, &m->scales[i]); break;
        case SL_LAYER_MEAN_OVER_TIME:
            x = maker_apply(m, SL_TFLITE_MEAN, x, maker_ints(m, maker_axis_time, 1), -2, maker_value(m, 2, 1, width, 0, 0));
            break;
        case SL_LAYER_DENSE:
            x = maker_apply(m, SL_TFLITE_FULLY_CONNECTED, x, maker_constant(m, &w[0]), maker_constant(m, &w[1]),
                            maker_value(m, 2, 1, width, 0, 0));
            m->operators[m->n_operators - 1].option[3] = 1;
            break;
        default: x = maker_apply(m, SL_TFLITE_SOFTMAX, x, -2, -2, maker_value(m, 2, 1, width, 0, 0)); break;
        }
        w += layer->n_tensors;
    }
    m->output = x;
}

/* ---- the bytes ---- */

static void maker_put(maker *m, size_t at, uint32_t value, size_t size)
{
    assert(at + size <= MAKER_BYTES);
    for (size_t i = 0; i < size; i++) m->bytes[at + i] = (unsigned char)(value >> (8 * i));
}

static size_t maker_room(maker *m, size_t size, size_t align)
{
    m->n = (m->n + align - 1) / align * align;
    const size_t at = m->n;
    m->n += size;
    assert(m->n <= MAKER_BYTES);
    return at;
}

static void maker_link(maker *m, size_t slot, size_t target)
{
    maker_put(m, slot, (uint32_t)(target - slot), 4);
}

/* A vtable and its table of n fields, each in a slot of 4 bytes; fields left out get sizes[i] = 0. Returns the table. */
static size_t maker_table(maker *m, int n, const int *sizes, size_t *slots)
{
    const size_t vtable = maker_room(m, 4 + 2 * (size_t)n, 4), table = maker_room(m, 4 + 4 * (size_t)n, 4);
    maker_put(m, vtable, (uint32_t)(4 + 2 * n), 2);
    maker_put(m, vtable + 2, (uint32_t)(4 + 4 * n), 2);
    maker_put(m, table, (uint32_t)(table - vtable), 4);
    for (int i = 0; i < n; i++) {
        slots[i] = table + 4 + 4 * (size_t)i;
        maker_put(m, vtable + 4 + 2 * (size_t)i, sizes[i] != 0 ? (uint32_t)(4 + 4 * i) : 0, 2);
    }
    return table;
}

/* A vector of n elements, of which `data` may be NULL: to be filled in. Returns where its length stands. */
static size_t maker_vector(maker *m, size_t n, size_t size, const void *data)
{
    const size_t at = maker_room(m, 4 + n * size, 4);
    maker_put(m, at, (uint32_t)n, 4);
    if (data != NULL && n > 0) memcpy(m->bytes + at + 4, data, n * size);
    return at;
}

static size_t maker_write_tensor(maker *m, int i)
{
    const maker_tensor *t = &m->tensors[i];
    size_t slot[5], q[4];
    const size_t table = maker_table(m, 5, (const int[]){1, 1, 1, 0, t->scale > 0}, slot);
    maker_link(m, slot[0], maker_vector(m, (size_t)t->rank, 4, t->shape));
    maker_put(m, slot[1], (uint32_t)t->type, 1);
    maker_put(m, slot[2], t->data != NULL ? (uint32_t)i + 1 : 0, 4);
    if (t->scale > 0) {
        const uint64_t zero = 0;
        maker_link(m, slot[4], maker_table(m, 4, (const int[]){0, 0, 1, 1}, q));
        maker_link(m, q[2], maker_vector(m, 1, 4, &t->scale));
        maker_link(m, q[3], maker_vector(m, 1, 8, &zero));
    }
    return table;
}

/* Options: byte-sized ones in the order of their numbers; CONV_2D and SOFTMAX have wider ones. */
static size_t maker_write_options(maker *m, const maker_operator *o)
{
    size_t slot[4];
    const size_t table = maker_table(m, 4, (const int[]){1, 1, 1, 1}, slot);
    if (o->code == SL_TFLITE_SOFTMAX) {
        const float beta = 1;
        memcpy(m->bytes + slot[0], &beta, 4);
        return table;
    }
    for (int i = 0; i < 4; i++) maker_put(m, slot[i], o->option[i], 1);
    if (o->code == SL_TFLITE_CONV_2D) {
        maker_put(m, slot[1], 1, 4);
        maker_put(m, slot[2], 1, 4);
    }
    return table;
}

static size_t maker_write_operator(maker *m, const maker_operator *o, const int *codes)
{
    size_t slot[5];
    uint32_t code = 0;
    while (codes[code] != o->code) code++;
    const size_t table = maker_table(m, 5, (const int[]){1, 1, 1, 1, 1}, slot);
    maker_put(m, slot[0], code, 4);
    maker_link(m, slot[1], maker_vector(m, (size_t)o->n_inputs, 4, o->inputs));
    maker_link(m, slot[2], maker_vector(m, 1, 4, &o->output));
    maker_put(m, slot[3], 1, 1);
    maker_link(m, slot[4], maker_write_options(m, o));
    return table;
}

static void maker_write_buffers(maker *m, size_t slot)
{
    const size_t n = (size_t)m->n_tensors + 1, buffers = maker_vector(m, n, 4, NULL);
    maker_link(m, slot, buffers);
    for (size_t i = 0; i < n; i++) {
        const maker_tensor *t = i > 0 ? &m->tensors[i - 1] : NULL;
        size_t data;
        maker_link(m, buffers + 4 + 4 * i, maker_table(m, 1, (const int[]){t != NULL && t->data != NULL}, &data));
        if (t != NULL && t->data != NULL) maker_link(m, data, maker_vector(m, t->n_bytes, 1, t->data));
    }
}

static int maker_collect_codes(const maker *m, int *codes)
{
    int n = 0;
    for (int i = 0; i < m->n_operators; i++) {
        int k = 0;
        while (k < n && codes[k] != m->operators[i].code) k++;
        if (k == n) codes[n++] = m->operators[i].code;
    }
    return n;
}

static void maker_write(maker *m)
{
    int codes[MAKER_CODES];
    const int n_codes = maker_collect_codes(m, codes);
    size_t model[5], graph[4], slot[4];
    maker_room(m, 8, 4);
    memcpy(m->bytes + 4, "TFL3", 4);
    maker_link(m, 0, maker_table(m, 5, (const int[]){1, 1, 1, 0, 1}, model));
    maker_put(m, model[0], 3, 4);
    const size_t code_list = maker_vector(m, (size_t)n_codes, 4, NULL);
    maker_link(m, model[1], code_list);
    for (int i = 0; i < n_codes; i++) {
        maker_link(m, code_list + 4 + 4 * (size_t)i, maker_table(m, 4, (const int[]){1, 0, 1, 1}, slot));
        maker_put(m, slot[0], (uint32_t)(codes[i] < 127 ? codes[i] : 127), 1);
        maker_put(m, slot[2], 1, 4);
        maker_put(m, slot[3], (uint32_t)codes[i], 4);
    }
    const size_t graphs = maker_vector(m, 1, 4, NULL);
    maker_link(m, model[2], graphs);
    maker_link(m, graphs + 4, maker_table(m, 4, (const int[]){1, 1, 1, 1}, graph));
    const size_t tensors = maker_vector(m, (size_t)m->n_tensors, 4, NULL);
    maker_link(m, graph[0], tensors);
    for (int i = 0; i < m->n_tensors; i++) maker_link(m, tensors + 4 + 4 * (size_t)i, maker_write_tensor(m, i));
    maker_link(m, graph[1], maker_vector(m, 1, 4, &m->input));
    maker_link(m, graph[2], maker_vector(m, 1, 4, &m->output));
    const size_t operators = maker_vector(m, (size_t)m->n_operators, 4, NULL);
    maker_link(m, graph[3], operators);
    for (int i = 0; i < m->n_operators; i++) {
        const int from = m->reverse ? m->n_operators - 1 - i : i;
        maker_link(m, operators + 4 + 4 * (size_t)i, maker_write_operator(m, &m->operators[from], codes));
    }
    maker_write_buffers(m, model[4]);
}

/* Gives a maker whose bytes are the file; free with maker_free. Parts' positions must be a table. */
static maker *maker_tflite(const sl_model_parts *parts, bool reverse)
{
    maker *m = calloc(1, sizeof *m);
    assert(m != NULL);
    m->bytes = calloc(1, MAKER_BYTES);
    assert(m->bytes != NULL);
    m->reverse = reverse;
    maker_graph(m, parts);
    maker_write(m);
    return m;
}

static void maker_free(maker *m)
{
    free(m->bytes);
    free(m);
}

#endif
