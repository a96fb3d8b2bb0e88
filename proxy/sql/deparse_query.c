/*
 * deparse_query.c - an analyzed query in the spelling of pg_get_viewdef(); see deparse.h.
 *
 * Lines, blanks and parentheses are those of ruleutils.c with PRETTYFLAG_INDENT and a wrap column of 0, which every catalogue function
 * uses for views: one column a line, clauses on lines of their own, indentation by nesting.
 */
#include "proxy/sql/deparse.h"

#include "proxy/catalog/names.h"

enum { TEXT_MAX = 1 << 20, LEVELS_MAX = 60, STEP = 8, JOIN_STEP = 4, COLUMN_STEP = 4, INDENT_LIMIT = 40 };

struct level {
    const struct query *query;
    struct str *names; /* of the range table's entries, unique through all levels */
    bool *is_open;     /* joins being printed: their items go by their own names in there */
    struct level *parent;
    int depth;
};

struct printer {
    struct buf out;
    const struct snapshot *snapshot;
    const struct deparse_rename *rename; /* NULL: none */
    const struct name_path *path;        /* as in struct deparse_names */
    const struct system_uses *uses;      /* likewise */
    struct level *level;
    struct arena *arena;
    struct err *err;
    int indent;
    bool pretty;       /* only the parentheses that are needed, but around every sorted expression */
    bool is_arm;       /* of a set operation: PostgreSQL keeps its columns as they are, the conversions come later */
    bool names_hidden; /* nobody refers to the columns (colNamesVisible): "?column?" need not be said */
};

static bool print_query(struct printer *p, const struct query *q, const struct str *result_names, int indent);

static bool print_inner(struct printer *p, const struct query *q, bool names_hidden)
{
    bool outer = p->names_hidden;
    p->names_hidden = names_hidden;
    bool ok = print_query(p, q, NULL, p->indent);
    p->names_hidden = outer;
    return ok;
}

static bool refuse(struct printer *p, const char *what)
{
    return err_unsupported(p->err, "writing down a query with %s", what);
}

static void add(struct printer *p, const char *text)
{
    buf_add_str(&p->out, str_from(text));
}

/* appendContextKeyword() */
static void keyword(struct printer *p, const char *text, int before, int after, int plus)
{
    p->indent += before;
    while (p->out.n && p->out.p[p->out.n - 1] == ' ')
        p->out.n--;
    buf_add_char(&p->out, '\n');
    int n = (p->indent > 0 ? p->indent : 0) + plus;
    if (p->indent >= INDENT_LIMIT)
        n = (INDENT_LIMIT + (p->indent - INDENT_LIMIT) / (STEP / 2)) % INDENT_LIMIT + plus;
    for (int i = 0; i < n; i++)
        buf_add_char(&p->out, ' ');
    add(p, text);
    p->indent += after;
    if (p->indent < 0)
        p->indent = 0;
}

/* ---- names of range table entries ---- */
static struct str relation_name(struct printer *p, const struct relation *r)
{
    return p->rename && p->rename->relation == r && p->rename->name.n ? p->rename->name : r->name;
}

static struct str column_name(struct printer *p, const struct query *q, const struct rte *rte, int column)
{
    struct str name = rte->columns[column].name;
    const struct expr *of = rte->kind == RTE_JOIN ? rte->columns[column].join_expr : NULL;
    if (of && of->kind == EXPR_VAR && str_eq(name, q->rtable[of->var.rte].columns[of->var.column].name))
        return column_name(p, q, &q->rtable[of->var.rte], of->var.column);
    const struct deparse_rename *rename = p->rename;
    bool same = rename && rte->kind == RTE_RELATION && rte->relation == rename->relation && rename->column_name.n &&
                (size_t)column == rename->column;
    return same && str_eq(name, rte->relation->columns[column].name) ? rename->column_name : name;
}

static bool is_taken(const struct level *level, size_t n_own, struct str name)
{
    for (const struct level *l = level; l; l = l->parent)
        for (size_t i = 0; i < (l == level ? n_own : l->query->n_rtable); i++)
            if (str_eq(l->names[i], name))
                return true;
    return false;
}

static struct str base_name(struct printer *p, const struct rte *rte)
{
    if (rte->kind == RTE_RELATION && !rte->has_alias)
        return relation_name(p, rte->relation);
    return rte->alias;
}

