/*
 * kernels/attention_tmpl.h - attention over vectors, a part of kernels_tmpl.h.
 *
 * A block is one or two vectors of queries of one head; the keys are broadcast
 * one after another. Each block goes one of two ways:
 *
 * soft   Where all its weights are within 2^+-60 by Hoelder's bound,
 *        |q.(k_j - c)| <= sum_d |q_d| max_j |k_dj - c_d| with c the middle of
 *        the keys, the softmax needs no maximum: one pass does everything.
 * sharp  Else scores and their exact maximum come first, then only the groups
 *        of keys in which some query of the block has a weight of 2^-32 of its
 *        heaviest or more. Where scores go into the thousands that is one
 *        group in seven.
 *
 * Of a head's dimensions the first four at most go through registers together
 * ("lead"); the scores of those behind them are summed up before.
 */
enum { BLOCK = 2, DIMS = 4, GROUP = SL_ATTENTION_GROUP };
_Static_assert(BLOCK * VL <= SL_ATTENTION_LANES, "room for scores");

/* A head: its rows, and what is known of its keys and values. */
typedef struct head {
    const sl_attention *a;
    size_t row, lead, end;
    const float *middle, *half; /* of the keys, one a dimension: the middle of their range, and how far it goes */
    bool may_be_soft;           /* no value is so large that 2^60 times it could overflow */
    float not_finite;           /* 0, and NaN where a key or a value is not finite */
} head;

/*
 * 73.886 2^(x / 2^23) for |x| < 2^30: the whole part goes into the exponent as
 * it stands, the fraction becomes m in [1, 2). The polynomial is the minimax
 * one of degree 4 for 2^(m - 1), divided by its leading coefficient and
 * factored so that it takes two multiplications instead of four; its relative
 * error is 2.6e-6, and 3.6e-6 with float32's rounding.
 */
SL_INLINE vf exp2_scaled(vf x)
{
    const vu i = vwhole(x);
    const vf m = (vf)((i & 0x7fffffu) | 0x3f800000u);
    const vf y = vfma(m + vset(-0.578512808f), m, vset(30.3168372f));
    const vf p = vfma(y + (m + vset(-48.0792641f)), y, vset(576.180366f));
    return (vf)((vu)p + (i & 0xff800000u));
}

SL_INLINE vf vabs(vf x)
{
    return (vf)((vu)x & 0x7fffffffu);
}

/* Range of a row of keys; NaN in not_finite where one is not finite. */
static void span_keys(const float *k, size_t n, float *middle, float *half, float *not_finite)
{
    float low = k[0], high = k[0], bad = 0;
    size_t j = 0;
    if (n >= VL) {
        vf least = load(k), most = least, sum = vset(0);
        for (; j + VL <= n; j += VL) {
            const vf x = load(k + j);
            least = vmin(x, least);
            most = vmax(x, most);
            sum = vfma(x, vset(0), sum);
        }
        low = vleast(least);
        high = vmost(most);
        bad = vsum(sum);
    }
    for (; j < n; j++) {
        low = k[j] < low ? k[j] : low;
        high = k[j] > high ? k[j] : high;
        bad += k[j] * 0;
    }
    *middle = 0.5f * low + 0.5f * high;
    *half = high - *middle > *middle - low ? high - *middle : *middle - low;
    *not_finite += bad;
}

/* Sum of |v|; NaN in not_finite where one is not finite. */
static float sum_values(const float *v, size_t n, float *not_finite)
{
    vf sum = vset(0), bad = vset(0);
    size_t j = 0;
    for (; j + VL <= n; j += VL) {
        sum += vabs(load(v + j));
        bad = vfma(load(v + j), vset(0), bad);
    }
    float all = vsum(sum), rest = vsum(bad);
    for (; j < n; j++) {
        all += fabsf(v[j]);
        rest += v[j] * 0;
    }
    *not_finite += rest;
    return all;
}

static void survey(const sl_attention *a, size_t index, head *h)
{
    float *middle = a->scores + sl_attention_scores(a->steps), *half = middle + a->key_dim;
    const size_t row = index * a->key_dim;
    float most = 0;
    *h = (head){.a = a, .row = row, .lead = a->key_dim < DIMS ? a->key_dim : DIMS, .end = row + a->key_dim,
                .middle = middle, .half = half};
    for (size_t d = 0; d < a->key_dim; d++) {
        span_keys(a->k + (row + d) * a->stride, a->steps, &middle[d], &half[d], &h->not_finite);
        const float sum = sum_values(a->v + (row + d) * a->stride, a->steps, &h->not_finite);
        most = sum > most ? sum : most;
    }
    h->may_be_soft = most < 0x1p40f && h->not_finite == 0;
}

