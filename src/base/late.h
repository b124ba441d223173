/*
 * base/late.h - shared libraries that are loaded when they are first needed.
 *
 * What only some inputs need must not be paid for by all: libcfitsio alone
 * brings some 30 more libraries, and takes longer to load than an alert to classify.
 * A file that uses such a library lists the functions it calls once, as
 *
 *     #define FUNCTIONS(X) X(archive_read_new) X(archive_read_free)
 *     static struct { FUNCTIONS(SL_LATE_POINTER) } la;
 *     static const char *const names[] = {FUNCTIONS(SL_LATE_NAME)};
 *     static sl_late library = SL_LATE("reading archives", SL_SONAME_ARCHIVE, names, &la);
 *
 * and calls la.archive_read_new() once sl_late_load(&library, err) was SL_OK.
 */
#ifndef SL_BASE_LATE_H
#define SL_BASE_LATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "starling/base.h"

typedef struct sl_late {
    const char *what;         /* needs it, for people: "reading archives" */
    const char *soname;       /* "libarchive.so.13": the build found it */
    const char *const *names; /* n functions */
    void *pointers;           /* n pointers to them, in the same order */
    size_t n;
    pthread_mutex_t mutex;
    atomic_bool loaded;
} sl_late;

#define SL_LATE_POINTER(name) __typeof__(&name) name;
#define SL_LATE_NAME(name) SL_LATE_QUOTED(name) /* cfitsio's names are macros */
#define SL_LATE_QUOTED(name) #name,
#define SL_LATE(what, soname, names, table) \
    {(what), (soname), (names), (table), sizeof(names) / sizeof((names)[0]), PTHREAD_MUTEX_INITIALIZER, false}

/*
 * Load the library and look up its functions; from then on it stays. Any
 * thread may call, at any time: behind the first it costs one load.
 * SL_ERR_UNSUPPORTED with SL_REASON_UNREADABLE where the library or one of the
 * functions is missing; the next call tries again.
 */
sl_status sl_late_load(sl_late *library, sl_error *err);

#endif
