/* emit_change.c - INSERT, UPDATE, DELETE; rows beyond D1's parameters travel as JSON; see emit_internal.h. */
#include "proxy/sql/place.h"

enum { JSON_ROWS_BYTES = 1000000, ASSUMED_PARAM_BYTES = 100 };

static const struct relation *target_of(const struct query *q)
{
    return q->rtable[q->result_rte].relation;
}

/* The target under its own name: SQLite knows no alias in RETURNING. */
static bool enter_target(struct emitter *e, const struct query *q, struct str *ret_name)
{
    const struct relation *r = target_of(q);
    struct level *l = level_new(e, q);
    if (!l)
        return false;
    if (r->is_system)
        return refused(e, -1, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for table %.*s", STR_FMT(r->name));
    *ret_name = unique_name(e, r->sqlite_name);
    if (!ret_name->p || !relation_columns(e, r, &q->rtable[q->result_rte], *ret_name, &l->rtes[q->result_rte].columns))
        return false;
    if (q->on_conflict && q->on_conflict->excluded_rte >= 0 && (size_t)q->on_conflict->excluded_rte < q->n_rtable &&
        !relation_columns(e, r, NULL, STR("excluded"), &l->rtes[q->on_conflict->excluded_rte].columns))
        return false;
    e->level = l;
    return true;
}

/* ---- one value on its way into a column ---- */

static struct str not_null_raise(struct emitter *e, const struct relation *r, const struct column *c)
{
    return emit_raise(e, "23502",
                      text_of(e, "null value in column \"%.*s\" of relation \"%.*s\" violates not-null constraint",
                              STR_FMT(c->name), STR_FMT(r->name)));
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
    if (constant && constant->kind == EXPR_CONST && constant->constant.is_null) {
        refused(e, -1, SQLSTATE_NOT_NULL_VIOLATION,
                "null value in column \"%.*s\" of relation \"%.*s\" violates not-null constraint", STR_FMT(c->name),
                STR_FMT(r->name));
        e->err->schema = r->schema;
        e->err->table = r->name;
        e->err->column = c->name;
        return false;
    }
    if (constant) {
        struct bind b = bind_of_expr(constant);
        b.not_null = true;
        b.relation = r;
        b.column = c;
        return emit_bind(e, &b, f);
    }
    struct str raise = not_null_raise(e, r, c);
    f->sql = text_of(e, "coalesce(%.*s,%.*s)", STR_FMT(f->sql), STR_FMT(raise));
    return raise.p && f->sql.p;
}

static bool is_numbered(struct emitter *e, const struct column *column, const struct expr *x)
{
    return x->kind == EXPR_NEXTVAL_DEFAULT || is_own_nextval(e, column, x);
}

static bool emit_assigned(struct emitter *e, const struct relation *r, const struct column *c, const struct expr *x,
                          struct fragment *ret)
{
    bool outer = e->value_only;
    bool number = is_numeric(e, c->type);
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
static void note_written(struct emitter *e, const struct relation *r, const struct column *c, const struct fragment *f)
{
    struct bind *bind = c->storage == COLUMN_NATURAL ? emit_bare_bind(e, f) : NULL;
    if (!bind || bind->written || bind->form != BIND_AS_IS)
        return;
    bind->written_to = r;
    bind->written = c;
}

/* ---- INSERT ---- */

struct insert_columns { /* those that are written; serial columns that SQLite numbers itself are left out */
    size_t *at, n;
};

static bool column_is_given(struct emitter *e, const struct query *q, size_t c)
{
    if (q->insert_select)
        return !is_numbered(e, q->insert_columns[c], q->insert_select_exprs[c]);
    for (size_t r = 0; r < q->n_insert_rows; r++)
        if (!is_numbered(e, q->insert_columns[c], q->insert_rows[r][c]))
            return true;
    return false;
}

static bool pick_columns(struct emitter *e, const struct query *q, struct insert_columns *ret, struct str *list)
{
    struct str text = STR("");
    *ret = (struct insert_columns){ .at = ARENA_ARRAY(e->arena, size_t, q->n_insert_columns + 1) };
    if (!ret->at)
        return err_oom(e->err);
    for (size_t c = 0; c < q->n_insert_columns; c++)
        if (column_is_given(e, q, c) && !q->insert_columns[c]->generated)
            ret->at[ret->n++] = c;
    if (ret->n == 0 && q->n_insert_rows > 1 && q->n_insert_columns)
        ret->at[ret->n++] = 0;
    for (size_t i = 0; i < ret->n; i++) {
        struct str name = emit_identifier(q->insert_columns[ret->at[i]]->name, e->arena);
        text = text_of(e, "%.*s%s%.*s", STR_FMT(text), i ? "," : "", STR_FMT(name));
        if (!text.p)
            return false;
    }
    *list = text;
    return true;
}

static bool insert_values(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str *ret)
{
    struct buf text;
    bool ok = sequences_count(e, q);
    if (cols->n == 0) {
        *ret = STR(" DEFAULT VALUES");
        return true;
    }
    e->one_row = true;
    buf_init(&text, 16 << 20);
    buf_printf(&text, " VALUES ");
    for (size_t r = 0; ok && r < q->n_insert_rows; r++) {
        buf_printf(&text, "%s(", r ? "," : "");
        for (size_t i = 0; ok && i < cols->n; i++) {
            struct fragment f;
            ok = emit_assigned(e, target_of(q), q->insert_columns[cols->at[i]], q->insert_rows[r][cols->at[i]], &f);
            if (!ok)
                break;
            if (q->n_insert_rows == 1)
                note_written(e, target_of(q), q->insert_columns[cols->at[i]], &f);
            buf_printf(&text, "%s%.*s", i ? "," : "", STR_FMT(f.sql));
        }
        buf_add_char(&text, ')');
    }
    e->one_row = false;
    *ret = !ok || text.failed ? (struct str){ 0 } : arena_str(e->arena, buf_str(&text));
    buf_fini(&text);
    return ok && (ret->p || err_oom(e->err));
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
    if (c->storage != COLUMN_NATURAL && c->storage != COLUMN_NUMBER && c->storage != COLUMN_DATETIME)
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

bool written_columns(struct emitter *e, const struct query *q, const size_t **ret, size_t *ret_n)
{
    struct insert_columns cols;
    struct str list;
    if (!pick_columns(e, q, &cols, &list))
        return false;
    *ret = cols.at;
    *ret_n = cols.n;
    return true;
}

/* Rows that were looked up: the reads of some columns, out of the JSON that is bound. */
static bool looked_up_rows(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str *ret)
{
    const struct looked_up *l = e->shared->looked_up;
    const size_t *all;
    size_t n;
    struct str list = STR("");
    struct fragment bound;
    struct bind b = { .source = BIND_LOOKUP, .index = l->bind, .type = TYPE_OID_text, .typmod = -1 };
    if (!written_columns(e, q, &all, &n) || !emit_bind(e, &b, &bound))
        return false;
    for (size_t i = 0; i < cols->n; i++) {
        size_t at = 0;
        while (at < n && all[at] != cols->at[i])
            at++;
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(l->reads[at]));
    }
    *ret = text_of(e, " SELECT %.*s FROM json_each(%.*s) WHERE true", STR_FMT(list), STR_FMT(bound.sql));
    return ret->p != NULL;
}

/* Rows computed here, without tables: one JSON value, read back row by row. */
static bool insert_computed(struct emitter *e, const struct query *q, const struct insert_columns *cols,
                            struct str *ret)
{
    struct emit_shared *s = e->shared;
    struct str select, list = STR(""), reads = STR("");
    struct select_output out;
    if (!s->prelude) {
        if (!(s->prelude = ARENA_NEW(e->arena, struct emitter)))
            return err_oom(e->err);
        emitter_init(s->prelude, s, TARGET_LOCAL);
    }
    struct emitter *p = s->prelude;
    struct level *l = level_new(p, q);
    if (!l || !emit_select(p, q->insert_select, false, &select, &out))
        return false;
    l->outputs = ARENA_ARRAY(e->arena, struct fragment, out.n + 1);
    if (!l->outputs)
        return err_oom(e->err);
    for (size_t i = 0; i < out.n; i++)
        l->outputs[i] = (struct fragment){ .sql = text_of(e, "c%zu", i), .simple = true, .scale = -1 };
    p->level = l;
    bool ok = true;
    for (size_t i = 0; ok && i < cols->n; i++) {
        struct str element, cell;
        ok = computed_cell(p, e, target_of(q), q->insert_columns[cols->at[i]], q->insert_select_exprs[cols->at[i]], i,
                           &element, &cell);
        if (!ok)
            break;
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(element));
        reads = text_of(e, "%.*s%s%.*s", STR_FMT(reads), i ? "," : "", STR_FMT(cell));
        ok = list.p && reads.p;
    }
    p->level = NULL;
    if (!ok)
        return err_is_set(e->err) ? false : blocked(e, -1, "INSERT of these computed rows");
    struct str column =
        text_of(e, "(SELECT json_group_array(json_array(%.*s)) FROM (%.*s))", STR_FMT(list), STR_FMT(select));
    if (!column.p ||
        !grow(e, (void **)&s->prelude_columns, s->n_prelude, &s->size_prelude, sizeof(*s->prelude_columns)))
        return false;
    s->prelude_columns[s->n_prelude++] = column;
    struct bind b = { .source = BIND_PRELUDE, .index = (int)s->n_prelude - 1, .type = TYPE_OID_text, .typmod = -1 };
    struct fragment bound;
    if (!emit_bind(e, &b, &bound))
        return false;
    *ret = text_of(e, " SELECT %.*s FROM json_each(%.*s) WHERE true", STR_FMT(reads), STR_FMT(bound.sql));
    return ret->p != NULL;
}

static bool insert_from_select(struct emitter *e, const struct query *q, const struct insert_columns *cols,
                               struct str *ret)
{
    struct str select, list = STR(""), alias = unique_name(e, STR("source"));
    struct select_output out;
    struct level *target = e->level, *l = level_new(e, q);
    if (!alias.p || !l)
        return false;
    e->level = NULL;
    bool ok = emit_select(e, q->insert_select, false, &select, &out);
    e->level = target;
    if (!ok)
        return false;
    l->outputs = ARENA_ARRAY(e->arena, struct fragment, out.n + 1);
    if (!l->outputs)
        return err_oom(e->err);
    for (size_t i = 0; i < out.n; i++) {
        l->outputs[i] = out.columns[i];
        l->outputs[i].sql = text_of(e, "%.*s.c%zu", STR_FMT(alias), i);
        l->outputs[i].simple = true;
    }
    e->level = l;
    for (size_t i = 0; ok && i < cols->n; i++) {
        struct fragment f;
        ok = emit_assigned(e, target_of(q), q->insert_columns[cols->at[i]], q->insert_select_exprs[cols->at[i]], &f);
        if (ok)
            list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? ", " : "", STR_FMT(f.sql));
    }
    e->level = target;
    if (!ok || !list.p)
        return false;
    /* Without WHERE, ON CONFLICT would be read as a join condition. */
    *ret = text_of(e, " SELECT %.*s FROM (%.*s) AS %.*s WHERE true", STR_FMT(list), STR_FMT(select), STR_FMT(alias));
    return ret->p != NULL;
}

