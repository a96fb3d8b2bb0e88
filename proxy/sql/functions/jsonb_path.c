/*
 * jsonb_path.c - jsonb_path_query() and its kin, @? and @@ (PostgreSQL 9.16.2; the rules of jsonpath_exec.c).
 *
 * A path is run item by item: each gives the items it finds to the step after it. An error is unknown inside a predicate,
 * NULL where the caller wants silence, and else ends the statement.
 */
#include "pgwire/jsonpath.h"
#include "proxy/sql/functions/json_text.h"
#include "proxy/sql/functions/order.h"
#include "proxy/sql/functions/pattern.h"
#include "proxy/sql/functions/results.h"

#include <stdlib.h>

enum { MAX_ITEMS_RUN = 2000000, MAX_DEPTH = 1000 };

enum result { OK, NOT_FOUND, ERROR };
enum truth { FALSE, TRUE, UNKNOWN };

struct items {
    struct json_value *v;
    size_t n, size;
};

struct run {
    sqlite3_context *c;
    struct arena *arena;
    const struct json_value *root, *current, *vars;
    bool lax, ignores_structure, throws;
    int64_t innermost; /* size of the innermost array, for `last` */
    uint64_t steps;
    int depth;
    bool dead; /* local_fail() was called */
};

static enum result execute(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                           struct items *found, bool unwrap);
static enum truth predicate(struct run *r, const struct jsonpath_node *n, const struct json_value *v);

static enum result die(struct run *r)
{
    if (!r->dead)
        local_fail(r->c);
    r->dead = true;
    return ERROR;
}

__attribute__((format(printf, 3, 4))) static enum result raise(struct run *r, enum sqlstate code, const char *format,
                                                               ...)
{
    va_list args;
    if (!r->throws || r->dead)
        return ERROR;
    va_start(args, format);
    struct str text = arena_vprintf(r->arena, format, args);
    va_end(args);
    err_set(errors(r->c), code, "%.*s", STR_FMT(text));
    return die(r);
}

static bool append(struct run *r, struct items *found, const struct json_value *v)
{
    if (found->n == found->size) {
        size_t size = found->size ? found->size * 2 : 8;
        struct json_value *grown = ARENA_ARRAY(r->arena, struct json_value, size);
        if (!grown) {
            err_oom(errors(r->c));
            die(r);
            return false;
        }
        if (found->n)
            memcpy(grown, found->v, found->n * sizeof(*grown));
        found->v = grown;
        found->size = size;
    }
    found->v[found->n++] = *v;
    return true;
}

/* What an item hands on: to its next step, or to the result. */
static enum result hand_on(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                           struct items *found)
{
    if (n->next)
        return execute(r, n->next, v, found, r->lax);
    if (found && !append(r, found, v))
        return ERROR;
    return OK;
}

static bool is_container(const struct json_value *v)
{
    return v->kind == JSON_ARRAY || v->kind == JSON_OBJECT;
}

static size_t size_of(const struct json_value *v)
{
    return v->kind == JSON_ARRAY ? v->array.n : v->kind == JSON_OBJECT ? v->object.n : 0;
}

static const struct json_value *child(const struct json_value *v, size_t i)
{
    return v->kind == JSON_ARRAY ? &v->array.items[i] : &v->object.members[i].value;
}

struct depths {
    uint32_t first, last;
    bool ignores_structure, unwrap;
};

/* Runs `n` (NULL: adds them to the result) on what lies in a container, `level` levels below the start. */
static enum result each(struct run *r, const struct jsonpath_node *n, const struct json_value *v, struct items *found,
                        uint32_t level, struct depths d)
{
    enum result res = NOT_FOUND;
    if (level > d.last)
        return res;
    if (level > MAX_DEPTH) {
        err_set(errors(r->c), SQLSTATE_STATEMENT_TOO_COMPLEX, "a jsonpath goes deeper than %d levels", (int)MAX_DEPTH);
        return die(r);
    }
    for (size_t i = 0; i < size_of(v); i++) {
        const struct json_value *item = child(v, i);
        bool leaf = d.first == JSONPATH_UNBOUNDED && d.last == JSONPATH_UNBOUNDED && !is_container(item);
        if (level >= d.first || leaf) {
            if (n) {
                bool saved = r->ignores_structure;
                r->ignores_structure = d.ignores_structure ? true : saved;
                res = execute(r, n, item, found, d.unwrap);
                r->ignores_structure = saved;
                if (res == ERROR || (res == OK && !found))
                    return res;
            } else if (!found) {
                return OK;
            } else if (!append(r, found, item)) {
                return ERROR;
            }
        }
        if (level < d.last && is_container(item)) {
            res = each(r, n, item, found, level + 1, d);
            if (res == ERROR || (res == OK && !found))
                return res;
        }
    }
    return res;
}

