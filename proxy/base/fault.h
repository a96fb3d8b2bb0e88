/*
 * fault.h - the allocator of the project, which tests can make fail.
 *
 * fault_malloc and its kin behave as malloc, realloc, calloc; after fault_after(n) the (n+1)th call on this thread
 * answers NULL once (n < 0: never). Release builds keep the counter: it is one thread-local test per block, not per object.
 */
#ifndef PGD1_BASE_FAULT_H
#define PGD1_BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

void *fault_malloc(size_t n);
void *fault_calloc(size_t n, size_t size);
void *fault_realloc(void *p, size_t n);
void fault_after(long calls);
bool fault_hit(void); /* whether the planned failure has happened */

#endif
