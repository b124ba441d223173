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

/* Covariance without noise, and its derivative for p1: A/2 e^-s q, where q is the part of s^2 that belongs to time. */
SL_INLINE vd matern(vd dt, vd dw, vd amplitude, vd time_scale, vd wavelength_scale, vd *slope)
{
    const vd q = dmin(dt * dt * time_scale, dset(SL_GP_MAX_DISTANCE * SL_GP_MAX_DISTANCE));
    const vd s = dmin(dsqrt(dfma(dw * dw, wavelength_scale, q)), dset(SL_GP_MAX_DISTANCE));
    const vd e = amplitude * exp_minus(s);
    *slope = e * (dset(0.5) * q);
    return dfma(e, s, e);
}
