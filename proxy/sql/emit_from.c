/* emit_from.c - range table and join tree; set-returning functions; LATERAL by way of json_each; see emit_internal.h.
 * */
#include "proxy/sql/emit_internal.h"
#include "proxy/sql/local.h"

struct level *level_new(struct emitter *e, const struct query *q)
{
    struct level *l = ARENA_NEW(e->arena, struct level);
    struct emitted_rte *rtes = ARENA_ARRAY(e->arena, struct emitted_rte, q->n_rtable);
    if (!l || !rtes) {
        err_oom(e->err);
        return NULL;
    }
    *l = (struct level){ .query = q, .parent = e->level, .rtes = rtes };
    return l;
}

/* ---- columns ---- */

/* A time as other tools of SQLite write it, in pgd1's form, so that it compares and sorts as what it is. The parts of the text are
 * taken over; SQLite only says whether they are a time. Behind the seconds may stand a fraction and UTC's names. */
static bool datetime_fragment(struct emitter *e, const struct column *column, struct fragment *ret)
{
    struct str c = ret->sql;
    struct str raise =
        emit_raise(e, "22P02",
                   text_of(e,
                           "column \"%.*s\" holds a value that is no time\nHINT: Where it holds numbers: SELECT "
                           "pgd1.annotate('table.column', 'timestamp', 'unixms'), or 'unixepoch'.",
                           STR_FMT(column->name)));
    struct str rest =
        text_of(e, "rtrim(replace(replace(replace(substr(%.*s,20),' +00:00',''),'+00:00',''),'Z',''))", STR_FMT(c));
    struct str whole = text_of(e, "substr(%.*s,1,10)||' '||substr(%.*s,12,8)", STR_FMT(c), STR_FMT(c));
    struct str minute = text_of(e, "substr(%.*s,1,10)||' '||substr(%.*s,12,5)||':00'", STR_FMT(c), STR_FMT(c));
    if (!raise.p || !rest.p || !whole.p || !minute.p)
        return false;
    ret->sql =
        text_of(e,
                "(CASE WHEN %.*s IS NULL OR %.*s IN ('infinity','-infinity') THEN %.*s "
                "WHEN typeof(%.*s)<>'text' THEN %.*s "
                "WHEN %.*s GLOB '\?\?\?\?-\?\?-\?\?' AND date(%.*s)=%.*s THEN %.*s||' 00:00:00' "
                "WHEN %.*s GLOB '\?\?\?\?-\?\?-\?\?[T ]\?\?:\?\?' AND datetime(%.*s)=%.*s THEN %.*s "
                "WHEN %.*s NOT GLOB '\?\?\?\?-\?\?-\?\?[T ]\?\?:\?\?:\?\?*' OR datetime(substr(%.*s,1,19)) IS NOT %.*s "
                "THEN %.*s "
                "WHEN %.*s='' THEN %.*s "
                "WHEN %.*s GLOB '.[0-9]*' AND substr(%.*s,2) NOT GLOB '*[^0-9]*' AND length(rtrim(%.*s,'0'))<=7 THEN "
                "%.*s||rtrim(rtrim(%.*s,'0'),'.') "
                "ELSE %.*s END)",
                STR_FMT(c), STR_FMT(c), STR_FMT(c), STR_FMT(c), STR_FMT(raise), STR_FMT(c), STR_FMT(c), STR_FMT(c),
                STR_FMT(c), STR_FMT(c), STR_FMT(c), STR_FMT(minute), STR_FMT(minute), STR_FMT(c), STR_FMT(c),
                STR_FMT(whole), STR_FMT(raise), STR_FMT(rest), STR_FMT(whole), STR_FMT(rest), STR_FMT(rest),
                STR_FMT(rest), STR_FMT(whole), STR_FMT(rest), STR_FMT(raise));
    ret->simple = false;
    return ret->sql.p != NULL;
}

/* pgd1's form of a date or a time is known from the text alone; other forms are not guessed at. */
static struct str is_canonical(struct emitter *e, oid_t type, struct str c)
{
    switch (type) {
    case TYPE_OID_date:
        return text_of(e, "%.*s IN ('infinity','-infinity') OR %.*s GLOB '\?\?\?\?-\?\?-\?\?' AND date(%.*s)=%.*s",
                       STR_FMT(c), STR_FMT(c), STR_FMT(c), STR_FMT(c));
    case TYPE_OID_time:
        return text_of(
            e,
            "%.*s GLOB '\?\?:\?\?:\?\?*' AND (time(substr(%.*s,1,8))=substr(%.*s,1,8) OR %.*s='24:00:00') AND "
            "(length(%.*s)=8 OR substr(%.*s,9) GLOB '.*[1-9]' AND substr(%.*s,10) NOT GLOB '*[^0-9]*')",
            STR_FMT(c), STR_FMT(c), STR_FMT(c), STR_FMT(c), STR_FMT(c), STR_FMT(c), STR_FMT(c));
    case TYPE_OID_bpchar:
        return text_of(e, "typeof(%.*s)='text'", STR_FMT(c));
    default:
        return text_of(
            e,
            "typeof(%.*s)='text' AND length(%.*s)=36 AND %.*s GLOB '\?\?\?\?\?\?\?\?-\?\?\?\?-\?\?\?\?-\?\?\?\?-*' "
            "AND length(replace(%.*s,'-',''))=32 AND %.*s NOT GLOB '*[^-0-9a-fA-F]*'",
            STR_FMT(c), STR_FMT(c), STR_FMT(c), STR_FMT(c), STR_FMT(c));
    }
}

