/* analyze_coerce.c - coercions of expressions, common types, polymorphic functions (PostgreSQL 15: parse_coerce.c). */
#include "pgwire/datetime.h"
#include "proxy/catalog/reg_names.h"
#include "proxy/sql/analyze_internal.h"

#include "proxy/catalog/collation.h"
#include "proxy/sql/path_patterns.h"

/* --- constants and parameters of undetermined type --- */

struct expr *const_null(A *a, oid_t type, int32_t typmod, int location)
{
    struct expr *e = expr_new(a, EXPR_CONST, type, typmod, location);
    if (e) {
        e->constant.is_null = true;
        e->constant.literal = -1;
    }
    return e;
}

struct expr *const_int4(A *a, int32_t value)
{
    struct expr *e = expr_new(a, EXPR_CONST, TYPE_OID_int4, -1, -1);
    if (e) {
        e->constant.value = value_integer(value);
        e->constant.literal = -1;
        e->constant.text = arena_printf(a->arena, "%d", value);
    }
    return e;
}

struct expr *const_bool(A *a, bool value, int location)
{
    struct expr *e = expr_new(a, EXPR_CONST, TYPE_OID_bool, -1, location);
    if (e) {
        e->constant.value = value_integer(value);
        e->constant.literal = -1;
        e->constant.text = value ? STR("t") : STR("f");
    }
    return e;
}

/* The names behind reg* types are the catalogue's, not the codec's. */
static bool reg_input(A *a, oid_t type, struct str text, int location, struct value *ret)
{
    struct system_source source = { .snapshot = a->snapshot };
    oid_t oid;
    if (!reg_find(&source, a->settings->search_path, a->settings->n_search_path, type, text, a->arena, &oid, a->err)) {
        if (!a->err->position)
            a->err->position = analyze_position(a->text, location);
        return false;
    }
    *ret = value_integer(oid);
    return true;
}

/* '{int4,text}'::regtype[] */
static bool reg_list_input(A *a, oid_t element, struct str text, int location, struct value *ret)
{
    struct system_source source = { .snapshot = a->snapshot };
    const struct sql_settings *s = a->settings;
    struct value texts;
    if (snapshot_decode(a->snapshot, TYPE_OID__text, WIRE_TEXT, text, s->types, a->arena, &texts, a->err) &&
        reg_find_list(&source, s->search_path, s->n_search_path, element, texts.bytes, a->arena, &ret->bytes, a->err)) {
        ret->class = VALUE_TEXT;
        return true;
    }
    if (!a->err->position)
        a->err->position = analyze_position(a->text, location);
    return false;
}

/* interval '1' year: the fields of the type say what a bare number means, so they belong to the input. */
static bool interval_input(A *a, struct expr *e, struct str text, struct err *err)
{
    struct interval v;
    struct str stored;
    e->constant.literal = -1;
    if (!interval_parse(text, e->typmod, a->settings->types, &v, err) ||
        !interval_to_storage(&v, a->arena, &stored, err))
        return false;
    e->constant.value = value_text(stored);
    return true;
}

/* The input function of `target` on a constant's text. */
static bool decode_constant(A *a, struct expr *e, struct str text, oid_t target)
{
    oid_t base = type_base(a, target);
    if (is_reg_type(base)) {
        e->constant.literal = -1; /* resolved by name now: part of the plan */
        return reg_input(a, base, text, e->location, &e->constant.value);
    }
    if (is_reg_type(snapshot_element_type(a->snapshot, base))) {
        e->constant.literal = -1;
        return reg_list_input(a, snapshot_element_type(a->snapshot, base), text, e->location, &e->constant.value);
    }
    struct err local;
    err_init(&local, a->arena);
    bool fields = base == TYPE_OID_interval && e->typmod >= 0;
    bool ok = fields ? interval_input(a, e, text, &local)
                     : snapshot_decode(a->snapshot, base, WIRE_TEXT, text, a->settings->types, a->arena,
                                       &e->constant.value, &local);
    if (!ok || !path_patterns_check(base, &e->constant.value, a->arena, &local)) {
        if (!a->err->message.p || !err_is_set(a->err)) {
            err_copy(a->err, &local);
            a->err->position = analyze_position(a->text, e->location);
        }
        return false;
    }
    return true;
}

