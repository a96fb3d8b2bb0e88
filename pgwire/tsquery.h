/*
 * tsquery.h - PostgreSQL's tsquery: words under & | ! and <N>, as text and in memory.
 *
 * A query is kept as PostgreSQL keeps it, as prefix notation: behind an operator stands its right operand, `left` nodes behind it
 * the left one. The storage form is PostgreSQL's text with parentheses wherever `a & (b & c)` and `(a & b) & c` would look alike.
 *
 * Owns     nothing: nodes and words live in the caller's arena.
 * Limits   TSQUERY_DEPTH_MAX levels (54001); words of TS_WORD_MAX bytes, TS_BYTES_MAX bytes together (54000).
 * Fails    42601 for what is no query, 22023 for distances beyond TS_DISTANCE_MAX.
 * Not here matching (proxy/sql/functions/text_search_match.h).
 */
#ifndef PGD1_PGWIRE_TSQUERY_H
#define PGD1_PGWIRE_TSQUERY_H

#include "pgwire/tsvector.h"

enum { TSQUERY_DEPTH_MAX = 4000 };

enum ts_node_kind {
    TS_NODE_WORD,
    TS_NODE_STOP, /* a word that is not looked for; never in a finished query */
    TS_NODE_NOT,
    TS_NODE_AND,
    TS_NODE_OR,
    TS_NODE_PHRASE,
};

struct ts_node {
    enum ts_node_kind kind;
    uint32_t left; /* of AND, OR and PHRASE */
    unsigned distance;
    unsigned weights; /* of a word: a bit for each weight, 0: any */
    bool is_prefix;
    struct str word;
};

struct tsquery {
    struct ts_node *nodes;
    size_t n;
};

/* How a text is read: PostgreSQL's operators, one value as a whole, or as people write into search fields. */
enum tsquery_form { TSQUERY_OPERATORS, TSQUERY_PLAIN, TSQUERY_WEB };

/* Where the nodes of a query are put one by one: operands first, in the order of the text. */
struct tsquery_maker {
    struct str text;
    struct arena *arena;
    struct err *err;
    struct ts_node *nodes;
    size_t n, size;
    size_t bytes; /* of words, each with its end */
};
/* What becomes of a word of the text: it must put exactly one whole operand. NULL: the word itself. */
typedef bool tsquery_operand_fn(void *ctx, struct tsquery_maker *maker, const struct ts_node *word);

bool tsquery_put(struct tsquery_maker *m, struct ts_node node);
bool tsquery_make(struct str text, enum tsquery_form form, tsquery_operand_fn *operand, void *ctx, struct arena *arena,
                  struct tsquery *ret, struct err *err);

bool tsquery_parse(struct str text, struct arena *arena, struct tsquery *ret, struct err *err);
/* Finds the left operands of nodes in prefix notation. XX000 when they are none, 54001. */
bool tsquery_link(struct tsquery *q, struct err *err);
/* is_storage: with all the parentheses. */
void tsquery_print(const struct tsquery *q, bool is_storage, struct buf *out);
/* Without negations, as an index would look for it; n = 0: everything matches. */
bool tsquery_without_not(const struct tsquery *q, struct arena *arena, struct tsquery *ret, struct err *err);
/* a op b; `distance` for a phrase. An empty one gives the other. */
bool tsquery_join(const struct tsquery *a, const struct tsquery *b, enum ts_node_kind kind, unsigned distance,
                  struct arena *arena, struct tsquery *ret, struct err *err);
int tsquery_compare(const struct tsquery *a, const struct tsquery *b);

#endif
