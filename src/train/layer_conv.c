/* Convolutions over steps: over neighbours on both sides, and blocks of two over steps further and further back. */
#include <string.h>

#include "train/walk.h"

static size_t lanes_in(const sl_train_net *net, const sl_op *op)
{
    return sl_train_lanes(net, op->steps);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* ---- the steps that a kernel sees ---- */

/* Place p looks at step t + first + p apart. A kernel is a product with those as further channels, place by place. */
typedef struct reach {
    size_t kernel, channels, steps, lanes;
    ptrdiff_t first, apart;
} reach;

/* The first step that has such a neighbour, where that lies, and how many have one. */
static size_t neighbours(const reach *r, size_t place, size_t *first, size_t *from)
{
    const ptrdiff_t by = r->first + (ptrdiff_t)place * r->apart;
    *first = by < 0 ? (size_t)-by : 0;
    *from = by > 0 ? (size_t)by : 0;
    const size_t taken = larger(*first, *from);
    return taken < r->steps ? r->steps - taken : 0;
}

static void unfold(const sl_walk *walk, const reach *r, const float *x, float *to)
{
    memset(to, 0, r->kernel * r->channels * r->lanes * sizeof *to);
    for (size_t place = 0; place < r->kernel; place++) {
        size_t first, from;
        const size_t count = neighbours(r, place, &first, &from);
        for (size_t c = 0; count > 0 && c < r->channels; c++) {
            for (size_t b = 0; b < walk->net->batch; b++) {
                const size_t at = sl_train_at(b, r->steps);
                memcpy(to + (place * r->channels + c) * r->lanes + at + first, x + c * r->lanes + at + from,
                       count * sizeof *to);
            }
        }
    }
}

/* Adds to d_x. */
static void fold_back(const sl_walk *walk, const reach *r, const float *d, float *d_x)
{
    for (size_t place = 0; place < r->kernel; place++) {
        size_t first, from;
        const size_t count = neighbours(r, place, &first, &from);
        for (size_t c = 0; count > 0 && c < r->channels; c++) {
            for (size_t b = 0; b < walk->net->batch; b++) {
                const size_t at = sl_train_at(b, r->steps);
                const float *row = d + (place * r->channels + c) * r->lanes + at + first;
                float *to = d_x + c * r->lanes + at + from;
                for (size_t t = 0; t < count; t++) to[t] += row[t];
            }
        }
    }
}

/* ---- convolution ---- */

static reach reach_of(const sl_train_net *net, const sl_op *op)
{
    return (reach){.kernel = op->kernel, .channels = op->channels, .steps = op->steps, .lanes = lanes_in(net, op),
                   .first = -(ptrdiff_t)((op->kernel - 1) / 2), .apart = 1};
}

static size_t conv1d_kept(const sl_train_net *net, const sl_op *op)
{
    return op->kernel > 1 ? op->matrix.k * lanes_in(net, op) : 0;
}

static size_t conv1d_room(const sl_train_net *net, const sl_op *op)
{
    return sl_stride(sl_product_room(&op->matrix)) + sl_stride(op->matrix.k) * lanes_in(net, op);
}

static void conv1d_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    if (op->kernel > 1) {
        const reach r = reach_of(walk->net, op);
        unfold(walk, &r, x, walk->kept + node->kept);
        x = walk->kept + node->kept;
    }
    sl_walk_product(walk, &op->matrix, lanes_in(walk->net, op), x, op->relu, NULL, y);
}

static void conv1d_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const reach r = reach_of(walk->net, op);
    float *room = walk->room, *rest = room + sl_stride(sl_product_room(&op->matrix));
    if (op->kernel > 1) x = walk->kept + node->kept;
    if (op->relu) walk->kernels->train.relu_back(op->channels_out * r.lanes, y, d_y);
    walk->kernels->train.transpose(op->matrix.k, r.lanes, r.lanes, x, rest);
    sl_walk_weights_back(walk, &op->matrix, r.lanes, d_y, NULL, rest, NULL, room);
    if (d_x == NULL) return;
    sl_walk_product_back(walk, &op->matrix, r.lanes, d_y, NULL, op->kernel > 1 ? rest : d_x);
    if (op->kernel == 1) return;
    memset(d_x, 0, op->channels * r.lanes * sizeof *d_x);
    fold_back(walk, &r, rest, d_x);
}

const sl_train_kind sl_train_conv1d = {conv1d_kept, conv1d_room, conv1d_forward, conv1d_backward};

/* ---- a residual block of two causal convolutions ---- */

/* Signals that are kept: both convolutions behind their ReLUs, the second one dropped or not; the first one dropped. */
typedef struct block {
    size_t lanes, rows;
    float *first, *dropped, *second;
} block;

static block block_of(const sl_train_net *net, const sl_op *op, float *kept)
{
    block b = {.lanes = lanes_in(net, op), .rows = op->channels_out};
    b.first = kept;
    b.dropped = b.first + b.rows * b.lanes;
    b.second = b.dropped + b.rows * b.lanes;
    return b;
}

