/*
 * order.h - PostgreSQL's order of values whose storage texts do not sort by themselves: numbers, jsonb, network addresses,
 * elements of arrays. What collations and comparing functions share.
 *
 * Owns     nothing; memory that a comparison needs is its own and ends with it.
 * Fails    never: a text that is not of its type sorts by its bytes.
 * Answers  below, equal to or above 0.
 */
#ifndef PGD1_SQL_FUNCTIONS_ORDER_H
#define PGD1_SQL_FUNCTIONS_ORDER_H

#include "pgwire/jsonb.h"
#include "pgwire/types.h"

/* Decimal texts, exactly; -Infinity, Infinity and NaN too. */
int order_numbers(struct str a, struct str b);
/* Trees of jsonb_parse(), and texts of jsonb. */
int order_jsonb(const struct json_value *a, const struct json_value *b);
int order_jsonb_texts(struct str a, struct str b);
/* inet and cidr: IPv4 before IPv6, network bits, length of the mask, address. */
int order_inet(struct str a, struct str b);
/* Storage texts of a type. */
int order_texts(oid_t type, struct str a, struct str b);
/* Elements of the storage form of an array; NULL sorts last. element 0: unknown, strings by their bytes. */
int order_elements(oid_t element, const struct json_value *a, const struct json_value *b);
/* Storage forms of arrays: their elements one by one, then how many, then their dimensions. */
int order_arrays(oid_t element, struct str a, struct str b);

#endif
