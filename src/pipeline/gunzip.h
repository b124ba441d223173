/*
 * pipeline/gunzip.h - a gzip stream, unpacked while it is read.
 *
 * Members that follow each other are one stream. What stands behind the last
 * one and begins no other is left alone, as gzip does. Each member's length
 * and sum are checked at its end.
 */
#ifndef SL_PIPELINE_GUNZIP_H
#define SL_PIPELINE_GUNZIP_H

#include "base/stream.h"

typedef struct sl_gunzip sl_gunzip;

/* True where the bytes begin like gzip. */
static inline bool sl_gunzip_is(const unsigned char *head, size_t n)
{
    return n >= 2 && head[0] == 0x1f && head[1] == 0x8b;
}

/* Gives; free with sl_gunzip_free. Borrows the stream below. SL_ERR_NOMEM; SL_ERR_UNSUPPORTED where the library that
   unpacks is not there: nothing of the stream was read then. */
sl_status sl_gunzip_new(sl_gunzip **out, sl_stream *below, sl_error *err);
void sl_gunzip_free(sl_gunzip *gunzip);
/* To be an sl_stream's read, with the gunzip as user. SL_ERR_FORMAT / BAD_ARCHIVE where the data are damaged or end
   too early, else what the stream below failed with; every further call fails alike. */
ptrdiff_t sl_gunzip_read(void *gunzip, void *buf, size_t n, sl_error *err);
/* Bytes taken from the stream below. */
uint64_t sl_gunzip_taken(const sl_gunzip *gunzip);

#endif
