/* cli/ids.h - lists of objects in a file: which to leave out, which alone to take. */
#ifndef CLI_IDS_H
#define CLI_IDS_H

#include "starling/base.h"

typedef struct ids {
    char *text; /* of the file */
    sl_str *sorted;
    size_t n;
} ids;

/*
 * One id a line, the first cell of a CSV; a header line ("object_id", "id") is
 * passed over. EXIT_WELL, or another exit code after saying why.
 */
int ids_read(const char *command, const char *path, ids *out);
bool ids_has(const ids *list, sl_str id);
void ids_release(ids *list);

#endif