static enum result unwrapped(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                             struct items *found, bool unwrap)
{
    return each(r, n, v, found, 1, (struct depths){ 1, 1, false, unwrap });
}

/* All items of an expression, arrays taken apart in lax mode when wanted. */
static enum result collect(struct run *r, const struct jsonpath_node *n, const struct json_value *v, bool unwrap,
                           struct items *found)
{
    struct items all = { 0 };
    if (!unwrap || !r->lax)
        return execute(r, n, v, found, r->lax);
    enum result res = execute(r, n, v, &all, r->lax);
    for (size_t i = 0; res != ERROR && i < all.n; i++)
        if (all.v[i].kind == JSON_ARRAY ? unwrapped(r, NULL, &all.v[i], found, false) == ERROR
                                        : !append(r, found, &all.v[i]))
            return ERROR;
    return res == ERROR ? ERROR : OK;
}

static enum result collect_quietly(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                                   bool unwrap, struct items *found)
{
    bool saved = r->throws;
    r->throws = false;
    enum result res = found ? collect(r, n, v, unwrap, found) : execute(r, n, v, NULL, r->lax);
    r->throws = saved;
    return res;
}

/* ---- predicates */

static enum truth compare(enum jsonpath_kind op, const struct json_value *a, const struct json_value *b)
{
    int order;
    if (a->kind != b->kind)
        return a->kind != JSON_NULL && b->kind != JSON_NULL ? UNKNOWN : op == JSONPATH_NOT_EQUAL ? TRUE : FALSE;
    if (is_container(a))
        return UNKNOWN;
    order = order_jsonb(a, b);
    switch (op) {
    case JSONPATH_EQUAL:
        return order == 0 ? TRUE : FALSE;
    case JSONPATH_NOT_EQUAL:
        return order != 0 ? TRUE : FALSE;
    case JSONPATH_LESS:
        return order < 0 ? TRUE : FALSE;
    case JSONPATH_LESS_EQUAL:
        return order <= 0 ? TRUE : FALSE;
    case JSONPATH_GREATER:
        return order > 0 ? TRUE : FALSE;
    default:
        return order >= 0 ? TRUE : FALSE;
    }
}

static enum truth like_regex(struct run *r, const struct jsonpath_node *n, const struct json_value *v)
{
    bool found, quoted = n->flags.n && memchr(n->flags.p, 'q', n->flags.n);
    unsigned flags = quoted ? PATTERN_QUOTED : 0;
    if (v->kind != JSON_STRING)
        return UNKNOWN;
    if (n->flags.n && memchr(n->flags.p, 'i', n->flags.n))
        flags |= PATTERN_IGNORE_CASE;
    if (!quoted && !(n->flags.n && memchr(n->flags.p, 's', n->flags.n)))
        flags |= PATTERN_DOT_IS_NO_NEWLINE;
    if (!quoted && n->flags.n && memchr(n->flags.p, 'm', n->flags.n))
        flags |= PATTERN_ANCHORS_AT_LINES;
    if (!pattern_found(r->c, n->text, flags, v->text, &found)) {
        r->dead = true;
        return UNKNOWN;
    }
    return found ? TRUE : FALSE;
}

