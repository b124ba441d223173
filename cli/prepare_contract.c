#include "prepare_contract.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const contract_scalings[] = {"peak", "none", "median_iqr", NULL};
const char *const contract_extras[] = {"none", "channels", "steps", NULL};

static sl_status wrong(sl_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
static sl_status wrong(sl_error *err, const char *format, ...)
{
    *err = (sl_error){.status = SL_ERR_INVAL};
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return SL_ERR_INVAL;
}

/* g and r are ZTF's where there are no others, else LSST's. */
static sl_status set_bands(const char *bands, sl_contract *c, sl_error *err)
{
    static const sl_band lsst[] = {{"u", 3685}, {"g", 4802}, {"r", 6231}, {"i", 7542}, {"z", 8690}, {"y", 9736}};
    if (strcmp(bands, "gr") == 0) return SL_OK; /* as the preset has it */
    memset(c->bands, 0, sizeof c->bands);
    c->n_bands = 0;
    for (size_t k = 0; k < sizeof lsst / sizeof lsst[0]; k++) {
        if (strchr(bands, lsst[k].name[0]) != NULL) c->bands[c->n_bands++] = lsst[k];
    }
    c->n_channels = c->n_bands;
    if (c->n_bands == strlen(bands) && c->n_bands > 0) return SL_OK;
    return wrong(err, "bands \"%s\": say some of the letters ugrizy, each once", bands);
}

/* The next word of a list, which is stepped over; false behind the last. */
static bool next_word(const char **list, sl_str *word)
{
    if (**list == '\0') return false;
    *word = (sl_str){*list, strcspn(*list, ",")};
    *list += word->len;
    if (**list == ',') ++*list;
    return true;
}

static bool is_word(sl_str word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.ptr, text, word.len) == 0;
}

/* Which features are wanted, by their numbers. */
static sl_status choose_features(const contract_wishes *w, bool wanted[SL_FEATURE_END], sl_error *err)
{
    sl_str word;
    for (const char *list = w->features; next_word(&list, &word);) {
        const bool not = word.len > 0 && word.ptr[0] == '-';
        if (not) {
            word.ptr++;
            word.len--;
        }
        if (is_word(word, "all") || is_word(word, "none")) {
            for (int f = 0; f < SL_FEATURE_END; f++) {
                wanted[f] = is_word(word, "all") && (w->redshift || !sl_feature_of_redshift((sl_feature)f)) &&
                            (w->nights == 0 || !sl_feature_of_fit((sl_feature)f));
            }
            continue;
        }
        const sl_feature f = sl_feature_find(word);
        if (f == SL_FEATURE_END) return wrong(err, "there is no feature \"%.*s\"", (int)word.len, word.ptr);
        wanted[f] = !not;
    }
    return SL_OK;
}

static sl_status set_features(const contract_wishes *w, sl_contract *c, sl_error *err)
{
    bool wanted[SL_FEATURE_END] = {false};
    const sl_status status = choose_features(w, wanted, err);
    if (status < 0) return status;
    for (int f = 0; f < SL_FEATURE_END; f++) {
        if (!wanted[f] || sl_feature_name((sl_feature)f) == NULL) continue;
        if (c->n_features == SL_MAX_FEATURES) return wrong(err, "more than %d features", SL_MAX_FEATURES);
        c->features[c->n_features++] = (sl_feature)f;
    }
    if (sl_contract_input_features(c) > SL_MAX_FEATURE_VALUES) {
        return wrong(err, "the features have %u values, at most %d", sl_contract_input_features(c), SL_MAX_FEATURE_VALUES);
    }
    if (c->n_features > 0) c->feature_knots = (uint32_t)w->knots;
    for (int i = 0; i < SL_MAX_FEATURE_VALUES; i++) c->feature_spread[i] = 1; /* until they are fitted */
    return SL_OK;
}

static sl_status set_planes(const char *list, sl_contract *c, sl_error *err)
{
    sl_str word;
    while (next_word(&list, &word)) {
        if (is_word(word, "asinh")) {
            c->planes |= SL_PLANE_ASINH;
        } else if (is_word(word, "error")) {
            c->planes |= SL_PLANE_ERROR;
        } else if (!is_word(word, "none")) {
            return wrong(err, "planes are asinh and error, not \"%.*s\"", (int)word.len, word.ptr);
        }
    }
    return SL_OK;
}

sl_status contract_from_wishes(const contract_wishes *w, const sl_class_rules *classes, sl_contract *out, sl_error *err)
{
    static const sl_scaling scalings[] = {SL_SCALING_PEAK, SL_SCALING_NONE, SL_SCALING_MEDIAN_IQR};
    sl_status status = sl_contract_preset("starling", out, err);
    if (status == SL_OK) status = set_bands(w->bands, out, err);
    if (status == SL_OK) status = set_planes(w->planes, out, err);
    if (status == SL_OK) status = set_features(w, out, err);
    if (status < 0) return status;
    out->scaling = scalings[w->scaling];
    out->min_points = (uint32_t)w->min_points;
    out->gp.grid_length = (uint32_t)w->steps;
    out->grid_wavelengths = (uint32_t)w->wavelengths;
    out->window_before_day = out->window_after_day = w->window;
    if (w->nights > 0) {
        out->sees = SL_SEES_NIGHTS;
        out->max_nights = (uint32_t)w->nights;
    }
    if (w->no_grid) {
        if (w->nights > 0 || w->wavelengths > 0 || w->extras != SL_EXTRAS_NONE) {
            return wrong(err, "--no-grid leaves nothing but features: no --nights, --wavelengths or --extras");
        }
        out->sees = SL_SEES_FEATURES;
        out->planes = 0;
    }
    if (w->extras != SL_EXTRAS_NONE) {
        out->extra_mode = (sl_extra_mode)w->extras;
        out->n_extras = 2;
        out->extras[0] = SL_EXTRA_REDSHIFT;
        out->extras[1] = SL_EXTRA_REDSHIFT_ERROR;
    }
    out->n_classes = classes->n_classes;
    memcpy(out->classes, classes->classes, sizeof out->classes);
    return sl_contract_check(out, err);
}
