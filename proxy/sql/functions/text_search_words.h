/*
 * text_search_words.h - the words of a text as a text search configuration has them: tokens, lower case, stop words, stems.
 *
 * Configurations and dictionaries are PostgreSQL 15's own (text_search_configurations.def); stems are those of libstemmer, which is what
 * PostgreSQL has inside.
 *
 * Owns     nothing: words live in the caller's arena.
 * Limits   those of the parser (54000). Tokens above TS_WORD_MAX bytes are left out, as PostgreSQL does with a NOTICE.
 */
#ifndef PGD1_SQL_FUNCTIONS_TEXT_SEARCH_WORDS_H
#define PGD1_SQL_FUNCTIONS_TEXT_SEARCH_WORDS_H

#include "pgwire/tsquery.h"
#include "proxy/sql/functions/text_search_parser.h"

struct ts_dictionary {
    uint32_t oid;
    const char *name, *language, *stops; /* language "": no stems; stops "": none */
};

struct ts_configuration {
    uint32_t oid;
    const char *name, *ascii_words, *words; /* dictionaries; all other tokens are for `simple` */
};

const struct ts_configuration *ts_configuration_find(uint32_t oid);
/* "english" or "pg_catalog.english"; NULL: none. */
const struct ts_configuration *ts_configuration_named(struct str name);
const struct ts_dictionary *ts_dictionary_find(uint32_t oid);
/* NULL: tokens of this kind are not looked up. */
const struct ts_dictionary *ts_dictionary_of(const struct ts_configuration *c, enum ts_token_kind kind);

/* Dictionaries at work: keeps the stemmers it needed. */
struct ts_lexizer {
    struct arena *arena;
    struct err *err;
    struct sb_stemmer *stemmers[4];
    const struct ts_dictionary *stems_for[4];
    size_t n;
};
void ts_lexizer_init(struct ts_lexizer *l, struct arena *arena, struct err *err);
void ts_lexizer_fini(struct ts_lexizer *l);
/* The word a dictionary makes of a token; n = 0: a stop word. False: no memory. */
bool ts_lexize(struct ts_lexizer *l, const struct ts_dictionary *d, struct str token, struct str *ret);

struct ts_word {
    struct str word;
    unsigned position; /* from 1, stop words counted */
};
struct ts_words {
    struct ts_word *items;
    size_t n, size;
    unsigned position; /* the last one given */
};
/* The words of a text behind those that are there. */
bool ts_words_add(struct ts_words *w, const struct ts_configuration *c, struct str text, struct arena *arena,
                  struct err *err);
bool ts_words_vector(const struct ts_words *w, struct arena *arena, struct tsvector *ret, struct err *err);
/* A text read as a query; `joined_by` stands between the words that come of one word of it. */
bool ts_words_query(const struct ts_configuration *c, struct str text, enum tsquery_form form,
                    enum ts_node_kind joined_by, struct arena *arena, struct tsquery *ret, struct err *err);

#endif
