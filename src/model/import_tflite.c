/*
 * Recognises t2 in a TFLite graph by its data flow: from the output back to
 * the input, each value is matched against the few patterns that t2 is made
 * of. The order of operators and tensors in the file does not matter, nor do
 * their names. What is computed beside that path (shapes, state) is not looked at.
 */
#include "model/import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "model/model_write.h"
#include "model/tflite_reader.h"
#include "starling/model.h"

/* A layer as it was found, with its tensors in the model file's order. */
typedef struct found {
    sl_layer layer;
    sl_tensor tensors[SL_ENCODER_TENSORS];
} found;

typedef struct importer {
    sl_tflite_graph graph;
    sl_arena *arena;
    sl_error *err;
    size_t n_found; /* the last layer first */
    found *found;   /* SL_MAX_LAYERS */
    size_t budget;  /* steps left to take: a graph may run in circles */
    bool symmetric; /* a matrix wants its inputs quantised symmetrically */
} importer;

/* The operator that computes value t, if there is one and it has n_inputs. */
static const sl_tflite_operator *made_by(importer *im, int t, int code, uint32_t n_inputs)
{
    if (t < 0 || im->budget == 0) return NULL;
    im->budget--;
    const int p = im->graph.tensors[t].producer;
    if (p < 0) return NULL;
    const sl_tflite_operator *o = &im->graph.operators[p];
    return o->code == code && o->n_inputs >= n_inputs ? o : NULL;
}

static int32_t last_dim(const sl_tflite_tensor *t)
{
    return t->rank >= 1 && t->rank <= SL_TFLITE_MAX_RANK ? t->shape[t->rank - 1] : -1;
}

/*
 * The value behind reshapes that keep the last dimension: another view of the
 * same channels. Where it is known at run time only, four axes on one side
 * mean that heads are cut or joined there.
 */
static int view(importer *im, int t)
{
    for (;;) {
        const sl_tflite_operator *o = made_by(im, t, SL_TFLITE_RESHAPE, 1);
        if (o == NULL) o = made_by(im, t, SL_TFLITE_SQUEEZE, 1);
        if (o == NULL) o = made_by(im, t, SL_TFLITE_EXPAND_DIMS, 1);
        if (o == NULL || o->inputs[0] < 0) return t;
        const sl_tflite_tensor *a = &im->graph.tensors[t], *b = &im->graph.tensors[o->inputs[0]];
        const bool known = last_dim(a) >= 0 && last_dim(b) >= 0;
        if (known ? last_dim(a) != last_dim(b) : a->rank == 4 || b->rank == 4) return t;
        t = o->inputs[0];
    }
}

static bool is_constant(const importer *im, int t)
{
    return t >= 0 && im->graph.tensors[t].data != NULL && im->graph.tensors[t].producer < 0;
}

/* An int32 constant, scalar or of one element. */
static bool constant_int(const importer *im, int t, int32_t *value)
{
    if (!is_constant(im, t)) return false;
    const sl_tflite_tensor *x = &im->graph.tensors[t];
    if (x->type != SL_TFLITE_INT32 || x->n_bytes != 4) return false;
    memcpy(value, x->data, 4);
    return true;
}

static bool constant_float(const importer *im, int t, float *value)
{
    if (!is_constant(im, t)) return false;
    const sl_tflite_tensor *x = &im->graph.tensors[t];
    if (x->type != SL_TFLITE_FLOAT32 || x->n_bytes != 4) return false;
    memcpy(value, x->data, 4);
    return true;
}

/* a code b, without an activation behind it. */
static bool binary(importer *im, int t, int code, int *a, int *b)
{
    const sl_tflite_operator *o = made_by(im, view(im, t), code, 2);
    if (o == NULL || o->options.activation != 0 || o->inputs[0] < 0 || o->inputs[1] < 0) return false;
    *a = o->inputs[0];
    *b = o->inputs[1];
    return true;
}

