/* Layers that see one step at a time: positions, dense. */
#include <string.h>

#include "train/walk.h"

static size_t lanes_in(const sl_train_net *net, const sl_op *op)
{
    return sl_train_lanes(net, op->steps);
}

/* ---- positions ---- */

static void positions_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const size_t lanes = lanes_in(walk->net, op), wide = sl_stride(op->steps);
    for (size_t c = 0; c < op->channels; c++) {
        const float *add = op->positions + c * wide;
        for (size_t b = 0; b < walk->net->batch; b++) {
            const size_t at = c * lanes + sl_train_at(b, op->steps);
            for (size_t t = 0; t < (op->steps == 1 ? 1 : wide); t++) y[at + t] = x[at + t] + add[t];
        }
    }
}

static void positions_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    (void)x;
    (void)y;
    if (d_x != NULL) memcpy(d_x, d_y, node->op->channels * lanes_in(walk->net, node->op) * sizeof *d_x);
}

const sl_train_kind sl_train_positions = {NULL, NULL, positions_forward, positions_backward};

/* ---- dense ---- */

/* The input, dropped; whether or not it is: that saves a case. Behind it what a silu takes. */
static size_t dense_kept(const sl_train_net *net, const sl_op *op)
{
    return (op->channels + (op->silu ? op->channels_out : 0)) * lanes_in(net, op);
}

static size_t dense_room(const sl_train_net *net, const sl_op *op)
{
    return sl_stride(sl_product_room(&op->matrix)) + sl_stride(op->channels) * lanes_in(net, op);
}

static void dense_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const size_t lanes = lanes_in(walk->net, op);
    float *in = walk->kept + node->kept;
    if (walk->dropping && node->drop > 0) {
        sl_walk_drop(walk, node, 0, node->drop, op->channels, op->steps, x, NULL, in);
    } else {
        memcpy(in, x, op->channels * lanes * sizeof *in);
    }
    sl_walk_product(walk, &op->matrix, lanes, in, op->relu, NULL, y);
    if (!op->silu) return;
    memcpy(in + op->channels * lanes, y, op->channels_out * lanes * sizeof *y);
    walk->kernels->silu(op->channels_out * lanes, y);
}

static void dense_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const size_t lanes = lanes_in(walk->net, op);
    float *turned = walk->room + sl_stride(sl_product_room(&op->matrix));
    const float *in = walk->kept + node->kept;
    (void)x;
    if (op->relu) walk->kernels->train.relu_back(op->channels_out * lanes, y, d_y);
    if (op->silu) walk->kernels->train.silu_back(op->channels_out * lanes, in + op->channels * lanes, d_y);
    walk->kernels->train.transpose(op->channels, lanes, lanes, in, turned);
    sl_walk_weights_back(walk, &op->matrix, lanes, d_y, NULL, turned, NULL, walk->room);
    if (d_x == NULL) return;
    sl_walk_product_back(walk, &op->matrix, lanes, d_y, NULL, d_x);
    if (node->drop > 0) sl_walk_drop(walk, node, 0, node->drop, op->channels, op->steps, d_x, NULL, d_x);
}

const sl_train_kind sl_train_dense = {dense_kept, dense_room, dense_forward, dense_backward};
