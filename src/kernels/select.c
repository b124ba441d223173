#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

/* Slowest first. */
static const sl_kernels *const tables[] = {
    &sl_kernels_scalar,
};
enum { N_TABLES = sizeof tables / sizeof tables[0] };

static bool can_run(const sl_kernels *table)
{
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
