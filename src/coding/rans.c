#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "coding/sparse.h"

/* What shares a density. The numbers are those of streams. */
enum { BY_WHOLE = 0, BY_ROW = 1, BY_COLUMN = 2, N_WAYS = 3, WAY_BITS = 2, DENSITY_BITS = 4, ALWAYS = SL_N_DENSITIES - 1 };

/* A matrix as lines of a density each. */
typedef struct lines {
    size_t n, length;
    size_t step, line_step; /* from number to number, and from line to line */
    uint8_t *density;       /* n */
} lines;

static lines lines_of(const sl_sparse *s, uint32_t way, uint8_t *density)
{
    const size_t rows = s->rows, columns = s->columns;
    switch (way) {
    case BY_ROW: return (lines){rows, columns, 1, columns, density};
    case BY_COLUMN: return (lines){columns, rows, columns, 1, density};
    default: return (lines){1, rows * columns, 1, 0, density};
    }
}

/* The first line of that density from `line` on; l->n where there is none. */
static size_t line_of(const lines *l, size_t line, unsigned density)
{
    const uint8_t *found = line < l->n ? memchr(l->density + line, (int)density, l->n - line) : NULL;
    return found != NULL ? (size_t)(found - l->density) : l->n;
}

/* ---- writing ---- */

/* Bits that `full` of `length` numbers cost at a density; infinite where it cannot be. */
static double cost_at(unsigned density, size_t full, size_t length)
{
    const double p = (double)sl_density[density] / SL_CODER_TOTAL;
    if ((full > 0 && p <= 0) || (full < length && p >= 1)) return INFINITY;
    double bits = 0;
    if (full > 0) bits -= (double)full * log2(p);
    if (full < length) bits -= (double)(length - full) * log2(1 - p);
    return bits;
}

/* The cheapest density for each line; from the second round on a rare one costs more. */
static void choose_densities(const lines *l, const uint8_t *symbol)
{
    enum { ROUNDS = 3 };
    double extra[SL_N_DENSITIES] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        size_t used[SL_N_DENSITIES] = {0};
        for (size_t line = 0; line < l->n; line++) {
            size_t full = 0;
            for (size_t i = 0; i < l->length; i++) full += symbol[line * l->line_step + i * l->step] != 0;
            double least = INFINITY;
            for (unsigned d = 0; d < SL_N_DENSITIES; d++) {
                const double cost = cost_at(d, full, l->length) + extra[d];
                if (cost >= least) continue;
                least = cost;
                l->density[line] = (uint8_t)d;
            }
            used[l->density[line]]++;
        }
        for (int d = 0; d < SL_N_DENSITIES; d++) {
            extra[d] = log2(((double)l->n + SL_N_DENSITIES / 2) / ((double)used[d] + 0.5));
        }
    }
}

static void code_densities(sl_coder *c, const lines *l)
{
    sl_bit_model models[SL_N_DENSITIES] = {0};
    sl_code_trees(c, models, DENSITY_BITS, l->n, l->density);
}

static void put_symbol(sl_coder *c, const sl_shares *shares, uint32_t symbol)
{
    sl_coder_put(c, shares->start[symbol], (uint32_t)shares->start[symbol + 1] - shares->start[symbol]);
}

static void put_lines(sl_coder *c, const lines *l, unsigned density, const sl_shares *values, const uint8_t *symbol)
{
    sl_shares runs = {0};
    if (density != ALWAYS) sl_shares_of_runs(sl_density[density], &runs);
    size_t zeros = 0;
    for (size_t line = line_of(l, 0, density); line < l->n; line = line_of(l, line + 1, density)) {
        for (size_t i = 0; i < l->length; i++) {
            const uint8_t s = symbol[line * l->line_step + i * l->step];
            if (s == 0) {
                zeros++;
                continue;
            }
            for (; density != ALWAYS && zeros >= runs.n - 1; zeros -= runs.n - 1) put_symbol(c, &runs, runs.n - 1);
            if (density != ALWAYS) put_symbol(c, &runs, (uint32_t)zeros);
            put_symbol(c, values, s - 1u);
            zeros = 0;
        }
    }
    while (zeros > 0) {
        put_symbol(c, &runs, runs.n - 1);
        zeros -= zeros < runs.n - 1 ? zeros : runs.n - 1;
    }
}

static void write_way(sl_coder *c, const sl_sparse *s, const uint8_t *symbol, uint32_t way, const sl_shares *values, uint8_t *density)
{
    const lines l = lines_of(s, way, density);
    choose_densities(&l, symbol);
    sl_code_raw(c, WAY_BITS, &way);
    code_densities(c, &l);
    for (unsigned d = 1; d < SL_N_DENSITIES; d++) put_lines(c, &l, d, values, symbol);
}

sl_status sl_rans_write(sl_coder *c, const sl_sparse *s, const uint8_t *symbol, sl_error *err)
{
    const size_t n = (size_t)s->rows * s->columns;
    uint32_t count[SL_MAX_SYMBOLS] = {0};
    uint8_t weight[SL_MAX_SYMBOLS] = {0};
    sl_shares values = {0};
    for (size_t i = 0; i < n; i++) count[symbol[i]]++;
    if (s->n_values > 0) sl_weights_of_counts(s->n_values, count + 1, weight);
    if (s->n_values > 0) sl_code_weights(c, s->n_values, weight, &values);

    uint8_t *density = calloc((size_t)s->rows + s->columns + 1, 1);
    if (density == NULL) return SL_FAIL_NOMEM(err);
    uint32_t best = 0;
    double least = INFINITY;
    for (uint32_t way = 0; way < N_WAYS; way++) {
        sl_coder trial;
        sl_coder_write(&trial);
        write_way(&trial, s, symbol, way, &values, density);
        const double bits = sl_coder_bits(&trial);
        if (trial.failed) c->failed = true;
        if (bits < least) {
            least = bits;
            best = way;
        }
        sl_coder_release(&trial);
    }
    write_way(c, s, symbol, best, &values, density);
    free(density);
    return SL_OK;
}

