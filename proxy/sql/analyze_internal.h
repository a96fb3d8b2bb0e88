/*
 * analyze_internal.h - what the analyze_*.c files share; nobody else includes it.
 *
 * analyze.c         statements, parameters, positions, walking
 * analyze_type.c    type names, categories, coercion pathways
 * analyze_coerce.c  coercions of expressions, common types, polymorphism
 * analyze_func.c    functions, aggregates, windows; operators in analyze_oper.c
 * analyze_frame.c   frames of windows
 * analyze_expr.c    expressions
 * analyze_sublink.c  subqueries in them
 * analyze_column_name.c  names of result columns
 * analyze_from.c    FROM, range table, column names
 * analyze_composite.c  fields of rows
 * analyze_view_target.c  writing through views
 * analyze_collation.c  COLLATE
 * analyze_sets.c    where set-returning functions may not stand
 * analyze_populate.c  rows of JSON with the columns of a table
 * analyze_system.c  PostgreSQL's own views
 * analyze_group.c   GROUP BY, grouping sets, columns outside of aggregates
 * analyze_select.c  SELECT lists, ORDER BY, set operations, VALUES
 * analyze_with.c    WITH
 * analyze_recursion.c  what WITH RECURSIVE reads, in raw trees
 * analyze_change.c  INSERT, UPDATE, DELETE
 * analyze_arbiter.c  the partial index that ON CONFLICT means
 */
#ifndef PGD1_SQL_ANALYZE_INTERNAL_H
#define PGD1_SQL_ANALYZE_INTERNAL_H

#include "proxy/sql/analyze.h"
#include "proxy/sql/raw_tree.h"
#include "proxy/sql/skeleton.h"

typedef struct analyze_context A;
typedef PgQuery__Node Node;

enum { ANALYZE_MAX_DEPTH = 4000, CALL_ARGS_MAX = 100 /* PostgreSQL's FUNC_MAX_ARGS */ };

/* Where an expression stands: what is allowed there and how PostgreSQL names the place. */
enum expr_place {
    PLACE_SELECT_LIST,
    PLACE_WHERE,
    PLACE_JOIN_ON,
    PLACE_GROUP_BY,
    PLACE_HAVING,
    PLACE_ORDER_BY,
    PLACE_LIMIT,
    PLACE_OFFSET,
    PLACE_FILTER,
    PLACE_WINDOW_PARTITION,
    PLACE_WINDOW_ORDER,
    PLACE_WINDOW_FRAME,
    PLACE_VALUES,
    PLACE_SET,
    PLACE_RETURNING,
    PLACE_FROM_FUNCTION,
    PLACE_FROM_SUBQUERY, /* of the query around it */
    PLACE_MERGE_WHEN,
    PLACE_INDEX_EXPRESSION, /* of ON CONFLICT (…) */
    PLACE_INDEX_PREDICATE,  /* … WHERE */
    PLACE_STANDALONE,
    PLACE_DISTINCT_ON,
    PLACE_NR
};

/* Why a LATERAL item beside a name cannot reach it. */
enum barrier { BARRIER_NONE, BARRIER_TARGET, BARRIER_JOIN };

/* One query level under analysis. */
struct scope {
    struct query *query;
    struct scope *parent;
    enum expr_place place;
    const char *standalone_what;
    bool in_aggregate;           /* inside an aggregate's arguments at this level */
    int nested;                  /* where another one stands in there, plus 1; 0: nowhere */
    bool in_window;              /* inside a window function's arguments */
    bool single_row;             /* of the only row of INSERT … VALUES, where sets may be returned */
    bool grouped_twice;          /* GROUP BY has two output columns of one expression */
    const struct expr *last_set; /* the set-returning call that was met last at this level */
    /* names visible to unqualified and qualified references: indexes into query->rtable */
    struct name_item {
        int rte;
        bool columns_visible, table_visible;
        bool lateral_only;    /* seen only while lateral_active … */
        enum barrier barrier; /* … and not to be referred to even then: 42P10 */
    } * names;
    size_t n_names;
    int own_var;         /* where a column of this level stands in what is being transformed, plus 1; 0: nowhere */
    bool lateral_active; /* a function or LATERAL subquery of FROM is analyzed */
    struct window **windows;
    struct str *window_names;
    size_t n_windows; /* WINDOW clause */
    const PgQuery__WindowDef **window_nodes;
    struct scope *tree; /* of a set operation: the outermost one of its tree, which keeps … */
    struct rte *leaves; /* … the SELECTs that were analyzed before, for hints */
    size_t n_leaves;
    const PgQuery__WithClause *with; /* while its queries are analyzed, without RECURSIVE */
};