/* A computed value and a constant, in either order. */
static bool with_constant(importer *im, int t, int code, int *value, int *constant)
{
    if (!binary(im, t, code, value, constant)) return false;
    if (is_constant(im, *value)) {
        const int swap = *value;
        *value = *constant;
        *constant = swap;
    }
    return is_constant(im, *constant) && !is_constant(im, *value);
}

/* The mean of `value` over one axis. */
static bool mean_over(importer *im, int t, int *value, int32_t *axis)
{
    const sl_tflite_operator *o = made_by(im, view(im, t), SL_TFLITE_MEAN, 2);
    if (o == NULL || o->inputs[0] < 0 || !constant_int(im, o->inputs[1], axis)) return false;
    *value = o->inputs[0];
    const sl_tflite_tensor *x = &im->graph.tensors[*value];
    if (*axis < 0) *axis += (int32_t)x->rank;
    return true;
}

static bool mean_over_channels(importer *im, int t, int *value)
{
    int32_t axis;
    return mean_over(im, t, value, &axis) && axis == (int32_t)im->graph.tensors[*value].rank - 1;
}

/* A constant of the file as a tensor of ours, in an own aligned copy. */
static bool keep(importer *im, int t, uint32_t rank, const uint32_t *shape, sl_tensor *out)
{
    if (!is_constant(im, t)) return false;
    const sl_tflite_tensor *x = &im->graph.tensors[t];
    size_t n = 1;
    for (uint32_t i = 0; i < rank; i++) {
        if (shape[i] == 0 || shape[i] > SL_MAX_PARAMETERS || n > SL_MAX_PARAMETERS) return false;
        n *= shape[i];
    }
    const bool is_int8 = x->type == SL_TFLITE_INT8;
    if ((!is_int8 && x->type != SL_TFLITE_FLOAT32) || n * (is_int8 ? 1 : 4) != x->n_bytes) return false;
    if (is_int8 && (x->zero_point != 0 || !(x->scale > 0))) return false;
    void *copy = sl_arena_alloc(im->arena, x->n_bytes, 1);
    if (copy == NULL) return false;
    memcpy(copy, x->data, x->n_bytes);
    *out = (sl_tensor){.storage = is_int8 ? SL_STORAGE_INT8 : SL_STORAGE_FLOAT32, .scale = is_int8 ? x->scale : 1,
                       .rank = rank, .data = copy, .n_bytes = x->n_bytes};
    memcpy(out->shape, shape, rank * sizeof shape[0]);
    return true;
}

static bool keep_vector(importer *im, int t, uint32_t n, sl_tensor *out)
{
    return keep(im, t, 1, &n, out) && out->storage == SL_STORAGE_FLOAT32;
}

typedef struct dense {
    int x; /* input */
    uint32_t n, k;
    bool relu;
    sl_tensor weight, bias;
} dense;

/* act(W x + b), the bias inside FULLY_CONNECTED or in an ADD behind it. */
static bool match_dense(importer *im, int t, dense *out)
{
    *out = (dense){0};
    t = view(im, t);
    const sl_tflite_operator *o = made_by(im, t, SL_TFLITE_RELU, 1);
    if (o != NULL) {
        out->relu = true;
        t = view(im, o->inputs[0]);
    }
    int bias = -1;
    o = made_by(im, t, SL_TFLITE_ADD, 2);
    if (o != NULL && o->options.activation <= 1) {
        const int at = is_constant(im, o->inputs[0]) ? 0 : 1;
        bias = o->inputs[at];
        out->relu = out->relu || o->options.activation == 1;
        t = view(im, o->inputs[1 - at]);
        if (!is_constant(im, bias)) return false;
    }
    o = made_by(im, t, SL_TFLITE_FULLY_CONNECTED, 2);
    if (o == NULL || o->options.activation > 1 || o->options.weights_format != 0 || !is_constant(im, o->inputs[1])) {
        return false;
    }
    if (bias >= 0 && (o->options.activation != 0 || o->inputs[2] >= 0)) return false;
    if (bias < 0) bias = o->inputs[2];
    out->relu = out->relu || o->options.activation == 1;
    const sl_tflite_tensor *w = &im->graph.tensors[o->inputs[1]];
    if (w->rank != 2 || w->shape[0] < 1 || w->shape[1] < 1) return false;
    out->n = (uint32_t)w->shape[0];
    out->k = (uint32_t)w->shape[1];
    out->x = view(im, o->inputs[0]);
    if (w->type == SL_TFLITE_INT8 && !o->options.asymmetric_inputs) im->symmetric = true;
    const uint32_t shape[] = {out->n, out->k};
    return keep(im, o->inputs[1], 2, shape, &out->weight) && keep_vector(im, bias, out->n, &out->bias);
}