/* ---- reading ---- */

/* The lines of a matrix, those of one density behind one another. */
typedef struct sorted {
    uint32_t *line;
    size_t first[SL_N_DENSITIES + 1];
} sorted;

static void sort_lines(const lines *l, sorted *out)
{
    size_t next[SL_N_DENSITIES] = {0};
    for (size_t i = 0; i < l->n; i++) next[l->density[i]]++;
    out->first[0] = 0;
    for (int d = 0; d < SL_N_DENSITIES; d++) {
        out->first[d + 1] = out->first[d] + next[d];
        next[d] = out->first[d];
    }
    for (size_t i = 0; i < l->n; i++) out->line[next[l->density[i]]++] = (uint32_t)i;
}

/* Some lines, at least one, and where their numbers go. */
typedef struct target {
    const lines *l;
    const uint32_t *line, *end;
    const sl_slots *values;
    sl_sparse_to to;
} target;

static inline void put_value(sl_coder *c, const target *t, size_t at, const size_t size)
{
    const uint32_t value = sl_slots_take(c, t->values) + 1;
    if (size == 4) {
        ((uint32_t *)t->to.to)[at] = ((const uint32_t *)t->to.of)[value];
    } else {
        ((uint8_t *)t->to.to)[at] = ((const uint8_t *)t->to.of)[value];
    }
}

/*
 * Runs and values in turn. A run may go on from line to line. Each turn moves on by one number at least, and none lands
 * outside of the lines, whatever the bytes. False where a run ends with a number behind the last line.
 */
static inline bool read_runs(sl_coder *from, const target *target_, const sl_slots *runs, uint32_t filler, const size_t size)
{
    const target t = *target_;
    const size_t length = t.l->length, step = t.l->step, line_step = t.l->line_step;
    const uint32_t *line = t.line;
    sl_coder c = *from;
    size_t i = 0;
    bool well = true;
    while (line < t.end) {
        const uint32_t run = sl_slots_take(&c, runs);
        for (i += run; i >= length && line < t.end; line++) i -= length;
        if (line == t.end) {
            well = run == filler;
            break;
        }
        if (run == filler) continue;
        put_value(&c, &t, *line * line_step + i * step, size);
        if (++i == length) {
            i = 0;
            line++;
        }
    }
    *from = c;
    return well;
}

/* Values alone. */
static inline void read_full(sl_coder *from, const target *target_, const size_t size)
{
    const target t = *target_;
    sl_coder c = *from;
    for (const uint32_t *line = t.line; line < t.end; line++) {
        for (size_t i = 0; i < t.l->length; i++) put_value(&c, &t, *line * t.l->line_step + i * t.l->step, size);
    }
    *from = c;
}

/* The lines of a density that is not the first. `runs`: room. */
static bool read_lines(sl_coder *c, const target *t, unsigned density, sl_slots *runs)
{
    const bool wide = t->to.size == 4;
    if (density == ALWAYS) {
        if (wide) {
            read_full(c, t, 4);
        } else {
            read_full(c, t, 1);
        }
        return true;
    }
    sl_shares shares;
    sl_shares_of_runs(sl_density[density], &shares);
    sl_slots_fill(&shares, runs);
    return wide ? read_runs(c, t, runs, shares.n - 1, 4) : read_runs(c, t, runs, shares.n - 1, 1);
}

static sl_status broken(sl_error *err)
{
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "coded weights: the stream is damaged");
}

static sl_status read_all(sl_coder *c, const sl_sparse *s, const sl_sparse_to *to, sl_slots slots[2], sl_arena *arena, sl_error *err)
{
    uint8_t weight[SL_MAX_SYMBOLS] = {0};
    sl_shares values = {.n = 1, .start = {0, SL_CODER_TOTAL}};
    if (s->n_values > 0) sl_code_weights(c, s->n_values, weight, &values);
    uint32_t way = 0;
    sl_code_raw(c, WAY_BITS, &way);
    if (way >= N_WAYS) return broken(err);
    lines l = lines_of(s, way, NULL);
    l.density = SL_ARENA_NEW(arena, uint8_t, l.n);
    sorted order = {.line = SL_ARENA_NEW(arena, uint32_t, l.n)};
    if (l.density == NULL || order.line == NULL) return SL_FAIL_NOMEM(err);
    memset(l.density, 0, l.n);
    code_densities(c, &l);
    sort_lines(&l, &order);
    sl_slots_fill(&values, &slots[0]);
    for (unsigned d = 1; d < SL_N_DENSITIES; d++) {
        const target t = {&l, order.line + order.first[d], order.line + order.first[d + 1], &slots[0], *to};
        if (l.length == 0 || t.line == t.end) continue;
        if (s->n_values == 0 || !read_lines(c, &t, d, &slots[1])) return broken(err);
    }
    return SL_OK;
}

sl_status sl_rans_read(sl_coder *c, const sl_sparse *s, const sl_sparse_to *to, sl_slots slots[2], sl_arena *arena, sl_error *err)
{
    const sl_arena_mark mark = sl_arena_here(arena);
    const sl_status status = read_all(c, s, to, slots, arena, err);
    sl_arena_rewind(arena, mark);
    return status;
}
