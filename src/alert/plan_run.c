/* plan_run.c - the loop that runs a plan over a record's bytes. */
#include <string.h>

#include "alert/plan.h"
#include "alert/varint.h"
#include "base/error.h"

/* Every function here takes the place p to read at and gives the place
   behind what it read, or NULL after noting why it could not. */
typedef const unsigned char *place;

typedef enum complaint {
    NO_COMPLAINT = 0,
    TOO_SHORT,
    BAD_NUMBER,
    BAD_LENGTH,
    BAD_BRANCH,
    BAD_BOOL,
    BAD_COUNT,
    BAD_SIZE,
    TOO_DEEP,
    POINT_FAILED
} complaint;

static const char *const complaints[] = {
    [TOO_SHORT] = "it runs past the end of the bytes",
    [BAD_NUMBER] = "a number takes over 64 bits",
    [BAD_LENGTH] = "a text has a negative length",
    [BAD_BRANCH] = "a union has no such branch",
    [BAD_BOOL] = "a boolean is neither 0 nor 1",
    [BAD_COUNT] = "an array has more elements than bytes can follow",
    [BAD_SIZE] = "an array's block does not have the size that it says",
    [TOO_DEEP] = "records nest too deep",
};

typedef struct runner {
    const sl_op *ops;
    place end;
    int depth;
    complaint complaint;
    sl_harvest *harvest;
    sl_status status; /* of POINT_FAILED, with err */
    sl_error *err;
} runner;

static place complain(runner *r, complaint what)
{
    r->complaint = what;
    return NULL;
}

static size_t left(const runner *r, place p)
{
    return (size_t)(r->end - p);
}

static place take_long_slowly(runner *r, place p, int64_t *value)
{
    place next = sl_varint(p, r->end, value);
    if (next != NULL) return next;
    return complain(r, left(r, p) < 10 ? TOO_SHORT : BAD_NUMBER);
}

static inline place take_long(runner *r, place p, int64_t *value)
{
    if (p < r->end && *p < 0x80) {
        *value = (int64_t)(*p >> 1) ^ -(int64_t)(*p & 1);
        return p + 1;
    }
    return take_long_slowly(r, p, value);
}

static inline place skip_long(runner *r, place p)
{
    int64_t value;
    return take_long(r, p, &value);
}

static inline place skip(runner *r, place p, uint64_t n)
{
    return n <= left(r, p) ? p + n : complain(r, TOO_SHORT);
}

static inline place take_text(runner *r, place p, sl_str *text)
{
    int64_t n;
    p = take_long(r, p, &n);
    if (p == NULL) return NULL;
    if (n < 0) return complain(r, BAD_LENGTH);
    if ((uint64_t)n > left(r, p)) return complain(r, TOO_SHORT);
    *text = (sl_str){(const char *)p, (size_t)n};
    return p + n;
}

static inline place skip_text(runner *r, place p)
{
    sl_str text;
    return take_text(r, p, &text);
}

/* The index of a union of two, where null is the other one. */
static inline place take_presence(runner *r, place p, unsigned present, bool *is_present)
{
    int64_t branch;
    p = take_long(r, p, &branch);
    if (p == NULL) return NULL;
    if (branch != 0 && branch != 1) return complain(r, BAD_BRANCH);
    *is_present = branch * 2 == (int64_t)present;
    return p;
}

/*
 * Most of an alert's fields are unions of null and a float that nobody
 * wants. While the bytes suffice for the whole run even if none is null, no
 * step needs a check of its own, and none needs a branch.
 */
static place skip_optional(runner *r, place p, const sl_op *op)
{
    const size_t size = op->arg;
    if ((uint64_t)op->n * (size + 1) <= left(r, p)) {
        unsigned wrong = 0;
        for (uint32_t i = 0; i < op->n; i++) {
            const unsigned branch = *p;
            wrong |= branch & ~2u;
            p += 1 + (size & -(size_t)(branch == op->present));
        }
        return wrong == 0 ? p : complain(r, BAD_BRANCH);
    }
    for (uint32_t i = 0; i < op->n && p != NULL; i++) {
        bool present = false;
        p = take_presence(r, p, op->present, &present);
        if (p != NULL && present) p = skip(r, p, size);
    }
    return p;
}

static place skip_optional_longs(runner *r, place p, const sl_op *op)
{
    for (uint32_t i = 0; i < op->n && p != NULL; i++) {
        bool present = false;
        p = take_presence(r, p, op->present, &present);
        if (p != NULL && present) p = skip_long(r, p);
    }
    return p;
}

static place skip_optional_texts(runner *r, place p, const sl_op *op)
{
    for (uint32_t i = 0; i < op->n && p != NULL; i++) {
        bool present = false;
        p = take_presence(r, p, op->present, &present);
        if (p != NULL && present) p = skip_text(r, p);
    }
    return p;
}

/* Count, and size where the block says it (then negative in the bytes; *size = -1 without). */
static place take_block(runner *r, place p, int64_t *count, int64_t *size)
{
    *size = -1;
    p = take_long(r, p, count);
    if (p == NULL || *count >= 0) return p;
    if (*count == INT64_MIN) return complain(r, BAD_COUNT);
    *count = -*count;
    p = take_long(r, p, size);
    if (p == NULL) return NULL;
    if (*size < 0) return complain(r, BAD_SIZE);
    return (uint64_t)*size <= left(r, p) ? p : complain(r, TOO_SHORT);
}

