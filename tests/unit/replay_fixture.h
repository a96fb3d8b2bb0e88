/*
 * replay_fixture.h - what tests of replays say of the session: its settings, its values, the local engine it finishes statements with.
 *
 * Owns     the engine, from set_up() to tear_down() of the whole program.
 */
#ifndef PGD1_TESTS_REPLAY_FIXTURE_H
#define PGD1_TESTS_REPLAY_FIXTURE_H

#include "proxy/replay.h"

static const struct str path[] = { STR_INIT("public") };
static struct local_engine *engine;

static void settings_of(void *ctx, const struct snapshot *schema, struct arena *arena, struct sql_settings *ret)
{
    (void)ctx, (void)schema, (void)arena;
    *ret = (struct sql_settings){ .search_path = path,
                                  .n_search_path = 1,
                                  .role = STR("postgres"),
                                  .standard_conforming_strings = true,
                                  .types = type_settings_default(),
                                  .max_statement_bytes = 1 << 20 };
}

static void input_of(void *ctx, const struct snapshot *schema, struct bind_input *ret)
{
    (void)ctx;
    *ret = (struct bind_input){ .types = type_settings_default(), .engine = engine, .snapshot = schema };
}

static struct replay_session replay_session_with(const struct clock *clock)
{
    return (struct replay_session){
        .clock = clock, .engine = engine, .settings = settings_of, .input = input_of, .max_bytes = 1 << 20
    };
}

static int set_up(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(1 << 16);
    struct err err;
    err_init(&err, arena);
    return (engine = local_new(&err)) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    local_free(engine);
    return 0;
}

#endif