static bool enter(struct printer *p, const struct query *q)
{
    struct level *level = ARENA_NEW(p->arena, struct level);
    if (!level || !(level->names = ARENA_ARRAY(p->arena, struct str, q->n_rtable + 1)) ||
        !(level->is_open = ARENA_ARRAY(p->arena, bool, q->n_rtable + 1)))
        return err_oom(p->err);
    level->query = q;
    level->parent = p->level;
    level->depth = p->level ? p->level->depth + 1 : 0;
    if (level->depth > LEVELS_MAX)
        return err_set(p->err, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    for (size_t i = 0; i < q->n_rtable; i++) {
        struct str base = base_name(p, &q->rtable[i]), name = base;
        bool plain_join = q->rtable[i].kind == RTE_JOIN && !q->rtable[i].has_alias;
        for (unsigned n = 1; base.n && !plain_join && is_taken(level, i, name); n++)
            name = arena_printf(p->arena, "%.*s_%u", STR_FMT(name_clip(base, NAME_MAX_BYTES - 6)), n);
        level->names[i] = plain_join ? (struct str){ 0 } : name;
    }
    p->level = level;
    return true;
}

/* The level a column belongs to: arms of set operations are levels of printing, not of naming. */
static struct level *level_of(struct printer *p, const struct expr *e)
{
    const struct query *q = p->level->query;
    for (int up = e->var.levels_up; up > 0 && q; up--)
        q = q->parent;
    struct level *level = p->level;
    while (level && level->query != q)
        level = level->parent;
    return level;
}

/* ---- expressions ---- */
static bool variable(void *ctx, const struct expr *e, struct str *ret);
static bool special(void *ctx, const struct expr *e, int indent, struct str *ret);

static bool text_of(struct printer *p, const struct expr *e, bool show_implicit, struct str *ret)
{
    struct deparse_names names = { .variable = variable,
                                   .special = special,
                                   .ctx = p,
                                   .indent = p->indent,
                                   .show_implicit = show_implicit,
                                   .pretty = p->pretty,
                                   .path = p->path,
                                   .uses = p->uses };
    return deparse_expression(e, p->level->query, p->snapshot, &names, p->arena, ret, p->err);
}

static bool print(struct printer *p, const struct expr *e, bool show_implicit)
{
    struct str text;
    if (!text_of(p, e, show_implicit, &text))
        return false;
    if (text.n && text.p[0] == '\n') /* CASE starts a line of its own */
        while (p->out.n && p->out.p[p->out.n - 1] == ' ')
            p->out.n--;
    buf_add_str(&p->out, text);
    return true;
}

static void note(struct printer *p, enum system_use use, oid_t object, int16_t part)
{
    if (p->uses)
        p->uses->note(p->uses->ctx, use, object, part);
}

static bool is_merged(const struct rte *rte, const struct expr *e)
{
    return rte->kind == RTE_JOIN && rte->columns[e->var.column].join_expr;
}

/* The alias of a join hides what it joins: the outermost such join that has the column, and its name there. */
static bool hiding_join(const struct level *level, const struct expr *e, size_t *ret_rte, size_t *ret_column)
{
    const struct query *q = level->query;
    for (size_t i = q->n_rtable; i-- > 0;) {
        const struct rte *join = &q->rtable[i];
        if (join->kind != RTE_JOIN || !join->has_alias || level->is_open[i])
            continue;
        for (size_t c = 0; c < join->n_columns; c++) {
            const struct expr *of = join->columns[c].join_expr;
            if (of && of->kind == EXPR_VAR && of->var.rte == e->var.rte && of->var.column == e->var.column) {
                *ret_rte = i;
                *ret_column = c;
                return true;
            }
        }
    }
    return false;
}

/* A part of what FULL JOIN … USING merged, under an alias: it has no name by itself. */
static bool is_part_of_merged(const struct level *level, const struct expr *e)
{
    const struct query *q = level->query;
    for (size_t i = 0; i < q->n_rtable; i++)
        for (size_t c = 0; q->rtable[i].kind == RTE_JOIN && q->rtable[i].has_alias && !level->is_open[i] &&
                           c < q->rtable[i].n_columns;
             c++) {
            const struct expr *of = q->rtable[i].columns[c].join_expr;
            for (size_t k = 0; of && of->kind != EXPR_VAR && k < of->n_args; k++)
                if (of->args[k]->kind == EXPR_VAR && of->args[k]->var.rte == e->var.rte &&
                    of->args[k]->var.column == e->var.column)
                    return true;
        }
    return false;
}

static bool variable(void *ctx, const struct expr *e, struct str *ret)
{
    struct printer *p = ctx;
    struct level *level = level_of(p, e), *saved = p->level;
    if (!level || e->var.rte < 0 || (size_t)e->var.rte >= level->query->n_rtable)
        return refuse(p, "a reference to another query");
    const struct rte *rte = &level->query->rtable[e->var.rte];
    if (is_merged(rte, e) && !rte->has_alias) {
        const struct expr *inner = rte->columns[e->var.column].join_expr;
        if (inner->kind != EXPR_VAR) { /* FULL JOIN … USING: the merged column has no table */
            *ret = name_quote(rte->columns[e->var.column].name, p->arena);
            return true;
        }
        p->level = level;
        bool ok = variable(p, inner, ret);
        p->level = saved;
        return ok;
    }
    if (rte->kind == RTE_RELATION && rte->columns[e->var.column].column)
        note(p, USE_RELATION, rte->relation->oid, rte->columns[e->var.column].column->number);
    size_t shown = (size_t)e->var.rte, at = (size_t)e->var.column;
    if (!hiding_join(level, e, &shown, &at) && is_part_of_merged(level, e))
        return refuse(p, "a merged column of a join with an alias");
    struct str column = name_quote(column_name(p, level->query, &level->query->rtable[shown], (int)at), p->arena),
               table = name_quote(level->names[shown], p->arena);
    *ret = level->names[shown].n ? arena_printf(p->arena, "%.*s.%.*s", STR_FMT(table), STR_FMT(column)) : column;
    return ret->p ? true : err_oom(p->err);
}

/* get_rule_sortgroupclause() */
static bool sort_expression(struct printer *p, const struct expr *e)
{
    bool plain = (e->kind == EXPR_VAR || e->kind == EXPR_CONST) && !e->is_collated;
    bool call =
        e->kind == EXPR_AGGREGATE || e->kind == EXPR_WINDOW || (e->kind == EXPR_FUNC && e->call.form == CALL_FUNCTION);
    bool parens = (call && !e->is_collated) || (p->pretty && !plain);
    if (parens)
        add(p, "(");
    if (!print(p, e, true))
        return false;
    if (parens)
        add(p, ")");
    return true;
}

static bool sort_list(struct printer *p, const struct sort_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct expr *e = items[i].expr;
        if (i)
            add(p, ", ");
        if (e->kind == EXPR_VAR && e->var.rte < 0)
            buf_printf(&p->out, "%d", e->var.column + 1); /* of a set operation */
        else if (!sort_expression(p, e))
            return false;
        if (items[i].descending)
            add(p, " DESC");
        if (items[i].nulls_first != items[i].descending)
            add(p, items[i].nulls_first ? " NULLS FIRST" : " NULLS LAST");
    }
    return true;
}

