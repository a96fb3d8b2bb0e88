/* sequence_values.c - see sequence_values.h. */
#include "proxy/sql/sequence_values.h"

#include <stdlib.h>
#include "proxy/base/fault.h"

struct sequence_value {
    struct sequence_value *next;
    oid_t sequence;
    enum sequence_state state; /* DOUBTFUL is `doubts` */
    size_t doubts;             /* steps whose count is not told yet */
    size_t member;             /* from 1, in the batch under way; 0: none */
    bool is_read;              /* by that member … */
    int64_t read;              /* … which gave this */
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
    *v = (struct sequence_values){ 0 };
}

const struct sequence_values *sequence_values_copy(const struct sequence_values *v, struct arena *arena)
{
    struct sequence_values *copy = ARENA_NEW(arena, struct sequence_values);
    if (!copy)
        return NULL;
    *copy = *v;
    struct sequence_value **at = &copy->first;
    for (const struct sequence_value *one = v->first; one; one = one->next) {
        struct sequence_value *its = ARENA_NEW(arena, struct sequence_value);
        if (!its)
            return NULL;
        *its = *one;
        its->n = 0; /* its value is asked for, not where D1 keeps it */
        *at = its;
        at = &its->next;
    }
    *at = NULL;
    return copy;
}

static struct sequence_value **place_of(const struct sequence_values *v, oid_t sequence)
{
    struct sequence_value **at = (struct sequence_value **)&v->first;
    while (*at && (*at)->sequence != sequence)
        at = &(*at)->next;
    return at;
}

static struct sequence_value *find(const struct sequence_values *v, oid_t sequence)
{
    return *place_of(v, sequence);
}

static struct sequence_value *find_or_add(struct sequence_values *v, const struct plan_sequence *use)
{
    struct sequence_value **at = place_of(v, use->sequence->oid), *old = *at, *one;
    struct str name = use->table ? use->table->sqlite_name : use->sequence->sqlite_name;
    if (old && old->is_rowid == (use->table != NULL) && str_eq((struct str){ old->name, old->n }, name))
        return old;
    one = fault_calloc(1, sizeof(*one) + name.n);
    if (!one) {
        v->is_lost = true;
        if (old)
            old->state = SEQUENCE_LOST;
        return NULL;
    }
    if (old) {
        *one = *old; /* it has another name in D1 now */
        free(old);
    }
    one->sequence = use->sequence->oid;
    one->is_rowid = use->table != NULL;
    one->n = name.n;
    memcpy(one->name, name.p, name.n);
    *at = one;
    return one;
}

static void note(struct sequence_values *v, const struct plan_sequence *use)
{
    struct sequence_value *one = use->use < SEQUENCE_DISTURBED ? find_or_add(v, use) : find(v, use->sequence->oid);
    switch (use->use) {
    case SEQUENCE_DISTURBED:
        if (one && one->state == SEQUENCE_PENDING)
            one->state = SEQUENCE_LOST;
        return;
    case SEQUENCE_DROPPED:
        if (one)
            one->state = SEQUENCE_GONE;
        return;
    case SEQUENCE_PER_ROW:
    case SEQUENCE_PER_PROPOSED:
        if (one) {
            one->is_read = false;
            one->doubts++;
            v->n_doubtful++;
        }
        return;
    case SEQUENCE_NEXT:
    case SEQUENCE_SET:
    case SEQUENCE_UNTOLD:
        if (one)
            one->state = use->use == SEQUENCE_UNTOLD ? SEQUENCE_LOST : SEQUENCE_PENDING;
        if (use->use != SEQUENCE_SET)
            v->last = use->sequence->oid;
    }
}

/* COPY FROM numbers the rows that leave the column out; a step of it has at least one. */
static void note_copy(struct sequence_values *v, const struct plan *plan)
{
    const struct plan_copy *copy = plan->utility.copy;
    const struct relation *r = copy->relation;
    for (size_t i = 0; i < r->n_columns; i++) {
        const struct column *c = &r->columns[i];
        struct plan_sequence use = { .use = SEQUENCE_NEXT };
        if (!c->sequence.n || !(use.sequence = snapshot_relation(plan->snapshot, NULL, 0, r->schema, c->sequence)))
            continue;
        for (size_t k = 0; k < copy->n_columns; k++)
            if (copy->columns[k] == c)
                use.use = SEQUENCE_DISTURBED;
        use.table = c->sequence_is_rowid ? r : NULL;
        note(v, &use);
    }
}

