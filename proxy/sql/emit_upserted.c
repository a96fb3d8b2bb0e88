/* emit_upserted.c - xmax in RETURNING of an upsert: which rows were there before; see change_private.h. */
#include "proxy/sql/change_private.h"

/* The columns of the key that ON CONFLICT names, by number of the target's; 0: it names an expression. */
static size_t conflict_columns(const struct query *q, int *ret, size_t max)
{
    const struct on_conflict *c = q->on_conflict;
    size_t n = c->constraint ? c->constraint->n_columns : c->n_targets;
    for (size_t i = 0; i < n && n <= max; i++) {
        if (!c->constraint && c->targets[i]->kind != EXPR_VAR)
            return 0;
        ret[i] = c->constraint ? c->constraint->columns[i] - 1 : c->targets[i]->var.column;
        if (sets_change(c->sets, c->n_sets, &target_of(q)->columns[ret[i]]))
            return 0; /* the row cannot be told by its key any more */
    }
    return n <= max ? n : 0;
}

static struct fetch *rows_before(struct emitter *e, const struct query *q)
{
    struct fetch *f = e->shared->before ? e->shared->before : fetch_new(e, q);
    const struct rte *target = &q->rtable[q->result_rte];
    if (!f || e->shared->before)
        return f;
    e->shared->before = f;
    return relation_columns(f->d1, target->relation, target, STR("there"), &f->level->rtes[q->result_rte].columns)
               ? f
               : NULL;
}

bool emit_xmax(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct fetch *rows = e->level ? e->level->fetch : NULL;
    const struct query *q = e->level ? e->level->query : NULL;
    int keys[8];
    if (e->target == TARGET_D1 || !rows || e->shared->looked_up || e->shared->n_changing)
        return blocked(e, x->location, "xmax here");
    size_t n = conflict_columns(q, keys, sizeof(keys) / sizeof(keys[0]));
    struct fetch *before = n ? rows_before(e, q) : NULL;
    struct str same = STR("");
    if (!before)
        return err_is_set(e->err) ? false : blocked(e, x->location, "xmax with this key");
    for (size_t i = 0; i < n; i++) {
        struct fragment now, then;
        oid_t type = target_of(q)->columns[keys[i]].type;
        if (!fetch_column(e, rows, &rows->level->rtes[q->result_rte].columns[keys[i]], type, &now) ||
            !fetch_column(e, before, &before->level->rtes[q->result_rte].columns[keys[i]], type, &then))
            return false;
        same = text_of(e, "%.*s%s%.*s = %.*s", STR_FMT(same), i ? " AND " : "", STR_FMT(now.sql), STR_FMT(then.sql));
    }
    /* any transaction's number will do: they mean nothing to anybody else */
    *ret = (struct fragment){ .sql = text_of(e, "iif(EXISTS (SELECT 1 FROM f{%d} AS %.*s WHERE %.*s), 3, 0)",
                                             before->number, STR_FMT(before->alias), STR_FMT(same)),
                              .scale = -1 };
    return same.p && ret->sql.p;
}

/* The rows that have the keys of the rows proposed, read ahead of the INSERT in the same batch: those it will update. */
bool read_upserted(struct emitter *main, const struct query *q, struct change *ret)
{
    struct fetch *f = main->shared->before;
    struct emitter *e = f->d1;
    struct insert_columns cols, keys;
    struct str name, with = STR(""), list, values, where, proposed, there, ignored;
    struct str alias = STR("proposed");
    bool told;
    e->depth = main->depth;
    if (!enter_target(e, q, &name) || !pick_columns(e, q, &cols, &list) || !pick_keys(e, q, &cols, &keys, &list, &told))
        return false;
    if (!told || !keys.n || cols.n * q->n_insert_rows > e->shared->settings->traits.max_params)
        return blocked(main, -1, "xmax with keys that D1 makes, or of this many rows");
    name = emit_identifier(target_of(q)->sqlite_name, e->arena);
    if (!name.p || !insert_source(e, q, &keys, &with, &values) || !print_keys(e, q, alias, &where, &proposed) ||
        !print_keys(e, q, STR("there"), &ignored, &there))
        return false;
    f->with = with;
    f->tail = text_of(
        e,
        " FROM %.*s AS there WHERE (%.*s) IN (SELECT %.*s FROM (WITH k(%.*s) AS (%.*s) SELECT * FROM k) AS "
        "%.*s)",
        STR_FMT(name), STR_FMT(there), STR_FMT(proposed), STR_FMT(list), STR_FMT(str_trim(values)), STR_FMT(alias));
    return f->tail.p && fetch_statement(f, &ret->before);
}
