/* temporary_plan.c - see temporary_plan.h. */
#include "proxy/sql/temporary_plan.h"

static void note(bool found[2], const struct relation *r)
{
    if (r && !r->is_system)
        found[r->is_temporary] = true;
}

void temporary_plan_note(struct plan *plan)
{
    bool found[2] = { false, false };
    for (size_t i = 0; i < plan->n_reads; i++)
        note(found, plan->reads[i]);
    for (size_t i = 0; i < plan->n_writes; i++)
        note(found, plan->writes[i]);
    for (size_t i = 0; i < plan->n_sequences; i++)
        note(found, plan->sequences[i].sequence);
    plan->tables = !found[1] ? TABLES_PERMANENT : found[0] ? TABLES_BOTH : TABLES_TEMPORARY;
}

bool temporary_plan_writes(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_writes; i++)
        if (plan->writes[i]->is_temporary)
            return true;
    for (size_t i = 0; i < plan->n_sequences; i++)
        if (plan->sequences[i].sequence->is_temporary)
            return true;
    return false;
}

const struct relation *temporary_plan_only_read(const struct plan *plan)
{
    const struct relation *only = NULL;
    for (size_t i = 0; i < plan->n_writes; i++)
        if (!plan->writes[i]->is_temporary)
            return NULL;
    for (size_t i = 0; i < plan->n_sequences; i++)
        if (!plan->sequences[i].sequence->is_temporary)
            return NULL;
    for (size_t i = 0; i < plan->n_reads; i++) {
        const struct relation *r = plan->reads[i];
        if (r->is_temporary || r->is_system)
            continue;
        if (only || r->kind != RELATION_TABLE)
            return NULL;
        only = r;
    }
    return only;
}

static bool is_gathered(const struct relation *r)
{
    return r->is_temporary && str_is(r->sqlite_name, TEMPORARY_GATHERED);
}

static bool describe(const struct plan *gather, struct arena *arena, struct relation *r, struct rte *rte)
{
    size_t n = gather->n_columns;
    r->columns = ARENA_ARRAY(arena, struct column, n + 1);
    rte->columns = ARENA_ARRAY(arena, struct rte_column, n + 1);
    if (!r->columns || !rte->columns)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct str name = arena_printf(arena, "c%zu", i);
        r->columns[i] = (struct column){ .name = name,
                                         .number = (int16_t)(i + 1),
                                         .type = gather->columns[i].type,
                                         .typmod = gather->columns[i].typmod };
        rte->columns[i] = (struct rte_column){
            .name = name, .type = gather->columns[i].type, .typmod = gather->columns[i].typmod, .column = &r->columns[i]
        };
        if (!name.p)
            return false;
    }
    r->n_columns = rte->n_columns = n;
    return true;
}

struct query *temporary_plan_gathered(const struct plan *gather, struct arena *arena)
{
    struct str name = STR(TEMPORARY_GATHERED);
    struct query *q = ARENA_NEW(arena, struct query);
    struct relation *r = ARENA_NEW(arena, struct relation);
    struct rte *rte = ARENA_NEW(arena, struct rte);
    struct from_item *item = ARENA_NEW(arena, struct from_item), **from = ARENA_NEW(arena, struct from_item *);
    struct target *targets = ARENA_ARRAY(arena, struct target, gather->n_columns + 1);
    if (!q || !r || !rte || !item || !from || !targets)
        return NULL;
    *r = (struct relation){ .schema = STR(SNAPSHOT_TEMPORARY),
                            .name = name,
                            .sqlite_name = name,
                            .kind = RELATION_TABLE,
                            .is_temporary = true };
    *rte = (struct rte){ .kind = RTE_RELATION, .alias = name, .in_from = true, .relation = r };
    *item = (struct from_item){ .kind = FROM_RTE, .rte = 0 };
    *from = item;
    if (!describe(gather, arena, r, rte))
        return NULL;
    for (size_t i = 0; i < gather->n_columns; i++) {
        struct expr *x = ARENA_NEW(arena, struct expr);
        if (!x)
            return NULL;
        *x = (struct expr){ .kind = EXPR_VAR,
                            .type = rte->columns[i].type,
                            .typmod = rte->columns[i].typmod,
                            .location = -1,
                            .var = { 0, 0, (int)i, NULL } };
        targets[i] = (struct target){ .expr = x, .name = rte->columns[i].name };
    }
    *q = (struct query){ .command = COMMAND_SELECT,
                         .rtable = rte,
                         .n_rtable = 1,
                         .from = from,
                         .n_from = 1,
                         .targets = targets,
                         .n_targets = gather->n_columns };
    return q;
}

void temporary_plan_forget_gathered(struct plan *plan)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->n_reads; i++)
        if (!is_gathered(plan->reads[i]))
            plan->reads[n++] = plan->reads[i];
    plan->n_reads = n;
}

bool temporary_plan_refuse(struct err *err)
{
    err_unsupported(err, "a change of a temporary table, or of its sequence, along with permanent tables");
    return err_hint(err, "CREATE TEMP TABLE … AS SELECT what is needed of the permanent tables first, and use that.");
}
