#include "train/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/model_write.h"

static const size_t max_arena_bytes = (size_t)1 << 30;

const sl_train_kind *sl_train_kind_of(sl_layer_kind kind)
{
    switch (kind) {
    case SL_LAYER_CONV1D: return &sl_train_conv1d;
    case SL_LAYER_POSITIONS: return &sl_train_positions;
    case SL_LAYER_ENCODER: return &sl_train_encoder;
    case SL_LAYER_MEAN_OVER_TIME: return &sl_train_mean;
    case SL_LAYER_DENSE: return &sl_train_dense;
    case SL_LAYER_FEATURES: return &sl_train_features;
    case SL_LAYER_GRU:
    case SL_LAYER_LSTM: return &sl_train_recurrent;
    case SL_LAYER_TCN: return &sl_train_tcn;
    case SL_LAYER_MAX_POOL: return &sl_train_max_pool;
    case SL_LAYER_FLATTEN: return &sl_train_flatten;
    case SL_LAYER_LAST_STEP: return &sl_train_last_step;
    case SL_LAYER_NORM: return &sl_train_norm;
    default: return NULL;
    }
}

size_t sl_train_batch(const sl_model_parts *parts, size_t batch)
{
    enum { FEW = 4 /* t2's signals of four objects fit into a level-2 cache */, MANY = 4 * SL_LANES };
    bool many_steps = false;
    for (size_t i = 0; i < parts->n_layers; i++) {
        const sl_layer_kind kind = parts->layers[i].kind;
        if (kind == SL_LAYER_GRU || kind == SL_LAYER_LSTM) return SL_LANES;
        many_steps = many_steps || kind == SL_LAYER_CONV1D || kind == SL_LAYER_ENCODER || kind == SL_LAYER_TCN;
    }
    if (many_steps) return FEW;
    /* On a single step objects lie lane by lane. Fewer and larger products of weights, but four at least, for threads. */
    const size_t quarter = sl_stride(batch / 4);
    return quarter > MANY ? MANY : quarter > 0 ? quarter : SL_LANES;
}

static void copy_floats(const sl_tensor *t, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++) {
        if (t->storage == SL_STORAGE_FLOAT32) {
            memcpy(to + i, (const char *)t->data + 4 * i, 4);
        } else if (t->storage == SL_STORAGE_INT8) {
            to[i] = sl_tensor_scale(t, i) * (float)((const int8_t *)t->data)[i];
        } else {
            uint16_t half;
            memcpy(&half, (const char *)t->data + 2 * i, 2);
            const uint32_t bits = (uint32_t)half << 16;
            memcpy(to + i, &bits, sizeof bits);
        }
    }
}

/* How many elements a tensor has: its shape says so, or, where the file leaves that out, its bytes do not (they go on
   to the file's end). So training asks for shapes. */
static sl_status shape_tensor(const sl_tensor *t, size_t index, sl_train_tensor *out, sl_error *err)
{
    if (t->rank == 0) {
        return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "train: tensor %zu of the model has no shape", index);
    }
    *out = (sl_train_tensor){.n = 1};
    for (uint32_t i = 0; i < t->rank; i++) out->n *= t->shape[i];
    if (t->rank > 1) {
        out->rows = t->shape[0];
        out->columns = t->shape[0] > 0 ? out->n / t->shape[0] : 0;
    }
    return SL_OK;
}

/* The network's tensors with the weights `params`. */
static void set_floats(const sl_train_net *net, const float *params, sl_tensor *tensors)
{
    for (size_t i = 0; i < net->parts.n_tensors; i++) {
        tensors[i] = net->parts.tensors[i];
        tensors[i].storage = SL_STORAGE_FLOAT32;
        tensors[i].scale = 1;
        tensors[i].data = params + net->tensors[i].at;
        tensors[i].n_bytes = net->tensors[i].n * sizeof *params;
        tensors[i].name = (sl_str){0};
        tensors[i].row_scale = NULL;
        tensors[i].packed = (sl_tensor_packed){0};
    }
}

