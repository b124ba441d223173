/* train/adam.h - the optimiser: Adam and AdamW, the global norm, the average of the weights. */
#ifndef SL_TRAIN_ADAM_H
#define SL_TRAIN_ADAM_H

#include "train/net.h"

typedef struct sl_adam {
    float beta1, beta2, epsilon;
    float decay;    /* of weights that are matrices; biases and norms go free */
    bool decoupled; /* AdamW: the decay is of the weight itself, not a part of the gradient */
} sl_adam;

/* Of all of the gradient. */
double sl_gradient_norm(const sl_train_net *net, const float *grad);

/*
 * Step number `step` (1 is the first) with learning rate `rate` on params,
 * by grad times `factor`. m and v are the averages of gradient and square,
 * n_params each, 0 before the first step. As PyTorch computes it:
 *   m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
 *   w -= rate / (1 - beta1^step) m / (root(v) / root(1 - beta2^step) + epsilon),
 * before that w -= rate decay w (AdamW), or g += decay w (Adam).
 */
void sl_adam_step(const sl_adam *a, const sl_train_net *net, uint64_t step, float rate, float factor, const float *grad,
                  float *m, float *v, float *params);

/* average += (1 - keep) (params - average) */
void sl_average_step(size_t n, float keep, const float *params, float *average);

#endif
