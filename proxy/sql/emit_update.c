/* emit_update.c - UPDATE and DELETE, of rows that D1 finds or that were looked up; see change_private.h. */
#include "proxy/sql/change_private.h"

/* DELETE: a condition by the keys that were looked up. */
static bool looked_up_keys(struct emitter *e, struct str *ret)
{
    const struct looked_up *l = e->shared->looked_up;
    struct str keys = STR(""), reads = STR("");
    struct fragment bound;
    struct bind b = { .source = BIND_LOOKUP, .index = l->bind, .type = TYPE_OID_text, .typmod = -1 };
    if (!emit_bind(e, &b, &bound))
        return false;
    for (size_t i = 0; i < l->n_keys; i++) {
        keys = text_of(e, "%.*s%s%.*s", STR_FMT(keys), i ? "," : "", STR_FMT(l->keys[i]));
        reads = text_of(e, "%.*s%s%.*s", STR_FMT(reads), i ? "," : "", STR_FMT(l->reads[i]));
    }
    *ret = text_of(e, " WHERE (%.*s) IN (SELECT %.*s FROM json_each(%.*s))", STR_FMT(keys), STR_FMT(reads),
                   STR_FMT(bound.sql));
    return ret->p != NULL;
}

/* UPDATE: the rows as a subquery, k0… the key and c0… the new values, and the condition that finds them. */
static bool looked_up_from(struct emitter *e, struct str alias, struct str *ret, struct str *ret_where)
{
    const struct looked_up *l = e->shared->looked_up;
    struct str list = STR("");
    struct fragment bound;
    struct bind b = { .source = BIND_LOOKUP, .index = l->bind, .type = TYPE_OID_text, .typmod = -1 };
    if (!emit_bind(e, &b, &bound))
        return false;
    *ret_where = STR("");
    for (size_t i = 0; i < l->n; i++) {
        bool is_key = i < l->n_keys;
        list = text_of(e, "%.*s%s%.*s AS %c%zu", STR_FMT(list), i ? ", " : "", STR_FMT(l->reads[i]), is_key ? 'k' : 'c',
                       is_key ? i : i - l->n_keys);
        if (is_key)
            *ret_where = text_of(e, "%.*s%s%.*s = %.*s.k%zu", STR_FMT(*ret_where), i ? " AND " : " WHERE ",
                                 STR_FMT(l->keys[i]), STR_FMT(alias), i);
    }
    *ret = text_of(e, "(SELECT %.*s FROM json_each(%.*s)) AS %.*s", STR_FMT(list), STR_FMT(bound.sql), STR_FMT(alias));
    return ret->p && ret_where->p;
}

static bool write_looked_up(struct emitter *e, const struct query *q, struct str name, struct change *ret)
{
    struct str rows, where, returning, sets = STR("");
    size_t n = 0;
    if (q->command == COMMAND_DELETE)
        return looked_up_keys(e, &where) && emit_returning(e, q, ret, &returning) &&
               one_statement(
                   e, text_of(e, "DELETE FROM %.*s%.*s%.*s", STR_FMT(name), STR_FMT(where), STR_FMT(returning)), ret);
    struct str alias = unique_name(e, STR("changed"));
    if (!alias.p || !looked_up_from(e, alias, &rows, &where) || !emit_returning(e, q, ret, &returning))
        return false;
    for (size_t i = 0; i < q->n_sets; i++) {
        if (q->sets[i].column->generated)
            continue;
        struct str column = emit_identifier(q->sets[i].column->name, e->arena);
        sets = text_of(e, "%.*s%s%.*s = %.*s.c%zu", STR_FMT(sets), n ? ", " : "", STR_FMT(column), STR_FMT(alias), n);
        n++;
    }
    return one_statement(e,
                         text_of(e, "UPDATE %.*s SET %.*s FROM %.*s%.*s%.*s", STR_FMT(name), STR_FMT(sets),
                                 STR_FMT(rows), STR_FMT(where), STR_FMT(returning)),
                         ret);
}

/*
 * SQLite works out what an UPDATE sets row by row, and its subqueries see the rows that are changed already; with FROM it works all
 * of it out first, as PostgreSQL's snapshot has it.
 */
static bool set_before_changes(struct emitter *e, const struct query *q, struct str *from)
{
    struct written written;
    bool any = false;
    if (from->n || !q->has_sublinks)
        return true;
    if (!written_tables(e, q, &written))
        return false;
    for (size_t i = 0; i < q->n_sets && !any; i++)
        any = reads_written(q->sets[i].expr, &written);
    if (any)
        *from = STR("(SELECT 1)");
    return true;
}

/* Where no row is found nothing is computed. */
static bool emit_new_values(struct emitter *e, const struct query *q, struct str *ret)
{
    bool may_find_none = q->where || q->n_from;
    e->conditional += may_find_none;
    bool ok = emit_sets(e, target_of(q), q->sets, q->n_sets, true, ret);
    e->conditional -= may_find_none;
    return ok;
}

bool emit_update(struct emitter *e, const struct query *q, struct change *ret)
{
    struct str name, with, sets, from, where, returning;
    if (e->shared->looked_up)
        return enter_target(e, q, &name) && write_looked_up(e, q, name, ret);
    if (!enter_target(e, q, &name) || !emit_with(e, q, &with) || !emit_from(e, q, &from) ||
        !emit_new_values(e, q, &sets) || !emit_where(e, q, NULL, 0, &where) || !emit_returning(e, q, ret, &returning) ||
        !set_before_changes(e, q, &from))
        return false;
    return one_statement(e,
                         text_of(e, "%.*sUPDATE %.*s SET %.*s%s%.*s%.*s%.*s", STR_FMT(with), STR_FMT(name),
                                 STR_FMT(sets), from.n ? " FROM " : "", STR_FMT(from), STR_FMT(where),
                                 STR_FMT(returning)),
                         ret);
}

bool emit_delete(struct emitter *e, const struct query *q, struct change *ret)
{
    struct str name, with, from, where, returning;
    if (e->shared->looked_up)
        return enter_target(e, q, &name) && write_looked_up(e, q, name, ret);
    if (!enter_target(e, q, &name) || !emit_with(e, q, &with) || !emit_from(e, q, &from) ||
        !emit_where(e, q, NULL, 0, &where) || !emit_returning(e, q, ret, &returning))
        return false;
    if (from.n)
        where = text_of(e, " WHERE EXISTS (SELECT 1 FROM %.*s%.*s)", STR_FMT(from), STR_FMT(where));
    return one_statement(
        e, text_of(e, "%.*sDELETE FROM %.*s%.*s%.*s", STR_FMT(with), STR_FMT(name), STR_FMT(where), STR_FMT(returning)),
        ret);
}
