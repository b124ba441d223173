/* simulate/sky.h - what varies on the sky, and how. */
#ifndef SL_SIMULATE_SKY_H
#define SL_SIMULATE_SKY_H

#include "base/rng.h"
#include "starling/simulate.h"

enum { SL_SKY_BANDS = 6 }; /* u g r i z y */

/* One object. Times are in days before (negative) or after the current alert. */
typedef struct sl_sky_object {
    sl_simulate_kind kind;
    double t0;        /* [d] peak, explosion or time of phase 0, by kind */
    double width;     /* time scale: a stretch, days, or a period, by kind */
    double depth;     /* amplitude [mag], impact parameter or second time scale, by kind */
    double kelvin;    /* temperature now or at the peak */
    double color[SL_SKY_BANDS]; /* flux in the band over flux in r, of the steady part */
    /* the walk of an AGN */
    sl_rng rng;
    double walk, walk_time;
    /* the flares of an M dwarf */
    int n_flares;
    double flare_time[8], flare_height[8];
} sl_sky_object;

void sl_sky_draw(sl_sky_object *object, sl_simulate_kind kind, sl_rng *rng);

/* Difference flux in no unit, to be scaled. Calls come in order of time (an
   AGN walks along). */
double sl_sky_flux(sl_sky_object *object, double t, int band);

#endif
