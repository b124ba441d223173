/* coding/bits.h - bits one after another, the lowest of a byte first. */
#ifndef SL_CODING_BITS_H
#define SL_CODING_BITS_H

#include <stddef.h>
#include <stdint.h>

#include "starling/base.h"

typedef struct sl_bits {
    const uint8_t *bytes;
    size_t n_bytes, at;  /* the next byte to load */
    uint64_t ahead;      /* loaded, not yet taken */
    unsigned n_ahead;
    size_t missing;      /* bits taken beyond the end: they were zeros */
} sl_bits;

/* Make at least 32 bits ready. */
static inline void sl_bits_load(sl_bits *b)
{
    while (b->n_ahead <= 56) {
        if (b->at < b->n_bytes) {
            b->ahead |= (uint64_t)b->bytes[b->at++] << b->n_ahead;
        } else {
            b->missing += 8;
        }
        b->n_ahead += 8;
    }
}

/* The next n bits, at most 32. */
static inline uint32_t sl_bits_take(sl_bits *b, unsigned n)
{
    if (b->n_ahead < n) sl_bits_load(b);
    const uint32_t value = (uint32_t)(b->ahead & (((uint64_t)1 << n) - 1));
    b->ahead >>= n;
    b->n_ahead -= n;
    return value;
}

/* To the next whole byte, which bytes and numbers of whole bytes begin with. */
static inline void sl_bits_align(sl_bits *b)
{
    (void)sl_bits_take(b, b->n_ahead % 8);
}

/* Bits taken so far, those beyond the end included. */
static inline size_t sl_bits_taken(const sl_bits *b)
{
    return 8 * b->at + b->missing - b->n_ahead;
}

/* Whether more was taken than there is. */
static inline bool sl_bits_over(const sl_bits *b)
{
    return b->missing > b->n_ahead;
}

typedef struct sl_bits_writer {
    uint8_t *bytes; /* gives; free with free() */
    size_t n_bytes, capacity;
    uint64_t ahead;
    unsigned n_ahead;
    bool failed; /* out of memory */
} sl_bits_writer;

/* n <= 32 */
void sl_bits_put(sl_bits_writer *b, unsigned n, uint32_t value);
void sl_bits_put_align(sl_bits_writer *b);

#endif