typedef struct norm {
    int x;
    float epsilon;
    sl_tensor gamma, beta;
} norm;

/* g = gamma / sqrt(var + eps);  x g + (beta - mean g) */
static bool match_norm_terms(importer *im, int scaled, int shifted, norm *out)
{
    int x, g, beta, mean_g, mean, g2, inverse, gamma, a, b, variance, epsilon;
    if (!binary(im, shifted, SL_TFLITE_SUB, &beta, &mean_g)) return false;
    if (!binary(im, scaled, SL_TFLITE_MUL, &x, &g) || !binary(im, mean_g, SL_TFLITE_MUL, &mean, &g2)) return false;
    int of;
    if (!mean_over_channels(im, mean, &of)) {
        const int swap = mean;
        mean = g2;
        g2 = swap;
        if (!mean_over_channels(im, mean, &of)) return false;
    }
    if (g != g2) {
        const int swap = x;
        x = g;
        g = swap;
    }
    if (g != g2 || view(im, of) != view(im, x)) return false;
    if (!with_constant(im, g, SL_TFLITE_MUL, &inverse, &gamma)) return false;
    const sl_tflite_operator *rsqrt = made_by(im, view(im, inverse), SL_TFLITE_RSQRT, 1);
    if (rsqrt == NULL || !with_constant(im, rsqrt->inputs[0], SL_TFLITE_ADD, &variance, &epsilon)) return false;
    int squares;
    if (!mean_over_channels(im, variance, &squares)) return false;
    if (!binary(im, squares, SL_TFLITE_SQUARED_DIFFERENCE, &a, &b)) return false;
    if (!((a == x && b == mean) || (a == mean && b == x))) return false;
    const int32_t channels = last_dim(&im->graph.tensors[x]);
    out->x = view(im, x);
    return channels > 0 && constant_float(im, epsilon, &out->epsilon) &&
           keep_vector(im, gamma, (uint32_t)channels, &out->gamma) &&
           keep_vector(im, beta, (uint32_t)channels, &out->beta);
}

static bool match_norm(importer *im, int t, norm *out)
{
    int a, b;
    if (!binary(im, t, SL_TFLITE_ADD, &a, &b)) return false;
    return match_norm_terms(im, a, b, out) || match_norm_terms(im, b, a, out);
}

/* Swaps the second and third of four axes: steps and heads. */
static bool match_transpose(importer *im, int t, int *x)
{
    static const int32_t wanted[] = {0, 2, 1, 3};
    const sl_tflite_operator *o = made_by(im, t, SL_TFLITE_TRANSPOSE, 2);
    if (o == NULL || !is_constant(im, o->inputs[1])) return false;
    const sl_tflite_tensor *perm = &im->graph.tensors[o->inputs[1]];
    *x = o->inputs[0];
    return perm->type == SL_TFLITE_INT32 && perm->n_bytes == sizeof wanted &&
           memcmp(perm->data, wanted, sizeof wanted) == 0;
}

static bool has_heads(const importer *im, int t, const sl_layer *layer)
{
    const sl_tflite_tensor *x = &im->graph.tensors[t];
    return x->rank == 4 && x->shape[2] == (int64_t)layer->heads && x->shape[3] == (int64_t)layer->key_dim;
}

