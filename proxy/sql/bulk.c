/* bulk.c - see bulk.h. */
#include "proxy/sql/bulk.h"

#include "proxy/base/fault.h"
#include "proxy/catalog/null_violation.h"
#include "proxy/sql/analyze.h"
#include "proxy/sql/bind.h"
#include "proxy/sql/emit.h"

enum { ROW_BYTES_MAX = 2000000, BULK_BYTES_MAX = 1 << 30 };

struct bulk_target {
    const struct relation *relation;
    const struct column **columns;
    oid_t *types; /* base types */
    int32_t *typmods;
    size_t n_columns;
    struct plan *plan; /* one statement; its first bind is the rows */
};

struct bulk {
    const struct bulk_target *target;
    struct buf text;                 /* chunks, each a JSON array */
    size_t *ends, n_ends, size_ends; /* where the finished ones end */
    size_t rows;
};

/* ---- the statement ---- */

static bool find_column(const struct column *const *columns, size_t n, const struct column *c)
{
    for (size_t i = 0; i < n; i++)
        if (columns[i] == c)
            return true;
    return false;
}

/* The analyzed INSERT that would fill the columns left out: one row of their defaults. */
static bool default_row(const struct relation *r, const struct column *const *columns, size_t n,
                        const struct sql_settings *settings, const struct snapshot *snapshot, struct arena *arena,
                        struct query **ret, struct err *err)
{
    struct analyze_context a = { .snapshot = snapshot, .settings = settings, .arena = arena, .err = err };
    struct query *q = ARENA_NEW(arena, struct query);
    struct rte *rte = ARENA_NEW(arena, struct rte);
    const struct column **left = ARENA_ARRAY(arena, const struct column *, r->n_columns);
    struct expr ***rows = ARENA_NEW(arena, struct expr **), **row = ARENA_ARRAY(arena, struct expr *, r->n_columns);
    if (!q || !rte || !left || !rows || !row)
        return err_oom(err);
    size_t at = 0;
    for (size_t i = 0; i < r->n_columns; i++) {
        const struct column *c = &r->columns[i];
        if (find_column(columns, n, c) || c->default_is_foreign || (c->sequence.n && c->sequence_is_rowid) ||
            c->is_rowid)
            continue;
        if (!analyze_default(&a, c, &row[at]))
            return false;
        if (row[at])
            left[at++] = c;
        else if (c->takes_null)
            return null_violation(snapshot, r, c, err);
    }
    *rows = row;
    *rte = (struct rte){ .kind = RTE_RELATION, .alias = r->name, .relation = r };
    *q = (struct query){ .command = COMMAND_INSERT,
                         .rtable = rte,
                         .n_rtable = 1,
                         .insert_columns = left,
                         .n_insert_columns = at,
                         .insert_rows = rows,
                         .n_insert_rows = 1 };
    *ret = q;
    return true;
}

bool bulk_target_new(const struct relation *relation, const struct column *const *columns, size_t n_columns,
                     const struct sql_settings *settings, const struct snapshot *snapshot, struct arena *arena,
                     struct bulk_target **ret, struct err *err)
{
    struct bulk_target *t = ARENA_NEW(arena, struct bulk_target);
    struct query *defaults;
    if (!t)
        return err_oom(err);
    *t = (struct bulk_target){ .relation = relation,
                               .n_columns = n_columns,
                               .columns = ARENA_ARRAY(arena, const struct column *, n_columns),
                               .types = ARENA_ARRAY(arena, oid_t, n_columns),
                               .typmods = ARENA_ARRAY(arena, int32_t, n_columns),
                               .plan = ARENA_NEW(arena, struct plan) };
    if (!t->columns || !t->types || !t->typmods || !t->plan)
        return err_oom(err);
    for (size_t i = 0; i < n_columns; i++) {
        t->columns[i] = columns[i];
        t->typmods[i] = columns[i]->typmod;
        t->types[i] = snapshot_base_type(snapshot, columns[i]->type, &t->typmods[i]);
    }
    *t->plan = (struct plan){ .references = 1, .arena = arena, .snapshot = snapshot };
    if (!default_row(relation, columns, n_columns, settings, snapshot, arena, &defaults, err) ||
        !emit_bulk_insert(relation, columns, n_columns, defaults, settings, t->plan, err))
        return false;
    *ret = t;
    return true;
}

/* ---- rows ---- */

