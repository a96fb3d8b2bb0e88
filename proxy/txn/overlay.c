/* overlay.c - see overlay.h. */
#include "proxy/txn/overlay.h"

#include <sqlite3.h>
#include "d1/scan.h"

enum { NAMES_BYTES = 64 << 20 };

void overlay_drop(struct overlay *o)
{
    shadow_free(o->shadow);
    snapshot_unref(o->schema);
    arena_free(o->arena);
    *o = (struct overlay){ .without_rows = o->without_rows };
}

void overlay_forget_rows(struct overlay *o, uint32_t position)
{
    overlay_drop(o);
    o->without_rows = position;
}

void overlay_begin(struct overlay *o, const struct snapshot *base)
{
    if (o->shadow && base && base->version != o->base)
        overlay_drop(o);
    if (o->shadow || !base)
        return;
    o->arena = arena_new(NAMES_BYTES);
    o->shadow = o->arena ? shadow_new(base) : NULL;
    if (!o->shadow)
        o->arena = arena_free(o->arena); /* the next try makes another */
    o->base = base->version;
}

void overlay_settle(struct overlay *o)
{
    o->base = o->schema->version;
    o->is_settled = true;
    o->own.n = 0;
    o->ddl = NULL;
}

void overlay_check(struct overlay *o, const struct snapshot *base)
{
    if (o->is_settled && (!base || base->version != o->base))
        overlay_drop(o);
}

bool overlay_knows(struct overlay *o, uint32_t position)
{
    bool knows = o->shadow && o->schema && !o->changed && o->position == position;
    for (const struct overlay_ddl *d = o->ddl; knows && d; d = d->next)
        knows = d->ran;
    return knows;
}

/* ---- names ---- */

static bool has(const struct names *names, struct str name)
{
    for (size_t i = 0; i < names->n; i++)
        if (str_eq_nocase(names->list[i], name))
            return true;
    return false;
}

static bool add(struct names *names, struct str name, struct arena *arena)
{
    if (has(names, name))
        return true;
    if (names->n == names->size) {
        size_t size = names->size ? 2 * names->size : 8;
        struct str *list = ARENA_ARRAY(arena, struct str, size);
        if (!list)
            return false;
        if (names->n)
            memcpy(list, names->list, names->n * sizeof(*list));
        names->list = list;
        names->size = size;
    }
    names->list[names->n] = arena_str(arena, name);
    return names->list[names->n++].p != NULL;
}

static void take_out(struct names *names, struct str name)
{
    for (size_t i = 0; i < names->n; i++)
        if (str_eq_nocase(names->list[i], name)) {
            names->list[i] = names->list[--names->n];
            return;
        }
}

static bool all_in(const struct names *names, const struct names *others)
{
    for (size_t i = 0; i < names->n; i++)
        if (!has(others, names->list[i]))
            return false;
    return true;
}

/* ---- what a statement touches ---- */

struct seen {
    struct arena *arena;
    struct names created, dropped, changed; /* tables */
    struct names rows;                      /* tables whose rows it reads or writes */
    struct names indexes;                   /* made */
    struct names schema;                    /* tables and views whose part of the schema it changes */
    bool touches_all, needs_rows, checks_keys, no_memory;
    bool schema_all; /* which part of the schema is not known */
    bool asks;       /* it is a SELECT: a check, whose answer matters */
};

/* Relations that hold the schema, or nothing at all. */
static bool is_schema(struct str name)
{
    static const char *const names[] = {
        "sqlite_master",      "sqlite_schema",           "sqlite_temp_master",
        "sqlite_temp_schema", "_pgd1_catalog",           "json_each",
        "json_tree",          "pragma_table_info",       "pragma_table_list",
        "pragma_index_list",  "pragma_foreign_key_list", "pragma_table_xinfo",
        "pragma_index_info",  "pragma_index_xinfo",      "_pgd1_changes",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_eq_nocase(name, str_from(names[i])))
            return true;
    return false;
}

/* Counters of D1's, which are not here: setting them cannot fail, reading them tells nothing. */
static bool is_counter(struct str name)
{
    return str_is(name, "sqlite_sequence") || str_is(name, "_pgd1_sequence");
}

