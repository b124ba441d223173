/* lightcurve/sort.h - the points of a light curve while it is made, and their order. */
#ifndef SL_LIGHTCURVE_SORT_H
#define SL_LIGHTCURVE_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sl_candidate {
    double time;  /* MJD under the contract's rules */
    double visit; /* MJD before start became middle: the same for all measurements of one exposure */
    double flux, error;
    uint8_t band;    /* index into the contract's bands */
    uint8_t forced;  /* bool */
    uint8_t current; /* bool */
} sl_candidate;

typedef bool (*sl_candidate_before)(const sl_candidate *a, const sl_candidate *b);

/* By time, band, flux, error: an order that does not depend on the packet's. */
bool sl_candidate_before_in_time(const sl_candidate *a, const sl_candidate *b);
/* By visit; within it as above. */
bool sl_candidate_before_in_visit(const sl_candidate *a, const sl_candidate *b);

/* In place, O(n log n) at worst and O(n) where sorted already; libc's qsort would allocate. */
void sl_candidates_sort(sl_candidate *c, size_t n, sl_candidate_before before);

#endif
