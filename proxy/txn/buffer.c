/* buffer.c - see buffer.h. */
#include "proxy/txn/buffer.h"

#include "proxy/txn/visible.h"

void buffer_fini(struct buffer *b)
{
    arena_free(b->arena);
    *b = (struct buffer){ 0 };
}

static bool copy_value(struct buffer *b, const struct value *from, struct value *to)
{
    if (from->class == VALUE_TEXT || from->class == VALUE_BLOB)
        b->n_bytes += from->bytes.n;
    return value_keep(from, b->arena, to);
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
    for (size_t i = 0; ok && i < from->n_params; i++)
        ok = copy_value(b, &from->params[i], &params[i]);
    return ok && to->sql.p;
}

static bool copy_names(struct buffer *b, const struct relation *const *relations, size_t n, struct str **ret)
{
    *ret = ARENA_ARRAY(b->arena, struct str, n);
    for (size_t i = 0; *ret && i < n; i++) {
        (*ret)[i] = arena_str(b->arena, relations[i]->sqlite_name);
        if (!(*ret)[i].p)
            return false;
    }
    return *ret != NULL;
}

/* Sequences are no tables of the plan's footprint. */
static bool touches_all(const struct plan *plan, const struct d1_statement *statements, size_t n)
{
    if (plan->kind == PLAN_DDL || (plan->access == D1_WRITE && plan->n_writes == 0))
        return true;
    for (size_t i = 0; i < n; i++)
        if (str_find(statements[i].sql, STR("_pgd1_sequence")) >= 0 ||
            str_find(statements[i].sql, STR("sqlite_sequence")) >= 0)
            return true;
    return false;
}

static bool copy_footprint(struct buffer *b, const struct plan *plan, struct buffer_entry *e)
{
    e->n_written = plan->n_writes;
    e->n_read = plan->n_reads;
    return copy_names(b, plan->writes, plan->n_writes, &e->written) &&
           copy_names(b, plan->reads, plan->n_reads, &e->read);
}

static struct buffer_entry *copy_entry(struct buffer *b, const struct plan *plan, const struct d1_statement *statements,
                                       size_t n)
{
    struct buffer_entry *e = ARENA_NEW(b->arena, struct buffer_entry);
    bool ok = e && copy_footprint(b, plan, e);
    if (ok) {
        e->touches_all = touches_all(plan, statements, n);
        e->statements = ARENA_ARRAY(b->arena, struct d1_statement, n);
        e->n_statements = n;
        ok = e->statements != NULL;
    }
    for (size_t i = 0; ok && i < n; i++)
        ok = copy_statement(b, &statements[i], &e->statements[i]);
    return ok ? e : NULL;
}

static size_t max_entries(const struct buffer *b)
{
    return b->max_entries ? b->max_entries : BUFFER_MAX_ENTRIES;
}

static bool too_many(const struct buffer *b, struct err *err)
{
    err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the transaction has more than %zu statements", max_entries(b));
    return err_hint(err,
                    "Commit in smaller parts: D1 gets the whole transaction as one batch, and gives it 30 seconds. The "
                    "limit is pgd1.max_transaction_statements.");
}

static bool too_large(struct err *err)
{
    err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the transaction has more than %d statements for D1 or %d bytes",
            BUFFER_MAX_STATEMENTS, BUFFER_MAX_BYTES);
    return err_hint(err,
                    "Commit in smaller parts: D1 gets the whole transaction as one batch, and gives it 30 seconds.");
}

bool buffer_add(struct buffer *b, uint32_t position, const struct plan *plan, const struct d1_statement *statements,
                size_t n, struct err *err)
{
    if (!b->arena)
        b->arena = arena_new((size_t)4 * BUFFER_MAX_BYTES);
    size_t bytes = b->n_bytes;
    if (b->n_entries >= max_entries(b))
        return too_many(b, err);
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
    b->n_entries++;
    b->n_writes += e->is_write;
    return true;
}

static bool keep_text(struct buffer *b, struct str *text)
{
    if (!text->p)
        return true;
    b->n_bytes += text->n;
    *text = arena_str(b->arena, *text);
    return text->p != NULL;
}

/* Entries of one kind share their texts. */
static bool share_text(struct buffer *b, struct str *text, struct str before)
{
    if (before.p && str_eq(*text, before)) {
        *text = before;
        return true;
    }
    return keep_text(b, text);
}

