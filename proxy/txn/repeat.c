/* repeat.c - see repeat.h. */
#include "proxy/txn/repeat.h"

/* ---- keeping ---- */

static size_t size_of(const struct capture *c)
{
    size_t bytes = c->statement.sql.n + c->n_bytes + c->n_rows * sizeof(*c->rows);
    for (size_t i = 0; i < c->statement.n_params; i++) {
        const struct value *v = &c->statement.params[i];
        bytes += sizeof(*v) + (v->class == VALUE_TEXT || v->class == VALUE_BLOB ? v->bytes.n : 0);
    }
    return bytes;
}

static bool copy_read(const struct capture *c, struct arena *arena, struct repeat_read *to)
{
    const struct d1_statement *from = &c->statement;
    struct value *params = ARENA_ARRAY(arena, struct value, from->n_params);
    *to = (struct repeat_read){ .statement = { .sql = arena_str(arena, from->sql), .n_params = from->n_params },
                                .n_columns = c->n_columns,
                                .rows = ARENA_ARRAY(arena, struct str, c->n_rows),
                                .n_rows = c->n_rows };
    bool ok = params && to->statement.sql.p && to->rows;
    for (size_t i = 0; ok && i < from->n_params; i++) {
        params[i] = from->params[i];
        if (params[i].class == VALUE_TEXT || params[i].class == VALUE_BLOB) {
            params[i].bytes = arena_str(arena, params[i].bytes);
            ok = params[i].bytes.p != NULL;
        }
    }
    to->statement.params = params;
    for (size_t i = 0; ok && i < c->n_rows; i++) {
        to->rows[i] = arena_str(arena, c->rows[i]);
        ok = to->rows[i].p != NULL;
    }
    return ok;
}

void repeat_keep(struct buffer *b, const struct plan *plan, const struct capture *captures, size_t n)
{
    size_t bytes = 0;
    if (plan->access != D1_READ || plan->is_raw || plan->volatile_values || plan->n_reads == 0 || b->last->touches_all)
        return;
    for (size_t i = 0; i < n; i++) {
        if (captures[i].kind != CAPTURE_SELECT)
            return;
        bytes += size_of(&captures[i]);
    }
    if (bytes > b->max_kept || b->n_kept > b->max_kept - bytes)
        return;
    struct repeat *kept = ARENA_NEW(b->arena, struct repeat);
    struct repeat_read *reads = ARENA_ARRAY(b->arena, struct repeat_read, n);
    bool ok = kept && reads;
    b->n_kept += bytes;
    for (size_t i = 0; ok && i < n; i++)
        ok = copy_read(&captures[i], b->arena, &reads[i]);
    if (!ok)
        return;
    *kept = (struct repeat){ reads, n };
    b->last->repeat = kept;
}

/* ---- finding ---- */

static bool same_statement(const struct d1_statement *a, const struct d1_statement *b)
{
    if (a->n_params != b->n_params || !str_eq(a->sql, b->sql))
        return false;
    for (size_t i = 0; i < a->n_params; i++)
        if (!value_same(&a->params[i], &b->params[i]))
            return false;
    return true;
}

static bool is_same(const struct repeat *kept, const struct d1_statement *statements, size_t n)
{
    if (!kept || kept->n_reads != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!same_statement(&kept->reads[i].statement, &statements[i]))
            return false;
    return true;
}

const struct repeat *repeat_find(const struct buffer *b, const struct plan *plan, const struct d1_statement *statements,
                                 size_t n)
{
    const struct repeat *found = NULL;
    if (b->n_kept == 0 || plan->access != D1_READ || plan->locks_rows)
        return NULL;
    for (const struct buffer_entry *e = b->first; e; e = e->next) {
        if (e->is_write && found && buffer_entry_reaches(e, plan))
            found = NULL;
        else if (is_same(e->repeat, statements, n))
            found = e->repeat;
    }
    return found;
}
