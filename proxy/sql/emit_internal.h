/*
 * emit_internal.h - what the emit_*.c files and place.c share; nobody else includes it.
 *
 * emit.c           entry points, binds, names, output columns
 * emit_expr.c      expressions but calls; arrays in emit_array.c, subqueries and rows in emit_sublink.c
 * emit_logic.c     AND, OR, NOT, IN
 * emit_call.c      functions, operators, casts, aggregates, windows: templates of functions.def
 * emit_numeric.c   exact numbers in D1: integers scaled by powers of ten
 * emit_enum.c      enums by the order of their labels
 * emit_text.c      LIKE, casts to and from text, length coercion
 * emit_json.c      reading JSON by path
 * emit_sequence.c  nextval, setval
 * emit_datetime.c  extract, date_trunc, timestamp and interval
 * emit_select.c    SELECT, set operations, WITH, VALUES; FROM in emit_from.c
 * emit_view.c      views that read no table
 * emit_change.c    INSERT, UPDATE, DELETE; its parts in the files of change_private.h
 * place.c          what runs where: fetches from D1 feeding the local engine
 *
 * A printer answers false in two ways. With e->err set: the statement is refused. Without: this target cannot express
 * the thing
 * (blocked() says what), and the caller may print it another way: for the other target, in parts, or not at all.
 */
#ifndef PGD1_SQL_EMIT_INTERNAL_H
#define PGD1_SQL_EMIT_INTERNAL_H

#include "pgwire/timezone.h"
#include "proxy/sql/analyze.h"
#include "proxy/sql/emit.h"
#include "proxy/sql/folding.h"
#include "proxy/sql/functions.h"

enum emit_target { TARGET_D1, TARGET_LOCAL };

/* How the value of a printed expression stands; all but NATURAL only in D1. */
enum fragment_form {
    FORM_NATURAL, /* storage form of its type */
    FORM_NUMBER,  /* numeric as INTEGER or REAL, exact within 15 digits; scale: digits shown, -1 unknown */
    FORM_SCALED,  /* numeric as INTEGER, the value times 10^scale */
    FORM_UNIX_S,
    FORM_UNIX_MS,
    FORM_UNIX_US,
    FORM_HEX, /* bytea as hex digits: output for transports without blobs */
};

/* A condition under which the value must not be used, and what then. */
struct check {
    struct str when, then;
    bool is_range; /* of int2 or int4: the decoder of an output column looks too */
    int spilled;   /* of a scaled numeric: it has become REAL, a number of at most so many digits; 0: another check */
    struct check *next; /* checked after this one */
};

struct fragment {
    struct str sql;
    enum fragment_form form;
    int scale, digits;           /* NUMBER, SCALED: most decimal digits of the integer; 0 unknown */
    bool simple;                 /* a column, placeholder or literal: cheap to write twice */
    bool is_null;                /* NULL itself: fits every form */
    bool is_volatile;            /* another value each time it is evaluated */
    const struct expr *bindable; /* NUMBER of a constant: it can be bound in another form instead */
    bool is_doubtful;            /* … its error is raised where it is reached, in any form */
    int named;                   /* subqueries, one inside the other, that name values its text reads several times */
    bool mixed_scale;            /* the scale shown differs from row to row: `scale` is only the value's */
    struct check *checks, **checks_end;
};

struct fetch;

/* How much of a query block D1 has done before its rows arrive. */
enum fetched_part {
    FETCHED_NOTHING,
    FETCHED_ROWS /* FROM, some of WHERE */,
    FETCHED_GROUPS /* and all of WHERE, GROUP BY */,
    FETCHED_ORDER /* all */
};

struct emitted_rte {
    struct fragment *columns; /* how each column is referred to; NULL: not printed yet */
    struct fetch *fetch;      /* LOCAL: its rows come from here, and columns are asked for as they are met */
    struct str alias;
};

/* One query level being printed. */
struct level {
    const struct query *query;
    struct level *parent;
    struct emitted_rte *rtes;
    const struct from_item *inside; /* the join in parentheses that is printed now, or NULL */
    enum part_printed {
        PRINTS_ALL,
        PRINTS_FROM,
        PRINTS_ON
    } part_printed;           /* what stands in FROM is there once, a condition for each pair of rows */
    struct fragment *outputs; /* of RTE_OUTPUT: set operations' or INSERT … SELECT's columns */
    struct fetch *fetch;      /* LOCAL: the whole FROM comes from this fetch … */
    enum fetched_part part;   /* … and perhaps more */
    struct str rtes_alias;    /* … named in FROM like this */
    struct expr **nulled;
    size_t n_nulled; /* grouping sets: group entries that are NULL in this one … */
    struct expr *const *kept;
    size_t n_kept; /* … and those that are not */
    struct expr **grouped;
    size_t n_grouped;
    const struct expr **pushed;
    size_t n_pushed; /* LOCAL: conjuncts of WHERE that D1 has applied */
    const struct expr **srf;
    struct fragment *srf_columns;
    size_t n_srf; /* set-returning functions of the SELECT list, one of each kind */
};

