/* key_modes.c - see key_modes.h. */
#include "proxy/txn/key_modes.h"

#include <stdlib.h>
#include "proxy/base/fault.h"

bool key_modes_add(struct key_mode **modes, oid_t constraint, bool deferred, struct err *err)
{
    struct key_mode *m = fault_malloc(sizeof(*m));
    if (!m)
        return err_oom(err);
    *m = (struct key_mode){ *modes, constraint, deferred };
    *modes = m;
    return true;
}

void key_modes_drop(struct key_mode **modes, const struct key_mode *keep)
{
    while (*modes != keep) {
        struct key_mode *m = *modes;
        *modes = m->next;
        free(m);
    }
}

bool key_modes_defer(const struct key_mode *modes, const struct constraint *key)
{
    if (!key->deferrable)
        return false;
    for (const struct key_mode *m = modes; m; m = m->next)
        if (m->constraint == 0 || m->constraint == key->oid)
            return m->deferred;
    return key->deferred;
}

bool key_modes_any_deferred(const struct key_mode *modes)
{
    for (const struct key_mode *m = modes; m; m = m->next)
        if (m->deferred)
            return true;
    return false;
}
