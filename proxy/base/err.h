/*
 * err.h - errors as values, with all the fields of PostgreSQL's ErrorResponse (protocol 55.8).
 *
 * Owns     nothing: texts live in the arena named at err_init(), usually the statement's.
 * Use      a function that can fail returns bool, takes struct err * last, and leaves its outputs alone on failure.
 *          `return err_set(e, SQLSTATE_…, "format", …);` sets it and returns false. The first error wins.
 * Not here speaking to the client (session_fail does), logging.
 */
#ifndef PGD1_BASE_ERR_H
#define PGD1_BASE_ERR_H

#include "proxy/base/arena.h"
#include "proxy/base/sqlstate.h"

struct err {
    enum sqlstate code; /* SQLSTATE_SUCCESSFUL_COMPLETION: no error */
    struct str message, detail, hint, context;
    struct str schema, table, column, datatype, constraint;
    const char *routine; /* the function of PostgreSQL that drivers know it by; NULL: nobody looks */
    int position;        /* 1-based, in characters of the statement text as the client sent it; 0: none */
    struct arena *arena;
};

void err_init(struct err *e, struct arena *arena);
static inline bool err_is_set(const struct err *e)
{
    return e->code != SQLSTATE_SUCCESSFUL_COMPLETION;
}
void err_clear(struct err *e);
/* Both answer false. A second call on a set error changes nothing. */
bool err_set(struct err *e, enum sqlstate code, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool err_oom(struct err *e); /* 53200, needs no memory */
/* 0A000 with the construct named: "%s is not supported". */
bool err_unsupported(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* These add to the error just set, and answer false too, so they chain after err_set with a comma or on their own line. */
bool err_detail(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool err_hint(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool err_at(struct err *e, int position);
/* Copies an error, texts included, into the arena of `to`. */
void err_copy(struct err *to, const struct err *from);

#endif
