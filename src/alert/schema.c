#include "alert/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/error.h"

enum { SCHEMA_MEMORY = 256 << 20, MAX_FULL_NAME = 512 };

static const char *const primitive_names[] = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"};

struct sl_avro_library {
    json_t *schemas; /* array */
    json_t *by_name; /* full name -> schema */
};

typedef struct parser {
    sl_avro_schema *schema;
    json_t *named; /* full name -> index into types */
    const sl_avro_library *library;
    size_t types_size;
    sl_avro_type *primitives[8];
    int depth;
    sl_error *err;
} parser;

static sl_status parse_type(parser *ps, const json_t *json, const char *space, const sl_avro_type **out);

#define BAD_SCHEMA(...) SL_FAIL(ps->err, SL_ERR_FORMAT, SL_REASON_BAD_SCHEMA, __VA_ARGS__)

static sl_status fail_memory(parser *ps)
{
    if (ps->schema->arena.used_total > SCHEMA_MEMORY / 2) {
        return SL_FAIL(ps->err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "the schema takes too much memory");
    }
    return SL_FAIL_NOMEM(ps->err);
}

static sl_status new_type(parser *ps, sl_avro_kind kind, sl_avro_type **out)
{
    const size_t n = ps->schema->n_types;
    if (n == SL_AVRO_MAX_TYPES) {
        return SL_FAIL(ps->err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "the schema has over %d types", SL_AVRO_MAX_TYPES);
    }
    if (n == ps->types_size) {
        const size_t size = n > 0 ? 2 * n : 64;
        sl_avro_type **more = SL_ARENA_NEW(&ps->schema->arena, sl_avro_type *, size);
        if (more == NULL) return fail_memory(ps);
        if (n > 0) memcpy(more, ps->schema->types, n * sizeof *more);
        ps->schema->types = more;
        ps->types_size = size;
    }
    sl_avro_type *type = SL_ARENA_NEW(&ps->schema->arena, sl_avro_type, 1);
    if (type == NULL) return fail_memory(ps);
    *type = (sl_avro_type){.kind = kind, .index = (uint32_t)n};
    ps->schema->types[n] = type;
    ps->schema->n_types = n + 1;
    *out = type;
    return SL_OK;
}

static sl_status new_fields(parser *ps, sl_avro_type *type, size_t n)
{
    type->fields = SL_ARENA_NEW(&ps->schema->arena, sl_avro_field, n);
    if (type->fields == NULL) return fail_memory(ps);
    for (size_t i = 0; i < n; i++) type->fields[i] = (sl_avro_field){0};
    type->n_fields = n;
    return SL_OK;
}

static sl_status copy_text(parser *ps, const char *text, const char **out)
{
    *out = sl_arena_text(&ps->schema->arena, text, strlen(text));
    return *out != NULL ? SL_OK : fail_memory(ps);
}

/* A name with dots is full as it is; one without stands in the name space. */
static bool full_name(char full[MAX_FULL_NAME], const char *space, const char *name)
{
    const bool bare = space[0] == '\0' || strchr(name, '.') != NULL;
    const int n = snprintf(full, MAX_FULL_NAME, "%s%s%s", bare ? "" : space, bare ? "" : ".", name);
    return n > 0 && n < MAX_FULL_NAME;
}

/* The name space of what stands inside a type of this full name. */
static void space_of(char space[MAX_FULL_NAME], const char *full)
{
    const char *dot = strrchr(full, '.');
    const size_t n = dot != NULL ? (size_t)(dot - full) : 0;
    memcpy(space, full, n);
    space[n] = '\0';
}

static const sl_avro_type *find_named(const parser *ps, const char *full)
{
    const json_t *index = json_object_get(ps->named, full);
    return index != NULL ? ps->schema->types[json_integer_value(index)] : NULL;
}

/* "int", or a reference to a named type. */
static sl_status parse_name(parser *ps, const char *name, const char *space, const sl_avro_type **out)
{
    for (int k = 0; k < 8; k++) {
        if (strcmp(name, primitive_names[k]) != 0) continue;
        if (ps->primitives[k] == NULL) SL_TRY(new_type(ps, (sl_avro_kind)k, &ps->primitives[k]));
        *out = ps->primitives[k];
        return SL_OK;
    }
    char full[MAX_FULL_NAME];
    if (!full_name(full, space, name)) return BAD_SCHEMA("a type's name is empty or too long");
    const char *tries[] = {full, name};
    for (int i = 0; i < 2; i++) {
        if ((*out = find_named(ps, tries[i])) != NULL) return SL_OK;
        const json_t *elsewhere = ps->library != NULL ? json_object_get(ps->library->by_name, tries[i]) : NULL;
        if (elsewhere != NULL) return parse_type(ps, elsewhere, "", out);
    }
    return BAD_SCHEMA("there is no type \"%.100s\"", name);
}

