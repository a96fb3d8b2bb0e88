/* raw.c - see raw.h. */
#include "proxy/raw.h"

#include "d1/scan.h"
#include "d1/split.h"
#include "proxy/catalog/declared_type.h"
#include "proxy/catalog/names.h"
#include "proxy/raw_engine.h"
#include "proxy/raw_returning.h"
#include "proxy/sql/tagged_cell.h"

enum { RAW_ARENA_CAP = 16 << 20 };

/* ---- a string's statements ---- */

/* First words of PostgreSQL's statements that stay PostgreSQL's: no statement of SQLite begins with them, but for those that end
 * or begin transactions, which D1 denies. */
static const char *const postgresql_words[] = {
    "abort", "begin",  "close",   "commit", "deallocate", "discard",   "end", "execute", "fetch", "listen",
    "move",  "notify", "release", "reset",  "rollback",   "savepoint", "set", "show",    "start", "unlisten",
};

static bool is_postgresql(struct str statement)
{
    struct str word = split_word(statement, 0);
    for (size_t i = 0; i < sizeof(postgresql_words) / sizeof(postgresql_words[0]); i++)
        if (str_eq_nocase(word, str_from(postgresql_words[i])))
            return true;
    return false;
}

/* The parser is given the statement alone, so positions count from its start. */
static bool parse_one(struct str text, struct arena *arena, struct sql_statement *ret, struct err *err)
{
    struct sql_list one;
    if (!sql_parse(text, text.n, arena, &one, err))
        return false;
    if (one.n != 1)
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "syntax error");
    *ret = one.statements[0];
    return true;
}

bool raw_parse(struct str text, size_t max_bytes, struct arena *arena, struct sql_list *ret, struct err *err)
{
    size_t n = 0;
    struct str rest = text, part;
    if (!sql_check_text(text, max_bytes, err))
        return false;
    while (split_next(&rest, &part))
        n++;
    struct sql_statement *list = ARENA_ARRAY(arena, struct sql_statement, n);
    if (!list)
        return err_oom(err);
    rest = text;
    for (size_t i = 0; i < n && split_next(&rest, &part); i++) {
        if (!is_postgresql(part))
            list[i] = (struct sql_statement){ .text = part, .offset = (size_t)(part.p - text.p), .is_raw = true };
        else if (!parse_one(part, arena, &list[i], err))
            return false;
    }
    *ret = (struct sql_list){ list, n };
    return true;
}

/* ---- what kind of statement ---- */

static const struct verb {
    const char *word;
    enum plan_kind kind;
    const char *tag;
    bool counts;
} verbs[] = {
    { "select", PLAN_QUERY, "SELECT", true },    { "values", PLAN_QUERY, "SELECT", true },
    { "insert", PLAN_CHANGE, "INSERT 0", true }, { "replace", PLAN_CHANGE, "INSERT 0", true },
    { "update", PLAN_CHANGE, "UPDATE", true },   { "delete", PLAN_CHANGE, "DELETE", true },
    { "explain", PLAN_QUERY, "EXPLAIN", false }, { "pragma", PLAN_QUERY, "PRAGMA", false },
    { "analyze", PLAN_DDL, "ANALYZE", false },   { "reindex", PLAN_DDL, "REINDEX", false },
};

static const char *const objects[][3] = {
    /* the object's word, the tags */
    { "index", "CREATE INDEX", "DROP INDEX" },
    { "table", "CREATE TABLE", "DROP TABLE" },
    { "trigger", "CREATE TRIGGER", "DROP TRIGGER" },
    { "view", "CREATE VIEW", "DROP VIEW" },
};

/* CREATE [UNIQUE] [VIRTUAL] [TEMP] object; DROP object. */
static struct verb definition_verb(struct str statement, bool drops)
{
    for (size_t at = 1; at <= 3; at++)
        for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
            if (str_eq_nocase(split_word(statement, at), str_from(objects[i][0])))
                return (struct verb){ "", PLAN_DDL, objects[i][drops ? 2 : 1], false };
    return (struct verb){ "", PLAN_DDL, drops ? "DROP" : "CREATE", false };
}

