/*
 * Features: rows behind the signal's, or, before a product over many steps,
 * joined to its bias. There the model room takes their part of the matrix
 * apart (sl_network_prepare), and training does as it does.
 */
#include <string.h>

#include "train/walk.h"

/* ---- rows ---- */

static void features_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const size_t lanes = sl_train_lanes(walk->net, op->steps), lanes_1 = sl_train_lanes(walk->net, 1);
    const size_t wide = op->steps == 1 ? 1 : sl_stride(op->steps);
    memcpy(y, x, op->channels * lanes * sizeof *y);
    for (size_t f = 0; f < op->channels_out - op->channels; f++) {
        float *row = y + (op->channels + f) * lanes;
        for (size_t b = 0; b < walk->net->batch; b++) {
            for (size_t t = 0; t < wide; t++) row[sl_train_at(b, op->steps) + t] = walk->features[f * lanes_1 + b];
        }
    }
}

static void features_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    (void)x;
    (void)y;
    if (d_x == NULL) return;
    memcpy(d_x, d_y, node->op->channels * sl_train_lanes(walk->net, node->op->steps) * sizeof *d_x);
}

const sl_train_kind sl_train_features = {NULL, NULL, features_forward, features_backward};

/* ---- folded ---- */

/* The product of the signal's channels, and that of the features as a second one on a single step. */
static sl_matrix left_of(const sl_train_node *node)
{
    sl_matrix m = node->op->matrix; /* k is that of the signal, the bias the layer's own */
    m.w = node->left;
    return m;
}

static sl_matrix right_of(const sl_train_node *node)
{
    const sl_op *op = node->op;
    return (sl_matrix){.n = op->matrix.n, .k = op->n_features, .words = op->n_features, .w = node->right,
                       .bias = op->matrix.bias};
}

/* Biases, a row a unit and a lane an object; one object's, side by side. */
static size_t folded_kept(const sl_train_net *net, const sl_op *op)
{
    return op->silu ? op->channels_out * sl_train_lanes(net, op->steps) : 0; /* what the silu takes */
}

static size_t folded_room(const sl_train_net *net, const sl_op *op)
{
    const size_t n = op->matrix.n, lanes = sl_train_lanes(net, op->steps), lanes_1 = sl_train_lanes(net, 1);
    const size_t left = n * sl_stride(op->channels), right = n * sl_stride(op->n_features);
    const size_t widest = op->channels > op->n_features ? op->channels : op->n_features;
    return n * lanes_1 + sl_stride(n) + sl_stride(left > right ? left : right) +
           sl_stride(widest) * (lanes > lanes_1 ? lanes : lanes_1);
}

static void folded_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const sl_matrix left = left_of(node), right = right_of(node);
    const size_t lanes = sl_train_lanes(walk->net, op->steps), lanes_1 = sl_train_lanes(walk->net, 1);
    const size_t wide = sl_stride(op->steps);
    float *biases = walk->room, *bias = biases + right.n * lanes_1;
    sl_walk_product(walk, &right, lanes_1, walk->features, false, NULL, biases);
    for (size_t b = 0; b < walk->net->batch; b++) {
        for (size_t n = 0; n < left.n; n++) bias[n] = biases[n * lanes_1 + b];
        const sl_gemm g = {.n = left.n, .k = left.k, .lanes = wide, .w = left.w, .bias = bias, .x = x + b * wide,
                           .x_stride = lanes, .c = y + b * wide, .c_stride = lanes, .relu = op->relu};
        walk->kernels->gemm(&g);
    }
    if (!op->silu) return;
    memcpy(walk->kept + node->kept, y, op->channels_out * lanes * sizeof *y);
    walk->kernels->silu(op->channels_out * lanes, y);
}

static void folded_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const sl_matrix left = left_of(node), right = right_of(node);
    const size_t lanes = sl_train_lanes(walk->net, op->steps), lanes_1 = sl_train_lanes(walk->net, 1);
    const size_t wide = sl_stride(op->steps), columns = left.k + right.k;
    float *d_bias = walk->room, *product = d_bias + left.n * lanes_1 + sl_stride(left.n);
    const size_t most = left.k > right.k ? left.k : right.k;
    float *turned = product + sl_stride(left.n * sl_stride(most));
    float *grad = walk->grad + walk->net->tensors[node->tensor].at;
    if (op->relu) walk->kernels->train.relu_back(op->channels_out * lanes, y, d_y);
    if (op->silu) walk->kernels->train.silu_back(op->channels_out * lanes, walk->kept + node->kept, d_y);

    memset(d_bias, 0, left.n * lanes_1 * sizeof *d_bias);
    for (size_t n = 0; n < left.n; n++) {
        for (size_t b = 0; b < walk->net->batch; b++) {
            walk->kernels->train.row_sums(1, wide, lanes, d_y + n * lanes + b * wide, d_bias + n * lanes_1 + b);
        }
    }
    walk->kernels->train.transpose(left.k, lanes, lanes, x, turned);
    sl_walk_outer(walk, left.n, left.k, lanes, d_y, turned, product);
    for (size_t n = 0; n < left.n; n++) {
        for (size_t k = 0; k < left.k; k++) grad[n * columns + k] += product[n * sl_stride(left.k) + k];
    }
    walk->kernels->train.transpose(right.k, lanes_1, lanes_1, walk->features, turned);
    sl_walk_outer(walk, right.n, right.k, lanes_1, d_bias, turned, product);
    for (size_t n = 0; n < right.n; n++) {
        for (size_t k = 0; k < right.k; k++) grad[n * columns + left.k + k] += product[n * sl_stride(right.k) + k];
    }
    walk->kernels->train.row_sums(left.n, lanes_1, lanes_1, d_bias, sl_walk_grad(walk, left.bias));
    if (d_x == NULL) return;
    const sl_gemm g = {.n = left.k, .k = left.n, .lanes = lanes, .w = node->left_turned, .bias = walk->zeros, .x = d_y,
                       .x_stride = lanes, .c = d_x, .c_stride = lanes};
    walk->kernels->gemm(&g);
}

const sl_train_kind sl_train_folded = {folded_kept, folded_room, folded_forward, folded_backward};

/* The parts of the matrix, as they are now. */
void sl_train_unfold(const sl_train_net *net, const sl_train_node *node)
{
    const size_t n = node->op->matrix.n, k = node->op->matrix.k, f = node->op->n_features;
    const float *w = net->params + net->tensors[node->tensor].at;
    for (size_t u = 0; u < n; u++, w += k + f) {
        memcpy(node->left + u * k, w, k * sizeof *w);
        memcpy(node->right + u * f, w + k, f * sizeof *w);
        for (size_t c = 0; c < k; c++) node->left_turned[c * n + u] = w[c];
    }
}
