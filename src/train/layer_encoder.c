/* The encoder block: attention, feed-forward, and a norm behind each. */
#include <math.h>
#include <string.h>

#include "train/walk.h"

/* Rows of channels, one after another in a piece of memory. */
typedef struct rows {
    float *at;
    size_t lanes;
} rows;

static float *take(rows *r, size_t channels)
{
    float *p = r->at;
    r->at += channels * r->lanes;
    return p;
}

/* What is kept: the inputs of products and norms. */
typedef struct block {
    float *q, *k, *v, *o, *shift, *inverse; /* attention's, and what its gradient wants to know of each query */
    float *sum1, *x1, *hidden, *sum2;       /* before and behind the first norm; within the feed-forward; before the second */
} block;

static size_t lanes_of(const sl_train_net *net, const sl_op *op)
{
    return sl_train_lanes(net, op->steps);
}

static block lay_out(const sl_op *op, float *memory, size_t lanes)
{
    rows r = {memory, lanes};
    const sl_encoder *e = &op->encoder;
    block b;
    b.q = take(&r, e->q.n);
    b.k = take(&r, e->k.n);
    b.v = take(&r, e->v.n);
    b.o = take(&r, e->v.n);
    b.shift = take(&r, e->heads);
    b.inverse = take(&r, e->heads);
    b.sum1 = take(&r, op->channels);
    b.x1 = take(&r, op->channels);
    b.hidden = take(&r, e->w1.n);
    b.sum2 = take(&r, op->channels);
    return b;
}

static size_t encoder_kept(const sl_train_net *net, const sl_op *op)
{
    const sl_encoder *e = &op->encoder;
    return (4 * (size_t)e->q.n + 2 * (size_t)e->heads + 3 * (size_t)op->channels + e->w1.n) * lanes_of(net, op);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Backwards: a gradient of the feed-forward's width or three of attention's, two of the layer's width, a signal turned
   around, and the product's room; the kernels' room takes that of the turned signal. */
static size_t encoder_room(const sl_train_net *net, const sl_op *op)
{
    const sl_encoder *e = &op->encoder;
    const size_t lanes = lanes_of(net, op), wide = sl_stride(op->steps);
    const size_t widest = larger(sl_stride(op->channels), sl_stride(e->q.n));
    const size_t products = larger(sl_product_room(&e->w1), larger(sl_product_room(&e->w2),
                                   larger(sl_product_room(&e->q), sl_product_room(&e->o))));
    const size_t kernels = larger(sl_attention_back_room(op->steps, wide, e->key_dim),
                                  larger(sl_attention_room(op->steps, e->key_dim), 4 * lanes));
    return (larger(e->w1.n, 3 * (size_t)e->q.n) + 2 * (size_t)op->channels + e->q.n) * lanes +
           larger(widest * lanes, sl_stride(kernels)) + sl_stride(products);
}

static void attend(const sl_walk *walk, const sl_op *op, const block *k)
{
    const sl_encoder *e = &op->encoder;
    const size_t lanes = lanes_of(walk->net, op), wide = sl_stride(op->steps);
    sl_attention a = {.heads = e->heads, .key_dim = e->key_dim, .steps = op->steps, .lanes = wide, .stride = lanes,
                      .scale = 1 / sqrtf((float)e->key_dim), .scores = walk->room};
    for (size_t b = 0; b < walk->net->batch; b++) {
        const size_t at = b * wide;
        a.q = k->q + at;
        a.k = k->k + at;
        a.v = k->v + at;
        a.o = k->o + at;
        a.shift = k->shift + at;
        a.inverse = k->inverse + at;
        walk->kernels->attention(&a);
    }
}

/* y = norm(product(in) + x), with dropout on the product. sum gets what is normalised. */
static void add_norm(const sl_walk *walk, const sl_train_node *node, unsigned site, const sl_matrix *m, const float *in,
                     const float *x, const float *gamma, const float *beta, float *sum, float *y)
{
    const sl_op *op = node->op;
    const size_t lanes = lanes_of(walk->net, op);
    if (walk->dropping && node->drop > 0) {
        sl_walk_product(walk, m, lanes, in, false, NULL, sum);
        sl_walk_drop(walk, node, site, node->drop, op->channels, op->steps, sum, x, sum);
    } else {
        sl_walk_product(walk, m, lanes, in, false, x, sum);
    }
    memcpy(y, sum, op->channels * lanes * sizeof *y);
    const sl_norm n = {.channels = op->channels, .lanes = lanes, .stride = lanes, .x = y, .gamma = gamma, .beta = beta,
                       .epsilon = op->encoder.epsilon};
    walk->kernels->norm(&n);
}

static void encoder_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const sl_encoder *e = &op->encoder;
    const size_t lanes = lanes_of(walk->net, op);
    const block k = lay_out(op, walk->kept + node->kept, lanes);
    sl_walk_product(walk, &e->q, lanes, x, false, NULL, k.q);
    sl_walk_product(walk, &e->k, lanes, x, false, NULL, k.k);
    sl_walk_product(walk, &e->v, lanes, x, false, NULL, k.v);
    attend(walk, op, &k);
    add_norm(walk, node, 0, &e->o, k.o, x, e->gamma1, e->beta1, k.sum1, k.x1);
    sl_walk_product(walk, &e->w1, lanes, k.x1, true, NULL, k.hidden);
    add_norm(walk, node, 1, &e->w2, k.hidden, k.x1, e->gamma2, e->beta2, k.sum2, y);
}

/* The room of the backward walk. */
typedef struct desk {
    float *wide;   /* the hidden layer's gradient; then those of q, k and v */
    float *sum;    /* of what a norm took */
    float *drop;   /* the same behind the dropout */
    float *inner;  /* of attention's output */
    float *turned; /* a signal turned around; the kernels' room */
    float *product;
} desk;

