/*
 * kernels/gemm_tmpl.h - matrix products over vectors, a part of kernels_tmpl.h.
 *
 * One tile serves all three storages: a word of a row of weights is broadcast,
 * and multiplied with the words of the signal in the lanes. A word is a float,
 * two bfloat16 or four bytes. Who includes this, once for each instruction set
 * that has products of its own, defines GEMM(name), which makes the names, and
 *
 *   GEMM(dot2)(x, w, c)   c + the products of two bfloat16 each
 *   GEMM(dot4)(x, w, c)   c + the products of four bytes each, x from 0 to 255, w signed; whole numbers
 */

/* R rows of c, V vectors wide. */
SL_INLINE void GEMM(tile)(const sl_gemm *g, size_t n, size_t t, const sl_weights kind, const bool added, const size_t R,
                            const size_t V)
{
    vf sum[GEMM_MOST][GEMM_VECTORS];
    const size_t depth = g->k, x_stride = g->x_stride, c_stride = g->c_stride; /* copies: a store could change them */
    const uint32_t *w = (const uint32_t *)g->w + n * depth, *x = (const uint32_t *)g->x + t;
    const float *bias = g->bias + n;
    const float *add = added ? g->add + n * c_stride + t : NULL;
    float *c = g->c + n * c_stride + t;
    const vf least = vset(g->relu ? 0 : -INFINITY);
    SL_UNROLL for (size_t r = 0; r < R; r++) {
        SL_UNROLL for (size_t v = 0; v < V; v++) sum[r][v] = vset(0);
    }
    for (size_t k = 0; k < depth; k++, w++, x += x_stride) {
        vf in[GEMM_VECTORS];
        SL_UNROLL for (size_t v = 0; v < V; v++) in[v] = (vf)load_words(x + v * VL);
        SL_UNROLL for (size_t r = 0; r < R; r++) {
            const vf factor = vset_word(w + r * depth);
            SL_UNROLL for (size_t v = 0; v < V; v++) {
                if (kind == SL_WEIGHTS_FLOAT32) sum[r][v] = vfma(factor, in[v], sum[r][v]);
                if (kind == SL_WEIGHTS_BFLOAT16) sum[r][v] = GEMM(dot2)(in[v], factor, sum[r][v]);
                if (kind == SL_WEIGHTS_INT8) sum[r][v] = GEMM(dot4)(in[v], factor, sum[r][v]);
            }
        }
    }
    vf width[GEMM_VECTORS];
    vu zero[GEMM_VECTORS];
    SL_UNROLL for (size_t v = 0; v < V && kind == SL_WEIGHTS_INT8; v++) {
        width[v] = load(g->scale + t + v * VL);
        zero[v] = load_words(g->zero + t + v * VL);
    }
    SL_UNROLL for (size_t r = 0; r < R; r++) {
        const vf offset = vset(bias[r]);
        SL_UNROLL for (size_t v = 0; v < V; v++) {
            vf y = sum[r][v];
            if (kind == SL_WEIGHTS_INT8) y = vset(g->w_scale[n + r]) * width[v] * vfloat((vu)y - zero[v] * (unsigned)g->w_sum[n + r]);
            y = vmax(least, y + offset);
            if (added) y = y + load(add + r * c_stride + v * VL);
            store(c + r * c_stride + v * VL, y);
        }
    }
}

/* All rows, V vectors wide: as many together as fill the registers, then two, one. */
SL_INLINE void GEMM(rows)(const sl_gemm *g, size_t t, const sl_weights kind, const bool added, const size_t R,
                            const size_t V)
{
    size_t n = 0;
    for (; n + R <= g->n; n += R) GEMM(tile)(g, n, t, kind, added, R, V);
    for (; n + 2 <= g->n; n += 2) GEMM(tile)(g, n, t, kind, added, 2, V);
    if (n < g->n) GEMM(tile)(g, n, t, kind, added, 1, V);
}

/* The vectors are shared out evenly: seven as four and three. */
SL_INLINE void GEMM(columns)(const sl_gemm *g, const sl_weights kind, const bool added)
{
    size_t vectors = g->lanes / VL, tiles = (vectors + GEMM_VECTORS - 1) / GEMM_VECTORS;
    for (size_t t = 0; tiles > 0; tiles--) {
        const size_t wide = (vectors + tiles - 1) / tiles;
        switch (wide) {
        case 1: GEMM(rows)(g, t, kind, added, 8, 1); break;
        case 2: GEMM(rows)(g, t, kind, added, GEMM_ROWS_2, 2); break;
#if GEMM_VECTORS > 2
        case 3: GEMM(rows)(g, t, kind, added, 8, 3); break;
        default: GEMM(rows)(g, t, kind, added, 6, 4); break;
#endif
        }
        vectors -= wide;
        t += wide * VL;
    }
}

SL_INLINE void GEMM(all)(const sl_gemm *g, const sl_weights kind)
{
    if (g->add != NULL) {
        GEMM(columns)(g, kind, true);
    } else {
        GEMM(columns)(g, kind, false);
    }
}
