/* analyze_expr.c - expressions (PostgreSQL 15: parse_expr.c). */
#include "proxy/base/utf8.h"
#include "proxy/sql/analyze_internal.h"

struct expr *transform_in(A *a, struct scope *s, const Node *n, enum expr_place place)
{
    enum expr_place saved = s->place;
    s->place = place;
    struct expr *e = transform_expr(a, s, n);
    s->place = saved;
    return e;
}

/* --- constants, parameters --- */

static struct expr *constant(A *a, oid_t type, int location)
{
    struct expr *e = expr_new(a, EXPR_CONST, type, -1, location);
    if (e)
        e->constant.literal = -1;
    return e;
}

/* Ties the constant to its token, so that the plan cache can bind another value in its place. */
static void tie_literal(A *a, struct expr *e)
{
    bool negated;
    if (!a->literals || !e)
        return;
    int n = literal_at(a->literals, a->text, e->location, &negated);
    if (n < 0)
        return;
    /* -2147483648 is int4 although its digits are not: such a number shapes the plan. */
    enum literal_kind kind = a->literals->literals[n].kind;
    if (negated && (kind == LITERAL_BIG_INTEGER || kind == LITERAL_EDGE_INTEGER))
        return;
    /* Our scanner must have read what the parser read; else the token stays part of the plan. */
    struct str content =
        literal_content(a->text, &a->literals->literals[n], a->settings->standard_conforming_strings, a->arena);
    struct str parsed = e->constant.text;
    if (negated && parsed.n && parsed.p[0] == '-')
        parsed = (struct str){ parsed.p + 1, parsed.n - 1 };
    if (!content.p || !str_eq(content, parsed))
        return;
    e->constant.literal = n;
    e->constant.negated = negated;
}

static struct expr *number_constant(A *a, struct str digits, int location)
{
    int64_t v;
    struct expr *e;
    if (str_to_int64(digits, &v)) {
        e = constant(a, v >= INT32_MIN && v <= INT32_MAX ? TYPE_OID_int4 : TYPE_OID_int8, location);
        if (e)
            e->constant.value = value_integer(v);
    } else {
        e = constant(a, TYPE_OID_unknown, location);
        if (!e)
            return NULL;
        e->constant.text = digits;
        e = const_from_unknown(a, e, TYPE_OID_numeric, -1);
    }
    if (e)
        e->constant.text = digits;
    tie_literal(a, e);
    return e;
}

/* b1010, x1F: PostgreSQL looks at the digits first. */
static void refuse_bits(A *a, const char *text, int location)
{
    bool hexadecimal = text[0] == 'x' || text[0] == 'X';
    struct str digits = str_from(text + 1);
    for (size_t i = 0; i < digits.n; i += utf8_width(digits, i))
        if (!memchr("0123456789abcdefABCDEF", digits.p[i], hexadecimal ? 22 : 2)) {
            fail_at(a, location, SQLSTATE_INVALID_TEXT_REPRESENTATION, "\"%.*s\" is not a valid %s digit",
                    (int)utf8_width(digits, i), digits.p + i, hexadecimal ? "hexadecimal" : "binary");
            return;
        }
    unsupported_at(a, location, "a bit string constant");
}

static struct expr *transform_const(A *a, const PgQuery__AConst *c)
{
    struct expr *e;
    if (c->isnull)
        return const_null(a, TYPE_OID_unknown, -1, c->location);
    switch (c->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        return number_constant(a, arena_printf(a->arena, "%d", c->ival->ival), c->location);
    case PG_QUERY__A__CONST__VAL_FVAL:
        return number_constant(a, str_from(c->fval->fval), c->location);
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        e = constant(a, TYPE_OID_bool, c->location);
        if (e) {
            e->constant.value = value_integer(c->boolval->boolval ? 1 : 0);
            e->constant.text = c->boolval->boolval ? STR("t") : STR("f");
        }
        return e;
    case PG_QUERY__A__CONST__VAL_SVAL:
        e = constant(a, TYPE_OID_unknown, c->location);
        if (e) {
            e->constant.text = str_from(c->sval->sval);
            e->constant.value = value_text(e->constant.text);
            tie_literal(a, e);
        }
        return e;
    case PG_QUERY__A__CONST__VAL_BSVAL:
        refuse_bits(a, c->bsval->bsval, c->location);
        return NULL;
    default:
        return const_null(a, TYPE_OID_unknown, -1, c->location);
    }
}

/* Numbers mostly come in order, and there may be 65535 of them: the room doubles. */
static bool know_params(A *a, size_t number)
{
    if (number > a->n_params && number > a->params_room) {
        size_t room = number > 2 * a->n_params ? number : 2 * a->n_params;
        oid_t *types = NEW_ARRAY(a, oid_t, room);
        if (!types)
            return false;
        if (a->n_params)
            memcpy(types, a->param_types, a->n_params * sizeof(*types));
        a->param_types = types;
        a->params_room = room;
    }
    if (number > a->n_params)
        a->n_params = number;
    return true;
}

