/* test_snapshot.c - schemas read out of a real SQLite: types by convention, PostgreSQL's names, keys, the side catalogue, OIDs. */
/* LINK pgd1_catalog pgd1_snapshot_fixture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgwire/types.h"
#include "proxy/catalog/declared_type.h"
#include "proxy/catalog/default_text.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/side_catalog.h"
#include "proxy/catalog/sqlite_ddl.h"
#include "tests/support/snapshot_fixture.h"

static const struct str public_path[] = { STR_INIT("public") };

static const struct relation *relation_of(const struct snapshot *s, const char *name)
{
    const struct relation *r = snapshot_relation(s, public_path, 1, STR(""), str_from(name));
    if (!r)
        fail_msg("no relation %s", name);
    return r;
}

static const struct column *column_of(const struct relation *r, const char *name)
{
    const struct column *c = relation_column(r, str_from(name));
    if (!c)
        fail_msg("no column %s", name);
    return c;
}

static void is(struct str have, const char *want)
{
    if (!str_is(have, want))
        fail_msg("have <%.*s>, want <%s>", STR_FMT(have), want);
}

static const struct constraint *constraint_of(const struct relation *r, const char *name)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        if (str_is(r->constraints[i].name, name))
            return &r->constraints[i];
    fail_msg("no constraint %s", name);
    return NULL;
}

static const struct index *index_of(const struct relation *r, const char *name)
{
    for (size_t i = 0; i < r->n_indexes; i++)
        if (str_is(r->indexes[i].name, name))
            return &r->indexes[i];
    fail_msg("no index %s", name);
    return NULL;
}

/* ---- declared types ---- */
static const struct {
    const char *declared;
    oid_t type;
    int32_t typmod;
    enum column_storage storage;
} reads[] = {
    { "INTEGER", TYPE_OID_int8, -1, COLUMN_NATURAL },
    { "int", TYPE_OID_int8, -1, COLUMN_NATURAL },
    { "INT4", TYPE_OID_int4, -1, COLUMN_NATURAL },
    { "smallint", TYPE_OID_int2, -1, COLUMN_NATURAL },
    { "UNSIGNED BIG INT", TYPE_OID_int8, -1, COLUMN_NATURAL },
    { "TEXT", TYPE_OID_text, -1, COLUMN_NATURAL },
    { "", TYPE_OID_text, -1, COLUMN_NATURAL },
    { "VARCHAR(255)", TYPE_OID_varchar, 259, COLUMN_NATURAL },
    { "character  varying ( 20 )", TYPE_OID_varchar, 24, COLUMN_NATURAL },
    { "CHAR(3)", TYPE_OID_bpchar, 7, COLUMN_LOOSE },
    { "BPCHAR(3)", TYPE_OID_bpchar, 7, COLUMN_NATURAL },
    { "BOOLEAN", TYPE_OID_bool, -1, COLUMN_NATURAL },
    { "DATETIME", TYPE_OID_timestamp, -1, COLUMN_DATETIME },
    { "TIMESTAMP(3)", TYPE_OID_timestamp, 3, COLUMN_DATETIME },
    { "TIMESTAMP TEXT(3)", TYPE_OID_timestamp, 3, COLUMN_NATURAL },
    { "timestamp with time zone", TYPE_OID_timestamptz, -1, COLUMN_DATETIME },
    { "TIMESTAMPTZ TEXT", TYPE_OID_timestamptz, -1, COLUMN_NATURAL },
    { "DATE", TYPE_OID_date, -1, COLUMN_LOOSE },
    { "DATE TEXT", TYPE_OID_date, -1, COLUMN_NATURAL },
    { "time(0)", TYPE_OID_time, 0, COLUMN_LOOSE },
    { "UUID", TYPE_OID_uuid, -1, COLUMN_LOOSE },
    { "UUID TEXT", TYPE_OID_uuid, -1, COLUMN_NATURAL },
    { "NUMERIC(10,2)", TYPE_OID_numeric, 655366, COLUMN_NUMBER },
    { "DECIMAL(5)", TYPE_OID_numeric, (5 << 16) + 4, COLUMN_NUMBER },
    { "NUMERIC TEXT(20,4)", TYPE_OID_numeric, (20 << 16) + 8, COLUMN_NATURAL },
    { "NUMERIC", TYPE_OID_numeric, -1, COLUMN_NUMBER },
    { "REAL", TYPE_OID_float8, -1, COLUMN_NATURAL },
    { "BLOB", TYPE_OID_bytea, -1, COLUMN_NATURAL },
    { "JSONB TEXT", TYPE_OID_jsonb, -1, COLUMN_NATURAL },
    { "JSON", TYPE_OID_json, -1, COLUMN_NATURAL },
    { "POINT", TYPE_OID_int8, -1, COLUMN_NATURAL },
    { "NONSENSE(1,2,3)", TYPE_OID_numeric, -1, COLUMN_NUMBER },
    { "VARCHAR(0)", TYPE_OID_varchar, -1, COLUMN_NATURAL },
    { "VARCHAR(x)", TYPE_OID_varchar, -1, COLUMN_NATURAL },
};