bool buffer_add_fold(struct buffer *b, const struct fold *fold, struct err *err)
{
    struct fold *to = &b->last->fold, before = b->newest_fold;
    *to = *fold;
    if (!fold->sql.n)
        return true;
    if (!share_text(b, &to->sql, before.sql) || !share_text(b, &to->check, before.check) || !keep_text(b, &to->row) ||
        !keep_text(b, &to->shown)) {
        *to = (struct fold){ 0 };
        return err_oom(err);
    }
    b->newest_fold = *to;
    b->n_statements -= b->last->n_statements;
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

bool buffer_set_tables(struct buffer *b, const struct str *tables, size_t n, struct err *err)
{
    struct buffer_entry *e = b->last;
    struct str *names = ARENA_ARRAY(b->arena, struct str, n);
    if (!names)
        return err_oom(err);
    for (size_t i = 0; i < n; i++) {
        names[i] = arena_str(b->arena, tables[i]);
        if (!names[i].p)
            return err_oom(err);
    }
    e->written = names;
    e->n_written = n;
    e->touches_all = false;
    return true;
}

bool buffer_set_use(struct buffer *b, const struct row_use *use, struct err *err)
{
    struct row_use *to = &b->last->use;
    *to = *use;
    if (!use->keys)
        return true;
    struct row_keys *keys = ARENA_NEW(b->arena, struct row_keys);
    to->keys = keys;
    if (!keys)
        return err_oom(err);
    *keys = *use->keys;
    keys->list = ARENA_ARRAY(b->arena, struct row_key, keys->n);
    if (!keys->list) {
        to->keys = NULL;
        return err_oom(err);
    }
    if (keys->n)
        memcpy(keys->list, use->keys->list, keys->n * sizeof(*keys->list));
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

static void forget(struct buffer *b, const struct buffer_entry *e)
{
    b->n_statements -= e->fold.sql.n ? 0 : e->n_statements;
    b->n_entries--;
    b->n_writes -= e->is_write;
    b->n_ddl -= e->ddl != NULL;
}

/* Whether a write from `from` on stands before the read and reaches it. */
static bool saw_write(const struct buffer_entry *from, const struct buffer_entry *read)
{
    for (const struct buffer_entry *e = from; e != read; e = e->next) {
        if (!e->is_write)
            continue;
        if (e->touches_all || read->touches_all)
            return true;
        for (size_t i = 0; i < e->n_written; i++)
            for (size_t k = 0; k < read->n_read; k++)
                if (str_eq(e->written[i], read->read[k]))
                    return true;
    }
    return false;
}

static void drop_behind(struct buffer *b, struct buffer_entry **at, bool keeps_reads)
{
    struct buffer_entry *from = *at, *next, *kept = NULL, **end = &kept;
    for (struct buffer_entry *e = from; e && keeps_reads; e = e->next)
        e->is_chosen = !e->is_write && !saw_write(from, e);
    for (struct buffer_entry *e = from; e; e = next) {
        next = e->next;
        if (!keeps_reads || !e->is_chosen) {
            forget(b, e);
            continue;
        }
        e->next = NULL;
        *end = b->last = e;
        end = &e->next;
    }
    *at = kept;
}

void buffer_cut(struct buffer *b, uint32_t position, bool keeps_reads)
{
    struct buffer_entry **at = &b->first;
    b->last = NULL;
    while (*at && (*at)->position <= position) {
        b->last = *at;
        at = &b->last->next;
    }
    drop_behind(b, at, keeps_reads);
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

static bool touches_any(const struct buffer *b)
{
    for (const struct buffer_entry *e = b->first; e; e = e->next)
        if (e->touches_all)
            return true;
    return false;
}

bool buffer_entry_reaches(const struct buffer_entry *e, const struct plan *plan)
{
    if (e->touches_all || plan->n_reads + plan->n_writes == 0)
        return true;
    for (size_t i = 0; i < e->n_written; i++) {
        for (size_t k = 0; k < plan->n_reads; k++)
            if (str_eq(e->written[i], plan->reads[k]->sqlite_name))
                return true;
        for (size_t k = 0; k < plan->n_writes; k++)
            if (str_eq(e->written[i], plan->writes[k]->sqlite_name))
                return true;
    }
    return false;
}

bool buffer_reaches(const struct buffer *b, const struct plan *plan)
{
    if (b->n_writes == 0)
        return false;
    if (plan->n_reads + plan->n_writes == 0 || touches_any(b))
        return true;
    for (size_t i = 0; i < plan->n_reads; i++)
        if (buffer_writes(b, plan->reads[i]->sqlite_name))
            return true;
    for (size_t i = 0; i < plan->n_writes; i++)
        if (buffer_writes(b, plan->writes[i]->sqlite_name))
            return true;
    return false;
}

bool buffer_members(struct buffer *b, const struct visible *visible, struct arena *arena, struct d1_statement **ret,
                    size_t *ret_n)
{
    *ret_n = 0;
    *ret = NULL;
    visible_choose(b, visible);
    return !b->first || fold_entries(b, arena, ret, ret_n);
}
