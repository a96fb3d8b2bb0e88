/*
 * generate.h - the steps that lead from one schema to another, as statements of either dialect.
 *
 *   migrate_difference()  ->  migrate_generate()  ->  migrate_generate_text(): a file
 *
 * SQLite's dialect is what wrangler runs as it is: SQLite's own ALTER where it can, else the lossless rebuild in one batch (ddl_remake.h).
 * PostgreSQL's is one ALTER TABLE a table, which the translator turns into the same. A rename is never guessed: it is a drop and an add.
 * Who uses the steps must prove them: replayed on the first schema they must give the second; what cannot be said shows there.
 *
 * Owns     nothing: texts live in the arena given.
 * Fails    0A000 for what the dialect cannot say, with the object named; 53200.
 * Not here reading schemas, replaying, writing the file: proxy/migration_generate.c.
 */
#ifndef PGD1_MIGRATE_GENERATE_H
#define PGD1_MIGRATE_GENERATE_H

#include "proxy/migrate/difference.h"
#include "proxy/migrate/text.h"

struct migrate_step {
    struct str what;        /* "add column email to users"; one line */
    struct str loss;        /* what of the data goes or may stand in the way; empty: nothing */
    struct str *statements; /* without semicolons */
    size_t n;
};

struct migrate_steps {
    struct migrate_step *list;
    size_t n, room;
};

bool migrate_generate(enum migrate_dialect dialect, const struct snapshot *is, const struct snapshot *wanted,
                      const struct migrate_differences *differences, struct arena *arena, struct migrate_steps *ret,
                      struct err *err);
/* What empties a database, in SQLite's words: every trigger, view and table but internal ones. Rows of the side catalogue are the caller's. */
bool migrate_generate_drops(const struct snapshot *is, struct str wrangler_table, struct arena *arena,
                            struct migrate_steps *ret, struct err *err);
/* A migration file: each step a comment and its statements; from: the name of what was declared. {NULL,0}: no memory. */
struct str migrate_generate_text(enum migrate_dialect dialect, const struct migrate_steps *steps, struct str from,
                                 struct arena *arena);
/* What of the data a difference takes when it is settled; empty: nothing. {NULL,0}: no memory. */
struct str migrate_generate_loss(const struct snapshot *is, const struct snapshot *wanted,
                                 const struct migrate_difference *d, struct arena *arena);
/* Whether something is dropped and something else of its kind is added: perhaps a rename was meant. */
bool migrate_generate_may_rename(const struct migrate_differences *differences);

#endif
