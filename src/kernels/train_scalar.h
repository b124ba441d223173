/* kernels/train_scalar.h - the readable kernels of training: what the others are tested against. */
#ifndef SL_KERNELS_TRAIN_SCALAR_H
#define SL_KERNELS_TRAIN_SCALAR_H

#include "kernels/train_kernels.h"

void sl_train_scalar_attention_back(const sl_attention_back *a);
void sl_train_scalar_norm_back(const sl_norm_back *n);
void sl_train_scalar_dropout(const sl_dropout *d);
void sl_train_scalar_transpose(size_t rows, size_t lanes, size_t stride, const float *from, float *to);
void sl_train_scalar_row_sums(size_t rows, size_t lanes, size_t stride, const float *x, float *sum);
void sl_train_scalar_relu_back(size_t n, const float *y, float *d);
void sl_train_scalar_silu_back(size_t n, const float *x, float *d);

#endif
