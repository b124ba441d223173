/*
 * starling/sizing.h - how small a network may be: the sizes to try, and which
 * of those tried are worth having.
 *
 * `starling compress --search` does the trying: it trains each size a little,
 * goes on with the better ones for longer, and so on (successive halving,
 * Jamieson & Talwalkar 2016, arXiv:1502.07943).
 */
#ifndef STARLING_SIZING_H
#define STARLING_SIZING_H

#include "starling/base.h"
#include "starling/model.h"
#include "starling/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A size to try. */
typedef struct sl_sizing {
    sl_net_size net;
    uint32_t features; /* input values beside the grid that the network keeps; 0: there are none */
    uint32_t grid;     /* 0: the grid as it is; 1, 2, ...: the shorter ones that the caller has */
    uint32_t denser;   /* pruning leaves 2^denser times as many of the weights */
} sl_sizing;

/* In which directions networks become smaller (or, in the last, keep more weights); a bit mask. What a network has no use
   for says nothing. */
enum {
    SL_SIZING_WIDTH = 1,
    SL_SIZING_HEADS = 2,
    SL_SIZING_HIDDEN = 4,
    SL_SIZING_HEAD = 8,
    SL_SIZING_HEAD2 = 16,
    SL_SIZING_FEATURES = 32,
    SL_SIZING_LENGTH = 64,
    SL_SIZING_DENSITY = 128,
    SL_SIZING_ALL = 255
};

enum { SL_SIZING_MOST_HALVINGS = 4, SL_SIZING_MOST_GRIDS = SL_SIZING_MOST_HALVINGS + 1 };

typedef struct sl_sizing_options {
    unsigned directions; /* SL_SIZING_* */
    uint32_t halvings;   /* whole, 1/2, 1/4 ... 1/2^halvings of each direction: 0 .. SL_SIZING_MOST_HALVINGS */
    uint32_t grids;      /* how many the caller has, the whole one included: 1 .. SL_SIZING_MOST_GRIDS */
    uint32_t densities;  /* how many are tried: 1 .. SL_SIZING_MOST_GRIDS */
    uint32_t most;       /* sizes; of more, so many are drawn, the largest and the smallest among them: at least 2 */
    uint64_t seed;       /* of drawing */
} sl_sizing_options;

/* The size that a model has: where a search begins. SL_ERR_UNSUPPORTED where its network is none of the zoo. */
SL_API sl_status sl_sizing_whole(const sl_model *model, sl_sizing *out, sl_error *err);

/*
 * Every combination of the directions, from `whole` to the smallest, but for
 * those that are no network (heads that do not share the width). Gives *sizes;
 * free with free(). SL_ERR_INVAL for options beyond their bounds; SL_ERR_NOMEM.
 */
SL_API sl_status sl_sizing_list(const sl_sizing *whole, const sl_sizing_options *options, sl_sizing **sizes,
                                 size_t *n, sl_error *err);

/*
 * Shorter grids of a contract, for sl_dataset_thin: every[k - 1] is the least
 * number that leaves both ends of the grid, at most a 2^k-th of its times,
 * and fewer than before. Returns how many there are, at most `halvings`; 0 where
 * sl_contract_thin would refuse.
 */
SL_API uint32_t sl_sizing_lengths(const sl_contract *contract, uint32_t halvings, uint32_t every[SL_SIZING_MOST_HALVINGS]);

/*
 * How far n things are from the front of Pareto: costs are n x n_costs, less is
 * better. One beats another that is worse in nothing and better in something.
 * rank[i] = 0 where none beats i; else one more than the largest rank of those
 * that do. Borrows. Cost: O(n^2 n_costs) for each rank.
 */
SL_API void sl_sizing_rank(size_t n, size_t n_costs, const double *costs, uint32_t *rank);

/*
 * Which `keep` of n go on: those of lower rank first; of the last rank of which
 * not all find room, some from the lowest loss to the middle one, evenly, the
 * lowest among them. Sets stay[i].
 */
SL_API void sl_sizing_choose(size_t n, const uint32_t *rank, const double *loss, size_t keep, bool *stay);

#ifdef __cplusplus
}
#endif
#endif
