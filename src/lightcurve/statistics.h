/* lightcurve/statistics.h - the features of a light curve that need no fit. include/starling/feature.h has the formulas. */
#ifndef SL_LIGHTCURVE_STATISTICS_H
#define SL_LIGHTCURVE_STATISTICS_H

#include "starling/lightcurve.h"

/* NaN, which is missing, where x does not fit. */
float sl_feature_float(double x);

/* max |flux|; 1 where every flux is 0. */
double sl_lightcurve_peak(const sl_lightcurve *lc);

/* Luminosity distance [Mpc] at redshift z > 0: flat LambdaCDM, H0 = 70 km/s/Mpc, Omega_m = 0.3. */
double sl_luminosity_distance(double z);

/* Doubles of scratch that sl_lightcurve_features wants for n points. */
static inline size_t sl_lightcurve_features_scratch(size_t n)
{
    return 3 * n;
}

/*
 * The contract's features: raw[sl_contract_input_features()], NaN where one is
 * missing or is about the fit. lc has at least one point, with error and band,
 * the bands below the contract's n_bands.
 */
void sl_lightcurve_features(const sl_contract *contract, const sl_lightcurve *lc, double *scratch, float *raw);

#endif
