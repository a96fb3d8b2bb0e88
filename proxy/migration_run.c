/* migration_run.c - MIGRATE UP: chunk after chunk; see migration.h. */
#include "proxy/migration_private.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include "proxy/database.h"
#include "proxy/planning.h"

/* ---- what is to be done ---- */

enum migrate_dialect migration_dialect(const struct migration *m)
{
    return m->database.migrations_dialect == CONFIG_POSTGRES ? MIGRATE_POSTGRES : MIGRATE_SQLITE;
}

static bool refuse_modified(struct migration *m, const struct migrate_entry *e)
{
    err_set(m->err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "migration \"%.*s\" has been changed since it was applied", STR_FMT(e->name));
    err_detail(m->err, "Its text had the SHA-256 %.*s, the file has %.*s.", STR_FMT(e->hash), STR_FMT(e->file->hash));
    return err_hint(m->err,
                    "Put the text back and write what has changed as a new migration; or MIGRATE REPAIR accepts it.");
}

/* The texts of all that is pending are read before the first of them runs. */
static bool choose(struct migration *m)
{
    size_t last = m->folder.n;
    if (m->command->to.p && !migrate_folder_find(&m->folder, m->command->to, &last, m->err))
        return false;
    m->n_pending = 0;
    m->pending = ARENA_ARRAY(m->arena, struct pending, m->journal.n);
    if (!m->pending)
        return err_oom(m->err);
    for (size_t i = 0; i < m->journal.n; i++) {
        const struct migrate_entry *e = &m->journal.entries[i];
        if (e->state == MIGRATE_MODIFIED)
            return refuse_modified(m, e);
        if (e->state != MIGRATE_PENDING && e->state != MIGRATE_FAILED)
            continue;
        if (last < m->folder.n && (size_t)(e->file - m->folder.files) > last)
            continue;
        struct pending *p = &m->pending[m->n_pending++];
        p->entry = e;
        if (!migrate_text_read(e->file, migration_dialect(m), m->arena, &p->text, m->err))
            return false;
    }
    m->chunk = m->n_pending ? (size_t)m->pending[0].entry->chunks_done : 0;
    return true;
}

static bool report(struct migration *m, const struct pending *p, const char *result, size_t statements, bool ran)
{
    struct value cells[] = { value_text(p->entry->name), value_text(str_from(result)),
                             value_integer((int64_t)statements),
                             ran ? value_integer((int64_t)(p->took_us / 1000)) : value_null() };
    return migration_row(m, cells, 4);
}

/* What UP has still to run of it. */
static size_t statements_up(const struct pending *p)
{
    size_t n = 0;
    for (size_t c = (size_t)p->entry->chunks_done; c < p->text.n_up; c++)
        n += p->text.up[c].n;
    return n;
}

static enum outcome tell_only(struct migration *m, const struct migration_kind *kind)
{
    for (size_t i = 0; i < m->n_pending; i++)
        if (!report(m, &m->pending[i], kind->would, kind->count(&m->pending[i]), false))
            return OUTCOME_FAILED;
    return OUTCOME_DONE;
}

/* ---- the lease and the journal ---- */

bool migration_draw_holder(struct migration *m)
{
    unsigned char bytes[HOLDER_CHARS / 2];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return err_set(m->err, SQLSTATE_INTERNAL_ERROR, "could not generate random values");
    str_hex((struct str){ (const char *)bytes, sizeof(bytes) }, m->holder);
    return true;
}

bool migration_add_table(struct migration *m, enum migrate_create table)
{
    const struct snapshot *schema = m->claims ? m->live : planning_schema(m->session);
    struct str name, sql = migrate_journal_create(table, str_from(m->database.migrations_table), &name, m->arena);
    for (size_t i = 0; schema && i < schema->n_objects; i++)
        if (str_eq_nocase(schema->objects[i].name, name))
            return true;
    return migration_member(m, MEMBER_DDL, sql, NULL, 0, 0, NULL);
}

static bool check_lease(struct migration *m)
{
    struct value *holder = ARENA_NEW(m->arena, struct value);
    if (!holder)
        return err_oom(m->err);
    *holder = value_text(str_from(m->holder));
    return migration_member(m, MEMBER_READ, migrate_lease_check(), holder, 1, 1, NULL);
}

