/*
 * ddl_drop.c - DROP of everything with its dependents, and TRUNCATE; see ddl_internal.h.
 *
 * PostgreSQL refuses a drop that others depend on (2BP01) unless CASCADE is said; SQLite would drop a table under its views, and let
 * DROP TABLE delete the rows of other tables through ON DELETE CASCADE. So dependents are worked out here, from the snapshot.
 */
#include "proxy/sql/ddl_alter.h"

#include "proxy/catalog/extension.h"
#include "proxy/catalog/names.h"

/* What one statement drops: the named objects, and with CASCADE their views. */
struct drop {
    const struct relation **relations;
    size_t n_relations, n_named; /* the first n_named were named */
    struct str *dependents;      /* lines of the DETAIL */
    struct str *cascades;        /* "view v" for the notice */
    size_t n_dependents, n_cascades;
    struct dependents keys;  /* foreign keys of tables that stay */
    bool cascade, of_schema; /* of_schema: the notice tells of the named ones too */
};

static bool is_dropped(const struct drop *drop, const struct relation *r)
{
    for (size_t i = 0; i < drop->n_relations; i++)
        if (drop->relations[i] == r)
            return true;
    return false;
}

static const char *kind_word(const struct relation *r)
{
    switch (r->kind) {
    case RELATION_VIEW:
        return "view";
    case RELATION_SEQUENCE:
        return "sequence";
    case RELATION_VIRTUAL:
        return "foreign table";
    case RELATION_TABLE:
        break;
    }
    return "table";
}

static struct str described(struct ddl *d, const struct relation *r)
{
    return ddl_printf(d, "%s %.*s", kind_word(r), STR_FMT(ddl_shown(d, r->schema, r->name)));
}

/* ---- dependents ---- */
static bool views_on(struct ddl *d, struct drop *drop, const struct relation *r)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *view = &d->snapshot->relations[i];
        if (view->kind != RELATION_VIEW || is_dropped(drop, view) ||
            !(r->kind == RELATION_SEQUENCE ? ddl_view_uses_object(d, view, USE_RELATION, r->oid)
                                           : ddl_view_uses(d, view, r)))
            continue;
        struct str line = ddl_printf(d, "%.*s depends on %.*s", STR_FMT(described(d, view)), STR_FMT(described(d, r)));
        if (!DDL_PUSH(d, drop->dependents, drop->n_dependents, line) ||
            !DDL_PUSH(d, drop->cascades, drop->n_cascades, described(d, view)))
            return false;
        if (!DDL_PUSH(d, drop->relations, drop->n_relations, view)) /* its own dependents follow */
            return false;
    }
    return true;
}

static bool keys_on(struct ddl *d, struct drop *drop, const struct relation *r)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *child = &d->snapshot->relations[i];
        for (size_t k = 0; k < child->n_constraints && !is_dropped(drop, child); k++) {
            const struct constraint *c = &child->constraints[k];
            struct dependent_key key = { child, c };
            if (c->kind != 'f' || !str_eq(c->foreign_table, r->name) || !str_eq(c->foreign_schema, r->schema))
                continue;
            struct str what = ddl_described_constraint(d, child, c->name);
            struct str line = ddl_printf(d, "%.*s depends on %.*s", STR_FMT(what), STR_FMT(described(d, r)));
            if (!DDL_PUSH(d, drop->dependents, drop->n_dependents, line) ||
                !DDL_PUSH(d, drop->cascades, drop->n_cascades, what) ||
                !DDL_PUSH(d, drop->keys.keys, drop->keys.n_keys, key))
                return false;
        }
    }
    return true;
}

/* Whether the column takes its default from the sequence: its own one, or by nextval(). */
static bool default_uses(struct ddl *d, const struct relation *r, const struct column *c,
                         const struct relation *sequence)
{
    struct str name =
        name_qualified(str_is(sequence->schema, "public") ? STR("") : sequence->schema, sequence->name, d->arena);
    struct str call = ddl_printf(d, "nextval(%.*s::regclass)", STR_FMT(name_literal(name, d->arena)));
    bool own = c->sequence.n && str_eq(c->sequence, sequence->name) && str_eq(r->schema, sequence->schema);
    return own || (call.n && str_find(c->default_text, call) >= 0);
}

