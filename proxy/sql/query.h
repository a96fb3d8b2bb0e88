/*
 * query.h - the analyzed tree: a statement with every name resolved and every expression typed.
 *
 * PostgreSQL's own words (Query, range table, Var, Param, target list) so that its documentation explains ours.
 * analyze_*.c builds it from the raw parse tree; rewrite_*.c turn constructs that SQLite lacks into ones it has; place.c
 * decides where each part runs; emit_*.c print it as SQLite SQL. Nothing after analyze looks at the raw tree, nothing before
 * emit knows SQLite's syntax.
 *
 * Owns     nothing: every node lives in the arena of the plan under construction.
 */
#ifndef PGD1_SQL_QUERY_H
#define PGD1_SQL_QUERY_H

#include "pgwire/types.h"
#include "proxy/catalog/snapshot.h"

struct query;
struct expr;

enum expr_kind {
    EXPR_CONST, /* literal of the statement text */
    EXPR_PARAM, /* $n */
    EXPR_VAR,   /* column of a range table entry */
    EXPR_FUNC,  /* function, operator or cast function call, resolved to a pg_proc row */
    EXPR_AGGREGATE,
    EXPR_WINDOW,
    EXPR_AND,
    EXPR_OR,
    EXPR_NOT,
    EXPR_CASE,
    EXPR_COALESCE,
    EXPR_GREATEST,
    EXPR_LEAST,
    EXPR_NULLIF, /* args[0], args[1], equality in proc */
    EXPR_IS_NULL,
    EXPR_IS_NOT_NULL,
    EXPR_IS_TRUE,
    EXPR_IS_NOT_TRUE,
    EXPR_IS_FALSE,
    EXPR_IS_NOT_FALSE,
    EXPR_IS_UNKNOWN,
    EXPR_IS_NOT_UNKNOWN,
    EXPR_DISTINCT,
    EXPR_NOT_DISTINCT, /* IS [NOT] DISTINCT FROM: args[0], args[1], equality operator in proc */
    EXPR_ANY_ARRAY,
    EXPR_ALL_ARRAY, /* args[0] op ANY/ALL (args[1] array), operator's function in proc */
    EXPR_IN_LIST,
    EXPR_NOT_IN_LIST,     /* args[0] = one of args[1…], all of one type; equality in proc */
    EXPR_SUBLINK,         /* subquery in an expression */
    EXPR_ARRAY,           /* ARRAY[…]; elements in args (nested EXPR_ARRAY for more dimensions) */
    EXPR_ROW,             /* ROW(…), only inside comparisons, IN and as composite text */
    EXPR_ROW_COMPARE,     /* args: two EXPR_ROW; operator name in op_name; per-column functions in procs */
    EXPR_SUBSCRIPT,       /* args[0][args[1]]…; or slice */
    EXPR_RELABEL,         /* binary-coercible cast: the value is unchanged */
    EXPR_IO_CAST,         /* cast through text output and input */
    EXPR_ARRAY_CAST,      /* element-wise cast: element conversion in elem (over EXPR_CASE_TEST) */
    EXPR_CASE_TEST,       /* the value under test inside EXPR_ARRAY_CAST and simple CASE */
    EXPR_TYPMOD,          /* length coercion of args[0] to type/typmod; is_explicit */
    EXPR_DOMAIN_CHECK,    /* coercion to a domain: args[0] is of the base type */
    EXPR_SQL_VALUE,       /* CURRENT_DATE, CURRENT_TIMESTAMP(p), CURRENT_USER, … : value_function */
    EXPR_DEFAULT,         /* DEFAULT in VALUES or SET; replaced before emit */
    EXPR_GROUPING,        /* GROUPING(…) */
    EXPR_WHOLE_ROW,       /* t.* as a value (row_to_json(t)): rte index in var */
    EXPR_XMAX,            /* in RETURNING of an upsert: 0 where the row was inserted */
    EXPR_CHECK_OPTION,    /* args[0] where args[1] holds for the new row, else 44000: WITH CHECK OPTION of a view */
    EXPR_NEXTVAL_DEFAULT, /* internal: the next value of a serial column that SQLite assigns itself */
};

enum sublink_kind { SUBLINK_EXISTS, SUBLINK_ANY, SUBLINK_ALL, SUBLINK_SCALAR, SUBLINK_ARRAY };

