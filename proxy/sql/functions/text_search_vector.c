/* text_search_vector.c - functions and operators of tsvector, ranks (PostgreSQL 9.13; names are pg_proc's prosrc). */
#include <math.h>
#include <stdlib.h>
#include "proxy/sql/functions/order.h"
#include "proxy/sql/functions/text_search.h"
#include "proxy/sql/functions/text_search_rank.h"

/* ---- texts that become vectors */

static void give_vector(struct ts_call *call, const struct ts_configuration *c, sqlite3_value *text)
{
    struct ts_words words = { 0 };
    struct tsvector v;
    if (ts_words_add(&words, c, local_text(text), call->arena, call->err) &&
        ts_words_vector(&words, call->arena, &v, call->err))
        ts_result_vector(call, &v);
    else
        ts_failed(call);
}

TS_FUNCTION(to_tsvector)
{
    const struct ts_configuration *c;
    (void)n;
    if (ts_default_configuration(call, &c))
        give_vector(call, c, args[0]);
}

TS_FUNCTION(to_tsvector_byid)
{
    const struct ts_configuration *c;
    (void)n;
    if (ts_argument_configuration(call, args[0], &c))
        give_vector(call, c, args[1]);
}

static struct str element(const struct json_value *v)
{
    return v->kind == JSON_NULL ? (struct str){ "", 0 } : v->text;
}

TS_FUNCTION(array_to_tsvector)
{
    struct json_value a;
    (void)n;
    if (!ts_argument_array(call, args[0], &a, NULL))
        return;
    struct tsvector v = { arena_array(call->arena, a.array.n, sizeof(*v.lexemes)), a.array.n };
    for (size_t i = 0; v.lexemes && i < v.n; i++) {
        struct str word = element(&a.array.items[i]);
        if (word.n == 0) {
            bool is_null = a.array.items[i].kind == JSON_NULL;
            fail_with(call->c, is_null ? SQLSTATE_NULL_VALUE_NOT_ALLOWED : SQLSTATE_ZERO_LENGTH_CHARACTER_STRING,
                      "lexeme array may not contain %s", is_null ? "nulls" : "empty strings");
            return;
        }
        if (word.n > TS_WORD_MAX) {
            fail_with(call->c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "word is too long (%zu bytes, max %d bytes)", word.n,
                      TS_WORD_MAX);
            return;
        }
        v.lexemes[i].word = word;
    }
    if (v.lexemes ? tsvector_arrange(&v, call->arena, call->err) : err_oom(call->err))
        ts_result_vector(call, &v);
    else
        ts_failed(call);
}

/* ---- the words in a vector */

TS_FUNCTION(vector_length)
{
    struct tsvector v;
    (void)n;
    if (ts_argument_vector(call, args[0], &v))
        sqlite3_result_int64(call->c, (sqlite3_int64)v.n);
}

TS_FUNCTION(vector_to_array)
{
    struct tsvector v;
    struct buf out;
    (void)n;
    if (!ts_argument_vector(call, args[0], &v))
        return;
    buf_init(&out, MAX_RESULT);
    buf_add_char(&out, '[');
    for (size_t i = 0; i < v.n; i++) {
        if (i)
            buf_add_char(&out, ',');
        json_print_string(v.lexemes[i].word, &out);
    }
    buf_add_char(&out, ']');
    result_buf(call->c, &out);
}

/* The places of a lexeme and their weights as two arrays; NULL when it has none. */
static void places_cells(const struct ts_lexeme *l, struct buf *places, struct buf *weights, struct value *cells)
{
    cells[0] = cells[1] = value_null();
    if (l->n_places == 0)
        return;
    for (size_t i = 0; i < l->n_places; i++) {
        buf_printf(places, "%c%u", i ? ',' : '[', ts_position(l->places[i]));
        buf_printf(weights, "%c\"%c\"", i ? ',' : '[', "DCBA"[ts_weight(l->places[i])]);
    }
    buf_add_char(places, ']');
    buf_add_char(weights, ']');
    cells[0] = value_text(buf_str(places));
    cells[1] = value_text(buf_str(weights));
}

