#include "pipeline/reader.h"

#include "base/error.h"
#include "pipeline/source.h"

sl_status sl_reader_check(const char *const *paths, size_t n_paths, bool sizes, uint64_t *total, sl_error *err)
{
    bool known = true;
    *total = 0;
    for (size_t i = 0; i < n_paths; i++) SL_TRY(sl_source_measure(paths[i], sizes, total, &known, err));
    if (!known) *total = 0;
    return SL_OK;
}

static void *read_all(void *user)
{
    sl_reader *r = user;
    sl_source source = {.feed = &r->feed};
    sl_error err = {0};
    sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < r->n_paths; i++) status = sl_source_path(&source, r->paths[i], &err);
    if (status == SL_OK) status = sl_source_end(&source, &err);
    if (status == SL_OK) status = sl_feed_end(&r->feed);
    sl_source_release(&source);
    if (status < 0) sl_line_stop(r->feed.line, status, &err);
    sl_line_end(r->feed.line);
    return NULL;
}

sl_status sl_reader_start(sl_reader *reader, sl_line *line, const char *const *paths, size_t n_paths, sl_error *err)
{
    *reader = (sl_reader){.paths = paths, .n_paths = n_paths, .feed = {.line = line}};
    reader->started = pthread_create(&reader->thread, NULL, read_all, reader) == 0;
    return reader->started ? SL_OK : SL_FAIL(err, SL_ERR_NOMEM, SL_REASON_NONE, "cannot start the reader");
}

void sl_reader_join(sl_reader *reader)
{
    if (reader->started) pthread_join(reader->thread, NULL);
    reader->started = false;
}
