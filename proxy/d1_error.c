/* d1_error.c - see d1_error.h. The texts: facts of SQLite 3.47 to 3.53 and of D1. */
#include "proxy/d1_error.h"

#include "proxy/catalog/null_violation.h"
#include "proxy/catalog/sqlite_ddl.h"
#include "proxy/sql/plan.h"

enum { KEY_VALUE_MAX = 8192 }; /* bytes of a value that DETAIL repeats */

struct mapping {
    const struct plan *plan;
    const struct snapshot *snapshot;
    struct str text; /* D1's, without codes */
    struct str rest; /* after the row's start */
    struct err *err;
    enum d1_remedy remedy;
    const struct d1_asked *asked;
};

struct str d1_error_core(struct str m)
{
    static const char *const ends[] = { " (extended: SQLITE_", ": SQLITE_", " at offset " };
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct str end = str_from(ends[i]);
        /* the last one: user text may hold the same words */
        for (size_t at = m.n >= end.n ? m.n - end.n + 1 : 0; at-- > 0;)
            if (memcmp(m.p + at, end.p, end.n) == 0) {
                m.n = at;
                break;
            }
    }
    return m;
}

bool d1_error_is_guard(struct str message, struct str payload)
{
    struct str start = STR("bad JSON path: '");
    return str_starts(message, start) && str_starts((struct str){ message.p + start.n, message.n - start.n }, payload);
}

/* ---- names ---- */

static const struct relation *relation_of(const struct mapping *m, struct str sqlite_name)
{
    for (size_t i = 0; m->snapshot && i < m->snapshot->n_relations; i++)
        if (str_eq(m->snapshot->relations[i].sqlite_name, sqlite_name))
            return &m->snapshot->relations[i];
    return NULL;
}

static void at_relation(const struct mapping *m, const struct relation *r)
{
    m->err->schema = r->schema;
    m->err->table = r->name;
}

/* The next "table.column" of a list. Table names may hold dots ("schema.table"), columns too: the table is the longest known one. */
static bool next_column(const struct mapping *m, struct str *list, struct str *ret_table, struct str *ret_column)
{
    if (list->n == 0)
        return false;
    ptrdiff_t comma = str_find(*list, STR(", "));
    struct str item = { list->p, comma < 0 ? list->n : (size_t)comma };
    *list = comma < 0 ? (struct str){ 0 } : (struct str){ list->p + comma + 2, list->n - (size_t)comma - 2 };
    for (size_t i = item.n; i-- > 0;)
        if (item.p[i] == '.') {
            *ret_table = (struct str){ item.p, i };
            *ret_column = (struct str){ item.p + i + 1, item.n - i - 1 };
            if (relation_of(m, *ret_table))
                return true;
        }
    return ret_table->n > 0;
}

static bool column_in(const struct relation *r, const int16_t *numbers, size_t n, struct str name)
{
    const struct column *c = relation_column(r, name);
    for (size_t i = 0; c && i < n; i++)
        if (numbers[i] == c->number)
            return true;
    return false;
}

static bool constraint_fits(const struct relation *r, const struct constraint *c, const struct str *columns, size_t n)
{
    if ((c->kind != 'p' && c->kind != 'u') || c->n_columns != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!column_in(r, c->columns, c->n_columns, columns[i]))
            return false;
    return true;
}

static bool index_fits(const struct relation *r, const struct index *x, const struct str *columns, size_t n)
{
    if (!x->unique || x->n_columns != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct column *c = relation_column(r, columns[i]);
        if (!c || x->columns[i].column != c->number)
            return false;
    }
    return true;
}

static struct str unique_name(const struct relation *r, const struct str *columns, size_t n)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        if (constraint_fits(r, &r->constraints[i], columns, n))
            return r->constraints[i].name;
    for (size_t i = 0; i < r->n_indexes; i++)
        if (index_fits(r, &r->indexes[i], columns, n))
            return r->indexes[i].name;
    return (struct str){ 0 };
}

/* ---- values ---- */

