/*
 * test_functions_own.c - what functions.def expects of the local engine is there, or stands below with a reason; strict functions
 * are strict; every family's rows can be called.
 */
/* LINK pgd1_sql */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "proxy/base/map.h"
#include "proxy/catalog/extension.h"
#include "proxy/sql/functions.h"
#include "proxy/sql/local_functions.h"

enum { NAME_MAX_BYTES = 128 };

/* A name may end with '*'. A row that matches no missing function fails the test: it can go. */
static const struct {
    const char *name, *reason;
} known_missing[] = {
    { "pg_aclcontains", "access lists are not kept: who may do what stands in the configuration" },
    { "pg_currval_oid", "a sequence lives in D1: the statement's plan reads and moves it, not the engine" },
    { "pg_inet_server_addr", "the address that the client reached is not passed to the engine" },
    { "pg_inet_server_port", "the address that the client reached is not passed to the engine" },
    { "pg_json_populate_record*", "row types of tables are not there yet" },
    { "pg_jsonb_populate_record*", "row types of tables are not there yet" },
    { "pg_lastval", "a sequence lives in D1: the statement's plan reads and moves it, not the engine" },
    { "pg_makeaclitem", "access lists are not kept: who may do what stands in the configuration" },
    { "pg_nextval_oid", "a sequence lives in D1: the statement's plan reads and moves it, not the engine" },
    { "pg_pg_current_xact_id", "D1 has no transaction numbers" },
    { "pg_pg_export_snapshot", "D1 has no snapshots to export" },
    { "pg_pg_get_multixact_members", "there are no objects of this kind" },
    { "pg_pg_get_replica_identity_index", "there are no objects of this kind" },
    { "pg_pg_get_statisticsobjdef", "there are no objects of this kind" },
    { "pg_pg_identify_object", "names of this kind are not looked up yet" },
    { "pg_pg_index_column_has_property", "not looked up yet" },
    { "pg_pg_index_has_property", "not looked up yet" },
    { "pg_pg_indexam_has_property", "not looked up yet" },
    { "pg_pg_sequence_*", "a sequence lives in D1: the statement's plan reads and moves it, not the engine" },
    { "pg_pg_tablespace_databases", "there are no objects of this kind" },
    { "pg_pg_timezone_abbrevs", "the table of abbreviations is not there yet" },
    { "pg_pg_timezone_names", "the list of zones is not there yet" },
    { "pg_setseed", "random() is D1's where its rows are; a seed could not hold for both" },
    { "pg_setval3_oid", "a sequence lives in D1: the statement's plan reads and moves it, not the engine" },
    { "pg_setval_oid", "a sequence lives in D1: the statement's plan reads and moves it, not the engine" },
    { "pg_timeofday", "not there yet" },
    { "pg_to_regoper*", "names of this kind are not looked up yet" },
};

static struct local_engine *engine;
static struct arena *arena;
static struct map registered; /* name -> struct signature * */

struct signature {
    int counts[8]; /* argument counts; -1: any */
    size_t n;
};

static bool note_function(void *ctx, const struct value *cells, size_t n)
{
    (void)ctx;
    assert_int_equal(n, 2);
    struct str name = arena_str(arena, cells[0].bytes);
    struct signature *s = map_get(&registered, name);
    if (!s) {
        s = ARENA_NEW(arena, struct signature);
        assert_true(map_set(&registered, name, s));
    }
    assert_true(s->n < sizeof(s->counts) / sizeof(s->counts[0]));
    s->counts[s->n++] = (int)cells[1].integer;
    return true;
}

static int set_up(void **state)
{
    struct err err;
    (void)state;
    arena = arena_new(64 << 20);
    err_init(&err, arena);
    engine = local_new(&err);
    if (!engine)
        return -1;
    const struct local_run run = {
        .sql = STR("SELECT name, narg FROM pragma_function_list WHERE builtin = 0 AND name GLOB 'pg*'"),
        .types = type_settings_default(),
        .on_row = note_function,
        .arena = arena
    };
    return local_run(engine, &run, &err) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    map_fini(&registered);
    local_free(engine);
    arena = arena_free(arena);
    return 0;
}

/* SQLite keeps names in lower case. count -2: whatever it is. */
static bool is_registered(struct str name, int count)
{
    struct str lower = arena_str(arena, name);
    for (size_t i = 0; i < lower.n; i++)
        if (lower.p[i] >= 'A' && lower.p[i] <= 'Z')
            ((char *)(uintptr_t)lower.p)[i] = (char)(lower.p[i] - 'A' + 'a');
    const struct signature *s = map_get(&registered, lower);
    for (size_t i = 0; s && i < s->n; i++)
        if (count == -2 || s->counts[i] == count || s->counts[i] == -1)
            return true;
    return false;
}

/* ---- what is missing */

struct missing {
    struct str name;
    int count;
};

static struct missing missing[2048];
static size_t n_missing;

static void note_missing(struct str name, int count)
{
    for (size_t i = 0; i < n_missing; i++)
        if (str_eq(missing[i].name, name))
            return;
    assert_true(n_missing < sizeof(missing) / sizeof(missing[0]));
    missing[n_missing++] = (struct missing){ name, count };
}