bool migration_add_lease(struct migration *m)
{
    const struct session *s = m->session;
    struct str lease[] = { str_from(m->holder), arena_printf(m->arena, "%s, process %u, from %s", s->user,
                                                             s->presence.pid, s->peer.address) };
    for (int t = 0; t < MIGRATE_CREATE_NR; t++)
        if (!migration_add_table(m, (enum migrate_create)t))
            return false;
    return migration_texts(m, migrate_lease_take(), lease, 2) && check_lease(m);
}

static enum outcome open_journal(struct migration *m)
{
    const struct session *s = m->session;
    if (s->bookmark)
        m->bookmark = arena_str(m->arena, str_from(s->bookmark));
    if (!migration_add_lease(m) || !migration_add_journal(m, true))
        return OUTCOME_FAILED;
    return group_answer(m->session->group, END_IMPLICIT);
}

/* ---- a chunk ---- */

static enum outcome plan_statement(struct migration *m, const struct sql_statement *parsed,
                                   const struct sql_source *source, const struct migrate_statement *place)
{
    struct session *s = m->session;
    struct found_plan found;
    m->plans = true;
    enum outcome outcome = planning_make(s, parsed, source, false, &found, m->err);
    m->plans = false;
    if (outcome != OUTCOME_DONE)
        return outcome;
    struct execution x = { .plan = found.plan, .source = *source, .sink = SINK_TAKEN, .migrates = place };
    if (!group_keep_plan(s->group, found.plan, m->err))
        return OUTCOME_FAILED;
    if (found.plan->n_params) {
        err_set(m->err, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $1");
        return OUTCOME_FAILED;
    }
    return execute(s, &x, m->err);
}

/* A statement of a file as a step; m->err has no place yet when it fails. */
static enum outcome add_statement(struct migration *m, const struct pending *p,
                                  const struct migrate_statement *statement)
{
    struct session *s = m->session;
    bool is_raw = p->text.dialect == MIGRATE_SQLITE;
    struct sql_list list;
    struct sql_source source = { .text = statement->text };
    enum outcome outcome = OUTCOME_FAILED;
    if (is_raw) {
        struct sql_statement one = { .text = statement->text, .is_raw = true };
        outcome = plan_statement(m, &one, &source, statement);
    } else if (sql_parse(statement->text, s->serving->config->max_message_bytes, m->arena, &list, m->err)) {
        outcome = plan_statement(m, &list.statements[0], &source, statement);
    }
    return outcome;
}

/* The journal's row comes with the chunk; the lease goes with the last one. */
static bool note_chunk(struct migration *m, const struct pending *p)
{
    const struct migrate_entry *e = p->entry;
    struct str done = arena_printf(m->arena, "%zu", m->chunk + 1), all = arena_printf(m->arena, "%zu", p->text.n_up);
    struct str row[] = { e->name, e->file->hash, done, all, str_from(m->session->user), m->bookmark };
    struct str holder = str_from(m->holder), wrangler = str_from(m->database.migrations_table);
    bool applied = m->chunk + 1 == p->text.n_up, last = applied && m->at + 1 == m->n_pending;
    return migration_texts(m, migrate_journal_chunk(), row, sizeof(row) / sizeof(row[0])) &&
           (!applied || p->is_pushed || migration_texts(m, migrate_journal_applied(wrangler, m->arena), &e->name, 1)) &&
           (!applied || !migration_is_counted(m) || migration_texts(m, migrate_tries_done(), &e->name, 1)) &&
           (!last || migration_texts(m, migrate_lease_release(), &holder, 1));
}

static bool check_unchanged(struct migration *m)
{
    struct value *digest = ARENA_NEW(m->arena, struct value);
    if (!digest)
        return err_oom(m->err);
    *digest = value_text(m->digest);
    return migration_member(m, MEMBER_READ, migrate_journal_unchanged(str_from(m->database.migrations_table), m->arena),
                            digest, 1, 1, NULL);
}

bool migration_begin_batch(struct migration *m)
{
    struct str holder = str_from(m->holder);
    m->chunk_began_us = worker_now(m->session->worker);
    return (m->claims ? migration_add_lease(m) && check_unchanged(m) : check_lease(m)) &&
           migration_texts(m, migrate_lease_extend(), &holder, 1);
}

enum outcome migration_add_statements(struct migration *m, const struct pending *p, size_t n,
                                      const struct migrate_statement *(*at)(const struct migration *m,
                                                                            const struct pending *p, size_t i))
{
    if (!m->n_added && !migration_begin_batch(m))
        return OUTCOME_FAILED;
    for (m->n_added = m->n_added ? m->n_added : 1; m->n_added <= n; m->n_added++) {
        const struct migrate_statement *statement = at(m, p, m->n_added - 1);
        enum outcome outcome = add_statement(m, p, statement);
        if (outcome == OUTCOME_FAILED)
            migrate_text_fail(p->entry->file, statement, m->err);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    m->n_added = 0;
    return OUTCOME_DONE;
}

static const struct migrate_statement *of_chunk(const struct migration *m, const struct pending *p, size_t i)
{
    return &p->text.up[m->chunk].statements[i];
}

static enum outcome send_chunk(struct migration *m)
{
    struct pending *p = &m->pending[m->at];
    size_t n = p->text.up[m->chunk].n;
    enum outcome outcome = migration_add_statements(m, p, n, of_chunk);
    if (outcome != OUTCOME_DONE)
        return outcome;
    m->statements += n;
    m->is_sent = true;
    struct group *g = m->session->group;
    g->has_successor = m->at + 1 < m->n_pending || m->chunk + 1 < p->text.n_up;
    g->wants_schema = m->carried && !g->has_successor;
    return note_chunk(m, p) ? group_answer(m->session->group, END_IMPLICIT) : OUTCOME_FAILED;
}

static bool tell_progress(struct migration *m, const struct pending *p)
{
    struct err notice = { .code = SQLSTATE_SUCCESSFUL_COMPLETION };
    notice.message = m->chunk == p->text.n_up ? arena_printf(m->arena, "migration %.*s applied (%zu of %zu)",
                                                             STR_FMT(p->entry->name), m->at + 1, m->n_pending)
                                              : arena_printf(m->arena, "migration %.*s: chunk %zu of %zu done",
                                                             STR_FMT(p->entry->name), m->chunk, p->text.n_up);
    if (!notice.message.p)
        return err_oom(m->err);
    session_notice(m->session, SEVERITY_NOTICE, &notice);
    session_flush(m->session); /* progress is told when it is made */
    return true;
}

/* What was sent has been done. */
static bool end_chunk(struct migration *m)
{
    struct session *s = m->session;
    struct pending *p = &m->pending[m->at];
    m->is_sent = false;
    m->carried = s->group->has_successor && s->group->has_carried ? s->database : NULL;
    s->group->has_successor = s->group->wants_schema = false;
    m->has_lease = true; /* the first one may have brought it */
    m->claims = false;
    s->group->wrote = false; /* the next chunk is a transaction of its own */
    p->took_us += worker_now(s->worker) - m->chunk_began_us;
    m->chunk++;
    if (!tell_progress(m, p))
        return false;
    if (m->chunk < p->text.n_up)
        return true;
    if (!report(m, p, "applied", m->statements, true))
        return false;
    m->statements = 0;
    m->at++;
    m->chunk = m->at < m->n_pending ? (size_t)m->pending[m->at].entry->chunks_done : 0;
    return true;
}

enum outcome migration_apply(struct migration *m)
{
    while (m->at < m->n_pending) {
        enum outcome outcome = migration_wants_mark(m) ? migration_mark(m) : OUTCOME_DONE;
        if (outcome == OUTCOME_DONE && !m->is_sent)
            outcome = send_chunk(m);
        if (outcome != OUTCOME_DONE)
            return outcome;
        if (!end_chunk(m))
            return OUTCOME_FAILED;
    }
    m->has_lease = false; /* it went with the last chunk */
    return OUTCOME_DONE;
}

/* ---- giving up ---- */

struct surrender {
    struct d1_request request;
    struct d1_statement statements[3];
    struct value params[6];
    struct arena *arena;
    struct migration *migration; /* NULL: nobody waits for it */
};

static void on_surrendered(struct d1_request *r)
{
    struct surrender *w = r->user;
    struct migration *m = w->migration;
    arena_free(w->arena);
    free(w);
    if (!m)
        return;
    m->surrender = NULL;
    m->has_lease = false;
    m->on_surrendered(m);
}

static bool add_surrender(struct surrender *w, struct str sql, size_t param, size_t n)
{
    struct d1_statement *statement = &w->statements[w->request.n_statements++];
    *statement = (struct d1_statement){ .sql = sql, .params = &w->params[param], .n_params = n };
    return sql.p != NULL;
}

/* The lease goes, and a migration that was under way has failed. */
static bool fill_surrender(struct surrender *w, const struct migration *m, const struct err *failure)
{
    bool applies = m->phase == MIGRATION_APPLY && m->has_lease && m->at < m->n_pending;
    const struct pending *p = applies ? &m->pending[m->at] : NULL;
    const struct str texts[] = { str_from(m->holder),
                                 p ? p->entry->name : (struct str){ 0 },
                                 p ? p->entry->file->hash : (struct str){ 0 },
                                 arena_printf(w->arena, "%zu", p ? p->text.n_up : 0),
                                 str_from(m->session->user),
                                 failure->message };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct str copy = arena_str(w->arena, texts[i]);
        if (texts[i].n && !copy.p)
            return false;
        w->params[i] = value_text(copy);
    }
    w->request = (struct d1_request){
        .statements = w->statements,
        .access = D1_WRITE,
        .deadline_us = worker_now(m->session->worker) + m->session->serving->config->d1_timeout_us,
        .done = on_surrendered,
        .user = w,
        .arena = w->arena,
    };
    return (!p || add_surrender(w, migrate_journal_failed(), 1, 5)) &&
           add_surrender(w, migrate_lease_release(), 0, 1) &&
           (!p || !migration_is_counted(m) || add_surrender(w, migrate_tries_less(), 1, 1));
}

bool migration_surrender(struct migration *m, const struct err *failure, void (*then)(struct migration *m))
{
    bool in_doubt = m->claims && failure->code == SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN; /* it may have been taken */
    if ((!m->has_lease && !in_doubt) || m->surrender)
        return false;
    struct surrender *w = calloc(1, sizeof(*w));
    if (!w)
        return false;
    w->arena = arena_new(1 << 20);
    w->migration = m;
    if (!w->arena || !fill_surrender(w, m, failure)) {
        arena_free(w->arena);
        free(w);
        return false;
    }
    m->surrender = w;
    m->on_surrendered = then;
    database_submit(m->session->database, &w->request);
    return true;
}

void migration_forget(struct migration *m)
{
    if (m->carried) /* the run ended before its last chunk */
        database_schema_suspect(m->carried);
    m->carried = NULL;
    if (m->surrender)
        m->surrender->migration = NULL;
    m->surrender = NULL;
    migration_travel_forget(m);
    migration_replays_end(m);
    snapshot_reader_free(m->schema_reader);
    snapshot_unref(m->live);
    m->schema_reader = NULL;
    m->live = NULL;
}

/* ---- a run ---- */

bool migration_check_confirmed(struct migration *m)
{
    if (m->database.environment != CONFIG_PRODUCTION || !m->database.confirm || m->command->dry_run ||
        str_eq(m->command->confirm, str_from(m->session->database_name)))
        return true;
    err_set(m->err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "database \"%s\" is a production database, and this was not confirmed", m->session->database_name);
    return err_hint(m->err, "MIGRATE %s CONFIRM '%s'", migrate_command_help(m->command->verb)->verb,
                    m->session->database_name);
}

static bool check_run(struct migration *m)
{
    bool asks = m->command->verb == MIGRATE_UP || m->command->verb == MIGRATE_DOWN;
    return (!asks || migration_check_confirmed(m)) && migration_check_restores(m) &&
           migrate_folder_read(m->database.migrations_dir, m->arena, &m->folder, m->err) &&
           migrate_folder_check(&m->folder, m->err) && migration_draw_holder(m);
}

/* What is known before the lease is taken says whether it is needed; behind it all is read once more, for another may have run. */
static enum outcome look(struct migration *m, const struct migration_kind *kind)
{
    enum outcome outcome = migration_read_journal(m);
    if (outcome != OUTCOME_DONE)
        return outcome;
    m->phase = m->claims ? MIGRATION_CHECK : MIGRATION_LEASE;
    m->asked = false;
    if (m->claims && m->session->bookmark)
        m->bookmark = arena_str(m->arena, str_from(m->session->bookmark));
    if (!kind->choose(m))
        return OUTCOME_FAILED;
    m->wants_schema = kind->needs_live || (kind->runs_files && migration_may_trap(m));
    return OUTCOME_DONE;
}

static enum outcome take_lease(struct migration *m, const struct migration_kind *kind)
{
    bool again;
    if (!m->asked) {
        m->asked = true;
        enum outcome outcome = open_journal(m);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    m->has_lease = true;
    m->session->group->wrote = false;
    if (!migration_take_journal(m, &again) || !kind->choose(m))
        return OUTCOME_FAILED;
    m->phase = MIGRATION_CHECK;
    return OUTCOME_DONE;
}

static enum outcome release(struct migration *m)
{
    struct str holder = str_from(m->holder);
    enum outcome outcome = OUTCOME_DONE;
    if (!m->is_sent) {
        m->is_sent = true;
        if (!migration_texts(m, migrate_lease_release(), &holder, 1))
            return OUTCOME_FAILED;
        outcome = group_answer(m->session->group, END_IMPLICIT);
    }
    m->has_lease = outcome != OUTCOME_DONE;
    return outcome;
}

enum outcome migration_know_live(struct migration *m)
{
    const struct snapshot *known = planning_schema(m->session);
    if (known && m->live && known->version == m->live->version)
        return OUTCOME_DONE;
    if (m->knows_live)
        return err_set(m->err, SQLSTATE_OBJECT_IN_USE, "the schema of the database is being changed by others"),
               OUTCOME_FAILED;
    m->knows_live = true;
    m->session->schema_since_us = worker_now(m->session->worker);
    planning_wait_schema(m->session); /* execute() is called again behind it */
    return OUTCOME_WAIT;
}

bool migration_asks_again(const struct migration *m, const struct err *err)
{
    const char *code = sqlstate_code(err->code);
    return m->claims && m->phase == MIGRATION_APPLY && strncmp(code, "08", 2) != 0 && strncmp(code, "57", 2) != 0 &&
           err->code != SQLSTATE_OUT_OF_MEMORY &&
           (err->code != SQLSTATE_OBJECT_IN_USE || str_is(err->message, MIGRATE_JOURNAL_CHANGED));
}

void migration_start_over(struct migration *m)
{
    m->claims = false;
    m->phase = MIGRATION_LOOK;
    m->asked = m->looked_again = m->is_sent = false;
    m->at = m->n_added = m->statements = 0;
    m->trap = NULL; /* it ends with the statement */
    m->mark = (struct mark){ 0 };
    m->travel = (struct travel_result){ 0 };
    m->bookmark = (struct str){ 0 };
}

enum outcome migration_run(struct migration *m, const struct migration_kind *kind)
{
    enum outcome outcome = OUTCOME_DONE;
    if (m->phase == MIGRATION_BEGIN) {
        if (!check_run(m))
            return OUTCOME_FAILED;
        m->claims = kind->claims && !m->command->dry_run && !migration_wants_restore(m);
        m->wants_schema = kind->needs_live || m->claims;
        m->phase = MIGRATION_LOOK;
    }
    if (m->phase == MIGRATION_LOOK)
        outcome = look(m, kind);
    if (outcome != OUTCOME_DONE || (!m->n_pending && !m->has_lease))
        return outcome;
    if (!m->command->dry_run && m->phase == MIGRATION_LEASE)
        outcome = take_lease(m, kind);
    if (outcome == OUTCOME_DONE && !m->n_pending) /* another runner has done it meanwhile */
        return release(m);
    if (outcome == OUTCOME_DONE && kind->runs_files && m->phase < MIGRATION_MARK)
        outcome = migration_check_drops(m);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (m->command->dry_run)
        return tell_only(m, kind);
    if (m->phase < MIGRATION_MARK)
        m->phase = kind->marks ? MIGRATION_MARK : MIGRATION_APPLY;
    if (m->phase == MIGRATION_MARK)
        outcome = migration_mark(m);
    if (outcome != OUTCOME_DONE)
        return outcome;
    m->phase = MIGRATION_APPLY;
    return kind->work(m);
}

enum outcome migration_up(struct migration *m)
{
    static const struct migration_kind up = {
        choose, migration_apply, statements_up, "pending", true, true, false, true
    };
    return migration_run(m, &up);
}
