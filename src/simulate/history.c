/*
 * The survey's side: when it looks, how deep, and what it then measures. An
 * alert exists because its last visit is a detection, so the object is scaled
 * to be one there: its magnitude tonight is drawn, not its distance.
 */
#include "simulate/history.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

enum { ZTF_DAYS = 30, ZTF_ROOM = 96, LSST_ROOM = 320 };

/* 5 sigma of a single visit [mag], for u g r i z y, and its scatter. */
static const double ztf_depth[SL_SKY_BANDS] = {0, 20.6, 20.4, 19.9, 0, 0};
static const double lsst_depth[SL_SKY_BANDS] = {23.6, 24.4, 24.0, 23.4, 22.8, 22.0};

/* How often each kind comes, in percent. */
static const int kind_percent[SL_SIMULATE_N_KINDS] = {
    [SL_SIMULATE_SNIA] = 22, [SL_SIMULATE_SNII] = 14, [SL_SIMULATE_KN] = 3,      [SL_SIMULATE_TDE] = 4,
    [SL_SIMULATE_SLSN] = 4,  [SL_SIMULATE_RRL] = 12,  [SL_SIMULATE_EB] = 10,     [SL_SIMULATE_MIRA] = 7,
    [SL_SIMULATE_AGN] = 13,  [SL_SIMULATE_MDWARF] = 5, [SL_SIMULATE_MULENS] = 6,
};

sl_status sl_history_init(sl_history *h, const sl_simulate_options *options, sl_error *err)
{
    *h = (sl_history){.n_room = options->survey == SL_SIMULATE_ZTF ? ZTF_ROOM : LSST_ROOM};
    if (options->max_points > h->n_room) h->n_room = options->max_points;
    h->visits = calloc(h->n_room, sizeof *h->visits);
    return h->visits != NULL ? SL_OK : SL_FAIL_NOMEM(err);
}

void sl_history_release(sl_history *h)
{
    free(h->visits);
    *h = (sl_history){0};
}

double sl_history_magnitude(double flux)
{
    return 31.4 - 2.5 * log10(fabs(flux));
}

static double flux_of(double magnitude)
{
    return pow(10, 0.4 * (31.4 - magnitude));
}

static void look(sl_history *h, double mjd, int band)
{
    if (h->n_visits + 1 < h->n_room) h->visits[h->n_visits++] = (sl_visit){.mjd = mjd, .band = (uint8_t)band};
}

static int by_time(const void *a, const void *b)
{
    const double x = ((const sl_visit *)a)->mjd, y = ((const sl_visit *)b)->mjd;
    return (x > y) - (x < y);
}

/* Sort the visits, add tonight's, and see that no two overlap. */
static void settle(sl_history *h, double now, int band)
{
    const double apart = 40.0 / 86400; /* exposure, readout and slew */
    qsort(h->visits, h->n_visits, sizeof *h->visits, by_time);
    h->visits[h->n_visits++] = (sl_visit){.mjd = now, .band = (uint8_t)band};
    for (size_t k = h->n_visits - 1; k > 0; k--) {
        const double latest = h->visits[k].mjd - apart;
        if (h->visits[k - 1].mjd > latest) h->visits[k - 1].mjd = latest;
    }
}

/* How one field fares in ZTF. */
typedef struct ztf_field {
    double gap;        /* [d] between nights */
    int days;          /* since when the field is observed, or up again */
    int looks;         /* in a night and band, at most */
    double chance[SL_SKY_BANDS]; /* of a band in a night */
} ztf_field;

static ztf_field draw_ztf_field(sl_rng *rng)
{
    ztf_field field = {.gap = 2 + (double)sl_rng_below(rng, 2), .days = ZTF_DAYS, .looks = 1,
                       .chance = {0, 0.85, 0.85, 0, 0, 0}};
    const double style = sl_rng_uniform(rng);
    if (style < 0.07) {
        field.gap = 1;
        field.looks = 1 + (int)sl_rng_below(rng, 3);
    } else if (style < 0.20) {
        field.gap = 1;
    } else if (style < 0.43) {
        field.days = 1 + (int)sl_rng_below(rng, 12);
    } else if (style < 0.58) {
        field.chance[1] = 0;
        field.chance[2] = 0.9;
    } else if (style < 0.63) {
        field.chance[2] = 0;
    }
    if (sl_rng_uniform(rng) < 0.12) field.chance[3] = 0.5;
    return field;
}

