/* Tensors into the stream of a packed model. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/half.h"
#include "coding/levels.h"
#include "coding/sparse.h"
#include "model/packed.h"

const sl_packing sl_packing_lossless = {SL_CODING_AUTO, 0, 32, 32, false};

typedef struct packer {
    sl_coder coder;
    sl_bits_writer bytes;
    sl_packed_models models;
    const sl_packing *packing;
    sl_error *err;
} packer;

/* The different numbers of a tensor as whole numbers in the same order, 0 left out, and each number's place among them. */
typedef struct book {
    uint32_t n;
    int32_t order[SL_MAX_VALUES];
    uint8_t *symbol; /* 0, or 1 + the place; gives, free with free() */
} book;

/* Bits of a float that are ordered as floats are; of both zeros 0. */
static int32_t order_of_float(const void *from, size_t i)
{
    uint32_t bits;
    memcpy(&bits, (const char *)from + 4 * i, 4);
    const int32_t size = (int32_t)(bits & 0x7fffffff);
    return bits >> 31 ? -size : size;
}

static int32_t order_of_int8(const void *from, size_t i)
{
    return ((const int8_t *)from)[i];
}

static int compare_orders(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* False where there are more than SL_MAX_VALUES of them: then there is no symbol either. */
static sl_status make_book(size_t n, const void *from, int32_t (*order_of)(const void *, size_t), book *out, bool *few, sl_error *err)
{
    enum { SLOTS = 1024 };
    int32_t slot[SLOTS] = {0};
    *out = (book){0};
    *few = true;
    for (size_t i = 0; i < n; i++) {
        const int32_t x = order_of(from, i);
        if (x == 0) continue;
        uint32_t at = (uint32_t)x * 2654435761u >> 22;
        while (slot[at] != 0 && slot[at] != x) at = (at + 1) % SLOTS;
        if (slot[at] == x) continue;
        if (out->n == SL_MAX_VALUES) {
            *few = false;
            return SL_OK;
        }
        slot[at] = x;
        out->order[out->n++] = x;
    }
    qsort(out->order, out->n, sizeof out->order[0], compare_orders);
    out->symbol = malloc(n + 1);
    if (out->symbol == NULL) return SL_FAIL_NOMEM(err);
    for (size_t i = 0; i < n; i++) {
        const int32_t x = order_of(from, i);
        const int32_t *found = x != 0 ? bsearch(&x, out->order, out->n, sizeof x, compare_orders) : NULL;
        out->symbol[i] = found != NULL ? (uint8_t)(1 + (found - out->order)) : 0;
    }
    return SL_OK;
}

static void put_kind(packer *p, sl_packed_kind kind)
{
    uint32_t k = kind;
    sl_code_tree(&p->coder, p->models.kind, 3, &k);
}

static void put_values(packer *p, const book *b)
{
    uint32_t n = b->n;
    sl_code_number(&p->coder, &p->models.count, &n);
    for (uint32_t v = 0; v < n; v++) {
        int32_t first = b->order[0];
        uint32_t gap = v > 0 ? (uint32_t)b->order[v] - (uint32_t)b->order[v - 1] - 1 : 0;
        if (v == 0) {
            sl_code_signed(&p->coder, &p->models.count, &first);
        } else {
            sl_code_number(&p->coder, &p->models.gap, &gap);
        }
    }
}

static void put_float(packer *p, float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    sl_code_raw(&p->coder, 32, &bits);
}

static void put_half(packer *p, float x)
{
    uint32_t bits = sl_half_from_float(x);
    sl_code_raw(&p->coder, 16, &bits);
}

/* Bits that a matrix takes in one of the ways; infinite where memory is out. Bytes beside the stream have a head of their own. */
static double cost_of(sl_coding coding, const sl_sparse *s, const uint8_t *symbol)
{
    enum { HEAD = 64 };
    sl_coder c;
    sl_bits_writer bytes = {0};
    sl_coder_write(&c);
    sl_status status = SL_OK;
    if (coding == SL_CODING_PLAIN) sl_plain_write(&bytes, s, symbol);
    if (coding == SL_CODING_HUFFMAN) status = sl_huffman_write(&c, &bytes, s, symbol, NULL);
    if (coding == SL_CODING_RANS) status = sl_rans_write(&c, s, symbol, NULL);
    const double bits = status == SL_OK && !c.failed && !bytes.failed ? sl_coder_bits(&c) + 8.0 * (double)bytes.n_bytes + (bytes.n_bytes > 0 ? HEAD : 0) : INFINITY;
    sl_coder_release(&c);
    free(bytes.bytes);
    return bits;
}

static sl_status put_indices(packer *p, const sl_sparse *s, const uint8_t *symbol)
{
    uint32_t coding = p->packing->coding;
    if (coding == SL_CODING_AUTO) {
        double least = INFINITY;
        coding = SL_CODING_PLAIN;
        for (uint32_t way = 0; way < SL_CODING_AUTO; way++) {
            const double bits = cost_of((sl_coding)way, s, symbol);
            if (bits >= least) continue;
            least = bits;
            coding = way;
        }
    }
    sl_code_tree(&p->coder, p->models.coding, 2, &coding);
    if (coding == SL_CODING_HUFFMAN) return sl_huffman_write(&p->coder, &p->bytes, s, symbol, p->err);
    if (coding == SL_CODING_RANS) return sl_rans_write(&p->coder, s, symbol, p->err);
    sl_plain_write(&p->bytes, s, symbol);
    return SL_OK;
}

/* ---- floats ---- */

static bool all_halves(const book *b)
{
    for (uint32_t v = 0; v < b->n; v++) {
        const uint32_t bits = b->order[v] < 0 ? (uint32_t)-b->order[v] | 0x80000000u : (uint32_t)b->order[v];
        float x;
        memcpy(&x, &bits, sizeof x);
        if (sl_half_to_float(sl_half_from_float(x)) != x) return false;
    }
    return true;
}

/* The same values in the order of halves. */
static void to_halves(book *b)
{
    for (uint32_t v = 0; v < b->n; v++) {
        const uint32_t bits = b->order[v] < 0 ? (uint32_t)-b->order[v] | 0x80000000u : (uint32_t)b->order[v];
        float x;
        memcpy(&x, &bits, sizeof x);
        b->order[v] = sl_half_order(sl_half_from_float(x));
    }
}

static sl_status put_book(packer *p, book *b, const sl_sparse *shape)
{
    const bool halves = all_halves(b);
    if (halves) to_halves(b);
    put_kind(p, halves ? SL_PACKED_CODEBOOK16 : SL_PACKED_CODEBOOK32);
    put_values(p, b);
    return put_indices(p, &(sl_sparse){shape->rows, shape->columns, b->n}, b->symbol);
}

/* The least and the step are float16, and the last level is not below the largest number. */
static sl_status put_levels(packer *p, size_t n, const float *x, unsigned bits)
{
    float least = x[0], most = x[0];
    for (size_t i = 1; i < n; i++) {
        least = fminf(least, x[i]);
        most = fmaxf(most, x[i]);
    }
    const float top = (float)((1u << bits) - 1), base = sl_half_to_float(sl_half_from_float(least));
    uint16_t step_half = sl_half_from_float((most - base) / top);
    if (base + top * sl_half_to_float(step_half) < most && step_half < 0x7bff) step_half++;
    const float step = sl_half_to_float(step_half);
    uint8_t *level = malloc(n);
    if (level == NULL) return SL_FAIL_NOMEM(p->err);
    for (size_t i = 0; i < n; i++) {
        const float l = step > 0 ? rintf((x[i] - base) / step) : 0;
        level[i] = (uint8_t)fminf(fmaxf(l, 0), top);
    }
    put_kind(p, SL_PACKED_LEVELS);
    put_half(p, base);
    put_half(p, step);
    uint32_t bits_less = bits - 1;
    sl_code_raw(&p->coder, 3, &bits_less);
    sl_code_levels(&p->coder, bits, n, level, NULL);
    free(level);
    return SL_OK;
}

static void put_bytes(packer *p, size_t n, size_t size, const void *from)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t x = 0;
        uint16_t half;
        if (size == 4) {
            memcpy(&x, (const char *)from + 4 * i, 4);
        } else {
            memcpy(&half, (const char *)from + 2 * i, 2);
            x = half;
        }
        sl_bits_put(&p->bytes, 8 * (unsigned)size, x);
    }
}