/* Those of the functions that this row stands for, with as many arguments as the printer writes. False: there is none. */
static bool check_procs(const struct emission *row, const struct pg_proc *procs, size_t n)
{
    size_t n_key = strcspn(row->key, "(");
    struct str name = arena_printf(arena, "pg_%.*s", (int)n_key, row->key);
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (emission_find(&procs[i]) != row)
            continue;
        int count = procs[i].n_args * (row->flags & FUNCTION_TYPES ? 2 : 1);
        if (procs[i].variadic == TYPE_OID_any)
            count = -2;
        any = true;
        if (!is_registered(name, count))
            note_missing(name, count);
    }
    return any;
}

static void check_own_row(const struct emission *row)
{
    size_t n, n_more;
    const struct pg_proc *procs = pg_procs(&n), *more = extension_all_procs(&n_more);
    bool any = check_procs(row, procs, n);
    any |= check_procs(row, more, n_more);
    if (!any)
        fail_msg("row \"%s\" of functions.def is no function of PostgreSQL", row->key);
}

/* pg_name( in a template. */
static void check_template(const char *t)
{
    for (const char *p = strstr(t, "pg_"); p; p = strstr(p + 1, "pg_")) {
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        bool starts = p == t || !((p[-1] >= 'a' && p[-1] <= 'z') || p[-1] == '_' || (p[-1] >= '0' && p[-1] <= '9'));
        struct str name = { p, n };
        if (starts && p[n] == '(' && !is_registered(name, -2))
            note_missing(name, -2);
    }
}

static bool matches(const char *pattern, struct str name)
{
    size_t n = strlen(pattern);
    if (n && pattern[n - 1] == '*')
        return str_starts(name, (struct str){ pattern, n - 1 });
    return str_is(name, pattern);
}

static void own_functions_are_registered_or_listed(void **state)
{
    size_t n, bad = 0, used = 0;
    bool row_used[sizeof(known_missing) / sizeof(known_missing[0])] = { 0 };
    const struct emission *rows = emissions(&n);
    (void)state;
    n_missing = 0;
    for (size_t i = 0; i < n; i++) {
        if (emission_is_own(&rows[i]))
            check_own_row(&rows[i]);
        else if (rows[i].local)
            check_template(rows[i].local);
    }
    for (size_t i = 0; i < n_missing; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof(known_missing) / sizeof(known_missing[0]); k++)
            if (matches(known_missing[k].name, missing[i].name))
                known = row_used[k] = true;
        if (!known) {
            print_message("missing: %.*s, %d arguments\n", STR_FMT(missing[i].name), missing[i].count);
            bad++;
        }
    }
    for (size_t k = 0; k < sizeof(row_used) / sizeof(row_used[0]); k++) {
        used += row_used[k];
        if (!row_used[k])
            print_message("not missing: %s (%s)\n", known_missing[k].name, known_missing[k].reason);
    }
    assert_int_equal(bad, 0);
    assert_int_equal(used, sizeof(row_used) / sizeof(row_used[0]));
}

/* ---- families */

static const struct local_family *const families[] = {
#define FAMILY(name) &local_family_##name,
#include "proxy/sql/local_families.def"
#undef FAMILY
};

struct answer {
    struct value value;
    bool given;
};

static bool take_answer(void *ctx, const struct value *cells, size_t n)
{
    struct answer *a = ctx;
    assert_int_equal(n, 1);
    *a = (struct answer){ cells[0], true };
    return true;
}

/* NULL at one place among ones. */
static void check_strict(const struct local_function *f, int at)
{
    struct buf sql;
    struct err err;
    struct answer answer = { 0 };
    err_init(&err, arena);
    buf_init(&sql, 4096);
    buf_printf(&sql, "SELECT %s(", f->name);
    for (int i = 0; i < f->n_args; i++)
        buf_printf(&sql, "%s%s", i ? "," : "", i == at ? "NULL" : "'1'");
    buf_add_char(&sql, ')');
    const struct local_run run = {
        .sql = buf_str(&sql), .types = type_settings_default(), .on_row = take_answer, .ctx = &answer, .arena = arena
    };
    bool ok = local_run(engine, &run, &err);
    if (!ok || !answer.given || answer.value.class != VALUE_NULL)
        fail_msg("%.*s is not NULL: %.*s", STR_FMT(buf_str(&sql)), STR_FMT(err.message));
    buf_fini(&sql);
}

static void strict_functions_answer_null_for_null(void **state)
{
    size_t checked = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        for (size_t k = 0; k < families[i]->n_functions; k++) {
            const struct local_function *f = &families[i]->functions[k];
            if (!(f->flags & LOCAL_STRICT) || !f->call)
                continue;
            for (int at = 0; at < f->n_args; at++)
                check_strict(f, at);
            checked++;
        }
    assert_true(checked > 100);
}

static void rows_of_families_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        for (size_t k = 0; k < families[i]->n_functions; k++) {
            const struct local_function *f = &families[i]->functions[k];
            bool scalar = f->call && !f->step && !f->final, aggregate = !f->call && f->step && f->final;
            assert_true(strlen(f->name) < NAME_MAX_BYTES);
            if (!scalar && !aggregate)
                fail_msg("%s is neither a function nor an aggregate", f->name);
            if ((f->inverse != NULL) != (f->value != NULL))
                fail_msg("%s: a moving aggregate has both value and inverse", f->name);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_functions_are_registered_or_listed),
        cmocka_unit_test(strict_functions_answer_null_for_null),
        cmocka_unit_test(rows_of_families_are_whole),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
