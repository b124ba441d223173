/*
 * kernels/gp_mean_tmpl.h - the predicted mean, times in the lanes.
 *
 * At regular times the points of the predicted band itself need no kernel for
 * each time: with s = r |t - t_i|, r the root of time_scale, (1 + s) e^-s is
 * carried from one block of times to the next in two numbers,
 *   sum alpha (1 + s + d) e^-(s + d) = e^-d (P + d Q),
 *   P = sum alpha (1 + s) e^-s, Q = sum alpha e^-s,
 * once from the first block to the last and once back. Only the block that a
 * point lies in takes it by itself.
 */
enum { MEAN_BLOCK = SL_GP_PAD, MEAN_BLOCK_VECTORS = MEAN_BLOCK / DL, MEAN_VECTORS = MEAN_BLOCK_VECTORS < 2 ? 2 : MEAN_BLOCK_VECTORS };
enum { MEAN_POINTS = 64 /* that are taken together */ };

typedef struct mean_points {
    size_t n;
    double time[MEAN_POINTS], alpha[MEAN_POINTS], rest[MEAN_POINTS]; /* rest: the wavelengths' part of s^2 */
} mean_points;

/* Sort some points, MEAN_POINTS at most: those of the predicted band to `same`, the others, or all, to `other`. */
SL_INLINE void mean_sort(const sl_gp_mean *m, size_t first, const bool all, mean_points *same, mean_points *other)
{
    const size_t stop = m->n - first < MEAN_POINTS ? m->n : first + MEAN_POINTS;
    same->n = other->n = 0;
    for (size_t i = first; i < stop; i++) {
        const double dw = m->at_wavelength - m->wavelength[i];
        mean_points *to = dw == 0 && !all ? same : other;
        to->time[to->n] = m->time[i];
        to->alpha[to->n] = m->alpha[i];
        to->rest[to->n] = dw * dw * m->wavelength_scale;
        to->n++;
    }
}

/* V vectors of times against points of other bands. */
SL_INLINE void mean_others(const sl_gp_mean *m, const mean_points *p, size_t j, const size_t V)
{
    const vd a = dset(m->time_scale), furthest = dset(SL_GP_MAX_DISTANCE);
    vd at[MEAN_VECTORS], sum[MEAN_VECTORS];
    SL_UNROLL
    for (size_t v = 0; v < V; v++) {
        at[v] = dload(m->times + j + DL * v);
        sum[v] = dload(m->mean + j + DL * v);
    }
    for (size_t i = 0; i < p->n; i++) {
        const vd time = dset(p->time[i]), rest = dset(p->rest[i]), alpha = dset(p->alpha[i]);
        SL_UNROLL
        for (size_t v = 0; v < V; v++) {
            const vd dt = at[v] - time;
            const vd s = dmin(dsqrt(dfma(dt * dt, a, rest)), furthest);
            const vd e = exp_minus(s);
            sum[v] = dfma(alpha, dfma(e, s, e), sum[v]);
        }
    }
    SL_UNROLL
    for (size_t v = 0; v < V; v++) dstore(m->mean + j + DL * v, sum[v]);
}

static void mean_add_others(const sl_gp_mean *m, const mean_points *p)
{
    size_t j = 0;
    for (; j + MEAN_VECTORS * DL <= m->n_times; j += MEAN_VECTORS * DL) mean_others(m, p, j, MEAN_VECTORS);
    for (; j < m->n_times; j += DL) mean_others(m, p, j, 1);
}

/* What a sum over points has come to at one end of a block. */
typedef struct mean_carry {
    double p, q;
} mean_carry;

/* d further on, decay being e^-d. */
SL_INLINE void mean_carry_on(mean_carry *c, double d, double decay)
{
    c->p = decay * (c->p + d * c->q);
    c->q *= decay;
}

/* A point joins at distance d, e being alpha e^-d. */
SL_INLINE void mean_join(mean_carry *c, double d, double e)
{
    c->p += e + d * e;
    c->q += e;
}

/* Distances to e^-d and themselves clamped, n of them, rounded up to whole vectors. */
SL_INLINE void mean_decay(size_t n, double *d, double *decay)
{
    for (size_t i = 0; i < n; i += DL) {
        const vd s = dmin(dload(d + i), dset(SL_GP_MAX_DISTANCE));
        dstore(d + i, s);
        dstore(decay + i, exp_minus(s));
    }
}

