/* emit_conflict.c - ON CONFLICT, and the guard that finds a key proposed twice; see change_private.h. */
#include "proxy/sql/change_private.h"

#include "proxy/sql/deparse.h"

/* Whether an index has just these elements, in any order. */
static bool is_index_of(struct emitter *e, const struct relation *r, const struct index *x, const struct str *elements,
                        size_t n)
{
    size_t found = 0;
    for (size_t i = 0; i < x->n_columns; i++) {
        const struct index_column *c = &x->columns[i];
        struct str text = c->column > 0 ? emit_identifier(r->columns[c->column - 1].name, e->arena) : c->sqlite;
        for (size_t k = 0; k < n; k++)
            if (str_eq(text, elements[k])) {
                found++;
                break;
            }
    }
    return x->unique && x->n_columns == n && found == n;
}

/* SQLite wants all terms of the index, those too that PostgreSQL does not know (ddl_index.c). */
static struct str guard_terms(struct emitter *e, const struct relation *r, const struct str *elements, size_t n)
{
    for (size_t i = 0; i < r->n_indexes; i++)
        if (r->indexes[i].guard.n && is_index_of(e, r, &r->indexes[i], elements, n))
            return r->indexes[i].guard;
    return STR("");
}

/* What says as much as a partial index does: the terms of the WHERE are more than its own, and SQLite wants just its own. */
static const struct expr *predicate_of_index(struct emitter *e, const struct query *q, const struct str *elements,
                                             size_t n)
{
    const struct relation *r = target_of(q);
    const struct expr *where = q->on_conflict->target_where;
    struct str text;
    struct err none;
    for (size_t i = 0; where->kind == EXPR_AND && i < r->n_indexes; i++) {
        if (!r->indexes[i].predicate.n || !is_index_of(e, r, &r->indexes[i], elements, n))
            continue;
        for (size_t k = 0; k < where->n_args; k++) {
            err_init(&none, e->arena);
            if (deparse_expression(where->args[k], q, e->shared->snapshot, NULL, e->arena, &text, &none) &&
                str_eq(text, r->indexes[i].predicate))
                return where->args[k];
        }
    }
    return where;
}

static bool conflict_target(struct emitter *e, const struct query *q, struct str *ret)
{
    const struct on_conflict *c = q->on_conflict;
    const struct relation *r = target_of(q);
    struct str list = STR(""), where = STR("");
    struct fragment *bare;
    *ret = list;
    if (c->constraint) {
        for (size_t i = 0; i < c->constraint->n_columns; i++) {
            struct str name = emit_identifier(r->columns[c->constraint->columns[i] - 1].name, e->arena);
            list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(name));
        }
    }
    /* Expressions must be spelled as in the index: columns without a table, constants in place. */
    e->raw_cells = true;
    if (!relation_columns(e, r, &q->rtable[q->result_rte], STR(""), &bare))
        return false;
    struct fragment *qualified = e->level->rtes[q->result_rte].columns, f;
    e->level->rtes[q->result_rte].columns = bare;
    e->inline_constants = e->no_guards = true;
    struct str *elements = ARENA_ARRAY(e->arena, struct str, c->n_targets + 1);
    bool ok = elements || err_oom(e->err);
    for (size_t i = 0; ok && i < c->n_targets; i++) {
        ok = (emit_expr(e, c->targets[i], &f) && settle(e, &f));
        if (!ok)
            break;
        elements[i] = f.sql;
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(f.sql));
    }
    if (ok && c->n_targets) {
        struct str guard = guard_terms(e, r, elements, c->n_targets);
        list = text_of(e, "%.*s%.*s", STR_FMT(list), STR_FMT(guard));
    }
    if (ok && c->target_where && (ok = emit_condition(e, predicate_of_index(e, q, elements, c->n_targets), &f)))
        where = text_of(e, " WHERE %.*s", STR_FMT(f.sql));
    e->inline_constants = e->no_guards = e->raw_cells = false;
    e->level->rtes[q->result_rte].columns = qualified;
    if (!ok)
        return false;
    if (list.n)
        *ret = text_of(e, " (%.*s)%.*s", STR_FMT(list), STR_FMT(where));
    return ret->p != NULL;
}

struct key_search {
    const struct query *q;
    bool *is_key; /* by column of the target */
};

static bool look_key(struct expr *x, void *ctx)
{
    struct key_search *s = ctx;
    if (x->kind == EXPR_VAR && x->var.levels_up == 0 && x->var.rte == s->q->result_rte)
        s->is_key[x->var.column] = true;
    return true;
}

/* Columns that make the key, by column of the target; of a partial index those of its condition too, if wanted. */
static bool key_columns(struct emitter *e, const struct query *q, bool with_condition, bool **ret)
{
    const struct on_conflict *c = q->on_conflict;
    const struct relation *r = target_of(q);
    struct key_search s = { .q = q, .is_key = ARENA_ARRAY(e->arena, bool, r->n_columns + 1) };
    if (!s.is_key)
        return err_oom(e->err);
    for (size_t i = 0; c->constraint && i < c->constraint->n_columns; i++)
        s.is_key[c->constraint->columns[i] - 1] = true;
    for (size_t i = 0; i < c->n_targets; i++)
        expr_walk(c->targets[i], look_key, &s);
    if (c->target_where && with_condition)
        expr_walk(c->target_where, look_key, &s);
    *ret = s.is_key;
    return true;
}