static struct expr *transform_param(A *a, const PgQuery__ParamRef *p)
{
    if (!a->params_allowed || p->number < 1 || p->number > 65535) {
        fail_at(a, p->location, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $%d", p->number);
        return NULL;
    }
    size_t number = (size_t)p->number;
    if (!know_params(a, number))
        return NULL;
    if (!a->param_types[number - 1])
        a->param_types[number - 1] = TYPE_OID_unknown;
    struct expr *e = expr_new(a, EXPR_PARAM, a->param_types[number - 1], -1, p->location);
    if (e)
        e->param.number = p->number;
    return e;
}

/* --- operators --- */

bool operator_name(A *a, Node *const *names, size_t n, int location, struct str *ret_schema, struct str *ret)
{
    return name_parts(a, names, n, location, ret_schema, ret);
}

struct expr *n_ary(A *a, enum expr_kind kind, oid_t type, int location, size_t n)
{
    struct expr *e = expr_new(a, kind, type, -1, location);
    if (!e || !(e->args = NEW_ARRAY(a, struct expr *, n ? n : 1)))
        return NULL;
    return e;
}

/* A test of each of the n fields of a row, to be filled: all must hold (EXPR_AND) or one (EXPR_OR). */
static struct expr *field_tests(A *a, enum expr_kind kind, size_t n, int location)
{
    return n ? n_ary(a, kind, TYPE_OID_bool, location, n) : const_bool(a, kind == EXPR_AND, location);
}

static struct expr *unary(A *a, enum expr_kind kind, oid_t type, struct expr *arg, int location)
{
    struct expr *e = n_ary(a, kind, type, location, 1);
    if (e)
        e->args[e->n_args++] = arg;
    return e;
}

bool is_row(const struct expr *e)
{
    return e->kind == EXPR_ROW;
}

/* (a, b) op (c, d): 9.24.5 */
static struct expr *row_compare(A *a, struct str name, struct expr *left, struct expr *right, int location)
{
    if (left->n_args != right->n_args) {
        fail_at(a, location, SQLSTATE_SYNTAX_ERROR, "unequal number of entries in row expressions");
        return NULL;
    }
    if (left->n_args == 0) {
        fail_at(a, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot compare rows of zero length");
        return NULL;
    }
    if (!operator_compares(name)) {
        unsupported_at(a, location, "operator %.*s between rows", STR_FMT(name));
        return NULL;
    }
    struct expr *e = n_ary(a, EXPR_ROW_COMPARE, TYPE_OID_bool, location, 2);
    if (!e || !(e->row_compare.procs = NEW_ARRAY(a, const struct pg_proc *, left->n_args + 1)))
        return NULL;
    for (size_t i = 0; i < left->n_args; i++) {
        struct expr *pair = make_operator(a, (struct str){ 0 }, name, left->args[i], right->args[i], location);
        if (!pair)
            return NULL;
        left->args[i] = pair->args[0];
        right->args[i] = pair->args[1];
        e->row_compare.procs[i] = pair->call.proc;
        e->row_compare.op_name = pair->call.op_name;
    }
    e->row_compare.n_procs = left->n_args;
    e->args[0] = left;
    e->args[1] = right;
    e->n_args = 2;
    return e;
}

static struct expr *binary(A *a, struct str schema, struct str name, struct expr *left, struct expr *right,
                           int location)
{
    if (left && is_row(left) && is_row(right))
        return row_compare(a, name, left, right, location);
    return make_operator(a, schema, name, left, right, location);
}

static struct expr *and_or(A *a, enum expr_kind kind, struct expr *x, struct expr *y, int location)
{
    struct expr *e = n_ary(a, kind, TYPE_OID_bool, location, 2);
    if (e) {
        e->args[0] = x;
        e->args[1] = y;
        e->n_args = 2;
    }
    return e;
}

static struct expr *transform_between(A *a, struct scope *s, const PgQuery__AExpr *x)
{
    bool negated = x->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN ||
                   x->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
    bool symmetric = x->kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM ||
                     x->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
    const PgQuery__List *bounds = x->rexpr->list;
    struct expr *sides[2][2];
    for (int i = 0; i < (symmetric ? 2 : 1); i++) {
        for (int k = 0; k < 2; k++) {
            struct expr *value = transform_expr(a, s, x->lexpr),
                        *bound = value ? transform_expr(a, s, bounds->items[i ? 1 - k : k]) : NULL;
            const char *op = negated ? (k ? ">" : "<") : (k ? "<=" : ">=");
            sides[i][k] = bound ? make_operator(a, (struct str){ 0 }, str_from(op), value, bound, x->location) : NULL;
            if (!sides[i][k])
                return NULL;
        }
    }
    enum expr_kind inner = negated ? EXPR_OR : EXPR_AND;
    struct expr *first = and_or(a, inner, sides[0][0], sides[0][1], x->location);
    if (!symmetric || !first)
        return first;
    struct expr *second = and_or(a, inner, sides[1][0], sides[1][1], x->location);
    return second ? and_or(a, negated ? EXPR_AND : EXPR_OR, first, second, x->location) : NULL;
}

/* The items of x IN (list), as written; of them those without columns of the query (contain_vars_of_level), and the others. */
struct in_items {
    struct expr **all, **plain, **others;
    size_t n, n_plain, n_others;
    bool has_row;
};

static bool in_items(A *a, struct scope *s, const PgQuery__List *list, struct in_items *ret)
{
    int outer = s->own_var;
    *ret = (struct in_items){ .all = NEW_ARRAY(a, struct expr *, list->n_items + 1),
                              .plain = NEW_ARRAY(a, struct expr *, list->n_items + 1),
                              .others = NEW_ARRAY(a, struct expr *, list->n_items + 1) };
    if (!ret->all || !ret->plain || !ret->others)
        return false;
    for (size_t i = 0; i < list->n_items; i++) {
        s->own_var = 0;
        struct expr *item = transform_expr(a, s, list->items[i]);
        if (!item)
            return false;
        ret->has_row |= is_row(item);
        ret->all[ret->n++] = item;
        if (s->own_var)
            ret->others[ret->n_others++] = item;
        else
            ret->plain[ret->n_plain++] = item;
        outer = outer ? outer : s->own_var;
    }
    s->own_var = outer;
    return true;
}

/* The type that x and several items become, all of them; 0: each is compared by itself. There is no array of arrays. */
static oid_t in_type(A *a, struct expr *left, const struct in_items *items)
{
    struct expr **all = NEW_ARRAY(a, struct expr *, items->n_plain + 1);
    if (!all || items->has_row || items->n_plain < 2)
        return 0;
    all[0] = left;
    memcpy(all + 1, items->plain, items->n_plain * sizeof(*all));
    oid_t type = select_common_type(a, all, items->n_plain + 1, NULL);
    for (size_t i = 0; type && i <= items->n_plain; i++)
        if (!can_coerce(a, 1, &all[i]->type, &type, COERCION_IMPLICIT))
            return 0;
    return type == TYPE_OID_record || type_element(a, type) ? 0 : type;
}

/* x = ANY (ARRAY[items]): the items take their type before the operator is looked for. */
static struct expr *in_array(A *a, struct expr *left, const struct in_items *items, oid_t type, bool negated,
                             int location)
{
    struct expr *e = n_ary(a, negated ? EXPR_NOT_IN_LIST : EXPR_IN_LIST, TYPE_OID_bool, location, items->n_plain + 1);
    if (!e)
        return NULL;
    e->n_args = 1;
    for (size_t i = 0; i < items->n_plain; i++)
        if (!(e->args[e->n_args++] = coerce_to_common(a, items->plain[i], type, "IN")))
            return NULL;
    const struct pg_operator *op = find_operator(a, negated ? STR("<>") : STR("="), left->type, type, false, location);
    if (!op)
        return NULL;
    oid_t right = type_is_polymorphic(op->right) ? type : op->right;
    e->args[0] =
        coerce_type(a, left, type_is_polymorphic(op->left) ? type : op->left, -1, COERCION_IMPLICIT, false, -1);
    for (size_t i = 0; i < e->n_args; i++)
        if (!e->args[i] || (i && !(e->args[i] = coerce_to_common(a, e->args[i], right, "IN"))))
            return NULL;
    e->call.proc = pg_proc_by_oid(op->proc);
    e->call.op_name = op->name;
    return e;
}

/* x IN (list): one comparison type for all that is no column where there is one (transformAExprIn), a chain of OR for the others. */
static struct expr *transform_in_list(A *a, struct scope *s, const PgQuery__AExpr *x)
{
    struct str schema, name;
    struct in_items items;
    if (!operator_name(a, x->name, x->n_name, x->location, &schema, &name))
        return NULL;
    bool negated = str_is(name, "<>");
    struct expr *left = transform_expr(a, s, x->lexpr);
    if (!left || !in_items(a, s, x->rexpr->list, &items))
        return NULL;
    items.has_row |= is_row(left);
    struct expr *chain = n_ary(a, negated ? EXPR_AND : EXPR_OR, TYPE_OID_bool, x->location, items.n + 1);
    oid_t type = chain ? in_type(a, left, &items) : 0;
    if (type && !(chain->args[chain->n_args++] = in_array(a, left, &items, type, negated, x->location)))
        return NULL;
    struct expr *const *each = type ? items.others : items.all;
    for (size_t i = 0; chain && i < (type ? items.n_others : items.n); i++) {
        struct expr *l = chain->n_args && left->kind != EXPR_PARAM ? transform_expr(a, s, x->lexpr) : left;
        struct expr *one = l ? binary(a, schema, name, l, each[i], x->location) : NULL;
        if (!one)
            return NULL;
        chain->args[chain->n_args++] = one;
    }
    return chain && chain->n_args == 1 ? chain->args[0] : chain;
}

/* LIKE, ILIKE, SIMILAR TO are operators; the grammar wraps SIMILAR's pattern and ESCAPE in a call already. */
static struct expr *transform_distinct(A *a, struct scope *s, const PgQuery__AExpr *x)
{
    bool negated = x->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT;
    struct expr *left = transform_expr(a, s, x->lexpr), *right = left ? transform_expr(a, s, x->rexpr) : NULL;
    if (!right)
        return NULL;
    if (left->kind == EXPR_CONST && left->constant.is_null && left->type == TYPE_OID_unknown)
        return unary(a, negated ? EXPR_IS_NULL : EXPR_IS_NOT_NULL, TYPE_OID_bool, right, x->location);
    if (right->kind == EXPR_CONST && right->constant.is_null && right->type == TYPE_OID_unknown)
        return unary(a, negated ? EXPR_IS_NULL : EXPR_IS_NOT_NULL, TYPE_OID_bool, left, x->location);
    if (is_row(left) && is_row(right)) {
        if (left->n_args != right->n_args) {
            fail_at(a, x->location, SQLSTATE_SYNTAX_ERROR, "unequal number of entries in row expressions");
            return NULL;
        }
        struct expr *all = field_tests(a, negated ? EXPR_AND : EXPR_OR, left->n_args, x->location);
        for (size_t i = 0; all && i < left->n_args; i++) {
            struct expr *eq = make_operator(a, (struct str){ 0 }, STR("="), left->args[i], right->args[i], x->location);
            if (!eq)
                return NULL;
            eq->kind = negated ? EXPR_NOT_DISTINCT : EXPR_DISTINCT;
            all->args[all->n_args++] = eq;
        }
        return all;
    }
    struct expr *eq = make_operator(a, (struct str){ 0 }, STR("="), left, right, x->location);
    if (eq)
        eq->kind = negated ? EXPR_NOT_DISTINCT : EXPR_DISTINCT;
    return eq;
}

static struct expr *transform_nullif(A *a, struct scope *s, const PgQuery__AExpr *x)
{
    struct expr *left = transform_expr(a, s, x->lexpr), *right = left ? transform_expr(a, s, x->rexpr) : NULL;
    struct expr *eq = right ? make_operator(a, (struct str){ 0 }, STR("="), left, right, x->location) : NULL;
    if (!eq)
        return NULL;
    eq->kind = EXPR_NULLIF;
    eq->type = eq->args[0]->type;
    eq->typmod = eq->args[0]->typmod;
    return eq;
}

static struct expr *transform_a_expr(A *a, struct scope *s, const PgQuery__AExpr *x)
{
    struct str schema = { 0 }, name = { 0 };
    switch (x->kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
        return transform_in_list(a, s, x);
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
        return transform_distinct(a, s, x);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
        return transform_nullif(a, s, x);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
        return transform_between(a, s, x);
    default:
        break;
    }
    if (!operator_name(a, x->name, x->n_name, x->location, &schema, &name))
        return NULL;
    /* row = (SELECT …) is a row comparison sublink */
    if (x->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP && x->lexpr &&
        x->lexpr->node_case == PG_QUERY__NODE__NODE_ROW_EXPR && x->rexpr &&
        x->rexpr->node_case == PG_QUERY__NODE__NODE_SUB_LINK &&
        x->rexpr->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK) {
        struct expr *rows =
            transform_sublink_any(a, s, x->lexpr, name, SUBLINK_ANY, x->rexpr->sub_link->subselect, x->location);
        if (rows)
            rows->sublink.one_row = true;
        return rows;
    }
    struct expr *left = NULL, *right;
    if (x->lexpr && !(left = transform_expr(a, s, x->lexpr)))
        return NULL;
    if (!(right = transform_expr(a, s, x->rexpr)))
        return NULL;
    if (x->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY || x->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL)
        return make_scalar_array(a, name, x->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY, left, right, x->location);
    return binary(a, schema, name, left, right, x->location);
}

/* --- CASE, COALESCE and friends --- */

static bool note_volatile(struct expr *x, void *found)
{
    if (x->kind == EXPR_FUNC && x->call.proc->volatility == 'v')
        *(bool *)found = true;
    return true;
}

/* The arms of CASE x WHEN … each compare x anew: it has to be the same value each time. */
static bool may_repeat(A *a, struct expr *value)
{
    bool found = false;
    expr_walk(value, note_volatile, &found);
    if (!found)
        return true;
    unsupported_at(a, expr_start(value), "CASE that compares another value each time it is evaluated");
    err_hint(a->err, "Compute the value in a WITH query that is MATERIALIZED.");
    return false;
}

/* value = x: the value stands before the CASE, and may not be a set for another reason (refuse_sets); x begins with WHEN. */
static struct expr *simple_when(A *a, struct expr *equal, int location)
{
    if (!a->has_sets || equal->n_args < 2 || !set_returning_call(equal->args[1]))
        return coerce_to_specific(a, equal, TYPE_OID_bool, "CASE/WHEN");
    fail_at(a, location, SQLSTATE_DATATYPE_MISMATCH, "argument of CASE/WHEN must not return a set");
    return NULL;
}

static struct expr *transform_case(A *a, struct scope *s, const PgQuery__CaseExpr *c)
{
    struct expr *e = expr_new(a, EXPR_CASE, 0, -1, c->location);
    struct expr **results = NEW_ARRAY(a, struct expr *, c->n_args + 1);
    if (!e || !results || !(e->cases.arms = NEW_ARRAY(a, struct case_arm, c->n_args + 1)))
        return NULL;
    for (size_t i = 0; i < c->n_args; i++) {
        const PgQuery__CaseWhen *w = c->args[i]->case_when;
        struct expr *value = c->arg ? transform_expr(a, s, c->arg) : NULL;
        if (value && c->n_args > 1 && !may_repeat(a, value))
            return NULL;
        struct expr *when = c->arg && !value ? NULL : transform_expr(a, s, w->expr);
        if (when && c->arg) {
            if (value && value->type == TYPE_OID_unknown)
                value = coerce_type(a, value, TYPE_OID_text, -1, COERCION_IMPLICIT, false, -1);
            when = value ? make_operator(a, (struct str){ 0 }, STR("="), value, when, w->location) : NULL;
        }
        if (!when || !(when = c->arg ? simple_when(a, when, w->location) : coerce_to_boolean(a, when, "CASE/WHEN")))
            return NULL;
        e->cases.arms[i].when = when;
        if (!(results[i + 1] = transform_expr(a, s, w->result)))
            return NULL;
    }
    results[0] = c->defresult ? transform_expr(a, s, c->defresult) : const_null(a, TYPE_OID_unknown, -1, -1);
    if (!results[0])
        return NULL;
    oid_t type = select_common_type(a, results, c->n_args + 1, "CASE");
    if (!type)
        return NULL;
    for (size_t i = 0; i <= c->n_args; i++)
        if (!(results[i] = coerce_to_common(a, results[i], type, i ? "CASE/WHEN" : "CASE/ELSE")))
            return NULL;
    for (size_t i = 0; i < c->n_args; i++)
        e->cases.arms[i].then = results[i + 1];
    e->cases.n_arms = c->n_args;
    e->cases.otherwise = results[0];
    e->type = type;
    e->typmod = select_common_typmod(results, c->n_args + 1, type);
    return refuse_sets(a, s, e, "set-returning functions are not allowed in CASE") ? e : NULL;
}

static struct expr *transform_common(A *a, struct scope *s, enum expr_kind kind, const char *what, Node *const *args,
                                     size_t n, int location)
{
    struct expr *e = n_ary(a, kind, 0, location, n);
    if (!e)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct expr *x = transform_expr(a, s, args[i]);
        if (!x)
            return NULL;
        e->args[e->n_args++] = x;
    }
    e->type = select_common_type(a, e->args, n, what);
    if (!e->type)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!(e->args[i] = coerce_to_common(a, e->args[i], e->type, what)))
            return NULL;
    e->typmod = select_common_typmod(e->args, n, e->type);
    bool may_hold_sets = kind != EXPR_COALESCE;
    return may_hold_sets || refuse_sets(a, s, e, "set-returning functions are not allowed in COALESCE") ? e : NULL;
}

