/* test_system.c - what every PostgreSQL 15 has in its catalogue, names behind OIDs, and columns named in stored expressions. */
/* LINK pgd1_catalog */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "pgwire/types.h"
#include "proxy/catalog/reg_names.h"
#include "proxy/catalog/system_rows.h"

static struct arena *arena;

static int make_arena(void **state)
{
    (void)state;
    arena = arena_new(16 << 20);
    return arena ? 0 : -1;
}

static int drop_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void assert_text(struct str got, const char *wanted)
{
    assert_non_null(got.p);
    if (!str_is(got, wanted))
        fail_msg("expected %s, got %.*s", wanted, STR_FMT(got));
}

/* Rows are as wide as their relation, and every cell has the class that its column's type is stored in. */
static void fixed_rows_fit_their_relations(void **state)
{
    size_t n, filled = 0;
    const struct relation *relations = system_relations(&n);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct value **rows, **again;
        size_t n_rows, n_again;
        if (!fixed_rows(&relations[i], &rows, &n_rows))
            continue;
        filled++;
        assert_true(fixed_rows(&relations[i], &again, &n_again));
        assert_ptr_equal(rows, again);
        for (size_t k = 0; k < n_rows; k++)
            for (size_t c = 0; c < relations[i].n_columns; c++) {
                const struct type_info *type = type_find(relations[i].columns[c].type);
                enum value_class class = rows[k][c].class;
                assert_true(class != VALUE_NULL || !relations[i].columns[c].not_null);
                if (class != VALUE_NULL && type)
                    assert_int_equal(class, type->storage == STORAGE_INTEGER ? VALUE_INTEGER
                                            : type->storage == STORAGE_REAL  ? VALUE_REAL
                                                                             : VALUE_TEXT);
            }
    }
    assert_true(filled > 30);
}

static void schemas_have_the_oids_of_facts(void **state)
{
    struct value **rows;
    size_t n;
    (void)state;
    assert_true(fixed_rows(system_relation(STR("pg_catalog"), STR("pg_namespace")), &rows, &n));
    assert_true(n >= 3);
    for (size_t i = 0; i < n; i++)
        if (!str_starts(rows[i][1].bytes, STR("pg_toast")))
            assert_int_equal(rows[i][0].integer, system_schema_oid(rows[i][1].bytes));
}

