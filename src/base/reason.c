#include "starling/base.h"

static const struct {
    const char *name;
    const char *text;
} reasons[SL_N_REASONS] = {
    [SL_REASON_NONE] = {"none", "no reason"},
    [SL_REASON_NO_POINTS] = {"no_points", "there is no usable measurement"},
    [SL_REASON_TOO_FEW_POINTS] = {"too_few_points", "fewer measurements than the model's contract asks for"},
    [SL_REASON_TOO_MANY_POINTS] = {"too_many_points", "more measurements than the model's contract allows"},
    [SL_REASON_TOO_FEW_BANDS] = {"too_few_bands", "fewer bands than the model's contract asks for"},
    [SL_REASON_TOO_MANY_BANDS] = {"too_many_bands", "more bands than the model has channels"},
    [SL_REASON_NO_TIME_SPAN] = {"no_time_span", "all measurements are of one moment"},
    [SL_REASON_NO_REDSHIFT] = {"no_redshift", "the model needs a redshift and the alert has none"},
    [SL_REASON_NUMERIC] = {"numeric", "the measurements give no finite answer"},
    [SL_REASON_EMPTY] = {"empty", "there are no bytes"},
    [SL_REASON_UNKNOWN_FORMAT] = {"unknown_format", "none of the formats that starling reads"},
    [SL_REASON_TRUNCATED] = {"truncated", "the bytes end too early"},
    [SL_REASON_BAD_CONTAINER] = {"bad_container", "the Avro container is damaged"},
    [SL_REASON_BAD_CODEC] = {"bad_codec", "the codec is unknown or its data are damaged"},
    [SL_REASON_BAD_SCHEMA] = {"bad_schema", "the schema is not a valid Avro schema"},
    [SL_REASON_NOT_AN_ALERT] = {"not_an_alert", "the schema has none of the fields of an alert"},
    [SL_REASON_UNKNOWN_SCHEMA] = {"unknown_schema", "the message's schema is not in the schema folder"},
    [SL_REASON_BAD_RECORD] = {"bad_record", "the record does not follow its schema"},
    [SL_REASON_BEHIND_BROKEN] = {"behind_broken", "the record lies behind a broken one in its block"},
    [SL_REASON_TOO_LARGE] = {"too_large", "over a bound on size"},
    [SL_REASON_BAD_ARCHIVE] = {"bad_archive", "the archive or its compression is damaged"},
    [SL_REASON_BAD_TABLE] = {"bad_table", "the table lacks a column or has a cell that is no number"},
    [SL_REASON_UNREADABLE] = {"unreadable", "the file could not be read"},
};

const char *sl_reason_name(sl_reason reason)
{
    return (unsigned)reason < SL_N_REASONS ? reasons[reason].name : "unknown";
}

const char *sl_reason_text(sl_reason reason)
{
    return (unsigned)reason < SL_N_REASONS ? reasons[reason].text : "unknown reason";
}
