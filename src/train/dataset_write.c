/*
 * Writing a data-set file: inputs go to the file as they come, what is small
 * waits in memory for the end. With fit_features the values of the features
 * wait too, and are put in scaled once their centres and spreads, or their
 * quantiles, are known.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/half.h"
#include "model/model_flat.h"
#include "model/packed.h"
#include "train/dataset_file.h"
#include "train/robust.h"

#define KNOT_ROUNDING 0.2 /* of the way to the next knot, at most */

/* An array that grows. */
typedef struct column {
    unsigned char *bytes;
    size_t n_bytes, capacity;
} column;

struct sl_dataset_writer {
    sl_contract contract;
    sl_dataset_storage storage;
    bool fit_features, finished;
    char *path, *temporary;
    FILE *file;
    size_t input_floats, n_features;
    void *packed; /* one input as it is stored */
    size_t row_bytes;
    uint64_t n_rows, n_objects;
    uint64_t at; /* bytes written */
    column columns[SL_N_PARTS]; /* but contract and inputs */
    column features;            /* raw, with fit_features */
    sl_dataset_header header;
};

static sl_status fail_write(const sl_dataset_writer *w, sl_error *err)
{
    return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "cannot write %s: %s", w->path, strerror(errno));
}

static sl_status append(column *c, const void *from, size_t n, sl_error *err)
{
    if (n > c->capacity - c->n_bytes) {
        size_t capacity = c->capacity > 0 ? 2 * c->capacity : 4096;
        while (capacity - c->n_bytes < n) capacity *= 2;
        unsigned char *more = realloc(c->bytes, capacity);
        if (more == NULL) return SL_FAIL_NOMEM(err);
        c->bytes = more;
        c->capacity = capacity;
    }
    if (n > 0) memcpy(c->bytes + c->n_bytes, from, n);
    c->n_bytes += n;
    return SL_OK;
}

static sl_status put(sl_dataset_writer *w, const void *from, size_t n, sl_error *err)
{
    if (n > 0 && fwrite(from, 1, n, w->file) != n) return fail_write(w, err);
    w->at += n;
    return SL_OK;
}

/* Zeros up to where the next part may begin. */
static sl_status pad(sl_dataset_writer *w, sl_error *err)
{
    static const unsigned char zeros[SL_DATASET_ALIGN];
    return put(w, zeros, (SL_DATASET_ALIGN - w->at % SL_DATASET_ALIGN) % SL_DATASET_ALIGN, err);
}

/* Make the temporary neighbour, with a header that makes no data set of it yet. */
static sl_status begin(sl_dataset_writer *w, const char *path, sl_error *err)
{
    enum { MORE = 32 };
    const size_t n = strlen(path);
    w->path = malloc(n + 1);
    w->temporary = malloc(n + MORE);
    w->packed = malloc(w->row_bytes);
    if (w->path == NULL || w->temporary == NULL || w->packed == NULL) return SL_FAIL_NOMEM(err);
    memcpy(w->path, path, n + 1);
    snprintf(w->temporary, n + MORE, "%s.tmp%ld", path, (long)getpid());
    w->file = fopen(w->temporary, "w+be");
    if (w->file == NULL) return fail_write(w, err);
    SL_TRY(put(w, &w->header, sizeof w->header, err));
    w->header.part[SL_PART_INPUTS].offset = w->at;
    return SL_OK;
}

sl_status sl_dataset_writer_new(const char *path, const sl_contract *contract, sl_dataset_storage storage,
                                bool fit_features, sl_dataset_writer **out, sl_error *err)
{
    SL_REQUIRE(path != NULL && contract != NULL && out != NULL && (unsigned)storage < SL_N_DATASET_STORAGES, err);
    SL_TRY(sl_contract_check(contract, err));
    sl_dataset_writer *w = calloc(1, sizeof *w);
    if (w == NULL) return SL_FAIL_NOMEM(err);
    w->contract = *contract;
    w->storage = storage;
    w->input_floats = sl_contract_input_floats(contract);
    w->n_features = sl_contract_input_features(contract);
    w->fit_features = fit_features && w->n_features > 0;
    w->row_bytes = w->input_floats * (storage == SL_DATASET_FLOAT32 ? sizeof(float) : sizeof(uint16_t));
    const sl_status status = begin(w, path, err);
    if (status < 0) {
        sl_dataset_writer_free(w);
        w = NULL;
    }
    *out = w;
    return status;
}

