/*
 * GRU and LSTM, forwards and backwards through time. A step is a product for
 * all objects, so that here they lie side by side within each step: a signal of
 * C channels is C rows in which step t of object b stands at t side + b, side
 * being sl_stride(batch). Steps that an object does not have are zeros.
 */
#include <string.h>

#include "train/walk.h"

static size_t gates_of(const sl_op *op)
{
    return op->kind == SL_LAYER_GRU ? SL_GRU_GATES : SL_LSTM_GATES;
}

static size_t kept_of(const sl_op *op)
{
    return op->kind == SL_LAYER_GRU ? SL_GRU_KEPT : SL_LSTM_KEPT;
}

/* Sizes of a layer, for all that follows. */
typedef struct shape {
    size_t gates, units, channels, steps;
    size_t side, wide; /* objects of a step; numbers of a row */
    size_t state;      /* numbers of a state: units x side */
} shape;

static shape shape_of(const sl_train_net *net, const sl_op *op)
{
    const size_t side = sl_stride(net->batch);
    return (shape){.gates = gates_of(op), .units = op->units, .channels = op->channels, .steps = op->steps,
                   .side = side, .wide = sl_stride(op->steps) * side, .state = op->units * side};
}

/* From object after object to step after step. */
static void to_side(const sl_walk *walk, const shape *s, size_t channels, const float *x, float *to)
{
    const size_t row = sl_stride(s->steps), lanes = walk->net->batch * row;
    for (size_t c = 0; c < channels; c++) {
        walk->kernels->train.transpose(walk->net->batch, row, row, x + c * lanes, to + c * s->wide);
    }
}

/* And back; `one` has room for a row. */
static void from_side(const sl_walk *walk, const shape *s, size_t channels, const float *x, float *one, float *to)
{
    const size_t row = sl_stride(s->steps), lanes = walk->net->batch * row;
    for (size_t c = 0; c < channels; c++) {
        walk->kernels->train.transpose(s->steps, s->side, s->side, x + c * s->wide, one);
        memcpy(to + c * lanes, one, lanes * sizeof *to);
    }
}

/* What a direction keeps: of each step the gates, the states behind it and, of an LSTM, the cells. */
typedef struct memory {
    float *gates, *states, *cells;
} memory;

static size_t memory_floats(const sl_op *op, const shape *s)
{
    return s->steps * s->state * (kept_of(op) + (op->kind == SL_LAYER_GRU ? 1 : 2));
}

static memory memory_of(const sl_op *op, const shape *s, size_t direction, float *kept)
{
    float *at = kept + s->channels * s->wide + direction * memory_floats(op, s); /* behind the input */
    const memory m = {at, at + s->steps * s->state * kept_of(op), NULL};
    return op->kind == SL_LAYER_GRU ? m : (memory){m.gates, m.states, m.states + s->steps * s->state};
}

static size_t recurrent_kept(const sl_train_net *net, const sl_op *op)
{
    const shape s = shape_of(net, op);
    return s.channels * s.wide + op->n_directions * memory_floats(op, &s);
}

/* ---- forwards ---- */

/* Zeros for objects that have no such step: so the way backwards begins, and what is behind the last one is nothing. */
static void end_objects(const sl_walk *walk, const sl_op *op, const shape *s, size_t t, float *a, float *b)
{
    for (size_t k = 0; k < s->side; k++) {
        if (k < walk->net->batch && t < sl_walk_steps(walk, op, k)) continue;
        for (size_t i = k; i < s->state; i += s->side) a[i] = b[i] = 0;
    }
}

static void walk_steps(sl_walk *walk, const sl_op *op, const shape *s, size_t direction, const float *x, const memory *m,
                       float *room, float *out)
{
    const sl_recurrent *r = &op->recurrent[direction];
    float *inputs = room, *a = inputs + s->gates * s->units * s->wide, *h = a + s->gates * s->state, *c = h + s->state;
    float *step_out = c + s->state;
    const sl_gemm of_states = {.n = r->h.n, .k = r->h.k, .lanes = s->side, .w = r->h.w, .bias = r->h.bias, .x = h,
                               .x_stride = s->side, .c = a, .c_stride = s->side};
    sl_walk_product(walk, &r->x, s->wide, x, false, NULL, inputs);
    memset(h, 0, 2 * s->state * sizeof *h);
    memset(out, 0, s->units * s->wide * sizeof *out);
    for (size_t i = 0; i < s->steps; i++) {
        const size_t t = direction == 0 ? i : s->steps - 1 - i;
        const sl_gates step = {.rows = s->units, .lanes = s->side, .x = inputs + t * s->side, .x_stride = s->wide, .a = a,
                               .h = h, .c = c, .out = step_out, .out_stride = s->side,
                               .kept = m->gates + t * s->state * kept_of(op)};
        walk->kernels->gemm(&of_states);
        (op->kind == SL_LAYER_GRU ? walk->kernels->recur.gru : walk->kernels->recur.lstm)(&step);
        end_objects(walk, op, s, t, h, c);
        memcpy(m->states + t * s->state, h, s->state * sizeof *h);
        if (m->cells != NULL) memcpy(m->cells + t * s->state, c, s->state * sizeof *c);
        for (size_t u = 0; u < s->units; u++) {
            memcpy(out + u * s->wide + t * s->side, h + u * s->side, s->side * sizeof *out);
        }
    }
}

