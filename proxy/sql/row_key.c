/* row_key.c - see row_key.h. */
#include "proxy/sql/row_key.h"

#include "proxy/sql/emit_internal.h"

/* ---- values ---- */

static const struct expr *as_value(const struct expr *x)
{
    x = without_relabel(x);
    bool is_null = x && x->kind == EXPR_CONST && x->constant.is_null;
    return x && !is_null && (x->kind == EXPR_CONST || x->kind == EXPR_PARAM) ? x : NULL;
}

/* What the condition makes the column equal to, in all rows that it lets through; NULL: not known. */
static const struct expr *equal_to(const struct query *q, const struct expr *where, int rte, int16_t number)
{
    const struct expr *found = NULL;
    where = without_relabel(where);
    if (!where)
        return NULL;
    for (size_t i = 0; where->kind == EXPR_AND && i < where->n_args && !found; i++)
        found = equal_to(q, where->args[i], rte, number);
    if (where->kind != EXPR_FUNC || where->n_args != 2 || !where->call.op_name || strcmp(where->call.op_name, "=") != 0)
        return found;
    if (is_column_of(q, where->args[0], rte, number))
        return as_value(where->args[1]);
    return is_column_of(q, where->args[1], rte, number) ? as_value(where->args[0]) : NULL;
}

/* What the one row of an INSERT has there. */
static const struct expr *inserted(const struct query *q, int16_t number)
{
    for (size_t i = 0; i < q->n_insert_columns; i++)
        if (q->insert_columns[i]->number == number)
            return as_value(q->insert_rows[0][i]);
    return NULL;
}

/* ---- the row ---- */

static int target_of(const struct query *q)
{
    switch (q->command) {
    case COMMAND_UPDATE:
    case COMMAND_DELETE:
        return q->result_rte;
    case COMMAND_INSERT:
        return q->on_conflict && q->on_conflict->update && q->n_insert_rows == 1 ? q->result_rte : -1;
    case COMMAND_SELECT:
        return !q->lock_skip_locked && q->n_from == 1 && q->from[0]->kind == FROM_RTE ? q->from[0]->rte : -1;
    case COMMAND_MERGE:
        break;
    }
    return -1;
}

/* ---- whether it is all the statement touches ---- */

static const struct column *column_of(const struct relation *r, int16_t number)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].number == number)
            return &r->columns[i];
    return NULL;
}

/* Values that differ as they are bound are different values for D1. */
static bool tells_apart(const struct column *c)
{
    static const oid_t types[] = { TYPE_OID_int2, TYPE_OID_int4,    TYPE_OID_int8,
                                   TYPE_OID_text, TYPE_OID_varchar, TYPE_OID_uuid };
    for (size_t i = 0; c && !c->has_collation && i < sizeof(types) / sizeof(*types); i++)
        if (c->type == types[i])
            return true;
    return false;
}

static bool sets_column(const struct query *q, int16_t number)
{
    for (size_t i = 0; i < q->n_sets; i++)
        if (q->sets[i].column->number == number)
            return true;
    return false;
}

/* The rows of no other key depend on what it sets; an index with a condition or an expression may. */
static bool sets_unique(const struct query *q, const struct relation *r)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        for (size_t k = 0; strchr("pu", r->constraints[i].kind) && k < r->constraints[i].n_columns; k++)
            if (sets_column(q, r->constraints[i].columns[k]))
                return true;
    for (size_t i = 0; i < r->n_indexes; i++) {
        const struct index *index = &r->indexes[i];
        for (size_t k = 0; index->unique && k < index->n_columns; k++)
            if (index->predicate.n || !index->columns[k].column || sets_column(q, index->columns[k].column))
                return true;
    }
    return false;
}

static bool refers_to_itself(const struct relation *r)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        if (r->constraints[i].kind == 'f' && str_eq(r->constraints[i].foreign_table, r->name))
            return true;
    return false;
}

