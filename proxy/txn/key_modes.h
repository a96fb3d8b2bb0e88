/*
 * key_modes.h - SET CONSTRAINTS: which foreign keys a transaction checks at once, and which at its end.
 *
 *   none said       as declared: INITIALLY DEFERRED or INITIALLY IMMEDIATE
 *   newest first    the first entry for the constraint, or for all, says it
 *
 * A savepoint remembers where the list began, and ROLLBACK TO drops what is newer.
 *
 * Owns     nothing: the list is the transaction's.
 * Fails    53200.
 * Not here how it is brought about: proxy/group_deferred.c.
 */
#ifndef PGD1_PROXY_TXN_KEY_MODES_H
#define PGD1_PROXY_TXN_KEY_MODES_H

#include "proxy/base/err.h"
#include "proxy/catalog/snapshot.h"

struct key_mode {
    struct key_mode *next;
    oid_t constraint; /* 0: all that are deferrable */
    bool deferred;
};

bool key_modes_add(struct key_mode **modes, oid_t constraint, bool deferred, struct err *err);
/* Drops what is newer than `keep`. */
void key_modes_drop(struct key_mode **modes, const struct key_mode *keep);
/* Whether the key is checked at the end. */
bool key_modes_defer(const struct key_mode *modes, const struct constraint *key);
/* Whether any was made to wait, perhaps for a while: SQLite may have been told to defer them all. */
bool key_modes_any_deferred(const struct key_mode *modes);

#endif
