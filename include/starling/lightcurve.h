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
    const double *error;      /* [contract zero point], 1 sigma, > 0 */
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
 * the next call. SL_ERR_CONTRACT with a reason where the contract cannot be
 * met; out->n and the bands are then still filled in for the record.
 */
SL_API sl_status sl_lightcurve_build(const sl_contract *contract, const sl_alert *alert, sl_lightcurve_buffer *buffer,
                                     sl_lightcurve *out, sl_error *err);

#ifdef __cplusplus
}
#endif
#endif