/* WITH …: the first of SQLite's verbs outside of parentheses. */
static struct verb verb_behind_with(struct str statement)
{
    struct scan_token t;
    int depth = 0;
    while (scan_next(&statement, &t)) {
        if (t.kind == SCAN_OTHER)
            depth += t.text.p[0] == '(' ? 1 : t.text.p[0] == ')' ? -1 : 0;
        for (size_t i = 0; t.kind == SCAN_WORD && depth == 0 && i < 6; i++)
            if (str_eq_nocase(t.text, str_from(verbs[i].word)))
                return verbs[i];
    }
    return verbs[0];
}

static struct verb verb_of(struct str statement)
{
    struct str word = split_word(statement, 0);
    if (str_eq_nocase(word, STR("with")))
        return verb_behind_with(statement);
    if (str_eq_nocase(word, STR("create")) || str_eq_nocase(word, STR("drop")))
        return definition_verb(statement, str_eq_nocase(word, STR("drop")));
    if (str_eq_nocase(word, STR("alter")))
        return (struct verb){ "", PLAN_DDL, "ALTER TABLE", false };
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (str_eq_nocase(word, str_from(verbs[i].word)))
            return verbs[i];
    return (struct verb){ "", PLAN_CHANGE, "SQLITE", false }; /* ATTACH, VACUUM and what may come: D1 decides */
}

/* ---- parameters ---- */

struct raw {
    struct str statement; /* with ?n for each parameter */
    struct str sent;      /* with the SQL that gives each the class that the transport takes away */
    const struct snapshot *snapshot;
    const struct sql_settings *settings;
    const oid_t *param_types;
    size_t n_param_types, n_params;
    struct arena *arena;
    struct err *err;
};

static oid_t declared_type(const struct raw *r, size_t number)
{
    oid_t type = number <= r->n_param_types ? r->param_types[number - 1] : 0;
    return type && type != TYPE_OID_unknown ? type : TYPE_OID_text;
}

static oid_t base_type(const struct raw *r, oid_t type)
{
    int32_t typmod = -1;
    return snapshot_base_type(r->snapshot, type, &typmod);
}

/* Where values travel as text, SQL gives them their class. The plus sign takes the cast's affinity away: a parameter has none. */
static void put_parameter(const struct raw *r, bool sent, struct buf *out, size_t number)
{
    const struct type_info *type = type_find(base_type(r, declared_type(r, number)));
    enum type_storage storage = type ? type->storage : STORAGE_TEXT;
    if (!sent || r->settings->traits.native_values || storage == STORAGE_TEXT || storage == STORAGE_NUMERIC)
        buf_printf(out, "?%zu", number);
    else if (storage == STORAGE_BLOB)
        buf_printf(out, "unhex(?%zu)", number);
    else
        buf_printf(out, "(+CAST(?%zu AS %s))", number, storage == STORAGE_INTEGER ? "INTEGER" : "REAL");
}

/* ?, ?3 and $3 at the head of rest, of which t is the first token: their number; 0: it is no parameter, or another kind of one. */
static size_t parameter_at(struct raw *r, const struct scan_token *t, struct str *rest)
{
    int64_t number = 0;
    char c = t->text.p[0];
    if (t->kind == SCAN_WORD && c == '$' && str_to_int64((struct str){ t->text.p + 1, t->text.n - 1 }, &number))
        return number > 0 && number < INT16_MAX ? (size_t)number : 0;
    if (t->kind != SCAN_OTHER || c != '?')
        return 0;
    struct scan_token digits;
    struct str behind = *rest;
    if (rest->n == 0 || rest->p[0] < '0' || rest->p[0] > '9' || !scan_next(&behind, &digits))
        return r->n_params + 1;
    if (!str_to_int64(digits.text, &number) || number <= 0 || number >= INT16_MAX)
        return 0;
    *rest = behind;
    return (size_t)number;
}