/* A cell that anybody may have written: as it is, a uuid in small letters, a char(n) without its blanks, or told to be in another form. */
static bool loose_fragment(struct emitter *e, const struct relation *r, const struct column *column,
                           struct fragment *ret)
{
    struct str c = ret->sql;
    oid_t type = base_type(e, column->type);
    struct str test = is_canonical(e, type, c), name = type_format(type, -1, e->arena);
    struct str raise = emit_raise(
        e, "22P02",
        text_of(e,
                "invalid value for type %.*s\nDETAIL: The value is in column %.*s.%.*s, in a form that D1 would "
                "compare and sort wrongly.\nHINT: Write it as PostgreSQL does. SET pgd1.dialect = 'sqlite' reads it "
                "as it is.",
                STR_FMT(name), STR_FMT(r->name), STR_FMT(column->name)));
    const char *before = type == TYPE_OID_uuid ? "lower(" : type == TYPE_OID_bpchar ? "rtrim(" : "";
    const char *behind = type == TYPE_OID_uuid ? ")" : type == TYPE_OID_bpchar ? ",' ')" : "";
    ret->sql = text_of(e, "(CASE WHEN %.*s IS NULL OR %.*s THEN %s%.*s%s ELSE %.*s END)", STR_FMT(c), STR_FMT(test),
                       before, STR_FMT(c), behind, STR_FMT(raise));
    ret->simple = false;
    return test.p && raise.p && ret->sql.p;
}

/* A boolean as SQLite takes it is any number, and no text: 'true' would be false in silence. */
static bool boolean_fragment(struct emitter *e, const struct relation *r, const struct column *column,
                             struct fragment *ret)
{
    struct str c = ret->sql;
    struct str raise = emit_raise(
        e, "22P02",
        text_of(e,
                "invalid value for type boolean\nDETAIL: The value is in column %.*s.%.*s, in a form that D1 would "
                "compare and sort wrongly.\nHINT: Make it 0 or 1. SET pgd1.dialect = 'sqlite' reads it as it is.",
                STR_FMT(r->name), STR_FMT(column->name)));
    ret->sql = text_of(e, "(CASE WHEN %.*s IN (0,1) OR %.*s IS NULL THEN %.*s ELSE %.*s END)", STR_FMT(c), STR_FMT(c),
                       STR_FMT(c), STR_FMT(raise));
    ret->simple = false;
    return raise.p && ret->sql.p;
}

static bool column_fragment(struct emitter *e, const struct relation *r, const struct column *column, struct str text,
                            struct fragment *ret)
{
    *ret = (struct fragment){ .sql = text, .simple = true, .scale = -1 };
    if (!column || e->target == TARGET_LOCAL)
        return text.p != NULL;
    switch (column->storage) {
    case COLUMN_NATURAL:
        if (column->is_doubtful && !e->raw_cells)
            return text.p && boolean_fragment(e, r, column, ret);
        if (column->has_collation && !e->raw_cells) {
            ret->sql = text_of(e, "(%.*s COLLATE BINARY)", STR_FMT(text));
            ret->simple = false;
            return ret->sql.p != NULL;
        }
        break;
    case COLUMN_NUMBER:
        ret->form = FORM_NUMBER;
        ret->scale = typmod_scale(column->typmod);
        ret->digits = typmod_precision(column->typmod);
        break;
    case COLUMN_UNIX_S:
        ret->form = FORM_UNIX_S;
        break;
    case COLUMN_UNIX_MS:
        ret->form = FORM_UNIX_MS;
        break;
    case COLUMN_UNIX_US:
        ret->form = FORM_UNIX_US;
        break;
    case COLUMN_DATETIME:
        if (!e->raw_cells)
            return datetime_fragment(e, column, ret);
        break;
    case COLUMN_LOOSE:
        if (!e->raw_cells)
            return text.p && loose_fragment(e, r, column, ret);
        break;
    }
    return text.p != NULL;
}

bool relation_columns(struct emitter *e, const struct relation *r, const struct rte *rte, struct str alias,
                      struct fragment **ret)
{
    size_t n = rte ? rte->n_columns + rte->n_hidden : r->n_columns;
    struct fragment *columns = ARENA_ARRAY(e->arena, struct fragment, n);
    if (!columns)
        return err_oom(e->err);
    for (size_t i = 0; i < n; i++) {
        const struct column *c = rte && rte->columns[i].column ? rte->columns[i].column : &r->columns[i];
        struct str name = emit_identifier(c->name, e->arena);
        struct str text = alias.n ? text_of(e, "%.*s.%.*s", STR_FMT(alias), STR_FMT(name)) : name;
        if (!name.p || !column_fragment(e, r, c, text, &columns[i]))
            return err_oom(e->err);
    }
    *ret = columns;
    return true;
}

static bool numbered_columns(struct emitter *e, struct str alias, const char *pattern, size_t first,
                             const struct fragment *forms, size_t n, struct fragment **ret)
{
    struct fragment *columns = ARENA_ARRAY(e->arena, struct fragment, n);
    if (!columns)
        return err_oom(e->err);
    for (size_t i = 0; i < n; i++) {
        columns[i] = forms ? forms[i] : (struct fragment){ .scale = -1 };
        columns[i].sql = text_of(e, "%.*s.%s%zu", STR_FMT(alias), pattern, i + first);
        columns[i].simple = true;
        if (!columns[i].sql.p)
            return false;
    }
    *ret = columns;
    return true;
}

static bool item_has(const struct from_item *item, int rte)
{
    return item->kind == FROM_RTE ? item->rte == rte : item_has(item->left, rte) || item_has(item->right, rte);
}

