/* test_txn_capture.c - rows as text and back, checks that notice a change, the buffer of a block. Run in SQLite. */
/* LINK pgd1_proxy pgd1_sqlite */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include "proxy/txn/buffer.h"
#include "proxy/txn/capture.h"
#include "proxy/txn/row_text.h"

struct fixture {
    sqlite3 *db;
    struct arena *arena;
    struct err err;
    struct relation relation;
    const struct relation *writes[1];
    struct plan plan;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    f->arena = arena_new(16 << 20);
    err_init(&f->err, f->arena);
    assert_int_equal(sqlite3_open(":memory:", &f->db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(f->db,
                                  "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, x); INSERT INTO t VALUES "
                                  "(1,5,'a'),(2,5,'b'),(3,7,NULL)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    f->relation = (struct relation){ .sqlite_name = STR("t"), .kind = RELATION_TABLE };
    f->writes[0] = &f->relation;
    f->plan = (struct plan){ .access = D1_WRITE, .writes = f->writes, .n_writes = 1 };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sqlite3_close(f->db);
    arena_free(f->arena);
    test_free(f);
    return 0;
}

static sqlite3_stmt *prepare(struct fixture *f, const struct d1_statement *s)
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(f->db, s->sql.p, (int)s->sql.n, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_bind_parameter_count(statement), s->n_params);
    for (size_t i = 0; i < s->n_params; i++) {
        assert_int_equal(s->params[i].class, VALUE_TEXT);
        sqlite3_bind_text(statement, (int)i + 1, s->params[i].bytes.p, (int)s->params[i].bytes.n, SQLITE_STATIC);
    }
    return statement;
}

/* Runs what a capture sends and gives it its rows and its count. */
static void learn(struct fixture *f, struct capture *c)
{
    struct d1_statement s;
    assert_true(capture_sql(c, f->arena, &s, &f->err));
    sqlite3_stmt *statement = prepare(f, &s);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct str row = { (const char *)sqlite3_column_text(statement, 0),
                           (size_t)sqlite3_column_bytes(statement, 0) };
        assert_true(capture_add(c, row, f->arena, &f->err));
    }
    assert_int_equal(code, SQLITE_DONE);
    c->has_changes = s.wants_changes;
    c->changes = sqlite3_changes(f->db);
    sqlite3_finalize(statement);
}

/* Whether the statement and its checks pass. */
static bool replays(struct fixture *f, const struct capture *c, size_t max_params)
{
    struct d1_statement all[1 + CAPTURE_CHECKS_MAX];
    size_t n;
    bool ok = true;
    assert_true(capture_replay(c, max_params, f->arena, all, &n, &f->err));
    for (size_t i = 0; i < n && ok; i++) {
        sqlite3_stmt *statement = prepare(f, &all[i]);
        int code;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW)
            ;
        ok = code == SQLITE_DONE;
        if (!ok)
            assert_non_null(strstr(sqlite3_errmsg(f->db), "!40001:"));
        sqlite3_finalize(statement);
    }
    return ok;
}