/* Add the products of D dimensions from `row` on to the scores of V vectors of queries. */
SL_INLINE void add_scores(const sl_attention *a, size_t row, size_t t, const bool first, const size_t D, const size_t V)
{
    vf q[DIMS][BLOCK];
    const size_t steps = a->steps, stride = a->stride; /* copies: a store of floats could change the struct's */
    const float *k = a->k + row * stride;
    float *scores = a->scores;
    for (size_t d = 0; d < D; d++) {
        for (size_t v = 0; v < V; v++) q[d][v] = load(a->q + (row + d) * stride + t + v * VL);
    }
    for (size_t j = 0; j < steps; j++, scores += SL_ATTENTION_LANES) {
        for (size_t v = 0; v < V; v++) {
            vf s = first ? vset(0) : load(scores + v * VL);
            for (size_t d = 0; d < D; d++) s = vfma(vset(k[d * stride + j]), q[d][v], s);
            store(scores + v * VL, s);
        }
    }
}

/* The scores of the dimensions behind the lead. */
SL_INLINE void score_rest(const head *h, size_t t, const size_t V)
{
    const size_t first = h->row + h->lead;
    size_t d = first;
    for (; d + DIMS <= h->end; d += DIMS) {
        if (d == first) {
            add_scores(h->a, d, t, true, DIMS, V);
        } else {
            add_scores(h->a, d, t, false, DIMS, V);
        }
    }
    for (; d < h->end; d++) {
        if (d == first) {
            add_scores(h->a, d, t, true, 1, V);
        } else {
            add_scores(h->a, d, t, false, 1, V);
        }
    }
}

/* D dimensions from `row` on of the output for V vectors of queries, from the weights of N keys at j. */
SL_INLINE void add_values(const float *values, size_t stride, size_t j, const vf *e, const size_t D, const size_t V,
                          vf y[DIMS][BLOCK])
{
    for (size_t d = 0; d < D; d++) {
        const vf value = vset(values[d * stride + j]);
        for (size_t v = 0; v < V; v++) y[d][v] = vfma(value, e[v], y[d][v]);
    }
}

SL_INLINE void clear(vf y[DIMS][BLOCK], const size_t D, const size_t V)
{
    for (size_t d = 0; d < D; d++) {
        for (size_t v = 0; v < V; v++) y[d][v] = vset(0);
    }
}

/* y / total, and NaN where the head has numbers that are not finite. */
SL_INLINE void finish(const head *h, size_t row, size_t t, const vf *total, const size_t D, const size_t V,
                      vf y[DIMS][BLOCK])
{
    const vf bad = vset(h->not_finite);
    for (size_t d = 0; d < D; d++) {
        for (size_t v = 0; v < V; v++) store(h->a->o + (row + d) * h->a->stride + t + v * VL, y[d][v] / total[v] + bad);
    }
}

/* ---- soft ---- */

/* Does the bound hold? Then shift gets -q.c scaled as the scores will be. */
SL_INLINE bool is_soft(const head *h, size_t t, float scale, const size_t V, vf *shift)
{
    vf bound[BLOCK];
    for (size_t v = 0; v < V; v++) bound[v] = shift[v] = vset(0);
    for (size_t d = 0; d < h->a->key_dim; d++) {
        for (size_t v = 0; v < V; v++) {
            const vf q = load(h->a->q + (h->row + d) * h->a->stride + t + v * VL);
            bound[v] = vfma(vabs(q), vset(h->half[d]), bound[v]);
            shift[v] = vfma(q, vset(h->middle[d]), shift[v]);
        }
    }
    const vf limit = vset(60 * 0x1p23f / scale);
    bool soft = true;
    for (size_t v = 0; v < V; v++) {
        soft = soft && !vany_not_below(bound[v], limit);
        shift[v] = vset(-scale) * shift[v];
    }
    return soft;
}