/* SQLite works them out when it meets the row, and rows before it may be there already; of one row none is. */
static bool sees_rows_before(struct emitter *e, const struct query *q, bool *ret)
{
    const struct on_conflict *c = q->on_conflict;
    struct written written;
    *ret = false;
    if (!q->has_sublinks || (!q->insert_select && q->n_insert_rows == 1))
        return true;
    if (!written_tables(e, q, &written))
        return false;
    *ret = c->where && reads_written(c->where, &written);
    for (size_t i = 0; i < c->n_sets && !*ret; i++)
        *ret = reads_written(c->sets[i].expr, &written);
    return true;
}

/* A row that gets another key may be met again by a later one, which PostgreSQL finds (21000) and SQLite updates. */
static bool moves_key(struct emitter *e, const struct query *q, bool *ret)
{
    const struct on_conflict *c = q->on_conflict;
    bool *is_key;
    *ret = false;
    if (!q->insert_select && q->n_insert_rows == 1)
        return true;
    if (!key_columns(e, q, false, &is_key))
        return false;
    for (size_t i = 0; i < c->n_sets && !*ret; i++) {
        const struct expr *x = c->sets[i].expr;
        bool stays = x && x->kind == EXPR_VAR && x->var.levels_up == 0 && x->var.rte >= 0 && x->var.column >= 0 &&
                     q->rtable[x->var.rte].columns[x->var.column].column == c->sets[i].column;
        *ret = !stays && is_key[c->sets[i].column - target_of(q)->columns];
    }
    return true;
}

/* What DO UPDATE writes and its condition, where the target has another name than RETURNING knows it by. */
static bool emit_do_update(struct emitter *e, const struct query *q, struct str alias, struct str *ret_sets,
                           struct fragment *ret_where)
{
    const struct on_conflict *c = q->on_conflict;
    struct fragment *aliased, *named = e->level->rtes[q->result_rte].columns;
    if (alias.n) {
        if (!relation_columns(e, target_of(q), &q->rtable[q->result_rte], alias, &aliased))
            return false;
        e->level->rtes[q->result_rte].columns = aliased;
    }
    e->conditional++;
    bool ok = emit_sets(e, target_of(q), c->sets, c->n_sets, false, ret_sets) &&
              (!c->where || emit_condition(e, c->where, ret_where));
    e->conditional--;
    e->level->rtes[q->result_rte].columns = named;
    return ok;
}

bool target_alias(struct emitter *e, const struct query *q, struct str *ret)
{
    bool hides = q->on_conflict && q->on_conflict->update && str_eq_nocase(target_of(q)->sqlite_name, STR("excluded"));
    *ret = hides ? unique_name(e, STR("target")) : STR("");
    return ret->p != NULL;
}

bool emit_conflict(struct emitter *e, const struct query *q, struct str alias, struct str *ret)
{
    const struct on_conflict *c = q->on_conflict;
    struct str target, sets;
    struct fragment where = { .sql = STR("") };
    *ret = STR("");
    if (!c)
        return true;
    if (!conflict_target(e, q, &target))
        return false;
    if (!c->update) {
        *ret = text_of(e, " ON CONFLICT%.*s DO NOTHING", STR_FMT(target));
        return ret->p != NULL;
    }
    bool sees, moves;
    if (!sees_rows_before(e, q, &sees) || !moves_key(e, q, &moves))
        return false;
    if (moves)
        return blocked(e, -1, "another key in ON CONFLICT DO UPDATE of several rows");
    if (sees)
        return blocked(e, -1, "subqueries over what it changes in ON CONFLICT DO UPDATE of several rows");
    if (!emit_do_update(e, q, alias, &sets, &where))
        return false;
    *ret = text_of(e, " ON CONFLICT%.*s DO UPDATE SET %.*s%s%.*s", STR_FMT(target), STR_FMT(sets),
                   where.sql.n ? " WHERE " : "", STR_FMT(where.sql));
    return ret->p != NULL;
}

/* ---- ON CONFLICT DO UPDATE may not meet a row twice ---- */