static void run(struct fixture *f, const char *sql)
{
    assert_int_equal(sqlite3_exec(f->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static struct capture capture(struct fixture *f, const char *sql, bool gives_rows, size_t n_columns)
{
    struct capture c;
    struct plan_statement p = { .gives_rows = gives_rows, .n_columns = n_columns };
    struct d1_statement s = { .sql = str_from(sql), .wants_changes = sql[0] != 'S' };
    capture_init(&c, &s, &p, &f->plan);
    return c;
}

static const struct {
    const char *rule, *sql;
    bool gives_rows;
    size_t n_columns;
    const char *between; /* what another session does */
    bool holds;
} checks[] = {
    { "an equal result holds", "SELECT n AS c0, x AS c1 FROM t", true, 2, "UPDATE t SET n = n", true },
    { "order does not matter", "SELECT n AS c0 FROM t", true, 1, "UPDATE t SET n = 12 - n WHERE id IN (1, 3)", true },
    { "another value is seen", "SELECT n AS c0 FROM t", true, 1, "UPDATE t SET n = 6 WHERE id = 1", false },
    { "another type is seen", "SELECT x AS c0 FROM t", true, 1, "UPDATE t SET x = x'61' WHERE id = 1", false },
    { "NULL is not empty", "SELECT x AS c0 FROM t", true, 1, "UPDATE t SET x = '' WHERE id = 3", false },
    { "a phantom is seen", "SELECT n AS c0 FROM t WHERE n > 6", true, 1, "INSERT INTO t VALUES (9, 9, 9)", false },
    { "an empty result holds", "SELECT n AS c0 FROM t WHERE n > 50", true, 1, "INSERT INTO t VALUES (9, 9, 9)", true },
    { "an empty result that fills is seen", "SELECT n AS c0 FROM t WHERE n > 50", true, 1,
      "INSERT INTO t VALUES (9, 99, 9)", false },
    { "a blind change goes on", "UPDATE t SET n = n + 1", false, 0, "UPDATE t SET n = 50", true },
    { "fewer rows are seen", "UPDATE t SET n = n + 1", false, 0, "DELETE FROM t WHERE id = 1", false },
    { "returned rows hold", "UPDATE \"t\" SET x = 1 WHERE n = 5 RETURNING \"t\".\"n\" AS c0", true, 1,
      "UPDATE t SET n = 8 WHERE id = 3", true },
    { "another returned row is seen", "UPDATE \"t\" SET x = 1 RETURNING \"t\".\"n\" AS c0", true, 1,
      "UPDATE t SET n = 8 WHERE id = 3", false },
    { "returned rows that trade values are seen", "UPDATE \"t\" SET x = 1 WHERE id > 1 RETURNING \"t\".\"n\" AS c0",
      true, 1, "UPDATE t SET n = 5 WHERE id = 3", false },
    { "equal sets of other counts are seen", "DELETE FROM \"t\" RETURNING \"t\".\"n\" AS c0", true, 1,
      "UPDATE t SET n = 7 WHERE id = 2", false },
    { "an inserted row holds", "INSERT INTO t(n) VALUES ((SELECT 1)) RETURNING \"t\".\"id\" AS c0, \"t\".\"n\" AS c1",
      true, 2, "DELETE FROM t WHERE n = 1", true },
    { "another generated id is seen", "INSERT INTO t(n) VALUES (1) RETURNING \"t\".\"id\" AS c0", true, 1,
      "INSERT INTO t(id) VALUES (90)", false },
};

static void checks_notice_changes(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        for (size_t max_params = 0; max_params < 2; max_params++) { /* as a literal, as a parameter */
            struct capture c = capture(f, checks[i].sql, checks[i].gives_rows, checks[i].n_columns);
            run(f, "SAVEPOINT all_of_it; SAVEPOINT tried");
            learn(f, &c);
            run(f, "ROLLBACK TO tried");
            run(f, checks[i].between);
            if (replays(f, &c, 100 * max_params) != checks[i].holds)
                fail_msg("%s", checks[i].rule);
            run(f, "ROLLBACK TO all_of_it; RELEASE all_of_it");
        }
}

static void rows_go_through_text(void **state)
{
    struct fixture *f = *state;
    static const char sql[] =
        "SELECT 1 AS c0, -9223372036854775807-1 AS c1, 0.1 AS c2, 9e999 AS c3, NULL AS c4, 'it''s \"a\" \\ \n' || "
        "char(1) || "
        "char(128512) AS c5, x'00ff27' AS c6, '' AS c7, 1.0 AS c8, 'a' || char(0) || 'b' AS c9, x'' AS c10";
    struct capture c = capture(f, sql, true, 11);
    struct value v[11];
    learn(f, &c);
    assert_int_equal(c.n_rows, 1);
    assert_true(row_text_read(c.rows[0], 11, f->arena, v, &f->err));
    assert_int_equal(v[0].integer, 1);
    assert_true(v[1].class == VALUE_INTEGER && v[1].integer == INT64_MIN);
    assert_true(v[2].class == VALUE_REAL && v[2].real == 0.1);
    assert_true(v[3].class == VALUE_REAL && v[3].real > 1e308);
    assert_int_equal(v[4].class, VALUE_NULL);
    assert_true(str_is(v[5].bytes, "it's \"a\" \\ \n\x01\xf0\x9f\x98\x80"));
    assert_true(v[6].class == VALUE_BLOB && v[6].bytes.n == 3 && memcmp(v[6].bytes.p, "\x00\xff\x27", 3) == 0);
    assert_true(v[7].class == VALUE_TEXT && v[7].bytes.n == 0);
    assert_true(v[8].class == VALUE_REAL && v[8].real == 1.0);
    assert_true(v[9].bytes.n == 3 && memcmp(v[9].bytes.p, "a\0b", 3) == 0);
    assert_true(v[10].class == VALUE_BLOB && v[10].bytes.n == 0);
}

static const struct {
    const char *rule, *sql, *replayed; /* NULL: as it is */
} pinned[] = {
    { "one row", "INSERT INTO \"p\"(\"n\") VALUES (10) RETURNING \"p\".\"n\" AS c0",
      "INSERT INTO \"p\"(\"id\",\"n\") VALUES (CAST(?2 AS INTEGER),10) RETURNING" },
    { "two rows", "INSERT INTO \"p\"(\"n\") VALUES ((1+(2))),('),(') RETURNING \"p\".\"n\" AS c0",
      "INSERT INTO \"p\"(\"id\",\"n\") VALUES (CAST(?2 AS INTEGER),(1+(2))),(CAST(?3 AS INTEGER),'),(') RETURNING" },
    { "an id of the client's own", "INSERT INTO \"p\"(\"id\",\"n\") VALUES (7,1) RETURNING \"p\".\"n\" AS c0", NULL },
    { "rows of a query", "INSERT INTO \"p\"(\"n\") SELECT 1 RETURNING \"p\".\"n\" AS c0", NULL },
    { "an upsert", "INSERT INTO \"p\"(\"n\") VALUES (1) ON CONFLICT DO NOTHING RETURNING \"p\".\"n\" AS c0", NULL },
};

static void generated_ids_are_pinned(void **state)
{
    struct fixture *f = *state;
    struct column columns[] = { { .name = STR_INIT("id"), .is_rowid = true }, { .name = STR_INIT("n") } };
    struct relation p = { .sqlite_name = STR("p"), .kind = RELATION_TABLE, .columns = columns, .n_columns = 2 };
    f->writes[0] = &p;
    for (size_t i = 0; i < sizeof(pinned) / sizeof(pinned[0]); i++) {
        struct capture c = capture(f, pinned[i].sql, true, 1);
        struct d1_statement all[1 + CAPTURE_CHECKS_MAX];
        size_t n;
        for (size_t k = 0; k < c.n_inserted; k++)
            assert_true(capture_add(&c, arena_printf(f->arena, "[\"t\\\"i9\",\"i%zu\"]", 4 + k), f->arena, &f->err));
        assert_true(capture_replay(&c, 100, f->arena, all, &n, &f->err));
        struct str start = str_from(pinned[i].replayed ? pinned[i].replayed : pinned[i].sql);
        start.n = (size_t)str_find(start, STR("RETURNING"));
        if (!str_starts(all[0].sql, start))
            fail_msg("%s: %.*s", pinned[i].rule, STR_FMT(all[0].sql));
        assert_int_equal(c.is_generated, pinned[i].replayed != NULL);
    }
}

static const struct {
    const char *rule, *sql, *pinned; /* NULL: it has none to be given */
    bool gives_rows;
    size_t max_params;
} drawn[] = {
    { "only its count is shown", "INSERT INTO \"p\"(\"n\") VALUES (10)",
      "INSERT INTO \"p\"(\"id\",\"n\") VALUES (CAST(?2 AS INTEGER),10)", false, 100 },
    { "two rows", "INSERT INTO \"p\"(\"n\") VALUES ((1+(2))),('),(') RETURNING \"p\".\"n\" AS c0",
      "INSERT INTO \"p\"(\"id\",\"n\") VALUES (CAST(?2 AS INTEGER),(1+(2))),(CAST(?3 AS INTEGER),'),(') RETURNING "
      "\"p\".\"n\" AS c0",
      true, 100 },
    { "no room for parameters", "INSERT INTO \"p\"(\"n\") VALUES (1),(2)",
      "INSERT INTO \"p\"(\"id\",\"n\") VALUES (71,1),(72,2)", false, 2 },
    { "an id of the client's own", "INSERT INTO \"p\"(\"id\",\"n\") VALUES (7,1)", NULL, false, 100 },
    { "rows of a query", "INSERT INTO \"p\"(\"n\") SELECT 1", NULL, false, 100 },
    { "an upsert", "INSERT INTO \"p\"(\"n\") VALUES (1) ON CONFLICT DO NOTHING", NULL, false, 100 },
    { "no INSERT", "UPDATE \"p\" SET \"n\"=1", NULL, false, 100 },
};

static void drawn_ids_stand_in_the_statement(void **state)
{
    struct fixture *f = *state;
    struct column columns[] = { { .name = STR_INIT("id"), .is_rowid = true, .sequence_is_rowid = true },
                                { .name = STR_INIT("n") } };
    struct relation p = { .sqlite_name = STR("p"), .kind = RELATION_TABLE, .columns = columns, .n_columns = 2 };
    struct value one = value_integer(1);
    f->writes[0] = &p;
    for (size_t i = 0; i < sizeof(drawn) / sizeof(drawn[0]); i++) {
        struct capture c = capture(f, drawn[i].sql, drawn[i].gives_rows, 1);
        c.statement.params = &one;
        c.statement.n_params = 1;
        size_t n = capture_wants_ids(&c, &f->plan);
        if ((n == 0) != (drawn[i].pinned == NULL))
            fail_msg("%s: %zu ids", drawn[i].rule, n);
        if (n == 0)
            continue;
        assert_true(capture_pin(&c, 71, drawn[i].max_params, f->arena, &f->err));
        if (!str_is(c.statement.sql, drawn[i].pinned))
            fail_msg("%s: %.*s", drawn[i].rule, STR_FMT(c.statement.sql));
        assert_int_equal(c.statement.n_params, drawn[i].max_params == 2 ? 1 : 1 + n);
        if (c.statement.n_params > 1)
            assert_true(str_is(c.statement.params[1].bytes, "71"));
        assert_int_equal(capture_wants_ids(&c, &f->plan), 0);
    }
}

static void wide_rows_are_grouped(void **state)
{
    struct fixture *f = *state;
    for (size_t n = 28; n <= 100; n += n > 32 ? 30 : 1) {
        struct str sql = STR("SELECT 0 AS c0");
        struct value v[100];
        for (size_t i = 1; i < n; i++)
            sql = arena_printf(f->arena, "%.*s, %zu AS c%zu", STR_FMT(sql), i, i);
        struct capture c = capture(f, arena_cstr(f->arena, sql), true, n);
        learn(f, &c);
        assert_true(row_text_read(c.rows[0], n, f->arena, v, &f->err));
        for (size_t i = 0; i < n; i++)
            assert_int_equal(v[i].integer, i);
    }
}

static void broken_texts_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = { "",           "[",       "[]",         "[\"i1\"",      "[\"i1\",null]",
                                         "[\"ix\"]",   "[1]",     "[\"z1\"]",   "[\"\"]",       "[\"b0\"]",
                                         "[\"bxy\"]",  "[\"r\"]", "[\"t\\q\"]", "[\"t\\u12\"]", "[\"i1\"] ",
                                         "[[\"i1\"]]", "[\"t",    "[\"t\\",     "null" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct value v;
        err_clear(&f->err);
        assert_false(row_text_read(str_from(texts[i]), 1, f->arena, &v, &f->err));
        assert_int_equal(f->err.code, SQLSTATE_INTERNAL_ERROR);
    }
    struct row_text_item items[2];
    size_t n;
    err_clear(&f->err);
    assert_true(row_text_list(STR("[null,-12]"), 2, f->arena, items, &n, &f->err));
    assert_true(n == 2 && !items[0].text.p && items[1].is_number && items[1].number == -12);
    assert_false(row_text_list(STR("[1,2,3]"), 2, f->arena, items, &n, &f->err));
}

static void parameters_are_counted_outside_quotes(void **state)
{
    (void)state;
    assert_int_equal(capture_params(STR("SELECT ?3, '?9', \"?8\", ?1")), 3);
    assert_int_equal(capture_params(STR("SELECT 1")), 0);
}

static size_t members(struct fixture *f, struct buffer *b, const struct plan *plan, struct d1_statement **ret)
{
    size_t n;
    const struct visible visible = { .plan = plan };
    assert_true(buffer_members(b, &visible, f->arena, ret, &n));
    return n;
}

static void a_buffer_is_cut_at_a_position(void **state)
{
    struct fixture *f = *state;
    struct buffer b = { 0 };
    struct value one = value_text(STR("v"));
    struct d1_statement s = { .sql = STR("UPDATE t SET n = ?1"), .params = &one, .n_params = 1 }, *sent;
    struct relation other = { .sqlite_name = STR("u") };
    const struct relation *reads[] = { &other };
    struct plan reader = { .reads = reads, .n_reads = 1 };
    assert_true(buffer_add(&b, 4, &f->plan, &s, 1, &f->err));
    assert_true(buffer_add(&b, 6, &reader, &s, 1, &f->err));
    assert_true(buffer_add(&b, 9, &f->plan, &s, 1, &f->err));
    assert_true(b.n_statements == 3 && b.n_writes == 2);
    assert_false(buffer_reaches(&b, &reader));
    assert_int_equal(members(f, &b, &reader, &sent), 0);
    reads[0] = &f->relation;
    assert_true(buffer_reaches(&b, &reader));
    assert_int_equal(members(f, &b, &reader, &sent), 2);
    assert_int_equal(members(f, &b, NULL, &sent), 3);
    buffer_cut(&b, 6, false);
    assert_true(b.n_statements == 2 && b.n_writes == 1);
    assert_int_equal(members(f, &b, NULL, &sent), 2);
    assert_true(str_is(sent[1].sql, "UPDATE t SET n = ?1") && str_is(sent[1].params[0].bytes, "v"));
    assert_true(sent[1].sql.p != s.sql.p && sent[1].params[0].bytes.p != one.bytes.p);
    buffer_cut(&b, 0, false);
    assert_true(!b.arena && !b.first && b.n_writes == 0);
}

/* An INSERT of one row into a table, tried out and kept. */
static void keep_insert(struct fixture *f, struct buffer *b, const struct plan *plan, const struct plan_fold *form,
                        const struct value *params, size_t n)
{
    struct d1_statement s = { .sql = STR("INSERT"), .params = params, .n_params = n };
    struct fold fold = { .row = fold_row(form, &s, STR(""), f->arena) };
    if (fold.row.p)
        fold.sql = arena_printf(f->arena, "INSERT INTO %.*s SELECT FROM", STR_FMT(form->table));
    assert_true(buffer_add(b, 1, plan, &s, 1, &f->err));
    assert_true(buffer_add_fold(b, &fold, &f->err));
}

static void rows_are_folded_when_json_tells_them_exactly(void **state)
{
    struct fixture *f = *state;
    static bool is_blob[] = { false, true };
    const struct plan_fold form = { .table = STR("t"), .width = 2, .is_blob = is_blob };
    const struct value blob = { .class = VALUE_BLOB, .bytes = STR("\x01\xff") };
    const struct {
        struct value first, second;
        const char *row;
    } cases[] = {
        { value_integer(INT64_MAX), blob, "[9223372036854775807,\"01FF\"]" },
        { value_text(STR("a\"\n")), value_null(), "[\"a\\\"\\u000a\",null]" },
        { value_real(0.5), value_null(), "[5.00000000000000000e-01,null]" },
        { value_real(1e300), value_null(), NULL },
        { value_real(-0.0), value_null(), NULL },
        { value_integer(1), value_text(STR("no bytes")), NULL },
        { blob, value_null(), NULL },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct value params[] = { cases[i].first, cases[i].second };
        struct d1_statement s = { .params = params, .n_params = 2 };
        struct str row = fold_row(&form, &s, STR(""), f->arena);
        if (cases[i].row)
            assert_string_equal(arena_cstr(f->arena, row), cases[i].row);
        else
            assert_null(row.p);
    }
}

static void inserts_are_folded_over_what_does_not_mind(void **state)
{
    struct fixture *f = *state;
    static bool is_blob[] = { false };
    const struct plan_fold t = { .table = STR("t"), .width = 1, .is_blob = is_blob };
    const struct plan_fold u = { .table = STR("u"), .width = 1, .is_blob = is_blob };
    struct relation other = { .sqlite_name = STR("u"), .kind = RELATION_TABLE };
    const struct relation *writes_u[] = { &other };
    struct plan plan_u = { .access = D1_WRITE, .writes = writes_u, .n_writes = 1, .reads = f->writes, .n_reads = 1 };
    struct plan update = { .access = D1_WRITE, .writes = f->writes, .n_writes = 1 };
    struct buffer b = { 0 };
    struct d1_statement *sent, s = { .sql = STR("UPDATE t") };
    for (int i = 0; i < 3; i++) { /* u refers to t */
        struct value v = value_integer(i);
        keep_insert(f, &b, &f->plan, &t, &v, 1);
        keep_insert(f, &b, &plan_u, &u, &v, 1);
    }
    assert_int_equal(members(f, &b, NULL, &sent), 4);
    assert_true(str_is(sent[0].sql, "INSERT INTO t SELECT FROM") && str_is(sent[0].params[0].bytes, "[[0],[1],[2]]"));
    assert_true(str_is(sent[1].params[0].bytes, "3"));
    assert_true(str_is(sent[2].sql, "INSERT INTO u SELECT FROM") && str_is(sent[2].params[0].bytes, "[[0],[1],[2]]"));
    assert_int_equal(members(f, &b, &f->plan, &sent), 2); /* a new row of t has nobody that refers to it */
    assert_true(buffer_add(&b, 2, &update, &s, 1, &f->err));
    struct value v = value_integer(9);
    keep_insert(f, &b, &plan_u, &u, &v, 1); /* refers to what was updated */
    keep_insert(f, &b, &f->plan, &t, &v, 1);
    assert_int_equal(members(f, &b, NULL, &sent), 7);
    assert_true(str_is(sent[4].sql, "UPDATE t") && str_is(sent[5].sql, "INSERT") && str_is(sent[6].sql, "INSERT"));
    buffer_fini(&b);
}

/* What a batch carries of what was done before: t's rows 1 and 2 changed by key, row 3 deleted, a row inserted, all of u changed. */
static const struct {
    const char *rule;
    struct row_use use;
    const char *table, *carried; /* by their letters below */
} carries[] = {
    { "another row of the key; the INSERT may take the deleted one's",
      { .kind = USE_ROW, .key = 7, .row = 9 },
      "t",
      "3i" },
    { "the same row", { .kind = USE_ROW, .key = 7, .row = 1 }, "t", "13i" },
    { "the row that was deleted", { .kind = USE_ROW, .key = 7, .row = 3 }, "t", "3i" },
    { "a row by another key", { .kind = USE_ROW, .key = 8, .row = 1 }, "t", "123i" },
    { "another INSERT", { .kind = USE_KEYS }, "t", "3i" },
    { "any of it", { .kind = USE_TABLES }, "t", "123i" },
    { "another table", { .kind = USE_TABLES }, "u", "u" },
};

static void a_batch_carries_what_it_can_see(void **state)
{
    struct fixture *f = *state;
    struct relation t = { .sqlite_name = STR("t") }, u = { .sqlite_name = STR("u") };
    const struct relation *of_t[] = { &t }, *of_u[] = { &u };
    const struct plan writes_t = { .writes = of_t, .n_writes = 1, .access = D1_WRITE };
    const struct plan writes_u = { .writes = of_u, .n_writes = 1, .access = D1_WRITE };
    static const struct {
        const char *letter;
        struct row_use use;
    } done[] = { { "1", { .kind = USE_ROW, .key = 7, .row = 1 } },
                 { "2", { .kind = USE_ROW, .key = 7, .row = 2 } },
                 { "3", { .kind = USE_ROW, .removes = true, .key = 7, .row = 3 } },
                 { "i", { .kind = USE_KEYS } },
                 { "u", { .kind = USE_TABLES } } };
    struct buffer b = { 0 };
    for (size_t i = 0; i < sizeof(done) / sizeof(done[0]); i++) {
        struct d1_statement s = { .sql = str_from(done[i].letter) };
        assert_true(buffer_add(&b, (uint32_t)i, *done[i].letter == 'u' ? &writes_u : &writes_t, &s, 1, &f->err));
        b.last->use = done[i].use;
    }
    for (size_t i = 0; i < sizeof(carries) / sizeof(carries[0]); i++) {
        struct relation r = { .sqlite_name = str_from(carries[i].table) };
        const struct relation *of_r[] = { &r };
        for (size_t writes = 0; writes < 2; writes++) {
            struct plan plan = { .writes = of_r, .n_writes = writes, .reads = of_r, .n_reads = 1 };
            struct visible visible = { .plan = &plan, .use = carries[i].use };
            struct d1_statement *sent;
            size_t n;
            struct str got = STR("");
            assert_true(buffer_members(&b, &visible, f->arena, &sent, &n));
            for (size_t k = 0; k < n; k++)
                got = arena_printf(f->arena, "%.*s%.*s", STR_FMT(got), STR_FMT(sent[k].sql));
            if (!str_is(got, carries[i].carried))
                fail_msg("%s, %s: %.*s", carries[i].rule, writes ? "written" : "read", STR_FMT(got));
        }
    }
    buffer_fini(&b);
}

/* New rows of t, whose keys are 5 (its id where that is not counted) and 6: which of those before a new one, or a row by its key, carries. */
enum { PK = 5, CODE = 6 };
static const struct {
    const char *rule;
    struct row_use use;
    struct row_keys keys; /* kind KEYS: n 0 and version 0: not known */
    struct row_key list[2];
    const char *carried[3]; /* behind those of the first set below, the first and the second, all */
} new_rows[] = {
    { "given keys that nobody has",
      { .kind = USE_KEYS },
      { .version = 1, .n = 2 },
      { { PK, 90 }, { CODE, 91 } },
      { "", "abcl", "abcltx" } },
    { "one key that another has",
      { .kind = USE_KEYS },
      { .version = 1, .n = 2 },
      { { PK, 90 }, { CODE, 21 } },
      { "b", "abcl", "abcltx" } },
    { "an id that was shown",
      { .kind = USE_KEYS },
      { .version = 1, .n = 1 },
      { { PK, 30 } },
      { "c", "abcl", "abcltx" } },
    { "the number of one key in another",
      { .kind = USE_KEYS },
      { .version = 1, .n = 1 },
      { { CODE, 10 } },
      { "", "abcl", "abcltx" } },
    { "a NULL in each", { .kind = USE_KEYS }, { .version = 1 }, { { 0 } }, { "", "abcl", "abcltx" } },
    { "keys of another schema",
      { .kind = USE_KEYS },
      { .version = 2, .n = 1 },
      { { PK, 90 } },
      { "abc", "abcl", "abcltx" } },
    { "keys that are not known", { .kind = USE_KEYS }, { .version = 0 }, { { 0 } }, { "abc", "abcl", "abcltx" } },
    { "an id that D1 gives behind those shown: given ones may be in the way",
      { .kind = USE_KEYS },
      { .version = 1, .counted = PK, .id = ID_SHOWN, .value = 3 },
      { { 0 } },
      { "ab", "abcl", "abcltx" } },
    { "and one that was shown meanwhile",
      { .kind = USE_KEYS },
      { .version = 1, .counted = PK, .id = ID_SHOWN, .value = 2 },
      { { 0 } },
      { "abc", "abcl", "abcltx" } },
    { "an id that is drawn, and others that are not",
      { .kind = USE_KEYS },
      { .version = 1, .counted = PK, .id = ID_DRAWN },
      { { 0 } },
      { "abc", "abcl", "abcltx" } },
    { "an id that is left to COMMIT",
      { .kind = USE_KEYS },
      { .version = 1, .counted = PK, .id = ID_LEFT, .n = 1 },
      { { CODE, 91 } },
      { "", "", "abcltx" } },
    { "such a row with a key that another has",
      { .kind = USE_KEYS },
      { .version = 1, .counted = PK, .id = ID_LEFT, .n = 1 },
      { { CODE, 11 } },
      { "a", "a", "abcltx" } },
    { "a row by its id",
      { .kind = USE_ROW, .key = PK, .row = 20 },
      { .version = 0 },
      { { 0 } },
      { "b", "abcl", "abcltx" } },
    { "a row by another key, which one has not",
      { .kind = USE_ROW, .key = CODE, .row = 21 },
      { .version = 0 },
      { { 0 } },
      { "bc", "abcl", "abcltx" } },
    { "a row by a key of another schema",
      { .kind = USE_ROW, .key = 99, .row = 1 },
      { .version = 0 },
      { { 0 } },
      { "abc", "abcl", "abcltx" } },
};

static void new_rows_do_not_carry_those_they_cannot_meet(void **state)
{
    struct fixture *f = *state;
    static struct row_key a[] = { { PK, 10 }, { CODE, 11 } }, b[] = { { PK, 20 }, { CODE, 21 } }, c[] = { { PK, 30 } },
                          l[] = { { CODE, 41 } };
    static const struct row_keys keys[] = {
        { .version = 1, .list = a, .n = 2 },
        { .version = 1, .list = b, .n = 2 },
        { .version = 1, .list = c, .n = 1, .counted = PK, .id = ID_SHOWN, .value = 3 },
        { .version = 1, .list = l, .n = 1, .counted = PK, .id = ID_LEFT }
    };
    static const struct {
        const char *letters;
        size_t behind; /* which carried[] is tried */
    } done[] = { { "abc", 0 }, { "l", 1 }, { "tx", 2 } };
    const struct plan writes_t = { .writes = f->writes, .n_writes = 1, .access = D1_WRITE };
    struct buffer buffer = { 0 };
    for (size_t d = 0; d < sizeof(done) / sizeof(done[0]); d++) {
        for (const char *letter = done[d].letters; *letter; letter++) {
            struct d1_statement s = { .sql = { letter, 1 } };
            size_t k = strcspn("abcl", (char[]){ *letter, '\0' });
            struct row_use use = { .kind = *letter == 't' ? USE_TABLES : USE_KEYS, .keys = k < 4 ? &keys[k] : NULL };
            assert_true(buffer_add(&buffer, 1, &writes_t, &s, 1, &f->err));
            assert_true(buffer_set_use(&buffer, &use, &f->err));
            assert_true(!use.keys ||
                        (buffer.last->use.keys != use.keys && buffer.last->use.keys->list != use.keys->list));
        }
        for (size_t i = 0; i < sizeof(new_rows) / sizeof(new_rows[0]); i++) {
            struct row_key list[2] = { new_rows[i].list[0], new_rows[i].list[1] };
            struct row_keys own = new_rows[i].keys;
            struct visible visible = { .plan = &writes_t, .use = new_rows[i].use };
            struct d1_statement *sent;
            size_t n;
            struct str got = STR("");
            own.list = list;
            if (own.version)
                visible.use.keys = &own;
            assert_true(buffer_members(&buffer, &visible, f->arena, &sent, &n));
            for (size_t k = 0; k < n; k++)
                got = arena_printf(f->arena, "%.*s%.*s", STR_FMT(got), STR_FMT(sent[k].sql));
            if (!str_is(got, new_rows[i].carried[done[d].behind]))
                fail_msg("%s, %zu: %.*s", new_rows[i].rule, d, STR_FMT(got));
        }
    }
    buffer_fini(&buffer);
}

/* A row that is carried does not bring those it was tried out with; but what it refers to, and a row that made place for it. */
static void a_carried_row_brings_what_it_needs(void **state)
{
    struct fixture *f = *state;
    static struct row_key one[] = { { PK, 1 } }, two[] = { { PK, 2 } };
    const struct row_keys row_one = { .version = 1, .list = one, .n = 1 },
                          row_two = { .version = 1, .list = two, .n = 1 };
    struct relation u = { .sqlite_name = STR("u"), .kind = RELATION_TABLE };
    const struct relation *of_u[] = { &u };
    const struct plan in_u = { .writes = of_u, .n_writes = 1, .access = D1_WRITE };
    const struct plan in_t = { .writes = f->writes, .n_writes = 1, .reads = of_u, .n_reads = 1, .access = D1_WRITE };
    const struct {
        const char *letter;
        const struct plan *plan;
        struct row_use use;
    } done[] = { { "p", &in_u, { .kind = USE_KEYS, .keys = &row_one } },
                 { "2", &in_t, { .kind = USE_KEYS, .keys = &row_two } },
                 { "1", &in_t, { .kind = USE_KEYS, .keys = &row_one } },
                 { "-", &in_t, { .kind = USE_ROW, .removes = true, .key = PK, .row = 1 } },
                 { "x", &in_t, { .kind = USE_KEYS, .keys = &row_one } } };
    struct buffer b = { 0 };
    struct d1_statement *sent;
    struct str got = STR("");
    size_t n;
    for (size_t i = 0; i < sizeof(done) / sizeof(done[0]); i++) {
        struct d1_statement s = { .sql = str_from(done[i].letter) };
        assert_true(buffer_add(&b, 1, done[i].plan, &s, 1, &f->err));
        assert_true(buffer_set_use(&b, &done[i].use, &f->err));
    }
    struct visible visible = { .plan = &in_t, .use = { .kind = USE_ROW, .key = PK, .row = 1 } };
    assert_true(buffer_members(&b, &visible, f->arena, &sent, &n));
    for (size_t k = 0; k < n; k++)
        got = arena_printf(f->arena, "%.*s%.*s", STR_FMT(got), STR_FMT(sent[k].sql));
    assert_string_equal(arena_cstr(f->arena, got), "p1-x");
    buffer_fini(&b);
}

static void a_buffer_has_limits(void **state)
{
    struct fixture *f = *state;
    struct buffer b = { 0 };
    struct d1_statement s = { .sql = STR("SELECT 1") }, two[] = { s, s };
    for (int i = 0; i < BUFFER_MAX_ENTRIES; i++)
        assert_true(buffer_add(&b, 1, &f->plan, &s, 1, &f->err));
    assert_false(buffer_add(&b, 2, &f->plan, &s, 1, &f->err));
    assert_int_equal(f->err.code, SQLSTATE_PROGRAM_LIMIT_EXCEEDED);
    assert_int_equal(b.n_statements, BUFFER_MAX_ENTRIES);
    b.max_entries = BUFFER_MAX_STATEMENTS;
    for (int i = 0; i < (BUFFER_MAX_STATEMENTS - BUFFER_MAX_ENTRIES) / 2; i++)
        assert_true(buffer_add(&b, 1, &f->plan, two, 2, &f->err));
    err_clear(&f->err);
    assert_false(buffer_add(&b, 2, &f->plan, &s, 1, &f->err));
    assert_int_equal(f->err.code, SQLSTATE_PROGRAM_LIMIT_EXCEEDED);
    assert_int_equal(b.n_statements, BUFFER_MAX_STATEMENTS);
    buffer_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(checks_notice_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_go_through_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(generated_ids_are_pinned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drawn_ids_stand_in_the_statement, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wide_rows_are_grouped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_texts_are_refused, set_up, tear_down),
        cmocka_unit_test(parameters_are_counted_outside_quotes),
        cmocka_unit_test_setup_teardown(a_buffer_is_cut_at_a_position, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_folded_when_json_tells_them_exactly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(inserts_are_folded_over_what_does_not_mind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_carries_what_it_can_see, set_up, tear_down),
        cmocka_unit_test_setup_teardown(new_rows_do_not_carry_those_they_cannot_meet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_carried_row_brings_what_it_needs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_buffer_has_limits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
