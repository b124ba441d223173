/*
 * A view is made of the alert's points, brought to plain fluxes once, and
 * becomes an alert of its own: whatever a contract does with alerts (window,
 * kinds, one point a visit), it does with views, too.
 */
#include "prepare/views.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "lightcurve/convert.h"
#include "lightcurve/statistics.h"
#include "starling/gp.h"

/* Significance of half of PLAsTiCC's detections, and how far that blurs (its survey simulation's efficiency). */
static const double half_detected = 5.5, detected_blur = 1.4142135623730951;
static const double least_redshift = 0.01; /* nearer than this, distance says nothing */
static const double close_day = 1e-6;      /* of the alert's own moment */

/* A measurement as a plain flux. */
typedef struct spot {
    double time, flux, error; /* MJD (TAI, middle of the exposure), zero point of the contract */
    uint8_t band;             /* of `wide` */
    uint8_t kind;             /* sl_point_kind */
    bool detected, current;
} spot;

struct sl_viewer {
    sl_contract target;   /* what the views are for */
    sl_contract wide;     /* takes all points of all bands */
    const sl_alert *alert;
    size_t n, capacity;
    spot *base, *view;   /* capacity; owns */
    sl_point *points;    /* capacity; owns */
    double *there, *here; /* capacity: means of the Gaussian process; owns */
    /* of the alert's light curve in all bands, made when it is first wanted */
    sl_lightcurve_buffer *buffer;
    sl_gp *gp;
    double origin;
    bool asked, fitted;
};

sl_status sl_viewer_new(const sl_contract *contract, sl_viewer **out, sl_error *err)
{
    static const sl_band bands[] = {{"u", 3685}, {"g", 4802}, {"r", 6231}, {"i", 7542}, {"z", 8690}, {"y", 9736}};
    *out = NULL;
    sl_viewer *v = calloc(1, sizeof *v);
    if (v == NULL) return SL_FAIL_NOMEM(err);
    v->target = *contract;
    sl_status status = sl_contract_preset("starling", &v->wide, err);
    v->wide.n_bands = v->wide.n_channels = sizeof bands / sizeof bands[0];
    memcpy(v->wide.bands, bands, sizeof bands);
    v->wide.window_before_day = v->wide.window_after_day = -1;
    v->wide.min_points = 1;
    v->wide.zero_point = contract->zero_point;
    v->wide.signed_flux = contract->signed_flux;
    v->wide.gp = contract->gp;
    if (status == SL_OK) status = sl_lightcurve_buffer_new(&v->buffer, err);
    if (status == SL_OK) status = sl_gp_new(&v->gp, err);
    if (status < 0) {
        sl_viewer_free(v);
        v = NULL;
    }
    *out = v;
    return status;
}

static void release_points(sl_viewer *v)
{
    free(v->base);
    free(v->view);
    free(v->points);
    free(v->there);
    free(v->here);
    v->base = v->view = NULL;
    v->points = NULL;
    v->there = v->here = NULL;
    v->capacity = 0;
}

void sl_viewer_free(sl_viewer *v)
{
    if (v == NULL) return;
    release_points(v);
    sl_lightcurve_buffer_free(v->buffer);
    sl_gp_free(v->gp);
    free(v);
}

static sl_status reserve(sl_viewer *v, size_t n, sl_error *err)
{
    if (n <= v->capacity) return SL_OK;
    release_points(v);
    v->base = malloc(n * sizeof *v->base);
    v->view = malloc(n * sizeof *v->view);
    v->points = malloc(n * sizeof *v->points);
    v->there = malloc(n * sizeof *v->there);
    v->here = malloc(n * sizeof *v->here);
    if (v->base == NULL || v->view == NULL || v->points == NULL || v->there == NULL || v->here == NULL) {
        return SL_FAIL_NOMEM(err);
    }
    v->capacity = n;
    return SL_OK;
}

static bool is_detected(const sl_point *p)
{
    return p->kind == SL_POINT_DETECTION || (p->flags & SL_POINT_DETECTED) != 0;
}