static struct expr *transform_bool(A *a, struct scope *s, const PgQuery__BoolExpr *b)
{
    static const char *const names[] = { "", "AND", "OR", "NOT" };
    static const enum expr_kind kinds[] = { EXPR_AND, EXPR_AND, EXPR_OR, EXPR_NOT };
    struct expr *e = n_ary(a, kinds[b->boolop], TYPE_OID_bool, b->location, b->n_args);
    for (size_t i = 0; e && i < b->n_args; i++) {
        struct expr *x = transform_expr(a, s, b->args[i]);
        if (!x || !(x = coerce_to_boolean(a, x, names[b->boolop])))
            return NULL;
        e->args[e->n_args++] = x;
    }
    return e;
}

/* t IS NULL, t IS NOT NULL: of every column of the row. */
static struct expr *row_null_test(A *a, struct scope *s, const struct expr *row, bool is_null, int location)
{
    size_t n = scope_query(s, row->var.levels_up)->rtable[row->var.rte].n_columns;
    struct expr *all = field_tests(a, EXPR_AND, n, location);
    for (size_t i = 0; all && i < n; i++) {
        struct expr *column = make_var(a, s, row->var.levels_up, row->var.rte, (int)i, location);
        if (!column)
            return NULL;
        all->args[all->n_args++] = unary(a, is_null ? EXPR_IS_NULL : EXPR_IS_NOT_NULL, TYPE_OID_bool, column, location);
    }
    return all;
}

