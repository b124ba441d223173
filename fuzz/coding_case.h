/* fuzz/coding_case.h - a coded matrix as bytes, for fuzz_coding.c and the maker of its corpus. */
#ifndef SL_FUZZ_CODING_CASE_H
#define SL_FUZZ_CODING_CASE_H

#include "coding/sparse.h"

/* code (0 rans, 1 huffman, 2 plain; + 3 or not, bit 2 then says four bytes each), rows, columns (10 bits, low byte first),
   values, how many of the bytes behind are bits (the coder's stream comes first) */
enum { CODING_HEAD = 6, CODING_RANS = 0, CODING_HUFFMAN = 1, CODING_PLAIN = 2 };

static inline sl_status coding_read(int code, sl_coder *c, sl_bits *b, const sl_sparse *s, const sl_sparse_to *to,
                                    sl_arena *arena, sl_error *err)
{
    static sl_slots slots[2];
    switch (code) {
    case CODING_RANS: return sl_rans_read(c, s, to, slots, arena, err);
    case CODING_HUFFMAN: return sl_huffman_read(c, b, s, to, arena, err);
    default: return sl_plain_read(b, s, to, err);
    }
}

#endif
