/*
 * group_broken_key.c - which foreign key a statement broke: SQLite names none, PostgreSQL the constraint, and the values in DETAIL.
 *
 * Where the tables written have one key only, d1_error.c knows it. Else, after such an error and then only, the steps up to the one that
 * failed are sent once more, in a batch that is taken back: all keys wait there, so that the statement goes through, and members behind
 * it ask for one key after the other (sql/key_check.h); for those that do not wait, RESTRICT, triggers ask. What the first of them raises
 * is the error; where something else comes of that batch, it stands as it is.
 *
 * A row of a table that refers to itself may miss its parent because it was given another one, or because that one was changed: triggers
 * that live only in the batch note the keys that an UPDATE changes.
 */
#include "proxy/group_private.h"

#include "proxy/sql/key_check.h"

#define NOTHING_BROKEN "!kept" /* what ends the batch when no key is */

enum { KEYS_MAX = 64, NOTES_PER_KEY = 2 };

struct broken_key_question {
    struct step *at;
    struct d1_asked asked;
    struct err err;
    struct d1_result *results; /* of the batch that failed; NULL: not told */
};

struct asking {
    struct group *g;
    const struct snapshot *snapshot;
    const struct plan *plan;
    struct d1_statement *notes; /* ahead of the step: tables and triggers */
    size_t n_notes;
    struct d1_statement *checks; /* behind it */
    size_t n_checks;
    bool no_memory;
};

static bool is_written(const struct plan *plan, const struct relation *r)
{
    for (size_t i = 0; r && i < plan->n_writes; i++)
        if (str_eq(plan->writes[i]->sqlite_name, r->sqlite_name))
            return true;
    return false;
}

static void add_check(struct asking *a, const struct relation *r, const struct constraint *key, enum key_side side,
                      struct str also)
{
    struct str sql = key_check_sql(a->snapshot, r, key, side, also, KEY_CHECK_AFTER_STATEMENT, a->g->arena);
    a->no_memory |= !sql.p;
    a->checks[a->n_checks++] = (struct d1_statement){ .sql = sql };
}

/* Notes the keys that the step takes away from rows; what a referring row must be, to miss one of these. */
static struct str note_changed(struct asking *a, const struct relation *r, const struct constraint *key)
{
    struct key_note note = key_note_changed(r, key, a->g->arena);
    a->notes[a->n_notes++] = (struct d1_statement){ .sql = note.table };
    a->notes[a->n_notes++] = (struct d1_statement){ .sql = note.trigger };
    a->no_memory |= !note.table.p || !note.trigger.p || !note.misses.p;
    return note.misses;
}

static void add_restrict(struct asking *a, const struct relation *r, const struct constraint *key, bool deletes)
{
    struct str sql = key_restrict_sql(a->snapshot, r, key, deletes, a->g->arena);
    a->no_memory |= !sql.p;
    a->notes[a->n_notes++] = (struct d1_statement){ .sql = sql };
}

/* Keys on what was written are looked at first, as PostgreSQL does. */
static void ask_referring(struct asking *a, const struct relation *r, const struct constraint *key)
{
    bool deletes = str_starts(str_from(a->plan->tag), STR("DELETE")),
         inserts = str_starts(str_from(a->plan->tag), STR("INSERT"));
    bool refers_to_itself = key_referred(a->snapshot, key) == r;
    if (!is_written(a->plan, key_referred(a->snapshot, key)) || (refers_to_itself && inserts))
        return;
    if ((deletes ? key->on_delete : key->on_update) == 'r')
        add_restrict(a, r, key, deletes);
    else
        add_check(a, r, key, KEY_OF_REFERRED, refers_to_itself && !deletes ? note_changed(a, r, key) : STR(""));
}

static void ask_own(struct asking *a, const struct relation *r, const struct constraint *key)
{
    if (is_written(a->plan, r) && !str_starts(str_from(a->plan->tag), STR("DELETE")))
        add_check(a, r, key, KEY_OF_REFERRING, STR(""));
}

