/*
 * rewrite_grouping_sets.c - what needs the sort keys as columns of a subquery: GROUPING SETS as a UNION ALL of one
 * GROUP BY per
 * set, DISTINCT ON and WITH TIES by numbering rows.
 */
#include "proxy/sql/emit_internal.h"

#include "proxy/sql/analyze.h"

enum { TERMS_AT_ONCE = 5 };

struct inner { /* one SELECT: targets c0…, sort keys s0… */
    struct str text;
    struct select_output out;
};

static bool add_list(struct emitter *e, struct str *list, struct str text, const char *name, size_t number)
{
    e->window_inside |= e->level && e->level->query->has_windows && has_window_inside(text);
    *list = text_of(e, "%.*s%s%.*s%s AS %s%zu", STR_FMT(*list), list->n ? ", " : "", STR_FMT(text),
                    own_collation(e, text, ""), name, number);
    return list->p != NULL;
}

static bool emit_inner(struct emitter *e, const struct query *q, struct str extra, struct str group, bool has_group,
                       struct str from, struct inner *ret)
{
    struct str list = STR(""), where;
    struct fragment having = { .sql = STR("") };
    size_t shown = shown_targets(q->targets, q->n_targets), at = 0;
    ret->out.columns = ARENA_ARRAY(e->arena, struct fragment, shown + 1);
    ret->out.n = shown;
    if (!ret->out.columns)
        return err_oom(e->err);
    for (size_t i = 0; i < q->n_targets; i++) {
        struct fragment f;
        if (q->targets[i].junk)
            continue;
        if (!emit_expr(e, q->targets[i].expr, &f) || !finish_output(e, q->targets[i].expr->type, false, &f) ||
            !add_list(e, &list, f.sql, "c", at))
            return false;
        f.sql = (struct str){ 0 };
        f.bindable = NULL;
        ret->out.columns[at++] = f;
    }
    for (size_t i = 0; i < q->n_sort; i++) {
        struct fragment f;
        if (!emit_expr(e, q->sort[i].expr, &f) || !settle(e, &f) || !enum_rank(e, q->sort[i].expr->type, &f) ||
            !add_list(e, &list, f.sql, "s", i))
            return false;
        if (is_numeric(e, q->sort[i].expr->type) && e->target == TARGET_D1 && f.form == FORM_NATURAL)
            return blocked(e, q->sort[i].expr->location, "ordering by an exact numeric here");
    }
    if (!emit_where(e, q, e->level->pushed, e->level->n_pushed, &where) ||
        (q->having && !emit_condition(e, q->having, &having)))
        return false;
    ret->text =
        text_of(e, "SELECT %.*s%s%.*s%s%.*s%.*s%s%.*s%s%.*s", STR_FMT(list), extra.n ? ", " : "", STR_FMT(extra),
                from.n ? " FROM " : "", STR_FMT(from), STR_FMT(where), has_group ? " GROUP BY " : "", STR_FMT(group),
                having.sql.n ? " HAVING " : "", STR_FMT(having.sql));
    return ret->text.p != NULL;
}

static bool outer_order(struct emitter *e, const struct query *q, struct str *ret)
{
    struct str text = STR("");
    for (size_t i = 0; i < q->n_sort; i++) {
        const char *collation;
        if (!collation_of(e, q->sort[i].expr->type, true, &collation))
            return blocked(e, q->sort[i].expr->location, "ordering by a value of this type here");
        text = text_of(e, "%.*s%ss%zu%s%s NULLS %s", STR_FMT(text), i ? ", " : " ORDER BY ", i, collation,
                       q->sort[i].descending ? " DESC" : "", q->sort[i].nulls_first ? "FIRST" : "LAST");
        if (!text.p)
            return false;
    }
    *ret = text;
    return true;
}

static bool outer_list(struct emitter *e, const struct query *q, bool top, struct select_output *out, struct str *ret)
{
    struct str list = STR("");
    size_t at = 0;
    for (size_t i = 0; i < q->n_targets; i++) {
        if (q->targets[i].junk)
            continue;
        struct fragment f = out->columns[at];
        f.sql = text_of(e, "c%zu", at);
        if (!finish_output(e, q->targets[i].expr->type, top, &f) || !add_list(e, &list, f.sql, "c", at))
            return false;
        f.sql = (struct str){ 0 };
        out->columns[at++] = f;
    }
    *ret = list.n ? list : STR("1 AS c0");
    return true;
}