static void see_rows(struct seen *s, int action, struct str table)
{
    if (is_schema(table))
        return;
    if (is_counter(table)) {
        s->touches_all = true;
        s->needs_rows |= s->asks && action == SQLITE_READ;
        return;
    }
    if (action == SQLITE_DELETE && has(&s->dropped, table))
        return; /* DROP TABLE deletes; whether that matters is asked before */
    if (action == SQLITE_READ && s->indexes.n && has(&s->changed, table))
        return; /* CREATE INDEX reads; whether that matters is seen of the index */
    if (str_is(table, "pragma_foreign_key_check")) {
        s->checks_keys = true;
        return;
    }
    s->needs_rows |= str_starts(table, STR("pragma_"));
    s->no_memory |= !add(&s->rows, table, s->arena);
}

/* Whose part of the schema changes. */
static void see_schema(struct seen *s, int action, struct str name, struct str second)
{
    switch (action) {
    case SQLITE_CREATE_TABLE:
    case SQLITE_DROP_TABLE:
    case SQLITE_ALTER_TABLE:
    case SQLITE_CREATE_VIEW:
    case SQLITE_DROP_VIEW:
        s->no_memory |= !add(&s->schema, name, s->arena);
        break;
    case SQLITE_CREATE_INDEX:
    case SQLITE_DROP_INDEX:
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_DROP_TRIGGER:
        s->no_memory |= !add(&s->schema, second, s->arena);
        break;
    case SQLITE_READ:
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
    case SQLITE_SELECT:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
    case SQLITE_PRAGMA:
    case SQLITE_REINDEX:
        break;
    default:
        s->schema_all = true;
    }
}

static void see(void *ctx, int action, const char *a, const char *b)
{
    struct seen *s = ctx;
    struct str name = str_from(a ? a : ""), second = str_from(b ? b : "");
    see_schema(s, action, name, second);
    switch (action) {
    case SQLITE_CREATE_TABLE:
        s->no_memory |= !add(&s->created, name, s->arena);
        break;
    case SQLITE_DROP_TABLE:
        s->no_memory |= !add(&s->dropped, name, s->arena);
        break;
    case SQLITE_ALTER_TABLE:
        s->no_memory |= !add(&s->changed, name, s->arena);
        break;
    case SQLITE_CREATE_INDEX:
        s->no_memory |= !add(&s->indexes, name, s->arena) || !add(&s->changed, second, s->arena);
        break;
    case SQLITE_DROP_INDEX:
        s->no_memory |= !add(&s->changed, second, s->arena);
        break;
    case SQLITE_READ:
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        see_rows(s, action, name);
        break;
    case SQLITE_SELECT:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
    case SQLITE_PRAGMA:
    case SQLITE_REINDEX:
        break;
    default: /* views, triggers, and what else there may be */
        s->touches_all = true;
    }
}

/* ---- what it takes to decide ---- */

struct looking {
    const struct names *in;
    bool found;
};

static bool look(void *ctx, struct str name)
{
    struct looking *l = ctx;
    l->found |= !l->in || !has(l->in, name);
    return true;
}

/* Another table, whose rows are not here, refers to it: it is not dropped without a look at them. */
static bool is_referred_to(struct overlay *o, struct str table)
{
    struct looking l = { .in = &o->own };
    return !shadow_names(
               o->shadow,
               "SELECT m.name FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table' "
               "AND f.\"table\" = ?1 COLLATE NOCASE AND m.name <> ?1 COLLATE NOCASE",
               table, look, &l) ||
           l.found;
}

/* It refers to a table whose rows are not here. */
static bool refers_elsewhere(struct overlay *o, struct str table)
{
    struct looking l = { .in = &o->own };
    return !shadow_names(o->shadow, "SELECT \"table\" FROM pragma_foreign_key_list(?1)", table, look, &l) || l.found;
}

