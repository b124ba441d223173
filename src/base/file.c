#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/stream.h"

static sl_status fail_errno(sl_error *err, const char *what, const char *path)
{
    return SL_FAIL(err, SL_ERR_IO, SL_REASON_UNREADABLE, "%s %s: %s", what, path, strerror(errno));
}

/* A map costs two calls and a page fault more than bytes that are read. */
enum { WORTH_MAPPING = 64 * 1024, ALIGN = 64 };

static sl_status map_file(sl_file *file, int fd, size_t size, const char *path, sl_error *err)
{
    void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) return fail_errno(err, "cannot map", path);
    *file = (sl_file){p, size, true};
    return SL_OK;
}

/* `size` bytes of it, or fewer where it has become shorter. */
static sl_status read_file(sl_file *file, int fd, size_t size, const char *path, sl_error *err)
{
    void *bytes = aligned_alloc(ALIGN, (size + ALIGN - 1) / ALIGN * ALIGN);
    if (bytes == NULL) return SL_FAIL_NOMEM(err);
    sl_stream stream;
    sl_stream_init_fd(&stream, fd);
    const ptrdiff_t n = sl_stream_read_full(&stream, bytes, size, err);
    if (n <= 0) {
        free(bytes);
        if (n < 0) sl_error_prefix(err, "%s", path);
        return n < 0 ? (sl_status)n : SL_OK;
    }
    *file = (sl_file){bytes, (size_t)n, false};
    return SL_OK;
}

sl_status sl_file_open(sl_file *file, const char *path, size_t limit, sl_error *err)
{
    *file = (sl_file){0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(err, "cannot open", path);
    sl_status status = SL_OK;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        status = fail_errno(err, "cannot stat", path);
    } else if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        status = fail_errno(err, "cannot read", path);
    } else if (!S_ISREG(st.st_mode)) {
        sl_stream stream;
        sl_stream_init_fd(&stream, fd);
        status = sl_stream_read_all(&stream, limit, (void **)&file->bytes, &file->n_bytes, err);
        if (status < 0) sl_error_prefix(err, "%s", path);
    } else if ((uintmax_t)st.st_size > limit) {
        status = SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "%s has %jd bytes, at most %zu are read whole", path,
                         (intmax_t)st.st_size, limit);
    } else if (st.st_size > 0) {
        status = (st.st_size < WORTH_MAPPING ? read_file : map_file)(file, fd, (size_t)st.st_size, path, err);
    }
    close(fd);
    return status;
}

void sl_file_close(sl_file *file)
{
    if (file->mapped) {
        munmap((void *)(uintptr_t)file->bytes, file->n_bytes);
    } else {
        free((void *)(uintptr_t)file->bytes);
    }
    *file = (sl_file){0};
}

sl_status sl_file_write(const char *path, const void *bytes, size_t n_bytes, sl_error *err)
{
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.tmp%ld", path, (long)getpid()) >= (int)sizeof temporary) {
        return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "path too long: %.80s...", path);
    }
    FILE *f = fopen(temporary, "wbe");
    if (f == NULL) return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "cannot write %s: %s", path, strerror(errno));
    bool ok = n_bytes == 0 || fwrite(bytes, 1, n_bytes, f) == n_bytes;
    ok = fclose(f) == 0 && ok;
    ok = ok && rename(temporary, path) == 0;
    if (!ok) {
        const int saved = errno;
        unlink(temporary);
        return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "cannot write %s: %s", path, strerror(saved));
    }
    return SL_OK;
}
