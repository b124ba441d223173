#include "compress/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/nth.h"
#include "compress/quantize.h"

/* A tensor that training changes. */
typedef struct part {
    size_t at, n, rows, columns; /* rows = 0: a vector */
    uint32_t k;                  /* clusters; 0: none */
    size_t channels, width;      /* input values come in behind so many of each `width` columns; width = 0: none */
    sl_clusters clusters;
    uint8_t *index; /* n */
} part;

struct sl_shape {
    sl_compress_options options;
    sl_constraint constraint;
    sl_arena arena;
    size_t n_features;
    float *importance; /* n_features */
    bool *off;         /* n_features: dropped */
    const sl_train_net *net;
    uint64_t steps, at;
    size_t n_parts;
    part *parts;
    bool *zero;     /* n_params: pruned */
    float *scratch; /* n_params */
    double *order;  /* n_params */
    bool pruned;    /* to the target */
    bool clustered;
};

static bool wants(const sl_shape *s, unsigned step)
{
    return (s->options.steps & step) != 0;
}

static uint64_t step_at(const sl_shape *s, float share)
{
    return (uint64_t)((double)share * (double)s->steps);
}

/* ---- the run's beginning ---- */

/* The tensor that the input values meet first: a dense layer's or a convolution's, right behind their layer. */
static sl_status find_features(sl_shape *s, sl_error *err)
{
    const sl_network *network = &s->net->network;
    size_t tensor = 0;
    for (size_t i = 0; i < s->net->parts.n_layers; tensor += s->net->parts.layers[i++].n_tensors) {
        if (network->ops[i].kind != SL_LAYER_FEATURES) continue;
        const sl_layer_kind next = network->ops[i + 1].kind;
        if (next != SL_LAYER_DENSE && next != SL_LAYER_CONV1D) break;
        for (size_t p = 0; p < s->n_parts; p++) {
            if (s->parts[p].at != s->net->tensors[tensor].at) continue;
            s->parts[p].channels = network->ops[i].channels;
            s->parts[p].width = network->ops[i].channels + network->n_features;
            return SL_OK;
        }
    }
    if (!wants(s, SL_COMPRESS_PRUNE) || s->options.features == 0) return SL_OK;
    return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "compress: input values can be dropped only where they go into "
                   "a dense layer or a convolution");
}

static sl_status begin(void *user, const sl_train_net *net, const float *weights, uint64_t steps, sl_error *err)
{
    sl_shape *s = user;
    const sl_compress_options *o = &s->options;
    (void)weights;
    SL_REQUIRE(s->net == NULL, err);
    s->net = net;
    s->steps = steps;
    s->parts = SL_ARENA_NEW(&s->arena, part, net->parts.n_tensors + 1);
    s->zero = SL_ARENA_NEW(&s->arena, bool, net->n_params);
    s->scratch = SL_ARENA_NEW(&s->arena, float, net->n_params);
    s->order = SL_ARENA_NEW(&s->arena, double, net->n_params);
    uint8_t *index = SL_ARENA_NEW(&s->arena, uint8_t, net->n_params);
    if (s->parts == NULL || s->zero == NULL || s->scratch == NULL || s->order == NULL || index == NULL) return SL_FAIL_NOMEM(err);
    memset(s->zero, 0, net->n_params * sizeof *s->zero);
    bool first = true;
    for (size_t i = 0; i < net->parts.n_tensors; i++) {
        const sl_train_tensor *t = &net->tensors[i];
        if (t->frozen || t->n == 0) continue;
        part *p = &s->parts[s->n_parts++];
        *p = (part){.at = t->at, .n = t->n, .rows = t->rows, .columns = t->columns, .index = index + t->at};
        p->k = t->rows == 0 ? o->clusters_vector : first && o->clusters_first > 0 ? o->clusters_first : o->clusters;
        first = first && t->rows == 0;
    }
    if (net->network.n_features != s->n_features) {
        return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NONE, "compress: %zu input values and a network of %u", s->n_features,
                       net->network.n_features);
    }
    return find_features(s, err);
}