/* Columns that take their default from the sequence; the owner's own too, as in PostgreSQL. */
static bool defaults_on(struct ddl *d, struct drop *drop, const struct relation *sequence)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        for (size_t k = 0; k < r->n_columns && r->kind == RELATION_TABLE && !is_dropped(drop, r); k++) {
            const struct column *c = &r->columns[k];
            if (!default_uses(d, r, c, sequence))
                continue;
            struct str what =
                ddl_printf(d, "default value for column %.*s of table %.*s", STR_FMT(name_quote(c->name, d->arena)),
                           STR_FMT(ddl_shown(d, r->schema, r->name)));
            struct str line = ddl_printf(d, "%.*s depends on %.*s", STR_FMT(what), STR_FMT(described(d, sequence)));
            if (!DDL_PUSH(d, drop->dependents, drop->n_dependents, line) ||
                !DDL_PUSH(d, drop->cascades, drop->n_cascades, what))
                return false;
        }
    }
    return true;
}

/* The default goes, whatever D1's own text says; a rowid's counter is asked no more. */
static bool forget_defaults(struct ddl *d, struct drop *drop, const struct relation *sequence)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        for (size_t k = 0; k < r->n_columns && r->kind == RELATION_TABLE && !is_dropped(drop, r); k++) {
            const struct column *c = &r->columns[k];
            if (!default_uses(d, r, c, sequence))
                continue;
            cJSON *detail = cJSON_CreateObject();
            if (!detail)
                return err_oom(d->err);
            cJSON_AddNullToObject(detail, "default");
            cJSON_AddNullToObject(detail, "sequence");
            cJSON_AddTrueToObject(detail, "no_default");
            if (c->is_rowid)
                cJSON_AddTrueToObject(detail, "plain");
            if (!ddl_side_put_child(d, "column", r->schema, r->name, c->name, detail))
                return false;
        }
    }
    return true;
}

/* What a function does for each sequence that a column of the table owns. */
static bool each_owned(struct ddl *d, struct drop *drop, const struct relation *r,
                       bool (*run)(struct ddl *d, struct drop *drop, const struct relation *sequence))
{
    for (size_t i = 0; i < r->n_columns && r->kind == RELATION_TABLE; i++) {
        const struct relation *sequence = snapshot_owned_sequence(d->snapshot, r, &r->columns[i]);
        if (sequence && !run(d, drop, sequence))
            return false;
    }
    return true;
}

static bool refuse_dependents(struct ddl *d, const struct drop *drop, struct str single)
{
    struct str detail = STR("");
    for (size_t i = 0; i < drop->n_dependents; i++)
        detail = ddl_printf(d, "%.*s%s%.*s", STR_FMT(detail), i ? "\n" : "", STR_FMT(drop->dependents[i]));
    if (drop->n_named == 1)
        ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                    "cannot drop %.*s because other objects depend on it", STR_FMT(single));
    else
        ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                    "cannot drop desired object(s) because other objects depend on them");
    err_detail(d->err, "%.*s", STR_FMT(detail));
    return err_hint(d->err, "Use DROP ... CASCADE to drop the dependent objects too.");
}

static bool collect_dependents(struct ddl *d, struct drop *drop)
{
    for (size_t i = 0; i < drop->n_relations; i++) {
        const struct relation *r = drop->relations[i];
        bool is_told = drop->of_schema && i < drop->n_named && !(r->kind == RELATION_SEQUENCE && r->seq_owner_table.n);
        if (is_told && !DDL_PUSH(d, drop->cascades, drop->n_cascades, described(d, r)))
            return false;
        if (r->kind == RELATION_SEQUENCE
                ? !defaults_on(d, drop, r) || !views_on(d, drop, r)
                : !keys_on(d, drop, r) || !views_on(d, drop, r) || !each_owned(d, drop, r, defaults_on) ||
                      !each_owned(d, drop, r, views_on))
            return false;
    }
    if (drop->n_dependents && !drop->cascade)
        return refuse_dependents(d, drop, described(d, drop->relations[0]));
    ddl_cascade_notice(d, drop->cascades, drop->n_cascades);
    return true;
}

/* ---- tables, views, sequences ---- */
static bool drop_one(struct ddl *d, const struct relation *r)
{
    struct str name = ddl_quote(d, r->sqlite_name);
    switch (r->kind) {
    case RELATION_VIEW:
        return ddl_sql(d, "DROP VIEW %.*s", STR_FMT(name)) && ddl_side_delete(d, "view", r->schema, r->name);
    case RELATION_SEQUENCE:
        return ddl_side_delete(d, "sequence", r->schema, r->name) &&
               (!d->snapshot->has_sequence_table ||
                ddl_sql_texts(d, "DELETE FROM _pgd1_sequence WHERE name = ?1", &r->sqlite_name, 1));
    case RELATION_TABLE:
    case RELATION_VIRTUAL:
        break;
    }
    return ddl_sql(d, "DROP TABLE %.*s", STR_FMT(name)) && ddl_side_forget_table(d, r);
}

