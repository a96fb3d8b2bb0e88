/*
 * json_write.h - appends JSON to a buf: what requests are made of.
 *
 * Owns     nothing.
 * Fails    through the buf. Bytes that are not UTF-8 go out as they are, and the server refuses them.
 */
#ifndef PGD1_D1_HTTP_JSON_WRITE_H
#define PGD1_D1_HTTP_JSON_WRITE_H

#include "proxy/base/buf.h"
#include "proxy/base/value.h"

/* s as a JSON string with its quotes. */
void json_write_string(struct buf *out, struct str s);
/* A parameter: TEXT as string, INTEGER as string of its decimal text, BLOB as string of its hex text, NULL as null, a finite REAL as number. */
void json_write_parameter(struct buf *out, const struct value *v);

#endif
