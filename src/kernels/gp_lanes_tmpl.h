/*
 * kernels/gp_lanes_tmpl.h - the likelihoods of DL light curves, one a lane.
 *
 * Matrices are kept as panels: LT columns wide, rows one after another, so
 * that a tile of 4 x 4 is 16 neighbours and the inner loops walk straight
 * through memory. An element is a vector: the same element of each light
 * curve. Behind a lane's last point its covariance is that of points that are
 * alone: variance 1, covariance 0. All they add to a sum is zeros at its end.
 *
 *   upper panel p: rows 0 .. 4 p + 3 of columns 4 p .. 4 p + 3
 *   lower panel p: rows 4 p .. padded - 1 of the same columns
 *
 * factor: K, then U with K = U^T U. slope: dK / dp1. inverse: L^-1 = U^-T.
 */
enum { LT = 4, LT_SIZE = LT * LT };

typedef struct gp_lanes {
    size_t padded;
    vd *factor, *slope, *inverse; /* panels */
    vd *pivot;                    /* 1 / diagonal of the factor */
    vd *half;                     /* L^-1 flux */
    vd *u0, *u1;
} gp_lanes;

SL_INLINE size_t lanes_upper(size_t panel)
{
    return 8 * panel * (panel + 1);
}

SL_INLINE size_t lanes_lower(size_t panel, size_t padded)
{
    return panel == 0 ? 0 : 4 * panel * (padded - 2 * (panel - 1));
}

SL_INLINE gp_lanes lanes_layout(const sl_gp_problem *g)
{
    gp_lanes l = {.padded = (g->n + LT - 1) / LT * LT};
    const size_t panels = lanes_upper(l.padded / LT);
    l.factor = (vd *)g->work;
    l.slope = l.factor + panels;
    l.inverse = l.slope + panels;
    l.pivot = l.inverse + panels;
    l.half = l.pivot + l.padded;
    l.u0 = l.half + l.padded;
    l.u1 = l.u0 + l.padded;
    return l;
}

static size_t gp_lanes_work(size_t n)
{
    const size_t padded = (n + LT - 1) / LT * LT;
    return DL * (3 * lanes_upper(padded / LT) + 4 * padded);
}

static void lanes_covariance(const sl_gp_problem *g, const gp_lanes *l)
{
    const vd count = dload(g->count), amplitude = dload(g->amplitude), a = dload(g->time_scale);
    const vd b = dset(g->wavelength_scale);
    for (size_t j = 0; j < l->padded; j++) {
        const size_t panel = lanes_upper(j / LT) + j % LT;
        const vl mine = (vl)(dset((double)j) < count);
        const vd time = dload(g->time + DL * j), wavelength = dload(g->wavelength + DL * j);
        const vd size = dmask(mine, amplitude);
        vd *value = l->factor + panel, *slope = l->slope + panel;
        for (size_t i = 0; i < j; i++) {
            const vd dt = time - dload(g->time + DL * i), dw = wavelength - dload(g->wavelength + DL * i);
            value[LT * i] = matern(dt, dw, size, a, b, &slope[LT * i]);
        }
        const vd alone = (vd)(~mine & (vl)dset(1));
        value[LT * j] = size + dload(g->noise + DL * j) + alone;
    }
}

/* tile[r][c] -= sum over `rows` rows k of a[k][r] b[k][c] */
SL_INLINE void lanes_subtract(size_t rows, const vd *a, const vd *b, vd *tile)
{
    SL_UNROLL
    for (size_t first = 0; first < LT; first += GP_SUM_ROWS) {
        vd sum[GP_SUM_ROWS][LT];
        SL_UNROLL
        for (size_t r = 0; r < GP_SUM_ROWS; r++) {
            SL_UNROLL
            for (size_t c = 0; c < LT; c++) sum[r][c] = tile[LT * (first + r) + c];
        }
        const vd *left = a + first, *right = b;
        for (size_t k = 0; k < rows; k++, left += LT, right += LT) {
            SL_UNROLL
            for (size_t r = 0; r < GP_SUM_ROWS; r++) {
                SL_UNROLL
                for (size_t c = 0; c < LT; c++) sum[r][c] = dfnma(left[r], right[c], sum[r][c]);
            }
        }
        SL_UNROLL
        for (size_t r = 0; r < GP_SUM_ROWS; r++) {
            SL_UNROLL
            for (size_t c = 0; c < LT; c++) tile[LT * (first + r) + c] = sum[r][c];
        }
    }
}

