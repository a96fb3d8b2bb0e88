/*
 * rewrite_merge.c - MERGE: every row is found and computed first, then each WHEN writes its own.
 *
 * Source and target are joined by a SELECT, which the local engine finishes: the target's key, the number of the WHEN that takes
 * the row, and the new values of all of them. So no part sees what another one writes. The batch: the checks of lookup.h, one that no
 * row is changed twice, then one statement for each WHEN: first those that delete, then update, then insert.
 */
#include "proxy/sql/rewrite_lookup.h"

struct merge {
    struct lookup l;
    struct emitter *e; /* of the statements for D1 */
    struct looked_up *rows;
    struct str name, chosen; /* the target; how D1 reads the number of the WHEN */
    size_t *first;           /* of each WHEN: its first new value among the items */
};

static struct expr *new_expr(struct merge *m, enum expr_kind kind, oid_t type, size_t n_args)
{
    struct emitter *e = m->l.local;
    struct expr *x = ARENA_NEW(e->arena, struct expr);
    struct expr **args = ARENA_ARRAY(e->arena, struct expr *, n_args + 1);
    if (!x || !args) {
        err_oom(e->err);
        return NULL;
    }
    *x = (struct expr){ .kind = kind, .type = type, .typmod = -1, .location = -1, .args = args, .n_args = n_args };
    return x;
}

static struct expr *number(struct merge *m, int value)
{
    struct expr *x = new_expr(m, EXPR_CONST, TYPE_OID_int4, 0);
    if (x) {
        x->constant.literal = -1;
        x->constant.value = value_integer(value);
        x->constant.text = text_of(m->l.local, "%d", value);
    }
    return x;
}

static struct expr *null_of(struct merge *m, oid_t type)
{
    struct expr *x = new_expr(m, EXPR_CONST, type, 0);
    if (x) {
        x->constant.literal = -1;
        x->constant.is_null = true;
    }
    return x;
}

/* The key is there, or not, and the WHEN's own condition holds. */
static struct expr *taken_by(struct merge *m, const struct merge_action *action)
{
    struct expr *key = m->l.select->targets[0].expr;
    struct expr *x = new_expr(m, action->matched ? EXPR_IS_NOT_NULL : EXPR_IS_NULL, TYPE_OID_bool, 1);
    if (!x)
        return NULL;
    x->args[0] = key;
    if (!action->condition)
        return x;
    struct expr *both = new_expr(m, EXPR_AND, TYPE_OID_bool, 2);
    if (both) {
        both->args[0] = x;
        both->args[1] = action->condition;
    }
    return both;
}

/* CASE over the WHENs in their order: the first `n` give nothing, that behind them `value`; without value, each its number. */
static struct expr *choice(struct merge *m, size_t n, struct expr *value, oid_t type)
{
    const struct query *q = m->l.q;
    struct expr *x = new_expr(m, EXPR_CASE, type, 0);
    size_t arms = value ? n + 1 : q->n_merge_actions;
    if (!x || !(x->cases.arms = ARENA_ARRAY(m->e->arena, struct case_arm, arms + 1)))
        return NULL;
    for (size_t i = 0; i < arms; i++) {
        struct expr *when = taken_by(m, &q->merge_actions[i]);
        struct expr *then = !value ? number(m, (int)i + 1) : i < n ? null_of(m, type) : value;
        if (!when || !then)
            return NULL;
        x->cases.arms[x->cases.n_arms++] = (struct case_arm){ when, then };
    }
    return (x->cases.otherwise = null_of(m, type)) ? x : NULL;
}

/* ---- the SELECT ---- */

