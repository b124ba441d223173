/*
 * starling/contract.h - everything a model assumes about its input.
 *
 * A contract travels inside the model file, so that training and serving
 * cannot drift apart. It is plain data: lightcurve/ applies its rules to the
 * points, gp/ its kernel and grid, model/ stores it, and none of them knows
 * more of it than its own part.
 */
#ifndef STARLING_CONTRACT_H
#define STARLING_CONTRACT_H

#include "starling/base.h"
#include "starling/feature.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SL_MAX_BANDS = 8,
    SL_MAX_CLASSES = 64,
    SL_MAX_EXTRAS = 16,
    SL_MAX_NAME = 32,
    SL_MAX_TEXT = 256,
    SL_MAX_POINTS = 2000,      /* in a light curve, after the contract's selection */
    SL_MAX_GRID_LENGTH = 4096, /* steps in time */
    SL_MAX_CHANNELS = 64       /* of the grid: bands, or regular wavelengths */
};

/* Which end of the light curve the network sees first. */
typedef enum sl_time_order {
    SL_TIME_FORWARD = 0, /* time = t - t_first: oldest first */
    SL_TIME_REVERSED = 1 /* time = t_first - t: newest first, as the published service had it */
} sl_time_order;

/* Which moment of an exposure its time is. */
typedef enum sl_exposure_moment {
    SL_EXPOSURE_AS_GIVEN = 0, /* whatever the packet says (ZTF: start, LSST: middle) */
    SL_EXPOSURE_MIDDLE = 1
} sl_exposure_moment;

typedef enum sl_time_scale {
    SL_SCALE_AS_GIVEN = 0, /* whatever the packet says (ZTF: UTC, LSST: TAI) */
    SL_SCALE_TAI = 1
} sl_time_scale;

/* Which measurements count; a bit mask. */
enum {
    SL_USE_DETECTIONS = 1, /* the difference-image detections */
    SL_USE_FORCED = 2      /* forced photometry at the object's place */
};

/* How bands become the grid's channels. */
typedef enum sl_channel_rule {
    /* Channel k is band k of the contract. A band without points is filled by
       the Gaussian process. */
    SL_CHANNELS_FIXED = 0,
    /* The alert must have exactly n_channels distinct bands; sorted by
       wavelength they become the channels, whichever they are. (A fault of the
       published recipe: g+i passes as if it were g+r.) */
    SL_CHANNELS_PRESENT = 1
} sl_channel_rule;

/* How the grid is scaled before the network sees it. */
typedef enum sl_scaling {
    SL_SCALING_NONE = 0,
    /* (x - median) / (q75 - q25) per alert and channel, linear percentiles; a
       spread under 10 eps (float64) counts as 1. */
    SL_SCALING_MEDIAN_IQR = 1,
    /* (x - center[c]) / spread[c], constants of the data set stored here. */
    SL_SCALING_FIXED = 2,
    /* x / max |flux| over the alert's points. */
    SL_SCALING_PEAK = 3
} sl_scaling;

/* Features beside the grid. */
typedef enum sl_extra {
    SL_EXTRA_REDSHIFT = 0,
    SL_EXTRA_REDSHIFT_ERROR = 1,
    SL_N_EXTRAS
} sl_extra;

/* How extra features enter the network's input (t2's "M" and "L"). */
typedef enum sl_extra_mode {
    SL_EXTRAS_NONE = 0,
    SL_EXTRAS_AS_CHANNELS = 1, /* "M": each tiled over all steps as one more channel */
    SL_EXTRAS_AS_STEPS = 2     /* "L": each repeated over the channels as one more step */
} sl_extra_mode;

/* What the network sees of a light curve. */
typedef enum sl_sees {
    SL_SEES_GRID = 0, /* the Gaussian process' mean on a regular grid */
    /* The points themselves, one row a night: see sl_contract.max_nights. No
       Gaussian process is fitted. */
    SL_SEES_NIGHTS = 1,
    /* The features and nothing else: one step without channels. The process is
       fitted, and its mean worked out on the grid, for those that are about it. */
    SL_SEES_FEATURES = 2
} sl_sees;

