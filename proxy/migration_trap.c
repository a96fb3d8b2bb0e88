/*
 * migration_trap.c - before a run: DROP TABLE that would act on rows of other tables; see migration_private.h and replay_check_drop().
 *
 * What is to be run is replayed on a copy of D1's schema without rows, so that each DROP meets the keys that will be there then, however
 * tables are renamed before. Runs without a DROP in SQLite's dialect pay nothing.
 */
#include "proxy/migration_private.h"

#include "d1/split.h"
#include "proxy/planning.h"

/* The chunks that the run has before it. */
static struct replay_file run_of(const struct migration *m, const struct pending *p)
{
    size_t done = m->command->verb == MIGRATE_DOWN ? 0 : (size_t)p->entry->chunks_done;
    bool down = m->command->verb == MIGRATE_DOWN;
    size_t n = down ? p->text.n_down : p->text.n_up;
    return (struct replay_file){ .file = p->entry->file,
                                 .text = &p->text,
                                 .chunks = (down ? p->text.down : p->text.up) + (done < n ? done : n),
                                 .n_chunks = done < n ? n - done : 0,
                                 .checks_drops = true };
}

static bool drops(const struct replay_file *f)
{
    if (f->text->dialect != MIGRATE_SQLITE || f->text->allows_cascade)
        return false;
    for (size_t c = 0; c < f->n_chunks; c++)
        for (size_t i = 0; i < f->chunks[c].n; i++)
            if (str_eq_nocase(split_word(f->chunks[c].statements[i].text, 0), STR("drop")))
                return true;
    return false;
}

bool migration_may_trap(const struct migration *m)
{
    for (size_t i = 0; i < m->n_pending; i++) {
        struct replay_file f = run_of(m, &m->pending[i]);
        if (drops(&f))
            return true;
    }
    return false;
}

static bool prepare(struct migration *m)
{
    struct migration_replay *r = ARENA_NEW(m->arena, struct migration_replay);
    struct replay_file *files = ARENA_ARRAY(m->arena, struct replay_file, m->n_pending);
    if (!r || !files)
        return err_oom(m->err);
    for (size_t i = 0; i < m->n_pending; i++) {
        struct replay_file f = run_of(m, &m->pending[i]);
        if (f.n_chunks)
            files[r->n++] = f;
    }
    r->files = files;
    r->base = m->live ? m->live : planning_schema(m->session);
    m->trap = r;
    return true;
}

enum outcome migration_check_drops(struct migration *m)
{
    if (!m->trap && !migration_may_trap(m))
        return OUTCOME_DONE;
    return m->trap || prepare(m) ? migration_replay(m, m->trap) : OUTCOME_FAILED;
}
