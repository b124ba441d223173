/*
 * gp/matern.h - exp and the Matern-3/2 kernel, written so that the compiler
 * vectorises a loop over them: no branch, no call, no table.
 */
#ifndef SL_GP_MATERN_H
#define SL_GP_MATERN_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Beyond it exp(-s) would leave the normal numbers; 3e-308 stands for what is there. */
#define SL_GP_MAX_DISTANCE 708.0

/*
 * exp(-s) for s in [0, 708], within 2 units in the last place. s = k ln 2 - r
 * with |r| <= ln 2 / 2; ln 2 is split in two, the first part short enough
 * that k times it is exact. exp(r) by its Taylor series up to r^13 / 13!
 * (the rest is below 2^-57), summed in groups of four that do not wait for
 * each other; 2^-k by its bits.
 */
static inline double sl_gp_exp_minus(double s)
{
    const double shift = 0x1.8p52; /* adding it rounds to an integer, in the low bits */
    const double rounded = s * -0x1.71547652b82fep0 + shift;
    const double k = rounded - shift;
    const double r = (-s - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33;
    const double r2 = r * r, r4 = r2 * r2;
    const double low = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
    const double middle = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
    const double high = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800));
    const double sum = (low + r4 * middle) + r4 * r4 * high;
    const double exp_r = 1.0 + (r + r2 * sum);
    int64_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    bits = (int64_t)((uint64_t)(bits + 1023) << 52);
    double power;
    memcpy(&power, &bits, sizeof power);
    return exp_r * power;
}

static inline double sl_gp_min(double a, double b)
{
    return a < b ? a : b;
}

#endif