TS_FUNCTION(vector_unnest)
{
    struct tsvector v;
    struct rows rows;
    struct buf places, weights;
    bool ok = true;
    (void)n;
    if (!ts_argument_vector(call, args[0], &v))
        return;
    rows_start(&rows, call->c);
    buf_init(&places, MAX_RESULT);
    buf_init(&weights, MAX_RESULT);
    for (size_t i = 0; i < v.n && ok; i++) {
        struct value cells[3] = { value_text(v.lexemes[i].word) };
        buf_reset(&places);
        buf_reset(&weights);
        places_cells(&v.lexemes[i], &places, &weights, cells + 1);
        ok = rows_add(&rows, cells, 3);
    }
    buf_fini(&places);
    buf_fini(&weights);
    if (ok)
        rows_give(&rows);
    else
        rows_drop(&rows);
}

/* ---- changed vectors */

TS_FUNCTION(vector_strip)
{
    struct tsvector v;
    (void)n;
    if (!ts_argument_vector(call, args[0], &v))
        return;
    for (size_t i = 0; i < v.n; i++)
        v.lexemes[i].n_places = 0;
    ts_result_vector(call, &v);
}

static void set_weight(struct ts_lexeme *l, int weight)
{
    for (size_t i = 0; i < l->n_places; i++)
        l->places[i] = ts_place(ts_position(l->places[i]), (unsigned)weight);
}

TS_FUNCTION(vector_setweight)
{
    struct tsvector v;
    (void)n;
    if (!ts_argument_vector(call, args[0], &v))
        return;
    int weight = ts_weight_of(call, local_text(args[1]));
    if (weight < 0)
        return;
    for (size_t i = 0; i < v.n; i++)
        set_weight(&v.lexemes[i], weight);
    ts_result_vector(call, &v);
}

static struct ts_lexeme *lexeme_of(struct tsvector *v, struct str word)
{
    size_t low = 0, high = v->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(word, v->lexemes[middle].word);
        if (order == 0)
            return &v->lexemes[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

TS_FUNCTION(vector_setweight_filter)
{
    struct tsvector v;
    struct json_value words;
    (void)n;
    if (!ts_argument_vector(call, args[0], &v))
        return;
    int weight = ts_weight_of(call, local_text(args[1]));
    if (weight < 0 || !ts_argument_array(call, args[2], &words, NULL))
        return;
    for (size_t i = 0; i < words.array.n; i++) {
        struct ts_lexeme *l = words.array.items[i].kind == JSON_NULL ? NULL : lexeme_of(&v, words.array.items[i].text);
        if (l)
            set_weight(l, weight);
    }
    ts_result_vector(call, &v);
}

/* Lexemes whose word was taken away, dropped. */
static void give_kept(struct ts_call *call, struct tsvector *v)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->n; i++)
        if (v->lexemes[i].word.p)
            v->lexemes[kept++] = v->lexemes[i];
    v->n = kept;
    ts_result_vector(call, v);
}

TS_FUNCTION(vector_delete)
{
    struct tsvector v;
    (void)n;
    if (!ts_argument_vector(call, args[0], &v))
        return;
    struct ts_lexeme *l = lexeme_of(&v, local_text(args[1]));
    if (l)
        l->word.p = NULL;
    give_kept(call, &v);
}

TS_FUNCTION(vector_delete_all)
{
    struct tsvector v;
    struct json_value words;
    (void)n;
    if (!ts_argument_vector(call, args[0], &v) || !ts_argument_array(call, args[1], &words, NULL))
        return;
    bool *taken = arena_array(call->arena, v.n, sizeof(bool));
    if (!taken) {
        err_oom(call->err);
        ts_failed(call);
        return;
    }
    for (size_t i = 0; i < words.array.n; i++) {
        struct ts_lexeme *l = words.array.items[i].kind == JSON_NULL ? NULL : lexeme_of(&v, words.array.items[i].text);
        if (l)
            taken[l - v.lexemes] = true;
    }
    for (size_t i = 0; i < v.n; i++)
        if (taken[i])
            v.lexemes[i].word.p = NULL;
    give_kept(call, &v);
}

TS_FUNCTION(vector_filter)
{
    struct tsvector v;
    struct json_value weights;
    unsigned wanted = 0;
    (void)n;
    if (!ts_argument_vector(call, args[0], &v) || !ts_argument_array(call, args[1], &weights, NULL))
        return;
    for (size_t i = 0; i < weights.array.n; i++) {
        if (weights.array.items[i].kind == JSON_NULL) {
            fail_with(call->c, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "weight array may not contain nulls");
            return;
        }
        int weight = ts_weight_of(call, weights.array.items[i].text);
        if (weight < 0)
            return;
        wanted |= 1U << weight;
    }
    for (size_t i = 0; i < v.n; i++) {
        struct ts_lexeme *l = &v.lexemes[i];
        size_t kept = 0;
        for (size_t k = 0; k < l->n_places; k++)
            if (wanted & 1U << ts_weight(l->places[k]))
                l->places[kept++] = l->places[k];
        l->n_places = kept;
        if (kept == 0)
            l->word.p = NULL;
    }
    give_kept(call, &v);
}