/* Queries, keys or values: a dense layer cut into heads. */
static bool match_heads(importer *im, int t, const sl_layer *layer, dense *out)
{
    int x;
    if (!match_transpose(im, t, &x) || !has_heads(im, x, layer)) return false;
    const sl_tflite_operator *o = made_by(im, x, SL_TFLITE_RESHAPE, 1);
    return o != NULL && match_dense(im, o->inputs[0], out) && !out->relu && out->n == layer->heads * layer->key_dim;
}

/* softmax(scale Q K^T) V, and heads joined again. Fills layer's heads and the tensors up to the values' bias. */
static bool match_attention(importer *im, int t, sl_layer *layer, sl_tensor *tensors, int *x)
{
    int joined, scores, scale, heads_apart = view(im, t); /* past the reshape where there is one head */
    const sl_tflite_operator *o = made_by(im, heads_apart, SL_TFLITE_RESHAPE, 1);
    if (o != NULL) heads_apart = o->inputs[0];
    if (!match_transpose(im, heads_apart, &joined)) return false;
    const sl_tflite_tensor *cut = &im->graph.tensors[heads_apart];
    if (cut->rank != 4 || cut->shape[2] < 1 || cut->shape[3] < 1 || cut->shape[2] > SL_MAX_WIDTH ||
        cut->shape[3] > SL_MAX_WIDTH) {
        return false;
    }
    layer->heads = (uint32_t)cut->shape[2];
    layer->key_dim = (uint32_t)cut->shape[3];
    const sl_tflite_operator *weighted = made_by(im, joined, SL_TFLITE_BATCH_MATMUL, 2);
    if (weighted == NULL || weighted->options.adjoint_x || weighted->options.adjoint_y) return false;
    const sl_tflite_operator *softmax = made_by(im, weighted->inputs[0], SL_TFLITE_SOFTMAX, 1);
    if (softmax == NULL || softmax->options.beta != 1) return false;
    float factor = 0;
    if (with_constant(im, softmax->inputs[0], SL_TFLITE_MUL, &scores, &scale)) {
        if (!constant_float(im, scale, &factor)) return false;
    } else if (binary(im, softmax->inputs[0], SL_TFLITE_DIV, &scores, &scale)) {
        if (!constant_float(im, scale, &factor)) return false;
        factor = 1 / factor;
    }
    if (!(fabsf(factor * sqrtf((float)layer->key_dim) - 1) < 1e-5f)) return false;
    const sl_tflite_operator *product = made_by(im, scores, SL_TFLITE_BATCH_MATMUL, 2);
    if (product == NULL || product->options.adjoint_x || !product->options.adjoint_y) return false;
    dense q, k, v;
    if (!match_heads(im, product->inputs[0], layer, &q) || !match_heads(im, product->inputs[1], layer, &k) ||
        !match_heads(im, weighted->inputs[1], layer, &v) || q.x != k.x || k.x != v.x) {
        return false;
    }
    const sl_tensor all[] = {q.weight, q.bias, k.weight, k.bias, v.weight, v.bias};
    memcpy(tensors, all, sizeof all);
    *x = q.x;
    return true;
}

/* norm1(x + Wo attention(x)), given the sum's two terms in one order. */
static bool match_first_half(importer *im, int x, int projected, found *f, int *input)
{
    dense o;
    int attended;
    if (!match_dense(im, projected, &o) || o.relu) return false;
    if (!match_attention(im, o.x, &f->layer, f->tensors, &attended) || attended != view(im, x)) return false;
    f->tensors[SL_ENCODER_WO] = o.weight;
    f->tensors[SL_ENCODER_BO] = o.bias;
    *input = attended;
    return true;
}

/* x + W2 relu(W1 x), given the sum's two terms in one order. */
static bool match_second_half(importer *im, int x, int fed, found *f, int *input)
{
    dense w1, w2;
    if (!match_dense(im, fed, &w2) || w2.relu) return false;
    if (!match_dense(im, w2.x, &w1) || !w1.relu || w1.x != view(im, x)) return false;
    f->layer.hidden = w1.n;
    f->tensors[SL_ENCODER_W1] = w1.weight;
    f->tensors[SL_ENCODER_B1] = w1.bias;
    f->tensors[SL_ENCODER_W2] = w2.weight;
    f->tensors[SL_ENCODER_B2] = w2.bias;
    *input = w1.x;
    return true;
}

