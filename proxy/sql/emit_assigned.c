/* emit_assigned.c - a value on its way into a column of the target, printed or computed here; see change_private.h. */
#include "proxy/catalog/null_violation.h"
#include "proxy/sql/change_private.h"

static struct str not_null_raise(struct emitter *e, const struct relation *r, const struct column *c)
{
    return emit_raise(e, "23502", null_violation_message(e->shared->snapshot, r, c, e->arena));
}

static const struct expr *bare_constant(const struct expr *x)
{
    while (x->kind == EXPR_RELABEL || (x->kind == EXPR_DOMAIN_CHECK && !x->coercion.is_explicit))
        x = x->args[0];
    return x->kind == EXPR_CONST || x->kind == EXPR_PARAM ? x : NULL;
}

static bool unix_value(struct emitter *e, const struct column *c, const struct expr *x, struct fragment *ret)
{
    static const enum bind_form forms[] = {
        [COLUMN_UNIX_S] = BIND_UNIX_S, [COLUMN_UNIX_MS] = BIND_UNIX_MS, [COLUMN_UNIX_US] = BIND_UNIX_US
    };
    const struct expr *constant = bare_constant(x);
    if (constant && constant->kind == EXPR_CONST && constant->constant.is_null)
        return emit_expr(e, constant, ret);
    if (constant || x->kind == EXPR_SQL_VALUE) {
        struct bind b = constant ? bind_of_expr(constant)
                                 : (struct bind){ .source = BIND_NOW, .type = x->type, .typmod = -1, .index = -1 };
        b.form = forms[c->storage];
        return emit_bind(e, &b, ret);
    }
    if (is_constant_expr(x) && emit_prelude(e, x, forms[c->storage], 0, ret))
        return true;
    if (err_is_set(e->err) || !emit_expr(e, x, ret) || !settle(e, ret))
        return false;
    static const enum fragment_form stored[] = {
        [COLUMN_UNIX_S] = FORM_UNIX_S, [COLUMN_UNIX_MS] = FORM_UNIX_MS, [COLUMN_UNIX_US] = FORM_UNIX_US
    };
    return ret->form == stored[c->storage] ||
           blocked(e, x->location, "computing a time for a column that stores numbers");
}

/* SQLite would invent a rowid for NULL, and takes NULL in other keys of tables that do not say NOT NULL. */
static bool guard_rowid(struct emitter *e, const struct relation *r, const struct column *c, const struct expr *x,
                        struct fragment *f)
{
    const struct expr *constant = bare_constant(x);
    bool is_null = constant && constant->kind == EXPR_CONST && constant->constant.is_null;
    if (e->one_row && is_null)
        return null_violation(e->shared->snapshot, r, c, e->err);
    if (constant && !is_null) {
        struct bind b = bind_of_expr(constant);
        b.not_null = true;
        b.relation = r;
        b.column = c;
        return emit_bind(e, &b, f);
    }
    struct str raise = not_null_raise(e, r, c);
    if (is_null) /* where there is no row it is no mistake: SQLite must not work it out ahead */
        raise = text_of(e, "CASE WHEN random() IS NOT NULL THEN %.*s END", STR_FMT(raise));
    f->sql = text_of(e, "coalesce(%.*s,%.*s)", STR_FMT(f->sql), STR_FMT(raise));
    return raise.p && f->sql.p;
}

/* The value where the view's condition holds for the new row; NULL is not enough. */
bool emit_check_option(struct emitter *e, const struct expr *x, struct fragment *value)
{
    struct fragment condition;
    bool outer = e->value_only;
    e->value_only = false;
    bool ok = emit_condition(e, x->args[1], &condition);
    e->value_only = outer;
    if (!ok)
        return false;
    struct str raise = emit_raise(
        e, "44000", text_of(e, "new row violates check option for view \"%.*s\"", STR_FMT(x->check_option.view)));
    value->sql = text_of(e, "CASE WHEN %.*s THEN %.*s ELSE %.*s END", STR_FMT(condition.sql), STR_FMT(value->sql),
                         STR_FMT(raise));
    value->simple = false;
    value->bindable = NULL;
    return raise.p && value->sql.p;
}

bool is_numbered(struct emitter *e, const struct column *column, const struct expr *x)
{
    return x->kind == EXPR_NEXTVAL_DEFAULT || is_own_nextval(e, column, x);
}