struct bulk *bulk_new(const struct bulk_target *target)
{
    struct bulk *b = fault_calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    b->target = target;
    buf_init(&b->text, BULK_BYTES_MAX);
    return b;
}

void bulk_free(struct bulk *b)
{
    if (!b)
        return;
    buf_fini(&b->text);
    free(b->ends);
    free(b);
}

void bulk_reset(struct bulk *b)
{
    buf_reset(&b->text);
    b->n_ends = 0;
    b->rows = 0;
}

static size_t chunk_start(const struct bulk *b)
{
    return b->n_ends ? b->ends[b->n_ends - 1] : 0;
}

static bool end_chunk(struct bulk *b, struct err *err)
{
    if (b->n_ends == b->size_ends) {
        size_t size = b->size_ends ? b->size_ends * 2 : 16;
        size_t *p = fault_realloc(b->ends, size * sizeof(*p));
        if (!p)
            return err_oom(err);
        b->ends = p;
        b->size_ends = size;
    }
    buf_add_char(&b->text, ']');
    b->ends[b->n_ends++] = b->text.n;
    return true;
}

static bool encode_row(const struct bulk *b, const struct value *values, struct arena *scratch, struct buf *out,
                       struct err *err)
{
    const struct bulk_target *t = b->target;
    buf_add_char(out, '[');
    for (size_t i = 0; i < t->n_columns; i++) {
        struct value v = values[i];
        if (!column_cell_value(t->plan->snapshot, t->relation, t->columns[i], t->types[i], t->typmods[i], scratch, &v,
                               err)) {
            err->table = t->relation->name;
            err->column = t->columns[i]->name;
            return false;
        }
        if (i)
            buf_add_char(out, ',');
        if (!bind_json_value(out, &v, scratch, err))
            return false;
    }
    buf_add_char(out, ']');
    return true;
}

bool bulk_add_row(struct bulk *b, const struct value *values, struct arena *scratch, struct err *err)
{
    struct buf row;
    buf_init(&row, ROW_BYTES_MAX + 4096);
    bool ok = encode_row(b, values, scratch, &row, err);
    if (ok && (row.failed || row.n > ROW_BYTES_MAX))
        ok = err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a row exceeds D1's limit of %d bytes", ROW_BYTES_MAX);
    bool open = b->text.n > chunk_start(b);
    if (ok && open && b->text.n - chunk_start(b) + row.n > BULK_CHUNK_BYTES) {
        ok = end_chunk(b, err);
        open = false;
    }
    if (ok) {
        buf_add_char(&b->text, open ? ',' : '[');
        buf_add_str(&b->text, buf_str(&row));
        ok = !b->text.failed || err_oom(err);
        b->rows++;
    }
    buf_fini(&row);
    return ok;
}

size_t bulk_rows(const struct bulk *b)
{
    return b->rows;
}

size_t bulk_bytes(const struct bulk *b)
{
    return b->text.n;
}

size_t bulk_n_statements(const struct bulk *b)
{
    return b->n_ends + (b->text.n > chunk_start(b));
}

bool bulk_statements(const struct bulk *b, const struct bind_input *input, struct arena *arena,
                     struct d1_statement **ret, size_t *ret_n, struct err *err)
{
    size_t n = bulk_n_statements(b), start = 0;
    struct d1_statement *bound, *list = ARENA_ARRAY(arena, struct d1_statement, n);
    bool again;
    if (!list)
        return err_oom(err);
    if (n && !plan_bind(b->target->plan, input, arena, &bound, &again, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t end = i < b->n_ends ? b->ends[i] : b->text.n;
        struct value *params = ARENA_ARRAY(arena, struct value, bound[0].n_params);
        if (!params)
            return err_oom(err);
        memcpy(params, bound[0].params, bound[0].n_params * sizeof(*params));
        struct str text = { b->text.p + start, end - start };
        if (i == b->n_ends) { /* the open chunk has no bracket yet */
            struct str closed = arena_printf(arena, "%.*s]", STR_FMT(text));
            if (!closed.p)
                return err_oom(err);
            text = closed;
        }
        params[0] = value_text(text);
        list[i] = (struct d1_statement){
            .sql = bound[0].sql, .params = params, .n_params = bound[0].n_params, .wants_changes = true
        };
        start = end;
    }
    *ret = list;
    *ret_n = n;
    return true;
}