static bool list(struct printer *p, struct expr *const *args, size_t n, bool show_implicit)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            add(p, ", ");
        if (!print(p, args[i], show_implicit))
            return false;
    }
    return true;
}

/* ---- aggregates and windows ---- */
static bool call_head(struct printer *p, const struct expr *e)
{
    name_quote_add(&p->out, str_from(e->call.proc->name));
    add(p, "(");
    if (e->call.distinct)
        add(p, "DISTINCT ");
    if (e->call.star)
        add(p, "*");
    size_t shown = e->call.within_group ? e->call.n_direct : e->n_args;
    if (!e->call.star && !list(p, e->args, shown, true))
        return false;
    if (e->call.n_order && !e->call.within_group) {
        add(p, " ORDER BY ");
        if (!sort_list(p, e->call.order, e->call.n_order))
            return false;
    }
    if (e->call.within_group) {
        add(p, ") WITHIN GROUP (ORDER BY ");
        if (!sort_list(p, e->call.order, e->call.n_order))
            return false;
    }
    add(p, ")");
    if (!e->call.filter)
        return true;
    add(p, " FILTER (WHERE ");
    if (!print(p, e->call.filter, false))
        return false;
    add(p, ")");
    return true;
}

static bool bound(struct printer *p, enum frame_bound kind, const struct expr *offset)
{
    static const char *const words[] = { "UNBOUNDED PRECEDING", " PRECEDING", "CURRENT ROW", " FOLLOWING",
                                         "UNBOUNDED FOLLOWING" };
    if ((kind == BOUND_PRECEDING || kind == BOUND_FOLLOWING) && !print(p, offset, false))
        return false;
    add(p, words[kind]);
    return true;
}

