/*
 * stored_text.h - the catalogue's stored expressions printed again: pg_get_expr() and its kin.
 *
 * Stored texts have the spelling of pg_get_expr(…, false) with the search path public; the pretty one, and that of other paths, is
 * made by analyzing and printing them anew.
 *
 * Owns     nothing; texts go into the arena.
 * Fails    never: a text that cannot be analyzed (D1's own words for what was made elsewhere) comes back as it is.
 */
#ifndef PGD1_SQL_STORED_TEXT_H
#define PGD1_SQL_STORED_TEXT_H

#include "proxy/catalog/system.h"

struct type_settings;

struct stored_text {
    const struct snapshot *snapshot;
    const struct type_settings *types;
    const struct name_path *path; /* the session's; NULL: public */
    struct arena *arena;
};

/* relation: whose columns the text names; NULL: none. */
struct str stored_text_shown(const struct stored_text *t, struct str text, const struct relation *relation,
                             bool pretty);
/* A domain's check, over VALUE. */
struct str stored_text_shown_check(const struct stored_text *t, struct str text, const struct user_type *domain,
                                   bool pretty);
/* A view's query. */
struct str stored_text_shown_view(const struct stored_text *t, struct str text, const struct relation *view,
                                  bool pretty);
/* Tells of everything the query of a user's view names; of a view whose text cannot be analyzed, of what came before that. For
 * system_state.view_uses. */
void stored_text_view_uses(const struct snapshot *snapshot, const struct relation *view, const struct system_uses *uses,
                           struct arena *arena);
/* What can be written through a relation, as analyze_view_events() has it. */
unsigned stored_text_events(const struct stored_text *t, const struct relation *r, int column);
/* Whether pg_get_indexdef shows it without parentheses of its own. */
bool stored_text_is_call(const struct stored_text *t, struct str text, const struct relation *relation);

#endif
