/* emit_logic.c - AND, OR and NOT, IN and the lists that long chains of them are; see emit_internal.h. */
#include "proxy/sql/emit_internal.h"

#include "proxy/sql/may_fail.h"

static void flatten(const struct expr *x, enum expr_kind kind, const struct expr **out, size_t *n, size_t max)
{
    for (size_t i = 0; i < x->n_args; i++) {
        if (x->args[i]->kind == kind)
            flatten(x->args[i], kind, out, n, max);
        else if (*n < max)
            out[(*n)++] = x->args[i];
    }
}

static size_t flat_count(const struct expr *x, enum expr_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n_args; i++)
        n += x->args[i]->kind == kind ? flat_count(x->args[i], kind) : 1;
    return n;
}

/* x = 1 OR x = 2 OR … and x <> 1 AND x <> 2 AND …, as old ORMs write them by the hundred: lists. */
enum { LIST_MIN = 8, LISTS_MAX = 16 };

static bool fits_list(enum expr_kind kind, const struct expr *term)
{
    return term->kind == EXPR_FUNC && term->n_args == 2 && term->call.op_name &&
           strcmp(term->call.op_name, kind == EXPR_OR ? "=" : "<>") == 0 && term->args[0]->kind == EXPR_VAR &&
           (term->args[1]->kind == EXPR_CONST || term->args[1]->kind == EXPR_PARAM);
}

static bool same_list(const struct expr *a, const struct expr *b)
{
    return a->call.proc == b->call.proc && a->args[1]->type == b->args[1]->type && expr_equal(a->args[0], b->args[0]);
}

struct list_search {
    const struct expr *heads[LISTS_MAX];
    size_t counts[LISTS_MAX], n;
    size_t *list_of; /* of each term, from 1; 0: none */
};

static void find_lists(struct list_search *s, enum expr_kind kind, const struct expr *const *terms, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        if (!fits_list(kind, terms[i]))
            continue;
        while (at < s->n && !same_list(s->heads[at], terms[i]))
            at++;
        if (at == LISTS_MAX)
            continue;
        if (at == s->n)
            s->heads[s->n++] = terms[i];
        s->counts[at]++;
        s->list_of[i] = at + 1;
    }
}

/* The list in the place of its first term; the terms it took are NULL. */
static bool make_list(struct emitter *e, enum expr_kind kind, const struct list_search *s, size_t list,
                      const struct expr **terms, size_t n)
{
    const struct expr *head = s->heads[list];
    struct expr *in = ARENA_NEW(e->arena, struct expr);
    struct expr **args = ARENA_ARRAY(e->arena, struct expr *, s->counts[list] + 1);
    if (!in || !args)
        return err_oom(e->err);
    *in = *head;
    in->kind = kind == EXPR_OR ? EXPR_IN_LIST : EXPR_NOT_IN_LIST;
    in->args = args;
    in->n_args = 0;
    args[in->n_args++] = head->args[0];
    for (size_t i = 0; i < n; i++) {
        if (s->list_of[i] != list + 1)
            continue;
        args[in->n_args++] = terms[i]->args[1];
        terms[i] = terms[i] == head ? in : NULL;
    }
    return true;
}

static bool gather_lists(struct emitter *e, enum expr_kind kind, const struct expr **terms, size_t *n)
{
    struct list_search s = { .list_of = ARENA_ARRAY(e->arena, size_t, *n) };
    size_t kept = 0;
    if (!s.list_of)
        return err_oom(e->err);
    find_lists(&s, kind, terms, *n);
    for (size_t i = 0; i < s.n; i++)
        if (s.counts[i] >= LIST_MIN && !make_list(e, kind, &s, i, terms, *n))
            return false;
    for (size_t i = 0; i < *n; i++)
        if (terms[i])
            terms[kept++] = terms[i];
    *n = kept;
    return true;
}

/* What stands on the right is computed only where the left does not decide, as PostgreSQL does it. SQLite does so in conditions, but
 * computes both sides of a value: CASE makes a condition of what stands before a part that may fail. */
