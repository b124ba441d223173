/* tests/unit/random_model.h - networks of t2's kind with random weights, of any size. */
#ifndef SL_TESTS_UNIT_RANDOM_MODEL_H
#define SL_TESTS_UNIT_RANDOM_MODEL_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "model/parts.h"
#include "starling/contract.h"

typedef struct random_size {
    uint32_t steps, channels, width, kernel, heads, key_dim, hidden, blocks, classes;
    uint32_t extras;
    sl_extra_mode extra_mode;
    sl_storage weights; /* of all matrices; bfloat16 of everything */
    bool table;
} random_size;

/* Everything is allocated from the arena. */
static inline const float *random_floats(sl_arena *arena, sl_rng *rng, size_t n, double mean, double deviation)
{
    float *x = SL_ARENA_NEW(arena, float, n);
    for (size_t i = 0; i < n; i++) x[i] = (float)(mean + deviation * sl_rng_normal(rng));
    return x;
}

static inline void random_add(sl_model_parts *parts, sl_arena *arena, sl_rng *rng, sl_storage storage, double mean, double deviation,
                       uint32_t rank, const uint32_t *shape)
{
    sl_tensor *t = &parts->tensors[parts->n_tensors++];
    size_t n = 1;
    for (uint32_t i = 0; i < rank; i++) n *= shape[i];
    *t = (sl_tensor){.scale = 1, .rank = rank, .n_bytes = n * 4};
    memcpy(t->shape, shape, rank * sizeof shape[0]);
    if (storage == SL_STORAGE_BFLOAT16) {
        const float *x = random_floats(arena, rng, n, mean, deviation);
        uint16_t *w = SL_ARENA_NEW(arena, uint16_t, n);
        for (size_t i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, &x[i], sizeof bits);
            w[i] = (uint16_t)(bits >> 16);
        }
        t->storage = storage;
        t->data = w;
        t->n_bytes = 2 * n;
    } else if (storage == SL_STORAGE_INT8) {
        int8_t *w = SL_ARENA_NEW(arena, int8_t, n);
        for (size_t i = 0; i < n; i++) w[i] = (int8_t)((int)sl_rng_below(rng, 255) - 127);
        t->storage = SL_STORAGE_INT8;
        t->scale = (float)(deviation / 64);
        t->data = w;
        t->n_bytes = n;
    } else {
        t->data = random_floats(arena, rng, n, mean, deviation);
    }
    parts->layers[parts->n_layers - 1].n_tensors++;
}

/* The storage of what is no matrix. */
static inline sl_storage rest_of(sl_storage weights)
{
    return weights == SL_STORAGE_INT8 ? SL_STORAGE_FLOAT32 : weights;
}

static inline void random_matrix(sl_model_parts *parts, sl_arena *arena, sl_rng *rng, sl_storage storage, uint32_t n, uint32_t k)
{
    const uint32_t shape[] = {n, k};
    random_add(parts, arena, rng, storage, 0, 1 / sqrt(k), 2, shape);
    random_add(parts, arena, rng, rest_of(storage), 0, 0.3, 1, &n);
}

static inline void random_norm(sl_model_parts *parts, sl_arena *arena, sl_rng *rng, sl_storage storage, uint32_t n)
{
    random_add(parts, arena, rng, rest_of(storage), 1, 0.3, 1, &n);
    random_add(parts, arena, rng, rest_of(storage), 0, 0.3, 1, &n);
}

static inline sl_layer *random_layer(sl_model_parts *parts, sl_layer_kind kind)
{
    sl_layer *layer = &parts->layers[parts->n_layers++];
    *layer = (sl_layer){.kind = kind};
    return layer;
}

static inline void random_encoder(sl_model_parts *parts, sl_arena *arena, sl_rng *rng, const random_size *s)
{
    sl_layer *layer = random_layer(parts, SL_LAYER_ENCODER);
    layer->heads = s->heads;
    layer->key_dim = s->key_dim;
    layer->hidden = s->hidden;
    layer->epsilon = 1e-6f;
    const uint32_t inner = s->heads * s->key_dim;
    for (int i = 0; i < 3; i++) random_matrix(parts, arena, rng, s->weights, inner, s->width);
    random_matrix(parts, arena, rng, s->weights, s->width, inner);
    random_norm(parts, arena, rng, s->weights, s->width);
    random_matrix(parts, arena, rng, s->weights, s->hidden, s->width);
    random_matrix(parts, arena, rng, s->weights, s->width, s->hidden);
    random_norm(parts, arena, rng, s->weights, s->width);
}