static desk lay_desk(const sl_op *op, float *memory, size_t lanes)
{
    rows r = {memory, lanes};
    const sl_encoder *e = &op->encoder;
    desk d;
    d.wide = take(&r, larger(e->w1.n, 3 * (size_t)e->q.n));
    d.sum = take(&r, op->channels);
    d.drop = take(&r, op->channels);
    d.inner = take(&r, e->q.n);
    return d;
}

/* From d_y to the gradient of what the norm took, in d->sum, and of the product, which it returns. */
static const float *norm_back(const sl_walk *walk, const sl_train_node *node, unsigned site, const float *x,
                              const float *gamma, const float *beta, const float *d_y, desk *d)
{
    const sl_op *op = node->op;
    const size_t lanes = lanes_of(walk->net, op);
    const sl_norm_back n = {.channels = op->channels, .lanes = lanes, .stride = lanes, .x = x, .gamma = gamma,
                            .epsilon = op->encoder.epsilon, .d_y = d_y, .d_x = d->sum,
                            .d_gamma = sl_walk_grad(walk, gamma), .d_beta = sl_walk_grad(walk, beta), .room = d->turned};
    walk->kernels->train.norm_back(&n);
    if (node->drop == 0) return d->sum;
    sl_walk_drop(walk, node, site, node->drop, op->channels, op->steps, d->sum, NULL, d->drop);
    return d->drop;
}

static void attend_back(const sl_walk *walk, const sl_op *op, const block *k, desk *d)
{
    const sl_encoder *e = &op->encoder;
    const size_t lanes = lanes_of(walk->net, op), wide = sl_stride(op->steps), inner = e->q.n * lanes;
    for (size_t b = 0; b < walk->net->batch; b++) {
        const size_t at = b * wide;
        const sl_attention_back a = {.heads = e->heads, .key_dim = e->key_dim, .steps = op->steps, .lanes = wide,
                                     .stride = lanes, .scale = 1 / sqrtf((float)e->key_dim), .q = k->q + at,
                                     .k = k->k + at, .v = k->v + at, .o = k->o + at, .d_o = d->inner + at,
                                     .shift = k->shift + at, .inverse = k->inverse + at, .d_q = d->wide + at,
                                     .d_k = d->wide + inner + at, .d_v = d->wide + 2 * inner + at, .room = d->turned};
        walk->kernels->train.attention_back(&a);
    }
}

/* The feed-forward: from d_y to the gradient of its input x1, into d_x1. */
static void feed_forward_back(const sl_walk *walk, const sl_train_node *node, const block *k, const float *d_y, desk *d,
                              float *d_x1)
{
    const sl_op *op = node->op;
    const sl_encoder *e = &op->encoder;
    const size_t lanes = lanes_of(walk->net, op);
    const float *d_z = norm_back(walk, node, 1, k->sum2, e->gamma2, e->beta2, d_y, d);
    walk->kernels->train.transpose(op->channels, lanes, lanes, d_z, d->turned);
    sl_walk_weights_back(walk, &e->w2, lanes, d_z, k->hidden, NULL, d->turned, d->product);
    sl_walk_product_back(walk, &e->w2, lanes, d_z, NULL, d->wide);
    walk->kernels->train.relu_back(e->w1.n * lanes, k->hidden, d->wide);
    walk->kernels->train.transpose(op->channels, lanes, lanes, k->x1, d->turned);
    sl_walk_weights_back(walk, &e->w1, lanes, d->wide, NULL, d->turned, NULL, d->product);
    sl_walk_product_back(walk, &e->w1, lanes, d->wide, d->sum, d_x1);
}

static void encoder_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const sl_encoder *e = &op->encoder;
    const size_t lanes = lanes_of(walk->net, op), inner = e->q.n * lanes;
    const block k = lay_out(op, walk->kept + node->kept, lanes);
    desk d = lay_desk(op, walk->room, lanes);
    (void)y;
    d.product = d.inner + inner;
    d.turned = d.product + sl_stride(larger(sl_product_room(&e->w1), larger(sl_product_room(&e->w2),
                                     larger(sl_product_room(&e->q), sl_product_room(&e->o)))));
    feed_forward_back(walk, node, &k, d_y, &d, d_y);

    const float *d_z = norm_back(walk, node, 0, k.sum1, e->gamma1, e->beta1, d_y, &d);
    walk->kernels->train.transpose(e->o.k, lanes, lanes, k.o, d.turned);
    sl_walk_weights_back(walk, &e->o, lanes, d_z, NULL, d.turned, NULL, d.product);
    sl_walk_product_back(walk, &e->o, lanes, d_z, NULL, d.inner);
    attend_back(walk, op, &k, &d);

    walk->kernels->train.transpose(op->channels, lanes, lanes, x, d.turned);
    const sl_matrix *const m[] = {&e->q, &e->k, &e->v};
    for (size_t i = 0; i < 3; i++) {
        sl_walk_weights_back(walk, m[i], lanes, d.wide + i * inner, NULL, d.turned, NULL, d.product);
    }
    if (d_x == NULL) return;
    sl_walk_product_back(walk, &e->q, lanes, d.wide, d.sum, d_x);
    sl_walk_product_back(walk, &e->k, lanes, d.wide + inner, d_x, d.drop);
    sl_walk_product_back(walk, &e->v, lanes, d.wide + 2 * inner, d.drop, d_x);
}

const sl_train_kind sl_train_encoder = {encoder_kept, encoder_room, encoder_forward, encoder_backward};
