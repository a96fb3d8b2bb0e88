/*
 * rewrite_set_operation.c - UNION, INTERSECT, EXCEPT for SQLite: no parentheses, all operators of one rank, at most
 * five terms
 * in D1, and no INTERSECT ALL or EXCEPT ALL.
 */
#include "proxy/sql/emit_internal.h"

enum { MAX_TERMS = 5 };

/* Column i of a side that is wrapped once more: f, as c<i>. */
static bool give_column(struct emitter *e, struct str *list, size_t i, struct fragment f, struct select_output *out)
{
    *list = text_of(e, "%.*s%s%.*s AS c%zu", STR_FMT(*list), i ? ", " : "", STR_FMT(f.sql), i);
    f.sql = (struct str){ 0 };
    out->columns[i] = f;
    return list->p != NULL;
}

/* Columns c0… of a subquery with numbers written as text, where the sides differ. */
static bool naturalize(struct emitter *e, const struct query *q, const bool *change, struct str *text,
                       struct select_output *out)
{
    struct str list = STR("");
    for (size_t i = 0; i < out->n; i++) {
        struct fragment f = out->columns[i];
        f.sql = text_of(e, "c%zu", i);
        if ((change[i] && !make_natural(e, q->targets[i].expr->type, &f)) || !give_column(e, &list, i, f, out))
            return false;
    }
    *text = text_of(e, "SELECT %.*s FROM (%.*s)", STR_FMT(list), STR_FMT(*text));
    return text->p != NULL;
}

static bool match_forms(struct emitter *e, const struct query *q, struct str *left, struct select_output *a,
                        struct str *right, struct select_output *b)
{
    bool any = false, *change = ARENA_ARRAY(e->arena, bool, a->n + 1);
    if (!change)
        return err_oom(e->err);
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        const struct fragment *l = &a->columns[i], *r = &b->columns[i];
        change[i] = l->form != r->form || (l->form != FORM_NATURAL && l->scale != r->scale);
        any = any || change[i];
        bool distinct = !(q->set_operation == SETOP_UNION && q->set_all);
        const char *collation;
        if (distinct && (!collation_of(e, q->targets[i].expr->type, false, &collation) ||
                         (e->target == TARGET_D1 && is_numeric(e, q->targets[i].expr->type) &&
                          (change[i] || l->form == FORM_NATURAL))))
            return blocked(e, -1, "a set operation over values of this type here");
    }
    return !any || (naturalize(e, q, change, left, a) && naturalize(e, q, change, right, b));
}

static bool is_plain_term(const struct query *q)
{
    return q->set_operation == SETOP_NONE && !q->n_ctes && !q->n_sort && !q->limit && !q->offset && !q->n_values_rows &&
           !q->n_grouping_sets && !q->n_distinct_on;
}

static bool is_plain_chain(const struct query *q)
{
    return q->set_operation != SETOP_NONE && !q->n_ctes && !q->n_sort && !q->limit && !q->offset &&
           !(q->set_all && q->set_operation != SETOP_UNION);
}

/* Rows numbered among their equals make INTERSECT ALL and EXCEPT ALL work on sets. */
static bool number_rows(struct emitter *e, size_t n, struct str *text)
{
    struct str list = STR("");
    for (size_t i = 0; i < n && list.p; i++)
        list = text_of(e, "%.*s%sc%zu", STR_FMT(list), i ? "," : "", i);
    *text = text_of(e, "SELECT %.*s, row_number() OVER (PARTITION BY %.*s) AS n FROM (%.*s)", STR_FMT(list),
                    STR_FMT(list), STR_FMT(*text));
    return text->p != NULL;
}

static bool collate_first(struct emitter *e, const struct query *q, size_t n, struct str *text)
{
    struct str list = STR("");
    bool any = false;
    for (size_t i = 0; i < n && list.p; i++) {
        const char *collation;
        if (!collation_of(e, q->targets[i].expr->type, false, &collation))
            return true;
        any = any || *collation;
        list = text_of(e, "%.*s%sc%zu%s AS c%zu", STR_FMT(list), i ? ", " : "", i, collation, i);
    }
    if (any)
        *text = text_of(e, "SELECT %.*s FROM (%.*s)", STR_FMT(list), STR_FMT(*text));
    return text->p != NULL;
}

/* A side whose rows have been compared with each other, as the type that the other side shares. */
static bool cast_side(struct emitter *e, const struct query *side, struct expr *const *casts, struct str *text,
                      struct select_output *out)
{
    struct str list = STR("");
    struct level *level = level_new(e, side), *outer = e->level;
    if (!level || !(level->outputs = ARENA_ARRAY(e->arena, struct fragment, out->n + 1)))
        return err_oom(e->err);
    for (size_t i = 0; i < out->n; i++) {
        level->outputs[i] = out->columns[i];
        level->outputs[i].sql = text_of(e, "c%zu", i);
    }
    for (size_t i = 0; i < out->n; i++) {
        struct fragment f = level->outputs[i];
        e->level = level;
        bool ok = !casts[i] || (emit_expr(e, casts[i], &f) && settle(e, &f));
        e->level = outer;
        if (!ok || !give_column(e, &list, i, f, out))
            return false;
    }
    *text = text_of(e, "SELECT %.*s FROM (%.*s)", STR_FMT(list), STR_FMT(*text));
    return text->p != NULL;
}

