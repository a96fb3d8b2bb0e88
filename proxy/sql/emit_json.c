/* emit_json.c - json and jsonb in D1: reading by path where SQLite's answer is PostgreSQL's; see emit_internal.h. */
#include "proxy/sql/emit_internal.h"

enum json_step { STEP_FIELD, STEP_ELEMENT, STEP_PATH };

static const struct json_row {
    const char *source;
    enum json_step step;
    bool as_text;
} rows[] = {
    { "json_object_field", STEP_FIELD, false },        { "jsonb_object_field", STEP_FIELD, false },
    { "json_object_field_text", STEP_FIELD, true },    { "jsonb_object_field_text", STEP_FIELD, true },
    { "json_array_element", STEP_ELEMENT, false },     { "jsonb_array_element", STEP_ELEMENT, false },
    { "json_array_element_text", STEP_ELEMENT, true }, { "jsonb_array_element_text", STEP_ELEMENT, true },
    { "json_extract_path", STEP_PATH, false },         { "jsonb_extract_path", STEP_PATH, false },
    { "json_extract_path_text", STEP_PATH, true },     { "jsonb_extract_path_text", STEP_PATH, true },
};

static const struct json_row *row_of(const struct expr *x)
{
    if (x->kind != EXPR_FUNC)
        return NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(rows[i].source, x->call.proc->source) == 0)
            return &rows[i];
    return NULL;
}

/* In an index or a check the step stands in the text. */
static bool inline_step(struct emitter *e, const struct json_row *row, const struct expr *x, struct str *ret)
{
    const struct expr *key = without_relabel(x->args[1]);
    bool constant = key->kind == EXPR_CONST && !key->constant.is_null && row->step != STEP_PATH;
    if (constant && key->constant.value.class == VALUE_INTEGER) {
        long long n = (long long)key->constant.value.integer;
        *ret = text_of(e, n < 0 ? "'[#%lld]'" : "'[%lld]'", n);
        return ret->p != NULL;
    }
    struct str name =
        constant && key->constant.value.class == VALUE_TEXT ? key->constant.value.bytes : (struct str){ 0 };
    if (!name.p || memchr(name.p, '"', name.n) || memchr(name.p, '\\', name.n))
        return blocked(e, x->location, "this path of JSON here");
    *ret = emit_text_literal(text_of(e, ".\"%.*s\"", STR_FMT(name)), e->arena);
    return ret->p || err_oom(e->err);
}

/* The text of one step of a path: ."key", [n] or several; constants only. */
static bool path_step(struct emitter *e, const struct json_row *row, const struct expr *x, struct str *ret)
{
    const struct expr *key = x->args[1];
    struct fragment f;
    enum bind_form form = row->step == STEP_PATH ? BIND_JSON_PATH : BIND_JSON_KEY;
    if (x->n_args != 2 || !is_constant_expr(key))
        return blocked(e, x->location, "a path of JSON that is not constant here");
    if (e->inline_constants)
        return inline_step(e, row, x, ret);
    if (key->kind != EXPR_CONST && key->kind != EXPR_PARAM) {
        if (!emit_prelude(e, key, form, 0, &f))
            return err_is_set(e->err) ? false : blocked(e, x->location, "a path of JSON that is not constant here");
    } else {
        struct bind b = bind_of_expr(key);
        b.type = base_type(e, key->type);
        b.form = form;
        if (!emit_bind(e, &b, &f))
            return false;
    }
    *ret = f.sql;
    return true;
}

/* x -> 'a' -> 0 on its way down to the document. */
struct chain {
    struct str document, path; /* SQL */
    struct str doubtful;       /* json: SQL that is true where SQLite reads otherwise than PostgreSQL; empty: nowhere */
};

/* json keeps what was written, and PostgreSQL takes the last of equal keys, SQLite the first. */
static bool doubt_equal_keys(struct emitter *e, const struct json_row *row, const struct expr *x, struct chain *chain)
{
    if (base_type(e, x->args[0]->type) == TYPE_OID_jsonb || row->step == STEP_ELEMENT)
        return true;
    const struct str *d = &chain->document;
    if (e->inline_constants) { /* no subquery here: json_patch() keeps the last of the first step's keys, but drops nulls */
        if (!row->as_text || row->step != STEP_FIELD || !str_eq(chain->path, STR("'$'")))
            return blocked(e, x->location, "this path of json, where keys may stand twice (jsonb has no equal keys)");
        chain->document = text_of(e, "json_patch('{}',%.*s)", STR_FMT(*d));
        return chain->document.p != NULL;
    }
    const char * or = chain->doubtful.n ? " OR " : "";
    chain->doubtful = row->step == STEP_PATH
                          ? text_of(e, "%.*s%s(SELECT count(*) > count(DISTINCT fullkey) FROM json_tree(%.*s))",
                                    STR_FMT(chain->doubtful), or, STR_FMT(*d))
                          : text_of(e, "%.*s%s(SELECT count(key) > count(DISTINCT key) FROM json_each(%.*s,%.*s))",
                                    STR_FMT(chain->doubtful), or, STR_FMT(*d), STR_FMT(chain->path));
    return chain->doubtful.p != NULL;
}

