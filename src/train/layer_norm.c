/* A norm over the channels by itself, and the activation behind it. */
#include <string.h>

#include "train/walk.h"

/* What a silu takes. */
static size_t norm_kept(const sl_train_net *net, const sl_op *op)
{
    return op->silu ? op->channels * sl_train_lanes(net, op->steps) : 0;
}

static size_t norm_room(const sl_train_net *net, const sl_op *op)
{
    return 4 * sl_train_lanes(net, op->steps);
}

static void norm_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const size_t lanes = sl_train_lanes(walk->net, op->steps), n = op->channels * lanes;
    memcpy(y, x, n * sizeof *y);
    const sl_norm norm = {.channels = op->channels, .lanes = lanes, .stride = lanes, .x = y, .gamma = op->gamma,
                          .beta = op->beta, .epsilon = op->epsilon};
    walk->kernels->norm(&norm);
    for (size_t i = 0; op->relu && i < n; i++) y[i] = y[i] < 0 ? 0 : y[i];
    if (!op->silu) return;
    memcpy(walk->kept + node->kept, y, n * sizeof *y);
    walk->kernels->silu(n, y);
}

static void norm_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const size_t lanes = sl_train_lanes(walk->net, op->steps), n = op->channels * lanes;
    if (op->relu) walk->kernels->train.relu_back(n, y, d_y);
    if (op->silu) walk->kernels->train.silu_back(n, walk->kept + node->kept, d_y);
    const sl_norm_back norm = {.channels = op->channels, .lanes = lanes, .stride = lanes, .x = x, .gamma = op->gamma,
                               .epsilon = op->epsilon, .d_y = d_y, .d_x = d_x != NULL ? d_x : d_y,
                               .d_gamma = sl_walk_grad(walk, op->gamma), .d_beta = sl_walk_grad(walk, op->beta),
                               .room = walk->room};
    walk->kernels->train.norm_back(&norm);
}

const sl_train_kind sl_train_norm = {norm_kept, norm_room, norm_forward, norm_backward};