struct emitter;

/* PostgreSQL's planner drops an arm of CASE whose condition compares with a NULL, and computes no constant of it. */
struct decider {
    const struct expr *constant; /* NULL: the arm is dropped */
    const struct decider *outer;
};

/* Rows of D1 that feed the local part. */
struct fetch {
    int number;
    struct str alias; /* in the local text */
    struct emitter *d1;
    struct level *level; /* the query's level as D1 sees it */
    struct str *columns;
    size_t n_columns, size_columns, column_bytes;
    struct str with, tail;     /* WITH … and FROM … WHERE … ORDER BY … LIMIT */
    struct str text;           /* a whole SELECT instead, its columns c0… */
    struct changing *changing; /* the rows of a WITH query that changes data */
    struct str helper;         /* a statement to run before, empty: none */
    bool writes;               /* nextval(): runs after the reads */
};

/* D1's limits. Of expressions 100 levels are its limit; one of ours may be several of its: what D1 refuses nevertheless is planned
 * again with the smaller depth. Of a call's arguments 32 are documented. */
enum { D1_MAX_COLUMNS = 100, D1_MAX_DEPTH = 90, D1_SURE_DEPTH = 20, D1_MAX_ARGUMENTS = 32, D1_PUSHED_BYTES = 60000 };
enum { D1_MAX_NAMED = 8 }; /* fragment.named: each of them is about six levels of D1's */
enum { EMIT_MAX_DEPTH = 400, EMIT_MAX_FETCHES = 8, EMIT_MAX_SEQUENCES = 4 };

struct sequence_use { /* by the rows of an INSERT */
    const struct relation *sequence;
    size_t n, given;
};

/* What the emitters of one plan share. */
struct emit_shared {
    struct plan *plan;
    const struct sql_settings *settings;
    const struct snapshot *snapshot;
    struct literal_set *structural;
    struct arena *arena;
    struct err *err;
    struct str *names;
    size_t n_names, size_names; /* aliases used, compared without case as SQLite does */
    struct fetch *fetches[EMIT_MAX_FETCHES];
    size_t n_fetches;
    struct emitter *prelude;
    struct prelude_column {
        struct str sql;
        bool is_doubtful; /* it stands only where it may not be reached: its error waits there */
    } * prelude_columns;
    size_t n_prelude, size_prelude;
    bool needs_catalog, has_volatile;
    struct fetch *before;              /* rows as they stood ahead of the change, for RETURNING */
    bool looked_at_session;            /* made for what the session's sequences are now */
    const struct relation *current[4]; /* whose currval() of the time before it asks … */
    size_t n_current;
    bool asks_last; /* … and lastval() */
    struct sequence_given {
        const struct relation *sequence;
        struct str cell; /* empty: it cannot be told */
        bool is_next;
    } given[8]; /* numbers that a SELECT took, in the order of its list */
    size_t n_given;
    const struct relation **reads;
    size_t n_reads, size_reads;
    struct cte_name {
        const struct cte *cte;
        enum emit_target target;
        struct str name;
        struct fragment *columns;
        struct cte_name *next;
    } * ctes;
    struct sequence_use sequences[EMIT_MAX_SEQUENCES];
    size_t n_sequences;
    struct numbered { /* INSERT … SELECT: by its rows (emit_numbered_rows.c) */
        const struct relation *sequence;
        struct str sql; /* the number of a row */
        struct plan_statement statement;
    } numbered[EMIT_MAX_SEQUENCES];
    size_t n_numbered;
    struct changing *changing;
    size_t n_changing;                 /* WITH queries that change data (rewrite_changing_with.c) */
    unsigned *uses, main_uses;         /* of the statement being printed: which of them it reads, by bit */
    int input_order[EMIT_MAX_FETCHES]; /* of each fetch: which input of the local part it feeds */
    struct looked_up *looked_up; /* rows to write that the local engine computes (rewrite_lookup.c); NULL: D1 does */
    /* what blocked the last attempt, for messages */
    struct str blocked_what;
    int blocked_location;
};

struct written;

