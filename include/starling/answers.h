/*
 * starling/answers.h - what a model answers on a data set, and calibrating the
 * model with it.
 *
 * Calibration is the last step of training: one temperature that makes the
 * probabilities of held-back objects as likely as can be, and what it takes to
 * tell that an input is like none of the classes (novelty). Both go into the
 * model file; the weights stay as they are.
 */
#ifndef STARLING_ANSWERS_H
#define STARLING_ANSWERS_H

#include "starling/base.h"
#include "starling/dataset.h"
#include "starling/model.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SL_NO_LABEL = 255 };

/* What to keep of a forward pass beside the probabilities. */
enum { SL_ANSWERS_LOGITS = 1, SL_ANSWERS_LAST = 2, SL_ANSWERS_NOVELTY = 4 };

typedef struct sl_answers {
    size_t n;
    uint32_t n_classes, last_width;
    float *p;       /* n x n_classes */
    float *logits;  /* n x n_classes, or NULL */
    float *last;    /* n x last_width, or NULL */
    float *novelty; /* n, or NULL */
    uint8_t *label; /* n: index of the model's class that has the name of the row's; SL_NO_LABEL where none has */
} sl_answers;

/*
 * Run the model on rows of the data set, on `threads` threads (0: one a core);
 * the answers do not depend on how many. Gives what *out points to; free with
 * sl_answers_free, also after a failure. SL_ERR_CONTRACT where the data were
 * prepared under another contract than the model's (its classes may differ, and
 * the data may have more values of features than the model wants, as those of
 * its large parent have);
 * SL_ERR_INVAL for a row that is not there, or where last layer or novelty are
 * wanted of a model without; SL_ERR_NUMERIC; SL_ERR_NOMEM.
 */
SL_API sl_status sl_answers_run(const sl_model *model, const sl_dataset *data, size_t n, const size_t *rows,
                                unsigned want, uint32_t threads, sl_answers *out, sl_error *err);
SL_API void sl_answers_free(sl_answers *answers);

/* SL_OK where inputs made under contract b are what a network of contract a takes; else SL_ERR_CONTRACT says what differs. */
SL_API sl_status sl_contract_same_input(const sl_contract *a, const sl_contract *b, sl_error *err);

/* What each row counts when a temperature is fitted. */
typedef enum sl_counting {
    SL_COUNT_CLASSES = 0, /* every class the same, as in the weighted log-loss */
    SL_COUNT_ROWS = 1,    /* every row the same */
    SL_COUNT_SHARES = 2   /* every row the same, and ln of its share of the rows is added to each class' logit / T: of a
                             network that answers as though all classes were as frequent, with less noise than CLASSES */
} sl_counting;

/*
 * The temperature T that minimises the log-loss of softmax(logits / T) over the
 * rows with a label, in [0.05, 20]. The loss is convex in 1 / T; its minimum is
 * found by Newton's steps within a shrinking bracket, to 1e-6. SL_ERR_INVAL
 * without logits or without any label.
 */
SL_API sl_status sl_temperature_fit(const sl_answers *answers, sl_counting counting, double *temperature, sl_error *err);

typedef struct sl_calibrate_options {
    sl_counting counting;
    int novelty;    /* sl_novelty_kind; 0: none */
    double temperature; /* this one, or 0: fitted */
    double ridge;   /* added to the covariance's diagonal, as a share of its mean; 0 stands for 1e-2 */
} sl_calibrate_options;

/*
 * The model's bytes with a temperature and, where it is asked for, novelty.
 * `held` are answers on rows that the network was not trained on, with logits
 * (and last layer): they give the temperature, and the scale of the novelty.
 * `taught` are answers on the training rows, with the last layer: they give
 * the classes' means and common covariance; NULL takes `held` for that, too.
 * Gives *bytes; free with free(). *temperature may be NULL. SL_ERR_INVAL where
 * answers lack what is needed, or fewer than two rows have a label.
 */
SL_API sl_status sl_model_calibrate(const sl_model *model, const sl_answers *taught, const sl_answers *held,
                                    const sl_calibrate_options *options, void **bytes, size_t *n_bytes,
                                    double *temperature, sl_error *err);

#ifdef __cplusplus
}
#endif
#endif