static bool match_encoder(importer *im, int t, found *f, int *x)
{
    norm second, first;
    int a, b, middle;
    if (!match_norm(im, t, &second) || !binary(im, second.x, SL_TFLITE_ADD, &a, &b)) return false;
    if (!match_second_half(im, a, b, f, &middle) && !match_second_half(im, b, a, f, &middle)) return false;
    if (!match_norm(im, middle, &first) || !binary(im, first.x, SL_TFLITE_ADD, &a, &b)) return false;
    if (!match_first_half(im, a, b, f, x) && !match_first_half(im, b, a, f, x)) return false;
    if (first.epsilon != second.epsilon) return false;
    f->layer.kind = SL_LAYER_ENCODER;
    f->layer.n_tensors = SL_ENCODER_TENSORS;
    f->layer.epsilon = first.epsilon;
    f->tensors[SL_ENCODER_GAMMA1] = first.gamma;
    f->tensors[SL_ENCODER_BETA1] = first.beta;
    f->tensors[SL_ENCODER_GAMMA2] = second.gamma;
    f->tensors[SL_ENCODER_BETA2] = second.beta;
    return true;
}

/* Is the table what the positions layer computes, to within float32's rounding of its angles? */
static bool is_sinusoids(const float *table, uint32_t steps, uint32_t channels)
{
    for (uint32_t t = 0; t < steps; t++) {
        for (uint32_t c = 0; c < channels; c++) {
            const double angle = t / pow(10000, (double)(c / 2 * 2) / channels);
            if (!(fabs(table[t * channels + c] - (c % 2 == 0 ? sin(angle) : cos(angle))) < 2e-7)) return false;
        }
    }
    return true;
}

static bool match_positions(importer *im, int t, found *f, int *x)
{
    int table;
    if (!with_constant(im, t, SL_TFLITE_ADD, x, &table)) return false;
    const sl_tflite_tensor *c = &im->graph.tensors[table];
    if (c->rank < 2 || c->rank > 3 || (c->rank == 3 && c->shape[0] != 1)) return false;
    const int32_t steps = c->shape[c->rank - 2], channels = c->shape[c->rank - 1];
    if (steps < 1 || steps > SL_MAX_STEPS || channels < 1 || channels > SL_MAX_WIDTH) return false;
    const uint32_t shape[] = {(uint32_t)steps, (uint32_t)channels};
    if (!keep(im, table, 2, shape, &f->tensors[0]) || f->tensors[0].storage != SL_STORAGE_FLOAT32) return false;
    f->layer.kind = SL_LAYER_POSITIONS;
    f->layer.n_tensors = is_sinusoids(f->tensors[0].data, shape[0], shape[1]) ? 0 : 1;
    return true;
}

/* A 2-D convolution over an image of height one, as Keras writes Conv1D. */
static bool match_conv1d(importer *im, int t, found *f, int *x)
{
    const sl_tflite_operator *o = made_by(im, t, SL_TFLITE_CONV_2D, 3);
    if (o == NULL || !is_constant(im, o->inputs[1])) return false;
    const sl_tflite_options *options = &o->options;
    const sl_tflite_tensor *w = &im->graph.tensors[o->inputs[1]];
    if (w->type != SL_TFLITE_FLOAT32 || w->rank != 4 || w->shape[0] < 1 || w->shape[1] != 1 || w->shape[2] < 1 ||
        w->shape[3] < 1) {
        return false;
    }
    if (options->stride_w != 1 || options->stride_h != 1 || options->dilation_w != 1 || options->dilation_h != 1 ||
        options->activation > 1 || (options->padding != 0 && w->shape[2] != 1)) {
        return false;
    }
    const uint32_t shape[] = {(uint32_t)w->shape[0], (uint32_t)w->shape[2], (uint32_t)w->shape[3]};
    f->layer = (sl_layer){.kind = SL_LAYER_CONV1D, .units = shape[0], .kernel = shape[1], .n_tensors = 2,
                          .activation = options->activation};
    *x = o->inputs[0];
    return keep(im, o->inputs[1], 3, shape, &f->tensors[0]) && keep_vector(im, o->inputs[2], shape[0], &f->tensors[1]);
}

