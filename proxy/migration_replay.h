/*
 * migration_replay.h - files of migrations, or a declared schema, replayed on an empty database (replay.h) for a MIGRATE statement.
 *
 * Only a MIGRATE statement under way replays. It takes turns with the worker's other sessions: after REPLAY_TURN_US the session waits for
 * the loop once (OUTCOME_WAIT), and the same call goes on.
 *
 *   struct migration_replay *r = …;     zeroed, in m->arena, with its files; one for each schema that is wanted
 *   outcome = migration_replay(m, r);   again and again until it is not OUTCOME_WAIT
 *
 * Owns     the replay and the schema: until the MIGRATE statement ends, then both are freed.
 * Fails    OUTCOME_FAILED with m->err, "FILE:LINE:COLUMN: " before its message, and r->failed… filled; 57014 when it was cancelled.
 * Not here comparing schemas: migrate/difference.h.
 */
#ifndef PGD1_PROXY_MIGRATION_REPLAY_H
#define PGD1_PROXY_MIGRATION_REPLAY_H

#include "proxy/replay.h"
#include "proxy/session.h"

enum { REPLAY_TURN_US = 10000 };

struct migration;

struct replay_file {
    const struct migrate_file *file;
    const struct migrate_text *text;
    const struct migrate_chunk *chunks; /* what is replayed of it, one after the other; NULL: its up part */
    size_t n_chunks;                    /* 0: all of the up part */
    bool checks_drops;                  /* its DROP TABLE must not act on rows of other tables (replay_check_drop()) */
};

struct migration_replay {
    const struct replay_file *files;
    size_t n;
    const struct snapshot
        *base; /* what it begins with, without rows: only definitions are replayed, and only drops fail; NULL: empty */
    /* what came of it */
    struct snapshot *schema; /* OUTCOME_DONE: a reference that migration_replays_end() gives back */
    const struct migrate_file *failed_file;
    int failed_line, failed_column; /* 0: the end of a chunk */
    struct err *failure;            /* without its place; in m->arena */
    /* its own */
    struct replay *replay; /* NULL: not begun, or over. VALIDATE asks it about keys before the statement ends */
    size_t at, chunk, statement;
    struct timer turn;
    struct migration *migration;
    struct worker *worker;
    struct migration_replay *next;
};

enum outcome migration_replay(struct migration *m, struct migration_replay *r);
/* The MIGRATE statement ends: all of its replays do. */
void migration_replays_end(struct migration *m);

#endif