static bool window_over(struct printer *p, const struct window *w)
{
    static const char *const modes[] = { "", "ROWS ", "RANGE ", "GROUPS " };
    static const char *const exclusions[] = { "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES" };
    const char *separator = "";
    add(p, " OVER (");
    if (w->n_partition) {
        add(p, "PARTITION BY ");
        for (size_t i = 0; i < w->n_partition; i++) {
            add(p, i ? ", " : "");
            if (!sort_expression(p, w->partition[i]))
                return false;
        }
        separator = " ";
    }
    if (w->n_order) {
        buf_printf(&p->out, "%sORDER BY ", separator);
        if (!sort_list(p, w->order, w->n_order))
            return false;
        separator = " ";
    }
    if (w->mode != FRAME_NONE) {
        buf_printf(&p->out, "%s%sBETWEEN ", separator, modes[w->mode]);
        if (!bound(p, w->start, w->start_offset))
            return false;
        add(p, " AND ");
        if (!bound(p, w->end, w->end_offset))
            return false;
        add(p, exclusions[w->exclusion]);
    }
    add(p, ")");
    return true;
}

/* ---- subqueries in expressions ---- */
static bool sublink(struct printer *p, const struct expr *e)
{
    bool marked = e->sublink.kind == SUBLINK_EXISTS || e->sublink.kind == SUBLINK_ANY || e->sublink.kind == SUBLINK_ALL;
    add(p, e->sublink.kind == SUBLINK_ARRAY ? "ARRAY(" : "(");
    if (e->n_args > 1)
        add(p, "(");
    if (!list(p, e->args, e->n_args, true))
        return false;
    if (e->n_args > 1)
        add(p, ")");
    if (e->sublink.kind == SUBLINK_EXISTS)
        add(p, "EXISTS (");
    else if (e->sublink.kind == SUBLINK_ANY && strcmp(e->sublink.op_name, "=") == 0)
        add(p, " IN (");
    else if (marked)
        buf_printf(&p->out, " %s %s (", e->sublink.op_name, e->sublink.kind == SUBLINK_ANY ? "ANY" : "ALL");
    if (!print_inner(p, e->sublink.query, true))
        return false;
    add(p, marked ? "))" : ")");
    return true;
}

static bool row_compare(struct printer *p, const struct expr *e)
{
    add(p, "(ROW(");
    if (!list(p, e->args[0]->args, e->args[0]->n_args, true))
        return false;
    buf_printf(&p->out, ") %s ROW(", e->row_compare.op_name);
    if (!list(p, e->args[1]->args, e->args[1]->n_args, true))
        return false;
    add(p, "))");
    return true;
}

/* What deparse.c does not know: it asks for the text. */
static bool special(void *ctx, const struct expr *e, int indent, struct str *ret)
{
    struct printer *p = ctx;
    struct buf outer = p->out;
    int saved = p->indent;
    bool ok;
    buf_init(&p->out, TEXT_MAX);
    p->indent = indent;
    switch (e->kind) {
    case EXPR_AGGREGATE:
        ok = call_head(p, e);
        break;
    case EXPR_WINDOW:
        ok = call_head(p, e) && window_over(p, e->call.window);
        break;
    case EXPR_SUBLINK:
        ok = sublink(p, e);
        break;
    case EXPR_ROW_COMPARE:
        ok = row_compare(p, e);
        break;
    default:
        ok = refuse(p, "a construct of this kind");
        break;
    }
    if (ok && p->out.failed)
        ok = err_oom(p->err);
    if (ok && !(*ret = arena_str(p->arena, buf_str(&p->out))).p)
        ok = err_oom(p->err);
    buf_fini(&p->out);
    p->out = outer;
    p->indent = saved;
    return ok;
}

/* ---- FROM ---- */
static void names(struct printer *p, const struct rte *rte)
{
    add(p, "(");
    for (size_t i = 0; i < rte->n_columns; i++) {
        add(p, i ? ", " : "");
        name_quote_add(&p->out, column_name(p, p->level->query, rte, (int)i));
    }
    add(p, ")");
}