static size_t tcn_kept(const sl_train_net *net, const sl_op *op)
{
    return 3 * (size_t)op->channels_out * lanes_in(net, op);
}

/* A product's room, a signal unfolded and the same turned around, and two gradients of the block's width. */
static size_t tcn_room(const sl_train_net *net, const sl_op *op)
{
    const size_t k = larger(larger(op->matrix.k, op->second.k), op->channels);
    const size_t product = larger(larger(sl_product_room(&op->matrix), sl_product_room(&op->second)),
                                  op->skip.n > 0 ? sl_product_room(&op->skip) : 0);
    return sl_stride(product) + (k + sl_stride(k) + 2 * (size_t)op->channels_out) * lanes_in(net, op);
}

static reach reach_back(const sl_train_net *net, const sl_op *op, size_t channels)
{
    return (reach){.kernel = op->kernel, .channels = channels, .steps = op->steps, .lanes = lanes_in(net, op),
                   .first = -(ptrdiff_t)((op->kernel - 1) * op->dilation), .apart = op->dilation};
}

static void tcn_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const block b = block_of(walk->net, op, walk->kept + node->kept);
    const size_t n = b.rows * b.lanes;
    const reach first = reach_back(walk->net, op, op->channels), second = reach_back(walk->net, op, b.rows);
    float *unfolded = walk->room;
    const bool drops = walk->dropping && node->drop > 0;
    unfold(walk, &first, x, unfolded);
    sl_walk_product(walk, &op->matrix, b.lanes, unfolded, true, NULL, b.first);
    if (drops) sl_walk_drop(walk, node, 0, node->drop, b.rows, op->steps, b.first, NULL, b.dropped);
    unfold(walk, &second, drops ? b.dropped : b.first, unfolded);
    sl_walk_product(walk, &op->second, b.lanes, unfolded, true, NULL, b.second);
    const float *past = x, *seen = b.second;
    float *skip = walk->room, *dropped = skip + n; /* over what was unfolded */
    if (op->skip.n > 0) {
        sl_walk_product(walk, &op->skip, b.lanes, x, false, NULL, skip);
        past = skip;
    }
    if (drops) {
        sl_walk_drop(walk, node, 1, node->drop, b.rows, op->steps, b.second, NULL, dropped);
        seen = dropped;
    }
    for (size_t i = 0; i < n; i++) {
        const float sum = seen[i] + past[i];
        y[i] = sum < 0 ? 0 : sum;
    }
}

/* The gradients of a convolution's weights, and of what went in, added to d_x where that is wanted. */
static void causal_back(sl_walk *walk, const sl_matrix *m, const reach *r, const float *x, const float *d, float *d_x,
                        float *room, float *turned, float *unfolded)
{
    unfold(walk, r, x, unfolded);
    walk->kernels->train.transpose(m->k, r->lanes, r->lanes, unfolded, turned);
    sl_walk_weights_back(walk, m, r->lanes, d, NULL, turned, NULL, room);
    if (d_x == NULL) return;
    sl_walk_product_back(walk, m, r->lanes, d, NULL, unfolded);
    fold_back(walk, r, unfolded, d_x);
}

static void tcn_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const block b = block_of(walk->net, op, walk->kept + node->kept);
    const size_t n = b.rows * b.lanes, k = larger(larger(op->matrix.k, op->second.k), op->channels);
    const reach first = reach_back(walk->net, op, op->channels), second = reach_back(walk->net, op, b.rows);
    float *d_second = walk->room, *d_first = d_second + n, *unfolded = d_first + n, *turned = unfolded + k * b.lanes;
    float *room = turned + sl_stride(k) * b.lanes;
    const bool drops = node->drop > 0;
    walk->kernels->train.relu_back(n, y, d_y);
    if (drops) {
        sl_walk_drop(walk, node, 1, node->drop, b.rows, op->steps, d_y, NULL, d_second);
    } else {
        memcpy(d_second, d_y, n * sizeof *d_second);
    }
    walk->kernels->train.relu_back(n, b.second, d_second);
    memset(d_first, 0, n * sizeof *d_first);
    causal_back(walk, &op->second, &second, drops ? b.dropped : b.first, d_second, d_first, room, turned, unfolded);
    if (drops) sl_walk_drop(walk, node, 0, node->drop, b.rows, op->steps, d_first, NULL, d_first);
    walk->kernels->train.relu_back(n, b.first, d_first);
    if (op->skip.n > 0) {
        walk->kernels->train.transpose(op->channels, b.lanes, b.lanes, x, turned);
        sl_walk_weights_back(walk, &op->skip, b.lanes, d_y, NULL, turned, NULL, room);
        if (d_x != NULL) sl_walk_product_back(walk, &op->skip, b.lanes, d_y, NULL, d_x);
    } else if (d_x != NULL) {
        memcpy(d_x, d_y, n * sizeof *d_x);
    }
    causal_back(walk, &op->matrix, &first, x, d_first, d_x, room, turned, unfolded);
}

const sl_train_kind sl_train_tcn = {tcn_kept, tcn_room, tcn_forward, tcn_backward};
