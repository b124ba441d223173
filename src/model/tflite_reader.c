#include "model/tflite_reader.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { MAX_TENSORS = 65536, MAX_OPERATORS = 65536, MAX_CODES = 1024 };

/*
 * FlatBuffers, as far as it goes here: a table begins with a signed distance
 * back to its vtable; the vtable has 16-bit numbers: its own size, the
 * table's, and for each field the distance from the table's start, 0 where
 * the field is left out. Strings, vectors and tables inside others are
 * 32-bit distances forward. A reader that has seen nonsense gives zeros from
 * then on and remembers that in `broken`.
 */
typedef struct reader {
    const unsigned char *bytes;
    size_t n;
    bool broken;
} reader;

typedef struct table {
    size_t at, vtable, vtable_size;
} table;

typedef struct vector {
    size_t at; /* of the first element */
    uint32_t n;
} vector;

static uint32_t number(reader *r, size_t at, size_t size)
{
    if (at > r->n || size > r->n - at) {
        r->broken = true;
        return 0;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) value |= (uint32_t)r->bytes[at + i] << (8 * i);
    return value;
}

/* Where the distance stored at `at` leads to. */
static size_t follow(reader *r, size_t at)
{
    const uint32_t distance = number(r, at, 4);
    if (distance == 0) r->broken = true;
    return r->broken ? 0 : at + distance;
}

static table open_table(reader *r, size_t at)
{
    table t = {.at = at};
    const int64_t vtable = (int64_t)at - (int32_t)number(r, at, 4);
    if (vtable < 0) r->broken = true;
    if (r->broken) return (table){0};
    t.vtable = (size_t)vtable;
    t.vtable_size = number(r, t.vtable, 2);
    return t;
}

/* Where field `i` of the table lies, or 0 where it is left out. */
static size_t field(reader *r, const table *t, unsigned i)
{
    const size_t slot = 4 + 2 * (size_t)i;
    if (r->broken || slot + 2 > t->vtable_size) return 0;
    const uint32_t distance = number(r, t->vtable + slot, 2);
    return distance == 0 ? 0 : t->at + distance;
}

static uint32_t scalar(reader *r, const table *t, unsigned i, size_t size, uint32_t otherwise)
{
    const size_t at = field(r, t, i);
    return at == 0 ? otherwise : number(r, at, size);
}

static vector open_vector(reader *r, const table *t, unsigned i, size_t element)
{
    const size_t slot = field(r, t, i);
    if (slot == 0) return (vector){0};
    const size_t at = follow(r, slot);
    const uint32_t n = number(r, at, 4);
    if (r->broken || (uint64_t)n * element > r->n - at - 4) {
        r->broken = true;
        return (vector){0};
    }
    return (vector){at + 4, n};
}

static table child(reader *r, const table *t, unsigned i)
{
    const size_t slot = field(r, t, i);
    return slot == 0 ? (table){0} : open_table(r, follow(r, slot));
}

static table element(reader *r, vector v, uint32_t i)
{
    return open_table(r, follow(r, v.at + 4 * (size_t)i));
}

