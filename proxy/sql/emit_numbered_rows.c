/*
 * emit_numbered_rows.c - INSERT … SELECT whose rows take numbers of sequences of their own: nextval() in the SELECT list, or a column's
 * default. The rows are counted first, in the same batch, and the sequence is moved on by so many; each row then takes its share, in
 * the order in which the SELECT gives the rows.
 *
 *   UPDATE _pgd1_sequence SET last_value = … FROM (SELECT count(*) AS n FROM (SELECT …)) WHERE …
 *   INSERT INTO t(…) SELECT s0, … FROM (SELECT *, last_value - (count(*) OVER () - row_number() OVER ()) * increment AS s0 FROM (SELECT …))
 *
 * Not here  rows of VALUES, and the calls of a SELECT by itself (emit_sequence.c). A serial key that SQLite counts needs none of this.
 */
#include "proxy/sql/change_private.h"
#include "proxy/sql/place.h"

static const struct expr *nextval_call(const struct expr *x)
{
    while (x->kind == EXPR_RELABEL || (x->kind == EXPR_FUNC && x->n_args == 1 && x->call.form == CALL_IMPLICIT_CAST))
        x = x->args[0];
    return x->kind == EXPR_FUNC && strcmp(x->call.proc->source, "nextval_oid") == 0 ? x : NULL;
}

static bool find_set(struct expr *x, void *ctx)
{
    bool *found = ctx;
    *found |= x->kind == EXPR_FUNC && x->call.proc->returns_set;
    return !*found;
}

/* Of such a SELECT each row of the result calls what stands in the list once, when it is sorted. */
static bool calls_once_for_each(const struct query *q)
{
    bool sets = false;
    for (size_t i = 0; i < q->n_targets; i++)
        expr_walk(q->targets[i].expr, find_set, &sets);
    return q->set_operation == SETOP_NONE && !q->n_values_rows && !q->distinct && !q->n_distinct_on && !q->limit &&
           !q->offset && !sets && !q->n_grouping_sets;
}

const struct expr *inserted_value(const struct query *q, size_t column)
{
    const struct expr *given = q->insert_select_exprs[column], *x = given;
    const struct query *select = q->insert_select;
    while (x->kind == EXPR_RELABEL || (x->kind == EXPR_FUNC && x->n_args == 1 && x->call.form == CALL_IMPLICIT_CAST))
        x = x->args[0];
    if (x->kind != EXPR_VAR || x->var.levels_up || !calls_once_for_each(select))
        return given;
    size_t at = 0;
    for (int left = x->var.column; at < select->n_targets; at++)
        if (!select->targets[at].junk && left-- == 0)
            break;
    return at < select->n_targets && nextval_call(select->targets[at].expr) ? select->targets[at].expr : given;
}

static bool add_numbered(struct emitter *e, const struct query *q, const struct expr *call)
{
    struct emit_shared *s = e->shared;
    const struct relation *sequence = sequence_of_call(e, call);
    if (!sequence)
        return false;
    for (size_t i = 0; i < s->n_numbered; i++)
        if (s->numbered[i].sequence == sequence)
            return blocked(e, call->location, "nextval() of one sequence twice for each row");
    if (s->n_numbered == EMIT_MAX_SEQUENCES)
        return blocked(e, call->location, "an INSERT with more than %d sequences", EMIT_MAX_SEQUENCES);
    if (q->on_conflict)
        return blocked(e, call->location, "nextval() for rows that ON CONFLICT may leave out");
    if (sequence->seq_cycle || sequence->is_temporary || target_of(q)->is_temporary ||
        sequence_counts_rows(e, sequence))
        return blocked(e, call->location, "nextval() of this sequence for each row");
    struct str name = emit_text_literal(sequence->sqlite_name, e->arena);
    struct numbered *n = &s->numbered[s->n_numbered++];
    *n = (struct numbered){ .sequence = sequence };
    n->sql = text_of(e,
                     "((SELECT last_value FROM _pgd1_sequence WHERE name=%.*s) - (count(*) OVER () - row_number() OVER "
                     "()) * %lld)",
                     STR_FMT(name), (long long)sequence->seq_increment);
    return name.p && n->sql.p && note_untold_sequence(e, sequence);
}

static struct expr *null_number(struct emitter *e)
{
    struct expr *x = ARENA_NEW(e->arena, struct expr);
    if (!x) {
        err_oom(e->err);
        return NULL;
    }
    *x = (struct expr){ .kind = EXPR_CONST, .type = TYPE_OID_int8, .typmod = -1, .location = -1 };
    x->constant.is_null = true;
    x->constant.literal = -1;
    return x;
}