/* An index whose making any row can prevent: unique, or of an expression, which may fail. */
static bool index_needs_rows(struct overlay *o, struct str index)
{
    struct looking l = { 0 };
    return !shadow_names(
               o->shadow,
               "SELECT name FROM sqlite_schema WHERE name = ?1 AND (sql LIKE 'CREATE UNIQUE%' OR sql LIKE '%WHERE%' "
               "OR EXISTS (SELECT 1 FROM pragma_index_info(?1) WHERE cid < -1))",
               index, look, &l) ||
           l.found;
}

/* The table of DROP TABLE and ALTER TABLE; {NULL,0}: it is another statement. */
static struct str changed_table(struct str sql, bool *ret_drops)
{
    struct str rest = sql;
    struct scan_token t[3];
    for (size_t i = 0; i < 3; i++)
        if (!scan_next(&rest, &t[i]))
            return (struct str){ 0 };
    *ret_drops = str_eq_nocase(t[0].text, STR("DROP"));
    if ((!*ret_drops && !str_eq_nocase(t[0].text, STR("ALTER"))) || !str_eq_nocase(t[1].text, STR("TABLE")))
        return (struct str){ 0 };
    bool quoted = t[2].kind == SCAN_QUOTED && t[2].text.n >= 2;
    return quoted ? (struct str){ t[2].text.p + 1, t[2].text.n - 2 } : t[2].text;
}

static void note_table(struct overlay *o, struct overlay_ddl *d, struct str name)
{
    d->touches_all |= is_schema(name) || is_counter(name) || !add(&d->tables, name, o->arena);
}

static void note_tables(struct overlay *o, struct overlay_ddl *d, const struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        note_table(o, d, names->list[i]);
}

/* The new name in ALTER TABLE … RENAME TO; {NULL,0}: it is another statement. */
static struct str renamed_to(const struct seen *s, struct str sql)
{
    struct str to = scan_rename_to(sql);
    if (!to.p || s->changed.n != 1)
        return (struct str){ 0 };
    const char *end = memchr(to.p, '"', to.n);
    return (struct str){ to.p, end ? (size_t)(end - to.p) : to.n };
}

/* ALTER TABLE … RENAME TO: a table stays the transaction's own under its new name. */
static void note_rename(struct overlay *o, struct overlay_ddl *d, const struct seen *s, struct str sql)
{
    struct str name = renamed_to(s, sql);
    if (!name.p)
        return;
    d->touches_all = true;
    note_table(o, d, name);
    if (!has(&o->own, s->changed.list[0]))
        return;
    take_out(&o->own, s->changed.list[0]);
    add(&o->own, name, o->arena); /* without memory for it, it is D1's from now on */
}

static void note_own(struct overlay *o, const struct seen *s)
{
    for (size_t i = 0; i < s->created.n; i++)
        if (!is_schema(s->created.list[i]) && !is_counter(s->created.list[i]))
            add(&o->own, s->created.list[i], o->arena);
    for (size_t i = 0; i < s->dropped.n; i++)
        take_out(&o->own, s->dropped.list[i]);
}

static bool is_closed(struct overlay *o, struct str table)
{
    return has(&o->own, table) && !refers_elsewhere(o, table);
}

/* pragma_foreign_key_check('t') of tables whose rows, and those they refer to, are here; without a name it is of all. */
static bool keys_are_here(struct overlay *o, struct str sql)
{
    struct str rest = sql;
    struct scan_token t;
    bool here = true;
    while (here && scan_next(&rest, &t)) {
        if (t.kind != SCAN_WORD || !str_is(t.text, "pragma_foreign_key_check"))
            continue;
        bool named = scan_next(&rest, &t) && scan_next(&rest, &t) && t.kind == SCAN_QUOTED && t.text.n > 2;
        here = named && is_closed(o, (struct str){ t.text.p + 1, t.text.n - 2 });
    }
    return here;
}

/* All rows that a statement asks about are here, and those that their keys ask about. */
static bool rows_are_here(struct overlay *o, const struct seen *s, struct str sql)
{
    bool here = !s->needs_rows && (!s->checks_keys || keys_are_here(o, sql));
    for (size_t i = 0; here && i < s->rows.n; i++)
        here = is_closed(o, s->rows.list[i]);
    for (size_t i = 0; here && i < s->indexes.n; i++)
        here = all_in(&s->changed, &o->own) || !index_needs_rows(o, s->indexes.list[i]);
    return here;
}

