#include "lightcurve/idset.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"

/* Never 0, which is an empty slot. */
static uint64_t hash(sl_str name)
{
    const uint64_t h = sl_hash(name);
    return h != 0 ? h : 1;
}

/* Names made to collide must not make a table quadratic: a half-full set never
   needs so many steps by chance. */
enum { MAX_STEPS = 512 };

/* The slot that holds h, or the empty one for it; NULL where there is none near. */
static uint64_t *find(uint64_t *slots, size_t size, uint64_t h)
{
    for (size_t step = 0; step < MAX_STEPS; step++) {
        uint64_t *slot = &slots[(h + step) & (size - 1)];
        if (*slot == 0 || *slot == h) return slot;
    }
    return NULL;
}

static sl_status grow(sl_idset *set, sl_error *err)
{
    const size_t size = set->size == 0 ? 1024 : 2 * set->size;
    uint64_t *slots = calloc(size, sizeof *slots);
    if (slots == NULL) return SL_FAIL_NOMEM(err);
    for (size_t i = 0; i < set->size; i++) {
        uint64_t *slot = set->slots[i] != 0 ? find(slots, size, set->slots[i]) : NULL;
        if (slot != NULL) *slot = set->slots[i];
    }
    free(set->slots);
    set->slots = slots;
    set->size = size;
    return SL_OK;
}

void sl_idset_release(sl_idset *set)
{
    free(set->slots);
    *set = (sl_idset){0};
}

sl_status sl_idset_add(sl_idset *set, sl_str name, sl_error *err)
{
    if (2 * set->count >= set->size && set->count < SL_IDSET_MAX) SL_TRY(grow(set, err));
    const uint64_t h = hash(name);
    uint64_t *slot = find(set->slots, set->size, h);
    if (slot == NULL) return SL_OK;
    if (*slot == h) return SL_DONE;
    if (set->count >= SL_IDSET_MAX) return SL_OK;
    *slot = h;
    set->count++;
    return SL_OK;
}