enum { TWICE_MAX = 4000 };

struct logic_part {
    struct str sql;
    bool may_fail, is_volatile;
};

static bool part_may_fail(const struct emitter *e, const struct expr *x, const struct fragment *f)
{
    return !f->simple && (e->target == TARGET_D1 ? has_guard(f) : expr_may_fail(x));
}

static bool emit_parts(struct emitter *e, const struct expr *const *args, size_t n, bool condition,
                       struct logic_part *ret)
{
    int excluded = e->excluded;
    for (size_t i = 0; i < n; i++) {
        struct fragment f;
        bool left_out = i > 0 && (!condition || e->excluded > excluded);
        e->conditional += left_out;
        bool ok = condition ? emit_condition(e, args[i], &f) : emit_value(e, args[i], &f);
        e->conditional -= left_out;
        if (!ok)
            return false;
        ret[i] =
            (struct logic_part){ f.sql, part_may_fail(e, args[i], &f), f.is_volatile || is_volatile_expr(args[i]) };
        e->excluded += is_constant_expr(args[i]);
    }
    e->excluded = excluded;
    return true;
}

static bool join_parts(struct emitter *e, enum expr_kind kind, const struct logic_part *parts, size_t n,
                       struct str *ret)
{
    struct str *texts = ARENA_ARRAY(e->arena, struct str, n), joined;
    *ret = parts[0].sql;
    if (n == 1)
        return true;
    for (size_t i = 0; texts && i < n; i++)
        texts[i] = parts[i].sql;
    if (!texts)
        return err_oom(e->err);
    if (!join_balanced(e, texts, n, kind == EXPR_AND ? " AND " : " OR ", &joined))
        return false;
    *ret = text_of(e, "(%.*s)", STR_FMT(joined));
    return ret->p != NULL;
}

/* *ret stays as it is where no part can do harm, or where nothing may be written twice. */
static bool stop_before_failures(struct emitter *e, enum expr_kind kind, const struct logic_part *parts, size_t n,
                                 struct str *ret)
{
    struct str text = STR("CASE"), before;
    size_t from = 0, twice = 0;
    for (size_t i = 1; i < n; i++) {
        twice += parts[i - 1].sql.n;
        if (!parts[i].may_fail)
            continue;
        for (size_t k = from; k < i; k++)
            if (parts[k].is_volatile || twice > TWICE_MAX)
                return true;
        if (!join_parts(e, kind, &parts[from], i - from, &before))
            return false;
        text = text_of(e, kind == EXPR_AND ? "%.*s WHEN NOT %.*s THEN 0" : "%.*s WHEN %.*s THEN 1", STR_FMT(text),
                       STR_FMT(before));
        from = i;
    }
    if (from)
        *ret = text_of(e, "%.*s ELSE %.*s END", STR_FMT(text), STR_FMT(*ret));
    return ret->p != NULL;
}

bool emit_logic(struct emitter *e, const struct expr *x, bool condition, struct fragment *ret)
{
    size_t count = flat_count(x, x->kind), n = 0;
    const struct expr **args = ARENA_ARRAY(e->arena, const struct expr *, count);
    struct logic_part *parts = ARENA_ARRAY(e->arena, struct logic_part, count);
    if (!args || !parts)
        return err_oom(e->err);
    flatten(x, x->kind, args, &n, count);
    if (n >= LIST_MIN && !gather_lists(e, x->kind, args, &n))
        return false;
    *ret = (struct fragment){ 0 };
    return emit_parts(e, args, n, condition, parts) && join_parts(e, x->kind, parts, n, &ret->sql) &&
           (condition || e->inline_constants || stop_before_failures(e, x->kind, parts, n, &ret->sql));
}

enum { LONG_LIST = 200 };

