/* emit_select.c - SELECT blocks, VALUES, WITH; what has no counterpart in SQLite is in rewrite_*.c; see
 * emit_internal.h. */
#include "proxy/sql/emit_internal.h"

#include "proxy/sql/row_key.h"

size_t shown_targets(const struct target *targets, size_t n)
{
    size_t shown = 0;
    for (size_t i = 0; i < n; i++)
        shown += !targets[i].junk;
    return shown;
}

/* ---- output columns ---- */

/* The decoder looks at the column: in one batch with writes that is too late, unless the batch is tried out first. */
static void drop_range_check(struct emitter *e, struct fragment *f)
{
    struct check **at = &f->checks;
    while (*at && (*at)->next)
        at = &(*at)->next;
    if (*at && (*at)->is_range &&
        str_starts((*at)->when, f->sql)) { /* of this value itself, not of something inside it */
        *at = NULL;
        f->checks_end = at;
        e->shared->plan->may_fail_late = true;
    }
}

/* For transports that carry numbers as JavaScript's: integers beyond 2^53 as text, infinities as text, bytes as hex
 * digits. */
static bool wrap_output(struct emitter *e, oid_t type, struct fragment *f)
{
    const struct type_info *t = type_find(type);
    const struct str s = f->sql;
    if (f->form == FORM_SCALED || (f->form == FORM_NATURAL && type == TYPE_OID_int8) || f->form == FORM_UNIX_US ||
        f->form == FORM_UNIX_MS) {
        f->sql = text_of(e, "CAST(%.*s AS TEXT)", STR_FMT(s));
    } else if (f->form == FORM_NATURAL && t && t->storage == STORAGE_REAL) {
        f->sql = text_of(e, "CASE %.*s WHEN 9e999 THEN 'Infinity' WHEN -9e999 THEN '-Infinity' ELSE %.*s END",
                         STR_FMT(s), STR_FMT(s));
    } else if (f->form == FORM_NATURAL && t && t->storage == STORAGE_BLOB) {
        f->sql =
            text_of(e, "CASE WHEN %.*s IS NOT NULL THEN hex(%.*s) END", STR_FMT(s), STR_FMT(s)); /* hex(NULL) is '' */
        f->form = FORM_HEX;
    } else {
        return true;
    }
    f->simple = false;
    return f->sql.p != NULL;
}

bool finish_output(struct emitter *e, oid_t type, bool top, struct fragment *f)
{
    oid_t base = base_type(e, type);
    if (top && !e->in_returning && (base == TYPE_OID_int4 || base == TYPE_OID_int2))
        drop_range_check(e, f); /* of RETURNING the decoder would look when the change is made */
    if (!settle(e, f))
        return false;
    bool number = f->form == FORM_NUMBER || f->form == FORM_SCALED;
    if (number && f->bindable && !numeric_text(e, f))
        return false;
    if (number && f->form != FORM_NATURAL && f->mixed_scale)
        return blocked(e, -1, "the scale of a numeric result here");
    return !top || e->target == TARGET_LOCAL || e->native || wrap_output(e, base, f);
}

bool emit_target_list(struct emitter *e, const struct target *targets, size_t n, bool top, struct str *ret,
                      struct select_output *out)
{
    size_t shown = shown_targets(targets, n), at = 0;
    struct buf text;
    if (e->target == TARGET_D1 && shown > D1_MAX_COLUMNS)
        return blocked(e, -1, "a list of more than %d columns here", D1_MAX_COLUMNS);
    out->columns = ARENA_ARRAY(e->arena, struct fragment, shown + 1);
    out->n = shown;
    if (!out->columns)
        return err_oom(e->err);
    buf_init(&text, 16 << 20);
    bool ok = true, outer = e->in_targets, distinct = e->distinct_list && e->target == TARGET_LOCAL;
    e->in_targets = true;
    e->distinct_list = false;
    for (size_t i = 0; i < n && ok; i++) {
        struct fragment f;
        const char *collation = "";
        if (targets[i].junk)
            continue;
        ok = emit_expr(e, targets[i].expr, &f) && finish_output(e, targets[i].expr->type, top, &f);
        e->window_inside |= ok && e->level && e->level->query->has_windows && has_window_inside(f.sql);
        if (ok && distinct && !collation_of(e, targets[i].expr->type, false, &collation))
            ok = blocked(e, -1, "DISTINCT over a value of this type here");
        if (!ok)
            break;
        if (distinct || !top) /* … nor does a subquery's column pass on a collation from inside */
            collation = own_collation(e, f.sql, collation);
        buf_printf(&text, "%s%.*s%s AS c%zu", at ? ", " : "", STR_FMT(f.sql), collation, at);
        f.sql = (struct str){ 0 };
        f.bindable = NULL;
        out->columns[at++] = f;
    }
    e->in_targets = outer;
    if (ok && shown == 0)
        buf_printf(&text, "1 AS c0"); /* SELECT without columns */
    *ret = !ok || text.failed ? (struct str){ 0 } : arena_str(e->arena, buf_str(&text));
    bool failed = text.failed;
    buf_fini(&text);
    if (ok && (failed || !ret->p))
        return err_oom(e->err);
    return ok;
}

