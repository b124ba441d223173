#include "model/builder.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/packed.h"

sl_status sl_build_bad(sl_builder *b, const char *file, int line, const char *format, ...)
{
    char what[160];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return sl_error_set(b->err, SL_ERR_FORMAT, SL_REASON_NONE, file, line, "model: layer %zu: %s", b->layer, what);
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

/* Of a packed model the tensor is decoded when its layer says how large it is. */
static sl_status ready(sl_builder *b, uint32_t rank, const uint32_t *shape)
{
    sl_packed_reader *r = b->parts->reader;
    if (r == NULL || r->done || b->next_tensor == b->parts->n_tensors) return SL_OK;
    sl_tensor *t = &b->parts->tensors[b->next_tensor];
    return t->data == NULL ? sl_packed_next(r, rank, shape, b->arena, t, b->err) : SL_OK;
}

/* The layer's next tensor, which must have n elements, in a shape of `rank` if the file says one. */
static sl_status take(sl_builder *b, uint32_t rank, const uint32_t *shape, const sl_tensor **out)
{
    if (b->next_tensor == b->parts->n_tensors) return SL_BAD(b, "there are no tensors left");
    SL_TRY(ready(b, rank, shape));
    sl_tensor *t = &b->parts->tensors[b->next_tensor];
    size_t n = 1;
    for (uint32_t i = 0; i < rank; i++) n *= shape[i]; /* widths are bounded: no overflow */
    if (t->rank != 0 && (t->rank != rank || memcmp(t->shape, shape, rank * sizeof shape[0]) != 0)) {
        return SL_BAD(b, "tensor %zu has not the shape that the layer needs", b->next_tensor);
    }
    if ((unsigned)t->storage >= SL_N_STORAGES) {
        return SL_FAIL(b->err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "model: tensor %zu is stored in way %d, unknown here",
                       b->next_tensor, (int)t->storage);
    }
    static const size_t sizes[SL_N_STORAGES] = {
        [SL_STORAGE_FLOAT32] = sizeof(float), [SL_STORAGE_INT8] = 1, [SL_STORAGE_BFLOAT16] = 2};
    const size_t size = sizes[t->storage];
    if (n > SL_MAX_PARAMETERS || n * size > t->n_bytes) {
        return SL_BAD(b, "tensor %zu is cut: %zu bytes, needs %zu", b->next_tensor, t->n_bytes, n * size);
    }
    t->n = n;
    if (t->rank == 0 && b->parts->packing != NULL) { /* whoever packs it needs to know */
        t->rank = rank;
        memcpy(t->shape, shape, rank * sizeof shape[0]);
    }
    b->op->info.n_bytes += b->parts->reader != NULL ? (size_t)(t->packed.bits / 8 + 0.5) : n * size;
    if (b->parts->reader != NULL && (rank > 1 || b->op->info.n_parameters == 0)) {
        b->op->info.storage = sl_packed_name(t->packed.kind);
    }
    b->next_tensor++;
    *out = t;
    return SL_OK;
}

static sl_status count_parameters(sl_builder *b, size_t n)
{
    b->op->info.n_parameters += n;
    b->net->n_parameters += n;
    if (b->net->n_parameters > SL_MAX_PARAMETERS) return SL_BAD(b, "more than %d parameters", SL_MAX_PARAMETERS);
    return SL_OK;
}

static sl_status not_finite(sl_builder *b)
{
    return SL_BAD(b, "tensor %zu has a weight that is not finite", b->next_tensor - 1);
}

/* An exponent of ones is infinity or NaN. */
static bool all_finite_bfloat16(const uint16_t *x, size_t n)
{
    bool bad = false;
    for (size_t i = 0; i < n; i++) bad |= (x[i] & 0x7f80) == 0x7f80;
    return !bad;
}

/* bfloat16 is the upper half of a float; an integer counts in scales. */
static sl_status widen(sl_builder *b, const sl_tensor *t, size_t n, const float **out)
{
    float *to = SL_ARENA_NEW(b->arena, float, n);
    if (to == NULL) return SL_FAIL_NOMEM(b->err);
    const uint16_t *halves = t->data;
    const int8_t *bytes = t->data;
    for (size_t i = 0; i < n; i++) {
        if (t->storage == SL_STORAGE_INT8) {
            to[i] = sl_tensor_scale(t, i) * (float)bytes[i];
        } else {
            const uint32_t bits = (uint32_t)halves[i] << 16;
            memcpy(&to[i], &bits, sizeof bits);
        }
    }
    *out = to;
    return all_finite(to, n) ? SL_OK : not_finite(b);
}

static const char *storage_name(sl_storage storage)
{
    return storage == SL_STORAGE_INT8 ? "int8" : storage == SL_STORAGE_BFLOAT16 ? "bfloat16" : "float32";
}

static sl_status check_scale(sl_builder *b, const sl_tensor *t)
{
    for (uint32_t r = 0; t->row_scale != NULL && r < t->shape[0]; r++) {
        const float scale = t->row_scale[r]; /* 0: of a row of zeros */
        if (!(scale >= 0) || !isfinite(scale)) return SL_BAD(b, "tensor %zu: scale %g of row %u", b->next_tensor - 1, (double)scale, r);
    }
    if (t->scale > 0 && isfinite(t->scale)) return SL_OK;
    return SL_BAD(b, "tensor %zu: scale %g", b->next_tensor - 1, (double)t->scale);
}

sl_status sl_build_take_floats(sl_builder *b, uint32_t rank, const uint32_t *shape, const float **out)
{
    const sl_tensor *t = NULL;
    SL_TRY(take(b, rank, shape, &t));
    size_t n = 1;
    for (uint32_t i = 0; i < rank; i++) n *= shape[i];
    if (t->storage == SL_STORAGE_FLOAT32) {
        if (!t->packed.finite && !all_finite(t->data, n)) return not_finite(b);
        *out = t->data;
    } else {
        if (t->storage == SL_STORAGE_INT8 && rank < 2) {
            return SL_BAD(b, "tensor %zu must be float32 or bfloat16", b->next_tensor - 1);
        }
        SL_TRY(check_scale(b, t));
        SL_TRY(widen(b, t, n, out));
        if (rank > 1) b->op->info.storage = storage_name(t->storage);
    }
    return count_parameters(b, n);
}

sl_status sl_build_take_vector(sl_builder *b, uint32_t n, const float **out)
{
    return sl_build_take_floats(b, 1, &n, out);
}

/* Rows of bytes, filled up to whole words, and their sums. */
static sl_status take_int8(sl_builder *b, const sl_tensor *t, sl_matrix *out)
{
    SL_TRY(check_scale(b, t));
    out->kind = SL_WEIGHTS_INT8;
    out->words = (out->k + 3) / 4;
    const size_t row = 4 * (size_t)out->words;
    int8_t *w = SL_ARENA_NEW(b->arena, int8_t, out->n * row);
    int32_t *sums = SL_ARENA_NEW(b->arena, int32_t, out->n);
    float *scale = SL_ARENA_NEW(b->arena, float, out->n);
    if (w == NULL || sums == NULL || scale == NULL) return SL_FAIL_NOMEM(b->err);
    memset(w, 0, out->n * row);
    const int8_t *from = t->data;
    for (size_t n = 0; n < out->n; n++) {
        memcpy(w + n * row, from + n * out->k, out->k);
        sums[n] = 0;
        scale[n] = t->row_scale != NULL ? t->row_scale[n] : t->scale;
        for (size_t k = 0; k < out->k; k++) sums[n] += w[n * row + k];
    }
    out->w = w;
    out->w_sum = sums;
    out->scale = scale;
    b->op->info.storage = "int8";
    return SL_OK;
}

/* Rows of pairs: where a row has an odd number, it gets a 0 behind it. */
static sl_status take_bfloat16(sl_builder *b, const sl_tensor *t, sl_matrix *out)
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
sl_status sl_build_take_matrix(sl_builder *b, uint32_t n, uint32_t k, sl_matrix *out)
{
    *out = (sl_matrix){.n = n, .k = k, .words = k};
    const uint32_t shape[] = {n, k};
    SL_TRY(ready(b, 2, shape));
    const sl_storage storage =
        b->next_tensor < b->parts->n_tensors ? b->parts->tensors[b->next_tensor].storage : SL_STORAGE_FLOAT32;
    if (storage == SL_STORAGE_INT8 || storage == SL_STORAGE_BFLOAT16) {
        const sl_tensor *t = NULL;
        SL_TRY(take(b, 2, shape, &t));
        SL_TRY(count_parameters(b, (size_t)n * k));
        SL_TRY(storage == SL_STORAGE_INT8 ? take_int8(b, t, out) : take_bfloat16(b, t, out));
    } else {
        const float *w = NULL;
        SL_TRY(sl_build_take_floats(b, 2, shape, &w));
        out->w = w;
    }
    return sl_build_take_vector(b, n, &out->bias);
}

sl_status sl_build_take_wide(sl_builder *b, uint32_t n, uint32_t k, sl_matrix *out)
{
    *out = (sl_matrix){.n = n, .k = k, .words = k};
    const uint32_t shape[] = {n, k};
    const float *w = NULL;
    SL_TRY(sl_build_take_floats(b, 2, shape, &w));
    out->w = w;
    return sl_build_take_vector(b, n, &out->bias);
}
