/*
 * ddl_rebuild.c - changes that SQLite's ALTER cannot make: new tables beside the old ones, in one batch that loses no row.
 *
 * DROP TABLE deletes the table's rows, and ON DELETE actions follow to its children, deferred checks or not. So every table that refers
 * to a changed one, directly or through others, is made anew too, with keys to the new tables: what the drops delete belongs to old tables
 * only. SQLite rewrites the keys' targets when the new tables take the old names; with legacy_alter_table views and triggers stay as they are.
 * The setting is on for the drops and renames only, which cannot fail: it outlives a batch that does.
 */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/sqlite_ddl.h"
#include "proxy/sql/ddl_remake.h"
#include "proxy/sql/emit.h"

/*
 * What a rebuild costs, in nanoseconds of a batch, as measured on D1's own engine (workerd of November 2026, one core): 400,000 rows of
 * 20 bytes 0.4 s, with four indexes 1.8 s; 100,000 rows of 2,000 bytes 2.5 s, with 300,000 rows that refer to them 4.2 s. Production
 * has its limit of 30 s and nobody's promise of that core: a fifth of the limit may be planned.
 */
enum {
    ROW_COST = 1000,
    INDEX_COST = 1000, /* of each index, for each row */
    KEY_COST = 5000,   /* of each foreign key, for each row: looked up, checked, looked up again by the drop */
    BYTE_COST = 13,
    REBUILD_COST_MAX = 6000, /* milliseconds */
    REBUILD_ROWS_MAX = 500000,
    SAMPLE_ROWS = 200, /* whose bytes are counted */
    TABLE_TEXT_MAX = 1 << 20
};

/* ---- the set ---- */
/* What only a batch knows for a while; in a file the names must not be pgd1's own. */
static const char *prefix(const struct rebuild *r)
{
    return r->becomes ? "_migrate" : "_pgd1";
}

static struct rebuilt *find_rebuilt(const struct rebuild *r, struct str sqlite_name)
{
    for (size_t i = 0; i < r->n; i++)
        if (str_eq_nocase(r->tables[i].old->sqlite_name, sqlite_name))
            return &r->tables[i];
    return NULL;
}

bool ddl_rebuild_add(struct ddl *d, struct rebuild *r, const struct relation *old, struct new_table *model,
                     bool is_dropped)
{
    struct rebuilt *known = find_rebuilt(r, old->sqlite_name);
    if (known) {
        known->is_dropped |= is_dropped;
        if (model)
            known->model = model;
        return true;
    }
    struct rebuilt entry = { .old = old, .model = model, .is_dropped = is_dropped };
    entry.temporary = ddl_printf(d, "%s_new_%.*s", prefix(r), STR_FMT(old->sqlite_name));
    return entry.temporary.p && DDL_PUSH(d, r->tables, r->n, entry);
}

bool ddl_rebuild_model(struct ddl *d, struct rebuild *r, const struct relation *old, struct new_table **ret)
{
    struct rebuilt *known = find_rebuilt(r, old->sqlite_name);
    if (known && known->model) {
        *ret = known->model;
        return true;
    }
    struct new_table *model = DDL_ARRAY(d, struct new_table, 1);
    if (!model || !ddl_load_table(d, old, model) || !ddl_rebuild_add(d, r, old, model, false))
        return false;
    *ret = model;
    return true;
}

struct str ddl_target_name(const struct ddl *d, const struct relation *target)
{
    const struct rebuilt *t = d->rebuild ? find_rebuilt(d->rebuild, target->sqlite_name) : NULL;
    return t && !t->is_dropped ? t->temporary : target->sqlite_name;
}

static bool add_children(struct ddl *d, struct rebuild *r)
{
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < d->snapshot->n_relations; k++) {
            const struct relation *child = &d->snapshot->relations[k];
            if (child->kind == RELATION_TABLE && relation_refers_to(child, r->tables[i].old) &&
                !ddl_rebuild_add(d, r, child, NULL, false))
                return false;
        }
    return true;
}

/* ---- guards ---- */
struct str ddl_about(struct ddl *d, struct str message, struct about about)
{
    const struct {
        const char *label;
        struct str text;
    } fields[] = { { "SCHEMA", about.schema },
                   { "TABLE", about.table },
                   { "COLUMN", about.column },
                   { "DATATYPE", about.datatype },
                   { "CONSTRAINT", about.constraint } };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (fields[i].text.n)
            message = ddl_printf(d, "%.*s\n%s: %.*s", STR_FMT(message), fields[i].label, STR_FMT(fields[i].text));
    return message;
}

bool ddl_guard(struct ddl *d, enum sqlstate code, struct str message, struct str detail, struct str rows)
{
    struct str payload = ddl_printf(d, "!%s:%.*s", sqlstate_code(code), STR_FMT(message));
    struct str text = emit_text_literal(payload, d->arena);
    if (detail.n)
        text = ddl_printf(d, "%.*s || char(10) || 'DETAIL: ' || %.*s", STR_FMT(text), STR_FMT(detail));
    if (detail.n)
        return ddl_sql(d, "SELECT json_extract('{}', %.*s) FROM %.*s LIMIT 1", STR_FMT(text), STR_FMT(rows));
    /* A constant might be worked out before any row is looked for; an arm of CASE is not. */
    return ddl_sql(d, "SELECT CASE WHEN EXISTS(SELECT 1 FROM %.*s) THEN json_extract('{}', %.*s) END", STR_FMT(rows),
                   STR_FMT(text));
}

