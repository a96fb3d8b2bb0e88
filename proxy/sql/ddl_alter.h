/*
 * ddl_alter.h - one ALTER TABLE under planning, shared by the ddl_alter_*.c files; nobody else includes it.
 *
 * Commands change the model of the table. When all are done, ddl_alter.c writes the cheapest batch that makes it true: SQLite's own
 * ALTER, an index, a row of the side catalogue; or a rebuild (ddl_rebuild.c) when one of them needed it.
 */
#ifndef PGD1_SQL_DDL_ALTER_H
#define PGD1_SQL_DDL_ALTER_H

#include "proxy/sql/ddl_internal.h"

typedef PgQuery__AlterTableCmd Command;

struct alter {
    const struct relation *table;
    struct new_table *now;
    struct rebuild set; /* other tables whose keys go with a dropped one; `now` too, when it is rebuilt */
};

bool ddl_undefined_column(struct ddl *d, const struct alter *a, struct str name);
bool ddl_in_constraint(const struct constraint *c, int16_t number);
/* Drops the keys of other tables: their tables are rebuilt. */
bool ddl_drop_keys(struct ddl *d, struct rebuild *set, const struct dependents *list);
/* The foreign keys of any table that need exactly these columns of the altered one to be unique. */
bool ddl_dependent_keys(struct ddl *d, struct dependents *list, const struct alter *a, const int16_t *columns, size_t n,
                        struct str on);

bool ddl_add_column(struct ddl *d, struct alter *a, const Command *command);
bool ddl_drop_column(struct ddl *d, struct alter *a, const Command *command);
bool ddl_set_default(struct ddl *d, struct alter *a, const Command *command);
bool ddl_set_not_null(struct ddl *d, struct alter *a, const Command *command);
bool ddl_set_type(struct ddl *d, struct alter *a, const Command *command);
/* The column's new cells, worked out by the local engine: column->value names them in the old table. */
bool ddl_stage_values(struct ddl *d, const struct alter *a, struct new_column *column, const Node *using);
bool ddl_drop_expression(struct ddl *d, struct alter *a, const Command *command);
bool ddl_add_identity(struct ddl *d, struct alter *a, const Command *command);
bool ddl_set_identity(struct ddl *d, struct alter *a, const Command *command);
bool ddl_drop_identity(struct ddl *d, struct alter *a, const Command *command);
/* An identity column's type is its sequence's too; one that SQLite counts itself is not asked for. */
bool ddl_retype_identity(struct ddl *d, struct alter *a, const struct new_column *column, PgQuery__TypeName *type);
/* Says that a rowid has no sequence any more. */
bool ddl_make_plain(struct ddl *d, const struct alter *a, struct new_column *column);
bool ddl_add_constraint(struct ddl *d, struct alter *a, const Command *command);
bool ddl_drop_constraint(struct ddl *d, struct alter *a, const Command *command);
/* Looks at the rows that were there when a NOT VALID one came. */
bool ddl_validate_constraint(struct ddl *d, struct alter *a, const Command *command);
bool ddl_alter_constraint(struct ddl *d, struct alter *a, const Command *command);

/* ---- when all commands are done ---- */
/* ADD COLUMN by SQLite's own ALTER with the values of old rows. */
bool ddl_emit_added_column(struct ddl *d, const struct alter *a, struct new_column *column);
/* What the old rows of a rebuilt table get in a new column. */
bool ddl_added_value(struct ddl *d, const struct alter *a, struct new_column *column);
/* ---- numbers for the rows that are there, as the sequence of a new column gives them (ddl_numbering.c) ---- */
bool ddl_number_rows(struct ddl *d, const struct alter *a, const struct new_column *column);
/* The same as column->value, for a rebuild. */
bool ddl_numbered_value(struct ddl *d, const struct alter *a, struct new_column *column);
/* The sequence goes on behind what its rows got. */
bool ddl_numbered_counter(struct ddl *d, const struct alter *a, const struct new_column *column);
/* A new unique key that the table itself refers to stands in its text: its rows are copied before there is an index. */
void ddl_settle_keys(struct alter *a);
/* Guards for new NOT NULLs and checks, over the values that the rows will have. */
bool ddl_guard_rows(struct ddl *d, const struct alter *a);
bool ddl_guard_check(struct ddl *d, const struct alter *a, const struct new_constraint *c, struct str rows);
bool ddl_guard_type(struct ddl *d, const struct new_column *column, struct str rows);
bool ddl_emit_unique_index(struct ddl *d, const struct alter *a, const struct new_constraint *c);

#endif
