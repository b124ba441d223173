#include "lightcurve/timescale.h"

/* MJD (UTC, midnight) of each leap second's first day, since 1972 (IERS Bulletin C);
   entry k brings TAI - UTC to 10 + k seconds. The last is 2017-01-01. */
static const int leap_days[] = {
    41317, 41499, 41683, 42048, 42413, 42778, 43144, 43509, 43874, 44239, 44786, 45151, 45516, 46247,
    47161, 47892, 48257, 48804, 49169, 49534, 50083, 50630, 51179, 53736, 54832, 56109, 57204, 57754,
};
enum { N_LEAP_DAYS = sizeof leap_days / sizeof leap_days[0] };

double sl_lightcurve_tai_minus_utc(double mjd_utc)
{
    /* From the end: nearly every alert lies behind the last leap second. */
    int k = N_LEAP_DAYS - 1;
    while (k > 0 && !(mjd_utc >= leap_days[k])) k--;
    return 10.0 + k;
}
