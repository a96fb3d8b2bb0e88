/*
 * planner.c - one raw statement -> plan: analyze and emit queries, hand DDL and utilities to their files.
 *
 * A finished query plan is copied into an arena of its own size: analyzed trees and raw trees do not outlive planning.
 */
#include "proxy/sql/planner.h"

#include "proxy/sql/accepted.h"
#include "proxy/sql/ddl.h"
#include "proxy/sql/emit.h"
#include "proxy/sql/input.h"
#include "proxy/sql/long_names.h"
#include "proxy/sql/plan_cache.h"
#include "proxy/sql/row_key.h"
#include "proxy/sql/skeleton.h"
#include "proxy/sql/temporary_plan.h"

enum { PLAN_ARENA_CAP = 512 << 20 };

struct plan *planner_new_plan(struct planner *p, enum plan_kind kind, const char *tag)
{
    struct arena *arena = arena_new(PLAN_ARENA_CAP);
    struct plan *plan = arena ? ARENA_NEW(arena, struct plan) : NULL;
    if (!plan) {
        arena_free(arena);
        err_oom(p->err);
        return NULL;
    }
    *plan = (struct plan){
        .references = 1, .arena = arena, .kind = kind, .tag = tag, .place = PLACE_HERE, .access = D1_READ
    };
    plan->snapshot = snapshot_ref(p->snapshot);
    return plan;
}

struct analyze_context planner_context(struct planner *p, struct plan *plan)
{
    return (struct analyze_context){ .snapshot = p->snapshot,
                                     .settings = p->settings,
                                     .arena = plan->arena,
                                     .text = p->text,
                                     .literals = p->literals,
                                     .n_declared_params = p->n_param_types,
                                     .params_allowed = !p->settings->without_params,
                                     .warned = plan,
                                     .err = p->err };
}

/* --- copying a plan out of the arena it was made in --- */

struct sealing {
    struct arena *arena;
    bool failed;
};

static void *copy_array(struct sealing *s, const void *from, size_t n, size_t size)
{
    void *to = arena_array(s->arena, n, size);
    if (!to) {
        s->failed = true;
        return NULL;
    }
    if (n)
        memcpy(to, from, n * size);
    return to;
}

static struct str copy_str(struct sealing *s, struct str text)
{
    if (!text.p)
        return text;
    struct str to = arena_str(s->arena, text);
    s->failed |= !to.p;
    return to;
}

static struct bind *copy_binds(struct sealing *s, const struct bind *binds, size_t n)
{
    struct bind *to = copy_array(s, binds, n, sizeof(*binds));
    for (size_t i = 0; to && i < n; i++)
        if (to[i].constant.class == VALUE_TEXT || to[i].constant.class == VALUE_BLOB)
            to[i].constant.bytes = copy_str(s, to[i].constant.bytes);
    return to;
}

static struct plan_local *copy_local(struct sealing *s, const struct plan_local *local)
{
    struct plan_local *to = local ? copy_array(s, local, 1, sizeof(*local)) : NULL;
    if (!to)
        return NULL;
    to->sql = copy_str(s, local->sql);
    to->binds = copy_binds(s, local->binds, local->n_binds);
    return to;
}

static const struct plan_fold *copy_fold(struct sealing *s, const struct plan_fold *fold)
{
    struct plan_fold *to = fold ? copy_array(s, fold, 1, sizeof(*fold)) : NULL;
    if (!to)
        return NULL;
    to->table = copy_str(s, fold->table);
    to->columns = copy_str(s, fold->columns);
    to->cells = copy_str(s, fold->cells);
    to->is_blob = copy_array(s, fold->is_blob, fold->width, sizeof(*fold->is_blob));
    return to;
}

static struct plan_statement *copy_statements(struct sealing *s, const struct plan_statement *from, size_t n)
{
    struct plan_statement *to = copy_array(s, from, n, sizeof(*from));
    for (size_t i = 0; to && i < n; i++) {
        to[i].sql = copy_str(s, from[i].sql);
        to[i].binds = copy_binds(s, from[i].binds, from[i].n_binds);
        to[i].fold = copy_fold(s, from[i].fold);
    }
    return to;
}

