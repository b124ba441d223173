/* The coder, and matrices of few values through each way of writing them. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "coding/levels.h"
#include "coding/sparse.h"

static void choices_come_back_in_their_order(void **state)
{
    (void)state;
    enum { N = 20000 };
    sl_rng rng;
    sl_rng_init(&rng, 5, 0);
    sl_coder w, r;
    sl_coder_write(&w);
    sl_bit_model models[2][256] = {0};
    static sl_number_model numbers[2];
    uint32_t *kept = calloc(5 * N, sizeof *kept);
    for (int pass = 0; pass < 2; pass++) {
        sl_coder *c = pass == 0 ? &w : &r;
        for (uint32_t i = 0; i < N; i++) {
            uint32_t *v = kept + 5 * i, got[5] = {0};
            if (pass == 0) {
                v[0] = sl_rng_below(&rng, 20) == 0;
                v[1] = (uint32_t)sl_rng_u64(&rng) >> i % 32;
                v[2] = (uint32_t)(sl_rng_below(&rng, 8) & sl_rng_below(&rng, 8));
                v[3] = (uint32_t)sl_rng_u64(&rng) >> i % 32;
                v[4] = (uint32_t)sl_rng_u64(&rng) >> i % 32;
                if (i % 7 == 0) v[3] = UINT32_MAX;
                memcpy(got, v, sizeof got);
            }
            int32_t sign;
            memcpy(&sign, &got[4], sizeof sign);
            const unsigned n_raw = 32 - i % 32;
            sl_code_bit(c, &models[pass][0], &got[0]);
            sl_code_raw(c, n_raw, &got[1]);
            sl_code_tree(c, models[pass] + 1, 3, &got[2]);
            sl_code_number(c, &numbers[pass], &got[3]);
            sl_code_signed(c, &numbers[pass], &sign);
            memcpy(&got[4], &sign, sizeof sign);
            assert_memory_equal(got, v, sizeof got);
        }
        if (pass == 1) break;
        void *bytes;
        size_t n_bytes;
        sl_error err;
        assert_ok(sl_coder_bytes(&w, &bytes, &n_bytes, &err), &err);
        assert_true(fabs(8.0 * (double)n_bytes - 64 - sl_coder_bits(&w)) < 64 + 1e-3 * (double)n_bytes);
        sl_coder_read(&r, bytes, n_bytes);
    }
    assert_true(sl_coder_finish(&r));
    free((void *)(uintptr_t)r.bytes);
    sl_coder_release(&w);
    free(kept);
}

/* Levels about a middle cost about their entropy, and numbers that are mostly small come back, large ones too. */
static void levels_and_small_numbers_come_back(void **state)
{
    (void)state;
    enum { N = 600 };
    for (unsigned bits = 2; bits <= 8; bits++) {
        sl_rng rng;
        sl_rng_init(&rng, bits, 0);
        sl_coder w, r;
        sl_coder_write(&w);
        uint8_t level[N], got[N];
        uint32_t small[N];
        static sl_small table;
        static sl_slots scratch;
        table = (sl_small){0};
        const double top = (1 << bits) - 1;
        for (int i = 0; i < N; i++) {
            level[i] = (uint8_t)fmin(fmax(top * (0.4 + 0.15 * sl_rng_normal(&rng)), 0), top);
            small[i] = i % 97 == 0 ? (uint32_t)sl_rng_below(&rng, SL_SMALL_END) : (uint32_t)fabs(3 * sl_rng_normal(&rng));
            sl_small_count(&table, small[i]);
        }
        memcpy(got, level, N);
        sl_code_levels(&w, bits, N, got, NULL);
        const double spent = sl_coder_bits(&w) / N, ideal = fmax(0, log2(0.15 * top * sqrt(2 * 3.14159 * 2.71828)));
        if (bits >= 4) assert_true(spent < ideal + 0.1 && spent < bits);
        sl_small_begin(&w, &table);
        for (int i = 0; i < N; i++) sl_code_smalls(&w, &table, 1, &small[i]);
        void *bytes;
        size_t n_bytes;
        sl_error err;
        assert_ok(sl_coder_bytes(&w, &bytes, &n_bytes, &err), &err);
        sl_coder_read(&r, bytes, n_bytes);
        memset(got, 0, N);
        sl_code_levels(&r, bits, N, got, bits % 2 ? &scratch : NULL);
        assert_memory_equal(got, level, N);
        sl_small_begin(&r, &table);
        for (int i = 0; i < N; i++) {
            uint32_t value = 0;
            sl_code_smalls(&r, &table, 1, &value);
            assert_int_equal(value, small[i]);
        }
        assert_true(sl_coder_finish(&r));
        free(bytes);
        sl_coder_release(&w);
    }
}

