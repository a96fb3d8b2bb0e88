/*
 * prepared.h - prepared statements of a session, by Parse and by PREPARE.
 *
 * Owns     its text, parameter types and one reference to the plan.
 * Lives    until Close, DEALLOCATE, DISCARD or the session's end; the unnamed one until the next Parse or simple query.
 *          Portals and steps under way keep what they need by reference (prepared_ref).
 * Fails    42P05, 26000, 54000 above max_prepared_statements, 53200.
 * Not here planning: planning.h.
 */
#ifndef PGD1_PROXY_PREPARED_H
#define PGD1_PROXY_PREPARED_H

#include "proxy/session.h"
#include "proxy/sql/plan.h"

struct prepared {
    int references;
    struct plan *plan; /* NULL: an empty statement, or one that is planned by each Bind (sql_is_read_late) */
    struct str name, text;
    size_t index;       /* of the statement in text */
    const oid_t *types; /* as declared */
    size_t n_types;
    int64_t made_us;        /* wall clock, for pg_prepared_statements */
    bool from_sql;          /* PREPARE */
    int text_position;      /* characters before text in PREPARE's own */
    uint32_t settings_seen; /* gucs.generation when the plan was right for the settings */
    uint32_t cycle, seq;    /* in which cycle, behind how many steps it was made: see prepared_undo() */
};

/* Everything is copied. name empty: the unnamed one. */
bool prepared_add(struct session *s, struct str name, struct str text, size_t index, const oid_t *types, size_t n_types,
                  struct plan *plan, bool from_sql, struct err *err);
struct prepared *prepared_find(struct session *s, struct str name,
                               struct err *err);          /* 26000 when absent; err NULL: just NULL */
void prepared_remove(struct session *s, struct str name); /* no effect when absent */
void prepared_remove_all(struct session *s, bool unnamed_too);
/* A step that waited has failed: what later messages made would never have been made. */
void prepared_undo(struct session *s, uint32_t seq);
struct prepared *prepared_ref(struct prepared *p);
void prepared_unref(struct worker *w, struct prepared *p); /* accepts NULL */

#endif