sl_status sl_viewer_begin(sl_viewer *v, const sl_alert *alert, sl_error *err)
{
    v->alert = alert;
    v->n = 0;
    v->asked = v->fitted = false;
    SL_TRY(reserve(v, alert->n_points + (alert->n_points == 0), err));
    for (size_t i = 0; i < alert->n_points; i++) {
        const sl_point *p = &alert->points[i];
        sl_candidate c;
        if (sl_lightcurve_convert(&v->wide, alert, p, &c, NULL) != SL_OK) continue;
        v->base[v->n++] = (spot){.time = c.time, .flux = c.flux, .error = c.error, .band = c.band, .kind = p->kind,
                                 .detected = is_detected(p), .current = (p->flags & SL_POINT_CURRENT) != 0};
    }
    return SL_OK;
}

/* Spots as an alert. */
static void to_alert(sl_viewer *v, const spot *spots, size_t n, sl_alert *out)
{
    for (size_t i = 0; i < n; i++) {
        const spot *s = &spots[i];
        const unsigned flags = SL_POINT_TAI | SL_POINT_MIDDLE_OF_EXPOSURE | (s->detected ? SL_POINT_DETECTED : 0) |
                               (s->current ? SL_POINT_CURRENT : 0);
        v->points[i] = (sl_point){.time = s->time,
                                  .value = s->flux,
                                  .error = s->error,
                                  .zero_point = v->wide.zero_point,
                                  .limit_mag = NAN,
                                  .exposure_s = NAN,
                                  .band = v->wide.bands[s->band].name[0],
                                  .kind = s->kind,
                                  .unit = SL_UNIT_FLUX,
                                  .flags = (uint8_t)flags};
    }
    *out = *v->alert;
    out->time_is_jd = false;
    out->n_points = n;
    out->points = v->points;
}

/* ---- another redshift ---- */

/* The Gaussian process of all bands; not possible for every light curve. */
static void fit_all_bands(sl_viewer *v)
{
    sl_alert whole;
    sl_lightcurve lc;
    v->asked = true;
    to_alert(v, v->base, v->n, &whole);
    if (sl_lightcurve_build(&v->wide, &whole, v->buffer, &lc, NULL) != SL_OK) return;
    if (sl_gp_fit(v->gp, &v->wide.gp, &lc, NULL, NULL) != SL_OK) return;
    v->origin = lc.origin_mjd;
    v->fitted = true;
}

/* What the process predicts at each of the view's points, seen at wavelengths that are `shift` times their bands'. */
static bool predict(sl_viewer *v, double shift, double *mean)
{
    for (size_t i = 0; i < v->n; i++) {
        const double wavelength = shift * v->wide.bands[v->base[i].band].wavelength_aa;
        const double time = v->base[i].time - v->origin;
        if (sl_gp_predict(v->gp, 1, &time, 1, &wavelength, &mean[i], NULL) != SL_OK) return false;
    }
    return true;
}

/* The view's spots, which are all of the alert's, at z2 instead of z1. False where that cannot be said. */
static bool move(sl_viewer *v, double z1, double z2)
{
    const double stretch = (1 + z2) / (1 + z1), near = sl_luminosity_distance(z1) / sl_luminosity_distance(z2);
    const double brighter = near * near * stretch;
    if (!v->asked) fit_all_bands(v);
    if (!v->fitted || !predict(v, 1, v->here) || !predict(v, 1 / stretch, v->there)) return false;
    for (size_t i = 0; i < v->n; i++) {
        spot *s = &v->view[i];
        s->flux = brighter * (s->flux + v->there[i] - v->here[i]);
        s->time = v->base[0].time + stretch * (s->time - v->base[0].time);
        s->error *= brighter;
    }
    return true;
}

/* ---- the changes one by one; each returns how many spots are left ---- */

static double uniform(sl_rng *rng, double low, double high)
{
    return low + (high - low) * sl_rng_uniform(rng);
}

