/* The loss of one object, in float64: it costs nothing beside the rest. */
#include <math.h>

#include "train/walk.h"

/* ln of the sum of e^z, and the softmax. */
static double log_sum(size_t n, const double *z, double *p)
{
    double most = -INFINITY, sum = 0;
    for (size_t c = 0; c < n; c++) most = fmax(most, z[c]);
    for (size_t c = 0; c < n; c++) sum += p[c] = exp(z[c] - most);
    for (size_t c = 0; c < n; c++) p[c] /= sum;
    return most + log(sum);
}

double sl_loss_of(const sl_loss *loss, const sl_lesson *lesson, size_t n_classes, size_t stride, const float *z, float *d)
{
    double p[SL_MAX_CLASSES], logit[SL_MAX_CLASSES] = {0}, soft[SL_MAX_CLASSES], sum = 0;
    const double share = lesson->soft != NULL ? (double)loss->soft_share : 0, weight = lesson->weight;
    const double even = (double)loss->smoothing / (double)n_classes;
    for (size_t c = 0; c < n_classes; c++) {
        logit[c] = (double)z[c * stride] + (loss->shift != NULL ? (double)loss->shift[c] : 0);
    }
    const double whole = log_sum(n_classes, logit, p);
    for (size_t c = 0; c < n_classes; c++) {
        const double q = even + (c == lesson->label ? 1 - (double)loss->smoothing : 0);
        sum += (1 - share) * q * (whole - logit[c]);
        d[c * stride] = (float)(weight * (1 - share) * (p[c] - q));
    }
    if (share == 0) return weight * sum;
    /* T^2 keeps the gradient's size whatever the temperature. */
    const double t = loss->temperature;
    for (size_t c = 0; c < n_classes; c++) logit[c] /= t;
    const double whole_soft = log_sum(n_classes, logit, p);
    double total = 0;
    for (size_t c = 0; c < n_classes; c++) {
        const double shift = loss->shift != NULL ? (double)loss->shift[c] : 0;
        total += soft[c] = exp((log(fmax((double)lesson->soft[c], 1e-15)) + shift) / t);
    }
    for (size_t c = 0; c < n_classes; c++) {
        const double q = soft[c] / total;
        sum += share * t * t * q * (whole_soft - logit[c]);
        d[c * stride] += (float)(weight * share * t * (p[c] - q));
    }
    return weight * sum;
}
