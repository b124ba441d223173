#include "base/error.h"
#include "model/model_write.h"
#include "starling/answers.h"
#include "train/novelty_fit.h"

sl_status sl_model_calibrate(const sl_model *model, const sl_answers *taught, const sl_answers *held,
                             const sl_calibrate_options *options, void **bytes, size_t *n_bytes, double *temperature,
                             sl_error *err)
{
    SL_REQUIRE(model != NULL && held != NULL && options != NULL && bytes != NULL && n_bytes != NULL, err);
    const uint32_t n_classes = sl_model_contract(model)->n_classes;
    if (taught == NULL) taught = held;
    SL_REQUIRE(held->n_classes == n_classes && taught->n_classes == n_classes, err);
    double t = options->temperature;
    if (!(t > 0)) SL_TRY(sl_temperature_fit(held, options->counting, &t, err));
    if (temperature != NULL) *temperature = t;
    if (options->novelty == 0) return sl_model_recalibrate(model, (float)t, NULL, bytes, n_bytes, err);
    sl_arena arena;
    sl_novelty novelty;
    sl_arena_init(&arena, (size_t)1 << 30);
    sl_status status = sl_novelty_fit(taught, held, (sl_novelty_kind)options->novelty, options->ridge, &arena, &novelty, err);
    if (status == SL_OK) status = sl_model_recalibrate(model, (float)t, &novelty, bytes, n_bytes, err);
    sl_arena_release(&arena);
    return status;
}