static sl_status put_rest(packer *p, size_t n, const float *x, unsigned bits)
{
    if (bits <= 8 && n > 0) return put_levels(p, n, x, bits);
    if (bits == 32) {
        put_kind(p, SL_PACKED_FLOAT32);
        put_bytes(p, n, 4, x);
        return SL_OK;
    }
    put_kind(p, SL_PACKED_FLOAT16);
    for (size_t i = 0; i < n; i++) sl_bits_put(&p->bytes, 16, sl_half_from_float(x[i]));
    return SL_OK;
}

/* ---- rows of integers ---- */

/* Whether a row is whole numbers up to `most` times that scale. */
static bool is_row_of(size_t n, const float *x, float scale, float most, int8_t *to)
{
    for (size_t i = 0; i < n; i++) {
        const float whole = scale > 0 ? rintf(x[i] / scale) : 0;
        if (fabsf(whole) > most || scale * whole != x[i]) return false;
        to[i] = (int8_t)whole;
    }
    return true;
}

static bool find_scale(size_t n, const float *x, float most, float *scale, int8_t *to)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++) largest = fmaxf(largest, fabsf(x[i]));
    const float near = largest / most;
    const float tries[] = {sl_half_to_float(sl_half_from_float(near)), near, nextafterf(near, 0), nextafterf(near, INFINITY)};
    for (size_t t = 0; t < sizeof tries / sizeof tries[0]; t++) {
        *scale = tries[t];
        if (is_row_of(n, x, *scale, most, to)) return true;
    }
    return false;
}

