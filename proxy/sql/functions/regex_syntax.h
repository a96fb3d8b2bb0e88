/*
 * regex_syntax.h - PostgreSQL's regular expressions (9.7.3) read and written again for PCRE2.
 *
 * All three languages: advanced (the ordinary one), extended and basic, and texts that mean themselves. What PostgreSQL refuses
 * is refused with its words; nothing that only Perl knows gets through.
 *
 * Fails    false with *ret_error: PostgreSQL's text behind "invalid regular expression: "; NULL there: no memory.
 * Not here matching: pattern.c.
 */
#ifndef PGD1_SQL_FUNCTIONS_REGEX_SYNTAX_H
#define PGD1_SQL_FUNCTIONS_REGEX_SYNTAX_H

#include "proxy/base/buf.h"
#include "proxy/base/err.h"
#include "proxy/base/str.h"
#include "proxy/sql/functions/regex_tree.h"

enum regex_language { REGEX_ADVANCED, REGEX_EXTENDED, REGEX_BASIC, REGEX_LITERAL };

struct regex_options {
    enum regex_language language;
    bool ignore_case, expanded;
    bool newline_stops;  /* . and [^x] do not match a newline */
    bool newline_anchor; /* ^ and $ match at lines */
};

struct regex_shape {
    bool back_references, alternation;
    bool captures_otherwise; /* a repeated group may be empty: a reference may mean another text to Perl */
};

/* Reads the options that stand in front of an advanced expression, then the rest. `options` become what holds for it. `tree`,
 * which is empty before, gets the parts of what is written into `out`. */
bool regex_translate(struct str pattern, struct regex_options *options, struct buf *out, struct regex_tree *tree,
                     struct regex_shape *ret, const char **ret_error);

/* 2201B "invalid regular expression: …" for an advanced one that PostgreSQL refuses. */
bool regex_check(struct str pattern, struct err *err);

#endif