/* The columns got names of their own: FROM t AS x(a, b). */
static bool is_renamed(const struct rte *rte)
{
    for (size_t i = 0; i < rte->n_columns; i++) {
        struct str own = rte->kind == RTE_RELATION   ? rte->relation->columns[i].name
                         : rte->kind == RTE_SUBQUERY ? rte->subquery->targets[i].name
                                                     : STR("");
        if ((rte->kind == RTE_RELATION || rte->kind == RTE_SUBQUERY) && !str_eq(own, rte->columns[i].name))
            return true;
    }
    return rte->kind == RTE_FUNCTION || rte->kind == RTE_VALUES;
}

static bool values(struct printer *p, struct expr ***rows, size_t n_rows, size_t n_columns)
{
    add(p, "VALUES ");
    for (size_t r = 0; r < n_rows; r++) {
        add(p, r ? ", (" : "(");
        for (size_t c = 0; c < n_columns; c++) {
            add(p, c ? "," : "");
            if (!print(p, rows[r][c], false))
                return false;
        }
        add(p, ")");
    }
    return true;
}

static bool function_item(struct printer *p, const struct rte *rte)
{
    bool several = rte->n_functions > 1;
    if (several)
        add(p, "ROWS FROM(");
    if (!list(p, rte->functions, rte->n_functions, true))
        return false;
    if (several)
        add(p, ")");
    if (rte->with_ordinality)
        add(p, " WITH ORDINALITY");
    return true;
}

static bool rte_item(struct printer *p, int number)
{
    const struct rte *rte = &p->level->query->rtable[number];
    struct str name = p->level->names[number], shown = { 0 };
    if (rte->lateral && rte->kind != RTE_FUNCTION)
        add(p, "LATERAL ");
    switch (rte->kind) {
    case RTE_RELATION: {
        struct str schema = snapshot_shown_schema(p->snapshot, p->path, rte->relation);
        shown = relation_name(p, rte->relation);
        note(p, USE_RELATION, rte->relation->oid, 0);
        if (rte->grouping_key)
            note(p, USE_CONSTRAINT, rte->grouping_key, 0);
        buf_add_str(&p->out, name_qualified(schema, shown, p->arena));
        break;
    }
    case RTE_SUBQUERY:
        add(p, "(");
        if (!print_inner(p, rte->subquery, false))
            return false;
        add(p, ")");
        break;
    case RTE_FUNCTION:
        if (!function_item(p, rte))
            return false;
        break;
    case RTE_VALUES:
        add(p, "( ");
        if (!values(p, rte->rows, rte->n_rows, rte->n_columns))
            return false;
        add(p, ")");
        break;
    case RTE_CTE:
        shown = rte->cte->name;
        name_quote_add(&p->out, shown);
        break;
    case RTE_JOIN:
    case RTE_RESULT:
        return refuse(p, "an entry of this kind in FROM");
    }
    if (rte->has_alias || !str_eq(name, shown)) {
        add(p, " ");
        name_quote_add(&p->out, name);
    }
    if (is_renamed(rte))
        names(p, rte);
    return true;
}

static bool from_item(struct printer *p, const struct from_item *f);
static struct str own_name(struct printer *p, const struct expr *e);

/* A column of USING that is renamed on one side: the join says ON from then on. */
static bool using_changes(struct printer *p, const struct from_item *f, bool *ret)
{
    const struct deparse_rename *rename = p->rename;
    struct str now, before = { 0 };
    *ret = false;
    if (!f->n_using || !rename || !rename->column_name.n)
        return true;
    if (!text_of(p, f->on, false, &now))
        return false;
    p->rename = NULL;
    bool ok = text_of(p, f->on, false, &before);
    p->rename = rename;
    *ret = ok && !str_eq(now, before);
    return ok && *ret && f->join == JOIN_FULL ? refuse(p, "a renamed column in FULL JOIN USING") : ok;
}

/* The alias of a join gave its columns names that they have not where they come from. */
static bool join_is_renamed(struct printer *p, const struct rte *join)
{
    bool renamed = false;
    for (size_t i = 0; i < join->n_columns && !renamed; i++) {
        const struct expr *of = join->columns[i].join_expr;
        renamed = of && of->kind == EXPR_VAR && !str_eq(own_name(p, of), column_name(p, p->level->query, join, (int)i));
    }
    return renamed;
}

