/*
 * Cholesky factor, solutions, inverse and traces, in tiles of 4 x 4. Each
 * O(n^3) loop is `subtract` below: two panels, 16 sums that stay in registers.
 */
#include <math.h>
#include <string.h>

#include "gp/gp_internal.h"

enum { T = SL_GP_TILE };

/* tile[r][c] -= sum over `rows` rows k of a[k][r] b[k][c] */
static inline void subtract(size_t rows, const double *restrict a, const double *restrict b, double *restrict tile)
{
    double sum[T][T];
    memcpy(sum, tile, sizeof sum);
    for (size_t k = 0; k < rows; k++) {
        for (size_t r = 0; r < T; r++) {
            for (size_t c = 0; c < T; c++) sum[r][c] -= a[T * k + r] * b[T * k + c];
        }
    }
    memcpy(tile, sum, sizeof sum);
}

/* The upper factor of the tile on the diagonal, in place. */
static bool factorise_tile(double *tile, double *pivot)
{
    for (size_t r = 0; r < T; r++) {
        for (size_t q = 0; q < r; q++) {
            const double u = tile[T * q + r];
            for (size_t c = r; c < T; c++) tile[T * r + c] -= u * tile[T * q + c];
        }
        const double square = tile[T * r + r];
        if (!(square > 0 && square < INFINITY)) return false;
        const double u = sqrt(square);
        pivot[r] = 1 / u;
        tile[T * r + r] = u;
        for (size_t c = r + 1; c < T; c++) tile[T * r + c] *= pivot[r];
    }
    return true;
}

/* tile = D^-T tile, where D is a factorised tile of the diagonal. */
static inline void solve_tile(const double *restrict diagonal, const double *restrict pivot, double *restrict tile)
{
    for (size_t r = 0; r < T; r++) {
        for (size_t q = 0; q < r; q++) {
            for (size_t c = 0; c < T; c++) tile[T * r + c] -= diagonal[T * q + r] * tile[T * q + c];
        }
        for (size_t c = 0; c < T; c++) tile[T * r + c] *= pivot[r];
    }
}

bool sl_gp_factorise(sl_gp *gp)
{
    const size_t n_panels = gp->padded / T;
    for (size_t i = 0; i < n_panels; i++) {
        const double *left = gp->factor + sl_gp_upper(i);
        double *diagonal = gp->factor + sl_gp_upper(i) + SL_GP_TILE_SIZE * i;
        subtract(T * i, left, left, diagonal);
        if (!factorise_tile(diagonal, gp->pivot + T * i)) return false;
        for (size_t c = i + 1; c < n_panels; c++) {
            const double *panel = gp->factor + sl_gp_upper(c);
            double *tile = gp->factor + sl_gp_upper(c) + SL_GP_TILE_SIZE * i;
            subtract(T * i, left, panel, tile);
            solve_tile(diagonal, gp->pivot + T * i, tile);
        }
    }
    return true;
}

void sl_gp_solve_lower(const sl_gp *gp, const double *b, double *x)
{
    for (size_t i = 0; i < gp->padded; i += T) {
        const double *panel = gp->factor + sl_gp_upper(i / T);
        double sum[T];
        for (size_t c = 0; c < T; c++) sum[c] = b[i + c];
        for (size_t k = 0; k < i; k++) {
            for (size_t c = 0; c < T; c++) sum[c] -= panel[T * k + c] * x[k];
        }
        const double *diagonal = panel + T * i;
        for (size_t r = 0; r < T; r++) {
            for (size_t q = 0; q < r; q++) sum[r] -= diagonal[T * q + r] * x[i + q];
            x[i + r] = sum[r] * gp->pivot[i + r];
        }
    }
}

void sl_gp_solve_upper(const sl_gp *gp, const double *b, double *x)
{
    if (x != b) memcpy(x, b, gp->padded * sizeof *x);
    for (size_t i = gp->padded; i > 0;) {
        i -= T;
        const double *panel = gp->factor + sl_gp_upper(i / T);
        const double *diagonal = panel + T * i;
        for (size_t r = T; r > 0;) {
            r--;
            for (size_t c = r + 1; c < T; c++) x[i + r] -= diagonal[T * r + c] * x[i + c];
            x[i + r] *= gp->pivot[i + r];
        }
        for (size_t k = 0; k < i; k++) {
            double sum = 0;
            for (size_t c = 0; c < T; c++) sum += panel[T * k + c] * x[i + c];
            x[k] -= sum;
        }
    }
}

static void invert(sl_gp *gp)
{
    for (size_t i = 0; i < gp->padded / T; i++) {
        const double *panel = gp->factor + sl_gp_upper(i);
        const double *diagonal = panel + SL_GP_TILE_SIZE * i;
        for (size_t c = 0; c <= i; c++) {
            const double *above = gp->inverse + sl_gp_lower(c, gp->padded);
            double *tile = gp->inverse + sl_gp_lower(c, gp->padded) + SL_GP_TILE_SIZE * (i - c);
            memset(tile, 0, SL_GP_TILE_SIZE * sizeof *tile);
            for (size_t r = 0; c == i && r < T; r++) tile[T * r + r] = 1;
            subtract(T * (i - c), panel + SL_GP_TILE_SIZE * c, above, tile);
            solve_tile(diagonal, gp->pivot + T * i, tile);
        }
    }
}

void sl_gp_traces(sl_gp *gp, double *slope_trace, double *noise_trace)
{
    invert(gp);
    double off_diagonal[T] = {0}, on_diagonal[T] = {0}, noise = 0;
    for (size_t i = 0; i < gp->padded / T; i++) {
        const double *right = gp->inverse + sl_gp_lower(i, gp->padded);
        for (size_t c = 0; c <= i; c++) {
            /* minus K^-1 = L^-T L^-1, one tile */
            const double *left = gp->inverse + sl_gp_lower(c, gp->padded) + SL_GP_TILE_SIZE * (i - c);
            double tile[SL_GP_TILE_SIZE] = {0};
            subtract(gp->padded - T * i, left, right, tile);
            const double *slope = gp->slope + sl_gp_upper(i) + SL_GP_TILE_SIZE * c;
            double *sum = c < i ? off_diagonal : on_diagonal;
            for (size_t r = 0; r < T; r++) {
                for (size_t k = 0; k < T; k++) sum[k] -= tile[T * r + k] * slope[T * r + k];
            }
            for (size_t r = 0; c == i && r < T; r++) noise -= tile[T * r + r] * gp->noise[T * i + r];
        }
    }
    double off = 0, on = 0;
    for (size_t k = 0; k < T; k++) {
        off += off_diagonal[k];
        on += on_diagonal[k];
    }
    *slope_trace = 2 * off + on;
    *noise_trace = noise;
}

void sl_gp_slope_times(const sl_gp *gp, const double *x, double *y)
{
    for (size_t i = 0; i < gp->padded; i += T) {
        const double *panel = gp->slope + sl_gp_upper(i / T);
        double sum[T] = {0};
        for (size_t k = 0; k < i; k++) {
            double other = 0;
            for (size_t c = 0; c < T; c++) {
                sum[c] += panel[T * k + c] * x[k];
                other += panel[T * k + c] * x[i + c];
            }
            y[k] += other;
        }
        for (size_t k = i; k < i + T; k++) {
            for (size_t c = 0; c < T; c++) sum[c] += panel[T * k + c] * x[k];
        }
        for (size_t c = 0; c < T; c++) y[i + c] = sum[c];
    }
}
