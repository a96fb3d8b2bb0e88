/* test_txn_renewed.c - a block's schema read again behind each of its changes is the one that is read whole. */
/* LINK pgd1_proxy pgd1_snapshot_fixture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "proxy/base/buf.h"
#include "proxy/txn/overlay.h"
#include "tests/support/snapshot_fixture.h"

/* ---- a schema as text ---- */

static void say(struct buf *b, struct str s)
{
    buf_add_str(b, s);
    buf_add_char(b, '|');
}

static void say_number(struct buf *b, int64_t n)
{
    buf_printf(b, "%lld|", (long long)n);
}

static void describe_columns(struct buf *b, const struct relation *r)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        const struct column *c = &r->columns[i];
        buf_add(b, "\n  column ", 10);
        say(b, c->name);
        say(b, c->default_text);
        say(b, c->sqlite_default);
        say(b, c->sequence);
        say(b, r->column_comments ? r->column_comments[i] : STR(""));
        int64_t facts[] = { c->number,           c->type,     c->typmod,        c->storage,
                            c->not_null,         c->is_rowid, c->has_collation, c->takes_null,
                            c->is_strict_text,   c->identity, c->generated,     c->default_is_foreign,
                            c->sequence_is_rowid };
        for (size_t k = 0; k < sizeof(facts) / sizeof(facts[0]); k++)
            say_number(b, facts[k]);
    }
}

static void describe_constraints(struct buf *b, const struct relation *r)
{
    for (size_t i = 0; i < r->n_constraints; i++) {
        const struct constraint *c = &r->constraints[i];
        const struct str texts[] = { c->name,       c->foreign_schema, c->foreign_table,
                                     c->expression, c->sqlite_name,    c->comment };
        int64_t facts[] = { c->oid, c->kind, c->on_update, c->on_delete, c->deferrable, c->deferred };
        buf_add(b, "\n  constraint ", 14);
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
            say(b, texts[k]);
        for (size_t k = 0; k < sizeof(facts) / sizeof(facts[0]); k++)
            say_number(b, facts[k]);
        for (size_t k = 0; k < c->n_columns; k++) {
            say_number(b, c->columns[k]);
            say_number(b, c->foreign_columns ? c->foreign_columns[k] : 0);
        }
    }
}

static void describe_indexes(struct buf *b, const struct relation *r)
{
    for (size_t i = 0; i < r->n_indexes; i++) {
        const struct index *x = &r->indexes[i];
        const struct str texts[] = { x->schema, x->name, x->predicate, x->guard, x->comment, x->sqlite_name };
        buf_add(b, "\n  index ", 9);
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
            say(b, texts[k]);
        int64_t facts[] = { x->oid, x->unique, x->primary, x->is_hash };
        for (size_t k = 0; k < sizeof(facts) / sizeof(facts[0]); k++)
            say_number(b, facts[k]);
        for (size_t k = 0; k < x->n_columns; k++) {
            const struct index_column *c = &x->columns[k];
            say_number(b, c->column);
            say(b, c->expression);
            say(b, c->sqlite);
            say(b, c->label);
            say(b, c->opclass);
            say_number(b, c->type);
            say_number(b, c->descending * 2 + c->nulls_first);
        }
        for (size_t k = 0; k < x->n_included; k++)
            say_number(b, x->included[k]);
    }
}

static void describe_relation(struct buf *b, const struct relation *r)
{
    const struct str texts[] = { r->schema,     r->name,    r->sqlite_name,     r->view_text,
                                 r->sqlite_sql, r->comment, r->seq_owner_table, r->seq_owner_column };
    int64_t facts[] = { r->oid,           r->row_type, r->kind,    r->without_rowid, r->has_user_triggers, r->seq_start,
                        r->seq_increment, r->seq_min,  r->seq_max, r->seq_cycle,     r->seq_type };
    buf_add(b, "\nrelation ", 10);
    for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
        say(b, texts[k]);
    for (size_t k = 0; k < sizeof(facts) / sizeof(facts[0]); k++)
        say_number(b, facts[k]);
    describe_columns(b, r);
    describe_constraints(b, r);
    describe_indexes(b, r);
}

