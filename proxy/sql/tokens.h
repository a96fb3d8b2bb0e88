/*
 * tokens.h - a text's tokens as PostgreSQL's own scanner tells them, comments among them.
 *
 * For what is not PostgreSQL's grammar but written in its words: MIGRATE statements, directives in the comments of migration files.
 *
 * Owns     nothing: tokens point into the text, the list lives in the arena given.
 * Fails    42601 with position (a string that does not end), 22021 bad UTF-8, 53200.
 * Not here what a statement becomes (plan.h), its literals' values (skeleton.h).
 */
#ifndef PGD1_SQL_TOKENS_H
#define PGD1_SQL_TOKENS_H

#include "proxy/base/err.h"

enum token_kind {
    TOKEN_LINE_COMMENT /* -- */,
    TOKEN_COMMENT /* the other kind */,
    TOKEN_STRING /* a constant of any kind of quotes, bit strings apart */,
    TOKEN_SEMICOLON,
    TOKEN_NAME /* with its quotes */,
    TOKEN_OTHER
};

struct token {
    enum token_kind kind;
    struct str text;
};

struct token_list {
    struct token *tokens;
    size_t n;
};

bool tokens_scan(struct str text, struct arena *arena, struct token_list *ret, struct err *err);

#endif