/* A block's times, from their distances to where the carry is. */
SL_INLINE void mean_take(double *mean, const mean_carry *c, const double *d, const double *decay)
{
    SL_UNROLL
    for (size_t v = 0; v < MEAN_BLOCK; v += DL) {
        const vd sum = dfma(dload(d + v), dset(c->q), dset(c->p));
        dstore(mean + v, dfma(dload(decay + v), sum, dload(mean + v)));
    }
}

/* A point's own block. */
SL_INLINE void mean_near(const sl_gp_mean *m, size_t j, double root, double time, double alpha)
{
    const vd positive = (vd)((vl)dset(-0.0) ^ (vl)(dset(0) == dset(0)));
    SL_UNROLL
    for (size_t v = 0; v < MEAN_BLOCK; v += DL) {
        const vd dt = dload(m->times + j + v) - dset(time);
        const vd s = dmin(dset(root) * dmask((vl)positive, dt), dset(SL_GP_MAX_DISTANCE));
        const vd e = exp_minus(s);
        dstore(m->mean + j + v, dfma(dset(alpha), dfma(e, s, e), dload(m->mean + j + v)));
    }
}

/* Points of the predicted band, in the order of their times. */
static void mean_add_same(const sl_gp_mean *m, const mean_points *p)
{
    enum { OFFSETS = 2 * MEAN_BLOCK, N = MEAN_POINTS };
    const double root = sqrt(m->time_scale), *times = m->times;
    const size_t n_blocks = m->n_times / MEAN_BLOCK;
    size_t block[N];
    _Alignas(64) double ahead[N] = {0}, behind[N] = {0}, ahead_decay[N], behind_decay[N];
    _Alignas(64) double offset[OFFSETS], offset_decay[OFFSETS], step[DL] = {0}, step_decay[DL];
    for (size_t i = 0, b = 0; i < p->n; i++) {
        const double time = p->time[i];
        while (b + 1 < n_blocks && time >= times[MEAN_BLOCK * (b + 1)]) b++;
        block[i] = b;
        if (b + 1 < n_blocks) ahead[i] = root * (times[MEAN_BLOCK * (b + 1)] - time);
        if (b > 0) behind[i] = root * (time - times[MEAN_BLOCK * b - 1]);
        mean_near(m, MEAN_BLOCK * b, root, time, p->alpha[i]);
    }
    if (n_blocks < 2) return;
    for (size_t j = 0; j < MEAN_BLOCK; j++) {
        offset[j] = root * (times[j] - times[0]);
        offset[MEAN_BLOCK + j] = root * (times[MEAN_BLOCK - 1] - times[j]);
    }
    step[0] = root * ((times[MEAN_BLOCK * (n_blocks - 1)] - times[0]) / (double)(n_blocks - 1));
    mean_decay(p->n, ahead, ahead_decay);
    mean_decay(p->n, behind, behind_decay);
    mean_decay(OFFSETS, offset, offset_decay);
    mean_decay(1, step, step_decay);
    mean_carry up = {0, 0}, down = {0, 0};
    for (size_t b = 1, i = 0; b < n_blocks; b++) {
        mean_carry_on(&up, step[0], step_decay[0]);
        for (; i < p->n && block[i] < b; i++) mean_join(&up, ahead[i], p->alpha[i] * ahead_decay[i]);
        mean_take(m->mean + MEAN_BLOCK * b, &up, offset, offset_decay);
    }
    for (size_t b = n_blocks - 1, i = p->n; b-- > 0;) {
        mean_carry_on(&down, step[0], step_decay[0]);
        for (; i > 0 && block[i - 1] > b; i--) mean_join(&down, behind[i - 1], p->alpha[i - 1] * behind_decay[i - 1]);
        mean_take(m->mean + MEAN_BLOCK * b, &down, offset + MEAN_BLOCK, offset_decay + MEAN_BLOCK);
    }
}

SL_INLINE void mean_all(const sl_gp_mean *m, const bool regular)
{
    mean_points same, other;
    memset(m->mean, 0, m->n_times * sizeof *m->mean);
    for (size_t i = 0; i < m->n; i += MEAN_POINTS) {
        mean_sort(m, i, !regular, &same, &other);
        mean_add_others(m, &other);
        if (same.n > 0) mean_add_same(m, &same);
    }
    for (size_t j = 0; j < m->n_times; j += DL) dstore(m->mean + j, dset(m->amplitude) * dload(m->mean + j));
}

static void gp_mean(const sl_gp_mean *m)
{
    mean_all(m, false);
}

static void gp_grid(const sl_gp_mean *m)
{
    mean_all(m, true);
}