static sl_status parse_union(parser *ps, const json_t *json, const char *space, const sl_avro_type **out)
{
    sl_avro_type *type = NULL;
    SL_TRY(new_type(ps, SL_AVRO_KIND_UNION, &type));
    SL_TRY(new_fields(ps, type, json_array_size(json)));
    for (size_t i = 0; i < type->n_fields; i++) {
        SL_TRY(parse_type(ps, json_array_get(json, i), space, &type->fields[i].type));
        if (type->fields[i].type->kind == SL_AVRO_KIND_UNION) return BAD_SCHEMA("a union stands inside a union");
    }
    *out = type;
    return SL_OK;
}

static sl_status parse_list(parser *ps, sl_avro_kind kind, const json_t *inner, const char *space,
                            const sl_avro_type **out)
{
    sl_avro_type *type = NULL;
    if (inner == NULL) return BAD_SCHEMA("an array or a map does not say of what");
    SL_TRY(new_type(ps, kind, &type));
    SL_TRY(new_fields(ps, type, 1));
    *out = type;
    return parse_type(ps, inner, space, &type->fields[0].type);
}

static sl_status parse_record(parser *ps, const json_t *json, const char *space, sl_avro_type *type)
{
    const json_t *fields = json_object_get(json, "fields");
    if (!json_is_array(fields)) return BAD_SCHEMA("record \"%.100s\" has no fields", type->name);
    const char *version = json_string_value(json_object_get(json, "version"));
    if (version != NULL) SL_TRY(copy_text(ps, version, &type->version));
    SL_TRY(new_fields(ps, type, json_array_size(fields)));
    for (size_t i = 0; i < type->n_fields; i++) {
        const json_t *field = json_array_get(fields, i);
        const char *name = json_string_value(json_object_get(field, "name"));
        const json_t *inner = json_object_get(field, "type");
        if (name == NULL || inner == NULL) return BAD_SCHEMA("a field of \"%.100s\" lacks name or type", type->name);
        SL_TRY(copy_text(ps, name, &type->fields[i].name));
        SL_TRY(parse_type(ps, inner, space, &type->fields[i].type));
    }
    return SL_OK;
}

static sl_status parse_named(parser *ps, sl_avro_kind kind, const json_t *json, const char *outer,
                             const sl_avro_type **out)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *own = json_string_value(json_object_get(json, "namespace"));
    char full[MAX_FULL_NAME], space[MAX_FULL_NAME];
    if (name == NULL || name[0] == '\0' || !full_name(full, own != NULL ? own : outer, name)) {
        return BAD_SCHEMA("a record, enum or fixed has no name, or one too long");
    }
    sl_avro_type *type = NULL;
    SL_TRY(new_type(ps, kind, &type));
    SL_TRY(copy_text(ps, full, &type->name));
    *out = type;
    /* Known before its fields are: they may refer to it. */
    if (json_object_set_new(ps->named, full, json_integer(type->index)) != 0) return SL_FAIL_NOMEM(ps->err);
    if (kind == SL_AVRO_KIND_FIXED) {
        const json_t *size = json_object_get(json, "size");
        type->size = json_integer_value(size);
        if (json_is_integer(size) && type->size >= 0) return SL_OK;
        return BAD_SCHEMA("fixed \"%.100s\" has no size, or a negative one", full);
    }
    if (kind == SL_AVRO_KIND_ENUM) {
        if (json_is_array(json_object_get(json, "symbols"))) return SL_OK;
        return BAD_SCHEMA("enum \"%.100s\" has no symbols", full);
    }
    space_of(space, full);
    return parse_record(ps, json, space, type);
}

static sl_status parse_object(parser *ps, const json_t *json, const char *space, const sl_avro_type **out)
{
    const json_t *type = json_object_get(json, "type");
    const char *name = json_string_value(type);
    if (type == NULL) return BAD_SCHEMA("a type does not say which");
    if (name == NULL) return parse_type(ps, type, space, out);
    if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0) {
        return parse_named(ps, SL_AVRO_KIND_RECORD, json, space, out);
    }
    if (strcmp(name, "enum") == 0) return parse_named(ps, SL_AVRO_KIND_ENUM, json, space, out);
    if (strcmp(name, "fixed") == 0) return parse_named(ps, SL_AVRO_KIND_FIXED, json, space, out);
    if (strcmp(name, "array") == 0) {
        return parse_list(ps, SL_AVRO_KIND_ARRAY, json_object_get(json, "items"), space, out);
    }
    if (strcmp(name, "map") == 0) {
        return parse_list(ps, SL_AVRO_KIND_MAP, json_object_get(json, "values"), space, out);
    }
    return parse_name(ps, name, space, out);
}

