/*
 * arena_fixture.h - the state of tests that need an arena and an error: ARENA_FIXTURE(bytes) makes setup() and teardown() for cmocka.
 *
 * Owns     the arena, from setup() to teardown(), of at most so many bytes.
 */
#ifndef PGD1_TESTS_ARENA_FIXTURE_H
#define PGD1_TESTS_ARENA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/base/err.h"

struct fixture {
    struct arena *arena;
    struct err err;
};

static inline int arena_fixture_setup(void **state, size_t bytes)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    f->arena = arena_new(bytes);
    err_init(&f->err, f->arena);
    *state = f;
    return f->arena ? 0 : -1;
}

static inline int arena_fixture_teardown(void **state)
{
    struct fixture *f = *state;
    arena_free(f->arena);
    test_free(f);
    return 0;
}

#define ARENA_FIXTURE(bytes)                                                                                           \
    static int setup(void **state)                                                                                     \
    {                                                                                                                  \
        return arena_fixture_setup(state, bytes);                                                                      \
    }                                                                                                                  \
    static int teardown(void **state)                                                                                  \
    {                                                                                                                  \
        return arena_fixture_teardown(state);                                                                          \
    }

#endif
