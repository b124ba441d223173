/*
 * coding/sparse.h - matrices of few different numbers, most of them 0.
 *
 * A number is a symbol: 0, or one of n_values others, 1 to n_values. Three ways
 * to write a matrix of them; which and where its values stand is the caller's.
 *
 *   plain     every symbol in as many bits as n_values needs
 *   huffman   Han et al. 2015 (arXiv:1510.00149): the zeros before each other
 *             number (from n on: a filler for n), and that number, each in a
 *             canonical Huffman code of its own, row by row
 *   rans      the same pairs in the coder. Rows, columns or the whole belong to
 *             one of sixteen densities each; those of one density follow one
 *             another, and how likely a run is follows from the density alone
 */
#ifndef SL_CODING_SPARSE_H
#define SL_CODING_SPARSE_H

#include "base/arena.h"
#include "coding/bits.h"
#include "coding/coder.h"
#include "coding/shares.h"

enum { SL_MAX_VALUES = SL_MAX_SYMBOLS - 1 };

typedef struct sl_sparse {
    uint32_t rows, columns, n_values;
} sl_sparse;

/* Where symbols go: to[i] = of[symbol], both of `size` bytes (1 or 4). of[0] must be 0. */
typedef struct sl_sparse_to {
    void *to;       /* rows x columns */
    const void *of; /* n_values + 1 */
    size_t size;
} sl_sparse_to;

/* `symbol` has rows x columns of them. They fail with the writers they write to; SL_ERR_NOMEM. */
sl_status sl_rans_write(sl_coder *c, const sl_sparse *s, const uint8_t *symbol, sl_error *err);
sl_status sl_huffman_write(sl_coder *c, sl_bits_writer *bits, const sl_sparse *s, const uint8_t *symbol, sl_error *err);
void sl_plain_write(sl_bits_writer *bits, const sl_sparse *s, const uint8_t *symbol);

/*
 * The scratch memory is given back to the arena. SL_ERR_FORMAT, SL_ERR_NOMEM. What is not in the stream is left as it is:
 * `to` begins as zeros. slots: room, the same for one matrix after another, so that it stays in the cache.
 */
sl_status sl_rans_read(sl_coder *c, const sl_sparse *s, const sl_sparse_to *to, sl_slots slots[2], sl_arena *arena, sl_error *err);
sl_status sl_huffman_read(sl_coder *c, sl_bits *bits, const sl_sparse *s, const sl_sparse_to *to, sl_arena *arena, sl_error *err);
sl_status sl_plain_read(sl_bits *bits, const sl_sparse *s, const sl_sparse_to *to, sl_error *err);

#endif