/* Each element of a value that is read would have to be checked. */
static bool refuse_ruled_elements(A *a, oid_t type, int location)
{
    const struct user_type *domain = snapshot_ruled_element(a->snapshot, type);
    if (!domain)
        return true;
    unsupported_at(a, location, "an array of domain %.*s, which has constraints,",
                   STR_FMT(type_text(a, domain->oid, -1)));
    return false;
}

/* COLLATE stood behind it when it had no type yet. */
static void keep_collation(A *a, struct expr *e)
{
    if (e->is_collated && !collation_of_type(a->snapshot, e->type)) {
        e->is_collated = false;
        e->collation = 0;
    }
}

struct expr *const_from_unknown(A *a, struct expr *e, oid_t target, int32_t typmod)
{
    struct expr *c = NEW(a, struct expr);
    if (!c || (!e->constant.is_null && !refuse_ruled_elements(a, target, e->location)))
        return NULL;
    *c = *e;
    c->type = target;
    c->typmod = typmod;
    keep_collation(a, c);
    if (!e->constant.is_null && !decode_constant(a, c, e->constant.text, target))
        return NULL;
    return c;
}

static int leftmost(int x, int y)
{
    return x < 0 ? y : y < 0 || x < y ? x : y;
}

static struct expr *coerce_param(A *a, struct expr *e, oid_t target, int location)
{
    oid_t *known = &a->param_types[e->param.number - 1];
    if (*known == TYPE_OID_unknown || *known == 0) {
        *known = target;
    } else if (*known != target) {
        fail_at(a, location >= 0 ? location : e->location, SQLSTATE_AMBIGUOUS_PARAMETER,
                "inconsistent types deduced for parameter $%d", e->param.number);
        err_detail(a->err, "%.*s versus %.*s", STR_FMT(type_text(a, *known, -1)), STR_FMT(type_text(a, target, -1)));
        return NULL;
    }
    struct expr *p = NEW(a, struct expr);
    if (!p || !refuse_ruled_elements(a, target, e->location))
        return NULL;
    *p = *e;
    p->type = target;
    p->typmod = -1;
    keep_collation(a, p);
    p->location = leftmost(e->location, location);
    return p;
}

/* --- where an expression starts --- */

int expr_start(const struct expr *e)
{
    switch (e->kind) {
    case EXPR_ROW_COMPARE: /* of fields: the rows themselves are gone */
        return e->args[0]->n_args ? expr_start(e->args[0]->args[0]) : e->location;
    case EXPR_FUNC:
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
    case EXPR_NULLIF:
    case EXPR_IS_NULL:
    case EXPR_IS_NOT_NULL:
    case EXPR_IS_TRUE:
    case EXPR_IS_NOT_TRUE:
    case EXPR_IS_FALSE:
    case EXPR_IS_NOT_FALSE:
    case EXPR_IS_UNKNOWN:
    case EXPR_IS_NOT_UNKNOWN:
    case EXPR_DISTINCT:
    case EXPR_NOT_DISTINCT:
    case EXPR_ANY_ARRAY:
    case EXPR_ALL_ARRAY:
    case EXPR_IN_LIST:
    case EXPR_NOT_IN_LIST:
    case EXPR_SUBSCRIPT:
    case EXPR_RELABEL:
    case EXPR_IO_CAST:
    case EXPR_ARRAY_CAST:
    case EXPR_TYPMOD:
    case EXPR_DOMAIN_CHECK:
    case EXPR_SUBLINK: /* of IN and ANY: what stands before */
        break;
    default:
        return e->location;
    }
    int first = -1; /* of the first argument that has a place */
    for (size_t i = 0; i < e->n_args && first < 0; i++)
        first = expr_start(e->args[i]);
    return leftmost(e->location, first);
}