/* The upper factor of the tile on the diagonal, in place; `good` where its pivots are positive and finite. */
SL_INLINE vl lanes_factorise_tile(vd *tile, vd *pivot)
{
    vl good = (vl)(dset(0) == dset(0));
    SL_UNROLL
    for (size_t r = 0; r < LT; r++) {
        SL_UNROLL
        for (size_t q = 0; q < r; q++) {
            SL_UNROLL
            for (size_t c = r; c < LT; c++) tile[LT * r + c] = dfnma(tile[LT * q + r], tile[LT * q + c], tile[LT * r + c]);
        }
        const vd square = tile[LT * r + r];
        good &= (vl)(square > dset(0)) & (vl)(square < dset(INFINITY));
        pivot[r] = dset(1) / dsqrt(square);
        SL_UNROLL
        for (size_t c = r + 1; c < LT; c++) tile[LT * r + c] *= pivot[r];
    }
    return good;
}

/* tile = D^-T tile, where D is a factorised tile of the diagonal. */
SL_INLINE void lanes_solve_tile(const vd *diagonal, const vd *pivot, vd *tile)
{
    SL_UNROLL
    for (size_t r = 0; r < LT; r++) {
        SL_UNROLL
        for (size_t q = 0; q < r; q++) {
            SL_UNROLL
            for (size_t c = 0; c < LT; c++) {
                tile[LT * r + c] = dfnma(diagonal[LT * q + r], tile[LT * q + c], tile[LT * r + c]);
            }
        }
        SL_UNROLL
        for (size_t c = 0; c < LT; c++) tile[LT * r + c] *= pivot[r];
    }
}

static vl lanes_factorise(const gp_lanes *l)
{
    vl good = (vl)(dset(0) == dset(0));
    for (size_t i = 0; i < l->padded / LT; i++) {
        const vd *left = l->factor + lanes_upper(i);
        vd *diagonal = l->factor + lanes_upper(i) + LT_SIZE * i;
        lanes_subtract(LT * i, left, left, diagonal);
        good &= lanes_factorise_tile(diagonal, l->pivot + LT * i);
        for (size_t c = i + 1; c < l->padded / LT; c++) {
            const vd *panel = l->factor + lanes_upper(c);
            vd *tile = l->factor + lanes_upper(c) + LT_SIZE * i;
            lanes_subtract(LT * i, left, panel, tile);
            lanes_solve_tile(diagonal, l->pivot + LT * i, tile);
        }
    }
    return good;
}

/* x[s] = L^-1 b[s] for S right sides; b[s] and x[s] may be the same array. */
SL_INLINE void lanes_solve_lower(const gp_lanes *l, const size_t S, const vd *const b[], vd *const x[])
{
    for (size_t i = 0; i < l->padded; i += LT) {
        const vd *panel = l->factor + lanes_upper(i / LT);
        vd sum[2][LT];
        SL_UNROLL
        for (size_t s = 0; s < S; s++) {
            SL_UNROLL
            for (size_t c = 0; c < LT; c++) sum[s][c] = b[s][i + c];
        }
        for (size_t k = 0; k < i; k++) {
            SL_UNROLL
            for (size_t s = 0; s < S; s++) {
                SL_UNROLL
                for (size_t c = 0; c < LT; c++) sum[s][c] = dfnma(panel[LT * k + c], x[s][k], sum[s][c]);
            }
        }
        const vd *diagonal = panel + LT * i;
        SL_UNROLL
        for (size_t r = 0; r < LT; r++) {
            SL_UNROLL
            for (size_t s = 0; s < S; s++) {
                SL_UNROLL
                for (size_t q = 0; q < r; q++) sum[s][r] = dfnma(diagonal[LT * q + r], sum[s][q], sum[s][r]);
                sum[s][r] *= l->pivot[i + r];
                x[s][i + r] = sum[s][r];
            }
        }
    }
}

