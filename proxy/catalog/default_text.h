/*
 * default_text.h - SQLite's DEFAULT texts in PostgreSQL's spelling, as pg_get_expr would print them.
 *
 * Owns     nothing; texts go into the caller's arena.
 * Fails    {NULL,0}: PostgreSQL has no words for it (`unixepoch()`, a literal of the wrong kind), or no memory.
 */
#ifndef PGD1_CATALOG_DEFAULT_TEXT_H
#define PGD1_CATALOG_DEFAULT_TEXT_H

#include "proxy/catalog/facts.h"
#include "proxy/base/arena.h"

/* sqlite: pragma_table_xinfo's dflt_value. type: built-in base type of the column. `NULL` gives an empty text that is not {NULL,0}. */
struct str default_text_from_sqlite(struct str sqlite, oid_t type, struct arena *arena);

#endif
