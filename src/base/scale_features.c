/* Features as the network gets them: over centre and spread, or by their rank among known values. */
#include <math.h>

#include "base/half.h"
#include "starling/contract.h"

/* Phi^-1((k + 1/2) / K) for each K from SL_MIN_KNOTS on; of the k above the middle, since the others are their negatives. */
static const float upper_scores[SL_MAX_KNOTS - SL_MIN_KNOTS + 1][SL_MAX_KNOTS / 2] = {
    {0.9674216f},
    {0.31863937f, 1.1503494f},
    {0.52440053f, 1.2815516f},
    {0.21042839f, 0.67448974f, 1.3829942f},
    {0.36610636f, 0.7916386f, 1.4652338f},
    {0.15731068f, 0.48877642f, 0.88714653f, 1.5341206f},
    {0.28221616f, 0.5894558f, 0.9674216f, 1.5932188f},
    {0.12566134f, 0.38532045f, 0.67448974f, 1.0364333f, 1.6448536f},
    {0.22988412f, 0.4727891f, 0.7478586f, 1.0968035f, 1.6906216f},
    {0.10463346f, 0.31863937f, 0.5485223f, 0.8122178f, 1.1503494f, 1.7316644f},
    {0.19402814f, 0.3957253f, 0.6151411f, 0.86942375f, 1.1983798f, 1.768825f},
    {0.08964235f, 0.27188f, 0.46370775f, 0.67448974f, 0.920823f, 1.2418668f, 1.8027431f},
    {0.167894f, 0.34069481f, 0.52440053f, 0.7279133f, 0.9674216f, 1.2815516f, 1.8339146f},
    {0.07841241f, 0.23720211f, 0.40225005f, 0.57913214f, 0.7764218f, 1.0099902f, 1.3180109f, 1.8627318f},
    {0.14798711f, 0.2993069f, 0.45785192f, 0.6289042f, 0.8207921f, 1.0491314f, 1.3517022f, 1.8895099f},
};

static void fill_scores(uint32_t n, float *score)
{
    const float *upper = upper_scores[n - SL_MIN_KNOTS];
    score[n / 2] = 0; /* the middle one of an odd number */
    for (uint32_t k = 0; k < n / 2; k++) {
        score[n - n / 2 + k] = upper[k];
        score[n / 2 - 1 - k] = -upper[k];
    }
}

static float on_table(uint32_t n, const uint16_t *knot, const float *score, float raw)
{
    const int x = sl_half_order(sl_half_from_float(raw));
    uint32_t below = 0, equal = 0;
    for (uint32_t k = 0; k < n; k++) {
        const int q = sl_half_order(knot[k]);
        below += q < x;
        equal += q == x;
    }
    if (equal > 0) {
        float sum = 0;
        for (uint32_t k = below; k < below + equal; k++) sum += score[k];
        return sum / (float)equal;
    }
    if (below == 0) return score[0];
    if (below == n) return score[n - 1];
    const float left = sl_half_to_float(knot[below - 1]), right = sl_half_to_float(knot[below]);
    return score[below - 1] + (score[below] - score[below - 1]) * ((raw - left) / (right - left));
}

static float over_spread(float raw, float center, float spread)
{
    float x = (raw - center) / spread;
    x = x > -SL_FEATURE_CLAMP ? x : -SL_FEATURE_CLAMP;
    return x < SL_FEATURE_CLAMP ? x : SL_FEATURE_CLAMP;
}

void sl_contract_scale_features(const sl_contract *c, const float *raw, float *value)
{
    const uint32_t n = sl_contract_input_features(c), n_knots = c->feature_knots;
    float score[SL_MAX_KNOTS];
    if (n_knots > 0) fill_scores(n_knots, score);
    for (uint32_t i = 0; i < n; i++) {
        float x = 0;
        if (isfinite(raw[i])) {
            x = n_knots > 0 ? on_table(n_knots, &c->feature_table[i * n_knots], score, raw[i])
                            : over_spread(raw[i], c->feature_center[i], c->feature_spread[i]);
        }
        value[i] = x;
    }
}