/* x = U^-1 x */
static void lanes_solve_upper(const gp_lanes *l, vd *x)
{
    for (size_t i = l->padded; i > 0;) {
        i -= LT;
        const vd *panel = l->factor + lanes_upper(i / LT);
        const vd *diagonal = panel + LT * i;
        vd part[LT];
        SL_UNROLL
        for (size_t back = 0; back < LT; back++) {
            const size_t r = LT - 1 - back;
            part[r] = x[i + r];
            SL_UNROLL
            for (size_t c = LT - 1; c > r; c--) part[r] = dfnma(diagonal[LT * r + c], part[c], part[r]);
            part[r] *= l->pivot[i + r];
            x[i + r] = part[r];
        }
        for (size_t k = 0; k < i; k++) {
            vd sum = x[k];
            SL_UNROLL
            for (size_t c = 0; c < LT; c++) sum = dfnma(panel[LT * k + c], part[c], sum);
            x[k] = sum;
        }
    }
}

/*
 * The sum of the logarithms of positive numbers, as the logarithm of their
 * product, whose exponent is set aside after each. Multiplying by 1 changes
 * nothing, so that the points that are alone do not count.
 */
static void lanes_log_sum(size_t n, const vd *x, double *sum)
{
    const vl fraction = (vl)dset(0x1.fffffffffffffp0) & ~((vl)dset(1) & (vl)dset(INFINITY));
    const vl one = (vl)dset(1);
    vd product = dset(1);
    vl exponent = one - one;
    for (size_t i = 0; i < n; i++) {
        product *= x[i];
        exponent += (vl)product >> 52;
        exponent -= one >> 52;
        product = (vd)(((vl)product & fraction) | one);
    }
    for (size_t lane = 0; lane < DL; lane++) {
        sum[lane] = log(product[lane]) + (double)exponent[lane] * 0x1.62e42fefa39efp-1;
    }
}

static void gp_lanes_value(const sl_gp_problem *g)
{
    const gp_lanes l = lanes_layout(g);
    lanes_covariance(g, &l);
    const vl good = lanes_factorise(&l);
    vd *alpha = (vd *)g->alpha;
    const vd *const flux[] = {(const vd *)g->flux};
    lanes_solve_lower(&l, 1, flux, (vd *const[]){l.half});
    vd square = dset(0);
    for (size_t i = 0; i < l.padded; i++) {
        square = dfma(l.half[i], l.half[i], square);
        alpha[i] = l.half[i];
    }
    lanes_solve_upper(&l, alpha);
    _Alignas(sizeof(vd)) double pivots[DL];
    lanes_log_sum(l.padded, l.pivot, pivots);
    const vd half_log_2pi = dset(0.91893853320467274178);
    const vd value = dload(pivots) - dset(0.5) * square - half_log_2pi * dload(g->count);
    dstore(g->log_likelihood, (vd)((good & (vl)value) | (~good & (vl)dset(NAN))));
}

static void lanes_invert(const gp_lanes *l)
{
    for (size_t i = 0; i < l->padded / LT; i++) {
        const vd *panel = l->factor + lanes_upper(i);
        const vd *diagonal = panel + LT_SIZE * i;
        for (size_t c = 0; c <= i; c++) {
            vd *above = l->inverse + lanes_lower(c, l->padded), *tile = above + LT_SIZE * (i - c);
            SL_UNROLL
            for (size_t k = 0; k < LT_SIZE; k++) tile[k] = dset(c == i && k % (LT + 1) == 0 ? 1 : 0);
            lanes_subtract(LT * (i - c), panel + LT_SIZE * c, above, tile);
            lanes_solve_tile(diagonal, l->pivot + LT * i, tile);
        }
    }
}