static void ztf_cadence(sl_history *h, double now, sl_rng *rng)
{
    const ztf_field field = draw_ztf_field(rng);
    double night = field.gap;
    for (; night < field.days; night += field.gap) {
        if (sl_rng_uniform(rng) < 0.2) continue; /* clouds */
        for (int band = 1; band <= 3; band++) {
            if (sl_rng_uniform(rng) >= field.chance[band]) continue;
            const int looks = 1 + (int)sl_rng_below(rng, (uint64_t)field.looks);
            for (int k = 0; k < looks; k++) look(h, now - night + 0.16 * (sl_rng_uniform(rng) - 0.5), band);
        }
    }
    int band = 0;
    do {
        band = 1 + (int)sl_rng_below(rng, 3);
    } while (field.chance[band] == 0);
    const int other = band == 2 ? 1 : 2;
    if (sl_rng_uniform(rng) < 0.5 * field.chance[other]) look(h, now - 0.02 - 0.06 * sl_rng_uniform(rng), other);
    settle(h, now, band);
}

/* Redder bands more often, as the survey plans it. */
static int lsst_band(sl_rng *rng)
{
    static const unsigned char wheel[] = {0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5};
    return wheel[sl_rng_below(rng, sizeof wheel)];
}

static void lsst_cadence(sl_history *h, double now, sl_rng *rng)
{
    /* two seasons at most in twelve months, with the sun between them */
    const double season = 180 + 40 * sl_rng_uniform(rng), into = 5 + (season - 5) * sl_rng_uniform(rng);
    const double log_n = log(30) + log(10) * pow(sl_rng_uniform(rng), 1.4);
    const int n_visits = (int)exp(log_n);
    while ((int)h->n_visits + 1 < n_visits) {
        const double ago = floor(365 * sl_rng_uniform(rng));
        const double back = fmod(ago - into + 730, 365); /* since the start of the season before */
        if (ago > into && back < 365 - season) continue;
        const double mjd = now - ago - (ago == 0 ? 0.06 : 0) + 0.04 * (sl_rng_uniform(rng) - 0.5);
        look(h, mjd, lsst_band(rng));
        if (sl_rng_uniform(rng) < 0.6 && (int)h->n_visits + 1 < n_visits) {
            look(h, mjd - 0.015 - 0.01 * sl_rng_uniform(rng), lsst_band(rng));
        }
    }
    settle(h, now, lsst_band(rng));
}

/* As many visits as were asked for, evenly over the survey's window. */
static void asked_cadence(sl_history *h, const sl_simulate_options *options, double now, sl_rng *rng)
{
    const bool ztf = options->survey == SL_SIMULATE_ZTF;
    const uint32_t least = options->min_points > 0 ? options->min_points : 1;
    const uint32_t most = options->max_points > least ? options->max_points : least;
    const size_t n = least + (size_t)sl_rng_below(rng, (uint64_t)most - least + 1);
    const double days = ztf ? ZTF_DAYS : 365;
    h->n_visits = n;
    for (size_t k = 0; k < n; k++) {
        h->visits[k].mjd = now - days * (double)(n - 1 - k) / (double)n;
        h->visits[k].band = (uint8_t)(ztf ? 1 + (int)(k & 1) : lsst_band(rng));
    }
}

/* Fill flux with the object's, in no unit yet; false where there is too
   little of it tonight to scale by: nothing would be below the saturation. */
static bool expose(sl_history *h, sl_sky_object *object)
{
    const sl_visit *last = &h->visits[h->n_visits - 1];
    double brightest = 0;
    for (size_t k = 0; k < h->n_visits; k++) {
        sl_visit *v = &h->visits[k];
        v->flux = sl_sky_flux(object, v->mjd - last->mjd, v->band);
        const double weight = v->band == last->band ? 1 : 0.2; /* a red star is faint in u on any night */
        if (weight * fabs(v->flux) > brightest) brightest = weight * fabs(v->flux);
    }
    return fabs(last->flux) > 0.04 * brightest;
}

/* Scale to the magnitude tonight, and measure: noise of sky and source. */
static void measure(sl_history *h, const sl_simulate_options *options, sl_rng *rng)
{
    const bool asked = options->min_points > 0 || options->max_points > 0;
    const double *depth = options->survey == SL_SIMULATE_ZTF ? ztf_depth : lsst_depth;
    sl_visit *last = &h->visits[h->n_visits - 1];
    for (size_t k = 0; k < h->n_visits; k++) {
        sl_visit *v = &h->visits[k];
        v->limit_mag = depth[v->band] + 0.3 * sl_rng_normal(rng);
    }
    double above = -0.9 * log(1 - sl_rng_uniform(rng));
    if (above > 5) above = 5;
    const double scale = flux_of(last->limit_mag - 0.12 - above) / fabs(last->flux);
    for (size_t k = 0; k < h->n_visits; k++) {
        sl_visit *v = &h->visits[k];
        const double flux = v->flux * scale, sky = flux_of(v->limit_mag) / 5;
        v->error = sqrt(sky * sky + 0.012 * 0.012 * flux * flux);
        if (asked) {
            v->flux = fabs(flux) > 8 * v->error ? flux : copysign(8 * v->error, flux);
            v->detected = true;
            continue;
        }
        v->flux = flux + v->error * sl_rng_normal(rng);
        if (v == last && fabs(v->flux) < 5.02 * v->error) v->flux = copysign(5.02 * v->error, flux);
        v->detected = fabs(v->flux) >= 5 * v->error;
    }
}

