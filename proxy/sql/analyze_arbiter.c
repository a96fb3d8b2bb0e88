/*
 * analyze_arbiter.c - which partial index ON CONFLICT … WHERE means, where the condition has parameters.
 *
 * PostgreSQL looks for the index once it has the parameters' values, as constants. Here one plan serves all values: the index whose condition
 * follows for some of them is taken, its own condition takes the written one's place, and what the values must be for it to follow is kept
 * as expressions that are looked at when they come (input.h): 42P10 where one is not true.
 *
 * Not here conditions without parameters: SQLite compares them with the index's (emit_conflict.c).
 */
#include "proxy/sql/analyze_internal.h"
#include "proxy/sql/deparse.h"

/* ---- terms of a condition ---- */

struct contents {
    bool columns, params, others;
};

static bool look_inside(struct expr *x, void *ctx)
{
    struct contents *c = ctx;
    c->columns |= x->kind == EXPR_VAR;
    c->params |= x->kind == EXPR_PARAM;
    c->others |= x->kind == EXPR_FUNC ? x->call.proc->volatility != 'i'
                                      : x->kind != EXPR_VAR && x->kind != EXPR_PARAM && x->kind != EXPR_RELABEL;
    return true;
}

static struct contents contents_of(struct expr *x)
{
    struct contents found = { 0 };
    expr_walk(x, look_inside, &found);
    return found;
}

struct comparison {
    const char *name;
    struct expr *left, *right; /* left has columns, right none */
};

static const char *mirrored(const char *name)
{
    static const char *const pairs[][2] = { { "<", ">" }, { "<=", ">=" }, { ">", "<" }, { ">=", "<=" } };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        if (strcmp(name, pairs[i][0]) == 0)
            return pairs[i][1];
    return name;
}

static bool comparison_of(const struct expr *x, struct comparison *ret)
{
    if (x->kind != EXPR_FUNC || x->n_args != 2 || !x->call.op_name || !operator_compares(str_from(x->call.op_name)))
        return false;
    bool swap = !contents_of(x->args[0]).columns;
    *ret = (struct comparison){ swap ? mirrored(x->call.op_name) : x->call.op_name, x->args[swap], x->args[!swap] };
    return contents_of(ret->left).columns && !contents_of(ret->right).columns;
}

static struct expr *const *terms_of(struct expr *const *condition, size_t *ret_n)
{
    bool many = (*condition)->kind == EXPR_AND;
    *ret_n = many ? (*condition)->n_args : 1;
    return many ? (*condition)->args : condition;
}

/* ---- what follows from what ---- */

/* x OPERATOR value gives x PREDICATE constant where value CHECK constant: PostgreSQL's table (predtest.c), but for what only = and <> have. */
static const char *check_of(const char *written, const char *predicate)
{
    static const struct {
        const char *written, *predicate, *check;
    } rows[] = {
        { "<", "<", "<=" },  { "<", "<=", "<=" }, { "<", "<>", "<=" }, { "<=", "<", "<" },  { "<=", "<=", "<=" },
        { "<=", "<>", "<" }, { ">", ">", ">=" },  { ">", ">=", ">=" }, { ">", "<>", ">=" }, { ">=", ">=", ">=" },
        { ">=", ">", ">" },  { ">=", "<>", ">" }, { "<>", "<>", "=" },
    };
    if (strcmp(written, "=") == 0)
        return predicate;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(rows[i].written, written) == 0 && strcmp(rows[i].predicate, predicate) == 0)
            return rows[i].check;
    return NULL;
}

struct inference {
    A *a;
    const struct query *q;
    struct expr *const *terms; /* of the written condition */
    size_t n_terms;
    bool *used;
    struct expr **checks;
    size_t n_checks;
};

static bool is_known_at_bind(struct expr *x)
{
    struct contents c = contents_of(x);
    return c.params && !c.others;
}

/* Whether a written term gives the index's for some values; what they must be is added. *ret_follows false: it does not. */
static bool follows(struct inference *f, size_t at, struct expr *predicate, bool *ret_follows)
{
    struct comparison written, own;
    const char *name;
    *ret_follows = false;
    if (!comparison_of(f->terms[at], &written) || !is_known_at_bind(written.right))
        return true;
    if (strcmp(written.name, "=") == 0 && expr_equal(without_relabel(predicate), without_relabel(written.left))) {
        *ret_follows = f->used[at] = true; /* active = $1 */
        return PUSH(f->a, f->checks, f->n_checks, written.right);
    }
    if (!comparison_of(predicate, &own) || !expr_equal(without_relabel(written.left), without_relabel(own.left)) ||
        !(name = check_of(written.name, own.name)))
        return true;
    struct expr *check = make_operator(f->a, (struct str){ 0 }, str_from(name), written.right, own.right, -1);
    *ret_follows = f->used[at] = true;
    return check && PUSH(f->a, f->checks, f->n_checks, check);
}

static bool term_follows(struct inference *f, struct expr *predicate, bool *ret_follows)
{
    *ret_follows = false;
    for (size_t i = 0; i < f->n_terms && !*ret_follows; i++)
        if (expr_equal(f->terms[i], predicate))
            *ret_follows = f->used[i] = true;
    for (size_t i = 0; i < f->n_terms && !*ret_follows; i++)
        if (!follows(f, i, predicate, ret_follows))
            return false;
    return true;
}

