/*
 * starling/compress.h - make a model small: fewer weights, fewer values, fewer
 * bits, coded.
 *
 * Deep compression (Han et al. 2015, arXiv:1510.00149) in four steps that can
 * be taken alone or in any combination. With data the network is fine-tuned
 * while it is pruned and clustered, taught by the model that it was; without,
 * the weights are changed as they are. The same input, options and seed give
 * the same bytes, as in training.
 */
#ifndef STARLING_COMPRESS_H
#define STARLING_COMPRESS_H

#include "starling/base.h"
#include "starling/dataset.h"
#include "starling/model.h"
#include "starling/scores.h"
#include "starling/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The steps; a bit mask. They are taken in this order, whatever is asked for. */
enum {
    SL_COMPRESS_PRUNE = 1,    /* small weights become 0 */
    SL_COMPRESS_CLUSTER = 2,  /* the weights of a tensor share few values */
    SL_COMPRESS_QUANTIZE = 4, /* values are stored in fewer bits */
    SL_COMPRESS_CODE = 8,     /* entropy coding: nothing is lost */
    SL_COMPRESS_ALL = 15
};

/* Where k-means begins. */
typedef enum sl_cluster_start {
    SL_CLUSTER_LINEAR = 0, /* equal steps from the least weight to the largest: large ones, which are few, stay near */
    SL_CLUSTER_DENSITY,    /* equal steps in rank */
    SL_CLUSTER_SPREAD,     /* k-means++ */
    SL_N_CLUSTER_STARTS
} sl_cluster_start;

/* How values that are not clustered are stored; those of clusters are float16 whatever this says. */
typedef enum sl_quantize_kind {
    SL_QUANTIZE_FLOAT16 = 0,
    SL_QUANTIZE_BFLOAT16,
    SL_QUANTIZE_INT, /* matrices: integers of `bits` bits times a scale a row; vectors: float16 */
    SL_N_QUANTIZE_KINDS
} sl_quantize_kind;

/* How the file is coded. */
typedef enum sl_compress_coding {
    SL_COMPRESS_SMALLEST = 0, /* tensor by tensor */
    SL_COMPRESS_RANS,
    SL_COMPRESS_HUFFMAN, /* as the paper has it: runs of zeros and values, each in a canonical code */
    SL_N_COMPRESS_CODINGS
} sl_compress_coding;

enum { SL_MAX_KEEP_UNITS = 32, SL_MAX_UNITS = 16384 };

/*
 * How. Shares of the run are of the fine-tuning's steps, from 0 to 1: pruning
 * grows from prune_from to prune_to as in Zhu & Gupta 2017 (arXiv:1710.01878),
 * clusters are there from cluster_from on, the weights go from one to another
 * until cluster_kept, and from there on only the values move, by the sum of
 * their weights' gradients.
 */
typedef struct sl_compress_options {
    unsigned steps; /* SL_COMPRESS_* */

    float sparsity;      /* share of the matrices' weights that become 0 */
    bool global;         /* one threshold for all matrices (of weights over the root of the mean square of their
                            tensor's), not the same share of each */
    uint32_t features;   /* input values that the network keeps, the most telling ones; 0: all */
    float prune_from, prune_to;
    /* Pruning takes whole hidden units and attention heads out before anything else, those that tell least: what is
       left is a narrower network. 1 and more: so many units are kept; less: this share of them; 0: all. One number is
       for all layers that have units of their own, else there is one for each, in the network's order. */
    float keep_units[SL_MAX_KEEP_UNITS];
    uint32_t n_keep_units; /* 0: all stay */
    uint32_t keep_heads;   /* of each encoder; 0: all */

    uint32_t clusters;        /* values of a matrix, 0 among them: 2 to 256 */
    uint32_t clusters_first;  /* of the first one, which suffers most; 0: as the others */
    uint32_t clusters_vector; /* of biases and norms; 0: they are not clustered */
    sl_cluster_start start;
    float price;              /* of a bit, in the mean square of a tensor's weights: rate-distortion; 0: nearest value */
    float cluster_from, cluster_kept;
    uint32_t again;           /* steps between choosing the clusters anew */

    sl_quantize_kind quantize;
    uint32_t bits;   /* SL_QUANTIZE_INT: 2 to 8 */

    bool aware;      /* fine-tune with the values as they will be stored; else they are rounded at the end */

    sl_compress_coding coding;

    bool shaped;     /* weights that are pruned and clustered already, as prune and cluster alone leave them: go on from there */
    bool student;    /* not the model's own network: a new one, of train->net, that it teaches */
    uint64_t seed;
} sl_compress_options;