static inline void random_contract(sl_contract *c, const random_size *s)
{
    sl_contract_preset("starling", c, NULL);
    snprintf(c->name, sizeof c->name, "random");
    c->n_bands = c->n_channels = s->channels;
    for (uint32_t b = 0; b < s->channels; b++) {
        c->bands[b] = (sl_band){.wavelength_aa = 4000 + 1000 * b};
        c->bands[b].name[0] = "ugrizyab"[b];
    }
    c->gp.grid_length = s->steps;
    c->n_extras = s->extras;
    c->extra_mode = s->extra_mode;
    for (uint32_t i = 0; i < s->extras; i++) c->extras[i] = i % SL_N_EXTRAS;
    c->n_classes = s->classes;
    for (uint32_t i = 0; i < s->classes; i++) {
        c->classes[i] = (sl_class){.plasticc_id = (int32_t)i + 1};
        snprintf(c->classes[i].name, SL_MAX_NAME, "class %u", i);
    }
}

/* A novelty of that kind for a network whose last dense layer takes `width` channels. */
static inline const sl_novelty *random_novelty(sl_arena *arena, uint64_t seed, sl_novelty_kind kind, uint32_t width,
                                               uint32_t classes)
{
    sl_rng rng;
    sl_rng_init(&rng, seed, 2);
    sl_novelty *n = SL_ARENA_NEW(arena, sl_novelty, 1);
    *n = (sl_novelty){.kind = kind, .n_quantiles = 5};
    float *quantiles = SL_ARENA_NEW(arena, float, n->n_quantiles);
    for (uint32_t i = 0; i < n->n_quantiles; i++) quantiles[i] = (float)width * (float)i * (float)i / 8;
    n->quantiles = quantiles;
    if (kind == SL_NOVELTY_ENERGY) return n;
    n->width = width;
    n->rank = classes - 1;
    n->known = ((uint64_t)1 << (classes - 1)) | 1; /* the first and the last */
    float *directions = SL_ARENA_NEW(arena, float, width * n->rank), *pull = SL_ARENA_NEW(arena, float, n->rank);
    for (uint32_t i = 0; i < width * n->rank; i++) directions[i] = (float)sl_rng_normal(&rng);
    for (uint32_t r = 0; r < n->rank; r++) pull[r] = (float)r / (float)n->rank;
    sl_novelty_round(directions, width, n->rank);
    n->directions = directions;
    n->pull = pull;
    n->origin = random_floats(arena, &rng, n->rank, 0, 1);
    n->centers = random_floats(arena, &rng, (size_t)n->rank * classes, 0, 1);
    return n;
}

/* conv1d, positions, blocks, mean, dense, softmax. */
static inline sl_model_parts *random_model(sl_arena *arena, uint64_t seed, const random_size *s)
{
    sl_rng rng;
    sl_rng_init(&rng, seed, 0);
    sl_model_parts *parts = SL_ARENA_NEW(arena, sl_model_parts, 1);
    *parts = (sl_model_parts){.layers = SL_ARENA_NEW(arena, sl_layer, SL_MAX_LAYERS),
                              .tensors = SL_ARENA_NEW(arena, sl_tensor, SL_MAX_TENSORS)};
    random_contract(&parts->contract, s);
    const uint32_t steps = sl_contract_input_steps(&parts->contract);
    const uint32_t channels = sl_contract_input_channels(&parts->contract);

    sl_layer *conv = random_layer(parts, SL_LAYER_CONV1D);
    conv->units = s->width;
    conv->kernel = s->kernel;
    conv->activation = SL_ACTIVATION_RELU;
    const uint32_t shape[] = {s->width, s->kernel, channels};
    random_add(parts, arena, &rng, rest_of(s->weights), 0, 1 / sqrt(s->kernel * channels), 3, shape);
    random_add(parts, arena, &rng, rest_of(s->weights), 0, 0.3, 1, &s->width);

    random_layer(parts, SL_LAYER_POSITIONS);
    const uint32_t table[] = {steps, s->width};
    if (s->table) random_add(parts, arena, &rng, rest_of(s->weights), 0, 1, 2, table);

    for (uint32_t i = 0; i < s->blocks; i++) random_encoder(parts, arena, &rng, s);
    random_layer(parts, SL_LAYER_MEAN_OVER_TIME);
    random_layer(parts, SL_LAYER_DENSE)->units = s->classes;
    random_matrix(parts, arena, &rng, s->weights, s->classes, s->width);
    random_layer(parts, SL_LAYER_SOFTMAX);
    return parts;
}

#endif