/* --- coerce_type --- */

static struct expr *wrap(A *a, enum expr_kind kind, struct expr *arg, oid_t type, int32_t typmod, bool is_explicit,
                         int location)
{
    struct expr *e = expr_new(a, kind, type, typmod, location);
    if (!e || !(e->args = NEW_ARRAY(a, struct expr *, 1)))
        return NULL;
    e->args[0] = arg;
    e->n_args = 1;
    e->coercion.is_explicit = is_explicit;
    return e;
}

/* The length of the base type cuts only what is cast: an assignment of something longer fails. */
static struct expr *to_domain(A *a, struct expr *e, oid_t domain, enum coercion_context context, bool is_explicit,
                              int location)
{
    struct expr *base = e;
    int32_t typmod = -1; /* of the lowest of domains over domains */
    snapshot_base_type(a->snapshot, domain, &typmod);
    if (typmod >= 0 && coerce_to_target(a, e, type_base(a, domain), typmod, context, location, &base) && !base)
        return NULL;
    return base ? wrap(a, EXPR_DOMAIN_CHECK, base, domain, -1, is_explicit, location) : NULL;
}

static struct expr *function_cast(A *a, const struct pg_proc *proc, struct expr *e, oid_t target, int32_t typmod,
                                  bool is_explicit, int location)
{
    struct expr *c = expr_new(a, EXPR_FUNC, target, typmod, location);
    if (!c || !(c->args = NEW_ARRAY(a, struct expr *, 3)))
        return NULL;
    c->args[c->n_args++] = e;
    if (proc->n_args >= 2) {
        struct expr *m = const_int4(a, typmod);
        if (!m)
            return NULL;
        c->args[c->n_args++] = m;
    }
    if (proc->n_args == 3) {
        struct expr *b = const_bool(a, is_explicit, -1);
        if (!b)
            return NULL;
        c->args[c->n_args++] = b;
    }
    c->call.proc = proc;
    c->call.form = is_explicit ? CALL_EXPLICIT_CAST : CALL_IMPLICIT_CAST;
    return c;
}

static struct expr *array_cast(A *a, struct expr *e, oid_t target, int32_t typmod, enum coercion_context context,
                               bool is_explicit, int location)
{
    oid_t from = type_element(a, e->type), to = type_element(a, target);
    struct expr *test = expr_new(a, EXPR_CASE_TEST, from, -1, -1);
    struct expr *element = test ? coerce_type(a, test, to, typmod, context, is_explicit, location) : NULL;
    struct expr *c = element ? expr_new(a, EXPR_ARRAY_CAST, target, typmod, location) : NULL;
    if (!c || !(c->args = NEW_ARRAY(a, struct expr *, 1)))
        return NULL;
    c->args[0] = e;
    c->n_args = 1;
    c->array_cast.element = element;
    c->typmod = element->typmod; /* a length that the elements' cast did not take is still to come */
    return c;
}

