#include "starling/feature.h"

#include <string.h>

/* What a feature is made of, beside the points. */
enum { POINTS = 0, FIT = 1, REDSHIFT = 2 };

static const struct {
    const char *name;
    int about;
} table[SL_FEATURE_END] = {
    [SL_FEATURE_LOG_PEAK] = {"log_peak", POINTS},
    [SL_FEATURE_LOG_SPAN] = {"log_span", POINTS},
    [SL_FEATURE_LOG_POINTS] = {"log_points", POINTS},
    [SL_FEATURE_LOG_DETECTIONS] = {"log_detections", POINTS},
    [SL_FEATURE_DETECTED_SPAN] = {"detected_span", POINTS},
    [SL_FEATURE_DETECTED_SHARE] = {"detected_share", POINTS},
    [SL_FEATURE_NEGATIVE_SHARE] = {"negative_share", POINTS},
    [SL_FEATURE_LOG_MAX_SNR] = {"log_max_snr", POINTS},
    [SL_FEATURE_LOG_NOISE] = {"log_noise", POINTS},
    [SL_FEATURE_LOG_MAX_GAP] = {"log_max_gap", POINTS},
    [SL_FEATURE_PEAK_PLACE] = {"peak_place", POINTS},
    [SL_FEATURE_STRONG_SPAN] = {"strong_span", POINTS},
    [SL_FEATURE_STRONG_SPREAD] = {"strong_spread", POINTS},
    [SL_FEATURE_STRONG_GAP] = {"strong_gap", POINTS},
    [SL_FEATURE_LOG_STRONG] = {"log_strong", POINTS},
    [SL_FEATURE_REDSHIFT] = {"redshift", REDSHIFT},
    [SL_FEATURE_REDSHIFT_ERROR] = {"redshift_error", REDSHIFT},
    [SL_FEATURE_HAS_REDSHIFT] = {"has_redshift", REDSHIFT},
    [SL_FEATURE_LOG_LUMINOSITY] = {"log_luminosity", REDSHIFT},
    [SL_FEATURE_MAX] = {"max", POINTS},
    [SL_FEATURE_MIN] = {"min", POINTS},
    [SL_FEATURE_MEAN_CUBE] = {"mean_cube", POINTS},
    [SL_FEATURE_SECOND] = {"second", POINTS},
    [SL_FEATURE_GP_SCALE] = {"gp_scale", FIT},
    [SL_FEATURE_GP_AMPLITUDE] = {"gp_amplitude", FIT},
    [SL_FEATURE_GP_LIKELIHOOD] = {"gp_likelihood", FIT},
    [SL_FEATURE_GP_RESIDUAL] = {"gp_residual", FIT},
    [SL_FEATURE_GP_RISE] = {"gp_rise", FIT},
    [SL_FEATURE_GP_DECLINE] = {"gp_decline", FIT},
    [SL_FEATURE_THIRD] = {"third", POINTS},
    [SL_FEATURE_PEAK_BAND] = {"peak_band", POINTS},
    [SL_FEATURE_GP_GAIN] = {"gp_gain", FIT},
    [SL_FEATURE_GP_MAX_PULL] = {"gp_max_pull", FIT},
    [SL_FEATURE_GP_RISE_70] = {"gp_rise_70", FIT},
    [SL_FEATURE_GP_FALL_70] = {"gp_fall_70", FIT},
    [SL_FEATURE_GP_RISE_50] = {"gp_rise_50", FIT},
    [SL_FEATURE_GP_FALL_50] = {"gp_fall_50", FIT},
    [SL_FEATURE_GP_RISE_20] = {"gp_rise_20", FIT},
    [SL_FEATURE_GP_FALL_20] = {"gp_fall_20", FIT},
    [SL_FEATURE_GP_WIDE] = {"gp_wide", FIT},
    [SL_FEATURE_GP_MAXIMA] = {"gp_maxima", FIT},
    [SL_FEATURE_GP_PEAK_PLACE] = {"gp_peak_place", FIT},
    [SL_FEATURE_GP_PEAK_HEIGHT] = {"gp_peak_height", FIT},
    [SL_FEATURE_GP_REST_SCALE] = {"gp_rest_scale", FIT | REDSHIFT},
    [SL_FEATURE_GP_REST_RISE_50] = {"gp_rest_rise_50", FIT | REDSHIFT},
    [SL_FEATURE_GP_REST_FALL_50] = {"gp_rest_fall_50", FIT | REDSHIFT},
    [SL_FEATURE_GP_REST_FALL_20] = {"gp_rest_fall_20", FIT | REDSHIFT},
    [SL_FEATURE_BAND_POINTS] = {"band_points", POINTS},
    [SL_FEATURE_BAND_MAX] = {"band_max", POINTS},
    [SL_FEATURE_BAND_MIN] = {"band_min", POINTS},
    [SL_FEATURE_BAND_MEAN] = {"band_mean", POINTS},
    [SL_FEATURE_BAND_DEVIATION] = {"band_deviation", POINTS},
    [SL_FEATURE_BAND_WEIGHTED_MEAN] = {"band_weighted_mean", POINTS},
    [SL_FEATURE_BAND_SKEW] = {"band_skew", POINTS},
    [SL_FEATURE_BAND_KURTOSIS] = {"band_kurtosis", POINTS},
    [SL_FEATURE_BAND_CHI2] = {"band_chi2", POINTS},
    [SL_FEATURE_BAND_MAD] = {"band_mad", POINTS},
    [SL_FEATURE_BAND_MAX_SLOPE] = {"band_max_slope", POINTS},
    [SL_FEATURE_BAND_DETECTED_SHARE] = {"band_detected_share", POINTS},
    [SL_FEATURE_BAND_NEGATIVE_SHARE] = {"band_negative_share", POINTS},
    [SL_FEATURE_BAND_MAX_SNR] = {"band_max_snr", POINTS},
    [SL_FEATURE_BAND_ROUGHNESS] = {"band_roughness", POINTS},
    [SL_FEATURE_BAND_LOW] = {"band_low", POINTS},
    [SL_FEATURE_BAND_MEDIAN] = {"band_median", POINTS},
    [SL_FEATURE_BAND_HIGH] = {"band_high", POINTS},
    [SL_FEATURE_BAND_NOISE] = {"band_noise", POINTS},
    [SL_FEATURE_BAND_MAX_RATE] = {"band_max_rate", POINTS},
    [SL_FEATURE_BAND_MIN_RATE] = {"band_min_rate", POINTS},
    [SL_FEATURE_BAND_JUMP] = {"band_jump", POINTS},
    [SL_FEATURE_BAND_GP_RESIDUAL] = {"band_gp_residual", FIT},
    [SL_FEATURE_BAND_GP_COLOR] = {"band_gp_color", FIT},
    [SL_FEATURE_BAND_GP_MAX] = {"band_gp_max", FIT},
    [SL_FEATURE_BAND_GP_DELAY] = {"band_gp_delay", FIT},
    [SL_FEATURE_BAND_GP_MEAN] = {"band_gp_mean", FIT},
    [SL_FEATURE_BAND_GP_MIN] = {"band_gp_min", FIT},
    [SL_FEATURE_BAND_GP_DEVIATION] = {"band_gp_deviation", FIT},
    [SL_FEATURE_BAND_GP_RISE] = {"band_gp_rise", FIT},
    [SL_FEATURE_BAND_GP_BEFORE_60] = {"band_gp_before_60", FIT},
    [SL_FEATURE_BAND_GP_BEFORE_35] = {"band_gp_before_35", FIT},
    [SL_FEATURE_BAND_GP_BEFORE_20] = {"band_gp_before_20", FIT},
    [SL_FEATURE_BAND_GP_BEFORE_10] = {"band_gp_before_10", FIT},
    [SL_FEATURE_BAND_GP_BEFORE_5] = {"band_gp_before_5", FIT},
    [SL_FEATURE_BAND_GP_PEAK] = {"band_gp_peak", FIT},
    [SL_FEATURE_BAND_GP_AFTER_5] = {"band_gp_after_5", FIT},
    [SL_FEATURE_BAND_GP_AFTER_10] = {"band_gp_after_10", FIT},
    [SL_FEATURE_BAND_GP_AFTER_20] = {"band_gp_after_20", FIT},
    [SL_FEATURE_BAND_GP_AFTER_35] = {"band_gp_after_35", FIT},
    [SL_FEATURE_BAND_GP_AFTER_60] = {"band_gp_after_60", FIT},
    [SL_FEATURE_BAND_GP_AFTER_100] = {"band_gp_after_100", FIT},
    [SL_FEATURE_BAND_GP_FALL] = {"band_gp_fall", FIT},
};

static bool is_about(sl_feature feature, int what)
{
    return (unsigned)feature < SL_FEATURE_END && (table[feature].about & what) != 0;
}

const char *sl_feature_name(sl_feature feature)
{
    return (unsigned)feature < SL_FEATURE_END ? table[feature].name : NULL;
}

sl_feature sl_feature_find(sl_str name)
{
    for (unsigned i = 0; i < SL_FEATURE_END; i++) {
        const char *known = table[i].name;
        if (known != NULL && strlen(known) == name.len && memcmp(known, name.ptr, name.len) == 0) return (sl_feature)i;
    }
    return SL_FEATURE_END;
}

bool sl_feature_of_fit(sl_feature feature)
{
    return is_about(feature, FIT);
}

bool sl_feature_of_redshift(sl_feature feature)
{
    return is_about(feature, REDSHIFT);
}
