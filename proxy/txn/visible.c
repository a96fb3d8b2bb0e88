/* visible.c - see visible.h. */
#include "proxy/txn/visible.h"

#include <stdlib.h>
#include "proxy/base/fault.h"

/* What is needed of the tables met so far on the way back. */
struct need {
    struct str table;
    struct row_use use;
};

/* A table that has rows whose ids D1 gives anew in each batch: they would be others if rows before them stayed away. */
struct loose {
    struct str table;
    bool only_left; /* INSERTs of one row all, ID_LEFT */
};

struct needs {
    struct need *list;
    size_t n;
    struct loose *loose;
    size_t n_loose;
    bool all;
};

static bool same_use(const struct row_use *a, const struct row_use *b)
{
    return a->kind == b->kind && a->keys == b->keys && (a->kind != USE_ROW || (a->key == b->key && a->row == b->row));
}

/* An entry that has been tried out behind all others of which the keys are known: it clashes with none of them. */
static const struct row_keys no_clash;

static void add_need(struct needs *t, struct str table, struct row_use use)
{
    use.removes = false; /* what is needed is the row */
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->list[i].table, table) && (t->list[i].use.kind == USE_TABLES || same_use(&t->list[i].use, &use)))
            return;
    t->list[t->n++] = (struct need){ table, use };
}

/* What a statement needs of a table it writes, and of one it only reads. */
static struct row_use use_of_read(const struct row_use *use)
{
    bool keys = use->kind == USE_KEYS || (use->kind == USE_ROW && !use->removes);
    return (struct row_use){ .kind = keys ? USE_KEYS : USE_TABLES };
}

