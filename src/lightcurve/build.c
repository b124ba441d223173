/*
 * From an alert's measurements to a light curve: the contract's rules about
 * points, one after another. Conversion first (time, flux), then selection
 * (kind, band, bad values, window), then one per visit, order, and last what
 * the contract demands of the whole.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "lightcurve/convert.h"
#include "lightcurve/timescale.h"
#include "starling/lightcurve.h"

enum {
    FIRST_CANDIDATES = 256,
    /* Bounds the memory of a thread: more than this many usable points are refused unsorted. */
    MAX_CANDIDATES = 32 * SL_MAX_POINTS
};
static const double time_limit_day = 1e7;    /* no survey's clock: a larger one is damage */
static const double default_exposure_s = 30; /* ZTF's, where the packet does not say */
static const double ztf_no_flux = -99999;    /* forced photometry that was not possible */
static const double visit_s = 1;             /* times closer than this are one exposure */
/* SNANA's constant for the error of a magnitude: ln(10) / 2.5 to six digits, as the published recipe has it. */
static const double ln10_over_2p5 = 0.921034;

struct sl_lightcurve_buffer {
    sl_candidate *candidates;
    size_t capacity;
    double time[SL_MAX_POINTS], flux[SL_MAX_POINTS], error[SL_MAX_POINTS], wavelength[SL_MAX_POINTS];
    uint8_t band[SL_MAX_POINTS];
};

sl_status sl_lightcurve_buffer_new(sl_lightcurve_buffer **out, sl_error *err)
{
    SL_REQUIRE(out != NULL, err);
    sl_lightcurve_buffer *b = calloc(1, sizeof *b);
    if (b != NULL) b->candidates = malloc(FIRST_CANDIDATES * sizeof *b->candidates);
    if (b == NULL || b->candidates == NULL) {
        free(b);
        return SL_FAIL_NOMEM(err);
    }
    b->capacity = FIRST_CANDIDATES;
    *out = b;
    return SL_OK;
}

void sl_lightcurve_buffer_free(sl_lightcurve_buffer *buffer)
{
    if (buffer == NULL) return;
    free(buffer->candidates);
    free(buffer);
}

/* What is the same for all points of a call. */
typedef struct rules {
    const sl_contract *contract;
    const sl_alert *alert;
    double first, last;     /* MJD: the window, infinite where it does not bind */
    double mag_factor;      /* 10^(0.4 zero point) */
    double last_zero_point; /* of the last flux, and its factor */
    double last_factor;
} rules;

static rules start(const sl_contract *contract, const sl_alert *alert)
{
    return (rules){.contract = contract,
                   .alert = alert,
                   .first = -INFINITY,
                   .last = INFINITY,
                   .mag_factor = pow(10, 0.4 * contract->zero_point),
                   .last_zero_point = NAN};
}

/* MJD in the contract's time scale, as given (not yet the middle of the exposure); NaN where it is no time. */
static double visit_time(const rules *r, const sl_point *p)
{
    double mjd = r->alert->time_is_jd ? p->time - SL_MJD_OF_JD_0 : p->time;
    if (!(fabs(mjd) < time_limit_day)) return NAN;
    if (r->contract->time_scale == SL_SCALE_TAI && !(p->flags & SL_POINT_TAI)) {
        mjd += sl_lightcurve_tai_minus_utc(mjd) / SL_SECONDS_PER_DAY;
    }
    return mjd;
}

/* What must be added to reach the contract's moment of the exposure [d]. */
static double to_moment(const rules *r, const sl_point *p)
{
    if (r->contract->exposure_moment != SL_EXPOSURE_MIDDLE || (p->flags & SL_POINT_MIDDLE_OF_EXPOSURE)) return 0;
    const bool said = p->exposure_s >= 0 && p->exposure_s <= SL_SECONDS_PER_DAY;
    return 0.5 * (said ? (double)p->exposure_s : default_exposure_s) / SL_SECONDS_PER_DAY;
}

