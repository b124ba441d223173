/* base/clock.h - time for measuring, and time of day. */
#ifndef SL_BASE_CLOCK_H
#define SL_BASE_CLOCK_H

#include <stdint.h>

/* Monotonic [ns]. */
uint64_t sl_clock_ns(void);
/* UTC [ms since 1970]. */
int64_t sl_clock_utc_ms(void);

#endif
