/*
 * arena.h - memory that dies all at once.
 *
 * Owns     every block it hands out; arena_reset() ends them together.
 * Lives    one statement, one D1 request or one snapshot: whoever made it says which.
 * Fails    NULL at its cap or when the system has no memory; the caller reports 53200 (err_oom).
 * Not here anything that outlives the owner: copying to a longer life is explicit.
 */
#ifndef PGD1_BASE_ARENA_H
#define PGD1_BASE_ARENA_H

#include <stdarg.h>
#include "proxy/base/str.h"

struct arena;

/* cap: bytes it may hold at most, counted with its own overhead. NULL when there is no memory. */
struct arena *arena_new(size_t cap);
/* Zeroed, aligned for any type; NULL at the cap. n = 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);
/* The same for n elements of size bytes; NULL also when n * size overflows. */
void *arena_array(struct arena *a, size_t n, size_t size);
/* Copies of bytes into the arena; arena_cstr ends them with NUL. {NULL,0} / NULL at the cap. */
struct str arena_str(struct arena *a, struct str s);
char *arena_cstr(struct arena *a, struct str s);
/* printf into the arena; {NULL,0} at the cap. */
struct str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct str arena_vprintf(struct arena *a, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
size_t arena_used(const struct arena *a);  /* bytes handed out since the last reset */
void arena_reset(struct arena *a);         /* keeps the first block, poisons it under ASan */
struct arena *arena_free(struct arena *a); /* accepts NULL, returns NULL */

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_array((a), (n), sizeof(type)))

/* AUTO(arena) a = arena_new(…): freed at the end of the scope. */
#define AUTO(T) __attribute__((cleanup(T##_autofree))) struct T *
static inline void arena_autofree(struct arena **a)
{
    *a = arena_free(*a);
}

#endif