static bool join_item(struct printer *p, const struct from_item *f)
{
    static const char *const words[] = { " CROSS JOIN ", " JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN " };
    const struct rte *holder = &p->level->query->rtable[f->rte];
    bool around = !p->pretty || holder->has_alias;
    p->level->is_open[f->rte] = true;
    bool right = p->pretty && f->right->kind == FROM_JOIN && !p->level->query->rtable[f->right->rte].has_alias;
    add(p, around ? "(" : "");
    if (!from_item(p, f->left))
        return false;
    keyword(p, words[f->join == JOIN_INNER && !f->on ? JOIN_CROSS : f->join], -STEP, STEP, JOIN_STEP);
    add(p, right ? "(" : "");
    if (!from_item(p, f->right))
        return false;
    add(p, right ? ")" : "");
    bool changed;
    if (!using_changes(p, f, &changed))
        return false;
    if (f->n_using && !changed) {
        if (p->uses && f->on) { /* both columns are needed; the text of their equality is not */
            size_t n = p->out.n;
            if (!print(p, f->on, false))
                return false;
            p->out.n = n;
        }
        add(p, " USING (");
        for (size_t i = 0; i < f->n_using; i++) {
            add(p, i ? ", " : "");
            name_quote_add(&p->out, f->using_names[i]);
        }
        add(p, ")");
    } else if (f->on) {
        add(p, p->pretty ? " ON " : " ON (");
        if (!print(p, f->on, false))
            return false;
        add(p, p->pretty ? "" : ")");
    } else if (f->join != JOIN_INNER && f->join != JOIN_CROSS) { /* NATURAL, of no column */
        add(p, " ON TRUE");
    }
    add(p, around ? ")" : "");
    if (holder->has_alias) {
        add(p, " ");
        name_quote_add(&p->out, p->level->names[f->rte]);
        if (join_is_renamed(p, holder))
            names(p, holder);
    }
    p->level->is_open[f->rte] = false;
    return true;
}

static bool from_item(struct printer *p, const struct from_item *f)
{
    return f->kind == FROM_RTE ? rte_item(p, f->rte) : join_item(p, f);
}

static bool from_clause(struct printer *p, const struct query *q)
{
    for (size_t i = 0; i < q->n_from; i++) {
        if (i == 0) {
            keyword(p, " FROM ", -STEP, STEP, 2);
        } else {
            add(p, ", ");
            keyword(p, "", -STEP, STEP, COLUMN_STEP);
        }
        if (!from_item(p, q->from[i]))
            return false;
    }
    return true;
}

/* ---- the SELECT list ---- */
/* What a plain column is called where it comes from; anything else has no name, which is said where it can be asked for. */
static struct str own_name(struct printer *p, const struct expr *e)
{
    const struct level *level = e->kind == EXPR_VAR && e->var.rte >= 0 ? level_of(p, e) : NULL;
    if (!level)
        return p->names_hidden ? STR("?column?") : STR("");
    const struct rte *rte = &level->query->rtable[e->var.rte];
    if (is_merged(rte, e) && !rte->has_alias && rte->columns[e->var.column].join_expr->kind == EXPR_VAR)
        return own_name(p, rte->columns[e->var.column].join_expr);
    size_t shown = (size_t)e->var.rte, at = (size_t)e->var.column;
    hiding_join(level, e, &shown, &at);
    return column_name(p, level->query, &level->query->rtable[shown], (int)at);
}

/* A literal without a type has got the one of all arms. */
static bool was_untyped(const struct expr *e)
{
    return e->kind == EXPR_CONST && (e->constant.is_null || e->constant.value.class == VALUE_TEXT);
}

static const struct expr *as_written(const struct expr *e, bool is_arm)
{
    bool implicit =
        (e->kind == EXPR_FUNC && e->call.form == CALL_IMPLICIT_CAST) ||
        ((e->kind == EXPR_RELABEL || e->kind == EXPR_IO_CAST || e->kind == EXPR_TYPMOD) && !e->coercion.is_explicit);
    return is_arm && implicit && !was_untyped(e->args[0]) ? as_written(e->args[0], true) : e;
}

