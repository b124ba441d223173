/*
 * starling/scores.h - how good the answers are.
 *
 * From probabilities and the truth: weighted log-loss, accuracy, F1, areas
 * under curves, calibration, each with a bootstrap interval; the same against
 * whatever a row has beside (points, days); and the difference of two models
 * on the same rows. Everything is computed over the whole set at once: a mean
 * over batches of a weighted log-loss is another, smaller number.
 *
 * All sums are float64. The same input, options and seed give the same bits.
 */
#ifndef STARLING_SCORES_H
#define STARLING_SCORES_H

#include "starling/base.h"
#include "starling/contract.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is told of a set as a whole. "Mean over classes" is over those that the set has. */
typedef enum sl_figure {
    /* sum_k w_k L_k / sum_k w_k, over the classes that the set has; L_k is the mean of -ln p of the true class over
       the rows of class k, p clipped to [1e-15, 1 - 1e-15] and the row then made to sum to 1. All w_k = 1. */
    SL_FIGURE_LOG_LOSS = 0,
    SL_FIGURE_LOG_LOSS_KAGGLE, /* w_k = 2 for the PLAsTiCC classes 15 and 64 */
    SL_FIGURE_LOG_LOSS_ROWS,   /* mean of -ln p over the rows: each row counts the same */
    SL_FIGURE_ACCURACY,        /* share of rows whose answer (the first of the highest p) is the truth */
    SL_FIGURE_RECALL,          /* mean of the classes' recall: accuracy were all classes as frequent */
    SL_FIGURE_F1,              /* mean of the classes' F1 */
    SL_FIGURE_ROC_AREA,        /* mean over classes */
    SL_FIGURE_PR_AREA,         /* mean over classes */
    /* Expected calibration error of the answer: sum over bins of the share of rows times |accuracy - mean p of the
       answer|. SL_CALIBRATION_* tell the four ways. */
    SL_FIGURE_ECE,
    SL_FIGURE_ECE_MASS,
    SL_FIGURE_ECE_BALANCED,
    SL_FIGURE_ECE_SHARES,
    SL_N_FIGURES
} sl_figure;

/* What is told of a class, one against the rest. */
typedef enum sl_class_figure {
    SL_CLASS_LOG_LOSS = 0, /* L_k */
    SL_CLASS_PRECISION,    /* right answers of answers; 0 where there are none */
    SL_CLASS_RECALL,       /* right answers of rows */
    SL_CLASS_F1,           /* 2 right / (answers + rows) */
    SL_CLASS_ROC_AREA,     /* trapezoids: the chance that p of the class is higher for a row of it than for another */
    SL_CLASS_PR_AREA,      /* average precision: sum of (step in recall) x precision, nothing interpolated */
    SL_N_CLASS_FIGURES
} sl_class_figure;

/* How rows are put into bins by the p of their answer, and what each counts. */
typedef enum sl_calibration_kind {
    SL_CALIBRATION_WIDTH = 0, /* 15 bins of equal width, (b/15, (b+1)/15]; each row counts the same */
    SL_CALIBRATION_MASS,      /* 15 bins of as many rows each (by rank); each row counts the same */
    SL_CALIBRATION_BALANCED,  /* bins of equal width; each class counts the same, as it does in the log-loss: what a
                                 network trained on that loss is calibrated for */
    SL_CALIBRATION_SHARES,    /* bins of equal width, each row counts the same, and each p is first multiplied by its
                                 class' share of the set: what a network that answers as though all classes were as
                                 frequent says of this set; far less noisy than BALANCED where classes are rare */
    SL_N_CALIBRATIONS
} sl_calibration_kind;

enum { SL_CALIBRATION_BINS = 15 };

/* Stable snake_case names ("log_loss"), as JSON has them. Never NULL. */
SL_API const char *sl_figure_name(sl_figure figure);
SL_API const char *sl_class_figure_name(sl_class_figure figure);

/* A figure and the middle 95 % of its bootstrap resamples; NaN where it is not defined (no row of a class), and for
   low and high without resamples. */
typedef struct sl_interval {
    double value, low, high;
} sl_interval;

