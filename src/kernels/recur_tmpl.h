/* kernels/recur_tmpl.h - the kernels of recurrent layers over vectors, a part of kernels_tmpl.h. */

enum { MATVEC_VECTORS = 8 };

/* 1 / (1 + e^-x), by way of e^-|x|, which does not overflow. */
SL_INLINE vf logistic(vf x)
{
    const vf e = exp2_negative((vf)((vu)x | 0x80000000u), 0x1.715476p+0f), above = vset(1) / (vset(1) + e);
    const vu negative = (vu)(x < vset(0));
    return (vf)(((vu)(e * above) & negative) | ((vu)above & ~negative));
}

/* (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x. */
SL_INLINE vf hyperbolic(vf x)
{
    const vf e = exp2_negative((vf)((vu)x | 0x80000000u), 0x1.715476p+1f);
    const vf t = (vset(1) - e) / (vset(1) + e);
    return (vf)((vu)t | ((vu)x & 0x80000000u));
}

SL_INLINE void matvec_block(const sl_matvec *m, size_t i, const size_t V)
{
    vf sum[MATVEC_VECTORS];
    const float *w = m->w + i;
    SL_UNROLL for (size_t v = 0; v < V; v++) sum[v] = vset(0);
    for (size_t k = 0; k < m->k; k++, w += m->lanes) {
        const vf x = vset(m->x[k]);
        SL_UNROLL for (size_t v = 0; v < V; v++) sum[v] = vfma(load(w + v * VL), x, sum[v]);
    }
    SL_UNROLL for (size_t v = 0; v < V; v++) store(m->y + i + v * VL, sum[v] + load(m->bias + i + v * VL));
}

/* The vectors are shared out evenly: a block of one would wait for its own last product. */
static void matvec(const sl_matvec *m)
{
    size_t vectors = m->lanes / VL, i = 0;
    for (size_t blocks = (vectors + MATVEC_VECTORS - 1) / MATVEC_VECTORS; blocks > 0; blocks--) {
        const size_t wide = (vectors + blocks - 1) / blocks;
        switch (wide) {
        case 1: matvec_block(m, i, 1); break;
        case 2: matvec_block(m, i, 2); break;
        case 3: matvec_block(m, i, 3); break;
        case 4: matvec_block(m, i, 4); break;
        case 5: matvec_block(m, i, 5); break;
        case 6: matvec_block(m, i, 6); break;
        case 7: matvec_block(m, i, 7); break;
        default: matvec_block(m, i, 8); break;
        }
        vectors -= wide;
        i += wide * VL;
    }
}

static void gru(const sl_gates *g)
{
    const size_t n = g->rows * g->lanes, next = g->rows * g->x_stride;
    for (size_t row = 0; row < g->rows; row++) {
        const float *x = g->x + row * g->x_stride;
        float *out = g->out + row * g->out_stride;
        for (size_t t = 0; t < g->lanes; t += VL) {
            const size_t i = row * g->lanes + t;
            const vf a = load(g->a + 2 * n + i), h = load(g->h + i);
            const vf r = logistic(load(x + t) + load(g->a + i));
            const vf z = logistic(load(x + next + t) + load(g->a + n + i));
            const vf new = hyperbolic(vfma(r, a, load(x + 2 * next + t)));
            const vf after = vfma(z, h - new, new);
            store(g->h + i, after);
            store(out + t, after);
            if (g->kept == NULL) continue;
            store(g->kept + i, r);
            store(g->kept + n + i, z);
            store(g->kept + 2 * n + i, new);
            store(g->kept + 3 * n + i, a);
        }
    }
}

static void lstm(const sl_gates *g)
{
    const size_t n = g->rows * g->lanes, next = g->rows * g->x_stride;
    for (size_t row = 0; row < g->rows; row++) {
        const float *x = g->x + row * g->x_stride;
        float *out = g->out + row * g->out_stride;
        for (size_t t = 0; t < g->lanes; t += VL) {
            const size_t i = row * g->lanes + t;
            const vf in = logistic(load(x + t) + load(g->a + i));
            const vf forget = logistic(load(x + next + t) + load(g->a + n + i));
            const vf new = hyperbolic(load(x + 2 * next + t) + load(g->a + 2 * n + i));
            const vf gate = logistic(load(x + 3 * next + t) + load(g->a + 3 * n + i));
            const vf c = vfma(forget, load(g->c + i), in * new), tanh_c = hyperbolic(c), after = gate * tanh_c;
            store(g->c + i, c);
            store(g->h + i, after);
            store(out + t, after);
            if (g->kept == NULL) continue;
            store(g->kept + i, in);
            store(g->kept + n + i, forget);
            store(g->kept + 2 * n + i, new);
            store(g->kept + 3 * n + i, gate);
            store(g->kept + 4 * n + i, tanh_c);
        }
    }
}

static void gru_back(const sl_gates_back *g)
{
    const size_t n = g->rows * g->lanes, next = g->rows * g->d_x_stride;
    const vf one = vset(1);
    for (size_t row = 0; row < g->rows; row++) {
        float *d_x = g->d_x + row * g->d_x_stride;
        for (size_t t = 0; t < g->lanes; t += VL) {
            const size_t i = row * g->lanes + t;
            const vf r = load(g->kept + i), z = load(g->kept + n + i), new = load(g->kept + 2 * n + i);
            const vf h = g->h != NULL ? load(g->h + i) : vset(0), d = load(g->d_h + i);
            const vf d_new = d * (one - z) * (one - new * new);
            const vf d_z = d * (h - new) * z * (one - z), d_r = d_new * load(g->kept + 3 * n + i) * r * (one - r);
            store(g->d_a + i, d_r);
            store(g->d_a + n + i, d_z);
            store(g->d_a + 2 * n + i, d_new * r);
            store(d_x + t, d_r);
            store(d_x + next + t, d_z);
            store(d_x + 2 * next + t, d_new);
            store(g->d_h + i, d * z);
        }
    }
}

static void lstm_back(const sl_gates_back *g)
{
    const size_t n = g->rows * g->lanes, next = g->rows * g->d_x_stride;
    const vf one = vset(1);
    for (size_t row = 0; row < g->rows; row++) {
        float *d_x = g->d_x + row * g->d_x_stride;
        for (size_t t = 0; t < g->lanes; t += VL) {
            const size_t i = row * g->lanes + t;
            const vf in = load(g->kept + i), forget = load(g->kept + n + i), new = load(g->kept + 2 * n + i);
            const vf gate = load(g->kept + 3 * n + i), tanh_c = load(g->kept + 4 * n + i);
            const vf c = g->h != NULL ? load(g->h + i) : vset(0), d = load(g->d_h + i);
            const vf d_c = vfma(d * gate, one - tanh_c * tanh_c, load(g->d_c + i));
            store(d_x + t, d_c * new * in * (one - in));
            store(d_x + next + t, d_c * c * forget * (one - forget));
            store(d_x + 2 * next + t, d_c * in * (one - new * new));
            store(d_x + 3 * next + t, d * tanh_c * gate * (one - gate));
            store(g->d_c + i, d_c * forget);
            store(g->d_h + i, vset(0));
        }
    }
}
