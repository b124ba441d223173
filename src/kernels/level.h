/* kernels/level.h - where TFLite's run-time quantisation puts zero. */
#ifndef SL_KERNELS_LEVEL_H
#define SL_KERNELS_LEVEL_H

#include <math.h>

/*
 * The level in [-128, 127] that stands for zero, for values in [min, max]
 * with min <= 0 <= max, and the width of a level. The range has 255 steps;
 * zero's level is reckoned from the end that gives the smaller error. A range
 * of one point has width 1 and zero at 0.
 */
static inline float sl_zero_level(double min, double max, float *width)
{
    const double step = min < max ? (max - min) / 255 : 1;
    const double below = -min / step, above = max / step;
    double zero = 128 + below < 127 + above ? -128 + below : 127 - above;
    zero = min < max ? round(zero) : 0;
    zero = zero < -128 ? -128 : zero > 127 ? 127 : zero;
    *width = (float)step;
    return (float)zero;
}

#endif
