/*
 * skeleton.h - a text's token skeleton: what is left when its literals become slots.
 *
 * A small scanner by PostgreSQL's lexical rules (chapter 4.1): quoted strings of all kinds, dollar quotes, numbers, nested
 * comments, quoted identifiers, parameters. The skeleton is the plan cache's key; the literals are what a cached plan binds.
 * It must never disagree with PostgreSQL's own scanner: the first full parse compares every literal with the parser's (plan.c),
 * and a text where they differ is not cached.
 *
 * Owns     nothing; arrays live in the arena given.
 * Fails    false for what is not lexically complete, left to the parser, or too long: then the text is simply not cached.
 *          longest_run and work hold even then, for every text that the parser may take.
 */
#ifndef PGD1_SQL_SKELETON_H
#define PGD1_SQL_SKELETON_H

#include "proxy/base/arena.h"

enum literal_kind {
    LITERAL_INTEGER /* fits int4 */,
    LITERAL_BIG_INTEGER /* fits int8 */,
    LITERAL_EDGE_INTEGER /* 9223372036854775808: fits int8 behind a minus only */,
    LITERAL_NUMERIC,
    LITERAL_STRING,
    LITERAL_BIT
};

struct literal {
    enum literal_kind kind;
    int offset, length; /* in the text; a string continued over lines is one literal */
    bool plain;         /* text between the quotes is the value as it stands */
};

struct literal_table {
    struct literal *literals;
    size_t n;
};

struct skeleton {
    struct str key; /* tokens without white space and comments; literals as one byte of their kind */
    uint64_t hash;  /* of key */
    struct literal_table literals;
    bool has_semicolon; /* other than at the end: several statements */
    size_t longest_run; /* most tokens between commas or semicolons: bounds how deep the parse tree can get */
    size_t
        work; /* bytes that PostgreSQL's scanner reads again: it looks for the end of a run of operator characters at each of them */
};

bool skeleton_scan(struct str text, bool standard_conforming_strings, struct arena *arena, struct skeleton *ret);
/* The literal that starts at this byte offset, or -1. A minus sign before a number may be the parser's location:
 * ret_negated tells. */
int literal_at(const struct literal_table *t, struct str text, int offset, bool *ret_negated);
/* The value of a literal token: contents of a string with escapes undone, digits of a number. {NULL,0}: no memory or bad escape. */
struct str literal_content(struct str text, const struct literal *l, bool standard_conforming_strings,
                           struct arena *arena);

#endif
