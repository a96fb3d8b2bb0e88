/*
 * migration_reset.c - RESET: a development database emptied, then UP from the first file; see migration_private.h.
 *
 *   the lease, D1's schema -> one batch: no table holds rows (unless they may go), everything is dropped, the journal is emptied
 *     -> UP
 *
 * A run that ends in between leaves whole batches: an empty database, or one with the first files applied. STATUS says which, and both
 * RESET and UP go on from there.
 */
#include "proxy/migration_private.h"

#include "proxy/sql/emit.h"

struct migration_reset {
    struct migrate_steps steps;
    bool is_empty; /* all is dropped */
    struct migrate_entry *entries;
};

static bool begin(struct migration *m)
{
    m->reset = ARENA_NEW(m->arena, struct migration_reset);
    if (!m->reset)
        return err_oom(m->err);
    if (m->database.environment == CONFIG_DEVELOPMENT)
        return true;
    m->reset = NULL;
    err_set(m->err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "MIGRATE RESET runs on development databases only (\"%s\")", m->session->database_name);
    return err_hint(m->err, "environment = development in the database's line says that it is one.");
}

/* Every file, as if none had been applied. */
static bool choose(struct migration *m)
{
    struct migration_reset *r = m->reset;
    m->n_pending = 0;
    m->pending = ARENA_ARRAY(m->arena, struct pending, m->folder.n);
    r->entries = ARENA_ARRAY(m->arena, struct migrate_entry, m->folder.n);
    if (!m->pending || !r->entries)
        return err_oom(m->err);
    if (!m->folder.n) {
        err_set(m->err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "there are no migrations to apply from the first");
        return false;
    }
    for (size_t i = 0; i < m->folder.n; i++) {
        const struct migrate_file *file = &m->folder.files[i];
        r->entries[i] = (struct migrate_entry){ .name = file->name, .state = MIGRATE_PENDING, .file = file };
        m->pending[i] = (struct pending){ .entry = &r->entries[i] };
        if (!migrate_text_read(file, migration_dialect(m), m->arena, &m->pending[i].text, m->err))
            return false;
    }
    m->n_pending = m->folder.n;
    m->chunk = 0;
    return migrate_generate_drops(m->live, str_from(m->database.migrations_table), m->arena, &r->steps, m->err);
}

/* 55000 when the table holds a row. */
static bool guard_rows(struct migration *m, const struct relation *r)
{
    struct str table = emit_identifier(r->sqlite_name, m->arena);
    struct str payload = arena_printf(m->arena,
                                      "!55000:table \"%.*s\" holds rows, which MIGRATE RESET would drop\nHINT: MIGRATE "
                                      "RESET ALLOW DATA LOSS",
                                      STR_FMT(r->name));
    struct str text = payload.p ? emit_text_literal(payload, m->arena) : payload;
    struct str sql =
        arena_printf(m->arena, "SELECT CASE WHEN EXISTS(SELECT 1 FROM %.*s) THEN json_extract('{}', %.*s) END AS c0",
                     STR_FMT(table), STR_FMT(text));
    return (table.p && text.p && sql.p) ? migration_member(m, MEMBER_READ, sql, NULL, 0, 1, NULL) : err_oom(m->err);
}

static bool guard_all_rows(struct migration *m)
{
    for (size_t i = 0; i < m->live->n_relations && !m->command->allow_data_loss; i++) {
        const struct relation *r = &m->live->relations[i];
        bool has_rows = r->kind == RELATION_TABLE || r->kind == RELATION_VIRTUAL;
        if (has_rows && !migrate_is_internal(r->sqlite_name, str_from(m->database.migrations_table)) &&
            !guard_rows(m, r))
            return false;
    }
    return true;
}

static bool drop_all(struct migration *m)
{
    for (size_t i = 0; i < m->reset->steps.n; i++)
        for (size_t k = 0; k < m->reset->steps.list[i].n; k++)
            if (!migration_member(m, MEMBER_DDL, m->reset->steps.list[i].statements[k], NULL, 0, 0, NULL))
                return false;
    return true;
}

/* Tables that stay, and whose rows go: those of the journal and of the side catalogue that are there. */
static bool empty_tables(struct migration *m)
{
    struct str tables[] = { migrate_journal_table(MIGRATE_TABLE_WRANGLER, str_from(m->database.migrations_table)),
                            migrate_journal_table(MIGRATE_TABLE_OWN, STR("")),
                            migrate_journal_table(MIGRATE_TABLE_DRIZZLE, STR("")), STR("_pgd1_catalog"),
                            STR("_pgd1_sequence") };
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        if (!migration_has_table(m->live, tables[t]))
            continue;
        struct str name = emit_identifier(tables[t], m->arena);
        struct str sql = arena_printf(m->arena, "DELETE FROM %.*s", STR_FMT(name));
        if (!name.p || !sql.p)
            return err_oom(m->err);
        if (!migration_member(m, MEMBER_DDL, sql, NULL, 0, 0, NULL))
            return false;
    }
    return true;
}

static enum outcome empty_database(struct migration *m)
{
    m->at = m->n_pending; /* a failure here is none of the first file's */
    if (!m->is_sent) {
        enum outcome outcome = migration_know_live(m);
        if (outcome != OUTCOME_DONE)
            return outcome;
        if (!migration_begin_batch(m) || !guard_all_rows(m) || !drop_all(m) || !empty_tables(m))
            return OUTCOME_FAILED;
        m->is_sent = true;
        outcome = group_answer(m->session->group, END_IMPLICIT);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    m->at = 0;
    m->is_sent = false;
    m->session->group->wrote = false;
    m->reset->is_empty = true;
    struct value cells[] = { value_null(), value_text(STR("emptied")), value_integer((int64_t)m->reset->steps.n),
                             value_integer((int64_t)((worker_now(m->session->worker) - m->chunk_began_us) / 1000)) };
    return migration_row(m, cells, sizeof(cells) / sizeof(cells[0])) ? OUTCOME_DONE : OUTCOME_FAILED;
}

static enum outcome work(struct migration *m)
{
    if (!m->reset->is_empty) {
        enum outcome outcome = empty_database(m);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    return migration_apply(m);
}

enum outcome migration_reset(struct migration *m)
{
    static const struct migration_kind kind = { .choose = choose, .work = work, .marks = true, .needs_live = true };
    if (!m->reset && !begin(m))
        return OUTCOME_FAILED;
    return migration_run(m, &kind);
}
