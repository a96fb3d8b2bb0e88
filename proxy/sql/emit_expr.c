/* emit_expr.c - expressions but calls; see emit_internal.h. Compound texts stand in parentheses, so precedence is no
 * matter. */
#include "proxy/sql/emit_internal.h"

#include "proxy/sql/analyze.h"

/* ---- looking at expressions ---- */

struct look {
    bool constant, is_volatile, own_vars, foreign_vars;
};

static bool look_at(struct expr *x, void *ctx);

static void look_at_case(struct expr *x, struct look *look)
{
    const struct expr *otherwise;
    for (size_t i = 0, n = folding_case_arms(x, &otherwise); i < n; i++)
        if (!folding_skips_arm(&x->cases.arms[i])) {
            expr_walk(x->cases.arms[i].when, look_at, look);
            expr_walk(x->cases.arms[i].then, look_at, look);
        }
    expr_walk((struct expr *)(uintptr_t)otherwise, look_at, look);
}

static bool look_at(struct expr *x, void *ctx)
{
    struct look *look = ctx;
    switch (x->kind) {
    case EXPR_VAR:
    case EXPR_WHOLE_ROW:
        look->constant = false;
        if (x->var.levels_up == 0)
            look->own_vars = true;
        else
            look->foreign_vars = true;
        break;
    case EXPR_SUBLINK:
        look->constant = false;
        look->foreign_vars = true; /* nobody looked inside */
        break;
    case EXPR_AGGREGATE:
    case EXPR_WINDOW:
    case EXPR_GROUPING:
    case EXPR_CASE_TEST:
    case EXPR_DEFAULT:
    case EXPR_XMAX:
    case EXPR_NEXTVAL_DEFAULT:
        look->constant = false;
        break;
    case EXPR_FUNC:
        if (x->call.proc->returns_set)
            look->constant = false;
        if (x->call.proc->volatility == 'v')
            look->is_volatile = true;
        break;
    case EXPR_COALESCE: /* as it is printed */
        for (size_t i = 0, n = folding_coalesce_args(x); i < n; i++)
            expr_walk(x->args[i], look_at, look);
        return false;
    case EXPR_CASE:
        look_at_case(x, look);
        return false;
    default:
        break;
    }
    return true;
}

static struct look look_over(const struct expr *x)
{
    struct look look = { .constant = true };
    /* The walker wants a writable tree for its other callers; this visitor only reads. */
    expr_walk((struct expr *)(uintptr_t)x, look_at, &look);
    return look;
}

bool is_constant_expr(const struct expr *x)
{
    return look_over(x).constant;
}

bool is_volatile_expr(const struct expr *x)
{
    return look_over(x).is_volatile;
}

bool has_own_vars(const struct expr *x)
{
    struct look look = look_over(x);
    return look.own_vars && !look.foreign_vars;
}

bool is_column_of(const struct query *q, const struct expr *x, int rte, int16_t number)
{
    x = without_relabel(x);
    if (!x || x->kind != EXPR_VAR || x->var.levels_up || x->var.rte != rte)
        return false;
    const struct column *c = q->rtable[rte].columns[x->var.column].column;
    return c && c->number == number;
}

/* ---- fragments ---- */

static struct str checks_text(struct emitter *e, const struct fragment *f)
{
    struct str text = STR("CASE");
    for (const struct check *c = f->checks; c && text.p; c = c->next)
        text = text_of(e, "%.*s WHEN %.*s THEN %.*s", STR_FMT(text), STR_FMT(c->when), STR_FMT(c->then));
    return text;
}

bool settle(struct emitter *e, struct fragment *f)
{
    if (!f->checks)
        return f->sql.p != NULL;
    struct str head = checks_text(e, f);
    f->sql = head.p ? text_of(e, "%.*s ELSE %.*s END", STR_FMT(head), STR_FMT(f->sql)) : head;
    f->checks = NULL;
    f->checks_end = NULL;
    f->simple = false;
    return f->sql.p != NULL;
}

static struct str unix_text(struct emitter *e, oid_t type, const struct fragment *f)
{
    const char *function = type == TYPE_OID_date ? "date" : "datetime";
    const struct str s = f->sql;
    switch (f->form) {
    case FORM_UNIX_S:
        return text_of(e, "%s(%.*s,'unixepoch')", function, STR_FMT(s));
    case FORM_UNIX_MS:
        return text_of(e, "(%s(%.*s/1000,'unixepoch')||rtrim(rtrim(printf('.%%03d',%.*s%%1000),'0'),'.'))", function,
                       STR_FMT(s), STR_FMT(s));
    default:
        return text_of(e, "(%s(%.*s/1000000,'unixepoch')||rtrim(rtrim(printf('.%%06d',%.*s%%1000000),'0'),'.'))",
                       function, STR_FMT(s), STR_FMT(s));
    }
}

bool make_natural(struct emitter *e, oid_t type, struct fragment *f)
{
    switch (f->form) {
    case FORM_NATURAL:
    case FORM_HEX:
        return true;
    case FORM_NUMBER:
    case FORM_SCALED:
        return numeric_text(e, f);
    case FORM_UNIX_S:
    case FORM_UNIX_MS:
    case FORM_UNIX_US:
        f->sql = unix_text(e, base_type(e, type), f);
        f->form = FORM_NATURAL;
        f->simple = false;
        return f->sql.p != NULL;
    }
    return false;
}

bool emit_value(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    return emit_expr(e, x, ret) && settle(e, ret) && make_natural(e, x->type, ret);
}

