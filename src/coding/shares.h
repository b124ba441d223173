/*
 * coding/shares.h - how 2048 slots are shared among symbols that are drawn
 * again and again: by the lengths of runs of zeros, or by counts.
 */
#ifndef SL_CODING_SHARES_H
#define SL_CODING_SHARES_H

#include "coding/coder.h"

enum { SL_MAX_SYMBOLS = 256 };

typedef struct sl_shares {
    uint32_t n;                         /* symbols */
    uint16_t start[SL_MAX_SYMBOLS + 1]; /* of each; start[n] = 2048 */
} sl_shares;

/* A symbol, its share and the slot's place in it, for each of the 2048 slots. */
enum { SL_SLOTS_AT_ONCE = 4 }; /* that filling writes, beyond the last one, too */
typedef struct sl_slots {
    uint32_t entry[SL_CODER_TOTAL + SL_SLOTS_AT_ONCE]; /* share - 1, then from bit 11 the place, from bit 22 the symbol */
} sl_slots;
void sl_slots_fill(const sl_shares *shares, sl_slots *out);

/* Read the next symbol. */
static inline uint32_t sl_slots_take(sl_coder *c, const sl_slots *slots)
{
    enum { MASK = SL_CODER_TOTAL - 1, SYMBOL_AT = 2 * SL_CODER_BITS };
    const uint32_t e = slots->entry[c->x & MASK];
    sl_coder_move(c, ((e & MASK) + 1) * (c->x >> SL_CODER_BITS) + (e >> SL_CODER_BITS & MASK));
    return e >> SYMBOL_AT;
}

/* How often a number of a line is not zero: sixteen levels from never to always, in 2048ths. */
enum { SL_N_DENSITIES = 16 };
extern const uint16_t sl_density[SL_N_DENSITIES];

/*
 * Zeros before the next number that is none, at a density that is neither
 * never nor always: symbol g < n - 1 means g of them, the last symbol n - 1 of
 * them and no number yet.
 */
void sl_shares_of_runs(uint32_t density, sl_shares *out);

/* Shares from rough logarithms of counts (below SL_N_WEIGHTS; 4 are twice as much). 1 <= n <= SL_MAX_SYMBOLS. */
enum { SL_N_WEIGHTS = 40 };
void sl_shares_of_weights(uint32_t n, const uint8_t *weight, sl_shares *out);
/* Weights both ways, 1 <= n <= SL_MAX_SYMBOLS of them, and their shares. */
void sl_code_weights(sl_coder *c, uint32_t n, uint8_t *weight, sl_shares *out);
/* The weights for counts, none of which is 0. */
void sl_weights_of_counts(uint32_t n, const uint32_t *count, uint8_t *weight);

#endif