struct expr *coerce_type(A *a, struct expr *e, oid_t target, int32_t typmod, enum coercion_context context,
                         bool is_explicit, int location)
{
    if (e->type == target)
        return e;
    if (target == TYPE_OID_any || target == TYPE_OID_anyelement || target == TYPE_OID_anynonarray ||
        target == TYPE_OID_anycompatible || target == TYPE_OID_anycompatiblenonarray)
        return e;
    if ((target == TYPE_OID_anyarray || target == TYPE_OID_anyenum || target == TYPE_OID_anyrange ||
         target == TYPE_OID_anycompatiblearray) &&
        e->type != TYPE_OID_unknown)
        return e;
    if (e->type == TYPE_OID_unknown && e->kind == EXPR_CONST) {
        if (target == TYPE_OID_unknown)
            return e;
        oid_t base = type_base(a, target);
        int32_t declared = typmod; /* only interval's input looks at it */
        if (base == TYPE_OID_interval)
            snapshot_base_type(a->snapshot, target, &declared);
        else
            declared = -1;
        if (base == target)
            return const_from_unknown(a, e, target, declared);
        struct expr *c = const_from_unknown(a, e, base, declared);
        return c ? to_domain(a, c, target, context, is_explicit, location) : NULL;
    }
    if (e->type == TYPE_OID_unknown && e->kind == EXPR_PARAM)
        return coerce_param(a, e, target, location); /* a domain is looked at when the value comes (input.h) */
    if (e->type == TYPE_OID_unknown) {               /* an unknown column of a subquery: through text */
        struct expr *t = wrap(a, EXPR_RELABEL, e, TYPE_OID_text, -1, is_explicit, location);
        return t ? coerce_type(a, t, target, typmod, COERCION_EXPLICIT, is_explicit, location) : NULL;
    }
    const struct pg_proc *proc;
    oid_t base = type_base(a, target);
    enum coercion_path path = coercion_pathway(a, target, e->type, context, &proc);
    bool gives = path == PATH_FUNC && proc->result != base && !type_is_polymorphic(proc->result);
    struct expr *c = NULL;
    switch (path) {
    case PATH_FUNC:
        c = function_cast(a, proc, e, gives ? proc->result : base, proc->n_args >= 2 ? typmod : -1, is_explicit,
                          location);
        if (c && gives) /* smallint to oid goes through integer */
            c = wrap(a, EXPR_RELABEL, c, base, -1, is_explicit, location);
        break;
    case PATH_ARRAY:
        c = array_cast(a, e, base, typmod, context, is_explicit, location);
        break;
    case PATH_IO:
        c = wrap(a, EXPR_IO_CAST, e, base, -1, is_explicit, location);
        break;
    case PATH_RELABEL:
        c = type_base(a, e->type) == base && e->type == base
                ? e
                : wrap(a, EXPR_RELABEL, e, base, -1, is_explicit, location);
        break;
    case PATH_NONE:
        fail_at(a, location, SQLSTATE_CANNOT_COERCE, "cannot cast type %.*s to %.*s", STR_FMT(expr_type_text(a, e)),
                STR_FMT(type_text(a, target, -1)));
        return NULL;
    }
    if (c && base != target)
        c = to_domain(a, c, target, context, is_explicit, location);
    return c;
}

/* Types with a length coercion function in pg_cast (castsource = casttarget). */
/* The width of a char(n) that a call keeps although PostgreSQL forgets it (analyze_func.c): a cast says it again. */
static bool width_is_forgotten(const struct expr *e)
{
    while (e->kind == EXPR_SUBLINK && e->sublink.kind == SUBLINK_SCALAR && e->sublink.query->n_targets)
        e = e->sublink.query->targets[0].expr;
    return e->type == TYPE_OID_bpchar && (e->kind == EXPR_AGGREGATE || e->kind == EXPR_WINDOW);
}

static struct expr *coerce_typmod(A *a, struct expr *e, oid_t target, int32_t typmod, bool is_explicit, int location)
{
    oid_t base = type_base(a, target);
    oid_t element = type_element(a, base);
    oid_t has_length = element ? element : base;
    if (e->typmod == typmod && (typmod < 0 || !width_is_forgotten(e)))
        return e;
    if (typmod < 0) /* nothing to do, but the expression says so */
        return wrap(a, EXPR_RELABEL, e, target, -1, is_explicit, location);
    if (e->kind == EXPR_CONST && e->constant.is_null)
        return pg_cast_find(has_length, has_length) ? const_null(a, target, typmod, leftmost(e->location, location))
                                                    : e;
    if (!pg_cast_find(has_length, has_length))
        return e;
    if (e->kind == EXPR_FUNC && e->typmod == typmod && e->type == target)
        return e;
    return wrap(a, EXPR_TYPMOD, e, target, typmod, is_explicit, location);
}