static sl_simulate_kind draw_kind(sl_rng *rng)
{
    int at = (int)sl_rng_below(rng, 100);
    for (int k = 0; k < SL_SIMULATE_N_KINDS; k++) {
        at -= kind_percent[k];
        if (at < 0) return (sl_simulate_kind)k;
    }
    return SL_SIMULATE_SNIA;
}

void sl_history_draw(sl_history *h, const sl_simulate_options *options, uint64_t index, sl_rng *rng)
{
    const uint64_t n = options->n_alerts;
    h->index = index;
    h->exposure = index * SL_NIGHT_EXPOSURES / n;
    h->place = index - (h->exposure * n + SL_NIGHT_EXPOSURES - 1) / SL_NIGHT_EXPOSURES;
    const double now = SL_NIGHT_MJD + 0.1 + 0.4 * (double)h->exposure / SL_NIGHT_EXPOSURES;
    h->fault = SL_FAULT_NONE;
    h->kind = draw_kind(rng);
    h->ra = 360 * sl_rng_uniform(rng);
    h->dec = options->survey == SL_SIMULATE_ZTF ? -28 + 110 * sl_rng_uniform(rng) : -72 + 75 * sl_rng_uniform(rng);
    h->n_visits = 0;
    if (options->min_points > 0 || options->max_points > 0) {
        asked_cadence(h, options, now, rng);
    } else if (options->survey == SL_SIMULATE_ZTF) {
        ztf_cadence(h, now, rng);
    } else {
        lsst_cadence(h, now, rng);
    }
    sl_sky_object object;
    bool bright = false;
    for (int attempt = 0; !bright && attempt < 24; attempt++) {
        if (attempt == 12) h->visits[h->n_visits - 1].band = 2; /* this band will never do */
        sl_sky_draw(&object, h->kind, rng);
        bright = expose(h, &object);
    }
    /* rare: all draws left the object faint tonight; then it flared up just now */
    if (!bright) h->visits[h->n_visits - 1].flux = 1e-3;
    for (size_t k = 0; !bright && k + 1 < h->n_visits; k++) h->visits[k].flux = 0;
    measure(h, options, rng);
}

static void spoil_visit(sl_visit *v, sl_simulate_fault fault, sl_rng *rng)
{
    switch (fault) {
    case SL_FAULT_NAN:
        v->flux = NAN;
        if (sl_rng_below(rng, 2) == 0) v->error = NAN;
        break;
    case SL_FAULT_INFINITE:
        if (sl_rng_below(rng, 2) == 0) v->error = INFINITY;
        else v->flux = INFINITY;
        break;
    case SL_FAULT_NEGATIVE_ERROR: v->error = sl_rng_below(rng, 2) == 0 ? -v->error : 0; break;
    case SL_FAULT_UNKNOWN_BAND: v->band = SL_BAND_UNKNOWN; break;
    default: break;
    }
    v->detected = true; /* a limit has no value to be wrong */
}

void sl_history_spoil(sl_history *h, sl_simulate_fault fault, sl_rng *rng)
{
    const uint64_t one = sl_rng_below(rng, h->n_visits);
    const bool all = sl_rng_below(rng, 2) == 0;
    h->fault = fault;
    if (fault == SL_FAULT_DUPLICATES) {
        for (size_t k = 1; k < h->n_visits; k++) {
            if (all || k == one) h->visits[k] = h->visits[k - 1];
        }
        h->visits[h->n_visits - 1].detected = true;
    } else if (fault == SL_FAULT_UNSORTED) {
        for (size_t k = h->n_visits - 1; k > 0; k--) {
            const size_t other = (size_t)sl_rng_below(rng, k + 1);
            const double swap = h->visits[k].mjd;
            h->visits[k].mjd = h->visits[other].mjd;
            h->visits[other].mjd = swap;
        }
    } else if (fault >= SL_FAULT_NAN && fault <= SL_FAULT_UNKNOWN_BAND) {
        for (size_t k = 0; k < h->n_visits; k++) {
            if (all || k == one) spoil_visit(&h->visits[k], fault, rng);
        }
    }
}