/* A call's value, perhaps of a subquery, or one of several that may be given: no width is told. */
static bool is_computed(const struct query *q, const struct expr *x)
{
    if (x->kind == EXPR_SUBLINK && x->sublink.kind == SUBLINK_SCALAR && x->sublink.query->n_targets)
        return is_computed(x->sublink.query, x->sublink.query->targets[0].expr);
    if (x->kind == EXPR_VAR && !x->var.levels_up && x->var.rte >= 0 && q->rtable[x->var.rte].kind == RTE_SUBQUERY &&
        (size_t)x->var.column < q->rtable[x->var.rte].subquery->n_targets)
        return is_computed(q->rtable[x->var.rte].subquery, q->rtable[x->var.rte].subquery->targets[x->var.column].expr);
    bool chooses = x->kind == EXPR_COALESCE || x->kind == EXPR_GREATEST || x->kind == EXPR_LEAST;
    bool computed = false;
    for (size_t i = 0; i < x->n_args && (chooses || (x->kind == EXPR_NULLIF && i == 0)); i++)
        computed |= is_computed(q, x->args[i]);
    for (size_t i = 0; x->kind == EXPR_CASE && i < x->cases.n_arms; i++)
        computed |= is_computed(q, x->cases.arms[i].then);
    computed |= x->kind == EXPR_CASE && x->cases.otherwise && is_computed(q, x->cases.otherwise);
    return computed || x->kind == EXPR_FUNC || x->kind == EXPR_AGGREGATE || x->kind == EXPR_WINDOW;
}

bool describe_columns(struct emitter *e, const struct query *q, const struct target *targets, size_t n,
                      const struct select_output *out)
{
    struct plan *plan = e->shared->plan;
    static const enum cell_form cells[] = {
        [FORM_NATURAL] = CELL_NATURAL, [FORM_NUMBER] = CELL_NUMBER,   [FORM_SCALED] = CELL_SCALED,
        [FORM_UNIX_S] = CELL_UNIX_S,   [FORM_UNIX_MS] = CELL_UNIX_MS, [FORM_UNIX_US] = CELL_UNIX_US,
        [FORM_HEX] = CELL_HEX,
    };
    size_t at = 0;
    plan->columns = ARENA_ARRAY(e->arena, struct plan_column, out->n + 1);
    if (!plan->columns)
        return err_oom(e->err);
    for (size_t i = 0; i < n; i++) {
        const struct target *t = &targets[i];
        if (t->junk)
            continue;
        const struct fragment *f = &out->columns[at];
        const struct expr *x = folding_rest(t->expr); /* as PostgreSQL's planner has left it */
        struct plan_column *c = &plan->columns[at++];
        *c = (struct plan_column){ .name = arena_str(e->arena, t->name),
                                   .type = x->type,
                                   .typmod = folding_typmod(t->expr),
                                   .table_oid = t->table_oid,
                                   .column_number = t->column_number,
                                   .form = cells[f->form] };
        c->detail = f->form == FORM_NUMBER || f->form == FORM_SCALED ? f->scale : 0;
        const struct user_type *domain; /* clients are told its base, as getBaseTypeAndTypmod() does */
        while ((domain = snapshot_user_type(e->shared->snapshot, c->type)) != NULL && domain->kind == 'd' &&
               domain->oid == c->type) {
            c->type = domain->base;
            c->typmod = domain->base_typmod;
        }
        c->codec_typmod = c->typmod;
        if (c->type == TYPE_OID_bpchar && is_computed(q, x))
            c->typmod = -1;
        int32_t typmod = c->typmod;
        c->codec_type = snapshot_base_type(e->shared->snapshot, c->type, &typmod);
        const struct relation *r = t->table_oid ? snapshot_relation_by_oid(e->shared->snapshot, t->table_oid) : NULL;
        if (r && t->column_number > 0 && (size_t)t->column_number <= r->n_columns)
            c->source = text_of(e, "%.*s.%.*s", STR_FMT(r->name), STR_FMT(t->name));
    }
    plan->n_columns = at;
    return true;
}

/* ---- clauses ---- */

bool conjuncts(struct emitter *e, const struct expr *x, const struct expr ***ret, size_t *ret_n)
{
    size_t n = x && x->kind == EXPR_AND ? x->n_args : (x ? 1 : 0), at = 0;
    const struct expr **list = ARENA_ARRAY(e->arena, const struct expr *, n ? n * 4 : 1);
    if (!list)
        return err_oom(e->err);
    size_t size = n * 4;
    for (size_t i = 0; i < n; i++) {
        const struct expr *arg = x->kind == EXPR_AND ? x->args[i] : x;
        for (size_t k = 0; arg->kind == EXPR_AND && k < arg->n_args && at + arg->n_args + n < size; k++)
            list[at++] = arg->args[k];
        if (arg->kind != EXPR_AND || at + arg->n_args + n >= size)
            list[at++] = arg;
    }
    *ret = list;
    *ret_n = at;
    return true;
}

