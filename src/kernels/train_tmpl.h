/*
 * kernels/train_tmpl.h - the kernels of training over vectors, a part of
 * kernels_tmpl.h.
 */

_Static_assert((int)DIMS == (int)SL_ATTENTION_LEAD, "room for the gradients of attention");

/* The sums of all lanes of n vectors, n a multiple of VL; spoils them. */
SL_INLINE void lane_sums(vf *x, const size_t n, float *out)
{
    SL_UNROLL for (size_t i = 0; i < n; i += VL) {
        vcross(x + i);
        vf sum = x[i];
        SL_UNROLL for (size_t l = 1; l < VL; l++) sum += x[i + l];
        store(out + i, sum);
    }
}

/* ---- attention ---- */

/*
 * A head. Queries are in the lanes; some keys at a time go against all of
 * them, so that the sums over the queries, the keys' gradients, stay in
 * registers until the end. What depends on the query alone is made before:
 * q times the scale of exp2_scaled, d_o times the query's inverse, and their
 * product with o. Of the dimensions, SL_ATTENTION_LEAD at most go together;
 * where there are more, the weights and their gradients lie in memory
 * (steps rows each), from the products of the dimensions behind.
 */
typedef struct back {
    size_t steps, lanes, stride, lead, key_dim;
    float scale;              /* of the scores */
    const float *q, *k, *v, *d_o;
    const float *shift, *past; /* one a query; past = -d_o . o, scaled as d_o */
    float *d_q, *d_k, *d_v;
    float *weights, *slopes; /* steps rows of lanes */
} back;

/* K keys from j on and D dimensions: the last dimensions where there are others, which lie in weights and slopes. */
SL_INLINE void back_keys(const back *h, size_t j, const bool more, const size_t D, const size_t K)
{
    const size_t lanes = h->lanes, stride = h->stride;
    const float *k = h->k + j, *v = h->v + j;
    const vf least = vset(-126 * 0x1p23f);
    vf sums[BACK_SUMS];
    SL_UNROLL for (size_t i = 0; i < BACK_SUMS; i++) sums[i] = vset(0);
    for (size_t t = 0; t < lanes; t += VL) {
        vf q[DIMS], d_o[DIMS], d_q[DIMS];
        SL_UNROLL for (size_t d = 0; d < D; d++) {
            q[d] = load(h->q + d * lanes + t);
            d_o[d] = load(h->d_o + d * lanes + t);
            d_q[d] = load(h->d_q + d * stride + t);
        }
        const vf shift = load(h->shift + t), past = load(h->past + t);
        SL_UNROLL for (size_t i = 0; i < K; i++) {
            const size_t at = (j + i) * lanes + t;
            vf s = more ? load(h->weights + at) : shift, g = more ? load(h->slopes + at) : past;
            SL_UNROLL for (size_t d = 0; d < D; d++) s = vfma(vset(k[d * stride + i]), q[d], s);
            SL_UNROLL for (size_t d = 0; d < D; d++) g = vfma(vset(v[d * stride + i]), d_o[d], g);
            const vf e = exp2_scaled(vmax(least, s)), slope = e * g;
            SL_UNROLL for (size_t d = 0; d < D; d++) {
                d_q[d] = vfma(vset(k[d * stride + i]), slope, d_q[d]);
                sums[(2 * i) * D + d] = vfma(slope, q[d], sums[(2 * i) * D + d]);
                sums[(2 * i + 1) * D + d] = vfma(e, d_o[d], sums[(2 * i + 1) * D + d]);
            }
            if (more) {
                store(h->weights + at, e);
                store(h->slopes + at, slope);
            }
        }
        SL_UNROLL for (size_t d = 0; d < D; d++) store(h->d_q + d * stride + t, d_q[d]);
    }
    _Alignas(sizeof(vf)) float all[BACK_SUMS];
    lane_sums(sums, BACK_SUMS, all);
    for (size_t i = 0; i < K; i++) {
        for (size_t d = 0; d < D; d++) {
            h->d_k[d * stride + j + i] = all[(2 * i) * D + d];
            h->d_v[d * stride + j + i] = all[(2 * i + 1) * D + d];
        }
    }
}

