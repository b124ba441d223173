#include "lightcurve/statistics.h"

#include <float.h>
#include <math.h>

#include "base/nth.h"

static const double least_dt_day = 0.01; /* of a slope: closer points tell more of their noise than of the source */
static const double rate_dt_day = 0.5;   /* of a rate, for the same reason, wherever it is not about flares */
static const double significant = 3, strong = 5; /* errors */
static const double most_weight = 100;

float sl_feature_float(double x)
{
    return fabs(x) <= (double)FLT_MAX ? (float)x : NAN;
}

double sl_lightcurve_peak(const sl_lightcurve *lc)
{
    double peak = 0;
    for (size_t i = 0; i < lc->n; i++) peak = fmax(peak, fabs(lc->flux[i]));
    return peak > 0 ? peak : 1;
}

/*
 * The comoving distance c / H0 times the integral of dz / E(z) from 0 to z. With
 * u = (1 + z)^-1/2 that is 2 du / sqrt(Omega_m + Omega_L u^6) from u to 1, which
 * is so smooth that ten nodes of Gauss and Legendre are right to 1e-10 up to z = 10, to 1e-8 everywhere.
 */
double sl_luminosity_distance(double z)
{
    static const double node[] = {0.14887433898163122, 0.4333953941292472, 0.6794095682990244, 0.8650633666889845,
                                  0.9739065285171717};
    static const double weight[] = {0.29552422471475287, 0.26926671930999635, 0.21908636251598204, 0.1494513491505806,
                                    0.06667134430868814};
    const double matter = 0.3, hubble_mpc = 299792.458 / 70, u = 1 / sqrt(1 + z);
    const double middle = (1 + u) / 2, half = (1 - u) / 2;
    double sum = 0;
    for (int i = 0; i < 5; i++) {
        for (int side = -1; side <= 1; side += 2) {
            const double at = middle + side * half * node[i], cube = at * at * at;
            sum += weight[i] / sqrt(matter + (1 - matter) * cube * cube);
        }
    }
    return hubble_mpc * (1 + z) * 2 * half * sum;
}

/* What is counted over the points of a band, or over all. */
typedef struct counts {
    size_t n, detected, negative;
    double max_snr;
} counts;

static void count(counts *c, double flux, double error)
{
    c->n++;
    c->detected += fabs(flux) > significant * error;
    c->negative += flux < -significant * error;
    c->max_snr = fmax(c->max_snr, fabs(flux) / error); /* fmax passes over 0 / 0 */
}

static double share(size_t part, size_t n)
{
    return n > 0 ? (double)part / (double)n : NAN;
}

/* ---- of all points ---- */

typedef struct overall {
    counts counts;
    double peak, span, first_detected, last_detected, max_gap, noise, peak_time;
    double max, min, mean_cube, second, third; /* over the peak */
    uint8_t peak_band;
    size_t n_strong;
    double strong_span, strong_spread, strong_gap;
} overall;

static void measure_strong(const sl_lightcurve *lc, overall *o)
{
    double first = 0, last = 0, weights = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < lc->n; i++) {
        const double snr = fabs(lc->flux[i]) / lc->error[i], weight = fmin(snr, most_weight);
        if (!(fabs(lc->flux[i]) > strong * lc->error[i])) continue;
        if (o->n_strong++ == 0) first = last = lc->time[i];
        o->strong_gap = fmax(o->strong_gap, lc->time[i] - last);
        last = lc->time[i];
        weights += weight;
        sum += weight * (last - first);
    }
    const double center = sum / weights;
    for (size_t i = 0; o->n_strong > 0 && i < lc->n; i++) {
        if (!(fabs(lc->flux[i]) > strong * lc->error[i])) continue;
        const double d = lc->time[i] - first - center;
        squares += fmin(fabs(lc->flux[i]) / lc->error[i], most_weight) * d * d;
    }
    o->strong_span = last - first;
    o->strong_spread = o->n_strong > 0 ? sqrt(squares / weights) : 0;
}

