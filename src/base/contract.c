#include "starling/contract.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/half.h"

/* The 14 classes of PLAsTiCC's training set, in the order of t2's outputs. */
static const sl_class t2_classes[] = {
    {"mu-Lens-Single", 6, 2235}, {"TDE", 15, 2243},      {"EB", 16, 2325},       {"SNII", 42, 2224},
    {"SNIax", 52, 2225},         {"Mira", 53, 2326},     {"SNIbc", 62, 2223},    {"KN", 64, 2232},
    {"M-dwarf", 65, 2233},       {"SNIa-91bg", 67, 2226}, {"AGN", 88, 2332},     {"SNIa", 90, 2222},
    {"RRL", 92, 2323},           {"SLSN-I", 95, 2242},
};

/* What both presets share: t2 on two bands as it was published. */
static const sl_contract common = {
    .bands = {{"g", 4804.79}, {"r", 6436.92}, {"i", 7968.22}},
    .zero_point = 27.5,
    .window_before_day = 50,
    .window_after_day = 50,
    .max_points = SL_MAX_POINTS,
    .gp = {.amplitude_factor = 2,
           .wavelength_scale_aa = 6000,
           .jitter = 1.25e-12,
           .amplitude_halfwidth = 10,
           .metric_start = 5.991464547107982, /* ln 20^2 */
           .metric_min = 0,
           .metric_max = 13.815510557964274, /* ln 1000^2 */
           .tolerance = 1e-6,
           .grid_length = 100},
    .scaling = SL_SCALING_MEDIAN_IQR,
    .extra_mode = SL_EXTRAS_NONE,
    .asinh_scale = 10,
    .n_classes = sizeof t2_classes / sizeof t2_classes[0],
};

sl_status sl_contract_preset(const char *name, sl_contract *out, sl_error *err)
{
    SL_REQUIRE(name != NULL && out != NULL, err);
    *out = common;
    memcpy(out->classes, t2_classes, sizeof t2_classes);
    if (strcmp(name, "reference") == 0) {
        out->n_bands = 3;
        out->n_channels = 2;
        out->channel_rule = SL_CHANNELS_PRESENT;
        out->time_order = SL_TIME_REVERSED;
        out->exposure_moment = SL_EXPOSURE_AS_GIVEN;
        out->time_scale = SL_SCALE_AS_GIVEN;
        out->use = SL_USE_DETECTIONS;
        out->min_points = 2;
        out->min_bands = 2;
    } else if (strcmp(name, "starling") == 0) {
        out->n_bands = 2;
        out->n_channels = 2;
        out->channel_rule = SL_CHANNELS_FIXED;
        out->time_order = SL_TIME_FORWARD;
        out->exposure_moment = SL_EXPOSURE_MIDDLE;
        out->time_scale = SL_SCALE_TAI;
        out->use = SL_USE_DETECTIONS | SL_USE_FORCED;
        out->one_per_visit = true;
        out->signed_flux = true;
        out->drop_bad = true;
        out->min_points = 2;
        out->min_bands = 1;
    } else {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "no contract is called \"%s\": say reference or starling",
                       name);
    }
    memcpy(out->name, name, strlen(name) + 1);
    return SL_OK;
}

#define CHECK(condition, ...)                                                                       \
    do {                                                                                            \
        if (!(condition)) return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "contract: " __VA_ARGS__); \
    } while (0)

