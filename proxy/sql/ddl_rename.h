/*
 * ddl_rename.h - shared by ddl_rename.c and ddl_rename_text.c; nobody else includes it.
 */
#ifndef PGD1_SQL_DDL_RENAME_H
#define PGD1_SQL_DDL_RENAME_H

#include "proxy/sql/ddl_internal.h"
#include "proxy/sql/deparse.h"

bool ddl_set_schema(struct ddl *d, const PgQuery__AlterObjectSchemaStmt *stmt);
bool ddl_side_rename(struct ddl *d, const char *kind, struct str schema, struct str from, struct str to);
/* The same index under another name of D1's: SQLite cannot rename one. */
bool ddl_remake_index(struct ddl *d, const struct index *index, struct str sqlite_name);
/* IF EXISTS: the notice, and nothing to do. */
bool ddl_rename_skipped(struct ddl *d, const PgQuery__RenameStmt *stmt, const char *tag);
/* PostgreSQL's texts of checks, generated columns and index expressions, with a column's new name. */
bool ddl_rename_in_table_texts(struct ddl *d, const struct relation *r, const struct column *column, struct str to);
/* The texts of views that use the relation. 0A000 when one cannot be written down anew. */
bool ddl_rename_in_views(struct ddl *d, const struct deparse_rename *rename);
/* Views that use a view which is renamed, or whose column is: their texts, and they themselves in D1 anew. */
bool ddl_rename_in_dependents(struct ddl *d, const struct relation *view, const struct relation *now,
                              const struct deparse_rename *rename);
/* The row of a view whose columns have these names now. */
bool ddl_view_columns_side(struct ddl *d, const struct relation *view, const struct str *names);
/* Columns, domains and texts that name the type. */
bool ddl_rename_type_users(struct ddl *d, const struct user_type *type, struct str to);

#endif
