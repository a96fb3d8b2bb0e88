/* ddl_dependents.c - what stands on something that is about to be dropped, and PostgreSQL's words about it; see ddl_internal.h. */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/names.h"
#include "proxy/sql/stored_text.h"

struct str ddl_described_column(struct ddl *d, const struct relation *r, struct str column)
{
    return ddl_printf(d, "column %.*s of %s %.*s", STR_FMT(name_quote(column, d->arena)),
                      r->kind == RELATION_VIEW ? "view" : "table", STR_FMT(ddl_shown(d, r->schema, r->name)));
}

struct str ddl_described_constraint(struct ddl *d, const struct relation *r, struct str constraint)
{
    return ddl_printf(d, "constraint %.*s on table %.*s", STR_FMT(name_quote(constraint, d->arena)),
                      STR_FMT(ddl_shown(d, r->schema, r->name)));
}

bool ddl_dependent(struct ddl *d, struct dependents *list, struct str what, struct str on)
{
    struct str line = ddl_printf(d, "%.*s depends on %.*s", STR_FMT(what), STR_FMT(on));
    return line.p && DDL_PUSH(d, list->lines, list->n_lines, line) && DDL_PUSH(d, list->names, list->n_names, what);
}

static bool has_view(const struct dependents *list, const struct relation *view)
{
    for (size_t i = 0; i < list->n_views; i++)
        if (list->views[i] == view)
            return true;
    return false;
}

static bool add_view(struct ddl *d, struct dependents *list, const struct relation *view, struct str on)
{
    struct str what = ddl_printf(d, "view %.*s", STR_FMT(ddl_shown(d, view->schema, view->name)));
    if (has_view(list, view))
        return true;
    return ddl_dependent(d, list, what, on) && DDL_PUSH(d, list->views, list->n_views, view) &&
           ddl_dependent_views(d, list, view, STR(""), what);
}

struct wanted_use {
    enum system_use use;
    oid_t object;
    bool found;
};

static void note_wanted(void *ctx, enum system_use use, oid_t object, int16_t part)
{
    struct wanted_use *wanted = ctx;
    (void)part;
    wanted->found |= use == wanted->use && object == wanted->object;
}

bool ddl_view_uses_object(struct ddl *d, const struct relation *view, enum system_use use, oid_t object)
{
    struct wanted_use wanted = { .use = use, .object = object };
    struct system_uses uses = { note_wanted, &wanted };
    if (view->view_text.n)
        stored_text_view_uses(d->snapshot, view, &uses, d->arena);
    return wanted.found;
}

bool ddl_dependent_key_views(struct ddl *d, struct dependents *list, const struct relation *r,
                             const struct constraint *key)
{
    struct str on = ddl_described_constraint(d, r, key->name);
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *view = &d->snapshot->relations[i];
        if (view->kind == RELATION_VIEW && ddl_view_uses(d, view, r) &&
            ddl_view_uses_object(d, view, USE_CONSTRAINT, key->oid) && !add_view(d, list, view, on))
            return false;
    }
    return true;
}

bool ddl_dependent_views(struct ddl *d, struct dependents *list, const struct relation *r, struct str column,
                         struct str on)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *view = &d->snapshot->relations[i];
        if (view->kind == RELATION_VIEW && ddl_view_uses(d, view, r) &&
            (!column.n || (ddl_mentions(d, view->sqlite_sql, column) && ddl_view_uses_column(d, view, r, column))) &&
            !add_view(d, list, view, on))
            return false;
    }
    return true;
}

static bool refuse(struct ddl *d, const struct dependents *list, struct str what)
{
    struct str detail = STR("");
    for (size_t i = 0; i < list->n_lines; i++)
        detail = ddl_printf(d, "%.*s%s%.*s", STR_FMT(detail), i ? "\n" : "", STR_FMT(list->lines[i]));
    ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST, "cannot drop %.*s because other objects depend on %s",
                STR_FMT(what), str_is(what, "desired object(s)") ? "them" : "it");
    err_detail(d->err, "%.*s", STR_FMT(detail));
    return err_hint(d->err, "Use DROP ... CASCADE to drop the dependent objects too.");
}

bool ddl_dependents_settle(struct ddl *d, const struct dependents *list, bool cascade, struct str what)
{
    if (list->n_lines && !cascade)
        return refuse(d, list, what);
    ddl_cascade_notice(d, list->names, list->n_names);
    return true;
}

bool ddl_drop_views(struct ddl *d, const struct dependents *list)
{
    for (size_t i = list->n_views; i-- > 0;)
        if (!ddl_sql(d, "DROP VIEW %.*s", STR_FMT(ddl_quote(d, list->views[i]->sqlite_name))) ||
            !ddl_side_delete(d, "view", list->views[i]->schema, list->views[i]->name) ||
            !ddl_side_delete(d, "table", list->views[i]->schema, list->views[i]->name))
            return false;
    return true;
}