static bool value_shown(const struct d1_asked *asked, const struct column *c, const struct value *v,
                        struct arena *arena, struct str *ret)
{
    int32_t typmod = c->typmod;
    oid_t type = snapshot_base_type(asked->plan->snapshot, c->type, &typmod);
    const struct type_info *info = type_find(type);
    struct err ignored;
    struct buf out;
    if (v->class == VALUE_NULL || !info || info->storage == STORAGE_BLOB) /* a BLOB may have travelled as hex digits */
        return false;
    err_init(&ignored, arena);
    buf_init(&out, KEY_VALUE_MAX);
    bool ok = type_encode(type, typmod, WIRE_TEXT, v, asked->types, arena, &out, &ignored) && !out.failed;
    if (ok)
        *ret = arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return ok && ret->p;
}

const struct value *d1_error_written(const struct d1_asked *asked, const struct relation *r, struct str column)
{
    const struct plan *plan = asked->plan;
    for (size_t i = 0; plan && asked->statements && i < plan->n_statements; i++)
        for (size_t k = 0; k < plan->statements[i].n_binds && !plan->statements[i].binds_as_json; k++) {
            const struct bind *b = &plan->statements[i].binds[k];
            if (b->written && str_eq(b->written->name, column) && str_eq(b->written_to->name, r->name) &&
                str_eq(b->written_to->schema, r->schema))
                return &asked->statements[i].params[k];
        }
    return NULL;
}

struct str d1_error_key(const struct d1_asked *asked, const struct relation *r, const struct str *columns, size_t n,
                        struct arena *arena)
{
    struct str names = STR(""), values = STR("");
    bool known = r != NULL;
    for (size_t i = 0; i < n; i++) {
        struct str text;
        names = arena_printf(arena, "%.*s%s%.*s", STR_FMT(names), i ? ", " : "", STR_FMT(columns[i]));
        const struct value *v = known ? d1_error_written(asked, r, columns[i]) : NULL;
        known = v && value_shown(asked, relation_column(r, columns[i]), v, arena, &text);
        if (known)
            values = arena_printf(arena, "%.*s%s%.*s", STR_FMT(values), i ? ", " : "", STR_FMT(text));
    }
    return known ? arena_printf(arena, "(%.*s)=(%.*s)", STR_FMT(names), STR_FMT(values))
                 : arena_printf(arena, "(%.*s)", STR_FMT(names));
}

/* ---- readers of the rest ---- */

static bool duplicate_key(struct mapping *m, const struct relation *r, struct str name)
{
    if (r)
        at_relation(m, r);
    m->err->constraint = name;
    return err_set(m->err, SQLSTATE_UNIQUE_VIOLATION, "duplicate key value violates unique constraint \"%.*s\"",
                   STR_FMT(name));
}

/* The index that CREATE UNIQUE INDEX of this plan would have made, by PostgreSQL's name; empty: another statement. */
static struct str index_to_be(const struct mapping *m, const struct relation **ret_table)
{
    static const struct str start = STR_INIT("CREATE UNIQUE INDEX ");
    bool is_index = m->plan && m->plan->tag && strcmp(m->plan->tag, "CREATE INDEX") == 0;
    for (size_t i = 0; is_index && i < m->plan->n_statements; i++) {
        struct str sql = m->plan->statements[i].sql;
        size_t at = start.n;
        if (!str_starts(sql, start))
            continue;
        struct str name = sqlite_token_value(sqlite_token_next(sql, &at), m->err->arena);
        sqlite_token_next(sql, &at); /* ON */
        const struct relation *r = relation_of(m, sqlite_token_value(sqlite_token_next(sql, &at), m->err->arena));
        *ret_table = r;
        bool in_schema = r && !str_is(r->schema, "public") && name.n > r->schema.n;
        return in_schema ? (struct str){ name.p + r->schema.n + 1, name.n - r->schema.n - 1 } : name;
    }
    return STR("");
}

static bool cannot_build(struct mapping *m, const struct relation *r, struct str name)
{
    if (r)
        at_relation(m, r);
    m->err->constraint = name;
    return err_set(m->err, SQLSTATE_UNIQUE_VIOLATION, "could not create unique index \"%.*s\"", STR_FMT(name));
}

/* index 'name': a unique index over expressions */
static bool unique_index(struct mapping *m)
{
    struct str name = { m->rest.p + 7, m->rest.n > 8 ? m->rest.n - 8 : 0 };
    const struct relation *table = NULL;
    struct str new_index = index_to_be(m, &table);
    if (new_index.n)
        return cannot_build(m, table, new_index);
    for (size_t i = 0; m->snapshot && i < m->snapshot->n_relations; i++) {
        const struct relation *r = &m->snapshot->relations[i];
        for (size_t j = 0; j < r->n_indexes; j++)
            if (str_eq(r->indexes[j].sqlite_name, name) || str_eq(r->indexes[j].name, name))
                return duplicate_key(m, r, r->indexes[j].name);
    }
    return duplicate_key(m, NULL, name);
}

