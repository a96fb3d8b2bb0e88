/* sequence_values.c - see sequence_values.h. */
#include "proxy/sql/sequence_values.h"

#include <stdlib.h>
#include "proxy/base/fault.h"

struct sequence_value {
    struct sequence_value *next;
    oid_t sequence;
    enum sequence_state state;
    size_t member; /* from 1, in the batch under way; 0: none */
    bool is_read;  /* by that member */
    int64_t value;
    bool is_rowid; /* SQLite counts in sqlite_sequence, by the table's name … */
    size_t n;
    char name[]; /* … else the sequence's name in _pgd1_sequence */
};

void sequence_values_clear(struct sequence_values *v)
{
    while (v->first) {
        struct sequence_value *one = v->first;
        v->first = one->next;
        free(one);
    }
    v->last = 0;
    v->is_lost = false;
}

static struct sequence_value *find(const struct sequence_values *v, oid_t sequence)
{
    struct sequence_value *one = v->first;
    while (one && one->sequence != sequence)
        one = one->next;
    return one;
}

static struct sequence_value *find_or_add(struct sequence_values *v, const struct plan_sequence *use)
{
    struct sequence_value *one = find(v, use->sequence->oid);
    struct str name = use->table ? use->table->sqlite_name : use->sequence->sqlite_name;
    if (one)
        return one;
    one = fault_calloc(1, sizeof(*one) + name.n);
    if (!one) {
        v->is_lost = true;
        return NULL;
    }
    one->sequence = use->sequence->oid;
    one->is_rowid = use->table != NULL;
    one->n = name.n;
    memcpy(one->name, name.p, name.n);
    one->next = v->first;
    v->first = one;
    return one;
}

static void note(struct sequence_values *v, const struct plan_sequence *use)
{
    struct sequence_value *one;
    if (use->use == SEQUENCE_DISTURBED) {
        one = find(v, use->sequence->oid);
        if (one && one->state == SEQUENCE_PENDING)
            one->state = SEQUENCE_LOST;
        return;
    }
    one = find_or_add(v, use);
    if (one)
        one->state = use->use == SEQUENCE_UNTOLD ? SEQUENCE_LOST : SEQUENCE_PENDING;
    if (use->use != SEQUENCE_SET)
        v->last = use->sequence->oid;
}

/* COPY FROM numbers the rows that leave the column out. */
static void note_copy(struct sequence_values *v, const struct plan *plan)
{
    const struct relation *r = plan->utility.copy->relation;
    for (size_t i = 0; i < r->n_columns; i++) {
        const struct column *c = &r->columns[i];
        struct plan_sequence use = { .use = SEQUENCE_UNTOLD };
        if (!c->sequence.n || !(use.sequence = snapshot_relation(plan->snapshot, NULL, 0, r->schema, c->sequence)))
            continue;
        use.table = c->sequence_is_rowid ? r : NULL;
        note(v, &use);
    }
}

void sequence_values_note(struct sequence_values *v, const struct plan *plan)
{
    if (plan->kind == PLAN_DDL || strcmp(plan->tag, "TRUNCATE TABLE") == 0) /* it may count anew */
        sequence_values_lose(v);
    if (plan->kind == PLAN_COPY_FROM)
        note_copy(v, plan);
    for (size_t i = 0; i < plan->n_sequences; i++)
        note(v, &plan->sequences[i]);
}

static bool member(const struct sequence_value *one, struct arena *arena, struct d1_statement *ret)
{
    static const char rowid[] = "SELECT CAST(seq AS TEXT) AS c0 FROM sqlite_sequence WHERE name=?1";
    static const char own[] = "SELECT CAST(last_value AS TEXT) AS c0 FROM _pgd1_sequence WHERE name=?1";
    struct value *name = ARENA_NEW(arena, struct value);
    if (!name)
        return false;
    *name = value_text(arena_str(arena, (struct str){ one->name, one->n }));
    *ret = (struct d1_statement){ .sql = str_from(one->is_rowid ? rowid : own), .params = name, .n_params = 1 };
    return name->bytes.p != NULL;
}

bool sequence_values_members(struct sequence_values *v, struct arena *arena, struct d1_statement *ret, size_t *ret_n)
{
    *ret_n = 0;
    for (struct sequence_value *one = v->first; one; one = one->next) {
        one->member = 0;
        one->is_read = false;
        if (one->state != SEQUENCE_PENDING)
            continue;
        if (*ret_n == SEQUENCE_MEMBERS_MAX) {
            one->state = SEQUENCE_LOST;
            continue;
        }
        if (!member(one, arena, &ret[*ret_n]))
            return false;
        one->member = ++*ret_n;
    }
    return true;
}

void sequence_values_take(struct sequence_values *v, size_t at, const struct value *cell)
{
    for (struct sequence_value *one = v->first; one; one = one->next)
        if (one->member == at + 1)
            one->is_read = cell->class == VALUE_TEXT && str_to_int64(cell->bytes, &one->value);
}

void sequence_values_settle(struct sequence_values *v)
{
    for (struct sequence_value *one = v->first; one; one = one->next)
        if (one->state == SEQUENCE_PENDING)
            one->state = one->is_read ? SEQUENCE_KNOWN : SEQUENCE_LOST;
}

void sequence_values_lose(struct sequence_values *v)
{
    for (struct sequence_value *one = v->first; one; one = one->next)
        if (one->state == SEQUENCE_PENDING)
            one->state = SEQUENCE_LOST;
}

enum sequence_state sequence_values_state(const struct sequence_values *v, oid_t sequence)
{
    const struct sequence_value *one = v ? find(v, sequence) : NULL;
    if (one)
        return one->state;
    return v && v->is_lost ? SEQUENCE_LOST : SEQUENCE_UNDEFINED;
}

static bool undefined(const struct bind *bind, struct err *err)
{
    if (!bind->relation)
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "lastval is not yet defined in this session");
    return err_set(err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                   "currval of sequence \"%.*s\" is not yet defined in this session", STR_FMT(bind->relation->name));
}

bool sequence_values_bind(const struct sequence_values *v, const struct bind *bind, struct value *ret, bool *ret_again,
                          struct err *err)
{
    oid_t sequence = bind->relation ? bind->relation->oid : v ? v->last : 0;
    const struct sequence_value *one = v ? find(v, sequence) : NULL;
    *ret = value_null();
    switch (sequence_values_state(v, sequence)) {
    case SEQUENCE_UNDEFINED:
        return undefined(bind, err);
    case SEQUENCE_PENDING:
        *ret_again = !bind->detail;
        return true;
    case SEQUENCE_KNOWN:
        *ret = value_integer(one->value);
        return true;
    case SEQUENCE_LOST:
        break;
    }
    err_unsupported(err, "%s behind INSERT … SELECT, ON CONFLICT, COPY, or a transaction that was rolled back",
                    bind->relation ? "currval()" : "lastval()");
    return err_hint(err, "D1 does not tell the number: use RETURNING.");
}
