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
 * numbers), and the classes' means there, in the few directions in which these
 * means differ: y = D x - origin, `rank` numbers, in which a class has the unit
 * matrix as covariance and the mean of the classes' means is 0. Borrows its
 * arrays.
 */
typedef struct sl_novelty {
    sl_novelty_kind kind;
    uint32_t width, rank;    /* 0 with ENERGY, as are the next four then */
    uint64_t known;          /* bit k: class k has a centre */
    const float *directions; /* width x rank: D transposed; each of its columns as sl_novelty_round leaves it */
    const float *origin;     /* rank */
    const float *pull;       /* rank, in [0, 1]: the inverse of the covariance of all inputs, classes counting alike */
    const float *centers;    /* rank x n_classes: the means, 0 where there is none */
    uint32_t n_quantiles;    /* 2 or more */
    const float *quantiles;  /* of the scores of inputs of the known classes, at shares i / (n_quantiles - 1) */
} sl_novelty;

/* Check the numbers, and that they belong to a network of that last width (0: none known). SL_ERR_FORMAT. */
sl_status sl_novelty_check(const sl_novelty *novelty, uint32_t last_width, uint32_t n_classes, sl_error *err);

/* The power of two that a direction whose largest number is `most` is stored over: the least one no less than it. */
float sl_novelty_scale(float most);
/* Directions to what a model file can say of them: scales times numbers that float16 has, in place. What was rounded
   before stays. */
void sl_novelty_round(float *directions, uint32_t width, uint32_t rank);

/* The bare score, the larger the less alike. `last` (width) may be NULL with ENERGY; room: rank floats. */
float sl_novelty_score(const sl_novelty *novelty, const float *last, const float *logits, uint32_t n_classes, float *room);

/* The score as the share of known inputs that score less, in [0, 1]; 1 of a score that is not finite. */
float sl_novelty_share(const sl_novelty *novelty, float score);

#endif