void sl_dataset_writer_free(sl_dataset_writer *w)
{
    if (w == NULL) return;
    if (w->file != NULL) {
        fclose(w->file);
        if (!w->finished) unlink(w->temporary);
    }
    for (int p = 0; p < SL_N_PARTS; p++) free(w->columns[p].bytes);
    free(w->features.bytes);
    free(w->packed);
    free(w->path);
    free(w->temporary);
    free(w);
}

static void pack(sl_dataset_storage storage, size_t n, const float *from, void *to)
{
    if (storage == SL_DATASET_FLOAT32) {
        memcpy(to, from, n * sizeof *from);
        return;
    }
    uint16_t *half = to;
    for (size_t i = 0; i < n; i++) half[i] = sl_half_from_float(from[i]);
}

/* A name other than the last row's begins another object. */
static sl_status add_object(sl_dataset_writer *w, sl_str id, sl_error *err)
{
    column *names = &w->columns[SL_PART_NAMES], *ends = &w->columns[SL_PART_NAME_ENDS];
    if (w->n_objects > 0) {
        uint64_t begin = 0;
        if (w->n_objects > 1) memcpy(&begin, ends->bytes + (w->n_objects - 2) * sizeof begin, sizeof begin);
        if (names->n_bytes - begin == id.len && (id.len == 0 || memcmp(names->bytes + begin, id.ptr, id.len) == 0)) return SL_OK;
    }
    SL_TRY(append(names, id.ptr, id.len, err));
    const uint64_t end = names->n_bytes;
    SL_TRY(append(ends, &end, sizeof end, err));
    w->n_objects++;
    return SL_OK;
}

sl_status sl_dataset_writer_add(sl_dataset_writer *w, const sl_dataset_row *row, const float *input, sl_error *err)
{
    SL_REQUIRE(w != NULL && row != NULL && input != NULL && !w->finished, err);
    SL_REQUIRE(row->label >= -1 && row->label < (int)w->contract.n_classes && row->copy <= UINT16_MAX, err);
    SL_REQUIRE(w->n_rows < SL_DATASET_MOST_ROWS, err);
    const size_t n_scaled = w->input_floats - (w->fit_features ? w->n_features : 0);
    float sum = 0;
    for (size_t i = 0; i < n_scaled; i++) sum += input[i] * 0;
    if (sum != 0) {
        return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "an input of the data set is not finite");
    }
    memset(w->packed, 0, w->row_bytes);
    pack(w->storage, n_scaled, input, w->packed);
    if (w->fit_features) SL_TRY(append(&w->features, input + n_scaled, w->n_features * sizeof *input, err));
    SL_TRY(add_object(w, row->object_id, err));
    const uint8_t label = row->label >= 0 ? (uint8_t)row->label : SL_DATASET_NO_LABEL;
    const uint16_t copy = (uint16_t)row->copy;
    const uint32_t object = (uint32_t)(w->n_objects - 1);
    SL_TRY(append(&w->columns[SL_PART_LABELS], &label, sizeof label, err));
    SL_TRY(append(&w->columns[SL_PART_COPIES], &copy, sizeof copy, err));
    SL_TRY(append(&w->columns[SL_PART_OBJECTS], &object, sizeof object, err));
    SL_TRY(append(&w->columns[SL_PART_POINTS], &row->n_points, sizeof row->n_points, err));
    SL_TRY(append(&w->columns[SL_PART_DAYS], &row->days, sizeof row->days, err));
    SL_TRY(append(&w->columns[SL_PART_REDSHIFTS], &row->redshift, sizeof row->redshift, err));
    SL_TRY(append(&w->columns[SL_PART_REDSHIFT_ERRORS], &row->redshift_error, sizeof row->redshift_error, err));
    SL_TRY(put(w, w->packed, w->row_bytes, err));
    w->n_rows++;
    return SL_OK;
}

/* ---- the end ---- */