/* SQLite numbers the rows of the column that alone takes it. */
static bool is_counted(struct emitter *e, const struct query *q, const struct expr *target)
{
    for (size_t i = 0; i < q->n_insert_columns; i++)
        if (inserted_value(q, i) == target)
            return is_own_nextval(e, q->insert_columns[i], target);
    return false;
}

/* The SELECT with NULL in the place of its own calls. */
static bool take_calls(struct emitter *e, const struct query *q, struct query *ret, bool *ret_any)
{
    const struct query *select = q->insert_select;
    *ret = *select;
    ret->targets = ARENA_ARRAY(e->arena, struct target, select->n_targets + 1);
    if (!ret->targets)
        return err_oom(e->err);
    memcpy(ret->targets, select->targets, select->n_targets * sizeof(*ret->targets));
    for (size_t i = 0; i < select->n_targets && calls_once_for_each(select); i++) {
        const struct expr *call = select->targets[i].junk ? NULL : nextval_call(select->targets[i].expr);
        bool counted = call && is_counted(e, q, select->targets[i].expr);
        if (call && ((!counted && !add_numbered(e, q, call)) || !(ret->targets[i].expr = null_number(e))))
            return false;
        *ret_any |= call != NULL;
    }
    return true;
}

/* UPDATE … ahead of the INSERT; its own emitter, for its binds are its own. */
static bool move_on(struct emitter *e, const struct query *select, struct numbered *n)
{
    struct emitter c;
    struct str rows;
    struct select_output out;
    emitter_init(&c, e->shared, TARGET_D1);
    if (!emit_select(&c, (struct query *)(uintptr_t)select, false, &rows, &out))
        return false;
    struct str next = sequence_advanced(&c, n->sequence, "n"),
               name = emit_text_literal(n->sequence->sqlite_name, e->arena);
    struct str sql =
        text_of(e,
                "UPDATE _pgd1_sequence SET last_value = %.*s, is_called = 1 FROM (SELECT count(*) AS n FROM "
                "(%.*s)) WHERE name=%.*s AND n > 0",
                STR_FMT(next), STR_FMT(rows), STR_FMT(name));
    return next.p && name.p && sql.p && place_statement(&c, sql, &n->statement);
}

bool number_rows(struct emitter *e, const struct query *q, const struct insert_columns *cols, const struct query **ret)
{
    struct query *select = ARENA_NEW(e->arena, struct query);
    struct emit_shared *s = e->shared;
    bool any = false;
    s->n_numbered = 0;
    if (!select)
        return err_oom(e->err);
    if (!take_calls(e, q, select, &any))
        return false;
    *ret = any ? select : q->insert_select;
    for (size_t i = 0; i < cols->n; i++) {
        const struct expr *call = nextval_call(q->insert_select_exprs[cols->at[i]]);
        if (call && !add_numbered(e, q, call))
            return false;
    }
    if (!s->n_numbered)
        return true;
    if (q->n_ctes || query_is_volatile(*ret))
        return blocked(e, -1, "nextval() for rows that are others each time they are read");
    s->has_volatile = true;
    for (size_t i = 0; i < s->n_numbered; i++)
        if (!move_on(e, *ret, &s->numbered[i]))
            return false;
    return true;
}

bool add_numbers(struct emitter *e, struct str alias, struct str *select)
{
    struct emit_shared *s = e->shared;
    struct str list = STR("*");
    for (size_t i = 0; i < s->n_numbered; i++) {
        list = text_of(e, "%.*s, %.*s AS s%zu", STR_FMT(list), STR_FMT(s->numbered[i].sql), i);
        s->numbered[i].sql = text_of(e, "%.*s.s%zu", STR_FMT(alias), i);
    }
    if (s->n_numbered)
        *select = text_of(e, "SELECT %.*s FROM (%.*s)", STR_FMT(list), STR_FMT(*select));
    return list.p && select->p;
}

struct str number_of_row(struct emitter *e, const struct expr *x)
{
    const struct expr *call = nextval_call(x);
    const struct relation *sequence = call ? sequence_of_call(e, call) : NULL;
    for (size_t i = 0; i < e->shared->n_numbered && sequence; i++)
        if (e->shared->numbered[i].sequence == sequence)
            return e->shared->numbered[i].sql;
    return (struct str){ 0 };
}
