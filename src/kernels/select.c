#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

/* Slowest first. */
static const sl_kernels *const tables[] = {
    &sl_kernels_scalar,
#if defined(__x86_64__)
    &sl_kernels_avx2,
    &sl_kernels_avx512,
    &sl_kernels_avx512dot,
#elif defined(__aarch64__)
    &sl_kernels_neon,
#endif
};
enum { N_TABLES = sizeof tables / sizeof tables[0] };

static bool can_run(const sl_kernels *table)
{
#if defined(__x86_64__)
    /* These look at what the operating system saves, too. */
    __builtin_cpu_init();
    if (table == &sl_kernels_avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    if (table == &sl_kernels_avx512) return avx512;
    if (table == &sl_kernels_avx512dot) {
        return avx512 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
    }
#elif defined(__aarch64__)
    if (table == &sl_kernels_neon) return true;
#endif
    return table == &sl_kernels_scalar;
}

const sl_kernels *sl_kernels_available(size_t i)
{
    for (size_t t = 0; t < N_TABLES; t++) {
        if (can_run(tables[t]) && i-- == 0) return tables[t];
    }
    return NULL;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const sl_kernels *selected;

static void choose(void)
{
    const char *wanted = getenv("STARLING_CPU");
    for (size_t i = 0; sl_kernels_available(i) != NULL; i++) {
        selected = sl_kernels_available(i);
        if (wanted != NULL && strcmp(wanted, selected->name) == 0) return;
    }
}

const sl_kernels *sl_kernels_select(void)
{
    pthread_once(&once, choose);
    return selected;
}
