#include "alert/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { UNKNOWN = -1, VARIABLE = -2, NOT_COMPILED = 0 };
static const int64_t huge = (int64_t)1 << 40; /* sizes beyond it are all the same: more than any block */

typedef struct compiler {
    sl_plan *plan;
    size_t last;      /* the operation that a neighbour may melt into; SIZE_MAX for none */
    int64_t *sizes;   /* by type: bytes, or UNKNOWN or VARIABLE */
    uint32_t *bodies; /* by type: where the body of a record begins, if it is called */
    const sl_avro_type **called; /* records that need a body, in the order of the first call */
    size_t n_called;
    bool failed; /* over the bound, or no memory */
    bool too_large;
} compiler;

static void compile_type(compiler *c, const sl_avro_type *type, sl_wanted wanted);

/* Append an operation; gives its place. */
static size_t emit(compiler *c, sl_op op)
{
    sl_plan *plan = c->plan;
    if (c->failed) return 0;
    if (plan->n_ops == plan->size) {
        const size_t size = plan->size > 0 ? 2 * plan->size : 256;
        c->too_large = size > SL_PLAN_MAX_OPS;
        sl_op *more = c->too_large ? NULL : realloc(plan->ops, size * sizeof *more);
        if (more == NULL) {
            c->failed = true;
            return 0;
        }
        plan->ops = more;
        plan->size = size;
    }
    c->last = SIZE_MAX;
    plan->ops[plan->n_ops] = op;
    return plan->n_ops++;
}

/* Append one that steps over something, or melt it into the one before. */
static void emit_skip(compiler *c, sl_op op)
{
    if (c->last != SIZE_MAX && !c->failed) {
        sl_op *before = &c->plan->ops[c->last];
        if (before->code == op.code && before->present == op.present && before->arg == op.arg &&
            before->n <= UINT32_MAX - op.n) {
            before->n += op.n;
            return;
        }
    }
    const size_t at = emit(c, op);
    c->last = c->failed ? SIZE_MAX : at;
}

/* Where the next operation will be; what is before must not melt with it, since something leads here. */
static uint32_t here(compiler *c)
{
    c->last = SIZE_MAX;
    return (uint32_t)c->plan->n_ops;
}

/* How many bytes every value of the type takes, or VARIABLE. A type that
   contains itself is variable. Types were numbered so that this does not go
   deeper than the schema nests when asked in their order. */
static int64_t size_of(compiler *c, const sl_avro_type *type)
{
    int64_t *size = &c->sizes[type->index];
    if (*size != UNKNOWN) return *size;
    *size = VARIABLE;
    int64_t sum = 0;
    switch (type->kind) {
    case SL_AVRO_KIND_NULL: return *size = 0;
    case SL_AVRO_KIND_BOOLEAN: return *size = 1;
    case SL_AVRO_KIND_FLOAT: return *size = 4;
    case SL_AVRO_KIND_DOUBLE: return *size = 8;
    case SL_AVRO_KIND_FIXED: return *size = type->size < huge ? type->size : huge;
    case SL_AVRO_KIND_RECORD:
        for (size_t i = 0; i < type->n_fields; i++) {
            const int64_t one = size_of(c, type->fields[i].type);
            if (one == VARIABLE) return VARIABLE;
            sum += one;
            if (sum > huge) sum = huge;
        }
        return *size = sum;
    default: return VARIABLE;
    }
}

/* No block is that long: a step that always fails stands for any such size. */
static uint32_t clip(int64_t size)
{
    return size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
}

static void skip_fixed(compiler *c, int64_t size)
{
    if (size > 0) emit_skip(c, (sl_op){.code = SL_OP_SKIP, .n = clip(size)});
}

static void call(compiler *c, const sl_avro_type *record)
{
    if (c->bodies[record->index] == NOT_COMPILED) {
        c->bodies[record->index] = UINT32_MAX;
        c->called[c->n_called++] = record;
    }
    /* The type's number for now; the body's place when all are compiled. */
    emit(c, (sl_op){.code = SL_OP_CALL, .n = record->index});
}

static bool is_varint(const sl_avro_type *type)
{
    return type->kind == SL_AVRO_KIND_INT || type->kind == SL_AVRO_KIND_LONG || type->kind == SL_AVRO_KIND_ENUM;
}

static bool is_text(const sl_avro_type *type)
{
    return type->kind == SL_AVRO_KIND_STRING || type->kind == SL_AVRO_KIND_BYTES;
}

static sl_op_code getter(const sl_avro_type *type)
{
    switch (type->kind) {
    case SL_AVRO_KIND_BOOLEAN: return SL_OP_GET_BOOL;
    case SL_AVRO_KIND_INT:
    case SL_AVRO_KIND_LONG: return SL_OP_GET_LONG;
    case SL_AVRO_KIND_FLOAT: return SL_OP_GET_FLOAT;
    case SL_AVRO_KIND_DOUBLE: return SL_OP_GET_DOUBLE;
    case SL_AVRO_KIND_STRING: return SL_OP_GET_TEXT;
    default: return SL_OP_END;
    }
}

