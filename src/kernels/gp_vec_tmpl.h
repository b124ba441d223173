/*
 * kernels/gp_vec_tmpl.h - what the kernels of the Gaussian process share,
 * included by one file for each instruction set. That file defines before:
 *
 *   vd, vl            vectors of DL doubles, of DL 64-bit integers
 *   dset(x)           all lanes x
 *   dfma(a, b, c), dfnma(a, b, c)   a b + c and c - a b, rounded once
 *   dmin(a, b)        b where either is NaN
 *   dsqrt(a)          root, rounded right
 *   GP_SUM_ROWS       rows of a tile of 4 x 4 vectors whose sums fit the registers
 *
 * and, where it can choose from sixteen numbers in registers,
 *
 *   GP_PICK(table, i) in each lane the table's number at i modulo 16
 */
#include <math.h>
#include <string.h>

#include "kernels/gp_kernels.h"

SL_INLINE vd dload(const double *p)
{
    return *(const vd *)p;
}

SL_INLINE void dstore(double *p, vd x)
{
    *(vd *)p = x;
}

/* x where the mask is all ones, 0 where it is all zeros. */
SL_INLINE vd dmask(vl mask, vd x)
{
    return (vd)(mask & (vl)x);
}

#ifdef GP_PICK
/* The bits of 2^(j / 16), less j 2^48: so that adding 2^48 k, j being k modulo 16, gives those of 2^(k / 16). */
static const long long exp_sixteenths[16] = {
    0x3ff0000000000000, 0x3fefb5586cf9890f, 0x3fef72b83c7d517b, 0x3fef387a6e756238,
    0x3fef06fe0a31b715, 0x3feedea64c123422, 0x3feebfdad5362a27, 0x3feeab07dd485429,
    0x3feea09e667f3bcd, 0x3feea11473eb0187, 0x3feeace5422aa0db, 0x3feec49182a3f090,
    0x3feee89f995ad3ad, 0x3fef199bdd85529c, 0x3fef5818dcfba487, 0x3fefa4afa2a490da,
};

/*
 * exp(-s) for s in [0, 708], within 2 units in the last place: as below, but
 * in sixteenths of ln 2, so that a shorter polynomial does (relative error
 * 2^-54.9).
 */
SL_INLINE vd exp_minus(vd s)
{
    const vd shift = dset(0x1.8p52);
    const vd rounded = dfnma(s, dset(0x1.71547652b82fep4), shift);
    const vd k = rounded - shift;
    const vd r = dfnma(k, dset(0x1.a39ef35793c76p-37), dfnma(k, dset(0x1.62e42fee00000p-5), -s));
    vd q = dset(0x1.6c17bb51f236dp-10);
    q = dfma(q, r, dset(0x1.11120af701debp-7));
    q = dfma(q, r, dset(0x1.55555555194d2p-5));
    q = dfma(q, r, dset(0x1.55555554dd44dp-3));
    q = dfma(q, r, dset(0x1.0000000000000p-1));
    const vd power = (vd)(GP_PICK(exp_sixteenths, (vl)rounded) + ((vl)rounded << 48));
    return dfma(power, dfma(r * r, q, r), power);
}
#else
/*
 * exp(-s) for s in [0, 708], within 2 units in the last place. s = r - k ln 2
 * with |r| <= ln 2 / 2; ln 2 is split in two, the first part short enough
 * that k times it is exact. exp(r) = 1 + r + r^2 q(r), q interpolating at the
 * Chebyshev nodes: relative error below 2^-55. Adding 1.5 2^52 rounds k to an
 * integer, in the low bits, from where it goes to the exponent.
 */
SL_INLINE vd exp_minus(vd s)
{
    const vd shift = dset(0x1.8p52);
    const vd rounded = dfnma(s, dset(0x1.71547652b82fep0), shift);
    const vd k = rounded - shift;
    const vd r = dfnma(k, dset(0x1.a39ef35793c76p-33), dfnma(k, dset(0x1.62e42fee00000p-1), -s));
    vd q = dset(0x1.af389ecfc4b9cp-26);
    q = dfma(q, r, dset(0x1.28917c89a43a7p-22));
    q = dfma(q, r, dset(0x1.71de0db2f6b19p-19));
    q = dfma(q, r, dset(0x1.a019b9149a41cp-16));
    q = dfma(q, r, dset(0x1.a01a01a7c2efep-13));
    q = dfma(q, r, dset(0x1.6c16c17889ef1p-10));
    q = dfma(q, r, dset(0x1.11111111109b5p-7));
    q = dfma(q, r, dset(0x1.5555555553d68p-5));
    q = dfma(q, r, dset(0x1.5555555555556p-3));
    q = dfma(q, r, dset(0x1.0000000000001p-1));
    const vd exp_r = dset(1) + dfma(r * r, q, r);
    return (vd)((vl)exp_r + ((vl)rounded << 52));
}
#endif

/* Covariance without noise, and its derivative for p1: A/2 e^-s q, where q is the part of s^2 that belongs to time. */
SL_INLINE vd matern(vd dt, vd dw, vd amplitude, vd time_scale, vd wavelength_scale, vd *slope)
{
    const vd q = dmin(dt * dt * time_scale, dset(SL_GP_MAX_DISTANCE * SL_GP_MAX_DISTANCE));
    const vd s = dmin(dsqrt(dfma(dw * dw, wavelength_scale, q)), dset(SL_GP_MAX_DISTANCE));
    const vd e = amplitude * exp_minus(s);
    *slope = e * (dset(0.5) * q);
    return dfma(e, s, e);
}