static void declared_types_mean_postgresql_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        struct declared_type read = declared_type_read(str_from(reads[i].declared));
        if (read.type != reads[i].type || read.typmod != reads[i].typmod || read.storage != reads[i].storage)
            fail_msg("%s: type %u typmod %d storage %d", reads[i].declared, read.type, read.typmod, (int)read.storage);
    }
}

static void what_is_written_reads_back_or_says_so(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    size_t n;
    const struct pg_type *types = pg_types(&n);
    for (size_t i = 0; i < n; i++) {
        bool derivable;
        struct str declared = declared_type_write(types[i].oid, -1, arena, &derivable);
        struct declared_type back = declared_type_read(declared);
        assert_int_equal(derivable, back.type == types[i].oid && back.typmod == -1);
        /* text that could look like a number must not stand in a column that would make it one */
        if (types[i].oid == TYPE_OID_json || types[i].oid == TYPE_OID_jsonb || types[i].oid == TYPE_OID_numeric ||
            types[i].element)
            assert_int_equal(sqlite_affinity_of(declared), AFFINITY_TEXT);
    }
    bool derivable;
    is(declared_type_write(TYPE_OID_numeric, numeric_typmod(10, 2), arena, &derivable), "NUMERIC(10,2)");
    assert_true(derivable);
    is(declared_type_write(TYPE_OID_numeric, numeric_typmod(30, -3), arena, &derivable), "NUMERIC TEXT(30,-3)");
    assert_true(derivable);
    is(declared_type_write(TYPE_OID_interval, -1, arena, &derivable), "TEXT");
    assert_false(derivable);
    assert_int_equal(numeric_scale(numeric_typmod(5, -2)), -2);
    arena_free(arena);
}

/* ---- defaults ---- */
static const struct {
    const char *sqlite;
    oid_t type;
    const char *want; /* NULL: D1's own */
} defaults[] = {
    { "0", TYPE_OID_int8, "0" },
    { "-1", TYPE_OID_int4, "'-1'::integer" },
    { "3000000000", TYPE_OID_int8, "'3000000000'::bigint" },
    { "1.5", TYPE_OID_numeric, "1.5" },
    { "-1.5", TYPE_OID_float8, "'-1.5'::numeric" },
    { "1", TYPE_OID_bool, "true" },
    { "FALSE", TYPE_OID_bool, "false" },
    { "'it''s'", TYPE_OID_text, "'it''s'::text" },
    { "'new'", TYPE_OID_varchar, "'new'::character varying" },
    { "'5'", TYPE_OID_int4, "5" },
    { "'[]'", TYPE_OID_json, "'[]'::json" },
    { "0", TYPE_OID_text, "'0'::text" },
    { "CURRENT_TIMESTAMP", TYPE_OID_timestamp, "CURRENT_TIMESTAMP" },
    { "CURRENT_TIMESTAMP", TYPE_OID_text, NULL },
    { "NULL", TYPE_OID_text, "" },
    { "unixepoch()", TYPE_OID_int8, NULL },
    { "datetime('now')", TYPE_OID_timestamp, NULL },
    { "x'00'", TYPE_OID_bytea, NULL },
    { "'abc'", TYPE_OID_int8, NULL },
    { "1.5", TYPE_OID_int8, NULL },
};

