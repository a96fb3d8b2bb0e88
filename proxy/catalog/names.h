/*
 * names.h - how PostgreSQL spells, shortens and invents names.
 *
 * Owns     nothing: texts go into the caller's arena.
 * Fails    {NULL,0} when the arena is full.
 * Not here SQLite's quoting: emit_identifier() of proxy/sql/emit.h.
 */
#ifndef PGD1_CATALOG_NAMES_H
#define PGD1_CATALOG_NAMES_H

#include "proxy/base/arena.h"
#include "proxy/base/buf.h"

enum { NAME_MAX_BYTES = 63 }; /* NAMEDATALEN - 1 */

struct pg_keyword {
    const char *word;
    char category; /* catcode of pg_get_keywords(): U unreserved, C column name, T type or function name, R reserved */
    bool bare_label;
};

/* PostgreSQL's keywords, sorted. */
const struct pg_keyword *pg_keywords(size_t *ret_n);
const struct pg_keyword *pg_keyword_find(struct str word);

/* The schemas whose objects are shown by their bare names, besides pg_catalog. NULL, or names NULL: public alone. Lent. */
struct name_path {
    const struct str *names;
    size_t n;
};
bool name_path_has(const struct name_path *path, struct str schema);
/* Whether it shows what the path public does: stored texts are spelled for that one. */
bool name_path_is_plain(const struct name_path *path);

/* ctid, xmin and their kin, which every table of PostgreSQL has. */
bool is_system_column(struct str name);

/* quote_ident(): as it is when lower case and no keyword but an unreserved one, else in double quotes. */
bool name_needs_quotes(struct str name);
struct str name_quote(struct str name, struct arena *arena);
void name_quote_add(struct buf *out, struct str name);
/* `schema.name` quoted; name alone when schema is empty. */
struct str name_qualified(struct str schema, struct str name, struct arena *arena);
/* 'text' as a PostgreSQL literal: quotes doubled; E'' with doubled backslashes when it has any. */
struct str name_literal(struct str text, struct arena *arena);

/* First bytes of a name, whole characters, at most `limit`. */
struct str name_clip(struct str name, size_t limit);
/* makeObjectName(): "name1_name2_label", both shortened to fit 63 bytes, the longer one first. name2 and label may be empty. */
struct str name_make(struct str name1, struct str name2, struct str label, struct arena *arena);
/* The same with numbers added to the label until is_taken says no: t_a_key, t_a_key1, t_a_key2… */
struct str name_choose(struct str name1, struct str name2, const char *label,
                       bool (*is_taken)(void *ctx, struct str name), void *ctx, struct arena *arena);
/* ChooseIndexColumnNames + ChooseIndexNameAddition: the columns joined by "_", cut at 63 bytes. */
struct str name_join_columns(const struct str *columns, size_t n, struct arena *arena);

/* Keys of the side catalogue for things inside a table: `table.child`, each part in double quotes when it holds a dot or a quote. */
struct str name_child_key(struct str table, struct str child, struct arena *arena);
/* What the keys of a table's children start with: `table.` */
struct str name_child_prefix(struct str table, struct arena *arena);
/* Takes such a key apart; false when it is none. */
bool name_child_split(struct str key, struct arena *arena, struct str *ret_table, struct str *ret_child);

#endif
