/*
 * stored_text.h - the catalogue's stored expressions printed again: pg_get_expr(…, true) and its kin.
 *
 * Stored texts have the spelling of pg_get_expr(…, false); the pretty one is made by analyzing and printing them anew.
 *
 * Owns     nothing; texts go into the arena.
 * Fails    never: a text that cannot be analyzed (D1's own words for what was made elsewhere) comes back as it is.
 */
#ifndef PGD1_SQL_STORED_TEXT_H
#define PGD1_SQL_STORED_TEXT_H

#include "proxy/catalog/snapshot.h"

struct type_settings;

struct stored_text {
    const struct snapshot *snapshot;
    const struct type_settings *types;
    struct arena *arena;
};

/* relation: whose columns the text names; NULL: none. */
struct str stored_text_pretty(const struct stored_text *t, struct str text, const struct relation *relation);
/* A domain's check, over VALUE. */
struct str stored_text_pretty_check(const struct stored_text *t, struct str text, const struct user_type *domain);
/* A view's query. */
struct str stored_text_pretty_view(const struct stored_text *t, struct str text, const struct relation *view);
/* Whether pg_get_indexdef shows it without parentheses of its own. */
bool stored_text_is_call(const struct stored_text *t, struct str text, const struct relation *relation);

#endif