static bool is_among(struct str name, const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

static void add_entry(struct needs *t, const struct buffer_entry *e)
{
    struct row_use use = e->use;
    if (use.keys)
        use.keys = &no_clash;
    for (size_t i = 0; i < e->n_written; i++)
        add_need(t, e->written[i], use);
    for (size_t i = 0; i < e->n_read; i++)
        if (!is_among(e->read[i], e->written, e->n_written))
            add_need(t, e->read[i], use_of_read(&e->use));
}

/* A SELECT of one row writes nothing: what it reads is the row. */
static void add_plan(struct needs *t, const struct plan *plan, const struct row_use *use)
{
    bool reads_row = plan->n_writes == 0 && use->kind == USE_ROW;
    for (size_t i = 0; i < plan->n_writes; i++)
        add_need(t, plan->writes[i]->sqlite_name, *use);
    for (size_t i = 0; i < plan->n_reads; i++) {
        bool written = false;
        for (size_t k = 0; k < plan->n_writes; k++)
            written |= plan->writes[k] == plan->reads[i];
        if (!written)
            add_need(t, plan->reads[i]->sqlite_name, reads_row ? *use : use_of_read(use));
    }
}

static bool leaves_id(const struct row_keys *keys)
{
    return keys->counted && keys->id == ID_LEFT;
}

static void add_loose(struct needs *t, struct str table, bool left)
{
    size_t i = 0;
    while (i < t->n_loose && !str_eq(t->loose[i].table, table))
        i++;
    if (i == t->n_loose)
        t->loose[t->n_loose++] = (struct loose){ table, true };
    t->loose[i].only_left &= left;
}

static void find_loose(struct needs *t, const struct buffer_entry *e)
{
    bool has_keys = e->use.kind == USE_KEYS && e->use.keys, left = has_keys && leaves_id(e->use.keys);
    if (!e->is_write || e->use.kind == USE_ROW || (has_keys && !left))
        return;
    for (size_t i = 0; i < e->n_written; i++)
        add_loose(t, e->written[i], left);
}

/* Whether the ids that are counted can be the same. Of two that are left to COMMIT, D1 sees to that. */
static bool ids_meet(const struct row_keys *older, const struct row_keys *newer)
{
    if (!newer->counted || leaves_id(newer))
        return false; /* a given one is in the list */
    return !older->counted || older->id != newer->id || (older->id == ID_SHOWN && older->value > newer->value);
}

static bool new_rows_meet(const struct row_keys *older, const struct row_keys *newer)
{
    if (older->version != newer->version || ids_meet(older, newer))
        return true;
    for (size_t i = 0; i < older->n; i++)
        for (size_t k = 0; k < newer->n; k++)
            if (older->list[i].key == newer->list[k].key && older->list[i].row == newer->list[k].row)
                return true;
    return false;
}

/* Whether a row that was inserted may be the one. A key that is not in its list is NULL, or of another schema. */
static bool may_be_row(const struct row_keys *keys, const struct row_use *row)
{
    for (size_t i = 0; keys && i < keys->n; i++)
        if (keys->list[i].key == row->key)
            return keys->list[i].row == row->row;
    return true;
}

static bool new_row_matters(const struct needs *t, struct str table, const struct row_use *entry,
                            const struct row_use *need)
{
    for (size_t i = 0; i < t->n_loose; i++)
        if (str_eq(t->loose[i].table, table) &&
            !(t->loose[i].only_left && need->kind == USE_KEYS && need->keys && leaves_id(need->keys)))
            return true;
    if (!entry->keys)
        return true;
    switch (need->kind) {
    case USE_TABLES:
        return true;
    case USE_KEYS:
        return !need->keys || (need->keys != &no_clash && new_rows_meet(entry->keys, need->keys));
    case USE_ROW:
        return may_be_row(entry->keys, need);
    }
    return true;
}

/* Whether what the entry does to one row matters to the need. */
static bool row_matters(const struct row_use *entry, const struct row_use *need)
{
    switch (need->kind) {
    case USE_TABLES:
        return true;
    case USE_KEYS:
        return entry->removes;
    case USE_ROW:
        return entry->key != need->key || entry->row == need->row;
    }
    return true;
}

static bool entry_matters(const struct needs *t, const struct buffer_entry *e, struct str table,
                          const struct row_use *need)
{
    switch (e->use.kind) {
    case USE_TABLES:
        return true;
    case USE_KEYS:
        return new_row_matters(t, table, &e->use, need);
    case USE_ROW:
        return row_matters(&e->use, need);
    }
    return true;
}

static bool reaches(const struct buffer_entry *e, const struct needs *t)
{
    if (t->all || e->touches_all)
        return true;
    for (size_t i = 0; i < e->n_written; i++)
        for (size_t k = 0; k < t->n; k++)
            if (str_eq(t->list[k].table, e->written[i]) && entry_matters(t, e, e->written[i], &t->list[k].use))
                return true;
    return false;
}

static void choose_all(struct buffer *b)
{
    for (struct buffer_entry *e = b->first; e; e = e->next)
        e->is_chosen = true;
}

/* From the newest back to the oldest: what a chosen entry touches, an older one may have changed. */
static void choose_back(struct buffer_entry **entries, size_t n, struct needs *t)
{
    while (n-- > 0) {
        struct buffer_entry *e = entries[n];
        e->is_chosen = reaches(e, t);
        if (!e->is_chosen)
            continue;
        t->all |= e->touches_all;
        add_entry(t, e);
    }
}

/* A table that comes along is what later DDL made of it, or gone. */
static bool misses_ddl(struct buffer_entry **entries, size_t n, const struct needs *t)
{
    for (size_t i = 0; i < n; i++)
        if (entries[i]->ddl && !entries[i]->is_chosen && reaches(entries[i], t))
            return true;
    return false;
}

void visible_choose(struct buffer *b, const struct visible *v)
{
    const struct plan *plan = v->plan;
    size_t n = 0, names = plan ? plan->n_reads + plan->n_writes + v->n_tables : 0;
    if (!b->first || names == 0 || (plan->kind == PLAN_DDL && !v->n_tables)) {
        choose_all(b);
        return;
    }
    for (const struct buffer_entry *e = b->first; e; e = e->next, n++)
        names += e->n_written + e->n_read;
    struct buffer_entry **entries = fault_malloc(n * sizeof(struct buffer_entry *));
    struct needs t = { .list = fault_malloc(names * sizeof(struct need)),
                       .loose = fault_malloc(names * sizeof(struct loose)) };
    size_t i = 0;
    if (entries && t.list && t.loose) {
        for (struct buffer_entry *e = b->first; e; e = e->next) {
            entries[i++] = e;
            find_loose(&t, e);
        }
        add_plan(&t, plan, &v->use);
        for (i = 0; i < v->n_tables; i++)
            add_need(&t, v->tables[i], (struct row_use){ .kind = USE_TABLES });
        do
            choose_back(entries, n, &t);
        while (misses_ddl(entries, n, &t));
    } else
        choose_all(b);
    free(entries);
    free(t.list);
    free(t.loose);
}
