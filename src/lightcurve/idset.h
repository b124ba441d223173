/* lightcurve/idset.h - which names were seen: a bounded set of 64-bit hashes. */
#ifndef SL_LIGHTCURVE_IDSET_H
#define SL_LIGHTCURVE_IDSET_H

#include "starling/base.h"

typedef struct sl_idset {
    uint64_t *slots; /* 0 is empty */
    size_t size, count;
} sl_idset;

enum { SL_IDSET_MAX = 1 << 22 }; /* names remembered, in 64 MB */

void sl_idset_release(sl_idset *set);
/* SL_OK: was not in, and is now (or there was no place for it). SL_DONE: is in already. */
sl_status sl_idset_add(sl_idset *set, sl_str name, sl_error *err);

#endif
