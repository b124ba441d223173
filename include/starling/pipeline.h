/*
 * starling/pipeline.h - the whole way: from bytes to records.
 *
 * sl_classifier answers one alert at a time; sl_run drives a night through
 * several of them, in order, and balances the books.
 */
#ifndef STARLING_PIPELINE_H
#define STARLING_PIPELINE_H

#include <stdio.h>

#include "starling/alert.h"
#include "starling/base.h"
#include "starling/gp.h"
#include "starling/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sl_outcome { SL_CLASSIFIED = 0, SL_REFUSED, SL_QUARANTINED } sl_outcome;

/* What became of one alert. Borrows from the classifier and the alert, until the next call. */
typedef struct sl_result {
    const sl_model *model; /* that answered, or refused; the first of a set where it was quarantined */
    sl_outcome outcome;
    sl_reason reason;   /* NONE when classified */
    size_t n_records;   /* that this stands for: 1, or all that sit behind a broken record of a block */
    sl_str alert_id;    /* empty if none */
    sl_str object_id;   /* empty if none */
    int64_t alert_number, source_number, publish_time_ms; /* as in sl_alert */
    int best;           /* class with the highest probability, or -1 */
    size_t n_classes;
    const float *p;     /* n_classes probabilities, or NULL unless classified */
    float novelty;      /* in [0, 1], as sl_inside has it; NaN unless classified by a model that has one */
    size_t n_points;    /* that the contract let in */
    uint32_t bands;     /* bit mask over the contract's bands */
    sl_gp_fit_info gp;  /* valid when classified */
    const char *detail; /* the error's message, or NULL */
    /* What is known behind each step of the network's input, where that was asked for and the model can tell, else 0 and
       NULL: see sl_runner_run_steps and sl_lightcurve_step_times. */
    size_t n_steps;
    const double *step_mjd;
    const float *step_p; /* n_steps x n_classes */
} sl_result;

typedef struct sl_classifier sl_classifier;

enum { SL_MAX_MODELS = 8 };

/* One a thread. Borrows the model. Gives; free with sl_classifier_free. */
SL_API sl_status sl_classifier_new(const sl_model *model, sl_classifier **out, sl_error *err);
/*
 * The same with several models (1 .. SL_MAX_MODELS), which must have the same
 * class names in the same order: SL_ERR_INVAL. Borrows the models, not the
 * array. Each alert goes to the one that suits it: of those for whose extras
 * and features the alert has a redshift where they want one, the one that
 * knows most of its bands; of these the one with the fewest bands beside, then
 * the one with a redshift, then the first. The bands of an alert are those of
 * its survey (ZTF's public ones: g and r; LSST's and ELAsTiCC's six), those of
 * a file's light curve are those that it has points in. What a model costs in
 * memory is taken when the first alert comes to it.
 */
SL_API sl_status sl_classifier_new_set(const sl_model *const *models, size_t n_models, sl_classifier **out,
                                       sl_error *err);
SL_API void sl_classifier_free(sl_classifier *classifier);

/*
 * From now on answer behind every step of the network's input, too, with those
 * of the models that can: SL_ERR_UNSUPPORTED where none can. Takes memory for
 * the answers of 64 alerts, and as much time again. No alert may be waiting.
 */
SL_API sl_status sl_classifier_every_epoch(sl_classifier *classifier, sl_error *err);

/* Load the schemas of framed messages, as sl_alert_decoder_load_schemas. */
SL_API sl_status sl_classifier_schemas(sl_classifier *classifier, const char *folder, sl_error *err);

/* Classify a decoded alert or a file's light curve. Negative only for INVAL, NOMEM and
   INTERNAL: an alert that cannot be classified is a result, not an error. */
SL_API sl_status sl_classifier_alert(sl_classifier *classifier, const sl_alert *alert, sl_result *out, sl_error *err);

/* Called for each record of the bytes, in order, some time after it was decoded. Return SL_OK to go on; must not use
   the classifier. */
typedef sl_status (*sl_result_fn)(void *user, const sl_result *result);

/* Classify every record of an Avro container, or a framed message, in memory. Borrows bytes. */
SL_API sl_status sl_classifier_bytes(sl_classifier *classifier, const void *bytes, size_t n_bytes, sl_result_fn fn,
                                     void *user, sl_error *err);

/*
 * Write a result as sl_run does under SL_FORMAT_JSONL, one line. (Of a result
 * that stands for several records sl_run writes a line each, as many as their
 * bytes vouch for; n_records is what the file claims.) SL_ERR_IO where `out`
 * does not take it, which its buffer may tell only when it is flushed;
 * SL_ERR_NOMEM.
 */
SL_API sl_status sl_result_write_json(const sl_result *result, FILE *out, sl_error *err);

