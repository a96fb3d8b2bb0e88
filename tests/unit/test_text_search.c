/*
 * test_text_search.c - limits and guards of text search, binary input that lies. That results are PostgreSQL's is checked against it in
 * tests/differential (test_functions.py, test_types.py).
 */
/* LINK pgd1_sql pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include "pgwire/types.h"
#include "proxy/sql/functions/text_search_words.h"
#include "tests/unit/arena_fixture.h"

ARENA_FIXTURE((size_t)1 << 29)

static struct str repeated(struct fixture *f, const char *piece, size_t n)
{
    size_t width = strlen(piece);
    char *p = arena_alloc(f->arena, n * width);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        memcpy(p + i * width, piece, width);
    return (struct str){ p, n * width };
}

static void assert_state(struct fixture *f, enum sqlstate code)
{
    assert_string_equal(sqlstate_code(f->err.code), sqlstate_code(code));
    err_clear(&f->err);
}

static void depth_of_queries_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct tsquery q;
    assert_false(tsquery_parse(repeated(f, "(", 100000), f->arena, &q, &f->err));
    assert_state(f, SQLSTATE_STATEMENT_TOO_COMPLEX);
    struct str chain = repeated(f, "a & ", 100000);
    assert_false(tsquery_parse((struct str){ chain.p, chain.n - 3 }, f->arena, &q, &f->err));
    assert_state(f, SQLSTATE_STATEMENT_TOO_COMPLEX);
    chain = repeated(f, "a & ", 3000);
    assert_true(tsquery_parse((struct str){ chain.p, chain.n - 3 }, f->arena, &q, &f->err));
    assert_int_equal(q.n, 5999);
    const struct ts_configuration *simple = ts_configuration_named(STR("simple"));
    assert_false(ts_words_query(simple, repeated(f, "a ", 100000), TSQUERY_PLAIN, TS_NODE_AND, f->arena, &q, &f->err));
    assert_state(f, SQLSTATE_STATEMENT_TOO_COMPLEX);
}

/* Each of these begins a comment or a tag that never ends: looked for from each place anew, the time is the square of the length. */
static void time_for_documents_is_bounded(void **state)
{
    static const char *const pieces[] = { "<!--", "<a '", "a.b@", "1.a_b@" };
    struct fixture *f = *state;
    const struct ts_configuration *simple = ts_configuration_named(STR("simple"));
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct ts_words words = { 0 };
        bool ok = ts_words_add(&words, simple, repeated(f, pieces[i], 60000), f->arena, &f->err);
        assert_true(ok || f->err.code == SQLSTATE_PROGRAM_LIMIT_EXCEEDED);
        if (i == 0)
            assert_false(ok);
        err_clear(&f->err);
    }
}

static void sizes_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct tsvector v;
    assert_true(tsvector_parse(repeated(f, "x", TS_WORD_MAX), f->arena, &v, &f->err));
    assert_false(tsvector_parse(repeated(f, "x", TS_WORD_MAX + 1), f->arena, &v, &f->err));
    assert_state(f, SQLSTATE_PROGRAM_LIMIT_EXCEEDED);
    struct str places = repeated(f, "a:1,2,3,4,5 ", 1000);
    assert_true(tsvector_parse(places, f->arena, &v, &f->err));
    assert_int_equal(v.lexemes[0].n_places, 5);
    struct ts_words words = { 0 };
    const struct ts_configuration *simple = ts_configuration_named(STR("simple"));
    assert_true(ts_words_add(&words, simple, repeated(f, "a ", 20000), f->arena, &f->err));
    assert_true(ts_words_vector(&words, f->arena, &v, &f->err));
    assert_int_equal(v.lexemes[0].n_places, 255);
    assert_int_equal(words.position, 20000);
}

#define BYTES(lit) ((struct str){ "" lit, sizeof(lit) - 1 })

static void binary_input_that_lies_is_refused(void **state)
{
    static const struct {
        oid_t type;
        struct str bytes;
        const char *code;
    } cases[] = {
        { TYPE_OID_tsvector, STR_INIT("\xff\xff\xff\xff"), "XX000" },
        { TYPE_OID_tsvector, STR_INIT("\0\0\0\2a\0\0\0"), "08P01" },
        { TYPE_OID_tsvector, STR_INIT("\0\0\0\1a\0\0\2\0\2\0\1"), "XX000" }, /* places in disorder */
        { TYPE_OID_tsvector, STR_INIT("\0\0\0\1a\0\xff\xff"), "XX000" },     /* too many */
        { TYPE_OID_tsquery, STR_INIT("\xff\xff\xff\xff"), "XX000" },
        { TYPE_OID_tsquery, STR_INIT("\0\0\0\1\2\1"), "XX000" },               /* NOT of nothing */
        { TYPE_OID_tsquery, STR_INIT("\0\0\0\2\2\2\1\0\0a\0"), "XX000" },      /* AND of one */
        { TYPE_OID_tsquery, STR_INIT("\0\0\0\2\1\0\0a\0\1\0\0b\0"), "XX000" }, /* no operator */
        { TYPE_OID_tsquery, STR_INIT("\0\0\0\1\2\7"), "XX000" },               /* no such operator */
        { TYPE_OID_tsquery, STR_INIT("\0\0\0\1\3"), "XX000" },                 /* no such node */
        { TYPE_OID_tsquery, STR_INIT("\0\0\0\1\1\x10\0a\0"), "XX000" },        /* no such weights */
        { TYPE_OID_tsquery, STR_INIT("\0\0\0\1\1\0\0a\0x"), "08P01" },
    };
    struct fixture *f = *state;
    struct value v;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(
            type_decode(cases[i].type, WIRE_BINARY, cases[i].bytes, type_settings_default(), f->arena, &v, &f->err));
        assert_string_equal(sqlstate_code(f->err.code), cases[i].code);
        err_clear(&f->err);
    }
}

/* The storage form keeps which operands belong together where PostgreSQL's text does not show it. */
static void storage_keeps_the_shape_of_queries(void **state)
{
    struct fixture *f = *state;
    struct value v;
    struct buf shown;
    buf_init(&shown, 1 << 16);
    assert_true(
        type_decode(TYPE_OID_tsquery, WIRE_TEXT, STR("a & (b & c)"), type_settings_default(), f->arena, &v, &f->err));
    assert_true(str_is(v.bytes, "'a' & ( 'b' & 'c' )"));
    assert_true(type_encode(TYPE_OID_tsquery, -1, WIRE_TEXT, &v, type_settings_default(), f->arena, &shown, &f->err));
    assert_true(str_is(buf_str(&shown), "'a' & 'b' & 'c'"));
    buf_fini(&shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(depth_of_queries_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(time_for_documents_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(binary_input_that_lies_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(storage_keeps_the_shape_of_queries, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