bool resolve_var(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct level *l = e->level, *outer = e->level;
    for (int i = 0; l && i < x->var.levels_up; i++)
        l = l->parent;
    if (!l)
        return blocked(e, x->location, "a reference to an outer query here");
    if (x->var.rte == RTE_OUTPUT) {
        *ret = l->outputs[x->var.column];
        return true;
    }
    const struct rte *rte = &l->query->rtable[x->var.rte];
    if (l->inside && rte->kind != RTE_JOIN && !item_has(l->inside, x->var.rte)) {
        refused(e, x->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                "a LATERAL reference out of a nested join is not supported");
        return err_hint(e->err, "Make the join a subquery: LATERAL (SELECT … FROM … JOIN …).");
    }
    if (rte->kind == RTE_JOIN) {
        e->level = l;
        bool ok = emit_expr(e, rte->columns[x->var.column].join_expr, ret);
        e->level = outer;
        return ok;
    }
    if (e->shared->n_changing) {
        bool done;
        if (!changing_new_value(e, l, x, &done, ret))
            return false;
        if (done)
            return true;
    }
    if (e->in_returning && l->query->n_returning && x->var.rte != l->query->result_rte)
        return rewrite_returning_var(e, l, x, ret);
    struct emitted_rte *m = &l->rtes[x->var.rte];
    if (m->fetch) {
        struct fetch *f = m->fetch;
        if (f->text.p)
            return fetch_column(e, f, &m->columns[x->var.column], x->type, ret);
        return fetch_column(e, f, &f->level->rtes[x->var.rte].columns[x->var.column], x->type, ret);
    }
    if (!m->columns && l->fetch && l->fetch->level->rtes[x->var.rte].columns)
        return fetch_column(e, l->fetch, &l->fetch->level->rtes[x->var.rte].columns[x->var.column], x->type, ret);
    if (!m->columns)
        return blocked(e, x->location, "a reference to a FROM item that stands later");
    *ret = m->columns[x->var.column];
    return true;
}

/* ---- set-returning functions ---- */

static bool is_source(const struct expr *x, const char *prefix)
{
    return strncmp(x->call.proc->source, prefix, strlen(prefix)) == 0;
}

static bool emit_unnest(struct emitter *e, const struct expr *x, struct str alias, struct str *ret,
                        struct fragment *column)
{
    struct fragment array;
    oid_t type = base_type(e, x->args[0]->type), element = snapshot_element_type(e->shared->snapshot, type);
    if (!emit_flat_array(e, x->args[0], &array))
        return false;
    *ret = text_of(e, "json_each(%.*s) AS %.*s", STR_FMT(array.sql), STR_FMT(alias));
    *column = (struct fragment){ .sql = from_json(e, element, text_of(e, "%.*s.value", STR_FMT(alias))),
                                 .simple = true,
                                 .scale = -1 };
    return ret->p && column->sql.p;
}

/* generate_series over integers counts by a recursive query; with columns in its arguments it must become one JSON
 * value. */
static bool emit_series(struct emitter *e, const struct expr *x, struct str alias, struct str *ret,
                        struct fragment *column, struct str *ordinal)
{
    struct fragment from, to, step = { .sql = STR("1") };
    if (!emit_value(e, x->args[0], &from) || !emit_value(e, x->args[1], &to) ||
        (x->n_args > 2 && !emit_value(e, x->args[2], &step)))
        return false;
    const struct str a = from.sql, b = to.sql, s = step.sql;
    struct str name = unique_name(e, STR("n")), raise = emit_raise(e, "22023", STR("step size cannot equal zero"));
    bool constant =
        is_constant_expr(x->args[0]) && is_constant_expr(x->args[1]) && (x->n_args < 3 || is_constant_expr(x->args[2]));
    struct str body;
    if (x->n_args < 3)
        body = text_of(e,
                       "WITH RECURSIVE %.*s(c0) AS (SELECT %.*s WHERE %.*s <= %.*s UNION ALL SELECT c0+1 FROM %.*s "
                       "WHERE c0 < %.*s) SELECT c0 FROM %.*s",
                       STR_FMT(name), STR_FMT(a), STR_FMT(a), STR_FMT(b), STR_FMT(name), STR_FMT(b), STR_FMT(name));
    else
        body = text_of(e,
                       "WITH RECURSIVE %.*s(c0) AS (SELECT %.*s WHERE CASE WHEN %.*s = 0 THEN %.*s WHEN %.*s > 0 THEN "
                       "%.*s <= %.*s ELSE %.*s >= %.*s END "
                       "UNION ALL SELECT c0+%.*s FROM %.*s WHERE CASE WHEN %.*s > 0 THEN c0+%.*s <= %.*s ELSE c0+%.*s "
                       ">= %.*s END) SELECT c0 FROM %.*s",
                       STR_FMT(name), STR_FMT(a), STR_FMT(s), STR_FMT(raise), STR_FMT(s), STR_FMT(a), STR_FMT(b),
                       STR_FMT(a), STR_FMT(b), STR_FMT(s), STR_FMT(name), STR_FMT(s), STR_FMT(s), STR_FMT(b),
                       STR_FMT(s), STR_FMT(b), STR_FMT(name));
    if (!name.p || !body.p)
        return false;
    *ret = constant ? text_of(e, "(%.*s) AS %.*s", STR_FMT(body), STR_FMT(alias))
                    : text_of(e, "json_each((SELECT json_group_array(c0) FROM (%.*s))) AS %.*s", STR_FMT(body),
                              STR_FMT(alias));
    *column = (struct fragment){ .sql = text_of(e, "%.*s.%s", STR_FMT(alias), constant ? "c0" : "value"),
                                 .simple = true,
                                 .scale = -1 };
    if (constant)
        *ordinal = text_of(e, "((%.*s - %.*s) / %.*s + 1)", STR_FMT(column->sql), STR_FMT(a), STR_FMT(s));
    return ret->p && column->sql.p && ordinal->p;
}