/* Nanoseconds of one row besides its bytes. */
static size_t row_cost(const struct rebuilt *t)
{
    size_t n_keys = 0;
    for (size_t i = 0; i < t->old->n_constraints; i++)
        n_keys += t->old->constraints[i].kind == 'f';
    return ROW_COST + INDEX_COST * t->old->n_indexes + KEY_COST * n_keys;
}

/* Halved again and again: D1's expressions are at most 100 deep. */
static struct str sum_of(struct ddl *d, const struct str *terms, size_t n)
{
    if (n < 2)
        return n ? terms[0] : STR("0");
    return ddl_printf(d, "(%.*s + %.*s)", STR_FMT(sum_of(d, terms, n / 2)),
                      STR_FMT(sum_of(d, terms + n / 2, n - n / 2)));
}

/* An SQLite expression: the mean bytes of a row, of the first ones. */
static struct str mean_bytes(struct ddl *d, const struct rebuilt *t)
{
    struct str *terms = DDL_ARRAY(d, struct str, t->old->n_columns);
    size_t n = 0;
    for (size_t i = 0; terms && i < t->old->n_columns; i++)
        if (!t->old->columns[i].generated)
            terms[n++] = ddl_printf(d, "ifnull(octet_length(%.*s), 0)", STR_FMT(ddl_quote(d, t->old->columns[i].name)));
    struct str sum = sum_of(d, terms, n);
    return ddl_printf(d, "(SELECT ifnull(avg(%.*s), 0) FROM (SELECT * FROM %.*s LIMIT %d))", STR_FMT(sum),
                      STR_FMT(ddl_quote(d, t->old->sqlite_name)), SAMPLE_ROWS);
}

static bool refuse_when(struct ddl *d, const struct rebuild *r, struct str condition)
{
    struct str text =
        ddl_printf(d,
                   "!0A000:rebuilding table \"%.*s\" and the tables that refer to it is not supported with so many "
                   "rows in them\n"
                   "DETAIL: SQLite needs the rows copied for this change, in one batch of at most 30 seconds.\n"
                   "HINT: Expand and contract: add a new column or table beside the old one, let the application write "
                   "both, copy the "
                   "rows in portions, then drop the old one.",
                   STR_FMT(r->tables[0].old->name));
    return ddl_sql(d, "SELECT CASE WHEN %.*s THEN json_extract('{}', %.*s) END", STR_FMT(condition),
                   STR_FMT(emit_text_literal(text, d->arena)));
}

static bool guard_size(struct ddl *d, const struct rebuild *r)
{
    struct str *rows = DDL_ARRAY(d, struct str, r->n), *costs = DDL_ARRAY(d, struct str, r->n);
    size_t n = 0;
    if (!rows || !costs)
        return false;
    for (size_t i = 0; i < r->n; i++) {
        const struct rebuilt *t = &r->tables[i];
        if (t->is_dropped)
            continue;
        rows[n] = ddl_printf(d, "(SELECT count(*) FROM (SELECT 1 FROM %.*s LIMIT %d))",
                             STR_FMT(ddl_quote(d, t->old->sqlite_name)), REBUILD_ROWS_MAX + 1);
        costs[n] = ddl_printf(d, "%.*s * (%zu + %d * %.*s)", STR_FMT(rows[n]), row_cost(t), BYTE_COST,
                              STR_FMT(mean_bytes(d, t)));
        n++;
    }
    return n == 0 ||
           (refuse_when(d, r, ddl_printf(d, "%.*s > %d", STR_FMT(sum_of(d, rows, n)), REBUILD_ROWS_MAX)) &&
            refuse_when(d, r, ddl_printf(d, "%.*s > %d000000.0", STR_FMT(sum_of(d, costs, n)), REBUILD_COST_MAX)));
}

/* ---- new tables ---- */
/* A table that only follows: its own text, with new names for itself and the tables it refers to. */
static bool follower_text(struct ddl *d, const struct rebuild *r, const struct rebuilt *t, struct buf *out)
{
    struct str sql = t->becomes ? t->becomes->sqlite_sql : t->old->sqlite_sql;
    size_t at = 0, copied = 0;
    bool named = false, expects = false;
    buf_add_str(out, STR("CREATE TABLE "));
    for (struct sqlite_token token = sqlite_token_next(sql, &at); token.kind != SQLITE_TOKEN_END;
         token = sqlite_token_next(sql, &at)) {
        struct str value = sqlite_token_value(token, d->arena);
        if (!named) {
            if (!str_eq_nocase(value, t->old->sqlite_name))
                continue;
            named = true;
            copied = at;
            buf_add_str(out, ddl_quote(d, t->temporary));
        } else if (expects) {
            const struct rebuilt *target = find_rebuilt(r, value);
            if (target && !target->is_dropped) {
                buf_add(out, sql.p + copied, (size_t)(token.text.p - sql.p) - copied);
                buf_add_str(out, ddl_quote(d, target->temporary));
                copied = at;
            }
        }
        expects = token.kind == SQLITE_TOKEN_WORD && str_eq_nocase(token.text, STR("REFERENCES"));
    }
    buf_add(out, sql.p + copied, sql.n - copied);
    return named;
}