static void each_key(struct asking *a,
                     void (*ask)(struct asking *a, const struct relation *r, const struct constraint *key))
{
    for (size_t i = 0; i < a->snapshot->n_relations; i++)
        for (size_t k = 0;
             k < a->snapshot->relations[i].n_constraints && a->n_checks < KEYS_MAX && a->n_notes < KEYS_MAX; k++) {
            const struct constraint *key = &a->snapshot->relations[i].constraints[k];
            if (key->kind == 'f' && !key->not_valid)
                ask(a, &a->snapshot->relations[i], key);
        }
}

/* 0: there is nothing to ask, or no memory. */
static size_t make_members(struct group *g, struct step *at, const struct snapshot *snapshot, struct d1_statement **ret)
{
    struct asking a = { .g = g, .snapshot = snapshot, .plan = at->x.plan };
    a.notes = ARENA_ARRAY(g->arena, struct d1_statement, (size_t)KEYS_MAX * NOTES_PER_KEY);
    a.checks = ARENA_ARRAY(g->arena, struct d1_statement, KEYS_MAX + 1);
    if (!a.notes || !a.checks)
        return 0;
    each_key(&a, ask_referring);
    each_key(&a, ask_own);
    if (a.no_memory || !(a.n_checks + a.n_notes))
        return 0;
    size_t n = group_members_before(g, at, 1 + a.n_notes + at->n_statements + a.n_checks + 1, ret);
    if (!*ret)
        return 0;
    (*ret)[n++] = (struct d1_statement){ .sql = STR("PRAGMA defer_foreign_keys=on") };
    for (size_t i = 0; i < a.n_notes; i++)
        (*ret)[n++] = a.notes[i];
    for (size_t i = 0; i < at->n_statements; i++)
        (*ret)[n++] = at->statements[i];
    for (size_t i = 0; i < a.n_checks; i++)
        (*ret)[n++] = a.checks[i];
    (*ret)[n++] = (struct d1_statement){ .sql = STR("SELECT json_extract('{}','" NOTHING_BROKEN "')") };
    return n;
}

static void on_done(struct d1_request *r)
{
    struct group *g = r->user;
    struct broken_key_question *q = g->broken_key;
    struct err told;
    if (!group_is_answered(g, r))
        return;
    g->broken_key = NULL;
    err_init(&told, g->arena);
    if (r->error.kind == D1_ERROR_SQL && !d1_error_is_guard(r->error.message, STR(NOTHING_BROKEN)))
        d1_error_map(&r->error, &q->asked, &told);
    if (told.code == SQLSTATE_FOREIGN_KEY_VIOLATION && told.constraint.n) {
        err_clear(&q->err);
        err_copy(&q->err, &told);
    }
    g->request.results = q->results;
    group_fail_step(g, q->at, &q->err);
}

bool group_ask_broken_key(struct group *g, struct step *at, const struct d1_asked *asked, const struct err *err)
{
    struct d1_statement *members = NULL;
    struct broken_key_question *q;
    if (err->code != SQLSTATE_FOREIGN_KEY_VIOLATION || err->constraint.n || !at || g->session->cancelled || at->bulk ||
        at->is_ddl || at->x.plan->is_raw || g->migration || database_tears_batches(g->database) || !asked->snapshot ||
        !(q = ARENA_NEW(g->arena, struct broken_key_question)))
        return false;
    size_t n = make_members(g, at, asked->snapshot, &members);
    if (n == 0)
        return false;
    *q = (struct broken_key_question){ .at = at, .asked = *asked, .results = g->request.results };
    err_init(&q->err, g->arena);
    err_copy(&q->err, err);
    g->broken_key = q;
    group_ask(g, members, n, D1_TRYOUT, group_ignore_row, on_done);
    return true;
}
