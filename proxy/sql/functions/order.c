/* order.c - see order.h. */
#include "proxy/sql/functions/order.h"

#include "pgwire/tsquery.h"

#include "pgwire/datetime.h"
#include "pgwire/numeric.h"
#include "proxy/sql/functions/network_address.h"

enum { SCRATCH_CAP = 64 << 20 };

static int sign(int64_t v)
{
    return (v > 0) - (v < 0);
}

int order_numbers(struct str a, struct str b)
{
    int64_t x, y;
    if (str_to_int64(a, &x) && str_to_int64(b, &y))
        return (x > y) - (x < y);
    AUTO(arena) arena = arena_new(1 << 20);
    AUTO_NUMERIC(n);
    AUTO_NUMERIC(m);
    struct err ignored;
    if (!arena)
        return str_cmp(a, b);
    err_init(&ignored, arena);
    if (!numeric_parse(&n, a, &ignored) || !numeric_parse(&m, b, &ignored))
        return str_cmp(a, b);
    return numeric_compare(&n, &m);
}

/* ---- jsonb: Object > Array > Boolean > Number > String > Null; more members or elements are greater */

static int rank_of(enum json_kind kind)
{
    static const int ranks[] = {
        [JSON_NULL] = 0, [JSON_STRING] = 1, [JSON_NUMBER] = 2, [JSON_BOOLEAN] = 3, [JSON_ARRAY] = 4, [JSON_OBJECT] = 5
    };
    return ranks[kind];
}

static int order_lists(const struct json_value *a, const struct json_value *b)
{
    int order = sign((int64_t)a->array.n - (int64_t)b->array.n);
    for (size_t i = 0; order == 0 && i < a->array.n; i++)
        order = order_jsonb(&a->array.items[i], &b->array.items[i]);
    return order;
}

static int order_objects(const struct json_value *a, const struct json_value *b)
{
    int order = sign((int64_t)a->object.n - (int64_t)b->object.n);
    for (size_t i = 0; order == 0 && i < a->object.n; i++) {
        order = str_cmp(a->object.members[i].key, b->object.members[i].key);
        if (order == 0)
            order = order_jsonb(&a->object.members[i].value, &b->object.members[i].value);
    }
    return order;
}

int order_jsonb(const struct json_value *a, const struct json_value *b)
{
    if (a->kind != b->kind)
        return sign(rank_of(a->kind) - rank_of(b->kind));
    switch (a->kind) {
    case JSON_NULL:
        return 0;
    case JSON_BOOLEAN:
        return (int)a->boolean - (int)b->boolean;
    case JSON_NUMBER:
        return order_numbers(a->text, b->text);
    case JSON_STRING:
        return sign(str_cmp(a->text, b->text));
    case JSON_ARRAY:
        return order_lists(a, b);
    case JSON_OBJECT:
        return order_objects(a, b);
    }
    return 0;
}

/* A scalar document is an array of one element for PostgreSQL: it is compared with an array by their lengths first. */
static int order_documents(const struct json_value *a, const struct json_value *b)
{
    if (a->kind == JSON_ARRAY && b->kind != JSON_ARRAY && b->kind != JSON_OBJECT)
        return a->array.n < 1 ? -1 : 1;
    if (b->kind == JSON_ARRAY && a->kind != JSON_ARRAY && a->kind != JSON_OBJECT)
        return b->array.n < 1 ? 1 : -1;
    return order_jsonb(a, b);
}

int order_jsonb_texts(struct str a, struct str b)
{
    if (str_eq(a, b))
        return 0;
    AUTO(arena) arena = arena_new(SCRATCH_CAP);
    struct json_value x, y;
    struct err ignored;
    if (!arena)
        return str_cmp(a, b);
    err_init(&ignored, arena);
    if (!jsonb_parse(a, arena, &x, &ignored) || !jsonb_parse(b, arena, &y, &ignored))
        return str_cmp(a, b);
    return order_documents(&x, &y);
}

/* ---- network addresses */

int order_inet(struct str a, struct str b)
{
    struct network_address x, y;
    if (!network_read(a, &x) || !network_read(b, &y))
        return str_cmp(a, b);
    if (x.is_ipv6 != y.is_ipv6)
        return x.is_ipv6 ? 1 : -1;
    int order = network_order_bits(&x, &y, x.bits < y.bits ? x.bits : y.bits);
    if (order == 0)
        order = sign(x.bits - y.bits);
    return order ? order : network_order_bits(&x, &y, network_width(&x));
}

/* ---- elements of arrays */

static int order_intervals(struct str a, struct str b, struct err *ignored)
{
    struct interval x, y;
    if (!interval_from_storage(a, &x, ignored) || !interval_from_storage(b, &y, ignored))
        return str_cmp(a, b);
    return interval_compare(&x, &y);
}

static int order_timetz(struct str a, struct str b, struct err *ignored)
{
    struct timetz x, y;
    if (!timetz_from_storage(a, &x, ignored) || !timetz_from_storage(b, &y, ignored))
        return str_cmp(a, b);
    return timetz_compare(&x, &y);
}

