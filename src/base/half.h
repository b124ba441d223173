/* base/half.h - IEEE binary16, without instructions that not every processor has. */
#ifndef SL_BASE_HALF_H
#define SL_BASE_HALF_H

#include <stdint.h>
#include <string.h>

/* Exponent and fraction moved to a float's place and multiplied into range: exact, denormal numbers too. */
static inline float sl_half_to_float(uint16_t h)
{
    const uint32_t bits = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    x *= 0x1p112f;
    uint32_t out;
    memcpy(&out, &x, sizeof out);
    out |= sign;
    memcpy(&x, &out, sizeof x);
    return x;
}

/* To nearest, halves to even; beyond the largest half that one. x is not NaN. */
static inline uint16_t sl_half_from_float(float x)
{
    const uint16_t sign = x < 0 ? 0x8000 : 0;
    float a = x < 0 ? -x : x;
    if (a > 65504.0f) a = 65504.0f;
    uint32_t bits;
    if (a < 0x1p-14f) { /* denormal: adding 0.5 leaves the multiple of 2^-24 in the last bits */
        a += 0.5f;
        memcpy(&bits, &a, sizeof bits);
        return (uint16_t)(sign | (bits - 0x3f000000));
    }
    memcpy(&bits, &a, sizeof bits);
    bits += 0xfff + (bits >> 13 & 1);
    const uint32_t half = (bits >> 13) - (112 << 10);
    return (uint16_t)(sign | (half > 0x7bff ? 0x7bff : half));
}

static inline int sl_half_is_finite(uint16_t h)
{
    return (h & 0x7c00) != 0x7c00;
}

/* A whole number that orders halves as their values are ordered, both zeros alike. h is not NaN. */
static inline int sl_half_order(uint16_t h)
{
    return h & 0x8000 ? -(h & 0x7fff) : h;
}

#endif
