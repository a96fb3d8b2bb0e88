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
    const struct expr *table = x->args[0], *column = x->args[1];
    while (table->kind == EXPR_RELABEL)
        table = table->args[0];
    while (column->kind == EXPR_RELABEL)
        column = column->args[0];
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

/* The sequence a call names; 42P01 and 42809 are analyze's, a name that is not constant is refused. */
static const struct relation *sequence_of(struct emitter *e, const struct expr *x)
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

/* last_value moved on by n steps, with PostgreSQL's bounds. The distance is compared: the bounds of int8 must not
 * overflow. */
static struct str advanced(struct emitter *e, const struct relation *s, long long n)
{
    bool up = s->seq_increment > 0;
    long long step = (long long)s->seq_increment, limit = (long long)(up ? s->seq_max : s->seq_min),
              start = (long long)(up ? s->seq_min : s->seq_max);
    struct str text = text_of(e, "nextval: reached %s value of sequence \"%.*s\" (%lld)", up ? "maximum" : "minimum",
                              STR_FMT(s->name), limit);
    struct str beyond = s->seq_cycle ? text_of(e, "%lld", start) : emit_raise(e, "2200H", text);
    return text_of(e,
                   "CASE WHEN %lld - last_value %s (%lld - NOT is_called) * %lld THEN %.*s ELSE last_value + (%lld - "
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
        return one_row(e, &helper, NULL, sql, ret);
    }
    struct str next = advanced(e, s, 1), name = sequence_name(e, s);
    struct str sql =
        text_of(e, "UPDATE _pgd1_sequence SET last_value = %.*s, is_called = 1 WHERE name=%.*s RETURNING %s AS c0",
                STR_FMT(next), STR_FMT(name), native ? "last_value" : "CAST(last_value AS TEXT)");
    return one_row(e, NULL, NULL, sql, ret);
}

static bool set_value(struct emitter *e, const struct expr *x, const struct relation *s, struct fragment *ret)
{
    const struct relation *table = rowid_table(e, s);
    bool native = e->shared->settings->traits.native_values;
    struct emitter *d1 = ARENA_NEW(e->arena, struct emitter);
    struct fragment value, called = { .sql = STR("1") };
    const struct expr *to = x->args[1];
    while (to->kind == EXPR_FUNC && to->n_args == 1 && to->call.form == CALL_IMPLICIT_CAST)
        to = to->args[0];
    bool told = x->n_args == 2 && to->kind == EXPR_CONST && !to->constant.is_null; /* of NULL nothing happens */
    if (!d1)
        return err_oom(e->err);
    if (!note_sequence(e, s, table, told ? SEQUENCE_SET : SEQUENCE_UNTOLD))
        return false;
    emitter_init(d1, e->shared, TARGET_D1);
    if (!emit_value(d1, x->args[1], &value) || (x->n_args > 2 && !emit_value(d1, x->args[2], &called)))
        return false;
    struct str message = text_of(e, "setval: value is out of bounds for sequence \"%.*s\" (%lld..%lld)",
                                 STR_FMT(s->name), (long long)s->seq_min, (long long)s->seq_max);
    struct str raise = emit_raise(d1, "22003", message), name = sequence_name(e, table ? table : s);
    const struct str v = value.sql, c = called.sql;
    if (table) {
        struct str helper = ensure_row(e, table);
        struct str sql = text_of(e,
                                 "UPDATE sqlite_sequence SET seq = CASE WHEN %.*s < 1 THEN %.*s ELSE %.*s - NOT %.*s "
                                 "END WHERE name=%.*s AND %.*s IS NOT NULL "
                                 "RETURNING %s + NOT %.*s%s AS c0",
                                 STR_FMT(v), STR_FMT(raise), STR_FMT(v), STR_FMT(c), STR_FMT(name), STR_FMT(v),
                                 native ? "seq" : "CAST(seq", STR_FMT(c), native ? "" : " AS TEXT)");
        return one_row(e, &helper, d1, sql, ret);
    }
    struct str sql = text_of(e,
                             "UPDATE _pgd1_sequence SET last_value = CASE WHEN %.*s NOT BETWEEN %lld AND %lld THEN "
                             "%.*s ELSE %.*s END, is_called = %.*s "
                             "WHERE name=%.*s AND %.*s IS NOT NULL RETURNING %s AS c0",
                             STR_FMT(v), (long long)s->seq_min, (long long)s->seq_max, STR_FMT(raise), STR_FMT(v),
                             STR_FMT(c), STR_FMT(name), STR_FMT(v), native ? "last_value" : "CAST(last_value AS TEXT)");
    return one_row(e, NULL, d1, sql, ret);
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
    const struct relation *s = sequence_of(c->e, x);
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
    if (!s->n_sequences)
        return true;
    struct emitter e;
    emitter_init(&e, s, TARGET_D1);
    struct plan_statement *all = ARENA_ARRAY(s->arena, struct plan_statement, *n + s->n_sequences);
    if (!all)
        return err_oom(s->err);
    for (size_t i = 0; i < s->n_sequences; i++) {
        const struct relation *r = s->sequences[i].sequence;
        struct str next = advanced(&e, r, (long long)s->sequences[i].n), name = sequence_name(&e, r);
        struct str sql = text_of(&e, "UPDATE _pgd1_sequence SET last_value = %.*s, is_called = 1 WHERE name=%.*s",
                                 STR_FMT(next), STR_FMT(name));
        if (!next.p || !name.p || !sql.p || !note_sequence(&e, r, NULL, SEQUENCE_NEXT))
            return false;
        all[i] = (struct plan_statement){ .sql = sql, .role = STATEMENT_HELPER };
    }
    memcpy(all + s->n_sequences, *statements, *n * sizeof(*all));
    *statements = all;
    *n += s->n_sequences;
    return true;
}