static void recurrent_forward(sl_walk *walk, const sl_train_node *node, const float *x, float *y)
{
    const sl_op *op = node->op;
    const shape s = shape_of(walk->net, op);
    const size_t lanes = sl_train_lanes(walk->net, op->steps);
    float *in = walk->kept + node->kept, *out = walk->room, *one = out + s.units * s.wide, *rest = one + s.wide;
    if (walk->dropping && node->drop > 0) {
        sl_walk_drop(walk, node, 0, node->drop, s.channels, s.steps, x, NULL, rest);
        to_side(walk, &s, s.channels, rest, in);
    } else {
        to_side(walk, &s, s.channels, x, in);
    }
    for (size_t d = 0; d < op->n_directions; d++) {
        const memory m = memory_of(op, &s, d, in);
        walk_steps(walk, op, &s, d, in, &m, rest, out);
        from_side(walk, &s, s.units, out, one, y + d * s.units * lanes);
    }
}

/* ---- backwards ---- */

/* The gradients of a direction: of its output; of what the input gives the gates; of what the state gives a GRU's last gate. */
typedef struct gradients {
    float *d_out, *d_inputs, *d_last;
    float *d_h, *d_next, *d_c, *d_a; /* of a step */
} gradients;

static gradients gradients_of(const shape *s, float **room)
{
    gradients g;
    g.d_out = *room;
    g.d_inputs = g.d_out + s->units * s->wide;
    g.d_last = g.d_inputs + s->gates * s->units * s->wide;
    g.d_h = g.d_last + s->units * s->wide;
    g.d_next = g.d_h + s->state;
    g.d_c = g.d_next + s->state;
    g.d_a = g.d_c + s->state;
    *room = g.d_a + s->gates * s->state;
    return g;
}

static size_t gradients_floats(const shape *s)
{
    return (s->gates + 2) * s->units * s->wide + (s->gates + 3) * s->state;
}

/* rows x side, side by side, to and from a step's place in rows of `wide`. */
static void add_step(const shape *s, const float *from, size_t t, float *to)
{
    for (size_t u = 0; u < s->units; u++) {
        for (size_t b = 0; b < s->side; b++) to[u * s->side + b] += from[u * s->wide + t * s->side + b];
    }
}

static void put_step(const shape *s, const float *from, size_t t, float *to)
{
    for (size_t u = 0; u < s->units; u++) {
        memcpy(to + u * s->wide + t * s->side, from + u * s->side, s->side * sizeof *to);
    }
}

/* From the last step that was made to the first: fills d_inputs, and d_last of a GRU. */
static void walk_steps_back(sl_walk *walk, const sl_op *op, const shape *s, size_t direction, const memory *m, gradients *g)
{
    const sl_recurrent *r = &op->recurrent[direction];
    const bool is_gru = op->kind == SL_LAYER_GRU;
    const float *turned = walk->net->turned + ((const float *)r->h.w - walk->net->params);
    const float *before = is_gru ? m->states : m->cells;
    memset(g->d_inputs, 0, s->gates * s->units * s->wide * sizeof(float));
    memset(g->d_last, 0, s->units * s->wide * sizeof(float));
    memset(g->d_h, 0, s->state * sizeof(float));
    memset(g->d_c, 0, s->state * sizeof(float));
    for (size_t i = 0; i < s->steps; i++) {
        const size_t t = direction == 0 ? s->steps - 1 - i : i; /* and the step before it in the layer's own order: */
        const float *h = i + 1 == s->steps ? NULL : before + (direction == 0 ? t - 1 : t + 1) * s->state;
        end_objects(walk, op, s, t, g->d_h, g->d_c);
        add_step(s, g->d_out, t, g->d_h);
        const sl_gates_back back = {.rows = s->units, .lanes = s->side, .kept = m->gates + t * s->state * kept_of(op),
                                    .h = h, .d_h = g->d_h, .d_c = g->d_c, .d_x = g->d_inputs + t * s->side,
                                    .d_x_stride = s->wide, .d_a = g->d_a};
        (is_gru ? walk->kernels->recur.gru_back : walk->kernels->recur.lstm_back)(&back);
        if (is_gru) put_step(s, g->d_a + 2 * s->state, t, g->d_last);
        const sl_gemm of_state = {.n = s->units, .k = r->h.n, .lanes = s->side, .w = turned, .bias = walk->zeros,
                                  .x = is_gru ? g->d_a : g->d_inputs + t * s->side,
                                  .x_stride = is_gru ? s->side : s->wide, .add = g->d_h, .c = g->d_next,
                                  .c_stride = s->side};
        walk->kernels->gemm(&of_state);
        float *swap = g->d_h;
        g->d_h = g->d_next;
        g->d_next = swap;
    }
}

