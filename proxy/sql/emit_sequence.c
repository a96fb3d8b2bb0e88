/*
 * emit_sequence.c - nextval() and setval(): D1 keeps sequences as rows of _pgd1_sequence, serial primary keys in
 * SQLite's own
 * sqlite_sequence. Both change data, so each call is a statement of its own in the batch:
 *
 *   SELECT nextval('s')             UPDATE … RETURNING, its row read by the local part
 *   INSERT … VALUES (nextval('s'))  one UPDATE for all rows before, each row takes its share
 *
 * See emit_internal.h.
 */
#include "proxy/catalog/system.h"
#include "proxy/sql/emit_internal.h"
#include "proxy/sql/sequence_values.h"

static struct str name_part(struct str *rest)
{
    bool quoted = rest->n && rest->p[0] == '"';
    const char *end = memchr(rest->p + quoted, quoted ? '"' : '.', rest->n - quoted);
    size_t n = end ? (size_t)(end - rest->p) - quoted : rest->n - quoted;
    struct str part = { rest->p + quoted, n };
    size_t used = n + (quoted ? 2U : 0U);
    used += used < rest->n && rest->p[used] == '.';
    *rest = used < rest->n ? (struct str){ rest->p + used, rest->n - used } : (struct str){ rest->p, 0 };
    return part;
}

/* pg_get_serial_sequence('schema.table', 'column') of constants, as migration tools write it. */
static const struct relation *serial_sequence(struct emitter *e, const struct expr *x)
{
    const struct sql_settings *settings = e->shared->settings;
    const struct expr *table = without_relabel(x->args[0]), *column = without_relabel(x->args[1]);
    if (table->kind != EXPR_CONST || column->kind != EXPR_CONST || table->constant.is_null ||
        column->constant.is_null) {
        blocked(e, x->location, "pg_get_serial_sequence() of names that are not constant");
        return NULL;
    }
    mark_structural(e, table);
    mark_structural(e, column);
    struct str rest = table->constant.value.bytes, schema = STR(""), name = name_part(&rest);
    if (rest.n) {
        schema = name;
        name = name_part(&rest);
    }
    const struct relation *r =
        snapshot_relation(e->shared->snapshot, settings->search_path, settings->n_search_path, schema, name);
    const struct column *c = r ? relation_column(r, column->constant.value.bytes) : NULL;
    const struct relation *sequence = c ? snapshot_owned_sequence(e->shared->snapshot, r, c) : NULL;
    if (!sequence)
        blocked(e, x->location, "a column without a sequence");
    return sequence;
}