static bool is_named(const struct scan_token *t, struct str rest)
{
    char c = t->text.p[0], next = rest.n ? rest.p[0] : ' ';
    bool letter = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || next == '_';
    return (t->kind == SCAN_WORD && c == '$') || (t->kind == SCAN_OTHER && (c == ':' || c == '@') && letter);
}

static bool write_parameters(struct raw *r, struct str statement, bool sent, struct str *ret)
{
    struct buf out;
    struct str rest = statement;
    struct scan_token t;
    const char *from = rest.p;
    buf_init(&out, 64 << 20);
    while (scan_next(&rest, &t)) {
        size_t number = parameter_at(r, &t, &rest);
        if (number == 0 && is_named(&t, rest)) {
            buf_fini(&out);
            err_unsupported(r->err, "a parameter that has a name");
            return err_hint(r->err, "Number it: $1 or ?1.");
        }
        if (number == 0)
            continue;
        r->n_params = number > r->n_params ? number : r->n_params;
        buf_add(&out, from, (size_t)(t.text.p - from));
        put_parameter(r, sent, &out, number);
        from = rest.p;
    }
    buf_add(&out, from, (size_t)(statement.p + statement.n - from));
    *ret = out.failed ? (struct str){ 0 } : arena_str(r->arena, buf_str(&out));
    buf_fini(&out);
    return ret->p || err_oom(r->err);
}

static bool bind_parameters(const struct raw *r, struct plan *plan, struct plan_statement *to)
{
    plan->param_types = ARENA_ARRAY(plan->arena, oid_t, r->n_params);
    to->binds = ARENA_ARRAY(plan->arena, struct bind, r->n_params);
    if (!plan->param_types || !to->binds)
        return err_oom(r->err);
    for (size_t i = 0; i < r->n_params; i++) {
        plan->param_types[i] = declared_type(r, i + 1);
        to->binds[i] = (struct bind){ .source = BIND_PARAM,
                                      .form = BIND_AS_IS,
                                      .index = (int)i + 1,
                                      .type = base_type(r, plan->param_types[i]),
                                      .typmod = -1 };
    }
    plan->n_params = to->n_binds = r->n_params;
    return true;
}

/* ---- what is refused ---- */

static bool side_row_is_of(const struct snapshot_side *row, const struct relation *r, struct arena *arena)
{
    struct str prefix = name_child_prefix(r->name, arena);
    if (!str_eq(row->schema, r->schema))
        return false;
    if (str_eq(row->name, r->name) || (prefix.p && str_starts(row->name, prefix)))
        return true;
    for (size_t i = 0; i < r->n_indexes; i++)
        if (str_is(row->kind, "index") && str_eq(row->name, r->indexes[i].name))
            return true;
    return false;
}

/* Whether the side catalogue says more about what is dropped or altered: that would stay behind, and lie. */
static bool is_described(const struct raw *r, struct str name)
{
    const struct snapshot *s = r->snapshot;
    for (size_t i = 0; i < s->n_relations; i++) {
        const struct relation *relation = &s->relations[i];
        bool is_it = str_eq_nocase(relation->sqlite_name, name);
        for (size_t k = 0; k < relation->n_indexes; k++)
            is_it |= str_eq_nocase(relation->indexes[k].sqlite_name, name);
        for (size_t k = 0; is_it && k < s->n_side; k++)
            if (side_row_is_of(&s->side[k], relation, r->arena))
                return true;
    }
    return false;
}

/* ALTER TABLE t ADD …: nothing that is known of the table changes. */
static bool only_adds(struct str statement)
{
    struct scan_token t;
    size_t behind_name = 3;
    for (size_t i = 0; scan_next(&statement, &t); i++) {
        if (i == 3 && t.kind == SCAN_OTHER && t.text.p[0] == '.')
            behind_name = 5;
        else if (i == behind_name)
            return t.kind == SCAN_WORD && str_eq_nocase(t.text, STR("add"));
    }
    return false;
}

