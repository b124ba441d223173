/*
 * pipeline/source.h - from files, folders, pipes and archives to packets.
 *
 * What something is, its first bytes say, never its name. A source gives what
 * it finds to the feed and returns when there is no more; one inside another
 * (a container in a tar in a folder) is a call inside a call. Input that is
 * damaged is given as broken, and the source goes on behind it: a negative
 * status always means that the feed failed and the run is over.
 */
#ifndef SL_PIPELINE_SOURCE_H
#define SL_PIPELINE_SOURCE_H

#include "pipeline/feed.h"

enum {
    SL_SOURCE_HEAD = 1 << 20,        /* bytes read before it is known what they are */
    SL_SOURCE_MAX_FRAMED = 16 << 20, /* bytes of one framed message */
    SL_SOURCE_MAX_DEPTH = 2          /* an archive inside an archive */
};

/* A FITS file that waits for its other half. */
typedef struct sl_half sl_half;

typedef struct sl_source {
    sl_feed *feed; /* borrows */
    sl_half *halves;
    size_t bytes_held; /* by the halves */
} sl_source;

/* What a stream's first bytes say it is. */
sl_input sl_source_sniff(const unsigned char *head, size_t n);

/* Everything in a file, a folder (in the order of the names) or "-", standard input. */
sl_status sl_source_path(sl_source *source, const char *path, sl_error *err);
/* SL_ERR_IO where there is no such path. Adds its bytes to *total; *known becomes false where it cannot be told. */
sl_status sl_source_measure(const char *path, bool sizes, uint64_t *total, bool *known, sl_error *err);
/* After the last path. */
sl_status sl_source_end(sl_source *source, sl_error *err);
void sl_source_release(sl_source *source);

/* Everything in a stream that nothing was read of, and what it is; depth: how many archives it lies in. */
sl_status sl_source_stream(sl_source *source, const sl_origin *from, sl_stream *stream, int depth, sl_error *err);

/* The kinds. Each takes a stream whose first bytes lie ahead again. */
sl_status sl_source_container(sl_source *source, const sl_origin *origin, sl_stream *stream, sl_error *err);
/* False where a block is damaged: then sl_source_container finds those behind it. Looks at no record. */
bool sl_source_container_is_whole(const void *bytes, size_t n_bytes);
sl_status sl_source_archive(sl_source *source, const sl_origin *origin, sl_stream *stream, int depth, sl_error *err);
sl_status sl_source_csv(sl_source *source, const sl_origin *origin, sl_stream *stream, sl_error *err);
sl_status sl_source_fits(sl_source *source, const sl_origin *origin, sl_stream *stream, sl_error *err);

#endif