static bool target_list(struct printer *p, const struct query *q, const struct str *result_names)
{
    size_t n = 0;
    bool is_arm = p->is_arm;
    p->is_arm = false;
    for (size_t i = 0; i < q->n_targets; i++) {
        const struct target *t = &q->targets[i];
        const struct expr *e = as_written(t->expr, is_arm);
        struct str text, name = result_names && !t->junk ? result_names[n] : t->name;
        if (t->junk)
            continue;
        if (!text_of(p, e, true, &text))
            return false;
        add(p, n ? ", " : " ");
        bool leading = text.n && text.p[0] == '\n';
        if (leading)
            while (p->out.n && p->out.p[p->out.n - 1] == ' ')
                p->out.n--;
        else if (n)
            keyword(p, "", -STEP, STEP, COLUMN_STEP);
        buf_add_str(&p->out, text);
        if (!str_eq(name, own_name(p, e))) {
            add(p, " AS ");
            name_quote_add(&p->out, name);
        }
        n++;
    }
    return true;
}

static bool distinct(struct printer *p, const struct query *q)
{
    if (!q->distinct && !q->n_distinct_on)
        return true;
    add(p, " DISTINCT");
    if (!q->n_distinct_on)
        return true;
    add(p, " ON (");
    for (size_t i = 0; i < q->n_distinct_on; i++) {
        add(p, i ? ", " : "");
        if (!sort_expression(p, q->distinct_on[i]))
            return false;
    }
    add(p, ")");
    return true;
}

static bool group_by(struct printer *p, const struct query *q)
{
    if (q->n_grouping_sets)
        return refuse(p, "GROUPING SETS");
    if (!q->n_group)
        return true;
    keyword(p, " GROUP BY ", -STEP, STEP, 1);
    for (size_t i = 0; i < q->n_group; i++) {
        add(p, i ? ", " : "");
        if (!sort_expression(p, q->group[i]))
            return false;
    }
    return true;
}

static bool basic_select(struct printer *p, const struct query *q, const struct str *result_names)
{
    p->indent += STEP;
    add(p, " ");
    if (q->n_values_rows)
        return values(p, q->values_rows, q->n_values_rows, q->n_targets);
    add(p, "SELECT");
    if (!distinct(p, q) || !target_list(p, q, result_names) || !from_clause(p, q))
        return false;
    if (q->where) {
        keyword(p, " WHERE ", -STEP, STEP, 1);
        if (!print(p, q->where, false))
            return false;
    }
    if (!group_by(p, q))
        return false;
    if (!q->having)
        return true;
    keyword(p, " HAVING ", -STEP, STEP, 0);
    return print(p, q->having, false);
}

/* ---- set operations ---- */
static bool set_query(struct printer *p, const struct query *q, const struct str *result_names);

static bool is_plain_arm(const struct query *q)
{
    return q->set_operation == SETOP_NONE && !q->n_ctes && !q->n_sort && !q->limit && !q->offset;
}

/* An arm that is itself a set operation without clauses of its own nests as PostgreSQL's tree does. */
static bool is_nested(const struct query *q)
{
    return q->set_operation != SETOP_NONE && !q->n_ctes && !q->n_sort && !q->limit && !q->offset;
}

static bool set_arm(struct printer *p, const struct query *q, const struct str *result_names)
{
    if (is_nested(q))
        return set_query(p, q, result_names);
    bool parens = !is_plain_arm(q);
    add(p, parens ? "(" : "");
    p->is_arm = true;
    if (!print_query(p, q, result_names, p->indent))
        return false;
    add(p, parens ? ")" : "");
    return true;
}

static bool set_query(struct printer *p, const struct query *q, const struct str *result_names)
{
    static const char *const words[] = { "", "UNION ", "INTERSECT ", "EXCEPT " };
    bool same = q->left->set_operation == q->set_operation && q->left->set_all == q->set_all;
    bool left_parens = is_nested(q->left) && !same, right_parens = is_nested(q->right);
    int step = left_parens ? STEP : 0;
    if (left_parens) {
        add(p, "(");
        keyword(p, "", step, 0, 0);
    }
    if (!set_arm(p, q->left, result_names))
        return false;
    keyword(p, left_parens ? ") " : "", -step, 0, 0);
    add(p, words[q->set_operation]);
    add(p, q->set_all ? "ALL " : "");
    step = right_parens ? STEP : 0;
    add(p, right_parens ? "(" : "");
    keyword(p, "", step, 0, 0);
    bool outer = p->names_hidden;
    p->names_hidden = true;
    bool ok = set_arm(p, q->right, result_names);
    p->names_hidden = outer;
    if (!ok)
        return false;
    p->indent -= step;
    if (right_parens)
        keyword(p, ")", 0, 0, 0);
    return true;
}

