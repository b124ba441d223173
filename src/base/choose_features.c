/* Fewer features: some values of those that a contract has. */
#include <string.h>

#include "starling/contract.h"

void sl_contract_keep_features(sl_contract *c, const bool *keep)
{
    const uint32_t knots = c->feature_knots;
    uint32_t n_features = 0, from = 0, to = 0;
    for (uint32_t i = 0; i < c->n_features; i++) {
        const uint32_t bands = sl_contract_feature_bands(c, i);
        uint32_t kept = 0;
        for (uint32_t b = 0; b < SL_MAX_BANDS; b++) {
            if ((bands >> b & 1) == 0) continue;
            if (keep[from]) {
                kept |= 1u << b;
                c->feature_center[to] = c->feature_center[from];
                c->feature_spread[to] = c->feature_spread[from];
                memmove(c->feature_table + to * knots, c->feature_table + from * knots, knots * sizeof c->feature_table[0]);
                to++;
            }
            from++;
        }
        if (kept == 0) continue;
        const bool all = !sl_feature_of_bands(c->features[i]) || kept == (1u << c->n_bands) - 1;
        c->features[n_features] = c->features[i];
        c->feature_bands[n_features++] = all ? 0 : (uint8_t)kept;
    }
    memset(c->feature_center + to, 0, (SL_MAX_FEATURE_VALUES - to) * sizeof c->feature_center[0]);
    memset(c->feature_spread + to, 0, (SL_MAX_FEATURE_VALUES - to) * sizeof c->feature_spread[0]);
    memset(c->feature_table + to * knots, 0, (SL_MAX_FEATURE_VALUES * SL_MAX_KNOTS - to * knots) * sizeof c->feature_table[0]);
    memset(c->feature_bands + n_features, 0, (SL_MAX_FEATURES - n_features) * sizeof c->feature_bands[0]);
    c->n_features = n_features;
}

/* Where the value of a kind and band stands, or -1. */
static int64_t place_of(const sl_contract *c, sl_feature feature, uint32_t band)
{
    int64_t at = 0;
    for (uint32_t i = 0; i < c->n_features; i++) {
        const uint32_t bands = sl_contract_feature_bands(c, i);
        for (uint32_t b = 0; b < SL_MAX_BANDS; b++) {
            if ((bands >> b & 1) == 0) continue;
            if (c->features[i] == feature && b == band) return at;
            at++;
        }
    }
    return -1;
}

bool sl_contract_find_features(const sl_contract *some, const sl_contract *all, uint32_t *place)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < some->n_features; i++) {
        const uint32_t bands = sl_contract_feature_bands(some, i);
        for (uint32_t b = 0; b < SL_MAX_BANDS; b++) {
            if ((bands >> b & 1) == 0) continue;
            const int64_t at = place_of(all, some->features[i], b);
            if (at < 0) return false;
            place[n++] = (uint32_t)at;
        }
    }
    return true;
}
