/* fault.c - see fault.h. */
#include "proxy/base/fault.h"

#include <stdlib.h>

static _Thread_local long calls_left = -1;
static _Thread_local bool happened;

static bool fails(void)
{
    if (calls_left < 0)
        return false;
    if (calls_left-- > 0)
        return false;
    happened = true;
    return true;
}

void *fault_malloc(size_t n)
{
    return fails() ? NULL : malloc(n);
}

void *fault_calloc(size_t n, size_t size)
{
    return fails() ? NULL : calloc(n, size);
}

void *fault_realloc(void *p, size_t n)
{
    return fails() ? NULL : realloc(p, n);
}

void fault_after(long calls)
{
    calls_left = calls;
    happened = false;
}

bool fault_hit(void)
{
    return happened;
}
