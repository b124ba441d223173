#include "coding/bits.h"

#include <stdlib.h>

static void put_byte(sl_bits_writer *b)
{
    if (b->n_bytes == b->capacity) {
        const size_t capacity = b->capacity > 0 ? 2 * b->capacity : 256;
        uint8_t *bytes = realloc(b->bytes, capacity);
        if (bytes == NULL) {
            b->failed = true;
            return;
        }
        b->bytes = bytes;
        b->capacity = capacity;
    }
    b->bytes[b->n_bytes++] = (uint8_t)b->ahead;
}

void sl_bits_put(sl_bits_writer *b, unsigned n, uint32_t value)
{
    b->ahead |= (uint64_t)value << b->n_ahead;
    for (b->n_ahead += n; b->n_ahead >= 8; b->n_ahead -= 8) {
        put_byte(b);
        b->ahead >>= 8;
    }
}

void sl_bits_put_align(sl_bits_writer *b)
{
    if (b->n_ahead > 0) sl_bits_put(b, 8 - b->n_ahead, 0);
}
