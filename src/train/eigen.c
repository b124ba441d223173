#include "train/eigen.h"

#include <math.h>

/* Rows p and q of x to c p - s q and s p + c q. */
static void rotate_rows(double *x, size_t n, size_t p, size_t q, double c, double s)
{
    for (size_t i = 0; i < n; i++) {
        const double a = x[p * n + i], b = x[q * n + i];
        x[p * n + i] = c * a - s * b;
        x[q * n + i] = s * a + c * b;
    }
}

static void rotate_columns(double *x, size_t n, size_t p, size_t q, double c, double s)
{
    for (size_t i = 0; i < n; i++) {
        const double a = x[i * n + p], b = x[i * n + q];
        x[i * n + p] = c * a - s * b;
        x[i * n + q] = s * a + c * b;
    }
}

/* The rotation that makes a_pq nothing: the smaller of the two angles (Golub & Van Loan, Matrix Computations, 8.5.2). */
static void annihilate(double *a, double *vectors, size_t n, size_t p, size_t q)
{
    const double apq = a[p * n + q];
    const double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
    const double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
    const double c = 1 / sqrt(t * t + 1), s = t * c;
    rotate_rows(a, n, p, q, c, s);
    rotate_columns(a, n, p, q, c, s);
    a[p * n + q] = a[q * n + p] = 0;
    rotate_rows(vectors, n, p, q, c, s);
}

static void swap_rows(double *x, size_t n, size_t p, size_t q)
{
    for (size_t i = 0; i < n; i++) {
        const double kept = x[p * n + i];
        x[p * n + i] = x[q * n + i];
        x[q * n + i] = kept;
    }
}

void sl_eigen_symmetric(double *a, size_t n, double *values, double *vectors)
{
    enum { SWEEPS = 50 };
    for (size_t i = 0; i < n * n; i++) vectors[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        int rotated = 0;
        for (size_t p = 0; p < n; p++) {
            for (size_t q = p + 1; q < n; q++) {
                const double small = 1e-17 * (fabs(a[p * n + p]) + fabs(a[q * n + q]));
                if (!(fabs(a[p * n + q]) > small)) continue;
                annihilate(a, vectors, n, p, q);
                rotated = 1;
            }
        }
        if (!rotated) break;
    }
    for (size_t i = 0; i < n; i++) values[i] = a[i * n + i];
    for (size_t i = 0; i < n; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < n; j++) best = values[j] > values[best] ? j : best;
        const double kept = values[i];
        values[i] = values[best];
        values[best] = kept;
        if (best != i) swap_rows(vectors, n, i, best);
    }
}