/* A union of null and one simple type, in one operation or two. False where it is another. */
static bool compile_optional(compiler *c, const sl_avro_type *type, sl_wanted wanted)
{
    if (type->n_fields != 2) return false;
    const sl_avro_type *first = type->fields[0].type, *second = type->fields[1].type;
    if ((first->kind == SL_AVRO_KIND_NULL) == (second->kind == SL_AVRO_KIND_NULL)) return false;
    const sl_avro_type *inner = first->kind == SL_AVRO_KIND_NULL ? second : first;
    sl_op op = {.present = inner == second ? 2 : 0, .n = 1};
    const sl_op_code get = getter(inner);
    const int64_t size = size_of(c, inner);
    if (wanted.slot != SL_SLOT_NONE && get != SL_OP_END) {
        op.code = SL_OP_OPT;
        emit(c, op);
        emit(c, (sl_op){.code = (uint8_t)get, .arg = (uint16_t)wanted.slot});
        return true;
    }
    if (wanted.scope != SL_SCOPE_NONE) return false;
    if (is_varint(inner)) {
        op.code = SL_OP_SKIP_OPT_LONGS;
    } else if (is_text(inner)) {
        op.code = SL_OP_SKIP_OPT_TEXTS;
    } else if (size >= 0 && size <= UINT16_MAX) {
        op.code = SL_OP_SKIP_OPT;
        op.arg = (uint16_t)size;
    } else {
        return false;
    }
    emit_skip(c, op);
    return true;
}

static void compile_union(compiler *c, const sl_avro_type *type, sl_wanted wanted)
{
    if (compile_optional(c, type, wanted)) return;
    const size_t n = type->n_fields;
    const size_t head = emit(c, (sl_op){.code = SL_OP_UNION, .n = (uint32_t)n});
    for (size_t i = 0; i < n; i++) emit(c, (sl_op){.code = SL_OP_JUMP});
    /* Each branch ends in a jump behind the union. Until the place is known
       the jumps form a chain: each has the place of the one before. */
    uint32_t chain = 0;
    for (size_t i = 0; i < n && !c->failed; i++) {
        c->plan->ops[head + 1 + i].n = here(c);
        compile_type(c, type->fields[i].type, wanted);
        chain = (uint32_t)emit(c, (sl_op){.code = SL_OP_JUMP, .n = chain});
    }
    const uint32_t behind = here(c);
    while (chain != 0 && !c->failed) {
        const uint32_t before = c->plan->ops[chain].n;
        c->plan->ops[chain].n = behind;
        chain = before;
    }
}

/*
 * What the elements of an array wanted for `scope` are: points of it, or (in
 * ZTF's trial packets of 2021, whose prv_candidates hold forced photometry)
 * of the other; else nothing that is wanted.
 */
static sl_scope list_scope(const compiler *c, const sl_avro_type *inner, sl_scope scope)
{
    const sl_avro_type *record = sl_fields_record(inner);
    if (record == NULL || (scope != SL_SCOPE_HISTORY && scope != SL_SCOPE_FORCED)) return SL_SCOPE_NONE;
    if (sl_fields_is_point(c->plan->survey, scope, record)) return scope;
    return sl_fields_is_point(c->plan->survey, SL_SCOPE_FORCED, record) ? SL_SCOPE_FORCED : SL_SCOPE_NONE;
}

static void compile_list(compiler *c, const sl_avro_type *type, sl_wanted wanted)
{
    const sl_avro_type *inner = type->fields[0].type;
    const bool map = type->kind == SL_AVRO_KIND_MAP;
    const sl_scope scope = map ? SL_SCOPE_NONE : list_scope(c, inner, wanted.scope);
    if (scope == SL_SCOPE_NONE && !map && size_of(c, inner) >= 0) {
        emit(c, (sl_op){.code = SL_OP_SKIP_LIST, .n = clip(size_of(c, inner))});
        return;
    }
    const size_t head = emit(c, (sl_op){.code = SL_OP_LIST});
    if (map) emit_skip(c, (sl_op){.code = SL_OP_SKIP_TEXTS, .n = 1});
    compile_type(c, inner, (sl_wanted){.scope = scope});
    emit(c, (sl_op){.code = SL_OP_END});
    const uint32_t behind = here(c);
    if (!c->failed) c->plan->ops[head].n = behind;
}

