/* migration_status.c - STATUS, and what D1's schema differs in from the one that the applied migrations lead to; see migration_private.h. */
#include "proxy/migration_private.h"

#include "proxy/database.h"

/* ---- the comparison ---- */

/* What of a migration stands in D1's schema: chunks, 0: none. */
static size_t chunks_applied(const struct migrate_entry *e, const struct migrate_text *text)
{
    bool begun = e->chunks_done > 0 && e->chunks_done < e->chunks;
    bool applied = e->state == MIGRATE_APPLIED || e->state == MIGRATE_MODIFIED || e->state == MIGRATE_FAILED;
    if (begun && applied)
        return (size_t)e->chunks_done < text->n_up ? (size_t)e->chunks_done : text->n_up;
    return e->state == MIGRATE_APPLIED || e->state == MIGRATE_MODIFIED ? text->n_up : 0;
}

static bool keep_why(struct migration *m, const struct migrate_file *file)
{
    struct comparison *c = m->comparison;
    c->failed = file;
    c->is_over = true;
    c->why = ARENA_NEW(m->arena, struct err);
    if (!c->why)
        return err_oom(m->err);
    err_init(c->why, m->arena);
    err_copy(c->why, m->err);
    err_clear(m->err);
    return true;
}

/* The texts of what is applied. A file that cannot be read ends the comparison. */
static bool choose_applied(struct migration *m)
{
    struct comparison *c = m->comparison;
    struct replay_file *files = ARENA_ARRAY(m->arena, struct replay_file, m->journal.n);
    if (!files)
        return err_oom(m->err);
    for (size_t i = 0; i < m->journal.n; i++) {
        const struct migrate_entry *e = &m->journal.entries[i];
        struct migrate_text *text = ARENA_NEW(m->arena, struct migrate_text);
        if (!text)
            return err_oom(m->err);
        if (!e->file || (e->state == MIGRATE_PENDING) || (e->state == MIGRATE_FAILED && !e->chunks_done))
            continue;
        if (!migrate_text_read(e->file, migration_dialect(m), m->arena, text, m->err))
            return m->err->code != SQLSTATE_OUT_OF_MEMORY && keep_why(m, e->file);
        size_t chunks = chunks_applied(e, text);
        if (chunks)
            files[c->replay.n++] = (struct replay_file){ .file = e->file, .text = text, .n_chunks = chunks };
    }
    c->replay.files = files;
    return true;
}

static enum outcome look(struct migration *m)
{
    if (!m->folder.path && !migrate_folder_read(m->database.migrations_dir, m->arena, &m->folder, m->err))
        return OUTCOME_FAILED;
    m->wants_schema = true;
    enum outcome outcome = migration_read_journal(m);
    if (outcome != OUTCOME_DONE)
        return outcome;
    m->comparison = ARENA_NEW(m->arena, struct comparison);
    if (!m->comparison)
        return err_oom(m->err), OUTCOME_FAILED;
    return choose_applied(m) ? OUTCOME_DONE : OUTCOME_FAILED;
}

enum outcome migration_compare(struct migration *m)
{
    enum outcome outcome = m->comparison ? OUTCOME_DONE : look(m);
    struct comparison *c = m->comparison;
    if (outcome != OUTCOME_DONE || c->is_over)
        return outcome;
    outcome = migration_replay(m, &c->replay);
    if (outcome == OUTCOME_FAILED && c->replay.failure && m->err->code != SQLSTATE_OUT_OF_MEMORY)
        return keep_why(m, c->replay.failed_file) ? OUTCOME_DONE : OUTCOME_FAILED;
    if (outcome != OUTCOME_DONE)
        return outcome;
    c->is_over = true;
    return migrate_difference(m->live, c->replay.schema, str_from(m->database.migrations_table), m->arena,
                              &c->differences, m->err)
               ? OUTCOME_DONE
               : OUTCOME_FAILED;
}

/* ---- STATUS ---- */

static struct value number_or_null(int64_t v, int64_t null)
{
    return v == null ? value_null() : value_integer(v);
}

/* As columns.def has them. */
enum status_cell {
    CELL_NAME,
    CELL_STATE,
    CELL_APPLIED_AT,
    CELL_APPLIED_BY,
    CELL_DURATION_MS,
    CELL_CHUNKS_DONE,
    CELL_CHUNKS,
    CELL_HASH,
    CELL_BOOKMARK,
    CELL_ERROR,
    CELL_DATABASE,
    CELL_TRANSPORT,
    CELL_NR
};

/* What is not given is null; database and transport are the same in each row. */
static bool status_row(struct migration *m, struct value *cells)
{
    const struct session *s = m->session;
    cells[CELL_DATABASE] = value_text(str_from(s->database_name));
    cells[CELL_TRANSPORT] = value_text(str_from(s->database->d1->traits.name));
    return migration_row(m, cells, CELL_NR);
}

static bool row(struct migration *m, const struct migrate_entry *e)
{
    struct str hash = e->hash.n || !e->file ? e->hash : e->file->hash;
    struct value cells[CELL_NR] = {
        [CELL_NAME] = value_text(e->name),
        [CELL_STATE] = value_text(str_from(migrate_state_name(e->state))),
        [CELL_APPLIED_AT] = migration_text(e->applied_at),
        [CELL_APPLIED_BY] = migration_text(e->applied_by),
        [CELL_DURATION_MS] = number_or_null(e->duration_ms, -1),
        [CELL_CHUNKS_DONE] = number_or_null(e->chunks_done, e->chunks ? -1 : 0),
        [CELL_CHUNKS] = number_or_null(e->chunks, 0),
        [CELL_HASH] = migration_text(hash),
        [CELL_BOOKMARK] = migration_text(e->bookmark),
        [CELL_ERROR] = migration_text(e->error),
    };
    return status_row(m, cells);
}

/* A row of the state "drift" for each object that differs; its name is the object's. */
static bool drift_row(struct migration *m, struct str object, struct str text)
{
    struct value cells[CELL_NR] = {
        [CELL_NAME] = value_text(object), [CELL_STATE] = value_text(STR("drift")), [CELL_ERROR] = value_text(text)
    };
    return object.p && text.p ? status_row(m, cells) : err_oom(m->err);
}

struct str migration_not_compared(const struct migration *m)
{
    return arena_printf(m->arena, "not compared, for an applied migration cannot be replayed: %.*s",
                        STR_FMT(m->comparison->why->message));
}

struct str migration_object(const struct migration *m, const struct migrate_difference *d)
{
    const char *kind = migrate_kind_name(d->kind);
    bool is_public = !d->schema.n || str_is(d->schema, "public");
    return arena_printf(m->arena, "%s %.*s%s%.*s%s%.*s", kind, STR_FMT(is_public ? STR("") : d->schema),
                        is_public ? "" : ".", STR_FMT(d->name), d->part.n ? "." : "", STR_FMT(d->part));
}

enum outcome migration_status(struct migration *m)
{
    enum outcome outcome = migration_compare(m);
    if (outcome != OUTCOME_DONE)
        return outcome;
    const struct comparison *c = m->comparison;
    for (size_t i = 0; i < m->journal.n; i++)
        if (!row(m, &m->journal.entries[i]))
            return OUTCOME_FAILED;
    for (size_t i = 0; i < c->differences.n; i++)
        if (!drift_row(m, migration_object(m, &c->differences.list[i]), c->differences.list[i].text))
            return OUTCOME_FAILED;
    if (c->why && !drift_row(m, STR("schema"), migration_not_compared(m)))
        return OUTCOME_FAILED;
    return OUTCOME_DONE;
}
