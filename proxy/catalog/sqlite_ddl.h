/*
 * sqlite_ddl.h - reads what SQLite keeps of CREATE TABLE and CREATE INDEX: the parts no PRAGMA tells.
 *
 * Names of constraints, texts of checks, defaults and index expressions, AUTOINCREMENT, DEFERRABLE, table options. The texts come
 * from sqlite_schema, so SQLite has parsed them before: the reader follows its grammar and does not check it.
 *
 * Owns     nothing: structs and unquoted names live in the caller's arena, texts point into the SQL given.
 * Fails    false when a text is not what it should be, or the arena is full.
 * Not here meaning: types and PostgreSQL's view of them are snapshot_reader.c's.
 */
#ifndef PGD1_CATALOG_SQLITE_DDL_H
#define PGD1_CATALOG_SQLITE_DDL_H

#include "proxy/base/arena.h"

enum sqlite_token_kind {
    SQLITE_TOKEN_END,
    SQLITE_TOKEN_WORD,   /* bare identifier or keyword */
    SQLITE_TOKEN_QUOTED, /* "name", `name`, [name] */
    SQLITE_TOKEN_STRING, /* 'text' */
    SQLITE_TOKEN_NUMBER,
    SQLITE_TOKEN_BLOB,  /* x'…' */
    SQLITE_TOKEN_OTHER, /* one byte of punctuation */
};

struct sqlite_token {
    enum sqlite_token_kind kind;
    struct str text; /* as written, quotes included */
};

/* The token at *at, which moves behind it; blanks and comments before it are skipped. */
struct sqlite_token sqlite_token_next(struct str sql, size_t *at);
/* A word as it is; a quoted name or string without its quotes, doubled ones made single. */
struct str sqlite_token_value(struct sqlite_token token, struct arena *arena);

enum sqlite_constraint_kind { SQLITE_PRIMARY_KEY, SQLITE_UNIQUE, SQLITE_CHECK, SQLITE_FOREIGN_KEY };

struct sqlite_constraint {
    enum sqlite_constraint_kind kind;
    struct str name;     /* empty: not named */
    int column;          /* column constraint: 0-based number of its column; -1: table constraint */
    struct str *columns; /* names; of a column constraint: its column */
    size_t n_columns;
    struct str expression; /* CHECK: what stands inside its parentheses */
    struct str foreign_table;
    struct str *foreign_columns;
    size_t n_foreign_columns; /* 0: the other table's primary key */
    bool deferrable, deferred;
    bool match_full;                /* MATCH FULL of one column, which says what SQLite does anyway */
    struct sqlite_constraint *next; /* in the order of the text */
};

struct sqlite_column {
    struct str name;
    struct str declared;        /* its type as written; empty: none */
    struct str collation;       /* behind COLLATE; empty: none */
    struct str default_text;    /* DEFAULT's literal or what stands in its parentheses; empty: none */
    bool default_is_expression; /* it stood in parentheses */
    struct str generated_text;  /* what stands in the parentheses of AS */
    bool generated_stored;
    bool not_null, autoincrement;
    struct sqlite_column *next;
};

struct sqlite_table {
    struct str name;
    struct sqlite_column *columns;
    struct sqlite_constraint *constraints;
    bool without_rowid, strict;
    bool
        has_more; /* what these structs do not keep: ON CONFLICT, COLLATE or DESC in keys, other MATCH, DESC primary keys */
};

struct sqlite_index_term {
    struct str text; /* column or expression as written, without COLLATE, ASC, DESC */
    bool descending;
};

struct sqlite_index {
    struct sqlite_index_term *terms;
    size_t n_terms;
    struct str predicate; /* behind WHERE; empty: none */
};

/* CREATE TABLE … (…). Virtual tables and CREATE TABLE … AS give false. */
bool sqlite_parse_table(struct str sql, struct arena *arena, struct sqlite_table *ret);
/* CREATE [UNIQUE] INDEX … ON … (…) [WHERE …] */
bool sqlite_parse_index(struct str sql, struct arena *arena, struct sqlite_index *ret);

#endif
