/*
 * ddl_set_constraints.c - SET CONSTRAINTS: migrations say IMMEDIATE before they alter a table whose deferred keys may wait.
 *
 * SQLite checks deferred keys when the batch ends, and cannot be told to check some at once. IMMEDIATE looks for violations now, which
 * is what the statement is for; a violation made later still fails, at the end.
 */
#include "proxy/sql/ddl_internal.h"

#include "proxy/sql/emit.h"

static bool guard(struct ddl *d, const struct relation *r)
{
    struct str message =
        ddl_printf(d, "insert or update on table \"%.*s\" violates a foreign key constraint", STR_FMT(r->name));
    struct str rows =
        ddl_printf(d, "pragma_foreign_key_check(%.*s)", STR_FMT(emit_text_literal(r->sqlite_name, d->arena)));
    return ddl_guard(d, SQLSTATE_FOREIGN_KEY_VIOLATION, message, STR(""), rows);
}

static bool set_one(struct ddl *d, const struct relation *r, const struct constraint *c, bool deferred)
{
    if (!c->deferrable && !deferred)
        return true; /* it is always immediate */
    if (!c->deferrable)
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "constraint \"%.*s\" is not deferrable",
                           STR_FMT(c->name));
    if (!deferred)
        return guard(d, r);
    return c->deferred ? true
                       : ddl_refuse(d, -1, "Declare the constraint INITIALLY DEFERRED.",
                                    "SET CONSTRAINTS … DEFERRED of a constraint that is INITIALLY IMMEDIATE");
}

static bool set_named(struct ddl *d, const PgQuery__RangeVar *name, bool deferred)
{
    bool found = false;
    struct str schema = str_from(name->schemaname);
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        bool visible = schema.n ? str_eq(r->schema, schema) : false;
        for (size_t p = 0; p < d->settings->n_search_path && !schema.n; p++)
            visible |= str_eq(r->schema, d->settings->search_path[p]);
        for (size_t k = 0; k < r->n_constraints && visible; k++) {
            if (!str_is(r->constraints[k].name, name->relname))
                continue;
            found = true;
            if (!set_one(d, r, &r->constraints[k], deferred))
                return false;
        }
    }
    return found ? true
                 : ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" does not exist", name->relname);
}

static bool set_all(struct ddl *d, bool deferred)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        for (size_t k = 0; k < r->n_constraints; k++)
            if (r->constraints[k].deferrable && !set_one(d, r, &r->constraints[k], deferred))
                return false;
    }
    return true;
}

bool ddl_set_constraints(struct ddl *d, const PgQuery__ConstraintsSetStmt *stmt)
{
    d->plan->tag = "SET CONSTRAINTS";
    d->plan->kind = PLAN_CHANGE;
    for (size_t i = 0; i < stmt->n_constraints; i++)
        if (!set_named(d, stmt->constraints[i]->range_var, stmt->deferred))
            return false;
    if (!stmt->n_constraints && !set_all(d, stmt->deferred))
        return false;
    return d->plan->n_statements ? true : ddl_nothing(d, d->plan->tag);
}
