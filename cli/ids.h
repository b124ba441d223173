/* cli/ids.h - lists of objects in a file: which to leave out, which alone to take. */
#ifndef CLI_IDS_H
#define CLI_IDS_H

#include "starling/dataset.h"

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

/*
 * Which objects of the data set take no part: those in the file `exclude`, and
 * those that are not in the file `only`; either may be NULL. Gives *leave_out
 * (free), one an object, NULL where all take part. The exit code.
 */
int ids_choose(const char *command, const char *exclude, const char *only, const sl_dataset *data, bool **leave_out);

#endif
