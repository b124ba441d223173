/* tests/unit/random_stack.h - networks of any layers, one call a layer, with random weights. */
#ifndef SL_TESTS_UNIT_RANDOM_STACK_H
#define SL_TESTS_UNIT_RANDOM_STACK_H

#include "random_model.h"

typedef struct stack {
    sl_model_parts *parts;
    sl_arena *arena;
    sl_rng rng;
    sl_storage storage;
    uint32_t steps, channels; /* of the signal so far */
} stack;

/* `channels` bands, `features` values behind the grid. */
static inline stack new_stack(sl_arena *arena, uint64_t seed, uint32_t steps, uint32_t channels, uint32_t features, uint32_t classes)
{
    const random_size size = {.steps = steps, .channels = channels, .classes = classes};
    stack s = {.parts = SL_ARENA_NEW(arena, sl_model_parts, 1), .arena = arena, .steps = steps, .channels = channels};
    *s.parts = (sl_model_parts){.layers = SL_ARENA_NEW(arena, sl_layer, SL_MAX_LAYERS),
                                .tensors = SL_ARENA_NEW(arena, sl_tensor, SL_MAX_TENSORS)};
    sl_rng_init(&s.rng, seed, 0);
    sl_contract *c = &s.parts->contract;
    random_contract(c, &size);
    c->n_features = features;
    for (uint32_t i = 0; i < features; i++) {
        c->features[i] = SL_FEATURE_LOG_PEAK;
        c->feature_spread[i] = 1;
    }
    return s;
}

static inline void stack_tensor(stack *s, double mean, double deviation, uint32_t rank, const uint32_t *shape)
{
    random_add(s->parts, s->arena, &s->rng, s->storage, mean, deviation, rank, shape);
}

static inline void stack_matrix(stack *s, uint32_t n, uint32_t k)
{
    random_matrix(s->parts, s->arena, &s->rng, s->storage, n, k);
}

static inline void stack_features(stack *s)
{
    random_layer(s->parts, SL_LAYER_FEATURES);
    s->channels += sl_contract_input_features(&s->parts->contract);
}

static inline void stack_conv(stack *s, uint32_t units, uint32_t kernel)
{
    sl_layer *layer = random_layer(s->parts, SL_LAYER_CONV1D);
    layer->units = units;
    layer->kernel = kernel;
    layer->activation = SL_ACTIVATION_RELU;
    const uint32_t shape[] = {units, kernel, s->channels};
    stack_tensor(s, 0, 1 / sqrt(kernel * s->channels), 3, shape);
    stack_tensor(s, 0, 0.3, 1, &units);
    s->channels = units;
}

static inline void stack_positions(stack *s)
{
    random_layer(s->parts, SL_LAYER_POSITIONS);
}

static inline void stack_dense(stack *s, uint32_t units, sl_activation activation)
{
    sl_layer *layer = random_layer(s->parts, SL_LAYER_DENSE);
    layer->units = units;
    layer->activation = activation;
    stack_matrix(s, units, s->channels);
    s->channels = units;
}

static inline void stack_norm(stack *s, sl_activation activation)
{
    sl_layer *layer = random_layer(s->parts, SL_LAYER_NORM);
    layer->epsilon = 1e-3f;
    layer->activation = activation;
    random_norm(s->parts, s->arena, &s->rng, s->storage, s->channels);
}

static inline void stack_mean(stack *s)
{
    random_layer(s->parts, SL_LAYER_MEAN_OVER_TIME);
    s->steps = 1;
}

static inline void stack_recurrent(stack *s, sl_layer_kind kind, uint32_t units, bool bidirectional)
{
    sl_layer *layer = random_layer(s->parts, kind);
    layer->units = units;
    layer->bidirectional = bidirectional;
    const uint32_t n = (kind == SL_LAYER_GRU ? 3 : 4) * units;
    for (int i = 0; i < (bidirectional ? 2 : 1); i++) {
        stack_matrix(s, n, s->channels);
        stack_matrix(s, n, units);
    }
    s->channels = (bidirectional ? 2 : 1) * units;
}

static inline void stack_tcn(stack *s, uint32_t units, uint32_t kernel, uint32_t dilation)
{
    sl_layer *layer = random_layer(s->parts, SL_LAYER_TCN);
    layer->units = units;
    layer->kernel = kernel;
    layer->dilation = dilation;
    for (int i = 0; i < 2; i++) {
        const uint32_t shape[] = {units, kernel, i == 0 ? s->channels : units};
        stack_tensor(s, 0, 1 / sqrt(shape[1] * shape[2]), 3, shape);
        stack_tensor(s, 0, 0.3, 1, &units);
    }
    if (units != s->channels) stack_matrix(s, units, s->channels);
    s->channels = units;
}

static inline void stack_max_pool(stack *s, uint32_t steps, uint32_t channels)
{
    sl_layer *layer = random_layer(s->parts, SL_LAYER_MAX_POOL);
    layer->pool_steps = steps;
    layer->pool_channels = channels;
    s->steps /= steps;
    s->channels /= channels;
}

static inline void stack_flatten(stack *s)
{
    random_layer(s->parts, SL_LAYER_FLATTEN);
    s->channels *= s->steps;
    s->steps = 1;
}

static inline void stack_last_step(stack *s)
{
    random_layer(s->parts, SL_LAYER_LAST_STEP);
    s->steps = 1;
}

/* Inputs of at most that many nights: channels change. */
static inline void stack_nights(stack *s, uint32_t nights)
{
    sl_contract *c = &s->parts->contract;
    c->sees = SL_SEES_NIGHTS;
    c->max_nights = nights;
    c->scaling = SL_SCALING_PEAK;
    s->steps = sl_contract_input_steps(c);
    s->channels = sl_contract_input_channels(c);
}

/* Inputs of nothing but features. */
static inline void stack_features_alone(stack *s)
{
    s->parts->contract.sees = SL_SEES_FEATURES;
    s->channels = 0;
    s->steps = 1;
    stack_features(s);
}

/* A dense layer to the classes, and the softmax. */
static inline void stack_end(stack *s)
{
    stack_dense(s, s->parts->contract.n_classes, SL_ACTIVATION_NONE);
    random_layer(s->parts, SL_LAYER_SOFTMAX);
}

#endif
