/* analyze_oper.c - operators (10.2; PostgreSQL 15: parse_oper.c). */
#include "proxy/sql/analyze_candidates.h"

enum { MAX_OPERATORS = 256 };

bool operator_compares(struct str name)
{
    static const char *const names[] = { "=", "<>", "<", "<=", ">", ">=" };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

/* left: none when empty. */
static bool fail_operator(A *a, struct str name, struct str l, struct str r, bool ambiguous, int location)
{
    const char *space = l.n ? " " : "";
    if (ambiguous) {
        fail_at(a, location, SQLSTATE_AMBIGUOUS_FUNCTION, "operator is not unique: %.*s%s%.*s %.*s", STR_FMT(l), space,
                STR_FMT(name), STR_FMT(r));
        return err_hint(a->err,
                        "Could not choose a best candidate operator. You might need to add explicit type casts.");
    }
    fail_at(a, location, SQLSTATE_UNDEFINED_FUNCTION, "operator does not exist: %.*s%s%.*s %.*s", STR_FMT(l), space,
            STR_FMT(name), STR_FMT(r));
    return err_hint(
        a->err,
        l.n ? "No operator matches the given name and argument types. You might need to add explicit type casts."
            : "No operator matches the given name and argument type. You might need to add an explicit type cast.");
}

static const struct pg_operator *exact(const struct pg_operator *ops, size_t n, oid_t left, oid_t right)
{
    for (size_t i = 0; i < n; i++)
        if (ops[i].left == left && ops[i].right == right)
            return &ops[i];
    return NULL;
}

/* binary_oper_exact: one unknown side is taken to be like the other; domains by their base. */
static const struct pg_operator *binary_exact(A *a, const struct pg_operator *ops, size_t n, oid_t left, oid_t right)
{
    bool was_unknown = false;
    if (left == TYPE_OID_unknown && right != 0)
        left = right, was_unknown = true;
    else if (right == TYPE_OID_unknown && left != 0)
        right = left, was_unknown = true;
    const struct pg_operator *found = exact(ops, n, left, right);
    if (!found && was_unknown) {
        oid_t base = type_base(a, left);
        if (base != left)
            found = exact(ops, n, base, base);
    }
    return found;
}

static const struct pg_operator *search_operator(A *a, struct str name, oid_t left, oid_t right, bool *ret_ambiguous)
{
    *ret_ambiguous = false;
    size_t n_ops, n = 0;
    const struct pg_operator *ops = pg_operators_by_name(name, &n_ops);
    const struct pg_operator *found = left ? binary_exact(a, ops, n_ops, left, right) : exact(ops, n_ops, 0, right);
    if (found)
        return found;
    struct candidate list[MAX_OPERATORS], *chosen = NULL;
    oid_t args[MAX_OPERATORS][2], inputs[2] = { left ? left : right, right };
    size_t n_args = left ? 2 : 1;
    for (size_t i = 0; i < n_ops && n < MAX_OPERATORS; i++) {
        if ((ops[i].kind == 'b') != (left != 0))
            continue;
        args[n][0] = left ? ops[i].left : ops[i].right;
        args[n][1] = ops[i].right;
        list[n] = (struct candidate){ .row = &ops[i], .args = args[n] };
        n++;
    }
    /* As oper_select_candidate: unknown alone counts as text-like input to the matching rules. */
    size_t matching = candidates_match(a, n_args, inputs, list, n);
    if (matching == 1)
        chosen = &list[0];
    else if (matching > 1)
        chosen = candidates_select(a, n_args, inputs, list, matching);
    *ret_ambiguous = !chosen && matching > 1;
    return chosen ? chosen->row : NULL;
}

/* Operators of ranges are PostgreSQL's, and nobody here computes them. l: empty for a prefix operator. */
static bool refuse_range_operator(A *a, struct str name, struct str l, struct str r, int location)
{
    unsupported_at(a, location, "operator %.*s%s%.*s %.*s", STR_FMT(l), l.n ? " " : "", STR_FMT(name), STR_FMT(r));
    return err_hint(a->err, "Keep the bounds in two columns, and compare these.");
}

static struct str operand_text(A *a, oid_t type)
{
    return type ? type_text(a, type, -1) : (struct str){ 0 };
}

const struct pg_operator *find_operator(A *a, struct str name, oid_t left, oid_t right, bool missing_ok, int location)
{
    bool ambiguous;
    const struct pg_operator *found = search_operator(a, name, left, right, &ambiguous);
    if (!found && !missing_ok)
        fail_operator(a, name, operand_text(a, left), operand_text(a, right), ambiguous, location);
    if (found && !missing_ok && (type_range(a, left) || type_range(a, right))) {
        refuse_range_operator(a, name, operand_text(a, left), operand_text(a, right), location);
        return NULL;
    }
    return found;
}

const struct pg_operator *equality_operator(A *a, oid_t type, int location, bool missing_ok)
{
    const struct pg_operator *op = NULL;
    /* json has no equality; point and others neither: the operator must exist and compare the type with itself. */
    if (type != TYPE_OID_json && type != TYPE_OID_xml && type != TYPE_OID_point)
        op = find_operator(a, STR("="), type, type, true, location);
    if (!op && !missing_ok)
        fail_at(a, location, SQLSTATE_UNDEFINED_FUNCTION, "could not identify an equality operator for type %.*s",
                STR_FMT(type_text(a, type, -1)));
    return op;
}

static bool fail_operands(A *a, struct str name, const struct expr *left, const struct expr *right, bool ambiguous,
                          int location)
{
    return fail_operator(a, name, left ? expr_type_text(a, left) : (struct str){ 0 }, expr_type_text(a, right),
                         ambiguous, location);
}

struct expr *make_operator(A *a, struct str schema, struct str name, struct expr *left, struct expr *right,
                           int location)
{
    if (schema.n && !str_is(schema, "pg_catalog")) {
        if (check_schema(a, schema, location))
            unsupported_at(a, location, "operator of schema %.*s", STR_FMT(schema));
        return NULL;
    }
    oid_t left_type = left ? left->type : 0;
    bool ambiguous;
    const struct pg_operator *op = search_operator(a, name, left_type, right->type, &ambiguous);
    if (!op) {
        fail_operands(a, name, left, right, ambiguous, location);
        return NULL;
    }
    oid_t actual[2] = { left_type, right->type }, declared[2] = { op->left, op->right };
    size_t from = left ? 0 : 1;
    oid_t result = generic_resolve(a, actual + from, declared + from, 2 - from, op->result);
    if (!result) {
        if (!err_is_set(a->err))
            fail_operands(a, name, left, right, false, location);
        return NULL;
    }
    if (type_range(a, declared[0]) || type_range(a, declared[1])) {
        refuse_range_operator(a, name, left ? expr_type_text(a, left) : (struct str){ 0 }, expr_type_text(a, right),
                              location);
        return NULL;
    }
    struct expr *e = expr_new(a, EXPR_FUNC, result, -1, location);
    if (!e || !(e->args = NEW_ARRAY(a, struct expr *, 2)))
        return NULL;
    struct expr *sides[2] = { left, right };
    for (size_t i = from; i < 2; i++) {
        struct expr *arg = coerce_type(a, sides[i], declared[i], -1, COERCION_IMPLICIT, false, -1);
        if (!arg)
            return NULL;
        e->args[e->n_args++] = arg;
    }
    e->call.proc = pg_proc_by_oid(op->proc);
    e->call.op_name = op->name;
    e->call.form = CALL_OPERATOR;
    if (!e->call.proc) {
        unsupported_at(a, location, "operator %.*s", STR_FMT(name));
        return NULL;
    }
    return e;
}

struct expr *make_scalar_array(A *a, struct str name, bool any, struct expr *left, struct expr *right, int location)
{
    oid_t element = right->type == TYPE_OID_unknown ? TYPE_OID_unknown : type_element(a, right->type);
    if (!element) {
        fail_at(a, location, SQLSTATE_WRONG_OBJECT_TYPE, "op ANY/ALL (array) requires array on right side");
        return NULL;
    }
    const struct pg_operator *op = find_operator(a, name, left->type, element, false, location);
    if (!op)
        return NULL;
    if (op->result != TYPE_OID_bool) {
        fail_at(a, location, SQLSTATE_WRONG_OBJECT_TYPE, "op ANY/ALL (array) requires operator to yield boolean");
        return NULL;
    }
    oid_t actual[2] = { left->type, element }, declared[2] = { op->left, op->right };
    if (!generic_resolve(a, actual, declared, 2, op->result)) {
        fail_operator(a, name, expr_type_text(a, left), type_text(a, element, -1), false, location);
        return NULL;
    }
    oid_t array = type_array(a, declared[1]);
    struct expr *e = expr_new(a, any ? EXPR_ANY_ARRAY : EXPR_ALL_ARRAY, TYPE_OID_bool, -1, location);
    if (!e || !(e->args = NEW_ARRAY(a, struct expr *, 2)))
        return NULL;
    e->args[0] = coerce_type(a, left, declared[0], -1, COERCION_IMPLICIT, false, -1);
    e->args[1] = !e->args[0]                   ? NULL
                 : declared[1] == TYPE_OID_any ? right
                                               : coerce_type(a, right, array, -1, COERCION_IMPLICIT, false, -1);
    e->n_args = 2;
    e->call.proc = pg_proc_by_oid(op->proc);
    e->call.op_name = op->name;
    e->call.form = CALL_OPERATOR;
    return e->args[0] && e->args[1] ? e : NULL;
}