/* All of a schema but its version, as text. */
static void describe(struct buf *b, const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_schemas; i++) {
        say(b, s->schemas[i]);
        say(b, s->schema_comments[i]);
    }
    for (size_t i = 0; i < s->n_types; i++) {
        say(b, s->types[i].name);
        say_number(b, s->types[i].oid);
        say_number(b, (int64_t)s->types[i].n_labels);
    }
    say_number(b, s->has_side_catalog * 2 + s->has_sequence_table);
    for (size_t i = 0; i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        describe_relation(b, r);
        say_number(b, snapshot_relation_by_oid(s, r->oid) == r);
        say_number(b, snapshot_relation(s, NULL, 0, r->schema, r->name) == r);
    }
    for (size_t i = 0; i < s->n_objects; i++) {
        buf_add(b, "\nobject ", 8);
        say(b, s->objects[i].type);
        say(b, s->objects[i].name);
        say(b, s->objects[i].table);
        say(b, s->objects[i].sql);
    }
    for (size_t i = 0; i < s->n_side; i++) {
        buf_add(b, "\nside ", 6);
        say(b, s->side[i].kind);
        say(b, s->side[i].schema);
        say(b, s->side[i].name);
        say(b, s->side[i].detail);
    }
}

/* ---- changes ---- */

#define SIDE(kind, name, detail)                                                                                       \
    "INSERT INTO _pgd1_catalog VALUES ('" kind "', 'public', '" name "', '" detail                                     \
    "') ON CONFLICT DO UPDATE SET detail = excluded.detail"
#define OTHER(kind, name, detail)                                                                                      \
    "INSERT OR REPLACE INTO _pgd1_catalog VALUES ('" kind "', 'other', '" name "', '" detail "')"

static const char schema[] =
    "CREATE TABLE _pgd1_catalog(kind TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL, detail TEXT NOT NULL, "
    "PRIMARY KEY(kind, schema, name)) WITHOUT ROWID; "
    "INSERT INTO _pgd1_catalog VALUES ('schema', 'other', '', '{}'), ('type', 'public', 'mood', "
    "'{\"labels\":[\"a\"]}'), "
    "('extension', 'public', 'x', '{}'), ('sequence', 'public', 'free', '{}'), "
    "('index', 'public', 'a_n', '{\"comment\":\"c\"}'), ('column', 'public', 'a.n', '{\"comment\":\"c\"}'); "
    "CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER, CHECK (n > 0)); CREATE INDEX a_n ON a(n); "
    "CREATE TABLE \"a.b\"(id TEXT PRIMARY KEY, up INTEGER REFERENCES A); "
    "CREATE TABLE c(x INTEGER REFERENCES later(y), z INTEGER UNIQUE); "
    "CREATE TABLE \"other.t\"(id INTEGER PRIMARY KEY, c INTEGER REFERENCES c(z)); "
    "CREATE VIEW v AS SELECT id, n FROM a; CREATE VIEW w AS SELECT * FROM v JOIN c ON c.z = v.id; "
    "CREATE TRIGGER g AFTER INSERT ON c BEGIN UPDATE a SET n = 1; END";