/* Tables that stay lose their keys first: they are made anew in the same batch. */
static bool drop_with_rebuild(struct ddl *d, struct drop *drop)
{
    struct rebuild set = { 0 };
    if (!ddl_drop_keys(d, &set, &drop->keys))
        return false;
    for (size_t i = 0; i < drop->n_relations; i++)
        if (drop->relations[i]->kind == RELATION_TABLE && !ddl_rebuild_add(d, &set, drop->relations[i], NULL, true))
            return false;
    if (!ddl_rebuild_run(d, &set))
        return false;
    for (size_t i = 0; i < drop->n_relations; i++)
        if (drop->relations[i]->kind == RELATION_TABLE
                ? !ddl_side_forget_table(d, drop->relations[i])
                : drop->relations[i]->kind != RELATION_VIEW && !drop_one(d, drop->relations[i]))
            return false;
    return true;
}

static bool note_sequence(struct ddl *d, struct drop *drop, const struct relation *sequence)
{
    return ddl_note_dropped(d, sequence) && forget_defaults(d, drop, sequence);
}

static bool note_sequences(struct ddl *d, struct drop *drop, const struct relation *r)
{
    return r->kind == RELATION_SEQUENCE ? note_sequence(d, drop, r) : each_owned(d, drop, r, note_sequence);
}

/* Of those still to be dropped, one that no other of them refers to. n: there is none, the rest refers to itself in circles. */
static size_t next_to_drop(const struct drop *drop, const bool *done)
{
    for (size_t i = 0; i < drop->n_relations; i++) {
        bool referenced = done[i];
        for (size_t k = 0; k < drop->n_relations; k++)
            referenced |= k != i && !done[k] && relation_refers_to(drop->relations[k], drop->relations[i]);
        if (!referenced)
            return i;
    }
    return drop->n_relations;
}

/* Views first (they stand above what they read), then tables that nobody left refers to: dropping a table deletes its rows, which must
 * not reach another's. Circles of keys are taken apart as a rebuild does it, for SQLite looks for tables that are gone already. */
static bool drop_relations(struct ddl *d, struct drop *drop)
{
    for (size_t i = 0; i < drop->n_relations; i++)
        if (!note_sequences(d, drop, drop->relations[i]))
            return false;
    for (size_t i = drop->n_relations; i-- > 0;)
        if (drop->relations[i]->kind == RELATION_VIEW && !drop_one(d, drop->relations[i]))
            return false;
    bool *done = DDL_ARRAY(d, bool, drop->n_relations);
    size_t *order = DDL_ARRAY(d, size_t, drop->n_relations), n = 0, left = 0;
    for (size_t i = 0; done && order && i < drop->n_relations; i++)
        left += !(done[i] = drop->relations[i]->kind == RELATION_VIEW);
    for (size_t next; done && order && n < left && (next = next_to_drop(drop, done)) < drop->n_relations; n++) {
        order[n] = next;
        done[next] = true;
    }
    if (!done || !order)
        return false;
    if (drop->keys.n_keys || n < left)
        return drop_with_rebuild(d, drop);
    for (size_t i = 0; i < n; i++)
        if (!drop_one(d, drop->relations[order[i]]))
            return false;
    return true;
}

struct drop_kind {
    PgQuery__ObjectType object;
    enum relation_kind kind;
    const char *word, *article, *tag, *command;
};

static const struct drop_kind drop_kinds[] = {
    { PG_QUERY__OBJECT_TYPE__OBJECT_TABLE, RELATION_TABLE, "table", "a table", "DROP TABLE",
      "DROP TABLE to remove a table" },
    { PG_QUERY__OBJECT_TYPE__OBJECT_VIEW, RELATION_VIEW, "view", "a view", "DROP VIEW", "DROP VIEW to remove a view" },
    { PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE, RELATION_SEQUENCE, "sequence", "a sequence", "DROP SEQUENCE",
      "DROP SEQUENCE to remove a sequence" },
};

static bool wrong_kind(struct ddl *d, const struct relation *r, const struct drop_kind *wanted)
{
    ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not %s", STR_FMT(r->name), wanted->article);
    for (size_t i = 0; i < sizeof(drop_kinds) / sizeof(drop_kinds[0]); i++)
        if (drop_kinds[i].kind == r->kind)
            return err_hint(d->err, "Use %s.", drop_kinds[i].command);
    return false;
}