/* The highest, lowest and largest fluxes. */
static void measure_tops(const sl_lightcurve *lc, overall *o)
{
    double top[3] = {-1, -1, -1}, cubes = 0; /* the largest |flux|, over the peak */
    o->max = -INFINITY;
    o->min = INFINITY;
    for (size_t i = 0; i < lc->n; i++) {
        const double f = lc->flux[i] / o->peak, a = fabs(f);
        o->max = fmax(o->max, f);
        o->min = fmin(o->min, f);
        cubes += f * f * f;
        if (a >= top[0]) o->peak_band = lc->band[i];
        if (a > top[2]) top[2] = a;
        for (int k = 2; k > 0 && top[k] > top[k - 1]; k--) {
            const double lower = top[k - 1];
            top[k - 1] = top[k];
            top[k] = lower;
        }
    }
    o->mean_cube = cubes / (double)lc->n;
    o->second = top[1] >= 0 ? top[1] : NAN;
    o->third = top[2] >= 0 ? top[2] : NAN;
}

static overall measure_all(const sl_lightcurve *lc, double *scratch)
{
    overall o = {.peak = sl_lightcurve_peak(lc), .span = lc->time[lc->n - 1] - lc->time[0], .first_detected = NAN,
                 .last_detected = NAN};
    size_t highest = 0;
    for (size_t i = 0; i < lc->n; i++) {
        count(&o.counts, lc->flux[i], lc->error[i]);
        if (fabs(lc->flux[i]) > significant * lc->error[i]) {
            if (isnan(o.first_detected)) o.first_detected = lc->time[i];
            o.last_detected = lc->time[i];
        }
        if (i > 0) o.max_gap = fmax(o.max_gap, lc->time[i] - lc->time[i - 1]);
        if (lc->flux[i] > lc->flux[highest]) highest = i;
        scratch[i] = lc->error[i];
    }
    o.noise = sl_median(lc->n, scratch) / o.peak;
    o.peak_time = lc->time[highest] - lc->time[0];
    measure_strong(lc, &o);
    measure_tops(lc, &o);
    return o;
}

static double overall_value(sl_feature feature, const sl_lightcurve *lc, const overall *o)
{
    const double n = (double)o->counts.n, z = (double)lc->redshift;
    switch (feature) {
    case SL_FEATURE_LOG_PEAK: return log(o->peak);
    case SL_FEATURE_LOG_SPAN: return log1p(o->span);
    case SL_FEATURE_LOG_POINTS: return log(n);
    case SL_FEATURE_LOG_DETECTIONS: return log1p((double)o->counts.detected);
    case SL_FEATURE_DETECTED_SPAN: return log1p(o->last_detected - o->first_detected);
    case SL_FEATURE_DETECTED_SHARE: return share(o->counts.detected, o->counts.n);
    case SL_FEATURE_NEGATIVE_SHARE: return share(o->counts.negative, o->counts.n);
    case SL_FEATURE_LOG_MAX_SNR: return log1p(o->counts.max_snr);
    case SL_FEATURE_LOG_NOISE: return log(o->noise);
    case SL_FEATURE_LOG_MAX_GAP: return log1p(o->max_gap);
    case SL_FEATURE_PEAK_PLACE: return o->peak_time / o->span;
    case SL_FEATURE_STRONG_SPAN: return log1p(o->strong_span);
    case SL_FEATURE_STRONG_SPREAD: return log1p(o->strong_spread);
    case SL_FEATURE_STRONG_GAP: return log1p(o->strong_gap);
    case SL_FEATURE_LOG_STRONG: return log1p((double)o->n_strong);
    case SL_FEATURE_MAX: return o->max;
    case SL_FEATURE_MIN: return o->min;
    case SL_FEATURE_MEAN_CUBE: return o->mean_cube;
    case SL_FEATURE_SECOND: return o->second;
    case SL_FEATURE_THIRD: return o->third;
    case SL_FEATURE_PEAK_BAND: return o->peak_band;
    case SL_FEATURE_REDSHIFT: return z;
    case SL_FEATURE_REDSHIFT_ERROR: return (double)lc->redshift_error;
    case SL_FEATURE_HAS_REDSHIFT: return z > 0;
    case SL_FEATURE_LOG_LUMINOSITY: return z > 0 ? log(o->peak) + 2 * log(sl_luminosity_distance(z)) : NAN;
    default: return NAN; /* about the fit */
    }
}