static bool unique_failed(struct mapping *m)
{
    enum { COLUMNS_MAX = 100 };
    struct str columns[COLUMNS_MAX], list = m->rest, table = { 0 };
    size_t n = 0;
    if (str_starts(m->rest, STR("index '")))
        return unique_index(m);
    while (n < COLUMNS_MAX && next_column(m, &list, &table, &columns[n]))
        n++;
    const struct relation *r = relation_of(m, table);
    struct str index = index_to_be(m, &r);
    if (index.n) /* of which rows, D1 does not tell */
        return cannot_build(m, r, index);
    struct str name = r ? unique_name(r, columns, n) : (struct str){ 0 };
    if (!name.p)
        name = m->rest;
    duplicate_key(m, r, name);
    struct str key = d1_error_key(m->asked, r, columns, n, m->err->arena);
    return err_detail(m->err, "Key %.*s already exists.", STR_FMT(key));
}

static bool not_null_failed(struct mapping *m)
{
    struct str list = m->rest, table = { 0 }, column = { 0 };
    next_column(m, &list, &table, &column);
    const struct relation *r = relation_of(m, table);
    const struct column *c = r ? relation_column(r, column) : NULL;
    if (c)
        return null_violation(m->snapshot, r, c, m->err);
    m->err->column = column;
    return err_set(m->err, SQLSTATE_NOT_NULL_VIOLATION,
                   "null value in column \"%.*s\" of relation \"%.*s\" violates not-null constraint", STR_FMT(column),
                   STR_FMT(table));
}

static const struct constraint *check_of(const struct relation *r, struct str what)
{
    for (size_t i = 0; i < r->n_constraints; i++) {
        const struct constraint *c = &r->constraints[i];
        if (c->kind == 'c' && (str_eq(c->name, what) || str_eq(c->sqlite_name, what) || str_eq(c->expression, what)))
            return c;
    }
    return NULL;
}

/* What a type demands of a column's cells: the column is the one the check was named after, or the only one of a domain. */
static const struct user_type *domain_of(const struct mapping *m, const struct relation *r, struct str check)
{
    struct str prefix = STR("_pgd1_type_");
    struct str name = { check.p + prefix.n, check.n - prefix.n };
    const struct column *named = relation_column(r, name);
    const struct user_type *found = named ? snapshot_user_type(m->snapshot, named->type) : NULL;
    for (size_t i = 0; i < r->n_columns && !(found && found->kind == 'd'); i++)
        found = snapshot_user_type(m->snapshot, r->columns[i].type);
    return found && snapshot_ruling_domain(m->snapshot, found->oid, DOMAIN_CHECK) ? found : NULL;
}

static bool type_check_failed(struct mapping *m)
{
    const struct user_type *domain = NULL;
    for (size_t i = 0; m->plan && m->snapshot && !domain && i < m->plan->n_writes; i++)
        domain = domain_of(m, m->plan->writes[i], m->rest);
    if (!domain)
        return false;
    const struct user_type *ruling = snapshot_ruling_domain(m->snapshot, domain->oid, DOMAIN_CHECK);
    m->err->schema = domain->schema;
    m->err->datatype = domain->name;
    struct str name = snapshot_format_type(m->snapshot, domain->oid, -1, m->err->arena);
    if (ruling->n_checks > 1 ||
        snapshot_ruling_domain(m->snapshot, ruling->base, DOMAIN_CHECK)) { /* D1 has them as one */
        err_set(m->err, SQLSTATE_CHECK_VIOLATION, "value for domain %.*s violates one of its check constraints",
                STR_FMT(name));
        return true;
    }
    m->err->constraint = ruling->check_names[0];
    err_set(m->err, SQLSTATE_CHECK_VIOLATION, "value for domain %.*s violates check constraint \"%.*s\"", STR_FMT(name),
            STR_FMT(ruling->check_names[0]));
    return true;
}

