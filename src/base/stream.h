/* base/stream.h - bytes that come one after another, from wherever. */
#ifndef SL_BASE_STREAM_H
#define SL_BASE_STREAM_H

#include "starling/base.h"

/*
 * Whoever has bytes to give fills in `read`: up to n bytes into buf; the
 * number given, 0 at the end, negative (an sl_status) on failure with err set.
 */
typedef struct sl_stream {
    ptrdiff_t (*read)(void *user, void *buf, size_t n, sl_error *err);
    void *user;
    int fd; /* used by the file-descriptor stream only */
    /* bytes that were looked at before they are read */
    const unsigned char *ahead;
    size_t n_ahead;
} sl_stream;

/* Borrows fd. */
void sl_stream_init_fd(sl_stream *stream, int fd);
/* Borrows bytes. */
void sl_stream_init_memory(sl_stream *stream, const void *bytes, size_t n_bytes);

/* As the callback, and gives the bytes put ahead first. */
ptrdiff_t sl_stream_read(sl_stream *stream, void *buf, size_t n, sl_error *err);
/* Read until n bytes or the end; returns how many, or a negative status. */
ptrdiff_t sl_stream_read_full(sl_stream *stream, void *buf, size_t n, sl_error *err);
/* Everything up to `limit` bytes into memory. Gives *bytes; free with free(). */
sl_status sl_stream_read_all(sl_stream *stream, size_t limit, void **bytes, size_t *n_bytes, sl_error *err);

#endif
