/* Layers without weights that leave some numbers out or lay them out otherwise: pooling, flatten, last step, mean. */
#include <string.h>

#include "train/walk.h"

/* Where step t of object b lies among the lanes of a signal. */
static size_t place_of(size_t b, size_t t, size_t steps)
{
    return sl_train_at(b, steps) + t;
}

/* ---- mean over time ---- */

static void mean_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const size_t lanes = sl_train_lanes(walk->net, op->steps), lanes_out = sl_train_lanes(walk->net, 1);
    memset(y, 0, op->channels * lanes_out * sizeof *y);
    for (size_t b = 0; b < walk->net->batch; b++) {
        const size_t steps = sl_walk_steps(walk, op, b);
        for (size_t c = 0; c < op->channels; c++) {
            _Alignas(64) float mean[SL_LANES];
            if (op->steps == 1) {
                mean[0] = x[c * lanes + b];
            } else {
                walk->kernels->mean(1, steps, lanes, x + c * lanes + sl_train_at(b, op->steps), mean);
            }
            y[c * lanes_out + b] = mean[0];
        }
    }
}

static void mean_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const size_t lanes = sl_train_lanes(walk->net, op->steps), lanes_out = sl_train_lanes(walk->net, 1);
    if (d_x == NULL) return;
    memset(d_x, 0, op->channels * lanes * sizeof *d_x);
    for (size_t b = 0; b < walk->net->batch; b++) {
        const size_t steps = sl_walk_steps(walk, op, b);
        for (size_t c = 0; c < op->channels; c++) {
            const float share = d_y[c * lanes_out + b] / (float)steps;
            float *to = d_x + c * lanes + sl_train_at(b, op->steps);
            for (size_t t = 0; t < steps; t++) to[t] = share;
        }
    }
}

const sl_train_kind sl_train_mean = {NULL, NULL, mean_forward, mean_backward};

/* ---- last step ---- */

static void last_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const size_t lanes = sl_train_lanes(walk->net, op->steps), lanes_out = sl_train_lanes(walk->net, 1);
    memset(y, 0, op->channels * lanes_out * sizeof *y);
    for (size_t b = 0; b < walk->net->batch; b++) {
        const size_t at = place_of(b, sl_walk_steps(walk, op, b) - 1, op->steps);
        for (size_t c = 0; c < op->channels; c++) y[c * lanes_out + b] = x[c * lanes + at];
    }
}

static void last_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const size_t lanes = sl_train_lanes(walk->net, op->steps), lanes_out = sl_train_lanes(walk->net, 1);
    if (d_x == NULL) return;
    memset(d_x, 0, op->channels * lanes * sizeof *d_x);
    for (size_t b = 0; b < walk->net->batch; b++) {
        const size_t at = place_of(b, sl_walk_steps(walk, op, b) - 1, op->steps);
        for (size_t c = 0; c < op->channels; c++) d_x[c * lanes + at] = d_y[c * lanes_out + b];
    }
}

const sl_train_kind sl_train_last_step = {NULL, NULL, last_forward, last_backward};

/* ---- flatten ---- */

static void flatten_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const size_t lanes = sl_train_lanes(walk->net, op->steps), lanes_out = sl_train_lanes(walk->net, 1);
    memset(y, 0, op->channels_out * lanes_out * sizeof *y);
    for (size_t b = 0; b < walk->net->batch; b++) {
        for (size_t t = 0; t < op->steps; t++) {
            const size_t at = place_of(b, t, op->steps);
            for (size_t c = 0; c < op->channels; c++) y[(t * op->channels + c) * lanes_out + b] = x[c * lanes + at];
        }
    }
}

static void flatten_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const size_t lanes = sl_train_lanes(walk->net, op->steps), lanes_out = sl_train_lanes(walk->net, 1);
    if (d_x == NULL) return;
    memset(d_x, 0, op->channels * lanes * sizeof *d_x);
    for (size_t b = 0; b < walk->net->batch; b++) {
        for (size_t t = 0; t < op->steps; t++) {
            const size_t at = place_of(b, t, op->steps);
            for (size_t c = 0; c < op->channels; c++) d_x[c * lanes + at] = d_y[(t * op->channels + c) * lanes_out + b];
        }
    }
}

const sl_train_kind sl_train_flatten = {NULL, NULL, flatten_forward, flatten_backward};

/* ---- pooling ---- */

/* The place of the highest of a block, the first where several are. */
static size_t highest(const sl_op *op, const float *x, size_t lanes, size_t at)
{
    size_t most = at;
    for (size_t c = 0; c < op->pool_channels; c++) {
        for (size_t t = 0; t < op->pool_steps; t++) {
            const size_t here = at + c * lanes + t;
            const bool is_nan = x[here] != x[here];
            if (x[here] > x[most] || is_nan) most = here;
        }
    }
    return most;
}

static void pool_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const size_t lanes = sl_train_lanes(walk->net, op->steps), lanes_out = sl_train_lanes(walk->net, op->steps_out);
    memset(y, 0, op->channels_out * lanes_out * sizeof *y);
    for (size_t c = 0; c < op->channels_out; c++) {
        for (size_t b = 0; b < walk->net->batch; b++) {
            for (size_t t = 0; t < op->steps_out; t++) {
                const size_t at = c * op->pool_channels * lanes + place_of(b, t * op->pool_steps, op->steps);
                y[c * lanes_out + place_of(b, t, op->steps_out)] = x[highest(op, x, lanes, at)];
            }
        }
    }
}

static void pool_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const size_t lanes = sl_train_lanes(walk->net, op->steps), lanes_out = sl_train_lanes(walk->net, op->steps_out);
    if (d_x == NULL) return;
    memset(d_x, 0, op->channels * lanes * sizeof *d_x);
    for (size_t c = 0; c < op->channels_out; c++) {
        for (size_t b = 0; b < walk->net->batch; b++) {
            for (size_t t = 0; t < op->steps_out; t++) {
                const size_t at = c * op->pool_channels * lanes + place_of(b, t * op->pool_steps, op->steps);
                d_x[highest(op, x, lanes, at)] = d_y[c * lanes_out + place_of(b, t, op->steps_out)];
            }
        }
    }
}

const sl_train_kind sl_train_max_pool = {NULL, NULL, pool_forward, pool_backward};
