/* journal.c - see journal.h. */
#include "proxy/migrate/journal.h"

#include "proxy/base/map.h"
#include "proxy/sql/emit.h"

static const char *const state_names[MIGRATE_STATE_NR] = {
    [MIGRATE_PENDING] = "pending", [MIGRATE_APPLIED] = "applied", [MIGRATE_MODIFIED] = "modified",
    [MIGRATE_FAILED] = "failed",   [MIGRATE_MISSING] = "missing", [MIGRATE_PUSHED] = "pushed",
};

const char *migrate_state_name(enum migrate_state state)
{
    return state_names[state];
}

/* ---- tables ---- */

/* Columns as CAST texts where JavaScript would lose digits; one statement a table. */
static const struct {
    const char *name, *columns, *order;
    size_t n_columns;
} tables[MIGRATE_TABLE_NR] = {
    [MIGRATE_TABLE_WRANGLER] = { "d1_migrations", "CAST(name AS TEXT) AS c0,CAST(applied_at AS TEXT) AS c1,id AS c2",
                                 "id", 3 },
    [MIGRATE_TABLE_OWN] = { "_pgd1_migrations",
                            "name AS c0,hash AS c1,chunks_done AS c2,chunks AS c3,duration_ms AS c4,applied_by AS c5,"
                            "bookmark AS c6,error AS c7",
                            "name", 8 },
    [MIGRATE_TABLE_DRIZZLE] = { "__drizzle_migrations",
                                "CAST(hash AS TEXT) AS c0,strftime('%Y-%m-%d %H:%M:%S',created_at/1000,'unixepoch') AS "
                                "c1",
                                "created_at", 2 },
};

struct str migrate_journal_table(enum migrate_table table, struct str wrangler_name)
{
    return table == MIGRATE_TABLE_WRANGLER && wrangler_name.n ? wrangler_name : str_from(tables[table].name);
}

struct str migrate_journal_read(enum migrate_table table, struct str wrangler_name, struct arena *arena)
{
    struct str name = emit_identifier(migrate_journal_table(table, wrangler_name), arena);
    if (!name.p)
        return (struct str){ 0 };
    return arena_printf(arena, "SELECT %s FROM %.*s ORDER BY %s", tables[table].columns, STR_FMT(name),
                        tables[table].order);
}

bool migrate_rows_add(struct migrate_rows *rows, const struct value *cells, size_t n, struct arena *arena)
{
    if (rows->n == rows->room) {
        size_t room = rows->room ? rows->room * 2 : 16;
        struct value(*bigger)[MIGRATE_MAX_CELLS] = arena_array(arena, room, sizeof(*bigger));
        if (!bigger)
            return false;
        if (rows->n)
            memcpy(bigger, rows->cells, rows->n * sizeof(*bigger));
        rows->cells = bigger;
        rows->room = room;
    }
    struct value *row = rows->cells[rows->n];
    for (size_t i = 0; i < n && i < MIGRATE_MAX_CELLS; i++)
        if (!value_keep(&cells[i], arena, &row[i]))
            return false;
    rows->n++;
    return true;
}

/* ---- comparing with the folder ---- */

static struct str text_of(const struct value *v)
{
    return v->class == VALUE_TEXT ? v->bytes : (struct str){ 0 };
}

/* Whole numbers may come as REAL from JavaScript. */
static int64_t integer_of(const struct value *v, int64_t otherwise)
{
    if (v->class == VALUE_REAL && v->real >= 0 && v->real < 1e15)
        return (int64_t)v->real;
    return v->class == VALUE_INTEGER ? v->integer : otherwise;
}

struct merge {
    struct arena *arena;
    struct map by_name, by_hash; /* values: struct migrate_entry */
    struct migrate_entry *entries;
    size_t n;
};

static struct migrate_entry *entry_of(struct merge *m, struct str name)
{
    struct migrate_entry *e = map_get(&m->by_name, name);
    if (e)
        return e;
    e = &m->entries[m->n++];
    *e = (struct migrate_entry){ .name = name, .state = MIGRATE_MISSING, .duration_ms = -1 };
    return map_set(&m->by_name, name, e) ? e : NULL;
}

static bool merge_files(struct merge *m, const struct migrate_folder *folder)
{
    for (size_t i = 0; i < folder->n; i++) {
        const struct migrate_file *file = &folder->files[i];
        struct migrate_entry *e = entry_of(m, file->name);
        if (!e || !map_set(&m->by_hash, file->hash, e))
            return false;
        e->file = file;
        e->state = MIGRATE_PENDING;
    }
    return true;
}

static bool merge_wrangler(struct merge *m, const struct migrate_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        struct str name = text_of(&rows->cells[i][0]);
        if (!name.n)
            continue; /* wrangler's column may be null */
        struct migrate_entry *e = entry_of(m, name);
        if (!e)
            return false;
        e->state = e->file ? MIGRATE_APPLIED : MIGRATE_MISSING;
        e->applied_at = text_of(&rows->cells[i][1]);
    }
    return true;
}