/* The rows to judge. Borrows all. */
typedef struct sl_scores_input {
    size_t n;                /* rows, at most 2^29 - 1 */
    uint32_t n_classes;      /* 2 to SL_MAX_CLASSES */
    const sl_class *classes; /* n_classes; their PLAsTiCC ids say Kaggle's weights */
    const float *p;          /* n x n_classes, finite, not all 0 in a row */
    const uint8_t *label;    /* n, each < n_classes */
    const uint32_t *group;   /* n: rows of one object share a number < n_groups, and are drawn together; NULL: each
                                row is an object of its own */
    size_t n_groups;
} sl_scores_input;

typedef struct sl_scores_options {
    uint32_t resamples; /* bootstrap: objects drawn with replacement, stratified by nothing; 0: no intervals; 1000 is usual */
    uint64_t seed;
} sl_scores_options;

typedef struct sl_reliability {
    double share;         /* of the rows' weight */
    double confidence;    /* mean p of the answers; NaN in an empty bin */
    sl_interval accuracy; /* of the answers */
} sl_reliability;

typedef struct sl_class_scores {
    uint64_t n;        /* rows of the class */
    uint64_t answered; /* rows whose answer it is */
    sl_interval figure[SL_N_CLASS_FIGURES];
} sl_class_scores;

/* Some 30 kB: not for the stack. */
typedef struct sl_scores {
    size_t n;
    uint32_t n_classes, n_present; /* classes; those that have rows */
    sl_interval figure[SL_N_FIGURES];
    sl_class_scores of_class[SL_MAX_CLASSES];
    uint64_t confusion[SL_MAX_CLASSES][SL_MAX_CLASSES]; /* [truth][answer] */
    sl_reliability reliability[SL_N_CALIBRATIONS][SL_CALIBRATION_BINS];
    /* What ECE would be of answers that are right exactly as often as they say, on as many rows: the mean of 200
       draws. The finite set's own share of the figure. NaN without resamples. */
    double ece_floor[SL_N_CALIBRATIONS];
} sl_scores;

/*
 * Judge the rows. SL_ERR_INVAL for a label or a group out of range, SL_ERR_NUMERIC
 * for a row of p that is no distribution (message says which), SL_ERR_NOMEM.
 * Cost: O(n classes log n) once, O(n classes) a resample (1 571 x 14: 60 us).
 */
SL_API sl_status sl_scores_compute(const sl_scores_input *input, const sl_scores_options *options, sl_scores *out,
                                   sl_error *err);

/*
 * The same for each bin of an axis: out[b] has the rows with edges[b] <= axis < edges[b + 1], b < n_edges - 1; rows
 * with NaN are in none. `axis` has n numbers. A bin without rows has n = 0 and figures of NaN.
 */
SL_API sl_status sl_scores_by(const sl_scores_input *input, const float *axis, size_t n_edges, const double *edges,
                              const sl_scores_options *options, sl_scores *out, sl_error *err);

/* A curve to draw: at most `room` (>= 2) points of it, the ends among them. */
typedef enum sl_curve {
    SL_CURVE_ROC = 0, /* x = rows of others that are let in (false positive rate), y = recall */
    SL_CURVE_PR = 1   /* x = recall, y = precision */
} sl_curve;

/* Of a class, one against the rest. *n_points = 0 where the class has no rows, or all. */
SL_API sl_status sl_scores_curve(const sl_scores_input *input, uint32_t of_class, sl_curve curve, size_t room, float *x,
                                 float *y, size_t *n_points, sl_error *err);

/* Model a's figure minus model b's, on the same rows. */
typedef struct sl_difference {
    sl_interval interval;
    double error; /* standard deviation of the resamples' differences */
    double below; /* share of resamples in which a's is the lower, ties half */
} sl_difference;

/*
 * Paired bootstrap: each resample draws the same objects for both models. a and b must have the same n, labels and
 * groups (SL_ERR_INVAL). out[SL_N_FIGURES].
 */
SL_API sl_status sl_scores_compare(const sl_scores_input *a, const sl_scores_input *b, const sl_scores_options *options,
                                   sl_difference *out, sl_error *err);

#ifdef __cplusplus
}
#endif
#endif