static struct plan_lookup *copy_lookup(struct sealing *s, const struct plan_lookup *lookup)
{
    struct plan_lookup *to = lookup ? copy_array(s, lookup, 1, sizeof(*lookup)) : NULL;
    if (!to)
        return NULL;
    to->statements = copy_statements(s, lookup->statements, lookup->n_statements);
    to->local.sql = copy_str(s, lookup->local.sql);
    to->local.binds = copy_binds(s, lookup->local.binds, lookup->local.n_binds);
    return to;
}

static struct plan_row *copy_row(struct sealing *s, const struct plan_row *row)
{
    struct plan_row *to = row ? copy_array(s, row, 1, sizeof(*row)) : NULL;
    if (to)
        to->binds = copy_binds(s, row->binds, row->n_binds);
    return to;
}

static struct plan_new_row *copy_new_row(struct sealing *s, const struct plan_new_row *row)
{
    struct plan_new_row *to = row ? copy_array(s, row, 1, sizeof(*row)) : NULL;
    if (!to)
        return NULL;
    to->keys = copy_array(s, row->keys, row->n_keys, sizeof(*row->keys));
    for (size_t i = 0; to->keys && i < row->n_keys; i++)
        to->keys[i].binds = copy_binds(s, row->keys[i].binds, row->keys[i].n_binds);
    return to;
}

static struct plan *seal(struct plan *plan, struct err *err)
{
    struct sealing s = { arena_new(PLAN_ARENA_CAP), false };
    struct plan *to = s.arena ? copy_array(&s, plan, 1, sizeof(*plan)) : NULL;
    if (!to) {
        arena_free(s.arena);
        plan_unref(plan);
        err_oom(err);
        return NULL;
    }
    to->arena = s.arena;
    to->param_types = copy_array(&s, plan->param_types, plan->n_params, sizeof(*plan->param_types));
    to->columns = copy_array(&s, plan->columns, plan->n_columns, sizeof(*plan->columns));
    for (size_t i = 0; to->columns && i < to->n_columns; i++) {
        to->columns[i].name = copy_str(&s, plan->columns[i].name);
        to->columns[i].source = copy_str(&s, plan->columns[i].source);
    }
    to->statements = copy_statements(&s, plan->statements, plan->n_statements);
    to->row = copy_row(&s, plan->row);
    to->new_row = copy_new_row(&s, plan->new_row);
    to->skip = copy_array(&s, plan->skip, plan->skip != NULL, sizeof(*plan->skip));
    if (!plan->skip)
        to->skip = NULL;
    to->lookup = copy_lookup(&s, plan->lookup);
    to->local = copy_local(&s, plan->local);
    to->prelude = copy_local(&s, plan->prelude);
    to->inputs = copy_array(&s, plan->inputs, plan->n_inputs, sizeof(*plan->inputs));
    for (size_t i = 0; to->inputs && i < to->n_inputs; i++)
        to->inputs[i].local = copy_local(&s, plan->inputs[i].local);
    to->notices = copy_array(&s, plan->notices, plan->n_notices, sizeof(*plan->notices));
    for (size_t i = 0; i < plan->n_notices && !s.failed; i++) {
        to->notices[i].message = copy_str(&s, plan->notices[i].message);
        to->notices[i].detail = copy_str(&s, plan->notices[i].detail);
    }
    to->reads = copy_array(&s, plan->reads, plan->n_reads, sizeof(*plan->reads));
    to->writes = copy_array(&s, plan->writes, plan->n_writes, sizeof(*plan->writes));
    to->sequences = copy_array(&s, plan->sequences, plan->n_sequences, sizeof(*plan->sequences));
    to->literals = copy_array(&s, plan->literals, plan->n_literals, sizeof(*plan->literals));
    for (size_t i = 0; to->literals && i < to->n_literals; i++)
        to->literals[i] = copy_str(&s, plan->literals[i]);
    to->literal_offsets = copy_array(&s, plan->literal_offsets, plan->n_literals, sizeof(*plan->literal_offsets));
    to->is_structural = copy_array(&s, plan->is_structural, plan->n_literals, sizeof(*plan->is_structural));
    to->snapshot = snapshot_ref(plan->snapshot);
    plan_unref(plan);
    if (s.failed) {
        plan_unref(to);
        err_oom(err);
        return NULL;
    }
    return to;
}

