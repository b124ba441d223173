/*
 * starling/model.h - the model file, and the network in it.
 *
 * A model is opened once and then only read: any number of threads may share
 * it. Each thread runs it with a runner of its own.
 */
#ifndef STARLING_MODEL_H
#define STARLING_MODEL_H

#include "starling/base.h"
#include "starling/contract.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sl_model sl_model;

/* What a model file is known by: these four bytes stand at its byte 4. */
#define SL_MODEL_IDENTIFIER "STLG"
enum { SL_MODEL_IDENTIFIER_AT = 4 };

/*
 * Open a model file: map, verify, check the contract, the layers and every
 * shape. Gives; close with sl_model_close. SL_ERR_IO; SL_ERR_FORMAT (what is
 * wrong and where); SL_ERR_UNSUPPORTED where the file has a version, a layer
 * or a storage that this build does not know. docs/format.md tells the format.
 * Cost: 15 us for t2, warm; packed, 83 us for 55 000 weights, a tenth of them not zero.
 */
SL_API sl_status sl_model_open(const char *path, sl_model **out, sl_error *err);
/* The same from memory. Borrows bytes until sl_model_close; copies them where
   they are not aligned to 64. */
SL_API sl_status sl_model_open_memory(const void *bytes, size_t n_bytes, sl_model **out, sl_error *err);
SL_API void sl_model_close(sl_model *model);

/* The name of the i-th model that the library carries, or NULL behind the last. models/README.md tells of them. */
SL_API const char *sl_model_embedded(size_t index);
/* Is it one of those that alerts are given to where no model is named? The others are small copies of these. */
SL_API bool sl_model_embedded_unasked(size_t index);
/* Open it as sl_model_open_memory would. SL_ERR_INVAL where there is none of that name. */
SL_API sl_status sl_model_open_embedded(const char *name, sl_model **out, sl_error *err);

/* Borrowed from the model. */
SL_API const sl_contract *sl_model_contract(const sl_model *model);
/* 16 hexadecimal digits: XXH3-64 of the file's bytes (`xxhsum -H3 FILE` prints the same). */
SL_API const char *sl_model_id(const sl_model *model);

/* One layer, for people. */
typedef struct sl_layer_info {
    const char *kind;  /* "conv1d", "attention", ... */
    char shape[96];    /* "32 -> 128, relu" */
    size_t n_parameters;
    size_t n_bytes;      /* as stored */
    const char *storage; /* "float32", "bfloat16", "int8", ... */
    double flop;         /* 2 x multiply-adds of one forward pass */
} sl_layer_info;

/* One tensor as it stands in the file, for people. */
typedef struct sl_tensor_info {
    size_t layer;        /* whose it is */
    char shape[48];      /* "128 x 288" */
    size_t n_weights, n_zeros;
    const char *storage; /* "float32", "int8", "codebook", ... */
    const char *coding;  /* of indices in a packed model: "plain", "huffman", "rans"; "" of others */
    unsigned n_values;   /* in its codebook, 0 left out; 0 where it has none */
    double n_bytes;      /* that it takes; in a coded stream there are parts of them */
} sl_tensor_info;

/* How a model tells that an input is unlike what it was trained on. The numbers are those of the file. */
typedef enum sl_novelty_kind {
    SL_NOVELTY_NEAREST = 1,  /* squared Mahalanobis distance to the nearest class, before the last dense layer and among
                                the directions in which the classes' means differ */
    SL_NOVELTY_ANSWER = 2,   /* to the class that is the answer; to the nearest where that one has no centre */
    SL_NOVELTY_ENERGY = 3,   /* - ln sum exp(logits) */
    SL_NOVELTY_RELATIVE = 4, /* as NEAREST, minus the distance from all inputs' mean under their own covariance */
    SL_N_NOVELTY_KINDS
} sl_novelty_kind;
/* "nearest", "answer", "energy", "relative"; "none" for 0. Never NULL. */
SL_API const char *sl_novelty_name(int kind);

typedef struct sl_model_info {
    uint32_t format_version;
    size_t file_bytes;
    size_t n_parameters;
    double flop; /* of one forward pass */
    uint32_t input_steps, input_channels, n_classes;
    uint32_t input_floats; /* of one input, features included */
    float temperature;     /* what goes into the last softmax is divided by it */
    uint32_t last_width;   /* channels into the dense layer before the softmax; 0 where there is none on a single step */
    int novelty;           /* sl_novelty_kind, 0 where the model tells none */
    size_t n_layers, n_tensors;
    bool packed; /* contract, layers and weights in one coded stream */
    bool answers_every_step; /* sl_runner_run_steps */
} sl_model_info;
SL_API void sl_model_describe(const sl_model *model, sl_model_info *out);
/* SL_ERR_INVAL beyond the last layer. */
SL_API sl_status sl_model_layer(const sl_model *model, size_t index, sl_layer_info *out, sl_error *err);
/* SL_ERR_INVAL beyond the last tensor. Cost: counts the zeros. */
SL_API sl_status sl_model_tensor(const sl_model *model, size_t index, sl_tensor_info *out, sl_error *err);