static void defaults_are_spelt_as_postgresql_does(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        struct str have = default_text_from_sqlite(str_from(defaults[i].sqlite), defaults[i].type, arena);
        if (!defaults[i].want ? have.p != NULL : (!have.p || !str_is(have, defaults[i].want)))
            fail_msg("%s: have <%.*s>, want <%s>", defaults[i].sqlite, STR_FMT(have),
                     defaults[i].want ? defaults[i].want : "(none)");
    }
    arena_free(arena);
}

/* ---- names ---- */
static void names_are_made_as_postgresql_makes_them(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    is(name_make(STR("t"), STR("a_b"), STR("key"), arena), "t_a_b_key");
    is(name_make(STR("t"), STR(""), STR("pkey"), arena), "t_pkey");
    is(name_make(STR("a_table_with_a_rather_long_name_that_goes_on"), STR("a_column_with_a_long_name_too"), STR("fkey"),
                 arena),
       "a_table_with_a_rather_long_na_a_column_with_a_long_name_to_fkey");
    is(name_quote(STR("plain_1"), arena), "plain_1");
    is(name_quote(STR("Mixed"), arena), "\"Mixed\"");
    is(name_quote(STR("select"), arena), "\"select\"");
    is(name_quote(STR("abort"), arena), "abort");
    is(name_quote(STR("a\"b"), arena), "\"a\"\"b\"");
    is(name_literal(STR("a'b\\c"), arena), "E'a''b\\\\c'");
    struct str table, child;
    is(name_child_key(STR("a.b"), STR("c\"d"), arena), "\"a.b\".\"c\"\"d\"");
    assert_true(name_child_split(STR("\"a.b\".\"c\"\"d\""), arena, &table, &child));
    is(table, "a.b");
    is(child, "c\"d");
    assert_true(name_child_split(STR("t.c"), arena, &table, &child));
    assert_false(name_child_split(STR("t"), arena, &table, &child));
    assert_false(name_child_split(STR("t.\"c"), arena, &table, &child));
    arena_free(arena);
}

/* ---- whole schemas ---- */
static void a_plain_table_needs_no_side_catalogue(void **state)
{
    (void)state;
    struct snapshot *s = snapshot_fixture(
        "CREATE TABLE users(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, age INT DEFAULT 18,"
        " ratio REAL CHECK (ratio > 0), at DATETIME DEFAULT CURRENT_TIMESTAMP, seen INTEGER DEFAULT (unixepoch()))");
    assert_false(s->has_side_catalog);
    const struct relation *r = relation_of(s, "users");
    assert_int_equal(r->n_columns, 6);
    const struct column *id = column_of(r, "id");
    assert_true(id->is_rowid && id->sequence_is_rowid && id->not_null);
    assert_int_equal(id->identity, 0);
    is(id->default_text, "nextval('users_id_seq'::regclass)");
    is(column_of(r, "age")->default_text, "18");
    is(column_of(r, "at")->default_text, "CURRENT_TIMESTAMP");
    assert_true(column_of(r, "seen")->default_is_foreign);
    is(column_of(r, "seen")->default_text, "unixepoch()");
    assert_int_equal(constraint_of(r, "users_pkey")->kind, 'p');
    assert_int_equal(constraint_of(r, "users_name_key")->kind, 'u');
    is(constraint_of(r, "users_ratio_check")->expression, "(ratio > 0)");
    is(constraint_of(r, "users_ratio_check")->sqlite_name, "ratio > 0");
    assert_int_equal(r->n_indexes, 2);
    is(index_of(r, "users_name_key")->sqlite_name, "sqlite_autoindex_users_1");
    assert_true(index_of(r, "users_pkey")->primary);
    const struct relation *sequence = relation_of(s, "users_id_seq");
    assert_int_equal(sequence->kind, RELATION_SEQUENCE);
    is(sequence->seq_owner_column, "id");
    assert_int_equal(sequence->seq_max, INT64_MAX);
    snapshot_unref(s);
}

