/* compress/quantize.h - numbers as they will be read back once they are stored in fewer bits. */
#ifndef SL_COMPRESS_QUANTIZE_H
#define SL_COMPRESS_QUANTIZE_H

#include "starling/compress.h"

/* To the nearest float16, halves to even; n numbers, in place or not. */
void sl_quantize_float16(size_t n, const float *x, float *to);
/* To the nearest bfloat16, halves to even. */
void sl_quantize_bfloat16(size_t n, const float *x, float *to);
/*
 * A row at a time to scale * integer, the integers within +-(2^(bits - 1) - 1)
 * and the scale, a float16, such that the row's largest number is the last of
 * them. A row too small for that becomes 0.
 */
void sl_quantize_rows(size_t rows, size_t columns, uint32_t bits, const float *x, float *to);

#endif