static bool join_sides(struct merge *m, struct query *select, struct rte *rtable)
{
    struct emitter *e = m->l.local;
    const struct query *q = m->l.q;
    struct from_item *target = ARENA_NEW(e->arena, struct from_item), *join = ARENA_NEW(e->arena, struct from_item);
    struct from_item **from = ARENA_ARRAY(e->arena, struct from_item *, 1);
    bool outer = false;
    if (!target || !join || !from)
        return err_oom(e->err);
    for (size_t i = 0; i < q->n_merge_actions;
         i++) /* rows without a match are looked at only where one can be inserted */
        outer = outer || q->merge_actions[i].command == COMMAND_INSERT;
    rtable[q->n_rtable] = (struct rte){ .kind = RTE_JOIN };
    *target = (struct from_item){ .kind = FROM_RTE, .rte = q->result_rte };
    *join = (struct from_item){ .kind = FROM_JOIN,
                                .rte = (int)q->n_rtable,
                                .join = outer ? JOIN_LEFT : JOIN_INNER,
                                .left = q->from[0],
                                .right = target,
                                .on = q->where };
    from[0] = join;
    select->from = from;
    select->n_from = 1;
    select->n_rtable = q->n_rtable + 1;
    return true;
}

static bool add_values(struct merge *m)
{
    const struct query *q = m->l.q;
    for (size_t i = 0; i < q->n_merge_actions; i++) {
        const struct merge_action *action = &q->merge_actions[i];
        m->first[i] = m->l.n_items;
        for (size_t k = 0; k < action->n_sets; k++) {
            struct expr *value = action->sets[k].expr, *x;
            if (action->sets[k].column->generated)
                continue;
            if (!(x = choice(m, i, value, value->type)) || !lookup_item(&m->l, action->sets[k].column, x))
                return err_is_set(m->e->err) ? false : err_oom(m->e->err);
        }
    }
    return true;
}

static bool select_of_merge(struct merge *m)
{
    struct emitter *e = m->l.local;
    const struct query *q = m->l.q;
    struct query *select = ARENA_NEW(e->arena, struct query);
    struct rte *rtable = ARENA_ARRAY(e->arena, struct rte, q->n_rtable + 1);
    struct column *chosen = ARENA_NEW(e->arena, struct column);
    size_t most = lookup_target(q)->n_columns + 2;
    for (size_t i = 0; i < q->n_merge_actions; i++)
        most += q->merge_actions[i].n_sets;
    m->l.items = ARENA_ARRAY(e->arena, struct carried, most);
    m->first = ARENA_ARRAY(e->arena, size_t, q->n_merge_actions + 1);
    if (!select || !rtable || !chosen || !m->l.items || !m->first)
        return err_oom(e->err);
    memcpy(rtable, q->rtable, q->n_rtable * sizeof(*rtable));
    *chosen = (struct column){ .name = STR("action"), .type = TYPE_OID_int4, .typmod = -1, .storage = COLUMN_NATURAL };
    *select = (struct query){ .command = COMMAND_SELECT,
                              .rtable = rtable,
                              .ctes = q->ctes,
                              .n_ctes = q->n_ctes,
                              .with_recursive = q->with_recursive,
                              .has_sublinks = true };
    m->l.select = select;
    if (!(select->targets = ARENA_ARRAY(e->arena, struct target, most)))
        return err_oom(e->err);
    if (!join_sides(m, select, rtable) || !lookup_keys(&m->l, &rtable[q->result_rte]))
        return false;
    m->l.filter = text_of(e, " WHERE c%zu IS NOT NULL", m->l.n_items);
    struct expr *x = choice(m, 0, NULL, TYPE_OID_int4);
    return x && m->l.filter.p && lookup_item(&m->l, chosen, x) && add_values(m);
}

/* ---- the statements ---- */

static bool bound_rows(struct merge *m, struct str *ret)
{
    struct fragment f;
    struct bind b = { .source = BIND_LOOKUP, .index = m->rows->bind, .type = TYPE_OID_text, .typmod = -1 };
    m->e->n_binds = 0; /* each statement has its own */
    if (!emit_bind(m->e, &b, &f))
        return false;
    *ret = text_of(m->e, "json_each(%.*s)", STR_FMT(f.sql));
    return ret->p != NULL;
}

