#include "base/late.h"

#include <dlfcn.h>
#include <string.h>

#include "base/error.h"

/* Its functions stay with the library behind them: nobody unloads what another thread may be in. */
static sl_status load(sl_late *library, sl_error *err)
{
    void *handle = dlopen(library->soname, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *why = dlerror();
        return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_UNREADABLE, "%s needs %s, which cannot be loaded: %s",
                       library->what, library->soname, why != NULL ? why : "no reason given");
    }
    for (size_t i = 0; i < library->n; i++) {
        void *found = dlsym(handle, library->names[i]);
        if (found == NULL) {
            dlclose(handle);
            return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_UNREADABLE, "%s needs %s with %s, which it lacks",
                           library->what, library->soname, library->names[i]);
        }
        /* POSIX: a pointer to a function fits into one to an object. */
        memcpy((unsigned char *)library->pointers + i * sizeof found, &found, sizeof found);
    }
    atomic_store_explicit(&library->loaded, true, memory_order_release);
    return SL_OK;
}

sl_status sl_late_load(sl_late *library, sl_error *err)
{
    if (atomic_load_explicit(&library->loaded, memory_order_acquire)) return SL_OK;
    pthread_mutex_lock(&library->mutex);
    const sl_status status = atomic_load(&library->loaded) ? SL_OK : load(library, err);
    pthread_mutex_unlock(&library->mutex);
    return status;
}
