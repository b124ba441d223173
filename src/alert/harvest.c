/* harvest.c - from slots to points and the alert. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/fields.h"
#include "base/error.h"

/* [mag] of psFlux and psfFlux. LSST's are nJy. ELAsTiCC 0.9 took LSST's names
   but kept SNANA's FLUXCAL: as nJy, its noise would be four magnitudes below
   what LSST reaches in a visit. */
static const double lsst_zero_point = 31.4, elasticc_zero_point = 27.5;
/* What ZTF's forced photometry writes where it has nothing. */
static const double ztf_missing = -99999.0;

enum { KEEP_POINTS = 1 << 16 }; /* room kept from packet to packet */

void sl_harvest_release(sl_harvest *harvest)
{
    free(harvest->history.items);
    free(harvest->forced.items);
    *harvest = (sl_harvest){0};
}

/* Empty, and small again after a giant. */
static void clear_points(sl_points *points)
{
    points->n = 0;
    if (points->size > KEEP_POINTS) {
        free(points->items);
        *points = (sl_points){0};
    }
}

void sl_harvest_begin(sl_harvest *harvest, sl_survey survey)
{
    harvest->survey = survey;
    harvest->has_current = false;
    memset(harvest->tags, SL_TAG_NONE, sizeof harvest->tags);
    clear_points(&harvest->history);
    clear_points(&harvest->forced);
}

static sl_status add_points(sl_points *points, const sl_point *more, size_t n, sl_error *err)
{
    if (n > SL_ALERT_MAX_POINTS - points->n) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "a packet of over %d points", SL_ALERT_MAX_POINTS);
    }
    if (points->n + n > points->size) {
        size_t size = points->size > 0 ? points->size : 64;
        while (size < points->n + n) size *= 2;
        sl_point *items = realloc(points->items, size * sizeof *items);
        if (items == NULL) return SL_FAIL_NOMEM(err);
        points->items = items;
        points->size = size;
    }
    memcpy(points->items + points->n, more, n * sizeof *more);
    points->n += n;
    return SL_OK;
}

static double number(const sl_harvest *h, sl_slot slot)
{
    switch (h->tags[slot]) {
    case SL_TAG_INT: return (double)h->values[slot].i;
    case SL_TAG_REAL: return h->values[slot].d;
    default: return NAN;
    }
}

/* The same of ZTF's forced photometry. */
static double number_or_missing(const sl_harvest *h, sl_slot slot)
{
    const double value = number(h, slot);
    return value == ztf_missing ? NAN : value;
}

/* ZTF's filter id, or a band's name. */
static char band(const sl_harvest *h)
{
    const sl_value *value = &h->values[SL_SLOT_BAND];
    if (h->tags[SL_SLOT_BAND] == SL_TAG_INT) return value->i >= 1 && value->i <= 3 ? "gri"[value->i - 1] : '?';
    if (h->tags[SL_SLOT_BAND] != SL_TAG_TEXT || value->s.len != 1) return '?';
    const char name = value->s.ptr[0];
    if (name == 'Y') return 'y';
    return name != '\0' && strchr("ugrizy", name) != NULL ? name : '?';
}

/* isdiffpos: "t", "1" or true where the difference image is brighter. */
static int8_t sign(const sl_harvest *h)
{
    const sl_value *value = &h->values[SL_SLOT_SIGN];
    if (h->tags[SL_SLOT_SIGN] == SL_TAG_INT) return value->i != 0 ? 1 : -1;
    if (h->tags[SL_SLOT_SIGN] != SL_TAG_TEXT || value->s.len == 0) return 0;
    switch (value->s.ptr[0]) {
    case 't':
    case 'T':
    case '1': return 1;
    case 'f':
    case 'F':
    case '0': return -1;
    default: return 0;
    }
}

static sl_point ztf_point(const sl_harvest *h)
{
    return (sl_point){
        .time = number(h, SL_SLOT_TIME),
        .value = number(h, SL_SLOT_VALUE),
        .error = number(h, SL_SLOT_ERROR),
        .zero_point = NAN,
        .limit_mag = (float)number(h, SL_SLOT_LIMIT),
        .exposure_s = (float)number(h, SL_SLOT_EXPOSURE),
        .band = band(h),
        .kind = h->tags[SL_SLOT_VALUE] == SL_TAG_NONE ? SL_POINT_LIMIT : SL_POINT_DETECTION,
        .unit = SL_UNIT_MAG,
        .sign = sign(h),
    };
}

static sl_point ztf_forced_point(const sl_harvest *h)
{
    return (sl_point){
        .time = number(h, SL_SLOT_TIME),
        .value = number_or_missing(h, SL_SLOT_VALUE),
        .error = number_or_missing(h, SL_SLOT_ERROR),
        .zero_point = number_or_missing(h, SL_SLOT_ZERO_POINT),
        .limit_mag = (float)number_or_missing(h, SL_SLOT_LIMIT),
        .exposure_s = (float)number_or_missing(h, SL_SLOT_EXPOSURE),
        .band = band(h),
        .kind = SL_POINT_FORCED,
        .unit = SL_UNIT_FLUX,
    };
}

static sl_point dia_point(const sl_harvest *h, sl_point_kind kind)
{
    return (sl_point){
        .time = number(h, SL_SLOT_TIME),
        .value = number(h, SL_SLOT_VALUE),
        .error = number(h, SL_SLOT_ERROR),
        .zero_point = h->survey == SL_SURVEY_ELASTICC ? elasticc_zero_point : lsst_zero_point,
        .limit_mag = NAN,
        .exposure_s = NAN,
        .band = band(h),
        .kind = (uint8_t)kind,
        .unit = SL_UNIT_FLUX,
        .flags = SL_POINT_MIDDLE_OF_EXPOSURE | SL_POINT_TAI,
    };
}