static void put_row_scales(packer *p, size_t rows, const float *scale, bool halves, bool int8)
{
    uint32_t flags[] = {halves, int8};
    put_kind(p, SL_PACKED_ROWS);
    sl_code_raw(&p->coder, 1, &flags[0]);
    sl_code_raw(&p->coder, 1, &flags[1]);
    for (size_t r = 0; r < rows; r++) (halves ? put_half : put_float)(p, scale[r]);
}

static sl_status put_rows(packer *p, const sl_sparse *shape, const float *x, bool *done)
{
    const size_t rows = shape->rows, columns = shape->columns;
    const float most = (float)((1u << (p->packing->grid_bits - 1)) - 1);
    float *scale = malloc((rows + 1) * sizeof *scale);
    int8_t *whole = malloc(rows * columns + 1);
    sl_status status = scale == NULL || whole == NULL ? SL_FAIL_NOMEM(p->err) : SL_OK;
    bool well = status == SL_OK, halves = true, few = false;
    for (size_t r = 0; well && r < rows; r++) {
        well = find_scale(columns, x + r * columns, most, &scale[r], whole + r * columns);
        halves = halves && sl_half_to_float(sl_half_from_float(scale[r])) == scale[r];
    }
    book b = {0};
    if (well) status = make_book(rows * columns, whole, order_of_int8, &b, &few, p->err);
    if (well && status == SL_OK) {
        put_row_scales(p, rows, scale, halves, p->packing->int8);
        put_values(p, &b);
        status = put_indices(p, &(sl_sparse){shape->rows, shape->columns, b.n}, b.symbol);
        *done = true;
    }
    free(b.symbol);
    free(scale);
    free(whole);
    return status;
}

