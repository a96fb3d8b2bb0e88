/*
 * scan.h - the little that must be known of a SQLite statement's text without SQLite.
 *
 * Owns     nothing: views of the text it was given.
 * Fails    never; a text that is no SQL has no tokens of the kind looked for.
 * Not here parsing, splitting or rewriting statements.
 */
#ifndef PGD1_D1_SCAN_H
#define PGD1_D1_SCAN_H

#include "proxy/base/str.h"

enum scan_kind { SCAN_WORD, SCAN_QUOTED /* 'x' "x" `x` [x] */, SCAN_OTHER };

struct scan_token {
    enum scan_kind kind;
    struct str text; /* with its quotes */
};

/* The next token of *rest, comments and white space skipped; false at the end. */
bool scan_next(struct str *rest, struct scan_token *ret);
/* Every line is blank or a "--" comment: D1 drops such an entry from a batch. */
bool scan_is_blank(struct str sql);
/* The new name in ALTER TABLE t RENAME TO name, without its opening quote; {NULL,0} in any other statement. */
struct str scan_rename_to(struct str sql);

#endif
