#include "compress/quantize.h"

#include <math.h>
#include <string.h>

#include "base/half.h"

void sl_quantize_float16(size_t n, const float *x, float *to)
{
    for (size_t i = 0; i < n; i++) to[i] = sl_half_to_float(sl_half_from_float(x[i]));
}

void sl_quantize_bfloat16(size_t n, const float *x, float *to)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits += 0x7fff + (bits >> 16 & 1);
        bits &= 0xffff0000u;
        memcpy(to + i, &bits, sizeof bits);
    }
}

void sl_quantize_rows(size_t rows, size_t columns, uint32_t bits, const float *x, float *to)
{
    const float steps = (float)((1u << (bits - 1)) - 1);
    for (size_t r = 0; r < rows; r++, x += columns, to += columns) {
        float most = 0;
        for (size_t c = 0; c < columns; c++) most = fmaxf(most, fabsf(x[c]));
        float scale = most / steps;
        sl_quantize_float16(1, &scale, &scale);
        const float inverse = scale > 0 ? 1 / scale : 0;
        for (size_t c = 0; c < columns; c++) to[c] = scale * fminf(fmaxf(rintf(x[c] * inverse), -steps), steps);
    }
}
