/*
 * emit_grouping.c - expressions of a query with GROUPING SETS, in the SELECT of one of the sets: what is not grouped by in it is NULL,
 * and GROUPING() says so. Not here: the UNION ALL of the sets (rewrite_grouping_sets.c).
 */
#include "proxy/sql/emit_internal.h"

static bool is_among(struct expr *const *list, size_t n, const struct expr *x)
{
    for (size_t i = 0; i < n; i++)
        if (expr_equal(list[i], x))
            return true;
    return false;
}

static struct level *level_above(const struct emitter *e, int up)
{
    struct level *level = e->level;
    for (int i = 0; level && i < up; i++)
        level = level->parent;
    return level;
}

/* In a subquery only columns can be told from what the query above groups by. */
static bool is_nulled(const struct emitter *e, const struct expr *x)
{
    struct expr own = *x;
    int up = x->kind == EXPR_VAR ? x->var.levels_up : 0;
    if (up)
        own.var.levels_up = 0;
    const struct level *level = level_above(e, up);
    return level && is_among(level->nulled, level->n_nulled, &own);
}

bool emit_of_grouping_set(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    struct level *level = e->level;
    if (is_nulled(e, x)) {
        *ret_handled = true;
        *ret = (struct fragment){ .sql = STR("NULL"), .simple = true };
        return true;
    }
    if (!level || !level->n_nulled || x->kind == EXPR_VAR || !is_among(level->kept, level->n_kept, x))
        return true;
    /* An expression that the set has is worked out from its columns, also from those that the set has not. */
    size_t n = level->n_nulled;
    level->n_nulled = 0;
    *ret_handled = true;
    bool ok = emit_expr(e, x, ret);
    level->n_nulled = n;
    return ok;
}

/* Not a bare digit, which ORDER BY would take for a column's number. */
bool emit_grouping(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    unsigned bits = 0;
    const struct level *level = level_above(e, x->call.levels_up);
    for (size_t i = 0; i < x->n_args; i++) {
        struct expr own = *x->args[i];
        if (own.kind == EXPR_VAR)
            own.var.levels_up -= x->call.levels_up;
        bits = bits << 1 | (level && is_among(level->nulled, level->n_nulled, &own) ? 1U : 0U);
    }
    *ret = (struct fragment){ .sql = text_of(e, "CAST(%u AS INTEGER)", bits), .simple = true };
    return ret->sql.p != NULL;
}
