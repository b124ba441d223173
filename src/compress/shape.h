/*
 * compress/shape.h - the form that weights are to have, and holding them to it:
 * after training (sl_shape_apply), or while it goes on (sl_shape_constraint).
 */
#ifndef SL_COMPRESS_SHAPE_H
#define SL_COMPRESS_SHAPE_H

#include "compress/cluster.h"
#include "train/constraint.h"

typedef struct sl_shape sl_shape;

/* The importance of an input value that the features layer brings: the root of its mean square; NULL: 1 of each. */
sl_status sl_shape_new(const sl_compress_options *options, size_t n_features, const float *importance, sl_shape **out,
                       sl_error *err);
void sl_shape_free(sl_shape *shape);

/* For sl_train_options. Borrows the shape; for one run. */
const sl_constraint *sl_shape_constraint(const sl_shape *shape);

/* Without training: what the network's weights become. params: net->n_params, changed in place. */
sl_status sl_shape_apply(sl_shape *shape, const sl_train_net *net, float *params, sl_error *err);

#endif
