/*
 * coding/coder.h - an entropy coder: a stream of choices, each with its share
 * of 2048, turned into about as many bits as they are unlikely, and back.
 *
 * It is rANS: the stream is one large number, of which two states of 32 bits
 * hold the moving ends, turn by turn. What was written last is decoded last,
 * though the writer works from the end to the beginning: it keeps a list of
 * choices until it is finished. Everything is integers, the same on every
 * machine.
 *
 * The functions sl_code_* go both ways: they write *value, or read it. Reading
 * any bytes whatever is safe: behind the end come zeros, and only
 * sl_coder_finish tells whether the stream was a whole one.
 *
 *     bytes 0-3, 4-7  the two states, little-endian
 *     bytes 8-        words of 16 bits, little-endian: what a state takes when it falls under 2^16
 */
#ifndef SL_CODING_CODER_H
#define SL_CODING_CODER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "starling/base.h"

enum {
    SL_CODER_BITS = 11,
    SL_CODER_TOTAL = 1 << SL_CODER_BITS, /* shares sum up to this */
    SL_CODER_LOWEST = 1 << 16,           /* of a state between two choices; both begin and end with it */
    SL_CODER_HEAD = 8,
    SL_CODER_MOST_CHOICES = 1 << 26      /* that a writer keeps */
};

typedef struct sl_coder {
    bool writing;
    /* reading */
    const uint8_t *bytes;
    size_t n_bytes, at; /* at > n_bytes: read beyond the end */
    uint32_t x, y;      /* the state whose turn it is, and the other */
    /* writing */
    uint32_t *choices; /* first slot, share << 16 */
    size_t n_choices, capacity;
    bool failed; /* out of memory, or too many choices */
} sl_coder;

void sl_coder_write(sl_coder *c);
/* Borrows the bytes. */
void sl_coder_read(sl_coder *c, const void *bytes, size_t n_bytes);
/* Of a writer: frees its list. */
void sl_coder_release(sl_coder *c);
/* The stream of what was written. Gives *bytes; free with free(). SL_ERR_NOMEM; SL_ERR_UNSUPPORTED where it is too long. */
sl_status sl_coder_bytes(const sl_coder *c, void **bytes, size_t *n_bytes, sl_error *err);
/* Whether what was read was all there is, and whole. */
bool sl_coder_finish(const sl_coder *c);
/* Bits so far: of what was written (rounded to 1/16), or what reading has used up (the same to some bits). */
double sl_coder_bits(const sl_coder *c);

/* One choice: the slots from start on, `share` (1 to 2048) of them. */
void sl_coder_put(sl_coder *c, uint32_t start, uint32_t share);

/* The slot that the next choice holds: below 2048. */
static inline uint32_t sl_coder_slot(const sl_coder *c)
{
    return c->x & (SL_CODER_TOTAL - 1);
}

static inline uint32_t sl_coder_word(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

/*
 * The state whose turn it is becomes x, filled up by a word where it is low. Who reads much does so on a copy of the
 * coder that no one else knows of, since that stays in registers, and gives it back at the end.
 */
static inline void sl_coder_move(sl_coder *c, uint32_t x)
{
    if (x < SL_CODER_LOWEST) {
        x = x << 16 | (c->at + 2 <= c->n_bytes ? sl_coder_word(c->bytes + c->at) : 0);
        c->at += 2;
    }
    c->x = c->y;
    c->y = x;
}

/* Pass over the choice that holds that slot. */
static inline void sl_coder_take(sl_coder *c, uint32_t start, uint32_t share)
{
    sl_coder_move(c, share * (c->x >> SL_CODER_BITS) + sl_coder_slot(c) - start);
}

/* The next n bits (at most 32) of those that sl_code_raw wrote. */
enum { SL_RAW_AT_ONCE = 8 };
static inline uint32_t sl_coder_take_raw(sl_coder *c, unsigned n)
{
    uint32_t to = 0;
    while (n > 0) {
        const unsigned part = n < SL_RAW_AT_ONCE ? n : (unsigned)SL_RAW_AT_ONCE, shift = SL_CODER_BITS - part;
        const uint32_t bits = sl_coder_slot(c) >> shift;
        sl_coder_take(c, bits << shift, 1u << shift);
        n -= part;
        to |= bits << n;
    }
    return to;
}

/* How likely a bit is to be 0, learnt from those before. Begin with zeros. */
typedef struct sl_bit_model {
    uint16_t ones; /* share of ones less a half, in 2^-16, plus 2^15 modulo 2^16: zeros mean a half */
    uint8_t seen;
} sl_bit_model;

void sl_code_bit(sl_coder *c, sl_bit_model *model, uint32_t *value);
/* n bits (at most 32) of which nothing is known. */
void sl_code_raw(sl_coder *c, unsigned n, uint32_t *value);
/* A number below 2^n bit by bit, each with a model of its own for what stands before it: 2^n models. n <= 8. */
void sl_code_tree(sl_coder *c, sl_bit_model *models, unsigned n, uint32_t *value);
/* `count` of them with the same models. */
void sl_code_trees(sl_coder *c, sl_bit_model *models, unsigned n, size_t count, uint8_t *values);

/* Numbers of any size, small ones likelier. */
typedef struct sl_number_model {
    sl_bit_model length[64]; /* of length + 1, a tree of 6 bits */
    sl_bit_model second[33]; /* the bit behind the first */
} sl_number_model;
void sl_code_number(sl_coder *c, sl_number_model *model, uint32_t *value);
/* The same with a sign: 0, -1, 1, -2, ... are 0, 1, 2, 3, ... */
void sl_code_signed(sl_coder *c, sl_number_model *model, int32_t *value);

#endif