static bool terminated(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static bool within(double x, double low, double high)
{
    return x >= low && x <= high; /* false for NaN */
}

static sl_status check_bands(const sl_contract *c, sl_error *err)
{
    CHECK(c->n_bands >= 1 && c->n_bands <= SL_MAX_BANDS, "%u bands, allowed are 1 to %d", c->n_bands, SL_MAX_BANDS);
    for (uint32_t b = 0; b < c->n_bands; b++) {
        const sl_band *band = &c->bands[b];
        CHECK(terminated(band->name, sizeof band->name) && band->name[0] != '\0', "band %u has no name", b);
        CHECK(within(band->wavelength_aa, 100, 1e6), "band %u: wavelength %g Angstrom", b, band->wavelength_aa);
        CHECK(b == 0 || band->wavelength_aa > band[-1].wavelength_aa, "bands are not sorted by wavelength");
    }
    CHECK(c->channel_rule <= SL_CHANNELS_PRESENT, "channel rule %d", (int)c->channel_rule);
    CHECK(c->n_channels >= 1 && c->n_channels <= c->n_bands, "%u channels of %u bands", c->n_channels, c->n_bands);
    CHECK(c->channel_rule != SL_CHANNELS_FIXED || c->n_channels == c->n_bands, "%u fixed channels of %u bands",
          c->n_channels, c->n_bands);
    return SL_OK;
}

static sl_status check_points(const sl_contract *c, sl_error *err)
{
    CHECK(within(c->zero_point, -100, 100), "zero point %g", c->zero_point);
    CHECK(c->time_order <= SL_TIME_REVERSED, "time order %d", (int)c->time_order);
    CHECK(c->exposure_moment <= SL_EXPOSURE_MIDDLE, "moment of exposure %d", (int)c->exposure_moment);
    CHECK(c->time_scale <= SL_SCALE_TAI, "time scale %d", (int)c->time_scale);
    CHECK(c->use != 0 && c->use <= (SL_USE_DETECTIONS | SL_USE_FORCED), "points to use: %u", c->use);
    CHECK(isfinite(c->window_before_day) && isfinite(c->window_after_day), "window is not finite");
    CHECK(c->max_points >= 1 && c->max_points <= SL_MAX_POINTS, "max_points %u", c->max_points);
    CHECK(c->min_points >= 1 && c->min_points <= c->max_points, "min_points %u", c->min_points);
    CHECK(c->min_bands >= 1 && c->min_bands <= c->n_bands, "min_bands %u of %u", c->min_bands, c->n_bands);
    return SL_OK;
}

static sl_status check_gp(const sl_gp_rules *gp, sl_error *err)
{
    CHECK(within(gp->amplitude_factor, 1e-6, 1e6), "amplitude factor %g", gp->amplitude_factor);
    CHECK(within(gp->wavelength_scale_aa, 1, 1e9), "wavelength scale %g", gp->wavelength_scale_aa);
    CHECK(within(gp->jitter, 0, 1e30), "jitter %g", gp->jitter);
    CHECK(within(gp->amplitude_halfwidth, 0, 100), "amplitude half width %g", gp->amplitude_halfwidth);
    CHECK(within(gp->metric_min, -50, 50) && within(gp->metric_max, gp->metric_min, 50), "metric bounds %g, %g",
          gp->metric_min, gp->metric_max);
    CHECK(within(gp->metric_start, gp->metric_min, gp->metric_max), "metric start %g", gp->metric_start);
    CHECK(within(gp->tolerance, 1e-15, 1), "tolerance %g", gp->tolerance);
    CHECK(gp->grid_length >= 2 && gp->grid_length <= SL_MAX_GRID_LENGTH, "grid length %u", gp->grid_length);
    return SL_OK;
}

static sl_status check_input(const sl_contract *c, sl_error *err)
{
    CHECK(c->scaling <= SL_SCALING_PEAK, "scaling %d", (int)c->scaling);
    for (uint32_t k = 0; c->scaling == SL_SCALING_FIXED && k < c->n_channels; k++) {
        CHECK(isfinite(c->center[k]) && isfinite(c->spread[k]) && c->spread[k] > 0, "scaling of channel %u", k);
    }
    CHECK(c->extra_mode <= SL_EXTRAS_AS_STEPS, "extra mode %d", (int)c->extra_mode);
    CHECK(c->n_extras <= SL_MAX_EXTRAS, "%u extra features", c->n_extras);
    CHECK((c->n_extras == 0) == (c->extra_mode == SL_EXTRAS_NONE), "extra features and their mode contradict");
    for (uint32_t i = 0; i < c->n_extras; i++) CHECK(c->extras[i] < SL_N_EXTRAS, "extra feature %d", (int)c->extras[i]);
    return SL_OK;
}

static sl_status check_planes(const sl_contract *c, sl_error *err)
{
    CHECK(c->planes <= (SL_PLANE_ASINH | SL_PLANE_ERROR), "planes %u", c->planes);
    CHECK(!(c->planes & SL_PLANE_ASINH) || within((double)c->asinh_scale, 1e-6, 1e12), "asinh scale %g",
          (double)c->asinh_scale);
    CHECK(c->grid_wavelengths <= SL_MAX_CHANNELS && c->grid_wavelengths != 1, "%u wavelengths", c->grid_wavelengths);
    if (c->grid_wavelengths > 0) {
        CHECK(c->channel_rule == SL_CHANNELS_FIXED && c->n_bands > 1, "regular wavelengths need two fixed bands or more");
        CHECK(c->scaling != SL_SCALING_FIXED, "regular wavelengths have no fixed scaling");
    }
    CHECK(c->max_nights <= SL_MAX_GRID_LENGTH, "%u nights", c->max_nights);
    CHECK(c->sees <= SL_SEES_FEATURES, "what the network sees: %d", (int)c->sees);
    if (c->sees == SL_SEES_FEATURES) {
        CHECK(c->n_features > 0, "features alone, and there are none");
        CHECK(c->planes == 0 && c->n_extras == 0 && c->grid_wavelengths == 0, "features alone have no planes and no extras");
    }
    if (c->sees != SL_SEES_NIGHTS) return SL_OK;
    CHECK(c->max_nights >= 1, "no nights");
    CHECK(c->channel_rule == SL_CHANNELS_FIXED, "nights need fixed channels");
    CHECK(c->time_order == SL_TIME_FORWARD && c->drop_bad, "nights need time forwards, and bad points left out");
    CHECK(c->scaling != SL_SCALING_MEDIAN_IQR, "nights cannot be scaled by median and quartiles");
    CHECK((c->planes & SL_PLANE_ERROR) == 0 && c->grid_wavelengths == 0, "nights have no planes of a grid");
    CHECK(c->extra_mode != SL_EXTRAS_AS_STEPS, "nights take no extra steps");
    return SL_OK;
}

/* Of n values. */
static sl_status check_tables(const sl_contract *c, uint32_t n, sl_error *err)
{
    const uint32_t n_knots = c->feature_knots;
    CHECK(n_knots == 0 || (n_knots >= SL_MIN_KNOTS && n_knots <= SL_MAX_KNOTS), "%u knots", n_knots);
    for (uint32_t i = 0; i < n; i++) {
        const uint16_t *knot = &c->feature_table[i * n_knots];
        for (uint32_t k = 0; k < n_knots; k++) {
            CHECK(sl_half_is_finite(knot[k]), "a knot of feature value %u is not finite", i);
            CHECK(k == 0 || sl_half_order(knot[k]) >= sl_half_order(knot[k - 1]), "knots of feature value %u descend", i);
        }
    }
    return SL_OK;
}

static sl_status check_features(const sl_contract *c, sl_error *err)
{
    CHECK(c->n_features <= SL_MAX_FEATURES, "%u features", c->n_features);
    CHECK(c->n_features == 0 || c->channel_rule == SL_CHANNELS_FIXED, "features need fixed channels");
    for (uint32_t i = 0; i < c->n_features; i++) {
        CHECK(sl_feature_name(c->features[i]) != NULL, "feature %d is unknown", (int)c->features[i]);
        CHECK(c->sees != SL_SEES_NIGHTS || !sl_feature_of_fit(c->features[i]), "feature %s without a fit",
              sl_feature_name(c->features[i]));
        CHECK(c->feature_bands[i] >> c->n_bands == 0, "feature %s of bands that are not there", sl_feature_name(c->features[i]));
    }
    const uint32_t n = sl_contract_input_features(c);
    CHECK(n <= SL_MAX_FEATURE_VALUES, "%u values of features", n);
    for (uint32_t i = 0; c->feature_knots == 0 && i < n; i++) {
        CHECK(isfinite(c->feature_center[i]) && isfinite(c->feature_spread[i]) && c->feature_spread[i] > 0,
              "center or spread of feature value %u", i);
    }
    return check_tables(c, n, err);
}

static sl_status check_classes(const sl_contract *c, sl_error *err)
{
    CHECK(c->n_classes >= 2 && c->n_classes <= SL_MAX_CLASSES, "%u classes", c->n_classes);
    for (uint32_t i = 0; i < c->n_classes; i++) {
        CHECK(terminated(c->classes[i].name, SL_MAX_NAME) && c->classes[i].name[0] != '\0', "class %u has no name", i);
        /* they stand one a line in files */
        CHECK(strchr(c->classes[i].name, '\n') == NULL, "the name of class %u has a line break", i);
    }
    return SL_OK;
}

sl_status sl_contract_check(const sl_contract *c, sl_error *err)
{
    SL_REQUIRE(c != NULL, err);
    CHECK(terminated(c->name, sizeof c->name), "name is not terminated");
    CHECK(terminated(c->source, sizeof c->source), "source is not terminated");
    CHECK(terminated(c->created_by, sizeof c->created_by), "created_by is not terminated");
    SL_TRY(check_bands(c, err));
    SL_TRY(check_points(c, err));
    SL_TRY(check_gp(&c->gp, err));
    SL_TRY(check_input(c, err));
    SL_TRY(check_planes(c, err));
    SL_TRY(check_features(c, err));
    return check_classes(c, err);
}

uint32_t sl_contract_grid_channels(const sl_contract *c)
{
    return c->grid_wavelengths > 0 ? c->grid_wavelengths : c->n_channels;
}

uint32_t sl_contract_input_steps(const sl_contract *c)
{
    if (c->sees == SL_SEES_NIGHTS) return c->max_nights;
    if (c->sees == SL_SEES_FEATURES) return 1;
    return c->gp.grid_length + (c->extra_mode == SL_EXTRAS_AS_STEPS ? c->n_extras : 0);
}

uint32_t sl_contract_input_channels(const sl_contract *c)
{
    const uint32_t extras = c->extra_mode == SL_EXTRAS_AS_CHANNELS ? c->n_extras : 0;
    const uint32_t asinh = (c->planes & SL_PLANE_ASINH) != 0, error = (c->planes & SL_PLANE_ERROR) != 0;
    if (c->sees == SL_SEES_FEATURES) return 0;
    if (c->sees == SL_SEES_NIGHTS) return (3 + asinh) * c->n_bands + 1 + extras;
    return (1 + asinh + error) * sl_contract_grid_channels(c) + extras;
}

uint32_t sl_contract_input_features(const sl_contract *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n_features; i++) n += (uint32_t)__builtin_popcount(sl_contract_feature_bands(c, i));
    return n;
}

uint32_t sl_contract_feature_bands(const sl_contract *c, uint32_t i)
{
    if (!sl_feature_of_bands(c->features[i])) return 1;
    return c->feature_bands[i] != 0 ? c->feature_bands[i] : (1u << c->n_bands) - 1;
}

uint32_t sl_contract_input_floats(const sl_contract *c)
{
    return sl_contract_input_steps(c) * sl_contract_input_channels(c) + sl_contract_input_features(c);
}

int sl_contract_band(const sl_contract *c, sl_str name)
{
    for (uint32_t b = 0; b < c->n_bands; b++) {
        if (strlen(c->bands[b].name) == name.len && memcmp(c->bands[b].name, name.ptr, name.len) == 0) return (int)b;
    }
    return -1;
}