/* Long chains of one operator as a tree of even depth: D1 stops at an expression depth of 100. */
bool join_balanced(struct emitter *e, const struct str *parts, size_t n, const char *operator_text, struct str *ret)
{
    if (n == 1) {
        *ret = parts[0];
        return true;
    }
    struct str left, right;
    size_t half = n <= 8 ? n - 1 : n / 2;
    if (!join_balanced(e, parts, half, operator_text, &left) ||
        !join_balanced(e, parts + half, n - half, operator_text, &right))
        return false;
    *ret = n <= 8 ? text_of(e, "%.*s%s%.*s", STR_FMT(left), operator_text, STR_FMT(right))
                  : text_of(e, "(%.*s)%s(%.*s)", STR_FMT(left), operator_text, STR_FMT(right));
    return ret->p != NULL;
}

/* ---- order and equality of types ---- */

/* By the type of the elements where their texts do not sort by themselves. */
static const char *array_collation(oid_t element)
{
    switch (element) {
    case TYPE_OID_numeric:
        return " COLLATE pg_array_numeric";
    case TYPE_OID_interval:
        return " COLLATE pg_array_interval";
    case TYPE_OID_timetz:
        return " COLLATE pg_array_timetz";
    case TYPE_OID_jsonb:
        return " COLLATE pg_array_jsonb";
    case TYPE_OID_inet:
    case TYPE_OID_cidr:
        return " COLLATE pg_array_inet";
    case TYPE_OID_tsvector:
        return " COLLATE pg_array_tsvector";
    case TYPE_OID_tsquery:
        return " COLLATE pg_array_tsquery";
    default:
        return " COLLATE pg_array";
    }
}

/* A row's text: equal where its columns' are, and in no order. What the columns of a record are, its type does not say. */
static bool row_is_plain(struct emitter *e, const struct relation *r, bool ordering)
{
    for (size_t i = 0; r && i < r->n_columns; i++) {
        const char *collation;
        if (!collation_of(e, r->columns[i].type, false, &collation) || *collation || is_numeric(e, r->columns[i].type))
            return false;
    }
    return r && !ordering;
}

bool collation_of(struct emitter *e, oid_t type, bool ordering, const char **ret)
{
    oid_t base = base_type(e, type), element = snapshot_element_type(e->shared->snapshot, base);
    const struct relation *rows = snapshot_relation_of_rows(e->shared->snapshot, base);
    const char *local = NULL;
    *ret = "";
    if (rows || base == TYPE_OID_record)
        return row_is_plain(e, rows, ordering);
    if (element) {
        /* Equal arrays of plain elements are equal texts; their order is not that of the texts. */
        local = array_collation(base_type(e, element));
    } else {
        switch (base) {
        case TYPE_OID_numeric:
            local = " COLLATE pg_numeric";
            break;
        case TYPE_OID_interval:
            local = " COLLATE pg_interval";
            break;
        case TYPE_OID_timetz:
            local = " COLLATE pg_timetz";
            break;
        case TYPE_OID_jsonb:
            local = " COLLATE pg_jsonb";
            break;
        case TYPE_OID_inet:
        case TYPE_OID_cidr:
            local = " COLLATE pg_inet";
            break;
        case TYPE_OID_tsvector:
            local = " COLLATE pg_tsvector";
            break;
        case TYPE_OID_tsquery:
            local = " COLLATE pg_tsquery";
            break;
        default:
            return true;
        }
    }
    if (e->target == TARGET_D1) {
        if (base == TYPE_OID_numeric)
            return true; /* numbers there; texts were blocked before */
        if (!ordering && (base == TYPE_OID_inet || base == TYPE_OID_cidr))
            return true;
        return false;
    }
    *ret = local;
    return true;
}

bool collation_or_block(struct emitter *e, const struct expr *x, bool ordering, const char **ret)
{
    if (collation_of(e, x->type, ordering, ret))
        return true;
    struct str type = snapshot_format_type(e->shared->snapshot, x->type, -1, e->arena);
    return blocked(e, x->location, "comparing values of type %.*s here", STR_FMT(type));
}

struct expr *call_expr(struct emitter *e, const struct pg_proc *proc, const struct expr *a, const struct expr *b)
{
    struct expr *x = ARENA_NEW(e->arena, struct expr);
    struct expr **args = ARENA_ARRAY(e->arena, struct expr *, 2);
    if (!x || !args) {
        err_oom(e->err);
        return NULL;
    }
    args[0] = (struct expr *)(uintptr_t)a;
    args[1] = (struct expr *)(uintptr_t)b;
    *x = (struct expr){
        .kind = EXPR_FUNC, .type = proc->result, .typmod = -1, .location = a->location, .args = args, .n_args = 2
    };
    x->call.proc = proc;
    return x;
}

bool emit_equal(struct emitter *e, const struct expr *a, const struct expr *b, const struct pg_proc *proc,
                struct fragment *ret)
{
    struct expr *x = call_expr(e, proc, a, b);
    return x && emit_call(e, x, ret) && settle(e, ret);
}

const char *own_collation(const struct emitter *e, struct str text, const char *collation)
{
    bool inside = e->target == TARGET_LOCAL && !*collation && str_find(text, STR(" COLLATE pg_")) >= 0;
    return inside ? " COLLATE BINARY" : collation;
}