static struct expr *transform_null_test(A *a, struct scope *s, const PgQuery__NullTest *t)
{
    struct expr *x = transform_expr(a, s, t->arg);
    bool is_null = t->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NULL;
    if (!x)
        return NULL;
    if (is_row(x)) { /* every field null, or every field not null */
        struct expr *all = field_tests(a, EXPR_AND, x->n_args, expr_start(x));
        for (size_t i = 0; all && i < x->n_args; i++)
            all->args[all->n_args++] =
                unary(a, is_null ? EXPR_IS_NULL : EXPR_IS_NOT_NULL, TYPE_OID_bool, x->args[i], t->location);
        return all;
    }
    if (x->kind == EXPR_WHOLE_ROW && x->var.rte >= 0)
        return row_null_test(a, s, x, is_null, t->location);
    return unary(a, is_null ? EXPR_IS_NULL : EXPR_IS_NOT_NULL, TYPE_OID_bool, x, t->location);
}

static struct expr *transform_bool_test(A *a, struct scope *s, const PgQuery__BooleanTest *t)
{
    static const struct {
        enum expr_kind kind;
        const char *name;
    } tests[] = {
        { EXPR_IS_TRUE, "" },
        { EXPR_IS_TRUE, "IS TRUE" },
        { EXPR_IS_NOT_TRUE, "IS NOT TRUE" },
        { EXPR_IS_FALSE, "IS FALSE" },
        { EXPR_IS_NOT_FALSE, "IS NOT FALSE" },
        { EXPR_IS_UNKNOWN, "IS UNKNOWN" },
        { EXPR_IS_NOT_UNKNOWN, "IS NOT UNKNOWN" },
    };
    struct expr *x = transform_expr(a, s, t->arg);
    if (!x || !(x = coerce_to_boolean(a, x, tests[t->booltesttype].name)))
        return NULL;
    return unary(a, tests[t->booltesttype].kind, TYPE_OID_bool, x, t->location);
}