static bool emit_json_texts(struct emitter *e, const struct expr *x, struct str alias, struct str *ret,
                            struct fragment *column)
{
    struct fragment document;
    struct str local = emit_raise_local(e);
    if (!emit_value(e, x->args[0], &document))
        return false;
    const struct str d = document.sql, a = alias, doubt = emit_json_doubt(e, x->args[0], d);
    struct str list = text_of(e,
                              "CASE json_type(%.*s) WHEN 'array' THEN %.*s WHEN NULL THEN NULL ELSE iif(%.*s IS NULL, "
                              "NULL, %.*s) END",
                              STR_FMT(d), STR_FMT(d), STR_FMT(d), STR_FMT(local));
    *ret = doubt.n ? text_of(e, "json_each(CASE WHEN %.*s THEN %.*s ELSE %.*s END) AS %.*s", STR_FMT(doubt),
                             STR_FMT(local), STR_FMT(list), STR_FMT(a))
                   : text_of(e, "json_each(%.*s) AS %.*s", STR_FMT(list), STR_FMT(a));
    *column = (struct fragment){ .scale = -1 };
    column->sql = text_of(e,
                          "CASE %.*s.type WHEN 'text' THEN %.*s.value WHEN 'integer' THEN CAST(%.*s.value AS TEXT) "
                          "WHEN 'true' THEN 'true' "
                          "WHEN 'false' THEN 'false' WHEN 'null' THEN NULL ELSE %.*s END",
                          STR_FMT(a), STR_FMT(a), STR_FMT(a), STR_FMT(local));
    return list.p && ret->p && column->sql.p;
}

/* The local function gives a JSON array: of values, or of arrays when there are several columns. */
static bool emit_own_set(struct emitter *e, const struct expr *x, const struct rte *rte, struct str alias,
                         struct str *ret, struct fragment *columns, size_t n)
{
    struct str list = STR(""), types = STR("");
    const struct emission *row = emission_find(x->call.proc);
    if (!row || !row->local || e->target == TARGET_D1)
        return blocked(e, x->location, "set-returning function %s() here", x->call.proc->name);
    for (size_t i = 0; i < x->n_args; i++) {
        struct fragment f;
        if (!emit_value(e, x->args[i], &f))
            return false;
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? ", " : "", STR_FMT(f.sql));
        types = text_of(e, "%.*s%u, ", STR_FMT(types), base_type(e, x->args[i]->type));
    }
    if (!(row->flags & FUNCTION_TYPES))
        types = STR("");
    struct str name = emit_own_name(e, row);
    if (name.p && !local_has_function(name))
        return blocked(e, x->location, "set-returning function %s()", x->call.proc->name);
    *ret =
        text_of(e, "json_each(%.*s(%.*s%.*s)) AS %.*s", STR_FMT(name), STR_FMT(types), STR_FMT(list), STR_FMT(alias));
    for (size_t i = 0; i < n; i++) {
        struct str value = n == 1 ? text_of(e, "%.*s.value", STR_FMT(alias))
                                  : text_of(e, "json_extract(%.*s.value,'$[%zu]')", STR_FMT(alias), i);
        oid_t type = rte ? rte->columns[i].type : x->type;
        columns[i] = (struct fragment){ .sql = from_json(e, type, value), .scale = -1 };
    }
    return ret->p != NULL;
}

/* json_to_recordset(…) AS x(a int, b text), json_populate_recordset(NULL::table, …): fields by name, read as the types of the
 * columns. */
static bool emit_recordset(struct emitter *e, const struct expr *x, const struct rte *rte, struct str alias,
                           struct str *ret, struct fragment *columns, size_t n)
{
    struct fragment document;
    const struct relation *table = snapshot_relation_of_rows(e->shared->snapshot, x->type);
    if (e->target == TARGET_D1)
        return blocked(e, x->location, "%s() here", x->call.proc->name);
    if (!rte || !emit_value(e, x->args[x->n_args - 1], &document))
        return false;
    *ret = text_of(e, "json_each(pg_%s(%.*s)) AS %.*s", x->call.proc->source, STR_FMT(document.sql), STR_FMT(alias));
    for (size_t i = 0; i < n; i++) {
        /* an alias may have renamed the columns of a table */
        struct str name = emit_text_literal(table ? table->columns[i].name : rte->columns[i].name, e->arena);
        columns[i] = (struct fragment){ .scale = -1 };
        struct str labels = enum_labels(e, rte->columns[i].type);
        columns[i].sql = text_of(e, "pg1_json_field(%.*s.value,%.*s,%u,%d%s%.*s)", STR_FMT(alias), STR_FMT(name),
                                 base_type(e, rte->columns[i].type), (int)rte->columns[i].typmod, labels.n ? "," : "",
                                 STR_FMT(labels));
        if (!name.p || !labels.p || !columns[i].sql.p)
            return false;
    }
    return ret->p != NULL;
}

