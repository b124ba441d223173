/*
 * train/walk.h - one thread's way through a network, forwards and backwards,
 * for a micro-batch of objects; and the products that layers are made of.
 */
#ifndef SL_TRAIN_WALK_H
#define SL_TRAIN_WALK_H

#include "train/net.h"

/* What there is to learn from an object. */
typedef struct sl_lesson {
    const float *input; /* steps x channels, then the features; borrowed */
    const float *soft;  /* n_classes probabilities of teachers, or NULL */
    uint8_t label;
    float weight;  /* of its loss; divided by the batch's size already */
    uint64_t draw; /* seeds its dropout */
} sl_lesson;

/*
 * The loss: -sum_c q_c ln p_c with q the label smoothed; with teachers a share
 * of it is theirs. Where there is a shift, p is the softmax of logits + shift:
 * with the logarithms of the classes' shares of the training set the logits
 * themselves come to stand for classes as frequent as one another (Menon et
 * al. 2021, arXiv:2007.07314). Teachers are taken to have learned so as well:
 * what they say is shifted, too, and made to sum to 1 again.
 */
typedef struct sl_loss {
    float smoothing;   /* q_c = smoothing / n_classes, and 1 - smoothing more for the label */
    float soft_share;  /* in [0, 1]: this much is -T^2 sum_c t_c ln p_c(T) instead, t shifted */
    float temperature; /* T: logits and the teachers' are divided by it there, shift included */
    const float *shift; /* n_classes, or NULL: 0 */
} sl_loss;

struct sl_walk {
    const sl_train_net *net;
    const sl_kernels *kernels;
    bool dropping; /* training, not looking */
    const sl_lesson *lessons;
    size_t n; /* objects; those beyond in the micro-batch are zeros of weight 0 */
    float *x, *features; /* the input; the features: a row each, an object a lane */
    uint32_t *keys;      /* of dropout: the low halves of each lane, then the high ones */
    uint32_t *lengths;   /* steps of each object of the micro-batch: fewer than the network's where nights are */
    float *y, *kept, *room;
    float *d[2];
    float *zeros; /* as a bias that is none */
    float *grad;  /* n_params floats, added to; borrowed */
};

sl_status sl_walk_new(const sl_train_net *net, sl_walk **out, sl_error *err);
void sl_walk_free(sl_walk *walk);
/* Bytes that a walk takes. */
size_t sl_walk_bytes(const sl_train_net *net);

/* n objects, at most net->batch, forwards; gives their logits: n_classes rows of sl_stride(batch). */
const float *sl_walk_forward(sl_walk *walk, const sl_lesson *lessons, size_t n, bool dropping);
/* The same, and backwards: adds to grad, gives the sum of weight x loss. */
double sl_walk_learn(sl_walk *walk, const sl_lesson *lessons, size_t n, const sl_loss *loss, float *grad);

/* One object's loss and its gradient by the logits, z and d being `stride` floats apart. */
double sl_loss_of(const sl_loss *loss, const sl_lesson *lesson, size_t n_classes, size_t stride, const float *z, float *d);

/* ---- for layers ---- */

/* Steps of object b as the layer gets it. */
static inline size_t sl_walk_steps(const sl_walk *walk, const sl_op *op, size_t b)
{
    return op->steps < walk->lengths[b] ? op->steps : walk->lengths[b];
}

/* c = act(W x + b) + add, for all objects. */
void sl_walk_product(const sl_walk *walk, const sl_matrix *m, size_t lanes, const float *x, bool relu, const float *add,
                     float *c);
/* c = W^T d + add. */
void sl_walk_product_back(const sl_walk *walk, const sl_matrix *m, size_t lanes, const float *d, const float *add, float *c);
/*
 * The gradients of W (n x k) and b: d x^T and the sums of d's rows. Of x and d
 * the caller turned one around (transpose of the kernels), the other is NULL:
 * x_turned, or d_turned and x. room: sl_product_room(m).
 */
void sl_walk_weights_back(const sl_walk *walk, const sl_matrix *m, size_t lanes, const float *d, const float *x,
                          const float *x_turned, const float *d_turned, float *room);
size_t sl_product_room(const sl_matrix *m);
/* c[n][k] = sum over the lanes of d[n] x[k], x turned around: n rows of sl_stride(k). */
void sl_walk_outer(const sl_walk *walk, size_t n, size_t k, size_t lanes, const float *d, const float *x_turned, float *c);
/* The gradient's place for a weight. */
float *sl_walk_grad(const sl_walk *walk, const float *weight);
/* to = add + dropped from; `site` tells places of a node apart. Each object draws for itself. */
void sl_walk_drop(const sl_walk *walk, const sl_train_node *node, unsigned site, float rate, size_t rows, size_t steps,
                  const float *from, const float *add, float *to);

#endif
