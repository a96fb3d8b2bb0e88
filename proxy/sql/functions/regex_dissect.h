/*
 * regex_dissect.h - what the groups of a regular expression remember, as PostgreSQL finds it.
 *
 * The whole match is known; its parts are found from the left (regex_tree.h): the left part of a sequence takes the longest
 * text, or the shortest where it prefers that, with which the rest still matches its own; the first alternative that matches
 * is taken; so are the rounds of a loop, of which the last is remembered. Each question "where can this part end" is one
 * run of PCRE2's matcher for all lengths over the text; parts are compiled when they are first asked.
 *
 * Owns     the tree and the compiled parts; regex_dissector_free().
 * Limits   STEPS_MAX characters looked at for one match: the time is bounded by the square of the text's length otherwise.
 * Not here references: their groups are Perl's (pattern.c).
 */
#ifndef PGD1_SQL_FUNCTIONS_REGEX_DISSECT_H
#define PGD1_SQL_FUNCTIONS_REGEX_DISSECT_H

#include "proxy/base/str.h"
#include "proxy/sql/functions/regex_tree.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct regex_dissector;

/* pcre2_dfa_match() with as many states as it needs. */
int regex_all_lengths(const pcre2_code *code, struct str s, size_t from, uint32_t options, pcre2_match_data *data);

/* Takes the tree; copies the text that it is of. `options` are those of pcre2_compile(). NULL: no memory, the tree is freed. */
struct regex_dissector *regex_dissector_new(struct regex_tree *tree, struct str text, uint32_t options);
void regex_dissector_free(struct regex_dissector *d);

/* The groups of the match from `from` to `to` of s: starts[g] and ends[g], SIZE_MAX where group g, below n_groups, is not
 * set. False: too much work, or no memory. */
bool regex_dissect(struct regex_dissector *d, struct str s, size_t from, size_t to, size_t *starts, size_t *ends,
                   size_t n_groups);

#endif
