#include "pipeline/sink.h"

#include <string.h>

#include "base/error.h"

static const sl_sink_form *const forms[] = {
    [SL_FORMAT_JSONL] = &sl_sink_jsonl,
    [SL_FORMAT_CSV] = &sl_sink_csv,
    [SL_FORMAT_AVRO] = &sl_sink_avro,
};

sl_status sl_sink_init(sl_sink *sink, sl_format format, const sl_model *const *models, size_t n_models,
                       int64_t ingest_time_ms, sl_error *err)
{
    SL_REQUIRE((unsigned)format < sizeof forms / sizeof forms[0], err);
    *sink = (sl_sink){
        .form = forms[format],
        .contract = sl_model_contract(models[0]),
        .ingest_time_ms = ingest_time_ms,
    };
    for (size_t i = 0; i < n_models; i++) {
        const char *id = sl_model_id(models[i]);
        sl_model_info info;
        sl_model_describe(models[i], &info);
        sink->has_novelty = sink->has_novelty || info.novelty != 0;
        for (size_t k = 0; k < sizeof sink->sync && id[k] != '\0'; k++) sink->sync[k] ^= (unsigned char)id[k];
    }
    return SL_OK;
}

sl_str sl_sink_bands(const sl_result *result, char buf[SL_SINK_BANDS_TEXT])
{
    const sl_contract *contract = sl_model_contract(result->model);
    size_t len = 0;
    for (uint32_t b = 0; b < contract->n_bands; b++) {
        if ((result->bands >> b & 1) == 0) continue;
        const size_t n = strlen(contract->bands[b].name);
        memcpy(buf + len, contract->bands[b].name, n);
        len += n;
    }
    return (sl_str){buf, len};
}
