/* Reading a data-set file: nothing in it is believed before it has been checked. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"
#include "base/file.h"
#include "base/half.h"
#include "model/model_flat.h"
#include "train/dataset_file.h"

struct sl_dataset {
    sl_file file; /* empty for one from memory */
    const unsigned char *bytes;
    sl_contract contract;
    sl_dataset_storage storage;
    size_t n_rows, n_objects, input_floats;
    const void *part[SL_N_PARTS];
    char id[17];
};

static sl_status damaged(sl_error *err, const char *what)
{
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "data set: %s", what);
}

/* Size of an element of each part; 0: any size. */
static size_t element(const sl_dataset *d, int part)
{
    switch ((sl_dataset_part)part) {
    case SL_PART_INPUTS: return d->input_floats * (d->storage == SL_DATASET_FLOAT32 ? sizeof(float) : sizeof(uint16_t));
    case SL_PART_LABELS: return 1;
    case SL_PART_COPIES: return sizeof(uint16_t);
    case SL_PART_OBJECTS:
    case SL_PART_POINTS: return sizeof(uint32_t);
    case SL_PART_DAYS:
    case SL_PART_REDSHIFTS:
    case SL_PART_REDSHIFT_ERRORS: return sizeof(float);
    case SL_PART_NAME_ENDS: return sizeof(uint64_t);
    case SL_PART_CONTRACT:
    case SL_PART_NAMES:
    case SL_N_PARTS: break;
    }
    return 0;
}

static sl_status check_header(sl_dataset *d, const sl_dataset_header *h, size_t n_bytes, sl_error *err)
{
    if (n_bytes < sizeof *h || memcmp(h->identifier, SL_DATASET_IDENTIFIER, sizeof h->identifier) != 0) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_UNKNOWN_FORMAT, "not a data-set file of starling");
    }
    if (h->format_version != SL_DATASET_FORMAT || h->storage >= SL_N_DATASET_STORAGES || h->n_parts != SL_N_PARTS) {
        return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "data set of version %u, storage %u: this build reads %d",
                       h->format_version, h->storage, SL_DATASET_FORMAT);
    }
    if (h->n_rows > SL_DATASET_MOST_ROWS || h->n_objects > h->n_rows || h->input_floats > SL_DATASET_MOST_FLOATS) {
        return damaged(err, "too many rows, inputs too long, or more objects than rows");
    }
    d->storage = (sl_dataset_storage)h->storage;
    d->n_rows = h->n_rows;
    d->n_objects = h->n_objects;
    d->input_floats = h->input_floats;
    for (int p = 0; p < SL_N_PARTS; p++) {
        const uint64_t offset = h->part[p].offset, size = h->part[p].n_bytes;
        if (offset > n_bytes || size > n_bytes - offset || offset % SL_DATASET_ALIGN != 0) {
            return damaged(err, "a part lies beyond the end of the file");
        }
        const size_t n = p == SL_PART_NAME_ENDS ? d->n_objects : d->n_rows, each = element(d, p);
        if (each != 0 && size != n * each) return damaged(err, "a part has not the size that its rows need");
        d->part[p] = d->bytes + offset;
    }
    return SL_OK;
}

/* The contract must have been read. */
static sl_status check_rows(const sl_dataset *d, size_t names_bytes, sl_error *err)
{
    const uint8_t *label = d->part[SL_PART_LABELS];
    const uint32_t *object = d->part[SL_PART_OBJECTS];
    const uint64_t *end = d->part[SL_PART_NAME_ENDS];
    for (size_t i = 0; i < d->n_rows; i++) {
        if (label[i] >= d->contract.n_classes && label[i] != SL_DATASET_NO_LABEL) {
            return damaged(err, "a label is none of the contract's classes");
        }
        const uint32_t least = i > 0 ? object[i - 1] : 0;
        if (object[i] >= d->n_objects || object[i] < least || object[i] > least + (i > 0)) {
            return damaged(err, "rows of one object do not stand together");
        }
    }
    if (d->n_rows > 0 && object[d->n_rows - 1] + 1 != d->n_objects) return damaged(err, "an object without rows");
    for (size_t i = 0; i < d->n_objects; i++) {
        if (end[i] > names_bytes || end[i] < (i > 0 ? end[i - 1] : 0)) return damaged(err, "the names of objects overlap");
    }
    return SL_OK;
}

/* x * 0 is 0 for a finite x and NaN otherwise; a half is finite where its exponent is not all ones. */
static sl_status check_inputs(const sl_dataset *d, sl_error *err)
{
    const size_t n = d->n_rows * d->input_floats;
    bool finite = true;
    if (d->storage == SL_DATASET_FLOAT32) {
        const float *x = d->part[SL_PART_INPUTS];
        float sum[16] = {0};
        for (size_t i = 0; i + 16 <= n; i += 16) {
            for (size_t k = 0; k < 16; k++) sum[k] += x[i + k] * 0;
        }
        for (size_t i = n / 16 * 16; i < n; i++) sum[0] += x[i] * 0;
        for (size_t k = 0; k < 16; k++) finite = finite && sum[k] == 0;
    } else {
        const uint16_t *x = d->part[SL_PART_INPUTS];
        for (size_t i = 0; i < n; i++) finite &= (x[i] & 0x7c00) != 0x7c00;
    }
    return finite ? SL_OK : damaged(err, "an input is not finite");
}

