/*
 * jsonb.h - JSON texts: checked as PostgreSQL's json, read into a tree, printed as PostgreSQL prints jsonb.
 *
 * Owns     nothing: trees live in the caller's arena and borrow from the text they were read from.
 * Limits   JSON_DEPTH_MAX levels of nesting (54001), the arena's cap (53200).
 * Fails    22P02 "invalid input syntax for type json" with PostgreSQL's detail and context; 22P05 for \u0000 and 22003 for
 *          numbers beyond numeric, in the jsonb reading only.
 * Not here operators and functions of json (proxy/sql).
 */
#ifndef PGD1_PGWIRE_JSONB_H
#define PGD1_PGWIRE_JSONB_H

#include "proxy/base/buf.h"
#include "proxy/base/err.h"

enum { JSON_DEPTH_MAX = 6000 };

enum json_kind { JSON_NULL, JSON_BOOLEAN, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_value {
    enum json_kind kind;
    union {
        bool boolean;
        struct str text; /* number: its digits; string: without quotes and escapes */
        struct {
            struct json_value *items;
            size_t n;
        } array;
        struct {
            struct json_member *members;
            size_t n;
        } object;
    };
};

struct json_member {
    struct str key;
    struct json_value value;
};

/* Well-formed or not, as json's input says; nothing is allocated but the error. */
bool json_check(struct str text, struct err *err);
/* As written: numbers keep their spelling, objects their order and duplicates. */
bool json_parse(struct str text, struct arena *arena, struct json_value *ret, struct err *err);
/* As jsonb keeps it: numbers canonical, members ordered by length then bytes of their key, the last of equal keys kept. */
bool jsonb_parse(struct str text, struct arena *arena, struct json_value *ret, struct err *err);
/* With one blank after ',' and ':', as PostgreSQL prints jsonb; a tree of jsonb_parse gives canonical jsonb. */
void jsonb_print(const struct json_value *v, struct buf *out);
/* Both in one: the canonical text of a JSON text. */
bool jsonb_normalize(struct str text, struct arena *arena, struct str *ret, struct err *err);
/* Text in quotes with PostgreSQL's escapes. */
void json_print_string(struct str s, struct buf *out);
/* The member of a tree made by jsonb_parse, by binary search; NULL when absent. */
const struct json_value *jsonb_member(const struct json_value *object, struct str key);

#endif
