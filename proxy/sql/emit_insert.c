/* emit_insert.c - INSERT: its columns, where its rows come from, and whether it may be folded; see change_private.h. */
#include "proxy/sql/change_private.h"

static bool column_is_given(struct emitter *e, const struct query *q, size_t c)
{
    if (q->insert_select)
        return !is_numbered(e, q->insert_columns[c], inserted_value(q, c));
    for (size_t r = 0; r < q->n_insert_rows; r++)
        if (!is_numbered(e, q->insert_columns[c], q->insert_rows[r][c]))
            return true;
    return false;
}

bool pick_columns(struct emitter *e, const struct query *q, struct insert_columns *ret, struct str *list)
{
    struct str text = STR("");
    *ret = (struct insert_columns){ .at = ARENA_ARRAY(e->arena, size_t, q->n_insert_columns + 1) };
    if (!ret->at)
        return err_oom(e->err);
    for (size_t c = 0; c < q->n_insert_columns; c++)
        if (column_is_given(e, q, c) && !q->insert_columns[c]->generated)
            ret->at[ret->n++] = c;
    if (ret->n == 0 && q->n_insert_rows > 1 && q->n_insert_columns)
        ret->at[ret->n++] = 0;
    for (size_t i = 0; i < ret->n; i++) {
        struct str name = emit_identifier(q->insert_columns[ret->at[i]]->name, e->arena);
        text = text_of(e, "%.*s%s%.*s", STR_FMT(text), i ? "," : "", STR_FMT(name));
        if (!text.p)
            return false;
    }
    *list = text;
    return true;
}

/* The order in which the cells of a row are worked out: it matters to nextval() alone. */
static const size_t *working_order(struct emitter *e, const struct query *q, const struct insert_columns *cols)
{
    size_t *order = ARENA_ARRAY(e->arena, size_t, cols->n + 1);
    for (size_t i = 0; order && i < cols->n; i++) {
        size_t k = i;
        while (k > 0 && q->insert_ranks && e->shared->n_sequences &&
               q->insert_ranks[cols->at[order[k - 1]]] > q->insert_ranks[cols->at[i]]) {
            order[k] = order[k - 1];
            k--;
        }
        order[k] = i;
    }
    return order;
}

static bool insert_row(struct emitter *e, const struct query *q, const struct insert_columns *cols, const size_t *order,
                       size_t row, struct str *cells)
{
    for (size_t k = 0; k < cols->n; k++) {
        struct fragment f;
        size_t at = cols->at[order[k]];
        e->assigned = q->insert_columns[at];
        if (!emit_assigned(e, target_of(q), e->assigned, q->insert_rows[row][at], &f))
            return false;
        if (q->n_insert_rows == 1 && !q->on_conflict)
            note_written(e, target_of(q), e->assigned, &f);
        cells[order[k]] = f.sql;
    }
    return true;
}

static bool insert_values(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str *ret)
{
    struct buf text;
    bool ok = sequences_count(e, q);
    if (cols->n == 0) {
        *ret = STR(" DEFAULT VALUES");
        return true;
    }
    const size_t *order = working_order(e, q, cols);
    struct str *cells = ARENA_ARRAY(e->arena, struct str, cols->n);
    if (!order || !cells)
        return err_oom(e->err);
    e->one_row = true;
    buf_init(&text, 16 << 20);
    buf_printf(&text, " VALUES ");
    for (size_t r = 0; ok && r < q->n_insert_rows; r++) {
        buf_printf(&text, "%s(", r ? "," : "");
        ok = insert_row(e, q, cols, order, r, cells);
        for (size_t i = 0; ok && i < cols->n; i++)
            buf_printf(&text, "%s%.*s", i ? "," : "", STR_FMT(cells[i]));
        buf_add_char(&text, ')');
    }
    e->one_row = false;
    e->assigned = NULL;
    *ret = !ok || text.failed ? (struct str){ 0 } : arena_str(e->arena, buf_str(&text));
    buf_fini(&text);
    return ok && (ret->p || err_oom(e->err));
}

bool written_columns(struct emitter *e, const struct query *q, const size_t **ret, size_t *ret_n)
{
    struct insert_columns cols;
    struct str list;
    if (!pick_columns(e, q, &cols, &list))
        return false;
    *ret = cols.at;
    *ret_n = cols.n;
    return true;
}