/* --- literals --- */

static void mark_bound(const struct bind *binds, size_t n, bool *bound, size_t n_literals)
{
    for (size_t i = 0; i < n; i++)
        if (binds[i].source == BIND_LITERAL && binds[i].index >= 0 && (size_t)binds[i].index < n_literals)
            bound[binds[i].index] = true;
}

/* What the binds of the plan's own text are, and which literals another text of the same skeleton must share. */
static bool keep_literals(struct planner *p, struct plan *plan, const struct literal_set *shaped)
{
    size_t n = p->literals ? p->literals->n : 0;
    bool *bound = ARENA_ARRAY(plan->arena, bool, n);
    plan->literals = ARENA_ARRAY(plan->arena, struct str, n);
    plan->literal_offsets = ARENA_ARRAY(plan->arena, int, n);
    plan->is_structural = ARENA_ARRAY(plan->arena, bool, n);
    if (!bound || !plan->literals || !plan->literal_offsets || !plan->is_structural)
        return err_oom(p->err);
    plan->n_literals = n;
    for (size_t i = 0; i < plan->n_statements; i++)
        mark_bound(plan->statements[i].binds, plan->statements[i].n_binds, bound, n);
    if (plan->local)
        mark_bound(plan->local->binds, plan->local->n_binds, bound, n);
    for (size_t i = 0; plan->lookup && i < plan->lookup->n_statements; i++)
        mark_bound(plan->lookup->statements[i].binds, plan->lookup->statements[i].n_binds, bound, n);
    if (plan->lookup)
        mark_bound(plan->lookup->local.binds, plan->lookup->local.n_binds, bound, n);
    if (plan->prelude)
        mark_bound(plan->prelude->binds, plan->prelude->n_binds, bound, n);
    for (size_t i = 0; i < n; i++) {
        plan->literals[i] =
            literal_content(p->text, &p->literals->literals[i], p->settings->standard_conforming_strings, plan->arena);
        plan->literal_offsets[i] = p->literals->literals[i].offset;
        plan->is_structural[i] = !bound[i] || (i < shaped->n && shaped->is_structural[i]);
        if (bound[i] && !plan->literals[i].p)
            return err_oom(p->err);
    }
    return true;
}

/* --- queries --- */

static const char *const change_tags[] = { [COMMAND_SELECT] = "SELECT",
                                           [COMMAND_INSERT] = "INSERT 0",
                                           [COMMAND_UPDATE] = "UPDATE",
                                           [COMMAND_DELETE] = "DELETE",
                                           [COMMAND_MERGE] = "MERGE" };

/* What becomes of a statement's query before it is printed. */
struct shaping {
    bool takes_select;         /* INSERT … SELECT: only its SELECT */
    const struct plan *gather; /* … or all but that, whose rows this plan gave */
    bool takes_skipped;        /* only its SELECT … SKIP LOCKED, with the key behind its columns */
};

/* The SELECT … SKIP LOCKED as a statement of its own. */
static bool take_skipped(struct plan *plan, struct query *q, struct query **query, struct err *err)
{
    const struct constraint *key = row_key_skipped(q);
    const struct rte *rte = &q->rtable[q->from[0]->rte];
    struct target *all = ARENA_ARRAY(plan->arena, struct target, q->n_targets + key->n_columns);
    struct expr *vars = ARENA_ARRAY(plan->arena, struct expr, key->n_columns);
    if (!all || !vars)
        return err_oom(err);
    if (q->n_targets)
        memcpy(all, q->targets, q->n_targets * sizeof(*all));
    for (size_t i = 0; i < key->n_columns; i++) {
        int at = key->columns[i] - 1;
        vars[i] = (struct expr){
            .kind = EXPR_VAR, .type = rte->columns[at].type, .typmod = rte->columns[at].typmod, .location = -1
        };
        vars[i].var.rte = q->from[0]->rte;
        vars[i].var.column = at;
        all[q->n_targets + i] = (struct target){ .expr = &vars[i], .name = rte->columns[at].name };
    }
    q->targets = all;
    q->n_targets += key->n_columns;
    q->parent = NULL;
    *query = q;
    return true;
}