/* What `starling compress` does unless told otherwise. */
SL_API void sl_compress_defaults(sl_compress_options *out);

/*
 * How to fine-tune for it: the recipe of sl_train_defaults, with many small
 * steps, and hardly any dropout and decay, since a network with fewer weights
 * needs less to hold it back (g and r of PLAsTiCC at 12 %: 0.924 in the place of
 * 0.949). SL_ERR_INVAL for another name of a network.
 */
SL_API sl_status sl_compress_recipe(const char *net, sl_train_options *out, sl_error *err);

typedef struct sl_compress_result {
    bool trained;
    sl_train_result train;            /* where it was */
    size_t bytes_before, bytes_after; /* of the files */
    size_t n_weights, n_zeros;        /* of matrices, without those of dropped input values */
    size_t n_parameters;              /* what the small file stands for, biases and norms included */
    uint32_t features_before, features_after; /* input values beside the grid */
    uint32_t units_before, units_after, heads_before, heads_after; /* where some were to be taken out; else 0 */
} sl_compress_result;

/*
 * Compress a model and write it to `path`. With `data` it is fine-tuned where
 * a step needs that, as `train` says (NULL: the recipe of "t2"), whose init,
 * constraint and checkpoint count for nothing: it begins with the model's own
 * weights, or with options->student with a new network train->net. It is taught
 * by train->soft if that is there, by train->teach teachers who never saw what
 * they teach, or by the model itself. Where nothing is held back the model's
 * temperature stays. Data of another number of steps than the model's make a
 * network for these; the model, which cannot answer them, does not teach then.
 * Without `data` the weights
 * are changed as they are, and temperature and novelty stay. Errors are those
 * of sl_train and sl_model_open; SL_ERR_INVAL for options beyond their bounds,
 * SL_ERR_UNSUPPORTED for input values to be dropped where the network takes
 * them in otherwise than by a dense layer or a convolution, and for units or
 * heads to be taken out of a network that has none.
 */
SL_API sl_status sl_compress(const sl_model *model, const sl_dataset *data, const sl_compress_options *options,
                             const sl_train_options *train, const char *path, sl_compress_result *result, sl_error *err);

/*
 * What sl_compress would have the small network taught where train->soft is not
 * there: the answers of train->teach teachers, NaN for rows that they do not
 * answer for, or those of the model. Rows of the data x classes, for train->soft
 * of several networks. Gives *soft; free with free(). Errors as sl_train.
 */
SL_API sl_status sl_compress_teach(const sl_model *model, const sl_dataset *data, const sl_train_options *train, float **soft,
                                   sl_error *err);

/* What was lost: figures of the small model minus those of the large one on the same objects. */
typedef struct sl_compress_loss {
    size_t n;                        /* rows */
    uint32_t n_classes;
    double before, after;            /* flat weighted log-loss */
    sl_difference difference;        /* of it, from a paired bootstrap */
    double agreement;                /* share of the rows that get the same answer */
    double of_class[SL_MAX_CLASSES]; /* difference of each class' log-loss; NaN where it has no row */
} sl_compress_loss;

/*
 * Compare on the objects that sl_train with these options holds back from
 * learning: the whole light curve of each, or all views. SL_ERR_CONTRACT where
 * it holds none back.
 */
SL_API sl_status sl_compress_compare(const sl_model *large, const sl_model *small, const sl_dataset *data,
                                     const sl_train_options *train, const sl_scores_options *options,
                                     sl_compress_loss *out, sl_error *err);

/* The same where the small model sees other inputs of the same rows, of a shorter grid say: SL_ERR_CONTRACT where the data
   sets have others (sl_dataset_same_rows). */
SL_API sl_status sl_compress_compare_across(const sl_model *large, const sl_dataset *large_data, const sl_model *small,
                                            const sl_dataset *small_data, const sl_train_options *train,
                                            const sl_scores_options *options, sl_compress_loss *out, sl_error *err);

/* Whether a loss is within a budget: at most so much of the large model's log-loss, or not to be told from none (the
   interval of the difference holds 0). */
SL_API bool sl_compress_within(const sl_compress_loss *loss, double budget);

#ifdef __cplusplus
}
#endif
#endif