static bool create(struct ddl *d, const struct rebuild *r, const struct rebuilt *t)
{
    if (t->model) {
        if (t->model->unkept)
            return ddl_refuse(d, -1, "Rebuild it with wrangler, or set pgd1.dialect = 'sqlite'.",
                              "rebuilding table \"%.*s\", whose definition has %s,", STR_FMT(t->old->name),
                              t->model->unkept);
        return ddl_emit_create(d, t->model, t->temporary);
    }
    struct buf out;
    buf_init(&out, TABLE_TEXT_MAX);
    bool ok = follower_text(d, r, t, &out);
    struct str text = ok && !out.failed ? arena_str(d->arena, buf_str(&out)) : (struct str){ 0 };
    buf_fini(&out);
    if (!ok)
        return ddl_refuse(d, -1, NULL, "rebuilding table \"%.*s\", whose definition is not understood,",
                          STR_FMT(t->old->name));
    return ddl_add(d, text) != NULL;
}

/* ---- rows ---- */
struct copying {
    struct str names, values;
    struct bind *binds;
    size_t n_binds;
};

static bool copy_column(struct ddl *d, struct copying *c, struct str name, struct str value)
{
    struct str quoted = ddl_quote(d, name);
    c->names = ddl_printf(d, "%.*s%s%.*s", STR_FMT(c->names), c->names.n ? ", " : "", STR_FMT(quoted));
    c->values =
        ddl_printf(d, "%.*s%s%.*s", STR_FMT(c->values), c->values.n ? ", " : "", STR_FMT(value.n ? value : quoted));
    return c->values.p != NULL;
}

static bool is_now(struct str value)
{
    return str_starts(value, STR("CURRENT_"));
}

/* A default that is the moment becomes one value for all rows, as PostgreSQL's now(). */
static bool copy_moment(struct ddl *d, struct copying *c, const struct new_column *column)
{
    struct bind bind = { .source = BIND_NOW,
                         .type = snapshot_base_type(d->snapshot, column->column.type, NULL),
                         .typmod = -1 };
    return DDL_PUSH(d, c->binds, c->n_binds, bind) &&
           copy_column(d, c, column->column.name, ddl_printf(d, "?%zu", c->n_binds));
}

/* What both have, under its name. */
static bool copy_shared(struct ddl *d, struct copying *c, const struct rebuilt *t)
{
    for (size_t i = 0; i < t->becomes->n_columns; i++)
        for (size_t k = 0; k < t->old->n_columns && !t->becomes->columns[i].generated; k++)
            if (str_eq_nocase(t->becomes->columns[i].name, t->old->columns[k].name) &&
                !copy_column(d, c, t->becomes->columns[i].name, STR("")))
                return false;
    return true;
}

static bool copy_rows(struct ddl *d, const struct rebuilt *t)
{
    struct copying c = { 0 };
    if (t->becomes && !copy_shared(d, &c, t))
        return false;
    for (size_t i = 0; t->model && i < t->model->n_columns; i++) {
        const struct new_column *column = &t->model->columns[i];
        if (column->dropped || column->column.generated || (!column->old && !column->value.n))
            continue;
        if (!(is_now(column->value) ? copy_moment(d, &c, column)
                                    : copy_column(d, &c, column->column.name, column->value)))
            return false;
    }
    for (size_t i = 0; !t->model && !t->becomes && i < t->old->n_columns; i++)
        if (!t->old->columns[i].generated && !copy_column(d, &c, t->old->columns[i].name, STR("")))
            return false;
    if (!c.names.n) /* nothing is left of the old rows but their number */
        return ddl_refuse(d, -1, NULL, "a change that leaves no old column of table \"%.*s\"", STR_FMT(t->old->name));
    struct plan_statement *insert =
        ddl_add(d, ddl_printf(d, "INSERT INTO %.*s (%.*s) SELECT %.*s FROM %.*s", STR_FMT(ddl_quote(d, t->temporary)),
                              STR_FMT(c.names), STR_FMT(c.values), STR_FMT(ddl_quote(d, t->old->sqlite_name))));
    if (!insert)
        return false;
    insert->binds = c.binds;
    insert->n_binds = c.n_binds;
    return true;
}

static bool counts_itself(const struct relation *r)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].sequence_is_rowid)
            return true;
    return false;
}

static bool still_counts_itself(const struct rebuilt *t)
{
    bool found = t->becomes ? counts_itself(t->becomes) : !t->model;
    for (size_t i = 0; t->model && i < t->model->n_columns; i++)
        found |= t->model->columns[i].autoincrement && !t->model->columns[i].dropped;
    return found;
}