static bool match_dense_layer(importer *im, int t, found *f, int *x)
{
    dense d;
    if (!match_dense(im, t, &d)) return false;
    f->layer = (sl_layer){.kind = SL_LAYER_DENSE, .units = d.n, .n_tensors = 2,
                          .activation = d.relu ? SL_ACTIVATION_RELU : SL_ACTIVATION_NONE};
    f->tensors[0] = d.weight;
    f->tensors[1] = d.bias;
    *x = d.x;
    return true;
}

static bool match_softmax(importer *im, int t, found *f, int *x)
{
    const sl_tflite_operator *o = made_by(im, t, SL_TFLITE_SOFTMAX, 1);
    if (o == NULL || o->options.beta != 1) return false;
    f->layer.kind = SL_LAYER_SOFTMAX;
    *x = o->inputs[0];
    return true;
}

static bool match_mean(importer *im, int t, found *f, int *x)
{
    int32_t axis;
    if (!mean_over(im, t, x, &axis) || axis != 1 || im->graph.tensors[*x].rank != 3) return false;
    f->layer.kind = SL_LAYER_MEAN_OVER_TIME;
    return true;
}

static sl_status not_recognised(importer *im, int t)
{
    char text[32];
    const sl_tflite_tensor *x = &im->graph.tensors[t];
    const char *what = x->producer >= 0 ? sl_tflite_operator_name(im->graph.operators[x->producer].code, text) : "nothing";
    return SL_FAIL(im->err, SL_ERR_UNSUPPORTED, SL_REASON_NONE,
                   "TFLite: \"%.*s\", made by %s (operator %d), is none of the layers that starling imports",
                   (int)(x->name.len < 80 ? x->name.len : 80), x->name.ptr != NULL ? x->name.ptr : "", what, x->producer);
}

/* Fill im->found from the output back to the input. */
static sl_status walk(importer *im)
{
    static bool (*const patterns[])(importer *, int, found *, int *) = {
        match_softmax, match_mean, match_conv1d, match_encoder, match_dense_layer, match_positions,
    };
    int t = view(im, im->graph.output);
    while (t != im->graph.input) {
        if (im->n_found == SL_MAX_LAYERS) {
            return SL_FAIL(im->err, SL_ERR_UNSUPPORTED, SL_REASON_TOO_LARGE, "TFLite: more than %d layers", SL_MAX_LAYERS);
        }
        found *f = &im->found[im->n_found];
        const sl_arena_mark mark = sl_arena_here(im->arena);
        int next = -1;
        for (size_t i = 0; i < sizeof patterns / sizeof patterns[0] && next < 0; i++) {
            int x;
            *f = (found){0};
            if (patterns[i](im, t, f, &x)) next = x;
            if (next < 0) sl_arena_rewind(im->arena, mark);
        }
        if (next < 0) return not_recognised(im, t);
        im->n_found++;
        t = view(im, next);
    }
    if (im->symmetric) {
        return SL_FAIL(im->err, SL_ERR_UNSUPPORTED, SL_REASON_NONE,
                       "TFLite: int8 weights whose inputs are quantised symmetrically are not supported");
    }
    return SL_OK;
}