bool emit_set_function(struct emitter *e, const struct expr *x, const struct rte *rte, struct str wanted,
                       struct str *ret, struct fragment *columns, size_t n_columns, struct str *ret_ordinal)
{
    struct str alias =
        unique_name(e, wanted.n ? wanted : str_from(x->kind == EXPR_FUNC ? x->call.proc->name : "value"));
    if (!alias.p)
        return false;
    *ret_ordinal = text_of(e, "(%.*s.key + 1)", STR_FMT(alias));
    if (x->kind == EXPR_FUNC) {
        if (is_source(x, "array_unnest"))
            return emit_unnest(e, x, alias, ret, columns);
        if (is_source(x, "generate_series_int") || is_source(x, "generate_series_step_int"))
            return emit_series(e, x, alias, ret, columns, ret_ordinal);
        if ((is_source(x, "json_array_elements_text") || is_source(x, "jsonb_array_elements_text")) &&
            e->target == TARGET_D1 && !e->shared->settings->force_local)
            return emit_json_texts(e, x, alias, ret, columns);
        if (is_source(x, "json_to_record") || is_source(x, "jsonb_to_record") || is_source(x, "json_populate_record") ||
            is_source(x, "jsonb_populate_record"))
            return emit_recordset(e, x, rte, alias, ret, columns, n_columns);
        if (x->call.proc->returns_set)
            return emit_own_set(e, x, rte, alias, ret, columns, n_columns);
    }
    struct fragment f;
    if (n_columns != 1)
        return blocked(e, x->location, "this function in FROM");
    if (!emit_expr(e, x, &f) || !json_element(e, x->type, &f))
        return false;
    *ret = text_of(e, "json_each(json_array(%.*s)) AS %.*s", STR_FMT(f.sql), STR_FMT(alias));
    columns[0] =
        (struct fragment){ .sql = from_json(e, x->type, text_of(e, "%.*s.value", STR_FMT(alias))), .scale = -1 };
    return ret->p && columns[0].sql.p;
}

/* ---- range table entries ---- */

/* The rows of a temporary table that D1 does not have: they travel as JSON, and each cell is what it was. */
static bool travelling_rows(struct emitter *e, const struct relation *r, struct str *ret)
{
    struct bind b = { .source = BIND_TEMPORARY, .type = TYPE_OID_text, .typmod = -1, .relation = r };
    struct fragment bound;
    struct str list = STR("");
    if (r->kind != RELATION_TABLE)
        return blocked(e, -1, "a temporary sequence along with permanent tables");
    if (!emit_bind(e, &b, &bound))
        return false;
    for (size_t i = 0; i < r->n_columns && list.p; i++) {
        const struct type_info *t = type_find(base_type(e, r->columns[i].type));
        enum type_storage storage = t ? t->storage : STORAGE_TEXT;
        struct str name = emit_identifier(r->columns[i].name, e->arena);
        struct str cell = text_of(e, "json_extract(value,'$[%zu]')", i);
        if (storage == STORAGE_BLOB)
            cell = text_of(e, "unhex(%.*s)", STR_FMT(cell));
        else if (storage == STORAGE_INTEGER)
            cell = text_of(e, "CAST(%.*s AS INTEGER)", STR_FMT(cell));
        if (!name.p || !cell.p)
            return err_is_set(e->err) ? false : err_oom(e->err);
        list = text_of(e, "%.*s%s%.*s AS %.*s", STR_FMT(list), i ? ", " : "", STR_FMT(cell), STR_FMT(name));
    }
    *ret = list.p ? text_of(e, "(SELECT %.*s FROM json_each(%.*s))", STR_FMT(list), STR_FMT(bound.sql)) : list;
    return ret->p != NULL;
}

static bool emit_relation_rte(struct emitter *e, const struct query *q, int index, struct str *ret)
{
    const struct rte *rte = &q->rtable[index];
    const struct relation *r = rte->relation;
    struct emitted_rte *m = &e->level->rtes[index];
    if (e->target == TARGET_LOCAL && !r->is_system) {
        bool done;
        return fetch_rte(e, q, index, ret, &done);
    }
    if (r->is_system && e->target == TARGET_D1)
        return blocked(e, -1, "system relation %.*s here", STR_FMT(r->name));
    struct str alias = unique_name(e, rte->alias), name = { 0 };
    if (r->is_temporary && e->shared->settings->takes_rows) {
        if (!travelling_rows(e, r, &name))
            return false;
    } else {
        name = relation_source(e, r);
    }
    if (!alias.p || !name.p || !relation_columns(e, r, rte, alias, &m->columns))
        return err_is_set(e->err) ? false : err_oom(e->err);
    if (r->is_system)
        e->shared->needs_catalog = true;
    else
        add_read(e, r);
    m->alias = alias;
    *ret = str_eq(alias, name) ? name : text_of(e, "%.*s AS %.*s", STR_FMT(name), STR_FMT(alias));
    if (e->shared->settings->in_row_order && r->kind == RELATION_TABLE && !r->is_system)
        *ret = text_of(e, "%.*s NOT INDEXED", STR_FMT(*ret));
    return ret->p != NULL;
}

/* Columns of a subquery as the elements of one JSON array per row. */
static bool lateral_subquery(struct emitter *e, const struct rte *rte, struct str select,
                             const struct select_output *out, struct emitted_rte *m, struct str *ret)
{
    struct str list = STR(""), alias = unique_name(e, rte->alias.n ? rte->alias : STR("lateral"));
    m->columns = ARENA_ARRAY(e->arena, struct fragment, out->n);
    if (!m->columns || !alias.p)
        return err_oom(e->err);
    for (size_t i = 0; i < out->n; i++) {
        struct fragment f = out->columns[i];
        oid_t type = rte->columns[i].type;
        f.sql = text_of(e, "c%zu", i);
        struct str value = text_of(e, "json_extract(%.*s.value,'$[%zu]')", STR_FMT(alias), i);
        m->columns[i] = f;
        if (f.form == FORM_NATURAL) {
            if (!json_element(e, type, &f))
                return false;
            value = from_json(e, type, value);
        }
        m->columns[i].sql = value;
        m->columns[i].simple = false;
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(f.sql));
    }
    *ret = text_of(e, "json_each((SELECT json_group_array(json_array(%.*s)) FROM (%.*s))) AS %.*s", STR_FMT(list),
                   STR_FMT(select), STR_FMT(alias));
    return ret->p != NULL;
}