static sl_status put_floats(packer *p, const sl_sparse *shape, bool matrix, const float *x)
{
    const size_t n = (size_t)shape->rows * shape->columns;
    bool done = false, few = false;
    if (matrix && p->packing->grid_bits > 0) SL_TRY(put_rows(p, shape, x, &done));
    if (done) return SL_OK;
    book b;
    SL_TRY(make_book(n, x, order_of_float, &b, &few, p->err));
    const unsigned rest = matrix ? p->packing->matrix_bits : p->packing->vector_bits;
    const double in_book = 16.0 * b.n + (double)n * log2(b.n + 1.0);
    sl_status status;
    if (few && (matrix || in_book < (double)n * rest)) {
        status = put_book(p, &b, shape);
    } else {
        status = put_rest(p, n, x, rest);
    }
    free(b.symbol);
    return status;
}

/* Of other storages: nothing is rounded. */
static sl_status put_int8(packer *p, const sl_sparse *shape, const sl_tensor *t)
{
    book b;
    bool few;
    SL_TRY(make_book((size_t)shape->rows * shape->columns, t->data, order_of_int8, &b, &few, p->err));
    if (t->row_scale != NULL) {
        put_row_scales(p, shape->rows, t->row_scale, false, true);
    } else {
        put_kind(p, SL_PACKED_INT8);
        put_float(p, t->scale);
    }
    put_values(p, &b);
    const sl_status status = put_indices(p, &(sl_sparse){shape->rows, shape->columns, b.n}, b.symbol);
    free(b.symbol);
    return status;
}

static sl_status put_tensor(packer *p, const sl_tensor *t)
{
    size_t n = 1;
    for (uint32_t i = 0; i < t->rank; i++) n *= t->shape[i];
    const bool matrix = t->rank > 1;
    const sl_sparse shape = {.rows = matrix ? t->shape[0] : 1, .columns = (uint32_t)(matrix ? n / t->shape[0] : n)};
    sl_status status = SL_OK;
    switch (t->storage) {
    case SL_STORAGE_INT8: status = put_int8(p, &shape, t); break;
    case SL_STORAGE_BFLOAT16:
        put_kind(p, SL_PACKED_BFLOAT16);
        put_bytes(p, n, 2, t->data);
        break;
    default: status = put_floats(p, &shape, matrix, t->data); break;
    }
    sl_bits_put_align(&p->bytes);
    return status;
}

sl_status sl_packed_write(const sl_model_parts *parts, const sl_packing *packing, sl_packed *out, sl_error *err)
{
    SL_REQUIRE((unsigned)packing->coding < SL_N_CODINGS, err);
    SL_REQUIRE(packing->grid_bits == 0 || (packing->grid_bits >= 2 && packing->grid_bits <= 8), err);
    SL_REQUIRE(packing->matrix_bits == 32 || packing->matrix_bits == 16, err);
    SL_REQUIRE(packing->vector_bits == 32 || packing->vector_bits == 16 || (packing->vector_bits >= 2 && packing->vector_bits <= 8), err);
    packer p = {.packing = packing, .err = err};
    *out = (sl_packed){0};
    sl_model_parts *copy = malloc(sizeof *copy); /* the coder's functions go both ways, and so take what they could change */
    if (copy == NULL) return SL_FAIL_NOMEM(err);
    *copy = *parts;
    sl_coder_write(&p.coder);
    sl_status status = sl_packed_contract(&p.coder, &copy->contract, err);
    if (status == SL_OK) status = sl_packed_layers(&p.coder, copy, NULL, err);
    free(copy);
    for (size_t i = 0; status == SL_OK && i < parts->n_tensors; i++) status = put_tensor(&p, &parts->tensors[i]);
    void *stream = NULL;
    if (status == SL_OK) status = p.bytes.failed ? SL_FAIL_NOMEM(err) : sl_coder_bytes(&p.coder, &stream, &out->n_stream, err);
    sl_coder_release(&p.coder);
    if (status != SL_OK) {
        free(p.bytes.bytes);
        return status;
    }
    out->stream = stream;
    out->bytes = p.bytes.bytes;
    out->n_bytes = p.bytes.n_bytes;
    return SL_OK;
}

void sl_packed_free(sl_packed *packed)
{
    free((void *)(uintptr_t)packed->stream);
    free((void *)(uintptr_t)packed->bytes);
    *packed = (sl_packed){0};
}