/* The operation without ORDER BY and LIMIT; *terms counts the SELECTs side by side in the text. */
static bool emit_chain(struct emitter *e, const struct query *q, struct str *ret, struct select_output *out, int *terms)
{
    static const char *const words[] = { "", "UNION", "INTERSECT", "EXCEPT" };
    struct str left, right;
    struct select_output right_out;
    int left_terms = 1;
    if (e->depth >= EMIT_MAX_DEPTH)
        return refused(e, -1, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    struct level *level = level_new(e, q); /* the sides stand one level further in: they may refer to outer queries */
    if (!level)
        return false;
    e->level = level;
    e->depth++;
    bool ok = (is_plain_chain(q->left) ? emit_chain(e, q->left, &left, out, &left_terms)
                                       : emit_select(e, q->left, false, &left, out)) &&
              emit_select(e, q->right, false, &right, &right_out);
    e->depth--;
    e->level = level->parent;
    if (!ok)
        return false;
    bool numbered = q->set_all && q->set_operation != SETOP_UNION, all = q->set_operation == SETOP_UNION && q->set_all;
    if (!is_plain_chain(q->left) && !is_plain_term(q->left))
        left = text_of(e, "SELECT * FROM (%.*s)", STR_FMT(left));
    if (!is_plain_term(q->right))
        right = text_of(e, "SELECT * FROM (%.*s)", STR_FMT(right));
    if (!left.p || !right.p || (q->left_casts && !cast_side(e, q->left, q->left_casts, &left, out)) ||
        (q->right_casts && !cast_side(e, q->right, q->right_casts, &right, &right_out)))
        return false;
    if (q->left_casts)
        left_terms = 1;
    if (!left.p || !right.p || !match_forms(e, q, &left, out, &right, &right_out))
        return false;
    /* SQLite compares by the first SELECT of a chain; one of UNION ALL alone has not been told how. */
    bool told = left_terms > 1 && !(q->left->set_operation == SETOP_UNION && q->left->set_all);
    if (!all && e->target == TARGET_LOCAL && !told) {
        if (!collate_first(e, q, out->n, &left) || (numbered && !collate_first(e, q, out->n, &right)))
            return false;
    }
    if (left_terms + 1 > MAX_TERMS && e->target == TARGET_D1) {
        left = text_of(e, "SELECT * FROM (%.*s)", STR_FMT(left));
        left_terms = 1;
    }
    if (numbered && (!number_rows(e, out->n, &left) || !number_rows(e, out->n, &right)))
        return false;
    *ret = text_of(e, "%.*s %s%s %.*s", STR_FMT(left), words[q->set_operation], all ? " ALL" : "", STR_FMT(right));
    *terms = left_terms + 1;
    return ret->p != NULL;
}

static bool output_list(struct emitter *e, const struct query *q, bool top, struct select_output *out,
                        struct fragment *outputs, struct str *ret)
{
    struct str list = STR("");
    for (size_t i = 0; i < out->n; i++) {
        struct fragment f = out->columns[i];
        f.sql = text_of(e, "c%zu", i);
        f.simple = true;
        outputs[i] = f;
        if (!finish_output(e, q->targets[i].expr->type, top, &f))
            return false;
        list = text_of(e, "%.*s%s%.*s AS c%zu", STR_FMT(list), i ? ", " : "", STR_FMT(f.sql), i);
        f.sql = (struct str){ 0 };
        out->columns[i] = f;
        if (!list.p)
            return false;
    }
    *ret = list;
    return true;
}

bool rewrite_set_operation(struct emitter *e, const struct query *q, bool top, struct str *ret,
                           struct select_output *out)
{
    struct str chain, list;
    int terms;
    struct level *level = level_new(e, q);
    if (!level)
        return false;
    if (!emit_chain(e, q, &chain, out, &terms))
        return false;
    bool numbered = q->set_all && q->set_operation != SETOP_UNION;
    bool plain = !top && !q->n_sort && !q->limit && !q->offset && !numbered;
    if (plain) {
        *ret = chain;
        return true;
    }
    level->outputs = ARENA_ARRAY(e->arena, struct fragment, out->n + 1);
    if (!level->outputs)
        return err_oom(e->err);
    if (!output_list(e, q, top, out, level->outputs, &list))
        return false;
    e->level = level;
    bool ok = emit_ordered(e, q, list, chain, ret);
    e->level = level->parent;
    return ok;
}