static bool asks_for_rows(struct overlay *o, const struct seen *s)
{
    bool asks = s->rows.n || s->needs_rows || s->checks_keys;
    for (size_t i = 0; !asks && i < s->indexes.n; i++)
        asks = index_needs_rows(o, s->indexes.list[i]);
    return asks;
}

/* The new name can be read as it stands: a word, or quoted with nothing to undo. */
static bool is_plain_rename(const struct seen *s, struct str sql)
{
    struct str to = scan_rename_to(sql);
    if (s->changed.n != 1 || to.n == 0)
        return false;
    bool quoted = to.p > sql.p && to.p[-1] == '"';
    const char *first = memchr(to.p, '"', to.n);
    return quoted ? first == to.p + to.n - 1 : !strchr("'`[", to.p[-1]);
}

/* What must be read of the schema again. */
static void note_changes(struct overlay *o, const struct seen *s, struct str sql)
{
    bool renames = scan_rename_to(sql).p != NULL;
    o->changed_all |= s->schema_all || s->no_memory || (renames && !is_plain_rename(s, sql));
    for (size_t i = 0; i < s->schema.n; i++)
        o->changed_all |= !add(&o->changes, s->schema.list[i], o->arena);
    if (renames && !o->changed_all)
        o->changed_all |= !add(&o->changes, renamed_to(s, sql), o->arena);
}

/* One statement of DDL has run: what that means. */
static void judge(struct overlay *o, struct overlay_ddl *d, const struct seen *s, struct str sql)
{
    note_tables(o, d, &s->created);
    note_tables(o, d, &s->changed);
    note_tables(o, d, &s->rows);
    note_own(o, s);
    d->schema_only = d->schema_only && !s->no_memory && !asks_for_rows(o, s);
    d->decided = d->decided && !s->no_memory && rows_are_here(o, s, sql);
    note_tables(o, d, &s->dropped);
    note_rename(o, d, s, sql);
    d->touches_all |= s->touches_all || s->no_memory || !d->tables.n;
}

struct noting {
    struct overlay *o;
    struct overlay_ddl *d;
};

static bool note_parent(void *ctx, struct str table)
{
    struct noting *n = ctx;
    note_table(n->o, n->d, table);
    return true;
}

/* Before it runs, while its table is there: who refers to it, and whom it refers to, for their rows are free of it afterwards. */
static void look_ahead(struct overlay *o, struct overlay_ddl *d, struct str sql)
{
    struct noting n = { o, d };
    bool drops;
    struct str table = changed_table(sql, &drops);
    if (!table.p)
        return;
    if (drops && is_referred_to(o, table))
        d->decided = d->schema_only = false;
    d->touches_all |=
        !shadow_names(o->shadow, "SELECT \"table\" FROM pragma_foreign_key_list(?1)", table, note_parent, &n);
}

static void give_up(struct overlay *o, const struct names *tables)
{
    for (size_t i = 0; i < tables->n; i++)
        take_out(&o->own, tables->list[i]);
}

static bool run_ddl(struct overlay *o, struct overlay_ddl *d, const struct d1_statement *statements, size_t n)
{
    bool ok = shadow_begin(o->shadow);
    for (size_t i = 0; ok && i < n; i++) {
        struct seen s = { .arena = o->arena, .asks = str_starts(statements[i].sql, STR("SELECT")) };
        look_ahead(o, d, statements[i].sql);
        ok = shadow_run(o->shadow, &statements[i], see, &s, NULL, NULL, NULL);
        if (ok) {
            judge(o, d, &s, statements[i].sql);
            note_changes(o, &s, statements[i].sql);
        }
    }
    if (ok)
        return shadow_keep(o->shadow);
    if (!shadow_undo(o->shadow))
        overlay_drop(o);
    return false;
}

