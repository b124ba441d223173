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
void check_gp_exponential(const sl_kernels *k);
void bench_gp(const sl_kernels *k);

#endif
