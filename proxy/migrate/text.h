/*
 * text.h - what a migration file says: its statements with their places, in chunks; its reverse part; its directives.
 *
 * A file is SQLite's SQL as wrangler runs it, or PostgreSQL's. Directives are line comments that stand alone on their line, outside
 * of statements' strings and block comments; the table of them is in text.c:
 *   -- pgd1: postgres        first line of the file: PostgreSQL's SQL                 -- pgd1: sqlite   the other way round
 *   -- pgd1: allow cascade   a DROP TABLE may delete rows of other tables (trap.h)
 *   --> breakpoint           a new chunk; so does "-- pgd1: chunk"
 *   -- migrate:down          what follows takes the migration back; "-- migrate:up" may stand above what applies it
 * A directive ends a statement that has no semicolon. A byte order mark before the first line is no part of the text.
 *
 * Owns     nothing: texts point into the file's, arrays live in the arena given.
 * Fails    "FILE:LINE:COLUMN: …" with 42601 (no SQL; a directive in a wrong place), 25001 (a statement that D1's batch cannot hold, as
 *          BEGIN), 54000 (statement too long, too many), 42501 (pgd1's own tables), 22023.
 * Not here running them; the rows a DROP TABLE would take: trap.h.
 */
#ifndef PGD1_MIGRATE_TEXT_H
#define PGD1_MIGRATE_TEXT_H

#include "proxy/migrate/folder.h"

enum { MIGRATE_MAX_STATEMENT = 100000, MIGRATE_MAX_STATEMENTS = 100000 };

enum migrate_dialect { MIGRATE_SQLITE, MIGRATE_POSTGRES };

struct migrate_statement {
    struct str text;  /* without its semicolon */
    int line, column; /* of its first character; from 1, column in characters */
};

/* What is applied at once. */
struct migrate_chunk {
    struct migrate_statement *statements;
    size_t n;
};

struct migrate_text {
    enum migrate_dialect dialect;
    bool allows_cascade, has_down;
    struct migrate_chunk *up; /* at least one, perhaps without a statement */
    size_t n_up;
    struct migrate_chunk *down;
    size_t n_down;
};

bool migrate_text_read(const struct migrate_file *file, enum migrate_dialect dialect, struct arena *arena,
                       struct migrate_text *ret, struct err *err);
/* "FILE:LINE:COLUMN: " before the message of an error that concerns a statement; answers false. */
bool migrate_text_fail(const struct migrate_file *file, const struct migrate_statement *statement, struct err *err);
/* The other way round: takes the place out of a message that has one for this file; otherwise line and column are 0. Answers the message. */
struct str migrate_text_place(const struct migrate_file *file, struct str message, int *ret_line, int *ret_column);

#endif
