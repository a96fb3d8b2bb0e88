/* generate.c - steps, what they lose, the file; see generate.h. */
#include "proxy/migrate/generate_private.h"

#include <ctype.h>
#include <stdarg.h>
#include "proxy/catalog/sqlite_ddl.h"

enum { FILE_MAX = MIGRATE_MAX_FILE };

struct str generate_printf(struct generating *g, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(g->arena, format, args);
    va_end(args);
    if (!text.p)
        g->failed = true;
    return text;
}

/* A comment ends with its line: a name must not. */
static struct str one_line(struct generating *g, struct str text)
{
    struct str copy = arena_str(g->arena, text);
    for (size_t i = 0; i < copy.n; i++)
        if (iscntrl((unsigned char)copy.p[i]))
            ((char *)copy.p)[i] = ' ';
    g->failed |= !copy.p;
    return copy;
}

struct migrate_step *generate_step(struct generating *g, struct str loss, const char *format, ...)
{
    struct migrate_steps *s = g->steps;
    va_list args;
    va_start(args, format);
    struct str what = arena_vprintf(g->arena, format, args);
    va_end(args);
    if (s->n == s->room) {
        size_t room = s->room ? s->room * 2 : 16;
        struct migrate_step *bigger = ARENA_ARRAY(g->arena, struct migrate_step, room);
        if (!bigger) {
            g->failed = true;
            return NULL;
        }
        if (s->n)
            memcpy(bigger, s->list, s->n * sizeof(*bigger));
        s->list = bigger;
        s->room = room;
    }
    struct migrate_step *step = &s->list[s->n++];
    *step = (struct migrate_step){ .what = one_line(g, what), .loss = loss.n ? one_line(g, loss) : loss };
    return step;
}

void generate_statement(struct generating *g, struct migrate_step *step, struct str sql)
{
    if (!step || !sql.p) {
        g->failed = true;
        return;
    }
    if ((step->n & (step->n - 1)) == 0) { /* room for the next power of two */
        struct str *bigger = ARENA_ARRAY(g->arena, struct str, step->n ? step->n * 2 : 1);
        if (!bigger) {
            g->failed = true;
            return;
        }
        if (step->n)
            memcpy(bigger, step->statements, step->n * sizeof(*bigger));
        step->statements = bigger;
    }
    step->statements[step->n++] = sql;
}

void generate_one(struct generating *g, struct str loss, struct str what, struct str sql)
{
    generate_statement(g, generate_step(g, loss, "%.*s", STR_FMT(what)), sql);
}

bool generate_has_token(struct str sql, struct str name, struct arena *arena)
{
    size_t at = 0;
    for (struct sqlite_token t = sqlite_token_next(sql, &at); t.kind != SQLITE_TOKEN_END;
         t = sqlite_token_next(sql, &at))
        if ((t.kind == SQLITE_TOKEN_WORD || t.kind == SQLITE_TOKEN_QUOTED || t.kind == SQLITE_TOKEN_STRING) &&
            str_eq_nocase(sqlite_token_value(t, arena), name))
            return true;
    return false;
}

bool generate_parts(struct generating *g, struct str sql, struct str **ret, size_t *ret_n)
{
    size_t at = 0, n = 0, depth = 0, start = 0, end = 0;
    struct str *parts = ARENA_ARRAY(g->arena, struct str, sql.n / 2 + 1);
    g->failed |= !parts;
    for (struct sqlite_token t = sqlite_token_next(sql, &at); parts && t.kind != SQLITE_TOKEN_END;
         t = sqlite_token_next(sql, &at)) {
        size_t here = (size_t)(t.text.p - sql.p);
        char c = t.kind == SQLITE_TOKEN_OTHER ? t.text.p[0] : 0;
        if (depth && !start)
            start = here;
        depth -= c == ')';
        if (start && ((c == ',' && depth == 1) || (c == ')' && depth == 0))) {
            parts[n++] = (struct str){ sql.p + start, end - start };
            start = 0;
        }
        if (c == ')' && depth == 0) {
            *ret = parts;
            *ret_n = n;
            return true;
        }
        depth += c == '(';
        end = here + t.text.n;
    }
    return false;
}

/* ---- what is lost ---- */

