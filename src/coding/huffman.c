#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "coding/sparse.h"

enum {
    LONGEST = 11,     /* bits of a code */
    LENGTH_BITS = 4,  /* of a code's length in the stream */
    RUN_BITS = 3,     /* of log2 of the symbols for runs, less 1 */
    MOST_RUN_LOG = 8
};

typedef struct code {
    uint32_t n;
    uint8_t length[SL_MAX_SYMBOLS]; /* 0: never comes */
    uint16_t bits[SL_MAX_SYMBOLS];  /* as they follow one another from the lowest on */
} code;

/* Symbol, and from bit 16 on its length, for each way that the next bits may begin; 0 where no code does. */
typedef struct code_table {
    uint32_t entry[1 << LONGEST];
} code_table;

/* Canonical: codes of one length follow one another, and the shorter ones come first. False where there are too many. */
static bool assign(code *c)
{
    uint32_t next = 0;
    for (unsigned length = 1; length <= LONGEST; length++) {
        next <<= 1;
        for (uint32_t s = 0; s < c->n; s++) {
            if (c->length[s] != length) continue;
            if (next >> length != 0) return false;
            uint32_t turned = 0;
            for (unsigned i = 0; i < length; i++) turned |= (next >> i & 1) << (length - 1 - i);
            c->bits[s] = (uint16_t)turned;
            next++;
        }
    }
    return true;
}

/* ---- writing ---- */

/* Huffman's tree: the two rarest become one, until one is left. Returns the longest length. */
static unsigned measure(uint32_t n, const uint64_t *count, uint8_t *length)
{
    uint64_t weight[SL_MAX_SYMBOLS];
    uint16_t group[SL_MAX_SYMBOLS]; /* whose tree a symbol is in */
    unsigned longest = 0, used = 0;
    for (uint32_t s = 0; s < n; s++) {
        weight[s] = count[s];
        group[s] = (uint16_t)s;
        length[s] = 0;
        used += count[s] > 0;
    }
    for (; used > 1; used--) {
        uint32_t low[2] = {n, n}; /* the rarest first */
        for (uint32_t g = 0; g < n; g++) {
            if (weight[g] == 0) continue;
            if (low[0] == n || weight[g] < weight[low[0]]) {
                low[1] = low[0];
                low[0] = g;
            } else if (low[1] == n || weight[g] < weight[low[1]]) {
                low[1] = g;
            }
        }
        weight[low[0]] += weight[low[1]];
        weight[low[1]] = 0;
        for (uint32_t s = 0; s < n; s++) {
            if (count[s] == 0 || (group[s] != low[0] && group[s] != low[1])) continue;
            group[s] = (uint16_t)low[0];
            if (++length[s] > longest) longest = length[s];
        }
    }
    return longest;
}

static void make_code(uint32_t n, const uint64_t *count, code *out)
{
    uint64_t flat[SL_MAX_SYMBOLS];
    uint32_t used = 0, last = 0;
    *out = (code){.n = n};
    for (uint32_t s = 0; s < n; s++) {
        flat[s] = count[s];
        if (count[s] == 0) continue;
        used++;
        last = s;
    }
    while (measure(n, flat, out->length) > LONGEST) { /* flatter counts make a flatter tree */
        for (uint32_t s = 0; s < n; s++) flat[s] = flat[s] > 0 ? flat[s] / 2 + 1 : 0;
    }
    if (used == 1) out->length[last] = 1;
    (void)assign(out);
}

static void code_lengths(sl_coder *c, code *k)
{
    sl_bit_model models[1 << LENGTH_BITS] = {0};
    sl_code_trees(c, models, LENGTH_BITS, k->n, k->length);
}

/* Pairs of a run and a number, row by row, to whoever asks. */
typedef void put_pair(void *user, bool is_run, uint32_t symbol);
static void walk_pairs(const sl_sparse *s, const uint8_t *symbol, uint32_t filler, put_pair *put, void *user)
{
    const size_t n = (size_t)s->rows * s->columns;
    size_t zeros = 0;
    for (size_t i = 0; i < n; i++) {
        if (symbol[i] == 0) {
            zeros++;
            continue;
        }
        for (; zeros >= filler; zeros -= filler) put(user, true, filler);
        put(user, true, (uint32_t)zeros);
        put(user, false, symbol[i] - 1u);
        zeros = 0;
    }
    for (; zeros > 0; zeros -= zeros < filler ? zeros : filler) put(user, true, filler);
}

typedef struct counts {
    uint64_t run[SL_MAX_SYMBOLS], value[SL_MAX_SYMBOLS];
} counts;

static void count_pair(void *user, bool is_run, uint32_t symbol)
{
    counts *n = user;
    (is_run ? n->run : n->value)[symbol]++;
}

typedef struct pair_writer {
    sl_bits_writer *bits;
    const code *run, *value;
} pair_writer;

static void write_pair(void *user, bool is_run, uint32_t symbol)
{
    const pair_writer *w = user;
    const code *c = is_run ? w->run : w->value;
    sl_bits_put(w->bits, c->length[symbol], c->bits[symbol]);
}

static uint64_t bits_of(const code *c, const uint64_t *count)
{
    uint64_t bits = LENGTH_BITS * (uint64_t)c->n;
    for (uint32_t s = 0; s < c->n; s++) bits += count[s] * c->length[s];
    return bits;
}

/* Room for the codes of one matrix. */
typedef struct huffman {
    counts n;
    code run, value, best;
} huffman;