static void keep_current(sl_harvest *h, const sl_point *point)
{
    h->current = *point;
    h->current.flags |= SL_POINT_CURRENT;
    h->has_current = true;
    for (int i = 0; i < 3; i++) {
        h->current_tags[i] = h->tags[SL_SLOT_POINT_ID + i];
        h->current_ids[i] = h->values[SL_SLOT_POINT_ID + i].i;
    }
}

sl_status sl_harvest_point(sl_harvest *h, sl_scope scope, sl_error *err)
{
    const bool forced = scope == SL_SCOPE_FORCED;
    sl_point point;
    if (h->survey == SL_SURVEY_ZTF) {
        point = forced ? ztf_forced_point(h) : ztf_point(h);
    } else {
        point = dia_point(h, forced ? SL_POINT_FORCED : SL_POINT_DETECTION);
    }
    sl_status status = SL_OK;
    if (scope == SL_SCOPE_CURRENT) {
        keep_current(h, &point);
    } else {
        status = add_points(forced ? &h->forced : &h->history, &point, 1, err);
    }
    memset(h->tags + SL_SLOT_FIRST_OF_POINT, SL_TAG_NONE, SL_N_SLOTS - SL_SLOT_FIRST_OF_POINT);
    return status;
}

/* An id's number; 0 where it is none, or is missing. */
static int64_t integer(const sl_harvest *h, sl_slot slot)
{
    return h->tags[slot] == SL_TAG_INT ? h->values[slot].i : 0;
}

static int64_t current_id(const sl_harvest *h, sl_slot slot)
{
    const int i = slot - SL_SLOT_POINT_ID;
    return h->has_current && h->current_tags[i] == SL_TAG_INT ? h->current_ids[i] : 0;
}

static int64_t first_of(int64_t a, int64_t b)
{
    return a != 0 ? a : b;
}

static sl_str number_text(char room[24], int64_t value)
{
    if (value == 0) return (sl_str){"", 0};
    return (sl_str){room, (size_t)snprintf(room, 24, "%lld", (long long)value)};
}

static void name_ztf(sl_harvest *h, sl_alert *out)
{
    out->time_is_jd = true;
    out->source_number = first_of(integer(h, SL_SLOT_CANDID), current_id(h, SL_SLOT_POINT_ID));
    out->alert_id = number_text(h->texts[0], out->source_number);
    out->alert_number = out->source_number;
    if (h->tags[SL_SLOT_OBJECT] == SL_TAG_TEXT) {
        out->object_id = h->values[SL_SLOT_OBJECT].s;
    } else {
        out->object_id = number_text(h->texts[1], integer(h, SL_SLOT_OBJECT));
    }
    if (h->tags[SL_SLOT_VERSION] == SL_TAG_TEXT) out->schema_version = h->values[SL_SLOT_VERSION].s;
}

static void name_dia(sl_harvest *h, sl_alert *out)
{
    const int64_t alert = integer(h, SL_SLOT_ALERT);
    out->source_number = first_of(integer(h, SL_SLOT_SOURCE), current_id(h, SL_SLOT_POINT_ID));
    const bool has_new_id = out->survey == SL_SURVEY_ELASTICC || h->tags[SL_SLOT_SOURCE] == SL_TAG_INT;
    const int64_t id = has_new_id ? first_of(out->source_number, alert) : first_of(alert, out->source_number);
    out->alert_id = number_text(h->texts[0], id);
    out->alert_number = first_of(alert, id);
    int64_t object = first_of(current_id(h, SL_SLOT_POINT_OBJECT), integer(h, SL_SLOT_DIA_OBJECT));
    object = first_of(object, current_id(h, SL_SLOT_POINT_SOLAR));
    out->object_id = number_text(h->texts[1], object);
}

/* SNANA marks "no host" by negative numbers (-9). */
static float not_negative(double value)
{
    return value >= 0 ? (float)value : NAN;
}

static void take_redshift(const sl_harvest *h, sl_alert *out)
{
    const bool photometric = number(h, SL_SLOT_Z) >= 0;
    out->redshift = not_negative(number(h, photometric ? SL_SLOT_Z : SL_SLOT_HOST_Z));
    out->redshift_error = not_negative(number(h, photometric ? SL_SLOT_Z_ERROR : SL_SLOT_HOST_Z_ERROR));
    if (isnan(out->redshift)) out->redshift_error = NAN;
}

sl_status sl_harvest_finish(sl_harvest *h, sl_str schema_version, sl_alert *out, sl_error *err)
{
    *out = (sl_alert){.survey = h->survey, .schema_version = schema_version, .redshift = NAN, .redshift_error = NAN};
    if (h->survey == SL_SURVEY_ZTF) {
        name_ztf(h, out);
    } else {
        name_dia(h, out);
        take_redshift(h, out);
    }
    if (out->object_id.len > SL_ALERT_MAX_ID || out->schema_version.len > SL_ALERT_MAX_ID) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "an id of over %d bytes", SL_ALERT_MAX_ID);
    }
    if (h->has_current) SL_TRY(add_points(&h->history, &h->current, 1, err));
    if (h->forced.n > 0) SL_TRY(add_points(&h->history, h->forced.items, h->forced.n, err));
    out->n_points = h->history.n;
    out->points = h->history.items;
    return SL_OK;
}
