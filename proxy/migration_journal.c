/* migration_journal.c - the journal's tables as steps of the group; see migration_private.h. */
#include "proxy/migration_private.h"

#include "proxy/database.h"
#include "proxy/planning.h"

/* ---- steps of ours ---- */

static struct plan *plan_of(const struct snapshot *snapshot, enum member member, struct str sql, size_t n_columns)
{
    struct arena *arena = arena_new(PLAN_ARENA_CAP);
    struct plan *plan = arena ? ARENA_NEW(arena, struct plan) : NULL;
    struct plan_statement *statement = plan ? ARENA_NEW(arena, struct plan_statement) : NULL;
    struct plan_column *columns = statement ? ARENA_ARRAY(arena, struct plan_column, n_columns) : NULL;
    if (!columns) {
        arena_free(arena);
        return NULL;
    }
    for (size_t i = 0; i < n_columns; i++)
        columns[i] = (struct plan_column){ .name = STR("c"), .type = 25, .codec_type = 25, .typmod = -1 };
    *statement = (struct plan_statement){
        .sql = sql, .role = STATEMENT_MAIN, .gives_rows = n_columns > 0, .n_columns = n_columns
    };
    *plan = (struct plan){ .references = 1,
                           .arena = arena,
                           .kind = member == MEMBER_DDL     ? PLAN_DDL
                                   : member == MEMBER_WRITE ? PLAN_CHANGE
                                                            : PLAN_QUERY,
                           .tag = "MIGRATE",
                           .place = PLACE_D1,
                           .is_raw = true,
                           .access = member == MEMBER_READ ? D1_READ : D1_WRITE,
                           .columns = columns,
                           .n_columns = n_columns,
                           .statements = statement,
                           .n_statements = 1 };
    plan->snapshot = snapshot_ref(snapshot);
    return plan;
}

bool migration_member(struct migration *m, enum member member, struct str sql, const struct value *params,
                      size_t n_params, size_t columns, const struct row_taker *taker)
{
    struct d1_statement *statement = ARENA_NEW(m->arena, struct d1_statement);
    /* our own tables' columns are known: no need for the schema that the file's waiting DDL will leave, nor for any
     * while somebody else's DDL has it read again */
    const struct snapshot *schema = database_snapshot(m->session->database);
    if (!schema)
        schema = m->session->worker->blank;
    struct plan *plan = sql.p && statement ? plan_of(schema, member, sql, columns) : NULL;
    if (!plan)
        return err_oom(m->err);
    *statement = (struct d1_statement){ .sql = sql, .params = params, .n_params = n_params };
    struct execution x = { .plan = plan, .source = { .text = sql }, .sink = SINK_TAKEN, .taker = taker };
    bool ok = group_add(m->session->group, &x, statement, 1, m->err) != NULL;
    plan_unref(plan);
    return ok;
}

bool migration_texts(struct migration *m, struct str sql, const struct str *texts, size_t n)
{
    struct value *params = ARENA_ARRAY(m->arena, struct value, n);
    if (!params)
        return err_oom(m->err);
    for (size_t i = 0; i < n; i++)
        params[i] = texts[i].p ? value_text(texts[i]) : value_null();
    return migration_member(m, MEMBER_WRITE, sql, params, n, 0, NULL);
}

/* ---- reading ---- */

static const size_t widths[MIGRATE_TABLE_NR] = {
    [MIGRATE_TABLE_WRANGLER] = 3, [MIGRATE_TABLE_OWN] = 8, [MIGRATE_TABLE_DRIZZLE] = 2
};

static struct str name_of(const struct migration *m, enum migrate_table table)
{
    return migrate_journal_table(table, str_from(m->database.migrations_table));
}

static void begin_rows(void *ctx)
{
    struct migrate_table_rows *t = ctx;
    t->rows.n = 0;
}

static bool take_row(void *ctx, const struct value *cells, size_t n)
{
    struct migrate_table_rows *t = ctx;
    return migrate_rows_add(&t->rows, cells, n, t->migration->arena);
}

static void begin_names(void *ctx)
{
    struct migration *m = ctx;
    memset(m->is_there, 0, sizeof(m->is_there));
}

static bool take_name(void *ctx, const struct value *cells, size_t n)
{
    struct migration *m = ctx;
    for (int t = 0; n && t < MIGRATE_TABLE_NR; t++)
        if (cells[0].class == VALUE_TEXT && str_eq_nocase(cells[0].bytes, name_of(m, (enum migrate_table)t)))
            m->is_there[t] = true;
    return true;
}

bool migration_has_table(const struct snapshot *schema, struct str name)
{
    for (size_t i = 0; i < schema->n_objects; i++)
        if (str_is(schema->objects[i].type, "table") && str_eq_nocase(schema->objects[i].name, name))
            return true;
    return false;
}