static int order_vectors(struct str a, struct str b, struct arena *arena, struct err *ignored)
{
    struct tsvector x, y;
    if (!tsvector_parse(a, arena, &x, ignored) || !tsvector_parse(b, arena, &y, ignored))
        return str_cmp(a, b);
    return tsvector_compare(&x, &y);
}

static int order_queries(struct str a, struct str b, struct arena *arena, struct err *ignored)
{
    struct tsquery x, y;
    if (!tsquery_parse(a, arena, &x, ignored) || !tsquery_parse(b, arena, &y, ignored))
        return str_cmp(a, b);
    return tsquery_compare(&x, &y);
}

int order_texts(oid_t element, struct str a, struct str b)
{
    const struct type_info *info = type_find(element);
    AUTO(arena) arena = NULL;
    struct err ignored;
    if (info && info->storage != STORAGE_TEXT && info->storage != STORAGE_BLOB)
        return order_numbers(a, b);
    if (element == TYPE_OID_jsonb)
        return order_jsonb_texts(a, b);
    if (element == TYPE_OID_inet || element == TYPE_OID_cidr)
        return order_inet(a, b);
    bool is_search = element == TYPE_OID_tsvector || element == TYPE_OID_tsquery;
    if (element != TYPE_OID_interval && element != TYPE_OID_timetz && !is_search)
        return str_cmp(a, b);
    arena = arena_new(is_search ? 256 << 20 : 1 << 20);
    if (!arena)
        return str_cmp(a, b);
    err_init(&ignored, arena);
    if (is_search)
        return (element == TYPE_OID_tsvector ? order_vectors : order_queries)(a, b, arena, &ignored);
    return element == TYPE_OID_interval ? order_intervals(a, b, &ignored) : order_timetz(a, b, &ignored);
}

static struct str element_text(const struct json_value *v)
{
    if (v->kind == JSON_BOOLEAN)
        return v->boolean ? STR("1") : STR("0");
    return v->kind == JSON_NUMBER || v->kind == JSON_STRING ? v->text : STR("");
}

int order_elements(oid_t element, const struct json_value *a, const struct json_value *b)
{
    if (a->kind == JSON_NULL || b->kind == JSON_NULL)
        return (a->kind == JSON_NULL) - (b->kind == JSON_NULL);
    struct str x = element_text(a), y = element_text(b);
    /* a number beside a string: a float array with an infinity or NaN */
    bool number = a->kind != JSON_STRING || b->kind != JSON_STRING;
    return number ? order_numbers(x, y) : sign(order_texts(element, x, y));
}

struct walk {
    const struct json_value *next[8]; /* levels of nesting: the elements left at each */
    size_t left[8];
    int depth;
};

static bool enter(struct walk *w, const struct json_value *v)
{
    if (v->kind != JSON_ARRAY || w->depth == 8)
        return false;
    w->next[w->depth] = v->array.items;
    w->left[w->depth++] = v->array.n;
    return true;
}

/* The next element in the order they are written; NULL at the end. */
static const struct json_value *step(struct walk *w)
{
    while (w->depth) {
        int top = w->depth - 1;
        if (w->left[top] == 0) {
            w->depth--;
            continue;
        }
        const struct json_value *v = w->next[top]++;
        w->left[top]--;
        if (!enter(w, v))
            return v;
    }
    return NULL;
}

/* Fewer dimensions first, then the shorter in the first dimension that differs. */
static int order_shapes(const struct json_value *a, const struct json_value *b)
{
    int order = 0;
    while (a->kind == JSON_ARRAY && b->kind == JSON_ARRAY && a->array.n && b->array.n) {
        if (order == 0)
            order = sign((int64_t)a->array.n - (int64_t)b->array.n);
        a = &a->array.items[0];
        b = &b->array.items[0];
    }
    if (a->kind != b->kind && (a->kind == JSON_ARRAY || b->kind == JSON_ARRAY))
        return a->kind == JSON_ARRAY ? 1 : -1;
    return order;
}

int order_arrays(oid_t element, struct str a, struct str b)
{
    if (str_eq(a, b))
        return 0;
    AUTO(arena) arena = arena_new(SCRATCH_CAP);
    struct json_value x, y;
    struct err ignored;
    struct walk wx = { .depth = 0 }, wy = { .depth = 0 };
    if (!arena)
        return str_cmp(a, b);
    err_init(&ignored, arena);
    if (!json_parse(a, arena, &x, &ignored) || !json_parse(b, arena, &y, &ignored) || !enter(&wx, &x) ||
        !enter(&wy, &y))
        return str_cmp(a, b);
    for (;;) {
        const struct json_value *p = step(&wx), *q = step(&wy);
        if (!p || !q)
            return p ? 1 : q ? -1 : order_shapes(&x, &y);
        int order = order_elements(element, p, q);
        if (order)
            return order;
    }
}
