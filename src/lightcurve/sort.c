#include "lightcurve/sort.h"

bool sl_candidate_before_in_time(const sl_candidate *a, const sl_candidate *b)
{
    if (a->time != b->time) return a->time < b->time;
    if (a->band != b->band) return a->band < b->band;
    if (a->flux != b->flux) return a->flux < b->flux;
    return a->error < b->error;
}

bool sl_candidate_before_in_visit(const sl_candidate *a, const sl_candidate *b)
{
    return a->visit != b->visit ? a->visit < b->visit : sl_candidate_before_in_time(a, b);
}

static void insertion_sort(sl_candidate *c, size_t n, sl_candidate_before before)
{
    for (size_t i = 1; i < n; i++) {
        const sl_candidate moved = c[i];
        size_t at = i;
        for (; at > 0 && before(&moved, &c[at - 1]); at--) c[at] = c[at - 1];
        c[at] = moved;
    }
}

static void sift_down(sl_candidate *c, size_t at, size_t n, sl_candidate_before before)
{
    const sl_candidate moved = c[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(&c[child], &c[child + 1])) child++;
        if (!before(&moved, &c[child])) break;
        c[at] = c[child];
    }
    c[at] = moved;
}

static void heap_sort(sl_candidate *c, size_t n, sl_candidate_before before)
{
    for (size_t i = n / 2; i-- > 0;) sift_down(c, i, n, before);
    for (size_t end = n; end-- > 1;) {
        const sl_candidate largest = c[0];
        c[0] = c[end];
        c[end] = largest;
        sift_down(c, 0, end, before);
    }
}

void sl_candidates_sort(sl_candidate *c, size_t n, sl_candidate_before before)
{
    size_t sorted = 1;
    while (sorted < n && !before(&c[sorted], &c[sorted - 1])) sorted++;
    if (sorted >= n) return;
    if (n <= 64) {
        insertion_sort(c, n, before);
    } else {
        heap_sort(c, n, before);
    }
}
