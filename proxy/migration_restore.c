/*
 * migration_restore.c - RESTORE; the bookmark before a run; a migration that takes itself back; see migration_private.h.
 *
 *   RESTORE:  the lease -> the bookmark of the time, where one is named -> over a network: the bookmark of now -> back (migration_travel.h)
 *   UP with ON FAILURE RESTORE, before each migration of several chunks: it is counted in _pgd1_migration_tries -> its bookmark, which
 *     therefore has the count too -> its chunks -> the last one takes the count away. So no kill and no restore loses a count.
 */
#include "proxy/migration_private.h"

#include "pgwire/datetime.h"
#include "proxy/database.h"

enum { TRIES_MAX = 3 };

enum restore_step { RESTORE_LEASE, RESTORE_TARGET, RESTORE_NOW, RESTORE_GO };

struct migration_restore {
    enum restore_step step;
    bool is_sent;
    int64_t at_us;             /* 0: a bookmark was named */
    struct str target, before; /* before: empty where the transport tells it by itself */
    uint64_t began_us;
};

/* ---- texts ---- */

struct str migration_way_back(const struct migration *m, struct str bookmark)
{
    bool confirms = m->database.environment == CONFIG_PRODUCTION && m->database.confirm;
    if (!m->session->database->d1->traits.time_travel)
        return arena_printf(m->arena, "wrangler d1 time-travel restore %s --bookmark=%.*s",
                            m->database.binding[0] ? m->database.binding : m->session->database_name,
                            STR_FMT(bookmark));
    return arena_printf(m->arena, "MIGRATE RESTORE TO BOOKMARK '%.*s'%s%s%s", STR_FMT(bookmark),
                        confirms ? " CONFIRM '" : "", confirms ? m->session->database_name : "", confirms ? "'" : "");
}

static bool tell(struct migration *m, enum severity severity, enum sqlstate code, struct str message, struct str hint)
{
    struct err notice = { .code = code, .message = message, .hint = hint };
    if (!message.p)
        return err_oom(m->err);
    session_notice(m->session, severity, &notice);
    session_flush(m->session);
    return true;
}

/* ---- waiting ---- */

static void wake(struct migration *m)
{
    session_wake(m->session);
}

/* The statement is run again when the travel has ended. A cancel request comes too early or too late. */
static enum outcome wait_for_travel(struct migration *m)
{
    m->session->cancelled = 0;
    session_wait(m->session);
    return OUTCOME_WAIT;
}

static enum outcome travel_failed(struct migration *m)
{
    err_copy(m->err, &m->travel.error);
    return OUTCOME_FAILED;
}

/* ---- RESTORE ---- */

static bool check_possible(struct migration *m, const char *what)
{
    const struct d1_traits *traits = &m->session->database->d1->traits;
    if (traits->time_travel)
        return true;
    if (traits->in_process) {
        err_unsupported(m->err, "%s without snapshots", what);
        return err_hint(m->err, "Set embedded_snapshots to how many are to be kept.");
    }
    err_unsupported(m->err, "%s through a Worker", what);
    return err_hint(m->err,
                    "wrangler d1 time-travel restore %s does it, and so does pgd1 with d1=rest in the database's line.",
                    m->database.binding[0] ? m->database.binding : m->session->database_name);
}

static bool read_target(struct migration *m, struct migration_restore *r)
{
    struct session *s = m->session;
    if (m->command->bookmark.p) {
        r->target = m->command->bookmark;
        return d1_is_bookmark(r->target) ||
               err_set(m->err, SQLSTATE_INVALID_PARAMETER_VALUE, "\"%.*s\" is no bookmark", STR_FMT(r->target));
    }
    if (!timestamptz_parse(m->command->timestamp, &s->gucs.live.types, &r->at_us, m->err))
        return false;
    if (r->at_us > 0 && r->at_us <= session_wall_us(s))
        return true;
    return err_set(m->err, SQLSTATE_INVALID_PARAMETER_VALUE, "\"%.*s\" is no time that has been",
                   STR_FMT(m->command->timestamp));
}

