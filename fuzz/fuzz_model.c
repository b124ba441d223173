/* Any bytes as a model file: opened, described, and where that goes well and is cheap, run. */
#include <stdlib.h>

#include "starling/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_error err;
    sl_model *model = NULL;
    if (sl_model_open_memory(data, size, &model, &err) != SL_OK) return 0;
    sl_model_info info;
    sl_model_describe(model, &info);
    for (size_t i = 0; i < info.n_layers; i++) {
        sl_layer_info layer;
        if (sl_model_layer(model, i, &layer, &err) != SL_OK) abort();
    }
    sl_runner *runner = NULL;
    if (info.flop < 1e7 && sl_runner_new(model, &runner, &err) == SL_OK) {
        const size_t n = info.input_floats;
        float *input = malloc(n * sizeof *input), p[SL_MAX_CLASSES];
        for (size_t i = 0; i < n; i++) input[i] = (float)(i % 7) - 3;
        float novelty = 0, logits[SL_MAX_CLASSES];
        const sl_inside inside = {.novelty = info.novelty != 0 ? &novelty : NULL, .logits = logits};
        const sl_status status = sl_runner_run_inside(runner, 1, input, p, &inside, &err);
        if (status != SL_OK && status != SL_ERR_NUMERIC) abort();
        if (!(novelty >= 0 && novelty <= 1)) abort();
        free(input);
    }
    sl_runner_free(runner);
    sl_model_close(model);
    return 0;
}
