#include "starling/feature.h"

#include <string.h>

static const struct {
    uint8_t feature;
    bool of_fit;
    const char *name;
} table[] = {
    {SL_FEATURE_LOG_PEAK, false, "log_peak"},
    {SL_FEATURE_LOG_SPAN, false, "log_span"},
    {SL_FEATURE_LOG_POINTS, false, "log_points"},
    {SL_FEATURE_LOG_DETECTIONS, false, "log_detections"},
    {SL_FEATURE_DETECTED_SPAN, false, "detected_span"},
    {SL_FEATURE_DETECTED_SHARE, false, "detected_share"},
    {SL_FEATURE_NEGATIVE_SHARE, false, "negative_share"},
    {SL_FEATURE_LOG_MAX_SNR, false, "log_max_snr"},
    {SL_FEATURE_LOG_NOISE, false, "log_noise"},
    {SL_FEATURE_LOG_MAX_GAP, false, "log_max_gap"},
    {SL_FEATURE_PEAK_PLACE, false, "peak_place"},
    {SL_FEATURE_REDSHIFT, false, "redshift"},
    {SL_FEATURE_REDSHIFT_ERROR, false, "redshift_error"},
    {SL_FEATURE_HAS_REDSHIFT, false, "has_redshift"},
    {SL_FEATURE_LOG_LUMINOSITY, false, "log_luminosity"},
    {SL_FEATURE_GP_SCALE, true, "gp_scale"},
    {SL_FEATURE_GP_AMPLITUDE, true, "gp_amplitude"},
    {SL_FEATURE_GP_LIKELIHOOD, true, "gp_likelihood"},
    {SL_FEATURE_GP_RESIDUAL, true, "gp_residual"},
    {SL_FEATURE_GP_RISE, true, "gp_rise"},
    {SL_FEATURE_GP_DECLINE, true, "gp_decline"},
    {SL_FEATURE_BAND_POINTS, false, "band_points"},
    {SL_FEATURE_BAND_MAX, false, "band_max"},
    {SL_FEATURE_BAND_MIN, false, "band_min"},
    {SL_FEATURE_BAND_MEAN, false, "band_mean"},
    {SL_FEATURE_BAND_DEVIATION, false, "band_deviation"},
    {SL_FEATURE_BAND_WEIGHTED_MEAN, false, "band_weighted_mean"},
    {SL_FEATURE_BAND_SKEW, false, "band_skew"},
    {SL_FEATURE_BAND_KURTOSIS, false, "band_kurtosis"},
    {SL_FEATURE_BAND_CHI2, false, "band_chi2"},
    {SL_FEATURE_BAND_MAD, false, "band_mad"},
    {SL_FEATURE_BAND_MAX_SLOPE, false, "band_max_slope"},
    {SL_FEATURE_BAND_DETECTED_SHARE, false, "band_detected_share"},
    {SL_FEATURE_BAND_NEGATIVE_SHARE, false, "band_negative_share"},
    {SL_FEATURE_BAND_MAX_SNR, false, "band_max_snr"},
    {SL_FEATURE_BAND_ROUGHNESS, false, "band_roughness"},
    {SL_FEATURE_BAND_GP_RESIDUAL, true, "band_gp_residual"},
    {SL_FEATURE_BAND_GP_COLOR, true, "band_gp_color"},
    {SL_FEATURE_BAND_GP_MAX, true, "band_gp_max"},
    {SL_FEATURE_BAND_GP_DELAY, true, "band_gp_delay"},
    {SL_FEATURE_BAND_GP_BEFORE_60, true, "band_gp_before_60"},
    {SL_FEATURE_BAND_GP_BEFORE_35, true, "band_gp_before_35"},
    {SL_FEATURE_BAND_GP_BEFORE_20, true, "band_gp_before_20"},
    {SL_FEATURE_BAND_GP_BEFORE_10, true, "band_gp_before_10"},
    {SL_FEATURE_BAND_GP_BEFORE_5, true, "band_gp_before_5"},
    {SL_FEATURE_BAND_GP_PEAK, true, "band_gp_peak"},
    {SL_FEATURE_BAND_GP_AFTER_5, true, "band_gp_after_5"},
    {SL_FEATURE_BAND_GP_AFTER_10, true, "band_gp_after_10"},
    {SL_FEATURE_BAND_GP_AFTER_20, true, "band_gp_after_20"},
    {SL_FEATURE_BAND_GP_AFTER_35, true, "band_gp_after_35"},
    {SL_FEATURE_BAND_GP_AFTER_60, true, "band_gp_after_60"},
    {SL_FEATURE_BAND_GP_AFTER_100, true, "band_gp_after_100"},
};

enum { N = sizeof table / sizeof table[0] };

const char *sl_feature_name(sl_feature feature)
{
    for (size_t i = 0; i < N; i++) {
        if (table[i].feature == feature) return table[i].name;
    }
    return NULL;
}

sl_feature sl_feature_find(sl_str name)
{
    for (size_t i = 0; i < N; i++) {
        if (strlen(table[i].name) == name.len && memcmp(table[i].name, name.ptr, name.len) == 0) {
            return (sl_feature)table[i].feature;
        }
    }
    return SL_FEATURE_END;
}

bool sl_feature_of_fit(sl_feature feature)
{
    for (size_t i = 0; i < N; i++) {
        if (table[i].feature == feature) return table[i].of_fit;
    }
    return false;
}