/*
 * Read a TFLite file of t2 (float32, or int8 weights with run-time quantised
 * activations) and write a model file with the given contract, whose classes,
 * channels and steps must fit the network: SL_ERR_CONTRACT where they do not.
 * Layers are recognised by their data flow, so the order of operators and
 * the names do not matter; SL_ERR_UNSUPPORTED names the first operator that is
 * no part of one, SL_ERR_FORMAT says that the bytes are damaged.
 * contract->source is taken as it is: the caller writes there what the file was.
 */
SL_API sl_status sl_model_import_tflite(const void *bytes, size_t n_bytes, const sl_contract *contract,
                                        const char *out_path, sl_error *err);

/* The network with the memory one thread needs, all of it taken here (t2: 0.23 MB).
   Gives; free with _free. Borrows the model. SL_ERR_NOMEM. */
typedef struct sl_runner sl_runner;
SL_API sl_status sl_runner_new(const sl_model *model, sl_runner **out, sl_error *err);
SL_API void sl_runner_free(sl_runner *runner);

/*
 * Run n inputs of sl_contract_input_floats floats each; p gets n x n_classes
 * probabilities. The answer to an input does not depend on its neighbours, bit
 * for bit, but on the instruction set in use (float32: by about 1e-5).
 * Allocates nothing.
 * SL_ERR_NUMERIC where one is not finite (index in the message).
 */
SL_API sl_status sl_runner_run(sl_runner *runner, size_t n, const float *input, float *p, sl_error *err);

/* What else a forward pass tells, for each of n inputs; NULL where it is not wanted. */
typedef struct sl_inside {
    float *logits;  /* n x n_classes: what goes into the softmax, before the division by the temperature */
    float *last;    /* n x last_width: what goes into the dense layer before it; SL_ERR_INVAL where last_width is 0 */
    float *novelty; /* n: the share of inputs of known classes that are less unlike the training set, in [0, 1];
                       SL_ERR_INVAL where the model has none. docs/format.md has the formula */
} sl_inside;

/* As sl_runner_run, which costs the same; novelty one multiply-add more for each number of its directions. */
SL_API sl_status sl_runner_run_inside(sl_runner *runner, size_t n, const float *input, float *p, const sl_inside *inside,
                                      sl_error *err);

/*
 * The same with an answer behind every step, as it would be if the input ended
 * there: p gets n x input_steps x n_classes probabilities, zeros behind the last
 * night of an input of nights. For networks that look backwards only and tell
 * what they know at the last step (RNN, TCN); sl_model_info says which, others
 * give SL_ERR_UNSUPPORTED.
 */
SL_API sl_status sl_runner_run_steps(sl_runner *runner, size_t n, const float *input, float *p, sl_error *err);

/* What one call of a kernel cost in a forward pass. */
typedef struct sl_profile_row {
    const char *kernel; /* "gemm", "attention", "norm", ... */
    char shape[48];     /* "32 -> 128, 112 lanes" */
    double flop;        /* operations, 2 a multiply-add; exponentials are not counted */
    double ns;          /* by the clock, some 20 ns for reading it included */
} sl_profile_row;

/*
 * As sl_runner_run of one input, and what each kernel cost: `rows` gets the
 * first `room` calls in their order, *n_rows is how many there were. The same
 * model makes the same calls for every input. For benchmarks.
 */
SL_API sl_status sl_runner_profile(sl_runner *runner, const float *input, float *p, size_t room, sl_profile_row *rows,
                                   size_t *n_rows, sl_error *err);

/* Measured: the most float32 operations a second (2 a multiply-add) that the calling thread's core does with the
   instruction set in use. Takes about a millisecond. */
SL_API double sl_runner_peak(void);

/* The kernels in use: "scalar", "avx2", "avx512", "avx512dot" (with the dot products of VNNI and BF16), "neon".
   The environment's STARLING_CPU chooses among those that the CPU can run; another name is passed over. */
SL_API const char *sl_runner_cpu(void);

#ifdef __cplusplus
}
#endif
#endif
