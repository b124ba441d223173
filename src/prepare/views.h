/* prepare/views.h - changed views of a light curve. */
#ifndef SL_PREPARE_VIEWS_H
#define SL_PREPARE_VIEWS_H

#include "base/rng.h"
#include "starling/prepare.h"

/* Workspace of one thread. */
typedef struct sl_viewer sl_viewer;

/* Views for this contract, which is copied. Gives; free with _free. */
sl_status sl_viewer_new(const sl_contract *contract, sl_viewer **out, sl_error *err);
void sl_viewer_free(sl_viewer *viewer);

/* Views will be of this alert from now on. Borrows it until the next one. SL_ERR_NOMEM. */
sl_status sl_viewer_begin(sl_viewer *viewer, const sl_alert *alert, sl_error *err);
/*
 * Draw a view: *out is an alert whose points borrow from the viewer until the
 * next call. SL_DONE where nothing is left of it. SL_ERR_NOMEM.
 */
sl_status sl_viewer_draw(sl_viewer *viewer, const sl_augment *augment, sl_rng *rng, sl_alert *out, sl_error *err);

/* Days from the first significant point, or the first of any where none is, to the last point; NaN without points. */
float sl_alert_days(const sl_alert *alert);

#endif
