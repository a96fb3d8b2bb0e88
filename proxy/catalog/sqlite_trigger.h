/*
 * sqlite_trigger.h - reads what SQLite keeps of CREATE TRIGGER.
 *
 * Owns     nothing: names live in the caller's arena, other texts point into the SQL given.
 * Fails    false when a text is not what it should be, or the arena is full.
 * Not here what the trigger does: the body is kept as it was written.
 */
#ifndef PGD1_CATALOG_SQLITE_TRIGGER_H
#define PGD1_CATALOG_SQLITE_TRIGGER_H

#include "proxy/base/arena.h"

enum sqlite_timing { SQLITE_BEFORE, SQLITE_AFTER, SQLITE_INSTEAD_OF };
enum sqlite_event { SQLITE_INSERT_EVENT, SQLITE_DELETE_EVENT, SQLITE_UPDATE_EVENT };

struct sqlite_trigger {
    struct str table;
    enum sqlite_timing timing;
    enum sqlite_event event;
    struct str *columns; /* UPDATE OF; NULL: of any */
    size_t n_columns;
    struct str condition; /* behind WHEN, without parentheses around the whole; empty: none */
    struct str body;      /* BEGIN … END */
};

bool sqlite_parse_trigger(struct str sql, struct arena *arena, struct sqlite_trigger *ret);

#endif
