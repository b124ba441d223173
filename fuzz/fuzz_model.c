/* Any bytes as a model file: opened, described, and where that goes well and is cheap, run. */
#include <stdlib.h>
#include <string.h>

#include "starling/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUTS = 9 /* enough to go side by side where a network can */ };

/* Inputs of many lengths, should they be nights; what comes out is the same as of each alone. */
static void run(sl_runner *runner, const sl_model_info *info)
{
    sl_error err;
    const size_t n = info->input_floats, grid = (size_t)info->input_steps * info->input_channels;
    float *input = malloc(INPUTS * n * sizeof *input), *steps = malloc(INPUTS * (size_t)info->input_steps * SL_MAX_CLASSES * 4);
    float p[INPUTS * SL_MAX_CLASSES], one[SL_MAX_CLASSES], novelty[INPUTS] = {0}, logits[INPUTS * SL_MAX_CLASSES];
    for (size_t i = 0; i < INPUTS; i++) {
        for (size_t k = 0; k < n; k++) {
            const bool none = k >= grid * (i + 1) / INPUTS && k < grid;
            input[i * n + k] = none ? 0 : (float)((i + k) % 7) - 3;
        }
    }
    const sl_inside inside = {.novelty = info->novelty != 0 ? novelty : NULL, .logits = logits};
    const sl_status status = sl_runner_run_inside(runner, INPUTS, input, p, &inside, &err);
    if (status != SL_OK && status != SL_ERR_NUMERIC) abort();
    for (size_t i = 0; i < INPUTS && status == SL_OK; i++) {
        if (!(novelty[i] >= 0 && novelty[i] <= 1)) abort();
        if (sl_runner_run(runner, 1, input + i * n, one, &err) != SL_OK) abort();
        if (memcmp(one, p + i * info->n_classes, info->n_classes * sizeof *one) != 0) abort();
    }
    const sl_status every = sl_runner_run_steps(runner, INPUTS, input, steps, &err);
    if (every != SL_OK && every != SL_ERR_NUMERIC && every != SL_ERR_UNSUPPORTED) abort();
    free(steps);
    free(input);
}

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
        run(runner, &info);
    }
    sl_runner_free(runner);
    sl_model_close(model);
    return 0;
}