static bool emit_subquery_rte(struct emitter *e, const struct query *q, int index, struct str *ret)
{
    const struct rte *rte = &q->rtable[index];
    struct emitted_rte *m = &e->level->rtes[index];
    struct str select;
    struct select_output out;
    if (e->target == TARGET_LOCAL && !rte->lateral) {
        bool done = false;
        if (!fetch_rte(e, q, index, ret, &done))
            return false;
        if (done)
            return true;
    }
    struct level *level = e->level;
    if (rte->is_same_level)
        e->level = level->parent;
    bool ok = emit_select(e, rte->subquery, false, &select, &out);
    e->level = level;
    if (!ok)
        return false;
    if (rte->lateral)
        return lateral_subquery(e, rte, select, &out, m, ret);
    if (!materialize_volatile(e, rte->subquery, &select))
        return false;
    struct str alias = unique_name(e, rte->alias.n ? rte->alias : STR("subquery"));
    if (!alias.p || !numbered_columns(e, alias, "c", 0, out.columns, out.n, &m->columns))
        return false;
    *ret = text_of(e, "(%.*s) AS %.*s", STR_FMT(select), STR_FMT(alias));
    return ret->p != NULL;
}

static bool look_var(struct expr *x, void *ctx)
{
    *(bool *)ctx |= x->kind == EXPR_VAR || x->kind == EXPR_WHOLE_ROW || x->kind == EXPR_SUBLINK;
    return !*(bool *)ctx;
}

/* One of several functions, as if it stood alone. */
static struct rte part_of(const struct rte *rte, size_t function, size_t first)
{
    struct rte part = *rte;
    part.columns += first;
    part.n_columns = rte->function_columns[function];
    part.functions += function;
    part.function_columns += function;
    part.n_functions = 1;
    part.with_ordinality = false;
    return part;
}

/* name AS MATERIALIZED (SELECT … AS o, … AS c0 …), its columns by their numbers in the whole. */
static bool emit_one_of_functions(struct emitter *e, const struct rte *part, size_t first, struct str name,
                                  struct fragment *columns, struct str *ret)
{
    struct str from, ordinal, list;
    if (!emit_set_function(e, part->functions[0], part, (struct str){ 0 }, &from, columns, part->n_columns, &ordinal))
        return false;
    list = text_of(e, "%.*s AS o", STR_FMT(ordinal));
    for (size_t i = 0; i < part->n_columns && list.p; i++)
        list = text_of(e, "%.*s, %.*s AS c%zu", STR_FMT(list), STR_FMT(columns[i].sql), first + i);
    *ret = text_of(e, "%.*s AS MATERIALIZED (SELECT %.*s FROM %.*s)", STR_FMT(name), STR_FMT(list), STR_FMT(from));
    return list.p && ret->p;
}

/* The parts of a ROWS FROM as WITH queries, what counts and joins them. columns: of all parts. */
struct side_by_side {
    struct str with, counts, joins, list;
    struct str numbers; /* the name of the numbers 1, 2, … up to the longest part */
};

static bool emit_parts(struct emitter *e, const struct rte *rte, struct fragment *columns, struct side_by_side *s)
{
    size_t first = 0;
    *s = (struct side_by_side){ .numbers = unique_name(e, STR("rows")) };
    for (size_t i = 0; i < rte->n_functions && s->numbers.p; i++) {
        struct rte part = part_of(rte, i, first);
        struct str name = unique_name(e, STR("part")), body;
        if (!name.p || !emit_one_of_functions(e, &part, first, name, columns + first, &body))
            return false;
        s->with = text_of(e, "%.*s%s%.*s", STR_FMT(s->with), i ? ", " : "", STR_FMT(body));
        s->counts = text_of(e, "%.*s%s(SELECT count(*) FROM %.*s)", STR_FMT(s->counts), i ? "," : "", STR_FMT(name));
        s->joins = text_of(e, "%.*s LEFT JOIN %.*s ON %.*s.o = %.*s.o", STR_FMT(s->joins), STR_FMT(name), STR_FMT(name),
                           STR_FMT(s->numbers));
        for (size_t k = 0; k < part.n_columns && s->joins.p; k++, first++)
            s->list = text_of(e, "%.*s%sc%zu", STR_FMT(s->list), first ? ", " : "", first);
    }
    if (rte->with_ordinality) {
        columns[first] = (struct fragment){ .simple = true, .scale = -1 };
        s->list = text_of(e, "%.*s, %.*s.o AS c%zu", STR_FMT(s->list), STR_FMT(s->numbers), first);
    }
    return s->numbers.p && s->with.p && s->counts.p && s->joins.p && s->list.p;
}

bool emit_functions(struct emitter *e, const struct rte *rte, struct emitted_rte *m, struct str *ret)
{
    struct side_by_side s;
    struct fragment *columns = ARENA_ARRAY(e->arena, struct fragment, rte->n_columns);
    bool has_vars = false;
    for (size_t i = 0; i < rte->n_functions; i++)
        expr_walk(rte->functions[i], look_var, &has_vars);
    if (!columns)
        return err_oom(e->err);
    if (!emit_parts(e, rte, columns, &s))
        return false;
    /* Numbers up to the longest: a UNION of the parts would soon be longer than D1 takes. */
    struct str select =
        text_of(e,
                "WITH RECURSIVE %.*s, %.*s(o) AS (SELECT 1 WHERE max(%.*s) > 0 UNION ALL SELECT o + 1 FROM %.*s WHERE "
                "o < max(%.*s)) SELECT %.*s FROM %.*s%.*s",
                STR_FMT(s.with), STR_FMT(s.numbers), STR_FMT(s.counts), STR_FMT(s.numbers), STR_FMT(s.counts),
                STR_FMT(s.list), STR_FMT(s.numbers), STR_FMT(s.joins));
    if (!select.p)
        return false;
    if (has_vars) {
        struct select_output out = { .columns = columns, .n = rte->n_columns };
        return lateral_subquery(e, rte, select, &out, m, ret);
    }
    struct str alias = unique_name(e, rte->alias.n ? rte->alias : STR("functions"));
    *ret = text_of(e, "(%.*s) AS %.*s", STR_FMT(select), STR_FMT(alias));
    return alias.p && ret->p && numbered_columns(e, alias, "c", 0, columns, rte->n_columns, &m->columns);
}

