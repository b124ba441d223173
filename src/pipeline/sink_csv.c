/* Comma-separated values as RFC 4180 has them, with a header and lines that end in a line feed. */
#include <math.h>

#include "base/error.h"
#include "pipeline/sink.h"
#include "pipeline/text.h"

static sl_status begin(const sl_sink *sink, sl_avro_out *out, sl_error *err)
{
    sl_text_put(out, "alert_id,object_id,class");
    for (uint32_t k = 0; k < sink->contract->n_classes; k++) {
        char name[2 + SL_MAX_NAME] = "p_";
        const sl_str class = sl_text_of(sink->contract->classes[k].name);
        for (size_t i = 0; i < class.len; i++) name[2 + i] = class.ptr[i];
        sl_text_put(out, ",");
        sl_text_put_csv(out, (sl_str){name, 2 + class.len});
    }
    sl_text_put(out, ",points,bands,model,reason");
    sl_text_put(out, sink->has_novelty ? ",novelty\n" : "\n");
    return out->failed ? SL_FAIL_NOMEM(err) : SL_OK;
}

/* What is null stays empty. */
static void record(const sl_sink *sink, const sl_result *r, sl_avro_out *out)
{
    const bool classified = r->outcome == SL_CLASSIFIED;
    sl_text_put_csv(out, r->alert_id);
    sl_text_put(out, ",");
    sl_text_put_csv(out, r->object_id);
    sl_text_put(out, ",");
    if (classified) sl_text_put_csv(out, sl_text_of(sink->contract->classes[r->best].name));
    for (uint32_t k = 0; k < sink->contract->n_classes; k++) {
        sl_text_put(out, ",");
        if (classified) sl_text_put_float(out, r->p[k]);
    }
    sl_text_put(out, ",");
    sl_text_put_u64(out, r->n_points);
    sl_text_put(out, ",");
    char bands[SL_SINK_BANDS_TEXT];
    sl_text_put_csv(out, sl_sink_bands(r, bands));
    sl_text_put(out, ",");
    sl_text_put_csv(out, sl_text_of(sl_model_id(r->model)));
    sl_text_put(out, ",");
    if (!classified) sl_text_put(out, sl_reason_name(r->reason));
    if (sink->has_novelty) sl_text_put(out, ",");
    if (sink->has_novelty && !isnan(r->novelty)) sl_text_put_float(out, r->novelty);
    sl_text_put(out, "\n");
}

const sl_sink_form sl_sink_csv = {.begin = begin, .record = record};
