/* fold.c - see fold.h. */
#include "proxy/txn/fold.h"

#include <math.h>
#include "proxy/base/buf.h"
#include "proxy/sql/bind.h"
#include "proxy/txn/buffer.h"
#include "proxy/txn/capture.h"

/* Digits of these are read exactly by every SQLite that D1 has run (facts: text to real). -0 would not be bound as -0. */
static bool is_exact_as_text(double v)
{
    double size = fabs(v);
    return v == 0 ? !signbit(v) : size >= 1e-10 && size <= 1e10;
}

static bool may_travel(const struct value *v, bool is_blob)
{
    switch (v->class) {
    case VALUE_NULL:
        return true;
    case VALUE_INTEGER:
    case VALUE_TEXT:
        return !is_blob;
    case VALUE_REAL:
        return !is_blob && is_exact_as_text(v->real);
    case VALUE_BLOB:
        return is_blob;
    }
    return false;
}

struct str fold_row(const struct plan_fold *form, const struct d1_statement *statement, struct str more,
                    struct arena *arena)
{
    struct buf out;
    struct err err;
    struct str row = { 0 };
    err_init(&err, arena);
    buf_init(&out, FOLD_ROW_BYTES);
    buf_add_char(&out, '[');
    bool ok = statement->n_params >= form->width;
    for (size_t i = 0; ok && i < form->width; i++) {
        const struct value *v = &statement->params[i];
        if (i)
            buf_add_char(&out, ',');
        ok = may_travel(v, form->is_blob[i]) && bind_json_value(&out, v, arena, &err);
    }
    if (more.n) {
        buf_add_char(&out, ',');
        buf_add_str(&out, more);
    }
    buf_add_char(&out, ']');
    if (ok && !out.failed)
        row = arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return row;
}

/* ---- runs ---- */

/* Entries that become one member with its checks, or one entry as it is. */
struct run {
    struct buffer_entry *first, *last;
    size_t n, row_bytes, shown_bytes;
};

enum { LOOK_BACK = 64 }; /* runs; so that a long buffer of many kinds stays linear */

static bool is_among(struct str name, const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

static bool share(const struct str *a, size_t n_a, const struct str *b, size_t n_b)
{
    for (size_t i = 0; i < n_a; i++)
        if (is_among(a[i], b, n_b))
            return true;
    return false;
}

/* Whether it matters that `e` comes behind `other`. Of an INSERT of values, what it reads are keys: a row more is no hindrance. */
static bool minds(const struct buffer_entry *e, const struct buffer_entry *other)
{
    return other->touches_all || share(e->written, e->n_written, other->written, other->n_written) ||
           share(e->read, e->n_read, other->written, other->n_written) ||
           (!other->fold.sql.n && share(e->written, e->n_written, other->read, other->n_read));
}

static bool fits(const struct run *run, const struct buffer_entry *e)
{
    const struct fold *a = &run->first->fold, *b = &e->fold;
    return str_eq(a->sql, b->sql) && str_eq(a->check, b->check) &&
           run->row_bytes + b->row.n + run->n < FOLD_MEMBER_BYTES &&
           run->shown_bytes + b->shown.n + run->n < FOLD_MEMBER_BYTES;
}

/* The run that an entry may join; NULL: it begins one. */
static struct run *run_for(struct run *runs, size_t n, const struct buffer_entry *e)
{
    if (!e->fold.sql.n || e->touches_all)
        return NULL;
    for (size_t back = 1; back <= n && back <= LOOK_BACK; back++) {
        struct run *run = &runs[n - back];
        if (fits(run, e))
            return run;
        if (minds(e, run->first))
            return NULL;
    }
    return NULL;
}

static void join(struct run *run, struct buffer_entry *e)
{
    e->next_in_run = NULL;
    if (run->last)
        run->last->next_in_run = e;
    else
        run->first = e;
    run->last = e;
    run->n++;
    run->row_bytes += e->fold.row.n;
    run->shown_bytes += e->fold.shown.n;
}

/* ---- members ---- */

/* A JSON array of all rows, or of all that was shown, as the one parameter. */
static const struct value *array_of(const struct run *run, bool shown, struct arena *arena)
{
    size_t size = (shown ? run->shown_bytes : run->row_bytes) + run->n + 2;
    struct value *param = ARENA_NEW(arena, struct value);
    char *text = arena_alloc(arena, size), *at = text;
    if (!param || !text)
        return NULL;
    *at++ = '[';
    for (const struct buffer_entry *e = run->first; e; e = e->next_in_run) {
        struct str element = shown ? e->fold.shown : e->fold.row;
        if (e != run->first)
            *at++ = ',';
        memcpy(at, element.p, element.n);
        at += element.n;
    }
    *at++ = ']';
    *param = value_text((struct str){ text, (size_t)(at - text) });
    return param;
}

static bool folded(const struct run *run, struct arena *arena, struct d1_statement *to, size_t *n)
{
    const struct fold *f = &run->first->fold;
    const struct value *rows = array_of(run, false, arena), *shown = NULL;
    if (!rows || (f->check.n && !(shown = array_of(run, true, arena))))
        return false;
    to[(*n)++] = (struct d1_statement){ .sql = f->sql, .params = rows, .n_params = 1 };
    if (!capture_count_check((int64_t)run->n, arena, &to[(*n)++]))
        return false;
    if (shown)
        to[(*n)++] = (struct d1_statement){ .sql = f->check, .params = shown, .n_params = 1 };
    return true;
}

bool fold_entries(const struct buffer *b, struct arena *arena, struct d1_statement **ret, size_t *ret_n)
{
    size_t n_entries = 0, n_statements = 0, n_runs = 0, n = 0;
    for (const struct buffer_entry *e = b->first; e; e = e->next) {
        n_entries += e->is_chosen;
        n_statements += e->is_chosen ? e->n_statements + (e->fold.check.n != 0) : 0;
    }
    struct run *runs = ARENA_ARRAY(arena, struct run, n_entries);
    if (!runs)
        return false;
    for (struct buffer_entry *e = b->first; e; e = e->next) {
        if (!e->is_chosen)
            continue;
        struct run *run = run_for(runs, n_runs, e);
        join(run ? run : &runs[n_runs++], e);
    }
    struct d1_statement *all = ARENA_ARRAY(arena, struct d1_statement, n_statements);
    bool ok = all != NULL;
    for (size_t i = 0; ok && i < n_runs; i++) {
        if (runs[i].n > 1)
            ok = folded(&runs[i], arena, all, &n);
        else if (runs[i].first->n_statements) {
            memcpy(&all[n], runs[i].first->statements, runs[i].first->n_statements * sizeof(*all));
            n += runs[i].first->n_statements;
        }
    }
    *ret = all;
    *ret_n = n;
    return ok;
}
