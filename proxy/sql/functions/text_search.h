/*
 * text_search.h - what the families of text search share: a call with memory of its own, its arguments and results.
 *
 * Owns     the arena of a call, which ends with it: a run calls once for every row.
 * Fails    readers answer false after local_fail().
 */
#ifndef PGD1_SQL_FUNCTIONS_TEXT_SEARCH_H
#define PGD1_SQL_FUNCTIONS_TEXT_SEARCH_H

#include "pgwire/jsonb.h"
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/text_search_words.h"

struct ts_call {
    sqlite3_context *c;
    struct arena *arena;
    struct err *err;
};

bool ts_call_init(struct ts_call *call, sqlite3_context *c);
static inline void ts_call_fini(struct ts_call *call)
{
    call->arena = arena_free(call->arena);
}
/* Gives the err to the run. Answers false. */
bool ts_failed(struct ts_call *call);

/* A function is a body that gets its call: the memory goes when it ends. */
#define TS_FUNCTION(name)                                                                                              \
    static void name##_body(struct ts_call *call, int n, sqlite3_value **args);                                        \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        struct ts_call call;                                                                                           \
        STRICT(n, args);                                                                                               \
        if (ts_call_init(&call, c))                                                                                    \
            name##_body(&call, n, args);                                                                               \
        ts_call_fini(&call);                                                                                           \
    }                                                                                                                  \
    static void name##_body(struct ts_call *call, int n, sqlite3_value **args)
/* One that compares two values of the struct, read by argument(), as compare() says. */
#define TS_COMPARED(name, type, argument, compare, operator)                                                           \
    TS_FUNCTION(name)                                                                                                  \
    {                                                                                                                  \
        struct type a, b;                                                                                              \
        (void)n;                                                                                                       \
        if (argument(call, args[0], &a) && argument(call, args[1], &b))                                                \
            sqlite3_result_int(call->c, compare(&a, &b) operator);                                                     \
    }

bool ts_argument_vector(struct ts_call *call, sqlite3_value *v, struct tsvector *ret);
bool ts_argument_query(struct ts_call *call, sqlite3_value *v, struct tsquery *ret);
bool ts_argument_configuration(struct ts_call *call, sqlite3_value *v, const struct ts_configuration **ret);
/* default_text_search_config of the session */
bool ts_default_configuration(struct ts_call *call, const struct ts_configuration **ret);
/* The elements of an array of any shape, in order. */
bool ts_argument_array(struct ts_call *call, sqlite3_value *v, struct json_value *ret, bool *ret_is_flat);
/* 0 … 3 for d, c, b, a in either case; -1 after 22023. */
int ts_weight_of(struct ts_call *call, struct str letter);

void ts_result_vector(struct ts_call *call, const struct tsvector *v);
void ts_result_query(struct ts_call *call, const struct tsquery *q);

#endif
