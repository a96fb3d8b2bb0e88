/* text_search_query.c - functions and operators of tsquery, matching (PostgreSQL 9.13; names are pg_proc's prosrc). */
#include <stdlib.h>
#include "proxy/sql/functions/text_search.h"
#include "proxy/sql/functions/text_search_match.h"

/* ---- texts that become queries */

/* PostgreSQL tells of a text without a word that can be looked for. */
static void tell_empty(struct ts_call *call, struct str text, enum tsquery_form form)
{
    const struct local_run *run = local_current_run(local_of(call->c));
    struct err notice;
    bool is_blank = form == TSQUERY_PLAIN ? text.n == 0 : str_trim(text).n == 0;
    if (!run->notice)
        return;
    err_init(&notice, call->arena);
    notice.message =
        is_blank ? arena_printf(call->arena, "text-search query doesn't contain lexemes: \"%.*s\"", STR_FMT(text))
                 : STR("text-search query contains only stop words or doesn't contain lexemes, ignored");
    run->notice(run->session_ctx, &notice);
}

static void give_query(struct ts_call *call, const struct ts_configuration *c, sqlite3_value *text,
                       enum tsquery_form form, enum ts_node_kind joined_by)
{
    struct tsquery q;
    if (!ts_words_query(c, local_text(text), form, joined_by, call->arena, &q, call->err)) {
        ts_failed(call);
        return;
    }
    if (q.n == 0)
        tell_empty(call, local_text(text), form);
    ts_result_query(call, &q);
}

/* name(text) by the session's configuration, name_byid(regconfig, text) by the one given */
#define QUERY_OF(name, form, joined_by)                                                                                \
    TS_FUNCTION(name)                                                                                                  \
    {                                                                                                                  \
        const struct ts_configuration *c;                                                                              \
        (void)n;                                                                                                       \
        if (ts_default_configuration(call, &c))                                                                        \
            give_query(call, c, args[0], form, joined_by);                                                             \
    }                                                                                                                  \
    TS_FUNCTION(name##_byid)                                                                                           \
    {                                                                                                                  \
        const struct ts_configuration *c;                                                                              \
        (void)n;                                                                                                       \
        if (ts_argument_configuration(call, args[0], &c))                                                              \
            give_query(call, c, args[1], form, joined_by);                                                             \
    }
QUERY_OF(to_tsquery, TSQUERY_OPERATORS, TS_NODE_PHRASE)
QUERY_OF(plainto_tsquery, TSQUERY_PLAIN, TS_NODE_AND)
QUERY_OF(phraseto_tsquery, TSQUERY_PLAIN, TS_NODE_PHRASE)
QUERY_OF(websearch_to_tsquery, TSQUERY_WEB, TS_NODE_PHRASE)

/* ---- @@ */

static void give_match(struct ts_call *call, const struct tsvector *v, const struct tsquery *q)
{
    bool holds;
    if (ts_vector_holds(v, q, call->arena, &holds, call->err))
        result_bool(call->c, holds);
    else
        ts_failed(call);
}

TS_FUNCTION(match_vq)
{
    struct tsvector v;
    struct tsquery q;
    (void)n;
    if (ts_argument_vector(call, args[0], &v) && ts_argument_query(call, args[1], &q))
        give_match(call, &v, &q);
}

TS_FUNCTION(match_qv)
{
    struct tsvector v;
    struct tsquery q;
    (void)n;
    if (ts_argument_query(call, args[0], &q) && ts_argument_vector(call, args[1], &v))
        give_match(call, &v, &q);
}

static bool vector_of_text(struct ts_call *call, const struct ts_configuration *c, sqlite3_value *text,
                           struct tsvector *ret)
{
    struct ts_words words = { 0 };
    return (ts_words_add(&words, c, local_text(text), call->arena, call->err) &&
            ts_words_vector(&words, call->arena, ret, call->err)) ||
           ts_failed(call);
}

TS_FUNCTION(match_tq)
{
    const struct ts_configuration *c;
    struct tsvector v;
    struct tsquery q;
    (void)n;
    if (ts_default_configuration(call, &c) && vector_of_text(call, c, args[0], &v) &&
        ts_argument_query(call, args[1], &q))
        give_match(call, &v, &q);
}

TS_FUNCTION(match_tt)
{
    const struct ts_configuration *c;
    struct tsvector v;
    struct tsquery q;
    (void)n;
    if (!ts_default_configuration(call, &c) || !vector_of_text(call, c, args[0], &v))
        return;
    if (ts_words_query(c, local_text(args[1]), TSQUERY_PLAIN, TS_NODE_AND, call->arena, &q, call->err))
        give_match(call, &v, &q);
    else
        ts_failed(call);
}

/* ---- queries put together */

static void give_joined(struct ts_call *call, sqlite3_value **args, enum ts_node_kind kind, unsigned distance)
{
    struct tsquery a, b, joined;
    if (!ts_argument_query(call, args[0], &a) || !ts_argument_query(call, args[1], &b))
        return;
    if (tsquery_join(&a, &b, kind, distance, call->arena, &joined, call->err))
        ts_result_query(call, &joined);
    else
        ts_failed(call);
}

TS_FUNCTION(query_and)
{
    (void)n;
    give_joined(call, args, TS_NODE_AND, 0);
}

TS_FUNCTION(query_or)
{
    (void)n;
    give_joined(call, args, TS_NODE_OR, 0);
}

TS_FUNCTION(query_phrase)
{
    sqlite3_int64 distance = n == 3 ? sqlite3_value_int64(args[2]) : 1;
    if (distance < 0 || distance > TS_DISTANCE_MAX)
        fail_with(call->c, SQLSTATE_INVALID_PARAMETER_VALUE,
                  "distance in phrase operator must be an integer value between zero and %d inclusive",
                  TS_DISTANCE_MAX);
    else
        give_joined(call, args, TS_NODE_PHRASE, (unsigned)distance);
}

TS_FUNCTION(query_not)
{
    struct tsquery q;
    (void)n;
    if (!ts_argument_query(call, args[0], &q))
        return;
    struct tsquery negated = { arena_array(call->arena, q.n + 1, sizeof(*q.nodes)), q.n ? q.n + 1 : 0 };
    if (!negated.nodes) {
        err_oom(call->err);
        ts_failed(call);
        return;
    }
    negated.nodes[0] = (struct ts_node){ .kind = TS_NODE_NOT };
    if (q.n)
        memcpy(negated.nodes + 1, q.nodes, q.n * sizeof(*q.nodes));
    ts_result_query(call, &negated);
}

TS_FUNCTION(query_nodes)
{
    struct tsquery q;
    (void)n;
    if (ts_argument_query(call, args[0], &q))
        sqlite3_result_int64(call->c, (sqlite3_int64)q.n);
}

TS_FUNCTION(query_tree)
{
    struct tsquery q, kept;
    struct buf text;
    (void)n;
    if (!ts_argument_query(call, args[0], &q))
        return;
    if (!tsquery_without_not(&q, call->arena, &kept, call->err)) {
        ts_failed(call);
        return;
    }
    buf_init(&text, MAX_RESULT);
    if (q.n && kept.n == 0)
        buf_add_char(&text, 'T');
    tsquery_print(&kept, false, &text);
    result_buf(call->c, &text);
}

/* ---- order */

#define COMPARED(name, operator) TS_COMPARED(name, tsquery, ts_argument_query, tsquery_compare, operator)
COMPARED(query_eq, == 0)
COMPARED(query_ne, != 0)
COMPARED(query_lt, < 0)
COMPARED(query_le, <= 0)
COMPARED(query_gt, > 0)
COMPARED(query_ge, >= 0)
COMPARED(query_cmp, +0)

static int by_word(const void *a, const void *b)
{
    return str_cmp(((const struct ts_node *)a)->word, ((const struct ts_node *)b)->word);
}

/* The words of a query to the front of its nodes, sorted. The query is spoilt. */
static size_t sorted_words(struct tsquery *q)
{
    size_t n = 0;
    for (size_t i = 0; i < q->n; i++)
        if (q->nodes[i].kind == TS_NODE_WORD)
            q->nodes[n++] = q->nodes[i];
    if (n)
        qsort(q->nodes, n, sizeof(*q->nodes), by_word);
    return n;
}

static void give_contains(struct ts_call *call, sqlite3_value *all, sqlite3_value *some)
{
    struct tsquery a, b;
    if (!ts_argument_query(call, all, &a) || !ts_argument_query(call, some, &b))
        return;
    size_t n = sorted_words(&a), wanted = sorted_words(&b), at = 0;
    bool contains = true;
    for (size_t i = 0; i < wanted && contains; i++) {
        while (at < n && by_word(&a.nodes[at], &b.nodes[i]) < 0)
            at++;
        contains = at < n && by_word(&a.nodes[at], &b.nodes[i]) == 0;
    }
    result_bool(call->c, contains);
}

TS_FUNCTION(query_contains)
{
    (void)n;
    give_contains(call, args[0], args[1]);
}

TS_FUNCTION(query_contained)
{
    (void)n;
    give_contains(call, args[1], args[0]);
}

#define ROW(source, args, function)                                                                                    \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = LOCAL_STRICT | LOCAL_DETERMINISTIC, .call = function           \
    }
