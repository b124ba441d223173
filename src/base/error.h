/* base/error.h - how a function fails: three macros, one `out:` label. */
#ifndef SL_BASE_ERROR_H
#define SL_BASE_ERROR_H

#include "starling/base.h"

/* Fill err (may be NULL) and return status. Called through SL_FAIL. */
sl_status sl_error_set(sl_error *err, sl_status status, sl_reason reason, const char *file, int line,
                       const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Put "prefix: " before the message, to say where; keeps everything else. */
void sl_error_prefix(sl_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TRUNCATED, "record ends at byte %zu", at); */
#define SL_FAIL(err, status, reason, ...) sl_error_set((err), (status), (reason), __FILE__, __LINE__, __VA_ARGS__)

#define SL_FAIL_NOMEM(err) SL_FAIL((err), SL_ERR_NOMEM, SL_REASON_NONE, "out of memory")

/* Return at once where a call failed and nothing is owned yet. */
#define SL_TRY(call)                         \
    do {                                     \
        const sl_status sl_try_ = (call);    \
        if (sl_try_ < 0) return sl_try_;     \
    } while (0)

/* What only a broken caller can break. */
#define SL_REQUIRE(condition, err)                                                                         \
    do {                                                                                                   \
        if (!(condition)) return SL_FAIL((err), SL_ERR_INVAL, SL_REASON_NONE, "%s: needs " #condition, __func__); \
    } while (0)

#endif
