#include "random_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/model_write.h"

enum { WIDTH = 32, HEADS = 16, KEY_DIM = 2, HIDDEN = 128, N_TENSORS = 20, WEIGHTS = 16384 };

typedef struct draft {
    sl_model_parts parts;
    sl_layer layers[6];
    sl_tensor tensors[N_TENSORS];
    float weights[WEIGHTS];
    size_t used;
    sl_rng rng;
} draft;

static void add_tensor(draft *d, size_t n, double middle, double spread)
{
    float *w = d->weights + d->used;
    d->used += n;
    for (size_t i = 0; i < n; i++) w[i] = (float)(middle + spread * sl_rng_normal(&d->rng));
    d->tensors[d->parts.n_tensors++] = (sl_tensor){.storage = SL_STORAGE_FLOAT32, .data = w, .n_bytes = n * sizeof *w};
}

/* n rows of k and a bias: outputs about as large as the inputs. */
static void add_matrix(draft *d, size_t n, size_t k)
{
    add_tensor(d, n * k, 0, 1 / sqrt((double)k));
    add_tensor(d, n, 0, 0.1);
}

static void add_norm(draft *d)
{
    add_tensor(d, WIDTH, 1, 0.1);
    add_tensor(d, WIDTH, 0, 0.1);
}

static void fill(draft *d)
{
    const sl_contract *c = &d->parts.contract;
    static const sl_layer layers[] = {
        {.kind = SL_LAYER_CONV1D, .activation = SL_ACTIVATION_RELU, .n_tensors = 2, .units = WIDTH, .kernel = 1},
        {.kind = SL_LAYER_POSITIONS},
        {.kind = SL_LAYER_ENCODER,
         .n_tensors = SL_ENCODER_TENSORS,
         .heads = HEADS,
         .key_dim = KEY_DIM,
         .hidden = HIDDEN,
         .epsilon = 1e-6f},
        {.kind = SL_LAYER_MEAN_OVER_TIME},
        {.kind = SL_LAYER_DENSE, .n_tensors = 2},
        {.kind = SL_LAYER_SOFTMAX},
    };
    memcpy(d->layers, layers, sizeof layers);
    d->layers[4].units = c->n_classes;
    d->parts.layers = d->layers;
    d->parts.n_layers = sizeof layers / sizeof layers[0];
    d->parts.tensors = d->tensors;

    add_matrix(d, WIDTH, sl_contract_input_channels(c));
    for (int i = 0; i < 3; i++) add_matrix(d, (size_t)HEADS * KEY_DIM, WIDTH); /* queries, keys, values */
    add_matrix(d, WIDTH, (size_t)HEADS * KEY_DIM);
    add_norm(d);
    add_matrix(d, HIDDEN, WIDTH);
    add_matrix(d, WIDTH, HIDDEN);
    add_norm(d);
    add_matrix(d, c->n_classes, WIDTH);
}

sl_status random_model(const char *contract, void **bytes, size_t *n_bytes, sl_error *err)
{
    draft *d = calloc(1, sizeof *d);
    if (d == NULL) return SL_ERR_NOMEM;
    sl_rng_init(&d->rng, 1, 0);
    sl_status status = sl_contract_preset(contract, &d->parts.contract, err);
    if (status == SL_OK) {
        fill(d);
        status = sl_model_write_memory(&d->parts, bytes, n_bytes, err);
    }
    free(d);
    return status;
}