/* A term that the index does not need says nothing, unless it is NULL: then all of the condition is false. */
static bool others_are_plain(struct inference *f, bool *ret_follows)
{
    for (size_t i = 0; i < f->n_terms && *ret_follows; i++) {
        struct comparison written;
        if (f->used[i] || !contents_of(f->terms[i]).params)
            continue;
        *ret_follows = comparison_of(f->terms[i], &written) && is_known_at_bind(written.right);
        struct expr *check = *ret_follows ? expr_new(f->a, EXPR_IS_NOT_NULL, TYPE_OID_bool, -1, -1) : NULL;
        if (!*ret_follows)
            return true;
        if (!check || !(check->args = NEW_ARRAY(f->a, struct expr *, 1)))
            return false;
        check->args[check->n_args++] = written.right;
        if (!PUSH(f->a, f->checks, f->n_checks, check))
            return false;
    }
    return true;
}

static bool into_query(struct expr *x, void *ctx)
{
    if (x->kind == EXPR_VAR)
        x->var.rte = *(const int *)ctx;
    return true;
}

/* The index's condition, when it follows from the written one for some values; NULL: it never does. */
static bool infer_predicate(struct inference *f, const struct relation *r, const struct index *index, struct expr **ret)
{
    struct query *scope;
    struct expr *predicate;
    int rte = f->q->result_rte;
    size_t n;
    bool ok = true;
    *ret = NULL;
    f->checks = NULL;
    f->n_checks = 0;
    if (!(f->used = NEW_ARRAY(f->a, bool, f->n_terms)) ||
        !analyze_expression_text(f->a, index->predicate, r, "index predicate", TYPE_OID_bool, -1, &predicate, &scope))
        return false;
    expr_walk(predicate, into_query, &rte);
    struct expr *const *terms = terms_of(&predicate, &n);
    for (size_t i = 0; i < n && ok; i++)
        if (!term_follows(f, terms[i], &ok))
            return false;
    if (!others_are_plain(f, &ok))
        return false;
    *ret = ok ? predicate : NULL;
    return true;
}

/* ---- which index ---- */

static bool is_element(A *a, const struct query *q, const struct relation *r, const struct index_column *c)
{
    const struct on_conflict *k = q->on_conflict;
    struct err none;
    struct str text;
    for (size_t i = 0; i < k->n_targets; i++) {
        const struct expr *x = k->targets[i];
        err_init(&none, a->arena);
        if (c->column > 0
                ? x->kind == EXPR_VAR && r->columns[x->var.column].number == c->column
                : deparse_expression(x, q, a->snapshot, NULL, a->arena, &text, &none) && str_eq(text, c->expression))
            return true;
    }
    return false;
}

static bool is_over_elements(A *a, const struct query *q, const struct relation *r, const struct index *index)
{
    bool all = index->unique && index->n_columns == q->on_conflict->n_targets;
    for (size_t i = 0; i < index->n_columns && all; i++)
        all = is_element(a, q, r, &index->columns[i]);
    return all;
}

/* A primary key or unique constraint, whose index may be the table itself. */
static bool is_constraint_over_elements(A *a, const struct query *q, const struct relation *r)
{
    for (size_t i = 0; i < r->n_constraints; i++) {
        const struct constraint *k = &r->constraints[i];
        bool all = (k->kind == 'p' || k->kind == 'u') && k->n_columns == q->on_conflict->n_targets;
        for (size_t j = 0; j < k->n_columns && all; j++)
            all = is_element(a, q, r, &(struct index_column){ .column = k->columns[j] });
        if (all)
            return true;
    }
    return false;
}

static bool refuse_condition(struct inference *f, const char *what)
{
    unsupported_at(f->a, f->q->on_conflict->target_where->location,
                   "a parameter in the WHERE of ON CONFLICT's columns%s", what);
    return err_hint(f->a->err, "Write the condition of the index itself, with constants instead of parameters.");
}

/* The one partial index that may be meant. *ret NULL: none can be; *ret_whole: an index of all rows is there. */
static bool choose_index(struct inference *f, const struct relation *r, struct expr **ret, bool *ret_partial,
                         bool *ret_whole)
{
    struct expr *predicate, **checks = NULL;
    size_t n_checks = 0;
    *ret = NULL;
    *ret_partial = false;
    *ret_whole = is_constraint_over_elements(f->a, f->q, r);
    for (size_t i = 0; i < r->n_indexes && !*ret_whole; i++) {
        if (!is_over_elements(f->a, f->q, r, &r->indexes[i]))
            continue;
        if ((*ret_whole = !r->indexes[i].predicate.n))
            break;
        *ret_partial = true;
        if (!infer_predicate(f, r, &r->indexes[i], &predicate))
            return false;
        if (predicate && *ret)
            return refuse_condition(f, ", where several indexes may be meant,");
        if (predicate) {
            *ret = predicate;
            checks = f->checks;
            n_checks = f->n_checks;
        }
    }
    for (size_t i = 0; i < n_checks && !*ret_whole; i++)
        if (!PUSH(f->a, f->a->implied, f->a->n_implied, checks[i]))
            return false;
    return true;
}

bool infer_partial_index(A *a, const struct query *q)
{
    struct on_conflict *c = q->on_conflict;
    struct inference f = { .a = a, .q = q };
    struct expr *found;
    bool partial, whole;
    if (!c || !c->target_where || !contents_of(c->target_where).params)
        return true;
    if (q->view)
        return refuse_condition(&f, " of a view");
    f.terms = terms_of(&c->target_where, &f.n_terms);
    if (!choose_index(&f, q->rtable[q->result_rte].relation, &found, &partial, &whole))
        return false;
    if (!found && partial && !whole)
        return refuse_condition(&f, " elsewhere than in the place of a constant in the index's");
    c->target_where = whole ? NULL : found;
    return true;
}