/* ---- || : the second vector's places come behind the first one's */

static void append_places(struct ts_lexeme *into, const struct ts_lexeme *from, unsigned shift)
{
    for (size_t i = 0; i < from->n_places && into->n_places < TS_POSITIONS_MAX; i++) {
        if (into->n_places && ts_position(into->places[into->n_places - 1]) == TS_POSITION_MAX)
            return;
        into->places[into->n_places++] = ts_place(ts_position(from->places[i]) + shift, ts_weight(from->places[i]));
    }
}

static bool add_both(struct ts_call *call, struct tsvector *v, const struct ts_lexeme *a, const struct ts_lexeme *b,
                     unsigned shift)
{
    struct ts_lexeme *l = &v->lexemes[v->n++];
    size_t most = (a ? a->n_places : 0) + (b ? b->n_places : 0);
    *l =
        (struct ts_lexeme){ .word = a ? a->word : b->word, .places = arena_array(call->arena, most, sizeof(uint16_t)) };
    if (!l->places) {
        err_oom(call->err);
        return ts_failed(call);
    }
    if (a && a->n_places) {
        memcpy(l->places, a->places, a->n_places * sizeof(uint16_t));
        l->n_places = a->n_places;
    }
    if (b)
        append_places(l, b, shift);
    return true;
}

static unsigned last_position(const struct tsvector *v)
{
    unsigned last = 0;
    for (size_t i = 0; i < v->n; i++)
        for (size_t k = 0; k < v->lexemes[i].n_places; k++)
            if (ts_position(v->lexemes[i].places[k]) > last)
                last = ts_position(v->lexemes[i].places[k]);
    return last;
}

TS_FUNCTION(vector_concat)
{
    struct tsvector a, b;
    size_t i = 0, k = 0;
    (void)n;
    if (!ts_argument_vector(call, args[0], &a) || !ts_argument_vector(call, args[1], &b))
        return;
    struct tsvector v = { arena_array(call->arena, a.n + b.n, sizeof(*v.lexemes)), 0 };
    unsigned shift = last_position(&a);
    if (!v.lexemes)
        err_oom(call->err);
    while (v.lexemes && (i < a.n || k < b.n)) {
        int order = i == a.n ? 1 : k == b.n ? -1 : str_cmp(a.lexemes[i].word, b.lexemes[k].word);
        if (!add_both(call, &v, order <= 0 ? &a.lexemes[i] : NULL, order >= 0 ? &b.lexemes[k] : NULL, shift))
            return;
        i += order <= 0;
        k += order >= 0;
    }
    if (v.lexemes && tsvector_check_size(&v, call->err))
        ts_result_vector(call, &v);
    else
        ts_failed(call);
}

/* ---- order */

#define COMPARED(name, operator) TS_COMPARED(name, tsvector, ts_argument_vector, tsvector_compare, operator)
COMPARED(vector_eq, == 0)
COMPARED(vector_ne, != 0)
COMPARED(vector_lt, < 0)
COMPARED(vector_le, <= 0)
COMPARED(vector_gt, > 0)
COMPARED(vector_ge, >= 0)
COMPARED(vector_cmp, +0)

/* ---- ranks */

static bool array_of_weight(struct ts_call *call, sqlite3_value *value, float *weights)
{
    struct json_value a;
    bool flat;
    if (!ts_argument_array(call, value, &a, &flat))
        return false;
    const char *wrong = !flat ? "must be one-dimensional" : a.array.n < TS_WEIGHTS ? "is too short" : NULL;
    enum sqlstate code = SQLSTATE_ARRAY_ELEMENT_ERROR;
    for (size_t i = 0; !wrong && i < a.array.n; i++)
        if (a.array.items[i].kind == JSON_NULL) {
            wrong = "must not contain nulls";
            code = SQLSTATE_NULL_VALUE_NOT_ALLOWED;
        }
    if (wrong) {
        fail_with(call->c, code, "array of weight %s", wrong);
        return false;
    }
    for (int i = 0; i < TS_WEIGHTS; i++) {
        const char *text = arena_cstr(call->arena, a.array.items[i].text);
        float weight = text ? strtof(text, NULL) : 0.0F;
        weights[i] = weight >= 0 ? weight : ts_default_weights[i];
        if (weights[i] > 1.0F) {
            fail_with(call->c, SQLSTATE_INVALID_PARAMETER_VALUE, "weight out of range");
            return false;
        }
    }
    return true;
}