bool coerce_to_target(A *a, struct expr *e, oid_t target, int32_t typmod, enum coercion_context context, int location,
                      struct expr **ret)
{
    bool is_explicit = context == COERCION_EXPLICIT;
    *ret = NULL;
    if (!can_coerce(a, 1, &e->type, &target, context))
        return true;
    struct expr *c = coerce_type(a, e, target, typmod, context, is_explicit, location);
    if (!c)
        return false;
    c = coerce_typmod(a, c, target, typmod, is_explicit, location);
    *ret = c;
    return c != NULL;
}

struct expr *coerce_to_boolean(A *a, struct expr *e, const char *construct)
{
    struct expr *c = coerce_to_specific(a, e, TYPE_OID_bool, construct);
    if (!c || !a->has_sets || !set_returning_call(c))
        return c;
    fail_at(a, expr_start(e), SQLSTATE_DATATYPE_MISMATCH, "argument of %s must not return a set", construct);
    return NULL;
}

struct expr *coerce_to_specific(A *a, struct expr *e, oid_t target, const char *construct)
{
    struct expr *c = NULL;
    if (e->type == target)
        return e;
    if (!coerce_to_target(a, e, target, -1, COERCION_ASSIGNMENT, e->location, &c))
        return NULL;
    if (!c)
        fail_at(a, expr_start(e), SQLSTATE_DATATYPE_MISMATCH, "argument of %s must be type %.*s, not type %.*s",
                construct, STR_FMT(type_text(a, target, -1)), STR_FMT(expr_type_text(a, e)));
    return c;
}

/* --- common types (10.5) --- */

/* A base type as messages about common types show it. */
static struct str common_type_text(A *a, const struct expr *e, oid_t base)
{
    return e->type == base ? expr_type_text(a, e) : type_text(a, base, -1);
}

oid_t select_common_type(A *a, struct expr *const *exprs, size_t n, const char *what)
{
    oid_t type = n ? exprs[0]->type : 0;
    size_t i;
    if (type != TYPE_OID_unknown) {
        for (i = 1; i < n && exprs[i]->type == type; i++)
            ;
        if (i >= n)
            return type;
    }
    oid_t best = n ? type_base(a, exprs[0]->type) : 0;
    size_t chosen = 0; /* whose type it is */
    bool preferred, best_preferred;
    char category, best_category = type_category(a, best, &best_preferred);
    for (i = 1; i < n; i++) {
        oid_t next = type_base(a, exprs[i]->type);
        const struct pg_proc *proc;
        if (next == TYPE_OID_unknown || next == best)
            continue;
        category = type_category(a, next, &preferred);
        if (best == TYPE_OID_unknown) {
            best = next, best_category = category, best_preferred = preferred, chosen = i;
        } else if (category != best_category) {
            if (what)
                fail_at(a, expr_start(exprs[i]), SQLSTATE_DATATYPE_MISMATCH, "%s types %.*s and %.*s cannot be matched",
                        what, STR_FMT(common_type_text(a, exprs[chosen], best)),
                        STR_FMT(common_type_text(a, exprs[i], next)));
            return 0;
        } else if (!best_preferred && coercion_pathway(a, next, best, COERCION_IMPLICIT, &proc) != PATH_NONE &&
                   coercion_pathway(a, best, next, COERCION_IMPLICIT, &proc) == PATH_NONE) {
            best = next, best_category = category, best_preferred = preferred, chosen = i;
        }
    }
    return best == TYPE_OID_unknown ? TYPE_OID_text : best;
}

/* An array becomes one of a domain: each of its elements would have to be checked. */
static bool checks_elements(A *a, const struct expr *e, oid_t type)
{
    return e->type != TYPE_OID_unknown && snapshot_ruled_element(a->snapshot, type);
}

struct expr *coerce_to_common(A *a, struct expr *e, oid_t type, const char *what)
{
    if (e->type == type)
        return e;
    if (checks_elements(a, e, type)) {
        unsupported_at(a, expr_start(e), "an array made one of a domain that has constraints, in %s,", what);
        return NULL;
    }
    if (can_coerce(a, 1, &e->type, &type, COERCION_IMPLICIT))
        return coerce_type(a, e, type, -1, COERCION_IMPLICIT, false, -1);
    fail_at(a, expr_start(e), SQLSTATE_CANNOT_COERCE, "%s could not convert type %.*s to %.*s", what,
            STR_FMT(expr_type_text(a, e)), STR_FMT(type_text(a, type, -1)));
    return NULL;
}