static void types_are_named_as_format_type_does(void **state)
{
    static const struct {
        oid_t type;
        int32_t typmod;
        bool has_typmod;
        const char *text;
    } cases[] = {
        { 23, -1, false, "integer" },     { 1043, 14, true, "character varying(10)" },
        { 1042, -1, false, "character" }, { 1042, -1, true, "bpchar" },
        { 1560, -1, false, "bit" },       { 18, -1, true, "\"char\"" },
        { 1007, -1, true, "integer[]" },  { 83, -1, true, "pg_class" },
        { 4000000000U, -1, true, "???" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_text(
            reg_format_type(&(struct system_source){ 0 }, cases[i].type, cases[i].typmod, cases[i].has_typmod, arena),
            cases[i].text);
}

static void names_are_found(void **state)
{
    static const struct {
        oid_t type;
        const char *text;
        oid_t oid; /* 0: an error */
        enum sqlstate code;
    } cases[] = {
        { TYPE_OID_regclass, "pg_class", 1259, 0 },
        { TYPE_OID_regclass, "PG_Catalog . \"pg_class\"", 1259, 0 },
        { TYPE_OID_regclass, "pg_class_oid_index", 2662, 0 },
        { TYPE_OID_regclass, "1259", 1259, 0 },
        { TYPE_OID_regclass, "\"PG_CLASS\"", 0, SQLSTATE_UNDEFINED_TABLE },
        { TYPE_OID_regclass, "a.b.c.d", 0, SQLSTATE_SYNTAX_ERROR },
        { TYPE_OID_regclass, "\"open", 0, SQLSTATE_INVALID_NAME },
        { TYPE_OID_regtype, "timestamp(3) with time zone", 1184, 0 },
        { TYPE_OID_regtype, "Double Precision", 701, 0 },
        { TYPE_OID_regtype, "int4[]", 1007, 0 },
        { TYPE_OID_regtype, "nothing", 0, SQLSTATE_UNDEFINED_OBJECT },
        { TYPE_OID_regproc, "now", 1299, 0 },
        { TYPE_OID_regproc, "lower", 0, SQLSTATE_AMBIGUOUS_FUNCTION },
        { TYPE_OID_regprocedure, "lower(text)", 870, 0 },
        { TYPE_OID_regprocedure, "substr(text, integer, integer)", 877, 0 },
        { TYPE_OID_regprocedure, "lower(int4)", 0, SQLSTATE_UNDEFINED_FUNCTION },
        { TYPE_OID_regprocedure, "lower", 0, SQLSTATE_INVALID_TEXT_REPRESENTATION },
        { TYPE_OID_regnamespace, "pg_catalog", 11, 0 },
        { TYPE_OID_regnamespace, "nowhere", 0, SQLSTATE_INVALID_SCHEMA_NAME },
        { TYPE_OID_regrole, "pg_monitor", 3373, 0 },
        { TYPE_OID_regcollation, "\"C\"", 950, 0 },
    };
    struct system_source source = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err;
        oid_t oid = 0;
        err_init(&err, arena);
        bool found = reg_find(&source, NULL, 0, cases[i].type, str_from(cases[i].text), arena, &oid, &err);
        if (found != (cases[i].oid != 0) || (found ? oid != cases[i].oid : err.code != cases[i].code))
            fail_msg("%s: found %d, oid %u, error %.*s", cases[i].text, found, oid, STR_FMT(err.message));
    }
}

static void oids_are_printed_as_names(void **state)
{
    static const struct {
        oid_t type, oid;
        const char *text;
    } cases[] = {
        { TYPE_OID_regclass, 1259, "pg_class" },
        { TYPE_OID_regclass, 2662, "pg_class_oid_index" },
        { TYPE_OID_regclass, 999999, "999999" },
        { TYPE_OID_regclass, 0, "-" },
        { TYPE_OID_regproc, 1299, "now" },
        { TYPE_OID_regprocedure, 870, "lower(text)" },
        { TYPE_OID_regoperator, 96, "=(integer,integer)" },
        { TYPE_OID_regnamespace, 2200, "public" },
        { TYPE_OID_regcollation, 950, "\"C\"" },
        { TYPE_OID_regrole, 3373, "pg_monitor" },
    };
    struct system_source source = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_text(reg_name(&source, cases[i].type, cases[i].oid, arena), cases[i].text);
}

static void columns_of_expressions_are_found(void **state)
{
    static struct column columns[] = { { .name = STR_INIT("name"), .number = 1 },
                                       { .name = STR_INIT("lower"), .number = 2 },
                                       { .name = STR_INIT("text"), .number = 3 },
                                       { .name = STR_INIT("Odd \"one"), .number = 4 } };
    static const struct relation r = { .columns = columns, .n_columns = 4 };
    static const struct {
        const char *text;
        size_t n;
        int16_t numbers[4];
    } cases[] = {
        { "((name <> ''::text) OR (text IS NULL))", 2, { 1, 3 } },
        { "(lower(name) = 'text lower'::text)", 1, { 1 } },
        { "((name)::text = (name)::text)", 1, { 1 } },
        { "(lower > 1)", 1, { 2 } },
        { "'it''s name'::text", 0, { 0 } },
        { "", 0, { 0 } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int16_t got[4] = { 0 };
        assert_int_equal(system_expression_columns(&r, str_from(cases[i].text), got, 4), cases[i].n);
        assert_memory_equal(got, cases[i].numbers, cases[i].n * sizeof(got[0]));
    }
}

/* A view is either defined, made or empty; one that is made has no definition to analyze. */
static void views_know_where_their_rows_come_from(void **state)
{
    size_t n;
    const struct relation *relations = system_relations(&n);
    (void)state;
    for (size_t i = 0; i < n; i++)
        if (relations[i].kind == RELATION_VIEW)
            assert_true(system_view_definition(&relations[i]).n > 0);
    assert_int_equal(system_view_text(system_relation(STR("pg_catalog"), STR("pg_settings"))).n, 0);
    assert_int_equal(system_view_text(system_relation(STR("pg_catalog"), STR("pg_stats"))).n, 0);
    assert_true(system_view_text(system_relation(STR("pg_catalog"), STR("pg_indexes"))).n > 0);
    assert_int_equal(system_view_text(system_relation(STR("pg_catalog"), STR("pg_class"))).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_rows_fit_their_relations),
        cmocka_unit_test(schemas_have_the_oids_of_facts),
        cmocka_unit_test(types_are_named_as_format_type_does),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(oids_are_printed_as_names),
        cmocka_unit_test(columns_of_expressions_are_found),
        cmocka_unit_test(views_know_where_their_rows_come_from),
    };
    return cmocka_run_group_tests(tests, make_arena, drop_arena);
}