static struct expr *transform_sql_value(A *a, const PgQuery__SQLValueFunction *f)
{
    static const struct {
        enum sql_value_function function;
        oid_t type;
        bool has_precision;
    } rows[] = {
        [1] = { SQLVALUE_CURRENT_DATE, TYPE_OID_date, false },
        [2] = { SQLVALUE_CURRENT_TIME, TYPE_OID_timetz, false },
        [3] = { SQLVALUE_CURRENT_TIME, TYPE_OID_timetz, true },
        [4] = { SQLVALUE_CURRENT_TIMESTAMP, TYPE_OID_timestamptz, false },
        [5] = { SQLVALUE_CURRENT_TIMESTAMP, TYPE_OID_timestamptz, true },
        [6] = { SQLVALUE_LOCALTIME, TYPE_OID_time, false },
        [7] = { SQLVALUE_LOCALTIME, TYPE_OID_time, true },
        [8] = { SQLVALUE_LOCALTIMESTAMP, TYPE_OID_timestamp, false },
        [9] = { SQLVALUE_LOCALTIMESTAMP, TYPE_OID_timestamp, true },
        [10] = { SQLVALUE_CURRENT_ROLE, TYPE_OID_name, false },
        [11] = { SQLVALUE_CURRENT_USER, TYPE_OID_name, false },
        [12] = { SQLVALUE_USER, TYPE_OID_name, false },
        [13] = { SQLVALUE_SESSION_USER, TYPE_OID_name, false },
        [14] = { SQLVALUE_CURRENT_CATALOG, TYPE_OID_name, false },
        [15] = { SQLVALUE_CURRENT_SCHEMA, TYPE_OID_name, false },
    };
    struct expr *e = expr_new(a, EXPR_SQL_VALUE, rows[f->op].type, -1, f->location);
    if (!e)
        return NULL;
    if (rows[f->op].has_precision && !warn_precision(a, rows[f->op].type, f->typmod))
        return NULL;
    e->sql_value.function = rows[f->op].function;
    e->sql_value.precision = rows[f->op].has_precision ? (f->typmod > 6 ? 6 : f->typmod) : -1;
    if (rows[f->op].has_precision)
        e->typmod = e->sql_value.precision;
    return e;
}

