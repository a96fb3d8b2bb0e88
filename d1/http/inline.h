/*
 * inline.h - parameters that a transport cannot carry become literals in the SQL text.
 *
 * The literal has the storage class and the value that a bound parameter would have, so SQLite computes the same:
 *   NULL, and a NaN (SQLite binds it as NULL)   (NULL)
 *   REAL                                        (1.5000000000000000e+00), (9e999), (-9e999)
 * The remaining parameters are numbered anew without gaps, since D1 counts them.
 *
 * Owns     nothing.
 * Fails    through the buf (its cap, no memory).
 * Not here texts, blobs, integers: they are always sent as parameters.
 */
#ifndef PGD1_D1_HTTP_INLINE_H
#define PGD1_D1_HTTP_INLINE_H

#include "d1/d1.h"
#include "proxy/base/buf.h"

/* What the transport's parameters may be, besides text. */
enum inline_carries { INLINE_TEXT_ONLY, INLINE_JSON /* null and finite numbers too */ };

/* Whether this parameter is not sent but stands in the text. */
bool inline_wants(const struct value *parameter, enum inline_carries carries);
/* Appends the statement's text, with literals and new numbers where needed. */
void inline_sql(const struct d1_statement *s, enum inline_carries carries, struct buf *out);
/* Appends {"sql":…,"params":[…] without the closing brace. scratch is overwritten. */
void inline_write(const struct d1_statement *s, enum inline_carries carries, struct buf *scratch, struct buf *out);

#endif
