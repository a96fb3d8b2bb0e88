/*
 * bulk.h - many rows of values into one table: COPY FROM.
 *
 * Rows travel as JSON: INSERT INTO t(…) SELECT json_extract(value,'$[0]'), … FROM json_each(?1), about a megabyte at
 * a time, so
 * D1's 100 parameters and 100 kB of SQL do not matter. Values are exact: 64-bit integers, doubles, bytes as hex digits.
 *
 * Owns     a target lives in the arena of its plan and is constant. A struct bulk owns its encoded rows.
 * Lives    the statements given by bulk_statements() point into the bulk: keep it until the request that carries them
 *          is done.
 * Fails    22001, 22003 (length coercion, with the column in err->column), 23502 for NULL in a rowid column, 54000
 *          for a row above
 *          D1's 2 MB, 53200.
 * Not here reading COPY data (pgwire/copy_text.h), decoding fields (type_decode): the caller gives values in storage
 * form.
 */
#ifndef PGD1_SQL_BULK_H
#define PGD1_SQL_BULK_H

#include "proxy/sql/plan.h"

struct bulk_target;
struct bulk;

enum { BULK_CHUNK_BYTES = 1000000 };

/* columns: those the data has, in its order. Columns left out get their defaults. snapshot and settings are not kept.
 * */
bool bulk_target_new(const struct relation *relation, const struct column *const *columns, size_t n_columns,
                     const struct sql_settings *settings, const struct snapshot *snapshot, struct arena *arena,
                     struct bulk_target **ret, struct err *err);

struct bulk *bulk_new(const struct bulk_target *target); /* NULL: no memory */
void bulk_free(struct bulk *b);                          /* accepts NULL */
/* values: one per column of the target, storage form of its type. scratch is used for conversions and may be reset
 * afterwards. */
bool bulk_add_row(struct bulk *b, const struct value *values, struct arena *scratch, struct err *err);
size_t bulk_rows(const struct bulk *b);
size_t bulk_bytes(const struct bulk *b);
size_t bulk_n_statements(const struct bulk *b); /* how many statements the rows so far make */
/* One statement per chunk, in order, wants_changes set; the arrays are in arena. None when there is no row. */
bool bulk_statements(const struct bulk *b, const struct bind_input *input, struct arena *arena,
                     struct d1_statement **ret, size_t *ret_n, struct err *err);
void bulk_reset(struct bulk *b); /* no rows; keeps its memory */

#endif
