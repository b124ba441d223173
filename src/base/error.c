#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

sl_status sl_error_set(sl_error *err, sl_status status, sl_reason reason, const char *file, int line,
                       const char *format, ...)
{
    if (err != NULL) {
        err->status = status;
        err->reason = reason;
        err->file = file;
        err->line = line;
        va_list args;
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return status;
}

void sl_error_prefix(sl_error *err, const char *format, ...)
{
    if (err == NULL) return;
    char text[sizeof err->message];
    memcpy(text, err->message, sizeof text);
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof err->message) return;
    const size_t room = sizeof err->message - (size_t)n;
    /* The message may be cut at the end; what it begins with matters most. */
    if (snprintf(err->message + n, room, ": %s", text) >= (int)room) err->message[sizeof err->message - 1] = '\0';
}

const char *sl_status_name(sl_status status)
{
    switch (status) {
    case SL_OK: return "ok";
    case SL_DONE: return "done";
    case SL_ERR_INVAL: return "invalid_argument";
    case SL_ERR_NOMEM: return "out_of_memory";
    case SL_ERR_IO: return "io";
    case SL_ERR_FORMAT: return "format";
    case SL_ERR_NUMERIC: return "numeric";
    case SL_ERR_CONTRACT: return "contract";
    case SL_ERR_UNSUPPORTED: return "unsupported";
    case SL_ERR_INTERNAL: return "internal";
    }
    return "unknown";
}

const char *sl_version(void)
{
    return SL_VERSION;
}