/* --- errors with positions --- */
bool fail_at(A *a, int location, enum sqlstate code, const char *format, ...) __attribute__((format(printf, 4, 5)));
bool unsupported_at(A *a, int location, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* 3F000 when a schema that is named does not exist; "": none is. */
bool check_schema(A *a, struct str schema, int location);
bool enter(A *a); /* depth guard; pair with leave() on every way out that goes on */
static inline void leave(A *a)
{
    a->depth--;
}
/* ARENA_NEW that reports 53200. */
void *analyze_alloc(A *a, size_t n, size_t size);
#define NEW(a, type) ((type *)analyze_alloc((a), 1, sizeof(type)))
#define NEW_ARRAY(a, type, n) ((type *)analyze_alloc((a), (n), sizeof(type)))
/* Appends to arrays that grow by doubling: size is a power of two implied by n. */
bool grow_array(A *a, void **array, size_t n, size_t size);
#define PUSH(a, array, n, item)                                                                                        \
    (grow_array((a), (void **)&(array), (n), sizeof(*(array))) ? ((array)[(n)++] = (item), true) : false)

struct expr *expr_new(A *a, enum expr_kind kind, oid_t type, int32_t typmod, int location);
/* Text of a String node list's last element, and of the one before ("" when there is none). False: more than two names. */
bool name_parts(A *a, Node *const *names, size_t n, int location, struct str *ret_schema, struct str *ret_name);
struct str node_string(const Node *n);
struct str dotted_names(A *a, Node *const *names, size_t n); /* as messages show them, "*" for a star */
/* The first of several names is the database's: 0A000 for another one. */
bool check_database(A *a, Node *const *names, size_t n, int location);

/* --- types --- */
struct str type_text(A *a, oid_t type, int32_t typmod); /* as messages show it */
struct str expr_type_text(A *a, const struct expr *e);  /* the same; of a table's row the table's name */
char type_category(A *a, oid_t type, bool *ret_preferred);
oid_t type_element(A *a, oid_t type); /* of a true array, else 0 */
oid_t type_array(A *a, oid_t type);
bool type_is_enum(A *a, oid_t type);
bool type_is_domain(A *a, oid_t type);
bool type_is_polymorphic(oid_t type);
/* The row of PostgreSQL's pg_range that a range or a multirange stands in; NULL: it is neither. Nobody can compute with their values. */
struct range_type {
    oid_t range, multirange, subtype;
};
const struct range_type *type_range(A *a, oid_t type);
oid_t type_base(A *a, oid_t type); /* under domains */
/* The WARNING for more than six digits of a second; for other types none. False: no memory. */
bool warn_precision(A *a, oid_t type, int32_t precision);
enum coercion_context { COERCION_IMPLICIT, COERCION_ASSIGNMENT, COERCION_EXPLICIT };
enum coercion_path { PATH_NONE, PATH_FUNC, PATH_RELABEL, PATH_ARRAY, PATH_IO };
enum coercion_path coercion_pathway(A *a, oid_t target, oid_t source, enum coercion_context context,
                                    const struct pg_proc **ret_proc);
bool binary_coercible(A *a, oid_t source, oid_t target);
bool can_coerce(A *a, size_t n, const oid_t *inputs, const oid_t *targets, enum coercion_context context);

/* --- coercion of expressions --- */
/* The raw conversion; typmod -1 unless the conversion function takes it. NULL with err set on failure. */
struct expr *coerce_type(A *a, struct expr *e, oid_t target, int32_t typmod, enum coercion_context context,
                         bool is_explicit, int location);
/* Conversion and length coercion; *ret NULL when there is no way (the caller words the error), false on other errors. */
bool coerce_to_target(A *a, struct expr *e, oid_t target, int32_t typmod, enum coercion_context context, int location,
                      struct expr **ret);
struct expr *coerce_to_boolean(A *a, struct expr *e, const char *construct);
struct expr *coerce_to_specific(A *a, struct expr *e, oid_t target, const char *construct);
/* Where an expression's text starts, as PostgreSQL's error positions count it; -1 unknown. */
int expr_start(const struct expr *e);
/* what: "CASE", "UNION"…; 42804 "%s types %s and %s cannot be matched". context NULL: gives 0 instead of an error. */
oid_t select_common_type(A *a, struct expr *const *exprs, size_t n, const char *what);
struct expr *coerce_to_common(A *a, struct expr *e, oid_t type, const char *what);
int32_t select_common_typmod(struct expr *const *exprs, size_t n, oid_t type);
/* Polymorphic functions: settles declared types and the result from actual ones; 42883-style failure gives 0. */
bool generic_consistent(A *a, const oid_t *actual, const oid_t *declared, size_t n);
oid_t generic_resolve(A *a, oid_t *actual, oid_t *declared, size_t n, oid_t result);
/* Sets the type of an undetermined parameter or decodes an unknown constant: coerce_type does; here for direct use. */
struct expr *const_from_unknown(A *a, struct expr *e, oid_t target, int32_t typmod);
struct expr *const_null(A *a, oid_t type, int32_t typmod, int location);
struct expr *const_int4(A *a, int32_t value);
struct expr *const_bool(A *a, bool value, int location);

/* --- operators and functions --- */
struct expr *make_operator(A *a, struct str schema, struct str name, struct expr *left, struct expr *right,
                           int location);
struct expr *make_scalar_array(A *a, struct str name, bool any, struct expr *left, struct expr *right, int location);
/* The operator's row for two types; NULL without error when missing_ok. */
const struct pg_operator *find_operator(A *a, struct str name, oid_t left, oid_t right, bool missing_ok, int location);
/* Default equality and ordering of a type: its "=" / "<" operator; 42883 could not identify… */
const struct pg_operator *equality_operator(A *a, oid_t type, int location, bool missing_ok);
struct expr *transform_func_call(A *a, struct scope *s, const PgQuery__FuncCall *call);
struct expr *make_function_call(A *a, struct str schema, struct str name, struct expr **args, size_t n, int location);

const struct expr *set_returning_call(struct expr *e); /* the first in e; NULL: none */
/* A set-returning function anywhere in e: 0A000 with this text (analyze_sets.c). */
bool refuse_sets(A *a, const struct scope *s, struct expr *e, const char *message);
bool refuse_sets_in_call(A *a, const struct scope *s, struct expr *e); /* of an aggregate or a window function */
struct window *transform_window(A *a, struct scope *s, const PgQuery__WindowDef *def);
/* ROWS, RANGE or GROUPS of it, when its ORDER BY is there. */
bool has_frame_clause(const PgQuery__WindowDef *def);
bool transform_frame(A *a, struct scope *s, const PgQuery__WindowDef *def, struct window *w);
bool transform_order(A *a, struct scope *s, Node *const *list, size_t n, struct sort_item **ret, size_t *ret_n);

/* --- expressions --- */
struct expr *transform_expr(A *a, struct scope *s, const Node *n);
struct expr *transform_in(A *a, struct scope *s, const Node *n,
                          enum expr_place place); /* sets and restores the place */
struct expr *n_ary(A *a, enum expr_kind kind, oid_t type, int location,
                   size_t n_args); /* room for n_args, none there yet */
bool is_row(const struct expr *e);
bool operator_name(A *a, Node *const *names, size_t n, int location, struct str *ret_schema, struct str *ret_name);
struct expr *transform_sublink(A *a, struct scope *s, const PgQuery__SubLink *l);
/* left name ANY|ALL (select) */
struct expr *transform_sublink_any(A *a, struct scope *s, const Node *left, struct str name, enum sublink_kind kind,
                                   const Node *select, int location);
/* What PostgreSQL's FigureColname calls a column without AS. */
struct str figure_column_name(A *a, const Node *n);

/* --- FROM and names --- */
bool transform_from(A *a, struct scope *s, Node *const *items, size_t n);
/* The same for what stands beside the target of UPDATE or DELETE, the scope's first name: no LATERAL reaches it. */
bool transform_from_beside(A *a, struct scope *s, Node *const *items, size_t n);
int add_rte(A *a, struct scope *s, struct rte rte); /* -1 on failure */
int add_relation_rte(A *a, struct scope *s, const PgQuery__RangeVar *name);
int add_rte_for_relation(A *a, struct scope *s, const struct relation *r, struct str alias, bool has_alias);
bool add_name(A *a, struct scope *s, int rte, bool columns_visible, bool table_visible);
struct expr *transform_column_ref(A *a, struct scope *s, const PgQuery__ColumnRef *ref);
/* Every column of `t.*` or `*`. */
bool expand_star(A *a, struct scope *s, const PgQuery__ColumnRef *ref, struct expr ***ret, struct str **ret_names,
                 size_t *ret_n);
struct expr *make_var(A *a, struct scope *s, int levels_up, int rte, int column, int location);
struct query *scope_query(struct scope *s, int levels_up);

/* --- composite values (analyze_composite.c) --- */
/* analyze_select.c: an item of ORDER BY or GROUP BY as a target, added when it is not shown; whether values of a type have the order
 * or equality that `what` names (42883). */
struct target *clause_target(A *a, struct scope *s, const Node *n, const char *clause, enum expr_place place,
                             bool names_first);
bool has_order(A *a, oid_t type, const char *what, int location);
bool expr_has_order(A *a, const struct expr *e, const char *what,
                    int location); /* the same; of a table's row by its columns */
/* analyze_group.c: GROUP BY [DISTINCT] list; columns that are neither grouped nor in an aggregate (42803). */
bool transform_group(A *a, struct scope *s, Node *const *list, size_t n, bool distinct);
bool check_grouping(A *a, struct query *q);
/* analyze_subscript.c: base[list[0]][list[1]]…, each an A_Indices. */
struct expr *transform_subscripts(A *a, struct scope *s, struct expr *base, Node *const *list, size_t n, int location);
struct expr *transform_field(A *a, struct scope *s, struct expr *base, struct str field, int location);
/* A function of the SELECT list that gives rows of several columns is moved to FROM and stands for its row then. */
bool rows_in_select_list(A *a, struct scope *s, struct expr **e);
/* (expression).* in a SELECT list: every field of the row. */
bool is_row_star(const Node *n);
bool is_star(const Node *n); /* t.*, * or (row).* */
bool expand_any_star(A *a, struct scope *s, const Node *node, struct expr ***ret, struct str **ret_names,
                     size_t *ret_n);
bool expand_row_star(A *a, struct scope *s, const Node *n, struct expr ***ret, struct str **ret_names, size_t *ret_n);
bool check_row_items(A *a, const struct query *q);
/* json_populate_record(NULL::table, json) and its kin (analyze_populate.c): a call of the table's row type. */
bool is_populate_call(const PgQuery__FuncCall *call);
struct expr *transform_populate(A *a, struct scope *s, const PgQuery__FuncCall *call);
/* The entry that a table's name means, *ret NULL when none is in reach; 42P09, and 42P10 for what LATERAL may not refer to. */
bool find_table(A *a, struct scope *s, struct str schema, struct str name, int location, int *ret_up, int *ret_rte,
                const struct rte **ret);
/* analyze_missing.c: 42P01 and 42703 with the hints that PostgreSQL gives; table "": the column's name stands alone. */
bool fail_missing_table(A *a, struct scope *s, struct str schema, struct str name, int location);
bool fail_missing_column(A *a, const struct scope *s, struct str table, struct str name, int location);
/* analyze_from_function.c: a function in FROM, ROWS FROM and unnest() of several arrays, but for its alias' column names. */
bool transform_range_function(A *a, struct scope *s, const PgQuery__RangeFunction *node, struct rte *ret);
/* Adds the columns that a function gives by its OUT parameters; *ret_n of them. */
bool function_out_columns(A *a, struct rte *r, const struct expr *f, size_t *ret_n);

/* --- PostgreSQL's own relations (analyze_system.c) --- */
/* A system view becomes the subquery that defines it; views whose rows the server makes stay as they are. */
bool expand_system_view(A *a, struct rte *r);

/* PostgreSQL's rewriter looks at some things when all of the text has been understood: what is wrong in the text is told first. */
void note_late(A *a, const struct err *found);

/* --- writing through views (analyze_view_target.c) --- */
/* Adds the table that the view leads to, as result_rte, and the entry that has the view's names, which it gives; where nothing can be
 * written through it that is noted late (55000). */
int add_view_target(A *a, struct scope *s, const struct relation *view, struct str alias);
/* The same names over EXCLUDED, which has the table's. */
int add_view_excluded(A *a, struct query *q, int excluded);
/* The table's column of that name in the view; one that cannot be written is the view's own; NULL: there is none. */
const struct column *view_column(const struct written_view *view, struct str name);
bool is_view_column(const struct written_view *view, const struct column *c); /* its own: it cannot be written … */
void refuse_view_column(A *a, const struct query *q, const struct column *c); /* … 0A000, late */
/* When all is analyzed: the view's condition and WITH CHECK OPTION join the statement. */
bool finish_view_target(A *a, struct query *q);

/* --- queries --- */
struct query *transform_select(A *a, struct scope *parent, const PgQuery__SelectStmt *stmt, bool resolve_unknown);
struct query *transform_any_query(A *a, struct scope *parent,
                                  const Node *stmt); /* SELECT or data-modifying, for WITH and sublinks */
bool transform_with(A *a, struct scope *s, const PgQuery__WithClause *with);
/* A set operation. recursive: the WITH query whose body it is, which gets the left side's columns before the right side is read. */
struct query *transform_setop(A *a, struct scope *parent, const PgQuery__SelectStmt *stmt, struct cte *recursive);
/* WITH RECURSIVE: an order in which no query reads a later one, and which of them read themselves. 42P19 where one of those has not the
 * form that recursion needs, 0A000 where several read each other. */
bool analyze_recursion(A *a, const PgQuery__WithClause *with, size_t *order, bool *recursive);
/* Adds to 42P01 that a WITH query of that name comes later. */
void explain_missing_cte(A *a, const struct scope *s, const PgQuery__RangeVar *name);
bool transform_targets(A *a, struct scope *s, Node *const *list, size_t n, enum expr_place place, struct target **ret,
                       size_t *ret_n);
void resolve_unknown_targets(A *a, struct target *targets, size_t n);
struct query *transform_insert(A *a, struct scope *parent, const PgQuery__InsertStmt *stmt);
struct query *transform_update(A *a, struct scope *parent, const PgQuery__UpdateStmt *stmt);
struct query *transform_delete(A *a, struct scope *parent, const PgQuery__DeleteStmt *stmt);
struct query *transform_merge(A *a, const PgQuery__MergeStmt *stmt);
struct cte *find_cte(struct scope *s, struct str name, int *ret_levels_up);

const char *standalone_place(const struct scope *s);

/* --- analyze_arbiter.c --- */
/* A WHERE of ON CONFLICT's columns that has parameters becomes the condition of the index that it means, and a->implied says for which values
 * it means it. 0A000 where that cannot be said; no index: a WHERE is no more, and the index is missed as without parameters. */
bool infer_partial_index(A *a, const struct query *q);

#endif