static bool is_alone(const struct query *q, const struct relation *r, const struct constraint *key)
{
    if (q->command == COMMAND_INSERT || q->n_rtable != 1 || q->has_sublinks || q->n_ctes || q->has_set_returning ||
        r->has_user_triggers || r->without_rowid || refers_to_itself(r) || sets_unique(q, r))
        return false;
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].generated) /* it may be unique, and follows what is set */
            return false;
    for (size_t i = 0; i < key->n_columns; i++)
        if (!tells_apart(column_of(r, key->columns[i])))
            return false;
    return true;
}

static struct plan_row *row_by(const struct query *q, int rte, const struct constraint *key, struct arena *arena)
{
    struct plan_row *row = ARENA_NEW(arena, struct plan_row);
    if (!row || !(row->binds = ARENA_ARRAY(arena, struct bind, key->n_columns)))
        return NULL;
    for (size_t i = 0; i < key->n_columns; i++) {
        const struct expr *value =
            q->command == COMMAND_INSERT ? inserted(q, key->columns[i]) : equal_to(q, q->where, rte, key->columns[i]);
        if (!value)
            return NULL;
        row->binds[row->n_binds++] = bind_of_expr(value);
    }
    row->relation = q->rtable[rte].relation;
    row->key = key->oid;
    row->locks = q->command != COMMAND_SELECT || q->lock >= LOCK_SHARE;
    row->removes = q->command == COMMAND_DELETE;
    row->is_alone = is_alone(q, row->relation, key);
    row->shares = q->command == COMMAND_SELECT && q->lock == LOCK_SHARE;
    row->nowait = q->command == COMMAND_SELECT && q->lock_nowait;
    return row;
}

/* ---- the new row ---- */

enum cell { CELL_VALUE, CELL_NULL, CELL_COUNTED, CELL_UNKNOWN };

static bool is_integer(oid_t type)
{
    return type == TYPE_OID_int2 || type == TYPE_OID_int4 || type == TYPE_OID_int8;
}

/* An integer stays the same in every integer type that takes it. */
static const struct expr *without_integer_casts(const struct expr *x)
{
    x = without_relabel(x);
    while (x && x->kind == EXPR_FUNC && x->n_args == 1 &&
           (x->call.form == CALL_IMPLICIT_CAST || x->call.form == CALL_EXPLICIT_CAST) && is_integer(x->type) &&
           is_integer(x->args[0]->type))
        x = without_relabel(x->args[0]);
    return x;
}

/* What the one row of an INSERT has in the column. */
static enum cell cell_of(const struct query *q, const struct column *c, const struct expr **ret)
{
    const struct expr *x = NULL;
    if (!tells_apart(c))
        return CELL_UNKNOWN;
    for (size_t i = 0; i < q->n_insert_columns; i++)
        if (q->insert_columns[i] == c)
            x = without_integer_casts(q->insert_rows[0][i]);
    if (!x)
        return c->default_is_foreign || c->is_rowid ? CELL_UNKNOWN : CELL_NULL;
    if (x->kind == EXPR_NEXTVAL_DEFAULT)
        return c->is_rowid && c->sequence_is_rowid ? CELL_COUNTED : CELL_UNKNOWN;
    if (x->kind == EXPR_CONST && x->constant.is_null)
        return c->is_rowid ? CELL_UNKNOWN : CELL_NULL;
    *ret = as_value(x);
    return *ret ? CELL_VALUE : CELL_UNKNOWN;
}

/* A key that has a NULL clashes with none; one that has what SQLite counts, only where that does. False: it is not known. */
static bool add_key(const struct query *q, struct plan_new_row *row, oid_t oid, const int16_t *columns, size_t n,
                    struct arena *arena)
{
    struct plan_key *key = &row->keys[row->n_keys];
    bool clashes = true;
    *key = (struct plan_key){ .oid = oid, .binds = ARENA_ARRAY(arena, struct bind, n) };
    for (size_t i = 0; key->binds && i < n; i++) {
        const struct column *c = column_of(row->relation, columns[i]);
        const struct expr *value = NULL;
        switch (cell_of(q, c, &value)) {
        case CELL_VALUE:
            key->binds[key->n_binds++] = bind_of_expr(value);
            break;
        case CELL_COUNTED:
            if (n == 1)
                row->counted = oid;
            clashes = false;
            break;
        case CELL_NULL:
            clashes = false;
            break;
        case CELL_UNKNOWN:
            return false;
        }
    }
    row->n_keys += clashes;
    return key->binds != NULL;
}

