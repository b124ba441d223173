/*
 * alert/schema_set.h - the plans of Confluent-framed messages, by schema id.
 *
 * Loaded once from a folder and never changed: threads share a set by
 * counting its users.
 */
#ifndef SL_ALERT_SCHEMA_SET_H
#define SL_ALERT_SCHEMA_SET_H

#include "alert/plan.h"

typedef struct sl_schema_set sl_schema_set;

/* See sl_alert_decoder_load_schemas. Gives *out with one user. */
sl_status sl_schema_set_load(sl_schema_set **out, const char *folder, sl_error *err);
/* One user more, one user fewer: the last one frees it. NULL is nothing. */
sl_schema_set *sl_schema_set_use(sl_schema_set *set);
void sl_schema_set_leave(sl_schema_set *set);

/*
 * The plan number `nth` (from 0) with this id; NULL behind the last. There
 * can be several: LSST changed some schemas without a new version.
 */
const sl_plan *sl_schema_set_find(const sl_schema_set *set, uint32_t id, size_t nth);

#endif
