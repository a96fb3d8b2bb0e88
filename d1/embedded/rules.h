/*
 * rules.h - what D1 refuses: limits, and the authorizer that is asked while a statement is compiled.
 *
 * Owns     nothing; struct emb_rules is part of its connection.
 * Fails    through SQLite: a refused statement does not compile (SQLITE_AUTH or SQLITE_ERROR with SQLite's own text).
 * Not here ALTER TABLE … RENAME TO _cf_x, of which the authorizer is not told: connection.c reads the text.
 */
#ifndef PGD1_D1_EMBEDDED_RULES_H
#define PGD1_D1_EMBEDDED_RULES_H

#include <sqlite3.h>

#include "proxy/base/str.h"

struct emb_rules {
    bool trusted;          /* our own statement is being compiled or run: everything passes */
    bool transaction_word; /* BEGIN, COMMIT, ROLLBACK, SAVEPOINT or RELEASE was refused */
    bool alters_table;     /* seen since it was last cleared: ALTER TABLE */
    bool pragma;           /* a PRAGMA: it may act when compiled, so it is compiled each time */
    bool pragma_sets;      /* a PRAGMA with a value, whose effect would outlive the batch */
    /* told of each action of a statement that is not ours, before it is judged: the table or object, and what it is of; NULL: nobody */
    void (*saw)(void *ctx, int action, const char *a, const char *b);
    void *saw_ctx;
};

/* Defensive mode, D1's limits, the authorizer. SQLITE_OK or the code of the call that failed. */
int emb_rules_apply(sqlite3 *db, struct emb_rules *rules);
/* The authorizer alone, for a connection that has one of its own; user: struct emb_rules. */
int emb_rules_authorize(void *user, int action, const char *a, const char *b, const char *database,
                        const char *trigger);
/* D1 keeps names that start with _cf_ (any case) to itself. */
bool emb_rules_name_allowed(struct str name);
/* Puts back the settings that D1's allowed PRAGMAs change; each is one statement of ours, ended by NULL. */
extern const char *const emb_rules_reset[];

#endif