/* A column without NULLs needs no NULLS clause, which would keep SQLite from using an index of several columns. */
static bool never_null(const struct emitter *e, const struct expr *x)
{
    if (x->kind != EXPR_VAR || x->var.levels_up != 0 || x->var.rte < 0 || !e->level)
        return false;
    const struct query *q = e->level->query;
    const struct rte *rte = &q->rtable[x->var.rte];
    const struct column *c = rte->kind == RTE_RELATION ? rte->columns[x->var.column].column : NULL;
    return c && (c->not_null || c->is_rowid) && !rte_is_nullable(q, x->var.rte) && !q->n_grouping_sets;
}

/* A column of the row's range table entry. */
static struct expr *column_of_row(struct emitter *e, const struct expr *row, const struct rte *rte, size_t i)
{
    struct expr *x = ARENA_NEW(e->arena, struct expr);
    if (!x) {
        err_oom(e->err);
        return NULL;
    }
    *x = (struct expr){
        .kind = EXPR_VAR, .type = rte->columns[i].type, .typmod = rte->columns[i].typmod, .location = row->location
    };
    x->var.levels_up = row->var.levels_up;
    x->var.rte = row->var.rte;
    x->var.column = (int)i;
    return x;
}

bool emit_row_elements(struct emitter *e, const struct expr *x, struct expr ***ret, size_t *ret_n)
{
    x = without_relabel(x);
    *ret = x->args;
    *ret_n = x->kind == EXPR_ROW ? x->n_args : 0;
    if (x->kind != EXPR_WHOLE_ROW || x->var.rte < 0)
        return true;
    struct level *l = e->level;
    for (int i = 0; l && i < x->var.levels_up; i++)
        l = l->parent;
    if (!l || rte_is_nullable(l->query, x->var.rte))
        return true;
    const struct rte *rte = &l->query->rtable[x->var.rte];
    if (!(*ret = ARENA_ARRAY(e->arena, struct expr *, rte->n_columns + 1)))
        return err_oom(e->err);
    for (; *ret_n < rte->n_columns; ++*ret_n)
        if (!((*ret)[*ret_n] = column_of_row(e, x, rte, *ret_n)))
            return false;
    return true;
}

/* Rows are in the order of their first columns that differ, where NULL is the greatest. */
static bool sort_row(struct emitter *e, const struct sort_item *item, struct expr **elements, size_t n, struct str *ret)
{
    struct sort_item *items = ARENA_ARRAY(e->arena, struct sort_item, n);
    if (!items)
        return err_oom(e->err);
    for (size_t i = 0; i < n; i++)
        items[i] =
            (struct sort_item){ .expr = elements[i], .descending = item->descending, .nulls_first = item->descending };
    return emit_sort_list(e, items, n, ret);
}

bool emit_sort_key(struct emitter *e, const struct sort_item *item, struct str *ret)
{
    struct fragment f;
    const char *collation;
    struct expr **elements;
    size_t n;
    if (!emit_row_elements(e, item->expr, &elements, &n))
        return false;
    if (n)
        return sort_row(e, item, elements, n, ret);
    if (!emit_expr(e, item->expr, &f) || !settle(e, &f))
        return false;
    if (e->target == TARGET_D1 && is_numeric(e, item->expr->type) && f.form == FORM_NATURAL)
        return blocked(e, item->expr->location, "ordering by an exact numeric here");
    if (!collation_or_block(e, item->expr, true, &collation) || !enum_rank(e, item->expr->type, &f))
        return false;
    const char *nulls = never_null(e, item->expr) ? "" : item->nulls_first ? " NULLS FIRST" : " NULLS LAST";
    collation = own_collation(e, f.sql, collation);
    e->window_inside |= e->level && e->level->query->has_windows && has_window_inside(f.sql);
    *ret = text_of(e, "%.*s%s%s%s", STR_FMT(f.sql), collation, item->descending ? " DESC" : "", nulls);
    return ret->p != NULL;
}

bool emit_sort_list(struct emitter *e, const struct sort_item *items, size_t n, struct str *ret)
{
    struct str text = STR("");
    for (size_t i = 0; i < n; i++) {
        struct str key;
        if (!emit_sort_key(e, &items[i], &key))
            return false;
        text = text_of(e, "%.*s%s%.*s", STR_FMT(text), i ? ", " : "", STR_FMT(key));
        if (!text.p)
            return false;
    }
    *ret = text;
    return true;
}

/* ---- one function per kind ---- */

static struct str literal_text(struct emitter *e, const struct value *v)
{
    switch (v->class) {
    case VALUE_NULL:
        return STR("NULL");
    case VALUE_INTEGER:
        if (v->integer == INT64_MIN)
            return STR("(-9223372036854775807-1)");
        return text_of(e, "%lld", (long long)v->integer);
    case VALUE_REAL:
        if (v->real > 1e308 * 10 || v->real < -1e308 * 10)
            return v->real > 0 ? STR("9e999") : STR("-9e999");
        return text_of(e, "%.17e", v->real);
    case VALUE_TEXT:
        return emit_text_literal(v->bytes, e->arena);
    case VALUE_BLOB:
        break;
    }
    char *hex = arena_alloc(e->arena, v->bytes.n * 2 + 4);
    if (!hex)
        return (struct str){ 0 };
    size_t n = 0;
    hex[n++] = 'x';
    hex[n++] = '\'';
    str_hex(v->bytes, hex + n);
    n += 2 * v->bytes.n;
    hex[n++] = '\'';
    return (struct str){ hex, n };
}