static bool is_in(const struct expr *x, const struct expr *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == x)
            return true;
    return false;
}

/* SKIP LOCKED: which rows are left out is bound when it is sent (BIND_SKIPPED). */
static bool leave_out(struct emitter *e, const struct query *q, struct str *ret)
{
    const struct constraint *key = e->target == TARGET_D1 && e->level ? row_key_skipped(q) : NULL;
    struct str names = STR(""), values = STR("");
    struct fragment bound;
    *ret = STR("");
    if (!key)
        return true;
    int rte = q->from[0]->rte;
    const struct relation *r = q->rtable[rte].relation;
    struct bind b = { .source = BIND_SKIPPED, .type = TYPE_OID_text, .typmod = -1, .relation = r };
    if (!emit_bind(e, &b, &bound))
        return false;
    for (size_t i = 0; i < key->n_columns; i++) {
        struct fragment *column = &e->level->rtes[rte].columns[key->columns[i] - 1];
        names = text_of(e, "%.*s%s%.*s", STR_FMT(names), i ? "," : "", STR_FMT(column->sql));
        values = text_of(e, "%.*s%sjson_extract(value,'$[%zu]')", STR_FMT(values), i ? "," : "", i);
        if (!names.p || !values.p)
            return false;
    }
    *ret = text_of(e, "((%.*s) IN (SELECT %.*s FROM json_each(%.*s,'$[1]'))=json_extract(%.*s,'$[0]'))", STR_FMT(names),
                   STR_FMT(values), STR_FMT(bound.sql), STR_FMT(bound.sql));
    return ret->p != NULL;
}

bool emit_where(struct emitter *e, const struct query *q, const struct expr **skip, size_t n_skip, struct str *ret)
{
    const struct expr **list;
    size_t n = 0, kept = 0;
    struct str joined, left_out;
    *ret = STR("");
    if (!leave_out(e, q, &left_out))
        return false;
    if (!q->where && !left_out.n)
        return true;
    if (q->where && !conjuncts(e, q->where, &list, &n))
        return false;
    struct str *parts = ARENA_ARRAY(e->arena, struct str, n + 1);
    if (!parts)
        return err_oom(e->err);
    if (left_out.n)
        parts[kept++] = left_out;
    bool outer = e->in_targets, ok = true;
    size_t n_nulled = e->level ? e->level->n_nulled : 0;
    e->in_targets = false;
    if (e->level)
        e->level->n_nulled = 0; /* a grouping set makes its other columns NULL after WHERE */
    int decided = 0;            /* by a constant: PostgreSQL's planner never looks behind it */
    for (size_t i = 0; ok && i < n; i++) {
        struct fragment f;
        if (is_in(list[i], skip, n_skip))
            continue;
        e->conditional += decided;
        e->excluded += decided;
        if ((ok = emit_condition(e, list[i], &f)))
            parts[kept++] = f.sql;
        e->conditional -= decided;
        e->excluded -= decided;
        decided += is_constant_expr(list[i]);
    }
    e->in_targets = outer;
    if (e->level)
        e->level->n_nulled = n_nulled;
    if (!ok)
        return false;
    if (kept == 0)
        return true;
    if (!join_balanced(e, parts, kept, " AND ", &joined))
        return false;
    *ret = text_of(e, " WHERE %.*s", STR_FMT(joined));
    return ret->p != NULL;
}

static bool group_list(struct emitter *e, struct expr *const *group, size_t n, struct str *ret)
{
    struct str list = STR("");
    for (size_t i = 0; i < n; i++) {
        struct fragment f;
        const char *collation;
        if (group[i]->kind == EXPR_CONST || group[i]->kind == EXPR_PARAM)
            continue; /* SQLite takes an integer for a position */
        if (!emit_expr(e, group[i], &f) || !settle(e, &f))
            return false;
        if (!collation_of(e, group[i]->type, false, &collation) ||
            (e->target == TARGET_D1 && is_numeric(e, group[i]->type) && f.form == FORM_NATURAL))
            return blocked(e, group[i]->location, "GROUP BY a value of this type here");
        collation = own_collation(e, f.sql, collation);
        list = text_of(e, "%.*s%s%.*s%s", STR_FMT(list), list.n ? ", " : "", STR_FMT(f.sql), collation);
        if (!list.p)
            return false;
    }
    *ret = list.n ? list : STR("''||1");
    return true;
}