static enum truth test(struct run *r, const struct jsonpath_node *n, const struct json_value *a,
                       const struct json_value *b)
{
    if (++r->steps > MAX_ITEMS_RUN) {
        err_set(errors(r->c), SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a jsonpath that takes more than %d steps",
                (int)MAX_ITEMS_RUN);
        die(r);
        return UNKNOWN;
    }
    if (n->kind == JSONPATH_LIKE_REGEX)
        return like_regex(r, n, a);
    if (n->kind != JSONPATH_STARTS_WITH)
        return compare(n->kind, a, b);
    if (a->kind != JSON_STRING || b->kind != JSON_STRING)
        return UNKNOWN;
    return str_starts(a->text, b->text) ? TRUE : FALSE;
}

/* True when it holds for one pair of items; strict mode looks at all of them for errors. */
static enum truth any_pair(struct run *r, const struct jsonpath_node *n, const struct json_value *v)
{
    struct items left = { 0 }, right = { 0 };
    bool found = false, unknown = false;
    if (collect_quietly(r, n->left, v, true, &left) == ERROR)
        return UNKNOWN;
    if (n->right && collect_quietly(r, n->right, v, n->kind != JSONPATH_STARTS_WITH, &right) == ERROR)
        return UNKNOWN;
    for (size_t i = 0; i < left.n; i++)
        for (size_t j = 0; n->right ? j < right.n : j == 0; j++) {
            enum truth t = test(r, n, &left.v[i], n->right ? &right.v[j] : NULL);
            if (r->dead || (t == UNKNOWN && !r->lax))
                return UNKNOWN;
            if (t == TRUE && r->lax)
                return TRUE;
            found = found || t == TRUE;
            unknown = unknown || t == UNKNOWN;
        }
    return found ? TRUE : unknown ? UNKNOWN : FALSE;
}

static enum truth exists(struct run *r, const struct jsonpath_node *n, const struct json_value *v)
{
    struct items all = { 0 };
    enum result res = collect_quietly(r, n->left, v, false, r->lax ? NULL : &all);
    if (res == ERROR)
        return UNKNOWN;
    return (r->lax ? res == OK : all.n > 0) ? TRUE : FALSE;
}

static enum truth predicate(struct run *r, const struct jsonpath_node *n, const struct json_value *v)
{
    enum truth a, b;
    switch (n->kind) {
    case JSONPATH_AND:
        a = predicate(r, n->left, v);
        if (a == FALSE)
            return FALSE;
        b = predicate(r, n->right, v);
        return b == TRUE ? a : b;
    case JSONPATH_OR:
        a = predicate(r, n->left, v);
        if (a == TRUE)
            return TRUE;
        b = predicate(r, n->right, v);
        return b == FALSE ? a : b;
    case JSONPATH_NOT:
        a = predicate(r, n->left, v);
        return a == UNKNOWN ? UNKNOWN : a == TRUE ? FALSE : TRUE;
    case JSONPATH_IS_UNKNOWN:
        return predicate(r, n->left, v) == UNKNOWN ? TRUE : FALSE;
    case JSONPATH_EXISTS:
        return exists(r, n, v);
    default:
        return any_pair(r, n, v);
    }
}

/* ---- arithmetic */

static struct json_value number_of(struct run *r, const struct numeric *v)
{
    return (struct json_value){ .kind = JSON_NUMBER, .text = numeric_print(v, r->arena) };
}

static enum result operand(struct run *r, const struct jsonpath_node *n, const struct json_value *v, const char *side,
                           struct numeric *ret)
{
    struct items all = { 0 };
    const struct jsonpath_node *of = side[0] == 'l' ? n->left : n->right;
    if (collect(r, of, v, true, &all) == ERROR)
        return ERROR;
    if (all.n != 1 || all.v[0].kind != JSON_NUMBER)
        return raise(r, SQLSTATE_SINGLETON_SQL_JSON_ITEM_REQUIRED,
                     "%s operand of jsonpath operator %s is not a single numeric value", side,
                     jsonpath_operator(n->kind));
    return numeric_parse(ret, all.v[0].text, errors(r->c)) ? OK : die(r);
}

