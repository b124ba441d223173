/*
 * alert/plan.h - a schema compiled into what to do with a record's bytes:
 * take the few fields wanted, step over the rest.
 *
 * A plan is an array of small operations that one loop runs (plan_run.c).
 * Neighbours that are stepped over melt into one operation: fields of fixed
 * size into one step, optional ones of one size into one run. A plan never
 * changes after it was compiled and may be shared between threads.
 */
#ifndef SL_ALERT_PLAN_H
#define SL_ALERT_PLAN_H

#include "alert/fields.h"

typedef enum sl_op_code {
    SL_OP_END = 0,
    SL_OP_SKIP,         /* n bytes */
    SL_OP_SKIP_LONGS,   /* n varints */
    SL_OP_SKIP_TEXTS,   /* n texts or bytes */
    /* n unions of null and one type, whose branch has the index byte `present` */
    SL_OP_SKIP_OPT,       /* the type takes `arg` bytes */
    SL_OP_SKIP_OPT_LONGS,
    SL_OP_SKIP_OPT_TEXTS,
    SL_OP_UNION,          /* of n branches; behind it n jumps to them */
    SL_OP_JUMP,           /* to operation n */
    SL_OP_CALL,           /* operation n, until its END, and come back */
    SL_OP_SKIP_LIST,      /* array or map whose elements take n bytes */
    SL_OP_LIST,           /* array or map, the element is the operations behind it up to END; go on at n */
    SL_OP_OPT,            /* union of null and one type: do the operation behind it, or leave it out */
    SL_OP_GET_BOOL,       /* into slot arg */
    SL_OP_GET_LONG,
    SL_OP_GET_FLOAT,
    SL_OP_GET_DOUBLE,
    SL_OP_GET_TEXT,
    SL_OP_POINT           /* a point of scope arg is complete */
} sl_op_code;

typedef struct sl_op {
    uint8_t code;    /* sl_op_code */
    uint8_t present; /* the byte that says "not null": 0 or 2 */
    uint16_t arg;
    uint32_t n;
} sl_op;

enum {
    SL_PLAN_MAX_OPS = 1 << 20,
    SL_PLAN_MAX_DEPTH = 64 /* records within each other while one is decoded */
};

typedef struct sl_plan {
    sl_op *ops;
    size_t n_ops, size;
    sl_survey survey;
    char version[64]; /* that the schema has of itself, "" without */
} sl_plan;

/*
 * Compile. SL_REASON_NOT_AN_ALERT where the schema has no alert's fields,
 * SL_REASON_TOO_LARGE over the bound. Release after success only.
 */
sl_status sl_plan_compile(sl_plan *out, const sl_avro_schema *schema, sl_error *err);
void sl_plan_release(sl_plan *plan);

/*
 * Decode one record from [bytes, bytes + n_bytes) into the harvest, which is
 * begun afresh; *n_used is how many bytes it took. SL_ERR_FORMAT:
 * SL_REASON_BAD_RECORD, or SL_REASON_TRUNCATED where only bytes are lacking.
 */
sl_status sl_plan_run(const sl_plan *plan, const unsigned char *bytes, size_t n_bytes, sl_harvest *harvest,
                      size_t *n_used, sl_error *err);

#endif