/* Types whose every value the other one holds. */
static const struct {
    oid_t from, to;
} wider[] = {
    { TYPE_OID_int2, TYPE_OID_int4 },           { TYPE_OID_int2, TYPE_OID_int8 },
    { TYPE_OID_int4, TYPE_OID_int8 },           { TYPE_OID_int2, TYPE_OID_float4 },
    { TYPE_OID_int2, TYPE_OID_float8 },         { TYPE_OID_int4, TYPE_OID_float8 },
    { TYPE_OID_float4, TYPE_OID_float8 },       { TYPE_OID_int2, TYPE_OID_numeric },
    { TYPE_OID_int4, TYPE_OID_numeric },        { TYPE_OID_int8, TYPE_OID_numeric },
    { TYPE_OID_date, TYPE_OID_timestamp },      { TYPE_OID_varchar, TYPE_OID_varchar },
    { TYPE_OID_numeric, TYPE_OID_numeric },     { TYPE_OID_json, TYPE_OID_jsonb },
    { TYPE_OID_timestamp, TYPE_OID_timestamp }, { TYPE_OID_timestamptz, TYPE_OID_timestamptz },
};

/* varchar(n), numeric(p,s), timestamp(p): a smaller bound takes something. */
static bool fits_bound(oid_t type, int32_t from, int32_t to)
{
    if (to < 0 || from == to)
        return true;
    return from >= 0 && type == TYPE_OID_varchar && to >= from;
}

static bool is_wider(const struct column *from, const struct column *to)
{
    if (to->type == TYPE_OID_text)
        return true;
    if (from->type == to->type)
        return fits_bound(to->type, from->typmod, to->typmod);
    for (size_t i = 0; i < sizeof(wider) / sizeof(wider[0]); i++)
        if (wider[i].from == from->type && wider[i].to == to->type)
            return to->typmod < 0;
    return false;
}

static bool has_own_value(const struct column *column)
{
    return column->default_text.n || column->sequence.n || column->identity || column->generated;
}

static struct str column_loss(const struct snapshot *is, const struct snapshot *wanted,
                              const struct migrate_difference *d, struct arena *arena)
{
    const struct column *from = d->is_part, *to = d->wanted_part;
    struct str name = arena_printf(arena, "column %.*s of table %.*s", STR_FMT(name_quote(d->part, arena)),
                                   STR_FMT(migrate_define_name(d->schema, d->name, arena)));
    if (d->change == MIGRATE_UNDECLARED)
        return arena_printf(arena, "%.*s is dropped with its values", STR_FMT(name));
    if (d->change == MIGRATE_ABSENT)
        return to->not_null && !has_own_value(to)
                   ? arena_printf(arena, "%.*s is NOT NULL and has no default for rows that are there", STR_FMT(name))
                   : STR("");
    if (d->facet == MIGRATE_FACET_TYPE && !is_wider(from, to))
        return arena_printf(arena, "%.*s becomes %.*s, which does not hold every %.*s", STR_FMT(name),
                            STR_FMT(migrate_define_type(wanted, to->type, to->typmod, arena)),
                            STR_FMT(migrate_define_type(is, from->type, from->typmod, arena)));
    if (d->facet == MIGRATE_FACET_NOT_NULL && to->not_null && !from->not_null)
        return arena_printf(arena, "%.*s becomes NOT NULL: rows without a value stand in the way", STR_FMT(name));
    if (d->facet == MIGRATE_FACET_GENERATED && to->generated)
        return arena_printf(arena, "%.*s is generated anew: its values go", STR_FMT(name));
    return STR("");
}

struct str migrate_generate_loss(const struct snapshot *is, const struct snapshot *wanted,
                                 const struct migrate_difference *d, struct arena *arena)
{
    if (d->kind == MIGRATE_KIND_COLUMN)
        return column_loss(is, wanted, d, arena);
    bool holds_rows = d->kind == MIGRATE_KIND_TABLE && d->is && d->is->kind != RELATION_VIEW;
    bool is_another = d->change == MIGRATE_CHANGED && d->facet == MIGRATE_FACET_DEFINITION && d->wanted &&
                      (d->is->kind != d->wanted->kind || d->is->kind == RELATION_VIRTUAL);
    if (holds_rows && (d->change == MIGRATE_UNDECLARED || is_another))
        return arena_printf(arena, "table %.*s is dropped with its rows",
                            STR_FMT(migrate_define_name(d->schema, d->name, arena)));
    return STR("");
}

