#include "train/nets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/model_write.h"

/* A network in the making: steps and channels of the signal so far. */
typedef struct maker {
    sl_model_parts *parts;
    sl_arena *arena;
    sl_rng rng;
    const sl_net_size *size;
    uint32_t steps, channels;
    bool no_memory;
} maker;

static sl_layer *add_layer(maker *m, sl_layer_kind kind)
{
    sl_layer *layer = &m->parts->layers[m->parts->n_layers++];
    *layer = (sl_layer){.kind = kind};
    return layer;
}

/* The next tensor of the layer: room for its numbers, NULL where there is none. */
static float *new_tensor(maker *m, const char *name, uint32_t rank, const uint32_t *shape, size_t *count)
{
    sl_tensor *t = &m->parts->tensors[m->parts->n_tensors++];
    size_t n = 1;
    for (uint32_t i = 0; i < rank; i++) n *= shape[i];
    *t = (sl_tensor){.storage = SL_STORAGE_FLOAT32, .scale = 1, .rank = rank, .n_bytes = n * sizeof(float),
                     .name = {name, strlen(name)}};
    memcpy(t->shape, shape, rank * sizeof shape[0]);
    m->parts->layers[m->parts->n_layers - 1].n_tensors++;
    float *w = SL_ARENA_NEW(m->arena, float, n);
    if (w == NULL) m->no_memory = true;
    t->data = w;
    *count = n;
    return w;
}