/* Each works behind some of the others and fails behind the rest: both must leave the schema that is there. */
static const char *const changes[] = {
    "CREATE TABLE later(y INTEGER PRIMARY KEY)",
    "CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT, a INTEGER REFERENCES a(id), m TEXT)",
    "CREATE UNIQUE INDEX b_m ON b(lower(m)) WHERE a > 1",
    "CREATE INDEX \"other.i\" ON \"other.t\"(c)",
    "DROP INDEX a_n",
    "ALTER TABLE a ADD COLUMN more TEXT DEFAULT 'x'",
    "ALTER TABLE a RENAME COLUMN n TO number",
    "ALTER TABLE a RENAME TO \"new a\"",
    "ALTER TABLE c RENAME TO [d]",
    "ALTER TABLE \"new a\" RENAME TO \"a\"",
    "ALTER TABLE \"a.b\" DROP COLUMN up",
    "DROP TABLE \"a.b\"",
    "DROP TABLE a",
    "DROP VIEW v",
    "CREATE VIEW v AS SELECT z AS id FROM C",
    "CREATE VIEW u AS SELECT * FROM w",
    "CREATE TRIGGER h BEFORE DELETE ON b BEGIN DELETE FROM later; END",
    "DROP TRIGGER g",
    "CREATE VIRTUAL TABLE f USING fts5(words)",
    "CREATE TABLE _pgd1_sequence(name TEXT PRIMARY KEY, last_value INTEGER, is_called INTEGER) WITHOUT ROWID",
    "CREATE TABLE \"_pgd1_new_c\"(x INTEGER, z INTEGER PRIMARY KEY)",
    "ALTER TABLE \"_pgd1_new_c\" RENAME TO \"c\"",
    "DROP TABLE c",
    SIDE("table", "a", "{\"comment\":\"one\"}"),
    SIDE("column", "a.n", "{\"comment\":\"two\",\"type\":\"mood\",\"type_schema\":\"public\"}"),
    SIDE("column", "\"a.b\".id", "{\"comment\":\"three\"}"),
    SIDE("constraint", "a.a_n_check", "{\"expression\":\"(n > 0)\",\"comment\":\"four\"}"),
    SIDE("index", "a_n", "{\"comment\":\"five\",\"method\":\"hash\"}"),
    SIDE("index", "b_m",
         "{\"columns\":[{\"expression\":\"lower(m)\",\"label\":\"lower\",\"type\":\"text\"}],\"predicate\":\"(a > "
         "1)\"}"),
    SIDE("index", "c_z_key", "{\"comment\":\"of a constraint\"}"),
    SIDE("view", "v", "{\"text\":\" SELECT 1\",\"columns\":[{\"name\":\"id\",\"type\":\"int8\"}]}"),
    SIDE("sequence", "a_n_seq", "{\"owner_table\":\"a\",\"owner_column\":\"n\"}"),
    SIDE("sequence", "free", "{\"start\":\"7\",\"owner_table\":\"b\",\"owner_column\":\"m\"}"),
    SIDE("type", "tint", "{\"labels\":[\"red\"]}"),
    OTHER("table", "t", "{\"comment\":\"six\"}"),
    OTHER("index", "i", "{\"comment\":\"seven\"}"),
    OTHER("schema", "", "{\"comment\":\"eight\"}"),
    "DELETE FROM _pgd1_catalog WHERE name LIKE 'a%' AND kind <> 'sequence'",
    "DELETE FROM _pgd1_catalog WHERE kind = 'sequence'",
    "UPDATE OR REPLACE _pgd1_catalog SET name = 'a_n' WHERE kind = 'index'",
    "UPDATE _pgd1_catalog SET name = 'b.m' WHERE kind = 'column'",
};

enum { CHANGES = sizeof(changes) / sizeof(changes[0]), LINES = 30, STEPS = 14 };

static void run(struct overlay *o, uint32_t position, const char *sql)
{
    struct d1_statement s = { .sql = str_from(sql) };
    overlay_run(o, position, &s, 1);
    assert_non_null(o->shadow);
}

/* Beside a view whose table is gone SQLite may not tell the columns of others, when all are asked. */
static bool has_broken_view(const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_relations; i++)
        if (s->relations[i].kind == RELATION_VIEW && !s->relations[i].n_columns)
            return true;
    return false;
}

/* The same statements in a shadow of their own, whose schema has never been read. */
static uint64_t describe_whole(struct buf *b, const struct snapshot *base, const char *const *statements, uint32_t n,
                               bool *ret_broken)
{
    struct overlay o = { 0 };
    struct arena *arena = arena_new(1 << 20);
    overlay_begin(&o, base);
    for (uint32_t i = 0; i < n; i++)
        run(&o, i + 1, statements[i]);
    const struct snapshot *whole = overlay_schema(&o, arena);
    uint64_t version = 0;
    if (whole) {
        describe(b, whole);
        version = whole->version;
    }
    *ret_broken = whole && has_broken_view(whole);
    overlay_drop(&o);
    arena_free(arena);
    return version;
}