enum sql_value_function {
    SQLVALUE_CURRENT_DATE,
    SQLVALUE_CURRENT_TIME,
    SQLVALUE_CURRENT_TIMESTAMP,
    SQLVALUE_LOCALTIME,
    SQLVALUE_LOCALTIMESTAMP,
    SQLVALUE_CURRENT_ROLE,
    SQLVALUE_CURRENT_USER,
    SQLVALUE_SESSION_USER,
    SQLVALUE_USER,
    SQLVALUE_CURRENT_CATALOG,
    SQLVALUE_CURRENT_SCHEMA,
};

struct case_arm {
    struct expr *when, *then;
};

enum frame_mode { FRAME_NONE, FRAME_ROWS, FRAME_RANGE, FRAME_GROUPS };
enum frame_bound {
    BOUND_UNBOUNDED_PRECEDING,
    BOUND_PRECEDING,
    BOUND_CURRENT_ROW,
    BOUND_FOLLOWING,
    BOUND_UNBOUNDED_FOLLOWING
};
enum frame_exclusion { EXCLUDE_NONE, EXCLUDE_CURRENT_ROW, EXCLUDE_GROUP, EXCLUDE_TIES };

struct sort_item {
    struct expr *expr;
    bool descending,
        nulls_first; /* nulls_first is always resolved: PostgreSQL's default is last for ASC, first for DESC */
};

struct window {
    struct expr **partition;
    size_t n_partition;
    struct sort_item *order;
    size_t n_order;
    enum frame_mode mode; /* FRAME_NONE: the default frame */
    enum frame_bound start, end;
    struct expr *start_offset, *end_offset;
    enum frame_exclusion exclusion;
    bool has_frame; /* one was written */
};

struct expr {
    enum expr_kind kind;
    oid_t type; /* never TYPE_OID_unknown after analyze, but for untyped NULL/text output columns resolved to text */
    int32_t typmod;   /* -1: none known */
    oid_t collation;  /* a column's that is not its type's own, or what COLLATE said; 0: see expr_collation() */
    bool is_collated; /* COLLATE stands behind it */
    int location;     /* byte offset in the statement text, -1: none. err positions count characters: sql_position() */
    struct expr **args;
    size_t n_args;
    union {
        struct { /* EXPR_CONST */
            bool is_null;
            struct value value; /* storage form of `type` */
            int literal; /* number of the literal token this value came from (plan cache slot), -1: not a literal of the text */
            struct str text; /* the literal as written (string contents, digits), before input conversion */
            bool negated;    /* a minus sign folded into a numeric literal */
        } constant;
        struct {
            int number;
        } param;                       /* from 1 */
        struct {                       /* EXPR_VAR, EXPR_WHOLE_ROW */
            int levels_up;             /* 0: this query, 1: the enclosing one… */
            int rte;                   /* index in that query's range table */
            int column;                /* 0-based index into the rte's columns */
            const struct relation *of; /* EXPR_WHOLE_ROW: the table whose row it is, for messages; NULL: none's */
        } var;
        struct { /* EXPR_FUNC, NULLIF, DISTINCT, ANY/ALL, IN: the function; AGGREGATE, WINDOW too */
            const struct pg_proc *proc;
            const char *op_name; /* written as an operator: its name, else NULL */
            enum { CALL_FUNCTION, CALL_OPERATOR, CALL_IMPLICIT_CAST, CALL_EXPLICIT_CAST } form;
            bool
                variadic_array; /* last argument is an array given as VARIADIC, or variadic arguments already gathered into EXPR_ARRAY */
            /* aggregates */
            bool distinct, star;
            struct sort_item *order;
            size_t n_order; /* ORDER BY inside, or WITHIN GROUP */
            bool within_group;
            size_t n_direct; /* ordered-set: first n_direct args are direct */
            struct expr *filter;
            int levels_up;         /* aggregate of an outer query */
            struct window *window; /* EXPR_WINDOW */
        } call;
        struct { /* EXPR_CASE: CASE args[0]? … already compared: when is boolean */
            struct case_arm *arms;
            size_t n_arms;
            struct expr *otherwise;
        } cases;
        struct { /* EXPR_SUBLINK: args = left side expressions for ANY/ALL */
            enum sublink_kind kind;
            struct query *query;
            const struct pg_proc **procs;
            size_t n_procs;      /* ANY/ALL: comparison per column */
            const char *op_name; /* "=", "<>", "<"… */
            bool one_row;        /* (a, b) op (SELECT …): the query may give one row only */
        } sublink;
        struct {
            size_t column; /* which of several: of a row of a subquery */
        } case_test;
        struct {
            const struct pg_proc **procs;
            size_t n_procs;
            const char *op_name;
        } row_compare;
        struct {
            bool is_slice;
            struct expr **lower, **upper;
            size_t n_dims;
        } subscript; /* lower entries may be NULL */
        struct {
            struct expr *element;
        } array_cast;
        struct {
            bool is_explicit;
        } coercion; /* TYPMOD, RELABEL, IO_CAST, DOMAIN_CHECK */
        struct {
            enum sql_value_function function;
            int precision;
        } sql_value;
        struct { /* EXPR_CHECK_OPTION */
            struct str view;
        } check_option;
    };
};

