/* kernels/gp_scalar.h - the reference of gp_kernels.h, as the scalar table has it. */
#ifndef SL_KERNELS_GP_SCALAR_H
#define SL_KERNELS_GP_SCALAR_H

#include "kernels/gp_kernels.h"

size_t sl_gp_scalar_work(size_t n);
void sl_gp_scalar_value(const sl_gp_problem *g);
void sl_gp_scalar_slope(const sl_gp_problem *g);
void sl_gp_scalar_mean(const sl_gp_mean *m);
void sl_gp_scalar_variance(const sl_gp_variance *v);

#endif
