#include "coding/levels.h"

#include <math.h>

enum { N_WIDTHS = 16, WIDTH_BITS = 4, MOST_BITS = 8 };

/*
 * A bell in logarithms is a parabola: a level d away from the middle weighs
 * d^2 / (2 w^2) less, in the quarters of an octave of sl_shares_of_weights 4 /
 * ln 2 times that. Widths w: 1/2 times 2^(i / 2), so that 2 / (w^2 ln 2) in
 * 256ths is 2954 / 2^i.
 */
static void shares_of_bell(unsigned bits, uint32_t middle, uint32_t width, sl_shares *out)
{
    uint8_t weight[SL_MAX_SYMBOLS];
    const uint32_t n = 1u << bits;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t d = i > middle ? i - middle : middle - i, less = (d * d * 2954 >> width) >> 8;
        weight[i] = (uint8_t)(less < SL_N_WEIGHTS ? SL_N_WEIGHTS - 1 - less : 0);
    }
    sl_shares_of_weights(n, weight, out);
}

/* The symbol whose slots hold that one. */
static uint32_t symbol_at(const sl_shares *shares, uint32_t slot)
{
    uint32_t low = 0, high = shares->n;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (shares->start[middle] <= slot) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* With slots, which read faster, where there are some. */
static uint32_t code_symbol(sl_coder *c, const sl_shares *shares, const sl_slots *slots, uint32_t symbol)
{
    if (!c->writing) symbol = slots != NULL ? slots->entry[sl_coder_slot(c)] >> 22 : symbol_at(shares, sl_coder_slot(c));
    const uint32_t start = shares->start[symbol], share = shares->start[symbol + 1] - start;
    if (c->writing) {
        sl_coder_put(c, start, share);
    } else {
        sl_coder_take(c, start, share);
    }
    return symbol;
}

static uint32_t best_width(unsigned bits, uint32_t middle, size_t n, const uint8_t *level)
{
    uint32_t count[SL_MAX_SYMBOLS] = {0}, best = 0;
    double least = INFINITY;
    for (size_t i = 0; i < n; i++) count[level[i]]++;
    for (uint32_t width = 0; width < N_WIDTHS; width++) {
        sl_shares shares;
        shares_of_bell(bits, middle, width, &shares);
        double cost = 0;
        for (uint32_t s = 0; s < 1u << bits; s++) {
            cost -= count[s] * log2((double)(shares.start[s + 1] - shares.start[s]));
        }
        if (cost >= least) continue;
        least = cost;
        best = width;
    }
    return best;
}

void sl_code_levels(sl_coder *c, unsigned bits, size_t n, uint8_t *level, sl_slots *scratch)
{
    enum { MANY = 64 }; /* so many pay for filling the slots */
    uint32_t middle = 0, width = 0;
    if (c->writing) {
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++) sum += level[i];
        middle = n > 0 ? (uint32_t)((2 * sum + n) / (2 * n)) : 0;
        width = best_width(bits, middle, n, level);
    }
    sl_code_raw(c, bits, &middle);
    sl_code_raw(c, WIDTH_BITS, &width);
    sl_shares shares;
    shares_of_bell(bits, middle, width, &shares);
    const sl_slots *slots = !c->writing && n >= MANY ? scratch : NULL;
    if (slots != NULL) sl_slots_fill(&shares, scratch);
    for (size_t i = 0; i < n; i++) level[i] = (uint8_t)code_symbol(c, &shares, slots, level[i]);
}

enum { SINGLE_BITS = 4, SINGLE = 1 << SINGLE_BITS };

/* The symbol of a number, and how many bits follow it. */
static uint32_t symbol_of(uint32_t value, unsigned *n_rest)
{
    *n_rest = 0;
    if (value < SINGLE) return value;
    unsigned length = SINGLE_BITS; /* of the bits behind the first */
    while (value >> (length + 1) != 0) length++;
    *n_rest = length - 1;
    return SINGLE + 2 * (length - SINGLE_BITS) + (value >> (length - 1) & 1);
}

void sl_small_count(sl_small *small, uint32_t value)
{
    unsigned n_rest;
    small->count[symbol_of(value, &n_rest)]++;
}

void sl_small_begin(sl_coder *c, sl_small *small)
{
    uint8_t weight[SL_SMALL_SYMBOLS] = {0};
    if (c->writing) sl_weights_of_counts(SL_SMALL_SYMBOLS, small->count, weight);
    sl_code_weights(c, SL_SMALL_SYMBOLS, weight, &small->shares);
    if (!c->writing) sl_slots_fill(&small->shares, &small->slots);
}

/* A number of two bits or more behind its symbol: half of an octave, and the bits behind. */
static unsigned bits_behind(uint32_t symbol)
{
    return SINGLE_BITS - 1 + (symbol - SINGLE) / 2;
}

static void put_small(sl_coder *c, const sl_shares *shares, uint32_t value)
{
    unsigned n_rest;
    const uint32_t symbol = symbol_of(value, &n_rest);
    uint32_t rest = value & ((1u << n_rest) - 1);
    sl_coder_put(c, shares->start[symbol], (uint32_t)shares->start[symbol + 1] - shares->start[symbol]);
    sl_code_raw(c, n_rest, &rest);
}

static void take_smalls(sl_coder *from, const sl_slots *slots, size_t n, uint32_t *value)
{
    sl_coder c = *from;
    for (size_t i = 0; i < n; i++) {
        const uint32_t symbol = sl_slots_take(&c, slots);
        value[i] = symbol;
        if (symbol < SINGLE) continue;
        const unsigned n_rest = bits_behind(symbol);
        value[i] = (2 + symbol % 2) << n_rest | sl_coder_take_raw(&c, n_rest);
    }
    *from = c;
}

void sl_code_smalls(sl_coder *c, sl_small *small, size_t n, uint32_t *value)
{
    if (!c->writing) take_smalls(c, &small->slots, n, value);
    for (size_t i = 0; c->writing && i < n; i++) put_small(c, &small->shares, value[i]);
}
