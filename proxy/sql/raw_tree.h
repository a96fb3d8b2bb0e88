/*
 * raw_tree.h - walking libpg_query's trees, whatever their nodes are.
 *
 * Owns     nothing.
 * Order    of a message's fields, which is that of PostgreSQL's raw_expression_tree_walker.
 * Not here a limit: visitors that recurse count their depth (analyze_internal.h: enter()).
 */
#ifndef PGD1_SQL_RAW_TREE_H
#define PGD1_SQL_RAW_TREE_H

#include <pg_query/pg_query.pb-c.h>
#include <stdbool.h>

/* Calls visit for each message directly below; false ends the walk, and is the answer. */
bool raw_children(ProtobufCMessage *message, bool (*visit)(ProtobufCMessage *message, void *ctx), void *ctx);
/* Where an expression starts: the least location among its parts, as PostgreSQL's exprLocation() says; -1: none has one. */
int raw_location(const PgQuery__Node *n);

#endif