/* The columns of the key among those that are written. *ret_done false: it cannot repeat, or is another each time. */
bool pick_keys(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct insert_columns *ret,
               struct str *list, bool *ret_done)
{
    bool *is_key;
    *ret = (struct insert_columns){ .at = ARENA_ARRAY(e->arena, size_t, cols->n + 1) };
    *list = STR("");
    *ret_done = true;
    if (!ret->at || !key_columns(e, q, true, &is_key))
        return err_is_set(e->err) ? false : err_oom(e->err);
    for (size_t i = 0; i < cols->n; i++) {
        const struct column *c = q->insert_columns[cols->at[i]];
        if (!is_key[c - target_of(q)->columns])
            continue;
        for (size_t k = 0; k < q->n_insert_rows; k++)
            *ret_done = *ret_done && !is_volatile_expr(q->insert_rows[k][cols->at[i]]);
        struct str name = emit_identifier(c->name, e->arena);
        *list = text_of(e, "%.*s%s%.*s", STR_FMT(*list), ret->n ? "," : "", STR_FMT(name));
        ret->at[ret->n++] = cols->at[i];
        is_key[c - target_of(q)->columns] = false;
        if (!name.p || !list->p)
            return false;
    }
    for (size_t i = 0; i < target_of(q)->n_columns; i++)
        *ret_done = *ret_done && !is_key[i]; /* left out: NULL, or a number nobody has */
    return true;
}

/* The elements of the key over the rows proposed, as conditions that they are not NULL and as a list. */
bool print_keys(struct emitter *e, const struct query *q, struct str alias, struct str *ret_where, struct str *ret_list)
{
    const struct on_conflict *c = q->on_conflict;
    const struct relation *r = target_of(q);
    struct fragment *columns, f;
    size_t n = c->constraint ? c->constraint->n_columns : c->n_targets;
    *ret_where = *ret_list = STR("");
    if (!relation_columns(e, r, &q->rtable[q->result_rte], alias, &columns))
        return false;
    e->level->rtes[q->result_rte].columns = columns;
    e->no_guards = true; /* the index has its own */
    for (size_t i = 0; i < n; i++) {
        if (c->constraint)
            f = columns[c->constraint->columns[i] - 1];
        else if (!emit_expr(e, c->targets[i], &f) || !settle(e, &f))
            return false;
        *ret_where = text_of(e, "%.*s%s%.*s IS NOT NULL", STR_FMT(*ret_where), i ? " AND " : "", STR_FMT(f.sql));
        *ret_list = text_of(e, "%.*s%s%.*s", STR_FMT(*ret_list), i ? "," : "", STR_FMT(f.sql));
    }
    if (c->target_where) {
        if (!emit_condition(e, c->target_where, &f))
            return false;
        *ret_where = text_of(e, "%.*s AND %.*s", STR_FMT(*ret_where), STR_FMT(f.sql));
    }
    e->no_guards = false;
    return ret_where->p && ret_list->p;
}

/* SQLite would update the row a second time. PostgreSQL fails: a key that comes twice meets the row the first has touched. */
bool guard_conflict(struct emitter *main, const struct query *q, const struct insert_columns *cols, bool many,
                    struct change *ret)
{
    const struct on_conflict *c = q->on_conflict;
    struct emitter *e;
    struct insert_columns keys;
    struct json_rows rows = { 0 };
    struct str name, with = STR(""), list, values, where, group, alias;
    bool needed;
    if (!c || !c->update || (!q->insert_select && q->n_insert_rows < 2))
        return true;
    if (!pick_keys(main, q, cols, &keys, &list, &needed))
        return false;
    if (!needed || !keys.n)
        return true;
    if (!(e = ARENA_NEW(main->arena, struct emitter)))
        return err_oom(main->err);
    emitter_init(e, main->shared, TARGET_D1);
    e->depth = main->depth;
    if (!enter_target(e, q, &name) || !(alias = unique_name(e, STR("proposed"))).p)
        return false;
    bool ok = many ? json_keys(e, q, &keys, &values, &rows) : insert_source(e, q, &keys, &with, &values);
    if (!ok || !print_keys(e, q, alias, &where, &group))
        return false;
    struct str raise =
        c->where ? emit_raise(e, "0A000",
                              STR("the same key twice in INSERT … ON CONFLICT DO UPDATE … WHERE is not "
                                  "supported"))
                 : emit_raise(e, "21000",
                              STR("ON CONFLICT DO UPDATE command cannot affect row a second time\nHINT: Ensure "
                                  "that no rows proposed for insertion within the same command have duplicate "
                                  "constrained values."));
    struct str sql =
        text_of(e,
                "SELECT CASE WHEN EXISTS (%.*sSELECT 1 FROM (WITH k(%.*s) AS (%.*s) SELECT * FROM k) AS %.*s WHERE "
                "%.*s GROUP BY %.*s HAVING count(*) > 1) THEN %.*s END AS c0",
                STR_FMT(with), STR_FMT(list), STR_FMT(str_trim(values)), STR_FMT(alias), STR_FMT(where), STR_FMT(group),
                STR_FMT(raise));
    if (!sql.p || !raise.p)
        return false;
    if (many)
        ret->guard = (struct plan_statement){ .sql = sql,
                                              .binds = rows.binds,
                                              .n_binds = rows.n_rows * rows.width,
                                              .binds_as_json = true,
                                              .json_row_width = rows.width };
    else if (!place_statement(e, sql, &ret->guard))
        return false;
    ret->guard.role = STATEMENT_HELPER;
    return true;
}
