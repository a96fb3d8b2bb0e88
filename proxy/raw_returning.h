/*
 * raw_returning.h - RETURNING of a raw statement where D1's answers go through JavaScript: each cell travels with its class.
 *
 * Fails    {NULL,0} when the statement's list cannot be told (two stars in it) or the text would be too long: then the cells come
 *          as JavaScript has them, and what has lost digits is an error.
 */
#ifndef PGD1_PROXY_RAW_RETURNING_H
#define PGD1_PROXY_RAW_RETURNING_H

#include "proxy/base/arena.h"

/* names: the n result columns as SQLite calls them. */
struct str raw_tagged_returning(struct str statement, const struct str *names, size_t n, size_t max_bytes,
                                struct arena *arena);

#endif
