/* analyze_candidates.c - see the header; the order of steps is that of PostgreSQL 15's func_select_candidate. */
#include "proxy/sql/analyze_candidates.h"

size_t candidates_match(A *a, size_t n_args, const oid_t *inputs, struct candidate *list, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (can_coerce(a, n_args, inputs, list[i].args, COERCION_IMPLICIT))
            list[kept++] = list[i];
    return kept;
}

/* Keeps the candidates with the most points; points[i] belongs to list[i]. */
static size_t keep_best(struct candidate *list, const int *points, size_t n)
{
    int best = 0;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        best = points[i] > best ? points[i] : best;
    for (size_t i = 0; i < n; i++)
        if (points[i] == best)
            list[kept++] = list[i];
    return kept;
}

enum { MAX_CANDIDATES = 512 };

static size_t keep_exact(A *a, size_t n_args, const oid_t *base, struct candidate *list, size_t n)
{
    int points[MAX_CANDIDATES];
    (void)a;
    for (size_t i = 0; i < n; i++) {
        points[i] = 0;
        for (size_t k = 0; k < n_args; k++)
            points[i] += base[k] != TYPE_OID_unknown && list[i].args[k] == base[k];
    }
    return keep_best(list, points, n);
}

static size_t keep_preferred(A *a, size_t n_args, const oid_t *base, const char *category, struct candidate *list,
                             size_t n)
{
    int points[MAX_CANDIDATES];
    for (size_t i = 0; i < n; i++) {
        points[i] = 0;
        for (size_t k = 0; k < n_args; k++) {
            bool preferred;
            char of = type_category(a, list[i].args[k], &preferred);
            if (base[k] != TYPE_OID_unknown)
                points[i] += list[i].args[k] == base[k] || (of == category[k] && preferred);
        }
    }
    return keep_best(list, points, n);
}

/* Step for unknown arguments: the category that the candidates agree on, strings preferred. False: not resolved. */
static bool unknown_categories(A *a, size_t n_args, const oid_t *base, char *category, bool *has_preferred,
                               const struct candidate *list, size_t n)
{
    bool resolved = false;
    for (size_t k = 0; k < n_args; k++) {
        bool conflict = false;
        if (base[k] != TYPE_OID_unknown)
            continue;
        resolved = true;
        category[k] = 0;
        has_preferred[k] = false;
        for (size_t i = 0; i < n; i++) {
            bool preferred;
            char of = type_category(a, list[i].args[k], &preferred);
            if (!category[k]) {
                category[k] = of;
                has_preferred[k] = preferred;
            } else if (of == category[k]) {
                has_preferred[k] |= preferred;
            } else if (of == 'S') {
                category[k] = of;
                has_preferred[k] = preferred;
            } else {
                conflict = conflict || category[k] != 'S';
            }
        }
        if (conflict && category[k] != 'S')
            return false;
    }
    return resolved;
}

static size_t keep_categories(A *a, size_t n_args, const oid_t *base, const char *category, const bool *has_preferred,
                              struct candidate *list, size_t n)
{
    size_t kept = 0;
    struct candidate saved[MAX_CANDIDATES];
    memcpy(saved, list, n * sizeof(*list));
    for (size_t i = 0; i < n; i++) {
        bool keep = true;
        for (size_t k = 0; k < n_args && keep; k++) {
            bool preferred;
            if (base[k] != TYPE_OID_unknown)
                continue;
            char of = type_category(a, saved[i].args[k], &preferred);
            keep = of == category[k] && (preferred || !has_preferred[k]);
        }
        if (keep)
            list[kept++] = saved[i];
    }
    if (kept)
        return kept;
    memcpy(list, saved, n * sizeof(*list));
    return n;
}

/* Last chance: unknowns taken to be of the one type the known arguments share. */
static struct candidate *assume_same(A *a, size_t n_args, const oid_t *base, struct candidate *list, size_t n)
{
    oid_t known = TYPE_OID_unknown, assumed[CALL_ARGS_MAX];
    for (size_t k = 0; k < n_args; k++) {
        if (base[k] == TYPE_OID_unknown)
            continue;
        if (known == TYPE_OID_unknown)
            known = base[k];
        else if (known != base[k])
            return NULL;
    }
    if (known == TYPE_OID_unknown)
        return NULL;
    for (size_t k = 0; k < n_args; k++)
        assumed[k] = known;
    struct candidate *found = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!can_coerce(a, n_args, assumed, list[i].args, COERCION_IMPLICIT))
            continue;
        if (found)
            return NULL;
        found = &list[i];
    }
    return found;
}

struct candidate *candidates_select(A *a, size_t n_args, const oid_t *inputs, struct candidate *list, size_t n)
{
    oid_t base[CALL_ARGS_MAX];
    char category[CALL_ARGS_MAX];
    bool has_preferred[CALL_ARGS_MAX] = { false };
    size_t n_unknown = 0;
    if (n > MAX_CANDIDATES || n_args > CALL_ARGS_MAX)
        return NULL;
    for (size_t k = 0; k < n_args; k++) {
        base[k] = inputs[k] == TYPE_OID_unknown ? inputs[k] : type_base(a, inputs[k]);
        category[k] = type_category(a, base[k], NULL);
        n_unknown += base[k] == TYPE_OID_unknown;
    }
    n = keep_exact(a, n_args, base, list, n);
    if (n == 1)
        return list;
    n = keep_preferred(a, n_args, base, category, list, n);
    if (n == 1)
        return list;
    if (n_unknown == 0)
        return NULL;
    if (unknown_categories(a, n_args, base, category, has_preferred, list, n)) {
        n = keep_categories(a, n_args, base, category, has_preferred, list, n);
        if (n == 1)
            return list;
    }
    return n_unknown < n_args ? assume_same(a, n_args, base, list, n) : NULL;
}
