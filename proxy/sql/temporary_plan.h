/*
 * temporary_plan.h - plans that read or write a session's temporary tables: whose tables they are, and rows brought from D1.
 *
 * Owns     nothing; what is made lives in the arena given.
 * Fails    0A000 where temporary and permanent tables meet in a way that neither side can do.
 * Not here the tables themselves: proxy/txn/temporary.h.
 */
#ifndef PGD1_SQL_TEMPORARY_PLAN_H
#define PGD1_SQL_TEMPORARY_PLAN_H

#include "proxy/sql/plan.h"
#include "proxy/sql/query.h"

/* The table of the session's database where rows brought from elsewhere are: columns c0, c1 … */
#define TEMPORARY_GATHERED "_pgd1_gathered"

/* Sets plan->tables from what it reads, writes and counts with. */
void temporary_plan_note(struct plan *plan);
/* Whether something that it changes is temporary. */
bool temporary_plan_writes(const struct plan *plan);
/* SELECT c0, c1 … of the rows that another plan gave, in TEMPORARY_GATHERED. NULL: no memory. */
struct query *temporary_plan_gathered(const struct plan *gather, struct arena *arena);
/* The gathered rows are no table of the snapshot: they leave the footprint. */
void temporary_plan_forget_gathered(struct plan *plan);
/* The only permanent table that a plan of TABLES_BOTH reads, when it writes none, and counts with no permanent sequence. NULL: there
 * are more, or views. */
const struct relation *temporary_plan_only_read(const struct plan *plan);
/* 0A000: the statement changes a temporary table with rows of permanent ones. Answers false. */
bool temporary_plan_refuse(struct err *err);

#endif