SL_INLINE void back_lead(const back *h, const bool more, const size_t D, const size_t K)
{
    size_t j = 0;
    for (; j + K <= h->steps; j += K) back_keys(h, j, more, D, K);
    for (; j < h->steps; j++) back_keys(h, j, more, D, 1);
}

/* Put the products of the dimensions behind the lead into weights and slopes. */
static void back_products(const back *h)
{
    const size_t lanes = h->lanes;
    for (size_t j = 0; j < h->steps; j++) {
        for (size_t t = 0; t < lanes; t += VL) {
            vf s = load(h->shift + t), g = load(h->past + t);
            for (size_t d = h->lead; d < h->key_dim; d++) {
                s = vfma(vset(h->k[d * h->stride + j]), load(h->q + d * lanes + t), s);
                g = vfma(vset(h->v[d * h->stride + j]), load(h->d_o + d * lanes + t), g);
            }
            store(h->weights + j * lanes + t, s);
            store(h->slopes + j * lanes + t, g);
        }
    }
}

/* The gradients of K keys from j on in one dimension behind the lead, from the weights and slopes of the lead. */
SL_INLINE void back_rest_keys(const back *h, size_t d, size_t j, const size_t K)
{
    const size_t lanes = h->lanes;
    const float *k = h->k + d * h->stride + j, *q = h->q + d * lanes, *d_o = h->d_o + d * lanes;
    float *d_q = h->d_q + d * h->stride;
    vf sums[BACK_SUMS];
    SL_UNROLL for (size_t i = 0; i < BACK_SUMS; i++) sums[i] = vset(0);
    for (size_t t = 0; t < lanes; t += VL) {
        const vf query = load(q + t), out = load(d_o + t);
        vf sum = load(d_q + t);
        SL_UNROLL for (size_t i = 0; i < K; i++) {
            const size_t at = (j + i) * lanes + t;
            const vf slope = load(h->slopes + at);
            sum = vfma(vset(k[i]), slope, sum);
            sums[2 * i] = vfma(slope, query, sums[2 * i]);
            sums[2 * i + 1] = vfma(load(h->weights + at), out, sums[2 * i + 1]);
        }
        store(d_q + t, sum);
    }
    _Alignas(sizeof(vf)) float all[BACK_SUMS];
    lane_sums(sums, BACK_SUMS, all);
    for (size_t i = 0; i < K; i++) {
        h->d_k[d * h->stride + j + i] = all[2 * i];
        h->d_v[d * h->stride + j + i] = all[2 * i + 1];
    }
}

static void back_rest(const back *h)
{
    for (size_t d = h->lead; d < h->key_dim; d++) {
        size_t j = 0;
        for (; j + BACK_SUMS / 2 <= h->steps; j += BACK_SUMS / 2) back_rest_keys(h, d, j, BACK_SUMS / 2);
        for (; j < h->steps; j++) back_rest_keys(h, d, j, 1);
    }
}

/* What depends on the query alone. */
static void back_prepare(const sl_attention_back *a, size_t row, const float *inverse, float scale, float *q, float *d_o,
                         float *past)
{
    for (size_t t = 0; t < a->lanes; t += VL) {
        const vf factor = load(inverse + t);
        vf sum = vset(0);
        for (size_t d = 0; d < a->key_dim; d++) {
            const size_t at = (row + d) * a->stride + t;
            const vf g = load(a->d_o + at) * factor;
            sum = vfma(g, load(a->o + at), sum);
            store(d_o + d * a->lanes + t, g);
            store(q + d * a->lanes + t, load(a->q + at) * vset(scale));
        }
        store(past + t, vset(0) - sum);
    }
}

static void back_scale(const sl_attention_back *a, float *rows, float factor)
{
    for (size_t d = 0; d < a->key_dim; d++) {
        float *row = rows + d * a->stride;
        for (size_t t = 0; t < a->lanes; t += VL) store(row + t, load(row + t) * vset(factor));
    }
}

