/* migration.c - see migration.h. What UP and DOWN run: migration_run.c. */
#include "proxy/migration_private.h"

#include "proxy/catalog/system.h"
#include "proxy/group_private.h"

/* ---- the statement ---- */

bool migration_parse(struct str text, size_t max_bytes, struct arena *arena, struct sql_list *ret, struct err *err)
{
    struct sql_statement *one = ARENA_NEW(arena, struct sql_statement);
    if (!sql_check_text(text, max_bytes, err))
        return false;
    if (!one)
        return err_oom(err);
    *one = (struct sql_statement){ .text = text, .is_migrate = true };
    *ret = (struct sql_list){ one, 1 };
    return true;
}

static const struct {
    enum migrate_verb verb;
    const char *name;
    oid_t type;
} columns[] = {
#define COLUMN(verb, name, type) { MIGRATE_##verb, name, type },
#include "proxy/migrate/columns.def"
#undef COLUMN
};
enum { N_COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static bool describe(struct plan *plan, enum migrate_verb verb)
{
    plan->columns = ARENA_ARRAY(plan->arena, struct plan_column, N_COLUMNS);
    if (!plan->columns)
        return false;
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (columns[i].verb == verb)
            plan->columns[plan->n_columns++] = (struct plan_column){
                .name = str_from(columns[i].name), .type = columns[i].type, .codec_type = columns[i].type, .typmod = -1
            };
    return true;
}

bool migration_plan(struct str text, const struct snapshot *snapshot, struct plan **ret, struct err *err)
{
    struct arena *arena = arena_new(PLAN_ARENA_CAP);
    struct plan *plan = arena ? ARENA_NEW(arena, struct plan) : NULL;
    struct migrate_command *command = plan ? ARENA_NEW(arena, struct migrate_command) : NULL;
    if (!command) {
        arena_free(arena);
        return err_oom(err);
    }
    *plan = (struct plan){ .references = 1,
                           .arena = arena,
                           .kind = PLAN_MIGRATE,
                           .tag = "MIGRATE",
                           .tag_has_count = true,
                           .place = PLACE_D1 };
    plan->snapshot = snapshot_ref(snapshot);
    plan->utility.migrate = command;
    struct str kept = arena_str(arena, text); /* the plan may outlive the message */
    bool ok = kept.p ? migrate_command_parse(kept, arena, command, err) : err_oom(err);
    if (!ok || !describe(plan, command->verb)) {
        if (ok)
            err_oom(err);
        plan_unref(plan);
        return false;
    }
    *ret = plan;
    return true;
}

/* ---- rows for the client ---- */

bool migration_row(struct migration *m, const struct value *cells, size_t n)
{
    struct value(*room)[MIGRATION_MAX_CELLS] = m->answer;
    if (m->n_answer == m->room_answer) {
        m->room_answer = m->room_answer ? m->room_answer * 2 : 16;
        room = arena_array(m->arena, m->room_answer, sizeof(*room));
        if (!room)
            return err_oom(m->err);
        if (m->n_answer)
            memcpy(room, m->answer, m->n_answer * sizeof(*room));
        m->answer = room;
    }
    memcpy(room[m->n_answer++], cells, n * sizeof(*cells));
    return true;
}

struct value migration_text(struct str s)
{
    return s.n ? value_text(s) : value_null();
}

static bool answer(struct migration *m, const struct execution *x)
{
    struct session *s = m->session;
    struct emitter e = { .session = s,
                         .plan = x->plan,
                         .formats = x->formats,
                         .sink = x->sink,
                         .portal = x->portal,
                         .describe = x->describe,
                         .out = session_out(s),
                         .err = m->err };
    emitter_begin(&e);
    for (size_t i = 0; i < m->n_answer; i++)
        if (!emitter_row(&e, m->answer[i], x->plan->n_columns))
            return false;
    if (x->sink == SINK_STORE)
        x->portal->state = PORTAL_STORED;
    else
        execute_tag(x->plan, e.n_rows, e.out);
    return true;
}

/* ---- commands ---- */

static enum outcome (*const commands[MIGRATE_VERB_NR])(struct migration *m);

static enum outcome help(struct migration *m)
{
    for (int verb = 0; verb < MIGRATE_VERB_NR; verb++) {
        if (!commands[verb])
            continue;
        const struct migrate_help *h = migrate_command_help((enum migrate_verb)verb);
        struct value cells[] = { value_text(str_from(h->synopsis)), value_text(str_from(h->help)) };
        if (!migration_row(m, cells, 2))
            return OUTCOME_FAILED;
    }
    return OUTCOME_DONE;
}

static enum outcome create(struct migration *m)
{
    struct migrate_file file;
    if (!migrate_folder_create(m->database.migrations_dir, m->command->name, m->command->body,
                               session_wall_us(m->session), m->arena, &file, m->err))
        return OUTCOME_FAILED;
    struct value cells[] = { value_text(file.name), value_text(str_from(m->database.migrations_dir)) };
    return migration_row(m, cells, 2) ? OUTCOME_DONE : OUTCOME_FAILED;
}

static enum outcome (*const commands[MIGRATE_VERB_NR])(struct migration *m) = {
    [MIGRATE_BASELINE] = migration_baseline,
    [MIGRATE_CREATE] = create,
    [MIGRATE_DOWN] = migration_down,
    [MIGRATE_GENERATE] = migration_generate,
    [MIGRATE_HELP] = help,
    [MIGRATE_PUSH] = migration_push,
    [MIGRATE_REPAIR] = migration_repair,
    [MIGRATE_RESET] = migration_reset,
    [MIGRATE_RESTORE] = migration_restore,
    [MIGRATE_STATUS] = migration_status,
    [MIGRATE_UP] = migration_up,
    [MIGRATE_VALIDATE] = migration_validate,
};

/* Migrations are transactions themselves, and their rows are not known before they ran. */
static bool check_place(const struct session *s, const struct migrate_command *command, struct err *err)
{
    const struct group *g = s->group;
    if (command->verb == MIGRATE_HELP)
        return true;
    if (s->transaction.state == TXN_IDLE && !group_is_waiting(g) && !g->wrote)
        return true;
    return err_set(err, SQLSTATE_ACTIVE_SQL_TRANSACTION, "MIGRATE %s cannot run inside a transaction block",
                   migrate_command_help(command->verb)->verb);
}

/* What only looks is everybody's. */
static bool check_user(const struct session *s, const struct migrate_command *command, struct err *err)
{
    const struct config_user *user = config_user_find(s->serving->config, str_from(s->user));
    bool looks = command->verb == MIGRATE_HELP || command->verb == MIGRATE_STATUS || command->verb == MIGRATE_VALIDATE;
    if (looks || !user || !user->cannot_migrate)
        return true;
    err_set(err, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied to run MIGRATE %s",
            migrate_command_help(command->verb)->verb);
    return err_detail(err, "The configuration has can_migrate=off for user \"%s\".", s->user);
}

static const struct migrate_command *command_of(const struct plan *plan)
{
    return plan->migrate ? plan->migrate : plan->utility.migrate;
}

static struct migration *begin(struct session *s, const struct execution *x, struct err *err)
{
    struct group *g = s->group;
    struct migration *m = ARENA_NEW(g->arena, struct migration);
    if (!m) {
        err_oom(err);
        return NULL;
    }
    *m = (struct migration){ .session = s, .arena = g->arena, .plan = x->plan, .command = command_of(x->plan) };
    if (!group_keep_plan(g, plan_ref(x->plan), err) || /* the command is the plan's */
        !check_user(s, m->command, err) || !check_place(s, m->command, err) ||
        !config_database_find(s->serving->config, str_from(s->database_name), g->arena, &m->database, err))
        return NULL;
    g->migration = m;
    return m;
}

/* ---- failing ---- */

static bool keep_failure(struct migration *m, const struct err *err)
{
    m->failure = ARENA_NEW(m->arena, struct err);
    if (!m->failure)
        return false;
    err_init(m->failure, m->arena);
    err_copy(m->failure, err);
    return true;
}

static void end(struct group *g)
{
    migration_forget(g->migration);
    g->migration = NULL;
}

/* Right before the error: steps that wait are not answered any more. */
static void tell(struct migration *m)
{
    struct session *s = m->session;
    if (!m->told || SEVERITY_NOTICE < s->gucs.live.min_messages)
        return;
    if (!s->out.p)
        worker_buf_take(s->worker, &s->out, s->out.cap);
    backend_report(&s->out, SEVERITY_NOTICE, m->told, NULL);
    m->told = NULL;
}

/* The run has failed with m->err. True: `then` runs when what it holds has been given back. */
static bool give_up(struct migration *m, void (*then)(struct migration *m))
{
    if (!keep_failure(m, m->err))
        return false;
    if (migration_restores_itself(m, then))
        return true;
    migration_hint_way_back(m, m->failure);
    err_clear(m->err);
    err_copy(m->err, m->failure);
    return migration_surrender(m, m->failure, then);
}

static void fail_in_group(struct migration *m)
{
    struct group *g = m->session->group;
    tell(m);
    end(g);
    group_fail_at_head(g, m->failure);
}

/* From a callback: the steps that waited have not happened. */
static bool starts_over(struct migration *m, const struct err *err)
{
    struct session *s = m->session;
    struct group *g = s->group;
    if (migration_asks_again(m, err))
        migration_start_over(m);
    else if (!migration_reads_again(m, err))
        return false;
    group_cut(g, g->head, g->head->queued_at);
    g->prefix.on = false;
    g->is_running = false;
    overlay_drop(&s->transaction.overlay);
    session_wake(s);
    return true;
}

bool migration_fails(struct group *g, const struct step *step, struct err *err)
{
    struct migration *m = g->migration;
    if (starts_over(m, err))
        return true;
    if (step->x.migrates)
        migrate_text_fail(m->pending[m->at].entry->file, step->x.migrates, err);
    m->err = err;
    return give_up(m, fail_in_group);
}

static void fail_in_statement(struct migration *m)
{
    session_wake(m->session);
}

/* A statement could not be planned: what waits of its chunk is not sent. */
static enum outcome fail(struct migration *m)
{
    struct group *g = m->session->group;
    if (g->head)
        group_cut(g, g->head, g->head->queued_at);
    if (migration_asks_again(m, m->err)) {
        overlay_drop(&m->session->transaction.overlay);
        migration_start_over(m);
        err_clear(m->err);
        enum outcome outcome = commands[m->command->verb](m); /* which asks D1 first, so it is not done yet */
        return outcome == OUTCOME_FAILED ? fail(m) : outcome;
    }
    if (give_up(m, fail_in_statement)) {
        err_clear(m->err);
        session_wait(m->session);
        return OUTCOME_WAIT;
    }
    return OUTCOME_FAILED;
}

struct plan *migration_plan_under_way(const struct migration *m)
{
    return m->plan;
}

/* The command, in whichever form it came. DONE: its rows are in *ret. */
static enum outcome run(struct session *s, const struct execution *x, struct migration **ret, struct err *err)
{
    struct group *g = s->group;
    enum migrate_verb verb = command_of(x->plan)->verb;
    if (!commands[verb]) {
        err_unsupported(err, "MIGRATE %s", migrate_command_help(verb)->verb);
        return OUTCOME_FAILED;
    }
    struct migration *m = g->migration ? g->migration : begin(s, x, err);
    if (!m)
        return OUTCOME_FAILED;
    m->err = err;
    if (m->failure) {
        if (m->journey || m->surrender) { /* a cancel request woke the session too early */
            s->cancelled = 0;
            session_wait(s);
            return OUTCOME_WAIT;
        }
        tell(m);
        err_copy(err, m->failure);
        end(g);
        return OUTCOME_FAILED;
    }
    *ret = m;
    return commands[verb](m);
}

static enum outcome close(struct migration *m, enum outcome outcome)
{
    struct group *g = m->session->group;
    if (outcome == OUTCOME_FAILED)
        outcome = fail(m);
    if (outcome == OUTCOME_DONE || outcome == OUTCOME_FAILED)
        end(g);
    return outcome;
}

enum outcome migration_execute(struct session *s, struct execution *x, struct err *err)
{
    struct migration *m = NULL;
    enum outcome outcome = run(s, x, &m, err);
    if (outcome == OUTCOME_DONE && !answer(m, x))
        outcome = OUTCOME_FAILED;
    return m ? close(m, outcome) : outcome;
}

/* ---- its rows in a query ---- */

static const char *relation_name(enum migrate_verb verb)
{
    return migrate_command_help(verb)->function;
}

bool migration_attach(struct plan *plan, const struct migrate_command *command, struct plan **ret, struct err *err)
{
    bool is_local = plan->kind == PLAN_QUERY && plan->place == PLACE_HERE && plan->local;
    *ret = NULL;
    if (!is_local) {
        err_unsupported(err, "pgd1.%s() in a statement that needs more than its rows", relation_name(command->verb));
        err_hint(err, "Select its rows alone.");
        plan_unref(plan);
        return false;
    }
    struct migrate_command *kept = ARENA_NEW(plan->arena, struct migrate_command);
    if (kept) {
        struct str *texts[] = { &kept->name,    &kept->body,     &kept->to,       &kept->from,
                                &kept->confirm, &kept->bookmark, &kept->timestamp };
        *kept = *command;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
            if (texts[i]->p && !(*texts[i] = arena_str(plan->arena, *texts[i])).p)
                kept = NULL;
    }
    if (!kept) {
        plan_unref(plan);
        return err_oom(err);
    }
    plan->migrate = kept;
    plan->cacheable = false; /* its arguments are literals */
    *ret = plan;
    return true;
}

bool migration_is_planning(const struct migration *m)
{
    return m->plans;
}

enum outcome migration_execute_first(struct session *s, struct execution *x, struct err *err)
{
    struct group *g = s->group;
    struct migration *m = NULL;
    if (g->migrated)
        return OUTCOME_DONE; /* the query waits for something of its own */
    if (x->migrates) {
        err_set(err, SQLSTATE_ACTIVE_SQL_TRANSACTION, "pgd1.%s() cannot run inside a migration",
                relation_name(x->plan->migrate->verb));
        return OUTCOME_FAILED;
    }
    enum outcome outcome = run(s, x, &m, err);
    if (m)
        outcome = close(m, outcome);
    if (outcome == OUTCOME_DONE)
        g->migrated = m; /* the group's arena has it */
    return outcome;
}

bool migration_rows(struct session *s, struct str relation, bool (*add)(void *ctx, const struct value *cells, size_t n),
                    void *ctx)
{
    const struct migration *m = s->group ? s->group->migrated : NULL;
    const struct relation *r = m ? system_migration_relation(relation) : NULL;
    bool is_it = r && (str_is(relation, relation_name(m->command->verb)) ||
                       (m->command->verb == MIGRATE_STATUS && str_is(relation, "migrations")));
    for (size_t i = 0; is_it && i < m->n_answer; i++)
        if (!add(ctx, m->answer[i], r->n_columns))
            break;
    return is_it;
}

void migration_rows_end(struct session *s)
{
    if (s->group)
        s->group->migrated = NULL;
}