static bool shape(struct planner *p, struct plan *plan, const struct shaping *shaping, struct query **query)
{
    struct query *q = *query;
    if (!shaping->takes_select && !shaping->gather)
        return true;
    if (!q->insert_select || q->n_ctes)
        return temporary_plan_refuse(p->err);
    if (shaping->takes_select) {
        *query = q->insert_select;
        (*query)->parent = NULL;
        return true;
    }
    q->insert_select = temporary_plan_gathered(shaping->gather, plan->arena);
    return q->insert_select || err_oom(p->err);
}

/* Which SELECT … SKIP LOCKED there is; several are as good as none. */
static bool note_skip(struct plan *plan, const struct analyze_context *a, struct err *err)
{
    const struct query *q = a->n_skips == 1 ? a->skips : NULL;
    const struct constraint *key = q ? row_key_skipped(q) : NULL;
    if (!key)
        return true;
    plan->skip = ARENA_NEW(plan->arena, struct plan_skip);
    if (!plan->skip)
        return err_oom(err);
    *plan->skip = (struct plan_skip){ .relation = q->rtable[q->from[0]->rte].relation,
                                      .key = key,
                                      .shares = q->lock <= LOCK_SHARE };
    return true;
}

static bool fill_query(struct planner *p, const PgQuery__Node *node, const struct shaping *shaping, struct plan *plan)
{
    struct query *query;
    struct literal_set shaped = { 0 };
    struct analyze_context a = planner_context(p, plan);
    a.n_params = p->n_param_types;
    a.param_types = ARENA_ARRAY(plan->arena, oid_t, p->n_param_types);
    shaped.n = p->literals ? p->literals->n : 0;
    shaped.is_structural = ARENA_ARRAY(plan->arena, bool, shaped.n);
    if (!a.param_types || !shaped.is_structural)
        return err_oom(p->err);
    if (p->n_param_types)
        memcpy(a.param_types, p->param_types, p->n_param_types * sizeof(oid_t));
    if (!analyze_statement(&a, node, &query) || !shape(p, plan, shaping, &query))
        return false;
    if (shaping->takes_skipped && !take_skipped(plan, a.skips, &query, p->err))
        return false;
    if (!note_skip(plan, &a, p->err))
        return false;
    plan->param_types = a.param_types;
    plan->n_params = a.n_params;
    plan->tag = change_tags[query->command];
    plan->tag_has_count = true;
    plan->cacheable = true;
    plan->locks_rows = a.locks_rows;
    plan->row = row_key_of(query, plan->arena);
    plan->new_row = row_key_new(query, plan->arena);
    plan->has_subqueries = query->has_sublinks || query->n_ctes;
    bool ok = emit_query(query, p->settings, plan, &shaped, p->err);
    if (!ok && p->err->position > 0) /* printing counts bytes */
        p->err->position = analyze_position(p->text, p->err->position - 1);
    return ok && keep_literals(p, plan, &shaped) &&
           input_plan_implied(plan, a.implied, a.n_implied, p->settings, p->err);
}

static bool plan_shaped(struct planner *p, const PgQuery__Node *node, const struct shaping *shaping, struct plan **ret)
{
    struct plan *plan = planner_new_plan(p, PLAN_QUERY, NULL);
    if (!plan)
        return false;
    if (!fill_query(p, node, shaping, plan)) {
        plan_unref(plan);
        return false;
    }
    if (shaping->gather)
        temporary_plan_forget_gathered(plan);
    *ret = seal(plan, p->err);
    if (*ret)
        temporary_plan_note(*ret);
    return *ret != NULL;
}

/* Temporary rows go to D1 with the statement. */
static bool plan_with_rows(struct planner *p, const PgQuery__Node *node, const struct shaping *shaping,
                           struct plan **ret)
{
    struct sql_settings settings = *p->settings;
    struct planner own = *p;
    settings.takes_rows = true;
    own.settings = &settings;
    return plan_shaped(&own, node, shaping, ret);
}