/* Appends the step of x to the path. A jsonb scalar is its own element 0 and -1. */
static bool chain_step(struct emitter *e, const struct json_row *row, const struct expr *x, struct chain *chain)
{
    struct str step;
    if (!doubt_equal_keys(e, row, x, chain) || !path_step(e, row, x, &step))
        return false;
    if (row->step == STEP_ELEMENT && base_type(e, x->args[0]->type) == TYPE_OID_jsonb)
        step = text_of(e,
                       "CASE WHEN %.*s IN ('[0]','[#-1]') AND json_type(%.*s,%.*s) NOT IN ('array','object') THEN '' "
                       "ELSE %.*s END",
                       STR_FMT(step), STR_FMT(chain->document), STR_FMT(chain->path), STR_FMT(step));
    chain->path = text_of(e, "%.*s||%.*s", STR_FMT(chain->path), STR_FMT(step));
    return step.p && chain->path.p;
}

struct str emit_json_doubt(struct emitter *e, const struct expr *x, struct str document)
{
    if (e->no_guards || base_type(e, x->type) != TYPE_OID_json)
        return (struct str){ 0 };
    return text_of(e, "instr(%.*s,'\\u0000') OR %.*s GLOB '*\\u[dD][89a-fA-F]*'", STR_FMT(document), STR_FMT(document));
}

static bool json_chain(struct emitter *e, const struct expr *x, struct chain *ret)
{
    const struct json_row *row = row_of(x);
    struct fragment document;
    if (row && !row->as_text)
        return json_chain(e, x->args[0], ret) && chain_step(e, row, x, ret);
    if (!emit_value(e, x, &document))
        return false;
    *ret =
        (struct chain){ .document = document.sql, .path = STR("'$'"), .doubtful = emit_json_doubt(e, x, document.sql) };
    return !err_is_set(e->err);
}

/* `sql`, or the local engine's answer where the chain is in doubt. */
static bool chain_result(struct emitter *e, const struct chain *chain, struct str sql, struct fragment *ret)
{
    struct str local = emit_raise_local(e);
    if (chain->doubtful.n)
        sql = text_of(e, "CASE WHEN %.*s THEN %.*s ELSE %.*s END", STR_FMT(chain->doubtful), STR_FMT(local),
                      STR_FMT(sql));
    *ret = (struct fragment){ .sql = sql };
    return sql.p && local.p;
}

bool emit_json_is_null(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    const struct expr *arg = x->args[0];
    const struct json_row *row = row_of(arg);
    struct chain chain;
    if (!row || row->as_text || e->target != TARGET_D1 || e->shared->settings->force_local)
        return true;
    *ret_handled = true;
    if (!json_chain(e, arg, &chain))
        return false;
    struct str test = text_of(e, "(json_type(%.*s,%.*s) IS %sNULL)", STR_FMT(chain.document), STR_FMT(chain.path),
                              x->kind == EXPR_IS_NULL ? "" : "NOT ");
    return test.p && chain_result(e, &chain, test, ret);
}

/* The texts of a constant path '{a,b}': "$.\"a\".\"b\"" and that of its parent. Keys that look like an index are left
 * to the local engine. */
static bool constant_path(struct emitter *e, const struct expr *x, struct str *path, struct str *parent)
{
    if (x->kind != EXPR_CONST || x->constant.is_null || x->constant.value.class != VALUE_TEXT)
        return false;
    struct str json = x->constant.value.bytes, text = STR("$"), before = text;
    mark_structural(e, x);
    for (size_t i = 1; i + 1 < json.n;) {
        size_t end = i + 1;
        while (end < json.n && json.p[end] != '"' && json.p[end] != '\\')
            end++;
        struct str key = { json.p + i + 1, end - i - 1 };
        int64_t index;
        if (json.p[i] != '"' || end >= json.n || json.p[end] == '\\' || str_to_int64(key, &index))
            return false;
        before = text;
        text = text_of(e, "%.*s.\"%.*s\"", STR_FMT(text), STR_FMT(key));
        i = end + 1;
        while (i + 1 < json.n && (json.p[i] == ',' || json.p[i] == ' '))
            i++;
    }
    *path = emit_text_literal(text, e->arena);
    *parent = emit_text_literal(before, e->arena);
    return text.n > 1 && path->p && parent->p;
}

/* jsonb_set(x, '{a,b}', value, create): only where the parent is an object; SQLite would make missing parents,
 * PostgreSQL does not. */