static struct str key_list(struct merge *m, const struct str *texts)
{
    struct str list = STR("");
    for (size_t i = 0; i < m->rows->n_keys && list.p; i++)
        list = text_of(m->e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(texts[i]));
    return list;
}

static bool guard_twice(struct merge *m, struct change *ret)
{
    struct emitter *e = m->e;
    const struct query *q = m->l.q;
    struct str rows, list = STR(""),
                     raise = emit_raise(e, "21000",
                                        STR("MERGE command cannot affect row a second time\nHINT: Ensure that not "
                                            "more than one source row matches any one target row."));
    for (size_t i = 0; i < q->n_merge_actions && list.p; i++)
        if (q->merge_actions[i].matched && q->merge_actions[i].command != COMMAND_SELECT)
            list = text_of(e, "%.*s%s%zu", STR_FMT(list), list.n ? "," : "", i + 1);
    if (!raise.p || !list.p || !bound_rows(m, &rows))
        return false;
    if (!list.n)
        return true;
    struct str keys = key_list(m, m->rows->reads);
    struct str sql = text_of(e,
                             "SELECT CASE WHEN EXISTS (SELECT 1 FROM %.*s WHERE %.*s IN (%.*s) GROUP BY %.*s HAVING "
                             "count(*) > 1) THEN %.*s END AS c0",
                             STR_FMT(rows), STR_FMT(m->chosen), STR_FMT(list), STR_FMT(keys), STR_FMT(raise));
    if (!sql.p || !place_statement(e, sql, &ret->guard))
        return false;
    ret->guard.role = STATEMENT_HELPER;
    return true;
}

static bool print_delete(struct merge *m, size_t at, struct str rows, struct str *ret)
{
    struct str keys = key_list(m, m->rows->keys), reads = key_list(m, m->rows->reads);
    *ret = text_of(m->e, "DELETE FROM %.*s WHERE (%.*s) IN (SELECT %.*s FROM %.*s WHERE %.*s = %zu)", STR_FMT(m->name),
                   STR_FMT(keys), STR_FMT(reads), STR_FMT(rows), STR_FMT(m->chosen), at + 1);
    return keys.p && reads.p && ret->p;
}

static bool print_update(struct merge *m, size_t at, struct str rows, struct str *ret)
{
    struct emitter *e = m->e;
    const struct merge_action *action = &m->l.q->merge_actions[at];
    struct str sets = STR(""), list = STR(""), where = STR("");
    size_t item = m->first[at];
    for (size_t i = 0; i < m->rows->n_keys; i++) {
        list = text_of(e, "%.*s%s%.*s AS k%zu", STR_FMT(list), i ? ", " : "", STR_FMT(m->rows->reads[i]), i);
        where = text_of(e, "%.*s%s%.*s = \"changed\".k%zu", STR_FMT(where), i ? " AND " : " WHERE ",
                        STR_FMT(m->rows->keys[i]), i);
    }
    for (size_t k = 0; k < action->n_sets; k++) {
        if (action->sets[k].column->generated)
            continue;
        struct str column = emit_identifier(action->sets[k].column->name, e->arena);
        sets = text_of(e, "%.*s%s%.*s = \"changed\".c%zu", STR_FMT(sets), sets.n ? ", " : "", STR_FMT(column), item);
        list = text_of(e, "%.*s, %.*s AS c%zu", STR_FMT(list), STR_FMT(m->rows->reads[item]), item);
        item++;
    }
    *ret = text_of(e, "UPDATE %.*s SET %.*s FROM (SELECT %.*s FROM %.*s WHERE %.*s = %zu) AS \"changed\"%.*s",
                   STR_FMT(m->name), STR_FMT(sets), STR_FMT(list), STR_FMT(rows), STR_FMT(m->chosen), at + 1,
                   STR_FMT(where));
    return ret->p && sets.p && list.p && where.p;
}

