/* tests/helpers/tiny_model.h - the smallest model of fourteen classes, for tests that need answers fast. */
#ifndef SL_TESTS_TINY_MODEL_H
#define SL_TESTS_TINY_MODEL_H

#include <stdlib.h>

#include "model/model_write.h"
#include "starling/model.h"

/* Conv1D to 4 channels, mean over time, 4 -> 14, softmax; the weights of the first are `scale` times as large. Gives *bytes,
   which the model borrows: free() them after closing it. */
static inline sl_status tiny_model_of(const sl_contract *contract, float scale, void **bytes, sl_model **model,
                                      sl_error *err)
{
    static float values[4][64];
    const size_t sizes[4] = {4 * (size_t)sl_contract_input_channels(contract), 4, 14 * 4, 14}; /* at most 16 channels */
    sl_tensor tensors[4];
    for (int t = 0; t < 4; t++) {
        const float unit = (t == 0 ? scale : 1) / 8;
        for (size_t i = 0; i < sizes[t]; i++) values[t][i] = unit * (float)((int)(i * 37 % 19) - 9);
        tensors[t] = (sl_tensor){.data = values[t], .n_bytes = sizes[t] * sizeof(float)}; /* the layers imply the shapes */
    }
    sl_layer layers[] = {{.kind = SL_LAYER_CONV1D, .activation = SL_ACTIVATION_RELU, .n_tensors = 2, .units = 4, .kernel = 1},
                         {.kind = SL_LAYER_MEAN_OVER_TIME},
                         {.kind = SL_LAYER_DENSE, .n_tensors = 2, .units = 14},
                         {.kind = SL_LAYER_SOFTMAX}};
    const sl_model_parts parts = {
        .contract = *contract, .n_layers = 4, .n_tensors = 4, .layers = layers, .tensors = tensors};
    size_t n;
    const sl_status status = sl_model_write_memory(&parts, bytes, &n, err);
    return status == SL_OK ? sl_model_open_memory(*bytes, n, model, err) : status;
}

/* The same under a contract by name. */
static inline sl_status tiny_model(const char *contract, void **bytes, sl_model **model, sl_error *err)
{
    sl_contract c;
    const sl_status status = sl_contract_preset(contract, &c, err);
    return status == SL_OK ? tiny_model_of(&c, 1, bytes, model, err) : status;
}

#endif
