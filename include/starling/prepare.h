/*
 * starling/prepare.h - labelled light curves to the rows of a data-set file.
 *
 * Each object gives the row of its whole light curve and, where asked for, of
 * changed views of it: what an alert of some moment would have carried, points
 * or bands left out, more noise, another redshift.
 */
#ifndef STARLING_PREPARE_H
#define STARLING_PREPARE_H

#include "starling/alert.h"
#include "starling/contract.h"
#include "starling/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How a changed view is drawn. A view is dimmed, or weak, or neither. Then each
 * change happens or not by itself, in this order: redshift, dimming, noise,
 * points, bands, alert; a dimmed view has no noise added and no points left out
 * beyond that, a weak one half as much at most as another. The most significant
 * point stays. The same seed and object give the same views.
 *
 * A dimmed view is what the same object would have been farther away under the
 * same sky: fluxes times s = exp(-|dim n|), n a normal number, and so much noise
 * that the errors are what they were.
 *
 * Redshift z becomes z' with ln(1 + z') up to redshift_range from ln(1 + z),
 * only where z > 0: times stretch by (1 + z') / (1 + z), fluxes scale with the
 * luminosity distance and shift in wavelength as the Gaussian process of all
 * bands has it, errors never shrink. Where flux or error changed, a point is
 * significant if |flux| / error exceeds 5.5 + sqrt(2) times a normal number,
 * as PLAsTiCC's were found, the number being the one with which it was or was
 * not before; only in a moved view can a point become so. A survey's detection
 * that is not is gone. A view of which no point is significant is drawn again.
 */
typedef struct sl_augment {
    uint32_t copies;       /* changed views beside the whole light curve, at most SL_MAX_COPIES */
    uint64_t seed;
    double redshift_share; /* chance to be moved to another redshift */
    double redshift_range;
    double dim_share;      /* chance to be dimmed */
    double dim;
    double weak_share;     /* chance to be weak, where it is not dimmed */
    double noise_share;    /* chance to have noise added */
    double noise;          /* most of it, in errors of each point; how much is drawn for each view */
    double drop_points;    /* most of the share of points left out; how large is drawn for each view */
    double drop_bands;     /* chance of each band to be left out; one stays */
    double alert_share;    /* chance to be cut at a random significant point, as an alert sees it */
    double alert_days;     /* how far an alert looks back [d]; 0: to the beginning */
} sl_augment;

enum { SL_MAX_COPIES = 1000 };

/* No copies; when there are: what helped in docs/training-data.md. */
SL_API void sl_augment_defaults(sl_augment *out);

typedef struct sl_prepare_options {
    const sl_contract *contract; /* borrows during sl_prepare_new */
    const char *path;            /* of the data-set file; the same */
    sl_dataset_storage storage;
    bool fit_features;           /* as sl_dataset_writer_new has it */
    /* An object that the contract refuses gets a row of which nothing is known: zeros, every feature missing, no points,
       days NaN. Its right class counts in a score as any other's does, and no model can leave out what is difficult. */
    bool keep_refused;
    sl_augment augment;
    int threads; /* beside the caller's; 0: one a core */
} sl_prepare_options;

typedef struct sl_prepare_counts {
    uint64_t objects;  /* done so far */
    uint64_t refused;  /* of which the contract took not even the whole light curve; with keep_refused they have rows */
    uint64_t by_reason[SL_N_REASONS]; /* of those */
    uint64_t rows;
    uint64_t no_views; /* views wanted that no attempt gave, the light curve being too short */
    uint64_t rows_of_class[SL_MAX_CLASSES];
} sl_prepare_counts;

typedef struct sl_prepare sl_prepare;

/* Begin a file, and start the threads. Gives; free with _free. Errors as sl_dataset_writer_new. */
SL_API sl_status sl_prepare_new(const sl_prepare_options *options, sl_prepare **out, sl_error *err);
/*
 * Add an object with its class (an index into the contract's, or -1). Copies
 * it. From one thread; waits where the others are behind. What fails later is
 * told by a later call. The rows are in the order of the objects, the same
 * bytes for any number of threads.
 */
SL_API sl_status sl_prepare_add(sl_prepare *prepare, const sl_alert *alert, int label, sl_error *err);
/* How far it is. */
SL_API void sl_prepare_tally(sl_prepare *prepare, sl_prepare_counts *out);
/* Wait for all rows and finish the file. */
SL_API sl_status sl_prepare_finish(sl_prepare *prepare, sl_prepare_counts *out, sl_error *err);
/* A file that was not finished is removed. */
SL_API void sl_prepare_free(sl_prepare *prepare);

/* ---- labels ---- */

/* What a table says of an object. */
typedef struct sl_label {
    sl_str object_id, text; /* the label as written; empty where there is no such column. Borrow from the table */
    float redshift, redshift_error; /* NaN if none */
} sl_label;

typedef struct sl_labels sl_labels;

/*
 * Read a table of objects: CSV, its columns found by name in any case and
 * order.
 *
 *   object          as in light curves (docs/input.md): object_id name snid ...
 *   label           target type class label                        may be missing
 *   redshift        hostgal_photoz, else photoz, else redshift     may be missing
 *   its error       hostgal_photoz_err, else photoz_err, redshift_err, redshift_error
 *
 * Nothing else is looked at: not hostgal_specz, nor PLAsTiCC's true_ columns,
 * which leak the answer. The first of two rows of one object counts. Gives;
 * close with sl_labels_close. SL_ERR_IO; SL_ERR_FORMAT names the line.
 */
SL_API sl_status sl_labels_open(const char *path, sl_labels **out, sl_error *err);
/* The same from memory, which is borrowed during the call only. */
SL_API sl_status sl_labels_open_memory(const void *bytes, size_t n_bytes, sl_labels **out, sl_error *err);
SL_API void sl_labels_close(sl_labels *labels);
SL_API size_t sl_labels_count(const sl_labels *labels);
/* Borrowed; NULL where there is none. Cost: O(log n). */
SL_API const sl_label *sl_labels_find(const sl_labels *labels, sl_str object_id);
/* The i-th in the order of their names. */
SL_API const sl_label *sl_labels_at(const sl_labels *labels, size_t i);

enum { SL_MAX_CLASS_LABELS = 256, SL_MAX_LABEL = 48 };

/* Which labels are which class. */
typedef struct sl_class_rules {
    uint32_t n_classes;
    sl_class classes[SL_MAX_CLASSES];
    uint32_t n_labels;
    struct {
        char text[SL_MAX_LABEL];
        uint8_t is; /* index into classes */
    } labels[SL_MAX_CLASS_LABELS];
} sl_class_rules;

/*
 * "plasticc": the 14 classes of the contract "starling", labelled by PLAsTiCC's
 * numbers or by name. "ztf": the five classes of spectroscopic supernovae,
 * SN Ia, SN II, SN Ibc, SLSN-I and SN IIn, as superphot+ (de Soto et al. 2024)
 * has them. Or "NAME=LABEL+LABEL,NAME=LABEL,...", a NAME alone being its own
 * label. SL_ERR_INVAL says what is wrong; SL_ERR_NOMEM.
 */
SL_API sl_status sl_class_rules_parse(const char *text, sl_class_rules *out, sl_error *err);
/* Index of the class that a label is, in any case; -1 for none. */
SL_API int sl_class_rules_find(const sl_class_rules *rules, sl_str label);

#ifdef __cplusplus
}
#endif
#endif
