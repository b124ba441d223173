/*
 * pipeline/sink.h - the forms that records are written in.
 *
 * A record is formatted by whichever worker made the result, into that
 * worker's buffer: a sink is set up once and then only read. One writer puts
 * the buffers out in order.
 */
#ifndef SL_PIPELINE_SINK_H
#define SL_PIPELINE_SINK_H

#include "alert/avro_write.h"
#include "starling/pipeline.h"

typedef struct sl_sink sl_sink;

typedef struct sl_sink_form {
    /* What stands before the first record. SL_ERR_NOMEM. */
    sl_status (*begin)(const sl_sink *sink, sl_avro_out *out, sl_error *err);
    /* One record behind those already in `out`, whose failure is sticky. */
    void (*record)(const sl_sink *sink, const sl_result *result, sl_avro_out *out);
    /* Put what makes a block of the n > 0 records in `records` before and behind them. NULL: nothing. */
    void (*frame)(const sl_sink *sink, size_t n, const sl_avro_out *records, sl_avro_out *before, sl_avro_out *behind);
} sl_sink_form;

/* A new form is a file of its own and a line in sinks.c. */
extern const sl_sink_form sl_sink_jsonl, sl_sink_csv, sl_sink_avro;

struct sl_sink {
    const sl_sink_form *form;
    const sl_contract *contract; /* borrows; of the first model: the others have the same classes */
    bool has_novelty;            /* one of the models tells it */
    bool every_epoch;            /* JSON lines: what is known behind each step, too */
    int64_t ingest_time_ms;
    unsigned char sync[SL_AVRO_SYNC]; /* Avro: made from the models' ids, so that the same input gives the same bytes */
};

/* Borrows the models, 1 or more. SL_ERR_INVAL for a format that is none. */
sl_status sl_sink_init(sl_sink *sink, sl_format format, const sl_model *const *models, size_t n_models,
                       int64_t ingest_time_ms, sl_error *err);

/* The names of the bands in a result's mask, one after another: "gr". Gives text that borrows from buf. */
enum { SL_SINK_BANDS_TEXT = SL_MAX_BANDS * sizeof(((sl_band *)0)->name) };
sl_str sl_sink_bands(const sl_result *result, char buf[SL_SINK_BANDS_TEXT]);

#endif