static void back_head(const back *h)
{
    if (h->key_dim > DIMS) {
        back_products(h);
        back_lead(h, true, DIMS, BACK_SUMS / (2 * DIMS));
        back_rest(h);
        return;
    }
    switch (h->key_dim) {
    case 1: back_lead(h, false, 1, BACK_SUMS / 2); break;
    case 2: back_lead(h, false, 2, BACK_SUMS / 4); break;
    case 3: back_lead(h, false, 3, BACK_SUMS / 8); break;
    default: back_lead(h, false, DIMS, BACK_SUMS / (2 * DIMS)); break;
    }
}

static void attention_back(const sl_attention_back *a)
{
    const float scale = a->scale * 0x1.715476p+23f; /* of exp2_scaled */
    const size_t lanes = a->lanes;
    float *q = a->room, *d_o = q + a->key_dim * lanes, *past = d_o + a->key_dim * lanes, *weights = past + lanes;
    for (size_t i = 0; i < a->heads; i++) {
        const size_t row = i * a->key_dim, at = row * a->stride;
        const back h = {.steps = a->steps, .lanes = lanes, .stride = a->stride, .key_dim = a->key_dim,
                        .lead = a->key_dim < DIMS ? a->key_dim : DIMS, .q = q, .d_o = d_o, .past = past,
                        .shift = a->shift + i * a->stride, .k = a->k + at, .v = a->v + at, .d_q = a->d_q + at,
                        .d_k = a->d_k + at, .d_v = a->d_v + at, .weights = weights,
                        .slopes = weights + a->steps * lanes};
        back_prepare(a, row, a->inverse + i * a->stride, scale, q, d_o, past);
        for (size_t d = 0; d < a->key_dim; d++) {
            const size_t behind = lanes - a->steps;
            memset(h.d_q + d * a->stride, 0, lanes * sizeof *h.d_q);
            memset(h.d_k + d * a->stride + a->steps, 0, behind * sizeof *h.d_k);
            memset(h.d_v + d * a->stride + a->steps, 0, behind * sizeof *h.d_v);
        }
        back_head(&h);
        back_scale(a, h.d_q, a->scale);
        back_scale(a, h.d_k, a->scale / scale);
    }
}

/* ---- the rest ---- */

/* Of each lane: mean, inverse deviation, and the means of gamma d_y and of that times the normalised x. */
SL_INLINE void norm_back_stats(const sl_norm_back *n, size_t t, const size_t V)
{
    const size_t channels = n->channels, stride = n->stride;
    const vf count = vset((float)channels);
    const float *x = n->x + t, *d_y = n->d_y + t;
    vf mean[NORM_VECTORS], squares[NORM_VECTORS], mean_1[NORM_VECTORS], mean_2[NORM_VECTORS];
    SL_UNROLL for (size_t v = 0; v < V; v++) mean[v] = squares[v] = mean_1[v] = mean_2[v] = vset(0);
    for (size_t c = 0; c < channels; c++) {
        SL_UNROLL for (size_t v = 0; v < V; v++) mean[v] += load(x + c * stride + v * VL);
    }
    SL_UNROLL for (size_t v = 0; v < V; v++) mean[v] = mean[v] / count;
    for (size_t c = 0; c < channels; c++) {
        const vf gamma = vset(n->gamma[c]);
        SL_UNROLL for (size_t v = 0; v < V; v++) {
            const vf y = load(x + c * stride + v * VL) - mean[v], g = gamma * load(d_y + c * stride + v * VL);
            squares[v] = vfma(y, y, squares[v]);
            mean_1[v] += g;
            mean_2[v] = vfma(g, y, mean_2[v]);
        }
    }
    SL_UNROLL for (size_t v = 0; v < V; v++) {
        const vf inverse = vset(1) / vsqrt(squares[v] / count + vset(n->epsilon));
        float *to = n->room + t + v * VL;
        store(to, mean[v]);
        store(to + n->lanes, inverse);
        store(to + 2 * n->lanes, mean_1[v] / count);
        store(to + 3 * n->lanes, mean_2[v] / count * inverse);
    }
}