/* SQLite writes its row with the first row of a table only, and an empty one may have counted before. */
static bool copy_counter(struct ddl *d, const struct rebuilt *t)
{
    struct str names[] = { t->temporary, t->old->sqlite_name };
    if (t->becomes) { /* a file has no parameters */
        struct str new_name = emit_text_literal(names[0], d->arena), old_name = emit_text_literal(names[1], d->arena);
        return ddl_sql(d, "DELETE FROM sqlite_sequence WHERE name = %.*s", STR_FMT(new_name)) &&
               ddl_sql(d,
                       "INSERT INTO sqlite_sequence(name, seq) SELECT %.*s, seq FROM sqlite_sequence WHERE name = %.*s",
                       STR_FMT(new_name), STR_FMT(old_name));
    }
    return ddl_sql_texts(d, "DELETE FROM sqlite_sequence WHERE name = ?1", names, 1) &&
           ddl_sql_texts(d,
                         "INSERT INTO sqlite_sequence(name, seq) SELECT ?1, seq FROM sqlite_sequence WHERE name = ?2",
                         names, 2);
}

/* ---- order, and look-ups that need an index ---- */
/* Children before their parents; in a circle, any of it. */
static size_t next_to_drop(const struct rebuild *r, const bool *done)
{
    size_t any = r->n;
    for (size_t i = 0; i < r->n; i++) {
        bool referenced = false;
        for (size_t k = 0; k < r->n; k++)
            referenced |= k != i && !done[k] && relation_refers_to(r->tables[k].old, r->tables[i].old);
        if (done[i])
            continue;
        if (!referenced)
            return i;
        any = any < r->n ? any : i;
    }
    return any;
}

static bool order_drops(struct ddl *d, struct rebuild *r)
{
    bool *done = DDL_ARRAY(d, bool, r->n);
    r->drop_order = DDL_ARRAY(d, size_t, r->n);
    for (size_t i = 0; done && r->drop_order && i < r->n; i++) {
        r->drop_order[i] = next_to_drop(r, done);
        done[r->drop_order[i]] = true;
    }
    return done && r->drop_order;
}

static bool has_leading_index(const struct relation *r, const struct constraint *key)
{
    for (size_t i = 0; i < r->n_indexes; i++)
        if (r->indexes[i].n_columns && !r->indexes[i].predicate.n && r->indexes[i].columns[0].column == key->columns[0])
            return true;
    return false;
}

static bool is_key_to(const struct constraint *key, const struct relation *r)
{
    return key->kind == 'f' && str_eq(key->foreign_table, r->name) && str_eq(key->foreign_schema, r->schema);
}

static bool help_key(struct ddl *d, struct str table, struct str column, size_t *n)
{
    return ddl_sql(d, "CREATE INDEX \"%s_help_%zu\" ON %.*s (%.*s)", prefix(d->rebuild), (*n)++,
                   STR_FMT(ddl_quote(d, table)), STR_FMT(ddl_quote(d, column)));
}

/* Rows of a parent that comes or goes are looked for in its children while the checks wait: without an index, once for each row. */
static bool help_old_lookup(struct ddl *d, const struct rebuilt *child, const struct rebuilt *parent, size_t *n)
{
    for (size_t i = 0; i < child->old->n_constraints; i++) {
        const struct constraint *key = &child->old->constraints[i];
        if (is_key_to(key, parent->old) && !has_leading_index(child->old, key) &&
            !help_key(d, child->old->sqlite_name, child->old->columns[key->columns[0] - 1].name, n))
            return false;
    }
    return true;
}

/* The new table's keys: those of its model, where a key of this statement may be the only one. */
static bool help_new_lookup(struct ddl *d, const struct rebuilt *child, const struct rebuilt *parent, size_t *n)
{
    const struct new_table *model = child->model;
    const struct relation *like = child->becomes ? child->becomes : child->old;
    for (size_t i = 0; i < (model ? model->n_constraints : like->n_constraints); i++) {
        const struct constraint *key = model ? &model->constraints[i].constraint : &like->constraints[i];
        if (!is_key_to(key, parent->old) || (model && model->constraints[i].dropped))
            continue;
        size_t first = (size_t)key->columns[0] - 1;
        if (!help_key(d, child->temporary, model ? model->columns[first].column.name : like->columns[first].name, n))
            return false;
    }
    return true;
}

/* ---- keys that are indexes of their own ---- */
static bool refers_to_index(const struct constraint *key, const struct relation *r, const struct index *index)
{
    size_t same = 0;
    if (key->kind != 'f' || !str_eq(key->foreign_table, r->name) || !str_eq(key->foreign_schema, r->schema) ||
        key->n_columns != index->n_columns)
        return false;
    for (size_t a = 0; a < key->n_columns; a++)
        for (size_t b = 0; b < index->n_columns; b++)
            same += key->foreign_columns[a] == index->columns[b].column;
    return same == key->n_columns;
}

