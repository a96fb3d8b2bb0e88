/*
 * ddl_internal.h - what the ddl_*.c files share; nobody else includes it.
 */
#ifndef PGD1_SQL_DDL_INTERNAL_H
#define PGD1_SQL_DDL_INTERNAL_H

#include <cjson/cJSON.h>
#include "proxy/sql/analyze.h"
#include "proxy/sql/ddl.h"

typedef PgQuery__Node Node;

/* One DDL statement under planning. */
struct ddl {
    const struct snapshot *snapshot;
    const struct sql_settings *settings;
    struct arena *arena; /* the plan's */
    struct plan *plan;
    struct analyze_context analyze;
    struct err *err;
    size_t room; /* of plan->statements */
    bool side_used, sequence_used;
    struct str *pending;
    size_t n_pending; /* names of relations this statement makes, beside those of the snapshot */
};

/* ---- errors ---- */
bool ddl_fail_at(struct ddl *d, int location, enum sqlstate code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* 0A000 "%s is not supported", with a hint (NULL: none). Answers false. */
bool ddl_refuse(struct ddl *d, int location, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* 0A000 for what needs the table rebuilt. */
bool ddl_needs_rebuild(struct ddl *d, const char *what);
/* A NOTICE: %s of PostgreSQL's wording; the first one stays. */
void ddl_notice(struct ddl *d, enum sqlstate code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Accepted without effect: PLAN_NOTHING with the tag. Answers true. */
bool ddl_nothing(struct ddl *d, const char *tag);

/* ---- memory ---- */
void *ddl_alloc(struct ddl *d, size_t n, size_t size); /* NULL: err is set */
#define DDL_ARRAY(d, type, n) ((type *)ddl_alloc((d), (n), sizeof(type)))
/* Appends to an array that grows by doubling, as its length says. */
bool ddl_grow(struct ddl *d, void **array, size_t n, size_t size);
#define DDL_PUSH(d, array, n, item)                                                                                    \
    (ddl_grow((d), (void **)&(array), (n), sizeof(*(array))) ? ((array)[(n)++] = (item), true) : false)
struct str ddl_printf(struct ddl *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- the batch ---- */
struct plan_statement *ddl_add(struct ddl *d, struct str sql);
bool ddl_sql(struct ddl *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The statement with text constants bound as ?1…?n. */
bool ddl_sql_texts(struct ddl *d, const char *sql, const struct str *texts, size_t n);
struct str ddl_quote(struct ddl *d, struct str name); /* "name" for SQLite */

/* ---- rows of the side catalogue ---- */
/* Merges members into a row (json_patch: null removes), making it when absent. Takes detail, frees it; NULL or empty: nothing is written. */
bool ddl_side_put(struct ddl *d, const char *kind, struct str schema, struct str name, cJSON *detail);
bool ddl_side_put_child(struct ddl *d, const char *kind, struct str schema, struct str table, struct str child,
                        cJSON *detail);
bool ddl_side_delete(struct ddl *d, const char *kind, struct str schema, struct str name);
bool ddl_side_delete_child(struct ddl *d, const char *kind, struct str schema, struct str table, struct str child);
/* Every row of a table: itself, its columns, constraints, indexes, owned sequences. */
bool ddl_side_forget_table(struct ddl *d, const struct relation *r);
/* Members that name a type: type, type_schema, typmod. */
void ddl_side_type(struct ddl *d, cJSON *detail, const char *member, const char *member_schema, oid_t type,
                   int32_t typmod);
void ddl_side_text(cJSON *detail, const char *member, struct str text);

/* ---- names ---- */
struct str ddl_string(const Node *n); /* of a String node; empty otherwise */
/* [schema.]name out of a list of String nodes. */
bool ddl_names(struct ddl *d, Node *const *names, size_t n, struct str *ret_schema, struct str *ret_name);
/* Where a new object goes: the schema given, else the first of the search path. 3F000, 42501 for system schemas. */
bool ddl_creation_schema(struct ddl *d, struct str given, int location, struct str *ret);
bool ddl_schema_exists(const struct ddl *d, struct str schema);
struct str ddl_sqlite_name(struct ddl *d, struct str schema, struct str name);
/* Whether a relation, index or sequence of that name is there or comes into being with this statement. */
bool ddl_relation_taken(const struct ddl *d, struct str schema, struct str name);
/* The same, and 0A000 for names SQLite cannot tell apart or keeps for itself. 42P07 unless if_not_exists: then *ret_exists. */
bool ddl_new_relation_name(struct ddl *d, struct str schema, struct str name, int location, bool if_not_exists,
                           bool *ret_exists);
const struct index *ddl_find_index(const struct ddl *d, struct str schema, struct str name,
                                   const struct relation **ret_table);
/* ChooseRelationName: "a_b_label" with a number when taken; noted as pending. */
struct str ddl_choose_relation_name(struct ddl *d, struct str schema, struct str name1, struct str name2,
                                    const char *label);
/* A type of the user's or a relation's, by name along the path. */
const struct user_type *ddl_find_type(const struct ddl *d, struct str schema, struct str name);
/* A user relation for a change; 42P01, 42501 for system relations. missing_ok: NULL when there is none. */
bool ddl_relation(struct ddl *d, const PgQuery__RangeVar *name, bool missing_ok, const struct relation **ret);
/* public objects need no schema in messages and texts. */
struct str ddl_shown(struct ddl *d, struct str schema, struct str name);

/* ---- types and expressions ---- */
/* 0A000 for types that cannot be stored yet. */
bool ddl_check_type(struct ddl *d, oid_t type, int location);
/* An expression in both dialects. relation as in analyze_expression. */
struct ddl_expression {
    const Node *node;  /* written in this statement, or */
    struct str source; /* text of the snapshot (LIKE, ADD COLUMN … of a domain) */
    const char *what;
    const struct relation *relation;
    oid_t type;
    int32_t typmod;
};
struct ddl_printed {
    struct expr *expr;
    struct query *scope;
    struct str postgres, sqlite; /* sqlite empty: D1 cannot hold it (only when local_ok) */
    struct str guard;            /* index expression: the same, raising where D1 is in doubt; empty: never */
};
bool ddl_print(struct ddl *d, const struct ddl_expression *e, bool local_ok, struct ddl_printed *ret);
/* The only column an expression speaks of, or empty: what PostgreSQL names checks after. */
struct str ddl_only_column(const struct expr *e, const struct query *scope);
/* A stored value as an SQLite literal. */
struct str ddl_sqlite_literal(struct ddl *d, const struct value *value, enum column_storage storage);

/* ---- tables under construction ---- */
struct new_column {
    struct column column;
    int location;
    struct ddl_expression default_expression; /* node or source set: there is one */
    bool has_default, null_given, is_serial;
    Node *const *sequence_options;
    size_t n_sequence_options; /* of an identity column */
    struct str declared;
    bool is_derivable;
    struct str sqlite_default;   /* behind DEFAULT; empty: none */
    bool default_is_constant;    /* it is a literal: ALTER TABLE ADD COLUMN takes it */
    struct str sqlite_generated; /* inside AS ( ) */
    struct str type_check;       /* what the type demands, inside CHECK ( ); empty: nothing */
    struct str comment;
};
struct new_constraint {
    struct constraint constraint;
    struct ddl_expression check;
    struct str sqlite_check;
    const struct relation *foreign; /* NULL: the table itself */
    Node *const *keys;
    size_t n_keys; /* names still to be resolved */
    const PgQuery__Constraint *node;
    int location;
    int column; /* column constraint: number of its column from 0; -1: table constraint */
};
struct new_index { /* of LIKE … INCLUDING INDEXES */
    const struct relation *table;
    const struct index *index;
};
struct new_table {
    struct str schema, name, sqlite_name;
    struct new_column *columns;
    size_t n_columns;
    struct new_constraint *constraints;
    size_t n_constraints;
    struct new_index *indexes;
    size_t n_indexes;
    struct relation relation; /* scope of checks and generated columns */
};

bool ddl_create_table(struct ddl *d, const PgQuery__CreateStmt *stmt);
/* One column definition, with its constraints put into table. */
bool ddl_collect_column(struct ddl *d, struct new_table *table, const PgQuery__ColumnDef *def);
bool ddl_collect_constraint(struct ddl *d, struct new_table *table, const PgQuery__Constraint *con, int column,
                            struct new_constraint **ret);
bool ddl_table_scope(struct ddl *d, struct new_table *table); /* relation from the columns */
bool ddl_resolve_constraint(struct ddl *d, struct new_table *table, struct new_constraint *c);
bool ddl_resolve_default(struct ddl *d, struct new_table *table, struct new_column *column);
bool ddl_resolve_type(struct ddl *d, struct new_table *table, struct new_column *column);
/* Text of one column in CREATE TABLE or ADD COLUMN. */
struct str ddl_column_text(struct ddl *d, const struct new_table *table, const struct new_column *column,
                           bool in_create);
struct str ddl_constraint_text(struct ddl *d, const struct new_table *table, const struct new_constraint *c);
bool ddl_column_side(struct ddl *d, const struct new_table *table, const struct new_column *column);
bool ddl_emit_table(struct ddl *d, struct new_table *table);
bool ddl_type_check(struct ddl *d, struct new_column *column); /* fills column->type_check */
const struct new_constraint *ddl_primary_key(const struct new_table *table);
/* Whether the column's unique index would tell PostgreSQL's equal values apart (numeric without scale, interval, timetz). */
bool ddl_check_key_type(struct ddl *d, const struct column *column, const char *what);

/* ---- sequences ---- */
struct sequence_options {
    oid_t type;
    int64_t start, increment, min, max;
    bool cycle, has_restart, custom; /* custom: anything but START */
    int64_t restart;
    bool has_owner;
    struct str owner_schema, owner_table, owner_column; /* owner_table empty: NONE */
};
bool ddl_sequence_options(struct ddl *d, Node *const *options, size_t n, const struct relation *old, oid_t type,
                          struct sequence_options *ret);
bool ddl_write_sequence(struct ddl *d, struct str schema, struct str name, const struct sequence_options *options,
                        bool fresh);

/* ---- the other statements ---- */
bool ddl_create_table_as(struct ddl *d, const PgQuery__CreateTableAsStmt *stmt);
bool ddl_select_into(struct ddl *d, const Node *select);
bool ddl_create_view(struct ddl *d, const PgQuery__ViewStmt *stmt);
bool ddl_create_index(struct ddl *d, const PgQuery__IndexStmt *stmt);
/* CREATE INDEX text of an index of LIKE on another table. */
bool ddl_copy_index(struct ddl *d, const struct new_table *table, const struct new_index *from);
bool ddl_drop(struct ddl *d, const PgQuery__DropStmt *stmt);
bool ddl_truncate(struct ddl *d, const PgQuery__TruncateStmt *stmt);
bool ddl_alter_table(struct ddl *d, const PgQuery__AlterTableStmt *stmt);
bool ddl_rename(struct ddl *d, const PgQuery__RenameStmt *stmt);
bool ddl_create_sequence(struct ddl *d, const PgQuery__CreateSeqStmt *stmt);
bool ddl_alter_sequence(struct ddl *d, const PgQuery__AlterSeqStmt *stmt);
bool ddl_create_enum(struct ddl *d, const PgQuery__CreateEnumStmt *stmt);
bool ddl_alter_enum(struct ddl *d, const PgQuery__AlterEnumStmt *stmt);
bool ddl_create_domain(struct ddl *d, const PgQuery__CreateDomainStmt *stmt);
bool ddl_create_schema(struct ddl *d, const PgQuery__CreateSchemaStmt *stmt);
bool ddl_comment(struct ddl *d, const PgQuery__CommentStmt *stmt);

/* Views of the snapshot whose text names the relation. */
bool ddl_view_uses(struct ddl *d, const struct relation *view, const struct relation *used);

#endif