static enum result binary(struct run *r, const struct jsonpath_node *n, const struct json_value *v, struct items *found)
{
    AUTO_NUMERIC(a);
    AUTO_NUMERIC(b);
    AUTO_NUMERIC(sum);
    struct err local;
    err_init(&local, r->arena);
    if (operand(r, n, v, "left", &a) == ERROR || operand(r, n, v, "right", &b) == ERROR)
        return ERROR;
    bool ok = n->kind == JSONPATH_ADD        ? numeric_add(&sum, &a, &b, &local)
              : n->kind == JSONPATH_SUBTRACT ? numeric_subtract(&sum, &a, &b, &local)
              : n->kind == JSONPATH_MULTIPLY ? numeric_multiply(&sum, &a, &b, &local)
              : n->kind == JSONPATH_DIVIDE   ? numeric_divide(&sum, &a, &b, &local)
                                             : numeric_modulo(&sum, &a, &b, &local);
    if (!ok)
        return raise(r, local.code, "%.*s", STR_FMT(local.message));
    const struct json_value item = number_of(r, &sum);
    return hand_on(r, n, &item, found);
}

static enum result unary(struct run *r, const struct jsonpath_node *n, const struct json_value *v, struct items *found)
{
    struct items all = { 0 };
    enum result res = collect(r, n->left, v, true, &all), ret = NOT_FOUND;
    for (size_t i = 0; res != ERROR && i < all.n; i++) {
        if (all.v[i].kind != JSON_NUMBER) {
            if (!found && !n->next)
                continue;
            return raise(r, SQLSTATE_SQL_JSON_NUMBER_NOT_FOUND,
                         "operand of unary jsonpath operator %s is not a numeric value", jsonpath_operator(n->kind));
        }
        AUTO_NUMERIC(x);
        if (!numeric_parse(&x, all.v[i].text, errors(r->c)))
            return die(r);
        if (n->kind == JSONPATH_MINUS)
            numeric_negate(&x, &x);
        const struct json_value item = number_of(r, &x);
        enum result one = hand_on(r, n, &item, found);
        if (one == ERROR || (one == OK && !found))
            return one;
        ret = one == OK ? OK : ret;
    }
    return res == ERROR ? ERROR : ret;
}

/* ---- methods */

static enum result give_text(struct run *r, const struct jsonpath_node *n, struct str text, struct items *found)
{
    const struct json_value item = { .kind = JSON_STRING, .text = text };
    return hand_on(r, n, &item, found);
}

static enum result give_number(struct run *r, const struct jsonpath_node *n, int64_t number, struct items *found)
{
    const struct json_value item = { .kind = JSON_NUMBER, .text = arena_printf(r->arena, "%lld", (long long)number) };
    return hand_on(r, n, &item, found);
}

static enum result type_method(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                               struct items *found)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",     [JSON_BOOLEAN] = "boolean", [JSON_NUMBER] = "number",
        [JSON_STRING] = "string", [JSON_ARRAY] = "array",     [JSON_OBJECT] = "object"
    };
    return give_text(r, n, str_from(names[v->kind]), found);
}

static enum result size_method(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                               struct items *found)
{
    if (v->kind == JSON_ARRAY)
        return give_number(r, n, (int64_t)v->array.n, found);
    if (r->lax)
        return give_number(r, n, 1, found);
    if (r->ignores_structure)
        return NOT_FOUND;
    return raise(r, SQLSTATE_SQL_JSON_ARRAY_NOT_FOUND, "jsonpath item method .size() can only be applied to an array");
}

static enum result double_method(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                                 struct items *found)
{
    struct value read;
    struct err local;
    AUTO_NUMERIC(x);
    err_init(&local, r->arena);
    if (v->kind != JSON_NUMBER && v->kind != JSON_STRING)
        return raise(r, SQLSTATE_NON_NUMERIC_SQL_JSON_ITEM,
                     "jsonpath item method .double() can only be applied to a string or numeric value");
    bool ok = type_decode(TYPE_OID_float8, WIRE_TEXT, v->text, type_settings_default(), r->arena, &read, &local) &&
              read.class == VALUE_REAL && read.real - read.real == 0;
    if (!ok)
        return raise(
            r, SQLSTATE_NON_NUMERIC_SQL_JSON_ITEM,
            v->kind == JSON_NUMBER
                ? "numeric argument of jsonpath item method .double() is out of range for type double precision"
                : "string argument of jsonpath item method .double() is not a valid representation of a double "
                  "precision number");
    if (v->kind == JSON_NUMBER)
        return hand_on(r, n, v, found);
    numeric_from_double(&x, read.real, 15);
    const struct json_value item = number_of(r, &x);
    return hand_on(r, n, &item, found);
}

