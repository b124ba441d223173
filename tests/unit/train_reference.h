/*
 * tests/unit/train_reference.h - networks and their loss in float64, one
 * number at a time, as docs/format.md says it: what training's gradients are
 * differences of.
 */
#ifndef SL_TESTS_UNIT_TRAIN_REFERENCE_H
#define SL_TESTS_UNIT_TRAIN_REFERENCE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/walk.h"

/* A signal: channels x steps, x[c * steps + t]. */
typedef struct ref_signal {
    size_t channels, steps;
    double *x;
} ref_signal;

typedef struct ref_net {
    const sl_train_net *net;
    const double *params; /* as net->params */
    size_t tensor;        /* the next one */
    size_t layer;
    const sl_lesson *lesson;
} ref_net;

static ref_signal ref_new(size_t channels, size_t steps)
{
    return (ref_signal){channels, steps, calloc(channels * steps, sizeof(double))};
}

static const double *ref_take(ref_net *r)
{
    return r->params + r->net->tensors[r->tensor++].at;
}

/* act(W x + b) at each step. */
static ref_signal ref_dense(ref_net *r, const ref_signal *in, size_t units, bool relu)
{
    const double *w = ref_take(r), *b = ref_take(r);
    ref_signal out = ref_new(units, in->steps);
    for (size_t u = 0; u < units; u++) {
        for (size_t t = 0; t < in->steps; t++) {
            double sum = b[u];
            for (size_t c = 0; c < in->channels; c++) sum += w[u * in->channels + c] * in->x[c * in->steps + t];
            out.x[u * in->steps + t] = relu ? fmax(sum, 0) : sum;
        }
    }
    return out;
}

static ref_signal ref_dense_silu(ref_net *r, const ref_signal *in, size_t units)
{
    ref_signal out = ref_dense(r, in, units, false);
    for (size_t i = 0; i < units * in->steps; i++) out.x[i] /= 1 + exp(-out.x[i]);
    return out;
}

static ref_signal ref_conv1d(ref_net *r, const ref_signal *in, const sl_layer *layer)
{
    const double *w = ref_take(r), *b = ref_take(r);
    const long before = ((long)layer->kernel - 1) / 2, steps = (long)in->steps;
    ref_signal out = ref_new(layer->units, in->steps);
    for (size_t u = 0; u < layer->units; u++) {
        for (long t = 0; t < steps; t++) {
            double sum = b[u];
            for (long p = 0; p < (long)layer->kernel; p++) {
                const long from = t + p - before;
                for (size_t c = 0; from >= 0 && from < steps && c < in->channels; c++) {
                    sum += w[(u * layer->kernel + (size_t)p) * in->channels + c] * in->x[c * in->steps + (size_t)from];
                }
            }
            out.x[u * in->steps + (size_t)t] = layer->activation == SL_ACTIVATION_RELU ? fmax(sum, 0) : sum;
        }
    }
    return out;
}

static ref_signal ref_positions(ref_net *r, const ref_signal *in, const sl_layer *layer)
{
    const double *table = layer->n_tensors > 0 ? ref_take(r) : NULL;
    ref_signal out = ref_new(in->channels, in->steps);
    for (size_t c = 0; c < in->channels; c++) {
        for (size_t t = 0; t < in->steps; t++) {
            const double angle = (double)t / pow(10000, (double)(c / 2 * 2) / (double)in->channels);
            const double add = table != NULL ? table[t * in->channels + c] : c % 2 == 0 ? sin(angle) : cos(angle);
            out.x[c * in->steps + t] = in->x[c * in->steps + t] + add;
        }
    }
    return out;
}

/* As sl_walk_drop does it. */
static void ref_drop(const ref_net *r, unsigned site, float rate, ref_signal *s)
{
    const uint64_t key = (r->lesson->draw + 8 * r->layer + site) * 0x9e3779b97f4a7c15u;
    const uint32_t least = (uint32_t)(rate * 0x1p32f);
    for (size_t c = 0; c < s->channels; c++) {
        for (size_t t = 0; t < s->steps; t++) {
            const size_t steps = r->net->network.ops[r->layer].steps, place = steps == 1 ? c : c * sl_stride(steps) + t;
            s->x[c * s->steps + t] *= sl_dropout_draw(key, (uint32_t)place) >= least ? 1 / (1 - (double)rate) : 0;
        }
    }
}