static bool check_failed(struct mapping *m)
{
    if (str_starts(m->rest, STR("_pgd1_type_")) && type_check_failed(m))
        return false;
    const struct constraint *c = NULL;
    const struct relation *r = NULL;
    for (size_t i = 0; m->plan && !c && i < m->plan->n_writes; i++)
        c = check_of(r = m->plan->writes[i], m->rest);
    for (size_t i = 0; m->snapshot && !c && i < m->snapshot->n_relations; i++)
        c = check_of(r = &m->snapshot->relations[i], m->rest);
    if (!c) {
        m->err->constraint = m->rest;
        return err_set(m->err, SQLSTATE_CHECK_VIOLATION, "new row violates check constraint \"%.*s\"",
                       STR_FMT(m->rest));
    }
    at_relation(m, r);
    m->err->constraint = c->name;
    return err_set(m->err, SQLSTATE_CHECK_VIOLATION, "new row for relation \"%.*s\" violates check constraint \"%.*s\"",
                   STR_FMT(r->name), STR_FMT(c->name));
}

/* The one foreign key that can have failed, if there is only one: SQLite does not say which. */
struct key_choice {
    const struct relation *child;
    const struct constraint *key;
    size_t n;
};

static void consider(struct key_choice *choice, const struct relation *child, const struct constraint *key)
{
    choice->n++;
    choice->child = child;
    choice->key = key;
}

static struct key_choice own_keys(const struct relation *r)
{
    struct key_choice choice = { 0 };
    for (size_t i = 0; i < r->n_constraints; i++)
        if (r->constraints[i].kind == 'f')
            consider(&choice, r, &r->constraints[i]);
    return choice;
}

static struct key_choice keys_on(const struct snapshot *s, const struct relation *parent)
{
    struct key_choice choice = { 0 };
    for (size_t i = 0; s && i < s->n_relations; i++)
        for (size_t j = 0; j < s->relations[i].n_constraints; j++)
            if (constraint_refers_to(&s->relations[i].constraints[j], parent))
                consider(&choice, &s->relations[i], &s->relations[i].constraints[j]);
    return choice;
}

static bool parent_failed(struct mapping *m, const struct relation *parent, struct key_choice choice)
{
    if (choice.n != 1)
        return err_set(m->err, SQLSTATE_FOREIGN_KEY_VIOLATION,
                       "update or delete on table \"%.*s\" violates a foreign key constraint", STR_FMT(parent->name));
    at_relation(m, choice.child);
    m->err->constraint = choice.key->name;
    err_set(m->err, SQLSTATE_FOREIGN_KEY_VIOLATION,
            "update or delete on table \"%.*s\" violates foreign key constraint \"%.*s\" on table \"%.*s\"",
            STR_FMT(parent->name), STR_FMT(choice.key->name), STR_FMT(choice.child->name));
    return err_detail(m->err, "Key is still referenced from table \"%.*s\".", STR_FMT(choice.child->name));
}

static struct str constraint_key_text(struct mapping *m, const struct relation *r, const struct constraint *key)
{
    struct str *columns = ARENA_ARRAY(m->err->arena, struct str, key->n_columns);
    for (size_t i = 0; columns && i < key->n_columns; i++)
        for (size_t k = 0; k < r->n_columns; k++)
            if (r->columns[k].number == key->columns[i])
                columns[i] = r->columns[k].name;
    return columns ? d1_error_key(m->asked, r, columns, key->n_columns, m->err->arena) : STR("");
}

static bool child_failed(struct mapping *m, const struct relation *child, struct key_choice choice)
{
    at_relation(m, child);
    if (choice.n != 1)
        return err_set(m->err, SQLSTATE_FOREIGN_KEY_VIOLATION,
                       "insert or update on table \"%.*s\" violates a foreign key constraint", STR_FMT(child->name));
    m->err->constraint = choice.key->name;
    err_set(m->err, SQLSTATE_FOREIGN_KEY_VIOLATION,
            "insert or update on table \"%.*s\" violates foreign key constraint \"%.*s\"", STR_FMT(child->name),
            STR_FMT(choice.key->name));
    struct str key = constraint_key_text(m, child, choice.key);
    return err_detail(m->err, "Key %.*s is not present in table \"%.*s\".", STR_FMT(key),
                      STR_FMT(choice.key->foreign_table));
}

