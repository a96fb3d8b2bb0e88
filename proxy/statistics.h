/*
 * statistics.h - counting what statements cost, for pg_stat_statements and pgd1.statements.
 *
 * Statements that differ only in literals are one: their token skeletons (sql/skeleton.h) are the same but for the case of letters. Literals
 * that shape a plan (ORDER BY 1) stay in the text; of utility statements all do, as in PostgreSQL 15. A plan remembers where
 * its statement is counted. The time of a statement goes from its arrival, or that of the string it stands in, to the end of its cycle, when
 * the client has its answer: no clock is read for it but where notes are full.
 *
 * Owns     nothing: tables are the workers' (statement_table.h), notes the group's.
 * Fails    never: what cannot be counted is not.
 * Not here rows of the views: activity.c.
 */
#ifndef PGD1_PROXY_STATISTICS_H
#define PGD1_PROXY_STATISTICS_H

#include "proxy/statement_table.h"

struct app;
struct session;
struct execution;

enum { STATISTICS_NOTES = 4 };

/* A statement that was answered in this cycle. */
struct statistics_note {
    struct statement_slot slot;
    int64_t began_us; /* wall clock */
    uint64_t rows;
    uint32_t round_trips;
    bool finished_locally;
    uint64_t rows_read, rows_written;
};

struct statistics_notes {
    size_t n;
    struct statistics_note list[STATISTICS_NOTES];
};

/* The statement succeeded; one whose rows are taken is a part of another. cost: rows and what D1 did; slot and began_us are filled in. */
void statistics_done(struct session *s, const struct execution *x, struct statistics_note cost);
/* What is noted goes into the worker's table: it ended now. */
void statistics_flush(struct session *s, int64_t now_us);
/* pg_stat_statements_reset(): in all workers; 0 matches all. */
void statistics_reset(struct app *app, const struct statement_id *which);

#endif
