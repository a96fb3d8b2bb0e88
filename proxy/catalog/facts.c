/* facts.c - lookups over the tables of facts_*.def: binary searches, since every table is sorted (test_facts asserts it). */
#include "proxy/catalog/facts.h"
#include "proxy/catalog/system_pgd1.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* clang-format off */
static const struct pg_type types[] = {
#define PG_TYPE(oid, name, array, element, length, kind, category, preferred, delimiter, typelem, relation, by_value, input, output, \
                receive, send, modin, modout, analyze, subscript, align, storage, collation)                                        \
    { oid, name, array, element, length, kind, category, preferred, delimiter, typelem, relation, by_value, input, output,           \
      receive, send, modin, modout, analyze, subscript, align, storage, collation },
#include "proxy/catalog/facts_type.def"
#undef PG_TYPE
};

static const struct pg_proc procs[] = {
#define PG_ARGS(...) { __VA_ARGS__ }
#define PG_PROC(oid, name, kind, volatility, strict, set, result, variadic, n_args, n_defaults, args, source, out_args, arg_names, \
                defaults, information_schema, language, cost, rows, leakproof, parallel, support)                                 \
    { oid, name, kind, volatility, strict, set, result, variadic, n_args, n_defaults, args, source, out_args, arg_names,          \
      defaults, information_schema, language, cost, rows, leakproof, parallel, support },
#include "proxy/catalog/facts_proc.def"
#undef PG_PROC
#undef PG_ARGS
};

static const struct pg_operator operators[] = {
#define PG_OPERATOR(oid, name, kind, left, right, result, proc, commutator, negator, merge, hash, restriction, join) \
    { oid, name, kind, left, right, result, proc, commutator, negator, merge, hash, restriction, join },
#include "proxy/catalog/facts_operator.def"
#undef PG_OPERATOR
};

static const struct pg_cast casts[] = {
#define PG_CAST(source, target, proc, context, method, oid) { source, target, proc, context, method, oid },
#include "proxy/catalog/facts_cast.def"
#undef PG_CAST
};

static const struct pg_aggregate aggregates[] = {
#define PG_AGGREGATE(proc, kind, n_direct_args) { proc, kind, n_direct_args },
#include "proxy/catalog/facts_aggregate.def"
#undef PG_AGGREGATE
};

/* Where an OID's row stands in the table sorted by name. */
struct place {
    oid_t oid;
    uint16_t at;
};

static const struct place proc_places[] = {
#define PG_PROC_OID(oid, at) { oid, at },
#include "proxy/catalog/facts_proc_oid.def"
#undef PG_PROC_OID
};

static const struct place operator_places[] = {
#define PG_OPERATOR_OID(oid, at) { oid, at },
#include "proxy/catalog/facts_operator_oid.def"
#undef PG_OPERATOR_OID
};

/* Types in the order of their names. */
static const uint16_t type_places[] = {
#define PG_TYPE_NAME(at) at,
#include "proxy/catalog/facts_type_name.def"
#undef PG_TYPE_NAME
};

static const struct pg_proc_more more[] = {
#define PG_PROC_MORE(...) { __VA_ARGS__ },
#include "proxy/catalog/facts_proc_more.def"
#undef PG_PROC_MORE
};
/* clang-format on */

static const struct place *place_find(const struct place *places, size_t n, oid_t oid)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (places[middle].oid == oid)
            return &places[middle];
        if (places[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Byte order of a view against a NUL-terminated name. */
static int name_cmp(struct str name, const char *other)
{
    return str_cmp(name, str_from(other));
}

const struct pg_type *pg_type_by_oid(oid_t oid)
{
    size_t low = 0, high = COUNT(types);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (types[middle].oid == oid)
            return &types[middle];
        if (types[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct pg_type *pg_type_by_name(struct str name)
{
    size_t low = 0, high = COUNT(type_places);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct pg_type *type = &types[type_places[middle]];
        int order = name_cmp(name, type->name);
        if (order == 0)
            return type;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *pg_proc_schema(const struct pg_proc *p)
{
    if (p->is_information_schema)
        return "information_schema";
    return p->oid > PGD1_OID_FUNCTION && p->oid < PGD1_OID_END ? "pgd1" : "pg_catalog";
}

const struct pg_proc *pg_proc_by_oid(oid_t oid)
{
    const struct place *place = place_find(proc_places, COUNT(proc_places), oid);
    return place ? &procs[place->at] : system_pgd1_function(oid);
}

const struct pg_proc_more *pg_proc_more(oid_t oid)
{
    size_t low = 0, high = COUNT(more);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (more[middle].oid == oid)
            return &more[middle];
        if (more[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct pg_proc *pg_procs_by_name(struct str name, size_t *ret_n)
{
    size_t low = 0, high = COUNT(procs);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_cmp(name, procs[middle].name) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < COUNT(procs) && str_is(name, procs[end].name))
        end++;
    *ret_n = end - low;
    return end > low ? &procs[low] : NULL;
}

const struct pg_operator *pg_operator_by_oid(oid_t oid)
{
    const struct place *place = place_find(operator_places, COUNT(operator_places), oid);
    return place ? &operators[place->at] : NULL;
}

const struct pg_operator *pg_operators_by_name(struct str name, size_t *ret_n)
{
    size_t low = 0, high = COUNT(operators);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_cmp(name, operators[middle].name) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < COUNT(operators) && str_is(name, operators[end].name))
        end++;
    *ret_n = end - low;
    return end > low ? &operators[low] : NULL;
}

const struct pg_cast *pg_cast_find(oid_t source, oid_t target)
{
    size_t low = 0, high = COUNT(casts);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct pg_cast *cast = &casts[middle];
        if (cast->source == source && cast->target == target)
            return cast;
        if (cast->source < source || (cast->source == source && cast->target < target))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct pg_aggregate *pg_aggregate_by_proc(oid_t proc)
{
    size_t low = 0, high = COUNT(aggregates);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (aggregates[middle].proc == proc)
            return &aggregates[middle];
        if (aggregates[middle].proc < proc)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct pg_type *pg_types(size_t *ret_n)
{
    *ret_n = COUNT(types);
    return types;
}

const struct pg_proc *pg_procs(size_t *ret_n)
{
    *ret_n = COUNT(procs);
    return procs;
}

const struct pg_operator *pg_operators(size_t *ret_n)
{
    *ret_n = COUNT(operators);
    return operators;
}

const struct pg_cast *pg_casts(size_t *ret_n)
{
    *ret_n = COUNT(casts);
    return casts;
}

const struct pg_aggregate *pg_aggregates(size_t *ret_n)
{
    *ret_n = COUNT(aggregates);
    return aggregates;
}