/* Of the keys that are there, and of those that come with the new tables. */
static bool is_target(struct ddl *d, const struct relation *r, const struct index *index)
{
    const struct snapshot *schema = d->rebuild->becomes ? d->rebuild->becomes : d->snapshot;
    for (size_t i = 0; i < schema->n_relations; i++)
        for (size_t k = 0; k < schema->relations[i].n_constraints; k++)
            if (refers_to_index(&schema->relations[i].constraints[k], r, index))
                return true;
    for (size_t i = 0; i < d->rebuild->n; i++) {
        const struct new_table *model = d->rebuild->tables[i].model;
        for (size_t k = 0; model && k < model->n_constraints; k++)
            if (!model->constraints[k].dropped && refers_to_index(&model->constraints[k].constraint, r, index))
                return true;
    }
    return false;
}

/* SQLite looks for the key of a parent in a unique index: the new table has none yet, and an index cannot change its table. */
static bool help_targets(struct ddl *d, const struct rebuilt *t, size_t *n)
{
    const struct relation *like = t->becomes ? t->becomes : t->old;
    for (size_t i = 0; i < like->n_indexes; i++) {
        const struct index *index = &like->indexes[i];
        struct str list = STR("");
        if (!index->unique || index->predicate.n || !index->sqlite_name.n || !is_target(d, like, index) ||
            str_starts(index->sqlite_name, STR("sqlite_autoindex")))
            continue;
        for (size_t k = 0; k < index->n_columns; k++)
            list = ddl_printf(d, "%.*s%s%.*s", STR_FMT(list), k ? ", " : "",
                              STR_FMT(ddl_quote(d, like->columns[index->columns[k].column - 1].name)));
        if (!ddl_sql(d, "CREATE UNIQUE INDEX \"%s_key_%zu\" ON %.*s (%.*s)", prefix(d->rebuild), (*n)++,
                     STR_FMT(ddl_quote(d, t->temporary)), STR_FMT(list)))
            return false;
    }
    return true;
}

/* ---- triggers ---- */
/* What stands behind a word of the text. */
static struct str behind(struct ddl *d, struct str sql, const char *word)
{
    size_t at = 0;
    for (struct sqlite_token token = sqlite_token_next(sql, &at); token.kind != SQLITE_TOKEN_END;
         token = sqlite_token_next(sql, &at))
        if (token.kind == SQLITE_TOKEN_WORD && str_eq_nocase(token.text, str_from(word)))
            return sqlite_token_value(sqlite_token_next(sql, &at), d->arena);
    return (struct str){ 0 };
}

static bool is_trigger_on(struct ddl *d, const struct snapshot_object *object, const struct relation *r)
{
    return str_is(object->type, "trigger") && str_eq_nocase(behind(d, object->sql, "ON"), r->sqlite_name);
}

/* They must not see what the drops delete. */
static bool drop_triggers(struct ddl *d, const struct rebuild *r)
{
    for (size_t k = 0; k < r->n; k++)
        for (size_t i = 0; i < d->snapshot->n_objects && r->tables[k].old->has_user_triggers; i++)
            if (is_trigger_on(d, &d->snapshot->objects[i], r->tables[k].old) &&
                !ddl_sql(d, "DROP TRIGGER %.*s",
                         STR_FMT(ddl_quote(d, behind(d, d->snapshot->objects[i].sql, "TRIGGER")))))
                return false;
    return true;
}

/* ---- drops ---- */
/* Which old tables are gone, and which of them have an empty stand-in. */
struct dropping {
    const struct rebuild *set;
    bool *gone, *stands_in;
    bool *helped; /* child * n + parent: the look-up has its index */
};

static bool is_referenced(const struct dropping *drops, const struct relation *old)
{
    for (size_t i = 0; i < drops->set->n; i++)
        if (!drops->gone[i] && relation_refers_to(drops->set->tables[i].old, old))
            return true;
    return false;
}

/* An empty table with the columns and keys that others may look for. */
static bool stand_in(struct ddl *d, const struct dropping *drops, size_t at)
{
    const struct relation *old = drops->set->tables[at].old;
    struct str text = STR("");
    for (size_t i = 0; i < old->n_columns; i++)
        text = ddl_printf(d, "%.*s%s%.*s", STR_FMT(text), i ? ", " : "", STR_FMT(ddl_quote(d, old->columns[i].name)));
    for (size_t i = 0; i < drops->set->n; i++) {
        const struct relation *child = drops->set->tables[i].old;
        for (size_t k = 0; k < child->n_constraints && !drops->gone[i]; k++) {
            const struct constraint *key = &child->constraints[k];
            if (key->kind != 'f' || !str_eq(key->foreign_table, old->name) || !str_eq(key->foreign_schema, old->schema))
                continue;
            text = ddl_printf(d, "%.*s, UNIQUE (", STR_FMT(text));
            for (size_t c = 0; c < key->n_columns; c++)
                text = ddl_printf(d, "%.*s%s%.*s", STR_FMT(text), c ? ", " : "",
                                  STR_FMT(ddl_quote(d, old->columns[key->foreign_columns[c] - 1].name)));
            text = ddl_printf(d, "%.*s)", STR_FMT(text));
        }
    }
    drops->stands_in[at] = true;
    return ddl_sql(d, "CREATE TABLE %.*s (%.*s)", STR_FMT(ddl_quote(d, old->sqlite_name)), STR_FMT(text));
}

