/* Tensors out of the stream of a packed model, straight to where the kernels read them. */
#include <string.h>

#include "base/error.h"
#include "base/half.h"
#include "coding/levels.h"
#include "coding/sparse.h"
#include "model/packed.h"

enum { LARGEST_HALF = 0x7bff, LARGEST_FLOAT = 0x7f7fffff, LARGEST_INT8 = 128 };

static sl_status broken(sl_error *err)
{
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "packed model: the stream is damaged");
}

const char *sl_packed_name(unsigned kind)
{
    static const char *const names[] = {"float32", "float16", "bfloat16", "levels", "codebook", "codebook", "int8", "rows"};
    return kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

const char *sl_coding_name(unsigned coding)
{
    static const char *const names[] = {"plain", "huffman", "rans"};
    return coding < sizeof names / sizeof names[0] ? names[coding] : "?";
}

sl_status sl_packed_open(sl_model_parts *out, sl_arena *arena, sl_error *err)
{
    sl_packed_reader *r = SL_ARENA_NEW(arena, sl_packed_reader, 1);
    sl_slots *slots = SL_ARENA_NEW(arena, sl_slots, 2);
    if (r == NULL || slots == NULL) return SL_FAIL_NOMEM(err);
    *r = (sl_packed_reader){.slots = slots};
    sl_coder_read(&r->coder, out->packed.stream, out->packed.n_stream);
    r->bits = (sl_bits){.bytes = out->packed.bytes, .n_bytes = out->packed.n_bytes};
    SL_TRY(sl_packed_contract(&r->coder, &out->contract, err));
    SL_TRY(sl_packed_layers(&r->coder, out, arena, err));
    out->tensors = SL_ARENA_NEW(arena, sl_tensor, out->n_tensors);
    if (out->tensors == NULL) return SL_FAIL_NOMEM(err);
    memset(out->tensors, 0, out->n_tensors * sizeof *out->tensors);
    out->reader = r;
    return SL_OK;
}

/* The values of a codebook in ascending order; false where they are not, or one is beyond +-most. */
static bool take_values(sl_packed_reader *r, int32_t most, uint32_t *n, int32_t order[SL_MAX_VALUES])
{
    *n = 0;
    sl_code_number(&r->coder, &r->models.count, n);
    if (*n > SL_MAX_VALUES) return false;
    int64_t value = 0;
    for (uint32_t v = 0; v < *n; v++) {
        int32_t first = 0;
        uint32_t gap = 0;
        if (v == 0) {
            sl_code_signed(&r->coder, &r->models.count, &first);
            value = first;
        } else {
            sl_code_number(&r->coder, &r->models.gap, &gap);
            value += (int64_t)gap + 1;
        }
        if (value < -most || value > most) return false;
        order[v] = (int32_t)value;
    }
    return true;
}

static sl_status take_indices(sl_packed_reader *r, const sl_sparse *s, const sl_sparse_to *to, sl_tensor *t, sl_arena *arena,
                              sl_error *err)
{
    uint32_t coding = 0;
    sl_code_tree(&r->coder, r->models.coding, 2, &coding);
    t->packed.coding = (uint8_t)coding;
    t->packed.n_values = (uint16_t)s->n_values;
    switch (coding) {
    case SL_CODING_PLAIN: return sl_plain_read(&r->bits, s, to, err);
    case SL_CODING_HUFFMAN: return sl_huffman_read(&r->coder, &r->bits, s, to, arena, err);
    case SL_CODING_RANS: return sl_rans_read(&r->coder, s, to, r->slots, arena, err);
    default: return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "packed model: coded in way %u, unknown here", coding);
    }
}