/* ---- the whole ---- */
static bool with_clause(struct printer *p, const struct query *q)
{
    static const char *const materialized[] = { "", "MATERIALIZED ", "NOT MATERIALIZED " };
    if (!q->n_ctes)
        return true;
    p->indent += STEP;
    add(p, " ");
    for (size_t i = 0; i < q->n_ctes; i++) {
        const struct cte *cte = &q->ctes[i];
        add(p, i ? ", " : q->with_recursive ? "WITH RECURSIVE " : "WITH ");
        name_quote_add(&p->out, cte->name);
        for (size_t k = 0; k < cte->n_column_names; k++) {
            add(p, k ? ", " : "(");
            name_quote_add(&p->out, cte->column_names[k]);
        }
        add(p, cte->n_column_names ? ") AS " : " AS ");
        buf_printf(&p->out, "%s(", materialized[cte->materialized]);
        keyword(p, "", 0, 0, 0);
        if (!print_inner(p, cte->query, false))
            return false;
        keyword(p, "", 0, 0, 0);
        add(p, ")");
    }
    p->indent -= STEP;
    keyword(p, "", 0, 0, 0);
    return true;
}

static bool limit(struct printer *p, const char *word, const struct expr *e)
{
    if (!e)
        return true;
    keyword(p, word, -STEP, STEP, 0);
    if (e->kind == EXPR_CONST && e->constant.is_null && strcmp(word, " LIMIT ") == 0)
        return add(p, "ALL"), true;
    if (e->kind == EXPR_CONST && e->constant.value.class == VALUE_INTEGER) {
        buf_printf(&p->out, "%lld", (long long)e->constant.value.integer);
        return true;
    }
    return print(p, e, false);
}

static bool tail(struct printer *p, const struct query *q)
{
    if (q->lock != LOCK_NONE)
        return refuse(p, "FOR UPDATE");
    if (q->n_sort) {
        keyword(p, " ORDER BY ", -STEP, STEP, 1);
        if (!sort_list(p, q->sort, q->n_sort))
            return false;
    }
    if (!limit(p, " OFFSET ", q->offset))
        return false;
    if (!q->with_ties)
        return limit(p, " LIMIT ", q->limit);
    if (!limit(p, " FETCH FIRST (", q->limit))
        return false;
    add(p, ") ROWS WITH TIES");
    return true;
}

static bool print_query(struct printer *p, const struct query *q, const struct str *result_names, int indent)
{
    int saved_indent = p->indent;
    struct level *saved_level = p->level;
    p->indent = indent;
    bool ok = enter(p, q) && with_clause(p, q) &&
              (q->set_operation != SETOP_NONE ? set_query(p, q, result_names) : basic_select(p, q, result_names)) &&
              tail(p, q);
    p->indent = saved_indent;
    p->level = saved_level;
    return ok;
}

static bool print_whole(struct printer *p, const struct query *q, const struct str *result_names, struct str *ret)
{
    if (q->command != COMMAND_SELECT)
        return refuse(p, "a change of data");
    buf_init(&p->out, TEXT_MAX);
    bool ok = print_query(p, q, result_names, 0);
    if (ok && p->out.failed)
        ok = err_set(p->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the query is too long");
    buf_add_char(&p->out, ';');
    struct str text = ok ? arena_str(p->arena, buf_str(&p->out)) : (struct str){ 0 };
    buf_fini(&p->out);
    if (ok && !text.p)
        ok = err_oom(p->err);
    if (ok)
        *ret = text;
    return ok;
}

bool deparse_query(const struct query *q, const struct snapshot *snapshot, const struct str *result_names,
                   const struct deparse_rename *rename, struct arena *arena, struct str *ret, struct err *err)
{
    struct printer p = { .snapshot = snapshot, .rename = rename, .arena = arena, .err = err };
    return print_whole(&p, q, result_names, ret);
}

bool deparse_query_as(const struct query *q, const struct snapshot *snapshot, const struct str *result_names,
                      const struct deparse_options *options, struct arena *arena, struct str *ret, struct err *err)
{
    struct printer p = { .snapshot = snapshot,
                         .path = options->path,
                         .uses = options->uses,
                         .arena = arena,
                         .err = err,
                         .pretty = options->pretty };
    return print_whole(&p, q, result_names, ret);
}