static double chance_detected(const spot *s)
{
    return erfc((half_detected - fabs(s->flux) / s->error) / (detected_blur * 1.4142135623730951)) / 2;
}

/*
 * What is significant with these fluxes and errors, given what was with those
 * of `base`: the threshold of a point is not known, but the same. A survey's own
 * detection that is not significant has never been. may_gain: whether a point
 * can become significant; under more noise it could by chance only, far from
 * where the object shines.
 */
static size_t detect_again(spot *spots, const spot *base, size_t n, bool may_gain, sl_rng *rng)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        spot s = spots[i];
        const double before = chance_detected(&base[i]), now = chance_detected(&s), u = sl_rng_uniform(rng);
        s.detected = base[i].detected ? u * before < now : may_gain && u * (1 - before) < now - before;
        if (s.detected || s.kind != SL_POINT_DETECTION) spots[kept++] = s;
    }
    return kept;
}

/* To errors `grown` times as large, and no smaller than `least[i].error`. */
static void add_noise(spot *spots, const spot *least, size_t n, double grown, sl_rng *rng)
{
    for (size_t i = 0; i < n; i++) {
        const double error = grown * fmax(spots[i].error, least[i].error);
        const double added = error * error - spots[i].error * spots[i].error;
        if (!(added > 0)) continue;
        spots[i].flux += sqrt(added) * sl_rng_normal(rng);
        spots[i].error = error;
    }
}

/* A detection before what is none, then the one of the higher flux over error. */
static bool is_more_significant(const spot *a, const spot *b)
{
    return a->detected != b->detected ? a->detected : a->flux * b->error > b->flux * a->error;
}

/* The most significant point stays. */
static size_t drop_points(spot *spots, size_t n, double share, sl_rng *rng)
{
    size_t kept = 0, best = 0;
    for (size_t i = 1; i < n; i++) {
        if (is_more_significant(&spots[i], &spots[best])) best = i;
    }
    for (size_t i = 0; i < n; i++) {
        if (sl_rng_uniform(rng) >= share || i == best) spots[kept++] = spots[i];
    }
    return kept;
}

/* Fainter by `factor`, noise included. */
static void dim(spot *spots, size_t n, double factor)
{
    for (size_t i = 0; i < n; i++) {
        spots[i].flux *= factor;
        spots[i].error *= factor;
    }
}

static size_t count_detected(const spot *spots, size_t n)
{
    size_t n_detected = 0;
    for (size_t i = 0; i < n; i++) n_detected += spots[i].detected;
    return n_detected;
}

/* One of the bands that the contract takes and the view has stays, drawn among them. */
static size_t drop_bands(const sl_viewer *v, spot *spots, size_t n, double chance, sl_rng *rng)
{
    bool there[SL_MAX_BANDS] = {0}, keep[SL_MAX_BANDS];
    size_t n_there = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = v->wide.bands[spots[i].band].name;
        if (!there[spots[i].band] && sl_contract_band(&v->target, (sl_str){name, 1}) >= 0) {
            there[spots[i].band] = true;
            n_there++;
        }
    }
    if (n_there == 0) return n;
    size_t stays = sl_rng_below(rng, n_there);
    for (uint32_t b = 0; b < v->wide.n_bands; b++) {
        keep[b] = sl_rng_uniform(rng) >= chance;
        if (there[b] && stays-- == 0) keep[b] = true;
    }
    for (size_t i = 0; i < n; i++) {
        if (keep[spots[i].band]) spots[kept++] = spots[i];
    }
    return kept;
}

/* What is known at a significant point's moment. */
static size_t cut_at_alert(spot *spots, size_t n, double days, sl_rng *rng)
{
    const size_t n_detected = count_detected(spots, n);
    size_t kept = 0;
    if (n_detected == 0) return n;
    size_t chosen = sl_rng_below(rng, n_detected);
    double now = NAN;
    for (size_t i = 0; i < n && isnan(now); i++) {
        if (spots[i].detected && chosen-- == 0) now = spots[i].time;
    }
    for (size_t i = 0; i < n; i++) {
        const bool past = spots[i].time <= now + close_day, seen = days <= 0 || spots[i].time >= now - days;
        if (past && seen) spots[kept++] = spots[i];
    }
    return kept;
}

