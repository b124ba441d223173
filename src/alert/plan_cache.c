#include "alert/plan_cache.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"

static size_t weight(const sl_plan_entry *entry)
{
    return entry->n_schema + entry->plan.size * sizeof *entry->plan.ops;
}

static void drop(sl_plan_cache *cache, sl_plan_entry *entry)
{
    if (entry->schema == NULL) return;
    cache->n_bytes -= weight(entry);
    free(entry->schema);
    free(entry->failure);
    sl_plan_release(&entry->plan);
    *entry = (sl_plan_entry){0};
}

void sl_plan_cache_release(sl_plan_cache *cache)
{
    for (size_t i = 0; i < SL_PLAN_CACHE_ENTRIES; i++) drop(cache, &cache->entries[i]);
    cache->last = NULL;
}

static bool holds(const sl_plan_entry *entry, const unsigned char *schema, size_t n)
{
    return entry->schema != NULL && entry->n_schema == n && memcmp(entry->schema, schema, n) == 0;
}

/* The longest unused entry that is not `but`; NULL where none is in use. */
static sl_plan_entry *oldest(sl_plan_cache *cache, const sl_plan_entry *but)
{
    sl_plan_entry *found = NULL;
    for (size_t i = 0; i < SL_PLAN_CACHE_ENTRIES; i++) {
        sl_plan_entry *entry = &cache->entries[i];
        if (entry == but || entry->schema == NULL) continue;
        if (found == NULL || entry->used < found->used) found = entry;
    }
    return found;
}

static sl_plan_entry *free_entry(sl_plan_cache *cache)
{
    for (size_t i = 0; i < SL_PLAN_CACHE_ENTRIES; i++) {
        if (cache->entries[i].schema == NULL) return &cache->entries[i];
    }
    sl_plan_entry *entry = oldest(cache, NULL);
    drop(cache, entry);
    return entry;
}

static sl_status compile(sl_plan_entry *entry, const unsigned char *json, size_t n, sl_error *err)
{
    sl_avro_schema schema;
    SL_TRY(sl_avro_schema_parse(&schema, (const char *)json, n, err));
    if (schema.root->name != NULL) {
        memcpy(entry->name, schema.root->name, strnlen(schema.root->name, sizeof entry->name - 1));
    }
    const sl_status status = sl_plan_compile(&entry->plan, &schema, err);
    sl_avro_schema_release(&schema);
    return status;
}

static sl_status add(sl_plan_cache *cache, const unsigned char *schema, size_t n, uint64_t hash, sl_error *err)
{
    sl_error failure = {0};
    sl_plan_entry made = {0};
    const sl_status status = compile(&made, schema, n, &failure);
    if (status != SL_OK && failure.reason == SL_REASON_NONE) {
        /* Out of memory is no property of the schema. */
        if (err != NULL) *err = failure;
        return status;
    }
    unsigned char *copy = malloc(n + 1);
    sl_error *kept = status != SL_OK ? malloc(sizeof *kept) : NULL;
    if (copy == NULL || (status != SL_OK && kept == NULL)) {
        free(copy);
        free(kept);
        sl_plan_release(&made.plan);
        return SL_FAIL_NOMEM(err);
    }
    memcpy(copy, schema, n);
    if (kept != NULL) *kept = failure;
    sl_plan_entry *entry = free_entry(cache);
    made.schema = copy;
    made.n_schema = n;
    made.hash = hash;
    made.failure = kept;
    *entry = made;
    cache->n_bytes += weight(entry);
    while (cache->n_bytes > SL_PLAN_CACHE_BYTES) {
        sl_plan_entry *old = oldest(cache, entry);
        if (old == NULL) break;
        drop(cache, old);
    }
    cache->last = entry;
    return SL_OK;
}

sl_status sl_plan_cache_get(sl_plan_cache *cache, const unsigned char *schema, size_t n_schema, const sl_plan **plan,
                            sl_error *err)
{
    /* Nearly always the same as last time: no hash needed. */
    if (cache->last == NULL || !holds(cache->last, schema, n_schema)) {
        const uint64_t hash = XXH3_64bits(schema, n_schema);
        cache->last = NULL;
        for (size_t i = 0; cache->last == NULL && i < SL_PLAN_CACHE_ENTRIES; i++) {
            sl_plan_entry *entry = &cache->entries[i];
            if (entry->hash == hash && holds(entry, schema, n_schema)) cache->last = entry;
        }
        if (cache->last == NULL) SL_TRY(add(cache, schema, n_schema, hash, err));
    }
    sl_plan_entry *entry = cache->last;
    entry->used = ++cache->clock;
    if (entry->failure != NULL) {
        if (err != NULL) *err = *entry->failure;
        return entry->failure->status;
    }
    *plan = &entry->plan;
    return SL_OK;
}