/* Copy the lists, and the weights into one vector. */
static sl_status take_parts(sl_train_net *net, const sl_model_parts *parts, sl_error *err)
{
    net->parts = *parts;
    net->parts.temperature = 1; /* this and novelty were fitted to other weights */
    net->parts.novelty = NULL;
    net->parts.packed = (sl_packed){0}; /* nor is it how these were stored */
    net->parts.reader = NULL;
    net->parts.layers = SL_ARENA_NEW(&net->arena, sl_layer, parts->n_layers);
    net->parts.tensors = SL_ARENA_NEW(&net->arena, sl_tensor, parts->n_tensors);
    net->tensors = SL_ARENA_NEW(&net->arena, sl_train_tensor, parts->n_tensors);
    if (net->parts.layers == NULL || net->parts.tensors == NULL || net->tensors == NULL) return SL_FAIL_NOMEM(err);
    memcpy(net->parts.layers, parts->layers, parts->n_layers * sizeof *parts->layers);
    for (size_t i = 0; i < parts->n_tensors; i++) {
        SL_TRY(shape_tensor(&parts->tensors[i], i, &net->tensors[i], err));
        net->tensors[i].at = net->n_params;
        net->n_params += sl_stride(net->tensors[i].n);
        if (net->tensors[i].rows > net->most_rows) net->most_rows = net->tensors[i].rows;
        if (net->tensors[i].columns > net->most_rows) net->most_rows = net->tensors[i].columns;
    }
    net->params = SL_ARENA_NEW(&net->arena, float, net->n_params);
    net->turned = SL_ARENA_NEW(&net->arena, float, net->n_params);
    if (net->params == NULL || net->turned == NULL) return SL_FAIL_NOMEM(err);
    memset(net->params, 0, net->n_params * sizeof *net->params);
    memset(net->turned, 0, net->n_params * sizeof *net->turned);
    for (size_t i = 0; i < parts->n_tensors; i++) {
        copy_floats(&parts->tensors[i], net->tensors[i].n, net->params + net->tensors[i].at);
    }
    set_floats(net, net->params, net->parts.tensors);
    for (size_t i = 0; i < parts->n_tensors; i++) {
        sl_tensor *t = &net->parts.tensors[i];
        t->rank = parts->tensors[i].rank;
        memcpy(t->shape, parts->tensors[i].shape, sizeof t->shape);
    }
    return SL_OK;
}

sl_status sl_train_net_write(const sl_train_net *net, const float *params, void **bytes, size_t *n_bytes, sl_error *err)
{
    sl_model_parts *parts = malloc(sizeof *parts);
    sl_tensor *tensors = calloc(net->parts.n_tensors + 1, sizeof *tensors);
    sl_status status = parts != NULL && tensors != NULL ? SL_OK : SL_FAIL_NOMEM(err);
    if (status == SL_OK) {
        *parts = net->parts;
        parts->tensors = tensors;
        set_floats(net, params, tensors);
        status = sl_model_write_memory(parts, bytes, n_bytes, err);
    }
    free(parts);
    free(tensors);
    return status;
}

/* The tables of positions among the tensors. */
static void freeze(sl_train_net *net)
{
    size_t tensor = 0;
    for (size_t i = 0; i < net->parts.n_layers; i++) {
        const sl_layer *layer = &net->parts.layers[i];
        for (uint32_t t = 0; t < layer->n_tensors; t++) {
            net->tensors[tensor++].frozen = layer->kind == SL_LAYER_POSITIONS;
        }
    }
}

static sl_status fail_layer(size_t index, const sl_op *op, const char *why, sl_error *err)
{
    return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "train: layer %zu (%s) %s", index, op->info.kind, why);
}

/* The kind, and memory for the parts of a matrix. */
static sl_status choose_kind(sl_train_net *net, sl_train_node *node, sl_error *err)
{
    const sl_op *op = node->op;
    node->kind = sl_train_kind_of(op->kind);
    if (node->kind == NULL) return fail_layer(node->index, op, "cannot be trained", err);
    if ((op->kind == SL_LAYER_ENCODER || op->n_directions > 0) && op->steps == 1) {
        return fail_layer(node->index, op, "has one step only", err);
    }
    if (net->network.nights && (op->kind == SL_LAYER_ENCODER || (op->kind == SL_LAYER_CONV1D && op->kernel > 1))) {
        return fail_layer(node->index, op, "cannot be trained on nights", err);
    }
    if (op->feature_weights == NULL) return SL_OK;
    node->kind = &sl_train_folded;
    const size_t left = (size_t)op->matrix.n * op->matrix.k, right = (size_t)op->matrix.n * op->n_features;
    node->left = SL_ARENA_NEW(&net->arena, float, left);
    node->left_turned = SL_ARENA_NEW(&net->arena, float, left);
    node->right = SL_ARENA_NEW(&net->arena, float, right);
    return node->left == NULL || node->left_turned == NULL || node->right == NULL ? SL_FAIL_NOMEM(err) : SL_OK;
}

