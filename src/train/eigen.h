/* train/eigen.h - eigenvalues of small symmetric matrices. */
#ifndef SL_TRAIN_EIGEN_H
#define SL_TRAIN_EIGEN_H

#include <stddef.h>

/*
 * a = sum over r of values[r] v_r v_r^T, the values falling; v_r is row r of
 * vectors (n x n). Jacobi's rotations, which leave small eigenvalues as accurate
 * as large ones; n^3 a sweep, some eight sweeps. a (n x n) is lost.
 */
void sl_eigen_symmetric(double *a, size_t n, double *values, double *vectors);

#endif
