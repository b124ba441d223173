/*
 * model/tflite_reader.h - a TFLite file's graph, read with every access
 * bounded. A TFLite file is a FlatBuffer (file identifier "TFL3"); only the
 * few tables and fields that t2 needs are looked at, by their numbers in the
 * format.
 */
#ifndef SL_MODEL_TFLITE_READER_H
#define SL_MODEL_TFLITE_READER_H

#include "base/arena.h"
#include "starling/base.h"

enum { SL_TFLITE_MAX_RANK = 4, SL_TFLITE_MAX_ARGS = 4 };

/* Builtin operators by their numbers in the format. */
typedef enum sl_tflite_code {
    SL_TFLITE_ADD = 0,
    SL_TFLITE_CONV_2D = 3,
    SL_TFLITE_FULLY_CONNECTED = 9,
    SL_TFLITE_MUL = 18,
    SL_TFLITE_RELU = 19,
    SL_TFLITE_RESHAPE = 22,
    SL_TFLITE_SOFTMAX = 25,
    SL_TFLITE_TRANSPOSE = 39,
    SL_TFLITE_MEAN = 40,
    SL_TFLITE_SUB = 41,
    SL_TFLITE_DIV = 42,
    SL_TFLITE_SQUEEZE = 43,
    SL_TFLITE_EXPAND_DIMS = 70,
    SL_TFLITE_RSQRT = 76,
    SL_TFLITE_SQUARED_DIFFERENCE = 99,
    SL_TFLITE_BATCH_MATMUL = 126
} sl_tflite_code;

typedef enum sl_tflite_type { SL_TFLITE_FLOAT32 = 0, SL_TFLITE_INT32 = 2, SL_TFLITE_INT8 = 9 } sl_tflite_type;

typedef struct sl_tflite_tensor {
    int type;
    uint32_t rank; /* SL_TFLITE_MAX_RANK + 1 for any higher one */
    int32_t shape[SL_TFLITE_MAX_RANK]; /* -1: known at run time only */
    sl_str name;
    const unsigned char *data; /* NULL for a value that is computed */
    size_t n_bytes;
    float scale; /* of int8; 0 where there is none, or more than one */
    int64_t zero_point;
    int producer; /* index of the operator that computes it, or -1 */
} sl_tflite_tensor;

/* What of an operator's options anybody asks for. */
typedef struct sl_tflite_options {
    uint8_t activation;     /* 0 none, 1 relu: CONV_2D, FULLY_CONNECTED, ADD, MUL, SUB, DIV */
    uint8_t padding;        /* CONV_2D: 0 same, 1 valid */
    int32_t stride_w, stride_h, dilation_w, dilation_h; /* CONV_2D */
    uint8_t weights_format; /* FULLY_CONNECTED */
    bool asymmetric_inputs; /* FULLY_CONNECTED */
    bool adjoint_x, adjoint_y; /* BATCH_MATMUL */
    float beta;             /* SOFTMAX */
} sl_tflite_options;

typedef struct sl_tflite_operator {
    int code;
    uint32_t n_inputs, n_outputs; /* may be more than are kept */
    int32_t inputs[SL_TFLITE_MAX_ARGS]; /* -1: left out */
    int32_t outputs[1];
    sl_tflite_options options;
} sl_tflite_operator;

typedef struct sl_tflite_graph {
    uint32_t n_tensors, n_operators;
    sl_tflite_tensor *tensors;
    sl_tflite_operator *operators;
    int32_t input, output;
} sl_tflite_graph;

/* Read the first subgraph, which must have one input and one output. Allocates
   from the arena, borrows bytes. SL_ERR_FORMAT, SL_ERR_NOMEM. */
sl_status sl_tflite_read(const void *bytes, size_t n_bytes, sl_arena *arena, sl_tflite_graph *out, sl_error *err);

/* "FULLY_CONNECTED", or "operator 123". `text` has room for 32. */
const char *sl_tflite_operator_name(int code, char text[32]);

#endif
