/* test_facts.c - the fact tables are sorted as the lookups need them, refer only to rows that exist, and answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgwire/types.h"
#include "proxy/catalog/facts.h"

static void types_are_sorted_and_found(void **state)
{
    (void)state;
    size_t n;
    const struct pg_type *types = pg_types(&n);
    assert_true(n > 400);
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || types[i - 1].oid < types[i].oid);
        assert_ptr_equal(pg_type_by_oid(types[i].oid), &types[i]);
        assert_ptr_equal(pg_type_by_name(str_from(types[i].name)), &types[i]);
        if (types[i].array)
            assert_int_equal(pg_type_by_oid(types[i].array)->element, types[i].oid);
    }
    assert_null(pg_type_by_oid(1));
    assert_null(pg_type_by_name(STR("integer")));
    assert_null(pg_type_by_name(STR("")));
}

static void functions_are_sorted_and_found(void **state)
{
    (void)state;
    size_t n, n_same;
    const struct pg_proc *procs = pg_procs(&n);
    assert_true(n > 3200);
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            int order = strcmp(procs[i - 1].name, procs[i].name);
            assert_true(order < 0 || (order == 0 && procs[i - 1].oid < procs[i].oid));
        }
        assert_ptr_equal(pg_proc_by_oid(procs[i].oid), &procs[i]);
        const struct pg_proc *same = pg_procs_by_name(str_from(procs[i].name), &n_same);
        assert_true(procs + i >= same && procs + i < same + n_same);
        for (size_t a = 0; a < procs[i].n_args; a++)
            assert_non_null(pg_type_by_oid(procs[i].args[a]));
        assert_true(procs[i].n_defaults <= procs[i].n_args);
    }
    assert_null(pg_procs_by_name(STR("no_such_function"), &n_same));
    assert_int_equal(n_same, 0);
    assert_null(pg_proc_by_oid(4294967295U));
}

static void operators_are_sorted_and_found(void **state)
{
    (void)state;
    size_t n, n_same;
    const struct pg_operator *operators = pg_operators(&n);
    assert_int_equal(n, 799);
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            int order = strcmp(operators[i - 1].name, operators[i].name);
            assert_true(order < 0 || (order == 0 && operators[i - 1].oid < operators[i].oid));
        }
        assert_ptr_equal(pg_operator_by_oid(operators[i].oid), &operators[i]);
        const struct pg_operator *same = pg_operators_by_name(str_from(operators[i].name), &n_same);
        assert_true(operators + i >= same && operators + i < same + n_same);
        assert_true(operators[i].proc == 0 || pg_proc_by_oid(operators[i].proc));
        if (operators[i].commutator)
            assert_non_null(pg_operator_by_oid(operators[i].commutator));
    }
    assert_null(pg_operators_by_name(STR("<=>="), &n_same));
}

static void casts_and_aggregates_are_sorted_and_found(void **state)
{
    (void)state;
    size_t n;
    const struct pg_cast *casts = pg_casts(&n);
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || casts[i - 1].source < casts[i].source ||
                    (casts[i - 1].source == casts[i].source && casts[i - 1].target < casts[i].target));
        assert_ptr_equal(pg_cast_find(casts[i].source, casts[i].target), &casts[i]);
        assert_true(casts[i].proc == 0 || pg_proc_by_oid(casts[i].proc));
    }
    assert_null(pg_cast_find(16, 17));
    const struct pg_aggregate *aggregates = pg_aggregates(&n);
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || aggregates[i - 1].proc < aggregates[i].proc);
        assert_ptr_equal(pg_aggregate_by_proc(aggregates[i].proc), &aggregates[i]);
        assert_int_equal(pg_proc_by_oid(aggregates[i].proc)->kind, 'a');
    }
    assert_null(pg_aggregate_by_proc(1));
}

static void known_rows_say_what_postgresql_says(void **state)
{
    (void)state;
    size_t n;
    const struct pg_proc *interval = pg_procs_by_name(STR("make_interval"), &n);
    assert_int_equal(n, 1);
    assert_int_equal(interval->n_defaults, 7);
    assert_string_equal(interval->arg_names, "years,months,weeks,days,hours,mins,secs");
    assert_string_equal(interval->source, "make_interval");
    assert_string_equal(pg_proc_by_oid(2803)->source, "count()");
    assert_string_equal(pg_proc_by_oid(2147)->source, "count(any)");
    const struct pg_proc *expand = pg_procs_by_name(STR("_pg_expandarray"), &n);
    assert_true(expand && expand->is_information_schema);
    assert_string_equal(expand->out_args, "x 2283,n 23");
    assert_int_equal(pg_cast_find(TYPE_OID_int4, TYPE_OID_int8)->context, 'i');
    assert_int_equal(pg_type_by_oid(TYPE_OID_text)->preferred, true);
    assert_int_equal(pg_type_by_name(STR("name"))->element, 0); /* typelem is "char", but name is no array */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_sorted_and_found),
        cmocka_unit_test(functions_are_sorted_and_found),
        cmocka_unit_test(operators_are_sorted_and_found),
        cmocka_unit_test(casts_and_aggregates_are_sorted_and_found),
        cmocka_unit_test(known_rows_say_what_postgresql_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
