/* Layers of one product or none: convolution, positions, mean over time, dense. */
#include <string.h>

#include "train/walk.h"

static size_t lanes_in(const sl_train_net *net, const sl_op *op)
{
    return sl_train_lanes(net, op->steps);
}

/* ---- convolution ---- */

/* A kernel over several steps is a product with the neighbours as further channels, place by place. */
static size_t conv1d_kept(const sl_train_net *net, const sl_op *op)
{
    return op->kernel > 1 ? op->matrix.k * lanes_in(net, op) : 0;
}

static size_t conv1d_room(const sl_train_net *net, const sl_op *op)
{
    const size_t turned = sl_stride(op->matrix.k) * lanes_in(net, op), back = op->matrix.k * lanes_in(net, op);
    return sl_stride(sl_product_room(&op->matrix)) + (turned > back ? turned : back);
}

/* For each place of the kernel: the first step that has such a neighbour, how far that is, and how many have one. */
static size_t neighbours(const sl_op *op, size_t place, size_t *first, size_t *from)
{
    const size_t before = (op->kernel - 1) / 2;
    *first = place < before ? before - place : 0;
    *from = place > before ? place - before : 0;
    const size_t reach = *first > *from ? *first : *from;
    return reach < op->steps ? op->steps - reach : 0;
}

static void unfold(const sl_walk *walk, const sl_op *op, const float *x, float *to)
{
    const size_t lanes = lanes_in(walk->net, op);
    memset(to, 0, op->matrix.k * lanes * sizeof *to);
    for (size_t place = 0; place < op->kernel; place++) {
        size_t first, from;
        const size_t count = neighbours(op, place, &first, &from);
        for (size_t c = 0; c < op->channels; c++) {
            for (size_t b = 0; b < walk->net->batch; b++) {
                const size_t at = sl_train_at(b, op->steps);
                memcpy(to + (place * op->channels + c) * lanes + at + first, x + c * lanes + at + from, count * sizeof *to);
            }
        }
    }
}

static void fold_back(const sl_walk *walk, const sl_op *op, const float *d, float *d_x)
{
    const size_t lanes = lanes_in(walk->net, op);
    memset(d_x, 0, op->channels * lanes * sizeof *d_x);
    for (size_t place = 0; place < op->kernel; place++) {
        size_t first, from;
        const size_t count = neighbours(op, place, &first, &from);
        for (size_t c = 0; c < op->channels; c++) {
            for (size_t b = 0; b < walk->net->batch; b++) {
                const size_t at = sl_train_at(b, op->steps);
                const float *row = d + (place * op->channels + c) * lanes + at + first;
                float *to = d_x + c * lanes + at + from;
                for (size_t t = 0; t < count; t++) to[t] += row[t];
            }
        }
    }
}

static void conv1d_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    if (op->kernel > 1) {
        unfold(walk, op, x, walk->kept + node->kept);
        x = walk->kept + node->kept;
    }
    sl_walk_product(walk, &op->matrix, lanes_in(walk->net, op), x, op->relu, NULL, y);
}

static void conv1d_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const size_t lanes = lanes_in(walk->net, op);
    float *room = walk->room, *rest = room + sl_stride(sl_product_room(&op->matrix));
    if (op->kernel > 1) x = walk->kept + node->kept;
    if (op->relu) walk->kernels->train.relu_back(op->channels_out * lanes, y, d_y);
    walk->kernels->train.transpose(op->matrix.k, lanes, lanes, x, rest);
    sl_walk_weights_back(walk, &op->matrix, lanes, d_y, NULL, rest, NULL, room);
    if (d_x == NULL) return;
    sl_walk_product_back(walk, &op->matrix, lanes, d_y, NULL, op->kernel > 1 ? rest : d_x);
    if (op->kernel > 1) fold_back(walk, op, rest, d_x);
}

const sl_train_kind sl_train_conv1d = {conv1d_kept, conv1d_room, conv1d_forward, conv1d_backward};

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

/* ---- mean over time ---- */

static void mean_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const size_t lanes = lanes_in(walk->net, op), lanes_out = sl_train_lanes(walk->net, 1);
    memset(y, 0, op->channels * lanes_out * sizeof *y);
    for (size_t b = 0; b < walk->net->batch; b++) {
        for (size_t c = 0; c < op->channels; c++) {
            _Alignas(64) float mean[SL_LANES];
            if (op->steps == 1) {
                mean[0] = x[c * lanes + b];
            } else {
                walk->kernels->mean(1, op->steps, lanes, x + c * lanes + sl_train_at(b, op->steps), mean);
            }
            y[c * lanes_out + b] = mean[0];
        }
    }
}

static void mean_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const size_t lanes = lanes_in(walk->net, op), lanes_out = sl_train_lanes(walk->net, 1);
    (void)x;
    (void)y;
    if (d_x == NULL) return;
    memset(d_x, 0, op->channels * lanes * sizeof *d_x);
    for (size_t c = 0; c < op->channels; c++) {
        for (size_t b = 0; b < walk->net->batch; b++) {
            const float share = d_y[c * lanes_out + b] / (float)op->steps;
            float *to = d_x + c * lanes + sl_train_at(b, op->steps);
            for (size_t t = 0; t < op->steps; t++) to[t] = share;
        }
    }
}

const sl_train_kind sl_train_mean = {NULL, NULL, mean_forward, mean_backward};

/* ---- dense ---- */

/* The input, dropped; whether or not it is: that saves a case. */
static size_t dense_kept(const sl_train_net *net, const sl_op *op)
{
    return op->channels * lanes_in(net, op);
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
}

static void dense_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const size_t lanes = lanes_in(walk->net, op);
    float *turned = walk->room + sl_stride(sl_product_room(&op->matrix));
    (void)x;
    if (op->relu) walk->kernels->train.relu_back(op->channels_out * lanes, y, d_y);
    walk->kernels->train.transpose(op->channels, lanes, lanes, walk->kept + node->kept, turned);
    sl_walk_weights_back(walk, &op->matrix, lanes, d_y, NULL, turned, NULL, walk->room);
    if (d_x == NULL) return;
    sl_walk_product_back(walk, &op->matrix, lanes, d_y, NULL, d_x);
    if (node->drop > 0) sl_walk_drop(walk, node, 0, node->drop, op->channels, op->steps, d_x, NULL, d_x);
}

const sl_train_kind sl_train_dense = {dense_kept, dense_room, dense_forward, dense_backward};