static bool is_in_set(struct expr *const *set, size_t n, const struct expr *x)
{
    for (size_t i = 0; i < n; i++)
        if (expr_equal(set[i], x))
            return true;
    return false;
}

static bool has_empty_set(const struct query *q)
{
    for (size_t i = 0; i < q->n_grouping_sets; i++)
        if (q->grouping_set_sizes[i] == 0)
            return true;
    return false;
}

static bool emit_one_set(struct emitter *e, const struct query *q, size_t set, struct inner *ret)
{
    struct str from, group = STR("");
    struct level *level = level_new(e, q);
    struct expr **nulled = ARENA_ARRAY(e->arena, struct expr *, q->n_group + 1);
    if (!level || !nulled)
        return err_is_set(e->err) ? false : err_oom(e->err);
    e->level = level;
    bool ok = emit_from(e, q, &from);
    size_t n = q->grouping_set_sizes[set];
    for (size_t i = 0; ok && i < n; i++) {
        struct fragment f;
        const char *collation;
        ok = emit_expr(e, q->grouping_sets[set][i], &f) && settle(e, &f) &&
             collation_of(e, q->grouping_sets[set][i]->type, false, &collation);
        if (ok)
            group = text_of(e, "%.*s%s%.*s%s", STR_FMT(group), i ? ", " : "", STR_FMT(f.sql),
                            own_collation(e, f.sql, collation));
        ok = ok && group.p;
    }
    for (size_t i = 0; i < q->n_group; i++)
        if (!is_in_set(q->grouping_sets[set], n, q->group[i]))
            nulled[level->n_nulled++] = q->group[i];
    level->nulled = nulled;
    level->kept = q->grouping_sets[set];
    level->n_kept = n;
    /* The empty set is one row, of no rows too: an aggregate makes it so. */
    ok = ok && emit_inner(e, q, has_empty_set(q) ? STR("count(*) AS n0") : STR(""), group, n > 0, from, ret);
    e->level = level->parent;
    return ok;
}

static bool same_forms(const struct select_output *a, const struct select_output *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->columns[i].form != b->columns[i].form ||
            (a->columns[i].form != FORM_NATURAL && a->columns[i].scale != b->columns[i].scale))
            return false;
    return true;
}

bool rewrite_grouping_sets(struct emitter *e, const struct query *q, bool top, struct str *ret,
                           struct select_output *out)
{
    struct str text = STR(""), order, limit, list;
    size_t terms = 0;
    if (q->has_windows && q->n_grouping_sets > 1) /* each would see the rows of one set */
        return refused(e, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "window functions over GROUPING SETS are not supported");
    for (size_t i = 0; i < q->n_grouping_sets; i++) {
        struct inner one;
        if (!emit_one_set(e, q, i, &one))
            return false;
        if (i == 0)
            *out = one.out;
        else if (!same_forms(out, &one.out))
            return blocked(e, -1, "GROUPING SETS over numerics of different scale here");
        if (++terms > TERMS_AT_ONCE) {
            text = text_of(e, "SELECT * FROM (%.*s)", STR_FMT(text));
            terms = 2;
        }
        text = i ? text_of(e, "%.*s UNION ALL %.*s", STR_FMT(text), STR_FMT(one.text)) : one.text;
        if (!text.p)
            return false;
    }
    if (!outer_list(e, q, top, out, &list) || !outer_order(e, q, &order) || !emit_limit(e, q, &limit))
        return false;
    *ret = text_of(e, "SELECT %s%.*s FROM (%.*s)%.*s%.*s", q->distinct ? "DISTINCT " : "", STR_FMT(list), STR_FMT(text),
                   STR_FMT(order), STR_FMT(limit));
    return ret->p != NULL;
}

static bool find_aggregate(struct expr *x, void *ctx)
{
    bool *found = ctx;
    *found = *found || (x->kind == EXPR_AGGREGATE && x->call.levels_up == 0);
    return !*found;
}

/* SQLite takes HAVING without GROUP BY only where the list has an aggregate: it is the empty grouping set, which brings one. */
bool wants_empty_set(const struct query *q)
{
    bool found = false;
    for (size_t i = 0; i < q->n_targets && !found; i++)
        expr_walk(q->targets[i].expr, find_aggregate, &found);
    return q->having && !q->n_group && !q->n_grouping_sets && !found;
}