/* In a circle of keys the actions of a drop touch tables whose other parents may be gone: SQLite wants to find them. */
static bool stand_in_for_parents(struct ddl *d, const struct dropping *drops)
{
    for (size_t i = 0; i < drops->set->n; i++)
        for (size_t k = 0; k < drops->set->n; k++)
            if (!drops->gone[i] && drops->gone[k] && !drops->stands_in[k] &&
                relation_refers_to(drops->set->tables[i].old, drops->set->tables[k].old) && !stand_in(d, drops, k))
                return false;
    return true;
}

/* What makes a row refer to nothing, or to itself when it must refer to something; empty: neither can be said. */
static struct str harmless_key(struct ddl *d, const struct constraint *key, const struct relation *child,
                               const struct relation *parent)
{
    struct str own = STR("");
    for (size_t i = 0; i < key->n_columns; i++) {
        const struct column *column = &child->columns[key->columns[i] - 1];
        struct str name = ddl_quote(d, column->name);
        if (!column->not_null && !column->generated)
            return ddl_printf(d, "%.*s = NULL", STR_FMT(name));
        own = ddl_printf(d, "%.*s%s%.*s = %.*s", STR_FMT(own), i ? ", " : "", STR_FMT(name),
                         STR_FMT(ddl_quote(d, parent->columns[key->foreign_columns[i] - 1].name)));
    }
    return child == parent ? own : STR("");
}

/*
 * The drop's deletes would follow ON DELETE CASCADE from row to row in a table that refers to itself, and in a circle; D1 goes ten
 * deep. The rows have been copied: their keys may go before they do. A check that wants the key keeps its rows as they are.
 */
static bool break_cascade(struct ddl *d, const struct relation *child, const struct relation *parent)
{
    for (size_t i = 0; i < child->n_constraints; i++) {
        const struct constraint *key = &child->constraints[i];
        struct str set =
            is_key_to(key, parent) && key->on_delete == 'c' ? harmless_key(d, key, child, parent) : STR("");
        if (set.n &&
            !ddl_sql(d, "UPDATE OR IGNORE %.*s SET %.*s", STR_FMT(ddl_quote(d, child->sqlite_name)), STR_FMT(set)))
            return false;
    }
    return true;
}

/* Indexes for what the deletes of one drop look up: in its children, and when a circle carries them further, in all that are left. */
static bool help_drop(struct ddl *d, const struct dropping *drops, size_t at, size_t *n_helpers)
{
    const struct rebuild *r = drops->set;
    bool in_circle = false;
    for (size_t k = 0; k < r->n; k++)
        in_circle |= k != at && !drops->gone[k] && relation_refers_to(r->tables[k].old, r->tables[at].old);
    for (size_t k = 0; k < r->n; k++)
        for (size_t m = 0; m < r->n; m++) {
            bool *helped = &drops->helped[k * r->n + m];
            if (*helped || drops->gone[k] || (m != at && (!in_circle || drops->gone[m])))
                continue;
            *helped = true;
            if (!help_old_lookup(d, &r->tables[k], &r->tables[m], n_helpers) ||
                !break_cascade(d, r->tables[k].old, r->tables[m].old))
                return false;
        }
    return true;
}

static bool drop_old(struct ddl *d, const struct rebuild *r, size_t n_helpers)
{
    struct dropping drops = { r, DDL_ARRAY(d, bool, r->n), DDL_ARRAY(d, bool, r->n), DDL_ARRAY(d, bool, r->n * r->n) };
    if (!drops.gone || !drops.stands_in || !drops.helped)
        return false;
    for (size_t i = 0; i < n_helpers; i++)
        if (!ddl_sql(d, "DROP INDEX \"%s_help_%zu\"", prefix(r), i))
            return false;
    for (size_t i = 0; i < r->n; i++) {
        const struct rebuilt *t = &r->tables[r->drop_order[i]];
        if (!help_drop(d, &drops, r->drop_order[i], &n_helpers))
            return false;
        if ((is_referenced(&drops, t->old) && !stand_in_for_parents(d, &drops)) ||
            !ddl_sql(d, "DROP TABLE %.*s", STR_FMT(ddl_quote(d, t->old->sqlite_name))))
            return false;
        drops.gone[r->drop_order[i]] = true;
    }
    for (size_t i = 0; i < r->n; i++)
        if (drops.stands_in[i] && !ddl_sql(d, "DROP TABLE %.*s", STR_FMT(ddl_quote(d, r->tables[i].old->sqlite_name))))
            return false;
    return true;
}