/* An integer is an integer to D1. */
static const struct expr *without_widening(const struct expr *x)
{
    static const char *const sources[] = { "i2toi4", "int28", "int48" };
    for (size_t i = 0; x->kind == EXPR_FUNC && x->n_args == 1 && i < sizeof(sources) / sizeof(sources[0]); i++)
        if (strcmp(x->call.proc->source, sources[i]) == 0)
            return x->args[0];
    return x;
}

/* A list too long for a statement's text and parameters. *ret_done false: it is not one of plain constants. */
static bool emit_long_in(struct emitter *e, const struct expr *x, struct fragment *ret, bool *ret_done)
{
    const struct type_info *t = type_find(base_type(e, x->args[0]->type));
    struct bind *binds = ARENA_ARRAY(e->arena, struct bind, x->n_args);
    struct fragment left;
    struct str list;
    *ret_done = false;
    if (!binds)
        return err_oom(e->err);
    if (!t || (t->storage != STORAGE_INTEGER && t->storage != STORAGE_TEXT) || x->args[0]->kind == EXPR_ROW)
        return true;
    for (size_t i = 1; i < x->n_args; i++) {
        const struct expr *item = without_widening(x->args[i]);
        if ((item->kind != EXPR_CONST || item->constant.is_null) && item->kind != EXPR_PARAM)
            return true;
        if (snapshot_user_type(e->shared->snapshot, item->type))
            return true;
        binds[i - 1] = bind_of_expr(item);
    }
    *ret_done = true;
    if (!emit_value(e, x->args[0], &left) || !emit_bind_list(e, binds, x->n_args - 1, &list))
        return false;
    *ret = (struct fragment){ .sql = text_of(e, "(%.*s %sIN (%.*s))", STR_FMT(left.sql),
                                             x->kind == EXPR_NOT_IN_LIST ? "NOT " : "", STR_FMT(list)) };
    return ret->sql.p != NULL;
}

bool emit_in(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    size_t n = x->n_args;
    struct fragment *items = ARENA_ARRAY(e->arena, struct fragment, n),
                    **parts = ARENA_ARRAY(e->arena, struct fragment *, n);
    const char *collation;
    size_t n_parts = 0;
    if (!items || !parts)
        return err_oom(e->err);
    if (x->args[0]->kind == EXPR_ROW)
        return blocked(e, x->location, "this row comparison");
    if (!collation_or_block(e, x->args[0], false, &collation))
        return false;
    bool number = e->target == TARGET_D1 && is_numeric(e, x->args[0]->type), done = false;
    if (n > LONG_LIST && e->target == TARGET_D1 && !e->inline_constants && e->shared->settings->traits.max_params &&
        e->shared->settings->traits.max_params <= LONG_LIST && (!emit_long_in(e, x, ret, &done) || done))
        return done && ret->sql.p != NULL;
    for (size_t i = 0; i < n; i++) {
        if (!emit_expr(e, x->args[i], &items[i]) || !settle(e, &items[i]))
            return false;
        if (number && items[i].form == FORM_NATURAL && !is_null_const(x->args[i]))
            return blocked(e, x->args[i]->location, "comparing exact numerics here");
        if (!is_null_const(x->args[i]))
            parts[n_parts++] = &items[i];
        if (!number && !make_natural(e, x->args[i]->type, &items[i]))
            return false;
    }
    if (number && !align_numbers(e, parts, n_parts))
        return false;
    struct buf list;
    buf_init(&list, 4 << 20);
    for (size_t i = 1; i < n; i++)
        buf_printf(&list, "%s%.*s", i > 1 ? "," : "", STR_FMT(items[i].sql));
    collation = own_collation(e, items[0].sql, own_collation(e, buf_str(&list), collation));
    *ret = (struct fragment){ .sql = text_of(e, "(%.*s%s %sIN (%.*s))", STR_FMT(items[0].sql), collation,
                                             x->kind == EXPR_NOT_IN_LIST ? "NOT " : "", STR_FMT(buf_str(&list))) };
    bool failed = list.failed;
    buf_fini(&list);
    return failed ? err_oom(e->err) : ret->sql.p != NULL;
}
