/* One temperature for all probabilities. */
#include <math.h>

#include "base/error.h"
#include "starling/answers.h"

/*
 * Derivatives of the loss by b = 1 / T: with q = softmax(b z + offset) of a row,
 * d/db = E_q[z] - z_label, d2/db2 = Var_q[z] >= 0.
 */
static void derivatives(const sl_answers *a, const double *weight, const double *offset, double b, double *first, double *second)
{
    *first = *second = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (a->label[i] == SL_NO_LABEL) continue;
        const float *z = a->logits + i * a->n_classes;
        const double own = (double)z[a->label[i]];
        double highest = -INFINITY, sum = 0, mean = 0, squares = 0; /* of z - own, which moves neither derivative */
        for (uint32_t k = 0; k < a->n_classes; k++) highest = fmax(highest, b * ((double)z[k] - own) + offset[k]);
        for (uint32_t k = 0; k < a->n_classes; k++) {
            const double d = (double)z[k] - own, e = exp(b * d + offset[k] - highest);
            sum += e;
            mean += e * d;
            squares += e * d * d;
        }
        mean /= sum;
        const double w = weight[a->label[i]];
        *first += w * mean;
        *second += w * (squares / sum - mean * mean);
    }
}

sl_status sl_temperature_fit(const sl_answers *a, sl_counting counting, double *temperature, sl_error *err)
{
    SL_REQUIRE(a != NULL && temperature != NULL && a->logits != NULL, err);
    double rows[SL_MAX_CLASSES] = {0}, weight[SL_MAX_CLASSES], offset[SL_MAX_CLASSES];
    size_t labelled = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (a->label[i] == SL_NO_LABEL) continue;
        rows[a->label[i]]++;
        labelled++;
    }
    SL_REQUIRE(labelled > 0, err);
    for (uint32_t k = 0; k < SL_MAX_CLASSES; k++) {
        weight[k] = counting == SL_COUNT_CLASSES && rows[k] > 0 ? 1 / rows[k] : 1;
        offset[k] = counting == SL_COUNT_SHARES ? log(rows[k] / (double)labelled) : 0; /* -inf: never the answer */
    }
    double low = 1 / 20.0, high = 1 / 0.05, b = 1;
    for (int step = 0; step < 100 && high - low > 1e-7 * b; step++) {
        double first, second;
        derivatives(a, weight, offset, b, &first, &second);
        if (fabs(first) <= 1e-9 * second * b) break;
        *(first < 0 ? &low : &high) = b; /* the slope rises with b */
        const double newton = b - first / second;
        b = newton > low && newton < high ? newton : sqrt(low * high);
    }
    *temperature = 1 / b;
    return SL_OK;
}