static bool is_index(struct ddl *d, struct str schema, struct str name)
{
    const struct relation *table;
    bool found = false;
    for (size_t i = 0; i < (schema.n ? 1 : d->settings->n_search_path); i++)
        found |= ddl_find_index(d, schema.n ? schema : d->settings->search_path[i], name, &table) != NULL;
    return found;
}

static bool find_relation(struct ddl *d, const Node *object, const struct drop_kind *kind, bool missing_ok,
                          const struct relation **ret)
{
    struct str schema, name;
    if (!ddl_names(d, object->list->items, object->list->n_items, &schema, &name))
        return false;
    const struct relation *r =
        snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path, schema, name);
    *ret = r;
    if (!r && missing_ok && ddl_skips_schema(d, schema))
        return true;
    if (!r && missing_ok)
        return ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "%s \"%.*s\" does not exist, skipping", kind->word,
                          STR_FMT(name)),
               true;
    if (!r && schema.n && !ddl_schema_exists(d, schema))
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(schema));
    if (!r && is_index(d, schema, name)) {
        ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not %s", STR_FMT(name), kind->article);
        return err_hint(d->err, "Use DROP INDEX to remove an index.");
    }
    if (!r && schema.n)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_TABLE, "%s \"%.*s.%.*s\" does not exist", kind->word,
                           STR_FMT(schema), STR_FMT(name));
    if (!r)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_TABLE, "%s \"%.*s\" does not exist", kind->word, STR_FMT(name));
    if (r->is_system && extension_owns(d->snapshot, r)) {
        ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                    "cannot drop view %.*s because extension pg_stat_statements requires it", STR_FMT(r->name));
        return err_hint(d->err, "You can drop extension pg_stat_statements instead.");
    }
    if (r->is_system)
        return ddl_fail_at(d, -1, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied: \"%.*s\" is a system catalog",
                           STR_FMT(r->name));
    bool table = kind->kind == RELATION_TABLE && r->kind == RELATION_VIRTUAL;
    return r->kind == kind->kind || table ? true : wrong_kind(d, r, kind);
}

static bool is_rowid_sequence(const struct ddl *d, const struct relation *sequence)
{
    const struct relation *table =
        sequence->seq_owner_table.n
            ? snapshot_relation(d->snapshot, NULL, 0, sequence->schema, sequence->seq_owner_table)
            : NULL;
    const struct column *column = table ? relation_column(table, sequence->seq_owner_column) : NULL;
    return column && (column->sequence_is_rowid || column->identity);
}

static bool drop_named(struct ddl *d, const PgQuery__DropStmt *stmt, const struct drop_kind *kind)
{
    struct drop drop = { .cascade = stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE };
    d->plan->tag = kind->tag;
    for (size_t i = 0; i < stmt->n_objects; i++) {
        const struct relation *r;
        if (!find_relation(d, stmt->objects[i], kind, stmt->missing_ok, &r))
            return false;
        if (r && !is_dropped(&drop, r) && !DDL_PUSH(d, drop.relations, drop.n_relations, r))
            return false;
    }
    drop.n_named = drop.n_relations;
    if (drop.n_relations == 0)
        return ddl_nothing(d, kind->tag);
    for (size_t i = 0; i < drop.n_relations && kind->kind == RELATION_SEQUENCE; i++) {
        const struct relation *r = drop.relations[i];
        if (is_rowid_sequence(d, r) && snapshot_relation(d->snapshot, NULL, 0, r->schema, r->seq_owner_table)) {
            const struct column *c = relation_column(
                snapshot_relation(d->snapshot, NULL, 0, r->schema, r->seq_owner_table), r->seq_owner_column);
            if (!c->identity)
                continue;
            ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                        "cannot drop sequence %.*s because column %.*s of table %.*s requires it", STR_FMT(r->name),
                        STR_FMT(c->name), STR_FMT(r->seq_owner_table));
            return err_hint(d->err, "You can drop column %.*s of table %.*s instead.", STR_FMT(c->name),
                            STR_FMT(r->seq_owner_table));
        }
    }
    return collect_dependents(d, &drop) && drop_relations(d, &drop);
}

/* ---- indexes ---- */
static bool refuse_key_index(struct ddl *d, const struct relation *table, const struct index *index)
{
    for (size_t i = 0; i < table->n_constraints; i++) {
        const struct constraint *c = &table->constraints[i];
        if ((c->kind != 'p' && c->kind != 'u') || !str_eq(c->name, index->name))
            continue;
        ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                    "cannot drop index %.*s because constraint %.*s on table %.*s requires it",
                    STR_FMT(name_quote(index->name, d->arena)), STR_FMT(name_quote(c->name, d->arena)),
                    STR_FMT(ddl_shown(d, table->schema, table->name)));
        return err_hint(d->err, "You can drop constraint %.*s on table %.*s instead.",
                        STR_FMT(name_quote(c->name, d->arena)), STR_FMT(ddl_shown(d, table->schema, table->name)));
    }
    return true;
}