static void norm_back(const sl_norm_back *n)
{
    const size_t lanes = n->lanes;
    size_t at = 0;
    for (; at + NORM_VECTORS * VL <= lanes; at += NORM_VECTORS * VL) norm_back_stats(n, at, NORM_VECTORS);
    for (; at < lanes; at += VL) norm_back_stats(n, at, 1);
    for (size_t c = 0; c < n->channels; c++) {
        const float *x = n->x + c * n->stride, *d_y = n->d_y + c * n->stride, *stats = n->room;
        float *d_x = n->d_x + c * n->stride;
        const vf gamma = vset(n->gamma[c]);
        vf sum_gamma = vset(0), sum_beta = vset(0);
        for (size_t t = 0; t < lanes; t += VL) {
            const vf d = load(d_y + t), inverse = load(stats + lanes + t), y = (load(x + t) - load(stats + t)) * inverse;
            sum_gamma = vfma(d, y, sum_gamma);
            sum_beta += d;
            const vf rest = vfma(y, load(stats + 3 * lanes + t), load(stats + 2 * lanes + t));
            store(d_x + t, inverse * (gamma * d - rest));
        }
        n->d_gamma[c] += vsum(sum_gamma);
        n->d_beta[c] += vsum(sum_beta);
    }
}

SL_INLINE void dropout_rows(const sl_dropout *d, const bool each)
{
    static const _Alignas(64) uint32_t counts[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const uint32_t least = (uint32_t)(d->rate * 0x1p32f);
    const vf factor = vset(1 / (1 - d->rate));
    const vu none = load_words(counts) * 0u;
    for (size_t r = 0; r < d->rows; r++) {
        for (size_t t = 0; t < d->lanes; t += VL) {
            const size_t at = r * d->stride + t;
            const vu low = each ? load_words(d->low + t) : none + (uint32_t)d->key;
            const vu high = each ? load_words(d->high + t) : none + (uint32_t)(d->key >> 32);
            const vu place = each ? none + (uint32_t)r : load_words(counts) + (uint32_t)(r * d->lanes + t);
            vu h = place ^ low; /* sl_dropout_draw */
            h = (h ^ h >> 16) * 0x7feb352du + high;
            h = (h ^ h >> 15) * 0x846ca68bu;
            h = h ^ h >> 16;
            const vf kept = (vf)((vu)(load(d->from + at) * factor) & (vu)(h >= least));
            store(d->to + at, d->add != NULL ? (vf)(load(d->add + at) + kept) : kept);
        }
    }
}

static void dropout(const sl_dropout *d)
{
    if (d->low != NULL) {
        dropout_rows(d, true);
    } else {
        dropout_rows(d, false);
    }
}

static void transpose(size_t rows, size_t lanes, size_t stride, const float *from, float *to)
{
    const size_t wide = sl_stride(rows);
    for (size_t r = 0; r < wide; r += VL) {
        const size_t n = r + VL <= rows ? VL : r < rows ? rows - r : 0;
        for (size_t t = 0; t < lanes; t += VL) {
            vf x[VL];
            for (size_t i = 0; i < VL; i++) x[i] = i < n ? load(from + (r + i) * stride + t) : vset(0);
            vcross(x);
            for (size_t i = 0; i < VL; i++) store(to + (t + i) * wide + r, x[i]);
        }
    }
}

static void row_sums(size_t rows, size_t lanes, size_t stride, const float *x, float *sum)
{
    for (size_t r = 0; r < rows; r++, x += stride) {
        vf a = vset(0), b = vset(0); /* each waits for itself */
        size_t t = 0;
        for (; t + 2 * VL <= lanes; t += 2 * VL) {
            a += load(x + t);
            b += load(x + t + VL);
        }
        if (t < lanes) a += load(x + t);
        sum[r] += vsum(a + b);
    }
}

static void relu_back(size_t n, const float *y, float *d)
{
    for (size_t i = 0; i < n; i += VL) store(d + i, (vf)((vu)load(d + i) & (vu)(load(y + i) > vset(0))));
}

static void silu_back(size_t n, const float *x, float *d)
{
    for (size_t i = 0; i < n; i += VL) {
        const vf z = load(x + i), s = logistic(z);
        store(d + i, load(d + i) * s * vfma(z, vset(1) - s, vset(1)));
    }
}