int32_t select_common_typmod(struct expr *const *exprs, size_t n, oid_t type)
{
    for (size_t i = 0; i < n; i++)
        if (exprs[i]->type != type || exprs[i]->typmod != exprs[0]->typmod)
            return -1;
    return n ? exprs[0]->typmod : -1;
}

/* --- polymorphic functions (38.2.5) --- */

struct generic {
    oid_t element, array; /* any… family */
    const struct range_type *range;
    oid_t common, common_array; /* anycompatible… family: filled at the end */
    oid_t compatible[CALL_ARGS_MAX];
    size_t n_compatible;
    bool failed;
};

static void note_element(struct generic *g, oid_t type)
{
    if (g->element && g->element != type)
        g->failed = true;
    g->element = type;
}

/* A range and a multirange of one subtype go together. */
static void note_range(A *a, struct generic *g, oid_t actual, bool is_multirange)
{
    const struct range_type *range = type_range(a, actual);
    bool fits = range && (type_base(a, actual) == range->multirange) == is_multirange;
    if (!fits || (g->range && g->range != range))
        g->failed = true;
    g->range = range;
}

static void note_actual(A *a, struct generic *g, oid_t declared, oid_t actual)
{
    if (actual == TYPE_OID_unknown || actual == 0)
        return;
    oid_t element = type_element(a, actual);
    switch (declared) {
    case TYPE_OID_anynonarray:
        if (element)
            g->failed = true;
        note_element(g, actual);
        break;
    case TYPE_OID_anyenum:
        if (!type_is_enum(a, actual))
            g->failed = true;
        note_element(g, actual);
        break;
    case TYPE_OID_anyelement:
        note_element(g, actual);
        break;
    case TYPE_OID_anyarray:
        actual = type_base(a, actual);
        if ((!element && actual != TYPE_OID_anyarray) || (g->array && g->array != actual))
            g->failed = true;
        else
            g->array = actual;
        break;
    case TYPE_OID_anyrange:
    case TYPE_OID_anymultirange:
        note_range(a, g, actual, declared == TYPE_OID_anymultirange);
        break;
    case TYPE_OID_anycompatiblenonarray:
        if (element)
            g->failed = true;
        g->compatible[g->n_compatible++] = actual;
        break;
    case TYPE_OID_anycompatible:
        g->compatible[g->n_compatible++] = actual;
        break;
    case TYPE_OID_anycompatiblearray:
        if (!element)
            g->failed = true;
        else
            g->compatible[g->n_compatible++] = element;
        break;
    default:
        if (type_is_polymorphic(declared))
            g->failed = true; /* ranges of the anycompatible… family, which no function has */
    }
}

static struct generic generic_collect(A *a, const oid_t *actual, const oid_t *declared, size_t n)
{
    struct generic g = { 0 };
    bool has_enum = false;
    for (size_t i = 0; i < n && i < CALL_ARGS_MAX; i++) {
        has_enum |= declared[i] == TYPE_OID_anyenum;
        note_actual(a, &g, declared[i], actual[i]);
    }
    if (has_enum && !g.element) /* unknown literals alone make no enum */
        g.failed = true;
    if (g.array == TYPE_OID_anyarray) /* a column of pg_stats, whose elements are known to nobody */
        g.failed |= g.element != 0;
    else if (g.array && !g.failed) {
        oid_t element = snapshot_element_type(a->snapshot, g.array);
        if (g.element && g.element != element && type_base(a, g.element) != element)
            g.failed = true;
        g.element = element;
    }
    if (g.range && !g.failed) {
        g.failed = g.element && type_base(a, g.element) != g.range->subtype;
        g.element = g.range->subtype;
    }
    if (g.n_compatible && !g.failed) {
        struct expr nodes[CALL_ARGS_MAX], *list[CALL_ARGS_MAX];
        for (size_t i = 0; i < g.n_compatible; i++) {
            nodes[i] = (struct expr){ .type = g.compatible[i], .typmod = -1, .location = -1 };
            list[i] = &nodes[i];
        }
        g.common = select_common_type(a, list, g.n_compatible, NULL);
        if (!g.common)
            g.failed = true;
        for (size_t i = 0; i < g.n_compatible && !g.failed; i++)
            if (!can_coerce(a, 1, &g.compatible[i], &g.common, COERCION_IMPLICIT))
                g.failed = true;
    }
    return g;
}

