/* The reference of the recurrent kernels, one number at a time. */
#include "kernels/recur_scalar.h"

#include <math.h>

static float logistic(float x)
{
    return 1 / (1 + expf(-x));
}

void sl_recur_scalar_matvec(const sl_matvec *m)
{
    for (size_t i = 0; i < m->lanes; i++) {
        float sum = 0;
        for (size_t k = 0; k < m->k; k++) sum += m->w[k * m->lanes + i] * m->x[k];
        m->y[i] = sum + m->bias[i];
    }
}

void sl_recur_scalar_gru(const sl_gates *g)
{
    const size_t n = g->rows * g->lanes;
    for (size_t i = 0; i < n; i++) {
        const size_t row = i / g->lanes, lane = i % g->lanes;
        const float *x = g->x + row * g->x_stride + lane, *a = g->a + i;
        const float r = logistic(x[0] + a[0]);
        const float z = logistic(x[g->rows * g->x_stride] + a[n]);
        const float new = tanhf(x[2 * g->rows * g->x_stride] + r * a[2 * n]);
        if (g->kept != NULL) {
            g->kept[i] = r;
            g->kept[n + i] = z;
            g->kept[2 * n + i] = new;
            g->kept[3 * n + i] = a[2 * n];
        }
        g->h[i] = (1 - z) * new + z * g->h[i];
        g->out[row * g->out_stride + lane] = g->h[i];
    }
}

void sl_recur_scalar_lstm(const sl_gates *g)
{
    const size_t n = g->rows * g->lanes;
    for (size_t i = 0; i < n; i++) {
        const size_t row = i / g->lanes, lane = i % g->lanes, next = g->rows * g->x_stride;
        const float *x = g->x + row * g->x_stride + lane, *a = g->a + i;
        const float in = logistic(x[0] + a[0]), forget = logistic(x[next] + a[n]);
        const float new = tanhf(x[2 * next] + a[2 * n]), out = logistic(x[3 * next] + a[3 * n]);
        g->c[i] = forget * g->c[i] + in * new;
        const float tanh_c = tanhf(g->c[i]);
        if (g->kept != NULL) {
            g->kept[i] = in;
            g->kept[n + i] = forget;
            g->kept[2 * n + i] = new;
            g->kept[3 * n + i] = out;
            g->kept[4 * n + i] = tanh_c;
        }
        g->h[i] = out * tanh_c;
        g->out[row * g->out_stride + lane] = g->h[i];
    }
}

void sl_recur_scalar_gru_back(const sl_gates_back *g)
{
    const size_t n = g->rows * g->lanes;
    for (size_t i = 0; i < n; i++) {
        const float r = g->kept[i], z = g->kept[n + i], new = g->kept[2 * n + i], a = g->kept[3 * n + i];
        const float h = g->h != NULL ? g->h[i] : 0, d = g->d_h[i];
        const float d_new = d * (1 - z) * (1 - new * new);
        const float d_z = d * (h - new) * z * (1 - z), d_r = d_new * a * r * (1 - r);
        float *d_x = g->d_x + i / g->lanes * g->d_x_stride + i % g->lanes;
        g->d_a[i] = d_x[0] = d_r;
        g->d_a[n + i] = d_x[g->rows * g->d_x_stride] = d_z;
        g->d_a[2 * n + i] = d_new * r;
        d_x[2 * g->rows * g->d_x_stride] = d_new;
        g->d_h[i] = d * z;
    }
}

void sl_recur_scalar_lstm_back(const sl_gates_back *g)
{
    const size_t n = g->rows * g->lanes, next = g->rows * g->d_x_stride;
    for (size_t i = 0; i < n; i++) {
        const float in = g->kept[i], forget = g->kept[n + i], new = g->kept[2 * n + i], out = g->kept[3 * n + i];
        const float tanh_c = g->kept[4 * n + i], c = g->h != NULL ? g->h[i] : 0, d = g->d_h[i];
        const float d_c = g->d_c[i] + d * out * (1 - tanh_c * tanh_c);
        float *d_x = g->d_x + i / g->lanes * g->d_x_stride + i % g->lanes;
        d_x[0] = d_c * new * in * (1 - in);
        d_x[next] = d_c * c * forget * (1 - forget);
        d_x[2 * next] = d_c * in * (1 - new * new);
        d_x[3 * next] = d * tanh_c * out * (1 - out);
        g->d_c[i] = d_c * forget;
        g->d_h[i] = 0;
    }
}
