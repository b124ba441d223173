/*
 * ELAsTiCC's brokerClassification messages in one Avro object container,
 * schema/broker_classification.avsc. A block a work item: how the input is
 * cut into items does not depend on the threads, so neither do the bytes.
 */
#include "base/error.h"
#include "pipeline/sink.h"
#include "schema/broker_classification.h"

/* Two numbers of the taxonomy that are not classes. */
enum { RESIDUAL = 200, NOT_CLASSIFIED = 300 };

static sl_status begin(const sl_sink *sink, sl_avro_out *out, sl_error *err)
{
    return sl_avro_put_header(out, (const char *)sl_broker_classification_avsc,
                              sizeof sl_broker_classification_avsc, SL_AVRO_NULL, sink->sync, err);
}

static void put_classification(sl_avro_out *out, int32_t class_id, float probability)
{
    sl_avro_put_long(out, class_id);
    sl_avro_put_float(out, probability);
}

/* Classes without a number in the taxonomy share the residual's. */
static void put_classifications(const sl_contract *contract, const sl_result *r, sl_avro_out *out)
{
    size_t n = 0;
    for (size_t k = 0; k < r->n_classes; k++) n += contract->classes[k].elasticc_id != 0;
    const bool has_residual = n < r->n_classes;
    sl_avro_put_block(out, (int64_t)(n + has_residual));
    double residual = 0;
    for (size_t k = 0; k < r->n_classes; k++) {
        const int32_t id = contract->classes[k].elasticc_id;
        if (id != 0) {
            put_classification(out, id, r->p[k]);
        } else {
            residual += (double)r->p[k];
        }
    }
    if (has_residual) put_classification(out, RESIDUAL, (float)residual);
}

static void record(const sl_sink *sink, const sl_result *r, sl_avro_out *out)
{
    sl_avro_put_long(out, r->alert_number);
    sl_avro_put_long(out, r->source_number);
    sl_avro_put_long(out, r->publish_time_ms);
    sl_avro_put_union(out, 1);
    sl_avro_put_long(out, sink->ingest_time_ms);
    sl_avro_put_text(out, "starling");
    sl_avro_put_text(out, sl_version());
    sl_avro_put_text(out, sl_model_contract(r->model)->name);
    sl_avro_put_text(out, sl_model_id(r->model));
    if (r->outcome == SL_CLASSIFIED) {
        put_classifications(sink->contract, r, out);
    } else {
        sl_avro_put_block(out, 1);
        put_classification(out, NOT_CLASSIFIED, 1);
    }
    sl_avro_put_end(out);
}

static void frame(const sl_sink *sink, size_t n, const sl_avro_out *records, sl_avro_out *before, sl_avro_out *behind)
{
    sl_avro_put_long(before, (int64_t)n);
    sl_avro_put_long(before, (int64_t)records->len);
    sl_avro_put_raw(behind, sink->sync, sizeof sink->sync);
}

const sl_sink_form sl_sink_avro = {.begin = begin, .record = record, .frame = frame};
