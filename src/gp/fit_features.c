/* The features that are about the fit: its parameters, its residuals, and the shape of its mean. */
#include <math.h>

#include "gp/gp_internal.h"
#include "lightcurve/statistics.h"

/* Where the mean is highest of all, and how it goes up and down there. */
typedef struct summit {
    double height, rise, decline; /* rise and decline [d] */
    size_t step, channel;
    size_t sum_step; /* where the sum of all channels is highest */
    double step_day;
    double peak; /* sl_lightcurve_peak */
} summit;

static size_t find_sum_step(size_t n_steps, size_t n_channels, const double *mean)
{
    size_t step = 0;
    double highest = -INFINITY;
    for (size_t t = 0; t < n_steps; t++) {
        double sum = 0;
        for (size_t c = 0; c < n_channels; c++) sum += mean[t * n_channels + c];
        if (!(sum > highest)) continue;
        highest = sum;
        step = t;
    }
    return step;
}

static summit find_summit(size_t n_steps, size_t n_channels, const double *mean, double step_day)
{
    summit s = {.height = mean[0], .sum_step = find_sum_step(n_steps, n_channels, mean), .step_day = step_day};
    for (size_t i = 1; i < n_steps * n_channels; i++) {
        if (!(mean[i] > s.height)) continue;
        s.height = mean[i];
        s.step = i / n_channels;
        s.channel = i % n_channels;
    }
    size_t before = s.step, behind = s.step;
    while (before > 0 && !(mean[before * n_channels + s.channel] < s.height / 2)) before--;
    while (behind + 1 < n_steps && !(mean[behind * n_channels + s.channel] < s.height / 2)) behind++;
    s.rise = (double)(s.step - before) * step_day;
    s.decline = (double)(behind - s.step) * step_day;
    return s;
}

/*
 * ln(1 + mean square of the residuals over their errors), of a band or (-1) of
 * all. As K alpha = flux, the residual flux - (K - N) alpha is N alpha, N being
 * the noise on the diagonal of K.
 */
static double residual(const sl_gp_curve *c, const sl_lightcurve *lc, int band)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (!(lc->error[i] > 0) || (band >= 0 && lc->band[i] != band)) continue;
        const double r = c->noise[i] * c->alpha[i] / lc->error[i];
        sum += r * r;
        n++;
    }
    return n > 0 ? log1p(sum / (double)n) : NAN;
}

/* The channel at a band, or nearest to it among regular wavelengths. */
static size_t channel_of(const sl_contract *contract, uint32_t band)
{
    if (contract->grid_wavelengths == 0) return band;
    const double first = contract->bands[0].wavelength_aa;
    const double span = contract->bands[contract->n_bands - 1].wavelength_aa - first;
    const double at = (contract->bands[band].wavelength_aa - first) / span;
    return (size_t)(at * (double)(contract->grid_wavelengths - 1) + 0.5);
}

static double overall_value(sl_feature feature, const sl_gp_curve *c, const sl_lightcurve *lc, const summit *s)
{
    const double log_peak = log(s->peak);
    switch (feature) {
    case SL_FEATURE_GP_SCALE: return c->search.p[1];
    case SL_FEATURE_GP_AMPLITUDE: return c->search.p[0] - 2 * log_peak;
    case SL_FEATURE_GP_LIKELIHOOD: return c->search.value / (double)c->n + log_peak;
    case SL_FEATURE_GP_RESIDUAL: return residual(c, lc, -1);
    case SL_FEATURE_GP_RISE: return s->height > 0 ? log1p(s->rise) : NAN;
    case SL_FEATURE_GP_DECLINE: return s->height > 0 ? log1p(s->decline) : NAN;
    default: return NAN;
    }
}

/* SL_FEATURE_BAND_GP_BEFORE_60 and those behind it. */
static double at_phase(sl_feature feature, const sl_contract *contract, const sl_lightcurve *lc, const double *mean,
                       const summit *s, uint32_t band)
{
    static const double days[] = {-60, -35, -20, -10, -5, 0, 5, 10, 20, 35, 60, 100};
    const size_t n_channels = sl_contract_grid_channels(contract), channel = channel_of(contract, band);
    const double day = days[feature - SL_FEATURE_BAND_GP_BEFORE_60];
    if (day == 0) return mean[s->sum_step * n_channels + channel] / s->peak;
    const double at = (double)s->sum_step + day / s->step_day; /* infinite where all points are at one time */
    if (!(at >= 0) || !(at <= (double)(contract->gp.grid_length - 1))) return NAN;
    const size_t step = (size_t)at < contract->gp.grid_length - 2 ? (size_t)at : contract->gp.grid_length - 2;
    const double share = at - (double)step;
    const double *m = mean + step * n_channels + channel;
    return (m[0] + share * (m[n_channels] - m[0])) / s->peak;
}

static double band_value(sl_feature feature, const sl_gp_curve *c, const sl_contract *contract, const sl_lightcurve *lc,
                         const double *mean, const summit *s, uint32_t band)
{
    if (feature == SL_FEATURE_BAND_GP_RESIDUAL) return residual(c, lc, (int)band);
    if (feature >= SL_FEATURE_BAND_GP_BEFORE_60) return at_phase(feature, contract, lc, mean, s, band);
    if (!(s->height > 0)) return NAN;
    const size_t n_channels = sl_contract_grid_channels(contract), channel = channel_of(contract, band);
    size_t highest = 0;
    for (size_t t = 1; t < contract->gp.grid_length; t++) {
        if (mean[t * n_channels + channel] > mean[highest * n_channels + channel]) highest = t;
    }
    switch (feature) {
    case SL_FEATURE_BAND_GP_COLOR: return mean[s->step * n_channels + channel] / s->height;
    case SL_FEATURE_BAND_GP_MAX: return mean[highest * n_channels + channel] / s->height;
    case SL_FEATURE_BAND_GP_DELAY: return asinh(((double)highest - (double)s->step) * s->step_day);
    default: return NAN;
    }
}

void sl_gp_fit_features(const sl_gp_curve *c, const sl_contract *contract, const sl_lightcurve *lc, const double *mean,
                        float *raw)
{
    const size_t n_steps = contract->gp.grid_length;
    const double step_day = (c->time[c->n - 1] - c->time[0]) / (double)(n_steps - 1);
    summit s = find_summit(n_steps, sl_contract_grid_channels(contract), mean, step_day);
    s.peak = sl_lightcurve_peak(lc);
    for (uint32_t i = 0; i < contract->n_features; i++) {
        const sl_feature feature = contract->features[i];
        for (uint32_t b = 0, wanted = sl_contract_feature_bands(contract, i); wanted != 0; b++, wanted >>= 1) {
            if ((wanted & 1) == 0) continue;
            if (sl_feature_of_fit(feature)) {
                *raw = sl_feature_float(sl_feature_of_bands(feature) ? band_value(feature, c, contract, lc, mean, &s, b)
                                                                     : overall_value(feature, c, lc, &s));
            }
            raw++;
        }
    }
}