enum rte_kind {
    RTE_RELATION, /* table, view or system relation */
    RTE_SUBQUERY,
    RTE_JOIN,     /* holder of a join's merged column list and alias; joins themselves stand in the join tree */
    RTE_FUNCTION, /* generate_series(…), unnest(…), json_each(…): set-returning or scalar function in FROM */
    RTE_VALUES,
    RTE_CTE,    /* reference to a WITH query */
    RTE_RESULT, /* INSERT … ON CONFLICT's EXCLUDED: columns of the target */
};

struct rte_column {
    struct str name;
    oid_t type;
    int32_t typmod;
    oid_t collation;             /* 0: the type's own */
    const struct column *column; /* RTE_RELATION: the catalogue's, else NULL */
    struct expr *join_expr;      /* RTE_JOIN: what the merged column is (Var, or COALESCE of two) */
};

struct rte {
    enum rte_kind kind;
    struct str alias; /* name it is referred to by; empty: none */
    bool has_alias;   /* written by the user, hides the table's own name */
    struct rte_column *columns;
    size_t n_columns;
    size_t n_hidden; /* columns after those that only their names find: tableoid, xmin… of system tables */
    bool lateral;
    bool is_same_level; /* RTE_SUBQUERY made of a part of its query: what it refers to is counted from there */
    bool in_from;       /* visible to unqualified names (false: hidden, as join inputs under an aliased join) */
    const struct relation *relation; /* RTE_RELATION; RTE_SUBQUERY: the system view it stands for, else NULL */
    struct query *subquery;          /* RTE_SUBQUERY */
    struct expr **functions;
    size_t n_functions;
    bool with_ordinality;     /* RTE_FUNCTION; ROWS FROM has several */
    size_t *function_columns; /* columns each function gives */
    struct expr ***rows;
    size_t n_rows; /* RTE_VALUES: n_rows x n_columns */
    struct cte *cte;
    int cte_levels_up;       /* RTE_CTE */
    bool cte_self_reference; /* inside the recursive term */
    oid_t grouping_key;      /* the primary key in GROUP BY that lets other columns stand alone; 0: none */
};

enum join_kind { JOIN_CROSS, JOIN_INNER, JOIN_LEFT, JOIN_RIGHT, JOIN_FULL };

struct from_item {
    enum { FROM_RTE, FROM_JOIN } kind;
    int rte; /* FROM_RTE; FROM_JOIN: the RTE_JOIN holder's index */
    enum join_kind join;
    struct from_item *left, *right;
    struct expr *on; /* NULL: none. USING and NATURAL are already turned into equalities */
    struct str *using_names;
    size_t n_using; /* as they were written, for deparse.h */
};

struct target {
    struct expr *expr;
    struct str name; /* output column name */
    bool junk;       /* needed for ORDER BY or GROUP BY only, not shown */
    /* where it came from, for RowDescription: 0 when not a plain column */
    oid_t table_oid;
    int16_t column_number;
};

struct cte {
    struct str name;
    struct query *query;
    struct str *column_names;
    size_t n_column_names;
    bool recursive;
    enum cte_materialization { CTE_DEFAULT, CTE_MATERIALIZED, CTE_NOT_MATERIALIZED } materialized;
    int references;
};

enum set_operation { SETOP_NONE, SETOP_UNION, SETOP_INTERSECT, SETOP_EXCEPT };
enum command { COMMAND_SELECT, COMMAND_INSERT, COMMAND_UPDATE, COMMAND_DELETE, COMMAND_MERGE };
enum lock_strength { LOCK_NONE, LOCK_KEY_SHARE, LOCK_SHARE, LOCK_NO_KEY_UPDATE, LOCK_UPDATE };

/* One column assignment of INSERT (per target column) or UPDATE. */
struct assignment {
    const struct column *column;
    struct expr *expr; /* UPDATE: coerced to the column's type and typmod. INSERT: see insert_source */
};