static float take_float(sl_packed_reader *r)
{
    uint32_t bits = 0;
    float x;
    sl_code_raw(&r->coder, 32, &bits);
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float take_half(sl_packed_reader *r)
{
    uint32_t bits = 0;
    sl_code_raw(&r->coder, 16, &bits);
    return sl_half_to_float((uint16_t)bits);
}

static float float_of(int32_t order, sl_packed_kind kind)
{
    const uint32_t size = order < 0 ? (uint32_t)-order : (uint32_t)order;
    if (kind == SL_PACKED_CODEBOOK16) return sl_half_to_float((uint16_t)(size | (order < 0 ? 0x8000u : 0)));
    const uint32_t bits = size | (order < 0 ? 0x80000000u : 0);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Indices of floats. */
static sl_status take_book(sl_packed_reader *r, const sl_sparse *shape, sl_packed_kind kind, sl_tensor *t, sl_arena *arena, sl_error *err)
{
    const size_t n = (size_t)shape->rows * shape->columns;
    float of[SL_MAX_VALUES + 1] = {0}, *to = SL_ARENA_NEW(arena, float, n);
    int32_t order[SL_MAX_VALUES];
    if (to == NULL) return SL_FAIL_NOMEM(err);
    sl_sparse s = *shape;
    if (!take_values(r, kind == SL_PACKED_CODEBOOK16 ? LARGEST_HALF : LARGEST_FLOAT, &s.n_values, order)) return broken(err);
    for (uint32_t v = 0; v < s.n_values; v++) of[v + 1] = float_of(order[v], kind);
    memset(to, 0, n * sizeof *to);
    t->data = to;
    t->packed.finite = true; /* the bounds of the values keep infinities out */
    return take_indices(r, &s, &(sl_sparse_to){to, of, sizeof *to}, t, arena, err);
}

static sl_status take_int8(sl_packed_reader *r, const sl_sparse *shape, sl_tensor *t, sl_arena *arena, sl_error *err)
{
    const size_t n = (size_t)shape->rows * shape->columns;
    int8_t *to = SL_ARENA_NEW(arena, int8_t, n), of[SL_MAX_VALUES + 1] = {0};
    int32_t order[SL_MAX_VALUES];
    if (to == NULL) return SL_FAIL_NOMEM(err);
    sl_sparse s = *shape;
    t->storage = SL_STORAGE_INT8;
    if (!take_values(r, LARGEST_INT8, &s.n_values, order)) return broken(err);
    for (uint32_t v = 0; v < s.n_values; v++) {
        if (order[v] > INT8_MAX) return broken(err);
        of[v + 1] = (int8_t)order[v];
    }
    memset(to, 0, n);
    t->data = to;
    return take_indices(r, &s, &(sl_sparse_to){to, of, 1}, t, arena, err);
}

/* Integers and a scale a row: as they are, or widened, unless they are for int8 arithmetic. */
static sl_status take_rows(sl_packed_reader *r, const sl_sparse *shape, sl_tensor *t, sl_arena *arena, sl_error *err)
{
    const size_t rows = shape->rows, columns = shape->columns;
    float *scale = SL_ARENA_NEW(arena, float, rows);
    if (scale == NULL) return SL_FAIL_NOMEM(err);
    uint32_t halves = 0, int8 = 0;
    sl_code_raw(&r->coder, 1, &halves);
    sl_code_raw(&r->coder, 1, &int8);
    for (size_t i = 0; i < rows; i++) scale[i] = (halves ? take_half : take_float)(r);
    SL_TRY(take_int8(r, shape, t, arena, err));
    if (int8) {
        t->row_scale = scale;
        return SL_OK;
    }
    float *to = SL_ARENA_NEW(arena, float, rows * columns);
    if (to == NULL) return SL_FAIL_NOMEM(err);
    const int8_t *from = t->data;
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < columns; c++) to[i * columns + c] = scale[i] * (float)from[i * columns + c];
    }
    t->storage = SL_STORAGE_FLOAT32;
    t->data = to;
    return SL_OK;
}