/* trace(K^-1 slope) and trace(K^-1 diag(noise)), K^-1 = L^-T L^-1 one tile at a time. */
static void lanes_traces(const sl_gp_problem *g, const gp_lanes *l, vd *slope_trace, vd *noise_trace)
{
    vd off = dset(0), noise = dset(0);
    for (size_t i = 0; i < l->padded / LT; i++) {
        const vd *right = l->inverse + lanes_lower(i, l->padded);
        const vd *slope = l->slope + lanes_upper(i);
        for (size_t c = 0; c <= i; c++, slope += LT_SIZE) {
            const vd *left = l->inverse + lanes_lower(c, l->padded) + LT_SIZE * (i - c);
            vd tile[LT_SIZE];
            SL_UNROLL
            for (size_t k = 0; k < LT_SIZE; k++) tile[k] = dset(0);
            lanes_subtract(l->padded - LT * i, left, right, tile);
            if (c < i) {
                SL_UNROLL
                for (size_t k = 0; k < LT_SIZE; k++) off = dfnma(tile[k], slope[k], off);
                continue;
            }
            for (size_t r = 0; r < LT; r++) {
                for (size_t k = r + 1; k < LT; k++) off = dfnma(tile[LT * r + k], slope[LT * r + k], off);
                noise = dfnma(tile[LT * r + r], dload(g->noise + DL * (LT * i + r)), noise);
            }
        }
    }
    *slope_trace = off + off; /* of the two halves; the diagonal of the slope is zero */
    *noise_trace = noise;
}

/* y = slope x */
static void lanes_slope_times(const gp_lanes *l, const vd *x, vd *y)
{
    for (size_t i = 0; i < l->padded; i += LT) {
        const vd *panel = l->slope + lanes_upper(i / LT);
        vd sum[LT];
        SL_UNROLL
        for (size_t c = 0; c < LT; c++) sum[c] = dset(0);
        for (size_t k = 0; k < i; k++) {
            vd other = y[k];
            SL_UNROLL
            for (size_t c = 0; c < LT; c++) {
                sum[c] = dfma(panel[LT * k + c], x[k], sum[c]);
                other = dfma(panel[LT * k + c], x[i + c], other);
            }
            y[k] = other;
        }
        for (size_t r = 0; r < LT; r++) {
            for (size_t c = r + 1; c < LT; c++) {
                const vd slope = panel[LT * (i + r) + c];
                sum[c] = dfma(slope, x[i + r], sum[c]);
                sum[r] = dfma(slope, x[i + c], sum[r]);
            }
        }
        SL_UNROLL
        for (size_t c = 0; c < LT; c++) y[i + c] = sum[c];
    }
}

static void gp_lanes_slope(const sl_gp_problem *g)
{
    const gp_lanes l = lanes_layout(g);
    const vd *alpha = (const vd *)g->alpha, *flux = (const vd *)g->flux, *noise = (const vd *)g->noise;
    vd slope_trace, noise_trace, dot0 = dset(0), dot1 = dset(0);
    lanes_invert(&l);
    lanes_traces(g, &l, &slope_trace, &noise_trace);
    lanes_slope_times(&l, alpha, l.u1);
    for (size_t i = 0; i < l.padded; i++) {
        l.u0[i] = dfnma(noise[i], alpha[i], flux[i]);
        dot0 = dfma(alpha[i], l.u0[i], dot0);
        dot1 = dfma(alpha[i], l.u1[i], dot1);
    }
    dstore(g->gradient, dset(0.5) * (dot0 - (dload(g->count) - noise_trace)));
    dstore(g->gradient + DL, dset(0.5) * (dot1 - slope_trace));
    lanes_solve_lower(&l, 2, (const vd *const[]){l.u0, l.u1}, (vd *const[]){l.u0, l.u1});
    vd square0 = dset(0), product = dset(0), square1 = dset(0);
    for (size_t i = 0; i < l.padded; i++) {
        square0 = dfma(l.u0[i], l.u0[i], square0);
        product = dfma(l.u0[i], l.u1[i], product);
        square1 = dfma(l.u1[i], l.u1[i], square1);
    }
    dstore(g->information, dset(0.5) * square0);
    dstore(g->information + DL, dset(0.5) * product);
    dstore(g->information + 2 * DL, dset(0.5) * square1);
}
