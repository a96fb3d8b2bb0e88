/*
 * tsvector.h - PostgreSQL's tsvector: words with positions, as text and in memory.
 *
 * Owns     nothing: words and positions live in the caller's arena or in the text they were read from.
 * Limits   words of TS_WORD_MAX bytes, TS_BYTES_MAX bytes of words and positions together (54000).
 * Fails    42601 for what is no tsvector.
 * Not here texts cut into words (proxy/sql/functions/text_search_words.h); matching.
 */
#ifndef PGD1_PGWIRE_TSVECTOR_H
#define PGD1_PGWIRE_TSVECTOR_H

#include "proxy/base/buf.h"
#include "proxy/base/err.h"

enum {
    TS_WORD_MAX = 2047,
    TS_BYTES_MAX = (1 << 20) - 1,
    TS_POSITION_MAX = (1 << 14) - 1, /* later places count as this one */
    TS_POSITIONS_MAX = 256,          /* of one word */
    TS_DISTANCE_MAX = 1 << 14,
};

/* A place and its weight: 0 is D, 3 is A. */
static inline unsigned ts_position(uint16_t p)
{
    return p & TS_POSITION_MAX;
}
static inline unsigned ts_weight(uint16_t p)
{
    return p >> 14;
}
static inline uint16_t ts_place(unsigned position, unsigned weight)
{
    return (uint16_t)((position > TS_POSITION_MAX ? TS_POSITION_MAX : position) | weight << 14);
}

struct ts_lexeme {
    struct str word;
    uint16_t *places; /* ascending */
    size_t n_places;
};

struct tsvector {
    struct ts_lexeme *lexemes; /* by bytes, each word once */
    size_t n;
};

bool tsvector_parse(struct str text, struct arena *arena, struct tsvector *ret, struct err *err);
void tsvector_print(const struct tsvector *v, struct buf *out);
/* Sorts, makes one of equal words and checks the size: 54000. The arrays are the caller's and are changed. */
bool tsvector_arrange(struct tsvector *v, struct arena *arena, struct err *err);
/* 54000 when words and places take more than TS_BYTES_MAX. */
bool tsvector_check_size(const struct tsvector *v, struct err *err);
/* PostgreSQL's order, which is by size first. */
int tsvector_compare(const struct tsvector *a, const struct tsvector *b);
/* In quotes, with quotes and backslashes doubled. */
void ts_print_word(struct str word, struct buf *out);

/* ---- the words of tsvector and tsquery texts */
struct ts_reader {
    struct str all; /* the whole text, for errors */
    size_t at;
    bool is_query; /* operators end a word; no positions */
    bool is_web;   /* quotes and backslashes mean nothing, a double quote ends a word */
    char *room;    /* made at first use */
    uint16_t *places;
    struct arena *arena;
    struct err *err;
};

enum ts_read { TS_READ_END, TS_READ_WORD, TS_READ_FAILED };
enum ts_read ts_read_word(struct ts_reader *r, struct ts_lexeme *ret);

#endif
