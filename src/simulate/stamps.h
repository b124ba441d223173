/* simulate/stamps.h - a pool of image stamps, real FITS, made once a night. */
#ifndef SL_SIMULATE_STAMPS_H
#define SL_SIMULATE_STAMPS_H

#include "starling/simulate.h"

enum { SL_STAMP_SETS = 24 };

/* The three stamps of one alert. Borrow from the pool. */
typedef struct sl_stamp_set {
    sl_str science, template_, difference;
} sl_stamp_set;

typedef struct sl_stamps {
    size_t n_sets; /* 0: a night without stamps */
    sl_stamp_set sets[SL_STAMP_SETS];
} sl_stamps;

/* ZTF: gzipped, 63 x 63; LSST: plain, 30 x 30 with variance and, but for the
   template, the point spread. Free with sl_stamps_release. */
sl_status sl_stamps_init(sl_stamps *stamps, const sl_simulate_options *options, sl_error *err);
void sl_stamps_release(sl_stamps *stamps);

#endif