static float float_at(reader *r, size_t at)
{
    const uint32_t bits = number(r, at, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* QuantizationParameters: 2 scale [float], 3 zero_point [int64] */
static void read_quantization(reader *r, const table *t, sl_tflite_tensor *out)
{
    const table q = child(r, t, 4);
    if (q.at == 0) return;
    const vector scale = open_vector(r, &q, 2, 4), zero = open_vector(r, &q, 3, 8);
    if (scale.n == 1) out->scale = float_at(r, scale.at);
    if (zero.n == 1) {
        out->zero_point =
            (int64_t)((uint64_t)number(r, zero.at, 4) | (uint64_t)number(r, zero.at + 4, 4) << 32);
    }
}

/* Tensor: 0 shape [int], 1 type, 2 buffer, 3 name, 4 quantization, 7 shape_signature [int],
   which has -1 where shape has a placeholder. Buffer: 0 data [byte]. */
static void read_tensor(reader *r, table t, vector buffers, sl_tflite_tensor *out)
{
    *out = (sl_tflite_tensor){.producer = -1, .type = (int)scalar(r, &t, 1, 1, 0)};
    vector shape = open_vector(r, &t, 7, 4);
    if (shape.n == 0) shape = open_vector(r, &t, 0, 4);
    out->rank = shape.n <= SL_TFLITE_MAX_RANK ? shape.n : SL_TFLITE_MAX_RANK + 1;
    for (uint32_t i = 0; i < shape.n && i < SL_TFLITE_MAX_RANK; i++) {
        out->shape[i] = (int32_t)number(r, shape.at + 4 * (size_t)i, 4);
    }
    const vector name = open_vector(r, &t, 3, 1);
    if (name.at != 0) out->name = (sl_str){(const char *)r->bytes + name.at, name.n};
    const uint32_t buffer = scalar(r, &t, 2, 4, 0);
    if (buffer >= buffers.n) {
        r->broken = true;
        return;
    }
    const table b = element(r, buffers, buffer);
    const vector data = open_vector(r, &b, 0, 1);
    if (data.n > 0) {
        out->data = r->bytes + data.at;
        out->n_bytes = data.n;
    }
    read_quantization(r, &t, out);
}

/* The number of each option within its operator's table. */
static void read_options(reader *r, const table *t, int code, sl_tflite_options *out)
{
    out->stride_w = out->stride_h = out->dilation_w = out->dilation_h = 1;
    if (t->at == 0) return;
    switch (code) {
    case SL_TFLITE_CONV_2D:
        out->padding = (uint8_t)scalar(r, t, 0, 1, 0);
        out->stride_w = (int32_t)scalar(r, t, 1, 4, 0);
        out->stride_h = (int32_t)scalar(r, t, 2, 4, 0);
        out->activation = (uint8_t)scalar(r, t, 3, 1, 0);
        out->dilation_w = (int32_t)scalar(r, t, 4, 4, 1);
        out->dilation_h = (int32_t)scalar(r, t, 5, 4, 1);
        break;
    case SL_TFLITE_FULLY_CONNECTED:
        out->activation = (uint8_t)scalar(r, t, 0, 1, 0);
        out->weights_format = (uint8_t)scalar(r, t, 1, 1, 0);
        out->asymmetric_inputs = scalar(r, t, 3, 1, 0) != 0;
        break;
    case SL_TFLITE_ADD:
    case SL_TFLITE_MUL:
    case SL_TFLITE_SUB:
    case SL_TFLITE_DIV: out->activation = (uint8_t)scalar(r, t, 0, 1, 0); break;
    case SL_TFLITE_BATCH_MATMUL:
        out->adjoint_x = scalar(r, t, 0, 1, 0) != 0;
        out->adjoint_y = scalar(r, t, 1, 1, 0) != 0;
        break;
    case SL_TFLITE_SOFTMAX: {
        const size_t at = field(r, t, 0);
        out->beta = at != 0 ? float_at(r, at) : 0;
        break;
    }
    default: break;
    }
}

/* Operator: 0 opcode_index, 1 inputs [int], 2 outputs [int], 4 builtin_options.
   OperatorCode: 0 the code as a byte (old), 3 the code as an int; the larger one holds. */
static void read_operator(reader *r, table t, vector codes, sl_tflite_operator *out)
{
    *out = (sl_tflite_operator){.code = -1};
    const uint32_t index = scalar(r, &t, 0, 4, 0);
    if (index >= codes.n) {
        r->broken = true;
        return;
    }
    const table c = element(r, codes, index);
    const int old = (int8_t)scalar(r, &c, 0, 1, 0), new = (int32_t)scalar(r, &c, 3, 4, 0);
    out->code = old > new ? old : new;
    const vector inputs = open_vector(r, &t, 1, 4), outputs = open_vector(r, &t, 2, 4);
    out->n_inputs = inputs.n;
    out->n_outputs = outputs.n;
    for (uint32_t i = 0; i < SL_TFLITE_MAX_ARGS; i++) {
        out->inputs[i] = i < inputs.n ? (int32_t)number(r, inputs.at + 4 * (size_t)i, 4) : -1;
    }
    out->outputs[0] = outputs.n > 0 ? (int32_t)number(r, outputs.at, 4) : -1;
    const table options = child(r, &t, 4);
    read_options(r, &options, out->code, &out->options);
}

static sl_status check_indices(sl_tflite_graph *g, sl_error *err)
{
    for (uint32_t i = 0; i < g->n_operators; i++) {
        const sl_tflite_operator *o = &g->operators[i];
        for (uint32_t k = 0; k < SL_TFLITE_MAX_ARGS; k++) {
            if (o->inputs[k] < -1 || o->inputs[k] >= (int64_t)g->n_tensors) {
                return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "TFLite: operator %u reads tensor %d of %u", i,
                               o->inputs[k], g->n_tensors);
            }
        }
        if (o->outputs[0] < -1 || o->outputs[0] >= (int64_t)g->n_tensors) {
            return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "TFLite: operator %u writes tensor %d of %u", i,
                           o->outputs[0], g->n_tensors);
        }
        if (o->outputs[0] >= 0) g->tensors[o->outputs[0]].producer = (int)i;
    }
    return SL_OK;
}

