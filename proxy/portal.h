/*
 * portal.h - a statement bound to values, ready to run or under way: Bind's portals and SQL cursors.
 *
 * Owns     its arena (values, formats, itself), a reference to its statement's plan, and the rows not yet fetched.
 * Lives    reference counted: steps that wait for D1 keep it. It leaves the session's table at Close, the end of its transaction (WITH HOLD: of the session), ROLLBACK TO a savepoint from before it, or another portal of the same name (unnamed).
 * Fails    42P03, 34000, 54000 above the number of portals or bytes of rows, 53200.
 * Not here running it: execute.h.
 */
#ifndef PGD1_PROXY_PORTAL_H
#define PGD1_PROXY_PORTAL_H

#include "proxy/rowstore.h"
#include "proxy/session.h"
#include "proxy/sql/plan.h"

enum { PORTALS_MAX = 1000 };

/* Format of each result column: none given, one for all, or one each. */
struct result_formats {
    const unsigned char *codes; /* big-endian int16s as Bind carries them */
    size_t n;
};

enum portal_state {
    PORTAL_NEW,     /* bound, not run */
    PORTAL_RUNNING, /* its rows are on their way into the store */
    PORTAL_STORED,  /* rows are in the store */
    PORTAL_DONE,    /* ran to its end */
    PORTAL_FAILED,
};

struct portal {
    int references;
    bool is_listed; /* in the session's table */
    struct str name;
    struct arena *arena;
    struct plan *plan;       /* NULL: an empty statement */
    struct prepared *source; /* NULL: a cursor of DECLARE */
    struct str text;         /* statement text of a cursor */
    size_t index;
    const struct value *params;
    size_t n_params;
    struct result_formats formats;
    enum portal_state state;
    bool is_cursor, hold, scroll, no_scroll, binary;
    struct rowstore rows;
    int64_t position; /* rows before it have been fetched: 0 before the first; rows.n + 1: after the last */
    int64_t made_us;
    size_t savepoints; /* how many were open when it was made, less those released since */
    bool is_old;       /* a held cursor whose transaction has ended */
};

/* Makes a portal; replaces the unnamed one. The plan is referenced. */
struct portal *portal_add(struct session *s, struct str name, struct plan *plan, struct err *err);
struct portal *portal_find(struct session *s, struct str name, struct err *err); /* 34000; err NULL: just NULL */
void portal_remove(struct session *s, struct portal *p);                         /* from the table; accepts NULL */
struct portal *portal_ref(struct portal *p);
void portal_unref(struct worker *w, struct portal *p); /* accepts NULL */
/* The end of a transaction: all but held cursors go; on rollback held ones of this transaction too. */
void portals_end_transaction(struct session *s, bool commit);
/* RELEASE: what was made behind savepoints that are no more belongs to the `savepoints` that are left (AtSubCommit_Portals). */
void portals_release(struct session *s, size_t savepoints);
/* ROLLBACK TO the newest of `savepoints`: what was made behind it goes, held cursors too (AtSubAbort_Portals). Rows fetched stay so. */
void portals_rollback_to(struct session *s, size_t savepoints);
void portals_remove_all(struct session *s);
/* Format of column i. */
static inline enum wire_format result_format(const struct result_formats *f, size_t i)
{
    if (f->n == 0)
        return WIRE_TEXT;
    const unsigned char *p = f->codes + 2 * (f->n == 1 ? 0 : i);
    return p[1] ? WIRE_BINARY : WIRE_TEXT;
}

#endif
