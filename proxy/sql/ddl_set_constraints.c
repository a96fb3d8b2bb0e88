/*
 * ddl_set_constraints.c - SET CONSTRAINTS: which foreign keys it names. What it does is the transaction's (txn/key_modes.h).
 */
#include "proxy/sql/ddl_internal.h"

static bool add(struct ddl *d, struct plan_constraints *p, const struct constraint *c)
{
    if (c->deferrable && p->deferred && !c->deferred)
        d->plan->access = D1_WRITE; /* SQLite is to be told, in each batch from now on */
    if (c->deferrable)
        return DDL_PUSH(d, p->constraints, p->n_constraints, c->oid);
    if (!p->deferred)
        return true; /* it is always immediate */
    return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "constraint \"%.*s\" is not deferrable", STR_FMT(c->name));
}

static bool is_visible(const struct ddl *d, const struct relation *r, struct str schema)
{
    for (size_t i = 0; i < d->settings->n_search_path && !schema.n; i++)
        if (str_eq(r->schema, d->settings->search_path[i]))
            return true;
    return schema.n && str_eq(r->schema, schema);
}

static bool set_named(struct ddl *d, struct plan_constraints *p, const PgQuery__RangeVar *name)
{
    bool found = false;
    struct str schema = str_from(name->schemaname);
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        for (size_t k = 0; is_visible(d, r, schema) && k < r->n_constraints; k++) {
            if (!str_is(r->constraints[k].name, name->relname) || r->constraints[k].kind == 'c')
                continue;
            found = true;
            if (!add(d, p, &r->constraints[k]))
                return false;
        }
    }
    return found ? true
                 : ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" does not exist", name->relname);
}

bool ddl_set_constraints(struct ddl *d, const PgQuery__ConstraintsSetStmt *stmt)
{
    struct plan_constraints *p = DDL_ARRAY(d, struct plan_constraints, 1);
    ddl_nothing(d, "SET CONSTRAINTS");
    d->plan->kind = PLAN_SET_CONSTRAINTS;
    d->plan->utility.constraints = p;
    if (!p)
        return false;
    p->deferred = stmt->deferred;
    p->all = !stmt->n_constraints;
    for (size_t i = 0; i < stmt->n_constraints; i++)
        if (!set_named(d, p, stmt->constraints[i]->range_var))
            return false;
    for (size_t i = 0; i < d->snapshot->n_relations; i++)
        for (size_t k = 0; k < d->snapshot->relations[i].n_constraints; k++) {
            const struct constraint *c = &d->snapshot->relations[i].constraints[k];
            if (p->all && c->deferrable && !add(d, p, c))
                return false;
        }
    return true;
}
