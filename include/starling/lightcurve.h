/*
 * starling/lightcurve.h - from measurements to a light curve under a contract.
 */
#ifndef STARLING_LIGHTCURVE_H
#define STARLING_LIGHTCURVE_H

#include "starling/alert.h"
#include "starling/base.h"
#include "starling/contract.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A light curve: one flux scale, one time scale, the contract's points only.
 * Arrays of n; they borrow from the buffer that made them.
 */
typedef struct sl_lightcurve {
    size_t n;
    const double *time;       /* [d] in the contract's order and origin, ascending */
    const double *flux;       /* [contract zero point] */
    const double *error;      /* [contract zero point], 1 sigma, > 0 under drop_bad, else >= 0 */
    const double *wavelength; /* [Angstrom] of each point's band */
    const uint8_t *band;      /* index into the contract's bands */
    double origin_mjd;        /* MJD at time 0 */
    uint32_t bands_present;   /* bit mask over the contract's bands */
    uint32_t n_bands_present;
    uint32_t n_channels;                 /* of the grid to make */
    double channel_wavelength[SL_MAX_BANDS]; /* [Angstrom] */
    float redshift;       /* NaN if none */
    float redshift_error; /* NaN if none */
} sl_lightcurve;

/* Storage for one light curve at a time, reused. Gives; free with _free. */
typedef struct sl_lightcurve_buffer sl_lightcurve_buffer;
SL_API sl_status sl_lightcurve_buffer_new(sl_lightcurve_buffer **out, sl_error *err);
SL_API void sl_lightcurve_buffer_free(sl_lightcurve_buffer *buffer);

/*
 * Apply the contract to an alert: select, convert units, time and sign, sort,
 * trim, and check what the contract demands. `out` borrows from buffer until
 * the next call.
 *
 * SL_ERR_CONTRACT with a reason where the contract cannot be met, and
 * SL_ERR_NUMERIC where a point that counts is not finite and the contract
 * does not drop bad ones; out->n and the bands are then still filled in, the
 * arrays are NULL.
 *
 * Never counted: non-detections, null values, bands the contract does not
 * know. Points of a file (SL_SURVEY_NONE) count under any `use`. The window
 * is laid around all detections (kind DETECTION, or flag DETECTED), in any
 * band; without one everything is kept. One visit is one band within one
 * second; forced photometry is kept, else the alert's current point, else the
 * smallest error. Only the sign of a magnitude is ever changed by signed_flux.
 * The result does not depend on the order of the points, but for the origin of
 * reversed time, which is the packet's first point.
 *
 * Cost: O(n log n). Allocates only when an alert has more points than any
 * before; more than 64 000 that count are refused at once.
 */
SL_API sl_status sl_lightcurve_build(const sl_contract *contract, const sl_alert *alert, sl_lightcurve_buffer *buffer,
                                     sl_lightcurve *out, sl_error *err);

/*
 * When the steps of the network's input are: mjd has room for
 * sl_contract_input_steps numbers. Of the grid those from the first point to
 * the last (in the contract's order of time, so falling where that is
 * reversed); of nights the first point of each that is kept. Gives how many:
 * steps that are extras have no time. lc must have points.
 */
SL_API size_t sl_lightcurve_step_times(const sl_contract *contract, const sl_lightcurve *lc, double *mjd);

#ifdef __cplusplus
}
#endif
#endif