bool emit_group(struct emitter *e, const struct query *q, struct str *ret)
{
    struct str list = STR(""), text = STR("");
    struct fragment having;
    if (e->target == TARGET_D1 && q->n_group > D1_MAX_COLUMNS)
        return blocked(e, -1, "GROUP BY of more than %d expressions", D1_MAX_COLUMNS);
    if (q->n_group) {
        if (!group_list(e, q->group, q->n_group, &list))
            return false;
        text = text_of(e, " GROUP BY %.*s", STR_FMT(list));
    }
    if (q->having) {
        if (!emit_condition(e, q->having, &having))
            return false;
        text = text_of(e, "%.*s HAVING %.*s", STR_FMT(text), STR_FMT(having.sql));
    }
    *ret = text;
    return text.p != NULL;
}

bool emit_order(struct emitter *e, const struct query *q, struct str *ret)
{
    struct str list;
    *ret = STR("");
    if (!q->n_sort)
        return true;
    if (e->target == TARGET_D1 && q->n_sort > D1_MAX_COLUMNS)
        return blocked(e, -1, "ORDER BY of more than %d expressions", D1_MAX_COLUMNS);
    if (!emit_sort_list(e, q->sort, q->n_sort, &list))
        return false;
    if (list.n)
        *ret = text_of(e, " ORDER BY %.*s", STR_FMT(list));
    return ret->p != NULL;
}

static bool find_outer_column(struct expr *x, void *ctx)
{
    bool *found = ctx;
    *found = *found || ((x->kind == EXPR_VAR || x->kind == EXPR_WHOLE_ROW) && x->var.levels_up > 0);
    return !*found;
}

/* In a view's own text: what binding sees to elsewhere. */
static bool limit_in_place(struct emitter *e, const struct expr *x, enum bind_form form, struct fragment *ret)
{
    bool is_limit = form == BIND_LIMIT, is_null = x->kind == EXPR_CONST && x->constant.is_null;
    bool is_negative =
        x->kind == EXPR_CONST && !is_null && x->constant.value.class == VALUE_INTEGER && x->constant.value.integer < 0;
    *ret = (struct fragment){ .sql = is_limit ? STR("-1") : STR("0"), .scale = -1 };
    if (is_negative)
        ret->sql = is_limit ? emit_raise(e, "2201W", STR("LIMIT must not be negative"))
                            : emit_raise(e, "2201X", STR("OFFSET must not be negative"));
    return is_null || is_negative ? ret->sql.p != NULL : emit_value(e, x, ret);
}

static bool limit_value(struct emitter *e, const struct expr *x, enum bind_form form, struct fragment *ret)
{
    bool outer = false;
    expr_walk((struct expr *)(uintptr_t)x, find_outer_column, &outer);
    if (outer) /* SQLite works it out before the rows outside are there */
        return refused(e, x->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "LIMIT or OFFSET with a column of an outer query is not supported");
    while (x->kind == EXPR_FUNC && x->n_args == 1 &&
           (strcmp(x->call.proc->source, "int48") == 0 || strcmp(x->call.proc->source, "int28") == 0))
        x = x->args[0]; /* an integer is an integer to D1 */
    if (x->kind != EXPR_CONST && x->kind != EXPR_PARAM) {
        if (e->target == TARGET_D1 && is_constant_expr(x) && emit_prelude(e, x, form, 0, ret))
            return true;
        if (err_is_set(e->err) || !emit_value(e, x, ret))
            return false;
        ret->sql = text_of(e, "coalesce(%.*s,%d)", STR_FMT(ret->sql), form == BIND_LIMIT ? -1 : 0);
        return ret->sql.p != NULL;
    }
    if (e->inline_constants)
        return limit_in_place(e, x, form, ret);
    struct bind b = bind_of_expr(x);
    b.form = form;
    return emit_bind(e, &b, ret);
}

bool emit_limit(struct emitter *e, const struct query *q, struct str *ret)
{
    struct fragment limit = { .sql = STR("-1") }, offset;
    *ret = STR("");
    if (!q->limit && !q->offset)
        return true;
    if (q->limit && !limit_value(e, q->limit, BIND_LIMIT, &limit))
        return false;
    if (q->offset && !limit_value(e, q->offset, BIND_OFFSET, &offset))
        return false;
    *ret = q->offset ? text_of(e, " LIMIT %.*s OFFSET %.*s", STR_FMT(limit.sql), STR_FMT(offset.sql))
                     : text_of(e, " LIMIT %.*s", STR_FMT(limit.sql));
    return ret->p != NULL;
}

