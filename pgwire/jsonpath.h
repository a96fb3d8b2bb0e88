/*
 * jsonpath.h - PostgreSQL's jsonpath: texts read into a tree, printed as PostgreSQL prints them.
 *
 * Owns     nothing: trees live in the caller's arena.
 * Limits   JSONPATH_DEPTH_MAX levels of nesting, JSONPATH_OPERATORS_MAX operators: 54001.
 * Fails    42601 for what is no path, 0A000 for .datetime() and .keyvalue().
 * Not here running a path (proxy/sql/functions/jsonb_path.c).
 */
#ifndef PGD1_PGWIRE_JSONPATH_H
#define PGD1_PGWIRE_JSONPATH_H

#include "proxy/base/buf.h"
#include "proxy/base/err.h"

enum { JSONPATH_DEPTH_MAX = 400, JSONPATH_OPERATORS_MAX = 200 };

enum jsonpath_kind {
    /* where a path starts */
    JSONPATH_NULL,
    JSONPATH_TRUE,
    JSONPATH_FALSE,
    JSONPATH_STRING, /* text */
    JSONPATH_NUMBER, /* text */
    JSONPATH_VARIABLE,
    JSONPATH_ROOT,
    JSONPATH_CURRENT,
    JSONPATH_LAST,
    /* steps */
    JSONPATH_KEY, /* text */
    JSONPATH_ANY_KEY,
    JSONPATH_ANY_ELEMENT,
    JSONPATH_INDEX, /* ranges */
    JSONPATH_ANY,   /* .**{first to last} */
    JSONPATH_FILTER,
    JSONPATH_METHOD, /* text: its name */
    /* predicates */
    JSONPATH_OR,
    JSONPATH_AND,
    JSONPATH_NOT,
    JSONPATH_IS_UNKNOWN,
    JSONPATH_EXISTS,
    JSONPATH_EQUAL,
    JSONPATH_NOT_EQUAL,
    JSONPATH_LESS,
    JSONPATH_LESS_EQUAL,
    JSONPATH_GREATER,
    JSONPATH_GREATER_EQUAL,
    JSONPATH_STARTS_WITH,
    JSONPATH_LIKE_REGEX, /* text: the pattern; flags */
    /* arithmetic */
    JSONPATH_ADD,
    JSONPATH_SUBTRACT,
    JSONPATH_MULTIPLY,
    JSONPATH_DIVIDE,
    JSONPATH_MODULO,
    JSONPATH_PLUS,
    JSONPATH_MINUS,
};

#define JSONPATH_UNBOUNDED UINT32_MAX /* `last` in .**{…} */

struct jsonpath_node {
    enum jsonpath_kind kind;
    struct str text, flags;
    uint32_t first, last;
    struct jsonpath_node *left, *right; /* operands */
    struct jsonpath_node *next;         /* the step after this */
    struct jsonpath_range {
        struct jsonpath_node *from, *to; /* to NULL: one index */
    } * ranges;
    size_t n_ranges;
};

struct jsonpath {
    bool is_strict;
    struct jsonpath_node *root;
};

bool jsonpath_is_predicate(const struct jsonpath_node *n);
/* How an operator is written; "" for what is none. */
const char *jsonpath_operator(enum jsonpath_kind kind);
bool jsonpath_parse(struct str text, struct arena *arena, struct jsonpath *ret, struct err *err);
void jsonpath_print(const struct jsonpath *p, struct buf *out);

#endif
