/* model/embedded.h - the bytes of the models in models/, compiled in by models/embed_models.py. */
#ifndef SL_MODEL_EMBEDDED_H
#define SL_MODEL_EMBEDDED_H

#include <stdbool.h>
#include <stddef.h>

typedef struct sl_embedded_model {
    const char *name; /* NULL behind the last */
    bool by_name;     /* alerts go to it only where it is asked for */
    const void *bytes; /* aligned to 64 */
    size_t n_bytes;
} sl_embedded_model;

extern const sl_embedded_model sl_embedded_models[];

#endif