static enum result rounding_method(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                                   struct items *found)
{
    AUTO_NUMERIC(x);
    AUTO_NUMERIC(rounded);
    if (v->kind != JSON_NUMBER)
        return raise(r, SQLSTATE_NON_NUMERIC_SQL_JSON_ITEM,
                     "jsonpath item method .%.*s() can only be applied to a numeric value", STR_FMT(n->text));
    if (!numeric_parse(&x, v->text, errors(r->c)))
        return die(r);
    if (str_is(n->text, "abs"))
        numeric_absolute(&rounded, &x);
    else if (str_is(n->text, "ceiling"))
        numeric_ceil(&rounded, &x);
    else
        numeric_floor(&rounded, &x);
    const struct json_value item = number_of(r, &rounded);
    return hand_on(r, n, &item, found);
}

static enum result method(struct run *r, const struct jsonpath_node *n, const struct json_value *v, struct items *found,
                          bool unwrap)
{
    if (str_is(n->text, "type"))
        return type_method(r, n, v, found);
    if (str_is(n->text, "size"))
        return size_method(r, n, v, found);
    if (unwrap && v->kind == JSON_ARRAY)
        return unwrapped(r, n, v, found, false);
    return str_is(n->text, "double") ? double_method(r, n, v, found) : rounding_method(r, n, v, found);
}

/* ---- steps */

static enum result key(struct run *r, const struct jsonpath_node *n, const struct json_value *v, struct items *found,
                       bool unwrap)
{
    if (v->kind == JSON_OBJECT) {
        const struct json_value *member = jsonb_member(v, n->text);
        if (member)
            return hand_on(r, n, member, found);
        return r->ignores_structure ? NOT_FOUND
                                    : raise(r, SQLSTATE_SQL_JSON_MEMBER_NOT_FOUND,
                                            "JSON object does not contain key \"%.*s\"", STR_FMT(n->text));
    }
    if (unwrap && v->kind == JSON_ARRAY)
        return unwrapped(r, n, v, found, false);
    return r->ignores_structure ? NOT_FOUND
                                : raise(r, SQLSTATE_SQL_JSON_MEMBER_NOT_FOUND,
                                        "jsonpath member accessor can only be applied to an object");
}

static enum result wildcard(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                            struct items *found, bool unwrap)
{
    const struct depths all = { 1, 1, false, r->lax };
    if (n->kind == JSONPATH_ANY_KEY) {
        if (v->kind == JSON_OBJECT)
            return each(r, n->next, v, found, 1, all);
        if (unwrap && v->kind == JSON_ARRAY)
            return unwrapped(r, n, v, found, false);
        return r->ignores_structure ? NOT_FOUND
                                    : raise(r, SQLSTATE_SQL_JSON_OBJECT_NOT_FOUND,
                                            "jsonpath wildcard member accessor can only be applied to an object");
    }
    if (v->kind == JSON_ARRAY)
        return each(r, n->next, v, found, 1, all);
    if (r->lax)
        return hand_on(r, n, v, found);
    return r->ignores_structure ? NOT_FOUND
                                : raise(r, SQLSTATE_SQL_JSON_ARRAY_NOT_FOUND,
                                        "jsonpath wildcard array accessor can only be applied to an array");
}