/* ---- pruning ---- */

/* How far pruning is: 0 to 1, fast at first (Zhu & Gupta). */
static double progress(const sl_shape *s)
{
    const double from = (double)s->options.prune_from, to = (double)s->options.prune_to;
    const double at = s->steps > 0 ? (double)s->at / (double)s->steps : 1;
    if (at >= to) return 1;
    return at <= from ? 0 : 1 - pow(1 - (at - from) / (to - from), 3);
}

static bool is_dropped(const sl_shape *s, const part *p, size_t i)
{
    if (p->width == 0 || s->off == NULL) return false;
    const size_t column = i % p->columns % p->width;
    return column >= p->channels && s->off[column - p->channels];
}

/* Drop those input values that the network makes least of, until as many are left as should be by now. */
static void drop_features(sl_shape *s, const float *weights, double share)
{
    const size_t n = s->n_features;
    if (s->options.features == 0 || s->options.features >= n || s->off == NULL) return;
    const part *p = NULL;
    for (size_t i = 0; i < s->n_parts; i++) {
        if (s->parts[i].width > 0) p = &s->parts[i];
    }
    if (p == NULL) return;
    double *telling = s->order;
    size_t left = 0;
    memset(telling, 0, n * sizeof *telling);
    for (size_t i = 0; i < p->n; i++) {
        const size_t column = i % p->columns % p->width;
        const double w = (double)weights[p->at + i];
        if (column >= p->channels) telling[column - p->channels] += w * w;
    }
    for (size_t f = 0; f < n; f++) {
        telling[f] *= (double)s->importance[f] * (double)s->importance[f];
        left += !s->off[f];
    }
    const size_t wanted = n - (size_t)floor(share * (double)(n - s->options.features) + 1e-9);
    for (; left > wanted; left--) {
        size_t least = n;
        for (size_t f = 0; f < n; f++) {
            if (!s->off[f] && (least == n || telling[f] < telling[least])) least = f;
        }
        s->off[least] = true;
    }
}

/* What a weight's size is compared with: 1, or the root of the mean square of its tensor's. */
static double size_of(const sl_shape *s, const part *p, const float *weights)
{
    double sum = 0;
    if (!s->options.global) return 1;
    for (size_t i = 0; i < p->n; i++) sum += (double)weights[p->at + i] * (double)weights[p->at + i];
    return sum > 0 ? sqrt(sum / (double)p->n) : 1;
}

/* Mark the smallest weights of parts from..to: a share of those whose input value is there. */
static void mark_smallest(sl_shape *s, const float *weights, size_t from, size_t to, double share)
{
    size_t n = 0;
    for (size_t k = from; k < to; k++) {
        const part *p = &s->parts[k];
        const double size = size_of(s, p, weights);
        for (size_t i = 0; p->rows > 0 && i < p->n; i++) {
            if (!is_dropped(s, p, i)) s->order[n++] = fabs((double)weights[p->at + i]) / size;
        }
    }
    const size_t zeros = (size_t)(share * (double)n);
    const double threshold = zeros > 0 ? sl_nth(n, s->order, zeros - 1) : -1;
    for (size_t k = from; k < to; k++) {
        const part *p = &s->parts[k];
        const double size = size_of(s, p, weights);
        for (size_t i = 0; p->rows > 0 && i < p->n; i++) {
            s->zero[p->at + i] = is_dropped(s, p, i) || fabs((double)weights[p->at + i]) / size <= threshold;
        }
    }
}

static void prune(sl_shape *s, const float *weights)
{
    const double share = s->pruned ? 1 : progress(s), sparsity = share * (double)s->options.sparsity;
    drop_features(s, weights, share);
    if (s->options.global) {
        mark_smallest(s, weights, 0, s->n_parts, sparsity);
        return;
    }
    for (size_t k = 0; k < s->n_parts; k++) mark_smallest(s, weights, k, k + 1, sparsity);
}