enum { RANS, HUFFMAN, PLAIN, N_CODES };

typedef struct written {
    void *stream;
    size_t n_stream;
    sl_bits_writer bits;
} written;

static void write_matrix(int code, const sl_sparse *s, const uint8_t *symbol, written *out)
{
    sl_error err;
    sl_coder c;
    *out = (written){0};
    sl_coder_write(&c);
    if (code == RANS) assert_ok(sl_rans_write(&c, s, symbol, &err), &err);
    if (code == HUFFMAN) assert_ok(sl_huffman_write(&c, &out->bits, s, symbol, &err), &err);
    if (code == PLAIN) sl_plain_write(&out->bits, s, symbol);
    sl_bits_put_align(&out->bits);
    assert_ok(sl_coder_bytes(&c, &out->stream, &out->n_stream, &err), &err);
    sl_coder_release(&c);
}

/* Whatever the bytes are; tells whether they were a whole stream. */
static bool read_matrix(int code, const sl_sparse *s, const void *stream, size_t n_stream, const void *bits, size_t n_bits,
                        const sl_sparse_to *to)
{
    sl_error err;
    sl_arena arena;
    sl_arena_init(&arena, 1 << 24);
    sl_coder c;
    sl_bits b = {.bytes = bits, .n_bytes = n_bits};
    sl_coder_read(&c, stream, n_stream);
    sl_status status = SL_OK;
    static sl_slots slots[2];
    if (code == RANS) status = sl_rans_read(&c, s, to, slots, &arena, &err);
    if (code == HUFFMAN) status = sl_huffman_read(&c, &b, s, to, &arena, &err);
    if (code == PLAIN) status = sl_plain_read(&b, s, to, &err);
    sl_arena_release(&arena);
    assert_true(status == SL_OK || status == SL_ERR_FORMAT);
    return status == SL_OK && sl_coder_finish(&c);
}

static void written_free(written *w)
{
    free(w->stream);
    free(w->bits.bytes);
}

/* Bytes that a matrix took, after it came back as it was, both as numbers of four bytes and of one. */
static size_t round_trip(int code, const sl_sparse *s, const uint8_t *symbol)
{
    const size_t n = (size_t)s->rows * s->columns;
    written w;
    write_matrix(code, s, symbol, &w);
    uint32_t of[256], *to = calloc(n + 1, sizeof *to);
    uint8_t of_bytes[256], *to_bytes = calloc(n + 1, 1);
    for (uint32_t i = 0; i < 256; i++) {
        of[i] = i * 0x01010101;
        of_bytes[i] = (uint8_t)i;
    }
    assert_true(read_matrix(code, s, w.stream, w.n_stream, w.bits.bytes, w.bits.n_bytes, &(sl_sparse_to){to, of, 4}));
    assert_true(read_matrix(code, s, w.stream, w.n_stream, w.bits.bytes, w.bits.n_bytes, &(sl_sparse_to){to_bytes, of_bytes, 1}));
    for (size_t i = 0; i < n; i++) assert_int_equal(to[i], of[symbol[i]]);
    assert_memory_equal(to_bytes, symbol, n);
    const size_t size = w.n_stream + w.bits.n_bytes;
    free(to);
    free(to_bytes);
    written_free(&w);
    return size;
}

/* A matrix with that share of numbers that are not 0, the columns differing in it. */
static uint8_t *random_symbols(uint64_t seed, const sl_sparse *s, double full)
{
    const size_t n = (size_t)s->rows * s->columns;
    sl_rng rng;
    sl_rng_init(&rng, seed, 0);
    uint8_t *symbol = calloc(n + 1, 1);
    for (size_t i = 0; i < n && s->n_values > 0; i++) {
        const double share = full * (i % s->columns % 3 == 0 ? 0.3 : 1.0);
        if (sl_rng_uniform(&rng) >= share && full < 1) continue;
        const uint64_t a = sl_rng_below(&rng, s->n_values), b = sl_rng_below(&rng, s->n_values);
        symbol[i] = (uint8_t)(1 + (a + b) / 2);
    }
    return symbol;
}