bool emit_ties(struct emitter *e, const struct query *q, struct str *ret)
{
    struct fragment limit = { .sql = STR("-1") }, offset = { .sql = STR("0") };
    if ((q->limit && !limit_value(e, q->limit, BIND_LIMIT, &limit)) ||
        (q->offset && !limit_value(e, q->offset, BIND_OFFSET, &offset)))
        return false;
    /* D1 is sent numbers as text, and compares no text with numbers */
    struct str count = text_of(e, "CAST(%.*s AS INTEGER)", STR_FMT(limit.sql));
    struct str start = text_of(e, "CAST(%.*s AS INTEGER)", STR_FMT(offset.sql));
    *ret = text_of(e, " WHERE rn > %.*s AND CASE WHEN %.*s > 0 THEN rk <= %.*s + %.*s ELSE %.*s < 0 END",
                   STR_FMT(start), STR_FMT(count), STR_FMT(start), STR_FMT(count), STR_FMT(count));
    return count.p && start.p && ret->p;
}

bool emit_ordered(struct emitter *e, const struct query *q, struct str list, struct str rows, struct str *ret)
{
    struct str order, limit;
    if (!emit_order(e, q, &order) || !(q->with_ties ? emit_ties(e, q, &limit) : emit_limit(e, q, &limit)))
        return false;
    if (q->with_ties)
        *ret = text_of(e,
                       "SELECT %.*s FROM (SELECT *, row_number() OVER (%.*s) AS rn, rank() OVER (%.*s) AS rk FROM "
                       "(%.*s))%.*s%.*s",
                       STR_FMT(list), STR_FMT(order), STR_FMT(order), STR_FMT(rows), STR_FMT(limit), STR_FMT(order));
    else
        *ret =
            text_of(e, "SELECT %.*s FROM (%.*s)%.*s%.*s", STR_FMT(list), STR_FMT(rows), STR_FMT(order), STR_FMT(limit));
    return ret->p != NULL;
}

/* ---- VALUES ---- */

static bool unify_column(struct emitter *e, oid_t type, struct fragment *cells, size_t n, size_t step,
                         struct fragment *ret)
{
    const struct fragment *first = &cells[0];
    bool same = true;
    for (size_t i = 0; i < n && first->is_null; i++)
        first = &cells[i * step];
    for (size_t i = 0; i < n; i++) {
        const struct fragment *f = &cells[i * step];
        same = same && (f->is_null || (f->form == first->form && f->scale == first->scale));
    }
    bool keep = same && first->form != FORM_NATURAL && first->scale >= 0 && !first->bindable;
    for (size_t i = 0; i < n && !keep; i++)
        if (!make_natural(e, type, &cells[i * step]))
            return false;
    *ret = *first;
    ret->sql = (struct str){ 0 };
    ret->bindable = NULL;
    ret->simple = ret->is_null = false;
    return true;
}

/* Rows beyond D1's parameters whose cells are values as they were bound: one list, of which D1 makes the rows. *ret_done false: they
 * are something else. */
static bool listed_rows(struct emitter *e, struct expr ***rows, size_t n_rows, size_t n_columns, struct str *ret,
                        struct fragment *columns, bool *ret_done)
{
    bool native = e->native, ok = true;
    struct emit_mark mark = emit_mark(e);
    struct bind *binds = ARENA_ARRAY(e->arena, struct bind, n_rows * n_columns + 1);
    *ret_done = false;
    if (!binds)
        return err_oom(e->err);
    e->native = true; /* bare placeholders */
    for (size_t r = 0; ok && r < n_rows; r++)
        for (size_t c = 0; ok && c < n_columns; c++) {
            struct bind *b = &binds[r * n_columns + c];
            struct fragment f;
            ok = emit_expr(e, rows[r][c], &f) && !f.checks && f.form == FORM_NATURAL &&
                 !is_numeric(e, rows[r][c]->type) && emit_pure_bind(e, &f, b);
            if (b->source == BIND_CONSTANT)
                b->type = rows[r][c]->type;
        }
    e->native = native;
    emit_rollback(e, mark);
    if (!ok)
        return !err_is_set(e->err);
    for (size_t c = 0; c < n_columns; c++)
        columns[c] = (struct fragment){ .scale = -1 };
    *ret_done = emit_bind_rows(e, binds, n_columns, n_rows, ret);
    return *ret_done || !err_is_set(e->err);
}