sl_status sl_huffman_write(sl_coder *c, sl_bits_writer *bits, const sl_sparse *s, const uint8_t *symbol, sl_error *err)
{
    if (s->n_values == 0) return SL_OK; /* zeros only: nothing to say */
    huffman *h = malloc(sizeof *h);
    if (h == NULL) return SL_FAIL_NOMEM(err);
    uint64_t least = UINT64_MAX;
    uint32_t log = 1;
    for (uint32_t k = 1; k <= MOST_RUN_LOG; k++) {
        memset(&h->n, 0, sizeof h->n);
        walk_pairs(s, symbol, (1u << k) - 1, count_pair, &h->n);
        make_code(1u << k, h->n.run, &h->run);
        const uint64_t cost = bits_of(&h->run, h->n.run);
        if (cost >= least) continue;
        least = cost;
        log = k;
        h->best = h->run;
    }
    make_code(s->n_values, h->n.value, &h->value);
    uint32_t log_less = log - 1;
    sl_code_raw(c, RUN_BITS, &log_less);
    code_lengths(c, &h->best);
    code_lengths(c, &h->value);
    pair_writer to = {bits, &h->best, &h->value};
    walk_pairs(s, symbol, (1u << log) - 1, write_pair, &to);
    free(h);
    return SL_OK;
}

void sl_plain_write(sl_bits_writer *bits, const sl_sparse *s, const uint8_t *symbol)
{
    unsigned width = 0;
    while (s->n_values >> width != 0) width++;
    for (size_t i = 0; i < (size_t)s->rows * s->columns; i++) sl_bits_put(bits, width, symbol[i]);
}

/* ---- reading ---- */

static sl_status broken(sl_error *err)
{
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "coded weights: the stream is damaged");
}

static bool read_code(sl_coder *c, uint32_t n, code *k, code_table *out)
{
    *k = (code){.n = n};
    code_lengths(c, k);
    for (uint32_t s = 0; s < n; s++) {
        if (k->length[s] > LONGEST) return false;
    }
    if (!assign(k)) return false;
    memset(out, 0, sizeof *out);
    for (uint32_t s = 0; s < n; s++) {
        if (k->length[s] == 0) continue;
        for (uint32_t i = k->bits[s]; i < 1u << LONGEST; i += 1u << k->length[s]) out->entry[i] = s | (uint32_t)k->length[s] << 16;
    }
    return true;
}

/* The next symbol, or UINT32_MAX where no code begins like that. */
static inline uint32_t next_code(sl_bits *b, const code_table *table)
{
    if (b->n_ahead < LONGEST) sl_bits_load(b);
    const uint32_t e = table->entry[b->ahead & ((1u << LONGEST) - 1)];
    if (e == 0) return UINT32_MAX;
    b->ahead >>= e >> 16;
    b->n_ahead -= e >> 16;
    return e & 0xffff;
}

static inline void store(const sl_sparse_to *to, size_t at, uint32_t symbol)
{
    if (to->size == 4) {
        ((uint32_t *)to->to)[at] = ((const uint32_t *)to->of)[symbol];
    } else {
        ((uint8_t *)to->to)[at] = ((const uint8_t *)to->of)[symbol];
    }
}

static sl_status read_pairs(sl_bits *bits, const sl_sparse *s, const code_table table[2], uint32_t filler,
                            const sl_sparse_to *to, sl_error *err)
{
    const size_t n = (size_t)s->rows * s->columns;
    sl_bits b = *bits; /* its own, so that it stays in registers */
    for (size_t at = 0; at < n;) {
        const uint32_t run = next_code(&b, &table[0]);
        if (run == UINT32_MAX || (run != filler && run >= n - at)) return broken(err);
        at += run;
        if (run == filler) continue;
        const uint32_t value = next_code(&b, &table[1]);
        if (value == UINT32_MAX) return broken(err);
        store(to, at++, value + 1);
    }
    *bits = b;
    return sl_bits_over(bits) ? broken(err) : SL_OK;
}

sl_status sl_huffman_read(sl_coder *c, sl_bits *bits, const sl_sparse *s, const sl_sparse_to *to, sl_arena *arena, sl_error *err)
{
    if (s->n_values == 0) return SL_OK;
    const sl_arena_mark mark = sl_arena_here(arena);
    code_table *table = SL_ARENA_NEW(arena, code_table, 2);
    if (table == NULL) return SL_FAIL_NOMEM(err);
    code k;
    uint32_t log = 0;
    sl_code_raw(c, RUN_BITS, &log);
    const uint32_t n_runs = 2u << log;
    sl_status status = SL_OK;
    if (!read_code(c, n_runs, &k, &table[0]) || !read_code(c, s->n_values, &k, &table[1])) {
        status = broken(err);
    } else {
        status = read_pairs(bits, s, table, n_runs - 1, to, err);
    }
    sl_arena_rewind(arena, mark);
    return status;
}

sl_status sl_plain_read(sl_bits *bits, const sl_sparse *s, const sl_sparse_to *to, sl_error *err)
{
    unsigned width = 0;
    while (s->n_values >> width != 0) width++;
    const size_t n = (size_t)s->rows * s->columns;
    for (size_t i = 0; i < n; i++) {
        const uint32_t symbol = sl_bits_take(bits, width);
        if (symbol > s->n_values) return broken(err);
        store(to, i, symbol);
    }
    return sl_bits_over(bits) ? broken(err) : SL_OK;
}