static sl_status parse_type(parser *ps, const json_t *json, const char *space, const sl_avro_type **out)
{
    if (++ps->depth > SL_AVRO_MAX_NESTING) {
        return BAD_SCHEMA("the schema nests deeper than %d types", SL_AVRO_MAX_NESTING);
    }
    sl_status status;
    if (json_is_string(json)) {
        status = parse_name(ps, json_string_value(json), space, out);
    } else if (json_is_array(json)) {
        status = parse_union(ps, json, space, out);
    } else if (json_is_object(json)) {
        status = parse_object(ps, json, space, out);
    } else {
        status = BAD_SCHEMA("a type is neither text, list nor object");
    }
    ps->depth--;
    return status;
}

static sl_status parse_whole(sl_avro_schema *out, const json_t *json, const sl_avro_library *library, sl_error *err)
{
    *out = (sl_avro_schema){0};
    sl_arena_init(&out->arena, SCHEMA_MEMORY);
    parser ps = {.schema = out, .named = json_object(), .library = library, .err = err};
    const sl_status status = ps.named != NULL ? parse_type(&ps, json, "", &out->root) : SL_FAIL_NOMEM(err);
    json_decref(ps.named);
    if (status != SL_OK) sl_avro_schema_release(out);
    return status;
}

static sl_status load_json(const char *text, size_t n, json_t **json, sl_error *err)
{
    json_error_t story;
    if (n > SL_AVRO_MAX_SCHEMA) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "a schema of over %d bytes", SL_AVRO_MAX_SCHEMA);
    }
    *json = json_loadb(text, n, JSON_DECODE_ANY, &story);
    if (*json != NULL) return SL_OK;
    if (json_error_code(&story) == json_error_out_of_memory) return SL_FAIL_NOMEM(err);
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_SCHEMA, "the schema is not JSON: %.100s (byte %d)", story.text,
                   story.position);
}

sl_status sl_avro_schema_parse(sl_avro_schema *out, const char *json, size_t n, sl_error *err)
{
    json_t *tree;
    SL_TRY(load_json(json, n, &tree, err));
    const sl_status status = parse_whole(out, tree, NULL, err);
    json_decref(tree);
    return status;
}

void sl_avro_schema_release(sl_avro_schema *schema)
{
    sl_arena_release(&schema->arena);
    *schema = (sl_avro_schema){0};
}

/* ---- libraries ---- */

void sl_avro_library_free(sl_avro_library *library)
{
    if (library == NULL) return;
    json_decref(library->schemas);
    json_decref(library->by_name);
    free(library);
}

sl_status sl_avro_library_new(sl_avro_library **out, sl_error *err)
{
    sl_avro_library *library = calloc(1, sizeof *library);
    if (library == NULL) return SL_FAIL_NOMEM(err);
    library->schemas = json_array();
    library->by_name = json_object();
    if (library->schemas == NULL || library->by_name == NULL) {
        sl_avro_library_free(library);
        return SL_FAIL_NOMEM(err);
    }
    *out = library;
    return SL_OK;
}

static sl_status add_schema(sl_avro_library *library, json_t *json, sl_error *err)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *space = json_string_value(json_object_get(json, "namespace"));
    char full[MAX_FULL_NAME];
    if (json_array_append(library->schemas, json) != 0) return SL_FAIL_NOMEM(err);
    if (name == NULL || !full_name(full, space != NULL ? space : "", name)) return SL_OK;
    return json_object_set(library->by_name, full, json) == 0 ? SL_OK : SL_FAIL_NOMEM(err);
}

sl_status sl_avro_library_add(sl_avro_library *library, const char *json, size_t n, sl_error *err)
{
    json_t *tree;
    SL_TRY(load_json(json, n, &tree, err));
    sl_status status = SL_OK;
    if (json_is_array(tree)) {
        for (size_t i = 0; status == SL_OK && i < json_array_size(tree); i++) {
            status = add_schema(library, json_array_get(tree, i), err);
        }
    } else {
        status = add_schema(library, tree, err);
    }
    json_decref(tree);
    return status;
}

size_t sl_avro_library_size(const sl_avro_library *library)
{
    return json_array_size(library->schemas);
}

sl_status sl_avro_library_schema(const sl_avro_library *library, size_t i, sl_avro_schema *out, sl_error *err)
{
    return parse_whole(out, json_array_get(library->schemas, i), library, err);
}
