/* fuzz_night.c - a whole run over one file, whatever is in it: archives, containers, tables, messages. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../tests/helpers/tiny_model.h"
#include "starling/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sl_model *model_once(void)
{
    static sl_model *model;
    static void *bytes;
    if (model == NULL && tiny_model("starling", &bytes, &model, NULL) != SL_OK) abort();
    return model;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32], *text = NULL;
    size_t n_text = 0, lines = 0;
    const int fd = memfd_create("night", MFD_CLOEXEC);
    if (fd < 0 || (size > 0 && write(fd, data, size) != (ssize_t)size)) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    FILE *out = open_memstream(&text, &n_text);
    const char *paths[] = {path};
    const sl_run_options options = {.model = model_once(), .paths = paths, .n_paths = 1, .threads = 2,
                                    .format = SL_FORMAT_JSONL, .out = out};
    sl_ledger books;
    if (out == NULL || sl_run(&options, &books, NULL) != SL_OK) abort();
    fclose(out);
    close(fd);
    for (size_t i = 0; i < n_text; i++) lines += text[i] == '\n';
    uint64_t reasons = 0;
    for (int i = 0; i < SL_N_REASONS; i++) reasons += books.by_reason[i];
    if (books.read != books.classified + books.refused + books.quarantined || lines != books.read) abort();
    if (reasons != books.refused + books.quarantined) abort();
    free(text);
    return 0;
}
