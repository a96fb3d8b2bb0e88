/* ddl_persistence.c - UNLOGGED, which D1 has not: it is kept to be shown (pg_class.relpersistence); see ddl_internal.h. */
#include "proxy/sql/ddl_internal.h"

bool ddl_is_unlogged(const PgQuery__RangeVar *name)
{
    return name->relpersistence && name->relpersistence[0] == 'u';
}

static bool put(struct ddl *d, const char *kind, struct str schema, struct str name, bool unlogged)
{
    cJSON *detail = cJSON_CreateObject();
    if (!detail ||
        !(unlogged ? cJSON_AddTrueToObject(detail, "unlogged") : cJSON_AddNullToObject(detail, "unlogged"))) {
        cJSON_Delete(detail);
        return err_oom(d->err);
    }
    return ddl_side_put(d, kind, schema, name, detail);
}

bool ddl_unlogged_side(struct ddl *d, const PgQuery__RangeVar *created, const char *kind, struct str schema)
{
    return !ddl_is_unlogged(created) || put(d, kind, schema, str_from(created->relname), true);
}

bool ddl_may_reference(struct ddl *d, bool unlogged, const struct relation *referenced)
{
    return unlogged || !referenced->is_unlogged ||
           ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION,
                       "constraints on permanent tables may reference only permanent tables");
}

/* errtable(), errtableconstraint() */
static bool tell_table(struct ddl *d, const struct relation *r)
{
    d->err->schema = r->schema;
    d->err->table = r->name;
    return false;
}

/* ATPrepChangePersistence: no key of a permanent table to one that is not. */
static bool keys_allow(struct ddl *d, const struct relation *r, bool unlogged)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *other = &d->snapshot->relations[i];
        const struct constraint *key = other == r ? NULL
                                       : unlogged ? relation_key_to(other, r)
                                                  : relation_key_to(r, other);
        if (!key || other->is_unlogged == unlogged)
            continue;
        ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION,
                    "could not change table \"%.*s\" to %s because it references %s table \"%.*s\"", STR_FMT(r->name),
                    unlogged ? "unlogged" : "logged", unlogged ? "logged" : "unlogged", STR_FMT(other->name));
        d->err->constraint = key->name;
        return tell_table(d, r);
    }
    return true;
}

bool ddl_set_logged(struct ddl *d, const struct relation *r, bool logged)
{
    if (r->is_temporary) {
        ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION,
                    "cannot change logged status of table \"%.*s\" because it is temporary", STR_FMT(r->name));
        return tell_table(d, r);
    }
    if (r->is_unlogged == !logged)
        return true;
    return keys_allow(d, r, !logged) &&
           put(d, r->kind == RELATION_SEQUENCE ? "sequence" : "table", r->schema, r->name, !logged);
}
