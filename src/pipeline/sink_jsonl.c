/* One JSON object a line. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "pipeline/sink.h"
#include "pipeline/text.h"

static sl_status begin(const sl_sink *sink, sl_avro_out *out, sl_error *err)
{
    (void)sink, (void)out, (void)err;
    return SL_OK;
}

static void put_answer(const sl_contract *contract, const sl_result *r, sl_avro_out *out)
{
    if (r->outcome != SL_CLASSIFIED) {
        sl_text_put(out, ", \"class\": null, \"p\": null");
        return;
    }
    sl_text_put(out, ", \"class\": ");
    sl_text_put_json(out, sl_text_of(contract->classes[r->best].name));
    sl_text_put(out, ", \"p\": {");
    for (size_t k = 0; k < r->n_classes; k++) {
        if (k > 0) sl_text_put(out, ", ");
        sl_text_put_json(out, sl_text_of(contract->classes[k].name));
        sl_text_put(out, ": ");
        sl_text_put_float(out, r->p[k]);
    }
    sl_text_put(out, "}");
}

static void put_novelty(float novelty, sl_avro_out *out)
{
    sl_text_put(out, ", \"novelty\": ");
    if (isnan(novelty)) {
        sl_text_put(out, "null");
    } else {
        sl_text_put_float(out, novelty);
    }
}

/* MJD to 10^-5 d, which is a second: as text a whole number and a fraction. */
static void put_mjd(double mjd, sl_avro_out *out)
{
    enum { PARTS = 100000 };
    if (!(fabs(mjd) < 1e12)) {
        sl_text_put(out, "null");
        return;
    }
    const uint64_t all = (uint64_t)llround(fabs(mjd) * PARTS);
    char fraction[7] = "."; /* with its zeros */
    for (uint64_t i = 5, rest = all % PARTS; i > 0; i--, rest /= 10) fraction[i] = (char)('0' + rest % 10);
    if (mjd < 0 && all > 0) sl_text_put(out, "-");
    sl_text_put_u64(out, all / PARTS);
    sl_text_put(out, fraction);
}

static void put_epochs(const sl_result *r, sl_avro_out *out)
{
    if (r->step_p == NULL) {
        sl_text_put(out, ", \"epochs\": null");
        return;
    }
    sl_text_put(out, ", \"epochs\": [");
    for (size_t t = 0; t < r->n_steps; t++) {
        sl_text_put(out, t > 0 ? ", {\"mjd\": " : "{\"mjd\": ");
        put_mjd(r->step_mjd[t], out);
        for (size_t k = 0; k < r->n_classes; k++) {
            sl_text_put(out, k > 0 ? ", " : ", \"p\": [");
            sl_text_put_float(out, r->step_p[t * r->n_classes + k]);
        }
        sl_text_put(out, "]}");
    }
    sl_text_put(out, "]");
}

static void record(const sl_sink *sink, const sl_result *r, sl_avro_out *out)
{
    sl_text_put(out, "{\"alert_id\": ");
    sl_text_put_json_or_null(out, r->alert_id);
    sl_text_put(out, ", \"object_id\": ");
    sl_text_put_json_or_null(out, r->object_id);
    put_answer(sink->contract, r, out);
    sl_text_put(out, ", \"points\": ");
    sl_text_put_u64(out, r->n_points);
    sl_text_put(out, ", \"bands\": ");
    char bands[SL_SINK_BANDS_TEXT];
    sl_text_put_json(out, sl_sink_bands(r, bands));
    sl_text_put(out, ", \"model\": ");
    sl_text_put_json(out, sl_text_of(sl_model_id(r->model)));
    sl_text_put(out, ", \"reason\": ");
    if (r->outcome == SL_CLASSIFIED) {
        sl_text_put(out, "null");
    } else {
        sl_text_put_json(out, sl_text_of(sl_reason_name(r->reason)));
    }
    if (sink->has_novelty) put_novelty(r->novelty, out);
    if (sink->every_epoch) put_epochs(r, out);
    sl_text_put(out, "}\n");
}

const sl_sink_form sl_sink_jsonl = {.begin = begin, .record = record};

sl_status sl_result_write_json(const sl_result *result, FILE *out, sl_error *err)
{
    SL_REQUIRE(result != NULL && result->model != NULL && out != NULL, err);
    sl_sink sink;
    SL_TRY(sl_sink_init(&sink, SL_FORMAT_JSONL, &result->model, 1, 0, err));
    sink.every_epoch = result->step_p != NULL;
    sl_avro_out line = {0};
    record(&sink, result, &line);
    sl_status status = SL_OK;
    if (line.failed) {
        status = SL_FAIL_NOMEM(err);
    } else if (fwrite(line.bytes, 1, line.len, out) != line.len) {
        status = SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "cannot write the record: %s", strerror(errno));
    }
    sl_avro_release(&line);
    return status;
}
