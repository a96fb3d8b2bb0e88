/*
 * split.h - a text of several SQLite statements, cut at its semicolons.
 *
 * Follows SQLite's own sqlite3_complete(): semicolons inside strings, quoted names, comments and the bodies of triggers do not
 * end a statement. The body of a trigger ends at "; END", so CASE … END inside needs no counting.
 *
 * D1's REST API cuts texts itself, and knows less: split_trigger() writes a trigger so that it stays whole there.
 *
 * Owns     nothing: views of the text given.
 * Fails    never: what is not closed reaches to the end of the text, and D1 says what is wrong with it.
 * Not here what a statement means: proxy/raw.h.
 */
#ifndef PGD1_D1_SPLIT_H
#define PGD1_D1_SPLIT_H

#include "proxy/base/buf.h"

/* The next statement of *rest, from its first token to its last: no comment around it, no semicolon. Empty ones are skipped.
 * False at the end. */
bool split_next(struct str *rest, struct str *ret);
bool split_is_trigger(struct str statement); /* CREATE [TEMP] TRIGGER */
/* CREATE TRIGGER as REST takes it (facts: d1.md 1): BEGIN and END in capitals, CASE … END in parentheses and small letters, no CR
 * outside of strings and names. The meaning is the same. */
void split_trigger(struct str statement, struct buf *out);
/* Word n (from 0) of a statement, comments skipped; {NULL,0} when token n is no bare word. */
struct str split_word(struct str statement, size_t n);

#endif