struct emitter {
    struct emit_shared *shared;
    struct arena *arena;
    struct err *err;
    enum emit_target target;
    bool inline_constants; /* DDL: no binds */
    bool binds_session;    /* … but for the moment and the session, in what runs once (CREATE TABLE AS) */
    bool raw_cells; /* an expression of D1's own schema, or one that has to be the same as it: cells as they are */
    bool no_prelude;
    bool distinct_list; /* the SELECT list printed next is one of DISTINCT: texts that are equal otherwise say so */
    const struct decider *deciders; /* what decides whether this place is looked at when the statement is planned */
    int conditional; /* parts around this place that may not be reached: arms of CASE, right sides of OR, ON CONFLICT … */
    int eager;       /* … of which the local engine would see, after D1 has computed this for it */
    int excluded;                  /* … of which a constant may say that, before there is a row */
    bool no_guards;                /* an index: NULL where a guard would say "local" */
    bool refuse_local;             /* the guard of a unique index: 0A000 where a guard would say "local" */
    bool native;                   /* values travel as they are */
    bool one_row;                  /* VALUES of INSERT: volatile functions give one value each */
    bool numbers_rows;             /* the list around INSERT's SELECT: nextval() is number_of_row() */
    const struct column *assigned; /* … the column whose value is printed */
    bool in_returning;             /* columns of other tables than the target are looked up (rewrite_returning.c) */
    const struct written *written; /* … and what the statement changes */
    bool window_inside;            /* has_window_inside() of an expression of the query being printed */
    bool in_targets;               /* inside a SELECT list: changing_new_value() */
    bool value_only;               /* a numeric's value matters, not the scale it is shown with */
    bool is_compared;              /* … and nothing is rounded: no scale is needed */
    struct bind *binds;
    size_t n_binds, size_binds;
    struct level *level;
    int depth;
    struct fragment *case_test; /* EXPR_CASE_TEST, by its column */
};

struct emit_mark {
    size_t names, binds, prelude, prelude_binds, fetches, reads;
    bool needs_catalog;
};

