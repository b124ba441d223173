#include "pipeline/sink.h"

#include <string.h>

#include "base/error.h"

static const sl_sink_form *const forms[] = {
    [SL_FORMAT_JSONL] = &sl_sink_jsonl,
    [SL_FORMAT_CSV] = &sl_sink_csv,
    [SL_FORMAT_AVRO] = &sl_sink_avro,
};

sl_status sl_sink_init(sl_sink *sink, sl_format format, const sl_model *model, int64_t ingest_time_ms, sl_error *err)
{
    SL_REQUIRE((unsigned)format < sizeof forms / sizeof forms[0], err);
    *sink = (sl_sink){
        .form = forms[format],
        .contract = sl_model_contract(model),
        .model_id = sl_model_id(model),
        .ingest_time_ms = ingest_time_ms,
    };
    memcpy(sink->sync, sink->model_id, strnlen(sink->model_id, sizeof sink->sync));
    return SL_OK;
}

sl_str sl_sink_bands(const sl_contract *contract, uint32_t bands, char buf[SL_SINK_BANDS_TEXT])
{
    size_t len = 0;
    for (uint32_t b = 0; b < contract->n_bands; b++) {
        if ((bands >> b & 1) == 0) continue;
        const size_t n = strlen(contract->bands[b].name);
        memcpy(buf + len, contract->bands[b].name, n);
        len += n;
    }
    return (sl_str){buf, len};
}