bool emit_values_rows(struct emitter *e, struct expr ***rows, size_t n_rows, size_t n_columns, struct str *ret,
                      struct fragment *columns)
{
    struct fragment *cells = ARENA_ARRAY(e->arena, struct fragment, n_rows * n_columns + 1);
    bool done = false;
    if (!cells)
        return err_oom(e->err);
    if (e->target == TARGET_D1 && !e->inline_constants && n_rows * n_columns > e->shared->settings->traits.max_params &&
        !listed_rows(e, rows, n_rows, n_columns, ret, columns, &done))
        return false;
    if (done)
        return true;
    for (size_t r = 0; r < n_rows; r++)
        for (size_t c = 0; c < n_columns; c++)
            if (!emit_expr(e, rows[r][c], &cells[r * n_columns + c]) || !settle(e, &cells[r * n_columns + c]))
                return false;
    for (size_t c = 0; c < n_columns; c++) {
        if (!unify_column(e, rows[0][c]->type, &cells[c], n_rows, n_columns, &columns[c]))
            return false;
        if (without_relabel(rows[0][c])->kind == EXPR_VAR) /* its name and affinity would be the column's … */
            cells[c].sql = text_of(e, "+%.*s", STR_FMT(cells[c].sql));
        const char *collation = own_collation(e, cells[c].sql, ""); /* … as the first row's collation would */
        if (*collation)
            cells[c].sql = text_of(e, "%.*s%s", STR_FMT(cells[c].sql), collation);
    }
    struct buf text;
    buf_init(&text, 16 << 20);
    buf_printf(&text, "VALUES ");
    for (size_t r = 0; r < n_rows; r++) {
        buf_printf(&text, "%s(", r ? "," : "");
        for (size_t c = 0; c < n_columns; c++)
            buf_printf(&text, "%s%.*s", c ? "," : "", STR_FMT(cells[r * n_columns + c].sql));
        buf_add_char(&text, ')');
    }
    *ret = text.failed ? (struct str){ 0 } : arena_str(e->arena, buf_str(&text));
    buf_fini(&text);
    return ret->p || err_oom(e->err);
}

static bool emit_values(struct emitter *e, const struct query *q, bool top, struct str *ret, struct select_output *out)
{
    size_t n = shown_targets(q->targets, q->n_targets);
    struct str rows, list = STR("");
    out->columns = ARENA_ARRAY(e->arena, struct fragment, n + 1);
    out->n = n;
    struct level *level = level_new(e, q);
    struct fragment *outputs = ARENA_ARRAY(e->arena, struct fragment, n + 1);
    if (!out->columns || !level || !outputs)
        return err_oom(e->err);
    e->level = level;
    bool rows_ok = emit_values_rows(e, q->values_rows, q->n_values_rows, n, &rows, out->columns);
    e->level = level->parent;
    if (!rows_ok)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct fragment f = out->columns[i];
        f.sql = text_of(e, "column%zu", i + 1);
        outputs[i] = f;
        if (!finish_output(e, q->targets[i].expr->type, top, &f))
            return false;
        list = text_of(e, "%.*s%s%.*s AS c%zu", STR_FMT(list), i ? ", " : "", STR_FMT(f.sql), i);
        out->columns[i].form = f.form;
    }
    level->outputs = outputs;
    e->level = level;
    bool ok = emit_ordered(e, q, list, rows, ret);
    e->level = level->parent;
    return ok;
}

/* ---- WITH ---- */

static bool register_cte(struct emitter *e, const struct cte *cte, struct str name, struct fragment *columns)
{
    struct cte_name *c = ARENA_NEW(e->arena, struct cte_name);
    if (!c)
        return err_oom(e->err);
    *c =
        (struct cte_name){ .cte = cte, .target = e->target, .name = name, .columns = columns, .next = e->shared->ctes };
    e->shared->ctes = c;
    return true;
}

static bool cte_columns_text(struct emitter *e, size_t n, struct str *ret)
{
    struct str text = STR("");
    for (size_t i = 0; i < n && text.p; i++)
        text = text_of(e, "%.*s%sc%zu", STR_FMT(text), i ? "," : "", i);
    *ret = text;
    return text.p != NULL;
}

/* SQLite takes a WITH query's own name inside it for a reference to itself; PostgreSQL, without RECURSIVE, for the
 * table. */
static struct str cte_name(struct emitter *e, struct str wanted)
{
    const struct snapshot *s = e->shared->snapshot;
    for (size_t i = 0; i < s->n_relations; i++)
        if (str_eq_nocase(s->relations[i].sqlite_name, wanted))
            return unique_name(e, text_of(e, "%.*s_with", STR_FMT(wanted)));
    return unique_name(e, wanted);
}

static bool emit_cte(struct emitter *e, const struct cte *cte, struct str *ret)
{
    struct str select, list;
    struct select_output out;
    bool changes = cte->query->command != COMMAND_SELECT;
    size_t n = changes ? cte->query->n_returning : shown_targets(cte->query->targets, cte->query->n_targets);
    if (changes && e->target == TARGET_D1)
        return blocked(e, -1, "a WITH query that changes data");
    struct str name = cte_name(e, cte->name);
    struct fragment *natural = ARENA_ARRAY(e->arena, struct fragment, n + 1);
    if (!name.p || !natural)
        return err_is_set(e->err) ? false : err_oom(e->err);
    bool done = false;
    for (size_t i = 0; i < n; i++) {
        natural[i].scale = -1;
        if (cte->recursive && !changes && e->target == TARGET_D1 && is_numeric(e, cte->query->targets[i].expr->type))
            return blocked(e, -1, "a recursive query with numeric columns here");
    }
    if (cte->recursive && !register_cte(e, cte, name, natural))
        return false;
    if (changes && !(done = changing_fetch(e, cte, &select, &out)))
        return false;
    if (!done && e->target == TARGET_LOCAL && !fetch_query(e, cte->query, &select, &out, &done))
        return false;
    if (!done && !emit_select(e, cte->query, false, &select, &out))
        return false;
    if (!cte->recursive && !register_cte(e, cte, name, out.columns))
        return false;
    static const char *const hints[] = { "", "MATERIALIZED ", "NOT MATERIALIZED " };
    if (!cte_columns_text(e, n ? n : 1, &list))
        return false;
    const char *hint = hints[cte_is_materialized(cte) ? CTE_MATERIALIZED : cte->materialized];
    *ret = text_of(e, "%.*s(%.*s) AS %s(%.*s)", STR_FMT(name), STR_FMT(list), hint, STR_FMT(select));
    return ret->p != NULL;
}

