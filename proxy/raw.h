/*
 * raw.h - SET pgd1.dialect = 'sqlite': statements of SQLite, sent to D1 as they are.
 *
 * A string is cut as SQLite cuts it (d1/split.h). Statements that SQLite does not have and that concern the session or its
 * transaction (SET, SHOW, BEGIN, COMMIT, SAVEPOINT, LISTEN…: raw_words) stay PostgreSQL's; all others are D1's.
 *
 * A statement is compiled first by an SQLite of our own with D1's rules and the schema, no rows: what D1 denies is denied here, and
 * its columns, parameters, the tables it reads and writes, and whether it changes anything are known without asking D1.
 *
 * Types    Simple Query: columns are typed by the cells that came (raw_cells.h). Described columns (extended protocol) are int8,
 *          float8, bytea or text where they are a table's columns of that affinity, else text; a cell that does not fit is 22P02.
 * Values   $1 is ?1. A parameter is bound as its declared type is stored (pgwire/types.h), as text where none is declared.
 * Denied   writing pgd1's own tables; PRAGMAs that would change the connection for others; DROP, RENAME and the like of what the side
 *          catalogue says more about; PRAGMA, EXPLAIN and RETURNING inside a block that waits for each answer.
 *
 * Owns     the engine: an SQLite handle for the newest schema it was asked about.
 * Lives    as long as its worker thread.
 * Fails    what SQLite says, mapped as D1's own errors are; 0A000, 42501, 42P02, 53200.
 */
#ifndef PGD1_PROXY_RAW_H
#define PGD1_PROXY_RAW_H

#include "proxy/sql/plan.h"

struct raw_engine;

struct raw_engine *raw_engine_new(void);    /* NULL: no memory */
void raw_engine_free(struct raw_engine *e); /* accepts NULL */

/* As sql_parse(): a string's statements, in arena. */
bool raw_parse(struct str text, size_t max_bytes, struct arena *arena, struct sql_list *ret, struct err *err);
/* As sql_plan(), for statements that are raw. */
bool raw_plan(struct raw_engine *e, const struct sql_statement *statement, const struct snapshot *snapshot,
              const struct sql_settings *settings, const oid_t *param_types, size_t n_param_types, struct plan **ret,
              struct err *err);

#endif
