#include "base/rng.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void sl_rng_init(sl_rng *rng, uint64_t seed, uint64_t stream)
{
    uint64_t state = seed;
    state = splitmix64(&state) ^ (stream * 0xd1342543de82ef95u);
    for (int i = 0; i < 4; i++) rng->s[i] = splitmix64(&state);
    rng->has_spare = 0;
    rng->spare = 0;
}

uint64_t sl_rng_u64(sl_rng *rng)
{
    uint64_t *s = rng->s;
    const uint64_t result = rotate_left(s[0] + s[3], 23) + s[0];
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t sl_rng_below(sl_rng *rng, uint64_t n)
{
    const uint64_t reject_under = (0 - n) % n; /* 2^64 mod n: the values that would be one too many */
    uint64_t x;
    do {
        x = sl_rng_u64(rng);
    } while (x < reject_under);
    return x % n;
}

double sl_rng_uniform(sl_rng *rng)
{
    return (double)(sl_rng_u64(rng) >> 11) * 0x1p-53;
}

double sl_rng_normal(sl_rng *rng)
{
    if (rng->has_spare) {
        rng->has_spare = 0;
        return rng->spare;
    }
    double x, y, r2;
    do {
        x = 2 * sl_rng_uniform(rng) - 1;
        y = 2 * sl_rng_uniform(rng) - 1;
        r2 = x * x + y * y;
    } while (r2 >= 1 || r2 == 0);
    const double f = sqrt(-2 * log(r2) / r2);
    rng->spare = y * f;
    rng->has_spare = 1;
    return x * f;
}