static bool is_enum_or_domain(const struct emitter *e, oid_t type)
{
    return e->shared->snapshot && snapshot_user_type(e->shared->snapshot, type);
}

static bool emit_const(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    if (x->constant.is_null) {
        mark_structural(e, x);
        *ret = (struct fragment){ .sql = STR("NULL"), .simple = true, .is_null = true };
        if (e->target == TARGET_D1 && is_numeric(e, x->type))
            ret->form = FORM_NUMBER;
        return true;
    }
    if (is_numeric(e, x->type))
        return emit_numeric_const(e, x, ret);
    if (x->type ==
        TYPE_OID_regclass) /* it named a relation: the statement is looked at again when the schema changes */
        e->shared->needs_catalog = true;
    if (e->inline_constants || (x->constant.literal < 0 && x->constant.value.class == VALUE_INTEGER)) {
        mark_structural(e, x);
        *ret = (struct fragment){ .sql = literal_text(e, &x->constant.value), .simple = true };
        return ret->sql.p || err_oom(e->err);
    }
    struct bind b = bind_of_expr(x);
    if (is_enum_or_domain(e, x->type)) {
        /* Its labels and checks were looked at by analyze: another literal must be looked at again. */
        mark_structural(e, x);
        b.source = BIND_CONSTANT;
        b.index = -1;
        b.type = base_type(e, x->type);
    }
    return emit_bind(e, &b, ret);
}

