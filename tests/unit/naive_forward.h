/* tests/unit/naive_forward.h - networks in float64, one number at a time; row t, column c. */
#ifndef SL_TESTS_UNIT_NAIVE_FORWARD_H
#define SL_TESTS_UNIT_NAIVE_FORWARD_H

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "model/parts.h"
#include "starling/contract.h"

typedef struct signal {
    uint32_t steps, channels;
    double *x;
} signal;

static inline double weight(const sl_tensor *t, size_t i)
{
    if (t->storage == SL_STORAGE_INT8) return (double)t->scale * ((const int8_t *)t->data)[i];
    if (t->storage == SL_STORAGE_FLOAT32) return ((const float *)t->data)[i];
    const uint32_t bits = (uint32_t)((const uint16_t *)t->data)[i] << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline signal new_signal(sl_arena *arena, uint32_t steps, uint32_t channels)
{
    const signal s = {steps, channels, SL_ARENA_NEW(arena, double, (size_t)steps * channels)};
    memset(s.x, 0, (size_t)steps * channels * sizeof *s.x);
    return s;
}

/* y[t] = W x[t] + b over `kernel` neighbours, zeros beyond the ends. */
static inline signal naive_matrix(sl_arena *arena, signal in, const sl_tensor *w, uint32_t n, uint32_t kernel, sl_activation activation)
{
    const signal out = new_signal(arena, in.steps, n);
    for (uint32_t t = 0; t < in.steps; t++) {
        for (uint32_t u = 0; u < n; u++) {
            double sum = weight(&w[1], u);
            for (uint32_t place = 0; place < kernel; place++) {
                const int64_t from = (int64_t)t + place - (kernel - 1) / 2;
                if (from < 0 || from >= in.steps) continue;
                for (uint32_t c = 0; c < in.channels; c++) {
                    sum += weight(&w[0], (u * kernel + place) * in.channels + c) * in.x[from * in.channels + c];
                }
            }
            if (activation == SL_ACTIVATION_RELU && sum < 0) sum = 0;
            out.x[t * n + u] = activation == SL_ACTIVATION_SILU ? sum / (1 + exp(-sum)) : sum;
        }
    }
    return out;
}

static inline signal naive_attention(sl_arena *arena, signal q, signal k, signal v, const sl_layer *layer)
{
    const signal out = new_signal(arena, q.steps, q.channels);
    double *a = SL_ARENA_NEW(arena, double, q.steps);
    for (uint32_t h = 0; h < layer->heads; h++) {
        for (uint32_t t = 0; t < q.steps; t++) {
            double max = -INFINITY, sum = 0;
            for (uint32_t j = 0; j < q.steps; j++) {
                a[j] = 0;
                for (uint32_t d = h * layer->key_dim; d < (h + 1) * layer->key_dim; d++) {
                    a[j] += q.x[t * q.channels + d] * k.x[j * q.channels + d] / sqrt(layer->key_dim);
                }
                max = fmax(max, a[j]);
            }
            for (uint32_t j = 0; j < q.steps; j++) sum += a[j] = exp(a[j] - max);
            for (uint32_t d = h * layer->key_dim; d < (h + 1) * layer->key_dim; d++) {
                for (uint32_t j = 0; j < q.steps; j++) {
                    out.x[t * q.channels + d] += a[j] / sum * v.x[j * q.channels + d];
                }
            }
        }
    }
    return out;
}

static inline signal naive_norm(sl_arena *arena, signal a, signal b, const sl_tensor *w, double epsilon)
{
    const signal out = new_signal(arena, a.steps, a.channels);
    for (uint32_t t = 0; t < a.steps; t++) {
        double *y = out.x + (size_t)t * a.channels, mean = 0, variance = 0;
        for (uint32_t c = 0; c < a.channels; c++) {
            y[c] = a.x[t * a.channels + c] + b.x[t * a.channels + c];
            mean += y[c] / a.channels;
        }
        for (uint32_t c = 0; c < a.channels; c++) variance += (y[c] - mean) * (y[c] - mean) / a.channels;
        for (uint32_t c = 0; c < a.channels; c++) {
            y[c] = (y[c] - mean) / sqrt(variance + epsilon) * weight(&w[0], c) + weight(&w[1], c);
        }
    }
    return out;
}

static inline signal naive_encoder(sl_arena *arena, signal x, const sl_layer *layer, const sl_tensor *w)
{
    const uint32_t inner = layer->heads * layer->key_dim;
    const signal q = naive_matrix(arena, x, w + SL_ENCODER_WQ, inner, 1, SL_ACTIVATION_NONE);
    const signal k = naive_matrix(arena, x, w + SL_ENCODER_WK, inner, 1, SL_ACTIVATION_NONE);
    const signal v = naive_matrix(arena, x, w + SL_ENCODER_WV, inner, 1, SL_ACTIVATION_NONE);
    const signal o = naive_attention(arena, q, k, v, layer);
    const signal y = naive_matrix(arena, o, w + SL_ENCODER_WO, x.channels, 1, SL_ACTIVATION_NONE);
    const signal x1 = naive_norm(arena, x, y, w + SL_ENCODER_GAMMA1, layer->epsilon);
    const signal hidden = naive_matrix(arena, x1, w + SL_ENCODER_W1, layer->hidden, 1, SL_ACTIVATION_RELU);
    const signal z = naive_matrix(arena, hidden, w + SL_ENCODER_W2, x.channels, 1, SL_ACTIVATION_NONE);
    return naive_norm(arena, x1, z, w + SL_ENCODER_GAMMA2, layer->epsilon);
}

static inline signal naive_features(sl_arena *arena, signal x, const float *features, uint32_t n)
{
    const signal out = new_signal(arena, x.steps, x.channels + n);
    for (uint32_t t = 0; t < x.steps; t++) {
        for (uint32_t c = 0; c < out.channels; c++) {
            out.x[t * out.channels + c] = c < x.channels ? x.x[t * x.channels + c] : (double)features[c - x.channels];
        }
    }
    return out;
}

/* W x[t] + b of one gate's matrix, rows [first, first + n). */
static inline void naive_gate(const double *x, uint32_t channels, const sl_tensor *w, uint32_t first, uint32_t n, double *out)
{
    for (uint32_t u = 0; u < n; u++) {
        out[u] = weight(&w[1], first + u);
        for (uint32_t c = 0; c < channels; c++) out[u] += weight(&w[0], (size_t)(first + u) * channels + c) * x[c];
    }
}

static inline double naive_logistic(double x)
{
    return 1 / (1 + exp(-x));
}

/* One direction: states of `units` numbers a step, into columns [at, at + units) of out. */
static inline void naive_recurrent(sl_arena *arena, signal x, const sl_layer *layer, const sl_tensor *w, bool backwards,
                                   uint32_t at, signal out)
{
    const uint32_t n = layer->units, gates = layer->kind == SL_LAYER_GRU ? 3 : 4;
    double *h = new_signal(arena, 2, n).x, *c = h + n, *g = new_signal(arena, 2, gates * n).x, *a = g + gates * n;
    for (uint32_t i = 0; i < x.steps; i++) {
        const uint32_t t = backwards ? x.steps - 1 - i : i;
        naive_gate(x.x + (size_t)t * x.channels, x.channels, w, 0, gates * n, g);
        naive_gate(h, n, w + 2, 0, gates * n, a);
        for (uint32_t u = 0; u < n; u++) {
            if (gates == 3) {
                const double r = naive_logistic(g[u] + a[u]), z = naive_logistic(g[n + u] + a[n + u]);
                h[u] = (1 - z) * tanh(g[2 * n + u] + r * a[2 * n + u]) + z * h[u];
            } else {
                const double in = naive_logistic(g[u] + a[u]), forget = naive_logistic(g[n + u] + a[n + u]);
                c[u] = forget * c[u] + in * tanh(g[2 * n + u] + a[2 * n + u]);
                h[u] = naive_logistic(g[3 * n + u] + a[3 * n + u]) * tanh(c[u]);
            }
            out.x[(size_t)t * out.channels + at + u] = h[u];
        }
    }
}

/* max(0, w x + b) over steps `dilation` apart, the last of them the step itself. */
static inline signal naive_causal(sl_arena *arena, signal x, const sl_layer *layer, const sl_tensor *w)
{
    const signal out = new_signal(arena, x.steps, layer->units);
    for (uint32_t t = 0; t < x.steps; t++) {
        for (uint32_t u = 0; u < layer->units; u++) {
            double sum = weight(&w[1], u);
            for (uint32_t place = 0; place < layer->kernel; place++) {
                const int64_t from = (int64_t)t - (int64_t)(layer->kernel - 1 - place) * layer->dilation;
                for (uint32_t c = 0; c < x.channels && from >= 0; c++) {
                    sum += weight(&w[0], (u * layer->kernel + place) * x.channels + c) * x.x[from * x.channels + c];
                }
            }
            out.x[t * out.channels + u] = fmax(0, sum);
        }
    }
    return out;
}

static inline signal naive_tcn(sl_arena *arena, signal x, const sl_layer *layer, const sl_tensor *w)
{
    const signal middle = naive_causal(arena, x, layer, w), out = naive_causal(arena, middle, layer, w + SL_TCN_W2);
    const signal skip = layer->units == x.channels ? x : naive_matrix(arena, x, w + SL_TCN_WS, layer->units, 1, SL_ACTIVATION_NONE);
    for (uint32_t i = 0; i < out.steps * out.channels; i++) out.x[i] = fmax(0, out.x[i] + skip.x[i]);
    return out;
}

static inline signal naive_max_pool(sl_arena *arena, signal x, const sl_layer *layer)
{
    const signal out = new_signal(arena, x.steps / layer->pool_steps, x.channels / layer->pool_channels);
    for (uint32_t i = 0; i < out.steps * out.channels; i++) out.x[i] = -INFINITY;
    for (uint32_t t = 0; t < out.steps * layer->pool_steps; t++) {
        for (uint32_t c = 0; c < out.channels * layer->pool_channels; c++) {
            double *to = &out.x[t / layer->pool_steps * out.channels + c / layer->pool_channels];
            *to = fmax(*to, x.x[t * x.channels + c]);
        }
    }
    return out;
}

/* What a standalone norm does: the activation behind it. */
static inline signal naive_act(signal x, sl_activation activation)
{
    for (uint32_t i = 0; i < x.steps * x.channels; i++) {
        if (activation == SL_ACTIVATION_RELU) x.x[i] = fmax(0, x.x[i]);
        if (activation == SL_ACTIVATION_SILU) x.x[i] /= 1 + exp(-x.x[i]);
    }
    return x;
}

static inline signal naive_layer(sl_arena *arena, signal x, const sl_layer *layer, const sl_tensor *w)
{
    signal out = new_signal(arena, x.steps, x.channels);
    double sum = 0;
    switch (layer->kind) {
    case SL_LAYER_CONV1D: return naive_matrix(arena, x, w, layer->units, layer->kernel, layer->activation);
    case SL_LAYER_DENSE: return naive_matrix(arena, x, w, layer->units, 1, layer->activation);
    case SL_LAYER_ENCODER: return naive_encoder(arena, x, layer, w);
    case SL_LAYER_NORM:
        return naive_act(naive_norm(arena, x, new_signal(arena, x.steps, x.channels), w, layer->epsilon), layer->activation);
    case SL_LAYER_POSITIONS:
        for (uint32_t i = 0; i < x.steps * x.channels; i++) {
            const uint32_t t = i / x.channels, c = i % x.channels;
            const double angle = t / pow(10000, (double)(c / 2 * 2) / x.channels);
            out.x[i] = x.x[i] + (layer->n_tensors > 0 ? weight(w, i) : c % 2 == 0 ? sin(angle) : cos(angle));
        }
        return out;
    case SL_LAYER_GRU:
    case SL_LAYER_LSTM:
        out = new_signal(arena, x.steps, layer->units * (layer->bidirectional ? 2 : 1));
        naive_recurrent(arena, x, layer, w, false, 0, out);
        if (layer->bidirectional) naive_recurrent(arena, x, layer, w + SL_RECURRENT_TENSORS, true, layer->units, out);
        return out;
    case SL_LAYER_TCN: return naive_tcn(arena, x, layer, w);
    case SL_LAYER_MAX_POOL: return naive_max_pool(arena, x, layer);
    case SL_LAYER_FLATTEN: return (signal){1, x.steps * x.channels, x.x};
    case SL_LAYER_LAST_STEP: return (signal){1, x.channels, x.x + (size_t)(x.steps - 1) * x.channels};
    case SL_LAYER_MEAN_OVER_TIME:
        out.steps = 1;
        for (uint32_t i = 0; i < x.steps * x.channels; i++) out.x[i % x.channels] += x.x[i] / x.steps;
        return out;
    default:
        for (uint32_t c = 0; c < x.channels; c++) sum += out.x[c] = exp(x.x[c]);
        for (uint32_t c = 0; c < x.channels; c++) out.x[c] /= sum;
        return out;
    }
}

/* Probabilities of an input of which the first `steps` rows are there. */
static inline const double *naive_run_first(sl_arena *arena, const sl_model_parts *parts, const float *input, uint32_t steps)
{
    const sl_contract *c = &parts->contract;
    signal x = new_signal(arena, steps, sl_contract_input_channels(c));
    for (size_t i = 0; i < (size_t)x.steps * x.channels; i++) x.x[i] = (double)input[i];
    const float *features = input + (size_t)sl_contract_input_steps(c) * x.channels;
    const sl_tensor *w = parts->tensors;
    for (size_t i = 0; i < parts->n_layers; i++) {
        const sl_layer *layer = &parts->layers[i];
        x = layer->kind == SL_LAYER_FEATURES ? naive_features(arena, x, features, sl_contract_input_features(c))
                                             : naive_layer(arena, x, layer, w);
        w += layer->n_tensors;
    }
    return x.x;
}

/* Rows of an input of nights, without the zeros behind them. */
static inline uint32_t naive_steps(const sl_model_parts *parts, const float *input)
{
    const uint32_t channels = sl_contract_input_channels(&parts->contract);
    uint32_t steps = sl_contract_input_steps(&parts->contract);
    for (bool zeros = parts->contract.sees == SL_SEES_NIGHTS; zeros && steps > 1; steps -= zeros) {
        for (uint32_t c = 0; c < channels; c++) zeros = zeros && input[(size_t)(steps - 1) * channels + c] == 0;
    }
    return steps;
}

static inline const double *naive_run(sl_arena *arena, const sl_model_parts *parts, const float *input)
{
    return naive_run_first(arena, parts, input, naive_steps(parts, input));
}

#endif
