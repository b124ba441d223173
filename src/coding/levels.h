/*
 * coding/levels.h - rows of small whole numbers of which something is known:
 * levels that gather about a middle, and numbers of which small ones are many.
 */
#ifndef SL_CODING_LEVELS_H
#define SL_CODING_LEVELS_H

#include "coding/shares.h"

/*
 * n levels below 2^bits, 2 <= bits <= 8, with shares along a bell: its middle
 * and one of sixteen widths are told before. scratch: for reading, or NULL.
 */
void sl_code_levels(sl_coder *c, unsigned bits, size_t n, uint8_t *level, sl_slots *scratch);

/*
 * Numbers below SL_SMALL_END: those below 16 have a symbol each, then each
 * half of an octave has one, and the bits behind it follow raw. How often each
 * symbol comes is told before.
 */
enum { SL_SMALL_SYMBOLS = 40, SL_SMALL_END = 1 << 16 };
typedef struct sl_small {
    uint32_t count[SL_SMALL_SYMBOLS]; /* writing */
    sl_shares shares;
    sl_slots slots; /* reading */
} sl_small;
/* Writing: count each number, from zeros on. Then, both ways: tell, and go through them. */
void sl_small_count(sl_small *small, uint32_t value);
void sl_small_begin(sl_coder *c, sl_small *small);
void sl_code_smalls(sl_coder *c, sl_small *small, size_t n, uint32_t *value);

#endif