static void to_flux(rules *r, const sl_point *p, double *flux, double *error)
{
    if (p->unit == SL_UNIT_MAG) {
        const bool negative = r->contract->signed_flux && p->sign < 0;
        *flux = (negative ? -1 : 1) * pow(10, -0.4 * p->value) * r->mag_factor;
        *error = ln10_over_2p5 * r->mag_factor * exp(-ln10_over_2p5 * p->value) * p->error;
        return;
    }
    if (!(p->zero_point == r->last_zero_point)) {
        r->last_zero_point = p->zero_point;
        r->last_factor = pow(10, 0.4 * (r->contract->zero_point - p->zero_point));
    }
    *flux = p->value * r->last_factor;
    *error = p->error * r->last_factor;
}

/* Index of a point's band in the contract, or -1. */
static int band_index(const sl_contract *c, char band)
{
    for (uint32_t b = 0; b < c->n_bands; b++) {
        if (c->bands[b].name[0] == band && c->bands[b].name[1] == '\0') return (int)b;
    }
    return -1;
}

/* Does the contract look at this kind of point? Null values never count; a
   light curve from a file has but one kind, which every contract takes. */
static bool is_used(const rules *r, const sl_point *p)
{
    if (p->kind == SL_POINT_LIMIT || isnan(p->value)) return false;
    if (r->alert->survey == SL_SURVEY_NONE) return true;
    if (r->alert->survey == SL_SURVEY_ZTF && p->kind == SL_POINT_FORCED && p->value == ztf_no_flux) return false;
    return (r->contract->use & (p->kind == SL_POINT_FORCED ? SL_USE_FORCED : SL_USE_DETECTIONS)) != 0;
}

/* The window reaches from the first to the last significant detection, in
   whichever band and whether or not the contract uses detections. */
static void set_window(rules *r)
{
    const sl_contract *c = r->contract;
    if (c->window_before_day < 0 && c->window_after_day < 0) return;
    double first = INFINITY, last = -INFINITY;
    for (size_t i = 0; i < r->alert->n_points; i++) {
        const sl_point *p = &r->alert->points[i];
        const bool detected = p->kind == SL_POINT_DETECTION || (p->flags & SL_POINT_DETECTED) != 0;
        if (!detected || p->kind == SL_POINT_LIMIT || isnan(p->value)) continue;
        const double time = visit_time(r, p) + to_moment(r, p);
        if (time < first) first = time;
        if (time > last) last = time;
    }
    if (first > last) return; /* no detection at all */
    if (c->window_before_day >= 0) r->first = first - c->window_before_day;
    if (c->window_after_day >= 0) r->last = last + c->window_after_day;
}

/* Make room for one more. */
static sl_status grow(sl_lightcurve_buffer *buffer, sl_error *err)
{
    sl_candidate *more = realloc(buffer->candidates, 2 * buffer->capacity * sizeof *more);
    if (more == NULL) return SL_FAIL_NOMEM(err);
    buffer->candidates = more;
    buffer->capacity *= 2;
    return SL_OK;
}

/* SL_OK: *out is a point of the light curve. SL_DONE: it is left out. */
static sl_status convert(rules *r, const sl_point *p, sl_candidate *out, sl_error *err)
{
    if (!is_used(r, p)) return SL_DONE;
    const int band = band_index(r->contract, p->band);
    if (band < 0) return SL_DONE;
    const double visit = visit_time(r, p);
    *out = (sl_candidate){.visit = visit,
                          .time = visit + to_moment(r, p),
                          .band = (uint8_t)band,
                          .forced = p->kind == SL_POINT_FORCED,
                          .current = (p->flags & SL_POINT_CURRENT) != 0};
    to_flux(r, p, &out->flux, &out->error);
    const bool finite = isfinite(out->time) && isfinite(out->flux) && isfinite(out->error);
    if (r->contract->drop_bad && !(finite && out->error > 0)) return SL_DONE;
    if (!finite) {
        return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC,
                       "point %zu is no measurement (time %g, value %g, error %g), and the contract leaves out none",
                       (size_t)(p - r->alert->points), p->time, p->value, p->error);
    }
    out->error = fabs(out->error); /* only its square is ever used */
    return out->time >= r->first && out->time <= r->last ? SL_OK : SL_DONE;
}

