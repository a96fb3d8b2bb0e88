/*
 * session_calls.h - functions that act on sessions, as numbers: one per row of session_calls.def.
 *
 * Owns     nothing.
 * Not here what they do: proxy/session_call.h.
 */
#ifndef PGD1_SQL_SESSION_CALLS_H
#define PGD1_SQL_SESSION_CALLS_H

enum session_call {
#define SESSION_CALL(source, arguments, strict) SESSION_CALL_##source,
#include "proxy/sql/session_calls.def"
#undef SESSION_CALL
    SESSION_CALL_NR
};

#endif
