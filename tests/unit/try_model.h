/* tests/unit/try_model.h - bytes that may be a model. */
#ifndef SL_TESTS_UNIT_TRY_MODEL_H
#define SL_TESTS_UNIT_TRY_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "starling/model.h"
#include "unit.h"

/* Opens, and where that goes well runs: whatever comes of it, nothing may break. */
static inline sl_status try_bytes(const void *bytes, size_t n_bytes)
{
    sl_error err = {0};
    sl_model *model = NULL;
    const sl_status status = sl_model_open_memory(bytes, n_bytes, &model, &err);
    if (status != SL_OK) {
        assert_true(strlen(err.message) > 8);
        return status;
    }
    sl_model_info info;
    sl_model_describe(model, &info);
    if (info.flop < 1e7) {
        sl_runner *runner;
        assert_ok(sl_runner_new(model, &runner, &err), &err);
        float *input = calloc(info.input_floats, sizeof *input), p[SL_MAX_CLASSES];
        const sl_status ran = sl_runner_run(runner, 1, input, p, &err);
        assert_true(ran == SL_OK || ran == SL_ERR_NUMERIC);
        free(input);
        sl_runner_free(runner);
    }
    sl_model_close(model);
    return SL_OK;
}

#endif
