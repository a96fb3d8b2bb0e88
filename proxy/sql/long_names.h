/*
 * long_names.h - NOTICEs of names of more than 63 bytes, which PostgreSQL's scanner cuts.
 *
 * Owns     nothing; what is added lives in the plan's arena.
 * Fails    53200. A text that cannot be scanned has no notices: the parser has read it.
 * Not here cutting them: libpg_query does, as PostgreSQL.
 */
#ifndef PGD1_SQL_LONG_NAMES_H
#define PGD1_SQL_LONG_NAMES_H

#include "proxy/sql/plan.h"

/* Before the plan's other notices, in the order of the text. */
bool long_names_notice(struct plan *plan, struct str text, struct err *err);

#endif
