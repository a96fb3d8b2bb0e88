/* emit_writes.c - which tables a statement may change, by keys and triggers too; see change_private.h. */
#include "proxy/sql/change_private.h"

struct relation_set {
    const struct relation **list;
    size_t n, size;
};

static bool set_add(struct emitter *e, struct relation_set *s, const struct relation *r)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i] == r)
            return true;
    if (!grow(e, (void **)&s->list, s->n, &s->size, sizeof(*s->list)))
        return false;
    s->list[s->n++] = r;
    return true;
}

static bool references(const struct constraint *c, const struct relation *r)
{
    return c->kind == 'f' && str_eq(c->foreign_table, r->name) &&
           (c->foreign_schema.n == 0 || str_eq(c->foreign_schema, r->schema));
}

bool refers_to(const struct relation *r, const struct relation *other)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        if (references(&r->constraints[i], other))
            return true;
    return false;
}

/* Tables that keys and triggers bring in when `r` is written. */
static bool spread_writes(struct emitter *e, const struct relation *r, enum command command,
                          struct relation_set *writes)
{
    const struct snapshot *s = e->shared->snapshot;
    for (size_t i = 0; i < s->n_relations; i++) {
        const struct relation *other = &s->relations[i];
        if (r->has_user_triggers && (other->kind == RELATION_TABLE) && !set_add(e, writes, other))
            return false;
        for (size_t k = 0; k < other->n_constraints; k++) {
            const struct constraint *c = &other->constraints[k];
            if (!references(c, r))
                continue;
            char action = command == COMMAND_DELETE ? c->on_delete : c->on_update;
            if (command == COMMAND_MERGE && action == 'a')
                action = c->on_delete;
            if (command != COMMAND_INSERT) /* a new row has no rows that refer to it */
                add_read(e, other);
            if (command != COMMAND_INSERT && (action == 'c' || action == 'n' || action == 'd') &&
                !set_add(e, writes, other))
                return false;
        }
    }
    for (size_t k = 0; k < r->n_constraints; k++)
        for (size_t i = 0; i < s->n_relations; i++)
            if (references(&r->constraints[k], &s->relations[i]))
                add_read(e, &s->relations[i]);
    return true;
}

static bool all_writes(struct emitter *e, const struct query *q, struct relation_set *writes)
{
    size_t first = writes->n;
    enum command command = q->on_conflict && q->on_conflict->update ? COMMAND_UPDATE : q->command;
    if (!set_add(e, writes, target_of(q)))
        return false;
    for (size_t i = first; i < writes->n; i++)
        if (!spread_writes(e, writes->list[i], command, writes))
            return false;
    return true;
}

/* Whether tables other than the target may change along with it: by keys that refer to what is set or deleted, or by triggers. */
static bool spreads(const struct query *q)
{
    const struct relation *r = target_of(q);
    bool spread = q->command == COMMAND_DELETE || q->command == COMMAND_MERGE || r->has_user_triggers;
    const struct assignment *sets = q->on_conflict ? q->on_conflict->sets : q->sets;
    size_t n_sets = q->on_conflict ? q->on_conflict->n_sets : q->n_sets;
    for (size_t i = 0; i < r->n_constraints && !spread; i++)
        for (size_t k = 0; r->constraints[i].kind != 'c' && k < r->constraints[i].n_columns; k++)
            spread = spread || sets_change(sets, n_sets, &r->columns[r->constraints[i].columns[k] - 1]);
    return spread;
}

bool written_tables(struct emitter *e, const struct query *q, struct written *ret)
{
    struct relation_set writes = { 0 };
    if (!(spreads(q) ? all_writes(e, q, &writes) : set_add(e, &writes, target_of(q))))
        return false;
    *ret = (struct written){ writes.list, writes.n };
    return true;
}

bool note_writes(struct emitter *e, const struct query *q)
{
    struct plan *plan = e->shared->plan;
    struct relation_set writes = { .list = plan->writes, .n = plan->n_writes, .size = plan->n_writes };
    bool inserts = q->command == COMMAND_INSERT || q->command == COMMAND_MERGE;
    if ((inserts && !note_inserted_numbers(e, q)) || !all_writes(e, q, &writes))
        return false;
    plan->writes = writes.list;
    plan->n_writes = writes.n;
    return true;
}
