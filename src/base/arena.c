#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

/* Blocks form a list; `current` is the one being filled, those behind it are empty. */
struct sl_arena_block {
    sl_arena_block *next;
    size_t size, used;
    _Alignas(SL_ARENA_ALIGN) unsigned char bytes[];
};

enum { FIRST_BLOCK = 64 * 1024 };

void sl_arena_init(sl_arena *arena, size_t limit)
{
    *arena = (sl_arena){.limit = limit};
}

void sl_arena_release(sl_arena *arena)
{
    for (sl_arena_block *b = arena->first; b != NULL;) {
        sl_arena_block *next = b->next;
        free(b);
        b = next;
    }
    sl_arena_init(arena, arena->limit);
}

void sl_arena_reset(sl_arena *arena)
{
    sl_arena_rewind(arena, (sl_arena_mark){0});
}

/* A block of at least `need` bytes behind the current one. */
static sl_arena_block *grow(sl_arena *arena, size_t need)
{
    size_t size = arena->current != NULL ? arena->current->size * 2 : FIRST_BLOCK;
    if (size < need) size = need;
    if (size > arena->limit - arena->used_total) size = arena->limit - arena->used_total;
    if (size < need) return NULL;
    size = (size + SL_ARENA_ALIGN - 1) & ~(size_t)(SL_ARENA_ALIGN - 1);
    sl_arena_block *b = aligned_alloc(SL_ARENA_ALIGN, sizeof *b + size);
    if (b == NULL) return NULL;
    *b = (sl_arena_block){.size = size};
    arena->used_total += size;
    if (arena->current != NULL) {
        b->next = arena->current->next;
        arena->current->next = b;
    } else {
        arena->first = b;
    }
    return b;
}

void *sl_arena_alloc(sl_arena *arena, size_t n, size_t size)
{
    if (size != 0 && n > (SIZE_MAX - SL_ARENA_ALIGN) / size) return NULL;
    const size_t need = (n * size + SL_ARENA_ALIGN - 1) & ~(size_t)(SL_ARENA_ALIGN - 1);
    sl_arena_block *b = arena->current;
    if (b == NULL) b = arena->first;
    while (b != NULL && need > b->size - b->used) {
        b = b->next;
        if (b != NULL) arena->current = b;
    }
    if (b == NULL && (b = grow(arena, need)) == NULL) return NULL;
    arena->current = b;
    void *p = b->bytes + b->used;
    b->used += need;
    return p;
}

char *sl_arena_text(sl_arena *arena, const char *ptr, size_t len)
{
    char *copy = len < SIZE_MAX ? sl_arena_alloc(arena, len + 1, 1) : NULL;
    if (copy == NULL) return NULL;
    if (len > 0) memcpy(copy, ptr, len);
    copy[len] = '\0';
    return copy;
}

sl_arena_mark sl_arena_here(const sl_arena *arena)
{
    return (sl_arena_mark){arena->current, arena->current != NULL ? arena->current->used : 0};
}

void sl_arena_rewind(sl_arena *arena, sl_arena_mark mark)
{
    sl_arena_block *b = mark.block != NULL ? mark.block : arena->first;
    if (b == NULL) return;
    arena->current = b;
    b->used = mark.block != NULL ? mark.used : 0;
    for (b = b->next; b != NULL; b = b->next) b->used = 0;
}
