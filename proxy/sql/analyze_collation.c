/* analyze_collation.c - COLLATE, of expressions and of columns, domains and indexes; which collation a value has. */
#include "proxy/sql/analyze_internal.h"

#include "proxy/catalog/collation.h"

/* Collations that compare by code point, as the database does; and names of others that PostgreSQL may have. */
static const char *const taken[] = { "C", "POSIX", "default", "ucs_basic", "C.UTF-8", "C.utf8" }, *const others[] = {
    "en_US", "en_US.utf8", "de_DE", "unicode", "und-x-icu", "en-x-icu"
};

static bool is_one_of(struct str name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

static bool takes_collation(A *a, oid_t type)
{
    oid_t base = type_base(a, type), element = type_element(a, base);
    oid_t one = element ? type_base(a, element) : base;
    return type_category(a, one, NULL) == 'S';
}

/* C.UTF-8 is what the database itself has (pg_database.datcollate). */
static oid_t collation_taken(struct str name)
{
    oid_t oid = collation_named(name);
    return oid ? oid : OID_DEFAULT_COLLATION;
}

bool analyze_collation(A *a, Node *const *names, size_t n, oid_t type, int location, oid_t *ret)
{
    struct str schema, name;
    if (!name_parts(a, names, n, location, &schema, &name) || !check_schema(a, schema, location))
        return false;
    if (is_one_of(name, others, sizeof(others) / sizeof(others[0]))) {
        unsupported_at(a, location, "collation \"%.*s\"", STR_FMT(name));
        return err_hint(a->err, "Text is compared by code point; COLLATE \"C\" says so.");
    }
    if (!is_one_of(name, taken, sizeof(taken) / sizeof(taken[0])))
        return fail_at(a, location, SQLSTATE_UNDEFINED_OBJECT,
                       "collation \"%.*s\" for encoding \"UTF8\" does not exist", STR_FMT(name));
    if (ret)
        *ret = collation_taken(name);
    return takes_collation(a, type) ||
           fail_at(a, location, SQLSTATE_DATATYPE_MISMATCH, "collations are not supported by type %.*s",
                   STR_FMT(type_text(a, type, -1)));
}

/* ---- which collation a value has ---- */
struct derived {
    enum { DERIVED_NONE, DERIVED_IMPLICIT, DERIVED_CONTRADICTION, DERIVED_EXPLICIT } strength;
    oid_t collation;
};

/* merge_collation_state: the stronger one; of two implicit ones the one that is not the database's own. */
static void merge(struct derived *into, struct derived one)
{
    if (one.strength > into->strength) {
        *into = one;
    } else if (one.strength == into->strength && one.collation != into->collation) {
        if (one.strength == DERIVED_IMPLICIT && into->collation == OID_DEFAULT_COLLATION)
            into->collation = one.collation;
        else if (one.strength == DERIVED_IMPLICIT && one.collation != OID_DEFAULT_COLLATION)
            into->strength = DERIVED_CONTRADICTION;
    }
}

static struct derived derive(const struct snapshot *s, const struct expr *x);

static void merge_inside(const struct snapshot *s, const struct expr *x, struct derived *into)
{
    if (x->kind == EXPR_CASE) {
        for (size_t i = 0; i < x->cases.n_arms; i++)
            merge(into, derive(s, x->cases.arms[i].then));
        if (x->cases.otherwise)
            merge(into, derive(s, x->cases.otherwise));
        return;
    }
    for (size_t i = 0; i < x->n_args; i++)
        merge(into, derive(s, x->args[i]));
}

/* assign_collations_walker */
static struct derived derive(const struct snapshot *s, const struct expr *x)
{
    struct derived inside = { DERIVED_NONE, 0 };
    oid_t own = collation_of_type(s, x->type);
    if (!own)
        return inside;
    if (x->is_collated)
        return (struct derived){ DERIVED_EXPLICIT, x->collation };
    if (x->collation)
        return (struct derived){ DERIVED_IMPLICIT, x->collation };
    if (x->kind == EXPR_SUBLINK) {
        oid_t column = query_output_collation(s, x->sublink.query, 0, NULL);
        return (struct derived){ DERIVED_IMPLICIT, column ? column : own };
    }
    merge_inside(s, x, &inside);
    return inside.strength == DERIVED_NONE ? (struct derived){ DERIVED_IMPLICIT, own } : inside;
}

static oid_t told(const struct snapshot *s, oid_t type, struct derived d, bool *ret_contradicts)
{
    if (ret_contradicts)
        *ret_contradicts = d.strength == DERIVED_CONTRADICTION;
    return d.strength == DERIVED_CONTRADICTION || d.collation == collation_of_type(s, type) ? 0 : d.collation;
}

oid_t expr_collation(const struct snapshot *s, const struct expr *x, bool *ret_contradicts)
{
    return told(s, x->type, derive(s, x), ret_contradicts);
}

oid_t query_output_collation(const struct snapshot *s, const struct query *q, size_t column, bool *ret_contradicts)
{
    const struct target *targets = q->command == COMMAND_SELECT ? q->targets : q->returning;
    const struct expr *x = targets[column].expr;
    struct derived both;
    if (q->set_operation == SETOP_NONE)
        return expr_collation(s, x, ret_contradicts);
    oid_t own = collation_of_type(s, x->type), left = query_output_collation(s, q->left, column, NULL),
          right = query_output_collation(s, q->right, column, NULL);
    both = (struct derived){ DERIVED_IMPLICIT, left ? left : own };
    merge(&both, (struct derived){ DERIVED_IMPLICIT, right ? right : own });
    return told(s, x->type, both, ret_contradicts);
}