/* --- casts, collation, arrays, rows, subscripts --- */

static struct expr *transform_array(A *a, struct scope *s, const PgQuery__AArrayExpr *x, oid_t array_type,
                                    oid_t element_type, int32_t typmod)
{
    struct expr *e = n_ary(a, EXPR_ARRAY, array_type, x->location, x->n_elements);
    bool nested = false, is_cast = array_type != 0;
    if (!e)
        return NULL;
    for (size_t i = 0; i < x->n_elements; i++) {
        const Node *n = x->elements[i];
        struct expr *item;
        if (n->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR) {
            item = transform_array(a, s, n->a_array_expr, array_type, element_type, typmod);
            nested = true;
        } else {
            item = transform_expr(a, s, n);
            nested |= item && item->type != TYPE_OID_unknown && type_element(a, item->type) &&
                      item->type != TYPE_OID_int2vector && item->type != TYPE_OID_oidvector;
        }
        if (!item)
            return NULL;
        e->args[e->n_args++] = item;
    }
    if (!array_type) {
        if (!x->n_elements) {
            fail_at(a, x->location, SQLSTATE_INDETERMINATE_DATATYPE, "cannot determine type of empty array");
            err_hint(a->err, "Explicitly cast to the desired type, for example ARRAY[]::integer[].");
            return NULL;
        }
        element_type = select_common_type(a, e->args, e->n_args, "ARRAY");
        if (!element_type)
            return NULL;
        array_type = nested ? element_type : type_array(a, element_type);
        if (!array_type) {
            fail_at(a, x->location, SQLSTATE_UNDEFINED_OBJECT, "could not find array type for data type %.*s",
                    STR_FMT(type_text(a, element_type, -1)));
            return NULL;
        }
    }
    oid_t want = nested ? array_type : element_type;
    for (size_t i = 0; i < e->n_args; i++) {
        struct expr *c = NULL;
        if (!is_cast) {
            if (!(e->args[i] = coerce_to_common(a, e->args[i], want, "ARRAY")))
                return NULL;
        } else if (typmod >= 0 || element_type != e->args[i]->type) {
            if (!coerce_to_target(a, e->args[i], want, nested ? -1 : typmod, COERCION_EXPLICIT, -1, &c))
                return NULL;
            if (!c) {
                fail_at(a, expr_start(e->args[i]), SQLSTATE_CANNOT_COERCE, "cannot cast type %.*s to %.*s",
                        STR_FMT(type_text(a, e->args[i]->type, -1)), STR_FMT(type_text(a, want, -1)));
                return NULL;
            }
            e->args[i] = c;
        }
    }
    e->type = array_type;
    e->typmod = typmod >= 0 ? typmod : select_common_typmod(e->args, e->n_args, want);
    return e;
}