/* What stands behind INSERT INTO t(…), and the WITH before it. */
static bool insert_source(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str *with,
                          struct str *ret)
{
    *with = STR("");
    if (e->shared->looked_up)
        return looked_up_rows(e, q, cols, ret);
    if (!emit_with(e, q, with))
        return false;
    if (!q->insert_select)
        return insert_values(e, q, cols, ret);
    struct emit_mark mark = emit_mark(e);
    if (insert_from_select(e, q, cols, ret))
        return true;
    if (err_is_set(e->err) || query_has_tables(q->insert_select))
        return false;
    emit_rollback(e, mark);
    return insert_computed(e, q, cols, ret);
}

/* ---- ON CONFLICT ---- */

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
    if (ok && c->target_where && (ok = emit_condition(e, c->target_where, &f)))
        where = text_of(e, " WHERE %.*s", STR_FMT(f.sql));
    e->inline_constants = e->no_guards = false;
    e->level->rtes[q->result_rte].columns = qualified;
    if (!ok)
        return false;
    if (list.n)
        *ret = text_of(e, " (%.*s)%.*s", STR_FMT(list), STR_FMT(where));
    return ret->p != NULL;
}

/* notes: what is assigned is all that is written. */
static bool emit_sets(struct emitter *e, const struct relation *r, const struct assignment *sets, size_t n, bool notes,
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

static bool emit_conflict(struct emitter *e, const struct query *q, struct str *ret)
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
    if (!emit_sets(e, target_of(q), c->sets, c->n_sets, false, &sets) ||
        (c->where && !emit_condition(e, c->where, &where)))
        return false;
    *ret = text_of(e, " ON CONFLICT%.*s DO UPDATE SET %.*s%s%.*s", STR_FMT(target), STR_FMT(sets),
                   where.sql.n ? " WHERE " : "", STR_FMT(where.sql));
    return ret->p != NULL;
}

