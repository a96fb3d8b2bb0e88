/*
 * text_search_parser.h - PostgreSQL's default text search parser: texts cut into words, numbers, hosts, tags (PostgreSQL 12.5).
 *
 * The rules are the table text_search_states.def. Tokens may overlap: a hyphenated word comes before its parts, a URL before its host.
 *
 * Owns     the stack of places that it may have to go back to: ts_parser_fini().
 * Limits   STEPS_PER_BYTE steps for each byte of text and hosts in hosts HOSTS_MAX deep: 54000; PostgreSQL would take quadratic time.
 * Needs    well-formed UTF-8 that outlives the parser.
 */
#ifndef PGD1_SQL_FUNCTIONS_TEXT_SEARCH_PARSER_H
#define PGD1_SQL_FUNCTIONS_TEXT_SEARCH_PARSER_H

#include "proxy/base/err.h"

enum ts_token_kind {
    TS_TOKEN_NONE,
#define TOKEN(NAME, alias, description) TS_TOKEN_##NAME,
#include "proxy/sql/functions/text_search_kinds.def"
#undef TOKEN
    TS_TOKEN_NR
};

struct ts_token_name {
    const char *alias, *description;
};
/* By kind; the first one is empty. */
extern const struct ts_token_name ts_token_names[TS_TOKEN_NR];

struct ts_place;
struct ts_parser {
    struct str text;
    struct ts_place *places; /* the last one is where the parser is */
    size_t n, size;
    bool wants_host, ignoring;
    unsigned depth;
    uint64_t *steps; /* left, shared with the parsers of hosts */
    uint64_t own_steps;
    size_t token_at;
    struct err *err;
};

struct ts_token {
    enum ts_token_kind kind;
    struct str text;
};

bool ts_parser_init(struct ts_parser *p, struct str text, struct err *err);
void ts_parser_fini(struct ts_parser *p);
/* False at the end, or after an error: err_is_set(p->err). */
bool ts_parser_next(struct ts_parser *p, struct ts_token *ret);

#endif
