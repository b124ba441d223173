#include "train/walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* One block: input, features, outputs, what is kept, room, two gradients, zeros. */
static size_t walk_floats(const sl_train_net *net)
{
    return net->x_floats + net->features_floats + net->y_floats + net->kept_floats + sl_stride(net->room_floats) + 2 * net->most_floats +
           sl_stride(net->most_rows);
}

/* Halves of keys, lengths. */
static size_t walk_words(const sl_train_net *net)
{
    return 3 * sl_stride(net->batch);
}

size_t sl_walk_bytes(const sl_train_net *net)
{
    return walk_floats(net) * sizeof(float) + walk_words(net) * sizeof(uint32_t) + sizeof(sl_walk);
}

sl_status sl_walk_new(const sl_train_net *net, sl_walk **out, sl_error *err)
{
    sl_walk *walk = malloc(sizeof *walk);
    float *memory = aligned_alloc(SL_ARENA_ALIGN, walk_floats(net) * sizeof *memory);
    uint32_t *words = aligned_alloc(SL_ARENA_ALIGN, walk_words(net) * sizeof *words);
    if (walk == NULL || memory == NULL || words == NULL) {
        free(walk);
        free(memory);
        free(words);
        return SL_FAIL_NOMEM(err);
    }
    memset(memory, 0, walk_floats(net) * sizeof *memory);
    memset(words, 0, walk_words(net) * sizeof *words);
    *walk = (sl_walk){.net = net, .kernels = net->kernels, .x = memory, .keys = words,
                      .lengths = words + 2 * sl_stride(net->batch)};
    walk->features = walk->x + net->x_floats;
    walk->y = walk->features + net->features_floats;
    walk->kept = walk->y + net->y_floats;
    walk->room = walk->kept + net->kept_floats;
    walk->d[0] = walk->room + sl_stride(net->room_floats);
    walk->d[1] = walk->d[0] + net->most_floats;
    walk->zeros = walk->d[1] + net->most_floats;
    *out = walk;
    return SL_OK;
}

void sl_walk_free(sl_walk *walk)
{
    if (walk == NULL) return;
    free(walk->x);
    free(walk->keys);
    free(walk);
}

/* Steps x channels of each object to rows of channels, zeros behind the last step and in the place of an object that is not there. */
static void load(sl_walk *walk)
{
    const sl_network *net = &walk->net->network;
    const size_t lanes = sl_train_lanes(walk->net, net->steps);
    const size_t lanes_1 = sl_train_lanes(walk->net, 1);
    if (walk->n < walk->net->batch) memset(walk->x, 0, (walk->net->x_floats + walk->net->features_floats) * sizeof *walk->x);
    for (size_t b = walk->n; b < walk->net->batch; b++) walk->lengths[b] = 1;
    for (size_t b = 0; b < walk->n; b++) {
        const float *from = walk->lessons[b].input;
        walk->lengths[b] = sl_network_length(net, from);
        float *to = walk->x + sl_train_at(b, net->steps);
        for (size_t c = 0; c < net->channels; c++) {
            for (size_t t = 0; t < net->steps; t++) to[c * lanes + t] = from[t * net->channels + c];
        }
        from += (size_t)net->steps * net->channels;
        for (size_t f = 0; f < net->n_features; f++) walk->features[f * lanes_1 + b] = from[f];
    }
}

const float *sl_walk_forward(sl_walk *walk, const sl_lesson *lessons, size_t n, bool dropping)
{
    walk->lessons = lessons;
    walk->n = n;
    walk->dropping = dropping;
    load(walk);
    const float *x = walk->x;
    for (size_t i = 0; i < walk->net->n_nodes; i++) {
        const sl_train_node *node = &walk->net->nodes[i];
        float *y = walk->y + node->y;
        node->kind->forward(walk, node, x, y);
        x = y;
    }
    return x;
}

double sl_walk_learn(sl_walk *walk, const sl_lesson *lessons, size_t n, const sl_loss *loss, float *grad)
{
    const sl_train_net *net = walk->net;
    const float *z = sl_walk_forward(walk, lessons, n, true);
    const size_t classes = net->network.n_classes, lanes = sl_train_lanes(net, 1);
    float *d_y = walk->d[0], *d_x = walk->d[1];
    double sum = 0;
    memset(d_y, 0, classes * lanes * sizeof *d_y);
    for (size_t b = 0; b < n; b++) sum += sl_loss_of(loss, &lessons[b], classes, lanes, z + b, d_y + b);
    walk->grad = grad;
    for (size_t i = net->n_nodes; i-- > 0;) {
        const sl_train_node *node = &net->nodes[i];
        const float *x = i > 0 ? walk->y + net->nodes[i - 1].y : walk->x;
        node->kind->backward(walk, node, x, walk->y + node->y, d_y, node->first ? NULL : d_x);
        float *swap = d_y;
        d_y = d_x;
        d_x = swap;
    }
    return sum;
}