SL_INLINE void soft(const head *h, size_t t, float scale, const vf *shift, const bool more, const size_t D,
                    const size_t V, vf *total)
{
    vf q[DIMS][BLOCK], y[DIMS][BLOCK], sum[BLOCK], start[BLOCK];
    const sl_attention *a = h->a;
    const size_t steps = a->steps, stride = a->stride;
    const float *k = a->k + h->row * stride, *values = a->v + h->row * stride;
    float *scores = a->scores;
    for (size_t d = 0; d < D; d++) {
        for (size_t v = 0; v < V; v++) q[d][v] = vset(scale) * load(a->q + (h->row + d) * stride + t + v * VL);
    }
    for (size_t v = 0; v < V; v++) {
        sum[v] = vset(0);
        start[v] = shift[v];
    }
    clear(y, D, V);
    for (size_t j = 0; j < steps; j++, scores += SL_ATTENTION_LANES) {
        vf e[BLOCK];
        for (size_t v = 0; v < V; v++) {
            vf s = more ? vfma(load(scores + v * VL), vset(scale), start[v]) : start[v];
            for (size_t d = 0; d < D; d++) s = vfma(vset(k[d * stride + j]), q[d][v], s);
            e[v] = exp2_scaled(s);
            sum[v] += e[v];
            if (more) store(scores + v * VL, e[v]);
        }
        add_values(values, stride, j, e, D, V, y);
    }
    for (size_t v = 0; v < V; v++) total[v] = sum[v];
    finish(h, h->row, t, total, D, V, y);
}

/* Further dimensions, from the weights that soft left. */
SL_INLINE void soft_rest(const head *h, size_t row, size_t t, const vf *total, const size_t D, const size_t V)
{
    vf y[DIMS][BLOCK];
    const size_t steps = h->a->steps, stride = h->a->stride;
    const float *values = h->a->v + row * stride, *scores = h->a->scores;
    clear(y, D, V);
    for (size_t j = 0; j < steps; j++, scores += SL_ATTENTION_LANES) {
        vf e[BLOCK];
        for (size_t v = 0; v < V; v++) e[v] = load(scores + v * VL);
        add_values(values, stride, j, e, D, V, y);
    }
    finish(h, row, t, total, D, V, y);
}

/* ---- sharp ---- */

/* The last scores, the largest of each group of keys, and the largest of all. */
SL_INLINE void score(const head *h, size_t t, const bool more, const size_t D, const size_t V, vf *max)
{
    vf q[DIMS][BLOCK], most[BLOCK];
    const sl_attention *a = h->a;
    const size_t steps = a->steps, stride = a->stride;
    const float *k = a->k + h->row * stride;
    float *scores = a->scores, *tops = scores + steps * SL_ATTENTION_LANES;
    for (size_t d = 0; d < D; d++) {
        for (size_t v = 0; v < V; v++) q[d][v] = load(a->q + (h->row + d) * stride + t + v * VL);
    }
    for (size_t v = 0; v < V; v++) most[v] = vset(-INFINITY);
    for (size_t j = 0; j < steps; tops += SL_ATTENTION_LANES) {
        const size_t stop = j + GROUP < steps ? j + GROUP : steps;
        vf top[BLOCK];
        for (size_t v = 0; v < V; v++) top[v] = vset(-INFINITY);
        for (; j < stop; j++, scores += SL_ATTENTION_LANES) {
            for (size_t v = 0; v < V; v++) {
                vf s = vset(k[j]) * q[0][v];
                for (size_t d = 1; d < D; d++) s = vfma(vset(k[d * stride + j]), q[d][v], s);
                if (more) s = s + load(scores + v * VL);
                store(scores + v * VL, s);
                top[v] = vmax(top[v], s);
            }
        }
        for (size_t v = 0; v < V; v++) {
            store(tops + v * VL, top[v]);
            most[v] = vmax(most[v], top[v]);
        }
    }
    for (size_t v = 0; v < V; v++) max[v] = most[v];
}

/* Which of the groups from `first` on, 64 at most, have a score at the threshold or above: a bit each. */
SL_INLINE uint64_t groups_at(const float *tops, size_t n, const vf *threshold, const size_t V)
{
    uint64_t bits = 0;
    for (size_t g = 0; g < n; g++, tops += SL_ATTENTION_LANES) {
        bool any = false;
        for (size_t v = 0; v < V; v++) any = any | vany_not_below(load(tops + v * VL), threshold[v]);
        bits |= (uint64_t)any << g;
    }
    return bits;
}

