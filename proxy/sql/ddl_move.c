/*
 * ddl_move.c - ALTER … SET SCHEMA of tables and sequences: their names in D1 begin with the schema's, so all that is the table's gets new
 * names; see ddl_internal.h.
 *
 * Not here views and types, and tables that views use: their texts would have to be written anew (0A000).
 */
#include "proxy/sql/ddl_rename.h"

#include "proxy/catalog/names.h"
#include "proxy/catalog/sqlite_ddl.h"

static bool move_side_row(struct ddl *d, const char *kind, struct str from, struct str name, struct str to)
{
    struct str texts[] = { str_from(kind), from, name, to };
    return !d->snapshot->has_side_catalog ||
           ddl_sql_texts(d, "UPDATE _pgd1_catalog SET schema = ?4 WHERE kind = ?1 AND schema = ?2 AND name = ?3", texts,
                         4);
}

/* ---- whether it can be done ---- */
static bool is_free(struct ddl *d, struct str schema, struct str name)
{
    bool exists;
    if (ddl_relation_taken(d, schema, name))
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_TABLE, "relation \"%.*s\" already exists in schema \"%.*s\"",
                           STR_FMT(name), STR_FMT(schema));
    return ddl_new_relation_name(d, schema, name, -1, false, &exists);
}

static bool is_owned_by(const struct relation *sequence, const struct relation *r)
{
    return sequence->kind == RELATION_SEQUENCE && str_eq(sequence->schema, r->schema) &&
           str_eq(sequence->seq_owner_table, r->name);
}

static bool check_table(struct ddl *d, const struct relation *r, struct str to)
{
    for (size_t i = 0; i < r->n_indexes; i++)
        if (!is_free(d, to, r->indexes[i].name))
            return false;
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *other = &d->snapshot->relations[i];
        if (is_owned_by(other, r) && !is_free(d, to, other->name))
            return false;
        if (other->kind == RELATION_VIEW && ddl_view_uses(d, other, r))
            return ddl_refuse(d, -1, "Drop the views, and create them again behind it.",
                              "SET SCHEMA of table \"%.*s\", which view \"%.*s\" uses,", STR_FMT(r->name),
                              STR_FMT(other->name));
    }
    return true;
}

/* ---- sequences ---- */
static struct str call_of(struct ddl *d, struct str schema, struct str name)
{
    struct str prefix = str_is(schema, "public") ? STR("") : schema;
    return ddl_printf(d, "nextval(%.*s", STR_FMT(name_literal(name_qualified(prefix, name, d->arena), d->arena)));
}

/* Defaults say where the sequence is; those of rowids follow from their table. */
static bool move_default(struct ddl *d, const struct relation *r, const struct column *c, struct str old_call,
                         struct str new_call)
{
    ptrdiff_t at = str_find(c->default_text, old_call);
    cJSON *detail = at < 0 || c->sequence_is_rowid ? NULL : cJSON_CreateObject();
    if (at < 0 || c->sequence_is_rowid)
        return true;
    if (!detail)
        return err_oom(d->err);
    size_t behind = (size_t)at + old_call.n;
    ddl_side_text(detail, "default",
                  ddl_printf(d, "%.*s%.*s%.*s", (int)at, c->default_text.p, STR_FMT(new_call),
                             (int)(c->default_text.n - behind), c->default_text.p + behind));
    return ddl_side_put_child(d, "column", r->schema, r->name, c->name, detail);
}

static bool move_sequence(struct ddl *d, const struct relation *sequence, struct str to)
{
    struct str names[] = { sequence->sqlite_name, ddl_sqlite_name(d, to, sequence->name) };
    struct str old_call = call_of(d, sequence->schema, sequence->name), new_call = call_of(d, to, sequence->name);
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        for (size_t k = 0; k < r->n_columns && r->kind == RELATION_TABLE; k++)
            if (!move_default(d, r, &r->columns[k], old_call, new_call))
                return false;
    }
    return move_side_row(d, "sequence", sequence->schema, sequence->name, to) &&
           (!d->snapshot->has_sequence_table ||
            ddl_sql_texts(d, "UPDATE _pgd1_sequence SET name = ?2 WHERE name = ?1", names, 2));
}

