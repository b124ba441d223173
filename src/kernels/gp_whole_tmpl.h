/*
 * kernels/gp_whole_tmpl.h - the likelihood of one long light curve, blocked.
 *
 * The same panels and the same steps as gp_lanes_tmpl.h, but an element is a
 * number, panels are WT = 8 columns wide, and a vector is a piece of a row of
 * a tile. n is padded to whole tiles with points that are alone: variance 1,
 * covariance 0, flux 0.
 */
enum { WT = 8, WT_SIZE = WT * WT, WV = WT / DL /* vectors that a row of a tile has */, WHOLE_ROWS = 8 / WV };

typedef struct gp_whole {
    size_t padded;
    double *factor, *slope, *inverse; /* panels */
    double *pivot, *half, *u0, *u1;
} gp_whole;

SL_INLINE size_t whole_upper(size_t panel)
{
    return 32 * panel * (panel + 1);
}

SL_INLINE size_t whole_lower(size_t panel, size_t padded)
{
    return panel == 0 ? 0 : 8 * panel * (padded - 4 * (panel - 1));
}

SL_INLINE gp_whole whole_layout(const sl_gp_problem *g)
{
    gp_whole w = {.padded = sl_gp_rows(g->n)};
    const size_t panels = whole_upper(w.padded / WT);
    w.factor = g->work;
    w.slope = w.factor + panels;
    w.inverse = w.slope + panels;
    w.pivot = w.inverse + panels;
    w.half = w.pivot + w.padded;
    w.u0 = w.half + w.padded;
    w.u1 = w.u0 + w.padded;
    return w;
}

static size_t gp_whole_work(size_t n)
{
    const size_t padded = sl_gp_rows(n);
    return 3 * whole_upper(padded / WT) + 4 * padded;
}