static void a_rowid_without_autoincrement_is_an_identity(void **state)
{
    (void)state;
    struct snapshot *s =
        snapshot_fixture("CREATE TABLE a(id INTEGER PRIMARY KEY, v); CREATE TABLE b(id INTEGER PRIMARY KEY DESC);"
                         "CREATE TABLE c(id INT PRIMARY KEY); CREATE TABLE d(id INTEGER PRIMARY KEY) WITHOUT ROWID;"
                         "CREATE TABLE e(a INTEGER, b INTEGER, PRIMARY KEY(b, a))");
    assert_true(column_of(relation_of(s, "a"), "id")->is_rowid);
    assert_int_equal(column_of(relation_of(s, "a"), "id")->identity, 'd');
    assert_false(column_of(relation_of(s, "b"), "id")->is_rowid);
    assert_false(column_of(relation_of(s, "c"), "id")->is_rowid);
    assert_false(column_of(relation_of(s, "d"), "id")->is_rowid);
    assert_true(relation_of(s, "d")->without_rowid);
    const struct constraint *key = constraint_of(relation_of(s, "e"), "e_pkey");
    assert_int_equal(key->columns[0], 2);
    assert_int_equal(key->columns[1], 1);
    snapshot_unref(s);
}

static void keys_of_the_text_and_the_pragma_go_together(void **state)
{
    (void)state;
    struct snapshot *s = snapshot_fixture(
        "CREATE TABLE p(a INTEGER PRIMARY KEY, b INT, c INT, UNIQUE(b, c));"
        "CREATE TABLE q(x INT REFERENCES P ON DELETE CASCADE, y INT, z INT REFERENCES gone(id),"
        " CONSTRAINT both FOREIGN KEY (x, y) REFERENCES p(b, C) ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED,"
        " FOREIGN KEY (y) REFERENCES p(a) ON DELETE RESTRICT)");
    const struct relation *q = relation_of(s, "q");
    assert_int_equal(q->n_constraints, 3); /* the one to a table that is not there cannot be shown */
    const struct constraint *x = constraint_of(q, "q_x_fkey");
    assert_int_equal(x->on_delete, 'c');
    assert_int_equal(x->foreign_columns[0], 1);
    assert_false(x->deferrable);
    const struct constraint *both = constraint_of(q, "both");
    assert_int_equal(both->n_columns, 2);
    assert_int_equal(both->foreign_columns[1], 3);
    assert_int_equal(both->on_update, 'n');
    assert_true(both->deferrable && both->deferred);
    assert_int_equal(constraint_of(q, "q_y_fkey")->on_delete, 'r');
    snapshot_unref(s);
}

static void indexes_keep_order_expressions_and_predicates(void **state)
{
    (void)state;
    struct snapshot *s = snapshot_fixture("CREATE TABLE t(a INT, b TEXT); CREATE INDEX i1 ON t(a DESC, b);"
                                          "CREATE UNIQUE INDEX i2 ON t(lower(b), a) WHERE a > 1 AND b IS NOT NULL");
    const struct relation *t = relation_of(s, "t");
    const struct index *i1 = index_of(t, "i1"), *i2 = index_of(t, "i2");
    assert_true(i1->columns[0].descending && i1->columns[0].nulls_first && !i1->columns[1].nulls_first);
    assert_false(i1->unique);
    assert_true(i2->unique && !i2->primary);
    is(i2->columns[0].expression, "(lower(b))");
    assert_int_equal(i2->columns[1].column, 1);
    is(i2->predicate, "(a > 1 AND b IS NOT NULL)");
    snapshot_unref(s);
}