/* More of the grid than its scaled mean; a bit mask. */
enum {
    SL_PLANE_ASINH = 1, /* asinh(mean / asinh_scale): keeps amplitude and colour where the scaling takes them away */
    SL_PLANE_ERROR = 2  /* the standard deviation that goes with the mean, scaled as the mean is, but without centre */
};

typedef struct sl_band {
    char name[8];         /* "u" "g" "r" "i" "z" "y" */
    double wavelength_aa; /* effective wavelength [Angstrom] */
} sl_band;

/* One class and its numbers in two taxonomies; 0 where it has none. */
typedef struct sl_class {
    char name[SL_MAX_NAME];
    int32_t plasticc_id;
    int32_t elasticc_id;
} sl_class;

/*
 * The Gaussian process: zero mean and
 *   k = amplitude_factor * exp(p0) * (1 + s) exp(-s),
 *   s = sqrt(3 (dt^2 exp(-p1) + dlambda^2 / wavelength_scale_aa^2)),
 * err^2 + jitter on the diagonal. p0 and p1 maximise the likelihood within
 * p0 in start +- amplitude_halfwidth, p1 in [metric_min, metric_max].
 */
typedef struct sl_gp_rules {
    double amplitude_factor;    /* 2 in the reference: george's constant kernel sums over two dimensions */
    double wavelength_scale_aa; /* [Angstrom] */
    double jitter;              /* added to the variance, in flux units squared */
    double amplitude_halfwidth; /* half the allowed range of p0 around its start */
    double metric_start;        /* start of p1 = ln(length scale^2 / d^2) */
    double metric_min;
    double metric_max;
    double tolerance; /* relative change of the likelihood, and gradient, at which the fit ends */
    uint32_t grid_length;
} sl_gp_rules;

typedef struct sl_contract {
    char name[SL_MAX_NAME]; /* "reference", "starling", or a model's own */

    /* bands: those accepted, sorted by wavelength; points in others are left out */
    uint32_t n_bands;
    sl_band bands[SL_MAX_BANDS];
    sl_channel_rule channel_rule;
    uint32_t n_channels; /* = n_bands under SL_CHANNELS_FIXED */

    /* points */
    double zero_point; /* flux = 10^(-0.4 (m - zero_point)); 27.5 is SNANA's FLUXCAL, 31.4 nJy */
    sl_time_order time_order;
    sl_exposure_moment exposure_moment;
    sl_time_scale time_scale;
    uint32_t use;             /* SL_USE_* */
    bool one_per_visit;       /* a visit measured twice in a band counts once, forced photometry first */
    bool signed_flux;         /* ZTF: isdiffpos = f makes the flux negative */
    bool drop_bad;            /* leave out points with non-finite values or errors <= 0, and exact duplicates */
    double window_before_day; /* keep points up to so long before the first detection; < 0 keeps all */
    double window_after_day;  /* and so long after the last */
    uint32_t min_points;      /* 1 under SL_SEES_FEATURES: those of one moment are enough, too */
    uint32_t min_bands;
    uint32_t max_points; /* <= SL_MAX_POINTS */

    sl_gp_rules gp;

    /* input of the network */
    sl_scaling scaling;
    float center[SL_MAX_BANDS]; /* with SL_SCALING_FIXED */
    float spread[SL_MAX_BANDS];
    uint32_t n_extras;
    sl_extra extras[SL_MAX_EXTRAS];
    sl_extra_mode extra_mode;

    sl_sees sees;
    /*
     * Under SL_SEES_NIGHTS: rows. A night begins with a point and takes all
     * within half a day of it. Its row has, for each band, flux, error (both
     * scaled; of several points the mean weighted by 1 / error^2 and its error)
     * and 1, or three zeros without a point; then, under SL_PLANE_ASINH,
     * asinh(flux / asinh_scale) of each band; then ln(1 + days since the row
     * before), 0 in the first. Where there are more nights the last are kept;
     * rows behind the last night are zeros, extras included.
     */
    uint32_t max_nights;
    uint32_t planes; /* SL_PLANE_*: channels are the scaled means of all bands, then asinh of all, then errors of all */
    float asinh_scale; /* [contract zero point], with SL_PLANE_ASINH */
    uint32_t grid_wavelengths; /* 0: a channel a band. K: channels at K regular wavelengths, the first and the last band's
                                  included; 2 .. SL_MAX_CHANNELS */
    uint32_t n_features;
    sl_feature features[SL_MAX_FEATURES];
    /* Of a kind with a value a band: bit b is set where band b has one, and 0 means all bands. Nothing for other kinds. */
    uint8_t feature_bands[SL_MAX_FEATURES];
    float feature_center[SL_MAX_FEATURE_VALUES]; /* sl_contract_input_features() of them, where feature_knots is 0 */
    float feature_spread[SL_MAX_FEATURE_VALUES];
    uint32_t feature_knots; /* 0: centre and spread; else SL_MIN_KNOTS .. SL_MAX_KNOTS, see sl_contract_scale_features */
    uint16_t feature_table[SL_MAX_FEATURE_VALUES * SL_MAX_KNOTS]; /* float16, feature_knots a value, none below the last */

    uint32_t n_classes;
    sl_class classes[SL_MAX_CLASSES];

    /* provenance: for people, never interpreted */
    char source[SL_MAX_TEXT];     /* the file or data the weights came from */
    char created_by[SL_MAX_TEXT]; /* program and version */
} sl_contract;

