/*
 * sqlstate.h - every SQLSTATE pgd1 can answer, one row each in sqlstate.def (PostgreSQL 15, appendix A).
 */
#ifndef PGD1_BASE_SQLSTATE_H
#define PGD1_BASE_SQLSTATE_H

#include "proxy/base/str.h"

enum sqlstate {
#define SQLSTATE(name, code) SQLSTATE_##name,
#include "proxy/base/sqlstate.def"
#undef SQLSTATE
    SQLSTATE_NR
};

/* The five characters, NUL-terminated. */
const char *sqlstate_code(enum sqlstate state);
/* The row of a five-character code; false when there is none. */
bool sqlstate_find(struct str code, enum sqlstate *ret);

#endif
