#include "compress/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/model_write.h"
#include "model/open_model.h"

/* ---- finding ---- */

static void add_place(sl_units *u, size_t tensor, bool last, sl_units_role role)
{
    if (u->n_places < SL_UNITS_PLACES) u->place[u->n_places] = (sl_units_place){tensor, last, role};
    u->n_places++;
}

static bool is_product(sl_layer_kind kind)
{
    return kind == SL_LAYER_DENSE || kind == SL_LAYER_CONV1D;
}

/* The units of a dense layer or a convolution, followed to the next one. False where they go elsewhere. */
static bool follow(const sl_model_parts *parts, size_t layer, size_t tensor, sl_units *u)
{
    *u = (sl_units){.layer = layer, .n = parts->layers[layer].units, .block = 1};
    add_place(u, tensor, false, SL_UNITS_MADE);
    add_place(u, tensor + 1, false, SL_UNITS_ASIDE);
    for (tensor += parts->layers[layer++].n_tensors; layer < parts->n_layers; tensor += parts->layers[layer++].n_tensors) {
        const sl_layer_kind kind = parts->layers[layer].kind;
        if (is_product(kind)) {
            add_place(u, tensor, true, SL_UNITS_TAKEN);
            return u->n_places <= SL_UNITS_PLACES;
        }
        if (kind == SL_LAYER_NORM) {
            add_place(u, tensor, false, SL_UNITS_MADE);
            add_place(u, tensor + 1, false, SL_UNITS_ASIDE);
        } else if (kind != SL_LAYER_FEATURES && kind != SL_LAYER_MEAN_OVER_TIME && kind != SL_LAYER_LAST_STEP) {
            return false;
        }
    }
    return false;
}

/* Queries and keys say where a head looks, values what it sees. */
static sl_units heads_of(const sl_layer *l, size_t layer, size_t tensor)
{
    sl_units u = {.layer = layer, .heads = true, .n = l->heads, .block = l->key_dim};
    for (size_t i = SL_ENCODER_WQ; i <= SL_ENCODER_BV; i++) {
        add_place(&u, tensor + i, false, i == SL_ENCODER_WV ? SL_UNITS_MADE : SL_UNITS_ASIDE);
    }
    add_place(&u, tensor + SL_ENCODER_WO, true, SL_UNITS_TAKEN);
    return u;
}

static sl_units feed_forward_of(const sl_layer *l, size_t layer, size_t tensor)
{
    sl_units u = {.layer = layer, .n = l->hidden, .block = 1};
    add_place(&u, tensor + SL_ENCODER_W1, false, SL_UNITS_MADE);
    add_place(&u, tensor + SL_ENCODER_B1, false, SL_UNITS_ASIDE);
    add_place(&u, tensor + SL_ENCODER_W2, true, SL_UNITS_TAKEN);
    return u;
}

sl_status sl_units_find(const sl_model_parts *parts, sl_units **out, size_t *n, sl_error *err)
{
    sl_units *units = calloc(2 * parts->n_layers + 1, sizeof *units);
    if (units == NULL) return SL_FAIL_NOMEM(err);
    *out = units;
    *n = 0;
    size_t tensor = 0;
    for (size_t i = 0; i < parts->n_layers; tensor += parts->layers[i++].n_tensors) {
        const sl_layer *l = &parts->layers[i];
        if (l->kind == SL_LAYER_ENCODER) {
            units[(*n)++] = heads_of(l, i, tensor);
            units[(*n)++] = feed_forward_of(l, i, tensor);
        } else if (is_product(l->kind)) {
            *n += follow(parts, i, tensor, &units[*n]);
        }
    }
    return SL_OK;
}

/* ---- choosing ---- */

/* How many of the units are to stay. */
static uint32_t wanted(const sl_units *u, size_t layer, const sl_compress_options *o)
{
    if (u->heads) return o->keep_heads == 0 || o->keep_heads > u->n ? u->n : o->keep_heads;
    if (o->n_keep_units == 0) return u->n;
    const double keep = (double)o->keep_units[o->n_keep_units == 1 ? 0 : layer];
    if (keep == 0 || keep >= u->n) return u->n;
    if (keep >= 1) return (uint32_t)keep;
    const double share = round(keep * u->n);
    return share < 1 ? 1 : (uint32_t)share;
}

static sl_status check(const sl_compress_options *o, size_t n, const sl_units *units, sl_error *err)
{
    size_t layers = 0, encoders = 0;
    for (size_t i = 0; i < n; i++) {
        encoders += units[i].heads;
        layers += !units[i].heads;
    }
    if (o->keep_heads > 0 && encoders == 0) {
        return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "compress: the network has no attention heads");
    }
    if (o->n_keep_units > 0 && layers == 0) {
        return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "compress: the network has no hidden units that could be taken out");
    }
    if (o->n_keep_units > 1 && o->n_keep_units != layers) {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "compress: units to keep of %u layers, and the network has %zu with hidden units",
                       o->n_keep_units, layers);
    }
    return SL_OK;
}

/* The `left` units of the largest worth; of equals the first. */
static void choose(uint32_t n, const double *worth, uint32_t left, bool *keep)
{
    for (uint32_t u = 0; u < n; u++) {
        uint32_t better = 0;
        for (uint32_t v = 0; v < n; v++) better += worth[v] > worth[u] || (worth[v] == worth[u] && v < u);
        keep[u] = better < left;
    }
}

/* ---- cutting ---- */

