/* The reference of training's kernels, one number at a time. */
#include "kernels/train_scalar.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

/* One query of one head: row[] is where the head begins, from the query on. */
static void query_back(const sl_attention_back *a, size_t first, size_t t, float shift, float inverse)
{
    float past = 0; /* d_o . o */
    for (size_t d = 0; d < a->key_dim; d++) {
        const size_t at = first + d * a->stride + t;
        past += a->d_o[at] * a->o[at];
    }
    for (size_t j = 0; j < a->steps; j++) {
        float s = 0, g = -past;
        for (size_t d = 0; d < a->key_dim; d++) {
            const size_t row = first + d * a->stride;
            s += a->q[row + t] * a->k[row + j];
            g += a->d_o[row + t] * a->v[row + j];
        }
        const float weight = expf(a->scale * s + shift) * inverse;
        for (size_t d = 0; d < a->key_dim; d++) {
            const size_t row = first + d * a->stride;
            a->d_v[row + j] += weight * a->d_o[row + t];
            a->d_k[row + j] += a->scale * weight * g * a->q[row + t];
            a->d_q[row + t] += a->scale * weight * g * a->k[row + j];
        }
    }
}

void sl_train_scalar_attention_back(const sl_attention_back *a)
{
    for (size_t row = 0; row < a->heads * a->key_dim; row++) {
        memset(a->d_q + row * a->stride, 0, a->lanes * sizeof *a->d_q);
        memset(a->d_k + row * a->stride, 0, a->lanes * sizeof *a->d_k);
        memset(a->d_v + row * a->stride, 0, a->lanes * sizeof *a->d_v);
    }
    for (size_t head = 0; head < a->heads; head++) {
        for (size_t t = 0; t < a->steps; t++) {
            const size_t at = head * a->stride + t;
            query_back(a, head * a->key_dim * a->stride, t, a->shift[at], a->inverse[at]);
        }
    }
}

void sl_train_scalar_norm_back(const sl_norm_back *n)
{
    const float count = (float)n->channels;
    for (size_t t = 0; t < n->lanes; t++) {
        const float *x = n->x + t, *d_y = n->d_y + t;
        float sum = 0, squares = 0, mean_1 = 0, mean_2 = 0;
        for (size_t c = 0; c < n->channels; c++) sum += x[c * n->stride];
        const float mean = sum / count;
        for (size_t c = 0; c < n->channels; c++) {
            const float y = x[c * n->stride] - mean;
            squares += y * y;
        }
        const float inverse = 1 / sqrtf(squares / count + n->epsilon);
        for (size_t c = 0; c < n->channels; c++) {
            const float y = (x[c * n->stride] - mean) * inverse, g = n->gamma[c] * d_y[c * n->stride];
            mean_1 += g;
            mean_2 += g * y;
        }
        mean_1 /= count;
        mean_2 /= count;
        for (size_t c = 0; c < n->channels; c++) {
            const float y = (x[c * n->stride] - mean) * inverse, d = d_y[c * n->stride];
            n->d_gamma[c] += d * y;
            n->d_beta[c] += d;
            n->d_x[c * n->stride + t] = inverse * (n->gamma[c] * d - mean_1 - y * mean_2);
        }
    }
}

void sl_train_scalar_dropout(const sl_dropout *d)
{
    const uint32_t least = (uint32_t)(d->rate * 0x1p32f);
    const float factor = 1 / (1 - d->rate);
    for (size_t r = 0; r < d->rows; r++) {
        for (size_t t = 0; t < d->lanes; t++) {
            const size_t at = r * d->stride + t;
            const uint64_t key = d->low != NULL ? (uint64_t)d->high[t] << 32 | d->low[t] : d->key;
            const bool keep = sl_dropout_draw(key, (uint32_t)(d->low != NULL ? r : r * d->lanes + t)) >= least;
            const float kept = keep ? d->from[at] * factor : 0;
            d->to[at] = d->add != NULL ? d->add[at] + kept : kept;
        }
    }
}

void sl_train_scalar_transpose(size_t rows, size_t lanes, size_t stride, const float *from, float *to)
{
    const size_t wide = sl_stride(rows);
    for (size_t t = 0; t < lanes; t++) {
        for (size_t r = 0; r < wide; r++) to[t * wide + r] = r < rows ? from[r * stride + t] : 0;
    }
}

void sl_train_scalar_row_sums(size_t rows, size_t lanes, size_t stride, const float *x, float *sum)
{
    for (size_t r = 0; r < rows; r++) {
        float all = 0;
        for (size_t t = 0; t < lanes; t++) all += x[r * stride + t];
        sum[r] += all;
    }
}

void sl_train_scalar_relu_back(size_t n, const float *y, float *d)
{
    for (size_t i = 0; i < n; i++) d[i] = y[i] > 0 ? d[i] : 0;
}

void sl_train_scalar_silu_back(size_t n, const float *x, float *d)
{
    for (size_t i = 0; i < n; i++) {
        const float e = expf(-fabsf(x[i])), s = x[i] < 0 ? e / (1 + e) : 1 / (1 + e);
        d[i] *= s * (1 + x[i] * (1 - s));
    }
}