/* INSERT … SELECT into a temporary table: what the SELECT gives is gathered first. */
static bool plan_gathering(struct planner *p, const PgQuery__Node *node, struct plan **ret)
{
    struct shaping select = { .takes_select = true }, insert = { 0 };
    struct plan *gather;
    if (!plan_shaped(p, node, &select, &gather))
        return false;
    if (gather->tables == TABLES_BOTH) {
        plan_unref(gather);
        if (!plan_with_rows(p, node, &select, &gather))
            return false;
    }
    insert.gather = gather;
    bool ok = plan_shaped(p, node, &insert, ret);
    if (ok && (*ret)->tables != TABLES_TEMPORARY) {
        plan_unref(*ret);
        ok = temporary_plan_refuse(p->err);
    }
    if (ok)
        (*ret)->gather = gather;
    else
        plan_unref(gather);
    return ok;
}

bool planner_table(struct planner *p, const struct relation *r, const struct column *const *columns, size_t n_columns,
                   struct plan **ret)
{
    AUTO(arena) arena = arena_new(PLAN_ARENA_CAP);
    struct str list = STR("");
    struct sql_list parsed;
    if (!arena)
        return err_oom(p->err);
    for (size_t i = 0; i < n_columns; i++)
        list = arena_printf(arena, "%.*s%s%.*s", STR_FMT(list), i ? ", " : "",
                            STR_FMT(emit_identifier(columns[i]->name, arena)));
    struct str sql = arena_printf(arena, "SELECT %.*s FROM %.*s.%.*s", STR_FMT(list),
                                  STR_FMT(emit_identifier(r->schema, arena)), STR_FMT(emit_identifier(r->name, arena)));
    if (!sql.p)
        return err_oom(p->err);
    struct sql_settings settings = *p->settings;
    settings.in_row_order = true;
    return sql_parse(sql, sql.n, arena, &parsed, p->err) &&
           sql_plan(&parsed.statements[0], p->snapshot, &settings, NULL, 0, ret, p->err);
}

/* Another change of a temporary table: the one permanent table that it reads is brought to it. */
static bool plan_bringing(struct planner *p, struct plan *plan)
{
    const struct relation *r = temporary_plan_only_read(plan);
    const struct column *columns[100];
    if (!r || r->n_columns > sizeof(columns) / sizeof(columns[0]))
        return temporary_plan_refuse(p->err);
    for (size_t i = 0; i < r->n_columns; i++)
        columns[i] = &r->columns[i];
    plan->tables = TABLES_TEMPORARY;
    plan->gathered = r;
    return planner_table(p, r, columns, r->n_columns, &plan->gather);
}

static bool selects_into(const PgQuery__Node *node)
{
    return node->node_case == PG_QUERY__NODE__NODE_INSERT_STMT && node->insert_stmt->select_stmt &&
           !node->insert_stmt->with_clause && !node->insert_stmt->select_stmt->select_stmt->n_values_lists;
}

static bool binds_skipped(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_statements; i++)
        for (size_t k = 0; k < plan->statements[i].n_binds; k++)
            if (plan->statements[i].binds[k].source == BIND_SKIPPED)
                return true;
    return false;
}

/* SKIP LOCKED: its SELECT alone, for the keys of its rows. Where it cannot be asked alone, rows are only left out. */
static void plan_skipping(struct planner *p, const PgQuery__Node *node, struct plan *plan)
{
    struct shaping skipped = { .takes_skipped = true };
    struct planner own = *p;
    struct err err;
    struct plan *rows;
    if (!binds_skipped(plan) || plan->tables != TABLES_PERMANENT || plan->lookup) {
        plan->skip = NULL;
        return;
    }
    err_init(&err, p->err->arena);
    own.err = &err;
    if (!plan_shaped(&own, node, &skipped, &rows))
        return;
    if (rows->place != PLACE_D1 || rows->n_statements != 1 || !binds_skipped(rows)) {
        plan_unref(rows);
        return;
    }
    rows->skip = NULL;
    plan->skip->rows = rows;
    plan->cacheable &= rows->cacheable;
    for (size_t i = 0; i < plan->n_literals; i++)
        plan->is_structural[i] |= rows->is_structural[i];
}