static bool drop_index(struct ddl *d, const struct relation *table, const struct index *index)
{
    return ddl_sql(d, "DROP INDEX %.*s", STR_FMT(ddl_quote(d, index->sqlite_name))) &&
           ddl_side_delete(d, "index", table->schema, index->name);
}

static bool find_index(struct ddl *d, struct str schema, struct str name, const struct relation **ret_table,
                       const struct index **ret)
{
    *ret = NULL;
    for (size_t i = 0; i < (schema.n ? 1 : d->settings->n_search_path) && !*ret; i++)
        *ret = ddl_find_index(d, schema.n ? schema : d->settings->search_path[i], name, ret_table);
    return *ret != NULL;
}

/* Unique indexes that foreign keys of other tables need. */
static bool index_is_needed(struct ddl *d, const struct relation *table, const struct index *index)
{
    for (size_t i = 0; i < d->snapshot->n_relations && index->unique; i++) {
        const struct relation *child = &d->snapshot->relations[i];
        for (size_t k = 0; k < child->n_constraints; k++) {
            const struct constraint *c = &child->constraints[k];
            if (c->kind != 'f' || !str_eq(c->foreign_table, table->name) || !str_eq(c->foreign_schema, table->schema) ||
                c->n_columns != index->n_columns)
                continue;
            size_t same = 0;
            for (size_t a = 0; a < c->n_columns; a++)
                for (size_t b = 0; b < index->n_columns; b++)
                    same += c->foreign_columns[a] == index->columns[b].column;
            if (same < c->n_columns)
                continue;
            ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                        "cannot drop index %.*s because other objects depend on it",
                        STR_FMT(name_quote(index->name, d->arena)));
            err_detail(d->err, "constraint %.*s on table %.*s depends on index %.*s",
                       STR_FMT(name_quote(c->name, d->arena)), STR_FMT(ddl_shown(d, child->schema, child->name)),
                       STR_FMT(name_quote(index->name, d->arena)));
            err_hint(d->err, "Use DROP ... CASCADE to drop the dependent objects too.");
            return true;
        }
    }
    return false;
}

static bool drop_indexes(struct ddl *d, const PgQuery__DropStmt *stmt)
{
    d->plan->tag = "DROP INDEX";
    for (size_t i = 0; i < stmt->n_objects; i++) {
        const PgQuery__List *list = stmt->objects[i]->list;
        const struct relation *table;
        const struct index *index;
        struct str schema, name;
        if (!ddl_names(d, list->items, list->n_items, &schema, &name))
            return false;
        if (find_index(d, schema, name, &table, &index)) {
            if (!refuse_key_index(d, table, index) || index_is_needed(d, table, index) || !drop_index(d, table, index))
                return false;
            continue;
        }
        const struct relation *other =
            snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path, schema, name);
        if (other) {
            static const struct drop_kind index_kind = { .article = "an index" };
            return wrong_kind(d, other, &index_kind);
        }
        if (!stmt->missing_ok && schema.n && !ddl_schema_exists(d, schema))
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(schema));
        if (!stmt->missing_ok)
            return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "index \"%.*s\" does not exist", STR_FMT(name));
        if (ddl_skips_schema(d, schema))
            continue;
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "index \"%.*s\" does not exist, skipping", STR_FMT(name));
    }
    return d->plan->n_statements ? true : ddl_nothing(d, "DROP INDEX");
}

/* ---- types and schemas ---- */
static struct str columns_of_type(struct ddl *d, struct str detail, oid_t type, struct str shown, const char *suffix)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        for (size_t k = 0; k < r->n_columns; k++)
            if (r->columns[k].type == type)
                detail = ddl_printf(d, "%.*s%scolumn %.*s of %.*s depends on type %.*s%s", STR_FMT(detail),
                                    detail.n ? "\n" : "", STR_FMT(name_quote(r->columns[k].name, d->arena)),
                                    STR_FMT(described(d, r)), STR_FMT(shown), suffix);
    }
    return detail;
}

