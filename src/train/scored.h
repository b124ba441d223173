/*
 * train/scored.h - rows prepared for scoring: whatever does not change from
 * one resample to the next is computed once here, so that a resample is sums
 * over counts only.
 */
#ifndef SL_TRAIN_SCORED_H
#define SL_TRAIN_SCORED_H

#include "starling/scores.h"

/*
 * An entry of a class's order: the row, and marks above it. Rows of equal p
 * are a group, since no threshold parts them; only groups with rows of the
 * class are marked, so that a walk can add up all others without a look.
 */
enum { SL_SCORED_ROW_BITS = 29 };
#define SL_SCORED_ROW ((1u << SL_SCORED_ROW_BITS) - 1)
#define SL_SCORED_MINE (1u << SL_SCORED_ROW_BITS)        /* the row is of this class */
#define SL_SCORED_FIRST (1u << (SL_SCORED_ROW_BITS + 1)) /* the first of its group */
#define SL_SCORED_LAST (1u << (SL_SCORED_ROW_BITS + 2))  /* the last of its group */

typedef struct sl_scored {
    size_t n;
    uint32_t n_classes;
    const uint8_t *label;  /* borrowed */
    const uint32_t *group; /* borrowed, or NULL */
    size_t n_groups;
    double weight[2][SL_MAX_CLASSES]; /* flat, Kaggle's */
    double *loss;                     /* n: -ln p of the truth */
    double *confidence;               /* n: p of the answer */
    double *share_confidence;         /* n: the same of p times the classes' shares */
    uint8_t *answer;                  /* n */
    bool *share_right;                /* n: whether the answer of p times the shares is right */
    uint8_t *bin[SL_N_CALIBRATIONS];  /* n each; that of BALANCED is that of WIDTH */
    uint32_t *order;                  /* n_classes x n: rows by falling p of the class */
} sl_scored;

/* Check and prepare. Gives what *out points to; free with _release, also after a failure. */
sl_status sl_scored_init(sl_scored *out, const sl_scores_input *input, sl_error *err);
void sl_scored_release(sl_scored *scored);

/* A row's probabilities, clipped and made to sum to 1. SL_ERR_NUMERIC where they are none. */
sl_status sl_scored_row(const float *p, uint32_t n_classes, size_t row, double *to, sl_error *err);

typedef struct sl_rank_key {
    float p;
    uint32_t row;
} sl_rank_key;
/* `keys` (n) by falling p of a class, equal ones by their row. */
void sl_scored_rank(const sl_scores_input *input, uint32_t of_class, sl_rank_key *keys);

/*
 * All figures of one (re)sample, side by side: SL_N_FIGURES, then
 * SL_N_CLASS_FIGURES a class, then the bins' accuracies.
 */
size_t sl_scored_n_figures(uint32_t n_classes);
static inline size_t sl_scored_of_class(uint32_t k)
{
    return SL_N_FIGURES + (size_t)k * SL_N_CLASS_FIGURES;
}
static inline size_t sl_scored_of_bin(uint32_t n_classes, int calibration, int bin)
{
    return sl_scored_of_class(n_classes) + (size_t)calibration * SL_CALIBRATION_BINS + (size_t)bin;
}

/* One bin of one calibration. */
typedef struct sl_sample_bin {
    double weight, right, confidence; /* sums */
} sl_sample_bin;

/* Sums that one sample needs; some 60 kB. */
typedef struct sl_sample {
    double n;
    double rows[SL_MAX_CLASSES], answered[SL_MAX_CLASSES], right[SL_MAX_CLASSES], loss[SL_MAX_CLASSES];
    /* by the bins of width, and apart by class: rows, right answers, sum of confidence */
    double bin_rows[SL_CALIBRATION_BINS][SL_MAX_CLASSES], bin_right[SL_CALIBRATION_BINS][SL_MAX_CLASSES],
        bin_confidence[SL_CALIBRATION_BINS][SL_MAX_CLASSES];
    sl_sample_bin mass[SL_CALIBRATION_BINS], shares[SL_CALIBRATION_BINS];
} sl_sample;

sl_sample_bin sl_sample_get_bin(const sl_sample *s, uint32_t n_classes, int calibration, int bin);
/* Expected calibration error of a sample. */
double sl_sample_ece(const sl_sample *s, uint32_t n_classes, int calibration);

/* Each row `count` times. figures: sl_scored_n_figures. */
void sl_scored_figures(const sl_scored *scored, const uint32_t *count, sl_sample *work, double *figures);

#endif
