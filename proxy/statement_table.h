/*
 * statement_table.h - what the statements of one worker thread cost, by user, database and query.
 *
 * Owns     its entries: ids, text and numbers. Bounded: when it is full the twentieth part that was used least goes, as in PostgreSQL's
 *          pg_stat_statements; use fades at each such time.
 * Lives    with its worker. Its thread finds entries and adds to them; any thread reads and resets, behind the table's lock.
 * Fails    an entry that does not fit in memory is not kept.
 * Not here which statements are the same one: statistics.h.
 */
#ifndef PGD1_PROXY_STATEMENT_TABLE_H
#define PGD1_PROXY_STATEMENT_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include "proxy/base/str.h"

enum { STATEMENT_TEXT_BYTES = 8192 }; /* longer texts are cut */

struct statement_id {
    uint32_t user, database;
    int64_t query;
};

/* Times in milliseconds. mean and squares as B. P. Welford adds them up: squares is the sum of squared distances from the mean. */
struct statement_numbers {
    uint64_t calls, rows;
    double total, least, most, mean, squares;
    uint64_t finished_locally, round_trips, rows_read, rows_written;
};

/* Where an entry is; it is another one, or none, when the generation differs. */
struct statement_slot {
    uint32_t at, generation; /* generation 0: nowhere */
};

struct statement_table;

struct statement_table *statement_table_new(size_t max_entries); /* NULL: no memory. 0: it keeps nothing */
void statement_table_free(struct statement_table *t);            /* accepts NULL */
/* Whether the slot still holds what it was given for. */
bool statement_table_holds(const struct statement_table *t, struct statement_slot slot);
/* The entry's slot; {0,0}: there is none. */
struct statement_slot statement_table_find(struct statement_table *t, const struct statement_id *id);
/* Makes an entry; the text is copied. *ret_evicted: so many others went. */
struct statement_slot statement_table_add(struct statement_table *t, const struct statement_id *id, struct str text,
                                          size_t *ret_evicted);
/* One more call. No effect when the entry has gone. numbers: calls 1, total its time. */
void statement_table_count(struct statement_table *t, struct statement_slot slot,
                           const struct statement_numbers *numbers);
/* Adds the numbers of other calls. */
void statement_numbers_add(struct statement_numbers *to, const struct statement_numbers *more);
/* Every entry with calls, under the lock: each() may not call the table. False: each() said so. */
bool statement_table_each(struct statement_table *t,
                          bool (*each)(void *ctx, const struct statement_id *id, struct str text,
                                       const struct statement_numbers *numbers),
                          void *ctx);
size_t statement_table_entries(struct statement_table *t);
/* Forgets the entries that match; 0 matches all. */
void statement_table_reset(struct statement_table *t, const struct statement_id *which);

#endif
