/* lightcurve/convert.h - one measurement in the contract's units, without its window. */
#ifndef SL_LIGHTCURVE_CONVERT_H
#define SL_LIGHTCURVE_CONVERT_H

#include "lightcurve/sort.h"
#include "starling/lightcurve.h"

/* SL_OK: *out is a point that the contract counts. SL_DONE: it does not. SL_ERR_NUMERIC as sl_lightcurve_build. */
sl_status sl_lightcurve_convert(const sl_contract *contract, const sl_alert *alert, const sl_point *point,
                                sl_candidate *out, sl_error *err);

#endif
