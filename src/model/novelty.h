/*
 * model/novelty.h - how unlike what the network was trained on an input is.
 * Fitted upstairs (train/novelty_fit.c), stored in the model file, told by the runner.
 */
#ifndef SL_MODEL_NOVELTY_H
#define SL_MODEL_NOVELTY_H

#include "starling/model.h"

enum { SL_MAX_NOVELTY_WIDTH = 1024, SL_MAX_NOVELTY_QUANTILES = 1025 };

/*
 * Distances are taken between what goes into the last dense layer, x (width
 * numbers), and the classes' means there, after both were whitened: y = W x,
 * W the lower triangle whose W^T W is the inverse of the classes' common
 * covariance. Borrows its arrays.
 */
typedef struct sl_novelty {
    sl_novelty_kind kind;
    uint32_t width;         /* 0 with ENERGY, as are whiten and centers then */
    uint64_t known;         /* bit k: class k has a centre */
    const float *whiten;    /* W by columns, from the diagonal down: width (width + 1) / 2 */
    const float *centers;   /* width x n_classes: the whitened means, 0 where there is none */
    uint32_t n_quantiles;   /* 2 or more */
    const float *quantiles; /* of the scores of inputs of the known classes, at shares i / (n_quantiles - 1) */
} sl_novelty;

static inline size_t sl_novelty_triangle(uint32_t width)
{
    return (size_t)width * (width + 1) / 2;
}

/* Check the numbers, and that they belong to a network of that last width (0: none known). SL_ERR_FORMAT. */
sl_status sl_novelty_check(const sl_novelty *novelty, uint32_t last_width, uint32_t n_classes, sl_error *err);

/* The bare score, the larger the less alike. `last` (width) may be NULL with ENERGY; room: width floats. */
float sl_novelty_score(const sl_novelty *novelty, const float *last, const float *logits, uint32_t n_classes, float *room);

/* The score as the share of known inputs that score less, in [0, 1]; 1 of a score that is not finite. */
float sl_novelty_share(const sl_novelty *novelty, float score);

#endif
