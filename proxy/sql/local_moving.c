/* local_moving.c - see local_moving.h. */
#include "proxy/sql/local_moving.h"

#include <stdlib.h>

/* The aggregate's own state comes first: its sqlite3_aggregate_context() gives this very block. */
struct moving {
    uint64_t state[LOCAL_STATE_BYTES / sizeof(uint64_t)];
    sqlite3_value **values; /* width of each row */
    int width;
    size_t first, n, size; /* rows: the frame is first … n-1 */
    uint64_t steps;
    bool failed;
};

static struct moving *state_of(sqlite3_context *c)
{
    struct moving *m = sqlite3_aggregate_context(c, sizeof(*m));
    if (!m)
        sqlite3_result_error_nomem(c);
    return m && !m->failed ? m : NULL;
}

static bool make_room(struct moving *m)
{
    size_t width = (size_t)m->width;
    if (m->n < m->size)
        return true;
    if (m->first > m->n / 2) {
        memmove(m->values, m->values + m->first * width, (m->n - m->first) * width * sizeof(sqlite3_value *));
        m->n -= m->first;
        m->first = 0;
        return true;
    }
    size_t size = m->size ? m->size * 2 : 16;
    sqlite3_value **values = realloc(m->values, size * width * sizeof(sqlite3_value *));
    if (values) {
        m->values = values;
        m->size = size;
    }
    return values != NULL;
}

void moving_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct moving *m = state_of(c);
    if (!m)
        return;
    m->width = n;
    if (!make_room(m)) {
        m->failed = true;
        sqlite3_result_error_nomem(c);
        return;
    }
    sqlite3_value **row = m->values + m->n++ * (size_t)n;
    for (int i = 0; i < n; i++)
        row[i] = sqlite3_value_dup(args[i]); /* NULL without memory */
    for (int i = 0; i < n; i++)
        m->failed = m->failed || !row[i];
    if (m->failed)
        sqlite3_result_error_nomem(c);
}

static void drop_first(struct moving *m)
{
    sqlite3_value **row = m->values + m->first++ * (size_t)m->width;
    for (int i = 0; i < m->width; i++)
        sqlite3_value_free(row[i]);
}

void moving_inverse(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct moving *m = state_of(c);
    (void)n;
    (void)args;
    if (m && m->first < m->n)
        drop_first(m);
}

void moving_value(sqlite3_context *c)
{
    struct moving *m = state_of(c);
    const struct local_function *f = local_function_of(c);
    struct err *err = local_err(local_of(c));
    if (!m)
        return;
    memset(m->state, 0, sizeof(m->state));
    m->steps += m->n - m->first;
    if (m->steps > MOVING_STEPS) {
        m->failed = true;
        err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a window function over too many rows");
        err_hint(err, "At most %d rows are added up for all frames of a partition.", (int)MOVING_STEPS);
        local_fail(c);
        return;
    }
    for (size_t i = m->first; i < m->n && !err_is_set(err); i++)
        f->step(c, m->width, m->values + i * (size_t)m->width);
    f->final(c);
    if (err_is_set(err))
        local_fail(c);
}

void moving_final(sqlite3_context *c)
{
    struct moving *m = sqlite3_aggregate_context(c, 0);
    if (!m) { /* no row ever: count's kind of aggregate has an answer all the same */
        local_function_of(c)->final(c);
        return;
    }
    if (!m->failed)
        moving_value(c);
    while (m->first < m->n)
        drop_first(m);
    free(m->values);
    m->values = NULL;
}