static bool foreign_key_failed(struct mapping *m)
{
    const struct relation *r = m->plan && m->plan->n_writes ? m->plan->writes[0] : NULL;
    if (!r)
        return err_set(m->err, SQLSTATE_FOREIGN_KEY_VIOLATION, "a foreign key constraint is violated");
    struct key_choice own = own_keys(r), on = keys_on(m->snapshot, r);
    bool is_delete = str_starts(str_from(m->plan->tag), STR("DELETE")) ||
                     str_starts(str_from(m->plan->tag), STR("DROP")) ||
                     str_starts(str_from(m->plan->tag), STR("TRUNCATE"));
    bool is_insert =
        str_starts(str_from(m->plan->tag), STR("INSERT")) || str_starts(str_from(m->plan->tag), STR("COPY"));
    if (is_delete || (!is_insert && own.n == 0))
        return parent_failed(m, r, on);
    if (!is_insert && on.n) { /* an UPDATE may break either side */
        at_relation(m, r);
        return err_set(m->err, SQLSTATE_FOREIGN_KEY_VIOLATION,
                       "update on table \"%.*s\" violates a foreign key constraint", STR_FMT(r->name));
    }
    return child_failed(m, r, own);
}

/* ---- which member of a batch ---- */

static bool writes_column_of(const struct plan *plan, struct str list)
{
    for (size_t i = 0; i < plan->n_writes; i++) {
        struct str name = plan->writes[i]->sqlite_name;
        if (str_starts(list, name) && list.n > name.n && list.p[name.n] == '.')
            return true;
    }
    return false;
}

static bool writes_key(const struct plan *plan, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < plan->n_writes; i++)
        if (own_keys(plan->writes[i]).n || keys_on(snapshot, plan->writes[i]).n)
            return true;
    return false;
}

static bool writes_checked(const struct plan *plan, struct str what)
{
    for (size_t i = 0; i < plan->n_writes; i++)
        if (check_of(plan->writes[i], what))
            return true;
    return false;
}

/* The emitted SQL holds the start of what its guard raises: '!22012: */
static bool raises(const struct plan *plan, struct str payload)
{
    if (plan->prelude_is_doubtful) /* its errors are bound */
        return true;
    payload.n = payload.n < 6 ? payload.n : 6;
    for (size_t i = 0; i < plan->n_statements; i++)
        if (str_find(plan->statements[i].sql, payload) >= 0)
            return true;
    return false;
}

bool d1_error_fits(struct str message, const struct plan *plan, const struct snapshot *snapshot)
{
    static const struct str starts[] = { STR_INIT("UNIQUE constraint failed: "),
                                         STR_INIT("NOT NULL constraint failed: "),
                                         STR_INIT("CHECK constraint failed: "),
                                         STR_INIT("FOREIGN KEY constraint failed"), STR_INIT("bad JSON path: '") };
    struct str text = d1_error_core(message), rest = { 0 };
    size_t i = 0;
    while (i < sizeof(starts) / sizeof(starts[0]) && !str_starts(text, starts[i]))
        i++;
    if (i < sizeof(starts) / sizeof(starts[0]))
        rest = (struct str){ text.p + starts[i].n, text.n - starts[i].n };
    switch (i) {
    case 0:
        return str_starts(rest, STR("index '")) ? plan->n_writes > 0 : writes_column_of(plan, rest);
    case 1:
        return writes_column_of(plan, rest);
    case 2:
        return writes_checked(plan, rest);
    case 3:
        return writes_key(plan, snapshot);
    case 4:
        return raises(plan, rest);
    default:
        return true;
    }
}

/* "c" referencing "p" */
static bool foreign_key_mismatch(struct mapping *m)
{
    ptrdiff_t at = str_find(m->rest, STR(" referencing \""));
    struct str parent = at < 0 ? m->rest : (struct str){ m->rest.p + at + 14, m->rest.n - (size_t)at - 15 };
    return err_set(m->err, SQLSTATE_INVALID_FOREIGN_KEY,
                   "there is no unique constraint matching given keys for referenced table \"%.*s\"", STR_FMT(parent));
}

