/* functions.c - finds the row of a function; see functions.h. */
#include "proxy/sql/functions.h"

#include <stdio.h>

/* clang-format off */
#define NONE NULL
#define OWN "*"
#define SAME "="
#define CHECK_INT2 FUNCTION_CHECK_INT2
#define CHECK_INT4 FUNCTION_CHECK_INT4
#define CHECK_INT8 FUNCTION_CHECK_INT8
#define CHECK_FLOAT FUNCTION_CHECK_FLOAT
#define ZERO_DIVISOR FUNCTION_ZERO_DIVISOR
#define ASCII FUNCTION_ASCII
#define UTC FUNCTION_UTC
#define DOUBTFUL FUNCTION_DOUBTFUL
#define TYPES FUNCTION_TYPES
#define TEXT_ARGS FUNCTION_TEXT_ARGS
#define TEXT_CAST FUNCTION_TEXT_CAST
#define PLAIN_ARRAYS FUNCTION_PLAIN_ARRAYS
#define NOT_NAN FUNCTION_NOT_NAN
static const struct emission rows[] = {
#define FUNCTION(key, d1, local, flags) { key, d1, local[0] == '=' ? d1 : local, flags },
#include "proxy/sql/functions.def"
#undef FUNCTION
};
/* clang-format on */

static const struct emission *find(const char *key)
{
    size_t low = 0, high = sizeof(rows) / sizeof(*rows);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(rows[middle].key, key);
        if (order == 0)
            return &rows[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct emission *emission_find(const struct pg_proc *proc)
{
    char key[128];
    size_t n = (size_t)snprintf(key, sizeof(key), "%s(", proc->source);
    for (size_t i = 0; i < proc->n_args && n < sizeof(key); i++) {
        const struct pg_type *t = pg_type_by_oid(proc->args[i]);
        n += (size_t)snprintf(key + n, sizeof(key) - n, "%s%s", i ? "," : "", t ? t->name : "?");
    }
    if (n + 1 < sizeof(key)) {
        key[n] = ')';
        key[n + 1] = 0;
        const struct emission *exact = find(key);
        if (exact)
            return exact;
    }
    return find(proc->source);
}

const struct emission *emissions(size_t *ret_n)
{
    *ret_n = sizeof(rows) / sizeof(*rows);
    return rows;
}

bool emission_is_own(const struct emission *row)
{
    return row->local && row->local[0] == '*';
}
