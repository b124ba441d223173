/*
 * starling/base.h - what every room shares: status, error, reason, text.
 *
 * Three words say who owns what a pointer leads to:
 *   borrows  the callee only looks, the caller keeps it;
 *   takes    the callee frees it from now on;
 *   gives    the caller must free it with the function named.
 */
#ifndef STARLING_BASE_H
#define STARLING_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(SL_BUILDING_LIBRARY)
#define SL_API __attribute__((visibility("default")))
#else
#define SL_API
#endif

/* What a call came to. Negative values are never renumbered. */
typedef enum sl_status {
    SL_OK = 0,
    SL_DONE = 1,             /* an iterator has no more to give; not an error */
    SL_ERR_INVAL = -1,       /* the caller broke the function's contract: stop */
    SL_ERR_NOMEM = -2,       /* no memory, or a bound on memory was reached: stop */
    SL_ERR_IO = -3,          /* the operating system could not read or write */
    SL_ERR_FORMAT = -4,      /* these bytes cannot be decoded: quarantine them */
    SL_ERR_NUMERIC = -5,     /* the arithmetic broke down on these values: refuse them */
    SL_ERR_CONTRACT = -6,    /* the model's contract cannot be met: refuse the alert */
    SL_ERR_UNSUPPORTED = -7, /* well-formed, but not something this build handles */
    SL_ERR_INTERNAL = -8     /* a fault of starling itself */
} sl_status;

/*
 * Why an alert was refused (the contract cannot be met) or quarantined (the
 * bytes cannot be decoded). One table in base/reason.c names them; the names
 * are part of the output format and never change.
 */
typedef enum sl_reason {
    SL_REASON_NONE = 0,
    /* refused */
    SL_REASON_NO_POINTS,        /* no usable measurement at all */
    SL_REASON_TOO_FEW_POINTS,   /* fewer than the contract's min_points */
    SL_REASON_TOO_MANY_POINTS,  /* more than the contract's max_points */
    SL_REASON_TOO_FEW_BANDS,    /* fewer distinct bands than the contract's min_bands */
    SL_REASON_TOO_MANY_BANDS,   /* more distinct bands than the contract's channels */
    SL_REASON_NO_TIME_SPAN,     /* all points at one moment, where the grid needs a span */
    SL_REASON_NO_REDSHIFT,      /* the contract needs a redshift and there is none */
    SL_REASON_NUMERIC,          /* the Gaussian process or the network gave no finite answer */
    SL_REASON_FIRST_QUARANTINE, /* a mark between the two groups, never given out */
    /* quarantined */
    SL_REASON_EMPTY = SL_REASON_FIRST_QUARANTINE, /* no bytes */
    SL_REASON_UNKNOWN_FORMAT,                     /* none of the formats that starling reads */
    SL_REASON_TRUNCATED,                          /* the bytes end too early */
    SL_REASON_BAD_CONTAINER,                      /* header, block or sync marker damaged */
    SL_REASON_BAD_CODEC,                          /* codec unknown, or its data damaged */
    SL_REASON_BAD_SCHEMA,                         /* the schema is no valid Avro schema */
    SL_REASON_NOT_AN_ALERT,                       /* a valid schema without the fields of an alert */
    SL_REASON_UNKNOWN_SCHEMA,                     /* a framed message whose schema id is not at hand */
    SL_REASON_BAD_RECORD,                         /* the record does not follow its schema */
    SL_REASON_BEHIND_BROKEN,                      /* sits behind a broken record, start unknown */
    SL_REASON_TOO_LARGE,                          /* over a bound on size */
    SL_REASON_BAD_ARCHIVE,                        /* tar or compression damaged */
    SL_REASON_BAD_TABLE,                          /* CSV or FITS: no such column, or a cell that is no number */
    SL_REASON_UNREADABLE,                         /* the operating system would not give the bytes */
    SL_N_REASONS
} sl_reason;

/* Stable snake_case name ("too_few_bands"), or "none". Never NULL. */
SL_API const char *sl_reason_name(sl_reason reason);
/* One sentence for people. Never NULL. */
SL_API const char *sl_reason_text(sl_reason reason);
/* True for a reason of quarantine, false for one of refusal and for NONE. */
static inline bool sl_reason_is_quarantine(sl_reason reason)
{
    return reason >= SL_REASON_FIRST_QUARANTINE;
}

/*
 * The story of a failure. The caller owns it (usually on the stack) and may
 * pass NULL instead. Valid only after a call that returned a negative status.
 */
typedef struct sl_error {
    sl_status status;
    sl_reason reason; /* set with FORMAT, NUMERIC, CONTRACT and UNSUPPORTED */
    int line;         /* where in the library, for bug reports */
    const char *file;
    char message[240]; /* what, where and what to do; no newline */
} sl_error;

/* Short name of a status ("format"). Never NULL. */
SL_API const char *sl_status_name(sl_status status);

/* Text that is not terminated. Borrows from whatever its field says. */
typedef struct sl_str {
    const char *ptr;
    size_t len;
} sl_str;

/* "MAJOR.MINOR.PATCH". */
SL_API const char *sl_version(void);

#ifdef __cplusplus
}
#endif
#endif