static ref_signal ref_attend(const ref_signal *q, const ref_signal *k, const ref_signal *v, size_t heads)
{
    const size_t steps = q->steps, dim = q->channels / heads;
    ref_signal out = ref_new(q->channels, steps);
    double *a = calloc(steps, sizeof *a);
    for (size_t h = 0; h < heads; h++) {
        for (size_t t = 0; t < steps; t++) {
            double most = -INFINITY, sum = 0;
            for (size_t j = 0; j < steps; j++) {
                a[j] = 0;
                for (size_t d = h * dim; d < (h + 1) * dim; d++) a[j] += q->x[d * steps + t] * k->x[d * steps + j];
                a[j] /= sqrt((double)dim);
                most = fmax(most, a[j]);
            }
            for (size_t j = 0; j < steps; j++) sum += a[j] = exp(a[j] - most);
            for (size_t d = h * dim; d < (h + 1) * dim; d++) {
                for (size_t j = 0; j < steps; j++) out.x[d * steps + t] += a[j] / sum * v->x[d * steps + j];
            }
        }
    }
    free(a);
    return out;
}

static void ref_add_norm(ref_net *r, ref_signal *x, const ref_signal *add, double epsilon)
{
    const double *gamma = ref_take(r), *beta = ref_take(r), n = (double)x->channels;
    for (size_t t = 0; t < x->steps; t++) {
        double mean = 0, variance = 0;
        for (size_t c = 0; c < x->channels; c++) mean += (x->x[c * x->steps + t] += add->x[c * x->steps + t]) / n;
        for (size_t c = 0; c < x->channels; c++) variance += pow(x->x[c * x->steps + t] - mean, 2) / n;
        for (size_t c = 0; c < x->channels; c++) {
            double *at = &x->x[c * x->steps + t];
            *at = (*at - mean) / sqrt(variance + epsilon) * gamma[c] + beta[c];
        }
    }
}

static ref_signal ref_encoder(ref_net *r, const ref_signal *in, const sl_layer *layer, float drop)
{
    const size_t inner = layer->heads * layer->key_dim;
    ref_signal q = ref_dense(r, in, inner, false), k = ref_dense(r, in, inner, false), v = ref_dense(r, in, inner, false);
    ref_signal o = ref_attend(&q, &k, &v, layer->heads), y = ref_dense(r, &o, in->channels, false);
    ref_drop(r, 0, drop, &y);
    ref_add_norm(r, &y, in, layer->epsilon);
    ref_signal hidden = ref_dense(r, &y, layer->hidden, true), z = ref_dense(r, &hidden, in->channels, false);
    ref_drop(r, 1, drop, &z);
    ref_add_norm(r, &z, &y, layer->epsilon);
    free(q.x), free(k.x), free(v.x), free(o.x), free(y.x), free(hidden.x);
    return z;
}

/* One way of a GRU or an LSTM, into channels [at, at + units) of out. */
static void ref_recurrent(ref_net *r, const ref_signal *in, const sl_layer *layer, bool backwards, size_t at, ref_signal *out)
{
    const size_t n = layer->units, gates = layer->kind == SL_LAYER_GRU ? 3 : 4, steps = in->steps;
    const double *wx = ref_take(r), *bx = ref_take(r), *wh = ref_take(r), *bh = ref_take(r);
    double *h = calloc(2 * n, sizeof *h), *c = h + n, *g = calloc(2 * gates * n, sizeof *g), *a = g + gates * n;
    for (size_t i = 0; i < steps; i++) {
        const size_t t = backwards ? steps - 1 - i : i;
        for (size_t u = 0; u < gates * n; u++) {
            g[u] = bx[u];
            a[u] = bh[u];
            for (size_t k = 0; k < in->channels; k++) g[u] += wx[u * in->channels + k] * in->x[k * steps + t];
            for (size_t k = 0; k < n; k++) a[u] += wh[u * n + k] * h[k];
        }
        for (size_t u = 0; u < n; u++) {
            const double first = 1 / (1 + exp(-g[u] - a[u])), second = 1 / (1 + exp(-g[n + u] - a[n + u]));
            if (gates == 3) {
                h[u] = (1 - second) * tanh(g[2 * n + u] + first * a[2 * n + u]) + second * h[u];
            } else {
                c[u] = second * c[u] + first * tanh(g[2 * n + u] + a[2 * n + u]);
                h[u] = tanh(c[u]) / (1 + exp(-g[3 * n + u] - a[3 * n + u]));
            }
            out->x[(at + u) * steps + t] = h[u];
        }
    }
    free(h), free(g);
}