sl_status sl_lightcurve_convert(const sl_contract *contract, const sl_alert *alert, const sl_point *point,
                                sl_candidate *out, sl_error *err)
{
    rules r = start(contract, alert);
    return convert(&r, point, out, err);
}

/* All points that count, unsorted. *n may come out larger than what the buffer
   holds; then there were more than MAX_CANDIDATES. */
static sl_status collect(rules *r, sl_lightcurve_buffer *buffer, sl_lightcurve *out, sl_error *err)
{
    sl_status status = SL_OK;
    size_t n = 0;
    for (size_t i = 0; i < r->alert->n_points; i++) {
        sl_candidate candidate;
        const sl_status got = convert(r, &r->alert->points[i], &candidate, status == SL_OK ? err : NULL);
        if (got == SL_DONE) continue;
        if (got < 0 && status == SL_OK) status = got;
        if (n < MAX_CANDIDATES) {
            if (n == buffer->capacity) SL_TRY(grow(buffer, err));
            buffer->candidates[n] = candidate;
        }
        n++;
        out->bands_present |= 1u << candidate.band;
    }
    out->n = n;
    out->n_bands_present = (uint32_t)__builtin_popcount(out->bands_present);
    return status;
}

/* Of two measurements of one exposure in one band, the one to keep: forced
   photometry, else the point that caused the alert, else the smaller error. */
static bool is_better(const sl_candidate *a, const sl_candidate *b)
{
    if (a->forced != b->forced) return a->forced;
    if (a->current != b->current) return a->current;
    return a->error < b->error;
}

/* Returns how many are left. */
static size_t merge_visits(sl_candidate *c, size_t n)
{
    sl_candidates_sort(c, n, sl_candidate_before_in_visit);
    size_t kept = 0, at[SL_MAX_BANDS];
    double start[SL_MAX_BANDS]; /* of each band's last visit, and where its point is */
    for (int b = 0; b < SL_MAX_BANDS; b++) start[b] = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        const sl_candidate p = c[i];
        if (p.visit - start[p.band] <= visit_s / SL_SECONDS_PER_DAY) {
            if (is_better(&p, &c[at[p.band]])) c[at[p.band]] = p;
        } else {
            start[p.band] = p.visit;
            at[p.band] = kept;
            c[kept++] = p;
        }
    }
    return kept;
}

/* Of a sorted list; returns how many are left. */
static size_t drop_duplicates(sl_candidate *c, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || sl_candidate_before_in_time(&c[kept - 1], &c[i])) c[kept++] = c[i];
    }
    return kept;
}

/* MJD that is time 0: forwards the first point let in; reversed the first of
   the packet, non-detections included, as the published recipe has it. */
static double origin(const rules *r, const sl_candidate *c)
{
    for (size_t i = 0; r->contract->time_order == SL_TIME_REVERSED && i < r->alert->n_points; i++) {
        const sl_point *p = &r->alert->points[i];
        const double time = visit_time(r, p) + to_moment(r, p);
        if (isfinite(time)) return time;
    }
    return c[0].time;
}

/* False where all times are the same once they count from the origin, unless there is no grid that needs a span and one
   point is enough. */
static bool write_out(const rules *r, sl_lightcurve_buffer *b, sl_lightcurve *out)
{
    const bool reversed = r->contract->time_order == SL_TIME_REVERSED;
    out->origin_mjd = origin(r, b->candidates);
    for (size_t i = 0; i < out->n; i++) {
        const sl_candidate *c = &b->candidates[reversed ? out->n - 1 - i : i];
        b->time[i] = reversed ? out->origin_mjd - c->time : c->time - out->origin_mjd;
        b->flux[i] = c->flux;
        b->error[i] = c->error;
        b->band[i] = c->band;
        b->wavelength[i] = r->contract->bands[c->band].wavelength_aa;
    }
    const bool moment = r->contract->sees == SL_SEES_FEATURES && r->contract->min_points == 1;
    if (!(b->time[out->n - 1] > b->time[0]) && !moment) return false;
    out->time = b->time;
    out->flux = b->flux;
    out->error = b->error;
    out->wavelength = b->wavelength;
    out->band = b->band;
    return true;
}

