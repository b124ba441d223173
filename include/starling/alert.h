/*
 * starling/alert.h - from the bytes of a packet to its measurements.
 *
 * An sl_alert holds what the packet says, in the packet's own units: nothing
 * is converted or judged here. lightcurve/ does that, under a contract.
 */
#ifndef STARLING_ALERT_H
#define STARLING_ALERT_H

#include "starling/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sl_survey {
    SL_SURVEY_NONE = 0, /* a light curve from a file */
    SL_SURVEY_ZTF,
    SL_SURVEY_LSST,
    SL_SURVEY_ELASTICC,
    SL_N_SURVEYS
} sl_survey;

typedef enum sl_point_kind {
    SL_POINT_DETECTION = 0,
    SL_POINT_LIMIT,  /* a non-detection: no value, perhaps a limiting magnitude */
    SL_POINT_FORCED, /* forced photometry */
    SL_N_POINT_KINDS
} sl_point_kind;

/* What value and error of a point are. */
typedef enum sl_unit {
    SL_UNIT_MAG = 0, /* magnitude and its error; the sign stands apart */
    SL_UNIT_FLUX,    /* flux against zero_point: 31.4 = nJy, 27.5 = FLUXCAL, magzpsci for counts */
    SL_N_UNITS
} sl_unit;

enum {
    SL_POINT_CURRENT = 1,          /* flag: the measurement that caused the alert */
    SL_POINT_DETECTED = 2,         /* flag: a forced or file point that was a significant detection */
    SL_POINT_MIDDLE_OF_EXPOSURE = 4, /* flag: time is the middle, not the start, of the exposure */
    SL_POINT_TAI = 8               /* flag: time is TAI, not UTC */
};

/* One measurement. A null in the packet is NaN. */
typedef struct sl_point {
    double time;       /* [d] Julian date or MJD as the packet has it; sl_alert.time_is_jd says which */
    double value;      /* magnitude or flux, by unit */
    double error;      /* same unit as value */
    double zero_point; /* [mag] of a flux; NaN for magnitudes */
    float limit_mag;   /* [mag] limiting magnitude of the exposure (ZTF: diffmaglim, of detections too), NaN if none */
    float exposure_s;  /* [s] exposure time, NaN where the packet does not say */
    char band;         /* 'u' 'g' 'r' 'i' 'z' 'y', or '?' for null or another */
    uint8_t kind;      /* sl_point_kind */
    uint8_t unit;      /* sl_unit */
    uint8_t flags;     /* SL_POINT_* */
    int8_t sign;       /* of a magnitude's difference flux (ZTF: isdiffpos): +1, -1, 0 where not said */
} sl_point;

/*
 * A decoded alert, or a light curve of a file told as one. All pointers borrow
 * from the packet's bytes or from the decoder: valid during the call that
 * tells it.
 */
typedef struct sl_alert {
    sl_survey survey;
    /* as text: ZTF candid, LSST diaSourceId (alertId before 8.0), ELAsTiCC diaSourceId (its alertId is a constant);
       empty if none */
    sl_str alert_id;
    sl_str object_id; /* ZTF objectId, LSST and ELAsTiCC diaObjectId (ssObjectId without one), a file's object */
    sl_str schema_version; /* "4.02", "lsst.v7_1", ...; empty if not said (Spark keeps no name of LSST's schemas) */
    int64_t alert_number;  /* alertId, else the number of alert_id; 0 if none */
    int64_t source_number; /* diaSourceId or candid; 0 if none */
    /* [ms since 1970 UTC] when the survey published it; 0 if not said (no packet does, Kafka may) */
    int64_t publish_time_ms;
    bool time_is_jd;
    /* of the host (ELAsTiCC: hostgal_zphot, else hostgal_z) as the packet has it; NaN if none or
       marked missing (< 0) */
    float redshift;
    float redshift_error; /* NaN if none */
    size_t n_points;
    const sl_point *points; /* in the packet's order: history first, the current point last, forced behind */
} sl_alert;

/*
 * Decoding needs the writer's schema, compiled once into a plan that takes
 * the few fields needed and steps over the rest. A decoder keeps the last 64
 * plans by their schemas' bytes. It is not locked: one decoder a thread.
 *
 * Which survey's alert it is, is told by the fields of its schema, never by
 * its name: brokers rename. Bounds: a header of 16 MiB, its schema of 4 MiB, a
 * block of 256 MiB (unpacked too), 4 194 304 points in a packet, records 64 deep.
 */
typedef struct sl_alert_decoder sl_alert_decoder;

/* Gives a decoder; free with sl_alert_decoder_free. */
SL_API sl_status sl_alert_decoder_new(sl_alert_decoder **out, sl_error *err);
SL_API void sl_alert_decoder_free(sl_alert_decoder *decoder);

/*
 * Load the schemas of Confluent-framed messages from a folder: .avsc files
 * (one schema each, or named types that refer to each other) and Avro
 * containers, whose writer's schema is taken. The id of a schema is
 * 100 major + minor of its namespace "lsst.vMAJOR_MINOR", or the number
 * that its file name begins with. Several schemas may have one id (LSST has
 * changed some without a new version): a message is read by the first that
 * takes it to its last byte. Schemas of other things, and alerts without an
 * id, are left out. SL_ERR_FORMAT names the file that is no valid schema, or
 * says that there is no alert's schema at all. Loading again replaces. Cost:
 * once at start.
 */
SL_API sl_status sl_alert_decoder_load_schemas(sl_alert_decoder *decoder, const char *folder, sl_error *err);

/* Called for each record, in order. status is SL_OK and alert is valid during
   the call, or status says why this record could not be decoded (err too),
   and alert is NULL. n is how many records this call stands for: 1, or all
   that sit behind a broken one. Return SL_OK to go on, anything else stops. */
typedef sl_status (*sl_alert_fn)(void *user, sl_status status, const sl_alert *alert, size_t n, const sl_error *err);

/*
 * Decode all records of an Avro object container (codecs null, deflate,
 * snappy, zstandard), or one Confluent-framed message, held in memory; the
 * first byte tells which (0 is a frame). Borrows bytes. A record that fails
 * is told through fn, and decoding goes on behind it where its end is known;
 * otherwise the rest of its block is told once as SL_REASON_BEHIND_BROKEN. A
 * block whose records end before it does: one of them was misread, and the
 * last is told as SL_REASON_BAD_RECORD. A block that is damaged or cut is
 * told once, n as far as its bytes vouch for it, and ends the container. The
 * return is what fn stopped with (not SL_OK), else negative only where memory
 * ran out.
 */
SL_API sl_status sl_alert_decode(sl_alert_decoder *decoder, const void *bytes, size_t n_bytes, sl_alert_fn fn,
                                 void *user, sl_error *err);

#ifdef __cplusplus
}
#endif
#endif