/* From the end of pruning on what is 0 stays it. */
static void clear_pruned(const sl_shape *s, float *weights)
{
    for (size_t i = 0; i < s->net->n_params; i++) {
        if (s->zero[i]) weights[i] = 0;
    }
}

/* ---- clusters ---- */

static void choose_clusters(sl_shape *s, const float *weights)
{
    enum { ROUNDS = 4 };
    const sl_compress_options *o = &s->options;
    const bool pruned = wants(s, SL_COMPRESS_PRUNE);
    for (size_t k = 0; k < s->n_parts; k++) {
        part *p = &s->parts[k];
        const float *w = weights + p->at;
        if (p->k == 0) continue;
        const bool zero = (pruned && p->rows > 0) || o->price > 0;
        if (!s->clustered) sl_cluster_fit(p->n, w, p->k, zero, o->start, o->seed + k, s->scratch, &p->clusters);
        double squares = 0;
        for (size_t i = 0; i < p->n; i++) squares += (double)w[i] * (double)w[i];
        sl_cluster_improve(p->n, w, (double)o->price * squares / (double)p->n, zero, ROUNDS, &p->clusters);
        sl_cluster_assign(&p->clusters, p->n, w, p->index);
    }
    s->clustered = true;
}

/* Sums and counts of x by cluster. */
static void add_up(const part *p, const float *x, double *sum, size_t *count)
{
    memset(sum, 0, SL_MAX_CLUSTERS * sizeof *sum);
    memset(count, 0, SL_MAX_CLUSTERS * sizeof *count);
    for (size_t i = 0; i < p->n; i++) {
        sum[p->index[i]] += (double)x[i];
        count[p->index[i]]++;
    }
}

/* Each weight is its cluster's mean; 0 stays 0. */
static void see_clusters(const part *p, const float *w, float *seen)
{
    double sum[SL_MAX_CLUSTERS];
    size_t count[SL_MAX_CLUSTERS];
    float value[SL_MAX_CLUSTERS];
    add_up(p, w, sum, count);
    for (uint32_t c = 0; c < p->clusters.n; c++) {
        value[c] = count[c] == 0 || p->clusters.center[c] == 0 ? 0 : (float)(sum[c] / (double)count[c]);
    }
    sl_quantize_float16(p->clusters.n, value, value);
    for (size_t i = 0; i < p->n; i++) seen[i] = value[p->index[i]];
}

/* The sum of a cluster's gradients, such that the norm of all of them is that of the values' own gradient. */
static void share_clusters(const part *p, float *grad)
{
    double sum[SL_MAX_CLUSTERS];
    size_t count[SL_MAX_CLUSTERS];
    float value[SL_MAX_CLUSTERS];
    add_up(p, grad, sum, count);
    for (uint32_t c = 0; c < p->clusters.n; c++) {
        value[c] = count[c] == 0 || p->clusters.center[c] == 0 ? 0 : (float)(sum[c] / sqrt((double)count[c]));
    }
    for (size_t i = 0; i < p->n; i++) grad[i] = value[p->index[i]];
}

/* ---- the constraint ---- */

static bool is_kept(const sl_shape *s)
{
    return s->clustered && s->at >= step_at(s, s->options.cluster_kept);
}

static void share(void *user, float *grad)
{
    const sl_shape *s = user;
    if (s->pruned) clear_pruned(s, grad);
    for (size_t k = 0; is_kept(s) && k < s->n_parts; k++) {
        if (s->parts[k].k > 0) share_clusters(&s->parts[k], grad + s->parts[k].at);
    }
}