bool emit_assigned(struct emitter *e, const struct relation *r, const struct column *c, const struct expr *x,
                   struct fragment *ret)
{
    bool outer = e->value_only;
    bool number = is_numeric(e, c->type);
    if (x->kind == EXPR_CHECK_OPTION)
        return emit_assigned(e, r, c, x->args[0], ret) && emit_check_option(e, x, ret);
    if (c->storage == COLUMN_UNIX_S || c->storage == COLUMN_UNIX_MS || c->storage == COLUMN_UNIX_US)
        return unix_value(e, c, x, ret);
    if (is_numbered(e, c, x)) {
        *ret = (struct fragment){ .sql = STR("NULL"), .simple = true };
        return true;
    }
    e->value_only = number && c->storage == COLUMN_NUMBER;
    bool ok = emit_expr(e, x, ret);
    e->value_only = outer;
    if (!ok || !(number ? numeric_storage(e, c, ret) : settle(e, ret) && make_natural(e, c->type, ret)))
        return false;
    if (c->is_rowid || c->takes_null)
        return guard_rowid(e, r, c, x, ret);
    return true;
}

/* The value of a key that is violated can be told when it went in as it was bound. */
void note_written(struct emitter *e, const struct relation *r, const struct column *c, const struct fragment *f)
{
    struct bind *bind = c->storage == COLUMN_NATURAL ? emit_bare_bind(e, f) : NULL;
    if (!bind || bind->written || bind->form != BIND_AS_IS)
        return;
    bind->written_to = r;
    bind->written = c;
}

bool sets_change(const struct assignment *sets, size_t n, const struct column *c)
{
    bool found = c->generated && n;
    for (size_t i = 0; i < n; i++)
        found = found || sets[i].column == c;
    return found;
}

bool emit_sets(struct emitter *e, const struct relation *r, const struct assignment *sets, size_t n, bool notes,
               struct str *ret)
{
    struct str text = STR("");
    for (size_t i = 0; i < n; i++) {
        struct fragment f;
        struct str name = emit_identifier(sets[i].column->name, e->arena);
        if (sets[i].column->generated)
            continue;
        if (!emit_assigned(e, r, sets[i].column, sets[i].expr, &f))
            return false;
        if (notes)
            note_written(e, r, sets[i].column, &f);
        text = text_of(e, "%.*s%s%.*s = %.*s", STR_FMT(text), text.n ? ", " : "", STR_FMT(name), STR_FMT(f.sql));
        if (!text.p)
            return false;
    }
    *ret = text;
    return true;
}

/* A computed numeric as the number that is stored: NaN, which no typmod refuses, would be 0. */
static struct str number_cell(struct emitter *d1, const struct column *c, struct str cell)
{
    struct str type = type_format(TYPE_OID_numeric, c->typmod, d1->arena);
    struct str raise = emit_raise(d1, "22003", text_of(d1, "a column of type %.*s cannot hold NaN", STR_FMT(type)));
    return text_of(d1, "CASE WHEN %.*s='NaN' THEN %.*s ELSE CAST(%.*s AS NUMERIC) END", STR_FMT(cell), STR_FMT(raise),
                   STR_FMT(cell));
}

bool computed_cell(struct emitter *local, struct emitter *d1, const struct relation *r, const struct column *c,
                   const struct expr *x, size_t i, struct str *ret_element, struct str *ret_read)
{
    struct fragment f;
    oid_t base = base_type(d1, c->type);
    const struct type_info *t = type_find(base);
    if (c->storage == COLUMN_UNIX_S || c->storage == COLUMN_UNIX_MS || c->storage == COLUMN_UNIX_US)
        return blocked(d1, x->location, "computing a time for a column that stores numbers");
    if (!emit_value(local, x, &f) || !json_element(local, c->type, &f))
        return false;
    if (snapshot_element_type(d1->shared->snapshot, base) || base == TYPE_OID_json)
        f.sql = text_of(d1, "(''||%.*s)", STR_FMT(f.sql));
    struct str cell = text_of(d1, "json_extract(value,'$[%zu]')", i);
    cell = c->storage == COLUMN_NUMBER ? number_cell(d1, c, cell) : from_json(d1, t ? t->oid : 0, cell);
    if (c->is_rowid || c->takes_null) /* SQLite would invent one for NULL, or take it */
        cell = text_of(d1, "coalesce(%.*s,%.*s)", STR_FMT(cell), STR_FMT(not_null_raise(d1, r, c)));
    *ret_element = f.sql;
    *ret_read = cell;
    return f.sql.p && cell.p;
}