typedef bool rank_fn(const float *weights, const struct tsvector *v, const struct tsquery *q, int method,
                     struct arena *arena, float *ret, struct err *err);

/* [weights,] vector, query [, method] */
static void give_rank(struct ts_call *call, int n, sqlite3_value **args, bool has_weights, rank_fn *rank)
{
    float weights[TS_WEIGHTS], res;
    struct tsvector v;
    struct tsquery q;
    memcpy(weights, ts_default_weights, sizeof(weights));
    if (has_weights && !array_of_weight(call, args[0], weights))
        return;
    args += has_weights;
    n -= has_weights;
    if (!ts_argument_vector(call, args[0], &v) || !ts_argument_query(call, args[1], &q))
        return;
    if (rank(weights, &v, &q, n > 2 ? sqlite3_value_int(args[2]) : 0, call->arena, &res, call->err))
        sqlite3_result_double(call->c, (double)res);
    else
        ts_failed(call);
}

TS_FUNCTION(rank)
{
    give_rank(call, n, args, false, ts_rank);
}

TS_FUNCTION(rank_weighted)
{
    give_rank(call, n, args, true, ts_rank);
}

TS_FUNCTION(rank_cover)
{
    give_rank(call, n, args, false, ts_rank_cover);
}

TS_FUNCTION(rank_cover_weighted)
{
    give_rank(call, n, args, true, ts_rank_cover);
}

#define ROW(source, args, function)                                                                                    \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = LOCAL_STRICT | LOCAL_DETERMINISTIC, .call = function           \
    }
static const struct local_function functions[] = {
    { .name = "pg_to_tsvector", .n_args = 1, .flags = LOCAL_STRICT, .call = to_tsvector },
    ROW(to_tsvector_byid, 2, to_tsvector_byid),
    ROW(array_to_tsvector, 1, array_to_tsvector),
    ROW(tsvector_length, 1, vector_length),
    ROW(tsvector_to_array, 1, vector_to_array),
    ROW(tsvector_unnest, 1, vector_unnest),
    ROW(tsvector_strip, 1, vector_strip),
    ROW(tsvector_setweight, 2, vector_setweight),
    ROW(tsvector_setweight_by_filter, 3, vector_setweight_filter),
    ROW(tsvector_delete_str, 2, vector_delete),
    ROW(tsvector_delete_arr, 2, vector_delete_all),
    ROW(tsvector_filter, 2, vector_filter),
    ROW(tsvector_concat, 2, vector_concat),
    ROW(tsvector_eq, 2, vector_eq),
    ROW(tsvector_ne, 2, vector_ne),
    ROW(tsvector_lt, 2, vector_lt),
    ROW(tsvector_le, 2, vector_le),
    ROW(tsvector_gt, 2, vector_gt),
    ROW(tsvector_ge, 2, vector_ge),
    ROW(tsvector_cmp, 2, vector_cmp),
    ROW(ts_rank_tt, 2, rank),
    ROW(ts_rank_ttf, 3, rank),
    ROW(ts_rank_wtt, 3, rank_weighted),
    ROW(ts_rank_wttf, 4, rank_weighted),
    ROW(ts_rankcd_tt, 2, rank_cover),
    ROW(ts_rankcd_ttf, 3, rank_cover),
    ROW(ts_rankcd_wtt, 3, rank_cover_weighted),
    ROW(ts_rankcd_wttf, 4, rank_cover_weighted),
};

static int order_vectors(struct str a, struct str b)
{
    return order_texts(TYPE_OID_tsvector, a, b);
}

static int order_queries(struct str a, struct str b)
{
    return order_texts(TYPE_OID_tsquery, a, b);
}

static const struct local_collation collations[] = {
    { "pg_tsvector", order_vectors },
    { "pg_tsquery", order_queries },
};

const struct local_family local_family_text_search_vector = {
    .functions = functions,
    .n_functions = sizeof(functions) / sizeof(functions[0]),
    .collations = collations,
    .n_collations = sizeof(collations) / sizeof(collations[0]),
};