/* int4 $1: libpg_query takes a parameter where PostgreSQL's grammar wants a constant. */
static bool refuse_typed_parameter(A *a, const PgQuery__TypeCast *c)
{
    const PgQuery__ParamRef *p = c->arg->node_case == PG_QUERY__NODE__NODE_PARAM_REF ? c->arg->param_ref : NULL;
    if (!p || c->location >= 0) /* $1::int4, CAST($1 AS int4): what stands in the place of a constant has none */
        return true;
    return fail_at(a, p->location, SQLSTATE_SYNTAX_ERROR, "syntax error at or near \"$%d\"", p->number);
}

static struct expr *transform_type_cast(A *a, struct scope *s, const PgQuery__TypeCast *c)
{
    oid_t type;
    int32_t typmod;
    if (!refuse_typed_parameter(a, c))
        return NULL;
    if (!analyze_type_name(a, c->type_name, &type, &typmod, NULL))
        return NULL;
    struct expr *x;
    bool is_array = c->arg->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR;
    if (is_array && type_element(a, type) && !(a->is_stored && c->arg->a_array_expr->n_elements)) {
        oid_t base = type_base(a, type);
        x = transform_array(a, s, c->arg->a_array_expr, base, type_element(a, base), typmod);
    } else {
        x = transform_expr(a, s, c->arg);
    }
    if (!x)
        return NULL;
    int location = c->location < 0 ? c->type_name->location : c->location; /* int4 '1' begins with its type */
    struct expr *e;
    if (!coerce_to_target(a, x, type, typmod, COERCION_EXPLICIT, location, &e))
        return NULL;
    if (!e)
        fail_at(a, location, SQLSTATE_CANNOT_COERCE, "cannot cast type %.*s to %.*s", STR_FMT(expr_type_text(a, x)),
                STR_FMT(type_text(a, type, -1)));
    return e;
}

/* A literal or parameter of no type stays one behind COLLATE: what it is coerced to takes the collation, or does without. */
static struct expr *transform_collate(A *a, struct scope *s, const PgQuery__CollateClause *c)
{
    struct expr *x = transform_expr(a, s, c->arg);
    bool open = x && x->type == TYPE_OID_unknown && (x->kind == EXPR_CONST || x->kind == EXPR_PARAM);
    if (x && x->type == TYPE_OID_unknown && !open)
        x = coerce_type(a, x, TYPE_OID_text, -1, COERCION_IMPLICIT, false, -1);
    struct expr *e = NEW(a, struct expr); /* x may stand elsewhere too */
    if (!x || !e)
        return NULL;
    *e = *x;
    e->is_collated = true;
    oid_t type = open ? TYPE_OID_text : x->type;
    return analyze_collation(a, c->collname, c->n_collname, type, c->location, &e->collation) ? e : NULL;
}