static void matrices_of_every_kind_come_back(void **state)
{
    (void)state;
    static const sl_sparse sizes[] = {{1, 1, 1}, {1, 1, 0}, {0, 0, 3}, {3, 5, 0}, {1, 1000, 15}, {777, 1, 255}, {14, 64, 7},
                                      {64, 128, 15}, {33, 31, 1}, {128, 288, 16}, {5, 4096, 200}};
    static const double full[] = {0, 0.003, 0.05, 0.12, 0.5, 0.93, 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t f = 0; f < sizeof full / sizeof full[0]; f++) {
            uint8_t *symbol = random_symbols(100 * i + f, &sizes[i], full[f]);
            for (int code = 0; code < N_CODES; code++) (void)round_trip(code, &sizes[i], symbol);
            free(symbol);
        }
    }
}

/* The bits that the numbers tell, if the share of zeros is known for each third column and for the others. */
static double entropy(const sl_sparse *s, const uint8_t *symbol)
{
    double count[2][256] = {0}, bits = 0;
    for (size_t i = 0; i < (size_t)s->rows * s->columns; i++) count[i % s->columns % 3 == 0][symbol[i]]++;
    for (int k = 0; k < 2; k++) {
        double sum = 0;
        for (int v = 0; v < 256; v++) sum += count[k][v];
        for (int v = 0; v < 256; v++) {
            if (count[k][v] > 0) bits -= count[k][v] * log2(count[k][v] / sum);
        }
    }
    return bits;
}

static void sizes_are_near_the_entropy(void **state)
{
    (void)state;
    const sl_sparse s = {128, 288, 15};
    static const double full[] = {0.1, 0.15, 0.5};
    for (int f = 0; f < 3; f++) {
        uint8_t *symbol = random_symbols(7, &s, full[f]);
        const double ideal = entropy(&s, symbol) / 8;
        const double rans = (double)round_trip(RANS, &s, symbol), huffman = (double)round_trip(HUFFMAN, &s, symbol);
        const double plain = (double)round_trip(PLAIN, &s, symbol);
        print_message("%.0f %% full: entropy %.0f bytes, rans %.0f, huffman %.0f, plain %.0f\n", 100 * full[f], ideal, rans,
                      huffman, plain);
        assert_true(rans < 1.02 * ideal + 70); /* 48 bytes tell the columns' densities */
        assert_true(huffman < 1.1 * ideal);
        assert_true(plain == 128 * 288 / 2 + 8);
        free(symbol);
    }
}

/* Each bit of a stream turned over, each cut, and noise: answered or refused, and nothing outside touched. */
static void broken_streams_are_survived(void **state)
{
    (void)state;
    const sl_sparse s = {9, 17, 5};
    const size_t n = 9 * 17;
    uint32_t of[256] = {0, 1, 2, 3, 4, 5};
    uint32_t *to = calloc(n, sizeof *to); /* of the exact size, for the sanitizer */
    uint8_t *symbol = random_symbols(3, &s, 0.3);
    const sl_sparse_to out = {to, of, 4};
    for (int code = 0; code < N_CODES; code++) {
        written w;
        write_matrix(code, &s, symbol, &w);
        uint8_t *stream = w.stream;
        size_t whole = 0;
        for (size_t bit = 0; bit < 8 * w.n_stream; bit++) {
            stream[bit / 8] ^= (uint8_t)(1u << bit % 8);
            whole += read_matrix(code, &s, stream, w.n_stream, w.bits.bytes, w.bits.n_bytes, &out);
            stream[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_equal(whole, 0); /* where the states end is a check of its own */
        for (size_t bit = 0; bit < 8 * w.bits.n_bytes; bit++) {
            w.bits.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            (void)read_matrix(code, &s, stream, w.n_stream, w.bits.bytes, w.bits.n_bytes, &out);
            w.bits.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t cut = 0; cut < w.n_stream; cut++) {
            uint8_t *copy = malloc(cut + (cut == 0));
            memcpy(copy, stream, cut);
            assert_false(read_matrix(code, &s, copy, cut, w.bits.bytes, w.bits.n_bytes, &out));
            free(copy);
        }
        sl_rng rng;
        sl_rng_init(&rng, 11, 0);
        for (int trial = 0; trial < 3000; trial++) {
            uint8_t noise[64];
            for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)sl_rng_u64(&rng);
            (void)read_matrix(code, &s, noise, 32, noise + 32, 32, &out);
        }
        written_free(&w);
    }
    free(symbol);
    free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_come_back_in_their_order),
        cmocka_unit_test(levels_and_small_numbers_come_back),
        cmocka_unit_test(matrices_of_every_kind_come_back),
        cmocka_unit_test(sizes_are_near_the_entropy),
        cmocka_unit_test(broken_streams_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
