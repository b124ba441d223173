/* Trains a small t2 for some steps and prints, as text, all that PyTorch needs to do the same, for test_train.py:
 *   train_step [features] [adam]
 * "S steps batch ..." sizes and options; "I"/"L"/"W" an object's input, label and weight; "T rank shape..." a tensor;
 * behind it "P" its weights before, "G" its gradient in the first step, "N" its weights behind the last step;
 * "E" the loss of each step. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "train/learner.h"
#include "train/nets.h"

enum { OBJECTS = 37, STEPS = 3, T = 50, BANDS = 6 };
static const sl_loss loss = {.smoothing = 0.1f, .temperature = 1};
static const float rate = 1e-2f, clip = 0.5f;

static void print_floats(const char *what, const float *x, size_t n)
{
    printf("%s", what);
    for (size_t i = 0; i < n; i++) printf(" %.9g", (double)x[i]);
    printf("\n");
}

static void make_contract(sl_contract *c, uint32_t n_features)
{
    sl_contract_preset("starling", c, NULL);
    c->n_bands = c->n_channels = BANDS;
    for (uint32_t b = 0; b < BANDS; b++) {
        c->bands[b] = (sl_band){.wavelength_aa = 4000 + 1000 * b};
        c->bands[b].name[0] = "ugrizy"[b];
    }
    c->gp.grid_length = T;
    c->n_features = n_features;
    for (uint32_t i = 0; i < n_features; i++) {
        c->features[i] = SL_FEATURE_LOG_PEAK;
        c->feature_spread[i] = 1;
    }
}

static void fill_lessons(sl_lesson *lessons, float *inputs, size_t n_input, uint32_t classes)
{
    sl_rng rng;
    sl_rng_init(&rng, 1, 9);
    for (size_t i = 0; i < OBJECTS; i++) {
        float *x = inputs + i * n_input;
        for (size_t k = 0; k < n_input; k++) x[k] = (float)sl_rng_normal(&rng);
        lessons[i] = (sl_lesson){.input = x, .label = (uint8_t)sl_rng_below(&rng, classes),
                                 .weight = (float)(0.1 + sl_rng_uniform(&rng)) / OBJECTS};
        print_floats("I", x, n_input);
        printf("L %d\nW %.9g\n", lessons[i].label, (double)lessons[i].weight);
    }
}

static void run(sl_learner *l, const sl_adam *adam, const sl_lesson *lessons, float *first)
{
    const size_t bytes = l->net->n_params * sizeof *first;
    float *before = malloc(bytes);
    memcpy(before, l->net->params, bytes);
    printf("E");
    for (int step = 0; step < STEPS; step++) {
        printf(" %.17g", sl_learner_gradient(l, lessons, OBJECTS, &loss));
        if (step == 0) memcpy(first, l->grads, bytes);
        sl_learner_step(l, adam, rate, clip, 0);
    }
    printf("\n");
    for (size_t i = 0; i < l->net->parts.n_tensors; i++) {
        const sl_train_tensor *at = &l->net->tensors[i];
        const sl_tensor *t = &l->net->parts.tensors[i];
        printf("T %u", t->rank);
        for (uint32_t d = 0; d < t->rank; d++) printf(" %u", t->shape[d]);
        printf("\n");
        print_floats("P", before + at->at, at->n);
        print_floats("G", first + at->at, at->n);
        print_floats("N", l->net->params + at->at, at->n);
    }
    free(before);
}

int main(int argc, char **argv)
{
    bool features = false, plain = false;
    for (int i = 1; i < argc; i++) {
        features = features || strcmp(argv[i], "features") == 0;
        plain = plain || strcmp(argv[i], "adam") == 0;
    }
    static sl_contract contract;
    sl_net_size size;
    sl_model_parts parts;
    sl_arena arena;
    sl_error err;
    sl_learner *learner = NULL;
    sl_arena_init(&arena, 1 << 28);
    make_contract(&contract, features ? 5 : 0);
    if (sl_net_size_preset("t2", &size, &err) < 0 || sl_net_build(&size, &contract, 3, &arena, &parts, &err) < 0 ||
        sl_learner_new(&parts, NULL, OBJECTS, 2, &learner, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const sl_adam adam = {.beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .decay = 0.2f, .decoupled = !plain};
    printf("S %d %d %d %u %g %g %g %g %d\n", T, BANDS, STEPS, contract.n_classes, (double)loss.smoothing, (double)rate,
           (double)clip, (double)adam.decay, plain);
    const size_t n_input = sl_contract_input_floats(&contract);
    float *inputs = SL_ARENA_NEW(&arena, float, OBJECTS * n_input);
    float *first = SL_ARENA_NEW(&arena, float, learner->net->n_params);
    sl_lesson lessons[OBJECTS];
    fill_lessons(lessons, inputs, n_input, contract.n_classes);
    run(learner, &adam, lessons, first);
    sl_learner_free(learner);
    sl_arena_release(&arena);
    return 0;
}