/* Rows that were looked up: the reads of some columns, out of the JSON that is bound. */
static bool looked_up_rows(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str *ret)
{
    const struct looked_up *l = e->shared->looked_up;
    const size_t *all;
    size_t n;
    struct str list = STR("");
    struct fragment bound;
    struct bind b = { .source = BIND_LOOKUP, .index = l->bind, .type = TYPE_OID_text, .typmod = -1 };
    if (!written_columns(e, q, &all, &n) || !emit_bind(e, &b, &bound))
        return false;
    for (size_t i = 0; i < cols->n; i++) {
        size_t at = 0;
        while (at < n && all[at] != cols->at[i])
            at++;
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(l->reads[at]));
    }
    *ret = text_of(e, " SELECT %.*s FROM json_each(%.*s) WHERE true", STR_FMT(list), STR_FMT(bound.sql));
    return ret->p != NULL;
}

/* Rows computed here, without tables: one JSON value, read back row by row. */
static bool insert_computed(struct emitter *e, const struct query *q, const struct insert_columns *cols,
                            struct str *ret)
{
    struct emit_shared *s = e->shared;
    struct str select, list = STR(""), reads = STR("");
    struct select_output out;
    if (!s->prelude) {
        if (!(s->prelude = ARENA_NEW(e->arena, struct emitter)))
            return err_oom(e->err);
        emitter_init(s->prelude, s, TARGET_LOCAL);
    }
    struct emitter *p = s->prelude;
    struct level *l = level_new(p, q);
    struct cte_name *ctes = s->ctes;
    s->ctes = NULL; /* the prelude has no WITH queries of the statement */
    bool printed = l && emit_select(p, q->insert_select, false, &select, &out);
    s->ctes = ctes;
    if (!printed)
        return false;
    l->outputs = ARENA_ARRAY(e->arena, struct fragment, out.n + 1);
    if (!l->outputs)
        return err_oom(e->err);
    for (size_t i = 0; i < out.n; i++)
        l->outputs[i] = (struct fragment){ .sql = text_of(e, "c%zu", i), .simple = true, .scale = -1 };
    p->level = l;
    bool ok = true;
    for (size_t i = 0; ok && i < cols->n; i++) {
        struct str element, cell;
        ok = computed_cell(p, e, target_of(q), q->insert_columns[cols->at[i]], q->insert_select_exprs[cols->at[i]], i,
                           &element, &cell);
        if (!ok)
            break;
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(element));
        reads = text_of(e, "%.*s%s%.*s", STR_FMT(reads), i ? "," : "", STR_FMT(cell));
        ok = list.p && reads.p;
    }
    p->level = NULL;
    if (!ok)
        return err_is_set(e->err) ? false : blocked(e, -1, "INSERT of these computed rows");
    struct str column =
        text_of(e, "(SELECT json_group_array(json_array(%.*s)) FROM (%.*s))", STR_FMT(list), STR_FMT(select));
    if (!column.p ||
        !grow(e, (void **)&s->prelude_columns, s->n_prelude, &s->size_prelude, sizeof(*s->prelude_columns)))
        return false;
    s->prelude_columns[s->n_prelude++] = (struct prelude_column){ .sql = column };
    struct bind b = { .source = BIND_PRELUDE, .index = (int)s->n_prelude - 1, .type = TYPE_OID_text, .typmod = -1 };
    struct fragment bound;
    if (!emit_bind(e, &b, &bound))
        return false;
    *ret = text_of(e, " SELECT %.*s FROM json_each(%.*s) WHERE true", STR_FMT(reads), STR_FMT(bound.sql));
    return ret->p != NULL;
}

/* Outputs that the SELECT does not give itself. */
static void take_numbers(struct emitter *e, const struct query *select, const struct query *source, struct level *l)
{
    size_t at = 0;
    for (size_t i = 0; i < select->n_targets; i++) {
        if (select->targets[i].junk)
            continue;
        if (select->targets[i].expr != source->targets[i].expr)
            l->outputs[at] = (struct fragment){ .sql = number_of_row(e, select->targets[i].expr), .scale = -1 };
        at++;
    }
}