static bool emit_param(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    if (e->inline_constants)
        return refused(e, x->location, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $%d", x->param.number);
    if (is_numeric(e, x->type))
        return emit_numeric_const(e, x, ret);
    struct bind b = bind_of_expr(x);
    b.type = base_type(e, x->type);
    return emit_bind(e, &b, ret);
}

static bool emit_suffixed(struct emitter *e, const struct expr *x, const char *prefix, const char *suffix,
                          struct fragment *ret)
{
    struct fragment f;
    bool handled = false;
    if ((x->kind == EXPR_IS_NULL || x->kind == EXPR_IS_NOT_NULL) &&
        (!emit_json_is_null(e, x, &handled, ret) || handled))
        return handled && ret->sql.p != NULL;
    if (!emit_expr(e, x->args[0], &f) || !settle(e, &f))
        return false;
    *ret = (struct fragment){ .sql = text_of(e, "(%s%.*s%s)", prefix, STR_FMT(f.sql), suffix) };
    return ret->sql.p != NULL;
}

static bool emit_row_null(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    const struct expr *row = x->args[0];
    const char *suffix = x->kind == EXPR_IS_NULL ? " IS NULL" : " IS NOT NULL";
    struct str text = STR("1");
    for (size_t i = 0; i < row->n_args; i++) {
        struct fragment f;
        if (!emit_expr(e, row->args[i], &f) || !settle(e, &f))
            return false;
        text = i ? text_of(e, "%.*s AND %.*s%s", STR_FMT(text), STR_FMT(f.sql), suffix)
                 : text_of(e, "%.*s%s", STR_FMT(f.sql), suffix);
        if (!text.p)
            return false;
    }
    *ret = (struct fragment){ .sql = text_of(e, "(%.*s)", STR_FMT(text)) };
    return ret->sql.p != NULL;
}

/* Brings the branches of CASE, COALESCE… to one form. */
static bool unify(struct emitter *e, oid_t type, struct fragment *branches, size_t n, struct fragment *ret)
{
    struct fragment **parts = ARENA_ARRAY(e->arena, struct fragment *, n);
    if (!parts)
        return err_oom(e->err);
    bool same = true, rounded = e->value_only && !e->is_compared && is_numeric(e, type) && e->target == TARGET_D1;
    for (size_t i = 0; i < n; i++) {
        if (rounded && branches[i].form == FORM_NUMBER)
            branches[i].scale = shown_scale(e, &branches[i]);
        if (!settle(e, &branches[i]))
            return false;
        parts[i] = &branches[i];
        same = same && branches[i].form == branches[0].form && branches[i].scale == branches[0].scale &&
               branches[i].scale >= 0 && !branches[i].mixed_scale;
    }
    *ret = (struct fragment){ 0 };
    if (n == 0)
        return true;
    if (is_numeric(e, type) && e->target == TARGET_D1) {
        bool all_number = true;
        for (size_t i = 0; i < n; i++)
            all_number = all_number && branches[i].form != FORM_NATURAL;
        if (e->value_only && all_number) {
            if (!align_numbers(e, parts, n))
                return false;
            ret->mixed_scale = !same;
        } else if (!same || branches[0].form == FORM_NATURAL) {
            for (size_t i = 0; i < n; i++)
                if (!make_natural(e, type, &branches[i]))
                    return false;
        }
    } else {
        for (size_t i = 0; i < n; i++)
            if (!make_natural(e, type, &branches[i]))
                return false;
    }
    ret->form = branches[0].form;
    ret->scale = branches[0].scale;
    bool known = true;
    for (size_t i = 0; i < n; i++) {
        known = known && (branches[i].digits || branches[i].is_null);
        ret->digits = branches[i].digits > ret->digits ? branches[i].digits : ret->digits;
    }
    ret->digits = known ? ret->digits : 0;
    return true;
}

bool is_null_const(const struct expr *x)
{
    while (x->kind == EXPR_RELABEL || x->kind == EXPR_TYPMOD)
        x = x->args[0];
    return x->kind == EXPR_CONST && x->constant.is_null;
}

static bool emit_case(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    const struct expr *otherwise;
    size_t n = folding_case_arms(x, &otherwise), n_whens = 0, n_branches = 0;
    struct fragment *whens = ARENA_ARRAY(e->arena, struct fragment, n),
                    *branches = ARENA_ARRAY(e->arena, struct fragment, n + 1);
    size_t *slot = ARENA_ARRAY(e->arena, size_t, n + 1); /* 0: NULL, else 1 + index of the branch */
    if (!whens || !branches || !slot)
        return err_oom(e->err);
    int excluded = e->excluded;
    for (size_t i = 0; i <= n; i++) {
        const struct expr *then = i < n ? x->cases.arms[i].then : otherwise;
        if (i < n && folding_skips_arm(&x->cases.arms[i]))
            continue;
        e->conditional += n_whens > 0;
        bool ok = i == n || emit_condition(e, x->cases.arms[i].when, &whens[i]);
        bool asked = n_whens == 0 && i < n; /* from here on */
        n_whens += i < n;
        e->conditional += asked;
        e->excluded += i < n && is_constant_expr(x->cases.arms[i].when);
        bool shown = then && !is_null_const(then);
        struct decider decider = { i < n ? folding_decider(x->cases.arms[i].when) : NULL, e->deciders };
        e->deciders = decider.constant ? &decider : decider.outer;
        ok = ok && (!shown || emit_expr(e, then, &branches[n_branches]));
        e->deciders = decider.outer;
        e->conditional -= n_whens > 0;
        if (!ok)
            return false;
        if (shown)
            slot[i] = ++n_branches;
    }
    e->excluded = excluded;
    if (!unify(e, x->type, branches, n_branches, ret))
        return false;
    struct str text = STR("CASE");
    for (size_t i = 0; i <= n && text.p; i++) {
        struct str value = slot[i] ? branches[slot[i] - 1].sql : STR("NULL");
        if (!n_whens)
            text = value;
        else if (i < n && whens[i].sql.p)
            text = text_of(e, "%.*s WHEN %.*s THEN %.*s", STR_FMT(text), STR_FMT(whens[i].sql), STR_FMT(value));
        else if (i == n && slot[i])
            text = text_of(e, "%.*s ELSE %.*s", STR_FMT(text), STR_FMT(value));
    }
    ret->sql = text.p && n_whens ? text_of(e, "%.*s END", STR_FMT(text)) : text;
    return ret->sql.p != NULL;
}

/* The first n_args arguments in one form; NULL constants as NULL. */
static bool emit_branches(struct emitter *e, const struct expr *x, size_t n_args, struct str **ret_parts,
                          struct fragment *ret)
{
    size_t n = 0;
    struct fragment *branches = ARENA_ARRAY(e->arena, struct fragment, n_args);
    struct str *parts = ARENA_ARRAY(e->arena, struct str, n_args);
    if (!branches || !parts)
        return err_oom(e->err);
    int excluded = e->excluded;
    for (size_t i = 0; i < n_args; i++) {
        bool conditional = i > 0 && x->kind == EXPR_COALESCE;
        e->conditional += conditional;
        e->excluded += conditional && folding_may_be_constant(x->args[i - 1]) && !is_null_const(x->args[i - 1]);
        bool ok = is_null_const(x->args[i]) || emit_expr(e, x->args[i], &branches[n++]);
        e->conditional -= conditional;
        if (!ok)
            return false;
    }
    e->excluded = excluded;
    if (!unify(e, x->type, branches, n, ret))
        return false;
    for (size_t i = 0, at = 0; i < n_args; i++)
        parts[i] = is_null_const(x->args[i]) ? STR("NULL") : branches[at++].sql;
    *ret_parts = parts;
    return true;
}

static bool emit_coalesce(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    size_t n = folding_coalesce_args(x);
    struct str *parts, list = STR("");
    if (!emit_branches(e, x, n, &parts, ret))
        return false;
    if (n == 1) {
        ret->sql = parts[0];
        return true;
    }
    for (size_t i = n; i-- > 0 && list.p;) { /* from behind: what is too much for one call stands inside it */
        bool nests = n - i > 1 && (n - i - 1) % (D1_MAX_ARGUMENTS - 1) == 0;
        if (nests)
            list = text_of(e, "coalesce(%.*s)", STR_FMT(list));
        list = text_of(e, "%.*s%s%.*s", STR_FMT(parts[i]), list.n ? ", " : "", STR_FMT(list));
    }
    ret->sql = list.p ? text_of(e, "coalesce(%.*s)", STR_FMT(list)) : list;
    return ret->sql.p != NULL;
}

/* OIDs are unsigned: the bits of an integer that is negative are another number there. */
/* A network of all bits is a host: its text as inet has no length. */
static bool cidr_as_inet(struct emitter *e, struct fragment *ret)
{
    if (!settle(e, ret))
        return false;
    static const char test[] = "CASE WHEN %.*s LIKE '%%/128' THEN substr(%.*s,1,length(%.*s)-4) "
                               "WHEN %.*s LIKE '%%.%%.%%.%%/32' THEN substr(%.*s,1,length(%.*s)-3) ELSE %.*s END";
    const struct str s = ret->simple ? ret->sql : STR("v");
    struct str text =
        text_of(e, test, STR_FMT(s), STR_FMT(s), STR_FMT(s), STR_FMT(s), STR_FMT(s), STR_FMT(s), STR_FMT(s));
    ret->sql = ret->simple ? text_of(e, "(%.*s)", STR_FMT(text))
                           : text_of(e, "(SELECT %.*s FROM (SELECT %.*s AS v))", STR_FMT(text), STR_FMT(ret->sql));
    ret->simple = false;
    return ret->sql.p != NULL;
}

static bool emit_relabel(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    const struct type_info *from = type_find(base_type(e, x->args[0]->type)), *to = type_find(base_type(e, x->type));
    bool signed_from = from && (from->oid == TYPE_OID_int4 || from->oid == TYPE_OID_int2),
         signed_to = to && to->oid == TYPE_OID_int4;
    if (!emit_expr(e, x->args[0], ret))
        return false;
    if (from && to && from->oid == TYPE_OID_cidr && to->oid == TYPE_OID_inet)
        return cidr_as_inet(e, ret);
    if (from && to && to->oid == TYPE_OID_bpchar && from->oid != to->oid) { /* blanks at the end are no part of it */
        if (!settle(e, ret))
            return false;
        ret->sql = text_of(e, "rtrim(%.*s,' ')", STR_FMT(ret->sql));
        ret->simple = false;
        return ret->sql.p != NULL;
    }
    if (!from || !to || from->storage != STORAGE_INTEGER || signed_from == signed_to || to->oid == TYPE_OID_bool)
        return true;
    if (!settle(e, ret))
        return false;
    ret->sql = signed_from ? text_of(e, "(%.*s & 4294967295)", STR_FMT(ret->sql))
                           : text_of(e, "((%.*s + 2147483648 & 4294967295) - 2147483648)", STR_FMT(ret->sql));
    ret->simple = false;
    return ret->sql.p != NULL;
}

/* GREATEST and LEAST ignore NULLs, SQLite's max(a,b) does not. */
static bool emit_extreme(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct str *parts, rows = STR("");
    const char *collation, *name = x->kind == EXPR_GREATEST ? "max" : "min";
    oid_t element = snapshot_element_type(e->shared->snapshot, x->type);
    if (base_type(e, x->type) == TYPE_OID_json || element == TYPE_OID_json)
        return refused(e, -1, SQLSTATE_UNDEFINED_FUNCTION, "could not identify a comparison function for type %s",
                       element ? "json[]" : "json");
    if (!collation_or_block(e, x, true, &collation) || !emit_branches(e, x, x->n_args, &parts, ret))
        return false;
    struct fragment rank = { .sql = STR("v") };
    if (!enum_rank(e, x->type, &rank))
        return false;
    bool ranked = !str_is(rank.sql, "v");
    if (e->target == TARGET_D1 && is_numeric(e, x->type) && ret->form == FORM_NATURAL)
        return blocked(e, x->location, "comparing exact numerics here");
    if (x->n_args == 2 && !ranked) {
        /* Of equal values the first is given: max() keeps its first argument, min() its last. */
        struct str first = parts[x->kind == EXPR_LEAST], second = parts[x->kind == EXPR_GREATEST];
        ret->sql = text_of(
            e, "CASE WHEN %.*s IS NULL THEN %.*s WHEN %.*s IS NULL THEN %.*s ELSE %s(%.*s%s,%.*s) END",
            STR_FMT(parts[0]), STR_FMT(parts[1]), STR_FMT(parts[1]), STR_FMT(parts[0]), name, STR_FMT(first),
            own_collation(e, own_collation(e, first, collation)[0] ? first : second, collation), STR_FMT(second));
        return ret->sql.p != NULL;
    }
    for (size_t i = 0; i < x->n_args && rows.p; i++)
        rows = text_of(e, "%.*s%s(%.*s)", STR_FMT(rows), i ? "," : "", STR_FMT(parts[i]));
    collation = own_collation(e, rows, collation);
    if (rows.p && ranked)
        ret->sql =
            text_of(e, "(WITH g(v) AS (VALUES %.*s) SELECT v FROM g WHERE v IS NOT NULL ORDER BY %.*s%s%s LIMIT 1)",
                    STR_FMT(rows), STR_FMT(rank.sql), collation, x->kind == EXPR_GREATEST ? " DESC" : "");
    else
        ret->sql =
            rows.p ? text_of(e, "(WITH g(v) AS (VALUES %.*s) SELECT %s(v%s) FROM g)", STR_FMT(rows), name, collation)
                   : rows;
    return ret->sql.p != NULL;
}

static bool emit_nullif(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct fragment value, equal;
    if (!emit_equal(e, x->args[0], x->args[1], x->call.proc, &equal) || !emit_expr(e, x->args[0], &value) ||
        !unify(e, x->type, &value, 1, ret))
        return false;
    if (e->shared->has_volatile && !e->one_row &&
        is_volatile_expr(x->args[0])) { /* one would be compared, another one shown */
        refused(e, x->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                "NULLIF of another value each time it is evaluated is not supported");
        return err_hint(e->err, "Compute the value in a WITH query that is MATERIALIZED.");
    }
    ret->simple = false;
    ret->sql = text_of(e, "CASE WHEN %.*s THEN NULL ELSE %.*s END", STR_FMT(equal.sql), STR_FMT(value.sql));
    return ret->sql.p != NULL;
}

bool emit_pair(struct emitter *e, const struct expr *a, const struct expr *b, struct fragment *left,
               struct fragment *right)
{
    if (!emit_expr(e, a, left) || !emit_expr(e, b, right) || !settle(e, left) || !settle(e, right))
        return false;
    if (e->target == TARGET_D1 && is_numeric(e, a->type)) {
        if (left->form == FORM_NATURAL || right->form == FORM_NATURAL)
            return blocked(e, a->location, "comparing exact numerics here");
        struct fragment *parts[] = { left, right };
        return align_numbers(e, parts, 2);
    }
    return make_natural(e, a->type, left) && make_natural(e, b->type, right);
}

static bool emit_distinct(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct fragment left, right;
    const char *collation;
    if (!collation_or_block(e, x->args[0], false, &collation) || !emit_pair(e, x->args[0], x->args[1], &left, &right))
        return false;
    collation = own_collation(e, left.sql, own_collation(e, right.sql, collation));
    *ret = (struct fragment){ .sql = text_of(e, "(%.*s%s %s %.*s)", STR_FMT(left.sql), collation,
                                             x->kind == EXPR_DISTINCT ? "IS NOT" : "IS", STR_FMT(right.sql)) };
    return ret->sql.p != NULL;
}

/* ---- the rest ---- */

static bool emit_sql_value(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    static const char *const facts[] = {
        [SQLVALUE_CURRENT_ROLE] = "current_user",        [SQLVALUE_CURRENT_USER] = "current_user",
        [SQLVALUE_SESSION_USER] = "session_user",        [SQLVALUE_USER] = "current_user",
        [SQLVALUE_CURRENT_CATALOG] = "current_database", [SQLVALUE_CURRENT_SCHEMA] = "current_schema",
    };
    struct bind b = { .source = BIND_NOW,
                      .type = x->type,
                      .typmod = x->sql_value.precision >= 0 ? x->sql_value.precision : -1,
                      .index = -1 };
    if (e->inline_constants && !e->binds_session)
        return blocked(e, x->location, "the current date, time or user here");
    if (x->sql_value.function > SQLVALUE_LOCALTIMESTAMP) {
        b.source = BIND_SESSION;
        b.typmod = -1;
        b.type = TYPE_OID_text;
        b.constant = value_text(str_from(facts[x->sql_value.function]));
    } else if (x->sql_value.function == SQLVALUE_CURRENT_DATE) {
        b.typmod = -1;
    }
    return emit_bind(e, &b, ret);
}

static bool emit_domain_check(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    const struct user_type *u = snapshot_user_type(e->shared->snapshot, x->type);
    if (x->coercion.is_explicit && snapshot_ruling_domain(e->shared->snapshot, x->type, DOMAIN_CONSTRAINT))
        return refused(e, x->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "a cast to domain %.*s, which has constraints, is not supported", STR_FMT(u->name));
    return emit_expr(e, x->args[0], ret); /* assignment: the column's own CHECK looks at it */
}

static bool emit_case_test(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    if (!e->case_test)
        return err_set(e->err, SQLSTATE_INTERNAL_ERROR, "a value under test stands outside its test");
    *ret = e->case_test[x->case_test.column];
    return true;
}

static bool emit_kind(struct emitter *e, const struct expr *x, bool condition, struct fragment *ret)
{
    switch (x->kind) {
    case EXPR_CONST:
        return emit_const(e, x, ret);
    case EXPR_PARAM:
        return emit_param(e, x, ret);
    case EXPR_VAR:
        return resolve_var(e, x, ret);
    case EXPR_XMAX:
        return emit_xmax(e, x, ret);
    case EXPR_FUNC:
        return emit_call(e, x, ret);
    case EXPR_AGGREGATE:
        return emit_aggregate(e, x, ret);
    case EXPR_WINDOW:
        return emit_window(e, x, ret);
    case EXPR_AND:
    case EXPR_OR:
        return emit_logic(e, x, condition, ret);
    case EXPR_NOT:
        return emit_suffixed(e, x, "NOT ", "", ret);
    case EXPR_CASE:
        return emit_case(e, x, ret);
    case EXPR_COALESCE:
        return emit_coalesce(e, x, ret);
    case EXPR_GREATEST:
    case EXPR_LEAST:
        return emit_extreme(e, x, ret);
    case EXPR_NULLIF:
        return emit_nullif(e, x, ret);
    case EXPR_IS_NULL:
    case EXPR_IS_NOT_NULL:
        if (x->args[0]->kind == EXPR_ROW)
            return emit_row_null(e, x, ret);
        return emit_suffixed(e, x, "", x->kind == EXPR_IS_NULL ? " IS NULL" : " IS NOT NULL", ret);
    case EXPR_IS_TRUE:
        return emit_suffixed(e, x, "", " IS TRUE", ret);
    case EXPR_IS_NOT_TRUE:
        return emit_suffixed(e, x, "", " IS NOT TRUE", ret);
    case EXPR_IS_FALSE:
        return emit_suffixed(e, x, "", " IS FALSE", ret);
    case EXPR_IS_NOT_FALSE:
        return emit_suffixed(e, x, "", " IS NOT FALSE", ret);
    case EXPR_IS_UNKNOWN:
        return emit_suffixed(e, x, "", " IS NULL", ret);
    case EXPR_IS_NOT_UNKNOWN:
        return emit_suffixed(e, x, "", " IS NOT NULL", ret);
    case EXPR_DISTINCT:
    case EXPR_NOT_DISTINCT:
        return emit_distinct(e, x, ret);
    case EXPR_ANY_ARRAY:
    case EXPR_ALL_ARRAY:
        return emit_any(e, x, condition, ret);
    case EXPR_IN_LIST:
    case EXPR_NOT_IN_LIST:
        return emit_in(e, x, ret);
    case EXPR_SUBLINK:
        return emit_sublink(e, x, ret);
    case EXPR_ARRAY:
        return emit_array(e, x, ret);
    case EXPR_ROW:
        return emit_row(e, x, ret);
    case EXPR_ROW_COMPARE:
        return emit_row_compare(e, x, ret);
    case EXPR_SUBSCRIPT:
        return emit_subscript(e, x, ret);
    case EXPR_RELABEL:
        return emit_relabel(e, x, ret);
    case EXPR_IO_CAST:
        return emit_io_cast(e, x, ret);
    case EXPR_ARRAY_CAST:
        return emit_array_cast(e, x, ret);
    case EXPR_CASE_TEST:
        return emit_case_test(e, x, ret);
    case EXPR_TYPMOD:
        return emit_typmod(e, x, ret);
    case EXPR_DOMAIN_CHECK:
        return emit_domain_check(e, x, ret);
    case EXPR_SQL_VALUE:
        return emit_sql_value(e, x, ret);
    case EXPR_GROUPING:
        return emit_grouping(e, x, ret);
    case EXPR_WHOLE_ROW:
        return emit_whole_row(e, x, ret);
    case EXPR_CHECK_OPTION:
        return emit_expr(e, x->args[0], ret) && settle(e, ret) && emit_check_option(e, x, ret);
    case EXPR_NEXTVAL_DEFAULT:
        *ret = (struct fragment){ .sql = STR("NULL"), .simple = true };
        return true;
    case EXPR_DEFAULT:
        break;
    }
    return refused(e, x->location, SQLSTATE_SYNTAX_ERROR, "DEFAULT is not allowed in this context");
}

/* Constants that D1 could only compute with guards are worked out here. */
static bool wants_prelude(const struct emitter *e, const struct expr *x)
{
    if (e->target != TARGET_D1 || e->no_prelude || e->inline_constants)
        return false;
    switch (x->kind) {
    case EXPR_CONST:
    case EXPR_PARAM:
    case EXPR_SQL_VALUE:
    case EXPR_RELABEL:
    case EXPR_ROW:
    case EXPR_DOMAIN_CHECK:
    case EXPR_CHECK_OPTION:
    case EXPR_NEXTVAL_DEFAULT:
    case EXPR_IN_LIST:
    case EXPR_NOT_IN_LIST:
    case EXPR_VAR:
    case EXPR_AGGREGATE:
    case EXPR_WINDOW:
    case EXPR_SUBLINK:
        return false;
    case EXPR_TYPMOD:
        if (x->args[0]->kind == EXPR_CONST || x->args[0]->kind == EXPR_PARAM)
            return false;
        break;
    case EXPR_FUNC: {
        const struct emission *row = emission_find(x->call.proc);
        bool from_int = x->n_args == 1 && is_numeric(e, x->type) && strstr(x->call.proc->source, "_numeric") &&
                        strncmp(x->call.proc->source, "int", 3) == 0;
        bool plain = from_int || (row && row->d1 && !row->flags && !is_numeric(e, x->type));
        if (plain && x->n_args <= 1 &&
            (x->n_args == 0 || x->args[0]->kind == EXPR_CONST || x->args[0]->kind == EXPR_PARAM))
            return false;
        break;
    }
    default:
        break;
    }
    /* The cast of an element stands for every element of the array. */
    struct look look = look_over(x->kind == EXPR_ARRAY_CAST ? x->args[0] : x);
    return look.constant && (!look.is_volatile || e->one_row);
}

static bool emit_guarded(struct emitter *e, const struct expr *x, bool condition, struct fragment *ret);

static bool emit_any_expr(struct emitter *e, const struct expr *x, bool condition, struct fragment *ret)
{
    bool nulled = false;
    if (!emit_of_grouping_set(e, x, &nulled, ret))
        return false;
    if (nulled)
        return true;
    if (e->target == TARGET_LOCAL) {
        bool done = false;
        if (!try_fetched(e, x, &done, ret))
            return false;
        if (done)
            return true;
    }
    const struct expr *rest = folding_rest(x);
    if (rest != x)
        return emit_guarded(e, rest, condition, ret);
    if (e->target != TARGET_LOCAL && wants_prelude(e, x)) {
        struct emit_mark mark = emit_mark(e);
        if (is_numeric(e, x->type) ? emit_prelude(e, x, BIND_NUMBER, 0, ret) : emit_prelude(e, x, BIND_AS_IS, 0, ret)) {
            if (is_numeric(e, x->type)) {
                ret->form = FORM_NUMBER;
                ret->scale = -1;
                ret->bindable = x;
            }
            return true;
        }
        if (err_is_set(e->err))
            return false;
        emit_rollback(e, mark);
    }
    return emit_kind(e, x, condition, ret);
}

static bool emit_guarded(struct emitter *e, const struct expr *x, bool condition, struct fragment *ret)
{
    if (e->depth >= EMIT_MAX_DEPTH)
        return refused(e, -1, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    if (e->target == TARGET_D1 && e->depth >= (e->shared->settings->force_local ? D1_SURE_DEPTH : D1_MAX_DEPTH))
        return blocked(e, x->location, "an expression as deep as this");
    e->depth++;
    *ret = (struct fragment){ 0 };
    bool ok = emit_any_expr(e, x, condition, ret);
    e->depth--;
    return ok;
}

bool emit_expr(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    return emit_guarded(e, x, false, ret);
}

bool emit_condition(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    return emit_guarded(e, x, true, ret) && settle(e, ret);
}