static bool type_dependents(struct ddl *d, const struct user_type *type, struct str *ret_detail)
{
    struct str shown = ddl_shown(d, type->schema, type->name);
    struct str detail = columns_of_type(d, STR(""), type->array, shown, "[]");
    detail = columns_of_type(d, detail, type->oid, shown, "");
    for (size_t i = 0; i < d->snapshot->n_types; i++)
        if (d->snapshot->types[i].base == type->oid)
            detail = ddl_printf(d, "%.*s%stype %.*s depends on type %.*s", STR_FMT(detail), detail.n ? "\n" : "",
                                STR_FMT(ddl_shown(d, d->snapshot->types[i].schema, d->snapshot->types[i].name)),
                                STR_FMT(shown));
    *ret_detail = detail;
    return detail.p != NULL;
}

/* The one table whose columns are of the type: two rebuilds in one batch would not know of each other. */
static bool only_user(struct ddl *d, const struct user_type *type, const struct relation **ret, size_t *ret_n)
{
    *ret = NULL;
    *ret_n = 0;
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        for (size_t k = 0; k < r->n_columns; k++) {
            if (r->columns[k].type != type->oid && r->columns[k].type != type->array)
                continue;
            if ((*ret && *ret != r) || r->kind != RELATION_TABLE)
                return ddl_refuse(d, -1, "Drop the columns first.",
                                  "DROP TYPE … CASCADE of a type that several tables, or a view, use");
            if (r->is_temporary)
                return ddl_refuse(d, -1, "Drop the column of the temporary table first.",
                                  "DROP TYPE … CASCADE of a type that a temporary table uses");
            *ret = r;
            (*ret_n)++;
        }
    }
    for (size_t i = 0; i < d->snapshot->n_types; i++)
        if (d->snapshot->types[i].base == type->oid)
            return ddl_refuse(d, -1, "Drop the domain first.",
                              "DROP TYPE … CASCADE of a type that a domain is made of");
    return true;
}

/* ALTER TABLE … DROP COLUMN … CASCADE of each column of the type. */
static bool drop_columns_of(struct ddl *d, const struct user_type *type)
{
    const struct relation *r;
    size_t n, at = 0;
    if (!only_user(d, type, &r, &n) || !r)
        return false;
    PgQuery__RangeVar range = PG_QUERY__RANGE_VAR__INIT;
    PgQuery__AlterTableStmt alter = PG_QUERY__ALTER_TABLE_STMT__INIT;
    PgQuery__AlterTableCmd *commands = DDL_ARRAY(d, PgQuery__AlterTableCmd, n);
    Node *nodes = DDL_ARRAY(d, Node, n), **list = DDL_ARRAY(d, Node *, n);
    struct str *names = DDL_ARRAY(d, struct str, n);
    const char *tag = d->plan->tag;
    for (size_t k = 0; commands && nodes && list && names && k < r->n_columns; k++) {
        if (r->columns[k].type != type->oid && r->columns[k].type != type->array)
            continue;
        names[at] = ddl_described_column(d, r, r->columns[k].name);
        pg_query__alter_table_cmd__init(&commands[at]);
        commands[at].subtype = PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn;
        commands[at].behavior = PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
        commands[at].name = arena_cstr(d->arena, r->columns[k].name);
        pg_query__node__init(&nodes[at]);
        nodes[at].node_case = PG_QUERY__NODE__NODE_ALTER_TABLE_CMD;
        nodes[at].alter_table_cmd = &commands[at];
        list[at] = &nodes[at];
        at++;
    }
    ddl_cascade_notice(d, names, at);
    range.schemaname = arena_cstr(d->arena, r->schema);
    range.relname = arena_cstr(d->arena, r->name);
    range.location = -1;
    alter.relation = &range;
    alter.cmds = list;
    alter.n_cmds = at;
    alter.objtype = PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
    bool ok = at == n && range.schemaname && range.relname && ddl_alter_table(d, &alter);
    d->plan->tag = tag;
    return ok;
}

static bool drop_type(struct ddl *d, const PgQuery__DropStmt *stmt, const PgQuery__TypeName *type_name)
{
    struct str schema, name, detail;
    bool domain = stmt->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN;
    if (!ddl_names(d, type_name->names, type_name->n_names, &schema, &name))
        return false;
    const struct user_type *type = ddl_find_type(d, schema, name);
    if (!type && stmt->missing_ok && ddl_skips_schema(d, schema))
        return true;
    if (!type && stmt->missing_ok)
        return ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "type \"%.*s\" does not exist, skipping", STR_FMT(name)),
               true;
    if (!type && (str_is(schema, "pg_catalog") || pg_type_by_name(name)))
        return ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                           "cannot drop type %.*s because it is required by the database system", STR_FMT(name));
    if (!type)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "type \"%.*s\" does not exist", STR_FMT(name));
    if (domain && type->kind != 'd')
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a domain", STR_FMT(name));
    if (!type_dependents(d, type, &detail))
        return false;
    if (detail.n && stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
        return drop_columns_of(d, type) && ddl_side_delete(d, "type", type->schema, type->name);
    if (detail.n) {
        ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                    "cannot drop type %.*s because other objects depend on it",
                    STR_FMT(ddl_shown(d, type->schema, type->name)));
        err_detail(d->err, "%.*s", STR_FMT(detail));
        return err_hint(d->err, "Use DROP ... CASCADE to drop the dependent objects too.");
    }
    return ddl_side_delete(d, "type", type->schema, type->name);
}

