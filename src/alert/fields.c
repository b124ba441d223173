#include "alert/fields.h"

#include <string.h>

enum { ZTF = 1, DIA = 2 }; /* DIA: difference-image analysis, LSST's names; ELAsTiCC took them over */
enum { POINTS = 1 << SL_SCOPE_CURRENT | 1 << SL_SCOPE_HISTORY, FORCED = 1 << SL_SCOPE_FORCED };
enum { ROOT = 1 << SL_SCOPE_ROOT, OBJECT = 1 << SL_SCOPE_OBJECT, CURRENT = 1 << SL_SCOPE_CURRENT };

/*
 * ZTF: schemas 1.x to 4.02. LSST: up to 4.0 psFlux, midPointTai, filterName;
 * from 5.0 psfFlux, midpointMjdTai, band; alertId up to 7.4, in its place
 * diaSourceId from 8.0. ELAsTiCC 0.9 took LSST's early names, and has the
 * redshift of the host as hostgal_z; its successors hostgal_zphot.
 */
static const struct {
    int family;
    int scopes;
    const char *name;
    sl_wanted wanted;
} table[] = {
    {ZTF, ROOT, "schemavsn", {.slot = SL_SLOT_VERSION}},
    {ZTF, ROOT, "objectId", {.slot = SL_SLOT_OBJECT}},
    {ZTF, ROOT, "candid", {.slot = SL_SLOT_CANDID}},
    {ZTF, ROOT, "candidate", {.scope = SL_SCOPE_CURRENT}},
    {ZTF, ROOT, "prv_candidates", {.scope = SL_SCOPE_HISTORY}},
    {ZTF, ROOT, "fp_hists", {.scope = SL_SCOPE_FORCED}},
    {ZTF, POINTS | FORCED, "jd", {.slot = SL_SLOT_TIME}},
    {ZTF, POINTS | FORCED, "fid", {.slot = SL_SLOT_BAND}},
    {ZTF, POINTS, "magpsf", {.slot = SL_SLOT_VALUE}},
    {ZTF, POINTS, "sigmapsf", {.slot = SL_SLOT_ERROR}},
    {ZTF, POINTS, "isdiffpos", {.slot = SL_SLOT_SIGN}},
    {ZTF, POINTS | FORCED, "diffmaglim", {.slot = SL_SLOT_LIMIT}},
    {ZTF, POINTS | FORCED, "exptime", {.slot = SL_SLOT_EXPOSURE}},
    {ZTF, CURRENT, "candid", {.slot = SL_SLOT_POINT_ID}},
    {ZTF, FORCED, "forcediffimflux", {.slot = SL_SLOT_VALUE}},
    {ZTF, FORCED, "forcediffimfluxunc", {.slot = SL_SLOT_ERROR}},
    {ZTF, FORCED, "magzpsci", {.slot = SL_SLOT_ZERO_POINT}},
    {DIA, ROOT, "alertId", {.slot = SL_SLOT_ALERT}},
    {DIA, ROOT, "diaSourceId", {.slot = SL_SLOT_SOURCE}},
    {DIA, ROOT, "diaSource", {.scope = SL_SCOPE_CURRENT}},
    {DIA, ROOT, "prvDiaSources", {.scope = SL_SCOPE_HISTORY}},
    {DIA, ROOT, "prvDiaForcedSources", {.scope = SL_SCOPE_FORCED}},
    {DIA, ROOT, "diaObject", {.scope = SL_SCOPE_OBJECT}},
    {DIA, POINTS | FORCED, "midpointMjdTai", {.slot = SL_SLOT_TIME}},
    {DIA, POINTS | FORCED, "midPointTai", {.slot = SL_SLOT_TIME}},
    {DIA, POINTS | FORCED, "band", {.slot = SL_SLOT_BAND}},
    {DIA, POINTS | FORCED, "filterName", {.slot = SL_SLOT_BAND}},
    {DIA, POINTS | FORCED, "psfFlux", {.slot = SL_SLOT_VALUE}},
    {DIA, POINTS | FORCED, "psFlux", {.slot = SL_SLOT_VALUE}},
    {DIA, POINTS | FORCED, "psfFluxErr", {.slot = SL_SLOT_ERROR}},
    {DIA, POINTS | FORCED, "psFluxErr", {.slot = SL_SLOT_ERROR}},
    {DIA, CURRENT, "diaSourceId", {.slot = SL_SLOT_POINT_ID}},
    {DIA, CURRENT, "diaObjectId", {.slot = SL_SLOT_POINT_OBJECT}},
    {DIA, CURRENT, "ssObjectId", {.slot = SL_SLOT_POINT_SOLAR}},
    {DIA, OBJECT, "diaObjectId", {.slot = SL_SLOT_DIA_OBJECT}},
    {DIA, OBJECT, "hostgal_zphot", {.slot = SL_SLOT_Z}},
    {DIA, OBJECT, "hostgal_zphot_err", {.slot = SL_SLOT_Z_ERROR}},
    {DIA, OBJECT, "hostgal_z", {.slot = SL_SLOT_HOST_Z}},
    {DIA, OBJECT, "hostgal_z_err", {.slot = SL_SLOT_HOST_Z_ERROR}},
};