void sl_walk_product(const sl_walk *walk, const sl_matrix *m, size_t lanes, const float *x, bool relu, const float *add,
                     float *c)
{
    const sl_gemm g = {.n = m->n, .k = m->k, .lanes = lanes, .w = m->w, .bias = m->bias, .x = x, .x_stride = lanes,
                       .add = add, .c = c, .c_stride = lanes, .relu = relu};
    walk->kernels->gemm(&g);
}

void sl_walk_product_back(const sl_walk *walk, const sl_matrix *m, size_t lanes, const float *d, const float *add, float *c)
{
    const float *turned = walk->net->turned + ((const float *)m->w - walk->net->params);
    const sl_gemm g = {.n = m->k, .k = m->n, .lanes = lanes, .w = turned, .bias = walk->zeros, .x = d,
                       .x_stride = lanes, .add = add, .c = c, .c_stride = lanes};
    walk->kernels->gemm(&g);
}

float *sl_walk_grad(const sl_walk *walk, const float *weight)
{
    return walk->grad + (weight - walk->net->params);
}

size_t sl_product_room(const sl_matrix *m)
{
    const size_t one = m->n * sl_stride(m->k), other = m->k * sl_stride(m->n);
    return one > other ? one : other;
}

void sl_walk_outer(const sl_walk *walk, size_t n, size_t k, size_t lanes, const float *d, const float *x_turned, float *c)
{
    /* The product of kernels.h with the lanes as its depth. */
    const sl_gemm g = {.n = n, .k = lanes, .lanes = sl_stride(k), .w = d, .bias = walk->zeros, .x = x_turned,
                       .x_stride = sl_stride(k), .c = c, .c_stride = sl_stride(k)};
    walk->kernels->gemm(&g);
}

void sl_walk_weights_back(const sl_walk *walk, const sl_matrix *m, size_t lanes, const float *d, const float *x,
                          const float *x_turned, const float *d_turned, float *room)
{
    float *grad = sl_walk_grad(walk, m->w);
    if (x_turned != NULL) {
        sl_walk_outer(walk, m->n, m->k, lanes, d, x_turned, room);
        for (size_t n = 0; n < m->n; n++) {
            for (size_t k = 0; k < m->k; k++) grad[n * m->k + k] += room[n * sl_stride(m->k) + k];
        }
    } else {
        sl_walk_outer(walk, m->k, m->n, lanes, x, d_turned, room);
        for (size_t n = 0; n < m->n; n++) {
            for (size_t k = 0; k < m->k; k++) grad[n * m->k + k] += room[k * sl_stride(m->n) + n];
        }
    }
    walk->kernels->train.row_sums(m->n, lanes, lanes, d, sl_walk_grad(walk, m->bias));
}

/* Odd multiples of the golden ratio lie far from one another. */
static uint64_t drop_key(const sl_walk *walk, const sl_train_node *node, unsigned site, size_t b)
{
    const uint64_t draw = b < walk->n ? walk->lessons[b].draw : 0;
    return (draw + 8 * node->index + site) * 0x9e3779b97f4a7c15u;
}

/* Where objects lie lane by lane. */
static void drop_single(const sl_walk *walk, const sl_train_node *node, unsigned site, sl_dropout *d)
{
    for (size_t b = 0; b < d->lanes; b++) {
        const uint64_t key = drop_key(walk, node, site, b);
        walk->keys[b] = (uint32_t)key;
        walk->keys[d->lanes + b] = (uint32_t)(key >> 32);
    }
    d->low = walk->keys;
    d->high = walk->keys + d->lanes;
    walk->kernels->train.dropout(d);
}

void sl_walk_drop(const sl_walk *walk, const sl_train_node *node, unsigned site, float rate, size_t rows, size_t steps,
                  const float *from, const float *add, float *to)
{
    const size_t lanes = sl_train_lanes(walk->net, steps), wide = sl_stride(steps);
    sl_dropout d = {.rows = rows, .lanes = lanes, .stride = lanes, .from = from, .add = add, .to = to, .rate = rate};
    if (steps == 1) {
        drop_single(walk, node, site, &d);
        return;
    }
    d.lanes = wide;
    for (size_t b = 0; b < walk->net->batch; b++) {
        const size_t at = sl_train_at(b, steps);
        d.from = from + at;
        d.add = add != NULL ? add + at : NULL;
        d.to = to + at;
        d.key = drop_key(walk, node, site, b);
        walk->kernels->train.dropout(&d);
    }
}