static void lose(struct sequence_values *v, bool undone)
{
    for (struct sequence_value *one = v->first; one; one = one->next) {
        if (one->state == SEQUENCE_PENDING || one->state == SEQUENCE_SHOWN || (undone && one->state == SEQUENCE_GONE) ||
            one->doubts)
            one->state = SEQUENCE_LOST;
        one->doubts = 0;
    }
    v->n_doubtful = 0;
}

void sequence_values_lose(struct sequence_values *v)
{
    lose(v, true);
}

void sequence_values_note(struct sequence_values *v, const struct plan *plan)
{
    if (plan->kind == PLAN_DDL || strcmp(plan->tag, "TRUNCATE TABLE") == 0) /* it may count anew */
        lose(v, false);
    if (plan->kind == PLAN_COPY_FROM)
        note_copy(v, plan);
    for (size_t i = 0; i < plan->n_sequences; i++)
        note(v, &plan->sequences[i]);
}

void sequence_values_count(struct sequence_values *v, const struct plan *plan, uint64_t count)
{
    for (size_t i = 0; i < plan->n_sequences; i++) {
        const struct plan_sequence *use = &plan->sequences[i];
        struct sequence_value *one = find(v, use->sequence->oid);
        if ((use->use != SEQUENCE_PER_ROW && use->use != SEQUENCE_PER_PROPOSED) || !one || !one->doubts)
            continue;
        one->doubts--;
        v->n_doubtful--;
        if (count) {
            one->state = one->is_read ? SEQUENCE_KNOWN : SEQUENCE_PENDING;
            one->value = one->read;
            v->last = one->sequence;
        } else if (use->use == SEQUENCE_PER_PROPOSED) {
            one->state = SEQUENCE_LOST;
            v->last = one->sequence;
        }
    }
}

void sequence_values_show(struct sequence_values *v, const struct snapshot *s, const struct relation *table, int64_t id)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct column *c = &table->columns[i];
        const struct relation *sequence =
            c->sequence_is_rowid ? snapshot_relation(s, NULL, 0, table->schema, c->sequence) : NULL;
        struct sequence_value *one = sequence ? find(v, sequence->oid) : NULL;
        if (!one || one->state != SEQUENCE_PENDING)
            continue;
        one->state = SEQUENCE_SHOWN;
        one->value = id;
    }
}

static bool read_number(struct str sequence, bool is_rowid, struct arena *arena, struct d1_statement *ret)
{
    static const char rowid[] = "SELECT CAST(seq AS TEXT) AS c0 FROM sqlite_sequence WHERE name=?1";
    static const char own[] = "SELECT CAST(last_value AS TEXT) AS c0 FROM _pgd1_sequence WHERE name=?1";
    struct value *name = ARENA_NEW(arena, struct value);
    if (!name)
        return false;
    *name = value_text(arena_str(arena, sequence));
    *ret = (struct d1_statement){ .sql = str_from(is_rowid ? rowid : own), .params = name, .n_params = 1 };
    return name->bytes.p != NULL;
}

bool sequence_values_members(struct sequence_values *v, struct arena *arena, struct d1_statement *ret, size_t *ret_n)
{
    *ret_n = 0;
    for (struct sequence_value *one = v->first; one; one = one->next) {
        one->member = 0;
        one->is_read = false;
        if (one->state != SEQUENCE_PENDING && !one->doubts)
            continue;
        if (*ret_n == SEQUENCE_MEMBERS_MAX) {
            one->state = SEQUENCE_LOST;
            continue;
        }
        if (!read_number((struct str){ one->name, one->n }, one->is_rowid, arena, &ret[*ret_n]))
            return false;
        one->member = ++*ret_n;
    }
    return true;
}

void sequence_values_take(struct sequence_values *v, size_t at, const struct value *cell)
{
    for (struct sequence_value *one = v->first; one; one = one->next)
        if (one->member == at + 1)
            one->is_read = cell->class == VALUE_TEXT && str_to_int64(cell->bytes, &one->read);
}