static sl_status take_levels(sl_packed_reader *r, size_t n, sl_tensor *t, sl_arena *arena, sl_error *err)
{
    float *to = SL_ARENA_NEW(arena, float, n);
    if (to == NULL) return SL_FAIL_NOMEM(err);
    t->data = to;
    const float base = take_half(r), step = take_half(r);
    uint32_t bits = 0;
    sl_code_raw(&r->coder, 3, &bits);
    if (++bits < 2) return broken(err);
    t->packed.n_values = (uint16_t)((1u << bits) - 1);
    const sl_arena_mark mark = sl_arena_here(arena);
    uint8_t *level = SL_ARENA_NEW(arena, uint8_t, n);
    if (level == NULL) return SL_FAIL_NOMEM(err);
    memset(level, 0, n);
    sl_code_levels(&r->coder, bits, n, level, r->slots);
    for (size_t i = 0; i < n; i++) to[i] = base + step * (float)level[i];
    sl_arena_rewind(arena, mark);
    return SL_OK;
}

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Numbers of a fixed size, which begin at a whole byte. */
static sl_status take_plain(sl_packed_reader *r, size_t n, sl_packed_kind kind, sl_tensor *t, sl_arena *arena, sl_error *err)
{
    const size_t size = kind == SL_PACKED_FLOAT32 ? 4 : 2, at = sl_bits_taken(&r->bits) / 8;
    if (at > r->bits.n_bytes || n > (r->bits.n_bytes - at) / size) return broken(err);
    const uint8_t *from = r->bits.bytes + at;
    r->bits = (sl_bits){.bytes = r->bits.bytes, .n_bytes = r->bits.n_bytes, .at = at + n * size};
    void *to = sl_arena_alloc(arena, n, kind == SL_PACKED_BFLOAT16 ? 2 : 4);
    if (to == NULL) return SL_FAIL_NOMEM(err);
    t->data = to;
    if (kind == SL_PACKED_BFLOAT16) t->storage = SL_STORAGE_BFLOAT16;
    for (size_t i = 0; i < n; i++) {
        switch (kind) {
        case SL_PACKED_BFLOAT16: ((uint16_t *)to)[i] = (uint16_t)sl_coder_word(from + 2 * i); break;
        case SL_PACKED_FLOAT16: ((float *)to)[i] = sl_half_to_float((uint16_t)sl_coder_word(from + 2 * i)); break;
        default: ((uint32_t *)to)[i] = load32(from + 4 * i); break;
        }
    }
    return SL_OK;
}

sl_status sl_packed_next(sl_packed_reader *r, uint32_t rank, const uint32_t *shape, sl_arena *arena, sl_tensor *out, sl_error *err)
{
    size_t n = 1;
    for (uint32_t i = 0; i < rank; i++) n *= shape[i];
    if (n == 0 || n > SL_MAX_PARAMETERS) return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "packed model: a tensor of %zu numbers", n);
    const sl_sparse matrix = {.rows = rank > 1 ? shape[0] : 1, .columns = (uint32_t)(rank > 1 ? n / shape[0] : n)};
    const double before = sl_coder_bits(&r->coder) + (double)sl_bits_taken(&r->bits);
    *out = (sl_tensor){.storage = SL_STORAGE_FLOAT32, .scale = 1, .rank = rank};
    memcpy(out->shape, shape, rank * sizeof *shape);
    uint32_t kind = 0;
    sl_code_tree(&r->coder, r->models.kind, 3, &kind);
    out->packed.kind = (uint8_t)kind;
    sl_status status = SL_OK;
    switch ((sl_packed_kind)kind) {
    case SL_PACKED_FLOAT32:
    case SL_PACKED_FLOAT16:
    case SL_PACKED_BFLOAT16: status = take_plain(r, n, (sl_packed_kind)kind, out, arena, err); break;
    case SL_PACKED_LEVELS: status = take_levels(r, n, out, arena, err); break;
    case SL_PACKED_INT8:
        out->scale = take_float(r);
        status = take_int8(r, &matrix, out, arena, err);
        break;
    case SL_PACKED_ROWS: status = take_rows(r, &matrix, out, arena, err); break;
    case SL_PACKED_CODEBOOK16:
    case SL_PACKED_CODEBOOK32: status = take_book(r, &matrix, (sl_packed_kind)kind, out, arena, err); break;
    }
    sl_bits_align(&r->bits);
    out->packed.bits = sl_coder_bits(&r->coder) + (double)sl_bits_taken(&r->bits) - before;
    out->n_bytes = n * (out->storage == SL_STORAGE_FLOAT32 ? 4 : out->storage == SL_STORAGE_BFLOAT16 ? 2 : 1);
    return status;
}

sl_status sl_packed_done(sl_packed_reader *r, sl_error *err)
{
    r->done = true;
    const bool well = sl_coder_finish(&r->coder) && sl_bits_taken(&r->bits) == 8 * r->bits.n_bytes;
    return well ? SL_OK : broken(err);
}
