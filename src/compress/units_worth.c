/*
 * What a unit is worth. With data: the mean over objects of (d loss / d gate)^2,
 * where a gate is a factor 1 on what the unit gives, so that the loss without it
 * is about that much higher (Molchanov et al. 2019, arXiv:1906.10771, their
 * first-order Taylor expansion squared; of heads the gates of Michel et al. 2019,
 * arXiv:1905.10650). The next layer takes the unit by weights w alone, so the
 * derivative by the gate is the sum of w d loss / d w over them: the gradient
 * that training has tells it for every kind of layer.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/units.h"
#include "starling/answers.h"
#include "train/split.h"
#include "train/walk.h"

enum { MOST_OBJECTS = 2048 };

/* ---- by weights ---- */

/* Add the squares of the numbers in a place to their units. */
static void add_squares(const sl_train_net *net, const sl_units *u, const sl_units_place *place, double *sum)
{
    const sl_tensor *t = &net->parts.tensors[place->tensor];
    const sl_train_tensor *at = &net->tensors[place->tensor];
    const float *w = net->params + at->at;
    for (size_t i = 0; i < at->n; i++) {
        const size_t unit = sl_units_at(u, place, t, i);
        if (unit < u->n) sum[unit] += (double)w[i] * (double)w[i];
    }
}

/* The product of the squared norms of what makes a unit and of what takes it. */
static sl_status weigh_alone(const sl_train_net *net, const sl_units *u, double *worth, sl_error *err)
{
    double *sum = malloc(((size_t)u->n + 1) * sizeof *sum);
    if (sum == NULL) return SL_FAIL_NOMEM(err);
    for (uint32_t i = 0; i < u->n; i++) worth[i] = 1;
    for (size_t p = 0; p < u->n_places; p++) {
        if (u->place[p].role == SL_UNITS_ASIDE) continue;
        memset(sum, 0, u->n * sizeof *sum);
        add_squares(net, u, &u->place[p], sum);
        for (uint32_t i = 0; i < u->n; i++) worth[i] *= sum[i];
    }
    free(sum);
    return SL_OK;
}

/* ---- by data ---- */

typedef struct weighing {
    const sl_train_net *net;
    const sl_dataset *data;
    sl_walk *walk;
    sl_split split;
    float *grad, *input;
    double *gate; /* of the units at hand */
} weighing;

/* Add the squared derivatives by the units' gates. Whoever takes a unit has it in its columns. */
static void add_gates(const weighing *w, const sl_units *u, double *worth)
{
    memset(w->gate, 0, u->n * sizeof *w->gate);
    for (size_t p = 0; p < u->n_places; p++) {
        if (u->place[p].role != SL_UNITS_TAKEN) continue;
        const sl_tensor *t = &w->net->parts.tensors[u->place[p].tensor];
        const sl_train_tensor *at = &w->net->tensors[u->place[p].tensor];
        const float *weight = w->net->params + at->at, *grad = w->grad + at->at;
        const size_t width = t->shape[t->rank - 1];
        for (size_t row = 0; row < at->n; row += width) {
            for (size_t i = row, unit = 0; unit < u->n; unit++) {
                double sum = 0;
                for (uint32_t k = 0; k < u->block; k++, i++) sum += (double)weight[i] * (double)grad[i];
                w->gate[unit] += sum;
            }
        }
    }
    for (uint32_t i = 0; i < u->n; i++) worth[i] += w->gate[i] * w->gate[i];
}

/* Some objects from all over the data, one view of each, without dropout. */
static void weigh_objects(weighing *w, size_t n, const sl_units *units, const sl_loss *loss, double *const *worth)
{
    const size_t all = w->split.n_train, objects = all < MOST_OBJECTS ? all : MOST_OBJECTS;
    for (size_t k = 0; k < objects; k++) {
        const sl_object *object = &w->split.train[all * k / objects];
        const sl_lesson lesson = {.input = sl_dataset_input(w->data, object->first + k % object->n, w->input),
                                  .label = object->label, .weight = object->weight};
        memset(w->grad, 0, w->net->n_params * sizeof *w->grad);
        sl_walk_learn(w->walk, &lesson, 1, loss, w->grad);
        for (size_t i = 0; i < n; i++) add_gates(w, &units[i], worth[i]);
    }
}

static sl_status prepare(weighing *w, size_t n, const sl_units *units, const sl_train_options *train, sl_error *err)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++) most = units[i].n > most ? units[i].n : most;
    SL_TRY(sl_contract_same_input(&w->net->parts.contract, sl_dataset_contract(w->data), err));
    if (w->net->parts.contract.n_classes != sl_dataset_contract(w->data)->n_classes) {
        return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NONE, "compress: the model has other classes than the data");
    }
    SL_TRY(sl_split_make(w->data, train, &w->split, err));
    SL_TRY(sl_walk_new(w->net, &w->walk, err));
    w->grad = aligned_alloc(SL_ARENA_ALIGN, sl_stride(w->net->n_params) * sizeof *w->grad);
    w->input = malloc((size_t)w->net->network.input_floats * sizeof *w->input);
    w->gate = malloc((most + 1) * sizeof *w->gate);
    return w->grad != NULL && w->input != NULL && w->gate != NULL ? SL_OK : SL_FAIL_NOMEM(err);
}

sl_status sl_units_weigh(const sl_train_net *net, size_t n, const sl_units *units, const sl_dataset *data,
                         const sl_train_options *train, double *const *worth, sl_error *err)
{
    sl_status status = SL_OK;
    if (data == NULL) {
        for (size_t i = 0; status == SL_OK && i < n; i++) status = weigh_alone(net, &units[i], worth[i], err);
        return status;
    }
    weighing w = {.net = net, .data = data};
    status = prepare(&w, n, units, train, err);
    if (status == SL_OK) {
        float shift[SL_MAX_CLASSES];
        for (size_t c = 0; c < SL_MAX_CLASSES; c++) shift[c] = train->prior * w.split.log_share[c];
        const sl_loss loss = {.temperature = 1, .shift = shift};
        weigh_objects(&w, n, units, &loss, worth);
    }
    sl_walk_free(w.walk);
    sl_split_release(&w.split);
    free(w.grad);
    free(w.input);
    free(w.gate);
    return status;
}
