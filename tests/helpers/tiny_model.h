/* tests/helpers/tiny_model.h - the smallest model of two channels and fourteen classes, for tests that need answers fast. */
#ifndef SL_TESTS_TINY_MODEL_H
#define SL_TESTS_TINY_MODEL_H

#include <stdlib.h>

#include "model/model_write.h"
#include "starling/model.h"

/* Conv1D 2 -> 4, mean over time, 4 -> 14, softmax. Gives *bytes, which the model borrows: free() them after closing it. */
static inline sl_status tiny_model(const char *contract, void **bytes, sl_model **model, sl_error *err)
{
    static float values[4][64];
    static const size_t sizes[4] = {4 * 2, 4, 14 * 4, 14};
    sl_tensor tensors[4];
    for (int t = 0; t < 4; t++) {
        for (size_t i = 0; i < sizes[t]; i++) values[t][i] = (float)((int)(i * 37 % 19) - 9) / 8;
        tensors[t] = (sl_tensor){.data = values[t], .n_bytes = sizes[t] * sizeof(float)}; /* the layers imply the shapes */
    }
    sl_layer layers[] = {{.kind = SL_LAYER_CONV1D, .activation = SL_ACTIVATION_RELU, .n_tensors = 2, .units = 4, .kernel = 1},
                         {.kind = SL_LAYER_MEAN_OVER_TIME},
                         {.kind = SL_LAYER_DENSE, .n_tensors = 2, .units = 14},
                         {.kind = SL_LAYER_SOFTMAX}};
    sl_model_parts parts = {.n_layers = 4, .n_tensors = 4, .layers = layers, .tensors = tensors};
    size_t n;
    sl_status status = sl_contract_preset(contract, &parts.contract, err);
    if (status == SL_OK) status = sl_model_write_memory(&parts, bytes, &n, err);
    if (status == SL_OK) status = sl_model_open_memory(*bytes, n, model, err);
    return status;
}

#endif
