/* lightcurve/timescale.h - UTC, TAI, JD and MJD. */
#ifndef SL_LIGHTCURVE_TIMESCALE_H
#define SL_LIGHTCURVE_TIMESCALE_H

#define SL_MJD_OF_JD_0 2400000.5 /* MJD = JD - this; exact in double for any JD of our age */
#define SL_SECONDS_PER_DAY 86400.0

/* TAI - UTC [s] at an MJD in UTC: 10 before 1972, 37 since 2017. */
double sl_lightcurve_tai_minus_utc(double mjd_utc);

#endif