static bool print_insert(struct merge *m, size_t at, struct str rows, struct str *ret)
{
    struct emitter *e = m->e;
    const struct merge_action *action = &m->l.q->merge_actions[at];
    struct str columns = STR(""), list = STR("");
    size_t item = m->first[at];
    for (size_t k = 0; k < action->n_sets; k++) {
        if (action->sets[k].column->generated)
            continue;
        struct str column = emit_identifier(action->sets[k].column->name, e->arena);
        columns = text_of(e, "%.*s%s%.*s", STR_FMT(columns), columns.n ? "," : "", STR_FMT(column));
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), list.n ? "," : "", STR_FMT(m->rows->reads[item]));
        item++;
    }
    if (!columns.n) { /* all by default: SQLite takes NULL for it */
        columns = emit_identifier(lookup_target(m->l.q)->columns[0].name, e->arena);
        list = STR("NULL");
    }
    *ret = text_of(e, "INSERT INTO %.*s(%.*s) SELECT %.*s FROM %.*s WHERE %.*s = %zu", STR_FMT(m->name),
                   STR_FMT(columns), STR_FMT(list), STR_FMT(rows), STR_FMT(m->chosen), at + 1);
    return ret->p && columns.p && list.p;
}

static bool print_writes(struct merge *m, struct change *ret)
{
    static const enum command order[] = { COMMAND_DELETE, COMMAND_UPDATE, COMMAND_INSERT };
    const struct query *q = m->l.q;
    ret->statements = ARENA_ARRAY(m->e->arena, struct plan_statement, q->n_merge_actions + 1);
    if (!ret->statements)
        return err_oom(m->e->err);
    for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++)
        for (size_t i = 0; i < q->n_merge_actions; i++) {
            struct str rows, sql;
            if (q->merge_actions[i].command != order[k])
                continue;
            bool ok = bound_rows(m, &rows) && (order[k] == COMMAND_DELETE   ? print_delete(m, i, rows, &sql)
                                               : order[k] == COMMAND_UPDATE ? print_update(m, i, rows, &sql)
                                                                            : print_insert(m, i, rows, &sql));
            if (!ok || !place_statement(m->e, sql, &ret->statements[ret->n_statements++]))
                return false;
        }
    return true;
}

bool rewrite_merge(struct emit_shared *s, const struct query *q, struct change *ret)
{
    struct merge m = { .l = { .s = s, .q = q, .local = ARENA_NEW(s->arena, struct emitter) } };
    m.e = ARENA_NEW(s->arena, struct emitter);
    m.rows = ARENA_NEW(s->arena, struct looked_up);
    if (!m.l.local || !m.e || !m.rows)
        return err_oom(s->err);
    emitter_init(m.l.local, s, TARGET_LOCAL);
    emitter_init(m.e, s, TARGET_D1);
    *ret = (struct change){ 0 };
    if (s->n_changing)
        return blocked(m.e, -1, "WITH queries that change data");
    if (!select_of_merge(&m))
        return false;
    *m.rows = (struct looked_up){ .reads = ARENA_ARRAY(s->arena, struct str, m.l.n_items + 1),
                                  .keys = ARENA_ARRAY(s->arena, struct str, m.l.n_keys + 1),
                                  .n_keys = m.l.n_keys,
                                  .n = m.l.n_items };
    if (!m.rows->reads || !m.rows->keys)
        return err_oom(s->err);
    if (!lookup_print(&m.l, m.rows) || !lookup_key_names(&m.l, m.rows))
        return false;
    m.rows->bind = (int)m.l.made->n_statements;
    m.name = emit_identifier(lookup_target(q)->sqlite_name, s->arena);
    m.chosen = m.rows->reads[m.l.n_keys];
    if (!m.name.p || !guard_twice(&m, ret) || !print_writes(&m, ret) || !lookup_checks(&m.l, ret))
        return false;
    s->plan->lookup = m.l.made;
    return true;
}
