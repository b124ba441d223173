/*
 * starling/train.h - train a network on a data set.
 *
 * The same data, options and seed give the same bits, whatever the number of
 * threads and whether or not the run was interrupted and resumed; another
 * instruction set (STARLING_CPU) or compiler gives other roundings, and with
 * them, after many steps, another network of the same kind.
 */
#ifndef STARLING_TRAIN_H
#define STARLING_TRAIN_H

#include "starling/base.h"
#include "starling/dataset.h"
#include "starling/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A network of the zoo and its size; what a network has no use for is passed
 * over. Any of them takes any contract; said is which one its paper's input is
 * nearest to. Batch normalisation, which "gru" and "cnn" have in their papers,
 * is left out, and so are their activations other than ReLU in convolutions.
 *
 *   t2    a transformer: convolution, positions, encoders, mean over time. Allam & McEwen 2021, arXiv:2105.06178.
 *   gru   RAPID: two layers of 100 GRUs, read at the last step, so that it answers at every one. Muthukrishna et al.
 *         2019, PASP 131 118002, arXiv:1904.00014; theirs are 50 steps of 3 days. For a grid with time forwards.
 *   lstm  SuperNNova: two layers of 32 LSTMs, each both ways, and the mean of their states. Moeller & de Boissiere
 *         2020, MNRAS 491 4277, arXiv:1901.06384. For nights (SL_SEES_NIGHTS).
 *   tcn   RAPID's later form: blocks of causal convolutions of 100 channels over 2 steps, dilated by 1, 2, 4, 8; read at
 *         the last step (the astrorapid package; the block is that of Bai et al. 2018, arXiv:1803.01271).
 *   cnn   SCONE: convolutions over 3 steps with all wavelengths as channels, 32, 32, halved both ways, 16, 16, halved,
 *         a dense layer of 32. Qu et al. 2021, AJ 162 67, arXiv:2106.04370; theirs are 32 wavelengths with their errors
 *         (grid_wavelengths = 32, SL_PLANE_ERROR) at 180 steps. Convolutions over light curves alone: Brunel et al. 2019,
 *         arXiv:1901.00461.
 *   mlp   dense layers on the features, and on the means of the grid where the data have one.
 */
typedef struct sl_net_size {
    char name[16];   /* sl_net_name() */
    uint32_t width;  /* channels between the layers; of one way where a layer has two */
    uint32_t heads;  /* t2: of attention; they share the width */
    uint32_t hidden; /* t2: of the feed-forward */
    uint32_t blocks; /* encoders, recurrent layers, causal blocks, pairs of convolutions */
    uint32_t kernel; /* steps that a convolution sees */
    uint32_t head[2]; /* units of dense layers before the last one; 0: none */
    bool silu;       /* their activation, in the place of relu */
    bool norm;       /* a layer norm before it */
    bool tile;       /* features join the input at every step; else the head */
} sl_net_size;

/* The names of the networks ("t2", ...), NULL behind the last. */
SL_API const char *sl_net_name(size_t index);
/* The size that its paper has. SL_ERR_INVAL for another name. */
SL_API sl_status sl_net_size_preset(const char *name, sl_net_size *out, sl_error *err);
/* The name and the size of a model's network. SL_ERR_UNSUPPORTED where it is none of the zoo. */
SL_API sl_status sl_net_size_of(const sl_model *model, sl_net_size *out, sl_error *err);
/* A model file with the network as it is before training: the same seed gives the same weights. SL_ERR_INVAL for a size
   beyond its bounds; SL_ERR_FORMAT for a contract that is none, or a network larger than a model file may have. */
SL_API sl_status sl_net_write(const sl_net_size *size, const sl_contract *contract, uint64_t seed, const char *path,
                              sl_error *err);

typedef enum sl_optimizer { SL_OPTIMIZER_ADAMW = 0, SL_OPTIMIZER_ADAM = 1, SL_N_OPTIMIZERS } sl_optimizer;

/* How the learning rate goes behind the warm-up. */
typedef enum sl_schedule {
    SL_SCHEDULE_COSINE = 0,  /* down to `final` of it in the last step */
    SL_SCHEDULE_PLATEAU = 1, /* times `plateau_factor` whenever the validation loss did not fall for plateau_epochs */
    SL_SCHEDULE_CONSTANT = 2,
    SL_N_SCHEDULES
} sl_schedule;

/* What weights must obey while they are learned: of starling/compress.h. */
typedef struct sl_constraint sl_constraint;

/* What has happened so far, once an epoch. */
typedef struct sl_train_progress {
    uint32_t teacher, teachers; /* while one learns: which, from 1, and of how many; teacher = 0: the network itself */
    uint32_t epoch, epochs;   /* done, and of how many at most */
    double train_loss;        /* of this epoch: weighted, smoothed, dropped */
    double loss;              /* flat weighted log-loss of the validation set; NaN without one */
    double accuracy;          /* of it */
    double best_loss;         /* the lowest so far */
    uint32_t best_epoch;
    double rate;              /* learning rate of the last step */
    double seconds;           /* since the beginning, those before a resume included */
    double seconds_left;      /* of the whole run, if no early stop comes */
    double objects_per_second; /* of this epoch, validation not counted */
    size_t n_train, n_validate; /* objects */
} sl_train_progress;

