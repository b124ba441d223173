#include "train/nets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* A network in the making: steps and channels of the signal so far. */
typedef struct maker {
    sl_model_parts *parts;
    sl_arena *arena;
    sl_rng rng;
    const sl_net_size *size;
    uint32_t channels;
    bool no_memory;
} maker;

static sl_layer *add_layer(maker *m, sl_layer_kind kind)
{
    sl_layer *layer = &m->parts->layers[m->parts->n_layers++];
    *layer = (sl_layer){.kind = kind};
    return layer;
}

/* Uniform within +-range about `middle`. */
static void add_tensor(maker *m, const char *name, uint32_t rank, const uint32_t *shape, double middle, double range)
{
    sl_tensor *t = &m->parts->tensors[m->parts->n_tensors++];
    size_t n = 1;
    for (uint32_t i = 0; i < rank; i++) n *= shape[i];
    *t = (sl_tensor){.storage = SL_STORAGE_FLOAT32, .scale = 1, .rank = rank, .n_bytes = n * sizeof(float),
                     .name = {name, strlen(name)}};
    memcpy(t->shape, shape, rank * sizeof shape[0]);
    m->parts->layers[m->parts->n_layers - 1].n_tensors++;
    float *w = SL_ARENA_NEW(m->arena, float, n);
    if (w == NULL) {
        m->no_memory = true;
        return;
    }
    for (size_t i = 0; i < n; i++) w[i] = (float)(middle + (range > 0 ? range * (2 * sl_rng_uniform(&m->rng) - 1) : 0));
    t->data = w;
}

static void add_vector(maker *m, const char *name, uint32_t n, double value)
{
    add_tensor(m, name, 1, &n, value, 0);
}

static void add_matrix(maker *m, const char *name, uint32_t rows, uint32_t columns)
{
    const uint32_t shape[] = {rows, columns};
    add_tensor(m, name, 2, shape, 0, sqrt(6.0 / ((double)rows + columns)));
    add_vector(m, "bias", rows, 0);
}

static void add_conv1d(maker *m, uint32_t units, uint32_t kernel)
{
    sl_layer *layer = add_layer(m, SL_LAYER_CONV1D);
    const uint32_t shape[] = {units, kernel, m->channels};
    layer->units = units;
    layer->kernel = kernel;
    layer->activation = SL_ACTIVATION_RELU;
    add_tensor(m, "conv1d", 3, shape, 0, sqrt(6.0 / ((double)kernel * ((double)units + m->channels))));
    add_vector(m, "bias", units, 0);
    m->channels = units;
}

static void add_norm(maker *m, uint32_t n)
{
    add_vector(m, "gamma", n, 1);
    add_vector(m, "beta", n, 0);
}

static void add_encoder(maker *m)
{
    const sl_net_size *s = m->size;
    const uint32_t width = m->channels, key_dim = s->width / s->heads, inner = s->heads * key_dim;
    sl_layer *layer = add_layer(m, SL_LAYER_ENCODER);
    layer->heads = s->heads;
    layer->key_dim = key_dim;
    layer->hidden = s->hidden;
    layer->epsilon = 1e-6f;
    add_matrix(m, "wq", inner, width);
    add_matrix(m, "wk", inner, width);
    add_matrix(m, "wv", inner, width);
    add_matrix(m, "wo", width, inner);
    add_norm(m, width);
    add_matrix(m, "w1", s->hidden, width);
    add_matrix(m, "w2", width, s->hidden);
    add_norm(m, width);
}

static void add_dense(maker *m, uint32_t units, sl_activation activation)
{
    sl_layer *layer = add_layer(m, SL_LAYER_DENSE);
    layer->units = units;
    layer->activation = activation;
    add_matrix(m, "dense", units, m->channels);
    m->channels = units;
}

/* Where the contract has any. */
static void add_features(maker *m)
{
    const uint32_t n = sl_contract_input_features(&m->parts->contract);
    if (n == 0) return;
    add_layer(m, SL_LAYER_FEATURES);
    m->channels += n;
}

/* t2, of any size: convolution, positions, encoders, mean over time. */
static void make_t2(maker *m)
{
    if (m->size->tile) add_features(m);
    add_conv1d(m, m->size->width, m->size->kernel);
    add_layer(m, SL_LAYER_POSITIONS);
    for (uint32_t i = 0; i < m->size->blocks; i++) add_encoder(m);
    add_layer(m, SL_LAYER_MEAN_OVER_TIME);
    if (!m->size->tile) add_features(m);
    if (m->size->head > 0) add_dense(m, m->size->head, SL_ACTIVATION_RELU);
    add_dense(m, m->parts->contract.n_classes, SL_ACTIVATION_NONE);
    add_layer(m, SL_LAYER_SOFTMAX);
}

static const struct net {
    const char *name;
    void (*make)(maker *m);
    sl_net_size size;
} nets[] = {
    {"t2", make_t2, {.name = "t2", .width = 32, .heads = 16, .hidden = 128, .blocks = 1, .kernel = 1}},
};
enum { N_NETS = sizeof nets / sizeof nets[0] };

static const struct net *find_net(const char *name)
{
    for (int i = 0; name != NULL && i < N_NETS; i++) {
        if (strcmp(nets[i].name, name) == 0) return &nets[i];
    }
    return NULL;
}

const char *sl_net_name(size_t index)
{
    return index < N_NETS ? nets[index].name : NULL;
}

sl_status sl_net_size_preset(const char *name, sl_net_size *out, sl_error *err)
{
    const struct net *net = find_net(name);
    if (net == NULL) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "there is no network '%.32s'", name == NULL ? "" : name);
    *out = net->size;
    return SL_OK;
}

static sl_status check_size(const sl_net_size *s, sl_error *err)
{
    if (s->width < 1 || s->width > SL_MAX_WIDTH || s->heads < 1 || s->heads > s->width || s->width % s->heads != 0) {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "%u heads do not share a width of %u", s->heads, s->width);
    }
    if (s->hidden < 1 || s->hidden > SL_MAX_HIDDEN || s->kernel < 1 || s->kernel > SL_MAX_KERNEL || s->blocks > 32 ||
        s->head > SL_MAX_WIDTH) {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "a network of feed-forward %u, kernel %u, %u blocks, head %u",
                       s->hidden, s->kernel, s->blocks, s->head);
    }
    return SL_OK;
}

sl_status sl_net_build(const sl_net_size *size, const sl_contract *contract, uint64_t seed, sl_arena *arena,
                       sl_model_parts *out, sl_error *err)
{
    const struct net *net = find_net(size->name);
    if (net == NULL) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "there is no network '%.32s'", size->name);
    SL_TRY(check_size(size, err));
    *out = (sl_model_parts){.contract = *contract, .layers = SL_ARENA_NEW(arena, sl_layer, SL_MAX_LAYERS),
                            .tensors = SL_ARENA_NEW(arena, sl_tensor, SL_MAX_TENSORS)};
    if (out->layers == NULL || out->tensors == NULL) return SL_FAIL_NOMEM(err);
    maker m = {.parts = out, .arena = arena, .size = size, .channels = sl_contract_input_channels(contract)};
    sl_rng_init(&m.rng, seed, 7);
    net->make(&m);
    return m.no_memory ? SL_FAIL_NOMEM(err) : SL_OK;
}