/* The books of a run. read = classified + refused + quarantined, always. */
typedef struct sl_ledger {
    uint64_t read, classified, refused, quarantined;
    uint64_t by_reason[SL_N_REASONS];
    uint64_t bytes_read; /* of input, as stored (compressed) */
    double seconds;
    bool out_closed; /* the run ended because who read `out` has gone (EPIPE) */
} sl_ledger;

typedef enum sl_format { SL_FORMAT_JSONL = 0, SL_FORMAT_CSV, SL_FORMAT_AVRO } sl_format;

typedef struct sl_progress {
    sl_ledger ledger;
    uint64_t bytes_total; /* of input, 0 where not known (a pipe) */
} sl_progress;

typedef struct sl_run_options {
    const sl_model *model;   /* borrows; or NULL, and a set in `models` */
    const char *const *paths; /* files, folders, "-" for standard input; borrows */
    size_t n_paths;
    const char *schema_folder;     /* for framed messages, or NULL */
    const char *quarantine_folder; /* made if missing, or NULL */
    sl_format format;
    FILE *out;               /* borrows */
    int threads;             /* workers; 0: one a core */
    int64_t ingest_time_ms;  /* stands as brokerIngestTimestamp in Avro */
    void (*progress)(void *user, const sl_progress *progress); /* about ten times a second, or NULL */
    void *progress_user;
    const sl_model *const *models; /* without `model`: as sl_classifier_new_set takes them; borrows */
    size_t n_models;
    bool every_epoch; /* as sl_classifier_every_epoch; SL_FORMAT_JSONL only, SL_ERR_INVAL else */
} sl_run_options;

/*
 * Classify everything under the paths into `out`, in the order of the input,
 * the same bytes for any number of threads. What a file is, its content says:
 * Avro container, framed message, tar or a compressed file of these, CSV,
 * SNANA FITS (a HEAD finds its PHOT in the same folder or archive). Folders
 * are walked in the order of their names, without those that begin with a dot
 * and without links to folders.
 *
 * A path that does not exist is SL_ERR_IO before anything is read; what cannot
 * be opened or decoded later is counted as quarantined, and the run goes on.
 * Negative also where records or quarantine cannot be written (SL_ERR_IO; a
 * reader of `out` that has gone is that too, SIGPIPE is held back) or memory
 * ran out; the ledger tells how far it came, and apart whether it was the
 * reader of `out` that went. Memory does not grow with the
 * input. The calling thread writes and calls `progress`; `threads` more work,
 * and one reads.
 */
SL_API sl_status sl_run(const sl_run_options *options, sl_ledger *ledger, sl_error *err);

/* What a record came out of. */
typedef enum sl_input {
    SL_INPUT_UNKNOWN = 0, /* nothing that starling reads, or not to be opened */
    SL_INPUT_EMPTY,
    SL_INPUT_CONTAINER, /* Avro */
    SL_INPUT_FRAMED,    /* a message in Confluent's wire format */
    SL_INPUT_CSV,
    SL_INPUT_FITS,      /* SNANA's pair */
    SL_INPUT_ARCHIVE,   /* tar, or compressed by gzip, zstd, xz, bzip2: of what failed before an entry was found */
    SL_N_INPUTS
} sl_input;
/* For people: "Avro container". Never NULL. */
SL_API const char *sl_input_name(sl_input input);

/* One record of any input, or several that could not be decoded. Everything borrows, during the call that tells it. */
typedef struct sl_read_item {
    const char *path;        /* of the file, as given or below a folder that was given */
    const char *entry;       /* inside an archive, with its folders; else NULL */
    sl_input input;
    uint64_t record;         /* number in the file or entry, from 0 */
    const char *codec;       /* of an Avro container: "null", "deflate", "snappy", "zstandard"; else NULL */
    const char *schema_name; /* full name of an Avro container's schema, NULL where it has none or cannot be read */
    int64_t schema_id;       /* of a framed message; else -1 */
    const sl_alert *alert;   /* NULL where it could not be decoded */
    size_t n_records;        /* that this stands for: 1 with an alert */
    sl_str object_id;        /* of the alert; of one that could not be decoded where known, else empty */
    sl_reason reason;        /* NONE with an alert */
    const char *message;     /* NULL with an alert */
} sl_read_item;

/* Return SL_OK to go on, SL_DONE when enough was seen, negative to fail with that. */
typedef sl_status (*sl_read_fn)(void *user, const sl_read_item *item);

/*
 * Read everything under the paths as sl_run does, without a model: tells fn
 * of each record, in the order of the input, on the calling thread; one more
 * thread reads ahead, a few megabytes at most. schema_folder as in
 * sl_run_options. SL_OK also where fn was done early. SL_ERR_IO where a path
 * does not exist, before anything is read; errors of the schema folder as in
 * sl_alert_decoder_load_schemas; SL_ERR_NOMEM; what fn failed with.
 */
SL_API sl_status sl_alerts_read(const char *const *paths, size_t n_paths, const char *schema_folder, sl_read_fn fn,
                                void *user, sl_error *err);

#ifdef __cplusplus
}
#endif
#endif
