/*
 * starling/feature.h - single numbers about a light curve, beside its grid.
 *
 * Written in terms of the light curve under the contract: n points with time t
 * [d], flux f and error e [contract zero point], p = max |f| (1 where every
 * flux is 0), m the Gaussian process' mean at its grid of G steps (times g)
 * and channels. ln is the natural logarithm. A value that is not defined (too
 * few points, no redshift, a division by 0) is missing.
 *
 * The network gets clamp((x - feature_center) / feature_spread, -6, 6) of each,
 * or, where the contract has tables of knots, the value's place among those
 * that training saw (sl_contract_scale_features); and 0 of a missing one. Cost:
 * O(n log n) for all together.
 */
#ifndef STARLING_FEATURE_H
#define STARLING_FEATURE_H

#include "starling/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are those of files: they are never changed, new ones are added in the gaps. */
typedef enum sl_feature {
    /* one value each */
    SL_FEATURE_LOG_PEAK = 1,       /* ln p */
    SL_FEATURE_LOG_SPAN = 2,       /* ln(1 + t_last - t_first) */
    SL_FEATURE_LOG_POINTS = 3,     /* ln n */
    SL_FEATURE_LOG_DETECTIONS = 4, /* ln(1 + number of |f| > 3 e) */
    SL_FEATURE_DETECTED_SPAN = 5,  /* ln(1 + time from the first to the last |f| > 3 e); missing without one */
    SL_FEATURE_DETECTED_SHARE = 6, /* share of |f| > 3 e */
    SL_FEATURE_NEGATIVE_SHARE = 7, /* share of f < -3 e */
    SL_FEATURE_LOG_MAX_SNR = 8,    /* ln(1 + max |f| / e) */
    SL_FEATURE_LOG_NOISE = 9,      /* ln(median e / p) */
    SL_FEATURE_LOG_MAX_GAP = 10,   /* ln(1 + longest time between neighbouring points) */
    SL_FEATURE_PEAK_PLACE = 11,    /* (t of the point with the highest f - t_first) / (t_last - t_first) */
    /* of the strong points, |f| > 5 e; 0 without one */
    SL_FEATURE_STRONG_SPAN = 12,   /* ln(1 + time from the first to the last) */
    SL_FEATURE_STRONG_SPREAD = 13, /* ln(1 + square root of sum(w (t - c)^2) / sum(w)), w = min(|f| / e, 100), c = sum(w t) / sum(w) */
    SL_FEATURE_STRONG_GAP = 14,    /* ln(1 + longest time from one to the next) */
    SL_FEATURE_LOG_STRONG = 15,    /* ln(1 + how many) */
    SL_FEATURE_REDSHIFT = 16,      /* z */
    SL_FEATURE_REDSHIFT_ERROR = 17,
    SL_FEATURE_HAS_REDSHIFT = 18,  /* 1 where z > 0, else 0: what has none counts as in our Galaxy */
    SL_FEATURE_LOG_LUMINOSITY = 19, /* ln(p d^2), d the luminosity distance [Mpc], flat LambdaCDM, H0 = 70 km/s/Mpc,
                                       Omega_m = 0.3; missing unless z > 0 */
    SL_FEATURE_MAX = 20,           /* max f / p */
    SL_FEATURE_MIN = 21,           /* min f / p */
    SL_FEATURE_MEAN_CUBE = 22,     /* mean of (f / p)^3 */
    SL_FEATURE_SECOND = 23,        /* the second largest |f| / p; n >= 2 */
    SL_FEATURE_GP_SCALE = 24,      /* p1 of the fit: ln(length scale^2 / d^2) */
    SL_FEATURE_GP_AMPLITUDE = 25,  /* p0 of the fit - 2 ln p */
    SL_FEATURE_GP_LIKELIHOOD = 26, /* log-likelihood / n + ln p: that of the flux in units of p */
    SL_FEATURE_GP_RESIDUAL = 27,   /* ln(1 + mean of ((f - m at the point) / e)^2), points with e > 0 */
    SL_FEATURE_GP_RISE = 28,       /* ln(1 + time): in the channel where m is highest, from the last step before that
                                      peak with m < half of it, or else the first step, to the peak */
    SL_FEATURE_GP_DECLINE = 29,    /* the same behind the peak: to the first step with m < half, or else the last */
    SL_FEATURE_THIRD = 30,         /* the third largest |f| / p; n >= 3 */
    SL_FEATURE_PEAK_BAND = 31,     /* index of the band of the largest |f|, the latest of equal ones */
    SL_FEATURE_GP_GAIN = 32,       /* asinh((log-likelihood - L) / n), L that of noise alone: - sum((f / e)^2) / 2 -
                                      sum(ln e) - n / 2 ln(2 pi) */
    SL_FEATURE_GP_MAX_PULL = 33,   /* square root of the largest |f - m at the point| / e, points with e > 0 */
    /* s is the sum of m over the channels, its top where it is highest; missing unless it is above 0 there */
    SL_FEATURE_GP_RISE_70 = 34,    /* ln(1 + time) from the last step before the top with s < 70 % of it; missing without */
    SL_FEATURE_GP_FALL_70 = 35,    /* ln(1 + time) to the first step behind the top with s < 70 % of it; missing without */
    SL_FEATURE_GP_RISE_50 = 36,
    SL_FEATURE_GP_FALL_50 = 37,
    SL_FEATURE_GP_RISE_20 = 38,
    SL_FEATURE_GP_FALL_20 = 39,
    SL_FEATURE_GP_WIDE = 40,       /* share of the steps with s over half of its top */
    SL_FEATURE_GP_MAXIMA = 41,     /* how many steps have s over 20 % of its top and over both neighbours */
    SL_FEATURE_GP_PEAK_PLACE = 42, /* place of the top among the steps, 0 the first, 1 the last */
    SL_FEATURE_GP_PEAK_HEIGHT = 43, /* asinh(10 s / p) at the top */
    /* in the object's own time; missing unless z > 0 */
    SL_FEATURE_GP_REST_SCALE = 44, /* SL_FEATURE_GP_SCALE - 2 ln(1 + z) */
    SL_FEATURE_GP_REST_RISE_50 = 45, /* SL_FEATURE_GP_RISE_50 - ln(1 + z), and so on */
    SL_FEATURE_GP_REST_FALL_50 = 46,
    SL_FEATURE_GP_REST_FALL_20 = 47,

    /* one value a band of the contract, in its order; over the n, t, f, e of that band only */
    SL_FEATURE_BAND_POINTS = 64,         /* ln(1 + n) */
    SL_FEATURE_BAND_MAX = 65,            /* max f / p */
    SL_FEATURE_BAND_MIN = 66,            /* min f / p */
    SL_FEATURE_BAND_MEAN = 67,           /* mean f / p */
    SL_FEATURE_BAND_DEVIATION = 68,      /* square root of the mean of (f - mean)^2, / p */
    SL_FEATURE_BAND_WEIGHTED_MEAN = 69,  /* w = sum(f / e^2) / sum(1 / e^2), / p; points with e > 0 */
    SL_FEATURE_BAND_SKEW = 70,           /* mean of (f - mean)^3 / deviation^3; n >= 3 */
    SL_FEATURE_BAND_KURTOSIS = 71,       /* mean of (f - mean)^4 / deviation^4 - 3; n >= 4 */
    SL_FEATURE_BAND_CHI2 = 72,           /* ln(1 + sum of ((f - w) / e)^2 / (n - 1)), points with e > 0; n >= 2 */
    SL_FEATURE_BAND_MAD = 73,            /* median |f - median f| / p */
    SL_FEATURE_BAND_MAX_SLOPE = 74,      /* ln(1 + max |df| / max(dt, 0.01 d) / p [1/d]) of neighbours; n >= 2 */
    SL_FEATURE_BAND_DETECTED_SHARE = 75, /* share of |f| > 3 e */
    SL_FEATURE_BAND_NEGATIVE_SHARE = 76, /* share of f < -3 e */
    SL_FEATURE_BAND_MAX_SNR = 77,        /* ln(1 + max |f| / e) */
    SL_FEATURE_BAND_ROUGHNESS = 78,      /* von Neumann's ratio: sum(df^2) / (n - 1) / deviation^2; n >= 2 */
    SL_FEATURE_BAND_LOW = 79,            /* f / p at place floor(0.1 (n - 1) + 1/2) in order; n >= 1 */
    SL_FEATURE_BAND_MEDIAN = 80,         /* at place floor(0.5 (n - 1) + 1/2) */
    SL_FEATURE_BAND_HIGH = 81,           /* at place floor(0.9 (n - 1) + 1/2) */
    SL_FEATURE_BAND_NOISE = 82,          /* ln(e / p), e at place floor(0.5 (n - 1) + 1/2) in order; n >= 1 */
    SL_FEATURE_BAND_MAX_RATE = 83,       /* max df / max(dt, 0.5 d) / p [1/d] of neighbours, with its sign; n >= 2 */
    SL_FEATURE_BAND_MIN_RATE = 84,       /* the least of it */
    SL_FEATURE_BAND_JUMP = 85,           /* ln of the mean of |df| / hypot(e, e of the neighbour); n >= 2 */
    SL_FEATURE_BAND_GP_RESIDUAL = 88,    /* as SL_FEATURE_GP_RESIDUAL */
    SL_FEATURE_BAND_GP_COLOR = 89,       /* m of the band at the step where m of any band is highest, / that */
    SL_FEATURE_BAND_GP_MAX = 90,         /* max m of the band / max m of all */
    SL_FEATURE_BAND_GP_DELAY = 91,       /* asinh of the days from the step where m of any band is highest to where
                                            m of this one is */
    SL_FEATURE_BAND_GP_MEAN = 92,        /* mean of m of the band over the grid, / p */
    SL_FEATURE_BAND_GP_MIN = 93,         /* its least, / p */
    SL_FEATURE_BAND_GP_DEVIATION = 94,   /* square root of the mean of (m - its mean)^2, / p */
    SL_FEATURE_BAND_GP_RISE = 95,        /* ln(1 + time) from the last step with m < half of its highest before that;
                                            missing without one, and unless that is above 0 */
    /* m of the band so many days from the step where the sum of m over the channels is highest, between steps linear,
       / p; missing before the first step and behind the last */
    SL_FEATURE_BAND_GP_BEFORE_60 = 96,
    SL_FEATURE_BAND_GP_BEFORE_35 = 97,
    SL_FEATURE_BAND_GP_BEFORE_20 = 98,
    SL_FEATURE_BAND_GP_BEFORE_10 = 99,
    SL_FEATURE_BAND_GP_BEFORE_5 = 100,
    SL_FEATURE_BAND_GP_PEAK = 101,
    SL_FEATURE_BAND_GP_AFTER_5 = 102,
    SL_FEATURE_BAND_GP_AFTER_10 = 103,
    SL_FEATURE_BAND_GP_AFTER_20 = 104,
    SL_FEATURE_BAND_GP_AFTER_35 = 105,
    SL_FEATURE_BAND_GP_AFTER_60 = 106,
    SL_FEATURE_BAND_GP_AFTER_100 = 107,
    SL_FEATURE_BAND_GP_FALL = 108,       /* as SL_FEATURE_BAND_GP_RISE, to the first such step behind it */
    SL_FEATURE_END
} sl_feature;

enum {
    SL_FEATURE_FIRST_OF_BANDS = 64, /* from here on one value a band */
    SL_MAX_FEATURES = 128,          /* kinds in a contract */
    SL_MAX_FEATURE_VALUES = 320,    /* values of all of them */
    SL_MIN_KNOTS = 3,               /* in the table of a value */
    SL_MAX_KNOTS = 17
};
#define SL_FEATURE_CLAMP 6.0f /* spreads from the centre */

/* snake_case name ("log_peak"), or NULL for a number that is no feature. Names never change. */
SL_API const char *sl_feature_name(sl_feature feature);
/* The feature of that name, or SL_FEATURE_END. */
SL_API sl_feature sl_feature_find(sl_str name);
/* Whether it has one value a band. */
static inline bool sl_feature_of_bands(sl_feature feature)
{
    return (int)feature >= SL_FEATURE_FIRST_OF_BANDS;
}
/* Whether it is about the fit of the Gaussian process, so that there has to be one. */
SL_API bool sl_feature_of_fit(sl_feature feature);
/* Whether it is made of the redshift (and maybe of the fit, too), so that a model with it is for alerts that have one. */
SL_API bool sl_feature_of_redshift(sl_feature feature);

#ifdef __cplusplus
}
#endif
#endif
