/*
 * overlay.h - what a transaction can know without D1: its schema (D1's, and its own DDL), and the rows of tables it made itself.
 *
 * DDL runs in the shadow (shadow.h) in the order of its positions, each once; SQLite tells what it touches. Decided there, and not
 * tried out, is what no row of D1's can make fail: new tables, views, columns with a constant, indexes that are not unique, and
 * whatever concerns only the transaction's own tables. All else is tried out, as any write.
 *
 * An own table was created in this transaction, and all that has touched its rows since has run in the shadow. Nobody else can know
 * it, so what its statements give here is what they will give at COMMIT. A statement that runs elsewhere ends that.
 * What is taken back (ROLLBACK TO, an error) drops the overlay: it is built again from the buffer.
 *
 * Owns     the shadow, a reference to the schema, an arena of names.
 * Lives    in its transaction, from the first DDL to the end.
 * Fails    where the shadow cannot be made or read, the schema of the database stands, and D1 is asked.
 * Not here answering (group_shadow.c).
 */
#ifndef PGD1_PROXY_TXN_OVERLAY_H
#define PGD1_PROXY_TXN_OVERLAY_H

#include "proxy/sql/plan.h"
#include "proxy/txn/buffer.h"
#include "proxy/txn/shadow.h"

struct names {
    struct str *list;
    size_t n, size;
};

/* What a DDL statement of the transaction was seen to do. */
struct overlay_ddl {
    struct overlay_ddl *next;
    uint32_t position;
    bool ran;            /* it works on this schema */
    bool schema_only;    /* no row of any table matters */
    bool decided;        /* none of a table of D1's, given the rows that are here */
    bool touches_all;    /* its footprint is not just the tables below */
    struct names tables; /* made, changed, dropped */
};

struct overlay {
    struct shadow *shadow;
    struct snapshot *schema; /* NULL: the database's */
    uint64_t base;           /* version of the schema it began with, or of that which it was settled with */
    bool is_settled;         /* what has run here has happened */
    uint32_t position;       /* all up to here has run, or is known not to */
    bool changed;            /* since the schema was read */
    bool changed_all;        /* and what, is not known */
    struct names changes;    /* tables and views that were made, changed or dropped since; triggers, indexes: of them */
    struct arena *arena;
    struct names own;
    struct overlay_ddl *ddl; /* newest first */
    uint32_t without_rows; /* statements up to here leave no rows here; positions only grow, so it outlives the rest */
};

void overlay_drop(struct overlay *o);
/* Before anything is run: begins on `base`, or begins again when that has changed. */
void overlay_begin(struct overlay *o, const struct snapshot *base);
/* All that has run here has happened at D1, and its schema is the database's now: it goes on from there, and no table is the transaction's
 * own any more. */
void overlay_settle(struct overlay *o);
/* A settled one ends when the database has another schema. */
void overlay_check(struct overlay *o, const struct snapshot *base);
/* Whether all DDL up to here ran, and nothing but it: what it leaves is known. */
bool overlay_knows(struct overlay *o, uint32_t position);
/* What of the buffer has not run yet. */
void overlay_follow(struct overlay *o, const struct buffer *b);
/* DDL at a position; no effect when it has run. */
void overlay_run(struct overlay *o, uint32_t position, const struct d1_statement *statements, size_t n);
/* What was seen of the DDL at a position; NULL: nothing. Borrowed. */
const struct overlay_ddl *overlay_seen(const struct overlay *o, uint32_t position);
/* Whether everything the plan reads and writes is the transaction's own. */
bool overlay_owns(const struct overlay *o, const struct plan *plan);
/* Runs a statement of an own table at a position: all of it or, answering false, nothing. at_row: as shadow_run, with its number;
 * changes: one for each. */
bool overlay_rows(struct overlay *o, uint32_t position, const struct d1_statement *statements, size_t n,
                  void (*at_row)(void *ctx, size_t statement, const struct value *cell), void *ctx, int64_t *changes);
/* DDL at a position works at D1 and not here: rows that are here no longer are as D1's. Begins again without them. */
void overlay_forget_rows(struct overlay *o, uint32_t position);
/* A statement has run elsewhere: what it wrote is not only here any more. */
void overlay_lose(struct overlay *o, const struct plan *plan);
/* Borrowed until the next call; NULL: the database's. */
const struct snapshot *overlay_schema(struct overlay *o, struct arena *scratch);

#endif
