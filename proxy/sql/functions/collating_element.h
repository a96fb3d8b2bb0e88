/*
 * collating_element.h - the names that a bracket expression of a regular expression has for characters: [[.hyphen.]].
 *
 * PostgreSQL's own table, which knows ASCII only; POSIX has the names in the character set of its locale.
 * Not here who reads the brackets: regex_syntax.c.
 */
#ifndef PGD1_SQL_FUNCTIONS_COLLATING_ELEMENT_H
#define PGD1_SQL_FUNCTIONS_COLLATING_ELEMENT_H

#include "proxy/base/str.h"

/* The character of that name, in *ret. False: it has no such name; a single character stands for itself and is none. */
bool collating_element(struct str name, uint32_t *ret);

#endif