sl_wanted sl_fields_find(sl_survey survey, sl_scope scope, const char *name)
{
    const int family = survey == SL_SURVEY_ZTF ? ZTF : DIA;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].family == family && (table[i].scopes >> scope & 1) && strcmp(table[i].name, name) == 0) {
            return table[i].wanted;
        }
    }
    return (sl_wanted){0};
}

static bool is_number(const sl_avro_type *type)
{
    switch (type->kind) {
    case SL_AVRO_KIND_INT:
    case SL_AVRO_KIND_LONG:
    case SL_AVRO_KIND_FLOAT:
    case SL_AVRO_KIND_DOUBLE: return true;
    case SL_AVRO_KIND_UNION:
        for (size_t i = 0; i < type->n_fields; i++) {
            if (is_number(type->fields[i].type)) return true;
        }
        return false;
    default: return false;
    }
}

const sl_avro_type *sl_fields_record(const sl_avro_type *type)
{
    if (type->kind == SL_AVRO_KIND_RECORD) return type;
    if (type->kind != SL_AVRO_KIND_UNION) return NULL;
    for (size_t i = 0; i < type->n_fields; i++) {
        if (type->fields[i].type->kind == SL_AVRO_KIND_RECORD) return type->fields[i].type;
    }
    return NULL;
}

bool sl_fields_is_point(sl_survey survey, sl_scope scope, const sl_avro_type *record)
{
    bool has_time = false, has_value = false, has_band = false;
    for (size_t i = 0; i < record->n_fields; i++) {
        const sl_slot slot = sl_fields_find(survey, scope, record->fields[i].name).slot;
        has_time |= slot == SL_SLOT_TIME && is_number(record->fields[i].type);
        has_value |= slot == SL_SLOT_VALUE && is_number(record->fields[i].type);
        has_band |= slot == SL_SLOT_BAND;
    }
    return has_time && has_value && has_band;
}

static const sl_avro_type *record_called(const sl_avro_type *root, const char *name)
{
    for (size_t i = 0; i < root->n_fields; i++) {
        if (strcmp(root->fields[i].name, name) == 0) return sl_fields_record(root->fields[i].type);
    }
    return NULL;
}

/* LSST's early schemas and ELAsTiCC's share their names; only ELAsTiCC tells of host galaxies that way. */
static bool is_elasticc(const sl_avro_type *root)
{
    if (strncmp(root->name, "elasticc.", 9) == 0) return true;
    const sl_avro_type *object = record_called(root, "diaObject");
    for (size_t i = 0; object != NULL && i < object->n_fields; i++) {
        if (strncmp(object->fields[i].name, "hostgal_", 8) == 0) return true;
    }
    return false;
}

sl_survey sl_fields_survey(const sl_avro_type *root)
{
    if (root->kind != SL_AVRO_KIND_RECORD) return SL_SURVEY_NONE;
    const sl_avro_type *point = record_called(root, "candidate");
    if (point != NULL && sl_fields_is_point(SL_SURVEY_ZTF, SL_SCOPE_CURRENT, point)) return SL_SURVEY_ZTF;
    point = record_called(root, "diaSource");
    if (point == NULL || !sl_fields_is_point(SL_SURVEY_LSST, SL_SCOPE_CURRENT, point)) return SL_SURVEY_NONE;
    return is_elasticc(root) ? SL_SURVEY_ELASTICC : SL_SURVEY_LSST;
}

sl_str sl_fields_version(const sl_avro_type *root)
{
    const char *last = strrchr(root->name, '.');
    const char *v = strstr(root->name, ".v");
    if (last != NULL && v != NULL && v < last && v[2] >= '0' && v[2] <= '9') {
        return (sl_str){root->name, (size_t)(last - root->name)};
    }
    if (root->version != NULL) return (sl_str){root->version, strlen(root->version)};
    return (sl_str){"", 0};
}