static bool rename_new(struct ddl *d, const struct rebuild *r)
{
    /* A file must not set what outlives a batch that fails: its views and triggers are gone for the while. */
    if (!r->becomes && !ddl_sql(d, "PRAGMA legacy_alter_table=on"))
        return false;
    for (size_t i = 0; i < r->n; i++)
        if (!r->tables[i].is_dropped &&
            !ddl_sql(d, "ALTER TABLE %.*s RENAME TO %.*s", STR_FMT(ddl_quote(d, r->tables[i].temporary)),
                     STR_FMT(ddl_quote(d, r->tables[i].old->sqlite_name))))
            return false;
    /* Every key was looked at: what is still counted belongs to tables that are gone. */
    return (r->becomes || ddl_sql(d, "PRAGMA legacy_alter_table=off")) && ddl_sql(d, "PRAGMA defer_foreign_keys=off");
}

/* ---- what went with the old tables ---- */
static bool uses_dropped_column(struct ddl *d, const struct rebuilt *t, const struct index *index)
{
    for (size_t i = 0; t->model && i < t->model->n_columns; i++) {
        const struct new_column *column = &t->model->columns[i];
        if (!column->dropped || !column->old)
            continue;
        if (ddl_index_mentions(d, index, column->old))
            return true;
    }
    return false;
}

static bool is_gone(const struct new_table *model, const struct index *index)
{
    for (size_t i = 0; model && i < model->n_gone; i++)
        if (model->gone[i] == index)
            return true;
    return false;
}

/* Expressions and predicates were printed for the old types. */
static bool must_print_again(struct ddl *d, const struct rebuilt *t, const struct index *index)
{
    for (size_t i = 0; t->model && i < t->model->n_columns; i++) {
        const struct new_column *column = &t->model->columns[i];
        if (column->dropped || !column->old || column->old->type == column->column.type)
            continue;
        for (size_t k = 0; k < index->n_columns; k++)
            if (index->columns[k].expression.n && ddl_mentions(d, index->columns[k].expression, column->column.name))
                return true;
        if (index->predicate.n && ddl_mentions(d, index->predicate, column->column.name))
            return true;
    }
    return false;
}

static bool create_indexes(struct ddl *d, const struct rebuilt *t)
{
    for (size_t i = 0; i < t->old->n_indexes; i++) {
        const struct index *index = &t->old->indexes[i];
        struct str sql = index->sqlite_name.n ? ddl_object_sql(d, "index", index->sqlite_name) : STR("");
        if (!sql.n)
            continue; /* SQLite's own for a constraint */
        const struct new_constraint *c = t->model ? ddl_find_constraint(t->model, index->name) : NULL;
        bool was_key = false;
        for (size_t k = 0; k < t->old->n_constraints; k++)
            was_key |= str_eq(t->old->constraints[k].name, index->name);
        if (uses_dropped_column(d, t, index) || is_gone(t->model, index) || (t->model && was_key && !c)) {
            if (!ddl_side_delete(d, "index", t->old->schema, index->name))
                return false;
        } else if (c && c->added && was_key) {
            continue; /* another key of that name comes in its place */
        } else if (must_print_again(d, t, index)) {
            if (!ddl_print_index_again(d, t->model, index))
                return false;
        } else if (!ddl_add(d, sql)) {
            return false;
        }
    }
    return true;
}

static bool create_triggers(struct ddl *d, const struct rebuilt *t)
{
    for (size_t i = 0; i < d->snapshot->n_objects && t->old->has_user_triggers; i++)
        if (is_trigger_on(d, &d->snapshot->objects[i], t->old) && !ddl_add(d, d->snapshot->objects[i].sql))
            return false;
    return true;
}

/* ---- all ---- */
static bool build_new(struct ddl *d, const struct rebuild *r, size_t *n_helpers, size_t *n_keys)
{
    for (size_t i = 0; i < r->n; i++)
        if (!r->tables[i].is_dropped && (!create(d, r, &r->tables[i]) || !help_targets(d, &r->tables[i], n_keys)))
            return false;
    for (size_t i = r->n; i-- > 0;) { /* parents first */
        const struct rebuilt *t = &r->tables[r->drop_order[i]];
        for (size_t k = 0; k <= i && !t->is_dropped; k++) /* itself, and parents that come later */
            if (!r->tables[r->drop_order[k]].is_dropped &&
                !help_new_lookup(d, t, &r->tables[r->drop_order[k]], n_helpers))
                return false;
        if (t->is_dropped)
            continue;
        if (!copy_rows(d, t) || (counts_itself(t->old) && still_counts_itself(t) && !copy_counter(d, t)))
            return false;
    }
    return true;
}

/* Behind pragma_foreign_key_check: not the keys that are NOT VALID, whose old rows stay as they are. */
static struct str valid_keys(struct ddl *d, const struct rebuilt *t)
{
    struct str where = STR(""), table = emit_text_literal(t->temporary, d->arena);
    size_t n = t->model ? t->model->n_constraints : t->old->n_constraints;
    for (size_t i = 0; i < n && !t->becomes; i++) {
        const struct constraint *key = t->model ? &t->model->constraints[i].constraint : &t->old->constraints[i];
        if (key->kind != 'f' || !key->not_valid)
            continue;
        struct str column =
            t->model ? t->model->columns[key->columns[0] - 1].column.name : t->old->columns[key->columns[0] - 1].name;
        where = ddl_printf(d, "%.*s%s fkid NOT IN (SELECT id FROM pragma_foreign_key_list(%.*s) WHERE \"from\" = %.*s)",
                           STR_FMT(where), where.n ? " AND" : " WHERE", STR_FMT(table),
                           STR_FMT(emit_text_literal(column, d->arena)));
    }
    return where;
}

