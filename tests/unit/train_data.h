/* tests/unit/train_data.h - a small data set that a network can learn. */
#ifndef SL_TESTS_UNIT_TRAIN_DATA_H
#define SL_TESTS_UNIT_TRAIN_DATA_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "random_model.h"
#include "starling/dataset.h"
#include "unit.h"

typedef struct data_size {
    uint32_t objects, copies, steps, features, classes;
    sl_dataset_storage storage;
    bool telling;     /* the first feature says the class */
    bool peak;        /* scaled by the peak, so that every k-th time is a grid, too */
    uint32_t changed; /* an object whose numbers are others; 0: none */
} data_size;

/* Class k is a wave of frequency k + 1, of any phase, with noise; features tell nothing but where they are to. */
static inline void data_input(const data_size *s, sl_rng *rng, uint32_t label, float *input)
{
    const double phase = 6.28 * sl_rng_uniform(rng);
    for (uint32_t t = 0; t < s->steps; t++) {
        for (uint32_t c = 0; c < 2; c++) {
            const double angle = 6.28 * (label + 1) * t / s->steps + phase + c;
            *input++ = (float)(sin(angle) * (label + 1) + 0.3 * sl_rng_normal(rng));
        }
    }
    for (uint32_t f = 0; f < s->features; f++) *input++ = (float)(sl_rng_normal(rng) + (f == 0 && s->telling ? 6.0 * label : 0));
}

/* Write one into a file of the given name. */
static inline void make_data(const char *path, const data_size *s)
{
    sl_error err;
    sl_contract contract;
    const random_size shape = {.steps = s->steps, .channels = 2, .classes = s->classes};
    random_contract(&contract, &shape);
    if (s->peak) contract.scaling = SL_SCALING_PEAK;
    contract.n_features = s->features;
    for (uint32_t i = 0; i < s->features; i++) {
        contract.features[i] = (sl_feature)(SL_FEATURE_LOG_PEAK + i);
        contract.feature_spread[i] = 1;
    }
    sl_dataset_writer *w;
    assert_ok(sl_dataset_writer_new(path, &contract, s->storage, false, &w, &err), &err);
    float *input = malloc(sl_contract_input_floats(&contract) * sizeof *input);
    for (uint32_t i = 0; i < s->objects; i++) {
        sl_rng rng;
        sl_rng_init(&rng, i > 0 && i == s->changed ? 1000000 + i : i, 5);
        char id[32];
        const int n = snprintf(id, sizeof id, "object %u", i + 1);
        for (uint32_t copy = 0; copy < s->copies; copy++) {
            const sl_dataset_row row = {.object_id = {id, (size_t)n}, .copy = copy, .label = (int)(i * 5 / 3 % s->classes),
                                        .n_points = 10, .redshift = NAN, .redshift_error = NAN};
            data_input(s, &rng, i * 5 / 3 % s->classes, input);
            assert_ok(sl_dataset_writer_add(w, &row, input, &err), &err);
        }
    }
    assert_ok(sl_dataset_writer_finish(w, &err), &err);
    sl_dataset_writer_free(w);
    free(input);
}

/* The bytes of a file; free. */
static inline unsigned char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    unsigned char *bytes = malloc(1 << 20);
    *n = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

static inline void assert_same_file(const char *a, const char *b)
{
    size_t n, m;
    unsigned char *x = slurp(a, &n), *y = slurp(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

#endif