bool emit_with(struct emitter *e, const struct query *q, struct str *ret)
{
    struct str text = STR("");
    for (size_t i = 0; i < q->n_ctes; i++) {
        struct str one;
        /* A query that nobody reads is not run, unless it changes data. */
        bool changes = q->ctes[i].query->command != COMMAND_SELECT;
        if (q->ctes[i].references == 0 && (!changes || e->target == TARGET_LOCAL))
            continue;
        if (changes && q->command != COMMAND_SELECT)
            continue; /* read by an equivalent where it stands */
        if (!emit_cte(e, &q->ctes[i], &one))
            return false;
        text = text_of(e, "%.*s%s%.*s", STR_FMT(text), text.n ? ", " : "", STR_FMT(one));
        if (!text.p)
            return false;
    }
    *ret = text.n ? text_of(e, "WITH %s%.*s ", q->with_recursive ? "RECURSIVE " : "", STR_FMT(text)) : STR("");
    return ret->p != NULL;
}

/* ---- SELECT ---- */

static bool distinct_is_exact(struct emitter *e, const struct query *q, const struct select_output *out)
{
    size_t at = 0;
    for (size_t i = 0; i < q->n_targets; i++) {
        const char *collation;
        if (q->targets[i].junk)
            continue;
        const struct fragment *f = &out->columns[at++];
        bool number = is_numeric(e, q->targets[i].expr->type) && e->target == TARGET_D1;
        if (!collation_of(e, q->targets[i].expr->type, false, &collation) || (number && f->form == FORM_NATURAL))
            return blocked(e, -1, "DISTINCT over a value of this type here");
    }
    return true;
}

/* The clauses in D1 or over local rows, FROM given. */
static bool emit_clauses(struct emitter *e, const struct query *q, bool top, struct str from, const struct expr **skip,
                         size_t n_skip, struct str *ret, struct select_output *out)
{
    struct str list, where, group, order, limit;
    if (q->has_set_returning && !collect_set_functions(e, q, &from))
        return false;
    if (!emit_where(e, q, skip, n_skip, &where) || !emit_group(e, q, &group))
        return false;
    e->distinct_list = q->distinct;
    bool listed = emit_target_list(e, q->targets, q->n_targets, top, &list, out);
    e->distinct_list = false;
    if (!listed || !emit_order(e, q, &order) || !emit_limit(e, q, &limit))
        return false;
    if (q->distinct && !distinct_is_exact(e, q, out))
        return false;
    *ret =
        text_of(e, "SELECT %s%.*s%s%.*s%.*s%.*s%.*s%.*s", q->distinct ? "DISTINCT " : "", STR_FMT(list),
                from.n ? " FROM " : "", STR_FMT(from), STR_FMT(where), STR_FMT(group), STR_FMT(order), STR_FMT(limit));
    return ret->p != NULL;
}

static bool emit_block(struct emitter *e, const struct query *q, bool top, struct str *ret, struct select_output *out)
{
    struct str from;
    struct level *level = level_new(e, q);
    if (!level)
        return false;
    e->level = level;
    bool ok = emit_from(e, q, &from) && emit_clauses(e, q, top, from, level->pushed, level->n_pushed, ret, out);
    e->level = level->parent;
    return ok;
}

