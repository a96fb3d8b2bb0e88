/* sqlstate.c - see sqlstate.h. */
#include "proxy/base/sqlstate.h"

static const char codes[SQLSTATE_NR][6] = {
#define SQLSTATE(name, code) [SQLSTATE_##name] = code,
#include "proxy/base/sqlstate.def"
#undef SQLSTATE
};

const char *sqlstate_code(enum sqlstate state)
{
    return codes[state];
}

bool sqlstate_find(struct str code, enum sqlstate *ret)
{
    for (int i = 0; i < SQLSTATE_NR; i++) {
        if (str_is(code, codes[i])) {
            *ret = (enum sqlstate)i;
            return true;
        }
    }
    return false;
}