struct on_conflict {
    bool update; /* else DO NOTHING */
    struct expr **targets;
    size_t n_targets; /* inference elements: Var or expression over the target */
    struct expr *target_where;
    const struct constraint *constraint; /* ON CONSTRAINT name */
    struct assignment *sets;
    size_t n_sets;
    struct expr *where;
    int excluded_rte;
};

/* One WHEN of MERGE. */
struct merge_action {
    bool matched;
    enum command command;   /* INSERT, UPDATE, DELETE; SELECT: DO NOTHING */
    struct expr *condition; /* NULL: none */
    struct assignment *sets;
    size_t n_sets; /* INSERT: every column that gets a value, but those that SQLite numbers itself */
};

/* A column of a view that is written to: the table's, or NULL and the view and number of what is no column there. */
struct written_column {
    const struct column *column;
    const struct relation *view;
    int number;
};

struct view_check { /* WITH CHECK OPTION */
    const struct relation *view;
    struct expr *condition; /* over the table */
};

/* The view that stands for the table that INSERT, UPDATE or DELETE writes to (analyze_view_target.c). */
struct written_view {
    const struct relation *relation;
    int rte; /* RTE_JOIN that has its names */
    struct written_column *columns;
    struct expr *where; /* of it and the views below; NULL: none */
    struct view_check *checks;
    size_t n_checks; /* those of the views below come first */
};

struct query {
    enum command command;
    struct query *parent; /* enclosing query for levels_up; NULL at the top */
    struct rte *rtable;
    size_t n_rtable;
    struct from_item **from;
    size_t n_from; /* cross-joined */
    struct expr *where;
    struct target *targets;
    size_t n_targets; /* SELECT list; RETURNING list is separate */
    struct cte *ctes;
    size_t n_ctes;
    bool with_recursive;
    /* SELECT */
    bool distinct;
    struct expr **distinct_on;
    size_t n_distinct_on;
    struct expr **group;
    size_t n_group; /* plain GROUP BY expressions */
    struct expr ***grouping_sets;
    size_t *grouping_set_sizes;
    size_t n_grouping_sets; /* when GROUPING SETS/ROLLUP/CUBE were written: expanded sets over `group` entries */
    struct expr *having;
    bool has_aggregates, has_windows, has_set_returning, has_sublinks;
    bool has_grouping_calls; /* GROUPING(…) */
    struct sort_item *sort;
    size_t n_sort;
    struct expr *limit, *offset;
    bool with_ties;
    enum lock_strength lock;
    bool lock_nowait, lock_skip_locked;
    /* set operations: targets describe the result columns (Var-less: type and name only); sort refers to them by position through EXPR_VAR rte -1 */
    enum set_operation set_operation;
    bool set_all;
    struct query *left, *right;
    /* what the operation makes of a side's columns, over its outputs (rte -1); NULL, also of one: as they are */
    struct expr **left_casts, **right_casts;
    /* VALUES as a query: rows over targets */
    struct expr ***values_rows;
    size_t n_values_rows;
    /* INSERT, UPDATE, DELETE */
    int result_rte;            /* target relation in rtable */
    struct written_view *view; /* NULL: it was named itself */
    const struct column **insert_columns;
    size_t n_insert_columns; /* every column that gets a value, defaults included */
    size_t *insert_ranks;    /* several rows of VALUES: which columns are worked out first; NULL: as they stand */
    struct expr ***insert_rows;
    size_t n_insert_rows;        /* VALUES form: rows x n_insert_columns, coerced */
    struct query *insert_select; /* SELECT form: its first columns feed … */
    struct expr *
        *insert_select_exprs; /* … n_insert_columns expressions over EXPR_VAR rte -1 (column of insert_select) */
    bool overriding_system, overriding_user;
    struct assignment *sets;
    size_t n_sets; /* UPDATE */
    struct on_conflict *on_conflict;
    struct target *returning;
    size_t n_returning;
    /* MERGE: from[0] is the source, where the condition that joins it to the target */
    struct merge_action *merge_actions;
    size_t n_merge_actions;
};

/* EXPR_VAR.rte of a reference to the output of query->left/right (set operation) or insert_select, by column. */
enum { RTE_OUTPUT = -1 };

/* analyze_collation.c: the collation of a value, 0: its type's own. PostgreSQL's rules of chapter 24.2.2, but that two which contradict each
 * other are no error: *ret_contradicts (may be NULL) says so. */
oid_t expr_collation(const struct snapshot *s, const struct expr *x, bool *ret_contradicts);
/* Of a query's output column, of set operations too. */
oid_t query_output_collation(const struct snapshot *s, const struct query *q, size_t column, bool *ret_contradicts);

#endif
