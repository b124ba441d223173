#include "pipeline/models.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

static bool same_classes(const sl_contract *a, const sl_contract *b)
{
    if (a->n_classes != b->n_classes) return false;
    for (uint32_t k = 0; k < a->n_classes; k++) {
        if (strcmp(a->classes[k].name, b->classes[k].name) != 0) return false;
    }
    return true;
}

sl_status sl_models_check(const sl_model *const *models, size_t n, sl_error *err)
{
    SL_REQUIRE(models != NULL && n >= 1 && n <= SL_MAX_MODELS, err);
    for (size_t i = 0; i < n; i++) {
        SL_REQUIRE(models[i] != NULL, err);
        if (same_classes(sl_model_contract(models[0]), sl_model_contract(models[i]))) continue;
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "model %s has other classes than model %s: run them apart",
                       sl_model_id(models[i]), sl_model_id(models[0]));
    }
    return SL_OK;
}

/* The bands of an alert as a text of their letters, each once. */
static size_t bands_of(const sl_alert *alert, char bands[SL_MAX_BANDS])
{
    static const char *const of_survey[SL_N_SURVEYS] = {
        [SL_SURVEY_ZTF] = "gr", [SL_SURVEY_LSST] = "ugrizy", [SL_SURVEY_ELASTICC] = "ugrizy"};
    const char *said = of_survey[alert->survey];
    size_t n = 0;
    if (said != NULL) {
        n = strlen(said);
        memcpy(bands, said, n);
        return n;
    }
    for (size_t i = 0; i < alert->n_points && n < SL_MAX_BANDS; i++) {
        if (alert->points[i].kind != SL_POINT_LIMIT && memchr(bands, alert->points[i].band, n) == NULL) {
            bands[n++] = alert->points[i].band;
        }
    }
    return n;
}

static bool wants_redshift(const sl_contract *c)
{
    for (uint32_t i = 0; i < c->n_extras; i++) {
        if (c->extras[i] == SL_EXTRA_REDSHIFT || c->extras[i] == SL_EXTRA_REDSHIFT_ERROR) return true;
    }
    for (uint32_t i = 0; i < c->n_features; i++) {
        if (sl_feature_of_redshift(c->features[i])) return true;
    }
    return false;
}

size_t sl_models_pick(const sl_contract *const *contracts, size_t n, const sl_alert *alert)
{
    char bands[SL_MAX_BANDS];
    const size_t n_bands = bands_of(alert, bands);
    size_t best = 0;
    long best_score = -1;
    for (size_t i = 0; i < n; i++) {
        const sl_contract *c = contracts[i];
        const bool redshift = wants_redshift(c);
        if (redshift && !isfinite(alert->redshift)) continue;
        long known = 0;
        for (size_t b = 0; b < n_bands; b++) known += sl_contract_band(c, (sl_str){&bands[b], 1}) >= 0;
        /* one number for three wishes, the first weighing most */
        const long beside = (long)c->n_bands - known;
        const long score = (known * 2 * SL_MAX_BANDS + (SL_MAX_BANDS - beside)) * 2 + redshift;
        if (score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}
