#include "base/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

static ptrdiff_t read_fd(void *user, void *buf, size_t n, sl_error *err)
{
    const sl_stream *stream = user;
    for (;;) {
        const ssize_t got = read(stream->fd, buf, n);
        if (got >= 0) return got;
        if (errno != EINTR) return SL_FAIL(err, SL_ERR_IO, SL_REASON_UNREADABLE, "cannot read: %s", strerror(errno));
    }
}

static ptrdiff_t read_nothing(void *user, void *buf, size_t n, sl_error *err)
{
    (void)user, (void)buf, (void)n, (void)err;
    return 0;
}

void sl_stream_init_fd(sl_stream *stream, int fd)
{
    *stream = (sl_stream){.read = read_fd, .fd = fd};
}

void sl_stream_init_memory(sl_stream *stream, const void *bytes, size_t n_bytes)
{
    *stream = (sl_stream){.read = read_nothing, .fd = -1, .ahead = bytes, .n_ahead = n_bytes};
}

ptrdiff_t sl_stream_read(sl_stream *stream, void *buf, size_t n, sl_error *err)
{
    if (stream->n_ahead == 0) return stream->read(stream->user != NULL ? stream->user : stream, buf, n, err);
    const size_t got = n < stream->n_ahead ? n : stream->n_ahead;
    memcpy(buf, stream->ahead, got);
    stream->ahead += got;
    stream->n_ahead -= got;
    return (ptrdiff_t)got;
}

ptrdiff_t sl_stream_read_full(sl_stream *stream, void *buf, size_t n, sl_error *err)
{
    size_t have = 0;
    while (have < n) {
        const ptrdiff_t got = sl_stream_read(stream, (char *)buf + have, n - have, err);
        if (got < 0) return got;
        if (got == 0) break;
        have += (size_t)got;
    }
    return (ptrdiff_t)have;
}

sl_status sl_stream_read_all(sl_stream *stream, size_t limit, void **bytes, size_t *n_bytes, sl_error *err)
{
    size_t size = 64 * 1024, have = 0;
    char *all = malloc(size);
    sl_status status = all != NULL ? SL_OK : SL_FAIL_NOMEM(err);
    while (status == SL_OK) {
        const ptrdiff_t got = sl_stream_read_full(stream, all + have, size - have, err);
        if (got < 0) {
            status = (sl_status)got;
            break;
        }
        have += (size_t)got;
        if (have < size) break;
        if (size > limit) {
            status = SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "more than %zu bytes", limit);
            break;
        }
        char *more = realloc(all, size * 2);
        if (more == NULL) {
            status = SL_FAIL_NOMEM(err);
            break;
        }
        all = more;
        size *= 2;
    }
    if (status == SL_OK && have > limit) {
        status = SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "more than %zu bytes", limit);
    }
    if (status != SL_OK) {
        free(all);
        return status;
    }
    *bytes = all;
    *n_bytes = have;
    return SL_OK;
}
