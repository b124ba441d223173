#include "simulate/packet.h"

#include <math.h>
#include <stdio.h>

#include "schema/lsst_alert.h"

enum { BANDS = SL_SKY_BANDS };

static const double tai_minus_utc_d = 37.0 / 86400;

int64_t sl_packet_date(double mjd)
{
    /* days since 1 March of the year 0, in cycles of 400 years of 146 097 days */
    const int64_t days = (int64_t)floor(mjd) + 678881;
    const int64_t cycle = days / 146097, in_cycle = days % 146097;
    const int64_t year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
    const int64_t day = in_cycle - (365 * year + year / 4 - year / 100), month = (5 * day + 2) / 153;
    const int64_t civil_month = month < 10 ? month + 3 : month - 9;
    return (cycle * 400 + year + (civil_month <= 2)) * 10000 + civil_month * 100 + day - (153 * month + 2) / 5 + 1;
}

static double midpoint_tai(const sl_visit *v)
{
    return v->mjd + tai_minus_utc_d;
}

/* The date and a running number, 37 s a visit. */
static int64_t visit_number(const sl_visit *v)
{
    return sl_packet_date(v->mjd) * 100000 + (int64_t)((v->mjd - floor(v->mjd)) * 86400 / 37);
}

static int detector_of(const sl_history *h)
{
    return (int)(h->place % 189);
}

/* Which visit since the survey began, the detector, the alert of the night:
   a number of the size of the survey's own. */
static int64_t source_id(const sl_history *h, const sl_visit *v)
{
    const int64_t visit = (int64_t)((v->mjd - SL_NIGHT_MJD + 17000) * 86400 / 37);
    return (visit << 32) + ((int64_t)detector_of(h) << 24) + (int64_t)(h->index & 0xffffff);
}

/* The object is numbered by a night before all others. */
static int64_t object_id(const sl_history *h, uint64_t seed)
{
    return (INT64_C(39500000) << 32) + ((int64_t)(seed % 189) << 24) + (int64_t)(h->index & 0xffffff);
}

void sl_packet_name_lsst(sl_packet_names *names, const sl_history *h, uint64_t seed)
{
    names->alert = source_id(h, &h->visits[h->n_visits - 1]);
    names->object_number = object_id(h, seed);
    snprintf(names->object, sizeof names->object, "%lld", (long long)names->object_number);
}

static const char *band_name(const sl_visit *v)
{
    static const char *const names[] = {"u", "g", "r", "i", "z", "y", "q"};
    return names[v->band];
}

static float between(sl_rng *rng, double low, double high)
{
    return (float)(low + (high - low) * sl_rng_uniform(rng));
}