static bool drop_types(struct ddl *d, const PgQuery__DropStmt *stmt)
{
    const char *tag = stmt->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN ? "DROP DOMAIN" : "DROP TYPE";
    d->plan->tag = tag;
    for (size_t i = 0; i < stmt->n_objects; i++)
        if (!drop_type(d, stmt, stmt->objects[i]->type_name))
            return false;
    return d->plan->n_statements ? true : ddl_nothing(d, tag);
}

static bool schema_contents(struct ddl *d, struct str schema, bool cascade, struct drop *drop, struct str *ret_detail)
{
    struct str detail = STR("");
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        if (!str_eq(r->schema, schema))
            continue;
        if (cascade ? !DDL_PUSH(d, drop->relations, drop->n_relations, r) : false)
            return false;
        if (r->kind == RELATION_SEQUENCE && r->seq_owner_table.n)
            continue; /* goes with its table */
        detail = ddl_printf(d, "%.*s%s%.*s depends on schema %.*s", STR_FMT(detail), detail.n ? "\n" : "",
                            STR_FMT(described(d, r)), STR_FMT(schema));
    }
    for (size_t i = 0; i < d->snapshot->n_types; i++) {
        const struct user_type *type = &d->snapshot->types[i];
        if (!str_eq(type->schema, schema))
            continue;
        struct str what = ddl_printf(d, "type %.*s", STR_FMT(ddl_shown(d, type->schema, type->name)));
        detail = ddl_printf(d, "%.*s%s%.*s depends on schema %.*s", STR_FMT(detail), detail.n ? "\n" : "",
                            STR_FMT(what), STR_FMT(schema));
        if (!DDL_PUSH(d, drop->cascades, drop->n_cascades, what) ||
            (cascade && !ddl_side_delete(d, "type", type->schema, type->name)))
            return false;
    }
    *ret_detail = detail;
    return detail.p != NULL;
}

static bool drop_schema(struct ddl *d, const PgQuery__DropStmt *stmt, struct str name)
{
    struct drop drop = { .cascade = stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE, .of_schema = true };
    struct str detail;
    if (!ddl_schema_exists(d, name)) {
        if (!stmt->missing_ok)
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(name));
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "schema \"%.*s\" does not exist, skipping", STR_FMT(name));
        return true;
    }
    if (str_is(name, "pg_catalog") || str_is(name, "information_schema") || str_is(name, "pgd1"))
        return ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                           "cannot drop schema %.*s because it is required by the database system", STR_FMT(name));
    if (str_is(name, "public"))
        return ddl_refuse(d, -1, "Schema public is D1's database itself: drop its tables.", "DROP SCHEMA public");
    if (!schema_contents(d, name, drop.cascade, &drop, &detail))
        return false;
    if (detail.n && !drop.cascade) {
        ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                    "cannot drop schema %.*s because other objects depend on it", STR_FMT(name));
        err_detail(d->err, "%.*s", STR_FMT(detail));
        return err_hint(d->err, "Use DROP ... CASCADE to drop the dependent objects too.");
    }
    drop.n_named = drop.n_relations;
    if (!collect_dependents(d, &drop) || (drop.n_relations && !drop_relations(d, &drop)))
        return false;
    return ddl_side_delete(d, "schema", name, STR(""));
}

static bool drop_schemas(struct ddl *d, const PgQuery__DropStmt *stmt)
{
    d->plan->tag = "DROP SCHEMA";
    for (size_t i = 0; i < stmt->n_objects; i++)
        if (!drop_schema(d, stmt, ddl_string(stmt->objects[i])))
            return false;
    return d->plan->n_statements ? true : ddl_nothing(d, "DROP SCHEMA");
}