static struct expr *transform_row(A *a, struct scope *s, const PgQuery__RowExpr *r)
{
    struct expr *e = n_ary(a, EXPR_ROW, TYPE_OID_record, r->location, r->n_args);
    for (size_t i = 0; e && i < r->n_args; i++) {
        struct expr *one = NULL, **list = &one;
        struct str *names;
        size_t n = 1;
        bool ok = is_star(r->args[i]) ? expand_any_star(a, s, r->args[i], &list, &names, &n)
                                      : (one = transform_expr(a, s, r->args[i])) != NULL;
        for (size_t k = 0; ok && k < n; k++)
            ok = PUSH(a, e->args, e->n_args, list[k]);
        if (!ok)
            return NULL;
    }
    return e;
}

static struct expr *transform_indirection(A *a, struct scope *s, const PgQuery__AIndirection *x)
{
    struct expr *base = transform_expr(a, s, x->arg);
    if (!base)
        return NULL;
    size_t at = 0;
    while (at < x->n_indirection && x->indirection[at]->node_case == PG_QUERY__NODE__NODE_STRING)
        if (!(base = transform_field(a, s, base, node_string(x->indirection[at++]), expr_start(base))))
            return NULL;
    for (size_t i = at; i < x->n_indirection; i++)
        if (x->indirection[i]->node_case != PG_QUERY__NODE__NODE_A_INDICES) {
            unsupported_at(a, base->location, "selecting a field of a composite value");
            return NULL;
        }
    if (at == x->n_indirection)
        return base;
    return transform_subscripts(a, s, base, x->indirection + at, x->n_indirection - at, base->location);
}

static struct expr *transform_grouping(A *a, struct scope *s, const PgQuery__GroupingFunc *g)
{
    struct expr *e = n_ary(a, EXPR_GROUPING, TYPE_OID_int4, g->location, g->n_args);
    s->query->has_grouping_calls = true;
    for (size_t i = 0; e && i < g->n_args; i++) {
        struct expr *x = transform_expr(a, s, g->args[i]);
        if (!x)
            return NULL;
        e->args[e->n_args++] = x;
        if (x->kind == EXPR_VAR) /* the grouped query that it asks */
            e->call.levels_up = x->var.levels_up;
    }
    return e;
}

static struct expr *transform_default(A *a, const PgQuery__SetToDefault *d)
{
    fail_at(a, d->location, SQLSTATE_SYNTAX_ERROR, "DEFAULT is not allowed in this context");
    return NULL;
}

static struct expr *transform_node(A *a, struct scope *s, const Node *n)
{
    switch (n->node_case) {
    case PG_QUERY__NODE__NODE_A_CONST:
        return transform_const(a, n->a_const);
    case PG_QUERY__NODE__NODE_PARAM_REF:
        return transform_param(a, n->param_ref);
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return transform_column_ref(a, s, n->column_ref);
    case PG_QUERY__NODE__NODE_A_EXPR:
        return transform_a_expr(a, s, n->a_expr);
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
        return transform_bool(a, s, n->bool_expr);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return transform_func_call(a, s, n->func_call);
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        return transform_type_cast(a, s, n->type_cast);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        return transform_case(a, s, n->case_expr);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return transform_common(a, s, EXPR_COALESCE, "COALESCE", n->coalesce_expr->args, n->coalesce_expr->n_args,
                                n->coalesce_expr->location);
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: {
        bool greatest = n->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST;
        return transform_common(a, s, greatest ? EXPR_GREATEST : EXPR_LEAST, greatest ? "GREATEST" : "LEAST",
                                n->min_max_expr->args, n->min_max_expr->n_args, n->min_max_expr->location);
    }
    case PG_QUERY__NODE__NODE_NULL_TEST:
        return transform_null_test(a, s, n->null_test);
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
        return transform_bool_test(a, s, n->boolean_test);
    case PG_QUERY__NODE__NODE_SUB_LINK:
        return transform_sublink(a, s, n->sub_link);
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return transform_sql_value(a, n->sqlvalue_function);
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
        return transform_array(a, s, n->a_array_expr, 0, 0, -1);
    case PG_QUERY__NODE__NODE_ROW_EXPR:
        return transform_row(a, s, n->row_expr);
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
        return transform_indirection(a, s, n->a_indirection);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return transform_collate(a, s, n->collate_clause);
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
        return transform_grouping(a, s, n->grouping_func);
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
        return transform_default(a, n->set_to_default);
    case PG_QUERY__NODE__NODE_CURRENT_OF_EXPR:
        unsupported_at(a, -1, "WHERE CURRENT OF");
        return NULL;
    case PG_QUERY__NODE__NODE_XML_EXPR:
    case PG_QUERY__NODE__NODE_XML_SERIALIZE:
        unsupported_at(a, -1, "XML");
        return NULL;
    default:
        unsupported_at(a, -1, "this expression (node %d)", (int)n->node_case);
        return NULL;
    }
}

struct expr *transform_expr(A *a, struct scope *s, const Node *n)
{
    if (!enter(a))
        return NULL;
    struct expr *e = transform_node(a, s, n);
    leave(a);
    return e;
}