static void put_source(sl_avro_out *out, const sl_history *h, const sl_visit *v, int64_t object, sl_rng *rng)
{
    const double tai = midpoint_tai(v);
    sl_lsst_diaSource s = {.diaSourceId = source_id(h, v), .visit = visit_number(v), .detector = detector_of(h),
                           .midpointMjdTai = tai, .ra = h->ra, .dec = h->dec, .x = between(rng, 20, 4050),
                           .y = between(rng, 20, 3980), .timeProcessedMjdTai = tai + 0.001};
    if (h->fault != SL_FAULT_NULLS) {
        const sl_some_boolean no = some_boolean(false);
        const float flux = (float)v->flux, error = (float)v->error;
        s.diaObjectId = some_long(object);
        s.parentDiaSourceId = some_long(0);
        s.raErr = s.decErr = some_float(7e-6F);
        s.ra_dec_Cov = some_float(1e-12F);
        s.xErr = s.yErr = some_float(0.12F);
        s.apFlux = some_float(flux + 0.5F * error);
        s.apFluxErr = some_float(1.6F * error);
        s.isNegative = some_boolean(flux < 0);
        s.snr = some_float((float)fabs(v->flux / v->error));
        s.psfFlux = some_float(flux);
        s.psfFluxErr = some_float(error);
        s.psfChi2 = some_float(between(rng, 1500, 1900));
        s.psfNdata = some_int(1681);
        s.trailFlux = some_float(flux);
        s.trailRa = some_double(h->ra);
        s.trailDec = some_double(h->dec);
        s.trailLength = some_float(between(rng, 0.1, 1.2));
        s.trailAngle = some_float(between(rng, -90, 90));
        s.trailNdata = s.dipoleNdata = some_int(0);
        s.scienceFlux = some_float(flux + 5000);
        s.scienceFluxErr = some_float(error);
        s.templateFlux = some_float(5000);
        s.templateFluxErr = some_float(20);
        s.ixx = s.iyy = s.ixxPSF = s.iyyPSF = some_float(between(rng, 0.2, 0.35));
        s.ixy = s.ixyPSF = some_float(between(rng, -0.02, 0.02));
        s.extendedness = some_float(between(rng, 0, 0.4));
        s.reliability = some_float(between(rng, 0.6, 1));
        s.band = some_string(band_name(v));
        s.bboxSize = some_int(28);
        s.centroid_flag = s.apFlux_flag = s.apFlux_flag_apertureTruncated = s.psfFlux_flag = s.psfFlux_flag_edge = no;
        s.psfFlux_flag_noGoodPixels = s.trail_flag_edge = s.forced_PsfFlux_flag = s.forced_PsfFlux_flag_edge = no;
        s.forced_PsfFlux_flag_noGoodPixels = s.shape_flag = s.shape_flag_no_pixels = s.shape_flag_not_contained = no;
        s.shape_flag_parent_source = s.isDipole = s.dipoleFitAttempted = s.pixelFlags = s.pixelFlags_bad = no;
        s.pixelFlags_cr = s.pixelFlags_crCenter = s.pixelFlags_edge = s.pixelFlags_nodata = no;
        s.pixelFlags_nodataCenter = s.pixelFlags_interpolated = s.pixelFlags_interpolatedCenter = no;
        s.pixelFlags_offimage = s.pixelFlags_saturated = s.pixelFlags_saturatedCenter = s.pixelFlags_suspect = no;
        s.pixelFlags_suspectCenter = s.pixelFlags_streak = s.pixelFlags_streakCenter = s.pixelFlags_injected = no;
        s.pixelFlags_injectedCenter = s.pixelFlags_injected_template = s.pixelFlags_injected_templateCenter = no;
        s.glint_trail = no;
    }
    sl_put_lsst_diaSource(out, &s);
}

static void put_forced(sl_avro_out *out, const sl_history *h, const sl_visit *v, int64_t object)
{
    const double tai = midpoint_tai(v);
    const float flux = (float)v->flux, error = (float)v->error;
    const sl_lsst_diaForcedSource f = {.diaForcedSourceId = source_id(h, v), .diaObjectId = object, .ra = h->ra,
                                       .dec = h->dec, .visit = visit_number(v), .detector = detector_of(h),
                                       .psfFlux = some_float(flux), .psfFluxErr = some_float(error),
                                       .midpointMjdTai = tai, .scienceFlux = some_float(flux + 5000),
                                       .scienceFluxErr = some_float(error), .band = some_string(band_name(v)),
                                       .timeProcessedMjdTai = tai + 0.001};
    sl_put_lsst_diaForcedSource(out, &f);
}

/* What a band's detections come to. */
typedef struct band_summary {
    double n, sum, least, most, error;
} band_summary;

/* The six of a band, of an sl_lsst_diaObject. */
#define SET_BAND(object, summary, b)                                                     \
    do {                                                                                 \
        const band_summary *const s_ = (summary);                                        \
        (object)->b##_psfFluxNdata = some_int((int32_t)s_->n);                           \
        if (s_->n == 0) break;                                                           \
        (object)->b##_psfFluxMean = some_float((float)(s_->sum / s_->n));                \
        (object)->b##_psfFluxMeanErr = some_float((float)(s_->error / s_->n / sqrt(s_->n))); \
        (object)->b##_psfFluxErrMean = some_float((float)(s_->error / s_->n));           \
        (object)->b##_psfFluxMin = some_float((float)s_->least);                         \
        (object)->b##_psfFluxMax = some_float((float)s_->most);                          \
    } while (0)