/* drizzle knows no names: the file of that text, or nobody's. */
static bool merge_drizzle(struct merge *m, const struct migrate_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        struct str hash = text_of(&rows->cells[i][0]);
        struct migrate_entry *e = hash.n ? map_get(&m->by_hash, hash) : NULL;
        if (!hash.n)
            continue;
        if (!e)
            e = entry_of(m, hash);
        if (!e)
            return false;
        e->state = e->file ? MIGRATE_APPLIED : MIGRATE_MISSING;
        e->hash = hash;
        e->applied_at = text_of(&rows->cells[i][1]);
    }
    return true;
}

static enum migrate_state state_of(const struct migrate_entry *e)
{
    bool differs = e->file && e->hash.n && !str_eq(e->hash, e->file->hash);
    if (e->state == MIGRATE_APPLIED)
        return differs ? MIGRATE_MODIFIED : MIGRATE_APPLIED;
    if (e->state != MIGRATE_PENDING)
        return e->state;
    if (e->chunks_done > 0)
        return differs ? MIGRATE_MODIFIED : MIGRATE_FAILED;
    return e->error.n ? MIGRATE_FAILED : MIGRATE_PENDING;
}

static bool merge_own(struct merge *m, const struct migrate_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        const struct value *row = rows->cells[i];
        struct str name = text_of(&row[0]);
        int64_t chunks_done = integer_of(&row[2], 0);
        if (!name.n || (!map_get(&m->by_name, name) && chunks_done <= 0))
            continue; /* a try that left nothing, of a file that is gone */
        struct migrate_entry *e = entry_of(m, name);
        if (!e)
            return false;
        if (e->state != MIGRATE_PENDING && chunks_done <= 0)
            continue; /* a try of ours that failed, before wrangler or drizzle applied it: perhaps of another text */
        e->hash = text_of(&row[1]);
        e->chunks_done = chunks_done;
        e->chunks = integer_of(&row[3], 0);
        e->duration_ms = integer_of(&row[4], -1);
        e->applied_by = text_of(&row[5]);
        e->bookmark = text_of(&row[6]);
        e->error = text_of(&row[7]);
        e->state = state_of(e);
        if (!e->file && !e->applied_at.n && str_starts(name, STR(MIGRATE_PUSH_PREFIX)))
            e->state = MIGRATE_PUSHED;
    }
    return true;
}

/* As the folder is ordered (folder.c), by number and then by name. */
static int by_number(const void *a, const void *b)
{
    const struct migrate_entry *x = a, *y = b;
    int64_t left = migrate_folder_number(x->name), right = migrate_folder_number(y->name);
    return left != right ? (left > right) - (left < right) : str_cmp(x->name, y->name);
}

struct str migrate_journal_digest(const struct migrate_rows rows[MIGRATE_TABLE_NR], struct arena *arena)
{
    const struct migrate_rows *wrangler = &rows[MIGRATE_TABLE_WRANGLER], *own = &rows[MIGRATE_TABLE_OWN];
    int64_t last = 0, chunks = 0;
    for (size_t i = 0; i < wrangler->n; i++) {
        int64_t id = integer_of(&wrangler->cells[i][2], 0);
        last = id > last ? id : last;
    }
    for (size_t i = 0; i < own->n; i++)
        chunks += integer_of(&own->cells[i][2], 0);
    return arena_printf(arena, "%zu %lld %zu %lld", wrangler->n, (long long)last, own->n, (long long)chunks);
}

bool migrate_journal_merge(const struct migrate_folder *folder, const struct migrate_rows rows[MIGRATE_TABLE_NR],
                           struct arena *arena, struct migrate_journal *ret, struct err *err)
{
    size_t most = folder->n;
    for (int t = 0; t < MIGRATE_TABLE_NR; t++)
        most += rows[t].n;
    struct merge m = { .arena = arena, .entries = ARENA_ARRAY(arena, struct migrate_entry, most) };
    map_init(&m.by_name);
    map_init(&m.by_hash);
    bool ok = m.entries && merge_files(&m, folder) && merge_wrangler(&m, &rows[MIGRATE_TABLE_WRANGLER]) &&
              merge_drizzle(&m, &rows[MIGRATE_TABLE_DRIZZLE]) && merge_own(&m, &rows[MIGRATE_TABLE_OWN]);
    map_fini(&m.by_name);
    map_fini(&m.by_hash);
    if (!ok)
        return err_oom(err);
    if (m.n)
        qsort(m.entries, m.n, sizeof(*m.entries), by_number);
    *ret = (struct migrate_journal){ m.entries, m.n };
    return true;
}
