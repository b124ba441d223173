/*
 * alert/schema.h - a writer's schema as a graph of types.
 *
 * Named types are one node however often they are referred to, so that a
 * schema can refer to itself; whoever walks the graph must bear that in mind.
 */
#ifndef SL_ALERT_SCHEMA_H
#define SL_ALERT_SCHEMA_H

#include "base/arena.h"

typedef enum sl_avro_kind {
    SL_AVRO_KIND_NULL = 0,
    SL_AVRO_KIND_BOOLEAN,
    SL_AVRO_KIND_INT,
    SL_AVRO_KIND_LONG,
    SL_AVRO_KIND_FLOAT,
    SL_AVRO_KIND_DOUBLE,
    SL_AVRO_KIND_BYTES,
    SL_AVRO_KIND_STRING,
    SL_AVRO_KIND_ENUM,
    SL_AVRO_KIND_FIXED,
    SL_AVRO_KIND_ARRAY,
    SL_AVRO_KIND_MAP,
    SL_AVRO_KIND_UNION,
    SL_AVRO_KIND_RECORD
} sl_avro_kind;

enum {
    SL_AVRO_MAX_SCHEMA = 4 << 20, /* bytes of JSON; as a tree it takes up to 30 times as much */
    SL_AVRO_MAX_NESTING = 64, /* types written inside each other */
    SL_AVRO_MAX_TYPES = 1 << 17
};

typedef struct sl_avro_type sl_avro_type;

typedef struct sl_avro_field {
    const char *name; /* NULL in arrays, maps and unions */
    const sl_avro_type *type;
} sl_avro_field;

struct sl_avro_type {
    sl_avro_kind kind;
    uint32_t index;   /* of all types of the schema: for tables beside it */
    const char *name; /* full name of a record, enum or fixed, else NULL */
    const char *version; /* a record's attribute "version" where it is a text, else NULL */
    int64_t size;     /* of a fixed [bytes] */
    size_t n_fields;  /* of a record; branches of a union; 1 in arrays and maps */
    sl_avro_field *fields;
};

typedef struct sl_avro_schema {
    sl_arena arena; /* everything lives in here */
    const sl_avro_type *root;
    sl_avro_type **types; /* by index: what a type refers to by name has a smaller one */
    size_t n_types;
} sl_avro_schema;

/* Named types from several files that refer to each other. */
typedef struct sl_avro_library sl_avro_library;
sl_status sl_avro_library_new(sl_avro_library **out, sl_error *err);
void sl_avro_library_free(sl_avro_library *library);
/* Add a file: a schema, or a list of schemas. */
sl_status sl_avro_library_add(sl_avro_library *library, const char *json, size_t n, sl_error *err);
/* How many schemas there are, in the order they came. */
size_t sl_avro_library_size(const sl_avro_library *library);
/* Schema i, its references looked up in the library. */
sl_status sl_avro_library_schema(const sl_avro_library *library, size_t i, sl_avro_schema *out, sl_error *err);

/* Parse a schema on its own. Release after success only. */
sl_status sl_avro_schema_parse(sl_avro_schema *out, const char *json, size_t n, sl_error *err);
void sl_avro_schema_release(sl_avro_schema *schema);

#endif
