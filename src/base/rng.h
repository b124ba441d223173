/* base/rng.h - random numbers that are the same everywhere for the same seed. */
#ifndef SL_BASE_RNG_H
#define SL_BASE_RNG_H

#include <stdint.h>

/* xoshiro256++ by Blackman and Vigna (doi:10.1145/3460772), seeded by splitmix64. */
typedef struct sl_rng {
    uint64_t s[4];
    double spare; /* second value of the last normal pair */
    int has_spare;
} sl_rng;

/* `stream` makes independent sequences of one seed. */
void sl_rng_init(sl_rng *rng, uint64_t seed, uint64_t stream);
uint64_t sl_rng_u64(sl_rng *rng);
/* In [0, n), without bias; n > 0. */
uint64_t sl_rng_below(sl_rng *rng, uint64_t n);
/* In [0, 1), 53 bits. */
double sl_rng_uniform(sl_rng *rng);
/* Mean 0, standard deviation 1 (Marsaglia's polar method). */
double sl_rng_normal(sl_rng *rng);

#endif