void overlay_run(struct overlay *o, uint32_t position, const struct d1_statement *statements, size_t n)
{
    if (!o->shadow || position <= o->position)
        return;
    struct overlay_ddl *d = ARENA_NEW(o->arena, struct overlay_ddl);
    if (!d)
        return;
    *d = (struct overlay_ddl){ .next = o->ddl, .position = position, .schema_only = true, .decided = true };
    d->ran = run_ddl(o, d, statements, n);
    if (!o->shadow)
        return; /* it was dropped, and d with it */
    o->position = position;
    o->changed |= d->ran;
    if (!d->ran || position <= o->without_rows)
        o->own.n = 0; /* D1 may know better: nothing is certain any more */
    else if (!d->decided)
        give_up(o, &d->tables);
    o->ddl = d;
}

const struct overlay_ddl *overlay_seen(const struct overlay *o, uint32_t position)
{
    for (const struct overlay_ddl *d = o->ddl; d; d = d->next)
        if (d->position == position)
            return d;
    return NULL;
}

/* ---- rows ---- */

bool overlay_owns(const struct overlay *o, const struct plan *plan)
{
    if (!o->shadow || plan->n_reads + plan->n_writes == 0)
        return false;
    for (size_t i = 0; i < plan->n_reads; i++)
        if (!has(&o->own, plan->reads[i]->sqlite_name))
            return false;
    for (size_t i = 0; i < plan->n_writes; i++)
        if (!has(&o->own, plan->writes[i]->sqlite_name))
            return false;
    return true;
}

struct giving {
    void (*at_row)(void *ctx, size_t statement, const struct value *cell);
    void *ctx;
    size_t statement;
};

static void give(void *ctx, const struct value *cell)
{
    struct giving *g = ctx;
    if (g->at_row)
        g->at_row(g->ctx, g->statement, cell);
}

bool overlay_rows(struct overlay *o, uint32_t position, const struct d1_statement *statements, size_t n,
                  void (*at_row)(void *ctx, size_t statement, const struct value *cell), void *ctx, int64_t *changes)
{
    struct giving g = { at_row, ctx, 0 };
    bool ok = shadow_begin(o->shadow);
    for (; ok && g.statement < n; g.statement++)
        ok = shadow_run(o->shadow, &statements[g.statement], NULL, NULL, give, &g,
                        changes ? &changes[g.statement] : NULL);
    if (ok && shadow_keep(o->shadow)) {
        o->position = position;
        return true;
    }
    if (!shadow_undo(o->shadow))
        overlay_drop(o);
    return false;
}

void overlay_lose(struct overlay *o, const struct plan *plan)
{
    if (plan->access == D1_WRITE && plan->n_writes == 0 && plan->kind != PLAN_DDL)
        o->own.n = 0; /* it may have written any */
    for (size_t i = 0; i < plan->n_writes; i++)
        take_out(&o->own, plan->writes[i]->sqlite_name);
}

/* ---- the buffer ---- */

static void follow(struct overlay *o, const struct buffer_entry *e)
{
    if (e->ddl) {
        overlay_run(o, e->position, e->ddl, e->n_ddl);
        return;
    }
    if (e->in_shadow && e->position > o->without_rows &&
        overlay_rows(o, e->position, e->statements, e->n_statements, NULL, NULL, NULL))
        return;
    if (e->in_shadow || e->touches_all)
        o->own.n = 0;
    for (size_t i = 0; i < e->n_written; i++)
        take_out(&o->own, e->written[i]);
    o->position = e->position;
}

void overlay_follow(struct overlay *o, const struct buffer *b)
{
    if (!b->last || b->last->position <= o->position)
        return;
    for (const struct buffer_entry *e = b->first; e; e = e->next)
        if (o->shadow && e->position > o->position)
            follow(o, e);
}

const struct snapshot *overlay_schema(struct overlay *o, struct arena *scratch)
{
    struct err err;
    if (!o->changed)
        return o->schema;
    err_init(&err, scratch);
    struct snapshot *schema = NULL;
    if (o->schema && !o->changed_all)
        schema = shadow_schema_behind(o->shadow, o->schema, o->changes.list, o->changes.n, scratch);
    if (!schema)
        schema = shadow_schema(o->shadow, &err);
    snapshot_unref(o->schema);
    o->schema = schema;
    o->changed = o->changed_all = false;
    o->changes.n = 0;
    return o->schema;
}
