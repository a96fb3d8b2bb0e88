/* test_functions.c - functions.def: sorted, about functions that PostgreSQL has, its templates well formed. */
/* LINK pgd1_sql pgd1_catalog pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "proxy/base/buf.h"
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

/* ---- the README's list of functions that are not there ---- */

#define LIST_START                                                                                                     \
    "<!-- generated from proxy/sql/functions.def: PGD1_UPDATE=1 build/dev/test_functions rewrites it -->\n"
#define LIST_END "<!-- end of the generated list of functions -->\n"

/* Types no value of which is ever shown to a client, and those that no column can have: their own list says so. */
static bool is_told_elsewhere(oid_t oid)
{
    static const char *const types[] = {
#define REFUSED_TYPE(type) #type, "_" #type,
#include "proxy/sql/refused_types.def"
#undef REFUSED_TYPE
        "cstring",
        "event_trigger",
        "fdw_handler",
        "index_am_handler",
        "internal",
        "language_handler",
        "table_am_handler",
        "trigger",
        "tsm_handler",
        "anyrange",
        "anymultirange",
        "anycompatiblerange",
        "anycompatiblemultirange",
        "xid8",
        "unknown",
        "aclitem",
        "oidvector",
        "pg_ddl_command"
    };
    const struct pg_type *type = pg_type_by_oid(oid);
    bool told = !type || type->kind == 'r' || type->kind == 'm';
    for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++)
        told |= strcmp(type->name, types[i]) == 0;
    return told;
}

/* What stands behind operators, casts, indexes and aggregates: nobody calls it by name. */
static bool is_behind_something(const struct pg_proc *proc)
{
    static const char *const ends[] = { "send",       "recv",     "typmodin",   "_larger",    "_smaller",
                                        "larger",     "smaller",  "cmp",        "_accum",     "_combine",
                                        "_inv",       "extended", "_hash",      "_transfn",   "_finalfn",
                                        "_statefunc", "_subdiff", "equalimage", "_validator", "_sum" };
    static const char *const starts[] = { "binary_upgrade_",   "hash",    "bt",      "pg_stat_get_",  "pg_replication_",
                                          "pg_logical_",       "pg_wal_", "lo_",     "record_image_", "RI_",
                                          "pg_event_trigger_", "pg_ls_",  "float8_", "int8inc",       "int8dec",
                                          "int4inc",           "gin_",    "brin_",   "int8_avg",      "interval_avg",
                                          "pg_control_" };
    size_t n, length = strlen(proc->name);
    const struct pg_operator *operators = pg_operators(&n);
    for (size_t i = 0; i < n; i++)
        if (operators[i].proc == proc->oid)
            return true;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (length > strlen(ends[i]) && strcmp(proc->name + length - strlen(ends[i]), ends[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (strncmp(proc->name, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static bool is_callable(const struct pg_proc *proc)
{
    bool callable = !is_told_elsewhere(proc->result) && !is_behind_something(proc);
    for (size_t i = 0; i < proc->n_args && callable; i++)
        callable = !is_told_elsewhere(proc->args[i]);
    return callable;
}

/* Printed without a row: emit_enum.c, and the sum of IS NULL. */
static bool is_printed_otherwise(struct str name)
{
    static const char *const names[] = { "enum_first", "enum_last", "enum_range", "num_nonnulls", "num_nulls" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

static bool is_there(struct str name)
{
    size_t n;
    if (is_printed_otherwise(name))
        return true;
    const struct pg_proc *procs = pg_procs_by_name(name, &n);
    for (size_t i = 0; i < n; i++)
        if (emission_find(&procs[i]))
            return true;
    return false;
}

/* Names of which no function is there. pg_procs() is sorted by name. */
static void list_missing(struct buf *out)
{
    size_t n;
    const struct pg_proc *procs = pg_procs(&n);
    const char *last = "";
    for (size_t i = 0; i < n; i++) {
        if (strcmp(procs[i].name, last) == 0 || procs[i].is_information_schema || procs[i].kind == 'p' ||
            !is_callable(&procs[i]) || is_there(str_from(procs[i].name)))
            continue;
        buf_printf(out, "%s`%s`", *last ? ", " : "", procs[i].name);
        last = procs[i].name;
    }
    buf_add_str(out, STR(".\n"));
}

static void read_whole(const char *path, struct buf *out)
{
    char chunk[4096];
    size_t n;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_add(out, chunk, n);
    fclose(f);
}

/* Runs in the project's folder. */
static void readme_list_is_current(void **state)
{
    struct buf readme, list;
    (void)state;
    buf_init(&readme, 1 << 20);
    buf_init(&list, 1 << 20);
    read_whole("README.md", &readme);
    list_missing(&list);
    struct str whole = buf_str(&readme);
    ptrdiff_t start = str_find(whole, STR(LIST_START)), end = str_find(whole, STR(LIST_END));
    assert_true(start >= 0 && end > start);
    size_t from = (size_t)start + sizeof(LIST_START) - 1, to = (size_t)end;
    bool current = str_eq((struct str){ whole.p + from, to - from }, buf_str(&list));
    if (!current && getenv("PGD1_UPDATE")) {
        FILE *f = fopen("README.md", "w");
        assert_non_null(f);
        fprintf(f, "%.*s%.*s%.*s", (int)from, whole.p, STR_FMT(buf_str(&list)), (int)(whole.n - to), whole.p + to);
        assert_int_equal(fclose(f), 0);
    } else if (!current) {
        fail_msg("the list of functions in README.md is old: PGD1_UPDATE=1 build/dev/test_functions rewrites it");
    }
    buf_fini(&readme);
    buf_fini(&list);
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
        cmocka_unit_test(readme_list_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
