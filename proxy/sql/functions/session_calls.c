/* session_calls.c - functions that act on the session or on others (PostgreSQL 9.9, 9.27): handed to the run's session_call. */
#include "proxy/sql/functions/arguments.h"

#include <time.h>

enum { MAX_ARGUMENTS = 3 };

static const struct {
    const char *name;
    bool strict;
} calls[SESSION_CALL_NR] = {
#define SESSION_CALL(source, arguments, strict) { #source, strict },
#include "proxy/sql/session_calls.def"
#undef SESSION_CALL
};

static void run_call(sqlite3_context *c, enum session_call call, const struct value *args)
{
    const struct local_run *run = local_current_run(local_of(c));
    struct value v = value_null();
    if (!run->session_call) {
        err_unsupported(errors(c), "%s() here", calls[call].name);
        err_hint(errors(c), "Call it in a SELECT of its own.");
        local_fail(c);
    } else if (run->session_call(run->session_ctx, call, args, scratch(c), &v, errors(c)))
        local_result(c, &v);
    else
        local_fail(c);
}

static void read_and_run(sqlite3_context *c, enum session_call call, int n, sqlite3_value **args)
{
    struct value values[MAX_ARGUMENTS];
    if (calls[call].strict)
        STRICT(n, args);
    for (int i = 0; i < n && i < MAX_ARGUMENTS; i++)
        values[i] = local_argument(args[i]);
    run_call(c, call, values);
}

#define SESSION_CALL(source, arguments, strict)                                                                        \
    _Static_assert((arguments) <= MAX_ARGUMENTS, "an argument would be lost");                                         \
    static void source(sqlite3_context *c, int n, sqlite3_value **args)                                                \
    {                                                                                                                  \
        read_and_run(c, SESSION_CALL_##source, n, args);                                                               \
    }
#include "proxy/sql/session_calls.def"
#undef SESSION_CALL

static int64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000;
}

static void sleep_from_to(sqlite3_context *c, int64_t now, int64_t until)
{
    struct value seconds = value_real(((double)until - (double)now) / US_PER_SECOND);
    run_call(c, SESSION_CALL_pg_sleep, &seconds);
}

/* As PostgreSQL has it: to the present time plus the interval. */
static void pg_sleep_for(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct interval interval;
    int64_t now = clock_us(), until;
    STRICT(n, args);
    if (!argument_interval(c, args[0], &interval))
        return;
    if (timestamptz_add(now, &interval, settings_of(c)->zone, &until, errors(c)))
        sleep_from_to(c, now, until);
    else
        local_fail(c);
}

static void pg_sleep_until(sqlite3_context *c, int n, sqlite3_value **args)
{
    int64_t until;
    STRICT(n, args);
    if (argument_timestamp(c, args[0], &until))
        sleep_from_to(c, clock_us(), until);
}

static const struct local_function functions[] = {
#define SESSION_CALL(source, arguments, strict)                                                                        \
    { .name = "pg_" #source, .n_args = arguments, .flags = strict ? LOCAL_STRICT : 0, .call = source },
#include "proxy/sql/session_calls.def"
#undef SESSION_CALL
    { .name = "pg_pg_sleep_for", .n_args = 1, .flags = LOCAL_STRICT, .call = pg_sleep_for },
    { .name = "pg_pg_sleep_until", .n_args = 1, .flags = LOCAL_STRICT, .call = pg_sleep_until },
};

const struct local_family local_family_session_calls = { .functions = functions,
                                                         .n_functions = sizeof(functions) / sizeof(functions[0]) };
