/* Plain loops that the compiler vectorises: one step costs a thousandth of the batch before it. */
#include "train/adam.h"

#include <math.h>

double sl_gradient_norm(const sl_train_net *net, const float *grad)
{
    /* Eight sums side by side, added up in one order. */
    double sums[8] = {0};
    for (size_t i = 0; i < net->n_params; i += 8) { /* a multiple of SL_LANES */
        for (size_t l = 0; l < 8; l++) sums[l] += (double)grad[i + l] * (double)grad[i + l];
    }
    return sqrt(((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])));
}

typedef struct step {
    float beta1, beta2, epsilon, factor;
    float keep;  /* of the weight, AdamW */
    float decay; /* into the gradient, Adam */
    float rate;  /* over 1 - beta1^step */
    float root;  /* 1 over the root of 1 - beta2^step */
} step;

static void step_tensor(const step *s, size_t n, const float *restrict grad, float *restrict m, float *restrict v,
                        float *restrict w)
{
    for (size_t i = 0; i < n; i++) {
        const float g = grad[i] * s->factor + s->decay * w[i];
        m[i] = s->beta1 * m[i] + (1 - s->beta1) * g;
        v[i] = s->beta2 * v[i] + (1 - s->beta2) * (g * g);
        w[i] = s->keep * w[i] - s->rate * m[i] / (sqrtf(v[i]) * s->root + s->epsilon);
    }
}

void sl_adam_step(const sl_adam *a, const sl_train_net *net, uint64_t number, float rate, float factor, const float *grad,
                  float *m, float *v, float *params)
{
    const double t = (double)number;
    step s = {.beta1 = a->beta1, .beta2 = a->beta2, .epsilon = a->epsilon, .factor = factor,
              .rate = (float)((double)rate / (1 - pow(a->beta1, t))), .root = (float)(1 / sqrt(1 - pow(a->beta2, t)))};
    for (size_t i = 0; i < net->parts.n_tensors; i++) {
        const sl_train_tensor *tensor = &net->tensors[i];
        if (tensor->frozen) continue;
        const float decay = tensor->rows > 0 ? a->decay : 0;
        s.keep = a->decoupled ? 1 - rate * decay : 1;
        s.decay = a->decoupled ? 0 : decay;
        const size_t at = tensor->at;
        step_tensor(&s, tensor->n, grad + at, m + at, v + at, params + at);
    }
}

void sl_average_step(size_t n, float keep, const float *restrict params, float *restrict average)
{
    for (size_t i = 0; i < n; i++) average[i] += (1 - keep) * (params[i] - average[i]);
}