/* --- emit.c --- */
void emitter_init(struct emitter *e, struct emit_shared *shared, enum emit_target target);
struct emit_mark emit_mark(const struct emitter *e);
void emit_rollback(struct emitter *e, struct emit_mark mark);
/* Both answer false. location: of the construct, -1 none. */
bool blocked(struct emitter *e, int location, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool refused(struct emitter *e, int location, enum sqlstate code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Turns the last block into 0A000. */
bool refuse_blocked(struct emitter *e);
struct str text_of(struct emitter *e, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* {NULL,0} and err set: no memory */
bool grow(struct emitter *e, void **array, size_t n, size_t *size, size_t element);
/* An unused alias like `wanted`, quoted. */
struct str unique_name(struct emitter *e, struct str wanted);
void mark_structural(struct emitter *e, const struct expr *constant);
/* Adds the bind, gives the text that reads it. */
bool emit_bind(struct emitter *e, const struct bind *bind, struct fragment *ret);
/* The bind whose placeholder is all there is of a fragment; NULL: it is something else. */
struct bind *emit_bare_bind(struct emitter *e, const struct fragment *f);
/* Many values at once, more than D1 takes parameters: gives a SELECT of them out of the JSON array they travel in. */
bool emit_bind_list(struct emitter *e, const struct bind *binds, size_t n, struct str *ret);
/* Rows of them, as a SELECT of column1…; false without an error when the values of a column have several forms. */
bool emit_bind_rows(struct emitter *e, const struct bind *binds, size_t width, size_t n_rows, struct str *ret);
/* A printed value as a bind of its own: a placeholder of a native emitter, NULL or an integer. False: it is something else. */
bool emit_pure_bind(struct emitter *e, const struct fragment *f, struct bind *ret);
struct bind bind_of_expr(const struct expr *x); /* of an EXPR_CONST or EXPR_PARAM */
/* json_extract('{}','!22012:division by zero') or its local twin. */
struct str emit_raise(struct emitter *e, const char *code, struct str message);
struct str emit_raise_local(struct emitter *e);
/* SQL that is true where a document of json has escapes that stand for no text, or for one of two: PostgreSQL decodes all that it
 * reads and fails, SQLite cuts a text at \u0000. Empty: this one (jsonb) can have none. */
struct str emit_json_doubt(struct emitter *e, const struct expr *x, struct str document);
/* Whether D1's text of an expression holds a guard that raises. */
bool has_guard(const struct fragment *f);
/* Adds the blanks of a char(n), which are not kept, to its value f. */
bool emit_blanks(struct emitter *e, const struct expr *x, struct fragment *f);
/* Whether the function's arguments are written out with their blanks: JSON, concat(), format(). Casts to text drop them. */
bool shows_blanks(const struct expr *x);
void add_read(struct emitter *e, const struct relation *r);
/* Renumbers the placeholders of a finished text, drops binds it does not use, gathers them into one JSON array when
 * they are more
 * than D1 takes. */
bool finish_binds(struct emitter *e, size_t max_params, struct str *sql, struct bind **ret, size_t *ret_n,
                  bool *ret_as_json);
/* Expressions whose placeholders read the array `value` of a JSON row, numbered as finish_binds() would: *ret_n of them, 0
 * when they cannot. */
bool finish_cells(struct emitter *e, struct str *sql, size_t *ret_n, bool **ret_is_blob);
/* An expression that has no column in it, worked out here before the batch is made, and bound as `form`. */
bool emit_prelude(struct emitter *e, const struct expr *x, enum bind_form form, int detail, struct fragment *ret);
oid_t base_type(const struct emitter *e, oid_t type);
bool is_utc(const struct emitter *e);

/* --- emit_expr.c --- */
bool emit_expr(struct emitter *e, const struct expr *x, struct fragment *ret);  /* any form, checks pending */
bool emit_value(struct emitter *e, const struct expr *x, struct fragment *ret); /* natural form, no checks pending */
bool emit_condition(struct emitter *e, const struct expr *x, struct fragment *ret); /* boolean where NULL means false */
bool settle(struct emitter *e, struct fragment *f); /* writes pending checks into the text */
bool make_natural(struct emitter *e, oid_t type, struct fragment *f);
bool join_balanced(struct emitter *e, const struct str *parts, size_t n, const char *operator_text, struct str *ret);
bool is_constant_expr(const struct expr *x); /* no column, aggregate, subquery or set-returning function anywhere */
bool is_volatile_expr(const struct expr *x);
/* Whether what is printed now is worked out for each of several rows (emit_call.c). */
bool is_for_each_row(const struct emitter *e);
/* The column with that number of the query's own range table entry, under casts that leave the value as it is. */
bool is_column_of(const struct query *q, const struct expr *x, int rte, int16_t number);
bool has_own_vars(const struct expr *x); /* columns of this level and of no other */
/* COLLATE clause that orders and compares a type (" COLLATE pg_numeric"), "" none. False: this target cannot. */
bool collation_of(struct emitter *e, oid_t type, bool ordering, const char **ret);
/* SQLite takes a COLLATE from anywhere inside an operand: a value with one inside that is compared as plain text says so. */
const char *own_collation(const struct emitter *e, struct str text, const char *collation);
bool collation_or_block(struct emitter *e, const struct expr *x, bool ordering, const char **ret);
/* Two values in one comparable form. */
bool emit_pair(struct emitter *e, const struct expr *a, const struct expr *b, struct fragment *left,
               struct fragment *right);
bool emit_equal(struct emitter *e, const struct expr *a, const struct expr *b, const struct pg_proc *proc,
                struct fragment *ret);
/* a op b for two expressions, as the function call it stands for. */
struct expr *call_expr(struct emitter *e, const struct pg_proc *proc, const struct expr *a, const struct expr *b);
bool emit_sort_key(struct emitter *e, const struct sort_item *item, struct str *ret);
/* What a row is made of, ROW(…) or that of a table that cannot be NULL as a whole; *ret_n 0: it is something else. */
bool emit_row_elements(struct emitter *e, const struct expr *x, struct expr ***ret, size_t *ret_n);
bool emit_sort_list(struct emitter *e, const struct sort_item *items, size_t n, struct str *ret);
bool is_null_const(const struct expr *x); /* NULL, under any relabelling */
/* --- emit_logic.c: EXPR_AND, EXPR_OR and EXPR_NOT; EXPR_IN_LIST and EXPR_NOT_IN_LIST --- */
bool emit_logic(struct emitter *e, const struct expr *x, bool condition, struct fragment *ret);
bool emit_in(struct emitter *e, const struct expr *x, struct fragment *ret);
/* --- emit_array.c --- */
/* A printed value of a type as an element of a JSON array. */
bool json_element(struct emitter *e, oid_t type, struct fragment *f);
/* The other way: text reading an SQL value of `type` out of JSON text like json_each's value. */
struct str from_json(struct emitter *e, oid_t element, struct str value);
bool emit_array(struct emitter *e, const struct expr *x, struct fragment *ret);
/* An array of any dimensions as one JSON array of its elements. */
bool emit_flat_array(struct emitter *e, const struct expr *x, struct fragment *ret);
bool emit_subscript(struct emitter *e, const struct expr *x, struct fragment *ret);
bool emit_any(struct emitter *e, const struct expr *x, bool condition, struct fragment *ret);
bool emit_array_cast(struct emitter *e, const struct expr *x, struct fragment *ret);

/* --- emit_enum.c --- */
/* An enum sorts by the order of its labels: turns its text into their number, in arrays too. Other types stay as they are. */
bool enum_rank(struct emitter *e, oid_t type, struct fragment *f);
bool is_enum_array(struct emitter *e, oid_t type);
/* Name and labels of an enum, or of the elements of an array, as two text literals; "" for other types. {NULL,0}: no memory. */
struct str enum_labels(struct emitter *e, oid_t type);
/* Comparisons of enums and of arrays of them, enum_range() and its kin. */
bool emit_enum_call(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret);
/* emit_volatile.c. Whether a column of the query is another value each time it is worked out. */
bool columns_are_volatile(const struct query *q);
/* Two readers must be given the same rows of it, and it gives others each time. */
bool cte_is_another(const struct cte *cte);
bool query_is_volatile(const struct query *q);
bool cte_is_materialized(const struct cte *cte); /* it must be, for each row to be worked out once */
/* Fences `select`, which is q's text, when its columns are volatile. */
bool materialize_volatile(struct emitter *e, const struct query *q, struct str *select);
/* emit_grouping.c. What stands for x in the SELECT of one grouping set, when that is not x itself. */
bool emit_of_grouping_set(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret);
bool emit_grouping(struct emitter *e, const struct expr *x, struct fragment *ret);
/* emit_one_row.c. The value of `select`'s column c0, NULL without a row, 21000 when there are more; p is NULL without memory. */
struct str emit_one_value(struct emitter *e, const struct query *q, struct str select);
/* `test` when `select` gives one row, NULL without a row, 21000 when there are more. */
struct str emit_one_row(struct emitter *e, const struct query *q, struct str select, struct str test);
/* emit_variadic.c: concat(VARIADIC array) and its kin. */
bool emit_variadic_any(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret);

/* --- emit_sublink.c --- */
bool emit_sublink(struct emitter *e, const struct expr *x, struct fragment *ret);
bool emit_row(struct emitter *e, const struct expr *x, struct fragment *ret);
bool emit_row_compare(struct emitter *e, const struct expr *x, struct fragment *ret);

/* --- emit_call.c --- */
bool emit_call(struct emitter *e, const struct expr *x, struct fragment *ret);
/* "pg_<source>", the local engine's name of a row's own function; p is NULL when there is no memory. */
struct str emit_own_name(struct emitter *e, const struct emission *row);
bool emit_aggregate(struct emitter *e, const struct expr *x, struct fragment *ret);
bool emit_window(struct emitter *e, const struct expr *x, struct fragment *ret);
/* "(PARTITION BY … ORDER BY … RANGE …)", what stands behind OVER. */
bool emit_over(struct emitter *e, const struct window *w, struct str *ret);
/* " WHEN … THEN" error, where a distance of RANGE is negative, to be computed once the windows are; or nothing. */
bool emit_window_guard(struct emitter *e, const struct window *w, struct str over, struct str *ret);
/* A call whose arguments may fail for rows that its frame or FILTER leaves out; *ret_done false: it is none. emit_window_lazily.c */
bool emit_window_lazily(struct emitter *e, const struct expr *x, bool *ret_done, struct fragment *ret);
/* Whether an expression is made before the windows are: a column, an aggregate, what GROUP BY names. */
bool made_before_windows(const struct query *q, const struct expr *x);
/* A window function inside of a subquery that a printer made around its argument: SQLite looks for its rows there. */
bool has_window_inside(struct str s);
bool emit_template(struct emitter *e, const struct expr *x, const char *template_text, const struct fragment *args,
                   size_t n, struct fragment *ret);
bool emit_io_cast(struct emitter *e, const struct expr *x, struct fragment *ret);
bool emit_typmod(struct emitter *e, const struct expr *x, struct fragment *ret);
bool emit_as_text(struct emitter *e, const struct expr *x, bool output_form, struct fragment *ret);

/* --- emit_numeric.c --- */
bool is_numeric(const struct emitter *e, oid_t type);
bool emit_numeric_call(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret);
bool to_number(struct emitter *e, struct fragment *f); /* NUMBER or SCALED 0: comparable with any number */
bool to_scaled(struct emitter *e, int scale, struct fragment *f);
/* Brings several numerics to one comparable form. */
bool align_numbers(struct emitter *e, struct fragment *const *parts, size_t n);
bool numeric_typmod(struct emitter *e, int32_t typmod, struct fragment *f);
/* The scale a constant is shown with; then the literal shapes the text and stays in the cache's key. */
int shown_scale(struct emitter *e, const struct fragment *f);
bool numeric_text(struct emitter *e, struct fragment *f);
bool numeric_quotient(struct emitter *e, const struct expr *x, int32_t typmod, struct fragment *ret);
bool numeric_storage(struct emitter *e, const struct column *column,
                     struct fragment *f); /* form of the column's cells */
int typmod_scale(int32_t typmod);
int typmod_precision(int32_t typmod);
bool emit_numeric_const(struct emitter *e, const struct expr *x, struct fragment *ret);

/* --- emit_json.c --- */
bool emit_json_call(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret);
/* t.* as a value: a JSON object. */
bool emit_whole_row(struct emitter *e, const struct expr *x, struct fragment *ret);
/* (json -> path) IS [NOT] NULL */
bool emit_json_is_null(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret);

/* --- emit_datetime.c --- */
bool emit_datetime_call(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret);

/* --- emit_sequence.c --- */
bool emit_sequence_call(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret);
/* Notes in the plan what an INSERT or MERGE does to the numbers of its target, for currval() and lastval(). */
bool note_inserted_numbers(struct emitter *e, const struct query *q);
/* currval() of a sequence that the INSERT moves itself: it has to be worked out row by row. */
bool asks_own_number(struct emitter *e, const struct expr *x);
/* nextval() of the sequence that numbers this very column: SQLite does it. */
/* The sequence that nextval(), currval() or setval() names; NULL: it cannot be told, which blocks. */
const struct relation *sequence_of_call(struct emitter *e, const struct expr *x);
bool sequence_counts_rows(struct emitter *e, const struct relation *sequence); /* it is SQLite's own, of a serial key */
/* last_value moved on by n steps, an SQL expression, with PostgreSQL's bounds. */
struct str sequence_advanced(struct emitter *e, const struct relation *s, const char *n);
/* The statement moves it, and currval() cannot be told from what it says. */
bool note_untold_sequence(struct emitter *e, const struct relation *sequence);
/* What INSERT … SELECT gives a column: its default, or what is made of the SELECT's, where that is a call of nextval() the call. */
const struct expr *inserted_value(const struct query *q, size_t column);
/* In the list around INSERT's SELECT: what a call of nextval() is; {NULL,0}: not one of those that number_rows() found. */
struct str number_of_row(struct emitter *e, const struct expr *x);
bool is_own_nextval(struct emitter *e, const struct column *column, const struct expr *x);
/* What stands in D1's FROM for a relation: its name, or for sequences a query that shows their state as PostgreSQL does. */
struct str relation_source(struct emitter *e, const struct relation *r);
/* Counts the calls of nextval() in an INSERT's rows. */
bool sequences_count(struct emitter *e, const struct query *q);
/* Puts the statements that move the sequences on before the others. */
bool sequences_statements(struct emit_shared *s, struct plan_statement **statements, size_t *n);

/* --- emit_text.c --- */
bool emit_like(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret);

/* --- emit_view.c --- */
/* What stands in D1's FROM for a view: its name, or a query that looks at D1's schema too. */
struct str emit_view_source(struct emitter *e, const struct relation *view);

/* --- emit_from.c --- */
bool emit_from(struct emitter *e, const struct query *q,
               struct str *ret); /* "" when there is none; fills the level's rtes */
bool resolve_var(struct emitter *e, const struct expr *x, struct fragment *ret);
struct level *level_new(struct emitter *e, const struct query *q);
/* ROWS FROM (f(), g()), unnest(a, b): the rows side by side, in order; the shorter ones are filled up with NULL. */
bool emit_functions(struct emitter *e, const struct rte *rte, struct emitted_rte *m, struct str *ret);
/* A set-returning function as a FROM item: its text, and how its columns (and ordinal number) are read. */
bool emit_set_function(struct emitter *e, const struct expr *x, const struct rte *rte, struct str wanted,
                       struct str *ret, struct fragment *columns, size_t n_columns, struct str *ret_ordinal);
/* How the columns of a table are read under an alias. */
bool relation_columns(struct emitter *e, const struct relation *r, const struct rte *rte, struct str alias,
                      struct fragment **ret);
/* Relations whose rows an outer join may replace by NULLs. */
bool rte_is_nullable(const struct query *q, int rte);

/* --- emit_select.c --- */
struct select_output { /* how a printed query's columns c0… stand; sql unset */
    struct fragment *columns;
    size_t n;
};
/* Any query that gives rows. top: the statement's own, whose columns are wrapped for the transport. */
bool emit_select(struct emitter *e, const struct query *q, bool top, struct str *ret, struct select_output *ret_output);
bool emit_with(struct emitter *e, const struct query *q, struct str *ret);
bool emit_where(struct emitter *e, const struct query *q, const struct expr **skip, size_t n_skip, struct str *ret);
bool emit_group(struct emitter *e, const struct query *q, struct str *ret); /* " GROUP BY … HAVING …" */
bool emit_order(struct emitter *e, const struct query *q, struct str *ret); /* " ORDER BY …" */
bool emit_limit(struct emitter *e, const struct query *q, struct str *ret); /* " LIMIT … OFFSET …" */
/* " WHERE …" for LIMIT … WITH TIES, over rows that have their number (rn) and their rank (rk). */
bool emit_ties(struct emitter *e, const struct query *q, struct str *ret);
/* SELECT list FROM (rows), with the query's ORDER BY and LIMIT, which are over the rows' own columns. */
bool emit_ordered(struct emitter *e, const struct query *q, struct str list, struct str rows, struct str *ret);
bool emit_values_rows(struct emitter *e, struct expr ***rows, size_t n_rows, size_t n_columns, struct str *ret,
                      struct fragment *columns);
bool emit_target_list(struct emitter *e, const struct target *targets, size_t n, bool top, struct str *ret,
                      struct select_output *out);
bool finish_output(struct emitter *e, oid_t type, bool top, struct fragment *f);
size_t shown_targets(const struct target *targets, size_t n);
/* The columns of the plan from what was printed. */
bool describe_columns(struct emitter *e, const struct query *q, const struct target *targets, size_t n,
                      const struct select_output *out);
bool conjuncts(struct emitter *e, const struct expr *x, const struct expr ***ret, size_t *ret_n);
bool collect_set_functions(struct emitter *e, const struct query *q, struct str *from);

/* --- rewrite_*.c --- */
/* A column of FROM or USING in RETURNING: read again by the same condition. */
/* Columns that nobody reads of subqueries in FROM and of WITH queries are not computed. Changes the tree; 53200. */
bool rewrite_unread(struct query *q, struct arena *arena, struct err *err);
/* setval() of aggregates over tables: the tables go into subqueries. */
bool rewrite_setval(struct query *q, struct arena *arena, struct err *err);
bool rewrite_returning_var(struct emitter *e, struct level *l, const struct expr *x, struct fragment *ret);
bool rewrite_set_operation(struct emitter *e, const struct query *q, bool top, struct str *ret,
                           struct select_output *out);
/* Whether set-returning functions of the SELECT list run behind groups or windows, or before DISTINCT ON or WITH TIES; … */
bool splits_project_set(const struct query *q);
/* … and such a query as one around a subquery, in the emitter's arena; NULL: no memory. */
const struct query *rewrite_project_set(struct emitter *e, const struct query *q);
/* WITH TIES counts rows that DISTINCT or GROUPING SETS have made: whether it does, and the query around these. NULL: no memory. */
bool splits_ties(const struct query *q);
const struct query *rewrite_ties(struct emitter *e, const struct query *q);
/* The same query with its window functions in a subquery of FROM. NULL: err is set. */
const struct query *rewrite_windows_inside(struct emitter *e, const struct query *q);
bool rewrite_grouping_sets(struct emitter *e, const struct query *q, bool top, struct str *ret,
                           struct select_output *out);
/* HAVING without GROUP BY and without an aggregate in the list. */
bool wants_empty_set(const struct query *q);
bool rewrite_having_alone(struct emitter *e, const struct query *q, bool top, struct str *ret,
                          struct select_output *out);
bool rewrite_distinct_on(struct emitter *e, const struct query *q, bool top, struct str *ret,
                         struct select_output *out);

bool rewrite_changing_with_read(struct emitter *e, const struct cte *cte, struct str *ret, struct select_output *out);
bool changing_collect(struct emit_shared *s, const struct query *q);
struct changing *changing_find(const struct emit_shared *s, const struct cte *cte);
/* LOCAL: the rows a changing WITH query returns. */
bool changing_fetch(struct emitter *e, const struct cte *cte, struct str *ret, struct select_output *out);
/* Puts the changing statements of WITH before and after the plan's own. *n_inputs: inputs of the local part so far. */
bool changing_with(struct emit_shared *s, const struct query *q, size_t *n_inputs);
/* A column of an UPDATE's target as it will be. *ret_done false: as it stands. */
bool changing_new_value(struct emitter *e, const struct level *l, const struct expr *x, bool *ret_done,
                        struct fragment *ret);

/* --- emit_upserted.c --- */
/* EXPR_XMAX, in a RETURNING that is finished here. */
bool emit_xmax(struct emitter *e, const struct expr *x, struct fragment *ret);

/* --- emit_joined.c --- */
/* A column of FROM or USING as it stood ahead of the statement, in a RETURNING that is finished here. */
bool returning_joined_var(struct emitter *e, const struct level *l, const struct expr *x, struct fragment *ret);

/* --- emit_change.c --- */
struct change {        /* one statement that writes, printed */
    bool without_rows; /* in: no RETURNING is wanted */
    bool must_be_d1;   /* in: RETURNING may not be finished here */
    struct plan_statement *statements;
    size_t n_statements;
    struct plan_statement guard; /* runs before, raises; sql empty: none */
    struct plan_statement *checks;
    size_t n_checks; /* before everything: what was looked up still stands (rewrite_lookup.c) */
    struct select_output out;
    struct fetch *fetch;
    struct emitter *local;
    struct str local_sql;         /* RETURNING finished here */
    struct plan_statement before; /* reads what RETURNING needs to know of the time before; sql empty: none */
};
bool emit_change_statement(struct emitter *e, const struct query *q, struct change *ret);
/* Its guard and its statements, in their order. */
bool change_statements(struct emitter *e, const struct change *c, struct plan_statement **ret, size_t *ret_n);
bool emit_change(struct emit_shared *s, struct query *q);

/* --- emit_writes.c --- */
/* Notes in the plan what the statement may write and what its keys read. */
bool note_writes(struct emitter *e, const struct query *q);
/* Tables that change while a statement runs: what SQLite's subqueries see of them depends on the rows changed so far. */
struct written {
    const struct relation **list;
    size_t n;
};
/* The target, and what keys and triggers bring in with what is set or deleted. */
bool written_tables(struct emitter *e, const struct query *q, struct written *ret);

/* --- emit_assigned.c --- */
/* EXPR_CHECK_OPTION around a value that is printed already. */
bool emit_check_option(struct emitter *e, const struct expr *x, struct fragment *value);
/* One cell of rows that travel as JSON: x printed by the local engine's emitter as an element of the row's array, and the text by
 * which D1 reads it into the column out of json_each's value. */
bool computed_cell(struct emitter *local, struct emitter *d1, const struct relation *r, const struct column *c,
                   const struct expr *x, size_t i, struct str *ret_element, struct str *ret_read);

/* --- emit_insert.c --- */
/* The columns of an INSERT that are written, as numbers of q->insert_columns. */
bool written_columns(struct emitter *e, const struct query *q, const size_t **ret, size_t *ret_n);

/* --- rewrite_lookup.c --- */
struct looked_up { /* how D1 reads the rows to write */
    struct str
        *reads;       /* UPDATE: the key's columns, then the new values; DELETE: the key; INSERT: the written columns */
    struct str *keys; /* UPDATE, DELETE: the key as columns of the target */
    size_t n_keys, n;
    int bind; /* BIND_LOOKUP's index */
};
/* After a write was blocked: its rows are read first and computed here. Prints the statement again; its guards stand before it. */
bool rewrite_lookup(struct emit_shared *s, const struct query *q, struct change *ret);
/* MERGE: always looked up, as one statement of D1 for each WHEN. */
bool rewrite_merge(struct emit_shared *s, const struct query *q, struct change *ret);

/* --- place.c --- */
bool fetch_statement(struct fetch *f, struct plan_statement *ret);
bool place_select(struct emit_shared *s, struct query *q);
bool query_has_tables(const struct query *q); /* user tables or views, anywhere in it */
/* The same for tables alone, where view_reads says it of views. */
bool query_reads_table(const struct query *q, bool (*view_reads)(const struct relation *view, void *ctx), void *ctx);
/* A subquery inside of x reads one of the tables, or a view, which may read any. */
bool reads_written(struct expr *x, const struct written *written);
/* The same of what an UPDATE or DELETE joins: FROM or USING, and WHERE. */
bool joins_read_written(const struct query *q, const struct written *written);
/* A statement that changes data reads or changes one of them itself, other than by way of a WITH query that changes data. */
bool statement_mentions(const struct query *q, const struct written *written);
/* A subquery inside of x reads a WITH query. */
bool names_cte(struct expr *x);
bool reads_only(const struct query *q, const struct expr *x, int rte); /* columns of that one and of no other */
struct fetch *fetch_new(struct emitter *e, const struct query *q);
/* A column of the fetch for a value D1 prints: how the local engine reads it. */
bool fetch_column(struct emitter *e, struct fetch *f, const struct fragment *column, oid_t type, struct fragment *ret);
/* How the local engine reads a cell that D1 gave in a form of its own: f->sql is the cell. */
bool fetch_read_cell(struct emitter *e, const struct fetch *f, oid_t type, struct fragment *c);
/* LOCAL: x as a column of a fetch, when D1 can compute it there. */
bool try_fetched(struct emitter *e, const struct expr *x, bool *ret_done, struct fragment *ret);
/* LOCAL: a relation or subquery of FROM whose rows D1 gives. *ret_done false: it must be printed here. */
bool fetch_rte(struct emitter *e, const struct query *q, int index, struct str *ret, bool *ret_done);
/* LOCAL: a WITH query or a whole subquery that D1 computes. */
bool fetch_query(struct emitter *e, const struct query *q, struct str *ret, struct select_output *ret_output,
                 bool *ret_done);
/* LOCAL: FROM, WHERE (and perhaps GROUP BY, ORDER BY, LIMIT) of a query as one fetch. */
bool fetch_block(struct emitter *e, const struct query *q, enum fetched_part most, enum fetched_part *ret);

#endif