struct str generate_loss(struct generating *g, const struct migrate_difference *d)
{
    struct str loss = migrate_generate_loss(g->is, g->wanted, d, g->arena);
    g->failed |= !loss.p;
    return loss;
}

struct str generate_table_loss(struct generating *g, const struct relation *table)
{
    struct str all = STR("");
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        struct str loss = d->is == table ? generate_loss(g, d) : STR("");
        if (loss.n)
            all = generate_printf(g, "%.*s%s%.*s", STR_FMT(all), all.n ? "; " : "", STR_FMT(loss));
    }
    return all;
}

bool migrate_generate_may_rename(const struct migrate_differences *all)
{
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = 0; k < all->n; k++) {
            const struct migrate_difference *a = &all->list[i], *b = &all->list[k];
            bool is_kind = a->kind == b->kind && (a->kind == MIGRATE_KIND_TABLE || a->kind == MIGRATE_KIND_COLUMN);
            bool is_place = a->kind == MIGRATE_KIND_TABLE || (str_eq(a->schema, b->schema) && str_eq(a->name, b->name));
            if (is_kind && is_place && a->change == MIGRATE_ABSENT && b->change == MIGRATE_UNDECLARED)
                return true;
        }
    return false;
}

/* ---- all ---- */

bool migrate_generate(enum migrate_dialect dialect, const struct snapshot *is, const struct snapshot *wanted,
                      const struct migrate_differences *differences, struct arena *arena, struct migrate_steps *ret,
                      struct err *err)
{
    struct migrate_steps steps = { 0 };
    struct generating g = {
        .is = is, .wanted = wanted, .differences = differences, .arena = arena, .steps = &steps, .err = err
    };
    if (dialect == MIGRATE_POSTGRES)
        generate_postgres(&g);
    else
        generate_sqlite(&g);
    if (g.failed)
        return err_is_set(err) ? false : err_oom(err);
    *ret = steps;
    return true;
}

bool migrate_generate_drops(const struct snapshot *is, struct str wrangler_table, struct arena *arena,
                            struct migrate_steps *ret, struct err *err)
{
    struct str schema = STR("public"), comment = STR("");
    struct snapshot plain = *is, empty = { .schemas = &schema, .schema_comments = &comment, .n_schemas = 1 };
    struct migrate_differences all;
    plain.n_side = 0; /* nothing of it stays */
    return migrate_difference(&plain, &empty, wrangler_table, arena, &all, err) &&
           migrate_generate(MIGRATE_SQLITE, &plain, &empty, &all, arena, ret, err);
}

/* Drops of a rebuild delete copies: no row of another table goes with them. */
static bool drops_copies(const struct migrate_steps *steps)
{
    for (size_t i = 0; i < steps->n; i++)
        if (steps->list[i].n > 1)
            return true;
    return false;
}

static void add_step(struct buf *out, const struct migrate_step *step)
{
    buf_printf(out, "\n-- %.*s\n", STR_FMT(step->what));
    if (step->loss.n)
        buf_printf(out,
                   "-- Data: %.*s.\n-- Expand and contract keeps it: add what is new first, let the application write "
                   "both, copy, and drop in a later migration.\n",
                   STR_FMT(step->loss));
    for (size_t i = 0; i < step->n; i++) {
        buf_add_str(out, step->statements[i]);
        buf_add_str(out, STR(";\n"));
    }
}

struct str migrate_generate_text(enum migrate_dialect dialect, const struct migrate_steps *steps, struct str from,
                                 struct arena *arena)
{
    struct buf out;
    buf_init(&out, FILE_MAX);
    if (dialect == MIGRATE_POSTGRES)
        buf_add_str(&out, STR("-- pgd1: postgres\n"));
    buf_printf(&out, "-- Generated: leads to the schema declared in %.*s.\n", STR_FMT(from));
    if (dialect == MIGRATE_SQLITE && drops_copies(steps))
        buf_add_str(&out, STR("-- pgd1: allow cascade\n"));
    for (size_t i = 0; i < steps->n; i++)
        add_step(&out, &steps->list[i]);
    struct str text = out.failed ? (struct str){ 0 } : arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return text;
}
