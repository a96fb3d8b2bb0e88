/* arena.c - chained blocks, bump allocation; see arena.h. */
#include "proxy/base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include "proxy/base/fault.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 16, FIRST_BLOCK = 4096 - 64, BLOCK = 32768 - 64 };

struct block {
    struct block *next;
    size_t size, used;
    _Alignas(ALIGN) unsigned char bytes[];
};

struct arena {
    struct block *first, *current;
    size_t cap, reserved, used;
};

static struct block *block_new(struct arena *a, size_t size)
{
    if (size > a->cap - a->reserved)
        return NULL;
    struct block *b = fault_malloc(sizeof(*b) + size);
    if (!b)
        return NULL;
    *b = (struct block){ .size = size };
    POISON(b->bytes, size);
    a->reserved += size;
    return b;
}

struct arena *arena_new(size_t cap)
{
    struct arena *a = fault_malloc(sizeof(*a));
    if (a)
        *a = (struct arena){ .cap = cap };
    return a;
}

static struct block *block_for(struct arena *a, size_t n)
{
    struct block *b = a->current;
    if (b && b->size - b->used >= n)
        return b;
    size_t want = a->first ? BLOCK : FIRST_BLOCK;
    size_t left = a->cap - a->reserved;
    if (want < n)
        want = n;
    if (want > left && n <= left)
        want = left;
    b = block_new(a, want);
    if (!b)
        return NULL;
    if (a->current)
        a->current->next = b;
    else
        a->first = b;
    a->current = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX - ALIGN)
        return NULL;
    n = n ? (n + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    struct block *b = block_for(a, n);
    if (!b)
        return NULL;
    void *p = b->bytes + b->used;
    b->used += n;
    a->used += n;
    UNPOISON(p, n);
    return memset(p, 0, n);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(n, size, &bytes) ? NULL : arena_alloc(a, bytes);
}

char *arena_cstr(struct arena *a, struct str s)
{
    char *p = s.n == SIZE_MAX ? NULL : arena_alloc(a, s.n + 1);
    if (p && s.n)
        memcpy(p, s.p, s.n);
    return p;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = arena_cstr(a, s);
    return p ? (struct str){ p, s.n } : (struct str){ 0 };
}

struct str arena_vprintf(struct arena *a, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return p ? (struct str){ p, (size_t)n } : (struct str){ 0 };
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str s = arena_vprintf(a, format, args);
    va_end(args);
    return s;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

static void blocks_free(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        UNPOISON(b->bytes, b->size);
        free(b);
        b = next;
    }
}

void arena_reset(struct arena *a)
{
    a->used = 0;
    if (!a->first)
        return;
    blocks_free(a->first->next);
    a->first->next = NULL;
    a->first->used = 0;
    POISON(a->first->bytes, a->first->size);
    a->current = a->first;
    a->reserved = a->first->size;
}

struct arena *arena_free(struct arena *a)
{
    if (a)
        blocks_free(a->first);
    free(a);
    return NULL;
}