/* The name in `table t already exists`, `table "t" already exists`, `there is already another table or index with this name: t`. */
static bool already_exists(struct mapping *m)
{
    struct str name = m->rest;
    ptrdiff_t at = str_find(m->text, STR(" already exists"));
    ptrdiff_t with = str_find(m->text, STR("name: "));
    if (str_starts(m->text, STR("there is already")) && with >= 0)
        name = (struct str){ m->text.p + with + 6, m->text.n - (size_t)with - 6 };
    else if (at >= 0 && m->text.p + at >= m->rest.p)
        name.n = (size_t)(m->text.p + at - m->rest.p);
    else
        return err_set(m->err, SQLSTATE_INTERNAL_ERROR, "D1: %.*s", STR_FMT(m->text));
    if (name.n >= 2 && name.p[0] == '"')
        name = (struct str){ name.p + 1, name.n - 2 };
    m->remedy = D1_REMEDY_REFRESH;
    return err_set(m->err, SQLSTATE_DUPLICATE_TABLE, "relation \"%.*s\" already exists", STR_FMT(name));
}

static bool relation_missing(struct mapping *m)
{
    struct str name = m->rest;
    if (str_starts(name, STR("main.")))
        name = (struct str){ name.p + 5, name.n - 5 };
    m->remedy = D1_REMEDY_REFRESH;
    return err_set(m->err, SQLSTATE_UNDEFINED_TABLE, "relation \"%.*s\" does not exist", STR_FMT(name));
}

/* Lines behind the message, in this order: SCHEMA: … (sql/ddl_rebuild.c, ddl_about), DETAIL: …, HINT: …. Further lines belong to the one before. */
static bool guard_text(struct err *err, enum sqlstate code, struct str text)
{
    enum { SCHEMA, TABLE, COLUMN, DATATYPE, CONSTRAINT, DETAIL_LINE, HINT_LINE, N_LINES };
    static const struct str labels[N_LINES] = { STR_INIT("\nSCHEMA: "),     STR_INIT("\nTABLE: "),
                                                STR_INIT("\nCOLUMN: "),     STR_INIT("\nDATATYPE: "),
                                                STR_INIT("\nCONSTRAINT: "), STR_INIT("\nDETAIL: "),
                                                STR_INIT("\nHINT: ") };
    struct str lines[N_LINES] = { { 0 } };
    for (size_t i = N_LINES; i-- > 0;) {
        ptrdiff_t at = str_find(text, labels[i]);
        if (at < 0)
            continue;
        size_t from = (size_t)at + labels[i].n;
        lines[i] = (struct str){ text.p + from, text.n - from };
        text.n = (size_t)at;
    }
    err_set(err, code, "%.*s", STR_FMT(text));
    err->schema = lines[SCHEMA].n ? lines[SCHEMA] : err->schema;
    err->table = lines[TABLE].n ? lines[TABLE] : err->table;
    err->column = lines[COLUMN].n ? lines[COLUMN] : err->column;
    err->datatype = lines[DATATYPE].n ? lines[DATATYPE] : err->datatype;
    err->constraint = lines[CONSTRAINT].n ? lines[CONSTRAINT] : err->constraint;
    if (lines[DETAIL_LINE].n)
        err_detail(err, "%.*s", STR_FMT(lines[DETAIL_LINE]));
    return lines[HINT_LINE].n ? err_hint(err, "%.*s", STR_FMT(lines[HINT_LINE])) : false;
}

/* !SQLSTATE#oid:… and !SQLSTATE@oid:… name a constraint (sql/key_check.h). The payload as if it named none. */
static struct str at_constraint(struct mapping *m, struct str payload)
{
    int64_t oid;
    const char *colon = payload.n > 7 ? memchr(payload.p, ':', payload.n) : NULL;
    if (!colon || payload.p[0] != '!' || (payload.p[6] != '#' && payload.p[6] != '@') ||
        !str_to_int64((struct str){ payload.p + 7, (size_t)(colon - payload.p) - 7 }, &oid))
        return payload;
    for (size_t i = 0; m->snapshot && i < m->snapshot->n_relations; i++)
        for (size_t k = 0; k < m->snapshot->relations[i].n_constraints; k++)
            if (m->snapshot->relations[i].constraints[k].oid == (oid_t)oid) {
                at_relation(m, &m->snapshot->relations[i]);
                m->err->constraint = m->snapshot->relations[i].constraints[k].name;
            }
    return arena_printf(m->err->arena, "%.*s%.*s", 6, payload.p, (int)(payload.p + payload.n - colon), colon);
}

