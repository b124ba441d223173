/* train/split.h - which objects teach, which judge, and what each counts. */
#ifndef SL_TRAIN_SPLIT_H
#define SL_TRAIN_SPLIT_H

#include "starling/train.h"

/* An object's rows stand together in the data set. */
typedef struct sl_object {
    size_t first;
    uint32_t n;
    uint8_t label;
    float weight; /* mean 1 over those that teach */
} sl_object;

typedef struct sl_split {
    size_t n_train, n_validate;
    float log_share[SL_MAX_CLASSES]; /* of the classes among those that teach; of an empty class that of half an object */
    sl_object *train, *validate; /* one block of memory */
    size_t n_rows;
    size_t *rows; /* those that the network is validated on */
} sl_split;

/* Gives; release with sl_split_release. SL_ERR_CONTRACT where nobody is left to teach, or to judge if there are folds. */
sl_status sl_split_make(const sl_dataset *data, const sl_train_options *options, sl_split *out, sl_error *err);
void sl_split_release(sl_split *split);

/* One of `parts`, by another hash than sl_train_fold's. */
uint32_t sl_train_part(sl_str object_id, uint32_t parts);

/* The row of an object's whole light curve, that of copy 0; where it has none, its first. */
size_t sl_object_whole(const sl_dataset *data, const sl_object *object);

#endif