/* Uniform within +-range about `middle`. */
static void add_tensor(maker *m, const char *name, uint32_t rank, const uint32_t *shape, double middle, double range)
{
    size_t n;
    float *w = new_tensor(m, name, rank, shape, &n);
    for (size_t i = 0; w != NULL && i < n; i++) {
        w[i] = (float)(middle + (range > 0 ? range * (2 * sl_rng_uniform(&m->rng) - 1) : 0));
    }
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

/* The weights of a convolution, and its bias. */
static void add_kernel(maker *m, const char *name, uint32_t units, uint32_t kernel, uint32_t channels)
{
    const uint32_t shape[] = {units, kernel, channels};
    add_tensor(m, name, 3, shape, 0, sqrt(6.0 / ((double)kernel * ((double)units + channels))));
    add_vector(m, "bias", units, 0);
}

static void add_conv1d(maker *m, uint32_t units, uint32_t kernel)
{
    sl_layer *layer = add_layer(m, SL_LAYER_CONV1D);
    layer->units = units;
    layer->kernel = kernel;
    layer->activation = SL_ACTIVATION_RELU;
    add_kernel(m, "conv1d", units, kernel, m->channels);
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

/* Dense layers to the classes, where features come in unless they did before. */
static void add_head(maker *m)
{
    const sl_net_size *s = m->size;
    if (!s->tile) add_features(m);
    for (int i = 0; i < 2; i++) {
        const sl_activation act = s->silu ? SL_ACTIVATION_SILU : SL_ACTIVATION_RELU;
        if (s->head[i] == 0) continue;
        add_dense(m, s->head[i], s->norm ? SL_ACTIVATION_NONE : act);
        if (!s->norm) continue;
        sl_layer *norm = add_layer(m, SL_LAYER_NORM);
        norm->epsilon = 1e-5f;
        norm->activation = act;
        add_norm(m, m->channels);
    }
    add_dense(m, m->parts->contract.n_classes, SL_ACTIVATION_NONE);
    add_layer(m, SL_LAYER_SOFTMAX);
}

/* t2, of any size: convolution, positions, encoders, mean over time. */
static void make_t2(maker *m)
{
    if (m->size->tile) add_features(m);
    add_conv1d(m, m->size->width, m->size->kernel);
    add_layer(m, SL_LAYER_POSITIONS);
    for (uint32_t i = 0; i < m->size->blocks; i++) add_encoder(m);
    add_layer(m, SL_LAYER_MEAN_OVER_TIME);
    add_head(m);
}

/* Columns of length 1 at right angles to each other: normal numbers, made so by Gram and Schmidt, twice against rounding. */
static void make_orthogonal(maker *m, float *w, size_t rows, size_t columns)
{
    double *q = SL_ARENA_NEW(m->arena, double, rows * columns); /* column after column */
    if (q == NULL) {
        m->no_memory = true;
        return;
    }
    for (size_t c = 0; c < columns; c++) {
        double *column = q + c * rows, size = 0;
        for (size_t r = 0; r < rows; r++) column[r] = sl_rng_normal(&m->rng);
        for (size_t i = 0; i < 2 * c; i++) {
            const double *other = q + i % c * rows;
            double share = 0;
            for (size_t r = 0; r < rows; r++) share += column[r] * other[r];
            for (size_t r = 0; r < rows; r++) column[r] -= share * other[r];
        }
        for (size_t r = 0; r < rows; r++) size += column[r] * column[r];
        for (size_t r = 0; r < rows; r++) w[r * columns + c] = (float)(column[r] /= sqrt(size));
    }
}

/* Two layers of GRUs as Keras begins them: Glorot for the input, orthogonal for the states, no biases. */
static void make_gru(maker *m)
{
    const uint32_t units = m->size->width, n = 3 * units;
    if (m->size->tile) add_features(m);
    for (uint32_t i = 0; i < m->size->blocks; i++) {
        add_layer(m, SL_LAYER_GRU)->units = units;
        add_matrix(m, "wx", n, m->channels);
        const uint32_t shape[] = {n, units};
        size_t count;
        float *w = new_tensor(m, "wh", 2, shape, &count);
        if (w != NULL) make_orthogonal(m, w, n, units);
        add_vector(m, "bias", n, 0);
        m->channels = units;
    }
    add_layer(m, SL_LAYER_LAST_STEP);
    add_head(m);
}

/* Layers of LSTMs both ways as PyTorch begins them: all within 1 / root(units). */
static void make_lstm(maker *m)
{
    const uint32_t units = m->size->width, n = 4 * units;
    const double range = 1 / sqrt(units);
    if (m->size->tile) add_features(m);
    for (uint32_t i = 0; i < m->size->blocks; i++) {
        sl_layer *layer = add_layer(m, SL_LAYER_LSTM);
        layer->units = units;
        layer->bidirectional = true;
        for (int way = 0; way < 2; way++) {
            const uint32_t of_input[] = {n, m->channels}, of_state[] = {n, units};
            add_tensor(m, "wx", 2, of_input, 0, range);
            add_tensor(m, "bias", 1, &n, 0, range);
            add_tensor(m, "wh", 2, of_state, 0, range);
            add_tensor(m, "bias", 1, &n, 0, range);
        }
        m->channels = 2 * units;
    }
    add_layer(m, SL_LAYER_MEAN_OVER_TIME);
    add_head(m);
}

/* Each block looks twice as far back as the one before. */
static void make_tcn(maker *m)
{
    const uint32_t units = m->size->width, kernel = m->size->kernel;
    if (m->size->tile) add_features(m);
    for (uint32_t i = 0; i < m->size->blocks; i++) {
        sl_layer *layer = add_layer(m, SL_LAYER_TCN);
        layer->units = units;
        layer->kernel = kernel;
        layer->dilation = i < 12 ? 1u << i : SL_MAX_GRID_LENGTH;
        add_kernel(m, "conv1", units, kernel, m->channels);
        add_kernel(m, "conv2", units, kernel, units);
        if (units != m->channels) add_matrix(m, "skip", units, m->channels);
        m->channels = units;
    }
    add_layer(m, SL_LAYER_LAST_STEP);
    add_head(m);
}

/* Half of the steps and channels; of one, that one. */
static void add_half(maker *m)
{
    sl_layer *layer = add_layer(m, SL_LAYER_MAX_POOL);
    layer->pool_steps = m->steps > 1 ? 2 : 1;
    layer->pool_channels = m->channels > 1 ? 2 : 1;
    m->steps /= layer->pool_steps;
    m->channels /= layer->pool_channels;
}

/* Pairs of convolutions, each as wide as the pooling before has left it. */
static void make_cnn(maker *m)
{
    if (m->size->tile) add_features(m);
    uint32_t width = m->size->width;
    for (uint32_t i = 0; i < m->size->blocks; i++, width = m->channels) {
        add_conv1d(m, width, m->size->kernel);
        add_conv1d(m, width, m->size->kernel);
        add_half(m);
    }
    add_layer(m, SL_LAYER_FLATTEN);
    m->channels *= m->steps;
    m->steps = 1;
    add_head(m);
}

/* The features, and of a grid no more than its means: what a network is worth beside one that sees the grid. */
static void make_mlp(maker *m)
{
    if (m->size->tile) add_features(m);
    if (m->channels > 0) add_layer(m, SL_LAYER_MEAN_OVER_TIME);
    add_head(m);
}

static const struct net {
    const char *name;
    void (*make)(maker *m);
    sl_net_size size;
} nets[] = {
    {"t2", make_t2, {.name = "t2", .width = 32, .heads = 16, .hidden = 128, .blocks = 1, .kernel = 1}},
    {"gru", make_gru, {.name = "gru", .width = 100, .heads = 1, .hidden = 1, .blocks = 2, .kernel = 1, .tile = true}},
    {"lstm", make_lstm, {.name = "lstm", .width = 32, .heads = 1, .hidden = 1, .blocks = 2, .kernel = 1, .tile = true}},
    {"tcn", make_tcn, {.name = "tcn", .width = 100, .heads = 1, .hidden = 1, .blocks = 4, .kernel = 2, .tile = true}},
    {"cnn", make_cnn, {.name = "cnn", .width = 32, .heads = 1, .hidden = 1, .blocks = 2, .kernel = 3, .head = {32}}},
    {"mlp", make_mlp, {.name = "mlp", .width = 1, .heads = 1, .hidden = 1, .kernel = 1, .head = {256, 128},
                       .silu = true, .norm = true}},
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
        s->head[0] > SL_MAX_WIDTH || s->head[1] > SL_MAX_WIDTH) {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "a network of feed-forward %u, kernel %u, %u blocks, head %u:%u",
                       s->hidden, s->kernel, s->blocks, s->head[0], s->head[1]);
    }
    return SL_OK;
}