bool rewrite_having_alone(struct emitter *e, const struct query *q, bool top, struct str *ret,
                          struct select_output *out)
{
    static struct expr **const no_sets[] = { NULL };
    size_t size = 0;
    struct query grouped = *q;
    grouped.grouping_sets = (struct expr ***)(uintptr_t)no_sets;
    grouped.grouping_set_sizes = &size;
    grouped.n_grouping_sets = 1;
    return rewrite_grouping_sets(e, &grouped, top, ret, out);
}

static bool partition_list(struct emitter *e, struct expr *const *exprs, size_t n, struct str *ret)
{
    struct str text = STR("");
    for (size_t i = 0; i < n; i++) {
        struct fragment f;
        const char *collation;
        if (!emit_expr(e, exprs[i], &f) || !settle(e, &f))
            return false;
        if (!collation_of(e, exprs[i]->type, false, &collation) ||
            (is_numeric(e, exprs[i]->type) && e->target == TARGET_D1 && f.form == FORM_NATURAL))
            return blocked(e, exprs[i]->location, "DISTINCT ON a value of this type here");
        text = text_of(e, "%.*s%s%.*s%s", STR_FMT(text), i ? ", " : "PARTITION BY ", STR_FMT(f.sql),
                       own_collation(e, f.sql, collation));
        if (!text.p)
            return false;
    }
    *ret = text;
    return true;
}

/* Numbers for the outer WHERE: dn within its DISTINCT ON group, or rn and rk for LIMIT … WITH TIES. */
static bool emit_numbers(struct emitter *e, const struct query *q, struct str *extra)
{
    struct str partition, order = STR("");
    if (!partition_list(e, q->distinct_on, q->n_distinct_on, &partition) ||
        !emit_sort_list(e, q->sort, q->n_sort, &order))
        return false;
    const char *by = order.n ? "ORDER BY " : "";
    if (q->n_distinct_on)
        *extra = text_of(e, "row_number() OVER (%.*s%s%s%.*s) AS dn", STR_FMT(partition), order.n ? " " : "", by,
                         STR_FMT(order));
    else
        *extra = text_of(e, "row_number() OVER (%s%.*s) AS rn, rank() OVER (%s%.*s) AS rk", by, STR_FMT(order), by,
                         STR_FMT(order));
    return extra->p != NULL;
}

bool rewrite_distinct_on(struct emitter *e, const struct query *q, bool top, struct str *ret, struct select_output *out)
{
    struct str from, extra = STR(""), group = STR(""), list, order, limit = STR(""), where = STR(" WHERE dn = 1");
    struct inner inner;
    struct level *level = level_new(e, q);
    if (!level)
        return false;
    if (q->n_distinct_on && q->with_ties)
        return blocked(e, -1, "DISTINCT ON with WITH TIES");
    e->level = level;
    bool ok = emit_from(e, q, &from) && emit_numbers(e, q, &extra);
    for (size_t i = 0; ok && i < q->n_group; i++) {
        struct fragment f;
        const char *collation;
        ok =
            emit_value(e, q->group[i], &f) && (collation_of(e, q->group[i]->type, false, &collation) ||
                                               blocked(e, q->group[i]->location, "GROUP BY a value of this type here"));
        if (ok)
            group = text_of(e, "%.*s%s%.*s%s", STR_FMT(group), i ? ", " : "", STR_FMT(f.sql),
                            own_collation(e, f.sql, collation));
    }
    ok = ok && emit_inner(e, q, extra, group, q->n_group > 0, from, &inner);
    e->level = level->parent;
    if (!ok)
        return false;
    *out = inner.out;
    if (q->with_ties ? !emit_ties(e, q, &where) : !emit_limit(e, q, &limit))
        return false;
    if (!outer_list(e, q, top, out, &list) || !outer_order(e, q, &order))
        return false;
    *ret = text_of(e, "SELECT %.*s FROM (%.*s)%.*s%.*s%.*s", STR_FMT(list), STR_FMT(inner.text), STR_FMT(where),
                   STR_FMT(order), STR_FMT(limit));
    return ret->p != NULL;
}
