/* buffer.c - see buffer.h. */
#include "proxy/txn/buffer.h"

void buffer_fini(struct buffer *b)
{
    arena_free(b->arena);
    *b = (struct buffer){ 0 };
}

static bool copy_value(struct buffer *b, struct value *v)
{
    if (v->class != VALUE_TEXT && v->class != VALUE_BLOB)
        return true;
    b->n_bytes += v->bytes.n;
    v->bytes = arena_str(b->arena, v->bytes);
    return v->bytes.p != NULL;
}

static bool copy_statement(struct buffer *b, const struct d1_statement *from, struct d1_statement *to)
{
    struct value *params = ARENA_ARRAY(b->arena, struct value, from->n_params);
    bool ok = params != NULL;
    *to = *from;
    to->sql = arena_str(b->arena, from->sql);
    to->params = params;
    to->wants_changes = false;
    b->n_bytes += from->sql.n;
    for (size_t i = 0; ok && i < from->n_params; i++) {
        params[i] = from->params[i];
        ok = copy_value(b, &params[i]);
    }
    return ok && to->sql.p;
}

static bool copy_written(struct buffer *b, const struct plan *plan, struct buffer_entry *e)
{
    e->written = ARENA_ARRAY(b->arena, struct str, plan->n_writes);
    for (size_t i = 0; e->written && i < plan->n_writes; i++) {
        e->written[i] = arena_str(b->arena, plan->writes[i]->sqlite_name);
        if (!e->written[i].p)
            return false;
    }
    e->n_written = plan->n_writes;
    return e->written != NULL;
}

static struct buffer_entry *copy_entry(struct buffer *b, const struct plan *plan, const struct d1_statement *statements,
                                       size_t n)
{
    struct buffer_entry *e = ARENA_NEW(b->arena, struct buffer_entry);
    bool ok = e && copy_written(b, plan, e);
    if (ok) {
        e->statements = ARENA_ARRAY(b->arena, struct d1_statement, n);
        e->n_statements = n;
        ok = e->statements != NULL;
    }
    for (size_t i = 0; ok && i < n; i++)
        ok = copy_statement(b, &statements[i], &e->statements[i]);
    return ok ? e : NULL;
}

static bool too_large(struct err *err)
{
    err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the transaction has more than %d statements or %d bytes",
            BUFFER_MAX_STATEMENTS, BUFFER_MAX_BYTES);
    return err_hint(err, "Commit in smaller parts: the whole transaction is sent to D1 as one batch.");
}

bool buffer_add(struct buffer *b, uint32_t position, const struct plan *plan, const struct d1_statement *statements,
                size_t n, struct err *err)
{
    if (!b->arena)
        b->arena = arena_new((size_t)4 * BUFFER_MAX_BYTES);
    size_t bytes = b->n_bytes;
    struct buffer_entry *e = b->arena ? copy_entry(b, plan, statements, n) : NULL;
    bool fits = b->n_statements + n <= BUFFER_MAX_STATEMENTS && b->n_bytes <= BUFFER_MAX_BYTES;
    if (!e || !fits) {
        b->n_bytes = bytes;
        return fits ? err_oom(err) : too_large(err);
    }
    e->position = position;
    e->is_write = plan->access == D1_WRITE;
    if (b->last)
        b->last->next = e;
    else
        b->first = e;
    b->last = e;
    b->n_statements += n;
    b->n_writes += e->is_write;
    return true;
}

bool buffer_add_ddl(struct buffer *b, const struct d1_statement *statements, size_t n, struct err *err)
{
    struct d1_statement *ddl = ARENA_ARRAY(b->arena, struct d1_statement, n);
    bool ok = ddl != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = copy_statement(b, &statements[i], &ddl[i]);
    if (!ok)
        return err_oom(err);
    b->last->ddl = ddl;
    b->last->n_ddl = n;
    b->n_ddl++;
    return true;
}

bool buffer_mentions(const struct buffer *b, struct str what)
{
    for (const struct buffer_entry *e = b->first; e; e = e->next)
        for (size_t i = 0; i < e->n_statements; i++)
            if (str_find(e->statements[i].sql, what) >= 0)
                return true;
    return false;
}

void buffer_cut(struct buffer *b, uint32_t position)
{
    struct buffer_entry **at = &b->first;
    b->last = NULL;
    while (*at && (*at)->position <= position) {
        b->last = *at;
        at = &b->last->next;
    }
    for (struct buffer_entry *e = *at; e; e = e->next) {
        b->n_statements -= e->n_statements;
        b->n_writes -= e->is_write;
        b->n_ddl -= e->ddl != NULL;
    }
    *at = NULL;
    if (!b->first)
        buffer_fini(b);
}

bool buffer_writes(const struct buffer *b, struct str table)
{
    for (const struct buffer_entry *e = b->first; e; e = e->next)
        for (size_t i = 0; i < e->n_written; i++)
            if (str_eq(e->written[i], table))
                return true;
    return false;
}

/* A write without a stated table (a sequence) may be anywhere. */
static bool writes_somewhere(const struct buffer *b)
{
    for (const struct buffer_entry *e = b->first; e; e = e->next)
        if (e->is_write && e->n_written == 0)
            return true;
    return false;
}

bool buffer_reaches(const struct buffer *b, const struct plan *plan)
{
    if (b->n_writes == 0)
        return false;
    if (plan->n_reads + plan->n_writes == 0 || writes_somewhere(b))
        return true;
    for (size_t i = 0; i < plan->n_reads; i++)
        if (buffer_writes(b, plan->reads[i]->sqlite_name))
            return true;
    for (size_t i = 0; i < plan->n_writes; i++)
        if (buffer_writes(b, plan->writes[i]->sqlite_name))
            return true;
    return false;
}

void buffer_statements(const struct buffer *b, struct d1_statement *to)
{
    for (const struct buffer_entry *e = b->first; e; e = e->next) {
        memcpy(to, e->statements, e->n_statements * sizeof(*to));
        to += e->n_statements;
    }
}