sl_status sl_net_build(const sl_net_size *size, const sl_contract *contract, uint64_t seed, sl_arena *arena,
                       sl_model_parts *out, sl_error *err)
{
    const struct net *net = find_net(size->name);
    if (net == NULL) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "there is no network '%.32s'", size->name);
    SL_TRY(check_size(size, err));
    memset(out, 0, sizeof *out);
    out->contract = *contract;
    out->layers = SL_ARENA_NEW(arena, sl_layer, SL_MAX_LAYERS);
    out->tensors = SL_ARENA_NEW(arena, sl_tensor, SL_MAX_TENSORS);
    if (out->layers == NULL || out->tensors == NULL) return SL_FAIL_NOMEM(err);
    maker m = {.parts = out, .arena = arena, .size = size, .steps = sl_contract_input_steps(contract),
               .channels = sl_contract_input_channels(contract)};
    sl_rng_init(&m.rng, seed, 7);
    net->make(&m);
    return m.no_memory ? SL_FAIL_NOMEM(err) : SL_OK;
}

sl_status sl_net_write(const sl_net_size *size, const sl_contract *contract, uint64_t seed, const char *path, sl_error *err)
{
    SL_REQUIRE(size != NULL && contract != NULL && path != NULL, err);
    SL_TRY(sl_contract_check(contract, err));
    sl_arena arena;
    sl_arena_init(&arena, (size_t)512 << 20);
    sl_model_parts *parts = SL_ARENA_NEW(&arena, sl_model_parts, 1);
    sl_status status = parts != NULL ? sl_net_build(size, contract, seed, &arena, parts, err) : SL_FAIL_NOMEM(err);
    if (status == SL_OK) status = sl_model_write(parts, path, err);
    sl_arena_release(&arena);
    return status;
}
