/* model/open_model.h - what an open model is made of. */
#ifndef SL_MODEL_OPEN_MODEL_H
#define SL_MODEL_OPEN_MODEL_H

#include "base/file.h"
#include "model/network.h"

struct sl_model {
    sl_file file;       /* empty for a model from memory */
    void *aligned_copy; /* of bytes that were not aligned, or NULL */
    size_t n_bytes;
    sl_arena arena; /* layers, tensors, expanded weights */
    sl_model_parts parts;
    sl_network network;
    char id[17];
};

#endif