static bool begin(struct migration *m)
{
    struct migration_restore *r = ARENA_NEW(m->arena, struct migration_restore);
    if (!r)
        return err_oom(m->err);
    r->began_us = worker_now(m->session->worker);
    if (!check_possible(m, "MIGRATE RESTORE") || !migration_check_confirmed(m) || !read_target(m, r) ||
        !migration_draw_holder(m))
        return false;
    m->restore = r;
    return true;
}

static enum outcome take_lease(struct migration *m, struct migration_restore *r)
{
    if (!r->is_sent) {
        r->is_sent = true;
        if (!migration_add_lease(m))
            return OUTCOME_FAILED;
        enum outcome outcome = group_answer(m->session->group, END_IMPLICIT);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    m->has_lease = true;
    m->session->group->wrote = false;
    r->step = r->at_us ? RESTORE_TARGET : RESTORE_NOW;
    return OUTCOME_DONE;
}

/* One travel of the statement: begun, waited for, or ended well. */
static enum outcome find(struct migration *m, struct migration_restore *r, int64_t at_us, struct str *ret)
{
    if (m->travel.end == TRAVEL_NONE)
        return migration_find(m, at_us, wake) ? wait_for_travel(m) : OUTCOME_FAILED;
    if (m->travel.end != TRAVEL_DONE)
        return travel_failed(m);
    *ret = m->travel.bookmark;
    m->travel.end = TRAVEL_NONE;
    r->step++;
    return OUTCOME_DONE;
}

static enum outcome unknown(struct migration *m, struct str target, struct str before)
{
    m->has_lease = false; /* its row tells what became of it */
    err_set(m->err, SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN,
            "connection to D1 was lost: it is unknown whether the database was restored to bookmark %.*s",
            STR_FMT(target));
    if (before.n)
        err_detail(m->err, "Before, it was at bookmark %.*s.", STR_FMT(before));
    err_hint(
        m->err,
        "It was restored if table _pgd1_migration_lease has no row with holder '%s', or is not there. It may still "
        "be, as long as that row is there.",
        m->holder);
    return OUTCOME_FAILED;
}

static enum outcome done(struct migration *m, struct migration_restore *r)
{
    struct str previous = m->travel.previous.n ? m->travel.previous : r->before;
    m->has_lease = false;
    if (m->travel.left.n &&
        !tell(m, SEVERITY_WARNING, SQLSTATE_WARNING,
              arena_printf(m->arena,
                           "the database is restored, but a lease of migrations may last for two minutes: %.*s",
                           STR_FMT(m->travel.left)),
              STR("")))
        return OUTCOME_FAILED;
    if (previous.n && !tell(m, SEVERITY_NOTICE, SQLSTATE_SUCCESSFUL_COMPLETION,
                            arena_printf(m->arena, "before, the database was at bookmark %.*s", STR_FMT(previous)),
                            migration_way_back(m, previous)))
        return OUTCOME_FAILED;
    struct value cells[] = { value_text(STR("restored")), value_text(r->target), migration_text(previous),
                             value_integer((int64_t)((worker_now(m->session->worker) - r->began_us) / 1000)) };
    return migration_row(m, cells, sizeof(cells) / sizeof(cells[0])) ? OUTCOME_DONE : OUTCOME_FAILED;
}

static enum outcome go_back(struct migration *m, struct migration_restore *r)
{
    switch (m->travel.end) {
    case TRAVEL_NONE:
        return migration_go_back(m, r->target, NULL, wake) ? wait_for_travel(m) : OUTCOME_FAILED;
    case TRAVEL_DONE:
        return done(m, r);
    case TRAVEL_FAILED:
        return travel_failed(m);
    case TRAVEL_UNKNOWN:
        break;
    }
    return unknown(m, r->target, r->before);
}

enum outcome migration_restore(struct migration *m)
{
    enum outcome outcome = OUTCOME_DONE;
    if (!m->restore && !begin(m))
        return OUTCOME_FAILED;
    struct migration_restore *r = m->restore;
    if (m->journey)
        return wait_for_travel(m);
    if (r->step == RESTORE_LEASE)
        outcome = take_lease(m, r);
    if (outcome == OUTCOME_DONE && r->step == RESTORE_TARGET)
        outcome = find(m, r, r->at_us, &r->target);
    if (outcome == OUTCOME_DONE && r->step == RESTORE_NOW && m->session->database->d1->traits.in_process)
        r->step = RESTORE_GO;
    if (outcome == OUTCOME_DONE && r->step == RESTORE_NOW)
        outcome = find(m, r, 0, &r->before);
    return outcome == OUTCOME_DONE ? go_back(m, r) : outcome;
}

/* ---- before a run ---- */

bool migration_wants_restore(const struct migration *m)
{
    return m->command->verb == MIGRATE_UP && (m->command->restore || (m->database.restores && !m->command->stop));
}

bool migration_check_restores(struct migration *m)
{
    return !migration_wants_restore(m) || check_possible(m, "ON FAILURE RESTORE");
}

static bool is_marked(const struct migration *m)
{
    return m->mark.at == m->at + 1;
}

/* Several chunks are before it, none of which is done: what was done by another run is not taken back. */
static bool can_be_half_done(const struct migration *m)
{
    const struct pending *p = &m->pending[m->at];
    return p->text.n_up > 1 && m->chunk + 1 < p->text.n_up;
}

bool migration_wants_mark(const struct migration *m)
{
    return !is_marked(m) && migration_wants_restore(m) && !m->is_sent && !m->n_added &&
           m->chunk == (size_t)m->pending[m->at].entry->chunks_done && can_be_half_done(m);
}

bool migration_is_counted(const struct migration *m)
{
    return is_marked(m) && m->mark.tries > 0;
}

static void begin_tries(void *ctx)
{
    ((struct migration *)ctx)->mark.tries = 0;
}

static bool take_tries(void *ctx, const struct value *cells, size_t n)
{
    struct migration *m = ctx;
    if (!n || cells[0].class != VALUE_TEXT || !str_to_int64(cells[0].bytes, &m->mark.tries))
        m->mark.tries = 0;
    return true;
}

static enum outcome count_try(struct migration *m)
{
    struct mark *k = &m->mark;
    const struct migrate_entry *e = m->pending[m->at].entry;
    if (!k->has_counted) {
        k->has_counted = true;
        k->taker = (struct row_taker){ begin_tries, take_tries, m };
        struct str row[] = { e->name, e->file->hash };
        struct value *name = ARENA_NEW(m->arena, struct value);
        if (!name)
            return err_oom(m->err), OUTCOME_FAILED;
        *name = value_text(e->name);
        if (!migration_begin_batch(m) || !migration_add_table(m, MIGRATE_CREATE_TRIES) ||
            !migration_texts(m, migrate_tries_more(), row, 2) ||
            !migration_member(m, MEMBER_READ, migrate_tries_read(), name, 1, 1, &k->taker))
            return OUTCOME_FAILED;
        enum outcome outcome = group_answer(m->session->group, END_IMPLICIT);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    m->session->group->wrote = false;
    return OUTCOME_DONE;
}

/* Where there is no travelling in time, the session's own bookmark has been noted. */
static enum outcome find_mark(struct migration *m)
{
    struct mark *k = &m->mark;
    if (!m->session->database->d1->traits.time_travel)
        return OUTCOME_DONE;
    if (!k->is_asked) {
        k->is_asked = true;
        return migration_find(m, 0, wake) ? wait_for_travel(m) : OUTCOME_FAILED;
    }
    m->bookmark = m->travel.bookmark;
    if (m->travel.end == TRAVEL_DONE)
        return OUTCOME_DONE;
    if (migration_wants_restore(m))
        return travel_failed(m);
    m->bookmark = (struct str){ 0 };
    return tell(m, SEVERITY_WARNING, SQLSTATE_WARNING,
                arena_printf(m->arena, "there is no way back behind this run: %.*s", STR_FMT(m->travel.error.message)),
                m->travel.error.detail)
               ? OUTCOME_DONE
               : OUTCOME_FAILED;
}

enum outcome migration_mark(struct migration *m)
{
    struct mark *k = &m->mark;
    enum outcome outcome = OUTCOME_DONE;
    if (m->journey)
        return wait_for_travel(m);
    if (!k->has_counted)
        k->tries = 0;
    if (!k->is_asked && migration_wants_restore(m) && can_be_half_done(m))
        outcome = count_try(m);
    if (outcome == OUTCOME_DONE)
        outcome = find_mark(m);
    if (outcome != OUTCOME_DONE)
        return outcome;
    k->at = m->at + 1;
    k->has_counted = k->is_asked = false;
    if (!m->bookmark.n)
        return OUTCOME_DONE;
    struct str message = arena_printf(m->arena, "the database is at bookmark %.*s", STR_FMT(m->bookmark));
    return tell(m, SEVERITY_NOTICE, SQLSTATE_SUCCESSFUL_COMPLETION, message, migration_way_back(m, m->bookmark))
               ? OUTCOME_DONE
               : OUTCOME_FAILED;
}

/* ---- a run that failed ---- */

/* Chunks of the migration that failed were done by this run. */
static bool is_half_done(const struct migration *m)
{
    return m->phase == MIGRATION_APPLY && m->at < m->n_pending && m->bookmark.n &&
           m->chunk > (size_t)m->pending[m->at].entry->chunks_done;
}

void migration_hint_way_back(struct migration *m, struct err *err)
{
    struct str hint = err->hint, back = is_half_done(m) ? migration_way_back(m, m->bookmark) : (struct str){ 0 };
    if (!back.n)
        return;
    err->hint = arena_printf(m->arena, "%.*s%s%.*s takes back the chunks that are done.", STR_FMT(hint),
                             hint.n ? " " : "", STR_FMT(back));
}

static void tell_later(struct migration *m, struct str message, struct str hint)
{
    m->told = ARENA_NEW(m->arena, struct err);
    if (m->told && message.p)
        *m->told = (struct err){ .code = SQLSTATE_SUCCESSFUL_COMPLETION, .message = message, .hint = hint };
    else
        m->told = NULL;
}

/* The failure stays what it was, but for what is not known. */
static void after_failure(struct migration *m)
{
    void (*then)(struct migration * m) = m->after_travel;
    const struct pending *p = &m->pending[m->at];
    struct travel_result *t = &m->travel;
    switch (t->end) {
    case TRAVEL_DONE:
        m->has_lease = false;
        tell_later(m,
                   arena_printf(m->arena,
                                "migration %.*s failed behind %zu of %zu chunks: the database was restored to bookmark "
                                "%.*s (%lld of at most %d times in a row)",
                                STR_FMT(p->entry->name), m->chunk, p->text.n_up, STR_FMT(m->bookmark),
                                (long long)m->mark.tries, (int)TRIES_MAX),
                   t->previous.n ? migration_way_back(m, t->previous) : (struct str){ 0 });
        break;
    case TRAVEL_UNKNOWN:
        m->err = m->failure;
        struct str cause = m->failure->message;
        err_clear(m->failure);
        unknown(m, m->bookmark, (struct str){ 0 });
        err_detail(m->failure, "Migration %.*s failed: %.*s", STR_FMT(p->entry->name), STR_FMT(cause));
        break;
    case TRAVEL_NONE:
    case TRAVEL_FAILED:
        tell_later(m, arena_printf(m->arena, "the database was not restored: %.*s", STR_FMT(t->error.message)),
                   (struct str){ 0 });
        migration_hint_way_back(m, m->failure);
        if (migration_surrender(m, m->failure, then))
            return;
    }
    then(m);
}

bool migration_restores_itself(struct migration *m, void (*then)(struct migration *m))
{
    if (!is_half_done(m) || !migration_is_counted(m) || !m->has_lease || m->surrender || m->journey ||
        m->failure->code == SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN) /* what is on its way may still arrive */
        return false;
    if (m->mark.tries > TRIES_MAX) {
        tell_later(m,
                   arena_printf(m->arena, "the database was restored %d times in a row, and is left as it is now",
                                (int)TRIES_MAX),
                   (struct str){ 0 });
        return false;
    }
    m->after_travel = then;
    return migration_go_back(m, m->bookmark, m->failure, after_failure);
}
