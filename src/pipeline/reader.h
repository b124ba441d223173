/*
 * pipeline/reader.h - the thread that turns paths into work items.
 *
 * Whoever takes items off the line decides how far it reads: it waits where
 * none comes free, and ends soon after the line was stopped.
 */
#ifndef SL_PIPELINE_READER_H
#define SL_PIPELINE_READER_H

#include "pipeline/feed.h"

typedef struct sl_reader {
    const char *const *paths; /* borrows */
    size_t n_paths;
    sl_feed feed;
    pthread_t thread;
    bool started;
} sl_reader;

/* Each path must be there, else SL_ERR_IO; what is below it may fail later. With `sizes` *total becomes how many
   bytes there are to read, 0 where that cannot be told. */
sl_status sl_reader_check(const char *const *paths, size_t n_paths, bool sizes, uint64_t *total, sl_error *err);

/* Begin to put everything under the paths on the line. Borrows line and paths until joined. A failure stops the line. */
sl_status sl_reader_start(sl_reader *reader, sl_line *line, const char *const *paths, size_t n_paths, sl_error *err);
/* Wait for its end: after the last item, or once the line is stopped. Does nothing where it was not started. */
void sl_reader_join(sl_reader *reader);

/* From files and pipes, as stored; any thread may ask. */
static inline uint64_t sl_reader_bytes(const sl_reader *reader)
{
    return atomic_load(&reader->feed.bytes_read);
}

#endif