static bool drop_missing(struct ddl *d, const PgQuery__DropStmt *stmt)
{
    if (stmt->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW) {
        static const struct drop_kind matview = { PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW,
                                                  RELATION_VIRTUAL,
                                                  "materialized view",
                                                  "a materialized view",
                                                  "DROP MATERIALIZED VIEW",
                                                  "DROP MATERIALIZED VIEW to remove a materialized view" };
        return drop_named(d, stmt, &matview);
    }
    return ddl_drop_missing(d, stmt);
}

bool ddl_drop(struct ddl *d, const PgQuery__DropStmt *stmt)
{
    for (size_t i = 0; i < sizeof(drop_kinds) / sizeof(drop_kinds[0]); i++)
        if (drop_kinds[i].object == stmt->remove_type)
            return drop_named(d, stmt, &drop_kinds[i]);
    switch (stmt->remove_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
        return (!stmt->concurrent || ddl_not_in_block(d, "DROP INDEX CONCURRENTLY")) && drop_indexes(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
        return drop_types(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        return drop_schemas(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_EXTENSION:
        return ddl_drop_extensions(d, stmt);
    default:
        return drop_missing(d, stmt);
    }
}

/* ---- TRUNCATE ---- */
static bool restart_sequence(struct ddl *d, const struct relation *sequence)
{
    struct str sql = ddl_printf(d, "UPDATE _pgd1_sequence SET last_value = %lld, is_called = 0 WHERE name = ?1",
                                (long long)sequence->seq_start);
    return sql.p && ddl_sql_texts(d, sql.p, &sequence->sqlite_name, 1);
}

/* RESTART IDENTITY is of every sequence that a column owns, whatever its default is. */
static bool truncate_one(struct ddl *d, const struct relation *r, bool restart)
{
    if (!ddl_sql(d, "DELETE FROM %.*s", STR_FMT(ddl_quote(d, r->sqlite_name))))
        return false;
    for (size_t i = 0; i < d->snapshot->n_relations && restart; i++) {
        const struct relation *sequence = &d->snapshot->relations[i];
        if (sequence->kind != RELATION_SEQUENCE || !str_eq(sequence->seq_owner_table, r->name) ||
            !str_eq(sequence->schema, r->schema))
            continue;
        const struct column *owner = relation_column(r, sequence->seq_owner_column);
        if (owner && owner->sequence_is_rowid ? !ddl_restart_rowid(d, r, sequence->seq_start)
                                              : !restart_sequence(d, sequence))
            return false;
    }
    return true;
}

/* Tables whose keys refer to one of the list: with CASCADE they join it. */
static bool truncate_children(struct ddl *d, struct drop *list, size_t at)
{
    const struct relation *parent = list->relations[at];
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *child = &d->snapshot->relations[i];
        if (is_dropped(list, child) || !relation_refers_to(child, parent))
            continue;
        if (!list->cascade) {
            ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                        "cannot truncate a table referenced in a foreign key constraint");
            err_detail(d->err, "Table \"%.*s\" references \"%.*s\".", STR_FMT(child->name), STR_FMT(parent->name));
            return err_hint(d->err, "Truncate table \"%.*s\" at the same time, or use TRUNCATE ... CASCADE.",
                            STR_FMT(child->name));
        }
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "truncate cascades to table \"%.*s\"", STR_FMT(child->name));
        if (!DDL_PUSH(d, list->relations, list->n_relations, child))
            return false;
    }
    return true;
}

bool ddl_truncate(struct ddl *d, const PgQuery__TruncateStmt *stmt)
{
    struct drop list = { .cascade = stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE };
    d->plan->tag = "TRUNCATE TABLE";
    d->plan->kind = PLAN_CHANGE;
    for (size_t i = 0; i < stmt->n_relations; i++) {
        const struct relation *r;
        if (!ddl_relation(d, stmt->relations[i]->range_var, false, &r))
            return false;
        if (r->kind != RELATION_TABLE && r->kind != RELATION_VIRTUAL)
            return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a table", STR_FMT(r->name));
        if (!is_dropped(&list, r) && !DDL_PUSH(d, list.relations, list.n_relations, r))
            return false;
    }
    for (size_t i = 0; i < list.n_relations; i++)
        if (!truncate_children(d, &list, i))
            return false;
    if (list.n_relations > 1 && !ddl_sql(d, "PRAGMA defer_foreign_keys=on"))
        return false;
    for (size_t i = list.n_relations; i-- > 0;) /* children stand behind their parents, or are deferred */
        if (!truncate_one(d, list.relations[i], stmt->restart_seqs))
            return false;
    d->plan->writes = list.relations;
    d->plan->n_writes = list.n_relations;
    return true;
}
