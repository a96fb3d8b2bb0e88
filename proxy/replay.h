/*
 * replay.h - statements of migrations run on an empty database of our own: what schema they lead to, and which of them fails.
 *
 * The database is SQLite in memory behind the embedded transport's own connection: D1's authorizer, limits, foreign keys, and the end of
 * a batch as D1 has it. SQLite's statements run as they are, PostgreSQL's through the translator on the schema as it is then, writes that
 * only the local engine can compute included. Queries run for their errors; their rows are dropped.
 *
 *   replay_new -> (replay_begin -> replay_statement … -> replay_end) once a chunk -> replay_schema -> replay_free
 *
 * Owns     struct replay: the connection, the newest schema.
 * Lives    one worker's thread; what it is given must outlive it.
 * Limits   REPLAY_PAGES pages of 4096 bytes; one statement may compute for REPLAY_STATEMENT_US.
 * Fails    what D1 would answer as SQLSTATE and text, without a place in a file; 54000 beyond the limits; 0A000 for what acts on a session
 *          (SET search_path, COPY, LISTEN…); 53200. A statement that failed leaves its chunk to replay_undo().
 * Not here files and their places, taking turns with other sessions: migration_replay.h.
 */
#ifndef PGD1_PROXY_REPLAY_H
#define PGD1_PROXY_REPLAY_H

#include "proxy/base/clock.h"
#include "proxy/migrate/text.h"
#include "proxy/sql/local.h"

struct replay;

enum { REPLAY_PAGES = 16384, REPLAY_STATEMENT_US = 5000000 };

/* What the session says. */
struct replay_session {
    const struct clock *clock;
    struct local_engine *engine;
    /* The translator's settings on that schema, and the values a plan asks for; traits are set here. */
    void (*settings)(void *ctx, const struct snapshot *schema, struct arena *arena, struct sql_settings *ret);
    void (*input)(void *ctx, const struct snapshot *schema, struct bind_input *ret);
    void *ctx;
    size_t max_bytes; /* that a write may read and compute here (finish_max_bytes) */
};

struct replay *replay_new(const struct replay_session *session, struct err *err); /* NULL with err */
void replay_free(struct replay *r);                                               /* accepts NULL */
/* At its beginning: this schema, without rows. From then on only definitions are replayed (CREATE, ALTER, DROP, PRAGMA); what needs
 * rows does nothing. */
bool replay_copy(struct replay *r, const struct snapshot *schema, struct err *err);
bool replay_begin(struct replay *r, struct err *err);
/*
 * Whether a statement of SQLite's may run as far as other tables' rows are concerned: DROP TABLE deletes the rows of its table first,
 * and ON DELETE CASCADE, SET NULL and SET DEFAULT act on what refers to them, with deferred keys too. 2BP01 with the safe form as hint.
 */
bool replay_check_drop(struct replay *r, struct str text, struct err *err);
/* One statement; err's texts live in err's arena. */
bool replay_statement(struct replay *r, enum migrate_dialect dialect, struct str text, struct err *err);
/* The end of a chunk: 23503 when deferred keys do not hold, and the chunk is undone. */
bool replay_end(struct replay *r, struct err *err);
void replay_undo(struct replay *r); /* the chunk is taken back; no effect outside of one */
/* The schema now: a reference, or NULL. */
struct snapshot *replay_schema(struct replay *r, struct err *err);
/* A foreign key that rows break, or whose table is not there: SQLite says nothing of that until rows are written. */
struct replay_broken_key {
    struct str table, parent;
    uint64_t rows; /* 0: there is no table `parent` */
};
/* Calls each for them, once a table and key. False: memory, or *each answered so. */
bool replay_broken_keys(struct replay *r, bool (*each)(void *ctx, const struct replay_broken_key *key), void *ctx,
                        struct err *err);

#endif