static ref_signal ref_both(ref_net *r, const ref_signal *in, const sl_layer *layer)
{
    ref_signal out = ref_new(layer->units * (layer->bidirectional ? 2 : 1), in->steps);
    ref_recurrent(r, in, layer, false, 0, &out);
    if (layer->bidirectional) ref_recurrent(r, in, layer, true, layer->units, &out);
    return out;
}

/* max(0, w x + b) over steps `dilation` apart, the last of them the step itself. */
static ref_signal ref_causal(ref_net *r, const ref_signal *in, const sl_layer *layer)
{
    const double *w = ref_take(r), *b = ref_take(r);
    ref_signal out = ref_new(layer->units, in->steps);
    for (size_t u = 0; u < layer->units; u++) {
        for (size_t t = 0; t < in->steps; t++) {
            double sum = b[u];
            for (size_t p = 0; p < layer->kernel; p++) {
                const size_t back = (layer->kernel - 1 - p) * layer->dilation;
                for (size_t c = 0; back <= t && c < in->channels; c++) {
                    sum += w[(u * layer->kernel + p) * in->channels + c] * in->x[c * in->steps + t - back];
                }
            }
            out.x[u * in->steps + t] = fmax(sum, 0);
        }
    }
    return out;
}

static ref_signal ref_tcn(ref_net *r, const ref_signal *in, const sl_layer *layer, float drop)
{
    ref_signal first = ref_causal(r, in, layer);
    ref_drop(r, 0, drop, &first);
    ref_signal out = ref_causal(r, &first, layer), skip = {0};
    ref_drop(r, 1, drop, &out);
    if (layer->units != in->channels) skip = ref_dense(r, in, layer->units, false);
    const double *past = skip.x != NULL ? skip.x : in->x;
    for (size_t i = 0; i < out.channels * out.steps; i++) out.x[i] = fmax(0, out.x[i] + past[i]);
    free(first.x), free(skip.x);
    return out;
}

static ref_signal ref_max_pool(const ref_signal *in, const sl_layer *layer)
{
    ref_signal out = ref_new(in->channels / layer->pool_channels, in->steps / layer->pool_steps);
    for (size_t i = 0; i < out.channels * out.steps; i++) out.x[i] = -INFINITY;
    for (size_t c = 0; c < out.channels * layer->pool_channels; c++) {
        for (size_t t = 0; t < out.steps * layer->pool_steps; t++) {
            double *to = &out.x[c / layer->pool_channels * out.steps + t / layer->pool_steps];
            *to = fmax(*to, in->x[c * in->steps + t]);
        }
    }
    return out;
}

/* Flat, step after step; or the last step only. */
static ref_signal ref_one_step(const ref_signal *in, bool last)
{
    const size_t from = last ? in->steps - 1 : 0;
    ref_signal out = ref_new(in->channels * (in->steps - from), 1);
    for (size_t t = from; t < in->steps; t++) {
        for (size_t c = 0; c < in->channels; c++) out.x[(t - from) * in->channels + c] = in->x[c * in->steps + t];
    }
    return out;
}

static ref_signal ref_mean(const ref_signal *in)
{
    ref_signal out = ref_new(in->channels, 1);
    for (size_t c = 0; c < in->channels; c++) {
        for (size_t t = 0; t < in->steps; t++) out.x[c] += in->x[c * in->steps + t] / (double)in->steps;
    }
    return out;
}

static ref_signal ref_features(const ref_net *r, const ref_signal *in)
{
    const sl_network *net = &r->net->network;
    ref_signal out = ref_new(in->channels + net->n_features, in->steps);
    memcpy(out.x, in->x, in->channels * in->steps * sizeof *out.x);
    for (size_t i = 0; i < net->n_features * in->steps; i++) {
        out.x[in->channels * in->steps + i] = r->lesson->input[net->steps * net->channels + i / in->steps];
    }
    return out;
}