/* ---- tables ---- */
static bool move_indexes(struct ddl *d, const struct relation *r, struct str to)
{
    for (size_t i = 0; i < r->n_indexes; i++) {
        const struct index *index = &r->indexes[i];
        if (index->sqlite_name.n && ddl_object_sql(d, "index", index->sqlite_name).n &&
            !ddl_remake_index(d, index, ddl_sqlite_name(d, to, index->name)))
            return false;
        if (!move_side_row(d, "index", r->schema, index->name, to))
            return false;
    }
    return true;
}

static bool move_table(struct ddl *d, const struct relation *r, struct str to)
{
    struct str texts[] = { r->schema, r->name, name_child_prefix(r->name, d->arena), to };
    if (!check_table(d, r, to) || !move_indexes(d, r, to))
        return false;
    for (size_t i = 0; i < d->snapshot->n_relations; i++)
        if (is_owned_by(&d->snapshot->relations[i], r) &&
            ddl_side_find(d, "sequence", r->schema, d->snapshot->relations[i].name) &&
            !move_sequence(d, &d->snapshot->relations[i], to))
            return false;
    return ddl_sql(d, "PRAGMA legacy_alter_table=off") &&
           ddl_sql(d, "ALTER TABLE %.*s RENAME TO %.*s", STR_FMT(ddl_quote(d, r->sqlite_name)),
                   STR_FMT(ddl_quote(d, ddl_sqlite_name(d, to, r->name)))) &&
           (!d->snapshot->has_side_catalog ||
            ddl_sql_texts(d,
                          "UPDATE _pgd1_catalog SET schema = ?4 WHERE schema = ?1 AND (kind = 'table' AND name = ?2"
                          " OR kind IN ('column', 'constraint') AND substr(name, 1, length(?3)) = ?3)",
                          texts, 4));
}

/* ---- the statement ---- */
static bool check_target(struct ddl *d, const struct relation *r, PgQuery__ObjectType wanted, struct str to)
{
    struct str schema;
    bool view = wanted == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW,
         sequence = wanted == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE;
    if ((view && r->kind != RELATION_VIEW) || (sequence && r->kind != RELATION_SEQUENCE))
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a %s", STR_FMT(r->name),
                           view ? "view" : "sequence");
    if (r->kind == RELATION_SEQUENCE && r->seq_owner_table.n) {
        ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot move an owned sequence into another schema");
        return err_detail(d->err, "Sequence \"%.*s\" is linked to table \"%.*s\".", STR_FMT(r->name),
                          STR_FMT(r->seq_owner_table));
    }
    if (!ddl_schema_exists(d, to))
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(to));
    if (r->is_temporary || ddl_is_temporary_schema(to))
        return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "cannot move objects into or out of temporary schemas");
    return ddl_creation_schema(d, to, -1, &schema);
}

static bool move_relation(struct ddl *d, const PgQuery__AlterObjectSchemaStmt *stmt)
{
    const struct relation *r;
    struct str to = str_from(stmt->newschema);
    const char *tag = d->plan->tag;
    if (!ddl_relation(d, stmt->relation, stmt->missing_ok, &r))
        return false;
    if (!r) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "relation \"%s\" does not exist, skipping",
                   stmt->relation->relname);
        return ddl_nothing(d, tag);
    }
    if (!check_target(d, r, stmt->object_type, to))
        return false;
    if (str_eq(r->schema, to))
        return ddl_nothing(d, tag);
    if (r->kind != RELATION_TABLE && r->kind != RELATION_SEQUENCE)
        return ddl_refuse(d, -1, "Create it anew in the other schema.", "SET SCHEMA of a view");
    if (!is_free(d, to, r->name))
        return false;
    return r->kind == RELATION_TABLE ? move_table(d, r, to) : move_sequence(d, r, to);
}

bool ddl_set_schema(struct ddl *d, const PgQuery__AlterObjectSchemaStmt *stmt)
{
    switch (stmt->object_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
        d->plan->tag = "ALTER TABLE";
        return move_relation(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
        d->plan->tag = "ALTER SEQUENCE";
        return move_relation(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
        d->plan->tag = "ALTER VIEW";
        return move_relation(d, stmt);
    default:
        return ddl_missing(d, stmt->object_type, stmt->object) &&
               ddl_refuse(d, -1, "Tables and sequences can be moved.", "SET SCHEMA of this kind of object");
    }
}
