/*
 * group_keys.c - a row that violates several unique keys: SQLite names the newest index, PostgreSQL the oldest.
 *
 * After such an error, and then only, D1 is asked which of the keys whose values are known are there, and how old their indexes are. Of
 * these the oldest is told. Asked is after a single INSERT of one row whose transaction has not written what it reads: the row is what
 * was bound, and what D1 holds is what it met, unless another session came between; then a key that is there by now is told.
 */
#include "proxy/group_private.h"

#include "proxy/sql/emit.h"

enum { KEYS_MAX = 8, ROWID_AGE = 1000000 };

struct key_question {
    const struct relation *relation;
    struct {
        const struct index *index;
        struct str detail;
    } keys[KEYS_MAX];
    size_t n;
    size_t told;           /* which of them SQLite told */
    int64_t age[KEYS_MAX]; /* the older the greater; -1: it is not violated, as far as is known */
    struct err err;
};

static const struct relation *relation_named(const struct snapshot *s, const struct err *err)
{
    for (size_t i = 0; s && i < s->n_relations; i++)
        if (str_eq(s->relations[i].name, err->table) && str_eq(s->relations[i].schema, err->schema))
            return &s->relations[i];
    return NULL;
}

/* "c" = ?1 AND …, with the values that were written; false: one of them is not known, or NULL. */
static bool add_condition(const struct d1_asked *asked, const struct relation *r, const struct index *x,
                          struct arena *arena, struct value *params, struct str *names, struct str *ret)
{
    *ret = STR("");
    for (size_t i = 0; i < x->n_columns; i++) {
        if (x->columns[i].column <= 0)
            return false;
        const struct column *c = &r->columns[x->columns[i].column - 1];
        const struct value *v = d1_error_written(asked, r, c->name);
        struct str name = emit_identifier(c->name, arena);
        if (!v || v->class == VALUE_NULL)
            return false;
        params[i] = *v;
        names[i] = c->name;
        *ret = arena_printf(arena, "%.*s%s%.*s=?%zu", STR_FMT(*ret), i ? " AND " : "", STR_FMT(name), i + 1);
    }
    return ret->p && x->n_columns;
}

/* One row with the age of the index, when the key is there. The rowid's key has no index and is the oldest. */
static struct str question(struct arena *arena, const struct relation *r, const struct index *x, struct str condition)
{
    struct str table = emit_identifier(r->sqlite_name, arena), name = emit_text_literal(x->sqlite_name, arena),
               text = emit_text_literal(r->sqlite_name, arena);
    if (!x->sqlite_name.n)
        return arena_printf(arena, "SELECT '%d' AS c0 WHERE EXISTS (SELECT 1 FROM %.*s WHERE %.*s)", ROWID_AGE,
                            STR_FMT(table), STR_FMT(condition));
    return arena_printf(arena,
                        "SELECT CAST(iif(origin='pk',%d,seq) AS TEXT) AS c0 FROM pragma_index_list(%.*s) WHERE "
                        "name=%.*s AND EXISTS (SELECT 1 FROM %.*s WHERE %.*s)",
                        ROWID_AGE, STR_FMT(text), STR_FMT(name), STR_FMT(table), STR_FMT(condition));
}

static bool add_key(struct key_question *q, const struct d1_asked *asked, const struct index *x, bool told,
                    struct arena *arena, struct d1_statement *ret)
{
    struct value *params = ARENA_ARRAY(arena, struct value, x->n_columns + 1);
    struct str *names = ARENA_ARRAY(arena, struct str, x->n_columns + 1), condition = STR("1");
    if (!params || !names || (!told && !add_condition(asked, q->relation, x, arena, params, names, &condition)))
        return false;
    struct str key = told ? STR("") : d1_error_key(asked, q->relation, names, x->n_columns, arena);
    *ret = (struct d1_statement){ .sql = question(arena, q->relation, x, condition),
                                  .params = params,
                                  .n_params = told ? 0 : x->n_columns };
    q->keys[q->n].index = x;
    q->keys[q->n].detail = arena_printf(arena, "Key %.*s already exists.", STR_FMT(key));
    q->age[q->n] = -1;
    return ret->sql.p && key.p && q->keys[q->n].detail.p;
}

/* The key that was told, and those whose values are known: how many. 0: there is nothing to ask. */
static size_t collect(struct key_question *q, const struct d1_asked *asked, struct arena *arena,
                      struct d1_statement *statements)
{
    bool found = false;
    for (size_t i = 0; i < q->relation->n_indexes && q->n < KEYS_MAX; i++) {
        const struct index *x = &q->relation->indexes[i];
        bool told = str_eq(x->name, q->err.constraint);
        if (told && (!x->sqlite_name.n || (x->primary && str_starts(x->sqlite_name, STR("sqlite_autoindex_")))))
            return 0; /* none is older */
        if (!x->unique || (x->predicate.n && !told) || !add_key(q, asked, x, told, arena, &statements[q->n]))
            continue;
        if (told)
            q->told = q->n;
        found |= told;
        q->n++;
    }
    return found && q->n > 1 ? q->n : 0;
}

static enum d1_flow on_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct group *g = r->user;
    int64_t age;
    if (g->session && n == 1 && cells[0].class == VALUE_TEXT && str_to_int64(cells[0].bytes, &age))
        g->keys->age[statement] = age;
    return D1_CONTINUE;
}

/* The oldest of those that are there. When the question failed, or the key has gone meanwhile: the one that SQLite told. */
static void on_done(struct d1_request *r)
{
    struct group *g = r->user;
    struct key_question *q = g->keys;
    size_t oldest = KEYS_MAX;
    if (!group_is_answered(g, r))
        return;
    g->keys = NULL;
    for (size_t i = 0; i < q->n && r->error.kind == D1_OK; i++)
        if (q->age[i] >= 0 && (oldest == KEYS_MAX || q->age[i] > q->age[oldest]))
            oldest = i;
    if (oldest < KEYS_MAX && oldest != q->told) {
        q->err.constraint = q->keys[oldest].index->name;
        q->err.detail = q->keys[oldest].detail;
        struct str message = arena_printf(g->arena, "duplicate key value violates unique constraint \"%.*s\"",
                                          STR_FMT(q->err.constraint));
        q->err.message = message.p ? message : q->err.message;
    }
    group_fail_at_head(g, &q->err);
}

bool group_ask_keys(struct group *g, const struct d1_asked *asked, const struct err *err)
{
    struct session *s = g->session;
    struct d1_statement *statements = ARENA_ARRAY(g->arena, struct d1_statement, KEYS_MAX);
    struct key_question *q = ARENA_NEW(g->arena, struct key_question);
    if (err->code != SQLSTATE_UNIQUE_VIOLATION || !asked->plan || !asked->plan->adds_row || s->cancelled || !q ||
        !statements || buffer_reaches(&s->transaction.buffer, asked->plan))
        return false;
    err_init(&q->err, g->arena);
    err_copy(&q->err, err);
    q->relation = relation_named(asked->snapshot, err);
    size_t n = q->relation ? collect(q, asked, g->arena, statements) : 0;
    if (n == 0)
        return false;
    g->keys = q;
    group_ask(g, statements, n, D1_READ, on_row, on_done);
    return true;
}