static void plan_room(sl_train_net *net, sl_train_node *node)
{
    const sl_op *op = node->op;
    const size_t y = op->channels_out * sl_train_lanes(net, op->steps_out);
    const size_t room = node->kind->room != NULL ? node->kind->room(net, op) : 0;
    node->y = net->y_floats;
    node->kept = net->kept_floats;
    net->y_floats += y;
    net->kept_floats += sl_stride(node->kind->kept != NULL ? node->kind->kept(net, op) : 0);
    if (room > net->room_floats) net->room_floats = room;
    if (y > net->most_floats) net->most_floats = y;
}

/* Where a network of its kind is dropped: see sl_train_drops. */
static float drop_of(const sl_train_net *net, size_t index, const sl_train_drops *drops)
{
    const sl_op *op = &net->network.ops[index];
    if (op->kind == SL_LAYER_ENCODER || op->kind == SL_LAYER_TCN) return drops->encoder;
    if (op->kind == SL_LAYER_DENSE) {
        const sl_layer_kind before = index > 0 ? op[-1].kind : SL_LAYER_FEATURES;
        return before == SL_LAYER_FLATTEN ? drops->encoder : before == SL_LAYER_FEATURES ? 0 : drops->head;
    }
    for (size_t i = 0; op->n_directions > 0 && i < index; i++) {
        if (net->network.ops[i].n_directions > 0) return drops->encoder;
    }
    return 0;
}

static sl_status plan_nodes(sl_train_net *net, const sl_train_drops *drops, sl_error *err)
{
    const size_t n = net->network.n_ops - 1; /* the loss is the softmax's */
    size_t tensor = 0;
    net->nodes = SL_ARENA_NEW(&net->arena, sl_train_node, n > 0 ? n : 1);
    if (net->nodes == NULL) return SL_FAIL_NOMEM(err);
    net->x_floats = net->network.channels * sl_train_lanes(net, net->network.steps);
    net->features_floats = net->network.n_features * sl_train_lanes(net, 1);
    net->most_floats = net->x_floats;
    for (size_t i = 0; i < n; tensor += net->parts.layers[i++].n_tensors) {
        const sl_op *op = &net->network.ops[i];
        if (op->folded && op->kind == SL_LAYER_FEATURES) continue; /* positions that a convolution adds go by themselves */
        sl_train_node *node = &net->nodes[net->n_nodes];
        *node = (sl_train_node){.op = op, .index = i, .tensor = tensor, .first = net->n_nodes == 0};
        SL_TRY(choose_kind(net, node, err));
        node->drop = drop_of(net, i, drops);
        plan_room(net, node);
        net->n_nodes++;
    }
    return SL_OK;
}

sl_status sl_train_net_new(const sl_model_parts *parts, size_t batch, const sl_train_drops *drops, sl_train_net **out,
                           sl_error *err)
{
    SL_REQUIRE(parts != NULL && batch > 0 && out != NULL, err);
    static const sl_train_drops none = {0};
    sl_train_net *net = calloc(1, sizeof *net);
    if (net == NULL) return SL_FAIL_NOMEM(err);
    sl_arena_init(&net->arena, max_arena_bytes);
    net->batch = batch;
    net->kernels = sl_kernels_select();
    sl_status status = take_parts(net, parts, err);
    if (status == SL_OK) status = sl_network_build(&net->parts, &net->arena, &net->network, err);
    if (status == SL_OK) status = sl_network_prepare(&net->network, &net->arena, err);
    if (status == SL_OK) status = plan_nodes(net, drops != NULL ? drops : &none, err);
    if (status != SL_OK) {
        sl_train_net_free(net);
        return status;
    }
    freeze(net);
    sl_train_net_turn(net);
    *out = net;
    return SL_OK;
}

void sl_train_net_free(sl_train_net *net)
{
    if (net == NULL) return;
    sl_arena_release(&net->arena);
    free(net);
}

void sl_train_net_turn(sl_train_net *net)
{
    for (size_t i = 0; i < net->parts.n_tensors; i++) {
        const sl_train_tensor *t = &net->tensors[i];
        const float *from = net->params + t->at;
        float *to = net->turned + t->at;
        for (size_t r = 0; r < t->rows; r++) {
            for (size_t c = 0; c < t->columns; c++) to[c * t->rows + r] = from[r * t->columns + c];
        }
    }
    for (size_t i = 0; i < net->n_nodes; i++) {
        if (net->nodes[i].left != NULL) sl_train_unfold(net, &net->nodes[i]);
    }
}