static void name_tensors(const sl_layer *layer, size_t index, sl_tensor *tensors, sl_arena *arena)
{
    static const char *const encoder[] = {"wq", "bq", "wk", "bk", "wv", "bv", "wo", "bo", "gamma1", "beta1",
                                          "w1", "b1", "w2", "b2", "gamma2", "beta2"};
    static const char *const plain[] = {"w", "b"};
    for (uint32_t i = 0; i < layer->n_tensors; i++) {
        const char *part = layer->kind == SL_LAYER_ENCODER ? encoder[i] : plain[i];
        const char digits[] = {(char)('0' + index / 100), (char)('0' + index / 10 % 10), (char)('0' + index % 10)};
        const size_t skip = index >= 100 ? 0 : index >= 10 ? 1 : 2, n = 3 - skip, len = strlen(part);
        char *name = SL_ARENA_NEW(arena, char, n + 1 + len);
        if (name == NULL) return; /* names are for people: the file is whole without them */
        memcpy(name, digits + skip, n);
        name[n] = '.';
        memcpy(name + n + 1, part, len);
        tensors[i].name = (sl_str){name, n + 1 + len};
    }
}

static sl_status collect(importer *im, const sl_contract *contract, sl_model_parts *parts)
{
    memset(parts, 0, sizeof *parts);
    parts->contract = *contract;
    parts->n_layers = im->n_found;
    parts->layers = SL_ARENA_NEW(im->arena, sl_layer, im->n_found);
    parts->tensors = SL_ARENA_NEW(im->arena, sl_tensor, im->n_found * SL_ENCODER_TENSORS);
    if (parts->layers == NULL || parts->tensors == NULL) return SL_FAIL_NOMEM(im->err);
    for (size_t i = 0; i < im->n_found; i++) {
        found *f = &im->found[im->n_found - 1 - i];
        name_tensors(&f->layer, i, f->tensors, im->arena);
        parts->layers[i] = f->layer;
        memcpy(parts->tensors + parts->n_tensors, f->tensors, f->layer.n_tensors * sizeof f->tensors[0]);
        parts->n_tensors += f->layer.n_tensors;
    }
    const sl_tflite_tensor *input = &im->graph.tensors[im->graph.input];
    const uint32_t steps = sl_contract_input_steps(contract), channels = sl_contract_input_channels(contract);
    if (input->rank != 3 || input->shape[2] != (int64_t)channels || (input->shape[1] >= 0 && input->shape[1] != (int64_t)steps)) {
        return SL_FAIL(im->err, SL_ERR_CONTRACT, SL_REASON_NONE,
                       "TFLite: the network takes %d x %d, the contract \"%s\" gives %u x %u",
                       input->rank == 3 ? input->shape[1] : 0, input->rank == 3 ? input->shape[2] : 0, contract->name, steps,
                       channels);
    }
    return SL_OK;
}

sl_status sl_model_import_tflite_memory(const void *bytes, size_t n_bytes, const sl_contract *contract, void **out,
                                        size_t *n_out, sl_error *err)
{
    SL_REQUIRE((bytes != NULL || n_bytes == 0) && contract != NULL && out != NULL && n_out != NULL, err);
    sl_arena arena;
    sl_arena_init(&arena, (size_t)768 << 20);
    importer im = {.arena = &arena, .err = err, .budget = 1000000, .found = SL_ARENA_NEW(&arena, found, SL_MAX_LAYERS)};
    sl_model_parts *parts = SL_ARENA_NEW(&arena, sl_model_parts, 1);
    sl_status status = im.found != NULL && parts != NULL ? SL_OK : SL_FAIL_NOMEM(err);
    if (status == SL_OK) status = sl_contract_check(contract, err);
    if (status == SL_OK) status = sl_tflite_read(bytes, n_bytes, &arena, &im.graph, err);
    if (status == SL_OK) status = walk(&im);
    if (status == SL_OK) status = collect(&im, contract, parts);
    if (status == SL_OK) status = sl_model_write_memory(parts, out, n_out, err);
    sl_arena_release(&arena);
    return status;
}

sl_status sl_model_import_tflite(const void *bytes, size_t n_bytes, const sl_contract *contract, const char *out_path,
                                 sl_error *err)
{
    SL_REQUIRE(out_path != NULL, err);
    void *model = NULL;
    size_t n_model = 0;
    SL_TRY(sl_model_import_tflite_memory(bytes, n_bytes, contract, &model, &n_model, err));
    const sl_status status = sl_file_write(out_path, model, n_model, err);
    free(model);
    return status;
}