static bool add_names(struct migration *m)
{
    struct value *params = ARENA_ARRAY(m->arena, struct value, MIGRATE_TABLE_NR);
    if (!params)
        return err_oom(m->err);
    for (int t = 0; t < MIGRATE_TABLE_NR; t++)
        params[t] = value_text(name_of(m, (enum migrate_table)t));
    m->takers[MIGRATE_TABLE_NR] = (struct row_taker){ begin_names, take_name, m };
    return migration_member(
        m, MEMBER_READ,
        STR("SELECT name AS c0 FROM sqlite_schema WHERE type='table' AND name COLLATE NOCASE IN(?1,?2,?3)"), params,
        MIGRATE_TABLE_NR, 1, &m->takers[MIGRATE_TABLE_NR]);
}

static void begin_schema(void *ctx)
{
    const struct schema_taker *t = ctx;
    if (t->statement)
        return;
    snapshot_reader_free(t->migration->schema_reader);
    t->migration->schema_reader = snapshot_reader_new();
}

static bool take_schema_row(void *ctx, const struct value *cells, size_t n)
{
    const struct schema_taker *t = ctx;
    struct snapshot_reader *reader = t->migration->schema_reader;
    return reader && snapshot_reader_row(reader, t->statement, cells, n);
}

/* As the schema is read otherwise (database.c), but in the journal's batch. */
static bool add_schema(struct migration *m, const struct snapshot *known)
{
    enum { CELLS_MAX = 16 };
    size_t n;
    const struct d1_statement *statements = snapshot_statements_for(known && known->has_side_catalog, &n);
    m->schema_takers = ARENA_ARRAY(m->arena, struct schema_taker, n);
    if (!m->schema_takers)
        return err_oom(m->err);
    for (size_t i = 0; i < n; i++) {
        struct schema_taker *t = &m->schema_takers[i];
        *t = (struct schema_taker){ .migration = m, .statement = i, .taker = { begin_schema, take_schema_row, t } };
        if (!migration_member(m, MEMBER_READ, statements[i].sql, NULL, 0, CELLS_MAX, &t->taker))
            return false;
    }
    return true;
}

/* *ret_again: there is a side catalogue, and it was not asked. */
static bool take_schema(struct migration *m, bool *ret_again)
{
    const struct snapshot *known = planning_schema(m->session);
    if (!m->schema_reader)
        return err_oom(m->err);
    snapshot_unref(m->live);
    m->live = snapshot_reader_finish(m->schema_reader, m->err);
    snapshot_reader_free(m->schema_reader);
    m->schema_reader = NULL;
    *ret_again |= m->live && m->live->has_side_catalog && !(known && known->has_side_catalog) && !m->looked_again;
    return m->live != NULL;
}

/* The schema known here may be old, so the batch asks which tables there are as well. */
bool migration_add_journal(struct migration *m, bool made)
{
    const struct snapshot *schema = planning_schema(m->session);
    struct str wrangler = str_from(m->database.migrations_table);
    if (!add_names(m) || (m->wants_schema && !add_schema(m, schema)))
        return false;
    for (int t = 0; t < MIGRATE_TABLE_NR; t++) {
        m->assumed[t] = (made && t != MIGRATE_TABLE_DRIZZLE) ||
                        (schema && migration_has_table(schema, name_of(m, (enum migrate_table)t)));
        m->read[t] = (struct migrate_table_rows){ .migration = m };
        m->takers[t] = (struct row_taker){ begin_rows, take_row, &m->read[t] };
        if (m->assumed[t] &&
            !migration_member(m, MEMBER_READ, migrate_journal_read((enum migrate_table)t, wrangler, m->arena), NULL, 0,
                              widths[t], &m->takers[t]))
            return false;
    }
    return true;
}

bool migration_take_journal(struct migration *m, bool *ret_again)
{
    struct migrate_rows rows[MIGRATE_TABLE_NR];
    *ret_again = memcmp(m->is_there, m->assumed, sizeof(m->is_there)) != 0 && !m->looked_again;
    for (int t = 0; t < MIGRATE_TABLE_NR; t++)
        rows[t] = m->read[t].rows;
    m->digest = migrate_journal_digest(rows, m->arena);
    if (!m->digest.p)
        return err_oom(m->err);
    if (m->wants_schema && !take_schema(m, ret_again))
        return false;
    return migrate_journal_merge(&m->folder, rows, m->arena, &m->journal, m->err);
}

enum outcome migration_read_journal(struct migration *m)
{
    bool again;
    if (!m->asked) {
        m->asked = m->is_reading = true;
        if (!migration_add_journal(m, false))
            return OUTCOME_FAILED;
        enum outcome outcome = group_answer(m->session->group, END_IMPLICIT);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    m->is_reading = false;
    if (!migration_take_journal(m, &again))
        return OUTCOME_FAILED;
    if (!again)
        return OUTCOME_DONE;
    m->looked_again = true;
    m->asked = false;
    m->session->schema_since_us = worker_now(m->session->worker);
    planning_wait_schema(m->session); /* execute() is called again behind it */
    return OUTCOME_WAIT;
}

/* The schema has been read again along with the error. */
bool migration_reads_again(struct migration *m, const struct err *err)
{
    if (!m->is_reading || m->looked_again || err->code != SQLSTATE_UNDEFINED_TABLE)
        return false;
    m->looked_again = true;
    m->asked = m->is_reading = false;
    return true;
}