static bool refuse(const struct raw *r, const struct raw_facts *facts)
{
    if (facts->writes_own) {
        err_set(r->err, SQLSTATE_INSUFFICIENT_PRIVILEGE, "pgd1's own tables cannot be changed");
        return false;
    }
    if (facts->sets_pragma) {
        err_unsupported(r->err, "setting this PRAGMA");
        return err_hint(r->err, "D1 ignores it, or keeps it for all who use the database after you.");
    }
    if (facts->destroyed.n && r->snapshot->has_side_catalog && is_described(r, facts->destroyed) &&
        !only_adds(r->statement)) {
        err_unsupported(r->err, "raw DROP or ALTER of \"%.*s\"", STR_FMT(facts->destroyed));
        return err_hint(r->err,
                        "pgd1 keeps more about it than SQLite does. SET pgd1.dialect = 'postgresql' for this one.");
    }
    return true;
}

/* ---- columns ---- */

/* What a described column may promise: the class that its table's affinity leads to. */
static oid_t affinity_type(const struct raw_column *c)
{
    switch (c->declared.n ? sqlite_affinity_of(c->declared) : AFFINITY_NUMERIC) {
    case AFFINITY_INTEGER:
        return TYPE_OID_int8;
    case AFFINITY_REAL:
        return TYPE_OID_float8;
    case AFFINITY_BLOB:
        return TYPE_OID_bytea;
    case AFFINITY_TEXT:
    case AFFINITY_NUMERIC:
        break;
    }
    return TYPE_OID_text;
}

static bool describe(const struct raw *r, const struct raw_facts *facts, enum cell_form form, struct plan *plan)
{
    plan->columns = ARENA_ARRAY(plan->arena, struct plan_column, facts->n_columns);
    if (!plan->columns)
        return err_oom(r->err);
    plan->n_columns = facts->n_columns;
    for (size_t i = 0; i < plan->n_columns; i++) {
        const struct raw_column *c = &facts->columns[i];
        oid_t type = affinity_type(c);
        plan->columns[i] = (struct plan_column){ .name = c->name,
                                                 .type = type,
                                                 .codec_type = type,
                                                 .typmod = -1,
                                                 .codec_typmod = -1,
                                                 .form = form,
                                                 .source = c->source };
    }
    return true;
}

/* Where D1 speaks JavaScript, each cell of a query travels with its class. */
static struct str wrapped(const struct raw *r, size_t n)
{
    struct buf out;
    buf_init(&out, 64 << 20);
    buf_add_str(&out, STR("WITH _pgd1_raw("));
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%sc%zu", i ? "," : "", i);
    buf_printf(&out, ") AS MATERIALIZED (%.*s\n) SELECT ", STR_FMT(r->sent));
    for (size_t i = 0; i < n; i++) {
        buf_add_str(&out, i ? STR(",") : STR(""));
        tagged_cell_sql(&out, i);
        buf_printf(&out, " AS c%zu", i);
    }
    buf_add_str(&out, STR(" FROM _pgd1_raw"));
    struct str sql = out.failed ? (struct str){ 0 } : arena_str(r->arena, buf_str(&out));
    buf_fini(&out);
    return sql;
}

/* ---- the plan ---- */

static bool footprint(const struct raw *r, const struct raw_facts *facts, struct plan *plan)
{
    const struct snapshot *s = r->snapshot;
    plan->reads = ARENA_ARRAY(plan->arena, const struct relation *, s->n_relations);
    plan->writes = ARENA_ARRAY(plan->arena, const struct relation *, s->n_relations);
    if (!plan->reads || !plan->writes)
        return err_oom(r->err);
    for (size_t i = 0; i < s->n_relations; i++) {
        if (facts->touches[i] & RAW_READS)
            plan->reads[plan->n_reads++] = &s->relations[i];
        if (facts->touches[i] & RAW_WRITES)
            plan->writes[plan->n_writes++] = &s->relations[i];
    }
    return true;
}