/* An array or map of elements of `each` bytes. */
static place skip_list(runner *r, place p, uint32_t each)
{
    for (;;) {
        int64_t count, size;
        p = take_block(r, p, &count, &size);
        if (p == NULL || count == 0) return p;
        if (each > 0 && (uint64_t)count > left(r, p) / each) return complain(r, BAD_COUNT);
        const uint64_t bytes = (uint64_t)count * each;
        if (size >= 0 && (uint64_t)size != bytes) return complain(r, BAD_SIZE);
        p += bytes;
    }
}

static place run(runner *r, const sl_op *op, place p);

/* Every element takes a byte at least: otherwise it would be skip_list's. */
static place run_list(runner *r, place p, const sl_op *element)
{
    for (;;) {
        int64_t count, size;
        p = take_block(r, p, &count, &size);
        if (p == NULL || count == 0) return p;
        if ((uint64_t)count > left(r, p)) return complain(r, BAD_COUNT);
        const place begin = p;
        for (int64_t i = 0; i < count; i++) {
            p = run(r, element, p);
            if (p == NULL) return NULL;
        }
        if (size >= 0 && p - begin != size) return complain(r, BAD_SIZE);
    }
}

static place call(runner *r, place p, const sl_op *body)
{
    if (r->depth == SL_PLAN_MAX_DEPTH) return complain(r, TOO_DEEP);
    r->depth++;
    p = run(r, body, p);
    r->depth--;
    return p;
}

static inline place get(runner *r, place p, const sl_op *op)
{
    uint8_t *tag = &r->harvest->tags[op->arg];
    sl_value *value = &r->harvest->values[op->arg];
    float f;
    switch (op->code) {
    case SL_OP_GET_LONG: *tag = SL_TAG_INT; return take_long(r, p, &value->i);
    case SL_OP_GET_FLOAT:
        if (left(r, p) < sizeof f) return complain(r, TOO_SHORT);
        memcpy(&f, p, sizeof f);
        *tag = SL_TAG_REAL;
        value->d = (double)f;
        return p + sizeof f;
    case SL_OP_GET_DOUBLE:
        if (left(r, p) < sizeof value->d) return complain(r, TOO_SHORT);
        memcpy(&value->d, p, sizeof value->d);
        *tag = SL_TAG_REAL;
        return p + sizeof value->d;
    case SL_OP_GET_TEXT: *tag = SL_TAG_TEXT; return take_text(r, p, &value->s);
    default: /* SL_OP_GET_BOOL */
        if (left(r, p) < 1) return complain(r, TOO_SHORT);
        if (*p > 1) return complain(r, BAD_BOOL);
        *tag = SL_TAG_INT;
        value->i = *p;
        return p + 1;
    }
}

static place run(runner *r, const sl_op *op, place p)
{
    int64_t branch;
    bool present = false;
    while (p != NULL) {
        switch (op->code) {
        case SL_OP_END: return p;
        case SL_OP_SKIP: p = skip(r, p, op->n); break;
        case SL_OP_SKIP_LONGS:
            for (uint32_t i = 0; i < op->n && p != NULL; i++) p = skip_long(r, p);
            break;
        case SL_OP_SKIP_TEXTS:
            for (uint32_t i = 0; i < op->n && p != NULL; i++) p = skip_text(r, p);
            break;
        case SL_OP_SKIP_OPT: p = skip_optional(r, p, op); break;
        case SL_OP_SKIP_OPT_LONGS: p = skip_optional_longs(r, p, op); break;
        case SL_OP_SKIP_OPT_TEXTS: p = skip_optional_texts(r, p, op); break;
        case SL_OP_UNION:
            p = take_long(r, p, &branch);
            if (p == NULL) return NULL;
            if (branch < 0 || branch >= op->n) return complain(r, BAD_BRANCH);
            op = r->ops + op[1 + branch].n;
            continue;
        case SL_OP_JUMP: op = r->ops + op->n; continue;
        case SL_OP_CALL: p = call(r, p, r->ops + op->n); break;
        case SL_OP_SKIP_LIST: p = skip_list(r, p, op->n); break;
        case SL_OP_LIST:
            p = run_list(r, p, op + 1);
            op = r->ops + op->n;
            continue;
        case SL_OP_OPT:
            p = take_presence(r, p, op->present, &present);
            op += present ? 1 : 2;
            continue;
        case SL_OP_POINT:
            r->status = sl_harvest_point(r->harvest, (sl_scope)op->arg, r->err);
            if (r->status != SL_OK) return complain(r, POINT_FAILED);
            break;
        default: p = get(r, p, op); break;
        }
        op++;
    }
    return NULL;
}

sl_status sl_plan_run(const sl_plan *plan, const unsigned char *bytes, size_t n_bytes, sl_harvest *harvest,
                      size_t *n_used, sl_error *err)
{
    runner r = {.ops = plan->ops, .end = bytes + n_bytes, .harvest = harvest, .err = err};
    sl_harvest_begin(harvest, plan->survey);
    const place p = run(&r, plan->ops, bytes);
    if (p != NULL) {
        *n_used = (size_t)(p - bytes);
        return SL_OK;
    }
    if (r.complaint == POINT_FAILED) return r.status;
    return SL_FAIL(err, SL_ERR_FORMAT, r.complaint == TOO_SHORT ? SL_REASON_TRUNCATED : SL_REASON_BAD_RECORD,
                   "the record does not follow its schema: %s", complaints[r.complaint]);
}
