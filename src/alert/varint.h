/* alert/varint.h - Avro's int and long: zigzag, seven bits a byte, least first. */
#ifndef SL_ALERT_VARINT_H
#define SL_ALERT_VARINT_H

#include <stddef.h>
#include <stdint.h>

/* Read one from [p, end). Gives the byte behind it, or NULL where it does not end in time or takes over 64 bits. */
static inline const unsigned char *sl_varint(const unsigned char *p, const unsigned char *end, int64_t *value)
{
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64 && p < end; shift += 7) {
        const uint64_t byte = *p++;
        bits |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (shift == 63 && byte > 1) return NULL;
            *value = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
            return p;
        }
    }
    return NULL;
}

#endif
