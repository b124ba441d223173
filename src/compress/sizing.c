#include "starling/sizing.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "starling/dataset.h"

sl_status sl_sizing_whole(const sl_model *model, sl_sizing *out, sl_error *err)
{
    SL_REQUIRE(model != NULL && out != NULL, err);
    *out = (sl_sizing){.features = sl_contract_input_features(sl_model_contract(model))};
    return sl_net_size_of(model, &out->net, err);
}

/* ---- sizes ---- */

enum { N_DIRECTIONS = 8, N_HALVED = 6, MOST_VALUES = SL_SIZING_MOST_HALVINGS + 1 };

/* The values of one direction, the whole first. */
typedef struct values {
    uint32_t n, value[MOST_VALUES];
} values;

static values halve(uint32_t whole, bool open, uint32_t halvings)
{
    values v = {.n = 1, .value = {whole}};
    for (uint32_t k = 1; open && k <= halvings && whole >> k > 0; k++) v.value[v.n++] = whole >> k;
    return v;
}

/* Whether networks of that name come in different sizes of this direction. */
static unsigned directions_of(const char *net)
{
    const unsigned head = SL_SIZING_HEAD | SL_SIZING_HEAD2 | SL_SIZING_FEATURES | SL_SIZING_DENSITY;
    if (strcmp(net, "mlp") == 0) return head;
    if (strcmp(net, "t2") == 0) return SL_SIZING_ALL;
    return head | SL_SIZING_WIDTH | SL_SIZING_LENGTH;
}

static void list_values(const sl_sizing *whole, const sl_sizing_options *o, values list[N_DIRECTIONS])
{
    const unsigned open = o->directions & directions_of(whole->net.name);
    const uint32_t of[] = {whole->net.width, whole->net.heads, whole->net.hidden, whole->net.head[0], whole->net.head[1],
                           whole->features};
    for (unsigned d = 0; d < N_HALVED; d++) list[d] = halve(of[d], (open >> d & 1) != 0, o->halvings);
    const uint32_t counted[] = {o->grids, o->densities};
    for (unsigned d = N_HALVED; d < N_DIRECTIONS; d++) {
        list[d] = (values){.n = (open >> d & 1) != 0 ? counted[d - N_HALVED] : 1};
        for (uint32_t k = 0; k < list[d].n; k++) list[d].value[k] = k;
    }
}

/* Combination number i, the last direction running fastest. */
static sl_sizing combine(const sl_sizing *whole, const values list[N_DIRECTIONS], size_t i)
{
    sl_sizing size = *whole;
    uint32_t *const to[] = {&size.net.width, &size.net.heads, &size.net.hidden, &size.net.head[0], &size.net.head[1],
                            &size.features, &size.grid, &size.denser};
    for (int d = N_DIRECTIONS - 1; d >= 0; d--) {
        *to[d] = list[d].value[i % list[d].n];
        i /= list[d].n;
    }
    return size;
}

/* Selection sampling (Knuth, vol. 2, algorithm 3.4.2 S) of those between the first and the last. */
static size_t draw(sl_sizing *sizes, size_t n, size_t most, uint64_t seed)
{
    sl_rng rng;
    sl_rng_init(&rng, seed, 11);
    size_t kept = 1;
    for (size_t i = 1; i + 1 < n; i++) {
        if (sl_rng_below(&rng, n - 1 - i) < most - 1 - kept) sizes[kept++] = sizes[i];
    }
    sizes[kept++] = sizes[n - 1];
    return kept;
}