static bool insert_from_select(struct emitter *e, const struct query *q, const struct insert_columns *cols,
                               struct str *ret)
{
    struct str select, list = STR(""), alias = unique_name(e, STR("source"));
    struct select_output out;
    struct level *target = e->level, *l = level_new(e, q);
    const struct query *source;
    if (!alias.p || !l || !number_rows(e, q, cols, &source))
        return false;
    e->level = NULL;
    bool ok = emit_select(e, (struct query *)(uintptr_t)source, false, &select, &out);
    e->level = target;
    if (!ok)
        return false;
    l->outputs = ARENA_ARRAY(e->arena, struct fragment, out.n + 1);
    if (!l->outputs)
        return err_oom(e->err);
    for (size_t i = 0; i < out.n; i++) {
        l->outputs[i] = out.columns[i];
        l->outputs[i].sql = text_of(e, "%.*s.c%zu", STR_FMT(alias), i);
        l->outputs[i].simple = true;
    }
    if (!add_numbers(e, alias, &select))
        return false;
    take_numbers(e, q->insert_select, source, l);
    e->level = l;
    e->numbers_rows = true;
    for (size_t i = 0; ok && i < cols->n; i++) {
        struct fragment f;
        ok = emit_assigned(e, target_of(q), q->insert_columns[cols->at[i]], q->insert_select_exprs[cols->at[i]], &f);
        if (ok)
            list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? ", " : "", STR_FMT(f.sql));
    }
    e->numbers_rows = false;
    e->level = target;
    if (!ok || !list.p)
        return false;
    /* Without WHERE, ON CONFLICT would be read as a join condition. */
    *ret = text_of(e, " SELECT %.*s FROM (%.*s) AS %.*s WHERE true", STR_FMT(list), STR_FMT(select), STR_FMT(alias));
    return ret->p != NULL;
}

/* What stands behind INSERT INTO t(…), and the WITH before it. */
bool insert_source(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str *with,
                   struct str *ret)
{
    *with = STR("");
    if (e->shared->looked_up)
        return looked_up_rows(e, q, cols, ret);
    if (!emit_with(e, q, with))
        return false;
    if (!q->insert_select)
        return insert_values(e, q, cols, ret);
    struct emit_mark mark = emit_mark(e);
    if (insert_from_select(e, q, cols, ret))
        return true;
    if (err_is_set(e->err) || query_has_tables(q->insert_select))
        return false;
    emit_rollback(e, mark);
    e->shared->n_numbered = 0;
    return insert_computed(e, q, cols, ret);
}

/* One row of values, each worked out by itself: with others like it the statement can be sent as one. */
static bool may_fold(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str before,
                     struct str values)
{
    const struct relation *r = target_of(q);
    if (q->insert_select || q->n_insert_rows != 1 || cols->n == 0 || q->on_conflict || before.n ||
        e->shared->looked_up || r->has_user_triggers || !str_starts(values, STR(" VALUES (")))
        return false;
    for (size_t i = 0; i < cols->n; i++)
        if (!is_constant_expr(q->insert_rows[0][cols->at[i]]))
            return false;
    return true;
}

static bool fold_insert(struct emitter *e, struct str table, struct str columns, struct str values,
                        struct plan_statement *ret)
{
    struct plan_fold *fold = ARENA_NEW(e->arena, struct plan_fold);
    struct str open = STR(" VALUES (");
    if (!fold)
        return err_oom(e->err);
    *fold = (struct plan_fold){ .table = table, .columns = columns };
    fold->cells = (struct str){ values.p + open.n, values.n - open.n - 1 };
    if (!finish_cells(e, &fold->cells, &fold->width, &fold->is_blob))
        return false;
    ret->fold = fold->width && !ret->binds_as_json ? fold : NULL;
    return true;
}

bool emit_insert(struct emitter *e, const struct query *q, struct change *ret)
{
    struct str name, alias, with, list, values, conflict, returning;
    struct insert_columns cols;
    if (!enter_target(e, q, &name) || !target_alias(e, q, &alias) || !pick_columns(e, q, &cols, &list))
        return false;
    struct str head = text_of(e, "INSERT INTO %.*s%s%.*s%s%.*s%s", STR_FMT(name), alias.n ? " AS " : "", STR_FMT(alias),
                              list.n ? "(" : "", STR_FMT(list), list.n ? ")" : "");
    if (!q->insert_select && cols.n * q->n_insert_rows > e->shared->settings->traits.max_params && cols.n > 0) {
        bool done;
        if (!insert_many(e, q, &cols, head, alias, ret, &done))
            return false;
        if (done)
            return guard_conflict(e, q, &cols, true, ret);
    }
    e->shared->plan->adds_row = !q->insert_select && q->n_insert_rows == 1 && !q->on_conflict;
    if (!insert_source(e, q, &cols, &with, &values))
        return false;
    head = text_of(e, "%.*s%.*s", STR_FMT(with), STR_FMT(head));
    if (!emit_conflict(e, q, alias, &conflict) || !emit_returning(e, q, ret, &returning))
        return false;
    if (!guard_conflict(e, q, &cols, false, ret) ||
        !one_statement(
            e, text_of(e, "%.*s%.*s%.*s%.*s", STR_FMT(head), STR_FMT(values), STR_FMT(conflict), STR_FMT(returning)),
            ret))
        return false;
    return !may_fold(e, q, &cols, with, values) || fold_insert(e, name, list, values, ret->statements);
}