/* ---- rows beyond D1's parameters ---- */

static bool pure_bind(struct emitter *e, const struct fragment *f, struct bind *ret)
{
    if (str_is(f->sql, "NULL")) {
        *ret = (struct bind){
            .source = BIND_CONSTANT, .index = -1, .typmod = -1, .type = TYPE_OID_text, .constant = value_null()
        };
        return true;
    }
    int64_t v;
    if (str_to_int64(f->sql, &v)) {
        *ret = (struct bind){
            .source = BIND_CONSTANT, .index = -1, .typmod = -1, .type = TYPE_OID_int8, .constant = value_integer(v)
        };
        return true;
    }
    struct str number = { f->sql.p + 1, f->sql.n ? f->sql.n - 1 : 0 };
    if (f->sql.n < 2 || f->sql.p[0] != '?' || !str_to_int64(number, &v) || v < 1 || (size_t)v > e->n_binds)
        return false;
    *ret = e->binds[v - 1];
    return true;
}

static size_t bind_bytes(const struct bind *b)
{
    bool text = b->constant.class == VALUE_TEXT || b->constant.class == VALUE_BLOB;
    return text ? b->constant.bytes.n * (b->constant.class == VALUE_BLOB ? 2 : 1) + 4
                : (b->source == BIND_PARAM ? ASSUMED_PARAM_BYTES : 24);
}

struct json_rows {
    struct bind *binds; /* n_rows x width */
    size_t width, n_rows;
};

/* Every cell as a bind of its own; false without an error when one is an expression. */
static bool collect_rows(struct emitter *e, const struct query *q, const struct insert_columns *cols,
                         struct json_rows *ret)
{
    bool native = e->native, ok = true;
    *ret = (struct json_rows){ .width = cols->n, .n_rows = q->n_insert_rows };
    if (!(ret->binds = ARENA_ARRAY(e->arena, struct bind, ret->width * ret->n_rows)))
        return err_oom(e->err);
    e->native = true; /* bare placeholders */
    e->one_row = true;
    for (size_t r = 0; ok && r < ret->n_rows; r++) {
        for (size_t i = 0; ok && i < cols->n; i++) {
            struct fragment f;
            ok = emit_assigned(e, target_of(q), q->insert_columns[cols->at[i]], q->insert_rows[r][cols->at[i]], &f) &&
                 pure_bind(e, &f, &ret->binds[r * ret->width + i]);
        }
        if (e->n_binds > 4096)
            e->n_binds = 0; /* they were copied; looking for equal ones would only get slower */
    }
    e->native = native;
    e->one_row = false;
    return ok;
}

static struct str json_cell(struct emitter *e, const struct column *c, size_t i)
{
    const struct type_info *t = type_find(base_type(e, c->type));
    struct str cell = text_of(e, "json_extract(value,'$[%zu]')", i);
    if (c->storage != COLUMN_NATURAL || !t)
        return cell;
    if (t->storage == STORAGE_BLOB)
        return text_of(e, "unhex(%.*s)", STR_FMT(cell));
    return t->storage == STORAGE_REAL ? text_of(e, "CAST(%.*s AS REAL)", STR_FMT(cell)) : cell;
}