sl_status sl_sizing_list(const sl_sizing *whole, const sl_sizing_options *options, sl_sizing **sizes, size_t *n,
                          sl_error *err)
{
    SL_REQUIRE(whole != NULL && options != NULL && sizes != NULL && n != NULL, err);
    SL_REQUIRE(options->halvings <= SL_SIZING_MOST_HALVINGS && options->most >= 2, err);
    SL_REQUIRE(options->grids >= 1 && options->grids <= SL_SIZING_MOST_GRIDS, err);
    SL_REQUIRE(options->densities >= 1 && options->densities <= SL_SIZING_MOST_GRIDS, err);
    values list[N_DIRECTIONS];
    list_values(whole, options, list);
    size_t all = 1;
    for (int d = 0; d < N_DIRECTIONS; d++) all *= list[d].n;
    *sizes = malloc(all * sizeof **sizes);
    if (*sizes == NULL) return SL_FAIL_NOMEM(err);
    *n = 0;
    for (size_t i = 0; i < all; i++) {
        const sl_sizing size = combine(whole, list, i);
        if (i == 0 || size.net.width % size.net.heads == 0) (*sizes)[(*n)++] = size;
    }
    if (*n > options->most) *n = draw(*sizes, *n, options->most, options->seed);
    return SL_OK;
}

uint32_t sl_sizing_lengths(const sl_contract *contract, uint32_t halvings, uint32_t every[SL_SIZING_MOST_HALVINGS])
{
    uint32_t n = 0, step = 1;
    sl_contract *thin = malloc(sizeof *thin);
    if (thin == NULL) return 0;
    const uint32_t gaps = contract->gp.grid_length - 1;
    for (uint32_t k = 1; k <= halvings && k <= SL_SIZING_MOST_HALVINGS; k++) {
        step = step + 1 > 1u << k ? step + 1 : 1u << k;
        while (step < gaps && gaps % step != 0) step++;
        *thin = *contract;
        if (step >= gaps || sl_contract_thin(thin, step, NULL) != SL_OK) break;
        every[n++] = step;
    }
    free(thin);
    return n;
}

/* ---- the front ---- */

static bool beats(const double *a, const double *b, size_t n)
{
    bool better = false;
    for (size_t k = 0; k < n; k++) {
        if (!(a[k] <= b[k])) return false;
        better = better || a[k] < b[k];
    }
    return better;
}

void sl_sizing_rank(size_t n, size_t n_costs, const double *costs, uint32_t *rank)
{
    size_t done = 0;
    for (size_t i = 0; i < n; i++) rank[i] = UINT32_MAX;
    for (uint32_t level = 0; done < n; level++) { /* none beats the best of what is left, so each level takes some */
        for (size_t i = 0; i < n; i++) {
            bool beaten = rank[i] < level;
            for (size_t k = 0; k < n && !beaten; k++) {
                beaten = rank[k] >= level && beats(costs + k * n_costs, costs + i * n_costs, n_costs);
            }
            if (beaten) continue;
            rank[i] = level;
            done++;
        }
    }
}

typedef struct place {
    size_t index;
    uint32_t rank;
    double loss;
} place;

static int compare_places(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    if (x->loss != y->loss) return x->loss < y->loss ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

void sl_sizing_choose(size_t n, const uint32_t *rank, const double *loss, size_t keep, bool *stay)
{
    place *order = malloc((n + 1) * sizeof *order);
    for (size_t i = 0; i < n; i++) {
        stay[i] = keep >= n || order == NULL; /* without memory all stay: slower, not wrong */
        if (order != NULL) order[i] = (place){.index = i, .rank = rank[i], .loss = loss[i]};
    }
    if (order == NULL || keep >= n) {
        free(order);
        return;
    }
    qsort(order, n, sizeof *order, compare_places);
    for (size_t first = 0, next; keep > 0; first = next) {
        for (next = first; next < n && order[next].rank == order[first].rank;) next++;
        const size_t room = next - first, half = (room + 1) / 2, take = keep < room ? keep : room;
        const size_t among = take > half ? take : half; /* the smallest are on every front, and the worst of it */
        for (size_t k = 0; k < take; k++) stay[order[first + k * among / take].index] = true;
        keep -= take;
    }
    free(order);
}