/* Model: 1 operator_codes, 2 subgraphs, 4 buffers. SubGraph: 0 tensors, 1 inputs, 2 outputs, 3 operators. */
sl_status sl_tflite_read(const void *bytes, size_t n_bytes, sl_arena *arena, sl_tflite_graph *out, sl_error *err)
{
    reader r = {.bytes = bytes, .n = n_bytes};
    if (n_bytes < 8 || memcmp(r.bytes + 4, "TFL3", 4) != 0) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_UNKNOWN_FORMAT, "not a TFLite file");
    }
    const table model = open_table(&r, follow(&r, 0));
    const vector codes = open_vector(&r, &model, 1, 4), graphs = open_vector(&r, &model, 2, 4);
    const vector buffers = open_vector(&r, &model, 4, 4);
    if (r.broken || graphs.n == 0) return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "TFLite file is damaged");
    const table graph = element(&r, graphs, 0);
    const vector tensors = open_vector(&r, &graph, 0, 4), operators = open_vector(&r, &graph, 3, 4);
    const vector inputs = open_vector(&r, &graph, 1, 4), outputs = open_vector(&r, &graph, 2, 4);
    if (tensors.n > MAX_TENSORS || operators.n > MAX_OPERATORS || codes.n > MAX_CODES) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "TFLite: %u tensors, %u operators", tensors.n,
                       operators.n);
    }
    *out = (sl_tflite_graph){.n_tensors = tensors.n, .n_operators = operators.n,
                             .tensors = SL_ARENA_NEW(arena, sl_tflite_tensor, tensors.n),
                             .operators = SL_ARENA_NEW(arena, sl_tflite_operator, operators.n)};
    if (out->tensors == NULL || out->operators == NULL) return SL_FAIL_NOMEM(err);
    for (uint32_t i = 0; i < tensors.n && !r.broken; i++) {
        read_tensor(&r, element(&r, tensors, i), buffers, &out->tensors[i]);
    }
    for (uint32_t i = 0; i < operators.n && !r.broken; i++) {
        read_operator(&r, element(&r, operators, i), codes, &out->operators[i]);
    }
    if (!r.broken && inputs.n == 1 && outputs.n == 1) {
        out->input = (int32_t)number(&r, inputs.at, 4);
        out->output = (int32_t)number(&r, outputs.at, 4);
    } else if (!r.broken) {
        return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "TFLite: %u inputs and %u outputs, one of each is read",
                       inputs.n, outputs.n);
    }
    if (r.broken || out->input < 0 || out->input >= (int64_t)tensors.n || out->output < 0 ||
        out->output >= (int64_t)tensors.n) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "TFLite file is cut or damaged");
    }
    return check_indices(out, err);
}

const char *sl_tflite_operator_name(int code, char text[32])
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {SL_TFLITE_ADD, "ADD"}, {1, "AVERAGE_POOL_2D"}, {2, "CONCATENATION"}, {SL_TFLITE_CONV_2D, "CONV_2D"},
        {4, "DEPTHWISE_CONV_2D"}, {SL_TFLITE_FULLY_CONNECTED, "FULLY_CONNECTED"}, {14, "LOGISTIC"}, {16, "LSTM"},
        {17, "MAX_POOL_2D"}, {SL_TFLITE_MUL, "MUL"}, {SL_TFLITE_RELU, "RELU"}, {SL_TFLITE_RESHAPE, "RESHAPE"},
        {SL_TFLITE_SOFTMAX, "SOFTMAX"}, {28, "TANH"}, {36, "GATHER"}, {SL_TFLITE_TRANSPOSE, "TRANSPOSE"},
        {SL_TFLITE_MEAN, "MEAN"}, {SL_TFLITE_SUB, "SUB"}, {SL_TFLITE_DIV, "DIV"}, {SL_TFLITE_SQUEEZE, "SQUEEZE"},
        {44, "UNIDIRECTIONAL_SEQUENCE_LSTM"}, {45, "STRIDED_SLICE"}, {SL_TFLITE_EXPAND_DIMS, "EXPAND_DIMS"},
        {SL_TFLITE_RSQRT, "RSQRT"}, {SL_TFLITE_SQUARED_DIFFERENCE, "SQUARED_DIFFERENCE"},
        {SL_TFLITE_BATCH_MATMUL, "BATCH_MATMUL"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].code == code) return names[i].name;
    }
    snprintf(text, 32, "operator %d", code);
    return text;
}