static void put_object(sl_avro_out *out, const sl_history *h, int64_t object)
{
    band_summary bands[BANDS] = {0};
    const sl_visit *first = NULL, *last = &h->visits[h->n_visits - 1];
    int32_t n = 0;
    for (size_t k = 0; k < h->n_visits; k++) {
        const sl_visit *v = &h->visits[k];
        if (!v->detected) continue;
        if (first == NULL) first = v;
        n++;
        if (v->band >= BANDS) continue;
        band_summary *s = &bands[v->band];
        if (s->n == 0 || v->flux < s->least) s->least = v->flux;
        if (s->n == 0 || v->flux > s->most) s->most = v->flux;
        s->n++;
        s->sum += v->flux;
        s->error += v->error;
    }
    sl_lsst_diaObject o = {.diaObjectId = object, .validityStartMjdTai = midpoint_tai(last) + 0.002, .ra = h->ra,
                           .raErr = some_float(1e-5F), .dec = h->dec, .decErr = some_float(1e-5F),
                           .ra_dec_Cov = some_float(1e-11F), .nDiaSources = n,
                           .firstDiaSourceMjdTai = some_double(midpoint_tai(first != NULL ? first : last)),
                           .lastDiaSourceMjdTai = some_double(midpoint_tai(last))};
    SET_BAND(&o, &bands[0], u);
    SET_BAND(&o, &bands[1], g);
    SET_BAND(&o, &bands[2], r);
    SET_BAND(&o, &bands[3], i);
    SET_BAND(&o, &bands[4], z);
    SET_BAND(&o, &bands[5], y);
    sl_put_lsst_diaObject(out, &o);
}

static void put_stamp(sl_avro_out *out, const sl_str *bytes)
{
    sl_avro_put_union(out, bytes != NULL);
    if (bytes != NULL) sl_avro_put_bytes(out, bytes->ptr, bytes->len);
}

void sl_packet_put_lsst(sl_avro_out *out, const sl_history *h, const sl_packet_names *names, const sl_stamp_set *stamps,
                        bool endless, sl_rng *rng)
{
    const bool nulls = h->fault == SL_FAULT_NULLS;
    const size_t n_earlier = h->n_visits - 1;
    const int64_t object = names->object_number;
    int64_t n_detected = 0;
    for (size_t k = 0; k < n_earlier; k++) n_detected += h->visits[k].detected;
    sl_avro_put_long(out, names->alert);
    sl_avro_put_union(out, 0);
    sl_avro_put_union(out, 0);
    put_source(out, h, &h->visits[n_earlier], object, rng);
    const bool with_sources = endless || (n_detected > 0 && !nulls);
    sl_avro_put_union(out, with_sources);
    if (with_sources) {
        if (endless) sl_avro_put_block(out, INT64_C(1) << 62);
        else sl_avro_put_block(out, n_detected);
        for (size_t k = 0; k < n_earlier; k++) {
            if (h->visits[k].detected) put_source(out, h, &h->visits[k], object, rng);
        }
        sl_avro_put_end(out);
    }
    sl_avro_put_union(out, !nulls);
    if (!nulls) {
        sl_avro_put_block(out, (int64_t)h->n_visits);
        for (size_t k = 0; k < h->n_visits; k++) put_forced(out, h, &h->visits[k], object);
        sl_avro_put_end(out);
    }
    sl_avro_put_union(out, !nulls);
    if (!nulls) put_object(out, h, object);
    if (nulls) stamps = NULL;
    put_stamp(out, stamps != NULL ? &stamps->difference : NULL);
    put_stamp(out, stamps != NULL ? &stamps->science : NULL);
    put_stamp(out, stamps != NULL ? &stamps->template_ : NULL);
}