static enum result read_index(struct run *r, const struct jsonpath_node *n, const struct json_value *v, int64_t *ret)
{
    struct items all = { 0 };
    AUTO_NUMERIC(x);
    if (execute(r, n, v, &all, r->lax) == ERROR)
        return ERROR;
    if (all.n != 1 || all.v[0].kind != JSON_NUMBER)
        return raise(r, SQLSTATE_INVALID_SQL_JSON_SUBSCRIPT, "jsonpath array subscript is not a single numeric value");
    if (!numeric_parse(&x, all.v[0].text, errors(r->c)))
        return die(r);
    numeric_truncate(&x, &x, 0);
    if (!numeric_to_int64(&x, ret) || *ret < INT32_MIN || *ret > INT32_MAX)
        return raise(r, SQLSTATE_INVALID_SQL_JSON_SUBSCRIPT, "jsonpath array subscript is out of integer range");
    return OK;
}

static enum result range(struct run *r, const struct jsonpath_node *n, const struct jsonpath_range *range,
                         const struct json_value *v, struct items *found)
{
    int64_t size = v->kind == JSON_ARRAY ? (int64_t)v->array.n : 1, from, to;
    enum result res = NOT_FOUND;
    if (read_index(r, range->from, v, &from) == ERROR)
        return ERROR;
    to = from;
    if (range->to && read_index(r, range->to, v, &to) == ERROR)
        return ERROR;
    if (!r->ignores_structure && (from < 0 || from > to || to >= size))
        return raise(r, SQLSTATE_INVALID_SQL_JSON_SUBSCRIPT, "jsonpath array subscript is out of bounds");
    for (int64_t i = from < 0 ? 0 : from; i <= to && i < size; i++) {
        const struct json_value *item = v->kind == JSON_ARRAY ? &v->array.items[i] : v;
        if (!n->next && !found)
            return OK;
        res = hand_on(r, n, item, found);
        if (res == ERROR || (res == OK && !found))
            return res;
    }
    return res;
}

static enum result subscripts(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                              struct items *found)
{
    enum result res = NOT_FOUND;
    int64_t saved = r->innermost;
    if (v->kind != JSON_ARRAY && !r->lax)
        return r->ignores_structure ? NOT_FOUND
                                    : raise(r, SQLSTATE_SQL_JSON_ARRAY_NOT_FOUND,
                                            "jsonpath array accessor can only be applied to an array");
    for (size_t i = 0; i < n->n_ranges; i++) {
        r->innermost = v->kind == JSON_ARRAY ? (int64_t)v->array.n : 1;
        res = range(r, n, &n->ranges[i], v, found);
        if (res == ERROR || (res == OK && !found))
            break;
    }
    r->innermost = saved;
    return res;
}

/* .**{first to last}; level 0 is the item itself. */
static enum result any_depth(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                             struct items *found)
{
    enum result res = NOT_FOUND;
    if (n->first == 0) {
        bool saved = r->ignores_structure;
        r->ignores_structure = true;
        res = hand_on(r, n, v, found);
        r->ignores_structure = saved;
        if (res == ERROR || (res == OK && !found))
            return res;
    }
    if (is_container(v))
        res = each(r, n->next, v, found, 1, (struct depths){ n->first, n->last, true, r->lax });
    return res;
}

static enum result filter(struct run *r, const struct jsonpath_node *n, const struct json_value *v, struct items *found,
                          bool unwrap)
{
    if (unwrap && v->kind == JSON_ARRAY)
        return unwrapped(r, n, v, found, false);
    const struct json_value *saved = r->current;
    r->current = v;
    enum truth t = predicate(r, n->left, v);
    r->current = saved;
    if (r->dead)
        return ERROR;
    return t == TRUE ? hand_on(r, n, v, found) : NOT_FOUND;
}

/* ---- where a path starts */

static enum result constant(struct run *r, const struct jsonpath_node *n, struct items *found)
{
    struct json_value item = { .kind = n->kind == JSONPATH_STRING ? JSON_STRING : JSON_NUMBER, .text = n->text };
    const struct json_value *named;
    if (!n->next && !found && n->kind != JSONPATH_VARIABLE)
        return OK;
    switch (n->kind) {
    case JSONPATH_NULL:
        item = (struct json_value){ .kind = JSON_NULL };
        break;
    case JSONPATH_TRUE:
    case JSONPATH_FALSE:
        item = (struct json_value){ .kind = JSON_BOOLEAN, .boolean = n->kind == JSONPATH_TRUE };
        break;
    case JSONPATH_VARIABLE:
        named = jsonb_member(r->vars, n->text);
        if (!named) { /* whatever the caller wants to hear of other errors */
            err_set(errors(r->c), SQLSTATE_UNDEFINED_OBJECT, "could not find jsonpath variable \"%.*s\"",
                    STR_FMT(n->text));
            return die(r);
        }
        item = *named;
        break;
    default:
        break;
    }
    return hand_on(r, n, &item, found);
}