static void broken_views_and_shadow_tables_do_not_break_the_read(void **state)
{
    (void)state;
    struct snapshot *s =
        snapshot_fixture("CREATE TABLE t(a INT, b VARCHAR(5)); CREATE VIEW good AS SELECT b, a + 1 AS c FROM t;"
                         "CREATE VIEW bad AS SELECT * FROM gone; CREATE VIRTUAL TABLE search USING fts5(title, body)");
    const struct relation *good = relation_of(s, "good");
    assert_int_equal(good->kind, RELATION_VIEW);
    assert_int_equal(column_of(good, "b")->type, TYPE_OID_varchar);
    assert_int_equal(relation_of(s, "bad")->n_columns, 0);
    assert_int_equal(relation_of(s, "search")->kind, RELATION_VIRTUAL);
    assert_int_equal(relation_of(s, "search")->n_columns, 2);
    assert_null(snapshot_relation(s, public_path, 1, STR(""), STR("search_data")));
    snapshot_unref(s);
}

static void the_side_catalogue_overrules(void **state)
{
    (void)state;
    struct snapshot *s = snapshot_fixture(
        SIDE_CATALOG_CREATE
        ";" SIDE_SEQUENCE_CREATE ";"
        "CREATE TABLE t(id INTEGER CONSTRAINT t_pkey PRIMARY KEY AUTOINCREMENT, m TEXT CONSTRAINT _pgd1_enum_m CHECK "
        "(m IN ('a','b')), i TEXT,"
        " n NUMERIC(8,2) DEFAULT 0 CONSTRAINT positive CHECK (n > 0), g INT4 GENERATED ALWAYS AS (id * 2) STORED, u "
        "INTEGER, p TEXT);"
        "CREATE TABLE \"other.x\"(a TEXT); CREATE TABLE \"not.x\"(a TEXT);"
        "INSERT INTO _pgd1_catalog "
        "VALUES('schema','other','','{\"comment\":\"second\"}'),('type','public','mood','{\"kind\":\"e\",\"labels\":["
        "\"a\",\"b\"]}'),"
        "('type','other','pos','{\"kind\":\"d\",\"base\":\"int4\",\"not_null\":true,\"checks\":[{\"name\":\"pos_"
        "check\",\"expression\":\"(VALUE > 0)\"}]}'),"
        "('column','public','t.id','{\"type\":\"int4\",\"comment\":\"key\"}'),('column','public','t.m','{\"type\":"
        "\"mood\",\"type_schema\":\"public\"}'),"
        "('column','public','t.i','{\"type\":\"interval\"}'),('column','public','t.n','{\"default\":\"''0''::numeric\"}"
        "'),"
        "('column','public','t.g','{\"default\":\"(id * "
        "2)\"}'),('column','public','t.u','{\"type\":\"timestamptz\",\"storage\":\"unixms\"}'),"
        "('column','public','t.p','{\"type\":\"_pos\",\"type_schema\":\"other\"}'),"
        "('constraint','public','t.positive','{\"expression\":\"(n > (0)::numeric)\",\"comment\":\"no\"}'),"
        "('table','public','t','{\"comment\":\"a table\"}'),"
        "('sequence','public','s','{\"type\":\"int2\",\"increment\":\"-2\",\"start\":\"10\",\"cycle\":true}')");
    assert_true(s->has_side_catalog && s->has_sequence_table);
    assert_int_equal(s->n_schemas, 2);
    is(s->schemas[0], "public");
    is(s->schema_comments[1], "second");
    const struct relation *t = relation_of(s, "t");
    is(t->comment, "a table");
    is(t->column_comments[0], "key");
    assert_int_equal(column_of(t, "id")->type, TYPE_OID_int4);
    is(column_of(t, "id")->default_text, "nextval('t_id_seq'::regclass)");
    const struct user_type *mood = snapshot_user_type(s, column_of(t, "m")->type);
    is(mood->name, "mood");
    assert_int_equal(mood->n_labels, 2);
    assert_int_equal(snapshot_base_type(s, mood->oid, NULL), TYPE_OID_text);
    assert_int_equal(snapshot_base_type(s, mood->array, NULL), TYPE_OID__text);
    assert_int_equal(snapshot_element_type(s, mood->array), mood->oid);
    assert_int_equal(column_of(t, "i")->type, TYPE_OID_interval);
    is(column_of(t, "n")->default_text, "'0'::numeric");
    assert_int_equal(column_of(t, "n")->storage, COLUMN_NUMBER);
    assert_int_equal(column_of(t, "g")->generated, 's');
    is(column_of(t, "g")->default_text, "(id * 2)");
    assert_int_equal(column_of(t, "u")->storage, COLUMN_UNIX_MS);
    assert_int_equal(snapshot_base_type(s, column_of(t, "p")->type, NULL), TYPE_OID__int4);
    assert_int_equal(t->n_constraints, 2); /* the enum's own check is not the user's */
    is(constraint_of(t, "positive")->expression, "(n > (0)::numeric)");
    is(constraint_of(t, "positive")->comment, "no");
    const struct relation *x = snapshot_relation(s, NULL, 0, STR("other"), STR("x"));
    assert_non_null(x);
    is(x->sqlite_name, "other.x");
    assert_non_null(snapshot_relation(s, public_path, 1, STR(""), STR("not.x")));
    const struct relation *sequence = relation_of(s, "s");
    assert_int_equal(sequence->seq_min, INT16_MIN);
    assert_int_equal(sequence->seq_max, -1);
    assert_int_equal(sequence->seq_start, 10);
    assert_true(sequence->seq_cycle);
    assert_int_equal(snapshot_relation_by_oid(s, x->oid)->oid, x->oid);
    struct arena *arena = arena_new(1 << 16);
    is(snapshot_format_type(s, mood->array, -1, arena), "mood[]");
    is(snapshot_format_type(s, s->types[0].oid, -1, arena), "other.pos");
    arena_free(arena);
    snapshot_unref(s);
}