bool generic_consistent(A *a, const oid_t *actual, const oid_t *declared, size_t n)
{
    return !generic_collect(a, actual, declared, n).failed;
}

/* 0: it has none, as arrays have none of their own. */
static oid_t array_of(A *a, oid_t element)
{
    oid_t array = type_array(a, element);
    if (!array)
        fail_at(a, -1, SQLSTATE_UNDEFINED_OBJECT, "could not find array type for data type %.*s",
                STR_FMT(type_text(a, element, -1)));
    return array;
}

static oid_t settle(A *a, const struct generic *g, oid_t declared)
{
    oid_t element = g->element ? g->element : TYPE_OID_text, common = g->common ? g->common : TYPE_OID_text;
    switch (declared) {
    case TYPE_OID_anyelement:
    case TYPE_OID_anynonarray:
    case TYPE_OID_anyenum:
        return element;
    case TYPE_OID_anyarray:
        return g->array ? g->array : g->element ? array_of(a, element) : 0;
    case TYPE_OID_anyrange:
        return g->range ? g->range->range : 0;
    case TYPE_OID_anymultirange:
        return g->range ? g->range->multirange : 0;
    case TYPE_OID_anycompatible:
    case TYPE_OID_anycompatiblenonarray:
        return common;
    case TYPE_OID_anycompatiblearray:
        return array_of(a, common);
    default:
        return declared;
    }
}

/* The any… family, whose arguments must not all be unknown; the anycompatible… family takes text then. */
static bool is_plain_polymorphic(oid_t declared)
{
    return declared == TYPE_OID_anyelement || declared == TYPE_OID_anynonarray || declared == TYPE_OID_anyenum ||
           declared == TYPE_OID_anyarray;
}

/* An array of unknown elements can be had alone, where nothing has to be of its elements' type. */
static bool check_unknown_elements(A *a, const struct generic *g, const oid_t *declared, size_t n, oid_t result)
{
    size_t n_polymorphic = 0;
    if (g->array != TYPE_OID_anyarray)
        return true;
    for (size_t i = 0; i < n; i++)
        n_polymorphic += is_plain_polymorphic(declared[i]);
    return (n_polymorphic == 1 && (result == TYPE_OID_anyarray || !is_plain_polymorphic(result))) ||
           fail_at(a, -1, SQLSTATE_DATATYPE_MISMATCH, "cannot determine element type of \"anyarray\" argument");
}

oid_t generic_resolve(A *a, oid_t *actual, oid_t *declared, size_t n, oid_t result)
{
    struct generic g = generic_collect(a, actual, declared, n);
    if (g.failed || !check_unknown_elements(a, &g, declared, n, result))
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (!type_is_polymorphic(declared[i]))
            continue;
        if (is_plain_polymorphic(declared[i]) && !g.element && !g.array) {
            fail_at(a, -1, SQLSTATE_DATATYPE_MISMATCH,
                    "could not determine polymorphic type because input has type unknown");
            return 0;
        }
        /* A known actual type of the any… family stays as it is; anycompatible is coerced to the common type. */
        declared[i] = settle(a, &g, declared[i]);
        if (!declared[i])
            return 0;
    }
    return type_is_polymorphic(result) ? settle(a, &g, result) : result;
}