static void set_channels(const sl_contract *c, sl_lightcurve *out)
{
    for (uint32_t b = 0; b < c->n_bands; b++) {
        if (c->channel_rule == SL_CHANNELS_PRESENT && !(out->bands_present >> b & 1)) continue;
        out->channel_wavelength[out->n_channels++] = c->bands[b].wavelength_aa;
    }
}

#define REFUSE(reason, ...) return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_##reason, __VA_ARGS__)

static sl_status check_points(const sl_contract *c, const sl_lightcurve *lc, sl_error *err)
{
    if (lc->n == 0) REFUSE(NO_POINTS, "no measurement that the contract \"%s\" takes", c->name);
    if (lc->n > c->max_points) REFUSE(TOO_MANY_POINTS, "%zu points, the contract takes %u", lc->n, c->max_points);
    if (lc->n < c->min_points) REFUSE(TOO_FEW_POINTS, "%zu points, the contract needs %u", lc->n, c->min_points);
    const bool present = c->channel_rule == SL_CHANNELS_PRESENT;
    const uint32_t least = present && c->n_channels > c->min_bands ? c->n_channels : c->min_bands;
    if (lc->n_bands_present < least) {
        REFUSE(TOO_FEW_BANDS, "%u bands, the contract needs %u", lc->n_bands_present, least);
    }
    if (present && lc->n_bands_present > c->n_channels) {
        REFUSE(TOO_MANY_BANDS, "%u bands, the contract takes exactly %u", lc->n_bands_present, c->n_channels);
    }
    return SL_OK;
}

/* A redshift of -1 or less is a survey's way to say that there is none. */
static sl_status set_redshift(const sl_contract *c, const sl_alert *alert, sl_lightcurve *out, sl_error *err)
{
    out->redshift = isfinite(alert->redshift) && alert->redshift > -1 ? alert->redshift : NAN;
    out->redshift_error = isfinite(alert->redshift_error) && alert->redshift_error >= 0 ? alert->redshift_error : NAN;
    for (uint32_t i = 0; i < c->n_extras; i++) {
        if (c->extras[i] == SL_EXTRA_REDSHIFT && isnan(out->redshift)) REFUSE(NO_REDSHIFT, "no redshift");
        if (c->extras[i] == SL_EXTRA_REDSHIFT_ERROR && isnan(out->redshift_error)) {
            REFUSE(NO_REDSHIFT, "no error of the redshift");
        }
    }
    return SL_OK;
}

sl_status sl_lightcurve_build(const sl_contract *contract, const sl_alert *alert, sl_lightcurve_buffer *buffer,
                              sl_lightcurve *out, sl_error *err)
{
    SL_REQUIRE(contract != NULL && alert != NULL && buffer != NULL && out != NULL, err);
    SL_REQUIRE(alert->n_points == 0 || alert->points != NULL, err);
    SL_REQUIRE(contract->max_points <= SL_MAX_POINTS && contract->n_bands <= SL_MAX_BANDS, err);
    *out = (sl_lightcurve){.redshift = NAN, .redshift_error = NAN, .origin_mjd = NAN};
    rules r = start(contract, alert);
    set_window(&r);
    SL_TRY(collect(&r, buffer, out, err));
    if (out->n <= MAX_CANDIDATES) {
        if (contract->one_per_visit) out->n = merge_visits(buffer->candidates, out->n);
        sl_candidates_sort(buffer->candidates, out->n, sl_candidate_before_in_time);
        if (contract->drop_bad) out->n = drop_duplicates(buffer->candidates, out->n);
    }
    SL_TRY(check_points(contract, out, err));
    SL_TRY(set_redshift(contract, alert, out, err));
    if (!write_out(&r, buffer, out)) REFUSE(NO_TIME_SPAN, "all %zu points at one moment", out->n);
    set_channels(contract, out);
    return SL_OK;
}
