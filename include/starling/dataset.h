/*
 * starling/dataset.h - a file of prepared training data: inputs of the network
 * and what is known about each, memory-mapped, so that an epoch costs no fit.
 *
 * A row is one view of an object: the whole light curve as it is (copy 0), or
 * a changed one (copy 1, 2, ...). docs/dataset.md tells the layout of the file.
 */
#ifndef STARLING_DATASET_H
#define STARLING_DATASET_H

#include "starling/base.h"
#include "starling/contract.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How inputs are stored. The numbers are those of the file. */
typedef enum sl_dataset_storage {
    SL_DATASET_FLOAT32 = 0,
    SL_DATASET_FLOAT16 = 1, /* half the room; to 1/2048 of a value, and what is beyond +-65504 becomes that */
    SL_N_DATASET_STORAGES
} sl_dataset_storage;

/* What is known about a row, beside its input. */
typedef struct sl_dataset_row {
    sl_str object_id; /* reading: borrows from the file */
    uint32_t object;  /* index of the object, 0 .. sl_dataset_objects - 1; all rows of one stand together. Writing: ignored */
    uint32_t copy;    /* 0: the whole light curve as it is; at most 65535 */
    int label;        /* index into the contract's classes, or -1 where it is none of them or not known */
    uint32_t n_points; /* that the contract let in */
    float days;        /* from the first detection to the last point [d] */
    float redshift;    /* NaN if none */
    float redshift_error; /* NaN if none */
} sl_dataset_row;

typedef struct sl_dataset sl_dataset;

/*
 * Map a file and check all of it: the bounds of every part, the contract,
 * every label and object, and that every number of the inputs is finite.
 * Gives; close with sl_dataset_close; any number of threads may read it.
 * SL_ERR_IO; SL_ERR_FORMAT says what is wrong; SL_ERR_UNSUPPORTED for another
 * version. Cost: one pass over the file, for its name and the check.
 */
SL_API sl_status sl_dataset_open(const char *path, sl_dataset **out, sl_error *err);
/* The same from memory, aligned to 64 bytes. Borrows bytes until sl_dataset_close. */
SL_API sl_status sl_dataset_open_memory(const void *bytes, size_t n_bytes, sl_dataset **out, sl_error *err);
SL_API void sl_dataset_close(sl_dataset *dataset);

/* Borrowed from the data set; how it scales features is how the inputs' are scaled. */
SL_API const sl_contract *sl_dataset_contract(const sl_dataset *dataset);
/* 16 hexadecimal digits: XXH3-64 of the file's bytes. */
SL_API const char *sl_dataset_id(const sl_dataset *dataset);
SL_API size_t sl_dataset_rows(const sl_dataset *dataset);
SL_API size_t sl_dataset_objects(const sl_dataset *dataset);
SL_API sl_dataset_storage sl_dataset_stored_as(const sl_dataset *dataset);

/* Row i of sl_dataset_rows. */
SL_API void sl_dataset_get(const sl_dataset *dataset, size_t i, sl_dataset_row *out);
/*
 * The input of row i, sl_contract_input_floats of them: borrowed from the file
 * where it is float32 (aligned to 4 bytes), else unpacked into `room`, which is
 * then what is returned.
 */
SL_API const float *sl_dataset_input(const sl_dataset *dataset, size_t i, float *room);

/* Whether both have the same views of the same objects in the same order, with the same labels and classes; the inputs may be
   others. */
SL_API bool sl_dataset_same_rows(const sl_dataset *a, const sl_dataset *b);

/* ---- writing ---- */

typedef struct sl_dataset_writer sl_dataset_writer;

/*
 * Begin a file; it gets its name when it is whole. Copies the contract, which
 * must pass sl_contract_check. With fit_features the values of the features
 * in each input are raw, NaN where missing. Over all rows are found, stored in
 * the contract and applied: with feature_knots the quantiles (k + 1/2) / K of
 * each, rounded by at most a fifth of the way to the next one; without, its centre and spread (the median; the larger of IQR / 1.349
 * and (q95 - q5) / 3.29, else the root mean square from the median, else 1).
 * Gives; free with _free. SL_ERR_IO, SL_ERR_NOMEM.
 */
SL_API sl_status sl_dataset_writer_new(const char *path, const sl_contract *contract, sl_dataset_storage storage,
                                       bool fit_features, sl_dataset_writer **out, sl_error *err);
/*
 * Add a row; rows of one object (the same object_id) one behind the other.
 * Borrows everything. SL_ERR_NUMERIC where the input is not finite, SL_ERR_INVAL
 * for a label or copy beyond its bounds; the row is then not in the file.
 * After any other error only _free is left.
 */
SL_API sl_status sl_dataset_writer_add(sl_dataset_writer *writer, const sl_dataset_row *row, const float *input,
                                       sl_error *err);
/* Write what is left and give the file its name. Nothing can be added any more. */
SL_API sl_status sl_dataset_writer_finish(sl_dataset_writer *writer, sl_error *err);
/* What was not finished is removed. */
SL_API void sl_dataset_writer_free(sl_dataset_writer *writer);

/* ---- fewer times ---- */

/*
 * The contract of a network that sees every k-th time of the grid, the first
 * and the last included. SL_ERR_CONTRACT where the grid of so many steps would
 * hold other numbers than those: k does not divide the steps between the first
 * and the last, the scaling or features depend on the whole grid (median_iqr;
 * those of the fit), or there is no grid. The contract stays as it was then.
 */
SL_API sl_status sl_contract_thin(sl_contract *contract, uint32_t every, sl_error *err);
/* Write the same rows with every k-th time: what preparing with so many steps would give. Errors as sl_contract_thin and
   sl_dataset_writer_new. */
SL_API sl_status sl_dataset_thin(const sl_dataset *data, uint32_t every, const char *path, sl_error *err);

#ifdef __cplusplus
}
#endif
#endif