static bool json_rows_statements(struct emitter *e, const struct query *q, const struct insert_columns *cols,
                                 const struct json_rows *rows, struct str head, struct str tail, struct change *ret)
{
    struct str list = STR("");
    size_t *ends = ARENA_ARRAY(e->arena, size_t, rows->n_rows + 1), n = 0, bytes = 0;
    if (!ends)
        return err_oom(e->err);
    for (size_t i = 0; i < cols->n && list.p; i++) {
        struct str cell = json_cell(e, q->insert_columns[cols->at[i]], i);
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(cell));
    }
    struct str sql =
        text_of(e, "%.*s SELECT %.*s FROM json_each(?1) WHERE true%.*s", STR_FMT(head), STR_FMT(list), STR_FMT(tail));
    for (size_t r = 0; r < rows->n_rows; r++) {
        size_t row = 2;
        for (size_t i = 0; i < rows->width; i++)
            row += bind_bytes(&rows->binds[r * rows->width + i]);
        if (bytes && bytes + row > JSON_ROWS_BYTES) {
            ends[n++] = r;
            bytes = 0;
        }
        bytes += row;
    }
    ends[n++] = rows->n_rows;
    ret->statements = ARENA_ARRAY(e->arena, struct plan_statement, n);
    if (!sql.p || !ret->statements)
        return err_is_set(e->err) ? false : err_oom(e->err);
    for (size_t i = 0, start = 0; i < n; start = ends[i++])
        ret->statements[i] = (struct plan_statement){ .sql = sql,
                                                      .binds = rows->binds + start * rows->width,
                                                      .n_binds = (ends[i] - start) * rows->width,
                                                      .binds_as_json = true,
                                                      .json_row_width = rows->width };
    ret->n_statements = n;
    return true;
}

/* INSERT … SELECT from the JSON rows of ?1 and the defaults of the columns left out. */
bool emit_bulk_insert(const struct relation *relation, const struct column *const *columns, size_t n_columns,
                      struct query *defaults, const struct sql_settings *settings, struct plan *plan, struct err *err)
{
    struct emit_shared s = {
        .plan = plan, .settings = settings, .snapshot = plan->snapshot, .arena = plan->arena, .err = err
    };
    struct emitter e;
    struct str name, list = STR(""), cells = STR("");
    struct fragment rows;
    emitter_init(&e, &s, TARGET_D1);
    struct bind first = {
        .source = BIND_CONSTANT, .index = -1, .type = TYPE_OID_text, .typmod = -1, .constant = value_null()
    };
    if (!enter_target(&e, defaults, &name) || !emit_bind(&e, &first, &rows))
        return false;
    for (size_t i = 0; i < n_columns + defaults->n_insert_columns; i++) {
        bool given = i < n_columns;
        const struct column *c = given ? columns[i] : defaults->insert_columns[i - n_columns];
        struct fragment f = { .sql = given ? json_cell(&e, c, i) : (struct str){ 0 } };
        if (!given && !emit_assigned(&e, relation, c, defaults->insert_rows[0][i - n_columns], &f))
            return refuse_blocked(&e);
        struct str quoted = emit_identifier(c->name, e.arena);
        list = text_of(&e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(quoted));
        cells = text_of(&e, "%.*s%s%.*s", STR_FMT(cells), i ? "," : "", STR_FMT(f.sql));
        if (!quoted.p || !list.p || !cells.p)
            return err_oom(err);
    }
    struct str sql = text_of(&e, "INSERT INTO %.*s(%.*s) SELECT %.*s FROM json_each(%.*s)", STR_FMT(name),
                             STR_FMT(list), STR_FMT(cells), STR_FMT(rows.sql));
    plan->statements = ARENA_NEW(plan->arena, struct plan_statement);
    if (!sql.p || !plan->statements)
        return err_oom(err);
    plan->n_statements = 1;
    /* the rows stay parameter 1 */
    *plan->statements =
        (struct plan_statement){ .sql = sql, .binds = e.binds, .n_binds = e.n_binds, .counts_changes = true };
    return place_prelude(&s);
}

/* ---- RETURNING ---- */

static bool read_upserted(struct emitter *main, const struct query *q, struct change *ret);

/* The list is worked out here, over the columns it needs. */
static bool returning_finished(struct emitter *e, const struct query *q, struct change *ret, struct str *text)
{
    struct str list;
    struct emitter *local = ARENA_NEW(e->arena, struct emitter);
    if (!local)
        return err_oom(e->err);
    emitter_init(local, e->shared, TARGET_LOCAL);
    struct fetch *f = fetch_new(local, q);
    struct level *l = f ? level_new(local, q) : NULL;
    if (!l)
        return false;
    *f->level = *e->level;
    f->d1 = e;
    l->fetch = f;
    l->part = FETCHED_ORDER;
    local->level = l;
    if (!emit_target_list(local, q->returning, q->n_returning, true, &list, &ret->out))
        return false;
    struct str columns = STR("");
    for (size_t i = 0; i < f->n_columns && columns.p; i++)
        columns = text_of(e, "%.*s%s%.*s AS c%zu", STR_FMT(columns), i ? ", " : "", STR_FMT(f->columns[i]), i);
    *text = text_of(e, " RETURNING %.*s", STR_FMT(columns.n ? columns : STR("1 AS c0")));
    ret->local_sql = text_of(e, "SELECT %.*s FROM f{%d} AS %.*s", STR_FMT(list), f->number, STR_FMT(f->alias));
    ret->fetch = f;
    ret->local = local;
    if (e->shared->upserted && !read_upserted(e, q, ret))
        return false;
    return text->p && ret->local_sql.p;
}