/* D dimensions from `row` on. The first call turns scores into weights and sums them; it leaves them where `more` come. */
SL_INLINE void sharp(const head *h, size_t row, size_t t, const bool first, const bool more, const size_t D,
                     const size_t V, const vf *max, vf *total)
{
    vf y[DIMS][BLOCK], sum[BLOCK], threshold[BLOCK];
    const sl_attention *a = h->a;
    const size_t steps = a->steps, stride = a->stride, n_groups = (steps + GROUP - 1) / GROUP;
    const float *values = a->v + row * stride, *tops = a->scores + steps * SL_ATTENTION_LANES;
    const float to_base_2 = a->scale * 0x1.715476p+0f;
    for (size_t v = 0; v < V; v++) {
        sum[v] = vset(0);
        threshold[v] = max[v] - vset(32 / to_base_2);
    }
    clear(y, D, V);
    for (size_t g = 0; g < n_groups; g += 64) {
        const size_t n = n_groups - g < 64 ? n_groups - g : 64;
        uint64_t bits = groups_at(tops + g * SL_ATTENTION_LANES, n, threshold, V);
        for (; bits != 0; bits &= bits - 1) {
            size_t j = (g + (size_t)__builtin_ctzll(bits)) * GROUP;
            const size_t stop = j + GROUP < steps ? j + GROUP : steps;
            float *scores = a->scores + j * SL_ATTENTION_LANES;
            for (; j < stop; j++, scores += SL_ATTENTION_LANES) {
                vf e[BLOCK];
                for (size_t v = 0; v < V; v++) {
                    e[v] = load(scores + v * VL);
                    if (first) {
                        e[v] = vkeep_not_below(exp2_negative(e[v] - max[v], to_base_2), e[v], threshold[v]);
                        sum[v] += e[v];
                        if (more) store(scores + v * VL, e[v]);
                    }
                }
                add_values(values, stride, j, e, D, V, y);
            }
        }
    }
    for (size_t v = 0; v < V; v++) {
        if (first) total[v] = sum[v];
    }
    finish(h, row, t, total, D, V, y);
}

/*
 * What the gradient wants to know of a query: its weights are inverse times
 * exp2_scaled of the scores, scaled, + shift. `unit` is what the sum of the
 * weights was made with where exp2_scaled has its 73.886.
 */
SL_INLINE void keep(const head *h, size_t t, float unit, const size_t V, const vf *shift, const vf *total)
{
    const size_t at = h->row / h->a->key_dim * h->a->stride + t;
    for (size_t v = 0; v < V; v++) {
        store(h->a->shift + at + v * VL, shift[v]);
        store(h->a->inverse + at + v * VL, vset(unit) / total[v]);
    }
}

/* V vectors of queries of one head, D of its dimensions in the lead. */
SL_INLINE void attend_lead(const head *h, size_t t, const bool more, const size_t D, const size_t V)
{
    const float scale = h->a->scale * 0x1.715476p+23f;
    vf shift[BLOCK], max[BLOCK], total[BLOCK];
    size_t d = h->row + D;
    if (more) score_rest(h, t, V);
    if (h->may_be_soft && is_soft(h, t, scale, V, shift)) {
        soft(h, t, scale, shift, more, D, V, total);
        if (h->a->shift != NULL) keep(h, t, 1, V, shift, total);
        if (!more) return;
        for (; d + DIMS <= h->end; d += DIMS) soft_rest(h, d, t, total, DIMS, V);
        for (; d < h->end; d++) soft_rest(h, d, t, total, 1, V);
    } else {
        score(h, t, more, D, V, max);
        sharp(h, h->row, t, true, more, D, V, max, total);
        if (h->a->shift != NULL) {
            for (size_t v = 0; v < V; v++) shift[v] = vset(-scale) * max[v];
            keep(h, t, 1 / 73.8861f, V, shift, total);
        }
        if (!more) return;
        for (; d + DIMS <= h->end; d += DIMS) sharp(h, d, t, false, more, DIMS, V, max, total);
        for (; d < h->end; d++) sharp(h, d, t, false, more, 1, V, max, total);
    }
}

SL_INLINE void attend(const head *h, size_t t, const size_t V)
{
    if (h->a->key_dim > DIMS) {
        attend_lead(h, t, true, DIMS, V);
        return;
    }
    switch (h->lead) {
    case 1: attend_lead(h, t, false, 1, V); break;
    case 2: attend_lead(h, t, false, 2, V); break;
    case 3: attend_lead(h, t, false, 3, V); break;
    default: attend_lead(h, t, false, DIMS, V); break;
    }
}

static void attention(const sl_attention *a)
{
    for (size_t index = 0; index < a->heads; index++) {
        head h;
        survey(a, index, &h);
        size_t t = 0;
        for (; t + BLOCK * VL <= a->lanes; t += BLOCK * VL) attend(&h, t, BLOCK);
        if (t < a->lanes) attend(&h, t, 1);
    }
}
