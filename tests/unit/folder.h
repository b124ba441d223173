/* tests/unit/folder.h - the folder that a test program's files lie in. */
#ifndef SL_TESTS_UNIT_FOLDER_H
#define SL_TESTS_UNIT_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/starling-unit-XXXXXX";

/* A file's path; good until eight more were asked for. */
static inline const char *in_folder(const char *name)
{
    static char paths[8][96];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* What cmocka calls before the group of tests. */
static inline int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

/* Behind it: fails where files of other names were left. */
static inline int remove_files(size_t n, const char *const *names)
{
    for (size_t i = 0; i < n; i++) unlink(in_folder(names[i]));
    return rmdir(folder);
}

#endif