static bool emit_returning(struct emitter *e, const struct query *q, struct change *ret, struct str *text)
{
    struct str list;
    *text = STR("");
    if (!q->n_returning || ret->without_rows)
        return true;
    struct emit_mark mark = emit_mark(e);
    e->in_returning = true;
    /* SQLite's subqueries there see the rows changed so far, PostgreSQL's those before the statement. */
    bool ok = !returning_reads_target(q) && emit_target_list(e, q->returning, q->n_returning, true, &list, &ret->out);
    if (ok) {
        e->in_returning = false;
        *text = text_of(e, " RETURNING %.*s", STR_FMT(list));
        return text->p != NULL;
    }
    ok = !err_is_set(e->err) && !ret->must_be_d1;
    if (ok) {
        emit_rollback(e, mark);
        ok = returning_finished(e, q, ret, text);
    }
    e->in_returning = false;
    return ok;
}

/* ---- ON CONFLICT DO UPDATE may not meet a row twice ---- */

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

static bool key_columns(struct emitter *e, const struct query *q, bool **ret)
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
    if (c->target_where)
        expr_walk(c->target_where, look_key, &s);
    *ret = s.is_key;
    return true;
}

/* The columns of the key among those that are written. *ret_done false: it cannot repeat, or is another each time. */
static bool pick_keys(struct emitter *e, const struct query *q, const struct insert_columns *cols,
                      struct insert_columns *ret, struct str *list, bool *ret_done)
{
    bool *is_key;
    *ret = (struct insert_columns){ .at = ARENA_ARRAY(e->arena, size_t, cols->n + 1) };
    *list = STR("");
    *ret_done = true;
    if (!ret->at || !key_columns(e, q, &is_key))
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
static bool print_keys(struct emitter *e, const struct query *q, struct str alias, struct str *ret_where,
                       struct str *ret_list)
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

/* Rows of JSON: the key's cells of every row, in one statement. */
static bool json_keys(struct emitter *e, const struct query *q, const struct insert_columns *keys, struct str *values,
                      struct json_rows *rows)
{
    struct str list = STR("");
    size_t bytes = 0;
    if (!collect_rows(e, q, keys, rows))
        return err_is_set(e->err) ? false : blocked(e, -1, "ON CONFLICT DO UPDATE of this many computed rows");
    e->n_binds = 0;
    for (size_t i = 0; i < rows->n_rows * rows->width; i++)
        bytes += bind_bytes(&rows->binds[i]);
    if (bytes > 2 * JSON_ROWS_BYTES)
        return blocked(e, -1, "ON CONFLICT DO UPDATE of this many rows");
    for (size_t i = 0; i < keys->n && list.p; i++) {
        struct str cell = json_cell(e, q->insert_columns[keys->at[i]], i);
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(cell));
    }
    *values = text_of(e, "SELECT %.*s FROM json_each(?1)", STR_FMT(list));
    return values->p != NULL;
}