static void oids_depend_on_the_object_alone(void **state)
{
    (void)state;
    struct snapshot *a = snapshot_fixture("CREATE TABLE t(a INT); CREATE TABLE u(a INT UNIQUE)");
    struct snapshot *b =
        snapshot_fixture("CREATE TABLE x(a INT); CREATE TABLE u(b INT, a INT UNIQUE); CREATE TABLE t(c TEXT, d)");
    assert_int_equal(relation_of(a, "t")->oid, relation_of(b, "t")->oid);
    assert_int_equal(index_of(relation_of(a, "u"), "u_a_key")->oid, index_of(relation_of(b, "u"), "u_a_key")->oid);
    assert_true(relation_of(a, "t")->oid >= 16384 && relation_of(a, "t")->oid <= INT32_MAX);
    assert_true(a->version != b->version);
    struct snapshot *again = snapshot_fixture("CREATE TABLE t(a INT); CREATE TABLE u(a INT UNIQUE)");
    assert_true(a->version == again->version);
    snapshot_unref(a);
    snapshot_unref(b);
    snapshot_unref(again);
}

static void system_relations_are_found_along_the_path(void **state)
{
    (void)state;
    struct snapshot *s = snapshot_fixture("CREATE TABLE pg_class(a INT); CREATE TABLE tables(a INT)");
    const struct relation *class = relation_of(s, "pg_class");
    assert_true(class->is_system);
    assert_int_equal(class->oid, 1259);
    assert_int_equal(class->n_columns, 33);
    is(class->columns[0].name, "oid");
    static const struct str hidden[] = { STR_INIT("public"), STR_INIT("pg_catalog") };
    assert_false(snapshot_relation(s, hidden, 2, STR(""), STR("pg_class"))->is_system);
    assert_false(relation_of(s, "tables")->is_system);
    assert_true(snapshot_relation(s, public_path, 1, STR("information_schema"), STR("tables"))->is_system);
    assert_null(snapshot_relation(s, public_path, 1, STR("pg_catalog"), STR("nothing")));
    assert_int_equal(snapshot_relation_by_oid(s, 1259)->oid, 1259);
    assert_null(snapshot_relation_by_oid(s, 1));
    snapshot_unref(s);
}

