/*
 * model/parts.h - what a model file says, as plain C: the contract, a list of
 * layers, and the tensors that they take. Read by model_flat.cc, checked by
 * network.c and layers_*.c, made by the importer, by training and by tests.
 */
#ifndef SL_MODEL_PARTS_H
#define SL_MODEL_PARTS_H

#include "model/novelty.h"
#include "starling/base.h"
#include "starling/contract.h"

enum {
    SL_MODEL_FORMAT = 1, /* the newest format version that this build reads, and the one it writes */
    SL_MAX_LAYERS = 128,
    SL_MAX_TENSORS = 2048,
    SL_MAX_RANK = 4,
    SL_MAX_WIDTH = 4096,
    SL_MAX_HIDDEN = 16384,
    SL_MAX_STEPS = SL_MAX_GRID_LENGTH + SL_MAX_EXTRAS,
    SL_MAX_KERNEL = 64,
    SL_MAX_PARAMETERS = 64 << 20
};

/* The numbers are those of the file. */
typedef enum sl_layer_kind {
    SL_LAYER_CONV1D = 1,
    SL_LAYER_POSITIONS = 2,
    SL_LAYER_ENCODER = 3,
    SL_LAYER_MEAN_OVER_TIME = 4,
    SL_LAYER_DENSE = 5,
    SL_LAYER_SOFTMAX = 6,
    SL_LAYER_FEATURES = 7,
    SL_LAYER_GRU = 8,
    SL_LAYER_LSTM = 9,
    SL_LAYER_TCN = 10,
    SL_LAYER_MAX_POOL = 11,
    SL_LAYER_FLATTEN = 12,
    SL_LAYER_LAST_STEP = 13,
    SL_LAYER_NORM = 14,
    SL_N_LAYER_KINDS
} sl_layer_kind;

typedef enum sl_activation {
    SL_ACTIVATION_NONE = 0,
    SL_ACTIVATION_RELU = 1,
    SL_ACTIVATION_SILU = 2, /* dense layers and norms only */
    SL_N_ACTIVATIONS
} sl_activation;

typedef enum sl_storage {
    SL_STORAGE_FLOAT32 = 0,
    SL_STORAGE_INT8 = 1,
    SL_STORAGE_BFLOAT16 = 2,
    SL_N_STORAGES
} sl_storage;

/* The order of an encoder's tensors. Matrices are (out x in), row-major. */
enum {
    SL_ENCODER_WQ, /* heads key_dim x width */
    SL_ENCODER_BQ,
    SL_ENCODER_WK,
    SL_ENCODER_BK,
    SL_ENCODER_WV,
    SL_ENCODER_BV,
    SL_ENCODER_WO, /* width x heads key_dim */
    SL_ENCODER_BO,
    SL_ENCODER_GAMMA1, /* width */
    SL_ENCODER_BETA1,
    SL_ENCODER_W1, /* hidden x width */
    SL_ENCODER_B1,
    SL_ENCODER_W2, /* width x hidden */
    SL_ENCODER_B2,
    SL_ENCODER_GAMMA2,
    SL_ENCODER_BETA2,
    SL_ENCODER_TENSORS
};

/* The order of the tensors of a direction of a recurrent layer, and of a residual block of causal convolutions. */
enum { SL_RECURRENT_WX, SL_RECURRENT_BX, SL_RECURRENT_WH, SL_RECURRENT_BH, SL_RECURRENT_TENSORS };
enum { SL_TCN_W1, SL_TCN_B1, SL_TCN_W2, SL_TCN_B2, SL_TCN_WS, SL_TCN_BS, SL_TCN_TENSORS };

/* One step of the network; see schema/model.fbs for the fields, docs/format.md for the arithmetic. */
typedef struct sl_layer {
    sl_layer_kind kind;
    sl_activation activation;
    uint32_t n_tensors;
    uint32_t units, kernel, heads, key_dim, hidden;
    float epsilon;
    uint32_t dilation, pool_steps, pool_channels;
    bool bidirectional;
} sl_layer;

/* How a packed tensor stood in its file, for people. */
typedef struct sl_tensor_packed {
    uint8_t kind, coding; /* sl_packed_kind, sl_coding */
    bool finite;          /* as floats that could not be else */
    uint16_t n_values;    /* in its codebook, 0 left out */
    double bits;          /* that it took */
} sl_tensor_packed;

typedef struct sl_tensor {
    sl_storage storage;
    float scale;   /* int8: value = scale * integer */
    const float *row_scale; /* int8: where there is one, a scale for each of shape[0] rows in its place; packed models only */
    uint32_t rank; /* 0: the layer implies the shape */
    uint32_t shape[SL_MAX_RANK];
    const void *data; /* borrowed; null only where the file has no byte at that place */
    size_t n_bytes;   /* writing: exactly those of the tensor; reading: as many as there are to the end of the file's weights */
    sl_str name;      /* borrowed, may be empty */
    size_t n;         /* numbers in it: set when its layer takes it */
    sl_tensor_packed packed; /* reading a packed model */
} sl_tensor;

/* The scale of an int8 tensor's number i; t->n and its shape must be known. */
static inline float sl_tensor_scale(const sl_tensor *t, size_t i)
{
    return t->row_scale != NULL ? t->row_scale[i / (t->n / t->shape[0])] : t->scale;
}

/* See model/packed.h. */
typedef struct sl_packing sl_packing;
typedef struct sl_packed_reader sl_packed_reader;
typedef struct sl_packed {
    const void *stream, *bytes; /* stream NULL: not packed */
    size_t n_stream, n_bytes;
} sl_packed;

typedef struct sl_model_parts {
    uint32_t format_version;
    sl_contract contract;
    float temperature; /* what goes into the last softmax is divided by it; writing: 0 stands for 1 */
    const sl_novelty *novelty; /* or NULL */
    size_t n_layers, n_tensors;
    sl_layer *layers;
    sl_tensor *tensors;
    const sl_packing *packing; /* writing: how to pack the model; NULL: a tensor after the other, as they are */
    sl_packed packed;          /* reading: borrowed from the file; writing: if it is there, it is what is written */
    sl_packed_reader *reader;  /* reading a packed model: where its tensors come from */
} sl_model_parts;

#endif