static bool share_of_row(struct emitter *e, const struct expr *x, const struct relation *s, struct fragment *ret)
{
    struct sequence_use *use = NULL;
    for (size_t i = 0; i < e->shared->n_sequences; i++)
        if (e->shared->sequences[i].sequence == s)
            use = &e->shared->sequences[i];
    if (!use || rowid_table(e, s))
        return blocked(e, x->location, "nextval() at this place");
    struct str name = sequence_name(e, s);
    long long back = (long long)(use->n - ++use->given) * (long long)s->seq_increment;
    *ret = (struct fragment){ .sql = text_of(e, "(SELECT last_value - %lld FROM _pgd1_sequence WHERE name=%.*s)", back,
                                             STR_FMT(name)) };
    e->shared->has_volatile = true;
    return ret->sql.p != NULL;
}

bool is_own_nextval(struct emitter *e, const struct column *column, const struct expr *x)
{
    while (x->kind == EXPR_RELABEL || (x->kind == EXPR_FUNC && x->n_args == 1 && x->call.form == CALL_IMPLICIT_CAST))
        x = x->args[0];
    if (!column->sequence_is_rowid || x->kind != EXPR_FUNC || strcmp(x->call.proc->source, "nextval_oid") != 0)
        return false;
    const struct relation *s = sequence_of(e, x);
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
    return !any ? SEQUENCE_DISTURBED : last && !q->on_conflict ? SEQUENCE_NEXT : SEQUENCE_UNTOLD;
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
        enum sequence_step use = q->insert_select || q->command != COMMAND_INSERT ? SEQUENCE_UNTOLD
                                 : at < q->n_insert_columns                       ? use_of_rows(e, q, at)
                                 : q->on_conflict                                 ? SEQUENCE_UNTOLD
                                                                                  : SEQUENCE_NEXT;
        if (!note_sequence(e, s, r, use))
            return false;
    }
    return true;
}

