/*
 * emit.h - analyzed tree -> plan: places each part, rewrites what SQLite lacks, prints SQLite SQL.
 *
 * Two targets share one printer:
 *   D1    only what D1 offers (facts: the function allow-list, limits). Functions by the `d1` template of
 *         functions.def.
 *   LOCAL the in-memory engine that has PostgreSQL's functions registered under "pg_<prosrc>" (local.h); templates
 * where they are exact there too.
 *
 * Owns     nothing; everything goes into plan->arena.
 * Fails    0A000 for what no target can do, with the construct named and the position; 54000 for D1's limits that
 *          cannot be folded.
 */
#ifndef PGD1_SQL_EMIT_H
#define PGD1_SQL_EMIT_H

#include "proxy/sql/plan.h"
#include "proxy/sql/query.h"

/* Fills kind QUERY or CHANGE, place, access, columns, statements, local, reads/writes, cacheable of a plan whose
 * arena and snapshot are set.
 * structural: literal tokens whose value went into the text or shaped it (their numbers are added; the plan cache
 * keeps them in its key). */
struct literal_set {
    bool *is_structural;
    size_t n;
};
bool emit_query(struct query *query, const struct sql_settings *settings, struct plan *plan,
                struct literal_set *structural, struct err *err);

/* One expression as SQLite text over columns named by `column_name` (defaults, checks, index expressions, generated
 * columns of DDL).
 * Only D1-place expressions, no parameters; literals are printed, quoted. False with 0A000 when it must be finished
 * locally. */
bool emit_ddl_expression(const struct expr *expr, const struct query *scope, const struct sql_settings *settings,
                         const struct snapshot *snapshot, struct arena *arena, struct str *ret, struct err *err);
/* The same for an index: what D1 cannot decide (lower() of letters beyond ASCII, a JSON object as text) does not keep
 * a row out of the
 * table, so the text has no guards. Queries over such an index either match it exactly or do not use it. */
bool emit_ddl_index_expression(const struct expr *expr, const struct query *scope, const struct sql_settings *settings,
                               const struct snapshot *snapshot, struct arena *arena, struct str *ret, struct err *err);
/* The same for a unique index, which must not take what D1 cannot decide for distinct: 0A000 is raised there instead. */
bool emit_ddl_index_guard(const struct expr *expr, const struct query *scope, const struct sql_settings *settings,
                          const struct snapshot *snapshot, struct arena *arena, struct str *ret, struct err *err);
/* The same as the cell that an INSERT would store into `column`: numbers for numeric(p<=15,s), the storage form of the type elsewhere. */
bool emit_ddl_cell(const struct expr *expr, const struct query *scope, const struct column *column,
                   const struct sql_settings *settings, const struct snapshot *snapshot, struct arena *arena,
                   struct str *ret, struct err *err);
/* A query as SQLite text without parameters (views). A plain column keeps the cells of its table,
 * everything else is
 * in the storage form of its type. Its columns are named c0, c1…: name them outside, as in
 * CREATE VIEW v(a, b) AS …. */
bool emit_ddl_query(struct query *query, const struct sql_settings *settings, const struct snapshot *snapshot,
                    struct arena *arena, struct str *ret, struct err *err);
/* The same for a query that runs once: sql and binds of ret, which are the moment and what the session is. */
bool emit_filling_query(struct query *query, const struct sql_settings *settings, const struct snapshot *snapshot,
                        struct arena *arena, struct plan_statement *ret, struct err *err);
/* For bulk.h: the plan's one statement inserts the rows of a JSON array (parameter 1) into `columns`, and into
 * defaults->insert_columns what
 * defaults->insert_rows[0] says. */
bool emit_bulk_insert(const struct relation *relation, const struct column *const *columns, size_t n_columns,
                      struct query *defaults, const struct sql_settings *settings, struct plan *plan, struct err *err);
/* "name" quoted for SQLite; always with double quotes, doubled inside. */
struct str emit_identifier(struct str name, struct arena *arena);
/* 'text' as an SQLite literal. NUL cannot occur in PostgreSQL text. */
struct str emit_text_literal(struct str text, struct arena *arena);

/* ?1 names a table with AUTOINCREMENT: SQLite has a row for it after the first INSERT only, and what counts its ids needs one. */
#define SEQUENCE_ROW_SQL                                                                                               \
    "INSERT INTO sqlite_sequence(name,seq) SELECT ?1,0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name=?1)"

#endif