static void compile_fields(compiler *c, const sl_avro_type *record, sl_scope scope)
{
    for (size_t i = 0; i < record->n_fields && !c->failed; i++) {
        const sl_avro_field *field = &record->fields[i];
        sl_wanted wanted = {0};
        if (scope != SL_SCOPE_NONE) wanted = sl_fields_find(c->plan->survey, scope, field->name);
        compile_type(c, field->type, wanted);
    }
}

static bool is_point_scope(sl_scope scope)
{
    return scope == SL_SCOPE_CURRENT || scope == SL_SCOPE_HISTORY || scope == SL_SCOPE_FORCED;
}

static void compile_record(compiler *c, const sl_avro_type *record, sl_scope scope)
{
    const bool point = is_point_scope(scope);
    if (scope == SL_SCOPE_NONE || (point && !sl_fields_is_point(c->plan->survey, scope, record))) {
        if (size_of(c, record) >= 0) {
            skip_fixed(c, size_of(c, record));
        } else {
            call(c, record);
        }
        return;
    }
    compile_fields(c, record, scope);
    if (point) emit(c, (sl_op){.code = SL_OP_POINT, .arg = (uint16_t)scope});
}

static void compile_type(compiler *c, const sl_avro_type *type, sl_wanted wanted)
{
    const sl_op_code get = getter(type);
    if (c->failed) return;
    if (wanted.slot != SL_SLOT_NONE && get != SL_OP_END) {
        emit(c, (sl_op){.code = (uint8_t)get, .arg = (uint16_t)wanted.slot});
    } else if (is_varint(type)) {
        emit_skip(c, (sl_op){.code = SL_OP_SKIP_LONGS, .n = 1});
    } else if (is_text(type)) {
        emit_skip(c, (sl_op){.code = SL_OP_SKIP_TEXTS, .n = 1});
    } else if (type->kind == SL_AVRO_KIND_UNION) {
        compile_union(c, type, wanted);
    } else if (type->kind == SL_AVRO_KIND_ARRAY || type->kind == SL_AVRO_KIND_MAP) {
        compile_list(c, type, wanted);
    } else if (type->kind == SL_AVRO_KIND_RECORD) {
        /* Scopes of arrays do not stand for a record by itself, but compile_list
           hands them on to its elements; a lone record in their place counts as one. */
        compile_record(c, type, wanted.scope);
    } else {
        skip_fixed(c, size_of(c, type));
    }
}

/* The bodies of all records that are called, each once, and the calls' places. */
static void compile_bodies(compiler *c)
{
    for (size_t i = 0; i < c->n_called && !c->failed; i++) {
        const sl_avro_type *record = c->called[i];
        c->bodies[record->index] = here(c);
        compile_fields(c, record, SL_SCOPE_NONE);
        emit(c, (sl_op){.code = SL_OP_END});
    }
    for (size_t i = 0; i < c->plan->n_ops && !c->failed; i++) {
        sl_op *op = &c->plan->ops[i];
        if (op->code == SL_OP_CALL) op->n = c->bodies[op->n];
    }
}

/* Sizes of all types in their order, see size_of. */
static void find_sizes(compiler *c, const sl_avro_schema *schema)
{
    for (size_t i = 0; i < schema->n_types; i++) c->sizes[i] = UNKNOWN;
    for (size_t i = 0; i < schema->n_types; i++) size_of(c, schema->types[i]);
}

sl_status sl_plan_compile(sl_plan *out, const sl_avro_schema *schema, sl_error *err)
{
    *out = (sl_plan){.survey = sl_fields_survey(schema->root)};
    if (out->survey == SL_SURVEY_NONE) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NOT_AN_ALERT,
                       "the schema has neither a candidate (jd, fid, magpsf) nor a diaSource (time, band, flux)");
    }
    const sl_str version = sl_fields_version(schema->root);
    memcpy(out->version, version.ptr, version.len < sizeof out->version ? version.len : sizeof out->version - 1);
    compiler c = {.plan = out, .last = SIZE_MAX};
    c.sizes = malloc(schema->n_types * sizeof *c.sizes);
    c.bodies = calloc(schema->n_types, sizeof *c.bodies);
    c.called = malloc(schema->n_types * sizeof *c.called);
    sl_status status = SL_OK;
    if (c.sizes == NULL || c.bodies == NULL || c.called == NULL) {
        c.failed = true;
    } else {
        find_sizes(&c, schema);
        compile_record(&c, schema->root, SL_SCOPE_ROOT);
        emit(&c, (sl_op){.code = SL_OP_END});
        compile_bodies(&c);
    }
    if (c.failed) {
        status = c.too_large ? SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "the schema has too many fields")
                             : SL_FAIL_NOMEM(err);
        sl_plan_release(out);
    }
    free(c.sizes);
    free(c.bodies);
    free((void *)c.called);
    return status;
}

void sl_plan_release(sl_plan *plan)
{
    free(plan->ops);
    *plan = (sl_plan){0};
}