/* A place without the units that go: in the network's vector, where it lies, and its shape. */
static void cut_place(sl_train_net *net, const sl_units *u, const sl_units_place *place, const bool *keep, uint32_t left)
{
    sl_tensor *t = &net->parts.tensors[place->tensor];
    float *w = net->params + net->tensors[place->tensor].at;
    const size_t n = t->n_bytes / sizeof *w;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t unit = sl_units_at(u, place, t, i);
        if (unit >= u->n || keep[unit]) w[kept++] = w[i];
    }
    t->n_bytes = kept * sizeof *w;
    t->shape[place->last ? t->rank - 1 : 0] -= (u->n - left) * u->block;
}

static void cut(sl_train_net *net, const sl_units *u, const bool *keep, uint32_t left)
{
    for (size_t i = 0; i < u->n_places; i++) cut_place(net, u, &u->place[i], keep, left);
    sl_layer *layer = &net->parts.layers[u->layer];
    *(u->heads ? &layer->heads : layer->kind == SL_LAYER_ENCODER ? &layer->hidden : &layer->units) = left;
}

/*
 * Cut once, from as many units as there are some part of the way to as many as
 * are to stay: `share` is how far, and equal shares go by equal factors.
 */
static void cut_some(sl_train_net *net, size_t n, const sl_units *units, double *const *worth, const uint32_t *target, double share,
                     bool *keep)
{
    for (size_t i = 0; i < n; i++) {
        const sl_units *u = &units[i];
        const double left = u->n * pow((double)target[i] / u->n, share);
        const uint32_t stay = share < 1 ? (uint32_t)ceil(left) : target[i];
        if (stay >= u->n) continue;
        choose(u->n, worth[i], stay, keep);
        cut(net, u, keep, stay);
    }
}

static sl_status weigh_and_cut(sl_train_net *net, size_t n, const sl_units *units, const sl_dataset *data,
                               const sl_train_options *train, const uint32_t *target, double share, sl_error *err)
{
    size_t all = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        all += units[i].n;
        if (units[i].n > most) most = units[i].n;
    }
    double **worth = malloc((n + 1) * sizeof *worth), *numbers = calloc(all + 1, sizeof *numbers);
    bool *keep = malloc(most + 1);
    sl_status status = SL_OK;
    if (worth == NULL || numbers == NULL || keep == NULL) status = SL_FAIL_NOMEM(err);
    for (size_t i = 0, at = 0; status == SL_OK && i < n; at += units[i++].n) worth[i] = numbers + at;
    if (status == SL_OK) status = sl_units_weigh(net, n, units, data, train, worth, err);
    if (status == SL_OK) cut_some(net, n, units, worth, target, share, keep);
    free(worth);
    free(numbers);
    free(keep);
    return status;
}

/* How many stay of each. */
static void aim(size_t n, const sl_units *units, const sl_compress_options *o, uint32_t *target, sl_compress_result *result)
{
    size_t layer = 0;
    for (size_t i = 0; i < n; i++) {
        const sl_units *u = &units[i];
        target[i] = wanted(u, layer, o);
        layer += !u->heads;
        *(u->heads ? &result->heads_before : &result->units_before) += u->n;
        *(u->heads ? &result->heads_after : &result->units_after) += target[i];
    }
}

/* The network of `from` with fewer units: `target` of each, or NULL at first, when it is found out and given (free). */
static sl_status cut_stage(const sl_model *from, const sl_dataset *data, const sl_compress_options *o, const sl_train_options *train,
                           double share, uint32_t **target, void **bytes, size_t *n_bytes, sl_compress_result *result, sl_error *err)
{
    sl_train_net *net;
    sl_units *units = NULL;
    size_t n = 0;
    SL_TRY(sl_train_net_new(&from->parts, 1, NULL, &net, err));
    sl_status status = sl_units_find(&net->parts, &units, &n, err);
    if (status == SL_OK) status = check(o, n, units, err);
    if (status == SL_OK && *target == NULL) {
        *target = malloc((n + 1) * sizeof **target);
        if (*target == NULL) {
            status = SL_FAIL_NOMEM(err);
        } else {
            aim(n, units, o, *target, result);
        }
    }
    if (status == SL_OK) status = weigh_and_cut(net, n, units, data, train, *target, share, err);
    net->parts.temperature = from->parts.temperature; /* the novelty was fitted to units that are gone */
    if (status == SL_OK) status = sl_model_write_memory(&net->parts, bytes, n_bytes, err);
    free(units);
    sl_train_net_free(net);
    return status;
}

sl_status sl_units_cut(const sl_model *model, const sl_dataset *data, const sl_compress_options *options,
                       const sl_train_options *train, sl_model **out, void **bytes, sl_compress_result *result, sl_error *err)
{
    enum { STAGES = 8 };
    const int stages = data != NULL ? STAGES : 1;
    uint32_t *target = NULL;
    sl_model *narrow = NULL;
    sl_status status = SL_OK;
    *bytes = NULL;
    for (int left = stages; status == SL_OK && left > 0; left--) {
        void *next = NULL;
        size_t n_bytes;
        status = cut_stage(narrow != NULL ? narrow : model, data, options, train, 1.0 / left, &target, &next, &n_bytes, result, err);
        sl_model_close(narrow);
        free(*bytes);
        narrow = NULL;
        *bytes = next;
        if (status == SL_OK) status = sl_model_open_memory(next, n_bytes, &narrow, err);
    }
    free(target);
    *out = narrow;
    if (status == SL_OK) return SL_OK;
    free(*bytes);
    *bytes = NULL;
    return status;
}