bool sequence_values_member(const struct plan_sequence *use, struct arena *arena, struct d1_statement *ret)
{
    struct str name = use->table ? use->table->sqlite_name : use->sequence->sqlite_name;
    return read_number(name, use->table != NULL, arena, ret);
}

void sequence_values_given(struct sequence_values *v, const struct plan_sequence *use, uint64_t count,
                           const struct value *cell)
{
    struct plan_sequence known = *use;
    if (use->use == SEQUENCE_PER_ROW && !count)
        return;
    if (use->use == SEQUENCE_PER_ROW || use->use == SEQUENCE_PER_PROPOSED)
        known.use = count ? SEQUENCE_NEXT : SEQUENCE_UNTOLD;
    note(v, &known);
    struct sequence_value *one = find(v, use->sequence->oid);
    if (!one || one->state != SEQUENCE_PENDING)
        return;
    bool told = cell->class == VALUE_TEXT && str_to_int64(cell->bytes, &one->value);
    one->state = told ? SEQUENCE_KNOWN : SEQUENCE_LOST;
}

void sequence_values_settle(struct sequence_values *v)
{
    for (struct sequence_value *one = v->first; one; one = one->next)
        if (one->state == SEQUENCE_PENDING) {
            one->state = one->is_read ? SEQUENCE_KNOWN : SEQUENCE_LOST;
            one->value = one->read;
        } else if (one->state == SEQUENCE_SHOWN)
            one->state = SEQUENCE_KNOWN;
        else if (one->state == SEQUENCE_GONE)
            one->state = SEQUENCE_UNDEFINED;
}

enum sequence_state sequence_values_state(const struct sequence_values *v, oid_t sequence)
{
    const struct sequence_value *one = v ? find(v, sequence) : NULL;
    if (one)
        return one->doubts ? SEQUENCE_DOUBTFUL : one->state;
    return v && v->is_lost ? SEQUENCE_LOST : SEQUENCE_UNDEFINED;
}

/* lastval(): of the sequence that was used last when the statement came; the plan's relation is the last one of when it was planned. */
static bool is_last(const struct bind *bind)
{
    return bind->index < 0;
}

static bool undefined(const struct bind *bind, struct err *err)
{
    if (is_last(bind))
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "lastval is not yet defined in this session");
    return err_set(err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                   "currval of sequence \"%.*s\" is not yet defined in this session", STR_FMT(bind->relation->name));
}

/* Whose value it is; 0: there is none. */
static oid_t asked_of(const struct sequence_values *v, const struct snapshot *now, const struct bind *bind)
{
    if (!is_last(bind))
        return bind->relation ? bind->relation->oid : 0;
    return v && v->last && snapshot_relation_by_oid(now, v->last) ? v->last : 0;
}

bool sequence_values_bind(const struct sequence_values *v, const struct snapshot *now, const struct bind *bind,
                          struct value *ret, bool *ret_again, struct err *err)
{
    oid_t sequence = asked_of(v, now, bind);
    const struct sequence_value *one = v ? find(v, sequence) : NULL;
    enum sequence_state state = sequence_values_state(v, sequence);
    const char *name = is_last(bind) ? "lastval()" : "currval()";
    *ret = value_null();
    switch (is_last(bind) && v && v->n_doubtful ? SEQUENCE_DOUBTFUL : state) {
    case SEQUENCE_UNDEFINED:
    case SEQUENCE_GONE:
        return undefined(bind, err);
    case SEQUENCE_PENDING:
        *ret_again = !bind->detail || !bind->relation || bind->relation->oid != sequence;
        return true;
    case SEQUENCE_SHOWN:
    case SEQUENCE_KNOWN:
        *ret = value_integer(one->value);
        return true;
    case SEQUENCE_DOUBTFUL:
        err_unsupported(err, "%s in the implicit transaction of an INSERT … SELECT", name);
        return err_hint(err,
                        "Send it after the answer, when it is known whether a number was taken, or use RETURNING.");
    case SEQUENCE_LOST:
        break;
    }
    err_unsupported(err,
                    "%s behind MERGE, an INSERT … SELECT … ON CONFLICT that wrote no row, or a transaction that was "
                    "rolled back",
                    name);
    return err_hint(err, "D1 does not tell the number: use RETURNING.");
}
