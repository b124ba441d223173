/* base/file.h - a file as bytes: mapped where it can be, read where it cannot. */
#ifndef SL_BASE_FILE_H
#define SL_BASE_FILE_H

#include "starling/base.h"

typedef struct sl_file {
    const unsigned char *bytes; /* NULL when empty; aligned to 64 where it is a regular file */
    size_t n_bytes;
    bool mapped;
} sl_file;

/* Map a regular file; read a small one, and anything else (pipe, device), up
   to `limit` bytes. SL_ERR_IO with errno's text; SL_ERR_FORMAT/TOO_LARGE over the limit;
   the message has the path. */
sl_status sl_file_open(sl_file *file, const char *path, size_t limit, sl_error *err);
void sl_file_close(sl_file *file);

/* Write bytes to path as a whole or not at all (a temporary neighbour, then rename). */
sl_status sl_file_write(const char *path, const void *bytes, size_t n_bytes, sl_error *err);

#endif
