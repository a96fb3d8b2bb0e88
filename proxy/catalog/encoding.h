/*
 * encoding.h - PostgreSQL's names and numbers of character encodings.
 *
 * Owns     nothing: the rows of encodings.def.
 * Fails    never: an unknown one has no number, or no name.
 * Not here which of them can be converted: functions/bytes.c, guc_check.c.
 */
#ifndef PGD1_PROXY_CATALOG_ENCODING_H
#define PGD1_PROXY_CATALOG_ENCODING_H

#include "proxy/base/str.h"

enum { ENCODING_SQL_ASCII = 0, ENCODING_UTF8 = 6, ENCODING_LATIN1 = 8 };

int encoding_number(struct str name);     /* in any case, with any punctuation; -1: there is none of that name */
struct str encoding_name(int64_t number); /* as it is shown; "": there is none */

#endif
