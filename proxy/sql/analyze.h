/*
 * analyze.h - raw parse tree -> analyzed tree: names resolved on the snapshot, every expression typed by PostgreSQL's rules.
 *
 * The rules are those of PostgreSQL 15's parser (chapter 10 "Type Conversion"; parse_coerce.c, parse_func.c, parse_oper.c are the
 * reference for the order of steps) over the facts of its own catalogue (catalog/facts.h) and the user's objects (snapshot.h).
 *
 * Owns     nothing: nodes live in the context's arena.
 * Fails    PostgreSQL's SQLSTATEs and wording with the position; 0A000 for constructs nobody can run yet; 54001 when too deep.
 * Not here SQLite: emit.h. Utility statements: plan.c, ddl.h.
 */
#ifndef PGD1_SQL_ANALYZE_H
#define PGD1_SQL_ANALYZE_H

#include <pg_query/pg_query.pb-c.h>
#include "proxy/sql/plan.h"
#include "proxy/sql/query.h"

struct literal_table; /* skeleton.h */

struct analyze_context {
    const struct snapshot *snapshot;
    const struct sql_settings *settings;
    struct arena *arena;
    struct str text;                      /* the whole string the locations count in; empty: errors carry no position */
    const struct literal_table *literals; /* literal tokens of text, or NULL: constants get literal -1 */
    /* parameters: declared types (0: unknown yet), grown as $n are met */
    oid_t *param_types;
    size_t n_params, params_room; /* room: for so many types, once it had to grow */
    size_t n_declared_params;
    bool params_allowed;
    bool has_sets;       /* a set-returning function was met, wherever */
    bool is_stored;      /* the text is PostgreSQL's own of something stored: its casts stand where it says */
    struct plan *warned; /* whose notices get what the analysis warns of; NULL: nobody's */
    bool locks_rows;     /* FOR UPDATE, FOR SHARE was met, at whatever depth */
    struct query *skips; /* the SELECT … SKIP LOCKED that was met last … */
    size_t n_skips;      /* … of so many */
    int depth;
    struct expr **
        implied; /* over parameters: true, or the index that ON CONFLICT … WHERE means is not there (analyze_arbiter.c) */
    size_t n_implied;
    struct column_default *defaults; /* those of this statement, made once (analyze_change.c) */
    struct err late;                 /* the first that PostgreSQL finds only when all of the text is understood */
    struct err *err;
};

/* SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE. Afterwards every parameter has a type. */
bool analyze_statement(struct analyze_context *c, const PgQuery__Node *raw, struct query **ret);

/* A free-standing expression. relation: its columns are in scope as the only range table entry (checks, generated columns, index
 * expressions, predicates), or NULL (defaults). target_type 0: as it comes; else assignment coercion to target_type/target_typmod
 * (42804 when impossible). what: for messages, as in "CHECK constraint". No parameters, subqueries, aggregates, windows or sets: 0A000/42803…
 * as PostgreSQL says for that place. Gives the query holding the scope too (rtable[0] = relation). */
bool analyze_expression(struct analyze_context *c, const PgQuery__Node *raw, const struct relation *relation,
                        const char *what, oid_t target_type, int32_t target_typmod, struct expr **ret,
                        struct query **ret_scope);
/* The same from text (a default or check of the snapshot). */
/* What a column gets when nothing is said: its default, its domain's, the next value of its sequence. *ret NULL: it stays out. */
bool analyze_default(struct analyze_context *a, const struct column *c, struct expr **ret);
bool analyze_expression_text(const struct analyze_context *outer, struct str text, const struct relation *relation,
                             const char *what, oid_t target_type, int32_t target_typmod, struct expr **ret,
                             struct query **ret_scope);
/* Whether a value of one type is put into another's place without being asked for, as INSERT and EXECUTE do. */
bool analyze_assignable(const struct snapshot *snapshot, oid_t source, oid_t target, struct arena *arena);
/* COLLATE names, for a value of that type (analyze_collation.c); ret: its OID, may be NULL. 42704 and 3F000 for what does not exist, 0A000 for
 * what does not compare by code point, 42804 for types without collations. */
bool analyze_collation(struct analyze_context *a, PgQuery__Node *const *names, size_t n, oid_t type, int location,
                       oid_t *ret);
/* A type name as written -> OID and typmod; 42704 `type "x" does not exist`, 22023 for modifiers. serial types are given as
 * int2/int4/int8 with *ret_serial true (NULL: not allowed, 42704). */
bool analyze_type_name(struct analyze_context *c, const PgQuery__TypeName *name, oid_t *ret_type, int32_t *ret_typmod,
                       bool *ret_serial);
/* Schema-qualified name of a relation -> struct relation; 42P01 `relation "x" does not exist` unless missing_ok (then NULL). */
bool analyze_relation_name(struct analyze_context *c, const PgQuery__RangeVar *name, bool missing_ok,
                           const struct relation **ret);
/* The query of one of pgd1's own views; NULL: it cannot be read any more (err), or was made elsewhere. */
struct query *analyze_view(struct analyze_context *a, const struct relation *view);
/* Why nothing can be written through a view of this query, in PostgreSQL's words and order; NULL: something can. */
const char *analyze_view_refusal(const PgQuery__SelectStmt *select, const struct query *query, bool writes_columns);
/* Whether an existing view can have WITH CHECK OPTION; if not, ret_refusal as above, NULL: err has the reason. */
bool analyze_view_takes_check(struct analyze_context *a, const struct relation *view, const char **ret_refusal);
/* What can be written through a relation, or through its column (from 0; -1: any), as bits of PostgreSQL's CmdType. */
unsigned analyze_view_events(struct analyze_context *a, const struct relation *r, int column);
/* Byte offset in the whole text -> 1-based character position for err. */
int analyze_position(struct str text, int location);

/* Whether a function gives its first argument with as many digits of a second as its second argument says. */
bool analyze_takes_precision(const struct pg_proc *proc);

/* = <> < <= > >= */
bool operator_compares(struct str name);

/* ---- walking analyzed trees (emit, place, deparse use them) ---- */
/* Calls visit for e and, when it answers true, for its children (arguments, case arms, order, filter, window…; not into subqueries). */
void expr_walk(struct expr *e, bool (*visit)(struct expr *e, void *ctx), void *ctx);
/* A copy of e in which what replace() gives stands for a part; it answers NULL for a part that is copied, with its own parts looked at,
 * and the part itself to leave it as it is. Subqueries are not entered. NULL: no memory. */
struct expr *expr_map(struct expr *e, struct expr *(*replace)(struct expr *e, void *ctx), void *ctx,
                      struct arena *arena);
bool expr_equal(const struct expr *a, const struct expr *b); /* structurally the same value */
/* The expression under casts that leave the value as it is; NULL for NULL. */
const struct expr *without_relabel(const struct expr *x);

#endif