/* RETURNING, with the classes of its cells; {NULL,0}: as it is. */
static struct str tagged_returning(const struct raw *r, const struct raw_facts *facts)
{
    struct str *names = ARENA_ARRAY(r->arena, struct str, facts->n_columns);
    for (size_t i = 0; names && i < facts->n_columns; i++)
        names[i] = facts->columns[i].name;
    return names ? raw_tagged_returning(r->sent, names, facts->n_columns, r->settings->traits.max_statement_bytes,
                                        r->arena)
                 : (struct str){ 0 };
}

static bool fill(const struct raw *r, const struct raw_facts *facts, struct plan *plan)
{
    struct verb verb = verb_of(r->statement);
    bool gives_rows = facts->n_columns > 0, native = r->settings->traits.native_values;
    bool wraps = gives_rows && facts->is_read_only && !facts->is_pragma && !facts->is_explain;
    struct plan_statement *s = ARENA_NEW(plan->arena, struct plan_statement);
    struct str tagged = !gives_rows || native                     ? (struct str){ 0 }
                        : wraps                                   ? wrapped(r, facts->n_columns)
                        : !facts->is_pragma && !facts->is_explain ? tagged_returning(r, facts)
                                                                  : (struct str){ 0 };
    if (!s)
        return err_oom(r->err);
    plan->kind = facts->is_explain || (gives_rows && verb.kind != PLAN_DDL) ? PLAN_QUERY : verb.kind;
    plan->tag = verb.tag;
    plan->tag_has_count = verb.counts;
    plan->is_unwrappable = gives_rows && !wraps;
    plan->access = facts->is_read_only ? D1_READ : D1_WRITE;
    *s = (struct plan_statement){ .sql = tagged.p ? tagged : r->sent,
                                  .role = STATEMENT_MAIN,
                                  .gives_rows = gives_rows,
                                  .counts_changes = verb.counts && !facts->is_read_only,
                                  .n_columns = facts->n_columns,
                                  .has_own_names = native };
    plan->statements = s;
    plan->n_statements = 1;
    if (wraps && !native && !tagged.p)
        return err_oom(r->err);
    return bind_parameters(r, plan, s) && footprint(r, facts, plan) &&
           describe(r, facts,
                    native     ? CELL_ANY
                    : tagged.p ? CELL_TAGGED
                               : CELL_JSON,
                    plan);
}

static void place_error(const struct raw *r, const struct sql_statement *statement)
{
    struct str before = { statement->text.p - statement->offset, statement->offset };
    if (r->statement.n != statement->text.n) /* ? became ?1 */
        r->err->position = 0;
    else if (r->err->position)
        r->err->position += (int)str_characters(before);
}

bool raw_plan(struct raw_engine *e, const struct sql_statement *statement, const struct snapshot *snapshot,
              const struct sql_settings *settings, const oid_t *param_types, size_t n_param_types, struct plan **ret,
              struct err *err)
{
    struct arena *arena = arena_new(RAW_ARENA_CAP);
    struct plan *plan = arena ? ARENA_NEW(arena, struct plan) : NULL;
    struct raw r = { .statement = statement->text,
                     .snapshot = snapshot,
                     .settings = settings,
                     .param_types = param_types,
                     .n_param_types = n_param_types,
                     .arena = arena,
                     .err = err };
    struct raw_facts facts;
    if (!plan) {
        arena_free(arena);
        return err_oom(err);
    }
    *plan = (struct plan){ .references = 1, .arena = arena, .place = PLACE_D1, .is_raw = true };
    plan->snapshot = snapshot_ref(snapshot);
    struct str text = arena_str(arena, statement->text); /* the plan may outlive the message */
    bool ok = text.p
                  ? write_parameters(&r, text, false, &r.statement) && write_parameters(&r, r.statement, true, &r.sent)
                  : err_oom(err);
    if (ok && !raw_compile(e, r.statement, snapshot, arena, &facts, err)) {
        place_error(&r, statement);
        ok = false;
    }
    if (!ok || !refuse(&r, &facts) || !fill(&r, &facts, plan)) {
        plan_unref(plan);
        return false;
    }
    *ret = plan;
    return true;
}