/* Draws the new redshift; false where the object stays where it is. */
static bool maybe_move(sl_viewer *v, const sl_augment *a, sl_rng *rng, sl_alert *out)
{
    const bool wanted = sl_rng_uniform(rng) < a->redshift_share;
    const double z1 = (double)v->alert->redshift, by = uniform(rng, -a->redshift_range, a->redshift_range);
    const double z2 = (1 + z1) * exp(by) - 1;
    if (!wanted || !(z1 >= least_redshift && z1 < INFINITY && z2 >= least_redshift) || !move(v, z1, z2)) return false;
    out->redshift = (float)z2;
    out->redshift_error = (float)((double)v->alert->redshift_error * (1 + z2) / (1 + z1));
    return true;
}

/* Another redshift, dimming and noise. Returns how many spots are left, 0 where none is significant any more. */
static size_t change_fluxes(sl_viewer *v, const sl_augment *a, bool dimmed, double strength, sl_rng *rng, sl_alert *moved)
{
    const bool is_moved = maybe_move(v, a, rng, moved), noisy = !dimmed && sl_rng_uniform(rng) < a->noise_share;
    const double extra = noisy ? uniform(rng, 0, strength * a->noise) : 0;
    if (dimmed) dim(v->view, v->n, exp(-fabs(a->dim * sl_rng_normal(rng))));
    if (!is_moved && !dimmed && extra == 0) return v->n;
    add_noise(v->view, v->base, v->n, sqrt(1 + extra * extra), rng);
    const size_t n = detect_again(v->view, v->base, v->n, is_moved, rng);
    return count_detected(v->view, n) > 0 || count_detected(v->base, v->n) == 0 ? n : 0;
}

sl_status sl_viewer_draw(sl_viewer *v, const sl_augment *a, sl_rng *rng, sl_alert *out, sl_error *err)
{
    SL_REQUIRE(v != NULL && a != NULL && rng != NULL && out != NULL && v->alert != NULL, err);
    if (v->n == 0) return SL_DONE;
    sl_alert moved = *v->alert;
    memcpy(v->view, v->base, v->n * sizeof *v->view);
    const double kind = sl_rng_uniform(rng), strength = kind < a->dim_share + a->weak_share ? 0.5 : 1;
    const bool dimmed = kind < a->dim_share;
    size_t n = change_fluxes(v, a, dimmed, strength, rng, &moved);
    if (a->drop_points > 0 && !dimmed) n = drop_points(v->view, n, uniform(rng, 0, strength * a->drop_points), rng);
    if (a->drop_bands > 0) n = drop_bands(v, v->view, n, a->drop_bands, rng);
    if (sl_rng_uniform(rng) < a->alert_share) n = cut_at_alert(v->view, n, a->alert_days, rng);
    if (n == 0) return SL_DONE;
    to_alert(v, v->view, n, out);
    out->redshift = moved.redshift;
    out->redshift_error = moved.redshift_error;
    return SL_OK;
}

float sl_alert_days(const sl_alert *alert)
{
    double first = INFINITY, first_detected = INFINITY, last = -INFINITY;
    for (size_t i = 0; i < alert->n_points; i++) {
        const sl_point *p = &alert->points[i];
        if (p->kind == SL_POINT_LIMIT || isnan(p->value)) continue;
        first = fmin(first, p->time); /* which passes over NaN */
        last = fmax(last, p->time);
        if (is_detected(p)) first_detected = fmin(first_detected, p->time);
    }
    const double days = last - (isfinite(first_detected) ? first_detected : first);
    return fabs(days) < 1e9 ? (float)days : NAN;
}
