/* The features that are about the fit: its parameters, its residuals, and the shape of its mean. */
#include <math.h>

#include "gp/gp_internal.h"
#include "lightcurve/statistics.h"

/* The mean on its grid: how it goes up and down. */
typedef struct summit {
    size_t n_steps, n_channels;
    double height, rise, decline; /* where it is highest of all, and there [d] */
    size_t step, channel;
    const double *sum; /* n_steps: over all channels */
    size_t sum_step;   /* where that is highest */
    double step_day;
    double peak; /* sl_lightcurve_peak */
} summit;

/* One channel of it. */
typedef struct shape {
    size_t highest;
    double mean, min, max, deviation;
} shape;

static size_t add_channels(size_t n_steps, size_t n_channels, const double *mean, double *sum)
{
    size_t step = 0;
    for (size_t t = 0; t < n_steps; t++) {
        sum[t] = 0;
        for (size_t c = 0; c < n_channels; c++) sum[t] += mean[t * n_channels + c];
        if (sum[t] > sum[step]) step = t;
    }
    return step;
}

static summit find_summit(const sl_contract *contract, const double *mean, double step_day, double *sum)
{
    const size_t n_steps = contract->gp.grid_length, n_channels = sl_contract_grid_channels(contract);
    summit s = {.n_steps = n_steps, .n_channels = n_channels, .height = mean[0], .step_day = step_day, .sum = sum};
    s.sum_step = add_channels(n_steps, n_channels, mean, sum);
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

static shape find_shape(const summit *s, const double *mean, size_t channel)
{
    const size_t n_channels = s->n_channels;
    const double *m = mean + channel;
    shape out = {.min = m[0], .max = m[0]};
    double sum = 0, squares = 0;
    for (size_t t = 0; t < s->n_steps; t++) {
        const double x = m[t * n_channels];
        sum += x;
        if (x < out.min) out.min = x;
        if (x > out.max) {
            out.max = x;
            out.highest = t;
        }
    }
    out.mean = sum / (double)s->n_steps;
    for (size_t t = 0; t < s->n_steps; t++) squares += (m[t * n_channels] - out.mean) * (m[t * n_channels] - out.mean);
    out.deviation = sqrt(squares / (double)s->n_steps);
    return out;
}

/* ln(1 + days) from step `top` to the next before it (way -1) or behind it (1) with x[t * stride] < level; NaN without. */
static double log_days_to(const summit *s, const double *x, size_t stride, size_t top, int way, double level)
{
    const size_t most = way < 0 ? top : s->n_steps - 1 - top;
    for (size_t d = 1; d <= most; d++) {
        if (x[(way < 0 ? top - d : top + d) * stride] < level) return log1p((double)d * s->step_day);
    }
    return NAN;
}

/* The same of the sum over the channels, as a share of its top. */
static double log_days(const summit *s, int way, double share)
{
    const double top = s->sum[s->sum_step];
    return top > 0 ? log_days_to(s, s->sum, 1, s->sum_step, way, share * top) : NAN;
}

static double count_wide(const summit *s)
{
    size_t n = 0;
    for (size_t t = 0; t < s->n_steps; t++) n += s->sum[t] > s->sum[s->sum_step] / 2;
    return (double)n / (double)s->n_steps;
}

static double count_maxima(const summit *s)
{
    size_t n = 0;
    const double *x = s->sum;
    for (size_t t = 1; t + 1 < s->n_steps; t++) n += x[t] > x[t - 1] && x[t] > x[t + 1] && x[t] > 0.2 * x[s->sum_step];
    return (double)n;
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

static double max_pull(const sl_gp_curve *c, const sl_lightcurve *lc)
{
    double most = -1;
    for (size_t i = 0; i < c->n; i++) {
        if (lc->error[i] > 0) most = fmax(most, fabs(c->noise[i] * c->alpha[i] / lc->error[i]));
    }
    return sqrt(most); /* NaN without a point */
}

/* What the fit explains beyond noise, for each point. */
static double gain(const sl_gp_curve *c, const sl_lightcurve *lc)
{
    static const double log_two_pi = 1.8378770664093453;
    double squares = 0, logs = 0;
    for (size_t i = 0; i < c->n; i++) {
        const double r = lc->flux[i] / lc->error[i];
        squares += r * r;
        logs += log(lc->error[i]);
    }
    const double n = (double)c->n, noise = -squares / 2 - logs - n / 2 * log_two_pi;
    return asinh((c->search.value - noise) / n);
}

/* ln of how much slower things go here than at the source; NaN where it has no redshift. */
static double log_stretch(const sl_lightcurve *lc)
{
    return (double)lc->redshift > 0 ? log1p((double)lc->redshift) : NAN;
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

static double sum_value(sl_feature feature, const sl_lightcurve *lc, const summit *s)
{
    if (!(s->sum[s->sum_step] > 0)) return NAN;
    switch (feature) {
    case SL_FEATURE_GP_RISE_70: return log_days(s, -1, 0.7);
    case SL_FEATURE_GP_FALL_70: return log_days(s, 1, 0.7);
    case SL_FEATURE_GP_RISE_50: return log_days(s, -1, 0.5);
    case SL_FEATURE_GP_FALL_50: return log_days(s, 1, 0.5);
    case SL_FEATURE_GP_RISE_20: return log_days(s, -1, 0.2);
    case SL_FEATURE_GP_FALL_20: return log_days(s, 1, 0.2);
    case SL_FEATURE_GP_WIDE: return count_wide(s);
    case SL_FEATURE_GP_MAXIMA: return count_maxima(s);
    case SL_FEATURE_GP_PEAK_PLACE: return (double)s->sum_step / (double)(s->n_steps - 1);
    case SL_FEATURE_GP_PEAK_HEIGHT: return asinh(10 * s->sum[s->sum_step] / s->peak);
    case SL_FEATURE_GP_REST_RISE_50: return log_days(s, -1, 0.5) - log_stretch(lc);
    case SL_FEATURE_GP_REST_FALL_50: return log_days(s, 1, 0.5) - log_stretch(lc);
    case SL_FEATURE_GP_REST_FALL_20: return log_days(s, 1, 0.2) - log_stretch(lc);
    default: return NAN;
    }
}

static double overall_value(sl_feature feature, const sl_gp_curve *c, const sl_lightcurve *lc, const summit *s)
{
    switch (feature) {
    case SL_FEATURE_GP_SCALE: return c->search.p[1];
    case SL_FEATURE_GP_REST_SCALE: return c->search.p[1] - 2 * log_stretch(lc);
    case SL_FEATURE_GP_AMPLITUDE: return c->search.p[0] - 2 * log(s->peak);
    case SL_FEATURE_GP_LIKELIHOOD: return c->search.value / (double)c->n + log(s->peak);
    case SL_FEATURE_GP_GAIN: return gain(c, lc);
    case SL_FEATURE_GP_RESIDUAL: return residual(c, lc, -1);
    case SL_FEATURE_GP_MAX_PULL: return max_pull(c, lc);
    case SL_FEATURE_GP_RISE: return s->height > 0 ? log1p(s->rise) : NAN;
    case SL_FEATURE_GP_DECLINE: return s->height > 0 ? log1p(s->decline) : NAN;
    default: return sum_value(feature, lc, s);
    }
}

/* SL_FEATURE_BAND_GP_BEFORE_60 to _AFTER_100. */
static double at_phase(sl_feature feature, const double *mean, const summit *s, size_t channel)
{
    static const double days[] = {-60, -35, -20, -10, -5, 0, 5, 10, 20, 35, 60, 100};
    const size_t n_channels = s->n_channels, last = s->n_steps - 1;
    const double day = days[feature - SL_FEATURE_BAND_GP_BEFORE_60];
    if (day == 0) return mean[s->sum_step * n_channels + channel] / s->peak;
    const double at = (double)s->sum_step + day / s->step_day; /* infinite where all points are at one time */
    if (!(at >= 0) || !(at <= (double)last)) return NAN;
    const size_t step = (size_t)at < last - 1 ? (size_t)at : last - 1;
    const double share = at - (double)step;
    const double *m = mean + step * n_channels + channel;
    return (m[0] + share * (m[n_channels] - m[0])) / s->peak;
}

static double band_value(sl_feature feature, const double *mean, const summit *s, size_t channel, const shape *b)
{
    if (feature >= SL_FEATURE_BAND_GP_BEFORE_60 && feature <= SL_FEATURE_BAND_GP_AFTER_100) {
        return at_phase(feature, mean, s, channel);
    }
    switch (feature) {
    case SL_FEATURE_BAND_GP_MEAN: return b->mean / s->peak;
    case SL_FEATURE_BAND_GP_MIN: return b->min / s->peak;
    case SL_FEATURE_BAND_GP_DEVIATION: return b->deviation / s->peak;
    case SL_FEATURE_BAND_GP_RISE:
    case SL_FEATURE_BAND_GP_FALL:
        if (!(b->max > 0)) return NAN;
        return log_days_to(s, mean + channel, s->n_channels, b->highest, feature == SL_FEATURE_BAND_GP_RISE ? -1 : 1, b->max / 2);
    default: break;
    }
    if (!(s->height > 0)) return NAN;
    switch (feature) {
    case SL_FEATURE_BAND_GP_COLOR: return mean[s->step * s->n_channels + channel] / s->height;
    case SL_FEATURE_BAND_GP_MAX: return b->max / s->height;
    case SL_FEATURE_BAND_GP_DELAY: return asinh(((double)b->highest - (double)s->step) * s->step_day);
    default: return NAN;
    }
}

void sl_gp_fit_features(const sl_gp_curve *c, const sl_contract *contract, const sl_lightcurve *lc, const double *mean,
                        double *scratch, float *raw)
{
    const double step_day = (c->time[c->n - 1] - c->time[0]) / (double)(contract->gp.grid_length - 1);
    summit s = find_summit(contract, mean, step_day, scratch);
    s.peak = sl_lightcurve_peak(lc);
    shape shapes[SL_MAX_BANDS];
    uint32_t found = 0; /* bit b: shapes[b] is there */
    for (uint32_t i = 0; i < contract->n_features; i++) {
        const sl_feature feature = contract->features[i];
        const bool of_bands = sl_feature_of_bands(feature), of_fit = sl_feature_of_fit(feature);
        for (uint32_t b = 0, wanted = sl_contract_feature_bands(contract, i); wanted != 0; b++, wanted >>= 1) {
            if ((wanted & 1) == 0) continue;
            float *to = raw++;
            if (!of_fit) continue;
            if (!of_bands) {
                *to = sl_feature_float(overall_value(feature, c, lc, &s));
            } else if (feature == SL_FEATURE_BAND_GP_RESIDUAL) {
                *to = sl_feature_float(residual(c, lc, (int)b));
            } else {
                const size_t channel = channel_of(contract, b);
                if ((found >> b & 1) == 0) shapes[b] = find_shape(&s, mean, channel);
                found |= 1u << b;
                *to = sl_feature_float(band_value(feature, mean, &s, channel, &shapes[b]));
            }
        }
    }
}
