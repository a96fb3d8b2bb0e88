/* emit_insert_json.c - INSERT of rows beyond D1's parameters: they travel as JSON, and COPY's too; see change_private.h. */
#include "proxy/sql/change_private.h"

enum { JSON_ROWS_BYTES = 1000000, ASSUMED_PARAM_BYTES = 100 };

static size_t bind_bytes(const struct bind *b)
{
    bool text = b->constant.class == VALUE_TEXT || b->constant.class == VALUE_BLOB;
    return text ? b->constant.bytes.n * (b->constant.class == VALUE_BLOB ? 2 : 1) + 4
                : (b->source == BIND_PARAM ? ASSUMED_PARAM_BYTES : 24);
}

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
                 emit_pure_bind(e, &f, &ret->binds[r * ret->width + i]);
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

/* Rows of JSON: the key's cells of every row, in one statement. */
bool json_keys(struct emitter *e, const struct query *q, const struct insert_columns *keys, struct str *values,
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

/* Rows beyond D1's parameters. *ret_done false: they cannot go as JSON. */
bool insert_many(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str head,
                 struct str alias, struct change *ret, bool *ret_done)
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
    if (!emit_conflict(e, q, alias, &conflict) || !emit_returning(e, q, ret, &returning))
        return false;
    if (e->n_binds)
        return refused(e, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "constants in ON CONFLICT or RETURNING of an INSERT of this many rows are not supported");
    struct str tail = text_of(e, "%.*s%.*s", STR_FMT(conflict), STR_FMT(returning));
    return tail.p && json_rows_statements(e, q, cols, &rows, head, tail, ret);
}