/* ---- of one band ---- */

typedef struct band {
    counts counts;
    double max, min, mean, deviation, weighted_mean, skew, kurtosis, chi2, mad, max_slope, roughness; /* not over the peak */
    double low, median, high, noise, max_rate, min_rate, jump;
} band;

/* Mean and the moments about it, in two passes. */
static void measure_moments(size_t n, const double *flux, band *b)
{
    double sum = 0, m2 = 0, m3 = 0, m4 = 0;
    for (size_t i = 0; i < n; i++) sum += flux[i];
    b->mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double d = flux[i] - b->mean;
        m2 += d * d;
    }
    b->deviation = sqrt(m2 / (double)n);
    for (size_t i = 0; i < n; i++) { /* in units of the deviation, so that no power overflows */
        const double d = (flux[i] - b->mean) / b->deviation;
        m3 += d * d * d;
        m4 += d * d * d * d;
    }
    b->skew = n >= 3 ? m3 / (double)n : NAN;
    b->kurtosis = n >= 4 ? m4 / (double)n - 3 : NAN;
}

static void measure_scatter(size_t n, const double *flux, const double *error, band *b)
{
    double weights = 0, sum = 0, chi2 = 0;
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(error[i] > 0)) continue;
        const double w = 1 / (error[i] * error[i]);
        weights += w;
        sum += w * flux[i];
        used++;
    }
    b->weighted_mean = sum / weights; /* 0 / 0 without a point */
    for (size_t i = 0; i < n; i++) {
        const double d = (flux[i] - b->weighted_mean) / error[i];
        if (error[i] > 0) chi2 += d * d;
    }
    b->chi2 = used >= 2 ? log1p(chi2 / (double)(used - 1)) : NAN;
}

/* From one point to the next. */
static void measure_steps(size_t n, const double *time, const double *flux, const double *error, double peak, band *b)
{
    double slope = 0, squares = 0, jumps = 0, max_rate = -INFINITY, min_rate = INFINITY;
    for (size_t i = 1; i < n; i++) {
        const double step = flux[i] - flux[i - 1], relative = step / b->deviation, dt = time[i] - time[i - 1];
        const double rate = step / fmax(dt, rate_dt_day);
        slope = fmax(slope, fabs(step) / fmax(dt, least_dt_day));
        squares += relative * relative;
        jumps += fabs(step) / sqrt(error[i] * error[i] + error[i - 1] * error[i - 1]);
        max_rate = fmax(max_rate, rate);
        min_rate = fmin(min_rate, rate);
    }
    b->max_slope = n >= 2 ? log1p(slope / peak) : NAN;
    b->roughness = n >= 2 ? squares / (double)(n - 1) : NAN;
    b->max_rate = max_rate; /* infinite, and so missing, without a step */
    b->min_rate = min_rate;
    b->jump = n >= 2 ? log(jumps / (double)(n - 1)) : NAN;
}

static size_t place(double share, size_t n)
{
    return (size_t)(share * (double)(n - 1) + 0.5);
}

/* Reorders both. */
static void measure_ranks(size_t n, double *flux, double *error, band *b)
{
    b->low = b->median = b->high = b->noise = b->mad = NAN;
    if (n == 0) return;
    const size_t low = place(0.1, n), middle = place(0.5, n), high = place(0.9, n);
    b->median = sl_nth(n, flux, middle);
    b->low = low < middle ? sl_nth(middle, flux, low) : b->median;
    b->high = high > middle ? sl_nth(n - middle - 1, flux + middle + 1, high - middle - 1) : b->median;
    b->noise = sl_nth(n, error, middle);
    const double median = sl_median(n, flux);
    for (size_t i = 0; i < n; i++) flux[i] = fabs(flux[i] - median);
    b->mad = sl_median(n, flux);
}