static enum result execute_item(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                                struct items *found, bool unwrap)
{
    switch (n->kind) {
    case JSONPATH_NULL:
    case JSONPATH_TRUE:
    case JSONPATH_FALSE:
    case JSONPATH_STRING:
    case JSONPATH_NUMBER:
    case JSONPATH_VARIABLE:
        return constant(r, n, found);
    case JSONPATH_ROOT:
        return hand_on(r, n, r->root, found);
    case JSONPATH_CURRENT:
        return hand_on(r, n, r->current, found);
    case JSONPATH_LAST:
        return give_number(r, n, r->innermost - 1, found);
    case JSONPATH_KEY:
        return key(r, n, v, found, unwrap);
    case JSONPATH_ANY_KEY:
    case JSONPATH_ANY_ELEMENT:
        return wildcard(r, n, v, found, unwrap);
    case JSONPATH_INDEX:
        return subscripts(r, n, v, found);
    case JSONPATH_ANY:
        return any_depth(r, n, v, found);
    case JSONPATH_FILTER:
        return filter(r, n, v, found, unwrap);
    case JSONPATH_METHOD:
        return method(r, n, v, found, unwrap);
    case JSONPATH_ADD:
    case JSONPATH_SUBTRACT:
    case JSONPATH_MULTIPLY:
    case JSONPATH_DIVIDE:
    case JSONPATH_MODULO:
        return binary(r, n, v, found);
    case JSONPATH_PLUS:
    case JSONPATH_MINUS:
        return unary(r, n, v, found);
    default:
        break;
    }
    if (!n->next && !found)
        return OK;
    enum truth t = predicate(r, n, v);
    const struct json_value item = { .kind = t == UNKNOWN ? JSON_NULL : JSON_BOOLEAN, .boolean = t == TRUE };
    return r->dead ? ERROR : hand_on(r, n, &item, found);
}

static enum result execute(struct run *r, const struct jsonpath_node *n, const struct json_value *v,
                           struct items *found, bool unwrap)
{
    if (r->dead)
        return ERROR;
    if (++r->steps > MAX_ITEMS_RUN || ++r->depth > MAX_DEPTH) {
        err_set(errors(r->c), SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a jsonpath that takes more than %d steps",
                (int)MAX_ITEMS_RUN);
        return die(r);
    }
    enum result res = execute_item(r, n, v, found, unwrap);
    r->depth--;
    return r->dead ? ERROR : res;
}

/* ---- functions: (document, path [, vars [, silent]]) */

/* False after local_fail(). *res ERROR: NULL is wanted. found NULL: whether there is anything. */
static bool run_path(sqlite3_context *c, int n, sqlite3_value **args, bool silent, struct items *found,
                     enum result *res)
{
    struct json_value document, vars = { .kind = JSON_OBJECT };
    struct jsonpath path;
    struct arena *arena = scratch(c);
    if (!jsonb_parse(local_text(args[0]), arena, &document, errors(c)) ||
        !jsonpath_parse(local_text(args[1]), arena, &path, errors(c)) ||
        (n > 2 && !jsonb_parse(local_text(args[2]), arena, &vars, errors(c)))) {
        local_fail(c);
        return false;
    }
    if (vars.kind != JSON_OBJECT) {
        err_set(errors(c), SQLSTATE_INVALID_PARAMETER_VALUE, "\"vars\" argument is not an object");
        err_detail(errors(c), "Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.");
        local_fail(c);
        return false;
    }
    struct run r = { .c = c,
                     .arena = arena,
                     .root = &document,
                     .current = &document,
                     .vars = &vars,
                     .lax = !path.is_strict,
                     .ignores_structure = !path.is_strict,
                     .throws = !silent,
                     .innermost = -1 };
    struct items all = { 0 };
    bool looks = path.is_strict && !found; /* strict mode finds the errors behind the first item too */
    *res = execute(&r, path.root, &document, looks ? &all : found, r.lax);
    if (looks && *res != ERROR)
        *res = all.n ? OK : NOT_FOUND;
    return !r.dead;
}