static sl_status fit_features(sl_dataset_writer *w, sl_error *err)
{
    double *values = malloc(w->n_rows * sizeof *values);
    if (values == NULL) return SL_FAIL_NOMEM(err);
    const float *raw = (const float *)(const void *)w->features.bytes;
    const size_t n_knots = w->contract.feature_knots;
    for (size_t k = 0; k < w->n_features; k++) {
        size_t n = 0;
        for (size_t i = 0; i < w->n_rows; i++) {
            const float x = raw[i * w->n_features + k];
            if (isfinite(x)) values[n++] = (double)x;
        }
        if (n_knots > 0) {
            sl_knots_fit(n, values, n_knots, &w->contract.feature_table[k * n_knots]);
        } else {
            sl_robust_fit(n, values, &w->contract.feature_center[k], &w->contract.feature_spread[k]);
        }
    }
    free(values);
    /* Rows are scaled as the model will scale, so the knots are rounded before: they take a third of the room in its file. */
    sl_packed_round_tables(&w->contract, KNOT_ROUNDING);
    return SL_OK;
}

/* Put the scaled features behind the rest of each input, which is in the file already. */
static sl_status put_features(sl_dataset_writer *w, sl_error *err)
{
    if (fflush(w->file) != 0) return fail_write(w, err);
    const size_t each = w->row_bytes / w->input_floats, begin = w->header.part[SL_PART_INPUTS].offset;
    const size_t n_bytes = begin + w->n_rows * w->row_bytes;
    unsigned char *map = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(w->file), 0);
    if (map == MAP_FAILED) return fail_write(w, err);
    const float *raw = (const float *)(const void *)w->features.bytes;
    float scaled[SL_MAX_FEATURE_VALUES];
    for (size_t i = 0; i < w->n_rows; i++) {
        sl_contract_scale_features(&w->contract, raw + i * w->n_features, scaled);
        pack(w->storage, w->n_features, scaled, map + begin + (i + 1) * w->row_bytes - w->n_features * each);
    }
    return munmap(map, n_bytes) == 0 ? SL_OK : fail_write(w, err);
}

static sl_status put_part(sl_dataset_writer *w, int part, const void *bytes, size_t n_bytes, sl_error *err)
{
    SL_TRY(pad(w, err));
    w->header.part[part].offset = w->at;
    w->header.part[part].n_bytes = n_bytes;
    return put(w, bytes, n_bytes, err);
}

static sl_status put_rest(sl_dataset_writer *w, sl_error *err)
{
    w->header.part[SL_PART_INPUTS].n_bytes = w->n_rows * w->row_bytes;
    void *contract;
    size_t n_bytes;
    SL_TRY(sl_contract_flat_write(&w->contract, &contract, &n_bytes, err));
    const sl_status status = put_part(w, SL_PART_CONTRACT, contract, n_bytes, err);
    free(contract);
    SL_TRY(status);
    for (int p = SL_PART_LABELS; p < SL_N_PARTS; p++) {
        SL_TRY(put_part(w, p, w->columns[p].bytes, w->columns[p].n_bytes, err));
    }
    sl_dataset_header *h = &w->header;
    memcpy(h->identifier, SL_DATASET_IDENTIFIER, sizeof h->identifier);
    h->format_version = SL_DATASET_FORMAT;
    h->storage = (uint32_t)w->storage;
    h->n_rows = w->n_rows;
    h->n_objects = w->n_objects;
    h->input_floats = (uint32_t)w->input_floats;
    h->n_parts = SL_N_PARTS;
    if (fseek(w->file, 0, SEEK_SET) != 0) return fail_write(w, err);
    return put(w, h, sizeof *h, err);
}

sl_status sl_dataset_writer_finish(sl_dataset_writer *w, sl_error *err)
{
    SL_REQUIRE(w != NULL && !w->finished, err);
    if (w->fit_features && w->n_rows > 0) {
        SL_TRY(fit_features(w, err));
        SL_TRY(put_features(w, err));
    }
    SL_TRY(put_rest(w, err));
    FILE *file = w->file;
    w->file = NULL;
    if (fclose(file) != 0 || rename(w->temporary, w->path) != 0) {
        const sl_status status = fail_write(w, err);
        unlink(w->temporary);
        return status;
    }
    w->finished = true;
    return SL_OK;
}
