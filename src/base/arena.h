/*
 * base/arena.h - memory that is given out piece by piece and taken back whole.
 *
 * One arena a worker, reset per batch: after warm-up no malloc on the path.
 * A limit bounds what hostile input can make it take.
 */
#ifndef SL_BASE_ARENA_H
#define SL_BASE_ARENA_H

#include "starling/base.h"

typedef struct sl_arena_block sl_arena_block;

typedef struct sl_arena {
    sl_arena_block *first, *current;
    size_t used_total; /* bytes in all blocks */
    size_t limit;
} sl_arena;

enum { SL_ARENA_ALIGN = 64 };

/* limit: the most bytes it may hold at once. Allocates nothing yet. */
void sl_arena_init(sl_arena *arena, size_t limit);
void sl_arena_release(sl_arena *arena);
/* Take everything back, keep the memory for the next round. */
void sl_arena_reset(sl_arena *arena);

/* n elements of `size` bytes, aligned to 64, uninitialised. NULL at the limit or where n * size overflows. */
void *sl_arena_alloc(sl_arena *arena, size_t n, size_t size);
#define SL_ARENA_NEW(arena, type, n) ((type *)sl_arena_alloc((arena), (n), sizeof(type)))

/* A terminated copy. NULL at the limit. */
char *sl_arena_text(sl_arena *arena, const char *ptr, size_t len);

/* Rewind to a point in time: everything allocated since is taken back. */
typedef struct sl_arena_mark {
    sl_arena_block *block;
    size_t used;
} sl_arena_mark;
sl_arena_mark sl_arena_here(const sl_arena *arena);
void sl_arena_rewind(sl_arena *arena, sl_arena_mark mark);

#endif