static bool is_silent(int n, sqlite3_value **args)
{
    return n < 3 || (n > 3 && sqlite3_value_int(args[3]));
}

static void path_exists(sqlite3_context *c, int n, sqlite3_value **args)
{
    enum result res;
    STRICT(n, args);
    if (run_path(c, n, args, is_silent(n, args), NULL, &res) && res != ERROR)
        result_bool(c, res == OK);
}

static void path_match(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct items found = { 0 };
    enum result res;
    STRICT(n, args);
    if (!run_path(c, n, args, is_silent(n, args), &found, &res))
        return;
    if (res != ERROR && found.n == 1 && found.v[0].kind == JSON_BOOLEAN)
        result_bool(c, found.v[0].boolean);
    else if ((res == ERROR || found.n != 1 || found.v[0].kind != JSON_NULL) && !is_silent(n, args))
        fail_with(c, SQLSTATE_SINGLETON_SQL_JSON_ITEM_REQUIRED, "single boolean result is expected");
}

static bool print_value(sqlite3_context *c, const struct json_value *v, struct str *ret)
{
    struct buf out;
    buf_init(&out, MAX_RESULT);
    jsonb_print(v, &out);
    *ret = out.failed ? (struct str){ 0 } : arena_str(scratch(c), buf_str(&out));
    buf_fini(&out);
    if (!ret->p)
        local_fail(c);
    return ret->p != NULL;
}

static void path_query(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct items found = { 0 };
    struct rows rows;
    struct str text;
    enum result res;
    bool ok = true;
    STRICT(n, args);
    if (!run_path(c, n, args, is_silent(n, args), &found, &res))
        return;
    rows_start(&rows, c);
    for (size_t i = 0; ok && i < found.n; i++)
        ok = print_value(c, &found.v[i], &text) && rows_add_text(&rows, text);
    if (ok)
        rows_give(&rows);
    else
        rows_drop(&rows);
}

static void path_query_array(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct items found = { 0 };
    struct str text;
    enum result res;
    STRICT(n, args);
    if (!run_path(c, n, args, is_silent(n, args), &found, &res))
        return;
    const struct json_value array = { .kind = JSON_ARRAY, .array = { found.v, found.n } };
    if (print_value(c, &array, &text))
        local_result_text(c, text);
}

static void path_query_first(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct items found = { 0 };
    struct str text;
    enum result res;
    STRICT(n, args);
    if (run_path(c, n, args, is_silent(n, args), &found, &res) && found.n && print_value(c, &found.v[0], &text))
        local_result_text(c, text);
}

enum { PURE = LOCAL_STRICT | LOCAL_DETERMINISTIC };

static const struct local_function functions[] = {
    { .name = "pg_jsonb_path_exists", .n_args = 4, .flags = PURE, .call = path_exists },
    { .name = "pg_jsonb_path_exists_opr", .n_args = 2, .flags = PURE, .call = path_exists },
    { .name = "pg_jsonb_path_match", .n_args = 4, .flags = PURE, .call = path_match },
    { .name = "pg_jsonb_path_match_opr", .n_args = 2, .flags = PURE, .call = path_match },
    { .name = "pg_jsonb_path_query", .n_args = 4, .flags = PURE, .call = path_query },
    { .name = "pg_jsonb_path_query_array", .n_args = 4, .flags = PURE, .call = path_query_array },
    { .name = "pg_jsonb_path_query_first", .n_args = 4, .flags = PURE, .call = path_query_first },
};

const struct local_family local_family_jsonb_path = { .functions = functions,
                                                      .n_functions = sizeof(functions) / sizeof(functions[0]) };
