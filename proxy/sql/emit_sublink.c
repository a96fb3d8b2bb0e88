/* emit_sublink.c - subqueries in expressions, and rows compared with rows; see emit_internal.h. */
#include "proxy/sql/emit_internal.h"

/* ---- subqueries ---- */

static bool emit_left_row(struct emitter *e, const struct expr *x, struct str select, const struct select_output *out,
                          struct str *ret)
{
    struct str text = STR("");
    for (size_t i = 0; i < x->n_args; i++) {
        struct fragment f;
        const char *collation;
        if (!emit_expr(e, x->args[i], &f) || !settle(e, &f) || !collation_or_block(e, x->args[i], false, &collation))
            return false;
        if (is_numeric(e, x->args[i]->type) && e->target == TARGET_D1) {
            const struct fragment *other = i < out->n ? &out->columns[i] : NULL;
            if (!other || f.form == FORM_NATURAL || other->form == FORM_NATURAL)
                return blocked(e, x->location, "comparing exact numerics here");
            if (other->form == FORM_SCALED ? !to_scaled(e, other->scale, &f) : !to_number(e, &f))
                return false;
        } else if (!make_natural(e, x->args[i]->type, &f)) {
            return false;
        }
        collation = own_collation(e, f.sql, own_collation(e, select, collation));
        text = text_of(e, "%.*s%s%.*s%s", STR_FMT(text), i ? "," : "", STR_FMT(f.sql), collation);
        if (!text.p)
            return false;
    }
    *ret = x->n_args == 1 ? text : text_of(e, "(%.*s)", STR_FMT(text));
    return ret->p != NULL;
}

/* One column: the operator; several: rows compared as rows are. */
static bool quantified_test(struct emitter *e, const struct expr *x, const struct select_output *out, struct str alias,
                            struct str *ret)
{
    size_t n = x->sublink.n_procs;
    struct fragment *values = ARENA_ARRAY(e->arena, struct fragment, n), *outer = e->case_test, test;
    struct expr *items = ARENA_ARRAY(e->arena, struct expr, n), **pointers = ARENA_ARRAY(e->arena, struct expr *, n);
    if (!values || !items || !pointers)
        return err_oom(e->err);
    for (size_t i = 0; i < n; i++) {
        values[i] = out->columns[i];
        values[i].sql = text_of(e, "%.*s.c%zu", STR_FMT(alias), i);
        values[i].simple = true;
        items[i] = (struct expr){ .kind = EXPR_CASE_TEST, .typmod = -1, .location = -1 };
        items[i].type = x->sublink.query->targets[i].expr->type;
        items[i].case_test.column = i;
        pointers[i] = &items[i];
    }
    struct expr left = { .kind = EXPR_ROW, .type = TYPE_OID_record, .typmod = -1, .args = x->args, .n_args = n };
    struct expr right = left, *sides[] = { &left, &right };
    right.args = pointers;
    struct expr rows = { .kind = EXPR_ROW_COMPARE, .type = TYPE_OID_bool, .typmod = -1, .args = sides, .n_args = 2 };
    rows.row_compare.procs = x->sublink.procs;
    rows.row_compare.n_procs = n;
    rows.row_compare.op_name = x->sublink.op_name;
    e->case_test = values;
    struct expr *call = n == 1 ? call_expr(e, x->sublink.procs[0], x->args[0], &items[0]) : NULL;
    bool ok = n == 1 ? call && emit_call(e, call, &test) && settle(e, &test) : emit_row_compare(e, &rows, &test);
    e->case_test = outer;
    *ret = test.sql;
    return ok;
}

/* x op ANY/ALL (SELECT …) for any operator, by existence of a true, then of an unknown comparison. */
static bool emit_quantified(struct emitter *e, const struct expr *x, const struct str select,
                            const struct select_output *out, struct fragment *ret)
{
    bool any = x->sublink.kind == SUBLINK_ANY;
    struct str alias = unique_name(e, STR("q")), test;
    if (!alias.p || !quantified_test(e, x, out, alias, &test))
        return false;
    const struct str a = alias, t = test;
    ret->sql = text_of(e,
                       "CASE WHEN EXISTS (SELECT 1 FROM (%.*s) AS %.*s WHERE %s(%.*s)) THEN %d "
                       "WHEN EXISTS (SELECT 1 FROM (%.*s) AS %.*s WHERE (%.*s) IS NULL) THEN NULL ELSE %d END",
                       STR_FMT(select), STR_FMT(a), any ? "" : "NOT ", STR_FMT(t), any ? 1 : 0, STR_FMT(select),
                       STR_FMT(a), STR_FMT(t), any ? 0 : 1);
    return ret->sql.p != NULL;
}

