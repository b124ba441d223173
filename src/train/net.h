/*
 * train/net.h - a network whose weights change: the parts of a model with all
 * tensors as float32 in one vector, and what each layer needs to go backwards.
 *
 * The layers' shapes, checks and views of the weights are the model room's
 * (sl_network), so a network that trains is one that runs. What training adds
 * is a kind of layer's four functions, one file a kind or family: train/layer_*.c.
 *
 * Objects go through together, `batch` at a time, side by side in the lanes: a
 * signal of C channels over T steps is C rows of lanes, and object b has those
 * from sl_train_at(b, T) on. With one step the objects lie close together.
 */
#ifndef SL_TRAIN_NET_H
#define SL_TRAIN_NET_H

#include "base/arena.h"
#include "kernels/kernels.h"
#include "model/network.h"

typedef struct sl_train_net sl_train_net;
typedef struct sl_train_node sl_train_node;
typedef struct sl_walk sl_walk;

/* How a kind of layer trains. */
typedef struct sl_train_kind {
    /* floats to keep from forward to backward, and for use within either; NULL: 0 */
    size_t (*kept)(const sl_train_net *net, const sl_op *op);
    size_t (*room)(const sl_train_net *net, const sl_op *op);
    /* x to y */
    void (*forward)(sl_walk *walk, const sl_train_node *node, const float *x, float *y);
    /* d_y to d_x, and the weights' gradients added to walk->grad. d_y may be spoilt; d_x is NULL where nobody asks. */
    void (*backward)(sl_walk *walk, const sl_train_node *node, const float *x, const float *y, float *d_y, float *d_x);
} sl_train_kind;

/* A layer in its place. */
struct sl_train_node {
    const sl_op *op;
    const sl_train_kind *kind;
    size_t index;     /* in the network; folded layers have no node */
    size_t tensor;    /* its first */
    bool first;       /* nobody asks for the gradient of its input */
    float drop;       /* rate of dropout at this layer's places; 0 for none */
    size_t y, kept;   /* where a walk has its output, and what it keeps */
    float *left, *right, *left_turned; /* where features were folded: the matrix' two parts, and the first turned around */
};

/* A tensor's place among the parameters. */
typedef struct sl_train_tensor {
    size_t at, n;          /* first float, a multiple of SL_LANES, and how many */
    size_t rows, columns;  /* of a matrix; rows = 0 for what is none */
    bool frozen;           /* a table of positions: stays as it is */
} sl_train_tensor;

struct sl_train_net {
    sl_arena arena;
    sl_model_parts parts; /* data points into params */
    sl_network network;
    const sl_kernels *kernels;
    size_t batch; /* objects that go through together */
    size_t n_params; /* floats of params, gaps included: they stay 0 */
    float *params;
    float *turned; /* each matrix transposed, at the same place */
    sl_train_tensor *tensors; /* parts.n_tensors */
    size_t n_nodes; /* all layers but the softmax and those that a neighbour does */
    sl_train_node *nodes;
    size_t x_floats, features_floats, y_floats, kept_floats, room_floats, most_floats; /* of a walk */
    size_t most_rows; /* of a product */
};

static inline size_t sl_train_lanes(const sl_train_net *net, size_t steps)
{
    return steps == 1 ? sl_stride(net->batch) : net->batch * sl_stride(steps);
}

/* The first lane of object b. */
static inline size_t sl_train_at(size_t b, size_t steps)
{
    return steps == 1 ? b : b * sl_stride(steps);
}

/* How training drops: rates, 0 for none. */
typedef struct sl_train_drops {
    /* behind attention and behind the feed-forward, before each is added; on what goes into a recurrent layer behind
       another; behind each convolution of a causal block; on what FLATTEN gives a dense layer */
    float encoder;
    float head; /* on what other dense layers take, but for those where features or the input come in */
} sl_train_drops;

/* How many objects of a batch best go through together: as many as there are lanes or more where a layer is recurrent or
   all see one step, few otherwise. */
size_t sl_train_batch(const sl_model_parts *parts, size_t batch);

/*
 * Take over a network: float32 copies of the weights, whatever their storage.
 * SL_ERR_UNSUPPORTED where a layer cannot be trained.
 */
sl_status sl_train_net_new(const sl_model_parts *parts, size_t batch, const sl_train_drops *drops, sl_train_net **out,
                           sl_error *err);
void sl_train_net_free(sl_train_net *net);
/* After the weights changed: transpose the matrices anew. */
void sl_train_net_turn(sl_train_net *net);

/* The bytes of the model file with these weights (n_params floats) in the place of the network's. Gives *bytes; free with free().
   Errors as sl_model_write_memory. */
sl_status sl_train_net_write(const sl_train_net *net, const float *params, void **bytes, size_t *n_bytes, sl_error *err);

/* NULL where training does not know the kind. */
const sl_train_kind *sl_train_kind_of(sl_layer_kind kind);
extern const sl_train_kind sl_train_conv1d, sl_train_positions, sl_train_encoder, sl_train_mean, sl_train_dense,
    sl_train_features, sl_train_folded, sl_train_recurrent, sl_train_tcn, sl_train_max_pool, sl_train_flatten,
    sl_train_last_step, sl_train_norm;
void sl_train_unfold(const sl_train_net *net, const sl_train_node *node);

#endif