typedef struct sl_train_options {
    sl_net_size net;
    const sl_model *init; /* borrowed; go on from its network instead of a new one (fine-tuning), or NULL */
    const sl_constraint *constraint; /* borrowed, or NULL; not together with a checkpoint */

    /* Which objects. An object and all of its rows are on one side. */
    uint32_t folds;          /* K: objects fall into K folds by a hash of their id; fold number `fold` validates. 0: none does */
    uint32_t fold;
    const bool *leave_out;   /* one an object of the data set: no part in anything; borrowed, or NULL */
    bool views;              /* validate on all rows of an object, not on its whole light curve alone */

    /* Loss */
    /* Both make rare classes count. An object's weight goes as (objects of its class)^-balance: 1 counts classes alike,
       0 objects. The logarithm of its class' share of the objects, times `prior`, is added to each logit in the loss,
       and in the loss alone: so the network learns what it would say were all classes as frequent. */
    float balance, prior;
    float smoothing;         /* labels are smoothed so much over all classes */
    const float *soft;       /* teachers: rows of the data set x classes, NaN where a row has none; all classes are as
                                frequent in what they say; borrowed, or NULL */
    float soft_share;        /* of the loss, where a row has a teacher */
    float soft_temperature;

    /* Without `soft`: teachers that never saw what they teach. The objects to learn from fall into so many parts, and
       a network trained on the others answers for all rows of each. 0: none. With teach_rounds of R such a part has
       R teachers, who differ by chance alone, and learns from the mean of what they say. */
    uint32_t teach;
    uint32_t teach_rounds;
    uint32_t teach_epochs;   /* a teacher has the size of sl_net_size_preset(net.name); what is not said here is as below */
    float teach_drop_head;

    /* Optimiser */
    sl_optimizer optimizer;
    float rate, beta1, beta2, epsilon;
    float decay;             /* of matrices */
    float clip;              /* the gradient's norm, at most; 0: as it is */
    sl_schedule schedule;
    float warmup;            /* epochs in which the rate rises from 0 */
    float final;             /* share of the rate at the end of a cosine */
    float plateau_factor;
    uint32_t plateau_epochs;
    bool calibrate;          /* fit a temperature and novelty to the validation objects, as sl_model_calibrate; to
                                those learned from where there are none and the temperature is given */
    float temperature;       /* the model's, known from elsewhere (models of K folds); 0: fitted */
    int novelty;             /* sl_novelty_kind, or 0; a distance only where the network ends in a dense layer on one step */
    float average;           /* weights used are an exponential average: what it keeps in a step; 0: the last weights */
    float drop_encoder, drop_head; /* dropout: in encoders and causal blocks, between recurrent layers, behind a FLATTEN;
                                      before dense layers, but for those where features or the input come in */

    /* Loop */
    uint32_t epochs;         /* an epoch shows each object once, one of its rows at random */
    uint32_t batch;          /* objects a step */
    uint32_t patience;       /* stop after so many epochs without a lower validation loss; 0: never */
    uint64_t seed;
    uint32_t threads;        /* 0: one a core */
    const char *checkpoint;  /* file that has everything to go on with, written every epoch; NULL: none */
    bool resume;             /* go on from it where it is there */

    /* Called after each epoch from the calling thread; false ends the training as an early stop does. May be NULL. */
    bool (*progress)(void *user, const sl_train_progress *progress);
    void *user;
} sl_train_options;

/* The recipe that `starling train` uses unless told otherwise, for a network of the zoo. SL_ERR_INVAL for another name. */
SL_API sl_status sl_train_defaults(const char *net, sl_train_options *out, sl_error *err);
/* The same recipe without teachers: more dropout, where it had some. */
SL_API void sl_train_untaught(sl_train_options *options);

typedef struct sl_train_result {
    sl_train_progress last; /* of the last epoch */
    double loss, accuracy, f1; /* of the weights written, on the validation set; NaN without one */
    double temperature;        /* of the model written */
    size_t n_parameters;
    size_t workspace_bytes; /* memory for weights, gradients and passes of all threads */
    bool resumed;
} sl_train_result;

/*
 * Train, and write the model to `path` with the data set's contract: the
 * weights of the epoch with the lowest validation loss, or without validation
 * those of the last. SL_ERR_INVAL for options beyond their bounds,
 * SL_ERR_CONTRACT where network and data do not fit or a fold is empty,
 * SL_ERR_NUMERIC where the loss is no number any more, SL_ERR_UNSUPPORTED for a
 * layer that cannot be trained, SL_ERR_IO, SL_ERR_FORMAT for a checkpoint that
 * is damaged or of another run, SL_ERR_NOMEM. SL_DONE where `progress` ended it
 * while teachers were learning: then nothing is written. Teachers have
 * checkpoints of their own, the name with ".teacher-1" behind it and so on.
 */
SL_API sl_status sl_train(const sl_dataset *data, const sl_train_options *options, const char *path,
                          sl_train_result *result, sl_error *err);

/* The fold of an object among K: the same for every run, program and machine. */
SL_API uint32_t sl_train_fold(sl_str object_id, uint32_t folds);

#ifdef __cplusplus
}
#endif
#endif