static sl_status read_all(sl_dataset *d, const void *bytes, size_t n_bytes, sl_error *err)
{
    const sl_dataset_header *h = bytes;
    d->bytes = bytes;
    SL_TRY(check_header(d, h, n_bytes, err));
    SL_TRY(sl_contract_flat_read(d->part[SL_PART_CONTRACT], h->part[SL_PART_CONTRACT].n_bytes, &d->contract, err));
    SL_TRY(sl_contract_check(&d->contract, err));
    if (d->input_floats != sl_contract_input_floats(&d->contract)) {
        return damaged(err, "inputs are not as long as the contract says");
    }
    SL_TRY(check_rows(d, h->part[SL_PART_NAMES].n_bytes, err));
    SL_TRY(check_inputs(d, err));
    snprintf(d->id, sizeof d->id, "%016llx", (unsigned long long)XXH3_64bits(bytes, n_bytes));
    return SL_OK;
}

sl_status sl_dataset_open(const char *path, sl_dataset **out, sl_error *err)
{
    SL_REQUIRE(path != NULL && out != NULL, err);
    sl_dataset *d = calloc(1, sizeof *d);
    if (d == NULL) return SL_FAIL_NOMEM(err);
    sl_status status = sl_file_open(&d->file, path, SIZE_MAX, err);
    if (status == SL_OK) {
        status = read_all(d, d->file.bytes, d->file.n_bytes, err);
        if (status != SL_OK) sl_error_prefix(err, "%s", path);
    }
    if (status != SL_OK) {
        sl_dataset_close(d);
        d = NULL;
    }
    *out = d;
    return status;
}

sl_status sl_dataset_open_memory(const void *bytes, size_t n_bytes, sl_dataset **out, sl_error *err)
{
    SL_REQUIRE((bytes != NULL || n_bytes == 0) && out != NULL, err);
    const bool aligned = (uintptr_t)bytes % SL_DATASET_ALIGN == 0;
    SL_REQUIRE(aligned, err);
    sl_dataset *d = calloc(1, sizeof *d);
    if (d == NULL) return SL_FAIL_NOMEM(err);
    const sl_status status = read_all(d, bytes, n_bytes, err);
    if (status != SL_OK) {
        sl_dataset_close(d);
        d = NULL;
    }
    *out = d;
    return status;
}

void sl_dataset_close(sl_dataset *d)
{
    if (d == NULL) return;
    sl_file_close(&d->file);
    free(d);
}

const sl_contract *sl_dataset_contract(const sl_dataset *d)
{
    return &d->contract;
}

const char *sl_dataset_id(const sl_dataset *d)
{
    return d->id;
}

size_t sl_dataset_rows(const sl_dataset *d)
{
    return d->n_rows;
}

size_t sl_dataset_objects(const sl_dataset *d)
{
    return d->n_objects;
}

sl_dataset_storage sl_dataset_stored_as(const sl_dataset *d)
{
    return d->storage;
}

void sl_dataset_get(const sl_dataset *d, size_t i, sl_dataset_row *out)
{
    const uint8_t label = ((const uint8_t *)d->part[SL_PART_LABELS])[i];
    const uint32_t object = ((const uint32_t *)d->part[SL_PART_OBJECTS])[i];
    const uint64_t *end = d->part[SL_PART_NAME_ENDS];
    const uint64_t begin = object > 0 ? end[object - 1] : 0;
    *out = (sl_dataset_row){.object_id = {(const char *)d->part[SL_PART_NAMES] + begin, end[object] - begin},
                            .object = object,
                            .copy = ((const uint16_t *)d->part[SL_PART_COPIES])[i],
                            .label = label != SL_DATASET_NO_LABEL ? label : -1,
                            .n_points = ((const uint32_t *)d->part[SL_PART_POINTS])[i],
                            .days = ((const float *)d->part[SL_PART_DAYS])[i],
                            .redshift = ((const float *)d->part[SL_PART_REDSHIFTS])[i],
                            .redshift_error = ((const float *)d->part[SL_PART_REDSHIFT_ERRORS])[i]};
}

const float *sl_dataset_input(const sl_dataset *d, size_t i, float *room)
{
    const size_t n = d->input_floats;
    if (d->storage == SL_DATASET_FLOAT32) return (const float *)d->part[SL_PART_INPUTS] + i * n;
    const uint16_t *from = (const uint16_t *)d->part[SL_PART_INPUTS] + i * n;
    for (size_t k = 0; k < n; k++) room[k] = sl_half_to_float(from[k]);
    return room;
}
