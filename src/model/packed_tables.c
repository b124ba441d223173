/* The tables of features of a packed model's contract. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/half.h"
#include "coding/levels.h"
#include "model/packed.h"

/*
 * Knots as whole numbers of steps: of a power of two, or, where they crowd
 * about 0 and reach far, of as many neighbours among the float16.
 */

enum { LEAST_EXPONENT = -24, MOST_EXPONENT = 15, MOST_BITS = 14, LARGEST_ORDER = 0x7bff, N_SCALES = 2 };
typedef enum table_scale { EVEN = 0, FLOATING = 1 } table_scale;

typedef struct steps {
    table_scale scale;
    int32_t exponent; /* a step is 2^exponent, or so many float16 */
    int32_t knot[SL_MAX_KNOTS];
} steps;

static uint16_t half_of_order(int32_t order)
{
    return (uint16_t)(order < 0 ? 0x8000 | -order : order);
}

/* Whether all knots are whole steps of that size, each within `bound` of the way to its nearest neighbour. */
static bool in_steps(uint32_t n, const uint16_t *knot, table_scale scale, int32_t exponent, double bound, steps *out)
{
    *out = (steps){scale, exponent, {0}};
    for (uint32_t k = 0; k < n; k++) {
        const double x = (double)sl_half_to_float(knot[k]);
        double room = INFINITY;
        if (k > 0) room = fmin(room, x - (double)sl_half_to_float(knot[k - 1]));
        if (k + 1 < n) room = fmin(room, (double)sl_half_to_float(knot[k + 1]) - x);
        const double wanted = rint(ldexp(scale == EVEN ? x : sl_half_order(knot[k]), -exponent));
        const double most = scale == EVEN ? SL_SMALL_END : LARGEST_ORDER >> exponent;
        if (fabs(wanted) > most) return false;
        out->knot[k] = (int32_t)wanted;
        if (k > 0 && out->knot[k] - out->knot[k - 1] >= SL_SMALL_END) return false;
        const double y = scale == EVEN ? ldexp(wanted, exponent)
                                       : (double)sl_half_to_float(half_of_order(out->knot[k] * (1 << exponent)));
        if (fabs(y - x) > bound * room || (double)sl_half_to_float(sl_half_from_float((float)y)) != y) return false;
    }
    return true;
}

static double cost_of(uint32_t n, const steps *s)
{
    double cost = 2 * log2(1 + abs(s->knot[0]));
    for (uint32_t k = 1; k < n; k++) cost += log2(1 + (double)(s->knot[k] - s->knot[k - 1]));
    return cost;
}

/* The largest steps that serve, of the scale that is cheaper; each float16 is one of them, so there are always some. */
static steps best_steps(uint32_t n, const uint16_t *knot, double bound)
{
    steps best = {0}, s;
    double least = INFINITY;
    for (int32_t scale = 0; scale < N_SCALES; scale++) {
        for (int32_t e = scale == EVEN ? MOST_EXPONENT : MOST_BITS; e >= (scale == EVEN ? LEAST_EXPONENT : 0); e--) {
            if (!in_steps(n, knot, (table_scale)scale, e, bound, &s)) continue;
            const double cost = cost_of(n, &s);
            if (cost < least) best = s;
            if (cost < least) least = cost;
            break;
        }
    }
    return best;
}

static void knots_of(const steps *s, uint32_t n, uint16_t *knot)
{
    const double step = ldexp(1, s->exponent); /* so near to 1 that products with it are exact */
    for (uint32_t k = 0; s->scale == EVEN && k < n; k++) knot[k] = sl_half_from_float((float)(s->knot[k] * step));
    for (uint32_t k = 0; s->scale == FLOATING && k < n; k++) {
        const int64_t order = (int64_t)s->knot[k] * (1 << s->exponent);
        knot[k] = half_of_order((int32_t)(order > LARGEST_ORDER ? LARGEST_ORDER : order < -LARGEST_ORDER ? -LARGEST_ORDER : order));
    }
}

typedef struct tables {
    sl_bit_model scale;
    sl_number_model change[N_SCALES], first;
    sl_small rise;
    int32_t before[N_SCALES]; /* the exponent of the table before */
} tables;

static void code_table(sl_coder *c, tables *t, uint32_t n, uint16_t *knot)
{
    steps s = {0};
    if (c->writing) s = best_steps(n, knot, 0);
    uint32_t floating = s.scale == FLOATING;
    sl_code_bit(c, &t->scale, &floating);
    s.scale = floating ? FLOATING : EVEN;
    int32_t change = (int32_t)((uint32_t)s.exponent - (uint32_t)t->before[s.scale]);
    sl_code_signed(c, &t->change[s.scale], &change);
    s.exponent = (int32_t)((uint32_t)t->before[s.scale] + (uint32_t)change);
    if (s.exponent < (floating ? 0 : LEAST_EXPONENT) || s.exponent > MOST_EXPONENT) s.exponent = 0; /* of a broken stream */
    t->before[s.scale] = s.exponent;
    sl_code_signed(c, &t->first, &s.knot[0]);
    uint32_t rise[SL_MAX_KNOTS] = {0};
    for (uint32_t k = 1; k < n; k++) rise[k] = (uint32_t)s.knot[k] - (uint32_t)s.knot[k - 1];
    sl_code_smalls(c, &t->rise, n - 1, rise + 1);
    if (c->writing) return;
    for (uint32_t k = 1; k < n; k++) s.knot[k] = (int32_t)((uint32_t)s.knot[k - 1] + rise[k]);
    knots_of(&s, n, knot);
}

sl_status sl_packed_tables(sl_coder *c, sl_contract *contract, uint32_t n_values, sl_error *err)
{
    const uint32_t n = contract->feature_knots;
    tables *t = calloc(1, sizeof *t);
    if (t == NULL) return SL_FAIL_NOMEM(err);
    for (uint32_t i = 0; c->writing && i < n_values; i++) {
        const steps s = best_steps(n, &contract->feature_table[i * n], 0);
        for (uint32_t k = 1; k < n; k++) sl_small_count(&t->rise, (uint32_t)(s.knot[k] - s.knot[k - 1]));
    }
    sl_small_begin(c, &t->rise);
    for (uint32_t i = 0; i < n_values; i++) code_table(c, t, n, &contract->feature_table[i * n]);
    free(t);
    return SL_OK;
}

void sl_packed_round_tables(sl_contract *c, double bound)
{
    const uint32_t n = c->feature_knots, n_values = sl_contract_input_features(c);
    for (uint32_t i = 0; n > 0 && i < n_values; i++) {
        uint16_t *knot = &c->feature_table[i * n];
        const steps s = best_steps(n, knot, bound);
        knots_of(&s, n, knot);
    }
}