/* Rows [from, from + n) of a matrix with its bias. */
static sl_matrix rows_of(const sl_matrix *m, size_t from, size_t n)
{
    return (sl_matrix){.n = (uint32_t)n, .k = m->k, .words = m->k, .w = (const float *)m->w + from * m->k,
                       .bias = m->bias + from};
}

/* The gradients of a direction's weights. `turned` has room for both signals turned around, `room` for a product. */
static void weights_back(sl_walk *walk, const sl_op *op, const shape *s, size_t direction, const float *in,
                         const memory *m, const gradients *g, float *turned, float *room)
{
    const sl_recurrent *r = &op->recurrent[direction];
    walk->kernels->train.transpose(s->channels, s->wide, s->wide, in, turned);
    sl_walk_weights_back(walk, &r->x, s->wide, g->d_inputs, NULL, turned, NULL, room);
    const size_t row = sl_stride(s->units), step = s->side * row;
    memset(turned, 0, (s->wide + s->side) * row * sizeof *turned);
    for (size_t t = 0; t < s->steps; t++) { /* to the place of the step that comes to know of it */
        const size_t at = direction == 0 ? t + 1 : t;
        walk->kernels->train.transpose(s->units, s->side, s->side, m->states + t * s->state, turned + at * step);
    }
    const float *before = direction == 0 ? turned : turned + step;
    if (op->kind == SL_LAYER_LSTM) {
        sl_walk_weights_back(walk, &r->h, s->wide, g->d_inputs, NULL, before, NULL, room);
    } else {
        const sl_matrix first = rows_of(&r->h, 0, 2 * s->units), last = rows_of(&r->h, 2 * s->units, s->units);
        sl_walk_weights_back(walk, &first, s->wide, g->d_inputs, NULL, before, NULL, room);
        sl_walk_weights_back(walk, &last, s->wide, g->d_last, NULL, before, NULL, room);
    }
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t turned_floats(const shape *s)
{
    return larger(sl_stride(s->channels) * s->wide, sl_stride(s->units) * (s->wide + s->side));
}

static size_t product_floats(const sl_op *op)
{
    return sl_stride(larger(sl_product_room(&op->recurrent[0].x), sl_product_room(&op->recurrent[0].h)));
}

static size_t recurrent_room(const sl_train_net *net, const sl_op *op)
{
    const shape s = shape_of(net, op);
    const size_t steps = s.gates * s.units * s.wide + (s.gates + 3) * s.state; /* of walk_steps */
    const size_t forward = s.units * s.wide + s.wide + larger(steps, s.channels * s.wide);
    const size_t backward = gradients_floats(&s) + turned_floats(&s) + product_floats(op) + 2 * s.channels * s.wide + s.wide;
    return larger(forward, backward);
}

static void recurrent_backward(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x)
{
    const sl_op *op = node->op;
    const shape s = shape_of(walk->net, op);
    const size_t lanes = sl_train_lanes(walk->net, op->steps);
    const float *in = walk->kept + node->kept;
    float *room = walk->room;
    gradients g = gradients_of(&s, &room);
    float *turned = room, *product = turned + turned_floats(&s), *d_in = product + product_floats(op);
    float *d_other = d_in + s.channels * s.wide, *one = d_other + s.channels * s.wide;
    for (size_t d = 0; d < op->n_directions; d++) {
        const memory m = memory_of(op, &s, d, walk->kept + node->kept);
        to_side(walk, &s, s.units, d_y + d * s.units * lanes, g.d_out);
        walk_steps_back(walk, op, &s, d, &m, &g);
        weights_back(walk, op, &s, d, in, &m, &g, turned, product);
        if (d_x == NULL) continue;
        sl_walk_product_back(walk, &op->recurrent[d].x, s.wide, g.d_inputs, d > 0 ? d_in : NULL, d > 0 ? d_other : d_in);
    }
    if (d_x == NULL) return;
    from_side(walk, &s, s.channels, op->n_directions > 1 ? d_other : d_in, one, d_x);
    if (node->drop > 0) sl_walk_drop(walk, node, 0, node->drop, s.channels, s.steps, d_x, NULL, d_x);
}

const sl_train_kind sl_train_recurrent = {recurrent_kept, recurrent_room, recurrent_forward, recurrent_backward};