/* LOCAL, FROM and more already fetched: what is left to do over the fetched rows. */
static bool emit_over_fetch(struct emitter *e, const struct query *q, bool top, enum fetched_part part, struct str *ret,
                            struct select_output *out)
{
    enum fetched_part got;
    struct level *level = level_new(e, q);
    if (!level)
        return false;
    e->level = level;
    bool ok = fetch_block(e, q, part, &got) && got == part;
    struct str from = STR(""), list, order = STR(""), limit = STR(""), where = STR("");
    if (ok)
        from = level->rtes_alias;
    if (ok && part == FETCHED_ROWS) {
        ok = emit_clauses(e, q, top, from, level->pushed, level->n_pushed, ret, out);
    } else if (ok) {
        struct fragment having = { .sql = STR("") };
        e->distinct_list = q->distinct;
        ok = emit_target_list(e, q->targets, q->n_targets, top, &list, out);
        e->distinct_list = false;
        if (ok && part == FETCHED_GROUPS) {
            ok = (!q->having || emit_condition(e, q->having, &having)) && emit_order(e, q, &order) &&
                 emit_limit(e, q, &limit);
            if (ok && having.sql.n)
                where = text_of(e, " WHERE %.*s", STR_FMT(having.sql));
        }
        *ret = ok ? text_of(e, "SELECT %s%.*s FROM %.*s%.*s%.*s%.*s", q->distinct ? "DISTINCT " : "", STR_FMT(list),
                            STR_FMT(from), STR_FMT(where), STR_FMT(order), STR_FMT(limit))
                  : (struct str){ 0 };
        ok = ok && ret->p;
    }
    e->level = level->parent;
    return ok;
}

/* LOCAL: as much of the block as possible in D1, then less and less. */
static bool try_over_fetch(struct emitter *e, const struct query *q, bool top, struct str *ret,
                           struct select_output *out, bool *ret_done)
{
    static const enum fetched_part parts[] = { FETCHED_ORDER, FETCHED_GROUPS, FETCHED_ROWS };
    *ret_done = false;
    for (size_t i = 0; i < 3; i++) {
        struct emit_mark mark = emit_mark(e);
        struct cte_name *ctes = e->shared->ctes;
        *ret_done = emit_over_fetch(e, q, top, parts[i], ret, out);
        e->shared->ctes = ctes;
        if (*ret_done)
            return true;
        if (err_is_set(e->err))
            return false;
        emit_rollback(e, mark);
    }
    return true;
}

static bool emit_select_kind(struct emitter *e, const struct query *q, bool top, struct str *ret,
                             struct select_output *out)
{
    if (q->set_operation != SETOP_NONE)
        return rewrite_set_operation(e, q, top, ret, out);
    if (q->n_values_rows)
        return emit_values(e, q, top, ret, out);
    if (q->n_grouping_sets)
        return rewrite_grouping_sets(e, q, top, ret, out);
    if (wants_empty_set(q))
        return rewrite_having_alone(e, q, top, ret, out);
    if (q->n_distinct_on || q->with_ties)
        return rewrite_distinct_on(e, q, top, ret, out);
    return emit_block(e, q, top, ret, out);
}

static bool is_block(const struct query *q)
{
    return q->set_operation == SETOP_NONE && !q->n_values_rows && !q->n_grouping_sets && !q->n_distinct_on &&
           !q->with_ties;
}

/* WITH queries stand one level further in than the query that has them. */
static bool emit_own_with(struct emitter *e, const struct query *q, struct str *ret)
{
    struct level *level = q->n_ctes ? level_new(e, q) : NULL;
    if (!q->n_ctes)
        return emit_with(e, q, ret);
    if (!level)
        return false;
    e->level = level;
    bool ok = emit_with(e, q, ret);
    e->level = level->parent;
    return ok;
}

static bool emit_select_parts(struct emitter *e, const struct query *q, bool top, struct str *with, struct str *text,
                              struct select_output *out)
{
    bool done = false;
    *with = STR("");
    if (e->target == TARGET_LOCAL && is_block(q) && q->n_from > 0 && query_has_tables(q) &&
        !try_over_fetch(e, q, top, text, out, &done))
        return false;
    return done || (emit_own_with(e, q, with) && emit_select_kind(e, q, top, text, out));
}

bool emit_select(struct emitter *e, const struct query *q, bool top, struct str *ret, struct select_output *out)
{
    struct str with, text;
    struct cte_name *ctes = e->shared->ctes;
    if (e->depth >= EMIT_MAX_DEPTH)
        return refused(e, -1, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    if (q->command != COMMAND_SELECT)
        return blocked(e, -1, "a WITH query that changes data, at this place");
    if (splits_project_set(q) && !(q = rewrite_project_set(e, q)))
        return false;
    if (splits_ties(q) && !(q = rewrite_ties(e, q)))
        return false;
    e->depth++;
    bool outer = e->value_only, inside = e->window_inside;
    struct emit_mark mark = emit_mark(e);
    e->value_only = e->window_inside = false;
    bool ok = emit_select_parts(e, q, top, &with, &text, out);
    if (ok && e->window_inside && q->set_operation == SETOP_NONE && q->n_grouping_sets <= 1) {
        emit_rollback(e, mark);
        e->shared->ctes = ctes;
        ok = (q = rewrite_windows_inside(e, q)) && emit_select_parts(e, q, top, &with, &text, out);
    }
    e->value_only = outer;
    e->window_inside = inside;
    e->depth--;
    e->shared->ctes = ctes;
    if (!ok)
        return false;
    *ret = with.n ? text_of(e, "%.*s%.*s", STR_FMT(with), STR_FMT(text)) : text;
    return ret->p != NULL;
}
