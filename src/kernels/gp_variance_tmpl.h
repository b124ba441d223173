/*
 * kernels/gp_variance_tmpl.h - the predicted variance, times in the lanes.
 *
 * With K = U^T U, as gp_whole_tmpl.h left it, the variance at a place whose
 * covariances with the points are k is A - |U^-T k|^2. For VARIANCE_VECTORS
 * vectors of times at once: covariances row by row into the workspace, then
 * the solution in their place, a tile of WT rows at a time; VARIANCE_ROWS rows
 * of sums stay in registers while the rows above go by.
 */
enum { VARIANCE_VECTORS = 4, VARIANCE_ROWS = GP_SUM_ROWS, VARIANCE_WIDTH = VARIANCE_VECTORS * DL };
_Static_assert((int)VARIANCE_WIDTH <= (int)SL_GP_VARIANCE_WIDTH, "the workspace is as wide as a block");

/* Covariances with the points, row by row; zeros behind the last. */
SL_INLINE void variance_covariances(const sl_gp_variance *v, const double *times, size_t padded, const size_t V)
{
    const sl_gp_problem *g = v->problem;
    const vd a = dset(*g->time_scale), b = dset(g->wavelength_scale), amplitude = dset(*g->amplitude);
    vd slope;
    for (size_t i = 0; i < g->n; i++) {
        const vd time = dset(g->time[i]), dw = dset(v->at_wavelength - g->wavelength[i]);
        SL_UNROLL
        for (size_t k = 0; k < V; k++) {
            dstore(v->work + VARIANCE_WIDTH * i + DL * k, matern(dload(times + DL * k) - time, dw, amplitude, a, b, &slope));
        }
    }
    for (size_t i = g->n; i < padded; i++) {
        SL_UNROLL
        for (size_t k = 0; k < V; k++) dstore(v->work + VARIANCE_WIDTH * i + DL * k, dset(0));
    }
}

/* rows [first, first + VARIANCE_ROWS) of a tile -= what the `rows` rows above it make up */
SL_INLINE void variance_subtract(const double *panel, size_t rows, const double *above, double *tile, size_t first,
                                 const size_t V)
{
    vd sum[VARIANCE_ROWS][VARIANCE_VECTORS];
    SL_UNROLL
    for (size_t r = 0; r < VARIANCE_ROWS; r++) {
        SL_UNROLL
        for (size_t k = 0; k < V; k++) sum[r][k] = dload(tile + VARIANCE_WIDTH * (first + r) + DL * k);
    }
    const double *left = panel + first;
    for (size_t i = 0; i < rows; i++, left += WT, above += VARIANCE_WIDTH) {
        vd in[VARIANCE_VECTORS];
        SL_UNROLL
        for (size_t k = 0; k < V; k++) in[k] = dload(above + DL * k);
        SL_UNROLL
        for (size_t r = 0; r < VARIANCE_ROWS; r++) {
            const vd factor = dset(left[r]);
            SL_UNROLL
            for (size_t k = 0; k < V; k++) sum[r][k] = dfnma(factor, in[k], sum[r][k]);
        }
    }
    SL_UNROLL
    for (size_t r = 0; r < VARIANCE_ROWS; r++) {
        SL_UNROLL
        for (size_t k = 0; k < V; k++) dstore(tile + VARIANCE_WIDTH * (first + r) + DL * k, sum[r][k]);
    }
}

/* The rows of a tile among themselves; adds their squares. */
SL_INLINE void variance_tile(const double *diagonal, const double *pivot, double *tile, vd *square, const size_t V)
{
    for (size_t r = 0; r < WT; r++) {
        vd x[VARIANCE_VECTORS];
        SL_UNROLL
        for (size_t k = 0; k < V; k++) x[k] = dload(tile + VARIANCE_WIDTH * r + DL * k);
        for (size_t q = 0; q < r; q++) {
            const vd factor = dset(diagonal[WT * q + r]);
            SL_UNROLL
            for (size_t k = 0; k < V; k++) x[k] = dfnma(factor, dload(tile + VARIANCE_WIDTH * q + DL * k), x[k]);
        }
        SL_UNROLL
        for (size_t k = 0; k < V; k++) {
            x[k] = x[k] * dset(pivot[r]);
            dstore(tile + VARIANCE_WIDTH * r + DL * k, x[k]);
            square[k] = dfma(x[k], x[k], square[k]);
        }
    }
}

/* V vectors of times. */
SL_INLINE void variance_block(const sl_gp_variance *v, size_t j, const size_t V)
{
    const gp_whole w = whole_layout(v->problem);
    vd square[VARIANCE_VECTORS];
    SL_UNROLL
    for (size_t k = 0; k < V; k++) square[k] = dset(0);
    variance_covariances(v, v->times + j, w.padded, V);
    for (size_t i = 0; i < w.padded; i += WT) {
        const double *panel = w.factor + whole_upper(i / WT);
        double *tile = v->work + VARIANCE_WIDTH * i;
        for (size_t first = 0; i > 0 && first < WT; first += VARIANCE_ROWS) {
            variance_subtract(panel, i, v->work, tile, first, V);
        }
        variance_tile(panel + WT * i, w.pivot + i, tile, square, V);
    }
    SL_UNROLL
    for (size_t k = 0; k < V; k++) dstore(v->variance + j + DL * k, dset(*v->problem->amplitude) - square[k]);
}

static void gp_variance(const sl_gp_variance *v)
{
    size_t j = 0;
    for (; j + VARIANCE_WIDTH <= v->n_times; j += VARIANCE_WIDTH) variance_block(v, j, VARIANCE_VECTORS);
    for (; j < v->n_times; j += DL) variance_block(v, j, 1);
}
