/* test_functions.c - functions.def: sorted, about functions that PostgreSQL has, its templates well formed. */
/* LINK pgd1_sql pgd1_catalog pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/catalog/extension.h"
#include "proxy/sql/functions.h"
#include "proxy/sql/local.h"

static void rows_are_sorted(void **state)
{
    (void)state;
    size_t n;
    const struct emission *rows = emissions(&n);
    for (size_t i = 1; i < n; i++)
        if (strcmp(rows[i - 1].key, rows[i].key) >= 0)
            fail_msg("%s stands before %s", rows[i - 1].key, rows[i].key);
}

static bool is_source_of(const struct pg_proc *proc, const char *key)
{
    size_t n = strcspn(key, "(");
    return strcmp(proc->source, key) == 0 || (strlen(proc->source) == n && strncmp(proc->source, key, n) == 0);
}

static void keys_are_sources_of_postgresql(void **state)
{
    (void)state;
    size_t n, n_procs, n_more;
    const struct emission *rows = emissions(&n);
    const struct pg_proc *procs = pg_procs(&n_procs), *more = extension_all_procs(&n_more);
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < n_procs && !found; k++)
            found = is_source_of(&procs[k], rows[i].key);
        for (size_t k = 0; k < n_more && !found; k++)
            found = is_source_of(&more[k], rows[i].key);
        if (!found)
            fail_msg("no function of PostgreSQL has the source %s", rows[i].key);
    }
}

static void check_template(const char *key, const char *t, unsigned n_args)
{
    int depth = 0;
    for (const char *p = t; *p; p++) {
        depth += *p == '(';
        depth -= *p == ')';
        if (*p == '$' && p[1] >= '1' && p[1] <= '9' && (unsigned)(p[1] - '0') > n_args)
            fail_msg("%s: $%c of %u arguments", key, p[1], n_args);
    }
    if (depth != 0)
        fail_msg("%s: parentheses do not match in %s", key, t);
}

static void templates_fit_their_functions(void **state)
{
    (void)state;
    size_t n;
    const struct pg_proc *procs = pg_procs(&n);
    unsigned found = 0;
    for (size_t i = 0; i < n; i++) {
        const struct emission *row = emission_find(&procs[i]);
        if (!row)
            continue;
        found++;
        assert_true(row->d1 || row->local);
        if (row->d1)
            check_template(row->key, row->d1, procs[i].n_args);
        if (row->local && !emission_is_own(row))
            check_template(row->key, row->local, procs[i].n_args);
    }
    assert_true(found > 1200);
}

static void types_pick_a_row(void **state)
{
    (void)state;
    size_t n;
    const struct pg_proc *procs = pg_procs_by_name(STR("rtrim"), &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(procs[i].source, "rtrim1") == 0)
            assert_string_equal(emission_find(&procs[i])->d1, "rtrim($1)");
    procs = pg_procs_by_name(STR("text"), &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(procs[i].source, "rtrim1") == 0)
            assert_string_equal(emission_find(&procs[i])->d1, "$1"); /* char(n) is stored without its blanks */
}

static void unknown_functions_have_none(void **state)
{
    (void)state;
    size_t n;
    const struct pg_proc *p = pg_procs_by_name(STR("ts_stat"), &n);
    assert_true(n > 0);
    assert_null(emission_find(p));
}

static void the_engine_knows_what_it_has(void **state)
{
    (void)state;
    assert_true(local_has_function(STR("pg_array_cat")));
    assert_true(local_has_function(STR("pg_timestamp_part")));
    assert_false(local_has_function(STR("pg_ts_stat")));
    assert_false(local_has_function(STR("")));
    char long_name[300];
    memset(long_name, 'x', sizeof(long_name));
    assert_false(local_has_function((struct str){ long_name, sizeof(long_name) }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sorted),
        cmocka_unit_test(keys_are_sources_of_postgresql),
        cmocka_unit_test(templates_fit_their_functions),
        cmocka_unit_test(types_pick_a_row),
        cmocka_unit_test(unknown_functions_have_none),
        cmocka_unit_test(the_engine_knows_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