/*
 * Fill `out` with a contract by name: "reference" (the published recipe, its
 * faults included) or "starling" (the sane one); both for g and r and the 14
 * PLAsTiCC classes in t2's order. SL_ERR_INVAL for another name.
 */
SL_API sl_status sl_contract_preset(const char *name, sl_contract *out, sl_error *err);

/* Check every field against every bound; what a model file says is hostile
   until this has passed. SL_ERR_FORMAT names the first field that is wrong. */
SL_API sl_status sl_contract_check(const sl_contract *contract, sl_error *err);

/*
 * One input of the network, everywhere: steps x channels floats, row-major
 * (extras and planes included), then the values of the features in their
 * order, those of one kind band by band. _floats is the length of all that.
 */
SL_API uint32_t sl_contract_input_steps(const sl_contract *contract);
SL_API uint32_t sl_contract_input_channels(const sl_contract *contract);
SL_API uint32_t sl_contract_input_features(const sl_contract *contract);
SL_API uint32_t sl_contract_input_floats(const sl_contract *contract);

/* Which bands kind i < n_features has values of, as a bit mask; 1 where it has a single value. */
SL_API uint32_t sl_contract_feature_bands(const sl_contract *contract, uint32_t i);

/*
 * The values of the features as the network gets them, 0 where raw[i] is not
 * finite. sl_contract_input_features of each; they may be the same array.
 *
 * With feature_knots = 0: clamp((raw[i] - center) / spread). Otherwise the rank
 * that raw[i] would have had among the values that the table was fitted to, as
 * a normal score: knot q_k, which is their quantile (k + 1/2) / K, becomes
 * s_k = Phi^-1((k + 1/2) / K), and what lies between two knots is interpolated
 * linearly. Below the first it is s_0, above the last s_{K-1}. What equals one
 * knot or several, when rounded to float16 as they are, gets the mean of their
 * scores: values that many light curves share stay in the middle of their
 * ranks. Cost: O(K) a value.
 */
SL_API void sl_contract_scale_features(const sl_contract *contract, const float *raw, float *value);

/* Leave out the values for which keep[i] is false, and kinds that have none left; keep has sl_contract_input_features. */
SL_API void sl_contract_keep_features(sl_contract *contract, const bool *keep);
/* Where the values of the features of `some` stand among those of `all`: place[i], which has sl_contract_input_features(some).
   False where one is not there. How they are scaled is not compared. */
SL_API bool sl_contract_find_features(const sl_contract *some, const sl_contract *all, uint32_t *place);

/* Channels of the Gaussian process' mean: bands, or the contract's regular wavelengths. */
SL_API uint32_t sl_contract_grid_channels(const sl_contract *contract);

/* Index of the band called `name` (len bytes), or -1. */
SL_API int sl_contract_band(const sl_contract *contract, sl_str name);

#ifdef __cplusplus
}
#endif
#endif