#define OF_SESSION(source, args, function)                                                                             \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = LOCAL_STRICT, .call = function                                 \
    }
static const struct local_function functions[] = {
    OF_SESSION(to_tsquery, 1, to_tsquery),
    ROW(to_tsquery_byid, 2, to_tsquery_byid),
    OF_SESSION(plainto_tsquery, 1, plainto_tsquery),
    ROW(plainto_tsquery_byid, 2, plainto_tsquery_byid),
    OF_SESSION(phraseto_tsquery, 1, phraseto_tsquery),
    ROW(phraseto_tsquery_byid, 2, phraseto_tsquery_byid),
    OF_SESSION(websearch_to_tsquery, 1, websearch_to_tsquery),
    ROW(websearch_to_tsquery_byid, 2, websearch_to_tsquery_byid),
    ROW(ts_match_vq, 2, match_vq),
    ROW(ts_match_qv, 2, match_qv),
    OF_SESSION(ts_match_tq, 2, match_tq),
    OF_SESSION(ts_match_tt, 2, match_tt),
    ROW(tsquery_and, 2, query_and),
    ROW(tsquery_or, 2, query_or),
    ROW(tsquery_not, 1, query_not),
    ROW(tsquery_phrase, 2, query_phrase),
    ROW(tsquery_phrase_distance, 3, query_phrase),
    ROW(tsquery_numnode, 1, query_nodes),
    ROW(tsquerytree, 1, query_tree),
    ROW(tsquery_eq, 2, query_eq),
    ROW(tsquery_ne, 2, query_ne),
    ROW(tsquery_lt, 2, query_lt),
    ROW(tsquery_le, 2, query_le),
    ROW(tsquery_gt, 2, query_gt),
    ROW(tsquery_ge, 2, query_ge),
    ROW(tsquery_cmp, 2, query_cmp),
    ROW(tsq_mcontains, 2, query_contains),
    ROW(tsq_mcontained, 2, query_contained),
};

const struct local_family local_family_text_search_query = { .functions = functions,
                                                             .n_functions = sizeof(functions) / sizeof(functions[0]) };
