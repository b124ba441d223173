#include "coding/shares.h"

/* Neighbours are so near that a density between them costs less than a hundredth more. */
const uint16_t sl_density[SL_N_DENSITIES] = {0,   20,  33,  52,  78,  112, 157,  213,
                                             283, 371, 480, 617, 793, 1024, 1366, SL_CODER_TOTAL};

/* Four at a time; what is too much the next symbol writes over. */
typedef uint32_t four __attribute__((vector_size(16), aligned(4), may_alias));

void sl_slots_fill(const sl_shares *shares, sl_slots *out)
{
    enum { STEP = 1 << SL_CODER_BITS, FOUR = SL_SLOTS_AT_ONCE };
    for (uint32_t s = 0; s < shares->n; s++) {
        const uint32_t start = shares->start[s], end = shares->start[s + 1], head = (end - start - 1) | s << 2 * SL_CODER_BITS;
        four next = {head, head + STEP, head + 2 * STEP, head + 3 * STEP};
        for (uint32_t i = start; i < end; i += FOUR, next += FOUR * STEP) *(four *)&out->entry[i] = next;
    }
}

/* A run ends after each zero with the same probability; what is too rare for some slots of its own goes to the last. */
void sl_shares_of_runs(uint32_t density, sl_shares *out)
{
    enum { FEWEST = 4 };
    uint32_t rest = SL_CODER_TOTAL, n = 0;
    while (n < SL_MAX_SYMBOLS - 1) {
        const uint32_t share = (rest * density + SL_CODER_TOTAL / 2) >> SL_CODER_BITS;
        if (share < FEWEST) break;
        out->start[n++] = (uint16_t)(SL_CODER_TOTAL - rest);
        rest -= share;
    }
    out->start[n++] = (uint16_t)(SL_CODER_TOTAL - rest);
    out->start[n] = SL_CODER_TOTAL;
    out->n = n;
}

static uint32_t of_weight(uint32_t weight)
{
    return (4 + (weight & 3)) << (weight >> 2);
}

void sl_shares_of_weights(uint32_t n, const uint8_t *weight, sl_shares *out)
{
    uint64_t sum = 0;
    uint32_t share[SL_MAX_SYMBOLS], total = 0;
    for (uint32_t i = 0; i < n; i++) sum += of_weight(weight[i]);
    for (uint32_t i = 0; i < n; i++) {
        share[i] = (uint32_t)((uint64_t)of_weight(weight[i]) * SL_CODER_TOTAL / sum);
        if (share[i] == 0) share[i] = 1;
        total += share[i];
    }
    while (total != SL_CODER_TOTAL) { /* the largest, the first of them, gets what is left or gives what is missing */
        uint32_t most = 0;
        for (uint32_t i = 1; i < n; i++) most = share[i] > share[most] ? i : most;
        const uint32_t before = share[most];
        if (total < SL_CODER_TOTAL) {
            share[most] += SL_CODER_TOTAL - total;
        } else {
            share[most] -= total - SL_CODER_TOTAL < before - 1 ? total - SL_CODER_TOTAL : before / 2;
        }
        total = total + share[most] - before;
    }
    out->n = n;
    out->start[0] = 0;
    for (uint32_t i = 0; i < n; i++) out->start[i + 1] = (uint16_t)(out->start[i] + share[i]);
}

void sl_code_weights(sl_coder *c, uint32_t n, uint8_t *weight, sl_shares *out)
{
    enum { BITS = 6 };
    sl_bit_model models[1 << BITS] = {0};
    sl_code_trees(c, models, BITS, n, weight);
    for (uint32_t i = 0; i < n; i++) weight[i] = weight[i] < SL_N_WEIGHTS ? weight[i] : SL_N_WEIGHTS - 1; /* of a broken stream */
    sl_shares_of_weights(n, weight, out);
}

void sl_weights_of_counts(uint32_t n, const uint32_t *count, uint8_t *weight)
{
    uint64_t most = 1;
    for (uint32_t i = 0; i < n; i++) most = count[i] > most ? count[i] : most;
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t wanted = (uint64_t)count[i] * of_weight(SL_N_WEIGHTS - 1) * 16 / most; /* in sixteenths */
        uint8_t w = 0;
        /* up, as long as the middle between this and the next is below */
        while (w + 1 < SL_N_WEIGHTS && wanted > 8 * (of_weight(w) + of_weight(w + 1u))) w++;
        weight[i] = w;
    }
}
