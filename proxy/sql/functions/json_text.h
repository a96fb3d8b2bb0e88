/*
 * json_text.h - a JSON text that is known to be well-formed, read in place: members and elements are slices of it, as they
 * are written. The text of a jsonb in canonical form has canonical parts, so that json and jsonb are read by the same code.
 *
 * Owns     nothing: slices borrow from the text; decoded strings live in the scratch memory of the run.
 */
#ifndef PGD1_SQL_FUNCTIONS_JSON_TEXT_H
#define PGD1_SQL_FUNCTIONS_JSON_TEXT_H

#include "pgwire/jsonb.h"
#include "proxy/sql/functions/arguments.h"

/* The document of an argument without blanks around it: checked (json), canonical (jsonb). Every string of it must stand for a
 * text, those that nobody asks for too. False after local_fail(). */
bool json_document(sqlite3_context *c, sqlite3_value *v, bool is_jsonb, struct str *ret);
/* The same for a function that decodes no string: \u0000 may be in it. */
bool json_document_as_written(sqlite3_context *c, sqlite3_value *v, bool is_jsonb, struct str *ret);

enum json_kind json_kind_of(struct str text);

struct json_walk {
    const char *p, *end;
    bool is_object;
};

/* At the first member or element of an object or array. */
struct json_walk json_enter(struct str text);
/* The next one; key, as written with its quotes, is {NULL,0} in arrays. False at the end. */
bool json_next(struct json_walk *w, struct str *key, struct str *value);
size_t json_count(struct str text);
/* A member (the last of equal keys) or an element (from 0, or from -1 backwards); false: none, or not that kind of container. */
bool json_member_of(sqlite3_context *c, struct str text, struct str key, struct str *ret);
bool json_element_of(struct str text, int64_t index, struct str *ret);
/* A string as written -> its text. False after local_fail(). */
bool json_decode(sqlite3_context *c, struct str quoted, struct str *ret);
/* What ->> shows: NULL for null, a string without its quotes, the text of everything else. False after local_fail(). */
bool json_as_text(sqlite3_context *c, struct str text, struct value *ret);

#endif
