/* fuzz/replay.c - runs a fuzz target over files and folders, without libFuzzer:
 * how the tests keep every input that once broke something. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    sl_file file;
    sl_error err;
    if (sl_file_open(&file, path, (size_t)1 << 30, &err) != SL_OK) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    /* A copy of the exact size, so that a sanitizer sees the byte behind the end. */
    uint8_t *copy = malloc(file.n_bytes + (file.n_bytes == 0));
    if (copy == NULL) return -1;
    for (size_t i = 0; i < file.n_bytes; i++) copy[i] = file.bytes[i];
    LLVMFuzzerTestOneInput(copy, file.n_bytes);
    free(copy);
    sl_file_close(&file);
    return 1;
}

static int replay(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) return replay_file(path);
    int total = 0;
    for (struct dirent *entry; total >= 0 && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        char child[4096];
        if (snprintf(child, sizeof child, "%s/%s", path, entry->d_name) >= (int)sizeof child) continue;
        const int n = replay(child);
        total = n < 0 ? -1 : total + n;
    }
    closedir(folder);
    return total;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        const int n = replay(argv[i]);
        if (n < 0) return 1;
        total += n;
    }
    printf("%d inputs replayed\n", total);
    return total > 0 ? 0 : 1;
}
