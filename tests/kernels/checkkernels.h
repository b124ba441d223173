/* tests/kernels/checkkernels.h - what the checks of all kernels share. */
#ifndef SL_TESTS_CHECKKERNELS_H
#define SL_TESTS_CHECKKERNELS_H

#include <stdio.h>

#include "base/rng.h"
#include "kernels/kernels.h"

extern sl_rng rng;
extern int failures;
extern const char *table_name;

#define CHECK(condition, ...)                                              \
    do {                                                                   \
        if (!(condition) && failures++ < 20) {                             \
            printf("%s, line %d: ", table_name, __LINE__);                 \
            printf(__VA_ARGS__);                                           \
            printf("\n");                                                  \
        }                                                                  \
    } while (0)

/* Memory that ends at a guard page; free_arrays gives all of it back. */
void *guarded(size_t bytes);
/* Of floats; and random ones about 0. */
float *array(size_t n);
float *normals(size_t n, double deviation);
void free_arrays(void);
/* 1 .. n */
size_t up_to(size_t n);
/* The fastest of many calls. */
double fastest_us(void (*f)(const void *), const void *call);

/* check_gp.c */
void check_gp_lanes(const sl_kernels *k);
void check_gp_whole(const sl_kernels *k);
void check_gp_neighbours(const sl_kernels *k);
void check_gp_mean(const sl_kernels *k);
void check_gp_grid(const sl_kernels *k);
void check_gp_variance(const sl_kernels *k);
void check_gp_exponential(const sl_kernels *k);
void bench_gp(const sl_kernels *k);

/* check_recur.c */
void check_matvec(const sl_kernels *k);
void check_gates(const sl_kernels *k);
void check_gates_back(const sl_kernels *k);
void check_two_ways(const sl_kernels *k);
void bench_recur(const sl_kernels *k);

/* check_train.c */
void check_attention_back(const sl_kernels *k);
void check_sharp_back(const sl_kernels *k);
void check_norm_back(const sl_kernels *k);
void check_dropout(const sl_kernels *k);
void check_moves(const sl_kernels *k);
void check_silu(const sl_kernels *k);
void bench_train(const sl_kernels *k);

#endif