static bool emit_jsonb_set(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    struct str path, parent, local = emit_raise_local(e);
    struct fragment document, value;
    if (strcmp(x->call.proc->source, "jsonb_set") != 0)
        return true;
    *ret_handled = true;
    const struct expr *create = x->args[3];
    if (e->shared->settings->force_local || create->kind != EXPR_CONST || create->constant.is_null ||
        !constant_path(e, x->args[1], &path, &parent))
        return blocked(e, x->location, "jsonb_set() with this path here");
    mark_structural(e, create);
    if (!emit_value(e, x->args[0], &document) || !emit_value(e, x->args[2], &value))
        return false;
    const struct str d = document.sql, v = value.sql;
    *ret = (struct fragment){
        .sql = text_of(e,
                       "CASE WHEN %.*s IS NULL OR %.*s IS NULL THEN NULL WHEN json_type(%.*s,%.*s) = 'object' THEN "
                       "%s(%.*s,%.*s,json(%.*s)) WHEN json_type(%.*s) = 'object' AND json_type(%.*s,%.*s) IS NULL THEN "
                       "%.*s ELSE %.*s END",
                       STR_FMT(d), STR_FMT(v), STR_FMT(d), STR_FMT(parent),
                       create->constant.value.integer ? "json_set" : "json_replace", STR_FMT(d), STR_FMT(path),
                       STR_FMT(v), STR_FMT(d), STR_FMT(d), STR_FMT(parent), STR_FMT(d), STR_FMT(local))
    };
    return ret->sql.p != NULL;
}

bool emit_json_call(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    const struct json_row *row = row_of(x);
    struct chain chain;
    if (e->target != TARGET_D1)
        return true;
    if (!row)
        return emit_jsonb_set(e, x, ret_handled, ret);
    *ret_handled = true;
    /* json keeps its spaces, as SQLite does not; jsonb is printed anew on its way out. */
    bool is_jsonb = base_type(e, x->args[0]->type) == TYPE_OID_jsonb;
    if ((!row->as_text && !is_jsonb) || e->shared->settings->force_local)
        return blocked(e, x->location, "operator -> as a value here");
    if (!json_chain(e, x->args[0], &chain) || !chain_step(e, row, x, &chain))
        return false;
    const struct str d = chain.document, p = chain.path, local = emit_raise_local(e);
    struct str sql =
        !row->as_text ? text_of(e, "(%.*s -> (%.*s))", STR_FMT(d), STR_FMT(p))
                      : text_of(e,
                                "CASE json_type(%.*s,%.*s) WHEN 'text' THEN json_extract(%.*s,%.*s) WHEN 'null' THEN "
                                "NULL WHEN 'object' THEN %.*s WHEN 'array' THEN %.*s ELSE %.*s -> (%.*s) END",
                                STR_FMT(d), STR_FMT(p), STR_FMT(d), STR_FMT(p), STR_FMT(local), STR_FMT(local),
                                STR_FMT(d), STR_FMT(p));
    return sql.p && local.p && chain_result(e, &chain, sql, ret);
}

static struct str json_name(struct emitter *e, struct str name)
{
    struct buf out;
    buf_init(&out, 1024);
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"' || name.p[i] == '\\')
            buf_add_char(&out, '\\');
        buf_add_char(&out, name.p[i]);
    }
    struct str text = arena_str(e->arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

/* The row of a relation is of its own type, whatever a FROM clause calls its columns. */
static struct str field_name(const struct rte *rte, size_t i)
{
    return rte->kind == RTE_RELATION && rte->columns[i].column ? rte->columns[i].column->name : rte->columns[i].name;
}

bool emit_whole_row(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct level *l = e->level;
    struct str text = STR(""), all_null = STR("");
    if (e->target == TARGET_D1)
        return blocked(e, x->location, "a whole row as a value here");
    for (int i = 0; l && i < x->var.levels_up; i++)
        l = l->parent;
    if (!l || x->var.rte < 0)
        return blocked(e, x->location, "a whole row as a value at this place");
    const struct rte *rte = &l->query->rtable[x->var.rte];
    for (size_t i = 0; i < rte->n_columns; i++) {
        struct expr var = {
            .kind = EXPR_VAR, .type = rte->columns[i].type, .typmod = rte->columns[i].typmod, .location = -1
        };
        struct fragment f;
        var.var.levels_up = x->var.levels_up;
        var.var.rte = x->var.rte;
        var.var.column = (int)i;
        if (!emit_value(e, &var, &f) || !emit_blanks(e, &var, &f))
            return false;
        struct str name = emit_text_literal(
            text_of(e, "%s\"%.*s\":", i ? "," : "{", STR_FMT(json_name(e, field_name(rte, i)))), e->arena);
        text = text_of(e, "%.*s%s%.*s||coalesce(pg_to_json(%u,%.*s),'null')", STR_FMT(text), i ? "||" : "",
                       STR_FMT(name), base_type(e, var.type), STR_FMT(f.sql));
        all_null = text_of(e, "%.*s%s%.*s IS NULL", STR_FMT(all_null), i ? " AND " : "", STR_FMT(f.sql));
        if (!text.p || !all_null.p)
            return false;
    }
    bool nullable = rte->kind != RTE_JOIN && rte_is_nullable(l->query, x->var.rte);
    *ret = (struct fragment){ .sql = nullable ? text_of(e, "CASE WHEN %.*s THEN NULL ELSE %.*s||'}' END",
                                                        STR_FMT(all_null), STR_FMT(text))
                                              : text_of(e, "(%.*s||'}')", STR_FMT(text)) };
    return ret->sql.p != NULL;
}