/* The rate at which training drops there. */
static float ref_rate(const ref_net *r)
{
    for (size_t i = 0; i < r->net->n_nodes; i++) {
        if (r->net->nodes[i].index == r->layer) return r->net->nodes[i].drop;
    }
    return 0;
}

static ref_signal ref_norm(ref_net *r, const ref_signal *in, const sl_layer *layer)
{
    ref_signal out = ref_new(in->channels, in->steps), zeros = ref_new(in->channels, in->steps);
    memcpy(out.x, in->x, in->channels * in->steps * sizeof *out.x);
    ref_add_norm(r, &out, &zeros, layer->epsilon);
    free(zeros.x);
    for (size_t i = 0; i < out.channels * out.steps; i++) {
        if (layer->activation == SL_ACTIVATION_RELU) out.x[i] = fmax(out.x[i], 0);
        if (layer->activation == SL_ACTIVATION_SILU) out.x[i] /= 1 + exp(-out.x[i]);
    }
    return out;
}

static ref_signal ref_layer(ref_net *r, ref_signal *in, const sl_layer *layer)
{
    const float drop = ref_rate(r);
    switch (layer->kind) {
    case SL_LAYER_CONV1D: return ref_conv1d(r, in, layer);
    case SL_LAYER_POSITIONS: return ref_positions(r, in, layer);
    case SL_LAYER_ENCODER: return ref_encoder(r, in, layer, drop);
    case SL_LAYER_NORM: return ref_norm(r, in, layer);
    case SL_LAYER_MEAN_OVER_TIME: return ref_mean(in);
    case SL_LAYER_FEATURES: return ref_features(r, in);
    case SL_LAYER_GRU:
    case SL_LAYER_LSTM: ref_drop(r, 0, drop, in); return ref_both(r, in, layer);
    case SL_LAYER_TCN: return ref_tcn(r, in, layer, drop);
    case SL_LAYER_MAX_POOL: return ref_max_pool(in, layer);
    case SL_LAYER_FLATTEN: return ref_one_step(in, false);
    case SL_LAYER_LAST_STEP: return ref_one_step(in, true);
    case SL_LAYER_DENSE:
        ref_drop(r, 0, drop, in);
        if (layer->activation == SL_ACTIVATION_SILU) return ref_dense_silu(r, in, layer->units);
        return ref_dense(r, in, layer->units, layer->activation == SL_ACTIVATION_RELU);
    default: abort();
    }
}

/* weight x loss of one object, with params in the place of the network's. */
static double ref_loss(const sl_train_net *net, const double *params, const sl_lesson *lesson, const sl_loss *loss)
{
    ref_net r = {.net = net, .params = params, .lesson = lesson};
    ref_signal x = ref_new(net->network.channels, sl_network_length(&net->network, lesson->input));
    for (size_t i = 0; i < x.channels * x.steps; i++) x.x[i % x.channels * x.steps + i / x.channels] = lesson->input[i];
    for (; r.layer + 1 < net->parts.n_layers; r.layer++) {
        ref_signal y = ref_layer(&r, &x, &net->parts.layers[r.layer]);
        free(x.x);
        x = y;
    }
    const size_t n = x.channels;
    const double t = loss->temperature, share = lesson->soft != NULL ? (double)loss->soft_share : 0;
    double sum = 0, sum_t = 0, soft = 0, total = 0, shift[SL_MAX_CLASSES];
    for (size_t c = 0; c < n; c++) shift[c] = loss->shift != NULL ? (double)loss->shift[c] : 0;
    for (size_t c = 0; c < n; c++) sum += exp(x.x[c] + shift[c]);
    for (size_t c = 0; c < n; c++) sum_t += exp((x.x[c] + shift[c]) / t);
    for (size_t c = 0; share > 0 && c < n; c++) soft += pow((double)lesson->soft[c] * exp(shift[c]), 1 / t);
    for (size_t c = 0; c < n; c++) {
        const double q = (double)loss->smoothing / (double)n + (c == lesson->label ? 1 - (double)loss->smoothing : 0);
        total -= (1 - share) * q * (x.x[c] + shift[c] - log(sum));
        if (share == 0) continue;
        const double told = pow((double)lesson->soft[c] * exp(shift[c]), 1 / t) / soft;
        total -= share * t * t * told * ((x.x[c] + shift[c]) / t - log(sum_t));
    }
    free(x.x);
    return (double)lesson->weight * total;
}

#endif
