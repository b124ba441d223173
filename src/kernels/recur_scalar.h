/* kernels/recur_scalar.h - the readable kernels of recurrent layers: what the others are tested against. */
#ifndef SL_KERNELS_RECUR_SCALAR_H
#define SL_KERNELS_RECUR_SCALAR_H

#include "kernels/recur_kernels.h"

void sl_recur_scalar_matvec(const sl_matvec *m);
void sl_recur_scalar_gru(const sl_gates *g);
void sl_recur_scalar_lstm(const sl_gates *g);
void sl_recur_scalar_gru_back(const sl_gates_back *g);
void sl_recur_scalar_lstm_back(const sl_gates_back *g);

#endif