static bool add_index(const struct query *q, struct plan_new_row *row, const struct index *index, struct arena *arena)
{
    int16_t *columns = ARENA_ARRAY(arena, int16_t, index->n_columns);
    if (!columns || index->predicate.n || index->guard.n)
        return false;
    for (size_t i = 0; i < index->n_columns; i++) {
        columns[i] = index->columns[i].column;
        if (!columns[i])
            return false;
    }
    return add_key(q, row, index->oid, columns, index->n_columns, arena);
}

static bool is_plain_insert(const struct query *q)
{
    return q->command == COMMAND_INSERT && !q->insert_select && q->n_insert_rows == 1 && !q->on_conflict &&
           q->n_rtable == 1 && q->rtable[q->result_rte].kind == RTE_RELATION && !q->has_sublinks && !q->n_ctes &&
           !q->has_set_returning;
}

struct plan_new_row *row_key_new(const struct query *q, struct arena *arena)
{
    const struct relation *r = is_plain_insert(q) ? q->rtable[q->result_rte].relation : NULL;
    if (!r || r->kind != RELATION_TABLE || r->is_system || r->is_temporary || r->has_user_triggers ||
        r->without_rowid || refers_to_itself(r) || relation_column(r, STR("rowid")))
        return NULL;
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].generated) /* it may be unique, and its value is not known here */
            return NULL;
    struct plan_new_row *row = ARENA_NEW(arena, struct plan_new_row);
    if (!row || !(row->keys = ARENA_ARRAY(arena, struct plan_key, r->n_constraints + r->n_indexes + 1)))
        return NULL;
    row->relation = r;
    for (size_t i = 0; i < r->n_constraints; i++) {
        const struct constraint *key = &r->constraints[i];
        if (strchr("pu", key->kind) &&
            (key->deferrable || !add_key(q, row, key->oid, key->columns, key->n_columns, arena)))
            return NULL;
    }
    for (size_t i = 0; i < r->n_indexes; i++)
        if (r->indexes[i].unique && !add_index(q, row, &r->indexes[i], arena))
            return NULL;
    return row;
}

const struct constraint *row_key_skipped(const struct query *q)
{
    const struct rte *rte =
        q->lock_skip_locked && q->n_from == 1 && q->from[0]->kind == FROM_RTE ? &q->rtable[q->from[0]->rte] : NULL;
    const struct relation *r = rte && rte->kind == RTE_RELATION ? rte->relation : NULL;
    const struct constraint *key = NULL;
    if (!r || r->kind != RELATION_TABLE || r->is_system || r->is_temporary)
        return NULL;
    for (size_t i = 0; i < r->n_constraints && !key; i++)
        key = r->constraints[i].kind == 'p' ? &r->constraints[i] : NULL;
    for (size_t i = 0; key && i < key->n_columns; i++)
        if (!tells_apart(column_of(r, key->columns[i])))
            return NULL;
    return key;
}

struct plan_row *row_key_of(const struct query *query, struct arena *arena)
{
    int rte = target_of(query);
    const struct relation *r = rte >= 0 ? query->rtable[rte].relation : NULL;
    struct plan_row *row = NULL;
    static const char kinds[] = "pu"; /* the primary key rather than another */
    if (!r || r->kind != RELATION_TABLE || r->is_system || query->rtable[rte].kind != RTE_RELATION)
        return NULL;
    for (const char *kind = kinds; *kind && !row; kind++)
        for (size_t i = 0; i < r->n_constraints && !row; i++)
            if (r->constraints[i].kind == *kind && r->constraints[i].n_columns)
                row = row_by(query, rte, &r->constraints[i], arena);
    return row;
}
