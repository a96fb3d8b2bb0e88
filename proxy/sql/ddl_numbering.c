/*
 * ddl_numbering.c - what a new serial or identity column gives the rows that are there; see ddl_alter.h.
 *
 * The rows are numbered in the order of their rowids, as nextval() would: from START by INCREMENT, and around where the sequence cycles.
 */
#include "proxy/sql/ddl_alter.h"

/* How often a sequence goes on from one value until it has to end, or to cycle. */
static uint64_t steps(const struct sequence_options *o, int64_t from)
{
    uint64_t by = o->increment > 0 ? (uint64_t)o->increment : -(uint64_t)o->increment;
    return (o->increment > 0 ? (uint64_t)o->max - (uint64_t)from : (uint64_t)from - (uint64_t)o->min) / by;
}

/* More rows than any table of D1's has. */
static bool never_ends(const struct sequence_options *o)
{
    return steps(o, o->start) >= INT32_MAX;
}

static bool options_of(struct ddl *d, const struct new_column *column, struct sequence_options *ret)
{
    return ddl_sequence_options(d, column->sequence_options, column->n_sequence_options, NULL,
                                snapshot_base_type(d->snapshot, column->column.type, NULL), ret);
}

/* The value that the row of number `n`, an SQLite expression that counts from 1, gets. */
static struct str nth_value(struct ddl *d, const struct sequence_options *o, const char *n)
{
    long long start = (long long)o->start, by = (long long)o->increment;
    if (start == 1 && by == 1 && never_ends(o))
        return ddl_printf(d, "%s", n);
    if (!o->cycle || never_ends(o))
        return ddl_printf(d, "%lld + (%s - 1) * %lld", start, n, by);
    int64_t around = o->increment > 0 ? o->min : o->max;
    unsigned long long first = steps(o, o->start) + 1, round = steps(o, around) + 1;
    return ddl_printf(d, "iif(%s <= %llu, %lld + (%s - 1) * %lld, %lld + (%s - 1 - %llu) %% %llu * %lld)", n, first,
                      start, n, by, (long long)around, n, first, round, by);
}

/* More rows than the sequence has numbers. */
static bool guard_end(struct ddl *d, const struct alter *a, const struct new_column *column,
                      const struct sequence_options *o)
{
    bool up = o->increment > 0;
    if (o->cycle || never_ends(o))
        return true;
    struct str message =
        ddl_printf(d, "nextval: reached %s value of sequence \"%.*s\" (%lld)", up ? "maximum" : "minimum",
                   STR_FMT(column->column.sequence), (long long)(up ? o->max : o->min));
    struct str rows =
        ddl_printf(d, "(SELECT count(*) AS n FROM %.*s) WHERE n > %llu", STR_FMT(ddl_quote(d, a->table->sqlite_name)),
                   (unsigned long long)steps(o, o->start) + 1);
    return ddl_guard(d, SQLSTATE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED, message, STR(""), rows);
}

bool ddl_numbered_counter(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    struct str sequence = ddl_sqlite_name(d, a->now->schema, column->column.sequence);
    struct str table = ddl_quote(d, a->now->sqlite_name);
    struct sequence_options options;
    if (!options_of(d, column, &options))
        return false;
    struct str sql = ddl_printf(
        d,
        "UPDATE _pgd1_sequence SET last_value = (SELECT %.*s FROM (SELECT max(count(*), 1) AS n FROM %.*s)), "
        "is_called = EXISTS(SELECT 1 FROM %.*s) WHERE name = ?1",
        STR_FMT(nth_value(d, &options, "n")), STR_FMT(table), STR_FMT(table));
    return sql.p && ddl_sql_texts(d, sql.p, &sequence, 1);
}

bool ddl_number_rows(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    struct str table = ddl_quote(d, a->now->sqlite_name), name = ddl_quote(d, column->column.name);
    struct sequence_options options;
    return options_of(d, column, &options) && guard_end(d, a, column, &options) &&
           ddl_sql(d,
                   "UPDATE %.*s SET %.*s = %.*s FROM (SELECT rowid AS r, row_number() OVER (ORDER BY rowid) AS n FROM "
                   "%.*s) AS s WHERE s.r = %.*s.rowid",
                   STR_FMT(table), STR_FMT(name), STR_FMT(nth_value(d, &options, "s.n")), STR_FMT(table),
                   STR_FMT(table)) &&
           ddl_numbered_counter(d, a, column);
}

bool ddl_numbered_value(struct ddl *d, const struct alter *a, struct new_column *column)
{
    const char *number = a->table->without_rowid ? "row_number() OVER ()" : "row_number() OVER (ORDER BY rowid)";
    struct sequence_options options;
    if (!options_of(d, column, &options) || !guard_end(d, a, column, &options))
        return false;
    column->value = nth_value(d, &options, number);
    return column->value.p != NULL;
}