static bool plan_query(struct planner *p, const PgQuery__Node *node, struct plan **ret)
{
    struct shaping none = { 0 };
    *ret = NULL;
    if (!plan_shaped(p, node, &none, ret))
        return false;
    if ((*ret)->skip)
        plan_skipping(p, node, *ret);
    if ((*ret)->tables != TABLES_BOTH)
        return true;
    bool writes = temporary_plan_writes(*ret);
    bool ok = writes && !selects_into(node) && plan_bringing(p, *ret);
    if (ok)
        return true;
    plan_unref(*ret);
    *ret = NULL;
    if (writes)
        return selects_into(node) && plan_gathering(p, node, ret);
    return plan_with_rows(p, node, &none, ret);
}

/* CREATE TEMP TABLE … AS: the rows of its query are gathered first. */
static bool plan_filling(struct planner *p, const PgQuery__Node *node, struct plan *plan)
{
    PgQuery__Node select_node = *node;
    PgQuery__SelectStmt select;
    if (node->node_case == PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT)
        return planner_node(p, node->create_table_as_stmt->query, &plan->gather);
    select = *node->select_stmt;
    select.into_clause = NULL;
    select_node.select_stmt = &select;
    return planner_node(p, &select_node, &plan->gather);
}

static bool fills(const struct plan *plan, const PgQuery__Node *node)
{
    bool as = node->node_case == PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT ||
              node->node_case == PG_QUERY__NODE__NODE_SELECT_STMT;
    return as && plan->tables == TABLES_TEMPORARY && plan->kind == PLAN_DDL && plan->tag_has_count;
}

bool planner_node(struct planner *p, const PgQuery__Node *node, struct plan **ret)
{
    bool handled = false;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        if (node->select_stmt->into_clause || ddl_is_annotate(node->select_stmt))
            break; /* SELECT INTO is CREATE TABLE AS */
        return plan_query(p, node, ret);
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
        return plan_query(p, node, ret);
    default:
        break;
    }
    if (!plan_utility(p, node, ret, &handled))
        return false;
    if (handled)
        return true;
    struct plan *plan = planner_new_plan(p, PLAN_DDL, NULL);
    if (!plan)
        return false;
    struct ddl_context ddl = { .snapshot = p->snapshot, .settings = p->settings, .text = p->text, .err = p->err };
    if (!ddl_plan(&ddl, node, plan, &handled) || !handled || (fills(plan, node) && !plan_filling(p, node, plan))) {
        plan_unref(plan);
        return handled ? false : err_is_set(p->err) ? false : accepted_refuse(node, p->err);
    }
    *ret = plan;
    return true;
}

/* The statement's own literals: those of the others in its string would make a long string's plans grow with their square. */
static bool own_literals(const struct sql_statement *statement, const struct sql_settings *settings,
                         struct arena *scratch, struct literal_table *ret)
{
    struct skeleton skeleton;
    if (!skeleton_scan(statement->text, settings->standard_conforming_strings, scratch, &skeleton))
        return false;
    *ret = skeleton.literals;
    for (size_t i = 0; i < ret->n; i++)
        ret->literals[i].offset += (int)statement->offset; /* the parser counts from the string's start */
    return true;
}

bool sql_plan(const struct sql_statement *statement, const struct snapshot *snapshot,
              const struct sql_settings *settings, const oid_t *param_types, size_t n_param_types, struct plan **ret,
              struct err *err)
{
    AUTO(arena) scratch = arena_new(PLAN_ARENA_CAP);
    struct str text = { statement->text.p - statement->offset, statement->offset + statement->text.n };
    struct literal_table literals;
    if (!scratch)
        return err_oom(err);
    const PgQuery__RawStmt *raw = statement->raw;
    if (!raw || !raw->stmt)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "an empty statement was given to the planner");
    struct planner p = { .snapshot = snapshot,
                         .settings = settings,
                         .text = text,
                         .statement = statement->text,
                         .param_types = param_types,
                         .n_param_types = n_param_types,
                         .err = err };
    if (own_literals(statement, settings, scratch, &literals))
        p.literals = &literals;
    if (!planner_node(&p, raw->stmt, ret))
        return false;
    if (!plan_settings_mark(settings, scratch, &(*ret)->settings_mark))
        err_oom(err);
    else if (input_plan_checks(*ret, settings, err) && long_names_notice(*ret, statement->text, err))
        return true;
    plan_unref(*ret);
    *ret = NULL;
    return false;
}