static bool emit_function_rte(struct emitter *e, const struct query *q, int index, struct str *ret)
{
    const struct rte *rte = &q->rtable[index];
    struct emitted_rte *m = &e->level->rtes[index];
    struct str ordinal;
    size_t n = rte->n_columns - (rte->with_ordinality ? 1 : 0);
    if (rte->n_functions != 1)
        return emit_functions(e, rte, m, ret);
    m->columns = ARENA_ARRAY(e->arena, struct fragment, rte->n_columns);
    if (!m->columns)
        return err_oom(e->err);
    struct fragment *columns = m->columns;
    m->columns = NULL; /* it cannot refer to itself */
    if (!emit_set_function(e, rte->functions[0], rte, rte->alias, ret, columns, n, &ordinal))
        return false;
    if (rte->with_ordinality)
        columns[n] = (struct fragment){ .sql = ordinal, .simple = true, .scale = -1 };
    m->columns = columns;
    return true;
}

static bool emit_values_rte(struct emitter *e, const struct query *q, int index, struct str *ret)
{
    const struct rte *rte = &q->rtable[index];
    struct emitted_rte *m = &e->level->rtes[index];
    struct str rows;
    struct fragment *forms = ARENA_ARRAY(e->arena, struct fragment, rte->n_columns);
    if (!forms)
        return err_oom(e->err);
    if (!emit_values_rows(e, rte->rows, rte->n_rows, rte->n_columns, &rows, forms))
        return false;
    struct str alias = unique_name(e, rte->alias.n ? rte->alias : STR("values"));
    if (!alias.p || !numbered_columns(e, alias, "column", 1, forms, rte->n_columns, &m->columns))
        return false;
    *ret = text_of(e, "(%.*s) AS %.*s", STR_FMT(rows), STR_FMT(alias));
    return ret->p != NULL;
}

/* Another statement's WITH query: D1 has no name for it here. */
static bool inline_cte(struct emitter *e, const struct query *q, int index, struct str *ret)
{
    const struct rte *rte = &q->rtable[index];
    struct str select;
    struct select_output out;
    if (cte_is_another(rte->cte))
        return blocked(e, -1, "WITH query \"%.*s\", whose values are others each time it is worked out, here",
                       STR_FMT(rte->cte->name));
    bool ok = rte->cte->query->command == COMMAND_SELECT ? emit_select(e, rte->cte->query, false, &select, &out)
                                                         : rewrite_changing_with_read(e, rte->cte, &select, &out);
    struct str alias = ok ? unique_name(e, rte->alias.n ? rte->alias : rte->cte->name) : (struct str){ 0 };
    if (!alias.p || !numbered_columns(e, alias, "c", 0, out.columns, out.n, &e->level->rtes[index].columns))
        return false;
    *ret = text_of(e, "(%.*s) AS %.*s", STR_FMT(select), STR_FMT(alias));
    return ret->p != NULL;
}

static bool emit_cte_rte(struct emitter *e, const struct query *q, int index, struct str *ret)
{
    const struct rte *rte = &q->rtable[index];
    const struct cte_name *c = e->shared->ctes;
    while (c && (c->cte != rte->cte || c->target != e->target))
        c = c->next;
    if (!c && e->target == TARGET_D1 && !rte->cte->recursive)
        return inline_cte(e, q, index, ret);
    if (!c)
        return blocked(e, -1, "a reference to WITH query \"%.*s\" here", STR_FMT(rte->cte->name));
    struct str alias = unique_name(e, rte->alias.n ? rte->alias : rte->cte->name);
    if (!alias.p || !numbered_columns(e, alias, "c", 0, c->columns, rte->n_columns, &e->level->rtes[index].columns))
        return false;
    *ret = text_of(e, "%.*s AS %.*s", STR_FMT(c->name), STR_FMT(alias));
    return ret->p != NULL;
}

static bool emit_rte(struct emitter *e, const struct query *q, int index, struct str *ret)
{
    switch (q->rtable[index].kind) {
    case RTE_RELATION:
        return emit_relation_rte(e, q, index, ret);
    case RTE_SUBQUERY:
        return emit_subquery_rte(e, q, index, ret);
    case RTE_FUNCTION:
        return emit_function_rte(e, q, index, ret);
    case RTE_VALUES:
        return emit_values_rte(e, q, index, ret);
    case RTE_CTE:
        return emit_cte_rte(e, q, index, ret);
    case RTE_JOIN:
    case RTE_RESULT:
        break;
    }
    return err_set(e->err, SQLSTATE_INTERNAL_ERROR, "a join or EXCLUDED stands as a FROM item");
}

/* ---- joins ---- */

static bool emit_item(struct emitter *e, const struct query *q, const struct from_item *item, struct str *ret);

/* The columns of the tables under a join, by new names; from now on they are read by those. */
struct join_names {
    struct str alias, list;
    size_t n;
};

static bool name_columns(struct emitter *e, const struct query *q, const struct from_item *item,
                         struct join_names *names)
{
    if (item->kind == FROM_JOIN)
        return name_columns(e, q, item->left, names) && name_columns(e, q, item->right, names);
    const struct rte *rte = &q->rtable[item->rte];
    struct fragment *columns = e->level->rtes[item->rte].columns;
    for (size_t i = 0; columns && i < rte->n_columns + rte->n_hidden; i++) {
        names->list = text_of(e, "%.*s%s%.*s AS c%zu", STR_FMT(names->list), names->n ? ", " : "",
                              STR_FMT(columns[i].sql), names->n);
        columns[i].sql = text_of(e, "%.*s.c%zu", STR_FMT(names->alias), names->n++);
        columns[i].simple = true;
        if (!names->list.p || !columns[i].sql.p)
            return false;
    }
    return true;
}

