/* migration_adopt.c - MIGRATE DOWN, BASELINE and REPAIR; see migration_private.h. */
#include "proxy/migration_private.h"

static bool room_for_pending(struct migration *m)
{
    m->n_pending = 0;
    m->pending = ARENA_ARRAY(m->arena, struct pending, m->journal.n);
    return m->pending || err_oom(m->err);
}

/* The index of the file a clause names; not given: as said. */
static bool named(struct migration *m, struct str name, size_t otherwise, size_t *ret)
{
    *ret = otherwise;
    return !name.p || migrate_folder_find(&m->folder, name, ret, m->err);
}

static size_t index_of(const struct migration *m, const struct migrate_entry *e)
{
    return (size_t)(e->file - m->folder.files);
}

static bool end_batch(struct migration *m, bool is_last)
{
    struct str holder = str_from(m->holder);
    m->is_sent = true;
    return !is_last || migration_texts(m, migrate_lease_release(), &holder, 1);
}

/* All entries in one batch. */
static enum outcome in_one_batch(struct migration *m, bool (*add)(struct migration *m, const struct pending *p),
                                 bool (*report)(struct migration *m, const struct pending *p))
{
    if (!m->is_sent) {
        bool ok = migration_begin_batch(m);
        for (size_t i = 0; ok && i < m->n_pending; i++)
            ok = add(m, &m->pending[i]);
        if (!ok || !end_batch(m, true))
            return OUTCOME_FAILED;
        enum outcome outcome = group_answer(m->session->group, END_IMPLICIT);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    m->has_lease = false;
    for (size_t i = 0; i < m->n_pending; i++)
        if (!report(m, &m->pending[i]))
            return OUTCOME_FAILED;
    return OUTCOME_DONE;
}

/* ---- BASELINE ---- */

static bool choose_baseline(struct migration *m)
{
    size_t last;
    if (!room_for_pending(m) || !named(m, m->command->name, m->folder.n, &last))
        return false;
    for (size_t i = 0; i < m->journal.n; i++) {
        const struct migrate_entry *e = &m->journal.entries[i];
        bool is_open = e->state == MIGRATE_PENDING || e->state == MIGRATE_FAILED;
        if (!is_open || index_of(m, e) > last)
            continue;
        struct pending *p = &m->pending[m->n_pending++];
        p->entry = e;
        if (!migrate_text_read(e->file, migration_dialect(m), m->arena, &p->text, m->err))
            return false;
    }
    return true;
}

static bool adopt(struct migration *m, const struct pending *p)
{
    const struct migrate_file *f = p->entry->file;
    struct str chunks = arena_printf(m->arena, "%zu", p->text.n_up);
    struct str row[] = { f->name, f->hash, chunks, str_from(m->session->user) };
    return migration_texts(m, migrate_journal_adopt(), row, sizeof(row) / sizeof(row[0])) &&
           migration_texts(m, migrate_journal_applied(str_from(m->database.migrations_table), m->arena), &f->name, 1);
}

static bool report_adopted(struct migration *m, const struct pending *p)
{
    struct value cells[] = { value_text(p->entry->name), value_text(STR("taken as applied")) };
    return migration_row(m, cells, 2);
}

static enum outcome work_baseline(struct migration *m)
{
    return in_one_batch(m, adopt, report_adopted);
}

enum outcome migration_baseline(struct migration *m)
{
    static const struct migration_kind kind = { .choose = choose_baseline, .work = work_baseline };
    return migration_run(m, &kind);
}

/* ---- REPAIR ---- */

static bool choose_repair(struct migration *m)
{
    if (!room_for_pending(m))
        return false;
    for (size_t i = 0; i < m->journal.n; i++)
        if (m->journal.entries[i].state == MIGRATE_MODIFIED)
            m->pending[m->n_pending++].entry = &m->journal.entries[i];
    return true;
}

static bool accept_text(struct migration *m, const struct pending *p)
{
    struct str row[] = { p->entry->name, p->entry->file->hash };
    return migration_texts(m, migrate_journal_accept(), row, 2);
}

static bool report_accepted(struct migration *m, const struct pending *p)
{
    struct value cells[] = { value_text(p->entry->name), value_text(p->entry->hash), value_text(p->entry->file->hash) };
    return migration_row(m, cells, 3);
}

static enum outcome work_repair(struct migration *m)
{
    return in_one_batch(m, accept_text, report_accepted);
}

enum outcome migration_repair(struct migration *m)
{
    static const struct migration_kind kind = { .choose = choose_repair, .work = work_repair };
    return migration_run(m, &kind);
}

/* ---- DOWN ---- */

static bool refuse_down(struct migration *m, const struct migrate_entry *e, const char *why)
{
    err_set(m->err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "migration \"%.*s\" cannot be taken back: %s",
            STR_FMT(e->name), why);
    return err_hint(m->err, "What takes a migration back stands behind the line \"-- migrate:down\" of its file.");
}

/* The last applied one, or all above the one named, newest first. */
static bool choose_down(struct migration *m)
{
    size_t above;
    if (!room_for_pending(m) || !named(m, m->command->to, m->folder.n, &above))
        return false;
    for (size_t i = m->journal.n; i-- > 0;) {
        const struct migrate_entry *e = &m->journal.entries[i];
        if (e->state == MIGRATE_PENDING || (e->state == MIGRATE_FAILED && !e->chunks_done))
            continue;
        if (e->state == MIGRATE_APPLIED && (m->command->to.p ? index_of(m, e) <= above : m->n_pending > 0))
            break;
        if (e->state != MIGRATE_APPLIED)
            return refuse_down(m, e,
                               e->state == MIGRATE_MISSING    ? "its file is missing"
                               : e->state == MIGRATE_MODIFIED ? "its text has changed"
                                                              : "it was applied in part");
        struct pending *p = &m->pending[m->n_pending++];
        p->entry = e;
        if (!migrate_text_read(e->file, migration_dialect(m), m->arena, &p->text, m->err))
            return false;
        if (!p->text.has_down)
            return refuse_down(m, e, "its file does not say how");
    }
    return true;
}

static size_t statements_of(const struct pending *p)
{
    size_t n = 0;
    for (size_t c = 0; c < p->text.n_down; c++)
        n += p->text.down[c].n;
    return n;
}

static const struct migrate_statement *statement_at(const struct migration *m, const struct pending *p, size_t i)
{
    (void)m;
    size_t c = 0;
    while (i >= p->text.down[c].n)
        i -= p->text.down[c++].n;
    return &p->text.down[c].statements[i];
}

/* One batch a migration. */
static enum outcome send_down(struct migration *m)
{
    struct pending *p = &m->pending[m->at];
    const struct str name = p->entry->name;
    enum outcome outcome = migration_add_statements(m, p, statements_of(p), statement_at);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (!migration_texts(m, migrate_journal_remove(str_from(m->database.migrations_table), m->arena), &name, 1) ||
        !migration_texts(m, migrate_journal_forget(), &name, 1) || !end_batch(m, m->at + 1 == m->n_pending))
        return OUTCOME_FAILED;
    return group_answer(m->session->group, END_IMPLICIT);
}

static enum outcome work_down(struct migration *m)
{
    while (m->at < m->n_pending) {
        struct pending *p = &m->pending[m->at];
        enum outcome outcome = m->is_sent ? OUTCOME_DONE : send_down(m);
        if (outcome != OUTCOME_DONE)
            return outcome;
        m->is_sent = false;
        m->session->group->wrote = false;
        p->took_us = worker_now(m->session->worker) - m->chunk_began_us;
        struct value cells[] = { value_text(p->entry->name), value_text(STR("taken back")),
                                 value_integer((int64_t)statements_of(p)),
                                 value_integer((int64_t)(p->took_us / 1000)) };
        m->at++;
        if (!migration_row(m, cells, 4))
            return OUTCOME_FAILED;
    }
    m->has_lease = false;
    return OUTCOME_DONE;
}

enum outcome migration_down(struct migration *m)
{
    static const struct migration_kind kind = { choose_down, work_down, statements_of, "to be taken back",
                                                true,        false,     false,         false };
    return migration_run(m, &kind);
}