static bool is_equal_sublink(const struct expr *x)
{
    const char *op = x->sublink.op_name;
    if (!op)
        return x->sublink.kind == SUBLINK_ANY;
    return (x->sublink.kind == SUBLINK_ANY && strcmp(op, "=") == 0) ||
           (x->sublink.kind == SUBLINK_ALL && strcmp(op, "<>") == 0);
}

bool emit_sublink(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct str select, left;
    struct select_output out;
    *ret = (struct fragment){ 0 };
    if (!emit_select(e, x->sublink.query, false, &select, &out))
        return false;
    switch (x->sublink.kind) {
    case SUBLINK_EXISTS:
        ret->sql = text_of(e, "EXISTS (%.*s)", STR_FMT(select));
        break;
    case SUBLINK_SCALAR:
        *ret = out.columns[0];
        ret->simple = false;
        ret->checks = NULL;
        ret->sql = emit_one_value(e, x->sublink.query, select);
        break;
    case SUBLINK_ANY:
    case SUBLINK_ALL:
        if (!is_equal_sublink(x) ? !emit_quantified(e, x, select, &out, ret)
                                 : !emit_left_row(e, x, select, &out, &left))
            return false;
        if (is_equal_sublink(x))
            ret->sql = text_of(e, "(%.*s %sIN (%.*s))", STR_FMT(left), x->sublink.kind == SUBLINK_ALL ? "NOT " : "",
                               STR_FMT(select));
        if (x->sublink.one_row && ret->sql.p)
            ret->sql = emit_one_row(e, x->sublink.query, select, ret->sql);
        break;
    case SUBLINK_ARRAY: {
        struct fragment item = out.columns[0];
        item.sql = STR("c0");
        if (!json_element(e, x->sublink.query->targets[0].expr->type, &item))
            return false;
        ret->sql = text_of(e, "(SELECT json_group_array(%.*s) FROM (%.*s))", STR_FMT(item.sql), STR_FMT(select));
        break;
    }
    }
    return ret->sql.p != NULL;
}

/* ---- rows ---- */

static bool emit_row_pair(struct emitter *e, const struct expr *a, const struct expr *b, struct str *left,
                          struct str *right)
{
    *left = *right = STR("");
    for (size_t i = 0; i < a->n_args; i++) {
        struct fragment l, r;
        const char *collation;
        if (!collation_or_block(e, a->args[i], true, &collation) || !emit_pair(e, a->args[i], b->args[i], &l, &r) ||
            !enum_rank(e, a->args[i]->type, &l) || !enum_rank(e, b->args[i]->type, &r))
            return false;
        collation = own_collation(e, l.sql, own_collation(e, r.sql, collation));
        *left = text_of(e, "%.*s%s%.*s%s", STR_FMT(*left), i ? "," : "", STR_FMT(l.sql), collation);
        *right = text_of(e, "%.*s%s%.*s", STR_FMT(*right), i ? "," : "", STR_FMT(r.sql));
        if (!left->p || !right->p)
            return false;
    }
    return true;
}

bool emit_row_compare(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct str left, right;
    const char *op = x->row_compare.op_name;
    if (!emit_row_pair(e, x->args[0], x->args[1], &left, &right))
        return false;
    *ret = (struct fragment){ .sql = text_of(e, "((%.*s) %s (%.*s))", STR_FMT(left), op, STR_FMT(right)) };
    return ret->sql.p != NULL;
}

/* ROW(…) as a value: a JSON array of its fields' texts, read by the local functions that take records. */
bool emit_row(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    if (e->target == TARGET_D1)
        return blocked(e, x->location, "a row as a value here");
    struct str list = STR("");
    for (size_t i = 0; i < x->n_args; i++) {
        struct fragment f;
        if (!emit_value(e, x->args[i], &f) || !emit_blanks(e, x->args[i], &f))
            return false;
        list = text_of(e, "%.*s,%u,%.*s", STR_FMT(list), base_type(e, x->args[i]->type), STR_FMT(f.sql));
        if (!list.p)
            return false;
    }
    if (list.n)
        list = (struct str){ list.p + 1, list.n - 1 };
    *ret = (struct fragment){ .sql = text_of(e, "pg1_row(%.*s)", STR_FMT(list)) };
    return ret->sql.p != NULL;
}
