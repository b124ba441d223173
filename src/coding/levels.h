/*
 * coding/levels.h - rows of small whole numbers of which something is known:
 * levels that gather about a middle, and numbers of which small ones are many.
 */
#ifndef SL_CODING_LEVELS_H
#define SL_CODING_LEVELS_H

#include "coding/shares.h"

/*
 * n levels below 2^bits, 2 <= bits <= 8, with shares along a bell: its middle
 * and one of sixteen widths are told before.
 */
void sl_code_levels(sl_coder *c, unsigned bits, size_t n, uint8_t *level);

/*
 * Numbers below SL_SMALL_END with shares that are told before; larger ones
 * take a bit model's number behind them.
 */
enum { SL_SMALL_END = 23 };
typedef struct sl_small {
    sl_shares shares;
    sl_number_model large;
} sl_small;
/* How often each symbol comes, the last standing for all that are larger; writing only. Then, before the first number: */
void sl_small_count(uint32_t value, uint32_t count[SL_SMALL_END + 1]);
void sl_small_begin(sl_coder *c, const uint32_t count[SL_SMALL_END + 1], sl_small *out);
void sl_code_small(sl_coder *c, sl_small *small, uint32_t *value);

#endif