static size_t count_columns(const struct query *q, const struct from_item *item)
{
    if (item->kind == FROM_JOIN)
        return count_columns(q, item->left) + count_columns(q, item->right);
    return q->rtable[item->rte].n_columns + q->rtable[item->rte].n_hidden;
}

/* In a view's text: ALTER TABLE does not find what is under such parentheses, and refuses every table with 55000. */
static bool is_kept(const struct emitter *e)
{
    return e->inline_constants && !e->raw_cells;
}

static bool name_enclosed(struct emitter *e, const struct query *q, const struct from_item *item, struct str *text)
{
    enum { RESULT_COLUMNS = 100 };
    struct join_names names = { .alias = unique_name(e, STR("joined")), .list = STR("") };
    if (count_columns(q, item) > RESULT_COLUMNS)
        return true;
    if (!names.alias.p || !name_columns(e, q, item, &names))
        return false;
    *text = text_of(e, "(SELECT %.*s FROM %.*s) AS %.*s", STR_FMT(names.n ? names.list : STR("1")), STR_FMT(*text),
                    STR_FMT(names.alias));
    return text->p != NULL;
}

/* A join in parentheses: SQLite makes a subquery of it, from where nothing beside it is in reach. */
static bool emit_enclosed(struct emitter *e, const struct query *q, const struct from_item *item, struct str *ret)
{
    const struct from_item *around = e->level->inside;
    struct str text = { 0 };
    e->level->inside = item;
    bool ok = emit_item(e, q, item, &text);
    e->level->inside = around;
    struct str bare = text;
    if (!ok || (is_kept(e) && !name_enclosed(e, q, item, &text)))
        return false;
    *ret = text.p == bare.p ? text_of(e, "(%.*s)", STR_FMT(text)) : text;
    return ret->p != NULL;
}

/* Answers which one was printed before. */
static enum part_printed print_part(struct level *level, enum part_printed part)
{
    enum part_printed before = level ? level->part_printed : PRINTS_ALL;
    if (level)
        level->part_printed = part;
    return before;
}

static bool emit_on(struct emitter *e, const struct expr *on, struct fragment *ret)
{
    enum part_printed before = print_part(e->level, PRINTS_ON);
    bool ok = emit_condition(e, on, ret);
    print_part(e->level, before);
    return ok;
}

static bool emit_item(struct emitter *e, const struct query *q, const struct from_item *item, struct str *ret)
{
    static const char *const words[] = { [JOIN_CROSS] = "JOIN",
                                         [JOIN_INNER] = "JOIN",
                                         [JOIN_LEFT] = "LEFT JOIN",
                                         [JOIN_RIGHT] = "RIGHT JOIN",
                                         [JOIN_FULL] = "FULL JOIN" };
    if (item->kind == FROM_RTE)
        return emit_rte(e, q, item->rte, ret);
    struct str left, right;
    struct fragment on = { .sql = STR("") };
    if (e->depth >= EMIT_MAX_DEPTH)
        return refused(e, -1, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    e->depth++;
    bool nested = item->right->kind == FROM_JOIN;
    bool ok = emit_item(e, q, item->left, &left) &&
              (nested ? emit_enclosed(e, q, item->right, &right) : emit_item(e, q, item->right, &right)) &&
              (!item->on || emit_on(e, item->on, &on));
    e->depth--;
    if (!ok)
        return false;
    *ret = text_of(e, "%.*s %s %.*s%s%.*s", STR_FMT(left), words[item->join], STR_FMT(right), on.sql.n ? " ON " : "",
                   STR_FMT(on.sql));
    return ret->p != NULL;
}

static bool has_right_join(const struct from_item *item)
{
    return item->kind == FROM_JOIN && (item->join == JOIN_RIGHT || item->join == JOIN_FULL ||
                                       has_right_join(item->left) || has_right_join(item->right));
}

static bool emit_items(struct emitter *e, const struct query *q, struct str *ret)
{
    struct str text = STR("");
    for (size_t i = 0; i < q->n_from; i++) {
        struct str item;
        /* SQLite reads `a, b RIGHT JOIN c` from the left; PostgreSQL joins b and c first */
        bool nested = i > 0 && has_right_join(q->from[i]);
        if (!(nested ? emit_enclosed(e, q, q->from[i], &item) : emit_item(e, q, q->from[i], &item)))
            return false;
        text = text_of(e, "%.*s%s%.*s", STR_FMT(text), i ? ", " : "", STR_FMT(item));
        if (!text.p)
            return false;
    }
    *ret = text;
    return true;
}

bool emit_from(struct emitter *e, const struct query *q, struct str *ret)
{
    enum part_printed before = print_part(e->level, PRINTS_FROM);
    bool ok = emit_items(e, q, ret);
    print_part(e->level, before);
    return ok;
}

static bool item_makes_null(const struct from_item *item, int rte)
{
    if (item->kind == FROM_RTE || !item_has(item, rte))
        return false;
    bool in_left = item_has(item->left, rte);
    bool here =
        item->join == JOIN_FULL || (item->join == JOIN_LEFT && !in_left) || (item->join == JOIN_RIGHT && in_left);
    return here || item_makes_null(in_left ? item->left : item->right, rte);
}

bool rte_is_nullable(const struct query *q, int rte)
{
    for (size_t i = 0; i < q->n_from; i++)
        if (item_makes_null(q->from[i], rte))
            return true;
    return false;
}
