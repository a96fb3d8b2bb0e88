/*
 * d1_error.h - what D1 said -> PostgreSQL's SQLSTATE, wording and fields.
 *
 * By cause: one row per text in d1_errors.def. Constraint, table, column and schema come from the snapshot, since SQLite
 * names columns where PostgreSQL names constraints.
 *
 * Owns     nothing; texts live in the err's arena.
 * Fails    never: a text that no row knows is XX000 with D1's own words.
 * Not here retrying, refreshing snapshots: the answer only says what would help.
 */
#ifndef PGD1_PROXY_D1_ERROR_H
#define PGD1_PROXY_D1_ERROR_H

#include "d1/d1.h"
#include "proxy/catalog/snapshot.h"

struct plan;

enum d1_remedy {
    D1_REMEDY_NONE,
    D1_REMEDY_REFRESH, /* a name is missing or there already: the snapshot may be old */
    D1_REMEDY_LOCAL,   /* the statement's own guard asks to be planned again with force_local */
    D1_REMEDY_AGAIN,   /* what a write read first has changed meanwhile: read again (sql/lookup.h) */
};

/* What was asked when the error came. */
struct d1_asked {
    const struct plan *plan;               /* with its snapshot it says which tables were touched; NULL: not known */
    const struct snapshot *snapshot;       /* NULL: none */
    bool is_write;                         /* for lost answers */
    const struct d1_statement *statements; /* the plan's, as they were bound; NULL: other ones */
    const struct type_settings *types;     /* how values are shown */
    uint64_t d1_timeout_us;                /* the deadline was d1_timeout; 0: it was statement_timeout */
};

/* Sets *err. */
enum d1_remedy d1_error_map(const struct d1_error *error, const struct d1_asked *asked, struct err *err);
/* Whether a statement of this plan can have failed with this text: D1 does not say which member of a batch it was, but its text
 * names a table, a constraint, or what the emitted SQL raises. */
bool d1_error_fits(struct str message, const struct plan *plan, const struct snapshot *snapshot);
/* The value that was written to a column as it was bound; NULL: not known. */
const struct value *d1_error_written(const struct d1_asked *asked, const struct relation *r, struct str column);
/* "(a, b)=(1, x)", or "(a, b)" when a value is not known. {NULL,0}: no memory. */
struct str d1_error_key(const struct d1_asked *asked, const struct relation *r, const struct str *columns, size_t n,
                        struct arena *arena);
/* D1's text without ": SQLITE_…" and " at offset n" at its end. */
struct str d1_error_core(struct str message);
/* Whether the text is that of our own guard with this payload: bad JSON path: '<payload>'. */
bool d1_error_is_guard(struct str message, struct str payload);

#endif
