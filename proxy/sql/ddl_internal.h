/*
 * ddl_internal.h - what the ddl_*.c files share; nobody else includes it.
 */
#ifndef PGD1_SQL_DDL_INTERNAL_H
#define PGD1_SQL_DDL_INTERNAL_H

#include <cjson/cJSON.h>
#include "proxy/catalog/system.h"
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
    bool unplaced;  /* errors in expressions carry no place, as those of PostgreSQL's ALTER TABLE and domains */
    bool temporary; /* of the session's temporary tables: nothing goes to D1 */
    const struct rebuild *rebuild;        /* the one being written down: foreign keys name its new tables */
    const struct user_type *changed_type; /* an enum as this statement leaves it; NULL: none changes */
    struct str *pending;
    size_t n_pending; /* names of relations this statement makes, beside those of the snapshot */
    struct str *released;
    size_t n_released; /* names of keys' indexes that this statement drops: they are free again */
};

struct new_table;

/* ---- errors ---- */
bool ddl_fail_at(struct ddl *d, int location, enum sqlstate code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* 0A000 "%s is not supported", with a hint (NULL: none). Answers false. */
bool ddl_refuse(struct ddl *d, int location, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A NOTICE or WARNING in PostgreSQL's words; sent in this order before the statement runs. */
void ddl_notice(struct ddl *d, enum sqlstate code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void ddl_warning(struct ddl *d, enum sqlstate code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The NOTICE of what goes along with what is dropped, "view v", in that order; none when there is nothing. */
void ddl_cascade_notice(struct ddl *d, const struct str *objects, size_t n);
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
/* A sequence is dropped: sessions forget what it gave them. */
bool ddl_note_dropped(struct ddl *d, const struct relation *sequence);
/* Members that name a type: type, type_schema, typmod. */
/* Member "collation", or another one, of a side row; none where it is 0. */
void ddl_side_collation(cJSON *detail, const char *member, oid_t collation);
/* COLLATE behind a type or an index's column: ret is 0 where it says nothing new. own: what is there without it. clause may be NULL, or without a name. */
bool ddl_collation(struct ddl *d, const PgQuery__CollateClause *clause, oid_t type, oid_t own, int location,
                   oid_t *ret);
void ddl_side_type(struct ddl *d, cJSON *detail, const char *member, const char *member_schema, oid_t type,
                   int32_t typmod);
void ddl_side_text(cJSON *detail, const char *member, struct str text);

/* ---- names ---- */
struct str ddl_string(const Node *n); /* of a String node; empty otherwise */
/* [schema.]name out of a list of String nodes. */
bool ddl_names(struct ddl *d, Node *const *names, size_t n, struct str *ret_schema, struct str *ret_name);
/* Where a new object goes: the schema given, else the first of the search path. 3F000, 42501 for system schemas. */
bool ddl_creation_schema(struct ddl *d, struct str given, int location, struct str *ret);
/* 0A000 when a relation's name begins with that of another database. */
bool ddl_check_databases(struct ddl *d, const Node *node);
/* IF EXISTS: a NOTICE that the schema is not there; false: it is, or was not named (ddl_missing.c). */
bool ddl_skips_schema(struct ddl *d, struct str schema);
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

/* ---- temporary tables (ddl_temporary.c) ---- */
/* Sets d->temporary, with the snapshot that such statements are planned on. 0A000 when both kinds are named. */
bool ddl_see_temporary(struct ddl *d, const Node *node);
bool ddl_is_temporary_schema(struct str schema);
/* Where a temporary relation goes; 42P16 when another schema is named. */
bool ddl_temporary_schema(struct ddl *d, struct str given, int location, struct str *ret);
/* Keys stay among tables of a kind: 42P16. referenced NULL: the table itself. */
bool ddl_check_foreign_tables(struct ddl *d, const struct relation *referenced, bool deferrable);
/* What ON COMMIT says of the new table, for proxy/txn/temporary.c; 42P16 for a permanent one. */
bool ddl_on_commit(struct ddl *d, PgQuery__OnCommitAction action, struct str table);

/* ---- types and expressions ---- */
/* 0A000 for types that cannot be stored yet. */
bool ddl_check_type(struct ddl *d, oid_t type, struct str column, int location);
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
/* 42P17 when a generation expression uses a generated column. */
bool ddl_check_generated(struct ddl *d, const struct new_table *table, const struct ddl_printed *printed);
/* The only column an expression speaks of, or empty: what PostgreSQL names checks after. */
struct str ddl_only_column(const struct expr *e, const struct query *scope);
/* A cast, or what stands for one: its first argument is the value. */
bool ddl_is_conversion(const struct expr *e);
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
    bool default_varies;         /* with settings or from call to call: the session that adds the column works it out */
    struct str sqlite_generated; /* inside AS ( ) */
    struct str type_check;       /* what the type demands, inside CHECK ( ); empty: nothing */
    struct str comment;
    /* of a table that exists (ddl_load.c) */
    const struct column *old; /* what the snapshot has; NULL: the column is new */
    bool autoincrement;       /* SQLite counts it; of old columns only */
    bool dropped;             /* keeps its number, has a name nobody can write */
    bool changed;             /* its row of the side catalogue has to be written again */
    bool is_virtual;          /* a generated column that SQLite's ADD COLUMN can add */
    struct str collation;     /* COLLATE of a table made elsewhere */
    struct str value; /* rebuild: its cell as an SQLite expression over the old table; empty: the cell as it is */
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
    bool dropped, added;
    bool is_named;            /* the name is settled: chosen, or looked at */
    bool is_index;            /* a unique index of its own stands for it */
    bool not_derived;         /* its row of the side catalogue has to be written */
    struct str index_comment; /* of the key's index, by LIKE */
};
struct new_index { /* of LIKE … INCLUDING INDEXES */
    const struct relation *table;
    const struct index *index;
    struct str comment; /* for the copy; empty: none */
};
struct new_table {
    struct str schema, name, sqlite_name;
    struct new_column *columns;
    size_t n_columns;
    struct new_constraint *constraints;
    size_t n_constraints;
    struct new_index *indexes;
    size_t n_indexes;
    struct relation relation;   /* scope of checks and generated columns */
    const struct relation *old; /* of a table that exists */
    bool strict, without_rowid, unlogged;
    const struct index **gone;
    size_t n_gone;      /* indexes of the old table that a constraint takes the place of (USING INDEX) */
    bool rebuild;       /* SQLite's ALTER cannot do it */
    const char *unkept; /* what its text holds that a new one would lose; NULL: nothing */
};

bool ddl_create_table(struct ddl *d, const PgQuery__CreateStmt *stmt);
/* 22023 for WITH (…) parameters that a table has not, or values they cannot have (ddl_storage_option.c). creates: oids may be among them,
 * when it is false; 0A000. */
bool ddl_check_storage_options(struct ddl *d, Node *const *options, size_t n, bool creates);
/* One column definition, with its constraints put into table. */
bool ddl_collect_column(struct ddl *d, struct new_table *table, const PgQuery__ColumnDef *def);
/* String nodes of these names, as a constraint's keys. */
Node **ddl_name_nodes(struct ddl *d, const struct str *names, size_t n);
bool ddl_collect_constraint(struct ddl *d, struct new_table *table, const PgQuery__Constraint *con, int column,
                            struct new_constraint **ret);
bool ddl_table_scope(struct ddl *d, struct new_table *table); /* relation from the columns */
bool ddl_resolve_constraint(struct ddl *d, struct new_table *table, struct new_constraint *c);
bool ddl_resolve_default(struct ddl *d, struct new_table *table, struct new_column *column);
/* ON DELETE and ON UPDATE SET DEFAULT are SQLite's work: the defaults of such keys' columns must be in the table's own text, so a
 * changed one makes the table anew. 0A000 for what SQLite cannot compute. */
bool ddl_settle_key_defaults(struct ddl *d, struct new_table *table);
bool ddl_resolve_type(struct ddl *d, struct new_table *table, struct new_column *column);
/* Text of one column in CREATE TABLE or ADD COLUMN. */
struct str ddl_column_text(struct ddl *d, const struct new_table *table, const struct new_column *column,
                           bool in_create);
struct str ddl_constraint_text(struct ddl *d, const struct new_table *table, const struct new_constraint *c);
bool ddl_column_side(struct ddl *d, const struct new_table *table, const struct new_column *column);
bool ddl_emit_table(struct ddl *d, struct new_table *table);
/* CREATE TABLE alone, under that name in D1. */
bool ddl_emit_create(struct ddl *d, struct new_table *table, struct str sqlite_name);
bool ddl_constraint_side(struct ddl *d, const struct new_table *table, const struct new_constraint *c);
bool ddl_type_check(struct ddl *d, struct new_column *column); /* fills column->type_check */
/* Whether the column is SQLite's rowid: the only column of an integer primary key. */
bool ddl_is_rowid(const struct ddl *d, const struct new_table *table, const struct new_column *column);
const struct new_constraint *ddl_primary_key(const struct new_table *table);
/* Whether the column's unique index would tell PostgreSQL's equal values apart (numeric without scale, interval, timetz). */
bool ddl_check_key_type(struct ddl *d, const struct column *column, const char *what);

/* ---- tables that exist ---- */
/* The table as it is, ready to be changed and printed again. 0A000 when it has what a table under construction cannot hold. */
bool ddl_load_table(struct ddl *d, const struct relation *r, struct new_table *ret);
struct new_column *ddl_find_column(const struct new_table *table, struct str name); /* NULL: none, or dropped */
struct new_constraint *ddl_find_constraint(const struct new_table *table, struct str name);
void ddl_forget_column(struct ddl *d, struct new_column *column); /* marks it dropped */
/* Whether a text in either dialect names it. */
bool ddl_mentions(struct ddl *d, struct str text, struct str name);
/* PostgreSQL's rule for the two sides of a foreign key. 42804 with its detail. */
bool ddl_check_foreign_types(struct ddl *d, struct str name, const struct column *from, const struct column *to);
/* The text of an index or trigger of the snapshot, by name; empty: none. */
struct str ddl_object_sql(const struct ddl *d, const char *type, struct str sqlite_name);
const struct snapshot_side *ddl_side_find(const struct ddl *d, const char *kind, struct str schema, struct str name);

/* ---- rebuilds: new tables beside the old ones, in one batch that loses no row of a child ---- */
struct rebuilt {
    const struct relation *old;
    struct new_table *model;        /* how it will be; NULL: as it is, but for the tables it refers to */
    bool is_dropped;                /* goes away, nothing comes after it */
    struct str temporary;           /* name of the new table until the old one is gone */
    const struct relation *becomes; /* how another schema has it (ddl_remake.h); NULL: none has */
};
struct rebuild {
    struct rebuilt *tables;
    size_t n;
    size_t *drop_order;
    const struct snapshot *becomes; /* every table that stays is made as this schema has it; NULL: as models say */
};
/* The name a foreign key must say: that of the new table, where there is one. */
struct str ddl_target_name(const struct ddl *d, const struct relation *target);
/* Takes part with this model, or is dropped with the others (model NULL). */
bool ddl_rebuild_add(struct ddl *d, struct rebuild *r, const struct relation *old, struct new_table *model,
                     bool is_dropped);
/* The model of a table in the set, loaded and added when it was not there. */
bool ddl_rebuild_model(struct ddl *d, struct rebuild *r, const struct relation *old, struct new_table **ret);
/* Writes the batch: the tables added and every table that refers to them. Nothing when the set is empty. */
bool ddl_rebuild_run(struct ddl *d, struct rebuild *r);
/* What an error is about, for its fields; empty: it has none of that kind. */
struct about {
    struct str schema, table, column, datatype, constraint;
};
/* The message of a guard with the fields that its error gets (proxy/d1_error.c reads them). */
struct str ddl_about(struct ddl *d, struct str message, struct about about);
/* A statement that raises `code: message` when `rows` (… FROM …, SQLite text) has any. detail: an SQLite expression over them, empty: none. */
bool ddl_guard(struct ddl *d, enum sqlstate code, struct str message, struct str detail, struct str rows);

/* ---- what depends on what is dropped ---- */
struct dependent_key {
    const struct relation *child;
    const struct constraint *key;
};
struct dependents {
    struct str *lines, *names; /* of the DETAIL; of the NOTICE */
    size_t n_lines, n_names;
    const struct relation **views;
    size_t n_views;
    struct dependent_key *keys;
    size_t n_keys;
};
bool ddl_dependent(struct ddl *d, struct dependents *list, struct str what, struct str on);
/* Views that use the relation (and its column, unless empty), and their views. */
bool ddl_dependent_views(struct ddl *d, struct dependents *list, const struct relation *r, struct str column,
                         struct str on);
/* Views whose columns stand alone beside GROUP BY because the key is grouped by, and their views. */
bool ddl_dependent_key_views(struct ddl *d, struct dependents *list, const struct relation *r,
                             const struct constraint *key);
/* Whether the view's own text needs the object; false for views made elsewhere. */
bool ddl_view_uses_object(struct ddl *d, const struct relation *view, enum system_use use, oid_t object);
/* 2BP01 unless there are none or cascade is said; then the NOTICE. */
bool ddl_dependents_settle(struct ddl *d, const struct dependents *list, bool cascade, struct str what);
bool ddl_drop_views(struct ddl *d, const struct dependents *list);
struct str ddl_described_column(struct ddl *d, const struct relation *r, struct str column);
struct str ddl_described_constraint(struct ddl *d, const struct relation *r, struct str constraint);

/* ---- sequences ---- */
struct sequence_options {
    oid_t type;
    int64_t start, increment, min, max;
    bool cycle, has_restart, restarts_at_start, custom; /* custom: anything but START */
    int64_t restart;
    bool has_owner;
    struct str owner_schema, owner_table, owner_column; /* owner_table empty: NONE */
};
bool ddl_sequence_options(struct ddl *d, Node *const *options, size_t n, const struct relation *old, oid_t type,
                          struct sequence_options *ret);
/* Names the sequence of a serial or identity column: as its options say, else as PostgreSQL would. */
bool ddl_name_sequence(struct ddl *d, const struct new_table *table, struct new_column *column);
bool ddl_write_sequence(struct ddl *d, struct str schema, struct str name, const struct sequence_options *options,
                        bool fresh);

/* ---- the other statements ---- */
bool ddl_create_table_as(struct ddl *d, const PgQuery__CreateTableAsStmt *stmt);
bool ddl_select_into(struct ddl *d, const Node *select);
bool ddl_create_view(struct ddl *d, const PgQuery__ViewStmt *stmt);
bool ddl_create_index(struct ddl *d, const PgQuery__IndexStmt *stmt);
/* CREATE INDEX text of an index of LIKE on another table. */
bool ddl_copy_index(struct ddl *d, const struct new_table *table, const struct new_index *from);
/* The comment of an index that this statement makes; empty: none. */
bool ddl_index_comment_side(struct ddl *d, struct str schema, struct str name, struct str comment);
/* The same index under its own name, for columns whose types or names have changed. */
bool ddl_print_index_again(struct ddl *d, const struct new_table *table, const struct index *index);
bool ddl_index_mentions(struct ddl *d, const struct index *index, const struct column *column);
bool ddl_drop(struct ddl *d, const PgQuery__DropStmt *stmt);
bool ddl_truncate(struct ddl *d, const PgQuery__TruncateStmt *stmt);
bool ddl_alter_table(struct ddl *d, const PgQuery__AlterTableStmt *stmt);

/* ---- of no effect on D1, but what they name must be there (ddl_maintain.c) ---- */
bool ddl_vacuum(struct ddl *d, const PgQuery__VacuumStmt *stmt); /* ANALYZE too */
bool ddl_reindex(struct ddl *d, const PgQuery__ReindexStmt *stmt);
bool ddl_cluster(struct ddl *d, const PgQuery__ClusterStmt *stmt);
bool ddl_lock(struct ddl *d, const PgQuery__LockStmt *stmt);
bool ddl_owner_to(struct ddl *d, const PgQuery__AlterOwnerStmt *stmt);
/* The statement fails with 42704 when it runs and no such role is there; with 3D000 when that is not the database. */
bool ddl_need_role(struct ddl *d, const PgQuery__RoleSpec *role);
bool ddl_need_database(struct ddl *d, struct str name);
/* The statement fails with 25001 in a transaction block, named so. */
bool ddl_not_in_block(struct ddl *d, const char *what);
/* *ret_handled false: REVOKE, which is refused (accepted.def). */
bool ddl_grant(struct ddl *d, const PgQuery__GrantStmt *stmt, bool *ret_handled);
bool ddl_default_privileges(struct ddl *d, const PgQuery__AlterDefaultPrivilegesStmt *stmt, bool *ret_handled);
/* The table's index of that name: 42704, 42809. */
bool ddl_find_table_index(struct ddl *d, const struct relation *table, const char *name, const struct index **ret);
/* ALTER INDEX: storage options, table spaces and owners only. */
bool ddl_alter_index(struct ddl *d, const PgQuery__AlterTableStmt *stmt);
bool ddl_check_cluster(struct ddl *d, const struct relation *table, const char *index);

/* ---- objects that are not there (ddl_missing.c) ---- */
/* 42P01, or 3F000 when the schema is not there. Answer false. */
bool ddl_no_relation(struct ddl *d, struct str schema, struct str name);
bool ddl_no_type(struct ddl *d, struct str schema, struct str name);
/* PostgreSQL's error when no object of such a kind has that name; true: it may be there. */
bool ddl_missing(struct ddl *d, PgQuery__ObjectType object, const Node *name);
bool ddl_drop_missing(struct ddl *d, const PgQuery__DropStmt *stmt);

bool ddl_rename(struct ddl *d, const PgQuery__RenameStmt *stmt);
bool ddl_create_sequence(struct ddl *d, const PgQuery__CreateSeqStmt *stmt);
/* The number that SQLite gives the table's next row, unless a row has it or a higher one. */
bool ddl_restart_rowid(struct ddl *d, const struct relation *table, int64_t next);
bool ddl_alter_sequence(struct ddl *d, const PgQuery__AlterSeqStmt *stmt);
bool ddl_create_enum(struct ddl *d, const PgQuery__CreateEnumStmt *stmt);
bool ddl_alter_enum(struct ddl *d, const PgQuery__AlterEnumStmt *stmt);
bool ddl_create_domain(struct ddl *d, const PgQuery__CreateDomainStmt *stmt);
bool ddl_alter_domain(struct ddl *d, const PgQuery__AlterDomainStmt *stmt);
bool ddl_set_constraints(struct ddl *d, const PgQuery__ConstraintsSetStmt *stmt);
/* 42710 when a type or relation has it. */
bool ddl_new_type_name(struct ddl *d, Node *const *names, size_t n, struct str *ret_schema, struct str *ret_name);
bool ddl_create_schema(struct ddl *d, const PgQuery__CreateSchemaStmt *stmt);
bool ddl_comment(struct ddl *d, const PgQuery__CommentStmt *stmt);
bool ddl_create_extension(struct ddl *d, const PgQuery__CreateExtensionStmt *stmt);
bool ddl_alter_extension(struct ddl *d, const PgQuery__AlterExtensionStmt *stmt);
bool ddl_drop_extensions(struct ddl *d, const PgQuery__DropStmt *stmt);
bool ddl_comment_extension(struct ddl *d, const PgQuery__CommentStmt *stmt);
bool ddl_annotate(struct ddl *d, const PgQuery__SelectStmt *select); /* SELECT pgd1.annotate(…) */

/* A view's row: its columns, and its text unless that is empty. */
bool ddl_view_side(struct ddl *d, struct str schema, struct str name, struct str text, const struct column *columns,
                   size_t n);
/* --- ddl_persistence.c --- */
bool ddl_is_unlogged(const PgQuery__RangeVar *name);
/* CREATE UNLOGGED of a "table" or "sequence"; nothing for others. */
bool ddl_unlogged_side(struct ddl *d, const PgQuery__RangeVar *created, const char *kind, struct str schema);
/* Whether a table may have a foreign key to the other: 42P16. */
bool ddl_may_reference(struct ddl *d, bool unlogged, const struct relation *referenced);
/* ALTER … SET LOGGED, SET UNLOGGED. */
bool ddl_set_logged(struct ddl *d, const struct relation *r, bool logged);

/* --- ddl_view_option.c --- */
struct view_option {
    struct str name, value;
};
struct view_options {
    struct view_option *list;
    size_t n;
    char check; /* as relation.check_option */
};
bool ddl_view_options(struct ddl *d, const PgQuery__ViewStmt *stmt, struct view_options *ret);
/* 0A000 where it has WITH CHECK OPTION, in whichever words, and cannot. */
bool ddl_view_may_check(struct ddl *d, const PgQuery__ViewStmt *stmt, const struct query *analyzed);
bool ddl_view_options_side(struct ddl *d, struct str schema, struct str name, const struct view_options *o);
/* ALTER VIEW … SET (list), or RESET. */
bool ddl_alter_view_options(struct ddl *d, const struct relation *view, Node *const *list, size_t n, bool reset);
/* Whether a text is a value of type boolean (ddl_storage_option.c). */
bool ddl_is_boolean(struct ddl *d, struct str text);
/* Whether a view that uses the relation uses this column of it; true when its text does not tell. */
bool ddl_view_uses_column(struct ddl *d, const struct relation *view, const struct relation *r, struct str column);
/* Views of the snapshot whose text names the relation. */
bool ddl_view_uses(struct ddl *d, const struct relation *view, const struct relation *used);

#endif