/* Behind the writes of the same transaction. */
static bool pending_value(struct emitter *e, const struct relation *s, const struct fragment *known,
                          struct fragment *ret)
{
    const struct relation *table = rowid_table(e, s);
    struct str name = sequence_name(e, table ? table : s);
    bool native = e->shared->settings->traits.native_values;
    struct str sql = text_of(e,
                             table ? "SELECT %s AS c0 FROM sqlite_sequence WHERE name=%.*s"
                                   : "SELECT %s AS c0 FROM _pgd1_sequence WHERE name=%.*s",
                             table ? (native || e->target == TARGET_D1 ? "seq" : "CAST(seq AS TEXT)")
                                   : (native || e->target == TARGET_D1 ? "last_value" : "CAST(last_value AS TEXT)"),
                             STR_FMT(name));
    bool alone = e->target == TARGET_LOCAL && (!e->level || e == e->shared->prelude);
    if (!table || alone)
        return blocked(e, -1, "currval() of a sequence in the transaction that used it");
    add_read(e, table);
    if (e->target == TARGET_D1) {
        ret->sql = text_of(e, "coalesce(%.*s,(%.*s))", STR_FMT(known->sql), STR_FMT(sql));
        return ret->sql.p != NULL;
    }
    struct fetch *f = fetch_new(e, e->level ? e->level->query : NULL);
    if (!f)
        return false;
    f->text = sql;
    f->n_columns = 1;
    ret->sql = text_of(e, "coalesce(%.*s,(SELECT CAST(%.*s.c0 AS INTEGER) FROM f{%d} AS %.*s))", STR_FMT(known->sql),
                       STR_FMT(f->alias), f->number, STR_FMT(f->alias));
    return sql.p && ret->sql.p;
}

static bool emit_current(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    const struct sequence_values *values = e->shared->settings->sequences;
    bool last = strcmp(x->call.proc->source, "lastval") == 0;
    const struct relation *s = last ? NULL : sequence_of(e, x), *asked = s;
    if ((!last && !s) || e->inline_constants)
        return err_is_set(e->err) ? false : blocked(e, x->location, "%s() at this place", x->call.proc->name);
    if (last && values && values->last)
        asked = snapshot_relation_by_oid(e->shared->snapshot, values->last);
    if (e->shared->plan->n_sequences || (s && e->shared->n_current == sizeof(e->shared->current) / sizeof(s)))
        return blocked(e, x->location, "%s() in a statement that moves a sequence", x->call.proc->name);
    if (s)
        e->shared->current[e->shared->n_current++] = s;
    e->shared->asks_last |= last;
    bool pending = asked && sequence_values_state(values, asked->oid) == SEQUENCE_PENDING;
    struct bind b = { .source = BIND_SEQUENCE,
                      .type = TYPE_OID_int8,
                      .typmod = -1,
                      .index = s ? (int)s->oid : -1,
                      .relation = s,
                      .detail = pending };
    struct fragment known;
    e->shared->looked_at_session = true;
    if (!emit_bind(e, &b, &known))
        return false;
    *ret = known;
    return pending ? pending_value(e, asked, &known, ret) : true;
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
    const struct relation *s = sequence_of(e, x);
    if (!s)
        return false;
    if (e->target == TARGET_D1)
        return next && e->one_row ? share_of_row(e, x, s, ret)
                                  : blocked(e, x->location, "%s() at this place", x->call.proc->name);
    bool alone =
        !e->level || (!e->level->parent && e->level->query->n_from == 0 && e->level->query->command == COMMAND_SELECT);
    if (!alone || e == e->shared->prelude)
        return blocked(e, x->location, "%s() for each row of a query", x->call.proc->name);
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
    if (r->kind != RELATION_SEQUENCE)
        return emit_identifier(r->sqlite_name, e->arena);
    struct str text = r == system_sequence_values() ? all_states(e) : state_of(e, r);
    return text_of(e, "(%.*s)", STR_FMT(text));
}
