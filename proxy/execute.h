/*
 * execute.h - one statement with its values: runs here, or becomes a step of the group; its rows become DataRow.
 *
 * Owns     nothing; an execution borrows its plan and portal from the caller (a step takes references).
 * Fails    outcome OUTCOME_FAILED with err; rows already given stay given (the protocol allows an error after rows).
 * Not here when a batch is sent: group.h. SET, cursors, COPY…: utility.h, cursor.h, copy.h.
 */
#ifndef PGD1_PROXY_EXECUTE_H
#define PGD1_PROXY_EXECUTE_H

#include "proxy/portal.h"
#include "proxy/session.h"
#include "proxy/sql/local.h"
#include "proxy/sql/plan.h"

/* Where a statement came from, to plan it again. */
struct sql_source {
    struct str text;    /* the whole string */
    size_t index;       /* of the statement in it */
    const oid_t *types; /* of the parameters, as declared */
    size_t n_types;
    bool without_params; /* of the simple protocol: $1 is no parameter */
    const oid_t *bound;  /* the types that the values have, once there are some */
    size_t n_bound;
};

enum sink {
    SINK_CLIENT, /* DataRow */
    SINK_COPY,   /* CopyData */
    SINK_STORE,  /* the portal's store */
    SINK_TAKEN,  /* who asked for them takes them; nothing is said to the client */
};

/* Takes the rows of SINK_TAKEN. */
struct row_taker {
    void (*begin)(void *ctx); /* the first row comes next, perhaps after rows of a try that failed */
    bool (*row)(void *ctx, const struct value *cells, size_t n_cells); /* false: no memory */
    void *ctx;
};

struct execution {
    struct plan *plan;
    struct sql_source source;
    const struct value *params;
    size_t n_params;
    const struct str *literals;
    size_t n_literals;
    const int *literal_offsets; /* of a plan from the cache */
    struct result_formats formats;
    struct portal *portal; /* NULL: simple query */
    int64_t max_rows;      /* Execute's limit; 0: all */
    enum sink sink;
    const struct plan_copy *copy;  /* SINK_COPY … */
    const struct plan *copy_plan;  /* … and the COPY itself, for its tag */
    const struct plan *explains;   /* SINK_TAKEN: the EXPLAIN ANALYZE whose rows are the answer; NULL: none */
    int64_t began_us;              /* wall clock; set by execute() */
    uint64_t copy_count;           /* rows of COPY FROM */
    const struct row_taker *taker; /* SINK_TAKEN; NULL: rows are dropped */
    const struct migrate_statement *migrates; /* where it stands in a migration file; NULL: not in one */
    const struct taken_rows *taken;           /* of a plan of TABLES_BOTH */
    const struct sequence_values
        *sequences;     /* of a plan that asks them: as they were when it came; NULL: as they are */
    struct str skipped; /* of a plan with a `skip`: BIND_SKIPPED */
    bool describe;      /* RowDescription before the rows */
};

/* Turns rows into what the client asked for. */
struct emitter {
    struct session *session;
    const struct plan *plan;
    struct result_formats formats;
    enum sink sink;
    const struct plan_copy *copy;
    struct copy_to *copy_to; /* made by copy_to_begin() */
    struct portal *portal;
    const struct row_taker *taker;
    struct buf *out;
    uint64_t n_rows;
    struct err *err; /* why it stopped */
    bool describe, began;
    unsigned char *classes; /* columns typed by their cells: which classes came (raw_cells.h); NULL: not asked */
};

/* Runs or queues it. OUTCOME_WAIT: something must be answered first (the session waits, call again). */
enum outcome execute(struct session *s, struct execution *x, struct err *err);

struct emitter execute_emitter(struct session *s, const struct execution *x, struct buf *out, struct err *err);
/* RowDescription (when e->describe) or CopyOutResponse, once; the first row does it too. */
void emitter_begin(struct emitter *e);
bool emitter_row(struct emitter *e, const struct value *cells, size_t n_cells); /* false: err is set */
/* The end of a COPY: trailer and CopyDone. */
void emitter_end(struct emitter *e);
void emitter_fini(
    struct emitter *e); /* what an emitter that did not come to its end still holds; may be called twice */
/* types: instead of the plan's; NULL: the plan's own. */
void execute_describe(const struct plan *plan, const oid_t *types, const struct result_formats *formats,
                      struct arena *scratch, struct buf *out);
/* Whether what the plan needs of the session and its server is so: 25001, 42704, 0A000. */
bool execute_premise(struct session *s, const struct plan *plan, struct err *err);
/* The plan's NOTICEs and WARNINGs to the client. */
void execute_notices(struct session *s, const struct plan *plan);
/* CommandComplete. count: rows or changes. */
void execute_tag(const struct plan *plan, uint64_t count, struct buf *out);
/* Binds a plan's D1 statements; *ret_again: the plan must be made again with force_local. */
bool execute_bind(struct session *s, const struct execution *x, struct arena *arena, struct d1_statement **ret,
                  bool *ret_again, struct err *err);
/* Runs the local part of a plan over fetched inputs into the emitter. */
bool execute_local(struct session *s, const struct execution *x, struct local_rows *const *inputs, struct arena *arena,
                   struct emitter *e, struct err *err);
/* The same for nothing: the emitter's bytes are dropped, and `call` stands for functions that act on sessions (session_call.h). */
typedef bool session_caller(void *ctx, enum session_call call, const struct value *args, struct arena *arena,
                            struct value *ret, struct err *err);
bool execute_rehearsal(struct session *s, const struct execution *x, struct local_rows *const *inputs,
                       session_caller *call, struct arena *arena, struct emitter *e, struct err *err);
/* Binds the reads of the plan's lookup, as execute_bind(). */
bool execute_bind_lookup(struct session *s, const struct execution *x, struct arena *arena, struct d1_statement **ret,
                         bool *ret_again, struct err *err);
/* The lookup's reads gave texts: what is to be written goes into the bound statements (sql/lookup.h). */
bool execute_lookup(struct session *s, const struct execution *x, const struct value *texts,
                    struct d1_statement *statements, struct arena *arena, struct err *err);
int16_t plan_type_length(const struct plan *plan, oid_t type); /* typlen of a user type */
/* bind_input and friends: what the session says to plans. */
void execute_input(struct session *s, const struct execution *x, struct bind_input *ret);

#endif