/* 42P01 and 42809 are analyze's, a name that is not constant is refused. */
const struct relation *sequence_of_call(struct emitter *e, const struct expr *x)
{
    const struct expr *name = x->args[0];
    while (name->kind == EXPR_RELABEL || name->kind == EXPR_IO_CAST ||
           (name->kind == EXPR_FUNC && strcmp(name->call.proc->source, "text_regclass") == 0))
        name = name->args[0];
    if (name->kind == EXPR_FUNC && strcmp(name->call.proc->source, "pg_get_serial_sequence") == 0)
        return serial_sequence(e, name);
    if (name->kind != EXPR_CONST || name->constant.is_null || name->constant.value.class != VALUE_INTEGER) {
        blocked(e, x->location, "%s() of a sequence whose name is not constant", x->call.proc->name);
        return NULL;
    }
    const struct relation *r = snapshot_relation_by_oid(e->shared->snapshot, (oid_t)name->constant.value.integer);
    mark_structural(e, name);
    if (!r || r->kind != RELATION_SEQUENCE) {
        struct str what = r ? r->name : STR("?");
        refused(e, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a sequence", STR_FMT(what));
        return NULL;
    }
    return r;
}

/* The table that numbers itself, when the sequence is SQLite's own. */
static const struct relation *rowid_table(struct emitter *e, const struct relation *sequence)
{
    const struct snapshot *s = e->shared->snapshot;
    for (size_t i = 0; i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_columns; k++)
            if (s->relations[i].columns[k].sequence_is_rowid &&
                str_eq(s->relations[i].columns[k].sequence, sequence->name) &&
                str_eq(s->relations[i].schema, sequence->schema))
                return &s->relations[i];
    return NULL;
}

bool sequence_counts_rows(struct emitter *e, const struct relation *sequence)
{
    return rowid_table(e, sequence) != NULL;
}

/* The distance is compared: the bounds of int8 must not overflow. */
struct str sequence_advanced(struct emitter *e, const struct relation *s, const char *n)
{
    bool up = s->seq_increment > 0;
    long long step = (long long)s->seq_increment, limit = (long long)(up ? s->seq_max : s->seq_min),
              start = (long long)(up ? s->seq_min : s->seq_max);
    struct str text = text_of(e, "nextval: reached %s value of sequence \"%.*s\" (%lld)", up ? "maximum" : "minimum",
                              STR_FMT(s->name), limit);
    struct str beyond = s->seq_cycle ? text_of(e, "%lld", start) : emit_raise(e, "2200H", text);
    return text_of(e,
                   "CASE WHEN %lld - last_value %s (%s - NOT is_called) * %lld THEN %.*s ELSE last_value + (%s - "
                   "NOT is_called) * %lld END",
                   limit, up ? "<" : ">", n, step, STR_FMT(beyond), n, step);
}

static struct str sequence_name(struct emitter *e, const struct relation *s)
{
    struct str quoted = emit_text_literal(s->sqlite_name, e->arena);
    if (!quoted.p)
        err_oom(e->err);
    return quoted;
}

/* For currval() and lastval(). */
static bool note_sequence(struct emitter *e, const struct relation *sequence, const struct relation *table,
                          enum sequence_step use)
{
    struct plan *plan = e->shared->plan;
    bool asked = e->shared->asks_last;
    for (size_t i = 0; i < e->shared->n_current; i++)
        asked |= e->shared->current[i] == sequence;
    if (e->shared->n_changing && (use == SEQUENCE_PER_ROW || use == SEQUENCE_PER_PROPOSED))
        use = SEQUENCE_UNTOLD; /* the count is the statement's own */
    if (asked && use != SEQUENCE_DISTURBED)
        return refused(e, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "currval() or lastval() in the statement that moves the sequence is not supported");
    struct plan_sequence *all = ARENA_ARRAY(e->arena, struct plan_sequence, plan->n_sequences + 1);
    if (!all)
        return err_oom(e->err);
    if (plan->n_sequences)
        memcpy(all, plan->sequences, plan->n_sequences * sizeof(*all));
    all[plan->n_sequences++] = (struct plan_sequence){ .sequence = sequence, .table = table, .use = use };
    plan->sequences = all;
    return true;
}

bool note_untold_sequence(struct emitter *e, const struct relation *sequence)
{
    return note_sequence(e, sequence, NULL, SEQUENCE_UNTOLD);
}

/* A statement of its own that writes and gives one row; the local part reads it. */
static bool one_row(struct emitter *e, const struct str *helper, struct emitter *d1, struct str sql,
                    struct fragment *ret)
{
    struct fetch *f = fetch_new(e, e->level ? e->level->query : NULL);
    if (!f)
        return false;
    if (d1)
        *f->d1 = *d1;
    f->text = sql;
    f->helper = helper ? *helper : (struct str){ 0 };
    f->writes = true;
    f->n_columns = 1;
    e->shared->plan->access = D1_WRITE;
    e->shared->has_volatile = true;
    struct str cell =
        text_of(e, "(SELECT %.*s.c0 FROM f{%d} AS %.*s)", STR_FMT(f->alias), f->number, STR_FMT(f->alias));
    *ret = (struct fragment){ .sql = e->shared->settings->traits.native_values
                                         ? cell
                                         : text_of(e, "CAST(%.*s AS INTEGER)", STR_FMT(cell)) };
    return sql.p && ret->sql.p;
}

/* sqlite_sequence has a row only after the first INSERT. */
static struct str ensure_row(struct emitter *e, const struct relation *table)
{
    struct str name = sequence_name(e, table);
    return text_of(e,
                   "INSERT INTO sqlite_sequence(name,seq) SELECT %.*s,0 WHERE NOT EXISTS (SELECT 1 FROM "
                   "sqlite_sequence WHERE name=%.*s)",
                   STR_FMT(name), STR_FMT(name));
}

/* A SELECT without FROM took a number: currval() further on in its list is that one. */
static bool note_given(struct emitter *e, const struct relation *s, struct str cell, bool is_next)
{
    struct emit_shared *shared = e->shared;
    if (shared->n_given == sizeof(shared->given) / sizeof(*shared->given))
        return blocked(e, -1, "a SELECT that moves sequences more than %zu times", shared->n_given);
    shared->given[shared->n_given++] = (struct sequence_given){ s, cell, is_next };
    return true;
}

static bool fetched_next(struct emitter *e, const struct relation *s, struct fragment *ret)
{
    const struct relation *table = rowid_table(e, s);
    bool native = e->shared->settings->traits.native_values;
    if (!note_sequence(e, s, table, SEQUENCE_NEXT))
        return false;
    if (table) {
        struct str helper = ensure_row(e, table), name = sequence_name(e, table);
        struct str sql = text_of(e, "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name=%.*s RETURNING %s AS c0",
                                 STR_FMT(name), native ? "seq" : "CAST(seq AS TEXT)");
        return one_row(e, &helper, NULL, sql, ret) && note_given(e, s, ret->sql, true);
    }
    struct str next = sequence_advanced(e, s, "1"), name = sequence_name(e, s);
    struct str sql =
        text_of(e, "UPDATE _pgd1_sequence SET last_value = %.*s, is_called = 1 WHERE name=%.*s RETURNING %s AS c0",
                STR_FMT(next), STR_FMT(name), native ? "last_value" : "CAST(last_value AS TEXT)");
    return one_row(e, NULL, NULL, sql, ret) && note_given(e, s, ret->sql, true);
}

/* What setval() does to currval(). A value of NULL does nothing, is_called false leaves what was given. */
static enum sequence_step use_of_set(const struct expr *x)
{
    const struct expr *to = x->args[1], *called = x->n_args > 2 ? x->args[2] : NULL;
    while (to->kind == EXPR_FUNC && to->n_args == 1 && to->call.form == CALL_IMPLICIT_CAST)
        to = to->args[0];
    if (to->kind != EXPR_CONST || to->constant.is_null ||
        (called && (called->kind != EXPR_CONST || called->constant.is_null)))
        return SEQUENCE_UNTOLD;
    return !called || called->constant.value.integer ? SEQUENCE_SET : SEQUENCE_DISTURBED;
}

static bool note_set(struct emitter *e, const struct relation *s, enum sequence_step use, struct str cell)
{
    return use == SEQUENCE_DISTURBED || note_given(e, s, use == SEQUENCE_SET ? cell : STR(""), false);
}

static struct str out_of_bounds(struct emitter *e, const struct relation *s, struct str value)
{
    struct str tail = text_of(e, " is out of bounds for sequence \"%.*s\" (%lld..%lld)", STR_FMT(s->name),
                              (long long)s->seq_min, (long long)s->seq_max);
    return text_of(e, "json_extract('{}','!22003:setval: value ' || %.*s || %.*s)", STR_FMT(value),
                   STR_FMT(emit_text_literal(tail, e->arena)));
}

static bool set_value(struct emitter *e, const struct expr *x, const struct relation *s, struct fragment *ret)
{
    const struct relation *table = rowid_table(e, s);
    bool native = e->shared->settings->traits.native_values;
    struct emitter *d1 = ARENA_NEW(e->arena, struct emitter);
    struct fragment value, called = { .sql = STR("1") };
    enum sequence_step use = use_of_set(x);
    if (!d1)
        return err_oom(e->err);
    if (!note_sequence(e, s, table, use))
        return false;
    if (x->n_args > 2 && use != SEQUENCE_UNTOLD)
        mark_structural(e, x->args[2]);
    emitter_init(d1, e->shared, TARGET_D1);
    if (!emit_value(d1, x->args[1], &value) || (x->n_args > 2 && !emit_value(d1, x->args[2], &called)))
        return false;
    const struct str v = value.sql, c = called.sql;
    struct str raise = out_of_bounds(e, s, v), name = sequence_name(e, table ? table : s);
    if (table) {
        struct str helper = ensure_row(e, table);
        struct str sql = text_of(e,
                                 "UPDATE sqlite_sequence SET seq = CASE WHEN %.*s < 1 THEN %.*s ELSE %.*s - NOT %.*s "
                                 "END WHERE name=%.*s AND %.*s IS NOT NULL "
                                 "RETURNING %s + NOT %.*s%s AS c0",
                                 STR_FMT(v), STR_FMT(raise), STR_FMT(v), STR_FMT(c), STR_FMT(name), STR_FMT(v),
                                 native ? "seq" : "CAST(seq", STR_FMT(c), native ? "" : " AS TEXT)");
        return one_row(e, &helper, d1, sql, ret) && note_set(e, s, use, ret->sql);
    }
    struct str sql = text_of(e,
                             "UPDATE _pgd1_sequence SET last_value = CASE WHEN %.*s NOT BETWEEN %lld AND %lld THEN "
                             "%.*s ELSE %.*s END, is_called = %.*s "
                             "WHERE name=%.*s AND %.*s IS NOT NULL RETURNING %s AS c0",
                             STR_FMT(v), (long long)s->seq_min, (long long)s->seq_max, STR_FMT(raise), STR_FMT(v),
                             STR_FMT(c), STR_FMT(name), STR_FMT(v), native ? "last_value" : "CAST(last_value AS TEXT)");
    return one_row(e, NULL, d1, sql, ret) && note_set(e, s, use, ret->sql);
}

/* ---- INSERT … VALUES ---- */

struct count {
    struct emitter *e;
    struct sequence_use *uses;
    size_t n;
    bool failed;
};

static bool count_call(struct expr *x, void *ctx)
{
    struct count *c = ctx;
    if (x->kind != EXPR_FUNC || strcmp(x->call.proc->source, "nextval_oid") != 0)
        return !c->failed;
    const struct relation *s = sequence_of_call(c->e, x);
    if (!s) {
        c->failed = true;
        return false;
    }
    size_t at = 0;
    while (at < c->n && c->uses[at].sequence != s)
        at++;
    if (at == c->n) {
        if (c->n == EMIT_MAX_SEQUENCES) {
            c->failed = !blocked(c->e, x->location, "an INSERT with more than %d sequences", EMIT_MAX_SEQUENCES);
            return false;
        }
        c->uses[c->n++] = (struct sequence_use){ .sequence = s };
    }
    c->uses[at].n++;
    return true;
}

bool sequences_count(struct emitter *e, const struct query *q)
{
    struct count c = { .e = e, .uses = e->shared->sequences };
    for (size_t r = 0; r < q->n_insert_rows; r++)
        for (size_t i = 0; i < q->n_insert_columns && !c.failed; i++)
            if (!is_own_nextval(e, q->insert_columns[i], q->insert_rows[r][i]))
                expr_walk(q->insert_rows[r][i], count_call, &c);
    e->shared->n_sequences = c.failed ? 0 : c.n;
    return !c.failed;
}

bool sequences_statements(struct emit_shared *s, struct plan_statement **statements, size_t *n)
{
    size_t n_ahead = s->n_sequences + s->n_numbered;
    if (!n_ahead)
        return true;
    struct emitter e;
    emitter_init(&e, s, TARGET_D1);
    struct plan_statement *all = ARENA_ARRAY(s->arena, struct plan_statement, *n + n_ahead);
    if (!all)
        return err_oom(s->err);
    for (size_t i = 0; i < s->n_sequences; i++) {
        const struct relation *r = s->sequences[i].sequence;
        char count[24];
        snprintf(count, sizeof(count), "%zu", s->sequences[i].n);
        struct str next = sequence_advanced(&e, r, count), name = sequence_name(&e, r);
        struct str sql = text_of(&e, "UPDATE _pgd1_sequence SET last_value = %.*s, is_called = 1 WHERE name=%.*s",
                                 STR_FMT(next), STR_FMT(name));
        if (!next.p || !name.p || !sql.p || !note_sequence(&e, r, NULL, SEQUENCE_NEXT))
            return false;
        all[i] = (struct plan_statement){ .sql = sql, .role = STATEMENT_HELPER };
    }
    for (size_t i = 0; i < s->n_numbered; i++) {
        all[s->n_sequences + i] = s->numbered[i].statement;
        all[s->n_sequences + i].role = STATEMENT_HELPER;
    }
    memcpy(all + n_ahead, *statements, *n * sizeof(*all));
    *statements = all;
    *n += n_ahead;
    return true;
}

/* The number that was given last, as the statement is printed. */
static bool printed_share(struct emitter *e, const struct sequence_use *use, struct fragment *ret)
{
    struct str name = sequence_name(e, use->sequence);
    long long back = (long long)(use->n - use->given) * (long long)use->sequence->seq_increment;
    *ret = (struct fragment){ .sql = text_of(e, "(SELECT last_value - %lld FROM _pgd1_sequence WHERE name=%.*s)", back,
                                             STR_FMT(name)) };
    e->shared->has_volatile = true;
    return ret->sql.p != NULL;
}

static bool share_of_row(struct emitter *e, const struct expr *x, const struct relation *s, struct fragment *ret)
{
    struct sequence_use *use = NULL;
    for (size_t i = 0; i < e->shared->n_sequences; i++)
        if (e->shared->sequences[i].sequence == s)
            use = &e->shared->sequences[i];
    if (!use || rowid_table(e, s))
        return blocked(e, x->location, "nextval() at this place");
    use->given++;
    return printed_share(e, use, ret);
}

bool is_own_nextval(struct emitter *e, const struct column *column, const struct expr *x)
{
    while (x->kind == EXPR_RELABEL || (x->kind == EXPR_FUNC && x->n_args == 1 && x->call.form == CALL_IMPLICIT_CAST))
        x = x->args[0];
    if (!column->sequence_is_rowid || x->kind != EXPR_FUNC || strcmp(x->call.proc->source, "nextval_oid") != 0)
        return false;
    const struct relation *s = sequence_of_call(e, x);
    return s && str_eq(s->name, column->sequence);
}

/* ---- currval() and lastval() ---- */

/* What INSERT … VALUES does to the number of a column that SQLite counts. */
static enum sequence_step use_of_rows(struct emitter *e, const struct query *q, size_t column)
{
    bool any = false, last = false;
    for (size_t i = 0; i < q->n_insert_rows; i++) {
        const struct expr *x = q->insert_rows[i][column];
        last = x->kind == EXPR_NEXTVAL_DEFAULT || is_own_nextval(e, q->insert_columns[column], x);
        any |= last;
    }
    return !any ? SEQUENCE_DISTURBED : last ? SEQUENCE_NEXT : SEQUENCE_UNTOLD;
}

/* What a statement does to the number of a column that SQLite counts; column: of its list, past its end when it is not there. As
 * PostgreSQL, SQLite takes a number for a row that ON CONFLICT leaves out. */
static enum sequence_step use_of_insert(struct emitter *e, const struct query *q, size_t column)
{
    bool given = column < q->n_insert_columns;
    if (q->command != COMMAND_INSERT)
        return SEQUENCE_UNTOLD;
    if (!q->insert_select)
        return given ? use_of_rows(e, q, column) : SEQUENCE_NEXT;
    const struct expr *x = given ? inserted_value(q, column) : NULL;
    if (given && x->kind != EXPR_NEXTVAL_DEFAULT && !is_own_nextval(e, q->insert_columns[column], x))
        return SEQUENCE_DISTURBED;
    return q->on_conflict ? SEQUENCE_PER_PROPOSED : SEQUENCE_PER_ROW;
}

bool note_inserted_numbers(struct emitter *e, const struct query *q)
{
    const struct relation *r = q->rtable[q->result_rte].relation;
    for (size_t i = 0; i < r->n_columns; i++) {
        const struct column *c = &r->columns[i];
        const struct relation *s =
            c->sequence_is_rowid ? snapshot_relation(e->shared->snapshot, NULL, 0, r->schema, c->sequence) : NULL;
        size_t at = 0;
        if (!s)
            continue;
        while (at < q->n_insert_columns && q->insert_columns[at] != c)
            at++;
        if (!note_sequence(e, s, r, use_of_insert(e, q, at)))
            return false;
    }
    return true;
}

/* Behind the writes of the same transaction: D1 reads it where the statement stands. What is known of it is bound for D1 too: the local
 * engine runs when the batch is done, and what is known then may have been taken further on. */
static bool pending_value(struct emitter *e, const struct relation *s, const struct bind *b, struct fragment *ret)
{
    const struct relation *table = rowid_table(e, s);
    struct str name = sequence_name(e, table ? table : s);
    bool native = e->shared->settings->traits.native_values;
    struct fragment known;
    struct str sql = text_of(e,
                             table ? "SELECT seq AS c0 FROM sqlite_sequence WHERE name=%.*s"
                                   : "SELECT last_value AS c0 FROM _pgd1_sequence WHERE name=%.*s",
                             STR_FMT(name));
    if (e->target == TARGET_LOCAL && (!e->level || e == e->shared->prelude))
        return blocked(e, -1, "currval() of a sequence in the transaction that used it");
    add_read(e, table ? table : s);
    if (e->target == TARGET_D1) {
        if (!emit_bind(e, b, ret))
            return false;
        ret->sql = text_of(e, "coalesce(%.*s,(%.*s))", STR_FMT(ret->sql), STR_FMT(sql));
        return ret->sql.p != NULL;
    }
    struct fetch *f = fetch_new(e, e->level ? e->level->query : NULL);
    if (!f || !emit_bind(f->d1, b, &known))
        return false;
    f->text =
        text_of(e, native ? "SELECT coalesce(%.*s,(%.*s)) AS c0" : "SELECT CAST(coalesce(%.*s,(%.*s)) AS TEXT) AS c0",
                STR_FMT(known.sql), STR_FMT(sql));
    f->n_columns = 1;
    *ret = (struct fragment){ .scale = -1 };
    ret->sql = text_of(e, "(SELECT CAST(%.*s.c0 AS INTEGER) FROM f{%d} AS %.*s)", STR_FMT(f->alias), f->number,
                       STR_FMT(f->alias));
    return f->text.p && ret->sql.p;
}

/* The query is a SELECT without FROM that gives one row: what its list calls is called once, in order. */
static bool runs_once(const struct emitter *e)
{
    const struct query *q = e->level ? e->level->query : NULL;
    const struct expr *limit = q ? q->limit : NULL;
    if (e->conditional || e == e->shared->prelude)
        return false;
    if (!q)
        return true;
    bool cut = limit && (limit->kind != EXPR_CONST || limit->constant.is_null || limit->constant.value.integer < 1);
    return !e->level->parent && q->n_from == 0 && q->command == COMMAND_SELECT && !q->where && !q->having && !cut &&
           !q->offset;
}

/* What the list has taken so far; NULL: nothing that concerns this call. s NULL: of lastval(). */
static const struct sequence_given *given_before(const struct emitter *e, const struct relation *s)
{
    const struct emit_shared *shared = e->shared;
    const struct sequence_given *found = NULL;
    for (size_t i = 0; i < shared->n_given && !s; i++)
        if (shared->given[i].is_next)
            found = &shared->given[i];
    if (found)
        s = found->sequence;
    else if (!s && shared->settings->sequences)
        s = snapshot_relation_by_oid(shared->snapshot, shared->settings->sequences->last);
    found = NULL;
    for (size_t i = 0; i < shared->n_given; i++)
        if (shared->given[i].sequence == s)
            found = &shared->given[i];
    return found;
}

/* The number that this very row takes, worked out ahead of it. */
static bool next_of_rows(struct emitter *e, const struct relation *table, struct fragment *ret)
{
    const struct column *id = table->columns;
    while (!id->sequence_is_rowid)
        id++;
    struct str name = sequence_name(e, table), quoted = emit_identifier(table->sqlite_name, e->arena),
               column = emit_identifier(id->name, e->arena);
    ret->sql = text_of(e,
                       "(SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name=%.*s),0),"
                       "coalesce((SELECT max(%.*s) FROM %.*s),0))+1)",
                       STR_FMT(name), STR_FMT(column), STR_FMT(quoted));
    e->shared->has_volatile = true;
    return ret->sql.p != NULL;
}

/* Whether each row of VALUES leaves the column to SQLite. */
static bool all_numbered(struct emitter *e, const struct query *q, size_t column)
{
    for (size_t i = 0; column < q->n_insert_columns && i < q->n_insert_rows; i++) {
        const struct expr *x = q->insert_rows[i][column];
        if (x->kind != EXPR_NEXTVAL_DEFAULT && !is_own_nextval(e, q->insert_columns[column], x))
            return false;
    }
    return true;
}

/* currval() in the row of an INSERT, or in its RETURNING. *ret_done false: it is that of the time before. */
static bool current_of_row(struct emitter *e, const struct query *q, const struct relation *s, bool *ret_done,
                           struct fragment *ret)
{
    const struct relation *table = rowid_table(e, s);
    *ret = (struct fragment){ .scale = -1 };
    *ret_done = true;
    for (size_t i = 0; i < e->shared->n_sequences && !table; i++)
        if (e->shared->sequences[i].sequence == s && e->shared->sequences[i].given)
            return (e->assigned || q->n_insert_rows == 1) ? printed_share(e, &e->shared->sequences[i], ret)
                                                          : blocked(e, -1, "currval() in RETURNING of several rows");
    const struct relation *r = q->rtable[q->result_rte].relation;
    for (size_t i = 0; table == r && i < r->n_columns; i++) {
        size_t at = 0;
        if (!r->columns[i].sequence_is_rowid)
            continue;
        while (at < q->n_insert_columns && q->insert_columns[at] != &r->columns[i])
            at++;
        enum sequence_step use = use_of_insert(e, q, at);
        if (use == SEQUENCE_DISTURBED)
            break;
        if (q->n_insert_rows > 1 && (e->assigned || use != SEQUENCE_NEXT || !all_numbered(e, q, at)))
            return blocked(e, -1, "currval() in an INSERT of several rows");
        if (e->assigned && e->assigned < &r->columns[i])
            break;
        if (e->assigned)
            return next_of_rows(e, r, ret);
        if (q->on_conflict) /* the row of RETURNING may be one that was there */
            return blocked(e, -1, "currval() in RETURNING of ON CONFLICT");
        struct expr *id = ARENA_NEW(e->arena, struct expr);
        if (!id)
            return err_oom(e->err);
        *id = (struct expr){ .kind = EXPR_VAR, .type = r->columns[i].type, .typmod = -1, .location = -1 };
        id->var.rte = q->result_rte;
        id->var.column = (int)i;
        return emit_expr(e, id, ret);
    }
    *ret_done = false;
    return true;
}

/* Whether the statement's order says which numbers were taken before this call. */
static bool is_in_order(const struct emitter *e)
{
    const struct query *q = e->level ? e->level->query : NULL;
    if (e->target == TARGET_LOCAL && runs_once(e))
        return true;
    return q && q->command == COMMAND_INSERT && (e->assigned || e->in_returning);
}

/* What it was before the statement. */
static bool current_before(struct emitter *e, const struct relation *s, const struct relation *asked,
                           struct fragment *ret)
{
    bool pending = asked && sequence_values_state(e->shared->settings->sequences, asked->oid) == SEQUENCE_PENDING;
    struct bind b = { .source = BIND_SEQUENCE,
                      .type = TYPE_OID_int8,
                      .typmod = -1,
                      .index = s ? 0 : -1,
                      .relation = asked,
                      .detail = pending };
    e->shared->looked_at_session = true;
    e->shared->plan->asks_sequences = true;
    e->shared->needs_catalog |= s != NULL; /* currval() names a relation; lastval() none */
    for (size_t i = 0; i < e->shared->n_sequences && pending; i++)
        if (e->shared->sequences[i].sequence == asked)
            return blocked(e, -1, "currval() of a sequence in the transaction that used it");
    return pending ? pending_value(e, asked, &b, ret) : emit_bind(e, &b, ret);
}

static bool emit_current(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    const struct sequence_values *values = e->shared->settings->sequences;
    bool last = strcmp(x->call.proc->source, "lastval") == 0, in_order = is_in_order(e), done = false;
    const struct relation *s = last ? NULL : sequence_of_call(e, x), *asked = s;
    if ((!last && !s) || e->inline_constants)
        return err_is_set(e->err) ? false : blocked(e, x->location, "%s() at this place", x->call.proc->name);
    if (last && values && values->last)
        asked = snapshot_relation_by_oid(e->shared->snapshot, values->last);
    const struct sequence_given *given = in_order ? given_before(e, s) : NULL;
    if (given && !given->cell.n)
        return blocked(e, x->location, "%s() behind setval() of a computed value", x->call.proc->name);
    if (given) {
        *ret = (struct fragment){ .sql = given->cell, .scale = -1 };
        return true;
    }
    if (in_order && s && e->target == TARGET_D1 && e->level) {
        if (!current_of_row(e, e->level->query, s, &done, ret))
            return false;
        if (done)
            return true;
    }
    /* The local engine runs behind the batch: it would see what the statement itself takes further on. */
    if (!in_order || last || e->target == TARGET_LOCAL) {
        if ((e->shared->plan->n_sequences && !in_order) ||
            (s && e->shared->n_current == sizeof(e->shared->current) / sizeof(s)))
            return blocked(e, x->location, "%s() in a statement that moves a sequence", x->call.proc->name);
        if (s)
            e->shared->current[e->shared->n_current++] = s;
        e->shared->asks_last |= last;
    }
    return current_before(e, s, asked, ret);
}

struct own_search {
    struct emitter *e;
    bool found;
};

static bool look_own(struct expr *x, void *ctx)
{
    struct own_search *o = ctx;
    if (x->kind != EXPR_FUNC || strcmp(x->call.proc->source, "currval_oid") != 0)
        return !o->found;
    const struct emit_shared *shared = o->e->shared;
    const struct query *q = o->e->level->query;
    const struct relation *s = sequence_of_call(o->e, x);
    o->found |= s && rowid_table(o->e, s) == q->rtable[q->result_rte].relation;
    for (size_t i = 0; i < shared->n_sequences; i++)
        o->found |= shared->sequences[i].sequence == s;
    return !o->found;
}

bool asks_own_number(struct emitter *e, const struct expr *x)
{
    struct own_search o = { e, false };
    if (e->assigned && e->level)
        expr_walk((struct expr *)x, look_own, &o);
    return o.found;
}

bool emit_sequence_call(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    const char *source = x->call.proc->source;
    if (strcmp(source, "currval_oid") == 0 || strcmp(source, "lastval") == 0) {
        *ret_handled = true;
        return emit_current(e, x, ret);
    }
    bool next = strcmp(source, "nextval_oid") == 0,
         set = strcmp(source, "setval_oid") == 0 || strcmp(source, "setval3_oid") == 0;
    if (!next && !set)
        return true;
    *ret_handled = true;
    const struct relation *s = sequence_of_call(e, x);
    if (!s)
        return false;
    if (e->target == TARGET_D1 && next && e->numbers_rows) {
        *ret = (struct fragment){ .sql = number_of_row(e, x) };
        return ret->sql.p || blocked(e, x->location, "nextval() at this place");
    }
    if (e->target == TARGET_D1)
        return next && e->one_row ? share_of_row(e, x, s, ret)
                                  : blocked(e, x->location, "%s() at this place", x->call.proc->name);
    if (!runs_once(e))
        return blocked(e, x->location, e->conditional ? "%s() that may not be reached" : "%s() for each row of a query",
                       x->call.proc->name);
    return next ? fetched_next(e, s, ret) : set_value(e, x, s, ret);
}

/* ---- sequences read as tables ---- */

/* Last value, count of values logged ahead (none are) and whether it was ever called. */
static struct str state_of(struct emitter *e, const struct relation *s)
{
    const struct relation *table = rowid_table(e, s);
    struct str name = sequence_name(e, table ? table : s);
    if (!table)
        return text_of(e, "SELECT last_value,0 AS log_cnt,is_called FROM _pgd1_sequence WHERE name=%.*s",
                       STR_FMT(name));
    /* a table that has never had a row has none in sqlite_sequence, one that was only prepared for a block has 0 there */
    return text_of(e,
                   "SELECT coalesce(max(seq),%lld) AS last_value,0 AS log_cnt,count(*)>0 AS is_called FROM "
                   "sqlite_sequence WHERE name=%.*s AND seq>=%lld",
                   (long long)s->seq_start, STR_FMT(name), (long long)s->seq_start);
}

/* One arm of the query below: what D1 says of the listed sequences. */
static struct str arm(struct emitter *e, struct buf *list, const char *value, const char *table)
{
    struct str text = STR("");
    if (list->n)
        text = text_of(e,
                       "SELECT v.column1 AS sequence,%s AS last_value FROM (VALUES %.*s) AS v JOIN %s AS s ON "
                       "s.name=v.column2",
                       value, STR_FMT(buf_str(list)), table);
    if (list->failed)
        err_oom(e->err);
    buf_fini(list);
    return text;
}

/* The values of all sequences by their OIDs, those never called without one: a list of OIDs and names beside what D1 holds. */
static struct str all_states(struct emitter *e)
{
    enum { LIST_MAX = 4 << 20 };
    const struct snapshot *s = e->shared->snapshot;
    struct buf own, native;
    buf_init(&own, LIST_MAX);
    buf_init(&native, LIST_MAX);
    for (size_t i = 0; i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        const struct relation *table = r->kind == RELATION_SEQUENCE ? rowid_table(e, r) : NULL;
        struct buf *list = table ? &native : &own;
        if (r->kind == RELATION_SEQUENCE)
            buf_printf(list, "%s(%u,%.*s)", list->n ? "," : "", (unsigned)r->oid,
                       STR_FMT(sequence_name(e, table ? table : r)));
    }
    struct str kept = arm(e, &own, "iif(s.is_called,s.last_value,NULL)", "_pgd1_sequence"),
               counted = arm(e, &native, "iif(s.seq>0,s.seq,NULL)", "sqlite_sequence");
    if (!kept.n && !counted.n)
        return STR("SELECT 0 AS sequence,0 AS last_value WHERE 0");
    return text_of(e, "%.*s%s%.*s", STR_FMT(kept), kept.n && counted.n ? " UNION ALL " : "", STR_FMT(counted));
}

struct str relation_source(struct emitter *e, const struct relation *r)
{
    if (r->kind == RELATION_VIEW && !r->is_system && !r->is_temporary)
        return emit_view_source(e, r);
    if (r->kind != RELATION_SEQUENCE)
        return emit_identifier(r->sqlite_name, e->arena);
    struct str text = r == system_sequence_values() ? all_states(e) : state_of(e, r);
    return text_of(e, "(%.*s)", STR_FMT(text));
}
