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
    /* Written without branches and round(), so that a loop over lanes becomes vectors. */
    const double range = max - min, step = min < max ? range / 255 : 1;
    const double below = -min / step, above = max / step;
    const double zero = 128 + below < 127 + above ? -128 + below : 127 - above;
    const double even = rint(zero), rest = zero - even;
    double away = even + (((rest == 0.5) & (zero > 0)) ? 1 : 0);
    away = away - (((rest == -0.5) & (zero < 0)) ? 1 : 0);
    away = min < max ? away : 0;
    away = away > -128 ? away : -128; /* and NaN */
    *width = (float)step;
    return (float)(away > 127 ? 127 : away);
}

#endif