/* Deferred checks that fail at the end of the batch would come back without a reason. */
static bool check_keys(struct ddl *d, const struct rebuild *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct rebuilt *t = &r->tables[i];
        const struct relation *like = t->becomes ? t->becomes : t->old;
        bool has_keys = false;
        for (size_t k = 0; k < like->n_constraints; k++)
            has_keys |= like->constraints[k].kind == 'f';
        for (size_t k = 0; t->model && k < t->model->n_constraints; k++)
            has_keys |= t->model->constraints[k].constraint.kind == 'f';
        if (t->is_dropped || !has_keys)
            continue;
        struct str message = ddl_printf(d, "table \"%.*s\" violates a foreign key constraint", STR_FMT(t->old->name));
        struct str rows = ddl_printf(d, "pragma_foreign_key_check(%.*s)%.*s",
                                     STR_FMT(emit_text_literal(t->temporary, d->arena)), STR_FMT(valid_keys(d, t)));
        if (!ddl_guard(d, SQLSTATE_FOREIGN_KEY_VIOLATION, message, STR(""), rows))
            return false;
    }
    return true;
}

bool ddl_rebuild_run(struct ddl *d, struct rebuild *r)
{
    if (r->n == 0)
        return true;
    size_t n_helpers = 0, n_keys = 0;
    if (!add_children(d, r) || !order_drops(d, r) || (!r->becomes && !guard_size(d, r)) ||
        !ddl_sql(d, "PRAGMA defer_foreign_keys=on"))
        return false;
    d->rebuild = r;
    bool ok = build_new(d, r, &n_helpers, &n_keys) && check_keys(d, r) && (r->becomes || drop_triggers(d, r)) &&
              drop_old(d, r, n_helpers) && rename_new(d, r);
    d->rebuild = NULL;
    for (size_t i = 0; ok && i < r->n && !r->becomes; i++)
        if (!r->tables[i].is_dropped)
            ok = create_indexes(d, &r->tables[i]) && create_triggers(d, &r->tables[i]);
    for (size_t i = 0; ok && i < n_keys; i++)
        ok = ddl_sql(d, "DROP INDEX \"%s_key_%zu\"", prefix(r), i);
    return ok;
}

static bool remade_set(struct ddl *d, struct rebuild *set, const struct relation *const *tables, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!ddl_rebuild_add(d, set, tables[i], NULL, false))
            return false;
        for (size_t k = 0; k < set->becomes->n_relations; k++)
            if (set->becomes->relations[k].kind == RELATION_TABLE &&
                str_eq_nocase(set->becomes->relations[k].sqlite_name, tables[i]->sqlite_name))
                set->tables[i].becomes = &set->becomes->relations[k];
        set->tables[i].is_dropped = !set->tables[i].becomes;
    }
    return true;
}

struct str ddl_remake_beside(const struct snapshot *is, const struct snapshot *wanted,
                             const struct relation *const *tables, size_t n, const struct relation *new_table,
                             struct arena *arena, struct err *err)
{
    struct plan plan = { 0 };
    struct ddl d = { .snapshot = is, .arena = arena, .plan = &plan, .err = err };
    struct rebuild set = { .becomes = wanted };
    struct rebuilt made = { .old = new_table, .becomes = new_table, .temporary = new_table->sqlite_name };
    struct buf out;
    if (!remade_set(&d, &set, tables, n))
        return (struct str){ 0 };
    buf_init(&out, TABLE_TEXT_MAX);
    bool ok = follower_text(&d, &set, &made, &out) && !out.failed;
    struct str text = ok ? arena_str(arena, buf_str(&out)) : (struct str){ 0 };
    buf_fini(&out);
    if (!text.p)
        err_oom(err);
    return text;
}

bool ddl_remake(const struct snapshot *is, const struct snapshot *wanted, const struct relation *const *tables,
                size_t n, struct arena *arena, struct str **ret, size_t *ret_n, struct err *err)
{
    struct plan plan = { 0 };
    struct ddl d = { .snapshot = is, .arena = arena, .plan = &plan, .err = err };
    struct rebuild set = { .becomes = wanted };
    if (!remade_set(&d, &set, tables, n) || !ddl_rebuild_run(&d, &set))
        return false;
    struct str *texts = DDL_ARRAY(&d, struct str, plan.n_statements);
    if (!texts)
        return false;
    for (size_t i = 0; i < plan.n_statements; i++)
        texts[i] = plan.statements[i].sql;
    *ret = texts;
    *ret_n = plan.n_statements;
    return true;
}