/* 'payload' with quotes doubled: !SQLSTATE:message, or !local. */
static bool guard_failed(struct mapping *m)
{
    struct str payload = m->rest;
    if (payload.n && payload.p[payload.n - 1] == '\'')
        payload.n--;
    if (str_is(payload, "!local")) {
        m->remedy = D1_REMEDY_LOCAL; /* what is said where there is none: D1 alone works it out */
        err_unsupported(m->err, "an expression that D1 cannot work out for one of its values");
        return err_hint(m->err,
                        "D1 works out CHECK constraints, generated columns, CREATE TABLE AS and USING. Write such "
                        "values with INSERT or UPDATE.");
    }
    if (str_is(payload, "!changed")) {
        m->remedy = D1_REMEDY_AGAIN;
        err_set(m->err, SQLSTATE_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
        return err_hint(m->err,
                        "Rows that this statement read were changed each time before it could write; try again.");
    }
    enum sqlstate code;
    payload = at_constraint(m, payload);
    if (payload.n < 7 || payload.p[0] != '!' || payload.p[6] != ':' ||
        !sqlstate_find((struct str){ payload.p + 1, 5 }, &code))
        return err_set(m->err, SQLSTATE_INVALID_PARAMETER_VALUE, "D1: %.*s", STR_FMT(m->text));
    char *text = arena_alloc(m->err->arena, payload.n);
    if (!text)
        return err_oom(m->err);
    size_t n = 0;
    for (size_t i = 7; i < payload.n; i++) {
        text[n++] = payload.p[i];
        if (payload.p[i] == '\'' && i + 1 < payload.n && payload.p[i + 1] == '\'')
            i++;
    }
    return guard_text(m->err, code, (struct str){ text, n });
}

/* A sum that PostgreSQL gives as numeric does not fit D1's integers: it is worked out again here. */
static bool integer_overflow(struct mapping *m)
{
    m->remedy = D1_REMEDY_LOCAL;
    return err_set(m->err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range");
}

/* ---- the table ---- */

enum rest_kind { REST_NONE, REST_NAME, REST_COPY, REST_DETAIL, REST_LIMIT, REST_FUNCTION };
#define NONE REST_NONE, NULL
#define NAME REST_NAME, NULL
#define COPY REST_COPY, NULL
#define DETAIL REST_DETAIL, NULL
#define LIMIT REST_LIMIT, NULL
#define check_failed REST_FUNCTION, check_failed
#define integer_overflow REST_FUNCTION, integer_overflow
#define foreign_key_failed REST_FUNCTION, foreign_key_failed
#define not_null_failed REST_FUNCTION, not_null_failed
#define unique_failed REST_FUNCTION, unique_failed
#define guard_failed REST_FUNCTION, guard_failed
#define foreign_key_mismatch REST_FUNCTION, foreign_key_mismatch
#define already_exists REST_FUNCTION, already_exists
#define relation_missing REST_FUNCTION, relation_missing
#define D1_TEXT(start, code, message, rest) { STR_INIT(start), SQLSTATE_##code, message, rest },
static const struct text_row {
    struct str start;
    enum sqlstate code;
    const char *message;
    enum rest_kind kind;
    bool (*function)(struct mapping *m);
} texts[] = {
#include "proxy/d1_errors.def"
};

static bool is_name_missing(enum sqlstate code)
{
    return code == SQLSTATE_UNDEFINED_TABLE || code == SQLSTATE_UNDEFINED_COLUMN || code == SQLSTATE_UNDEFINED_OBJECT ||
           code == SQLSTATE_DUPLICATE_TABLE || code == SQLSTATE_DUPLICATE_COLUMN;
}

/* Message of a row: its one %.*s replaced. */
static struct str filled(struct arena *arena, const char *message, struct str with)
{
    const char *hole = strstr(message, "%.*s");
    if (!hole)
        return str_from(message);
    struct str s = arena_printf(arena, "%.*s%.*s%s", (int)(hole - message), message, STR_FMT(with), hole + 4);
    return s.p ? s : STR("out of memory");
}

static void map_row(struct mapping *m, const struct text_row *row)
{
    m->rest = (struct str){ m->text.p + row->start.n, m->text.n - row->start.n };
    if (row->kind == REST_FUNCTION) {
        row->function(m);
        return;
    }
    m->err->code = row->code;
    m->err->message = filled(m->err->arena, row->message, row->kind == REST_NAME ? m->rest : m->text);
    if (row->kind == REST_LIMIT)
        m->remedy = D1_REMEDY_LOCAL;
    if (row->kind == REST_DETAIL || row->kind == REST_LIMIT)
        err_detail(m->err, "D1: %.*s", STR_FMT(m->text));
    if (is_name_missing(row->code))
        m->remedy = D1_REMEDY_REFRESH;
}

static void map_sql(struct mapping *m)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (str_starts(m->text, texts[i].start)) {
            map_row(m, &texts[i]);
            return;
        }
    if (str_find(m->text, STR(": syntax error")) >= 0)
        err_set(m->err, SQLSTATE_SYNTAX_ERROR, "D1: %.*s", STR_FMT(m->text));
    else if (str_find(m->text, STR(" has no column named ")) >= 0) {
        m->remedy = D1_REMEDY_REFRESH;
        err_set(m->err, SQLSTATE_UNDEFINED_COLUMN, "%.*s", STR_FMT(m->text));
    } else
        err_set(m->err, SQLSTATE_INTERNAL_ERROR, "D1: %.*s", STR_FMT(m->text));
}

static void map_lost(const struct d1_error *e, bool is_write, struct err *err)
{
    if (is_write && e->may_have_run) {
        err_set(err, SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN,
                "connection to D1 was lost: it is unknown whether the changes were applied");
        err_hint(err, "Look before trying again.");
    } else
        err_set(err, SQLSTATE_CONNECTION_FAILURE, "connection to D1 was lost");
    if (e->message.n)
        err_detail(err, "%.*s", STR_FMT(e->message));
}

static void map_deadline(const struct d1_error *e, const struct d1_asked *asked, struct err *err)
{
    if (asked->is_write && e->may_have_run) {
        map_lost(e, true, err);
        return;
    }
    if (!asked->d1_timeout_us) {
        err_set(err, SQLSTATE_QUERY_CANCELED, "canceling statement due to statement timeout");
        return;
    }
    err_set(err, SQLSTATE_QUERY_CANCELED, "canceling statement: D1 did not answer within d1_timeout (%.3g s)",
            (double)asked->d1_timeout_us / 1e6);
    err_hint(err, "Nothing was changed; try again later, or raise d1_timeout.");
}

enum d1_remedy d1_error_map(const struct d1_error *e, const struct d1_asked *asked, struct err *err)
{
    struct mapping m = { asked->plan, asked->snapshot, d1_error_core(e->message), { 0 }, err, D1_REMEDY_NONE, asked };
    switch (e->kind) {
    case D1_OK:
        break;
    case D1_ERROR_SQL:
        map_sql(&m);
        break;
    case D1_ERROR_OVERLOADED:
        err_set(err, SQLSTATE_TOO_MANY_CONNECTIONS, "D1 is overloaded");
        err_detail(err, "%.*s", STR_FMT(e->message));
        err_hint(err, "Nothing was changed; try again later.");
        break;
    case D1_ERROR_LOST:
        map_lost(e, asked->is_write, err);
        break;
    case D1_ERROR_UNREACHABLE:
        err_set(err, SQLSTATE_CANNOT_CONNECT_NOW, "D1 cannot be reached");
        err_detail(err, "%.*s", STR_FMT(e->message));
        break;
    case D1_ERROR_AUTH:
        err_set(err, SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION, "D1 refused pgd1's credentials");
        err_detail(err, "%.*s", STR_FMT(e->message));
        err_hint(err, "Check token and database in the configuration.");
        break;
    case D1_ERROR_TOO_BIG:
        err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "request or result is too large: %.*s", STR_FMT(e->message));
        if (asked->is_write && e->may_have_run)
            err_detail(err, "The changes made by this statement are committed.");
        err_hint(err, "Fetch fewer rows or columns, or raise max_result_bytes.");
        break;
    case D1_ERROR_CANCELLED:
        err_set(err, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
        break;
    case D1_ERROR_DEADLINE:
        map_deadline(e, asked, err);
        break;
    case D1_ERROR_INTERNAL:
        err_set(err, SQLSTATE_INTERNAL_ERROR, "%.*s", STR_FMT(e->message.n ? e->message : STR("internal error")));
        break;
    }
    return m.remedy;
}
