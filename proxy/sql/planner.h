/*
 * planner.h - what the files that make plans share: planner.c (dispatch), plan_utility.c (everything that is not a query or DDL).
 */
#ifndef PGD1_SQL_PLANNER_H
#define PGD1_SQL_PLANNER_H

#include "proxy/sql/analyze.h"

struct planner {
    const struct snapshot *snapshot;
    const struct sql_settings *settings;
    struct str text;      /* the whole string */
    struct str statement; /* the slice of this statement */
    struct literal_table *literals;
    const oid_t *param_types;
    size_t n_param_types;
    struct err *err;
};

/* A plan for one raw node; nested by EXPLAIN, DECLARE CURSOR, COPY. One reference. */
bool planner_node(struct planner *p, const PgQuery__Node *node, struct plan **ret);
/* An empty plan of this planner's snapshot, with its arena; NULL: no memory (err set). */
struct plan *planner_new_plan(struct planner *p, enum plan_kind kind, const char *tag);
struct analyze_context planner_context(struct planner *p, struct plan *plan);
/* SELECT of all these columns of a table. */
bool planner_table(struct planner *p, const struct relation *r, const struct column *const *columns, size_t n_columns,
                   struct plan **ret);
/* Utility statements; *ret_handled false: not one of them. */
bool plan_utility(struct planner *p, const PgQuery__Node *node, struct plan **ret, bool *ret_handled);
/* EXPLAIN, into an empty plan. 42601 and 22023 for options, with PostgreSQL's words; 0A000 for FORMAT XML and YAML. */
bool plan_explain(struct planner *p, const PgQuery__ExplainStmt *s, struct plan *plan);

#endif
