/*
 * alert/fields.h - which fields of which records are wanted, and what they
 * make of an sl_alert. All that is known of the surveys stands in fields.c.
 *
 * A plan puts what it meets into slots; a point is made of the slots at the
 * end of its record, the alert at the end of all.
 */
#ifndef SL_ALERT_FIELDS_H
#define SL_ALERT_FIELDS_H

#include "alert/schema.h"
#include "starling/alert.h"

typedef enum sl_slot {
    SL_SLOT_NONE = 0,
    /* of the alert */
    SL_SLOT_VERSION,
    SL_SLOT_OBJECT,
    SL_SLOT_CANDID,
    SL_SLOT_ALERT,
    SL_SLOT_SOURCE,
    SL_SLOT_DIA_OBJECT, /* of the record diaObject */
    SL_SLOT_Z,
    SL_SLOT_Z_ERROR,
    SL_SLOT_HOST_Z,
    SL_SLOT_HOST_Z_ERROR,
    /* of a point */
    SL_SLOT_FIRST_OF_POINT,
    SL_SLOT_TIME = SL_SLOT_FIRST_OF_POINT,
    SL_SLOT_BAND,
    SL_SLOT_VALUE,
    SL_SLOT_ERROR,
    SL_SLOT_ZERO_POINT,
    SL_SLOT_LIMIT,
    SL_SLOT_SIGN,
    SL_SLOT_EXPOSURE,
    SL_SLOT_POINT_ID,
    SL_SLOT_POINT_OBJECT,
    SL_SLOT_POINT_SOLAR, /* ssObjectId */
    SL_N_SLOTS
} sl_slot;

/* What a field's record is to the alert. */
typedef enum sl_scope {
    SL_SCOPE_NONE = 0, /* a plain value, or nothing that is wanted */
    SL_SCOPE_ROOT,
    SL_SCOPE_CURRENT, /* the measurement that caused the alert */
    SL_SCOPE_HISTORY, /* an array of earlier ones */
    SL_SCOPE_FORCED,  /* an array of forced photometry */
    SL_SCOPE_OBJECT,  /* diaObject */
    SL_N_SCOPES
} sl_scope;

/* What a field is wanted for: a slot, or a scope of its own, or neither. */
typedef struct sl_wanted {
    sl_slot slot;
    sl_scope scope;
} sl_wanted;

sl_wanted sl_fields_find(sl_survey survey, sl_scope scope, const char *name);

/* Which survey's alert a record is, by the fields it has; SL_SURVEY_NONE where it is none. */
sl_survey sl_fields_survey(const sl_avro_type *root);

/* True where records of this type are points of that scope. */
bool sl_fields_is_point(sl_survey survey, sl_scope scope, const sl_avro_type *record);

/* The record among a type's branches, or the type itself; NULL without one. */
const sl_avro_type *sl_fields_record(const sl_avro_type *type);

/* "lsst.v7_1" of "lsst.v7_1.alert", else the record's version, else "". */
sl_str sl_fields_version(const sl_avro_type *root);

typedef enum sl_tag {
    SL_TAG_NONE = 0, /* null, or no such field */
    SL_TAG_INT,      /* booleans too */
    SL_TAG_REAL,
    SL_TAG_TEXT
} sl_tag;

typedef union sl_value {
    int64_t i;
    double d;
    sl_str s;
} sl_value;

typedef struct sl_points {
    sl_point *items;
    size_t n, size;
} sl_points;

enum {
    SL_ALERT_MAX_POINTS = 1 << 22, /* in a packet */
    SL_ALERT_MAX_ID = 1024         /* bytes of an id or version */
};

/* What becomes of one record while it is decoded. */
typedef struct sl_harvest {
    sl_survey survey;
    uint8_t tags[SL_N_SLOTS];
    sl_value values[SL_N_SLOTS];
    sl_points history, forced;
    sl_point current;
    bool has_current;
    uint8_t current_tags[3]; /* of the current point's ids: point, object, solar */
    int64_t current_ids[3];
    char texts[2][24]; /* numbers as text */
} sl_harvest;

void sl_harvest_release(sl_harvest *harvest);
/* Ready for the next record. */
void sl_harvest_begin(sl_harvest *harvest, sl_survey survey);
/* Make a point of the slots. SL_ERR_FORMAT / TOO_LARGE over the bound, SL_ERR_NOMEM. */
sl_status sl_harvest_point(sl_harvest *harvest, sl_scope scope, sl_error *err);
/* Make the alert. It borrows from the harvest and from the record's bytes. */
sl_status sl_harvest_finish(sl_harvest *harvest, sl_str schema_version, sl_alert *out, sl_error *err);

#endif
