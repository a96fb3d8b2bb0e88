/* monitoring.c - what those who watch a server ask: who blocks whom, how old a transaction is (PostgreSQL 9.26.2, 9.26.8). */
#include "proxy/catalog/system.h"
#include "proxy/sql/functions/catalog_objects.h"
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/typed.h"

/* ---- pg_blocking_pids ---- */

enum { LOCKS_SEEN_MAX = 10000 };

/* A row of pg_locks, as far as it matters: the advisory locks are the only ones. */
struct lock {
    int64_t pid, database, high, low, kind;
    bool granted, exclusive;
};

struct locks {
    const struct relation *relation;
    struct lock *list;
    size_t n;
};

static const struct value *cell(const struct locks *l, const struct value *cells, const char *name)
{
    return &cells[relation_column(l->relation, str_from(name)) - l->relation->columns];
}

static bool keep_lock(void *ctx, const struct value *cells, size_t n)
{
    struct locks *l = ctx;
    (void)n;
    if (l->n == LOCKS_SEEN_MAX)
        return false;
    l->list[l->n++] = (struct lock){ .pid = cell(l, cells, "pid")->integer,
                                     .database = cell(l, cells, "database")->integer,
                                     .high = cell(l, cells, "classid")->integer,
                                     .low = cell(l, cells, "objid")->integer,
                                     .kind = cell(l, cells, "objsubid")->integer,
                                     .granted = cell(l, cells, "granted")->integer != 0,
                                     .exclusive = str_is(cell(l, cells, "mode")->bytes, "ExclusiveLock") };
    return true;
}

static bool blocks(const struct lock *holder, const struct lock *waiter)
{
    return holder->granted && !waiter->granted && holder->pid != waiter->pid && holder->database == waiter->database &&
           holder->high == waiter->high && holder->low == waiter->low && holder->kind == waiter->kind &&
           (holder->exclusive || waiter->exclusive);
}

/* The sessions that hold what this one waits for. */
static void blocking_pids(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct system_state *state = catalog_source(c).state;
    struct locks l = { .relation = system_relation(STR("pg_catalog"), STR("pg_locks")) };
    struct str list = STR("");
    STRICT(n, args);
    sqlite3_int64 pid = sqlite3_value_int64(args[0]);
    l.list = ARENA_ARRAY(scratch(c), struct lock, LOCKS_SEEN_MAX);
    if (!l.list)
        return local_fail(c);
    if (state && state->rows)
        state->rows(state->ctx, l.relation->name, keep_lock, &l);
    if (l.n == LOCKS_SEEN_MAX)
        return fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "more than %d advisory locks", LOCKS_SEEN_MAX - 1);
    for (size_t w = 0; w < l.n; w++)
        for (size_t h = 0; l.list[w].pid == pid && h < l.n; h++)
            if (blocks(&l.list[h], &l.list[w]))
                list =
                    arena_printf(scratch(c), "%.*s%s%lld", STR_FMT(list), list.n ? "," : "", (long long)l.list[h].pid);
    local_result_text(c, arena_printf(scratch(c), "[%.*s]", STR_FMT(list)));
}

/* ---- age(xid) ---- */

/* Built-in rows are infinitely old, as PostgreSQL has it for its first transactions. The others bear a number made of the schema's version,
 * which has no order: they are always young, so that who looks for changes by age sees every one. */
static void xid_age(sqlite3_context *c, int n, sqlite3_value **args)
{
    enum { FIRST_NORMAL = 3 };
    STRICT(n, args);
    sqlite3_result_int(c, sqlite3_value_int64(args[0]) < FIRST_NORMAL ? INT32_MAX : 0);
}

static const struct local_function functions[] = {
    { .name = "pg_pg_blocking_pids", .n_args = 1, .flags = LOCAL_STRICT, .call = blocking_pids },
    { .name = "pg_xid_age", .n_args = 1, .flags = LOCAL_STRICT, .call = xid_age },
};

const struct local_family local_family_monitoring = { .functions = functions,
                                                      .n_functions = sizeof(functions) / sizeof(functions[0]) };
