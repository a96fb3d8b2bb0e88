/* analyze_missing.c - names of tables and columns that are not there, and what may have been meant (PostgreSQL 15: errorMissingRTE,
 * errorMissingColumn). */
#include "proxy/sql/analyze_internal.h"

#include "proxy/base/utf8.h"

enum { MAX_DISTANCE = 3, MAX_NAME = 64 };

/* How many characters are put in, left out or exchanged between two names; `most` + 1 when more than `most`. */
static int distance(struct str x, struct str y, int most)
{
    int row[MAX_NAME + 1], n = 0;
    for (size_t at = 0; at < y.n && n < MAX_NAME; at += utf8_width(y, at))
        n++;
    for (int k = 0; k <= n; k++)
        row[k] = k;
    int i = 0;
    for (size_t at = 0; at < x.n; at += utf8_width(x, at)) {
        int corner = row[0], k = 0;
        row[0] = ++i;
        for (size_t to = 0; to < y.n && k < n; to += utf8_width(y, to)) {
            int exchanged = corner + (utf8_code(x, at) != utf8_code(y, to));
            corner = row[++k];
            int other = (corner < row[k - 1] ? corner : row[k - 1]) + 1;
            row[k] = exchanged < other ? exchanged : other;
        }
    }
    return row[n] > most ? most + 1 : row[n];
}

struct near_column {
    const struct rte *rte;
    size_t column; /* counted from 1; 0: it is there by its right name, but out of reach */
};

struct search {
    struct near_column first, second;
    int distance;
};

/* One column as what may have been meant; more than two that are as near say nothing. */
static void consider(struct search *s, const struct rte *r, size_t column, struct str name, int penalty)
{
    struct str actual = r->columns[column].name;
    struct near_column found = { r, column + 1 };
    if (penalty > s->distance || actual.n == 0)
        return;
    int d = distance(actual, name, s->distance + 1 - penalty);
    if (d > (int)name.n / 2)
        return;
    d += penalty;
    if (d < s->distance) {
        *s = (struct search){ .first = found, .distance = d };
    } else if (d == s->distance && s->second.column) {
        *s = (struct search){ .distance = d - 1 };
    } else if (d == s->distance && s->first.column) {
        s->second = found;
    } else if (d == s->distance && s->distance <= MAX_DISTANCE) {
        s->first = found;
    }
}

/* The columns of one entry. *ret_exact: one has the very name; 42702 when two have. */
static bool search_entry(A *a, struct search *s, const struct rte *r, struct str name, int penalty, int location,
                         bool *ret_exact)
{
    size_t same = 0;
    for (size_t c = 0; c < r->n_columns; c++) {
        same += str_eq(r->columns[c].name, name);
        if (same > 1)
            return fail_at(a, location, SQLSTATE_AMBIGUOUS_COLUMN, "column reference \"%.*s\" is ambiguous",
                           STR_FMT(name));
        consider(s, r, c, name, penalty);
    }
    *ret_exact = same == 1;
    return true;
}

/* Every entry of this query and those around it, whether it is in reach or not. */
static bool search_column(A *a, const struct scope *scope, struct str table, struct str name, int location,
                          struct search *s)
{
    *s = (struct search){ .distance = MAX_DISTANCE + 1 };
    for (; scope; scope = scope->parent) {
        size_t n = scope->query->n_rtable;
        for (size_t i = 0; i < n + scope->n_leaves; i++) {
            const struct rte *r = i < n ? &scope->query->rtable[i] : &scope->leaves[i - n];
            bool exact = false;
            if (r->kind == RTE_JOIN || !r->in_from)
                continue;
            int penalty = table.n ? distance(table, r->alias, MAX_DISTANCE + 1) : 0;
            if (!search_entry(a, s, r, name, penalty, location, &exact))
                return false;
            if (exact && penalty == 0) {
                *s = (struct search){ .first = { r, 0 } };
                return true;
            }
        }
    }
    return true;
}

static struct str near_name(const struct near_column *c)
{
    return c->rte->columns[c->column - 1].name;
}

bool fail_missing_column(A *a, const struct scope *s, struct str table, struct str name, int location)
{
    struct search found;
    if (!search_column(a, s, table, name, location, &found))
        return false;
    if (table.n)
        fail_at(a, location, SQLSTATE_UNDEFINED_COLUMN, "column %.*s.%.*s does not exist", STR_FMT(table),
                STR_FMT(name));
    else
        fail_at(a, location, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" does not exist", STR_FMT(name));
    const struct near_column *first = &found.first, *second = &found.second;
    if (!first->rte)
        return false;
    if (!first->column)
        return err_hint(
            a->err,
            "There is a column named \"%.*s\" in table \"%.*s\", but it cannot be referenced from this part "
            "of the query.",
            STR_FMT(name), STR_FMT(first->rte->alias));
    if (!second->rte)
        return err_hint(a->err, "Perhaps you meant to reference the column \"%.*s.%.*s\".", STR_FMT(first->rte->alias),
                        STR_FMT(near_name(first)));
    return err_hint(a->err, "Perhaps you meant to reference the column \"%.*s.%.*s\" or the column \"%.*s.%.*s\".",
                    STR_FMT(first->rte->alias), STR_FMT(near_name(first)), STR_FMT(second->rte->alias),
                    STR_FMT(near_name(second)));
}

/* An entry whose table, WITH query or alias has that name, whether it is in reach or not. */
static const struct rte *search_table(A *a, struct scope *s, struct str schema, struct str name)
{
    int up = 0;
    const struct cte *cte = schema.n ? NULL : find_cte(s, name, &up);
    const struct relation *relation =
        cte ? NULL : snapshot_relation(a->snapshot, a->settings->search_path, a->settings->n_search_path, schema, name);
    for (; s; s = s->parent) {
        for (size_t i = 0; i < s->query->n_rtable; i++) {
            const struct rte *r = &s->query->rtable[i];
            struct str alias = r->kind == RTE_JOIN && !r->alias.n ? STR("unnamed_join") : r->alias;
            if (r->in_from && ((relation && r->relation == relation) || (cte && r->kind == RTE_CTE && r->cte == cte) ||
                               str_eq(alias, name)))
                return r;
        }
    }
    return NULL;
}

bool fail_missing_table(A *a, struct scope *s, struct str schema, struct str name, int location)
{
    int up, rte;
    const struct rte *r = search_table(a, s, schema, name), *reached = NULL;
    if (!r)
        return fail_at(a, location, SQLSTATE_UNDEFINED_TABLE, "missing FROM-clause entry for table \"%.*s\"",
                       STR_FMT(name));
    struct str alias = r->kind == RTE_JOIN && !r->alias.n ? STR("unnamed_join") : r->alias;
    if (r->has_alias && !str_eq(alias, name) &&
        !find_table(a, s, (struct str){ 0 }, alias, location, &up, &rte, &reached))
        return false;
    fail_at(a, location, SQLSTATE_UNDEFINED_TABLE, "invalid reference to FROM-clause entry for table \"%.*s\"",
            STR_FMT(name));
    if (reached == r)
        return err_hint(a->err, "Perhaps you meant to reference the table alias \"%.*s\".", STR_FMT(alias));
    return err_hint(a->err,
                    "There is an entry for table \"%.*s\", but it cannot be referenced from this part of the query.",
                    STR_FMT(alias));
}
