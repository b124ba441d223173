/*
 * alert/plan_cache.h - plans by the bytes of their schemas.
 *
 * The hash only finds; equal bytes decide. What could not be compiled is kept
 * too, with its reason, so that a night of broken packets costs no more than
 * another. Not locked: one cache a thread.
 */
#ifndef SL_ALERT_PLAN_CACHE_H
#define SL_ALERT_PLAN_CACHE_H

#include "alert/plan.h"

enum {
    SL_PLAN_CACHE_ENTRIES = 64,
    SL_PLAN_CACHE_BYTES = 64 << 20 /* of schemas and plans together */
};

typedef struct sl_plan_entry {
    unsigned char *schema; /* a copy; NULL in an entry that is free */
    size_t n_schema;
    uint64_t hash;
    uint64_t used; /* when last, by the cache's own count */
    char name[128]; /* that the schema has of itself, "" without; cut where it is longer */
    sl_plan plan;
    sl_error *failure; /* why there is no plan, else NULL */
} sl_plan_entry;

typedef struct sl_plan_cache {
    sl_plan_entry entries[SL_PLAN_CACHE_ENTRIES];
    sl_plan_entry *last; /* the one asked for last, even where there is no plan; NULL before and without memory */
    uint64_t clock;
    size_t n_bytes;
} sl_plan_cache;

/* A new cache is {0}. */
void sl_plan_cache_release(sl_plan_cache *cache);

/* The plan of a schema, compiled if it is new. *plan is valid until the next call. */
sl_status sl_plan_cache_get(sl_plan_cache *cache, const unsigned char *schema, size_t n_schema, const sl_plan **plan,
                            sl_error *err);

#endif