/* SQLite would update the row a second time. PostgreSQL fails: a key that comes twice meets the row the first has touched. */
static bool guard_conflict(struct emitter *main, const struct query *q, const struct insert_columns *cols, bool many,
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
                 : emit_raise(e, "21000", STR("ON CONFLICT DO UPDATE command cannot affect row a second time"));
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

/* The columns of the key that ON CONFLICT names, by number of the target's; 0: it names an expression. */
static size_t conflict_columns(const struct query *q, int *ret, size_t max)
{
    const struct on_conflict *c = q->on_conflict;
    size_t n = c->constraint ? c->constraint->n_columns : c->n_targets;
    for (size_t i = 0; i < n && n <= max; i++) {
        if (!c->constraint && c->targets[i]->kind != EXPR_VAR)
            return 0;
        ret[i] = c->constraint ? c->constraint->columns[i] - 1 : c->targets[i]->var.column;
        for (size_t k = 0; k < c->n_sets; k++)
            if (c->sets[k].column == &target_of(q)->columns[ret[i]])
                return 0; /* the row cannot be told by its key any more */
    }
    return n <= max ? n : 0;
}

static struct fetch *rows_before(struct emitter *e, const struct query *q)
{
    struct fetch *f = e->shared->upserted ? e->shared->upserted : fetch_new(e, q);
    const struct rte *target = &q->rtable[q->result_rte];
    if (!f || e->shared->upserted)
        return f;
    e->shared->upserted = f;
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
static bool read_upserted(struct emitter *main, const struct query *q, struct change *ret)
{
    struct fetch *f = main->shared->upserted;
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

/* The guard, then the statements. */
bool change_statements(struct emitter *e, const struct change *c, struct plan_statement **ret, size_t *ret_n)
{
    struct plan_statement *all = ARENA_ARRAY(e->arena, struct plan_statement, c->n_checks + c->n_statements + 2);
    size_t n = 0;
    if (!all)
        return err_oom(e->err);
    for (size_t i = 0; i < c->n_checks; i++)
        all[n++] = c->checks[i];
    if (c->guard.sql.n)
        all[n++] = c->guard;
    if (c->before.sql.n)
        all[n++] = c->before;
    for (size_t i = 0; i < c->n_statements; i++)
        all[n++] = c->statements[i];
    *ret = all;
    *ret_n = n;
    return true;
}

/* ---- statements ---- */

static bool one_statement(struct emitter *e, struct str sql, struct change *ret)
{
    ret->statements = ARENA_NEW(e->arena, struct plan_statement);
    if (!sql.p || !ret->statements)
        return err_is_set(e->err) ? false : err_oom(e->err);
    ret->n_statements = 1;
    return place_statement(e, sql, ret->statements);
}

/* Rows beyond D1's parameters. *ret_done false: they cannot go as JSON. */
static bool insert_many(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str head,
                        struct change *ret, bool *ret_done)
{
    struct json_rows rows;
    struct str conflict, returning;
    struct emit_mark mark = emit_mark(e);
    *ret_done = collect_rows(e, q, cols, &rows);
    if (!*ret_done) {
        emit_rollback(e, mark);
        e->n_binds = 0;
        return !err_is_set(e->err);
    }
    e->n_binds = 0;
    if (!emit_conflict(e, q, &conflict) || !emit_returning(e, q, ret, &returning))
        return false;
    if (e->n_binds)
        return refused(e, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "constants in ON CONFLICT or RETURNING of an INSERT of this many rows are not supported");
    struct str tail = text_of(e, "%.*s%.*s", STR_FMT(conflict), STR_FMT(returning));
    return tail.p && json_rows_statements(e, q, cols, &rows, head, tail, ret);
}

/* One row of values, each worked out by itself: with others like it the statement can be sent as one. */
static bool may_fold(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str before,
                     struct str values)
{
    const struct relation *r = target_of(q);
    if (q->insert_select || q->n_insert_rows != 1 || cols->n == 0 || q->on_conflict || before.n ||
        e->shared->looked_up || r->has_user_triggers || !str_starts(values, STR(" VALUES (")))
        return false;
    for (size_t i = 0; i < cols->n; i++)
        if (!is_constant_expr(q->insert_rows[0][cols->at[i]]))
            return false;
    return true;
}

static bool fold_insert(struct emitter *e, struct str table, struct str columns, struct str values,
                        struct plan_statement *ret)
{
    struct plan_fold *fold = ARENA_NEW(e->arena, struct plan_fold);
    struct str open = STR(" VALUES (");
    if (!fold)
        return err_oom(e->err);
    *fold = (struct plan_fold){ .table = table, .columns = columns };
    fold->cells = (struct str){ values.p + open.n, values.n - open.n - 1 };
    if (!finish_cells(e, &fold->cells, &fold->width, &fold->is_blob))
        return false;
    ret->fold = fold->width && !ret->binds_as_json ? fold : NULL;
    return true;
}

static bool emit_insert(struct emitter *e, const struct query *q, struct change *ret)
{
    struct str name, with, list, values, conflict, returning;
    struct insert_columns cols;
    if (!enter_target(e, q, &name) || !pick_columns(e, q, &cols, &list))
        return false;
    struct str head =
        text_of(e, "INSERT INTO %.*s%s%.*s%s", STR_FMT(name), list.n ? "(" : "", STR_FMT(list), list.n ? ")" : "");
    if (!q->insert_select && cols.n * q->n_insert_rows > e->shared->settings->traits.max_params && cols.n > 0) {
        bool done;
        if (!insert_many(e, q, &cols, head, ret, &done))
            return false;
        if (done)
            return guard_conflict(e, q, &cols, true, ret);
    }
    if (!insert_source(e, q, &cols, &with, &values))
        return false;
    head = text_of(e, "%.*s%.*s", STR_FMT(with), STR_FMT(head));
    if (!emit_conflict(e, q, &conflict) || !emit_returning(e, q, ret, &returning))
        return false;
    if (!guard_conflict(e, q, &cols, false, ret) ||
        !one_statement(
            e, text_of(e, "%.*s%.*s%.*s%.*s", STR_FMT(head), STR_FMT(values), STR_FMT(conflict), STR_FMT(returning)),
            ret))
        return false;
    return !may_fold(e, q, &cols, with, values) || fold_insert(e, name, list, values, ret->statements);
}

/* DELETE: a condition by the keys that were looked up. */
static bool looked_up_keys(struct emitter *e, struct str *ret)
{
    const struct looked_up *l = e->shared->looked_up;
    struct str keys = STR(""), reads = STR("");
    struct fragment bound;
    struct bind b = { .source = BIND_LOOKUP, .index = l->bind, .type = TYPE_OID_text, .typmod = -1 };
    if (!emit_bind(e, &b, &bound))
        return false;
    for (size_t i = 0; i < l->n_keys; i++) {
        keys = text_of(e, "%.*s%s%.*s", STR_FMT(keys), i ? "," : "", STR_FMT(l->keys[i]));
        reads = text_of(e, "%.*s%s%.*s", STR_FMT(reads), i ? "," : "", STR_FMT(l->reads[i]));
    }
    *ret = text_of(e, " WHERE (%.*s) IN (SELECT %.*s FROM json_each(%.*s))", STR_FMT(keys), STR_FMT(reads),
                   STR_FMT(bound.sql));
    return ret->p != NULL;
}

/* UPDATE: the rows as a subquery, k0… the key and c0… the new values, and the condition that finds them. */
static bool looked_up_from(struct emitter *e, struct str alias, struct str *ret, struct str *ret_where)
{
    const struct looked_up *l = e->shared->looked_up;
    struct str list = STR("");
    struct fragment bound;
    struct bind b = { .source = BIND_LOOKUP, .index = l->bind, .type = TYPE_OID_text, .typmod = -1 };
    if (!emit_bind(e, &b, &bound))
        return false;
    *ret_where = STR("");
    for (size_t i = 0; i < l->n; i++) {
        bool is_key = i < l->n_keys;
        list = text_of(e, "%.*s%s%.*s AS %c%zu", STR_FMT(list), i ? ", " : "", STR_FMT(l->reads[i]), is_key ? 'k' : 'c',
                       is_key ? i : i - l->n_keys);
        if (is_key)
            *ret_where = text_of(e, "%.*s%s%.*s = %.*s.k%zu", STR_FMT(*ret_where), i ? " AND " : " WHERE ",
                                 STR_FMT(l->keys[i]), STR_FMT(alias), i);
    }
    *ret = text_of(e, "(SELECT %.*s FROM json_each(%.*s)) AS %.*s", STR_FMT(list), STR_FMT(bound.sql), STR_FMT(alias));
    return ret->p && ret_where->p;
}

static bool write_looked_up(struct emitter *e, const struct query *q, struct str name, struct change *ret)
{
    struct str rows, where, returning, sets = STR("");
    size_t n = 0;
    if (q->command == COMMAND_DELETE)
        return looked_up_keys(e, &where) && emit_returning(e, q, ret, &returning) &&
               one_statement(
                   e, text_of(e, "DELETE FROM %.*s%.*s%.*s", STR_FMT(name), STR_FMT(where), STR_FMT(returning)), ret);
    struct str alias = unique_name(e, STR("changed"));
    if (!alias.p || !looked_up_from(e, alias, &rows, &where) || !emit_returning(e, q, ret, &returning))
        return false;
    for (size_t i = 0; i < q->n_sets; i++) {
        if (q->sets[i].column->generated)
            continue;
        struct str column = emit_identifier(q->sets[i].column->name, e->arena);
        sets = text_of(e, "%.*s%s%.*s = %.*s.c%zu", STR_FMT(sets), n ? ", " : "", STR_FMT(column), STR_FMT(alias), n);
        n++;
    }
    return one_statement(e,
                         text_of(e, "UPDATE %.*s SET %.*s FROM %.*s%.*s%.*s", STR_FMT(name), STR_FMT(sets),
                                 STR_FMT(rows), STR_FMT(where), STR_FMT(returning)),
                         ret);
}

static bool emit_update(struct emitter *e, const struct query *q, struct change *ret)
{
    struct str name, with, sets, from, where, returning;
    if (e->shared->looked_up)
        return enter_target(e, q, &name) && write_looked_up(e, q, name, ret);
    if (!enter_target(e, q, &name) || !emit_with(e, q, &with) || !emit_from(e, q, &from) ||
        !emit_sets(e, target_of(q), q->sets, q->n_sets, true, &sets) || !emit_where(e, q, NULL, 0, &where) ||
        !emit_returning(e, q, ret, &returning))
        return false;
    return one_statement(e,
                         text_of(e, "%.*sUPDATE %.*s SET %.*s%s%.*s%.*s%.*s", STR_FMT(with), STR_FMT(name),
                                 STR_FMT(sets), from.n ? " FROM " : "", STR_FMT(from), STR_FMT(where),
                                 STR_FMT(returning)),
                         ret);
}

static bool emit_delete(struct emitter *e, const struct query *q, struct change *ret)
{
    struct str name, with, from, where, returning;
    if (e->shared->looked_up)
        return enter_target(e, q, &name) && write_looked_up(e, q, name, ret);
    if (!enter_target(e, q, &name) || !emit_with(e, q, &with) || !emit_from(e, q, &from) ||
        !emit_where(e, q, NULL, 0, &where) || !emit_returning(e, q, ret, &returning))
        return false;
    if (from.n)
        where = text_of(e, " WHERE EXISTS (SELECT 1 FROM %.*s%.*s)", STR_FMT(from), STR_FMT(where));
    return one_statement(
        e, text_of(e, "%.*sDELETE FROM %.*s%.*s%.*s", STR_FMT(with), STR_FMT(name), STR_FMT(where), STR_FMT(returning)),
        ret);
}

bool emit_change_statement(struct emitter *e, const struct query *q, struct change *ret)
{
    const struct relation *r = target_of(q);
    if (r->kind == RELATION_VIEW)
        return refused(e, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "changing view %.*s is not supported", STR_FMT(r->name));
    if (e->depth >= EMIT_MAX_DEPTH)
        return refused(e, -1, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    e->depth++;
    bool ok = q->command == COMMAND_MERGE    ? rewrite_merge(e->shared, q, ret)
              : q->command == COMMAND_INSERT ? emit_insert(e, q, ret)
              : q->command == COMMAND_UPDATE ? emit_update(e, q, ret)
                                             : emit_delete(e, q, ret);
    e->depth--;
    if (ok)
        return true;
    if (err_is_set(e->err))
        return false;
    static const char *const names[] = { "", "INSERT", "UPDATE", "DELETE", "MERGE" };
    e->shared->blocked_what = text_of(e, "%s with %.*s", names[q->command], STR_FMT(e->shared->blocked_what));
    return false;
}

/* ---- footprint ---- */

struct relation_set {
    const struct relation **list;
    size_t n, size;
};

static bool set_add(struct emitter *e, struct relation_set *s, const struct relation *r)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i] == r)
            return true;
    if (!grow(e, (void **)&s->list, s->n, &s->size, sizeof(*s->list)))
        return false;
    s->list[s->n++] = r;
    return true;
}

static bool references(const struct constraint *c, const struct relation *r)
{
    return c->kind == 'f' && str_eq(c->foreign_table, r->name) &&
           (c->foreign_schema.n == 0 || str_eq(c->foreign_schema, r->schema));
}

/* Tables that keys and triggers bring in when `r` is written. */
static bool spread_writes(struct emitter *e, const struct relation *r, enum command command,
                          struct relation_set *writes)
{
    const struct snapshot *s = e->shared->snapshot;
    for (size_t i = 0; i < s->n_relations; i++) {
        const struct relation *other = &s->relations[i];
        if (r->has_user_triggers && (other->kind == RELATION_TABLE) && !set_add(e, writes, other))
            return false;
        for (size_t k = 0; k < other->n_constraints; k++) {
            const struct constraint *c = &other->constraints[k];
            if (!references(c, r))
                continue;
            char action = command == COMMAND_DELETE ? c->on_delete : c->on_update;
            if (command == COMMAND_MERGE && action == 'a')
                action = c->on_delete;
            if (command != COMMAND_INSERT) /* a new row has no rows that refer to it */
                add_read(e, other);
            if (command != COMMAND_INSERT && (action == 'c' || action == 'n' || action == 'd') &&
                !set_add(e, writes, other))
                return false;
        }
    }
    for (size_t k = 0; k < r->n_constraints; k++)
        for (size_t i = 0; i < s->n_relations; i++)
            if (references(&r->constraints[k], &s->relations[i]))
                add_read(e, &s->relations[i]);
    return true;
}

bool note_writes(struct emitter *e, const struct query *q)
{
    struct plan *plan = e->shared->plan;
    struct relation_set writes = { .list = plan->writes, .n = plan->n_writes, .size = plan->n_writes };
    size_t first = writes.n;
    bool inserts = q->command == COMMAND_INSERT || q->command == COMMAND_MERGE;
    if (!set_add(e, &writes, target_of(q)) || (inserts && !note_inserted_numbers(e, q)))
        return false;
    for (size_t i = first; i < writes.n; i++)
        if (!spread_writes(e, writes.list[i], q->on_conflict && q->on_conflict->update ? COMMAND_UPDATE : q->command,
                           &writes))
            return false;
    plan->writes = writes.list;
    plan->n_writes = writes.n;
    return true;
}

/* Rows that subqueries in RETURNING need: read before the change, as PostgreSQL's statement sees its tables. */
static bool returning_reads(struct emit_shared *s, struct change *c, struct plan_statement **list, size_t *n)
{
    struct plan_statement *all = ARENA_ARRAY(s->arena, struct plan_statement, s->n_fetches + *n);
    size_t n_all = 0;
    if (!all)
        return err_oom(s->err);
    for (size_t i = 0; i < s->n_fetches; i++) {
        struct fetch *f = s->fetches[i];
        if (f == c->fetch || f == s->upserted || f->changing)
            continue;
        if (s->n_changing)
            return refused(c->local, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "a subquery in RETURNING of a statement that changes data in WITH too is not supported");
        s->input_order[i] = (int)n_all;
        if (!fetch_statement(f, &all[n_all++]))
            return false;
    }
    size_t n_inputs = n_all;
    if (c->before.sql.n) /* it stands before the change in the list */
        s->input_order[s->upserted->number] = (int)n_inputs++;
    s->input_order[c->fetch->number] = (int)n_inputs++;
    s->plan->local->n_inputs = n_inputs;
    memcpy(all + n_all, *list, *n * sizeof(**list));
    *list = all;
    *n += n_all;
    return true;
}

static bool change_local(struct emit_shared *s, struct change *c)
{
    struct plan *plan = s->plan;
    bool as_json;
    plan->local = ARENA_NEW(s->arena, struct plan_local);
    if (!plan->local)
        return err_oom(s->err);
    if (!returning_reads(s, c, &plan->statements, &plan->n_statements))
        return false;
    if (!finish_binds(c->local, 0, &c->local_sql, &plan->local->binds, &plan->local->n_binds, &as_json))
        return false;
    plan->local->sql = c->local_sql;
    plan->local->needs_catalog = s->needs_catalog;
    plan->place = PLACE_D1_THEN_FINISH;
    return true;
}

/* The printed statements into the plan, with what stands around them. */
static bool place_change(struct emit_shared *s, const struct query *q, struct emitter *e, struct change *c)
{
    struct plan *plan = s->plan;
    size_t n_inputs = 0;
    for (size_t i = 0; i < c->n_statements; i++) {
        struct plan_statement *m = &c->statements[i];
        m->role = c->fetch ? STATEMENT_FETCH : STATEMENT_MAIN;
        m->counts_changes = true;
        m->gives_rows = q->n_returning > 0;
        m->n_columns = c->fetch ? (c->fetch->n_columns ? c->fetch->n_columns : 1) : (q->n_returning ? c->out.n : 0);
    }
    if (!change_statements(e, c, &c->statements, &c->n_statements) ||
        !sequences_statements(s, &c->statements, &c->n_statements))
        return false;
    plan->statements = c->statements;
    plan->n_statements = c->n_statements;
    plan->place = PLACE_D1;
    if ((c->fetch && !change_local(s, c)) ||
        (q->n_returning && !describe_columns(e, q->returning, q->n_returning, &c->out)) || !note_writes(e, q))
        return false;
    return changing_with(s, q, &n_inputs);
}

bool emit_change(struct emit_shared *s, struct query *q)
{
    struct emitter e;
    struct change c = { 0 };
    emitter_init(&e, s, TARGET_D1);
    s->plan->access = D1_WRITE;
    s->uses = &s->main_uses;
    struct emit_mark mark = emit_mark(&e);
    if (!emit_change_statement(&e, q, &c)) {
        if (err_is_set(s->err))
            return false;
        emit_rollback(&e, mark);
        if (q->command != COMMAND_MERGE && rewrite_lookup(s, q, &c))
            return place_change(s, q, &e, &c);
        if (err_is_set(s->err))
            return false;
        refuse_blocked(&e);
        return err_hint(s->err, "D1 cannot compute it. Read first and write the computed values.");
    }
    return place_change(s, q, &e, &c);
}
