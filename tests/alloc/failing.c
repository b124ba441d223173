#include "failing.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_bool armed, has_failed;
static atomic_long left, live;
static atomic_size_t calls;
static bool onwards_too; /* set while no other thread runs */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
void __wrap_free(void *block);

void failing_arm(size_t n, bool onwards)
{
    onwards_too = onwards;
    has_failed = false;
    left = (long)n;
    armed = true;
}

bool failing_disarm(void)
{
    armed = false;
    return has_failed;
}

size_t failing_calls(void)
{
    return calls;
}

long failing_live(void)
{
    return live;
}

static bool this_one_fails(void)
{
    atomic_fetch_add(&calls, 1);
    if (!armed) return false;
    const long before = atomic_fetch_sub(&left, 1);
    if (before > 0 || (before < 0 && !onwards_too)) return false;
    has_failed = true;
    errno = ENOMEM;
    return true;
}

static void *counted(void *block)
{
    if (block != NULL) atomic_fetch_add(&live, 1);
    return block;
}

void *__wrap_malloc(size_t size)
{
    return this_one_fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return this_one_fails() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (this_one_fails()) return NULL;
    void *block = __real_realloc(old, size);
    if (old == NULL) return counted(block);
    return block;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return this_one_fails() ? NULL : counted(__real_aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    if (this_one_fails()) return ENOMEM;
    *out = counted(__real_aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment));
    return *out == NULL ? ENOMEM : 0;
}

char *__wrap_strndup(const char *text, size_t n)
{
    const size_t len = strnlen(text, n);
    char *copy = __wrap_malloc(len + 1);
    if (copy == NULL) return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

void __wrap_free(void *block)
{
    if (block != NULL) atomic_fetch_sub(&live, 1);
    __real_free(block);
}