static void whole_covariance(const sl_gp_problem *g, const gp_whole *w)
{
    static const double counting[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const vd a = dset(*g->time_scale), b = dset(g->wavelength_scale);
    vd first, size;
    memcpy(&first, counting, sizeof first);
    for (size_t c = 0; c < w->padded; c += DL) {
        const vl mine = (vl)(first + dset((double)c) < dset((double)g->n));
        const vd time = dload(g->time + c), wavelength = dload(g->wavelength + c);
        const size_t panel = whole_upper(c / WT) + c % WT;
        for (size_t k = 0; k < c / WT * WT + WT; k++) {
            size = dmask(mine, dset(k < g->n ? *g->amplitude : 0));
            const vd dt = dset(g->time[k]) - time, dw = dset(g->wavelength[k]) - wavelength;
            vd slope;
            dstore(w->factor + panel + WT * k, matern(dt, dw, size, a, b, &slope));
            dstore(w->slope + panel + WT * k, slope);
        }
    }
    for (size_t k = 0; k < w->padded; k++) {
        w->factor[whole_upper(k / WT) + WT * k + k % WT] += k < g->n ? g->noise[k] : 1;
    }
}

/* tile[r][c] -= sum over `rows` rows k of a[k][r] b[k][c] */
SL_INLINE void whole_subtract(size_t rows, const double *a, const double *b, double *tile)
{
    SL_UNROLL
    for (size_t first = 0; first < WT; first += WHOLE_ROWS) {
        vd sum[WHOLE_ROWS][WV];
        SL_UNROLL
        for (size_t r = 0; r < WHOLE_ROWS; r++) {
            SL_UNROLL
            for (size_t v = 0; v < WV; v++) sum[r][v] = dload(tile + WT * (first + r) + DL * v);
        }
        const double *left = a + first, *right = b;
        for (size_t k = 0; k < rows; k++, left += WT, right += WT) {
            vd in[WV];
            SL_UNROLL
            for (size_t v = 0; v < WV; v++) in[v] = dload(right + DL * v);
            SL_UNROLL
            for (size_t r = 0; r < WHOLE_ROWS; r++) {
                const vd factor = dset(left[r]);
                SL_UNROLL
                for (size_t v = 0; v < WV; v++) sum[r][v] = dfnma(factor, in[v], sum[r][v]);
            }
        }
        SL_UNROLL
        for (size_t r = 0; r < WHOLE_ROWS; r++) {
            SL_UNROLL
            for (size_t v = 0; v < WV; v++) dstore(tile + WT * (first + r) + DL * v, sum[r][v]);
        }
    }
}

/* row r of a tile -= factor times row q */
SL_INLINE void whole_row_minus(double *tile, size_t r, double factor, size_t q)
{
    SL_UNROLL
    for (size_t v = 0; v < WT; v += DL) {
        dstore(tile + WT * r + v, dfnma(dset(factor), dload(tile + WT * q + v), dload(tile + WT * r + v)));
    }
}

SL_INLINE void whole_row_times(double *tile, size_t r, double factor)
{
    SL_UNROLL
    for (size_t v = 0; v < WT; v += DL) dstore(tile + WT * r + v, dset(factor) * dload(tile + WT * r + v));
}

/* The upper factor of the tile on the diagonal, in place; what is left of the diagonal becomes meaningless. */
static bool whole_factorise_tile(double *tile, double *pivot)
{
    for (size_t r = 0; r < WT; r++) {
        for (size_t q = 0; q < r; q++) whole_row_minus(tile, r, tile[WT * q + r], q);
        const double square = tile[WT * r + r];
        if (!(square > 0 && square < INFINITY)) return false;
        pivot[r] = 1 / sqrt(square);
        whole_row_times(tile, r, pivot[r]);
    }
    return true;
}

/* tile = D^-T tile, where D is a factorised tile of the diagonal. */
SL_INLINE void whole_solve_tile(const double *diagonal, const double *pivot, double *tile)
{
    vd row[WT][WV];
    SL_UNROLL
    for (size_t r = 0; r < WT; r++) {
        SL_UNROLL
        for (size_t v = 0; v < WV; v++) {
            vd sum = dload(tile + WT * r + DL * v);
            SL_UNROLL
            for (size_t q = 0; q < r; q++) sum = dfnma(dset(diagonal[WT * q + r]), row[q][v], sum);
            row[r][v] = dset(pivot[r]) * sum;
            dstore(tile + WT * r + DL * v, row[r][v]);
        }
    }
}

static bool whole_factorise(const gp_whole *w)
{
    for (size_t i = 0; i < w->padded / WT; i++) {
        const double *left = w->factor + whole_upper(i);
        double *diagonal = w->factor + whole_upper(i) + WT_SIZE * i;
        whole_subtract(WT * i, left, left, diagonal);
        if (!whole_factorise_tile(diagonal, w->pivot + WT * i)) return false;
        for (size_t c = i + 1; c < w->padded / WT; c++) {
            const double *panel = w->factor + whole_upper(c);
            double *tile = w->factor + whole_upper(c) + WT_SIZE * i;
            whole_subtract(WT * i, left, panel, tile);
            whole_solve_tile(diagonal, w->pivot + WT * i, tile);
        }
    }
    return true;
}

/* x = L^-1 b; b and x may be the same array. */
static void whole_solve_lower(const gp_whole *w, const double *b, double *x)
{
    for (size_t i = 0; i < w->padded; i += WT) {
        const double *panel = w->factor + whole_upper(i / WT), *diagonal = panel + WT * i;
        _Alignas(sizeof(vd)) double sum[WT];
        vd part[2][WV]; /* of the even rows and of the odd ones */
        SL_UNROLL
        for (size_t v = 0; v < WV; v++) {
            part[0][v] = dload(b + i + DL * v);
            part[1][v] = dset(0);
        }
        for (size_t k = 0; k < i; k += 2) {
            SL_UNROLL
            for (size_t v = 0; v < WV; v++) {
                part[0][v] = dfnma(dload(panel + WT * k + DL * v), dset(x[k]), part[0][v]);
                part[1][v] = dfnma(dload(panel + WT * (k + 1) + DL * v), dset(x[k + 1]), part[1][v]);
            }
        }
        SL_UNROLL
        for (size_t v = 0; v < WV; v++) dstore(sum + DL * v, part[0][v] + part[1][v]);
        for (size_t r = 0; r < WT; r++) {
            for (size_t q = 0; q < r; q++) sum[r] -= diagonal[WT * q + r] * x[i + q];
            x[i + r] = sum[r] * w->pivot[i + r];
        }
    }
}

SL_INLINE double whole_sum(vd x)
{
    double sum = 0;
    for (size_t lane = 0; lane < DL; lane++) sum += x[lane];
    return sum;
}

/* The product of a row of a tile with a piece of a vector. */
SL_INLINE double whole_row_dot(const double *row, const vd x[WV])
{
    vd sum = dload(row) * x[0];
    SL_UNROLL
    for (size_t v = 1; v < WV; v++) sum = dfma(dload(row + DL * v), x[v], sum);
    return whole_sum(sum);
}

/* x = U^-1 x */
static void whole_solve_upper(const gp_whole *w, double *x)
{
    for (size_t i = w->padded; i > 0;) {
        i -= WT;
        const double *panel = w->factor + whole_upper(i / WT), *diagonal = panel + WT * i;
        for (size_t r = WT; r > 0;) {
            r--;
            for (size_t c = r + 1; c < WT; c++) x[i + r] -= diagonal[WT * r + c] * x[i + c];
            x[i + r] *= w->pivot[i + r];
        }
        vd part[WV];
        SL_UNROLL
        for (size_t v = 0; v < WV; v++) part[v] = dload(x + i + DL * v);
        for (size_t k = 0; k < i; k++) x[k] -= whole_row_dot(panel + WT * k, part);
    }
}

static double whole_dot(size_t padded, const double *a, const double *b)
{
    vd sum = dset(0);
    for (size_t i = 0; i < padded; i += DL) sum = dfma(dload(a + i), dload(b + i), sum);
    return whole_sum(sum);
}

static void gp_whole_value(const sl_gp_problem *g)
{
    const gp_whole w = whole_layout(g);
    whole_covariance(g, &w);
    *g->log_likelihood = NAN;
    if (!whole_factorise(&w)) return;
    whole_solve_lower(&w, g->flux, w.half);
    memcpy(g->alpha, w.half, w.padded * sizeof *w.half);
    whole_solve_upper(&w, g->alpha);
    double log_pivots = 0; /* of 1/U_ii: -1/2 ln |K| */
    for (size_t i = 0; i < g->n; i++) log_pivots += log(w.pivot[i]);
    const double half_log_2pi = 0.91893853320467274178;
    *g->log_likelihood = log_pivots - 0.5 * whole_dot(w.padded, w.half, w.half) - half_log_2pi * (double)g->n;
}

static void whole_invert(const gp_whole *w)
{
    for (size_t i = 0; i < w->padded / WT; i++) {
        const double *panel = w->factor + whole_upper(i), *diagonal = panel + WT_SIZE * i;
        for (size_t c = 0; c <= i; c++) {
            double *above = w->inverse + whole_lower(c, w->padded), *tile = above + WT_SIZE * (i - c);
            memset(tile, 0, WT_SIZE * sizeof *tile);
            for (size_t r = 0; c == i && r < WT; r++) tile[(WT + 1) * r] = 1;
            whole_subtract(WT * (i - c), panel + WT_SIZE * c, above, tile);
            whole_solve_tile(diagonal, w->pivot + WT * i, tile);
        }
    }
}

/* trace(K^-1 slope) and trace(K^-1 diag(noise)), K^-1 = L^-T L^-1 one tile at a time. */
static void whole_traces(const sl_gp_problem *g, const gp_whole *w, double *slope_trace, double *noise_trace)
{
    vd off = dset(0), on = dset(0);
    double noise = 0;
    for (size_t i = 0; i < w->padded / WT; i++) {
        const double *right = w->inverse + whole_lower(i, w->padded);
        for (size_t c = 0; c <= i; c++) {
            const double *left = w->inverse + whole_lower(c, w->padded) + WT_SIZE * (i - c);
            const double *slope = w->slope + whole_upper(i) + WT_SIZE * c;
            _Alignas(sizeof(vd)) double tile[WT_SIZE] = {0}; /* minus K^-1 */
            whole_subtract(w->padded - WT * i, left, right, tile);
            vd sum = dset(0);
            SL_UNROLL
            for (size_t k = 0; k < WT_SIZE; k += DL) sum = dfnma(dload(tile + k), dload(slope + k), sum);
            if (c < i) off += sum;
            else on += sum;
            for (size_t r = 0; c == i && r < WT; r++) noise -= tile[(WT + 1) * r] * g->noise[WT * i + r];
        }
    }
    *slope_trace = 2 * whole_sum(off) + whole_sum(on);
    *noise_trace = noise;
}

/* y = slope x */
static void whole_slope_times(const gp_whole *w, const double *x, double *y)
{
    for (size_t i = 0; i < w->padded; i += WT) {
        const double *panel = w->slope + whole_upper(i / WT);
        vd in[WV], sum[WV];
        SL_UNROLL
        for (size_t v = 0; v < WV; v++) {
            in[v] = dload(x + i + DL * v);
            sum[v] = dset(0);
        }
        for (size_t k = 0; k < i + WT; k++) {
            SL_UNROLL
            for (size_t v = 0; v < WV; v++) sum[v] = dfma(dload(panel + WT * k + DL * v), dset(x[k]), sum[v]);
            if (k < i) y[k] += whole_row_dot(panel + WT * k, in);
        }
        SL_UNROLL
        for (size_t v = 0; v < WV; v++) dstore(y + i + DL * v, sum[v]);
    }
}

static void gp_whole_slope(const sl_gp_problem *g)
{
    const gp_whole w = whole_layout(g);
    double slope_trace, noise_trace;
    whole_invert(&w);
    whole_traces(g, &w, &slope_trace, &noise_trace);
    for (size_t i = 0; i < w.padded; i++) w.u0[i] = g->flux[i] - g->noise[i] * g->alpha[i];
    whole_slope_times(&w, g->alpha, w.u1);
    g->gradient[0] = 0.5 * (whole_dot(w.padded, g->alpha, w.u0) - ((double)g->n - noise_trace));
    g->gradient[1] = 0.5 * (whole_dot(w.padded, g->alpha, w.u1) - slope_trace);
    whole_solve_lower(&w, w.u0, w.u0);
    whole_solve_lower(&w, w.u1, w.u1);
    g->information[0] = 0.5 * whole_dot(w.padded, w.u0, w.u0);
    g->information[1] = 0.5 * whole_dot(w.padded, w.u0, w.u1);
    g->information[2] = 0.5 * whole_dot(w.padded, w.u1, w.u1);
}
