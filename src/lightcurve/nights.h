/* lightcurve/nights.h - the points themselves as the network's input, one row a night. */
#ifndef SL_LIGHTCURVE_NIGHTS_H
#define SL_LIGHTCURVE_NIGHTS_H

#include "starling/lightcurve.h"

/*
 * sl_contract.max_nights says what a row holds. input: max_nights rows of
 * sl_contract_input_channels; the extras stay as they are (whoever adds them
 * wants *n_nights). lc has band and error > 0. SL_ERR_NUMERIC where a value
 * does not fit a float.
 */
sl_status sl_lightcurve_nights(const sl_contract *contract, const sl_lightcurve *lc, float *input, size_t *n_nights,
                               sl_error *err);

#endif