/* scratch: 3 n */
static band measure_band(const sl_lightcurve *lc, uint32_t which, double peak, double *scratch)
{
    double *time = scratch, *flux = scratch + lc->n, *error = scratch + 2 * lc->n;
    band b = {.max = -INFINITY, .min = INFINITY};
    size_t n = 0;
    for (size_t i = 0; i < lc->n; i++) {
        if (lc->band[i] != which) continue;
        time[n] = lc->time[i];
        flux[n] = lc->flux[i];
        error[n] = lc->error[i];
        count(&b.counts, flux[n], error[n]);
        b.max = fmax(b.max, flux[n]);
        b.min = fmin(b.min, flux[n]);
        n++;
    }
    measure_moments(n, flux, &b);
    measure_scatter(n, flux, error, &b);
    measure_steps(n, time, flux, error, peak, &b);
    measure_ranks(n, flux, error, &b);
    return b;
}

static double band_value(sl_feature feature, const band *b, double peak)
{
    switch (feature) {
    case SL_FEATURE_BAND_POINTS: return log1p((double)b->counts.n);
    case SL_FEATURE_BAND_MAX: return b->max / peak;
    case SL_FEATURE_BAND_MIN: return b->min / peak;
    case SL_FEATURE_BAND_MEAN: return b->mean / peak;
    case SL_FEATURE_BAND_DEVIATION: return b->deviation / peak;
    case SL_FEATURE_BAND_WEIGHTED_MEAN: return b->weighted_mean / peak;
    case SL_FEATURE_BAND_SKEW: return b->skew;
    case SL_FEATURE_BAND_KURTOSIS: return b->kurtosis;
    case SL_FEATURE_BAND_CHI2: return b->chi2;
    case SL_FEATURE_BAND_MAD: return b->mad / peak;
    case SL_FEATURE_BAND_MAX_SLOPE: return b->max_slope;
    case SL_FEATURE_BAND_DETECTED_SHARE: return share(b->counts.detected, b->counts.n);
    case SL_FEATURE_BAND_NEGATIVE_SHARE: return share(b->counts.negative, b->counts.n);
    case SL_FEATURE_BAND_MAX_SNR: return b->counts.n > 0 ? log1p(b->counts.max_snr) : NAN;
    case SL_FEATURE_BAND_ROUGHNESS: return b->roughness;
    case SL_FEATURE_BAND_LOW: return b->low / peak;
    case SL_FEATURE_BAND_MEDIAN: return b->median / peak;
    case SL_FEATURE_BAND_HIGH: return b->high / peak;
    case SL_FEATURE_BAND_NOISE: return log(b->noise / peak);
    case SL_FEATURE_BAND_MAX_RATE: return b->max_rate / peak;
    case SL_FEATURE_BAND_MIN_RATE: return b->min_rate / peak;
    case SL_FEATURE_BAND_JUMP: return b->jump;
    default: return NAN; /* about the fit */
    }
}

void sl_lightcurve_features(const sl_contract *contract, const sl_lightcurve *lc, double *scratch, float *raw)
{
    const overall all = measure_all(lc, scratch);
    band bands[SL_MAX_BANDS];
    uint32_t measured = 0; /* bit b: bands[b] is there */
    for (uint32_t i = 0; i < contract->n_features; i++) {
        const sl_feature feature = contract->features[i];
        if (!sl_feature_of_bands(feature)) {
            *raw++ = sl_feature_float(overall_value(feature, lc, &all));
            continue;
        }
        const uint32_t wanted = sl_contract_feature_bands(contract, i);
        for (uint32_t b = 0; b < contract->n_bands; b++) {
            if ((wanted >> b & 1) == 0) continue;
            if ((measured >> b & 1) == 0) bands[b] = measure_band(lc, b, all.peak, scratch);
            measured |= 1u << b;
            *raw++ = sl_feature_float(band_value(feature, &bands[b], all.peak));
        }
    }
}