static void a_broken_side_catalogue_is_told(void **state)
{
    (void)state;
    static const char *const details[] = { "", "[]", "{\"a\":", "nonsense" };
    for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
        struct snapshot_reader *reader = snapshot_reader_new();
        size_t n;
        snapshot_statements(&n);
        struct value cells[] = { value_text(STR("table")), value_text(STR("public")), value_text(STR("t")),
                                 value_text(str_from(details[i])) };
        assert_true(snapshot_reader_row(reader, n - 1, cells, 4));
        struct arena *arena = arena_new(1 << 16);
        struct err err;
        err_init(&err, arena);
        assert_null(snapshot_reader_finish(reader, &err));
        assert_int_equal(err.code, SQLSTATE_DATA_CORRUPTED);
        arena_free(arena);
        snapshot_reader_free(reader);
    }
}

/* ---- texts that only SQLite accepts ---- */
static void odd_ddl_is_read(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct sqlite_table t;
    assert_true(sqlite_parse_table(
        STR("CREATE TABLE if not exists \"a b\" -- comment )\n ([x] , `y` VARCHAR(1,2) /* , */ DEFAULT -1.5e+3 NOT "
            "NULL,\n"
            "z DEFAULT 'a,)b' COLLATE NOCASE CONSTRAINT c1 CHECK (z <> ')'), w AS (x || '(') STORED, CONSTRAINT n "
            "UNIQUE (x, y DESC)"
            " CHECK ((x) > (1)) FOREIGN KEY (z) REFERENCES o MATCH FULL ON DELETE SET DEFAULT NOT DEFERRABLE) STRICT"),
        arena, &t));
    is(t.name, "a b");
    const struct sqlite_column *x = t.columns, *y = x->next, *z = y->next, *w = z->next;
    is(x->name, "x");
    is(y->default_text, "-1.5e+3");
    assert_true(y->not_null);
    is(z->default_text, "'a,)b'");
    is(w->generated_text, "x || '('");
    assert_true(w->generated_stored && !w->next);
    const struct sqlite_constraint *c = t.constraints;
    is(c->name, "c1");
    is(c->expression, "z <> ')'");
    c = c->next;
    is(c->name, "n");
    assert_int_equal(c->n_columns, 2);
    c = c->next;
    is(c->expression, "(x) > (1)");
    c = c->next;
    is(c->foreign_table, "o");
    assert_true(c->match_full && t.has_more); /* more is DESC in the key before it */
    assert_false(c->deferrable);
    assert_null(c->next);
    assert_true(t.strict);
    static const char *const broken[] = { "",
                                          "CREATE",
                                          "CREATE TABLE t",
                                          "CREATE TABLE t(",
                                          "CREATE TABLE t(a CHECK (",
                                          "CREATE TABLE t(a DEFAULT",
                                          "CREATE TABLE t(a, UNIQUE(",
                                          "CREATE VIRTUAL TABLE t USING fts5(a)",
                                          "CREATE TABLE t(\"a" };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_false(sqlite_parse_table(str_from(broken[i]), arena, &t));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declared_types_mean_postgresql_types),
        cmocka_unit_test(what_is_written_reads_back_or_says_so),
        cmocka_unit_test(defaults_are_spelt_as_postgresql_does),
        cmocka_unit_test(names_are_made_as_postgresql_makes_them),
        cmocka_unit_test(a_plain_table_needs_no_side_catalogue),
        cmocka_unit_test(a_rowid_without_autoincrement_is_an_identity),
        cmocka_unit_test(keys_of_the_text_and_the_pragma_go_together),
        cmocka_unit_test(indexes_keep_order_expressions_and_predicates),
        cmocka_unit_test(broken_views_and_shadow_tables_do_not_break_the_read),
        cmocka_unit_test(the_side_catalogue_overrules),
        cmocka_unit_test(oids_depend_on_the_object_alone),
        cmocka_unit_test(system_relations_are_found_along_the_path),
        cmocka_unit_test(a_broken_side_catalogue_is_told),
        cmocka_unit_test(odd_ddl_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