static void step(void *user, uint64_t number, float *weights, float *average)
{
    sl_shape *s = user;
    const bool was_kept = is_kept(s);
    s->at = number;
    const bool now = number % s->options.again == 0;
    if (wants(s, SL_COMPRESS_PRUNE) && !s->pruned) {
        s->pruned = number >= step_at(s, s->options.prune_to);
        if (now || s->pruned) prune(s, average);
    }
    if (s->pruned) {
        clear_pruned(s, weights);
        clear_pruned(s, average);
    }
    const bool begun = wants(s, SL_COMPRESS_CLUSTER) && number >= step_at(s, s->options.cluster_from);
    if (begun && !was_kept && (now || !s->clustered || is_kept(s))) choose_clusters(s, average);
}

static void see(void *user, const float *weights, float *seen)
{
    const sl_shape *s = user;
    memcpy(seen, weights, s->net->n_params * sizeof *seen);
    for (size_t i = 0; i < s->net->n_params; i++) {
        if (s->zero[i]) seen[i] = 0;
    }
    for (size_t k = 0; k < s->n_parts; k++) {
        const part *p = &s->parts[k];
        float *x = seen + p->at;
        if (s->clustered && p->k > 0) {
            see_clusters(p, weights + p->at, x);
        } else if (wants(s, SL_COMPRESS_QUANTIZE)) {
            if (s->options.quantize == SL_QUANTIZE_INT && p->rows > 0) {
                sl_quantize_rows(p->rows, p->columns, s->options.bits, x, x);
            } else if (s->options.quantize == SL_QUANTIZE_BFLOAT16) {
                sl_quantize_bfloat16(p->n, x, x);
            } else {
                sl_quantize_float16(p->n, x, x);
            }
        }
    }
}

static bool settled(void *user, uint64_t number)
{
    const sl_shape *s = user;
    const bool pruned = !wants(s, SL_COMPRESS_PRUNE) || number >= step_at(s, s->options.prune_to);
    return pruned && (!wants(s, SL_COMPRESS_CLUSTER) || number >= step_at(s, s->options.cluster_kept));
}

/* ---- making ---- */

sl_status sl_shape_new(const sl_compress_options *options, size_t n_features, const float *importance, sl_shape **out,
                       sl_error *err)
{
    SL_REQUIRE(options != NULL && options->again > 0 && out != NULL, err);
    sl_shape *s = calloc(1, sizeof *s);
    if (s == NULL) return SL_FAIL_NOMEM(err);
    s->options = *options;
    s->constraint = (sl_constraint){.user = s, .begin = begin, .share = share, .step = step, .see = see, .settled = settled};
    s->n_features = n_features;
    sl_arena_init(&s->arena, (size_t)1 << 30);
    s->importance = SL_ARENA_NEW(&s->arena, float, n_features + 1);
    s->off = SL_ARENA_NEW(&s->arena, bool, n_features + 1);
    if (s->importance == NULL || s->off == NULL) {
        sl_shape_free(s);
        return SL_FAIL_NOMEM(err);
    }
    for (size_t f = 0; f < n_features; f++) {
        s->importance[f] = importance != NULL ? importance[f] : 1;
        s->off[f] = false;
    }
    *out = s;
    return SL_OK;
}

void sl_shape_free(sl_shape *s)
{
    if (s == NULL) return;
    sl_arena_release(&s->arena);
    free(s);
}

const sl_constraint *sl_shape_constraint(const sl_shape *s)
{
    return &s->constraint;
}

sl_status sl_shape_apply(sl_shape *s, const sl_train_net *net, float *params, sl_error *err)
{
    SL_TRY(begin(s, net, params, 0, err));
    if (wants(s, SL_COMPRESS_PRUNE)) prune(s, params);
    clear_pruned(s, params);
    if (wants(s, SL_COMPRESS_CLUSTER)) choose_clusters(s, params);
    memcpy(s->scratch, params, net->n_params * sizeof *params);
    see(s, s->scratch, params);
    return SL_OK;
}