static struct str line_at(struct str text, size_t at)
{
    size_t from = at, to = at;
    while (from > 0 && text.p[from - 1] != '\n')
        from--;
    while (to < text.n && text.p[to] != '\n')
        to++;
    return (struct str){ text.p + from, to - from };
}

static void tell_difference(const char *statement, struct str now, struct str whole)
{
    size_t at = 0;
    while (at < now.n && at < whole.n && now.p[at] == whole.p[at])
        at++;
    if (at < now.n || at < whole.n)
        fail_msg("behind %s:\nread again %.*s\nread whole %.*s", statement, STR_FMT(line_at(now, at)),
                 STR_FMT(line_at(whole, at)));
}

static size_t follow_a_line(const struct snapshot *base, uint32_t seed)
{
    struct overlay o = { 0 };
    struct arena *arena = arena_new(16 << 20);
    const char *statements[STEPS];
    size_t renewed = 0;
    overlay_begin(&o, base);
    for (uint32_t i = 0; i < STEPS; i++) {
        struct buf now, whole;
        buf_init(&now, 1 << 20);
        buf_init(&whole, 1 << 20);
        seed = seed * 1664525U + 1013904223U;
        statements[i] = changes[(seed >> 12) % CHANGES];
        run(&o, i + 1, statements[i]);
        const struct snapshot *schema_now = overlay_schema(&o, arena);
        if (schema_now)
            describe(&now, schema_now);
        bool broken;
        uint64_t version = describe_whole(&whole, base, statements, i + 1, &broken);
        if (!broken)
            tell_difference(statements[i], buf_str(&now), buf_str(&whole));
        renewed += schema_now && schema_now->version != version; /* one that is read whole has the hash of its rows */
        buf_fini(&now);
        buf_fini(&whole);
    }
    overlay_drop(&o);
    arena_free(arena);
    return renewed;
}

static void what_is_read_again_is_what_is_read_whole(void **state)
{
    (void)state;
    struct snapshot *base = snapshot_fixture(schema);
    size_t renewed = 0;
    for (uint32_t seed = 0; seed < LINES; seed++)
        renewed += follow_a_line(base, seed * 7919);
    assert_true(renewed > LINES * STEPS / 3);
    snapshot_unref(base);
}

/* A line of schemas begins anew after some time; old ones stay as they were for those who hold them. */
static void a_long_line_keeps_what_is_held(void **state)
{
    (void)state;
    struct snapshot *base = snapshot_fixture(schema);
    struct overlay o = { 0 };
    struct arena *arena = arena_new(16 << 20);
    struct snapshot *held[300];
    char sql[96];
    overlay_begin(&o, base);
    for (uint32_t i = 0; i < 300; i++) {
        snprintf(sql, sizeof(sql), "CREATE TABLE t%u(id INTEGER PRIMARY KEY, a INTEGER REFERENCES t%u)", i, i / 2);
        run(&o, i + 1, sql);
        held[i] = snapshot_ref(overlay_schema(&o, arena));
        arena_reset(arena);
    }
    for (uint32_t i = 0; i < 300; i++) {
        snprintf(sql, sizeof(sql), "t%u", i);
        assert_non_null(snapshot_relation(held[i], NULL, 0, STR("public"), str_from(sql)));
        snprintf(sql, sizeof(sql), "t%u", i + 1);
        assert_null(snapshot_relation(held[i], NULL, 0, STR("public"), str_from(sql)));
    }
    overlay_drop(&o);
    for (uint32_t i = 0; i < 300; i++)
        snapshot_unref(held[i]);
    snapshot_unref(base);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_again_is_what_is_read_whole),
        cmocka_unit_test(a_long_line_keeps_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
