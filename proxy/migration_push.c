/*
 * migration_push.c - PUSH: D1's schema made equal to a declared one, as one migration that no file has; see migration_private.h.
 *
 *   the declared schema replayed -> the lease, D1's schema -> their difference -> steps -> a text, named by its hash
 *     -> the text replayed on a copy of D1's schema: what comes out must be what is declared -> one batch, with its row in the journal
 */
#include "proxy/migration_private.h"

struct migration_push {
    struct migration_replay declared, proof;
    struct replay_file schema_file, made_file;
    struct migrate_file schema, made;
    struct migrate_text schema_text;
    struct migrate_entry entry;
    struct migrate_differences differences;
    struct migrate_steps steps;
};

static bool begin(struct migration *m)
{
    struct migration_push *p = ARENA_NEW(m->arena, struct migration_push);
    if (!p)
        return err_oom(m->err);
    if (m->database.environment == CONFIG_PRODUCTION) {
        err_set(m->err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "MIGRATE PUSH does not run on a production database (\"%s\")", m->session->database_name);
        return err_hint(m->err, "MIGRATE GENERATE writes a migration, which MIGRATE UP applies.");
    }
    if (!migration_read_declared(m, &p->schema, &p->schema_text))
        return false;
    p->schema_file = (struct replay_file){ .file = &p->schema, .text = &p->schema_text };
    p->declared.files = &p->schema_file;
    p->declared.n = 1;
    m->push = p;
    return true;
}

/* The steps as one migration. */
static bool make(struct migration *m, struct migration_push *p, struct pending *pending)
{
    enum { NAME_CHARS = 12 };
    struct str hash, text = migrate_generate_text(migration_dialect(m), &p->steps, p->schema.name, m->arena);
    if (!text.p || !migrate_folder_hash(text, m->arena, &hash))
        return err_oom(m->err);
    struct str name = arena_printf(m->arena, MIGRATE_PUSH_PREFIX "%.*s.sql", NAME_CHARS, hash.p);
    p->made = (struct migrate_file){ .name = name, .number = -1, .text = text, .hash = hash };
    p->entry = (struct migrate_entry){ .name = name, .file = &p->made, .hash = hash };
    *pending = (struct pending){ .entry = &p->entry, .is_pushed = true };
    return (name.p || err_oom(m->err)) &&
           migrate_text_read(&p->made, migration_dialect(m), m->arena, &pending->text, m->err);
}

static bool choose(struct migration *m)
{
    struct migration_push *p = m->push;
    struct pending *pending = ARENA_NEW(m->arena, struct pending);
    m->n_pending = 0;
    m->pending = pending;
    if (!pending)
        return err_oom(m->err);
    if (!migrate_difference(m->live, p->declared.schema, str_from(m->database.migrations_table), m->arena,
                            &p->differences, m->err))
        return false;
    if (!p->differences.n)
        return true;
    if (!migrate_generate(migration_dialect(m), m->live, p->declared.schema, &p->differences, m->arena, &p->steps,
                          m->err) ||
        !migration_check_loss(m, &p->differences, &p->steps) || !make(m, p, pending))
        return false;
    p->made_file = (struct replay_file){ .file = &p->made, .text = &pending->text };
    m->n_pending = 1;
    return true;
}

static enum outcome work(struct migration *m)
{
    struct migration_push *p = m->push;
    enum outcome outcome = OUTCOME_DONE;
    if (!p->proof.n) {
        p->proof.files = &p->made_file;
        p->proof.base = m->live;
        p->proof.n = 1;
    }
    if (!p->proof.schema) {
        outcome = migration_replay(m, &p->proof);
        if (outcome == OUTCOME_DONE && !migration_check_proof(m, p->proof.schema, p->declared.schema))
            outcome = OUTCOME_FAILED;
    }
    if (outcome == OUTCOME_DONE && !m->n_added && !m->is_sent)
        outcome = migration_know_live(m);
    if (outcome == OUTCOME_DONE)
        outcome = migration_apply(m);
    if (outcome != OUTCOME_DONE)
        return outcome;
    m->n_answer = 0; /* its row of UP */
    return migration_tell_steps(m, p->made.name, &p->steps) ? OUTCOME_DONE : OUTCOME_FAILED;
}

enum outcome migration_push(struct migration *m)
{
    static const struct migration_kind kind = { .choose = choose, .work = work, .marks = true, .needs_live = true };
    if (!m->push && !begin(m))
        return OUTCOME_FAILED;
    enum outcome outcome = migration_replay(m, &m->push->declared);
    if (outcome == OUTCOME_DONE)
        outcome = migration_run(m, &kind);
    if (outcome == OUTCOME_DONE && !m->push->differences.n &&
        !migration_tell_nothing(m, "there already", m->push->schema.name))
        return OUTCOME_FAILED;
    return outcome;
}
